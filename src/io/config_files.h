/* Finds and reads configuration and board profiles: systemd's order and override rules. */
#pragma once

#include "config/board.h"
#include "config/settings.h"

/*
 * Reads ROOT/etc/m4flash.conf, then the drop-ins *.conf of ROOT/etc/m4flash.conf.d and
 * ROOT/usr/lib/m4flash.conf.d, sorted by file name over both folders; a name in /etc hides the same
 * name in /usr/lib, and an empty file or a link to /dev/null masks it. Missing files are no error;
 * unreadable ones, directories and files of more than a megabyte are told to complain and passed
 * over, with settings_keep_others_out(). root is "" outside tests. Returns 0 or -ENOMEM.
 */
int config_files_load(struct settings *settings, const char *root, config_complain_t complain,
                      void *userdata);

/*
 * Reads this one file only; here a missing one is an error. /dev/null is an empty one. Returns 0,
 * or -errno after complaining.
 */
int config_files_load_one(struct settings *settings, const char *path, config_complain_t complain,
                          void *userdata);

/*
 * Reads a board profile: name_or_path with a slash is a path, else BOARDS_DIR/NAME.conf, where the
 * environment's M4FLASH_BOARDS_DIR stands for BOARDS_DIR in a build tree. *ret_text (for the caller
 * to free) is the profile's text, for handing on to the checker. ret_text and ret_size may be NULL.
 * complain hears name_or_path itself as the file's name, unclean as it may be, if it is no name.
 * Returns 0, or -errno after complaining (an unknown name names the folder that was searched).
 */
int board_load(const char *name_or_path, config_complain_t complain, void *userdata,
               struct board *ret, char **ret_text, size_t *ret_size);
