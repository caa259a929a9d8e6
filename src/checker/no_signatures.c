/* In place of sketch/signature_verify.c: m4flash-checker, which is not asked for signatures. */
#include <errno.h>

#include "sketch/signature.h"
#include "util/cleanup.h"

int signature_prepare(void)
{
    return -EOPNOTSUPP;
}

int signature_judge(_unused_ const struct signature_order *order, _unused_ const void *file,
                    _unused_ size_t size, _unused_ struct signature_verdict *ret)
{
    return -EOPNOTSUPP;
}
