"""Every step fails: one canonical run, and what happens if any one of its system calls does not.

A *point* is a place in the run and what is done to it there: kill before call N, or call N of its
kind fails with an errno, once or from then on. After it the daemon is started again, undisturbed,
and the oracle of the system tests judges: nothing lost, nothing twice, every outcome right.

Threads make the order of calls differ a little from run to run. So the N-th call of two runs need
not be the same one; but each N is tried, up to the last that is ever met."""

import glob
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "system"))

import harness  # noqa: E402  (found only now)
from harness import ACCOUNT, CANARY_TEXT, SECRET, Sandbox, Site, certificates  # noqa: E402

AT_STEP = os.environ.get("ONBOARDD_AT_STEP", "at_step")
NOT_ALLOWED = 77
RUN_BOUND = float(os.environ.get("ONBOARDD_STEPS_BOUND", "30"))  # seconds, for a run with a fault
PATIENCE = "2s"  # of a run with a fault: then it must give up

# What each call may fail with. EINTR only once: who is interrupted for ever may try for ever.
DISK = ("EIO", "ENOSPC")
CUT = ("ECONNRESET", "EPIPE", "ETIMEDOUT")
ERRNOS = {
    "openat": ("EMFILE", "ENOSPC", "EACCES", "EIO", "EINTR"),
    "openat2": ("EMFILE", "ENOMEM", "EIO", "EINTR"),  # EACCES: no job, moved to rejected/
    "read": ("EIO", "EINTR"),
    "pread64": ("EIO", "EINTR"),
    "getdents64": ("EIO",),
    "write": DISK + ("EPIPE", "EINTR"),
    "writev": DISK + ("EINTR",),
    "pwrite64": DISK + ("EDQUOT", "EINTR"),
    "pwritev": DISK + ("EINTR",),
    "fsync": DISK,
    "fdatasync": DISK,
    "sync_file_range": DISK,
    "syncfs": DISK,
    "ftruncate": DISK + ("EINTR",),
    "fallocate": DISK + ("EINTR",),
    "fchmod": ("EIO", "EROFS"),
    "mkdir": DISK + ("EACCES",),
    "mkdirat": DISK + ("EACCES",),
    "link": DISK,
    "linkat": DISK,
    "rename": DISK + ("EACCES",),
    "renameat": DISK + ("EACCES",),
    "renameat2": DISK + ("EACCES",),
    "unlink": ("EIO", "EROFS"),
    "unlinkat": ("EIO", "EROFS"),
    "inotify_add_watch": ("ENOSPC", "ENOMEM"),
    "socket": ("EMFILE", "ENOBUFS"),
    "connect": ("ECONNREFUSED", "ETIMEDOUT", "ENETUNREACH"),
    "sendto": CUT + ("EINTR",),
    "sendmsg": CUT + ("EINTR",),
    "recvfrom": ("ECONNRESET", "ETIMEDOUT", "EINTR"),
    "recvmsg": ("ECONNRESET", "ETIMEDOUT", "EINTR"),
    "getrandom": ("EAGAIN", "EINTR"),
}


def orders_of(calls):
    """{CALL: COUNT} -> all points up to there: ("kill", N), ("once", CALL, N, ERRNO), ..."""
    points = [("kill", number) for number in range(1, sum(calls.values()) + 1)]
    for call, count in calls.items():
        for number in range(1, count + 1):
            for errno in ERRNOS[call]:
                points.append(("once", call, number, errno))
                if errno != "EINTR":
                    points.append(("always", call, number, errno))
    return points


class Bench(unittest.TestCase):
    """Lends its assertions and its cleaning up to a site."""

    def runTest(self):
        pass


class Verdict:
    """Of one point."""

    def __init__(self, point):
        self.point = point
        self.met = False  # the run got as far as this point
        self.wrong = ""  # why it is a failure: first a word, then the whole
        self.code = None  # of the run with the fault
        self.calls = {}


class Lab:
    """Runs points, one after the other, with one sandbox for all."""

    def __init__(self):
        self.holder = tempfile.TemporaryDirectory(prefix="onb-steps-")
        self.sandbox = Sandbox(self.holder.name, certificates(), accounts=(ACCOUNT,))

    def close(self):
        self.sandbox.stop()
        self.holder.cleanup()

    def run(self, *point):
        verdict = Verdict(point)
        bench = Bench()
        try:
            self.sandbox.control("/reset", {})
            site = make_site(bench, self.sandbox)
            self.run_with_fault(site, verdict)
            self.run_undisturbed(site)
        except unittest.SkipTest:
            raise
        except Exception as ex:  # a failure of any kind belongs to its point
            verdict.wrong = word_for(ex) + "\n" + traceback.format_exc() + tails(site)
        finally:
            bench.doCleanups()
        return verdict

    def run_with_fault(self, site, verdict):
        report = site.path("steps")
        under = [AT_STEP, "--report", report, *map(str, verdict.point)]
        daemon = site.start("--drain", "--patience", PATIENCE, under=under)
        try:
            verdict.code = daemon.process.wait(RUN_BOUND)
        except subprocess.TimeoutExpired:
            daemon.process.send_signal(6)
            daemon.kill()
            raise AssertionError("hang: the run with the fault did not end") from None
        if verdict.code == NOT_ALLOWED:
            raise unittest.SkipTest(daemon.log)
        verdict.calls, verdict.met = read_report(report)
        check_end(site, daemon, verdict)
        check_whole(site)

    def run_undisturbed(self, site):
        faulty = list(site.daemons)
        daemon = site.drain()
        site.test.assertIn(daemon.code, (0, 3), "the run after it")
        site.daemons = [daemon]  # the logs of the others end as they may
        site.oracle.judge()
        check_rejected(site)
        for one in faulty:
            text = one.log + one.output
            for canary in (SECRET, CANARY_TEXT, "Kaffebrenneri"):
                site.test.assertNotIn(canary, text)


def make_site(bench, sandbox):
    """The canonical run: files, a batch, lines with a bad one, a file that is no job, a job that is
    refused, and one whose answer is lost."""
    site = Site(bench, sandbox=sandbox, spool={"settle": "0s", "rescan": "200ms"},
                reconcile={"settle": "300ms", "resend_max": 10},
                retry={"schedule": ["20ms", "50ms", "100ms"]})
    sandbox.script({"lost": ["cut-after-create"], "refused": ["refuse"] * 50})
    oracle = site.oracle
    site.drop(oracle.issue("one"))
    site.drop(oracle.issue("two", batch="shop"), batch="shop")
    site.drop(oracle.issue("lost"))
    site.drop(oracle.issue("refused", states=("rejected",)))
    lines = [json.dumps(oracle.issue("line-%d" % number, batch="lines"), ensure_ascii=False)
             for number in (1, 2, 3, 4)]
    lines.insert(1, '{"bad": "line"}')
    site.drop_bytes("lines.jsonl", "\n".join(lines).encode())
    site.drop_bytes("broken.json", b'{"not a job"')
    return site


REJECTED = ["broken.json", "broken.reason.json", "lines.line-2.json", "lines.line-2.reason.json"]


def check_rejected(site):
    found = [name for name in site.rejected_files() if not name.startswith(".")]
    site.test.assertEqual(found, REJECTED)


def check_end(site, daemon, verdict):
    """A fault may end the daemon, but in order: no signal, no sanitizer."""
    killed = verdict.point[0] == "kill" and verdict.met
    site.test.assertTrue(verdict.code >= 0 or killed, "crash: ended with %d" % verdict.code)
    for word in ("AddressSanitizer:", "runtime error:", "terminate called"):
        site.test.assertNotIn(word, daemon.log, "crash")


def check_whole(site):
    """No outcome is ever seen half-written, whatever has just happened."""
    for name in glob.glob(os.path.join(site.outcomes, "*", "*.json")):
        with open(name, encoding="utf-8") as file:
            try:
                json.load(file)
            except ValueError:
                raise AssertionError("half: " + name) from None


def read_report(name):
    counts = {}
    with open(name, encoding="utf-8") as file:
        for line in file:
            call, number = line.split()
            counts[call] = int(number)
    return counts, counts.pop("met") != 0


def word_for(ex):
    """The kind of damage, for the summary."""
    text = str(ex)
    for word, signs in (("hang", ("hang:", "does not end", "never happened")),
                        ("twice", ("created twice",)),
                        ("lost", ("without an outcome",)),
                        ("half", ("half:",)),
                        ("crash", ("crash",))):
        if any(sign in text for sign in signs):
            return word
    return "wrong"


def tails(site):
    return "".join("\n---- onboardd, code %s\n%s%s" % (one.process.poll(), one.output[-500:],
                                                       one.log[-2500:]) for one in site.daemons)


def count_calls(lab, runs=3):
    """How many there are of each kind, in the longest of several undisturbed runs."""
    most = {}
    for _ in range(runs):
        verdict = lab.run("count")
        if verdict.wrong:
            raise AssertionError("the undisturbed run fails: " + verdict.wrong)
        for call, count in verdict.calls.items():
            most[call] = max(most.get(call, 0), count)
    return most
