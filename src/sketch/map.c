/*
 * The use of RAM: claims are collected from the segments, two sections, a symbol and the stack
 * pointer, sorted by address once, and then walked for each use of each RAM range.
 */
#include <errno.h>
#include <string.h>

#include "sketch/rules.h"
#include "sketch/symbols.h"

struct claim {
    struct range range;
    enum sketch_use use;
};

struct claims {
    struct claim *all;
    size_t n;
};

static void claims_done(struct claims *claims)
{
    free(claims->all);
}

static void segments_done(struct segments *segments)
{
    free(segments->all);
}

static void claim(struct claims *claims, enum sketch_use use, uint64_t start, uint64_t size)
{
    if (size > 0)
        claims->all[claims->n++] = (struct claim){{start, size}, use};
}

/* The sections of what is reserved, all zero if there is none. */
static void find_sections(const struct elf_view *view, Elf32_Shdr *ret_heap, Elf32_Shdr *ret_stack)
{
    uint32_t index = view->header.e_shstrndx;
    Elf32_Shdr names, section;

    if (index == SHN_XINDEX && view->has_section0)
        index = view->section0.sh_link;
    if (!elf_view_section(view, index, &names))
        return;
    for (uint64_t i = 0; elf_view_section(view, i, &section); i++) {
        if (ret_heap->sh_size == 0 && elf_view_is_string(view, &names, section.sh_name, ".heap"))
            *ret_heap = section;
        if (ret_stack->sh_size == 0 &&
            (elf_view_is_string(view, &names, section.sh_name, ".stack") ||
             elf_view_is_string(view, &names, section.sh_name, ".stack_dummy")))
            *ret_stack = section;
    }
}

/* Bytes below the stack pointer: down to the limit that has a name, or as many as the section. */
static uint32_t stack_size(const struct elf_view *view, const Elf32_Shdr *section,
                           uint32_t stack_pointer)
{
    uint32_t limit, size = section->sh_size;

    if (symbols_find(view, "__StackLimit", &limit))
        size = stack_pointer - limit;
    return size <= stack_pointer ? size : 0;
}

static int compare_claims(const void *a, const void *b)
{
    const struct claim *left = a, *right = b;

    return (left->range.start > right->range.start) - (left->range.start < right->range.start);
}

static int collect_claims(const struct elf_view *view, uint32_t stack_pointer, struct claims *ret)
{
    _cleanup_(segments_done) struct segments segments = {0};
    Elf32_Shdr heap = {0}, stack = {0};

    int r = segments_collect(view, &segments);
    if (r < 0)
        return r;
    /* At most two of each segment, the heap and the stack. */
    ret->all = calloc(2 * segments.n + 2, sizeof(*ret->all));
    if (!ret->all)
        return -ENOMEM;
    for (size_t i = 0; i < segments.n; i++) {
        claim(ret, SKETCH_DATA, segments.all[i].vaddr, segments.all[i].file_size);
        claim(ret, SKETCH_BSS, segments.all[i].vaddr, segments.all[i].memory_size);
    }
    find_sections(view, &heap, &stack);
    uint32_t size = stack_size(view, &stack, stack_pointer);
    claim(ret, SKETCH_HEAP, heap.sh_addr, heap.sh_size);
    claim(ret, SKETCH_STACK, stack_pointer - size, size);
    qsort(ret->all, ret->n, sizeof(*ret->all), compare_claims);
    return 0;
}

/* Bytes of a RAM range that this use or one before it claims, each once. */
static uint64_t measure(const struct claims *claims, enum sketch_use last, struct range ram)
{
    uint64_t used = 0, end = ram.start;

    for (size_t i = 0; i < claims->n; i++) {
        struct range range = claims->all[i].range;
        uint64_t from = range.start > end ? range.start : end;
        uint64_t to = range_end(range) < range_end(ram) ? range_end(range) : range_end(ram);

        if (claims->all[i].use > last || to <= from)
            continue;
        used += to - from;
        end = to;
    }
    return used;
}

int sketch_map(const struct board *board, const void *elf, size_t size, uint32_t stack_pointer,
               struct sketch_map *ret)
{
    _cleanup_(claims_done) struct claims claims = {0};
    struct sketch_map map = {0};
    struct elf_view view;

    if (!board_is_sound(board))
        return -EINVAL;
    elf_view_open(elf, size, NULL, &view);
    int r = collect_claims(&view, stack_pointer, &claims);
    if (r >= 0)
        r = symbols_collect(&view, board, &map);
    if (r < 0)
        return r;
    for (size_t i = 0; i < board->n_ram; i++) {
        struct range ram = board_range_of(&board->ram[i]);
        uint64_t before = 0;

        for (enum sketch_use use = 0; use < _SKETCH_USE_MAX; use++) {
            uint64_t now = use == SKETCH_FREE ? ram.size : measure(&claims, use, ram);
            map.ram[i][use] = (uint32_t)(now - before);
            before = now;
        }
    }
    *ret = map;
    return 0;
}
