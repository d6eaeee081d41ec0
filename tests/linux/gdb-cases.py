#!/usr/bin/env python3
# Runs tests/gdb/linux.cases: the real gdb on Debian's stock kernel, each step's output compared.
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: gdb-cases.py EMULATOR [FLAG OF run-cases...]

Cases may use $KERNEL, $HELPER (the gdb helper) and $SOCKET.console, a file of what the guest prints. The
guest copies blocks of 64 bytes, prints 'round' and sleeps, for ever."""
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "scripts"))
import session  # noqa: E402

SCRIPT = """while :; do
    dd if=/dev/zero of=/dev/null bs=64 count=20 2>/dev/null
    echo round
    sleep 0.02
done
"""


def main():
    emulator, flags = sys.argv[1], sys.argv[2:]
    folder = os.path.join(HERE, "..", "gdb")
    try:
        kernel = session.fetch_kernel()
    except session.SessionError as e:
        print(f"Bail out! {e}")
        return 1
    with tempfile.TemporaryDirectory(prefix="glassbox-gdb-") as place:
        initrd = session.make_initramfs(place, script=SCRIPT)
        return subprocess.run(
            [os.path.join(folder, "run-cases"), "--timeout", "300", "--set", f"KERNEL={kernel}",
             "--set", f"HELPER={session.HELPER}", *flags, os.path.join(folder, "linux.cases"),
             emulator, "-gdb", "unix:{socket}", "-S", "-nodefaults", "-display", "none",
             "-serial", "file:{socket}.console", "-m", "512M", "-smp", "2", "-no-reboot", "-kernel", kernel,
             "-initrd", initrd, "-append", "console=ttyS0"], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
