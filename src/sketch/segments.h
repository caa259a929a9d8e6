/* The PT_LOAD headers of a file, sorted once so that every rule and the image can walk them. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "sketch/elf_view.h"
#include "util/range.h"

struct segment {
    uint32_t load;        /* where its bytes are stored: p_paddr, or p_vaddr (see below) */
    uint32_t vaddr;       /* where it is when the sketch runs */
    uint32_t offset;      /* of its bytes in the file */
    uint32_t file_size;   /* bytes to program; 0: memory only, such as .bss */
    uint32_t memory_size; /* bytes of memory at vaddr */
    uint32_t flags;       /* PF_X and others */
};

struct segments {
    struct segment *all; /* the program segments first, by load address, then the memory only */
    size_t n;
    size_t n_programs;
};

/*
 * Collects the PT_LOAD segments that can be read. They are stored at p_paddr; or at p_vaddr if
 * p_paddr is 0 in every program header of whatever type. That is how OpenOCD 0.12 and GNU BFD have
 * it, save that they make an exception of a file with only one PT_LOAD, which is of no use here.
 * Returns 0 or -ENOMEM; the caller frees ret->all.
 */
int segments_collect(const struct elf_view *view, struct segments *ret);

static inline struct range segment_load(const struct segment *segment)
{
    return (struct range){segment->load, segment->file_size};
}

static inline struct range segment_memory(const struct segment *segment)
{
    return (struct range){segment->vaddr, segment->memory_size};
}
