"""The log of a disk (disk_log.c) and what a power cut leaves of it."""

import bisect
import mmap
import os
import random
import struct

HEADER = struct.Struct("<4Q")  # kind, offset, length, time
SECTOR = 512
CHUNK = 64 * 1024


class Record:
    __slots__ = ("kind", "offset", "length", "time", "at")

    def __init__(self, kind, offset, length, time, at):
        self.kind, self.offset, self.length, self.time, self.at = kind, offset, length, time, at


class DiskLog:
    """All records, in the order in which things happened."""

    def __init__(self, name):
        with open(name, "rb") as file:
            self.bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.records = []
        at = 0
        while at + HEADER.size <= len(self.bytes):
            kind, offset, length, time = HEADER.unpack_from(self.bytes, at)
            at += HEADER.size
            self.records.append(Record(chr(kind), offset, length, time, at))
            at += length if chr(kind) == "W" else 0
        self.times = [record.time for record in self.records]

    def data(self, record):
        return self.bytes[record.at:record.at + record.length]

    def first_after(self, time):
        return bisect.bisect_right(self.times, time)


class Cut:
    """A power cut after record `number`: `time` is when, `part` what is left of the unflushed
    writes, `seed` says which of them where that is left to chance."""

    def __init__(self, number, time, part, seed, whole):
        self.number, self.time, self.part, self.seed = number, time, part, seed
        self.whole = whole  # the daemon is started on it, too
        self.repaired = False  # the file system needed its fsck

    def __str__(self):
        return "after record %d, %s of the unflushed, seed %d" % (self.number, self.part,
                                                                  self.seed)


def choose_cuts(log, begin, end, count, whole_share, seed):
    """`count` cuts of what happened from `begin` to `end`: at each place none, all, and random
    halves of what was not flushed. In the order of the log."""
    chance = random.Random(seed)
    first, last = log.first_after(begin), log.first_after(end)
    cuts = []
    while len(cuts) < count:
        number = chance.randrange(first, last)
        until = log.times[number + 1] if number + 1 < len(log.times) else log.times[number]
        for part in ("none", "all", "torn", "torn"):
            # The cut comes any time before the next record, and so may the provider's last deed.
            time = chance.choice((log.times[number], until - 1,
                                  chance.randint(log.times[number], until)))
            cuts.append(Cut(number, max(time, log.times[number]), part, chance.getrandbits(40),
                            chance.random() < whole_share))
    cuts = cuts[:count]
    cuts.sort(key=lambda cut: cut.number)
    return cuts


class Replay:
    """The disk at one moment after the other; moves only forward."""

    def __init__(self, log, size):
        self.log = log
        self.size = size
        self.durable = bytearray(size)
        self.touched = set()  # chunks that are not all zero
        self.next = 0
        self.unflushed = []

    def go_to(self, number):
        """Behind record `number`."""
        while self.next <= number:
            record = self.log.records[self.next]
            if record.kind == "W":
                self.unflushed.append(record)
            elif record.kind == "F":
                for write in self.unflushed:
                    self.apply(write)
                self.unflushed.clear()
            self.next += 1

    def apply(self, write):
        self.durable[write.offset:write.offset + write.length] = self.log.data(write)
        self.touched.update(range(write.offset // CHUNK,
                                  (write.offset + write.length - 1) // CHUNK + 1))

    def write_image(self, name, cut):
        fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.ftruncate(fd, self.size)
            view = memoryview(self.durable)
            for chunk in self.touched:
                os.pwrite(fd, view[chunk * CHUNK:(chunk + 1) * CHUNK], chunk * CHUNK)
            for offset, data in self.survivors(cut):
                os.pwrite(fd, data, offset)
        finally:
            os.close(fd)

    def survivors(self, cut):
        """What of the unflushed writes reached the disk: (offset, bytes)."""
        chance = random.Random(cut.seed)
        for write in self.unflushed:
            if cut.part == "none":
                continue
            fate = "whole" if cut.part == "all" else chance.choice(("lost", "whole", "torn"))
            if fate == "lost":
                continue
            data = self.log.data(write)
            if fate == "whole":
                yield write.offset, data
                continue
            for at in range(0, len(data), SECTOR):
                if chance.random() < 0.5:
                    yield write.offset + at, data[at:at + SECTOR]
