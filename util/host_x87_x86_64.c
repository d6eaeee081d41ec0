/* The x87 of an x86-64 host: a stub for every encoding, called with the state loaded.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/host_x87.h"

#include <string.h>

/* Stub n of the first table is the register form 0xd8 + n / 64, 0xc0 + n % 64; of the second, the memory form
 * 0xd8 + n / 8, reg n % 8, on the address in rdi. Four bytes each. */
__asm__(
    ".pushsection .text\n"
    ".balign 16\n"
    ".type host_x87_reg_stub, @object\n"
    "host_x87_reg_stub:\n"
    ".set i, 0\n"
    ".rept 512\n"
    ".byte 0xd8 + i / 64, 0xc0 + (i & 63), 0xc3, 0x90\n"
    ".set i, i + 1\n"
    ".endr\n"
    ".type host_x87_mem_stub, @object\n"
    "host_x87_mem_stub:\n"
    ".set i, 0\n"
    ".rept 64\n"
    ".byte 0xd8 + i / 8, 0x07 + (i & 7) * 8, 0xc3, 0x90\n"
    ".set i, i + 1\n"
    ".endr\n"
    ".popsection\n");

extern const char host_x87_reg_stub[512][4];
extern const char host_x87_mem_stub[64][4];

bool host_x87_present(void)
{
    return true;
}

uint64_t host_x87_reg(HostX87 *state, unsigned opcode, unsigned modrm, uint64_t eflags)
{
    const char *stub = host_x87_reg_stub[(opcode - 0xd8) * 64 + (modrm & 63)];
    uint16_t control;

    eflags &= 0x8d5;    /* the arithmetic flags only */
    /* FNSAVE leaves the control word at its default; C code wants the one it had. The red zone is stepped over
     * because of the pushes. */
    __asm__ volatile("fnstcw %[cw]\n\t"
                     "frstor %[st]\n\t"
                     "lea -128(%%rsp), %%rsp\n\t"
                     "push %[fl]\n\t"
                     "popfq\n\t"
                     "call *%[stub]\n\t"
                     "pushfq\n\t"
                     "pop %[fl]\n\t"
                     "lea 128(%%rsp), %%rsp\n\t"
                     "fnsave %[st]\n\t"
                     "fldcw %[cw]"
                     : [st] "+m"(*state), [fl] "+&r"(eflags), [cw] "=m"(control)
                     : [stub] "r"(stub) : "cc", "memory", "rax");
    return eflags;
}

void host_x87_mem(HostX87 *state, unsigned opcode, unsigned reg, void *mem)
{
    const char *stub = host_x87_mem_stub[(opcode - 0xd8) * 8 + reg];
    uint16_t control;

    __asm__ volatile("fnstcw %[cw]\n\t"
                     "frstor %[st]\n\t"
                     "lea -128(%%rsp), %%rsp\n\t"
                     "call *%[stub]\n\t"
                     "lea 128(%%rsp), %%rsp\n\t"
                     "fnsave %[st]\n\t"
                     "fldcw %[cw]"
                     : [st] "+m"(*state), [cw] "=m"(control)
                     : [stub] "r"(stub), "D"(mem) : "cc", "memory");
}
