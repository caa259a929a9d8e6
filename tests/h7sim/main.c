/* h7sim: a simulated STM32H747 behind OpenOCD's remote_bitbang. Here its parts are put together and
 * the events of the server are handed to them. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "bitbang.h"
#include "chip.h"
#include "faults.h"
#include "server.h"
#include "stats.h"
#include "tap.h"

enum { EXIT_USAGE = 2, EXIT_POWER_CUT = 3 };

struct options {
    const char *socket, *flash, *stats, *bridge, *faults_file;
    bool die_with_parent;
    struct faults faults; /* those of the command line */
};

struct simulator {
    const struct options *options;
    struct faults faults; /* those that the present client meets */
    struct stats stats;
    struct chip *chip;
    struct dp *dp;
    struct tap *tap;
    struct bitbang *bitbang;
    struct server *server;
};

static void print_help(void)
{
    printf("Usage: h7sim --socket PATH --flash FILE [OPTION]...\n"
           "A simulated STM32H747 that OpenOCD programs through remote_bitbang.\n\n"
           "  --socket PATH        the Unix socket to listen on\n"
           "  --flash FILE         the flash, 2 MiB (bank 1, bank 2); created erased\n"
           "  --stats FILE         counters as JSON: at a client's end, SIGUSR1 and exit\n"
           "  --bridge FILE        a file that exists while the M7 runs its firmware\n"
           "  --fault KIND[:ARG]   a fault, see below; may be repeated\n"
           "  --faults-file FILE   more of them, one a line; read again for each client\n"
           "  --die-with-parent    end when the parent process does\n"
           "  --help               this text\n\n"
           "Faults; counts (AFTER so many transactions, the Nth) begin anew with each client,\n"
           "sectors are those of bank 2:\n");
    faults_print_help(stdout);
    printf("\nExit status: 0 ended by SIGTERM or SIGINT, 1 an error, 2 wrong usage,\n"
           "%d a power cut that a fault asked for.\n",
           EXIT_POWER_CUT);
}

static int usage_error(const char *what, const char *text)
{
    fprintf(stderr, "h7sim: %s%s%s; see --help\n", what, text ? ": " : "", text ? text : "");
    return EXIT_USAGE;
}

/* Returns -1 to go on, or the exit status. */
static int parse_argv(int argc, char *argv[], struct options *options)
{
    static const struct option long_options[] = {
        {"socket", required_argument, NULL, 's'},
        {"flash", required_argument, NULL, 'f'},
        {"stats", required_argument, NULL, 'c'},
        {"bridge", required_argument, NULL, 'b'},
        {"fault", required_argument, NULL, 'x'},
        {"faults-file", required_argument, NULL, 'X'},
        {"die-with-parent", no_argument, NULL, 'd'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "", long_options, NULL)) >= 0) {
        switch (c) {
        case 's':
            options->socket = optarg;
            break;
        case 'f':
            options->flash = optarg;
            break;
        case 'c':
            options->stats = optarg;
            break;
        case 'b':
            options->bridge = optarg;
            break;
        case 'x':
            if (faults_add(&options->faults, optarg) < 0)
                return usage_error("not a fault (or one too many)", optarg);
            break;
        case 'X':
            options->faults_file = optarg;
            break;
        case 'd':
            options->die_with_parent = true;
            break;
        case 'h':
            print_help();
            return EXIT_SUCCESS;
        default:
            return usage_error("wrong option", NULL);
        }
    }
    if (optind < argc)
        return usage_error("unexpected argument", argv[optind]);
    if (!options->socket || !options->flash)
        return usage_error("--socket and --flash are needed", NULL);
    return -1;
}

static int fail(const char *what, int r)
{
    fprintf(stderr, "h7sim: %s: %s\n", what, r == -EFBIG ? "not 2097152 bytes long" : strerror(-r));
    return EXIT_FAILURE;
}

static void report(const struct simulator *sim)
{
    if (!sim->options->stats)
        return;
    int r = stats_write(&sim->stats, sim->options->stats);
    if (r < 0)
        fail(sim->options->stats, r);
}

/* Each client meets the faults of the command line and of the file as it is now. */
static int load_faults(struct simulator *sim)
{
    const char *path = sim->options->faults_file;
    unsigned line = 0;

    sim->faults = sim->options->faults;
    if (path && faults_add_file(&sim->faults, path, &line) < 0) {
        fprintf(stderr, "h7sim: %s:%u: not a fault (or one too many); see --help\n", path, line);
        return EXIT_USAGE;
    }
    faults_start(&sim->faults);
    return -1;
}

static void client_left(struct simulator *sim)
{
    sim->stats.clients_left++;
    report(sim);
}

static int play(struct simulator *sim, const char *characters, size_t size)
{
    char replies[SERVER_BUFFER];
    size_t n;

    enum bitbang_verdict verdict = bitbang_play(sim->bitbang, characters, size, replies, &n);
    if (sim->faults.line == LINE_POWER_CUT)
        return EXIT_POWER_CUT;
    server_send(sim->server, replies, n);
    if (verdict == BITBANG_CLOSE) {
        server_close_client(sim->server);
        client_left(sim);
    }
    return -1;
}

/* Returns -1 to go on, or the exit status. */
static int handle(struct simulator *sim, enum server_event event, const char *bytes, size_t size)
{
    switch (event) {
    case SERVER_CLIENT_CAME:
        sim->stats.clients++;
        return load_faults(sim);
    case SERVER_CLIENT_SENT:
        return play(sim, bytes, size);
    case SERVER_CLIENT_LEFT:
        client_left(sim);
        return -1;
    case SERVER_REPORT:
        report(sim);
        return -1;
    case SERVER_END:
        return EXIT_SUCCESS;
    }
    return EXIT_FAILURE;
}

static int run(struct simulator *sim)
{
    char buffer[SERVER_BUFFER];
    int status = -1;

    while (status < 0) {
        enum server_event event;
        size_t size = 0;
        int r = server_next(sim->server, buffer, &event, &size);
        status = r < 0 ? fail("waiting for a client", r) : handle(sim, event, buffer, size);
    }
    report(sim);
    return status;
}

/* The death signal is set, then the parent is looked for: it may have died in between. */
static int follow_parent(void)
{
    pid_t parent = getppid();

    if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0)
        return -errno;
    return getppid() == parent ? 0 : -ESRCH;
}

/* The socket comes last: whoever connects to it finds the chip ready. */
static int set_up(struct simulator *sim, int signal_fd)
{
    const struct options *o = sim->options;

    int r = chip_new(o->flash, o->bridge, &sim->faults, &sim->stats, &sim->chip);
    if (r < 0) {
        close(signal_fd);
        return fail(o->flash, r);
    }
    r = dp_new(sim->chip, &sim->faults, &sim->stats, &sim->dp);
    if (r == 0)
        r = tap_new(sim->dp, &sim->tap);
    if (r == 0)
        r = bitbang_new(sim->chip, sim->tap, &sim->faults, &sim->stats, &sim->bitbang);
    if (r < 0) {
        close(signal_fd);
        return fail("starting", r);
    }
    r = server_new(o->socket, signal_fd, &sim->server);
    return r < 0 ? fail(o->socket, r) : -1;
}

static void tear_down(struct simulator *sim)
{
    server_free(sim->server);
    bitbang_free(sim->bitbang);
    tap_free(sim->tap);
    dp_free(sim->dp);
    chip_free(sim->chip);
}

int main(int argc, char *argv[])
{
    struct options options = {0};
    struct simulator sim = {.options = &options};

    int status = parse_argv(argc, argv, &options);
    if (status >= 0)
        return status;
    int signal_fd = server_block_signals();
    if (signal_fd < 0)
        return fail("signals", signal_fd);
    int r = options.die_with_parent ? follow_parent() : 0;
    if (r < 0) {
        close(signal_fd);
        return fail("following the parent", r);
    }
    status = set_up(&sim, signal_fd);
    if (status < 0)
        status = run(&sim);
    tear_down(&sim);
    return status;
}
