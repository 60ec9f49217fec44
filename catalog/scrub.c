/*
 * scrub.c - a bounded walk over objects/: what nobody uses would otherwise be found damaged on the day
 * that it is needed. Blocks on the disk: called from pool threads.
 */
#include "catalog/scrub.h"

#include "api/common/fd.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef char id[DIGEST_HEX_SIZE];

static int by_id(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* The ids in one of the 256 folders, sorted; gives (caller frees). */
static int list_folder(const struct store *s, const char *folder, id **out, size_t *count,
                       struct err *e)
{
    *out = NULL;
    *count = 0;
    AUTO_FD int fd = openat(s->objects_fd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return err_sys(e, "objects", "check the disk", "cannot read objects/%s", folder);
    (void)fd_take(&fd);
    const struct dirent *d;
    size_t room = 0;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): each DIR is ours alone */
    while ((d = readdir(dir)) != NULL) {
        id one;
        if (snprintf(one, sizeof one, "%s%s", folder, d->d_name) >= (int)sizeof one ||
            !text_is_sha256(one))
            continue;
        if (*count == room) {
            room = room ? 2 * room : 64;
            *out = mem_grow(*out, room, sizeof **out);
        }
        memcpy((*out)[(*count)++], one, sizeof one);
    }
    closedir(dir);
    if (*count)
        qsort(*out, *count, sizeof **out, by_id);
    return 0;
}

static int look_at(const struct store *s, struct scrub *scrub, const char *sha256,
                   const struct digest_progress *progress, struct err *e)
{
    uint64_t size = 0;
    struct err bad = {0};
    uint64_t max = scrub->object_max_bytes ? scrub->object_max_bytes : SCRUB_OBJECT_MAX_BYTES;
    if (!objects_has(s, sha256, &size) || size > max)
        return 0;
    if (objects_verify(s, sha256, progress, &bad) < 0) {
        if (bad.kind != E_CONFLICT && bad.kind != E_NOT_FOUND) {
            *e = bad;
            return -1;
        }
        scrub->damaged += bad.kind == E_CONFLICT;
    }
    scrub->objects++;
    scrub->read_bytes += size;
    return 0;
}

int scrub_some(const struct store *s, struct scrub *scrub, const struct digest_progress *progress,
               struct err *e)
{
    scrub->objects = scrub->damaged = 0;
    scrub->read_bytes = 0;
    for (unsigned n = 0; n < 256; n++) {
        AUTO_FREE id *list = NULL;
        size_t count = 0;
        char folder[3];
        snprintf(folder, sizeof folder, "%02x", n);
        if (strncmp(folder, scrub->after, 2) < 0)
            continue;
        if (list_folder(s, folder, &list, &count, e) < 0)
            return -1;
        for (size_t i = 0; i < count; i++) {
            if (strcmp(list[i], scrub->after) <= 0)
                continue;
            if (look_at(s, scrub, list[i], progress, e) < 0)
                return -1;
            memcpy(scrub->after, list[i], sizeof list[i]);
            if (scrub->read_bytes >= scrub->max_bytes)
                return 0;
        }
    }
    scrub->after[0] = '\0';
    return 0;
}
