/*
 * attest_print.c - what a job attested, as JSON for its record. Called by the monitor when the run is over.
 */
#include "runner/attest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static const char *const rlimit_names[SETUP_RLIMITS] = {
    [RLIMIT_CPU] = "cpu_s",           [RLIMIT_FSIZE] = "fsize_bytes",     [RLIMIT_DATA] = "data_bytes",
    [RLIMIT_STACK] = "stack_bytes",   [RLIMIT_CORE] = "core_bytes",       [RLIMIT_RSS] = "rss_bytes",
    [RLIMIT_NPROC] = "processes",     [RLIMIT_NOFILE] = "nofile",         [RLIMIT_MEMLOCK] = "memlock_bytes",
    [RLIMIT_AS] = "address_space_bytes", [RLIMIT_LOCKS] = "locks",        [RLIMIT_SIGPENDING] = "signals_pending",
    [RLIMIT_MSGQUEUE] = "msgqueue_bytes", [RLIMIT_NICE] = "nice",         [RLIMIT_RTPRIO] = "rtprio",
    [RLIMIT_RTTIME] = "rttime_us",
};
_Static_assert(SETUP_RLIMITS == (int)RLIMIT_NLIMITS, "every limit has a name");

/* "      1000     700000          1" as "1000 700000 1"; lines of it, with commas between. */
static void put_map(struct jw *w, const char *key, const char *text)
{
    char out[SETUP_MAP_SIZE];
    size_t n = 0;
    for (; *text && n + 2 < sizeof out; text++) {
        bool space = *text == ' ' || *text == '\n';
        if (!space)
            out[n++] = *text;
        else if (n > 0 && out[n - 1] != ' ' && text[1])
            out[n++] = *text == '\n' ? ',' : ' ';
    }
    while (n > 0 && (out[n - 1] == ' ' || out[n - 1] == ','))
        n--;
    out[n] = '\0';
    jw_str_at(w, key, out);
}

static void put_limit(struct jw *w, uint64_t value)
{
    if (value == RLIM_INFINITY)
        jw_null(w); /* no limit */
    else
        jw_int(w, (int64_t)value);
}

static void put_rlimits(struct jw *w, const struct setup_attest *a)
{
    jw_obj_at(w, "rlimits"); /* soft and hard */
    for (int i = 0; i < SETUP_RLIMITS; i++) {
        jw_arr_at(w, rlimit_names[i]);
        put_limit(w, a->rlimits[i][0]);
        put_limit(w, a->rlimits[i][1]);
        jw_end_arr(w);
    }
    jw_end_obj(w);
}

static void put_names(struct jw *w, const char *key, uint64_t mask, const char *const *names, size_t count)
{
    jw_arr_at(w, key);
    for (size_t i = 0; i < count; i++)
        if (mask >> i & 1)
            jw_str(w, names[i]);
    jw_end_arr(w);
}

/* What it refuses unless a rule allows it; linux/landlock.h, in the order of its bits. */
static void put_landlock(struct jw *w, const struct setup_attest *a)
{
    static const char *const fs[] = {"execute",   "write_file", "read_file", "read_dir",  "remove_dir", "remove_file",
                                     "make_char", "make_dir",   "make_reg",  "make_sock", "make_fifo",  "make_block",
                                     "make_sym",  "refer",      "truncate",  "ioctl_dev"};
    static const char *const net[] = {"bind_tcp", "connect_tcp"};
    static const char *const scopes[] = {"abstract_unix", "signal"};
    jw_obj_at(w, "landlock");
    jw_int_at(w, "abi", a->landlock_abi);
    put_names(w, "fs", a->landlock_fs, fs, sizeof fs / sizeof *fs);
    put_names(w, "net", a->landlock_net, net, sizeof net / sizeof *net);
    put_names(w, "scoped", a->landlock_scoped, scopes, sizeof scopes / sizeof *scopes);
    jw_end_obj(w);
}

/* "size=65536k" among the options of a file system: the number, with its unit applied; -1: not there. */
static int64_t option_of(const char *options, size_t len, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = options; at < options + len; at++) {
        const char *comma = memchr(at, ',', (size_t)(options + len - at));
        const char *end = comma ? comma : options + len;
        if ((size_t)(end - at) > n && memcmp(at, name, n) == 0 && at[n] == '=') {
            char *unit;
            int64_t value = strtoll(at + n + 1, &unit, 10);
            return *unit == 'k' ? value * 1024 : *unit == 'm' ? value << 20 : value;
        }
        at = end;
    }
    return -1;
}

static void put_mount(struct jw *w, const char *line, const char *end)
{
    char text[256];
    size_t at_len, flags_len, type_len, options_len;
    const char *at = attest_word(line, end, 4, &at_len), *flags = attest_word(line, end, 5, &flags_len);
    const char *rest = memmem(line, (size_t)(end - line), " - ", 3);
    if (!rest)
        return;
    rest += 3;
    const char *type = attest_word(rest, end, 0, &type_len), *options = attest_word(rest, end, 2, &options_len);
    int64_t size = option_of(options, options_len, "size"), files = option_of(options, options_len, "nr_inodes");
    jw_obj(w);
    snprintf(text, sizeof text, "%.*s", (int)at_len, at);
    jw_str_at(w, "at", text);
    snprintf(text, sizeof text, "%.*s", (int)type_len, type);
    jw_str_at(w, "type", text);
    snprintf(text, sizeof text, "%.*s", (int)flags_len, flags);
    jw_str_at(w, "flags", text);
    if (size >= 0)
        jw_int_at(w, "size_bytes", size);
    if (files >= 0)
        jw_int_at(w, "files", files);
    jw_end_obj(w);
}

void attest_print(const struct setup_attest *a, struct jw *w)
{
    char bits[16];
    put_map(w, "uid_map", a->uid_map);
    put_map(w, "gid_map", a->gid_map);
    jw_int_at(w, "groups", a->groups);
    snprintf(bits, sizeof bits, "%x", a->securebits);
    jw_str_at(w, "securebits", bits);
    put_landlock(w, a);
    put_rlimits(w, a);
    jw_arr_at(w, "mounts");
    for (const char *line = a->mounts; *line;) {
        const char *end = line + strcspn(line, "\n");
        put_mount(w, line, end);
        line = *end ? end + 1 : end;
    }
    jw_end_arr(w);
}
