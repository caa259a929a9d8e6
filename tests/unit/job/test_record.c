/* What is on disk after each step of a programming, and what is said where the disk refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <syslog.h>

#include "job/record.h"
#include "tests/unit/io/stored.h"

static const char file_before[FILE_KEY_TEXT_MAX] = "1:2:3:4";
static const char file_now[FILE_KEY_TEXT_MAX] = "1:2:3:5";

static char said[1024];

static void on_line(int priority, const char *line, _unused_ void *userdata)
{
    assert_int_equal(priority, LOG_WARNING);
    snprintf(said, sizeof(said), "%s", line);
}

/* Of a programming of an image that is full of `fill`s. */
static struct record make_record(const struct fixture *f, char fill)
{
    struct store_image image = make_image(fill);
    struct record record = {
        .state_dir = f->dir.fd,
        .flash_size = MAX,
        .intent = {.job_id = (uint64_t)fill, .slot = STORE_PENDING},
        .on_line = on_line,
    };

    memcpy(record.intent.image_sha256, image.image_sha256, SKETCH_DIGEST_HEX);
    store_image_clear(&image);
    *said = '\0';
    return record;
}

static void keep(struct record *record, char fill)
{
    struct store_image image = make_image(fill);

    record_keep(record, &image);
    store_image_clear(&image);
}

static void promote(struct record *record, char fill)
{
    struct store_image image = make_image(fill);

    record_promote(record, &image);
    store_image_clear(&image);
}

static void assert_on_disk(const struct fixture *f, const struct store_intent *expected)
{
    struct store_intent intent;

    assert_int_equal(store_load_intent(f->dir.fd, &intent), STORE_FOUND);
    assert_true(intent.job_id == expected->job_id);
    assert_int_equal(intent.slot, expected->slot);
    assert_string_equal(intent.image_sha256, expected->image_sha256);
    assert_int_equal(intent.attempts, expected->attempts);
    assert_string_equal(intent.file, expected->file);
}

static void assert_forgotten(const struct fixture *f)
{
    assert_int_equal(store_has_intent(f->dir.fd), 0);
}

static void test_kept_once(void **state)
{
    const struct fixture *f = *state;
    struct record record = make_record(f, 'b');

    save(f, STORE_INSTALLED, 'a');
    keep(&record, 'b');
    keep(&record, 'c');
    assert_true(record.durable);
    assert_string_equal(slots(f), "a-b");
    assert_on_disk(f, &record.intent);
    assert_string_equal(said, "");
}

static void test_promoted(void **state)
{
    const struct fixture *f = *state;
    struct record record = make_record(f, 'b');

    save(f, STORE_INSTALLED, 'a');
    keep(&record, 'b');
    promote(&record, 'b');
    assert_string_equal(slots(f), "ba-");
    assert_forgotten(f);
}

static void test_promoted_late(void **state)
{
    const struct fixture *f = *state;
    struct record record = make_record(f, 'b');

    save(f, STORE_INSTALLED, 'a');
    record.state_dir = -EBADF;
    keep(&record, 'b');
    assert_non_null(strstr(said, "is not protected against a power cut"));
    assert_false(record.durable);
    record.state_dir = f->dir.fd; /* it takes something again */
    promote(&record, 'b');
    assert_string_equal(slots(f), "ba-");
    assert_forgotten(f);
}

static void test_file_is_noted(void **state)
{
    const struct fixture *f = *state;
    struct record record = make_record(f, 'b');

    record_note_file(&record, file_before);
    assert_forgotten(f); /* nothing is on disk before the image is */
    keep(&record, 'b');
    assert_on_disk(f, &record.intent);
    record_note_file(&record, file_now);
    assert_string_equal(record.intent.file, file_now);
    assert_on_disk(f, &record.intent);
}

static void test_way_back(void **state)
{
    const struct fixture *f = *state;
    struct record record = make_record(f, 'b');
    struct store_image installed;

    save(f, STORE_INSTALLED, 'a');
    keep(&record, 'b');
    record_count_attempt(&record);
    assert_int_equal(record.intent.attempts, 1);
    assert_on_disk(f, &record.intent);

    assert_true(record_load_installed(&record, &installed));
    record_turn_back(&record, &installed);
    assert_int_equal(record.intent.slot, STORE_INSTALLED);
    assert_int_equal(record.intent.attempts, 0);
    assert_string_equal(record.intent.image_sha256, installed.image_sha256);
    assert_on_disk(f, &record.intent);
    store_image_clear(&installed);

    record_forget(&record);
    assert_string_equal(slots(f), "a--");
    assert_forgotten(f);
}

static void test_earlier_failure_stays(void **state)
{
    const struct fixture *f = *state;
    struct record first = make_record(f, 'b'), second = make_record(f, 'c');

    keep(&first, 'b');
    record_give_up(&first);
    assert_int_equal(first.intent.attempts, RECORD_GIVEN_UP);
    record_look_back(&second);
    keep(&second, 'c');
    assert_on_disk(f, &second.intent);
    record_leave_as_before(&second);
    assert_on_disk(f, &first.intent);
    assert_string_equal(slots(f), "---");
}

static void test_nothing_earlier(void **state)
{
    const struct fixture *f = *state;
    struct record record = make_record(f, 'b');

    save(f, STORE_INSTALLED, 'a');
    record_look_back(&record);
    keep(&record, 'b');
    record_leave_as_before(&record);
    assert_string_equal(slots(f), "a--");
    assert_forgotten(f);
}

static void test_installed(void **state)
{
    const struct fixture *f = *state;
    struct record record = make_record(f, 'b');
    struct store_image a = make_image('a'), b = make_image('b');

    assert_false(record_is_installed(&record, &a));
    save(f, STORE_INSTALLED, 'a');
    assert_true(record_is_installed(&record, &a));
    assert_false(record_is_installed(&record, &b));
    a.image_size--;
    assert_false(record_is_installed(&record, &a));
    assert_string_equal(said, "");
    store_image_clear(&a);
    store_image_clear(&b);
}

static void test_damaged_is_not_installed(void **state)
{
    const struct fixture *f = *state;
    struct record record = make_record(f, 'b');
    struct store_image image;

    save(f, STORE_INSTALLED, 'a');
    record.flash_size = SIZE - 1; /* it is no image for this chip */
    assert_false(record_load_installed(&record, &image));
    assert_non_null(strstr(said, "damaged and not trusted"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kept_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_promoted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_promoted_late, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file_is_noted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_way_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_earlier_failure_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_earlier, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_installed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damaged_is_not_installed, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
