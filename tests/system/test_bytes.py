"""The whole program behind a proxy that ends the connections of POSTs at every byte: a sample, or
with ONBOARDD_EVERY_BYTE=1 every offset of requests and answers."""

import os
import random
import time

from cutting_proxy import ENDINGS, CuttingProxy, Cut
from harness import CLIENT, SystemTest, certificates, main, scaled

EVERY = os.environ.get("ONBOARDD_EVERY_BYTE") == "1"
CUTS_AT_ONCE = 2_000


class Cuts(SystemTest):
    def behind_a_proxy(self):
        site = self.site()
        pem = os.path.join(certificates(), "%s")
        proxy = CuttingProxy(pem % "server.pem", pem % "server.key", pem % "ca.pem",
                             site.sandbox.port)
        self.addCleanup(proxy.close)
        accounts = [{"id": account, "client_id": CLIENT, "in_flight_max": 32,
                     "client_secret_file": "${CREDENTIALS_DIRECTORY}/" + account,
                     "audience": site.sandbox.url + "/accounts/" + account,
                     "defaults": site.defaults} for account in site.accounts]
        site.configure(accounts=accounts,
                       provider={"base_url": "https://localhost:%d/v1" % proxy.port,
                                 "request_timeout": "1s"},
                       reconcile={"settle": "3s", "resend_max": 10}, log={"level": "info"})
        return site, proxy

    def cuts(self, sizes, chance):
        """Every offset, or some, by every ending, applied or not."""
        found = []
        for side, size in sizes.items():
            # Its last byte makes a request whole; an answer without its last byte is none.
            offsets = range(size)
            if not EVERY:
                some = {offsets[0], offsets[-1], *chance.sample(offsets, scaled(40, 12))}
                offsets = sorted(some)
            for offset in offsets:
                for ending in ENDINGS:
                    found.append(Cut(side, offset, ending, False))
                    if side == "answer":
                        found.append(Cut(side, offset, ending, True))
        return found

    def test_no_cut_loses_or_doubles_a_job(self):
        site, proxy = self.behind_a_proxy()
        chance = random.Random(int(os.environ.get("ONBOARDD_SEED", "20261124")))
        site.drop(site.oracle.issue("first-000000"))
        self.assertEqual(site.drain().code, 0)
        cuts = self.cuts(proxy.sizes, chance)
        chance.shuffle(cuts)
        began = time.monotonic()
        for first in range(0, len(cuts), CUTS_AT_ONCE):
            part = cuts[first:first + CUTS_AT_ONCE]
            for cut in part:
                proxy.plan.extend((cut, None))  # good ones between keep the breaker closed
            batch = "cuts-%06d" % first
            site.drop_lines(batch, [site.oracle.issue("job-%06d" % (2 * first + n), batch=batch)
                                    for n in range(2 * len(part))])
            daemon = site.drain(bound=3600)
            self.assertEqual(daemon.code, 0, daemon.log[-3000:])
            proxy.plan.clear()
        print("%d of %d cuts of POSTs in %.0f s, requests of %d bytes, answers of %d" % (
            proxy.played, len(cuts), time.monotonic() - began, proxy.sizes["request"],
            proxy.sizes["answer"]))
        site.oracle.judge()
        self.assertGreaterEqual(proxy.played, 0.9 * len(cuts))


if __name__ == "__main__":
    main()
