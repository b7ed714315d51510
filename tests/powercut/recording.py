"""The run of which every moment's power cut is judged: the real daemon on the logging disk, and
what its users knew at which time (CLOCK_MONOTONIC in nanoseconds, as in the log of the disk)."""

import json
import os
import random
import threading
import time
import unittest

from disk import LoggingDisk
from harness import ACCOUNT, Sandbox, Site, certificates, eventually

WAVES = 10
LINES = 20  # jobs of a .jsonl: enough that many outcomes are synced together
LOST = "500-after:0.06,cut-after-create:0.08,reset-before-create:0.05,cut-mid-answer:0.04"
TIMING = {"spool": {"settle": "0s", "rescan": "200ms"},
          "reconcile": {"settle": "300ms", "resend_max": 10},
          "retry": {"schedule": ["20ms", "50ms", "100ms"]},
          "log": {"level": "info"}}


class Bench(unittest.TestCase):
    """Lends its assertions and its cleaning up to a site."""

    def runTest(self):
        pass


def site_on(bench, root, sandbox):
    """A site whose spool, ledger and outcomes are below `root`, the rest elsewhere."""
    sections = {name: dict(values) for name, values in TIMING.items()}
    sections["spool"]["directory"] = os.path.join(root, "spool")
    sections["outcomes"] = {"directory": os.path.join(root, "outcomes")}
    sections["ledger"] = {"url": "sqlite://" + os.path.join(root, "ledger", "ledger.db")}
    site = Site(bench, sandbox=sandbox, **sections)
    site.incoming = os.path.join(root, "spool", "incoming")
    site.rejected = os.path.join(root, "spool", "rejected")
    site.outcomes = os.path.join(root, "outcomes")
    return site


def sync_directory(name):
    fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class HandOff:
    """One file of a producer: from `begin` on it may be there, from `end` on it must be."""

    def __init__(self, name, data, duties):
        self.name, self.data, self.duties = name, data, duties
        self.begin, self.end = time.monotonic_ns(), None

    def is_no_job(self):
        return not self.duties


class Facts:
    """What the world knew, and when."""

    def __init__(self):
        self.begin = self.end = None
        self.hand_offs = []
        self.seen = []  # (time, (account, reference), id of the case)
        self.cases = []  # of the provider, in their order

    def handed(self, time_ns):
        return [one for one in self.hand_offs if one.end is not None and one.end <= time_ns]

    def cases_until(self, time_ns):
        return [one for one in self.cases if one["created_steady_ns"] <= time_ns]


class Producer:
    """Hands off as the README wants it, durably, and remembers."""

    def __init__(self, site, facts, chance):
        self.site, self.facts, self.chance = site, facts, chance
        self.made = 0

    def wave(self):
        for form in self.chance.sample(["files", "batch", "lines", "broken"], 4):
            try:
                getattr(self, form)()
            except OSError:  # on a disk that fails: not handed off
                pass

    def next_jobs(self, count, batch, states=("created",)):
        self.made += count
        return [self.site.oracle.issue("job-%03d" % number, batch=batch, states=states)
                for number in range(self.made - count, self.made)]

    def files(self):
        for job in self.next_jobs(2, "default"):
            self.hand_off(job["reference"] + ".json", encode(job), [job])

    def batch(self):
        for job in self.next_jobs(2, "shop"):
            self.hand_off(os.path.join("shop", job["reference"] + ".json"), encode(job), [job])

    def lines(self):
        name = "lines-%03d" % self.made
        jobs = self.next_jobs(LINES, name)
        self.hand_off(name + ".jsonl", b"\n".join(map(encode, jobs)), jobs)

    def broken(self):
        self.hand_off("broken-%03d.json" % self.made, b'{"no": "job"', [])

    def hand_off(self, name, data, jobs):
        duties = [self.site.oracle.obligations[job["account"], job["reference"]] for job in jobs]
        one = HandOff(name, data, duties)
        self.facts.hand_offs.append(one)
        final = os.path.join(self.site.incoming, name)
        temporary = os.path.join(os.path.dirname(final), "." + os.path.basename(final) + ".tmp")
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, final)
        sync_directory(os.path.dirname(final))
        one.end = time.monotonic_ns()


def encode(job):
    return json.dumps(job, ensure_ascii=False).encode()


class Consumer(threading.Thread):
    """Looks for outcomes and notes when it saw which."""

    def __init__(self, directory, facts):
        super().__init__(daemon=True)
        self.directory, self.facts = directory, facts
        self.known = set()
        self.ended = threading.Event()

    def run(self):
        while not self.ended.wait(0.002):
            self.look()

    def look(self):
        try:
            names = os.listdir(os.path.join(self.directory, ACCOUNT))
        except OSError:
            return
        for name in names:
            if name.startswith(".") or name in self.known:
                continue
            try:
                with open(os.path.join(self.directory, ACCOUNT, name), encoding="utf-8") as file:
                    told = json.load(file)
            except OSError:  # on a disk that fails
                continue
            self.known.add(name)
            self.facts.seen.append((time.monotonic_ns(), (ACCOUNT, told["reference"]),
                                    (told["case"] or {}).get("id")))


def prepare(root):
    """What the administrator has made long before."""
    for name in ("spool/incoming/shop", "spool/rejected", "ledger", "outcomes"):
        os.makedirs(os.path.join(root, name))
    os.sync()


def record(directory, plugin, file_system, seed, environment=None):
    """Runs once, undisturbed; (log of the disk, its size, facts)."""
    bench = Bench()
    facts = Facts()
    sandbox = Sandbox(directory, certificates(), "--latency", "15", "--seed", str(seed),
                      "--fault", LOST, accounts=(ACCOUNT,))
    disk = LoggingDisk(directory, plugin, file_system)
    try:
        prepare(disk.root)
        site = site_on(bench, disk.root, sandbox)
        facts.begin = time.monotonic_ns()
        consumer = Consumer(site.outcomes, facts)
        consumer.start()
        daemon = site.serve(environment=environment)
        producer = Producer(site, facts, random.Random(seed))
        for _ in range(WAVES):
            producer.wave()
            # The next wave comes while this one is under way.
            eventually(lambda: len(consumer.known) >= producer.made // 2, "half of it is done")
        eventually(lambda: len(consumer.known) == producer.made, "all outcomes are there")
        daemon.stop()
        consumer.ended.set()
        consumer.join()
        os.sync()
        facts.end = time.monotonic_ns()
        facts.cases = sandbox.control("/snapshot")
    finally:
        bench.doCleanups()
        disk.close()
        sandbox.stop()
    return disk.log, disk.size, facts


def record_failure(directory, plugin, file_system, seed, fail_at):
    """One write below the file system fails; the daemon goes on, or is started again as systemd
    would, at most three times. (log of the disk, its size, facts, whether the write was met)"""
    bench = Bench()
    facts = Facts()
    sandbox = Sandbox(directory, certificates(), "--seed", str(seed), "--fault", LOST,
                      accounts=(ACCOUNT,))
    disk = LoggingDisk(directory, plugin, file_system)
    try:
        prepare(disk.root)
        site = site_on(bench, disk.root, sandbox)
        facts.begin = time.monotonic_ns()
        with open(disk.fail_at, "w", encoding="utf-8") as file:
            file.write(str(fail_at))
        consumer = Consumer(site.outcomes, facts)
        consumer.start()
        producer = Producer(site, facts, random.Random(seed))
        for _ in range(3):
            producer.wave()
            site.drain(patience="2s")
        consumer.ended.set()
        consumer.join()
        facts.end = time.monotonic_ns()
        facts.cases = sandbox.control("/snapshot")
        return disk.log, disk.size, facts, not os.path.exists(disk.fail_at)
    finally:
        bench.doCleanups()
        disk.close()
        sandbox.stop()
