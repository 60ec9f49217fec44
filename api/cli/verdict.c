/*
 * verdict.c - how a run ended; see verdict.h.
 *
 * One row a verdict: its word, its colour, what to say about it.
 */
#include "api/cli/verdict.h"
#include "api/cli/labtext.h"
#include "api/cli/step.h"
#include "api/cli/warnings.h"
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

    if (row && row->style == STYLE_GOOD && warnings_any(run))
        return STYLE_WARN;
    return row ? row->style : STYLE_PLAIN;
}

enum limits_kind verdict_limits(const struct json *run)
{
    /* The record tells how they were kept, which a run that has not ended does not have yet. */
    const struct json *kept = json_get(json_get(run, "sandbox"), "limits");

    if (strcmp(cli_str(run, "limits"), "best_effort") != 0 ||
        strcmp(cli_str(kept, "how"), "enforced") == 0)
        return LIMITS_ENFORCED;
    return strcmp(cli_str(kept, "how"), "best_effort") == 0 ? LIMITS_WATCHED : LIMITS_BEST_EFFORT;
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
    const struct json *limits = json_get(run, "resources");

    switch (v) {
    case VERDICT_FAILED: buf_printf(out, "%d", (int)cli_int(run, "exit_code")); break;
    case VERDICT_SIGNALED: buf_add_str(out, cli_str(run, "signal")); break;
    case VERDICT_WALL_TIMEOUT: human_duration(out, cli_int(limits, "wall_ms")); break;
    case VERDICT_CPU_TIMEOUT: human_duration(out, cli_int(limits, "cpu_ms")); break;
    case VERDICT_OUT_OF_MEMORY: human_size(out, (uint64_t)cli_int(limits, "memory_bytes")); break;
    case VERDICT_PROCESS_LIMIT: human_count(out, (uint64_t)cli_int(limits, "processes")); break;
    case VERDICT_OUTPUT_LIMIT: human_size(out, (uint64_t)cli_int(limits, "output_bytes")); break;
    case VERDICT_EXEC_FAILED:
        buf_add_str(out, json_str(json_first(json_get(run, "command"))));
        break;
    default: break;
    }
}

/* What the runner or the lab said of a failed start: a message, an errno, a hint. */
static void add_failure(const struct json *failed, struct buf *out)
{
    const char *message = cli_str(failed, "message"), *name = cli_str(failed, "errno");
    const char *hint = cli_str(failed, "hint");

    buf_add_char(out, '\n');
    labtext_add(out, message);
    if (*name && !strstr(message, name))
        buf_printf(out, " (%s)", name);
    if (*hint && !step_hint_is_said(failed)) {
        buf_add_char(out, '\n');
        labtext_add(out, hint);
    }
}

void verdict_explain(const struct json *run, struct buf *out)
{
    const struct row *row = row_of(run);
    const struct json *failed = json_get(run, "failed");

    if (!row)
        return;
    enum verdict v = (enum verdict)(row - rows);
    if (v == VERDICT_SETUP_FAILED) {
        step_explain(failed, out);
    } else if (row->explain != T_NONE) {
        AUTO_BUF struct buf cause = BUF_INIT(4096);
        add_cause(run, v, &cause);
        tr_add(out, row->explain, buf_cstr(&cause));
    }
    bool not_started = v == VERDICT_SETUP_FAILED || v == VERDICT_EXEC_FAILED;
    if (not_started && json_type(failed) == JSON_OBJECT) {
        add_failure(failed, out);
    } else if ((not_started || v == VERDICT_LOST || v == VERDICT_CANCELLED) &&
               *cli_str(run, "reason")) {
        if (out->len > 0)
            buf_add_char(out, '\n');
        labtext_add(out, cli_str(run, "reason"));
    }
    if (v == VERDICT_CANCELLED && *cli_str(run, "cancel_reason")) {
        buf_add_char(out, '\n');
        tr_add(out, T_CANCEL_REASON, cli_str(run, "cancel_reason"));
    }
}
