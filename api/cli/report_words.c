/*
 * report_words.c - see report_words.h.
 */
#include "api/cli/report_words.h"
#include "api/cli/cli.h"
#include "api/cli/human.h"
#include "api/cli/verdict.h"
#include "api/common/purpose.h"
#include <stdio.h>
#include <string.h>

static const struct report_column columns[] = {
    {"project", T_R_PROJECT, REPORT_PROJECT},
    {"title", T_R_TITLE, REPORT_BOTH},
    {"organisation", T_R_ORGANISATION, REPORT_TEXT},
    {"portfolio", T_R_PORTFOLIO, REPORT_TEXT},
    {"family", T_R_FAMILY, REPORT_FAMILY},
    {"benefits", T_R_BENEFITS, REPORT_BOTH},
    {"stage", T_R_STAGE, REPORT_STAGE},
    {"experiments", T_R_EXPERIMENTS, REPORT_COUNT},
    {"lessons", T_R_LESSONS, REPORT_COUNT},
    {"runs", T_R_RUNS, REPORT_COUNT},
    {"succeeded", T_R_SUCCEEDED, REPORT_COUNT},
    {"people", T_R_PEOPLE, REPORT_COUNT},
    {"projects", T_R_PROJECTS, REPORT_COUNT},
    {"programs", T_R_PROGRAMS, REPORT_COUNT},
    {"entries", T_R_ENTRIES, REPORT_COUNT},
    {"audit_entry", T_R_AUDIT_ENTRY, REPORT_COUNT},
    {"cpu_ms", T_R_CPU, REPORT_MS},
    {"wall_ms", T_R_WALL, REPORT_MS},
    {"energy_kwh", T_R_ENERGY, REPORT_KWH},
    {"direct_g", T_R_DIRECT, REPORT_G},
    {"lifecycle_g", T_R_LIFECYCLE, REPORT_G},
    {"purpose", T_R_PURPOSE, REPORT_PURPOSE},
    {"outcome", T_R_OUTCOME, REPORT_OUTCOME},
    {"month", T_R_MONTH, REPORT_TEXT},
    {"dataset", T_R_DATASET, REPORT_TEXT},
    {"classification", T_R_CLASSIFICATION, REPORT_CLASSIFICATION},
    {"person", T_R_PERSON, REPORT_TEXT},
    {"rule", T_R_RULE, REPORT_RULE},
    {"first_us", T_R_FIRST, REPORT_TIME},
    {"last_us", T_R_LAST, REPORT_TIME},
    {"time_us", T_R_TIME, REPORT_TIME},
    {"action", T_R_ACTION, REPORT_TEXT},
    {"subject", T_R_SUBJECT, REPORT_TEXT},
};

static const struct word {
    const char *code;
    enum text_id word;
} stages[] = {{"opportunity", T_R_OPPORTUNITY}, {"assessed", T_R_ASSESSED},
              {"experimenting", T_R_EXPERIMENTING}, {"pilot", T_R_PILOT},
              {"published", T_R_PUBLISHED}, {"stopped", T_R_STOPPED}, {0}},
  families[] = {{"analysis_prediction", T_R_ANALYSIS}, {"automation", T_R_AUTOMATION},
                {"interaction", T_R_INTERACTION}, {"environment", T_R_NATURE}, {0}},
  rules[] = {{"grant", T_R_BY_GRANT}, {"public", T_R_BY_PUBLIC}, {"custodian", T_R_BY_CUSTODIAN},
             {"admin", T_R_BY_ADMIN}, {0}},
  classifications[] = {{"public", T_CL_PUBLIC}, {"interne", T_CL_INTERNE},
                       {"confidentiel", T_CL_CONFIDENTIEL}, {"tres_confidentiel", T_CL_TRES_CONFIDENTIEL}, {0}},
  kinds[] = {{"portfolio", T_R_KIND_PORTFOLIO}, {"accountability", T_R_KIND_ACCOUNTABILITY},
             {"data-access", T_R_KIND_DATA}, {"environment", T_R_KIND_ENVIRONMENT}, {0}},
  tables[] = {{"projects", T_R_TABLE_PROJECTS}, {"months", T_R_TABLE_MONTHS},
              {"outcomes", T_R_TABLE_OUTCOMES}, {"actions", T_R_TABLE_ACTIONS},
              {"decisions", T_R_TABLE_DECISIONS}, {"data", T_R_TABLE_DATA},
              {"energy", T_R_TABLE_ENERGY}, {0}};

/* A code that this version does not know is better than nothing. */
static const char *word_of(const struct word *words, const char *code)
{
    for (; words->code; words++)
        if (strcmp(words->code, code) == 0)
            return tr(words->word);
    return code;
}

const struct report_column *report_column_find(const char *name)
{
    static const struct report_column unknown = {"", T_NONE, REPORT_TEXT};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        if (strcmp(columns[i].name, name) == 0)
            return &columns[i];
    return &unknown;
}

bool report_column_is_number(const struct report_column *c)
{
    return c->type == REPORT_COUNT || c->type == REPORT_MS || c->type == REPORT_KWH ||
           c->type == REPORT_G;
}

const char *report_column_title(const struct report_column *c, const char *name)
{
    return c->title == T_NONE ? name : tr(c->title);
}

const char *report_kind_title(const char *kind)
{
    return word_of(kinds, kind);
}

const char *report_table_title(const char *name)
{
    return word_of(tables, name);
}

double report_value_number(const struct json *value)
{
    return json_num(value, 0);
}

/* In the unit that keeps it readable; three significant digits, an estimate has no more. */
static void add_estimate(struct buf *out, double n, bool energy)
{
    static const struct {
        double least;
        const char *energy, *mass;
    } units[] = {{1e6, "GWh", "t"}, {1e3, "MWh", "kg"}, {1, "kWh", "g"}, {1e-3, "Wh", "mg"}, {1e-6, "mWh", "µg"}};
    size_t u = 0;
    while (u < 4 && n < units[u].least)
        u++;
    if (n <= 0)
        u = 2;
    char text[40];
    snprintf(text, sizeof text, "%.3g", n / units[u].least);
    double rounded = 0;
    if (sscanf(text, "%lf", &rounded) != 1)
        rounded = n;
    human_number(out, rounded);
    buf_printf(out, NBSP "%s", energy ? units[u].energy : units[u].mass);
}

static void add_both(struct buf *out, const struct json *value)
{
    bool french = say_lang() == LANG_FR;
    const char *text = json_str(json_get(value, french ? "fr" : "en"));
    if (!text)
        text = json_str(json_get(value, french ? "en" : "fr"));
    buf_add_str(out, text ? text : "");
}

static void add_outcome(struct buf *out, const char *code)
{
    static const char *const states[] = {"queued", "starting", "running"};
    AUTO_BUF struct buf text = BUF_INIT(256);
    struct jw w = jw_to(&text);
    struct err e = {0};
    const char *state = "finished";
    for (size_t i = 0; i < 3; i++)
        if (strcmp(states[i], code) == 0)
            state = code;
    jw_obj(&w);
    jw_str_at(&w, "state", state);
    jw_str_at(&w, "verdict", strcmp(state, "finished") == 0 ? code : NULL);
    jw_end_obj(&w);
    AUTO_JSON struct json *run = json_parse(buf_cstr(&text), text.len, NULL, &e);
    buf_add_str(out, run ? verdict_word(run) : code);
}

void report_value_add(struct buf *out, const struct report_column *c, const struct json *value)
{
    const char *text = json_str(value);
    const struct purpose *purpose;
    switch (c->type) {
    case REPORT_BOTH: add_both(out, value); return;
    case REPORT_COUNT: human_count(out, (uint64_t)json_int(value, 0)); return;
    case REPORT_MS: human_duration(out, (int64_t)json_num(value, 0)); return;
    case REPORT_TIME: human_date(out, json_int(value, 0)); return;
    case REPORT_KWH: add_estimate(out, json_num(value, 0), true); return;
    case REPORT_G:
        if (json_type(value) == JSON_NUMBER)
            add_estimate(out, json_num(value, 0), false);
        return;
    case REPORT_PROJECT: buf_add_str(out, text && *text ? text : tr(T_R_PERSONAL)); return;
    case REPORT_STAGE: buf_add_str(out, text ? word_of(stages, text) : ""); return;
    case REPORT_FAMILY: buf_add_str(out, text ? word_of(families, text) : ""); return;
    case REPORT_CLASSIFICATION: buf_add_str(out, text ? word_of(classifications, text) : ""); return;
    case REPORT_RULE: buf_add_str(out, text ? word_of(rules, text) : ""); return;
    case REPORT_OUTCOME: add_outcome(out, text ? text : ""); return;
    case REPORT_PURPOSE:
        purpose = text ? purpose_find(text) : NULL;
        buf_add_str(out, !purpose ? (text ? text : "")
                         : say_lang() == LANG_FR ? purpose->title_fr
                                                 : purpose->title_en);
        return;
    case REPORT_TEXT: break;
    }
    buf_add_str(out, text ? text : "");
}

static const char *number_text(struct buf *room, double n)
{
    buf_clear(room);
    human_number(room, n);
    return buf_cstr(room);
}

static bool tells_energy(const struct json *report)
{
    for (const struct json *t = json_first(json_get(report, "tables")); t; t = json_next(t))
        for (const struct json *c = json_first(json_get(t, "columns")); c; c = json_next(c))
            if (json_str(c) && strcmp(json_str(c), "energy_kwh") == 0)
                return true;
    return false;
}

void report_method_add(struct buf *out, const struct json *report)
{
    if (!tells_energy(report))
        return;
    const struct json *m = json_get(report, "method");
    AUTO_BUF struct buf core = BUF_INIT(64), memory = BUF_INIT(64), pue = BUF_INIT(64),
                        direct = BUF_INIT(64), life = BUF_INIT(64), range = BUF_INIT(64);
    const struct json *lifecycle = json_get(m, "lifecycle_g_per_kwh");
    number_text(&core, json_num(json_get(m, "core_w"), 0));
    number_text(&memory, json_num(json_get(m, "memory_w_per_gb"), 0));
    number_text(&pue, json_num(json_get(m, "pue"), 0));
    number_text(&range, json_num(json_get(m, "range_factor"), 0));
    number_text(&direct, json_num(json_get(m, "direct_g_per_kwh"), 0));
    if (json_type(lifecycle) == JSON_NUMBER)
        number_text(&life, json_num(lifecycle, 0));
    else
        buf_add_str(&life, "?");
    tr_add(out, T_R_METHOD, buf_cstr(&core), buf_cstr(&memory), buf_cstr(&pue), cli_str(m, "region"),
           buf_cstr(&direct), buf_cstr(&life), buf_cstr(&range), cli_str(m, "source"));
}
