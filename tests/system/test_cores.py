#!/usr/bin/env python3
# Core files and backtraces of the embedded guests, compared with gdb. Prints TAP.
# usage: test_cores.py PROBE GLASSBOX GUEST64 GUEST32
# SPDX-License-Identifier: GPL-2.0-or-later
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "scripts"))
sys.path.insert(0, os.path.join(HERE, "..", "tools"))
import session  # noqa: E402
import tap  # noqa: E402

PROBE, GLASSBOX, GUEST64, GUEST32 = sys.argv[1:5]
TOUR = "mode=tour rounds=3"
# Places on the way of the tour: starts of functions, their middle, and behind a prologue.
PLACES = ("factorial", "factorial+1", "factorial+4", "shape_area", "scale+4", "mean", "shape_make+1")


def probe(kernel, *words, append=TOUR, mib=32, cpus=1, binary=False):
    run = subprocess.run([PROBE, kernel, "", append, str(mib), str(cpus), "symbols", kernel,
                          *(str(w) for w in words)], capture_output=True, timeout=100, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout if binary else run.stdout.decode().splitlines()


def gdb(kernel, core, *commands):
    words = ["gdb", "-q", "-nx", "-batch", "-ex", "set width 0", "-ex", "set pagination off"]
    for c in (f"file {kernel}", f"core-file {core}", *commands):
        words += ["-ex", c]
    run = subprocess.run(words, capture_output=True, text=True, timeout=100, check=True)
    bad = [w for w in run.stderr.splitlines() if "warning" in w.lower() and "more recent" not in w]
    assert not bad, bad
    return run.stdout


def frames_of_gdb(text):
    """(name, pc) of each frame after the mark; frame 0 shows no pc at a line's start."""
    text = text[max(0, text.find("@bt@")):]
    return [(m.group(2), int(m.group(1), 16) if m.group(1) else None)
            for m in re.finditer(r"^#\d+ +(?:0x([0-9a-f]+) in )?(\w+) \(", text, re.M)]


def frames_of_probe(lines):
    found = [line.split() for line in lines if line.startswith("#")]
    return [(w[3].split("+")[0], int(w[1], 16)) for w in found]


def same_frames(own, theirs):
    assert len(own) == len(theirs), (own, theirs)
    for a, b in zip(own, theirs):
        assert a[0] == b[0] and b[1] in (None, a[1]), (own, theirs)


def readelf(path):
    run = subprocess.run(["readelf", "-aW", path], capture_output=True, text=True, check=True)
    assert not run.stderr and "arning" not in run.stdout, run.stderr or run.stdout
    return run.stdout


def test_backtraces_by_cfi():
    with tempfile.TemporaryDirectory() as folder:
        for place in PLACES:
            core = os.path.join(folder, "core")
            lines = probe(GUEST64, "until", place, "until", place, "bt", 0, "core", core)
            assert lines[-2] == "end" and " cfi " in lines[1], lines
            same_frames(frames_of_probe(lines), frames_of_gdb(gdb(GUEST64, core, r"echo @bt@\n", "bt")))


def test_backtraces_by_frame_pointer():
    """Without tables the unoptimised functions have frame pointers, the others' frames are missing."""
    with tempfile.TemporaryDirectory() as folder:
        plain = os.path.join(folder, "plain.elf")
        subprocess.run(["objcopy", "--strip-debug", GUEST64, plain], check=True)
        for place in ("factorial", "factorial+1", "factorial+5", "scale+4"):
            want = frames_of_probe(probe(GUEST64, "until", place, "until", place, "bt", 0))
            lines = probe(plain, "until", place, "until", place, "bt", 0)
            got = frames_of_probe(lines)
            assert " fp " in lines[1] and "cfi" not in "".join(lines), lines
            known = [f for f in want if f[0] not in ("guest_main", "enter64")]
            assert got[:len(known)] == known, (got, want)


def test_backtraces_of_32_bits():
    """Compared with gdb on the program itself, at the same places."""
    for place in ("factorial", "shape_area", "mean"):
        lines = probe(GUEST32, "until", place, "until", place, "bt", 0)
        port = session.free_port()
        with session.Machine(GLASSBOX, ["-S", "-kernel", GUEST32, "-append", TOUR],
                             port=f"{port},arch=i386"), session.Gdb(files=[GUEST32]) as live:
            live.run(f"target remote 127.0.0.1:{port}")
            live.run(f"hbreak *{place}")
            live.run("continue")
            live.run("continue")
            theirs = frames_of_gdb(live.run("bt"))
        same_frames(frames_of_probe(lines), theirs)


def test_no_symbols_and_no_code():
    run = subprocess.run([PROBE, GUEST64, "", "", "32", "1", "bt", "0", "run", "50", "bt", "0"],
                         capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.count("#0 ") == 2 and run.stdout.count("end") == 2, run.stdout


def test_core_equals_session():
    with tempfile.TemporaryDirectory() as folder:
        core = os.path.join(folder, "core")
        # Points lie in what is dumped; their bytes must not.
        lines = probe(GUEST64, "until", "scale", "until", "mean", "until", "factorial", "until", "scale+4",
                      "regs", 0, "mem", "0x100000", "0x5000", "core", core, "core-paging", core + "2")
        regs = {w.split()[1]: int(w.split()[2], 16) for w in lines if w.startswith("reg ")}
        memory = bytes.fromhex(next(w for w in lines if w.startswith("mem "))[4:])
        for path in (core, core + "2"):
            readelf(path)
            text = gdb(GUEST64, path, f"dump binary memory {folder}/mem 0x100000 0x105000",
                       "info all-registers", "print samples", "print last_shape", "info threads")
            with open(f"{folder}/mem", "rb") as f:
                assert f.read() == memory
            shown = dict(re.findall(r"^(\w+) +(0x[0-9a-f]+|\d+)\b", text, re.M))
            for name in ("rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 rip eflags cs ss ds "
                         "es fs gs fctrl fstat ftag fop mxcsr").split():
                if name in regs:
                    assert int(shown[name], 0) == regs[name], (name, shown[name], regs[name])
            assert "corners = 4" in text and "LWP 1" in text
            assert re.search(r"^xmm0 .*v2_double = \{", text, re.M), "no vector registers"
        assert os.stat(core).st_blocks * 512 < 2 << 20, "the file is not sparse"
        with open(GUEST64, "rb") as f:
            assert memory[0x20:0x3000] in f.read(), "code is not as it was linked"


def test_every_cpu():
    with tempfile.TemporaryDirectory() as folder:
        core = os.path.join(folder, "core")
        probe(GUEST64, "run", 300, "core", core, append="mode=stress cpus=4 rounds=100000", cpus=4)
        text = gdb(GUEST64, core, "info threads")
        assert len(re.findall(r"LWP [1-4] ", text)) == 4, text
        assert readelf(core).count("NT_PRSTATUS") == 4


def test_while_running():
    with tempfile.TemporaryDirectory() as folder:
        core = os.path.join(folder, "core")
        lines = probe(GUEST64, "core-running", core, append="mode=stress cpus=2 rounds=100000", cpus=2)
        assert lines[-1] == "running 1 0", lines
        readelf(core)
        assert "LWP 2" in gdb(GUEST64, core, "info threads")


def test_pipe_and_appended_file():
    with tempfile.TemporaryDirectory() as folder:
        core = os.path.join(folder, "core")
        with open(core, "wb") as f:
            f.write(b"\xff" * (40 << 20))       # what was there before must not show
        piped = probe(GUEST64, "until", "factorial", "core", "-", binary=True)
        probe(GUEST64, "until", "factorial", "core", core)
        with open(core, "rb") as f:
            assert f.read() == piped


def test_part_of_memory():
    with tempfile.TemporaryDirectory() as folder:
        core = os.path.join(folder, "core")
        lines = probe(GUEST64, "until", "factorial", "core-part", "0x100000", "0x5000", core, "mem", "0x100000",
                      "0x5000", "core-part", "0xd0000000", "0x1000", core + "2", "core-part", "0", "0", core + "2",
                      "core-part", "0x1fff000", "0xffffffffffffffff", core + "3")
        assert len(re.findall(r"LOAD .*0x0*100000 0x0*100000 0x0*5000 ", readelf(core))) == 1
        gdb(GUEST64, core, f"dump binary memory {folder}/mem 0x100000 0x105000")
        with open(f"{folder}/mem", "rb") as f:
            assert f.read().hex() == next(w for w in lines if w.startswith("mem "))[4:]
        assert [w for w in lines if w.startswith("error")] == [
            "error there is no memory in that range", "error an empty range of memory makes no core file"]
        assert re.search(r"LOAD .*0x0*1fff000 0x0*1fff000 0x0*1000 ", readelf(core + "3"))


def test_disk_full_and_reader_gone():
    lines = probe(GUEST64, "core", "/dev/full")
    assert lines == ["error the core file cannot be written: No space left on device"], lines
    run = subprocess.run(f"'{PROBE}' '{GUEST64}' '' '' 32 1 core - 2>&1 | head -c 100000 | wc -c",
                         shell=True, capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.strip() == "100000", run.stdout


tap.main(globals())
