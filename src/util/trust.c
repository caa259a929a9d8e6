#include "util/trust.h"

#include <stddef.h>
#include <unistd.h>

const char *trust_refusal(const struct stat *status)
{
    if (status->st_uid != 0 && status->st_uid != geteuid())
        return "its owner is neither root nor the service's user";
    if (status->st_mode & (S_IWGRP | S_IWOTH))
        return "others than its owner may write to it";
    return NULL;
}
