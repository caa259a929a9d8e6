/* The memory map (RM0399, section 2.3). Only what OpenOCD and a flash routine touch is here;
 * everything else is a bus error, so that a test sees it instead of reading made-up values. */
#include "bus.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#define DBGMCU_START   0x5C001000U
#define DBGMCU_IDCODE  0x20036450U /* STM32H74x/75x, revision V */
#define FLASH_SIZE_REG 0x1FF1E880U /* 16 bits, in KiB */
#define DBGMCU_OFFSETS 5

/* The one register of its own that a routine may set: whether it survives a bus fault. Nothing here
 * makes one, so it changes nothing. */
#define CCR           0xE000ED14U
#define CCR_RESET     0x00040200U
#define CCR_BFHFNMIGN (1U << 8)

/* CR, APB3FZ1, APB1LFZ1, APB4FZ1; and the trace funnel's control, which OpenOCD reaches from the
 * same base. */
static const uint32_t dbgmcu_offsets[DBGMCU_OFFSETS] = {0x004, 0x034, 0x03C, 0x054, 0x3000};

struct region {
    uint32_t start, size;
    uint32_t offset; /* in bus.ram */
};

/* ITCM, DTCM, AXI SRAM, D2 SRAM at its two addresses, D3 SRAM. */
static const struct region map[] = {
    {0x00000000, 0x10000, 0x00000}, {0x20000000, 0x20000, 0x10000}, {0x24000000, 0x80000, 0x30000},
    {0x10000000, 0x48000, 0xB0000}, {0x30000000, 0x48000, 0xB0000}, {0x38000000, 0x10000, 0xF8000},
};

#define REGIONS  (sizeof(map) / sizeof(map[0]))
#define RAM_SIZE 0x108000

struct bus {
    const struct region *last; /* accesses come in runs: try this one first */
    uint32_t dbgmcu[DBGMCU_OFFSETS];
    uint32_t ccr;
    struct flash *flash;
    const uint8_t *cells;
    struct stats *stats;
    uint8_t ram[RAM_SIZE];
};

int bus_new(struct flash *flash, struct stats *stats, struct bus **ret)
{
    struct bus *bus = calloc(1, sizeof(*bus));
    if (!bus)
        return -ENOMEM;
    bus->last = &map[0];
    bus->flash = flash;
    bus->cells = flash_cells(flash);
    bus->stats = stats;
    *ret = bus;
    return 0;
}

void bus_free(struct bus *bus)
{
    free(bus);
}

static bool unknown(struct bus *bus, uint32_t address)
{
    bus->stats->unknown_accesses++;
    bus->stats->unknown_address = address;
    return false;
}

static bool inside(uint32_t address, unsigned size, uint32_t start, uint32_t length)
{
    return address - start < length && length - (address - start) >= size;
}

static uint8_t *ram(struct bus *bus, uint32_t address, unsigned size)
{
    if (!inside(address, size, bus->last->start, bus->last->size)) {
        size_t i = 0;
        while (i < REGIONS && !inside(address, size, map[i].start, map[i].size))
            i++;
        if (i == REGIONS)
            return NULL;
        bus->last = &map[i];
    }
    return bus->ram + bus->last->offset + (address - bus->last->start);
}

static uint32_t get(const uint8_t *bytes, unsigned size)
{
    uint32_t value = bytes[0];

    for (unsigned i = 1; i < size; i++)
        value |= (uint32_t)bytes[i] << 8 * i;
    return value;
}

static bool read_register(struct bus *bus, uint32_t address, unsigned size, uint32_t *ret)
{
    if (inside(address, size, FLASH_SIZE_REG, 2)) {
        *ret = FLASH_SIZE / 1024 >> 8 * (address - FLASH_SIZE_REG);
        return true;
    }
    if (size != 4 || address & 3)
        return false;
    if (inside(address, 4, FLASH_REGISTERS_START, FLASH_REGISTERS_SIZE))
        return flash_register_read(bus->flash, address - FLASH_REGISTERS_START, ret);
    if (address == CCR) {
        *ret = CCR_RESET | bus->ccr;
        return true;
    }
    return bus_dbgmcu_read(bus, address - DBGMCU_START, ret);
}

bool bus_read(struct bus *bus, uint32_t address, unsigned size, uint32_t *ret)
{
    const uint8_t *memory = ram(bus, address, size);

    if (!memory && inside(address, size, FLASH_START, FLASH_SIZE))
        memory = bus->cells + (address - FLASH_START);
    if (memory) {
        *ret = get(memory, size);
        return true;
    }
    return read_register(bus, address, size, ret) || unknown(bus, address);
}

static bool write_register(struct bus *bus, uint32_t address, unsigned size, uint32_t value)
{
    if (size != 4 || address & 3)
        return false;
    if (inside(address, 4, FLASH_REGISTERS_START, FLASH_REGISTERS_SIZE))
        return flash_register_write(bus->flash, address - FLASH_REGISTERS_START, value);
    if (address == CCR) {
        bus->ccr = value & CCR_BFHFNMIGN;
        return true;
    }
    return bus_dbgmcu_write(bus, address - DBGMCU_START, value);
}

bool bus_write(struct bus *bus, uint32_t address, unsigned size, uint32_t value)
{
    uint8_t *memory = ram(bus, address, size);

    if (memory) {
        for (unsigned i = 0; i < size; i++)
            memory[i] = (uint8_t)(value >> 8 * i);
        return true;
    }
    if (inside(address, size, FLASH_START, FLASH_SIZE)) {
        flash_write(bus->flash, address - FLASH_START, size, value);
        return true;
    }
    return write_register(bus, address, size, value) || unknown(bus, address);
}

bool bus_dbgmcu_read(const struct bus *bus, uint32_t offset, uint32_t *ret)
{
    if (offset == 0) {
        *ret = DBGMCU_IDCODE;
        return true;
    }
    for (unsigned i = 0; i < DBGMCU_OFFSETS; i++) {
        if (dbgmcu_offsets[i] == offset) {
            *ret = bus->dbgmcu[i];
            return true;
        }
    }
    return false;
}

bool bus_dbgmcu_write(struct bus *bus, uint32_t offset, uint32_t value)
{
    for (unsigned i = 0; i < DBGMCU_OFFSETS; i++) {
        if (dbgmcu_offsets[i] == offset) {
            bus->dbgmcu[i] = value;
            return true;
        }
    }
    return false;
}
