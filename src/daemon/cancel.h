/* Ends a job on request, as long as that harms nothing. */
#pragma once

#include "daemon/manager.h"

enum cancel_verdict {
    CANCEL_DONE,     /* the job has its outcome (aborted: cancelled), or will have it */
    CANCEL_UNKNOWN,  /* no such job is under way */
    CANCEL_TOO_LATE, /* the flash may have been erased: half a sketch does not run */
};

/* Cancels job id; queue_run() goes on with the next one. Returns an enum cancel_verdict. */
enum cancel_verdict cancel_job(struct manager *manager, uint64_t id);
