#!/usr/bin/env python3
# Runs a script or a command in the lab: Debian's kernel with a complete KVM, in an emulated CPU.
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the guest writes on its console is printed as it comes; the exit status is that of the script, or 124 if
it did not end."""
import argparse
import os
import re
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bochs  # noqa: E402
import image  # noqa: E402
from image import SessionError  # noqa: E402
import session  # noqa: E402

END = re.compile(r"^lab: the script ends with status (\d+)$", re.M)

# Seconds outside; a sign of life comes every 5 seconds inside, and the first when the script begins.
HANG = 300


def run(model, log, script, files=(), gdb=False, append="", com2=None, limit=1500, show=lambda text: None):
    """The exit status of `script` (text) in the guest. The folder `log` gets the files `console` and `bochs.log`;
    `show` gets the console's text as it comes."""
    with tempfile.TemporaryDirectory(prefix="glassbox-lab-") as folder:
        return _run(folder, model, log or folder, script, files, gdb, append, com2, limit, show)


def _run(folder, model, log, script, files, gdb, append, com2, limit, show):
    kernel = session.fetch_kernel()
    initramfs = os.path.join(folder, "initramfs")
    image.make(initramfs, kernel, script, files, gdb)
    deadline = time.monotonic() + limit
    text = ""
    with bochs.Bochs(model, folder, log, kernel, initramfs, append, com2) as machine, \
            open(machine.console, encoding="utf-8", errors="replace", newline="") as console:
        while True:
            ended = machine.process.poll() is not None
            late = time.monotonic() > deadline
            new = console.read().replace("\r", "")
            text += new
            if new:
                show(new)
            m = END.search(text)
            if m:
                return int(m.group(1))
            if "end Kernel panic" in text:
                raise SessionError("the guest's kernel panicked")
            if ended:
                raise SessionError(f"the machine ended: {machine.last_words()}")
            if time.monotonic() - machine.beat > HANG:
                raise SessionError(f"the guest's kernel gave no sign of life for {HANG} s")
            if late:
                raise SessionError(f"the script did not end within {limit} s")
            time.sleep(0.1)


def parse_file(item):
    """(source, path inside) of SOURCE[:PATH]."""
    source, sep, path = item.partition(":")
    return source, path if sep else os.path.abspath(source)


def show(text):
    sys.stdout.write(text)
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=sorted(bochs.MODELS), default="vmx", help="the CPU's virtualisation (vmx)")
    parser.add_argument("--file", action="append", default=[], metavar="SOURCE[:PATH]",
                        help="a file that is wanted inside; a program brings its libraries")
    parser.add_argument("--gdb", action="store_true", help="gdb is wanted inside")
    parser.add_argument("--script", metavar="FILE", help="what busybox's sh runs inside, instead of a command")
    parser.add_argument("--append", default="", metavar="ARGUMENTS",
                        help="for the kernel; lab.kvm-intel=ept=0 is for a module")
    parser.add_argument("--com2", type=int, metavar="PORT",
                        help="the guest's /dev/ttyS1 on a port of this host; the machine starts when someone connects")
    parser.add_argument("--log", metavar="FOLDER", help="keep the files console and bochs.log there")
    parser.add_argument("--timeout", type=int, default=1500, metavar="SECONDS", help="for all of it (1500)")
    parser.add_argument("command", nargs="*", help="for the shell inside")
    args = parser.parse_args()
    if bool(args.script) == bool(args.command):
        parser.error("either --script or a command is wanted")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        script = " ".join(args.command)
        if args.script:
            with open(args.script, encoding="utf-8") as f:
                script = f.read()
        if args.log:
            os.makedirs(args.log, exist_ok=True)
            args.log = os.path.abspath(args.log)
        return run(args.model, args.log, script, [parse_file(f) for f in args.file], args.gdb, args.append,
                   args.com2, args.timeout, show)
    except (SessionError, OSError) as e:
        print(f"lab: {e}", file=sys.stderr)
        return 124


if __name__ == "__main__":
    sys.exit(main())
