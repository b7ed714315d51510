"""onboardctl with the real programs: looking while the daemon runs and while it stands still, damage
of every kind named and repaired, second cases found."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys

from harness import (ACCOUNT, BOUND, CANARY_TEXT, CTL, HERE, OTHER, SECRET, SystemTest, eventually,
                     main)


def unchecked(connection, sql, *values):
    """Changes a row as a bad disk would: no checksum follows."""
    connection.execute(sql, values)
    connection.commit()


class CtlTest(SystemTest):
    def ctl(self, site, *arguments, stdin=None, code=0):
        ran = subprocess.run([CTL, "--config", site.config_file, *arguments],
                             capture_output=True, timeout=BOUND, check=False, input=stdin,
                             env=dict(os.environ, CREDENTIALS_DIRECTORY=site.credentials))
        ran.stdout, ran.stderr = ran.stdout.decode(), ran.stderr.decode()
        self.assertEqual(ran.returncode, code, ran.stdout + ran.stderr)
        for canary in (SECRET, CANARY_TEXT):
            self.assertNotIn(canary, ran.stdout + ran.stderr)
        for byte in ran.stdout + ran.stderr:
            self.assertTrue(byte == "\n" or byte >= " ", ran.stdout + ran.stderr)
        return ran

    def lines(self, site, *arguments, **how):
        return [json.loads(line) for line in
                self.ctl(site, "--json", *arguments, **how).stdout.splitlines()]

    def faults(self, site, *arguments, code=1):
        """{(kind, subject)} without notes and sum."""
        found = self.lines(site, "fsck", *arguments, code=code)
        self.assertEqual(found[-1]["kind"], "summary")
        for one in found[:-1]:
            self.assertTrue(one["text"])
        return {(one["kind"], one["subject"]) for one in found[:-1]
                if one["severity"] != "note"}

    def filled(self, count=12, *options, **sections):
        """A site with that many created jobs and one that was refused; the daemon has ended."""
        site = self.site(*options, **sections)
        for number in range(count):
            site.drop(site.oracle.issue("job-%02d" % number))
        site.sandbox.script({"refused": ["refuse"]})
        site.drop(site.oracle.issue("refused", states=("rejected",)))
        self.assertEqual(site.drain().code, 3)
        return site

    def ledger(self, site):
        connection = sqlite3.connect(site.path("ledger", "ledger.db"))
        self.addCleanup(connection.close)
        return connection

    def rows(self, site):
        with sqlite3.connect(site.path("ledger", "ledger.db")) as connection:
            found = {row[0]: row[1:] for row in connection.execute(
                "SELECT reference, state, case_uuid, contract_url, attempts, finished_at, state_sum,"
                " origin_sum FROM job")}
        connection.close()
        return found

    def outcome_file(self, site, reference):
        return os.path.join(site.outcomes, ACCOUNT, reference + ".json")

    def read_outcome(self, site, reference):
        with open(self.outcome_file(site, reference), encoding="utf-8") as file:
            return file.read()

    def judge_again(self, site):
        """The daemon runs on, takes a new job, and sends nothing twice."""
        posts = site.sandbox.posts()
        site.drop(site.oracle.issue("one-more"))
        daemon = site.drain()
        self.assertIn(daemon.code, (0, 3), daemon.log[-2000:])
        self.assertEqual(site.sandbox.posts(), posts + 1)
        self.assertEqual(site.drain().code, 0)
        return site.oracle.judge(reports=False)


class Looking(CtlTest):
    def test_usage(self):
        site = self.site()
        self.assertIn("fsck", self.ctl(site, "--help").stdout)
        self.assertRegex(self.ctl(site, "--version").stdout, r"^onboardctl \d+\.\d+\.\d+\n$")
        for wrong in ([], ["nonsense"], ["show"], ["list", "--state", "nowhere"],
                      ["list", "--limit", "0"], ["fsck", "--nonsense"], ["check"], ["config"]):
            with self.subTest(wrong):
                said = self.ctl(site, *wrong, code=2).stderr
                self.assertRegex(said, r"^onboardctl: [^\n]+; see onboardctl[a-z ]* --help\n$")
                self.assertLess(len(said), 250)
        for wrong, said in (([], "a command is needed; see onboardctl --help"),
                            (["nonsense"], "there is no command nonsense; see onboardctl --help"),
                            (["config", "x\x1b"], "no command x\\x1b; see onboardctl config --help"),
                            (["list", "--limit", "x"], "--limit: a whole number from 1 is needed"),
                            (["list", "--state", "x"], "no state x; allowed are queued, submitting"),
                            (["--config", "x", "list"], "--config is given more than once; see"),
                            (["watch", "--interval", "0"], "--interval: allowed is 0.1 to 3600")):
            with self.subTest(wrong):
                self.assertIn(said, self.ctl(site, *wrong, code=2).stderr)
        self.assertIn("not there", self.ctl(site, "list", code=78).stderr)
        self.assertIn("not there", self.ctl(site, "fsck", code=78).stderr)
        self.ctl(site, "config", "check")
        self.assertEqual(self.lines(site, "config", "check"), [])
        site.write_config_text("accounts: 7\n")
        self.assertIn("accounts", self.ctl(site, "config", "check", code=78).stderr)
        said = self.ctl(site, "--json", "config", "check", code=78).stdout
        faults = [json.loads(line) for line in said.splitlines()]
        self.assertIn((1, "accounts"), [(one["line"], one["key"]) for one in faults])

    def test_help_fits_a_terminal_of_80_columns(self):
        site = self.site()
        for command in ([], ["list"], ["hold"], ["import"], ["config"], ["fsck"], ["audit"]):
            told = self.ctl(site, *command, "--help").stdout
            self.assertLess(max(map(len, told.splitlines())), 80, told)
        with open("/dev/full", "wb") as full:
            told = subprocess.run([CTL, "--help"], stdout=full, stderr=subprocess.PIPE,
                                  timeout=BOUND, check=False)
        self.assertEqual((told.returncode, told.stderr),
                         (1, b"onboardctl: standard output cannot be written\n"))

    def members_in_the_manual(self, command):
        page = os.path.join(HERE, "..", "..", "etc", "man", "onboardctl.1")
        with open(page, encoding="utf-8") as file:
            told = file.read().split(".Sh OUTPUT FOR PROGRAMS")[1].split(".Sh ")[0]
        for item in told.split("\n.It ")[1:]:
            head, text = item.split("\n", 1)
            if command in re.findall("[a-z]+", head):
                return set(re.findall("[a-z_]+", text))
        raise AssertionError("the manual says nothing of " + command)

    def test_the_manual_lists_the_members_of_each_object(self):
        site = self.filled(1)
        os.remove(os.path.join(site.outcomes, ACCOUNT, "job-00.json"))
        job, sheet, bad = site.path("new.json"), site.path("sheet.csv"), site.path("bad.json")
        with open(job, "w", encoding="utf-8") as file:
            json.dump(site.oracle.make_job("new"), file)
        for path in (sheet, bad):
            with open(path, "w", encoding="utf-8") as file:
                file.write("{}")
        mapping = os.path.join(HERE, "..", "..", "etc", "import-map.yaml")
        for command, code in ((["list"], 0), (["show", "refused"], 0), (["explain", "refused"], 0),
                              (["status"], 0), (["watch", "--looks", "1"], 0),
                              (["hold", "refused"], 3), (["retry", "refused"], 0),
                              (["pause", ACCOUNT], 0), (["resume", ACCOUNT], 0),
                              (["check", bad], 3), (["submit", job], 0), (["fsck"], 1),
                              (["import", sheet, "--map", mapping], 3)):
            with self.subTest(command):
                told = self.members_in_the_manual(command[0])
                lines = self.ctl(site, "--json", *command, code=code).stdout.splitlines()
                self.assertTrue(lines)
                objects = [json.loads(line) for line in lines]
                for one in list(objects):
                    objects += [inner for name in ("accounts", "story", "commands")
                                for inner in one.get(name, [])]
                for one in objects:
                    self.assertLessEqual(set(one), told)

    def look(self, site):
        jobs = self.lines(site, "list")
        self.assertEqual(len(jobs), 13)
        self.assertEqual({one["state"] for one in jobs}, {"created", "rejected"})
        self.assertEqual(len(self.lines(site, "list", "--limit", "5")), 5)
        (refused,) = self.lines(site, "list", "--state", "rejected", "--account", ACCOUNT,
                                "--batch", "default")
        self.assertEqual(refused["reference"], "refused")
        self.assertEqual(self.lines(site, "list", "--batch", "none", code=1), [])
        nothing = self.ctl(site, "list", "--state", "conflict")
        self.assertEqual((nothing.stdout, nothing.stderr), ("", "onboardctl: no job fits\n"))
        table = self.ctl(site, "list").stdout.splitlines()
        self.assertEqual(len(table), 14)
        self.assertTrue(table[0].startswith("ACCOUNT"))
        (job,) = self.lines(site, "show", "job-03")
        self.assertEqual(job["case"], site.outcome("job-03")["case"])
        self.assertEqual(self.lines(site, "show", ACCOUNT + "/job-03"), [job])
        self.assertIn("created", self.ctl(site, "show", "job-03").stdout)
        self.assertIn("no job", self.ctl(site, "show", "none", code=1).stderr)
        (report,) = self.lines(site, "report", "default")
        self.assertEqual((report["created"], report["rejected"], report["open"]), (12, 1, 0))
        self.assertIn("created", self.ctl(site, "report", "default").stdout)
        self.ctl(site, "report", "none", code=1)

    def test_while_the_daemon_stands_still_and_while_it_runs(self):
        site = self.filled()
        self.look(site)
        daemon = site.serve()
        self.look(site)
        with open("/dev/full", "wb") as full:
            told = subprocess.run([CTL, "--config", site.config_file, "list"], stdout=full,
                                  stderr=subprocess.PIPE, timeout=BOUND, check=False)
        self.assertEqual((told.returncode, told.stderr),
                         (1, b"onboardctl: standard output cannot be written\n"))
        self.assertIn("stop onboardd", self.ctl(site, "fsck", code=75).stderr)
        self.ctl(site, "fsck", "--repair", code=75)
        site.drop(site.oracle.issue("later"))
        site.wait_for_outcome("later")
        self.assertEqual(self.lines(site, "show", "later")[0]["state"], "created")
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(self.faults(site, code=0), set())
        site.oracle.judge(reports=False)

    def test_check_and_submit(self):
        site = self.site()
        good, bad = site.path("good.json"), site.path("bad.jsonl")
        with open(good, "w", encoding="utf-8") as file:
            json.dump(site.oracle.issue("good"), file)
        with open(bad, "w", encoding="utf-8") as file:
            file.write(json.dumps(site.oracle.make_job("line-1")) + "\n{\n")
            file.write(json.dumps(site.oracle.make_job("bad one")) + "\n")
        self.assertIn("good, 1 job", self.ctl(site, "check", good).stdout)
        told = self.ctl(site, "check", good, bad, code=3).stdout
        self.assertIn(bad + ":2", told)
        self.assertIn(bad + ":3", told)
        self.assertNotIn(bad + ":1:", told)
        self.ctl(site, "check", site.path("none.json"), code=1)
        for name, code, said in ((good, 0, "standard input: good, 1 job\n"),
                                 (bad, 3, "standard input:2:2: ")):
            with open(name, "rb") as file:
                told = self.ctl(site, "check", "-", stdin=file.read(), code=code).stdout
            self.assertIn(said, told)
        self.assertIn("standard input:3: /reference: ", told)
        self.assertIn("there is nothing in it", self.ctl(site, "check", "-", stdin=b"", code=3).stdout)
        refused = self.ctl(site, "submit", good, bad, code=3)
        self.assertIn("nothing was handed off", refused.stderr)
        self.assertEqual(site.spool_files(), [])
        self.assertIn("1 job handed off", self.ctl(site, "submit", good).stdout)
        self.assertEqual(site.spool_files(), ["good.json"])
        again = self.ctl(site, "submit", good, code=1).stderr  # nothing is replaced
        self.assertIn("good.json is in incoming/ already: onboardd has not taken it yet", again)
        other = site.path("other.json")
        with open(other, "w", encoding="utf-8") as file:
            json.dump(site.oracle.make_job("other"), file)
        for files, code, said in (([other, good], 1, "already"),
                                  ([other, other], 3, "other.json is the name of two of the files")):
            told = self.ctl(site, "submit", *files, code=code).stderr
            self.assertIn(said, told)
            self.assertIn("nothing was handed off", told)
        self.assertEqual(site.spool_files(), ["good.json"])
        self.assertEqual(os.stat(os.path.join(site.incoming, "good.json")).st_mode & 0o777, 0o640)
        one = json.dumps(site.oracle.issue("from-stdin", batch="night"), indent=2).encode()
        self.ctl(site, "submit", "--batch", "night", "-", stdin=one)
        many = "".join(json.dumps(site.oracle.issue("many-%d" % n, batch="night")) + "\n"
                       for n in range(5)).encode()
        self.assertIn("5 jobs", self.ctl(site, "submit", "--batch", "night", "-",
                                         stdin=many).stdout)
        lines = site.path("morning.jsonl")
        with open(lines, "w", encoding="utf-8") as file:
            file.write(json.dumps(site.oracle.issue("line-1", batch="morning")) + "\n")
        alone = site.path("alone.json")
        with open(alone, "w", encoding="utf-8") as file:
            json.dump(site.oracle.issue("alone"), file)
        self.assertEqual(json.loads(self.ctl(site, "--json", "submit", lines, alone).stdout),
                         {"files": 2, "jobs": 2, "batches": ["default", "morning"]})
        self.ctl(site, "submit", "-", stdin=b"{nonsense", code=3)
        self.ctl(site, "submit", "--batch", "../up", good, code=2)
        self.assertEqual(site.drain().code, 0)
        site.oracle.judge()

    def test_two_jobs_of_one_reference_are_told_before_they_are_handed_off(self):
        site = self.site()
        one = site.oracle.make_job("one")
        other = dict(one, case=site.oracle.make_job("two")["case"])
        first, second = site.path("one.json"), site.path("more.jsonl")
        with open(first, "w", encoding="utf-8") as file:
            json.dump(one, file)
        with open(second, "w", encoding="utf-8") as file:
            file.write(json.dumps(one) + "\n" + json.dumps(other) + "\n")
        said = "more.jsonl:2: /reference: another job has this reference: "
        self.assertIn(said + "one.json", self.ctl(site, "check", first, second, code=3).stdout)
        self.assertIn(said + "more.jsonl:1", self.ctl(site, "check", second, code=3).stdout)
        self.assertIn(said + "one.json", self.ctl(site, "submit", first, second, code=3).stderr)
        lines = json.dumps(one) + "\n" + json.dumps(other) + "\n"
        self.assertIn("another job has this reference",
                      self.ctl(site, "submit", "-", stdin=lines.encode(), code=3).stderr)
        self.assertEqual(site.spool_files(), [])
        with open(second, "w", encoding="utf-8") as file:
            file.write(json.dumps(one) + "\n")  # the same once more is no other job
        self.ctl(site, "check", first, second)

    def test_a_file_of_any_size_is_handed_off_whole(self):
        site = self.site()
        for name, count in (("file", 300), ("stdin", 200)):
            text = "".join(json.dumps(site.oracle.issue("%s-%d" % (name, n), batch="night")) + "\n"
                           for n in range(count)).encode()
            self.assertGreater(len(text), 64 * 1024)  # more than is read at a time
            path = site.path(name + ".jsonl")
            with open(path, "wb") as file:
                file.write(text)
            if name == "file":
                told = self.ctl(site, "submit", "--batch", "night", path).stdout
            else:
                told = self.ctl(site, "submit", "--batch", "night", "-", stdin=text).stdout
            self.assertEqual(told, "%d jobs handed off, in batch night\n" % count)
        self.assertEqual(site.drain().code, 0)
        site.oracle.judge()


class Fsck(CtlTest):
    def test_nothing_is_wrong(self):
        site = self.filled()
        before = self.rows(site)
        self.assertEqual(self.faults(site, code=0), set())
        self.assertIn("no damage", self.ctl(site, "fsck").stdout)
        self.assertEqual(self.faults(site, "--repair", code=0), set())
        self.assertEqual(self.rows(site), before)
        self.assertFalse([name for name in os.listdir(site.path("ledger"))
                          if ".damaged" in name or ".new" in name])
        self.judge_again(site)

    def test_outcomes(self):
        site = self.filled()
        before = {n: self.read_outcome(site, n)
                  for n in ("job-00", "job-01", "job-02", "job-03", "job-04", "job-05")}
        os.remove(self.outcome_file(site, "job-00"))
        with open(self.outcome_file(site, "job-01"), "w", encoding="utf-8") as file:
            file.write(before["job-01"][:100])
        with open(self.outcome_file(site, "job-02"), "w", encoding="utf-8") as file:
            file.write(before["job-02"].replace("https://", "https://evil."))
        shutil.copy(self.outcome_file(site, "job-04"), self.outcome_file(site, "job-03"))
        os.remove(self.outcome_file(site, "job-05"))
        os.symlink("/etc/passwd", self.outcome_file(site, "job-05"))
        temporary = os.path.join(site.outcomes, ACCOUNT, ".0123456789abcdef.tmp")
        with open(temporary, "w", encoding="utf-8"):
            pass
        os.remove(os.path.join(site.outcomes, "reports", "default.json"))
        expected = {("outcome_missing", ACCOUNT + "/job-00"),
                    ("outcome_damaged", ACCOUNT + "/job-01"),
                    ("outcome_differs", ACCOUNT + "/job-02"),
                    ("outcome_foreign", ACCOUNT + "/job-03"),
                    ("outcome_unreadable", ACCOUNT + "/job-05"),
                    ("outcome_temporary", temporary), ("report_missing", "default")}
        self.assertEqual(self.faults(site), expected)
        text = self.ctl(site, "fsck", code=1).stdout
        self.assertIn("--repair writes it again", text)
        self.assertEqual(self.faults(site, "--repair", code=0), expected)
        for name, content in before.items():
            self.assertEqual(self.read_outcome(site, name), content)
        self.assertEqual(self.faults(site, code=0), set())
        self.judge_again(site)
        shutil.rmtree(site.outcomes)
        self.assertEqual(len(self.faults(site, "--repair", code=0)), 15)
        site.oracle.judge(reports=False)

    def test_an_older_ledger_is_noticed(self):
        site = self.filled(3)
        shutil.copytree(site.path("ledger"), site.path("older"))
        site.drop(site.oracle.issue("newer"))
        self.assertEqual(site.drain().code, 0)
        shutil.rmtree(site.path("ledger"))
        os.rename(site.path("older"), site.path("ledger"))
        ledger = site.path("ledger", "ledger.db")
        missing = {("outcome_without_job", ACCOUNT + "/newer")}
        self.assertEqual(self.faults(site, "--repair"), missing | {("ledger_older", ledger)})
        self.assertTrue(site.outcome("newer"), "it is left alone")
        self.assertEqual(site.drain().code, 78)
        self.assertEqual(self.faults(site, "--accept-restored"), missing)
        self.assertEqual(site.drain().code, 0)
        self.assertEqual(site.sandbox.posts(), 5)

    def test_rows(self):
        site = self.filled()
        before = self.rows(site)
        ledger = self.ledger(site)
        unchecked(ledger, "UPDATE job SET state = 1, work = 1 WHERE reference = 'job-01'")
        unchecked(ledger, "UPDATE job SET fingerprint = '0:' WHERE reference = 'job-02'")
        unchecked(ledger, "UPDATE job SET case_status = 'ACTIVE' WHERE reference = 'refused'")
        unchecked(ledger, "UPDATE answer SET body = x'7b7d' WHERE job = "
                          "(SELECT id FROM job WHERE reference = 'job-03')")
        ledger.close()
        # The daemon believes none of them and goes on with the others.
        site.drop(site.oracle.issue("between"))
        daemon = site.drain(patience="2s")
        self.assertIn(daemon.code, (0, 4), daemon.log[-2000:])
        self.assertTrue(daemon.events("ledger_damaged"))
        self.assertEqual(site.outcome("between")["state"], "created")
        self.assertEqual(len(site.sandbox.cases(ACCOUNT, "job-01")), 1)
        self.assertEqual(self.lines(site, "show", "job-04")[0]["state"], "created")
        self.assertIn("fsck", self.ctl(site, "show", "job-01", code=1).stderr)
        damage = {("job_damaged", ACCOUNT + "/job-01"), ("job_damaged", ACCOUNT + "/job-02"),
                  ("job_damaged", ACCOUNT + "/refused"), ("answer_damaged", ACCOUNT + "/job-03")}
        self.assertEqual(self.faults(site), damage)
        self.assertEqual(self.faults(site, "--repair", code=0), damage)
        self.assertEqual(self.faults(site, code=0), set())
        after = self.rows(site)
        for reference, row in before.items():
            if reference not in ("job-01", "job-02", "refused"):
                self.assertEqual(after[reference], row, reference)
        # Made again from the provider's answer, or blocked.
        self.assertEqual(site.outcome("job-01")["state"], "created")
        self.assertEqual(site.outcome("job-01")["revision"], 2)
        for reference in ("job-02", "refused"):
            self.assertEqual(site.outcome(reference)["state"], "conflict")
            self.assertIn("damaged", site.outcome(reference)["error"]["message"])
            site.oracle.obligations[ACCOUNT, reference].states = {"conflict"}
        self.assertTrue(any(".damaged-" in name for name in os.listdir(site.path("ledger"))))
        self.judge_again(site)
        posts = site.sandbox.posts()
        site.drop(site.oracle.obligations[ACCOUNT, "job-02"].job)  # handed in once more
        site.drain()
        self.assertEqual(site.sandbox.posts(), posts)

    def test_flipped_bytes_in_the_file(self):
        site = self.filled(20)
        before = self.rows(site)
        path = site.path("ledger", "ledger.db")
        with open(path, "r+b") as file:
            data = file.read()
            for reference in ("job-05", "job-11"):
                at = data.index(site.outcome(reference)["case"]["contract_url"].encode())
                file.seek(at + 12)
                file.write(bytes([data[at + 12] ^ 1]))
        found = self.faults(site)  # the first place may be the row or the answer
        self.assertLessEqual({kind for kind, _ in found}, {"job_damaged", "answer_damaged"})
        self.assertEqual({subject for _, subject in found},
                         {ACCOUNT + "/job-05", ACCOUNT + "/job-11"})
        self.assertEqual(self.faults(site, "--repair", code=0), found)
        after = self.rows(site)
        for reference, row in before.items():
            if reference not in ("job-05", "job-11"):
                self.assertEqual(after[reference], row, reference)
        for reference in ("job-05", "job-11"):
            site.oracle.obligations[ACCOUNT, reference].states = {"created", "conflict"}
        self.judge_again(site)

    def test_a_damaged_log(self):
        site = self.site()
        daemon = site.serve()
        for number in range(8):
            site.drop(site.oracle.issue("job-%d" % number))
            site.wait_for_outcome("job-%d" % number)
        posts = site.sandbox.posts()
        daemon.kill()
        log = site.path("ledger", "ledger.db-wal")
        with open(log, "r+b") as file:
            file.seek(32 + 24 + 2048)
            byte = file.read(1)
            file.seek(32 + 24 + 2048)
            file.write(bytes([byte[0] ^ 4]))
        refused = site.drain()
        self.assertEqual(refused.code, 78)
        self.assertIn("onboardctl fsck", refused.log)
        site.daemons.remove(refused)  # a sentence on standard error, no log
        self.assertEqual(self.faults(site), {("ledger_log_damaged", "the ledger")})
        self.assertEqual(self.faults(site, "--repair", code=0),
                         {("ledger_log_damaged", "the ledger")})
        self.assertEqual(len(self.lines(site, "list", "--state", "created")), 8)
        self.assertEqual(site.sandbox.posts(), posts)
        self.judge_again(site)

    def test_sums(self):
        site = self.filled(4)
        ledger = self.ledger(site)
        unchecked(ledger, "UPDATE tally SET jobs = jobs + 3")
        unchecked(ledger, "UPDATE batch SET open = 2")
        ledger.close()
        damage = {("sums_wrong", "the ledger"), ("sums_wrong", "default")}
        self.assertEqual(self.faults(site), damage)
        self.assertEqual(self.faults(site, "--repair", code=0), damage)
        (report,) = self.lines(site, "report", "default")
        self.assertEqual((report["created"], report["rejected"], report["open"]), (4, 1, 0))
        self.judge_again(site)

    def test_spool(self):
        site = self.filled(2)
        site.drop_bytes("bad.json", b"{")
        self.assertEqual(site.drain().code, 3)
        os.remove(os.path.join(site.rejected, "bad.reason.json"))
        leftover = os.path.join(site.rejected, ".rejecting-1-2.tmp")
        with open(leftover, "w", encoding="utf-8"):
            pass
        with open(os.path.join(site.rejected, "gone.reason.json"), "w", encoding="utf-8") as file:
            file.write("{}")
        site.drop(site.oracle.obligations[ACCOUNT, "job-00"].job)  # as a crash leaves it
        notes = [one for one in self.lines(site, "fsck", code=1) if one.get("severity") == "note"]
        self.assertEqual({one["kind"] for one in notes},
                         {"reason_without_file", "spool_already_taken"})
        damage = {("reason_missing", os.path.join(site.rejected, "bad.json")),
                  ("spool_temporary", leftover)}
        self.assertEqual(self.faults(site, "--repair", code=0), damage)
        self.assertEqual(self.faults(site, code=0), set())
        self.assertEqual(site.reason("bad")["schema"], "onboardd/reason/1")
        self.judge_again(site)

    def test_hostile_names(self):
        site = self.filled(1)
        name = "\x1b[31mred\n"
        with open(os.path.join(site.rejected, name), "w", encoding="utf-8"):
            pass
        with open(os.path.join(site.outcomes, ACCOUNT, name), "w", encoding="utf-8"):
            pass
        self.ctl(site, "fsck", code=1)  # the bytes are looked at there
        self.ctl(site, "--json", "fsck", code=1)


class Audit(CtlTest):
    def findings(self, site, *accounts, code=3):
        found = self.lines(site, "audit", *accounts, code=code)
        return {(one["kind"], one["subject"]): one["text"] for one in found[:-1]}

    def case(self, site, reference):
        return site.oracle.expected_request(site.oracle.make_job(reference))

    def test_nothing_is_found(self):
        site = self.filled(5, accounts=(ACCOUNT, OTHER))
        self.assertEqual(self.findings(site, code=0), {})
        self.assertIn("5 cases compared", self.ctl(site, "audit", ACCOUNT).stdout)
        self.ctl(site, "audit", "T00000000", code=1)

    def test_second_cases_and_cases_without_a_job(self):
        for options in ((), ("--list", "paged")):
            with self.subTest(options):
                site = self.filled(25, *options)
                first = site.outcome("job-03")["case"]["id"]
                second = site.sandbox.post_case(ACCOUNT, self.case(site, "job-03"))
                stranger = site.sandbox.post_case(ACCOUNT, self.case(site, "stranger"))
                refused = site.sandbox.post_case(ACCOUNT, self.case(site, "refused"))
                daemon = site.serve()  # it does not mind
                found = self.findings(site)
                self.assertEqual(set(found), {("case_repeated", ACCOUNT + "/job-03"),
                                              ("case_without_job", ACCOUNT + "/stranger"),
                                              ("case_not_expected", ACCOUNT + "/refused")})
                for case in (first, second):
                    self.assertIn(case, found["case_repeated", ACCOUNT + "/job-03"])
                self.assertIn(stranger, found["case_without_job", ACCOUNT + "/stranger"])
                self.assertIn(refused, found["case_not_expected", ACCOUNT + "/refused"])
                self.assertEqual(daemon.stop(), 0)

    def test_a_case_that_is_not_listed_or_another_one(self):
        site = self.filled(3, reconcile={"settle": "100ms"})
        site.sandbox.control("/reset", {})
        other = site.sandbox.post_case(ACCOUNT, self.case(site, "job-01"))
        expected = {("case_not_listed", ACCOUNT + "/job-%02d" % number) for number in range(3)}
        expected.add(("case_differs", ACCOUNT + "/job-01"))
        eventually(lambda: set(self.findings(site)) == expected, "the jobs have settled")
        self.assertIn(other, self.findings(site)["case_differs", ACCOUNT + "/job-01"])

    def test_the_list_cannot_be_read(self):
        site = self.filled(2)
        site.write_secret(ACCOUNT, "wrong")
        refused = self.ctl(site, "audit", code=1)
        self.assertIn("no token: HTTP status 401", refused.stderr)
        site.sandbox.stop()
        self.assertIn("no token", self.ctl(site, "audit", code=1).stderr)

    def test_a_list_of_200000_cases_costs_less_than_64_mib(self):
        site = self.filled(2)
        with open(CTL, "rb") as file:
            program = file.read()
            if b"libasan" in program or b"libtsan" in program:
                self.skipTest("a sanitizer's memory says nothing about the program's: release only")
        case = self.case(site, "old")
        site.sandbox.control("/preload", {"account": ACCOUNT, "reference": "old-",
                                          "count": 200_000, "case": case})
        command = ["--config", site.config_file, "--json", "audit"]
        ran = subprocess.run([sys.executable, "-c", PEAK, CTL, *command], capture_output=True,
                             timeout=BOUND, check=False,
                             env=dict(os.environ, CREDENTIALS_DIRECTORY=site.credentials))
        self.assertEqual(ran.returncode, 3, ran.stderr)
        peak = int(ran.stderr.split()[-1])
        print("%d KiB for 200,000 cases" % peak)
        self.assertEqual(ran.stdout.count(b"case_without_job"), 200_000)
        self.assertLess(peak, 64 * 1024)


# Runs a program and tells its peak memory in KiB at the end of standard error.
PEAK = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], check=False).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""


if __name__ == "__main__":
    main()
