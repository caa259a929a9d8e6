/* What is let go, and that nothing is lost with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/footprint.h"

enum {
    SIZE = 1 << 20,
};

static const uint8_t constants[SIZE] = {1, [SIZE - 1] = 2};
static uint8_t variables[SIZE] = {1};

/* KiB of what is mapped around an address. */
static unsigned long mapped_around(const void *address)
{
    unsigned long start, end, size = 0;
    char line[512];
    int inside = 0;

    FILE *maps = fopen("/proc/self/smaps", "re");
    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps)) {
        if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
            inside = (uintptr_t)address >= start && (uintptr_t)address < end;
        if (inside && strncmp(line, "Rss:", 4) == 0)
            size = strtoul(line + 4, NULL, 10);
    }
    fclose(maps);
    return size;
}

static unsigned sum(const uint8_t *bytes)
{
    unsigned n = 0;

    for (size_t i = 0; i < SIZE; i++)
        n += bytes[i];
    return n;
}

static void test_constants_go_and_come_back(void **state)
{
    (void)state;
    assert_int_equal(sum(constants), 3);
    assert_true(mapped_around(constants) >= SIZE / 1024);
    footprint_reduce();
    assert_true(mapped_around(constants) < SIZE / 1024 / 4);
    assert_int_equal(sum(constants), 3);
}

static void test_variables_stay(void **state)
{
    (void)state;
    memset(variables, 7, SIZE);
    footprint_reduce();
    assert_true(mapped_around(variables) >= SIZE / 1024);
    assert_int_equal(sum(variables), 7 * SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constants_go_and_come_back),
        cmocka_unit_test(test_variables_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
