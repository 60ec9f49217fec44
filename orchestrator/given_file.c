/*
 * given_file.c - see given_file.h. Called by blob.put, and by conn.c for descriptors that nobody asked for.
 *
 * The kernel answers without the file system: statx with AT_STATX_DONT_SYNC (FUSE and network file systems
 * then tell what they have cached), F_GET_SEALS for memory files, and the table of mounts. fstat and
 * fstatfs would ask, and close sends the file system a FLUSH and waits for its answer.
 */
#include "orchestrator/given_file.h"
#include "api/common/buf.h"
#include "api/common/fd.h"
#include "api/common/log.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOUNTS_MAX_BYTES = 16 << 20, CLOSERS_MAX = 64, CLOSER_STACK_BYTES = 64 << 10 };

/* Not in Debian 12's headers as a mask that statx(2) takes: linux 5.8. */
#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x1000U
#endif

static int look(int fd, struct statx *st)
{
    return statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_MNT_ID, st);
}

int given_file_look(int fd, struct err *e)
{
    struct statx st;
    if (look(fd, &st) == 0 && S_ISREG(st.stx_mode))
        return 0;
    return err_set(e, E_INVALID, "descriptor", "open the file itself",
                   "the descriptor is not that of a regular file");
}

/* Those whose files are answered by a process, or that never end. */
static bool may_be_read(const char *type)
{
    static const char *const never[] = {"fuse", "fuseblk", "autofs", "proc", "tracefs", "debugfs"};
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
        if (!strcmp(type, never[i]))
            return false;
    return strncmp(type, "fuse.", 5) != 0;
}

/* "36 35 98:0 /root /point options - type source super" */
bool given_file_row_fits(const char *row, uint64_t mount_id, unsigned major, unsigned minor)
{
    unsigned long long id;
    unsigned row_major, row_minor;
    char type[64];
    const char *end = strchr(row, '\n'), *after = strstr(row, " - ");
    /* NOLINTNEXTLINE(cert-err34-c): the kernel's own numbers, which fit their types. */
    int numbers = sscanf(row, "%llu %*u %u:%u ", &id, &row_major, &row_minor);
    if (numbers != 3 || !after || (end && after > end) || sscanf(after, " - %63s", type) != 1)
        return false;
    return (id == mount_id || (row_major == major && row_minor == minor)) && may_be_read(type);
}

/* By its mount, or by its device when it was opened in another mount namespace (a service with a /tmp of its
 * own). A file system that is mounted nowhere in ours was made by somebody else. */
static int find_mount(const struct statx *st, bool *fits, struct err *e)
{
    AUTO_BUF struct buf table = BUF_INIT(MOUNTS_MAX_BYTES);
    if (fd_read_file(AT_FDCWD, "/proc/self/mountinfo", MOUNTS_MAX_BYTES, &table, e) < 0)
        return -1;
    uint64_t mount_id = st->stx_mask & STATX_MNT_ID ? st->stx_mnt_id : UINT64_MAX;
    *fits = false;
    for (const char *row = buf_cstr(&table); row && *row && !*fits;) {
        *fits = given_file_row_fits(row, mount_id, st->stx_dev_major, st->stx_dev_minor);
        row = strchr(row, '\n');
        row = row ? row + 1 : NULL;
    }
    return 0;
}

int given_file_check(int fd, struct err *e)
{
    struct statx st;
    bool fits = false;
    if (fcntl(fd, F_GET_SEALS) >= 0)
        return 0; /* memory, of memfd_create or a tmpfs */
    if (look(fd, &st) < 0)
        return err_sys(e, "descriptor", NULL, "cannot look at the descriptor");
    if (find_mount(&st, &fits, e) < 0)
        return -1;
    if (fits)
        return 0;
    return err_set(
        e, E_INVALID, "descriptor", "send it by blob.put_chunk (enclos: --no-fd)",
        "the file is on a file system that the lab does not read by itself: a user's own, or one "
        "that is not mounted for the lab");
}

/* ---- closing ---- */

static struct {
    pthread_mutex_t lock;
    int fds[GIVEN_FILE_DROPS_MAX]; /* to be closed */
    size_t count;
    int threads; /* each closes what it finds there, and ends; or is kept by a close */
} drops = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void *close_them(void *unused)
{
    for (;;) {
        pthread_mutex_lock(&drops.lock);
        int fd = drops.count > 0 ? drops.fds[--drops.count] : -1;
        drops.threads -= fd < 0;
        pthread_mutex_unlock(&drops.lock);
        if (fd < 0)
            return unused;
        close(fd);
    }
}

/* Lock held. When no thread can be made, a later drop makes one. */
static void start_closer(void)
{
    pthread_attr_t small;
    pthread_t thread;
    if (drops.threads >= CLOSERS_MAX || pthread_attr_init(&small) != 0)
        return;
    pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&small, CLOSER_STACK_BYTES);
    drops.threads += pthread_create(&thread, &small, close_them, NULL) == 0;
    pthread_attr_destroy(&small);
}

bool given_file_drop(int fd)
{
    pthread_mutex_lock(&drops.lock);
    bool room = drops.count < GIVEN_FILE_DROPS_MAX;
    if (room) {
        drops.fds[drops.count++] = fd;
        start_closer();
    }
    pthread_mutex_unlock(&drops.lock);
    if (!room)
        log_warn("given_file.kept", LOG_INT("fd", fd));
    return room;
}
