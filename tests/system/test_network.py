"""The real program and a network that wants its token."""

import ctypes
import os
import socket
import subprocess
import threading

from harness import SystemTest, main, need, scaled


class Canary:
    """Listens, and remembers whether anybody came."""

    def __init__(self, test):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.visits = 0
        threading.Thread(target=self.accept, daemon=True).start()
        test.addCleanup(self.listener.close)

    def accept(self):
        while True:
            try:
                link, _ = self.listener.accept()
            except OSError:
                return
            self.visits += 1
            link.close()


class Elsewhere(SystemTest):
    def test_proxies_of_the_environment_are_not_asked(self):
        canary = Canary(self)
        site = self.site()
        site.drop(site.oracle.issue("direct"))
        proxy = "http://127.0.0.1:%d" % canary.port
        names = ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
        daemon = site.drain(environment={**dict.fromkeys(names, proxy), "no_proxy": ""})
        self.assertEqual(daemon.code, 0, daemon.log[-2000:])
        site.oracle.judge()
        self.assertEqual(canary.visits, 0)

    def test_no_redirect_of_a_token_a_post_or_a_list_is_followed(self):
        site = self.site()
        # The stand-in's redirects lead to a place of its own that counts visits; judge() looks.
        site.sandbox.settings(token_fault="redirect-302:first=1",
                              list_fault="redirect-307:first=1")
        site.sandbox.script({"moved": ["redirect-308"], "lost": ["500-after"]})
        for reference in ("moved", "lost", "fine"):
            site.drop(site.oracle.issue(reference))
        daemon = site.drain()
        self.assertEqual(daemon.code, 0, daemon.log[-2000:])
        site.oracle.judge()


class BadLine(SystemTest):
    """A network of our own that loses packets, or lets few through."""

    CLONE_NEWNET = 0x40000000

    def setUp(self):
        super().setUp()
        need(self, "ip", "tc", "nft")
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(self.CLONE_NEWNET) != 0:  # of this thread and all it starts from now on
            self.skipTest("no network of our own: " + os.strerror(ctypes.get_errno()))
        self.change("ip", "link", "set", "lo", "up")

    def change(self, *command, given=None):
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            self.skipTest("this kernel cannot: " + done.stderr.strip())

    def run_jobs(self, spoil):
        site = self.site()
        site.configure(accounts=[dict(site.settings()["accounts"][0], in_flight_max=4)])
        jobs = [site.oracle.issue("job-%02d" % n, batch="jobs") for n in range(scaled(40, 20))]
        site.drop_lines("jobs", jobs)
        spoil(site.sandbox.port)
        daemon = site.drain(patience="5m", bound=600)
        self.assertEqual(daemon.code, 0, daemon.log[-3000:])
        site.oracle.judge()
        summary = site.sandbox.summary()
        self.assertEqual((summary["cases"], summary["duplicated"]), (len(jobs), 0))

    def test_a_third_of_all_packets_is_lost(self):
        def lose(port):
            rule = "numgen random mod 100 < 30 drop"
            self.change("nft", "-f", "-", given="""
                table ip line {
                    chain input {
                        type filter hook input priority 0;
                        tcp dport %d %s
                        tcp sport %d %s
                    }
                }""" % (port, rule, port, rule))
        self.run_jobs(lose)

    def test_64_kbit_a_second(self):
        self.run_jobs(lambda port: self.change(
            "tc", "qdisc", "add", "dev", "lo", "root", "tbf", "rate", "64kbit", "burst", "70kb",
            "latency", "2s"))


if __name__ == "__main__":
    main()
