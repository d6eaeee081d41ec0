/* The 16550A UART.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * After the data sheet of the PC16550D. Two liberties, both invisible to a driver that follows it:
 * the transmitter takes no time, so that it is always empty; and the modem is always there (CTS,
 * DSR and carrier are on). */
#include <string.h>
#include "hw/char/uart16550.h"
#include "util/log.h"

enum {
    UART_REG_DATA = 0, UART_REG_IER, UART_REG_IIR_FCR, UART_REG_LCR,
    UART_REG_MCR, UART_REG_LSR, UART_REG_MSR, UART_REG_SCR,
};

enum {
    IER_RX = 1, IER_THRE = 2, IER_LINE = 4, IER_MODEM = 8, IER_MASK = 0x0f,
    IIR_NONE = 0x01, IIR_MODEM = 0x00, IIR_THRE = 0x02, IIR_RX = 0x04, IIR_LINE = 0x06,
    IIR_TIMEOUT = 0x0c, IIR_FIFO = 0xc0,
    FCR_ENABLE = 0x01, FCR_CLEAR_RX = 0x02, FCR_KEPT = 0xc9,
    LCR_DLAB = 0x80, LCR_PARITY = 0x08, LCR_STOP2 = 0x04, LCR_BITS = 0x03,
    MCR_DTR = 0x01, MCR_RTS = 0x02, MCR_OUT1 = 0x04, MCR_OUT2 = 0x08, MCR_LOOP = 0x10,
    MCR_MASK = 0x1f,
    LSR_DATA = 0x01, LSR_OVERRUN = 0x02, LSR_PARITY = 0x04, LSR_FRAMING = 0x08, LSR_BREAK = 0x10,
    LSR_THRE = 0x20, LSR_TEMT = 0x40, LSR_FIFO_ERROR = 0x80,
    LSR_ERRORS = LSR_OVERRUN | LSR_PARITY | LSR_FRAMING | LSR_BREAK,
    MSR_DCTS = 0x01, MSR_DDSR = 0x02, MSR_TERI = 0x04, MSR_DDCD = 0x08,
    MSR_CTS = 0x10, MSR_DSR = 0x20, MSR_RI = 0x40, MSR_DCD = 0x80,
};

#define UART_CLOCK_HZ 1843200
#define UART_DIVISOR_9600 12

const StateField uart16550_fields[] = {
    STATE_X(Uart16550, ier), STATE_X(Uart16550, lcr), STATE_X(Uart16550, mcr),
    STATE_X(Uart16550, scr), STATE_X(Uart16550, fcr), STATE_X(Uart16550, lsr),
    STATE_X(Uart16550, msr_delta), STATE_U(Uart16550, divisor), STATE_B(Uart16550, thre_pending),
    STATE_B(Uart16550, timeout_pending), STATE_XA(Uart16550, rx_data),
    STATE_XA(Uart16550, rx_error), STATE_U(Uart16550, rx_head), STATE_U(Uart16550, rx_count),
    STATE_B(Uart16550, irq_level), STATE_T(Uart16550, timeout), STATE_LAST
};

static bool fifo_on(const Uart16550 *u)
{
    return u->fcr & FCR_ENABLE;
}

static unsigned rx_capacity(const Uart16550 *u)
{
    return fifo_on(u) ? UART_FIFO_SIZE : 1;
}

/* From how many characters on the data interrupt is on. */
static unsigned rx_trigger(const Uart16550 *u)
{
    static const uint8_t level[] = { 1, 4, 8, 14 };

    return fifo_on(u) ? level[u->fcr >> 6] : 1;
}

/* ---- interrupts ------------------------------------------------------------------------- */

static uint8_t line_status(const Uart16550 *u)
{
    uint8_t v = u->lsr | LSR_THRE | LSR_TEMT;

    if (u->rx_count) {
        v |= LSR_DATA | u->rx_error[u->rx_head];
    }
    for (unsigned i = 0; fifo_on(u) && i < u->rx_count; i++) {
        if (u->rx_error[(u->rx_head + i) % UART_FIFO_SIZE]) {
            v |= LSR_FIFO_ERROR;
        }
    }
    return v;
}

/* The cause that IIR shows: the strongest one that is enabled. */
static uint8_t irq_cause(const Uart16550 *u)
{
    if ((u->ier & IER_LINE) && (line_status(u) & LSR_ERRORS)) {
        return IIR_LINE;
    }
    if ((u->ier & IER_RX) && u->rx_count >= rx_trigger(u)) {
        return IIR_RX;
    }
    if ((u->ier & IER_RX) && u->timeout_pending) {
        return IIR_TIMEOUT;
    }
    if ((u->ier & IER_THRE) && u->thre_pending) {
        return IIR_THRE;
    }
    if ((u->ier & IER_MODEM) && u->msr_delta) {
        return IIR_MODEM;
    }
    return IIR_NONE;
}

/*
 * On a PC the OUT2 pin opens the gate between the UART and the interrupt line, and the loop-back
 * mode takes OUT2 away. Only changes are told: a line with a closed gate is not driven, and another
 * port may use it.
 */
static void irq_update(Uart16550 *u)
{
    bool gate = (u->mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;
    bool level = gate && irq_cause(u) != IIR_NONE;

    if (level != u->irq_level) {
        u->irq_level = level;
        irq_set(u->irq, level);
    }
}

/* ---- receiver --------------------------------------------------------------------------- */

static int64_t character_ns(const Uart16550 *u)
{
    /* start bit, 5 to 8 data bits, parity, 1 or 2 stop bits */
    unsigned bits = 1 + 5 + (u->lcr & LCR_BITS) + !!(u->lcr & LCR_PARITY) +
                    1 + !!(u->lcr & LCR_STOP2);
    unsigned divisor = u->divisor ? u->divisor : 1;

    return (int64_t)bits * 16 * divisor * NS_PER_SEC / UART_CLOCK_HZ;
}

/* Characters below the trigger level are told after four character times without a change. */
static void timeout_arm(Uart16550 *u)
{
    u->timeout_pending = false;
    if (fifo_on(u) && u->rx_count > 0 && u->rx_count < rx_trigger(u)) {
        vm_timer_mod(u->timeout, vm_clock_ns(u->vm) + 4 * character_ns(u));
    } else {
        vm_timer_del(u->timeout);
    }
}

static void timeout_fired(void *opaque)
{
    Uart16550 *u = opaque;

    u->timeout_pending = u->rx_count > 0;
    irq_update(u);
}

static void rx_clear(Uart16550 *u)
{
    u->rx_head = u->rx_count = 0;
    timeout_arm(u);
}

static void rx_put(Uart16550 *u, uint8_t data, uint8_t error)
{
    unsigned at = (u->rx_head + u->rx_count) % UART_FIFO_SIZE;

    if (u->rx_count >= rx_capacity(u)) {
        u->lsr |= LSR_OVERRUN;
        if (fifo_on(u)) {
            return;   /* the FIFO keeps what it has */
        }
        at = u->rx_head;   /* the single register is overwritten */
        u->rx_count = 0;
    }
    u->rx_data[at] = data;
    u->rx_error[at] = error;
    u->rx_count++;
    timeout_arm(u);
}

static uint8_t rx_take(Uart16550 *u)
{
    uint8_t data = u->rx_data[u->rx_head];

    if (u->rx_count == 0) {
        return data;
    }
    u->rx_head = (u->rx_head + 1) % UART_FIFO_SIZE;
    u->rx_count--;
    timeout_arm(u);
    char_front_accept(&u->front);
    return data;
}

static size_t uart_can_receive(void *opaque)
{
    Uart16550 *u = opaque;

    if (u->paused || (u->mcr & MCR_LOOP)) {
        return 0;
    }
    return rx_capacity(u) - MIN(u->rx_count, rx_capacity(u));
}

static void uart_receive(void *opaque, const uint8_t *buf, size_t len)
{
    Uart16550 *u = opaque;

    for (size_t i = 0; i < len; i++) {
        rx_put(u, buf[i], 0);
    }
    irq_update(u);
}

static void uart_event(void *opaque, ChardevEvent event)
{
    Uart16550 *u = opaque;

    if (event == CHARDEV_EVENT_BREAK && !(u->mcr & MCR_LOOP)) {
        rx_put(u, 0, LSR_BREAK);
        irq_update(u);
    }
}

static const ChardevHandlers uart_handlers = {
    .can_receive = uart_can_receive, .receive = uart_receive, .event = uart_event,
};

/* ---- modem lines ------------------------------------------------------------------------ */

static uint8_t modem_lines(const Uart16550 *u)
{
    static const struct { uint8_t out, in; } loop[] = {
        { MCR_RTS, MSR_CTS }, { MCR_DTR, MSR_DSR }, { MCR_OUT1, MSR_RI }, { MCR_OUT2, MSR_DCD },
    };
    uint8_t v = 0;

    if (!(u->mcr & MCR_LOOP)) {
        return MSR_CTS | MSR_DSR | MSR_DCD;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(loop); i++) {
        if (u->mcr & loop[i].out) {
            v |= loop[i].in;
        }
    }
    return v;
}

static void mcr_write(Uart16550 *u, uint8_t value)
{
    uint8_t before = modem_lines(u), after, changed;
    bool was_loop = u->mcr & MCR_LOOP;

    u->mcr = value & MCR_MASK;
    after = modem_lines(u);
    changed = before ^ after;
    u->msr_delta |= (changed & MSR_CTS ? MSR_DCTS : 0) | (changed & MSR_DSR ? MSR_DDSR : 0) |
                    (changed & MSR_DCD ? MSR_DDCD : 0) | (changed & before & MSR_RI ? MSR_TERI : 0);
    if (was_loop && !(u->mcr & MCR_LOOP)) {
        char_front_accept(&u->front);
    }
}

/* ---- registers -------------------------------------------------------------------------- */

static void thr_write(Uart16550 *u, uint8_t value)
{
    if (u->mcr & MCR_LOOP) {
        rx_put(u, value & (0xff >> (3 - (u->lcr & LCR_BITS))), 0);
    } else {
        char_front_write(&u->front, &value, 1);
    }
    u->thre_pending = true;   /* it is empty again already */
}

static void ier_write(Uart16550 *u, uint8_t value)
{
    uint8_t turned_on = value & ~u->ier;

    u->ier = value & IER_MASK;
    if (turned_on & IER_THRE) {
        u->thre_pending = true;
    }
}

static void fcr_write(Uart16550 *u, uint8_t value)
{
    bool toggled = (u->fcr ^ value) & FCR_ENABLE;

    u->fcr = value & FCR_ENABLE ? value & FCR_KEPT : 0;
    if (toggled || (value & (FCR_ENABLE | FCR_CLEAR_RX)) == (FCR_ENABLE | FCR_CLEAR_RX)) {
        rx_clear(u);
        char_front_accept(&u->front);
    } else {
        timeout_arm(u);   /* the trigger level may be another */
    }
}

static uint8_t iir_read(Uart16550 *u)
{
    uint8_t cause = irq_cause(u);

    if (cause == IIR_THRE) {
        u->thre_pending = false;
    }
    return cause | (fifo_on(u) ? IIR_FIFO : 0);
}

static uint8_t lsr_read(Uart16550 *u)
{
    uint8_t v = line_status(u);

    u->lsr &= ~LSR_OVERRUN;
    if (u->rx_count) {
        u->rx_error[u->rx_head] = 0;
    }
    return v;
}

static uint8_t msr_read(Uart16550 *u)
{
    uint8_t v = modem_lines(u) | u->msr_delta;

    u->msr_delta = 0;
    return v;
}

static uint8_t reg_read(Uart16550 *u, unsigned reg)
{
    bool dlab = u->lcr & LCR_DLAB;

    switch (reg) {
    case UART_REG_DATA:
        return dlab ? u->divisor & 0xff : rx_take(u);
    case UART_REG_IER:
        return dlab ? u->divisor >> 8 : u->ier;
    case UART_REG_IIR_FCR:
        return iir_read(u);
    case UART_REG_LCR:
        return u->lcr;
    case UART_REG_MCR:
        return u->mcr;
    case UART_REG_LSR:
        return lsr_read(u);
    case UART_REG_MSR:
        return msr_read(u);
    default:
        return u->scr;
    }
}

uint8_t uart16550_read(Uart16550 *u, unsigned reg)
{
    uint8_t v = reg_read(u, reg);

    irq_update(u);
    return v;
}

void uart16550_write(Uart16550 *u, unsigned reg, uint8_t value)
{
    bool dlab = u->lcr & LCR_DLAB;

    switch (reg) {
    case UART_REG_DATA:
        if (dlab) {
            u->divisor = (u->divisor & 0xff00) | value;
        } else {
            thr_write(u, value);
        }
        break;
    case UART_REG_IER:
        if (dlab) {
            u->divisor = (u->divisor & 0x00ff) | value << 8;
        } else {
            ier_write(u, value);
        }
        break;
    case UART_REG_IIR_FCR:
        fcr_write(u, value);
        break;
    case UART_REG_LCR:
        u->lcr = value;
        break;
    case UART_REG_MCR:
        mcr_write(u, value);
        break;
    case UART_REG_LSR:
    case UART_REG_MSR:
        log_guest("write of 0x%02x to a UART's status register %u", value, reg);
        break;
    default:
        u->scr = value;
        break;
    }
    irq_update(u);
}

/* ---- life ------------------------------------------------------------------------------- */

bool uart16550_init(Uart16550 *u, Vm *vm, IrqLine *irq, Chardev *chr, GError **errp)
{
    u->vm = vm;
    u->irq = irq;
    if (!char_front_attach(&u->front, vm, chr, &uart_handlers, u, errp)) {
        return false;
    }
    u->timeout = vm_timer_new(vm, timeout_fired, u);
    return true;
}

void uart16550_fini(Uart16550 *u)
{
    char_front_detach(&u->front);
    vm_timer_free(u->timeout);
    u->timeout = NULL;
}

void uart16550_reset(Uart16550 *u)
{
    u->ier = u->lcr = u->mcr = u->scr = u->fcr = u->lsr = u->msr_delta = 0;
    u->divisor = UART_DIVISOR_9600;
    u->thre_pending = false;
    memset(u->rx_data, 0, sizeof(u->rx_data));
    memset(u->rx_error, 0, sizeof(u->rx_error));
    rx_clear(u);
    irq_update(u);
    char_front_accept(&u->front);
}

void uart16550_pause(Uart16550 *u)
{
    u->paused = true;
}

void uart16550_resume(Uart16550 *u)
{
    u->paused = false;
    char_front_accept(&u->front);
}

void uart16550_loaded(Uart16550 *u)
{
    irq_set(u->irq, u->irq_level);
    char_front_accept(&u->front);
}
