/* Hears what happens in the inbox, and has read what there is to read. */
#pragma once

#include "daemon/manager.h"

/* Begins to watch and takes the first look. Returns 0 or -errno. */
int intake_start(struct manager *manager);

/* Stops watching. */
void intake_stop(struct manager *manager);
