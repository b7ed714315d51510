"""What an operator does with the real programs: hold, release, retry, cancel, pause, resume, explain,
status and watch, with the daemon and without, and wrongly too."""

import json
import os
import pty
import select
import shutil
import signal
import socket
import subprocess
import termios
import threading
import time
import unittest

from harness import ACCOUNT, BOUND, CTL, OTHER, eventually, main
from test_ctl import CtlTest


class OperatorTest(CtlTest):
    def state(self, site, reference):
        return self.lines(site, "show", reference)[0]["state"]

    def states(self, site):
        return {one["reference"]: one["state"] for one in self.lines(site, "list")}

    def waiting(self, count=5, **how):
        """A site with a daemon at work whose account is paused, and so many queued jobs."""
        site = self.site(**how)
        daemon = site.serve()
        self.ctl(site, "pause", ACCOUNT)
        for number in range(count):
            site.drop(site.oracle.issue("job-%d" % number))
        eventually(lambda: len(self.lines(site, "list")) == count, "all jobs are taken in")
        return site, daemon

    def expect_state(self, site, reference, state):
        site.oracle.obligations[ACCOUNT, reference].states = {state}


class WithTheDaemon(OperatorTest):
    def test_jobs_are_held_released_and_cancelled(self):
        site, daemon = self.waiting()
        told = self.ctl(site, "hold", "job-0", ACCOUNT + "/job-1").stdout.splitlines()
        self.assertEqual(told, [ACCOUNT + "/job-0: queued -> held",
                                ACCOUNT + "/job-1: queued -> held"])
        self.assertIn("1 job already", self.ctl(site, "hold", "job-0").stdout)
        changed, summary = self.lines(site, "cancel", "job-2")
        self.assertEqual(changed, {"kind": "changed", "account": ACCOUNT, "reference": "job-2",
                                   "from": "queued", "to": "cancelled"})
        self.assertEqual(summary, {"kind": "summary", "changed": 1, "unchanged": 0, "refused": 0,
                                   "missing": 0})
        self.expect_state(site, "job-2", "cancelled")
        self.assertEqual(site.wait_for_outcome("job-2")["error"]["kind"], "cancelled")
        self.ctl(site, "hold", "-", stdin=b"job-3\n\n  job-4 \r\n")
        self.assertEqual(set(self.states(site).values()), {"held", "cancelled"})
        self.ctl(site, "release", "-", "job-0", stdin=b"job-1\njob-3\njob-4\n")
        self.ctl(site, "resume", ACCOUNT)
        for reference in ("job-0", "job-1", "job-3", "job-4"):
            site.wait_for_outcome(reference)
        refused = self.ctl(site, "hold", "job-0", code=3).stderr
        self.assertIn("is created: the provider has its case", refused)
        uid = str(os.getuid())
        logged = daemon.events("operator")
        self.assertEqual({one["fields"]["uid"] for one in logged}, {uid})
        self.assertIn(("cancel", "job-2"), {(one["fields"]["command"], one["fields"].get("job"))
                                            for one in logged})
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(site.sandbox.posts(), 4)
        site.oracle.judge(reports=False)

    def test_mass_changes_want_the_word_all(self):
        site, daemon = self.waiting(12)
        for wrong in (["hold"], ["hold", "--batch", "default"], ["hold", "--state", "queued"],
                      ["hold", "ALL", "job-1"], ["hold", "job-1", "--batch", "default"],
                      ["hold", "all"]):
            with self.subTest(wrong):
                self.ctl(site, *wrong, stdin=b"", code=1 if wrong[-1] == "all" else 2)
        for command in ("hold", "explain"):
            self.assertIn("names no job", self.ctl(site, command, "-", stdin=b" \n", code=1).stderr)
        self.assertEqual(set(self.states(site).values()), {"queued"})
        self.assertIn("12 jobs now held", self.ctl(site, "hold", "ALL").stdout)
        self.assertIn("12 jobs already", self.ctl(site, "hold", "ALL", "--batch", "default").stdout)
        self.assertEqual(self.ctl(site, "release", "ALL", "--state", "conflict").stdout,
                         "no job fits\n")
        self.ctl(site, "cancel", "job-0")
        self.expect_state(site, "job-0", "cancelled")
        told = self.lines(site, "release", "ALL", "--state", "held", "--account", ACCOUNT)
        self.assertEqual(told[-1]["changed"], 11)
        refused = self.ctl(site, "release", "ALL")
        self.assertIn("12 jobs not changed: it is not held", refused.stdout)
        self.assertEqual(refused.stderr, "")
        self.ctl(site, "resume", ACCOUNT)
        for number in range(1, 12):
            site.wait_for_outcome("job-%d" % number)
        self.assertEqual(daemon.stop(), 0)
        site.oracle.judge(reports=False)

    def test_a_refused_job_is_sent_again_on_request(self):
        site = self.site()
        site.sandbox.script({"one": ["refuse"]})
        daemon = site.serve()
        site.drop(site.oracle.issue("one"))
        self.assertEqual(site.wait_for_outcome("one")["state"], "rejected")
        story = self.ctl(site, "explain", "one").stdout
        self.assertIn("the provider refused it: HTTP status 4", story)
        self.assertIn("onboardctl retry " + ACCOUNT + "/one", story)
        self.ctl(site, "retry", "one")
        eventually(lambda: site.outcome("one")["state"] == "created", "the second attempt")
        self.assertEqual(site.outcome("one")["revision"], 2)
        self.assertEqual(daemon.stop(), 0)
        site.oracle.judge(reports=False)

    def test_explain_tells_each_step(self):
        site = self.site()
        site.sandbox.script({"one": ["429", "cut-after-create"], "two": ["refuse"]})
        daemon = site.serve()
        site.drop(site.oracle.issue("one"))
        site.drop(site.oracle.issue("two"))
        self.assertEqual(site.wait_for_outcome("one")["state"], "created")
        self.assertEqual(site.wait_for_outcome("two")["state"], "rejected")
        self.ctl(site, "retry", "two")
        eventually(lambda: site.outcome("two")["state"] == "created", "the second attempt")

        def expect(about):
            one, two = self.lines(site, "explain", "-", stdin=b"one\ntwo\n")
            self.assert_in_order([step["text"] for step in one["story"]], [
                "taken in", "attempt 1 was not applied: HTTP status 429", "attempt 2: the intent",
                "whether attempt 2 was applied was not known", "list showed its case",
                "it ended as created"], about)
            self.assert_in_order([step["text"] for step in two["story"]], [
                "taken in",
                "the user with the uid %d: retry; it was rejected and became queued. Until then: "
                "HTTP status 4" % os.getuid(), "it ended as created"], about)
        expect("while the daemon runs")
        self.assertEqual(daemon.stop(), 0)
        expect("from the ledger")
        site.oracle.judge(reports=False)

    def assert_in_order(self, texts, parts, about=None):
        left = iter(texts)
        for part in parts:
            self.assertTrue(any(part in text for text in left), (part, texts, about))

    def test_what_is_not_there_is_named(self):
        site, daemon = self.waiting(2, accounts=(ACCOUNT, OTHER))
        self.assertIn("no job none", self.ctl(site, "hold", "none", "job-0", code=1).stderr)
        self.assertEqual(self.state(site, "job-0"), "held")
        self.assertIn("no job", self.ctl(site, "explain", "none", code=1).stderr)
        self.assertIn("no account", self.ctl(site, "pause", "T00000000", code=1).stderr)
        for command in (["list"], ["release", "ALL"]):
            for option, name in (("--batch", "none"), ("--account", "T00000000")):
                told = self.ctl(site, *command, option, name, code=1)
                self.assertEqual((told.stdout, name in told.stderr), ("", True))
        self.ctl(site, "pause", code=2)
        self.ctl(site, "resume", OTHER)  # it was not paused
        site.drop(site.oracle.issue("job-1", OTHER))
        site.wait_for_outcome("job-1", OTHER)
        self.assertIn("several accounts", self.ctl(site, "hold", "job-1", code=1).stderr)
        self.ctl(site, "hold", ACCOUNT + "/job-1")
        daemon.stop()

    def test_status_and_explain_tell_of_the_pause(self):
        site, daemon = self.waiting(3)
        (status,) = self.lines(site, "status")
        self.assertEqual((status["running"], status["jobs"]["queued"], status["open"]),
                         (True, 3, 3))
        (account,) = status["accounts"]
        self.assertEqual((account["paused"], account["paused_by"]), ("by_operator", os.getuid()))
        self.assertEqual((status["jobs_per_second"], status["seconds_to_go"]), (0, None))
        text = self.ctl(site, "status").stdout
        self.assertIn("pace:  0.0 jobs/s, 3 open, all in accounts that wait\n", text)
        self.assertIn("paused: by an operator (uid %d" % os.getuid(), text)
        self.assertIn("queued 3", text)
        (batch,) = status["batches"]
        self.assertEqual((batch["name"], batch["open"], batch["jobs"]["queued"],
                          batch["seconds_to_go"], batch["last_finished_at"]),
                         ("default", 3, 3, None, None))
        self.assertRegex(text, r"\nBATCH +OPEN +HELD +CREATED +NO CASE +LAST END\n"
                               r"default +3 +0 +0 +0 +\?\n")
        (story,) = self.lines(site, "explain", "job-1")
        self.assertEqual((story["reference"], story["state"]), ("job-1", "queued"))
        self.assertTrue(any("was paused by the user" in one for one in story["why"]))
        self.assertIn("onboardctl resume " + ACCOUNT,
                      [one["command"] for one in story["commands"]])
        self.assertEqual(daemon.stop(), 0)
        again = site.serve()  # it stays paused
        again.wait_for("operator_pause")
        self.assertEqual(site.sandbox.posts(), 0)
        commands = story["commands"]
        for one in commands[1:] + commands[:1]:  # each works as it stands
            self.ctl(site, *one["command"].split()[1:])
        self.expect_state(site, "job-1", "cancelled")
        for number in range(3):
            site.wait_for_outcome("job-%d" % number)
        self.assertEqual(again.stop(), 0)
        site.oracle.judge(reports=False)


    def test_an_account_without_a_token_says_why(self):
        unheard_of = "T99999999"
        site = self.site(accounts=(unheard_of,))
        daemon = site.serve()
        site.drop(site.oracle.issue("one", unheard_of))
        daemon.wait_for("token_renewal_failed")
        (status,) = self.lines(site, "status")
        (account,) = status["accounts"]
        self.assertEqual((account["token_failure"], account["paused"]), ("HTTP status 404", None))
        self.assertIn("no token: HTTP status 404", self.ctl(site, "status").stdout)
        self.assertIn("the last try to get one failed: HTTP status 404",
                      self.ctl(site, "explain", "one").stdout)
        self.assertEqual(daemon.stop(), 0)

    def test_a_job_that_waits_for_the_provider_is_no_refused_one(self):
        site = self.site()
        site.sandbox.script({"one": ["429-seconds=600"]})
        daemon = site.serve()
        site.drop(site.oracle.issue("one"))
        eventually(lambda: [one["state"] for one in self.lines(site, "list")] == ["deferred"],
                   "the provider asks to wait")
        (shown,) = self.lines(site, "show", "one")
        self.assertEqual(shown["reason"], "HTTP status 429: too many requests")
        (story,) = self.lines(site, "explain", "one")
        self.assertIsNotNone(story["when"])
        self.assertRegex(self.ctl(site, "resume", ACCOUNT).stdout,
                         "goes on, as it was already; it is still paused: the provider asked to "
                         "wait, next try in [0-9]+m")
        self.assertIn("one: deferred, and due now", self.ctl(site, "retry", "one").stdout)
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(self.state(site, "one"), "deferred")
        self.ctl(site, "cancel", "one")


class WithoutTheDaemon(OperatorTest):
    def test_each_command_works_on_the_ledger(self):
        site, daemon = self.waiting()
        self.assertEqual(daemon.stop(), 0)
        told = self.ctl(site, "hold", "job-0").stdout
        self.assertIn("queued -> held", told)
        self.assertIn("onboardd does not run", told)
        self.ctl(site, "cancel", "job-1")
        self.ctl(site, "release", "job-0")
        self.ctl(site, "retry", "job-1")
        self.ctl(site, "cancel", "job-1")
        self.ctl(site, "retry", "job-0", code=3)
        self.ctl(site, "hold", "none", code=1)
        text = self.ctl(site, "status").stdout
        self.assertIn("does not run", text)
        self.assertRegex(text, r"\ndefault +4 +0 +0 +1 +\?\n")
        (status,) = self.lines(site, "status")
        self.assertEqual((status["running"], status["jobs"]["queued"]), (False, 4))
        self.assertEqual([(one["name"], one["open"], one["jobs"]["cancelled"])
                          for one in status["batches"]], [("default", 4, 1)])
        self.assertEqual(status["accounts"][0]["paused"], "by_operator")
        self.assertIn("onboardd does not run", self.ctl(site, "explain", "job-0").stdout)
        self.assertIn("as it was already", self.ctl(site, "pause", ACCOUNT).stdout)
        self.ctl(site, "pause", "T00000000", code=1)
        self.ctl(site, "resume", ACCOUNT)
        self.assertIn("4 jobs now held", self.ctl(site, "hold", "ALL", "--state", "queued").stdout)
        self.ctl(site, "release", "ALL", "--state", "held")
        self.expect_state(site, "job-1", "cancelled")
        self.assertEqual(site.drain().code, 0)  # the cancelled one ended before
        self.assertEqual(site.sandbox.posts(), 4)
        self.assertEqual(site.outcome("job-1")["state"], "cancelled")
        self.assertRegex(self.ctl(site, "status").stdout,
                         r"\ndefault +0 +0 +4 +1 +20[0-9]{2}-[^ ]*Z\n")
        site.oracle.judge()

    def test_fsck_finds_nothing_wrong_with_a_job_that_started_again(self):
        site = self.filled(2)
        self.ctl(site, "pause", ACCOUNT)
        self.ctl(site, "retry", "refused")
        before = self.read_outcome(site, "refused")
        self.assertEqual(self.faults(site, code=0), set())
        self.assertEqual(self.faults(site, "--repair", code=0), set())
        self.assertEqual(self.read_outcome(site, "refused"), before)
        self.ctl(site, "resume", ACCOUNT)
        self.assertEqual(site.drain().code, 0)
        self.assertEqual(site.outcome("refused")["state"], "created")
        self.assertEqual(site.outcome("refused")["revision"], 2)

    def test_a_ledger_that_is_not_there_or_no_ledger_is_not_touched(self):
        site = self.site()
        for command in (["hold", "x"], ["hold", "ALL"], ["pause", ACCOUNT], ["status"],
                        ["explain", "x"], ["watch"]):
            with self.subTest(command):
                self.assertIn("not there", self.ctl(site, *command, code=78).stderr)
        self.assertFalse(os.path.exists(site.path("ledger", "ledger.db")))
        os.makedirs(site.path("ledger"), exist_ok=True)
        with open(site.path("ledger", "ledger.db"), "w", encoding="utf-8") as file:
            file.write("this is no ledger" * 1000)
        for command in (["hold", "x"], ["pause", ACCOUNT], ["status"]):
            with self.subTest(command):
                self.ctl(site, *command, code=78)


class WrongEnds(OperatorTest):
    """The other end of the socket is not what it should be."""

    def fake(self, site, answer):
        """Somebody listens there who answers each connection so."""
        server = socket.socket(socket.AF_UNIX)
        self.addCleanup(server.close)
        server.bind(site.path("control.sock"))
        server.listen(8)

        def serve():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()

    def http(self, body, status="200 OK"):
        return ("HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)).encode()

    def test_who_does_not_answer_is_told(self):
        for answer, said in ((b"", "does not answer"), (b"nonsense", "does not answer"),
                             (self.http("{}"), "cannot be read"),
                             (self.http("full\x1b[2J", "503 Service Unavailable"), None)):
            with self.subTest(answer):
                site = self.filled(1)
                self.fake(site, answer)
                for command in (["status"], ["pause", ACCOUNT], ["hold", "job-00"]):
                    told = self.ctl(site, *command, code=1).stderr
                    self.assertIn(said or "", told)

    def test_a_daemon_without_a_control_socket(self):
        site = self.filled(1)
        site.configure(admin={"socket": site.path("nowhere", "control.sock")})
        daemon = site.serve()
        self.assertIn("does not listen", self.ctl(site, "pause", ACCOUNT, code=75).stderr)
        self.assertEqual(daemon.stop(), 0)
        self.ctl(site, "pause", ACCOUNT)

    def test_a_stale_socket_is_no_daemon(self):
        site = self.filled(1)
        left = socket.socket(socket.AF_UNIX)
        left.bind(site.path("control.sock"))
        left.close()
        self.assertIn("does not run", self.ctl(site, "status").stdout)
        self.ctl(site, "pause", ACCOUNT)


@unittest.skipUnless(os.getuid() == 0, "needs root, to be somebody else")
class OtherUsers(OperatorTest):
    """Those whom the control socket's group or nothing lets in."""

    def open_to_others(self, site):
        os.chmod(site.directory, 0o755)
        os.chmod(site.config_file, 0o644)
        shutil.copy(CTL, site.path("onboardctl"))

    def ctl_as(self, site, group, *arguments, code=0, stdin=b""):
        ran = subprocess.run([site.path("onboardctl"), "--config", site.config_file, *arguments],
                             user=65534, group=group, extra_groups=[], input=stdin,
                             capture_output=True, timeout=BOUND, check=False)
        self.assertEqual(ran.returncode, code, (arguments, ran.stdout, ran.stderr))
        return (ran.stdout if code == 0 else ran.stderr).decode()

    def test_strangers_may_not_hand_jobs_in(self):
        site = self.filled(1)
        self.open_to_others(site)
        file = site.path("job.json")
        with open(file, "w", encoding="utf-8") as out:
            json.dump(site.oracle.make_job("new"), out)
        os.chmod(file, 0o644)
        self.assertIn("good", self.ctl_as(site, 65534, "check", file))
        for batch in ([], ["--batch", "night"]):
            with self.subTest(batch):
                said = self.ctl_as(site, 65534, "submit", *batch, file, code=77)
                self.assertIn("this user may not hand jobs in", said)

    def test_strangers_may_not_look_or_change(self):
        site, daemon = self.waiting(1)
        self.open_to_others(site)
        commands = (["status"], ["watch"], ["list"], ["show", "job-0"], ["explain", "job-0"],
                    ["report", "default"], ["hold", "job-0"], ["hold", "ALL"], ["pause", ACCOUNT])
        for command in commands:
            with self.subTest(command):
                said = self.ctl_as(site, 65534, *command, code=77)
                self.assertIn("may not speak with onboardd", said)
                self.assertEqual(said.count("\n"), 1)
        self.assertEqual(daemon.stop(), 0)
        for command in commands + (["fsck"],):
            with self.subTest(command, daemon=False):
                self.assertIn("this user may not", self.ctl_as(site, 65534, *command, code=77))

    def test_a_member_of_the_sockets_group_does_all_through_the_daemon(self):
        site, daemon = self.waiting(3, accounts=(ACCOUNT, OTHER))
        self.open_to_others(site)
        group = os.stat(site.path("control.sock")).st_gid
        self.assertEqual(os.stat(site.path("ledger", "ledger.db")).st_mode & 0o077, 0)
        for command in (["list"], ["list", "--state", "queued"], ["show", "job-0"],
                        ["show", ACCOUNT + "/job-1"], ["--json", "list"], ["--json", "show", "job-2"],
                        ["report", "default"], ["--json", "report", "default"]):
            with self.subTest(command):
                self.assertEqual(self.ctl_as(site, group, *command), self.ctl(site, *command).stdout)
        self.assertIn("was paused by the user", self.ctl_as(site, group, "explain", "job-0"))
        for wrong in (["show", "none"], ["explain", "none"], ["hold", "none"], ["report", "none"],
                      ["show", "x" * 5000]):
            self.assertIn("there is no ", self.ctl_as(site, group, *wrong, code=1))
        self.assertIn("queued -> held", self.ctl_as(site, group, "hold", "job-0", "-",
                                                    stdin=b"job-1\n"))
        self.assertIn("2 jobs now queued", self.ctl_as(site, group, "release", "ALL", "--state",
                                                       "held"))
        self.assertIn("goes on", self.ctl_as(site, group, "resume", ACCOUNT))
        for number in range(3):
            site.wait_for_outcome("job-%d" % number)
        site.drop(site.oracle.issue("job-1", OTHER))
        site.wait_for_outcome("job-1", OTHER)
        self.assertIn("several accounts", self.ctl_as(site, group, "hold", "job-1", code=1))
        self.assertEqual({one["fields"]["uid"] for one in daemon.events("operator")
                          if one["fields"]["command"] != "pause"}, {"65534"})
        self.assertEqual(daemon.stop(), 0)
        said = self.ctl_as(site, group, "list", code=77)
        self.assertIn("this user may not read it", said)
        site.oracle.judge(reports=False)

    def test_a_long_list_comes_in_portions(self):
        site, daemon = self.waiting(1)
        self.open_to_others(site)
        jobs = [site.oracle.issue("more-%04d" % number, batch="night") for number in range(1200)]
        site.drop_lines("night", jobs)
        eventually(lambda: len(self.lines(site, "list")) == 1201, "all jobs are taken in")
        group = os.stat(site.path("control.sock")).st_gid
        self.assertEqual(self.ctl_as(site, group, "--json", "list"),
                         self.ctl(site, "--json", "list").stdout)
        said = self.ctl_as(site, group, "hold", "-", stdin=b"x" * 3_000_000, code=1)
        self.assertRegex(said, r"^onboardctl: there is no job x+[^x]*\n$")
        self.assertLess(len(said), 250)
        names = "".join("more-%04d\n" % number for number in range(1200)).encode()
        told = self.ctl_as(site, group, "hold", "-", stdin=names)
        self.assertEqual(told.count("queued -> held"), 1200)
        self.assertEqual(daemon.stop(), 0)


class Terminal(OperatorTest):
    """What a person sees."""

    def start(self, site, *arguments, columns=100, **environment):
        main_end, terminal = pty.openpty()
        termios.tcsetwinsize(terminal, (24, columns))
        self.addCleanup(os.close, main_end)
        before = termios.tcgetattr(terminal)
        process = subprocess.Popen(
            [CTL, "--config", site.config_file, *arguments], stdin=terminal, stdout=terminal,
            stderr=terminal, env=dict(os.environ, TERM="xterm", **environment))
        self.addCleanup(process.kill)
        self.addCleanup(os.close, terminal)
        return process, main_end, lambda: termios.tcgetattr(terminal) == before

    def read_until(self, end, wanted):
        seen = b""
        bound = time.monotonic() + BOUND
        while wanted not in seen and time.monotonic() < bound:
            if select.select([end], [], [], 1)[0]:
                seen += os.read(end, 65536)
        self.assertIn(wanted, seen)
        return seen

    def test_watch_draws_and_gives_the_terminal_back(self):
        site, daemon = self.waiting(2)
        for how in ("q", signal.SIGINT, signal.SIGTERM):
            with self.subTest(how):
                process, end, is_as_before = self.start(site, "watch", "--interval", "0.1")
                seen = self.read_until(end, b"q ends this")
                self.assertIn(b"\x1b[?1049h", seen)
                self.assertIn(b"queued 2", seen)
                self.assertFalse(is_as_before())
                if how == "q":
                    os.write(end, b"q")
                else:
                    process.send_signal(how)
                self.read_until(end, b"\x1b[?1049l")
                self.assertEqual(process.wait(BOUND), 0)
                self.assertTrue(is_as_before())
        process, end, _ = self.start(site, "watch", "--interval", "0.1")
        self.read_until(end, b"queued 2")
        self.assertEqual(daemon.stop(), 0)
        self.read_until(end, b"does not run")  # and it goes on
        os.write(end, b"q")
        self.assertEqual(process.wait(BOUND), 0)

    def test_watch_gives_the_terminal_back_while_it_is_stopped(self):
        site, daemon = self.waiting(1)
        process, end, is_as_before = self.start(site, "watch", "--interval", "0.1")
        self.read_until(end, b"q ends this")
        process.send_signal(signal.SIGTSTP)
        self.read_until(end, b"\x1b[?1049l")
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        self.assertTrue(os.WIFSTOPPED(status))
        self.assertTrue(is_as_before())
        process.send_signal(signal.SIGCONT)
        self.read_until(end, b"\x1b[?1049h")
        self.read_until(end, b"q ends this")
        os.write(end, b"q")
        self.assertEqual(process.wait(BOUND), 0)
        self.assertEqual(daemon.stop(), 0)

    def test_sentences_are_broken_to_the_terminal(self):
        site, daemon = self.waiting(1)
        for command in (["explain", "job-0"], ["status"]):
            process, end, _ = self.start(site, *command, columns=50, NO_COLOR="1")
            seen = self.read_until(end, b"hold" if command[0] == "explain" else b"uid").decode()
            self.assertEqual(process.wait(BOUND), 0)
            lines = [line.rstrip("\r") for line in seen.split("\n")]
            broken = [line for line in lines if "uid" in line or "why:" in line]
            self.assertTrue(broken)
            self.assertTrue(all(len(line) <= 50 for line in broken), lines)
            if command[0] == "explain":
                self.assertGreater(max(map(len, self.ctl(site, *command).stdout.splitlines())), 80)
        self.assertEqual(daemon.stop(), 0)

    def test_watch_without_a_terminal_repeats_itself(self):
        site, daemon = self.waiting(2)
        text = self.ctl(site, "watch", "--looks", "2", "--interval", "0.1").stdout
        self.assertEqual(text.count("queued 2"), 2)
        first, second = self.lines(site, "watch", "--looks", "2", "--interval", "0.1")
        self.assertEqual(first["jobs_per_second"], 0)  # the daemon's own word
        self.assertEqual(second["jobs_per_second"], 0)
        self.ctl(site, "watch", "--interval", "0", code=2)
        self.assertEqual(daemon.stop(), 0)

    def test_colour_is_for_terminals_whose_user_wants_it(self):
        site = self.filled(1)
        for command, last in (("status", b"WAITS FOR"), ("list", b"refused 4")):
            for environment, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
                process, end, _ = self.start(site, command, **environment)
                seen = self.read_until(end, last)
                self.assertEqual(process.wait(BOUND), 0)
                self.assertEqual(b"\x1b[" in seen, coloured)
            self.assertNotIn("\x1b", self.ctl(site, command).stdout)

    def test_a_list_is_cut_to_the_terminal_and_not_elsewhere(self):
        site = self.filled(1)
        process, end, _ = self.start(site, "list", NO_COLOR="1")
        seen = self.read_until(end, "…".encode()).decode()
        self.assertEqual(process.wait(BOUND), 0)
        whole = self.ctl(site, "list").stdout
        (line,) = (one for one in whole.splitlines() if "rejected" in one)
        self.assertGreater(len(line), 100)
        (cut,) = (one.rstrip("\r") for one in seen.split("\n") if "rejected" in one)
        self.assertEqual(len(cut), 100)
        self.assertEqual(cut, line[:99] + "…")


if __name__ == "__main__":
    main()
