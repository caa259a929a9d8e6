/* Has one job's image brought onto the chip, and turns what comes of it into the job's outcome. */
#pragma once

#include "daemon/manager.h"

/* Takes a job that is ready; the queue goes on when it has ended. */
void programming_start(struct manager *manager, struct job *job);
