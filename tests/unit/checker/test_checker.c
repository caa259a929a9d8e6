/* Drives the real m4flash-checker over its two descriptors, as the daemon does. */
#include "driven.h"

#include <string.h>

#include "tests/unit/signing.h"

static void assert_image(struct fixture *f, const uint8_t *elf)
{
    _cleanup_free_ uint8_t *image = malloc(TINY_ELF_IMAGE);
    struct answer_head head;

    assert_non_null(image);
    read_head(f, &head);
    assert_string_equal(head.report.sentence, "");
    assert_int_equal(head.report.code, SKETCH_ACCEPTED);
    assert_int_equal(head.report.image_size, TINY_ELF_IMAGE);
    assert_int_equal(fd_read_full(f->here, image, TINY_ELF_IMAGE), TINY_ELF_IMAGE);
    assert_memory_equal(image, elf + TINY_ELF_HEADERS, TINY_ELF_IMAGE);
}

static void assert_accepted(struct fixture *f, const uint8_t *elf, size_t size)
{
    assert_image(f, elf);
    assert_ends_with_digest(f, elf, size);
}

static void test_accepted(void **state)
{
    _cleanup_free_ uint8_t *elf = malloc(TINY_ELF_SIZE);

    assert_non_null(elf);
    tiny_elf(elf);
    start(*state);
    go(*state);
    assert_accepted(*state, elf, TINY_ELF_SIZE);
}

/* The largest upload the daemon takes by default; what lies behind the ELF is its debug data. */
static void test_64_mib(void **state)
{
    const size_t size = (size_t)64 << 20;
    uint8_t *elf = calloc(1, size);

    assert_non_null(elf);
    tiny_elf(elf);
    memset(elf + TINY_ELF_SIZE, 0xA5, size - TINY_ELF_SIZE);
    replace_upload(*state, elf, size);
    start(*state);
    go(*state);
    assert_accepted(*state, elf, size);
    free(elf);
}

static void assert_rejected(struct fixture *f, const void *data, size_t size, enum sketch_code code)
{
    struct answer_head head;

    replace_upload(f, data, size);
    start(f);
    go(f);
    read_head(f, &head);
    assert_int_equal(head.report.code, code);
    assert_ends_with_digest(f, data, size);
}

static void test_rejected(void **state)
{
    static const char text[] = "no ELF file at all, but long enough to have a header of one";

    assert_rejected(*state, text, sizeof(text), SKETCH_NOT_ELF);
}

static void test_empty(void **state)
{
    assert_rejected(*state, "", 0, SKETCH_EMPTY);
}

static void test_truncated(void **state)
{
    _cleanup_free_ uint8_t *elf = malloc(TINY_ELF_SIZE);

    assert_non_null(elf);
    tiny_elf(elf);
    assert_rejected(*state, elf, TINY_ELF_SIZE - 1, SKETCH_TRUNCATED);
}

/* A checker that was started ahead of need and is not needed. */
static void test_not_needed(void **state)
{
    struct fixture *f = *state;

    start(f);
    assert_int_equal(shutdown(f->here, SHUT_WR), 0);
    assert_silent(f);
    assert_int_equal(finish(f), 0);
}

/* What is hashed is what is there when the tail is asked for. (The daemon's upload is sealed.) */
static void test_tail_only_when_asked_for(void **state)
{
    static const char before[] = "no ELF file", after[] = "no elf file";
    struct fixture *f = *state;
    struct answer_head head;

    replace_upload(f, before, sizeof(before));
    start(f);
    go(f);
    read_head(f, &head);
    assert_int_equal(pwrite(f->upload, after, sizeof(after), 0), sizeof(after));
    assert_ends_with_digest(f, after, sizeof(after));
}

/* ---- Of an upload that is not all there ------------------------------------------------------ */

static void go_with_gap(struct fixture *f, uint64_t start, uint64_t end)
{
    const struct sketch_gap gap = {start, end};

    assert_int_equal(fd_send(f->here, ANSWER_GO_PARTS, f->upload), 0);
    assert_int_equal(fd_send_rest(f->here, &gap, sizeof(gap)), 0);
}

static void assert_asks_for(struct fixture *f, uint64_t start, uint64_t needed)
{
    const struct sketch_gap missing = {start, UINT64_MAX};
    struct answer_head head;

    assert_int_equal(fd_read_full(f->here, &head, sizeof(head)), sizeof(head));
    assert_int_equal(answer_check_request(&missing, &head), 0);
    assert_true(head.needed == needed);
}

static void put_in(struct fixture *f, const uint8_t *elf, size_t start, size_t end)
{
    assert_int_equal(pwrite(f->upload, elf + start, end - start, (off_t)start), end - start);
}

/* The sketch, and as many bytes behind it that tell nothing. */
static uint8_t *put_elf_with_more(struct fixture *f, size_t size, size_t start, size_t end)
{
    uint8_t *elf = calloc(1, size);

    assert_non_null(elf);
    tiny_elf(elf);
    memset(elf + TINY_ELF_SIZE, 0xA5, size - TINY_ELF_SIZE);
    _cleanup_free_ uint8_t *copy = malloc(size);
    assert_non_null(copy);
    memcpy(copy, elf, size);
    memset(copy + start, 0, end - start);
    replace_upload(f, copy, size);
    return elf;
}

enum { MORE_SIZE = 3 * TINY_ELF_SIZE };

/* It is judged by what is there; the digest is of all of it. */
static void test_gap_that_does_not_count(void **state)
{
    struct fixture *f = *state;
    _cleanup_free_ uint8_t *elf = put_elf_with_more(f, MORE_SIZE, TINY_ELF_SIZE, MORE_SIZE - 10);

    start(f);
    go_with_gap(f, TINY_ELF_SIZE, MORE_SIZE - 10);
    assert_image(f, elf);
    put_in(f, elf, TINY_ELF_SIZE, MORE_SIZE - 10);
    assert_ends_with_digest(f, elf, MORE_SIZE);
}

/* First that there is a segment, and then all that is in it. */
static void test_gap_that_counts(void **state)
{
    struct fixture *f = *state;
    _cleanup_free_ uint8_t *elf = put_elf_with_more(f, MORE_SIZE, 60, MORE_SIZE);

    start(f);
    go_with_gap(f, 60, MORE_SIZE);
    assert_asks_for(f, 60, TINY_ELF_HEADERS);
    put_in(f, elf, 60, TINY_ELF_HEADERS);
    send_rest(f);
    assert_asks_for(f, TINY_ELF_HEADERS, TINY_ELF_SIZE);
    put_in(f, elf, TINY_ELF_HEADERS, MORE_SIZE);
    send_rest(f);
    assert_accepted(f, elf, MORE_SIZE);
}

static void test_gap_that_is_never_filled(void **state)
{
    struct fixture *f = *state;
    free(put_elf_with_more(f, MORE_SIZE, 60, MORE_SIZE));
    start(f);
    go_with_gap(f, 60, MORE_SIZE);
    assert_asks_for(f, 60, TINY_ELF_HEADERS);
    assert_int_equal(shutdown(f->here, SHUT_WR), 0);
    assert_silent(f);
    assert_int_equal(finish(f), 1);
}

static void test_gap_that_is_none(void **state)
{
    struct fixture *f = *state;

    start(f);
    go_with_gap(f, 60, TINY_ELF_SIZE + 1);
    assert_silent(f);
    assert_int_equal(finish(f), 1);
}

static void go_as_far_as_the_tail(struct fixture *f)
{
    struct answer_head head;

    replace_upload(f, "", 0);
    start(f);
    go(f);
    read_head(f, &head);
}

static void test_tail_is_not_wanted(void **state)
{
    struct fixture *f = *state;

    go_as_far_as_the_tail(f);
    assert_int_equal(shutdown(f->here, SHUT_WR), 0);
    assert_silent(f);
    assert_int_equal(finish(f), 1);
}

static void test_wrong_byte_for_the_tail(void **state)
{
    struct fixture *f = *state;

    go_as_far_as_the_tail(f);
    assert_int_equal(fd_send_rest(f->here, "r", 1), 0);
    assert_silent(f);
    assert_int_equal(finish(f), 1);
}

static void test_wrong_byte(void **state)
{
    struct fixture *f = *state;

    start(f);
    assert_int_equal(fd_send(f->here, 'g', f->upload), 0);
    assert_silent(f);
    assert_int_equal(finish(f), 1);
}

static void assert_board_refused(struct fixture *f, const void *text, size_t size)
{
    fd_close(f->profile);
    f->profile = memory_file(text, size);
    start(f);
    assert_silent(f);
    assert_int_equal(finish(f), 1);
}

static void test_no_text_for_board(void **state)
{
    static const char garbage[] = "\x7f"
                                  "ELF\0\1\2\xff\n[Flash";

    assert_board_refused(*state, garbage, sizeof(garbage));
}

static void test_incomplete_board(void **state)
{
    static const char text[] = "[Board]\nName=x\n";

    assert_board_refused(*state, text, sizeof(text) - 1);
}

static void test_huge_board(void **state)
{
    static char blanks[BOARD_PROFILE_SIZE_MAX + 1];

    memset(blanks, '\n', sizeof(blanks));
    assert_board_refused(*state, blanks, sizeof(blanks));
}

static void test_no_upload(void **state)
{
    struct fixture *f = *state;

    start(f);
    assert_int_equal(fd_write_full(f->here, (char[]){ANSWER_GO}, 1), 0);
    assert_silent(f);
    assert_int_equal(finish(f), 1);
}

static void test_no_socket(void **state)
{
    struct fixture *f = *state;

    f->there = fd_close(f->there);
    start(f);
    assert_int_equal(finish(f), 1);
}

static void test_no_board(void **state)
{
    struct fixture *f = *state;

    f->profile = fd_close(f->profile);
    start(f);
    assert_silent(f);
    assert_int_equal(finish(f), 1);
}

/* Not by a signal: the image is larger than what the socket holds, so a write must fail. */
static void test_daemon_hangs_up(void **state)
{
    struct fixture *f = *state;

    start(f);
    go(f);
    f->here = fd_close(f->here);
    assert_int_equal(finish(f), 1);
}

static void test_arguments(void **state)
{
    struct fixture *f = *state;

    start_with(f, "--nonsense");
    assert_int_equal(finish(f), 2);
    start_with(f, "--version");
    assert_int_equal(finish(f), 0);
    start_with(f, "--help");
    assert_int_equal(finish(f), 0);
}

/* ---- Signatures, in the cage of whatever this build has ----------------------------------------
 */

static void go_signed(struct fixture *f, const struct signature_order *order)
{
    assert_int_equal(fd_send(f->here, ANSWER_GO_SIGNED, f->upload), 0);
    assert_int_equal(fd_send_rest(f->here, order, sizeof(*order)), 0);
}

static void start_signed(struct fixture *f)
{
    f->program = getenv("M4FLASH_CHECKER_SIGNED");
    start_with(f, "--signatures");
}

static void assert_signature(struct fixture *f, enum signature_state expected)
{
    struct answer_signature signature;

    assert_int_equal(fd_read_full(f->here, &signature, sizeof(signature)), sizeof(signature));
    assert_int_equal(answer_check_signature(&signature, 2), 0);
    assert_int_equal(signature.verdict.state, expected);
}

static void test_signature(void **state)
{
    static const enum signature_state expected[] = {SIGNATURE_GOOD, SIGNATURE_FOREIGN};
    struct signature_order order = signing_order(2);
    _cleanup_free_ uint8_t *elf = malloc(TINY_ELF_SIZE);
    struct fixture *f = *state;
    size_t size;

    assert_non_null(elf);
    tiny_elf(elf);
    for (uint8_t i = 0; i < ELEMENTSOF(expected); i++) {
        _cleanup_free_ uint8_t *copy = signing_embed((uint8_t)(2 + i), elf, TINY_ELF_SIZE, &size);
        if (i > 0) {
            tear_down(state);
            set_up(state);
            f = *state;
        }
        replace_upload(f, copy, size);
        start_signed(f);
        go_signed(f, &order);
        assert_signature(f, expected[i]);
        assert_accepted(f, copy, size);
    }
}

static void test_detached_signature(void **state)
{
    struct signature_order order = signing_order(2);
    _cleanup_free_ uint8_t *elf = malloc(TINY_ELF_SIZE);
    uint8_t public[SIGNATURE_KEY_SIZE];
    struct fixture *f = *state;

    assert_non_null(elf);
    tiny_elf(elf);
    EVP_PKEY *key = signing_key(2, public);
    signing_make(key, elf, TINY_ELF_SIZE, order.detached);
    EVP_PKEY_free(key);
    order.has_detached = 1;
    start_signed(f);
    go_signed(f, &order);
    assert_signature(f, SIGNATURE_GOOD);
    assert_accepted(f, elf, TINY_ELF_SIZE);
}

/* Each key is tried, in vain: what libcrypto does then is in the cage's bounds too. */
static void test_wrong_signature(void **state)
{
    struct signature_order order = signing_order(2);
    struct fixture *f = *state;

    order.has_detached = 1;
    memset(order.detached, 0xA5, sizeof(order.detached));
    replace_upload(f, "", 0);
    start_signed(f);
    go_signed(f, &order);
    assert_signature(f, SIGNATURE_WRONG);
    struct answer_head head;
    read_head(f, &head);
    assert_int_equal(head.report.code, SKETCH_EMPTY);
    assert_ends_with_digest(f, "", 0);
}

static void test_order_that_is_refused(void **state)
{
    struct signature_order order = signing_order(2);
    struct fixture *f = *state;

    start(f); /* it was not told that signatures could be asked for */
    assert_int_equal(fd_send(f->here, ANSWER_GO_SIGNED, f->upload), 0);
    assert_silent(f);
    assert_int_equal(finish(f), 1);
    tear_down(state);
    set_up(state);
    f = *state;
    order.n_keys = SIGNATURE_KEYS_MAX + 1;
    start_signed(f);
    go_signed(f, &order);
    assert_silent(f);
    assert_int_equal(finish(f), 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_accepted),           TEST(test_64_mib),
        TEST(test_rejected),           TEST(test_empty),
        TEST(test_truncated),          TEST(test_not_needed),
        TEST(test_wrong_byte),         TEST(test_tail_only_when_asked_for),
        TEST(test_tail_is_not_wanted), TEST(test_wrong_byte_for_the_tail),
        TEST(test_no_text_for_board),  TEST(test_incomplete_board),
        TEST(test_huge_board),         TEST(test_no_upload),
        TEST(test_no_socket),          TEST(test_no_board),
        TEST(test_daemon_hangs_up),    TEST(test_arguments),
        TEST(test_signature),          TEST(test_detached_signature),
        TEST(test_wrong_signature),    TEST(test_order_that_is_refused),
        TEST(test_gap_that_counts),    TEST(test_gap_that_does_not_count),
        TEST(test_gap_that_is_none),   TEST(test_gap_that_is_never_filled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
