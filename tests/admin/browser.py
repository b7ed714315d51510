"""browser.py URL [DIRECTORY]: looks at the status page in Debian's chromium, headless; run by hand.

Takes the page from a running daemon (admin.http) and serves it with its own fields, each time with another title
and a hostile batch name beside it: the script has to show the newest, and the policy has to let the page's own style
and script through and nothing else. Then screenshots of the real page: 400 and 1,400 pixels, light and dark.
"""

import http.server
import os
import re
import subprocess
import sys
import tempfile
import threading
import urllib.request

HOSTILE = "&lt;img src=x onerror=alert(1)&gt;"


def chromium(*options):
    with tempfile.TemporaryDirectory() as profile:
        return subprocess.run(
            ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             "--user-data-dir=" + profile, "--enable-logging=stderr", *options],
            capture_output=True, text=True, check=True, timeout=120)


class Again(http.server.BaseHTTPRequestHandler):
    served = 0
    page = ""
    policy = ""

    def do_GET(self):
        if self.path != "/":
            self.send_error(404)
            return
        Again.served += 1
        text = Again.page.replace("<h2>Tonight</h2>", "<h2>Tonight %d %s</h2>"
                                  "<b onclick=\"document.title='bad'\">x</b>"
                                  % (Again.served, HOSTILE)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Security-Policy", Again.policy)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def check_script(url):
    with urllib.request.urlopen(url) as answer:
        Again.page = answer.read().decode()
        Again.policy = answer.headers["Content-Security-Policy"]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Again)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    seen = chromium("--virtual-time-budget=10000", "--dump-dom",
                    "http://127.0.0.1:%d/" % server.server_port)
    server.shutdown()
    shown = int(re.search(r"Tonight (\d+)", seen.stdout)[1])
    assert shown >= 3, "it does not renew itself: version %d of %d" % (shown, Again.served)
    assert HOSTILE in seen.stdout, "foreign text stays text"
    refused = [line for line in seen.stderr.splitlines() if "CONSOLE" in line]
    unexpected = [line for line in refused if "inline event handler" not in line]
    assert not unexpected, "\n".join(unexpected)
    print("renewed itself %d times; console: %d refusals of the planted handler"
          % (shown - 1, len(refused)))


def take_pictures(url, directory):
    for width, height in ((400, 2200), (1400, 1250)):
        for mode, scheme in (("light", 1), ("dark", 0)):
            name = os.path.join(directory, "page-%d-%s.png" % (width, mode))
            chromium("--window-size=%d,%d" % (width, height), "--virtual-time-budget=1500",
                     "--blink-settings=preferredColorScheme=%d" % scheme, "--screenshot=" + name, url)
            print(name)


def main():
    check_script(sys.argv[1])
    take_pictures(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ".")


if __name__ == "__main__":
    main()
