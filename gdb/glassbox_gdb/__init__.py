# The gdb helper's parts; gdb/glassbox.py loads them.
# SPDX-License-Identifier: GPL-2.0-or-later
