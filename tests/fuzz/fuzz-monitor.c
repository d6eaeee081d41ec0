/* Fuzz target: a whole monitor session over a scripted machine that runs.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The input is what is typed: '@' at the beginning edits lines as on a terminal, else they come whole. Commands write
 * files where they are told to: in a folder of their own. */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "chardev/chardev.h"
#include "monitor/terminal.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/monitor-host.h"
#include "tests/unit/script-machine.h"
#include "util/log.h"

typedef struct FuzzMachine {
    ScriptMachine m;
    Debug *debug;
    TestHost host;
    bool made;
} FuzzMachine;

static char *folder;

static void remove_folder(void)
{
    GDir *dir = g_dir_open(".", 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_unlink(name);
    }
    g_clear_pointer(&dir, g_dir_close);
    g_rmdir(folder);
    g_free(folder);
}

static void enter_folder(void)
{
    folder = g_dir_make_tmp("glassbox-fuzz-XXXXXX", NULL);
    g_assert(folder && chdir(folder) == 0);
    g_file_set_contents("a.map", "0000000000001000 T start\n0000000000001010 T stop\n", -1, NULL);
    g_assert(log_set_file("log", NULL));
    atexit(remove_folder);
}

static void machine_make(FuzzMachine *f)
{
    sm_init(&f->m, 2, NULL, NULL);
    for (unsigned i = 0; i < 2; i++) {
        SM_CODE(&f->m, 0x1000 + 0x100 * i,
                SCRIPT_INSN_I(SCRIPT_LI, 1, 0x2000 + 0x100 * i), SCRIPT_INSN(SCRIPT_ADDI, 0, 0, 1),
                SCRIPT_INSN(SCRIPT_ST, 0, 1, 0), SCRIPT_INSN(SCRIPT_EXC, 6, 0, 0),
                SCRIPT_INSN_I(SCRIPT_JMP, 0, -3));
    }
    f->debug = debug_new(f->m.vm);
    test_host_init(&f->host, f->debug);
    f->made = true;
}

static void machine_free(FuzzMachine *f)
{
    sm_flush(&f->m);
    test_host_fini(&f->host);
    debug_free(f->debug);
    sm_fini(&f->m);
    f->made = false;
}

static void swallow(void *opaque, const uint8_t *buf, size_t len)
{
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const ChardevHandlers peer = { .receive = swallow };
    static FuzzMachine f;
    bool edit = size && data[0] == '@';
    MonitorTerminal *t;
    Chardev *near, *far;

    if (!folder) {
        enter_folder();
    }
    if (f.made && vm_ended(f.m.vm)) {
        machine_free(&f);
    }
    if (!f.made) {
        machine_make(&f);
    }
    chardev_new_pair(&near, &far);
    g_assert(chardev_attach(far, &peer, NULL, NULL));
    t = monitor_terminal_new(&f.host.host, near, "fuzz", edit ? MONITOR_EDIT_ON : MONITOR_EDIT_OFF, NULL);
    g_assert(t);
    sm_flush(&f.m);
    chardev_write(far, data + edit, size - edit);
    chardev_write(far, "\nstop\n", 6);
    sm_flush(&f.m);
    chardev_free(far);
    sm_flush(&f.m);
    monitor_terminal_free(t);
    chardev_free(near);
    sm_flush(&f.m);
    return 0;
}
