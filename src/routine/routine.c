#include "routine/routine.h"

#include <string.h>

#include "build-config.h"
#include "routine/mailbox.h"
#include "util/cleanup.h"

#ifdef HAVE_ROUTINES
static const uint8_t stm32h7[] = {
#include "stm32h7.inc"
};
_Static_assert(sizeof(stm32h7) + sizeof(struct mailbox) <= ROUTINE_CODE_MAX, "it does not fit");
#endif

static const struct routine routines[] = {
#ifdef HAVE_ROUTINES
    {"stm32h7", stm32h7, sizeof(stm32h7)},
#endif
    {NULL, NULL, 0},
};

const struct routine *routine_find(const char *name)
{
    for (const struct routine *routine = routines; routine->name; routine++)
        if (strcmp(routine->name, name) == 0)
            return routine;
    return NULL;
}
