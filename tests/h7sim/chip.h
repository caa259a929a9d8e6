/* The whole STM32H747: what hangs together by reset, and the buses that a debugger reaches. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "faults.h"
#include "stats.h"

enum access_port {
    AP_M7 = 0,    /* the system bus and the core's own registers */
    AP_APB_D = 2, /* the debug components of the system */
    AP_M4 = 3,    /* the system bus only: the second core is not modelled */
};

struct chip;

/* Powers the chip up with the flash of this file, its M7 running. While the M7 runs its firmware
 * the file at bridge_path exists (NULL: no such file). The others must outlive the chip. Returns 0
 * or a negative errno (-EFBIG: the flash file has a wrong size). */
int chip_new(const char *flash_path, const char *bridge_path, struct faults *faults,
             struct stats *stats, struct chip **ret);

/* Removes the bridge file, too: without a chip there is no bridge. */
void chip_free(struct chip *chip);

/* Drives the reset pin. */
void chip_set_reset(struct chip *chip, bool asserted);

/* One access of 1, 2 or 4 bytes by the debugger through an access port. False: a bus error. */
bool chip_read(struct chip *chip, unsigned ap, uint32_t address, unsigned size, uint32_t *ret);
bool chip_write(struct chip *chip, unsigned ap, uint32_t address, unsigned size, uint32_t value);
