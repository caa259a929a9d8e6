/*
 * A profile is trusted whole or not at all: each test of a refusal changes one line of a profile
 * that is accepted, and looks for the complaint.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "config/board.h"
#include "heard.h"
#include "util/cleanup.h"

static const char good[] = "[Board]\n"
                           "Name=test\n"
                           "Description=Test Board\n"
                           "Compatible=maker,test\n"
                           "HealthFile=/sys/health\n"
                           "OpenOCDConfig=/etc/test.cfg\n"
                           "[Flash]\n"
                           "Start=0x08100000\n"
                           "Size=1M\n"
                           "SectorSize=128K\n"
                           "WordSize=32\n"
                           "[Protected boot]\n"
                           "Start=0x08000000\n"
                           "Size=256K\n"
                           "Hint=Not there.\n"
                           "[Protected firm ware]\n"
                           "Start=0x08040000\n"
                           "Size=768K\n"
                           "Hint=Nor\n"
                           "Hint=there.\n"
                           "[RAM D2 SRAM]\n"
                           "Start=0x10000000\n"
                           "Size=288K\n"
                           "[RAM top]\n"
                           "Start=0xFFFF0000\n"
                           "Size=64K\n"
                           "[Boot]\n"
                           "StackMask=0xFF000000\n"
                           "StackValue=0x10000000\n"
                           "[Core]\n"
                           "Architecture=v7E-M\n"
                           "FPU=single\n";

/* A copy of good in which the first from is replaced, with more behind it all. */
static void edit(char *to, size_t room, const char *from, const char *by, const char *more)
{
    const char *at = strstr(good, from);

    assert_non_null(at);
    int n = snprintf(to, room, "%.*s%s%s%s", (int)(at - good), good, by, at + strlen(from), more);
    assert_true(n > 0 && (size_t)n < room);
}

static void test_accepted(void **state)
{
    struct heard heard = {0};
    struct board board;
    (void)state;

    assert_int_equal(board_parse(good, strlen(good), "test", hear, &heard, &board), 0);
    assert_string_equal(heard.text, "");
    assert_string_equal(board.name, "test");
    assert_string_equal(board.description, "Test Board");
    assert_string_equal(board.compatible, "maker,test");
    assert_string_equal(board.health_file, "/sys/health");
    assert_string_equal(board.openocd_config, "/etc/test.cfg");
    assert_int_equal(board.flash.start, 0x08100000);
    assert_int_equal(board.flash.size, 1 << 20);
    assert_int_equal(board.sector_size, 128 << 10);
    assert_int_equal(board.word_size, 32);
    assert_string_equal(board.routine, "");
    assert_int_equal(board.n_protected_flash, 2);
    assert_string_equal(board.protected_flash[1].name, "firm ware");
    assert_string_equal(board.protected_flash[1].hint, "Nor there.");
    assert_int_equal(board.protected_flash[1].start, 0x08040000);
    assert_int_equal(board.n_ram, 2);
    assert_string_equal(board.ram[0].name, "D2 SRAM");
    assert_int_equal(board.ram[1].start, 0xFFFF0000);
    assert_int_equal(board.stack_mask, 0xFF000000);
    assert_int_equal(board.stack_value, 0x10000000);
    assert_int_equal(board.cpu_arch_max, 13);
    assert_int_equal(board.fpu, BOARD_FPU_SINGLE);
}

/* The name of the routine on the chip: any name, for who reads the profile knows none of them. */
static void test_routine(void **state)
{
    struct heard heard = {0};
    struct board board;
    char text[2048];
    (void)state;

    edit(text, sizeof(text), "WordSize=32\n", "WordSize=32\nRoutine=stm32h7\n", "");
    assert_int_equal(board_parse(text, strlen(text), "test", hear, &heard, &board), 0);
    assert_string_equal(heard.text, "");
    assert_string_equal(board.routine, "stm32h7");

    edit(text, sizeof(text), "WordSize=32\n", "WordSize=32\nRoutine=../x\n", "");
    assert_true(board_parse(text, strlen(text), "test", hear, &heard, &board) < 0);
    assert_non_null(strstr(heard.text, "Routine"));
}

static void test_accepted_variants(void **state)
{
    static const struct {
        const char *from, *by;
    } cases[] = {
        {"Compatible=maker,test\n", ""},
        {"HealthFile=/sys/health", "HealthFile="},
        {"OpenOCDConfig=/etc/test.cfg\n", ""},
        {"FPU=single", "FPU=none"},
        {"Architecture=v7E-M", "Architecture=v8.1-M.mainline"},
        {"StackMask=0xFF000000\nStackValue=0x10000000", "StackMask=0\nStackValue=0"},
        {"Size=1M", "Size=0x100000"},
    };
    char text[4096];
    (void)state;

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        struct heard heard = {0};
        struct board board;
        edit(text, sizeof(text), cases[i].from, cases[i].by, "");
        assert_int_equal(board_parse(text, strlen(text), "test", hear, &heard, &board), 0);
        assert_string_equal(heard.text, "");
    }
}

static void assert_refused(const char *text, const char *complaint)
{
    struct heard heard = {0};
    struct board board, before;

    memset(&board, 0x5A, sizeof(board));
    before = board;
    assert_int_equal(board_parse(text, strlen(text), "test", hear, &heard, &board), -EINVAL);
    if (!strstr(heard.text, complaint))
        fail_msg("no \"%s\" in:\n%s", complaint, heard.text);
    assert_memory_equal(&board, &before, sizeof(board));
}

static void test_refused(void **state)
{
    static const struct {
        const char *from, *by, *complaint;
    } cases[] = {
        /* form */
        {"Name=test", "Name=a/b", "2: Name=a/b must be letters"},
        {"Name=test", "Name=", "2: Name= must be letters"},
        {"Name=test\n", "", "0: [Board] Name= is missing"},
        {"Name=test", "Name=test\nName=test", "3: Name= is set twice"},
        {"Name=test", "Nome=test", "2: [Board] has no key Nome="},
        {"[Board]\n", "", "1: Name= stands before the first [Section]"},
        {"[Board]", "[Bord]", "1: there is no section [Bord]"},
        {"[Boot]", "[RAM]", "no section [RAM]"},
        {"[Boot]", "[RAM ]", "no section [RAM ]"},
        {"[Boot]", "[RAMP x]", "no section [RAMP x]"},
        {"[RAM top]", "[RAM t\xC3\xB6p]", "no section [RAM t\xC3\xB6p]"},
        {"Hint=Not there.", "Hint=N\xC3\xB6!", "15: Hint=N\xC3\xB6! must be ASCII text"},
        {"Hint=Not there.", "Hint=Not\tthere.", "must be ASCII text"},
        {"HealthFile=/sys/health", "HealthFile=sys", "5: HealthFile=sys must be an absolute path"},
        {"HealthFile=/sys/health", "HealthFile=/sys # c", "5: a comment cannot follow"},
        {"WordSize=32", "WordSize=32 bytes", "11: WordSize=32 bytes must be a number"},
        {"Size=1M", "Size=4G", "9: Size=4G must be a number that fits"},
        {"Start=0x08000000\n", "", "0: [Protected boot] Start= is missing"},
        {"Hint=Not there.\n", "", "0: [Protected boot] Hint= is missing"},
        {"Size=288K\n", "", "0: [RAM D2 SRAM] Size= is missing"},
        {"StackMask=0xFF000000\n", "", "0: [Boot] StackMask= is missing"},
        {"Architecture=v7E-M", "Architecture=cortex-m4", "must be v7-M, v7E-M"},
        {"FPU=single", "FPU=fpv4", "must be none, single or double"},
        /* contradictions */
        {"SectorSize=128K", "SectorSize=100K", "SectorSize= must be a power of two"},
        {"SectorSize=128K", "SectorSize=0", "SectorSize= must be a power of two"},
        {"SectorSize=128K", "SectorSize=4", "SectorSize= must be a power of two, at least 8"},
        {"SectorSize=128K", "SectorSize=8K", "more than 64 sectors"},
        {"WordSize=32", "WordSize=24", "WordSize= must be a power of two"},
        {"WordSize=32", "WordSize=256K", "at most a sector"},
        {"Start=0x08100000", "Start=0x08110000", "must start and end with a sector"},
        {"Size=1M", "Size=1000K", "must start and end with a sector"},
        {"Size=1M", "Size=0", "[Flash] flash has no size"},
        {"Start=0x08100000", "Start=0xFFF20000", "goes on past the end"},
        {"Size=768K", "Size=769K", "[Protected] firm ware overlaps [Flash]"},
        {"Size=256K", "Size=257K", "[Protected] firm ware overlaps the one before"},
        {"Start=0x10000000", "Start=0x081FFFFF", "[RAM] D2 SRAM overlaps [Flash]"},
        {"Start=0x10000000", "Start=0x08000000", "[RAM] D2 SRAM overlaps a [Protected]"},
        {"Start=0xFFFF0000", "Start=0xFFFF0001", "[RAM] top goes on past the end"},
        {"Start=0xFFFF0000", "Start=0x10000000", "[RAM] top overlaps the one before"},
        {"Size=64K", "Size=0", "[RAM] top has no size"},
        {"StackValue=0x10000000", "StackValue=0x10000001", "has bits that StackMask= has not"},
    };
    char text[4096];
    (void)state;

    for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
        edit(text, sizeof(text), cases[i].from, cases[i].by, "");
        assert_refused(text, cases[i].complaint);
    }
}

static void test_no_ram(void **state)
{
    char text[4096];
    (void)state;

    edit(text, sizeof(text),
         "[RAM D2 SRAM]\nStart=0x10000000\nSize=288K\n[RAM top]\nStart=0xFFFF0000\nSize=64K\n", "",
         "");
    assert_refused(text, "there must be a [RAM NAME] section");
    assert_refused("", "[Flash] Start= is missing");
}

static void test_too_many_ranges(void **state)
{
    char more[1024] = "", text[4096];
    size_t used = 0;
    struct heard heard = {0};
    struct board board;
    (void)state;

    for (unsigned i = 2; i < BOARD_RANGES_MAX; i++)
        used += (size_t)snprintf(more + used, sizeof(more) - used,
                                 "[RAM %u]\nStart=0x%u0000000\nSize=1\n", i, i);
    edit(text, sizeof(text), "", "", more);
    assert_int_equal(board_parse(text, strlen(text), "test", hear, &heard, &board), 0);
    assert_int_equal(board.n_ram, BOARD_RANGES_MAX);

    snprintf(more + used, sizeof(more) - used, "[RAM last]\nStart=0\nSize=1\n");
    edit(text, sizeof(text), "", "", more);
    assert_refused(text, "[RAM last] is one range too many; 8 is the most");
}

static void test_long_texts(void **state)
{
    char hint[400], by[1024], text[4096];
    struct heard heard = {0};
    struct board board;
    (void)state;

    /* 127 + a space + 127 bytes and the NUL just fit. */
    memset(hint, 'x', sizeof(hint));
    hint[127] = '\0';
    snprintf(by, sizeof(by), "Hint=%s\nHint=%s", hint, hint);
    edit(text, sizeof(text), "Hint=Not there.", by, "");
    assert_int_equal(board_parse(text, strlen(text), "test", hear, &heard, &board), 0);
    assert_int_equal(strlen(board.protected_flash[0].hint), 255);

    snprintf(by, sizeof(by), "Hint=%s\nHint=%sy", hint, hint);
    edit(text, sizeof(text), "Hint=Not there.", by, "");
    assert_refused(text, "must be ASCII text, at most 255 bytes in all");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),   cmocka_unit_test(test_accepted_variants),
        cmocka_unit_test(test_routine),    cmocka_unit_test(test_refused),
        cmocka_unit_test(test_no_ram),     cmocka_unit_test(test_too_many_ranges),
        cmocka_unit_test(test_long_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
