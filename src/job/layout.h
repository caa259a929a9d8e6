/*
 * The flash image as OpenOCD gets it: a private folder with one file a sector. The folder is there
 * before OpenOCD starts, the image in it before OpenOCD is let go on.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Makes the folder PARENT/job-ID, empty. *ret_path is for layout_remove(). Returns 0 or -errno. */
int layout_make(const char *parent, uint64_t job_id, char **ret_path);

/*
 * Writes sector-N.bin for each sector that the image reaches, its trailing 0xFF bytes cut off.
 * Returns 0 or -errno.
 */
int layout_fill(const char *path, const uint8_t *image, size_t size, uint32_t sector_size);

/* Removes what is in the folder, whosever it is: so that there is room again for a word. */
void layout_empty(const char *path);

/* Removes the folder and frees the path. Takes and returns NULL. */
char *layout_remove(char *path);

/* Removes what earlier daemons, killed in the middle, have left in parent. */
void layout_remove_stale(const char *parent);
