/* What the daemon is to do: options over configuration over the board's profile over defaults. */
#pragma once

#include "daemon/manager.h"
#include "daemon/options.h"

/*
 * Reads configuration and board profile, and makes sure that the daemon's own folders are there.
 * Says in the journal what is wrong. Returns 0 or -errno; ret is for orders_clear() in any case.
 */
int orders_resolve(const struct options *options, const struct journal *journal,
                   struct orders *ret);

void orders_clear(struct orders *orders);
