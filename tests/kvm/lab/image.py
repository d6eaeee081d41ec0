# The lab's guest: Debian's stock kernel, and an initramfs that loads KVM and runs a script.
# SPDX-License-Identifier: GPL-2.0-or-later
"""As a program: image.py -o INITRAMFS --script FILE [--file SOURCE[:PATH]]... [--python]"""
import argparse
import glob
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(TOP, "scripts"))
import session  # noqa: E402
from session import SessionError  # noqa: E402

# In the order in which they depend on each other.
MODULES = {"vmx": ("irqbypass", "kvm", "kvm-intel"), "svm": ("irqbypass", "kvm", "ccp", "kvm-amd")}

# What the guest does before the script: the modules for its CPU, and what programs expect that
# an initramfs has not (the loopback interface, shared memory, a place for temporary files that
# is no part of the root). The parameters of KVM's modules come from the kernel's command line.
PRELUDE = """\
if grep -qw svm /proc/cpuinfo; then modules="{svm}"; else modules="{vmx}"; fi
for m in $modules; do
    insmod /modules/$m.ko $(tr ' ' '\\n' < /proc/cmdline | sed -n "s/^lab.$m=//p") ||
        echo "lab: module $m does not load"
done
[ -c /dev/kvm ] || echo 'lab: no /dev/kvm'
ifconfig lo 127.0.0.1 up
mkdir -p /dev/shm && mount -t tmpfs shm /dev/shm
echo 'lab: the script begins'
sh /lab-script < /dev/null
status=$?
echo "lab: the script ends with status $status"
exit $status
""".format(**{kind: " ".join(names) for kind, names in MODULES.items()})


def kernel_modules(kernel):
    """Paths of all modules that the lab may load, by name."""
    wanted = {name for names in MODULES.values() for name in names}
    found = {}
    for at, _, files in os.walk(os.path.join(os.path.dirname(kernel), "lib", "modules")):
        for file in files:
            name, ext = os.path.splitext(file)
            if ext == ".ko" and name in wanted:
                found[name] = os.path.join(at, file)
    if len(found) != len(wanted):
        raise SessionError(f"the kernel package lacks {', '.join(sorted(wanted - set(found)))}")
    return found


def is_elf(path):
    with open(path, "rb") as f:
        return f.read(4) == b"\x7fELF"


def gdb_files():
    """Files of Python and gdb that gdb reads when it starts, and those that its helper imports."""
    code = ("import sys, sysconfig, re, struct, lzma, bisect, collections, json, socket, time\n"
            "import encodings.ascii, encodings.latin_1, encodings.utf_8\n"
            "import gdb.printing, gdb.types, gdb.unwinder, gdb.FrameDecorator\n"
            "for m in list(sys.modules.values()):\n"
            "    f = getattr(m, '__file__', None)\n"
            "    if f: print('FILE', f)\n"
            "print('DATA', gdb.PYTHONDIR)\n")
    run = subprocess.run(["gdb", "-q", "-nx", "-nh", "-batch", "-ex", "python exec(" + repr(code) + ")"],
                         stdout=subprocess.PIPE, text=True, check=False,
                         env=dict(os.environ, LC_ALL="C"))
    words = [line.split(" ", 1) for line in run.stdout.splitlines()]
    files = [w[1] for w in words if w[0] == "FILE"]
    # gdb compares strings as UTF-32, for which the C library loads a module.
    for name in ("gconv-modules", "gconv-modules.cache", "gconv-modules.d/*", "UTF-32.so"):
        files += glob.glob("/usr/lib/x86_64-linux-gnu/gconv/" + name)
    for folder in [w[1] for w in words if w[0] == "DATA"]:
        for at, _, names in os.walk(folder):
            files += [os.path.join(at, n) for n in names if n.endswith(".py")]
    if run.returncode or not files:
        raise SessionError("gdb does not tell which files its Python needs")
    return sorted(set(files))


def parse_file(item):
    """(source, path inside) of SOURCE[:PATH]."""
    source, sep, path = item.partition(":")
    return source, path if sep else os.path.abspath(source)


def make(output, kernel, script, files=(), gdb=False):
    """Write an initramfs; `files` are pairs (source, path inside), programs bring their libraries."""
    command = [os.path.join(TOP, "scripts", "make-initramfs"), "-o", output]
    with open(output + ".init", "w", encoding="utf-8") as f:
        f.write(PRELUDE)
    command += ["--run", f.name, "--add", f"{script}=/lab-script"]
    for name, path in kernel_modules(kernel).items():
        command += ["--add", f"{path}=/modules/{name}.ko"]
    if gdb:
        files = [*files, ("/usr/bin/gdb", "/usr/bin/gdb"), *((f, f) for f in gdb_files())]
    for source, path in files:
        if not os.path.isfile(source):
            raise SessionError(f"no file {source}")
        library = is_elf(source) and ".so" not in os.path.basename(source)
        command += ["--program" if library else "--add", f"{source}={path}"]
    if subprocess.run(command, check=False).returncode:
        raise SessionError("the initramfs could not be made")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--script", required=True, help="what the guest runs, by busybox's sh")
    parser.add_argument("--file", action="append", default=[], metavar="SOURCE[:PATH]")
    parser.add_argument("--gdb", action="store_true", help="with gdb and the Python it needs")
    args = parser.parse_args()
    try:
        make(args.output, session.fetch_kernel(), args.script, [parse_file(f) for f in args.file], args.gdb)
    except SessionError as e:
        sys.exit(f"image: {e}")


if __name__ == "__main__":
    main()
