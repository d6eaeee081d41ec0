#!/usr/bin/env python3
# The initramfs maker: the same bytes each time, what was asked for inside, clear refusals.
# SPDX-License-Identifier: GPL-2.0-or-later
import gzip
import os
import subprocess
import tempfile

import tap

SCRIPT = os.path.join(tap.TOP, "scripts", "make-initramfs")


def make(folder, name, *options):
    path = os.path.join(folder, name)
    run = subprocess.run([SCRIPT, "-o", path, *options], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    with open(path, "rb") as f:
        return f.read()


def listing(blob):
    run = subprocess.run(["cpio", "-itv"], input=blob, capture_output=True, check=True)
    return run.stdout.decode()


def test_reproducible():
    with tempfile.TemporaryDirectory() as folder:
        first = make(folder, "a.gz")
        os.utime(folder, (1, 1))
        assert make(folder, "b.gz") == first
        assert gzip.decompress(first) == make(folder, "c")


def test_contents():
    with tempfile.TemporaryDirectory() as folder:
        script = os.path.join(folder, "script")
        with open(script, "w", encoding="utf-8") as f:
            f.write("echo hello\n")
        text = listing(make(folder, "a", "--run", script, "--add", f"{script}=/opt/deep/er/file",
                            "--program", "/usr/bin/env", "--program", "/usr/bin/env=/opt/other"))
        for wanted in ("bin/busybox", "etc/script", "opt/deep/er/file", "usr/bin/env", "opt/other", "init",
                       "bin/sh -> /bin/busybox", "libc.so.6"):
            assert wanted in text, wanted
        assert any(line.startswith("crw") and "5,   1" in line and "dev/console" in line
                   for line in text.splitlines()), text


def test_refusals():
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "x")
        for options in (["--busybox", "/nonexistent"], ["--busybox", "/usr/bin/env"],
                        ["--then", "explode"]):
            run = subprocess.run([SCRIPT, "-o", out, *options], capture_output=True, text=True,
                                 check=False)
            assert run.returncode != 0 and "Traceback" not in run.stderr, run.stderr
            assert not os.path.exists(out)


tap.main(globals())
