/* The host's files that a machine boots from: opened once, read by pieces.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_HW_I386_BOOT_FILE_H
#define GLASSBOX_HW_I386_BOOT_FILE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct BootFile {
    char *path;
    const char *what;      /* "kernel", "initrd": for messages */
    uint64_t size;
    int fd;                /* -1: all is in `all` */
    GBytes *all;           /* of a pipe, which can be read only once */
} BootFile;

/* Open a file. A pipe is read to its end, up to `limit` bytes. NULL with a sentence. */
BootFile *boot_file_open(const char *path, const char *what, uint64_t limit, GError **errp);
void boot_file_close(BootFile *f);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BootFile, boot_file_close)

/* Bytes of it. NULL with a sentence if they are not all there. */
GBytes *boot_file_read(BootFile *f, uint64_t offset, uint64_t len, GError **errp);

/* "kernel 'vmlinuz': " in front of the sentence; returns false. */
bool boot_file_error(const BootFile *f, GError **errp, const char *fmt, ...) G_GNUC_PRINTF(3, 4);

#endif
