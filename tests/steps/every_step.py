#!/usr/bin/env python3
"""Every step fails: the whole sweep, in one command.

    python3 tests/steps/every_step.py --build build/release [--jobs 8] [--seed N --sample SHARE]
    python3 tests/steps/every_step.py --build build/release --point once fdatasync 3 EIO

Counts the system calls of a canonical run and then tries each of them: killed there, and failed
with each fitting errno, once and for ever (steps.py). The numbers go on beyond the count until
nothing is met any more, since threads make runs differ. Ends with 0 if nothing was lost, nothing
done twice, no outcome half or wrong, and nothing hung or crashed. Failures go to --log too."""

import argparse
import collections
import multiprocessing
import multiprocessing.util
import os
import random
import sys
import time

lab = None


def read_options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/release", help="where bin/ and the tests are")
    parser.add_argument("--jobs", type=int, default=2 * (os.cpu_count() or 1))
    parser.add_argument("--sample", type=float, default=1.0, help="share of the points to try")
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    parser.add_argument("--only", default="", help="kill, once or always")
    parser.add_argument("--call", default="", help="only faults of this call")
    parser.add_argument("--log", default="", help="of the failures; every-step.log in --build")
    parser.add_argument("--point", nargs="+", help="one point, told in full")
    return parser.parse_args()


def set_up(build):
    """Before `steps` is imported: it reads the environment."""
    programs = os.path.abspath(os.path.join(build, "bin"))
    for name, program in (("ONBOARDD", "onboardd"), ("ONBOARDD_SANDBOX", "onboardd-sandbox"),
                          ("ONBOARDD_AT_STEP", "at_step")):
        os.environ.setdefault(name, os.path.join(programs, program))
    if os.access("/dev/shm", os.W_OK):
        os.environ.setdefault("TMPDIR", "/dev/shm")  # real disks say nothing new, and wait


def open_lab():
    global lab
    import steps
    lab = steps.Lab()
    multiprocessing.util.Finalize(lab, lab.close, exitpriority=10)


def try_point(point):
    return lab.run(*point)


class Summary:
    def __init__(self, log):
        self.log = open(log, "w", encoding="utf-8")
        self.began = time.monotonic()
        self.met = collections.Counter()
        self.missed = 0
        self.wrong = collections.Counter()
        self.codes = collections.Counter()

    def add(self, verdict):
        kind = verdict.point[0]
        if verdict.wrong:
            word = verdict.wrong.split("\n")[0]
            self.wrong[word] += 1
            print("%s: %s" % (word, " ".join(map(str, verdict.point))), flush=True)
            self.log.write("==== %s\n%s\n" % (" ".join(map(str, verdict.point)), verdict.wrong))
            self.log.flush()
        if not verdict.met:
            self.missed += 1
            return
        self.met[kind] += 1
        self.codes[verdict.code] += 1

    def show(self):
        print("codes of the runs with a fault: " + ", ".join(
            "%s x %d" % (code, count) for code, count in sorted(self.codes.items())))
        print("%d points met: %d kills, %d failures once, %d failures for ever; "
              "%d not met by their run" % (sum(self.met.values()), self.met["kill"],
                                           self.met["once"], self.met["always"], self.missed))
        print("%d lost, %d twice, %d half, %d hangs, %d crashes, %d wrong, %.0f seconds" % (
            *(self.wrong[word] for word in ("lost", "twice", "half", "hang", "crash", "wrong")),
            time.monotonic() - self.began))


def run_points(pool, points, summary):
    """Returns those that were met."""
    met = set()
    for done, verdict in enumerate(pool.imap_unordered(try_point, points), 1):
        summary.add(verdict)
        if verdict.met:
            met.add(verdict.point)
        if done % 500 == 0:
            print("%d of %d points, %.0f s" % (done, len(points),
                                               time.monotonic() - summary.began), flush=True)
    return met


def next_ones(points, met):
    """Behind the last number of each kind, where that one was met."""
    def kind_of(point):
        return point[0] if point[0] == "kill" else (point[0], point[1], point[3])

    def with_number(point, number):
        return (point[0], number) if point[0] == "kill" else (*point[:2], number, point[3])

    last = {}
    for point in points:
        number = point[1] if point[0] == "kill" else point[2]
        last[kind_of(point)] = max(last.get(kind_of(point), (0, None)), (number, point))
    return [with_number(point, number + 1) for number, point in last.values() if point in met]


def sweep(options, orders_of, count_calls):
    global lab
    calls = count_calls(lab)
    lab.close()
    lab = None  # each worker opens its own
    print("calls: " + ", ".join("%s %d" % one for one in sorted(calls.items())))
    points = [point for point in orders_of(calls)
              if options.only in ("", point[0]) and options.call in ("", point[1])]
    whole = options.sample >= 1
    chance = random.Random(options.seed)
    chance.shuffle(points)
    points = points[:max(1, int(len(points) * options.sample))]
    print("%d calls, %d points, %d at once" % (sum(calls.values()), len(points), options.jobs),
          flush=True)
    summary = Summary(options.log or os.path.join(options.build, "every-step.log"))
    with multiprocessing.Pool(options.jobs, open_lab) as pool:
        while points:
            met = run_points(pool, points, summary)
            points = next_ones(points, met) if whole else []
        pool.close()
        pool.join()
    summary.show()
    return 1 if summary.wrong else 0


def main():
    options = read_options()
    set_up(options.build)
    open_lab()
    import steps
    try:
        if options.point:
            verdict = lab.run(*options.point)
            print("met %s, code %s\n%s" % (verdict.met, verdict.code, verdict.wrong or "good"))
            return 1 if verdict.wrong else 0
        return sweep(options, steps.orders_of, steps.count_calls)
    except steps.unittest.SkipTest as why:
        print("skipped: %s" % why)
        return steps.NOT_ALLOWED


if __name__ == "__main__":
    sys.exit(main())
