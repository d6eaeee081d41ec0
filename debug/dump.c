/* The guest's memory and registers as an ELF core file.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * ELF header, program headers, one section header if there are too many of those, notes, then RAM
 * once, in the order of physical addresses: segments that show the same memory at several virtual
 * addresses share its bytes. */
#include "debug/dump_int.h"

#include <elf.h>
#include <string.h>

#include "cpu/core_dump.h"
#include "debug/debug_int.h"
#include "util/bytes.h"
#include "util/error.h"

#define PAGE 4096u
#define CHUNK (1u << 20)

/* A Linux kernel keeps a note that tells debuggers about it, at the start of a page of its own. */
#define VMCOREINFO "VMCOREINFO"
#define VMCOREINFO_FIRST "OSRELEASE="
#define NOTE_HEAD 12u
#define NOTE_DESC 24u           /* behind header and name, padded */

typedef struct Dump {
    Debug *d;
    const CoreDumpClass *class;
    const DumpOptions *o;
    GError **errp;
    bool ok;

    DumpFile file;
    GArray *blocks, *loads;
    GByteArray *notes;
    GByteArray *guest_note;     /* VMCOREINFO as it is in memory */
    unsigned guest_notes;       /* how many were seen */
    uint64_t data;              /* where RAM begins in the file */
    uint8_t *buf;               /* CHUNK bytes */
} Dump;

/* ---- memory ---- */

static size_t read_phys(const Dump *w, paddr_t at, void *buf, size_t len)
{
    return view_read(w->d->vm->cpus[0], ADDR_PHYS, at, buf, len);
}

typedef bool EachChunk(Dump *w, paddr_t at, const uint8_t *p, size_t len);
typedef bool EachGap(Dump *w, uint64_t len);

/* Calls chunk for a block's bytes that may be something, gap (may be NULL) for those between. */
static bool block_each(Dump *w, const DumpBlock *b, EachChunk *chunk, EachGap *gap)
{
    uint64_t done = 0, start, end;

    while (dump_block_data(b, done, &start, &end)) {
        if (gap && start > done && !gap(w, start - done)) {
            return false;
        }
        for (done = start; done < end;) {
            size_t n = (size_t)MIN(end - done, CHUNK - ((b->at + done) & (PAGE - 1)));

            if (read_phys(w, b->at + done, w->buf, n) < n) {
                return error_set(w->errp, FAILED, "the guest's memory cannot be read");
            }
            if (!chunk(w, b->at + done, w->buf, n)) {
                return false;
            }
            done += n;
        }
    }
    return !gap || done == b->size || gap(w, b->size - done);
}

static bool each_block(Dump *w, EachChunk *chunk, EachGap *gap)
{
    for (guint i = 0; i < w->blocks->len; i++) {
        if (!block_each(w, &g_array_index(w->blocks, DumpBlock, i), chunk, gap)) {
            return false;
        }
    }
    return true;
}

/* ---- notes ---- */

static bool is_guest_note(const uint8_t *p)
{
    return load_le32(p) == sizeof(VMCOREINFO) && load_le32(p + 8) == 0 &&
           load_le32(p + 4) <= PAGE - NOTE_DESC &&
           load_le32(p + 4) > strlen(VMCOREINFO_FIRST) &&
           !memcmp(p + NOTE_HEAD, VMCOREINFO, sizeof(VMCOREINFO)) &&
           !memcmp(p + NOTE_DESC, VMCOREINFO_FIRST, strlen(VMCOREINFO_FIRST));
}

static bool look_for_guest_note(Dump *w, paddr_t at, const uint8_t *p, size_t len)
{
    for (size_t i = -at & (PAGE - 1); i + PAGE <= len; i += PAGE) {
        if (is_guest_note(p + i)) {
            w->guest_notes++;
            g_byte_array_set_size(w->guest_note, 0);
            g_byte_array_append(w->guest_note, p + i + NOTE_DESC, load_le32(p + i + 4));
        }
    }
    return true;
}

/* Two of them: one is left from another kernel, and nothing tells which. */
static bool notes_make(Dump *w)
{
    for (unsigned i = 0; i < w->d->vm->ncpus; i++) {
        Cpu *cpu = w->d->vm->cpus[i];

        cpu_fetch(cpu, REGS_ALL);
        w->class->notes(cpu, w->notes);
    }
    if (!each_block(w, look_for_guest_note, NULL)) {
        return false;
    }
    if (w->guest_notes == 1) {
        core_note_add(w->notes, VMCOREINFO, 0, w->guest_note->data, w->guest_note->len);
    }
    return true;
}

/* ---- headers ---- */

static Elf64_Ehdr elf_header(const Dump *w, uint64_t n, uint64_t sections)
{
    Elf64_Ehdr head = {
        .e_ident = ELFMAG, .e_type = GUINT16_TO_LE(ET_CORE),
        .e_machine = GUINT16_TO_LE(w->class->machine), .e_version = GUINT32_TO_LE(EV_CURRENT),
        .e_phoff = GUINT64_TO_LE(sizeof(head)), .e_ehsize = GUINT16_TO_LE(sizeof(head)),
        .e_phentsize = GUINT16_TO_LE(sizeof(Elf64_Phdr)),
        .e_phnum = GUINT16_TO_LE((uint16_t)MIN(n, PN_XNUM)),
    };

    head.e_ident[EI_CLASS] = ELFCLASS64;
    head.e_ident[EI_DATA] = ELFDATA2LSB;
    head.e_ident[EI_VERSION] = EV_CURRENT;
    if (sections) {
        head.e_shoff = GUINT64_TO_LE(sections);
        head.e_shentsize = GUINT16_TO_LE(sizeof(Elf64_Shdr));
        head.e_shnum = GUINT16_TO_LE(1);
    }
    return head;
}

static void program_headers(const Dump *w, uint64_t notes, GByteArray *out)
{
    Elf64_Phdr p = {
        .p_type = GUINT32_TO_LE(PT_NOTE), .p_offset = GUINT64_TO_LE(notes),
        .p_filesz = GUINT64_TO_LE(w->notes->len), .p_align = GUINT64_TO_LE(4),
    };

    g_byte_array_append(out, (const uint8_t *)&p, sizeof(p));
    for (guint i = 0; i < w->loads->len; i++) {
        const DumpLoad *l = &g_array_index(w->loads, DumpLoad, i);

        p = (Elf64_Phdr){
            .p_type = GUINT32_TO_LE(PT_LOAD), .p_flags = GUINT32_TO_LE(PF_R | PF_W | PF_X),
            .p_offset = GUINT64_TO_LE(w->data + l->offset), .p_vaddr = GUINT64_TO_LE(l->va),
            .p_paddr = GUINT64_TO_LE(l->pa), .p_filesz = GUINT64_TO_LE(l->size),
            .p_memsz = GUINT64_TO_LE(l->size),
        };
        g_byte_array_append(out, (const uint8_t *)&p, sizeof(p));
    }
}

/* With too many program headers for the ELF header, a first section header has their number. */
static bool headers_write(Dump *w)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    uint64_t n = (uint64_t)w->loads->len + 1, end = sizeof(Elf64_Ehdr) + n * sizeof(Elf64_Phdr);
    uint64_t sections = n >= PN_XNUM ? end : 0;
    uint64_t notes = end + (sections ? sizeof(Elf64_Shdr) : 0);
    Elf64_Shdr first = { .sh_info = GUINT32_TO_LE((uint32_t)n) };
    Elf64_Ehdr head = elf_header(w, n, sections);

    w->data = round_up(notes + w->notes->len, PAGE);
    g_byte_array_append(out, (const uint8_t *)&head, sizeof(head));
    program_headers(w, notes, out);
    if (sections) {
        g_byte_array_append(out, (const uint8_t *)&first, sizeof(first));
    }
    g_byte_array_append(out, w->notes->data, w->notes->len);
    return dump_file_write(&w->file, out->data, out->len, w->errp) &&
           dump_file_zeros(&w->file, w->data - w->file.at, w->errp);
}

/* ---- all together ---- */

static bool all_zero(const uint8_t *p, size_t len)
{
    return !*p && !memcmp(p, p + 1, len - 1);
}

/* Stretches of pages with something in them, and of zeros, in turn. */
static bool chunk_write(Dump *w, paddr_t at, const uint8_t *p, size_t len)
{
    for (size_t from = 0, to; from < len; from = to) {
        bool zero = all_zero(p + from, MIN(PAGE, len - from)), ok;

        for (to = from; to < len && all_zero(p + to, MIN(PAGE, len - to)) == zero;) {
            to += MIN(PAGE, len - to);
        }
        ok = zero ? dump_file_zeros(&w->file, to - from, w->errp)
                  : dump_file_write(&w->file, p + from, to - from, w->errp);
        if (!ok) {
            return false;
        }
    }
    return true;
}

static bool gap_write(Dump *w, uint64_t len)
{
    return dump_file_zeros(&w->file, len, w->errp);
}

static bool dump_all(Dump *w)
{
    Cpu *cpu = w->d->vm->cpus[0];

    w->blocks = dump_blocks(w->d->vm, w->o);
    if (!w->blocks->len) {
        return error_set(w->errp, INVALID, "there is no memory in that range");
    }
    cpu_fetch(cpu, REGS_ALL);
    w->loads = dump_loads(cpu, w->blocks, w->o->paging, w->errp);
    return w->loads && notes_make(w) && headers_write(w) && each_block(w, chunk_write, gap_write) &&
           dump_file_finish(&w->file, w->errp);
}

static void dump_held(void *opaque)
{
    Dump *w = opaque;

    w->ok = dump_all(w);
}

bool debug_dump_core(Debug *d, int fd, const DumpOptions *o, GError **errp)
{
    Dump w = { .d = d, .class = d->vm->cpus[0]->class->core, .o = o, .errp = errp };

    if (!w.class) {
        return error_set(errp, UNSUPPORTED, "there are no core files of this CPU");
    }
    if (o->filter && !o->length) {
        return error_set(errp, INVALID, "an empty range of memory makes no core file");
    }
    dump_file_init(&w.file, fd);
    w.notes = g_byte_array_new();
    w.guest_note = g_byte_array_new();
    w.buf = g_malloc(CHUNK);
    vm_hold(d->vm, dump_held, &w);
    g_free(w.buf);
    g_byte_array_unref(w.guest_note);
    g_byte_array_unref(w.notes);
    g_clear_pointer(&w.loads, g_array_unref);
    g_clear_pointer(&w.blocks, g_array_unref);
    return w.ok;
}
