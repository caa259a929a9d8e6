/*
 * What compilers really write for each core, judged. Arguments: a verdict's name and a file, as
 * often as wanted; the build makes the files.
 */
#include <fcntl.h>
#include <string.h>

#include "fixture.h"
#include "util/fd.h"

struct expectation {
    const char *verdict;
    const char *file;
};

static void test_core(void **state)
{
    const struct expectation *expectation = *state;
    _cleanup_free_ char *bytes = NULL;
    _cleanup_fd_ int fd = open(expectation->file, O_RDONLY | O_CLOEXEC);
    size_t size = 0;

    assert_true(fd >= 0);
    assert_int_equal(fd_read_file(fd, 1024 * 1024, &bytes, &size), 0);
    struct sketch_report report = check_on(&test_board, bytes, size, NULL);
    if (strcmp(sketch_code_name(report.code), expectation->verdict) != 0)
        fail_msg("%s: %s %s", expectation->file, sketch_code_name(report.code), report.sentence);
}

int main(int argc, char *argv[])
{
    struct expectation expectations[64];
    struct CMUnitTest tests[ELEMENTSOF(expectations)];
    size_t n = 0;

    for (int i = 1; i + 1 < argc && n < ELEMENTSOF(tests); i += 2, n++) {
        expectations[n] = (struct expectation){argv[i], argv[i + 1]};
        tests[n] = (struct CMUnitTest){
            .name = argv[i + 1], .test_func = test_core, .initial_state = &expectations[n]};
    }
    return _cmocka_run_group_tests("cores", tests, n, NULL, NULL);
}
