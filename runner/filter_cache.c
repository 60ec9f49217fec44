/*
 * filter_cache.c - compiled programs kept between processes.
 *
 * libseccomp takes several times longer to make a program than a whole run takes to start. The
 * launcher keeps programs in memory; this cache serves `exec` and a launcher that starts again.
 *
 *     header | key (all the rules, in text) | program 1 | program 2 ...
 *
 * The name of the file is a hash that anybody can collide, so the key inside is compared whole.
 * What protects the programs is the folder: ours, writable by nobody else. What the file says is
 * still compared with the rules by the caller (filter_verify), so a wrong file costs time only.
 */
#include "runner/filter.h"

#include "api/common/fd.h"
#include "api/common/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CACHE_MAGIC = 0x46454e31, CACHE_PROGRAMS_MAX = 2, CACHE_MAX_BYTES = 4 << 20 };

struct cache_header {
    uint32_t magic;
    uint32_t key_len;
    uint32_t program_count;
    uint32_t insn_count[CACHE_PROGRAMS_MAX];
    uint32_t zero;
    uint64_t body_fnv; /* of all that follows the header */
};

static void file_name(const char *key, size_t key_len, char out[48])
{
    snprintf(out, 48, "filter-%016llx.bpf", (unsigned long long)filter_fnv(key, key_len));
}

static int check_folder(int dir_fd, struct err *e)
{
    struct stat st;
    if (fstat(dir_fd, &st) < 0)
        return err_sys(e, "cache", NULL, "cannot look at the filter cache folder");
    if (!S_ISDIR(st.st_mode))
        return err_set(e, E_INVALID, "cache", NULL, "the filter cache is not a folder");
    if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return err_set(e, E_DENIED, "cache", "give it to the lab's own user with mode 0700",
                       "the filter cache folder belongs to uid %u with mode %04o: others could "
                       "plant a filter in it",
                       (unsigned)st.st_uid, (unsigned)(st.st_mode & 07777));
    return 0;
}

/* True when the text is a whole cache file of that key; programs then point into copies. */
static bool read_body(const struct buf *in, const char *key, size_t key_len,
                      struct profile_filter *programs, size_t program_count)
{
    struct cache_header h;
    if (in->len < sizeof h)
        return false;
    memcpy(&h, in->data, sizeof h);
    const char *at = in->data + sizeof h;
    size_t left = in->len - sizeof h;
    if (h.magic != CACHE_MAGIC || h.key_len != key_len || h.program_count != program_count ||
        left < key_len || memcmp(at, key, key_len) != 0 || filter_fnv(at, left) != h.body_fnv)
        return false;
    at += key_len;
    left -= key_len;
    for (size_t i = 0; i < program_count; i++) {
        size_t size_bytes = h.insn_count[i] * sizeof(struct sock_filter);
        if (h.insn_count[i] == 0 || h.insn_count[i] > BPF_MAXINSNS || size_bytes > left)
            return false;
        at += size_bytes;
        left -= size_bytes;
    }
    if (left != 0)
        return false;
    at = in->data + sizeof h + key_len;
    for (size_t i = 0; i < program_count; i++) {
        size_t size_bytes = h.insn_count[i] * sizeof(struct sock_filter);
        programs[i].count = (unsigned short)h.insn_count[i];
        programs[i].code = mem_alloc(size_bytes);
        memcpy(programs[i].code, at, size_bytes);
        snprintf(programs[i].digest, sizeof programs[i].digest, "%016llx",
                 (unsigned long long)filter_fnv(at, size_bytes));
        at += size_bytes;
    }
    return true;
}

int filter_cache_get(int dir_fd, const char *key, size_t key_len, struct profile_filter *programs,
                     size_t program_count, struct err *e)
{
    if (check_folder(dir_fd, e) < 0)
        return -1;
    char name[48];
    file_name(key, key_len, name);
    AUTO_FD int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && (errno == ENOENT || errno == ELOOP))
        return 0;
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(e, "cache", NULL, "cannot open %s in the filter cache", name);
    if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_nlink != 1 ||
        (st.st_mode & (S_IWGRP | S_IWOTH)) != 0 || st.st_size > CACHE_MAX_BYTES)
        return 0;
    AUTO_BUF struct buf in = BUF_INIT(CACHE_MAX_BYTES);
    if (fd_read_all(fd, CACHE_MAX_BYTES, &in, name, e) < 0)
        return -1;
    return read_body(&in, key, key_len, programs, program_count) ? 1 : 0;
}

int filter_cache_put(int dir_fd, const char *key, size_t key_len,
                     const struct profile_filter *programs, size_t program_count, struct err *e)
{
    if (check_folder(dir_fd, e) < 0)
        return -1;
    struct cache_header h = {.magic = CACHE_MAGIC,
                             .key_len = (uint32_t)key_len,
                             .program_count = (uint32_t)program_count};
    AUTO_BUF struct buf out = BUF_INIT(CACHE_MAX_BYTES);
    buf_add(&out, &h, sizeof h);
    buf_add(&out, key, key_len);
    for (size_t i = 0; i < program_count; i++) {
        h.insn_count[i] = programs[i].count;
        buf_add(&out, programs[i].code, programs[i].count * sizeof(struct sock_filter));
    }
    if (out.failed)
        return err_set(e, E_LIMIT, "cache", NULL, "the filter is too large for the cache");
    h.body_fnv = filter_fnv(out.data + sizeof h, out.len - sizeof h);
    memcpy(out.data, &h, sizeof h);
    char name[48];
    file_name(key, key_len, name);
    return fd_replace_file(dir_fd, name, out.data, out.len, 0600, e);
}
