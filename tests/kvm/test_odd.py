#!/usr/bin/env python3
# A KVM that cannot be had, is too old, or lacks something: what the user is told, and what goes on. Prints TAP.
# usage: test_odd.py GLASSBOX KERNEL ODD-KVM.so
# SPDX-License-Identifier: GPL-2.0-or-later
"""The cases of the first kind need no /dev/kvm; the others are skipped where there is none."""
import errno
import os
import re
import subprocess
import sys

GLASSBOX, KERNEL, ODD = (os.path.abspath(a) for a in sys.argv[1:4])
TIMEOUT = 120
CAP = {"USER_MEMORY": 3, "SET_GUEST_DEBUG": 23, "IMMEDIATE_EXIT": 136, "SET_GUEST_DEBUG2": 195}
SINGLESTEP, HW_BP, DR7_GD = 2, 0x20000, 1 << 13
count = 0


def report(name, ok, why="", skip=None):
    global count
    count += 1
    print(f"{'ok' if ok else 'not ok'} {count} {name}{' # SKIP ' + skip if skip else ''}")
    for line in why.splitlines() if not ok else []:
        print(f"# {line}")
    sys.stdout.flush()
    return ok


def run(odd, arguments, text=""):
    command = [GLASSBOX, "-display", "none", "-kernel", KERNEL, *arguments]
    environment = dict(os.environ, LD_PRELOAD=ODD, ODD_KVM=odd)
    # The program ends with its monitor's quit, or by itself.
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=TIMEOUT, env=environment,
                          check=False)


MISSING = {
    f"open={errno.ENOENT}": r"there is no /dev/kvm: load the module",
    f"open={errno.EACCES}": r"/dev/kvm may not be opened by this user: join its group",
    f"open={errno.EBUSY}": r"/dev/kvm is in use by another hypervisor",
    f"open={errno.EIO}": r"/dev/kvm: Input/output error",
    "none=1": r"/dev/kvm is not KVM",
    "none=1,version=11": r"interface version 11, needed is 12",
    f"none=1,version=12,has={CAP['USER_MEMORY']}": r"has no immediate exit",
    f"none=1,version=12,has={CAP['USER_MEMORY']},has={CAP['IMMEDIATE_EXIT']},create={errno.EBUSY}":
        r"cannot make a virtual machine: .*another hypervisor has the processor",
    f"none=1,version=12,has={CAP['USER_MEMORY']},has={CAP['IMMEDIATE_EXIT']},create={errno.ENOMEM}":
        r"cannot make a virtual machine: Cannot allocate memory",
}


def missing():
    for odd, pattern in MISSING.items():
        p = run(odd, ["-accel", "kvm", "-serial", "stdio"])
        lines = p.stderr.splitlines()
        report(f"{odd}: one line says what to do",
               p.returncode == 1 and len(lines) == 1 and re.search(pattern, lines[0]) and "-accel tcg" in lines[0]
               and p.stdout == "", f"status {p.returncode}, {p.stdout!r}, {p.stderr!r}")
        p = run(odd, ["-accel", "kvm:tcg", "-serial", "stdio", "-device", "isa-debug-exit", "-append", "mode=tour"])
        lines = p.stderr.splitlines()
        report(f"{odd}: kvm:tcg goes on",
               p.returncode == 1 and len(lines) == 1 and re.search(pattern + r".*going on with tcg", lines[0])
               and "guest: exit 0" in p.stdout, f"status {p.returncode}, {p.stdout!r}, {p.stderr!r}")


# What is odd; what the monitor is asked, and what it has to say; what the guest prints by itself.
LACKING = {
    "no debugging at all": (f"cap={CAP['SET_GUEST_DEBUG']}", "info debug\nbreak 0x100000\nstep\n",
                            [r"debugging could not be tried", r"cannot|no .*breakpoint", r"steps: no"]),
    "no holding of interrupts": (f"cap={CAP['SET_GUEST_DEBUG2']}", "info debug\n",
                                 [r"no:  steps hold interrupts of the kernel's controllers; kernel-irqchip=on"]),
    "no single step": (f"control={SINGLESTEP}", "info debug\nstep\n", [r"no:  single step", r"steps: no"]),
    "no debug registers": (f"control={HW_BP}", "info debug\nhbreak 0x100000\n",
                           [r"no:  execute breakpoints in debug registers", r"no:  the guest's moves"]),
    "no sight of the guest's debug registers": (
        f"dr7={DR7_GD}", "info debug\n",
        [r"no:  the guest's moves to debug registers come out", r"without effect while a debug register is ours"]),
    "a vCPU that never comes out": ("stuck=1", "info debug\n", [r"no:  single step", r"steps: no"]),
}


def lacking():
    why = None if os.access("/dev/kvm", os.R_OK | os.W_OK) else "no /dev/kvm"
    for name, (odd, commands, patterns) in LACKING.items():
        if why:
            report(name, True, skip=why)
            continue
        p = run(odd, ["-accel", "kvm", "-S", "-serial", "null", "-monitor", "stdio"], commands + "quit\n")
        wrong = [pattern for pattern in patterns if not re.search(pattern, p.stdout)]
        report(name, p.returncode == 0 and not wrong, f"not said: {wrong}; {p.returncode} {p.stdout} {p.stderr}")
    if why:
        return
    p = run(f"cap={CAP['SET_GUEST_DEBUG2']}", ["-accel", "kvm,kernel-irqchip=on", "-S", "-serial", "null", "-monitor", "stdio"],
            "quit\n")
    report("kernel-irqchip=on without holding of interrupts is refused",
           p.returncode == 1 and len(p.stderr.splitlines()) == 1 and "kernel-irqchip" in p.stderr,
           p.stdout + p.stderr)


missing()
lacking()
print(f"1..{count}")
