/* The register table: every register a debugger can see, in the features gdb knows and one of ours.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The numbers of the first features are those of gdb's own descriptions of amd64 and i386 with
 * SSE. DWARF numbers: System V ABI, AMD64 figure 3.36, i386 figure 2.14. */
#include "target/i386/regs.h"

#include <string.h>

#include "target/i386/msr.h"
#include "target/i386/regs_int.h"
#include "target/i386/x86.h"

#define FN(f) .get = x86_reg_get_##f, .set = x86_reg_set_##f
#define DW(n) .dwarf = (n) + 1, .ehframe = (n) + 1
#define IN_G REG_F_IN_G
#define HOT (REG_F_IN_G | REG_F_EXPEDITE)

/* A general register; `width` bits of it are seen. */
#define GPR(nm, n, width, ty, fl, dw, gen, alt) \
    { .name = nm, .bits = width, .type = ty, .flags = fl, .gdbnum = REG_NUM_AUTO, \
      .off = offsetof(X86State, gpr[n]), .size = 8, .group = "general", DW(dw), .generic = gen, \
      .altname = alt }
#define PC(nm, width, dw) \
    { .name = nm, .bits = width, .type = REG_CODE_PTR, .flags = HOT, .gdbnum = REG_NUM_AUTO, \
      .group = "general", DW(dw), .generic = "pc", .altname = "pc", FN(rip) }
#define FLAGS(nm, dw, alt) \
    { .name = nm, .bits = 32, .type = REG_FLAGS, .flags = HOT, .gdbnum = REG_NUM_AUTO, \
      .group = "general", .ftype = "i386_eflags", DW(dw), .generic = "flags", .altname = alt, \
      FN(flags) }
#define SEL(nm, n, dw) \
    { .name = nm, .bits = 32, .type = REG_INT, .flags = IN_G, .gdbnum = REG_NUM_AUTO, \
      .fetch = REGS_SYSTEM, .group = "general", DW(dw), .arg = n, FN(sel) }
#define ST(n, dw) \
    { .name = "st" #n, .bits = 80, .type = REG_FLOAT, .flags = IN_G, .gdbnum = REG_NUM_AUTO, \
      .fetch = REGS_FLOAT, .group = "float", .ftype = "i387_ext", DW((dw) + n), .arg = n, FN(st) }
#define FPU(nm, what) \
    { .name = nm, .bits = 32, .type = REG_INT, .flags = IN_G, .gdbnum = REG_NUM_AUTO, \
      .fetch = REGS_FLOAT, .group = "float", .arg = X86_FPU_##what, FN(fpu) }
#define XMM(n, dw) \
    { .name = "xmm" #n, .bits = 128, .type = REG_VECTOR, .flags = IN_G, .gdbnum = REG_NUM_AUTO, \
      .off = offsetof(X86State, xmm[n]), .size = 16, .fetch = REGS_VECTOR, .group = "vector", \
      .ftype = "vec128", DW((dw) + n) }
#define MXCSR(dw) \
    { .name = "mxcsr", .bits = 32, .type = REG_FLAGS, .flags = IN_G, .gdbnum = REG_NUM_AUTO, \
      .fetch = REGS_VECTOR, .group = "vector", .ftype = "i386_mxcsr", DW(dw), FN(mxcsr) }

#define X87_CONTROL_ROWS \
    FPU("fctrl", CONTROL), FPU("fstat", STATUS), FPU("ftag", TAG), FPU("fiseg", IP_SEL), \
    FPU("fioff", IP), FPU("foseg", DP_SEL), FPU("fooff", DP), FPU("fop", OPCODE)

static const RegDesc core_64[] = {
    GPR("rax", R_RAX, 64, REG_INT, IN_G, 0, NULL, NULL),
    GPR("rbx", R_RBX, 64, REG_INT, IN_G, 3, NULL, NULL),
    GPR("rcx", R_RCX, 64, REG_INT, IN_G, 2, "arg4", "arg4"),
    GPR("rdx", R_RDX, 64, REG_INT, IN_G, 1, "arg3", "arg3"),
    GPR("rsi", R_RSI, 64, REG_INT, IN_G, 4, "arg2", "arg2"),
    GPR("rdi", R_RDI, 64, REG_INT, IN_G, 5, "arg1", "arg1"),
    GPR("rbp", R_RBP, 64, REG_DATA_PTR, HOT, 6, "fp", "fp"),
    GPR("rsp", R_RSP, 64, REG_DATA_PTR, HOT, 7, "sp", "sp"),
    GPR("r8", R_R8, 64, REG_INT, IN_G, 8, "arg5", "arg5"),
    GPR("r9", R_R9, 64, REG_INT, IN_G, 9, "arg6", "arg6"),
    GPR("r10", R_R10, 64, REG_INT, IN_G, 10, NULL, NULL),
    GPR("r11", R_R11, 64, REG_INT, IN_G, 11, NULL, NULL),
    GPR("r12", R_R12, 64, REG_INT, IN_G, 12, NULL, NULL),
    GPR("r13", R_R13, 64, REG_INT, IN_G, 13, NULL, NULL),
    GPR("r14", R_R14, 64, REG_INT, IN_G, 14, NULL, NULL),
    GPR("r15", R_R15, 64, REG_INT, IN_G, 15, NULL, NULL),
    PC("rip", 64, 16),
    FLAGS("eflags", 49, "rflags"),
    SEL("cs", R_CS, 51), SEL("ss", R_SS, 52), SEL("ds", R_DS, 53), SEL("es", R_ES, 50),
    SEL("fs", R_FS, 54), SEL("gs", R_GS, 55),
    ST(0, 33), ST(1, 33), ST(2, 33), ST(3, 33), ST(4, 33), ST(5, 33), ST(6, 33), ST(7, 33),
    X87_CONTROL_ROWS,
};

static const RegDesc core_32[] = {
    GPR("eax", R_RAX, 32, REG_INT, IN_G, 0, NULL, NULL),
    GPR("ecx", R_RCX, 32, REG_INT, IN_G, 1, NULL, NULL),
    GPR("edx", R_RDX, 32, REG_INT, IN_G, 2, NULL, NULL),
    GPR("ebx", R_RBX, 32, REG_INT, IN_G, 3, NULL, NULL),
    GPR("esp", R_RSP, 32, REG_DATA_PTR, HOT, 4, "sp", "sp"),
    GPR("ebp", R_RBP, 32, REG_DATA_PTR, HOT, 5, "fp", "fp"),
    GPR("esi", R_RSI, 32, REG_INT, IN_G, 6, NULL, NULL),
    GPR("edi", R_RDI, 32, REG_INT, IN_G, 7, NULL, NULL),
    PC("eip", 32, 8),
    FLAGS("eflags", 9, "flags"),
    SEL("cs", R_CS, 41), SEL("ss", R_SS, 42), SEL("ds", R_DS, 43), SEL("es", R_ES, 40),
    SEL("fs", R_FS, 44), SEL("gs", R_GS, 45),
    ST(0, 11), ST(1, 11), ST(2, 11), ST(3, 11), ST(4, 11), ST(5, 11), ST(6, 11), ST(7, 11),
    X87_CONTROL_ROWS,
};

static const RegDesc sse_64[] = {
    XMM(0, 17), XMM(1, 17), XMM(2, 17), XMM(3, 17), XMM(4, 17), XMM(5, 17), XMM(6, 17), XMM(7, 17),
    XMM(8, 17), XMM(9, 17), XMM(10, 17), XMM(11, 17), XMM(12, 17), XMM(13, 17), XMM(14, 17),
    XMM(15, 17), MXCSR(64),
};

static const RegDesc sse_32[] = {
    XMM(0, 21), XMM(1, 21), XMM(2, 21), XMM(3, 21), XMM(4, 21), XMM(5, 21), XMM(6, 21), XMM(7, 21),
    MXCSR(39),
};

#define BASE(nm, i, fl, dw) \
    { .name = nm, .bits = 64, .type = REG_INT, .flags = fl, .gdbnum = REG_NUM_AUTO, \
      .fetch = REGS_SYSTEM, .group = "general", DW(dw), \
      .arg = (i) | X86_SEGFIELD_BASE << 8, FN(seg) }

static const RegDesc segments_64[] = {
    BASE("fs_base", R_FS, IN_G, 58), BASE("gs_base", R_GS, IN_G, 59),
};

/* ---- the system's registers ---- */

#define SYS(nm, width, ty, ft, fl, grp, a, f) \
    { .name = nm, .bits = width, .type = ty, .flags = (fl) | REG_F_NO_SAVE, \
      .gdbnum = REG_NUM_AUTO, .fetch = grp, .group = "system", .ftype = ft, .arg = a, FN(f) }
#define SEGFIELD(nm, width, ty, ft, i, field) \
    SYS(nm, width, ty, ft, 0, REGS_SYSTEM, (i) | X86_SEGFIELD_##field << 8, seg)
#define SEG_REST(nm, i) \
    SEGFIELD(nm "_limit", 32, REG_INT, NULL, i, LIMIT), \
    SEGFIELD(nm "_attr", 32, REG_FLAGS, "x86_attr", i, ATTR)
#define SEG_ALL(nm, i) SEGFIELD(nm "_base", 64, REG_INT, NULL, i, BASE), SEG_REST(nm, i)
#define TABLE(nm, i) \
    SEGFIELD(nm "_base", 64, REG_INT, NULL, i, BASE), SEGFIELD(nm "_limit", 16, REG_INT, NULL, i, LIMIT)
#define CR(n, ft) \
    SYS("cr" #n, 64, ft ? REG_FLAGS : REG_INT, ft, 0, REGS_SYSTEM, n, cr)
#define DR(n, ft) SYS("dr" #n, 64, ft ? REG_FLAGS : REG_INT, ft, 0, REGS_DEBUG, n, dr)
#define MSR(nm, num, ft) SYS(nm, 64, ft ? REG_FLAGS : REG_INT, ft, 0, REGS_MSR, num, msr)
#define FPU64(nm, what) \
    { .name = nm, .bits = 64, .type = REG_INT, .gdbnum = REG_NUM_AUTO, .fetch = REGS_FLOAT, \
      .flags = REG_F_NO_SAVE, .group = "system", .arg = X86_FPU_##what, FN(fpu) }

#define SYSTEM_ROWS \
    SEG_ALL("cs", R_CS), SEG_ALL("ss", R_SS), SEG_ALL("ds", R_DS), SEG_ALL("es", R_ES), \
    SEG_REST("fs", R_FS), SEG_REST("gs", R_GS), \
    SYS("ldtr", 16, REG_INT, NULL, 0, REGS_SYSTEM, X86_SEGIDX_LDT, sel), \
    SEG_ALL("ldtr", X86_SEGIDX_LDT), \
    SYS("tr", 16, REG_INT, NULL, 0, REGS_SYSTEM, X86_SEGIDX_TR, sel), \
    SEG_ALL("tr", X86_SEGIDX_TR), \
    TABLE("gdtr", X86_SEGIDX_GDT), TABLE("idtr", X86_SEGIDX_IDT), \
    CR(0, "x86_cr0"), CR(2, NULL), CR(3, NULL), CR(4, "x86_cr4"), CR(8, NULL), \
    MSR("efer", X86_MSR_EFER, "x86_efer"), \
    SYS("xcr0", 64, REG_FLAGS, "x86_xcr0", 0, REGS_SYSTEM, 0, xcr0), \
    DR(0, NULL), DR(1, NULL), DR(2, NULL), DR(3, NULL), DR(6, "x86_dr6"), DR(7, "x86_dr7"), \
    MSR("tsc", X86_MSR_TSC, NULL), MSR("tsc_adjust", X86_MSR_TSC_ADJUST, NULL), \
    MSR("tsc_deadline", X86_MSR_TSC_DEADLINE, NULL), MSR("tsc_aux", X86_MSR_TSC_AUX, NULL), \
    MSR("apic_base", X86_MSR_APIC_BASE, NULL), \
    MSR("star", X86_MSR_STAR, NULL), MSR("lstar", X86_MSR_LSTAR, NULL), \
    MSR("cstar", X86_MSR_CSTAR, NULL), MSR("sfmask", X86_MSR_SFMASK, NULL), \
    MSR("kernel_gs_base", X86_MSR_KERNEL_GS_BASE, NULL), \
    MSR("sysenter_cs", X86_MSR_SYSENTER_CS, NULL), MSR("sysenter_esp", X86_MSR_SYSENTER_ESP, NULL), \
    MSR("sysenter_eip", X86_MSR_SYSENTER_EIP, NULL), MSR("pat", X86_MSR_PAT, NULL), \
    MSR("misc_enable", X86_MSR_MISC_ENABLE, NULL), \
    MSR("mtrr_deftype", X86_MSR_MTRR_DEFTYPE, NULL), \
    FPU64("fpu_ip", IP), FPU64("fpu_dp", DP), \
    SYS("cpl", 8, REG_INT, NULL, REG_F_READONLY, REGS_SYSTEM, X86_PSEUDO_CPL, pseudo), \
    SYS("mode", 32, REG_FLAGS, "x86_mode", REG_F_READONLY, REGS_SYSTEM, X86_PSEUDO_MODE, pseudo)

static const RegDesc system_64[] = { SYSTEM_ROWS };

static const RegDesc system_32[] = {
    SYSTEM_ROWS,
    SEGFIELD("fs_base", 64, REG_INT, NULL, R_FS, BASE),
    SEGFIELD("gs_base", 64, REG_INT, NULL, R_GS, BASE),
};

#define FEATURE(var, nm, types, rows) \
    static const RegFeature var = { .name = nm, .types_xml = types, .regs = rows, \
                                    .n = G_N_ELEMENTS(rows) }
FEATURE(feature_core_64, "org.gnu.gdb.i386.core", x86_types_core, core_64);
FEATURE(feature_core_32, "org.gnu.gdb.i386.core", x86_types_core, core_32);
FEATURE(feature_sse_64, "org.gnu.gdb.i386.sse", x86_types_sse, sse_64);
FEATURE(feature_sse_32, "org.gnu.gdb.i386.sse", x86_types_sse, sse_32);
FEATURE(feature_segments, "org.gnu.gdb.i386.segments", NULL, segments_64);
FEATURE(feature_system_64, "org.glassbox.i386.system", x86_types_system, system_64);
FEATURE(feature_system_32, "org.glassbox.i386.system", x86_types_system, system_32);

static const RegFeature *const features_64[] = {
    &feature_core_64, &feature_sse_64, &feature_segments, &feature_system_64, NULL,
};
static const RegFeature *const features_32[] = {
    &feature_core_32, &feature_sse_32, &feature_system_32, NULL,
};

const RegSet x86_regs_64 = { .arch = "i386:x86-64", .features = features_64 };
const RegSet x86_regs_32 = { .arch = "i386", .features = features_32 };

const RegSet *x86_regs_for_arch(const Cpu *cpu, const char *arch)
{
    static const RegSet *const sets[] = { &x86_regs_64, &x86_regs_32 };

    for (unsigned i = 0; i < G_N_ELEMENTS(sets); i++) {
        if (!strcmp(sets[i]->arch, arch)) {
            return sets[i];
        }
    }
    return NULL;
}
