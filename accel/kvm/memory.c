/* The machine's RAM and ROM as KVM's memory slots.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * KVM gets a mapping of its own of each region: what that mapping forbids (protect.c), it forbids to
 * the guest alone, while everyone else goes on using the region's. */
#include "accel/kvm/kvm_int.h"

#include <errno.h>
#include <sys/mman.h>

#include "util/error.h"
#include "util/log.h"
#include "vm/vm.h"

/* KVM's mapping of a region. */
typedef struct View {
    MemRegion *region;
    uint8_t *host;
    uint64_t size;
} View;

typedef struct Slot {
    paddr_t addr;
    uint64_t size;          /* 0: this number is free */
} Slot;

struct KvmMemory {
    KvmVm *kvm;
    MemListener listener;
    bool attached;
    GArray *views;          /* of View */
    GArray *slots;          /* of Slot, by number */
    GError *error;          /* the first that a listener's call met */
};

static View *view_find(KvmMemory *m, const MemRegion *region)
{
    for (unsigned i = 0; i < m->views->len; i++) {
        View *v = &g_array_index(m->views, View, i);

        if (v->region == region) {
            return v;
        }
    }
    return NULL;
}

static View *view_get(KvmMemory *m, MemRegion *region)
{
    View *v = view_find(m, region);
    View fresh = { .region = region, .size = mem_region_size(region) };

    if (v) {
        return v;
    }
    fresh.size = (fresh.size + MEM_PAGE_SIZE - 1) / MEM_PAGE_SIZE * MEM_PAGE_SIZE;
    fresh.host = mem_region_map_again(region, 0, fresh.size, PROT_READ | PROT_WRITE,
                                      m->error ? NULL : &m->error);
    if (!fresh.host) {
        return NULL;
    }
    g_array_append_val(m->views, fresh);
    return &g_array_index(m->views, View, m->views->len - 1);
}

static unsigned slot_number(KvmMemory *m)
{
    Slot none = { 0 };

    for (unsigned i = 0; i < m->slots->len; i++) {
        if (!g_array_index(m->slots, Slot, i).size) {
            return i;
        }
    }
    g_array_append_val(m->slots, none);
    return m->slots->len - 1;
}

static void slot_set(KvmMemory *m, struct kvm_userspace_memory_region *r)
{
    int err = kvm_ioctl(m->kvm->fd, KVM_SET_USER_MEMORY_REGION, r);

    if (err < 0 && !m->error) {
        error_set(&m->error, FAILED, "KVM refuses memory at 0x%" G_GINT64_MODIFIER "x: %s",
                  (guint64)r->guest_phys_addr, g_strerror(-err));
    }
}

static void section_add(void *opaque, paddr_t addr, const MemSection *sec)
{
    KvmMemory *m = opaque;
    struct kvm_userspace_memory_region r = { 0 };
    View *v;

    if (sec->kind == MEM_KIND_MMIO || ((addr | sec->offset | sec->avail) & (MEM_PAGE_SIZE - 1))) {
        return;         /* pieces of pages are served like devices */
    }
    v = view_get(m, sec->region);
    if (!v) {
        return;
    }
    r.slot = slot_number(m);
    r.flags = sec->writable ? 0 : KVM_MEM_READONLY;
    r.guest_phys_addr = addr;
    r.memory_size = sec->avail;
    r.userspace_addr = (uintptr_t)(v->host + sec->offset);
    g_array_index(m->slots, Slot, r.slot) = (Slot){ addr, sec->avail };
    slot_set(m, &r);
}

static void section_del(void *opaque, paddr_t addr, const MemSection *sec)
{
    KvmMemory *m = opaque;

    for (unsigned i = 0; i < m->slots->len; i++) {
        Slot *s = &g_array_index(m->slots, Slot, i);

        if (s->size && s->addr == addr) {
            struct kvm_userspace_memory_region r = { .slot = i, .guest_phys_addr = addr };

            slot_set(m, &r);
            s->size = 0;
        }
    }
}

void kvm_memory_init(KvmVm *kvm)
{
    KvmMemory *m = g_new0(KvmMemory, 1);

    m->kvm = kvm;
    m->views = g_array_new(FALSE, FALSE, sizeof(View));
    m->slots = g_array_new(FALSE, FALSE, sizeof(Slot));
    kvm->memory = m;
}

bool kvm_memory_attach(KvmVm *kvm, GError **errp)
{
    KvmMemory *m = kvm->memory;

    if (!m->attached) {
        m->attached = true;
        m->listener = (MemListener){ .opaque = m, .section_add = section_add,
                                     .section_del = section_del };
        mem_listener_add(kvm->vm->memory, &m->listener);
    }
    if (m->error) {
        g_propagate_error(errp, g_error_copy(m->error));
        return false;
    }
    return true;
}

void kvm_memory_fini(KvmVm *kvm)
{
    KvmMemory *m = kvm->memory;

    for (unsigned i = 0; i < m->views->len; i++) {
        View *v = &g_array_index(m->views, View, i);

        munmap(v->host, v->size);
    }
    g_array_unref(m->views);
    g_array_unref(m->slots);
    g_clear_error(&m->error);
    g_free(m);
    kvm->memory = NULL;
}

void kvm_memory_access(KvmVm *kvm, MemRegion *region, uint64_t offset, int prot)
{
    View *v = view_find(kvm->memory, region);

    g_assert(v && offset < v->size);
    if (mprotect(v->host + offset, MEM_PAGE_SIZE, prot) < 0) {
        /* Too many mappings of the process, or no memory: the guest would run unwatched. */
        g_error("mprotect of guest memory: %s", g_strerror(errno));
    }
}
