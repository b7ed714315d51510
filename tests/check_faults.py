"""check_faults.py: sees that faults.md keeps its word: each test that it names exists, each row names
one or says "not yet", and no row of the page that it follows is missing. It sees the same of the tests
that asvs.md names, and that each requirement there has an answer and the number that follows.

The names are looked up in the sources, so nothing needs to be built for it."""

import ast
import os
import pathlib
import re
import unittest

HERE = pathlib.Path(__file__).resolve().parent
PAGE = HERE / "faults.md"
ASVS = HERE / "asvs.md"
MODEL = HERE.parent.parent / "shared" / "reliability.md"
SECTIONS = ("2.1", "2.2", "2.3", "4.1", "4.2", "4.3", "4.4", "4.5")
GTEST = re.compile(r"^TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\s*\)", re.M)
ADD_TEST = re.compile(r"add_test\(NAME ([\w.]+)")
ADD_GROUPS = re.compile(r"foreach\(group ([\w ]+)\)\s*add_test\(NAME ([\w.]+)\$\{group\}")


def rows(path):
    """{section: [cells of each row]} of the tables in a page."""
    found, section = {}, None
    for line in path.read_text(encoding="utf-8").split("\n"):
        heading = re.match(r"#+ (\d\.\d) ", line)
        if line.startswith("#"):
            section = heading.group(1) if heading else None
        elif section in SECTIONS and line.startswith("|"):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            if not re.fullmatch(r"[-: ]+", cells[0]):
                found.setdefault(section, []).append(cells)
    return {section: table[1:] for section, table in found.items()}  # without their heads


def requirements(path):
    """[cells of each row] of the tables whose rows begin with a number such as V5.1.1."""
    lines = path.read_text(encoding="utf-8").split("\n")
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            for line in lines if re.match(r"\| V\d", line)]


def known_names():
    """As tests are called by their runners."""
    names = set()
    for source in HERE.rglob("*.cpp"):
        names.update(".".join(one) for one in GTEST.findall(source.read_text(encoding="utf-8")))
    for listing in HERE.rglob("CMakeLists.txt"):
        text = listing.read_text(encoding="utf-8")
        names.update(ADD_TEST.findall(text))
        names.update(stem + group for groups, stem in ADD_GROUPS.findall(text)
                     for group in groups.split())
    for source in HERE.rglob("test_*.py"):
        for group in ast.parse(source.read_text(encoding="utf-8")).body:
            if isinstance(group, ast.ClassDef):
                names.update("%s.%s.%s" % (source.stem, group.name, one.name)
                             for one in group.body if isinstance(one, ast.FunctionDef))
    return names


class Faults(unittest.TestCase):
    def setUp(self):
        self.tables = rows(PAGE)

    def test_each_test_exists(self):
        known = known_names()
        for section, table in self.tables.items():
            for cells in table:
                for name in re.findall(r"`([^`]+)`", cells[2]):
                    if re.fullmatch(r"\w+(\.\w+)+", name):
                        self.assertTrue(name in known, "%s, %s: no test %s" % (section, cells[0], name))

    def test_each_row_names_a_test_or_says_what_is_missing(self):
        self.assertEqual(tuple(self.tables), SECTIONS)
        for section, table in self.tables.items():
            for cells in table:
                self.assertEqual(len(cells), 3, cells)
                self.assertTrue(cells[1], cells)
                self.assertTrue("`" in cells[2] or "not yet" in cells[2],
                                "%s, %s" % (section, cells[0]))

    def test_no_row_of_the_failure_model_is_missing(self):
        model = pathlib.Path(os.environ.get("ONBOARDD_FAILURE_MODEL", MODEL))
        if not model.exists():
            self.skipTest("no failure model at %s; set ONBOARDD_FAILURE_MODEL" % model)
        wanted = rows(model)
        for section in SECTIONS:
            self.assertEqual([cells[0] for cells in self.tables[section]],
                             [cells[0] for cells in wanted[section]], section)


class Asvs(unittest.TestCase):
    def setUp(self):
        self.rows = requirements(ASVS)

    def test_each_test_exists(self):
        known = known_names()
        for number, _, answer in self.rows:
            for name in re.findall(r"`([^`]+)`", answer):
                if re.fullmatch(r"\w+(\.\w+)+", name):
                    self.assertTrue(name in known, "%s: no test %s" % (number, name))

    def test_each_requirement_has_an_answer(self):
        self.assertTrue(self.rows)
        for number, asked, answer in self.rows:
            self.assertTrue(asked, number)
            self.assertTrue("`" in answer or answer.startswith(("not applicable: ", "not met: ")),
                            number)

    def test_no_number_is_left_out_or_comes_twice(self):
        before = (0, 0, 0)
        for chapter, section, one in (map(int, cells[0][1:].split(".")) for cells in self.rows):
            if chapter != before[0]:
                self.assertEqual((section, one), (1, 1))
            elif section != before[1]:
                self.assertEqual((section, one), (before[1] + 1, 1))
            else:
                self.assertEqual(one, before[2] + 1)
            before = (chapter, section, one)


if __name__ == "__main__":
    unittest.main(verbosity=2)
