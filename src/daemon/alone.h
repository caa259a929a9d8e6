/* The daemon's other way of running, for `m4flash rollback` where no daemon runs. */
#pragma once

#include "daemon/manager.h"

/*
 * Brings an interrupted programming to its end, goes back to the sketch before, and is done. Tells
 * the outcome on standard output as `m4flash rollback` does: as its line of the history (json), or
 * as the last line "m4flash: RESULT CODE id=N". Returns 0 if the sketch before runs, 1 if not (the
 * journal says why), or -errno if the event loop broke.
 */
int alone_roll_back(struct manager *manager, bool json);
