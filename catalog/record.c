/*
 * record.c - versioned records: making versions of answers, and reading them back.
 *
 * The nouns call this inside their own transaction. Printing is in record_print.c.
 */
#include "catalog/record.h"
#include "catalog/search.h"

#include "api/common/text.h"
#include "catalog/change.h"
#include "catalog/db.h"
#include <assert.h>
#include <stddef.h>
#include <string.h>

enum { DETAIL_MAX_BYTES = 16 << 10, CHANGED_MAX_BYTES = 8 << 10 };

enum {
    RECORD_FIND,
    RECORD_ADD,
    RECORD_MOVE,
    RECORD_ADD_VERSION,
    RECORD_ONE,
    RECORD_BY_ID,
    RECORD_HISTORY,
    RECORD_SQL_COUNT
};

/* In the order in which row_from() takes them. */
#define SELECT                                                                                     \
    "SELECT r.id, r.form, r.subject, v.version, r.version, v.form_version, v.answers, v.changed,"  \
    " v.reason, v.actor_uid, v.actor_name, v.created_us, r.created_us"                             \
    " FROM record r JOIN record_version v ON v.record = r.id "

static const struct sql_row rows[] = {
    [RECORD_FIND] = {.text = "SELECT id FROM record WHERE form = ? AND subject = ?"},
    [RECORD_ADD] = {.text = "INSERT INTO record (form, subject, version, created_us)"
                            " VALUES (?, ?, 1, ?)"},
    [RECORD_MOVE] = {.text = "UPDATE record SET version = ? WHERE id = ?"},
    [RECORD_ADD_VERSION] =
        {.text = "INSERT INTO record_version (record, version, form_version, answers, changed,"
                 " reason, actor_uid, actor_name, created_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"},
    [RECORD_ONE] = {.text = SELECT "WHERE r.form = ?1 AND r.subject = ?2"
                                   " AND v.version = coalesce(?3, r.version)"},
    [RECORD_BY_ID] = {.text = SELECT "WHERE r.id = ?1 AND v.version = coalesce(?2, r.version)"},
    [RECORD_HISTORY] = {.text = SELECT "WHERE r.id = ? AND v.version < ?"
                                       " ORDER BY v.version DESC LIMIT ?"},
};
static_assert(sizeof rows / sizeof rows[0] == RECORD_SQL_COUNT, "one statement a row");
const struct sql_table record_sql = {"record", rows, RECORD_SQL_COUNT, SQL_RECORD};

/* ---- reading ---- */

static int row_from(struct arena *a, sqlite3_stmt *s, struct record_row *r, struct err *e)
{
    const char *form = (const char *)sqlite3_column_text(s, 1);
    *r = (struct record_row){
        .id = sqlite3_column_int64(s, 0),
        .form = form_find(form),
        .subject = cat_col_text(a, s, 2),
        .version = sqlite3_column_int64(s, 3),
        .latest = sqlite3_column_int64(s, 4),
        .form_version = sqlite3_column_int64(s, 5),
        .answers = cat_col_text(a, s, 6),
        .changed = cat_col_text(a, s, 7),
        .reason = cat_col_text(a, s, 8),
        .actor = {sqlite3_column_int64(s, 9), cat_col_text(a, s, 10)},
        .created_us = sqlite3_column_int64(s, 11),
        .first_us = sqlite3_column_int64(s, 12),
    };
    if (!r->form)
        return err_set(e, E_INTERNAL, "form", "start the newer Enclos that wrote it",
                       "the catalog has a record of the form %s, which this program does not know",
                       form);
    return 0;
}

/* 1: found, 0: not, -1: failed */
static int one_from(struct cat *db, struct arena *a, sqlite3_stmt *s, struct record_row *out,
                    struct err *e)
{
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc == 1 && row_from(a, s, out, e) < 0)
        return -1;
    return rc;
}

int cat_record_find(struct cat *db, struct arena *a, const char *form, const char *subject,
                    int64_t version, struct record_row *out, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s =
        cat_query(db, &record_sql, RECORD_ONE, e, V_T(form), V_T(subject), V_I_OR(version, 0));
    return one_from(db, a, s, out, e);
}

int cat_record_get(struct cat *db, struct arena *a, const char *form, const char *subject,
                   int64_t version, struct record_row *out, struct err *e)
{
    int rc = cat_record_find(db, a, form, subject, version, out, e);
    if (rc != 0)
        return rc < 0 ? -1 : 0;
    if (version)
        return err_set(e, E_NOT_FOUND, "version", "its history lists the versions that there are",
                       "%s %s has no version %lld", form, subject, (long long)version);
    return err_set(e, E_NOT_FOUND, form, NULL, "there is no %s %s", form, subject);
}

int cat_record_by_id(struct cat *db, struct arena *a, int64_t id, int64_t version,
                     struct record_row *out, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s =
        cat_query(db, &record_sql, RECORD_BY_ID, e, V_I(id), V_I_OR(version, 0));
    int rc = one_from(db, a, s, out, e);
    if (rc != 0)
        return rc < 0 ? -1 : 0;
    if (version)
        return err_set(e, E_NOT_FOUND, "version", "its history lists the versions that there are",
                       "it has no version %lld", (long long)version);
    return err_set(e, E_NOT_FOUND, "record", NULL, "there is no record number %lld", (long long)id);
}

int cat_record_history(struct cat *db, struct arena *a, int64_t id, int64_t before, size_t limit,
                       struct record_row **out, size_t *count, struct err *e)
{
    if (limit < 1 || limit > RECORD_HISTORY_MAX)
        return err_set(e, E_INVALID, "limit", NULL, "limit is %zu, not 1 to %d", limit,
                       RECORD_HISTORY_MAX);
    *out = arena_alloc(a, limit * sizeof **out);
    *count = 0;
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &record_sql, RECORD_HISTORY, e, V_I(id),
                                          V_I(before ? before : INT64_MAX), V_I(limit));
    int rc = -1;
    while (s && (rc = cat_step(db, s, e)) == 1)
        if (row_from(a, s, &(*out)[(*count)++], e) < 0)
            return -1;
    return rc;
}

/* ---- changing ---- */

static void print_member(struct jw *w, const char *key, const struct json *v, struct buf *scratch)
{
    buf_clear(scratch);
    json_print(v, true, scratch);
    jw_raw_at(w, key, buf_cstr(scratch), scratch->len);
    w->out->failed |= scratch->failed;
}

/* Nothing is said by it: null, no element, no language. */
static bool is_nothing(const struct json *v)
{
    if (json_type(v) == JSON_ARRAY)
        return json_count(v) == 0;
    if (json_type(v) == JSON_OBJECT) {
        for (const struct json *m = json_first(v); m; m = json_next(m))
            if (json_type(m) != JSON_NULL)
                return false;
        return true;
    }
    return json_type(v) == JSON_NULL;
}

/* One answer of the merged ones: languages one by one, the rest as a whole. */
static void merge_field(struct jw *w, const struct field *f, const struct json *old,
                        const struct json *set, struct buf *scratch)
{
    const struct json *now = json_get(old, f->name), *new = json_get(set, f->name);
    if (!new) {
        if (now)
            print_member(w, f->name, now, scratch);
        return;
    }
    if (!f->bilingual || json_type(new) == JSON_NULL) {
        if (!is_nothing(new))
            print_member(w, f->name, new, scratch);
        return;
    }
    const char *texts[FORM_LANGS];
    bool any = false;
    for (int l = 0; l < FORM_LANGS; l++) {
        const struct json *v = json_get(new, form_langs[l]);
        texts[l] = json_str(v ? v : json_get(now, form_langs[l]));
        any |= texts[l] != NULL;
    }
    if (!any)
        return;
    jw_obj_at(w, f->name);
    for (int l = 0; l < FORM_LANGS; l++)
        if (texts[l])
            jw_str_at(w, form_langs[l], texts[l]);
    jw_end_obj(w);
}

/* The canonical text of old answers with what `set` says. Answers to fields that the form has no
 * more are kept as they are. */
static int merge(const struct form *form, const struct json *old, const struct json *set,
                 struct json **out, struct buf *text, struct err *e)
{
    AUTO_BUF struct buf merged = BUF_INIT(2 * FORM_ANSWERS_MAX_BYTES);
    AUTO_BUF struct buf scratch = BUF_INIT(FORM_ANSWERS_MAX_BYTES);
    struct jw w = jw_to(&merged);
    jw_obj(&w);
    for (size_t i = 0; i < form->field_count; i++)
        merge_field(&w, &form->fields[i], old, set, &scratch);
    for (const struct json *v = json_first(old); v; v = json_next(v))
        if (!form_field(form, json_key(v)))
            print_member(&w, json_key(v), v, &scratch);
    jw_end_obj(&w);
    const struct json_limits limits = {.max_bytes = 2 * FORM_ANSWERS_MAX_BYTES};
    if (!merged.failed) {
        *out = json_parse(buf_cstr(&merged), merged.len, &limits, e);
        if (!*out)
            return -1;
        json_print(*out, true, text);
    }
    if (merged.failed || text->failed)
        return err_set(e, E_LIMIT, "answers", "shorten its texts",
                       "the answers are more than %d KiB", FORM_ANSWERS_MAX_BYTES >> 10);
    return 0;
}

/* Names of the fields whose answers differ, as a JSON array; returns how many. */
static size_t print_changed(const struct form *form, const struct json *old, const struct json *new,
                            struct buf *out)
{
    AUTO_BUF struct buf before = BUF_INIT(FORM_ANSWERS_MAX_BYTES);
    AUTO_BUF struct buf after = BUF_INIT(FORM_ANSWERS_MAX_BYTES);
    struct jw w = jw_to(out);
    size_t count = 0;
    jw_arr(&w);
    for (size_t i = 0; i < form->field_count; i++) {
        const char *name = form->fields[i].name;
        const struct json *x = json_get(old, name), *y = json_get(new, name);
        buf_clear(&before);
        buf_clear(&after);
        if (x)
            json_print(x, true, &before);
        if (y)
            json_print(y, true, &after);
        if (strcmp(buf_cstr(&before), buf_cstr(&after)) == 0)
            continue;
        jw_str(&w, name);
        count++;
    }
    jw_end_arr(&w);
    return count;
}

static int check_change(const struct record_change *c, const struct form *form, struct err *e)
{
    size_t len = strlen(c->subject);
    if (len < 1 || len > RECORD_SUBJECT_MAX || text_has_control(c->subject, len))
        return err_set(e, E_INVALID, "subject", NULL, "a subject has 1 to %d bytes",
                       RECORD_SUBJECT_MAX);
    len = c->reason ? strlen(c->reason) : 0;
    if (len > RECORD_REASON_MAX)
        return err_set(e, E_INVALID, "reason", NULL, "the reason has %zu bytes, more than %d", len,
                       RECORD_REASON_MAX);
    return form_check(form, c->set, e);
}

/* The version that the change was made from must be the present one. */
static int check_version(const struct record_change *c, const struct record_row *now, bool found,
                         struct err *e)
{
    if (!found && c->version == 0)
        return 0;
    if (!found)
        return err_set(e, E_NOT_FOUND, c->form, NULL, "there is no %s %s", c->form, c->subject);
    if (c->version == 0)
        return err_set(e, E_CONFLICT, c->form, "change it from its present version",
                       "there is a %s %s already, at version %lld", c->form, c->subject,
                       (long long)now->version);
    if (c->version != now->version)
        return err_set(e, E_CONFLICT, "version",
                       "look at what was changed, and make your change from the present version",
                       "%s %s is at version %lld, written by %s; the change was made from version "
                       "%lld",
                       c->form, c->subject, (long long)now->version, now->actor.name,
                       (long long)c->version);
    return 0;
}

/* The audit entry, and a row in the feed of changes. */
static int tell(struct cat *db, const struct record_change *c, int64_t version,
                const struct buf *changed, struct err *e)
{
    char noun[40] = "";
    AUTO_BUF struct buf detail = BUF_INIT(DETAIL_MAX_BYTES);
    struct jw w = jw_to(&detail);
    jw_obj(&w);
    jw_str_at(&w, "form", c->form);
    jw_int_at(&w, "version", version);
    jw_raw_at(&w, "changed", changed->data, changed->len);
    if (c->reason)
        jw_str_at(&w, "reason", c->reason);
    jw_end_obj(&w);
    const char *dot = strchr(c->action, '.');
    assert(dot && dot - c->action < (ptrdiff_t)sizeof noun);
    memcpy(noun, c->action, (size_t)(dot - c->action));
    if (audit_append(db, &c->actor, c->action, c->subject, buf_cstr(&detail), c->at_us, e) < 0)
        return -1;
    if (search_record(db, c->form, c->subject, e) < 0)
        return -1;
    /* A dataset's card is shown with each of its versions. */
    if (strcmp(noun, "dataset") == 0)
        return change_add_dataset(db, c->subject, dot + 1, c->at_us, e);
    return change_add(db, noun, c->subject, dot + 1, c->at_us, e);
}

static int add_version(struct cat *db, const struct record_change *c, const struct form *form,
                       int64_t id, struct buf *answers, struct buf *changed, struct err *e)
{
    int64_t version = c->version + 1;
    if (version == 1) {
        if (cat_do(db, &record_sql, RECORD_ADD, e, V_T(c->form), V_T(c->subject), V_I(c->at_us)) <
            0)
            return -1;
        id = cat_last_id(db);
    } else if (cat_do(db, &record_sql, RECORD_MOVE, e, V_I(version), V_I(id)) < 0) {
        return -1;
    }
    if (cat_do(db, &record_sql, RECORD_ADD_VERSION, e, V_I(id), V_I(version), V_I(form->version),
               V_T(buf_cstr(answers)), V_T(buf_cstr(changed)), V_T(c->reason), V_I(c->actor.uid),
               V_T(c->actor.name), V_I(c->at_us)) < 0)
        return -1;
    return tell(db, c, version, changed, e);
}

int cat_record_change(struct cat *db, struct arena *a, const struct record_change *c,
                      struct record_row *out, bool *changed, struct err *e)
{
    static const struct json_limits limits = {.max_bytes = FORM_ANSWERS_MAX_BYTES};
    const struct form *form = form_find(c->form);
    if (!form)
        return err_set(e, E_INTERNAL, "form", NULL, "there is no form %s", c->form);
    struct record_row now = {.answers = "{}"};
    *changed = false;
    if (check_change(c, form, e) < 0)
        return -1;
    int found = cat_record_find(db, a, c->form, c->subject, 0, &now, e);
    if (found < 0 || check_version(c, &now, found == 1, e) < 0)
        return -1;
    AUTO_JSON struct json *old = json_parse(now.answers, strlen(now.answers), &limits, e);
    AUTO_JSON struct json *new = NULL;
    AUTO_BUF struct buf answers = BUF_INIT(FORM_ANSWERS_MAX_BYTES);
    AUTO_BUF struct buf names = BUF_INIT(CHANGED_MAX_BYTES);
    if (!old || merge(form, old, c->set, &new, &answers, e) < 0 ||
        form_check_always(form, new, e) < 0)
        return -1;
    *out = now;
    if (print_changed(form, old, new, &names) == 0 && found)
        return 0;
    if (add_version(db, c, form, now.id, &answers, &names, e) < 0)
        return -1;
    *changed = true;
    return cat_record_get(db, a, c->form, c->subject, 0, out, e);
}
