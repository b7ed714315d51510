"""The real program and a network that wants its token."""

import socket
import threading

from harness import SystemTest, main


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


if __name__ == "__main__":
    main()
