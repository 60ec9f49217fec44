/*
 * at_rest.c - see at_rest.h. Reads /proc and /sys, and one ioctl; changes nothing.
 */
#include "orchestrator/at_rest.h"

#include "api/common/fd.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fscrypt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { DEPTH_MAX = 8, LINE_MAX_BYTES = 8192 };

const struct at_rest_places at_rest_here = {"/proc/self/mountinfo", "/sys/dev/block"};

static void say(struct at_rest *out, enum at_rest_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void say(struct at_rest *out, enum at_rest_kind kind, const char *fmt, ...)
{
    char text[sizeof out->text];
    va_list list;
    va_start(list, fmt);
    vsnprintf(text, sizeof text, fmt, list);
    va_end(list);
    out->kind = kind;
    text_sanitize(text, strlen(text), out->text, sizeof out->text);
}

/* ---- devices ---- */

/* The first line of a small file of /sys; false: not there. */
static bool read_line(const char *path, char *out, size_t size)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    bool got = fgets(out, (int)size, f) != NULL;
    fclose(f);
    if (got)
        out[strcspn(out, "\n")] = '\0';
    return got;
}

static enum at_rest_kind look_at(const char *dev_block, unsigned major, unsigned minor, int depth,
                                 char *name, size_t size);

/* All that it stands on must be encrypted: half of a mirror in the clear is in the clear. */
static enum at_rest_kind look_below(const char *dev_block, unsigned major, unsigned minor, int depth,
                                    char *name, size_t size)
{
    AUTO_FREE char *folder = mem_printf("%s/%u:%u/slaves", dev_block, major, minor);
    enum at_rest_kind all = AT_REST_PLAIN;
    DIR *dir = opendir(folder);
    size_t count = 0;
    if (!dir)
        return AT_REST_PLAIN;
    const struct dirent *d;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): each DIR is ours alone */
    while ((d = readdir(dir)) != NULL) {
        unsigned below_major, below_minor;
        char number[40];
        if (d->d_name[0] == '.')
            continue;
        AUTO_FREE char *path = mem_printf("%s/%s/dev", folder, d->d_name);
        enum at_rest_kind one = AT_REST_UNKNOWN;
        if (read_line(path, number, sizeof number) && sscanf(number, "%u:%u", &below_major, &below_minor) == 2)
            one = look_at(dev_block, below_major, below_minor, depth + 1, name, size);
        all = count == 0 || one > all ? one : all; /* encrypted < plain < unknown */
        count++;
    }
    closedir(dir);
    return all;
}

static enum at_rest_kind look_at(const char *dev_block, unsigned major, unsigned minor, int depth,
                                 char *name, size_t size)
{
    AUTO_FREE char *base = mem_printf("%s/%u:%u", dev_block, major, minor);
    AUTO_FREE char *uuid_path = mem_printf("%s/dm/uuid", base);
    AUTO_FREE char *loop_path = mem_printf("%s/loop/backing_file", base);
    char line[256];
    if (depth > DEPTH_MAX || access(base, F_OK) < 0)
        return AT_REST_UNKNOWN;
    if (read_line(uuid_path, line, sizeof line) && strncmp(line, "CRYPT-", 6) == 0) {
        line[strcspn(line + 6, "-") + 6] = '\0'; /* CRYPT-LUKS2-…: the rest names the volume */
        snprintf(name, size, "%.100s", line);
        return AT_REST_ENCRYPTED;
    }
    if (read_line(loop_path, line, sizeof line)) {
        snprintf(name, size, "the file %.120s", line);
        return AT_REST_UNKNOWN;
    }
    return look_below(dev_block, major, minor, depth, name, size);
}

/* ---- mounts ---- */

static const char *not_seen(const char *fs_type)
{
    static const struct {
        const char *type, *why;
    } known[] = {
        {"nfs", "its server knows"},        {"nfs4", "its server knows"}, {"cifs", "its server knows"},
        {"smb3", "its server knows"},       {"ceph", "its servers know"}, {"9p", "the host of this machine knows"},
        {"virtiofs", "the host of this machine knows"},
        {"overlay", "it depends on what the overlay stands on"},
        {"zfs", "ask zfs get encryption"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].type, fs_type) == 0)
            return known[i].why;
    return strncmp(fs_type, "fuse", 4) == 0 ? "the program behind it knows" : NULL;
}

void at_rest_of_device(const char *fs_type, const char *source, unsigned major, unsigned minor,
                       const struct at_rest_places *places, struct at_rest *out)
{
    char name[160] = "";
    struct stat st;
    const char *why = not_seen(fs_type);
    if (why) {
        say(out, AT_REST_UNKNOWN, "cannot tell whether what is stored is encrypted at rest: it is on %s, %s",
            fs_type, why);
        return;
    }
    if (strcmp(fs_type, "tmpfs") == 0 || strcmp(fs_type, "ramfs") == 0) {
        say(out, AT_REST_PLAIN, "what is stored is in memory (%s): it ends with the machine, and may be swapped out", fs_type);
        return;
    }
    /* btrfs and others have a number of their own; the device that was mounted has the real one. */
    if (major == 0 && source[0] == '/' && stat(source, &st) == 0 && S_ISBLK(st.st_mode)) {
        major = major(st.st_rdev);
        minor = minor(st.st_rdev);
    }
    enum at_rest_kind kind =
        major == 0 ? AT_REST_UNKNOWN : look_at(places->dev_block, major, minor, 0, name, sizeof name);
    if (kind == AT_REST_ENCRYPTED)
        say(out, kind, "what is stored is encrypted at rest: %s on dm-crypt (%s)", fs_type, name);
    else if (kind == AT_REST_PLAIN)
        say(out, kind, "what is stored is not encrypted at rest: %s on %.80s, with no dm-crypt below it", fs_type,
            source);
    else
        say(out, kind, "cannot tell whether what is stored is encrypted at rest: %s on %.80s", fs_type,
            name[0] ? name : source);
}

/* Of a row "36 35 98:0 /root /mnt opts [tags...] - type source opts": its id, device, type and source. */
static bool read_row(char *line, unsigned long *id, unsigned *major, unsigned *minor, char **fs_type,
                     char **source)
{
    char *save = NULL, *dash = strstr(line, " - ");
    if (!dash || sscanf(line, "%lu %*u %u:%u", id, major, minor) != 3)
        return false;
    *fs_type = strtok_r(dash + 3, " ", &save);
    *source = strtok_r(NULL, " ", &save);
    return *fs_type && *source;
}

static void look_at_mount(int dir_fd, const struct at_rest_places *places, struct at_rest *out)
{
    struct statx st;
    char line[LINE_MAX_BYTES];
    FILE *f = fopen(places->mountinfo, "re");
    say(out, AT_REST_UNKNOWN, "cannot tell whether what is stored is encrypted at rest: its mount is not listed");
    if (f && statx(dir_fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) == 0 && (st.stx_mask & STATX_MNT_ID))
        while (fgets(line, sizeof line, f)) {
            unsigned long id;
            unsigned major, minor;
            char *fs_type, *source;
            line[strcspn(line, "\n")] = '\0';
            if (read_row(line, &id, &major, &minor, &fs_type, &source) && id == st.stx_mnt_id) {
                at_rest_of_device(fs_type, source, major, minor, places, out);
                break;
            }
        }
    if (f)
        fclose(f);
}

void at_rest_look(int dir_fd, const struct at_rest_places *places, struct at_rest *out)
{
    struct fscrypt_get_policy_ex_arg arg = {.policy_size = sizeof arg.policy};
    if (ioctl(dir_fd, FS_IOC_GET_ENCRYPTION_POLICY_EX, &arg) == 0)
        say(out, AT_REST_ENCRYPTED, "what is stored is encrypted at rest: its folder has an fscrypt policy (version %u)",
            arg.policy.version == 0 ? 1U : (unsigned)arg.policy.version);
    else
        look_at_mount(dir_fd, places, out);
}
