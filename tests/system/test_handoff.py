"""Producers, good and careless, while the daemon runs."""

import calendar
import json
import os
import re
import time
import unittest

from harness import ACCOUNT, SystemTest, eventually, main, mount, scaled, stays


def milliseconds_of(text):
    """Of a time in an outcome, since 1970."""
    whole, fraction = re.match(r"([^.Z]+)(?:\.(\d+))?Z", text).groups()
    seconds = calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S"))
    return seconds * 1000 + int(((fraction or "") + "000")[:3])


class HandOff(SystemTest):
    def serve(self, **sections):
        site = self.site(**sections)
        site.daemon = site.serve()
        return site

    def end(self, site):
        for account, reference in site.oracle.obligations:
            site.wait_for_outcome(reference, account)
        eventually(lambda: site.spool_files() == [], "the spool is empty")
        self.assertEqual(site.daemon.stop(), 0)
        self.assertEqual(site.rejected_files(), [])
        return site.oracle.judge(reports=False)

    def test_files_that_are_renamed_in_are_taken_at_once(self):
        site = self.serve(spool={"rescan": "1h"})  # the system tells about them
        for number in range(20):
            site.drop(site.oracle.issue("job-%d" % number))
            site.wait_for_outcome("job-%d" % number)
        self.end(site)

    def test_batches(self):
        site = self.serve(spool={"rescan": "1h"})
        for number in range(10):  # a directory that is filled
            site.drop(site.oracle.issue("one-%d" % number, batch="one"), batch="one")
        os.mkdir(site.path("beside"))  # a directory that comes as a whole
        for number in range(10):
            job = site.oracle.issue("two-%d" % number, batch="two")
            with open(site.path("beside", job["reference"] + ".json"), "w",
                      encoding="utf-8") as file:
                json.dump(job, file)
        os.rename(site.path("beside"), os.path.join(site.incoming, "two"))
        site.drop_lines("three", [site.oracle.issue("three-%d" % n, batch="three")
                                  for n in range(10)])
        site.drop_lines("ignored-name", [site.oracle.issue("four-%d" % n, batch="four")
                                         for n in range(10)], batch="four")
        self.end(site)

    def test_the_report_of_a_batch_comes_by_itself(self):
        site = self.serve()
        jobs = [site.oracle.issue("job-%d" % n, batch="night") for n in range(20)]
        site.drop_lines("night", jobs)
        report = os.path.join(site.outcomes, "reports", "night.json")
        eventually(lambda: os.path.exists(report) and site.report("night")["open"] == 0 and
                   site.report("night")["created"] == 20, "the report")
        self.end(site)
        site.oracle.judge()

    def test_settle(self):
        site = self.serve(spool={"settle": "1s"})
        site.drop(site.oracle.issue("young"))
        written = os.stat(os.path.join(site.incoming, "young.json")).st_mtime_ns // 1_000_000
        outcome = site.wait_for_outcome("young")
        self.assertGreaterEqual(milliseconds_of(outcome["received_at"]) - written, 990)
        self.end(site)

    def test_a_careless_slow_writer(self):
        site = self.serve(spool={"settle": "1s"})
        job = site.oracle.issue("slow")
        text = json.dumps(job)
        with open(os.path.join(site.incoming, "slow.json"), "w", encoding="utf-8") as file:
            pieces = 15
            for number in range(pieces):
                begin, end = len(text) * number // pieces, len(text) * (number + 1) // pieces
                file.write(text[begin:end])
                file.flush()
                stays(lambda: os.path.exists(file.name), 0.15, "it is left alone")
        lines = [site.oracle.issue("line-%d" % n, batch="lines") for n in range(15)]
        with open(os.path.join(site.incoming, "lines.jsonl"), "w", encoding="utf-8") as file:
            for line in lines:
                text = json.dumps(line) + "\n"
                file.write(text[:50])
                file.flush()
                stays(lambda: os.path.exists(file.name), 0.05, "it is left alone")
                file.write(text[50:])
                file.flush()
                stays(lambda: os.path.exists(file.name), 0.05, "it is left alone")
        self.end(site)

    def test_unfinished_names_are_left_alone(self):
        site = self.serve()
        text = json.dumps(site.oracle.make_job("never"))
        names = [".hidden.json", "writing.json.tmp", "writing.tmp", ".x.jsonl"]
        for name in names:
            with open(os.path.join(site.incoming, name), "w", encoding="utf-8") as file:
                file.write(text)
        site.drop(site.oracle.issue("other"))
        site.wait_for_outcome("other")
        self.assertEqual(site.spool_files(), sorted(names))
        self.assertEqual(site.daemon.stop(), 0)
        self.assertEqual(site.drain().code, 0)
        self.assertEqual(site.spool_files(), sorted(names))
        self.assertEqual(site.sandbox.posts(), 1)

    def test_incoming_is_moved_away(self):
        site = self.serve(spool={"rescan": "200ms"})
        site.drop(site.oracle.issue("before"))
        site.wait_for_outcome("before")
        os.rename(site.incoming, site.path("spool", "old"))
        os.mkdir(site.incoming)
        site.drop(site.oracle.issue("after"))
        site.wait_for_outcome("after")
        self.end(site)

    def test_files_that_nobody_tells_about(self):
        """As on NFS, where another machine writes: here behind the back of an overlay."""
        site = self.site(spool={"rescan": "200ms"})
        behind = site.path("behind")
        for part in ("lower", "upper", "work"):
            os.makedirs(os.path.join(behind, part))
        mount(self, site.path("spool"), "-t", "overlay", "-o",
              "lowerdir={0}/lower,upperdir={0}/upper,workdir={0}/work".format(behind), "overlay")
        site.daemon = site.serve()
        for number in range(5):
            job = site.oracle.issue("job-%d" % number)
            name = os.path.join(behind, "upper", "incoming", job["reference"] + ".json")
            with open(name + ".part", "w", encoding="utf-8") as file:
                json.dump(job, file)
            os.rename(name + ".part", name)
            site.wait_for_outcome(job["reference"])
        self.end(site)

    def test_a_flood(self):
        site = self.serve(spool={"settle": "0s"})
        for number in range(scaled(2000, 200)):
            batch = ("", "a", "b")[number % 3]
            job = site.oracle.issue("job-%05d" % number, batch=batch or "default")
            site.drop(job, batch=batch or None)
        self.end(site)

    def test_outcomes_deleted_by_hand(self):
        site = self.serve()
        jobs = [site.oracle.issue("job-%d" % number) for number in range(10)]
        for job in jobs:
            site.drop(job)
        before = {}
        for job in jobs:
            before[job["reference"]] = site.wait_for_outcome(job["reference"])
        for job in jobs:
            os.remove(os.path.join(site.outcomes, ACCOUNT, job["reference"] + ".json"))
        for job in jobs:
            site.drop(job)
        for job in jobs:
            self.assertEqual(site.wait_for_outcome(job["reference"]), before[job["reference"]])
        self.assertEqual(site.sandbox.posts(), len(jobs))
        self.end(site)

    def test_missing_outcomes_come_back_at_the_next_start(self):
        site = self.site()
        jobs = [site.oracle.issue("job-%d" % number) for number in range(10)]
        for job in jobs:
            site.drop(job)
        self.assertEqual(site.drain().code, 0)
        before = {job["reference"]: site.outcome(job["reference"]) for job in jobs}
        for job in jobs[:7]:
            os.remove(os.path.join(site.outcomes, ACCOUNT, job["reference"] + ".json"))
        daemon = site.drain()
        self.assertEqual(daemon.code, 0)
        self.assertIn("outcomes_missing", daemon.log)
        self.assertEqual({job["reference"]: site.outcome(job["reference"]) for job in jobs}, before)
        self.assertEqual(site.sandbox.posts(), len(jobs))
        site.oracle.judge()

    def test_odd_names(self):
        site = self.serve()
        names = ["-rf", "name with spaces", "æøå", "'; DROP TABLE jobs; --", "a" * 200,
                 "percent %s %n", "line\nbreak", "\x1b[31mred"]
        for number, name in enumerate(names):
            job = site.oracle.issue("odd-%d" % number)
            site.drop(job, name)
        self.end(site)


if __name__ == "__main__":
    main()
