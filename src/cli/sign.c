/* m4flash sign: makes a signature, embedded in a sketch or beside it. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/command.h"
#include "cli/json_value.h"
#include "sketch/signature.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/utf8.h"

enum {
    SKETCH_SIZE_MAX = 1024 * 1024 * 1024,
    KEY_SIZE_MAX = 64 * 1024, /* of a private key's file, comments and all */
};

struct options {
    const char *key;
    const char *output; /* NULL: the sketch itself, or the sketch's name and .sig */
    bool detached;
    bool json;
};

struct key {
    EVP_PKEY *private;
    uint8_t public[SIGNATURE_KEY_SIZE];
};

/* What comes of it, to be told. */
struct result {
    const char *file; /* printable */
    char output[4096];
    char sha256[SKETCH_DIGEST_HEX]; /* of the signed file: what an upload of it is known by */
    char key[SKETCH_DIGEST_HEX];
};

static void key_done(struct key *key)
{
    EVP_PKEY_free(key->private);
}

static void context_freep(EVP_MD_CTX **context)
{
    EVP_MD_CTX_free(*context);
}

static void bio_freep(BIO **bio)
{
    BIO_free(*bio);
}

static int complain(const char *path, const char *message, int error)
{
    _cleanup_free_ char *name = utf8_escape(path);

    fprintf(stderr, "m4flash: %s: %s\n", name ? name : "", message);
    return error;
}

/* ---- The key -----------------------------------------------------------------------------------
 */

/* A passphrase, if it has one, is asked for on the terminal, as by openssl(1). */
static int parse_key(const char *path, const char *text, size_t size, struct key *ret)
{
    _cleanup_(bio_freep) BIO *bio = BIO_new_mem_buf(text, (int)size);
    size_t length = sizeof(ret->public);

    if (!bio)
        return complain(path, strerror(ENOMEM), -ENOMEM);
    ret->private = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    ERR_clear_error();
    if (!ret->private)
        return complain(path,
                        strstr(text, "PUBLIC KEY")
                            ? "this is a public key: to sign, the private one is needed"
                            : "this is no private key in PEM, or its passphrase is another one",
                        -EINVAL);
    if (EVP_PKEY_get_id(ret->private) != EVP_PKEY_ED25519)
        return complain(path,
                        "this is not an Ed25519 key: make one with 'openssl genpkey -algorithm "
                        "ed25519 -out KEY.pem'",
                        -EINVAL);
    if (EVP_PKEY_get_raw_public_key(ret->private, ret->public, &length) != 1)
        return complain(path, "this key cannot be used", -EIO);
    return 0;
}

static int read_key(const char *path, struct key *ret)
{
    _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    _cleanup_free_ char *text = NULL;
    size_t size;

    int r = fd < 0 ? -errno : fd_read_file(fd, KEY_SIZE_MAX, &text, &size);
    if (r < 0)
        return complain(path, strerror(-r), r);
    r = parse_key(path, text, size, ret);
    OPENSSL_cleanse(text, size);
    return r;
}

static int make_signature(const struct key *key, const void *bytes, size_t size,
                          uint8_t ret[static SIGNATURE_SIZE])
{
    _cleanup_(context_freep) EVP_MD_CTX *context = EVP_MD_CTX_new();
    char message[SIGNATURE_MESSAGE_SIZE];
    size_t length = SIGNATURE_SIZE;

    signature_message(bytes, size, message);
    if (!context || EVP_DigestSignInit(context, NULL, NULL, NULL, key->private) != 1 ||
        EVP_DigestSign(context, ret, &length, (const unsigned char *)message, sizeof(message)) != 1)
        return -EIO;
    return length == SIGNATURE_SIZE ? 0 : -EIO;
}

/* ---- Files -------------------------------------------------------------------------------------
 */

/* As a whole or not at all. What is there and is no file (a device, say) is not replaced by one. */
static int write_output(const char *path, const void *data, size_t size, mode_t mode)
{
    _cleanup_free_ char *real = realpath(path, NULL);
    struct stat status;

    if (real && stat(real, &status) >= 0 && !S_ISREG(status.st_mode))
        return complain(path, "this is no regular file", -EINVAL);
    _cleanup_free_ char *folder = strdup(real ? real : path), *name = strdup(real ? real : path);
    if (!folder || !name)
        return complain(path, strerror(ENOMEM), -ENOMEM);
    _cleanup_fd_ int fd = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = fd < 0 ? -errno : fd_replace_file(fd, basename(name), data, size, mode);
    return r < 0 ? complain(path, strerror(-r), r) : 0;
}

static int sign_detached(const struct key *key, const char *bytes, size_t size,
                         struct result *result)
{
    uint8_t signature[SIGNATURE_SIZE];

    int r = make_signature(key, bytes, size, signature);
    if (r < 0)
        return complain(result->file, "libcrypto cannot sign", r);
    sketch_digest(bytes, size, result->sha256);
    return write_output(result->output, signature, sizeof(signature), 0644);
}

/* Returns 1 if this is no file to embed a signature in, *ret_reason saying why. */
static int sign_embedded(const struct key *key, const char *bytes, size_t size, mode_t mode,
                         struct result *result, const char **ret_reason)
{
    _cleanup_free_ uint8_t *copy = NULL;
    size_t copy_size;

    int r = signature_note_add(bytes, size, key->public, &copy, &copy_size, ret_reason);
    if (r == -EINVAL)
        return 1;
    if (r < 0)
        return complain(result->file, strerror(-r), r);
    uint8_t *signature = copy + copy_size - SIGNATURE_SIZE;
    r = make_signature(key, copy, copy_size - SIGNATURE_SIZE, signature);
    if (r < 0)
        return complain(result->file, "libcrypto cannot sign", r);
    sketch_digest(copy, copy_size, result->sha256);
    return write_output(result->output, copy, copy_size, mode);
}

static int read_sketch(const char *path, char **ret, size_t *ret_size, mode_t *ret_mode)
{
    _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat status;

    int r = fd < 0 || fstat(fd, &status) < 0 ? -errno
                                             : fd_read_file(fd, SKETCH_SIZE_MAX, ret, ret_size);
    if (r < 0)
        return complain(path, strerror(-r), r);
    *ret_mode = status.st_mode & 0777;
    return 0;
}

/* ---- The outcome -------------------------------------------------------------------------------
 */

static enum status tell_json(const struct options *options, const struct result *result,
                             const char *word, const char *message)
{
    _cleanup_(json_putp) struct json_object *object = json_object_new_object();
    _cleanup_free_ char *output = utf8_escape(result->output);
    const struct {
        const char *key, *text;
    } texts[] = {
        {"file", result->file},
        {"result", word},
        {"message", message},
        {"output", output},
        {"form", options->detached ? "detached" : "embedded"},
        {"sha256", result->sha256},
        {"signature_key", result->key},
    };
    int r = object && output ? 0 : -ENOMEM;

    for (size_t i = 0; i < ELEMENTSOF(texts) && r >= 0; i++)
        r = json_set_text(object, texts[i].key, texts[i].text);
    if (r < 0)
        return STATUS_ERROR;
    json_print(object);
    return *message ? STATUS_REJECTED : STATUS_OK;
}

static enum status tell(const struct options *options, const struct result *result,
                        const char *reason)
{
    _cleanup_free_ char *output = utf8_escape(result->output);

    if (options->json)
        return tell_json(options, result, reason ? "rejected" : "signed", reason ? reason : "");
    if (reason) {
        printf("%s: not signed: %s\n", result->file, reason);
        return STATUS_REJECTED;
    }
    printf("%s: signed\n  sha256  %s\n  key     %s\n", output ? output : "", result->sha256,
           result->key);
    return STATUS_OK;
}

static int name_output(const struct options *options, const char *path, struct result *result)
{
    const char *output = options->output ? options->output : path;
    bool adds_suffix = options->detached && !options->output;

    int n =
        snprintf(result->output, sizeof(result->output), "%s%s", output, adds_suffix ? ".sig" : "");
    return n < 0 || (size_t)n >= sizeof(result->output)
               ? complain(output, strerror(ENAMETOOLONG), -ENAMETOOLONG)
               : 0;
}

static enum status sign(const struct options *options, const char *path)
{
    _cleanup_free_ char *file = utf8_escape(path), *bytes = NULL;
    _cleanup_(key_done) struct key key = {.private = NULL};
    struct result result = {.file = file};
    const char *reason = NULL;
    size_t size;
    mode_t mode;

    if (!file || name_output(options, path, &result) < 0 || read_key(options->key, &key) < 0 ||
        read_sketch(path, &bytes, &size, &mode) < 0)
        return STATUS_ERROR;
    signature_key_fingerprint(key.public, result.key);
    int r = options->detached ? sign_detached(&key, bytes, size, &result)
                              : sign_embedded(&key, bytes, size, mode, &result, &reason);
    return r < 0 ? STATUS_ERROR : tell(options, &result, reason);
}

static enum status run(const struct command *command, int argc, char **argv)
{
    static const struct option long_options[] = {
        {"key", required_argument, NULL, 'k'}, {"output", required_argument, NULL, 'o'},
        {"detached", no_argument, NULL, 'd'},  {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},      {0},
    };
    struct options options = {.key = NULL};
    int option;

    while ((option = getopt_long(argc, argv, "k:o:djh", long_options, NULL)) != -1)
        switch (option) {
        case 'k':
            options.key = optarg;
            break;
        case 'o':
            options.output = optarg;
            break;
        case 'd':
            options.detached = true;
            break;
        case 'j':
            options.json = true;
            break;
        case 'h':
            command_print_help(command);
            return STATUS_OK;
        default:
            return command_usage_error(command);
        }
    if (!options.key || argc - optind != 1) {
        fprintf(stderr, "m4flash: %s\n",
                !options.key     ? "a private key is missing: --key FILE"
                : optind == argc ? "a FILE is missing"
                                 : "one FILE at a time");
        return command_usage_error(command);
    }
    return sign(&options, argv[optind]);
}

const struct command command_sign = {
    .name = "sign",
    .arguments = "-k FILE [-o FILE] [--detached] [--json] FILE",
    .summary = "Sign a sketch (an ELF file), for boards that accept signed ones only.",
    .help = "FILE, a sketch, gets a note at its end with the signature, which goes with it\n"
            "wherever it is copied; one that has one gets a new one. Whatever changes the\n"
            "file afterwards (strip, objcopy) makes the signature wrong, so this comes last.\n"
            "'m4flash verify' tells whether it fits.\n\n"
            "Options:\n"
            "  -k, --key FILE     the Ed25519 private key in PEM; a passphrase is asked for\n"
            "  -o, --output FILE  where the result goes; without this option FILE itself is\n"
            "                     replaced by it\n"
            "  -d, --detached     FILE stays as it is, and the signature, 64 bytes, is written\n"
            "                     beside it as FILE.sig: on the board it must be there, as\n"
            "                     m4-user-sketch.elf.sig, before the sketch is uploaded\n"
            "  -j, --json         one JSON object with the fields file, result (signed or\n"
            "                     rejected), message, output, form (embedded or detached),\n"
            "                     sha256 (of the sketch to upload), signature_key (the\n"
            "                     fingerprint of the key)\n"
            "  -h, --help         this text\n\n"
            "To make a key, and its public part for /etc/m4flash/keys.d on the board:\n\n"
            "    openssl genpkey -algorithm ed25519 -out KEY.pem\n"
            "    openssl pkey -in KEY.pem -pubout -out release.pem\n\n"
            "Exit status: 0 signed, 1 the file is none that a signature can be embedded in,\n"
            "2 usage or input/output error.\n",
    .run = run,
};
