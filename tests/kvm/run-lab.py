#!/usr/bin/env python3
# Runs a list of test programs that need a complete KVM, in the lab or on the host's own; TAP output.
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: run-lab.py [options] --test NAME COMMAND... [--test NAME COMMAND...]...

A test prints TAP or nothing; each of its cases becomes a case here, and its exit status counts too. Files that a
command names are put into the lab under their own paths, programs with their libraries. All tests share one boot
of the lab. A test starts in an empty folder, which is TMPDIR too; what it leaves there is removed, what it leaves
running is killed.
KVM_TESTS=NAME,... in the environment runs only those.
"""
import argparse
import os
import re
import secrets
import shlex
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lab"))
import bochs  # noqa: E402
import lab  # noqa: E402
from image import SessionError  # noqa: E402

CASE = re.compile(r"^(not )?ok\b(?: +\d+)?(?: +- +| +)?(.*?)(?: +# *((?:skip|todo)\b.*))?$", re.I)
PLAN = re.compile(r"^1\.\.(\d+)")
SKIPPED = 77        # as meson has it

# Runs inside. The token in the lines that enclose a test's output can't be printed by the test itself.
SCRIPT = """\
run() {{
    number=$1
    shift
    echo "{token} begin $number"
    mkdir {folder}
    cd {folder}
    TMPDIR={folder} timeout -k 5 {limit} "$@" 2>&1
    status=$?
    # Kernel threads take no notice of the signal.
    for p in /proc/[0-9]*; do
        case ${{p#/proc/}} in 1|$$|$PPID|$LAB_BEAT) ;; *) kill -9 ${{p#/proc/}} 2>/dev/null ;; esac
    done
    cd /
    rm -rf {folder} /dev/shm/*
    read -r uptime rest < /proc/uptime
    printf '\\n{token} end %s %s %s\\n' $number $status $uptime
}}
dmesg -c > /dev/null
{runs}
echo "{token} begin {last}"
dmesg | grep -E 'BUG:|WARNING:|Oops|general protection fault|soft lockup|rcu.*stall|Call Trace'
printf '\\n{token} end {last} 0 0\\n'
"""


class Report:
    """TAP for meson: one case after the other, the plan at the end."""

    def __init__(self):
        self.number = self.failed = 0

    def case(self, good, name, directive=""):
        self.number += 1
        todo = directive.lower().startswith("todo")
        self.failed += not (good or todo)
        line = f"{'ok' if good else 'not ok'} {self.number} - {name}"
        print(f"{line} # {directive}" if directive else line, flush=True)

    def note(self, text):
        lines = [line for line in text.splitlines() if line.strip()]
        print("".join(f"{line}\n" if line.startswith("#") else f"# {line}\n" for line in lines), end="", flush=True)

    def test(self, name, output, status, limit):
        """All that a test said, and how it ended."""
        cases, bad, skipped, plan = 0, 0, 0, None
        for line in output.splitlines():
            found, planned = CASE.match(line), PLAN.match(line)
            if found:
                refused, what, directive = found.groups()
                self.case(not refused, f"{name}: {what}", directive or "")
                cases += 1
                bad += bool(refused)
                skipped += (directive or "").lower().startswith("skip")
            elif planned:
                plan = int(planned.group(1))
            elif line.startswith("Bail out!"):
                self.case(False, f"{name}: {line}")
                bad += 1
                plan = None
            else:
                self.note(line)
        if plan is not None and cases < plan:
            self.case(False, f"{name}: {plan - cases} of {plan} cases did not come to an end")
            bad += 1
        if status == SKIPPED and cases == skipped:
            if not cases:
                self.case(True, name, "SKIP")
        elif status and not bad:
            why = f", after {limit} s" if status in (128 + signal.SIGTERM, 128 + signal.SIGKILL) else ""
            self.case(False, f"{name}: ended with status {status}{why}")
        elif not cases and not bad:
            self.case(not status, name)

    def end(self):
        print(f"1..{self.number}", flush=True)
        return 1 if self.failed or not self.number else 0


class Lab:
    """Follows the lab's console and reports each test as it ends."""

    def __init__(self, tests, options, report):
        self.tests, self.options, self.report = tests, options, report
        self.names = [name for name, _ in tests] + ["kernel-log"]
        self.token = "@lab-" + secrets.token_hex(4) + "@"
        self.mark = re.compile(f"^{self.token} (begin|end) (\\d+)(?: (\\d+) ([\\d.]+))?\\n", re.M)
        self.text = ""
        self.current = None
        self.ended = set()

    def follow(self, new):
        self.text += new
        m = self.mark.search(self.text)
        while m:
            output, self.text = self.text[:m.start()], self.text[m.end():]
            number = int(m.group(2))
            if m.group(1) == "begin":
                self.current = number
            else:
                self.current = None
                self.ended.add(number)
                self.one(number, output, int(m.group(3)), m.group(4))
            m = self.mark.search(self.text)

    def one(self, number, output, status, uptime):
        if number == len(self.tests):
            self.report.note(output)
            self.report.case(not output.strip(), self.names[number])
        else:
            self.report.test(self.names[number], output, status, self.options.limit)
            self.report.note(f"{self.names[number]} ended {uptime} s after the guest's start")

    def run(self):
        runs = "\n".join(f"run {n} {shlex.join(command)}" for n, (_, command) in enumerate(self.tests))
        script = SCRIPT.format(folder="/run/test", token=self.token, limit=self.options.limit, runs=runs,
                               last=len(self.tests))
        files = {a for _, command in self.tests for a in command if os.path.isfile(a)}
        files.update(os.path.abspath(f) for f in self.options.file)
        why = "the script inside ended early"
        try:
            if self.options.log:
                os.makedirs(self.options.log, exist_ok=True)
            lab.run(self.options.model, self.options.log, script, [(f, f) for f in sorted(files)],
                    self.options.gdb, self.options.append, None, self.options.timeout, self.follow)
        except (SessionError, OSError) as e:
            why = str(e)
        for number, name in enumerate(self.names):
            if number not in self.ended:
                if number == self.current:
                    self.report.note(self.text[-5000:])
                self.report.case(False, f"{name}: {why}")


def run_directly(tests, options, report):
    for name, command in tests:
        with tempfile.TemporaryDirectory(prefix="glassbox-kvm-") as folder:
            process = subprocess.Popen(command, cwd=folder, env=dict(os.environ, TMPDIR=folder), text=True,
                                       errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, start_new_session=True)
            try:
                output, _ = process.communicate(timeout=options.limit)
                status = process.returncode if process.returncode >= 0 else 128 - process.returncode
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                output, status = process.communicate()[0], 128 + signal.SIGKILL
            finally:
                end_group(process)
        report.test(name, output, status, options.limit)


def end_group(process):
    """What the test left running, or the test itself when we are told to end."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def any_kvm():
    """Whether there is a KVM that is ours to use."""
    try:
        os.close(os.open("/dev/kvm", os.O_RDWR))
        return True
    except OSError:
        return False


def host_kvm(model):
    """Whether the host's KVM is that of a CPU with this model's virtualisation, and is ours to use."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
        return bool(re.search(rf"^flags\b.*\b{model}\b", f.read(), re.M)) and any_kvm()


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     usage=argparse.SUPPRESS)
    parser.add_argument("--model", choices=sorted(bochs.MODELS), default="vmx")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--direct", action="store_true", help="on the host's KVM, whatever it is")
    where.add_argument("--any", action="store_true", help="on the host's KVM, whatever it is; nothing if it has none")
    where.add_argument("--lab", action="store_true", help="in the lab, even if the host's KVM would do")
    parser.add_argument("--file", action="append", default=[], help="one more file that is wanted in the lab")
    parser.add_argument("--gdb", action="store_true", help="gdb is wanted in the lab")
    parser.add_argument("--append", default="", metavar="ARGUMENTS", help="for the lab's kernel")
    parser.add_argument("--log", metavar="FOLDER", help="where the lab's console is kept")
    parser.add_argument("--limit", type=int, default=300, metavar="SECONDS", help="for one test, of its own time (300)")
    parser.add_argument("--timeout", type=int, default=1700, metavar="SECONDS", help="for all of the lab (1700)")
    words = sys.argv[1:]
    first = words.index("--test") if "--test" in words else len(words)
    options = parser.parse_args(words[:first])
    tests = []
    for word in words[first:]:
        if word == "--test":
            tests.append([])
        else:
            tests[-1].append(os.path.abspath(word) if os.path.isfile(word) else word)
    only = [name for name in os.environ.get("KVM_TESTS", "").split(",") if name]
    unknown = set(only) - {test[0] for test in tests if test}
    if not tests or any(len(test) < 2 for test in tests):
        parser.error("no tests: --test NAME COMMAND... is wanted")
    if unknown:
        parser.error(f"KVM_TESTS: there is no test {', '.join(sorted(unknown))}")
    return options, [(test[0], test[1:]) for test in tests if not only or test[0] in only]


def main():
    options, tests = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    report = Report()
    started = time.monotonic()
    if options.any and not any_kvm():
        print("1..0 # SKIP this host has no KVM")
        return 0
    direct = options.direct or options.any or host_kvm(options.model) and not options.lab
    report.note(f"on the host's {options.model}" if direct else f"in the lab, {options.model}")
    if direct:
        run_directly(tests, options, report)
    else:
        Lab(tests, options, report).run()
    report.note(f"{time.monotonic() - started:.0f} s in all")
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
