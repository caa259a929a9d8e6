/* What the values of configuration files mean: sizes, times, paths, names. Pure text to value. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Bytes: decimal with an optional K, M or G (1024-based, as systemd has it), or hexadecimal after
 * "0x". Returns 0, or -EINVAL, also if the value does not fit.
 */
int value_parse_size(const char *text, uint64_t *ret);

/* The same for what must fit into 32 bits: addresses, masks, and sizes of a 32-bit chip. */
int value_parse_u32(const char *text, uint32_t *ret);

/*
 * A time in microseconds: seconds, or numbers with units ("500ms", "2min 30s"; us, ms, s, sec, min,
 * h). Returns 0, or -EINVAL, also if the value does not fit.
 */
int value_parse_time(const char *text, uint64_t *ret_usec);

/* 1, yes, y, true, t, on, or 0, no, n, false, f, off, in any case: systemd's. Returns 0 or -EINVAL.
 */
int value_parse_boolean(const char *text, bool *ret);

/* Begins at the root. */
bool value_is_path(const char *text);

/* Can name a file within a folder: no slash, not "." or "..", at most 255 bytes. */
bool value_is_file_name(const char *text);

/* Letters, digits, '-', '_' and '.', not first: what a profile's name may be made of. */
bool value_is_name(const char *text);
