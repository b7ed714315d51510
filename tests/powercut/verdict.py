"""What must hold on a disk after a power cut: looked up in its files, and by the daemon's next run.

A fault is (kind, text); the kinds: lost (a job that was handed off is nowhere), twice (a case that
the ledger does not know of would be opened again), half (a file is not whole), ledger (it cannot be
read), outcome (one that the ledger calls published is not there), changed (an outcome that somebody
has seen is another one now), wrong (the next run does not end well)."""

import glob
import json
import os
import re
import sqlite3

from harness import ACCOUNT, FINAL
from recording import Bench, site_on

QUEUED, SUBMITTING, DEFERRED = 1, 2, 4  # include/onboardd/ledger/job.hpp
ROWS = ("SELECT account.name, reference, state, revision, published FROM job"
        " JOIN account ON account.id = job.account")


def read_ledger(root, faults):
    """{(account, reference): (state, revision, published)}; opened as SQLite does after a crash."""
    name = os.path.join(root, "ledger", "ledger.db")
    if not os.path.exists(name):
        return {}
    try:
        link = sqlite3.connect(name)
        try:
            (verdict,) = link.execute("PRAGMA integrity_check").fetchone()
            if verdict != "ok":
                faults.append(("ledger", verdict))
            return {(account, reference): tuple(rest)
                    for account, reference, *rest in link.execute(ROWS)}
        finally:
            link.close()
    except sqlite3.Error as ex:
        faults.append(("ledger", str(ex)))
        return {}


def content_of(*parts):
    try:
        with open(os.path.join(*parts), "rb") as file:
            return file.read()
    except OSError:
        return None


def check_hand_offs(root, handed, rows, faults):
    for one in handed:
        if content_of(root, "spool", "incoming", one.name) == one.data:
            continue
        if one.is_no_job():
            if content_of(root, "spool", "rejected", one.name) != one.data:
                faults.append(("lost", one.name + ": neither in incoming/ nor in rejected/"))
            continue
        for duty in one.duties:
            if (ACCOUNT, duty.job["reference"]) not in rows:
                faults.append(("lost", "%s of %s" % (duty.job["reference"], one.name)))


def check_cases(cases, rows, faults):
    """What the provider has is known to have been asked for."""
    for case in cases:
        reference = json.loads(case["body"])["case_request"]["referenceId"]
        row = rows.get((case["account"], reference))
        if row is None or row[0] in (QUEUED, DEFERRED):
            faults.append(("twice", "%s: the provider has it, the ledger says %s" % (
                reference, "nothing" if row is None else row[0])))


def check_whole(root, faults):
    """Every visible file of ours is whole JSON."""
    for pattern in ("outcomes/*/*.json", "spool/rejected/*.reason.json"):
        for name in glob.glob(os.path.join(root, pattern)):
            try:
                told = json.loads(content_of(name) or b"")
                if "/reports/" not in name and pattern[0] == "o" and told["state"] not in FINAL:
                    raise ValueError("state " + told["state"])
            except (ValueError, KeyError) as ex:
                faults.append(("half", "%s: %s" % (os.path.relpath(name, root), ex)))


def check_published(root, rows, faults):
    for (account, reference), (_, _, published) in rows.items():
        if not published:
            continue
        data = content_of(root, "outcomes", account, reference + ".json")
        try:
            there = json.loads(data)["revision"] if data else 0
        except ValueError:
            continue  # check_whole() has told
        if there < published:
            faults.append(("outcome", "%s: revision %d was published, %d is there" % (
                reference, published, there)))


def look(root, facts, cut):
    """The quick check: only files and rows are looked at."""
    faults = []
    rows = read_ledger(root, faults)
    check_hand_offs(root, facts.handed(cut.time), rows, faults)
    check_cases(facts.cases_until(cut.time), rows, faults)
    check_whole(root, faults)
    check_published(root, rows, faults)
    return faults


def remove_unfinished(site):
    """What producers had not renamed yet is theirs."""
    for at, _, names in os.walk(site.incoming):
        for name in names:
            if name.startswith(".") and name.endswith(".tmp"):
                os.unlink(os.path.join(at, name))


def expect(site, facts, cut):
    """What the oracle must find: all that was handed off, and of the file that was being handed off
    at the cut what has arrived."""
    for one in facts.hand_offs:
        if one.begin > cut.time:
            continue
        done = one.end is not None and one.end <= cut.time
        for duty in one.duties:
            key = ACCOUNT, duty.job["reference"]
            if done or site.outcome(key[1]):
                site.oracle.obligations[key] = duty


def run_daemon(root, facts, cut, sandbox):
    """The whole check: the provider as it was, the daemon again, then the oracle."""
    bench = Bench()
    sandbox.control("/load", facts.cases_until(cut.time))
    site = site_on(bench, root, sandbox)
    try:
        remove_unfinished(site)
        daemon = site.drain()
        if daemon.code not in (0, 3):
            return [("wrong", "code %d: %s" % (daemon.code, daemon.log[-600:]))]
        expect(site, facts, cut)
        site.oracle.judge()
        return compare_with_seen(site, facts, cut)
    except AssertionError as ex:
        text = str(ex)
        kind = ("twice" if "created twice" in text else
                "lost" if "without an outcome" in text else "wrong")
        return [(kind, text[:1500])]
    finally:
        bench.doCleanups()


def compare_with_seen(site, facts, cut):
    faults = []
    for time, (_, reference), case in facts.seen:
        told = site.outcome(reference)
        if time <= cut.time and (told is None or (told["case"] or {}).get("id") != case):
            faults.append(("changed", reference))
    return faults


def summary_of(faults):
    return "; ".join("%s: %s" % (kind, re.sub(r"\s+", " ", text)) for kind, text in faults)
