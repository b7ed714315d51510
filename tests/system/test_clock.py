"""Sleep between intent and send, and wall clocks that jump."""

import glob
import os
import shutil
import signal
import sqlite3
import struct
import tempfile
import time

from harness import ACCOUNT, DAEMON, SystemTest, eventually, main, need, preload, scaled, stays

SEND_WINDOW = 10  # seconds, as in the daemon
SUBMITTING = 2    # as in the ledger
HOUR = 3600


class Asleep(SystemTest):
    """strace stops the daemon at every sync of its ledger; the one that makes the intent durable
    lasts longer than the send window."""

    def child_of(self, process):
        """The daemon; strace has other children for a moment."""
        def find():
            path = "/proc/%d/task/%d/children" % (process.pid, process.pid)
            with open(path, encoding="ascii") as file:
                children = [int(word) for word in file.read().split()]
            return [child for child in children if self.runs(child)]
        return eventually(find, "the daemon runs")[0]

    def runs(self, pid):
        try:
            return os.path.realpath("/proc/%d/exe" % pid) == os.path.realpath(DAEMON)
        except OSError:
            return False

    def states(self, pid):
        found = ""
        for path in glob.glob("/proc/%d/task/*/stat" % pid):
            try:
                with open(path, encoding="utf-8") as file:
                    found += file.read().rsplit(")", 1)[1].split()[0]
            except OSError:
                pass
        return found

    def is_stopped(self, pid):
        """Not only for the moment that strace needs for a call."""
        end = time.monotonic() + 0.1
        while time.monotonic() < end:
            if not self.states(pid) or self.states(pid).strip("tT"):
                return False
        return True

    def job_states(self, site):
        """What the disk would give back now."""
        with tempfile.TemporaryDirectory(prefix="onb-look-") as place:
            for name in ("ledger.db", "ledger.db-wal"):
                shutil.copy(site.path("ledger", name), place)
            book = sqlite3.connect(os.path.join(place, "ledger.db"))
            try:
                return [row[0] for row in book.execute("SELECT state FROM job")]
            except sqlite3.OperationalError:
                return []  # it is just being made
            finally:
                book.close()

    def test_stopped_between_intent_and_send(self):
        need(self, "strace")
        site = self.site(provider={"request_timeout": "60s"})
        self.assertEqual(site.drain().code, 0)  # makes the ledger
        site.drop(site.oracle.issue("sleeper"))
        daemon = site.start(
            "--drain", under=("strace", "-f", "-qq", "-o", os.devnull, "-e", "trace=fdatasync",
                                "-e", "inject=fdatasync:signal=SIGSTOP"),
            environment={"ASAN_OPTIONS": "detect_leaks=0"})
        pid = self.child_of(daemon.process)
        slept = 0
        while True:
            eventually(lambda: daemon.process.poll() is not None or self.is_stopped(pid),
                       "it ends or stops")
            if daemon.process.poll() is not None:
                break
            if not slept and self.job_states(site) == [SUBMITTING]:
                slept += 1
                stays(lambda: self.states(pid).strip("tT") == "", SEND_WINDOW + 1, "it sleeps")
                self.assertEqual(site.sandbox.posts(), 0)
            os.kill(pid, signal.SIGCONT)
        self.assertEqual(slept, 1, "no intent was seen")
        self.assertEqual(daemon.process.returncode, 0, daemon.log[-2000:])
        (outcome,) = site.oracle.judge().values()
        self.assertEqual(outcome["attempts"], 2, "the first one was not sent blindly")
        self.assertEqual(site.sandbox.posts(), 1)


class WallClock(SystemTest):
    """Under a library that adds to the machine's wall clock what the file `clock` says."""

    def set_clock(self, site, seconds):
        """From now on the daemon's wall clock is that much ahead."""
        with open(site.path("clock"), "r+b") as file:
            file.write(struct.pack("=q", seconds))

    def serve(self, site):
        with open(site.path("clock"), "wb") as file:
            file.write(struct.pack("=q", 0))
        return site.serve(environment=preload("set_clock", SET_CLOCK_FILE=site.path("clock")))

    def jumps(self):
        now = time.time()
        return {"an hour ahead": HOUR, "two hours back": -2 * HOUR, "1970": int(60 - now),
                "2038": int(2 ** 31 - 60 - now)}

    def test_a_jump_that_is_taken_back_ends_no_job(self):
        for name, seconds in self.jumps().items():
            with self.subTest(name):
                self.jump(seconds)

    def jump(self, seconds):
        site = self.site(retry={"max_age": "30m", "schedule": ["100ms"]},
                         reconcile={"settle": "5m"})
        daemon = self.serve(site)
        site.drop(site.oracle.issue("before"))
        site.wait_for_outcome("before")
        # One whose answer was lost, and some that wait for the provider.
        site.sandbox.script({"lost": ["reset-before-create"]})
        site.drop(site.oracle.issue("lost"))
        eventually(lambda: site.sandbox.summary()["lists_served"] >= 1, "it is looked up")
        site.sandbox.settings(fault="status-before=425:1")  # too early: they are deferred
        waiting = [site.oracle.issue("waiting-%d" % n) for n in range(scaled(20))]
        for job in waiting:
            site.drop(job)
        eventually(lambda: not site.spool_files(), "the ledger has them")
        self.set_clock(site, seconds)
        daemon.wait_for("clock_jumped")
        seen = site.sandbox.posts()
        eventually(lambda: site.sandbox.posts() >= seen + len(waiting), "it goes on trying")
        self.set_clock(site, 0)
        daemon.wait_for("clock_steady")
        site.sandbox.settings(fault="none")
        for job in waiting:
            self.assertEqual(site.wait_for_outcome(job["reference"])["state"], "created")
        # Five minutes have not passed, whatever the clock said: it is not sent again.
        self.assertEqual(len(site.sandbox.requests(ACCOUNT, "lost")["requests"]), 1)
        self.assertIsNone(site.outcome("lost"))
        self.assertEqual(site.sandbox.summary()["tokens_issued"], {ACCOUNT: 1})
        self.assertEqual(daemon.stop(), 0, daemon.log[-2000:])
        site.sandbox.stop()


if __name__ == "__main__":
    main()
