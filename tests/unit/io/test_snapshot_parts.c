/* Large files of which the beginning and the end are copied first, and what becomes of the rest. */
#include "tests/unit/io/snapshot_fixture.h"

#include <errno.h>
#include <sys/mman.h>

enum {
    LARGE = 700 << 10, /* bytes */
    START = 256 << 10, /* what is missing at first */
    END = LARGE - (64 << 10),
    MIDDLE = 400 << 10,
    SMALL = 512 << 10, /* is copied in parts from here on */
};

static char bytes[LARGE + 1];

static void put_bytes(struct fixture *f, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(i * 2654435761U >> 13 | 1); /* none is zero */
    temp_dir_write(&f->dir, "upload", bytes, size);
}

static void take_parts(struct fixture *f)
{
    f->extent = SNAPSHOT_PARTS;
    assert_int_equal(take(f), SNAPSHOT_TAKEN);
    assert_key(f);
}

static void take_large(struct fixture *f)
{
    put_bytes(f, LARGE);
    take_parts(f);
}

/* As any writer may who has the file open. */
static void write_at(struct fixture *f, size_t offset, const char *text)
{
    _cleanup_fd_ int fd = openat(f->dir.fd, "upload", O_WRONLY | O_CLOEXEC);

    assert_int_equal(pwrite(fd, text, strlen(text), (off_t)offset), strlen(text));
}

static void cut_off(struct fixture *f, size_t size)
{
    _cleanup_fd_ int fd = openat(f->dir.fd, "upload", O_WRONLY | O_CLOEXEC);

    assert_int_equal(ftruncate(fd, (off_t)size), 0);
}

static void assert_missing(const struct fixture *f, uint64_t start, uint64_t end)
{
    assert_true(f->snapshot->missing.start == start);
    assert_true(f->snapshot->missing.end == end);
}

static void assert_whole(const struct fixture *f, size_t size)
{
    const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;

    assert_missing(f, 0, 0);
    assert_int_equal(f->snapshot->source, -EBADF);
    assert_int_equal(fcntl(f->snapshot->fd, F_GET_SEALS), seals);
    assert_copy(f, bytes, size);
}

static void test_parts(void **state)
{
    struct fixture *f = *state;
    _cleanup_free_ char *expected = calloc(1, LARGE);

    take_large(f);
    assert_missing(f, START, END);
    memcpy(expected, bytes, START);
    memcpy(expected + END, bytes + END, LARGE - END);
    assert_copy(f, expected, LARGE);
    assert_int_equal(snapshot_complete(f->snapshot), 1);
    assert_whole(f, LARGE);
    assert_int_equal(snapshot_complete(f->snapshot), 1);
}

/* Its size is certain from the beginning, and what is there is only ever added to. */
static void test_seals(void **state)
{
    struct fixture *f = *state;

    take_large(f);
    assert_int_equal(fcntl(f->snapshot->fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW);
    assert_int_equal(ftruncate(f->snapshot->fd, LARGE - 1), -1);
    assert_int_equal(ftruncate(f->snapshot->fd, LARGE + 1), -1);
}

static void test_small_ones_are_whole(void **state)
{
    struct fixture *f = *state;

    put_bytes(f, SMALL - 1);
    take_parts(f);
    assert_whole(f, SMALL - 1);
    put_bytes(f, SMALL);
    take_parts(f);
    assert_missing(f, START, SMALL - (LARGE - END));
}

static void test_fill(void **state)
{
    struct fixture *f = *state;
    _cleanup_free_ char *copy = malloc(MIDDLE);

    take_large(f);
    assert_int_equal(snapshot_fill(f->snapshot, 10), 1); /* that is there */
    assert_missing(f, START, END);
    assert_int_equal(snapshot_fill(f->snapshot, MIDDLE), 1);
    assert_missing(f, MIDDLE, END);
    assert_int_equal(pread(f->snapshot->fd, copy, MIDDLE, 0), MIDDLE);
    assert_memory_equal(copy, bytes, MIDDLE);
    assert_int_equal(snapshot_fill(f->snapshot, MIDDLE), 1);
    assert_missing(f, MIDDLE, END);
    assert_int_equal(snapshot_fill(f->snapshot, END), 1);
    assert_missing(f, 0, 0);
    assert_copy(f, bytes, LARGE);
    assert_true(f->snapshot->source >= 0); /* nobody has looked yet if that is the file's */
    assert_int_equal(snapshot_complete(f->snapshot), 1);
    assert_whole(f, LARGE);
}

/* Wherever somebody has written to since, and whether it was copied before or after. */
static void test_written_to(void **state)
{
    static const size_t places[] = {0, START - 1, START, MIDDLE, END - 1, END, LARGE - 1, LARGE};
    struct fixture *f = *state;

    for (size_t i = 0; i < ELEMENTSOF(places); i++) {
        take_large(f);
        assert_int_equal(snapshot_fill(f->snapshot, MIDDLE), 1);
        write_at(f, places[i], (const char[]){0, 0});
        write_at(f, places[i], "\2"); /* an even number */
        bool copied_before = places[i] < MIDDLE || places[i] >= END;
        assert_int_equal(snapshot_complete(f->snapshot), !copied_before);
        if (copied_before)
            assert_true(f->snapshot->source >= 0);
    }
}

/* What comes later does not count any more. */
static void test_written_to_afterwards(void **state)
{
    struct fixture *f = *state;

    take_large(f);
    assert_int_equal(snapshot_complete(f->snapshot), 1);
    write_at(f, MIDDLE, "\2");
    assert_int_equal(snapshot_complete(f->snapshot), 1);
    assert_whole(f, LARGE);
}

static void test_became_shorter(void **state)
{
    struct fixture *f = *state;

    take_large(f);
    cut_off(f, MIDDLE);
    assert_int_equal(snapshot_fill(f->snapshot, MIDDLE + 1), 0);
    assert_missing(f, MIDDLE, END);
    assert_int_equal(snapshot_complete(f->snapshot), 0);
    take_large(f);
    assert_int_equal(snapshot_fill(f->snapshot, END), 1);
    cut_off(f, LARGE - 1);
    assert_int_equal(snapshot_complete(f->snapshot), 0);
    cut_off(f, 0);
    assert_int_equal(snapshot_complete(f->snapshot), 0);
}

/* adb removes what it could not push whole. */
static void test_removed(void **state)
{
    struct fixture *f = *state;

    take_large(f);
    assert_int_equal(unlinkat(f->dir.fd, "upload", 0), 0);
    assert_int_equal(snapshot_complete(f->snapshot), 1);
    assert_whole(f, LARGE);
}

/* A process that got the descriptor can move what both write at, and write itself. */
static void test_meddled_with(void **state)
{
    struct fixture *f = *state;

    take_large(f);
    assert_int_equal(pwrite(f->snapshot->fd, "\2", 1, 5), 1);
    assert_int_equal(snapshot_complete(f->snapshot), 0);
    take_large(f);
    void *bytes_of_mine = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_SHARED, f->snapshot->fd, 0);
    assert_ptr_not_equal(bytes_of_mine, MAP_FAILED);
    assert_int_equal(snapshot_complete(f->snapshot), -EBUSY);
    assert_int_equal(snapshot_complete(f->snapshot), -EBUSY);
    munmap(bytes_of_mine, LARGE);
    assert_int_equal(snapshot_complete(f->snapshot), 1);
    assert_whole(f, LARGE);
}

static void test_digest(void **state)
{
    struct fixture *f = *state;
    char found[SKETCH_DIGEST_HEX], expected[SKETCH_DIGEST_HEX];

    take_large(f);
    sketch_digest(bytes, LARGE, expected);
    assert_int_equal(snapshot_digest(f->snapshot, found), 0);
    assert_string_equal(found, expected);
    take_large(f);
    write_at(f, 0, "\2");
    assert_int_equal(snapshot_digest(f->snapshot, found), -ESTALE);
}

static void test_begins(void **state)
{
    struct fixture *f = *state;

    take_large(f);
    struct snapshot *large = TAKE_PTR(f->snapshot);
    put_bytes(f, LARGE - 10);
    take_parts(f);
    struct snapshot *shorter = TAKE_PTR(f->snapshot);
    /* The first one's file is not what it was: nothing is known of it. */
    assert_int_equal(snapshot_begins(shorter, large), 0);
    snapshot_free(large);
    _cleanup_fd_ int fd = openat(f->dir.fd, "upload", O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(snapshot_complete(shorter), 1);
    assert_int_equal(write(fd, bytes, 10), 10);
    take_parts(f);
    assert_int_equal(snapshot_begins(shorter, f->snapshot), 1);
    assert_int_equal(snapshot_begins(f->snapshot, shorter), 0);
    snapshot_free(shorter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_parts),          TEST(test_seals),      TEST(test_small_ones_are_whole),
        TEST(test_fill),           TEST(test_written_to), TEST(test_written_to_afterwards),
        TEST(test_became_shorter), TEST(test_removed),    TEST(test_meddled_with),
        TEST(test_digest),         TEST(test_begins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
