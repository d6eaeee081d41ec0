#!/usr/bin/env python3
# QMP as programs use it: a client library and a shell that nobody here wrote, sockets, the machine's end.
# usage: test_qmp.py GLASSBOX GUEST
# SPDX-License-Identifier: GPL-2.0-or-later
import asyncio
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(TOP, "tests", "tools"))
import tap  # noqa: E402

GLASSBOX, GUEST = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
CLIENT = subprocess.run([os.path.join(TOP, "scripts", "fetch-qmp-client")], stdout=subprocess.PIPE, text=True,
                        check=True).stdout.strip()
sys.path.insert(0, CLIENT)
from qemu.qmp import ExecuteError, QMPClient  # noqa: E402
from qemu.qmp.legacy import QEMUMonitorProtocol  # noqa: E402

LIMIT = 60
GOOD = b'{"execute": "qmp_capabilities"}'


def symbols():
    found = {}
    for line in subprocess.run(["nm", GUEST], capture_output=True, text=True, check=True).stdout.splitlines():
        value, _, name = line.split()
        found[name] = int(value, 16)
    return found


SYMBOLS = symbols()


class Machine:
    """A machine that spins, with QMP at a socket in a folder of its own."""

    def __init__(self, *args, mode="spin", qmp=("-qmp", "unix:qmp.sock,server=on,wait=off")):
        self.dir = tempfile.TemporaryDirectory(prefix="glassbox-qmp-")
        self.path = os.path.join(self.dir.name, "qmp.sock")
        self.process = subprocess.Popen(
            [GLASSBOX, "-kernel", GUEST, "-append", f"mode={mode}", "-serial", "null", *qmp, *args],
            cwd=self.dir.name, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        self.dir.cleanup()

    def connect(self, address=None):
        """A raw connection; waits until somebody listens."""
        end = time.monotonic() + LIMIT
        while True:
            s = socket.socket(socket.AF_INET if address else socket.AF_UNIX)
            s.settimeout(LIMIT)
            try:
                s.connect(address or self.path)
                return s
            except OSError:
                s.close()
                assert time.monotonic() < end and self.process.poll() is None, "nobody listens"
                time.sleep(0.02)

    def status(self):
        return self.process.wait(LIMIT)


class Raw:
    """Lines of JSON on a socket."""

    def __init__(self, sock):
        self.sock, self.file = sock, sock.makefile("rb")
        assert "QMP" in self.line()
        assert self.ask(GOOD) == {"return": {}}

    def line(self):
        text = self.file.readline()
        assert text.endswith(b"\r\n"), text
        return json.loads(text)

    def ask(self, text):
        self.sock.sendall(text)
        while True:
            answer = self.line()
            if "event" not in answer:
                return answer

    def event(self, name):
        while True:
            answer = self.line()
            if answer.get("event") == name:
                return answer.get("data")

    def close(self):
        self.file.close()
        self.sock.close()


def with_client(session, *args):
    """Runs a coroutine with the library's client of a new machine."""
    async def run(machine):
        client = QMPClient("test")
        await client.connect(machine.path)
        try:
            await asyncio.wait_for(session(client, machine), LIMIT)
        finally:
            try:
                await client.disconnect()
            except EOFError:
                pass            # how the library tells that the other side has hung up

    with Machine(*args) as machine:
        machine.connect().close()
        asyncio.run(run(machine))


async def next_event(events, name):
    while True:
        event = await events.get()
        if event["event"] == name:
            return event.get("data")


# ---- the library -------------------------------------------------------------------------------

def test_library_queries():
    async def session(client, machine):
        assert client.greeting.QMP.version["package"].startswith("Glassbox "), client.greeting
        version = await client.execute("query-version")
        assert version["qemu"]["major"] >= 0 and version == client.greeting.QMP.version
        names = {c["name"] for c in await client.execute("query-commands")}
        assert {"qmp_capabilities", "quit", "stop", "cont", "human-monitor-command"} <= names
        schema = await client.execute("query-qmp-schema")
        assert names == {s["name"] for s in schema if s["meta-type"] == "command"}
        assert await client.execute("query-name") == {"name": "box"}
        assert (await client.execute("query-kvm"))["enabled"] is False
        cpus = await client.execute("query-cpus-fast")
        threads = set(os.listdir(f"/proc/{machine.process.pid}/task"))
        assert [c["cpu-index"] for c in cpus] == [0, 1]
        assert {str(c["thread-id"]) for c in cpus} <= threads, (cpus, threads)
        try:
            await client.execute("no-such-command")
            assert False
        except ExecuteError as e:
            assert e.error_class == "CommandNotFound"
    with_client(session, "-name", "box", "-smp", "2")


def test_library_run_control():
    async def session(client, machine):
        with client.listener() as events:
            assert (await client.execute("query-status"))["status"] == "prelaunch"
            await client.execute("cont")
            await next_event(events, "RESUME")
            assert (await client.execute("query-status"))["running"]
            await client.execute("stop")
            await next_event(events, "STOP")
            assert (await client.execute("query-status"))["status"] == "paused"
            await client.execute("system_reset")
            assert (await next_event(events, "RESET")) == {"guest": False, "reason": "host-qmp-system-reset"}
            await client.execute("cont")
            await next_event(events, "RESUME")
            await client.execute("system_powerdown")
            await next_event(events, "POWERDOWN")
            await client.execute("x-debug-point-add", {"kind": "interrupt", "address": 2})
            await client.execute("inject-nmi")
            stop = await next_event(events, "X_DEBUG_STOP")
            while stop["reason"] == "interrupt":
                stop = await next_event(events, "X_DEBUG_STOP")
            assert stop["event"]["kind"] == "interrupt" and stop["event"]["number"] == 2, stop
    with_client(session, "-S")


def test_library_points():
    """A breakpoint before the first instruction, a watchpoint, steps, registers, memory."""
    async def session(client, machine):
        async def go(command, **arguments):
            await client.execute(command, arguments)
            return await next_event(events, "X_DEBUG_STOP")

        with client.listener() as events:
            main = SYMBOLS["guest_main"]
            point = await client.execute("x-debug-point-add", {"kind": "exec", "address": hex(main)})
            stop = await go("cont")
            assert stop["pc"] == main and stop["points"] == [point["id"]], stop
            rip = await client.execute("x-debug-registers", {"names": ["rip"]})
            assert rip[0]["value"] == main, rip
            code = await client.execute("x-debug-disassemble", {"count": 2})
            stop = await go("x-debug-step")
            assert stop["reason"] == "step" and stop["pc"] == code[1]["address"], (stop, code)
            memory = await client.execute("x-debug-read-memory", {"address": main, "size": 16})
            assert memory["data"].startswith(code[0]["bytes"]), (memory, code)
            with open(GUEST, "rb") as f:
                assert bytes.fromhex(memory["data"]) in f.read()
            where = await client.execute("x-debug-translate", {"address": main})
            assert where["mapped"] and where["exec"], where
            saved = os.path.join(machine.dir.name, "mem")
            await client.execute("memsave", {"val": main, "size": 16, "filename": saved})
            with open(saved, "rb") as f:
                assert f.read().hex() == memory["data"]
            await client.execute("pmemsave", {"val": where["physical"], "size": 16, "filename": saved})
            with open(saved, "rb") as f:
                assert f.read().hex() == memory["data"]
            await client.execute("x-debug-point-remove", {"id": point["id"]})
            await client.execute("x-debug-point-add",
                                 {"kind": "write", "address": SYMBOLS["spin_counter"], "length": 4})
            stop = await go("cont")
            assert stop["point-kind"] == "write" and stop["new"] == stop["old"] + 1, stop
    with_client(session, "-S")


def test_library_dump():
    """Core files: the whole memory, or a part of it; what fails leaves no file."""
    async def session(client, machine):
        await client.execute("stop")
        core = os.path.join(machine.dir.name, "core")
        sizes = {}
        for name, more in {"phys": {"paging": False}, "virt": {"paging": True},
                           "part": {"paging": False, "begin": 0x100000, "length": 0x10000}}.items():
            await client.execute("dump-guest-memory", {"protocol": f"file:{core}", **more})
            with open(core, "rb") as f:
                head = f.read(64)
            assert head[:5] == b"\x7fELF\x02" and head[16] == 4, head     # 64 bits, ET_CORE
            sizes[name] = os.path.getsize(core)
            os.unlink(core)
        assert sizes["phys"] >= 31 << 20 and 0x10000 < sizes["part"] < 0x40000, sizes
        try:
            await client.execute("dump-guest-memory", {"protocol": f"file:{core}", "paging": False,
                                                       "begin": 1 << 40, "length": 4096})
            assert False
        except ExecuteError as e:
            assert e.error_class == "GenericError" and not os.path.exists(core)
        assert (await client.execute("query-status"))["status"] == "paused"
    with_client(session, "-m", "32M")


def test_library_quit():
    async def session(client, machine):
        with client.listener() as events:
            await client.execute("quit")
            data = await next_event(events, "SHUTDOWN")
            assert data == {"guest": False, "reason": "host-qmp-quit"}, data
        assert machine.status() == 0
        assert not os.path.exists(machine.path)
    with_client(session)


def test_library_old_interface():
    """The blocking interface that older programs use."""
    with Machine("-smp", "2") as machine:
        machine.connect().close()
        asyncio.set_event_loop(asyncio.new_event_loop())
        client = QEMUMonitorProtocol(machine.path)
        client.connect()
        assert client.command("query-status")["status"] == "running"
        assert client.cmd("stop") == {"return": {}}
        assert [e["event"] for e in client.get_events()][0] == "STOP"
        assert client.cmd("memsave", {"val": 1})["error"]["class"] == "GenericError"
        text = client.command("human-monitor-command", **{"command-line": "no-such-command"})
        assert "no-such-command" in text, text
        client.close()
        # gone and come again: the machine is as it was
        client = QEMUMonitorProtocol(machine.path)
        client.connect()
        assert client.command("query-status")["status"] == "paused"
        client.close()


def test_shell():
    with Machine("-name", "box") as machine:
        machine.connect().close()
        lines = ["query-name", "stop", "query-status", "x-debug-read-memory address=4096 size=4 space=physical",
                 "no-such-command"]
        run = subprocess.run([sys.executable, "-m", "qemu.qmp.qmp_shell", machine.path],
                             input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=LIMIT,
                             env={**os.environ, "PYTHONPATH": CLIENT})
        answers = re.findall(r"^\(QEMU\) (\{.*\})$", run.stdout, re.M)
        answers = [json.loads(a) for a in answers]
        assert run.returncode == 0 and len(answers) == len(lines), run
        assert answers[0]["return"]["name"] == "box" and answers[2]["return"]["status"] == "paused", answers
        assert len(answers[3]["return"]["data"]) == 8 and answers[4]["error"]["class"] == "CommandNotFound"


# ---- sockets -----------------------------------------------------------------------------------

def test_socket_is_private():
    with Machine() as machine:
        machine.connect().close()
        assert stat.S_IMODE(os.stat(machine.path).st_mode) == 0o600


def test_tcp_and_several():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    with Machine("-qmp", f"tcp:127.0.0.1:{port},server=on,wait=off", "-S") as machine:
        one, two = Raw(machine.connect()), Raw(machine.connect(("127.0.0.1", port)))
        assert one.ask(b'{"execute": "cont"}') == {"return": {}}
        two.event("RESUME")
        assert two.ask(b'{"execute": "stop"}') == {"return": {}}
        one.event("STOP")
        clients = one.ask(b'{"execute": "x-debug-clients"}')["return"]
        assert [c["own"] for c in clients if c["name"].startswith("QMP")] == [True, False], clients
        assert one.ask(b'{"execute": "system_powerdown"}') == {"return": {}}
        two.event("POWERDOWN")


def test_pretty_and_mon():
    for qmp in (("-qmp-pretty", "unix:qmp.sock,server=on,wait=off"),
                ("-chardev", "socket,id=q,path=qmp.sock,server=on,wait=off", "-mon", "chardev=q,mode=control,pretty=on")):
        with Machine(qmp=qmp) as machine:
            s = machine.connect()
            text = b""
            while not text.endswith(b"\r\n"):
                text += s.recv(4096)
            assert text.startswith(b'{\n    "QMP": {\n') and "QMP" in json.loads(text), text
            s.close()
    with Machine("-chardev", "socket,id=q,path=qmp.sock,server=on,wait=off", "-mon", "q,mode=control",
                 qmp=()) as machine:
        assert Raw(machine.connect()).ask(b'{"execute": "query-status"}')["return"]["running"]


def test_stdio():
    p = subprocess.Popen([GLASSBOX, "-kernel", GUEST, "-append", "mode=spin", "-qmp", "stdio"],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    out, _ = p.communicate(GOOD + b'{"execute": "quit"}', LIMIT)
    lines = [json.loads(line) for line in out.splitlines()]
    assert p.returncode == 0 and [next(iter(line)) for line in lines] == ["QMP", "return", "return", "timestamp"], out


def test_waits_for_its_client():
    """server=on alone: the machine begins when the client has come."""
    with Machine(qmp=("-qmp", "unix:qmp.sock,server=on")) as machine:
        line = machine.process.stderr.readline()
        assert "waiting" in line, line
        assert Raw(machine.connect()).ask(b'{"execute": "query-status"}')["return"]["running"]


# ---- the machine's end -------------------------------------------------------------------------

def test_signal_is_told():
    with Machine() as machine:
        client = Raw(machine.connect())
        machine.process.send_signal(signal.SIGTERM)
        assert client.event("SHUTDOWN") == {"guest": False, "reason": "host-signal"}
        assert client.file.readline() == b"" and machine.status() == 0


def test_guest_end_is_told():
    with Machine("-device", "isa-debug-exit,iobase=0x501", "-S", mode="spin rounds=3") as machine:
        client = Raw(machine.connect())
        client.ask(b'{"execute": "cont"}')
        assert client.event("SHUTDOWN") == {"guest": True, "reason": "guest-shutdown"}
        assert machine.status() == 1


def test_no_reboot_no_shutdown():
    """The guest resets itself: RESET, or with -no-reboot the end, or a machine that is powered off."""
    with Machine("-S", mode="reset") as machine:
        client = Raw(machine.connect())
        client.ask(b'{"execute": "cont"}')
        assert client.event("RESET") == {"guest": True, "reason": "guest-reset"}
    with Machine("-S", "-no-reboot", "-no-shutdown", mode="reset") as machine:
        client = Raw(machine.connect())
        client.ask(b'{"execute": "cont"}')
        assert client.event("SHUTDOWN") == {"guest": True, "reason": "guest-reset"}
        client.event("STOP")
        assert client.ask(b'{"execute": "query-status"}')["return"]["status"] == "shutdown"
        assert "error" in client.ask(b'{"execute": "cont"}')
        assert client.ask(b'{"execute": "system_reset"}') == {"return": {}}
        client.event("RESET")
        assert client.ask(b'{"execute": "query-status"}')["return"]["status"] == "paused"
        assert client.ask(b'{"execute": "quit"}') == {"return": {}}
        assert client.event("SHUTDOWN")["reason"] == "host-qmp-quit"
        assert machine.status() == 0


def test_gdb_holds_control():
    with Machine("-gdb", "unix:gdb.sock") as machine:
        client = Raw(machine.connect())
        gdb = socket.socket(socket.AF_UNIX)
        gdb.connect(os.path.join(machine.dir.name, "gdb.sock"))
        gdb.sendall(b"+$?#3f")
        gdb.recv(1)
        client.event("STOP")
        error = client.ask(b'{"execute": "cont"}')["error"]
        assert "gdb" in error["desc"] and error["class"] == "GenericError", error
        gdb.close()
        client.event("RESUME")


def test_garbage_ends_nothing():
    noise = os.urandom(1 << 16).replace(b"q", b"")
    with Machine() as machine:
        for text in (b"[" * 100000 + b"\n" + b'{"a": "' + b"x" * 5000000, noise * 20, b"\x00" * 1000, b"}" * 1000,
                     b'{"execute": "quit", ' * 100, b"\xff" * 1000):
            s = machine.connect()
            s.settimeout(1)
            try:
                s.sendall(text)
            except (TimeoutError, ConnectionError):
                pass            # it has to read the answers before it can go on
            s.close()
        client = Raw(machine.connect())
        assert client.ask(b'{"execute": "query-status"}')["return"]["running"]
        assert machine.process.poll() is None


tap.main(globals())
