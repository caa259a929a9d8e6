/* The image as files: cut at sector borders, without trailing 0xFF, private, and gone afterwards.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "job/layout.h"
#include "tests/unit/util/temp_dir.h"

enum {
    SECTOR = 4096,
};

struct fixture {
    struct temp_dir dir;
    unsigned fds;
    char *path;
    uint8_t image[4 * SECTOR];
};

static int set_up(void **state)
{
    static struct fixture f;

    f = (struct fixture){.fds = count_fds()};
    f.dir = temp_dir_make();
    for (size_t i = 0; i < sizeof(f.image); i++)
        f.image[i] = (uint8_t)(i / 251 % 255);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    layout_remove(f->path);
    temp_dir_remove(&f->dir);
    return count_fds() == f->fds ? 0 : -1;
}

static void make_anew(struct fixture *f, size_t size, int sectors)
{
    assert_int_equal(layout_make(f->dir.path, 12, &f->path), 0);
    assert_int_equal(count_entries(f->path), 0);
    assert_int_equal(layout_fill(f->path, f->image, size, SECTOR), 0);
    assert_int_equal(count_entries(f->path), sectors);
}

static void make(struct fixture *f, size_t size, int sectors)
{
    f->path = layout_remove(f->path);
    make_anew(f, size, sectors);
}

static void assert_sector(const struct fixture *f, unsigned sector, size_t size)
{
    char name[64];
    size_t found;

    snprintf(name, sizeof(name), "job-12/sector-%u.bin", sector);
    _cleanup_free_ char *bytes = temp_dir_read(&f->dir, name, &found);
    assert_non_null(bytes);
    assert_int_equal(found, size);
    assert_memory_equal(bytes, f->image + (size_t)sector * SECTOR, size);
}

/* ---- Making ---------------------------------------------------------------------------------- */

static void test_borders(void **state)
{
    struct fixture *f = *state;

    make(f, 1, 1);
    assert_sector(f, 0, 1);
    make(f, SECTOR - 1, 1);
    assert_sector(f, 0, SECTOR - 1);
    make(f, SECTOR, 1);
    assert_sector(f, 0, SECTOR);
    make(f, SECTOR + 1, 2);
    assert_sector(f, 0, SECTOR);
    assert_sector(f, 1, 1);
    make(f, sizeof(f->image), 4);
    for (unsigned i = 0; i < 4; i++)
        assert_sector(f, i, SECTOR);
}

static void test_trimmed(void **state)
{
    struct fixture *f = *state;

    memset(f->image + SECTOR - 10, 0xFF, 10);    /* the end of sector 0 */
    memset(f->image + SECTOR, 0xFF, 100);        /* the beginning of 1 is not trailing */
    memset(f->image + 2 * SECTOR, 0xFF, SECTOR); /* all of 2 */
    f->image[3 * SECTOR + 7] = 0;
    memset(f->image + 3 * SECTOR + 8, 0xFF, 8); /* the end of the image */
    make(f, 3 * SECTOR + 16, 4);
    assert_sector(f, 0, SECTOR - 10);
    assert_sector(f, 1, SECTOR);
    assert_sector(f, 2, 0);
    assert_sector(f, 3, 8);
}

static void test_private(void **state)
{
    struct fixture *f = *state;
    struct stat status;

    mode_t before = umask(0);
    make(f, 1, 1);
    umask(before);
    assert_int_equal(stat(f->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    assert_int_equal(fstatat(f->dir.fd, "job-12/sector-0.bin", &status, 0), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
}

static void test_cannot_make(void **state)
{
    struct fixture *f = *state;
    char *path = NULL;

    assert_int_equal(layout_make("/nowhere", 1, &path), -ENOENT);
    assert_int_equal(layout_make("/dev/null", 1, &path), -ENOTDIR);
    assert_null(path);
    assert_int_equal(layout_fill("/nowhere", f->image, 1, SECTOR), -ENOENT);
    make(f, 1, 1);
    assert_int_equal(layout_fill(f->path, f->image, 1, SECTOR), -EEXIST);
}

/* ---- What was there before ------------------------------------------------------------------- */

/* A daemon that was killed may have left the very same folder, with more in it. */
static void test_left_over(void **state)
{
    struct fixture *f = *state;

    make(f, 4 * SECTOR, 4);
    free(f->path);
    make_anew(f, 5, 1);
    assert_sector(f, 0, 5);
}

static void put(struct fixture *f, const char *name)
{
    temp_dir_write(&f->dir, name, "x", 1);
}

/* Files that are not ours are in nobody's way; a hidden one is a file, too. */
static void test_foreign_files(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(mkdirat(f->dir.fd, "job-12", 0700), 0);
    put(f, "job-12/sector-9.bin");
    put(f, "job-12/something");
    put(f, "job-12/.hidden");
    assert_int_equal(symlinkat("/etc/passwd", f->dir.fd, "job-12/link"), 0);
    make(f, 1, 1);
    f->path = layout_remove(f->path);
    assert_int_equal(count_entries(f->dir.path), 0);
}

/* A link in the folder's place is not followed: what it leads to stays as it is. */
static void test_link(void **state)
{
    struct fixture *f = *state;
    char *path = NULL, link[128];

    assert_int_equal(mkdirat(f->dir.fd, "precious", 0700), 0);
    put(f, "precious/file");
    assert_int_equal(symlinkat("precious", f->dir.fd, "job-12"), 0);
    snprintf(link, sizeof(link), "%s/job-12", f->dir.path);
    assert_int_equal(layout_make(f->dir.path, 12, &path), -EEXIST);
    assert_int_equal(layout_fill(link, f->image, 1, SECTOR), -ENOTDIR);
    layout_empty(link);
    layout_remove(strdup(link));
    assert_int_equal(faccessat(f->dir.fd, "precious/file", F_OK, 0), 0);
    assert_int_equal(faccessat(f->dir.fd, "precious/sector-0.bin", F_OK, 0), -1);
}

static void test_stale(void **state)
{
    struct fixture *f = *state;

    make(f, 2 * SECTOR, 2);
    free(f->path);
    f->path = NULL;
    assert_int_equal(mkdirat(f->dir.fd, "job-3", 0700), 0);
    assert_int_equal(mkdirat(f->dir.fd, "jobs", 0700), 0);
    assert_int_equal(mkdirat(f->dir.fd, "other", 0700), 0);
    put(f, "other/sector-0.bin");
    put(f, "status");
    layout_remove_stale(f->dir.path);
    assert_int_equal(count_entries(f->dir.path), 3);
    assert_int_equal(faccessat(f->dir.fd, "job-12", F_OK, 0), -1);
    assert_int_equal(faccessat(f->dir.fd, "job-3", F_OK, 0), -1);
    assert_int_equal(faccessat(f->dir.fd, "other/sector-0.bin", F_OK, 0), 0);
    layout_remove_stale("/nowhere");
}

static void test_remove(void **state)
{
    struct fixture *f = *state;

    make(f, 2 * SECTOR, 2);
    layout_empty(f->path);
    assert_int_equal(count_entries(f->path), 0);
    layout_empty("/nowhere/job-1");
    make(f, 2 * SECTOR, 2);
    f->path = layout_remove(f->path);
    assert_null(f->path);
    assert_int_equal(count_entries(f->dir.path), 0);
    assert_null(layout_remove(NULL));
    assert_null(layout_remove(strdup("/nowhere/job-1")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_borders),     TEST(test_trimmed),   TEST(test_private),
        TEST(test_cannot_make), TEST(test_left_over), TEST(test_foreign_files),
        TEST(test_link),        TEST(test_stale),     TEST(test_remove),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
