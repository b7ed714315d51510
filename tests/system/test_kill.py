"""kill -9 at random moments, again and again: nothing is lost and nothing is done twice.

ONBOARDD_TEST_KILLS (default 15) says how often, ONBOARDD_TEST_SEED when."""

import json
import os
import random
import time
import unittest

from harness import ACCOUNT, OTHER, SystemTest, main, scaled

KILLS = int(os.environ.get("ONBOARDD_TEST_KILLS", "15"))
SEED = int(os.environ.get("ONBOARDD_TEST_SEED", str(random.getrandbits(31))))
FAULTS = ("500-before:0.01,500-after:0.02,cut-after-create:0.02,cut-mid-answer:0.01,"
          "reset-after-create:0.02,reset-before-create:0.01,stall:0.002,409:0.005")


class Killed(SystemTest):
    def hand_off(self, site, jobs, chance):
        """In every form by turns."""
        form = chance.randrange(3)
        if form == 0:
            name = "lines-%d" % chance.getrandbits(40)
            for job in jobs:
                site.oracle.promise(job, name)
            site.drop_lines(name, jobs)
            return
        batch = "batch-%d" % chance.randrange(3) if form == 1 else None
        for job in jobs:
            site.oracle.promise(job, batch or "default")
            site.drop(job, batch=batch)

    def leftovers(self, site):
        """Temporary files that should not be there any more."""
        found = []
        for top in (site.outcomes, site.path("spool")):
            for at, _, names in os.walk(top):
                found += [os.path.join(at, name) for name in names
                          if (name.startswith(".") or name.endswith(".tmp"))
                          and name not in (".lock", ".ledger")]
        return found

    def test_torture(self):
        self.torture(SEED, scaled(1000, 100), "--latency", "20")

    def test_torture_with_late_links_and_lists(self):
        self.torture(SEED + 1, scaled(400, 100), "--latency", "10", "--url", "later=300",
                     "--list", "paged", "--list-lag", "200", "--list-fault", "cut:0.1")

    def test_torture_without_single_reads(self):
        self.torture(SEED + 2, scaled(400, 100), "--url", "later=300", "--read-one", "no",
                     "--list-shape", "object", "--list-order", "random",
                     "--token-fault", "500-before:0.1")

    def torture(self, seed, count, *options):
        print("seed %d, %d kills" % (seed, KILLS))
        chance = random.Random(seed)
        site = self.site("--seed", str(seed), "--fault", FAULTS, *options,
                         accounts=(ACCOUNT, OTHER), provider={"request_timeout": "1s"},
                         reconcile={"settle": "1500ms"}, spool={"settle": "0s"})
        made = 0

        def next_jobs(number):
            nonlocal made
            made += number
            return [site.oracle.make_job("job-%04d" % n, chance.choice((ACCOUNT, OTHER)))
                    for n in range(made - number, made)]

        killed = 0
        # Jobs come during the whole torture, so that every kill meets every stage of a job.
        share = max(2, count // (KILLS + 1))
        while killed < KILLS:
            self.hand_off(site, next_jobs(share), chance)
            daemon = site.start("--drain")
            end = time.monotonic() + chance.choice((0.05, 0.2, 0.6, 1.5)) * chance.random()
            while time.monotonic() < end and daemon.process.poll() is None:
                time.sleep(0.001)
            if daemon.process.poll() is None:
                daemon.kill()
                killed += 1
            else:
                self.assertEqual(daemon.process.returncode, 0, daemon.log[-3000:])
        self.hand_off(site, next_jobs(max(share, count - made)), chance)

        daemon = site.drain(bound=600)

        self.assertEqual(daemon.code, 0, daemon.log[-3000:])
        outcomes = site.oracle.judge()
        summary = site.sandbox.summary()
        self.assertEqual(summary["cases"], len(outcomes))
        self.assertEqual(summary["duplicated"], 0)
        self.assertEqual(self.leftovers(site), [])
        self.assertEqual(site.rejected_files(), [])
        print("%d kills, %d jobs, %d POSTs, %d lists: 0 lost, 0 twice" % (
            killed, len(outcomes), site.sandbox.posts(), summary["lists_served"]))

    def test_killed_while_rejecting(self):
        chance = random.Random(SEED + 1)
        site = self.site("--latency", "5", spool={"settle": "0s"})
        lines = []
        bad = 0
        for number in range(scaled(400, 80)):
            if chance.random() < 0.3:
                lines.append('{"bad": "line", "number": %d}' % number)
                bad += 1
            else:
                lines.append(json.dumps(site.oracle.issue("job-%d" % number, batch="lines"),
                                        ensure_ascii=False))
        site.drop_bytes("lines.jsonl", "\n".join(lines).encode())
        for _ in range(min(KILLS, 10)):
            daemon = site.start("--drain")
            end = time.monotonic() + 0.3 * chance.random()
            while time.monotonic() < end and daemon.process.poll() is None:
                time.sleep(0.001)
            daemon.kill()
        self.assertIn(site.drain().code, (0, 3))
        site.oracle.judge()
        names = [name for name in site.rejected_files() if not name.startswith(".")]
        reasons = [name for name in names if name.endswith(".reason.json")]
        self.assertEqual((len(reasons), len(names)), (bad, 2 * bad))
        self.assertEqual(self.leftovers(site), [])


if __name__ == "__main__":
    main()
