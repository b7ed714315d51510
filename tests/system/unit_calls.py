"""The system calls that the units list (SystemCallFilter=), and how to run a program with no others.

ONBOARDD_LISTED_CALLS names tests/seccomp's program for that: with it, every daemon of the system
tests runs as it would in its unit, and a test that makes it call something else fails.
ONBOARDD_SANITIZER_CALLS: what the sanitizers of a build call besides."""

import functools
import os
import subprocess

PROGRAM = os.environ.get("ONBOARDD_LISTED_CALLS", "")
UNIT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../systemd/onboardd.service")

AS_ROOT = {"fchown"}  # SQLite gives what it makes to the ledger's owner, where it runs as root


@functools.cache
def calls_of(group):
    """The names in one of systemd's groups of calls, such as @default."""
    listing = subprocess.run(["systemd-analyze", "syscall-filter", group], check=True,
                             capture_output=True, text=True).stdout
    lines = [line.strip() for line in listing.splitlines() if line.startswith("    ")]
    return names_of(line for line in lines if not line.startswith("#"))


def names_of(words):
    return set().union(*(calls_of(word) if word.startswith("@") else {word} for word in words))


def unit_calls():
    """What the unit allows. No line of it takes calls away again."""
    words = ["@default"]  # which systemd always adds
    with open(UNIT, encoding="utf-8") as file:
        for line in file:
            if line.startswith("SystemCallFilter="):
                words += line.partition("=")[2].split()
    return names_of(words)


def under_the_list(report):
    """The command that runs another one. `report` gets the names of all calls that are not listed."""
    allowed = unit_calls() | AS_ROOT | set(os.environ.get("ONBOARDD_SANITIZER_CALLS", "").split())
    return [PROGRAM, "--report", report, ",".join(sorted(allowed))]


def is_possible():
    """Whether the kernel allows that here."""
    return subprocess.run([*under_the_list(os.devnull), "/bin/true"], check=False).returncode != 77
