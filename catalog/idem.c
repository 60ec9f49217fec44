/*
 * idem.c - idempotency keys. Called by the nouns that can be asked for twice, in their transaction.
 */
#include "catalog/idem.h"

#include "api/common/text.h"
#include "catalog/db.h"
#include <string.h>

enum { IDEM_FIND, IDEM_KEEP, IDEM_PRUNE };

static const struct sql_row rows[] = {
    [IDEM_FIND] = {.text =
                       "SELECT method, request, result FROM idempotency WHERE uid = ? AND key = ?"},
    [IDEM_KEEP] = {.text = "INSERT INTO idempotency (uid, key, method, request, result, created_us)"
                           " VALUES (?, ?, ?, ?, ?, ?)"},
    [IDEM_PRUNE] = {.text = "DELETE FROM idempotency WHERE (uid, key) IN"
                            " (SELECT uid, key FROM idempotency WHERE created_us < ?"
                            " ORDER BY created_us LIMIT ?)"},
};
const struct sql_table idem_sql = {"idempotency key", rows, sizeof rows / sizeof rows[0], SQL_IDEM};

int idem_find(struct cat *db, struct arena *a, int64_t uid, const char *key, const char *method,
              const char *request_sha256, const char **result, struct err *e)
{
    size_t len = strlen(key);
    if (len == 0 || len > IDEM_KEY_MAX || !text_is_utf8(key, len) || text_has_control(key, len))
        return err_set(
            e, E_INVALID, "idempotency_key", "a random text for each new request will do",
            "an idempotency key has 1 to %d bytes and no control character", IDEM_KEY_MAX);
    *result = NULL;
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &idem_sql, IDEM_FIND, e, V_I(uid), V_T(key));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc <= 0)
        return rc;
    const char *earlier = (const char *)sqlite3_column_text(s, 0);
    if (strcmp(earlier, method) != 0)
        return err_set(e, E_CONFLICT, "idempotency_key", "use a new key for a new request",
                       "this key was used for %s already", earlier);
    if (strcmp((const char *)sqlite3_column_text(s, 1), request_sha256) != 0)
        return err_set(e, E_CONFLICT, "idempotency_key", "use a new key for a new request",
                       "this key was used for another request already, which gave %s",
                       (const char *)sqlite3_column_text(s, 2));
    *result = cat_col_text(a, s, 2);
    return 0;
}

int idem_keep(struct cat *db, int64_t uid, const char *key, const char *method,
              const char *request_sha256, const char *result, int64_t time_us, struct err *e)
{
    return cat_do(db, &idem_sql, IDEM_KEEP, e, V_I(uid), V_T(key), V_T(method), V_T(request_sha256),
                  V_T(result), V_I(time_us));
}

int idem_prune(struct cat *db, int64_t now_us, size_t max, size_t *forgotten, struct err *e)
{
    if (cat_do(db, &idem_sql, IDEM_PRUNE, e, V_I(now_us - IDEM_KEPT_US), V_I(max)) < 0)
        return -1;
    *forgotten = (size_t)cat_changes(db);
    return 0;
}
