/* The flash controller. Operations are instantaneous: whoever polls SR finds them done, which makes
 * every count of a run depend on the debugger alone. */
#include "flash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "flash_file.h"

#define BANK_STRIDE 0x100U

enum {
    REG_KEYR = 0x04,
    REG_CR = 0x0C,
    REG_SR = 0x10,
    REG_CCR = 0x14,
    REG_WPSN_CUR = 0x38,
};

#define KEY1 0x45670123U
#define KEY2 0xCDEF89ABU

#define CR_LOCK     (1U << 0)
#define CR_PG       (1U << 1)
#define CR_SER      (1U << 2)
#define CR_BER      (1U << 3)
#define CR_FW       (1U << 6)
#define CR_START    (1U << 7)
#define CR_SNB(cr)  ((cr) >> 8 & 7U)
#define CR_WRITABLE 0x0000073EU /* PG, SER, BER, PSIZE, SNB: what reads back as written */

#define SR_WBNE   (1U << 1)
#define SR_EOP    (1U << 16)
#define SR_WRPERR (1U << 17)
#define SR_PGSERR (1U << 18)
#define SR_INCERR (1U << 21)
#define SR_OPERR  (1U << 22)
#define SR_CLEARS 0x07EF0000U /* what CCR clears: EOP and the errors */

enum lock {
    LOCKED,
    LOCKED_HALF, /* the first key was right */
    UNLOCKED,
    LOCKED_OUT, /* a wrong key locks until the next reset */
};

struct bank {
    enum lock lock;
    uint32_t cr, sr;
    uint32_t word;    /* offset in the bank of the flash word in the write buffer */
    uint32_t arrived; /* one bit for each of its bytes */
    uint8_t buffer[FLASH_WORD_SIZE];
};

struct flash {
    uint8_t *cells;
    struct bank bank[2];
    struct faults *faults;
    struct stats *stats;
};

int flash_new(const char *path, struct faults *faults, struct stats *stats, struct flash **ret)
{
    struct flash *flash = calloc(1, sizeof(*flash));
    if (!flash)
        return -ENOMEM;
    int r = flash_file_map(path, &flash->cells);
    if (r < 0) {
        free(flash);
        return r;
    }
    flash->faults = faults;
    flash->stats = stats;
    *ret = flash;
    return 0;
}

void flash_free(struct flash *flash)
{
    if (!flash)
        return;
    munmap(flash->cells, FLASH_SIZE);
    free(flash);
}

const uint8_t *flash_cells(const struct flash *flash)
{
    return flash->cells;
}

void flash_reset(struct flash *flash)
{
    memset(flash->bank, 0, sizeof(flash->bank));
}

/* Faults name the sectors of bank 2 only: nobody may write bank 1, so nothing there can fail. */
static bool sector_has(const struct flash *flash, unsigned bank, uint32_t sector,
                       enum fault_kind kind)
{
    return bank == 1 && faults_find(flash->faults, kind, sector, 1);
}

/* After a power cut the rest of a run may still be simulated; no cell changes any more. */
static bool has_supply(const struct flash *flash)
{
    return flash->faults->line != LINE_POWER_CUT;
}

static uint8_t *bank_cells(const struct flash *flash, unsigned bank)
{
    return flash->cells + (size_t)bank * FLASH_BANK_SIZE;
}

static void erase_sector(struct flash *flash, unsigned bank, uint32_t sector)
{
    uint8_t *cells = bank_cells(flash, bank) + (size_t)sector * FLASH_SECTOR_SIZE;

    if (sector_has(flash, bank, sector, FAULT_WRITE_PROTECT)) {
        flash->bank[bank].sr |= SR_WRPERR;
        return;
    }
    if (sector_has(flash, bank, sector, FAULT_ERASE_FAIL)) {
        flash->bank[bank].sr |= SR_OPERR;
        return;
    }
    if (faults_power_cut_erase(flash->faults)) {
        /* A half erased sector: some cells have risen to 1, others not yet. */
        memset(cells, 0xFF, FLASH_SECTOR_SIZE / 2);
        for (uint32_t i = FLASH_SECTOR_SIZE / 2; i < FLASH_SECTOR_SIZE * 3 / 4; i++)
            cells[i] |= (uint8_t)(0x55U << (i & 1));
        return;
    }
    memset(cells, 0xFF, FLASH_SECTOR_SIZE);
    flash->stats->erases[bank][sector]++;
    flash->bank[bank].sr |= SR_EOP;
}

static void start(struct flash *flash, unsigned bank)
{
    uint32_t cr = flash->bank[bank].cr;

    if (cr & CR_BER) {
        for (uint32_t sector = 0; sector < FLASH_BANK_SECTORS; sector++)
            if (has_supply(flash))
                erase_sector(flash, bank, sector);
    } else if (cr & CR_SER) {
        erase_sector(flash, bank, CR_SNB(cr));
    } else {
        flash->bank[bank].sr |= SR_PGSERR;
    }
}

static void program_bytes(uint8_t *cells, const uint8_t *bytes, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        cells[i] &= bytes[i];
}

static bool is_erased(const uint8_t *cells)
{
    for (uint32_t i = 0; i < FLASH_WORD_SIZE; i++)
        if (cells[i] != 0xFF)
            return false;
    return true;
}

/* Damage that no status bit reports: only a verification finds it. */
static void damage(struct flash *flash, unsigned bank, uint32_t word, uint8_t *cells)
{
    uint32_t address = FLASH_START + bank * FLASH_BANK_SIZE + word;
    const struct fault *fault;

    fault = faults_find(flash->faults, FAULT_STUCK_BIT, address, FLASH_WORD_SIZE);
    if (fault)
        cells[fault->arg[0] - address] |= (uint8_t)(1U << fault->arg[1]);
    fault = faults_find(flash->faults, FAULT_CORRUPT_WORD, address, FLASH_WORD_SIZE);
    if (fault)
        for (uint32_t i = 0; i < 4; i++)
            cells[((fault->arg[0] - address) & ~3U) + i] ^= 0xFF;
}

static void program_word(struct flash *flash, unsigned bank)
{
    struct bank *b = &flash->bank[bank];
    uint8_t *cells = bank_cells(flash, bank) + b->word;
    uint32_t address = FLASH_START + bank * FLASH_BANK_SIZE + b->word;

    b->arrived = 0;
    b->sr &= ~SR_WBNE;
    if (sector_has(flash, bank, b->word / FLASH_SECTOR_SIZE, FAULT_WRITE_PROTECT)) {
        b->sr |= SR_WRPERR;
        return;
    }
    if (faults_find(flash->faults, FAULT_WRITE_ERROR, address, FLASH_WORD_SIZE)) {
        b->sr |= SR_OPERR;
        return;
    }
    if (faults_power_cut_word(flash->faults)) {
        program_bytes(cells, b->buffer, FLASH_WORD_SIZE / 2);
        return;
    }
    /* The chip would take it and find the ECC wrong when the word is read; saying so at once keeps
     * a missing erase from passing unseen. */
    bool erased = is_erased(cells);
    program_bytes(cells, b->buffer, FLASH_WORD_SIZE);
    if (!erased) {
        b->sr |= SR_OPERR;
        return;
    }
    damage(flash, bank, b->word, cells);
    flash->stats->words[bank]++;
    b->sr |= SR_EOP;
}

void flash_write(struct flash *flash, uint32_t offset, unsigned size, uint32_t value)
{
    unsigned bank = offset / FLASH_BANK_SIZE;
    struct bank *b = &flash->bank[bank];
    uint32_t word = offset % FLASH_BANK_SIZE & ~(FLASH_WORD_SIZE - 1);

    if (!has_supply(flash))
        return;
    if (b->lock != UNLOCKED || !(b->cr & CR_PG) || offset % size != 0) {
        b->sr |= SR_PGSERR;
        return;
    }
    if (b->arrived && b->word != word) {
        b->sr |= SR_INCERR;
        return;
    }
    if (!b->arrived)
        memset(b->buffer, 0xFF, sizeof(b->buffer));
    b->word = word;
    b->sr |= SR_WBNE;
    for (unsigned i = 0; i < size; i++) {
        uint32_t at = (offset + i) % FLASH_WORD_SIZE;
        b->buffer[at] = (uint8_t)(value >> 8 * i);
        b->arrived |= 1U << at;
    }
    if (b->arrived == UINT32_MAX)
        program_word(flash, bank);
}

static void write_key(struct bank *b, uint32_t key)
{
    if (b->lock == LOCKED && key == KEY1)
        b->lock = LOCKED_HALF;
    else if (b->lock == LOCKED_HALF && key == KEY2)
        b->lock = UNLOCKED;
    else if (b->lock != UNLOCKED)
        b->lock = LOCKED_OUT;
}

static void write_control(struct flash *flash, unsigned bank, uint32_t value)
{
    struct bank *b = &flash->bank[bank];

    if (!has_supply(flash) || b->lock != UNLOCKED)
        return;
    b->cr = value & CR_WRITABLE;
    if (value & CR_FW && b->arrived)
        program_word(flash, bank);
    if (value & CR_START)
        start(flash, bank);
    if (value & CR_LOCK)
        b->lock = LOCKED;
}

/* WPSN_CUR: a bit of 0 protects its sector. */
static uint32_t unprotected_sectors(const struct flash *flash, unsigned bank)
{
    uint32_t sectors = 0;

    for (uint32_t i = 0; i < FLASH_BANK_SECTORS; i++)
        if (!sector_has(flash, bank, i, FAULT_WRITE_PROTECT))
            sectors |= 1U << i;
    return sectors;
}

bool flash_register_read(const struct flash *flash, uint32_t offset, uint32_t *ret)
{
    unsigned bank = offset / BANK_STRIDE;
    const struct bank *b = &flash->bank[bank];

    switch (offset % BANK_STRIDE) {
    case REG_KEYR:
    case REG_CCR:
        *ret = 0; /* write-only */
        return true;
    case REG_CR:
        *ret = b->cr | (b->lock != UNLOCKED ? CR_LOCK : 0);
        return true;
    case REG_SR:
        *ret = b->sr;
        return true;
    case REG_WPSN_CUR:
        *ret = unprotected_sectors(flash, bank);
        return true;
    default:
        return false;
    }
}

bool flash_register_write(struct flash *flash, uint32_t offset, uint32_t value)
{
    unsigned bank = offset / BANK_STRIDE;

    switch (offset % BANK_STRIDE) {
    case REG_KEYR:
        write_key(&flash->bank[bank], value);
        return true;
    case REG_CR:
        write_control(flash, bank, value);
        return true;
    case REG_SR:
        return true; /* read-only */
    case REG_CCR:
        flash->bank[bank].sr &= ~(value & SR_CLEARS);
        return true;
    default:
        return false;
    }
}
