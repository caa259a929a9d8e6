/* What `m4flash check` prints and returns, for every kind of file there is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <json-c/json.h>
#include <linux/capability.h>
#include <m4flash/sketch.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tiny_elf.h"
#include "util/cleanup.h"
#include "util/fd.h"

enum { ARGUMENTS_MAX = 8 };

struct fixture {
    char folder[32];
    int home;           /* the folder tests were started in */
    const char *out_to; /* where standard output goes */
    bool obeys_modes;   /* even as root */
    uint8_t elf[TINY_ELF_SIZE];
    char out[16384], err[4096];
};

static void write_file(const char *name, const void *data, size_t size)
{
    _cleanup_fd_ int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(fd_write_full(fd, data, size), 0);
}

/* Each test runs in a fresh folder, where good.elf is a sketch. */
static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    strcpy(f->folder, "/tmp/m4flash-test-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    f->out_to = ".out";
    f->home = open(".", O_PATH | O_CLOEXEC);
    assert_true(f->home >= 0);
    assert_int_equal(chdir(f->folder), 0);
    tiny_elf(f->elf);
    write_file("good.elf", f->elf, TINY_ELF_SIZE);
    *state = f;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(fchdir(f->home), 0);
    fd_close(f->home);
    nftw(f->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

static void slurp(const char *name, char *to, size_t room)
{
    _cleanup_fd_ int fd = open(name, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd_read_full(fd, to, room - 1);

    assert_true(n >= 0);
    to[n] = '\0';
    unlink(name);
}

/* Runs m4flash with arguments up to NULL. Returns its exit status. */
static int m4flash(struct fixture *f, const char *const arguments[static ARGUMENTS_MAX])
{
    char *argv[ARGUMENTS_MAX + 2] = {getenv("M4FLASH_COMMAND")};
    int status = 0;

    assert_non_null(argv[0]);
    for (size_t i = 0; i < ARGUMENTS_MAX; i++)
        argv[i + 1] = (char *)(uintptr_t)arguments[i];
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int out = open(f->out_to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        int err = open(".err", O_WRONLY | O_CREAT | O_TRUNC, 0600);
        dup2(out, STDOUT_FILENO);
        dup2(err, STDERR_FILENO);
        if (f->obeys_modes && geteuid() == 0) {
            prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE);
            prctl(PR_CAPBSET_DROP, CAP_DAC_READ_SEARCH);
        }
        execv(argv[0], argv);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (strcmp(f->out_to, ".out") == 0)
        slurp(".out", f->out, sizeof(f->out));
    slurp(".err", f->err, sizeof(f->err));
    return WEXITSTATUS(status);
}

#define RUN(f, ...)   m4flash(f, (const char *const[ARGUMENTS_MAX]){__VA_ARGS__})
#define CHECK(f, ...) RUN(f, "check", "--board=portenta-x8", __VA_ARGS__)

static void assert_contains(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no \"%s\" in:\n%s", part, text);
}

static void test_accepted(void **state)
{
    struct fixture *f = *state;
    char file_digest[SKETCH_DIGEST_HEX], image_digest[SKETCH_DIGEST_HEX], expected[2048];

    sketch_digest(f->elf, TINY_ELF_SIZE, file_digest);
    sketch_digest(f->elf + TINY_ELF_HEADERS, TINY_ELF_IMAGE, image_digest);
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

/* The n'th line, parsed strictly and as UTF-8; to be put. */
static struct json_object *json_line(const char *text, unsigned n)
{
    struct json_tokener *tokener = json_tokener_new();

    assert_non_null(tokener);
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    while (n-- > 0)
        text = strchr(text, '\n') + 1;
    const char *end = strchr(text, '\n');
    assert_non_null(end);
    struct json_object *object = json_tokener_parse_ex(tokener, text, (int)(end - text));
    if (!object)
        fail_msg("no JSON: %s", text);
    json_tokener_free(tokener);
    return object;
}

static void test_json_accepted(void **state)
{
    struct fixture *f = *state;
    char digest[SKETCH_DIGEST_HEX];

    assert_int_equal(CHECK(f, "--json", "./good.elf"), 0);
    struct json_object *object = json_line(f->out, 0);
    assert_text(object, "file", "./good.elf");
    assert_text(object, "board", "portenta-x8");
    assert_text(object, "result", "accepted");
    assert_text(object, "code", "accepted");
    assert_text(object, "message", "");
    assert_text(object, "hint", "");
    sketch_digest(f->elf, TINY_ELF_SIZE, digest);
    assert_text(object, "sha256", digest);
    sketch_digest(f->elf + TINY_ELF_HEADERS, TINY_ELF_IMAGE, digest);
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
    assert_int_equal(json_object_object_length(object), 20);
    json_object_put(object);
}

static void test_json_of_the_others(void **state)
{
    struct fixture *f = *state;

    write_file("cut", f->elf, 1000);
    assert_int_equal(CHECK(f, "--json", "cut", "missing"), 2);
    struct json_object *object = json_line(f->out, 0);
    assert_text(object, "result", "rejected");
    assert_text(object, "code", "truncated");
    assert_true(json_object_get_string_len(field(object, "message")) > 0);
    assert_true(json_object_get_string_len(field(object, "hint")) > 0);
    assert_number(object, "bytes", 1000);
    assert_number(object, "needed_bytes", TINY_ELF_SIZE);
    assert_int_equal(json_object_object_length(object), 20);
    json_object_put(object);
    object = json_line(f->out, 1);
    assert_text(object, "file", "missing");
    assert_text(object, "result", "error");
    assert_text(object, "code", "");
    assert_text(object, "message", "No such file or directory");
    assert_text(object, "sha256", "");
    assert_int_equal(json_object_object_length(object), 20);
    json_object_put(object);
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
    assert_contains(f->out, "Usage: m4flash check [--board NAME] [--json] FILE...");
    assert_contains(f->out, "Exit status: 0 all accepted, 1 any rejected, 2 usage");
    assert_string_equal(f->err, "");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_accepted),      TEST(test_rejected),      TEST(test_several),
        TEST(test_not_regular),   TEST(test_links),         TEST(test_too_large),
        TEST(test_unreadable),    TEST(test_json_accepted), TEST(test_json_of_the_others),
        TEST(test_hostile_names), TEST(test_full_disk),     TEST(test_board),
        TEST(test_usage),         TEST(test_help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
