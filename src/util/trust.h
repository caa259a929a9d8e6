/* Whether what a privileged service relies on could have been put there by somebody else. */
#pragma once

#include <sys/stat.h>

/*
 * Why a file or folder must not be relied on, in a phrase, or NULL: it must be root's, or whom the
 * service runs as, and nobody else may write to it.
 */
const char *trust_refusal(const struct stat *status);
