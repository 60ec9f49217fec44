/*
 * cmd_shell.c - enclos shell and enclos attach: a terminal inside a sandbox, joined and joined again.
 */
#include "api/cli/command.h"
#include "api/cli/interactive.h"
#include "api/cli/logout.h"
#include "api/cli/session.h"
#include "api/cli/submit.h"
#include "api/cli/summary.h"
#include "api/cli/tty.h"
#include "api/cli/verdict.h"
#include "api/cli/wait.h"
#include "api/common/fd.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct opt cmd_shell_options[] = {
    {"dataset", 'd', T_A_DATASET, T_O_DATASET, true},
    {"profile", 'p', T_A_NAME, T_O_PROFILE, false},
    {"environment", 0, T_A_ENVIRONMENT, T_O_ENVIRONMENT, false},
    {"cpus", 0, T_A_NUMBER, T_O_CPUS, false},
    {"memory", 'm', T_A_SIZE, T_O_MEMORY, false},
    {"time", 't', T_A_DURATION, T_O_TIME_INTERACTIVE, false},
    {"idle", 0, T_A_DURATION, T_O_IDLE, false},
    {"processes", 0, T_A_NUMBER, T_O_PROCESSES, false},
    {"outputs", 0, T_A_SIZE, T_O_OUTPUTS, false},
    {"outputs-on", 0, T_A_STORE, T_O_OUTPUTS_ON, false},
    {"work", 0, T_A_SIZE, T_O_WORK, false},
    {"tmp", 0, T_A_SIZE, T_O_TMP, false},
    {"name", 'n', T_A_TEXT, T_O_NAME, false},
    {"project", 0, T_A_PROJECT, T_O_PROJECT, false},
    {"experiment", 0, T_A_NAME, T_O_EXPERIMENT, false},
    {"purpose", 0, T_A_PURPOSE, T_O_PURPOSE, false},
    {"env", 'e', T_A_PAIR, T_O_ENV, true},
    {"code", 0, T_A_FOLDER, T_O_CODE, false},
    {"no-code", 0, T_NONE, T_O_NO_CODE, false},
    {"limits", 0, T_A_LIMITS, T_O_LIMITS, false},
    {"report-paths", 0, T_NONE, T_O_REPORT_PATHS, false},
    {"no-fd", 0, T_NONE, T_O_NO_FD, false},
    {0},
};

int interactive_submit(struct cli *c, struct args *a, struct request *r, const char *const *usual,
                       struct client_answer *answer, struct err *e)
{
    const char *folder = args_get(a, "code") ? args_get(a, "code") : ".";
    struct client *lab;

    if (args_has(a, "no-code") && args_has(a, "code")) {
        (void)say_err(e, E_INVALID, NULL, T_NONE, T_CODE_TWICE);
        return CLI_BAD_USAGE;
    }
    if (!args_has(a, "no-code") && submit_read_defaults(r, folder, e) < 0)
        return CLI_BAD_USAGE;
    /* The folder's command, limit of time and expectations are for its runs. */
    r->command_count = 0;
    r->resources[RES_TIME] = INTERACTIVE_WALL_MS;
    if (strcmp(r->interactive, "notebook") == 0)
        r->profile = "jupyter"; /* whatever the folder's runs use: it needs a network of its own */
    if (request_read_options(r, a, e) < 0)
        return CLI_BAD_USAGE;
    if (r->command_count == 0)
        request_set_command(r, usual);
    if (cli_lab(c, &lab, e) < 0 || (!args_has(a, "no-code") && submit_send_code(c, a, r, folder, e) < 0) ||
        submit_request(c, r, answer, e) < 0)
        return CLI_FAILED;
    return CLI_OK;
}

int interactive_end(struct cli *c, const char *run, bool brief, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_BUF struct buf text = BUF_INIT(8 << 20);
    if (wait_run(c, run, -1, &answer, e) < 0)
        return CLI_FAILED;
    const struct json *final = json_get(answer.result, "run");
    bool plain = strcmp(cli_str(final, "verdict"), "succeeded") == 0 || strcmp(cli_str(final, "verdict"), "failed") == 0;
    if (c->json) {
        cli_print_json(final);
    } else if (brief && plain && cli_int(final, "artifact_count") == 0) {
        cli_say(T_N_SHELL_ENDED, run); /* whoever typed exit knows the rest */
    } else {
        buf_add_char(&text, '\n');
        summary_add(&text, &c->err, final, false);
        cli_note(&text);
    }
    return verdict_status(final);
}

/* The shell's prompt says where one is; without bash, sh shows it as it stands. */
static void set_shell(struct request *r)
{
    const char *kind = getenv("TERM");
    request_default_env(r, "PS1", "(enclos $ENCLOS_RUN) \\w\\$ ");
    if (kind && *kind && strlen(kind) < 64)
        request_default_env(r, "TERM", kind);
    r->interactive = "shell";
    tty_size(&r->rows, &r->cols);
}

/* A program may have ended before anyone could join it: then its log is what it showed. */
static int show_log(struct cli *c, const char *run, struct err *e)
{
    int64_t from = 0;
    for (bool more = true; more;) {
        AUTO_ANSWER struct client_answer answer = {0};
        AUTO_BUF struct buf params = BUF_INIT(1024);
        struct jw w = jw_to(&params);
        jw_obj(&w);
        jw_str_at(&w, "run", run);
        jw_int_at(&w, "from", from);
        jw_end_obj(&w);
        if (cli_call(c, "run.logs", buf_cstr(&params), &answer, e) < 0)
            return -1;
        const struct json *chunks = json_get(answer.result, "chunks");
        for (const struct json *chunk = json_first(chunks); chunk; chunk = json_next(chunk)) {
            AUTO_BUF struct buf bytes = BUF_INIT(4 << 20);
            if (logout_bytes_of(chunk, &bytes))
                cli_print(&bytes);
        }
        more = json_count(chunks) > 0 && cli_int(answer.result, "next") > from;
        from = cli_int(answer.result, "next");
    }
    return 0;
}

static int need_terminal(struct err *e)
{
    return tty_is_there() ? 0 : say_err(e, E_INVALID, NULL, T_NO_TERMINAL_HINT, T_NO_TERMINAL);
}

static int join(struct cli *c, const char *run, bool started, struct err *e)
{
    AUTO_BUF struct buf params = BUF_INIT(1024);
    enum session_end end;
    unsigned rows, cols;
    int fd = -1;
    struct jw w = jw_to(&params);
    tty_size(&rows, &cols);
    jw_obj(&w);
    jw_str_at(&w, "run", run);
    jw_int_at(&w, "rows", rows);
    jw_int_at(&w, "cols", cols);
    jw_end_obj(&w);
    if (session_join(c, run, "run.attach", buf_cstr(&params), started, &fd, e) < 0)
        return CLI_FAILED;
    AUTO_FD int given = fd;
    if (given < 0)
        return show_log(c, run, e) < 0 ? CLI_FAILED : interactive_end(c, run, false, e);
    cli_say(T_N_SHELL_JOINED, run);
    if (session_terminal(given, &end, e) < 0)
        return CLI_FAILED;
    fd_close_at(&given);
    switch (end) {
    case SESSION_DETACHED: cli_say(T_N_SHELL_LEFT, run); return CLI_OK;
    case SESSION_TAKEN: cli_say(T_N_SHELL_TAKEN, run); return CLI_REFUSED;
    case SESSION_STOPPED: cli_say(T_N_SHELL_LEFT, run); return 128 + 15;
    case SESSION_ENDED: break;
    }
    return interactive_end(c, run, true, e);
}

int cmd_shell(struct cli *c, struct args *a, struct err *e)
{
    static const char *const usual[] = {"sh", "-c", "command -v bash >/dev/null && exec bash; exec sh", NULL};
    AUTO_ANSWER struct client_answer answer = {0};
    struct request r;

    if (need_terminal(e) < 0)
        return CLI_BAD_USAGE;
    request_init(&r);
    set_shell(&r);
    int status = interactive_submit(c, a, &r, usual, &answer, e);
    if (status == CLI_OK) {
        char run[INTERACTIVE_ID_SIZE];
        snprintf(run, sizeof run, "%s", cli_str(answer.result, "run"));
        status = join(c, run, true, e);
    }
    request_fini(&r);
    return status;
}

int cmd_attach(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    int bad = cli_need_words(a, 1, 1, T_A_RUN, e);
    if (bad)
        return bad;
    if (cli_call_with(c, "run.get", "run", args_word(a, 0), &answer, e) < 0)
        return CLI_FAILED;
    char run[INTERACTIVE_ID_SIZE];
    snprintf(run, sizeof run, "%s", cli_str(answer.result, "id"));
    if (strcmp(cli_str(json_get(answer.result, "interactive"), "kind"), "notebook") == 0)
        return interactive_notebook(c, run, args_get(a, "port"), e);
    if (need_terminal(e) < 0)
        return CLI_BAD_USAGE;
    return join(c, run, false, e);
}
