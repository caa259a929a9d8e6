/* Which files' keys count, and what is taken for a detached signature. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <openssl/pem.h>

#include "io/signature_files.h"
#include "tests/unit/config/heard.h"
#include "tests/unit/signing.h"
#include "tests/unit/util/temp_dir.h"

struct fixture {
    struct temp_dir dir;
    unsigned fds;
    struct heard heard;
    struct key_files files;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    f->fds = count_fds();
    f->dir = temp_dir_make();
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    temp_dir_remove(&f->dir);
    unsigned fds = f->fds;
    free(f);
    return count_fds() == fds ? 0 : -1;
}

static void write_key(const struct temp_dir *dir, const char *name, uint8_t seed)
{
    uint8_t public[SIGNATURE_KEY_SIZE];
    EVP_PKEY *key = signing_key(seed, public);
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;

    assert_int_equal(PEM_write_bio_PUBKEY(bio, key), 1);
    long size = BIO_get_mem_data(bio, &text);
    temp_dir_write(dir, name, text, (size_t)size);
    BIO_free(bio);
    EVP_PKEY_free(key);
}

/* The names that count, each with a blank behind it; what is told of the others is heard. */
static const char *load(struct fixture *f)
{
    static char names[4096];

    f->heard.text[0] = names[0] = '\0';
    assert_int_equal(key_files_load(f->dir.path, hear, &f->heard, &f->files), 0);
    for (uint32_t i = 0; i < f->files.n; i++)
        snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s ", f->files.names[i]);
    return names;
}

static void assert_heard(const struct fixture *f, const char *text)
{
    if (!strstr(f->heard.text, text))
        fail_msg("'%s' is not in '%s'", text, f->heard.text);
}

static void test_keys(void **state)
{
    struct fixture *f = *state;
    const struct signature_order expected = signing_order(2);
    struct signature_order order;

    write_key(&f->dir, "b.pem", 2);
    write_key(&f->dir, "a.pem", 1);
    write_key(&f->dir, ".hidden.pem", 3);
    write_key(&f->dir, "c.pem.old", 3);
    write_key(&f->dir, "README", 3);
    assert_string_equal(load(f), "a.pem b.pem ");
    assert_string_equal(f->heard.text, "");
    key_files_order(&f->files, &order);
    assert_int_equal(order.n_keys, 2);
    assert_int_equal(order.has_detached, 0);
    assert_memory_equal(order.keys, expected.keys, sizeof(order.keys));
}

static void test_empty_folder(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(load(f), "");
    assert_string_equal(f->heard.text, "");
}

static void test_no_folder(void **state)
{
    struct fixture *f = *state;

    f->files.n = 3;
    assert_int_equal(key_files_load("/nonexistent", hear, &f->heard, &f->files), 0);
    assert_int_equal(f->files.n, 0);
    assert_heard(f, "0: no key of this folder is used: No such file");
    temp_dir_write(&f->dir, "file", "", 0);
    _cleanup_free_ char *path = NULL;
    assert_true(asprintf(&path, "%s/file", f->dir.path) > 0);
    assert_int_equal(key_files_load(path, hear, &f->heard, &f->files), 0);
    assert_heard(f, "Not a directory");
}

static void test_folder_of_others(void **state)
{
    struct fixture *f = *state;

    write_key(&f->dir, "a.pem", 1);
    assert_int_equal(fchmod(f->dir.fd, 0770), 0);
    assert_string_equal(load(f), "");
    assert_heard(f, "no key of this folder is used: others than its owner");
    assert_int_equal(fchmod(f->dir.fd, 0755), 0);
    assert_string_equal(load(f), "a.pem ");
    if (geteuid() == 0) {
        assert_int_equal(fchown(f->dir.fd, 65534, 0), 0);
        assert_string_equal(load(f), "");
        assert_heard(f, "its owner is neither root nor");
    }
}

static void test_bad_files(void **state)
{
    struct fixture *f = *state;
    char large[SIGNATURE_PEM_MAX + 1] = "";

    write_key(&f->dir, "good.pem", 1);
    write_key(&f->dir, "writable.pem", 2);
    assert_int_equal(fchmodat(f->dir.fd, "writable.pem", 0646, 0), 0);
    assert_int_equal(symlinkat("good.pem", f->dir.fd, "link.pem"), 0);
    assert_int_equal(mkfifoat(f->dir.fd, "fifo.pem", 0600), 0);
    assert_int_equal(mkdirat(f->dir.fd, "folder.pem", 0700), 0);
    temp_dir_write(&f->dir, "large.pem", large, sizeof(large));
    temp_dir_write(&f->dir, "none.pem", "none", 4);
    temp_dir_write(&f->dir, "odd\033.pem", "none", 4);
    assert_string_equal(load(f), "good.pem ");
    assert_int_equal(count_lines(f->heard.text), 7);
    assert_heard(f, "0: this key is not used: others than its owner may write to it\n");
    assert_heard(f, "0: this key is not used: it is no regular file (a link, perhaps)\n");
    assert_heard(f, "0: this key is not used: it is too long for a key\n");
    assert_heard(f, "0: this key is not used: it holds no key in PEM\n");
}

static void test_many(void **state)
{
    struct fixture *f = *state;
    char name[32];

    for (int i = 0; i < SIGNATURE_KEYS_MAX + 2; i++) {
        snprintf(name, sizeof(name), "%02d.pem", i);
        write_key(&f->dir, name, 1);
    }
    load(f);
    assert_int_equal(f->files.n, SIGNATURE_KEYS_MAX);
    assert_string_equal(f->files.names[SIGNATURE_KEYS_MAX - 1], "15.pem");
    assert_int_equal(count_lines(f->heard.text), 2);
    assert_heard(f, "there are more keys than");
}

static void test_one_key(void **state)
{
    struct fixture *f = *state;
    const struct signature_order expected = signing_order(1);
    uint8_t key[SIGNATURE_KEY_SIZE];
    _cleanup_free_ char *path = NULL;

    assert_true(asprintf(&path, "%s/a.pem", f->dir.path) > 0);
    assert_int_equal(key_file_read(path, hear, &f->heard, key), -EINVAL);
    assert_heard(f, "No such file");
    write_key(&f->dir, "a.pem", 1);
    assert_int_equal(fchmodat(f->dir.fd, "a.pem", 0666, 0),
                     0); /* whoever says its name trusts it */
    assert_int_equal(key_file_read(path, hear, &f->heard, key), 0);
    assert_memory_equal(key, expected.keys[0], sizeof(key));
}

static void test_detached(void **state)
{
    struct fixture *f = *state;
    uint8_t bytes[SIGNATURE_SIZE + 1], found[SIGNATURE_SIZE];

    memset(bytes, 0x5A, sizeof(bytes));
    assert_int_equal(signature_file_read(f->dir.fd, "x.elf", found), 0);
    temp_dir_write(&f->dir, "x.elf.sig", bytes, SIGNATURE_SIZE);
    assert_int_equal(signature_file_read(f->dir.fd, "x.elf", found), 1);
    assert_memory_equal(found, bytes, sizeof(found));
    temp_dir_write(&f->dir, "x.elf.sig", bytes, SIGNATURE_SIZE + 1);
    assert_int_equal(signature_file_read(f->dir.fd, "x.elf", found), -EMSGSIZE);
    temp_dir_write(&f->dir, "x.elf.sig", bytes, SIGNATURE_SIZE - 1);
    assert_int_equal(signature_file_read(f->dir.fd, "x.elf", found), -EMSGSIZE);
    temp_dir_write(&f->dir, "x.elf.sig", bytes, 0);
    assert_int_equal(signature_file_read(f->dir.fd, "x.elf", found), -EMSGSIZE);
}

static void test_detached_that_is_no_file(void **state)
{
    struct fixture *f = *state;
    uint8_t found[SIGNATURE_SIZE] = {0};

    temp_dir_write(&f->dir, "other", found, sizeof(found));
    assert_int_equal(symlinkat("other", f->dir.fd, "link.sig"), 0);
    assert_int_equal(mkfifoat(f->dir.fd, "fifo.sig", 0600), 0);
    assert_int_equal(mkdirat(f->dir.fd, "folder.sig", 0700), 0);
    assert_int_equal(signature_file_read(f->dir.fd, "link", found), -EMEDIUMTYPE);
    assert_int_equal(signature_file_read(f->dir.fd, "fifo", found), -EMEDIUMTYPE);
    assert_int_equal(signature_file_read(f->dir.fd, "folder", found), -EMEDIUMTYPE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_keys),
        TEST(test_empty_folder),
        TEST(test_no_folder),
        TEST(test_folder_of_others),
        TEST(test_bad_files),
        TEST(test_many),
        TEST(test_one_key),
        TEST(test_detached),
        TEST(test_detached_that_is_no_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
