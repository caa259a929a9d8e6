#include "io/file_key.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

_Static_assert(sizeof(off_t) == 8 && sizeof(time_t) == 8, "_FILE_OFFSET_BITS, _TIME_BITS");

/* In unsigned numbers: anybody may give a file a time that does not fit, and it may wrap then. */
static int64_t nsec_of(struct timespec t)
{
    return (int64_t)((uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec);
}

struct file_key file_key_of(const struct stat *status)
{
    return (struct file_key){
        .inode = status->st_ino,
        .size = (uint64_t)status->st_size,
        .modified_nsec = nsec_of(status->st_mtim),
        .changed_nsec = nsec_of(status->st_ctim),
    };
}

bool file_key_equal(const struct file_key *a, const struct file_key *b)
{
    return a->inode == b->inode && a->size == b->size && a->modified_nsec == b->modified_nsec &&
           a->changed_nsec == b->changed_nsec;
}

void file_key_format(const struct file_key *key, char ret_text[static FILE_KEY_TEXT_MAX])
{
    ret_text[0] = '\0';
    if (key->inode != 0)
        snprintf(ret_text, FILE_KEY_TEXT_MAX, "%" PRIu64 ":%" PRIu64 ":%" PRId64 ":%" PRId64,
                 key->inode, key->size, key->modified_nsec, key->changed_nsec);
}

void file_key_parse(const char *text, struct file_key *ret)
{
    char again[FILE_KEY_TEXT_MAX];
    struct file_key key;

    if (sscanf(text, "%" SCNu64 ":%" SCNu64 ":%" SCNd64 ":%" SCNd64, &key.inode, &key.size,
               &key.modified_nsec, &key.changed_nsec) != 4)
        key = (struct file_key){.inode = 0};
    /* Just what is written, nothing before, behind or instead. */
    file_key_format(&key, again);
    *ret = strcmp(again, text) == 0 ? key : (struct file_key){.inode = 0};
}
