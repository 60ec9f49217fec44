/*
 * idset.c - a small buffer a shard, appended to the shard's file when it is full. Blocks on the disk.
 *
 * Files are opened to append and closed again: 256 descriptors would be half of what the lab keeps for itself.
 */
#include "catalog/idset.h"

#include "api/common/buf.h"
#include "api/common/fd.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include "catalog/objects.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PENDING = 256, SHARD_MAX_BYTES = 1 << 30 };

typedef unsigned char id[IDSET_ID_BYTES];

struct idset {
    const struct store *store;
    char name[OBJECTS_TMP_NAME];
    int dir_fd;
    size_t pending[IDSET_SHARDS];
    id *ids; /* PENDING for each shard */
};

int idset_new(const struct store *s, struct idset **out, struct err *e)
{
    struct idset *set = mem_alloc(sizeof *set);
    set->store = s;
    set->ids = mem_alloc((size_t)IDSET_SHARDS * PENDING * sizeof *set->ids);
    objects_tmp_name("ids", set->name);
    set->dir_fd = -1;
    if (mkdirat(s->tmp_fd, set->name, 0700) < 0 ||
        (set->dir_fd = openat(s->tmp_fd, set->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
        idset_free_at(&set);
        return err_sys(e, "tmp", NULL, "cannot make a folder in tmp/");
    }
    *out = set;
    return 0;
}

void idset_free_at(struct idset **set)
{
    struct err left = {0}; /* what stays goes with tmp/ at the next start */
    if (!*set)
        return;
    fd_close_at(&(*set)->dir_fd);
    (void)!fd_remove_tree((*set)->store->tmp_fd, (*set)->name, &left);
    mem_free_at(&(*set)->ids);
    mem_free_at(set);
}

static int spill(struct idset *set, unsigned shard, struct err *e)
{
    char name[8];
    snprintf(name, sizeof name, "%02x", shard);
    AUTO_FD int fd =
        openat(set->dir_fd, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || fd_write_all(fd, set->ids[(size_t)shard * PENDING],
                               set->pending[shard] * sizeof(id)) < 0)
        return err_sys(e, "tmp", "free space on the disk that holds the state folder",
                       "cannot write to tmp/");
    set->pending[shard] = 0;
    return 0;
}

static unsigned digit(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void to_bytes(const char *sha256, unsigned char *out)
{
    for (size_t i = 0; i < IDSET_ID_BYTES; i++)
        out[i] = (unsigned char)(digit(sha256[2 * i]) << 4 | digit(sha256[2 * i + 1]));
}

int idset_add(struct idset *set, const char *sha256, struct err *e)
{
    id one;
    if (!text_is_sha256(sha256))
        return err_set(e, E_INVALID, "sha256", NULL, "an id is 64 lower-case hex digits");
    to_bytes(sha256, one);
    unsigned shard = one[0];
    if (set->pending[shard] == PENDING && spill(set, shard, e) < 0)
        return -1;
    memcpy(set->ids[(size_t)shard * PENDING + set->pending[shard]++], one, sizeof one);
    return 0;
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, IDSET_ID_BYTES);
}

int idset_take(struct idset *set, unsigned shard, unsigned char (**ids)[IDSET_ID_BYTES],
               size_t *count, struct err *e)
{
    AUTO_BUF struct buf all = BUF_INIT(SHARD_MAX_BYTES);
    char name[8];
    *ids = NULL;
    *count = 0;
    if (spill(set, shard, e) < 0)
        return -1;
    snprintf(name, sizeof name, "%02x", shard);
    if (fd_read_file(set->dir_fd, name, SHARD_MAX_BYTES, &all, e) < 0 ||
        unlinkat(set->dir_fd, name, 0) < 0)
        return err_context(e, "tmp/%s", set->name);
    size_t n = all.len / sizeof(id);
    if (n == 0)
        return 0;
    id *list = (id *)buf_take(&all);
    qsort(list, n, sizeof *list, by_bytes);
    for (size_t i = 0; i < n; i++)
        if (*count == 0 || memcmp(list[*count - 1], list[i], sizeof *list) != 0)
            memmove(list[(*count)++], list[i], sizeof *list);
    *ids = list;
    return 0;
}

bool idset_has(unsigned char (*ids)[IDSET_ID_BYTES], size_t count, const char *sha256)
{
    id one;
    to_bytes(sha256, one);
    return count > 0 && bsearch(one, ids, count, sizeof *ids, by_bytes) != NULL;
}

void idset_hex(const unsigned char one[IDSET_ID_BYTES], char sha256[65])
{
    for (size_t i = 0; i < IDSET_ID_BYTES; i++)
        snprintf(sha256 + 2 * i, 3, "%02x", one[i]);
}
