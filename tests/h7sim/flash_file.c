/* The flash persists in a mapped file: the kernel keeps every byte even over SIGKILL, which is what
 * a real chip does with a debugger that dies. */
#include "flash_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flash_map.h"

static uint8_t *map(int fd)
{
    void *cells = mmap(NULL, FLASH_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return cells == MAP_FAILED ? NULL : cells;
}

/* What the M7 needs to come out of reset: a stack pointer at the end of DTCM, the address of the
 * reset handler, and there a branch to itself. */
static void put_boot_loader(uint8_t *cells)
{
    static const uint8_t image[] = {
        0x00, 0x00, 0x02, 0x20, /* SP = 0x20020000 */
        0x09, 0x00, 0x00, 0x08, /* PC = 0x08000008, Thumb */
        0xFE, 0xE7,             /* b . */
    };
    memcpy(cells, image, sizeof(image));
}

/* Built aside and renamed: a simulator killed at this moment leaves no short file behind. */
static int create(const char *path, uint8_t **ret_cells)
{
    char temporary[4096];
    int n = snprintf(temporary, sizeof(temporary), "%s.%ld.tmp", path, (long)getpid());
    if (n < 0 || (size_t)n >= sizeof(temporary))
        return -ENAMETOOLONG;

    int fd = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return -errno;
    uint8_t *cells = ftruncate(fd, FLASH_SIZE) < 0 ? NULL : map(fd);
    int r = cells ? 0 : -errno;
    close(fd);
    if (cells) {
        memset(cells, 0xFF, FLASH_SIZE);
        put_boot_loader(cells);
        if (rename(temporary, path) == 0) {
            *ret_cells = cells;
            return 0;
        }
        r = -errno;
        munmap(cells, FLASH_SIZE);
    }
    unlink(temporary);
    return r;
}

static int open_existing(int fd, uint8_t **ret_cells)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (st.st_size != FLASH_SIZE)
        return -EFBIG;
    uint8_t *cells = map(fd);
    if (!cells)
        return -errno;
    *ret_cells = cells;
    return 0;
}

int flash_file_map(const char *path, uint8_t **ret_cells)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? create(path, ret_cells) : -errno;
    int r = open_existing(fd, ret_cells);
    close(fd);
    return r;
}
