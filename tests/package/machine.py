"""A machine with a real systemd: a Debian root that systemd-nspawn boots. It shares this machine's network, so the
provider's stand-in within it can be asked from here."""

import os
import signal
import subprocess
import time

BOOT_BOUND = 60  # seconds


def eventually(condition, what, bound=60):
    """What `condition` returns once it is true."""
    end = time.monotonic() + bound
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError("not within %s s: %s" % (bound, what))
        time.sleep(0.05)


class Machine:
    def __init__(self, root):
        self.root = root
        self.systemd = 0
        with open(root + ".log", "wb") as log:
            self.nspawn = subprocess.Popen(
                ["systemd-nspawn", "--quiet", "-b", "-D", root, "--register=no", "--keep-unit", "--console=read-only",
                 "--capability=CAP_SYSLOG,CAP_IPC_LOCK"],
                env=dict(os.environ, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY="1"), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True)
        try:
            eventually(self.is_up, "the machine is up", BOOT_BOUND)
        except AssertionError:
            self.stop()
            raise

    def is_up(self):
        """Looks up its systemd each time, since the first child of systemd-nspawn need not be it."""
        if self.nspawn.poll() is not None:
            raise AssertionError("systemd-nspawn ended: see %s.log" % self.root)
        with open("/proc/%d/task/%d/children" % (self.nspawn.pid, self.nspawn.pid), encoding="ascii") as file:
            children = file.read().split()
        self.systemd = int(children[0]) if children else 0
        state = self.run("systemctl", "is-system-running", check=False).stdout.strip() if self.systemd else ""
        return state in ("running", "degraded")

    def run(self, *command, user=None, check=True, stdin=None):
        """A command in the machine; its `stdout` has its errors too."""
        if user:
            command = ("runuser", "-u", user, "--") + command
        done = subprocess.run(["nsenter", "-t", str(self.systemd), "-m", "-p", "-u", "-i", "-n", "-C", "--"] +
                              list(command), input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False)
        if check and done.returncode != 0:
            raise AssertionError("%s: status %d\n%s" % (" ".join(command), done.returncode, done.stdout))
        return done

    def shell(self, script, **options):
        return self.run("sh", "-c", script, **options)

    def path(self, path):
        return self.root + path

    def write(self, path, text):
        os.makedirs(os.path.dirname(self.path(path)), exist_ok=True)
        with open(self.path(path), "w", encoding="utf-8") as file:
            file.write(text)

    def read(self, path):
        with open(self.path(path), encoding="utf-8") as file:
            return file.read()

    def property(self, unit, name):
        return self.run("systemctl", "show", "-P", name, unit).stdout.strip()

    def stop(self):
        self.nspawn.send_signal(signal.SIGTERM)  # powers it off
        try:
            self.nspawn.wait(30)
        except subprocess.TimeoutExpired:
            self.nspawn.kill()
            self.nspawn.wait()
