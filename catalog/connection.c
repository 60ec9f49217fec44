/*
 * connection.c - the two tables behind connection.h.
 */
#include "catalog/connection.h"
#include "api/common/json.h"
#include "api/common/text.h"
#include "catalog/audit.h"
#include "catalog/change.h"
#include "catalog/db.h"
#include <assert.h>
#include <string.h>

enum {
    NETWORK_ADD,
    NETWORK_GET,
    NETWORK_COUNT,
    CONNECTION_ADD,
    CONNECTION_END,
    CONNECTION_LIST,
    CONNECTION_GROUPS,
    CONNECTION_SQL_COUNT
};

static const struct sql_row rows[] = {
    [NETWORK_ADD] =
        {.text =
             "INSERT INTO run_network (run, allow_hosts) SELECT seq, ?2 FROM run WHERE id = ?1"},
    [NETWORK_GET] = {.text =
                         "SELECT n.allow_hosts, n.allowed, n.refused, n.written, n.run FROM run r"
                         " JOIN run_network n ON n.run = r.seq WHERE r.id = ?"},
    [NETWORK_COUNT] = {.text =
                           "UPDATE run_network SET allowed = allowed + ?2, refused = refused + ?3,"
                           " written = written + ?4 WHERE run = ?1"},
    [CONNECTION_ADD] =
        {.text = "INSERT INTO run_connection (run, number, time_us, method, host, port, address,"
                 " allowed, why, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
    [CONNECTION_END] =
        {.text =
             "UPDATE run_connection SET why = ?3, detail = ?4, up_bytes = ?5, down_bytes = ?6,"
             " duration_ms = ?7 WHERE run = (SELECT seq FROM run WHERE id = ?1) AND number = ?2"},
    [CONNECTION_LIST] =
        {.text =
             "SELECT number, time_us, method, host, port, address, allowed, why, detail, up_bytes,"
             " down_bytes, duration_ms FROM run_connection"
             " WHERE run = (SELECT seq FROM run WHERE id = ?1) AND number > ?2"
             " ORDER BY number LIMIT ?3"},
    [CONNECTION_GROUPS] =
        {.text = "SELECT host, port, allowed, why, count(*), total(up_bytes), total(down_bytes)"
                 " FROM run_connection WHERE run = (SELECT seq FROM run WHERE id = ?1)"
                 " GROUP BY host, port, allowed, why ORDER BY allowed DESC, count(*) DESC, host"
                 " LIMIT ?2"},
};
static_assert(sizeof rows / sizeof rows[0] == CONNECTION_SQL_COUNT, "one statement a row");
const struct sql_table connection_sql = {"connection", rows, CONNECTION_SQL_COUNT, SQL_CONNECTION};

int cat_network_add(struct cat *db, const char *run, const char *allow_hosts_json, struct err *e)
{
    if (cat_do(db, &connection_sql, NETWORK_ADD, e, V_T(run), V_T(allow_hosts_json)) < 0)
        return err_context(e, "the network of run %s", run);
    return 0;
}

static int get_network(struct cat *db, struct arena *a, const char *run, struct network_row *out,
                       int64_t *seq, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &connection_sql, NETWORK_GET, e, V_T(run));
    int rc = s ? cat_step(db, s, e) : -1;
    *out = (struct network_row){.allow_hosts_json = NULL};
    if (rc <= 0)
        return rc;
    out->allow_hosts_json = a ? cat_col_text(a, s, 0) : "";
    out->allowed = sqlite3_column_int64(s, 1);
    out->refused = sqlite3_column_int64(s, 2);
    out->written = sqlite3_column_int64(s, 3);
    *seq = sqlite3_column_int64(s, 4);
    return 0;
}

int cat_network_get(struct cat *db, struct arena *a, const char *run, struct network_row *out,
                    struct err *e)
{
    int64_t seq = 0;
    return get_network(db, a, run, out, &seq, e);
}

static int audit(struct cat *db, const char *run, const struct connection_row *r, struct err *e)
{
    AUTO_BUF struct buf detail = BUF_INIT(8192);
    struct jw w = jw_to(&detail);
    jw_obj(&w);
    jw_str_at(&w, "method", r->method);
    jw_str_at(&w, "host", r->host);
    jw_int_at(&w, "port", r->port);
    jw_str_at(&w, "address", r->address);
    if (!r->allowed)
        jw_str_at(&w, "why", r->why);
    jw_end_obj(&w);
    return audit_append(db, &CAT_ACTOR_LAB, r->allowed ? "run.connected" : "run.connection_refused",
                        run, buf_cstr(&detail), r->time_us, e);
}

int cat_connection_add(struct cat *db, const char *run, const struct connection_row *r,
                       int64_t *number, struct err *e)
{
    struct network_row n;
    int64_t seq = 0;
    *number = 0;
    if (get_network(db, NULL, run, &n, &seq, e) < 0)
        return -1;
    if (!n.allow_hosts_json)
        return err_set(e, E_NOT_FOUND, "run", NULL, "run %s has no network", run);
    if (r->allowed && n.allowed >= CONNECTION_ALLOWED_MAX)
        return err_set(e, E_LIMIT, "run", "a run that reaches out more often must be cut in two",
                       "run %s has made %d connections, which is the bound", run,
                       CONNECTION_ALLOWED_MAX);
    bool kept = r->allowed || n.written - n.allowed < CONNECTION_REFUSED_MAX;
    if (cat_do(db, &connection_sql, NETWORK_COUNT, e, V_I(seq), V_I(r->allowed), V_I(!r->allowed),
               V_I(kept)) < 0 ||
        change_add_passing(db, "run", run, r->time_us, e) < 0)
        return -1;
    if (!kept)
        return 0;
    *number = n.written + 1;
    if (cat_do(db, &connection_sql, CONNECTION_ADD, e, V_I(seq), V_I(*number), V_I(r->time_us),
               V_T(r->method), V_T(r->host), V_I(r->port), V_T(r->address), V_I(r->allowed),
               V_T(r->why), V_T(r->detail)) < 0)
        return -1;
    return audit(db, run, r, e);
}

int cat_connection_end(struct cat *db, const char *run, int64_t number,
                       const struct connection_row *r, struct err *e)
{
    if (cat_do(db, &connection_sql, CONNECTION_END, e, V_T(run), V_I(number), V_T(r->why),
               V_T(r->detail), V_I_OR(r->up_bytes, -1), V_I_OR(r->down_bytes, -1),
               V_I_OR(r->duration_ms, -1)) < 0)
        return -1;
    return change_add_passing(db, "run", run, time_now_us(), e);
}

int cat_connection_list(struct cat *db, struct arena *a, const char *run, int64_t after,
                        size_t limit, struct connection_row **out, size_t *count, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s =
        cat_query(db, &connection_sql, CONNECTION_LIST, e, V_T(run), V_I(after), V_I(limit));
    int rc = s ? 1 : -1;
    *out = arena_alloc(a, (limit + 1) * sizeof **out);
    *count = 0;
    while (rc > 0 && (rc = cat_step(db, s, e)) > 0)
        (*out)[(*count)++] = (struct connection_row){
            .number = sqlite3_column_int64(s, 0),
            .time_us = sqlite3_column_int64(s, 1),
            .method = cat_col_text(a, s, 2),
            .host = cat_col_text(a, s, 3),
            .port = sqlite3_column_int64(s, 4),
            .address = cat_col_text(a, s, 5),
            .allowed = sqlite3_column_int64(s, 6) != 0,
            .why = cat_col_text(a, s, 7),
            .detail = cat_col_text(a, s, 8),
            .up_bytes = cat_col_int(s, 9, -1),
            .down_bytes = cat_col_int(s, 10, -1),
            .duration_ms = cat_col_int(s, 11, -1),
        };
    return rc;
}

int cat_connection_groups(struct cat *db, struct arena *a, const char *run, size_t limit,
                          struct connection_group **out, size_t *count, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s =
        cat_query(db, &connection_sql, CONNECTION_GROUPS, e, V_T(run), V_I(limit));
    int rc = s ? 1 : -1;
    *out = arena_alloc(a, (limit + 1) * sizeof **out);
    *count = 0;
    while (rc > 0 && (rc = cat_step(db, s, e)) > 0)
        (*out)[(*count)++] = (struct connection_group){
            .host = cat_col_text(a, s, 0),
            .port = sqlite3_column_int64(s, 1),
            .allowed = sqlite3_column_int64(s, 2) != 0,
            .why = cat_col_text(a, s, 3),
            .count = sqlite3_column_int64(s, 4),
            .up_bytes = sqlite3_column_int64(s, 5),
            .down_bytes = sqlite3_column_int64(s, 6),
        };
    return rc;
}
