/*
 * The routine that the STM32H7's Cortex-M7 runs from RAM while m4flashd programs the other bank: it
 * tells what the flash holds, and makes a sector's new content of the old one and of the bytes that
 * changed, so that only those cross the wire. Built by arm-none-eabi-gcc, without a C library.
 *
 * Register names: RM0399, embedded flash memory; Armv7-M Architecture Reference Manual, B3.2.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "patch/crc.h"
#include "patch/packet.h"
#include "patch/unpack.h"
#include "routine/mailbox.h"

enum {
    FLASH_WORD = 32, /* bytes programmed at once */
};

#define FLASH_START 0x08000000U
#define BANK_SIZE   0x00100000U

/* Each bank has its controller. */
struct flash_bank {
    uint32_t acr, keyr, optkeyr, cr, sr, ccr;
};

#define BANK1_REGISTERS 0x52002000U
#define BANK_REGISTERS  0x100U

#define KEY1 0x45670123U
#define KEY2 0xCDEF89ABU

#define CR_LOCK     (1U << 0)
#define CR_PG       (1U << 1)
#define CR_SER      (1U << 2)
#define CR_PSIZE_64 (3U << 4)
#define CR_START    (1U << 7)
#define CR_SNB(n)   ((n) << 8)

#define SR_BUSY   ((1U << 0) | (1U << 2)) /* BSY, QW */
#define SR_ERRORS ((1U << 17) | (1U << 18) | (1U << 19) | (1U << 21) | (1U << 22))
/* WRPERR, PGSERR, STRBERR, INCERR, OPERR; not the ECC's, which tell of what was there before. */
#define SR_CLEAR 0x07EF0000U

#define CCR           0xE000ED14U
#define CCR_BFHFNMIGN (1U << 8)

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define MAILBOX           ((volatile struct mailbox *)ROUTINE_START)
#define RESULTS           ((volatile uint32_t *)ROUTINE_RESULTS)
#define BUFFER            ((uint8_t *)ROUTINE_BUFFER)
#define MEMORY(address)   ((const uint8_t *)(uintptr_t)(address))

static volatile struct flash_bank *bank_of(uint32_t address)
{
    uint32_t bank = (address - FLASH_START) / BANK_SIZE;

    return (volatile struct flash_bank *)(BANK1_REGISTERS + bank * BANK_REGISTERS);
}

static void barrier(void)
{
    __asm__ volatile("dsb" ::: "memory");
}

/* By double words, the unit of the AXI SRAM's ECC: what was never written must not be read. */
static void blank_buffer(uint32_t size)
{
    volatile uint64_t *end = (volatile uint64_t *)(BUFFER + size);

    for (volatile uint64_t *p = (volatile uint64_t *)BUFFER; p < end; p++)
        *p = UINT64_MAX;
}

static bool is_blank(const uint8_t *bytes, uint32_t size)
{
    const uint32_t *words = (const uint32_t *)(const void *)bytes;

    for (uint32_t i = 0; i < size / 4; i++)
        if (words[i] != UINT32_MAX)
            return false;
    return true;
}

static enum mailbox_error fail(enum mailbox_error error, uint32_t address, uint32_t status)
{
    MAILBOX->detail = address;
    MAILBOX->status = status;
    return error;
}

/* ---- The flash controller ----------------------------------------------------------------------
 */

static void unlock(volatile struct flash_bank *bank)
{
    if (bank->cr & CR_LOCK) {
        bank->keyr = KEY1;
        bank->keyr = KEY2;
    }
    bank->ccr = SR_CLEAR;
}

/* Waits for the end of an operation and returns its errors. */
static uint32_t errors_of(volatile struct flash_bank *bank)
{
    uint32_t sr;

    do
        sr = bank->sr;
    while (sr & SR_BUSY);
    return sr & SR_ERRORS;
}

static enum mailbox_error erase_sector(uint32_t address, uint32_t size)
{
    volatile struct flash_bank *bank = bank_of(address);
    uint32_t sector = (address - FLASH_START) % BANK_SIZE / size;

    if (!MAILBOX->distrust && is_blank(MEMORY(address), size))
        return MAILBOX_OK;
    unlock(bank);
    bank->cr = CR_SER | CR_PSIZE_64 | CR_SNB(sector);
    bank->cr = CR_SER | CR_PSIZE_64 | CR_SNB(sector) | CR_START;
    barrier();
    uint32_t errors = errors_of(bank);
    bank->cr = CR_LOCK;
    if (errors || !is_blank(MEMORY(address), size))
        return fail(MAILBOX_ERASE_FAILED, address, errors);
    return MAILBOX_OK;
}

static void write_word(uint32_t address, const uint8_t *bytes)
{
    const uint32_t *words = (const uint32_t *)(const void *)bytes;
    volatile uint32_t *flash = (volatile uint32_t *)address;

    for (unsigned i = 0; i < FLASH_WORD / 4; i++)
        flash[i] = words[i];
    barrier();
}

/* What is blank stays erased. The buffer is blank behind its size, so the last word is whole. */
static enum mailbox_error write_words(uint32_t address, const uint8_t *bytes, uint32_t size)
{
    volatile struct flash_bank *bank = bank_of(address);
    uint32_t errors = 0, done = 0;

    unlock(bank);
    bank->cr = CR_PG | CR_PSIZE_64;
    for (; done < size && !errors; done += FLASH_WORD) {
        if (is_blank(bytes + done, FLASH_WORD))
            continue;
        write_word(address + done, bytes + done);
        errors = errors_of(bank);
    }
    bank->cr = CR_LOCK;
    return errors ? fail(MAILBOX_WRITE_FAILED, address + done - FLASH_WORD, errors) : MAILBOX_OK;
}

static enum mailbox_error compare(uint32_t address, const uint8_t *bytes, uint32_t size)
{
    const uint8_t *flash = MEMORY(address);

    for (uint32_t i = 0; i < size; i++)
        if (flash[i] != bytes[i])
            return fail(MAILBOX_VERIFY_FAILED, address + i, 0);
    return MAILBOX_OK;
}

/* ---- What is asked for -------------------------------------------------------------------------
 */

static enum mailbox_error survey(const uint32_t *table)
{
    const uint8_t *sector = MEMORY(MAILBOX->start);

    for (uint32_t i = 0; i < MAILBOX->n_sectors; i++) {
        RESULTS[i] = crc32_of(table, sector, MAILBOX->sector_size);
        sector += MAILBOX->sector_size;
    }
    return MAILBOX_OK;
}

/* Bank 1 is the bridge's: nothing outside of the sketch's flash is touched, whatever a packet says.
 */
static bool is_ours(const struct packet *packet)
{
    uint32_t size = MAILBOX->size, offset = packet->address - MAILBOX->start;

    return offset < size && packet->size <= size - offset && packet->erase <= size - offset &&
           packet->size <= MAILBOX->sector_size && packet->skip <= packet->size &&
           (packet->skip % FLASH_WORD == 0 || packet->skip == packet->size) &&
           packet->address % FLASH_WORD == 0;
}

static bool build(const struct packet *packet, const uint32_t *table)
{
    const struct unpack_window flash = {
        .bytes = MEMORY(MAILBOX->start),
        .size = MAILBOX->size,
        .offset = packet->address - MAILBOX->start,
    };

    if (packet->packed_size > 0 && unpack((const uint8_t *)(packet + 1), packet->packed_size,
                                          &flash, BUFFER, packet->size) < 0)
        return false;
    return crc32_of(table, BUFFER, packet->size) == packet->crc;
}

static enum mailbox_error take_packet(const struct packet *packet, const uint32_t *table)
{
    enum mailbox_error error = MAILBOX_OK;

    if (!is_ours(packet) || !build(packet, table))
        return fail(MAILBOX_BAD_PACKET, packet->address, 0);
    const uint8_t *bytes = BUFFER + packet->skip;
    uint32_t address = packet->address + packet->skip, size = packet->size - packet->skip;

    if (packet->erase)
        error = erase_sector(packet->address, packet->erase);
    if (error == MAILBOX_OK)
        error = write_words(address, bytes, size);
    if (error == MAILBOX_OK)
        error = compare(address, bytes, size);
    return error;
}

static enum mailbox_error serve(uint32_t request, const uint32_t *table)
{
    if (request == MAILBOX_SURVEY)
        return survey(table);
    enum mailbox_error error = take_packet((const struct packet *)ROUTINE_PACKET, table);
    blank_buffer(MAILBOX->sector_size);
    return error;
}

/*
 * A flash word that a power cut left half programmed has a wrong ECC, and reading it is a bus
 * fault. At FAULTMASK's priority and with BFHFNMIGN the core goes on with what it read: the CRC is
 * wrong then, and the sector is written anew.
 */
static void ignore_bus_faults(void)
{
    __asm__ volatile("cpsid if" ::: "memory");
    REGISTER(CCR) |= CCR_BFHFNMIGN;
    barrier();
}

__attribute__((noreturn, used)) static void run(void)
{
    uint32_t table[CRC_TABLE_ENTRIES];

    ignore_bus_faults();
    crc_table_init(table);
    blank_buffer(MAILBOX->sector_size);
    for (;;) {
        uint32_t request = MAILBOX->request;
        if (request == MAILBOX_READY)
            continue;
        MAILBOX->error = serve(request, table);
        barrier();
        MAILBOX->request = MAILBOX_READY;
    }
}

/* At ROUTINE_ENTRY: the debugger sets no register but the PC. */
__attribute__((naked, noreturn, used, section(".entry"))) void entry(void)
{
    __asm__ volatile("ldr r0, =%c0\n\t"
                     "mov sp, r0\n\t"
                     "b run"
                     :
                     : "i"(ROUTINE_STACK));
}
