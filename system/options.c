/* The command line: a table of options, and what each of them does to the configuration.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "system/config.h"
#include "system/registry.h"
#include "util/error.h"
#include "util/keyval.h"
#include "util/log.h"

#define NANOSECONDS INT64_C(1000000000)

/* What an option's function gives. */
typedef CommandLine OptionFn(Config *c, const char *arg, GError **errp);

typedef struct Option {
    const char *name;
    const char *arg;       /* what its argument is called; NULL: it takes none */
    OptionFn *fn;
    const char *help;
} Option;

static CommandLine bad(bool never)
{
    return COMMAND_LINE_BAD;
}

void config_init(Config *c)
{
    memset(c, 0, sizeof(*c));
    c->machine = registry_machines[0];
    c->accels = g_array_new(FALSE, FALSE, sizeof(AccelChoice));
    c->opt.ncpus = 1;
    c->chardevs = g_ptr_array_new();
    c->serials = g_ptr_array_new();
    c->gdb = g_ptr_array_new();
    c->monitors = g_ptr_array_new();
    c->mons = g_ptr_array_new();
    c->qmp = g_ptr_array_new();
    c->qmp_pretty = g_ptr_array_new();
    c->devices = g_ptr_array_new();
    c->strings = g_ptr_array_new_with_free_func(g_free);
}

void config_clear(Config *c)
{
    g_array_free(c->accels, TRUE);
    g_ptr_array_free(c->chardevs, TRUE);
    g_ptr_array_free(c->serials, TRUE);
    g_ptr_array_free(c->gdb, TRUE);
    g_ptr_array_free(c->monitors, TRUE);
    g_ptr_array_free(c->mons, TRUE);
    g_ptr_array_free(c->qmp, TRUE);
    g_ptr_array_free(c->qmp_pretty, TRUE);
    g_ptr_array_free(c->devices, TRUE);
    g_ptr_array_free(c->strings, TRUE);
}

/* A copy that lives as long as the configuration. */
static const char *config_keep(Config *c, const char *text)
{
    char *copy = g_strdup(text);

    if (copy) {
        g_ptr_array_add(c->strings, copy);
    }
    return copy;
}

/* ---- machine, accelerator, CPUs, memory ------------------------------------------------- */

/* NAME[:NAME...][,OPTIONS]; the options are the last one's. */
static CommandLine accel_choose(Config *c, const char *text, GError **errp)
{
    const char *comma = strchr(text, ',');
    g_autofree char *names = comma ? g_strndup(text, comma - text) : g_strdup(text);
    g_auto(GStrv) name = g_strsplit(names, ":", -1);

    for (unsigned i = 0; i == 0 || name[i]; i++) {
        AccelChoice choice = { .ops = name[i] ? registry_accel(name[i]) : NULL };

        if (!choice.ops) {
            return bad(error_set(errp, NOT_FOUND, "there is no accelerator '%s' (try -accel help)",
                                 name[i] ? name[i] : ""));
        }
        if (!name[i + 1] && comma && comma[1]) {
            choice.options = comma + 1;
        }
        g_array_append_val(c->accels, choice);
    }
    return COMMAND_LINE_RUN;
}

static CommandLine opt_accel(Config *c, const char *arg, GError **errp)
{
    if (g_str_equal(arg, "help")) {
        for (const AccelOps *const *a = registry_accels; *a; a++) {
            printf("%s\n", (*a)->name);
        }
        return COMMAND_LINE_DONE;
    }
    return accel_choose(c, arg, errp);
}

static CommandLine opt_machine(Config *c, const char *arg, GError **errp)
{
    g_autoptr(KeyVal) kv = NULL;
    const char *name, *accel;

    if (g_str_equal(arg, "help") || g_str_equal(arg, "?")) {
        for (const MachineClass *const *m = registry_machines; *m; m++) {
            printf("%-10s %s%s\n", (*m)->name, (*m)->desc,
                   m == registry_machines ? " (default)" : "");
        }
        return COMMAND_LINE_DONE;
    }
    kv = keyval_parse(arg, "type", NULL, errp);
    if (!kv) {
        return COMMAND_LINE_BAD;
    }
    name = keyval_get(kv, "type");
    accel = keyval_get(kv, "accel");
    if (!keyval_check_used(kv, errp)) {
        return COMMAND_LINE_BAD;
    }
    if (name) {
        c->machine = registry_machine(name);
    }
    if (!c->machine) {
        return bad(error_set(errp, NOT_FOUND, "there is no machine '%s' (try -machine help)",
                             name));
    }
    return accel ? accel_choose(c, config_keep(c, accel), errp) : COMMAND_LINE_RUN;
}

static CommandLine opt_cpu(Config *c, const char *arg, GError **errp)
{
    c->opt.cpu_model = arg;
    c->cpu_help = g_str_equal(arg, "help") || g_str_equal(arg, "?");   /* when -machine is known */
    return COMMAND_LINE_RUN;
}

static CommandLine opt_memory(Config *c, const char *arg, GError **errp)
{
    g_autoptr(KeyVal) kv = keyval_parse(arg, "size", NULL, errp);
    const char *size;

    if (!kv) {
        return COMMAND_LINE_BAD;
    }
    size = keyval_get(kv, "size");
    if (!keyval_check_used(kv, errp) ||
        (size && !parse_size(size, 1 << 20, &c->opt.ram_size, errp))) {
        return COMMAND_LINE_BAD;
    }
    if (!size || c->opt.ram_size == 0) {
        return bad(error_set(errp, INVALID, "a machine needs some memory"));
    }
    c->have_ram = true;
    return COMMAND_LINE_RUN;
}

static CommandLine opt_smp(Config *c, const char *arg, GError **errp)
{
    g_autoptr(KeyVal) kv = keyval_parse(arg, "cpus", NULL, errp);
    uint64_t cpus = 0, max;

    if (!kv || !keyval_get_uint(kv, "cpus", 4096, &cpus, errp)) {
        return COMMAND_LINE_BAD;
    }
    max = cpus;
    if (!keyval_get_uint(kv, "maxcpus", 4096, &max, errp) || !keyval_check_used(kv, errp)) {
        return COMMAND_LINE_BAD;
    }
    if (cpus == 0) {
        return bad(error_set(errp, INVALID, "a machine needs at least one CPU"));
    }
    if (max != cpus) {
        return bad(error_set(errp, UNSUPPORTED, "CPUs cannot be added later: maxcpus must be %"
                             G_GUINT64_FORMAT, cpus));
    }
    c->opt.ncpus = (unsigned)cpus;
    return COMMAND_LINE_RUN;
}

/* ---- what is run ------------------------------------------------------------------------ */

static CommandLine opt_kernel(Config *c, const char *arg, GError **errp)
{
    c->opt.kernel = arg;
    return COMMAND_LINE_RUN;
}

static CommandLine opt_initrd(Config *c, const char *arg, GError **errp)
{
    c->opt.initrd = arg;
    return COMMAND_LINE_RUN;
}

static CommandLine opt_append(Config *c, const char *arg, GError **errp)
{
    c->opt.append = arg;
    return COMMAND_LINE_RUN;
}

static CommandLine opt_no_reboot(Config *c, const char *arg, GError **errp)
{
    c->reboot_ends = true;
    return COMMAND_LINE_RUN;
}

static CommandLine opt_no_shutdown(Config *c, const char *arg, GError **errp)
{
    c->shutdown_stops = true;
    return COMMAND_LINE_RUN;
}

/* One event and what becomes of it. */
static bool take_action(const char *event, const char *action, void *opaque, GError **errp)
{
    Config *c = opaque;
    const struct {
        const char *event, *action;
        void *field;
        int value;
    } rows[] = {
        { "panic", "pause", &c->panic, PANIC_STOPS }, { "panic", "shutdown", &c->panic, PANIC_ENDS },
        { "reboot", "reset", &c->reboot_ends, false },
        { "reboot", "shutdown", &c->reboot_ends, true },
        { "shutdown", "poweroff", &c->shutdown_stops, false },
        { "shutdown", "pause", &c->shutdown_stops, true },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (g_str_equal(rows[i].event, event) && g_str_equal(rows[i].action, action)) {
            *(int *)rows[i].field = rows[i].value;
            return true;
        }
    }
    return error_set(errp, INVALID, "'%s=%s' is none of panic=pause|shutdown, "
                     "reboot=reset|shutdown, shutdown=poweroff|pause", event, action);
}

static CommandLine opt_action(Config *c, const char *arg, GError **errp)
{
    g_autoptr(KeyVal) kv = keyval_parse(arg, NULL, NULL, errp);

    return kv && keyval_foreach(kv, take_action, c, errp) ? COMMAND_LINE_RUN : COMMAND_LINE_BAD;
}

static CommandLine opt_stopped(Config *c, const char *arg, GError **errp)
{
    c->stopped = true;
    return COMMAND_LINE_RUN;
}

static CommandLine opt_name(Config *c, const char *arg, GError **errp)
{
    g_autoptr(KeyVal) kv = keyval_parse(arg, "guest", NULL, errp);
    bool threads = true;   /* our threads have names anyway */

    if (!kv || !keyval_get_bool(kv, "debug-threads", &threads, errp)) {
        return COMMAND_LINE_BAD;
    }
    c->opt.name = config_keep(c, keyval_get(kv, "guest"));
    return keyval_check_used(kv, errp) ? COMMAND_LINE_RUN : COMMAND_LINE_BAD;
}

/* "2006-06-17T16:01:21" or "2006-06-17" */
static bool parse_date(const char *text, int64_t *out, GError **errp)
{
    struct tm tm = { 0 };
    const char *end = strptime(text, strchr(text, 'T') ? "%Y-%m-%dT%H:%M:%S" : "%Y-%m-%d", &tm);

    if (!end || *end) {
        return error_set(errp, INVALID, "'%s' is none of utc, localtime, a date like 2006-06-17 or "
                         "2006-06-17T16:01:21", text);
    }
    *out = timegm(&tm);
    if (*out < INT64_MIN / NANOSECONDS || *out > INT64_MAX / NANOSECONDS) {
        return error_set(errp, INVALID, "'%s' is too far away: years 1678 to 2261 are known", text);
    }
    return true;
}

static CommandLine opt_rtc(Config *c, const char *arg, GError **errp)
{
    g_autoptr(KeyVal) kv = keyval_parse(arg, NULL, NULL, errp);
    const char *base, *clock;

    if (!kv) {
        return COMMAND_LINE_BAD;
    }
    base = keyval_get(kv, "base");
    clock = keyval_get(kv, "clock");
    if (!keyval_check_used(kv, errp)) {
        return COMMAND_LINE_BAD;
    }
    if (clock && !g_str_equal(clock, "vm")) {
        return bad(error_set(errp, UNSUPPORTED, "the clock is always 'vm': it stands while the "
                             "machine is stopped"));
    }
    c->opt.rtc_localtime = base && g_str_equal(base, "localtime");
    c->opt.rtc_fixed = false;
    if (!base || g_str_equal(base, "utc") || c->opt.rtc_localtime) {
        return COMMAND_LINE_RUN;
    }
    c->opt.rtc_fixed = true;
    return parse_date(base, &c->opt.rtc_base, errp) ? COMMAND_LINE_RUN : COMMAND_LINE_BAD;
}

/* ---- devices and streams ---------------------------------------------------------------- */

static CommandLine opt_serial(Config *c, const char *arg, GError **errp)
{
    if (c->serials->len == MACHINE_SERIAL_MAX) {
        return bad(error_set(errp, INVALID, "there are %d serial ports at most",
                             MACHINE_SERIAL_MAX));
    }
    g_ptr_array_add(c->serials, (gpointer)arg);
    return COMMAND_LINE_RUN;
}

static CommandLine opt_chardev(Config *c, const char *arg, GError **errp)
{
    g_ptr_array_add(c->chardevs, (gpointer)arg);
    return COMMAND_LINE_RUN;
}

static CommandLine opt_debugcon(Config *c, const char *arg, GError **errp)
{
    c->debugcon = arg;
    return COMMAND_LINE_RUN;
}

static CommandLine opt_nographic(Config *c, const char *arg, GError **errp)
{
    c->nographic = true;
    return COMMAND_LINE_RUN;
}

static CommandLine opt_display(Config *c, const char *arg, GError **errp)
{
    if (!g_str_equal(arg, "none")) {
        return bad(error_set(errp, UNSUPPORTED, "there is no display '%s', only 'none'", arg));
    }
    c->display_none = true;
    return COMMAND_LINE_RUN;
}

static CommandLine opt_vga(Config *c, const char *arg, GError **errp)
{
    if (!g_str_equal(arg, "none")) {
        return bad(error_set(errp, UNSUPPORTED, "there is no graphics card '%s', only 'none'",
                             arg));
    }
    return COMMAND_LINE_RUN;
}

static CommandLine opt_nodefaults(Config *c, const char *arg, GError **errp)
{
    c->nodefaults = true;
    return COMMAND_LINE_RUN;
}

static void print_props(const DeviceClass *cls)
{
    static const char *const type[] = {
        [PROP_TYPE_BOOL] = "bool", [PROP_TYPE_UINT8] = "uint8", [PROP_TYPE_UINT16] = "uint16",
        [PROP_TYPE_UINT32] = "uint32", [PROP_TYPE_UINT64] = "uint64", [PROP_TYPE_SIZE] = "size",
        [PROP_TYPE_STRING] = "string", [PROP_TYPE_CHARDEV] = "chardev",
    };

    printf("%s: %s\n", cls->name, cls->desc);
    for (const DeviceProp *p = cls->props; p && p->name; p++) {
        printf("  %s=<%s>  %s\n", p->name, type[p->type], p->help);
    }
}

static CommandLine opt_device(Config *c, const char *arg, GError **errp)
{
    g_autofree char *name = g_strndup(arg, strcspn(arg, ","));
    const DeviceClass *cls = registry_device(name);

    if (g_str_equal(name, "help") || g_str_equal(name, "?")) {
        for (const DeviceClass *const *d = registry_devices; *d; d++) {
            printf("%-16s %s\n", (*d)->name, (*d)->desc);
        }
        return COMMAND_LINE_DONE;
    }
    if (!cls) {
        return bad(error_set(errp, NOT_FOUND, "there is no device '%s' (try -device help)", name));
    }
    if (g_str_has_suffix(arg, ",help")) {
        print_props(cls);
        return COMMAND_LINE_DONE;
    }
    g_ptr_array_add(c->devices, (gpointer)arg);
    return COMMAND_LINE_RUN;
}

/* ---- debugging -------------------------------------------------------------------------- */

static CommandLine opt_gdb(Config *c, const char *arg, GError **errp)
{
    if (!g_str_equal(arg, "none")) {
        g_ptr_array_add(c->gdb, (gpointer)arg);
    }
    return COMMAND_LINE_RUN;
}

static CommandLine opt_gdb_default(Config *c, const char *arg, GError **errp)
{
    return opt_gdb(c, "tcp::1234", errp);
}

static CommandLine opt_monitor(Config *c, const char *arg, GError **errp)
{
    if (g_str_equal(arg, "none")) {
        c->no_monitor = true;
    } else {
        g_ptr_array_add(c->monitors, (gpointer)arg);
    }
    return COMMAND_LINE_RUN;
}

static CommandLine opt_mon(Config *c, const char *arg, GError **errp)
{
    g_ptr_array_add(c->mons, (gpointer)arg);
    return COMMAND_LINE_RUN;
}

static CommandLine opt_qmp(Config *c, const char *arg, GError **errp)
{
    if (!g_str_equal(arg, "none")) {
        g_ptr_array_add(c->qmp, (gpointer)arg);
    }
    return COMMAND_LINE_RUN;
}

static CommandLine opt_qmp_pretty(Config *c, const char *arg, GError **errp)
{
    if (!g_str_equal(arg, "none")) {
        g_ptr_array_add(c->qmp_pretty, (gpointer)arg);
    }
    return COMMAND_LINE_RUN;
}

static CommandLine opt_qtest(Config *c, const char *arg, GError **errp)
{
    c->qtest = g_str_equal(arg, "none") ? NULL : arg;
    return COMMAND_LINE_RUN;
}

static CommandLine opt_qtest_log(Config *c, const char *arg, GError **errp)
{
    c->qtest_log = arg;
    return COMMAND_LINE_RUN;
}

static CommandLine opt_log(Config *c, const char *arg, GError **errp)
{
    uint32_t mask;

    if (g_str_equal(arg, "help") || g_str_equal(arg, "?")) {
        g_autofree char *text = log_items_help();
        fputs(text, stdout);
        return COMMAND_LINE_DONE;
    }
    if (!log_parse_items(arg, &mask, errp)) {
        return COMMAND_LINE_BAD;
    }
    c->log_mask |= mask;
    return COMMAND_LINE_RUN;
}

static CommandLine opt_log_file(Config *c, const char *arg, GError **errp)
{
    c->log_file = arg;
    return COMMAND_LINE_RUN;
}

static CommandLine opt_trace(Config *c, const char *arg, GError **errp)
{
    if (g_str_equal(arg, "help")) {
        g_autoptr(GString) text = g_string_new(NULL);
        trace_list(text);
        fputs(text->str, stdout);
        return COMMAND_LINE_DONE;
    }
    if (g_str_has_prefix(arg, "enable=")) {
        arg += strlen("enable=");
    }
    return trace_enable(arg, true, errp) ? COMMAND_LINE_RUN : COMMAND_LINE_BAD;
}

/* ---- the table -------------------------------------------------------------------------- */

static OptionFn opt_help;

static CommandLine opt_version(Config *c, const char *arg, GError **errp)
{
    printf("Glassbox version %s\n", GLASSBOX_VERSION);
    return COMMAND_LINE_DONE;
}

static const Option options[] = {
    { "machine", "NAME", opt_machine, "the machine (help: list them)" },
    { "M", "NAME", opt_machine, "the same" },
    { "accel", "NAME[:NAME][,OPTIONS]", opt_accel,
      "who executes, the first that works: tcg[,backend=interp]; kvm[,kernel-irqchip=on]; qtest (nobody)" },
    { "cpu", "MODEL[,+F][,-F]", opt_cpu, "the CPU and its features" },
    { "m", "SIZE", opt_memory, "memory, in MiB or with a unit: 512, 4G, size=1G" },
    { "smp", "N", opt_smp, "number of CPUs" },
    { "kernel", "FILE", opt_kernel, "bzImage, ELF or multiboot image to run" },
    { "initrd", "FILE", opt_initrd, "its initial RAM disk, or modules" },
    { "append", "TEXT", opt_append, "its command line" },
    { "serial", "STREAM", opt_serial, "the next serial port: stdio, mon:stdio, file:PATH, null, "
      "pty, unix:PATH, tcp:HOST:PORT, chardev:ID, none" },
    { "chardev", "KIND,id=ID,...", opt_chardev, "a byte stream for -serial and -device" },
    { "debugcon", "STREAM", opt_debugcon, "a debug console at port 0xe9" },
    { "device", "NAME[,PROP=VALUE]", opt_device, "add a device (help: list them)" },
    { "nographic", NULL, opt_nographic, "first serial port on this terminal, Ctrl-A x to quit" },
    { "display", "none", opt_display, "no graphics" },
    { "vga", "none", opt_vga, "no graphics" },
    { "nodefaults", NULL, opt_nodefaults, "no serial port unless asked for" },
    { "rtc", "base=DATE", opt_rtc, "what the clock shows: utc, localtime, 2006-06-17T16:01:21" },
    { "name", "TEXT", opt_name, "a name for the machine" },
    { "no-reboot", NULL, opt_no_reboot, "end instead of rebooting" },
    { "no-shutdown", NULL, opt_no_shutdown, "stop instead of ending when the guest powers off" },
    { "action", "EVENT=WHAT,...", opt_action, "panic=pause|shutdown, reboot=reset|shutdown, "
      "shutdown=poweroff|pause" },
    { "S", NULL, opt_stopped, "do not start the CPUs" },
    { "s", NULL, opt_gdb_default, "wait for gdb on port 1234 of this host: -gdb tcp::1234" },
    { "gdb", "WHERE", opt_gdb, "wait for gdb: tcp:[HOST]:PORT, unix:PATH, stdio" },
    { "monitor", "STREAM", opt_monitor, "a monitor: stdio, unix:PATH,server=on,wait=off, "
      "tcp:HOST:PORT, pty, chardev:ID, none" },
    { "mon", "chardev=ID,...", opt_mon, "a monitor on a -chardev: mode=readline, edit=on|off; or "
      "mode=control, pretty=on|off for QMP" },
    { "qmp", "STREAM", opt_qmp, "QMP, the monitor for programs: unix:PATH,server=on,wait=off, "
      "tcp:HOST:PORT,server=on,wait=off, stdio, chardev:ID" },
    { "qmp-pretty", "STREAM", opt_qmp_pretty, "the same, answers on several lines" },
    { "qtest", "STREAM", opt_qtest, "let a test drive buses, interrupts and the clock" },
    { "qtest-log", "FILE", opt_qtest_log, "where to write down what it says; none" },
    { "d", "ITEM,...", opt_log, "log (help: list items)" },
    { "D", "FILE", opt_log_file, "where -d writes" },
    { "trace", "PATTERN", opt_trace, "log events whose name matches (help: list them)" },
    { "version", NULL, opt_version, "print the version" },
    { "help", NULL, opt_help, "print this" },
    { "h", NULL, opt_help, "print this" },
};

static CommandLine opt_help(Config *c, const char *arg, GError **errp)
{
    printf("Glassbox version %s\nusage: glassbox [options]\n", GLASSBOX_VERSION);
    for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
        g_autofree char *left = g_strconcat("-", options[i].name, options[i].arg ? " " : "",
                                            options[i].arg, NULL);
        printf("  %-26s %s\n", left, options[i].help);
    }
    return COMMAND_LINE_DONE;
}

/* -name and --name are the same. */
static const Option *option_find(const char *word)
{
    const char *name = word + 1;

    if (*name == '-' && name[1]) {
        name++;
    }
    for (size_t i = 0; word[0] == '-' && i < G_N_ELEMENTS(options); i++) {
        if (g_str_equal(options[i].name, name)) {
            return &options[i];
        }
    }
    return NULL;
}

CommandLine config_parse(Config *c, int argc, char **argv, GError **errp)
{
    for (int i = 1; i < argc; i++) {
        const Option *o = option_find(argv[i]);
        const char *arg = NULL;
        CommandLine res;

        if (!o) {
            return bad(error_set(errp, NOT_FOUND, "%s: there is no such option (try -help)",
                                 *argv[i] ? argv[i] : "''"));
        }
        if (o->arg) {
            if (++i == argc) {
                return bad(error_set(errp, INVALID, "-%s: it needs an argument, %s", o->name,
                                     o->arg));
            }
            arg = argv[i];
        }
        res = o->fn(c, arg, errp);
        if (res != COMMAND_LINE_RUN) {
            if (res == COMMAND_LINE_BAD) {
                g_prefix_error(errp, "-%s: ", o->name);
            }
            return res;
        }
    }
    if (c->cpu_help && c->machine->cpu_help) {
        g_autofree char *text = c->machine->cpu_help();
        fputs(text, stdout);
        return COMMAND_LINE_DONE;
    }
    if (!c->have_ram) {
        c->opt.ram_size = c->machine->default_ram;
    }
    return COMMAND_LINE_RUN;
}
