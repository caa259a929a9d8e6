/* The upload's file as it lies in the inbox; it is never followed. */
#pragma once

#include "daemon/manager.h"

/* Returns true if there is a file, and what it is. */
bool inbox_look(const struct manager *manager, struct file_key *ret_key);

/*
 * Copies it. inbox is the folder (watch_open()); negative: there is none, hence no file. Returns as
 * snapshot_take().
 */
int inbox_take(const struct manager *manager, int inbox, enum snapshot_extent extent,
               struct snapshot **ret, struct file_key *ret_key);

/* True if the file has just this content. */
bool inbox_holds(const struct manager *manager, const char *sha256);

/* True if the inbox still holds just the file that the job was made from. */
bool inbox_still_has(const struct manager *manager, const struct job *job);

/* True if there is a file that no job was made of yet. */
bool inbox_has_new(const struct manager *manager);
