# Runs inside gdb: compares backtraces with the stack dumps that the guest's kernel prints itself.
# SPDX-License-Identifier: GPL-2.0-or-later
"""At a breakpoint five bytes into a function (behind the instruction that every traced function
begins with) the guest is made to call its own dump_stack() from there, as if the function had done
so. Its dump, found on the serial console, must name the same functions as gdb's backtrace."""
import os
import re
import subprocess
import time

import gdb

LOG = os.environ["GUEST_LOG"]
POINTS = os.environ["GUEST_POINTS"].split()
ROUNDS = int(os.environ.get("GUEST_ROUNDS", "3"))
# The program's own unwinding (tests/tools/unwind-dump.c) of that kernel; empty: not compared.
UNWIND = os.environ.get("GUEST_UNWIND", "").split()
REGISTERS = ("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11",
             "r12", "r13", "r14", "r15", "rip", "eflags")
MASK = (1 << 64) - 1
# A line of the dump; an interrupted function is named among the registers, before its callers.
LINE = re.compile(r"^\[ *[\d.]+\](?:\[ *[TC]\d+\])? +(\?? ?)(?:RIP: 0010:)?([\w.]+)\+0x[0-9a-f]+/0x[0-9a-f]+")


def reg(name):
    return int(gdb.newest_frame().read_register(name)) & MASK


def set_reg(name, value):
    # With another stack pointer gdb may find its selected frame again further out.
    gdb.newest_frame().select()
    gdb.execute(f"set ${name} = {value:#x}")


def backtrace():
    """Function names as 'bt' prints them, without frames of user space."""
    names = []
    for line in gdb.execute("bt", to_string=True).splitlines():
        m = re.match(r"#\d+ +(?:0x[0-9a-f]+ in )?(\S+) \(", line)
        if m and m.group(1) != "??":
            names.append(m.group(1))
    return names


def dumped(text):
    """Function names of the guest's dump that it holds for certain (no question mark)."""
    names = []
    for line in text.splitlines():
        m = LINE.match(line.strip())
        if m and not m.group(1).strip():
            names.append(m.group(2))
    return names


def guest_dump(entry):
    """Make the guest dump its stack as if the code at the pc had called for it."""
    saved = {r: reg(r) for r in REGISTERS}
    before = os.path.getsize(LOG)
    # dump_stack() wants an aligned stack no more than any kernel function does: one word is right.
    gdb.execute(f"set var *(unsigned long *){saved['rsp'] - 8:#x} = {saved['rip']:#x}")
    set_reg("rsp", saved["rsp"] - 8)
    set_reg("rip", entry)
    back = gdb.Breakpoint(f"*{saved['rip']:#x}", internal=True)
    back.condition = f"$rsp == {saved['rsp']:#x}"
    thread = gdb.selected_thread().num
    gdb.execute("continue", to_string=True)
    back.delete()
    if reg("rip") != saved["rip"] or reg("rsp") != saved["rsp"]:
        raise gdb.GdbError("the guest did not come back from its stack dump")
    if gdb.selected_thread().num != thread:
        raise gdb.GdbError("another CPU came back")
    for r in REGISTERS:
        set_reg(r, saved[r])
    deadline = time.time() + 20
    while time.time() < deadline:
        with open(LOG, "rb") as f:
            f.seek(before)
            text = f.read().decode("utf-8", "replace")
        if "</TASK>" in text:
            return text
        time.sleep(0.1)
    return text


class Unwinder:
    """The program's own backtraces, through gdb's registers and memory."""

    BY_DWARF = ("rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12",
                "r13", "r14", "r15", "rip")

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        answer = self.ask(f"slide {reg('rip'):x}")
        if not answer[0].startswith("slide "):
            raise gdb.GdbError("the slide was not found: " + answer[0])
        self.slide = int(answer[0].split()[1], 16)
        answer = self.ask("modules")
        if not answer[0].startswith("modules "):
            raise gdb.GdbError("the modules were not found: " + answer[0])

    def ask(self, request):
        """The lines of an answer; memory that is asked for is given."""
        self.process.stdin.write(request + "\n")
        lines = []
        while not lines or lines[-1].startswith("frame "):
            self.process.stdin.flush()
            line = self.process.stdout.readline()
            if not line:
                raise gdb.GdbError("the unwinder has ended")
            if line.startswith("read "):
                at, size = (int(w, 16) for w in line.split()[1:])
                try:
                    raw = bytes(gdb.selected_inferior().read_memory(at, size)).hex()
                except gdb.error:
                    raw = "-"
                self.process.stdin.write(raw + "\n")
            else:
                lines.append(line.strip())
        return lines

    def backtrace(self):
        """(function names without frames of user space, how it ended)"""
        values = " ".join(f"{reg(r):x}" for r in self.BY_DWARF)
        lines = [line.split() for line in self.ask("backtrace " + values)]
        return [w[4].split("+")[0] for w in lines[:-1] if w[4] != "??"], " ".join(lines[-1])


def compare(point, unwinder):
    names = backtrace()
    own, end = unwinder.backtrace() if unwinder else (names, "")
    text = guest_dump(int(gdb.parse_and_eval("(unsigned long)&dump_stack")) & MASK)
    got = dumped(text)
    if point in got:
        got = got[got.index(point):]
    same = names == got == own
    print(f"RESULT {'ok' if same else 'not ok'} {point}: {len(names)} frames")
    if not same:
        print("  backtrace: " + " ".join(names))
        print("  dump:      " + " ".join(got))
        print("  own:       " + " ".join(own) + " " + end)
        print(text)


def main():
    unwinder = Unwinder(UNWIND) if UNWIND else None
    if unwinder:
        text = int(gdb.parse_and_eval("(unsigned long)&_text")) & MASK
        print(f"RESULT slide {unwinder.slide:x} {'right' if text == 0xFFFFFFFF81000000 + unwinder.slide else 'wrong'}")
    for point in POINTS:
        where = int(gdb.parse_and_eval(f"(unsigned long)&{point}")) & MASK
        b = gdb.Breakpoint(f"*{where + 5:#x}")
        for _ in range(ROUNDS):
            gdb.execute("continue", to_string=True)
            b.enabled = False
            compare(point, unwinder)
            b.enabled = True
        b.delete()
    print("RESULT done")


main()
