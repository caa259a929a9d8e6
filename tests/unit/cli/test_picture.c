/* The picture of a sketch, mark by mark, on screens of every kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/picture.h"
#include "util/cleanup.h"
#include "util/utf8.h"

enum {
    KIB = 1024,
    SECTOR = 128 * KIB,
    D2 = 0x10000000,
    D2_SIZE = 288 * KIB,
};

struct facts {
    struct board board;
    struct sketch_report report;
    struct sketch_map map;
    struct changes changes;
    struct picture picture;
};

/* A sketch of two sectors and a bit; what is installed is not known. */
static int set_up(void **state)
{
    struct facts *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    f->board = (struct board){
        .flash = {"flash", "", 0x08100000, 1024 * KIB},
        .sector_size = SECTOR,
        .ram = {{"D2 SRAM", "", D2, D2_SIZE}, {"D3 SRAM", "", 0x38000000, 64 * KIB}},
        .n_ram = 2,
    };
    f->report = (struct sketch_report){
        .flash_used = 2 * SECTOR + 300,
        .sectors = 3,
        .sector_used = {SECTOR, SECTOR, 300},
        .stack_pointer = D2 + D2_SIZE,
    };
    f->map = (struct sketch_map){
        .ram = {{[SKETCH_DATA] = 10 * KIB,
                 [SKETCH_BSS] = 100 * KIB,
                 [SKETCH_HEAP] = 144 * KIB,
                 [SKETCH_STACK] = 1 * KIB,
                 [SKETCH_FREE] = 33 * KIB},
                {[SKETCH_FREE] = 64 * KIB}},
        .symbols = {{"buffer", D2 + 0x1000, 100 * KIB}, {"setup", 0x08100400, 4}},
        .n_symbols = 2,
    };
    f->changes.unknown = "nobody has looked";
    f->picture = (struct picture){&f->board, &f->report, &f->map, &f->changes};
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static void assert_picture(const struct facts *f, const struct screen *screen, const char *expected)
{
    _cleanup_free_ char *text = picture_render(&f->picture, screen);

    assert_non_null(text);
    assert_string_equal(text, expected);
}

/* The picture has these lines, one after the other. */
static void assert_lines(const struct facts *f, const struct screen *screen, const char *lines)
{
    _cleanup_free_ char *text = picture_render(&f->picture, screen);

    assert_non_null(text);
    if (!strstr(text, lines))
        fail_msg("these lines:\n%s\nare not in\n%s", lines, text);
}

static const struct screen ascii = {.columns = 80};
static const struct screen utf8 = {.columns = 80, .utf8 = true};
static const struct screen coloured = {.columns = 80, .colour = true};

#define FLASH_BARS "  |########|########|#.......|........|........|........|........|........|\n"

static void test_ascii(void **state)
{
    static const char expected[] =
        "  Flash: 262444 of 1048576 bytes (25.0%), 3 of 8 sectors, 128 KiB each\n"
        "   0        1        2        3        4        5        6        7\n" FLASH_BARS
        "   used     used     used     free     free     free     free     free\n"
        "  What an upload would change is not known: nobody has looked.\n"
        "\n"
        "  D2 SRAM: 294912 bytes from 0x10000000\n"
        "  |##========================------------------------------------........+|\n"
        "   # .data 10240   = .bss 102400   - heap 147456   . free 33792   + stack 1024\n"
        "\n"
        "  The biggest symbols, in bytes\n"
        "     102400  RAM    buffer\n"
        "          4  flash  setup\n";
    struct facts *f = *state;

    assert_picture(f, &ascii, expected);
    /* What is no terminal, and a wider one, get the same. */
    assert_picture(f, &(struct screen){.columns = 0}, expected);
    assert_picture(f, &(struct screen){.columns = 200}, expected);
}

static void test_utf8(void **state)
{
    struct facts *f = *state;

    f->report.sector_used[1] = SECTOR / 2;
    assert_lines(f, &utf8,
                 "  │████████│████····│█·······│········│········│········│········│········│\n");
    assert_lines(
        f, &utf8,
        "  │██▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░········▒│\n"
        "   █ .data 10240   ▓ .bss 102400   ░ heap 147456   · free 33792   ▒ stack 1024\n");
}

/* The marks are the same; every colour ends where it should. */
static void test_colours(void **state)
{
    struct facts *f = *state;
    _cleanup_free_ char *plain = picture_render(&f->picture, &ascii);
    _cleanup_free_ char *text = picture_render(&f->picture, &coloured);
    char *to = text;

    assert_lines(f, &coloured, "|\033[36m########\033[0m|");
    assert_lines(f, &coloured, "|\033[36m#\033[0m\033[2m.......\033[0m|");
    assert_lines(f, &coloured, "   \033[34m#\033[0m .data 10240   \033[36m=\033[0m .bss 102400");
    bool on = false;
    for (const char *from = text; *from;) {
        if (*from != '\033') {
            assert_false(on && *from == '\n');
            *to++ = *from++;
            continue;
        }
        assert_int_equal(on, strncmp(from, "\033[0m", 4) == 0);
        on = !on;
        from = strchr(from, 'm') + 1;
    }
    *to = '\0';
    assert_false(on);
    assert_string_equal(text, plain);
}

static void test_changes(void **state)
{
    struct facts *f = *state;

    f->changes.unknown = NULL;
    assert_lines(f, &ascii,
                 FLASH_BARS
                 "   same     same     same     free     free     free     free     free\n"
                 "  An upload now would change nothing: the chip holds this sketch.\n");
    f->changes.sectors[1] = true;
    assert_lines(f, &ascii,
                 FLASH_BARS
                 "   same     changes  same     free     free     free     free     free\n"
                 "  An upload now would change 1 of 8 sectors.\n");
    f->report.sector_used[1] = 0; /* between two others: it would be erased */
    assert_lines(f, &coloured, "changes\033[0m  \033[32msame\033[0m");
    f->changes.unknown = "x";
    assert_lines(f, &ascii, "   used     free     used     free     free");
}

static void test_ram_without_reserves(void **state)
{
    struct facts *f = *state;
    uint32_t *bytes = f->map.ram[0];

    bytes[SKETCH_FREE] += bytes[SKETCH_STACK];
    bytes[SKETCH_STACK] = 0;
    assert_lines(f, &ascii, "   . free 34816 (for the stack)\n");
    bytes[SKETCH_FREE] += bytes[SKETCH_HEAP];
    bytes[SKETCH_HEAP] = 0;
    assert_lines(f, &ascii, "   = .bss 102400   . free 182272 (for heap and stack)\n");
}

/* A range shows if it is used, or has the stack; at its end, not at its start. */
static void test_ranges(void **state)
{
    struct facts *f = *state;
    static const char d3[] =
        "\n  D3 SRAM: 65536 bytes from 0x38000000\n"
        "  |.......................................................................|\n"
        "   . free 65536";

    f->report.stack_pointer = 0x38000000 + 64 * KIB;
    assert_lines(f, &ascii, d3);
    assert_lines(f, &ascii, " D2 SRAM: ");
    f->report.stack_pointer = 0x38000000;
    _cleanup_free_ char *text = picture_render(&f->picture, &ascii);
    assert_null(strstr(text, "D3 SRAM"));
    f->map.ram[1][SKETCH_BSS] = 1;
    f->map.ram[1][SKETCH_FREE] -= 1;
    assert_lines(f, &ascii,
                 "  |=......................................................................|\n"
                 "   = .bss 1   . free 65535\n");
}

static void test_names(void **state)
{
    struct facts *f = *state;
    char *name = f->map.symbols[1].name;

    *name = '\0';
    assert_lines(f, &ascii, "  flash  (no name)\n");
    memset(name, 'x', SKETCH_NAME_MAX - 1);
    assert_lines(f, &ascii,
                 "          4  flash  "
                 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...\n");
    name[60] = '\0';
    assert_lines(f, &ascii,
                 "          4  flash  "
                 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n");
    strcpy(name, "caf\u00e9_\u6f22");
    assert_lines(f, &ascii, "  flash  caf?_?\n");
    assert_lines(f, &utf8, "  flash  caf\u00e9_\u6f22\n");
    /* Characters that may be two columns wide: 30 of them fill 60. */
    *name = '\0';
    for (int i = 0; i < 30; i++)
        strcat(name, "\u6f22");
    assert_lines(f, &utf8,
                 "  flash  \u6f22\u6f22\u6f22\u6f22\u6f22\u6f22\u6f22\u6f22\u6f22\u6f22"
                 "\u6f22\u6f22\u6f22\u6f22\u6f22\u6f22\u6f22\u6f22\u6f22\u6f22"
                 "\u6f22\u6f22\u6f22\u6f22\u6f22\u6f22\u6f22\u6f22\u6f22\u6f22\n");
    strcat(name, "\u6f22");
    assert_lines(f, &utf8, "\u6f22\u6f22...\n");
    assert_lines(f, &ascii, "???????????????????????????????\n");
}

static void test_no_symbols(void **state)
{
    struct facts *f = *state;

    f->map.n_symbols = 0;
    _cleanup_free_ char *text = picture_render(&f->picture, &ascii);
    assert_null(strstr(text, "symbols"));
    assert_string_equal(text + strlen(text) - 8, "ck 1024\n"); /* no line is left over */
}

static void test_narrow(void **state)
{
    struct facts *f = *state;
    const struct screen narrow = {.columns = 45}, narrower = {.columns = 1};

    assert_lines(f, &narrow,
                 "   0         1         2         3\n"
                 "  |#########|#########|#........|.........|\n"
                 "   used      used      used      free\n"
                 "   4         5         6         7\n");
    assert_lines(f, &narrow,
                 "   # .data 10240   = .bss 102400\n"
                 "   - heap 147456   . free 33792\n"
                 "   + stack 1024\n");
    const struct screen just = {.columns = 67};
    assert_lines(f, &just,
                 "  |#######|#######|#......|.......|.......|.......|.......|.......|\n"
                 "   used    used    used    free");
    assert_lines(f, &narrower,
                 "   6         7\n"
                 "  |.........|.........|\n"
                 "   free      free\n");
}

static void test_other_boards(void **state)
{
    struct facts *f = *state;

    f->board.flash.size = BOARD_SECTORS_MAX * 16 * KIB;
    f->board.sector_size = 16 * KIB;
    f->report.sector_used[0] = f->report.sector_used[1] = 0;
    f->report.sector_used[63] = 16 * KIB;
    assert_lines(f, &ascii,
                 "   56       57       58       59       60       61       62       63\n"
                 "  |........|........|........|........|........|........|........|########|\n"
                 "   free     free     free     free     free     free     free     used\n"
                 "  What");
    f->board.flash.size = f->board.sector_size = SECTOR;
    f->report.sector_used[0] = 1;
    assert_lines(f, &ascii,
                 "   0\n"
                 "  |#..........................................................................."
                 "|\n"
                 "   used\n");
    f->board.flash.size = 11 * SECTOR;
    assert_lines(f, &ascii,
                 "   8        9        10\n"
                 "  |........|........|........|\n"
                 "   free     free     free\n");
}

static size_t count_columns(const char *line, size_t size)
{
    size_t columns = 0;

    for (size_t i = 0, length; i < size; i += length, columns++) {
        length = utf8_printable(line + i, size - i);
        assert_true(length > 0);
    }
    return columns;
}

/* Whatever the shares, each that has a byte shows, and every bar is as long as the others. */
static void test_all_shares(void **state)
{
    struct facts *f = *state;
    uint32_t seed = 1;

    f->report.stack_pointer = D2 + 8;
    for (unsigned round = 0; round < 2000; round++) {
        uint32_t left = f->board.ram[0].size = 1U << (8 + round % 24);
        for (size_t use = 0; use < SKETCH_FREE; use++) {
            seed = seed * 1664525 + 1013904223;
            f->map.ram[0][use] = seed >> 30 ? (seed >> 8) % ((left >> (seed >> 28) % 8) + 1) : 0;
            left -= f->map.ram[0][use];
        }
        f->map.ram[0][SKETCH_FREE] = left;
        const struct screen screen = {.columns = 24 + round % 57, .utf8 = round % 2};
        _cleanup_free_ char *text = picture_render(&f->picture, &screen);
        const char *line = strchr(strstr(text, "D2 SRAM"), '\n') + 1, *end = strchr(line, '\n');
        const char *marks[2][_SKETCH_USE_MAX] = {{"#", "+", "-", "=", "."},
                                                 {"█", "▒", "░", "▓", "·"}};
        const char *flash = strchr(strchr(text, '\n') + 1, '\n') + 1;
        assert_int_equal(count_columns(line, (size_t)(end - line)),
                         count_columns(flash, strcspn(flash, "\n")));
        for (size_t use = 0; use < _SKETCH_USE_MAX; use++) {
            const char *mark = strstr(line, marks[screen.utf8][use]);
            assert_int_equal(mark && mark<end, f->map.ram[0][use]> 0);
        }
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_ascii),
        TEST(test_utf8),
        TEST(test_colours),
        TEST(test_changes),
        TEST(test_ram_without_reserves),
        TEST(test_ranges),
        TEST(test_names),
        TEST(test_no_symbols),
        TEST(test_narrow),
        TEST(test_other_boards),
        TEST(test_all_shares),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
