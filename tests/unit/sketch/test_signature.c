/* Signatures: what fits, all that does not, and what a note does to an ELF file: nothing. */
#include <errno.h>
#include <openssl/pem.h>
#include <string.h>

#include "fixture.h"
#include "sketch/elf_view.h"
#include "sketch/signature.h"
#include "tests/unit/signing.h"

enum { OURS = 1, ALSO_OURS, A_STRANGERS };

static struct signature_verdict judge(const struct signature_order *order, const void *bytes,
                                      size_t size)
{
    struct signature_verdict verdict;

    assert_int_equal(signature_judge(order, bytes, size, &verdict), 0);
    return verdict;
}

static void assert_state(const struct signature_order *order, const void *bytes, size_t size,
                         enum signature_state expected)
{
    assert_int_equal(judge(order, bytes, size).state, expected);
}

/* ---- Embedded -------------------------------------------------------------------------------- */

static void test_prepare(void **state)
{
    (void)state;
    assert_int_equal(signature_prepare(), 0);
}

static void test_embedded(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();
    struct signature_order order = signing_order(2);
    static const uint8_t none[SIGNATURE_KEY_SIZE];
    size_t size;

    (void)state;
    assert_state(&order, elf.bytes, elf.size, SIGNATURE_NONE);
    for (uint8_t seed = OURS; seed <= A_STRANGERS; seed++) {
        _cleanup_free_ uint8_t *copy = signing_embed(seed, elf.bytes, elf.size, &size);
        struct signature_verdict verdict = judge(&order, copy, size);

        assert_int_equal(verdict.state, seed < A_STRANGERS ? SIGNATURE_GOOD : SIGNATURE_FOREIGN);
        assert_int_equal(verdict.signer, seed == ALSO_OURS ? 1 : 0);
        struct signature_order strangers = signing_order(3);
        assert_memory_equal(verdict.key, seed < A_STRANGERS ? none : strangers.keys[2],
                            SIGNATURE_KEY_SIZE);
    }
}

/* Of a file that is as small as can be, so that each bit's turn comes. */
static void test_each_bit(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();
    struct signature_order order = signing_order(1);
    size_t size;

    (void)state;
    _cleanup_free_ uint8_t *copy = signing_embed(OURS, elf.bytes, elf.size, &size);
    for (size_t bit = 0; bit < 8 * size; bit += bit < 8 * (size - SIGNATURE_NOTE_SIZE) ? 13 : 1) {
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (judge(&order, copy, size).state == SIGNATURE_GOOD)
            fail_msg("bit %zu does not matter", bit);
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_state(&order, copy, size, SIGNATURE_GOOD);
}

static void test_each_length(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();
    struct signature_order order = signing_order(1);
    size_t size;

    (void)state;
    _cleanup_free_ uint8_t *copy = signing_embed(OURS, elf.bytes, elf.size, &size);
    for (size_t part = 0; part < size; part++)
        assert_state(&order, copy, part, SIGNATURE_NONE);
    _cleanup_free_ uint8_t *longer = calloc(1, size + 1);
    assert_non_null(longer);
    memcpy(longer, copy, size);
    assert_state(&order, longer, size + 1, SIGNATURE_NONE);
}

static void test_no_keys(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();
    struct signature_order none = signing_order(0);
    size_t size;

    (void)state;
    _cleanup_free_ uint8_t *copy = signing_embed(OURS, elf.bytes, elf.size, &size);
    assert_state(&none, copy, size, SIGNATURE_FOREIGN);
    none.has_detached = 1;
    assert_state(&none, elf.bytes, elf.size, SIGNATURE_WRONG);
}

/* ---- Detached -------------------------------------------------------------------------------- */

static void attach(struct signature_order *order, uint8_t seed, const void *bytes, size_t size)
{
    uint8_t public[SIGNATURE_KEY_SIZE];
    EVP_PKEY *key = signing_key(seed, public);

    signing_make(key, bytes, size, order->detached);
    order->has_detached = 1;
    EVP_PKEY_free(key);
}

static void test_detached(void **state)
{
    static const char bytes[] = "any file whatever";
    struct signature_order order = signing_order(2);

    (void)state;
    attach(&order, ALSO_OURS, bytes, sizeof(bytes));
    assert_state(&order, bytes, sizeof(bytes), SIGNATURE_GOOD);
    assert_int_equal(judge(&order, bytes, sizeof(bytes)).signer, 1);
    assert_state(&order, bytes, sizeof(bytes) - 1, SIGNATURE_WRONG);
    assert_state(&order, "", 0, SIGNATURE_WRONG);
    attach(&order, A_STRANGERS, bytes, sizeof(bytes));
    assert_state(&order, bytes, sizeof(bytes), SIGNATURE_WRONG);
    order.has_detached = 0;
    assert_state(&order, bytes, sizeof(bytes), SIGNATURE_NONE);
}

/* One of the two is enough; of two reasons the embedded one's is told. */
static void test_both(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();
    struct signature_order order = signing_order(1);
    size_t size;

    (void)state;
    _cleanup_free_ uint8_t *ours = signing_embed(OURS, elf.bytes, elf.size, &size);
    attach(&order, A_STRANGERS, ours, size);
    assert_state(&order, ours, size, SIGNATURE_GOOD);
    _cleanup_free_ uint8_t *theirs = signing_embed(A_STRANGERS, elf.bytes, elf.size, &size);
    assert_state(&order, theirs, size, SIGNATURE_FOREIGN);
    attach(&order, OURS, theirs, size);
    assert_state(&order, theirs, size, SIGNATURE_GOOD);
    struct signature_verdict verdict = judge(&order, theirs, size);
    assert_memory_equal(verdict.key, (uint8_t[SIGNATURE_KEY_SIZE]){0}, SIGNATURE_KEY_SIZE);
}

static void test_message(void **state)
{
    char message[SIGNATURE_MESSAGE_SIZE + 1] = "";

    (void)state;
    signature_message("abc", 3, message);
    assert_string_equal(message, "m4flash sketch 1 ba7816bf8f01cfea414140de5dae2223b00361a396177a9c"
                                 "b410ff61f20015ad\n");
}

/* ---- The note -------------------------------------------------------------------------------- */

/* The sketch is the same, whole, and rejected as cut off wherever it is. */
static void assert_same_sketch(const struct elf *elf, const uint8_t *copy, size_t size)
{
    _cleanup_free_ uint8_t *image = NULL, *copied_image = NULL;
    struct sketch_report report = check_on(&test_board, elf->bytes, elf->size, &image);
    struct sketch_report copied = check_on(&test_board, copy, size, &copied_image);

    assert_int_equal(report.code, SKETCH_ACCEPTED);
    assert_int_equal(copied.code, SKETCH_ACCEPTED);
    assert_int_equal(copied.image_size, report.image_size);
    assert_memory_equal(copied_image, image, report.image_size);
    for (size_t part = elf->size; part < size; part++) {
        copied = check_on(&test_board, copy, part, NULL);
        assert_int_equal(copied.code, SKETCH_TRUNCATED);
        assert_in_range(copied.needed_size, part + 1, size);
    }
}

static void assert_note_section(const uint8_t *copy, size_t size, uint64_t n_sections)
{
    struct elf_view view;
    Elf32_Shdr names, note;

    elf_view_open(copy, size, NULL, &view);
    assert_int_equal(view.n_sections, n_sections);
    uint32_t index = view.header.e_shstrndx;
    if (index == SHN_XINDEX)
        index = view.section0.sh_link;
    assert_true(elf_view_section(&view, index, &names));
    assert_true(elf_view_is_string(&view, &names, names.sh_name, ".shstrtab"));
    assert_true(elf_view_section(&view, n_sections - 1, &note));
    assert_true(elf_view_is_string(&view, &names, note.sh_name, ".note.m4flash"));
    assert_int_equal(note.sh_type, SHT_NOTE);
    assert_int_equal(note.sh_offset % 4, 0);
    assert_int_equal(note.sh_offset + note.sh_size, size);
    assert_int_equal(note.sh_size, SIGNATURE_NOTE_SIZE);
}

static void name_the_names(struct elf *elf)
{
    static const char names[] = "\0.shstrtab";
    Elf32_Shdr *section;

    elf->bytes = realloc(elf->bytes, elf->size + sizeof(names));
    assert_non_null(elf->bytes);
    memcpy(elf->bytes + elf->size, names, sizeof(names));
    section = elf_section(elf, NAMES_SECTION);
    *section = (Elf32_Shdr){.sh_name = 1,
                            .sh_type = SHT_STRTAB,
                            .sh_offset = (Elf32_Off)elf->size,
                            .sh_size = sizeof(names)};
    elf->size += sizeof(names);
}

static void test_note(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();
    size_t size, again_size;

    (void)state;
    name_the_names(&elf);
    _cleanup_free_ uint8_t *copy = signing_embed(OURS, elf.bytes, elf.size, &size);
    assert_same_sketch(&elf, copy, size);
    assert_note_section(copy, size, N_SECTIONS + 1);
    /* Signed once more, by another key, it has one note still. */
    _cleanup_free_ uint8_t *again = signing_embed(ALSO_OURS, copy, size, &again_size);
    struct signature_order order = signing_order(2);
    assert_int_equal(again_size, size);
    assert_int_equal(judge(&order, again, again_size).signer, 1);
    assert_same_sketch(&elf, again, size);
}

static void test_note_without_sections(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();
    size_t size;

    (void)state;
    elf_strip(&elf);
    _cleanup_free_ uint8_t *copy = signing_embed(OURS, elf.bytes, elf.size, &size);
    assert_same_sketch(&elf, copy, size);
    assert_note_section(copy, size, 3);
}

static void test_note_without_names(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();
    size_t size;

    (void)state;
    elf_header(&elf)->e_shstrndx = SHN_UNDEF;
    _cleanup_free_ uint8_t *copy = signing_embed(OURS, elf.bytes, elf.size, &size);
    assert_same_sketch(&elf, copy, size);
    assert_note_section(copy, size, N_SECTIONS + 2);
}

/* As of a file with very many sections, though it has few. */
static void test_note_with_counts_elsewhere(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();
    size_t size;

    (void)state;
    name_the_names(&elf);
    elf_header(&elf)->e_shstrndx = SHN_XINDEX;
    elf_section(&elf, NULL_SECTION)->sh_link = NAMES_SECTION;
    elf_header(&elf)->e_shnum = 0;
    elf_section(&elf, NULL_SECTION)->sh_size = N_SECTIONS;
    _cleanup_free_ uint8_t *copy = signing_embed(OURS, elf.bytes, elf.size, &size);
    assert_same_sketch(&elf, copy, size);
    assert_note_section(copy, size, N_SECTIONS + 1);
}

/* With the note they are too many for the header, at one of these numbers. */
static void test_note_with_many_sections(void **state)
{
    (void)state;
    for (uint32_t n = SHN_LORESERVE - 3; n <= SHN_LORESERVE + 1; n++) {
        _cleanup_elf_ struct elf elf = elf_default();
        size_t size = elf.size + n * sizeof(Elf32_Shdr), copy_size;

        elf.bytes = realloc(elf.bytes, size);
        assert_non_null(elf.bytes);
        memset(elf.bytes + elf.size, 0, size - elf.size);
        elf_header(&elf)->e_shoff = (Elf32_Off)elf.size;
        elf_header(&elf)->e_shnum = n < SHN_LORESERVE ? (Elf32_Half)n : 0;
        elf_header(&elf)->e_shstrndx = SHN_UNDEF;
        ((Elf32_Shdr *)(elf.bytes + elf.size))->sh_size = n < SHN_LORESERVE ? 0 : n;
        elf.size = size;
        _cleanup_free_ uint8_t *copy = signing_embed(OURS, elf.bytes, elf.size, &copy_size);
        assert_note_section(copy, copy_size, n + 2);
        assert_int_equal(check_on(&test_board, copy, copy_size, NULL).code, SKETCH_ACCEPTED);
    }
}

static void assert_no_note(const void *bytes, size_t size, const char *expected)
{
    static const uint8_t key[SIGNATURE_KEY_SIZE] = {1};
    uint8_t *copy = NULL;
    size_t copy_size;
    const char *reason = NULL;

    assert_int_equal(signature_note_add(bytes, size, key, &copy, &copy_size, &reason), -EINVAL);
    assert_null(copy);
    if (!strstr(reason, expected))
        fail_msg("'%s' is not about '%s'", reason, expected);
}

static void test_no_note(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();

    (void)state;
    assert_no_note("", 0, "not an ELF file");
    assert_no_note("\177EL", 3, "not an ELF file");
    assert_no_note(elf.bytes, elf.size - 1, "cut off");
    elf.bytes[EI_CLASS] = ELFCLASS64;
    assert_no_note(elf.bytes, elf.size, "32-bit");
    elf.bytes[EI_CLASS] = ELFCLASS32;
    elf.bytes[EI_DATA] = ELFDATA2MSB;
    assert_no_note(elf.bytes, elf.size, "little-endian");
    elf.bytes[EI_DATA] = ELFDATA2LSB;
    elf_header(&elf)->e_shstrndx = N_SECTIONS;
    assert_no_note(elf.bytes, elf.size, "names are not where");
    elf_header(&elf)->e_shstrndx = ATTRIBUTES_SECTION;
    assert_no_note(elf.bytes, elf.size, "names are not where");
    elf_header(&elf)->e_shstrndx = NAMES_SECTION;
    elf_header(&elf)->e_shnum = 1;
    elf_header(&elf)->e_shentsize++;
    assert_no_note(elf.bytes, elf.size, "standard's size");
}

/* The bytes that signing changes can be the sketch's as well. (found/signature has two such files.)
 */
static void test_no_note_in_a_segment(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();

    (void)state;
    elf_segment(&elf, DATA_SEGMENT)->p_offset = sizeof(Elf32_Ehdr) - 1;
    assert_verdict(&elf, SKETCH_ACCEPTED);
    assert_no_note(elf.bytes, elf.size, "--detached");
    elf_segment(&elf, DATA_SEGMENT)->p_offset = sizeof(Elf32_Ehdr);
    free(signing_embed(OURS, elf.bytes, elf.size, &(size_t){0}));
}

static void test_no_note_in_a_section(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();
    Elf32_Shdr *section = elf_section(&elf, ATTRIBUTES_SECTION);

    (void)state;
    section->sh_offset = sizeof(Elf32_Ehdr) - 1;
    assert_no_note(elf.bytes, elf.size, "--detached");
    section->sh_type = SHT_NOBITS;
    free(signing_embed(OURS, elf.bytes, elf.size, &(size_t){0}));
}

static void test_no_note_in_a_table(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();

    (void)state;
    elf_header(&elf)->e_phoff = sizeof(Elf32_Ehdr) - 1;
    elf_header(&elf)->e_phentsize = 1; /* so that no entry is read from there */
    assert_no_note(elf.bytes, elf.size, "--detached");
    elf_header(&elf)->e_phoff++;
    free(signing_embed(OURS, elf.bytes, elf.size, &(size_t){0}));
}

/* What only looks like a note of ours is left alone, and a real one added. */
static void test_note_behind_another(void **state)
{
    _cleanup_elf_ struct elf elf = elf_default();
    size_t size, again_size;

    (void)state;
    _cleanup_free_ uint8_t *copy = signing_embed(OURS, elf.bytes, elf.size, &size);
    struct elf signed_elf = {copy, size};
    Elf32_Phdr *data = elf_segment(&signed_elf, DATA_SEGMENT);

    data->p_offset = (Elf32_Off)(size - SIGNATURE_NOTE_SIZE - data->p_filesz + 1);
    _cleanup_free_ uint8_t *again = signing_embed(ALSO_OURS, copy, size, &again_size);
    assert_true(again_size > size);
    assert_same_sketch(&signed_elf, again, again_size);
    data->p_offset--;
    free(signing_embed(ALSO_OURS, copy, size, &again_size));
    assert_int_equal(again_size, size);
    elf_section(&signed_elf, N_SECTIONS)->sh_type = SHT_PROGBITS;
    free(signing_embed(ALSO_OURS, copy, size, &again_size));
    assert_true(again_size > size);
}

/* ---- Keys ------------------------------------------------------------------------------------ */

static char *public_pem(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *copy = calloc(1, SIGNATURE_PEM_MAX);

    assert_non_null(bio);
    assert_non_null(copy);
    assert_int_equal(PEM_write_bio_PUBKEY(bio, key), 1);
    assert_true(BIO_read(bio, copy, SIGNATURE_PEM_MAX - 1) > 0);
    BIO_free(bio);
    return copy;
}

static void assert_no_key(const char *text, size_t size, const char *expected)
{
    uint8_t key[SIGNATURE_KEY_SIZE];
    const char *reason = NULL;

    assert_int_equal(signature_key_parse(text, size, key, &reason), -EINVAL);
    if (!strstr(reason, expected))
        fail_msg("'%s' is not about '%s'", reason, expected);
}

static void test_key(void **state)
{
    uint8_t expected[SIGNATURE_KEY_SIZE], found[SIGNATURE_KEY_SIZE];
    const char *reason;
    char wide[4096];

    (void)state;
    EVP_PKEY *key = signing_key(OURS, expected);
    _cleanup_free_ char *pem = public_pem(key);
    EVP_PKEY_free(key);
    assert_int_equal(signature_key_parse(pem, strlen(pem), found, &reason), 0);
    assert_memory_equal(found, expected, sizeof(found));
    snprintf(wide, sizeof(wide), "The key of all keys.\n%s\nThe end.\n", pem);
    assert_int_equal(signature_key_parse(wide, strlen(wide), found, &reason), 0);
    assert_memory_equal(found, expected, sizeof(found));
    for (size_t size = 0; size < strlen(pem) - 1; size++)
        assert_no_key(pem, size, "no key in PEM");
}

static void test_no_key(void **state)
{
    static const char private[] = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    static const char other[] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    static const char small[] = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
    static const char x25519[] = "-----BEGIN PUBLIC KEY-----\n"
                                 "MCowBQYDK2VuAyEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
                                 "-----END PUBLIC KEY-----\n";
    static const char blanks[SIGNATURE_PEM_MAX + 1];

    (void)state;
    assert_no_key(private, strlen(private), "private key");
    assert_no_key(other, strlen(other), "something else");
    assert_no_key(small, strlen(small), "not an Ed25519 key");
    assert_no_key(x25519, strlen(x25519), "not an Ed25519 key");
    assert_no_key("\xff\0\x80", 3, "no key in PEM");
    assert_no_key(blanks, sizeof(blanks), "too long");
}

/* The example of RFC 8410, section 10.1; `openssl pkey -pubin -outform DER | sha256sum` of it. */
static void test_fingerprint(void **state)
{
    static const char pem[] = "-----BEGIN PUBLIC KEY-----\n"
                              "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
                              "-----END PUBLIC KEY-----\n";
    uint8_t key[SIGNATURE_KEY_SIZE];
    char fingerprint[SKETCH_DIGEST_HEX];
    const char *reason;

    (void)state;
    assert_int_equal(signature_key_parse(pem, strlen(pem), key, &reason), 0);
    signature_key_fingerprint(key, fingerprint);
    assert_string_equal(fingerprint, "a1e9156054e04fac899ae9f275132cdc07a5dbc4"
                                     "ea2c2ad3a1ffc6e0d253681f");
}

static void test_reports(void **state)
{
    struct signature_verdict verdict = {.state = SIGNATURE_FOREIGN};
    struct sketch_report report;

    (void)state;
    for (uint32_t n_keys = 0; n_keys < 2; n_keys++)
        for (verdict.state = SIGNATURE_NONE; verdict.state < SIGNATURE_GOOD; verdict.state++) {
            signature_report(&verdict, n_keys, &report);
            assert_int_equal(report.code, SKETCH_SIGNATURE);
            assert_in_range(strlen(report.sentence), 20, sizeof(report.sentence) - 2);
            assert_in_range(strlen(report.hint), 20, sizeof(report.hint) - 2);
            assert_int_equal(report.sentence[strlen(report.sentence) - 1], '.');
            assert_int_equal(strstr(report.sentence, "no usable key") != NULL, n_keys == 0);
            assert_int_equal(report.image_size, 0);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prepare),
        cmocka_unit_test(test_embedded),
        cmocka_unit_test(test_each_bit),
        cmocka_unit_test(test_each_length),
        cmocka_unit_test(test_no_keys),
        cmocka_unit_test(test_detached),
        cmocka_unit_test(test_both),
        cmocka_unit_test(test_message),
        cmocka_unit_test(test_note),
        cmocka_unit_test(test_note_without_sections),
        cmocka_unit_test(test_note_without_names),
        cmocka_unit_test(test_note_with_counts_elsewhere),
        cmocka_unit_test(test_note_with_many_sections),
        cmocka_unit_test(test_no_note),
        cmocka_unit_test(test_no_note_in_a_segment),
        cmocka_unit_test(test_no_note_in_a_section),
        cmocka_unit_test(test_no_note_in_a_table),
        cmocka_unit_test(test_note_behind_another),
        cmocka_unit_test(test_key),
        cmocka_unit_test(test_no_key),
        cmocka_unit_test(test_fingerprint),
        cmocka_unit_test(test_reports),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
