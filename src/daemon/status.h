/*
 * What systemd (STATUS=) and the bus are told of what is going on. Both wake other processes, PID 1
 * among them, which a machine with one processor to spare would run before OpenOCD is started. So
 * while an upload is on its way there, and only then, it is told with a delay that nobody sees: of
 * a check that takes no longer, nobody hears.
 */
#pragma once

#include "daemon/manager.h"

/* Something has changed. */
void status_update(struct manager *manager);

/* Nothing more is told. */
void status_stop(struct manager *manager);
