/*
 * metric.c - metric points with their summaries, params and tags, as batches from a run's log.
 *
 * The position in the log moves in the same transaction as what was read up to there: after a crash
 * ingest starts again from the stored position, and nothing is missing or there twice.
 */
#include "catalog/metric.h"

#include "api/common/json.h"
#include "catalog/change.h"
#include "catalog/db.h"
#include "catalog/search.h"
#include <assert.h>
#include <math.h>
#include <string.h>

enum { EVENT_DETAIL_BYTES = 8 << 10 };

enum {
    METRIC_RUN,
    METRIC_SET_OFFSET,
    METRIC_LINES,
    METRIC_FIND,
    METRIC_NEW,
    METRIC_UPDATE,
    METRIC_ADD_POINT,
    METRIC_COUNT,
    METRIC_LATEST,
    METRIC_POINTS,
    PARAM_FIND,
    PARAM_ADD,
    PARAM_COUNT,
    TAG_FIND,
    TAG_SET,
    TAG_COUNT,
    METRIC_SQL_COUNT
};

static const struct sql_row rows[] = {
    [METRIC_RUN] = {.text = "SELECT seq, log_offset FROM run WHERE id = ?"},
    [METRIC_SET_OFFSET] = {.text = "UPDATE run SET log_offset = ?, bad_metrics = bad_metrics + ?,"
                                   " metric_lines = metric_lines + ? WHERE seq = ?"},
    [METRIC_LINES] = {.text = "SELECT metric_lines FROM run WHERE id = ?"},
    [METRIC_FIND] = {.text = "SELECT id, last, last_step, last_time_us, min, max, count FROM metric"
                             " WHERE run = ? AND name = ?"},
    [METRIC_NEW] = {.text = "INSERT INTO metric (run, name, last_step, last_time_us, count)"
                            " VALUES (?, ?, 0, 0, 0)"},
    [METRIC_UPDATE] = {.text =
                           "UPDATE metric SET last = ?, last_step = ?, last_time_us = ?, min = ?,"
                           " max = ?, count = ? WHERE id = ?"},
    [METRIC_ADD_POINT] = {.text = "INSERT INTO metric_point (metric, number, step, time_us, value)"
                                  " VALUES (?, ?, ?, ?, ?)"},
    [METRIC_COUNT] = {.text = "SELECT count(*) FROM metric WHERE run = ?"},
    [METRIC_LATEST] =
        {.text = "SELECT name, last, last_step, last_time_us, min, max, count FROM metric m"
                 " WHERE m.run = (SELECT seq FROM run WHERE id = ?) ORDER BY name"},
    [METRIC_POINTS] = {.text = "SELECT number, step, time_us, value FROM metric_point"
                               " WHERE metric = ? AND number > ? ORDER BY number LIMIT ?"},
    [PARAM_FIND] = {.text = "SELECT value FROM param WHERE run = ? AND name = ?"},
    [PARAM_ADD] = {.text = "INSERT INTO param (run, name, value) VALUES (?, ?, ?)"},
    [PARAM_COUNT] = {.text = "SELECT count(*) FROM param WHERE run = ?"},
    [TAG_FIND] = {.text = "SELECT value FROM tag WHERE run = ? AND name = ?"},
    [TAG_SET] = {.text = "INSERT INTO tag (run, name, value) VALUES (?, ?, ?)"
                         " ON CONFLICT (run, name) DO UPDATE SET value = excluded.value"},
    [TAG_COUNT] = {.text = "SELECT count(*) FROM tag WHERE run = ?"},
};
static_assert(sizeof rows / sizeof rows[0] == METRIC_SQL_COUNT, "one statement a row");
const struct sql_table metric_sql = {"metric", rows, METRIC_SQL_COUNT, SQL_METRIC};

/* ---- summaries being updated by a batch ---- */

struct summary {
    int64_t id;
    const char *name; /* of the first item of the batch that has it */
    double last, min, max;
    int64_t last_step, last_time_us, count;
};

/* The metrics that a batch touches, so that each summary is read and written once. Open
 * addressing. */
struct touched {
    struct summary *slots;
    size_t room;      /* a power of two, more than twice what the batch has */
    int64_t names[3]; /* that the run has of each metric_kind; -1: not counted in this batch yet */
    bool texts;       /* a param or a tag was written: the run is found by other words */
};

static int touched_init(struct touched *t, size_t items)
{
    t->texts = false;
    t->room = 16;
    while (t->room < 2 * items + 2)
        t->room *= 2;
    t->slots = mem_try(t->room * sizeof *t->slots);
    for (size_t i = 0; i < sizeof t->names / sizeof t->names[0]; i++)
        t->names[i] = -1;
    return t->slots ? 0 : -1;
}

static struct summary *touched_slot(struct touched *t, const char *name)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (const char *p = name; *p; p++)
        hash = (hash ^ (unsigned char)*p) * 1099511628211u;
    size_t i = (size_t)hash & (t->room - 1);
    while (t->slots[i].name && strcmp(t->slots[i].name, name) != 0)
        i = (i + 1) & (t->room - 1);
    return &t->slots[i];
}

/* MLflow's rule: the last value is the one with the greatest (step, time); here the later line
 * wins when both are equal. */
static void summary_add(struct summary *m, const struct metric_item *item)
{
    if (m->count == 0 || item->step > m->last_step ||
        (item->step == m->last_step && item->time_us >= m->last_time_us)) {
        m->last = item->value;
        m->last_step = item->step;
        m->last_time_us = item->time_us;
    }
    m->min = fmin(m->min, item->value); /* fmin and fmax leave NaN out */
    m->max = fmax(m->max, item->value);
    m->count++;
}

static void refuse(struct metric_item *item, const char *why)
{
    item->refused = true;
    item->why = why;
}

/* One more name, or the item is refused. Counted once a batch and not for each name: a run that is
 * full may go on with millions of them, and the thread that writes is everybody's. */
static int add_name(struct cat *db, int64_t seq, struct touched *t, struct metric_item *item,
                    struct err *e)
{
    static const struct {
        int count;
        int64_t max;
        const char *full;
    } kinds[] = {
        [METRIC_POINT] = {METRIC_COUNT, METRIC_NAMES_MAX, "the run has too many metrics already"},
        [METRIC_PARAM] = {PARAM_COUNT, RUN_PARAMS_MAX, "the run has too many params already"},
        [METRIC_TAG] = {TAG_COUNT, RUN_PARAMS_MAX, "the run has too many tags already"},
    };
    int64_t *names = &t->names[item->kind];
    if (*names < 0) {
        AUTO_STMT sqlite3_stmt *s =
            cat_query(db, &metric_sql, kinds[item->kind].count, e, V_I(seq));
        int rc = s ? cat_step(db, s, e) : -1;
        if (rc < 0)
            return -1;
        *names = sqlite3_column_int64(s, 0);
    }
    if (*names >= kinds[item->kind].max)
        refuse(item, kinds[item->kind].full);
    else
        ++*names;
    return 0;
}

/* ---- one item each ---- */

/* Reads the summary of a metric, making it when it is new. */
static int summary_load(struct cat *db, int64_t seq, struct touched *t, struct metric_item *item,
                        struct summary *m, struct err *e)
{
    {
        AUTO_STMT sqlite3_stmt *s =
            cat_query(db, &metric_sql, METRIC_FIND, e, V_I(seq), V_T(item->name));
        int rc = s ? cat_step(db, s, e) : -1;
        if (rc < 0)
            return -1;
        if (rc == 1) {
            *m = (struct summary){
                .id = sqlite3_column_int64(s, 0),
                .name = item->name,
                .last = cat_col_num(s, 1),
                .last_step = sqlite3_column_int64(s, 2),
                .last_time_us = sqlite3_column_int64(s, 3),
                .min = cat_col_num(s, 4),
                .max = cat_col_num(s, 5),
                .count = sqlite3_column_int64(s, 6),
            };
            return 0;
        }
    }
    if (add_name(db, seq, t, item, e) < 0)
        return -1;
    if (item->refused)
        return 0;
    if (cat_do(db, &metric_sql, METRIC_NEW, e, V_I(seq), V_T(item->name)) < 0)
        return -1;
    *m = (struct summary){.id = cat_last_id(db),
                          .name = item->name,
                          .last = (double)NAN,
                          .min = (double)NAN,
                          .max = (double)NAN};
    return 0;
}

static int add_point(struct cat *db, int64_t seq, struct touched *t, struct metric_item *item,
                     struct err *e)
{
    struct summary *m = touched_slot(t, item->name);
    if (!m->name && summary_load(db, seq, t, item, m, e) < 0)
        return -1;
    if (item->refused)
        return 0;
    summary_add(m, item);
    return cat_do(db, &metric_sql, METRIC_ADD_POINT, e, V_I(m->id), V_I(m->count), V_I(item->step),
                  V_I(item->time_us), V_D(item->value));
}

/* A param or a tag: what it holds now decides. */
static int add_text(struct cat *db, int64_t seq, struct touched *t, struct metric_item *item,
                    struct err *e)
{
    bool param = item->kind == METRIC_PARAM;
    bool there;
    {
        AUTO_STMT sqlite3_stmt *s =
            cat_query(db, &metric_sql, param ? PARAM_FIND : TAG_FIND, e, V_I(seq), V_T(item->name));
        int rc = s ? cat_step(db, s, e) : -1;
        if (rc < 0)
            return -1;
        there = rc == 1;
        if (there && strcmp((const char *)sqlite3_column_text(s, 0), item->text) == 0)
            return 0;
    }
    if (there && param) {
        refuse(item, "the param has another value already");
        return 0;
    }
    if (!there && add_name(db, seq, t, item, e) < 0)
        return -1;
    if (item->refused)
        return 0;
    t->texts = true;
    return cat_do(db, &metric_sql, param ? PARAM_ADD : TAG_SET, e, V_I(seq), V_T(item->name),
                  V_T(item->text));
}

static bool check_item(struct metric_item *item)
{
    size_t len = strlen(item->name);
    item->refused = false;
    item->why = NULL;
    if (len < 1 || len > METRIC_NAME_MAX_BYTES || !text_is_utf8(item->name, len) ||
        text_has_control(item->name, len))
        refuse(item, "the name is not 1 to 250 bytes of UTF-8 without control characters");
    else if (item->kind != METRIC_POINT && strlen(item->text) > RUN_VALUE_MAX_BYTES)
        refuse(item, "the value is longer than 6000 bytes");
    else if (item->kind != METRIC_POINT && !text_is_utf8(item->text, strlen(item->text)))
        refuse(item, "the value is not UTF-8");
    return !item->refused;
}

static int keep_refusal(struct cat *db, const char *run_id, const struct metric_item *item,
                        int64_t now_us, struct err *e)
{
    static const char *const kinds[] = {"metric", "param", "tag"};
    AUTO_BUF struct buf detail = BUF_INIT(EVENT_DETAIL_BYTES);
    char name[METRIC_NAME_MAX_BYTES + 1];
    text_sanitize(item->name, strlen(item->name), name, sizeof name);
    struct jw w = jw_to(&detail);
    jw_obj(&w);
    jw_str_at(&w, "kind", kinds[item->kind]);
    jw_str_at(&w, "name", name);
    jw_str_at(&w, "reason", item->why);
    jw_end_obj(&w);
    return cat_run_event_add(db, run_id, now_us, "bad_metric", buf_cstr(&detail), e);
}

/* ---- a batch ---- */

static int add_items(struct cat *db, const char *run_id, int64_t seq, struct metric_batch *batch,
                     struct touched *t, int64_t now_us, int64_t *refused, struct err *e)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct metric_item *item = &batch->items[i];
        if (check_item(item) && (item->kind == METRIC_POINT ? add_point(db, seq, t, item, e)
                                                            : add_text(db, seq, t, item, e)) < 0)
            return -1;
        if (!item->refused)
            continue;
        ++*refused;
        if (keep_refusal(db, run_id, item, now_us, e) < 0)
            return -1;
    }
    for (size_t i = 0; i < t->room; i++) {
        const struct summary *m = &t->slots[i];
        if (m->name &&
            cat_do(db, &metric_sql, METRIC_UPDATE, e, V_D(m->last), V_I(m->last_step),
                   V_I(m->last_time_us), V_D(m->min), V_D(m->max), V_I(m->count), V_I(m->id)) < 0)
            return -1;
    }
    return 0;
}

static int find_run(struct cat *db, const char *run_id, int64_t *seq, uint64_t *offset,
                    struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &metric_sql, METRIC_RUN, e, V_T(run_id));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(e, E_NOT_FOUND, "run", "`enclos ps --all` lists them", "there is no run %s",
                       run_id);
    *seq = sqlite3_column_int64(s, 0);
    *offset = (uint64_t)sqlite3_column_int64(s, 1);
    return 0;
}

int cat_metric_add_batch(struct cat *db, const char *run_id, struct metric_batch *batch,
                         int64_t now_us, struct err *e)
{
    int64_t seq = 0;
    uint64_t offset = 0;
    int64_t refused = 0;
    struct touched t;
    if (find_run(db, run_id, &seq, &offset, e) < 0)
        return -1;
    if (batch->from_offset != offset || batch->to_offset < offset)
        return err_set(
            e, E_CONFLICT, "offset", NULL,
            "the log of %s is in the catalog up to %llu; this batch goes from %llu to %llu", run_id,
            (unsigned long long)offset, (unsigned long long)batch->from_offset,
            (unsigned long long)batch->to_offset);
    if (touched_init(&t, batch->count) < 0)
        return err_set(e, E_LIMIT, "metrics", NULL, "no memory for a batch of %zu", batch->count);
    int rc = add_items(db, run_id, seq, batch, &t, now_us, &refused, e);
    if (rc == 0 && t.texts)
        rc = search_run(db, seq, e);
    mem_free_at(&t.slots);
    if (rc < 0)
        return err_context(e, "metrics of %s", run_id);
    if ((batch->count > 0 || batch->bad_lines > 0) &&
        change_add_passing(db, "run", run_id, now_us, e) < 0)
        return -1;
    return cat_do(db, &metric_sql, METRIC_SET_OFFSET, e, V_I(batch->to_offset),
                  V_I(batch->bad_lines + refused), V_I(batch->lines), V_I(seq));
}

int cat_metric_lines(struct cat *db, const char *run_id, int64_t *lines, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &metric_sql, METRIC_LINES, e, V_T(run_id));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(e, E_NOT_FOUND, "run", "`enclos ps --all` lists them", "there is no run %s",
                       run_id);
    *lines = sqlite3_column_int64(s, 0);
    return 0;
}

/* ---- reading ---- */

int cat_metric_latest(struct cat *db, struct arena *a, const char *run_id,
                      struct metric_summary **out, size_t *count, struct err *e)
{
    size_t room = 0;
    *out = NULL;
    *count = 0;
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &metric_sql, METRIC_LATEST, e, V_T(run_id));
    int rc = -1;
    while (s && (rc = cat_step(db, s, e)) == 1) {
        if (*count == room) {
            room = room ? 2 * room : 16;
            struct metric_summary *more = arena_alloc(a, room * sizeof *more);
            if (*count)
                memcpy(more, *out, *count * sizeof *more);
            *out = more;
        }
        (*out)[(*count)++] = (struct metric_summary){
            .name = cat_col_text(a, s, 0),
            .last = cat_col_num(s, 1),
            .last_step = sqlite3_column_int64(s, 2),
            .last_time_us = sqlite3_column_int64(s, 3),
            .min = cat_col_num(s, 4),
            .max = cat_col_num(s, 5),
            .count = sqlite3_column_int64(s, 6),
        };
    }
    return rc;
}

static int find_metric(struct cat *db, const char *run_id, const char *name, int64_t *id,
                       int64_t *points, struct err *e)
{
    int64_t seq = 0;
    uint64_t offset = 0;
    if (find_run(db, run_id, &seq, &offset, e) < 0)
        return -1;
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &metric_sql, METRIC_FIND, e, V_I(seq), V_T(name));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(e, E_NOT_FOUND, "name", "`enclos metrics RUN` lists them",
                       "run %s has no metric of that name", run_id);
    *id = sqlite3_column_int64(s, 0);
    *points = sqlite3_column_int64(s, 6);
    return 0;
}

int cat_metric_points(struct cat *db, struct arena *a, const char *run_id, const char *name,
                      int64_t after, size_t limit, struct metric_point **out, size_t *count,
                      struct err *e)
{
    int64_t id = 0;
    int64_t points = 0;
    if (limit < 1 || limit > METRIC_LIST_MAX)
        return err_set(e, E_INVALID, "limit", NULL, "limit is %zu, not 1 to %d", limit,
                       METRIC_LIST_MAX);
    if (find_metric(db, run_id, name, &id, &points, e) < 0)
        return -1;
    size_t room = after >= points ? 0 : (size_t)(points - (after > 0 ? after : 0));
    *out = arena_alloc(a, (room < limit ? room : limit) * sizeof **out);
    *count = 0;
    AUTO_STMT sqlite3_stmt *s =
        cat_query(db, &metric_sql, METRIC_POINTS, e, V_I(id), V_I(after), V_I(limit));
    int rc = -1;
    while (s && (rc = cat_step(db, s, e)) == 1) {
        assert(*count < room); /* numbers are dense, and count is the last one */
        (*out)[(*count)++] = (struct metric_point){
            .number = sqlite3_column_int64(s, 0),
            .step = sqlite3_column_int64(s, 1),
            .time_us = sqlite3_column_int64(s, 2),
            .value = cat_col_num(s, 3),
        };
    }
    return rc;
}
