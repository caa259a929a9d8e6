/* What is copied while the upload is still being written, and what becomes of that. */
#include "tests/unit/io/snapshot_fixture.h"

#include <errno.h>

static void begin(struct fixture *f)
{
    f->advance = advance_free(f->advance);
    assert_int_equal(advance_new(f->dir.fd, "upload", &f->advance), 0);
}

/* Writes text at an offset, as any writer may who has the file open. */
static void write_at(struct fixture *f, size_t offset, const char *text)
{
    _cleanup_fd_ int fd = openat(f->dir.fd, "upload", O_WRONLY | O_CLOEXEC);

    assert_int_equal(pwrite(fd, text, strlen(text), (off_t)offset), strlen(text));
}

static void assert_advanced(const struct fixture *f, uint64_t size)
{
    assert_true(f->advance->size == size);
}

static void test_advance(void **state)
{
    struct fixture *f = *state;

    put(f, "a");
    begin(f);
    assert_advanced(f, 0);
    assert_int_equal(advance_go_on(f->advance, MAX), 0);
    assert_advanced(f, 1);
    assert_int_equal(advance_go_on(f->advance, MAX), 0);
    assert_advanced(f, 1);
    write_at(f, 1, " ske");
    assert_int_equal(advance_go_on(f->advance, MAX), 0);
    assert_advanced(f, 5);
    write_at(f, 5, "tch");
    assert_int_equal(take(f), SNAPSHOT_TAKEN);
    assert_key(f);
    assert_copy(f, "a sketch", 8);
    assert_true(f->snapshot->source >= 0);
    assert_int_equal(snapshot_is_true(f->snapshot), 1);
    assert_int_equal(take(f), SNAPSHOT_TAKEN); /* with the emptied one */
    assert_copy(f, "a sketch", 8);
    assert_int_equal(f->snapshot->source, -EBADF);
}

/* Nobody tells that an earlier part was written anew, but comparing does. */
static void test_advance_written_anew(void **state)
{
    enum { PAST_THE_FIRST_PAGE = 5000 };
    struct fixture *f = *state;
    char bytes[PAST_THE_FIRST_PAGE + 1];

    memset(bytes, 'a', PAST_THE_FIRST_PAGE);
    bytes[PAST_THE_FIRST_PAGE] = '\0';
    put(f, bytes);
    begin(f);
    assert_int_equal(advance_go_on(f->advance, MAX), 0);
    write_at(f, PAST_THE_FIRST_PAGE - 1, "bcd");
    assert_int_equal(take(f), SNAPSHOT_TAKEN);
    assert_true(f->snapshot->source >= 0);
    assert_int_equal(snapshot_is_true(f->snapshot), 0);
    write_at(f, PAST_THE_FIRST_PAGE - 1, "a");
    assert_int_equal(snapshot_is_true(f->snapshot), 1);
    write_at(f, PAST_THE_FIRST_PAGE + 2, "e");
    assert_int_equal(snapshot_is_true(f->snapshot), 0); /* it is longer now */
    temp_dir_write(&f->dir, "upload", "", 0);
    assert_int_equal(snapshot_is_true(f->snapshot), 0); /* and shorter */
}

/* As linkers do: then it was not worth it. */
static void test_advance_first_page_written_last(void **state)
{
    struct fixture *f = *state;

    put(f, "_____tch");
    begin(f);
    assert_int_equal(advance_go_on(f->advance, MAX), 0);
    write_at(f, 0, "a ske");
    assert_int_equal(take(f), SNAPSHOT_TAKEN);
    assert_copy(f, "a sketch", 8);
    assert_int_equal(f->snapshot->source, -EBADF);
    assert_int_equal(snapshot_is_true(f->snapshot), 1);
}

static void test_advance_of_what_became_shorter(void **state)
{
    struct fixture *f = *state;

    put(f, "a long text");
    begin(f);
    assert_int_equal(advance_go_on(f->advance, MAX), 0);
    temp_dir_write(&f->dir, "upload", "a", 1);
    assert_int_equal(take(f), SNAPSHOT_TAKEN);
    assert_copy(f, "a", 1);
    assert_int_equal(f->snapshot->source, -EBADF);
    begin(f);
    assert_int_equal(advance_go_on(f->advance, MAX), 0);
    put(f, "another");
    assert_int_equal(advance_go_on(f->advance, MAX), 0);
    temp_dir_write(&f->dir, "upload", "a sk", 4);
    assert_int_equal(advance_go_on(f->advance, MAX), 0);
    assert_advanced(f, 4);
    write_at(f, 4, "etch");
    assert_int_equal(take(f), SNAPSHOT_TAKEN);
    assert_copy(f, "a sketch", 8);
    assert_int_equal(snapshot_is_true(f->snapshot), 1);
}

static void test_advance_of_another_file(void **state)
{
    struct fixture *f = *state;

    put(f, "a sk");
    begin(f);
    assert_int_equal(advance_go_on(f->advance, MAX), 0);
    assert_int_equal(renameat(f->dir.fd, "upload", f->dir.fd, "elsewhere"), 0);
    put(f, "a sketch");
    assert_int_equal(take(f), SNAPSHOT_TAKEN);
    assert_copy(f, "a sketch", 8);
    assert_int_equal(f->snapshot->source, -EBADF);
}

static void test_advance_too_large(void **state)
{
    struct fixture *f = *state;

    put(f, "");
    begin(f);
    _cleanup_fd_ int writer = openat(f->dir.fd, "upload", O_WRONLY | O_CLOEXEC);
    assert_int_equal(ftruncate(writer, MAX), 0);
    assert_int_equal(advance_go_on(f->advance, MAX), 0);
    assert_int_equal(ftruncate(writer, 2 * MAX), 0);
    assert_int_equal(advance_go_on(f->advance, MAX), -EFBIG);
    assert_advanced(f, MAX + 1);
}

static void test_no_advance(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(advance_new(f->dir.fd, "upload", &f->advance), -ENOENT);
    assert_int_equal(symlinkat("/etc/passwd", f->dir.fd, "upload"), 0);
    assert_int_equal(advance_new(f->dir.fd, "upload", &f->advance), -EMEDIUMTYPE);
    assert_null(f->advance);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_advance),
        TEST(test_advance_written_anew),
        TEST(test_advance_first_page_written_last),
        TEST(test_advance_of_what_became_shorter),
        TEST(test_advance_of_another_file),
        TEST(test_advance_too_large),
        TEST(test_no_advance),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
