#include "util/footprint.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* A segment that may be written has pages that are in no file. It is nobody's loss if one stays. */
static void let_go(const struct dl_phdr_info *object, const ElfW(Phdr) * segment)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t start = object->dlpi_addr + segment->p_vaddr;
    uintptr_t end = start + segment->p_filesz;

    start &= ~(page - 1);
    if (segment->p_type == PT_LOAD && !(segment->p_flags & PF_W) && end > start)
        madvise((void *)start, end - start, MADV_DONTNEED);
}

static int visit(struct dl_phdr_info *object, size_t size, void *userdata)
{
    (void)size;
    (void)userdata;
    for (unsigned i = 0; i < object->dlpi_phnum; i++)
        let_go(object, &object->dlpi_phdr[i]);
    return 0;
}

void footprint_reduce(void)
{
    malloc_trim(0);
    dl_iterate_phdr(visit, NULL);
}
