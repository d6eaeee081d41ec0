# Drives the real gdb through its machine interface: commands in, what a person would see out.
# SPDX-License-Identifier: GPL-2.0-or-later
import os
import queue
import re
import subprocess
import threading
import time

TIMEOUT = 60


class GdbError(Exception):
    pass


def c_unquote(text):
    """The contents of an MI string."""
    out = bytearray()
    i = 0
    table = {"n": 10, "t": 9, "r": 13, '"': 34, "\\": 92, "e": 27, "f": 12, "b": 8, "a": 7, "v": 11}
    while i < len(text):
        c = text[i]
        if c != "\\":
            out += c.encode()
            i += 1
        elif text[i + 1] in table:
            out.append(table[text[i + 1]])
            i += 2
        else:
            out.append(int(text[i + 1:i + 4], 8))
            i += 4
    return out.decode(errors="replace")


class Gdb:
    """One gdb process. Its output between commands is collected as lines."""

    def __init__(self, args=(), gdb="gdb"):
        self.proc = subprocess.Popen([gdb, "-nx", "-q", "--interpreter=mi3", *args],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, text=True, bufsize=1,
                                     env=dict(os.environ, LC_ALL="C", DEBUGINFOD_URLS=""))
        self.lines = queue.Queue()
        self.text = ""
        self.log = []
        self.running = False
        threading.Thread(target=self._reader, daemon=True).start()
        self._until(lambda line: line.startswith("(gdb)"))
        for setting in ("mi-async on", "pagination off", "confirm off", "width 0", "height 0",
                        "print thread-events off", "style enabled off", "tcp connect-timeout 10",
                        "disassemble-next-line off", "remotetimeout 30"):
            self.command("set " + setting)

    def _reader(self):
        for line in self.proc.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def _until(self, wanted):
        """Reads records up to the first that `wanted` likes; returns it."""
        end = time.monotonic() + TIMEOUT
        while True:
            try:
                line = self.lines.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                raise GdbError("gdb does not answer; its last lines:\n" +
                               "\n".join(self.log[-30:])) from None
            if line is None:
                raise GdbError("gdb has ended; its last lines:\n" + "\n".join(self.log[-30:]))
            self.log.append(line)
            if line[:2] in ('~"', '@"', '&"'):
                self.text += c_unquote(line[2:-1])
            if line.startswith("*running"):
                self.running = True
            elif line.startswith("*stopped"):
                self.running = False
            if wanted(line):
                return line

    def send(self, command):
        quoted = command.replace("\\", "\\\\").replace('"', '\\"')
        self.proc.stdin.write('-interpreter-exec console "%s"\n' % quoted)
        self.proc.stdin.flush()

    def _result(self):
        line = self._until(lambda l: re.match(r"\^(done|running|error|exit|connected)", l))
        if line.startswith("^running"):
            self.running = True
        return line

    def command(self, command):
        """Runs a command; if it makes the target run in the foreground, waits until that has stopped
        again. Returns what it printed."""
        self.text = ""
        self.running = False
        self.send(command)
        self._result()
        if self.running and not command.endswith("&"):
            self._until(lambda l: l.startswith("*stopped"))
        self.drain()
        return self.text

    def drain(self):
        """What follows a stop is printed before the answer to one more, empty, question."""
        self.proc.stdin.write("77-list-features\n")
        self.proc.stdin.flush()
        self._until(lambda l: l.startswith("77^"))
        self._until(lambda l: l.startswith("(gdb)"))

    def interrupt(self):
        """Ctrl-C, of a target that a command left running."""
        self.proc.stdin.write("-exec-interrupt\n")
        self.proc.stdin.flush()
        self._until(lambda l: l.startswith("*stopped"))
        self.drain()
        return self.text

    def quit(self):
        if self.proc.poll() is None:
            try:
                self.proc.stdin.write("-gdb-exit\n")
                self.proc.stdin.flush()
                self.proc.wait(10)
            except (OSError, subprocess.TimeoutExpired):
                self.proc.kill()
        self.proc.wait()
