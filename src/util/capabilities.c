#include "util/capabilities.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int capabilities_keep(uint64_t mask, enum capability_sets sets)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

    if (syscall(SYS_capget, &header, data) < 0)
        return -errno;
    for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
        const uint32_t half = (uint32_t)(mask >> (32 * i));
        data[i].effective = data[i].permitted & half;
        if (sets != CAPABILITIES_ALL_SETS)
            continue;
        data[i].permitted &= half;
        data[i].inheritable &= half; /* and with it the ambient ones */
    }
    return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}
