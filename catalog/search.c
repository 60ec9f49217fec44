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

enum { FIND_ALL, FIND_SEEN, FIND_SQL_COUNT };

/* The newest that match, seen by the caller, then the best of them. A rank below zero is better in FTS5; a run's
 * counts less than what tells of many runs. */
#define NEWEST                                                                                     \
    "SELECT s.rowid AS id, e.noun AS noun, e.ref AS ref, e.title AS title,"                        \
    " bm25(search, 4.0, 1.0) * CASE e.noun WHEN 'run' THEN 1.0 WHEN 'env' THEN 1.2 ELSE 2.0 END"   \
    " AS rank, snippet(search, 0, '" SEARCH_OPEN "', '" SEARCH_CLOSE "', '…', 12) AS in_title,"    \
    " snippet(search, 1, '" SEARCH_OPEN "', '" SEARCH_CLOSE "', '…', 12) AS in_body"               \
    " FROM search s CROSS JOIN search_entry e ON e.id = s.rowid"                                   \
    " WHERE search MATCH ?1 AND (?2 IS NULL OR e.noun = ?2)"
#define BEST                                                                                       \
    " ORDER BY s.rowid DESC LIMIT ?3) ORDER BY rank, id DESC LIMIT ?4"
#define COLUMNS "SELECT noun, ref, title, rank, in_title, in_body, count(*) OVER () FROM ("

static const struct sql_row rows[] = {
    [FIND_ALL] = {.text = COLUMNS NEWEST BEST, .scan = "of the words' own index"},
    [FIND_SEEN] = {.text = COLUMNS NEWEST
                   " AND (e.noun != 'run' OR (e.actor_uid = ?5 AND e.actor_name = ?6)"
                   " OR e.project IN (SELECT value FROM json_each(?7)))" BEST,
                   .scan = "of the words' own index"},
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

int search_query(struct arena *a, const char *text, const char **out, struct err *e)
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
            buf_add_str(&query, phrase ? "\"" : "\"*");
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

static int take(struct cat *db, struct arena *a, sqlite3_stmt *s, struct search_hit *out,
                size_t *count, bool *cut, struct err *e)
{
    int rc;
    while ((rc = cat_step(db, s, e)) == 1) {
        struct search_hit *h = &out[(*count)++];
        const char *in_title = (const char *)sqlite3_column_text(s, 4);
        bool title = in_title && strstr(in_title, SEARCH_OPEN);
        const char *body = (const char *)sqlite3_column_text(s, 5);
        bool text = body && strstr(body, SEARCH_OPEN);
        *h = (struct search_hit){
            .noun = cat_col_text(a, s, 0),
            .ref = cat_col_text(a, s, 1),
            .title = cat_col_text(a, s, 2),
            .rank = -sqlite3_column_double(s, 3),
            .where = title || !text ? "title" : "text",
            .snippet = cat_col_text(a, s, title || !text ? 4 : 5),
        };
        *cut = sqlite3_column_int64(s, 6) >= SEARCH_CANDIDATES;
    }
    return rc;
}

int search_find(struct cat *db, struct arena *a, const struct standing *by, const char *text,
                const char *noun, size_t limit, struct search_hit **out, size_t *count, bool *cut,
                struct err *e)
{
    const char *query;
    assert(limit >= 1 && limit <= SEARCH_LIMIT_MAX);
    *out = arena_alloc(a, limit * sizeof **out);
    *count = 0;
    *cut = false;
    if (search_query(a, text, &query, e) < 0)
        return -1;
    cat_deadline(db, SEARCH_TIME_MS);
    int rc = -1;
    {
        AUTO_STMT sqlite3_stmt *s =
            standing_sees_all(by)
                ? cat_query(db, &search_sql, FIND_ALL, e, V_T(query), V_T(noun),
                            V_I(SEARCH_CANDIDATES), V_I(limit))
                : cat_query(db, &search_sql, FIND_SEEN, e, V_T(query), V_T(noun),
                            V_I(SEARCH_CANDIDATES), V_I(limit), V_I(by->actor.uid),
                            V_T(by->actor.name), V_T(by->projects_json));
        if (s)
            rc = take(db, a, s, *out, count, cut, e);
    }
    cat_deadline(db, 0);
    return rc < 0 ? err_context(e, "searching") : 0;
}
