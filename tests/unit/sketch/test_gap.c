/* What can be said of a file of which a part is not known yet. */
#include <errno.h>
#include <string.h>

#include "fixture.h"

struct fixture {
    struct elf elf;
    struct sketch_report report;
    uint8_t *image;
    uint64_t needed;
};

static int set_up(void **state)
{
    static struct fixture f;

    f = (struct fixture){.elf = elf_default()};
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    elf_free(&f->elf);
    free(f->image);
    return 0;
}

/* With other bytes in the gap. */
static int check_gap(struct fixture *f, uint64_t start, uint64_t end)
{
    _cleanup_free_ uint8_t *copy = malloc(f->elf.size);
    const struct sketch_gap gap = {start, end};

    assert_non_null(copy);
    memcpy(copy, f->elf.bytes, f->elf.size);
    if (start < end && end <= f->elf.size)
        memset(copy + start, 0xa5, end - start);
    free(TAKE_PTR(f->image));
    memset(&f->report, 0xa5, sizeof(f->report));
    f->needed = UINT64_MAX;
    return sketch_check_part(&test_board, copy, f->elf.size, &gap, &f->report, &f->image,
                             &f->needed);
}

static void assert_accepted(const struct fixture *f)
{
    assert_int_equal(f->report.code, SKETCH_ACCEPTED);
    assert_non_null(f->image);
}

static void assert_none_but(const struct fixture *f, uint64_t needed)
{
    assert_true(f->needed == needed);
    assert_null(f->image);
    assert_int_equal(f->report.image_size, 0xa5a5a5a5);
}

/* As a debugger's sections are, between the segments and the headers of sections. */
static void add_debug_information(struct fixture *f, uint32_t size, uint32_t *ret_offset)
{
    struct elf *elf = &f->elf;
    uint32_t offset = elf_header(elf)->e_shoff;

    elf->bytes = realloc(elf->bytes, elf->size + size);
    assert_non_null(elf->bytes);
    memmove(elf->bytes + offset + size, elf->bytes + offset, elf->size - offset);
    elf->size += size;
    elf_header(elf)->e_shoff += size;
    *ret_offset = offset;
}

static void test_what_does_not_count(void **state)
{
    struct fixture *f = *state;
    uint32_t offset;

    add_debug_information(f, 1000, &offset);
    assert_int_equal(check_gap(f, offset, offset + 1000), 0);
    assert_accepted(f);
    assert_int_equal(check_gap(f, offset + 999, offset + 1000), 0);
    assert_accepted(f);
    assert_int_equal(check_gap(f, offset, offset), 0);
    assert_accepted(f);
}

static void test_header(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(check_gap(f, 51, 52), -EAGAIN);
    assert_none_but(f, 52);
}

/* What tells the file's kind is looked at first of all, and as it is. */
static void test_identification(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(check_gap(f, 0, 3), -EAGAIN);
    assert_none_but(f, 3);
    assert_int_equal(check_gap(f, 4, f->elf.size), -EAGAIN);
    assert_none_but(f, EI_NIDENT);
}

static void test_program_headers(void **state)
{
    struct fixture *f = *state;
    uint64_t start = elf_header(&f->elf)->e_phoff;

    assert_int_equal(check_gap(f, start + 31, f->elf.size), -EAGAIN);
    assert_true(f->needed >= start + sizeof(Elf32_Phdr));
}

/* The image is made of them, so all of one is needed. */
static void test_segments(void **state)
{
    struct fixture *f = *state;
    const Elf32_Phdr *code = elf_segment(&f->elf, CODE_SEGMENT);
    const Elf32_Phdr *data = elf_segment(&f->elf, DATA_SEGMENT);

    assert_int_equal(check_gap(f, code->p_offset + 100, code->p_offset + 101), -EAGAIN);
    assert_none_but(f, code->p_offset + 101);
    assert_int_equal(check_gap(f, code->p_offset + 100, elf_header(&f->elf)->e_shoff), -EAGAIN);
    assert_true(f->needed >= data->p_offset + DATA_SIZE);
}

static void test_attributes(void **state)
{
    struct fixture *f = *state;
    uint32_t offset = elf_section(&f->elf, ATTRIBUTES_SECTION)->sh_offset;

    assert_int_equal(check_gap(f, offset, offset + 1), -EAGAIN);
    assert_none_but(f, offset + 1);
}

static void test_section_headers(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(check_gap(f, f->elf.size - 1, f->elf.size), -EAGAIN);
    assert_none_but(f, f->elf.size);
}

/* A rejection that does not depend on what is in the gap counts, too. */
static void test_rejected(void **state)
{
    struct fixture *f = *state;

    elf_set_vector(&f->elf, 0, M7);
    elf_header(&f->elf)->e_machine = EM_386;
    assert_int_equal(check_gap(f, f->elf.size - 1, f->elf.size), -EAGAIN);
    elf_strip(&f->elf);
    uint64_t start = elf_segment(&f->elf, CODE_SEGMENT)->p_offset;
    assert_int_equal(check_gap(f, start, f->elf.size), 0);
    assert_int_equal(f->report.code, SKETCH_ELF_MACHINE);
    assert_null(f->image);
}

static void test_no_gap(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(check_gap(f, 2, 1), -EINVAL);
    assert_int_equal(check_gap(f, 1, f->elf.size + 1), -EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_does_not_count), TEST(test_header),   TEST(test_identification),
        TEST(test_program_headers),     TEST(test_segments), TEST(test_attributes),
        TEST(test_section_headers),     TEST(test_rejected), TEST(test_no_gap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
