"""Looking at a running daemon: health, status, metrics, the page."""

import base64
import hashlib
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import unittest

from harness import ACCOUNT, SystemTest, eventually, main

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


if __name__ == "__main__":
    main()
