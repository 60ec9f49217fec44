/*
 * sandbox.c - the attestation of a run, readable; see sandbox.h. Names of rights, limits and mount flags are the
 * kernel's and stay as they are in every language.
 */
#include "api/cli/sandbox.h"
#include "api/common/text.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct table_column facts[] = {
    {T_NONE, false, 0, 0},
    {T_NONE, false, 20, 0},
};

static void add_title(struct buf *out, const struct term *t, enum text_id id)
{
    buf_add_char(out, '\n');
    term_add(out, t, STYLE_BOLD, tr(id));
    buf_add_char(out, '\n');
}

static void add_row(struct table *table, const char *label, struct buf *value)
{
    if (value->len == 0)
        return;
    table_cell(table, STYLE_DIM, label);
    table_cell(table, STYLE_PLAIN, buf_cstr(value));
}

static void add_table(struct buf *out, const struct term *t, enum text_id title, const struct table *table, bool bare)
{
    if (table_rows(table) == 0)
        return;
    add_title(out, t, title);
    table_add(out, table, t, 2, bare);
}

/* ---- who it was ---- */

static void add_capabilities(struct table *table, const struct json *s)
{
    static const char *const sets[] = {"effective", "permitted", "inheritable", "bounding", "ambient"};
    AUTO_BUF struct buf v = BUF_INIT(1024);
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        char key[32];
        snprintf(key, sizeof key, "cap_%s", sets[i]);
        const char *mask = json_str(json_get(s, key));
        if (mask && strspn(mask, "0") != strlen(mask))
            buf_printf(&v, "%s%s %s", v.len ? ", " : "", sets[i], mask);
    }
    if (!json_get(s, "cap_effective"))
        return;
    if (v.len == 0)
        buf_add_str(&v, tr(T_SB_NO_CAPS));
    add_row(table, tr(T_SB_CAPS), &v);
}

static void add_words(struct table *table, enum text_id label, const struct json *s, const char *const *keys)
{
    AUTO_BUF struct buf v = BUF_INIT(4096);
    for (; *keys; keys++) {
        const struct json *m = json_get(s, *keys);
        if (json_str(m) && *json_str(m))
            buf_printf(&v, "%s%s", v.len ? ", " : "", json_str(m));
    }
    add_row(table, tr(label), &v);
}

static void add_identity(struct buf *out, const struct term *t, const struct json *s)
{
    AUTO_TABLE struct table *table = table_new(facts, 2);
    AUTO_BUF struct buf v = BUF_INIT(1024);
    add_words(table, T_SB_PROFILE, s, (const char *const[]){"profile", "filter", NULL});
    if (json_get(s, "uid")) {
        char uid[24], gid[24];
        snprintf(uid, sizeof uid, "%" PRId64, cli_int(s, "uid"));
        snprintf(gid, sizeof gid, "%" PRId64, cli_int(s, "gid"));
        tr_add(&v, T_SB_IDS, uid, gid);
        add_row(table, tr(T_SB_ID), &v);
        buf_clear(&v);
    }
    if (json_get(s, "host_uid")) {
        buf_printf(&v, "uid %" PRId64, cli_int(s, "host_uid"));
        add_row(table, tr(T_SB_HOST_ID), &v);
    }
    add_words(table, T_SB_MAPS, s, (const char *const[]){"uid_map", NULL});
    add_capabilities(table, s);
    buf_clear(&v);
    if (json_get(s, "no_new_privs")) {
        buf_add_str(&v, tr(cli_int(s, "no_new_privs") == 1 ? T_YES : T_NO));
        add_row(table, "no_new_privs", &v);
    }
    add_words(table, T_SB_SECUREBITS, s, (const char *const[]){"securebits", NULL});
    add_words(table, T_SB_SECCOMP, s, (const char *const[]){"seccomp", NULL});
    add_words(table, T_SB_CGROUP, s, (const char *const[]){"cgroup", NULL});
    add_table(out, t, T_TITLE_SANDBOX, table, true);
}

/* ---- namespaces, Landlock ---- */

static void add_namespaces(struct buf *out, const struct term *t, const struct json *namespaces)
{
    AUTO_TABLE struct table *table = table_new(facts, 2);
    for (const struct json *m = json_first(namespaces); m; m = json_next(m)) {
        AUTO_BUF struct buf v = BUF_INIT(64);
        json_print(m, false, &v);
        add_row(table, json_key(m), &v);
    }
    add_table(out, t, T_SB_NAMESPACES, table, true);
}

static void add_landlock(struct buf *out, const struct term *t, const struct json *landlock)
{
    static const char *const kinds[] = {"fs", "net", "scoped"};
    AUTO_TABLE struct table *table = table_new(facts, 2);
    AUTO_BUF struct buf v = BUF_INIT(4096);
    if (!landlock)
        return;
    if (cli_int(landlock, "abi") == 0)
        buf_add_str(&v, tr(T_SB_ABSENT));
    else
        buf_printf(&v, "%" PRId64, cli_int(landlock, "abi"));
    add_row(table, "ABI", &v);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        buf_clear(&v);
        for (const struct json *m = json_first(json_get(landlock, kinds[i])); m; m = json_next(m))
            if (json_str(m))
                buf_printf(&v, "%s%s", v.len ? " " : "", json_str(m));
        add_row(table, kinds[i], &v);
    }
    add_table(out, t, T_SB_LANDLOCK, table, true);
}

/* ---- limits ---- */

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static void add_amount(struct buf *v, const char *key, const struct json *value)
{
    int64_t n = 0;
    if (json_type(value) == JSON_NULL)
        buf_add_str(v, tr(T_SB_UNLIMITED));
    else if (json_str(value))
        buf_add_str(v, json_str(value));
    else if (!json_is_int(value) || (n = json_int(value, 0)) < 0)
        json_print(value, false, v);
    else if (ends_with(key, "_bytes") && n >= 1024)
        buf_add_str(v, human_size_text((uint64_t)n));
    else
        buf_add_str(v, human_count_text((uint64_t)n));
}

static void add_limits(struct buf *out, const struct term *t, const struct json *s)
{
    AUTO_TABLE struct table *table = table_new(facts, 2);
    for (const struct json *m = json_first(json_get(s, "limits")); m; m = json_next(m)) {
        AUTO_BUF struct buf v = BUF_INIT(256);
        add_amount(&v, json_key(m), m);
        add_row(table, json_key(m), &v);
    }
    add_table(out, t, T_SB_LIMITS, table, true);
    AUTO_TABLE struct table *process = table_new(facts, 2);
    for (const struct json *m = json_first(json_get(s, "rlimits")); m; m = json_next(m)) {
        AUTO_BUF struct buf v = BUF_INIT(256);
        const struct json *soft = json_first(m), *hard = soft ? json_next(soft) : NULL;
        if (!hard)
            continue;
        if (json_type(soft) == JSON_NULL && json_type(hard) == JSON_NULL)
            continue; /* the kernel's own default: no limit */
        add_amount(&v, json_key(m), soft);
        buf_add_str(&v, " / ");
        add_amount(&v, json_key(m), hard);
        add_row(process, json_key(m), &v);
    }
    add_table(out, t, T_SB_RLIMITS, process, true);
}

/* ---- mounts ---- */

static const struct table_column mount_columns[] = {
    {T_SB_C_AT, false, 12, 0},
    {T_SB_C_TYPE, false, 0, 0},
    {T_SB_C_SIZE, true, 0, 1},
    {T_SB_C_FLAGS, false, 10, 0},
};

static void add_mounts(struct buf *out, const struct term *t, const struct json *mounts)
{
    AUTO_TABLE struct table *table = table_new(mount_columns, 4);
    for (const struct json *m = json_first(mounts); m; m = json_next(m)) {
        const struct json *size = json_get(m, "size_bytes");
        const char *type = cli_str(m, "type");
        char flags[256];
        /* When a file was read is of no interest here, and the rest then fits a line. */
        snprintf(flags, sizeof flags, "%s", cli_str(m, "flags"));
        char *time = strstr(flags, ",relatime");
        if (time)
            memmove(time, time + 9, strlen(time + 9) + 1);
        table_cell(table, STYLE_PLAIN, cli_str(m, "at"));
        table_cell(table, STYLE_DIM, type);
        table_cell(table, STYLE_PLAIN, size && strcmp(type, "tmpfs") == 0 ? human_size_text((uint64_t)json_int(size, 0)) : "");
        table_cell(table, STYLE_PLAIN, flags);
    }
    add_table(out, t, T_SB_MOUNTS, table, false);
}

void sandbox_add(struct buf *out, const struct term *t, const struct json *sandbox)
{
    if (!sandbox || json_count(sandbox) == 0) {
        buf_add_str(out, tr(T_SB_NOTHING));
        buf_add_char(out, '\n');
        return;
    }
    add_identity(out, t, sandbox);
    add_namespaces(out, t, json_get(sandbox, "namespaces"));
    add_landlock(out, t, json_get(sandbox, "landlock"));
    add_limits(out, t, sandbox);
    add_mounts(out, t, json_get(sandbox, "mounts"));
}
