/* The two flash banks: their cells, kept in a file, and the controller that erases and programs
 * them. Register names and bits: RM0399, section 4.9 "FLASH registers". */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "faults.h"
#include "flash_map.h"
#include "stats.h"

#define FLASH_REGISTERS_START 0x52002000U
#define FLASH_REGISTERS_SIZE  0x200U /* bank 1, then bank 2 */

struct flash;

/* Maps the file (exactly 2 MiB: bank 1, bank 2), creating it erased but for a minimal vector table
 * in bank 1 if it is missing. The mapping is shared: what is programmed survives any end of the
 * process. faults and stats must outlive the flash. Returns 0, -EFBIG if the file has another size,
 * or a negative errno. */
int flash_new(const char *path, struct faults *faults, struct stats *stats, struct flash **ret);
void flash_free(struct flash *flash);

/* The 2 MiB of cells, for reading. */
const uint8_t *flash_cells(const struct flash *flash);

/* NRST or power-on: both banks locked, errors cleared, half a flash word forgotten. */
void flash_reset(struct flash *flash);

/* The controller; offset from FLASH_REGISTERS_START, 32 bits. False: no such register here. */
bool flash_register_read(const struct flash *flash, uint32_t offset, uint32_t *ret);
bool flash_register_write(struct flash *flash, uint32_t offset, uint32_t value);

/* A bus write of 1, 2 or 4 bytes to the flash area at offset from FLASH_START. A flash word is
 * programmed when its last byte arrives. Errors show in SR only, as on the chip. */
void flash_write(struct flash *flash, uint32_t offset, unsigned size, uint32_t value);
