#!/usr/bin/env python3
# Boots Debian's stock kernel in glassbox in several ways and checks what it does; TAP output.
# SPDX-License-Identifier: GPL-2.0-or-later
import argparse
import hashlib
import os
import random
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts"))
import rsp  # noqa: E402
import session  # noqa: E402
from session import Gdb, Machine, SessionError  # noqa: E402

# Work whose results are compared with those of the same programs on the host.
WORK = """
B=/bin/busybox
$B seq 1 30000 > /tmp/glassbox-numbers
$B sha256sum < /tmp/glassbox-numbers
$B md5sum < /tmp/glassbox-numbers
$B gzip -9 -c < /tmp/glassbox-numbers | $B sha1sum
$B gzip -c < /tmp/glassbox-numbers | $B gunzip -c | $B sha512sum
$B awk 'BEGIN { for (i = 1; i <= 3000; i++) s += i / (i * i + 0.37); printf "%.12f\\n", s }'
$B awk '{ n[$1 % 7] += $1 } END { for (i = 0; i < 7; i++) print i, n[i] }' /tmp/glassbox-numbers
$B dd if=/tmp/glassbox-numbers bs=1000 count=50 skip=3 2>/dev/null | $B sum
$B sort -r /tmp/glassbox-numbers | $B head -n 5
$B bc -l 2>/dev/null <<END || echo none
scale=30; 4*a(1)
END
$B rm /tmp/glassbox-numbers
"""
PERL = """
perl -e 'my ($a, $b) = (0, 1); ($a, $b) = ($b, $a + $b) for 1..80; print "$a\\n";
         printf "%.15g %.15g\\n", exp(1), atan2(1, 1) * 4;
         print join(",", map { sprintf "%x", $_ * 2654435761 % 4294967296 } 1..9), "\\n";
         my %h; $h{$_ % 13} .= chr(65 + $_ % 26) for 1..200; print "$_ $h{$_}\\n" for sort keys %h;'
"""
REPORT = "echo cpus $(nproc); grep MemTotal /proc/meminfo; cat /proc/cmdline\n"

# A kernel in good health says none of these.
TROUBLE = re.compile(r"(BUG:|WARNING:|Oops|Kernel panic|Call Trace|soft lockup|rcu_.*stall|"
                     r"Marking TSC unstable|clocksource: .*unstable|unchecked MSR|"
                     r"timer doesn't work|hung_task)")

# Case -> (arguments, kernel command line, seconds allowed, what the guest must report).
CASES = {
    "one-cpu": (["-smp", "1"], "", 240, [r"cpus 1$"]),
    "four-cpus": (["-smp", "4"], "", 300, [r"cpus 4$"]),
    "no-kaslr": (["-smp", "2"], "nokaslr", 240, [r"cpus 2$"]),
    "four-cpus-no-kaslr": (["-smp", "4"], "nokaslr", 300, [r"cpus 4$"]),
    "memory-256m": (["-smp", "1", "-m", "256M"], "", 240, [r"MemTotal: +2\d{5} kB"]),
    "memory-6g": (["-smp", "2", "-m", "6G"], "", 300, [r"MemTotal: +[56]\d{6} kB"]),
    "qemu64": (["-smp", "1", "-cpu", "qemu64"], "", 240, [r"cpus 1$"]),
    "interpreter": (["-smp", "1", "-accel", "tcg,backend=interp"], "cryptomgr.notests", 1500,
                    [r"cpus 1$"]),
}


def machine_arguments(kernel, initrd, append, extra):
    words = ["-M", "pc", "-kernel", kernel, "-initrd", initrd, "-append",
             f"console=ttyS0 {append}".strip(), "-no-reboot", *extra]
    return words if "-m" in extra else ["-m", "512M", *words]


def health(text):
    found = TROUBLE.search(text)
    if found:
        line = text[text.rfind("\n", 0, found.start()) + 1:text.find("\n", found.end())]
        raise SessionError(f"the kernel complains: {line.strip()}")


def host_result(script, folder):
    path = os.path.join(folder, "host.sh")
    with open(path, "w", encoding="utf-8") as f:
        f.write(script)
    return subprocess.run(["/bin/busybox", "sh", path], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=True).stdout


def script_output(text):
    """What the script in the guest printed, without the kernel's messages."""
    m = re.search(r"script begins\n(.*)glassbox-guest: script ends with status (\d+)", text, re.S)
    if not m or m.group(2) != "0":
        raise SessionError("the script in the guest did not end well:\n" + text[-1500:])
    return "".join(line + "\n" for line in m.group(1).splitlines()
                   if not re.match(r"^\[ *\d+\.\d+\]", line))


def run_to_end(emulator, arguments, limit):
    """Boot, wait for the end of the machine; the console's text."""
    with Machine(emulator, arguments) as machine:
        machine.expect(r"glassbox-guest: script ends with status \d+", limit)
        status = machine.wait(60)
        text = machine.console.data.replace("\r", "")
        if status:
            raise SessionError(f"exit status {status}: {machine.complaint()}")
    health(text)
    return text


def boot_case(name, options, folder):
    extra, append, limit, wanted = CASES[name]
    initrd = session.make_initramfs(folder, f"{name}.cpio.gz", REPORT)
    text = run_to_end(options.emulator, machine_arguments(options.kernel, initrd, append, extra),
                      limit)
    output = script_output(text)
    for pattern in wanted:
        if not re.search(pattern, output, re.M):
            raise SessionError(f"no '{pattern}' in the guest's report:\n{output}")


def work_case(options, folder):
    script = WORK + PERL
    initrd = session.make_initramfs(folder, "work.cpio.gz", script, ["--program", "/usr/bin/perl"])
    text = run_to_end(options.emulator,
                      machine_arguments(options.kernel, initrd, "", ["-smp", "2"]), 300)
    got, want = script_output(text), host_result(script, folder)
    if got != want:
        raise SessionError(f"the guest computes otherwise:\n{got}\nwanted:\n{want}")


def reboot_case(options, folder):
    """Three reboots by the guest, each stopped at a breakpoint that was set once."""
    initrd = session.make_initramfs(folder, "reboot.cpio.gz", REPORT, ["--then", "reboot"])
    arguments = machine_arguments(options.kernel, initrd, "nokaslr", ["-smp", "2", "-S"])
    arguments.remove("-no-reboot")
    with Machine(options.emulator, arguments) as machine, Gdb() as gdb:
        gdb.run(f"source {session.HELPER}")
        gdb.run(f"target remote :{machine.port}")
        gdb.run(f"glassbox symbols {options.kernel} -slide 0")
        gdb.run("break start_kernel")
        gdb.run("hbreak do_one_initcall if $rdi == 0")
        for boot in range(4):
            text = gdb.run("continue", 240)
            if not re.search(r"Breakpoint 1, .*start_kernel", text):
                raise SessionError(f"boot {boot}: no stop at start_kernel: {text}")
        mark = gdb.start("continue")
        machine.expect(r"(glassbox-guest: script ends[\s\S]*?){3}", 300)
        gdb.interrupt()
        gdb.finish(mark, "continue", 300)
        health(machine.console.data)


def compare_backtraces(options, folder, initrd, append, points, prepare):
    """gdb's backtraces equal the guest's own stack dumps at three stops at each point; `prepare`
    lists the gdb commands between start_kernel and the first point."""
    arguments = machine_arguments(options.kernel, initrd, append, ["-smp", "2", "-S"])
    log = os.path.join(folder, "console.log")
    unwind = options.unwind
    os.environ.update(GUEST_UNWIND=f"{unwind} {options.kernel}" if unwind else "", GUEST_LOG=log, GUEST_ROUNDS="3", GUEST_POINTS=" ".join(points))
    here = os.path.dirname(os.path.abspath(__file__))
    with open(log, "w", encoding="utf-8", buffering=1) as f, \
            Machine(options.emulator, arguments, show=f.write) as machine, Gdb() as gdb:
        gdb.run(f"source {session.HELPER}")
        gdb.run(f"target remote :{machine.port}")
        text = gdb.run(f"glassbox start {options.kernel}", 240)
        if "start_kernel" not in text:
            raise SessionError(f"no stop at start_kernel: {text}")
        for command in prepare:
            text += gdb.run(command, 240)
        text += gdb.run("source " + os.path.join(here, "backtrace_in_gdb.py"), 600)
    results = re.findall(r"^RESULT (ok|not ok) (\S+)", text, re.M)
    if unwind and not re.search(r"^RESULT slide \w+ right", text, re.M):
        raise SessionError("the program found another slide:\n" + text[-2000:])
    if len(results) != 3 * len(points) or any(r[0] != "ok" for r in results) or \
            "RESULT done" not in text:
        raise SessionError("backtraces differ from the guest's dumps:\n" + text[-6000:])


def backtrace_case(options, folder):
    """Backtraces at points of every sort: system calls, page faults, interrupts, their stacks."""
    script = ("dd if=/dev/zero of=/tmp/x bs=4096 count=500 2>/dev/null\n"
              "while :; do dd if=/tmp/x of=/dev/null bs=4096 count=10 2>/dev/null; "
              "ls -R /proc/1 >/dev/null 2>&1; sleep 0.01; done\n")
    initrd = session.make_initramfs(folder, "backtrace.cpio.gz", script)
    points = ("vfs_read", "do_nanosleep", "handle_mm_fault", "tick_sched_timer", "scheduler_tick",
              "kmem_cache_alloc", "try_to_wake_up", "run_timer_softirq")
    compare_backtraces(options, folder, initrd, "ignore_loglevel", points,
                       ["tbreak do_nanosleep", "continue"])


def modules_case(options, folder):
    """Backtraces through a module that the guest has loaded."""
    script = "insmod /loop.ko\nwhile :; do sleep 0.05; losetup -f > /dev/null; done\n"
    tree = os.path.join(os.path.dirname(options.kernel), "lib", "modules")
    module = [os.path.join(at, "loop.ko") for at, _, files in os.walk(tree) if "loop.ko" in files]
    if not module:
        raise SessionError("the kernel package has no module loop.ko")
    initrd = session.make_initramfs(folder, "modules.cpio.gz", script, ["--add", f"{module[0]}=/loop.ko"])
    compare_backtraces(options, folder, initrd, "ignore_loglevel", ("loop_control_ioctl",),
                       ["tbreak do_nanosleep", "continue", "glassbox modules"])


def attach_case(options, folder):
    """The kernel is found from user space too, where its page table isolation hides it."""
    initrd = session.make_initramfs(folder, "attach.cpio.gz", "echo busy\nwhile :; do :; done\n")
    arguments = machine_arguments(options.kernel, initrd, "pti=on", ["-smp", "1"])
    places = set()
    with Machine(options.emulator, arguments) as machine:
        machine.expect(r"^busy", 240)
        for _ in range(3):
            with Gdb() as gdb:
                gdb.run(f"source {session.HELPER}")
                gdb.run(f"target remote :{machine.port}")
                text = gdb.run(f"glassbox symbols {options.kernel}")
                places.update(re.findall(r"slide (0x[0-9a-f]+), text at", text))
                gdb.run("tbreak tick_sched_timer")
                text += gdb.run("continue", 60) + gdb.run("backtrace")
                if not re.search(r"^#5 .*asm_sysvec_apic_timer_interrupt[\s\S]*^#6 .*\?\? \(\)\s*\Z",
                                 text, re.M):
                    raise SessionError(f"no backtrace from user space:\n{text}")
                log = gdb.run("glassbox dmesg")
                if "Linux version" not in log or "Run /init as init process" not in log:
                    raise SessionError(f"the kernel's log is not whole:\n{log}")
                if not re.search(r"^ +1 +0x[0-9a-f]+ +init$", gdb.run("glassbox ps"), re.M):
                    raise SessionError("init is not among the tasks")
                gdb.run("detach")
        health(machine.console.data)
    if len(places) != 1:
        raise SessionError(f"the kernel was found at several places: {places}")


# Functions that a booting kernel runs through often, and some that it does not.
BUSY = ("vfs_read", "kmem_cache_alloc", "schedule", "handle_mm_fault", "tick_sched_timer",
        "_raw_spin_lock", "native_queued_spin_lock_slowpath", "do_syscall_64", "panic",
        "asm_sysvec_apic_timer_interrupt", "asm_exc_page_fault", "update_process_times")


class RandomStops:
    """Stops a machine at random moments, steps it, sets and removes points, lets it run on."""

    def __init__(self, stub, places, seed):
        self.stub, self.places = stub, places
        self.random = random.Random(seed)
        self.points = {}
        self.stops = 0
        self.ended = False

    def points_change(self):
        for _ in range(self.random.randrange(3)):
            if self.points and self.random.random() < 0.6:
                key = self.random.choice(list(self.points))
                self.expect_ok("z" + key)
                del self.points[key]
            else:
                kind = self.random.choice("01234")
                length = 1 if kind in "01" else self.random.choice((1, 4, 8))
                key = f"{kind},{self.random.choice(self.places):x},{length}"
                self.expect_ok("Z" + key)
                self.points[key] = True

    def expect_ok(self, packet):
        answer = self.stub.ask(packet)
        if answer != "OK":
            raise SessionError(f"packet {packet} was answered '{answer}'")

    def points_remove(self):
        for key in list(self.points):
            self.expect_ok("z" + key)
        self.points = {}

    def stop_once(self):
        """Run for up to a third of a millisecond, stop, then perhaps step."""
        self.stub.resume()
        time.sleep(self.random.random() * 0.0003)
        self.stub.interrupt()
        kind, fields = self.stub.wait_stop()
        for _ in range(self.random.randrange(4)):
            if kind[0] in "WX":
                break
            self.stub.resume(f"vCont;s:{fields.get('thread', 'p1.1')}")
            kind, fields = self.stub.wait_stop()
            self.stops += 1
        self.stops += 1
        self.ended = kind[0] in "WX"


def random_stops_case(options, folder):
    """Ten thousand random stops while the kernel boots, and it still reaches its end in health."""
    sys.path.insert(0, os.path.join(session.TOP, "gdb"))
    from glassbox_gdb import image, kallsyms
    table = kallsyms.SymbolTable(kallsyms.parse(image.KernelImage(options.kernel).data))
    places = [table.address(n) for n in BUSY] + [table.address("jiffies"), table.address("system_state")]
    # A fast host boots before the stops are all made: the guest then works on until told.
    script = ("(while :; do dd if=/dev/zero of=/tmp/x bs=4096 count=50 2>/dev/null; done) &\n"
              "echo working; read line; kill $!\n" + REPORT)
    initrd = session.make_initramfs(folder, "stops.cpio.gz", script)
    arguments = machine_arguments(options.kernel, initrd, "nokaslr", ["-smp", "4", "-S"])
    seed = int.from_bytes(os.urandom(4), "little")
    print(f"# seed {seed}", flush=True)
    with Machine(options.emulator, arguments) as machine:
        stub = rsp.Rsp(machine.port)
        stops = RandomStops(stub, [p for p in places if p], seed)
        while stops.stops < options.stops and not stops.ended:
            stops.points_change()
            stops.stop_once()
        if stops.ended:
            raise SessionError(f"the machine ended after {stops.stops} stops")
        stops.points_remove()
        print(f"# {stops.stops} stops, then on to the end", flush=True)
        stub.resume()
        machine.expect(r"^working", 240)
        machine.type("go on\n")
        machine.expect(r"glassbox-guest: script ends with status 0", 240)
        kind, _ = stub.wait_stop()
        if not kind.startswith("W00"):
            raise SessionError(f"the end was told as '{kind}'")
        machine.wait(30)
        health(machine.console.data)


def symbols_case(options, folder):
    """The helper's symbols are those that the kernel itself lists, one for one."""
    sys.path.insert(0, os.path.join(session.TOP, "gdb"))
    from glassbox_gdb import image, kallsyms
    table = kallsyms.parse(image.KernelImage(options.kernel).data)
    script = "grep -v '\\[' /proc/kallsyms > /tmp/k; wc -l < /tmp/k; sha256sum < /tmp/k\n"
    initrd = session.make_initramfs(folder, "symbols.cpio.gz", script)
    text = script_output(run_to_end(
        options.emulator, machine_arguments(options.kernel, initrd, "nokaslr", ["-smp", "1"]), 240))
    lines = "".join(f"{s.addr:016x} {s.type} {s.name}\n" for s in table)
    want = f"{len(table)}\n{hashlib.sha256(lines.encode()).hexdigest()}  -\n"
    if text != want:
        raise SessionError(f"symbols differ: the guest says\n{text}, the helper\n{want}")


OTHERS = {"work": work_case, "reboot": reboot_case, "backtrace": backtrace_case,
          "modules": modules_case, "attach": attach_case, "random-stops": random_stops_case,
          "symbols": symbols_case}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--emulator", required=True)
    parser.add_argument("--unwind", help="tests/tools/unwind-dump as built: compared too")
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--stops", type=int, default=10000, help="for random-stops")
    parser.add_argument("case", nargs="+", choices=sorted([*CASES, *OTHERS]))
    options = parser.parse_args()
    total = options.times * len(options.case)
    print(f"1..{total}", flush=True)
    failed = number = 0
    try:
        options.kernel = session.fetch_kernel()
    except SessionError as e:
        print(f"Bail out! {e}")
        return 1
    for name in options.case * options.times:
        number += 1
        with tempfile.TemporaryDirectory(prefix="glassbox-boot-") as folder:
            try:
                if name in CASES:
                    boot_case(name, options, folder)
                else:
                    OTHERS[name](options, folder)
                print(f"ok {number} - {name}", flush=True)
            except (SessionError, rsp.RspError) as e:
                failed += 1
                print("".join(f"# {line}\n" for line in str(e).splitlines()), end="")
                print(f"not ok {number} - {name}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
