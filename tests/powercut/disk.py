"""A file system on a disk that logs (nbdkit with disk_log.so, nbdfuse, loop), and images of it."""

import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
from harness import eventually  # noqa: E402

# The smallest disks that each of them takes; no thread writes tables behind our back.
FILE_SYSTEMS = {
    "ext4": (64 << 20, ["mkfs.ext4", "-q", "-F", "-b", "4096", "-J", "size=4", "-E",
                        "lazy_itable_init=0,lazy_journal_init=0,nodiscard"], "noatime"),
    "xfs": (320 << 20, ["mkfs.xfs", "-q", "-f", "-K"], "noatime,nouuid"),
    "btrfs": (128 << 20, ["mkfs.btrfs", "-q", "-f", "-K"], "noatime"),
}

# A superblock is longer than a sector and has a checksum: torn, it cannot be mounted before this.
REPAIRS = {"ext4": ["fsck.ext4", "-fy"], "btrfs": ["btrfs", "rescue", "super-recover", "-y"]}


def run(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError("%s: %s" % (" ".join(words), done.stderr.strip()))


class LoggingDisk:
    """Made, formatted and mounted; `root` is the file system."""

    def __init__(self, directory, plugin, file_system):
        self.size, make, options = FILE_SYSTEMS[file_system]
        self.log = os.path.join(directory, "disk.log")
        self.fail_at = os.path.join(directory, "fail-at")
        self.root = os.path.join(directory, "root")
        self.disk = os.path.join(directory, "disk")
        socket = os.path.join(directory, "nbd.sock")
        os.makedirs(self.root, exist_ok=True)
        open(self.disk, "w", encoding="utf-8").close()
        self.server = subprocess.Popen(
            ["nbdkit", "-f", "-U", socket, plugin, "size=%d" % self.size, "log=" + self.log,
             "fail-at=" + self.fail_at], stderr=subprocess.DEVNULL)
        self.bridge = None
        self.mounted = False
        try:
            eventually(lambda: os.path.exists(socket), "nbdkit listens", 20)
            self.bridge = subprocess.Popen(["nbdfuse", self.disk, "--unix", socket])
            eventually(lambda: os.path.getsize(self.disk) == self.size, "nbdfuse is there", 20)
            run(*make, self.disk)
            run("mount", "-o", "loop," + options, self.disk, self.root)
            self.mounted = True
        except Exception:
            self.close()
            raise

    def close(self):
        if self.mounted:
            run("umount", self.root)
        if self.bridge:
            # The loop device lets go of the file a moment after umount has returned.
            eventually(self.let_go, "the disk is free", 20)
            self.bridge.wait(20)
        self.server.send_signal(signal.SIGTERM)
        self.server.wait(20)

    def let_go(self):
        return subprocess.run(["fusermount3", "-u", self.disk], capture_output=True,
                              check=False).returncode == 0


class MountedImage:
    """`with`: an image, mounted; the file system recovers as after a power cut. Where it
    cannot, its own repair goes first, as at boot or by an administrator."""

    def __init__(self, image, root, file_system):
        self.image, self.root = image, root
        self.options = "loop," + FILE_SYSTEMS[file_system][2]
        self.repair = REPAIRS.get(file_system)
        self.repaired = False

    def __enter__(self):
        try:
            run("mount", "-o", self.options, self.image, self.root)
        except OSError:
            if not self.repair:
                raise
            subprocess.run([*self.repair, self.image], capture_output=True, check=False)
            self.repaired = True
            run("mount", "-o", self.options, self.image, self.root)
        return self.root

    def __exit__(self, *_):
        run("umount", self.root)
