"""A kernel that gives no memory, or less of a read or write than it was asked for."""

import os
import random

from harness import SCALE, SystemTest, main, preload


class Memory(SystemTest):
    """One allocation fails, or all from then on, at any moment of a run: the daemon ends or does
    without, and the next run finds all that was accepted."""

    JOBS = 8

    def run_and_fail(self, at, for_ever):
        site = self.site("--latency", "5")
        site.drop_lines("jobs", [site.oracle.issue("job-%d" % n, batch="jobs")
                                 for n in range(self.JOBS)])
        settings = {"FAIL_NEW_COUNT": site.path("allocations"), "FAIL_NEW_AT": str(at)}
        if for_ever:
            settings["FAIL_NEW_FOR_EVER"] = "1"
        daemon = site.start("--drain", "--patience", "5s",
                            environment=preload("fail_new", **settings))
        code = daemon.wait()
        site.daemons.remove(daemon)  # its last words need not be JSON
        self.assertNotIn("Sanitizer", daemon.log)
        if code != 0:
            self.assertIn("out of memory", daemon.log)
            self.assertEqual(code, 1)
            self.assertEqual(site.drain().code, 0)
        site.oracle.judge()
        self.assertEqual(site.sandbox.summary()["duplicated"], 0)
        site.sandbox.stop()
        if not os.path.exists(site.path("allocations")):
            return code, 0
        with open(site.path("allocations"), encoding="ascii") as file:
            return code, int(file.read())

    def test_none_at_any_moment(self):
        code, allocations = self.run_and_fail(0, False)
        self.assertEqual(code, 0)
        self.assertGreater(allocations, 1000)
        chance = random.Random(20261125)
        failed = 0
        for for_ever in (False, True):
            for _ in range(max(10, int(100 * SCALE))):
                at = chance.randrange(1, allocations)
                with self.subTest(at=at, for_ever=for_ever):
                    failed += self.run_and_fail(at, for_ever)[0] != 0
        self.assertGreater(failed, 0, "no run met its failure")


class ShortCalls(SystemTest):
    def test_half_a_call_and_eintr_change_nothing(self):
        site = self.site()
        for n in range(20):
            site.drop(site.oracle.issue("job-%d" % n))
        site.drop_lines("lines", [site.oracle.issue("line-%d" % n, batch="lines")
                                  for n in range(20)])
        daemon = site.drain(environment=preload("short_io"))
        self.assertEqual(daemon.code, 0, daemon.log[-2000:])
        outcomes = site.oracle.judge()
        self.assertEqual({one["attempts"] for one in outcomes.values()}, {1})
        self.assertEqual(site.sandbox.posts(), 40)


if __name__ == "__main__":
    main()
