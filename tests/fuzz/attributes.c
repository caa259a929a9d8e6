/* The ARM build attributes: a section's contents -> what counts of them, or malformed. */
#include "sketch/attributes.h"

#include <errno.h>
#include <string.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct attributes untouched = {0xA5A5A5A5, 0xA5A5A5A5, 0xA5A5A5A5, 0xA5A5A5A5};
    struct attributes attributes = untouched;

    int r = attributes_parse(data, size, &attributes);
    CLAIM(r == 0 || r == -EBADMSG);
    if (r < 0)
        CLAIM(memcmp(&attributes, &untouched, sizeof(attributes)) == 0);
    /* Only a section of version 'A' says anything. */
    if (size == 0 || data[0] != 'A')
        CLAIM(r == 0 && attributes.cpu_arch == 0 && attributes.cpu_arch_profile == 0 &&
              attributes.fp_arch == 0 && attributes.hardfp_use == 0);
    return 0;
}
