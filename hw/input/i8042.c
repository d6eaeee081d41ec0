/* The PC's keyboard controller, an 8042 at ports 60h and 64h, with a keyboard.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/input/i8042.h"

#include "hw/input/ps2_kbd.h"
#include "util/log.h"
#include "vm/state.h"
#include "vm/vm.h"

/* IBM PS/2 technical reference, keyboard and auxiliary device controller (type 1). */

#define IRQ_KEYBOARD 1
#define IRQ_AUX 12

/* Status, read at port 64h. */
#define STATUS_OBF 0x01
#define STATUS_SYSTEM 0x04
#define STATUS_COMMAND 0x08
#define STATUS_UNLOCKED 0x10
#define STATUS_AUX 0x20
#define STATUS_TIMEOUT 0x40

/* Command byte: the controller's memory at 0. */
#define CTR_KEYBOARD_IRQ 0x01
#define CTR_AUX_IRQ 0x02
#define CTR_SYSTEM 0x04
#define CTR_KEYBOARD_OFF 0x10
#define CTR_AUX_OFF 0x20
#define CTR_TRANSLATE 0x40

/* Output port. */
#define OUT_NO_RESET 0x01
#define OUT_A20 0x02
#define OUT_AUX_CLOCK 0x08
#define OUT_KEYBOARD_FULL 0x10
#define OUT_AUX_FULL 0x20
#define OUT_AUX_IDLE 0xc0     /* keyboard's clock and data lines high */

/* Commands, written to port 64h. */
enum {
    CMD_READ_RAM = 0x20, CMD_WRITE_RAM = 0x60, CMD_RAM_MASK = 0x1f,
    CMD_AUX_OFF = 0xa7, CMD_AUX_ON, CMD_AUX_TEST, CMD_SELF_TEST, CMD_KEYBOARD_TEST,
    CMD_KEYBOARD_OFF = 0xad, CMD_KEYBOARD_ON,
    CMD_READ_INPUT = 0xc0, CMD_READ_OUTPUT = 0xd0, CMD_WRITE_OUTPUT, CMD_WRITE_KEYBOARD_BUFFER,
    CMD_WRITE_AUX_BUFFER, CMD_WRITE_AUX, CMD_TEST_INPUTS = 0xe0, CMD_PULSE = 0xf0,
};

#define SELF_TEST_OK 0x55
#define INPUT_PORT 0xb0       /* keyboard not locked, colour display, no jumper */
#define NO_ANSWER 0xfe        /* with STATUS_TIMEOUT: nothing is connected */

typedef struct I8042 {
    Device dev;
    uint8_t ram[32];          /* ram[0]: command byte */
    uint8_t status, data, output;
    uint8_t argument;         /* command whose argument comes at port 60h; 0: none */
    bool irq_keyboard, irq_aux;
    bool break_prefix;        /* translation: F0 was seen */
    Ps2Kbd keyboard;
    MemRegion *data_port, *command_port;
} I8042;

static const StateField keyboard_fields[] = {
    STATE_RAW(Ps2Kbd, queue),
    STATE_U(Ps2Kbd, head),
    STATE_U(Ps2Kbd, count),
    STATE_X(Ps2Kbd, command),
    STATE_X(Ps2Kbd, leds),
    STATE_X(Ps2Kbd, rate),
    STATE_X(Ps2Kbd, last),
    STATE_B(Ps2Kbd, scanning),
    STATE_LAST
};

static const StateField i8042_fields[] = {
    STATE_XA(I8042, ram),
    STATE_X(I8042, status),
    STATE_X(I8042, data),
    STATE_X(I8042, output),
    STATE_X(I8042, argument),
    STATE_B(I8042, irq_keyboard),
    STATE_B(I8042, irq_aux),
    STATE_B(I8042, break_prefix),
    STATE_SUB(I8042, keyboard, keyboard_fields),
    STATE_LAST
};

/* Scan codes of set 2 as the controller turns them into set 1; from 85h on they stay. */
static const uint8_t set2_to_set1[0x85] = {
    0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59,
    0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b,
    0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d,
    0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f,
    0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61,
    0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76,
    0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f,
    0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45, 0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54,
    0x80, 0x81, 0x82, 0x41, 0x54,
};

static IrqLine *isa_line(const I8042 *s, unsigned n)
{
    return s->dev.host->isa_irq ? s->dev.host->isa_irq[n] : NULL;
}

/* Each line is on while its port's byte waits and the command byte lets it. */
static void i8042_update_irq(I8042 *s)
{
    bool full = s->status & STATUS_OBF, aux = s->status & STATUS_AUX;
    bool keyboard_irq = full && !aux && (s->ram[0] & CTR_KEYBOARD_IRQ);
    bool aux_irq = full && aux && (s->ram[0] & CTR_AUX_IRQ);

    if (keyboard_irq != s->irq_keyboard) {
        s->irq_keyboard = keyboard_irq;
        irq_set(isa_line(s, IRQ_KEYBOARD), keyboard_irq);
    }
    if (aux_irq != s->irq_aux) {
        s->irq_aux = aux_irq;
        irq_set(isa_line(s, IRQ_AUX), aux_irq);
    }
}

/* Put a byte into the output buffer, over what may be there. */
static void i8042_answer(I8042 *s, uint8_t v, uint8_t status)
{
    /* A byte that replaces another is a new interrupt: let the line fall first. */
    s->status &= (uint8_t)~(STATUS_OBF | STATUS_AUX | STATUS_TIMEOUT);
    i8042_update_irq(s);
    s->data = v;
    s->status |= STATUS_OBF | status;
    i8042_update_irq(s);
}

/* The keyboard's byte as the controller hands it on; false: nothing to hand on yet. */
static bool i8042_translate(I8042 *s, uint8_t v, uint8_t *out)
{
    if (!(s->ram[0] & CTR_TRANSLATE)) {
        *out = v;
        return true;
    }
    if (v == 0xf0) {
        s->break_prefix = true;
        return false;
    }
    *out = v < sizeof(set2_to_set1) ? set2_to_set1[v] : v;
    if (s->break_prefix) {
        *out |= 0x80;
        s->break_prefix = false;
    }
    return true;
}

/* Fetch from the keyboard, if there is room and its port is on. */
static void i8042_fetch(I8042 *s)
{
    while (!(s->status & STATUS_OBF) && !(s->ram[0] & CTR_KEYBOARD_OFF)) {
        int v = ps2_kbd_read(&s->keyboard);
        uint8_t out;

        if (v < 0) {
            break;
        }
        if (i8042_translate(s, (uint8_t)v, &out)) {
            i8042_answer(s, out, 0);
        }
    }
}

static void i8042_reset_machine(I8042 *s)
{
    vm_request_reset(s->dev.host->vm, VM_CAUSE_GUEST_RESET);
}

static void i8042_write_output(I8042 *s, uint8_t v)
{
    if (!(v & OUT_A20)) {
        log_guest("8042: address line 20 cannot be turned off");
    }
    s->output = v | OUT_A20 | OUT_NO_RESET;
    if (!(v & OUT_NO_RESET)) {
        i8042_reset_machine(s);
    }
}

static uint8_t i8042_output_port(const I8042 *s)
{
    uint8_t full = 0;

    if (s->status & STATUS_OBF) {
        full = s->status & STATUS_AUX ? OUT_AUX_FULL : OUT_KEYBOARD_FULL;
    }
    return (uint8_t)((s->output & ~(OUT_KEYBOARD_FULL | OUT_AUX_FULL)) | full);
}

static void i8042_write_ram(I8042 *s, unsigned at, uint8_t v)
{
    s->ram[at] = v;
    if (at == 0) {
        s->status = (uint8_t)((s->status & ~STATUS_SYSTEM) | (v & CTR_SYSTEM ? STATUS_SYSTEM : 0));
        i8042_update_irq(s);
    }
}

static void i8042_command(I8042 *s, uint8_t v)
{
    s->argument = 0;
    switch (v) {
    case CMD_AUX_OFF:
        i8042_write_ram(s, 0, s->ram[0] | CTR_AUX_OFF);
        break;
    case CMD_AUX_ON:
        i8042_write_ram(s, 0, s->ram[0] & (uint8_t)~CTR_AUX_OFF);
        break;
    case CMD_AUX_TEST:
    case CMD_KEYBOARD_TEST:
        i8042_answer(s, 0, 0);
        break;
    case CMD_SELF_TEST:
        i8042_answer(s, SELF_TEST_OK, 0);
        i8042_write_ram(s, 0, s->ram[0] | CTR_SYSTEM);
        break;
    case CMD_KEYBOARD_OFF:
        i8042_write_ram(s, 0, s->ram[0] | CTR_KEYBOARD_OFF);
        break;
    case CMD_KEYBOARD_ON:
        i8042_write_ram(s, 0, s->ram[0] & (uint8_t)~CTR_KEYBOARD_OFF);
        break;
    case CMD_READ_INPUT:
        i8042_answer(s, INPUT_PORT, 0);
        break;
    case CMD_READ_OUTPUT:
        i8042_answer(s, i8042_output_port(s), 0);
        break;
    case CMD_TEST_INPUTS:
        i8042_answer(s, 0, 0);
        break;
    case CMD_WRITE_OUTPUT:
    case CMD_WRITE_KEYBOARD_BUFFER:
    case CMD_WRITE_AUX_BUFFER:
    case CMD_WRITE_AUX:
        s->argument = v;
        break;
    default:
        if (v >= CMD_PULSE) {
            /* The bits that are 0 name output lines to pulse; line 0 is the reset. */
            if (!(v & 1)) {
                i8042_reset_machine(s);
            }
        } else if ((v & ~CMD_RAM_MASK) == CMD_READ_RAM) {
            i8042_answer(s, s->ram[v & CMD_RAM_MASK], 0);
        } else if ((v & ~CMD_RAM_MASK) == CMD_WRITE_RAM) {
            s->argument = v;
        } else {
            log_guest("8042: there is no command 0x%02x", v);
        }
        break;
    }
}

static void i8042_data(I8042 *s, uint8_t v)
{
    uint8_t command = s->argument;

    s->argument = 0;
    switch (command) {
    case 0:
        i8042_write_ram(s, 0, s->ram[0] & (uint8_t)~CTR_KEYBOARD_OFF);
        ps2_kbd_write(&s->keyboard, v);
        break;
    case CMD_WRITE_OUTPUT:
        i8042_write_output(s, v);
        break;
    case CMD_WRITE_KEYBOARD_BUFFER:
        i8042_answer(s, v, 0);
        break;
    case CMD_WRITE_AUX_BUFFER:
        i8042_answer(s, v, STATUS_AUX);
        break;
    case CMD_WRITE_AUX:
        i8042_write_ram(s, 0, s->ram[0] & (uint8_t)~CTR_AUX_OFF);
        i8042_answer(s, NO_ANSWER, STATUS_AUX | STATUS_TIMEOUT);
        break;
    default:
        i8042_write_ram(s, command & CMD_RAM_MASK, v);
        break;
    }
}

static MemResult data_read(void *opaque, uint64_t offset, unsigned size, uint64_t *value,
                           MemAttrs attrs)
{
    I8042 *s = opaque;

    *value = s->data;
    if (!attrs.debug) {
        s->status &= (uint8_t)~(STATUS_OBF | STATUS_AUX | STATUS_TIMEOUT);
        i8042_update_irq(s);
        i8042_fetch(s);
    }
    return MEM_OK;
}

static MemResult data_write(void *opaque, uint64_t offset, unsigned size, uint64_t value,
                            MemAttrs attrs)
{
    I8042 *s = opaque;

    s->status &= (uint8_t)~STATUS_COMMAND;
    i8042_data(s, (uint8_t)value);
    i8042_fetch(s);
    return MEM_OK;
}

static MemResult command_read(void *opaque, uint64_t offset, unsigned size, uint64_t *value,
                              MemAttrs attrs)
{
    *value = ((I8042 *)opaque)->status;
    return MEM_OK;
}

static MemResult command_write(void *opaque, uint64_t offset, unsigned size, uint64_t value,
                               MemAttrs attrs)
{
    I8042 *s = opaque;

    s->status |= STATUS_COMMAND;
    i8042_command(s, (uint8_t)value);
    i8042_fetch(s);
    return MEM_OK;
}

static const MmioOps data_ops = {
    .read = data_read, .write = data_write, .min_size = 1, .max_size = 1,
};
static const MmioOps command_ops = {
    .read = command_read, .write = command_write, .min_size = 1, .max_size = 1,
};

bool i8042_key(Device *dev, const uint8_t *codes, size_t n)
{
    I8042 *s = (I8042 *)dev;
    bool taken = ps2_kbd_key(&s->keyboard, codes, n);

    i8042_fetch(s);
    return taken;
}

static bool i8042_realize(Device *dev, GError **errp)
{
    I8042 *s = (I8042 *)dev;

    s->data_port = mem_region_new_mmio("8042 data", &data_ops, s, 1);
    s->command_port = mem_region_new_mmio("8042 command", &command_ops, s, 1);
    mem_space_map_all(dev->host->io, 0x60, s->data_port, 0);
    mem_space_map_all(dev->host->io, 0x64, s->command_port, 0);
    return true;
}

/* As firmware leaves it: tested, translating, keyboard on. */
static void i8042_reset(Device *dev)
{
    I8042 *s = (I8042 *)dev;

    memset(s->ram, 0, sizeof(s->ram));
    s->ram[0] = CTR_KEYBOARD_IRQ | CTR_SYSTEM | CTR_AUX_OFF | CTR_TRANSLATE;
    s->status = STATUS_SYSTEM | STATUS_UNLOCKED;
    s->data = 0;
    s->output = OUT_NO_RESET | OUT_A20 | OUT_AUX_IDLE | OUT_AUX_CLOCK;
    s->argument = 0;
    s->break_prefix = false;
    ps2_kbd_reset(&s->keyboard);
    s->irq_keyboard = s->irq_aux = false;
    irq_set(isa_line(s, IRQ_KEYBOARD), 0);
    irq_set(isa_line(s, IRQ_AUX), 0);
}

static void i8042_destroy(Device *dev)
{
    I8042 *s = (I8042 *)dev;

    mem_space_unmap(dev->host->io, s->data_port);
    mem_space_unmap(dev->host->io, s->command_port);
    mem_space_reclaim(dev->host->io);
    mem_region_free(s->data_port);
    mem_region_free(s->command_port);
}

static const DeviceLine i8042_lines[] = {
    { "keyboard", DEVICE_LINE_ISA, IRQ_KEYBOARD, 1 },
    { "aux", DEVICE_LINE_ISA, IRQ_AUX, 1 },
    { NULL }
};

const DeviceClass i8042_class = {
    .name = "i8042",
    .desc = "keyboard controller with a keyboard",
    .size = sizeof(I8042),
    .state = i8042_fields,
    .realize = i8042_realize,
    .reset = i8042_reset,
    .destroy = i8042_destroy,
    .lines = i8042_lines,
};
