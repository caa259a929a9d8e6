/* What `m4flash check` prints and returns, for every kind of file there is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <m4flash/sketch.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/store.h"
#include "tests/unit/cli/run.h"
#include "tiny_elf.h"

enum {
    FIELDS = 28, /* of a JSON object */
};

/* In each test's folder good.elf is a sketch. */
static int set_up(void **state)
{
    uint8_t elf[TINY_ELF_SIZE];

    tiny_elf(elf);
    fixture_set_up(state);
    write_file("good.elf", elf, sizeof(elf));
    return 0;
}

/* Whatever is installed on the machine that runs the tests: it is not known here. */
#define CHECK(f, ...) RUN(f, "check", "--board=portenta-x8", "--state-dir=nowhere", __VA_ARGS__)

static void test_accepted(void **state)
{
    struct fixture *f = *state;
    char file_digest[SKETCH_DIGEST_HEX], image_digest[SKETCH_DIGEST_HEX], expected[2048];
    uint8_t elf[TINY_ELF_SIZE];

    tiny_elf(elf);
    sketch_digest(elf, TINY_ELF_SIZE, file_digest);
    sketch_digest(elf + TINY_ELF_HEADERS, TINY_ELF_IMAGE, image_digest);
    snprintf(expected, sizeof(expected),
             "good.elf: accepted for Arduino Portenta X8\n"
             "  sha256         %s\n"
             "  image sha256   %s\n"
             "  bytes          204884, image 204800\n"
             "  flash          204800 of 1048576 bytes (19.5%%), 2 of 8 sectors\n"
             "  sectors        [#### ###. .... .... .... .... .... ....] 128 KiB each\n"
             "  RAM            0 bytes\n"
             "  stack pointer  0x10048000\n"
             "  reset vector   0x08100041\n",
             file_digest, image_digest);
    assert_int_equal(CHECK(f, "good.elf"), 0);
    assert_string_equal(f->out, expected);
    assert_string_equal(f->err, "");
}

static void test_rejected(void **state)
{
    struct fixture *f = *state;
    static const char text[] = "This is not a sketch, however long one may look at it, really.";

    write_file("text", text, sizeof(text));
    assert_int_equal(CHECK(f, "text"), 1);
    assert_int_equal(strncmp(f->out, "text: not-elf: ", 15), 0);
    assert_contains(f->out, "\n  ");
    assert_contains(f->out, sketch_code_hint(SKETCH_NOT_ELF));
    assert_string_equal(f->err, "");
}

/* One rejected file rejects all; one that is missing counts more, and the rest is still judged. */
static void test_several(void **state)
{
    struct fixture *f = *state;

    write_file("empty", "", 0);
    assert_int_equal(CHECK(f, "good.elf", "good.elf"), 0);
    assert_int_equal(CHECK(f, "empty", "good.elf"), 1);
    assert_contains(f->out, "empty: empty: ");
    assert_contains(f->out, "good.elf: accepted");
    assert_int_equal(CHECK(f, "missing", "empty", "good.elf"), 2);
    assert_string_equal(f->err, "m4flash: missing: No such file or directory\n");
    assert_contains(f->out, "empty: empty: ");
    assert_contains(f->out, "good.elf: accepted");
}

static void make_socket(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", name);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
}

static void test_not_regular(void **state)
{
    struct fixture *f = *state;

    mkdir("folder", 0755);
    mkfifo("fifo", 0644);
    make_socket("socket");
    assert_int_equal(symlink("fifo", "link"), 0);
    static const char *const names[] = {"folder", "fifo", "socket", "link", "/dev/null"};
    for (size_t i = 0; i < ELEMENTSOF(names); i++) {
        assert_int_equal(CHECK(f, names[i]), 1);
        assert_contains(f->out, ": not-regular: ");
    }
}

static void test_links(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(symlink("good.elf", "link"), 0);
    assert_int_equal(symlink("nowhere", "dangling"), 0);
    assert_int_equal(symlink("loop", "loop"), 0);
    assert_int_equal(CHECK(f, "link"), 0);
    assert_int_equal(CHECK(f, "dangling"), 2);
    assert_int_equal(CHECK(f, "loop"), 2);
    assert_int_equal(CHECK(f, "good.elf/x"), 2);
}

static void test_too_large(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(truncate("good.elf", (off_t)64 << 20), 0);
    assert_int_equal(CHECK(f, "good.elf"), 0);
    assert_int_equal(truncate("good.elf", ((off_t)64 << 20) + 1), 0);
    assert_int_equal(CHECK(f, "good.elf"), 1);
    assert_contains(f->out, "good.elf: too-large: ");
    /* What is left of these in 32 bits is a size that would do. */
    assert_int_equal(truncate("good.elf", ((off_t)1 << 32) + ((off_t)64 << 20)), 0);
    assert_int_equal(CHECK(f, "good.elf"), 1);
    assert_contains(f->out, "good.elf: too-large: ");
    assert_int_equal(truncate("good.elf", (off_t)1 << 40), 0);
    assert_int_equal(CHECK(f, "good.elf"), 1);
    assert_contains(f->out, "good.elf: too-large: ");
}

static void test_unreadable(void **state)
{
    struct fixture *f = *state;

    f->obeys_modes = true;
    assert_int_equal(chmod("good.elf", 0), 0);
    assert_int_equal(CHECK(f, "good.elf"), 1);
    assert_contains(f->out, "good.elf: unreadable: ");
}

static struct json_object *field(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;

    if (!json_object_object_get_ex(object, key, &value))
        fail_msg("no field %s", key);
    return value;
}

static void assert_text(struct json_object *object, const char *key, const char *expected)
{
    assert_string_equal(json_object_get_string(field(object, key)), expected);
}

static void assert_number(struct json_object *object, const char *key, int64_t expected)
{
    assert_true(json_object_is_type(field(object, key), json_type_int));
    assert_int_equal(json_object_get_int64(field(object, key)), expected);
}

static void test_json_accepted(void **state)
{
    struct fixture *f = *state;
    char digest[SKETCH_DIGEST_HEX];
    uint8_t elf[TINY_ELF_SIZE];

    tiny_elf(elf);
    assert_int_equal(CHECK(f, "--json", "./good.elf"), 0);
    struct json_object *object = json_line(f->out, 0);
    assert_text(object, "file", "./good.elf");
    assert_text(object, "board", "portenta-x8");
    assert_text(object, "result", "accepted");
    assert_text(object, "code", "accepted");
    assert_text(object, "message", "");
    assert_text(object, "hint", "");
    sketch_digest(elf, TINY_ELF_SIZE, digest);
    assert_text(object, "sha256", digest);
    sketch_digest(elf + TINY_ELF_HEADERS, TINY_ELF_IMAGE, digest);
    assert_text(object, "image_sha256", digest);
    assert_number(object, "bytes", TINY_ELF_SIZE);
    assert_number(object, "needed_bytes", 0);
    assert_number(object, "image_bytes", TINY_ELF_IMAGE);
    assert_number(object, "flash_used", TINY_ELF_IMAGE);
    assert_number(object, "flash_size", 1 << 20);
    assert_number(object, "sectors", 2);
    assert_number(object, "sector_size", 128 << 10);
    assert_number(object, "ram_used", 0);
    assert_number(object, "stack_pointer", 0x10048000);
    assert_number(object, "reset_vector", 0x08100041);
    assert_number(object, "entry_point", 0x08100041);
    struct json_object *used = field(object, "sector_used");
    assert_int_equal(json_object_array_length(used), 8);
    assert_int_equal(json_object_get_int(json_object_array_get_idx(used, 0)), 128 << 10);
    assert_int_equal(json_object_get_int(json_object_array_get_idx(used, 1)), 72 << 10);
    assert_int_equal(json_object_get_int(json_object_array_get_idx(used, 2)), 0);
    assert_int_equal(json_object_array_length(field(object, "ram")), 3);
    assert_int_equal(json_object_array_length(field(object, "symbols")), 0);
    assert_int_equal(json_object_array_length(field(object, "sector_changes")), 0);
    assert_text(object, "installed_image_sha256", "");
    assert_text(object, "changes_unknown", "no record of the chip is kept here");
    assert_text(object, "signature", "none");
    assert_text(object, "signature_key", "");
    assert_text(object, "signature_key_file", "");
    assert_int_equal(json_object_object_length(object), FIELDS);
    json_object_put(object);
}

static struct json_object *element(struct json_object *array, size_t index)
{
    struct json_object *value = json_object_array_get_idx(array, index);

    assert_non_null(value);
    return value;
}

/* A sketch as a linker writes it has more to tell than the tiny one. */
static void test_json_map(void **state)
{
    struct fixture *f = *state;
    uint8_t elf[TINY_ELF_SIZE + TINY_ELF_MORE];

    write_file("mapped.elf", elf, tiny_elf_with_map(elf));
    assert_int_equal(CHECK(f, "--json", "mapped.elf"), 0);
    struct json_object *object = json_line(f->out, 0), *ram = field(object, "ram");
    assert_int_equal(json_object_array_length(ram), 3);
    assert_text(element(ram, 0), "name", "D2 SRAM");
    assert_number(element(ram, 0), "start", 0x10000000);
    assert_number(element(ram, 0), "size", 288 << 10);
    assert_number(element(ram, 0), "data", 0);
    assert_number(element(ram, 0), "bss", 0);
    assert_number(element(ram, 0), "heap", 0);
    assert_number(element(ram, 0), "stack", 1024);
    assert_number(element(ram, 0), "free", (288 << 10) - 1024);
    assert_text(element(ram, 2), "name", "D3 SRAM");
    assert_number(element(ram, 2), "free", 64 << 10);
    struct json_object *symbols = field(object, "symbols");
    assert_int_equal(json_object_array_length(symbols), 1);
    assert_text(element(symbols, 0), "name", "a\\x1b[2Jb");
    assert_number(element(symbols, 0), "address", 0x08100040);
    assert_number(element(symbols, 0), "size", 12);
    json_object_put(object);
}

static void test_json_of_the_others(void **state)
{
    struct fixture *f = *state;
    uint8_t elf[TINY_ELF_SIZE];

    tiny_elf(elf);
    write_file("cut", elf, 1000);
    assert_int_equal(CHECK(f, "--json", "cut", "missing"), 2);
    struct json_object *object = json_line(f->out, 0);
    assert_text(object, "result", "rejected");
    assert_text(object, "code", "truncated");
    assert_true(json_object_get_string_len(field(object, "message")) > 0);
    assert_true(json_object_get_string_len(field(object, "hint")) > 0);
    assert_number(object, "bytes", 1000);
    assert_number(object, "needed_bytes", TINY_ELF_SIZE);
    assert_int_equal(json_object_array_length(field(object, "ram")), 0);
    assert_text(object, "changes_unknown", "");
    assert_int_equal(json_object_object_length(object), FIELDS);
    json_object_put(object);
    object = json_line(f->out, 1);
    assert_text(object, "file", "missing");
    assert_text(object, "result", "error");
    assert_text(object, "code", "");
    assert_text(object, "message", "No such file or directory");
    assert_text(object, "sha256", "");
    assert_int_equal(json_object_object_length(object), FIELDS);
    json_object_put(object);
}

/* Installs an image of size bytes, the tiny sketch's but for the byte at `differs`. */
static void install(const char *folder, uint32_t size, uint32_t differs)
{
    static uint8_t elf[TINY_ELF_SIZE * 2];
    struct store_image image = {.image = elf + TINY_ELF_HEADERS, .image_size = size};

    memset(elf, 0xFF, sizeof(elf));
    tiny_elf(elf);
    image.image[differs] ^= 1;
    sketch_digest(image.image, size, image.image_sha256);
    mkdir(folder, 0700);
    _cleanup_fd_ int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(store_save(fd, STORE_INSTALLED, &image), 0);
}

/* What is said of the first two sectors, which are the sketch's; the others never change. */
static void assert_changes(struct fixture *f, bool first, bool second)
{
    assert_int_equal(RUN(f, "check", "-bportenta-x8", "--state-dir=state", "--json", "good.elf"),
                     0);
    struct json_object *object = json_line(f->out, 0), *changes = field(object, "sector_changes");
    assert_int_equal(json_object_array_length(changes), 8);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(json_object_get_boolean(element(changes, i)),
                         i == 0 ? first : i == 1 && second);
    assert_text(object, "changes_unknown", "");
    assert_int_equal(strlen(json_object_get_string(field(object, "installed_image_sha256"))), 64);
    json_object_put(object);
}

static void test_changes(void **state)
{
    struct fixture *f = *state;
    enum { BEHIND = TINY_ELF_IMAGE + 1000, SECTOR = 128 << 10 };

    install("state", TINY_ELF_IMAGE + 1, TINY_ELF_IMAGE); /* a byte behind its end */
    assert_changes(f, false, true);
    install("state", BEHIND, BEHIND + 1); /* 0xFF behind its end is as good as nothing */
    assert_changes(f, false, false);
    assert_int_equal(RUN(f, "check", "-bportenta-x8", "--state-dir=state", "-palways", "good.elf"),
                     0);
    assert_contains(f->out, "An upload now would change nothing");
    install("state", TINY_ELF_IMAGE, SECTOR - 1);
    assert_changes(f, true, false);
    install("state", TINY_ELF_IMAGE, SECTOR);
    assert_changes(f, false, true);
    install("state", SECTOR - 1, 0);
    assert_changes(f, true, true);
}

static void assert_unknown(struct fixture *f, const char *reason)
{
    assert_int_equal(RUN(f, "check", "-bportenta-x8", "--state-dir=state", "--json", "good.elf"),
                     0);
    struct json_object *object = json_line(f->out, 0);
    assert_text(object, "changes_unknown", reason);
    assert_text(object, "installed_image_sha256", "");
    assert_int_equal(json_object_array_length(field(object, "sector_changes")), 0);
    json_object_put(object);
    assert_int_equal(RUN(f, "check", "-bportenta-x8", "--state-dir=state", "-palways", "good.elf"),
                     0);
    assert_contains(f->out, "What an upload would change is not known: ");
    assert_contains(f->out, reason);
    assert_string_equal(f->err, "");
}

static void test_changes_unknown(void **state)
{
    struct fixture *f = *state;

    assert_unknown(f, "no record of the chip is kept here");
    mkdir("state", 0700);
    assert_unknown(f, "nothing has been programmed yet");
    write_file("state/installed", "?", 1);
    assert_unknown(f, "the record of the chip is damaged");
    assert_int_equal(access("state/installed", F_OK), 0); /* for the daemon to set aside */
    install("state", TINY_ELF_IMAGE, 0);
    write_file("state/intent", "?", 1);
    assert_unknown(f, "programming goes on or was cut off");
    assert_int_equal(unlink("state/intent"), 0);
    f->obeys_modes = true;
    assert_int_equal(chmod("state/installed", 0), 0);
    assert_unknown(f, "only root may read the record");
    assert_int_equal(chmod("state", 0), 0);
    assert_unknown(f, "only root may read the record");
    assert_int_equal(chmod("state", 0700), 0);
    assert_int_equal(rename("state", "other"), 0);
    write_file("state", "", 0);
    assert_unknown(f, "Not a directory");
}

/* Not on a terminal it is drawn only if asked for, and then in the same words everywhere. */
static void test_picture(void **state)
{
    struct fixture *f = *state;
    static const char flash[] = "\n  Flash: 204800 of 1048576 bytes (19.5%), ";

    assert_int_equal(CHECK(f, "--picture=always", "good.elf"), 0);
    assert_contains(f->out, "  reset vector   0x08100041\n");
    assert_contains(f->out, flash);
    assert_null(strstr(f->out, "  sectors "));
    assert_null(strchr(f->out, '\x1b'));
    assert_int_equal(CHECK(f, "-p", "auto", "good.elf"), 0);
    assert_null(strstr(f->out, flash));
    assert_int_equal(CHECK(f, "-palways", "-pnever", "good.elf"), 0);
    assert_null(strstr(f->out, flash));
    write_file("empty", "", 0);
    assert_int_equal(CHECK(f, "-palways", "empty"), 1);
    assert_null(strstr(f->out, "Flash: "));
    assert_int_equal(CHECK(f, "--picture=maybe", "good.elf"), 2);
    assert_contains(f->err, "--picture needs \"auto\", \"always\" or \"never\"\nTry ");
}

/* A name is data: it must neither move the cursor nor break the JSON. */
static void test_hostile_names(void **state)
{
    struct fixture *f = *state;
    static const char name[] = "a\x1b[2J\n\xFF\\\"\xC3\xA9";
    static const char printable[] = "a\\x1b[2J\\x0a\\xff\\\\\"\xC3\xA9";

    write_file(name, "", 0);
    assert_int_equal(CHECK(f, name), 1);
    assert_int_equal(strncmp(f->out, printable, strlen(printable)), 0);
    assert_int_equal(CHECK(f, "--json", name), 1);
    struct json_object *object = json_line(f->out, 0);
    assert_text(object, "file", printable);
    json_object_put(object);
    unlink(name);
    assert_int_equal(CHECK(f, name), 2);
    assert_contains(f->err, printable);
    assert_null(strchr(f->err, '\x1b'));
    assert_int_equal(RUN(f, "check", "--board", name, "good.elf"), 2);
    assert_contains(f->err, printable);
    assert_null(strchr(f->err, '\x1b'));
}

/* Whoever reads only the exit status must not take a verdict for one that nobody got. */
static void test_full_disk(void **state)
{
    struct fixture *f = *state;

    f->out_to = "/dev/full";
    assert_int_equal(CHECK(f, "good.elf"), 2);
    assert_contains(f->err, "No space left");
}

static void test_board(void **state)
{
    struct fixture *f = *state;

    write_file("bad.conf", "[Flash]\nStart=here\n", 19);
    assert_int_equal(RUN(f, "check", "--board=nobody-s", "good.elf"), 2);
    assert_contains(f->err, "m4flash: nobody-s: there is no profile of this board in ");
    assert_int_equal(RUN(f, "check", "--board", "./bad.conf", "good.elf"), 2);
    assert_contains(f->err, "m4flash: ./bad.conf:2: Start=here must be a number");
    assert_string_equal(f->out, "");
}

static void test_usage(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(RUN(f, NULL), 2);
    assert_contains(f->err, "a command is missing");
    assert_int_equal(RUN(f, "frobnicate"), 2);
    assert_contains(f->err, "no such command");
    assert_int_equal(RUN(f, "--nonsense"), 2);
    assert_int_equal(RUN(f, "check"), 2);
    assert_contains(f->err, "a FILE is missing");
    assert_int_equal(RUN(f, "check", "--nonsense", "good.elf"), 2);
    assert_int_equal(RUN(f, "check", "--board"), 2);
    assert_string_equal(f->out, "");
}

static void test_help(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(RUN(f, "--version"), 0);
    assert_int_equal(strncmp(f->out, "m4flash ", 8), 0);
    assert_int_equal(RUN(f, "--help"), 0);
    assert_contains(f->out, "\n  check ");
    assert_contains(f->out, "Exit status: 0");
    assert_int_equal(RUN(f, "--", "check", "--help"), 0);
    assert_contains(f->out,
                    "Usage: m4flash check [-b NAME] [-p WHEN] [--state-dir DIR] [--json] FILE...");
    assert_contains(f->out, "Exit status: 0 all accepted, 1 any rejected, 2 usage");
    assert_string_equal(f->err, "");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, fixture_tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_accepted),   TEST(test_rejected),
        TEST(test_several),    TEST(test_not_regular),
        TEST(test_links),      TEST(test_too_large),
        TEST(test_unreadable), TEST(test_json_accepted),
        TEST(test_json_map),   TEST(test_json_of_the_others),
        TEST(test_changes),    TEST(test_changes_unknown),
        TEST(test_picture),    TEST(test_hostile_names),
        TEST(test_full_disk),  TEST(test_board),
        TEST(test_usage),      TEST(test_help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
