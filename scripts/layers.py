#!/usr/bin/env python3
# Check the floors of the source tree: no include goes up, no #if asks for a target or accelerator.
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: layers.py [SOURCE]

Prints one line per offence and exits with 1 if there is any. The rules are the tables below; the
reasons are in docs/devel/architecture.rst.
"""
import os
import re
import sys

# Rooms, from the most special pattern to the most general: (pattern, room, floor).
ROOMS = [
    (r"util/", "util", 0),
    (r"mem/", "mem", 1),
    (r"chardev/", "chardev", 1),
    (r"symbols/", "symbols", 1),
    (r"cpu/", "cpu", 2),
    (r"accel/[^/]+\.h$", "accel contract", 2),
    (r"vm/", "vm", 3),
    (r"hw/[^/]+\.[ch]$", "hw contract", 3),
    (r"accel/(\w+)/", "accel/{0}", 4),
    (r"target/[^/]+\.h$", "target contract", 4),
    (r"target/(\w+)/", "target/{0}", 4),
    (r"hw/(i386|arm)/", "hw/{0}", 5),
    (r"hw/(\w+)/", "hw/{0}", 4),
    (r"replay/", "replay", 5),
    (r"debug/", "debug", 6),
    (r"monitor/", "monitor", 7),
    (r"gdbstub/", "gdbstub", 8),
    (r"qtest/", "qtest", 8),
    (r"system/", "system", 9),
    (r"main\.c$", "system", 9),
    (r"tests/", "tests", 10),
]

# Plain enums and constant tables, open to every room.
WORDS = {"accel/point.h", "vm/stop.h", "cpu/regs.h"}

# A room that sees less than all the floors below it: the rooms it may include directly.
NARROW = {
    "gdbstub": {"util", "mem", "chardev", "debug", "monitor"},
    "symbols": {"util"},
    "qtest": {"util", "mem", "chardev", "cpu", "vm", "hw contract"},
}

# Neighbours on one floor: (from, included path) pairs that the design allows.
NEIGHBOURS = [
    ("accel contract", r"cpu/"),                            # an executor's contract names the CPU
    ("hw contract", r"vm/"),                                # a device is part of a machine
    (r"target/\w+", r"accel/\w+/[^/]+(?<!_int)\.h$"),       # the plugs that targets fill with pins
    (r"target/\w+", r"target/[^/]+\.h$"),                   # a target fills the targets' contract
    (r"hw/\w+", r"target/[^/]+\.h$"),
    ("hw/(i386|arm)", r"hw/(i386|arm)/"),
]

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
CONDITION = re.compile(r"^\s*#\s*(?:el)?if(?:n?def)?\b(.*)$", re.M)
TARGET_WORD = re.compile(r"\b(TARGET_\w+|CONFIG_(?:TCG|KVM|HVF|QTEST)\w*|HAVE_(?:TCG|KVM|HVF)\w*)\b")
HOST_WORD = re.compile(r"\b(__x86_64__|__i386__|__aarch64__|__arm__|__linux__|__APPLE__|"
                       r"__FreeBSD__|__BYTE_ORDER__)\b")
HOST_PLACES = re.compile(r"^(util/host_|util/endian\.h$|util/atomic|util/thread|accel/\w+/|tests/)")


def room_of(path):
    for pattern, room, floor in ROOMS:
        m = re.match(pattern, path)
        if m:
            return room.format(*m.groups()), floor
    return None, None


def sources(top):
    for folder, dirs, files in os.walk(top):
        rel = os.path.relpath(folder, top)
        dirs[:] = [d for d in dirs if not d.startswith((".", "build")) and
                   not (rel == "." and d in ("cache", "docs", "scripts", "gdb"))]
        for name in files:
            if name.endswith((".c", ".h", ".def")):
                yield os.path.normpath(os.path.join(rel, name))


def strip_comments(text):
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group().count("\n"), text, flags=re.S)
    return re.sub(r"//[^\n]*", "", text)


def load(top):
    """Path -> (text without comments, included paths of this tree)."""
    tree = {}
    for path in sources(top):
        with open(os.path.join(top, path), encoding="utf-8", errors="replace") as f:
            text = strip_comments(f.read())
        wanted = []
        for name in INCLUDE.findall(text):
            beside = os.path.normpath(os.path.join(os.path.dirname(path), name))
            wanted.append(name if os.path.exists(os.path.join(top, name)) else beside)
        tree[path] = (text, wanted)
    return tree


def may_include(path, target):
    """Whether the design lets `path` include `target` directly."""
    room, floor = room_of(path)
    other, other_floor = room_of(target)
    if other is None or room == other or target in WORDS:
        return True
    if any(re.fullmatch(a, room) and re.match(b, target) for a, b in NEIGHBOURS):
        return True
    if room in NARROW:
        return other in NARROW[room]
    return other_floor < floor


def closure(tree, path):
    """Every file reached by includes, with the way to it."""
    way = {path: [path]}
    todo = [path]
    while todo:
        at = todo.pop()
        for name in tree.get(at, ("", []))[1]:
            if name in tree and name not in way:
                way[name] = way[at] + [name]
                todo.append(name)
    return way


def check_includes(tree, complain):
    for path in sorted(tree):
        room, floor = room_of(path)
        if room is None:
            complain(f"{path}: lies in no room of the design")
            continue
        direct = set(tree[path][1])
        for name in sorted(direct):
            if name.endswith("_int.h") and os.path.dirname(name) != os.path.dirname(path) \
                    and room != "tests" and room_of(name)[0] != room:
                complain(f"{path}: includes {name}, a secret of its folder")
            if name in tree and not may_include(path, name):
                complain(f"{path}: includes {name}, which is not below it")
        for name, way in closure(tree, path).items():
            other, other_floor = room_of(name)
            if len(way) > 2 and other is not None and other_floor > floor and name not in WORDS:
                complain(f"{path}: reaches up to {name} by {' -> '.join(way[1:])}")


def check_conditions(tree, complain):
    for path in sorted(tree):
        text = tree[path][0]
        for m in CONDITION.finditer(text):
            line = text.count("\n", 0, m.start()) + 1
            word = TARGET_WORD.search(m.group(1))
            if word:
                complain(f"{path}:{line}: #if about a target or accelerator ({word.group()})")
            word = HOST_WORD.search(m.group(1))
            if word and not HOST_PLACES.match(path):
                complain(f"{path}:{line}: #if about the host ({word.group()})")


def main():
    top = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(
        os.path.abspath(__file__)))
    tree = load(top)
    offences = []
    check_includes(tree, offences.append)
    check_conditions(tree, offences.append)
    for line in offences:
        print(line)
    print(f"layers: {len(tree)} files, {len(offences)} offences")
    sys.exit(1 if offences or not tree else 0)


if __name__ == "__main__":
    main()
