/* What must hold between the numbers of one board profile. */
#pragma once

#include <m4flash/sketch.h>

#include "config/complaint.h"

/*
 * Tells every contradiction in a board whose fields are all filled, so that whoever uses it can
 * rely on what m4flash/sketch.h says of each. Returns 0, or -EINVAL if there was one.
 */
int board_judge(const struct board *board, const struct complaints *complaints);
