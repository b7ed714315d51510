#!/usr/bin/env python3
"""mutate.py [--jobs N] [--only TEXT] [--list]

Judges the unit tests of the decision core: changes one operator, constant, enumerator, condition or
statement of it at a time, builds it again and runs the tests. A change that no test notices has
survived: either a test is missing, or the change means the same. Those are listed, each with its
reason, in equivalent_mutants.txt beside this file and do not count.

Run by hand; some fifteen minutes on two processors. Fails below 95 % killed.
"""

import argparse
import collections
import concurrent.futures
import json
import pathlib
import re
import shlex
import subprocess
import sys
import threading

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "mutation"
EQUIVALENT = ROOT / "tests" / "equivalent_mutants.txt"
GOAL = 95.0
SOURCES = ["daemon/engine/decide.cpp", "daemon/ledger/job.cpp", "daemon/ledger/operate.cpp",
           "daemon/policy/breaker.cpp",
           "daemon/policy/budget.cpp", "daemon/policy/http_date.cpp", "daemon/policy/limiter.cpp",
           "daemon/policy/retry.cpp"]

# Binary operators stand between spaces: clang-format sees to it, and templates' brackets do not.
OPERATORS = {"<": ["<=", ">="], "<=": ["<", ">"], ">": [">=", "<="], ">=": [">", "<"],
             "==": ["!="], "!=": ["=="], "&&": ["||"], "||": ["&&"], "+": ["-"], "-": ["+"],
             "*": ["/"], "/": ["*"], "%": ["/"], "&": ["|"], "+=": ["-="], "-=": ["+="]}
ENUMERATORS = {
    "job_state": ["queued", "submitting", "unknown", "deferred", "accepted", "created", "rejected",
                  "expired", "conflict", "held", "cancelled"],
    "verdict": ["applied", "refused", "later", "overloaded", "bad_token", "forbidden", "not_known"],
    "account_signal": ["fine", "overloaded", "token_rejected", "forbidden", "failing"],
    "error_kind": ["invalid_job", "duplicate_reference", "refused", "expired", "conflict",
                   "cancelled"],
    "work_kind": ["none", "submit", "look_up", "read"],
    "progress": ["not_sent", "sent"],
}
NO_STATEMENT = re.compile(
    r"(const|auto|using|struct|class|switch|if|for|while|case|default|namespace|static|constexpr|"
    r"enum|explicit|public|private|return|else|do|template|break|continue|namespace)\b")


class Mutant:
    def __init__(self, source, start, end, text, kind):
        self.source, self.start, self.end, self.text, self.kind = source, start, end, text, kind
        self.verdict = None

    def apply(self, original):
        return original[:self.start] + self.text + original[self.end:]

    def describe(self, original):
        """The line before and after, without its indentation: what stays the same when lines move."""
        first = original.rfind("\n", 0, self.start) + 1
        last = original.find("\n", self.end)
        was = " ".join(original[first:last].split())
        now = " ".join((original[first:self.start] + self.text + original[self.end:last]).split())
        return self.source, was, now or "(nothing)"


def blanked(text):
    """The text with comments, literals of text and preprocessor lines as spaces, of the same length."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'|^#[^\n]*',
                         re.S | re.M)
    return pattern.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), text)


def matching(code, at):
    """The place of the bracket that closes the one at `at`."""
    pairs = {"(": ")", "{": "}", "[": "]"}
    depth = 0
    for place in range(at, len(code)):
        if code[place] in pairs:
            depth += 1
        elif code[place] in pairs.values():
            depth -= 1
            if depth == 0:
                return place
    raise ValueError("unbalanced brackets")


def operator_mutants(source, code):
    for found in re.finditer(r"(?<=\s)(<=|>=|==|!=|&&|\|\||\+=|-=|[-+*/%<>&])(?=\s)", code):
        for other in OPERATORS[found.group()]:
            yield Mutant(source, found.start(), found.end(), other, "operator")
    for found in re.finditer(r"(?<![\w)\]])!(?=[\w(*])", code):
        yield Mutant(source, found.start(), found.end(), "", "negation removed")
    for found in re.finditer(r"\+\+|--", code):
        yield Mutant(source, found.start(), found.end(), "--" if found.group() == "++" else "++",
                     "operator")
    for found in re.finditer(r"\bstd::(min|max)\b", code):
        other = "max" if found.group(1) == "min" else "min"
        yield Mutant(source, found.start(1), found.end(1), other, "min or max")


def condition_mutants(source, code):
    for found in re.finditer(r"\b(?:if|while) \(", code):
        opening = found.end() - 1
        closing = matching(code, opening)
        inside = code[opening + 1:closing]
        if ";" not in inside:
            for value in ("true", "false"):
                yield Mutant(source, opening + 1, closing, value, "condition")


def choice_mutants(source, code, text):
    """c ? a : b becomes c ? b : a."""
    for found in re.finditer(r"\s\? ", code):
        depth, colon = 0, None
        for place in range(found.end(), len(code)):
            if code[place] in "([{":
                depth += 1
            elif depth == 0 and code[place] in ")]};,":
                break
            elif code[place] in ")]}":
                depth -= 1
            elif depth == 0 and colon is None and re.match(r"\s:\s", code[place - 1:place + 2]):
                colon = place
        if colon is not None:
            first, second = text[found.end():colon].strip(), text[colon + 1:place].strip()
            yield Mutant(source, found.end(), place, f"{second} : {first}", "choice")


def constant_mutants(source, code):
    for found in re.finditer(r"(?<![\w.'])(\d[\d']*)(U?)(?![\w.'])", code):
        value = int(found.group(1).replace("'", ""))
        for other in {value + 1, 0} - {value}:
            yield Mutant(source, found.start(), found.end(), f"{other}{found.group(2)}", "constant")
    for found in re.finditer(r"(?<![\w.])\d+\.\d+(?![\w.])", code):
        yield Mutant(source, found.start(), found.end(), str(float(found.group()) * 2), "constant")
    for found in re.finditer(r"\b(true|false)\b", code):
        other = "false" if found.group() == "true" else "true"
        yield Mutant(source, found.start(), found.end(), other, "constant")


def enumerator_mutants(source, code):
    for found in re.finditer(r"\b(\w+)::(\w+)\b", code):
        names = ENUMERATORS.get(found.group(1), [])
        if found.group(2) in names:
            at = names.index(found.group(2))
            for step in {1, len(names) // 2} - {0}:
                other = names[(at + step) % len(names)]
                if other != found.group(2):
                    yield Mutant(source, found.start(2), found.end(2), other, "enumerator")


def statement_mutants(source, code):
    for found in re.finditer(r"(?<=[;{}:)])\s*\n( {4,})(?=[\w*+-])", code):
        start = found.end()
        end = start
        while code[end] not in ";{}":
            end = matching(code, end) + 1 if code[end] in "([" else end + 1
        if code[end] == "{":  # braces within an expression
            continue
        statement = code[start:end]
        jump = re.match(r"(break|return)\b", statement) and len(found.group(1)) > 4
        changes = not NO_STATEMENT.match(statement) and re.search(
            r"^[\w.>*:+\[\]-]+(\(| = | [-+*/]= |$)", statement)
        if code[end] == ";" and (jump or changes):
            yield Mutant(source, start, end, "", "statement removed")


def mutants_of(source):
    text = (ROOT / source).read_text()
    code = blanked(text)
    makers = (operator_mutants(source, code), condition_mutants(source, code),
              choice_mutants(source, code, text), constant_mutants(source, code),
              enumerator_mutants(source, code), statement_mutants(source, code))
    seen = {}
    for maker in makers:
        for mutant in maker:
            seen.setdefault(mutant.apply(text), mutant)
    return text, sorted(seen.values(), key=lambda one: one.start)


def read_equivalent():
    """Blocks of four lines: file, `- ` the line, `+ ` the mutant, and the reason. How many mutants
    of each kind are listed: a line may stand in a source twice, and mean something there once."""
    known = collections.Counter()
    if EQUIVALENT.exists():
        for block in EQUIVALENT.read_text().split("\n\n"):
            lines = [line for line in block.splitlines() if line and not line.startswith("#")]
            if lines:
                known[(lines[0], lines[1][2:], lines[2][2:])] += 1
    return known


class Builder:
    """Compiles one source again, links it with the objects that are there, and runs the tests."""

    def __init__(self, jobs):
        command = ["cmake", "-S", str(ROOT), "-B", str(BUILD), "-G", "Ninja",
                   "-DCMAKE_BUILD_TYPE=Debug",
                   # A mutant that reads past an end stops there, rather than survive by luck.
                   "-DCMAKE_CXX_FLAGS_DEBUG=-O0 -D_GLIBCXX_ASSERTIONS",
                   "-DCMAKE_CXX_COMPILER_LAUNCHER="]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["cmake", "--build", str(BUILD), "-j", str(jobs), "--target",
                        "decision_test"], check=True, stdout=subprocess.DEVNULL)
        entries = json.loads((BUILD / "compile_commands.json").read_text())
        self.compile = {}
        for entry in entries:
            if "decision_test.dir" in entry.get("output", entry["command"]):
                source = str(pathlib.Path(entry["file"]).relative_to(ROOT))
                self.compile[source] = shlex.split(entry["command"])
        wanted = subprocess.run(["ninja", "-C", str(BUILD), "-t", "commands", "bin/decision_test"],
                                check=True, capture_output=True, text=True).stdout
        link = [line for line in wanted.splitlines() if "-o bin/decision_test" in line][-1]
        self.link = [part for part in shlex.split(link.split("&&")[1]) if part]
        for source in SOURCES:
            self.precompile(source)

    @staticmethod
    def precompiled(source):
        return BUILD / "mutants" / (pathlib.Path(source).stem + ".hpp")

    def precompile(self, source):
        """What a source includes, compiled once: nearly all of the time goes there."""
        header = self.precompiled(source)
        header.parent.mkdir(exist_ok=True)
        lines = [line for line in (ROOT / source).read_text().splitlines()
                 if line.startswith("#include")]
        header.write_text("#pragma once\n" + "\n".join(lines) + "\n")
        command = self.compile_to(source, header, pathlib.Path(f"{header}.gch"))
        command[command.index("-c"):command.index("-c")] = ["-x", "c++-header"]
        subprocess.run(command + ["-w"], cwd=BUILD, check=True)

    def compile_to(self, like, source, made):
        command = list(self.compile[like])
        command[command.index("-o") + 1] = str(made)
        command[command.index("-c") + 1] = str(source)
        if "-MF" in command:
            command[command.index("-MF") + 1] = str(made.with_suffix(".d"))
        return command

    def object_of(self, source):
        command = self.compile[source]
        return command[command.index("-o") + 1]

    def run(self, mutant, original, place):
        source = place / pathlib.Path(mutant.source).name
        source.write_text(mutant.apply(original))
        made, program = place / "mutant.o", place / "decision_test"
        command = self.compile_to(mutant.source, source, made)
        # One that reaches the end of a function without its result is no program to be judged.
        command += ["-Werror=return-type", "-include", str(self.precompiled(mutant.source))]
        if subprocess.run(command, cwd=BUILD, capture_output=True).returncode != 0:
            return "not compiled"
        replaced = {self.object_of(mutant.source): str(made), "bin/decision_test": str(program)}
        subprocess.run([replaced.get(part, part) for part in self.link], cwd=BUILD, check=True,
                       capture_output=True)
        try:
            tests = subprocess.run([str(program), "--gtest_brief=1", "--gtest_fail_fast"],
                                   capture_output=True, timeout=30)
        except subprocess.TimeoutExpired:
            return "killed"
        return "survived" if tests.returncode == 0 else "killed"


def judge_all(work, jobs):
    builder = Builder(jobs)
    places = threading.local()
    numbers = iter(range(jobs))
    lock = threading.Lock()

    def judge(item):
        original, mutant = item
        with lock:
            if not hasattr(places, "path"):
                places.path = BUILD / "mutants" / str(next(numbers))
                places.path.mkdir(parents=True, exist_ok=True)
        mutant.verdict = builder.run(mutant, original, places.path)

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for done, _ in enumerate(pool.map(judge, work), 1):
            if done % 50 == 0:
                print(f"{done} of {len(work)}", flush=True)


def report(work, known):
    counts = dict.fromkeys(["killed", "survived", "not compiled", "equivalent"], 0)
    unused = known.copy()
    for original, mutant in work:
        key = mutant.describe(original)
        if mutant.verdict == "survived" and unused[key] > 0:
            mutant.verdict = "equivalent"
            unused[key] -= 1
        counts[mutant.verdict] += 1
        if mutant.verdict == "survived":
            line = original.count("\n", 0, mutant.start) + 1
            print(f"\nsurvived: {mutant.source}:{line}: {mutant.kind}\n{key[0]}\n- {key[1]}\n+ {key[2]}")
    for key in unused.elements():
        print(f"\nlisted as equivalent, but does not survive: {key[0]}\n- {key[1]}\n+ {key[2]}")
    judged = counts["killed"] + counts["survived"]
    share = 100.0 * counts["killed"] / judged if judged else 0.0
    print(f"\n{len(work)} mutants: " + ", ".join(f"{n} {what}" for what, n in counts.items()))
    print(f"{share:.1f} % of {judged} killed")
    return share


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2, help="mutants at once")
    parser.add_argument("--only", default="", help="only sources with this in their name")
    parser.add_argument("--list", action="store_true", help="show the mutants, run nothing")
    options = parser.parse_args()
    work = []
    for source in SOURCES:
        if options.only in source:
            original, mutants = mutants_of(source)
            work += [(original, mutant) for mutant in mutants]
    if options.list:
        for original, mutant in work:
            source, was, now = mutant.describe(original)
            print(f"{source}: {mutant.kind}\n- {was}\n+ {now}")
        print(len(work), "mutants")
        return 0
    judge_all(work, options.jobs)
    known = collections.Counter({key: count for key, count in read_equivalent().items()
                                 if options.only in key[0]})
    return 0 if report(work, known) >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
