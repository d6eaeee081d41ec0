# gdb helper for Linux kernels without debug information; load it with: source .../glassbox.py
# SPDX-License-Identifier: GPL-2.0-or-later
"""Adds the command 'glassbox' (see 'help glassbox') and an unwinder for stock x86-64 kernels."""
import os
import sys

_here = os.path.dirname(os.path.abspath(os.path.expanduser(__file__)))
if _here not in sys.path:
    sys.path.insert(0, _here)

from glassbox_gdb import commands  # noqa: E402  (the path must be set first)

commands.register()
