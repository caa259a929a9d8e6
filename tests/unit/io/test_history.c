/* The history file: what is kept of it, what is found in it, and what garbage does to neither. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "io/history.h"
#include "tests/unit/util/temp_dir.h"

static const struct file_key file = {
    .inode = 42, .size = 4096, .modified_nsec = 1700000000123456789, .changed_nsec = 3};
#define FILE_TEXT "42:4096:1700000000123456789:3"

static int set_up(void **state)
{
    static struct temp_dir dir;

    dir = temp_dir_make();
    *state = &dir;
    return 0;
}

static int tear_down(void **state)
{
    temp_dir_remove(*state);
    return 0;
}

static void write_history(const struct temp_dir *dir, const char *text)
{
    temp_dir_write(dir, "history.jsonl", text, strlen(text));
}

static void assert_history(const struct temp_dir *dir, const char *expected)
{
    size_t size;
    _cleanup_free_ char *text = temp_dir_read(dir, "history.jsonl", &size);

    assert_non_null(text);
    assert_string_equal(text, expected);
    assert_int_equal(size, strlen(expected));
}

static void assert_look(const struct temp_dir *dir, uint64_t last_id, bool known)
{
    uint64_t found_id = 99;
    bool found_known = !known;

    assert_int_equal(history_look(dir->fd, &file, &found_id, &found_known), 0);
    assert_true(found_id == last_id);
    assert_int_equal(found_known, known);
}

/* ---- Appending ------------------------------------------------------------------------------- */

static void test_append(void **state)
{
    struct temp_dir *dir = *state;
    struct stat status;

    assert_int_equal(history_append(dir->fd, "{\"id\":1}"), 0);
    assert_history(dir, "{\"id\":1}\n");
    assert_int_equal(history_append(dir->fd, "{\"id\":2}"), 0);
    assert_history(dir, "{\"id\":1}\n{\"id\":2}\n");
    assert_int_equal(count_entries(dir->path), 1);
    assert_int_equal(fstatat(dir->fd, "history.jsonl", &status, 0), 0);
    assert_int_equal(status.st_mode & 07777, 0644);
}

/* Numbered lines from first to last, for the caller to free. */
static char *numbered_lines(unsigned first, unsigned last)
{
    char *text = malloc((size_t)(last - first + 1) * 16 + 1), *to = text;

    for (unsigned i = first; i <= last; i++)
        to += sprintf(to, "{\"id\":%u}\n", i);
    return text;
}

static void test_bound(void **state)
{
    struct temp_dir *dir = *state;
    _cleanup_free_ char *before = numbered_lines(1, HISTORY_MAX - 1);
    _cleanup_free_ char *full = numbered_lines(1, HISTORY_MAX);
    _cleanup_free_ char *after = numbered_lines(2, HISTORY_MAX + 1);
    _cleanup_free_ char *far = numbered_lines(1, 3 * HISTORY_MAX);
    _cleanup_free_ char *near = numbered_lines(2 * HISTORY_MAX + 2, 3 * HISTORY_MAX + 1);

    write_history(dir, before);
    assert_int_equal(history_append(dir->fd, "{\"id\":1000}"), 0);
    assert_history(dir, full);
    assert_int_equal(history_append(dir->fd, "{\"id\":1001}"), 0);
    assert_history(dir, after);
    write_history(dir, far); /* as a larger bound of another version may have left it */
    assert_int_equal(history_append(dir->fd, "{\"id\":3001}"), 0);
    assert_history(dir, near);
}

static void test_half_line(void **state)
{
    struct temp_dir *dir = *state;

    write_history(dir, "{\"id\":1}\n{\"id\":2,\"ti");
    assert_int_equal(history_append(dir->fd, "{\"id\":3}"), 0);
    assert_history(dir, "{\"id\":1}\n{\"id\":3}\n");
    write_history(dir, "{\"id\":1");
    assert_int_equal(history_append(dir->fd, "{\"id\":2}"), 0);
    assert_history(dir, "{\"id\":2}\n");
    write_history(dir, "");
    assert_int_equal(history_append(dir->fd, "{\"id\":4}"), 0);
    assert_history(dir, "{\"id\":4}\n");
}

/* Not our file, so not to be written through, nor to be read as ours. */
static void test_link(void **state)
{
    struct temp_dir *dir = *state;
    uint64_t last_id = 99;
    bool known = true;

    temp_dir_write(dir, "victim", "precious", 8);
    assert_int_equal(symlinkat("victim", dir->fd, "history.jsonl"), 0);
    assert_int_equal(history_append(dir->fd, "{\"id\":1}"), -ELOOP);
    assert_int_equal(history_look(dir->fd, &file, &last_id, &known), -ELOOP);
    assert_true(last_id == 99 && known);
    size_t size;
    _cleanup_free_ char *text = temp_dir_read(dir, "victim", &size);
    assert_string_equal(text, "precious");
}

/* It would be waited for. */
static void test_fifo(void **state)
{
    struct temp_dir *dir = *state;
    uint64_t last_id = 99;
    bool known = true;

    assert_int_equal(mkfifoat(dir->fd, "history.jsonl", 0600), 0);
    assert_int_equal(history_append(dir->fd, "{\"id\":1}"), -EBADFD);
    assert_int_equal(history_look(dir->fd, &file, &last_id, &known), -EBADFD);
}

/* ---- The newest lines ------------------------------------------------------------------------ */

static void assert_tail(const struct temp_dir *dir, unsigned n, const char *expected)
{
    _cleanup_free_ char *text = NULL;

    assert_int_equal(history_tail(dir->fd, n, &text), 0);
    assert_string_equal(text, expected);
}

static void test_tail(void **state)
{
    struct temp_dir *dir = *state;

    assert_tail(dir, 3, "");
    write_history(dir, "one\ntwo\nthree\n");
    assert_tail(dir, 0, "");
    assert_tail(dir, 1, "three\n");
    assert_tail(dir, 2, "two\nthree\n");
    assert_tail(dir, 3, "one\ntwo\nthree\n");
    assert_tail(dir, UINT32_MAX, "one\ntwo\nthree\n");
    write_history(dir, "one\ntwo\nthr");
    assert_tail(dir, 1, "two\n");
    write_history(dir, "thr");
    assert_tail(dir, 1, "");
    temp_dir_write(dir, "history.jsonl", "one\n\0\0two\n", 10);
    assert_tail(dir, 9, "one\n\n\ntwo\n");
}

/* ---- Looking --------------------------------------------------------------------------------- */

static void test_missing(void **state)
{
    assert_look(*state, 0, false);
}

static void test_last_id(void **state)
{
    struct temp_dir *dir = *state;

    write_history(dir, "{\"id\":7}\n{\"id\":12}\n{\"id\":9}\n");
    assert_look(dir, 12, false);
    assert_int_equal(history_append(dir->fd, "{\"id\":13}"), 0);
    assert_look(dir, 13, false);
}

static void test_known(void **state)
{
    struct temp_dir *dir = *state;
    struct file_key other = file;
    uint64_t last_id;
    bool known = true;

    write_history(dir, "{\"id\":1,\"file\":\"" FILE_TEXT "\"}\n{\"id\":2,\"file\":\"\"}\n");
    assert_look(dir, 2, true);
    other.changed_nsec++;
    assert_int_equal(history_look(dir->fd, &other, &last_id, &known), 0);
    assert_false(known);
    known = true;
    assert_int_equal(history_look(dir->fd, NULL, &last_id, &known), 0);
    assert_true(last_id == 2);
    assert_false(known);
}

/* No file is not the file of a job that had none. */
static void test_no_file_is_unknown(void **state)
{
    const struct file_key none = {.inode = 0};
    struct temp_dir *dir = *state;
    uint64_t last_id;
    bool known = true;

    write_history(dir, "{\"id\":1,\"file\":\"\"}\n");
    assert_int_equal(history_note_file(dir->fd, &none), 0);
    assert_int_equal(history_look(dir->fd, &none, &last_id, &known), 0);
    assert_false(known);
}

static void test_garbage(void **state)
{
    static const char *const lines[] = {
        "",
        "no JSON at all",
        "{",
        "}",
        "null",
        "[1,2,3]",
        "12",
        "\"id\"",
        "{}",
        "{\"id\":null,\"file\":null}",
        "{\"id\":-5,\"file\":-5}",
        "{\"id\":\"x\",\"file\":[]}",
        "{\"id\":{},\"file\":{}}",
        "{\"id\":[],\"file\":true}",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
        "\xff\xfe\x01",
    };
    struct temp_dir *dir = *state;
    char text[128];

    for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
        snprintf(text, sizeof(text), "%s\n{\"id\":5,\"file\":\"" FILE_TEXT "\"}\n%s\n", lines[i],
                 lines[i]);
        write_history(dir, text);
        assert_look(dir, 5, true);
        snprintf(text, sizeof(text), "%s\n{\"id\":5,\"file\":\"\"}\n%s", lines[i], lines[i]);
        write_history(dir, text);
        assert_look(dir, 5, false);
    }
}

/* Zeros are what some file systems leave in a file after a power cut. */
static void test_zeros(void **state)
{
    static const char text[] = "{\"id\":3}\n\0\0\0\0\0\n{\"id\":4,\"file\":\"" FILE_TEXT "\"}\n";
    struct temp_dir *dir = *state;

    temp_dir_write(dir, "history.jsonl", text, sizeof(text) - 1);
    assert_look(dir, 4, true);
}

static void test_too_large(void **state)
{
    struct temp_dir *dir = *state;
    uint64_t last_id = 99;
    bool known = true;

    write_history(dir, "{\"id\":3}\n");
    _cleanup_fd_ int fd = openat(dir->fd, "history.jsonl", O_WRONLY);
    assert_int_equal(ftruncate(fd, INT64_C(1) << 40), 0);
    assert_int_equal(history_look(dir->fd, &file, &last_id, &known), -EFBIG);
    assert_int_equal(history_append(dir->fd, "{\"id\":4}"), -EFBIG);
    assert_true(last_id == 99 && known);
}

/* ---- Results --------------------------------------------------------------------------------- */

static void assert_result(const struct temp_dir *dir, uint64_t id, const char *expected)
{
    char result[HISTORY_RESULT_MAX] = "untouched";

    assert_int_equal(history_result(dir->fd, id, result), 0);
    assert_string_equal(result, expected);
}

static void test_result(void **state)
{
    static const char text[] = "{\"id\":1,\"result\":\"failed\"}\n"
                               "{\"id\":2,\"result\":null}\n"
                               "{\"id\":3,\"result\":5}\n"
                               "{\"id\":null,\"result\":\"x\"}\n"
                               "{\"id\":4}\n\0\0\n"
                               "{\"id\":5,\"result\":\"much too long for a result\"}\n"
                               "{\"id\":6,\"result\":\"programmed\"}\n";
    struct temp_dir *dir = *state;

    assert_result(dir, 1, "");
    temp_dir_write(dir, "history.jsonl", text, sizeof(text) - 1);
    assert_result(dir, 1, "failed");
    assert_result(dir, 2, "");
    assert_result(dir, 3, "");
    assert_result(dir, 4, "");
    assert_result(dir, 5, "much too long f");
    assert_result(dir, 6, "programmed");
    assert_result(dir, 7, "");
}

/* ---- The note -------------------------------------------------------------------------------- */

static void test_note(void **state)
{
    struct temp_dir *dir = *state;
    struct file_key later = file;

    write_history(dir, "{\"id\":1,\"file\":\"1:2:3:4\"}\n");
    assert_int_equal(history_note_file(dir->fd, &file), 0);
    assert_look(dir, 1, true);
    later.changed_nsec++;
    assert_int_equal(history_note_file(dir->fd, &later), 0);
    assert_look(dir, 1, false);
    assert_history(dir, "{\"id\":1,\"file\":\"1:2:3:4\"}\n");
    assert_int_equal(count_entries(dir->path), 2);
}

static void test_no_state_dir(void **state)
{
    uint64_t last_id;
    bool known;
    (void)state;

    char result[HISTORY_RESULT_MAX] = "untouched";

    assert_int_equal(history_result(-EBADF, 1, result), -EBADF);
    assert_string_equal(result, "untouched");
    assert_int_equal(history_append(-EBADF, "{}"), -EBADF);
    char *tail = NULL;
    assert_int_equal(history_tail(-EBADF, 1, &tail), -EBADF);
    assert_null(tail);
    assert_int_equal(history_note_file(-EBADF, &file), -EBADF);
    assert_int_equal(history_look(-EBADF, &file, &last_id, &known), -EBADF);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_append),
        TEST(test_bound),
        TEST(test_half_line),
        TEST(test_link),
        TEST(test_fifo),
        TEST(test_fifo),
        TEST(test_tail),
        TEST(test_missing),
        TEST(test_last_id),
        TEST(test_known),
        TEST(test_no_file_is_unknown),
        TEST(test_garbage),
        TEST(test_zeros),
        TEST(test_too_large),
        TEST(test_result),
        TEST(test_note),
        TEST(test_no_state_dir),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
