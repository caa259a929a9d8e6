/* The JTAG debug port: what DPACC and APACC scans mean. Register names and bits: ADIv5.2
 * specification, chapters B2 and B3. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "chip.h"

#define DP_SCAN_BITS 35 /* RnW or ACK in the low 3 bits, 32 bits of data above */

struct dp;

/* The others must outlive the debug port. Returns 0 or -ENOMEM. */
int dp_new(struct chip *chip, struct faults *faults, struct stats *stats, struct dp **ret);
void dp_free(struct dp *dp);

/* A DPACC or APACC scan begins: the acknowledgement and the result of the one before. */
uint64_t dp_capture(struct dp *dp);

/* It ends: does what the scanned bits ask for, unless its acknowledgement was WAIT. */
void dp_update(struct dp *dp, bool is_ap, uint64_t scan);
