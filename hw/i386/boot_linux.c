/* Linux's x86 boot protocol: bzImage, and the boot_params block for kernels of other formats.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/i386/boot_int.h"

#include <inttypes.h>
#include <string.h>

#include "hw/i386/pc_layout.h"
#include "util/bytes.h"
#include "util/error.h"

/* Documentation/x86/boot.rst and zero-page.rst of the kernel. Offsets are in the file, and the same
 * in boot_params. */
enum {
    ZP_EXT_MEM_K = 0x002, ZP_RSDP = 0x070, ZP_EXT_RAMDISK_IMAGE = 0x0c0,
    ZP_EXT_RAMDISK_SIZE = 0x0c4, ZP_EXT_CMD_LINE = 0x0c8, ZP_ALT_MEM_K = 0x1e0,
    ZP_E820_ENTRIES = 0x1e8, ZP_E820_TABLE = 0x2d0, ZP_SIZE = 4096,
    HDR_SETUP_SECTS = 0x1f1, HDR_SYSSIZE = 0x1f4, HDR_VID_MODE = 0x1fa, HDR_BOOT_FLAG = 0x1fe,
    HDR_JUMP = 0x200, HDR_MAGIC = 0x202, HDR_VERSION = 0x206, HDR_LOADER = 0x210,
    HDR_LOADFLAGS = 0x211, HDR_CODE32 = 0x214, HDR_RAMDISK_IMAGE = 0x218, HDR_RAMDISK_SIZE = 0x21c,
    HDR_CMD_LINE = 0x228, HDR_INITRD_MAX = 0x22c, HDR_ALIGNMENT = 0x230, HDR_RELOCATABLE = 0x234,
    HDR_XLOADFLAGS = 0x236, HDR_CMDLINE_SIZE = 0x238, HDR_PREF_ADDRESS = 0x258,
    HDR_INIT_SIZE = 0x260, HDR_END_MIN = 0x22c, HDR_END_MAX = 0x290,
    E820_ENTRY = 20, SECTOR = 512,
};

#define MAGIC "HdrS"
#define BOOT_FLAG 0xaa55
#define LOADER_UNKNOWN 0xff
#define LOADED_HIGH 0x01
#define XLF_64 0x01
#define ENTRY64_OFFSET 0x200
#define VIDEO_NORMAL 0xffff

/* Protocol versions that brought fields. */
#define V_CMD_LINE 0x0202
#define V_INITRD_MAX 0x0203
#define V_RELOCATABLE 0x0205
#define V_CMDLINE_SIZE 0x0206
#define V_INIT_SIZE 0x020a
#define V_XLOADFLAGS 0x020c

#define OLD_INITRD_MAX UINT32_C(0x37ffffff)
#define OLD_CMDLINE_SIZE 255

/* What the header says, with the defaults of older versions. */
typedef struct Header {
    uint16_t version;
    uint64_t payload, payload_size;    /* protected-mode part, in the file */
    unsigned end;                      /* of the header, in the file */
    bool relocatable, entry64;
    uint64_t alignment, address, span, initrd_max, cmdline_size;
} Header;

bool boot_linux_is(BootHead h)
{
    return h.len >= HDR_END_MIN && load_le16(h.p + HDR_BOOT_FLAG) == BOOT_FLAG &&
           !memcmp(h.p + HDR_MAGIC, MAGIC, 4);
}

/* A field that the header may be too short or too old to have. */
static uint64_t field(const Header *x, BootHead h, uint16_t version, unsigned at, unsigned size,
                      uint64_t otherwise)
{
    return x->version >= version && at + size <= x->end ? load_le(h.p + at, size) : otherwise;
}

static bool read_sizes(Header *x, BootFile *f, BootHead h, GError **errp)
{
    unsigned sects = h.p[HDR_SETUP_SECTS] ? h.p[HDR_SETUP_SECTS] : 4;
    uint64_t syssize = load_le32(h.p + HDR_SYSSIZE);

    if (x->version < 0x0204) {
        syssize &= 0xffff;    /* the upper half was something else */
    }
    x->payload = (uint64_t)(sects + 1) * SECTOR;
    if (f->size <= x->payload) {
        return boot_file_error(f, errp, "is truncated: it ends at %" PRIu64 " bytes, within its "
                               "setup part", f->size);
    }
    x->payload_size = f->size - x->payload;
    /* In units of 16 bytes, rounded up. */
    if (x->version >= 0x0204 && x->payload_size + 15 < syssize * 16) {
        return boot_file_error(f, errp, "is truncated: %" PRIu64 " of %" PRIu64 " bytes are there",
                               f->size, x->payload + syssize * 16);
    }
    if (x->payload_size < ENTRY64_OFFSET + 16) {
        return boot_file_error(f, errp, "has no code behind its setup part");
    }
    return true;
}

static bool read_header(Header *x, BootFile *f, BootHead h, GError **errp)
{
    *x = (Header){ .version = load_le16(h.p + HDR_VERSION) };
    x->end = MIN(HDR_MAGIC + (unsigned)h.p[HDR_JUMP + 1], HDR_END_MAX);
    if (x->version < V_CMD_LINE) {
        return boot_file_error(f, errp, "its boot protocol %u.%02u is too old (2.02 is needed)",
                               x->version >> 8, x->version & 0xff);
    }
    if (x->end < HDR_END_MIN || x->end > h.len) {
        return boot_file_error(f, errp, "its setup header has a wrong length");
    }
    if (!(h.p[HDR_LOADFLAGS] & LOADED_HIGH)) {
        return boot_file_error(f, errp, "is a zImage, which loads below 640 KiB; only bzImage is "
                               "supported");
    }
    if (!read_sizes(x, f, h, errp)) {
        return false;
    }
    x->initrd_max = field(x, h, V_INITRD_MAX, HDR_INITRD_MAX, 4, OLD_INITRD_MAX);
    x->relocatable = field(x, h, V_RELOCATABLE, HDR_RELOCATABLE, 1, 0);
    x->alignment = field(x, h, V_RELOCATABLE, HDR_ALIGNMENT, 4, 0);
    x->cmdline_size = field(x, h, V_CMDLINE_SIZE, HDR_CMDLINE_SIZE, 4, OLD_CMDLINE_SIZE);
    x->address = field(x, h, V_INIT_SIZE, HDR_PREF_ADDRESS, 8, load_le32(h.p + HDR_CODE32));
    x->span = MAX(field(x, h, V_INIT_SIZE, HDR_INIT_SIZE, 4, 0), x->payload_size);
    x->entry64 = field(x, h, V_XLOADFLAGS, HDR_XLOADFLAGS, 2, 0) & XLF_64;
    if (x->relocatable && !is_pow2(x->alignment)) {
        return boot_file_error(f, errp, "its alignment 0x%" PRIx64 " is not a power of two",
                               x->alignment);
    }
    return true;
}

/* The protected-mode part goes where it prefers to be, or, if that is beyond the end of memory and
 * it can be moved, as low as it may. */
static bool place_kernel(BootImage *img, Header *x, BootFile *f, GError **errp)
{
    uint64_t low_end = boot_low_end(img);
    GBytes *data;

    if (x->address == 0) {
        x->address = PC_HIGH;
    }
    if (x->relocatable && (x->address > low_end || low_end - x->address < x->span)) {
        x->address = round_up(PC_HIGH, x->alignment);
    }
    if (x->address >= low_end || low_end - x->address < x->span) {
        return boot_file_error(f, errp, "needs %" PRIu64 " bytes of memory at 0x%" PRIx64
                               ", but the machine has %" PRIu64 " MiB; give it more with -m",
                               x->span, x->address, img->ram_size >> 20);
    }
    data = boot_file_read(f, x->payload, x->payload_size, errp);
    return data && boot_place(img, f, "kernel", x->address, x->span, data, false, errp);
}

static void put_e820(const BootImage *img, uint8_t *zp)
{
    uint8_t *p = zp + ZP_E820_TABLE;

    zp[ZP_E820_ENTRIES] = (uint8_t)img->ranges;
    for (unsigned i = 0; i < img->ranges; i++, p += E820_ENTRY) {
        store_le64(p, img->range[i].addr);
        store_le64(p + 8, img->range[i].size);
        store_le32(p + 16, img->range[i].type);
    }
}

/* What every kernel is told, whatever its header says. */
static void fill_params(const BootImage *img, const BootConfig *c, uint8_t *zp, paddr_t cmdline,
                        paddr_t initrd, uint64_t initrd_size)
{
    uint64_t high_k = (boot_low_end(img) - PC_HIGH) >> 10;

    store_le16(zp + ZP_EXT_MEM_K, (uint16_t)MIN(high_k, 0xfc00));
    store_le32(zp + ZP_ALT_MEM_K, (uint32_t)high_k);
    store_le64(zp + ZP_RSDP, c->rsdp);
    put_e820(img, zp);
    zp[HDR_LOADER] = LOADER_UNKNOWN;
    store_le16(zp + HDR_VID_MODE, VIDEO_NORMAL);
    store_le32(zp + HDR_CMD_LINE, (uint32_t)cmdline);
    store_le32(zp + ZP_EXT_CMD_LINE, (uint32_t)(cmdline >> 32));
    store_le32(zp + HDR_RAMDISK_IMAGE, (uint32_t)initrd);
    store_le32(zp + ZP_EXT_RAMDISK_IMAGE, (uint32_t)(initrd >> 32));
    store_le32(zp + HDR_RAMDISK_SIZE, (uint32_t)initrd_size);
    store_le32(zp + ZP_EXT_RAMDISK_SIZE, (uint32_t)(initrd_size >> 32));
}

static bool check_cmdline(const BootConfig *c, const BootFile *f, uint64_t max, GError **errp)
{
    size_t len = c->append ? strlen(c->append) : 0;

    if (len > max) {
        return boot_file_error(f, errp, "takes a command line of %" PRIu64 " characters, but "
                               "-append has %zu", max, len);
    }
    return true;
}

bool boot_linux_load(BootImage *img, const BootConfig *c, BootFile *f, BootHead h, GError **errp)
{
    uint8_t zp[ZP_SIZE] = { 0 };
    paddr_t cmdline, initrd, params;
    uint64_t initrd_size;
    Header x;

    if (!read_header(&x, f, h, errp) || !check_cmdline(c, f, x.cmdline_size, errp) ||
        !place_kernel(img, &x, f, errp) ||
        !boot_put_initrd(img, c->initrd, PC_HIGH, MIN(x.initrd_max + 1, PC_HOLE), &initrd,
                         &initrd_size, errp) ||
        !boot_put_text(img, "command line", c->append ? c->append : "", &cmdline, errp)) {
        return false;
    }
    memcpy(zp + HDR_SETUP_SECTS, h.p + HDR_SETUP_SECTS, x.end - HDR_SETUP_SECTS);
    fill_params(img, c, zp, cmdline, initrd, initrd_size);
    store_le32(zp + HDR_CODE32, (uint32_t)x.address);
    if (!boot_put(img, "boot parameters", BOOT_PAGE, zp, sizeof(zp), &params, errp) ||
        !boot_put_cpu_tables(img, x.entry64, errp)) {
        return false;
    }
    img->entry.rip = x.address + (x.entry64 ? ENTRY64_OFFSET : 0);
    img->entry.rsi = params;
    img->is_32bit = !x.entry64;
    img->format = x.entry64 ? "bzImage, 64-bit entry" : "bzImage, 32-bit entry";
    return true;
}

bool boot_linux_put_params(BootImage *img, const BootConfig *c, paddr_t initrd,
                           uint64_t initrd_size, paddr_t *addr, GError **errp)
{
    uint8_t zp[ZP_SIZE] = { 0 };
    paddr_t cmdline;

    if (!boot_put_text(img, "command line", c->append ? c->append : "", &cmdline, errp)) {
        return false;
    }
    fill_params(img, c, zp, cmdline, initrd, initrd_size);
    store_le16(zp + HDR_BOOT_FLAG, BOOT_FLAG);
    memcpy(zp + HDR_MAGIC, MAGIC, 4);
    store_le16(zp + HDR_VERSION, V_XLOADFLAGS);
    zp[HDR_LOADFLAGS] = LOADED_HIGH;
    store_le32(zp + HDR_ALIGNMENT, 0x1000000);
    store_le32(zp + HDR_CMDLINE_SIZE, c->append ? (uint32_t)strlen(c->append) : 0);
    return boot_put(img, "boot parameters", BOOT_PAGE, zp, sizeof(zp), addr, errp);
}
