/* Which files count and in which order, in a temporary root; and what is said of those in the way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/config_files.h"
#include "util/cleanup.h"

struct fixture {
    char root[32];
    struct settings *settings;
    char heard[8192];
};

static void hear(const char *file, unsigned line, const char *message, void *userdata)
{
    struct fixture *f = userdata;
    size_t used = strlen(f->heard);

    snprintf(f->heard + used, sizeof(f->heard) - used, "%s:%u: %s\n", file, line, message);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    strcpy(f->root, "/tmp/m4flash-test-XXXXXX");
    assert_non_null(mkdtemp(f->root));
    assert_int_equal(settings_new(&f->settings), 0);
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

    settings_free(f->settings);
    nftw(f->root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

/* ROOT/name, whose folders are made. */
static const char *place(struct fixture *f, const char *name)
{
    static char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/%s", f->root, name);
    for (char *at = path + strlen(f->root) + 1; (at = strchr(at, '/')); at++) {
        *at = '\0';
        mkdir(path, 0755);
        *at = '/';
    }
    return path;
}

static void write_file(struct fixture *f, const char *name, const char *text)
{
    FILE *file = fopen(place(f, name), "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void load(struct fixture *f)
{
    assert_int_equal(config_files_load(f->settings, f->root, hear, f), 0);
}

static void test_nothing_there(void **state)
{
    struct fixture *f = *state;

    load(f);
    assert_string_equal(f->heard, "");
    assert_string_equal(f->settings->inbox_directory, "/tmp/arduino");
}

/* The file is read first, then drop-ins by name over both folders. */
static void test_order(void **state)
{
    struct fixture *f = *state;

    write_file(f, "etc/m4flash.conf",
               "[Inbox]\nDirectory=/main\nFileName=main\nMaxSize=1\n[OpenOCD]\nProgram=/main\n");
    write_file(f, "etc/m4flash.conf.d/20-b.conf", "[Inbox]\nFileName=b\nMaxSize=2\n");
    write_file(f, "usr/lib/m4flash.conf.d/10-a.conf", "[Inbox]\nFileName=a\nDirectory=/a\n");
    write_file(f, "usr/lib/m4flash.conf.d/30-c.conf", "[Inbox]\nMaxSize=3\n");
    load(f);
    assert_string_equal(f->heard, "");
    assert_string_equal(f->settings->openocd_program, "/main");
    assert_string_equal(f->settings->inbox_directory, "/a");
    assert_string_equal(f->settings->inbox_file_name, "b");
    assert_int_equal(f->settings->inbox_max_size, 3);
}

/* Users are looked up where the system keeps them. */
static void test_users(void **state)
{
    struct fixture *f = *state;

    write_file(f, "etc/m4flash.conf", "[Inbox]\nAllowOwners=root no:such:user\n");
    load(f);
    assert_non_null(strstr(f->heard, "no:such:user is no user's name"));
    assert_true(!f->settings->inbox_owners.anyone && f->settings->inbox_owners.n == 1);
    assert_true(owners_allow(&f->settings->inbox_owners, 0));
}

static void test_etc_hides_usr(void **state)
{
    struct fixture *f = *state;

    write_file(f, "usr/lib/m4flash.conf.d/x.conf", "[Inbox]\nFileName=usr\nDirectory=/usr\n");
    write_file(f, "etc/m4flash.conf.d/x.conf", "[Inbox]\nFileName=etc\n");
    load(f);
    assert_string_equal(f->settings->inbox_file_name, "etc");
    assert_string_equal(f->settings->inbox_directory, "/tmp/arduino");
}

static void test_masks(void **state)
{
    struct fixture *f = *state;

    write_file(f, "usr/lib/m4flash.conf.d/a.conf", "[Inbox]\nFileName=a\n");
    write_file(f, "usr/lib/m4flash.conf.d/b.conf", "[Inbox]\nDirectory=/b\n");
    write_file(f, "etc/m4flash.conf.d/a.conf", "");
    assert_int_equal(symlink("/dev/null", place(f, "etc/m4flash.conf.d/b.conf")), 0);
    load(f);
    assert_string_equal(f->heard, "");
    assert_string_equal(f->settings->inbox_file_name, "m4-user-sketch.elf");
    assert_string_equal(f->settings->inbox_directory, "/tmp/arduino");
}

static void test_only_conf_files(void **state)
{
    struct fixture *f = *state;

    write_file(f, "etc/m4flash.conf.d/a.conf.bak", "junk\n");
    write_file(f, "etc/m4flash.conf.d/README", "junk\n");
    write_file(f, "etc/m4flash.conf.d/.a.conf", "junk\n");
    write_file(f, "etc/m4flash.conf.d/.conf", "junk\n");
    load(f);
    assert_string_equal(f->heard, "");
}

static void test_complaint_names_file_and_line(void **state)
{
    struct fixture *f = *state;
    char expected[256];

    write_file(f, "etc/m4flash.conf.d/a.conf", "[Inbox]\nMaxSize=none\nFileName=a\n");
    load(f);
    snprintf(expected, sizeof(expected), "%s/etc/m4flash.conf.d/a.conf:2: [Inbox] MaxSize=none",
             f->root);
    assert_int_equal(strncmp(f->heard, expected, strlen(expected)), 0);
    assert_string_equal(f->settings->inbox_file_name, "a");
}

/* What cannot be read is told, and what comes behind it counts all the same. */
static void test_in_the_way(void **state)
{
    struct fixture *f = *state;

    mkdir(place(f, "etc/m4flash.conf"), 0755);
    mkdir(place(f, "etc/m4flash.conf.d/a.conf"), 0755);
    mkfifo(place(f, "etc/m4flash.conf.d/b.conf"), 0644);
    assert_int_equal(symlink("nowhere", place(f, "etc/m4flash.conf.d/c.conf")), 0);
    write_file(f, "etc/m4flash.conf.d/d.conf", "");
    assert_int_equal(truncate(place(f, "etc/m4flash.conf.d/d.conf"), (1 << 20) + 1), 0);
    assert_int_equal(symlink("/dev/zero", place(f, "etc/m4flash.conf.d/e.conf")), 0);
    write_file(f, "etc/m4flash.conf.d/f.conf", "[Inbox]\nFileName=f\n");
    write_file(f, "usr/lib/m4flash.conf.d", "");
    load(f);
    assert_non_null(strstr(f->heard, "/etc/m4flash.conf:0: this file cannot be read: Is a dir"));
    assert_non_null(strstr(f->heard, "/a.conf:0: this file cannot be read: Is a directory"));
    assert_non_null(strstr(f->heard, "/b.conf:0: this is no regular file"));
    assert_non_null(strstr(f->heard, "/c.conf:0: this file cannot be read: No such file"));
    assert_non_null(strstr(f->heard, "/d.conf:0: this file has more than 1048576 bytes"));
    assert_non_null(strstr(f->heard, "/e.conf:0: this is no regular file"));
    assert_non_null(strstr(f->heard, "/usr/lib/m4flash.conf.d:0: this folder cannot be read"));
    assert_string_equal(f->settings->inbox_file_name, "f");
}

/* What cannot be read may say whose uploads are accepted; a later file can say it, too. */
static void test_owners_in_what_cannot_be_read(void **state)
{
    struct fixture *f = *state;
    const struct owners *owners = &f->settings->inbox_owners;

    load(f);
    assert_true(owners->anyone);
    mkdir(place(f, "etc/m4flash.conf.d/a.conf"), 0755);
    load(f);
    assert_true(!owners->anyone && owners_allow(owners, 0) && !owners_allow(owners, 7));
    assert_true(f->settings->require_signature);
    assert_non_null(strstr(f->heard, "/a.conf:0: [Inbox] AllowOwners= may be in it"));
    write_file(f, "etc/m4flash.conf.d/b.conf", "[Inbox]\nAllowOwners=7\n");
    load(f);
    assert_true(owners_allow(owners, 7));
    assert_int_equal(unlink(place(f, "etc/m4flash.conf.d/b.conf")), 0);
    assert_int_equal(rmdir(place(f, "etc/m4flash.conf.d/a.conf")), 0);
    settings_keep_others_out(f->settings);
    write_file(f, "etc/m4flash.conf", "[Inbox]\nAllowOwners=\n");
    write_file(f, "usr/lib/m4flash.conf.d", "");
    load(f);
    assert_true(!owners->anyone && owners_allow(owners, 0));
    assert_non_null(strstr(f->heard, "/usr/lib/m4flash.conf.d:0: [Inbox] AllowOwners= may be"));
}

static void test_load_one(void **state)
{
    struct fixture *f = *state;

    write_file(f, "own.conf", "[Inbox]\nFileName=own\n");
    write_file(f, "etc/m4flash.conf.d/a.conf", "[Inbox]\nFileName=a\n");
    assert_int_equal(config_files_load_one(f->settings, place(f, "own.conf"), hear, f), 0);
    assert_string_equal(f->settings->inbox_file_name, "own");
    assert_string_equal(f->heard, "");
    assert_int_equal(config_files_load_one(f->settings, place(f, "none.conf"), hear, f), -ENOENT);
    assert_non_null(strstr(f->heard, "/none.conf:0: this file cannot be read: No such file"));
    assert_int_equal(config_files_load_one(f->settings, f->root, hear, f), -EISDIR);
    assert_int_equal(config_files_load_one(f->settings, "/dev/null", hear, f), 0);
}

/* A descriptor left open would be the next one's number. */
static void test_leaves_nothing_open(void **state)
{
    struct fixture *f = *state;

    write_file(f, "etc/m4flash.conf.d/a.conf", "[Inbox]\n");
    mkdir(place(f, "etc/m4flash.conf.d/b.conf"), 0755);
    int before = dup(0);
    close(before);
    load(f);
    int after = dup(0);
    close(after);
    assert_int_equal(before, after);
}

static void test_shipped_board(void **state)
{
    struct fixture *f = *state;
    _cleanup_free_ char *text = NULL;
    struct board board;
    size_t size = 0;

    /* The environment names the source tree's folder. */
    assert_int_equal(board_load("portenta-x8", hear, f, &board, &text, &size), 0);
    assert_string_equal(f->heard, "");
    assert_int_equal(size, strlen(text));
    assert_non_null(strstr(text, "[Flash]"));
    assert_string_equal(board.name, "portenta-x8");
    assert_string_equal(board.description, "Arduino Portenta X8");
    assert_string_equal(board.compatible, "arduino,portenta-x8");
    assert_string_equal(board.health_file, "/sys/kernel/x8h7_firmware/version");
    assert_string_equal(board.openocd_config, "/usr/arduino/extra/openocd_script-imx_gpio.cfg");
    assert_int_equal(board.flash.start, 0x08100000);
    assert_int_equal(board.flash.size, 0x100000);
    assert_int_equal(board.sector_size, 0x20000);
    assert_int_equal(board.word_size, 32);
    assert_int_equal(board.n_protected_flash, 2);
    assert_int_equal(board.protected_flash[0].start, 0x08000000);
    assert_int_equal(board.protected_flash[0].size, 0x40000);
    assert_string_equal(board.protected_flash[1].name, "M7 firmware");
    assert_int_equal(board.protected_flash[1].start, 0x08040000);
    assert_int_equal(board.protected_flash[1].size, 0xC0000);
    assert_non_null(strstr(board.protected_flash[1].hint, "\"Arduino Portenta X8\""));
    assert_non_null(strstr(board.protected_flash[1].hint, "Portenta H7's M7 core"));
    assert_int_equal(board.n_ram, 3);
    assert_int_equal(board.ram[0].start, 0x10000000);
    assert_int_equal(board.ram[0].size, 0x48000);
    assert_int_equal(board.ram[1].start, 0x30000000);
    assert_int_equal(board.ram[2].start, 0x38000000);
    assert_int_equal(board.ram[2].size, 0x10000);
    assert_int_equal(board.stack_mask, 0xFF000000);
    assert_int_equal(board.stack_value, 0x10000000);
    assert_int_equal(board.cpu_arch_max, 13);
    assert_int_equal(board.fpu, BOARD_FPU_SINGLE);
}

static void test_board_by_path(void **state)
{
    struct fixture *f = *state;
    _cleanup_free_ char *text = NULL;
    struct board board;
    size_t size;

    assert_int_equal(board_load("portenta-x8", hear, f, &board, &text, &size), 0);
    write_file(f, "own.conf", text);
    assert_int_equal(board_load(place(f, "own.conf"), hear, f, &board, NULL, NULL), 0);
    assert_string_equal(f->heard, "");
}

static void test_no_board(void **state)
{
    struct fixture *f = *state;
    struct board board;

    assert_int_equal(board_load("nobody-s", hear, f, &board, NULL, NULL), -ENOENT);
    assert_non_null(strstr(f->heard, "nobody-s:0: there is no profile of this board in "));
    assert_non_null(strstr(f->heard, getenv("M4FLASH_BOARDS_DIR")));
    assert_int_equal(board_load("no board", hear, f, &board, NULL, NULL), -EINVAL);
    assert_non_null(strstr(f->heard, "no board:0: this is no board's name"));
    assert_int_equal(board_load(place(f, "none.conf"), hear, f, &board, NULL, NULL), -ENOENT);
    assert_non_null(strstr(f->heard, "/none.conf:0: this file cannot be read"));
    write_file(f, "bad.conf", "[Board]\nName=x\n");
    assert_int_equal(board_load(place(f, "bad.conf"), hear, f, &board, NULL, NULL), -EINVAL);
    assert_non_null(strstr(f->heard, "/bad.conf:0: [Flash] Start= is missing"));
    assert_int_equal(truncate(place(f, "bad.conf"), BOARD_PROFILE_SIZE_MAX + 1), 0);
    assert_int_equal(board_load(place(f, "bad.conf"), hear, f, &board, NULL, NULL), -EFBIG);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_nothing_there),
        TEST(test_order),
        TEST(test_users),
        TEST(test_etc_hides_usr),
        TEST(test_masks),
        TEST(test_only_conf_files),
        TEST(test_complaint_names_file_and_line),
        TEST(test_in_the_way),
        TEST(test_owners_in_what_cannot_be_read),
        TEST(test_load_one),
        TEST(test_leaves_nothing_open),
        TEST(test_shipped_board),
        TEST(test_board_by_path),
        TEST(test_no_board),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
