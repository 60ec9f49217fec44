/*
 * verdict.c - how a run ended; see verdict.h.
 *
 * One row a verdict: its word, its colour, what to say about it.
 */
#include "api/cli/verdict.h"
#include "api/common/runfolder.h"
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

struct row {
    enum text_id word;
    enum style style;
    enum text_id explain; /* {1}: limit or cause, see explanation() */
    int status;           /* 0 for a success, -1: of the program */
};

static const struct row rows[VERDICT_COUNT] = {
    [VERDICT_SUCCEEDED] = {T_V_SUCCEEDED, STYLE_GOOD, T_NONE, 0},
    [VERDICT_FAILED] = {T_V_FAILED, STYLE_BAD, T_X_FAILED, -1},
    [VERDICT_SIGNALED] = {T_V_SIGNALED, STYLE_BAD, T_X_SIGNALED, -1},
    [VERDICT_CANCELLED] = {T_V_CANCELLED, STYLE_WARN, T_NONE, CLI_CANCELLED},
    [VERDICT_WALL_TIMEOUT] = {T_V_WALL_TIMEOUT, STYLE_BAD, T_X_WALL_TIMEOUT, CLI_TIME_LIMIT},
    [VERDICT_CPU_TIMEOUT] = {T_V_CPU_TIMEOUT, STYLE_BAD, T_X_CPU_TIMEOUT, CLI_TIME_LIMIT},
    [VERDICT_OUT_OF_MEMORY] = {T_V_OUT_OF_MEMORY, STYLE_BAD, T_X_OUT_OF_MEMORY, CLI_OUT_OF_MEMORY},
    [VERDICT_PROCESS_LIMIT] = {T_V_PROCESS_LIMIT, STYLE_BAD, T_X_PROCESS_LIMIT, -1},
    [VERDICT_OUTPUT_LIMIT] = {T_V_OUTPUT_LIMIT, STYLE_BAD, T_X_OUTPUT_LIMIT, -1},
    [VERDICT_POLICY_VIOLATION] = {T_V_POLICY_VIOLATION, STYLE_BAD, T_X_POLICY_VIOLATION, -1},
    [VERDICT_SETUP_FAILED] = {T_V_SETUP_FAILED, STYLE_BAD, T_X_SETUP_FAILED, CLI_LAB_FAILED},
    [VERDICT_EXEC_FAILED] = {T_V_EXEC_FAILED, STYLE_BAD, T_X_EXEC_FAILED, CLI_LAB_FAILED},
    [VERDICT_LOST] = {T_V_LOST, STYLE_BAD, T_X_LOST, CLI_LAB_FAILED},
};
static_assert(VERDICT_COUNT == 14, "a verdict needs its row");

static const struct row *row_of(const struct json *run)
{
    int v = verdict_of(cli_str(run, "verdict"));

    return v > VERDICT_NONE && v < VERDICT_COUNT ? &rows[v] : NULL;
}

static enum text_id state_word(const char *state)
{
    static const enum text_id words[RUN_STATE_COUNT] = {
        [RUN_QUEUED] = T_S_QUEUED,
        [RUN_STARTING] = T_S_STARTING,
        [RUN_RUNNING] = T_S_RUNNING,
        [RUN_FINISHED] = T_S_FINISHED,
    };
    int s = run_state_of(state);

    return s < 0 ? T_NONE : words[s];
}

const char *verdict_word(const struct json *run)
{
    const struct row *row = row_of(run);
    const char *state = cli_str(run, "state"), *verdict = cli_str(run, "verdict");

    if (row)
        return tr(row->word);
    /* A newer lab may know a verdict that we do not: its own name is better than nothing. */
    if (*verdict)
        return verdict;
    return state_word(state) == T_NONE ? state : tr(state_word(state));
}

enum style verdict_style(const struct json *run)
{
    const struct row *row = row_of(run);

    return row ? row->style : STYLE_PLAIN;
}

static int signal_number(const char *name)
{
    for (int i = 1; i < NSIG; i++) {
        const char *abbreviation = sigabbrev_np(i);
        if (abbreviation && strncmp(name, "SIG", 3) == 0 && strcmp(name + 3, abbreviation) == 0)
            return i;
    }
    return 0;
}

int verdict_status(const struct json *run)
{
    const struct row *row = row_of(run);
    int64_t code = cli_int(run, "exit_code");
    int number = signal_number(cli_str(run, "signal"));

    if (row && row->status >= 0)
        return row->status;
    if (row && number > 0)
        return 128 + number;
    return row && code > 0 && code < 256 ? (int)code : CLI_LAB_FAILED;
}

/* What {1} is in the explanation of a verdict. */
static void add_cause(const struct json *run, enum verdict v, struct buf *out)
{
    const struct json *limits = json_get(run, "resources"), *failed = json_get(run, "failed");

    switch (v) {
    case VERDICT_FAILED: buf_printf(out, "%d", (int)cli_int(run, "exit_code")); break;
    case VERDICT_SIGNALED: buf_add_str(out, cli_str(run, "signal")); break;
    case VERDICT_WALL_TIMEOUT: human_duration(out, cli_int(limits, "wall_ms")); break;
    case VERDICT_CPU_TIMEOUT: human_duration(out, cli_int(limits, "cpu_ms")); break;
    case VERDICT_OUT_OF_MEMORY: human_size(out, (uint64_t)cli_int(limits, "memory_bytes")); break;
    case VERDICT_PROCESS_LIMIT: human_count(out, (uint64_t)cli_int(limits, "processes")); break;
    case VERDICT_OUTPUT_LIMIT: human_size(out, (uint64_t)cli_int(limits, "output_bytes")); break;
    case VERDICT_SETUP_FAILED: buf_add_str(out, cli_str(failed, "step")); break;
    case VERDICT_EXEC_FAILED:
        buf_add_str(out, json_str(json_first(json_get(run, "command"))));
        break;
    default: break;
    }
}

void verdict_explain(const struct json *run, struct buf *out)
{
    const struct row *row = row_of(run);
    const struct json *failed = json_get(run, "failed");

    if (!row || row->explain == T_NONE)
        return;
    AUTO_BUF struct buf cause = BUF_INIT(4096);
    add_cause(run, (enum verdict)(row - rows), &cause);
    tr_add(out, row->explain, buf_cstr(&cause));
    if (json_type(failed) != JSON_OBJECT)
        return;
    /* The runner's own words, in English: a message, an errno, a hint. */
    buf_add_char(out, '\n');
    if (*cli_str(failed, "message"))
        buf_add_str(out, cli_str(failed, "message"));
    if (*cli_str(failed, "errno") && !strstr(cli_str(failed, "message"), cli_str(failed, "errno")))
        buf_printf(out, " (%s)", cli_str(failed, "errno"));
    if (*cli_str(failed, "hint"))
        buf_printf(out, "\n%s", cli_str(failed, "hint"));
}
