/* Reset, boot rule and bridge: what Linux sees of the chip besides its debug port. */
#include "chip.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "bus.h"
#include "core.h"
#include "flash.h"
#include "replace.h"

#define DBGMCU_APB_D_START 0xE00E1000U

struct chip {
    const char *bridge_path;
    bool bridge; /* the file exists */
    bool reset;  /* the pin is low */
    struct stats *stats;
    struct flash *flash;
    struct bus *bus;
    struct core *core;
};

static void print_version(FILE *f, const void *userdata)
{
    (void)userdata;
    fprintf(f, "h7sim 1.0\n");
}

static int set_bridge(struct chip *chip, bool alive)
{
    if (!chip->bridge_path || alive == chip->bridge)
        return 0;
    chip->bridge = alive;
    if (alive)
        return replace_file(chip->bridge_path, print_version, NULL);
    return unlink(chip->bridge_path) < 0 ? -errno : 0;
}

/* The M7's firmware starts the M4 only if the first word of bank 2 is a stack pointer in the M4's
 * own RAM. */
static bool boot_rule(struct chip *chip)
{
    uint32_t stack_pointer = 0;

    bus_read(chip->bus, FLASH_BANK2_START, 4, &stack_pointer);
    return (stack_pointer & 0xFF000000U) == 0x10000000U;
}

static enum chip_state state(const struct chip *chip)
{
    switch (core_state(chip->core)) {
    case CORE_RESET:
        return CHIP_RESET;
    case CORE_FIRMWARE:
        return CHIP_RUNNING;
    case CORE_ROUTINE:
        return CHIP_ROUTINE;
    case CORE_LOCKUP:
    case CORE_HALTED:
        break;
    }
    return CHIP_HALTED;
}

static void assert_reset(struct chip *chip)
{
    chip->stats->resets++;
    chip->stats->m4_started = false;
    flash_reset(chip->flash);
    core_assert_reset(chip->core);
}

/* Draws the consequences of whatever just happened to the core. */
static int settle(struct chip *chip)
{
    if (core_take_reset_request(chip->core)) {
        assert_reset(chip);
        core_release_reset(chip->core);
    }
    if (core_take_boot(chip->core))
        chip->stats->m4_started = boot_rule(chip);
    chip->stats->state = state(chip);
    return set_bridge(chip, chip->stats->state == CHIP_RUNNING);
}

void chip_set_reset(struct chip *chip, bool asserted)
{
    if (asserted == chip->reset)
        return;
    chip->reset = asserted;
    if (asserted)
        assert_reset(chip);
    else
        core_release_reset(chip->core);
    settle(chip);
}

int chip_new(const char *flash_path, const char *bridge_path, struct faults *faults,
             struct stats *stats, struct chip **ret)
{
    struct chip *chip = calloc(1, sizeof(*chip));
    if (!chip)
        return -ENOMEM;
    chip->bridge_path = bridge_path;
    chip->stats = stats;
    int r = flash_new(flash_path, faults, stats, &chip->flash);
    if (r == 0)
        r = bus_new(chip->flash, stats, &chip->bus);
    if (r == 0)
        r = core_new(chip->bus, stats, &chip->core);
    if (r == 0) {
        core_release_reset(chip->core);
        r = settle(chip);
    }
    if (r < 0) {
        chip_free(chip);
        return r;
    }
    *ret = chip;
    return 0;
}

void chip_free(struct chip *chip)
{
    if (!chip)
        return;
    set_bridge(chip, false);
    core_free(chip->core);
    bus_free(chip->bus);
    flash_free(chip->flash);
    free(chip);
}

static bool unknown(struct chip *chip, uint32_t address)
{
    chip->stats->unknown_accesses++;
    chip->stats->unknown_address = address;
    return false;
}

static bool is_private(unsigned ap, uint32_t address)
{
    return ap == AP_M7 && address >= PPB_START && address < PPB_END;
}

/* Under reset the system bus is dead. */
static bool has_bus(const struct chip *chip, unsigned ap)
{
    return (ap == AP_M7 || ap == AP_M4) && !chip->reset;
}

bool chip_read(struct chip *chip, unsigned ap, uint32_t address, unsigned size, uint32_t *ret)
{
    bool ok;

    if (is_private(ap, address))
        ok = (size == 4 && core_read(chip->core, address, ret)) || unknown(chip, address);
    else if (ap == AP_APB_D)
        ok =
            bus_dbgmcu_read(chip->bus, address - DBGMCU_APB_D_START, ret) || unknown(chip, address);
    else
        ok = has_bus(chip, ap) && bus_read(chip->bus, address, size, ret);
    core_run(chip->core, false);
    settle(chip);
    return ok;
}

bool chip_write(struct chip *chip, unsigned ap, uint32_t address, unsigned size, uint32_t value)
{
    bool ok;

    if (is_private(ap, address))
        ok = (size == 4 && core_write(chip->core, address, value)) || unknown(chip, address);
    else if (ap == AP_APB_D)
        ok = bus_dbgmcu_write(chip->bus, address - DBGMCU_APB_D_START, value) ||
             unknown(chip, address);
    else
        ok = has_bus(chip, ap) && bus_write(chip->bus, address, size, value);
    core_run(chip->core, true);
    settle(chip);
    return ok;
}
