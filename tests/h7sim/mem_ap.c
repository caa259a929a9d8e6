/* Transfers of a MEM-AP: sizes, byte lanes, auto-increment. */
#include "mem_ap.h"

enum {
    REG_CSW = 0x00,
    REG_TAR = 0x04,
    REG_DRW = 0x0C,
    REG_BD0 = 0x10,
    REG_BD3 = 0x1C,
    REG_CFG = 0xF4,
    REG_BASE = 0xF8,
    REG_IDR = 0xFC,
};

enum { INCREMENT_OFF, INCREMENT_SINGLE, INCREMENT_PACKED };

static unsigned access_size(const struct mem_ap *port)
{
    return port->csw & 2 ? 4 : 1U << (port->csw & 1);
}

static unsigned increment(const struct mem_ap *port)
{
    return port->csw >> 4 & 3;
}

/* TAR wraps inside a block: 1 KiB (4 KiB on the M4's port, which has a wider counter). */
static void advance(struct mem_ap *port, unsigned ap)
{
    uint32_t block = ap == AP_M4 ? 0xFFF : 0x3FF;

    if (increment(port) != INCREMENT_OFF)
        port->tar = (port->tar & ~block) | ((port->tar + access_size(port)) & block);
}

/* How many accesses one use of DRW makes: packed transfers fill the word. */
static unsigned accesses(const struct mem_ap *port)
{
    return increment(port) == INCREMENT_PACKED ? 4 / access_size(port) : 1;
}

static uint32_t lane_mask(unsigned size)
{
    return size == 4 ? UINT32_MAX : (1U << 8 * size) - 1;
}

static bool read_data(struct mem_ap *port, struct chip *chip, unsigned ap, uint32_t *ret)
{
    unsigned size = access_size(port);
    uint32_t data = 0;

    for (unsigned n = accesses(port); n > 0; n--) {
        uint32_t value = 0;
        unsigned lane = 8 * (port->tar & 3 & ~(size - 1));
        if (!chip_read(chip, ap, port->tar, size, &value))
            return false;
        data |= (value & lane_mask(size)) << lane;
        advance(port, ap);
    }
    *ret = data;
    return true;
}

static bool write_data(struct mem_ap *port, struct chip *chip, unsigned ap, uint32_t data)
{
    unsigned size = access_size(port);

    for (unsigned n = accesses(port); n > 0; n--) {
        unsigned lane = 8 * (port->tar & 3 & ~(size - 1));
        if (!chip_write(chip, ap, port->tar, size, data >> lane & lane_mask(size)))
            return false;
        advance(port, ap);
    }
    return true;
}

static uint32_t banked_address(const struct mem_ap *port, uint32_t offset)
{
    return (port->tar & ~0xFU) | (offset & 0xC);
}

bool mem_ap_read(struct mem_ap *port, struct chip *chip, unsigned ap, uint32_t offset,
                 uint32_t *ret)
{
    *ret = 0;
    if (offset >= REG_BD0 && offset <= REG_BD3)
        return chip_read(chip, ap, banked_address(port, offset), 4, ret);
    switch (offset) {
    case REG_CSW:
        *ret = port->csw;
        return true;
    case REG_TAR:
        *ret = port->tar;
        return true;
    case REG_DRW:
        return read_data(port, chip, ap, ret);
    case REG_IDR:
        *ret = ap == AP_APB_D ? 0x54770002 : 0x84770001; /* APB-AP, AHB-AP */
        return true;
    case REG_BASE:
        *ret = UINT32_MAX; /* no ROM table */
        return true;
    default: /* CFG among them: little endian, 32 bits */
        return true;
    }
}

bool mem_ap_write(struct mem_ap *port, struct chip *chip, unsigned ap, uint32_t offset,
                  uint32_t value)
{
    if (offset >= REG_BD0 && offset <= REG_BD3)
        return chip_write(chip, ap, banked_address(port, offset), 4, value);
    switch (offset) {
    case REG_CSW:
        port->csw = value;
        return true;
    case REG_TAR:
        port->tar = value;
        return true;
    case REG_DRW:
        return write_data(port, chip, ap, value);
    default:
        return true;
    }
}
