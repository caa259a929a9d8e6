/*
 * What the checker process tells the daemon, and how much of it the daemon believes: nothing that
 * it has not judged here. The checker has parsed a hostile upload, so it may itself be hostile.
 *
 * The conversation: the checker reads the board profile and waits for ANSWER_GO on the socket (end
 * of file: not needed, exit 0), which comes with the upload's snapshot, a sealed memfd, as its
 * SCM_RIGHTS. So it can be started, and locked up, before there is an upload. It checks that and
 * writes struct answer_head, then, for an accepted sketch, head.report.image_size bytes of flash
 * image. Then it waits for ANSWER_REST, so that on a machine with one processor to spare it does
 * not keep OpenOCD from being started, hashes the upload, and writes struct answer_tail. Both ends
 * are of one build on one machine, hence native byte order and layout.
 *
 * Of a large upload a part may still be missing: then the order is ANSWER_GO_PARTS, followed by a
 * struct sketch_gap. If the verdict depends on what is missing, the head says up to where it does,
 * and nothing else; ANSWER_REST comes when so much is there, and another head follows. ANSWER_REST
 * after a verdict comes when all is there.
 *
 * Where sketches must be signed, the order is ANSWER_GO_SIGNED, followed by a struct
 * signature_order, and the answer begins with struct answer_signature. The checker writes that
 * before it looks at a byte of the upload but to hash it and to find the note at its end. So what
 * it says of the signature can be believed even if the upload takes it over afterwards, by a
 * mistake in what parses ELF files: those words are out by then. What an unsigned upload can have
 * it say later is a rejection, or an acceptance that is none without a signature.
 */
#pragma once

#include <m4flash/sketch.h>

#include "sketch/signature.h"

enum {
    ANSWER_FD_SOCKET = 3, /* connected SOCK_STREAM socket to the daemon */
    ANSWER_FD_BOARD = 4,  /* the board profile's text, to be read from its start */

    ANSWER_GO = 'G',        /* the byte that starts the check */
    ANSWER_GO_PARTS = 'P',  /* likewise, of an upload with a gap */
    ANSWER_GO_SIGNED = 'S', /* likewise, of the signature too */
    ANSWER_REST = 'R',      /* the byte that asks for what comes next */
    ANSWER_VERSION = 6,
    ANSWER_MAGIC_SIZE = 8,
};

/* What it is locked up with. */
enum answer_cage {
    ANSWER_CAGE_USER = 1 << 0,     /* a user of its own, who owns nothing */
    ANSWER_CAGE_LIMITS = 1 << 1,   /* resource limits; no other process may look into it */
    ANSWER_CAGE_FILES = 1 << 2,    /* no file can be opened */
    ANSWER_CAGE_SYSCALLS = 1 << 3, /* whatever it does not need ends it */
    ANSWER_CAGE_ALL = (1 << 4) - 1,
};

/* Sent first, if it was asked for. */
struct answer_signature {
    char magic[ANSWER_MAGIC_SIZE];
    struct signature_verdict verdict;
};

struct answer_head {
    char magic[ANSWER_MAGIC_SIZE];
    uint32_t version;
    uint32_t cage;   /* of enum answer_cage; only to be told, since a liar may say anything */
    uint64_t needed; /* the upload up to this offset, for a verdict; 0: this is one */
    struct sketch_report report; /* all zero if it is none */
};

/* Sent last, when it is asked for: what takes longest, and is needed last. */
struct answer_tail {
    char magic[ANSWER_MAGIC_SIZE];
    char sha256[SKETCH_DIGEST_HEX]; /* of the whole upload */
};

void answer_make_signature(const struct signature_verdict *verdict, struct answer_signature *ret);

/* Fills a head from a report of sketch_check(); cage is 0. */
void answer_make_head(const struct sketch_report *report, struct answer_head *ret);

/* Fills one that is no verdict. */
void answer_make_request(uint64_t needed, struct answer_head *ret);
void answer_make_tail(const char *sha256, struct answer_tail *ret);

/*
 * 0 means: the state is one that there is; the signer is one of n_keys keys if it is GOOD, else 0;
 * and there is a key only if it is FOREIGN. -EBADMSG otherwise.
 */
int answer_check_signature(const struct answer_signature *signature, uint32_t n_keys);

/* 0 if the head is not a verdict, but asks for something of what is missing; -EBADMSG otherwise. */
int answer_check_request(const struct sketch_gap *missing, const struct answer_head *head);

/*
 * Judges all that a lying checker could say of its verdict. 0 means: it is one; the code is one
 * that sketch_check() can give; both texts are one line of printable ASCII (empty if accepted, not
 * empty if rejected); every field that does not go with the code is all zero; the cage has only
 * known bits; an accepted sketch's numbers fit the board and each other, so that 0 < image_size <=
 * the window's size, and sectors and sector_used can be used as indices and counts. -EBADMSG
 * otherwise.
 */
int answer_check_head(const struct board *board, const struct answer_head *head);

/* The same for the image: -EBADMSG unless it begins with the two words that the head says. */
int answer_check_image(const struct answer_head *head, const uint8_t *image);

/* What a cage with only these bits lacks, as a list in English; "" if nothing. Returns ret. */
char *answer_cage_lacks(uint32_t cage, char *ret, size_t size);

/* 0, or -EBADMSG if the magic or the form of the digest is wrong. */
int answer_check_tail(const struct answer_tail *tail);
