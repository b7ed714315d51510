"""A list of many cases is read as a stream: what it costs the daemon in memory."""

import re

from harness import ACCOUNT, SystemTest, main

CASES = 200_000
GROWTH_MAX = 64 * 1024  # KiB


def has_sanitizer(process):
    with open("/proc/%d/maps" % process, encoding="utf-8") as file:
        return re.search(r"lib[atu]?(a|t|ub)san\.so", file.read()) is not None


def peak_kib(process):
    with open("/proc/%d/status" % process, encoding="utf-8") as file:
        return int(re.search(r"^VmHWM:\s+(\d+) kB", file.read(), re.M).group(1))


class Memory(SystemTest):
    def test_a_list_of_200000_cases_costs_less_than_64_mib(self):
        site = self.site()
        daemon = site.serve()
        if has_sanitizer(daemon.process.pid):
            self.skipTest("a sanitizer's memory says nothing about the program's: release only")
        site.drop(site.oracle.issue("warm-up"))
        site.wait_for_outcome("warm-up")
        old = site.oracle.make_job("old")["case"]
        site.sandbox.control("/preload", {"account": ACCOUNT, "reference": "old-", "count": CASES,
                                          "case": {**site.defaults, **old}})
        before = peak_kib(daemon.process.pid)
        lists = site.sandbox.summary()["lists_served"]

        site.sandbox.script({"lost": ["500-after"], "gone": ["500-before"]})
        for reference in ("lost", "gone"):
            site.drop(site.oracle.issue(reference))

        for reference in ("lost", "gone"):
            self.assertEqual(site.wait_for_outcome(reference)["state"], "created")
        after = peak_kib(daemon.process.pid)
        read = site.sandbox.summary()["lists_served"] - lists
        print("VmHWM %d KiB, then %d KiB after %d lists of %d cases" % (before, after, read, CASES))
        self.assertGreaterEqual(read, 2)
        self.assertLess(after - before, GROWTH_MAX)
        self.assertEqual(len(site.sandbox.cases(ACCOUNT, "lost")), 1)
        self.assertEqual(len(site.sandbox.cases(ACCOUNT, "gone")), 1)
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    main()
