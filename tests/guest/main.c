/* First C code of the embedded guest: finds the command line and runs the wanted mode. */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest.h"

enum { KIND_NONE, KIND_MULTIBOOT, KIND_PVH, KIND_LINUX };

static const Mode modes[] = {
    {"tour", tour_run},       {"prompt", prompt_run},   {"smp", smp_mode_run},
    {"debugregs", debugregs_run}, {"stress", stress_run}, {"rewrite", rewrite_run},
    {"spin", spin_run},       {"faults", faults_run},   {"reset", reset_run},
    {"triple", triple_run},  {"bench", bench_run},      {"events", events_run},
    {"ticks", ticks_run},
#ifdef __x86_64__
    {"puppet", puppet_run},
#endif
};

static uint32_t word_at(unsigned long address)
{
    return *(const volatile uint32_t *)address;
}

/* The command line, by the kind of block that the loader left. */
static const char *command_line_find(unsigned kind, unsigned long info)
{
    switch (kind) {
    case KIND_MULTIBOOT:
        return word_at(info) & 4 ? (const char *)(unsigned long)word_at(info + 16) : NULL;
    case KIND_PVH:
        return (const char *)(unsigned long)word_at(info + 24);
    case KIND_LINUX:
        return info ? (const char *)(unsigned long)word_at(info + 0x228) : NULL;
    default:
        return NULL;
    }
}

_Noreturn void guest_main(unsigned kind, unsigned long info);

_Noreturn void guest_main(unsigned kind, unsigned long info)
{
    const Mode *mode = &modes[0];

    console_init();
    options_set(command_line_find(kind, info));
    cpu_tables_init();
    cpu_load_tables();
    apic_enable();
    for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (option_is("mode", modes[i].name)) {
            mode = &modes[i];
        }
    }
    print("guest: mode ");
    print(mode->name);
    print("\n");
    machine_exit(mode->run());
}
