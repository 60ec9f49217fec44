/*
 * cmd_dataset.c - enclos dataset: add files as a version, seal it, list and show.
 */
#include "api/cli/command.h"
#include "api/cli/dataset_call.h"
#include "api/cli/listing.h"
#include "api/cli/labtext.h"
#include "api/cli/upload.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int cli_read_ref(const char *ref, char name[65], int64_t *version, struct err *e)
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
        return say_err(e, E_INVALID, NULL, T_BAD_REF_HINT, T_BAD_REF, ref);
    *version = (int64_t)n;
    return 0;
}

/* ---- add ---- */

/* One folder gives its contents; among several names, each keeps its own. */
static int collect(struct snapshot *s, const struct args *a, struct err *e)
{
    size_t count = args_word_count(a);

    for (size_t i = 1; i < count; i++) {
        const char *path = args_word(a, i);
        struct stat st;
        if (stat(path, &st) < 0)
            return err_sys(e, NULL, NULL, "%s", path);
        if (!S_ISDIR(st.st_mode)) {
            if (snapshot_add_file(s, path, e) < 0)
                return -1;
            continue;
        }
        AUTO_FREE char *real = realpath(path, NULL);
        AUTO_FREE char *prefix = count == 2 || !real ? mem_strdup("")
                                                     : mem_printf("%s/", basename(real));
        if (snapshot_add_folder(s, path, prefix, NULL, 0, 0, e) < 0)
            return -1;
    }
    if (snapshot_skipped_count(s) > 0)
        return say_err(e, E_INVALID, NULL, T_DATASET_LINK_HINT, T_DATASET_LINK,
                       snapshot_skipped(s, 0));
    if (snapshot_count(s) == 0)
        return say_err(e, E_INVALID, NULL, T_NONE, T_DATASET_EMPTY);
    return 0;
}

static void write_option(struct jw *w, const struct args *a, const char *option, const char *key)
{
    if (args_get(a, option))
        jw_str_at(w, key, args_get(a, option));
}

static int add(struct cli *c, const struct args *a, const struct snapshot *s,
               struct client_answer *answer, struct err *e)
{
    AUTO_BUF struct buf params = BUF_INIT(1 << 18);
    struct jw w = jw_to(&params);

    jw_obj(&w);
    jw_str_at(&w, "name", args_word(a, 0));
    write_option(&w, a, "title", "title");
    write_option(&w, a, "description", "description");
    write_option(&w, a, "classification", "classification");
    write_option(&w, a, "idempotency-key", "idempotency_key");
    jw_str_at(&w, "manifest", snapshot_id(s));
    jw_end_obj(&w);
    return cli_call(c, "dataset.add", buf_cstr(&params), answer, e);
}

int cmd_dataset_add(struct cli *c, struct args *a, struct err *e)
{
    AUTO_SNAPSHOT struct snapshot *s = snapshot_new();
    AUTO_ANSWER struct client_answer added = {0}, sealed = {0};
    struct client *lab;

    if (cli_need_words(a, 2, 1000, T_A_NAME_FILES, e) < 0)
        return CLI_BAD_USAGE;
    if (!text_is_name(args_word(a, 0))) {
        (void)say_err(e, E_INVALID, NULL, T_BAD_REF_HINT, T_BAD_REF, args_word(a, 0));
        return CLI_BAD_USAGE;
    }
    /* A dataset without a classification would be one that nobody judged. */
    if (!args_get(a, "classification")) {
        (void)say_err(e, E_INVALID, NULL, T_NONE, T_NEED_CLASSIFICATION);
        return CLI_BAD_USAGE;
    }
    if (cli_lab(c, &lab, e) < 0 || collect(s, a, e) < 0 || upload_hash(c, s, e) < 0 ||
        upload_snapshot(c, s, args_has(a, "no-fd"), e) < 0 || add(c, a, s, &added, e) < 0)
        return CLI_FAILED;
    bool draft = args_has(a, "draft");
    if (!draft) {
        if (dataset_work(c, "dataset.seal", cli_str(added.result, "name"), cli_int(added.result, "version"), NULL,
                         T_SEALING, &sealed, e) < 0)
            return CLI_FAILED;
    }
    if (c->json) {
        cli_print_json(draft ? added.result : sealed.result);
        return CLI_OK;
    }
    AUTO_BUF struct buf out = BUF_INIT(1 << 16);
    tr_add(&out,
           draft ? tr_plural(snapshot_count(s), T_DATASET_DRAFT_ONE, T_DATASET_DRAFT_MANY)
                 : tr_plural(snapshot_count(s), T_DATASET_SEALED_ONE, T_DATASET_SEALED_MANY),
           cli_str(added.result, "ref"), human_count_text(snapshot_count(s)),
           human_size_text(snapshot_total_bytes(s)));
    buf_add_char(&out, '\n');
    cli_print(&out);
    return CLI_OK;
}

/* ---- seal ---- */

int cmd_dataset_seal(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    char name[65] = "";
    int64_t version = 0;

    if (dataset_word(a, true, name, &version, e) != CLI_OK)
        return CLI_BAD_USAGE;
    if (dataset_work(c, "dataset.seal", name, version, NULL, T_SEALING, &answer, e) < 0)
        return CLI_FAILED;
    if (c->json)
        cli_print_json(answer.result);
    else
        cli_say(T_SEALED, args_word(a, 0));
    return CLI_OK;
}

/* ---- list and show ---- */

static enum text_id classification_text(const char *name)
{
    static const struct {
        const char *name;
        enum text_id text;
    } known[] = {
        {"public", T_CL_PUBLIC},
        {"interne", T_CL_INTERNE},
        {"confidentiel", T_CL_CONFIDENTIEL},
        {"tres_confidentiel", T_CL_TRES_CONFIDENTIEL},
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, name) == 0)
            return known[i].text;
    return T_NONE;
}

static const char *classification_word(const struct json *dataset)
{
    const char *name = cli_str(dataset, "classification");

    return classification_text(name) == T_NONE ? name : tr(classification_text(name));
}

static enum text_id dataset_state(const char *state)
{
    if (strcmp(state, "draft") == 0)
        return T_D_DRAFT;
    if (strcmp(state, "sealed") == 0)
        return T_D_SEALED;
    return strcmp(state, "retired") == 0 ? T_D_RETIRED : T_NONE;
}

static const char *state_word(const struct json *dataset)
{
    const char *state = cli_str(dataset, "state");

    if (json_bool(json_get(dataset, "quarantined"), false))
        return tr(T_D_QUARANTINED);
    return dataset_state(state) == T_NONE ? state : tr(dataset_state(state));
}

static const struct table_column list_columns[] = {
    {T_C_DATASET, false, 0, 0}, {T_C_STATE, false, 0, 0}, {T_C_CLASSIFICATION, false, 0, 1},
    {T_C_FILES, true, 0, 3},    {T_C_SIZE, true, 0, 2},   {T_DS_C_KEEPER, false, 0, 1},
    {T_C_CREATED, false, 0, 6}, {T_C_TITLE, false, 12, 5},
};

static void add_dataset_row(struct table *t, const struct json *d)
{
    AUTO_BUF struct buf created = BUF_INIT(64);
    const struct json *size = json_get(d, "size_bytes"), *files = json_get(d, "files");

    if (cli_int(d, "created_us") > 0)
        human_date(&created, cli_int(d, "created_us"));
    table_cell(t, STYLE_PLAIN, cli_str(d, "ref"));
    table_cell(t, json_bool(json_get(d, "quarantined"), false) ? STYLE_BAD : STYLE_PLAIN, state_word(d));
    table_cell(t, STYLE_PLAIN, classification_word(d));
    table_cell(t, STYLE_PLAIN,
               json_is_int(files) ? human_count_text((uint64_t)json_int(files, 0)) : "");
    table_cell(t, STYLE_PLAIN,
               json_is_int(size) ? human_size_text((uint64_t)json_int(size, 0)) : "");
    table_cell(t, STYLE_PLAIN, cli_str(json_get(d, "keeper"), "name"));
    table_cell(t, STYLE_PLAIN, buf_cstr(&created));
    table_cell(t, STYLE_PLAIN, cli_str(d, "title"));
}

int cmd_dataset_list(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_TABLE struct table *t = table_new(list_columns, 8);
    AUTO_BUF struct buf out = BUF_INIT(8 << 20), params = BUF_INIT(1 << 18);
    struct jw w = jw_to(&params);

    if (cli_need_words(a, 0, 0, T_NONE, e) < 0)
        return CLI_BAD_USAGE;
    jw_obj(&w);
    if (listing_params(a, NULL, &w, e) < 0)
        return CLI_BAD_USAGE;
    jw_end_obj(&w);
    if (cli_call(c, "dataset.list", buf_cstr(&params), &answer, e) < 0)
        return CLI_FAILED;
    if (c->json) {
        cli_print_json(answer.result);
        return CLI_OK;
    }
    for (const struct json *d = json_first(json_get(answer.result, "datasets")); d;
         d = json_next(d))
        add_dataset_row(t, d);
    if (table_rows(t) == 0) {
        cli_say(T_NO_DATASETS);
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

int cmd_dataset_show(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_TABLE struct table *t = table_new(fact_columns, 2);
    AUTO_BUF struct buf out = BUF_INIT(8 << 20), params = BUF_INIT(4096);
    struct jw w = jw_to(&params);
    char name[65] = "";
    int64_t version = 0;

    if (dataset_word(a, false, name, &version, e) != CLI_OK)
        return CLI_BAD_USAGE;
    jw_obj(&w);
    dataset_write_ref(&w, name, version);
    jw_end_obj(&w);
    if (cli_call(c, "dataset.get", buf_cstr(&params), &answer, e) < 0)
        return CLI_FAILED;
    if (c->json) {
        cli_print_json(answer.result);
        return CLI_OK;
    }
    const struct json *d = answer.result;
    const struct json *size = json_get(d, "size_bytes"), *files = json_get(d, "files");
    term_add(&out, &c->out, STYLE_BOLD, cli_str(d, "ref"));
    buf_printf(&out, "  %s\n\n", state_word(d));
    add_fact(t, T_F_TITLE, cli_str(d, "title"));
    add_fact(t, T_F_DESCRIPTION, cli_str(d, "description"));
    add_fact(t, T_F_CLASSIFICATION, classification_word(d));
    if (json_is_int(files))
        add_fact(t, T_F_FILES, human_count_text((uint64_t)json_int(files, 0)));
    if (json_is_int(size))
        add_fact(t, T_F_SIZE, human_size_text((uint64_t)json_int(size, 0)));
    AUTO_BUF struct buf why = BUF_INIT(1 << 16);
    labtext_add(&why, cli_str(d, "quarantine_reason"));
    add_fact(t, T_F_QUARANTINE, buf_cstr(&why));
    add_fact(t, T_DS_F_RETIRED, cli_str(d, "retired_reason"));
    add_fact(t, T_DS_F_KEEPER, cli_str(json_get(d, "keeper"), "name"));
    add_fact(t, T_F_MANIFEST, cli_str(d, "manifest"));
    add_fact(t, T_F_ACTOR, cli_str(json_get(d, "actor"), "name"));
    AUTO_BUF struct buf date = BUF_INIT(64);
    if (cli_int(d, "created_us") > 0)
        human_date(&date, cli_int(d, "created_us"));
    add_fact(t, T_F_CREATED, buf_cstr(&date));
    buf_clear(&date);
    if (cli_int(d, "sealed_us") > 0)
        human_date(&date, cli_int(d, "sealed_us"));
    add_fact(t, T_F_SEALED, buf_cstr(&date));
    buf_clear(&date);
    if (cli_int(d, "verified_us") > 0)
        human_date(&date, cli_int(d, "verified_us"));
    add_fact(t, T_DS_F_VERIFIED, buf_cstr(&date));
    table_add(&out, t, &c->out, 2, true);
    cli_print(&out);
    return CLI_OK;
}
