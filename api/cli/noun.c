/*
 * noun.c - create, edit, show, history; see noun.h.
 */
#include "api/cli/noun.h"

#include "api/common/mem.h"
#include "api/common/text.h"
#include <string.h>

enum { PARAMS_MAX_BYTES = 1 << 20, OUT_MAX_BYTES = 8 << 20 };

static int get_form(struct cli *c, const char *name, struct client_answer *out, struct err *e)
{
    return cli_call_with(c, "form.get", "form", name, out, e);
}

/* "Projet urgences, version 3" */
static const char *title_of(struct arena *a, const struct json *form, const char *word, int64_t version)
{
    AUTO_BUF struct buf title = BUF_INIT(4096);
    AUTO_FREE char *number = mem_printf("%lld", (long long)version);
    tr_add(&title, version ? T_TEXT_TITLE : T_TEXT_TITLE_NEW, record_both(json_get(form, "title")), word, number);
    return arena_strdup(a, buf_cstr(&title));
}

static int no_way_to_write(struct err *e)
{
    (void)say_err(e, E_INVALID, NULL, T_NO_ANSWERS_HINT, T_NO_ANSWERS);
    return CLI_BAD_USAGE;
}

static void print_result(struct cli *c, const struct noun *n, const struct json *form, const struct json *record,
                         enum text_id said)
{
    AUTO_BUF struct buf out = BUF_INIT(OUT_MAX_BYTES);
    if (c->json) {
        cli_print_json(record);
        return;
    }
    AUTO_FREE char *version = mem_printf("%lld", (long long)cli_int(record, "record_version"));
    cli_say(said, n->name(record), version);
    record_add_missing(form, record, &c->out, &out);
    if (n->told)
        n->told(c, record, &out);
    cli_print(&out);
}

/* ---- create ---- */

static int send_create(struct cli *c, struct args *a, const struct noun *n, const struct buf *set,
                       struct client_answer *answer, struct err *e)
{
    AUTO_BUF struct buf params = BUF_INIT(PARAMS_MAX_BYTES);
    struct jw w = jw_to(&params);
    jw_obj(&w);
    if (n->put_new(&w, args_word(a, 0), e) < 0)
        return CLI_BAD_USAGE;
    jw_raw_at(&w, "answers", set->data, set->len);
    if (args_get(a, "idempotency-key"))
        jw_str_at(&w, "idempotency_key", args_get(a, "idempotency-key"));
    jw_end_obj(&w);
    return cli_call(c, n->create, buf_cstr(&params), answer, e) < 0 ? CLI_FAILED : CLI_OK;
}

static int create_with(struct cli *c, struct args *a, const struct noun *n, const struct json *form,
                       struct arena *arena, struct client_answer *answer, struct err *e)
{
    AUTO_BUF struct buf set = BUF_INIT(PARAMS_MAX_BYTES);
    bool any = false;
    if (record_read_options(form, a, arena, &set, &any, NULL, e) < 0)
        return CLI_BAD_USAGE;
    if (any)
        return send_create(c, a, n, &set, answer, e);
    if (!record_can_edit())
        return no_way_to_write(e);
    struct record_edited x;
    int status = CLI_FAILED;
    if (record_edit(form, NULL, title_of(arena, form, args_word(a, 0), 0), false, arena, &x, e) == 0) {
        if (x.changed)
            status = send_create(c, a, n, &x.set, answer, e);
        else
            (void)say_err(e, E_INVALID, NULL, T_NONE, T_NOTHING_WRITTEN);
    }
    record_edited_end(&x, status == CLI_OK);
    return status;
}

int noun_create(struct cli *c, struct args *a, const struct noun *n, struct err *e)
{
    AUTO_ANSWER struct client_answer form = {0}, answer = {0};
    if (cli_need_words(a, 1, 1, n->new_word, e) < 0)
        return CLI_BAD_USAGE;
    if (get_form(c, n->form, &form, e) < 0)
        return CLI_FAILED;
    struct arena *arena = arena_new();
    int status = create_with(c, a, n, form.result, arena, &answer, e);
    arena_free(arena);
    if (status == CLI_OK)
        print_result(c, n, form.result, answer.result,
                     json_bool(json_get(answer.result, "existed"), false) ? T_RECORD_EXISTED : T_RECORD_MADE);
    return status;
}

/* ---- edit ---- */

static int get_record(struct cli *c, const struct noun *n, const char *word, int64_t version,
                      struct client_answer *answer, struct err *e)
{
    AUTO_BUF struct buf params = BUF_INIT(4096);
    struct jw w = jw_to(&params);
    jw_obj(&w);
    if (n->put_id(&w, word, e) < 0)
        return CLI_BAD_USAGE;
    if (version)
        jw_int_at(&w, "version", version);
    jw_end_obj(&w);
    return cli_call(c, n->get, buf_cstr(&params), answer, e) < 0 ? CLI_FAILED : CLI_OK;
}

static int send_edit(struct cli *c, struct args *a, const struct noun *n, int64_t from, const struct buf *set,
                     const char *reason, struct client_answer *answer, struct err *e)
{
    AUTO_BUF struct buf params = BUF_INIT(PARAMS_MAX_BYTES);
    struct jw w = jw_to(&params);
    if (args_get(a, "reason"))
        reason = args_get(a, "reason");
    jw_obj(&w);
    if (n->put_id(&w, args_word(a, 0), e) < 0)
        return CLI_BAD_USAGE;
    jw_int_at(&w, "version", from);
    jw_raw_at(&w, "set", set->data, set->len);
    if (reason)
        jw_str_at(&w, "reason", reason);
    jw_end_obj(&w);
    return cli_call(c, n->edit, buf_cstr(&params), answer, e) < 0 ? CLI_FAILED : CLI_OK;
}

static int edit_with(struct cli *c, struct args *a, const struct noun *n, const struct json *form,
                     const struct json *record, int64_t from, struct arena *arena, struct client_answer *answer,
                     struct err *e)
{
    AUTO_BUF struct buf set = BUF_INIT(PARAMS_MAX_BYTES);
    const char *reason = NULL;
    bool any = false;
    if (record_read_options(form, a, arena, &set, &any, &reason, e) < 0)
        return CLI_BAD_USAGE;
    if (any)
        return send_edit(c, a, n, from, &set, reason, answer, e);
    if (!record_can_edit())
        return no_way_to_write(e);
    struct record_edited x;
    int status = CLI_FAILED;
    if (record_edit(form, record, title_of(arena, form, args_word(a, 0), from), true, arena, &x, e) == 0)
        status = x.changed ? send_edit(c, a, n, from, &x.set, x.reason, answer, e) : CLI_OK;
    record_edited_end(&x, status == CLI_OK);
    return status;
}

int noun_edit(struct cli *c, struct args *a, const struct noun *n, struct err *e)
{
    AUTO_ANSWER struct client_answer form = {0}, record = {0}, answer = {0};
    uint64_t from = 0;
    if (cli_need_words(a, 1, 1, n->word, e) < 0)
        return CLI_BAD_USAGE;
    if (args_get(a, "from") && text_u64(args_get(a, "from"), 1, INT32_MAX, &from) < 0) {
        (void)say_err(e, E_INVALID, NULL, T_NONE, T_BAD_VERSION, args_get(a, "from"));
        return CLI_BAD_USAGE;
    }
    if (get_form(c, n->form, &form, e) < 0)
        return CLI_FAILED;
    int status = get_record(c, n, args_word(a, 0), 0, &record, e);
    if (status != CLI_OK)
        return status;
    struct arena *arena = arena_new();
    status = edit_with(c, a, n, form.result, record.result, from ? (int64_t)from : cli_int(record.result, "record_version"),
                       arena, &answer, e);
    arena_free(arena);
    if (status != CLI_OK)
        return status;
    /* An editor whose text stayed the same asked nothing of the lab. */
    const struct json *now = answer.result ? answer.result : record.result;
    print_result(c, n, form.result, now,
                 answer.result && json_bool(json_get(now, "changed"), false) ? T_RECORD_CHANGED : T_RECORD_SAME);
    return CLI_OK;
}

/* ---- show, history ---- */

int noun_show(struct cli *c, struct args *a, const struct noun *n, struct err *e)
{
    AUTO_ANSWER struct client_answer form = {0}, record = {0};
    AUTO_BUF struct buf out = BUF_INIT(OUT_MAX_BYTES);
    uint64_t version = 0;
    if (cli_need_words(a, 1, 1, n->word, e) < 0)
        return CLI_BAD_USAGE;
    if (args_get(a, "at") && text_u64(args_get(a, "at"), 1, INT32_MAX, &version) < 0) {
        (void)say_err(e, E_INVALID, NULL, T_NONE, T_BAD_VERSION, args_get(a, "at"));
        return CLI_BAD_USAGE;
    }
    int status = get_record(c, n, args_word(a, 0), (int64_t)version, &record, e);
    if (status != CLI_OK)
        return status;
    if (c->json) {
        cli_print_json(record.result);
        return CLI_OK;
    }
    if (get_form(c, n->form, &form, e) < 0)
        return CLI_FAILED;
    n->print(c, form.result, record.result, &out);
    cli_print(&out);
    return CLI_OK;
}

int noun_history(struct cli *c, struct args *a, const struct noun *n, struct err *e)
{
    AUTO_ANSWER struct client_answer form = {0}, answer = {0};
    AUTO_BUF struct buf out = BUF_INIT(OUT_MAX_BYTES), params = BUF_INIT(4096);
    struct jw w = jw_to(&params);
    if (cli_need_words(a, 1, 1, n->word, e) < 0)
        return CLI_BAD_USAGE;
    jw_obj(&w);
    if (n->put_id(&w, args_word(a, 0), e) < 0)
        return CLI_BAD_USAGE;
    if (args_get(a, "cursor"))
        jw_str_at(&w, "cursor", args_get(a, "cursor"));
    jw_end_obj(&w);
    if (cli_call(c, n->history, buf_cstr(&params), &answer, e) < 0)
        return CLI_FAILED;
    if (c->json) {
        cli_print_json(answer.result);
        return CLI_OK;
    }
    if (get_form(c, n->form, &form, e) < 0)
        return CLI_FAILED;
    record_add_history(form.result, answer.result, cli_int(answer.result, "frozen_version"), &c->out, &out);
    cli_print(&out);
    if (*cli_str(answer.result, "next_cursor"))
        cli_say(T_MORE, cli_str(answer.result, "next_cursor"));
    return CLI_OK;
}
