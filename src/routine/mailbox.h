/*
 * What the debugger and a routine on the chip tell each other, and where: the one place that knows
 * the routine's addresses. The debugger loads mailbox and code as one piece to ROUTINE_START, lets
 * the core run from ROUTINE_ENTRY, and from then on only reads and writes memory, which it can do
 * while the core runs: every halt and start of the core would cost thousands of clocks.
 *
 * The memory is the STM32H747's DTCM (128 KiB at 0x20000000) and AXI SRAM (512 KiB at 0x24000000),
 * which are there after a reset without any clock being switched on (RM0399, memory organization).
 */
#pragma once

#include <stdint.h>

#define ROUTINE_START   0x20000000U
#define ROUTINE_ENTRY   0x20000024U /* behind the mailbox */
#define ROUTINE_RESULTS 0x20000FC0U /* a survey's CRC-32s, a word a sector */
#define ROUTINE_PACKET  0x20001000U /* a packet (patch/packet.h) and its packed bytes */
#define ROUTINE_STACK   0x20020000U /* the end of the DTCM */
#define ROUTINE_BUFFER  0x24000000U /* the sector that is being built, at the end 0xFF again */

enum {
    ROUTINE_CODE_MAX = ROUTINE_RESULTS - ROUTINE_START, /* bytes, with the mailbox */
    ROUTINE_PACKET_MAX = 120 * 1024,                    /* bytes, 4 KiB less than there are */
    ROUTINE_BUFFER_MAX = 512 * 1024,                    /* bytes: the largest sector */
    ROUTINE_SECTORS_MAX = (ROUTINE_PACKET - ROUTINE_RESULTS) / 4, /* that a survey tells of */
};

enum mailbox_request {
    MAILBOX_READY,  /* by the routine: done, see error */
    MAILBOX_SURVEY, /* compute the CRC-32 of each sector */
    MAILBOX_PACKET, /* build, erase, write and compare what the packet says */
};

enum mailbox_error {
    MAILBOX_OK,
    MAILBOX_BAD_PACKET,   /* not what it should become, or not ours to write: nothing was touched */
    MAILBOX_ERASE_FAILED, /* the controller refused, or did not erase all */
    MAILBOX_WRITE_FAILED,
    MAILBOX_VERIFY_FAILED, /* the flash does not hold what was written */
};

/* At ROUTINE_START; words, little endian. */
struct mailbox {
    uint32_t request; /* enum mailbox_request; the debugger's last write for each */
    uint32_t error;   /* enum mailbox_error */
    uint32_t detail;  /* of a failure: the flash address, then the controller's SR */
    uint32_t status;
    /* Filled in by whoever loads it. */
    uint32_t start;       /* of sector 0 */
    uint32_t sector_size; /* bytes */
    uint32_t n_sectors;   /* to survey */
    uint32_t size;        /* bytes from start on that may be read, erased and written */
    uint32_t distrust;    /* not 0: erase also what looks erased, an erase may have been cut off */
};

_Static_assert(sizeof(struct mailbox) == ROUTINE_ENTRY - ROUTINE_START, "the code follows");
