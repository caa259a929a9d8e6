/* Moves jobs on: one is checked at a time, one is programmed at a time, the newest accepted one
 * waits. */
#pragma once

#include "daemon/manager.h"

/* Starts whatever can be started now. */
void queue_run(struct manager *manager);
