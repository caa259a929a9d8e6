/* The system calls that a locked-up checker may still make; any other kills it at once. */
#pragma once

#include <stdbool.h>

/* Whether build and kernel have what it takes. */
bool filter_is_possible(void);

/* For the rest of this process's life. no_new_privs must be set. Returns 0, or -errno with nothing
 * changed (-EOPNOTSUPP if this build has no filter). */
int filter_load(int socket);
