#include "util/landlock.h"

#include <errno.h>

#include "build-config.h"

#if WITH_LANDLOCK

#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/cleanup.h"

/* Younger than the headers of Debian 12. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

/* What Landlock has known of since its first version. */
#define FIRST_VERSION ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)
#define NO_CHANGE \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITES (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE)
/* A rule about a file must not speak of what can be done with folders only. */
#define OF_FILES (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | WRITES)

enum {
    TRUNCATE_VERSION = 3,
};

/* What there is in scope on this kernel; or -errno. */
static int64_t access_of(enum landlock_scope scope)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

    if (version < 0)
        return -errno;
    uint64_t access = FIRST_VERSION;
    if (version >= TRUNCATE_VERSION)
        access |= LANDLOCK_ACCESS_FS_TRUNCATE;
    if (scope == LANDLOCK_CHANGES)
        access &= ~(uint64_t)NO_CHANGE;
    if (scope == LANDLOCK_WRITES)
        access &= WRITES;
    return (int64_t)access;
}

int landlock_rules_new(enum landlock_scope scope)
{
    int64_t access = access_of(scope);

    if (access < 0)
        return (int)access;
    const struct landlock_ruleset_attr rules = {.handled_access_fs = (uint64_t)access};
    long fd = syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0);
    return fd < 0 ? -errno : (int)fd;
}

int landlock_rules_permit(int rules, enum landlock_scope scope, const char *path)
{
    _cleanup_fd_ int fd = open(path, O_PATH | O_CLOEXEC);
    struct stat status;

    if (fd < 0 || fstat(fd, &status) < 0)
        return -errno;
    int64_t access = access_of(scope);
    if (access < 0)
        return (int)access;
    struct landlock_path_beneath_attr permitted = {
        .allowed_access = (uint64_t)access,
        .parent_fd = fd,
    };
    if (!S_ISDIR(status.st_mode))
        permitted.allowed_access &= OF_FILES;
    long r = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &permitted, 0);
    return r < 0 ? -errno : 0;
}

int landlock_rules_enter(int rules)
{
    return syscall(SYS_landlock_restrict_self, rules, 0) < 0 ? -errno : 0;
}

#else

int landlock_rules_new(enum landlock_scope scope)
{
    (void)scope;
    return -EOPNOTSUPP;
}

int landlock_rules_permit(int rules, enum landlock_scope scope, const char *path)
{
    (void)rules;
    (void)scope;
    (void)path;
    return -EOPNOTSUPP;
}

int landlock_rules_enter(int rules)
{
    (void)rules;
    return -EOPNOTSUPP;
}

#endif
