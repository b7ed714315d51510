#!/usr/bin/env python3
"""Measures onboardd against the sandbox. Called by run.sh, which makes and removes the directory.

Each run has a fresh directory, which stays until the end: on some file systems (ext4 without a
journal, for one) mass deletes make the creation of files slow for a while. Runs of different kinds
take turns, so that a machine that drifts does so for all of them. Of each figure the median is
shown, with the lowest and the highest.

CPU is user and system time of the process as wait4() tells it, from start to end, so a run also
pays for loading the program, opening the ledger, the token and the report. What that comes to is
measured with runs of no job and told; the comparison of large with small runs leaves it out.
"""

import argparse
import base64
import json
import os
import pathlib
import platform
import re
import shutil
import ssl
import statistics
import subprocess
import sys
import time
import urllib.request

ACCOUNT = "T12345678"
CLIENT = "bench"
SECRET = "a-secret-for-measuring"
IN_FLIGHT = 64

CONFIG = """\
provider:
  base_url: {url}
  ca_file: {tls}/ca.pem
  connections_max: {in_flight}
accounts:
  - id: {account}
    client_id: {client}
    client_secret_file: {tls}/secret
    in_flight_max: {in_flight}
spool: {{directory: "{run}/spool", settle: 0s}}
outcomes: {{directory: "{run}/outcomes"}}
ledger: {{url: "sqlite://{run}/ledger.db"}}
admin: {{socket: "{run}/control.sock"}}
log: {{level: info, format: json}}
"""


class Measured:
    """What one process did."""

    def __init__(self, seconds, cpu_seconds, peak_kib, code):
        self.seconds = seconds
        self.cpu_seconds = cpu_seconds
        self.peak_kib = peak_kib
        self.code = code
        self.commits = None  # of the daemon's ledger, where it says so


def pinned_to(processor):
    """For preexec_fn. With a single processor there is nothing to choose."""
    chosen = sorted(os.sched_getaffinity(0))
    return lambda: os.sched_setaffinity(0, {chosen[processor % len(chosen)]})


def peak_of(pid):
    """VmHWM in KiB. ru_maxrss would not do: it begins with the size of this script."""
    try:
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"^VmHWM:\s+(\d+) kB", text, re.MULTILINE)
    return int(found.group(1)) if found else 0


def sync(directory):
    """What was written before is not to be paid by the run that follows."""
    subprocess.run(["sync", "-f", directory], check=True)


def measure(command, output):
    """Runs `command` on the second processor to its end. `output`: where its words go."""
    with open(output, "wb") as file:
        began = time.monotonic()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                                 preexec_fn=pinned_to(1))
        peak = 0
        while True:
            pid, status, used = os.wait4(child.pid, os.WNOHANG)
            if pid != 0:
                break
            peak = max(peak, peak_of(child.pid))
            time.sleep(0.01)
        seconds = time.monotonic() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    return Measured(seconds, used.ru_utime + used.ru_stime, peak, child.returncode)


class Sandbox:
    def __init__(self, programs, directory):
        self.tls = directory / "tls"
        script = pathlib.Path(__file__).resolve().parent.parent / "sandbox" / "make-certificates.sh"
        subprocess.run(["sh", str(script), str(self.tls)], check=True, capture_output=True)
        secret = self.tls / "secret"
        secret.write_text(SECRET)
        secret.chmod(0o600)
        ready = directory / "ready.json"
        self.process = subprocess.Popen(
            [programs / "onboardd-sandbox", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0",
             "--cert", self.tls / "server.pem", "--key", self.tls / "server.key",
             "--client", f"{ACCOUNT}:{CLIENT}:{SECRET}", "--ready-file", ready],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, preexec_fn=pinned_to(0))
        while not ready.exists():
            if self.process.poll() is not None:
                sys.exit("the sandbox does not start")
            time.sleep(0.02)
        addresses = json.loads(ready.read_text())
        self.url = addresses["url"]
        self.control_url = addresses["control"]
        trusted = ssl.create_default_context(cafile=str(self.tls / "ca.pem"))
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}),
                                                  urllib.request.HTTPSHandler(context=trusted))

    def control(self, page, body=None):
        data = None if body is None else json.dumps(body).encode()
        with self.opener.open(self.control_url + page, data=data) as answer:
            return json.load(answer)

    def token(self):
        """For curl, which cannot fetch one by itself."""
        pair = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        audience = f"{self.url}/accounts/{ACCOUNT}"
        request = urllib.request.Request(
            f"{audience}/auth/token",
            data=json.dumps({"grant_type": "client_credentials", "audience": audience}).encode(),
            headers={"Authorization": f"Basic {pair}", "Content-Type": "application/json"})
        with self.opener.open(request) as answer:
            return json.load(answer)["access_token"]

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Bench:
    def __init__(self, options):
        self.options = options
        self.directory = options.directory
        self.sandbox = Sandbox(options.programs, options.directory)
        self.runs = 0

    def fresh_directory(self):
        self.runs += 1
        run = self.directory / f"run-{self.runs:03}"
        run.mkdir()
        return run

    def generate(self, count, into, lines):
        command = [self.options.programs / "onboardd-generate", "--out", into, "--count", str(count),
                   "--accounts", ACCOUNT]
        if lines:
            command += ["--jsonl", str(count)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def check(self, what, count, wrong):
        """A figure of a run that lost or doubled something is worth nothing."""
        seen = self.sandbox.control("/summary")
        if seen["cases"] != count or seen["duplicated"] != 0:
            wrong.append(f"{seen['cases']} cases for {count} jobs, {seen['duplicated']} more than once")
        if wrong:
            sys.exit(f"{what}, {count} jobs: " + "; ".join(wrong))

    def daemon(self, count, lines=False, wrapper=()):
        run = self.fresh_directory()
        incoming = run / "spool" / "incoming"
        incoming.mkdir(parents=True)
        if count > 0:
            self.generate(count, incoming, lines)
        config = run / "onboardd.yaml"
        config.write_text(CONFIG.format(url=self.sandbox.url, tls=self.sandbox.tls, run=run,
                                        account=ACCOUNT, client=CLIENT, in_flight=IN_FLIGHT))
        self.sandbox.control("/reset", {})
        sync(run)
        told = run / "told"
        seen = measure([*wrapper, self.options.programs / "onboardd", "--config", config, "--drain"],
                       told)
        wrong = [] if seen.code == 0 else [f"exit status {seen.code}: {told.read_text()[-2000:]}"]
        account = run / "outcomes" / ACCOUNT
        outcomes = len(os.listdir(account)) if account.exists() else 0
        if outcomes != count:
            wrong.append(f"{outcomes} outcomes")
        self.check("onboardd", count, wrong)
        found = re.search(r"commits\W+(\d+)", told.read_text())
        seen.commits = int(found[1]) if found else None
        return seen

    def curl(self, count):
        """The same bodies by `curl --parallel`: no checks, no record, no retry, answers not synced."""
        run = self.fresh_directory()
        self.generate(count, run / "jobs", False)
        address = f"{self.sandbox.url}/accounts/{ACCOUNT}/management/settings/cdd/cases"
        (run / "bodies").mkdir()
        (run / "answers").mkdir()
        lines = []
        self.sandbox.control("/reset", {})
        token = self.sandbox.token()
        for job in sorted((run / "jobs").iterdir()):
            content = json.loads(job.read_text())
            body = content["case"]
            body["case_request"]["referenceId"] = content["reference"]
            file = run / "bodies" / job.name
            file.write_text(json.dumps(body, ensure_ascii=False, separators=(",", ":")))
            lines += [f'url = "{address}"', f'data-binary = "@{file}"', "silent", "http1.1", "fail",
                      f'output = "{run}/answers/{job.name}"', f'cacert = "{self.sandbox.tls}/ca.pem"',
                      f'header = "Authorization: Bearer {token}"',
                      'header = "Content-Type: application/json"', "next"]
        (run / "curlrc").write_text("\n".join(lines[:-1]) + "\n")
        sync(run)
        seen = measure(["curl", "--disable", "--noproxy", "*", "--parallel", "--parallel-max",
                        str(IN_FLIGHT), "--config", run / "curlrc"], run / "told")
        wrong = [] if seen.code == 0 else [f"exit status {seen.code}"]
        answers = len(os.listdir(run / "answers"))
        if answers != count:
            wrong.append(f"{answers} answers")
        self.check("curl", count, wrong)
        return seen

    def fsyncs(self, count, lines):
        """Calls that wait for the disk in one run, counted by strace in a run of its own."""
        told = self.directory / f"strace-{self.runs}"
        self.daemon(count, lines, ["strace", "-f", "--seccomp-bpf", "-o", told,
                                   "-e", "trace=fsync,fdatasync,syncfs"])
        # A call that another thread interrupts is two lines: "fsync(3 <unfinished ...>" and "<... fsync resumed>".
        with open(told, encoding="utf-8") as lines_told:
            return sum(1 for line in lines_told if re.match(r"\d+\s+\w*sync\w*\(", line))


def spread(values, digits):
    middle = f"{statistics.median(values):,.{digits}f}"
    return f"{middle} ({min(values):,.{digits}f}-{max(values):,.{digits}f})"


def describe_machine(directory):
    model = re.search(r"^model name\s*:\s*(.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    kind = subprocess.run(["findmnt", "-n", "-o", "FSTYPE", "-T", directory], capture_output=True, text=True)
    print(f"{os.cpu_count()} x {model.group(1) if model else platform.machine()}, "
          f"Linux {platform.release()}, {kind.stdout.strip()}")
    load = os.getloadavg()[0]
    print(f"load before: {load:.2f}" + ("; NOT QUIET: do not trust these figures" if load > 0.5 else ""))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=pathlib.Path, required=True)
    parser.add_argument("--directory", type=pathlib.Path, required=True)
    parser.add_argument("--repeats", type=int, default=5, help="of each run [5]")
    parser.add_argument("--modes", default="files,lines,curl,fsyncs,latency",
                        help="what to measure, separated by commas [all: files,lines,curl,fsyncs,latency]")
    parser.add_argument("--latency", type=int, default=100, help="of an answer in latency mode, ms [100]")
    parser.add_argument("--json", type=pathlib.Path, help="all single results go there")
    parser.add_argument("counts", metavar="COUNT", type=int, nargs="*", help="jobs of a run")
    options = parser.parse_args()
    options.counts = sorted(options.counts or [1_000, 10_000, 100_000])
    options.modes = options.modes.split(",")
    if "curl" in options.modes and not shutil.which("curl"):
        options.modes.remove("curl")
        print("no curl here: no yardstick")
    if "fsyncs" in options.modes and not shutil.which("strace"):
        options.modes.remove("fsyncs")
        print("no strace here: fsyncs are not counted")
    return options


def measure_throughput(bench, options):
    """All repeats of all modes and counts: {(mode, count): [Measured...]}."""
    ways = {"files": lambda count: bench.daemon(count),
            "lines": lambda count: bench.daemon(count, lines=True),
            "curl": bench.curl}
    seen = {}
    for repeat in range(options.repeats):
        for count in options.counts:
            for mode in (mode for mode in ways if mode in options.modes):
                one = ways[mode](count)
                seen.setdefault((mode, count), []).append(one)
                print(f"  {repeat + 1}/{options.repeats} {mode} {count}: {count / one.seconds:,.0f} jobs/s, "
                      f"{one.cpu_seconds / count * 1e6:,.1f} us", file=sys.stderr)
    return seen


def commits_of(runs):
    """Durable commits of the ledger, which all transitions share that wait at one moment."""
    known = [one.commits for one in runs if one.commits is not None]
    return f"{statistics.median(known):,.0f}" if known else "-"


def show_throughput(seen, empty, options):
    fixed = statistics.median(one.cpu_seconds for one in empty)
    print(f"\na run of no job: {statistics.median(one.seconds for one in empty) * 1e3:,.0f} ms, "
          f"of these {fixed * 1e3:,.0f} ms CPU\n")
    print("| mode | jobs | jobs/s | CPU us/job | peak RSS MiB | commits |\n"
          "| --- | ---: | ---: | ---: | ---: | ---: |")
    for (mode, count), runs in seen.items():
        print(f"| {mode} | {count:,} | {spread([count / one.seconds for one in runs], 0)} "
              f"| {spread([one.cpu_seconds / count * 1e6 for one in runs], 1)} "
              f"| {max(one.peak_kib for one in runs) / 1024:.1f} | {commits_of(runs)} |")
    print()
    first, last = options.counts[0], options.counts[-1]
    for mode in ("files", "lines"):
        if first != last and (mode, first) in seen:
            small, large = (statistics.median(max(one.cpu_seconds - fixed, 0) for one in seen[mode, count]) / count
                            for count in (first, last))
            if small > 0:
                print(f"{mode}: CPU of a job at {last:,} jobs is {large / small:.2f} of that at {first:,} "
                      f"({large * 1e6:.1f} and {small * 1e6:.1f} us without the fixed part)")
    for mode in ("files", "lines"):
        for count in options.counts:
            if (mode, count) in seen and ("curl", count) in seen:
                ours, theirs = (statistics.median(one.cpu_seconds for one in seen[name, count])
                                for name in (mode, "curl"))
                print(f"{mode}, {count:,} jobs: {ours / theirs:.2f} of the CPU of curl --parallel")


def show_fsyncs(bench, options):
    count = min(10_000, options.counts[-1])
    for mode in ("files", "lines"):
        if mode in options.modes:
            calls = bench.fsyncs(count, mode == "lines")
            print(f"{mode}: {calls:,} calls of fsync, fdatasync and syncfs for {count:,} jobs, "
                  f"{calls / count:.2f} a job")


def show_latency(bench, options):
    count = min(10_000, options.counts[-1])
    bound = IN_FLIGHT / (options.latency / 1000)
    bench.sandbox.control("/settings", {"latency": options.latency})
    rates = [count / bench.daemon(count).seconds for _ in range(min(3, options.repeats))]
    bench.sandbox.control("/settings", {"latency": 0})
    print(f"\nlatency {options.latency} ms, {count:,} jobs, {IN_FLIGHT} in flight: {spread(rates, 0)} jobs/s, "
          f"{statistics.median(rates) / bound:.3f} of the bound {bound:,.0f}/s, start and end included")


def main():
    options = parse_arguments()
    describe_machine(options.directory)
    bench = Bench(options)
    try:
        bench.daemon(min(1_000, options.counts[0]))  # warms up
        empty = [bench.daemon(0) for _ in range(options.repeats)]
        seen = measure_throughput(bench, options)
        show_throughput(seen, empty, options)
        print()
        if "fsyncs" in options.modes:
            show_fsyncs(bench, options)
        if "latency" in options.modes:
            show_latency(bench, options)
    finally:
        bench.sandbox.stop()
    if options.json:
        options.json.write_text(json.dumps([{"mode": mode, "jobs": count, **vars(one)}
                                            for (mode, count), runs in seen.items() for one in runs], indent=1))


if __name__ == "__main__":
    main()
