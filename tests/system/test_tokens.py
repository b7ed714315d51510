"""Tokens that fail, expire and are revoked; accounts that are paused and go on."""

import json
import unittest

from harness import ACCOUNT, OTHER, SECRET, SystemTest, eventually, main, scaled


class Tokens(SystemTest):
    def drop_jobs(self, site, count, prefix="job", account=ACCOUNT):
        for number in range(count):
            site.drop(site.oracle.issue("%s-%04d" % (prefix, number), account))

    def drain_all(self, site, count=10):
        self.drop_jobs(site, count)
        daemon = site.drain()
        self.assertEqual(daemon.code, 0, daemon.log[-3000:])
        return site.oracle.judge()

    def test_a_token_endpoint_that_fails_first(self):
        for faults in ("500-before:first=1,html-200:first=1,no-token:first=1",
                       "cut:first=1,garbage:first=1,503-seconds=1:first=1",
                       "stall:first=1,redirect-302:first=1,reset-mid-answer:first=1"):
            with self.subTest(faults):
                site = self.site(provider={"request_timeout": "1s"})
                site.sandbox.settings(token_fault=faults)
                outcomes = self.drain_all(site)
                self.assertEqual({one["attempts"] for one in outcomes.values()}, {1})

    def test_odd_lifetimes(self):
        for fault in ("expires-in=1000000000", "expires-in-string", "expires-in-absent", "chunked",
                      "close", "surplus", "103s"):
            with self.subTest(fault):
                site = self.site()
                site.sandbox.settings(token_fault=fault + ":1")
                self.drain_all(site)

    def test_a_token_that_has_expired_already(self):
        site = self.site()
        site.sandbox.settings(token_fault="expires-in=0:first=1,expires-in=-1:first=1")
        self.drain_all(site)

    def test_revoked_in_mid_run(self):
        site = self.site("--latency", "30")
        site.configure(accounts=[dict(site.settings()["accounts"][0], in_flight_max=8)])
        count = scaled(300, 60)
        self.drop_jobs(site, count)
        daemon = site.start("--drain", "--patience", "60s")
        for part in (0.2, 0.4, 0.6, 0.8):
            eventually(lambda: site.sandbox.summary()["cases"] >= part * count, "progress")
            site.sandbox.control("/revoke", {})
        self.assertEqual(daemon.wait(), 0, daemon.log[-3000:])
        outcomes = site.oracle.judge()
        self.assertEqual({one["attempts"] for one in outcomes.values()}, {1})
        issued = site.sandbox.summary()["tokens_issued"][ACCOUNT]
        self.assertLessEqual(issued, 5)  # one renewal for each revocation, however many 401

    def test_tokens_of_a_few_seconds(self):
        site = self.site("--latency", "100", "--token-life", "2")
        site.configure(accounts=[dict(site.settings()["accounts"][0], in_flight_max=4)])
        self.drain_all(site, 200)
        issued = site.sandbox.summary()["tokens_issued"][ACCOUNT]
        self.assertGreaterEqual(issued, 3)
        self.assertLessEqual(issued, 40)


class Paused(SystemTest):
    def test_a_refused_account_waits_and_goes_on_by_itself(self):
        """Of both kinds at once, since each pause lasts half a minute."""
        site = self.site(accounts=(ACCOUNT, OTHER))
        site.sandbox.settings(token_fault="401:first=1")  # whoever asks first
        # All that are in flight at once are answered 403; that is one pause, not ten.
        site.sandbox.settings(latency="300", fault="403:first=10")
        daemon = site.serve()
        for number in range(10):
            site.drop(site.oracle.issue("a-%d" % number))
        daemon.wait_for("account_paused")
        site.drop_lines("b", [site.oracle.issue("b-%d" % number, OTHER, "b")
                              for number in range(10)])
        eventually(lambda: site.sandbox.summary()["posts_by_status"].get("403"), "a 403")
        self.assertEqual(site.sandbox.summary()["cases"], 0)
        for number in range(10):
            for prefix, account in (("a", ACCOUNT), ("b", OTHER)):
                site.wait_for_outcome("%s-%d" % (prefix, number), account)
        self.assertEqual(daemon.stop(), 0)
        outcomes = site.oracle.judge(reports=False)
        self.assertEqual({one["attempts"] for one in outcomes.values()}, {1})
        alarms = [event["fields"]["account"] for event in daemon.events("account_paused")]
        self.assertEqual(alarms.count(ACCOUNT), 1)
        resumed = [event["fields"]["account"] for event in daemon.events("account_resumed")]
        self.assertIn(ACCOUNT, resumed)
        self.assertIn(OTHER, resumed)

    def test_a_wrong_secret_pauses_one_account_and_is_taken_by_a_reload(self):
        site = self.site(accounts=(ACCOUNT, OTHER))
        site.write_secret(OTHER, "wrong")
        daemon = site.serve()
        for number in range(5):
            site.drop(site.oracle.issue("a-%d" % number))
            site.drop(site.oracle.issue("b-%d" % number, OTHER))
        for number in range(5):
            site.wait_for_outcome("a-%d" % number)
        daemon.wait_for("account_paused")
        self.assertIsNone(site.outcome("b-0", OTHER))
        site.write_secret(OTHER, SECRET)
        daemon.signal(1)  # SIGHUP
        for number in range(5):
            site.wait_for_outcome("b-%d" % number, OTHER)
        self.assertEqual(daemon.stop(), 0)
        outcomes = site.oracle.judge(reports=False)
        self.assertEqual({one["attempts"] for one in outcomes.values()}, {1})
        self.assertEqual(len(daemon.events("account_paused")), 1)

    def test_a_drain_gives_up_on_a_refused_account(self):
        site = self.site(accounts=(ACCOUNT, OTHER))
        site.sandbox.settings(token_fault="401:1")
        for number in range(5):
            site.drop(site.oracle.issue("a-%d" % number))
        daemon = site.drain(patience="3s")
        self.assertEqual(daemon.code, 4)
        report = site.report("default")
        self.assertEqual((report["received"], report["open"]), (5, 5))
        self.assertIn("paused", daemon.output)
        site.sandbox.settings(token_fault="none")
        self.assertEqual(site.drain().code, 0)
        outcomes = site.oracle.judge()
        self.assertEqual({one["attempts"] for one in outcomes.values()}, {1})


if __name__ == "__main__":
    main()
