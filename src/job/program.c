#include "job/program.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "io/child.h"
#include "job/health.h"
#include "job/layout.h"
#include "job/packets.h"
#include "openocd/argv.h"
#include "openocd/lines.h"
#include "routine/routine.h"
#include "util/capabilities.h"

enum {
    RELEASE_TIMEOUT_USEC = 20 * 1000 * 1000, /* connect and reset: under 2 s on a board */
};

/* OpenOCD needs none of our environment; Tcl wants a HOME to look for user scripts in. */
static char *const environment[] = {"PATH=/usr/bin:/bin", "HOME=/", "LC_ALL=C", NULL};

/* imx_gpio drives the pins through /dev/mem; and files may be where only root may look. */
static const uint64_t capabilities = CAPABILITY(CAP_SYS_RAWIO) | CAPABILITY(CAP_DAC_READ_SEARCH);

/* Where the pins are. Which devices there are is the service's to say (DevicePolicy=). */
static const char *const devices[] = {
    "/dev",            /* imx_gpio's mem, linuxgpiod's gpiochip0…, adapters that are plugged in */
    "/sys/class/gpio", /* sysfsgpio's, */
    "/sys/devices",    /* and where its links lead to */
    NULL,
};

struct program {
    struct program_spec spec;
    sd_event *event;
    char *image_dir;
    uint32_t n_sectors;
    struct child *child;
    sd_event_source *unstarted_source;
    struct lines lines;
    struct transcript transcript;
    int unlaid;           /* why the image could not be laid out, -errno, or 0 */
    enum openocd_end end; /* of the programming run */
    int status;
    struct transcript release; /* what the release run says */
    bool releasing;            /* the run is, or was, a release run */
    unsigned lacks;            /* of the walls around either */
    struct health *health;
    bool healthy;
};

struct program *program_free(struct program *program)
{
    if (!program)
        return NULL;
    sd_event_source_disable_unref(program->unstarted_source);
    child_free(program->child);
    health_free(program->health);
    layout_remove(program->image_dir);
    sd_event_unref(program->event);
    free(program);
    return NULL;
}

static void tell_line(struct program *program, int priority, const char *line)
{
    char marked[LINES_MAX + sizeof("openocd: ")];

    snprintf(marked, sizeof(marked), "openocd: %s", line);
    program->spec.on_line(priority, marked, program->spec.userdata);
}

static void on_line(const char *line, void *userdata)
{
    struct program *program = userdata;
    const struct program_spec *spec = &program->spec;
    struct transcript *transcript = program->releasing ? &program->release : &program->transcript;

    struct transcript_line meaning = transcript_feed(transcript, line);
    if (!meaning.ours)
        tell_line(program, meaning.priority, line);
    if (!program->releasing && (meaning.stage_changed || meaning.progress_changed))
        spec->on_progress(transcript, spec->userdata);
}

static void on_output(const char *bytes, size_t size, void *userdata)
{
    struct program *program = userdata;

    lines_feed(&program->lines, bytes, size, on_line, program);
}

static enum openocd_code verdict(const struct program *program)
{
    if (program->unlaid < 0)
        return OPENOCD_INTERNAL;
    return transcript_verdict(&program->transcript, program->end, program->status);
}

static void finish(struct program *program)
{
    const struct transcript *transcript = &program->transcript;
    const struct program_result result = {
        .code = verdict(program),
        .transcript = transcript,
        .released = transcript->released || program->release.released || !transcript->connected,
        .healthy = program->healthy,
        .lacks = program->lacks,
    };

    program->spec.on_end(&result, program->spec.userdata);
}

static void on_end(enum child_end end, int status, void *userdata);

static int start_child(struct program *program, char *const *argv, uint64_t timeout_usec)
{
    const char *const chip_dir = program->spec.chip_dir;
    const bool simulated = *chip_dir;
    const char *const folders[] = {program->image_dir, simulated ? chip_dir : NULL, NULL};
    const struct child_spec child = {
        .description = "openocd",
        .argv = argv,
        .env = environment,
        .capabilities = capabilities,
        .walls = &(struct walls_spec){devices, folders, simulated},
        .timeout_usec = timeout_usec,
        .on_output = on_output,
        .on_end = on_end,
        .userdata = program,
    };

    program->lines = (struct lines){.used = 0};
    int r = child_new(program->event, &child, &program->child);
    if (r >= 0)
        program->lacks = child_lacks(program->child);
    return r;
}

static int start(struct program *program, enum openocd_action action, uint64_t timeout_usec)
{
    const struct program_spec *spec = &program->spec;
    const struct openocd_request request = {
        .action = action,
        .program = spec->openocd,
        .script = spec->script,
        .config = spec->config,
        .image_dir = program->image_dir,
        .flash_start = spec->board->flash.start,
        .sector_size = spec->board->sector_size,
        .n_sectors = program->n_sectors,
    };
    char **argv;

    int r = openocd_argv(&request, &argv);
    if (r < 0)
        return r;
    r = start_child(program, argv, timeout_usec);
    openocd_argv_free(argv);
    return r;
}

static enum openocd_end end_of(enum child_end end)
{
    switch (end) {
    case CHILD_EXITED:
        return OPENOCD_END_EXITED;
    case CHILD_SIGNALED:
        return OPENOCD_END_SIGNALED;
    default:
        return OPENOCD_END_DEADLINE;
    }
}

/* Returns false if there is to be no (further) release run. */
static bool start_release(struct program *program)
{
    if (program->releasing)
        return false;
    program->releasing = true;
    transcript_init(&program->release);
    return start(program, OPENOCD_RELEASE, RELEASE_TIMEOUT_USEC) >= 0;
}

/* A bridge that does not come back gets one more reset; after that it is what it is. */
static void on_health(bool healthy, void *userdata)
{
    struct program *program = userdata;

    program->health = health_free(program->health);
    program->healthy = healthy;
    if (!healthy && start_release(program))
        return;
    finish(program);
}

/* Programmed, or reset once more: does the board's firmware answer? */
static void await_health(struct program *program)
{
    const struct program_spec *spec = &program->spec;

    program->healthy = true;
    if (*spec->health_file &&
        health_new(program->event, spec->health_file, spec->health_timeout_usec, on_health, program,
                   &program->health) >= 0)
        return;
    finish(program);
}

static void on_end(enum child_end end, int status, void *userdata)
{
    struct program *program = userdata;

    lines_finish(&program->lines, on_line, program);
    program->child = child_free(program->child);
    if (program->unlaid < 0)
        snprintf(program->transcript.error, sizeof(program->transcript.error), "%s: %s",
                 program->spec.runtime_dir, strerror(-program->unlaid));
    if (!program->releasing) {
        program->end = end_of(end);
        program->status = status;
    }
    if (verdict(program) == OPENOCD_OK) {
        await_health(program);
        return;
    }
    /* A halted M7 is a dead bridge: if the run left it so, a second, short one lets it go. */
    if (program->transcript.connected && !program->transcript.released && start_release(program))
        return;
    finish(program);
}

static int on_unstarted(sd_event_source *source, void *userdata)
{
    sd_event_source_set_enabled(source, SD_EVENT_OFF);
    finish(userdata);
    return 0;
}

bool program_has_routine(const struct board *board)
{
    return routine_find(board->routine) != NULL;
}

static struct packets_spec packets_of(const struct program *program)
{
    const struct program_spec *spec = &program->spec;

    return (struct packets_spec){
        .folder = program->image_dir,
        .routine = routine_find(spec->board->routine),
        .flash_start = spec->board->flash.start,
        .flash_size = spec->board->flash.size,
        .sector_size = spec->board->sector_size,
        .n_sectors = program->n_sectors,
        .distrust = spec->distrust,
        .image = spec->image,
        .image_size = spec->image_size,
    };
}

/* OpenOCD may have halted the chip by now. So it is told to end, by which it lets the chip go; only
 * if even that cannot be written it is ended, and another run lets the chip go. */
static void give_up(struct program *program, int error)
{
    program->unlaid = error;
    layout_empty(program->image_dir);
    if (program_refuse(program) < 0)
        child_kill(program->child);
}

void program_permit(struct program *program, const uint8_t *base, size_t base_size)
{
    const struct program_spec *spec = &program->spec;
    struct packets_spec packets = packets_of(program);

    if (!program->child)
        return;
    packets.base = base;
    packets.base_size = base_size;
    int r =
        layout_fill(program->image_dir, spec->image, spec->image_size, spec->board->sector_size);
    if (r >= 0)
        r = packets_permit(&packets);
    if (r < 0)
        give_up(program, r);
}

int program_refuse(struct program *program)
{
    const struct packets_spec packets = packets_of(program);

    return packets_refuse(&packets);
}

static uint32_t n_sectors(const struct program_spec *spec)
{
    const uint32_t sector_size = spec->board->sector_size;

    return (uint32_t)((spec->image_size + sector_size - 1) / sector_size);
}

int program_new(sd_event *event, const struct program_spec *spec, struct program **ret)
{
    _cleanup_(program_freep) struct program *program = calloc(1, sizeof(*program));

    if (!program)
        return -ENOMEM;
    program->spec = *spec;
    program->event = sd_event_ref(event);
    transcript_init(&program->transcript);
    transcript_init(&program->release);

    program->n_sectors = n_sectors(spec);
    int r = layout_make(spec->runtime_dir, spec->job_id, &program->image_dir);
    if (r < 0)
        return r;
    const struct packets_spec packets = packets_of(program);
    r = packets_prepare(&packets);
    if (r < 0)
        return r;
    r = start(program, spec->update ? OPENOCD_UPDATE : OPENOCD_PROGRAM, spec->timeout_usec);
    if (r < 0) {
        program->end = OPENOCD_END_NOT_STARTED;
        program->status = -r;
        r = sd_event_add_defer(event, &program->unstarted_source, on_unstarted, program);
        if (r < 0)
            return r;
    }
    *ret = TAKE_PTR(program);
    return 0;
}
