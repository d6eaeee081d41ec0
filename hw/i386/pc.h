/* Machine pc: a PC without firmware, for x86-64.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_HW_I386_PC_H
#define GLASSBOX_HW_I386_PC_H

#include "hw/machine.h"

extern const MachineClass pc_machine_class;

#endif
