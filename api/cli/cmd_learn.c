/*
 * cmd_learn.c - enclos profile learn: what a command needs beyond a profile.
 *
 * No lab takes part: this machine's enclos-runner runs the command with the person's own rights, in sandboxes that see their
 * code folder and nothing else. The profile text goes to standard output, ready for a file; what is said about it to
 * standard error.
 */
#include "api/cli/command.h"
#include "api/cli/labtext.h"
#include "api/cli/local_runner.h"
#include "api/cli/profile_print.h"
#include "api/cli/request.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct opt cmd_learn_options[] = {
    {"profile", 'p', T_A_NAME, T_O_PROFILE, false},
    {"code", 0, T_A_FOLDER, T_O_CODE, false},
    {"no-code", 0, T_NONE, T_O_NO_CODE, false},
    {"time", 't', T_A_DURATION, T_O_LEARN_TIME, false},
    {"memory", 'm', T_A_SIZE, T_O_LEARN_MEMORY, false},
    {"runs", 0, T_A_NUMBER, T_O_LEARN_RUNS, false},
    {"cgroup", 0, T_A_PATH, T_O_LEARN_CGROUP, false},
    {"dataset", 'd', T_A_DATASET, T_O_LEARN_DATASET, true},
    {0},
};

/* ---- what is asked of the runner ---- */

enum { WORDS_MAX = 4200 };

struct words {
    const char *word[WORDS_MAX];
    size_t count;
    char time[24], memory[24];
};

static void add(struct words *w, const char *word)
{
    if (w->count < WORDS_MAX - 1)
        w->word[w->count++] = word;
}

static void add_option(struct words *w, const struct args *a, const char *name, const char *as)
{
    if (!args_get(a, name))
        return;
    add(w, as);
    add(w, args_get(a, name));
}

static int add_limits(struct words *w, const struct args *a, struct err *e)
{
    const char *time = args_get(a, "time"), *memory = args_get(a, "memory");
    struct err why = {0};
    int64_t ms = 0;
    uint64_t bytes = 0;

    if (time && (text_duration_ms(time, "time", &ms, &why) < 0 || ms < 1000)) {
        AUTO_BUF struct buf text = BUF_INIT(1024);
        tr_add(&text, T_BAD_DURATION, time);
        return say_err(e, E_INVALID, NULL, T_NONE, T_LABELLED, "--time", buf_cstr(&text));
    }
    if (memory && text_size_bytes(memory, "memory", &bytes, &why) < 0) {
        AUTO_BUF struct buf text = BUF_INIT(1024);
        tr_add(&text, T_BAD_SIZE, memory);
        return say_err(e, E_INVALID, NULL, T_NONE, T_LABELLED, "--memory", buf_cstr(&text));
    }
    if (time) {
        snprintf(w->time, sizeof w->time, "%lld", (long long)(ms / 1000));
        add(w, "--time");
        add(w, w->time);
    }
    if (memory) {
        snprintf(w->memory, sizeof w->memory, "%llu", (unsigned long long)bytes);
        add(w, "--memory");
        add(w, w->memory);
    }
    return 0;
}

/* ---- what it found ---- */

/* `hinted`: what stays refused has a hint about that. */
static void add_call(struct buf *out, const struct term *t, const struct json *call, bool hinted)
{
    bool french = say_lang() == LANG_FR;
    const char *risk = cli_str(call, french ? "risk_fr" : "risk"),
               *hint = cli_str(call, french ? "hint_fr" : "hint");
    AUTO_BUF struct buf line = BUF_INIT(4096);

    const char *name = cli_str(call, "name");
    buf_add_str(&line, json_bool(json_get(call, "setting"), false) ? profile_setting(name) : name);
    if (*cli_str(call, "detail"))
        buf_printf(&line, " %s", cli_str(call, "detail"));
    if (cli_int(call, "count") > 1)
        tr_add(&line, T_TIMES, human_count_text((uint64_t)cli_int(call, "count")));
    char safe[4096];
    text_sanitize(buf_cstr(&line), line.len, safe, sizeof safe);
    buf_add_str(out, "  ");
    term_add(out, t, *risk ? STYLE_WARN : STYLE_PLAIN, safe);
    buf_add_char(out, '\n');
    if (*risk) {
        buf_clear(&line);
        tr_add(&line, T_L_RISK, risk);
        term_add_wrapped(out, buf_cstr(&line), 4, term_prose_width(t), false);
    } else if (*hint && hinted) {
        term_add_wrapped(out, hint, 4, term_prose_width(t), false);
    }
}

static void add_list(struct buf *out, const struct term *t, const struct json *list,
                     enum text_id title, const char *profile)
{
    AUTO_BUF struct buf line = BUF_INIT(4096);

    if (json_count(list) == 0)
        return;
    tr_add(&line, title, profile);
    cli_add_line(out, t, buf_cstr(&line));
    for (const struct json *v = json_first(list); v; v = json_next(v))
        add_call(out, t, v, title != T_L_NEEDED);
}

/* On standard error: the text itself is for a file. */
static void tell(struct cli *c, const struct json *found)
{
    AUTO_BUF struct buf out = BUF_INIT(1 << 20), line = BUF_INIT(8192);
    const char *result = cli_str(found, "result"), *profile = cli_str(found, "profile");
    const char *runs = human_count_text((uint64_t)cli_int(found, "runs"));

    if (strcmp(result, "nothing_needed") == 0)
        tr_add(&line, T_L_NOTHING, profile);
    else if (strcmp(result, "fails_anyway") == 0) {
        AUTO_BUF struct buf why = BUF_INIT(4096);
        labtext_add(&why, cli_str(found, "reason"));
        tr_add(&line, T_L_FAILS, buf_cstr(&why));
    } else
        tr_add(&line, json_bool(json_get(found, "least"), false) ? T_L_FOUND : T_L_FOUND_SOME,
               profile, runs);
    cli_add_line(&out, &c->err, buf_cstr(&line));
    add_list(&out, &c->err, json_get(found, "needed"), T_L_NEEDED, profile);
    add_list(&out, &c->err, json_get(found, "needless"), T_L_NEEDLESS, profile);
    add_list(&out, &c->err, json_get(found, "refused"), T_L_REFUSED, profile);
    cli_note(&out);
}

int cmd_profile_learn(struct cli *c, struct args *a, struct err *e)
{
    AUTO_JSON struct json *found = NULL;
    __attribute__((cleanup(request_fini))) struct request r;
    struct words w = {.count = 0};
    int status = 0;

    request_init(&r);
    if (cli_need_words(a, 1, SIZE_MAX, T_F_COMMAND, e) < 0)
        return CLI_BAD_USAGE;
    if (args_has(a, "dataset"))
        return say_err(e, E_DENIED, NULL, T_L_NO_DATASET_HINT, T_L_NO_DATASET), CLI_FAILED;
    const char *folder = args_get(a, "code") ? args_get(a, "code") : ".";
    request_set_command(&r, (const char *const *)args_words(a));
    if (!args_has(a, "no-code"))
        request_add_interpreter(&r, folder);
    add(&w, "profile");
    add(&w, "learn");
    add(&w, "--json");
    add_option(&w, a, "profile", "--profile");
    add_option(&w, a, "runs", "--runs");
    add_option(&w, a, "cgroup", "--cgroup");
    if (add_limits(&w, a, e) < 0)
        return CLI_BAD_USAGE;
    if (args_has(a, "no-code")) {
        add(&w, "--no-code");
    } else {
        add(&w, "--code");
        add(&w, folder);
    }
    add(&w, "--");
    for (size_t i = 0; i < r.command_count; i++)
        add(&w, r.command[i]);
    add(&w, NULL);
    cli_say(T_L_BEGINS);
    if (local_runner_ask(w.word, &found, &status, e) < 0)
        return CLI_FAILED;
    const struct json *error = json_get(found, "error");
    if (json_type(error) == JSON_OBJECT)
        return err_set(e, E_INVALID, cli_str(error, "field"), cli_str(error, "hint"), "%s",
                       cli_str(error, "message")),
               CLI_FAILED;
    if (c->json) {
        cli_print_json(found);
    } else {
        AUTO_BUF struct buf text = BUF_INIT(4 << 20);
        tell(c, found);
        buf_add_str(&text, cli_str(found, "text"));
        cli_print(&text);
    }
    return status == 0 ? CLI_OK : CLI_REFUSED;
}
