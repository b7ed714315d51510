"""A sheet of sellers becomes one batch, or nothing."""

import os
import random

from harness import ACCOUNT, HERE, main, organization_number
from test_ctl import CtlTest

EXAMPLE = os.path.join(HERE, "..", "..", "etc", "import-map.yaml")
HEAD = "Seller;Name;Payout destination;Organization number;Checks;Sign;Remark"


class Import(CtlTest):
    def sheet(self, site, name, lines, encoding="utf-8-sig"):
        path = site.path(name)
        with open(path, "w", encoding=encoding, newline="") as file:
            file.write("\r\n".join([HEAD, *lines]) + "\r\n")
        return path

    def lines_for(self, site, count, batch):
        chance = random.Random(1)
        lines = []
        for number in range(count):
            reference = "seller-%d" % number
            organization = organization_number(chance)
            lines.append('%s;"Bjørnøya ""%d"" AS";dest-%d;%s;KYC|AML;yes;canary-person-Ragnhild' %
                         (reference, number, number, organization))
            site.oracle.promise({
                "account": ACCOUNT, "reference": reference,
                "case": {"products": ["payout"],
                         "case_for": {"payout_destination_name": 'Bjørnøya "%d" AS' % number,
                                      "payout_destination_id": "dest-%d" % number},
                         "case_request": {"countryCode": "NO", "organizationNumber": organization,
                                          "checks": ["KYC", "AML"],
                                          "requireContractSigning": True}}}, batch)
        return lines

    def test_a_sheet_becomes_a_batch(self):
        site = self.site()
        sheet = self.sheet(site, "night.csv", self.lines_for(site, 20, "night"))
        told = self.ctl(site, "import", sheet, "--map", EXAMPLE, "--dry-run").stdout
        self.assertEqual(told, "20 jobs would be handed off as batch night\n")
        self.assertEqual(site.spool_files(), [])
        self.ctl(site, "import", sheet, "--map", EXAMPLE)
        self.assertEqual(site.spool_files(), ["night.jsonl"])
        self.ctl(site, "import", sheet, "--map", EXAMPLE, code=1)  # nothing is replaced
        self.assertEqual(os.listdir(site.incoming), ["night.jsonl"])
        self.assertEqual(site.drain().code, 0)
        site.oracle.judge()

    def test_nothing_is_handed_off_if_a_line_is_bad(self):
        site = self.site()
        lines = self.lines_for(site, 3, "other")
        sheet = self.sheet(site, "night.csv", lines + ["seller-x;N;;987654321;;;", "seller-y;1",
                                                       lines[0]])
        text = self.ctl(site, "import", sheet, "--map", EXAMPLE, code=3).stdout.splitlines()
        self.assertRegex(text[0], r"night\.csv:5:13: Organization number: ")
        self.assertRegex(text[1], r"night\.csv:6:1: this line has 2 fields; allowed: 7")
        self.assertRegex(text[2], r"night\.csv:7:1: this is the same job as in line 2")
        self.assertEqual(text[3], "nothing was handed off: 3 jobs, 3 bad lines")
        self.assertEqual(os.listdir(site.incoming), [])
        *faults, summary = self.lines(site, "import", sheet, "--map", EXAMPLE, "--skip-bad",
                                      "--batch", "other", code=3)
        self.assertEqual([(one["line"], one["name"]) for one in faults],
                         [(5, "Organization number"), (6, None), (7, None)])
        self.assertEqual(summary, {"kind": "summary", "batch": "other", "jobs": 3, "bad": 3,
                                   "handed_off": True})
        self.assertEqual(site.spool_files(), ["other.jsonl"])
        self.assertEqual(site.drain().code, 0)
        site.oracle.judge()

    def test_wrong_use_is_told(self):
        site = self.site()
        sheet = self.sheet(site, "night.csv", ["seller-1;;;;;;"])
        self.ctl(site, "import", code=2)
        self.ctl(site, "import", sheet, code=2)
        self.ctl(site, "import", sheet, "--map", EXAMPLE, "--batch", "../up", code=2)
        self.ctl(site, "import", site.path("none.csv"), "--map", EXAMPLE, code=1)
        self.ctl(site, "import", sheet, "--map", site.path("none.yaml"), code=1)
        wrong = site.path("map.yaml")
        with open(wrong, "w", encoding="utf-8") as file:
            file.write("columns: {Seller: reference}\nrows: 1\n")
        told = self.ctl(site, "import", sheet, "--map", wrong, code=3).stderr
        self.assertIn("map.yaml:1:19: columns.Seller: must be a JSON pointer", told)
        self.assertIn("map.yaml:2:1: rows", told)
        latin = self.sheet(site, "latin.csv", ["seller-1;Bjørnøya;;;;;"], encoding="latin-1")
        self.assertIn("latin.csv:2:12: this is not UTF-8",
                      self.ctl(site, "import", latin, "--map", EXAMPLE, code=3).stdout)
        empty = self.sheet(site, "empty.csv", [])
        self.ctl(site, "import", empty, "--map", EXAMPLE, code=3)
        self.assertEqual(os.listdir(site.incoming), [])


if __name__ == "__main__":
    main()
