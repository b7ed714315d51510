"""Shows that the oracle sees what it is there to see: after a good drain one thing is broken at a
time, and each time it must object."""

import contextlib
import json
import os
import unittest

from harness import ACCOUNT, CANARY_TEXT, SECRET, SystemTest, main


class Oracle(SystemTest):
    def setUp(self):
        self.here = self.site()
        self.jobs = [self.here.oracle.issue("job-%d" % number) for number in range(3)]
        for job in self.jobs:
            self.here.drop(job)
        self.assertEqual(self.here.drain().code, 0)
        self.here.oracle.judge()

    @contextlib.contextmanager
    def objects(self, text=""):
        """Breaks something within; the oracle must object with `text`."""
        yield
        with self.assertRaisesRegex((AssertionError, ValueError), text):
            self.here.oracle.judge()

    def outcome_file(self, number=0):
        return self.here.path("outcomes", ACCOUNT, "job-%d.json" % number)

    def change(self, path, *keys, value):
        with open(path, encoding="utf-8") as file:
            whole = json.load(file)
        part = whole
        for key in keys[:-1]:
            part = part[key]
        part[keys[-1]] = value
        with open(path, "w", encoding="utf-8") as file:
            json.dump(whole, file)

    def append(self, path, text):
        with open(path, "a", encoding="utf-8") as file:
            file.write(text)

    def test_a_lost_job(self):
        with self.objects("without an outcome"):
            os.remove(self.outcome_file())

    def test_an_outcome_of_nobody(self):
        with self.objects("outcomes of no job"):
            self.append(self.here.path("outcomes", ACCOUNT, "stray.json"), "{}")

    def test_a_temporary_that_stays(self):
        with self.objects():
            self.append(self.here.path("outcomes", ACCOUNT, ".stray.tmp"), "{}")

    def test_half_an_outcome(self):
        with self.objects():
            os.truncate(self.outcome_file(), 100)

    def test_a_second_case(self):
        with self.objects("created twice"):
            self.here.sandbox.post_case(ACCOUNT, self.here.oracle.expected_request(self.jobs[0]))

    def test_a_case_of_nobody(self):
        with self.objects("nobody issued"):
            stranger = self.here.oracle.make_job("stranger")
            self.here.sandbox.post_case(ACCOUNT, self.here.oracle.expected_request(stranger))

    def test_another_request_than_asked_for(self):
        with self.objects():
            self.jobs[0]["case"]["case_request"]["details"]["employees"] = 4

    def test_another_link_state_or_id(self):
        for keys, value in ((("case", "contract_url"), "https://elsewhere.example/"),
                            (("case", "id"), "00000000-0000-4000-8000-000000000000"),
                            (("state",), "rejected"), (("batch",), "another"),
                            (("attempts",), 7), (("finished_at",), None)):
            with open(self.outcome_file(), encoding="utf-8") as file:
                before = file.read()
            with self.subTest(keys), self.objects():
                self.change(self.outcome_file(), *keys, value=value)
            os.truncate(self.outcome_file(), 0)
            self.append(self.outcome_file(), before)
        self.here.oracle.judge()

    def test_a_report_that_disagrees(self):
        with self.objects():
            self.change(self.here.path("outcomes", "reports", "default.json"), "created", value=2)

    def test_a_file_that_stays_in_the_spool(self):
        with self.objects():
            self.append(os.path.join(self.here.incoming, "stray.json"), "{}")

    def test_logs_that_say_too_much(self):
        log = self.here.daemons[0].log_file
        line = json.dumps({"time": "2026-11-22T01:04:05Z", "level": "info", "event": "x",
                           "message": "%s", "fields": {}}) + "\n"
        number = self.jobs[0]["case"]["case_request"]["organizationNumber"]
        for text in ("key " + SECRET, "Bearer abcdefghijkl", "eyJhbGciOiJIUzI1.x.y", CANARY_TEXT,
                     "organization " + number):
            size = os.path.getsize(log)
            with self.subTest(text), self.objects():
                self.append(log, line % text)
            os.truncate(log, size)
        with self.objects("no JSON"):
            self.append(log, "onboardd: something happened\n")


if __name__ == "__main__":
    main()
