"""Drives the real onboardd-sandbox over TLS: sandbox_test.py SANDBOX GENERATE [unittest options]"""

import base64
import http.client
import json
import os
import random
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

SANDBOX, GENERATE = (sys.argv.pop(1), sys.argv.pop(1)) if len(sys.argv) > 2 else ("", "")
HERE = os.path.dirname(os.path.abspath(__file__))
BOUND = 20.0  # seconds; far more than anything here needs on a busy machine
ACCOUNT = "T12345678"
OTHER = "T87654321"


def eventually(check, what):
    """Waits until check() is true; nothing here waits for a fixed time."""
    end = time.monotonic() + BOUND
    while time.monotonic() < end:
        found = check()
        if found:
            return found
        time.sleep(0.005)
    raise AssertionError("never happened: " + what)


class Sandbox:
    """One running sandbox."""

    def __init__(self, directory, *options, certificate="server"):
        self.directory = directory
        self.ready_file = os.path.join(directory, "ready-%d.json" % random.getrandbits(40))
        self.process = subprocess.Popen(
            [SANDBOX, "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0",
             "--cert", os.path.join(directory, certificate + ".pem"),
             "--key", os.path.join(directory, certificate + ".key"),
             "--ready-file", self.ready_file, *options], stdout=subprocess.DEVNULL)
        eventually(lambda: os.path.exists(self.ready_file) or self.process.poll() is not None,
                   "the sandbox is ready")
        with open(self.ready_file) as file:
            self.ready = json.load(file)
        self.port = urllib.parse.urlsplit(self.ready["url"]).port
        self.control_port = urllib.parse.urlsplit(self.ready["control"]).port
        self.tls = ssl.create_default_context(cafile=os.path.join(directory, "ca.pem"))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(BOUND)

    def control(self, path, body=None):
        link = http.client.HTTPConnection("127.0.0.1", self.control_port, timeout=BOUND)
        link.request("GET" if body is None else "POST", path,
                     None if body is None else json.dumps(body))
        answer = link.getresponse()
        data = json.loads(answer.read())
        link.close()
        if answer.status != 200:
            raise ValueError(data["error"]["message"])
        return data

    def settings(self, **switches):
        self.control("/settings", {name.replace("_", "-"): value
                                   for name, value in switches.items()})

    def summary(self):
        return self.control("/summary")

    def cases(self, reference, account=ACCOUNT):
        return self.control("/cases?" + urllib.parse.urlencode(
            {"account": account, "reference": reference}))


class Client:
    """A plain, forgiving client of the provider's API."""

    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.link = http.client.HTTPSConnection("localhost", sandbox.port, timeout=BOUND,
                                                context=sandbox.tls)

    def close(self):
        self.link.close()

    def call(self, method, path, body=None, headers=None):
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        sent = {"Content-Type": "application/json"} if body is not None else {}
        sent.update(headers or {})
        self.link.request(method, "/v1" + path, body, sent)
        answer = self.link.getresponse()
        answer.data = answer.read()
        return answer

    def ask_token(self, account=ACCOUNT, client="client", secret="secret", body=None, headers=None):
        basic = base64.b64encode((client + ":" + secret).encode()).decode()
        body = body or {"grant_type": "client_credentials",
                        "audience": "https://api.dintero.com/v1/accounts/" + account}
        return self.call("POST", "/accounts/%s/auth/token" % account, body,
                         headers or {"Authorization": "Basic " + basic})

    def log_in(self, account=ACCOUNT, **credentials):
        answer = self.ask_token(account, **credentials)
        assert answer.status == 200, answer.data
        self.bearer = {"Authorization": "Bearer " + json.loads(answer.data)["access_token"]}
        return self

    def post(self, body, account=ACCOUNT, **headers):
        return self.call("POST", cases_path(account), body, {**self.bearer, **headers})

    def list(self, query="", account=ACCOUNT):
        return self.call("GET", cases_path(account) + query, None, self.bearer)

    def ids(self, query=""):
        return [one["id"] for one in json.loads(self.list(query).data)]


def cases_path(account=ACCOUNT):
    return "/accounts/%s/management/settings/cdd/cases" % account


def a_case(reference="seller-1", **members):
    case = {
        "case_for": {"account_id": ACCOUNT, "payout_destination_id": "shop-" + str(reference),
                     "payout_destination_name": "Fjord Kaffebrenneri Ærlig AS",
                     "payout_destination_description": "coffee", "payout_reference": "Market"},
        "products": ["payout"],
        "case_request": {"checks": ["KYC"], "countryCode": "NO", "organizationNumber": "923609016",
                         "requireContractSigning": True, "details": {}, "referenceId": reference},
    }
    case.update(members)
    return case


class Raw:
    """A connection on which every byte counts."""

    def __init__(self, sandbox, tls=None):
        plain = socket.create_connection(("127.0.0.1", sandbox.port), BOUND)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = (tls or sandbox.tls).wrap_socket(plain, server_hostname="localhost",
                                                       suppress_ragged_eofs=False)

    def send(self, data):
        self.socket.sendall(data)

    def read_to_end(self):
        """All bytes and how it ended: closed, or truncated (no close_notify)."""
        got = b""
        while True:
            try:
                part = self.socket.recv(65536)
            except (ConnectionError, ssl.SSLError):
                return got, "truncated"
            if not part:
                return got, "closed"
            got += part

    def tcp_end(self):
        """How TCP ended, which Python's TLS does not tell: closed or reset."""
        with socket.socket(fileno=os.dup(self.socket.fileno())) as plain:
            plain.settimeout(BOUND)
            try:
                while plain.recv(65536):
                    pass
            except ConnectionResetError:
                return "reset"
        return "closed"

    def read_until(self, enough):
        got = b""
        while not enough(got):
            part = self.socket.recv(65536)
            if not part:
                break
            got += part
        return got

    def close(self):
        self.socket.close()


def whole(data):
    """Whether data holds one answer framed by its length."""
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        return False
    lengths = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    return len(body) >= int(lengths[0].split(b":")[1])


class Base(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox(DIRECTORY.name)
        cls.defaults = cls.sandbox.control("/settings")

    @classmethod
    def tearDownClass(cls):
        assert cls.sandbox.stop() == 0

    def setUp(self):
        self.sandbox.control("/settings", self.defaults)
        self.sandbox.control("/reset", {})
        self.client = Client(self.sandbox)
        self.client.log_in()
        self.addCleanup(self.client.close)

    def fresh(self):
        client = Client(self.sandbox)
        client.bearer = self.client.bearer
        self.addCleanup(client.close)
        return client

    def raw(self):
        raw = Raw(self.sandbox)
        self.addCleanup(raw.close)
        return raw

    def request_bytes(self, body, method="POST", path=None):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = "%s /v1%s HTTP/1.1\r\nHost: localhost\r\nAuthorization: %s\r\n" \
               "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (
                   method, path or cases_path(), self.client.bearer["Authorization"], len(data))
        return head.encode() + data

    def assert_error(self, answer, status):
        self.assertEqual(answer.status, status, answer.data)
        error = json.loads(answer.data)["error"]
        self.assertTrue(error["message"])
        self.assertIsInstance(error["code"], str)
        self.assertIsInstance(error["errors"], list)
        return error


class Tokens(Base):
    def test_a_token_has_the_documented_members(self):
        token = json.loads(self.client.ask_token().data)
        self.assertEqual(token["token_type"], "Bearer")
        self.assertEqual(token["expires_in"], 14400)
        self.assertEqual(token["access_token"].count("."), 2)

    def test_bad_requests_for_tokens_are_refused(self):
        good = {"grant_type": "client_credentials", "audience": "https://x/v1/accounts/" + ACCOUNT}
        for body, status in [
                ({**good, "grant_type": "password"}, 400),
                ({"grant_type": "client_credentials"}, 400),
                ({**good, "audience": "https://x/v1/accounts/" + OTHER}, 403),
                ({**good, "audience": 7}, 400),
                ("not json", 400), ("[]", 400), (good, 200)]:
            with self.subTest(body=body):
                self.assertEqual(self.client.ask_token(body=body).status, status)

    def test_credentials_must_be_basic(self):
        for header in ["", "Bearer x", "Basic", "Basic ###", "Basic " +
                       base64.b64encode(b"no-colon").decode()]:
            answer = self.client.ask_token(headers={"Authorization": header})
            self.assert_error(answer, 401)

    def test_the_content_type_must_be_json(self):
        basic = {"Authorization": "Basic " + base64.b64encode(b"a:b").decode(),
                 "Content-Type": "application/x-www-form-urlencoded"}
        self.assert_error(self.client.ask_token(headers=basic), 400)

    def test_known_clients_only(self):
        sandbox = Sandbox(DIRECTORY.name, "--client", ACCOUNT + ":me:s3:cret")
        self.addCleanup(sandbox.stop)
        client = Client(sandbox)
        self.assertEqual(client.ask_token(client="me", secret="s3:cret").status, 200)
        self.assert_error(client.ask_token(client="me", secret="other"), 401)
        self.assert_error(client.ask_token(client="you", secret="s3:cret"), 401)
        self.assert_error(client.ask_token(OTHER, client="me", secret="s3:cret"), 404)
        client.close()

    def test_a_token_ends_with_its_life(self):
        self.sandbox.settings(token_life=1)
        self.client.log_in()
        self.assertEqual(self.client.list().status, 200)
        eventually(lambda: self.client.list().status == 401, "the token expires")
        self.assert_error(self.client.post(a_case()), 401)

    def test_revoked_and_unknown_tokens_are_refused(self):
        self.sandbox.control("/revoke", {})
        self.assert_error(self.client.list(), 401)
        self.client.bearer = {"Authorization": "Bearer x.y.z"}
        self.assert_error(self.client.list(), 401)
        self.client.bearer = {}
        self.assert_error(self.client.post(a_case()), 401)
        self.assertEqual(self.sandbox.summary()["cases"], 0)

    def test_the_token_of_one_account_is_not_for_another(self):
        self.assert_error(self.client.post(a_case(), OTHER), 403)
        self.assert_error(self.client.list("", OTHER), 403)

    def test_tokens_are_counted(self):
        self.client.log_in(OTHER)
        self.assertEqual(self.sandbox.summary()["tokens_issued"], {ACCOUNT: 1, OTHER: 1})


class Cases(Base):
    def test_the_answer_is_the_full_case(self):
        sent = a_case(package="basic", actions_on_approval=["create_payout_destination"],
                      payment_options=[{"currencies": ["NOK"], "type": "dintero.zero"}],
                      unknown={"nested": [1, None, "\u00e6\U0001f600"]})
        answer = self.client.post(sent)
        self.assertEqual(answer.status, 200)
        case = json.loads(answer.data)
        for name, value in sent.items():
            self.assertEqual(case.pop(name), value)
        self.assertEqual(set(case), {"account_id", "events", "id", "created_at", "created_by",
                                     "updated_at"})
        self.assertRegex(case["id"], "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
        self.assertEqual(case["account_id"], ACCOUNT)
        self.assertEqual(case["created_by"], "client")
        self.assertRegex(case["created_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        event, = case["events"]
        self.assertEqual(set(event), {"id", "request_id", "event", "created_at", "case_status",
                                      "created"})
        self.assertEqual(event["event"], "case_created")
        self.assertEqual(event["case_status"], "WAITING_FOR_DECLARATION")
        self.assertIn(event["created"]["case_id"], event["created"]["contract_url"])

    def test_members_of_the_provider_cannot_be_sent(self):
        case = json.loads(self.client.post(a_case(id="mine", events=[], account_id=OTHER)).data)
        self.assertNotEqual(case["id"], "mine")
        self.assertEqual(case["account_id"], ACCOUNT)
        self.assertEqual(len(case["events"]), 1)

    def test_invalid_requests_are_refused_with_their_paths(self):
        def without(name):
            return {key: value for key, value in a_case().items() if key != name}

        for body, path in [
                (without("case_for"), "case_for"), (without("products"), "products"),
                (without("case_request"), "case_request"), (a_case(case_for="x"), "case_for"),
                (a_case(products="payout"), "products"), (a_case(products=["gold"]), "products"),
                (a_case(products=[]), "products"), (a_case(7), "case_request.referenceId"),
                (a_case(case_request={"requireContractSigning": "yes"}),
                 "case_request.requireContractSigning"),
                (a_case(case_request={"checks": "KYC"}), "case_request.checks"),
                (a_case(case_request={"details": []}), "case_request.details"),
                (a_case(case_for={"payout_reference": 1}), "case_for.payout_reference"),
                (a_case(package=1), "package"), (a_case(actions_on_approval=["x"]),
                                                 "actions_on_approval"),
                (a_case(payment_options=[1]), "payment_options"),
                ("", ""), ("{", ""), ("[]", ""), ("\xff", ""), ("[" * 5000, ""),
                (json.dumps(a_case())[:-1], "")]:
            with self.subTest(path=path, body=str(body)[:60]):
                error = self.assert_error(self.client.post(body), 400)
                self.assertEqual(error["errors"][0]["path"], path)
        self.assertEqual(self.sandbox.summary()["cases"], 0)

    def test_a_destination_that_asks_for_it_is_refused(self):
        body = a_case(case_for={"payout_destination_id": "refuse-me"})
        error = self.assert_error(self.client.post(body), 400)
        self.assertEqual(error["errors"][0]["path"], "case_for.payout_destination_id")
        self.assertEqual(self.sandbox.cases("seller-1"), [])

    def test_the_same_reference_makes_a_second_case(self):
        first = json.loads(self.client.post(a_case("again")).data)["id"]
        second = json.loads(self.client.post(a_case("again")).data)["id"]
        self.assertNotEqual(first, second)
        self.assertEqual([one["id"] for one in self.sandbox.cases("again")], [first, second])
        summary = self.sandbox.summary()
        counts = (summary["cases"], summary["references"], summary["duplicated"])
        self.assertEqual(counts, (2, 1, 1))
        self.assertEqual(summary["duplicated_references"],
                         [{"account": ACCOUNT, "reference": "again", "cases": 2}])

    def test_the_same_reference_of_another_account_is_no_duplicate(self):
        self.client.post(a_case("both"))
        other = Client(self.sandbox).log_in(OTHER)
        self.addCleanup(other.close)
        self.assertEqual(other.post(a_case("both"), OTHER).status, 200)
        self.assertEqual(self.sandbox.summary()["duplicated"], 0)

    def test_duplicates_can_be_refused(self):
        for how in ("400", "409"):
            self.sandbox.settings(duplicate_reference=how)
            self.assertEqual(self.client.post(a_case("r" + how)).status, 200)
            self.assert_error(self.client.post(a_case("r" + how)), int(how))
        self.assertEqual(self.sandbox.summary()["duplicated"], 0)

    def test_the_status_of_a_good_post_is_a_switch(self):
        for status in (201, 202, 200):
            self.sandbox.settings(post_status=status)
            self.assertEqual(self.client.post(a_case()).status, status)

    def test_one_case_is_read_by_its_id(self):
        case = json.loads(self.client.post(a_case()).data)
        path = cases_path() + "/" + case["id"]
        self.assertEqual(json.loads(self.client.call("GET", path, None, self.client.bearer).data),
                         case)
        for unknown in ("/3c90c3cc-0d44-4b50-8888-8dd25736052a", "/x", "/"):
            answer = self.client.call("GET", cases_path() + unknown, None, self.client.bearer)
            self.assert_error(answer, 404)
        self.sandbox.settings(read_one="no")
        self.assert_error(self.client.call("GET", path, None, self.client.bearer), 404)

    def test_the_contract_url_comes_when_the_switch_says(self):
        def urls(case):
            return [event["created"].get("contract_url") for event in case["events"]
                    if "created" in event]

        self.sandbox.settings(url="never")
        self.assertEqual(urls(json.loads(self.client.post(a_case("never")).data)), [None])
        self.sandbox.settings(url="later=60000")
        self.assertEqual(urls(json.loads(self.client.post(a_case("waits")).data)), [None])
        self.sandbox.settings(url="later=1")
        self.client.post(a_case("soon"))
        eventually(lambda: urls(self.sandbox.cases("soon")[0])[-1], "the URL is there")

    def test_triggers_change_the_status_of_test_accounts(self):
        for word, status in [("AUTO_APPROVE", "ACTIVE"), ("AUTO_DECLINE", "DECLINED"),
                             ("AUTO_WAITING_FOR_SIGNATURE", "WAITING_FOR_SIGNATURE")]:
            body = a_case(word, case_for={"payout_destination_description": word})
            self.client.post(body)
            events = eventually(lambda: self.sandbox.cases(word)[0]["events"], "events")
            self.assertEqual(events[-1]["case_status"], status)
            self.assertEqual([event["id"] for event in events], [1, 2])

    def test_a_trigger_waits_as_told_and_means_nothing_in_production(self):
        body = a_case("slow", case_for={"payout_destination_description": "AUTO_APPROVE"})
        self.sandbox.settings(auto_after=60000)
        self.client.post(body)
        self.assertEqual(len(self.sandbox.cases("slow")[0]["events"]), 1)
        self.sandbox.settings(auto_after=0)
        production = Client(self.sandbox).log_in("P12345678")
        self.addCleanup(production.close)
        production.post(body, "P12345678")
        self.assertEqual(len(self.sandbox.cases("slow", "P12345678")[0]["events"]), 1)

    def test_the_callback_moves_a_case_on(self):
        case = json.loads(self.client.post(a_case()).data)
        path = cases_path() + "/" + case["id"] + "/callback"
        self.assert_error(self.client.call("POST", path, {"case_status": "ACTIVE"}), 400)
        answer = self.client.call("POST", path + "?signature=s", {"case_status": "ACTIVE"})
        self.assertEqual((answer.status, answer.data), (200, b"OK"))
        self.assertEqual(self.sandbox.cases("seller-1")[0]["events"][-1]["case_status"], "ACTIVE")

    def test_other_paths_and_methods_are_errors(self):
        for method, path, status in [
                ("GET", "/", 404), ("GET", "/accounts/T1/management/settings/cdd/cases", 404),
                ("GET", "/accounts/X12345678/management/settings/cdd/cases", 404),
                ("PUT", cases_path(), 405), ("DELETE", cases_path() + "/x", 405),
                ("GET", "/accounts/%s/auth/token" % ACCOUNT, 405),
                ("POST", "/accounts/%s/management/settings/cdd" % ACCOUNT, 404)]:
            self.assert_error(self.client.call(method, path, None, self.client.bearer), status)


class Lists(Base):
    def make(self, count, first=0):
        return [json.loads(self.client.post(a_case("l%03d" % at)).data)["id"]
                for at in range(first, first + count)]

    def test_plain_is_everything_newest_first(self):
        made = self.make(25)
        self.assertEqual(self.client.ids(), made[::-1])
        self.sandbox.settings(list_order="oldest")
        self.assertEqual(self.client.ids(), made)
        self.assertEqual(self.client.ids("?limit=3&starting_after=" + made[1]), made[2:5])

    def test_cases_of_an_earlier_life_can_be_put_in(self):
        self.sandbox.control("/preload", {"account": ACCOUNT, "reference": "old-", "count": 2500,
                                          "case": a_case("any")})
        self.assertEqual(len(self.client.ids()), 2500)
        (case,) = self.sandbox.control("/cases?reference=old-2499")
        self.assertEqual(case["case_request"]["referenceId"], "old-2499")
        self.assertEqual(self.sandbox.summary()["posts_by_status"], {})

    def test_pages_of_ten_unless_asked_otherwise(self):
        made = set(self.make(25))
        for order in ("newest", "oldest", "random"):
            self.sandbox.settings(list="paged", list_order=order)
            for query, pages in [("", 3), ("?limit=7", 4), ("?limit=100", 1)]:
                seen, after, read = [], "", 0
                while True:
                    joined = query + (("&" if query else "?") + "starting_after=" + after
                                      if after else "")
                    page = self.client.ids(joined)
                    if not page:
                        break
                    seen, after, read = seen + page, page[-1], read + 1
                self.assertEqual((set(seen), len(seen), read), (made, 25, pages))

    def test_bad_paging_parameters_are_refused_or_ignored(self):
        self.make(12)
        self.sandbox.settings(list="paged")
        for query in ("?limit=0", "?limit=101", "?limit=x", "?limit=", "?starting_after=x"):
            self.assert_error(self.client.list(query), 400)
        self.sandbox.settings(list="ignore")
        for query in ("", "?limit=0", "?limit=3", "?starting_after=x"):
            self.assertEqual(len(self.client.ids(query)), 12)

    def test_a_list_may_be_an_object(self):
        self.make(2)
        self.sandbox.settings(list_shape="object")
        self.assertEqual(len(json.loads(self.client.list().data)["cases"]), 2)

    def test_long_lists_are_whole_in_both_framings(self):
        made = self.make(130)
        for framing in ("chunked", "length"):
            for shape in ("array", "object"):
                self.sandbox.settings(list_framing=framing, list_shape=shape)
                answer = self.client.list()
                chunked = answer.getheader("Transfer-Encoding") == "chunked"
                self.assertEqual(chunked, framing == "chunked")
                found = json.loads(answer.data)
                found = found["cases"] if shape == "object" else found
                self.assertEqual([one["id"] for one in found], made[::-1])

    def test_a_lag_hides_new_cases_for_a_while(self):
        shown = self.make(1)
        self.sandbox.settings(list_lag=60000)
        self.make(1, 1)
        self.assertEqual(self.client.ids(), shown)
        self.sandbox.settings(list_lag=100)
        late = self.make(1, 2)
        eventually(lambda: self.client.ids() == late + shown, "the case appears")

    def test_the_reference_may_be_missing(self):
        made, = self.make(1)
        self.sandbox.settings(list_echo="no")
        listed, = json.loads(self.client.list().data)
        self.assertNotIn("referenceId", listed["case_request"])
        self.assertEqual(listed["id"], made)
        self.assertEqual(listed["case_request"]["checks"], ["KYC"])

    def test_lists_are_of_one_account(self):
        self.make(2)
        other = Client(self.sandbox).log_in(OTHER)
        self.addCleanup(other.close)
        self.assertEqual(json.loads(other.list("", OTHER).data), [])

    def test_faults_of_lists(self):
        made = self.make(3)

        def with_fault(name):
            self.sandbox.settings(list_fault=name + ":first=1")

        with_fault("500")
        self.assert_error(self.client.list(), 500)
        with_fault("429-seconds=7")
        answer = self.client.list()
        self.assertEqual((answer.status, answer.getheader("Retry-After")), (429, "7"))
        with_fault("stale=60000")
        self.assertEqual(self.client.ids(), [])
        with_fault("empty")
        self.assertEqual(self.client.ids(), [])
        with_fault("not-json")
        self.assertRaises(ValueError, json.loads, self.client.list().data)
        with_fault("html")
        self.assertEqual(self.client.list().getheader("Content-Type"), "text/html")
        for name in ("cut", "truncated-tls", "reset-mid-answer"):
            with_fault(name)
            with self.assertRaises((http.client.HTTPException, OSError)):
                self.fresh().list()
        self.assertEqual(self.client.ids(), made[::-1])


class Faults(Base):
    def play(self, fault, reference="f", body=None):
        """Sends one POST that meets the fault, on a connection of its own."""
        self.sandbox.control("/script", {reference: [fault]})
        raw = self.raw()
        data = self.request_bytes(body or a_case(reference))
        try:
            raw.send(data)
        except OSError:
            pass
        return raw

    def created(self, reference="f"):
        return len(self.sandbox.cases(reference))

    def test_answers_with_a_status(self):
        for fault, status, cases in [
                ("refuse", 400, 0), ("401", 401, 0), ("403", 403, 0), ("404", 404, 0),
                ("409", 409, 0), ("429-seconds=2", 429, 0), ("429-date=30", 429, 0),
                ("503-seconds=2", 503, 0), ("503-date=30", 503, 0), ("500-before", 500, 0),
                ("500-after", 500, 1), ("status-before=502", 502, 0), ("status-after=504", 504, 1),
                ("html-500", 500, 0), ("html-500-after", 500, 1), ("html-200", 200, 0),
                ("html-200-after", 200, 1), ("redirect-302", 302, 0), ("redirect-307", 307, 0),
                ("redirect-308", 308, 0), ("no-id", 200, 1), ("not-json", 200, 1),
                ("twice", 200, 2), ("close", 200, 1), ("chunked", 200, 1), ("ok", 200, 1)]:
            with self.subTest(fault=fault):
                self.sandbox.control("/script", {fault: [fault]})
                answer = self.fresh().post(a_case(fault))
                self.assertEqual(answer.status, status)
                self.assertEqual(self.created(fault), cases)
                if status >= 300 and not fault.startswith("html"):
                    self.assert_error(answer, status)
                if fault.endswith(("seconds=2", "date=30")):
                    after = answer.getheader("Retry-After")
                    self.assertTrue(after == "2" if "seconds" in fault else after.endswith("GMT"))
                if fault.startswith("redirect"):
                    self.assertTrue(answer.getheader("Location").startswith("https://127.0.0.1:"))
                if fault == "no-id":
                    self.assertNotIn("id", json.loads(answer.data))
                if fault == "not-json":
                    self.assertRaises(ValueError, json.loads, answer.data)
                if fault == "close":
                    self.assertEqual(answer.getheader("Connection"), "close")
                if fault in ("twice", "chunked", "close", "ok"):
                    self.assertEqual(json.loads(answer.data)["id"],
                                     self.sandbox.cases(fault)[0]["id"])

    def test_endings_without_a_whole_answer(self):
        for fault, ends, cases, some in [
                ("cut-before-read", ("closed", "truncated"), 0, False),
                ("cut-before-create", ("closed",), 0, False),
                ("cut-after-create", ("closed",), 1, False),
                ("cut-mid-answer", ("closed",), 1, True),
                ("cut-mid-answer=20", ("closed",), 1, True),
                ("truncated-tls", ("truncated",), 1, True),
                ("truncated-tls=0", ("truncated",), 1, False),
                ("garbage", ("closed",), 0, True), ("garbage-after", ("closed",), 1, True)]:
            with self.subTest(fault=fault):
                got, end = self.play(fault, fault).read_to_end()
                self.assertIn(end, ends)
                self.assertEqual(bool(got), some)
                self.assertFalse(whole(got))
                self.assertEqual(self.created(fault), cases)
                if fault.endswith("=20"):
                    self.assertEqual(len(got), 20)
                self.assertEqual(got.startswith(b"HTTP/1.1 200"), some and "garbage" not in fault)

    def test_resets(self):
        for fault, end, cases in [
                ("reset-before-create", "reset", 0), ("reset-after-create", "reset", 1),
                ("reset-mid-answer", "reset", 1), ("truncated-tls", "closed", 1),
                ("cut-mid-answer", "closed", 1)]:
            with self.subTest(fault=fault):
                self.assertEqual(self.play(fault, fault).tcp_end(), end)
                self.assertEqual(self.created(fault), cases)

    def test_silence(self):
        for fault, cases, some in [("stall", 1, 0), ("stall-before", 0, 0),
                                   ("stall-mid-answer=30", 1, 30)]:
            with self.subTest(fault=fault):
                raw = self.play(fault, fault)
                eventually(lambda: self.sandbox.control("/requests?reference=" + fault)["count"],
                           "the POST has arrived")
                self.assertEqual(len(raw.read_until(lambda got: len(got) >= some)), some)
                self.assertEqual(self.created(fault), cases)
                raw.close()
                eventually(lambda: self.sandbox.summary()["in_flight"] == 0, "the stall ends")

    def test_a_case_that_comes_late(self):
        got, end = self.play("late-create=150").read_to_end()
        self.assertEqual((got, end), (b"", "closed"))
        eventually(lambda: self.created() == 1, "the case is created")

    def test_a_late_case_does_not_survive_a_reset(self):
        self.play("late-create=1", "gone").read_to_end()
        self.play("late-create=100", "gone").read_to_end()
        self.sandbox.control("/reset", {})
        self.client.log_in()
        self.play("late-create=120", "after").read_to_end()
        eventually(lambda: self.created("after") == 1, "the later one is created")
        self.assertEqual(self.created("gone"), 0)

    def test_interim_answers(self):
        for fault, interim, count in [("100-continue", b"100 Continue", 1),
                                      ("103s=6", b"103 Early Hints", 6)]:
            got = self.play(fault, fault).read_until(lambda got: b"200 OK" in got and
                                                     whole(got[got.index(b"HTTP/1.1 200"):]))
            self.assertEqual(got.count(b"HTTP/1.1 " + interim), count)
            self.assertEqual(self.created(fault), 1)

    def test_bytes_that_break_the_framing(self):
        got, end = self.play("no-length", "a").read_to_end()
        self.assertTrue(got.startswith(b"HTTP/1.1 201") and end == "closed")
        self.assertNotIn(b"ontent-Length", got)
        got = self.play("two-lengths", "b").read_until(whole)
        self.assertEqual(got.count(b"Content-Length"), 2)
        got = self.play("surplus", "c").read_until(lambda got: got.endswith(b"\r\n\r\n{}"))
        self.assertEqual(got.count(b"HTTP/1.1 200 OK"), 2)
        got, _ = self.play("101", "d").read_to_end()
        self.assertTrue(got.startswith(b"HTTP/1.1 101"))
        for reference in "abcd":
            self.assertEqual(self.created(reference), 1)

    def test_large_and_slow_answers(self):
        got = self.play("oversized=300000").read_until(whole)
        self.assertEqual(len(got.partition(b"\r\n\r\n")[2]), 300000)
        raw = self.play("slow-drip=1", "drip")
        records = []
        while not whole(b"".join(records)):
            records.append(raw.socket.recv(65536))
        self.assertTrue(all(len(record) == 1 for record in records))
        self.assertEqual(self.created("drip"), 1)

    def test_cut_before_read_acts_before_the_last_byte(self):
        self.sandbox.control("/script", {"written": ["cut-before-read"]})
        self.sandbox.settings(fault="cut-before-read:first=1")
        for reference in ("written", "drawn"):
            raw = self.raw()
            raw.send(self.request_bytes(a_case(reference))[:-1])
            got, _ = raw.read_to_end()
            self.assertEqual(got, b"")
            self.assertEqual(self.created(reference), 0)
            count = self.sandbox.control("/requests?reference=" + reference)["count"]
            self.assertEqual(count, 0)
            self.sandbox.control("/settings", {"fault": "cut-before-read:first=1"})

    def test_scripts_are_consumed_one_per_post(self):
        self.sandbox.control("/script", {"s": ["500-after", "429-seconds=3", "ok"],
                                         OTHER + "/t": ["404"]})
        self.sandbox.settings(fault="403:1")
        statuses = [self.client.post(a_case("s")).status for _ in range(5)]
        self.assertEqual(statuses, [500, 429, 200, 200, 200])
        self.assertEqual(self.client.post(a_case("t")).status, 403)

    def test_the_first_calls_and_chance(self):
        self.sandbox.settings(fault="500-before:first=2,409:first=1")
        self.assertEqual([self.client.post(a_case()).status for _ in range(5)],
                         [500, 500, 409, 200, 200])

        def thirty(seed):
            self.sandbox.settings(seed=seed, fault=["500-before:0.3", "404:0.3"])
            return [self.client.post(a_case()).status for _ in range(30)]

        first = thirty(7)
        self.assertEqual(set(first), {200, 404, 500})
        self.assertEqual(thirty(7), first)
        self.assertNotEqual(thirty(8), first)

    def test_an_unauthorized_post_consumes_no_fault(self):
        self.sandbox.control("/script", {"u": ["409"]})
        good = self.client.bearer
        self.client.bearer = {"Authorization": "Bearer nonsense"}
        self.assertEqual(self.client.post(a_case("u")).status, 401)
        self.client.bearer = good
        self.assertEqual(self.client.post(a_case("u")).status, 409)

    def test_faults_of_the_token_endpoint(self):
        def with_fault(name):
            self.sandbox.settings(token_fault=name + ":first=1")
            return self.client.ask_token()

        for name, status in [("401", 401), ("429", 429), ("500", 500), ("html", 200)]:
            self.assertEqual(with_fault(name).status, status)
        for value in (0, -1, 1000000000):
            self.assertEqual(json.loads(with_fault("expires-in=%d" % value).data)["expires_in"],
                             value)
        self.assertEqual(json.loads(with_fault("expires-in-string").data)["expires_in"], "14400")
        self.assertNotIn("expires_in", json.loads(with_fault("expires-in-absent").data))
        self.assertNotIn("access_token", json.loads(with_fault("no-token").data))
        self.assertRaises(ValueError, json.loads, with_fault("not-json").data)
        self.sandbox.settings(token_fault="stall:first=1")
        client = Client(self.sandbox)
        client.link.timeout = 0.2
        self.assertRaises(TimeoutError, client.ask_token)
        client.close()

    def test_the_control_port_counts_what_was_played(self):
        self.play("500-after").read_until(whole)
        self.play("cut-after-create").read_to_end()
        self.play("cut-mid-answer").read_to_end()
        summary = self.sandbox.summary()
        self.assertEqual(summary["posts_by_status"], {"500": 1, "none": 1, "broken": 1})
        self.assertEqual(summary["faults_played"], {"500-after": 1, "cut-after-create": 1,
                                                    "cut-mid-answer": 1})
        kept = self.sandbox.control("/requests?reference=f")
        self.assertEqual([one["fault"] for one in kept["requests"]],
                         ["500-after", "cut-after-create", "cut-mid-answer"])


class Connections(Base):
    def test_the_last_byte_may_come_alone(self):
        raw = self.raw()
        for reference in ("one", "two", "three"):
            data = self.request_bytes(a_case(reference))
            raw.send(data[:-1])
            raw.send(data[-1:])
            self.assertTrue(raw.read_until(whole).startswith(b"HTTP/1.1 200"))
            self.assertEqual(len(self.sandbox.cases(reference)), 1)

    def test_nothing_happens_before_the_last_byte(self):
        raw = self.raw()
        raw.send(self.request_bytes(a_case("held"))[:-1])
        eventually(lambda: self.sandbox.summary()["requests"] == 2, "the header has arrived")
        raw.close()
        eventually(lambda: self.sandbox.summary()["requests_cut"] == 1, "the cut is noticed")
        self.assertEqual(self.sandbox.cases("held"), [])

    def test_a_request_may_come_byte_by_byte_or_many_at_once(self):
        raw = self.raw()
        for byte in self.request_bytes(a_case("bytes")):
            raw.send(bytes([byte]))
        self.assertTrue(whole(raw.read_until(whole)))
        raw.send(self.request_bytes(a_case("p1")) + self.request_bytes(a_case("p2")))
        raw.read_until(lambda got: got.count(b"HTTP/1.1 200") == 2)
        self.assertEqual(self.sandbox.summary()["cases"], 3)

    def test_a_small_answer_is_one_record(self):
        raw = self.raw()
        raw.send(self.request_bytes(a_case()))
        self.assertTrue(whole(raw.socket.recv(65536)))

    def test_chunked_requests_and_expect_are_understood(self):
        raw = self.raw()
        body = json.dumps(a_case("chunks")).encode()
        head = self.request_bytes(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
        raw.send(head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
        self.assertTrue(whole(raw.read_until(whole)))
        data = self.request_bytes(a_case("expects")).replace(
            b"Host:", b"Expect: 100-continue\r\nHost:")
        head, _, body = data.partition(b"\r\n\r\n")
        raw.send(head + b"\r\n\r\n")
        self.assertEqual(raw.read_until(lambda got: got.endswith(b"\r\n\r\n")),
                         b"HTTP/1.1 100 Continue\r\n\r\n")
        raw.send(body)
        self.assertTrue(whole(raw.read_until(whole)))
        self.assertEqual(self.sandbox.summary()["cases"], 2)

    def test_connections_end_after_so_many_requests(self):
        self.sandbox.settings(requests_per_connection=2)
        raw = self.raw()
        raw.send(self.request_bytes(a_case()))
        self.assertNotIn(b"Connection: close", raw.read_until(whole))
        raw.send(self.request_bytes(a_case()))
        got, end = raw.read_to_end()
        self.assertIn(b"Connection: close", got)
        self.assertEqual(end, "closed")

    def test_idle_connections_are_closed(self):
        self.sandbox.settings(idle=20)
        raw = self.raw()
        self.assertEqual(raw.read_to_end()[0], b"")

    def test_latency_delays_the_answer_and_not_the_case(self):
        self.sandbox.settings(latency=300)
        raw = self.raw()
        begin = time.monotonic()
        raw.send(self.request_bytes(a_case()))
        eventually(lambda: self.sandbox.cases("seller-1"), "the case is there")
        raw.read_until(whole)
        self.assertGreaterEqual(time.monotonic() - begin, 0.3)

    def test_requests_in_flight_are_counted(self):
        self.sandbox.settings(latency=60000)
        raws = [self.raw() for _ in range(4)]
        for raw in raws:
            raw.send(self.request_bytes(a_case()))
        eventually(lambda: self.sandbox.summary()["in_flight"] == 4, "all are in flight")
        self.sandbox.control("/disconnect", {})
        eventually(lambda: self.sandbox.summary()["in_flight"] == 0, "none is")
        self.assertEqual(self.sandbox.summary()["in_flight_max"], 4)

    def test_the_provider_may_be_down(self):
        raw = self.raw()
        self.sandbox.settings(listening="no")
        self.assertEqual(raw.read_to_end()[0], b"")
        self.assertRaises(ConnectionRefusedError, Raw, self.sandbox)
        self.sandbox.settings(listening="yes")
        self.raw().close()

    def test_both_versions_of_tls(self):
        for version, name in [(ssl.TLSVersion.TLSv1_2, "TLSv1.2"),
                              (ssl.TLSVersion.TLSv1_3, "TLSv1.3")]:
            tls = ssl.create_default_context(cafile=os.path.join(DIRECTORY.name, "ca.pem"))
            tls.minimum_version = tls.maximum_version = version
            raw = Raw(self.sandbox, tls)
            self.assertEqual(raw.socket.version(), name)
            raw.close()


class Control(Base):
    def test_it_keeps_the_bytes_of_requests(self):
        odd = json.dumps(a_case("odd"), indent=3).replace("coffee", "\\u0001\u00e6") + " \n"
        self.assertEqual(self.client.post(odd.encode()).status, 200)
        kept = self.sandbox.control("/requests?account=%s&reference=odd" % ACCOUNT)
        self.assertEqual(kept["count"], 1)
        self.assertEqual(kept["requests"][0], {"status": 200, "fault": "ok", "body": odd})

    def test_it_keeps_a_bounded_number_of_them(self):
        for _ in range(25):
            self.client.post(a_case("much", products=["none"]))
        kept = self.sandbox.control("/requests?reference=much")
        self.assertEqual((kept["count"], len(kept["requests"])), (25, 20))
        self.assertEqual(self.client.post(a_case("much")).status, 200)
        self.assertEqual(self.sandbox.cases("much")[0]["products"], ["payout"])

    def test_references_are_listed(self):
        for reference in ("a", "b", "b"):
            self.client.post(a_case(reference))
        found = {one["reference"]: (one["cases"], one["requests"])
                 for one in self.sandbox.control("/references?account=" + ACCOUNT)}
        self.assertEqual(found, {"a": (1, 1), "b": (2, 2)})

    def test_a_status_is_set(self):
        self.client.post(a_case())
        self.sandbox.control("/status", {"account": ACCOUNT, "reference": "seller-1",
                                         "case_status": "SOMETHING_NEW"})
        event = self.sandbox.cases("seller-1")[0]["events"][-1]
        self.assertEqual((event["id"], event["case_status"]), (2, "SOMETHING_NEW"))
        self.assertRaises(ValueError, self.sandbox.control, "/status", {"account": ACCOUNT})

    def test_bad_settings_change_nothing(self):
        before = self.sandbox.control("/settings")
        for bad in ({"latency": 5, "list": "no such word"}, {"latency": 5, "no-such": 1},
                    {"latency": -1}, {"fault": "no-such:1"}, {"fault": "ok:2"}, {"fault": "ok:x"},
                    {"fault": "ok=x"}, {"token-fault": "twice"}, {"post-status": 500},
                    {"url": "soon"}, [], "x"):
            self.assertRaises(ValueError, self.sandbox.control, "/settings", bad)
        for bad in ({"r": "ok"}, {"r": [1]}, {"r": ["no-such"]}, []):
            self.assertRaises(ValueError, self.sandbox.control, "/script", bad)
        self.assertEqual(self.sandbox.control("/settings"), before)

    def test_settings_are_shown_as_they_are_set(self):
        changed = {"list": "paged", "url": "later=5", "fault": "500-after=0:0.5",
                   "listening": "yes"}
        self.sandbox.control("/settings", changed)
        shown = self.sandbox.control("/settings")
        self.assertEqual({name: shown[name] for name in changed}, changed)

    def test_a_reset_forgets_what_happened(self):
        self.client.post(a_case())
        self.sandbox.control("/reset", {})
        summary = self.sandbox.summary()
        self.assertEqual((summary["cases"], summary["references"], summary["posts_by_status"]),
                         (0, 0, {}))
        self.assertEqual(self.client.list().status, 401)

    def test_a_snapshot_takes_back_to_any_moment(self):
        for number in range(3):
            self.client.post(a_case("seller-%d" % number))
        taken = self.sandbox.control("/snapshot")
        self.assertEqual(len(taken), 3)
        times = [one["created_steady_ns"] for one in taken]
        self.assertEqual(times, sorted(times))
        before = self.sandbox.cases("seller-1")
        self.sandbox.control("/load", taken[:2])
        self.client.log_in()
        self.assertEqual(self.sandbox.summary()["cases"], 2)
        self.assertEqual(self.sandbox.cases("seller-1"), before)
        self.assertEqual(sorted(self.client.ids()), sorted(one["id"] for one in taken[:2]))
        one = self.client.call("GET", cases_path() + "/" + taken[1]["id"], None,
                               self.client.bearer)
        self.assertEqual(one.status, 200)
        self.assertRaises(ValueError, self.sandbox.control, "/load", taken[1:])

    def test_unknown_pages(self):
        self.assertRaises(ValueError, self.sandbox.control, "/no-such")
        self.assertRaises(ValueError, self.sandbox.control, "/no-such", {})


class BadInput(Base):
    def test_bytes_that_are_no_http_do_no_harm(self):
        dice = random.Random(5)
        good = self.request_bytes(a_case())
        for turn in range(150):
            data = bytearray(good)
            for _ in range(dice.randint(1, 40)):
                data[dice.randrange(len(data))] = dice.randrange(256)
            data = bytes(data) if turn % 2 else dice.randbytes(dice.randint(1, 600))
            raw = Raw(self.sandbox)
            try:
                raw.send(data)
                raw.socket.unwrap().close()
            except OSError:
                pass
            raw.close()
        self.assertEqual(self.client.list().status, 200)

    def test_plain_text_on_the_tls_port_and_noise_on_the_control_port(self):
        for port in (self.sandbox.port, self.sandbox.control_port):
            for data in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00", os.urandom(500), b""):
                with socket.create_connection(("127.0.0.1", port), BOUND) as link:
                    link.sendall(data)
        self.assertEqual(self.client.list().status, 200)
        self.assertEqual(self.sandbox.summary()["cases"], 0)

    def test_too_much_of_everything_is_refused(self):
        raw = self.raw()
        raw.send(b"GET / HTTP/1.1\r\n" + b"X: " + b"a" * 40000)
        self.assertTrue(raw.read_until(whole).startswith(b"HTTP/1.1 400"))
        raw = self.raw()
        raw.send(self.request_bytes(b"").replace(b"Content-Length: 0", b"Content-Length: 9999999"))
        self.assertTrue(raw.read_until(whole).startswith(b"HTTP/1.1 413"))

    def test_references_of_any_kind(self):
        for reference in ("a/b", "", "\u0000", "\"\\", "x" * 5000, "\U0001f600", "../.."):
            self.assertEqual(self.client.post(a_case(reference)).status, 200)
            if reference:
                self.assertEqual(len(self.sandbox.cases(reference)), 1)
        self.sandbox.summary()
        self.assertEqual(len(self.client.ids()), 7)


class Program(unittest.TestCase):
    def run_it(self, *arguments):
        return subprocess.run([SANDBOX, *arguments], capture_output=True, text=True, timeout=BOUND)

    def test_the_help_names_every_fault_and_switch(self):
        text = self.run_it("--help").stdout
        for word in ("--fault", "--list-lag", "late-create", "truncated-tls", "POST /settings",
                     "--client", "expires-in-absent", "--ready-file"):
            self.assertIn(word, text)

    def test_bad_options_are_usage_errors(self):
        files = ["--cert", os.path.join(DIRECTORY.name, "server.pem"),
                 "--key", os.path.join(DIRECTORY.name, "server.key")]
        for bad in (["--fault", "no-such:1"], ["--list", "x"], ["--no-such"], ["--client", "x"]):
            result = self.run_it(*files, *bad)
            self.assertEqual(result.returncode, 2, result)
            self.assertTrue(result.stderr)
        result = self.run_it("--cert", "/nonexistent", "--key", "/nonexistent")
        self.assertEqual(result.returncode, 1)

    def test_options_and_scripts_from_the_command_line(self):
        script = os.path.join(DIRECTORY.name, "script.json")
        with open(script, "w") as file:
            json.dump({"scripted": ["409"]}, file)
        sandbox = Sandbox(DIRECTORY.name, "--script", script, "--fault", "500-before:first=1",
                          "--fault", "404:first=1", "--post-status", "201", "--base-path", "/api")
        self.addCleanup(sandbox.stop)
        self.assertTrue(sandbox.ready["url"].endswith("/api"))
        self.assertEqual(sandbox.control("/settings")["fault"], "500-before:first=1,404:first=1")
        client = Client(sandbox)
        self.assertEqual(client.list.__self__.call("GET", "/x").status, 404)
        client.close()

    def test_it_ends_with_success_on_a_signal_whatever_goes_on(self):
        sandbox = Sandbox(DIRECTORY.name, "--latency", "60000")
        raw = Raw(sandbox)
        raw.send(b"POST /v1/accounts/T12345678/auth/token HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
        eventually(lambda: sandbox.summary()["in_flight"] == 1, "a request is in flight")
        self.assertEqual(sandbox.stop(), 0)
        raw.close()

    def test_careful_clients_refuse_the_bad_certificates(self):
        for kind in ("expired", "not-yet", "other-name", "self-signed", "unknown-ca", "server"):
            sandbox = Sandbox(DIRECTORY.name, certificate=kind)
            if kind == "server":
                Raw(sandbox).close()
            else:
                self.assertRaises(ssl.SSLCertVerificationError, Raw, sandbox)
            sandbox.stop()


class Generator(unittest.TestCase):
    def generate(self, *options):
        out = tempfile.mkdtemp(dir=DIRECTORY.name)
        subprocess.run([GENERATE, "--out", out, *options], check=True, timeout=BOUND,
                       stdout=subprocess.DEVNULL)
        return out

    def jobs_in(self, out):
        jobs = {}
        for name in sorted(os.listdir(out)):
            with open(os.path.join(out, name)) as file:
                for text in file.read().splitlines() if name.endswith(".jsonl") else [file.read()]:
                    job = json.loads(text)
                    jobs[job["reference"]] = (name, len(text.encode()), job)
        return jobs

    def test_jobs_are_whole_and_of_the_wanted_size(self):
        out = self.generate("--count", "60", "--accounts", ACCOUNT + "," + OTHER, "--jsonl", "20",
                            "--prefix", "g", "--refused", "6")
        jobs = self.jobs_in(out)
        self.assertEqual(len(jobs), 60)
        self.assertEqual(len(os.listdir(out)), 41)
        self.assertEqual(sum(name == "g.jsonl" for name, _, _ in jobs.values()), 20)
        refused = 0
        for reference, (name, size, job) in jobs.items():
            self.assertIn(name, ("g.jsonl", reference + ".json"))
            self.assertTrue(850 < size < 1150, size)
            self.assertIn(job["account"], (ACCOUNT, OTHER))
            self.assertTrue(self.valid_number(job["case"]["case_request"]["organizationNumber"]))
            refused += job["case"]["case_for"]["payout_destination_id"].startswith("refuse")
        self.assertEqual(refused, 6)

    @staticmethod
    def valid_number(number):
        total = sum(int(digit) * weight for digit, weight in zip(number, (3, 2, 7, 6, 5, 4, 3, 2)))
        return len(number) == 9 and (11 - total % 11) % 11 == int(number[8])

    def test_the_same_seed_gives_the_same_jobs(self):
        first, again, other = (self.jobs_in(self.generate("--count", "5", "--seed", seed))
                               for seed in ("3", "3", "4"))
        self.assertEqual(first, again)
        self.assertNotEqual(first, other)

    def test_bad_files_and_batches(self):
        out = self.generate("--count", "2", "--bad-files", "5", "--batch", "monday")
        self.assertEqual(os.listdir(out), ["monday"])
        self.assertEqual(len(os.listdir(os.path.join(out, "monday"))), 7)

    def test_the_sandbox_takes_what_it_makes(self):
        sandbox = Sandbox(DIRECTORY.name)
        self.addCleanup(sandbox.stop)
        client = Client(sandbox).log_in()
        self.addCleanup(client.close)
        jobs = self.jobs_in(self.generate("--count", "5", "--refused", "1"))
        for reference, (_, _, job) in jobs.items():
            case = job["case"]
            case["case_request"]["referenceId"] = reference
            refused = case["case_for"]["payout_destination_id"].startswith("refuse")
            self.assertEqual(client.post(case).status, 400 if refused else 200)


if __name__ == "__main__":
    if not os.path.exists(SANDBOX) or not os.path.exists(GENERATE):
        sys.exit(__doc__)
    DIRECTORY = tempfile.TemporaryDirectory(prefix="sandbox-test-")
    subprocess.run([os.path.join(HERE, "make-certificates.sh"), DIRECTORY.name, "all"], check=True)
    with DIRECTORY:
        unittest.main()
