#!/usr/bin/env python3
"""reference.py PAGE.in SOURCE: prints the page with its line @REFERENCE@ replaced by a reference in mdoc.

SOURCE is the commented example of the configuration (.yaml), in which the comment above a key tells what it is and the
value is its default; or the JSON Schema of a job (.json), whose descriptions tell what is allowed. So neither is told
twice.
"""

import json
import re
import sys
import textwrap


def escaped(text):
    text = text.replace("\\", "\\e")
    return "\\&" + text if text[:1] in (".", "'") else text


def sentences(text):
    """Each on lines of its own, as mdoc wants it: a line's end is how it knows where a sentence ends."""
    for one in re.split(r"(?<=[^.]\.) ", text.replace("`", "")):
        for line in textwrap.wrap(one, 76, break_long_words=False, break_on_hyphens=False):
            yield escaped(line)


def quoted(word):
    """As one argument of a macro; \\& keeps it from being read as another macro's name."""
    return '"\\&%s"' % word.replace("\\", "\\e").replace('"', '\\(dq')


class Configuration:
    """Reads the example line by line: it is as regular as we make it, and a test compares with what the daemon knows."""

    key = re.compile(r"^(?P<indent> *)(?P<item>- )?(?P<name>[a-z_]+):(?: +(?P<value>.+))?$")

    def __init__(self, text):
        self.entries = []  # (path, default or None, comment)
        self.comment = []
        self.above = []  # (indent, name)
        for line in text.split("\n\n", 1)[1].splitlines():  # what is above the first key is told by the page
            self.read(line)

    def read(self, line):
        if line.strip().startswith("#"):
            self.comment.append(line.strip()[1:].strip())
            return
        found = self.key.match(line)
        if found:
            indent = len(found["indent"]) + len(found["item"] or "")
            while self.above and self.above[-1][0] >= indent:
                self.above.pop()
            path = [name for _, name in self.above] + [found["name"]]
            # What has neither a comment nor keys of its own is part of the value above it.
            if self.comment or indent == 0:
                self.entries.append((path, found["value"], " ".join(self.comment)))
            self.above.append((indent, found["name"] + ("[]" if found["name"] == "accounts" else "")))
        self.comment = []

    def lines(self):
        in_list = False
        for path, value, comment in self.entries:
            if len(path) == 1:
                if in_list:
                    yield ".El"
                yield ".Ss " + path[0]
                yield from sentences(comment) if comment else ()
                yield ".Bl -tag -width Ds"
                in_list = True
                continue
            default, comment = self.default(value, comment)
            yield ".It Cm %s%s" % (quoted(".".join(path)), " No = Li " + quoted(default) if default else "")
            yield from sentences(comment)
        yield ".El"

    @staticmethod
    def default(value, comment):
        """The example's value, unless the comment says that it is only an example."""
        said = re.search(r" ?Default: ([^ ]+)\.$", comment)
        if said:
            return said[1], comment[:said.start()]
        return (None if re.search(r"\bRequired\.", comment) else value), comment


class Schema:
    def __init__(self, text):
        self.root = json.loads(text)

    def resolved(self, node):
        return self.root["definitions"][node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else node

    def lines(self):
        yield from self.members("", self.root)

    def members(self, path, node):
        for name, reference in node["properties"].items():
            member = self.resolved(reference)
            required = name in node.get("required", ())
            yield ".It Cm " + quoted(path + name) + (" Pq required" if required else "")
            yield from sentences(member["description"][:1].upper() + member["description"][1:] + ".")
            inner = self.resolved(member.get("items", member))
            if "properties" in inner:
                yield from self.members(path + name + ("[]" if "items" in member else "") + ".", inner)


def main():
    page, source = sys.argv[1:]
    with open(source, encoding="utf-8") as file:
        text = file.read()
    reference = Configuration(text) if source.endswith(".yaml") else Schema(text)
    with open(page, encoding="utf-8") as file:
        for line in file.read().splitlines():
            for out in reference.lines() if line == "@REFERENCE@" else (line,):
                print(out)


if __name__ == "__main__":
    main()
