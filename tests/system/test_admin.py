"""Looking at a running daemon: health, status, metrics, the page."""

import base64
import contextlib
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import urllib.parse

from harness import ACCOUNT, CLIENT, CTL, SECRET, TOKEN, SystemTest, eventually, main

JOBS = 20


class OverSocket(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self.path)


class Looking(SystemTest):
    def get(self, path, host=None):
        connection = OverSocket(self.path)
        connection.request("GET", path, headers={"Host": host} if host else {})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, body.decode(), dict(answer.getheaders())

    def status(self):
        return json.loads(self.get("/api/status")[1])

    def night(self):
        """A daemon that has done some jobs, and is looked at."""
        site = self.site()
        self.path = site.path("http.sock")
        site.configure(admin={"socket": site.path("control.sock"), "http": "unix:" + self.path})
        for number in range(JOBS):
            site.drop(site.oracle.issue("job-%02d" % number))
        self.daemon = site.serve()
        eventually(lambda: self.status()["jobs"]["created"] == JOBS, "all are created")
        return site

    def test_status_and_health(self):
        site = self.night()
        self.assertEqual(self.get("/healthz")[:2], (200, "ok\n"))
        self.assertEqual(self.get("/readyz")[:2], (200, "ready\n"))
        status = self.status()
        self.assertEqual(status["schema"], "onboardd/status/1")
        self.assertEqual(status["open"], 0)
        self.assertEqual([one["id"] for one in status["accounts"]], [ACCOUNT])
        self.assertIsNotNone(status["accounts"][0]["token"])
        self.path = site.path("control.sock")
        self.assertEqual(self.get("/readyz")[:2], (200, "ready\n"))
        self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o660)
        self.assertEqual(self.daemon.stop(), 0)
        self.assertFalse(os.path.exists(self.path))

    def test_a_reload_forgets_nothing_of_the_night(self):
        site = self.night()
        with open(os.path.join(site.incoming, "bad.json"), "w", encoding="utf-8") as file:
            file.write("{")
        eventually(lambda: self.status()["intake"]["refused"] == 1, "a file is refused")
        before = self.status()
        for number in (2, 3):  # the second adds what the first has added
            self.daemon.signal(signal.SIGHUP)
            self.daemon.wait_for("started", number)
            site.drop(site.oracle.issue("after-%d" % number))
            site.wait_for_outcome("after-%d" % number)
            now = self.status()
            self.assertEqual(now["started_at"], before["started_at"])
            self.assertEqual(now["intake"]["refused"], 1)
            self.assertEqual(now["since_start"]["created"], JOBS + number - 1)
        self.assertEqual(self.daemon.stop(), 0)

    def test_metrics(self):
        self.night()
        status, text, fields = self.get("/metrics")
        self.assertEqual(status, 200)
        self.assertTrue(fields["Content-Type"].startswith("text/plain; version=0.0.4"))
        self.assertIn('onboardd_jobs{account="%s",state="created"} %d\n' % (ACCOUNT, JOBS),
                      text)
        for name in ("queue_wait", "token_request", "connect", "tls_handshake", "request", "job",
                     "ledger_commit"):
            count = re.search(r"^onboardd_%s_seconds_count (\d+)$" % name, text, re.MULTILINE)
            self.assertGreater(int(count[1]), 0, name)
        names = set(re.findall(r"([a-z]+)=\"", text))
        self.assertEqual(names, {"account", "state", "reason", "result", "le", "version"},
                         "labels are bounded")
        if not shutil.which("promtool"):
            self.skipTest("promtool is missing: apt-get install prometheus")
        lint = subprocess.run(["promtool", "check", "metrics"], input=text, text=True,
                              capture_output=True, check=False)
        self.assertEqual((lint.returncode, lint.stdout + lint.stderr), (0, ""))

    def test_page_and_reports(self):
        site = self.night()
        eventually(lambda: os.path.exists(os.path.join(site.outcomes, "reports", "default.txt")),
                   "the report")
        eventually(lambda: self.status()["reports"] == ["default"], "it is listed")
        status, page, fields = self.get("/")
        self.assertEqual(status, 200)
        policy = fields["Content-Security-Policy"]
        self.assertTrue(policy.startswith("default-src 'none'; "), policy)
        for kind in ("style", "script"):
            (text,) = re.findall("<%s>(.*?)</%s>" % (kind, kind), page, re.DOTALL)
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            self.assertIn("%s-src 'sha256-%s'" % (kind, digest), policy)
        self.assertIn("%d of %d jobs ended" % (JOBS, JOBS), page)
        report = self.get("/reports/default.txt")
        self.assertEqual(report[0], 200)
        self.assertTrue(report[2]["Content-Security-Policy"].endswith("sandbox"))
        with open(os.path.join(site.outcomes, "reports", "default.txt"), encoding="utf-8") as file:
            self.assertEqual(report[1], file.read())
        for bad in ("..%2f..%2fonboardd.yaml", "../%s/job-01.json" % ACCOUNT,
                    "..%%2f%s%%2fjob-01.json" % ACCOUNT, "", "none.txt", "default.txt%00.txt"):
            self.assertEqual(self.get("/reports/" + bad)[0], 404, bad)
        if not shutil.which("tidy"):
            self.skipTest("tidy is missing: apt-get install tidy")
        lint = subprocess.run(["tidy", "-quiet", "-errors", "-utf8"], input=page, text=True,
                              capture_output=True, check=False)
        self.assertEqual((lint.returncode, lint.stderr), (0, ""))


class Canaries(SystemTest):
    """What must stay between the job's file, the ledger and the provider is looked for everywhere else."""

    def personal_case(self, number):
        def canary(field):
            self.canaries.append("Canary%02d%sÅ" % (number, field))
            return self.canaries[-1]
        return {
            "case_for": {"account_id": ACCOUNT, "payout_destination_id": canary("Destination"),
                         "payout_destination_name": canary("Company"),
                         "payout_reference": canary("Reference")},
            "bank_accounts": [{"iban": canary("Iban"), "holder": canary("Holder")}],
            "declarants": [{"name": canary("Person"), "email": canary("Mail") + "@example.com",
                            "national_id": canary("Born"), "phone": canary("Phone"),
                            "address": {"street": canary("Street"), "city": canary("City")}}],
            "notes": canary("Notes"),
        }

    def hand_in(self, site):
        """Jobs that come through, that are refused, whose answer is lost, and a file that is no job."""
        for number in range(8):
            job = site.oracle.issue("job-%02d" % number)
            job["case"].update(self.personal_case(number))
            self.canaries.append(job["case"]["case_request"]["organizationNumber"])
            site.drop(job)
        site.sandbox.script({"job-01": ["refuse"], "job-02": ["500-after"],
                             "job-03": ["429-seconds"]})
        self.canaries.append("CanaryNoJob")
        site.drop_bytes("bad.json", b'{"account": "CanaryNoJob", "CanaryNoJob": "CanaryNoJob"')
        site.drop_bytes("bad2.json", json.dumps({"account": ACCOUNT, "case": {
            "case_request": {"organizationNumber": "CanaryNoJob"}}}).encode())

    def variants(self):
        for canary in self.canaries:
            yield canary
            yield json.dumps(canary)[1:-1]
            yield urllib.parse.quote(canary)
            yield base64.b64encode(canary.encode()).decode().rstrip("=")[:-1]
            yield canary.encode().hex()

    def hits(self, text):
        return [one for one in self.variants() if one.lower() in text.lower()] + [
            one.group() for one in [TOKEN.search(text)] if one]

    def get(self, site, path):
        with contextlib.closing(OverSocket(site.path("control.sock"))) as link:
            link.request("GET", path)
            return link.getresponse().read().decode()

    def listens(self, site):
        """The socket is there a moment before anybody may connect to it."""
        try:
            self.get(site, "/healthz")
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        return True

    def journal(self, site, heard):
        """A journal of our own at the place of the machine's, for the daemon alone."""
        place = site.path("journal")
        os.mkdir(place)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        listening.bind(os.path.join(place, "socket"))
        self.addCleanup(listening.close)

        def listen():  # who does not listen makes the daemon wait
            while True:
                entry = listening.recv(1 << 20)
                if entry == b"end":
                    return
                heard.append(entry.decode(errors="replace"))
        thread = threading.Thread(target=listen)
        thread.start()

        def end():
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
                last.sendto(b"end", os.path.join(place, "socket"))
            thread.join()
        self.addCleanup(end)
        return ("unshare", "--mount", "sh", "-c",
                'mount -t tmpfs none /run && mkdir -p /run/systemd/journal && '
                'mount --bind "$0" /run/systemd/journal && exec "$@"', place)

    def run_through(self, log_format, under=()):
        self.canaries = [SECRET, base64.b64encode((CLIENT + ":" + SECRET).encode()).decode()]
        site = self.site()
        site.configure(log={"level": "debug", "format": log_format})
        self.hand_in(site)
        daemon = site.start(under=under(site) if under else ())
        eventually(lambda: self.listens(site), "it listens")
        eventually(lambda: json.loads(self.get(site, "/api/status"))["jobs"]["created"] == 7,
                   "all have ended")
        eventually(lambda: "default" in json.loads(self.get(site, "/api/status"))["reports"],
                   "the report")
        return site, daemon

    def check(self, name, text, least):
        self.assertGreater(len(text), least, "%s shows something" % name)
        self.assertEqual(self.hits(text), [], name)
        for planted in self.canaries[2:5]:
            self.assertTrue(self.hits(text + planted), "the search finds a planted one")

    def test_nothing_of_a_person_and_no_secret_is_shown(self):
        site, daemon = self.run_through("json")
        for path, least in (("/metrics", 5000), ("/", 5000), ("/api/status", 500),
                            ("/readyz", 4), ("/healthz", 1)):
            self.check(path, self.get(site, path), least)
        for command in (["list"], ["show", "job-00"], ["show", "job-01"]):
            done = subprocess.run([CTL, "--config", site.config_file, "--json", *command], check=True,
                                  capture_output=True, text=True,
                                  env=dict(os.environ, CREDENTIALS_DIRECTORY=site.credentials))
            self.check("onboardctl " + " ".join(command), done.stdout + done.stderr, 100)
        self.assertEqual(daemon.stop(), 0)
        self.assertIn("job_moved", daemon.log, "it says a lot")
        self.check("the log", daemon.log + daemon.output, 2000)

    def test_nothing_is_shown_in_a_log_for_people(self):
        _, daemon = self.run_through("text")
        self.assertEqual(daemon.stop(), 0)
        self.check("the log", daemon.log + daemon.output, 2000)

    def test_nothing_is_shown_in_the_journal(self):
        probe = subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/run"],
                               check=False, capture_output=True)
        if probe.returncode != 0:
            self.skipTest("needs the right to mount")
        heard = []
        _, daemon = self.run_through("journal", lambda site: self.journal(site, heard))
        self.assertEqual(daemon.stop(), 0)
        eventually(lambda: "ONBOARDD_EVENT=stopped" in "".join(heard), "the last entry")
        text = "".join(heard)
        self.assertIn("ONBOARDD_EVENT=job_moved", text)
        self.assertIn("ONBOARDD_JOB=job-00", text)
        self.assertIn("ONBOARDD_ACCOUNT=" + ACCOUNT, text)
        self.assertIn("MESSAGE_ID=87ad15b911904929aea8148469171174", text)
        self.check("the journal", text + daemon.log + daemon.output, 2000)

    def test_a_crash_leaves_no_dump(self):
        """Its memory holds requests and secrets, so nothing may write it down."""
        _, daemon = self.run_through("json")
        with open("/proc/%d/limits" % daemon.process.pid, encoding="ascii") as file:
            self.assertRegex(file.read(), r"Max core file size +0 +0 ")
        os.kill(daemon.process.pid, signal.SIGABRT)
        _, status = os.waitpid(daemon.process.pid, 0)
        daemon.process.returncode = -signal.SIGABRT
        self.assertTrue(os.WIFSIGNALED(status))
        self.assertFalse(os.WCOREDUMP(status))


if __name__ == "__main__":
    main()
