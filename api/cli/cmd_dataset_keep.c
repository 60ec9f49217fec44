/*
 * cmd_dataset_keep.c - what who keeps a dataset does: enclos dataset verify, unquarantine, retire, hand-over,
 * waiting.
 */
#include "api/cli/command.h"
#include "api/cli/dataset_call.h"
#include "api/cli/labtext.h"
#include <string.h>

const struct opt cmd_dataset_reason_options[] = {
    {"reason", 0, T_A_TEXT, T_O_DATASET_REASON, false},
    {0},
};
const struct opt cmd_dataset_hand_over_options[] = {
    {"to", 0, T_A_NAME, T_O_DATASET_TO, false},
    {"reason", 0, T_A_TEXT, T_O_DATASET_REASON, false},
    {0},
};

static int need_option(const struct args *a, const char *name, enum text_id text, struct err *e)
{
    if (args_get(a, name))
        return 0;
    (void)say_err(e, E_INVALID, NULL, T_NONE, text);
    return CLI_BAD_USAGE;
}

/* ---- verify ---- */

static void tell_verified(const struct json *r)
{
    AUTO_BUF struct buf line = BUF_INIT(1 << 14), why = BUF_INIT(1 << 13);

    if (json_bool(json_get(r, "ok"), false)) {
        tr_add(&line, T_DATASET_VERIFIED, cli_str(r, "ref"), human_count_text((uint64_t)cli_int(r, "files")),
               human_size_text((uint64_t)cli_int(r, "read_bytes")), human_duration_text(cli_int(r, "wall_ms")));
        if (json_bool(json_get(r, "quarantined"), false))
            tr_add(&line, T_DATASET_STILL_QUARANTINED, cli_str(r, "ref"));
    } else {
        labtext_add(&why, cli_str(r, "reason"));
        tr_add(&line, T_DATASET_NOT_VERIFIED, cli_str(r, "ref"), buf_cstr(&why));
        if (json_bool(json_get(r, "quarantined"), false))
            tr_add(&line, T_DATASET_NOW_QUARANTINED);
    }
    buf_add_char(&line, '\n');
    cli_print(&line);
}

int cmd_dataset_verify(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer latest = {0}, answer = {0};
    char name[65] = "";
    int64_t version = 0;

    if (dataset_word(a, false, name, &version, e) != CLI_OK)
        return CLI_BAD_USAGE;
    if (version == 0) { /* so that its progress can be asked for by its number */
        if (cli_call_with(c, "dataset.get", "name", name, &latest, e) < 0)
            return CLI_FAILED;
        version = cli_int(latest.result, "version");
    }
    if (dataset_work(c, "dataset.verify", name, version, NULL, T_VERIFYING, &answer, e) < 0)
        return CLI_FAILED;
    if (c->json)
        cli_print_json(answer.result);
    else
        tell_verified(answer.result);
    return json_bool(json_get(answer.result, "ok"), false) ? CLI_OK : CLI_FAILED;
}

/* ---- with a reason: unquarantine, retire ---- */

int cmd_dataset_unquarantine(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    char name[65] = "";
    int64_t version = 0;

    if (dataset_word(a, true, name, &version, e) != CLI_OK || need_option(a, "reason", T_NEED_REASON, e) != 0)
        return CLI_BAD_USAGE;
    if (dataset_work(c, "dataset.unquarantine", name, version, args_get(a, "reason"), T_VERIFYING, &answer, e) < 0)
        return CLI_FAILED;
    if (c->json)
        cli_print_json(answer.result);
    else
        cli_say(T_DATASET_UNQUARANTINED, cli_str(answer.result, "ref"));
    return CLI_OK;
}

int cmd_dataset_retire(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_BUF struct buf params = BUF_INIT(1 << 16);
    struct jw w = jw_to(&params);
    char name[65] = "";
    int64_t version = 0;

    if (dataset_word(a, true, name, &version, e) != CLI_OK || need_option(a, "reason", T_NEED_REASON, e) != 0)
        return CLI_BAD_USAGE;
    jw_obj(&w);
    dataset_write_ref(&w, name, version);
    jw_str_at(&w, "reason", args_get(a, "reason"));
    jw_end_obj(&w);
    if (cli_call(c, "dataset.retire", buf_cstr(&params), &answer, e) < 0)
        return CLI_FAILED;
    if (c->json)
        cli_print_json(answer.result);
    else
        cli_say(T_DATASET_RETIRED, cli_str(answer.result, "ref"));
    return CLI_OK;
}

/* ---- hand-over ---- */

int cmd_dataset_hand_over(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_BUF struct buf params = BUF_INIT(1 << 16);
    struct jw w = jw_to(&params);

    if (cli_need_words(a, 1, 1, T_A_NAME, e) < 0 || need_option(a, "to", T_NEED_TO, e) != 0)
        return CLI_BAD_USAGE;
    jw_obj(&w);
    jw_str_at(&w, "name", args_word(a, 0));
    jw_str_at(&w, "to", args_get(a, "to"));
    if (args_get(a, "reason"))
        jw_str_at(&w, "reason", args_get(a, "reason"));
    jw_end_obj(&w);
    if (cli_call(c, "dataset.hand_over", buf_cstr(&params), &answer, e) < 0)
        return CLI_FAILED;
    if (c->json)
        cli_print_json(answer.result);
    else
        cli_say(T_DATASET_HANDED_OVER, cli_str(answer.result, "name"),
                cli_str(json_get(answer.result, "keeper"), "name"));
    return CLI_OK;
}

/* ---- what waits for me ---- */

static void add_waiting(struct cli *c, const struct json *waiting, struct buf *out)
{
    for (const struct json *d = json_first(json_get(waiting, "quarantined")); d; d = json_next(d)) {
        AUTO_BUF struct buf why = BUF_INIT(1 << 14), line = BUF_INIT(1 << 15);
        labtext_add(&why, cli_str(d, "reason"));
        tr_add(&line, T_WAITING_QUARANTINE, cli_str(d, "ref"), buf_cstr(&why));
        cli_add_line(out, &c->out, buf_cstr(&line));
    }
    for (const struct json *d = json_first(json_get(waiting, "due")); d; d = json_next(d)) {
        AUTO_BUF struct buf line = BUF_INIT(4096);
        tr_add(&line, strcmp(cli_str(d, "what"), "pia") == 0 ? T_WAITING_PIA : T_WAITING_RETENTION,
               cli_str(d, "name"), cli_str(d, "day"));
        cli_add_line(out, &c->out, buf_cstr(&line));
    }
}

int dataset_tell_waiting(struct cli *c, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_BUF struct buf out = BUF_INIT(1 << 20);

    if (cli_call(c, "dataset.waiting", NULL, &answer, e) < 0)
        return CLI_FAILED;
    add_waiting(c, answer.result, &out);
    cli_print(&out);
    return CLI_OK;
}

int cmd_dataset_waiting(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_BUF struct buf out = BUF_INIT(1 << 20);

    if (cli_need_words(a, 0, 0, T_NONE, e) < 0)
        return CLI_BAD_USAGE;
    if (cli_call(c, "dataset.waiting", NULL, &answer, e) < 0)
        return CLI_FAILED;
    if (c->json) {
        cli_print_json(answer.result);
        return CLI_OK;
    }
    add_waiting(c, answer.result, &out);
    if (out.len == 0)
        cli_say(T_WAITING_NOTHING);
    else
        cli_print(&out);
    return CLI_OK;
}
