# The lab's guest: an initramfs for Debian's stock kernel that loads KVM and runs a script.
# SPDX-License-Identifier: GPL-2.0-or-later
import glob
import importlib.util
import os
import py_compile
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(TOP, "scripts"))
from session import SessionError  # noqa: E402

# In the order in which they depend on each other.
MODULES = {"vmx": ("irqbypass", "kvm", "kvm-intel"), "svm": ("irqbypass", "kvm", "ccp", "kvm-amd")}

# What the guest does before the script: loads the modules for its CPU, and makes what programs expect and an
# initramfs has not. Kernel messages go to the log alone, since they would break into lines of TAP; a panic prints in
# any case. All is in memory here, so that /tmp need be nothing special: it may hold files of ours. A byte to a
# port that Bochs prints tells outside, apart from the console, that the guest lives. The second of sleep lets the
# console's buffer run empty, which the end of the machine would cut off.
PRELUDE = """\
dmesg -n 1
umount /tmp
if grep -qw svm /proc/cpuinfo; then modules="{svm}"; else modules="{vmx}"; fi
for m in $modules; do
    insmod /modules/$m.ko $(tr ' ' '\\n' < /proc/cmdline | sed -n "s/^lab.$m=//p") ||
        echo "lab: the module $m does not load"
done
[ -c /dev/kvm ] || echo 'lab: there is no /dev/kvm'
ifconfig lo 127.0.0.1 up
mkdir -p /dev/shm /run
mount -t tmpfs shm /dev/shm
(while :; do sleep 5; printf '\\a' | dd of=/dev/port bs=1 seek={beat} 2>/dev/null; done) &
export LAB_BEAT=$!
echo 'lab: the script begins'
sh /lab-script < /dev/null
echo "lab: the script ends with status $?"
sleep 1
""".format(beat=0xe9, **{kind: " ".join(names) for kind, names in MODULES.items()})


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


def run(*command):
    if subprocess.run(command, check=False).returncode:
        raise SessionError(f"{os.path.basename(command[0])} failed")


def is_elf(path):
    with open(path, "rb") as f:
        return f.read(4) == b"\x7fELF"


def gdb_files():
    """Files that gdb and its Python read when they start, and those that Glassbox's helper imports."""
    code = ("import sys, encodings.ascii, encodings.latin_1, encodings.utf_8\n"
            "import bisect, bz2, collections, lzma, re, shutil, struct, subprocess, zlib\n"
            "import gdb.printing, gdb.types, gdb.unwinder, gdb.FrameDecorator\n"
            "for m in list(sys.modules.values()):\n"
            "    if getattr(m, '__file__', None): print('FILE', m.__file__)\n"
            "print('FOLDER', gdb.PYTHONDIR)\n")
    # In the plain locale, as inside; another would load other files.
    told = subprocess.run(["gdb", "-q", "-nx", "-nh", "-batch", "-ex", f"python exec({code!r})"],
                          stdout=subprocess.PIPE, text=True, check=False, env=dict(os.environ, LC_ALL="C"))
    words = [line.split(" ", 1) for line in told.stdout.splitlines()]
    files = [w[1] for w in words if w[0] == "FILE"]
    for folder in [w[1] for w in words if w[0] == "FOLDER"]:
        files += glob.glob(folder + "/**/*.py", recursive=True)
    if told.returncode or not files:
        raise SessionError("gdb does not tell which files its Python needs")
    # gdb compares names as UTF-32, for which the C library loads a module.
    for name in ("gconv-modules", "gconv-modules.cache", "gconv-modules.d/*", "UTF-32.so"):
        files += glob.glob("/usr/lib/x86_64-linux-gnu/gconv/" + name)
    return sorted({"/usr/bin/gdb", *files})


def compiled(paths, prefix):
    """Python's compiled form of its sources among `paths`, written beside `prefix`, as pairs like make()'s. To
    compile them inside would take a quarter of a minute. Files have no time inside, so none is compared."""
    pairs = []
    for path in paths:
        if path.endswith(".py"):
            target = f"{prefix}.{len(pairs)}.pyc"
            py_compile.compile(path, target, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
            pairs.append((target, importlib.util.cache_from_source(path)))
    return pairs


def make(output, kernel, script, files=(), gdb=False):
    """Write an initramfs that runs `script` (text). `files` are pairs (source, path inside); programs bring
    their libraries."""
    command = [os.path.join(TOP, "scripts", "make-initramfs"), "-o", output]
    for name, text in ((".init", PRELUDE), (".script", script)):
        with open(output + name, "w", encoding="utf-8") as f:
            f.write(text)
    command += ["--run", output + ".init", "--add", f"{output}.script=/lab-script"]
    # On a slow CPU the check of a signature takes seconds, as does the sorting of what only backtraces use.
    for name, path in kernel_modules(kernel).items():
        light = f"{output}.{name}.ko"
        run("objcopy", "--strip-unneeded", "-R", ".BTF", "-R", "*.orc_unwind*", path, light)
        command += ["--add", f"{light}=/modules/{name}.ko"]
    if gdb:
        files = [*files, *((path, path) for path in gdb_files())]
        files += compiled([path for path, _ in files], output)
    for source, path in files:
        if not os.path.isfile(source):
            raise SessionError(f"there is no file {source}")
        command += ["--program" if is_elf(source) else "--add", f"{source}={path}"]
    run(*command)
