/* The JTAG scan chain of the chip: TDI, boundary scan, JTAG-DP, TDO (RM0399, section 63.5 "JTAG
 * debug port"; states: IEEE 1149.1). */
#pragma once

#include <stdbool.h>

#include "dp.h"

struct tap;

/* dp must outlive the chain. Returns 0 or -ENOMEM. */
int tap_new(struct dp *dp, struct tap **ret);
void tap_free(struct tap *tap);

/* TRST, or five clocks with TMS high. */
void tap_reset(struct tap *tap);

/* One rising edge of TCK. */
void tap_clock(struct tap *tap, bool tms, bool tdi);

/* TDO as it is before the next rising edge; 1 while nothing is shifted. */
bool tap_tdo(const struct tap *tap);
