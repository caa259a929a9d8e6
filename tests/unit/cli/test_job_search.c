/* Which job is waited for: what the service tells, look by look. */
#include "cli/job_search.h"

#include "json_of.h"

/* Looks, and checks what is found, and whose it is (0: nobody's). */
static void look(struct search *search, const char *jobs, const char *entries,
                 enum search_find expected, uint64_t id)
{
    _cleanup_(json_putp) struct json_object *j = json_of(jobs);
    _cleanup_(json_putp) struct json_object *e = json_of(entries);
    struct json_object *found = NULL;

    enum search_find find = search_look(search, j, e, &found);
    if (find != expected)
        fail_msg("found %d, not %d: %s %s", find, expected, jobs, entries);
    if (find == SEARCH_RUNNING || find == SEARCH_ENDED)
        assert_int_equal(json_number(found, "id"), id);
}

#define MINE(number)  "{'id':" #number ",'sha256':'aa'}"
#define OTHER(number) "{'id':" #number ",'sha256':'bb'}"
#define BLANK(number) "{'id':" #number ",'sha256':''}"

static void test_ended_before(_unused_ void **state)
{
    struct search search = {.sha256 = "aa"};

    look(&search, "[]", "[" OTHER(1) "," MINE(2) "," OTHER(3) "]", SEARCH_ENDED, 2);
}

static void test_to_come(_unused_ void **state)
{
    struct search search = {.sha256 = "aa"};

    look(&search, "[]", "[]", SEARCH_NOTHING, 0);
    look(&search, "[" BLANK(1) "]", "[]", SEARCH_NOTHING, 0);
    look(&search, "[" MINE(1) "]", "[]", SEARCH_RUNNING, 1);
    look(&search, "[]", "[" MINE(1) "]", SEARCH_ENDED, 1);
}

/* Over before the next look. */
static void test_to_come_and_gone(_unused_ void **state)
{
    struct search search = {.sha256 = "aa"};

    look(&search, "[]", "[" OTHER(1) "]", SEARCH_NOTHING, 0);
    look(&search, "[" MINE(4) "," OTHER(3) "]", "[" OTHER(1) "," MINE(2) "," MINE(5) "]",
         SEARCH_ENDED, 2);
}

static void test_newest_of_several(_unused_ void **state)
{
    struct search ended = {.sha256 = "aa"}, running = {.sha256 = "aa"};

    look(&ended, "[]", "[" MINE(1) "," MINE(3) "," MINE(2) "]", SEARCH_ENDED, 3);
    look(&running, "[" MINE(4) "]", "[" MINE(1) "," MINE(3) "]", SEARCH_RUNNING, 4);
}

/* The same sketch once more, later, is not what was waited for. */
static void test_later_one_of_the_same(_unused_ void **state)
{
    struct search search = {.sha256 = "aa"};

    look(&search, "[" MINE(1) "]", "[]", SEARCH_RUNNING, 1);
    look(&search, "[" MINE(1) "," MINE(2) "]", "[]", SEARCH_RUNNING, 1);
    look(&search, "[" MINE(2) "]", "[" MINE(1) "]", SEARCH_ENDED, 1);
}

/* One that is being read may be the one. */
static void test_unknown_at_the_first_look(_unused_ void **state)
{
    struct search mine = {.sha256 = "aa"}, other = {.sha256 = "aa"}, never = {.sha256 = "aa"};

    look(&mine, "[" BLANK(2) "]", "[" MINE(1) "]", SEARCH_NOTHING, 0);
    look(&mine, "[" MINE(2) "]", "[" MINE(1) "]", SEARCH_RUNNING, 2);
    look(&other, "[" BLANK(2) "]", "[" MINE(1) "]", SEARCH_NOTHING, 0);
    look(&other, "[" OTHER(2) "]", "[" MINE(1) "]", SEARCH_ENDED, 1);
    look(&never, "[" BLANK(2) "]", "[" MINE(1) "]", SEARCH_NOTHING, 0);
    look(&never, "[]", "[" MINE(1) "," BLANK(2) "]", SEARCH_ENDED, 1);
}

/* A stream of others' uploads does not keep the answer back. */
static void test_unknown_that_came_later(_unused_ void **state)
{
    struct search search = {.sha256 = "aa"};

    look(&search, "[" BLANK(2) "]", "[" MINE(1) "]", SEARCH_NOTHING, 0);
    look(&search, "[" BLANK(3) "]", "[" MINE(1) "," OTHER(2) "]", SEARCH_ENDED, 1);
}

/* Jobs were asked for first: what has ended since is in both. */
static void test_in_both(_unused_ void **state)
{
    struct search search = {.sha256 = "aa"};

    look(&search, "[" BLANK(2) "]", "[" MINE(1) "," OTHER(2) "]", SEARCH_ENDED, 1);
}

static void test_by_number(_unused_ void **state)
{
    struct search search = {.sha256 = "aa", .id = 2, .by_id = true};

    look(&search, "[" MINE(1) "," BLANK(2) "," MINE(3) "]", "[]", SEARCH_RUNNING, 2);
    look(&search, "[" MINE(3) "]", "[" MINE(1) "," MINE(2) "]", SEARCH_ENDED, 2);
}

static void test_by_number_lost(_unused_ void **state)
{
    struct search gone = {.sha256 = "aa", .id = 2, .by_id = true};
    struct search reused = {.sha256 = "aa", .id = 2, .by_id = true};

    look(&gone, "[" MINE(2) "]", "[]", SEARCH_RUNNING, 2);
    look(&gone, "[]", "[" MINE(1) "]", SEARCH_LOST, 0);
    look(&reused, "[" OTHER(2) "]", "[]", SEARCH_LOST, 0);
    look(&reused, "[]", "[" OTHER(2) "]", SEARCH_LOST, 0);
}

/* After a restart the inbox is read anew, maybe under another number. */
static void test_restart(_unused_ void **state)
{
    struct search search = {.sha256 = "aa"};

    look(&search, "[" MINE(2) "]", "[]", SEARCH_RUNNING, 2);
    look(&search, "[]", "[]", SEARCH_NOTHING, 0);
    look(&search, "[" OTHER(2) "]", "[]", SEARCH_NOTHING, 0);
    look(&search, "[" MINE(3) "]", "[" OTHER(2) "]", SEARCH_RUNNING, 3);
}

/* The rest of an interrupted programming may be the sketch before: it is this job's all the same.
 */
static void test_recovery(_unused_ void **state)
{
    struct search search = {.sha256 = "aa"};

    look(&search, "[" MINE(2) "]", "[]", SEARCH_RUNNING, 2);
    look(&search, "[{'id':2,'sha256':'bb','kind':'recovery'}]", "[]", SEARCH_RUNNING, 2);
    look(&search, "[]", "[{'id':2,'sha256':'bb','result':'recovered'}]", SEARCH_ENDED, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ended_before),
        cmocka_unit_test(test_to_come),
        cmocka_unit_test(test_to_come_and_gone),
        cmocka_unit_test(test_newest_of_several),
        cmocka_unit_test(test_later_one_of_the_same),
        cmocka_unit_test(test_unknown_at_the_first_look),
        cmocka_unit_test(test_unknown_that_came_later),
        cmocka_unit_test(test_in_both),
        cmocka_unit_test(test_by_number),
        cmocka_unit_test(test_by_number_lost),
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_recovery),
    };

    return cmocka_run_group_tests_name("job search", tests, NULL, NULL);
}
