/* Both files that others watch (counters, bridge) appear whole: written aside, then renamed. */
#include "replace.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

static int write_file(const char *path, void (*print)(FILE *f, const void *userdata),
                      const void *userdata)
{
    FILE *f = fopen(path, "we");
    if (!f)
        return -errno;
    print(f, userdata);
    int bad = ferror(f);
    if (fclose(f) != 0 || bad)
        return -EIO;
    return 0;
}

int replace_file(const char *path, void (*print)(FILE *f, const void *userdata),
                 const void *userdata)
{
    char temporary[PATH_MAX];
    int n = snprintf(temporary, sizeof(temporary), "%s.%ld.tmp", path, (long)getpid());
    if (n < 0 || (size_t)n >= sizeof(temporary))
        return -ENAMETOOLONG;

    int r = write_file(temporary, print, userdata);
    if (r == 0 && rename(temporary, path) < 0)
        r = -errno;
    if (r < 0)
        unlink(temporary);
    return r;
}
