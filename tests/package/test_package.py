"""test_package.py ROOT PACKAGES PROBE: the installed packages on a machine with a real systemd. One test goes on where
the one before it has ended, from the installation to the purge; run.sh prepares what is needed."""

import datetime
import json
import os
import re
import socket
import subprocess
import sys
import textwrap
import threading
import time
import unittest
import urllib.request

from machine import Machine, eventually

ROOT, PACKAGES, PROBE = sys.argv[1:4]
README = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../README.md")
ACCOUNT, SECRET = "T12345678", "canary-5ba1d0c7-secret"
PORT, CONTROL = 18443, 18444
DNS_ADDRESS = "127.77.0.1"
INCOMING, REJECTED = "/var/spool/onboardd/incoming", "/var/spool/onboardd/rejected"
OUTCOMES = "/var/lib/onboardd/outcomes"
# By name, and with the system's trust store, as in production.
CONFIG = """provider: {base_url: "https://localhost:%d/v1"}
accounts:
  - id: %s
    client_id: my-client
    client_secret_file: ${CREDENTIALS_DIRECTORY}/%s
spool: {settle: 100ms, rescan: 1s}
retry: {schedule: [100ms, 1s]}
reconcile: {settle: 2s}
""" % (PORT, ACCOUNT, ACCOUNT)
# What a container may not do anyway, so that nothing is shown by being refused in the unit; and what needs controllers
# of cgroups that a container may not have.
NOT_SHOWN_HERE = {"ProtectClock", "ProtectKernelModules", "ProtectKernelTunables", "LimitNOFILE"}


def package(name, version):
    return "%s/%s_%s_%s.deb" % (PACKAGES, name, version, ARCHITECTURE)


def job(reference):
    return json.dumps({"account": ACCOUNT, "reference": reference, "case": {
        "case_for": {"payout_destination_id": reference, "payout_destination_name": "Canary Personsen"},
        "products": ["payout"],
        "case_request": {"checks": ["KYC"], "countryCode": "NO", "organizationNumber": "987654325",
                         "requireContractSigning": True}}})


def answer_questions(server):
    """A name server that knows one address, until its socket is closed."""
    while True:
        try:
            question, client = server.recvfrom(512)
        except OSError:
            return
        end = question.index(b"\0", 12) + 5  # of the name, its type and its class
        address = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + bytes((192, 0, 2, 7))
        server.sendto(question[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + question[12:end] + address, client)


class Package(unittest.TestCase):
    """In the order of their numbers."""

    @classmethod
    def setUpClass(cls):
        cls.machine = Machine(ROOT)

    @classmethod
    def tearDownClass(cls):
        cls.machine.stop()

    def run(self, result=None):
        """With the journal beside the first fault."""
        faults = len(result.failures + result.errors)
        super().run(result)
        if len(result.failures + result.errors) != faults:
            print(self.machine.run("journalctl", "-b", "-u", "onboardd*", "-n", "40", "--no-pager").stdout)
        return result

    # What most of them need.

    def install(self, name, version, *options):
        file = "/root/%s.deb" % name
        subprocess.run(["cp", package(name, version), self.machine.path(file)], check=True)
        return self.machine.run("dpkg", *options, "-i", file).stdout

    def hand_in(self, reference, text=None, folder=INCOMING, user="producer", umask="077"):
        """As a careful producer does, with the worst umask."""
        self.machine.shell("umask %s; mkdir -p %s; cat >%s/.%s.tmp; mv %s/.%s.tmp %s/%s.json" %
                           (umask, folder, folder, reference, folder, reference, folder, reference), user=user,
                           stdin=text or job(reference))

    def read_as(self, user, path):
        """None where that user does not get it."""
        found = self.machine.run("cat", path, user=user, check=False)
        return found.stdout if found.returncode == 0 else None

    def outcome(self, reference):
        found = self.read_as("consumer", "%s/%s/%s.json" % (OUTCOMES, ACCOUNT, reference))
        return json.loads(found) if found else None

    def wait_for(self, reference):
        return eventually(lambda: self.outcome(reference), "an outcome of " + reference)

    def control(self, what, body=None):
        data = None if body is None else json.dumps(body).encode()
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open("http://127.0.0.1:%d/%s" % (CONTROL, what), data, 10) as answer:
            return json.loads(answer.read() or b"null")

    def expect_nothing_twice(self):
        self.assertEqual(self.control("summary")["duplicated"], 0)

    def drop_in(self, unit, text):
        self.machine.write("/etc/systemd/system/%s.d/test.conf" % unit, text)
        self.machine.run("systemctl", "daemon-reload")

    def forbidden(self, user, command):
        self.assertNotEqual(self.machine.shell(command, user=user, check=False).returncode, 0, "%s: %s" % (user, command))

    def status(self, unit="onboardd"):
        return self.machine.property(unit, "ActiveState")

    # From the installation to the purge.

    def test_01_installs_and_starts_nothing(self):
        self.install("onboardd", "0.1.0")
        self.install("onboardd-sandbox", "0.1.0")
        self.assertEqual(self.status(), "inactive")
        self.assertEqual(self.status("onboardd-drain.timer"), "inactive")
        for unit in ("onboardd.service", "onboardd-drain.timer"):
            self.assertEqual(self.machine.run("systemctl", "is-enabled", unit, check=False).stdout.strip(), "disabled")
        self.assertEqual(self.machine.run("systemctl", "--failed", "--plain", "--no-legend").stdout, "")
        self.assertNotIn("onboardd", self.machine.shell("journalctl -b -p warning -o cat").stdout)

    def test_02_makes_users_and_directories(self):
        for path, expected in (("/etc/onboardd/onboardd.yaml", "644 root:root"),
                               ("/etc/onboardd/credentials", "700 root:root"),
                               ("/var/spool/onboardd", "755 onboardd:onboardd"),
                               (INCOMING, "3770 onboardd:onboardd-producers"),
                               (REJECTED, "2750 onboardd:onboardd-producers"),
                               ("/var/lib/onboardd", "751 onboardd:onboardd"),
                               (OUTCOMES, "2750 onboardd:onboardd-consumers")):
            self.assertEqual(self.machine.run("stat", "-c", "%a %U:%G", path).stdout.strip(), expected, path)
        self.machine.run("useradd", "--system", "-G", "onboardd-producers", "producer")
        self.machine.run("useradd", "--system", "-G", "onboardd-producers", "rival")
        self.machine.run("useradd", "--system", "-G", "onboardd-consumers", "consumer")
        self.machine.run("useradd", "--system", "-G", "onboardd", "ola")
        self.machine.run("useradd", "--system", "stranger")

    def test_03_has_an_exposure_of_one(self):
        for unit in ("onboardd.service", "onboardd-drain.service"):
            self.machine.run("systemd-analyze", "security", "--threshold=10", unit)
            told = self.machine.run("systemd-analyze", "verify", "--man=no", unit).stdout
            self.assertNotIn("onboardd", told)

    def test_04_without_a_credential_it_fails_once_and_says_why(self):
        self.machine.run("systemctl", "start", "onboardd", check=False)
        self.assertEqual(self.machine.property("onboardd", "ExecMainStatus"), "78")
        self.assertEqual(self.machine.property("onboardd", "NRestarts"), "0")
        self.assertIn("client_secret_file", self.machine.run("journalctl", "-b", "-u", "onboardd", "-o", "cat").stdout)
        self.machine.run("systemctl", "reset-failed", "onboardd")

    def test_05_starts_with_a_secret_by_credential(self):
        self.machine.write("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n")
        self.machine.shell("sh /usr/share/onboardd-sandbox/make-certificates.sh /root/tls && "
                           "install -m 644 /root/tls/ca.pem /usr/local/share/ca-certificates/sandbox.crt && "
                           "update-ca-certificates")
        self.machine.run("systemd-run", "--quiet", "--unit=sandbox", "onboardd-sandbox",
                         "--listen", "127.0.0.1:%d" % PORT, "--control", "127.0.0.1:%d" % CONTROL,
                         "--cert", "/root/tls/server.pem", "--key", "/root/tls/server.key",
                         "--client", "%s:my-client:%s" % (ACCOUNT, SECRET))
        self.machine.write("/etc/onboardd/onboardd.yaml", CONFIG)
        self.machine.shell("umask 077; cat >/etc/onboardd/credentials/" + ACCOUNT, stdin=SECRET + "\n")
        credential = "[Service]\nLoadCredential=%s:/etc/onboardd/credentials/%s\n" % (ACCOUNT, ACCOUNT)
        for unit in ("onboardd.service", "onboardd-drain.service"):
            self.machine.write("/etc/systemd/system/%s.d/credentials.conf" % unit, credential)
        self.machine.run("systemctl", "daemon-reload")
        self.machine.run("systemctl", "enable", "--now", "onboardd")
        self.assertEqual(self.machine.property("onboardd", "StatusText"), "0 open, 0 in flight")
        pid = self.machine.property("onboardd", "MainPID")
        self.machine.shell("! tr '\\0' '\\n' </proc/%s/environ | grep -F %s" % (pid, SECRET))
        self.assertIn("CREDENTIALS_DIRECTORY=/run/credentials/onboardd.service",
                      self.machine.shell("tr '\\0' '\\n' </proc/%s/environ" % pid).stdout)

    def test_06_a_producer_hands_in_and_a_consumer_reads(self):
        self.hand_in("by-producer")
        self.assertEqual(self.wait_for("by-producer")["state"], "created")
        self.hand_in("in-batch", folder=INCOMING + "/night")
        self.assertEqual(self.wait_for("in-batch")["batch"], "night")
        for reference, options in (("submitted", ""), ("submitted-batch", "--batch evening")):
            self.machine.shell("umask 077; onboardctl submit %s -" % options, user="producer", stdin=job(reference))
            self.assertEqual(self.wait_for(reference)["state"], "created")
        self.hand_in("bad", text="no JSON")
        reason = eventually(lambda: self.read_as("producer", REJECTED + "/bad.reason.json"), "a reason")
        self.assertEqual(json.loads(reason)["kind"], "invalid_job")
        report = eventually(lambda: self.read_as("consumer", OUTCOMES + "/reports/night.txt"), "a report")
        self.assertIn("night", report)
        for folder in (OUTCOMES + "/" + ACCOUNT, OUTCOMES + "/reports"):
            self.assertEqual(self.machine.run("stat", "-c", "%a %U:%G", folder).stdout.strip(),
                             "2750 onboardd:onboardd-consumers")

    def test_07_and_nobody_does_more(self):
        outcome = "%s/%s/by-producer.json" % (OUTCOMES, ACCOUNT)
        for user in ("producer", "stranger"):
            self.forbidden(user, "cat " + outcome)
        for user in ("consumer", "stranger"):
            self.forbidden(user, "ls " + INCOMING)
            self.forbidden(user, "touch %s/x.json" % INCOMING)
        for user in ("producer", "consumer", "stranger"):
            self.forbidden(user, "cat /var/lib/onboardd/ledger.db")
            self.forbidden(user, "cat /etc/onboardd/credentials/" + ACCOUNT)
            self.forbidden(user, "ls /run/onboardd")
            self.forbidden(user, "rm " + outcome)
            self.forbidden(user, "touch %s/x" % REJECTED)
        self.machine.shell("echo >%s/.mine.tmp" % INCOMING, user="producer")
        self.forbidden("rival", "rm -f %s/.mine.tmp" % INCOMING)
        self.machine.run("rm", INCOMING + "/.mine.tmp", user="producer")

    def test_07_an_operator_works_through_the_daemon(self):
        """A member of the daemon's group, who may not read the ledger."""
        self.forbidden("ola", "cat /var/lib/onboardd/ledger.db")
        self.assertIn("is paused", self.machine.run("onboardctl", "pause", ACCOUNT, user="ola").stdout)
        self.hand_in("operated")
        eventually(lambda: "queued" in self.machine.run("onboardctl", "show", "operated", user="ola", check=False).stdout,
                   "a queued job")
        self.assertIn("was paused by an operator", self.machine.run("onboardctl", "explain", "operated", user="ola").stdout)
        self.assertIn("queued -> held", self.machine.run("onboardctl", "hold", "operated", user="ola").stdout)
        self.machine.run("onboardctl", "release", "ALL", "--state", "held", user="ola")
        self.machine.run("onboardctl", "resume", ACCOUNT, user="ola")
        self.wait_for("operated")
        for command in ("status", "list", "report default"):
            self.machine.run("onboardctl", *command.split(), user="ola")
            self.assertEqual(self.machine.run("onboardctl", *command.split(), user="producer", check=False).returncode, 77)
        journal = self.machine.run("journalctl", "-b", "-o", "cat", "-t", "onboardctl",
                                   "_UID=" + self.machine.run("id", "-u", "ola").stdout.strip()).stdout
        self.assertIn("command=hold job=%s/operated" % ACCOUNT, journal)
        self.machine.run("env", "CREDENTIALS_DIRECTORY=/etc/onboardd/credentials", "onboardctl", "audit")

    def test_08_takes_a_good_configuration_and_refuses_a_bad_one(self):
        pid = self.machine.property("onboardd", "MainPID")
        self.machine.write("/etc/onboardd/onboardd.yaml", CONFIG + "colour: blue\n")
        refused = self.machine.run("systemctl", "reload", "onboardd", check=False)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("colour", self.machine.run("journalctl", "-b", "-u", "onboardd", "-o", "cat").stdout)
        self.hand_in("after-bad-reload")
        self.wait_for("after-bad-reload")
        self.machine.write("/etc/onboardd/onboardd.yaml", CONFIG + "log: {level: debug}\n")
        self.machine.run("systemctl", "reload", "onboardd")
        self.hand_in("after-good-reload")
        self.wait_for("after-good-reload")
        self.assertIn("taking the new configuration",
                      self.machine.run("journalctl", "-b", "-u", "onboardd", "-o", "cat").stdout)
        self.assertEqual(self.machine.property("onboardd", "MainPID"), pid)

    def run_in_sandbox(self, command, output, without=()):
        """In onboardd's own unit, with nothing changed but what it runs, and without some options."""
        unit = self.machine.read("/lib/systemd/system/onboardd.service")
        unit = re.sub(r"^(ExecReload|WatchdogSec|Restart.*|NotifyAccess)=.*\n", "", unit, flags=re.M)
        unit = re.sub(r"^Type=.*$", "Type=oneshot\nStandardOutput=truncate:" + output, unit, flags=re.M)
        unit = re.sub(r"^ExecStart=.*$", "ExecStart=" + command, unit, flags=re.M)
        for option in without:
            unit = re.sub(r"^%s=.*\n" % option, "", unit, flags=re.M)
        self.machine.write("/etc/systemd/system/probe.service", unit)
        self.machine.run("systemctl", "daemon-reload")
        self.machine.run("systemctl", "start", "probe")

    def test_09_every_option_of_the_sandbox_is_enforced(self):
        self.machine.run("mkdir", "-p", "/usr/lib/onboardd-probe")
        subprocess.run(["cp", PROBE, self.machine.path("/usr/lib/onboardd-probe/probe")], check=True)
        self.machine.run("touch", "/tmp/onboardd-canary")
        self.run_in_sandbox("/usr/lib/onboardd-probe/probe", "/root/inside")
        self.machine.run("systemd-run", "--quiet", "--wait", "-p", "StandardOutput=truncate:/root/outside",
                         "/usr/lib/onboardd-probe/probe")
        # The list of calls covers what other options are for: those must do without it too.
        self.run_in_sandbox("/usr/lib/onboardd-probe/probe", "/root/unlisted", without=["SystemCallFilter"])
        inside, unlisted, outside = (
            dict(line.split("\t") for line in self.machine.read("/root/" + name).splitlines())
            for name in ("inside", "unlisted", "outside"))
        self.assertEqual(inside.keys(), outside.keys())
        self.assertEqual(unlisted.keys(), outside.keys())
        self.assertGreater(len(inside), 40)
        has_pids = "pids" in self.machine.run("cat", "/sys/fs/cgroup/cgroup.controllers").stdout.split()
        not_shown = NOT_SHOWN_HERE if has_pids else NOT_SHOWN_HERE | {"TasksMax"}
        for option, result in inside.items():
            with self.subTest(option=option):
                if option.startswith("namespace"):
                    self.assertNotEqual(result, outside[option])
                elif option not in not_shown:
                    self.assertNotEqual(result, "possible")
                    self.assertEqual(outside[option], "possible")
                elif option != "TasksMax":
                    self.assertNotEqual(result, "possible")
                if not option.startswith(("namespace", "SystemCallFilter", "TasksMax")):
                    self.assertNotEqual(unlisted[option], "possible")

    def test_09_names_are_resolved_in_the_sandbox(self):
        """Also where /etc/resolv.conf is a link to what systemd-resolved writes."""
        self.machine.run("cp", "/usr/bin/getent", "/usr/lib/onboardd-probe/getent")
        self.machine.shell("mkdir -p /run/systemd/resolve && echo nameserver %s >/run/systemd/resolve/stub-resolv.conf && "
                           "ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf" % DNS_ADDRESS)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.bind((DNS_ADDRESS, 53))
            threading.Thread(target=answer_questions, args=(server,), daemon=True).start()
            self.run_in_sandbox("/usr/lib/onboardd-probe/getent ahostsv4 provider.test", "/root/resolved")
        self.assertIn("192.0.2.7", self.machine.read("/root/resolved"))

    def test_10_a_hang_is_ended_by_the_watchdog(self):
        self.drop_in("onboardd.service", "[Service]\nWatchdogSec=2\nRestartSec=100ms\n")
        self.machine.run("systemctl", "restart", "onboardd")
        restarts = int(self.machine.property("onboardd", "NRestarts"))
        self.machine.run("systemctl", "kill", "--kill-whom=main", "-s", "STOP", "onboardd")
        eventually(lambda: int(self.machine.property("onboardd", "NRestarts")) == restarts + 1, "a restart")
        self.hand_in("after-hang")
        self.wait_for("after-hang")
        self.assertIn("Watchdog timeout", self.machine.run("journalctl", "-b", "-u", "onboardd", "-o", "cat").stdout)

    def test_11_kill_and_stop_under_load_lose_nothing(self):
        self.control("settings", {"latency": 300})
        self.generate(300, "load")
        eventually(lambda: self.control("summary")["cases"] > 30, "cases under load")
        self.machine.run("systemctl", "kill", "--kill-whom=main", "-s", "KILL", "onboardd")
        eventually(lambda: self.status() == "active", "a restart after a kill")
        self.generate(300, "more")
        posted = self.control("summary")["cases"]
        eventually(lambda: self.control("summary")["cases"] > posted + 30, "more cases under load")
        began = time.monotonic()
        self.machine.run("systemctl", "stop", "onboardd")
        self.assertLess(time.monotonic() - began, 30)
        self.assertEqual(self.machine.property("onboardd", "Result"), "success")
        self.control("settings", {"latency": 0})
        self.machine.run("systemctl", "start", "onboardd")
        for name in ("load", "more"):
            eventually(lambda name=name: self.outcomes(name) == 300, "300 outcomes of " + name, 120)
        self.expect_nothing_twice()

    def generate(self, count, prefix, *options):
        self.machine.run("onboardd-generate", "--out", INCOMING, "--count", str(count), "--accounts", ACCOUNT,
                         "--prefix", prefix, *options, user="producer")

    def outcomes(self, prefix):
        found = self.machine.shell("ls %s/%s | grep -c ^%s- || :" % (OUTCOMES, ACCOUNT, prefix), user="consumer").stdout
        return int(found.split()[-1])

    def test_12_a_drain_beside_the_daemon_disturbs_nothing(self):
        self.machine.run("systemctl", "start", "onboardd-drain", check=False)
        self.assertEqual(self.machine.property("onboardd-drain", "ExecMainStatus"), "75")
        self.machine.run("test", "-d", "/run/onboardd")
        self.hand_in("after-drain")
        self.wait_for("after-drain")
        self.machine.run("systemctl", "reset-failed", "onboardd-drain")

    def test_13_an_upgrade_with_open_jobs_restarts_once_and_loses_nothing(self):
        self.control("settings", {"listening": "no"})
        self.generate(50, "upgrade")
        eventually(lambda: self.machine.property("onboardd", "StatusText").startswith("50 open"), "50 open jobs")
        configuration = self.machine.read("/etc/onboardd/onboardd.yaml")
        before = self.machine.property("onboardd", "InvocationID")
        told = self.install("onboardd", "0.1.1")
        self.assertNotIn("conffile", told)
        self.assertEqual(self.status(), "active")
        self.assertNotEqual(self.machine.property("onboardd", "InvocationID"), before)
        starts = self.machine.run("journalctl", "-b", "-o", "cat", "-u", "onboardd", "--grep", "^Started ").stdout
        self.assertEqual(self.machine.read("/etc/onboardd/onboardd.yaml"), configuration)
        eventually(lambda: self.machine.property("onboardd", "StatusText").startswith("50 open"), "50 open jobs")
        self.control("settings", {"listening": "yes"})
        eventually(lambda: self.outcomes("upgrade") == 50, "50 outcomes")
        self.expect_nothing_twice()
        self.assertEqual(self.machine.run("journalctl", "-b", "-o", "cat", "-u", "onboardd", "--grep",
                                          "^Started ").stdout, starts)

    def test_14_a_timer_is_for_every_night(self):
        self.machine.run("systemctl", "disable", "--now", "onboardd")
        self.machine.run("systemctl", "enable", "--now", "onboardd-drain.timer")
        self.assertEqual(self.status("onboardd-drain"), "inactive")  # not before it is night
        self.assertRegex(self.machine.property("onboardd-drain.timer", "NextElapseUSecRealtime"), " 01:(0[0-9]|10):")
        calendar = re.search("^OnCalendar=(.+)$", self.machine.read("/lib/systemd/system/onboardd-drain.timer"), re.M)[1]
        told = self.machine.run("systemd-analyze", "calendar", "--iterations=7", calendar).stdout
        nights = [datetime.datetime.fromisoformat(night) for night in re.findall(r"\d{4}-\d\d-\d\d 01:00:00", told)]
        self.assertEqual([night - nights[0] for night in nights], [datetime.timedelta(days=day) for day in range(7)])

    def night_comes(self):
        """For the timer as it is shipped, but for the random delay. The clock is that of all machines here, so what is
        moved is the stamp that says when the timer went off last: a night has passed since, and is made up for."""
        self.machine.run("systemctl", "stop", "onboardd-drain.timer")
        self.machine.run("touch", "-d", "26 hours ago", "/var/lib/systemd/timers/stamp-onboardd-drain.timer")
        for unit in ("onboardd-drain.timer", "onboardd-drain.service"):  # seven starts within seconds are no fault here
            self.machine.run("systemctl", "reset-failed", unit)
        self.machine.run("systemctl", "start", "onboardd-drain.timer")

    def test_14_a_week_of_nights(self):
        self.drop_in("onboardd-drain.timer", "[Timer]\nRandomizedDelaySec=0\n")
        for night in range(1, 8):
            with self.subTest(night=night):
                batch = "night-%d" % night
                refused = 2 if night == 4 else 0
                before = self.machine.property("onboardd-drain", "InvocationID")
                self.generate(20, batch, "--batch", batch, "--refused", str(refused))
                self.night_comes()
                eventually(lambda batch=batch: self.read_as("consumer", "%s/reports/%s.json" % (OUTCOMES, batch)),
                           "a report of " + batch)
                eventually(lambda: self.outcomes(batch) == 20, "20 outcomes of " + batch)
                eventually(lambda: self.machine.property("onboardd-drain", "InvocationID") != before and
                           self.status("onboardd-drain") == "inactive", "the drain ends")
        self.assertEqual(self.machine.run("systemctl", "--failed", "--plain", "--no-legend").stdout, "")
        self.expect_nothing_twice()

    def test_15_a_night_with_refusals_is_no_failure_and_one_that_gives_up_is(self):
        self.machine.run("systemctl", "stop", "onboardd-drain.timer")
        eventually(lambda: self.status("onboardd-drain") == "inactive", "no drain")
        self.generate(2, "refused", "--refused", "1")
        self.machine.run("systemctl", "start", "onboardd-drain")
        self.assertEqual(self.machine.property("onboardd-drain", "ExecMainStatus"), "3")
        self.drop_in("onboardd-drain.service", "[Service]\nExecStart=\nExecStart=/usr/bin/onboardd --drain --patience 2s\n")
        self.control("settings", {"listening": "no"})
        self.generate(5, "late")
        self.assertNotEqual(self.machine.run("systemctl", "start", "onboardd-drain", check=False).returncode, 0)
        self.assertEqual(self.machine.property("onboardd-drain", "ExecMainStatus"), "4")
        self.control("settings", {"listening": "yes"})
        self.machine.run("systemctl", "start", "onboardd-drain")
        self.assertEqual(self.machine.property("onboardd-drain", "ExecMainStatus"), "0")
        self.assertEqual(self.outcomes("late"), 5)
        self.expect_nothing_twice()

    def test_16_an_upgrade_does_not_cut_a_drain_short(self):
        self.machine.run("systemctl", "disable", "--now", "onboardd-drain.timer")
        self.drop_in("onboardd-drain.service", "")
        self.control("settings", {"latency": 4000})
        self.generate(3, "during")
        self.machine.run("systemctl", "start", "--no-block", "onboardd-drain")
        eventually(lambda: self.status("onboardd-drain") == "activating", "a drain")
        pid = self.machine.property("onboardd-drain", "MainPID")
        self.install("onboardd", "0.1.0", "--force-downgrade")
        self.assertEqual(self.machine.property("onboardd-drain", "MainPID"), pid)
        eventually(lambda: self.status("onboardd-drain") == "inactive", "the drain ends")
        self.assertEqual(self.machine.property("onboardd-drain", "ExecMainStatus"), "0")
        self.assertEqual(self.outcomes("during"), 3)
        self.control("settings", {"latency": 0})

    def test_17_secrets_and_sellers_are_in_no_log(self):
        log = self.machine.run("journalctl", "-b", "-o", "json", "--all", "-u", "onboardd*").stdout
        self.assertIn("onboardd 0.1.0 is at work", log)
        for canary in (SECRET, "Canary Personsen", "987654325"):
            self.assertNotIn(canary, log)
        self.assertNotIn("ignoring", "".join(line for line in self.machine.shell(
            "journalctl -b -o cat").stdout.splitlines(True) if "onboardd" in line))

    def test_18_removes_what_runs_and_leaves_what_counts(self):
        self.machine.run("systemctl", "enable", "--now", "onboardd")
        self.machine.run("dpkg", "-r", "onboardd")
        self.assertEqual(self.status(), "inactive")
        self.machine.run("test", "!", "-e", "/usr/bin/onboardd")
        for path in ("/etc/onboardd/onboardd.yaml", "/var/lib/onboardd/ledger.db", "/etc/onboardd/credentials/" + ACCOUNT):
            self.machine.run("test", "-e", path)

    def test_19_installed_again_it_goes_on(self):
        cases = self.control("summary")["cases"]
        self.install("onboardd", "0.1.1")
        self.machine.run("systemctl", "start", "onboardd")
        self.hand_in("by-producer")  # the same as before: nothing is sent
        self.hand_in("again")
        self.assertEqual(self.wait_for("again")["state"], "created")
        eventually(lambda: self.machine.run("find", INCOMING, "-type", "f").stdout == "", "an empty spool")
        self.assertEqual(self.control("summary")["cases"], cases + 1)

    def test_20_purges_configuration_and_secrets_and_leaves_the_ledger(self):
        told = self.machine.run("dpkg", "-P", "onboardd").stdout
        self.assertIn("/var/lib/onboardd is left", told)
        for path in ("/etc/onboardd/credentials", "/etc/onboardd/onboardd.yaml", "/run/onboardd"):
            self.machine.run("test", "!", "-e", path)
        self.machine.run("test", "-e", "/var/lib/onboardd/ledger.db")
        self.assertEqual(self.machine.run("systemctl", "--failed", "--plain", "--no-legend").stdout, "")

    def test_21_a_purge_of_what_was_never_used_leaves_nothing(self):
        self.machine.run("rm", "-r", "/var/lib/onboardd", "/var/spool/onboardd", "/etc/onboardd")
        self.install("onboardd", "0.1.0")
        self.machine.run("test", "-d", INCOMING)
        self.machine.run("dpkg", "-P", "onboardd", "onboardd-sandbox")
        for path in ("/var/lib/onboardd", "/var/spool/onboardd", "/etc/onboardd"):
            self.machine.run("test", "!", "-e", path)

    def readme_blocks(self, title):
        """The commands of a section of the README, block by block."""
        with open(README, encoding="utf-8") as file:
            section = file.read().split("\n## %s\n" % title)[1].split("\n## ")[0]
        return [textwrap.dedent(block) for block in re.findall(r"^ *```sh\n(.*?)^ *```$", section, re.M | re.S)]

    def type_in(self, commands):
        """On a terminal, with hands that write into each editor what the README says."""
        self.machine.write("/root/src/typed.sh", "set -e\ncd /root/src\n" + commands)
        return self.machine.run("env", "SYSTEMD_EDITOR=/usr/local/bin/fill-drop-in",
                                "script", "-qec", "sh /root/src/typed.sh", "/dev/null").stdout

    def test_22_the_first_job_by_the_readme_alone(self):
        for name in ("onboardd", "onboardd-sandbox"):
            subprocess.run(["cp", package(name, "0.1.0"), self.machine.path("/root/")], check=True)
        for name, text in (("sudo", 'exec "$@"'), ("sudoedit", 'echo any >"$1"'),
                           ("fill-drop-in", "sed -n 's/^# \\(\\[Service\\]\\|LoadCredential=\\)/\\1/p' /root/src/typed.sh >\"$1\"")):
            self.machine.write("/usr/local/bin/" + name, "#!/bin/sh\n%s\n" % text)
            self.machine.run("chmod", "755", "/usr/local/bin/" + name)
        self.machine.shell("rm -r /etc/systemd/system/onboardd*.d && systemctl daemon-reload")
        install = [line for block in self.readme_blocks("Installing") for line in block.splitlines() if "apt install" in line]
        stand_in, secret, start, hand_in, look = self.readme_blocks("Your first job")
        self.type_in(install[0])
        for step in (stand_in, secret, start, hand_in):
            self.type_in(step)
        eventually(lambda: self.machine.run("test", "-e", "%s/%s/seller-0001.json" % (OUTCOMES, ACCOUNT),
                                            check=False).returncode == 0, "the first outcome")
        told = self.type_in(look)
        for part in ('"state": "created"', "created 1", "/seller-0001"):
            self.assertIn(part, told)
        self.machine.run("systemctl", "stop", "onboardd", "onboardd-sandbox")


ARCHITECTURE = subprocess.run(["dpkg", "--print-architecture"], check=True, capture_output=True, text=True).stdout.strip()

if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "--failfast", "--verbose"] + sys.argv[4:])
