/* The faults a test asks for, and how far the present client is from meeting them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum fault_kind {
    FAULT_NO_TARGET_HIGH,
    FAULT_NO_TARGET_LOW,
    FAULT_ERASE_FAIL,
    FAULT_WRITE_PROTECT,
    FAULT_WRITE_ERROR,
    FAULT_STUCK_BIT,
    FAULT_CORRUPT_WORD,
    FAULT_DIE_AFTER,
    FAULT_WAIT_SOMETIMES,
    FAULT_WAIT_FOREVER,
    FAULT_SILENT,
    FAULT_DROP,
    FAULT_POWER_CUT_ERASE,
    FAULT_POWER_CUT_WORD,
};

/* What is left of the wire between the debugger and the chip, from good to gone. */
enum line {
    LINE_GOOD,
    LINE_HIGH, /* TDO reads 1 for ever, nothing reaches the chip */
    LINE_LOW,
    LINE_SILENT,    /* the adapter answers nothing more */
    LINE_DROPPED,   /* the adapter closes the connection */
    LINE_POWER_CUT, /* the chip lost its supply in the middle of a flash operation */
};

#define FAULTS_MAX 16

struct fault {
    enum fault_kind kind;
    uint32_t arg[2];
};

/* A set of faults and the progress of one client. All counts begin at the client's connection, so
 * that a fault strikes each client at the same point. */
struct faults {
    struct fault list[FAULTS_MAX];
    size_t count;

    enum line line;
    uint64_t transactions, reads;
    uint64_t erases, words;
};

/* Adds the fault that the text describes (the syntax is that of faults_print_help()). Returns 0,
 * -EINVAL (not a fault) or -E2BIG (more than FAULTS_MAX). */
int faults_add(struct faults *faults, const char *text);

/* Adds the faults of a file: one a line, empty lines and lines that start with # ignored; a missing
 * file holds none. Returns 0 or a negative errno; *ret_line is the bad line (0 = the file itself)
 * and set on failure only. */
int faults_add_file(struct faults *faults, const char *path, unsigned *ret_line);

/* Lists the kinds with their arguments. */
void faults_print_help(FILE *f);

/* A client connects: counts begin at 0, the line is good unless a fault says that it never is. */
void faults_start(struct faults *faults);

/* One DPACC or APACC scan begins; the line may go bad with it. after_read: the scan before began
 * a read through an AP, which a fault may leave unfinished. True: answer this one with WAIT. */
bool faults_transaction(struct faults *faults, bool after_read);

/* A fault of this kind whose first argument is in [first, first + size), or NULL. */
const struct fault *faults_find(const struct faults *faults, enum fault_kind kind, uint32_t first,
                                uint32_t size);

/* One more erase or flash word begins. True: the supply fails in the middle of it (the line is
 * LINE_POWER_CUT from here on). */
bool faults_power_cut_erase(struct faults *faults);
bool faults_power_cut_word(struct faults *faults);
