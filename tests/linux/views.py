#!/usr/bin/env python3
# Debian's kernel as the debug core shows it: its place, backtraces and core files. Prints TAP.
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: views.py PROBE (built by tests/system/guest-probe.c)"""
import os
import re
import subprocess
import sys
import tempfile

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
for place in ("scripts", "gdb", os.path.join("tests", "tools")):
    sys.path.insert(0, os.path.join(TOP, place))
import session  # noqa: E402
import tap  # noqa: E402
from glassbox_gdb import image, kallsyms  # noqa: E402

PROBE = sys.argv[1]
KERNEL = session.fetch_kernel()
SYMBOLS = kallsyms.SymbolTable(kallsyms.parse(image.KernelImage(KERNEL).data))
BUSY = "echo busy\nwhile :; do :; done\n"


def probe(folder, *words, append=""):
    initrd = session.make_initramfs(folder, "views.cpio.gz", BUSY)
    run = subprocess.run([PROBE, KERNEL, initrd, append, "256", "1", "symbols", KERNEL, *words],
                         capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


def slides(lines):
    return {line.split()[1] for line in lines if line.startswith("slide ")}


def test_place_seen_from_user_space():
    """With page table isolation nothing but the entries is mapped there."""
    with tempfile.TemporaryDirectory() as folder:
        lines = probe(folder, "find", "3", "bt", "0", "find", "0", "bt", "0", "find", "3", append="pti=on")
    assert len(slides(lines)) == 1 and sum(w.startswith("slide") for w in lines) == 3, lines
    assert " ?? " in lines[1] + " ", lines


def test_backtrace_through_an_interrupt():
    with tempfile.TemporaryDirectory() as folder:
        lines = probe(folder, "find", "3", "until", "tick_sched_timer", "bt", "0", "modules")
    assert lines.pop() == "modules 0", lines
    names = [w.split()[3].split("+")[0] for w in lines if w.startswith("#")]
    # What it interrupts is chance: user space, a system call or a fault of it, or the kernel's own thread.
    assert names[0] == "tick_sched_timer" and names[5] == "asm_sysvec_apic_timer_interrupt", lines
    assert names[-1] == "??" and re.match("asm_|entry_", names[-2]) or "??" not in names and lines[-1] == "end", lines
    hows = {w.split()[2] for w in lines if w.startswith("#")}
    assert hows == {"registers", "orc"}, lines


def test_core_files():
    with tempfile.TemporaryDirectory() as folder:
        core = os.path.join(folder, "core")
        lines = probe(folder, "find", "3", "find", "0", "core", core, "core-paging", core + "2")
        slide = int(slides(lines).pop(), 16)
        banner = SYMBOLS.address("linux_banner") + slide
        text = subprocess.run(["gdb", "-q", "-nx", "-batch", "-ex", f"core-file {core}2", "-ex", f"x/s {banner:#x}"],
                              capture_output=True, text=True, timeout=200, check=True).stdout
        assert '"Linux version 6' in text, text
        notes = subprocess.run(["readelf", "-nW", core], capture_output=True, text=True, check=True)
        assert "VMCOREINFO" in notes.stdout and not notes.stderr, notes
        with open(core, "rb") as f:
            info = f.read(1 << 20)
        at = info.index(b"KERNELOFFSET=")
        assert int(info[at + 13:info.index(b"\n", at)], 16) == slide
        loads = re.findall(r"LOAD +\S+ 0x(\S+)", subprocess.run(
            ["readelf", "-lW", core + "2"], capture_output=True, text=True, check=True).stdout)
        assert all(int(a, 16) < int(b, 16) for a, b in zip(loads, loads[1:]))
        assert any(int(a, 16) >> 63 for a in loads)


tap.main(globals())
