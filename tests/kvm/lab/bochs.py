# A PC in Bochs whose CPU has VMX or SVM, with Debian's kernel started in it.
# SPDX-License-Identifier: GPL-2.0-or-later
import os
import pty
import shutil
import struct
import subprocess
import sys
import threading
import time

from image import HERE, TOP, SessionError, run

sys.path.insert(0, os.path.join(TOP, "gdb"))
from glassbox_gdb import image as kernel_image  # noqa: E402

# CPU model and arguments by the kind of virtualisation. Bochs's SVM kills its guest's kernel when a single-stepped
# VM exits for anything but an exception; with shadow paging the first touch of a page is one. Nor does it know of
# the next instruction's address that KVM gives it with INT3, so that this returned to itself.
MODELS = {"vmx": ("corei7_skylake_x", ""), "svm": ("zambezi", "lab.kvm-amd=npt=0 lab.kvm-amd=nrips=0")}

# Instructions that make a second of the guest's time: about what Bochs does in a second here, so that
# time-outs inside mean what they say. The TSC counts instructions, whatever the model's CPUID tells.
IPS = 50_000_000

# boot.S has the same.
KERNEL = 0x1000000
SETUP, COMMAND_LINE, HEAP_END = 0x90000, 0x9E000, 0xD000
SECTOR, CHUNK, CYLINDER = 512, 256 * 512, 16 * 63 * 512

CONFIGURATION = """\
cpu: model={cpu}, count=1, ips={ips}, reset_on_triple_fault=0
memory: guest={memory}, host={memory}
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
optromimage1: file={folder}/rom.bin, address=0xd0000
optramimage1: file={folder}/setup.bin, address=0x90000
optramimage2: file={folder}/enter.bin, address=0x100000
ata0-master: type=disk, mode=flat, path={folder}/disk
boot: disk
com1: enabled=1, mode=file, dev={log}/console
display_library: term
port_e9_hack: enabled=1
clock: sync={sync}, time0=utc
panic: action=fatal{panic}
error: action=report
info: action=ignore
log: {log}/bochs.log
"""

ARGUMENTS = ("console=ttyS0,115200 quiet panic=0 tsc_early_khz={khz} tsc=reliable no_timer_check "
             "mitigations=off cryptomgr.notests edd=off")


def padded(data, unit):
    return data + bytes(-len(data) % unit)


def flat_kernel(kernel):
    """The kernel's segments as they lie in memory from KERNEL on; kept beside the kernel."""
    path = os.path.join(os.path.dirname(kernel), "flat-kernel")
    if not os.path.exists(path):
        elf = kernel_image.KernelImage(kernel).data
        table, = struct.unpack_from("<Q", elf, 32)
        count, = struct.unpack_from("<H", elf, 56)
        flat = bytearray()
        for i in range(count):
            kind, _, offset, _, address, size = struct.unpack_from("<IIQQQQ", elf, table + 56 * i)
            if kind == kernel_image.PT_LOAD:
                at = address - KERNEL
                flat.extend(bytes(max(0, at + size - len(flat))))
                flat[at:at + size] = elf[offset:offset + size]
        partial = f"{path}.{os.getpid()}"
        with open(partial, "wb") as f:
            f.write(flat.rstrip(b"\0"))
        os.replace(partial, path)
    with open(path, "rb") as f:
        return f.read()


class Bochs:
    """The machine's files lie in `folder`, its console and Bochs's own log are files in the folder `log`."""

    def __init__(self, model, folder, log, kernel, initramfs, append="", com2=None, memory=1024):
        for program in ("bochs", "gcc", "objcopy"):
            if not shutil.which(program):
                raise SessionError(f"there is no {program} (see scripts/install-deps)")
        self.folder = folder
        self.console = os.path.join(log, "console")
        cpu, more = MODELS[model]
        self._write_setup(kernel, os.path.getsize(initramfs),
                          f"{ARGUMENTS.format(khz=IPS // 1000)} {more} {append}")
        self._write_disk(kernel, initramfs)
        # Who talks to a program inside wants its time to pass no faster than the time outside.
        text = CONFIGURATION.format(cpu=cpu, ips=IPS, memory=memory, folder=folder, log=log,
                                    sync="slowdown" if com2 else "none",
                                    panic=", cpu0=report" if model == "svm" else "")
        if com2:
            text += f"com2: enabled=1, mode=socket-server, dev=127.0.0.1:{com2}\n"
        self._write("bochsrc", text.encode())
        # Debian's Bochs has a debugger in it, that waits for commands: at the start, and, with SVM, at each triple
        # fault of a VM, which is a panic there and goes on as an exit.
        self._write("commands", b"c\n" * 100)
        with open(self.console, "wb"):
            pass
        self._start()

    def _write(self, name, data):
        with open(os.path.join(self.folder, name), "wb") as f:
            f.write(data)

    def _write_setup(self, kernel, initramfs_size, command_line):
        """The kernel's set-up code with the fields that a boot loader fills in, and the command line."""
        with open(kernel, "rb") as f:
            start = f.read(64 * 1024)
        setup = bytearray(start[:(start[0x1F1] + 1) * SECTOR])
        setup[0x210] = 0xFF                                     # a loader without a number
        setup[0x211] |= 0x80                                    # heap_end_ptr is valid
        struct.pack_into("<II", setup, 0x218, 0x8000000, initramfs_size)
        struct.pack_into("<H", setup, 0x224, HEAP_END - 0x200)
        struct.pack_into("<I", setup, 0x228, COMMAND_LINE)
        self._write("setup.bin", setup.ljust(COMMAND_LINE - SETUP, b"\0") + command_line.encode() + b"\0")

    def _write_disk(self, kernel, initramfs):
        with open(initramfs, "rb") as f:
            parts = [padded(flat_kernel(kernel), CHUNK), padded(f.read(), CHUNK)]
        self._write("disk", padded(b"".join(parts), CYLINDER))
        names = {name: os.path.join(self.folder, name) for name in ("boot.o", "boot.elf", "rom.bin", "enter.bin")}
        run("gcc", "-m32", "-c", "-o", names["boot.o"], os.path.join(HERE, "boot.S"))
        run("ld", "-m", "elf_i386", "--no-warn-rwx-segments", "-e", "0", "--section-start=.rom=0",
            "--section-start=.enter=0x100000", "-o", names["boot.elf"], names["boot.o"])
        for section in ("rom", "enter"):
            run("objcopy", "-O", "binary", "-j", "." + section, names["boot.elf"], names[section + ".bin"])
        with open(names["rom.bin"], "rb") as f:
            rom = bytearray(padded(f.read(), SECTOR))
        rom[-1] = -sum(rom) & 0xFF
        self._write("rom.bin", rom)
        with open(names["enter.bin"], "r+b") as f:
            f.seek(8)
            f.write(struct.pack("<II", *(len(part) // CHUNK for part in parts)))

    def _start(self):
        """Bochs draws its screen on a terminal, which nobody looks at; it dies with us in any case."""
        self.terminal, inner = pty.openpty()
        self.screen = b""
        self.beat = time.monotonic()        # when the guest last said that it lives
        command = ["setpriv", "--pdeathsig", "KILL", "bochs", "-f", f"{self.folder}/bochsrc",
                   "-rc", f"{self.folder}/commands"]
        # Of our environment nothing: meson's MALLOC_PERTURB_ makes Bochs abort.
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=inner, stderr=inner,
                                        env={"PATH": os.environ.get("PATH", os.defpath), "TERM": "vt100"})
        os.close(inner)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        while True:
            try:
                data = os.read(self.terminal, 65536)
            except OSError:
                data = b""
            if not data:
                return
            if b"\a" in data:
                self.beat = time.monotonic()
            self.screen = (self.screen + data)[-10000:]

    def last_words(self):
        """Why Bochs ended, in one line."""
        if self.process.returncode < 0:
            return f"by signal {-self.process.returncode}"
        self.reader.join(5)
        text = self.screen.decode("ascii", "replace").replace("\r", "")
        _, found, words = text.partition("exiting with the following message:\n")
        return " ".join(words.split("\n===")[0].split()) if found else "without a message"

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join(5)
        os.close(self.terminal)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()
