/*
 * possession.c - see possession.h. Called by the handlers of blob.*, run.submit, dataset.add and env.import.
 */
#include "catalog/possession.h"

#include "catalog/db.h"

enum { POSSESSION_NOTE, POSSESSION_WHOLE, POSSESSION_FIND };

static const struct sql_row rows[] = {
    [POSSESSION_NOTE] = {.text = "INSERT INTO possession (sha256, uid, name) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"},
    [POSSESSION_WHOLE] = {.text = "UPDATE possession SET whole = 1 WHERE sha256 = ? AND uid = ? AND name = ?"},
    [POSSESSION_FIND] = {.text = "SELECT whole FROM possession WHERE sha256 = ? AND uid = ? AND name = ?"},
};
const struct sql_table possession_sql = {"possession", rows, sizeof rows / sizeof rows[0], SQL_POSSESSION};

/* -1: failed, 0: no row, 1: has it, 2: a manifest that was found whole. */
static int find(struct cat *db, const struct cat_actor *who, const char *sha256, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &possession_sql, POSSESSION_FIND, e, V_T(sha256), V_I(who->uid), V_T(who->name));
    int rc = s ? cat_step(db, s, e) : -1;
    return rc <= 0 ? rc : 1 + (cat_col_int(s, 0, 0) != 0);
}

int possession_note(struct cat *db, const struct cat_actor *who, const char *sha256, struct err *e)
{
    return cat_do(db, &possession_sql, POSSESSION_NOTE, e, V_T(sha256), V_I(who->uid), V_T(who->name));
}

int possession_has(struct cat *db, const struct cat_actor *who, const char *sha256, bool *has, struct err *e)
{
    int found = find(db, who, sha256, e);
    *has = found > 0;
    return found < 0 ? -1 : 0;
}

static int not_given(const char *field, const char *what, const char *sha256, struct err *e)
{
    return err_set(e, E_NOT_FOUND, field, "ask blob.missing and send what it names, whatever others have sent; then ask again",
                   "this account has not sent the %s %s", what, sha256);
}

int possession_check(struct cat *db, const struct cat_actor *who, const char *field, const char *manifest,
                     const char *const *sha256, size_t count, struct err *e)
{
    int found = find(db, who, manifest, e);
    if (found != 1)
        return found == 2 ? 0 : found < 0 ? -1 : not_given(field, "manifest", manifest, e);
    for (size_t i = 0; i < count; i++) {
        found = find(db, who, sha256[i], e);
        if (found <= 0)
            return found < 0 ? -1 : not_given(field, "object", sha256[i], e);
    }
    return cat_do(db, &possession_sql, POSSESSION_WHOLE, e, V_T(manifest), V_I(who->uid), V_T(who->name));
}
