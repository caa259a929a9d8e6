/*
 * Public keys and what is said of signatures: all that the daemon itself needs, which does without
 * libcrypto. A key in PEM has one form only (RFC 7468, RFC 8410), so nothing has to decode what is
 * in it.
 */
#include <errno.h>
#include <nettle/base64.h>
#include <string.h>

#include "sketch/rules.h"
#include "sketch/signature.h"

/* RFC 8410, sections 3 and 4: SubjectPublicKeyInfo with the algorithm id-Ed25519. */
static const uint8_t der_head[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                   0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

enum {
    DER_SIZE = sizeof(der_head) + SIGNATURE_KEY_SIZE,
};

static const char begin[] = "-----BEGIN ", end[] = "-----END ";

/* A line of a text, without what ends it. */
struct line {
    const char *at;
    size_t size;
};

static bool next_line(const char **text, const char *text_end, struct line *ret)
{
    const char *at = *text;

    if (at == text_end)
        return false;
    const char *newline = memchr(at, '\n', (size_t)(text_end - at));
    *text = newline ? newline + 1 : text_end;
    size_t size = (size_t)((newline ? newline : text_end) - at);
    while (size > 0 && (at[size - 1] == '\r' || at[size - 1] == ' ' || at[size - 1] == '\t'))
        size--;
    *ret = (struct line){at, size};
    return true;
}

/* "-----BEGIN LABEL-----": returns whether it is one, with the label. */
static bool is_boundary(struct line line, const char *start, struct line *ret_label)
{
    static const char dashes[] = "-----";
    size_t head = strlen(start), tail = strlen(dashes);

    if (line.size < head + tail || memcmp(line.at, start, head) != 0 ||
        memcmp(line.at + line.size - tail, dashes, tail) != 0)
        return false;
    *ret_label = (struct line){line.at + head, line.size - head - tail};
    return true;
}

static bool is_text(struct line line, const char *text)
{
    return line.size == strlen(text) && memcmp(line.at, text, line.size) == 0;
}

static bool ends_with(struct line line, const char *text)
{
    size_t size = strlen(text);

    return line.size >= size && memcmp(line.at + line.size - size, text, size) == 0;
}

/* Decodes up to the end's line, of which it takes no more than a key is long, and one byte. Returns
 * the bytes, or -EINVAL if there is no such line or something else than base64 before it. */
static ssize_t decode(const char *text, const char *text_end, struct line label,
                      uint8_t ret[static DER_SIZE + 1])
{
    uint8_t bytes[BASE64_DECODE_LENGTH(SIGNATURE_PEM_MAX)];
    struct base64_decode_ctx context;
    struct line line, found;
    size_t total = 0;

    base64_decode_init(&context);
    while (next_line(&text, text_end, &line)) {
        size_t size = sizeof(bytes);

        if (is_boundary(line, end, &found)) {
            bool same = found.size == label.size && memcmp(found.at, label.at, label.size) == 0;
            return same && base64_decode_final(&context) ? (ssize_t)total : -EINVAL;
        }
        if (!base64_decode_update(&context, &size, bytes, line.size, line.at))
            return -EINVAL;
        for (size_t i = 0; i < size && total <= DER_SIZE; i++)
            ret[total++] = bytes[i];
    }
    return -EINVAL;
}

/* Finds the first "-----BEGIN LABEL-----"; *text is behind it then. */
static bool find_begin(const char **text, const char *text_end, struct line *ret_label)
{
    struct line line;

    while (next_line(text, text_end, &line))
        if (is_boundary(line, begin, ret_label))
            return true;
    return false;
}

static int refuse(const char **ret_reason, const char *reason)
{
    *ret_reason = reason;
    return -EINVAL;
}

int signature_key_parse(const char *pem, size_t size, uint8_t ret[static SIGNATURE_KEY_SIZE],
                        const char **ret_reason)
{
    const char *text = pem, *text_end = pem + size;
    uint8_t der[DER_SIZE + 1];
    struct line label;

    if (size > SIGNATURE_PEM_MAX)
        return refuse(ret_reason, "it is too long for a key");
    if (!find_begin(&text, text_end, &label))
        return refuse(ret_reason, "it holds no key in PEM");
    if (ends_with(label, "PRIVATE KEY"))
        return refuse(ret_reason,
                      "it holds a private key, which does not belong on a board: keep it "
                      "where sketches are signed");
    if (!is_text(label, "PUBLIC KEY"))
        return refuse(ret_reason, "it holds something else than a public key");
    ssize_t n = decode(text, text_end, label, der);
    if (n < 0)
        return refuse(ret_reason, "it holds no key in PEM");
    if (n != DER_SIZE || memcmp(der, der_head, sizeof(der_head)) != 0)
        return refuse(ret_reason, "its key is not an Ed25519 key");
    memcpy(ret, der + sizeof(der_head), SIGNATURE_KEY_SIZE);
    return 0;
}

void signature_key_fingerprint(const uint8_t key[static SIGNATURE_KEY_SIZE],
                               char ret[static SKETCH_DIGEST_HEX])
{
    uint8_t der[DER_SIZE];

    memcpy(der, der_head, sizeof(der_head));
    memcpy(der + sizeof(der_head), key, SIGNATURE_KEY_SIZE);
    sketch_digest(der, sizeof(der), ret);
}

static void report_foreign(const struct signature_verdict *verdict, struct sketch_report *report)
{
    char fingerprint[SKETCH_DIGEST_HEX];

    signature_key_fingerprint(verdict->key, fingerprint);
    report_say(report, "The sketch is signed with a key that is not accepted here: %s.",
               fingerprint);
    report_advise(report, "Sign it with a key that is, or have root add this one's public key to "
                          "the keys (KeysDirectory=).");
}

void signature_report(const struct signature_verdict *verdict, uint32_t n_keys,
                      struct sketch_report *ret)
{
    *ret = (struct sketch_report){.code = SKETCH_SIGNATURE};
    if (n_keys == 0) {
        report_say(ret, "Only signed sketches are accepted, and there is no usable key to verify a "
                        "signature with.");
        report_advise(ret, "Have root put an Ed25519 public key (PEM) into the folder of keys "
                           "(KeysDirectory=); the journal tells what is wrong with those there.");
    } else if (verdict->state == SIGNATURE_FOREIGN) {
        report_foreign(verdict, ret);
    } else if (verdict->state == SIGNATURE_WRONG) {
        report_say(ret,
                   "The signature does not fit the sketch: it is of another file or by another "
                   "key, or the sketch was changed after it was signed.");
        report_advise(ret, "Sign the sketch again as its last step before the upload; a detached "
                           "signature must be there before the sketch.");
    } else {
        report_say(ret, "%s", sketch_code_sentence(SKETCH_SIGNATURE));
        report_advise(ret, "%s", sketch_code_hint(SKETCH_SIGNATURE));
    }
}
