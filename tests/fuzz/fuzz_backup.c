/* fuzz_backup.c - what is read of a backup: the tar inside, as if zstd had let it through. */
#include "api/common/fd.h"
#include "catalog/archive.h"
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(int fd)
{
    struct archive_in *in = NULL;
    struct err e = {0};
    char name[ARCHIVE_NAME_SIZE], some[1000];
    uint64_t bytes;
    size_t got;
    if (archive_in_new(fd, &in, &e) < 0)
        return;
    while (e.kind == E_NONE && archive_in_next(in, name, &bytes, &e) == 1)
        while (archive_in_read(in, some, sizeof some, &got, &e) == 0 && got > 0)
            ;
    archive_in_free_at(&in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t room = ZSTD_compressBound(size);
    void *packed = malloc(room);
    size_t len = ZSTD_compress(packed, room, data, size, 1);
    int fd = memfd_create("backup", MFD_CLOEXEC);
    if (fd >= 0 && fd_write_all(fd, packed, len) == 0 && lseek(fd, 0, SEEK_SET) == 0)
        read_all(fd);
    if (fd >= 0 && ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0 && fd_write_all(fd, data, size) == 0 &&
        lseek(fd, 0, SEEK_SET) == 0)
        read_all(fd); /* and the frame itself */
    fd_close_at(&fd);
    free(packed);
    return 0;
}
