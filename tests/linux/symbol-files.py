#!/usr/bin/env python3
# The program's reading of Debian's kernel image against the gdb helper's; TAP output.
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: symbol-files.py DUMP UNWIND (built by tests/tools/*-dump.c)"""
import bisect
import os
import random
import subprocess
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(TOP, "scripts"))
sys.path.insert(0, os.path.join(TOP, "gdb"))
import session  # noqa: E402
from glassbox_gdb import image, kallsyms  # noqa: E402

SECONDS = 10        # allowed for loading; it takes about one


def guest_of_nonsense(kernel, rounds):
    """A list of modules in memory of noise: an answer each time, whatever it is."""
    pointers = [0xFFFFFFFF82000000 + 64 * i for i in range(40)]
    run = subprocess.Popen([sys.argv[2], kernel], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    answers = 0
    for _ in range(rounds):
        run.stdin.write("modules\n")
        for _ in range(200000):
            run.stdin.flush()
            line = run.stdout.readline()
            if not line.startswith("read "):
                answers += line.startswith(("modules ", "error "))
                break
            size = int(line.split()[2], 16)
            raw = random.choice(pointers).to_bytes(8, "little") if size == 8 else \
                random.randrange(20).to_bytes(4, "little") if size == 4 else \
                (b"name%d" % random.randrange(99)).ljust(56, b"\0") if size == 56 else \
                random.randbytes(size) if random.random() < 0.5 else bytes(size)
            run.stdin.write((raw.hex() if random.random() < 0.999 else "-") + "\n")
    run.stdin.close()
    run.stdout.close()
    return answers == rounds and run.wait(20) == 0


def main():
    kernel = session.fetch_kernel()
    table = kallsyms.parse(image.KernelImage(kernel).data)
    places = [s for s in table if s.addr >> 63 and s.type not in "aA"]
    starts = sorted({s.addr for s in places})
    first = {}
    for s in places:
        first.setdefault(s.addr, s.name)
    asked = [random.randrange(starts[0], starts[-1]) for _ in range(5000)] + starts[:-1]
    run = subprocess.run([sys.argv[1], kernel], input="".join(f"{a:x}\n" for a in asked), text=True,
                         capture_output=True, timeout=120, check=True)
    lines = run.stdout.splitlines()
    want = {}
    for s in table:
        rank = 0 if s.type.isupper() else 1 if s.type in "wv" else 2
        if s.name not in want or rank < want[s.name][0]:
            want[s.name] = (rank, s.addr)
    rows = {r.split()[2]: int(r.split()[0], 16) for r in lines[:len(want)]}
    checks = [("names and addresses", rows == {n: a for n, (_, a) in want.items()})]
    wrong = []
    for addr, got in zip(asked, lines[len(want):]):
        start = starts[bisect.bisect_right(starts, addr) - 1]
        if got != first[start] + (f"+{addr - start:#x}" if addr > start else ""):
            wrong.append((hex(addr), got))
    checks.append((f"places {wrong[:5]}", not wrong and len(lines) == len(want) + len(asked)))
    seconds = float(run.stderr.split()[-2])
    checks.append((f"loaded in {seconds} s", seconds < SECONDS))
    checks.append(("a list of modules of nonsense", guest_of_nonsense(kernel, 5)))
    print(f"1..{len(checks)}")
    for i, (text, ok) in enumerate(checks, 1):
        print(f"{'ok' if ok else 'not ok'} {i} - {text}")
    return 0 if all(ok for _, ok in checks) else 1


sys.exit(main())
