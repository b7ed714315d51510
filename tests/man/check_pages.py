"""check_pages.py ONBOARDD ONBOARDCTL PAGES: the manual pages are what mandoc takes without a warning, and say what the program,
the example configuration, the schema and the README say. PAGES is the folder with those that the build made."""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
ONBOARDD, ONBOARDCTL, BUILT = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
PAGES = [path for folder in (ROOT / "etc/man", ROOT / "tests/sandbox", BUILT) for path in sorted(folder.glob("*.[158]"))]


def text(name):
    """A page as its reader sees it, without line breaks."""
    page = next(path for path in PAGES if path.name == name)
    shown = subprocess.run(["mandoc", "-T", "ascii", "-O", "width=1000", page], check=True, capture_output=True)
    return re.sub(r".\x08", "", shown.stdout.decode())


def section(page, name):
    return re.search(r"^%s\n(.*?)(?=^\S|\Z)" % re.escape(name), page, re.M | re.S)[1]


def tags(page_section):
    """What the lists of a section explain: lines that are indented once."""
    return re.findall(r"^ {5}(\S.*)$", page_section, re.M)


def help_of(*command):
    return subprocess.run([*command, "--help"], check=True, capture_output=True, text=True).stdout


def keys_of_example():
    """All that the example has a comment above; what is within `defaults` is only an example."""
    above, found, comment = [], [], False
    for line in (ROOT / "etc/onboardd.yaml").read_text(encoding="utf-8").splitlines():
        key = re.match(r"^( *)(- )?([a-z_]+):", line)
        if key and len(key[1]) + len(key[2] or "") == 0:
            above = [key[3] + ("[]" if key[3] == "accounts" else "")]
        elif key and comment:
            found.append(".".join(above + [key[3]]))
        comment = line.lstrip().startswith("#")
    return found


class Pages(unittest.TestCase):
    def test_mandoc_has_no_warning(self):
        self.assertGreaterEqual(len(PAGES), 6)
        for page in PAGES:
            with self.subTest(page=page.name):
                told = subprocess.run(["mandoc", "-T", "lint", page], capture_output=True, text=True, check=False)
                # Which pages are installed here is not the page's fault.
                found = [line for line in told.stdout.splitlines()
                         if "referenced manual not found" not in line and "outdated mandoc.db" not in line]
                self.assertEqual(found, [])

    def test_each_key_is_explained_once_in_the_page_and_in_the_readme(self):
        keys = keys_of_example()
        self.assertIn("provider.base_url", keys)
        in_page = [tag.split(" = ")[0] for tag in tags(section(text("onboardd.yaml.5"), "KEYS"))]
        self.assertEqual([tag for tag in in_page if re.fullmatch(r"[a-z_]+(\[\])?\.[a-z_]+", tag)], keys)
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        readme = readme[readme.index("\n## Configuration"):]
        in_readme = re.findall(r"^\| `([a-z_]+(?:\[\])?\.[a-z_]+)` \|", readme[:readme.index("\n## ", 3)], re.M)
        self.assertEqual(sorted(in_readme), sorted(keys))

    def test_each_member_of_a_job_is_explained(self):
        schema = json.loads((ROOT / "etc/job.schema.json").read_text(encoding="utf-8"))
        in_page = [tag.replace(" (required)", "") for tag in tags(section(text("onboardd-job.5"), "MEMBERS"))]
        for member in schema["properties"]:
            self.assertIn(member, in_page)
        for member in schema["definitions"]["case"]["properties"]["case_request"]["properties"]:
            self.assertIn("case.case_request." + member, in_page)

    def test_each_exit_status_is_explained(self):
        for program, page, expected in ((ONBOARDD, "onboardd.8", ["0", "1", "2", "3", "4", "75", "78"]),
                                        (ONBOARDCTL, "onboardctl.1", ["0", "1", "2", "3", "75", "77", "78"])):
            told = help_of(program)
            codes = re.findall(r"(?:: |; )\s*(\d+) ", " ".join(told[told.index("Exit codes:"):].split()))
            self.assertEqual(codes, expected)
            in_page = tags(section(text(page), "EXIT STATUS"))
            self.assertEqual([tag.split()[0] for tag in in_page], codes)

    def test_each_option_is_explained(self):
        for option in re.findall(r"--[a-z-]+", help_of(ONBOARDD)):
            self.assertIn(option, text("onboardd.8"))
        for option in re.findall(r"--[a-z-]+", help_of(ONBOARDCTL)):
            self.assertIn(option, text("onboardctl.1"))

    def test_each_command_is_explained_and_no_other(self):
        told = help_of(ONBOARDCTL)
        commands = re.findall(r"^ +([a-z]+)  ", told[told.index("Subcommands:"):], re.M)
        described = section(text("onboardctl.1"), "DESCRIPTION")
        in_page = [tag.split()[0] for tag in tags(described[described.index("Commands for jobs"):])]
        self.assertEqual(sorted(in_page), sorted(commands))
        for command in commands:
            for option in re.findall(r"--[a-z-]+", help_of(ONBOARDCTL, command)):
                self.assertIn(option, text("onboardctl.1"))

    def test_each_state_is_explained(self):
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        table = readme[readme.index("\n## States"):]
        states = re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (`[^|]*) \|", table[:table.index("\n## ", 3)], re.M)))
        self.assertIn("created", states)
        page = text("onboardd-outcome.5")
        for state in states:
            self.assertRegex(page, r"\b%s\b" % state)


if __name__ == "__main__":
    if not shutil.which("mandoc"):
        print("mandoc is not here: sh tests/install-packages.sh test")
        sys.exit(77)  # skipped
    unittest.main(argv=sys.argv[:1])
