/* The file that holds the flash cells. */
#pragma once

#include <stdint.h>

/* Maps the file at path, FLASH_SIZE bytes, shared and writable; see flash_new(). Unmap the result
 * with munmap(). Returns 0 or a negative errno. */
int flash_file_map(const char *path, uint8_t **ret_cells);
