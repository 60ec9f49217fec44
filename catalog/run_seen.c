/*
 * run_seen.c - see run_seen.h. Several lists, each in order by its index, merged into the first page of them all.
 *
 *     own runs      9 7 . . 2          each list is left as soon as it is past
 *     project A       8 6 . .     -->  the worst of a full page:  9 8 7 6
 *     project B     9 . 5 .            (a run may be in two: it is kept once)
 *
 * Only indexes are read here, and of no list more than a page, whatever the lab holds.
 */
#include "catalog/run_seen.h"

#include "catalog/db.h"
#include "catalog/standing.h"
#include <assert.h>
#include <string.h>

enum { SEEN_OWN_NEW, SEEN_OWN_OLD, SEEN_PROJECT_NEW, SEEN_PROJECT_OLD, SEEN_SQL_COUNT };

static const struct sql_row rows[] = {
    [SEEN_OWN_NEW] = {.text = "SELECT created_us, id FROM run WHERE actor_uid = ?1 AND actor_name = ?2"
                              " AND (created_us, id) < (?3, ?4) AND (?5 IS NULL OR +state = ?5)"
                              " ORDER BY created_us DESC, id DESC LIMIT ?6"},
    [SEEN_OWN_OLD] = {.text = "SELECT created_us, id FROM run WHERE actor_uid = ?1 AND actor_name = ?2"
                              " AND (created_us, id) > (?3, ?4) AND (?5 IS NULL OR +state = ?5)"
                              " ORDER BY created_us, id LIMIT ?6"},
    [SEEN_PROJECT_NEW] = {.text = "SELECT created_us, id FROM run WHERE project = ?1"
                                  " AND (created_us, id) < (?2, ?3) AND (?4 IS NULL OR +state = ?4)"
                                  " ORDER BY created_us DESC, id DESC LIMIT ?5"},
    [SEEN_PROJECT_OLD] = {.text = "SELECT created_us, id FROM run WHERE project = ?1"
                                  " AND (created_us, id) > (?2, ?3) AND (?4 IS NULL OR +state = ?4)"
                                  " ORDER BY created_us, id LIMIT ?5"},
};
static_assert(sizeof rows / sizeof rows[0] == SEEN_SQL_COUNT, "one statement a row");
const struct sql_table run_seen_sql = {"run", rows, SEEN_SQL_COUNT, SQL_RUN_SEEN};

struct key {
    int64_t us;
    char id[TEXT_ID_SIZE];
};

struct page {
    struct key *keys; /* in order */
    size_t count, limit;
    bool oldest_first;
};

/* Below 0: x comes before y. */
static int order(const struct page *p, const struct key *x, const struct key *y)
{
    int by = x->us != y->us ? (x->us > y->us) - (x->us < y->us) : strcmp(x->id, y->id);
    return p->oldest_first ? by : -by;
}

/* False: it comes after a full page, and so does what follows in its list. */
static bool offer(struct page *p, const struct key *k)
{
    size_t low = 0, high = p->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int by = order(p, k, &p->keys[middle]);
        if (by == 0)
            return true; /* in another list too */
        if (by < 0)
            high = middle;
        else
            low = middle + 1;
    }
    if (low == p->limit)
        return false;
    size_t moved = p->count - low - (p->count == p->limit);
    memmove(&p->keys[low + 1], &p->keys[low], moved * sizeof *k);
    p->keys[low] = *k;
    p->count += p->count < p->limit;
    return true;
}

static int merge(struct cat *db, struct page *p, sqlite3_stmt *s, struct err *e)
{
    int rc = -1;
    while (s && (rc = cat_step(db, s, e)) == 1) {
        struct key k = {.us = sqlite3_column_int64(s, 0)};
        const char *id = (const char *)sqlite3_column_text(s, 1);
        assert(strlen(id) < sizeof k.id);
        memcpy(k.id, id, strlen(id) + 1);
        if (!offer(p, &k))
            return 0;
    }
    return rc;
}

int run_seen_ids(struct cat *db, struct arena *a, const struct run_list *query, int64_t us, const char *id,
                 const char ***out, size_t *count, struct err *e)
{
    const struct standing *by = query->seen_by;
    const char *state = query->state < 0 ? NULL : run_state_name((enum run_state)query->state);
    struct page p = {.keys = arena_alloc(a, query->limit * sizeof *p.keys),
                     .limit = query->limit,
                     .oldest_first = query->oldest_first};
    {
        AUTO_STMT sqlite3_stmt *s =
            cat_query(db, &run_seen_sql, query->oldest_first ? SEEN_OWN_OLD : SEEN_OWN_NEW, e,
                      V_I(by->actor.uid), V_T(by->actor.name), V_I(us), V_T(id), V_T(state), V_I(query->limit));
        if (merge(db, &p, s, e) < 0)
            return -1;
    }
    for (size_t i = 0; i < by->project_count; i++) {
        AUTO_STMT sqlite3_stmt *s =
            cat_query(db, &run_seen_sql, query->oldest_first ? SEEN_PROJECT_OLD : SEEN_PROJECT_NEW, e,
                      V_I(by->projects[i].id), V_I(us), V_T(id), V_T(state), V_I(query->limit));
        if (merge(db, &p, s, e) < 0)
            return -1;
    }
    *out = arena_alloc(a, (p.count + 1) * sizeof **out);
    for (size_t i = 0; i < p.count; i++)
        (*out)[i] = p.keys[i].id;
    *count = p.count;
    return 0;
}
