/*
 * search.c - finding by words; entries are made in search_entry.c.
 */
#include "catalog/search.h"

#include "api/common/buf.h"
#include "api/common/text.h"
#include "api/common/utf8.h"
#include "catalog/db.h"
#include <assert.h>
#include <string.h>

enum { FIND_ALL, FIND_SEEN, FIND_MANY_ALL, FIND_MANY_SEEN, COUNT_ALL, COUNT_SEEN, FIND_ONE, FIND_SQL_COUNT };

/* What matches and is seen: 1 the words, 2 a noun or NULL; of a seer 3 uid, 4 name, 5 projects. */
#define MATCHES                                                                                    \
    " FROM search s CROSS JOIN search_entry e ON e.id = s.rowid"                                   \
    " WHERE search MATCH ?1 AND (?2 IS NULL OR e.noun = ?2)"
#define SEEN                                                                                       \
    " AND (e.noun != 'run' OR (e.actor_uid = ?3 AND e.actor_name = ?4)"                            \
    " OR e.project IN (SELECT value FROM json_each(?5)))"
/* A rank below zero is better in FTS5; a run's counts less than what tells of many runs. */
#define WEIGHT " CASE e.noun WHEN 'run' THEN 1.0 WHEN 'env' THEN 1.2 ELSE 2.0 END"
#define RANKED "SELECT s.rowid AS id, bm25(search, 4.0, 1.0) *" WEIGHT " AS rank"
/* bm25 reads every place of every word: of very many matches only the kind and the age count. */
#define NEWEST(seen)                                                                               \
    "SELECT id, rank FROM (SELECT s.rowid AS id, -" WEIGHT " AS rank" MATCHES seen                 \
    " ORDER BY s.rowid DESC LIMIT ?6) ORDER BY rank, id DESC LIMIT ?7"
#define COUNTED(seen) "SELECT count(*) FROM (SELECT 1" MATCHES seen " LIMIT ?6)"
static const char own_index[] = "of the words' own index";

static const struct sql_row rows[] = {
    [FIND_ALL] = {.text = RANKED MATCHES " ORDER BY rank, id DESC LIMIT ?7", .scan = own_index},
    [FIND_SEEN] = {.text = RANKED MATCHES SEEN " ORDER BY rank, id DESC LIMIT ?7", .scan = own_index},
    [FIND_MANY_ALL] = {.text = NEWEST(""), .scan = own_index},
    [FIND_MANY_SEEN] = {.text = NEWEST(SEEN), .scan = own_index},
    [COUNT_ALL] = {.text = COUNTED(""), .scan = own_index},
    [COUNT_SEEN] = {.text = COUNTED(SEEN), .scan = own_index},
    [FIND_ONE] = {.text = "SELECT e.noun, e.ref, e.title,"
                          " snippet(search, 0, '" SEARCH_OPEN "', '" SEARCH_CLOSE "', '…', 12),"
                          " snippet(search, 1, '" SEARCH_OPEN "', '" SEARCH_CLOSE "', '…', 12)"
                          " FROM search s CROSS JOIN search_entry e ON e.id = s.rowid"
                          " WHERE search MATCH ?1 AND s.rowid = ?2",
                  .scan = own_index},
};
static_assert(sizeof rows / sizeof rows[0] == FIND_SQL_COUNT, "one statement a row");
const struct sql_table search_sql = {"search", rows, FIND_SQL_COUNT, SQL_SEARCH};

/* ---- the words ---- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Whether there is something that the tokenizer keeps: a letter, a digit, or anything beyond ASCII. */
static bool has_word(const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'A' && p[i] <= 'Z') ||
            (p[i] >= 'a' && p[i] <= 'z') || (unsigned char)p[i] >= 0x80)
            return true;
    return false;
}

int search_query(struct arena *a, const char *text, bool whole, const char **out, struct err *e)
{
    AUTO_BUF struct buf query = BUF_INIT(8 * SEARCH_TEXT_MAX_BYTES);
    size_t words = 0;
    if (strlen(text) > SEARCH_TEXT_MAX_BYTES)
        return err_set(e, E_LIMIT, "text", NULL, "the words have more than %d bytes",
                       SEARCH_TEXT_MAX_BYTES);
    for (const char *p = text; *p;) {
        if (is_space(*p)) {
            p++;
            continue;
        }
        bool phrase = *p == '"';
        size_t len = 0;
        p += phrase;
        while (p[len] && (phrase ? p[len] != '"' : !is_space(p[len]) && p[len] != '"'))
            len++;
        if (has_word(p, len)) {
            buf_add_str(&query, words++ ? " \"" : "\"");
            buf_add(&query, p, len);
            /* A word is found by its beginning: that is how plurals and longer forms are. */
            buf_add_str(&query, phrase || whole ? "\"" : "\"*");
        }
        p += len + (phrase && p[len] == '"');
    }
    if (words == 0)
        return err_set(e, E_INVALID, "text", "give letters or digits",
                       "there is no word to look for");
    if (words > SEARCH_WORDS_MAX)
        return err_set(e, E_LIMIT, "text", NULL, "there are %zu words, more than %d", words,
                       SEARCH_WORDS_MAX);
    *out = arena_strdup(a, buf_cstr(&query));
    return 0;
}

/* ---- finding ---- */

/* The words, a noun, who asks, then the two bounds; those that a statement does not have are left out. */
static sqlite3_stmt *ask(struct cat *db, const struct standing *by, int all, int seen,
                         const char *query, const char *noun, size_t limit, struct err *e)
{
    bool sees_all = standing_sees_all(by);
    int row = sees_all ? all : seen;
    const struct cat_actor own = standing_own_runs(by);
    const struct cat_value values[] = {V_T(query),
                                       V_T(noun),
                                       sees_all ? V_NULL : V_I(own.uid),
                                       sees_all ? V_NULL : V_T(own.name),
                                       sees_all ? V_NULL : V_T(by->projects_json),
                                       V_I(SEARCH_CANDIDATES),
                                       V_I(limit)};
    /* ?7 makes seven parameters, whichever of them the text has; a count ends with ?6. */
    return cat_query_values(db, &search_sql, row, values, all == COUNT_ALL ? 6 : 7, e);
}

static int look(struct cat *db, struct arena *a, const char *query, int64_t id, struct search_hit *h,
                struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &search_sql, FIND_ONE, e, V_T(query), V_I(id));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc <= 0)
        return rc;
    const char *in_title = (const char *)sqlite3_column_text(s, 3);
    bool title = in_title && strstr(in_title, SEARCH_OPEN);
    const char *body = (const char *)sqlite3_column_text(s, 4);
    bool text = body && strstr(body, SEARCH_OPEN);
    h->noun = cat_col_text(a, s, 0);
    h->ref = cat_col_text(a, s, 1);
    h->title = cat_col_text(a, s, 2);
    h->where = title || !text ? "title" : "text";
    h->snippet = cat_col_text(a, s, title || !text ? 3 : 4);
    return 1;
}

static int count(struct cat *db, const struct standing *by, const char *query, const char *noun,
                 bool *many, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = ask(db, by, COUNT_ALL, COUNT_SEEN, query, noun, 0, e);
    if (!s || cat_step(db, s, e) < 0)
        return -1;
    *many = sqlite3_column_int64(s, 0) >= SEARCH_CANDIDATES;
    return 0;
}

/* Words that are whole in very many entries are not looked for by their beginnings too: FTS5 would put all places
 * of all the words that begin so together first, where those of one word are read one by one. */
static int find(struct cat *db, struct arena *a, const struct standing *by, const char *text,
                const char *noun, size_t limit, struct search_hit *out, size_t *taken, bool *cut,
                struct err *e)
{
    const char *query, *whole;
    if (search_query(a, text, true, &whole, e) < 0 || search_query(a, text, false, &query, e) < 0 ||
        count(db, by, whole, noun, cut, e) < 0)
        return -1;
    if (*cut)
        query = whole;
    else if (count(db, by, query, noun, cut, e) < 0)
        return -1;
    int64_t ids[SEARCH_LIMIT_MAX];
    size_t found = 0;
    int rc = -1;
    {
        AUTO_STMT sqlite3_stmt *s =
            *cut ? ask(db, by, FIND_MANY_ALL, FIND_MANY_SEEN, query, noun, limit, e)
                 : ask(db, by, FIND_ALL, FIND_SEEN, query, noun, limit, e);
        while (s && (rc = cat_step(db, s, e)) == 1) {
            ids[found] = sqlite3_column_int64(s, 0);
            out[found++].rank = -sqlite3_column_double(s, 1);
        }
    }
    for (size_t i = 0; rc >= 0 && i < found; i++) {
        out[*taken].rank = out[i].rank;
        rc = look(db, a, query, ids[i], &out[*taken], e);
        *taken += rc == 1;
    }
    return rc < 0 ? -1 : 0;
}

int search_find(struct cat *db, struct arena *a, const struct standing *by, const char *text,
                const char *noun, size_t limit, struct search_hit **out, size_t *count, bool *cut,
                struct err *e)
{
    assert(limit >= 1 && limit <= SEARCH_LIMIT_MAX);
    *out = arena_alloc(a, limit * sizeof **out);
    *count = 0;
    *cut = false;
    cat_deadline(db, SEARCH_TIME_MS);
    int rc = find(db, a, by, text, noun, limit, *out, count, cut, e);
    cat_deadline(db, 0);
    return rc;
}
