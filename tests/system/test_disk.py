"""Disks that are full or fail, each of the three apart: ledger, outcomes, spool. And a ledger that
was put back from a copy.

Small disks are tmpfs, or btrfs with a quota, which only root may mount; failing ones are strace's
injected errors."""

import os
import shutil
import signal
import subprocess

from harness import (ACCOUNT, Filler, NotifySocket, SystemTest, eventually, main, mount_quota,
                     mount_tmpfs, need, scaled, stays, without_handler)


class FullDisk(SystemTest):
    """What the tests of one full disk share."""

    def serve(self, site):
        listener = NotifySocket(self, site.path("notify"))
        daemon = site.serve(environment={"NOTIFY_SOCKET": listener.path})
        return daemon, listener

    def expect_that_it_says_so(self, daemon, listener, words):
        said = daemon.wait_for("intake_waits")[0]
        self.assertEqual(said["level"], "error")
        self.assertIn(words, said["fields"]["reason"])

        def status():
            latest = listener.heard("STATUS=")[-1:]
            return latest and "nothing new is taken in: " in latest[0] and words in latest[0]
        eventually(status, "STATUS= says so")

    def hand_off(self, site, name, count):
        jobs = [site.oracle.issue("%s-%04d" % (name, n), batch=name) for n in range(count)]
        site.drop_lines(name, jobs)
        return jobs

    def expect_all(self, site, daemon, count):
        """All goes on by itself, in the same process."""
        daemon.wait_for("intake_goes_on")
        eventually(lambda: site.sandbox.summary()["cases"] == count, "all cases")
        for account, reference in site.oracle.obligations:
            site.wait_for_outcome(reference, account)
        self.assertEqual(daemon.stop(), 0, daemon.log[-2000:])
        self.assertEqual(site.drain().code, 0)  # writes the reports, should they be due still
        outcomes = site.oracle.judge()
        self.assertEqual({one["attempts"] for one in outcomes.values()}, {1})
        self.assertEqual(site.sandbox.posts(), count)
        self.assertEqual(site.sandbox.summary()["lists_served"], 0)


class FullLedger(FullDisk):
    def fill_in_mid_run(self):
        site = self.site("--latency", "40")
        site.configure(accounts=[dict(site.settings()["accounts"][0], in_flight_max=8)])
        mount_tmpfs(self, site.path("ledger"), size="32m")
        daemon, listener = self.serve(site)
        # Enough work for the log to outgrow what is kept for it.
        count = scaled(3000, 2000)
        self.hand_off(site, "first", count)
        eventually(lambda: site.sandbox.summary()["cases"] >= 20, "work is under way")
        eventually(lambda: not site.spool_files(), "the ledger has all of them")
        filler = Filler(self, site.path("ledger"))
        self.hand_off(site, "second", 50)
        return site, daemon, listener, filler, count + 50

    def test_nothing_new_then_nothing_at_all_then_everything(self):
        site, daemon, listener, filler, count = self.fill_in_mid_run()
        self.expect_that_it_says_so(daemon, listener, "the ledger")
        self.assertEqual(site.spool_files(), ["second.jsonl"])
        daemon.wait_for("ledger_full")
        eventually(lambda: site.sandbox.summary()["in_flight"] == 0, "no request is sent any more")
        posts = site.sandbox.posts()
        self.assertLess(posts, count)
        stays(lambda: site.sandbox.posts() == posts and daemon.process.poll() is None, 3,
              "the daemon waits")
        self.assertEqual(len(daemon.events("ledger_full")), 1, "it is said once")
        self.assertEqual(len(daemon.events("intake_waits")), 1, "it is said once")
        filler.stop()
        daemon.wait_for("ledger_has_room")
        self.expect_all(site, daemon, count)

    def test_killed_while_it_is_full(self):
        site, daemon, _, filler, _ = self.fill_in_mid_run()
        daemon.wait_for("ledger_full")
        eventually(lambda: site.sandbox.summary()["in_flight"] == 0, "no request is sent any more")
        posts = site.sandbox.posts()
        daemon.kill()
        # What the log has left decides whether the start finds the little room that it needs. No
        # fault of the configuration either way: it may be tried again.
        again = site.start("--drain", "--patience", "2s")
        code = again.wait()
        self.assertIn(code, (1, 4), again.log[-2000:])
        self.assertRegex(again.log + again.output, "no room|the ledger's disk is full")
        if code == 1:
            site.daemons.remove(again)  # a start that fails speaks in plain words, not in JSON
        self.assertEqual(site.sandbox.posts(), posts, "nothing is sent")
        filler.stop()
        self.assertEqual(site.drain(bound=600).code, 0)
        site.oracle.judge()
        self.assertEqual(site.sandbox.summary()["duplicated"], 0)

    def test_a_drain_gives_up_and_says_why(self):
        site = self.site()
        mount_tmpfs(self, site.path("ledger"), size="32m")
        site.drop(site.oracle.issue("a"))
        self.assertEqual(site.drain().code, 0)
        filler = Filler(self, site.path("ledger"), once=True)  # the start needs the reserve
        site.drop(site.oracle.issue("b"))
        daemon = site.drain(patience="2s")
        self.assertEqual(daemon.code, 4, daemon.log[-2000:])
        self.assertIn("nothing new was taken in: the disk of the ledger", daemon.output)
        filler.stop()
        self.assertEqual(site.drain().code, 0)
        site.oracle.judge()


    def test_a_quota_ends_it_and_costs_nothing(self):
        """SQLite takes a quota for a disk that fails. On btrfs the kernel may also end the process,
        when SQLite touches the memory that it shares with readers."""
        site = self.site("--latency", "20")
        mount_quota(self, site.path("ledger"), "32M")
        daemon = site.serve(environment=without_handler("sigbus"))
        count = scaled(1000, 300)
        self.hand_off(site, "first", count)
        eventually(lambda: site.sandbox.summary()["cases"] >= 20, "work is under way")
        filler = Filler(self, site.path("ledger"))
        self.assertIn(daemon.wait(), (1, -signal.SIGBUS), daemon.log[-2000:])
        site.daemons.remove(daemon)  # its last words may be cut off
        filler.stop()
        self.assertEqual(site.drain(bound=600).code, 0)
        site.oracle.judge()
        self.assertEqual(site.sandbox.summary()["duplicated"], 0)


class FullOutcomes(FullDisk):
    def fill(self, inodes, mount=mount_tmpfs, **limits):
        site = self.site("--latency", "20")
        os.makedirs(site.outcomes, exist_ok=True)
        mount(self, site.outcomes, **limits)
        daemon, listener = self.serve(site)
        count = scaled(300, 100)
        self.hand_off(site, "first", count)
        eventually(lambda: site.sandbox.summary()["cases"] >= 10, "work is under way")
        eventually(lambda: not site.spool_files(), "the ledger has all of them")
        filler = Filler(self, site.outcomes, inodes)
        self.expect_that_it_says_so(daemon, listener, "outcomes")
        self.hand_off(site, "second", 20)
        # What was taken in before goes on: its results stand in the ledger.
        eventually(lambda: site.sandbox.summary()["cases"] == count, "all cases of the first batch")
        stays(lambda: site.sandbox.posts() == count and daemon.process.poll() is None, 2,
              "nothing new is taken in")
        self.assertEqual(site.spool_files(), ["second.jsonl"])
        self.assertLessEqual(len(daemon.events("outcome_not_written")), 1, "it is said once")
        filler.stop()
        self.expect_all(site, daemon, count + 20)

    def test_bytes(self):
        self.fill(False, size="8m")

    def test_inodes(self):
        self.fill(True, size="64m", nr_inodes=1000)

    def test_quota(self):
        self.fill(False, mount_quota, size="8M")


class FullSpool(FullDisk):
    def fill(self, inodes, mount=mount_tmpfs, **limits):
        site = self.site()
        mount(self, site.path("spool"), **limits)
        self.assertEqual(site.drain().code, 0)  # makes what belongs into a spool
        good = [site.oracle.issue("good-%d" % n) for n in range(10)]
        for job in good:
            site.drop(job)
        site.drop_bytes("bad.json", b"no JSON")
        filler = Filler(self, site.path("spool"), inodes)
        daemon = site.serve()
        for job in good:
            site.wait_for_outcome(job["reference"])
        daemon.wait_for("job_file_left")
        eventually(lambda: site.spool_files() == ["bad.json"], "the good ones went on")
        stays(lambda: site.spool_files() == ["bad.json"] and daemon.process.poll() is None, 2,
              "the bad one stays")
        self.assertEqual(len(daemon.events("job_file_left")), 1, "it is said once")
        filler.stop()
        eventually(lambda: "bad.json" in site.rejected_files(), "the bad one is moved away")
        self.assertEqual(site.reason("bad")["file"], "bad.json")
        self.assertEqual(daemon.stop(), 0)
        site.oracle.judge(reports=False)

    def test_bytes(self):
        self.fill(False, size="1m")

    def test_inodes(self):
        self.fill(True, size="16m", nr_inodes=60)

    def test_quota(self):
        self.fill(False, mount_quota, size="2M")

    def test_a_drain_does_not_call_that_done(self):
        site = self.site()
        mount_tmpfs(self, site.path("spool"), size="1m")
        self.assertEqual(site.drain().code, 0)
        site.drop_bytes("bad.json", b"no JSON")
        filler = Filler(self, site.path("spool"))
        daemon = site.drain(patience="2s")
        self.assertEqual(daemon.code, 4, daemon.log[-2000:])
        self.assertIn("1 files could be neither taken nor moved away", daemon.output)
        filler.stop()
        self.assertEqual(site.drain().code, 3)


class FailingDisk(SystemTest):
    """One call of the ledger's disk fails: the daemon ends and says so, the next one repairs, and
    nothing is lost or done twice."""

    def run_with_failure(self, call, number, of_ledger_only):
        site = self.site("--latency", "5")
        jobs = [site.oracle.issue("job-%02d" % n, batch="jobs") for n in range(10)]
        site.drop_lines("jobs", jobs)
        daemon = site.drain(
            under=("strace", "-f", "-qq", "-o", os.devnull, "-e", "trace=" + call, "-e",
                   "inject=%s:error=EIO:when=%d" % (call, number),
                   *(("-P", site.path("ledger", "ledger.db")) if of_ledger_only else ())),
            environment={"ASAN_OPTIONS": "detect_leaks=0"})  # it cannot look under strace
        failed = daemon.code != 0
        if failed:
            self.assertIn(daemon.code, (1, 78), daemon.log[-2000:])
            self.assertIn("ledger", daemon.log)
            # Where its first page cannot be read, SQLite speaks of a damaged file.
            self.assertRegex(daemon.log, "disk I/O error|unable to get the page|malformed"
                             if call == "pread64" else "disk I/O error")
            site.daemons.remove(daemon)  # its last words are no JSON
            self.assertEqual(site.drain().code, 0)
        site.oracle.judge()
        summary = site.sandbox.summary()
        self.assertEqual((summary["cases"], summary["duplicated"]), (10, 0))
        site.sandbox.stop()
        return failed

    def fail_at_points(self, call, step, of_ledger_only=False):
        need(self, "strace")
        number = 1
        while self.run_with_failure(call, number, of_ledger_only):
            number += step
        self.assertGreater(number, 3 * step, "too few points were reached")

    def test_syncs(self):
        self.fail_at_points("fdatasync", 2)

    def test_writes(self):
        self.fail_at_points("pwrite64", 17)

    def test_reads(self):
        self.fail_at_points("pread64", 3, of_ledger_only=True)  # the loader reads as well


class ReadOnly(FullDisk):
    """A disk that is mounted anew for reading only, as kernels do when it fails, and then for
    writing again."""

    def expect_refusal(self, site, code, words):
        daemon = site.start("--drain")
        self.assertEqual(daemon.wait(), code, daemon.log)
        self.assertIn(words, daemon.log)
        site.daemons.remove(daemon)  # its last words are no JSON

    def remount(self, directory, how):
        subprocess.run(["mount", "-o", "remount," + how, directory], check=True)

    def test_outcomes(self):
        site = self.site("--latency", "20")
        os.makedirs(site.outcomes, exist_ok=True)
        mount_tmpfs(self, site.outcomes, size="64m")
        daemon, _ = self.serve(site)
        count = scaled(200, 60)
        self.hand_off(site, "first", count)
        eventually(lambda: site.sandbox.summary()["cases"] >= 10, "work is under way")
        self.remount(site.outcomes, "ro")
        daemon.wait_for("outcome_not_written")
        eventually(lambda: site.sandbox.summary()["cases"] == count, "what was taken in goes on")
        self.assertIsNone(daemon.process.poll())
        self.remount(site.outcomes, "rw")
        for account, reference in site.oracle.obligations:
            site.wait_for_outcome(reference, account)
        self.assertEqual(daemon.stop(), 0, daemon.log[-2000:])
        self.assertEqual(site.drain().code, 0)  # writes the report, should it be due still
        site.oracle.judge()
        self.assertEqual(site.sandbox.posts(), count)

    def test_spool(self):
        site = self.site()
        mount_tmpfs(self, site.path("spool"), size="64m")
        self.assertEqual(site.drain().code, 0)  # makes what belongs into a spool
        for n in range(10):
            site.drop(site.oracle.issue("job-%d" % n))
        self.remount(site.path("spool"), "ro")
        self.expect_refusal(site, 78, "Read-only file system")
        self.assertEqual(len(site.spool_files()), 10)
        self.remount(site.path("spool"), "rw")
        self.assertEqual(site.drain().code, 0)
        site.oracle.judge()
        self.assertEqual(site.sandbox.posts(), 10)

    def test_ledger(self):
        site = self.site("--latency", "20")
        mount_tmpfs(self, site.path("ledger"), size="64m")
        daemon = site.serve()
        count = scaled(200, 60)
        self.hand_off(site, "first", count)
        eventually(lambda: site.sandbox.summary()["cases"] >= 10, "work is under way")
        eventually(lambda: not site.spool_files(), "the ledger has all of them")
        daemon.kill()  # the mount cannot change while a file is open for writing
        self.remount(site.path("ledger"), "ro")
        self.expect_refusal(site, 78, "Read-only file system")
        self.remount(site.path("ledger"), "rw")
        self.assertEqual(site.drain().code, 0)
        site.oracle.judge()
        self.assertEqual(site.sandbox.summary()["duplicated"], 0)


class SlowDisk(SystemTest):
    """Each sync takes as long as on a disk that is worn out."""

    def test_every_sync_takes_a_second(self):
        need(self, "strace")
        site = self.site()
        site.drop_lines("jobs", [site.oracle.issue("job-%d" % n, batch="jobs") for n in range(20)])
        listener = NotifySocket(self, site.path("notify"))
        daemon = site.start(
            "--drain",
            under=("strace", "-f", "-qq", "-o", os.devnull, "-e", "trace=fsync,fdatasync,syncfs",
                   "-e", "inject=fsync,fdatasync,syncfs:delay_enter=1000000"),
            environment={"ASAN_OPTIONS": "detect_leaks=0", "NOTIFY_SOCKET": listener.path,
                         "WATCHDOG_USEC": "2000000"})

        def ended():  # the socket holds few messages: it is read all the time
            listener.heard("")
            return daemon.process.poll() is not None
        eventually(ended, "it ends")
        self.assertEqual(daemon.process.returncode, 0, daemon.log[-2000:])
        outcomes = site.oracle.judge()
        self.assertEqual({one["attempts"] for one in outcomes.values()}, {1})
        self.assertEqual(site.sandbox.posts(), 20)
        # The loop never waited for the disk: the watchdog was fed all the time.
        self.assertGreater(len(listener.heard("WATCHDOG=1")), 4)


class PutBack(SystemTest):
    """A copy of the ledger from before was put back beside newer outcomes."""

    def copy(self, site, to):
        shutil.copytree(site.path("ledger"), site.path(to))

    def put_back(self, site, name):
        shutil.rmtree(site.path("ledger"))
        shutil.copytree(site.path(name), site.path("ledger"))

    def expect_refusal(self, site, words):
        posts = site.sandbox.posts()
        for options in ((), ("--drain",)):
            daemon = site.start(*options)
            self.assertEqual(daemon.wait(), 78, daemon.log)
            self.assertIn(words, daemon.log)
            self.assertIn("onboardctl fsck --accept-restored", daemon.log)
            site.daemons.remove(daemon)
        self.assertEqual(site.sandbox.posts(), posts)

    def test_of_an_earlier_run(self):
        site = self.site()
        site.drop(site.oracle.issue("a"))
        self.assertEqual(site.drain().code, 0)
        self.copy(site, "copy")
        site.drop(site.oracle.issue("b"))
        self.assertEqual(site.drain().code, 0)
        self.copy(site, "newest")
        self.put_back(site, "copy")
        site.drop(site.oracle.obligations[ACCOUNT, "b"].job)  # it would be opened a second time
        self.expect_refusal(site, "is older than the outcomes")
        self.put_back(site, "newest")
        self.assertEqual(site.drain().code, 0)
        site.oracle.judge()
        self.assertEqual(site.sandbox.posts(), 2)

    def test_of_the_same_run(self):
        site = self.site()
        daemon = site.serve()
        site.drop(site.oracle.issue("a"))
        site.wait_for_outcome("a")
        subprocess.run(["cp", "-a", site.path("ledger"), site.path("copy")], check=True)
        site.drop(site.oracle.issue("b"))
        site.wait_for_outcome("b")
        self.assertEqual(daemon.stop(), 0)
        self.put_back(site, "copy")
        self.expect_refusal(site, "is older than the outcomes")

    def test_another_ledger(self):
        site = self.site()
        site.drop(site.oracle.issue("a"))
        self.assertEqual(site.drain().code, 0)
        shutil.rmtree(site.path("ledger"))
        os.mkdir(site.path("ledger"))
        self.expect_refusal(site, "is not the ledger that wrote the outcomes")

    def test_outcomes_that_are_gone_are_written_again(self):
        site = self.site()
        for name in ("a", "b"):
            site.drop(site.oracle.issue(name))
        self.assertEqual(site.drain().code, 0)
        before = site.oracle.judge()
        shutil.rmtree(site.outcomes)
        self.assertEqual(site.drain().code, 0)
        self.assertEqual(site.oracle.judge(), before)
        self.assertEqual(site.sandbox.posts(), 2)

    def test_a_damaged_mark(self):
        site = self.site()
        site.drop(site.oracle.issue("a"))
        self.assertEqual(site.drain().code, 0)
        with open(os.path.join(site.outcomes, ".ledger"), "w", encoding="utf-8") as file:
            file.write("{")
        daemon = site.drain()
        self.assertEqual(daemon.code, 78, daemon.log)
        self.assertIn("is damaged", daemon.log)
        site.daemons.remove(daemon)
        os.remove(os.path.join(site.outcomes, ".ledger"))
        self.assertEqual(site.drain().code, 0)
        site.oracle.judge()


if __name__ == "__main__":
    main()
