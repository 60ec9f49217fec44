/*
 * log.c - structured logs: one JSON object a line on standard error, one write(2) each.
 *
 * The level and the program's name are set once, before threads start. Lines of several threads do
 * not mix, since each is one write of less than what the kernel keeps together.
 */
#include "api/common/log.h"

#include "api/common/buf.h"
#include "api/common/fd.h"
#include "api/common/json.h"
#include "api/common/text.h"
#include "api/common/utf8.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { VALUE_MAX_BYTES = 2048, LINE_MAX_BYTES = 32 << 10 };

static const char *const level_names[] = {
    [LOG_DEBUG_LEVEL] = "debug",
    [LOG_INFO_LEVEL] = "info",
    [LOG_WARN_LEVEL] = "warn",
    [LOG_ERROR_LEVEL] = "error",
};

static char log_program[32] = "enclos";
static enum log_level log_least = LOG_INFO_LEVEL;

void log_init(const char *program, enum log_level least)
{
    snprintf(log_program, sizeof log_program, "%s", program);
    log_least = least;
}

/* A value of bounded length, cut between characters. */
static void put_str(struct jw *w, const char *key, const char *s)
{
    jw_key(w, key);
    if (!s) {
        jw_null(w);
        return;
    }
    size_t len = strnlen(s, VALUE_MAX_BYTES);
    for (size_t back = 1; back < 4 && len == VALUE_MAX_BYTES && back <= len; back++)
        if (utf8_is_cut(s + len - back, back)) {
            len -= back;
            break;
        }
    jw_strn(w, s, len);
}

static void put_err(struct jw *w, const char *key, const struct err *err)
{
    jw_obj_at(w, key);
    put_str(w, "kind", err_kind_name(err->kind));
    if (err->field[0])
        put_str(w, "field", err->field);
    put_str(w, "message", err->message);
    if (err->hint[0])
        put_str(w, "hint", err->hint);
    if (err->os_errno)
        put_str(w, "errno", err_errno_name(err->os_errno));
    jw_end_obj(w);
}

void log_event(enum log_level level, const char *event, const struct log_field *fields)
{
    AUTO_BUF struct buf line = BUF_INIT(LINE_MAX_BYTES);
    struct jw w = jw_to(&line);
    char iso[32], when[40];
    int64_t now = time_now_us();

    if (level < log_least)
        return;
    time_iso(now, iso); /* ends in ".123Z" */
    snprintf(when, sizeof when, "%.*s%03dZ", (int)strlen(iso) - 1, iso, (int)(now % 1000));
    jw_obj(&w);
    jw_str_at(&w, "time", when);
    jw_str_at(&w, "level", level_names[level]);
    jw_str_at(&w, "program", log_program);
    put_str(&w, "event", event);
    for (const struct log_field *f = fields; f->key; f++) {
        if (f->type == LOG_IS_INT)
            jw_int_at(&w, f->key, f->num);
        else if (f->type == LOG_IS_ERR)
            put_err(&w, f->key, f->err);
        else
            put_str(&w, f->key, f->str);
    }
    jw_end_obj(&w);
    buf_add_char(&line, '\n');
    if (line.failed) {
        /* Too many fields, or no memory: say at least that. Nothing here needs escaping but the
         * event's name, which is a word of ours. */
        char less[256];
        int n = snprintf(less, sizeof less,
                         "{\"time\":\"%s\",\"level\":\"%s\",\"program\":\"%s\",\"event\":\"%.64s\","
                         "\"cut\":true}\n",
                         when, level_names[level], log_program, event);
        (void)!fd_write_all(STDERR_FILENO, less, (size_t)n);
        return;
    }
    /* Nobody can be told that telling failed. */
    (void)!fd_write_all(STDERR_FILENO, line.data, line.len);
}
