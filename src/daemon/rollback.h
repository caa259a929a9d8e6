/* The way back to the sketch before, whoever asks for it. */
#pragma once

#include "daemon/manager.h"

enum rollback_verdict {
    ROLLBACK_OPENED,
    ROLLBACK_NOTHING,  /* no sketch was there before */
    ROLLBACK_DAMAGED,  /* its image cannot be trusted, and was set aside */
    ROLLBACK_STOPPING, /* the daemon begins nothing new */
};

/*
 * Opens a job, number *ret_id, for the image that was installed before the one that is on the chip,
 * or is on its way there, in place of an upload that waits; queue_run() starts it. Returns an enum
 * rollback_verdict, or -errno; a refusal is in the journal.
 */
int rollback_open(struct manager *manager, uint64_t *ret_id);

/* One sentence for anything but ROLLBACK_OPENED. */
const char *rollback_refusal(int verdict);
