#!/usr/bin/env python3
# The example project docs/examples/kernel-ci, copied out of the tree as a user would do: it builds,
# its test passes, and fails where the kernel is wrong. Prints TAP.
# usage: test-kernel-ci.py EMULATOR EXAMPLE
# SPDX-License-Identifier: GPL-2.0-or-later
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))
import tap  # noqa: E402

EMULATOR, EXAMPLE = (os.path.abspath(a) for a in sys.argv[1:3])
TIMEOUT = 240


class Copy:
    """The project in a folder of its own, with the kernel changed or not."""

    def __init__(self, old=None, new=None):
        self.old, self.new = old, new

    def __enter__(self):
        self.top = tempfile.mkdtemp(prefix="glassbox-kernel-ci-")
        self.folder = os.path.join(self.top, "project")
        shutil.copytree(EXAMPLE, self.folder, ignore=shutil.ignore_patterns("*.o", "*.elf"))
        path = os.path.join(self.folder, "kernel.c")
        with open(path, encoding="utf-8") as f:
            text = f.read()
        if self.old:
            assert text.count(self.old) == 1, self.old
            with open(path, "w", encoding="utf-8") as f:
                f.write(text.replace(self.old, self.new))
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.top)

    def make(self, *args):
        env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "CC")}
        return subprocess.run(["make", "-C", self.folder, f"GLASSBOX={EMULATOR}", *args], env=env,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              stdin=subprocess.DEVNULL, timeout=TIMEOUT, check=False)


def test_passes():
    with Copy() as project:
        p = project.make("test")
        assert p.returncode == 0, p.stdout
        assert "debug-test: passed, twice in the same way" in p.stdout, p.stdout
        assert p.stdout.count("time: 99993981 ns") == 2, p.stdout       # as its README says


def test_debugger_notices():
    with Copy("tasks[current].slices++;", "tasks[current].slices += 2;") as project:
        p = project.make("test")
        assert p.returncode != 0, p.stdout
        assert re.search(r"^not so: tasks\[0\]", p.stdout, re.M), p.stdout


def test_kernel_notices():
    with Copy("enum { TIMER_VECTOR = 0x20, HZ = 100, TICKS = 10, TASKS = 2 };",
              "enum { TIMER_VECTOR = 0x20, HZ = 100, TICKS = 9, TASKS = 2 };") as project:
        p = project.make("test")
        assert p.returncode != 0, p.stdout
        assert "debug-test: the kernel ended with status 35, not 33" in p.stdout, p.stdout


def test_ci_files_run_it():
    for name in ".gitlab-ci.yml", ".github/workflows/debug.yml":
        with open(os.path.join(EXAMPLE, name), encoding="utf-8") as f:
            text = f.read()
        assert "make test GLASSBOX=glassbox-source/build/system/glassbox" in text, name
        assert "\t" not in text, name


if __name__ == "__main__":
    tap.main(globals())
