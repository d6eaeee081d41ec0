/* The ACPI tables of machine pc, read back: checksums, pointers, fields, and the DSDT's terms.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include "hw/acpi/aml.h"
#include "hw/acpi/pm.h"
#include "hw/i386/acpi_tables.h"
#include "hw/i386/pc_layout.h"
#include "util/bytes.h"

#define BASE PC_TABLES

static GByteArray *blob;

static void build(unsigned ncpus, uint8_t serial)
{
    PcAcpiConfig c = {
        .ncpus = ncpus, .ioapic_id = ncpus, .sci = PC_SCI, .pm_base = PC_PM_BASE, .serial = serial,
    };

    blob = pc_acpi_build(&c, BASE);
}

static uint8_t sum(const uint8_t *p, size_t n)
{
    uint8_t s = 0;

    while (n--) {
        s += *p++;
    }
    return s;
}

static const uint8_t *at(uint64_t addr, size_t n)
{
    g_assert_cmpuint(addr, >=, BASE);
    g_assert_cmpuint(addr - BASE + n, <=, blob->len);
    return blob->data + (addr - BASE);
}

/* A table at this address, its checksum right; *len is all of it. */
static const uint8_t *table(uint64_t addr, const char *signature, uint32_t *len)
{
    const uint8_t *p = at(addr, 36);

    g_assert_cmpmem(p, 4, signature, 4);
    *len = load_le32(p + 4);
    at(addr, *len);
    g_assert_cmpuint(sum(p, *len), ==, 0);
    return p;
}

/* By the XSDT; the RSDT must say the same. */
static const uint8_t *find(const char *signature, uint32_t *len)
{
    const uint8_t *rsdp = at(BASE, 36), *xsdt, *rsdt;
    uint32_t xlen, rlen;

    g_assert_cmpmem(rsdp, 8, "RSD PTR ", 8);
    g_assert_cmpuint(sum(rsdp, 20), ==, 0);
    g_assert_cmpuint(sum(rsdp, 36), ==, 0);
    g_assert_cmpuint(rsdp[15], ==, 2);
    rsdt = table(load_le32(rsdp + 16), "RSDT", &rlen);
    xsdt = table(load_le64(rsdp + 24), "XSDT", &xlen);
    g_assert_cmpuint((xlen - 36) / 8, ==, (rlen - 36) / 4);
    for (uint32_t i = 0; i < (xlen - 36) / 8; i++) {
        uint64_t addr = load_le64(xsdt + 36 + 8 * i);

        g_assert_cmpuint(load_le32(rsdt + 36 + 4 * i), ==, addr);
        if (!memcmp(at(addr, 36), signature, 4)) {
            return table(addr, signature, len);
        }
    }
    g_assert_not_reached();
}

static void test_fadt(void)
{
    const uint8_t *p, *facs;
    uint32_t len;

    build(1, 1);
    p = find("FACP", &len);
    g_assert_cmpuint(len, ==, 268);
    facs = at(load_le32(p + 36), 64);
    g_assert_cmpuint(load_le32(p + 36) % 64, ==, 0);
    g_assert_cmpmem(facs, 4, "FACS", 4);
    g_assert_cmpuint(load_le32(facs + 4), ==, 64);
    g_assert_cmphex(load_le32(p + 40), ==, load_le64(p + 140));
    g_assert_cmphex(load_le32(p + 56), ==, 0x600);
    g_assert_cmphex(load_le64(p + 152), ==, 0x600);
    g_assert_cmphex(load_le32(p + 64), ==, 0x604);
    g_assert_cmphex(load_le32(p + 76), ==, 0x608);
    g_assert_cmpuint(load_le32(p + 48), ==, 0);          /* no SMI command: ACPI mode */
    g_assert_cmpuint(p[92], ==, 0);                      /* no GPE block */
    g_assert_cmphex(load_le32(p + 112) & (1u << 20), ==, 0);    /* full hardware */
    g_assert_cmphex(load_le32(p + 112) & (1u << 4), ==, 0);     /* fixed power button */
    g_assert_cmphex(load_le32(p + 112) & (1u << 8), !=, 0);     /* 32-bit timer */
    g_assert_cmphex(load_le32(p + 112) & (1u << 10), !=, 0);    /* reset register */
    g_assert_cmphex(load_le64(p + 120), ==, 0xcf9);
    g_assert_cmpuint(p[116], ==, 1);
    g_assert_cmphex(load_le16(p + 109), ==, 0x0007);
    g_byte_array_unref(blob);
}

static void test_madt(void)
{
    const uint8_t *p, *e;
    uint32_t len;
    unsigned cpus = 0, seen = 0;

    build(16, 1);
    p = find("APIC", &len);
    g_assert_cmphex(load_le32(p + 36), ==, 0xfee00000);
    g_assert_cmpuint(load_le32(p + 40), ==, 1);
    for (e = p + 44; e < p + len; e += e[1]) {
        g_assert_cmpuint(e[1], >=, 2);
        if (e[0] == 0) {
            g_assert_cmpuint(e[3], ==, cpus);
            g_assert_cmpuint(load_le32(e + 4), ==, 1);
            cpus++;
        } else if (e[0] == 1) {
            g_assert_cmpuint(e[2], ==, 16);
            g_assert_cmphex(load_le32(e + 4), ==, 0xfec00000);
            seen |= 1;
        } else if (e[0] == 2 && e[3] == 0) {
            g_assert_cmpuint(load_le32(e + 4), ==, 2);
            seen |= 2;
        } else if (e[0] == 2) {
            g_assert_cmpuint(e[3], ==, 9);
            g_assert_cmpuint(load_le32(e + 4), ==, 9);
            g_assert_cmphex(load_le16(e + 8), ==, 0x0d);
            seen |= 4;
        }
    }
    g_assert_true(e == p + len);
    g_assert_cmpuint(cpus, ==, 16);
    g_assert_cmphex(seen, ==, 7);
    g_byte_array_unref(blob);
}

/* ---- DSDT ------------------------------------------------------------------------------------ */

/* Reads what the builder can write, as text: "Scope(\_SB_){Device(COM1){Name(_HID,PNP0501)...". */
typedef struct Reader {
    const uint8_t *p, *end;
    GString *out;
} Reader;

static uint8_t take(Reader *r)
{
    g_assert_true(r->p < r->end);
    return *r->p++;
}

static uint64_t take_le(Reader *r, unsigned n)
{
    uint64_t v;

    g_assert_cmpuint(r->end - r->p, >=, n);
    v = load_le(r->p, n);
    r->p += n;
    return v;
}

static const uint8_t *take_length(Reader *r)
{
    const uint8_t *start = r->p;
    uint8_t lead = take(r);
    unsigned n = lead >> 6;
    uint32_t len = n ? lead & 15 : lead;

    for (unsigned i = 0; i < n; i++) {
        len |= (uint32_t)take(r) << (4 + 8 * i);
    }
    g_assert_cmpuint(len, <=, r->end - start);
    return start + len;
}

static void read_path(Reader *r)
{
    if (*r->p == '\\') {
        g_string_append_c(r->out, (char)take(r));
    }
    for (unsigned i = 0; i < 4; i++) {
        g_string_append_c(r->out, (char)take(r));
    }
}

static void read_eisa(Reader *r)
{
    uint32_t le = (uint32_t)take_le(r, 4);
    uint32_t v = GUINT32_SWAP_LE_BE(le);    /* a macro that may look at its argument four times */

    g_string_append_printf(r->out, "%c%c%c%04X", '@' + (v >> 26 & 31), '@' + (v >> 21 & 31),
                           '@' + (v >> 16 & 31), v & 0xffff);
}

static void read_resources(Reader *r, const uint8_t *end)
{
    unsigned left;

    g_assert_cmphex(take(r), ==, 0x0b);
    left = (unsigned)take_le(r, 2);
    g_assert_cmpuint(left, ==, end - r->p);
    for (;;) {
        uint8_t tag = take(r);

        if (tag == 0x47) {
            unsigned lo;

            g_assert_cmpuint(take(r), ==, 1);
            lo = (unsigned)take_le(r, 2);
            g_assert_cmphex(take_le(r, 2), ==, lo);
            take(r);
            g_string_append_printf(r->out, "io%x+%u ", lo, take(r));
        } else if (tag == 0x22) {
            unsigned mask = (unsigned)take_le(r, 2);

            g_assert_true(is_pow2(mask));
            g_string_append_printf(r->out, "irq%d ", __builtin_ctz(mask));
        } else {
            g_assert_cmphex(tag, ==, 0x79);
            g_assert_cmpuint(take(r), ==, 0);
            break;
        }
    }
    g_assert_true(r->p == end);
}

static void read_object(Reader *r)
{
    uint8_t op = take(r);

    if (op <= 1) {
        g_string_append_printf(r->out, "%u", op);
    } else if (op == 0x0a) {
        g_string_append_printf(r->out, "%u", take(r));
    } else if (op == 0x0c) {
        read_eisa(r);
    } else if (op == 0x0d) {
        while (*r->p) {
            g_string_append_c(r->out, (char)take(r));
        }
        take(r);
    } else if (op == 0x11) {
        read_resources(r, take_length(r));
    } else {
        const uint8_t *end;
        unsigned n;

        g_assert_cmphex(op, ==, 0x12);
        end = take_length(r);
        n = take(r);
        while (n--) {
            read_object(r);
            g_string_append_c(r->out, ' ');
        }
        g_assert_true(r->p == end);
    }
}

static void read_terms(Reader *r, const uint8_t *end)
{
    while (r->p < end) {
        uint8_t op = take(r);

        if (op == 0x08) {
            g_string_append(r->out, "Name(");
            read_path(r);
            g_string_append_c(r->out, ',');
            read_object(r);
            g_string_append_c(r->out, ')');
            continue;
        }
        if (op == 0x5b) {
            g_assert_cmphex(take(r), ==, 0x82);
        } else {
            g_assert_cmphex(op, ==, 0x10);
        }
        g_string_append(r->out, op == 0x10 ? "Scope(" : "Device(");
        const uint8_t *inner = take_length(r);
        read_path(r);
        g_string_append(r->out, "){");
        read_terms(r, inner);
        g_string_append_c(r->out, '}');
    }
    g_assert_true(r->p == end);
}

static char *dsdt_text(void)
{
    uint32_t flen, dlen;
    const uint8_t *fadt = find("FACP", &flen);
    const uint8_t *dsdt = table(load_le32(fadt + 40), "DSDT", &dlen);
    Reader r = { dsdt + 36, dsdt + dlen, g_string_new(NULL) };

    read_terms(&r, r.end);
    return g_string_free(r.out, FALSE);
}

static void check_has(const char *text, const char *want)
{
    if (!strstr(text, want)) {
        g_test_message("no '%s' in %s", want, text);
        g_test_fail();
    }
}

static void test_dsdt(void)
{
    g_autofree char *text = NULL, *all = NULL;

    build(1, 1);
    text = dsdt_text();
    check_has(text, "Scope(\\_SB_){Device(");
    check_has(text, "Device(COM1){Name(_HID,PNP0501)Name(_UID,1)Name(_STA,15)"
                    "Name(_CRS,io3f8+8 irq4 )}");
    check_has(text, "Name(_HID,PNP0B00)Name(_STA,15)Name(_CRS,io70+2 irq8 )");
    check_has(text, "Name(_HID,PNP0303)Name(_STA,15)Name(_CRS,io60+1 io64+1 irq1 )");
    check_has(text, "Name(_HID,QEMU0001)Name(_STA,15)Name(_CRS,io505+1 )");
    check_has(text, "Name(\\_S5_,5 5 0 0 )");
    g_assert_null(strstr(text, "COM2"));
    g_byte_array_unref(blob);
    build(2, 0x0a);
    all = dsdt_text();
    g_assert_null(strstr(all, "COM1"));
    check_has(all, "Device(COM2){Name(_HID,PNP0501)Name(_UID,2)Name(_STA,15)"
                   "Name(_CRS,io2f8+8 irq3 )}");
    check_has(all, "io2e8+8 irq3");
    g_byte_array_unref(blob);
}

/* PkgLength at its boundaries: a package of zeros, so long that the length takes each form. */
static void test_package_length(void)
{
    static const unsigned sizes[] = { 0, 61, 62, 63, 255, 4090, 4093, 4094, 1048570, 1048573 };

    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        GByteArray *bytes = g_byte_array_new();
        Reader r;
        Aml a;

        aml_init(&a, bytes);
        aml_begin_scope(&a, "\\");
        for (unsigned n = 0; n < sizes[i]; n++) {
            aml_int(&a, 0);
        }
        aml_end(&a);
        r = (Reader){ bytes->data, bytes->data + bytes->len, NULL };
        g_assert_cmphex(take(&r), ==, 0x10);
        g_assert_true(take_length(&r) == r.end);
        g_assert_cmpuint(r.end - r.p, ==, sizes[i] + 2);
        g_byte_array_unref(bytes);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/acpi/fadt", test_fadt);
    g_test_add_func("/acpi/madt", test_madt);
    g_test_add_func("/acpi/dsdt", test_dsdt);
    g_test_add_func("/acpi/package-length", test_package_length);
    return g_test_run();
}
