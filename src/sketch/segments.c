/* Two passes over the table: count and see where bytes are stored, then collect and sort. */
#include "sketch/segments.h"

#include <errno.h>
#include <stdlib.h>

struct survey {
    size_t n_loads;
    bool at_vaddr;
};

static struct survey survey_headers(const struct elf_view *view)
{
    struct survey survey = {.at_vaddr = true};
    Elf32_Phdr header;

    for (uint64_t i = 0; elf_view_segment(view, i, &header); i++) {
        survey.n_loads += header.p_type == PT_LOAD;
        survey.at_vaddr &= header.p_paddr == 0;
    }
    return survey;
}

static int compare_segments(const void *a, const void *b)
{
    const struct segment *left = a, *right = b;

    if ((left->file_size > 0) != (right->file_size > 0))
        return left->file_size > 0 ? -1 : 1;
    return (left->load > right->load) - (left->load < right->load);
}

int segments_collect(const struct elf_view *view, struct segments *ret)
{
    struct survey survey = survey_headers(view);
    struct segments segments = {0};
    Elf32_Phdr header;

    segments.all = calloc(survey.n_loads > 0 ? survey.n_loads : 1, sizeof(*segments.all));
    if (!segments.all)
        return -ENOMEM;
    for (uint64_t i = 0; elf_view_segment(view, i, &header); i++) {
        if (header.p_type != PT_LOAD)
            continue;
        segments.all[segments.n++] = (struct segment){
            .load = survey.at_vaddr ? header.p_vaddr : header.p_paddr,
            .vaddr = header.p_vaddr,
            .offset = header.p_offset,
            .file_size = header.p_filesz,
            .memory_size = header.p_memsz,
            .flags = header.p_flags,
        };
        segments.n_programs += header.p_filesz > 0;
    }
    qsort(segments.all, segments.n, sizeof(*segments.all), compare_segments);
    *ret = segments;
    return 0;
}
