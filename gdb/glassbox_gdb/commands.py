# The command 'glassbox' and its sub-commands.
# SPDX-License-Identifier: GPL-2.0-or-later
import gdb
import gdb.unwinder

from . import btf, guest, image, kallsyms
from .dmesg import log_lines
from .kernel import Kernel
from .orc import OrcFilter, OrcUnwinder
from .tasks import all_tasks

KERNEL = Kernel()
PROBLEMS = (guest.GuestError, image.ImageError, kallsyms.KallsymsError, btf.BtfError)


class Glassbox(gdb.Command):
    """Help with Linux kernels that carry no debug information.

Begin with 'glassbox start IMAGE' while the machine waits at its first instruction, or with
'glassbox symbols IMAGE' at any time later; IMAGE is the bzImage or vmlinux that runs."""

    def __init__(self):
        super().__init__("glassbox", gdb.COMMAND_DATA, prefix=True)


class Sub(gdb.Command):
    """A sub-command: its own problems become one line, not a Python trace."""

    def __init__(self, name):
        super().__init__("glassbox " + name, gdb.COMMAND_DATA)

    def invoke(self, text, from_tty):
        try:
            self.run(gdb.string_to_argv(text))
        except PROBLEMS as e:
            raise gdb.GdbError(f"glassbox: {e}") from e

    def run(self, args):
        raise NotImplementedError


def tell_place():
    print(f"kernel of {len(KERNEL.symbols.symbols)} symbols, "
          f"slide {KERNEL.slide:#x}, text at {KERNEL.live('_text'):#x}")


class Symbols(Sub):
    """Load the kernel's symbols at the place where it runs.

usage: glassbox symbols [IMAGE [DEBUG-VMLINUX]] [-slide N]
The names come from the tables inside IMAGE; with DEBUG-VMLINUX from that file's debug information.
The slide of KASLR is found in the guest, at any moment after the kernel has started."""

    def __init__(self):
        super().__init__("symbols")
        self.debug_file = None

    def run(self, args):
        slide = None
        if "-slide" in args:
            at = args.index("-slide")
            if at + 1 >= len(args):
                raise gdb.GdbError("glassbox: -slide needs a number")
            slide = int(args[at + 1], 0)
            del args[at:at + 2]
        if args:
            KERNEL.open(args[0])
            self.debug_file = args[1] if len(args) > 1 else None
        elif KERNEL.image is None:
            raise gdb.GdbError("glassbox: which kernel? glassbox symbols IMAGE")
        if slide is None:
            slide = KERNEL.locate()
        if slide is None:
            raise guest.GuestError("no running kernel found in the guest; before it starts use "
                                   "'glassbox start', or '-slide 0' with nokaslr")
        KERNEL.show_symbols(slide, self.debug_file)
        tell_place()


class Start(Sub):
    """Run until the kernel's first C function, wherever KASLR puts it, and load its symbols there.

usage: glassbox start IMAGE [DEBUG-VMLINUX]
Stops at start_kernel. A breakpoint stands at every place KASLR may choose until then."""

    def __init__(self):
        super().__init__("start")

    def run(self, args):
        if args:
            KERNEL.open(args[0])
        elif KERNEL.image is None:
            raise gdb.GdbError("glassbox: which kernel? glassbox start IMAGE")
        entry = KERNEL.symbols.address("start_kernel")
        if entry is None:
            raise guest.GuestError("this kernel has no start_kernel")
        points = [gdb.Breakpoint(f"*{entry + s:#x}", internal=True)
                  for s in guest.candidates(KERNEL.image)]
        try:
            gdb.execute("continue", to_string=True)
        finally:
            for p in points:
                p.delete()
        try:
            slide = (int(gdb.selected_frame().read_register("rip")) - entry) & guest.MASK
        except (gdb.error, ValueError) as e:
            raise guest.GuestError("the machine ended before the kernel started") from e
        if slide not in guest.candidates(KERNEL.image):
            raise guest.GuestError("stopped before the kernel started")
        KERNEL.show_symbols(slide, args[1] if len(args) > 1 else None)
        tell_place()
        gdb.execute("frame")


class Slide(Sub):
    """Show how far KASLR has moved the kernel, and say so if that has changed (after a reboot)."""

    def __init__(self):
        super().__init__("slide")

    def run(self, args):
        if KERNEL.image is None:
            raise gdb.GdbError("glassbox: no kernel image yet: glassbox symbols IMAGE")
        now = KERNEL.locate()
        if now is None:
            print("no running kernel found in the guest")
        elif now == KERNEL.slide:
            print(f"slide {now:#x}")
        else:
            print(f"slide {now:#x}; symbols are loaded for "
                  f"{'none' if KERNEL.slide is None else hex(KERNEL.slide)}: glassbox symbols")


class Modules(Sub):
    """Load symbols and unwind tables of the kernel's modules; repeat it after insmod or rmmod."""

    def __init__(self):
        super().__init__("modules")

    def run(self, args):
        KERNEL.need()
        for m in KERNEL.show_modules():
            print(f"{m.base:#x}  {m.size:8}  {m.name}  ({len(m.symbols)} symbols)")


class Dmesg(Sub):
    """Print the kernel's message buffer from guest memory."""

    def __init__(self):
        super().__init__("dmesg")

    def run(self, args):
        KERNEL.need()
        for line in log_lines(KERNEL.need_types(), KERNEL.live):
            print(line)


class Ps(Sub):
    """List the kernel's tasks from guest memory."""

    def __init__(self):
        super().__init__("ps")

    def run(self, args):
        KERNEL.need()
        print(f"{'PID':>7}  {'TASK':18}  NAME")
        for pid, at, name in all_tasks(KERNEL.need_types(), KERNEL.live):
            print(f"{pid:7}  {at:#018x}  {name}")


def register():
    """Make the commands and the unwinder known to gdb; loading the helper again replaces them."""
    Glassbox()
    for command in (Symbols, Start, Slide, Modules, Dmesg, Ps):
        command()
    unwinder = OrcUnwinder(KERNEL)
    gdb.unwinder.register_unwinder(None, unwinder, replace=True)
    OrcFilter(KERNEL, unwinder)
