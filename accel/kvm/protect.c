/* Pages whose access is taken from the guest: protected ones (its stores come out) and barred ones
 * (everything does).
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A host page that mprotect takes from a mapping of 2 MiB makes KVM forget all of that mapping, which
 * the guest then has to fault in again. One page in it whose mapping always differs (it may be
 * executed, of which KVM takes no notice) keeps it in pieces, and protecting stays cheap. */
#include "accel/kvm/kvm_int.h"

#include <string.h>
#include <sys/mman.h>

#include "vm/vm.h"

#define PAGE_MASK (~(MEM_PAGE_SIZE - 1))
#define PIECE (UINT64_C(2) << 20)
#define BARRED_MAX 4

typedef struct Page {
    MemRegion *region;
    uint64_t offset;
    unsigned users;         /* who needs it protected */
    bool open;              /* by kvm_unprotect_at */
} Page;

typedef struct Barred {
    MemRegion *region;
    uint64_t offset;
} Barred;

struct KvmProtect {
    GHashTable *pages;      /* Page -> itself */
    GHashTable *split;      /* Page of an aligned 2 MiB that is kept in pieces -> itself */
    bool lifted;            /* by kvm_unprotect */
    GPtrArray *open;        /* of Page: by kvm_unprotect_at */
    Barred barred[BARRED_MAX];
    uint32_t nbarred;       /* [atomic] written in exclusive sections */
};

static guint page_hash(gconstpointer p)
{
    const Page *g = p;

    return (guint)(g->offset >> MEM_PAGE_BITS) ^ g_direct_hash(g->region);
}

static gboolean page_equal(gconstpointer a, gconstpointer b)
{
    const Page *x = a, *y = b;

    return x->region == y->region && x->offset == y->offset;
}

void kvm_protect_init(KvmVm *kvm)
{
    struct KvmProtect *p = g_new0(struct KvmProtect, 1);

    p->pages = g_hash_table_new_full(page_hash, page_equal, g_free, NULL);
    p->split = g_hash_table_new_full(page_hash, page_equal, g_free, NULL);
    p->open = g_ptr_array_new();
    kvm->protect = p;
}

void kvm_protect_fini(KvmVm *kvm)
{
    g_hash_table_unref(kvm->protect->pages);
    g_hash_table_unref(kvm->protect->split);
    g_ptr_array_unref(kvm->protect->open);
    g_clear_pointer(&kvm->protect, g_free);
}

static Page *page_find(KvmVm *kvm, MemRegion *region, uint64_t offset)
{
    Page key = { .region = region, .offset = offset & PAGE_MASK };

    return g_hash_table_lookup(kvm->protect->pages, &key);
}

static bool is_barred(KvmVm *kvm, MemRegion *region, uint64_t offset)
{
    const struct KvmProtect *p = kvm->protect;

    for (unsigned i = 0; i < p->nbarred; i++) {
        if (p->barred[i].region == region && p->barred[i].offset == offset) {
            return true;
        }
    }
    return false;
}

/* The page of each 2 MiB that keeps it in pieces: its first, or for its own sake the second. */
static void keep_split(KvmVm *kvm, MemRegion *region, uint64_t offset)
{
    struct KvmProtect *p = kvm->protect;
    Page key = { .region = region, .offset = offset & ~(PIECE - 1) };
    uint64_t at = key.offset + (offset == key.offset ? MEM_PAGE_SIZE : 0);

    if (!g_hash_table_contains(p->split, &key) && at < mem_region_size(region) &&
        !page_find(kvm, region, at)) {
        kvm_memory_access(kvm, region, at, PROT_READ | PROT_WRITE | PROT_EXEC);
        g_hash_table_add(p->split, g_memdup2(&key, sizeof(key)));
    }
}

/* Gives a page the access that it should have now. */
static void page_apply(KvmVm *kvm, MemRegion *region, uint64_t offset)
{
    const Page *page = page_find(kvm, region, offset);
    int prot = PROT_READ | PROT_WRITE;

    if (is_barred(kvm, region, offset)) {
        prot = PROT_NONE;
    } else if (page && page->users && !page->open && !kvm->protect->lifted) {
        prot = PROT_READ;
    }
    if (prot != (PROT_READ | PROT_WRITE)) {
        keep_split(kvm, region, offset);
    }
    kvm_memory_access(kvm, region, offset, prot);
}

void kvm_protect_page(KvmVm *kvm, MemRegion *region, uint64_t offset, bool on)
{
    Page *page = page_find(kvm, region, offset);

    offset &= PAGE_MASK;
    if (!page) {
        Page fresh = { .region = region, .offset = offset };

        g_assert(on);
        page = g_memdup2(&fresh, sizeof(fresh));
        g_hash_table_add(kvm->protect->pages, page);
    }
    page->users += on ? 1 : -1u;
    if (page->users == (on ? 1u : 0u)) {
        page_apply(kvm, region, offset);
    }
    if (!page->users) {
        g_ptr_array_remove(kvm->protect->open, page);
        g_hash_table_remove(kvm->protect->pages, page);
    }
}

bool kvm_page_protected(KvmVm *kvm, MemRegion *region, uint64_t offset)
{
    return page_find(kvm, region, offset) != NULL;
}

static void apply_all(KvmVm *kvm)
{
    GHashTableIter it;
    gpointer key;

    g_hash_table_iter_init(&it, kvm->protect->pages);
    while (g_hash_table_iter_next(&it, &key, NULL)) {
        page_apply(kvm, ((Page *)key)->region, ((Page *)key)->offset);
    }
}

static bool open_page(KvmVm *kvm, MemRegion *region, uint64_t offset)
{
    Page *page = page_find(kvm, region, offset);

    if (!page || page->open || kvm->protect->lifted) {
        return false;
    }
    page->open = true;
    g_ptr_array_add(kvm->protect->open, page);
    page_apply(kvm, page->region, page->offset);
    return true;
}

bool kvm_unprotect_at(Cpu *cpu, vaddr_t at, uint64_t len)
{
    KvmVm *kvm = kvm_of(cpu);
    vaddr_t end = at + len;
    bool any = false;

    for (; at < end; at = (at & PAGE_MASK) + MEM_PAGE_SIZE) {
        Translation t;
        MemSection sec;

        if (cpu->class->translate(cpu, at, &t) && mem_find(kvm->vm->memory, t.paddr, &sec) &&
            sec.kind == MEM_KIND_RAM) {
            any |= open_page(kvm, sec.region, sec.offset);
        }
    }
    return any;
}

bool kvm_unprotect(KvmVm *kvm)
{
    bool was = kvm->protect->lifted;

    if (!was) {
        kvm->protect->lifted = true;
        apply_all(kvm);
    }
    return !was;
}

void kvm_reprotect(KvmVm *kvm)
{
    struct KvmProtect *p = kvm->protect;
    bool all = p->lifted;

    p->lifted = false;
    for (unsigned i = 0; i < p->open->len; i++) {
        Page *page = p->open->pdata[i];

        page->open = false;
        if (!all) {
            page_apply(kvm, page->region, page->offset);
        }
    }
    g_ptr_array_set_size(p->open, 0);
    if (all) {
        apply_all(kvm);
    }
}

bool kvm_any_barred(const KvmVm *kvm)
{
    return atomic_get(&kvm->protect->nbarred) != 0;
}

/* The pages of RAM of a virtual range, as far as they are mapped. */
static unsigned pages_of(Cpu *cpu, vaddr_t at, uint64_t len, Barred *out)
{
    vaddr_t end = at + len;
    unsigned n = 0;

    while (at < end && n < BARRED_MAX) {
        Translation t;
        MemSection sec;
        vaddr_t next = (at & PAGE_MASK) + MEM_PAGE_SIZE;

        if (cpu->class->translate(cpu, at, &t) && mem_find(cpu->vm->memory, t.paddr, &sec) &&
            sec.kind == MEM_KIND_RAM) {
            out[n++] = (Barred){ sec.region, sec.offset & PAGE_MASK };
        }
        at = next;
    }
    return n;
}

void kvm_bar(Cpu *cpu, vaddr_t at, uint64_t len)
{
    KvmVm *kvm = kvm_of(cpu);
    struct KvmProtect *p = kvm->protect;
    Barred now[BARRED_MAX] = { { 0 } }, old[BARRED_MAX];
    unsigned n = len ? pages_of(cpu, at, len, now) : 0, nold = p->nbarred;

    if (n == nold && !memcmp(now, p->barred, n * sizeof(*now))) {
        return;
    }
    memcpy(old, p->barred, sizeof(old));
    memcpy(p->barred, now, sizeof(now));
    atomic_put(&p->nbarred, n);
    for (unsigned i = 0; i < nold; i++) {
        page_apply(kvm, old[i].region, old[i].offset);
    }
    for (unsigned i = 0; i < n; i++) {
        page_apply(kvm, now[i].region, now[i].offset);
    }
}
