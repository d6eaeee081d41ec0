#!/usr/bin/env python3
# The check of the floors finds what it should: small trees with one offence each.
# SPDX-License-Identifier: GPL-2.0-or-later
import os
import subprocess
import tempfile

import tap

SCRIPT = os.path.join(tap.TOP, "scripts", "layers.py")


def offences(files):
    """Output lines of the check on a tree of {path: text}."""
    with tempfile.TemporaryDirectory() as top:
        for path, text in files.items():
            os.makedirs(os.path.dirname(os.path.join(top, path)), exist_ok=True)
            with open(os.path.join(top, path), "w", encoding="utf-8") as f:
                f.write(text)
        run = subprocess.run([SCRIPT, top], capture_output=True, text=True, check=False)
    lines = run.stdout.splitlines()[:-1]
    assert run.returncode == (1 if lines else 0), run.stdout + run.stderr
    return lines


def test_clean_tree():
    assert not offences({"util/a.h": "", "mem/b.c": '#include "util/a.h"\n',
                         "debug/d.c": '#include "mem/b.h"\n', "mem/b.h": ""})


def test_upward_include():
    found = offences({"debug/debug.h": "", "util/a.c": '#include "debug/debug.h"\n'})
    assert len(found) == 1 and "util/a.c: includes debug/debug.h" in found[0], found


def test_neighbour():
    found = offences({"chardev/c.h": "", "mem/a.c": '#include "chardev/c.h"\n'})
    assert len(found) == 1 and "mem/a.c" in found[0], found


def test_through_a_header():
    found = offences({"vm/vm.h": "", "accel/point.h": '#include "vm/vm.h"\n',
                      "util/a.c": '#include "accel/point.h"\n'})
    assert any("util/a.c: reaches up to vm/vm.h" in f for f in found), found


def test_word_headers_are_open():
    assert not offences({"cpu/regs.h": "", "gdbstub/x.c": '#include "cpu/regs.h"\n'})


def test_narrow_room():
    found = offences({"vm/vm.h": "", "gdbstub/x.c": '#include "vm/vm.h"\n'})
    assert len(found) == 1, found


def test_secret_header():
    found = offences({"mem/a_int.h": "", "debug/x.c": '#include "mem/a_int.h"\n'})
    assert any("secret" in f for f in found), found


def test_plug_and_executor():
    assert not offences({"accel/tcg/plug.h": "", "target/i386/tcg.c": '#include "accel/tcg/plug.h"\n'})
    assert offences({"target/i386/state.h": "", "accel/tcg/x.c": '#include "target/i386/state.h"\n'})


def test_conditionals():
    assert offences({"debug/a.c": "#ifdef CONFIG_KVM\n#endif\n"})
    assert offences({"debug/a.c": "#if defined(__x86_64__)\n#endif\n"})
    assert not offences({"accel/kvm/a.c": "#if defined(__x86_64__)\n#endif\n"})


def test_comments_are_not_code():
    assert not offences({"util/a.c": '/* #include "debug/debug.h"\n#ifdef CONFIG_KVM */\n',
                         "debug/debug.h": ""})


tap.main(globals())
