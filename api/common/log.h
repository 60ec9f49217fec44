/*
 * log.h - structured logs: one event with fields a line, JSON on standard error.
 *
 * {"time":"2026-11-24T05:28:59.123456Z","level":"info","program":"enclosd","event":"run.started","run":"..."}
 * error: someone must act; warn: degraded; info: transitions; debug: the rest. No dataset values,
 * tokens or program output. Control bytes are escaped here and nowhere else. One write(2) a line.
 */
#ifndef ENCLOS_LOG_H
#define ENCLOS_LOG_H

#include "api/common/err.h"
#include <stdint.h>

enum log_level { LOG_DEBUG_LEVEL, LOG_INFO_LEVEL, LOG_WARN_LEVEL, LOG_ERROR_LEVEL };

struct log_field {
    const char *key; /* NULL ends the list */
    enum { LOG_IS_STR, LOG_IS_INT, LOG_IS_ERR } type;
    const char *str;
    int64_t num;
    const struct err *err; /* expands to kind, field, message, hint, errno */
};

#define LOG_STR(k, v) ((struct log_field){.key = (k), .type = LOG_IS_STR, .str = (v)})
#define LOG_INT(k, v) ((struct log_field){.key = (k), .type = LOG_IS_INT, .num = (int64_t)(v)})
#define LOG_ERR(v) ((struct log_field){.key = "error", .type = LOG_IS_ERR, .err = (v)})
#define LOG_END ((struct log_field){.key = 0})

void log_init(const char *program, enum log_level least); /* default: "enclos", info */
void log_event(enum log_level level, const char *event, const struct log_field *fields);

#define log_at(level, event, ...) \
    log_event((level), (event), (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ) LOG_END})
#define log_debug(event, ...) log_at(LOG_DEBUG_LEVEL, event __VA_OPT__(, ) __VA_ARGS__)
#define log_info(event, ...) log_at(LOG_INFO_LEVEL, event __VA_OPT__(, ) __VA_ARGS__)
#define log_warn(event, ...) log_at(LOG_WARN_LEVEL, event __VA_OPT__(, ) __VA_ARGS__)
#define log_error(event, ...) log_at(LOG_ERROR_LEVEL, event __VA_OPT__(, ) __VA_ARGS__)

#endif
