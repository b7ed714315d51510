"""The completions of the shells name every command and every option that onboardctl has, and no
other. What it has it says itself."""

import os
import re
import shutil
import subprocess
import unittest

from harness import ACCOUNT, BOUND, CTL, HERE, OTHER, SystemTest, main

FOLDER = os.path.join(HERE, "..", "..", "etc", "completion")


def run(*arguments, stdin=None):
    return subprocess.run(arguments, capture_output=True, text=True, timeout=BOUND, check=True,
                          input=stdin).stdout


def help_of(*command):
    return run(CTL, *command, "--help")


def commands():
    text = help_of().split("Subcommands:")[1]
    return re.findall(r"^  ([a-z]+)\s", text, re.MULTILINE)


def options_of(*command):
    """Its own options; --config, --json and --help are everybody's."""
    return set(re.findall(r"^\s+(?:-\w,)?(--[a-z-]+)", help_of(*command), re.MULTILINE)) - COMMON


COMMON = {"--config", "--json", "--help"}


def content(shell):
    with open(os.path.join(FOLDER, "onboardctl." + shell), encoding="utf-8") as file:
        return file.read()


def in_bash(*words):
    """What bash offers behind these words, for the last of them."""
    quoted = " ".join("'%s'" % word for word in words)
    script = content("bash") + ("\nCOMP_WORDS=(%s); COMP_CWORD=%d; _onboardctl\n"
                                "printf '%%s\\n' \"${COMPREPLY[@]}\"\n" % (quoted, len(words) - 1))
    return set(run("bash", "--norc", "-eu", "-c", script).split())


def in_fish(*words):
    script = content("fish") + "\ncomplete -C '%s'\n" % " ".join(words)
    environment = dict(os.environ, PATH=os.path.dirname(CTL) + ":" + os.environ["PATH"])
    ran = subprocess.run(["fish", "--no-config", "-c", script], capture_output=True, text=True,
                         timeout=BOUND, check=True, env=environment)
    return {line.split("\t")[0] for line in ran.stdout.splitlines()}


class Names(SystemTest):
    """Of accounts and batches, as the ledger has them."""

    def test_they_are_offered(self):
        site = self.site(accounts=(ACCOUNT, OTHER))
        site.drop(site.oracle.issue("first"))
        site.drop(site.oracle.issue("second", OTHER, "tuesday"), batch="tuesday")
        self.assertEqual(site.drain().code, 0)
        ways = [(in_bash, CTL)]
        if shutil.which("fish"):
            ways.append((in_fish, "onboardctl"))
        for offered, name in ways:
            with self.subTest(offered.__name__):
                def by(*words):
                    return offered(name, "--config", site.config_file, *words)
                self.assertEqual(by("pause", OTHER[0]), {OTHER})
                self.assertLessEqual({ACCOUNT, OTHER}, by("audit", ""))
                self.assertEqual(by("report", "tu"), {"tuesday"})
                self.assertEqual(by("list", "--account", OTHER[:-1]), {OTHER})
                self.assertEqual(by("hold", "ALL", "--batch", "d"), {"default"})
        self.assertEqual(in_bash(CTL, "--config", "/none", "report", "d"), set())


class Completion(unittest.TestCase):
    def test_onboardctl_tells_what_it_has(self):
        self.assertEqual(len(commands()), 18)
        self.assertEqual(options_of("fsck"), {"--repair", "--accept-restored"})

    def complete_in_bash(self, *words):
        return in_bash("onboardctl", *words)

    def test_bash(self):
        offered = self.complete_in_bash("")
        self.assertEqual(offered, set(commands()) | {"--version"} | COMMON)
        for command in commands():
            with self.subTest(command):
                self.assertEqual(self.complete_in_bash(command, "--"),
                                 options_of(command) | COMMON)
                self.assertEqual(self.complete_in_bash("--json", command, "--"),
                                 options_of(command) | COMMON)
        self.assertEqual(self.complete_in_bash("list", "--state", "cr"), {"created"})
        self.assertEqual(self.complete_in_bash("sta"), {"status"})
        self.assertEqual(self.complete_in_bash("hold", "A"), {"ALL"})
        self.assertEqual(self.complete_in_bash("config", "ch"), {"check"})
        self.assertIn("/etc/passwd", self.complete_in_bash("check", "/etc/pass"))

    def test_zsh(self):
        text = content("zsh")
        listed = text.split("commands=(")[1].split("\n    )")[0]
        self.assertEqual(sorted(re.findall(r"^\s+'([a-z]+):", listed, re.MULTILINE)),
                         sorted(commands()))
        arms = dict(re.findall(r"^ {16}([a-z |]+)\)(.*?)(?:;;)", text, re.MULTILINE | re.DOTALL))
        arms = {name: body for names, body in arms.items() for name in names.split(" | ")}
        self.assertEqual(set(arms), set(commands()))
        for command, body in arms.items():
            with self.subTest(command):
                self.assertEqual(set(re.findall(r"[\"'](--[a-z-]+)\[", body)), options_of(command))
        if shutil.which("zsh"):
            run("zsh", "-n", os.path.join(FOLDER, "onboardctl.zsh"))

    def test_fish(self):
        text = content("fish")
        self.assertEqual(sorted(re.findall(r"^__onboardctl_command ([a-z]+) ", text, re.MULTILINE)),
                         sorted(commands()))
        offered = {command: set() for command in commands()}
        for names, option in re.findall(r"seen_subcommand_from ([a-z ]+)' -l ([a-z-]+)", text):
            for name in names.split():
                offered[name].add("--" + option)
        for command in commands():
            with self.subTest(command):
                self.assertEqual(offered[command], options_of(command))
        if shutil.which("fish"):
            run("fish", "-n", os.path.join(FOLDER, "onboardctl.fish"))


if __name__ == "__main__":
    main()
