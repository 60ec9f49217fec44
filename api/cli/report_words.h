/*
 * report_words.h - the columns of reports: their titles, and their values as people read them.
 */
#ifndef ENCLOS_CLI_REPORT_WORDS_H
#define ENCLOS_CLI_REPORT_WORDS_H

#include "api/cli/say.h"
#include "api/common/json.h"
#include <stdbool.h>

enum report_value {
    REPORT_TEXT,
    REPORT_BOTH, /* {"fr","en"} */
    REPORT_COUNT,
    REPORT_MS,
    REPORT_TIME,
    REPORT_KWH,
    REPORT_G,
    REPORT_PROJECT, /* "": a personal run */
    REPORT_STAGE,
    REPORT_FAMILY,
    REPORT_OUTCOME,
    REPORT_PURPOSE,
    REPORT_RULE,
    REPORT_CLASSIFICATION,
};

struct report_column {
    const char *name; /* in the API */
    enum text_id title;
    enum report_value type;
};
/* Of an unknown name (a newer lab): its own name as a text. */
const struct report_column *report_column_find(const char *name);
bool report_column_is_number(const struct report_column *c);
const char *report_column_title(const struct report_column *c, const char *name);

/* The value in the chosen language. */
void report_value_add(struct buf *out, const struct report_column *c, const struct json *value);
/* A number to draw; 0 when it is none. */
double report_value_number(const struct json *value);

/* Titles. */
const char *report_kind_title(const char *kind);
const char *report_table_title(const char *name);
/* How energy was estimated, one sentence, with the numbers that were used; nothing when no table tells energy. */
void report_method_add(struct buf *out, const struct json *report);

#endif
