/*
 * cmd_keeping.c - what keeps a lab: enclos hold, unhold, gc, backup.
 */
#include "api/cli/command.h"
#include "api/cli/long_call.h"
#include "api/common/fd.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const struct opt cmd_hold_options[] = {
    {"reason", 0, T_A_TEXT, T_O_REASON, false},
    {"environment", 0, T_NONE, T_O_HOLD_ENVIRONMENT, false},
    {0},
};
const struct opt cmd_gc_options[] = {
    {"yes", 'y', T_NONE, T_O_GC_YES, false},
    {"retired-for", 0, T_A_DURATION, T_O_RETIRED_FOR, false},
    {"runs-older-than", 0, T_A_DURATION, T_O_RUNS_OLDER, false},
    {0},
};

const struct opt cmd_backup_options[] = {
    {"objects", 0, T_A_OBJECTS, T_O_OBJECTS, false},
    {0},
};

/* ---- holds ---- */

static int change_hold(struct cli *c, struct args *a, const char *method, enum text_id done,
                       struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_BUF struct buf params = BUF_INIT(1 << 16);
    struct jw w = jw_to(&params);

    if (cli_need_words(a, 1, 1, T_A_SUBJECT, e) < 0)
        return CLI_BAD_USAGE;
    if (!args_get(a, "reason")) {
        (void)say_err(e, E_INVALID, NULL, T_NONE, T_NEED_REASON);
        return CLI_BAD_USAGE;
    }
    jw_obj(&w);
    jw_str_at(&w, "subject", args_word(a, 0));
    jw_str_at(&w, "reason", args_get(a, "reason"));
    if (args_has(a, "environment"))
        jw_str_at(&w, "noun", "environment");
    jw_end_obj(&w);
    if (cli_call(c, method, buf_cstr(&params), &answer, e) < 0)
        return CLI_FAILED;
    if (c->json)
        cli_print_json(answer.result);
    else
        cli_say(done, cli_str(answer.result, "subject"));
    return CLI_OK;
}

int cmd_hold(struct cli *c, struct args *a, struct err *e)
{
    return change_hold(c, a, "hold.add", T_HELD, e);
}

int cmd_unhold(struct cli *c, struct args *a, struct err *e)
{
    return change_hold(c, a, "hold.lift", T_UNHELD, e);
}

static const struct table_column hold_columns[] = {
    {T_C_SUBJECT, false, 0, 0}, {T_C_TIME, false, 0, 2}, {T_C_ACTOR, false, 0, 1}, {T_C_REASON, false, 20, 0},
};

int cmd_hold_list(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_TABLE struct table *t = table_new(hold_columns, 4);
    AUTO_BUF struct buf out = BUF_INIT(4 << 20), params = BUF_INIT(1024);
    struct jw w = jw_to(&params);

    if (cli_need_words(a, 0, 0, T_NONE, e) < 0)
        return CLI_BAD_USAGE;
    jw_obj(&w);
    if (args_get(a, "cursor"))
        jw_str_at(&w, "cursor", args_get(a, "cursor"));
    jw_end_obj(&w);
    if (cli_call(c, "hold.list", buf_cstr(&params), &answer, e) < 0)
        return CLI_FAILED;
    if (c->json) {
        cli_print_json(answer.result);
        return CLI_OK;
    }
    for (const struct json *h = json_first(json_get(answer.result, "holds")); h; h = json_next(h)) {
        AUTO_BUF struct buf when = BUF_INIT(64);
        human_date(&when, cli_int(h, "created_us"));
        table_cell(t, STYLE_PLAIN, cli_str(h, "subject"));
        table_cell(t, STYLE_PLAIN, buf_cstr(&when));
        table_cell(t, STYLE_PLAIN, cli_str(json_get(h, "actor"), "name"));
        table_cell(t, STYLE_PLAIN, cli_str(h, "reason"));
    }
    if (table_rows(t) > 0)
        table_add(&out, t, &c->out, 0, false);
    else
        cli_say(T_NO_HOLDS);
    cli_print(&out);
    if (*cli_str(answer.result, "next_cursor"))
        cli_say(T_MORE, cli_str(answer.result, "next_cursor"));
    return CLI_OK;
}

/* ---- gc ---- */

static int add_age(struct jw *w, const struct args *a, const char *option, const char *key,
                   struct err *e)
{
    const char *text = args_get(a, option);
    int64_t ms;

    if (!text)
        return 0;
    if (text_duration_ms(text, option, &ms, e) < 0)
        return -1;
    jw_int_at(w, key, ms);
    return 0;
}

static void add_line(struct buf *out, struct cli *c, enum text_id id, uint64_t n, uint64_t bytes)
{
    AUTO_BUF struct buf line = BUF_INIT(1024);
    tr_add(&line, id, human_count_text(n), human_size_text(bytes));
    cli_add_line(out, &c->out, buf_cstr(&line));
}

int cmd_gc(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_BUF struct buf params = BUF_INIT(1024), out = BUF_INIT(1 << 16);
    struct jw w = jw_to(&params);

    if (cli_need_words(a, 0, 0, T_NONE, e) < 0)
        return CLI_BAD_USAGE;
    jw_obj(&w);
    jw_bool_at(&w, "dry_run", !args_has(a, "yes"));
    if (add_age(&w, a, "retired-for", "retired_for_ms", e) < 0 ||
        add_age(&w, a, "runs-older-than", "runs_older_than_ms", e) < 0)
        return CLI_BAD_USAGE;
    jw_end_obj(&w);
    if (long_call(c, "lab.gc", buf_cstr(&params), -1, &answer, e) < 0)
        return CLI_FAILED;
    if (c->json) {
        cli_print_json(answer.result);
        return CLI_OK;
    }
    const struct json *r = answer.result, *released = json_get(r, "released");
    bool dry = json_bool(json_get(r, "dry_run"), true);
    int64_t versions = cli_int(released, "datasets") + cli_int(released, "environments");
    if (versions > 0)
        add_line(&out, c, dry ? T_GC_WOULD_RELEASE_VERSIONS : T_GC_RELEASED_VERSIONS,
                 (uint64_t)versions, 0);
    if (cli_int(released, "runs") > 0)
        add_line(&out, c, dry ? T_GC_WOULD_RELEASE_RUNS : T_GC_RELEASED_RUNS,
                 (uint64_t)cli_int(released, "runs"), 0);
    add_line(&out, c, T_GC_OBJECTS, (uint64_t)cli_int(r, "objects"),
             (uint64_t)cli_int(r, "size_bytes"));
    add_line(&out, c, dry ? T_GC_WOULD_REMOVE : T_GC_REMOVED, (uint64_t)cli_int(r, "removed"),
             (uint64_t)cli_int(r, "removed_bytes"));
    if (cli_int(r, "kept_young") > 0)
        add_line(&out, c, T_GC_YOUNG, (uint64_t)cli_int(r, "kept_young"), 0);
    cli_print(&out);
    if (dry)
        cli_say(T_GC_DRY);
    return CLI_OK;
}

/* ---- backup ---- */

/* Beside FILE until it is whole and on the disk. */
static int write_backup(struct cli *c, const char *dir, const char *name, const char *params,
                        struct client_answer *answer, struct err *e)
{
    AUTO_FREE char *aside = mem_printf(".%s.tmp-%d", name, getpid());
    AUTO_FD int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return err_sys(e, NULL, NULL, "%s", dir);
    if (faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return say_err(e, E_CONFLICT, NULL, T_NONE, T_BACKUP_THERE, name);
    AUTO_FD int fd = openat(dir_fd, aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_sys(e, NULL, NULL, "%s/%s", dir, aside);
    int rc = long_call(c, "lab.backup", params, fd, answer, e);
    if (rc == 0 && (fchmod(fd, 0600) < 0 || fsync(fd) < 0 ||
                    renameat2(dir_fd, aside, dir_fd, name, RENAME_NOREPLACE) < 0 || fsync(dir_fd) < 0))
        rc = err_sys(e, NULL, NULL, "%s/%s", dir, name);
    if (rc < 0)
        (void)!unlinkat(dir_fd, aside, 0);
    return rc;
}

int cmd_backup(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_BUF struct buf params = BUF_INIT(256);
    const char *objects = args_get(a, "objects");
    struct jw w = jw_to(&params);

    if (cli_need_words(a, 1, 1, T_A_PATH, e) < 0)
        return CLI_BAD_USAGE;
    if (objects && strcmp(objects, "included") != 0 && strcmp(objects, "listed") != 0) {
        (void)say_err(e, E_INVALID, NULL, T_NONE, T_BAD_OBJECTS, objects);
        return CLI_BAD_USAGE;
    }
    jw_obj(&w);
    if (objects)
        jw_str_at(&w, "objects", objects);
    jw_end_obj(&w);
    const char *path = args_word(a, 0), *slash = strrchr(path, '/');
    AUTO_FREE char *dir = slash == path ? mem_strdup("/")
                          : slash       ? mem_strndup(path, (size_t)(slash - path))
                                        : mem_strdup(".");
    if (write_backup(c, dir, slash ? slash + 1 : path, buf_cstr(&params), &answer, e) < 0)
        return CLI_FAILED;
    if (c->json) {
        cli_print_json(answer.result);
        return CLI_OK;
    }
    const struct json *r = answer.result, *audit = json_get(r, "audit");
    AUTO_BUF struct buf out = BUF_INIT(4096), line = BUF_INIT(2048);
    tr_add(&line, json_int(json_get(r, "object_count"), 0) && strcmp(cli_str(r, "objects"), "listed") == 0
                      ? T_BACKUP_LISTED
                      : T_BACKUP_DONE,
           path, human_size_text((uint64_t)cli_int(r, "file_bytes")),
           human_count_text((uint64_t)cli_int(r, "object_count")),
           human_size_text((uint64_t)cli_int(r, "object_bytes")));
    cli_add_line(&out, &c->out, buf_cstr(&line));
    buf_clear(&line);
    tr_add(&line, T_BACKUP_HEAD, human_count_text((uint64_t)cli_int(audit, "number")), cli_str(audit, "hash"));
    cli_add_line(&out, &c->out, buf_cstr(&line));
    cli_print(&out);
    return CLI_OK;
}
