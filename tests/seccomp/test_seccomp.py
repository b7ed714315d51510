"""The list of system calls in the units: what it is, and that nothing passes it unseen."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../system"))

from harness import DAEMON, SystemTest, main  # noqa: E402
from unit_calls import calls_of, under_the_list, unit_calls  # noqa: E402

# What has helped to break out of, or to look into, other processes; some of it is in @system-service.
UNWANTED = {"bpf", "chown", "chroot", "execveat", "io_uring_setup", "keyctl", "mount", "name_to_handle_at",
            "perf_event_open", "personality", "process_vm_readv", "ptrace", "setns", "setuid",
            "splice", "unshare", "userfaultfd", "vfork"}


class Seccomp(SystemTest):
    def run_listed(self, *command, tracer=()):
        """Its code, and the calls that were refused to it."""
        site = self.sites[0] if self.sites else self.site()
        report = site.path("calls")
        done = subprocess.run([*tracer, *under_the_list(report), *command], check=False, capture_output=True,
                              env=dict(os.environ, CREDENTIALS_DIRECTORY=site.credentials))
        with open(report, encoding="utf-8") as file:
            return done.returncode, set(file.read().split())

    def test_the_list_is_far_shorter_than_system_service(self):
        self.assertLess(unit_calls(), calls_of("@system-service"))
        self.assertLess(len(unit_calls()) * 2, len(calls_of("@system-service")))
        self.assertEqual(unit_calls() & UNWANTED, set())

    def test_a_call_that_is_not_listed_is_refused_and_told(self):
        code, refused = self.run_listed("/usr/sbin/chroot", "/", "/bin/true")
        self.assertNotEqual(code, 0)
        self.assertIn("chroot", refused)

    def test_a_call_that_a_tracer_lets_fail_is_not_told(self):
        sync = ["/usr/bin/sync", self.site().config_file]
        self.assertEqual(self.run_listed(*sync), (0, set()))
        failing = ["strace", "-f", "-o", os.devnull, "-e", "inject=fsync:error=EIO"]
        self.assertEqual(self.run_listed(*sync, tracer=failing), (1, set()))

    def test_both_steps_of_a_reload(self):
        site = self.site()
        self.assertEqual(self.run_listed(DAEMON, "--config", site.config_file, "--check-config"),
                         (0, set()))
        daemon = site.serve()
        self.assertEqual(self.run_listed("/usr/bin/kill", "-HUP", str(daemon.process.pid)),
                         (0, set()))
        daemon.wait_for("reloading")
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    main()
