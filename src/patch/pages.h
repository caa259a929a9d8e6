/*
 * Memory that goes back to the system at once when it is freed. What free() gets back, malloc()
 * may keep for later: megabytes, for a daemon that packs a sketch now and then.
 */
#pragma once

#include <stddef.h>

/* size bytes, all 0; or NULL. size is more than 0. */
void *pages_new(size_t size);

/* size is what pages_new() was asked for. NULL is ignored. */
void pages_free(void *pages, size_t size);
