/* One row a setting: the table is all there is to know about each, so a new key is a new row. */
#include "config/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "build-config.h"
#include "config/ini_text.h"
#include "config/values.h"

/* A kind of value: how its text becomes what a field of the settings holds. */
struct kind {
    int (*set)(const char *text, void *field); /* 0, -EINVAL or -ENOMEM; an error changes nothing,
                                                  but see safe */
    void (*release)(void *field);              /* NULL if a field owns nothing */
    const char *expected;                      /* what would be right, for complaints */
    const char *safe; /* what a bad value counts as instead of none, for complaints; or NULL */
};

static int set_text(const char *text, void *field)
{
    char **owner = field;

    char *copy = strdup(text);
    if (!copy)
        return -ENOMEM;
    free(*owner);
    *owner = copy;
    return 0;
}

static void release_text(void *field)
{
    free(*(char **)field);
}

static int set_path(const char *text, void *field)
{
    return value_is_path(text) ? set_text(text, field) : -EINVAL;
}

static int set_path_or_none(const char *text, void *field)
{
    return *text ? set_path(text, field) : set_text(text, field);
}

static int set_file_name(const char *text, void *field)
{
    return value_is_file_name(text) ? set_text(text, field) : -EINVAL;
}

static int set_board(const char *text, void *field)
{
    return value_is_name(text) ? set_text(text, field) : set_path(text, field);
}

static int set_size(const char *text, void *field)
{
    uint64_t size;

    if (value_parse_size(text, &size) < 0 || size == 0)
        return -EINVAL;
    *(uint64_t *)field = size;
    return 0;
}

static int set_time(const char *text, void *field)
{
    uint64_t usec;

    if (value_parse_time(text, &usec) < 0 || usec == 0)
        return -EINVAL;
    *(uint64_t *)field = usec;
    return 0;
}

static int set_limit(const char *text, void *field)
{
    uint32_t limit;

    if (value_parse_u32(text, &limit) < 0 || limit > PROGRAMMINGS_MAX)
        return -EINVAL;
    *(uint32_t *)field = limit;
    return 0;
}

static int set_boolean(const char *text, void *field)
{
    return value_parse_boolean(text, field);
}

/* A mistake does not open a door. */
static int set_guard(const char *text, void *field)
{
    int r = value_parse_boolean(text, field);

    if (r < 0)
        *(bool *)field = true;
    return r;
}

/* Nobody yet: the words are looked at one by one. */
static int set_owners(const char *text, void *field)
{
    *(struct owners *)field = (struct owners){.anyone = !*text};
    return 0;
}

static const struct kind path = {set_path, release_text, "an absolute path", NULL};
static const struct kind path_or_none = {set_path_or_none, release_text,
                                         "an absolute path, or nothing for none", NULL};
static const struct kind file_name = {set_file_name, release_text, "a file's name, without a '/'",
                                      NULL};
static const struct kind board = {set_board, release_text,
                                  "a board's name, or the absolute path of its profile", NULL};
static const struct kind size_in_bytes = {set_size, NULL, "a size of at least 1, such as 64M",
                                          NULL};
static const struct kind time_span = {set_time, NULL,
                                      "a time, such as 120 or 2min (plain: seconds)", NULL};
static const struct kind limit = {set_limit, NULL, "a number of at most 1000, or 0 for no limit",
                                  NULL};
static const struct kind boolean = {set_boolean, NULL, "yes or no", NULL};
static const struct kind guard = {set_guard, NULL, "yes or no", "yes"};
static const struct kind owners = {set_owners, NULL, "users' names or numbers", NULL};

struct setting {
    const char *section, *key;
    const struct kind *kind;
    size_t offset;
    const char *preset; /* the default, and what an empty value means; NULL: unset, empty is none */
};

#define FIELD(name) offsetof(struct settings, name)

static const struct setting table[] = {
    {"Inbox", "Directory", &path, FIELD(inbox_directory), "/tmp/arduino"},
    {"Inbox", "FileName", &file_name, FIELD(inbox_file_name), "m4-user-sketch.elf"},
    {"Inbox", "MaxSize", &size_in_bytes, FIELD(inbox_max_size), "64M"},
    {"Inbox", "AllowOwners", &owners, FIELD(inbox_owners), ""},
    {"Inbox", "RequireSignature", &guard, FIELD(require_signature), "no"},
    {"Inbox", "KeysDirectory", &path, FIELD(keys_directory), "/etc/m4flash/keys.d"},
    {"OpenOCD", "Program", &path, FIELD(openocd_program), "/usr/bin/openocd"},
    {"OpenOCD", "Config", &path_or_none, FIELD(openocd_config), NULL},
    {"OpenOCD", "TimeoutSec", &time_span, FIELD(openocd_timeout_usec), "120"},
    {"Board", "Name", &board, FIELD(board_name), DEFAULT_BOARD},
    {"Board", "HealthFile", &path_or_none, FIELD(health_file), NULL},
    {"Board", "HealthTimeoutSec", &time_span, FIELD(health_timeout_usec), "5"},
    {"Sketch", "DefaultSketch", &path_or_none, FIELD(default_sketch), ""},
    {"Sketch", "RestoreOnFailure", &boolean, FIELD(restore_on_failure), "yes"},
    {"Limits", "ProgrammingsPerMinute", &limit, FIELD(programmings_per_minute), "6"},
    {"Limits", "ProgrammingsPerDay", &limit, FIELD(programmings_per_day), "200"},
    {"Hooks", "PreDirectory", &path, FIELD(hooks_pre_directory), "/etc/m4flash/pre.d"},
    {"Hooks", "PostDirectory", &path, FIELD(hooks_post_directory), "/etc/m4flash/post.d"},
    {"Hooks", "TimeoutSec", &time_span, FIELD(hooks_timeout_usec), "30"},
};

static void *field_of(struct settings *settings, const struct setting *setting)
{
    return (char *)settings + setting->offset;
}

static int apply(struct settings *settings, const struct setting *setting, const char *value)
{
    if (!*value && setting->preset)
        value = setting->preset;
    return setting->kind->set(value, field_of(settings, setting));
}

int settings_new(struct settings **ret)
{
    _cleanup_(settings_freep) struct settings *settings = calloc(1, sizeof(*settings));
    if (!settings)
        return -ENOMEM;
    for (size_t i = 0; i < ELEMENTSOF(table); i++) {
        int r = table[i].preset ? apply(settings, &table[i], table[i].preset) : 0;
        if (r < 0)
            return r;
    }
    *ret = TAKE_PTR(settings);
    return 0;
}

struct settings *settings_free(struct settings *settings)
{
    if (!settings)
        return NULL;
    for (size_t i = 0; i < ELEMENTSOF(table); i++)
        if (table[i].kind->release)
            table[i].kind->release(field_of(settings, &table[i]));
    free(settings);
    return NULL;
}

struct parse {
    struct settings *settings;
    const struct complaints *complaints;
};

static bool on_section(const char *name, unsigned line, void *userdata)
{
    struct parse *parse = userdata;

    for (size_t i = 0; i < ELEMENTSOF(table); i++)
        if (strcmp(table[i].section, name) == 0)
            return true;
    complain_about(parse->complaints, line, "there is no section [%s]; its lines are ignored",
                   name);
    return false;
}

/* A word that names nobody allows nobody: what was meant to keep people out does not let them in.
 */
static void add_owner(const struct parse *parse, const char *word, unsigned line)
{
    int r = owners_add(&parse->settings->inbox_owners, word, parse->settings->find_user);

    if (r == -E2BIG)
        complain_about(parse->complaints, line,
                       "[Inbox] AllowOwners= has more than %d users: %s is left out", OWNERS_MAX,
                       word);
    else if (r == -EINVAL || r == -ENOENT)
        complain_about(parse->complaints, line,
                       "[Inbox] AllowOwners=: %s is no user's name or number here, so it allows "
                       "nobody",
                       word);
    else if (r < 0)
        complain_about(parse->complaints, line,
                       "[Inbox] AllowOwners=: %s cannot be looked up, so it allows nobody: %s",
                       word, strerror(-r));
}

static int add_owners(const struct parse *parse, const char *value, unsigned line)
{
    _cleanup_free_ char *words = strdup(value);
    char *rest;

    if (!words)
        return -ENOMEM;
    for (char *word = strtok_r(words, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest))
        add_owner(parse, word, line);
    return 0;
}

static void complain_about_value(const struct parse *parse, const struct setting *setting,
                                 const char *value, unsigned line)
{
    const struct kind *kind = setting->kind;

    if (kind->safe)
        complain_about(parse->complaints, line, "[%s] %s=%s counts as %s: it must be %s",
                       setting->section, setting->key, value, kind->safe, kind->expected);
    else
        complain_about(parse->complaints, line, "[%s] %s=%s is ignored: it must be %s",
                       setting->section, setting->key, value, kind->expected);
}

static void let_in_root_only(struct settings *settings)
{
    settings->inbox_owners = (struct owners){.n = 1, .uid = {0}};
}

void settings_keep_others_out(struct settings *settings)
{
    let_in_root_only(settings);
    settings->require_signature = true;
}

/* Of each of these keys there is one that begins so, however it was misspelt from there on, and
 * wherever it stands; it may also be in what is not read. */
static bool may_be(const char *text, size_t size, const char *start)
{
    return !text || (size >= strlen(start) && strncasecmp(text, start, strlen(start)) == 0);
}

/* What was meant to keep people out must not let them in because of a typing error. */
static void on_lost(const char *text, size_t size, unsigned line, void *userdata)
{
    const struct parse *parse = userdata;

    if (may_be(text, size, "allow")) {
        let_in_root_only(parse->settings);
        complain_about(parse->complaints, line,
                       "[Inbox] AllowOwners= may have been meant: until this is mended only root's "
                       "uploads are accepted");
    }
    if (may_be(text, size, "require")) {
        parse->settings->require_signature = true;
        complain_about(parse->complaints, line,
                       "[Inbox] RequireSignature=yes may have been meant: until this is mended "
                       "only signed sketches are accepted");
    }
}

static int on_assignment(const char *section, const char *key, const char *value, unsigned line,
                         void *userdata)
{
    struct parse *parse = userdata;

    for (size_t i = 0; i < ELEMENTSOF(table); i++) {
        if (strcmp(table[i].section, section) != 0 || strcmp(table[i].key, key) != 0)
            continue;
        int r = apply(parse->settings, &table[i], value);
        if (r == -EINVAL)
            complain_about_value(parse, &table[i], value, line);
        if (r >= 0 && table[i].kind == &owners)
            r = add_owners(parse, value, line);
        return r == -EINVAL ? 0 : r;
    }
    if (*section)
        complain_about(parse->complaints, line, "[%s] has no key %s=; it is ignored", section, key);
    else
        complain_about(parse->complaints, line, "%s= stands before the first [Section]", key);
    on_lost(key, strlen(key), line, parse);
    return 0;
}

int settings_parse(struct settings *settings, const char *text, size_t size, const char *file,
                   config_complain_t complain, void *userdata)
{
    static const struct ini_events events = {on_section, on_assignment, on_lost};
    struct complaints complaints = {file, complain, userdata};
    struct parse parse = {settings, &complaints};

    return ini_text_parse(text, size, &complaints, &events, &parse);
}
