#!/usr/bin/env python3
# QMP's reference is what its schema says, and the generator refuses schemas that make no sense.
# SPDX-License-Identifier: GPL-2.0-or-later
import json
import os
import subprocess
import sys
import tempfile

import tap

GEN = os.path.join(tap.TOP, "scripts", "qmp-gen")
SCHEMA = os.path.join(tap.TOP, "monitor", "qmp-schema.json")
REFERENCE = os.path.join(tap.TOP, "docs", "user", "qmp-reference.rst")


def gen(mode, schema):
    return subprocess.run([sys.executable, GEN, mode, schema], capture_output=True, text=True)


def gen_text(entries):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
        json.dump(entries, f)
        f.flush()
        return gen("--source", f.name)


def test_reference_is_fresh():
    p = gen("--reference", SCHEMA)
    with open(REFERENCE, encoding="utf-8") as f:
        assert p.returncode == 0 and f.read() == p.stdout, \
            "docs/user/qmp-reference.rst is stale: scripts/qmp-gen --reference monitor/qmp-schema.json > " \
            "docs/user/qmp-reference.rst"


def test_everything_has_words():
    with open(SCHEMA, encoding="utf-8") as f:
        entries = json.load(f)
    for e in entries:
        assert e["doc"] or "section" in e, e
        for table in (e.get(k) for k in ("arguments", "members", "data")):
            for name, (_, text) in (table.items() if isinstance(table, dict) else []):
                assert text and not text.endswith("."), (e, name)


def test_lines_are_short():
    with open(REFERENCE, encoding="utf-8") as f:
        for line in f:
            assert len(line) <= 121, line


def test_bad_schemas():
    for entries in ([{"command": "a", "doc": [], "returns": "Nothing"}],
                    [{"command": "a", "doc": []}, {"command": "a", "doc": []}],
                    [{"struct": "str", "doc": [], "members": {}}],
                    [{"struct": "A", "doc": [], "members": {"x": "str"}}],
                    [{"event": "E", "doc": [], "data": "Nothing"}],
                    [{"thing": "A"}]):
        p = gen_text(entries)
        assert p.returncode and p.stderr.startswith("qmp-gen: "), (entries, p)


tap.main(globals())
