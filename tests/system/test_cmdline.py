#!/usr/bin/env python3
# The command line: what good and bad input gets. Prints TAP.
# usage: test_cmdline.py GLASSBOX KERNEL (a multiboot or PVH image that runs for ever or ends by itself)
# SPDX-License-Identifier: GPL-2.0-or-later
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import time

GLASSBOX, KERNEL = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
DIR = tempfile.mkdtemp(prefix="glassbox-cmdline-")
TIMEOUT = 120

count = 0
failed = 0


def report(name, ok, why=""):
    global count, failed
    count += 1
    if not ok:
        failed += 1
    print(f"{'ok' if ok else 'not ok'} {count} {name}")
    for line in why.splitlines() if not ok else []:
        print(f"# {line}")
    sys.stdout.flush()


def path(name):
    return os.path.join(DIR, name)


def run(args, **kwargs):
    return subprocess.run([GLASSBOX] + args, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=TIMEOUT, cwd=DIR, **kwargs)


def check_bad(args, pattern):
    """One line on stderr that matches, exit status 1, no new file left behind."""
    before = set(os.listdir(DIR))
    p = run(args)
    lines = p.stderr.splitlines()
    ok = (p.returncode == 1 and len(lines) == 1 and lines[0].startswith("glassbox: ")
          and re.search(pattern, lines[0]) and p.stdout == "" and set(os.listdir(DIR)) == before)
    report("bad: " + " ".join(args), bool(ok),
           f"status {p.returncode}, stdout {p.stdout!r}, stderr {p.stderr!r}, "
           f"left {set(os.listdir(DIR)) - before}")


def check_prints(args, pattern):
    p = run(args)
    report("prints: " + " ".join(args),
           p.returncode == 0 and p.stderr == "" and re.search(pattern, p.stdout) is not None,
           f"status {p.returncode}, stdout {p.stdout!r}, stderr {p.stderr!r}")


def wait_for(condition, what):
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    print(f"# gave up waiting for {what}")
    return False


def connects(sock_path):
    s = socket.socket(socket.AF_UNIX)
    try:
        s.connect(sock_path)
        return True
    except OSError:
        return False
    finally:
        s.close()


QUIET = ["-kernel", KERNEL, "-serial", "null"]


def bad_input():
    with open(path("empty"), "w"):
        pass
    with open(path("garbage"), "wb") as f:
        f.write(bytes(range(256)) * 64)
    with open(KERNEL, "rb") as f, open(path("cut"), "wb") as g:
        g.write(f.read(600))
    # Linux images that end before what their headers speak of
    setup = bytearray(4096)
    setup[0x1f1], setup[0x1fe:0x200], setup[0x202:0x206] = 4, b"\x55\xaa", b"HdrS"
    setup[0x201], setup[0x206:0x208], setup[0x211] = 0x6a, b"\x0f\x02", 1
    with open(path("bzcut"), "wb") as f:
        f.write(setup[:1500])
    with open(KERNEL, "rb") as f, open(path("badelf"), "wb") as g:
        image = bytearray(f.read())
        image[28:40] = b"\xff" * 12      # where its program headers are
        g.write(image)
    with open(path("big"), "wb") as f:
        f.truncate(300 << 20)
    with open(path("plainfile"), "w") as f:
        f.write("x")
    busy = socket.socket()
    busy.bind(("127.0.0.1", 0))
    busy.listen(1)
    port = busy.getsockname()[1]
    for args, pattern in [
            (["-frobnicate"], r"-frobnicate"),
            (["file.img"], r"file\.img"),
            (["-m"], r"-m: .*argument"),
            (QUIET + ["-m", "0"], r"-m: "),
            (QUIET + ["-m", "12Q"], r"-m: .*12Q"),
            (QUIET + ["-m", "-5"], r"-m: .*-5"),
            (QUIET + ["-m", "1M"], r"-m: .*2 MiB"),
            (QUIET + ["-m", "2M"], r"memory"),
            (QUIET + ["-m", "17G"], r"-m: .*16 GiB"),
            (QUIET + ["-m", "1000T"], r"-m: "),
            (QUIET + ["-m", "size=1G,slots=2"], r"-m: .*slots"),
            (QUIET + ["-smp", "0"], r"-smp: "),
            (QUIET + ["-smp", "17"], r"-smp: .*16"),
            (QUIET + ["-smp", "-1"], r"-smp: .*-1"),
            (QUIET + ["-smp", ""], r"-smp: "),
            (QUIET + ["-smp", "1000"], r"-smp: "),
            (QUIET + ["-smp", "four"], r"-smp: .*four"),
            (QUIET + ["-smp", "2,sockets=2"], r"-smp: .*sockets"),
            (QUIET + ["-M", "q35"], r"-M: .*q35"),
            (QUIET + ["-machine", "pc,foo=1"], r"-machine: .*foo"),
            (QUIET + ["-accel", "xen"], r"-accel: .*xen"),
            (QUIET + ["-accel", "tcg:xen"], r"-accel: .*xen"),
            (QUIET + ["-accel", "tcg:"], r"-accel: there is no accelerator ''"),
            (QUIET + ["-accel", "tcg,backend=nope"], r"-accel: .*nope"),
            (QUIET + ["-cpu", "pentium9"], r"pentium9"),
            (QUIET + ["-cpu", "max,foo=bar"], r"-cpu: .*foo"),
            (QUIET + ["-accel", "tcg,foo=1"], r"-accel: .*foo"),
            (QUIET + ["-cpu", "max,+nosuchflag"], r"nosuchflag"),
            (QUIET + ["-device", "e1000"], r"-device: .*e1000"),
            (QUIET + ["-device", "isa-serial,bogus=1"], r"-device: .*bogus"),
            (QUIET + ["-device", ""], r"-device: "),
            (QUIET + ["-device", "isa-serial,index=9"], r"-device: .*index"),
            (QUIET + ["-device", "isa-debug-exit,iosize=9"], r"-device: .*iosize"),
            (QUIET + ["-device", "isa-serial,chardev=nope"], r"-device: .*nope"),
            (QUIET + ["-device", "isa-debug-exit,iobase=0x20000"], r"-device: .*0x20000"),
            (QUIET + ["-display", "gtk"], r"-display: .*gtk"),
            (QUIET + ["-vga", "std"], r"-vga: .*std"),
            (QUIET + ["-rtc", "base=yesterday"], r"-rtc: .*yesterday"),
            (QUIET + ["-rtc", "base=2300-01-01"], r"-rtc: .*too far away"),
            (["-accel", "qtest,fast", "-display", "none"], r"-accel: 'qtest' has no option 'fast'"),
            (["-accel", "qtest", "-display", "none", "-append", "x"], r"-append say nothing without -kernel"),
            (["-accel", "tcg", "-display", "none", "-qtest", "null"], r"name a kernel with -kernel"),
            (["-accel", "qtest", "-display", "none", "-qtest", "unix:/nonexistent/dir/x"],
             r"-qtest: .*/nonexistent/dir/x"),
            (["-accel", "qtest", "-display", "none", "-qtest", "chardev:nope"], r"-qtest: .*nope"),
            (["-accel", "qtest", "-display", "none", "-serial", "chardev:c", "-chardev", "null,id=c",
              "-qtest", "chardev:c"], r"-qtest: .*'c' is used"),
            (["-accel", "qtest", "-display", "none", "-qtest", "null", "-qtest-log",
              "/nonexistent/dir/x"], r"-qtest: log file '/nonexistent/dir/x'"),
            (QUIET + ["-d", "nothing"], r"-d: .*nothing"),
            (QUIET + ["-D", "/nonexistent/dir/log", "-d", "int"], r"-D: .*/nonexistent/dir/log"),
            (QUIET + ["-D", DIR, "-d", "int"], r"-D: .*directory"),
            (QUIET + ["-trace", "no_such_event*"], r"-trace: .*no_such_event"),
            (QUIET + ["-chardev", "null"], r"-chardev: .*id"),
            (QUIET + ["-chardev", "null,id=a", "-chardev", "null,id=a"], r"-chardev: .*'a'"),
            (QUIET + ["-chardev", "teapot,id=a"], r"-chardev: .*teapot"),
            (["-kernel", KERNEL, "-serial", "chardev:nope"], r"-serial: .*nope"),
            (["-kernel", KERNEL, "-serial", "carrier-pigeon"], r"-serial: .*carrier-pigeon"),
            (["-kernel", KERNEL, "-serial", "file:/nonexistent/x"], r"-serial: .*/nonexistent/x"),
            (["-kernel", KERNEL, "-serial", "file:" + DIR], r"-serial: .*directory"),
            (["-kernel", KERNEL] + ["-serial", "null"] * 5, r"-serial: .*4"),
            (["-kernel", KERNEL, "-serial", "stdio", "-serial", "stdio"], r"-serial: .*stdio"),
            (["-kernel", KERNEL, "-serial", "tcp:127.0.0.1:1"], r"-serial: .*127\.0\.0\.1"),
            (QUIET + ["-gdb", f"tcp::{port}"], rf"-gdb: .*{port}"),
            (QUIET + ["-gdb", "tcp::99999"], r"-gdb: "),
            (QUIET + ["-gdb", "tcp::"], r"-gdb: "),
            (QUIET + ["-gdb", "unix:plainfile"], r"-gdb: .*plainfile"),
            (QUIET + ["-qmp", "unix:plainfile,server=on,wait=off"], r"-qmp: .*plainfile"),
            (QUIET + ["-qmp", "smoke"], r"-qmp: .*smoke"),
            (QUIET + ["-qmp", "chardev:nope"], r"-qmp: .*nope"),
            (QUIET + ["-qmp-pretty", "tcp:127.0.0.1:1"], r"-qmp-pretty: .*127\.0\.0\.1"),
            (QUIET + ["-qmp", f"tcp::{port},server=on,wait=off"], rf"-qmp: .*{port}"),
            (QUIET + ["-qmp", "unix:sock,server=on,wait=off", "-qmp", "smoke"], r"-qmp: .*smoke"),
            (QUIET + ["-mon", "chardev=nope,mode=control"], r"-mon: .*nope"),
            (QUIET + ["-mon", "mode=control"], r"-mon: "),
            (QUIET + ["-chardev", "null,id=a", "-mon", "a,mode=telepathy"], r"-mon: .*telepathy"),
            (QUIET + ["-chardev", "null,id=a", "-mon", "a,mode=control,pretty=perhaps"], r"-mon: .*pretty"),
            (QUIET + ["-chardev", "null,id=a", "-mon", "a,mode=control,edit=on"], r"-mon: .*edit"),
            (QUIET + ["-chardev", "null,id=a", "-mon", "a,mode=control", "-qmp", "chardev:a"], r"-qmp: .*'a'|-mon: .*'a'"),
            (QUIET + ["-gdb", "unix:/nonexistent/sock"], r"-gdb: .*/nonexistent/sock"),
            (QUIET + ["-gdb", "smoke"], r"-gdb: .*smoke"),
            (["-serial", "null"], r"-kernel"),
            (["-serial", "null", "-kernel", "missing"], r"missing"),
            (["-serial", "null", "-kernel", "empty"], r"empty"),
            (["-serial", "null", "-kernel", "garbage"], r"garbage"),
            (["-serial", "null", "-kernel", "cut"], r"cut"),
            (["-serial", "null", "-kernel", "bzcut"], r"bzcut"),
            (["-serial", "null", "-kernel", "badelf"], r"badelf"),
            (["-serial", "null", "-kernel", DIR], r"cmdline"),
            (QUIET + ["-initrd", "empty"], r"empty"),
            (QUIET + ["-initrd", DIR], r"directory"),
            (QUIET + ["-initrd", "missing"], r"missing"),
            (QUIET + ["-m", "128M", "-initrd", "big"], r"memory|room|large"),
            # a socket made before a later mistake is taken away again
            (["-kernel", "missing", "-serial", "unix:sock,server=on,wait=off"], r"missing"),
            (QUIET + ["-gdb", "unix:sock", "-gdb", "smoke"], r"-gdb: .*smoke"),
    ]:
        check_bad(args, pattern)
    busy.close()


def helps():
    check_prints(["-help"], r"-kernel FILE")
    check_prints(["-help"], r"-qmp STREAM")
    check_prints(["--version"], r"^Glassbox version [0-9]")
    check_prints(["-machine", "help"], r"(?m)^pc ")
    check_prints(["-accel", "help"], r"(?m)^tcg$")
    check_prints(["-cpu", "help"], r"qemu64")
    check_prints(["-device", "help"], r"isa-debug-exit")
    check_prints(["-device", "isa-serial,help"], r"chardev=<chardev>")
    check_prints(["-d", "help"], r"(?m)^in_asm ")
    check_prints(["-trace", "help"], r"gdb_")


def start(args):
    return subprocess.Popen([GLASSBOX] + args, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, cwd=DIR)


def finish(p):
    """Ends the process if it has not ended; returns its status, None if it had to be killed."""
    try:
        out, err = p.communicate(timeout=TIMEOUT)
        return p.returncode, out, err
    except subprocess.TimeoutExpired:
        p.kill()
        out, err = p.communicate()
        return None, out, err


def signals():
    for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        for extra in (["-S"], []):
            p = start(QUIET + ["-gdb", "unix:gdb.sock", "-no-shutdown"] + extra)
            up = wait_for(lambda: connects(path("gdb.sock")), "the gdb socket")
            p.send_signal(sig)
            status, _, err = finish(p)
            report(f"{sig.name} {'stopped' if extra else 'running'}: a clean end",
                   up and status == 0 and not os.path.exists(path("gdb.sock")),
                   f"status {status}, stderr {err!r}, files {os.listdir(DIR)}")


def ctrl_a_x():
    p = start(["-kernel", KERNEL, "-nographic", "-S"])
    p.stdin.write(b"\x01h\x01x")
    p.stdin.flush()
    status, out, err = finish(p)
    report("Ctrl-A h and Ctrl-A x", status == 0 and b"print this help" in out,
           f"status {status}, stdout {out!r}, stderr {err!r}")


def terminal():
    """On a terminal: keys come one by one while we run, and all is as before afterwards."""
    for args, end, signals in ((["-nographic"], b"\x01x", False), (["-serial", "stdio"], None, True)):
        master, slave = os.openpty()
        before = termios.tcgetattr(slave)
        p = subprocess.Popen([GLASSBOX, "-kernel", KERNEL, "-S", *args], stdin=slave, stdout=slave,
                             stderr=subprocess.PIPE, cwd=DIR)

        def is_raw():
            return not termios.tcgetattr(slave)[3] & (termios.ECHO | termios.ICANON)
        raw = wait_for(is_raw, "the terminal to be raw")
        has_signals = bool(termios.tcgetattr(slave)[3] & termios.ISIG)
        if end:
            os.write(master, end)
        else:
            p.send_signal(signal.SIGTERM)
        status, _, err = finish(p)
        after = termios.tcgetattr(slave)
        report("terminal with " + " ".join(args),
               raw and has_signals == signals and status == 0 and after == before,
               f"raw {raw}, signals {has_signals}, status {status}, stderr {err!r}, "
               f"restored {after == before}")
        os.close(master)
        os.close(slave)


def shared_stream():
    """Two devices on one stream, by a mux: what the guest's console says still comes out."""
    p = run(["-kernel", KERNEL, "-chardev", "file,id=f,path=out.txt,mux=on", "-serial", "chardev:f",
             "-device", "isa-debugcon,chardev=f", "-device", "isa-debug-exit,iobase=0x501"])
    with open(path("out.txt")) as f:
        text = f.read()
    report("two devices on one stream", p.returncode & 1 == 1 and "guest: exit" in text,
           f"status {p.returncode}, stderr {p.stderr!r}, output {text!r}")


def waiting_server():
    """A server that waits for its peer holds up the start, and can be ended."""
    p = start(["-kernel", KERNEL, "-serial", "unix:serial.sock,server=on", "-gdb", "unix:gdb.sock",
               "-S"])
    up = wait_for(lambda: os.path.exists(path("serial.sock")), "the serial socket")
    early = os.path.exists(path("gdb.sock"))
    p.send_signal(signal.SIGTERM)
    status, _, err = finish(p)
    report("a server that waits", up and not early and status == 1
           and not os.path.exists(path("serial.sock")), f"status {status}, stderr {err!r}")
    p = start(["-kernel", KERNEL, "-serial", "unix:serial.sock,server=on", "-gdb", "unix:gdb.sock",
               "-S"])
    wait_for(lambda: os.path.exists(path("serial.sock")), "the serial socket")
    s = socket.socket(socket.AF_UNIX)
    s.connect(path("serial.sock"))
    up = wait_for(lambda: connects(path("gdb.sock")), "the gdb socket")
    p.send_signal(signal.SIGTERM)
    status, _, err = finish(p)
    s.close()
    report("its peer has come", up and status == 0, f"status {status}, stderr {err!r}")


def main():
    try:
        helps()
        bad_input()
        signals()
        ctrl_a_x()
        terminal()
        shared_stream()
        waiting_server()
    finally:
        for name in os.listdir(DIR):
            os.unlink(path(name))
        os.rmdir(DIR)
    print(f"1..{count}")
    return 1 if failed else 0


sys.exit(main())
