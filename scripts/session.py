# Drives one machine, its serial console and a gdb on it; used by the demo and by tests.
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every wait has a limit, every process that is started here is ended here by its own id."""
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HELPER = os.path.join(TOP, "gdb", "glassbox.py")


class SessionError(Exception):
    """Something that was waited for did not come, or a program ended too early."""


def emulator(build):
    """The program in a build folder."""
    for place in ("glassbox", "system/glassbox"):
        if os.path.isfile(os.path.join(build, place)):
            return os.path.join(build, place)
    return os.path.join(build, "glassbox")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def fetch_kernel(debug=False):
    """Path of Debian's kernel image, fetched into the cache if it isn't there."""
    command = [os.path.join(TOP, "scripts", "fetch-kernel")] + (["--dbg"] if debug else [])
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if run.returncode:
        raise SessionError("Debian's kernel could not be fetched")
    return run.stdout.strip()


def make_initramfs(folder, name="initrd.gz", script=None, options=()):
    """An initramfs in `folder` that runs `script` (text), or gives a shell."""
    path = os.path.join(folder, name)
    command = [os.path.join(TOP, "scripts", "make-initramfs"), "-o", path, *options]
    if script is not None:
        with open(path + ".sh", "w", encoding="utf-8") as f:
            f.write(script)
        command += ["--run", path + ".sh"]
    run = subprocess.run(command, check=False)
    if run.returncode:
        raise SessionError("the initramfs could not be made")
    return path


class Text:
    """Output of something, collected by a thread; waits look for a pattern after a mark."""

    def __init__(self, show=None):
        self.data = ""
        self.mark = 0
        self.ended = False
        self.show = show
        self.lock = threading.Condition()

    def add(self, raw):
        text = raw.decode("utf-8", "replace")
        with self.lock:
            self.data += text
            self.lock.notify_all()
        if self.show:
            self.show(text)

    def end(self):
        with self.lock:
            self.ended = True
            self.lock.notify_all()

    def wait(self, pattern, limit, what):
        """Text from the mark through the pattern's match; the mark moves behind it."""
        deadline = time.monotonic() + limit
        wanted = re.compile(pattern, re.M)
        with self.lock:
            while True:
                m = wanted.search(self.data, self.mark)
                if m:
                    found = self.data[self.mark:m.end()]
                    self.mark = m.end()
                    return found
                left = deadline - time.monotonic()
                if self.ended or left <= 0:
                    tail = self.data[self.mark:][-1500:]
                    why = "ended" if self.ended else f"did not come within {limit:.0f} s"
                    raise SessionError(f"{what}: '{pattern}' {why}; last output:\n{tail}")
                self.lock.wait(left)


class Machine:
    """One emulator process with COM1 on a socket and a port for gdb."""

    def __init__(self, emulator, arguments, show=None, port=None):
        self.folder = tempfile.mkdtemp(prefix="glassbox-session-")
        self.port = port or free_port()
        self.console = Text(show)
        path = os.path.join(self.folder, "com1")
        self.command = [emulator, "-nodefaults", "-display", "none",
                        "-serial", f"unix:{path},server=on,wait=off",
                        "-gdb", f"tcp:127.0.0.1:{self.port}", *arguments]
        self.errors = open(os.path.join(self.folder, "errors"), "w+b")
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL,
                                        stdout=self.errors, stderr=self.errors)
        self.socket = socket.socket(socket.AF_UNIX)
        try:
            self._connect(path)
        except SessionError:
            self.stop()
            raise
        threading.Thread(target=self._read, daemon=True).start()

    def _connect(self, path):
        deadline = time.monotonic() + 20
        while True:
            try:
                self.socket.connect(path)
                return
            except OSError:
                if self.process.poll() is not None:
                    raise SessionError("the emulator ended: " + self.complaint()) from None
                if time.monotonic() > deadline:
                    raise SessionError("the emulator's console did not open") from None
                time.sleep(0.02)

    def _read(self):
        while True:
            try:
                raw = self.socket.recv(65536)
            except OSError:
                raw = b""
            if not raw:
                self.console.end()
                return
            self.console.add(raw)

    def complaint(self):
        self.errors.flush()
        with open(self.errors.name, "rb") as f:
            return f.read().decode("utf-8", "replace").strip()

    def type(self, text):
        """Type text on the guest's console, at the pace of a quick hand."""
        for c in text:
            self.socket.sendall(c.encode())
            time.sleep(0.002)

    def expect(self, pattern, limit=120):
        return self.console.wait(pattern, limit, "the guest's console")

    def wait(self, limit=60):
        """The emulator's exit status."""
        try:
            return self.process.wait(limit)
        except subprocess.TimeoutExpired:
            raise SessionError(f"the emulator did not end within {limit} s") from None

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.socket.close()
        self.errors.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()


class Gdb:
    """A gdb fed command by command."""

    def __init__(self, show=None, program="gdb", files=()):
        environment = dict(os.environ, LC_ALL="C", TERM="dumb")
        self.output = Text()
        self.show = show or (lambda text: None)
        self.count = 0
        self.process = subprocess.Popen(
            [program, "-q", "-nx", "-nh", *files], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env=environment, start_new_session=True)
        threading.Thread(target=self._read, daemon=True).start()
        for line in ("set pagination off", "set confirm off", "set width 0", "set height 0",
                     "set breakpoint pending off", "set print thread-events off"):
            self.run(line, quiet=True)

    def _read(self):
        while True:
            raw = os.read(self.process.stdout.fileno(), 65536)
            if not raw:
                self.output.end()
                return
            self.output.add(raw)

    def start(self, command, quiet=False):
        """Send a command without waiting for its end (continue)."""
        self.count += 1
        if not quiet:
            self.show(f"(gdb) {command}\n")
        mark = f"@end-{self.count}@"
        try:
            self.process.stdin.write(f"{command}\necho {mark}\\n\n".encode())
            self.process.stdin.flush()
        except OSError as e:
            raise SessionError("gdb has ended") from e
        return mark

    def finish(self, mark, command, limit=120, quiet=False):
        """The output of a command that start() has sent."""
        text = self.output.wait(re.escape(mark) + r"\n", limit, f"gdb: {command}")
        text = text.replace(mark + "\n", "").replace("(gdb) ", "")
        if not quiet:
            self.show(text)
        return text

    def run(self, command, limit=120, quiet=False):
        return self.finish(self.start(command, quiet), command, limit, quiet)

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def stop(self):
        if self.process.poll() is None:
            try:
                self.process.stdin.write(b"kill\nquit\n")
                self.process.stdin.close()
                self.process.wait(3)
            except (OSError, subprocess.TimeoutExpired):
                self.process.kill()
                self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()
