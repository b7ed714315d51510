"""Starting, stopping, reloading, giving up; what the command line, systemd and the log see."""

import base64
import json
import os
import re
import signal
import subprocess
import unittest

from harness import (ACCOUNT, BOUND, CANARY_TEXT, CLIENT, DAEMON, OTHER, SECRET, NotifySocket, SystemTest,
                     eventually, main, scaled, stays)


def run(*arguments, environment=None):
    surroundings = dict(os.environ, **(environment or {}))
    return subprocess.run([DAEMON, *arguments], capture_output=True, text=True, timeout=BOUND,
                          env=surroundings, check=False)


class CommandLine(SystemTest):
    def test_version_help_and_usage(self):
        version = run("--version")
        self.assertEqual(version.returncode, 0)
        self.assertRegex(version.stdout, r"^onboardd \d+\.\d+\.\d+\n$")
        help_text = run("--help")
        self.assertEqual(help_text.returncode, 0)
        for word in ("--config", "--drain", "--patience", "--check-config", "Exit codes"):
            self.assertIn(word, help_text.stdout)
        self.assertLess(max(map(len, help_text.stdout.splitlines())), 80, help_text.stdout)
        for wrong in (["--nonsense"], ["stray"], ["--drain", "--check-config"],
                      ["--patience", "5s"], ["--drain", "--patience", "5"],
                      ["--drain", "--patience", "soon"], ["--config"]):
            with self.subTest(wrong):
                told = run(*wrong)
                self.assertEqual(told.returncode, 2)
                self.assertRegex(told.stderr, r"^onboardd: [^\n]+; see onboardd --help\n$")

    def test_check_config(self):
        site = self.site()
        environment = {"CREDENTIALS_DIRECTORY": site.credentials}
        good = run("--config", site.config_file, "--check-config", environment=environment)
        self.assertEqual(good.returncode, 0, good.stderr)
        self.assertFalse(os.path.exists(site.path("ledger", "ledger.db")))
        self.assertEqual(site.sandbox.summary()["connections_accepted"], 0)
        os.remove(os.path.join(site.credentials, ACCOUNT))
        no_secret = run("--config", site.config_file, "--check-config", environment=environment)
        self.assertEqual(no_secret.returncode, 78, "the secret's file is missing")
        self.assertIn("client_secret_file", no_secret.stderr)

    def test_check_config_without_credentials(self):
        """As in ExecReload= of the unit, where systemd sets the variable and shows no directory, and by hand."""
        site = self.site()
        for environment in ({"CREDENTIALS_DIRECTORY": site.path("nowhere")}, {}):
            with self.subTest(environment):
                good = run("--config", site.config_file, "--check-config", environment=environment)
                self.assertEqual(good.returncode, 0, good.stderr)
                started = run("--config", site.config_file, "--drain", environment=environment)
                self.assertEqual(started.returncode, 78, started.stderr)

    def test_every_fault_of_a_bad_configuration(self):
        site = self.site()
        site.write_config_text(
            "provider:\n"
            "  base_url: http://api.example/v1\n"
            "  connect_timeout: 5\n"
            "  conections_max: 64\n"
            "accounts:\n"
            "  - id: X1\n"
            "    client_id: my-client\n"
            "    client_secret_file: ${HOME}/secret\n"
            "spool:\n"
            "  settle: 1s\n"
            "  settle: 2s\n"
            "retry:\n"
            "  schedule: []\n")
        for options in (["--check-config"], ["--drain"], []):
            bad = run("--config", site.config_file, *options)
            self.assertEqual(bad.returncode, 78)
            lines = (bad.stdout + bad.stderr).splitlines()
            places = [re.match(re.escape(site.config_file) + r":(\d+):(\d+): \S+: .+", line)
                      for line in lines]
            self.assertTrue(all(places), lines)
            for line in (2, 3, 4, 6, 8, 11, 13):
                self.assertIn(str(line), [place.group(1) for place in places], lines)
        missing = run("--config", site.path("nowhere.yaml"))
        self.assertEqual(missing.returncode, 78)
        site.write_config_text("provider: {a: [")
        self.assertEqual(run("--config", site.config_file).returncode, 78)
        site.configure(provider={"ca_file": site.path("no-ca.pem")})
        broken = site.drain()
        self.assertEqual(broken.code, 78, broken.log)

    def test_a_second_daemon_is_turned_away(self):
        site = self.site()
        first = site.serve()
        second = site.start("--drain")
        self.assertEqual(second.wait(), 75, second.log)
        same_spool = merged_text(site, ledger={"url": "sqlite://" + site.path("other.db")})
        third = site.start("--drain", config=same_spool)
        self.assertEqual(third.wait(), 75, "the same spool, another ledger: " + third.log)
        same_ledger = merged_text(site, spool={"directory": site.path("other-spool")})
        os.mkdir(site.path("other-spool"))
        fourth = site.start("--drain", config=same_ledger)
        self.assertEqual(fourth.wait(), 75, "the same ledger, another spool: " + fourth.log)
        site.drop(site.oracle.issue("still-at-work"))
        site.wait_for_outcome("still-at-work")
        self.assertEqual(first.stop(), 0)


def merged_text(site, **sections):
    """Another configuration file; returns its name."""
    settings = site.settings()
    for name, section in sections.items():
        settings[name] = dict(settings.get(name, {}), **section)
    path = site.path("other-%d.yaml" % len(os.listdir(site.directory)))
    with open(path, "w", encoding="utf-8") as file:
        for name, value in settings.items():
            file.write("%s: %s\n" % (name, json.dumps(value)))
    return path


class Stopping(SystemTest):
    def busy(self, site, count, started):
        """A daemon in the middle of `count` jobs."""
        jobs = [site.oracle.issue("job-%04d" % n, batch="jobs") for n in range(count)]
        daemon = site.serve()
        site.drop_lines("jobs", jobs)
        eventually(lambda: site.sandbox.summary()["requests"] >= started, "work is under way")
        return daemon

    def test_sigterm_under_load_leaves_nothing_in_doubt(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            site = self.site("--latency", "150")
            site.configure(accounts=[dict(site.settings()["accounts"][0], in_flight_max=16)])
            count = scaled(300, 150)
            daemon = self.busy(site, count, 40)
            daemon.signal(number)
            self.assertEqual(daemon.wait(20), 0, daemon.log[-2000:])
            summary = site.sandbox.summary()
            self.assertEqual(summary["in_flight"], 0)
            self.assertLess(summary["cases"], count, "it was not under load")
            # What was answered has its outcome already.
            done = len(os.listdir(os.path.join(site.outcomes, ACCOUNT)))
            self.assertEqual(done, summary["cases"])
            self.assertEqual(site.drain().code, 0)
            outcomes = site.oracle.judge()
            self.assertEqual({one["attempts"] for one in outcomes.values()}, {1})
            self.assertEqual(site.sandbox.posts(), count)
            self.assertEqual(site.sandbox.summary()["lists_served"], 0)

    def test_a_second_sigterm_cuts_short(self):
        site = self.site(provider={"request_timeout": "60s"})
        site.sandbox.script({"stalled": ["stall"]})
        daemon = site.serve()
        site.drop(site.oracle.issue("stalled"))
        eventually(lambda: site.sandbox.summary()["cases"] == 1, "the request has arrived")
        daemon.signal(signal.SIGTERM)
        daemon.wait_for("stopping")
        daemon.signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(15), 0, daemon.log)
        self.assertIsNone(site.outcome("stalled"))
        self.assertEqual(site.drain().code, 0)
        site.oracle.judge()
        self.assertEqual(site.sandbox.posts(), 1)

    def test_sigterm_while_idle(self):
        site = self.site()
        for _ in range(5):
            self.assertEqual(site.serve().stop(), 0)

    def test_sigterm_ends_a_drain(self):
        site = self.site("--latency", "200")
        jobs = [site.oracle.issue("job-%04d" % n, batch="jobs") for n in range(scaled(400, 150))]
        site.drop_lines("jobs", jobs)
        daemon = site.start("--drain")
        eventually(lambda: site.sandbox.summary()["cases"] >= 20, "work is under way")
        daemon.signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(30), 4, daemon.log[-2000:])
        self.assertGreater(site.report("jobs")["open"], 0)
        self.assertEqual(site.drain().code, 0)
        site.oracle.judge()
        self.assertEqual(site.sandbox.summary()["lists_served"], 0)


class Reloading(SystemTest):
    def test_a_reload_that_comes_before_the_start_is_over_waits_for_it(self):
        site = self.site()
        daemon = site.start()
        status = "/proc/%d/status" % daemon.process.pid

        def waits_or_is_ready():
            with open(status, encoding="utf-8") as file:
                masks = dict(line.split(":") for line in file if line.startswith("Sig"))
            hang_up = 1 << (signal.SIGHUP - 1)
            return any(int(masks[name], 16) & hang_up for name in ("SigBlk", "SigCgt"))

        eventually(waits_or_is_ready, "the first step of the start")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("reloading")
        daemon.wait_for("started", 2)
        self.assertEqual(daemon.stop(), 0)

    def test_a_good_configuration_is_taken(self):
        site = self.site(accounts=(ACCOUNT, OTHER))
        both = site.settings()
        one = dict(both, accounts=both["accounts"][:1])
        site.write_config(one)
        daemon = site.serve()
        site.drop(site.oracle.issue("a"))
        site.wait_for_outcome("a")
        site.write_config(both)
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("started", 2)
        site.drop(site.oracle.issue("b", OTHER))
        site.wait_for_outcome("b", OTHER)
        self.assertEqual(daemon.stop(), 0)
        site.oracle.judge(reports=False)

    def test_a_bad_configuration_is_refused(self):
        site = self.site()
        good = site.settings()
        daemon = site.serve()
        site.write_config_text("provider: {base_url: nonsense}\n")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("configuration_refused")
        site.drop(site.oracle.issue("a"))
        site.wait_for_outcome("a")
        # It looks good, but its secret is not there: that shows only when it is taken.
        os.rename(os.path.join(site.credentials, ACCOUNT), site.path("hidden"))
        site.write_config(good)
        daemon.signal(signal.SIGHUP)
        stays(lambda: daemon.process.poll() is None, 1, "the daemon lives on")
        os.rename(site.path("hidden"), os.path.join(site.credentials, ACCOUNT))
        site.drop(site.oracle.issue("b"))
        site.wait_for_outcome("b")
        self.assertEqual(daemon.stop(), 0)
        outcomes = site.oracle.check_outcome_files()
        self.assertEqual({one["state"] for one in outcomes.values()}, {"created"})

    def test_reloads_under_load_lose_nothing(self):
        site = self.site("--latency", "30")
        count = scaled(600, 150)
        jobs = [site.oracle.issue("job-%04d" % n, batch="jobs") for n in range(count)]
        daemon = site.serve()
        site.drop_lines("jobs", jobs)
        for part in (0.1, 0.3, 0.5, 0.7):
            eventually(lambda: site.sandbox.summary()["cases"] >= part * count, "progress")
            daemon.signal(signal.SIGHUP)
        for job in jobs:
            site.wait_for_outcome(job["reference"])
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(site.drain().code, 0)  # writes the report, should it be due still
        outcomes = site.oracle.judge()
        self.assertEqual({one["attempts"] for one in outcomes.values()}, {1})
        self.assertEqual(site.sandbox.summary()["lists_served"], 0)

    def test_sigterm_in_the_middle_of_a_reload(self):
        site = self.site()
        for _ in range(10):
            daemon = site.serve()
            daemon.signal(signal.SIGHUP)
            daemon.wait_for("reloading")
            self.assertEqual(daemon.stop(), 0, daemon.log[-2000:])

    def test_a_hail_of_sighup_does_not_end_it(self):
        site = self.site()
        daemon = site.serve()
        for _ in range(100):
            daemon.signal(signal.SIGHUP)
            stays(lambda: daemon.process.poll() is None, 0.01, "the daemon lives on")
        site.drop(site.oracle.issue("a"))
        site.wait_for_outcome("a")
        self.assertEqual(daemon.stop(), 0, daemon.log[-2000:])


class Notifying(SystemTest):
    def test_systemd_hears_what_it_wants(self):
        site = self.site("--latency", "50")
        listener = NotifySocket(self, site.path("notify"))
        daemon = site.start(environment={"NOTIFY_SOCKET": listener.path,
                                         "WATCHDOG_USEC": "400000"})
        eventually(lambda: listener.heard("READY=1"), "READY=1")
        site.drop(site.oracle.issue("a"))
        site.wait_for_outcome("a")
        eventually(lambda: len(listener.heard("WATCHDOG=1")) >= 3, "WATCHDOG=1 three times")
        eventually(lambda: listener.heard("STATUS="), "STATUS=")
        daemon.signal(signal.SIGHUP)
        eventually(lambda: listener.heard("RELOADING=1"), "RELOADING=1")
        eventually(lambda: len(listener.heard("READY=1")) == 2, "READY=1 after the reload")
        self.assertFalse(listener.heard("STOPPING=1"))
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(len(listener.heard("STOPPING=1")), 1)
        statuses = " ".join(listener.heard("STATUS="))
        self.assertIn("open", statuses)

    def test_nothing_is_said_without_a_watchdog(self):
        site = self.site()
        listener = NotifySocket(self, site.path("notify"))
        daemon = site.start(environment={"NOTIFY_SOCKET": listener.path})
        eventually(lambda: listener.heard("READY=1"), "READY=1")
        self.assertEqual(daemon.stop(), 0)
        self.assertFalse(listener.heard("WATCHDOG="))


class GivingUp(SystemTest):
    def test_the_provider_stays_down(self):
        site = self.site()
        site.sandbox.settings(listening="no")
        for number in range(3):
            site.drop(site.oracle.issue("job-%d" % number))
        daemon = site.drain(patience="3s", bound=60)
        self.assertEqual(daemon.code, 4, daemon.log[-2000:])
        self.assertEqual(site.spool_files(), [])  # they are in the ledger
        report = site.report("default")
        self.assertEqual((report["received"], report["open"]), (3, 3))
        site.sandbox.settings(listening="yes")
        self.assertEqual(site.drain().code, 0)
        outcomes = site.oracle.judge()
        self.assertEqual(site.sandbox.posts(), 3)
        self.assertEqual({one["attempts"] for one in outcomes.values()}, {1})

    def test_the_provider_goes_down_in_mid_run(self):
        site = self.site()
        site.sandbox.settings(fault="cut-before-read:1")
        for number in range(3):
            site.drop(site.oracle.issue("job-%d" % number))
        daemon = site.drain(patience="2s", bound=60)
        self.assertEqual(daemon.code, 4, daemon.log[-2000:])
        self.assertLess(len(daemon.events("connection_opened")), 30, "it knocks too often")
        site.sandbox.settings(fault="none")
        self.assertEqual(site.drain().code, 0)
        site.oracle.judge()

    def test_the_provider_only_says_500(self):
        site = self.site(reconcile={"settle": "300ms", "resend_max": 2})
        site.sandbox.settings(list_fault="500-before:1")
        site.sandbox.script({"job-%d" % number: ["500-after"] for number in range(3)})
        for number in range(3):
            site.drop(site.oracle.issue("job-%d" % number))
        daemon = site.drain(patience="3s", bound=60)
        self.assertEqual(daemon.code, 4, daemon.log[-2000:])
        site.sandbox.settings(list_fault="none")
        self.assertEqual(site.drain().code, 0)
        site.oracle.judge()
        self.assertEqual(site.sandbox.posts(), 3)

    def test_a_wrong_certificate_gets_nothing(self):
        for kind in ("other-name", "expired"):
            with self.subTest(kind):
                site = self.site(certificate=kind)
                for number in range(3):
                    site.drop(site.oracle.issue("job-%d" % number))
                daemon = site.drain(patience="2s", bound=60)
                self.assertEqual(daemon.code, 4)
                summary = site.sandbox.summary()
                self.assertEqual(summary["requests"], 0)
                self.assertGreaterEqual(summary["handshakes_failed"], 1)
                site.oracle.check_secrecy()

    def test_a_provider_that_comes_back(self):
        site = self.site()
        site.sandbox.settings(listening="no")
        daemon = site.serve()
        for number in range(scaled(30)):
            site.drop(site.oracle.issue("job-%d" % number))
        eventually(lambda: site.spool_files() == [], "the ledger has them")
        site.sandbox.settings(listening="yes")
        for number in range(scaled(30)):
            site.wait_for_outcome("job-%d" % number)
        self.assertEqual(daemon.stop(), 0)
        outcomes = site.oracle.judge(reports=False)
        self.assertEqual({one["attempts"] for one in outcomes.values()}, {1})

    def test_a_job_that_grows_too_old(self):
        site = self.site(retry={"max_age": "1s"})
        site.sandbox.settings(listening="no")
        for number in range(3):
            site.drop(site.oracle.issue("job-%d" % number, states=("expired",)))
        daemon = site.drain(patience="20s")
        self.assertEqual(daemon.code, 3, daemon.log[-2000:])
        outcomes = site.oracle.judge()
        for outcome in outcomes.values():
            self.assertEqual((outcome["error"]["kind"], outcome["attempts"]), ("expired", 0))

    def test_a_case_without_a_link(self):
        site = self.site("--url", "never", outcomes={"accepted_for": "500ms"})
        daemon = site.serve()
        job = site.oracle.issue("slow")
        site.drop(job)
        outcome = site.wait_for_outcome("slow")
        self.assertEqual((outcome["state"], outcome["revision"]), ("accepted", 1))
        self.assertIsNone(outcome["case"]["contract_url"])
        self.assertTrue(outcome["case"]["id"])
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(site.sandbox.posts(), 1)

    def test_the_link_comes_later(self):
        site = self.site("--url", "later=2500", outcomes={"accepted_for": "500ms"})
        daemon = site.serve()
        site.drop(site.oracle.issue("slow"))
        self.assertEqual(site.wait_for_outcome("slow")["revision"], 1)
        eventually(lambda: site.outcome("slow")["revision"] == 2, "a second revision")
        self.assertEqual(daemon.stop(), 0)
        site.oracle.judge(reports=False)

    def test_a_case_is_followed(self):
        site = self.site(follow={"interval": "1s"})
        daemon = site.serve()
        site.drop(site.oracle.issue("followed"))
        first = site.wait_for_outcome("followed")
        self.assertEqual(first["revision"], 1)
        site.sandbox.control("/status", {"account": ACCOUNT, "reference": "followed",
                                         "case_status": "ACTIVE"})
        eventually(lambda: site.outcome("followed")["revision"] == 2, "a second revision")
        outcome = site.outcome("followed")
        self.assertEqual(outcome["case"]["case_status"], "ACTIVE")
        self.assertEqual(outcome["case"]["contract_url"], first["case"]["contract_url"])
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(site.sandbox.posts(), 1)


class Privacy(SystemTest):
    def test_modes_of_files(self):
        site = self.site()
        site.drop(site.oracle.issue("a"))
        site.drop_bytes("bad.json", b"no JSON")
        self.assertEqual(site.drain().code, 3)
        for path, mode in ((("outcomes", ACCOUNT), 0o750), (("outcomes", "reports"), 0o750),
                           (("outcomes", ACCOUNT, "a.json"), 0o640),
                           (("spool", "rejected", "bad.reason.json"), 0o640),
                           (("ledger", "ledger.db"), 0o600),
                           (("ledger", "ledger.db.lock"), 0o600),
                           (("ledger", "ledger.db.reserve"), 0o600)):
            found = os.stat(site.path(*path)).st_mode & 0o777
            self.assertEqual(found, mode, "%s is %o" % (path, found))

    def memory_of(self, pid):
        """What a core of it would hold, piece by piece."""
        with open("/proc/%d/maps" % pid, encoding="ascii") as maps, \
                open("/proc/%d/mem" % pid, "rb", buffering=0) as memory:
            for line in maps:
                bounds, rights = line.split()[:2]
                start, end = (int(bound, 16) for bound in bounds.split("-"))
                if "w" in rights and end - start < 1 << 30:  # not what a sanitizer reserves
                    memory.seek(start)
                    try:
                        yield memory.read(end - start)
                    except OSError:
                        pass  # not all that is mapped is memory

    def test_the_secret_is_in_memory_once(self):
        """Where it is kept for the next token; nothing that was made of it is left."""
        site = self.site("--latency", "3000")
        site.drop(site.oracle.issue("a"))
        daemon = site.serve()
        # Soon after it was used: memory that is given back is soon overwritten by others.
        eventually(lambda: site.sandbox.posts() == 1, "it has a token")
        try:
            pieces = list(self.memory_of(daemon.process.pid))
        except PermissionError:
            self.skipTest("only root may look")

        def count(needle):
            return sum(piece.count(needle.encode()) for piece in pieces)
        basic = base64.b64encode((CLIENT + ":" + SECRET).encode()).decode()
        self.assertEqual((count(SECRET), count(basic)), (1, 0))
        self.assertGreater(count(ACCOUNT), 0, "it was found what is there")
        site.wait_for_outcome("a")
        self.assertEqual(daemon.stop(), 0)
        site.oracle.judge(reports=False)

    def test_the_secret_is_not_in_the_process_list(self):
        site = self.site("--latency", "500")
        daemon = site.serve()
        site.drop(site.oracle.issue("a"))
        site.wait_for_outcome("a")
        for name in ("cmdline", "environ"):
            with open("/proc/%d/%s" % (daemon.process.pid, name), "rb") as file:
                self.assertNotIn(SECRET.encode(), file.read())
        self.assertEqual(daemon.stop(), 0)

    def test_requests_are_erased_in_time(self):
        site = self.site(ledger={"keep_requests": "1s"})
        jobs = [site.oracle.issue("job-%d" % number) for number in range(scaled(50))]
        for job in jobs:
            site.drop(job)
        self.assertEqual(site.drain().code, 0)

        def gone():
            self.assertEqual(site.drain().code, 0)
            for name in os.listdir(site.path("ledger")):
                with open(site.path("ledger", name), "rb") as file:
                    if CANARY_TEXT.encode() in file.read():
                        return False
            return True

        eventually(gone, "the requests are erased, also from the raw file", 30)
        # The slim rows stay: the same job again is known.
        for job in jobs:
            site.drop(job)
        self.assertEqual(site.drain().code, 0)
        self.assertEqual(site.sandbox.posts(), len(jobs))
        site.oracle.judge()


if __name__ == "__main__":
    main()
