#include "cli/changes.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "io/store.h"
#include "patch/plan.h"
#include "util/cleanup.h"

/* The sectors that the daemon would find to differ. */
static int compare(const struct board *board, const uint8_t *image, uint32_t image_size,
                   const struct store_image *installed, struct changes *ret)
{
    const struct plan_spec spec = {
        .image = image,
        .image_size = image_size,
        .base = installed->image,
        .base_size = installed->image_size,
        .flash_start = board->flash.start,
        .sector_size = board->sector_size,
    };
    _cleanup_plan_ struct plan *plan = NULL;

    int r = plan_new(&spec, &plan); /* no packet is made, so there is no room for one */
    if (r < 0)
        return r;
    for (uint32_t i = 0; i < plan->n_sectors && i < BOARD_SECTORS_MAX; i++)
        ret->sectors[i] = plan->sectors[i].changes;
    memcpy(ret->installed, installed->image_sha256, sizeof(ret->installed));
    return 0;
}

static const char *reason_of(int error)
{
    if (error == -ENOENT)
        return "no record of the chip is kept here";
    if (error == -EACCES || error == -EPERM)
        return "only root may read the record";
    return strerror(-error);
}

/* NULL with *ret filled, or why it is not known what the chip holds. */
static const char *look_at_record(const char *state_dir, uint32_t max_size, struct store_image *ret)
{
    _cleanup_fd_ int folder = open(state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (folder < 0)
        return reason_of(-errno);
    /* The record of what is under way first: it comes and goes around the installed image's. */
    int r = store_has_intent(folder);
    if (r == 0)
        r = store_peek(folder, STORE_INSTALLED, max_size, ret);
    else if (r > 0)
        return "programming goes on or was cut off";
    switch (r) {
    case STORE_FOUND:
        return NULL;
    case STORE_ABSENT:
        return "nothing has been programmed yet";
    case STORE_CORRUPT:
        return "the record of the chip is damaged";
    default:
        return reason_of(r);
    }
}

int changes_find(const char *state_dir, const struct board *board, const uint8_t *image,
                 uint32_t image_size, struct changes *ret)
{
    struct store_image installed = {.image = NULL};
    struct changes changes = {.unknown = look_at_record(state_dir, board->flash.size, &installed)};
    int r = 0;

    if (!changes.unknown)
        r = compare(board, image, image_size, &installed, &changes);
    store_image_clear(&installed);
    if (r >= 0)
        *ret = changes;
    return r;
}
