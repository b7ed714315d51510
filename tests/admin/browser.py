"""browser.py URL [DIRECTORY]: looks at the status page in Debian's chromium, headless. The system tests do, too.

Takes the page from a running daemon (admin.http) and serves it with its own fields, each time with another title
and a hostile batch name beside it: the script has to show the newest, and the policy has to let the page's own style
and script through and nothing else. Then how wide it gets, and screenshots of the real page: 400 and 1,400 pixels,
light and dark.
"""

import contextlib
import http.server
import os
import re
import subprocess
import sys
import tempfile
import threading
import urllib.request

HOSTILE = "&lt;img src=x onerror=alert(1)&gt;"
WIDTHS = (400, 1400)


def chromium(*options):
    with tempfile.TemporaryDirectory() as profile:
        return subprocess.run(
            ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             "--user-data-dir=" + profile, "--enable-logging=stderr", *options],
            capture_output=True, text=True, check=True, timeout=120)


class Again(http.server.BaseHTTPRequestHandler):
    """Serves what change() makes of the page."""

    def do_GET(self):
        if self.path not in ("/", "/unchanged"):
            self.send_error(404)
            return
        self.server.served += 1
        text = self.server.page.encode()
        if self.path == "/":
            text = self.server.change(self.server.page, self.server.served).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        if self.server.policy:
            self.send_header("Content-Security-Policy", self.server.policy)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving(url, change, keep_policy=True):
    """The address of the page as change(page, number of the request) has it."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Again)
    with urllib.request.urlopen(url) as answer:
        server.page = answer.read().decode()
        server.policy = answer.headers["Content-Security-Policy"] if keep_policy else None
    server.change = change
    server.served = 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield "http://127.0.0.1:%d/" % server.server_port
    finally:
        server.shutdown()
        server.server_close()


def in_frame(width, height):
    """A frame may be as narrow as a telephone, a window of chromium's may not."""
    return ("<!doctype html><title>not yet</title><body style='margin:0'>"
            "<iframe src=/unchanged style='border:0;width:%dpx;height:%dpx' onload=\""
            "document.title = 'wide ' + contentWindow.innerWidth + ' ' + "
            "contentDocument.documentElement.scrollWidth\"></iframe>" % (width, height))


def check_script(url):
    """How often it has renewed itself, and how often the planted handler was refused."""
    def change(page, number):
        return page.replace("<h2>Tonight</h2>", "<h2>Tonight %d %s</h2>"
                            "<b onclick=\"document.title='bad'\">x</b>" % (number, HOSTILE))

    with serving(url, change) as address:
        seen = chromium("--virtual-time-budget=10000", "--dump-dom", address)
    shown = int(re.search(r"Tonight (\d+)", seen.stdout)[1])
    assert shown >= 3, "it does not renew itself: version %d is the last" % shown
    assert HOSTILE in seen.stdout, "foreign text stays text"
    refused = [line for line in seen.stderr.splitlines() if "CONSOLE" in line]
    unexpected = [line for line in refused if "inline event handler" not in line]
    assert not unexpected, "\n".join(unexpected)
    return shown - 1, len(refused)


def check_width(url, width):
    """Nothing of it is wider than `width` pixels."""
    with serving(url, lambda *_: in_frame(width, 1000), keep_policy=False) as address:
        seen = chromium("--window-size=1600,1000", "--virtual-time-budget=1500", "--dump-dom", address)
    frame, page = map(int, re.search(r"<title>wide (\d+) (\d+)</title>", seen.stdout).groups())
    assert frame == width, "the frame is %d wide, not %d" % (frame, width)
    assert page <= frame, "in %d pixels the page takes %d" % (frame, page)


def take_pictures(url, directory):
    for width, height in zip(WIDTHS, (2200, 1250)):
        for mode, scheme in (("light", 1), ("dark", 0)):
            name = os.path.join(directory, "page-%d-%s.png" % (width, mode))
            with serving(url, lambda *_: in_frame(width, height), keep_policy=False) as address:
                chromium("--window-size=%d,%d" % (width, height), "--virtual-time-budget=1500",
                         "--blink-settings=preferredColorScheme=%d" % scheme, "--screenshot=" + name,
                         address)
            print(name)


def main():
    print("renewed itself %d times; console: %d refusals of the planted handler"
          % check_script(sys.argv[1]))
    for width in WIDTHS:
        check_width(sys.argv[1], width)
    take_pictures(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ".")


if __name__ == "__main__":
    main()
