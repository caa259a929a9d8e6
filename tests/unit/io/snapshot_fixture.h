/* A folder with an upload in it, and the snapshot that a test takes of it. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* After what it needs: */
#include <cmocka.h>

#include "io/snapshot.h"
#include "tests/unit/util/temp_dir.h"

enum {
    MAX = 1 << 20, /* bytes an upload may have here */
};

struct fixture {
    struct temp_dir dir;
    unsigned fds; /* open before the test */
    uint64_t max;
    enum snapshot_extent extent;
    struct snapshot *snapshot;
    struct file_key key;
};

static inline _unused_ int set_up(void **state)
{
    static struct fixture f;

    f = (struct fixture){.fds = count_fds(), .max = MAX};
    f.dir = temp_dir_make();
    *state = &f;
    return 0;
}

static inline _unused_ int tear_down(void **state)
{
    struct fixture *f = *state;

    snapshot_free(f->snapshot);
    temp_dir_remove(&f->dir);
    return count_fds() == f->fds ? 0 : -1;
}

static inline _unused_ int take(struct fixture *f)
{
    f->snapshot = snapshot_free(f->snapshot);
    return snapshot_take(f->dir.fd, "upload", f->max, f->extent, &f->snapshot, &f->key);
}

static inline _unused_ int take_open(struct fixture *f, int fd)
{
    f->snapshot = snapshot_free(f->snapshot);
    return snapshot_take_fd(fd, f->max, &f->snapshot, &f->key);
}

static inline _unused_ void assert_key(const struct fixture *f)
{
    struct stat status;

    assert_int_equal(fstatat(f->dir.fd, "upload", &status, AT_SYMLINK_NOFOLLOW), 0);
    const struct file_key key = file_key_of(&status);
    assert_true(file_key_equal(&key, &f->key));
}

static inline _unused_ void assert_copy(const struct fixture *f, const void *bytes, size_t size)
{
    assert_non_null(f->snapshot);
    assert_true(f->snapshot->size == size);
    _cleanup_free_ char *copy = malloc(size + 1);
    assert_int_equal(pread(f->snapshot->fd, copy, size + 1, 0), size);
    assert_memory_equal(copy, bytes, size);
}

static inline _unused_ void put(struct fixture *f, const char *text)
{
    temp_dir_write(&f->dir, "upload", text, strlen(text));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
