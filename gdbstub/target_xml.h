/* The target description: the register table as XML.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_GDBSTUB_TARGET_XML_H
#define GLASSBOX_GDBSTUB_TARGET_XML_H

#include <glib.h>
#include "cpu/regs.h"

/* The whole description of a layout; lldb adds the attributes that only LLDB knows. */
GString *target_xml_build(const RegLayout *layout, bool lldb);

/* One register in the words of LLDB's qRegisterInfo; offset is its place in the g packet, or -1. */
void target_register_info(GString *out, const RegDesc *r, unsigned num, int64_t offset);

/* The name of a register's type as gdb knows it. */
const char *target_reg_type(const RegDesc *r, const RegFeature *feature);

#endif
