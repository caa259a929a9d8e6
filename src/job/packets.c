/*
 * Which of these files counts is decided by m4flash.tcl, once the chip has told what it holds: the
 * packets if it holds the base, sectors' bytes as they are if not. So both are there for each.
 */
#include "job/packets.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "patch/crc.h"
#include "patch/pack.h"
#include "patch/plan.h"
#include "routine/mailbox.h"
#include "util/cleanup.h"
#include "util/fd.h"

/* What is written, and where. */
struct output {
    const struct packets_spec *spec;
    int dirfd;
    uint32_t table[CRC_TABLE_ENTRIES];
};

static int write_file(int dirfd, const char *name, const void *bytes, size_t size)
{
    _cleanup_fd_ int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    return fd < 0 ? -errno : fd_write_full(fd, bytes, size);
}

static int open_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

static bool has_routine(const struct packets_spec *spec)
{
    return spec->routine && spec->n_sectors <= ROUTINE_SECTORS_MAX &&
           spec->sector_size <= ROUTINE_BUFFER_MAX;
}

/* Words as the chip reads them, on any host. */
static void put_words(uint8_t *to, const uint32_t *words, size_t n)
{
    for (size_t i = 0; i < 4 * n; i++)
        to[i] = (uint8_t)(words[i / 4] >> 8 * (i % 4));
}

int packets_prepare(const struct packets_spec *spec)
{
    const struct mailbox mailbox = {
        .request = MAILBOX_SURVEY,
        .start = spec->flash_start,
        .sector_size = spec->sector_size,
        .n_sectors = spec->n_sectors,
        .size = spec->flash_size,
        .distrust = spec->distrust,
    };
    uint8_t start[ROUTINE_CODE_MAX];
    uint32_t words[sizeof(mailbox) / 4];

    if (!has_routine(spec))
        return 0;
    _cleanup_fd_ int dirfd = open_folder(spec->folder);
    if (dirfd < 0)
        return dirfd;
    memcpy(words, &mailbox, sizeof(mailbox));
    put_words(start, words, ELEMENTSOF(words));
    memcpy(start + sizeof(mailbox), spec->routine->code, spec->routine->size);
    return write_file(dirfd, "start.bin", start, sizeof(mailbox) + spec->routine->size);
}

/* ---- Packets -----------------------------------------------------------------------------------
 */

/* A packet's header and what is packed behind it. */
static int write_packet(const struct output *output, const char *name, const struct packet *packet,
                        const uint8_t *packed)
{
    const uint32_t words[] = {packet->address, packet->size,  packet->crc,
                              packet->skip,    packet->erase, packet->packed_size};
    uint8_t header[PACKET_HEADER_SIZE];
    _cleanup_fd_ int fd =
        openat(output->dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return -errno;
    put_words(header, words, ELEMENTSOF(words));
    int r = fd_write_full(fd, header, sizeof(header));
    return r < 0 ? r : fd_write_full(fd, packed, packet->packed_size);
}

/* Without the bytes that an erased sector has anyway. */
static uint32_t trimmed(const uint8_t *bytes, size_t size)
{
    while (size > 0 && bytes[size - 1] == 0xFF)
        size--;
    return (uint32_t)size;
}

/* For a sector whose bytes, sector-N.bin, are in the routine's buffer already. */
static int write_raw(const struct output *output, uint32_t sector)
{
    const struct packets_spec *spec = output->spec;
    size_t offset = (size_t)sector * spec->sector_size, rest = spec->image_size - offset;
    const uint8_t *bytes = spec->image + offset;
    uint32_t size = trimmed(bytes, rest < spec->sector_size ? rest : spec->sector_size);
    const struct packet packet = {
        .address = spec->flash_start + (uint32_t)offset,
        .size = size,
        .crc = crc32_of(output->table, bytes, size),
        .skip = sector > 0          ? 0
                : size < PLAN_FIRST ? size
                                    : PLAN_FIRST,
        .erase = spec->sector_size,
    };
    char name[32];

    snprintf(name, sizeof(name), "sector-%" PRIu32 ".raw", sector);
    return write_packet(output, name, &packet, NULL);
}

/* The image's first bytes, which are written last of all. */
static int write_first(const struct output *output)
{
    const struct packets_spec *spec = output->spec;
    uint32_t size = spec->image_size < PLAN_FIRST ? (uint32_t)spec->image_size : PLAN_FIRST;
    const struct unpack_window nothing = {.size = 0};
    _cleanup_free_ uint8_t *packed = NULL;
    struct packet packet = {
        .address = spec->flash_start,
        .size = size,
        .crc = crc32_of(output->table, spec->image, size),
    };

    int r = pack(&nothing, spec->image, size, &packed, &packet.packed_size);
    return r < 0 ? r : write_packet(output, "first.packet", &packet, packed);
}

static uint32_t sector_of(const struct packets_spec *spec, const struct plan_packet *packet)
{
    return (packet->header.address - spec->flash_start) / spec->sector_size;
}

/* What goes over the wire whole, or is the image's first bytes, has its file already. */
static bool is_packed(const struct plan_packet *packet)
{
    return !packet->raw && packet->header.erase > 0;
}

static int write_packed(const struct output *output, const struct plan *plan)
{
    for (uint32_t i = 0; i < plan->n_packets; i++) {
        const struct plan_packet *packet = &plan->packets[i];
        char name[32];

        if (!is_packed(packet))
            continue;
        snprintf(name, sizeof(name), "sector-%" PRIu32 ".packet", sector_of(output->spec, packet));
        int r = write_file(output->dirfd, name, packet->bytes, packet->size);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- The plan ----------------------------------------------------------------------------------
 */

static void print_plan(FILE *f, const struct packets_spec *spec, const struct plan *plan)
{
    fputs("new {", f);
    for (uint32_t i = 0; i < plan->n_sectors; i++)
        fprintf(f, "%s%08" PRIx32, i ? " " : "", plan->sectors[i].crc);
    fputs("}\nbase {", f);
    for (uint32_t i = 0; i < plan->n_sectors && spec->base_size > 0; i++)
        fprintf(f, "%s%08" PRIx32, i ? " " : "", plan->sectors[i].base_crc);
    fputs("}\npackets {", f);
    for (uint32_t i = 0; i < plan->n_packets; i++)
        if (is_packed(&plan->packets[i]))
            fprintf(f, " %" PRIu32, sector_of(spec, &plan->packets[i]));
    fputs(" }\norder {0", f);
    for (uint32_t i = plan->n_sectors - 1; i > 0; i--)
        fprintf(f, " %" PRIu32, i);
    fputs("}\n", f);
}

/* It appears whole. */
static int show_plan(const struct output *output, const char *text, size_t size)
{
    int r = write_file(output->dirfd, "plan.new", text, size);

    if (r < 0)
        return r;
    return renameat(output->dirfd, "plan.new", output->dirfd, "plan") < 0 ? -errno : 0;
}

/* Without a routine it says nothing but that it is there. */
static int write_plan(const struct output *output, const struct plan *plan)
{
    _cleanup_free_ char *text = NULL;
    size_t size = 0;

    if (plan) {
        FILE *f = open_memstream(&text, &size);
        if (!f)
            return -errno;
        print_plan(f, output->spec, plan);
        if (fclose(f) != 0)
            return -ENOMEM;
    }
    return show_plan(output, text, size);
}

static int write_all(const struct output *output, const struct plan *plan)
{
    int r = write_first(output);

    for (uint32_t i = 0; i < plan->n_sectors && r >= 0; i++)
        r = write_raw(output, i);
    return r < 0 ? r : write_packed(output, plan);
}

int packets_permit(const struct packets_spec *spec)
{
    const struct plan_spec plan_spec = {
        .image = spec->image,
        .image_size = (uint32_t)spec->image_size,
        .base = spec->base_size > 0 ? spec->base : NULL,
        .base_size = (uint32_t)spec->base_size,
        .flash_start = spec->flash_start,
        .sector_size = spec->sector_size,
        .packet_max = ROUTINE_PACKET_MAX,
    };
    _cleanup_plan_ struct plan *plan = NULL;
    struct output output = {.spec = spec};
    _cleanup_fd_ int dirfd = open_folder(spec->folder);

    if (dirfd < 0)
        return dirfd;
    output.dirfd = dirfd;
    if (!has_routine(spec))
        return write_plan(&output, NULL);
    crc_table_init(output.table);
    int r = plan_make(&plan_spec, &plan);
    if (r >= 0)
        r = write_all(&output, plan);
    /* OpenOCD's own way needs no more room and no more memory than there was. */
    return write_plan(&output, r < 0 ? NULL : plan);
}

int packets_refuse(const struct packets_spec *spec)
{
    static const char text[] = "refused";
    struct output output = {.spec = spec};
    _cleanup_fd_ int dirfd = open_folder(spec->folder);

    if (dirfd < 0)
        return dirfd;
    output.dirfd = dirfd;
    return show_plan(&output, text, sizeof(text) - 1);
}
