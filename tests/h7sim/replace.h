/* Replacing a small text file so that a reader sees all of it or none of it. */
#pragma once

#include <stdio.h>

/* Calls print() on a temporary file beside path and renames it over path. Returns 0 or a negative
 * errno, in which case the old file stands and no temporary one is left. */
int replace_file(const char *path, void (*print)(FILE *f, const void *userdata),
                 const void *userdata);
