/* The flash image as OpenOCD gets it: a private folder with one file a sector. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Makes PARENT/job-ID with sector-N.bin for each sector that the image reaches, its trailing 0xFF
 * bytes cut off. *ret_path is the folder, for layout_remove(). Returns the sectors, or -errno with
 * nothing left behind.
 */
int layout_make(const char *parent, uint64_t job_id, const uint8_t *image, size_t size,
                uint32_t sector_size, char **ret_path);

/* Removes the folder and frees the path. Takes and returns NULL. */
char *layout_remove(char *path);

/* Removes what earlier daemons, killed in the middle, have left in parent. */
void layout_remove_stale(const char *parent);
