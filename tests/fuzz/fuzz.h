/* What a fuzz target offers: libFuzzer's entry point, driven by libFuzzer or by replay.c.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TESTS_FUZZ_FUZZ_H
#define GLASSBOX_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Try one input; any fault is an abort or a sanitizer's report. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
