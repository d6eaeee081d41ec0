/* Types of the register description: flags and vector unions, as gdb and LLDB read them.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/regs_int.h"

#define BIT(name, n) "<field name=\"" name "\" start=\"" #n "\" end=\"" #n "\"/>\n"
#define BITS(name, from, to) "<field name=\"" name "\" start=\"" #from "\" end=\"" #to "\"/>\n"

const char x86_types_core[] =
    "<flags id=\"i386_eflags\" size=\"4\">\n"
    BIT("CF", 0) BIT("", 1) BIT("PF", 2) BIT("AF", 4) BIT("ZF", 6) BIT("SF", 7) BIT("TF", 8)
    BIT("IF", 9) BIT("DF", 10) BIT("OF", 11) BITS("IOPL", 12, 13) BIT("NT", 14) BIT("RF", 16)
    BIT("VM", 17) BIT("AC", 18) BIT("VIF", 19) BIT("VIP", 20) BIT("ID", 21)
    "</flags>\n";

const char x86_types_sse[] =
    "<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>\n"
    "<vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>\n"
    "<vector id=\"v16i8\" type=\"int8\" count=\"16\"/>\n"
    "<vector id=\"v8i16\" type=\"int16\" count=\"8\"/>\n"
    "<vector id=\"v4i32\" type=\"int32\" count=\"4\"/>\n"
    "<vector id=\"v2i64\" type=\"int64\" count=\"2\"/>\n"
    "<union id=\"vec128\">\n"
    "<field name=\"v4_float\" type=\"v4f\"/>\n"
    "<field name=\"v2_double\" type=\"v2d\"/>\n"
    "<field name=\"v16_int8\" type=\"v16i8\"/>\n"
    "<field name=\"v8_int16\" type=\"v8i16\"/>\n"
    "<field name=\"v4_int32\" type=\"v4i32\"/>\n"
    "<field name=\"v2_int64\" type=\"v2i64\"/>\n"
    "<field name=\"uint128\" type=\"uint128\"/>\n"
    "</union>\n"
    "<flags id=\"i386_mxcsr\" size=\"4\">\n"
    BIT("IE", 0) BIT("DE", 1) BIT("ZE", 2) BIT("OE", 3) BIT("UE", 4) BIT("PE", 5) BIT("DAZ", 6)
    BIT("IM", 7) BIT("DM", 8) BIT("ZM", 9) BIT("OM", 10) BIT("UM", 11) BIT("PM", 12)
    BITS("RC", 13, 14) BIT("FZ", 15)
    "</flags>\n";

const char x86_types_system[] =
    "<flags id=\"x86_cr0\" size=\"8\">\n"
    BIT("PE", 0) BIT("MP", 1) BIT("EM", 2) BIT("TS", 3) BIT("ET", 4) BIT("NE", 5) BIT("WP", 16)
    BIT("AM", 18) BIT("NW", 29) BIT("CD", 30) BIT("PG", 31)
    "</flags>\n"
    "<flags id=\"x86_cr4\" size=\"8\">\n"
    BIT("VME", 0) BIT("PVI", 1) BIT("TSD", 2) BIT("DE", 3) BIT("PSE", 4) BIT("PAE", 5) BIT("MCE", 6)
    BIT("PGE", 7) BIT("PCE", 8) BIT("OSFXSR", 9) BIT("OSXMMEXCPT", 10) BIT("UMIP", 11)
    BIT("LA57", 12) BIT("FSGSBASE", 16) BIT("PCIDE", 17) BIT("OSXSAVE", 18) BIT("SMEP", 20)
    BIT("SMAP", 21)
    "</flags>\n"
    "<flags id=\"x86_efer\" size=\"8\">\n"
    BIT("SCE", 0) BIT("LME", 8) BIT("LMA", 10) BIT("NXE", 11)
    "</flags>\n"
    "<flags id=\"x86_xcr0\" size=\"8\">\n"
    BIT("X87", 0) BIT("SSE", 1) BIT("AVX", 2)
    "</flags>\n"
    "<flags id=\"x86_dr6\" size=\"8\">\n"
    BIT("B0", 0) BIT("B1", 1) BIT("B2", 2) BIT("B3", 3) BIT("BD", 13) BIT("BS", 14) BIT("BT", 15)
    "</flags>\n"
    "<flags id=\"x86_dr7\" size=\"8\">\n"
    BIT("L0", 0) BIT("G0", 1) BIT("L1", 2) BIT("G1", 3) BIT("L2", 4) BIT("G2", 5) BIT("L3", 6)
    BIT("G3", 7) BIT("LE", 8) BIT("GE", 9) BIT("GD", 13) BITS("RW0", 16, 17) BITS("LEN0", 18, 19)
    BITS("RW1", 20, 21) BITS("LEN1", 22, 23) BITS("RW2", 24, 25) BITS("LEN2", 26, 27)
    BITS("RW3", 28, 29) BITS("LEN3", 30, 31)
    "</flags>\n"
    "<flags id=\"x86_attr\" size=\"4\">\n"
    BITS("TYPE", 0, 3) BIT("S", 4) BITS("DPL", 5, 6) BIT("P", 7) BIT("AVL", 12) BIT("L", 13)
    BIT("DB", 14) BIT("G", 15)
    "</flags>\n"
    "<flags id=\"x86_mode\" size=\"4\">\n"
    BITS("CPL", 0, 1) BIT("PE", 2) BIT("VM86", 3) BIT("CS64", 4) BIT("CS32", 5) BIT("SS32", 6)
    BIT("LMA", 7) BIT("FLAT", 8)
    "</flags>\n";
