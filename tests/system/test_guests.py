#!/usr/bin/env python3
# The embedded guests in every mode, on both backends, on one and several vCPUs. Prints TAP.
# usage: test_guests.py GLASSBOX GUEST64 GUEST64-PLAIN GUEST32 GUEST32-PLAIN
# SPDX-License-Identifier: GPL-2.0-or-later
import re
import subprocess
import sys

GLASSBOX = sys.argv[1]
IMAGES = dict(zip(("guest64", "guest64-plain", "guest32", "guest32-plain"), sys.argv[2:]))
TIMEOUT = 600

# mode, its options, vCPUs, images, what must be in the output; every run must end with "exit 0" and status 1,
# which is what isa-debug-exit makes of 0.
ALL = tuple(IMAGES)
MODES = [
    ("tour", "rounds=200", 1, ALL, []),
    ("smp", "cpus=2", 2, ALL, ["cpus = 2"]),
    ("smp", "cpus=4", 4, ("guest64",), ["cpus = 4"]),
    ("debugregs", "rounds=300", 1, ALL, ["other traps = 0"]),
    ("stress", "cpus=1 rounds=400", 1, ALL, []),
    ("stress", "cpus=4 rounds=300", 4, ("guest64", "guest32"), []),
    ("faults", "", 1, ALL, []),
    # The design's own figure: rewritten and executed a million times on two vCPUs.
    ("rewrite", "cpus=2 rounds=1000000", 2, ("guest64",), ["rounds = 1000000", "wrong = 0"]),
    ("bench", "rounds=300", 1, ("guest64", "guest32"), []),
]

count = 0
failed = 0


def report(name, ok, why):
    global count, failed
    count += 1
    failed += not ok
    print(f"{'ok' if ok else 'not ok'} {count} {name}")
    for line in why.splitlines() if not ok else []:
        print(f"# {line}")
    sys.stdout.flush()


def run(image, backend, mode, options, cpus):
    command = [GLASSBOX, "-accel", f"tcg,backend={backend}", "-kernel", IMAGES[image], "-smp", str(cpus),
               "-append", f"mode={mode} {options}", "-device", "isa-debug-exit,iobase=0x501,iosize=2",
               "-display", "none", "-serial", "stdio"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired as e:
        return None, (e.output or b"").decode(errors="replace")
    return done.returncode, done.stdout.decode(errors="replace").replace("\r", "")


def results(text):
    """The lines that must not depend on the backend."""
    return re.findall(r"^guest: .*", text, re.M)


def check(image, mode, options, cpus, wanted):
    outputs = {}
    for backend in ("jit", "interp"):
        status, text = run(image, backend, mode, options, cpus)
        ok = status == 1 and "guest: exit 0" in text and all(w in text for w in wanted)
        report(f"{image} {backend} {mode} {options}", ok, f"status {status}\n{text}")
        outputs[backend] = results(text)
    report(f"{image} {mode} {options}: backends agree", outputs["jit"] == outputs["interp"],
           "\n".join(outputs["jit"] + ["--"] + outputs["interp"]))


for mode, options, cpus, images, wanted in MODES:
    for image in images:
        check(image, mode, options, cpus, wanted)
print(f"1..{count}")
sys.exit(1 if failed else 0)
