/* Follows the flash through the whole of programming, so that each packet fits what it meets. */
#include "patch/plan.h"

#include <errno.h>
#include <string.h>

#include "patch/crc.h"
#include "patch/pack.h"
#include "patch/pages.h"

enum {
    ERASED = 0xFF,
};

/* What making packets needs, and the packets themselves do not. */
struct plan_work {
    uint32_t flash_start;
    uint32_t sector_size;
    uint32_t packet_max;
    uint32_t size;       /* bytes of each of the next two: whole sectors */
    uint8_t *image;      /* with what is erased behind it */
    uint8_t *flash;      /* what the chip holds when the next packet arrives; NULL: unknown */
    uint32_t image_size; /* of the image alone */
    uint32_t next; /* 0: sector 0; from 1 on: the sectors from the last down; then PLAN_FIRST */
    uint32_t crc_table[CRC_TABLE_ENTRIES];
};

static void work_free(struct plan_work *work)
{
    if (!work)
        return;
    pages_free(work->image, work->size);
    pages_free(work->flash, work->size);
    free(work);
}
DEFINE_CLEANUP(struct plan_work *, work_free)

/* The image as it fills size bytes of flash, more or less than it has; or NULL. */
static uint8_t *spread(const uint8_t *image, uint32_t image_size, uint32_t size)
{
    uint32_t used = image_size < size ? image_size : size;
    uint8_t *flash = pages_new(size);

    if (!flash)
        return NULL;
    memcpy(flash, image, used);
    memset(flash + used, ERASED, size - used);
    return flash;
}

static int work_new(const struct plan_spec *spec, uint32_t n_sectors, struct plan_work **ret)
{
    _cleanup_(work_freep) struct plan_work *work = calloc(1, sizeof(*work));

    if (!work)
        return -ENOMEM;
    work->flash_start = spec->flash_start;
    work->sector_size = spec->sector_size;
    work->packet_max = spec->packet_max;
    work->image_size = spec->image_size;
    work->size = n_sectors * spec->sector_size;
    work->image = spread(spec->image, spec->image_size, work->size);
    if (!work->image)
        return -ENOMEM;
    if (spec->base) {
        work->flash = spread(spec->base, spec->base_size, work->size);
        if (!work->flash)
            return -ENOMEM;
    }
    crc_table_init(work->crc_table);
    *ret = TAKE_PTR(work);
    return 0;
}

static struct plan_sector look_at_sector(const struct plan_work *work, uint32_t number)
{
    uint32_t at = number * work->sector_size, size = work->sector_size;
    struct plan_sector sector = {
        .crc = crc32_of(work->crc_table, work->image + at, size),
        .changes = true,
    };

    if (work->flash) {
        sector.base_crc = crc32_of(work->crc_table, work->flash + at, size);
        sector.changes = memcmp(work->image + at, work->flash + at, size) != 0;
    }
    return sector;
}

int plan_new(const struct plan_spec *spec, struct plan **ret)
{
    _cleanup_plan_ struct plan *plan = calloc(1, sizeof(*plan));
    int r;

    if (!plan)
        return -ENOMEM;
    plan->n_sectors = spec->image_size / spec->sector_size;
    plan->n_sectors += spec->image_size % spec->sector_size > 0;
    if (plan->n_sectors > 0) {
        plan->sectors = calloc(plan->n_sectors, sizeof(*plan->sectors));
        plan->packets = calloc((size_t)plan->n_sectors + 1, sizeof(*plan->packets));
        if (!plan->sectors || !plan->packets)
            return -ENOMEM;
        r = work_new(spec, plan->n_sectors, &plan->work);
        if (r < 0)
            return r;
    }
    for (uint32_t i = 0; i < plan->n_sectors; i++)
        plan->sectors[i] = look_at_sector(plan->work, i);
    *ret = TAKE_PTR(plan);
    return 0;
}

static void put_word(uint8_t *bytes, uint32_t word)
{
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(word >> 8 * i);
}

static void put_header(const struct packet *header, uint8_t *bytes)
{
    const uint32_t words[] = {header->address, header->size,  header->crc,
                              header->skip,    header->erase, header->packed_size};

    for (size_t i = 0; i < ELEMENTSOF(words); i++)
        put_word(bytes + 4 * i, words[i]);
}

/* Completes a packet, whose header says what it builds, from the image's bytes at an offset. */
static int fill_packet(const struct plan_work *work, uint32_t offset, struct plan_packet *ret)
{
    struct unpack_window window = {work->flash, work->flash ? work->size : 0, offset};
    struct packet *header = &ret->header;
    _cleanup_free_ uint8_t *packed = NULL;
    int r;

    header->address = work->flash_start + offset;
    header->crc = crc32_of(work->crc_table, work->image + offset, header->size);
    r = pack(&window, work->image + offset, header->size, &packed, &header->packed_size);
    if (r < 0)
        return r;
    ret->raw_offset = offset;
    ret->raw = header->packed_size > work->packet_max - PACKET_HEADER_SIZE;
    if (ret->raw)
        header->packed_size = 0;
    ret->size = PACKET_HEADER_SIZE + header->packed_size;
    ret->bytes = malloc(ret->size);
    if (!ret->bytes)
        return -ENOMEM;
    put_header(header, ret->bytes);
    if (header->packed_size > 0)
        memcpy(ret->bytes + PACKET_HEADER_SIZE, packed, header->packed_size);
    return 0;
}

/* size without the erased bytes at the end. */
static uint32_t used_size(const uint8_t *bytes, uint32_t size)
{
    while (size > 0 && bytes[size - 1] == ERASED)
        size--;
    return size;
}

static int make_sector(struct plan_work *work, uint32_t sector, struct plan_packet *ret)
{
    uint32_t offset = sector * work->sector_size;
    const uint8_t *bytes = work->image + offset;
    struct plan_packet packet = {
        .header = {.size = used_size(bytes, work->sector_size), .erase = work->sector_size}};
    int r;

    if (sector == 0)
        packet.header.skip = packet.header.size < PLAN_FIRST ? packet.header.size : PLAN_FIRST;
    r = fill_packet(work, offset, &packet);
    if (r < 0)
        return r;
    if (work->flash) {
        memcpy(work->flash + offset, bytes, work->sector_size);
        memset(work->flash + offset, ERASED, packet.header.skip);
    }
    *ret = packet;
    return 0;
}

static int make_first(struct plan_work *work, struct plan_packet *ret)
{
    struct plan_packet packet = {
        .header = {.size = work->image_size < PLAN_FIRST ? work->image_size : PLAN_FIRST}};
    int r = fill_packet(work, 0, &packet);

    if (r < 0)
        return r;
    *ret = packet;
    return 0;
}

int plan_step(struct plan *plan)
{
    struct plan_work *work = plan->work;
    bool made = false;
    int r;

    while (work && !made) {
        uint32_t sector = work->next == 0 ? 0 : plan->n_sectors - work->next;
        bool first = work->next == plan->n_sectors;

        if (plan->sectors[sector].changes) {
            struct plan_packet *packet = &plan->packets[plan->n_packets];

            r = first ? make_first(work, packet) : make_sector(work, sector, packet);
            if (r < 0)
                return r;
            plan->n_packets++;
            made = true;
        }
        work->next++;
        if (first) {
            work_free(work);
            plan->work = work = NULL;
        }
    }
    return made;
}

int plan_make(const struct plan_spec *spec, struct plan **ret)
{
    _cleanup_plan_ struct plan *plan = NULL;
    int r = plan_new(spec, &plan);

    while (r >= 0) {
        r = plan_step(plan);
        if (r == 0) {
            *ret = TAKE_PTR(plan);
            return 0;
        }
    }
    return r;
}

void plan_free(struct plan *plan)
{
    if (!plan)
        return;
    for (uint32_t i = 0; i < plan->n_packets; i++)
        free(plan->packets[i].bytes);
    free(plan->packets);
    free(plan->sectors);
    work_free(plan->work);
    free(plan);
}
