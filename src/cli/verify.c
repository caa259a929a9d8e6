/* m4flash verify: whose signature is it? */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/json_value.h"
#include "cli/signed.h"
#include "util/cleanup.h"
#include "util/fd.h"
#include "util/utf8.h"

enum {
    FILE_SIZE_MAX = 1024 * 1024 * 1024,
};

struct options {
    struct key_files keys;
    bool has_keys;
    bool json;
};

static enum status out_of_memory(void)
{
    fprintf(stderr, "m4flash: %s\n", strerror(ENOMEM));
    return STATUS_ERROR;
}

static int print_json(const char *file, const char *result, const char *code, const char *message,
                      const char *hint, const struct signed_by *by)
{
    _cleanup_(json_putp) struct json_object *object = json_object_new_object();
    const struct {
        const char *key, *text;
    } texts[] = {
        {"file", file},
        {"result", result},
        {"code", code},
        {"message", message},
        {"hint", hint},
        {"signature", by ? signed_name(by) : ""},
        {"signature_key", by ? by->key : ""},
        {"signature_key_file", by ? by->key_file : ""},
    };

    if (!object)
        return -ENOMEM;
    for (size_t i = 0; i < ELEMENTSOF(texts); i++)
        if (json_set_text(object, texts[i].key, texts[i].text) < 0)
            return -ENOMEM;
    json_print(object);
    return 0;
}

static enum status cannot_read(const struct options *options, const char *file, int error)
{
    fprintf(stderr, "m4flash: %s: %s\n", file, strerror(-error));
    if (options->json && print_json(file, "error", "", strerror(-error), "", NULL) < 0)
        return out_of_memory();
    return STATUS_ERROR;
}

static enum status accept(const struct options *options, const char *file,
                          const struct signed_by *by)
{
    if (options->json)
        return print_json(file, "accepted", sketch_code_name(SKETCH_ACCEPTED), "", "", by) < 0
                   ? out_of_memory()
                   : STATUS_OK;
    printf("%s: good %s signature, key %s\n  %s\n", file, by->detached ? "detached" : "embedded",
           by->key_file, by->key);
    return STATUS_OK;
}

static enum status reject(const struct options *options, const char *file,
                          const struct signed_by *by)
{
    struct sketch_report report;

    signature_report(&by->verdict, options->keys.n, &report);
    const char *code = sketch_code_name(report.code);
    if (!options->json)
        printf("%s: %s: %s\n  %s\n", file, code, report.sentence, report.hint);
    else if (print_json(file, "rejected", code, report.sentence, report.hint, by) < 0)
        return out_of_memory();
    return STATUS_REJECTED;
}

static enum status verify_file(const struct options *options, const char *path)
{
    _cleanup_free_ char *file = utf8_escape(path), *bytes = NULL;
    _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct signed_by by;
    size_t size;

    if (!file)
        return out_of_memory();
    int r = fd < 0 ? -errno : fd_read_file(fd, FILE_SIZE_MAX, &bytes, &size);
    if (r >= 0)
        r = signed_look(&options->keys, path, bytes, size, &by);
    if (r < 0)
        return cannot_read(options, file, r);
    return by.verdict.state == SIGNATURE_GOOD ? accept(options, file, &by)
                                              : reject(options, file, &by);
}

/* ---- Arguments ---------------------------------------------------------------------------------
 */

/* Returns 0, or -errno after telling why. */
static int add_key(struct options *options, const char *path)
{
    struct key_files *keys = &options->keys;
    _cleanup_free_ char *name = utf8_escape(path);

    if (!name)
        return -ENOMEM;
    if (keys->n == SIGNATURE_KEYS_MAX) {
        fprintf(stderr, "m4flash: there are more than %d keys\n", SIGNATURE_KEYS_MAX);
        return -E2BIG;
    }
    int r = key_file_read(path, argument_complain, NULL, keys->keys[keys->n]);
    if (r < 0)
        return r;
    snprintf(keys->names[keys->n++], sizeof(keys->names[0]), "%s", name);
    options->has_keys = true;
    return 0;
}

static int add_folder(struct options *options, const char *path)
{
    options->has_keys = true;
    return key_files_load(path, argument_complain, NULL, &options->keys);
}

/* What a service here would go by. */
static int add_usual_keys(struct options *options)
{
    struct policy policy;

    if (options->has_keys)
        return 0;
    int r = argument_policy(&policy);
    if (r >= 0)
        options->keys = policy.keys;
    return r;
}

static enum status run(const struct command *command, int argc, char **argv)
{
    static const struct option long_options[] = {
        {"key", required_argument, NULL, 'k'},
        {"keys-dir", required_argument, NULL, 'K'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    _cleanup_free_ struct options *options = calloc(1, sizeof(*options));
    enum status worst = STATUS_OK;
    int option, r = 0;

    if (!options)
        return out_of_memory();
    while (r >= 0 && (option = getopt_long(argc, argv, "k:jh", long_options, NULL)) != -1)
        switch (option) {
        case 'k':
            r = add_key(options, optarg);
            break;
        case 'K':
            r = add_folder(options, optarg);
            break;
        case 'j':
            options->json = true;
            break;
        case 'h':
            command_print_help(command);
            return STATUS_OK;
        default:
            return command_usage_error(command);
        }
    if (r >= 0 && optind == argc) {
        fprintf(stderr, "m4flash: a FILE is missing\n");
        return command_usage_error(command);
    }
    if (r >= 0)
        r = add_usual_keys(options);
    if (r < 0)
        return r == -ENOMEM ? out_of_memory() : STATUS_ERROR;
    for (char **file = argv + optind; *file; file++) {
        enum status status = verify_file(options, *file);
        if (status > worst)
            worst = status;
    }
    return worst;
}

const struct command command_verify = {
    .name = "verify",
    .arguments = "[-k FILE]... [--keys-dir DIR] [--json] FILE...",
    .summary = "Tell whether sketches are signed, and by which of the keys in question.",
    .help = "A signature is embedded in the FILE, or stands beside it as FILE.sig. All else\n"
            "about a sketch is told by 'm4flash check'.\n\n"
            "Options:\n"
            "  -k, --key FILE      an Ed25519 public key in PEM; may be given several times\n"
            "      --keys-dir DIR  all of *.pem there, as the service takes them: root's, and\n"
            "                      nobody else may write to them\n"
            "                      Without either: [Inbox] KeysDirectory= of the configuration,\n"
            "                      by default /etc/m4flash/keys.d\n"
            "  -j, --json          one JSON object a line for each FILE, with the fields file,\n"
            "                      result (accepted, rejected, error), code (accepted,\n"
            "                      signature, or \"\"), message, hint, signature (none, good,\n"
            "                      foreign: by another key, wrong), signature_key (its\n"
            "                      fingerprint), signature_key_file\n"
            "  -h, --help          this text\n\n"
            "Exit status: 0 all have a good signature, 1 any has none, 2 usage or\n"
            "input/output error.\n",
    .run = run,
};
