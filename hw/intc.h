/* Contract between a chipset's interrupt controllers and the CPUs' own (local APIC).
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_HW_INTC_H
#define GLASSBOX_HW_INTC_H

#include <stdbool.h>
#include <stdint.h>

typedef struct Vm Vm;

/* How a message is to be delivered: numbers as in the ICR and the IOAPIC's redirection entries. */
typedef enum IntcMode {
    INTC_MODE_FIXED = 0,
    INTC_MODE_LOWEST = 1,
    INTC_MODE_SMI = 2,
    INTC_MODE_NMI = 4,
    INTC_MODE_INIT = 5,
    INTC_MODE_STARTUP = 6,
    INTC_MODE_EXTINT = 7,
} IntcMode;

typedef enum IntcTrigger {
    INTC_TRIGGER_EDGE = 0,
    INTC_TRIGGER_LEVEL = 1,
} IntcTrigger;

typedef struct IntcMessage {
    uint32_t dest;        /* APIC id, or logical destination; 0xff (xAPIC) is everybody */
    bool logical;
    IntcMode mode;
    uint8_t vector;
    IntcTrigger trigger;
    bool level;           /* for level-triggered INIT: assert or de-assert */
} IntcMessage;

/*
 * The CPU side, given by the target, called by the chipset with the VM lock held. Must not wait for
 * a vCPU: what touches a running CPU is posted to it.
 */
typedef struct IntcCpuOps {
    /* Deliver a message (IOAPIC, MSI). False if no CPU accepts it. */
    bool (*deliver)(Vm *vm, const IntcMessage *msg);
    /* The 8259's INTR line, which goes to the BSP's LINT0. */
    void (*set_extint)(Vm *vm, bool level);
    /* A pulse of the NMI line, which goes to LINT1 of all CPUs. */
    void (*nmi)(Vm *vm);
} IntcCpuOps;

/* The chipset side, given by the machine, called by the CPUs with the VM lock held. */
typedef struct IntcChipOps {
    /* A local APIC ended a level-triggered interrupt: IOAPICs drop remote IRR. */
    void (*eoi)(void *opaque, uint8_t vector);
    /* A CPU acknowledges ExtINT: the vector from the 8259 pair. */
    uint8_t (*acknowledge)(void *opaque);
} IntcChipOps;

#endif
