/* A job's progress: JSON in, text out. */
#include "cli/progress.h"

#include "json_of.h"

#define JOB "'id':3,'elapsed_ms':400,'bytes':319852,'sha256':'d3'"

static struct progress view_of(const char *text)
{
    _cleanup_(json_putp) struct json_object *object = json_of(text);

    return progress_read(object);
}

static const char *line_of(const char *text)
{
    static char linePROGRESS_TEXT_MAX];
    struct progress progress = view_of(text);

    return progress_format_line(&progress, line);
}

static const char *bar_of(const char *text, unsigned columns, bool colour, bool utf8)
{
    static char linePROGRESS_TEXT_MAX];
    const struct screen screen = {columns, colour, utf8};
    struct progress progress = view_of(text);

    return progress_format_bar(&progress, &screen, line);
}

/* ---- What is told ------------------------------------------------------------------------------
 */

static void check_view(const char *job, const char *status, const char *entries,
                       const char *expected)
{
    _cleanup_(json_putp) struct json_object *j = json_of(job);
    _cleanup_(json_putp) struct json_object *s = json_of(status);
    _cleanup_(json_putp) struct json_object *e = json_of(entries);
    _cleanup_(json_putp) struct json_object *wanted = json_of(expected);
    _cleanup_(json_putp) struct json_object *view = progress_view(j, s, e);

    if (!json_object_equal(view, wanted))
        fail_msg("%s", json_object_to_json_string(view));
}

static void test_view(_unused_ void **state)
{
    /* Stage and progress are of the job that is being programmed, and of no other. */
    const char *status = "{'stage':'write','progress':40}";

    check_view("{" JOB ",'state':'programming'}", status, "]",
               "{" JOB ",'state':'programming','stage':'write','progress':40}");
    check_view("{" JOB ",'state':'waiting'}", status, "]",
               "{" JOB ",'state':'waiting','stage':'','progress':0}");
}

static void test_view_with_estimate(_unused_ void **state)
{
    const char *entries = "{'result':'programmed','duration_ms':1500}]";

    check_view("{" JOB ",'state':'checking'}", "{}", entries,
               "{" JOB ",'state':'checking','stage':'','progress':0,'left_ms':1100}");
    /* Nobody knows how long it waits, nor what is left when it takes longer than ever. */
    check_view("{" JOB ",'state':'waiting'}", "{}", entries,
               "{" JOB ",'state':'waiting','stage':'','progress':0}");
    check_view("{'id':3,'elapsed_ms':1500,'state':'checking'}", "{}", entries,
               "{'id':3,'elapsed_ms':1500,'state':'checking','stage':'','progress':0}");
}

static void check_estimate(const char *entries, const char *sha256, uint64_t expected)
{
    _cleanup_(json_putp) struct json_object *object = json_of(entries);

    assert_int_equal(progress_estimate_ms(object, sha256), expected);
}

#define RUN(digest, msec) "{'result':'programmed','sha256':'" digest "','duration_ms':" #msec "}"

static void test_estimate(_unused_ void **state)
{
    check_estimate("]", "aa", UINT64_MAX);
    /* The same sketch counts, the newest run of it. */
    check_estimate("" RUN("aa", 1) "," RUN("aa", 2) "," RUN("bb", 3) "]", "aa", 2);
    check_estimate("" RUN("", 7) "," RUN("bb", 9) "]", "", 9);
    /* Else the median of the last five: neither the first, long ago, nor one that hung. */
    check_estimate("" RUN("a", 90) "," RUN("b", 5) "," RUN("c", 4) "," RUN("d", 9000) "," RUN(
                       "e", 6) "," RUN("f", 1) "]",
                   "x", 5);
    /* What was not programmed says nothing. */
    check_estimate("{'result':'failed','sha256':'aa','duration_ms':8}]", "aa", UINT64_MAX);
}

/* ---- What is read ------------------------------------------------------------------------------
 */

static void test_read_rubbish(_unused_ void **state)
{
    struct progress progress =
        view_of("{'id':'x','state':'\\u001b2J','stage':7,'progress':4711,'bytes':-1}");

    assert_int_equal(progress.id, 0);
    assert_string_equal(progress.state, "");
    assert_string_equal(progress.stage, "");
    assert_int_equal(progress.percent, 100);
    progress = view_of("{'state':'a-word-that-is-longer-than-any-of-ours'}");
    assert_int_equal(strlen(progress.state), PROGRESS_WORD_MAX - 1);
}

static void check_news(const char *before, const char *now, bool expected)
{
    struct progress a = view_of(before), b = view_of(now);

    assert_int_equal(progress_is_news(&a, &b), expected);
}

static void test_news(_unused_ void **state)
{
    const char *before = "{'id':3,'state':'programming','stage':'write','progress':41}";

    check_news(before, before, false);
    check_news(before, "{'id':3,'state':'programming','stage':'write','progress':49}", false);
    check_news(before, "{'id':3,'state':'programming','stage':'write','progress':50}", true);
    check_news(before, "{'id':3,'state':'programming','stage':'verify','progress':41}", true);
    check_news(before, "{'id':3,'state':'waiting','stage':'write','progress':41}", true);
    check_news(before, "{'id':4,'state':'programming','stage':'write','progress':41}", true);
}

/* ---- What is shown -----------------------------------------------------------------------------
 */

#define WRITING                                                                   \
    "{'id':3,'state':'programming','stage':'write','progress':40,'bytes':319852," \
    "'image_bytes':500000,'sectors':4,'bytes_done':160000,'bytes_total':400000,'left_ms':1001}"

static void test_line(_unused_ void **state)
{
    assert_string_equal(line_of("{'id':3,'state':'receiving'}"), "Job 3: receiving");
    assert_string_equal(line_of("{'id':3,'state':'waiting','image_bytes':952,'sectors':1}"),
                        "Job 3: waiting for its turn, 952 bytes, 1 sector");
    assert_string_equal(line_of("{'id':3,'state':'programming','stage':'','left_ms':0}"),
                        "Job 3: programming, about 0 s left");
    assert_string_equal(line_of(WRITING),
                        "Job 3: write, 40% of 390 KiB, 4 sectors, about 2 s left");
}

static void test_bar(_unused_ void **state)
{
    assert_string_equal(
        bar_of(WRITING, 80, false, false),
        "Job 3: write   ######..........]  40%, 156/390 KiB, 4 sectors, about 2 s left");
    assert_string_equal(
        bar_of("{'id':3,'state':'programming','stage':'','image_bytes':952,'sectors':1}", 80, false,
               false),
        "Job 3: prepare ................]   0%, 952 bytes, 1 sector");
    assert_string_equal(bar_of("{'id':3,'state':'checking'}", 80, true, true), "Job 3: checking");
}

static void test_bar_in_utf8(_unused_ void **state)
{
    /* 33 % of 16 characters are 5 and 2 eighths, and something. */
    assert_string_equal(
        bar_of("{'id':3,'state':'programming','stage':'write','progress':33}", 80, false, true),
        "Job 3: write   █████▎          ]  33%");
    assert_string_equal(
        bar_of("{'id':3,'state':'programming','stage':'write','progress':100}", 80, true, true),
        "Job 3: write   \033[32m████████████████\033[0m] 100%");
}

static void test_bar_by_screen(_unused_ void **state)
{
    for (unsigned columns = 1; columns < 300; columns++)
        assert_true(strlen(bar_of(WRITING, columns, false, false)) < columns);
    assert_string_equal(
        bar_of(WRITING, 300, false, false),
        "Job 3: write   ################........................]  40%, 156/390 KiB, "
        "4 sectors, about 2 s left");
    assert_string_equal(bar_of(WRITING, 60, false, false),
                        "Job 3: write   ####........]  40%, 156/390 KiB, 4 sectors,");
    assert_string_equal(bar_of(WRITING, 40, false, false), "Job 3: write   ####......]  40%, 156/");
    assert_string_equal(bar_of(WRITING, 38, false, false), "Job 3: write, 40% of 390 KiB, 4 secto");
    assert_string_equal(bar_of("{'id':3,'state':'receiving'}", 12, false, false), "Job 3: rece");
}

/* No numbers of a service, however wrong, are too long for the room that there is. */
static void test_largest_numbers(_unused_ void **state)
{
    const char *large = "{'id':18446744073709551615,'state':'programming','stage':'write',"
                        "'progress':100,'image_bytes':18446744073709551615,"
                        "'sectors':18446744073709551615,'bytes_done':18446744073709551615,"
                        "'bytes_total':18446744073709551615,'left_ms':18446744073709551614}";

    assert_true(strlen(line_of(large)) < PROGRESS_TEXT_MAX);
    assert_true(strlen(bar_of(large, 1000, true, true)) < PROGRESS_TEXT_MAX);
}

int main(void)
{
    const struct CMUnitTest tests] = {
        cmocka_unit_test(test_view),          cmocka_unit_test(test_view_with_estimate),
        cmocka_unit_test(test_estimate),      cmocka_unit_test(test_read_rubbish),
        cmocka_unit_test(test_news),          cmocka_unit_test(test_line),
        cmocka_unit_test(test_bar),           cmocka_unit_test(test_bar_in_utf8),
        cmocka_unit_test(test_bar_by_screen), cmocka_unit_test(test_largest_numbers),
    };

    return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
