/* The system bus as the M7 sees it: memories, flash and the few registers that programming needs.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "flash.h"
#include "stats.h"

struct bus;

/* flash and stats must outlive the bus. RAM starts as zeros. Returns 0 or -ENOMEM. */
int bus_new(struct flash *flash, struct stats *stats, struct bus **ret);
void bus_free(struct bus *bus);

/* One access of 1, 2 or 4 bytes, little endian, aligned or not. False: a bus error, nothing is
 * there; it is counted as an unknown access. */
bool bus_read(struct bus *bus, uint32_t address, unsigned size, uint32_t *ret);
bool bus_write(struct bus *bus, uint32_t address, unsigned size, uint32_t value);

/* The DBGMCU's registers that OpenOCD sets: plain storage, on the APB-D and the system bus. offset
 * is from their base. False: none of them. */
bool bus_dbgmcu_read(const struct bus *bus, uint32_t offset, uint32_t *ret);
bool bus_dbgmcu_write(struct bus *bus, uint32_t offset, uint32_t value);
