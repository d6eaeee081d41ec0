#!/usr/bin/env python3
# One machine, looked at by several at once: two gdbs, a monitor, QMP; who may resume it, and what each is told. The
# monitor on sockets, on a terminal beside the serial port, in batch.
# usage: test_shared.py GLASSBOX GUEST [--transcript]
# SPDX-License-Identifier: GPL-2.0-or-later
import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path[:0] = [os.path.join(TOP, "tests", "tools"), os.path.join(TOP, "scripts")]
import tap  # noqa: E402
from session import Gdb  # noqa: E402

GLASSBOX, GUEST = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
SHOW = "--transcript" in sys.argv
LIMIT = 120


def show(who, text):
    """Part of the transcript: each line after the name of who sees it."""
    for line in text.splitlines() if SHOW else []:
        print(f"{who:8}| {line}")


def has(text, *patterns):
    for p in patterns:
        assert re.search(p, text, re.M), f"no {p!r} in {text!r}"


class Stream:
    """Bytes to and from a descriptor, read until a pattern has come."""

    def __init__(self, fd):
        self.fd = fd
        self.text = ""

    def write(self, text):
        os.write(self.fd, text.encode())

    def expect(self, pattern):
        """What came up to and with the pattern; the rest waits."""
        end = time.monotonic() + LIMIT
        while True:
            m = re.search(pattern, self.text, re.M)
            if m:
                got, self.text = self.text[:m.end()], self.text[m.end():]
                return got
            assert time.monotonic() < end, f"no {pattern!r} in {self.text!r}"
            if select.select([self.fd], [], [], 1)[0]:
                more = os.read(self.fd, 65536)
                assert more, f"the end came before {pattern!r}: {self.text!r}"
                self.text += more.decode(errors="replace").replace("\r\n", "\n")


class Monitor(Stream):
    """The monitor at a socket: whole lines, no echo."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        super().__init__(self.socket.fileno())
        self.expect(r"^\(glassbox\) $")

    def run(self, line):
        """The answer to a line; what came before it is told too."""
        show("monitor", f"(glassbox) {line}")
        self.write(line + "\n")
        text = self.expect(r"(?s)\A.*?^\(glassbox\) ")[:-len("(glassbox) ")]
        show("monitor", text)
        return text

    def notice(self, pattern):
        text = self.expect(pattern + r".*\n  0x.*\n")
        show("monitor", text)
        return text


class Qmp(Stream):
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        super().__init__(self.socket.fileno())
        self.events = []
        self.expect(r"\n")
        self.run("qmp_capabilities")

    def line(self):
        message = json.loads(self.expect(r".*\n"))
        if "event" in message:
            show("QMP", f"{message['event']} {json.dumps(message.get('data', {}))}")
            self.events.append(message)
        return message

    def run(self, command, **arguments):
        show("QMP", f"{command} {json.dumps(arguments) if arguments else ''}")
        self.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        while True:
            message = self.line()
            if "event" not in message:
                show("QMP", json.dumps(message.get("return", message.get("error"))))
                return message.get("return", message.get("error"))

    def wait(self, event):
        while not any(e["event"] == event for e in self.events):
            self.line()
        found = next(e for e in self.events if e["event"] == event)
        self.events.remove(found)
        return found.get("data", {})


class Machine:
    def __init__(self, *args, mode="mode=spin", stopped=True, stdin=subprocess.DEVNULL):
        self.dir = tempfile.TemporaryDirectory(prefix="glassbox-shared-")
        command = [GLASSBOX, "-kernel", GUEST, "-append", mode, "-device", "isa-debug-exit", *args]
        self.process = subprocess.Popen(command + (["-S"] if stopped else []), cwd=self.dir.name, stdin=stdin,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def path(self, name):
        path = os.path.join(self.dir.name, name)
        end = time.monotonic() + LIMIT
        while not os.path.exists(path):
            assert time.monotonic() < end and self.process.poll() is None, "the machine did not come up"
            time.sleep(0.01)
        return path

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        self.dir.cleanup()


SOCKETS = ["-display", "none", "-serial", "null", "-gdb", "unix:gdb",
           "-monitor", "unix:mon,server=on,wait=off", "-qmp", "unix:qmp,server=on,wait=off"]


def gdb_of(machine, name):
    g = Gdb(show=lambda text: show(name, text), files=[GUEST])
    has(g.run(f"target remote {machine.path('gdb')}"), r"Remote debugging using")
    return g


def test_all_at_once():
    """Monitor, QMP and two gdbs: one set of points, one holder of control, every stop told to all."""
    with Machine(*SOCKETS) as m, gdb_of(m, "gdb A") as a, gdb_of(m, "gdb B") as b:
        mon, qmp = Monitor(m.path("mon")), Qmp(m.path("qmp"))
        mon.run(f"symbols {GUEST}")
        has(mon.run("info clients"), r"gdb client 1 on .*gdb  \(control\)", r"gdb client 2 on", r"^\* monitor$")
        # gdb A runs the machine; the others watch and set points.
        a.run("break spin_step")
        has(a.run("continue"), r"Breakpoint 1, spin_step")
        has(mon.notice(r"CPU 0: breakpoint \d+ of gdb client 1"), "breakpoint")
        stop = qmp.wait("X_DEBUG_STOP")
        assert stop["reason"] == "point" and stop["cpu-index"] == 0, stop
        has(mon.run("cont"), r"^cont: gdb client 1 on .* controls the machine; cont! takes it away$")
        refused = qmp.run("cont")
        has(refused["desc"], r"gdb client 1 on .* controls the machine")
        has(b.run("continue"), r"controls the machine")
        has(b.run("backtrace"), r"#0 .*spin_step", r"spin_run")
        has(mon.run("backtrace"), r"#0 .*<spin_step", r"<spin_run\+")
        # A point of the monitor stops gdb, which is told why.
        a.run("delete")
        has(mon.run("watch spin_counter if *spin_counter % 100 == 0"), r"^point \d+: write .*<spin_counter>")
        qmp.events.clear()
        has(a.run("continue"), r"CPU 0: watchpoint \d+ of monitor \(write\) at 0x", r"SIGTRAP")
        has(mon.notice(r"CPU 0: watchpoint"), r"watchpoint \d+ \(write\) at 0x[0-9a-f]+, 0x[0-9a-f]+ -> 0x[0-9a-f]+")
        stop = qmp.wait("X_DEBUG_STOP")
        assert stop["reason"] == "point", stop
        points = qmp.run("x-debug-points")
        assert [p["kind"] for p in points] == ["write"], points
        has(mon.run("info breakpoints"), r"write .* hits 1  conditional  of monitor")
        mon.run("delete")
        # The monitor insists; gdb joins in when it continues.
        mon.run("cont!")
        has(mon.run("info status"), "running")
        mark = a.start("continue")
        time.sleep(0.3)
        a.interrupt()
        has(a.finish(mark, "continue", LIMIT), r"SIGINT")
        # A leaves: B may have it.
        a.run("detach")
        has(mon.run("info debug"), r"^machine: running$", r"^control: nobody$")
        mon.run("stop")
        b.run("tbreak spin_step")
        has(b.run("continue"), r"Temporary breakpoint .*spin_step")
        b.run("detach")
        assert qmp.run("query-status")["running"], "detached, it runs"
        qmp.run("quit")
        assert m.process.wait(LIMIT) == 0


def test_batch():
    """The monitor fed from a file: lines behind a step wait for it; the status is quit's."""
    with Machine("-display", "none", "-serial", "null", "-monitor", "stdio", stdin=subprocess.PIPE) as m:
        text, _ = m.process.communicate(
            f"symbols {GUEST}\nbreak spin_step\nstep 3\nprint $pc\nnonsense\ncont\nstop\n"
            "next 4\ninfo registers rip\nquit 5\n", timeout=LIMIT)
        assert m.process.returncode == 5, m.process.returncode
        has(text, r"136 names|\d+ names", r"CPU 0: step\n", r"unknown command 'nonsense'",
            r"CPU 0: (step|breakpoint|interrupt)", r"rip=0x[0-9a-f]{16} <\w+")


def ask_at_once(path, text):
    """All that comes for a text from a client that has ended its side behind it, as in a pipe."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(LIMIT)
        s.connect(path)
        s.sendall(text.encode())
        s.shutdown(socket.SHUT_WR)
        got = b""
        while True:
            more = s.recv(65536)
            if not more:
                return got.decode()
            got += more


def test_one_shot():
    """echo ... | socat - UNIX:...: the answers come though nothing more is sent."""
    with Machine(*SOCKETS) as m:
        for _ in range(10):
            has(ask_at_once(m.path("mon"), "info status\n"), r"VM status: paused")
            text = ask_at_once(m.path("qmp"), '{"execute":"qmp_capabilities"}{"execute":"query-version"}')
            assert text.count("\n") == 3, text
        text = ask_at_once(m.path("mon"), "step\nstep 100\nprint 6*7\n")
        assert text.count("CPU 0: step") == 2 and "0x2a" in text, text
        ask_at_once(m.path("mon"), "quit 3\n")
        assert m.process.wait(LIMIT) == 3


def test_next_over_calls():
    """next passes over a call, a recursion of the same code below it included."""
    with Machine(*SOCKETS, mode="mode=tour rounds=2") as m:
        mon = Monitor(m.path("mon"))
        mon.run(f"symbols {GUEST}")
        mon.run("tbreak tour_run")
        mon.run("cont")
        mon.notice("CPU 0: breakpoint")
        for _ in range(40):
            before = mon.run("x/i $pc")
            if ": call" in before.replace("  ", " "):
                break
            mon.run("step")
        else:
            raise AssertionError("no call in tour_run's first 40 instructions")
        length = mon.run("x/2i $pc").splitlines()[1].split()[0]
        has(mon.run("next"), r"CPU 0: step\n  " + length)
        mon.run("quit")
        assert m.process.wait(LIMIT) == 0


def test_core():
    """A core has no breakpoints in it, and gdb reads it as it reads the machine."""
    with Machine(*SOCKETS) as m:
        mon = Monitor(m.path("mon"))
        core = os.path.join(m.dir.name, "core")
        mon.run(f"symbols {GUEST}")
        mon.run("break spin_step")
        mon.run("cont")
        mon.notice("CPU 0: breakpoint")
        text = mon.run(f"dump-guest-memory -p {core}")
        assert not text, text
        with Gdb(files=[GUEST, core]) as g:
            has(g.run("backtrace"), r"#0 .*spin_step", r"spin_run", r"guest_main")
            has(g.run("x/i $pc"), r"<spin_step>:\s+mov")
        mon.run("quit")


def test_terminal():
    """-nographic: the serial port and the monitor on one terminal, Ctrl-A c between them."""
    master, slave = pty.openpty()
    child = subprocess.Popen([GLASSBOX, "-kernel", GUEST, "-append", "mode=prompt", "-nographic"], stdin=slave,
                             stdout=slave, stderr=slave, start_new_session=True,
                             env=dict(os.environ, TERM="xterm"))
    os.close(slave)
    try:
        t = Stream(master)
        t.expect(r"guest")
        t.write("\x01c")
        t.expect(r"now 'monitor'")
        t.expect(r"\(glassbox\) ")
        t.write("info stat\t\r")
        t.expect(r"info status")
        t.expect(r"VM status: running")
        t.write("\x1b[A")               # the line before
        t.expect(r"info status")
        t.write("\r")
        t.expect(r"VM status: running")
        t.write("\x01c")
        t.expect(r"now 'serial0'")
        t.write("\x01x")
        t.expect(r"ended by C-a x")
        assert child.wait(LIMIT) == 0
    finally:
        if child.poll() is None:
            child.send_signal(signal.SIGKILL)
            child.wait()
        os.close(master)


def test_gdbserver():
    """The monitor starts a gdb server in a machine that had none, and ends it."""
    with Machine("-display", "none", "-serial", "null", "-monitor", "unix:mon,server=on,wait=off") as m:
        mon = Monitor(m.path("mon"))
        has(mon.run("gdbserver unix:late"), r"waiting for gdb on late")
        with Gdb(files=[GUEST]) as g:
            has(g.run(f"target remote {m.path('late')}"), r"Remote debugging")
            has(mon.run("info clients"), r"gdb client 1 on late  \(control\)")
            has(g.run("monitor gdbserver none"), r"^")      # its own server: it is hung up on, not crashed
        has(mon.run("info status"), "VM status")
        has(mon.run("gdbserver tcp:nowhere:x"), r"^gdbserver: ")
        mon.run("quit")
        assert m.process.wait(LIMIT) == 0


if SHOW:
    test_all_at_once()
else:
    tap.main(globals())
