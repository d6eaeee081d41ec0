/* Builder of ACPI definition blocks: nested terms are appended and closed again.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_HW_ACPI_AML_H
#define GLASSBOX_HW_ACPI_AML_H

#include <glib.h>
#include <stdint.h>

#define AML_DEPTH_MAX 8

/*
 * Bytes so far, and the terms that are open: each aml_begin_*() is closed by aml_end(). A Name
 * takes the object that is appended after it. Wrong nesting is our own bug.
 */
typedef struct Aml {
    GByteArray *bytes;
    struct {
        unsigned start;     /* where the PkgLength goes */
        uint8_t kind;
    } open[AML_DEPTH_MAX];
    unsigned depth;
} Aml;

void aml_init(Aml *a, GByteArray *bytes);

/* Close the term that was opened last. */
void aml_end(Aml *a);

/* Terms with a body. Paths: segments of 1 to 4 characters, "\\" in front for the root. */
void aml_begin_scope(Aml *a, const char *path);
void aml_begin_device(Aml *a, const char *name);
void aml_begin_package(Aml *a, uint8_t elements);

/* Name(path, ...): the object follows. */
void aml_name(Aml *a, const char *path);

/* Objects. */
void aml_int(Aml *a, uint64_t v);
void aml_string(Aml *a, const char *text);
void aml_eisa_id(Aml *a, const char *id);    /* "PNP0501" */

/* A resource template: begin, resources, end. */
void aml_begin_resources(Aml *a);
void aml_resource_io(Aml *a, uint16_t port, uint8_t len);
void aml_resource_irq(Aml *a, unsigned irq);    /* edge, active high, not shared */

#endif
