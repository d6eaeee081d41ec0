/* Address spaces: views, device access rules, page flags, code hook.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <sys/mman.h>
#include "mem/mem.h"
#include "util/bytes.h"

/* A device that remembers its accesses and answers with its offset. */
typedef struct Probe {
    unsigned n;
    struct { uint64_t offset; unsigned size; uint64_t value; bool write; int cpu; } acc[32];
} Probe;

static MemResult probe_read(void *opaque, uint64_t offset, unsigned size, uint64_t *value,
                            MemAttrs attrs)
{
    Probe *p = opaque;

    p->acc[p->n].offset = offset;
    p->acc[p->n].size = size;
    p->acc[p->n].cpu = attrs.cpu;
    p->acc[p->n++].write = false;
    *value = 0;
    for (unsigned i = 0; i < size; i++) {
        *value |= (uint64_t)(0x10 + offset + i) << (8 * i);
    }
    *value |= size < 8 ? UINT64_MAX << (8 * size) : 0;   /* rubbish above must not be seen */
    return MEM_OK;
}

static MemResult probe_write(void *opaque, uint64_t offset, unsigned size, uint64_t value,
                             MemAttrs attrs)
{
    Probe *p = opaque;

    p->acc[p->n].offset = offset;
    p->acc[p->n].size = size;
    p->acc[p->n].value = value;
    p->acc[p->n].cpu = attrs.cpu;
    p->acc[p->n++].write = true;
    return MEM_OK;
}

static const MmioOps probe_ops = { .read = probe_read, .write = probe_write };
static const MmioOps probe_ops1 = { .read = probe_read, .write = probe_write, .max_size = 1 };
static const MmioOps probe_ops4 = {
    .read = probe_read, .write = probe_write, .min_size = 4, .max_size = 4,
};

static MemRegion *ram_new(uint64_t size)
{
    GError *err = NULL;
    MemRegion *r = mem_region_new_ram("ram", size, &err);

    g_assert_no_error(err);
    return r;
}

static void test_overlay(void)
{
    MemSpace *s = mem_space_new("memory", UINT64_MAX);
    MemRegion *ram = ram_new(0x10000);
    Probe p = { 0 };
    MemRegion *dev = mem_region_new_mmio("dev", &probe_ops, &p, 0x1000);
    MemSection sec;

    g_assert_false(mem_find(s, 0, &sec));
    g_assert_cmphex(sec.avail, ==, UINT64_MAX);
    mem_space_map_all(s, 0, ram, 0);
    mem_space_map_all(s, 0x3000, dev, 1);
    g_assert_true(mem_find(s, 0x2ff0, &sec));
    g_assert_cmphex(sec.avail, ==, 0x10);
    g_assert_true(sec.host == mem_region_host(ram) + 0x2ff0 && sec.writable);
    g_assert_true(mem_find(s, 0x3008, &sec));
    g_assert_true(sec.region == dev && sec.offset == 8 && !sec.host);
    g_assert_true(mem_find(s, 0x4000, &sec));
    g_assert_true(sec.region == ram && sec.offset == 0x4000 && sec.avail == 0xc000);
    g_assert_false(mem_find(s, 0x10000, &sec));
    g_assert_cmphex(sec.avail, ==, UINT64_MAX - 0xffff);

    mem_space_unmap(s, dev);
    mem_find(s, 0, &sec);
    g_assert_cmphex(sec.avail, ==, 0x10000);   /* merged again */

    mem_space_map_all(s, 0x3000, dev, -1);     /* weaker: hidden */
    mem_find(s, 0x3000, &sec);
    g_assert_true(sec.region == ram);
    mem_space_unmap(s, dev);
    mem_space_map(s, 0xf800, dev, 0x800, 0x800, 0);   /* equal priority: the later one wins */
    mem_find(s, 0xf800, &sec);
    g_assert_true(sec.region == dev && sec.offset == 0x800 && sec.avail == 0x800);
    mem_space_free(s);
    mem_region_free(dev);
    mem_region_free(ram);
}

static void test_around_hole(void)
{
    MemSpace *s = mem_space_new("memory", (UINT64_C(1) << 40) - 1);
    MemRegion *ram = ram_new(UINT64_C(6) << 30);
    uint64_t v = 0;
    paddr_t addr;

    mem_space_map_ram_around(s, ram, 0xc0000000, UINT64_C(1) << 32);
    g_assert_cmpint(mem_store(s, UINT64_C(0x100000000), MEM_ATTRS_CPU(0), 8, 0x1122334455667788),
                    ==, MEM_OK);
    g_assert_cmphex(load_le64(mem_region_host(ram) + 0xc0000000), ==, 0x1122334455667788);
    g_assert_cmpint(mem_load(s, 0xc0000000, MEM_ATTRS_CPU(0), 4, &v), ==, MEM_UNASSIGNED);
    g_assert_cmphex(v, ==, 0xffffffff);
    g_assert_true(mem_find_region(s, ram, 0xc0001000, &addr));
    g_assert_cmphex(addr, ==, UINT64_C(0x100001000));
    g_assert_false(mem_find_region(s, ram, UINT64_C(6) << 30, &addr));
    /* over the edge of the hole */
    g_assert_cmpint(mem_store(s, 0xbffffffe, MEM_ATTRS_CPU(0), 4, 0xaabbccdd), ==, MEM_UNASSIGNED);
    g_assert_cmpint(mem_load(s, 0xbffffffe, MEM_ATTRS_CPU(0), 4, &v), ==, MEM_UNASSIGNED);
    g_assert_cmphex(v, ==, 0xffffccdd);
    mem_space_free(s);
    mem_region_free(ram);
}

static void test_device_sizes(void)
{
    MemSpace *s = mem_space_new("io", 0xffff);
    Probe p = { 0 }, q = { 0 };
    MemRegion *bytes = mem_region_new_mmio("bytes", &probe_ops1, &p, 4);
    MemRegion *words = mem_region_new_mmio("words", &probe_ops4, &q, 16);
    uint64_t v;

    mem_space_map_all(s, 0x100, bytes, 0);
    mem_space_map_all(s, 0x200, words, 0);

    g_assert_cmpint(mem_load(s, 0x100, MEM_ATTRS_CPU(3), 4, &v), ==, MEM_OK);
    g_assert_cmphex(v, ==, 0x13121110);
    g_assert_cmpuint(p.n, ==, 4);
    g_assert_true(p.acc[2].offset == 2 && p.acc[2].size == 1 && p.acc[2].cpu == 3);
    p.n = 0;
    g_assert_cmpint(mem_store(s, 0x101, MEM_ATTRS_CPU(0), 2, 0xbeef), ==, MEM_OK);
    g_assert_cmpuint(p.n, ==, 2);
    g_assert_true(p.acc[0].offset == 1 && p.acc[0].value == 0xef && p.acc[1].value == 0xbe);
    /* over the end: the rest is unassigned */
    g_assert_cmpint(mem_load(s, 0x103, MEM_ATTRS_CPU(0), 2, &v), ==, MEM_UNASSIGNED);
    g_assert_cmphex(v, ==, 0xff13);

    /* too narrow: reads are cut out of an aligned one, writes are refused */
    g_assert_cmpint(mem_load(s, 0x206, MEM_ATTRS_CPU(0), 1, &v), ==, MEM_OK);
    g_assert_cmphex(v, ==, 0x16);
    g_assert_true(q.n == 1 && q.acc[0].offset == 4 && q.acc[0].size == 4);
    g_assert_cmpint(mem_store(s, 0x206, MEM_ATTRS_CPU(0), 2, 1), ==, MEM_REFUSED);
    g_assert_cmpuint(q.n, ==, 1);
    /* unaligned: two pieces, both from aligned reads */
    g_assert_cmpint(mem_load(s, 0x202, MEM_ATTRS_CPU(0), 4, &v), ==, MEM_OK);
    g_assert_cmphex(v, ==, 0x15141312);
    q.n = 0;
    g_assert_cmpint(mem_load(s, 0x200, MEM_ATTRS_CPU(0), 8, &v), ==, MEM_OK);
    g_assert_cmphex(v, ==, 0x1716151413121110);
    g_assert_cmpuint(q.n, ==, 2);
    /* the end of the port space */
    g_assert_cmpint(mem_load(s, 0xffff, MEM_ATTRS_CPU(0), 4, &v), ==, MEM_UNASSIGNED);
    g_assert_cmphex(v, ==, 0xffffffff);
    mem_space_free(s);
    mem_region_free(bytes);
    mem_region_free(words);
}

static void test_bulk_device(void)
{
    MemSpace *s = mem_space_new("memory", 0xffffff);
    MemRegion *ram = ram_new(0x2000);
    Probe p = { 0 };
    MemRegion *dev = mem_region_new_mmio("dev", &probe_ops, &p, 0x10);
    uint8_t buf[0x20];

    mem_space_map_all(s, 0, ram, 0);
    mem_space_map_all(s, 0x2000, dev, 0);
    memset(mem_region_host(ram), 0xaa, 0x2000);
    g_assert_cmpint(mem_read(s, 0x1ff9, MEM_ATTRS_DEVICE, buf, 0x1f), ==, MEM_UNASSIGNED);
    g_assert_true(buf[6] == 0xaa && buf[7] == 0x10 && buf[0x16] == 0x1f && buf[0x17] == 0xff);
    g_assert_true(p.n == 2 && p.acc[0].size == 8 && p.acc[0].cpu == MEM_CPU_NONE);
    mem_space_free(s);
    mem_region_free(dev);
    mem_region_free(ram);
}

static void test_rom_peek_poke(void)
{
    MemSpace *s = mem_space_new("memory", 0xffffff);
    GError *err = NULL;
    MemRegion *ram = ram_new(0x1000), *rom = mem_region_new_rom("rom", 0x1000, &err);
    Probe p = { 0 };
    MemRegion *dev = mem_region_new_mmio("dev", &probe_ops, &p, 0x1000);
    uint8_t buf[0x3000];
    uint64_t v;

    mem_space_map_all(s, 0, ram, 0);
    mem_space_map_all(s, 0x1000, rom, 0);
    mem_space_map_all(s, 0x2000, dev, 0);
    g_assert_cmpint(mem_store(s, 0x1000, MEM_ATTRS_CPU(0), 4, 7), ==, MEM_REFUSED);
    g_assert_cmpuint(mem_poke(s, 0x0ffc, "abcdefgh", 8, 0), ==, 4);
    g_assert_cmpuint(mem_poke(s, 0x0ffc, "abcdefgh", 8, MEM_POKE_ROM), ==, 8);
    g_assert_cmpint(mem_load(s, 0x1000, MEM_ATTRS_CPU(0), 4, &v), ==, MEM_OK);
    g_assert_cmphex(v, ==, 0x68676665);
    g_assert_cmpuint(mem_peek(s, 0x0800, buf, sizeof(buf)), ==, 0x1800);
    g_assert_cmpuint(mem_peek(s, 0x2000, buf, 1), ==, 0);
    g_assert_cmpuint(mem_poke(s, 0x2000, buf, 1, MEM_POKE_ROM), ==, 0);
    g_assert_cmpuint(p.n, ==, 0);   /* the device was never touched */
    mem_space_free(s);
    mem_region_free(dev);
    mem_region_free(rom);
    mem_region_free(ram);
}

typedef struct Hook {
    unsigned n;
    uint64_t offset[8], len[8];
    paddr_t addr[8];
} Hook;

static void hook_fn(void *opaque, MemRegion *region, uint64_t offset, paddr_t addr, uint64_t len)
{
    Hook *h = opaque;

    h->offset[h->n] = offset;
    h->addr[h->n] = addr;
    h->len[h->n++] = len;
    mem_flags_clear(mem_region_page_flags(region, offset), MEM_PAGE_CODE);
}

static void test_code_hook(void)
{
    MemSpace *s = mem_space_new("memory", 0xffffff);
    MemRegion *ram = ram_new(0x4000);
    uint8_t buf[0x2000] = { 0 }, *flags = mem_region_page_flags(ram, 0);
    Hook h = { 0 };

    mem_space_map_all(s, 0x10000, ram, 0);
    mem_set_code_hook(s, hook_fn, &h);
    mem_write(s, 0x10000, MEM_ATTRS_DEVICE, buf, 4);
    g_assert_true(h.n == 0 && flags[0] == MEM_PAGE_DIRTY && flags[1] == 0);
    mem_flags_set(&flags[1], MEM_PAGE_CODE);
    mem_flags_set(&flags[2], MEM_PAGE_CODE);
    mem_write(s, 0x10800, MEM_ATTRS_DEVICE, buf, 0x1804);
    g_assert_cmpuint(h.n, ==, 2);
    g_assert_true(h.offset[0] == 0x1000 && h.len[0] == 0x1000 && h.addr[0] == 0x11000);
    g_assert_true(h.offset[1] == 0x2000 && h.len[1] == 4);
    mem_flags_set(&flags[3], MEM_PAGE_CODE);
    g_assert_cmpuint(mem_poke(s, 0x13ffe, buf, 2, 0), ==, 2);
    g_assert_true(h.n == 3 && h.offset[2] == 0x3ffe && h.len[2] == 2);
    mem_flags_set(&flags[0], MEM_PAGE_CODE);
    mem_store(s, 0x10008, MEM_ATTRS_CPU(1), 8, 1);
    g_assert_true(h.n == 4 && h.addr[3] == 0x10008);
    mem_flags_set(&flags[1], MEM_PAGE_CODE);
    mem_region_clear(ram);
    g_assert_true(h.n == 5 && h.offset[4] == 0x1000);
    g_assert_cmphex(load_le64(mem_region_host(ram) + 8), ==, 0);
    mem_space_free(s);
    mem_region_free(ram);
}

typedef struct Watcher {
    MemListener l;
    GString *log;
} Watcher;

static void watcher_del(void *opaque, paddr_t addr, const MemSection *sec)
{
    g_string_append_printf(opaque, "-%x:%x ", (unsigned)addr, (unsigned)sec->avail);
}

static void watcher_add(void *opaque, paddr_t addr, const MemSection *sec)
{
    g_string_append_printf(opaque, "+%x:%x ", (unsigned)addr, (unsigned)sec->avail);
}

static void watcher_commit(void *opaque, MemSpace *s)
{
    g_string_append(opaque, "! ");
}

static void test_listener(void)
{
    MemSpace *s = mem_space_new("memory", 0xffffff);
    MemRegion *ram = ram_new(0x4000);
    Probe p = { 0 };
    MemRegion *dev = mem_region_new_mmio("dev", &probe_ops, &p, 0x1000);
    g_autoptr(GString) log = g_string_new(NULL);
    MemListener l = { log, watcher_del, watcher_add, watcher_commit };
    uint64_t gen;

    mem_space_map_all(s, 0, ram, 0);
    mem_listener_add(s, &l);
    g_assert_cmpstr(log->str, ==, "+0:4000 ! ");
    g_string_truncate(log, 0);
    gen = mem_space_generation(s);
    mem_space_begin(s);
    mem_space_map_all(s, 0x8000, dev, 0);
    mem_space_map_all(s, 0x1000, dev, 5);
    g_assert_cmpuint(mem_space_generation(s), ==, gen);
    mem_space_commit(s);
    g_assert_cmpuint(mem_space_generation(s), ==, gen + 1);
    g_assert_cmpstr(log->str, ==, "-0:4000 +0:1000 +1000:1000 +2000:2000 +8000:1000 ! ");
    mem_listener_remove(s, &l);
    mem_space_reclaim(s);
    mem_space_unmap(s, dev);
    mem_space_free(s);
    mem_region_free(dev);
    mem_region_free(ram);
}

static void test_ram_twice(void)
{
    MemRegion *ram = ram_new(UINT64_C(16) << 30);   /* must cost nothing until touched */
    GError *err = NULL;
    uint8_t *again = mem_region_map_again(ram, 0x5000, 0x1000, PROT_READ, &err);

    g_assert_no_error(err);
    mem_region_host(ram)[0x5123] = 0x42;
    mem_region_host(ram)[(UINT64_C(16) << 30) - 1] = 1;
    g_assert_cmphex(again[0x123], ==, 0x42);
    munmap(again, 0x1000);
    mem_region_free(ram);
    g_assert_null(mem_region_new_ram("huge", UINT64_MAX - 5, &err));
    g_assert_nonnull(err);
    g_clear_error(&err);
}

/* Random maps against a byte-wise model. */
static void test_random_maps(void)
{
    enum { PAGES = 64, REGIONS = 6 };
    MemSpace *s = mem_space_new("memory", PAGES * MEM_PAGE_SIZE - 1);
    MemRegion *r[REGIONS];
    GRand *rnd = g_rand_new_with_seed(1234);

    for (int i = 0; i < REGIONS; i++) {
        r[i] = ram_new(PAGES * MEM_PAGE_SIZE);
    }
    for (int round = 0; round < 200; round++) {
        MemRegion *want[PAGES] = { NULL };
        int prio[PAGES], off[PAGES];
        for (int i = 0; i < 8; i++) {
            int start = g_rand_int_range(rnd, 0, PAGES);
            int n = g_rand_int_range(rnd, 1, PAGES - start + 1);
            int k = g_rand_int_range(rnd, 0, REGIONS), pr = g_rand_int_range(rnd, -2, 3);
            int o = g_rand_int_range(rnd, 0, PAGES - n + 1);
            mem_space_map(s, start * MEM_PAGE_SIZE, r[k], o * MEM_PAGE_SIZE, n * MEM_PAGE_SIZE, pr);
            for (int j = start; j < start + n; j++) {
                if (!want[j] || pr >= prio[j]) {
                    want[j] = r[k];
                    prio[j] = pr;
                    off[j] = o + j - start;
                }
            }
        }
        for (int j = 0; j < PAGES; j++) {
            MemSection sec;
            bool found = mem_find(s, j * MEM_PAGE_SIZE + 5, &sec);
            g_assert_true(found == (want[j] != NULL));
            if (found) {
                g_assert_true(sec.region == want[j]);
                g_assert_cmpuint(sec.offset, ==, off[j] * MEM_PAGE_SIZE + 5);
            }
        }
        for (int i = 0; i < REGIONS; i++) {
            mem_space_unmap(s, r[i]);
        }
        mem_space_reclaim(s);
    }
    mem_space_free(s);
    for (int i = 0; i < REGIONS; i++) {
        mem_region_free(r[i]);
    }
    g_rand_free(rnd);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mem/overlay", test_overlay);
    g_test_add_func("/mem/around-hole", test_around_hole);
    g_test_add_func("/mem/device-sizes", test_device_sizes);
    g_test_add_func("/mem/bulk-device", test_bulk_device);
    g_test_add_func("/mem/rom-peek-poke", test_rom_peek_poke);
    g_test_add_func("/mem/code-hook", test_code_hook);
    g_test_add_func("/mem/listener", test_listener);
    g_test_add_func("/mem/ram-twice", test_ram_twice);
    g_test_add_func("/mem/random-maps", test_random_maps);
    return g_test_run();
}
