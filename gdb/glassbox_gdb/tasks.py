# The kernel's list of tasks, read from guest memory.
# SPDX-License-Identifier: GPL-2.0-or-later
from . import guest


def all_tasks(types, live):
    """(pid, address, name) of every process, the idle one first."""
    link = types.offset("task_struct", "tasks")
    pid = types.offset("task_struct", "pid")
    name = types.offset("task_struct", "comm")
    first = at = live("init_task")
    count = 0
    while count < 1 << 16:
        yield guest.u32(at + pid), at, guest.text(at + name, 16)
        at = guest.u64(at + link) - link
        count += 1
        if at == first:
            return
