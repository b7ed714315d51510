"""What the system tests stand on: real programs over real TLS in a temporary directory, and an
oracle that knows what was asked for and judges what came of it.

The environment names the programs: ONBOARDD, ONBOARDCTL, ONBOARDD_SANDBOX, ONBOARDD_GENERATE.
ONBOARDD_TEST_SCALE (default 1) multiplies the numbers of jobs; 0.2 suits sanitizer builds.
Nothing here sleeps for a fixed time: everything waits for a condition, with a bound."""

import base64
import errno
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse

import unit_calls

HERE = os.path.dirname(os.path.abspath(__file__))
DAEMON = os.environ.get("ONBOARDD", "onboardd")
SANDBOX = os.environ.get("ONBOARDD_SANDBOX", "onboardd-sandbox")
CTL = os.environ.get("ONBOARDCTL", "onboardctl")
GENERATE = os.environ.get("ONBOARDD_GENERATE", "onboardd-generate")
PRELOAD = os.environ.get("ONBOARDD_PRELOAD", "")  # where the libraries for LD_PRELOAD are
SCALE = float(os.environ.get("ONBOARDD_TEST_SCALE", "1"))
BOUND = 120.0  # seconds; far more than any single wait needs on a busy machine
ACCOUNT = "T12345678"
OTHER = "P87654321"
CLIENT = "system-test-client"
SECRET = "canary-secret-7Hq2vX9pLw"
CANARY_TEXT = "canary-person-Ragnhild"  # stands in every job, belongs into no log
FINAL = {"created", "rejected", "expired", "conflict", "cancelled"}


def scaled(count, least=10):
    return max(least, int(count * SCALE))


def eventually(check, what, bound=BOUND):
    """Waits until check() is true and returns what it returned."""
    end = time.monotonic() + bound
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError("never happened: " + what)
        time.sleep(0.01)


def stays(check, seconds, what):
    """For things that must not happen: looks again and again for a while."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not check():
            raise AssertionError("did not last: " + what)
        time.sleep(0.01)


def exact(text):
    """JSON with numbers kept as they are written."""
    return json.loads(text, parse_float=str, parse_int=str, parse_constant=str)


def organization_number(chance):
    """Nine digits with a right check digit."""
    while True:
        digits = [8 + chance.randrange(2)] + [chance.randrange(10) for _ in range(7)]
        rest = sum(d * w for d, w in zip(digits, (3, 2, 7, 6, 5, 4, 3, 2))) % 11
        if rest != 1:
            return "".join(map(str, digits)) + str((11 - rest) % 11)


def merged(below, above):
    """`above` wins; objects merge member by member."""
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    out = dict(below)
    for name, value in above.items():
        out[name] = merged(below[name], value) if name in below else value
    return out


class Sandbox:
    """The provider's stand-in, running."""

    def __init__(self, directory, certificates, *options, accounts=(ACCOUNT, OTHER),
                 certificate="server"):
        self.ready_file = os.path.join(directory, "sandbox-%d.json" % random.getrandbits(40))
        clients = []
        for account in accounts:
            clients += ["--client", "%s:%s:%s" % (account, CLIENT, SECRET)]
        self.process = subprocess.Popen(
            [SANDBOX, "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0",
             "--cert", os.path.join(certificates, certificate + ".pem"),
             "--key", os.path.join(certificates, certificate + ".key"),
             "--ready-file", self.ready_file, *clients, *options], stdout=subprocess.DEVNULL)
        eventually(lambda: os.path.exists(self.ready_file) or self.process.poll() is not None,
                   "the sandbox is ready")
        if self.process.poll() is not None:
            raise AssertionError("the sandbox did not start")
        with open(self.ready_file) as file:
            ready = json.load(file)
        self.url = ready["url"]
        self.port = urllib.parse.urlsplit(ready["url"]).port
        self.control_port = urllib.parse.urlsplit(ready["control"]).port
        self.certificates = certificates
        self.link = None

    def stop(self):
        if self.link:
            self.link.close()
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(BOUND)

    def control(self, path, body=None):
        for last in (False, True):
            fresh = self.link is None
            if fresh:
                self.link = http.client.HTTPConnection("127.0.0.1", self.control_port,
                                                       timeout=BOUND)
            try:
                self.link.request("GET" if body is None else "POST", path,
                                  None if body is None else json.dumps(body))
                answer = self.link.getresponse()
                data = json.loads(answer.read())
                break
            except (http.client.HTTPException, ConnectionError):
                self.link.close()
                self.link = None
                if last:
                    raise
        if answer.status != 200:
            raise ValueError(data["error"]["message"])
        return data

    def settings(self, **switches):
        return self.control("/settings", {name.replace("_", "-"): value
                                          for name, value in switches.items()})

    def script(self, scripts):
        self.control("/script", scripts)

    def summary(self):
        return self.control("/summary")

    def posts(self):
        return sum(self.summary()["posts_by_status"].values())

    def cases(self, account, reference):
        return self.control("/cases?" + urllib.parse.urlencode(
            {"account": account, "reference": reference}))

    def requests(self, account, reference):
        return self.control("/requests?" + urllib.parse.urlencode(
            {"account": account, "reference": reference}))

    def references(self):
        """{(account, reference): {"cases", "requests"}}"""
        found = {}
        while True:
            page = self.control("/references?after=%d" % len(found))
            for one in page:
                found[one["account"], one["reference"]] = one
            if len(page) < 10000:
                return found

    def post_case(self, account, case):
        """Opens a case behind the daemon's back."""
        tls = ssl.create_default_context(cafile=os.path.join(self.certificates, "ca.pem"))
        link = http.client.HTTPSConnection("localhost", self.port, timeout=BOUND, context=tls)
        basic = base64.b64encode((CLIENT + ":" + SECRET).encode()).decode()
        link.request("POST", "/v1/accounts/%s/auth/token" % account, json.dumps(
            {"grant_type": "client_credentials",
             "audience": self.url + "/accounts/" + account}),
            {"Authorization": "Basic " + basic, "Content-Type": "application/json"})
        token = json.loads(link.getresponse().read())["access_token"]
        link.request("POST", "/v1/accounts/%s/management/settings/cdd/cases" % account,
                     json.dumps(case), {"Authorization": "Bearer " + token,
                                        "Content-Type": "application/json"})
        answer = json.loads(link.getresponse().read())
        link.close()
        return answer["id"]


class NotifySocket:
    """Listens as systemd does (sd_notify(3))."""

    def __init__(self, test, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind(path)
        test.addCleanup(self.socket.close)
        self.lines = []

    def heard(self, start):
        try:
            while True:
                self.lines += self.socket.recv(65536).decode().split("\n")
        except BlockingIOError:
            pass
        return [line for line in self.lines if line.startswith(start)]


class Daemon:
    """One process of onboardd; its output goes to files."""

    def __init__(self, site, *options, environment=None, config=None, under=()):
        """`under`: a program, with its arguments, that runs the daemon."""
        self.site = site
        number = len(site.daemons)
        self.out_file = os.path.join(site.directory, "daemon-%03d.out" % number)
        self.log_file = os.path.join(site.directory, "daemon-%03d.log" % number)
        surroundings = {name: value for name, value in os.environ.items()
                        if name not in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")}
        surroundings["CREDENTIALS_DIRECTORY"] = site.credentials
        surroundings.update(environment or {})
        self.calls_file = os.path.join(site.directory, "daemon-%03d.calls" % number)
        if unit_calls.PROGRAM and "LD_PRELOAD" not in surroundings:
            under = [*under, *unit_calls.under_the_list(self.calls_file)]
        with open(self.out_file, "wb") as out, open(self.log_file, "wb") as log:
            self.process = subprocess.Popen(
                [*under, DAEMON, "--config", config or site.config_file, *options],
                stdin=subprocess.DEVNULL, stdout=out, stderr=log, env=surroundings)
        site.daemons.append(self)

    @property
    def output(self):
        with open(self.out_file, encoding="utf-8") as file:
            return file.read()

    @property
    def log(self):
        with open(self.log_file, encoding="utf-8") as file:
            return file.read()

    def events(self, name=None):
        """What was logged so far, as dictionaries."""
        lines = self.log.split("\n")[:-1]  # the last one may still grow
        found = [json.loads(line) for line in lines if line.startswith("{")]
        return [one for one in found if name is None or one["event"] == name]

    def wait_for(self, event, count=1):
        def check():
            found = self.events(event)
            if len(found) >= count:
                return found
            if self.process.poll() is not None:
                raise AssertionError("onboardd ended with %d before %s: %s" % (
                    self.process.returncode, event, self.log[-2000:]))
            return None
        return eventually(check, "the daemon logs " + event)

    def unlisted_calls(self):
        """Those that it made so far and that the units would have refused to it."""
        try:
            with open(self.calls_file, encoding="utf-8") as file:
                return set(file.read().split())
        except FileNotFoundError:
            return set()

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, bound=None):
        try:
            return self.process.wait(bound or BOUND)
        except subprocess.TimeoutExpired:
            tail = self.log[-3000:]
            self.kill()
            raise AssertionError("onboardd does not end: " + self.output[-1000:] + tail) from None

    def stop(self):
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def preload(library, **settings):
    """The environment of a daemon with one of our libraries before all others."""
    path = os.path.join(PRELOAD, library + ".so")
    if not os.path.exists(path):
        raise AssertionError("ONBOARDD_PRELOAD does not say where %s.so is" % library)
    return dict(settings, LD_PRELOAD=path, ASAN_OPTIONS="verify_asan_link_order=0:detect_leaks=0")


def without_handler(signal_name):
    """The environment of a daemon whose sanitizers leave a signal to the kernel, which ends it as it
    would end a daemon without any."""
    return {name: ":".join(filter(None, [os.environ.get(name), "handle_%s=0" % signal_name]))
            for name in ("ASAN_OPTIONS", "TSAN_OPTIONS")}


def need(test, *programs):
    """Skips the test where one is missing, and says so."""
    for program in programs:
        if not shutil.which(program):
            test.skipTest("needs %s, see tests/install-packages.sh" % program)


def mount(test, directory, *what):
    """For as long as the test; who may not mount skips it."""
    done = subprocess.run(["mount", *what, directory], stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        test.skipTest("mounting is not allowed here: " + done.stderr.strip())
    test.addCleanup(subprocess.run, ["umount", "--lazy", directory], check=False)


def mount_tmpfs(test, directory, **limits):
    """A small disk of its own at `directory`."""
    options = ",".join("%s=%s" % limit for limit in limits.items())
    mount(test, directory, "-t", "tmpfs", "-o", options, "tmpfs")


def mount_quota(test, directory, size):
    """The same with a quota: the disk has more room than one may use, which statvfs() shows."""
    disk = directory.rstrip("/") + ".disk"
    os.mkdir(disk)
    with open(disk + ".img", "wb") as image:
        image.truncate(256 << 20)
    subprocess.run(["mkfs.btrfs", "-q", disk + ".img"], check=True, capture_output=True)
    mount(test, disk, "-o", "loop", disk + ".img")
    part = os.path.join(disk, "part")
    for command in (["quota", "enable", disk], ["subvolume", "create", part],
                    ["qgroup", "limit", size, part]):
        subprocess.run(["btrfs", *command], check=True, capture_output=True)
    mount(test, directory, "--bind", part)


class Filler:
    """Takes all the room that a disk has, bytes or inodes, and unless `once` also what becomes free
    until it is stopped."""

    def __init__(self, test, directory, inodes=False, once=False):
        self.place = os.path.join(directory, ".filler")
        self.inodes = inodes
        self.files = []
        self.stopping = threading.Event()
        os.mkdir(self.place)
        self.fill()
        self.thread = threading.Thread(target=(lambda: None) if once else self.work)
        self.thread.start()
        test.addCleanup(self.stop)

    def fill(self):
        try:
            while True:
                name = os.path.join(self.place, str(len(self.files)))
                with open(name, "wb", buffering=0) as file:
                    self.files.append(name)
                    while not self.inodes:
                        file.write(bytes(4096))
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise

    def work(self):
        while not self.stopping.wait(0.002):
            self.fill()

    def stop(self):
        """Gives all the room back."""
        if not self.stopping.is_set():
            self.stopping.set()
            self.thread.join()
            shutil.rmtree(self.place, ignore_errors=True)


_certificates = None


def certificates():
    """One set for all tests of a process."""
    global _certificates
    if _certificates is None:
        _certificates = tempfile.TemporaryDirectory(prefix="onb-ca-")
        subprocess.run([os.path.join(HERE, "..", "sandbox", "make-certificates.sh"),
                        _certificates.name, "other-name", "expired"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return _certificates.name


class Site:
    """A machine on which onboardd is installed: configuration, spool, outcomes, ledger."""

    defaults = {
        "products": ["payout"],
        "case_request": {"checks": ["KYC"], "countryCode": "NO", "requireContractSigning": True},
    }

    def __init__(self, test, *sandbox_options, accounts=(ACCOUNT,), certificate="server",
                 sandbox=None, **sections):
        """`sandbox`: one that runs already; who started it stops it."""
        self.test = test
        self.holder = tempfile.TemporaryDirectory(prefix="onb-")
        self.directory = self.holder.name
        self.accounts = accounts
        self.daemons = []
        self.credentials = self.path("credentials")
        os.mkdir(self.credentials, 0o700)
        for account in accounts:
            self.write_secret(account, SECRET)
        self.incoming = self.path("spool", "incoming")
        self.rejected = self.path("spool", "rejected")
        self.outcomes = self.path("outcomes")
        os.makedirs(self.incoming)
        os.mkdir(self.path("ledger"))
        self.config_file = self.path("onboardd.yaml")
        self.sandbox = sandbox or Sandbox(self.directory, certificates(), *sandbox_options,
                                          certificate=certificate)
        self.owns_sandbox = sandbox is None
        self.sections = sections
        self.configure()
        self.oracle = Oracle(self)
        test.addCleanup(self.close)

    def close(self):
        for daemon in self.daemons:
            daemon.kill()
        unlisted = set().union(*(daemon.unlisted_calls() for daemon in self.daemons))
        if self.owns_sandbox:
            self.sandbox.stop()
        keep = os.environ.get("ONBOARDD_TEST_KEEP")
        if keep:
            shutil.copytree(self.directory, os.path.join(keep, self.test.id()),
                            dirs_exist_ok=True, symlinks=True,
                            ignore=lambda at, names: [n for n in names if n.endswith(".sock")])
        self.holder.cleanup()
        self.test.assertEqual(unlisted, set(), "calls that the units do not list")

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    def write_secret(self, account, secret):
        name = os.path.join(self.credentials, account)
        with open(name + ".tmp", "w", opener=lambda p, f: os.open(p, f, 0o600)) as file:
            file.write(secret + "\n")
        os.rename(name + ".tmp", name)

    def settings(self):
        """The configuration as a dictionary of sections."""
        base = {
            "provider": {"base_url": self.sandbox.url,
                         "ca_file": os.path.join(certificates(), "ca.pem"),
                         "connect_timeout": "10s", "request_timeout": "10s",
                         "connections_max": 64},
            "accounts": [{"id": account, "client_id": CLIENT,
                          "client_secret_file": "${CREDENTIALS_DIRECTORY}/" + account,
                          "in_flight_max": 32, "defaults": self.defaults}
                         for account in self.accounts],
            "spool": {"directory": self.path("spool"), "settle": "100ms", "rescan": "1s"},
            "outcomes": {"directory": self.outcomes},
            "ledger": {"url": "sqlite://" + self.path("ledger", "ledger.db")},
            "retry": {"schedule": ["50ms", "100ms", "200ms", "500ms"], "max_age": "1h",
                      "budget_percent": 1000},
            "reconcile": {"settle": "1500ms", "resend_max": 10},
            "admin": {"socket": self.path("control.sock")},
            "log": {"level": "debug", "format": "json"},
        }
        return merged(base, self.sections)

    def configure(self, **sections):
        self.sections = merged(self.sections, sections)
        self.write_config(self.settings())

    def write_config(self, settings):
        text = "".join("%s: %s\n" % (name, json.dumps(value))
                       for name, value in settings.items())
        self.write_config_text(text)

    def write_config_text(self, text):
        with open(self.config_file + ".tmp", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(self.config_file + ".tmp", self.config_file)

    # ---- handing off

    def drop_bytes(self, name, data, batch=None):
        """As a good producer does: a name that is ignored, then the rename."""
        where = os.path.join(self.incoming, batch) if batch else self.incoming
        os.makedirs(where, exist_ok=True)
        temporary = os.path.join(where, "." + name + ".tmp")
        with open(temporary, "wb") as file:
            file.write(data)
        os.rename(temporary, os.path.join(where, name))

    def drop(self, job, name=None, batch=None):
        self.drop_bytes((name or job["reference"]) + ".json",
                        json.dumps(job, ensure_ascii=False).encode(), batch)

    def drop_lines(self, name, jobs, batch=None):
        text = "".join(json.dumps(job, ensure_ascii=False) + "\n" for job in jobs)
        self.drop_bytes(name + ".jsonl", text.encode(), batch)

    # ---- running

    def start(self, *options, **how):
        daemon = Daemon(self, *options, **how)
        return daemon

    def serve(self, *options, **how):
        """Service mode, at work."""
        daemon = self.start(*options, **how)
        daemon.wait_for("started")
        return daemon

    def drain(self, *options, patience="60s", bound=None, **how):
        """Drains; the code is in `.code`."""
        daemon = self.start("--drain", "--patience", patience, *options, **how)
        daemon.code = daemon.wait(bound or 3 * BOUND)
        return daemon

    # ---- looking

    def outcome(self, reference, account=ACCOUNT):
        """The outcome, or None."""
        try:
            with open(os.path.join(self.outcomes, account, reference + ".json"),
                      encoding="utf-8") as file:
                return json.load(file)
        except FileNotFoundError:
            return None

    def wait_for_outcome(self, reference, account=ACCOUNT):
        return eventually(lambda: self.outcome(reference, account), "an outcome of " + reference)

    def report(self, batch):
        with open(os.path.join(self.outcomes, "reports", batch + ".json"),
                  encoding="utf-8") as file:
            return json.load(file)

    def spool_files(self):
        return sorted(os.path.relpath(os.path.join(at, name), self.incoming)
                      for at, _, names in os.walk(self.incoming) for name in names)

    def rejected_files(self):
        try:
            return sorted(os.listdir(self.rejected))
        except FileNotFoundError:
            return []

    def reason(self, name):
        with open(os.path.join(self.rejected, name + ".reason.json"), encoding="utf-8") as file:
            return json.load(file)


class Obligation:
    """A job that the daemon has taken, and what may come of it."""

    def __init__(self, job, batch, states):
        self.job = job
        self.batch = batch
        self.states = states


TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.|Bearer [A-Za-z0-9_.-]{8,}|Basic [A-Za-z0-9+/=]{8,}")


class Oracle:
    """Issues jobs, remembers them, and judges."""

    def __init__(self, site):
        self.site = site
        self.test = site.test
        self.chance = random.Random(20261122)
        self.obligations = {}
        self.numbers = set()

    # ---- jobs

    def make_job(self, reference, account=ACCOUNT, **case):
        number = organization_number(self.chance)
        self.numbers.add(number)
        job = {
            "account": account,
            "reference": reference,
            "case": {
                "case_for": {"account_id": account,
                             "payout_destination_id": "shop-" + reference,
                             "payout_destination_name": "Bjørnøya Kaffebrenneri Æ AS",
                             "payout_reference": "Marketplace"},
                "case_request": {"organizationNumber": number,
                                 "details": {"contact": CANARY_TEXT, "employees": 3,
                                             "turnover": 1234567.5}},
            },
        }
        job["case"].update(case)
        return job

    def promise(self, job, batch="default", states=("created",)):
        """From now on this job has been handed off."""
        self.obligations[job["account"], job["reference"]] = Obligation(job, batch, set(states))
        return job

    def issue(self, reference, account=ACCOUNT, batch="default", states=("created",), **case):
        return self.promise(self.make_job(reference, account, **case), batch, states)

    def expected_request(self, job):
        case = merged(self.site.defaults, job["case"])
        return merged(case, {"case_request": {"referenceId": job["reference"]}})

    # ---- judging

    def judge(self, reports=True):
        """Everything that must hold once nothing is open any more."""
        outcomes = self.check_outcome_files()
        seen = self.site.sandbox.references()
        unknown = set(seen) - set(self.obligations)
        self.test.assertFalse(unknown, "cases for jobs that nobody issued")
        for key, duty in self.obligations.items():
            self.check_job(duty, outcomes[key], seen.get(key, {"cases": 0, "requests": 0}))
        if reports:
            self.check_reports(outcomes)
        self.test.assertEqual(self.site.spool_files(), [])
        self.test.assertEqual(self.site.sandbox.summary()["elsewhere"], 0)
        self.check_secrecy()
        return outcomes

    def check_outcome_files(self):
        """Exactly one whole file for each job and nothing else; {(account, reference): outcome}."""
        found = {}
        for at, _, names in os.walk(self.site.outcomes):
            folder = os.path.relpath(at, self.site.outcomes)
            for name in names:
                if (folder, name) == (".", ".ledger"):
                    continue  # the mark of the ledger that writes here
                if folder == "reports":
                    self.test.assertRegex(name, r"^[A-Za-z0-9][A-Za-z0-9._-]*\.(json|txt)$")
                    continue
                self.test.assertRegex(name, r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\.json$")
                with open(os.path.join(at, name), encoding="utf-8") as file:
                    found[folder, name[:-len(".json")]] = json.load(file)
        lost = set(self.obligations) - set(found)
        self.test.assertFalse(lost, "%d jobs without an outcome" % len(lost))
        self.test.assertFalse(set(found) - set(self.obligations), "outcomes of no job")
        return found

    def check_job(self, duty, outcome, seen):
        job = duty.job
        about = "%s/%s: %s" % (job["account"], job["reference"], json.dumps(outcome))
        self.check_shape(job, duty.batch, outcome, about)
        state = outcome["state"]
        self.test.assertIn(state, duty.states, about)
        if state != "conflict":
            self.test.assertLessEqual(seen["cases"], 1, "created twice: " + about)
        if state == "created":
            self.test.assertEqual(seen["cases"], 1, about)
            self.check_case(job, outcome, about)
        if state in ("rejected", "expired", "cancelled"):
            self.test.assertEqual(seen["cases"], 0, about)
        if seen["requests"]:
            self.check_requests(job, about)

    def check_shape(self, job, batch, outcome, about):
        equal = self.test.assertEqual
        equal(list(outcome), ["schema", "revision", "account", "reference", "batch", "state",
                              "case", "error", "attempts", "received_at", "submitted_at",
                              "finished_at"], about)
        equal(outcome["schema"], "onboardd/outcome/1", about)
        self.test.assertGreaterEqual(outcome["revision"], 1, about)
        equal((outcome["account"], outcome["reference"], outcome["batch"]),
              (job["account"], job["reference"], batch), about)
        self.test.assertIn(outcome["state"], FINAL, about)
        self.test.assertRegex(str(outcome["received_at"]), TIME, about)
        self.test.assertRegex(str(outcome["finished_at"]), TIME, about)
        if outcome["attempts"]:
            self.test.assertRegex(str(outcome["submitted_at"]), TIME, about)
        if outcome["state"] == "created":
            self.test.assertIsNone(outcome["error"], about)
            self.test.assertGreaterEqual(outcome["attempts"], 1, about)
            equal(list(outcome["case"]),
                  ["id", "case_id", "contract_url", "case_status", "created_at"], about)
        else:
            self.test.assertIsInstance(outcome["error"], dict, about)
            equal(list(outcome["error"]),
                  ["kind", "http_status", "code", "message", "details", "field"], about)
            self.test.assertIn(outcome["error"]["kind"],
                               ("invalid_job", "duplicate_reference", "refused", "expired",
                                "conflict", "cancelled"), about)
            self.test.assertTrue(outcome["error"]["message"], about)

    def check_case(self, job, outcome, about):
        """The outcome tells what the provider knows."""
        (case,) = self.site.sandbox.cases(job["account"], job["reference"])
        told = outcome["case"]
        self.test.assertEqual(told["id"], case["id"], about)
        self.test.assertEqual(told["created_at"], case["created_at"], about)
        created = [event["created"] for event in case["events"]
                   if event.get("created", {}).get("contract_url")]
        self.test.assertTrue(created, about)
        self.test.assertEqual(told["contract_url"], created[-1]["contract_url"], about)
        self.test.assertEqual(told["case_id"], created[-1]["case_id"], about)

    def check_requests(self, job, about):
        """What arrived is the job's case with the defaults under it, and nothing else."""
        expected = exact(json.dumps(self.expected_request(job)))
        for request in self.site.sandbox.requests(job["account"], job["reference"])["requests"]:
            self.test.assertEqual(exact(request["body"]), expected, about)

    def check_reports(self, outcomes):
        """The totals of every batch are those of the outcome files."""
        batches = {duty.batch for duty in self.obligations.values()}
        for batch in batches:
            mine = [one for one in outcomes.values() if one["batch"] == batch]
            report = self.site.report(batch)
            self.check_totals(report, mine)
            by_account = {one["account"]: one for one in report["by_account"]}
            self.test.assertEqual(set(by_account), {one["account"] for one in mine})
            for account, part in by_account.items():
                self.check_totals(part, [one for one in mine if one["account"] == account])
            with open(os.path.join(self.site.outcomes, "reports", batch + ".txt"),
                      encoding="utf-8") as file:
                self.test.assertIn(str(len(mine)), file.read())

    def check_totals(self, report, outcomes):
        counted = dict.fromkeys(("created", "rejected", "expired", "conflict", "cancelled",
                                 "held", "open"), 0)
        for one in outcomes:
            counted[one["state"]] += 1
        self.test.assertEqual({name: report[name] for name in counted}, counted)
        self.test.assertEqual(report["received"], len(outcomes))
        self.test.assertEqual(report["attempts"], sum(one["attempts"] for one in outcomes))

    def check_secrecy(self):
        """No secret, no token and nothing of a seller in any log; only JSON lines on it."""
        basic = base64.b64encode((CLIENT + ":" + SECRET).encode()).decode()
        canaries = [SECRET, basic, CANARY_TEXT, "Kaffebrenneri"]
        for daemon in self.site.daemons:
            for line in daemon.log.splitlines():
                self.check_log_line(line)
            text = daemon.log + daemon.output
            for canary in canaries:
                self.test.assertNotIn(canary, text)
            self.test.assertIsNone(TOKEN.search(text))
            known = self.numbers.intersection(re.findall(r"\d{9}", text))
            self.test.assertFalse(known, "organization numbers in the log")
        self.check_files(self.site.path("ledger"), [SECRET, basic, "Bearer"])
        self.check_files(self.site.outcomes, canaries)

    def check_files(self, top, canaries):
        for at, _, names in os.walk(top):
            for name in names:
                with open(os.path.join(at, name), "rb") as file:
                    data = file.read()
                for canary in canaries:
                    self.test.assertNotIn(canary.encode(), data, name)

    def check_log_line(self, line):
        try:
            event = json.loads(line)
        except ValueError:
            raise AssertionError("a log line is no JSON: " + line) from None
        self.test.assertEqual(list(event), ["time", "level", "event", "message", "fields"], line)
        self.test.assertRegex(event["time"], TIME, line)
        self.test.assertIn(event["level"], ("debug", "info", "warning", "error"), line)


class SystemTest(unittest.TestCase):
    """Shows the tail of the logs when a test has failed."""

    def run(self, result=None):
        failed = len(result.failures) + len(result.errors)
        self.sites = []
        self.addCleanup(self.show_logs, result, failed)
        return super().run(result)

    def site(self, *options, **how):
        site = Site(self, *options, **how)
        self.sites.append(site)
        self.addCleanup(self.keep_tails, site)
        return site

    def keep_tails(self, site):
        site.tails = [(daemon.process.poll(), daemon.output[-500:], daemon.log[-1500:])
                      for daemon in site.daemons[-2:]]

    def show_logs(self, result, failed):
        if len(result.failures) + len(result.errors) == failed:
            return
        for site in self.sites:
            for code, output, log in getattr(site, "tails", []):
                sys.stderr.write("---- onboardd, code %s\n%s\n%s\n" % (code, output, log))


def main():
    if unit_calls.PROGRAM and not unit_calls.is_possible():
        sys.exit(77)  # skipped
    unittest.main(verbosity=2)
