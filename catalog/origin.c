/*
 * origin.c - the two tables behind origin.h.
 */
#include "catalog/origin.h"
#include "catalog/db.h"
#include "catalog/digest.h"
#include <assert.h>
#include <string.h>

enum { ORIGIN_ADD, ORIGIN_GET, ORIGIN_SEQ, ORIGIN_SET_HOST, HOST_ADD, ORIGIN_SQL_COUNT };

static const struct sql_row rows[] = {
    [ORIGIN_ADD] =
        {.text = "INSERT INTO run_origin (run, seed, seed_chosen, git_commit, git_branch, git_dirty, given_params,"
                 " given_tags, rerun_of, parent) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
    [ORIGIN_GET] =
        {.text = "SELECT o.seed, o.seed_chosen, o.git_commit, o.git_branch, o.git_dirty, o.given_params, o.given_tags,"
                 " (SELECT id FROM run WHERE seq = o.rerun_of), (SELECT id FROM run WHERE seq = o.parent),"
                 " (SELECT facts FROM host WHERE id = o.host) FROM run_origin o WHERE o.run = ?"},
    [ORIGIN_SEQ] = {.text = "SELECT seq FROM run WHERE id = ?"},
    [ORIGIN_SET_HOST] = {.text = "UPDATE run_origin SET host = (SELECT id FROM host WHERE digest = ?2)"
                                 " WHERE run = (SELECT seq FROM run WHERE id = ?1)"},
    [HOST_ADD] = {.text = "INSERT INTO host (digest, facts, first_us) VALUES (?, ?, ?)"
                          " ON CONFLICT (digest) DO NOTHING"},
};
static_assert(sizeof rows / sizeof rows[0] == ORIGIN_SQL_COUNT, "one statement a row");
const struct sql_table origin_sql = {"origin", rows, ORIGIN_SQL_COUNT, SQL_ORIGIN};

/* *seq is 0 for NULL. */
static int seq_of(struct cat *db, const char *run, const char *field, int64_t *seq, struct err *e)
{
    *seq = 0;
    if (!run)
        return 0;
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &origin_sql, ORIGIN_SEQ, e, V_T(run));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(e, E_NOT_FOUND, field, "`enclos ps --all` lists them", "there is no run %s", run);
    *seq = sqlite3_column_int64(s, 0);
    return 0;
}

int cat_origin_add(struct cat *db, int64_t run_seq, const struct run_origin_new *o, struct err *e)
{
    int64_t rerun_of, parent;
    assert(o->seed >= 0 && o->seed <= ORIGIN_SEED_MAX);
    if (seq_of(db, o->rerun_of, "run", &rerun_of, e) < 0 || seq_of(db, o->parent, "parent", &parent, e) < 0)
        return -1;
    return cat_do(db, &origin_sql, ORIGIN_ADD, e, V_I(run_seq), V_I(o->seed), V_I(o->seed_chosen), V_T(o->git_commit),
                  V_T(o->git_branch), V_I_OR(o->git_dirty, -1), V_T(o->given_params), V_T(o->given_tags),
                  V_I_OR(rerun_of, 0), V_I_OR(parent, 0));
}

int cat_origin_get(struct cat *db, struct arena *a, int64_t run_seq, struct run_origin *out, struct err *e)
{
    *out = (struct run_origin){.git_dirty = -1};
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &origin_sql, ORIGIN_GET, e, V_I(run_seq));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc <= 0)
        return rc;
    *out = (struct run_origin){
        .known = true,
        .seed = sqlite3_column_int64(s, 0),
        .seed_chosen = sqlite3_column_int(s, 1) != 0,
        .git_commit = cat_col_text(a, s, 2),
        .git_branch = cat_col_text(a, s, 3),
        .git_dirty = (int)cat_col_int(s, 4, -1),
        .given_params = cat_col_text(a, s, 5),
        .given_tags = cat_col_text(a, s, 6),
        .rerun_of = cat_col_text(a, s, 7),
        .parent = cat_col_text(a, s, 8),
        .host_json = cat_col_text(a, s, 9),
    };
    return 0;
}

int cat_origin_set_host(struct cat *db, const char *run, const char *facts_json, int64_t at_us, struct err *e)
{
    char digest[DIGEST_HEX_SIZE];
    digest_bytes(facts_json, strlen(facts_json), digest);
    if (cat_do(db, &origin_sql, HOST_ADD, e, V_T(digest), V_T(facts_json), V_I(at_us)) < 0)
        return err_context(e, "the machine of run %s", run);
    return cat_do(db, &origin_sql, ORIGIN_SET_HOST, e, V_T(run), V_T(digest));
}
