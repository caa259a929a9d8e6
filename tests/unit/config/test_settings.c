/* Defaults, each key's good and bad values, and that what is refused changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "build-config.h"
#include "config/settings.h"
#include "heard.h"

static struct settings *fresh(void)
{
    struct settings *settings = NULL;

    assert_int_equal(settings_new(&settings), 0);
    return settings;
}

static const char *parse(struct settings *settings, const char *text, struct heard *heard)
{
    memset(heard, 0, sizeof(*heard));
    assert_int_equal(settings_parse(settings, text, strlen(text), "test", hear, heard), 0);
    return heard->text;
}

static void assert_defaults(const struct settings *settings)
{
    assert_string_equal(settings->inbox_directory, "/tmp/arduino");
    assert_string_equal(settings->inbox_file_name, "m4-user-sketch.elf");
    assert_int_equal(settings->inbox_max_size, 64 << 20);
    assert_true(settings->inbox_owners.anyone);
    assert_false(settings->require_signature);
    assert_string_equal(settings->keys_directory, "/etc/m4flash/keys.d");
    assert_string_equal(settings->openocd_program, "/usr/bin/openocd");
    assert_null(settings->openocd_config);
    assert_int_equal(settings->openocd_timeout_usec, 120000000);
    assert_string_equal(settings->board_name, DEFAULT_BOARD);
    assert_null(settings->health_file);
    assert_int_equal(settings->health_timeout_usec, 5000000);
    assert_string_equal(settings->default_sketch, "");
    assert_true(settings->restore_on_failure);
    assert_int_equal(settings->programmings_per_minute, 6);
    assert_int_equal(settings->programmings_per_day, 200);
    assert_string_equal(settings->hooks_pre_directory, "/etc/m4flash/pre.d");
    assert_string_equal(settings->hooks_post_directory, "/etc/m4flash/post.d");
    assert_int_equal(settings->hooks_timeout_usec, 30000000);
}

static void test_defaults(void **state)
{
    _cleanup_(settings_freep) struct settings *settings = fresh();
    (void)state;

    assert_defaults(settings);
    assert_null(settings_free(NULL));
}

static void test_every_key(void **state)
{
    _cleanup_(settings_freep) struct settings *settings = fresh();
    struct heard heard;
    (void)state;

    assert_string_equal(parse(settings,
                              "[Inbox]\nDirectory=/in\nFileName=a b.elf\nMaxSize=1K\n"
                              "[OpenOCD]\nProgram=/o\nConfig=/c\nTimeoutSec=2min 30s\n"
                              "[Board]\nName=other\nHealthFile=/h\nHealthTimeoutSec=1\n"
                              "[Sketch]\nDefaultSketch=/s\nRestoreOnFailure=no\n"
                              "[Limits]\nProgrammingsPerMinute=0\nProgrammingsPerDay=1000\n"
                              "[Hooks]\nPreDirectory=/b\nPostDirectory=/a\nTimeoutSec=2\n",
                              &heard),
                        "");
    assert_string_equal(settings->inbox_directory, "/in");
    assert_string_equal(settings->inbox_file_name, "a b.elf");
    assert_int_equal(settings->inbox_max_size, 1024);
    assert_string_equal(settings->openocd_program, "/o");
    assert_string_equal(settings->openocd_config, "/c");
    assert_int_equal(settings->openocd_timeout_usec, 150000000);
    assert_string_equal(settings->board_name, "other");
    assert_string_equal(settings->health_file, "/h");
    assert_int_equal(settings->health_timeout_usec, 1000000);
    assert_string_equal(settings->default_sketch, "/s");
    assert_false(settings->restore_on_failure);
    assert_int_equal(settings->programmings_per_minute, 0);
    assert_int_equal(settings->programmings_per_day, 1000);
    assert_string_equal(settings->hooks_pre_directory, "/b");
    assert_string_equal(settings->hooks_post_directory, "/a");
    assert_int_equal(settings->hooks_timeout_usec, 2000000);
}

static void test_later_wins_and_empty_undoes(void **state)
{
    _cleanup_(settings_freep) struct settings *settings = fresh();
    struct heard heard;
    (void)state;

    parse(settings,
          "[Inbox]\nDirectory=/a\nDirectory=/b\nMaxSize=1\n[OpenOCD]\nConfig=/c\n"
          "[Sketch]\nDefaultSketch=/s\nRestoreOnFailure=no\n[Hooks]\nPreDirectory=/c\n",
          &heard);
    assert_string_equal(settings->inbox_directory, "/b");
    assert_string_equal(parse(settings,
                              "[Inbox]\nDirectory=\nMaxSize=\n[OpenOCD]\nConfig=\n"
                              "[Board]\nName=\nHealthFile=\n"
                              "[Sketch]\nDefaultSketch=\nRestoreOnFailure=\n"
                              "[Hooks]\nPreDirectory=\n",
                              &heard),
                        "");
    assert_string_equal(settings->inbox_directory, "/tmp/arduino");
    assert_int_equal(settings->inbox_max_size, 64 << 20);
    assert_string_equal(settings->openocd_config, "");
    assert_string_equal(settings->health_file, "");
    assert_string_equal(settings->default_sketch, "");
    assert_true(settings->restore_on_failure);
    assert_string_equal(settings->hooks_pre_directory, "/etc/m4flash/pre.d");
    assert_string_equal(settings->board_name, DEFAULT_BOARD);
}

/* A complaint for line 2 that says what would be right, and not a setting changed. */
static void test_refused(void **state)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"[Inbox]\nDirectory=in", "an absolute path"},
        {"[Inbox]\nFileName=a/b", "without a '/'"},
        {"[Inbox]\nFileName=..", "without a '/'"},
        {"[Inbox]\nMaxSize=64MB", "such as 64M"},
        {"[Inbox]\nMaxSize=0", "at least 1"},
        {"[OpenOCD]\nProgram=openocd", "an absolute path"},
        {"[OpenOCD]\nConfig=x.cfg", "nothing for none"},
        {"[OpenOCD]\nTimeoutSec=0", "a time"},
        {"[OpenOCD]\nTimeoutSec=soon", "a time"},
        {"[Board]\nName=../x", "absolute path of its profile"},
        {"[Board]\nHealthFile=version", "nothing for none"},
        {"[Sketch]\nDefaultSketch=s.elf", "nothing for none"},
        {"[Sketch]\nRestoreOnFailure=maybe", "yes or no"},
        {"[Limits]\nProgrammingsPerMinute=1001", "at most 1000"},
        {"[Limits]\nProgrammingsPerDay=-1", "0 for no limit"},
        {"[Limits]\nProgrammingsPerDay=4294967296", "0 for no limit"},
        {"[Hooks]\nPreDirectory=pre.d", "an absolute path"},
        {"[Hooks]\nPostDirectory=post.d", "an absolute path"},
        {"[Hooks]\nTimeoutSec=0", "a time"},
        {"[Inbox]\nMaxsize=1", "no key Maxsize="},
        {"[Inbox]\nProgram=/o", "[Inbox] has no key Program="},
        {"\nMaxSize=1", "before the first [Section]"},
        {"\n[inbox]\nMaxSize=1", "no section [inbox]"},
        {"\n[Other]\nMaxSize=1", "no section [Other]"},
    };
    (void)state;

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        _cleanup_(settings_freep) struct settings *settings = fresh();
        struct heard heard;
        parse(settings, cases[i].text, &heard);
        assert_int_equal(count_lines(heard.text), 1);
        assert_int_equal(strncmp(heard.text, "2: ", 3), 0);
        assert_non_null(strstr(heard.text, cases[i].expected));
        assert_defaults(settings);
    }
}

static int find_user(const char *name, uid_t *ret)
{
    if (strcmp(name, "busy") == 0)
        return -EIO;
    if (strcmp(name, "fio") != 0)
        return -ENOENT;
    *ret = 1000;
    return 0;
}

static void test_owners(void **state)
{
    _cleanup_(settings_freep) struct settings *settings = fresh();
    const struct owners *owners = &settings->inbox_owners;
    struct heard heard;
    (void)state;

    settings->find_user = find_user;
    assert_string_equal(parse(settings, "[Inbox]\nAllowOwners=fio\t 7  8\n", &heard), "");
    assert_false(owners->anyone);
    assert_int_equal(owners->n, 3);
    assert_true(owners_allow(owners, 1000) && owners_allow(owners, 7) && owners_allow(owners, 8));
    /* The last line counts, and not besides the first. */
    parse(settings, "[Inbox]\nAllowOwners=9\n", &heard);
    assert_true(owners->n == 1 && owners_allow(owners, 9));
    parse(settings, "[Inbox]\nAllowOwners=\n", &heard);
    assert_true(owners->anyone);
}

/* One of nobody's name is told of, and lets nobody in; the others count. */
static void test_unknown_owners(void **state)
{
    _cleanup_(settings_freep) struct settings *settings = fresh();
    const struct owners *owners = &settings->inbox_owners;
    struct heard heard;
    (void)state;

    settings->find_user = find_user;
    assert_string_equal(
        parse(settings, "[Inbox]\nAllowOwners=nosuch 7 busy 4294967295\n", &heard),
        "2: [Inbox] AllowOwners=: nosuch is no user's name or number here, so it allows nobody\n"
        "2: [Inbox] AllowOwners=: busy cannot be looked up, so it allows nobody: Input/output "
        "error\n"
        "2: [Inbox] AllowOwners=: 4294967295 is no user's name or number here, so it allows "
        "nobody\n");
    assert_true(!owners->anyone && owners->n == 1 && owners_allow(owners, 7));
    settings->find_user = NULL;
    parse(settings, "[Inbox]\nAllowOwners=fio\n", &heard);
    assert_int_equal(count_lines(heard.text), 1);
    assert_true(!owners->anyone && owners->n == 0);
}

static void test_too_many_owners(void **state)
{
    _cleanup_(settings_freep) struct settings *settings = fresh();
    char text[256] = "[Inbox]\nAllowOwners=";
    struct heard heard;
    (void)state;

    for (int i = 0; i < OWNERS_MAX; i++)
        strcat(text, "1 ");
    strcat(text, "2");
    assert_string_equal(parse(settings, text, &heard),
                        "2: [Inbox] AllowOwners= has more than 64 users: 2 is left out\n");
    assert_int_equal(settings->inbox_owners.n, OWNERS_MAX);
}

/* Whatever becomes of a line that was to say who may upload: it is not everybody. */
static void test_owners_that_are_not_understood(void **state)
{
    static const char *const cases[] = {
        "[Inbox]\nAllowOwners=fio # only he\n",
        "[Inbox]\nAllowOwners: fio\n",
        "[Inbox]\n  AllowOwners fio\n",
        "[Inbox]\nAllowOwners=fio\\\n 7\n",
        "[Inbox]\nAllowOwners=fi\xff\n",
        "[Inbox]\nAllowOwner=fio\n",
        "[Inbox]\nallowowners=fio\n",
        "[Inbox\nAllowOwners=fio\n",
        "[inbox]\nAllowOwners=fio\n",
        "[Limits]\nAllowOwners=fio\n",
        "AllowOwners=fio\n",
    };
    struct heard heard;
    (void)state;

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        _cleanup_(settings_freep) struct settings *settings = fresh();
        settings->find_user = find_user;
        parse(settings, cases[i], &heard);
        if (!strstr(heard.text, "only root's uploads are accepted"))
            fail_msg("nothing is said of: %s", cases[i]);
        if (settings->inbox_owners.anyone || owners_allow(&settings->inbox_owners, 1000) ||
            !owners_allow(&settings->inbox_owners, 0))
            fail_msg("lets others in: %s", cases[i]);
        /* And a list that is understood ends it. */
        parse(settings, "[Inbox]\nAllowOwners=fio\n", &heard);
        assert_true(owners_allow(&settings->inbox_owners, 1000));
    }
}

/* Other mistakes do not, nor does a comment. */
static void test_owners_despite_other_mistakes(void **state)
{
    _cleanup_(settings_freep) struct settings *settings = fresh();
    struct heard heard;
    (void)state;

    parse(settings,
          "[Inbox]\n# AllowOwners=fio\nMaxSize: 1\nOwners=fio\n[inbox]\nall=1\n[Limits\nx\n",
          &heard);
    assert_true(settings->inbox_owners.anyone);
    assert_false(settings->require_signature);
    assert_null(strstr(heard.text, "root"));
}

static void test_owners_behind_a_nul_byte(void **state)
{
    static const char text[] = "[Inbox]\nMaxSize=1M\n\0AllowOwners=fio\n";
    _cleanup_(settings_freep) struct settings *settings = fresh();
    struct heard heard = {.text = ""};
    (void)state;

    assert_int_equal(settings_parse(settings, text, sizeof(text) - 1, "test", hear, &heard), 0);
    assert_true(!settings->inbox_owners.anyone && owners_allow(&settings->inbox_owners, 0));
    assert_true(settings->require_signature);
}

static void test_board_path(void **state)
{
    _cleanup_(settings_freep) struct settings *settings = fresh();
    struct heard heard;
    (void)state;

    assert_string_equal(parse(settings, "[Board]\nName=/etc/own.conf\n", &heard), "");
    assert_string_equal(settings->board_name, "/etc/own.conf");
}

/* What is to keep uploads out does so though nobody can tell what was meant. */
static void test_require_signature(void **state)
{
    static const char *const bad[] = {"maybe", "2", "yes no", "true;", "no!"};
    _cleanup_(settings_freep) struct settings *settings = fresh();
    struct heard heard;
    char text[128];
    (void)state;

    assert_string_equal(parse(settings, "[Inbox]\nRequireSignature=on\nKeysDirectory=/k\n", &heard),
                        "");
    assert_true(settings->require_signature);
    assert_string_equal(settings->keys_directory, "/k");
    for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
        parse(settings, "[Inbox]\nRequireSignature=no\n", &heard);
        assert_false(settings->require_signature);
        snprintf(text, sizeof(text), "[Inbox]\nRequireSignature=%s\n", bad[i]);
        parse(settings, text, &heard);
        assert_true(settings->require_signature);
        snprintf(text, sizeof(text),
                 "2: [Inbox] RequireSignature=%s counts as yes: it must be yes or no\n", bad[i]);
        assert_string_equal(heard.text, text);
    }
    assert_string_equal(parse(settings, "[Inbox]\nRequireSignature=\n", &heard), "");
    assert_false(settings->require_signature);
}

/* Whatever becomes of a line that was to ask for signatures: they are asked for. */
static void test_signature_that_is_not_understood(void **state)
{
    static const char *const cases[] = {
        "[Inbox]\nRequireSignature=yes # always\n",
        "[Inbox]\nRequireSignature: yes\n",
        "[Inbox]\nRequireSignature yes\n",
        "[Inbox]\nRequireSignatures=yes\n",
        "[Inbox]\nrequiresignature=yes\n",
        "[Inbox\nRequireSignature=yes\n",
        "[Signing]\nRequireSignature=yes\n",
        "[Limits]\nRequireSignature=yes\n",
        "RequireSignature=yes\n",
    };
    struct heard heard;
    (void)state;

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        _cleanup_(settings_freep) struct settings *settings = fresh();
        parse(settings, cases[i], &heard);
        if (!settings->require_signature ||
            !strstr(heard.text, "only signed sketches are accepted"))
            fail_msg("nothing comes of: %s", cases[i]);
        assert_true(settings->inbox_owners.anyone);
        parse(settings, "[Inbox]\nRequireSignature=no\n", &heard);
        assert_false(settings->require_signature);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_every_key),
        cmocka_unit_test(test_later_wins_and_empty_undoes),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_owners),
        cmocka_unit_test(test_unknown_owners),
        cmocka_unit_test(test_too_many_owners),
        cmocka_unit_test(test_owners_that_are_not_understood),
        cmocka_unit_test(test_owners_despite_other_mistakes),
        cmocka_unit_test(test_owners_behind_a_nul_byte),
        cmocka_unit_test(test_require_signature),
        cmocka_unit_test(test_signature_that_is_not_understood),
        cmocka_unit_test(test_board_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
