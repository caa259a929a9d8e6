/* The daemon's configuration: text -> settings, of which every promise must hold afterwards. */
#include "config/settings.h"

#include <string.h>

#include "config/values.h"
#include "fuzz.h"
#include "util/utf8.h"

static void hear(const char *file, _unused_ unsigned line, const char *message, void *userdata)
{
    size_t *n = userdata;

    CLAIM(strcmp(file, "fuzz.conf") == 0);
    CLAIM(*message && utf8_is_printable(message, strlen(message)));
    (*n)++;
}

static void claim_path(const char *path, bool may_be_empty)
{
    CLAIM(path);
    CLAIM(value_is_path(path) || (may_be_empty && !*path));
}

static void claim_sound(const struct settings *settings)
{
    claim_path(settings->inbox_directory, false);
    CLAIM(settings->inbox_file_name && value_is_file_name(settings->inbox_file_name));
    CLAIM(settings->inbox_max_size > 0);
    CLAIM(settings->inbox_owners.n <= OWNERS_MAX);
    CLAIM(!settings->inbox_owners.anyone || settings->inbox_owners.n == 0);
    CLAIM(settings->inbox_owners.n <= OWNERS_MAX);
    CLAIM(settings->programmings_per_minute <= PROGRAMMINGS_MAX);
    CLAIM(settings->programmings_per_day <= PROGRAMMINGS_MAX);
    claim_path(settings->openocd_program, false);
    if (settings->openocd_config)
        claim_path(settings->openocd_config, true);
    CLAIM(settings->openocd_timeout_usec > 0);
    CLAIM(settings->board_name &&
          (value_is_name(settings->board_name) || value_is_path(settings->board_name)));
    if (settings->health_file)
        claim_path(settings->health_file, true);
    CLAIM(settings->health_timeout_usec > 0);
    claim_path(settings->default_sketch, true);
    claim_path(settings->hooks_pre_directory, false);
    claim_path(settings->hooks_post_directory, false);
    CLAIM(settings->hooks_timeout_usec > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(settings_freep) struct settings *settings = NULL;
    size_t n = 0, again = 0;

    CLAIM(settings_new(&settings) == 0);
    CLAIM(settings_parse(settings, (const char *)data, size, "fuzz.conf", hear, &n) == 0);
    claim_sound(settings);
    /* A drop-in that says the same changes nothing, and is complained about as often. */
    CLAIM(settings_parse(settings, (const char *)data, size, "fuzz.conf", hear, &again) == 0);
    CLAIM(n == again);
    claim_sound(settings);
    return 0;
}
