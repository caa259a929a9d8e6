/* m4flashd: waits for sketches in an inbox, has them checked, and programs them with OpenOCD. */
#include <errno.h>
#include <linux/capability.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/alone.h"
#include "daemon/manager.h"
#include "daemon/options.h"
#include "daemon/orders.h"
#include "job/alarm.h"
#include "util/capabilities.h"

enum {
    EXIT_USAGE = 2,
    LARGE = 64 * 1024, /* bytes */
};

/*
 * What this process uses itself: files of others, and signals to the checker, who is another user.
 * The rest it has only for children, each of which is given its part.
 */
static int arrange_capabilities(void)
{
    return capabilities_keep(CAPABILITY(CAP_DAC_OVERRIDE) | CAPABILITY(CAP_DAC_READ_SEARCH) |
                                 CAPABILITY(CAP_FOWNER) | CAPABILITY(CAP_KILL),
                             CAPABILITIES_EFFECTIVE);
}

/* Before anything else, so that no child is missed. */
static int arrange_signals(void)
{
    sigset_t handled;

    sigemptyset(&handled);
    sigaddset(&handled, SIGCHLD);
    sigaddset(&handled, SIGTERM);
    sigaddset(&handled, SIGINT);
    sigaddset(&handled, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &handled, NULL) < 0)
        return -errno;
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return -errno;
    return 0;
}

/*
 * Images are large and short-lived. In mappings of their own they leave no holes in a heap that is
 * to stay small for months; without a fixed threshold malloc() would move them there by itself.
 */
static void arrange_memory(void)
{
    mallopt(M_MMAP_THRESHOLD, LARGE);
    mallopt(M_TRIM_THRESHOLD, LARGE);
}

static int run(const struct options *options)
{
    const struct journal journal = journal_open();
    _cleanup_(orders_clear) struct orders orders = {.settings = NULL};
    _cleanup_(manager_freep) struct manager *manager = NULL;

    umask(0077);
    if (options->rollback)
        unsetenv("NOTIFY_SOCKET"); /* whoever runs this is no service manager's daemon */
    int r = orders_resolve(options, &journal, &orders);
    if (r >= 0)
        r = manager_new(&orders, &journal, &manager);
    if (r >= 0)
        r = options->rollback ? alone_roll_back(manager, options->json) : manager_run(manager);
    if (r < 0)
        alarm_tell(&journal, ALARM_SERVICE, 0, "m4flashd ends: %s", strerror(-r));
    return r;
}

int main(int argc, char *argv[])
{
    _cleanup_(options_clear) struct options options;

    int r = options_parse(argc, argv, &options);
    if (r == OPTIONS_WRONG)
        return EXIT_USAGE;
    if (r == OPTIONS_DONE)
        return EXIT_SUCCESS;
    arrange_memory();
    if (r >= 0)
        r = arrange_signals();
    if (r >= 0)
        r = arrange_capabilities();
    if (r >= 0)
        r = run(&options);
    return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
