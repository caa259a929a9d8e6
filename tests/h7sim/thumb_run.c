/* Runs a routine on the simulated core without a debugger: thumb_run FLASH BINARY loads the flat
 * BINARY into AXI SRAM and calls its first instruction once for each line of four numbers (r0 to
 * r3) on stdin. A line of its results (r0, r1) goes to stdout; a lockup ends the program. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu.h"

#define CODE         0x24000000U
#define STACK        0x24080000U
#define RETURN       0x20000000U /* holds a BKPT */
#define INSTRUCTIONS 50000000U

static int load_binary(struct bus *bus, const char *path)
{
    FILE *f = fopen(path, "rbe");
    uint32_t address = CODE;
    int c;

    if (!f)
        return -1;
    while ((c = fgetc(f)) != EOF)
        if (!bus_write(bus, address++, 1, (uint32_t)c))
            break;
    fclose(f);
    return c == EOF && bus_write(bus, RETURN, 2, 0xBE00) ? 0 : -1;
}

static enum cpu_event call(struct cpu *cpu, const uint32_t arguments[4])
{
    enum cpu_event event = CPU_GO_ON;

    memset(&cpu->reg, 0, sizeof(cpu->reg));
    memcpy(cpu->reg.r, arguments, 4 * sizeof(arguments[0]));
    cpu->reg.r[SP] = STACK;
    cpu->reg.r[LR] = RETURN | 1;
    cpu->reg.r[PC] = CODE;
    for (uint32_t n = 0; n < INSTRUCTIONS && event == CPU_GO_ON; n++)
        event = cpu_step(cpu);
    return event;
}

static int call_for_each_line(struct cpu *cpu)
{
    uint32_t a[4];

    while (scanf("%" SCNx32 "%" SCNx32 "%" SCNx32 "%" SCNx32, &a[0], &a[1], &a[2], &a[3]) == 4) {
        enum cpu_event event = call(cpu, a);
        if (event != CPU_BREAKPOINT || cpu->reg.r[PC] != RETURN) {
            fprintf(stderr, "%s at %08" PRIx32 ", instruction %08" PRIx32 "\n",
                    event == CPU_LOCKUP ? cpu->reason : "no return", cpu->reg.r[PC],
                    cpu->instruction);
            return EXIT_FAILURE;
        }
        printf("%08" PRIx32 " %08" PRIx32 "\n", cpu->reg.r[0], cpu->reg.r[1]);
    }
    return EXIT_SUCCESS;
}

int main(int argc, char *argv[])
{
    struct faults faults = {0};
    struct stats stats = {0};
    struct flash *flash = NULL;
    struct bus *bus = NULL;
    struct cpu *cpu = NULL;
    int status = EXIT_FAILURE;

    if (argc == 3 && flash_new(argv[1], &faults, &stats, &flash) == 0 &&
        bus_new(flash, &stats, &bus) == 0 && cpu_new(bus, &cpu) == 0 &&
        load_binary(bus, argv[2]) == 0)
        status = call_for_each_line(cpu);
    else
        fprintf(stderr, "thumb_run FLASH BINARY: cannot be set up\n");
    cpu_free(cpu);
    bus_free(bus);
    flash_free(flash);
    return status;
}
