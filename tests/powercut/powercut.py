#!/usr/bin/env python3
"""Power cuts at block level; run.sh builds what this needs and calls it. README.md tells how."""

import argparse
import collections
import multiprocessing
import multiprocessing.util
import os
import random
import shutil
import sys
import tempfile
import time

worker = None


def read_options():
    parser = argparse.ArgumentParser(prog="run.sh")
    parser.add_argument("--fs", choices=("ext4", "xfs", "btrfs"), default="ext4")
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--per-run", type=int, default=500, help="images of one recorded run")
    parser.add_argument("--whole", type=float, default=0.1,
                        help="share of the images on which the daemon is started again")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lie", choices=("all", "file", "directory"),
                        help="the daemon's syncs do nothing: losses must be found")
    parser.add_argument("--eio", type=int, default=0, metavar="POINTS",
                        help="instead: one write below the file system fails, restart, power cut")
    parser.add_argument("--eio-until", type=int, default=400, metavar="WRITE",
                        help="the last write that may be chosen")
    parser.add_argument("--show", type=int, default=10, help="how many faults are told in full")
    parser.add_argument("--plugin", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--lying-sync", required=True, help=argparse.SUPPRESS)
    return parser.parse_args()


class Worker:
    """Builds, mounts and judges images, in one process."""

    def __init__(self, options, log, size, facts):
        import cuts
        from harness import ACCOUNT, Sandbox, certificates
        self.options, self.facts = options, facts
        self.directory = tempfile.mkdtemp(prefix="onb-cut-")
        self.root = os.path.join(self.directory, "root")
        os.mkdir(self.root)
        self.log = cuts.DiskLog(log)
        self.size = size
        self.replay = cuts.Replay(self.log, size)
        self.sandbox = Sandbox(self.directory, certificates(), accounts=(ACCOUNT,))

    def close(self):
        self.sandbox.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def judge(self, cut):
        import cuts
        import disk
        import verdict
        if cut.number < self.replay.next - 1:
            self.replay = cuts.Replay(self.log, self.size)
        self.replay.go_to(cut.number)
        image = os.path.join(self.directory, "image")
        self.replay.write_image(image, cut)
        try:
            mounted = disk.MountedImage(image, self.root, self.options.fs)
            with mounted as root:
                cut.repaired = mounted.repaired
                faults = verdict.look(root, self.facts, cut)
                if cut.whole:
                    faults += verdict.run_daemon(root, self.facts, cut, self.sandbox)
                return faults
        except OSError as ex:
            return [("mount", str(ex))]


def open_worker(*arguments):
    global worker
    worker = Worker(*arguments)
    multiprocessing.util.Finalize(worker, worker.close, exitpriority=10)


def judge(cut):
    return cut, worker.judge(cut)


class Tally:
    def __init__(self, show):
        self.show_max = show
        self.images = self.whole = self.damaged = self.repaired = 0
        self.kinds = collections.Counter()
        self.kinds_by_image = collections.Counter()
        self.seconds = 0.0

    def add(self, cut, faults):
        import verdict
        self.images += 1
        self.whole += cut.whole
        self.repaired += cut.repaired
        self.damaged += bool(faults)
        self.kinds.update(kind for kind, _ in faults)
        self.kinds_by_image.update({kind for kind, _ in faults})
        if faults and self.damaged <= self.show_max:
            print("%s: %s" % (cut, verdict.summary_of(faults)[:2000]), flush=True)

    def tell(self, file_system):
        print("%s: %d images, the daemon started on %d, %.0f s, %.1f images/s" % (
            file_system, self.images, self.whole, self.seconds,
            self.images / max(self.seconds, 0.001)))
        if self.repaired:
            print("%d images mounted only after a repair of the superblock" % self.repaired)
        print("%d images damaged%s" % (self.damaged, "".join(
            ", %s: %d in %d images" % (kind, count, self.kinds_by_image[kind])
            for kind, count in sorted(self.kinds.items()))))


def judge_run(options, seed, count, tally):
    """One recorded run and `count` images of it."""
    import cuts
    import recording
    directory = tempfile.mkdtemp(prefix="onb-disk-")
    environment = {"LD_PRELOAD": options.lying_sync, "LIE": options.lie} if options.lie else None
    try:
        log, size, facts = recording.record(directory, options.plugin, options.fs, seed,
                                            environment)
        chosen = cuts.choose_cuts(cuts.DiskLog(log), facts.begin, facts.end, count,
                                  options.whole, seed)
        print("seed %d: %d files handed off, %d cases, %d MB of log" % (
            seed, len(facts.hand_offs), len(facts.cases), os.path.getsize(log) >> 20), flush=True)
        began = time.monotonic()
        with multiprocessing.Pool(options.jobs, open_worker, (options, log, size, facts)) as pool:
            for cut, faults in pool.imap_unordered(judge, chosen):
                tally.add(cut, faults)
            pool.close()
            pool.join()
        tally.seconds += time.monotonic() - began
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def fail_one_write(options, seed, fail_at, tally):
    """The write, restarts, and then a power cut, with nothing and with anything of what was not
    flushed."""
    import cuts
    import recording
    directory = tempfile.mkdtemp(prefix="onb-disk-")
    try:
        log, size, facts, met = recording.record_failure(directory, options.plugin, options.fs,
                                                         seed, fail_at)
        judging = Worker(options, log, size, facts)
        try:
            last = judging.log.first_after(facts.end) - 1
            for part in ("none", "torn"):
                cut = cuts.Cut(last, facts.end, part, seed, True)
                tally.add(cut, judging.judge(cut))
        finally:
            judging.close()
        return met
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def fail_writes(options, tally):
    chance = random.Random(options.seed)
    began = time.monotonic()
    met = 0
    for number in range(options.eio):
        fail_at = chance.randint(1, options.eio_until)
        damaged = tally.damaged
        met += fail_one_write(options, options.seed + number, fail_at, tally)
        if tally.damaged != damaged:
            print("... seed %d, write %d failed" % (options.seed + number, fail_at), flush=True)
    tally.seconds = time.monotonic() - began
    print("%d runs, in %d of them a write failed" % (options.eio, met))
    tally.tell(options.fs)
    return 1 if tally.damaged else 0


def main():
    options = read_options()
    tally = Tally(options.show)
    if options.eio:
        return fail_writes(options, tally)
    for seed in range(options.seed, options.seed + options.images):
        left = options.images - tally.images
        if left <= 0:
            break
        judge_run(options, seed, min(left, options.per_run), tally)
    tally.tell(options.fs)
    return 1 if tally.damaged else 0


if __name__ == "__main__":
    sys.exit(main())
