"""Every step fails: a sample for every day; every_step.py tries all of them.

ONBOARDD_TEST_SEED says which ones, ONBOARDD_STEPS_SECONDS (default 15) for how long."""

import concurrent.futures
import os
import random
import sys
import threading
import time
import unittest

from steps import Lab, count_calls, orders_of

SEED = int(os.environ.get("ONBOARDD_TEST_SEED", str(random.getrandbits(31))))
SECONDS = float(os.environ.get("ONBOARDD_STEPS_SECONDS", "15"))
LEAST = 5  # points are tried even on a slow machine


class Sample(unittest.TestCase):
    """Some points of one kind, until the time is over."""

    kind = None

    @classmethod
    def setUpClass(cls):
        if cls.kind is None:
            raise unittest.SkipTest("for its children")

    def setUp(self):
        self.labs = threading.local()
        self.opened = []
        self.addCleanup(lambda: [lab.close() for lab in self.opened])

    def lab(self):
        """One for each thread."""
        if not hasattr(self.labs, "mine"):
            self.labs.mine = Lab()
            self.opened.append(self.labs.mine)
        return self.labs.mine

    def test_sample(self):
        points = [point for point in orders_of(count_calls(self.lab(), 1))
                  if point[0] == self.kind]
        random.Random(SEED).shuffle(points)
        end = time.monotonic() + SECONDS
        tried = []

        def attempt(numbered):
            if numbered[0] >= LEAST and time.monotonic() > end:
                return None
            tried.append(numbered[1])
            return self.lab().run(*numbered[1])

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            verdicts = [one for one in pool.map(attempt, enumerate(points)) if one]
        wrong = [one for one in verdicts if one.wrong]
        for one in wrong:
            sys.stderr.write("==== %s\n%s\n" % (" ".join(map(str, one.point)), one.wrong))
        print("seed %d: %d of %d points, %d met" % (SEED, len(tried), len(points),
                                                    sum(one.met for one in verdicts)))
        self.assertEqual([one.point for one in wrong], [])
        self.assertTrue(any(one.met for one in verdicts))


class Found(unittest.TestCase):
    """Faults that once did harm, every time."""

    points = (
        # A new ledger was cut off, and refused for ever.
        *(("once", "pwrite64", number, "EIO") for number in (50, 55, 60, 65)),
        # A bad line that cannot be moved away came again with each scan, and its good neighbours,
        # known by then, counted as progress: the drain never gave up.
        ("always", "renameat2", 1, "ENOSPC"),
        ("always", "renameat2", 2, "EACCES"),
    )

    def test_found(self):
        lab = Lab()
        self.addCleanup(lab.close)
        for point in self.points:
            with self.subTest(" ".join(map(str, point))):
                verdict = lab.run(*point)
                self.assertTrue(verdict.met or verdict.wrong)
                self.assertEqual(verdict.wrong, "")


class Kill(Sample):
    kind = "kill"


class Once(Sample):
    kind = "once"


class Always(Sample):
    kind = "always"


if __name__ == "__main__":
    unittest.main(verbosity=2)
