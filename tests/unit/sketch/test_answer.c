/* The daemon's judgement of an answer: every field that a lying checker could forge. */
#include "sketch/answer.h"

#include <errno.h>
#include <string.h>

#include "fixture.h"

#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* 0x1000 bytes at the start and 0x40 at the start of the second sector. */
static struct answer_head accepted_head(void)
{
    const struct sketch_report report = {
        .code = SKETCH_ACCEPTED,
        .image_size = SECTOR + 0x40,
        .flash_used = 0x1040,
        .sectors = 2,
        .sector_used = {0x1000, 0x40},
        .ram_used = BSS_SIZE,
        .stack_pointer = STACK,
        .reset_vector = RESET,
        .entry_point = RESET,
    };
    struct answer_head head;

    answer_make_head(&report, &head);
    return head;
}

static struct answer_head rejected_head(enum sketch_code code)
{
    struct sketch_report report = {.code = code, .sentence = "It is so.", .hint = "Do that."};
    struct answer_head head;

    report.needed_size = code == SKETCH_TRUNCATED ? 52 : 0;
    answer_make_head(&report, &head);
    return head;
}

#define assert_believed(head) assert_int_equal(answer_check_head(&test_board, &(head)), 0)
#define assert_seen_through(head) \
    assert_int_equal(answer_check_head(&test_board, &(head)), -EBADMSG)

/* The head is seen through with the field at that value, and only for that. */
#define assert_lie(head, field, value)    \
    do {                                  \
        struct answer_head _lie = (head); \
        assert_believed(_lie);            \
        _lie.field = (value);             \
        assert_seen_through(_lie);        \
    } while (0)

/* The head is believed with the field at that value too. */
#define assert_fine(head, field, value)    \
    do {                                   \
        struct answer_head _fine = (head); \
        _fine.field = (value);             \
        assert_believed(_fine);            \
    } while (0)

static void test_magic_and_version(void **state)
{
    (void)state;
    for (size_t i = 0; i < ANSWER_MAGIC_SIZE; i++)
        assert_lie(accepted_head(), magic[i], 'x');
    assert_lie(accepted_head(), version, ANSWER_VERSION + 1);
    assert_lie(accepted_head(), version, 0);
    assert_memory_equal(accepted_head().magic, "m4flash\1", 8);
}

static struct answer_head request(uint64_t needed)
{
    struct answer_head head;

    answer_make_request(needed, &head);
    head.cage = ANSWER_CAGE_ALL;
    return head;
}

#define assert_asked(head, expected) \
    assert_int_equal(answer_check_request(&missing, &(head)), expected)

/* More of the upload, of what is missing, and nothing said but that. */
static void test_request(void **state)
{
    const struct sketch_gap missing = {100, 200}, nothing = {0, 0};

    (void)state;
    for (uint64_t needed = 90; needed < 210; needed++) {
        struct answer_head head = request(needed);
        assert_asked(head, needed > 100 && needed <= 200 ? 0 : -EBADMSG);
        assert_int_equal(answer_check_request(&nothing, &head), -EBADMSG);
        assert_seen_through(head); /* it is no verdict */
    }
    struct answer_head verdict = accepted_head();
    assert_asked(verdict, -EBADMSG);
    assert_lie(accepted_head(), needed, 150);
    verdict.needed = 150;
    assert_asked(verdict, -EBADMSG);
    struct answer_head lie = request(150);
    lie.version++;
    assert_asked(lie, -EBADMSG);
    lie = request(150);
    lie.cage++;
    assert_asked(lie, -EBADMSG);
    lie = request(150);
    lie.report.entry_point = 1;
    assert_asked(lie, -EBADMSG);
}

static void test_cage(void **state)
{
    char lacks[128];
    (void)state;

    assert_lie(accepted_head(), cage, ANSWER_CAGE_ALL + 1);
    assert_fine(accepted_head(), cage, ANSWER_CAGE_ALL);
    assert_string_equal(answer_cage_lacks(ANSWER_CAGE_ALL, lacks, sizeof(lacks)), "");
    assert_string_equal(
        answer_cage_lacks(ANSWER_CAGE_USER | ANSWER_CAGE_LIMITS, lacks, sizeof(lacks)),
        "Landlock or chroot, a system call filter");
    answer_cage_lacks(0, lacks, sizeof(lacks));
    assert_string_equal(answer_cage_lacks(0, lacks, 10), "a user of");
}

static void test_image(void **state)
{
    struct answer_head head = accepted_head();
    uint8_t image[8];
    (void)state;

    for (size_t i = 0; i < 4; i++) {
        image[i] = (uint8_t)(STACK >> (8 * i));
        image[4 + i] = (uint8_t)(RESET >> (8 * i));
    }
    assert_int_equal(answer_check_image(&head, image), 0);
    for (size_t i = 0; i < sizeof(image); i++) {
        image[i] ^= 0x80;
        assert_int_equal(answer_check_image(&head, image), -EBADMSG);
        image[i] ^= 0x80;
    }
}

static void test_code(void **state)
{
    (void)state;
    for (int code = SKETCH_NOT_REGULAR; code < _SKETCH_CODE_MAX; code++) {
        struct answer_head head = rejected_head((enum sketch_code)code);

        if (code == SKETCH_NOT_REGULAR || code == SKETCH_UNREADABLE || code == SKETCH_TOO_LARGE ||
            code == SKETCH_OWNER || code == SKETCH_SIGNATURE)
            assert_seen_through(head);
        else
            assert_believed(head);
    }
    assert_lie(rejected_head(SKETCH_EMPTY), report.code, _SKETCH_CODE_MAX);
    assert_lie(rejected_head(SKETCH_EMPTY), report.code, (enum sketch_code) - 1);
    assert_lie(rejected_head(SKETCH_EMPTY), report.code, SKETCH_ACCEPTED);
    assert_lie(accepted_head(), report.code, SKETCH_EMPTY);
}

static void test_texts(void **state)
{
    static const char bad[] = {'\n', '\t', '\033', '\177', (char)0x80, (char)0xff};

    (void)state;
    for (size_t i = 0; i < sizeof(bad); i++) {
        assert_lie(rejected_head(SKETCH_EMPTY), report.sentence[3], bad[i]);
        assert_lie(rejected_head(SKETCH_EMPTY), report.hint[3], bad[i]);
        assert_lie(rejected_head(SKETCH_EMPTY), report.sentence[0], bad[i]);
    }
    assert_fine(rejected_head(SKETCH_EMPTY), report.hint[3], '~');
    assert_fine(rejected_head(SKETCH_EMPTY), report.hint[3], ' ');
    /* Nothing may hide behind the end. */
    assert_lie(rejected_head(SKETCH_EMPTY), report.sentence[0], '\0');
    assert_lie(rejected_head(SKETCH_EMPTY), report.sentence[SKETCH_SENTENCE_MAX - 1], 'x');
    assert_lie(rejected_head(SKETCH_EMPTY), report.hint[SKETCH_HINT_MAX - 1], 'x');
    assert_lie(accepted_head(), report.sentence[0], 'x');
    assert_lie(accepted_head(), report.hint[0], 'x');
}

static void test_texts_that_fill_their_room(void **state)
{
    struct answer_head head = rejected_head(SKETCH_EMPTY);

    (void)state;
    memset(head.report.sentence, 'x', SKETCH_SENTENCE_MAX - 1);
    memset(head.report.hint, 'x', SKETCH_HINT_MAX - 1);
    assert_believed(head);
    assert_lie(head, report.sentence[SKETCH_SENTENCE_MAX - 1], 'x');
    assert_lie(head, report.hint[SKETCH_HINT_MAX - 1], 'x');
    memset(head.report.hint, 0, SKETCH_HINT_MAX);
    assert_seen_through(head);
    memcpy(head.report.hint, "x", 2);
    assert_believed(head);
    memset(head.report.sentence, 0, SKETCH_SENTENCE_MAX);
    assert_seen_through(head);
}

static void test_needed_size(void **state)
{
    (void)state;
    assert_lie(accepted_head(), report.needed_size, 1);
    assert_lie(rejected_head(SKETCH_EMPTY), report.needed_size, 52);
    assert_lie(rejected_head(SKETCH_TRUNCATED), report.needed_size, 51);
    assert_lie(rejected_head(SKETCH_TRUNCATED), report.needed_size, 0);
    assert_fine(rejected_head(SKETCH_TRUNCATED), report.needed_size, UINT64_MAX);
}

static void test_rejected_has_no_numbers(void **state)
{
    struct answer_head head = rejected_head(SKETCH_NO_CODE);

    (void)state;
    assert_lie(head, report.image_size, 1);
    assert_lie(head, report.flash_used, 1);
    assert_lie(head, report.sectors, 1);
    assert_lie(head, report.sector_used[0], 1);
    assert_lie(head, report.sector_used[BOARD_SECTORS_MAX - 1], 1);
    assert_lie(head, report.ram_used, 1);
    assert_lie(head, report.stack_pointer, 1);
    assert_lie(head, report.reset_vector, 1);
    assert_lie(head, report.entry_point, 1);
}

static void test_image_size(void **state)
{
    (void)state;
    assert_lie(accepted_head(), report.image_size, 0);
    assert_lie(accepted_head(), report.image_size, 7);
    assert_lie(accepted_head(), report.image_size, FLASH_SIZE + 1);
    assert_lie(accepted_head(), report.image_size, UINT32_MAX);
    /* Its end must hold a byte: in its last sector, which must have room for what it holds. */
    assert_lie(accepted_head(), report.image_size, SECTOR + 0x3f);
    assert_lie(accepted_head(), report.image_size, SECTOR);
    assert_lie(accepted_head(), report.image_size, 2 * SECTOR + 1);
    assert_fine(accepted_head(), report.image_size, 2 * SECTOR);
}

static void test_sectors(void **state)
{
    struct answer_head head = accepted_head();

    (void)state;
    assert_lie(head, report.flash_used, 0x1041);
    assert_lie(head, report.flash_used, 0x103f);
    assert_lie(head, report.sectors, 1);
    assert_lie(head, report.sectors, 3);
    assert_lie(head, report.sector_used[0], 0x1001);
    assert_lie(head, report.sector_used[1], 0);
    assert_lie(head, report.sector_used[2], 1);
    assert_lie(head, report.sector_used[BOARD_SECTORS_MAX - 1], 1);

    /* More than fits a sector, though the sum is right. */
    head.report.sector_used[0] = SECTOR;
    head.report.flash_used = SECTOR + 0x40;
    assert_believed(head);
    head.report.sector_used[0]++;
    head.report.flash_used++;
    assert_seen_through(head);

    /* A byte past the image's end, though the sums are right. */
    head = accepted_head();
    head.report.sectors++;
    head.report.flash_used++;
    for (size_t i = 2; i < BOARD_SECTORS_MAX; i++) {
        struct answer_head lie = head;

        lie.report.sector_used[i] = 1;
        assert_seen_through(lie);
    }
    head.report.image_size = 2 * SECTOR + 1;
    head.report.sector_used[2] = 1;
    assert_believed(head);

    /* Sums that wrap around. */
    head = accepted_head();
    head.report.sector_used[0] = UINT32_MAX;
    head.report.sector_used[1] = 0x1041;
    assert_seen_through(head);

    /* The first sector has room for no less than the two vectors. */
    head = accepted_head();
    head.report.sector_used[0] = 8;
    head.report.flash_used = 0x48;
    assert_believed(head);
    head.report.sector_used[0] = 7;
    head.report.flash_used = 0x47;
    assert_seen_through(head);
}

/* A window that ends before the image, and one with more sectors than a report has room for. */
static void test_other_boards(void **state)
{
    struct answer_head head = accepted_head();
    struct board board = test_board;

    (void)state;
    board.flash.size = SECTOR;
    assert_int_equal(answer_check_head(&board, &head), -EBADMSG);
    board.flash.size = 2 * SECTOR;
    assert_int_equal(answer_check_head(&board, &head), 0);
    board.sector_size = SECTOR / BOARD_SECTORS_MAX;
    assert_int_equal(answer_check_head(&board, &head), -EBADMSG);
}

static void test_ram(void **state)
{
    (void)state;
    assert_fine(accepted_head(), report.ram_used, 0);
    assert_fine(accepted_head(), report.ram_used, D2_SIZE + D3_SIZE);
    assert_lie(accepted_head(), report.ram_used, D2_SIZE + D3_SIZE + 1);
}

static void test_addresses(void **state)
{
    const uint32_t end = FLASH + SECTOR + 0x40;

    (void)state;
    assert_lie(accepted_head(), report.stack_pointer, 0);
    assert_lie(accepted_head(), report.stack_pointer, STACK - 4);
    assert_lie(accepted_head(), report.stack_pointer, STACK + 8);
    assert_lie(accepted_head(), report.stack_pointer, D3 + 8);
    assert_lie(accepted_head(), report.reset_vector, RESET - 1);
    assert_lie(accepted_head(), report.reset_vector, FLASH - 1);
    assert_fine(accepted_head(), report.reset_vector, end - 1);
    assert_lie(accepted_head(), report.reset_vector, end + 1);
    assert_fine(accepted_head(), report.entry_point, FLASH);
    assert_lie(accepted_head(), report.entry_point, FLASH - 1);
    assert_lie(accepted_head(), report.entry_point, end);
}

static void test_tail(void **state)
{
    static const char bad[] = {'\0', ' ', '/', ':', '@', 'A', 'F', '`', 'g', (char)0xff};
    struct answer_tail tail, lie;

    (void)state;
    answer_make_tail(DIGEST, &tail);
    assert_int_equal(answer_check_tail(&tail), 0);
    for (size_t i = 0; i < ANSWER_MAGIC_SIZE; i++) {
        lie = tail;
        lie.magic[i] ^= 1;
        assert_int_equal(answer_check_tail(&lie), -EBADMSG);
    }
    for (size_t i = 0; i < SKETCH_DIGEST_HEX; i++) {
        lie = tail;
        lie.sha256[i] = 'X';
        assert_int_equal(answer_check_tail(&lie), -EBADMSG);
    }
    for (size_t i = 0; i < sizeof(bad); i++) {
        lie = tail;
        lie.sha256[SKETCH_DIGEST_HEX - 2] = bad[i];
        assert_int_equal(answer_check_tail(&lie), -EBADMSG);
    }
}

/* What goes over the socket holds no byte of the checker's stack or of an earlier upload. */
static void test_no_stray_bytes(void **state)
{
    struct sketch_report report;
    struct answer_head a, b;

    (void)state;
    memset(&report, 0, sizeof(report));
    memset(&a, 0x00, sizeof(a));
    memset(&b, 0xff, sizeof(b));
    answer_make_head(&report, &a);
    answer_make_head(&report, &b);
    assert_memory_equal(&a, &b, sizeof(a));
}

static int judge_signature(uint32_t state, uint32_t signer, uint8_t of_key, uint32_t n_keys)
{
    struct signature_verdict verdict = {.state = state, .signer = signer};
    struct answer_signature signature;

    verdict.key[SIGNATURE_KEY_SIZE - 1] = of_key;
    answer_make_signature(&verdict, &signature);
    return answer_check_signature(&signature, n_keys);
}

static void test_signature(void **state)
{
    struct answer_signature none = {.magic = "M4flash"};

    (void)state;
    assert_int_equal(judge_signature(SIGNATURE_NONE, 0, 0, 0), 0);
    assert_int_equal(judge_signature(SIGNATURE_WRONG, 0, 0, 1), 0);
    assert_int_equal(judge_signature(SIGNATURE_FOREIGN, 0, 9, 0), 0);
    assert_int_equal(judge_signature(SIGNATURE_GOOD, 0, 0, 1), 0);
    assert_int_equal(judge_signature(SIGNATURE_GOOD, 15, 0, 16), 0);
    assert_int_equal(judge_signature(SIGNATURE_GOOD, 0, 0, 0), -EBADMSG);
    assert_int_equal(judge_signature(SIGNATURE_GOOD, 1, 0, 1), -EBADMSG);
    assert_int_equal(judge_signature(SIGNATURE_GOOD, UINT32_MAX, 0, 1), -EBADMSG);
    assert_int_equal(judge_signature(SIGNATURE_GOOD, 0, 9, 1), -EBADMSG);
    assert_int_equal(judge_signature(SIGNATURE_NONE, 1, 0, 2), -EBADMSG);
    assert_int_equal(judge_signature(SIGNATURE_NONE, 0, 9, 2), -EBADMSG);
    assert_int_equal(judge_signature(_SIGNATURE_STATE_MAX, 0, 0, 2), -EBADMSG);
    assert_int_equal(judge_signature(UINT32_MAX, 0, 0, 2), -EBADMSG);
    assert_int_equal(answer_check_signature(&none, 1), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_magic_and_version),
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_cage),
        cmocka_unit_test(test_image),
        cmocka_unit_test(test_code),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_texts_that_fill_their_room),
        cmocka_unit_test(test_needed_size),
        cmocka_unit_test(test_rejected_has_no_numbers),
        cmocka_unit_test(test_image_size),
        cmocka_unit_test(test_sectors),
        cmocka_unit_test(test_other_boards),
        cmocka_unit_test(test_ram),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_tail),
        cmocka_unit_test(test_no_stray_bytes),
        cmocka_unit_test(test_signature),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
