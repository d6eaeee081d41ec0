/* Inside symbols/: what one file gave, and the tables over all files.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_SYMBOLS_SYMBOLS_INT_H
#define GLASSBOX_SYMBOLS_SYMBOLS_INT_H

#include "symbols/symbols.h"

typedef struct SymCfi SymCfi;       /* symbols/cfi.c */
typedef struct SymOrc SymOrc;       /* symbols/orc.c */
typedef struct SymModuleLayout SymModuleLayout;     /* symbols/modules.c */

/* Which of several names is shown or found: the lower the better. */
enum {
    SYM_GLOBAL, SYM_WEAK, SYM_LOCAL,
    SYM_UNSIZED = 4,        /* of ELF: a label */
};

typedef struct Symbol {
    uint64_t addr;          /* as linked, with its file's bias */
    uint64_t size;          /* 0: not known */
    uint64_t limit;         /* where at the latest it ends; 0: its page's end */
    const char *name;       /* in SymFile.names (while the file is read: an offset in it) */
    uint32_t order;         /* as it came */
    uint8_t bind;           /* for symbols_find */
    uint8_t rank;           /* for symbols_at: the same and more; 0 for all of a kernel's list */
    bool moves;             /* the slide applies */
    bool shown;             /* is a place, not a constant or an offset */
} Symbol;

/* Code at a place that a system register of the running guest names. */
#define SYM_ENTRY_BYTES 64
typedef struct SymEntry {
    uint64_t addr;
    uint8_t code[SYM_ENTRY_BYTES];
} SymEntry;

#define SYM_BANNER "Linux version "
#define SYM_BANNER_BYTES 64

/* What tells a Linux kernel in the guest's memory. */
typedef struct SymKernel {
    uint16_t machine;       /* ELF's number */
    uint64_t low, high;     /* link addresses: from its first byte to behind its last */
    uint64_t text, text_end;
    uint64_t banner;        /* address of linux_banner */
    char banner_text[SYM_BANNER_BYTES];     /* its first bytes; may be only SYM_BANNER */
    unsigned banner_len;
    GArray *entries;        /* SymEntry */
    SymModuleLayout *modules;       /* NULL: not known */
} SymKernel;

typedef struct SymFile {
    char *path;
    const char *kind;       /* for people: "ELF", "System.map", "Linux image" */
    unsigned word;          /* bytes of an address: 4, 8; 0: not known */
    bool biased;            /* symbols_load_at: the slide does not apply */
    uint64_t bias;
    GArray *symbols;        /* Symbol */
    GByteArray *names;
    SymKernel *kernel;      /* NULL: no Linux kernel */
    SymCfi *cfi;
    SymOrc *orc;
} SymFile;

/* A stretch of addresses and whose it is. */
typedef struct SymRange {
    uint64_t start, last;   /* last is in it */
    const Symbol *sym;
} SymRange;

struct Symbols {
    int64_t slide;
    GPtrArray *files;       /* SymFile */
    GArray *moving, *fixed; /* SymRange, sorted, apart */
    GHashTable *by_name;    /* name -> Symbol, the best of that name */
    GPtrArray *sorted;      /* names, each once, by strcmp */
};

/* ---- making a file's symbols (symbols.c) ---- */

SymFile *sym_file_new(const char *path);
void sym_file_free(void *f);
/* All names are there and lie still from now on. */
void sym_file_seal(SymFile *f);

/* A longer name is cut: files can be made in which each of very many names is very long. */
#define SYM_NAME_LIMIT 4096u

/* Appends a symbol; its name is copied, and made harmless to print. Names of length 0 are left
 * out, and what would take more memory than any honest file. order and name are set. */
void sym_file_add(SymFile *f, const char *name, size_t len, Symbol row);
/* The first symbol of that name in the file; slow. Names must not be in place yet or all be. */
const Symbol *sym_file_find(const SymFile *f, const char *name);
/* "'path' " before the sentence; returns false. */
bool sym_file_error(const SymFile *f, GError **errp, const char *fmt, ...) G_GNUC_PRINTF(3, 4);

/* ---- readers: fill f, or false with the reason ---- */

bool sym_elf_load(SymFile *f, int fd, GError **errp);
bool sym_map_load(SymFile *f, GBytes *text, GError **errp);
/* A bzImage, or an ELF file without symbols. */
bool sym_image_load(SymFile *f, GBytes *image, GError **errp);
/* The names in an unpacked kernel. */
bool sym_kallsyms_load(SymFile *f, const uint8_t *data, size_t len, GError **errp);
/* The ELF file inside a bzImage. NULL with the reason. */
GBytes *sym_unpack(const SymFile *f, const uint8_t *data, size_t len, GError **errp);

/* Sizes of a list that has none: each place up to the next one, from row `from` to the end. */
void sym_sizes_by_next(SymFile *f, guint from);

/* ---- over all files (table.c) ---- */

void sym_tables_build(Symbols *s);
void sym_tables_clear(Symbols *s);
/* Of a list of ranges, the one that holds an address; NULL. */
const SymRange *sym_range_find(const GArray *ranges, uint64_t addr);

#endif
