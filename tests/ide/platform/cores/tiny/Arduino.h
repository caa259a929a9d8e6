/* All that a sketch for this board finds. */
#pragma once

#include "sketch.h"
