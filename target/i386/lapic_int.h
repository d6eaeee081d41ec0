/* Inside the local APIC: shared by its files.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TARGET_I386_LAPIC_INT_H
#define GLASSBOX_TARGET_I386_LAPIC_INT_H

#include "target/i386/lapic.h"

#define SVR_ENABLE (1u << 8)
#define LVT_MASKED (1u << 16)
#define LVT_TIMER_MODE (3u << 17)
#define LVT_TIMER_PERIODIC (1u << 17)
#define LVT_TIMER_DEADLINE (2u << 17)

enum { ESR_SEND_VECTOR = 1 << 5, ESR_RECEIVE_VECTOR = 1 << 6, ESR_REGISTER = 1 << 7 };

/* Gives one APIC a message; false if it is not accepted. Any thread. */
bool lapic_accept(X86Lapic *l, IntcMode mode, uint8_t vector, IntcTrigger trigger);
/* A local source: what its LVT entry says. Any thread. */
void lapic_local(X86Lapic *l, unsigned lvt);
uint32_t lapic_ppr(const X86Lapic *l);
/* Makes the CPU look again after a change of priority. Owner's thread. */
void lapic_update(X86Lapic *l);
void lapic_error(X86Lapic *l, uint32_t bit);
void lapic_eoi(X86Lapic *l);
/* Sends what the ICR says. */
void lapic_send(X86Lapic *l, uint32_t icr, uint32_t dest);
/* Sends to all CPUs that match; false if none does. Any thread. */
bool lapic_broadcast(Vm *vm, const IntcMessage *m, bool everybody);

void lapic_timer_fire(void *opaque);
void lapic_timer_reset(X86Lapic *l);
void lapic_timer_set_initial(X86Lapic *l, uint32_t v);
void lapic_timer_set_divide(X86Lapic *l, uint32_t v);
void lapic_timer_set_lvt(X86Lapic *l, uint32_t v);
uint32_t lapic_timer_current(X86Lapic *l);

/* Registers by number (offset / 16). False: there is none. */
bool lapic_reg_read(const X86Lapic *l, unsigned reg, uint32_t *v);
bool lapic_reg_write(X86Lapic *l, unsigned reg, uint32_t v);

#endif
