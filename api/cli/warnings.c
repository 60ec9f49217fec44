/*
 * warnings.c - what was lost, cut or found changed in a run; see warnings.h.
 */
#include "api/cli/warnings.h"
#include "api/cli/labtext.h"
#include "api/cli/step.h"
#include "api/common/text.h"
#include <string.h>

/* Each warning is a line of `lines`. */
static void add_line(struct buf *lines, const char *text)
{
    if (lines->len > 0)
        buf_add_char(lines, '\n');
    buf_add_str(lines, text);
}

static void add_said(struct buf *lines, const char *said)
{
    AUTO_BUF struct buf text = BUF_INIT(1 << 16);
    char safe[4096];

    labtext_add(&text, said);
    text_sanitize(buf_cstr(&text), text.len, safe, sizeof safe);
    add_line(lines, safe);
}

static void add_count(struct buf *lines, int64_t n, enum text_id one, enum text_id many)
{
    AUTO_BUF struct buf text = BUF_INIT(1024);

    if (n <= 0)
        return;
    tr_add(&text, tr_plural((uint64_t)n, one, many), human_count_text((uint64_t)n));
    add_line(lines, buf_cstr(&text));
}

static void add_changed(struct buf *lines, const struct json *failed)
{
    AUTO_BUF struct buf text = BUF_INIT(1 << 16);

    if (strcmp(cli_str(failed, "step"), "dataset_verify_after") != 0 &&
        strcmp(cli_str(failed, "step"), "environment_verify_after") != 0)
        return;
    step_explain(failed, &text);
    add_line(lines, buf_cstr(&text));
    if (*cli_str(failed, "message"))
        add_said(lines, cli_str(failed, "message"));
}

static void gather(const struct json *run, struct buf *lines)
{
    const struct json *log = json_get(run, "log"), *list = json_get(run, "warnings");
    const char *log_error = cli_str(log, "error");
    int64_t dropped = cli_int(log, "dropped_bytes");
    bool told = false;

    add_changed(lines, json_get(run, "failed"));
    for (const struct json *w = json_first(list); w; w = json_next(w)) {
        if (!json_str(w))
            continue;
        told = told || strcmp(json_str(w), log_error) == 0;
        add_said(lines, json_str(w));
    }
    if (*log_error && !told)
        add_said(lines, log_error);
    if (dropped > 0) {
        AUTO_BUF struct buf text = BUF_INIT(1024);
        tr_add(&text, *log_error ? T_LOG_LOST : T_LOG_DROPPED, human_size_text((uint64_t)dropped));
        add_line(lines, buf_cstr(&text));
    }
    add_count(lines, cli_int(run, "metrics_dropped"), T_METRICS_DROPPED_ONE,
              T_METRICS_DROPPED_MANY);
    add_count(lines, cli_int(run, "bad_metrics"), T_METRICS_BAD_ONE, T_METRICS_BAD_MANY);
}

bool warnings_any(const struct json *run)
{
    AUTO_BUF struct buf lines = BUF_INIT(1 << 20);

    gather(run, &lines);
    return lines.len > 0 || json_count(json_get(run, "refused_outputs")) > 0;
}

void warnings_add(struct buf *out, const struct term *t, const struct json *run, size_t indent)
{
    AUTO_BUF struct buf lines = BUF_INIT(1 << 20);
    size_t width = indent + term_width_of(tr(T_WARNING)) + 1;

    gather(run, &lines);
    for (char *line = lines.data; line && lines.len > 0;) {
        char *end = strchr(line, '\n');
        if (end)
            *end = '\0';
        term_add_spaces(out, indent);
        term_add(out, t, STYLE_WARN, tr(T_WARNING));
        buf_add_char(out, ' ');
        term_add_wrapped(out, line, width, term_prose_width(t), true);
        line = end ? end + 1 : NULL;
    }
}
