/* The note's fixed bytes, for who finds it and who makes it. */
#pragma once

#include "sketch/signature.h"

enum {
    NOTE_HEAD_SIZE = 20, /* what stands before the key */
};

static const uint8_t note_head[NOTE_HEAD_SIZE] = {
    8, 0, 0, 0, 96, 0, 0, 0, 'm', '4', 's', '1', 'm', '4', 'f', 'l', 'a', 's', 'h', 0,
};
