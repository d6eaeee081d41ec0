#!/usr/bin/env python3
# Guests that run wild, under gdb's protocol: Ctrl-C always gets a stop, registers can be read, kill ends. Prints TAP.
# usage: test_storms.py GLASSBOX
# GLASSBOX_STORMS_RUNS: how many guests of random bytes (default 6); GLASSBOX_STORMS_SEED: of the first.
# SPDX-License-Identifier: GPL-2.0-or-later
import os
import random
import socket
import struct
import subprocess
import sys
import tempfile
import time

GLASSBOX = os.path.abspath(sys.argv[1])
DIR = tempfile.mkdtemp(prefix="glassbox-storms-")
TIMEOUT = 60            # seconds for an answer: generous, as nothing here may depend on speed
BASE = 0x100000         # where images lie
IDT, GDT, TABLES, CODE = BASE + 0x1000, BASE + 0x2000, BASE + 0x4000, BASE + 0x8000

count = 0
failed = 0


def report(name, why):
    global count, failed
    count += 1
    failed += bool(why)
    print(f"{'not ok' if why else 'ok'} {count} {name}")
    for line in why.splitlines():
        print(f"# {line}")
    sys.stdout.flush()


# ---- images: multiboot 1, flat, 32-bit ----

def le(v):
    return struct.pack("<I", v & 0xffffffff)


def mov_eax(v):
    return b"\xb8" + le(v)


def store(addr, v):
    """mov dword [addr], v"""
    return b"\xc7\x05" + le(addr) + le(v)


def out8(port, v):
    return b"\xb0" + bytes([v]) + b"\xba" + le(port) + b"\xee"


def gate(addr, selector=0x10, kind=0x8e00):
    return struct.pack("<HHHH", addr & 0xffff, selector, kind, addr >> 16)


class Image:
    """Tables at fixed places; code at CODE. Handlers of all vectors are at `handler`."""

    def __init__(self, code, handler, idt_limit=0x7ff, paging=None):
        gdt = struct.pack("<QQQQ", 0, 0, 0x00cf9b000000ffff, 0x00cf93000000ffff)
        start = (b"\x0f\x01\x15" + le(GDT + 0x100) +            # lgdt
                 b"\x0f\x01\x1d" + le(GDT + 0x108) +            # lidt
                 b"\xbc" + le(0x90000))                         # mov esp
        if paging:
            start += mov_eax(TABLES) + b"\x0f\x22\xd8"          # cr3
            start += b"\x0f\x20\xe0\x0c\x10\x0f\x22\xe0"        # cr4.PSE
            start += b"\x0f\x20\xc0\x0d\x00\x00\x00\x80\x0f\x22\xc0"    # cr0.PG
        self.data = bytearray(0x20000)
        flags = 0x10000
        self.put(BASE, struct.pack("<8I", 0x1badb002, flags, -(0x1badb002 + flags) & 0xffffffff, BASE, BASE, 0, 0,
                                   CODE))
        self.put(IDT, gate(handler) * 256)
        self.put(GDT, gdt)
        self.put(GDT + 0x100, struct.pack("<HI", len(gdt) - 1, GDT))
        self.put(GDT + 0x108, struct.pack("<HI", idt_limit, IDT))
        self.put(TABLES, struct.pack("<1024I", *[n << 22 | 0x83 if paging and paging(n) else 0 for n in range(1024)]))
        self.put(CODE, start + code)

    def put(self, addr, data):
        self.data[addr - BASE:addr - BASE + len(data)] = data

    def also(self, addr, data):
        self.put(addr, data)
        return self


HANDLER = CODE + 0x4000
LAPIC = 0xfee00000
FOREVER = b"\xeb\xfe"
UD = b"\x0f\x0b"


def timers(program):
    """Every timer as fast as it goes, interrupts on."""
    code = store(LAPIC + 0xf0, 0x1ff) + store(LAPIC + 0x3e0, 0xb) + store(LAPIC + 0x320, 0x20040)
    code += store(LAPIC + 0x380, 1)
    code += out8(0x21, 0) + out8(0xa1, 0) + out8(0x43, 0x34) + out8(0x40, 2) + out8(0x40, 0)
    code += out8(0x70, 0xa) + out8(0x71, 0x21) + out8(0x70, 0xb) + out8(0x71, 0x72)
    return code + program


def icr_storm(rand):
    """Random messages to all, for ever: what the other CPUs do is up to them."""
    code = b""
    for _ in range(200):
        code += store(LAPIC + 0x310, rand.choice([0, 1, 2, 0xff]) << 24)
        code += store(LAPIC + 0x300, rand.choice([0x4000, 0x44000, 0x84000, 0xc4000]) | rand.getrandbits(12) |
                      rand.choice([0, 0x500, 0x600, 0x400]))
    return code + b"\xe9" + le(-len(code) - 5)


def random_code(rand):
    code = b""
    while len(code) < 0x3000:
        code += bytes(rand.getrandbits(8) for _ in range(rand.randrange(1, 12)))
        if rand.random() < 0.2:
            code += b"\xba" + le(rand.choice([0x20, 0x21, 0x40, 0x43, 0x60, 0x64, 0x70, 0x71, 0x92, 0x3f8, 0x600,
                                              0x604, rand.getrandbits(16)])) + b"\xee"
    return code


def guests():
    rand = random.Random(int(os.environ.get("GLASSBOX_STORMS_SEED", "1")))
    on = lambda n: True
    eoi = store(LAPIC + 0xb0, 0) + out8(0x20, 0x20) + out8(0xa0, 0x20)
    yield "handler that faults", Image(UD, HANDLER).also(HANDLER, UD), []
    yield "handler that is not mapped", Image(UD, 0xe0000000, paging=lambda n: n < 0x380), []
    yield "handler where no memory is", Image(UD, 0xe0000000), []
    yield "jump to where no memory is", Image(b"\xb8" + le(0xe0000000) + b"\xff\xe0", HANDLER), []
    yield "handlers and stack nowhere", Image(b"\xbc" + le(0xe0000000) + UD, HANDLER).also(HANDLER, UD), []
    yield "tables in a device", Image(b"\xb8" + le(LAPIC) + b"\x0f\x22\xd8" + UD, HANDLER, paging=on), []
    yield "triple faults for ever", Image(UD, HANDLER, idt_limit=0), []
    yield "triple fault with -no-reboot", Image(b"\x90" * 64 + UD, HANDLER, idt_limit=0), ["-no-reboot"]
    yield "halted for ever", Image(b"\xfa\xf4", HANDLER), []
    yield "a long REP", Image(b"\xb9" + le(-1) + b"\xbf" + le(CODE + 0x10000) + b"\xf3\xaa" + FOREVER, HANDLER), []
    yield "a REP on a device", Image(b"\xb9" + le(-1) + b"\xbe" + le(LAPIC) + b"\xf3\xac" + FOREVER, HANDLER), []
    yield "REP OUTS", Image(b"\xb9" + le(-1) + b"\xba" + le(0x80) + b"\xf3\x6e" + FOREVER, HANDLER), []
    yield ("timers, halted", Image(timers(b"\xfb\xf4\xeb\xfd"), HANDLER).also(HANDLER, b"\x50\x52" + eoi +
                                                                            b"\x5a\x58\xcf"), [])
    yield "timers, no end of interrupt", Image(timers(b"\xfb" + FOREVER), HANDLER).also(HANDLER, b"\xcf"), []
    yield "timers, handler that faults", Image(timers(b"\xfb" + FOREVER), HANDLER).also(HANDLER, UD), []
    yield "messages among CPUs", Image(icr_storm(rand), HANDLER).also(HANDLER, b"\xcf"), ["-smp", "4"]
    yield "code that rewrites itself", Image(b"\xbf" + le(CODE) + b"\xb9" + le(0x100) + b"\xa5\x4f\x4f\x4f\x4f\xaa" +
                                             b"\xeb\xf0", HANDLER).also(HANDLER, b"\xcf"), []
    for n in range(int(os.environ.get("GLASSBOX_STORMS_RUNS", "6"))):
        yield (f"random bytes {n}", Image(random_code(rand), HANDLER).also(HANDLER, random_code(rand)[:0x100]),
               ["-smp", str(1 + n % 2)])


# ---- the other end of the protocol ----

class Gone(Exception):
    """The program says that the machine has ended."""


class Client:
    def __init__(self, path, proc):
        end = time.monotonic() + TIMEOUT
        self.buf = b""
        while True:
            self.sock = socket.socket(socket.AF_UNIX)
            try:
                self.sock.connect(path)
                break
            except OSError:
                self.sock.close()
                if proc.poll() is not None:
                    raise Gone(f"status {proc.returncode} before the connection") from None
                if time.monotonic() > end:
                    raise
                time.sleep(0.01)
        self.sock.settimeout(TIMEOUT)

    def put(self, data):
        try:
            self.sock.sendall(data)
        except OSError:
            pass            # what was told before the connection ended is still to be read

    def send(self, text):
        self.put(b"$" + text.encode() + b"#%02x" % (sum(text.encode()) & 0xff))

    def packet(self):
        while True:
            self.buf = self.buf.lstrip(b"+")
            at = self.buf.find(b"#")
            if self.buf.startswith(b"$") and 0 < at <= len(self.buf) - 3:
                body, self.buf = self.buf[1:at].decode("latin-1"), self.buf[at + 3:]
                self.put(b"+")
                if body[:1] in "WX":
                    raise Gone(body)
                return body
            data = self.sock.recv(65536)
            if not data:
                raise EOFError("connection closed")
            self.buf += data

    def ask(self, text):
        self.send(text)
        return self.packet()

    def expect(self, text, starts):
        answer = self.ask(text)
        if not answer.startswith(starts):
            raise ValueError(f"{text}: answer {answer[:60]!r}")


def session(client, rand):
    """Stops it again and again, and looks around."""
    client.expect("?", ("T", "S"))
    for _ in range(4):
        client.send("c")
        time.sleep(rand.random() * 0.1)
        client.put(b"\x03")
        stop = client.packet()
        if stop[:1] not in "TS":
            raise ValueError(f"stop {stop[:60]!r}")
        registers = client.ask("g")
        if len(registers) < 64 or registers[:1] == "E":
            raise ValueError(f"g: {registers[:60]!r}")
        client.expect(f"m{CODE:x},10", tuple("0123456789abcdefE"))    # paging may hide it
    for _ in range(3):
        client.send("s")
        client.put(b"\x03")     # a halted CPU's step need not end by itself
        client.packet()
        while client.ask("qC")[:2] != "QC":     # a second stop may be told for the 0x03
            pass


def check(name, image, options, backend, rand):
    path, sock = os.path.join(DIR, "image"), os.path.join(DIR, "gdb")
    with open(path, "wb") as f:
        f.write(image.data)
    proc = subprocess.Popen([GLASSBOX, "-kernel", path, "-m", "16M", "-accel", f"tcg,backend={backend}", "-gdb",
                             f"unix:{sock}", "-S", "-serial", "null", "-display", "none", *options],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=DIR)
    why = ""
    try:
        client = Client(sock, proc)
        try:
            session(client, rand)
            client.send("vKill;1")
            why = "did not end" if "-no-reboot" in options else ""
        except Gone as gone:
            if "-no-reboot" not in options and "random" not in name:
                why = f"ended by itself: {gone}"
    except (OSError, EOFError, ValueError, Gone) as e:
        why = f"{type(e).__name__}: {e}"
    try:
        text, _ = proc.communicate(timeout=1 if why else TIMEOUT)
    except subprocess.TimeoutExpired:
        why = why or "did not end when killed"
        proc.kill()
        text, _ = proc.communicate()
    if proc.returncode < 0:
        why += f"\nended by signal {-proc.returncode}"
    report(f"{name} ({backend})", why and why + "\n" + text.decode(errors="replace")[-2000:])


def main():
    rand = random.Random(2)
    try:
        for backend in ("jit", "interp"):
            for name, image, options in guests():
                check(name, image, options, backend, rand)
    finally:
        for name in os.listdir(DIR):
            os.unlink(os.path.join(DIR, name))
        os.rmdir(DIR)
    print(f"1..{count}")
    return 1 if failed else 0


sys.exit(main())
