/* Waiting for a file that can be read one day, or never. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "job/health.h"
#include "tests/unit/io/loop.h"
#include "tests/unit/util/temp_dir.h"

enum {
    SECOND = 1000000,
};

struct fixture {
    unsigned fds;
    struct temp_dir dir;
    sd_event *event;
    struct health *health;
    char path[64];
    bool ended, healthy;
};

static int set_up(void **state)
{
    static struct fixture f;

    f = (struct fixture){.fds = count_fds()};
    f.dir = temp_dir_make();
    f.event = loop_make();
    snprintf(f.path, sizeof(f.path), "%s/health", f.dir.path);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    health_free(f->health);
    sd_event_unref(f->event);
    temp_dir_remove(&f->dir);
    return count_fds() == f->fds ? 0 : -1;
}

static void on_health(bool healthy, void *userdata)
{
    struct fixture *f = userdata;

    assert_false(f->ended);
    f->ended = true;
    f->healthy = healthy;
    f->health = health_free(f->health);
}

static void await(struct fixture *f, uint64_t timeout_usec, bool healthy)
{
    f->ended = false;
    assert_int_equal(health_new(f->event, f->path, timeout_usec, on_health, f, &f->health), 0);
    assert_false(f->ended);
    assert_true(loop_until(f->event, &f->ended));
    assert_int_equal(f->healthy, healthy);
}

/* A file that is there is seen at the first look, even if there is time for no other. */
static void test_there(void **state)
{
    struct fixture *f = *state;

    temp_dir_write(&f->dir, "health", "1", 1);
    await(f, 0, true);
}

static void test_never(void **state)
{
    await(*state, 0, false);
    await(*state, SECOND / 5, false);
}

/* What cannot be read to a first byte is no sign of life: empty, a folder, a FIFO. */
static void test_unreadable(void **state)
{
    struct fixture *f = *state;

    temp_dir_write(&f->dir, "health", "", 0);
    await(f, 0, false);
    assert_int_equal(unlinkat(f->dir.fd, "health", 0), 0);
    assert_int_equal(mkdirat(f->dir.fd, "health", 0755), 0);
    await(f, 0, false);
    assert_int_equal(unlinkat(f->dir.fd, "health", AT_REMOVEDIR), 0);
    assert_int_equal(mkfifoat(f->dir.fd, "health", 0644), 0);
    await(f, 0, false);
}

static int come_to_life(sd_event_source *source, uint64_t usec, void *userdata)
{
    struct fixture *f = userdata;

    (void)source;
    (void)usec;
    temp_dir_write(&f->dir, "health", "1", 1);
    return 0;
}

static void test_comes_back(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(
        sd_event_add_time_relative(f->event, NULL, CLOCK_MONOTONIC, SECOND / 5, 0, come_to_life, f),
        0);
    await(f, 60 * (uint64_t)SECOND, true);
}

static void test_free_waiting(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(health_new(f->event, f->path, SECOND / 10, on_health, f, &f->health), 0);
    loop_drain(f->event);
    f->health = health_free(f->health);
    loop_for(f->event, 0.3);
    assert_false(f->ended);
    assert_null(health_free(NULL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_there),      TEST(test_never),        TEST(test_unreadable),
        TEST(test_comes_back), TEST(test_free_waiting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
