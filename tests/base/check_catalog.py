"""check_catalog.py MESSAGE_IDS_CPP CATALOG SOURCES README: the catalog explains exactly the events that have an id,
each of them is logged somewhere, and journalctl takes it. The README says what to do about each warning and error."""

import os
import re
import shutil
import subprocess
import sys
import tempfile


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def compile_catalog(path):
    with tempfile.TemporaryDirectory() as root:
        place = os.path.join(root, "usr/lib/systemd/catalog")
        os.makedirs(place)
        os.makedirs(os.path.join(root, "var/lib/systemd/catalog"))
        shutil.copy(path, os.path.join(place, "onboardd.catalog"))
        done = subprocess.run(["journalctl", "--root", root, "--update-catalog"],
                              capture_output=True, text=True, check=False)
        listed = subprocess.run(["journalctl", "--root", root, "--list-catalog"],
                                capture_output=True, text=True, check=False)
    return done, listed.stdout


def main():
    ids = dict(re.findall(r'\{"([a-z_]+)", "([0-9a-f]{32})"\}', read(sys.argv[1])))
    explained = re.findall(r"^-- ([0-9a-f]{32})$", read(sys.argv[2]), re.MULTILINE)
    sources = "".join(read(os.path.join(where, name))
                      for where, _, names in os.walk(sys.argv[3]) for name in names
                      if name.endswith(".cpp") and name != "message_ids.cpp")
    faults = ["%s is logged nowhere" % event for event in ids if '"%s"' % event not in sources]
    faults += ["%s is not explained" % event for event in ids if ids[event] not in explained]
    faults += ["%s is nobody's" % one for one in explained if one not in ids.values()]
    wanted = set(re.findall(r'\b(?:warning|error)\(\s*"([a-z_]+)"', sources))
    table = read(sys.argv[4]).split("### When things go wrong")[1].split("\n## ")[0]
    faults += ["the README does not say what to do about %s" % event
               for event in sorted(wanted) if "`%s`" % event not in table]
    if len(wanted) < 20:
        faults.append("the sources log in a way that is not understood here")
    if len(set(explained)) != len(explained) or len(set(ids.values())) != len(ids):
        faults.append("an id is there twice")
    if shutil.which("journalctl"):
        done, listed = compile_catalog(sys.argv[2])
        if done.returncode != 0:
            faults.append(done.stderr)
        elif "Unrecognized" not in done.stderr:
            faults += ["journalctl does not list %s" % one for one in explained if one not in listed]
    print("\n".join(faults) or "%d events, all explained" % len(ids))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
