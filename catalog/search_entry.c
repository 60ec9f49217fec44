/*
 * search_entry.c - the entries of search.h: what of a thing can be found by words, and the index kept with them.
 *
 * The index holds no texts of its own (external content): what leaves it must be given back as it went in, which
 * is what search_entry keeps.
 */
#include "api/common/buf.h"
#include "api/common/json.h"
#include "catalog/db.h"
#include "catalog/form.h"
#include "catalog/search.h"
#include <assert.h>
#include <string.h>

enum { TITLE_MAX_BYTES = 1000, BODY_MAX_BYTES = 32 << 10 };

enum {
    ENTRY_FIND,
    ENTRY_ADD,
    ENTRY_SET,
    INDEX_ADD,
    INDEX_DROP,
    INDEX_CLEAR,
    INDEX_CHECK,
    ENTRY_CLEAR,
    STATE_GET,
    STATE_SET,
    ENTRY_COUNT,
    RUN_HEAD,
    RUN_WORDS,
    DATASET_WORDS,
    ENVIRONMENT_WORDS,
    RECORD_ANSWERS,
    RUNS_BEFORE,
    ALL_RUNS,
    ALL_DATASETS,
    ALL_ENVIRONMENTS,
    ALL_RECORDS,
    ENTRY_SQL_COUNT
};

static const struct sql_row rows[] = {
    [ENTRY_FIND] = {.text = "SELECT id, title, body, project FROM search_entry"
                            " WHERE noun = ? AND ref = ?"},
    [ENTRY_ADD] = {.text = "INSERT INTO search_entry (noun, ref, title, body, actor_uid, actor_name,"
                           " project) VALUES (?, ?, ?, ?, ?, ?, ?)"},
    [ENTRY_SET] = {.text = "UPDATE search_entry SET title = ?, body = ?, project = ? WHERE id = ?"},
    [INDEX_ADD] = {.text = "INSERT INTO search (rowid, title, body) VALUES (?, ?, ?)"},
    [INDEX_DROP] = {.text = "INSERT INTO search (search, rowid, title, body)"
                            " VALUES ('delete', ?, ?, ?)"},
    [INDEX_CLEAR] = {.text = "INSERT INTO search (search) VALUES ('delete-all')"},
    [INDEX_CHECK] = {.text = "INSERT INTO search (search, rank) VALUES ('integrity-check', 1)"},
    [ENTRY_CLEAR] = {.text = "DELETE FROM search_entry", .scan = NULL},
    [STATE_GET] = {.text = "SELECT built FROM search_state WHERE one = 1"},
    [STATE_SET] = {.text = "UPDATE search_state SET built = ? WHERE one = 1"},
    [ENTRY_COUNT] = {.text = "SELECT count(*) FROM search_entry",
                     .scan = "after all entries were made"},
    [RUN_HEAD] = {.text = "SELECT r.id, r.name, r.actor_uid, r.actor_name, r.project,"
                          " coalesce(p.code, ''), coalesce(r.experiment, ''), r.profile, r.command,"
                          " r.purpose FROM run r LEFT JOIN project p ON p.id = r.project"
                          " WHERE r.seq = ?"},
    [RUN_WORDS] = {.text = "SELECT d.name, '' FROM run_dataset l"
                           " JOIN dataset_version v ON v.id = l.version"
                           " JOIN dataset d ON d.id = v.dataset WHERE l.run = ?1"
                           " UNION ALL SELECT name, value FROM tag WHERE run = ?1"
                           " UNION ALL SELECT name, value FROM param WHERE run = ?1"},
    [DATASET_WORDS] = {.text = "SELECT v.title, v.description FROM dataset d"
                               " JOIN dataset_version v ON v.dataset = d.id WHERE d.name = ?"
                               " ORDER BY v.version DESC LIMIT 10"},
    [ENVIRONMENT_WORDS] = {.text = "SELECT n.name || '@' || v.version, v.title, v.source"
                                   " FROM environment_version v"
                                   " JOIN environment n ON n.id = v.environment WHERE v.id = ?"},
    [RECORD_ANSWERS] = {.text = "SELECT v.answers FROM record r JOIN record_version v"
                                " ON v.record = r.id AND v.version = r.version"
                                " WHERE r.form = ? AND r.subject = ?"},
    [RUNS_BEFORE] = {.text = "SELECT seq FROM run WHERE seq < ? ORDER BY seq DESC LIMIT 1"},
    [ALL_RUNS] = {.text = "SELECT seq FROM run WHERE seq > ? ORDER BY seq LIMIT 1"},
    [ALL_DATASETS] = {.text = "SELECT id, name FROM dataset WHERE id > ? ORDER BY id LIMIT 1"},
    [ALL_ENVIRONMENTS] = {.text = "SELECT id FROM environment_version WHERE id > ? ORDER BY id"
                                  " LIMIT 1"},
    [ALL_RECORDS] = {.text = "SELECT id, form, subject FROM record WHERE id > ? ORDER BY id LIMIT 1"},
};
static_assert(sizeof rows / sizeof rows[0] == ENTRY_SQL_COUNT, "one statement a row");
const struct sql_table search_entry_sql = {"search", rows, ENTRY_SQL_COUNT, SQL_SEARCH_ENTRY};

/* ---- one entry ---- */

struct entry {
    const char *noun, *ref;
    struct buf title, body;
    struct cat_actor actor; /* of a run; name NULL: everybody sees it */
    int64_t project;        /* of a run; 0: none */
};
#define ENTRY(n, r)                                                                                \
    {                                                                                              \
        .noun = (n), .ref = (r), .title = BUF_INIT(TITLE_MAX_BYTES), .body = BUF_INIT(BODY_MAX_BYTES) \
    }

static void entry_fini(struct entry *x)
{
    buf_fini(&x->title);
    buf_fini(&x->body);
}
#define AUTO_ENTRY __attribute__((cleanup(entry_fini)))

/* As much as there is room for: the first words of a long text are enough to find it by. */
static void add_words(struct buf *to, const char *text)
{
    size_t len = text ? strlen(text) : 0;
    size_t room = to->max_bytes - 1 - to->len;
    if (len == 0 || room < 2)
        return;
    if (to->len)
        buf_add_char(to, ' ');
    len = len < room - 1 ? len : room - 1;
    while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
        len--; /* not in the middle of a character */
    buf_add(to, text, len);
}

static int put(struct cat *db, struct entry *x, struct err *e)
{
    const char *title = buf_cstr(&x->title), *body = buf_cstr(&x->body);
    int64_t id = 0;
    bool there, same = false;
    AUTO_BUF struct buf old_title = BUF_INIT(TITLE_MAX_BYTES + 1), old_body = BUF_INIT(BODY_MAX_BYTES + 1);
    {
        AUTO_STMT sqlite3_stmt *s =
            cat_query(db, &search_entry_sql, ENTRY_FIND, e, V_T(x->noun), V_T(x->ref));
        int rc = s ? cat_step(db, s, e) : -1;
        if (rc < 0)
            return -1;
        there = rc == 1;
        if (there) {
            id = sqlite3_column_int64(s, 0);
            buf_add_str(&old_title, (const char *)sqlite3_column_text(s, 1));
            buf_add_str(&old_body, (const char *)sqlite3_column_text(s, 2));
            same = !strcmp(buf_cstr(&old_title), title) && !strcmp(buf_cstr(&old_body), body) &&
                   cat_col_int(s, 3, 0) == x->project;
        }
    }
    if (same)
        return 0;
    if (there) {
        if (cat_do(db, &search_entry_sql, INDEX_DROP, e, V_I(id), V_T(buf_cstr(&old_title)),
                   V_T(buf_cstr(&old_body))) < 0 ||
            cat_do(db, &search_entry_sql, ENTRY_SET, e, V_T(title), V_T(body),
                   V_I_OR(x->project, 0), V_I(id)) < 0)
            return err_context(e, "the words of %s %s", x->noun, x->ref);
    } else {
        if (cat_do(db, &search_entry_sql, ENTRY_ADD, e, V_T(x->noun), V_T(x->ref), V_T(title),
                   V_T(body), x->actor.name ? V_I(x->actor.uid) : V_NULL, V_T(x->actor.name),
                   V_I_OR(x->project, 0)) < 0)
            return err_context(e, "the words of %s %s", x->noun, x->ref);
        id = cat_last_id(db);
    }
    return cat_do(db, &search_entry_sql, INDEX_ADD, e, V_I(id), V_T(title), V_T(body));
}

/* ---- runs, datasets, environments ---- */

static const char *text_at(sqlite3_stmt *s, int column)
{
    return (const char *)sqlite3_column_text(s, column);
}

/* The words of a command, without JSON's marks. */
static void add_command(struct buf *to, const char *json)
{
    struct err ignored = {0};
    AUTO_JSON struct json *list = json_parse(json, strlen(json), NULL, &ignored);
    for (const struct json *v = json_first(list); v; v = json_next(v))
        add_words(to, json_str(v));
}

static int fill_run(struct cat *db, struct arena *a, int64_t seq, struct entry *x, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &search_entry_sql, RUN_HEAD, e, V_I(seq));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc <= 0)
        return rc < 0 ? -1
                      : err_set(e, E_INTERNAL, "run", NULL, "there is no run number %lld",
                                (long long)seq);
    x->ref = cat_col_text(a, s, 0);
    add_words(&x->title, text_at(s, 1));
    add_words(&x->body, x->ref);
    x->actor = (struct cat_actor){sqlite3_column_int64(s, 2), cat_col_text(a, s, 3)};
    x->project = cat_col_int(s, 4, 0);
    add_words(&x->body, x->actor.name);
    for (int column = 5; column <= 7; column++)
        add_words(&x->body, text_at(s, column));
    add_words(&x->body, text_at(s, 9));
    {
        AUTO_STMT sqlite3_stmt *w = cat_query(db, &search_entry_sql, RUN_WORDS, e, V_I(seq));
        rc = w ? 1 : -1;
        while (rc == 1 && (rc = cat_step(db, w, e)) == 1) {
            add_words(&x->body, text_at(w, 0));
            add_words(&x->body, text_at(w, 1));
        }
    }
    add_command(&x->body, text_at(s, 8));
    return rc;
}

int search_run(struct cat *db, int64_t seq, struct err *e)
{
    struct arena *a = arena_new();
    AUTO_ENTRY struct entry x = ENTRY("run", NULL);
    int rc = fill_run(db, a, seq, &x, e);
    if (rc == 0)
        rc = put(db, &x, e);
    arena_free(a);
    return rc;
}

/* Texts of a record, but those of sensitive fields. Titles go to the title. */
static void add_answers(const struct form *form, const struct json *answers, struct entry *x)
{
    for (const struct json *m = json_first(answers); m; m = json_next(m)) {
        const struct field *f = form_field(form, json_key(m));
        struct buf *to = strcmp(json_key(m), "title") == 0 ? &x->title : &x->body;
        if (!f || f->sensitive)
            continue;
        if (json_str(m))
            add_words(to, json_str(m));
        for (const struct json *v = json_first(m); v; v = json_next(v)) {
            add_words(to, json_str(v)); /* a language, or one of many */
            for (const struct json *deep = json_first(v); deep; deep = json_next(deep))
                add_words(to, json_str(deep));
        }
    }
}

static int fill_record(struct cat *db, const char *form, const char *subject, struct entry *x,
                       struct err *e)
{
    static const struct json_limits limits = {.max_bytes = FORM_ANSWERS_MAX_BYTES};
    const struct form *f = form_find(form);
    AUTO_STMT sqlite3_stmt *s =
        cat_query(db, &search_entry_sql, RECORD_ANSWERS, e, V_T(form), V_T(subject));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc <= 0 || !f)
        return rc < 0 ? -1 : 0;
    AUTO_JSON struct json *answers =
        json_parse(text_at(s, 0), strlen(text_at(s, 0)), &limits, e);
    if (!answers)
        return err_context(e, "the record of %s", subject);
    add_answers(f, answers, x);
    return 0;
}

int search_dataset(struct cat *db, const char *name, struct err *e)
{
    AUTO_ENTRY struct entry x = ENTRY("dataset", name);
    add_words(&x.title, name);
    {
        AUTO_STMT sqlite3_stmt *s = cat_query(db, &search_entry_sql, DATASET_WORDS, e, V_T(name));
        int rc = s ? 1 : -1;
        for (bool newest = true; rc == 1 && (rc = cat_step(db, s, e)) == 1; newest = false) {
            add_words(newest ? &x.title : &x.body, text_at(s, 0));
            add_words(&x.body, text_at(s, 1));
        }
        if (rc < 0)
            return -1;
    }
    return fill_record(db, "dataset", name, &x, e) < 0 ? -1 : put(db, &x, e);
}

int search_environment(struct cat *db, int64_t version_key, struct err *e)
{
    struct arena *a = arena_new();
    AUTO_ENTRY struct entry x = ENTRY("env", NULL);
    int rc;
    {
        AUTO_STMT sqlite3_stmt *s =
            cat_query(db, &search_entry_sql, ENVIRONMENT_WORDS, e, V_I(version_key));
        rc = s ? cat_step(db, s, e) : -1;
        if (rc == 1) {
            x.ref = cat_col_text(a, s, 0);
            add_words(&x.title, x.ref);
            add_words(&x.title, text_at(s, 1));
            add_words(&x.body, text_at(s, 2));
        }
    }
    if (rc == 1)
        rc = put(db, &x, e);
    arena_free(a);
    return rc;
}

int search_record(struct cat *db, const char *form, const char *subject, struct err *e)
{
    static const char *const nouns[] = {"project", "experiment", "lesson"};
    if (!strcmp(form, "dataset"))
        return search_dataset(db, subject, e);
    for (size_t i = 0; i < sizeof nouns / sizeof *nouns; i++) {
        if (strcmp(form, nouns[i]) != 0)
            continue;
        AUTO_ENTRY struct entry x = ENTRY(nouns[i], subject);
        add_words(&x.title, subject);
        return fill_record(db, form, subject, &x, e) < 0 ? -1 : put(db, &x, e);
    }
    return 0;
}

/* ---- all of them ---- */

/* Calls `make` for each row of a statement that gives the next one after a number. */
static int each(struct cat *db, int row, int (*make)(struct cat *db, sqlite3_stmt *s, struct err *e),
                struct err *e)
{
    for (int64_t at = 0;;) {
        AUTO_STMT sqlite3_stmt *s = cat_query(db, &search_entry_sql, row, e, V_I(at));
        int rc = s ? cat_step(db, s, e) : -1;
        if (rc <= 0)
            return rc;
        at = sqlite3_column_int64(s, 0);
        if (make(db, s, e) < 0)
            return -1;
    }
}

static int make_run(struct cat *db, sqlite3_stmt *s, struct err *e)
{
    return search_run(db, sqlite3_column_int64(s, 0), e);
}

static int make_dataset(struct cat *db, sqlite3_stmt *s, struct err *e)
{
    return search_dataset(db, text_at(s, 1), e);
}

static int make_environment(struct cat *db, sqlite3_stmt *s, struct err *e)
{
    return search_environment(db, sqlite3_column_int64(s, 0), e);
}

static int make_record(struct cat *db, sqlite3_stmt *s, struct err *e)
{
    return search_record(db, text_at(s, 1), text_at(s, 2), e);
}

static int make_others(struct cat *db, struct err *e)
{
    return each(db, ALL_DATASETS, make_dataset, e) < 0 ||
                   each(db, ALL_ENVIRONMENTS, make_environment, e) < 0
               ? -1
               : each(db, ALL_RECORDS, make_record, e);
}

/* search_state.built: 1 all, 0 nothing yet, -N: runs from number N on. */
static int read_state(struct cat *db, int64_t *built, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &search_entry_sql, STATE_GET, e);
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc < 0)
        return -1;
    *built = rc == 1 ? sqlite3_column_int64(s, 0) : 0;
    return 0;
}

int search_build_some(struct cat *db, bool *done, struct err *e)
{
    int64_t built = 0;
    if (read_state(db, &built, e) < 0)
        return -1;
    *done = built == 1;
    if (*done)
        return 0;
    if (built == 0 && make_others(db, e) < 0)
        return -1;
    int64_t seq = built == 0 ? INT64_MAX : -built;
    for (int i = 0; i < SEARCH_BUILD_RUNS; i++) {
        {
            AUTO_STMT sqlite3_stmt *s = cat_query(db, &search_entry_sql, RUNS_BEFORE, e, V_I(seq));
            int rc = s ? cat_step(db, s, e) : -1;
            if (rc < 0)
                return -1;
            *done = rc == 0;
            if (*done)
                break;
            seq = sqlite3_column_int64(s, 0);
        }
        if (search_run(db, seq, e) < 0)
            return -1;
    }
    return cat_do(db, &search_entry_sql, STATE_SET, e, V_I(*done ? 1 : -seq));
}

int search_rebuild(struct cat *db, int64_t *count, struct err *e)
{
    if (cat_do(db, &search_entry_sql, INDEX_CLEAR, e) < 0 ||
        cat_do(db, &search_entry_sql, ENTRY_CLEAR, e) < 0 || each(db, ALL_RUNS, make_run, e) < 0 ||
        make_others(db, e) < 0 || cat_do(db, &search_entry_sql, STATE_SET, e, V_I(1)) < 0)
        return err_context(e, "making the search index");
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &search_entry_sql, ENTRY_COUNT, e);
    if (!s || cat_step(db, s, e) < 0)
        return -1;
    *count = sqlite3_column_int64(s, 0);
    return 0;
}

int search_is_built(struct cat *db, bool *built, struct err *e)
{
    int64_t state = 0;
    if (read_state(db, &state, e) < 0)
        return -1;
    *built = state == 1;
    return 0;
}

int search_check(struct cat *db, struct err *e)
{
    if (cat_do(db, &search_entry_sql, INDEX_CHECK, e) == 0)
        return 0;
    return err_context(e, "checking the search index");
}
