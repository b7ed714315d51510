"""check_queries.py METRICS_CPP RULES DASHBOARD README: every metric that a rule, a panel or the README names
is one that onboardd serves, and every metric that it serves is told of in the README; every query is PromQL."""

import json
import re
import shutil
import subprocess
import sys
import tempfile


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def served(source):
    plain = set(re.findall(r'\b(?:gauge|counter_of)\(\s*"([a-z_]+)"', source))
    histograms = set(re.findall(r'\bhistogram_of\(\s*"([a-z_]+)"', source))
    assert len(plain) > 20 and len(histograms) > 5, "the source is not read rightly"
    return plain, histograms


def expressions(dashboard):
    found = []
    for panel in dashboard["panels"]:
        assert panel["title"] and panel["targets"], panel["id"]
        found += [target["expr"] for target in panel["targets"]]
    found += [one["expr"] for one in dashboard["annotations"]["list"]]
    found += [re.match(r"label_values\((.*), \w+\)$", one["query"])[1]
              for one in dashboard["templating"]["list"] if one["type"] == "query"]
    return found


def names_in(text):
    return set(re.findall(r"\b((?:onboardd|process)_[a-z_]+)\b", text))


def parse(queries):
    """promtool reads rules only, so each query becomes one."""
    rules = [{"record": "q:%d" % number, "expr": re.sub(r"\$__(rate_)?interval", "5m", query)}
             for number, query in enumerate(queries)]
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        json.dump({"groups": [{"name": "queries", "rules": rules}]}, file)
        file.flush()
        done = subprocess.run(["promtool", "check", "rules", file.name], capture_output=True,
                              text=True, check=False)
    return [] if done.returncode == 0 else [done.stdout + done.stderr]


def main():
    plain, histograms = served(read(sys.argv[1]))
    known = plain | {name + end for name in histograms for end in ("_bucket", "_sum", "_count")}
    queries = expressions(json.loads(read(sys.argv[3])))
    faults = []
    for where, text in (("rules", "\n".join(re.findall(r"expr: (.*(?:\n {10}.*)*)", read(sys.argv[2])))),
                        ("dashboard", "\n".join(queries))):
        faults += ["%s: no such metric: %s" % (where, name) for name in names_in(text) - known]
    readme = read(sys.argv[4])
    told = names_in(readme[readme.index("### Metrics"):readme.index("### Alerts and")])
    short = {"onboardd_requests_in_flight_limit", "onboardd_requests_in_flight_limit_max"}
    faults += ["README: not told of: %s" % name for name in plain | histograms if
               name not in told | short]
    faults += ["README: no such metric: %s" % name for name in told - plain - histograms]
    faults += parse(queries) if shutil.which("promtool") else []
    print("\n".join(faults) or "%d metrics, %d queries, all good" % (len(plain) + len(histograms),
                                                                    len(queries)))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
