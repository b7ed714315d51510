"""The status page of a daemon at work, in a real browser."""

import os
import shutil
import socket
import sys
import unittest

from harness import ACCOUNT, OTHER, SystemTest, eventually, main

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../admin"))

import browser  # noqa: E402


@unittest.skipUnless(shutil.which("chromium"), "there is no chromium here")
class Browser(SystemTest):
    def night(self):
        """The address of a page with two accounts, a batch, cases, a refusal and a bad file."""
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            address = "127.0.0.1:%d" % unused.getsockname()[1]
        site = self.site(accounts=(ACCOUNT, OTHER))
        site.configure(admin={"socket": site.path("control.sock"), "http": address})
        site.sandbox.script({"refused": ["refuse"]})
        batch = "a-batch-with-a-rather-long-name-" + "x" * 60
        site.drop_lines(batch, [site.oracle.issue("job-%d" % n, batch=batch) for n in range(20)])
        site.drop(site.oracle.issue("refused"))
        site.drop(site.oracle.issue("other", OTHER))
        site.serve()
        eventually(lambda: site.sandbox.summary()["cases"] >= 21, "the cases are there")
        return "http://%s/" % address

    def test_it_renews_itself_and_runs_nothing_foreign(self):
        renewed, _ = browser.check_script(self.night())
        self.assertGreaterEqual(renewed, 2)

    def test_it_fits_narrow_and_wide_windows(self):
        address = self.night()
        for width in browser.WIDTHS:
            with self.subTest(width=width):
                browser.check_width(address, width)


if __name__ == "__main__":
    main()
