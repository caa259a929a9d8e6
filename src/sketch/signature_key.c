/*
 * Public keys and what is said of signatures: all that the daemon itself needs. PEM is libcrypto's
 * to take apart; what is inside has one form only, so that nothing has to decode it, and the daemon
 * does not carry libcrypto's providers about for the rest of its life.
 */
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "sketch/rules.h"
#include "sketch/signature.h"

/* RFC 8410, sections 3 and 4: SubjectPublicKeyInfo with the algorithm id-Ed25519. */
static const uint8_t der_head[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                   0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

enum {
    DER_SIZE = sizeof(der_head) + SIGNATURE_KEY_SIZE,
};

struct pem {
    char *name, *header;
    unsigned char *data;
    long size;
};

static void pem_done(struct pem *pem)
{
    OPENSSL_free(pem->name);
    OPENSSL_free(pem->header);
    OPENSSL_free(pem->data);
}

static void bio_freep(BIO **bio)
{
    BIO_free(*bio);
}

static const char *reason_against(const struct pem *pem)
{
    if (strstr(pem->name, "PRIVATE KEY"))
        return "it holds a private key, which does not belong on a board: keep it where sketches "
               "are signed";
    if (strcmp(pem->name, "PUBLIC KEY") != 0)
        return "it holds something else than a public key";
    if (pem->size != DER_SIZE || memcmp(pem->data, der_head, sizeof(der_head)) != 0)
        return "its key is not an Ed25519 key";
    return NULL;
}

int signature_key_parse(const char *pem, size_t size, uint8_t ret[static SIGNATURE_KEY_SIZE],
                        const char **ret_reason)
{
    _cleanup_(pem_done) struct pem parts = {0};

    if (size > SIGNATURE_PEM_MAX) {
        *ret_reason = "it is too long for a key";
        return -EINVAL;
    }
    _cleanup_(bio_freep) BIO *bio = BIO_new_mem_buf(pem, (int)size);
    if (!bio)
        return -ENOMEM;
    int found = PEM_read_bio(bio, &parts.name, &parts.header, &parts.data, &parts.size);
    ERR_clear_error();
    *ret_reason = found ? reason_against(&parts) : "it holds no key in PEM";
    if (*ret_reason)
        return -EINVAL;
    memcpy(ret, parts.data + sizeof(der_head), SIGNATURE_KEY_SIZE);
    return 0;
}

int signature_key_fingerprint(const uint8_t key[static SIGNATURE_KEY_SIZE],
                              char ret[static SKETCH_DIGEST_HEX])
{
    uint8_t der[DER_SIZE];

    memcpy(der, der_head, sizeof(der_head));
    memcpy(der + sizeof(der_head), key, SIGNATURE_KEY_SIZE);
    return sketch_digest(der, sizeof(der), ret);
}

static void report_foreign(const struct signature_verdict *verdict, struct sketch_report *report)
{
    char fingerprint[SKETCH_DIGEST_HEX];

    if (signature_key_fingerprint(verdict->key, fingerprint) < 0)
        fingerprint[0] = '\0';
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
