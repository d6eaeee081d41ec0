/* The 8254: every mode against a counter that is stepped pulse by pulse as the data sheet tells;
 * latches, read-back, the interrupt line, port 61h.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake-vm.h"
#include "hw/timer/i8254.h"
#include "hw/timer/pit_counter.h"

static void load(PitCounter *c, unsigned mode, unsigned count, int64_t now)
{
    pit_counter_control(c, (uint8_t)(0x30 | mode << 1), now);
    pit_counter_write(c, (uint8_t)count, now);
    pit_counter_write(c, (uint8_t)(count >> 8), now);
}

/* OUT for each tick from now on, as '1' and '0'. */
static char *wave(PitCounter *c, int64_t now, unsigned n)
{
    GString *s = g_string_new(NULL);

    for (unsigned i = 0; i < n; i++) {
        g_string_append_c(s, pit_counter_out(c, now + i) ? '1' : '0');
    }
    return g_string_free(s, FALSE);
}

static void check_wave(PitCounter *c, int64_t now, const char *want)
{
    g_autofree char *got = wave(c, now, (unsigned)strlen(want));

    g_assert_cmpstr(got, ==, want);
}

/* next_edge() must name every change that the wave shows (mode 2, 4, 5: the rises only). */
static void check_edges(PitCounter *c, int64_t now, unsigned n)
{
    bool rises_only = c->mode == 2 || c->mode >= 4, rising;

    for (int64_t t = now; t < now + n; t++) {
        PitCounter copy = *c;
        int64_t edge = pit_counter_next_edge(&copy, t, &rising), want = INT64_MAX;
        bool out = pit_counter_out(&copy, t);

        for (int64_t u = t + 1; u < now + 4 * n; u++) {
            bool next = pit_counter_out(&copy, u);

            if (next != out && (next || !rises_only)) {
                want = u;
                g_assert_cmpint(rising, ==, next);
                break;
            }
            out = next;
        }
        g_assert_cmpint(edge, ==, want);
    }
}

static PitCounter counter(bool gate)
{
    PitCounter c = { .gate = gate };

    pit_counter_reset(&c);
    return c;
}

static void test_mode0(void)
{
    PitCounter c = counter(true);

    load(&c, 0, 3, 100);
    check_wave(&c, 100, "000011111");            /* N + 1 pulses after the write */
    g_assert_cmpuint(pit_counter_count(&c, 101), ==, 3);
    g_assert_cmpuint(pit_counter_count(&c, 103), ==, 1);
    g_assert_cmpuint(pit_counter_count(&c, 105), ==, 0xffff);    /* goes on */
    load(&c, 0, 10, 200);
    pit_counter_set_gate(&c, false, 205);
    g_assert_cmpuint(pit_counter_count(&c, 300), ==, 6);
    pit_counter_set_gate(&c, true, 300);
    check_wave(&c, 303, "000111");
    load(&c, 0, 5, 400);
    check_edges(&c, 400, 8);
    pit_counter_write(&c, 9, 402);               /* half a count stops it */
    g_assert_false(pit_counter_out(&c, 450));
    g_assert_cmpuint(pit_counter_count(&c, 450), ==, 4);
    pit_counter_write(&c, 0, 450);
    check_wave(&c, 450, "00000000001");
}

static void test_mode1(void)
{
    PitCounter c = counter(false);

    load(&c, 1, 3, 100);
    check_wave(&c, 100, "1111");
    pit_counter_set_gate(&c, true, 110);
    check_wave(&c, 110, "1000111");
    pit_counter_set_gate(&c, false, 120);
    pit_counter_set_gate(&c, true, 120);
    pit_counter_set_gate(&c, false, 122);
    pit_counter_set_gate(&c, true, 122);         /* again while it is low */
    check_wave(&c, 121, "0000011");
    pit_counter_write(&c, 5, 130);
    pit_counter_write(&c, 0, 130);               /* for the next trigger */
    pit_counter_set_gate(&c, false, 140);
    pit_counter_set_gate(&c, true, 140);
    check_wave(&c, 140, "1000001");
    check_edges(&c, 141, 5);
}

static void test_mode2(void)
{
    PitCounter c = counter(true);

    load(&c, 2, 3, 100);
    check_wave(&c, 100, "1110110110");
    g_assert_cmpuint(pit_counter_count(&c, 101), ==, 3);
    g_assert_cmpuint(pit_counter_count(&c, 103), ==, 1);
    check_edges(&c, 101, 12);
    pit_counter_write(&c, 5, 102);
    pit_counter_write(&c, 0, 102);               /* at the end of this cycle */
    check_wave(&c, 101, "110111101111");
    pit_counter_set_gate(&c, false, 150);
    check_wave(&c, 150, "11111111");
    pit_counter_set_gate(&c, true, 160);
    check_wave(&c, 160, "11111011110");
}

static void test_mode3(void)
{
    PitCounter c = counter(true);

    load(&c, 3, 4, 100);
    check_wave(&c, 101, "110011001100");
    g_assert_cmpuint(pit_counter_count(&c, 101), ==, 4);
    g_assert_cmpuint(pit_counter_count(&c, 102), ==, 2);
    g_assert_cmpuint(pit_counter_count(&c, 103), ==, 4);
    check_edges(&c, 101, 12);
    load(&c, 3, 5, 200);
    check_wave(&c, 201, "111001110011100");      /* odd: high one longer */
    g_assert_cmpuint(pit_counter_count(&c, 201), ==, 4);
    g_assert_cmpuint(pit_counter_count(&c, 203), ==, 0);
    check_edges(&c, 201, 12);
    load(&c, 3, 8, 300);
    pit_counter_write(&c, 4, 302);
    pit_counter_write(&c, 0, 302);               /* from the next half on */
    check_wave(&c, 301, "1111001100");
    load(&c, 3, 8, 400);
    pit_counter_write(&c, 4, 406);
    pit_counter_write(&c, 0, 406);
    check_wave(&c, 401, "111100001100");
}

static void test_mode4_5(void)
{
    PitCounter c = counter(true);

    load(&c, 4, 3, 100);
    check_wave(&c, 100, "1111011111");
    check_edges(&c, 101, 8);
    c = counter(false);
    load(&c, 5, 3, 100);
    check_wave(&c, 100, "1111111");
    pit_counter_set_gate(&c, true, 110);
    check_wave(&c, 110, "1111011");
    check_edges(&c, 111, 8);
}

static void test_decimal(void)
{
    PitCounter c = counter(true);

    pit_counter_control(&c, 0x31, 0);            /* mode 0, decimal */
    pit_counter_write(&c, 0x00, 0);
    pit_counter_write(&c, 0x10, 0);
    g_assert_cmphex(pit_counter_count(&c, 1), ==, 0x1000);
    g_assert_cmphex(pit_counter_count(&c, 2), ==, 0x0999);
    g_assert_cmphex(pit_counter_count(&c, 1002), ==, 0x9999);
    pit_counter_control(&c, 0x35, 2000);
    pit_counter_write(&c, 0, 2000);
    pit_counter_write(&c, 0, 2000);              /* 10000 */
    g_assert_cmphex(pit_counter_count(&c, 2002), ==, 0x9999);
}

static void test_access(void)
{
    PitCounter c = counter(true);

    pit_counter_control(&c, 0x34, 0);
    pit_counter_write(&c, 0x34, 0);
    pit_counter_write(&c, 0x12, 0);
    pit_counter_control(&c, 0x00, 0x11);         /* latch: 0x1234 - 0x10 */
    pit_counter_control(&c, 0x00, 0x30);         /* ignored: one is held */
    g_assert_cmphex(pit_counter_read(&c, 0x40), ==, 0x24);
    g_assert_cmphex(pit_counter_peek(&c, 0x40), ==, 0x12);
    g_assert_cmphex(pit_counter_read(&c, 0x40), ==, 0x12);
    g_assert_cmphex(pit_counter_read(&c, 0x41), ==, 0xf4);       /* live again */
    g_assert_cmphex(pit_counter_read(&c, 0x41), ==, 0x11);
    pit_counter_read_back(&c, true, true, 0x41);
    g_assert_cmphex(pit_counter_read(&c, 0x50), ==, 0xb4);       /* status first: out, 11, mode 2 */
    g_assert_cmphex(pit_counter_read(&c, 0x50), ==, 0xf4);
    g_assert_cmphex(pit_counter_read(&c, 0x50), ==, 0x11);
    pit_counter_control(&c, 0x1e, 0x60);         /* low byte only, mode 7 is 3 */
    pit_counter_read_back(&c, false, true, 0x60);
    g_assert_cmphex(pit_counter_read(&c, 0x60), ==, 0xd6);       /* null count */
    pit_counter_write(&c, 8, 0x60);
    g_assert_cmphex(pit_counter_read(&c, 0x61), ==, 8);
    g_assert_cmphex(pit_counter_read(&c, 0x62), ==, 6);
}

/* ---- the chip on its bus ------------------------------------------------------------------ */

static int64_t ticks(int64_t n)
{
    return n * 88000 / 105 + 1;
}

static void test_line(void)
{
    Device *pit;

    fake_vm_init();
    pit = fake_vm_device(&i8254_class);
    fake_out(0x43, 0x34);
    fake_out(0x40, 0xa5);
    fake_out(0x40, 0x12);                        /* 4773: 250 Hz */
    fake_vm_advance(NS_PER_SEC);
    g_assert_cmpuint(fake.rises[0], ==, 250);
    fake_vm_stall(NS_PER_SEC);                   /* a second that nobody saw */
    g_assert_cmpuint(fake.rises[0] - 250, <=, 3);
    fake.rises[0] = 0;
    fake_out(0x43, 0x30);
    g_assert_cmpint(fake.level[0], ==, 0);
    fake_out(0x40, 100);
    fake_out(0x40, 0);
    fake_vm_advance(ticks(99));
    g_assert_cmpint(fake.level[0], ==, 0);
    fake_vm_advance(ticks(3));
    g_assert_cmpint(fake.level[0], ==, 1);
    fake_vm_advance(NS_PER_SEC);
    g_assert_cmpuint(fake.rises[0], ==, 1);
    fake_out(0x43, 0x36);
    fake_out(0x40, 0);
    fake_out(0x40, 0);
    fake.rises[0] = 0;
    fake_vm_advance(10 * NS_PER_SEC);
    g_assert_cmpuint(fake.rises[0], ==, 182);    /* 18.2 Hz */
    fake_out(0x43, 0x36);
    fake_out(0x40, 2);
    fake_out(0x40, 0);                           /* 600 kHz: the line can't, and need not, follow */
    fake.rises[0] = 0;
    fake_vm_advance(NS_PER_SEC / 10);
    g_assert_cmpuint(fake.rises[0], >, 100);
    g_assert_cmpuint(fake.rises[0], <, 10000);
    device_free(pit);
    fake_vm_done();
}

static void test_port61(void)
{
    Device *pit;
    uint8_t first;

    fake_vm_init();
    pit = fake_vm_device(&i8254_class);
    fake_out(0x61, 0);
    fake_out(0x43, 0xb0);
    fake_out(0x42, 0xff);
    fake_out(0x42, 0xff);
    fake_vm_advance(NS_PER_SEC);
    g_assert_false(fake_in(0x61) & 0x20);        /* the gate is shut */
    fake_out(0x61, 1);
    fake_vm_advance(54 * NS_PER_MS);
    g_assert_false(fake_in(0x61) & 0x20);
    fake_vm_advance(2 * NS_PER_MS);
    g_assert_true(fake_in(0x61) & 0x20);
    first = fake_in(0x61) & 0x10;
    fake_vm_advance(15085);
    g_assert_cmphex(fake_in(0x61) & 0x10, !=, first);
    g_assert_cmphex(fake_in(0x61) & 0x0f, ==, 1);
    g_assert_cmpuint(fake.rises[0], ==, 0);
    device_free(pit);
    fake_vm_done();
}

static void disturb(Device *dev)
{
    fake_out(0x43, 0x34);
    fake_out(0x40, 0xa5);
    fake_out(0x40, 0x12);
    fake_out(0x61, 3);
    fake_vm_advance(NS_PER_SEC);
}

static void test_reset(void)
{
    Device *pit;

    fake_vm_init();
    pit = fake_vm_device(&i8254_class);
    fake_vm_check_reset(pit, disturb);
    g_assert_cmpint(fake.level[0], ==, 0);
    device_free(pit);
    fake_vm_done();
}

static void test_view(void)
{
    fake_vm_init();
    Device *pit = fake_vm_device(&i8254_class);
    g_autofree char *off = fake_vm_view(pit, "pit");
    g_assert_nonnull(strstr(off, "counter 1: mode 0, count 0 of "));
    g_assert_nonnull(strstr(off, ", gate on, out low, not loaded\n"));
    fake_out(0x43, 0x34);
    fake_out(0x40, 0x00);
    fake_out(0x40, 0x10);
    fake_out(0x43, 0xb6);
    fake_out(0x42, 0x99);
    fake_out(0x42, 0x01);
    fake_vm_advance(100000);
    g_autofree char *text = fake_vm_view(pit, "pit"), *again = fake_vm_view(pit, "pit");
    g_assert_nonnull(strstr(text, "counter 0: mode 2, count 3978 of 4096, gate on, out high\n"));
    g_assert_nonnull(strstr(text, "counter 2: mode 3, count "));
    g_assert_nonnull(strstr(text, " of 409, gate off, out high\nport 61h: 00\n"));
    g_assert_cmpstr(text, ==, again);
    device_free(pit);
    fake_vm_done();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/i8254/mode0", test_mode0);
    g_test_add_func("/i8254/mode1", test_mode1);
    g_test_add_func("/i8254/mode2", test_mode2);
    g_test_add_func("/i8254/mode3", test_mode3);
    g_test_add_func("/i8254/mode4-5", test_mode4_5);
    g_test_add_func("/i8254/decimal", test_decimal);
    g_test_add_func("/i8254/access", test_access);
    g_test_add_func("/i8254/line", test_line);
    g_test_add_func("/i8254/port61", test_port61);
    g_test_add_func("/i8254/reset", test_reset);
    g_test_add_func("/i8254/view", test_view);
    return g_test_run();
}
