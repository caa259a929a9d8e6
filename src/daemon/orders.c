#include "daemon/orders.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>

#include "build-config.h"
#include "io/config_files.h"
#include "job/alarm.h"

void orders_clear(struct orders *orders)
{
    settings_free(orders->settings);
    free(orders->board_text);
    free(orders->state_dir);
    free(orders->runtime_dir);
    *orders = (struct orders){.settings = NULL};
}

static void complain(const char *file, unsigned line, const char *message, void *userdata)
{
    const struct journal *journal = userdata;

    if (line > 0)
        journal_log(journal, LOG_WARNING, "%s:%u: %s", file, line, message);
    else
        journal_log(journal, LOG_WARNING, "%s: %s", file, message);
}

/* An option that was given takes a setting's place. */
static int override(char **setting, const char *option)
{
    if (!option)
        return 0;
    char *copy = strdup(option);
    if (!copy)
        return -ENOMEM;
    free(*setting);
    *setting = copy;
    return 0;
}

static int resolve_settings(const struct options *options, const struct journal *journal,
                            struct orders *orders)
{
    int r = settings_new(&orders->settings);
    if (r < 0)
        return r;
    struct settings *settings = orders->settings;
    void *userdata = (void *)journal;
    r = options->config ? config_files_load_one(settings, options->config, complain, userdata)
                        : config_files_load(settings, "", complain, userdata);
    if (r < 0)
        return r;
    if (override(&settings->inbox_directory, options->inbox) < 0 ||
        override(&settings->openocd_program, options->openocd) < 0 ||
        override(&settings->openocd_config, options->openocd_config) < 0 ||
        override(&settings->board_name, options->board) < 0)
        return -ENOMEM;
    return 0;
}

static const char *installed_at(const char *variable, const char *path)
{
    const char *value = secure_getenv(variable);

    return value && *value ? value : path;
}

/* Whom the checker becomes: the user made for it (units/m4flash.sysusers.conf), or else nobody. */
static void resolve_checker_user(struct orders *orders)
{
    struct passwd entry, *found = NULL;
    char text[4096];
    unsigned uid = 65534, gid = 65534;

    if (getpwnam_r("m4flash-checker", &entry, text, sizeof(text), &found) == 0 && found) {
        uid = found->pw_uid;
        gid = found->pw_gid;
    }
    snprintf(orders->checker_user, sizeof(orders->checker_user), "%u:%u", uid, gid);
}

static int resolve_board(const struct journal *journal, struct orders *orders)
{
    const struct settings *settings = orders->settings;

    int r = board_load(settings->board_name, complain, (void *)journal, &orders->board,
                       &orders->board_text, &orders->board_text_size);
    if (r < 0)
        return r;
    orders->openocd_config =
        settings->openocd_config ? settings->openocd_config : orders->board.openocd_config;
    orders->health_file = settings->health_file ? settings->health_file : orders->board.health_file;
    orders->openocd_script = installed_at("M4FLASH_OPENOCD_SCRIPT", OPENOCD_SCRIPT);
    orders->checker = settings->require_signature
                          ? installed_at("M4FLASH_CHECKER_SIGNED", CHECKER_SIGNED_PATH)
                          : installed_at("M4FLASH_CHECKER", CHECKER_PATH);
    orders->chip_dir = installed_at("M4FLASH_CHIP_DIR", "");
    resolve_checker_user(orders);
    return 0;
}

/* Under systemd the folder is there already, with its owner and mode; by hand it is made. */
static int resolve_folder(const char *option, const char *variable, const char *path,
                          const struct journal *journal, char **ret)
{
    const char *value = option ? option : installed_at(variable, path);
    char *copy = strdup(value);

    if (!copy)
        return -ENOMEM;
    *ret = copy;
    if (mkdir(copy, 0700) < 0 && errno != EEXIST) {
        int r = -errno;
        alarm_tell(journal, ALARM_SERVICE, 0, "%s cannot be made: %s", copy, strerror(-r));
        return r;
    }
    return 0;
}

int orders_resolve(const struct options *options, const struct journal *journal, struct orders *ret)
{
    *ret = (struct orders){.settings = NULL};
    int r = resolve_settings(options, journal, ret);
    if (r >= 0)
        r = resolve_board(journal, ret);
    if (r >= 0)
        r = resolve_folder(options->state_dir, "STATE_DIRECTORY", "/var/lib/m4flash", journal,
                           &ret->state_dir);
    if (r >= 0)
        r = resolve_folder(options->runtime_dir, "RUNTIME_DIRECTORY", "/run/m4flash", journal,
                           &ret->runtime_dir);
    if (r >= 0 && access(ret->settings->openocd_program, X_OK) < 0)
        journal_log(journal, LOG_WARNING, "%s cannot be run, so nothing can be programmed: %s",
                    ret->settings->openocd_program, strerror(errno));
    return r;
}
