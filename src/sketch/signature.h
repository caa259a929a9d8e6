/*
 * Signed sketches: who may have a sketch programmed is who has a private key to one of the public
 * keys that root has put on the board, wherever the file came from.
 *
 * A signature is Ed25519's (RFC 8032), 64 bytes, over the text
 *
 *     m4flash sketch 1 DIGEST\n
 *
 * where DIGEST is the SHA-256 of the signed bytes in lower-case hexadecimal. That text is what a
 * hardware token or a build server has to sign, not megabytes; it says what it is for, so that a
 * key which signs other things too never signs a sketch by mistake; and the bytes are hashed once,
 * by what is fastest on every processor at hand, whatever the number of keys.
 *
 * It comes in one of two forms.
 *
 * Embedded: the file ends with an ELF note (gABI chapter 5; all words little-endian)
 *
 *     offset from its start   size
 *      0   8                     4   size of the name, with its NUL
 *      4   96                    4   size of what follows the name
 *      8   "m4s1"                4   type: this form
 *     12   "m4flash\0"           8
 *     20   public key           32
 *     52   signature            64
 *
 * and the signed bytes are all of the file before the signature. Nothing can be behind it, so there
 * is nothing that is not signed, and no header has to be believed to find it: the ELF file is not
 * parsed before its signature was verified. To linkers and debuggers it is the section
 * .note.m4flash, whose header tells the file's full length, as that of a cut-off upload does.
 *
 * Detached: 64 bytes in a file of their own; the signed bytes are the whole sketch.
 */
#pragma once

#include <m4flash/sketch.h>

enum {
    SIGNATURE_KEY_SIZE = 32, /* bytes of a public key */
    SIGNATURE_SIZE = 64,
    SIGNATURE_NOTE_SIZE = 116,
    SIGNATURE_MESSAGE_SIZE = 82, /* of the text above */
    SIGNATURE_KEYS_MAX = 16,
    SIGNATURE_PEM_MAX = 4096, /* bytes of a key's file: a key is 113, the rest are comments */
};

/* What a signature is to be judged by. Plain bytes: it is handed on to the checker. */
struct signature_order {
    uint32_t n_keys; /* at most SIGNATURE_KEYS_MAX */
    uint8_t keys[SIGNATURE_KEYS_MAX][SIGNATURE_KEY_SIZE];
    uint32_t has_detached; /* 0 or 1 */
    uint8_t detached[SIGNATURE_SIZE];
};

enum signature_state {
    SIGNATURE_NONE,    /* there is none in either form */
    SIGNATURE_FOREIGN, /* embedded, of a key that is not among those of the order */
    SIGNATURE_WRONG,   /* embedded, of such a key, but not over these bytes; or detached, and not of
                          these bytes by any of the keys */
    SIGNATURE_GOOD,
    _SIGNATURE_STATE_MAX,
};

struct signature_verdict {
    uint32_t state;                  /* enum signature_state */
    uint32_t signer;                 /* GOOD: which of the order's keys; else 0 */
    uint8_t key[SIGNATURE_KEY_SIZE]; /* FOREIGN: whose it says to be; else zero */
};

/*
 * Has libcrypto set itself up, with a known answer, which may take all kinds of system calls; none
 * of those below takes one then, but for memory. For a process that is about to lock itself up.
 * Returns 0; -EIO if libcrypto's answer is another one; or -ENOMEM.
 */
int signature_prepare(void);

/*
 * Judges the signature of size bytes at file (any bytes whatever): the embedded one, then, unless
 * that is GOOD, the detached one, if there is one. Of several reasons against it the embedded one's
 * is told. Returns 0; -EIO or -ENOMEM if libcrypto cannot.
 */
int signature_judge(const struct signature_order *order, const void *file, size_t size,
                    struct signature_verdict *ret);

/* Parts of an embedded signature, which point into the file. False if it ends with none. */
bool signature_find(const void *file, size_t size, const uint8_t **ret_key,
                    const uint8_t **ret_signature);

/* The text that is signed for size bytes; it has no NUL. */
void signature_message(const void *bytes, size_t size, char ret[static SIGNATURE_MESSAGE_SIZE]);

/* The same for bytes of this SHA-256. */
void signature_write_message(const char digest[static SKETCH_DIGEST_HEX],
                             char ret[static SIGNATURE_MESSAGE_SIZE]);

/* ---- Keys ---------------------------------------------------------------------------------- */

/*
 * The first public key in size bytes of PEM (RFC 7468, "PUBLIC KEY"), which must be an Ed25519 one
 * (RFC 8410). Returns 0, or -EINVAL with *ret_reason saying in a phrase what is wrong.
 */
int signature_key_parse(const char *pem, size_t size, uint8_t ret[static SIGNATURE_KEY_SIZE],
                        const char **ret_reason);

/*
 * By what people know a key: the SHA-256 of its DER form, which is what
 * `openssl pkey -pubin -in KEY.pem -outform DER | sha256sum` prints.
 */
void signature_key_fingerprint(const uint8_t key[static SIGNATURE_KEY_SIZE],
                               char ret[static SKETCH_DIGEST_HEX]);

/* ---- Verdicts ------------------------------------------------------------------------------ */

/*
 * Fills a report of code SKETCH_SIGNATURE with why a verdict other than GOOD is a rejection, by an
 * order of so many keys.
 */
void signature_report(const struct signature_verdict *verdict, uint32_t n_keys,
                      struct sketch_report *ret);

/* ---- Signing ------------------------------------------------------------------------------- */

/*
 * A copy of an ELF file that ends with a note for this key, its signature all zero; one that was
 * signed so already gets this key in its note. The file keeps all its bytes, but for where its
 * section headers are: a new table of them stands behind. A file whose header, which tells that, is
 * part of a segment, a section or a table is refused. Returns 0 with *ret for the caller to free;
 * -EINVAL with *ret_reason saying in a sentence what is wrong; or -ENOMEM.
 */
int signature_note_add(const void *elf, size_t size, const uint8_t key[static SIGNATURE_KEY_SIZE],
                       uint8_t **ret, size_t *ret_size, const char **ret_reason);
