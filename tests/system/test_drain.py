"""Drains: good jobs, bad input, the same jobs again."""

import json
import os
import subprocess
import unittest

from harness import ACCOUNT, CANARY_TEXT, GENERATE, OTHER, SystemTest, main, scaled


def generate(site, count, **options):
    """onboardd-generate into a directory beside the spool; returns {path below it: text}."""
    out = site.path("generated-%d" % len(os.listdir(site.directory)))
    arguments = [GENERATE, "--out", out, "--count", str(count)]
    for name, value in options.items():
        arguments += ["--" + name.replace("_", "-"), str(value)]
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)
    found = {}
    for at, _, names in os.walk(out):
        for name in names:
            with open(os.path.join(at, name), encoding="utf-8") as file:
                found[os.path.relpath(os.path.join(at, name), out)] = file.read()
    return found


def hand_off(site, files):
    for path, text in sorted(files.items()):
        batch, name = os.path.split(path)
        site.drop_bytes(name, text.encode(), batch or None)


class Drain(SystemTest):
    def promise_all(self, site, files, batch_of):
        for path, text in files.items():
            for line in text.splitlines():
                site.oracle.promise(json.loads(line), batch_of(path))

    def test_three_hundred_jobs_of_two_accounts(self):
        site = self.site(accounts=(ACCOUNT, OTHER))
        third = scaled(100)
        both = ACCOUNT + "," + OTHER
        plain = generate(site, third, accounts=both, prefix="plain")
        lines = generate(site, third, accounts=both, prefix="night", jsonl=third, seed=2)
        folder = generate(site, third, accounts=both, prefix="folder", batch="2026-11-22", seed=3)
        self.promise_all(site, plain, lambda path: "default")
        self.promise_all(site, lines, lambda path: "night")
        self.promise_all(site, folder, lambda path: "2026-11-22")
        for files in (plain, lines, folder):
            hand_off(site, files)

        daemon = site.drain()

        self.assertEqual(daemon.code, 0, daemon.log)
        outcomes = site.oracle.judge()
        self.assertEqual({one["attempts"] for one in outcomes.values()}, {1})
        summary = site.sandbox.summary()
        self.assertEqual(summary["tokens_issued"], {ACCOUNT: 1, OTHER: 1})
        self.assertEqual(summary["posts_by_status"], {"200": 3 * third})
        self.assertEqual(summary["lists_served"], 0)
        self.assertEqual(site.rejected_files(), [])
        self.assertIn("night", daemon.output)

        # The same jobs again: nothing is sent, what is known is published again.
        removed = [("plain-000001", ACCOUNT), ("plain-000002", OTHER), ("night-000003", ACCOUNT)]
        for reference, account in removed:
            os.remove(os.path.join(site.outcomes, account, reference + ".json"))
        for files in (plain, lines, folder):
            hand_off(site, files)
        again = site.drain()
        self.assertEqual(again.code, 0, again.log)
        self.assertEqual(site.sandbox.posts(), 3 * third)
        for reference, account in removed:
            self.assertEqual(site.outcome(reference, account), outcomes[account, reference])
        site.oracle.judge()

    def test_an_empty_spool(self):
        site = self.site()
        daemon = site.drain()
        self.assertEqual(daemon.code, 0, daemon.log)
        self.assertEqual(site.sandbox.summary()["requests"], 0)

    def test_the_sample_request_arrives_whole(self):
        site = self.site()
        case = {
            "case_for": {
                "account_id": ACCOUNT,
                "payout_destination_id": "seller-4711",
                "payout_destination_name": "Ullvare & Søn AS",
                "payout_destination_description": "Knitwear from Lofoten, \"by hand\" \\ ☕",
                "payout_reference": "Market 4711",
            },
            "products": ["payout", "checkout"],
            "case_request": {
                "checks": ["KYC", "AML"],
                "countryCode": "NO",
                "organizationNumber": "923609016",
                "requireContractSigning": False,
                "details": {"contact": CANARY_TEXT, "nested": {"deep": [1, 2.50, None, True, ""]},
                            "emoji": "\U0001F9F6", "empty": {}},
                "callbackUrl": "https://market.example/callbacks/dintero?seller=4711&x=%20",
                "referenceId": "sample-1",
            },
            "package": "enterprise",
            "actions_on_approval": ["enable_payout_account", "enable_checkout_account",
                                    "create_payout_destination"],
            "payment_options": [{"currencies": ["NOK", "SEK", "EUR"], "type": "dintero.zero"},
                                {"currencies": ["DKK"], "type": "payex.creditcard"}],
        }
        site.oracle.promise({"account": ACCOUNT, "reference": "sample-1", "case": case})
        site.drop({"case": case}, "some-name")  # account and reference are found out
        # Numbers travel as they were written, unknown members untouched.
        odd = ('{"reference": "sample-2", "case": {"case_for": {"account_id": "%s"}, '
               '"case_request": {"organizationNumber": "923609016", "details": '
               '{"a": 1.10, "b": 9007199254740991, "c": -0.0, "d": 1E2}}, '
               '"future_member": {"x": [0.1000]}}}' % ACCOUNT)
        site.drop_bytes("sample-2.json", odd.encode())
        site.oracle.promise(dict(json.loads(odd), account=ACCOUNT))

        daemon = site.drain()

        self.assertEqual(daemon.code, 0, daemon.log)
        request = site.sandbox.requests(ACCOUNT, "sample-1")["requests"][0]
        self.assertEqual(json.loads(request["body"]), case)
        request = site.sandbox.requests(ACCOUNT, "sample-2")["requests"][0]
        for text in ("1.10", "9007199254740991", "-0.0", "1E2", "0.1000"):
            self.assertIn(text, request["body"])
        site.oracle.check_outcome_files()
        site.oracle.check_secrecy()

    def test_priority_and_times(self):
        site = self.site("--latency", "30")
        site.configure(accounts=[dict(site.settings()["accounts"][0], in_flight_max=1)])
        jobs = []
        for number in range(scaled(20)):
            job = site.oracle.issue("low-%d" % number)
            jobs.append(dict(job, priority=-5))
        late = dict(site.oracle.issue("high"), priority=10)
        expired = dict(site.oracle.issue("too-late", states=("expired",)),
                       expires_at="2020-01-01T00:00:00Z")
        site.drop_lines("jobs", jobs + [late, expired])
        for duty in site.oracle.obligations.values():
            duty.batch = "jobs"

        daemon = site.drain()

        self.assertEqual(daemon.code, 3, daemon.log)
        outcomes = site.oracle.judge()
        self.assertEqual(outcomes[ACCOUNT, "too-late"]["error"]["kind"], "expired")
        self.assertEqual(site.sandbox.requests(ACCOUNT, "too-late")["count"], 0)
        submitted = {key[1]: one["submitted_at"] for key, one in outcomes.items()
                     if one["submitted_at"]}
        before_high = sum(1 for name, at in submitted.items() if at < submitted["high"])
        self.assertLessEqual(before_high, 1)


class BadInput(SystemTest):
    def test_refused_jobs(self):
        site = self.site(accounts=(ACCOUNT, OTHER))
        count = scaled(30)
        files = generate(site, count, refused=3, prefix="mixed",
                         accounts=ACCOUNT + "," + OTHER)
        refused = 0
        for text in files.values():
            job = json.loads(text)
            bad = job["case"]["case_for"]["payout_destination_id"].startswith("refuse-")
            refused += bad
            site.oracle.promise(job, states=("rejected",) if bad else ("created",))
        self.assertEqual(refused, 3)
        hand_off(site, files)

        daemon = site.drain()

        self.assertEqual(daemon.code, 3, daemon.log)
        outcomes = site.oracle.judge()
        for outcome in outcomes.values():
            if outcome["state"] != "rejected":
                continue
            error = outcome["error"]
            self.assertEqual((error["kind"], error["http_status"]), ("refused", 400))
            self.assertTrue(error["code"])
            self.assertTrue(error["details"])
            self.assertIsNone(outcome["case"])
        self.assertEqual(sum(r["jobs"] for r in site.report("default")["top_refusals"]), 3)
        # A refusal is final: the same job again is not sent again.
        posts = site.sandbox.posts()
        hand_off(site, files)
        site.drain()
        self.assertEqual(site.sandbox.posts(), posts)
        site.oracle.judge()

    def test_what_is_no_job(self):
        site = self.site(accounts=(ACCOUNT, OTHER))
        good = site.oracle.issue("good")
        site.drop(good)
        case = json.dumps(site.oracle.make_job("x")["case"])
        bad = {
            "not-json.json": b"this is no JSON",
            "cut-off.json": b'{"account": "T12345678", "case": {',
            "array.json": b"[1, 2, 3]",
            "no-case.json": b'{"account": "T12345678", "reference": "r"}',
            "account.json": ('{"account": "X1", "case": %s}' % case).encode(),
            "unknown-account.json": ('{"account": "T00000000", "case": %s}' % case).encode(),
            "no-account.json": ('{"case": %s}' % case).encode(),
            "unknown-member.json": ('{"account": "T12345678", "kase": 1, "case": %s}'
                                    % case).encode(),
            "twice.json": ('{"account": "T12345678", "account": "T12345678", "case": %s}'
                           % case).encode(),
            "latin-1.json": '{"account": "T12345678", "reference": "é"}'.encode("latin-1"),
            "deep.json": b"[" * 5000,
            "empty.json": b"",
            "large.json": b'{"account": "T12345678", "x": "' + b"x" * (1 << 20) + b'"}',
            "reference.json": ('{"account": "T12345678", "reference": "../../etc", "case": %s}'
                               % case).encode(),
            "long-number.json": b'{"account": "T12345678", "case": {"x": 12345678901234567890}}',
            "infinite.json": b'{"account": "T12345678", "case": {"x": 1e400}}',
            "readme.txt": b"hello",
        }
        number = site.oracle.make_job("y")
        number["case"]["case_request"]["organizationNumber"] = "923609017"
        bad["check-digit.json"] = json.dumps(number).encode()
        other = site.oracle.make_job("y")
        other["case"]["case_request"]["referenceId"] = "z"
        bad["other-reference.json"] = json.dumps(other).encode()
        callback = site.oracle.make_job("y")
        callback["case"]["case_request"]["callbackUrl"] = "http://market.example/"
        bad["callback.json"] = json.dumps(callback).encode()
        for name, data in bad.items():
            site.drop_bytes(name, data)
        with open(site.path("outside.json"), "w", encoding="utf-8") as file:
            json.dump(site.oracle.make_job("outside"), file)
        os.symlink(site.path("outside.json"), os.path.join(site.incoming, "link.json"))
        os.mkfifo(os.path.join(site.incoming, "pipe.json"))

        daemon = site.drain()

        self.assertEqual(daemon.code, 3, daemon.log)
        site.oracle.judge()
        for name, data in bad.items():
            with self.subTest(name):
                with open(os.path.join(site.rejected, name), "rb") as file:
                    self.assertEqual(file.read(), data)
                stem = name[:-len(".json")] if name.endswith(".json") else name
                reason = site.reason(stem)
                self.assertEqual(reason["schema"], "onboardd/reason/1")
                self.assertEqual(reason["file"], name)
                self.assertTrue(reason["faults"][0]["message"])
        names = site.rejected_files()
        self.assertIn("link.reason.json", names)
        self.assertTrue(os.path.exists(site.path("outside.json")))
        self.assertFalse([name for name in names if name.startswith(".")])

    def test_bad_lines_of_a_batch(self):
        site = self.site()
        jobs = [site.oracle.issue("line-%d" % n, batch="lines") for n in range(scaled(40))]
        texts = [json.dumps(job, ensure_ascii=False) for job in jobs]
        texts.insert(3, "not JSON")
        texts.insert(9, '{"account": "T12345678"}')
        texts.insert(12, "")
        site.drop_bytes("lines.jsonl", "\n".join(texts).encode())  # without a last line end

        daemon = site.drain()

        self.assertEqual(daemon.code, 3, daemon.log)
        site.oracle.judge()
        self.assertEqual(site.rejected_files(),
                         ["lines.line-10.json", "lines.line-10.reason.json",
                          "lines.line-4.json", "lines.line-4.reason.json"])
        self.assertEqual(site.reason("lines.line-4")["line"], 4)

    def test_duplicate_reference(self):
        site = self.site()
        first = site.oracle.issue("same")
        site.drop(first)
        self.assertEqual(site.drain().code, 0)
        same = site.sandbox.posts()
        # The same content under another name is the same job.
        site.drop(first, "another-name")
        self.assertEqual(site.drain().code, 0)
        # Other content is refused and touches nothing.
        other = json.loads(json.dumps(first))
        other["case"]["case_for"]["payout_destination_name"] = "Somebody else AS"
        site.drop(other, "stranger")
        daemon = site.drain()
        self.assertEqual(daemon.code, 3, daemon.log)
        self.assertEqual(site.sandbox.posts(), same)
        self.assertEqual(site.reason("stranger")["kind"], "duplicate_reference")
        self.assertTrue(os.path.exists(os.path.join(site.rejected, "stranger.json")))
        site.oracle.judge()

    def test_duplicates_in_one_drain(self):
        site = self.site("--latency", "50")
        jobs = [site.oracle.issue("d-%d" % n) for n in range(scaled(20))]
        for job in jobs:
            site.drop(job)
            site.drop(job, "copy-of-" + job["reference"])
        site.drop_lines("again", jobs)
        daemon = site.drain()
        self.assertEqual(daemon.code, 0, daemon.log)
        for key, outcome in site.oracle.check_outcome_files().items():
            site.oracle.obligations[key].batch = outcome["batch"]  # whichever came first
        site.oracle.judge()
        self.assertEqual(site.sandbox.posts(), len(jobs))


if __name__ == "__main__":
    main()
