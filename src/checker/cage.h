/*
 * Locks this process up, for good: what it can do afterwards is receive a descriptor on the socket,
 * map it, use a bounded amount of memory and time, write to the socket and to stderr, and end. One
 * thread only; no handler may run later.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct cage_spec {
    int socket;             /* the one descriptor, besides the standard ones, that stays open */
    uid_t uid;              /* whom root becomes; */
    gid_t gid;              /* anybody else stays who he is */
    uint64_t memory_max;    /* bytes that it may write to; */
    uint64_t read_only_max; /* bytes that it may map besides */
};

/*
 * Does what the kernel, the privileges and the build allow, and leaves out the rest. Returns what
 * has been done, of enum answer_cage; or -errno if the process must not go on.
 */
int cage_enter(const struct cage_spec *spec);
