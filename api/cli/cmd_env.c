/*
 * cmd_env.c - enclos env: import a root file system as an environment, list, show and retire.
 *
 * A folder is read as files are for a dataset; an archive, or the layers of an image, become a tree in memory
 * and nothing is unpacked (env_tree.h). With the person's own rights, like all that this program does.
 */
#include "api/cli/command.h"
#include "api/cli/listing.h"
#include "api/cli/env_archive.h"
#include "api/cli/env_oci.h"
#include "api/cli/labtext.h"
#include "api/cli/upload.h"
#include "api/common/fd.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* NAME@VERSION or NAME; *version is 0 when it is not said. `name` holds 65 bytes. */
static int read_ref(const char *ref, char name[65], int64_t *version, struct err *e)
{
    const char *at = strchr(ref, '@');
    size_t len = at ? (size_t)(at - ref) : strlen(ref);
    uint64_t n = 0;

    if (len > 0 && len < 65) {
        memcpy(name, ref, len);
        name[len] = '\0';
    }
    if (len == 0 || len > 64 || !text_is_name(name) ||
        (at && text_u64(at + 1, 1, 1000000000, &n) < 0))
        return say_err(e, E_INVALID, NULL, T_BAD_REF_HINT, T_BAD_ENV_REF, ref);
    *version = (int64_t)n;
    return 0;
}

/* ---- reading the source ---- */

struct source {
    struct cli *c;
    const struct args *args;
    const char *path;
    const char *kind; /* as env.import names it */
    int fd;           /* of the folder or the archive */
    struct oci_image image;
    struct env_archive *archives;
    size_t archive_count;
    struct env_tree *tree; /* NULL: a folder */
    struct snapshot *snapshot;
    struct env_told told;
};

static void source_fini(struct source *s)
{
    for (size_t i = 0; i < s->archive_count; i++) {
        if (s->archives[i].fd != s->fd)
            fd_close_at(&s->archives[i].fd);
        free((void *)(uintptr_t)s->archives[i].label);
    }
    free(s->archives);
    fd_close_at(&s->fd);
    env_tree_free_at(&s->tree);
    snapshot_free_at(&s->snapshot);
}

static void add_archive(struct source *s, const struct env_archive *a)
{
    s->archives = mem_grow(s->archives, s->archive_count + 1, sizeof *s->archives);
    s->archives[s->archive_count] = *a;
    s->archives[s->archive_count].index = s->archive_count;
    s->archive_count++;
}

static int open_layers(struct source *s, struct err *e)
{
    if (oci_open(s->fd, args_get(s->args, "tag"), &s->image, e) < 0)
        return -1;
    for (size_t i = 0; i < s->image.layer_count; i++) {
        const struct oci_blob *layer = &s->image.layers[i];
        int fd = -1;
        if (oci_open_blob(s->fd, layer, &fd, e) < 0)
            return -1;
        add_archive(s,
                    &(struct env_archive){.fd = fd,
                                          .label = mem_printf("blobs/sha256/%.12s…", layer->sha256),
                                          .layer = true,
                                          .sha256 = layer->sha256,
                                          .size_bytes = layer->size_bytes});
    }
    return 0;
}

/* What it is, and all that is needed of it open. */
static int open_source(struct source *s, struct err *e)
{
    struct stat st;

    s->fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (s->fd < 0 || fstat(s->fd, &st) < 0)
        return err_sys(e, NULL, NULL, "%s", s->path);
    if (S_ISDIR(st.st_mode) && oci_is_layout(s->fd)) {
        s->kind = "oci";
        return open_layers(s, e);
    }
    if (args_get(s->args, "tag"))
        return say_err(e, E_INVALID, NULL, T_NONE, T_ENV_TAG_OCI, s->path);
    if (S_ISDIR(st.st_mode)) {
        s->kind = "folder";
        return 0;
    }
    if (!S_ISREG(st.st_mode))
        return say_err(e, E_INVALID, NULL, T_NONE, T_ENV_SOURCE, s->path);
    s->kind = "tar";
    add_archive(s, &(struct env_archive){.fd = s->fd,
                                         .label = mem_strdup(s->path),
                                         .size_bytes = (uint64_t)st.st_size});
    return 0;
}

static int read_archives(struct source *s, struct err *e)
{
    struct upload_reading progress = {.term = &s->c->err, .started_us = time_mono_us()};
    struct env_reading r = {.told = &s->told,
                            .limits = &env_limits_usual,
                            .progress = upload_reading,
                            .progress_arg = &progress};
    int failed = 0;

    s->tree = r.tree = env_tree_new();
    for (size_t i = 0; i < s->archive_count; i++)
        r.total_bytes += s->archives[i].size_bytes;
    for (size_t i = 0; !failed && i < s->archive_count; i++)
        failed = env_archive_read(&r, &s->archives[i], e);
    upload_reading_end(&progress);
    if (failed)
        return -1;
    /* `docker save`, or a layout that was packed: an image in a tar is no root file system. */
    if (!env_tree_has(s->tree, "usr") && !env_tree_has(s->tree, "bin") &&
        (env_tree_has(s->tree, "oci-layout") || env_tree_has(s->tree, "manifest.json")))
        return say_err(e, E_INVALID, NULL, T_ENV_IMAGE_TAR_HINT, T_ENV_IMAGE_TAR, s->path);
    return env_tree_snapshot(s->tree, s->snapshot, &s->told, e);
}

static int read_source(struct source *s, struct err *e)
{
    s->snapshot = snapshot_new();
    if (open_source(s, e) < 0)
        return -1;
    if (s->archive_count > 0 ? read_archives(s, e) < 0
                             : snapshot_add_rootfs(s->snapshot, s->path, &s->told, e) < 0)
        return -1;
    if (snapshot_count(s->snapshot) == 0)
        return say_err(e, E_INVALID, NULL, T_ENV_EMPTY_HINT, T_ENV_EMPTY, s->path);
    return upload_hash(s->c, s->snapshot, e);
}

/* ---- telling ---- */

static void tell_count(const struct env_count *c, enum text_id one, enum text_id many)
{
    if (c->count > 0)
        cli_say(tr_plural(c->count, one, many), human_count_text(c->count), c->first);
}

static void tell(const struct env_told *t)
{
    tell_count(&t->special, T_ENV_SPECIAL_ONE, T_ENV_SPECIAL_MANY);
    tell_count(&t->privileged, T_ENV_PRIVILEGED_ONE, T_ENV_PRIVILEGED_MANY);
    if (*t->hidden)
        cli_say(T_ENV_HIDDEN, t->hidden);
    tell_count(&t->hidden_etc, T_ENV_HIDDEN_ETC_ONE, T_ENV_HIDDEN_ETC_MANY);
}

/* ---- import ---- */

static int give(void *ctx, struct upload *u, struct err *e)
{
    const struct source *s = ctx;

    for (size_t i = 0; i < s->archive_count; i++)
        if (env_archive_give(&s->archives[i], s->tree, u, e) < 0)
            return -1;
    return 0;
}

static int send(struct source *s, struct err *e)
{
    bool chunks = args_has(s->args, "no-fd");

    return s->tree ? upload_given(s->c, s->snapshot, chunks, give, s, e)
                   : upload_snapshot(s->c, s->snapshot, chunks, e);
}

static int import(struct source *s, const char *name, struct client_answer *answer, struct err *e)
{
    AUTO_BUF struct buf params = BUF_INIT(1 << 18);
    const char *title = args_get(s->args, "title"), *key = args_get(s->args, "idempotency-key");
    struct jw w = jw_to(&params);

    jw_obj(&w);
    jw_str_at(&w, "name", name);
    if (title)
        jw_str_at(&w, "title", title);
    jw_str_at(&w, "source", s->kind);
    if (strcmp(s->kind, "oci") == 0)
        jw_str_at(&w, "source_digest", s->image.manifest.sha256);
    jw_str_at(&w, "manifest", snapshot_id(s->snapshot));
    if (key)
        jw_str_at(&w, "idempotency_key", key);
    jw_end_obj(&w);
    upload_tell(s->c, T_SEALING, snapshot_total_bytes(s->snapshot));
    int failed = cli_call(s->c, "env.import", buf_cstr(&params), answer, e);
    upload_tell(s->c, T_NONE, snapshot_total_bytes(s->snapshot));
    return failed;
}

int cmd_env_import(struct cli *c, struct args *a, struct err *e)
{
    AUTO_FREE struct source *room = mem_alloc(sizeof *room);
    AUTO_ANSWER struct client_answer answer = {0};
    struct client *lab;

    if (cli_need_words(a, 2, 2, T_A_NAME_SOURCE, e) < 0)
        return CLI_BAD_USAGE;
    if (!text_is_name(args_word(a, 0)) || strcmp(args_word(a, 0), "host") == 0) {
        (void)say_err(e, E_INVALID, NULL, T_BAD_REF_HINT, T_BAD_ENV_REF, args_word(a, 0));
        return CLI_BAD_USAGE;
    }
    room->c = c;
    room->args = a;
    room->path = args_word(a, 1);
    room->fd = -1;
    int failed = cli_lab(c, &lab, e) < 0 || read_source(room, e) < 0 || send(room, e) < 0 ||
                 import(room, args_word(a, 0), &answer, e) < 0;
    if (!failed && c->json) {
        cli_print_json(answer.result);
    } else if (!failed) {
        AUTO_BUF struct buf out = BUF_INIT(1 << 16);
        bool existed = json_bool(json_get(answer.result, "existed"), false);
        tell(&room->told);
        tr_add(&out, existed ? T_ENV_EXISTED : T_ENV_IMPORTED, cli_str(answer.result, "ref"),
               human_count_text((uint64_t)cli_int(answer.result, "entries")),
               human_size_text((uint64_t)cli_int(answer.result, "size_bytes")));
        buf_add_char(&out, '\n');
        cli_print(&out);
    }
    source_fini(room);
    return failed ? CLI_FAILED : CLI_OK;
}

/* ---- list and show ---- */

static const char *state_word(const struct json *env)
{
    const char *state = cli_str(env, "state");

    if (json_bool(json_get(env, "quarantined"), false))
        return tr(T_D_QUARANTINED);
    return strcmp(state, "sealed") == 0    ? tr(T_ENV_READY)
           : strcmp(state, "retired") == 0 ? tr(T_ENV_RETIRED)
                                           : state;
}

static const char *source_word(const struct json *env)
{
    const char *source = cli_str(env, "source");

    return strcmp(source, "folder") == 0 ? tr(T_ENV_FROM_FOLDER)
           : strcmp(source, "tar") == 0  ? tr(T_ENV_FROM_TAR)
           : strcmp(source, "oci") == 0  ? tr(T_ENV_FROM_OCI)
                                         : source;
}

static const struct table_column list_columns[] = {
    {T_C_ENVIRONMENT, false, 0, 0}, {T_C_STATE, false, 0, 0},  {T_C_FILES, true, 0, 3},
    {T_C_SIZE, true, 0, 2},         {T_C_SOURCE, false, 0, 4}, {T_C_CREATED, false, 0, 5},
    {T_C_TITLE, false, 12, 1},
};

static void add_env_row(struct table *t, const struct json *v)
{
    AUTO_BUF struct buf created = BUF_INIT(64);

    if (cli_int(v, "created_us") > 0)
        human_date(&created, cli_int(v, "created_us"));
    table_cell(t, STYLE_PLAIN, cli_str(v, "ref"));
    table_cell(t, STYLE_PLAIN, state_word(v));
    table_cell(t, STYLE_PLAIN, human_count_text((uint64_t)cli_int(v, "entries")));
    table_cell(t, STYLE_PLAIN, human_size_text((uint64_t)cli_int(v, "size_bytes")));
    table_cell(t, STYLE_PLAIN, source_word(v));
    table_cell(t, STYLE_PLAIN, buf_cstr(&created));
    table_cell(t, STYLE_PLAIN, cli_str(v, "title"));
}

int cmd_env_list(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_TABLE struct table *t =
        table_new(list_columns, sizeof list_columns / sizeof *list_columns);
    AUTO_BUF struct buf out = BUF_INIT(8 << 20), params = BUF_INIT(1 << 18);
    struct jw w = jw_to(&params);

    if (cli_need_words(a, 0, 0, T_NONE, e) < 0)
        return CLI_BAD_USAGE;
    jw_obj(&w);
    if (listing_params(a, NULL, &w, e) < 0)
        return CLI_BAD_USAGE;
    jw_end_obj(&w);
    if (cli_call(c, "env.list", buf_cstr(&params), &answer, e) < 0)
        return CLI_FAILED;
    if (c->json) {
        cli_print_json(answer.result);
        return CLI_OK;
    }
    const struct json *list = json_get(answer.result, "environments");
    for (const struct json *v = json_first(list); v; v = json_next(v))
        add_env_row(t, v);
    if (table_rows(t) == 0) {
        cli_say(T_NO_ENVIRONMENTS);
        return CLI_OK;
    }
    table_add(&out, t, &c->out, 0, false);
    cli_print(&out);
    if (*cli_str(answer.result, "next_cursor"))
        cli_say(T_MORE, cli_str(answer.result, "next_cursor"));
    return CLI_OK;
}

static const struct table_column fact_columns[] = {
    {T_NONE, false, 0, 0},
    {T_NONE, false, 20, 0},
};

static void add_fact(struct table *t, enum text_id label, const char *value)
{
    if (!*value)
        return;
    table_cell(t, STYLE_DIM, tr(label));
    table_cell(t, STYLE_PLAIN, value);
}

static void add_date(struct table *t, enum text_id label, int64_t us)
{
    AUTO_BUF struct buf date = BUF_INIT(64);

    if (us > 0)
        human_date(&date, us);
    add_fact(t, label, buf_cstr(&date));
}

static void show(struct cli *c, const struct json *v)
{
    AUTO_TABLE struct table *t = table_new(fact_columns, 2);
    AUTO_BUF struct buf out = BUF_INIT(1 << 20);
    AUTO_BUF struct buf why = BUF_INIT(1 << 16);

    term_add(&out, &c->out, STYLE_BOLD, cli_str(v, "ref"));
    buf_printf(&out, "  %s\n\n", state_word(v));
    add_fact(t, T_F_TITLE, cli_str(v, "title"));
    add_fact(t, T_F_FILES, human_count_text((uint64_t)cli_int(v, "entries")));
    add_fact(t, T_F_SIZE, human_size_text((uint64_t)cli_int(v, "size_bytes")));
    labtext_add(&why, cli_str(v, "quarantine_reason"));
    add_fact(t, T_F_QUARANTINE, buf_cstr(&why));
    add_fact(t, T_F_SOURCE, source_word(v));
    add_fact(t, T_F_IMAGE, cli_str(v, "source_digest"));
    add_fact(t, T_F_MANIFEST, cli_str(v, "manifest"));
    add_fact(t, T_F_ACTOR, cli_str(json_get(v, "actor"), "name"));
    add_date(t, T_F_ENV_CREATED, cli_int(v, "created_us"));
    add_date(t, T_F_RETIRED, cli_int(v, "retired_us"));
    table_add(&out, t, &c->out, 2, true);
    cli_print(&out);
}

static void write_ref(struct jw *w, const char *name, int64_t version)
{
    jw_str_at(w, "name", name);
    if (version > 0)
        jw_int_at(w, "version", version);
}

int cmd_env_show(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_BUF struct buf params = BUF_INIT(4096);
    struct jw w = jw_to(&params);
    char name[65] = "";
    int64_t version = 0;

    if (cli_need_words(a, 1, 1, T_A_ENVIRONMENT, e) < 0 ||
        read_ref(args_word(a, 0), name, &version, e) < 0)
        return CLI_BAD_USAGE;
    jw_obj(&w);
    write_ref(&w, name, version);
    jw_end_obj(&w);
    if (cli_call(c, "env.get", buf_cstr(&params), &answer, e) < 0)
        return CLI_FAILED;
    if (c->json)
        cli_print_json(answer.result);
    else
        show(c, answer.result);
    return CLI_OK;
}

/* ---- retire ---- */

int cmd_env_retire(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_BUF struct buf params = BUF_INIT(1 << 16);
    struct jw w = jw_to(&params);
    char name[65] = "";
    int64_t version = 0;

    if (cli_need_words(a, 1, 1, T_A_ENVIRONMENT, e) < 0 ||
        read_ref(args_word(a, 0), name, &version, e) < 0)
        return CLI_BAD_USAGE;
    if (version == 0) {
        (void)say_err(e, E_INVALID, NULL, T_NONE, T_NEED_VERSION, name);
        return CLI_BAD_USAGE;
    }
    jw_obj(&w);
    write_ref(&w, name, version);
    if (args_get(a, "reason"))
        jw_str_at(&w, "reason", args_get(a, "reason"));
    jw_end_obj(&w);
    if (cli_call(c, "env.retire", buf_cstr(&params), &answer, e) < 0)
        return CLI_FAILED;
    if (c->json)
        cli_print_json(answer.result);
    else
        cli_say(T_ENV_IS_RETIRED, cli_str(answer.result, "ref"));
    return CLI_OK;
}
