"""A hostile spool before the real program: floods of files, and names and bytes that nobody may
print as they are."""

import os
import unicodedata

from harness import ACCOUNT, SCALE, SystemTest, main


class Flood(SystemTest):
    def test_100000_files_at_once(self):
        """With sanitizers (a scale below 1) fewer."""
        count = 100_000 if SCALE >= 1 else int(10_000 * SCALE)
        site = self.site(provider={"connections_max": 128})
        for number in range(count):
            site.drop(site.oracle.issue("flood-%06d" % number))
        daemon = site.drain(bound=3600)
        self.assertEqual(daemon.code, 0, daemon.log[-2000:])
        self.assertEqual(site.sandbox.posts(), count)
        site.oracle.judge()


HOSTILE = {
    "escape": b"\x1b]0;owned\x07\x1b[31m.json",
    "newline": b"a\n{\"level\":\"error\"}.json",
    "return": b"a\rb.json",
    "not-utf-8": b"\xff\xfe\xc3.json",
    "c1": "a\u009b31mb.json".encode(),
    "bidi": "a\u202egnp.json".encode(),
    "255-bytes": b"x" * 250 + b".json",
    "255-bytes-not-utf-8": b"\xc3" * 250 + b".json",
    "dash": b"--config.json",
    "percent": b"%s%n%x.json",
    "shell": b"$(touch owned);`id`.json",
    "sql": b"'; DROP TABLE job;--.json",
}


class Names(SystemTest):
    def check_output(self, data):
        text = data.decode("utf-8")  # bad UTF-8 would throw
        for char in text:
            self.assertTrue(char == "\n" or unicodedata.category(char) not in ("Cc", "Cf"),
                            "%r in %r" % (char, text[-500:]))

    def test_hostile_names_and_bytes_reach_no_log_and_no_path(self):
        for style in ("json", "text"):
            with self.subTest(style):
                site = self.site(log={"format": style, "level": "debug"})
                where = os.fsencode(site.incoming)
                for number, name in enumerate(HOSTILE.values()):
                    body = b"no job \x1b[31m\xff" if number % 2 else b'{"reference": "\x1b[31m"}'
                    with open(os.path.join(where, name), "wb") as file:
                        file.write(body)
                os.mkdir(os.path.join(where, b"\x1b[31m batch \xff"))
                with open(os.path.join(where, b"\x1b[31m batch \xff", b"y.jsonl"), "wb") as file:
                    file.write(b"\x1b[31m\n\xff\n")
                site.drop(site.oracle.issue("fine"))

                daemon = site.drain()

                self.assertEqual(daemon.code, 3)
                self.assertEqual(site.outcome("fine", ACCOUNT)["state"], "created")
                for path in (daemon.log_file, daemon.out_file):
                    with open(path, "rb") as file:
                        self.check_output(file.read())
                self.assertEqual(sorted(set(os.listdir(site.outcomes)) - {".ledger"}),
                                 [ACCOUNT, "reports"])
                self.assertFalse([name for name in os.listdir(site.directory) if "owned" in name])
                reasons = [name for name in os.listdir(os.fsencode(site.rejected))
                           if name.endswith(b".reason.json")]
                self.assertGreaterEqual(len(reasons), len(HOSTILE))
                for name in reasons:
                    with open(os.path.join(os.fsencode(site.rejected), name), "rb") as file:
                        self.check_output(file.read())


if __name__ == "__main__":
    main()
