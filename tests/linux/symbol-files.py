#!/usr/bin/env python3
# The program's reading of Debian's kernel image against the gdb helper's; TAP output.
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: symbol-files.py DUMP (built by tests/tools/symbols-dump.c)"""
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
    print(f"1..{len(checks)}")
    for i, (text, ok) in enumerate(checks, 1):
        print(f"{'ok' if ok else 'not ok'} {i} - {text}")
    return 0 if all(ok for _, ok in checks) else 1


sys.exit(main())
