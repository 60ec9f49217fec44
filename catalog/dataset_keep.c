/*
 * dataset_keep.c - keeping datasets; see dataset_keep.h.
 */
#include "catalog/dataset_keep.h"

#include "api/common/json.h"
#include "catalog/change.h"
#include "catalog/db.h"
#include <assert.h>
#include <string.h>

enum { KEEP_HAND_OVER, KEEP_VERIFIED, KEEP_SQL_COUNT };

static const struct sql_row rows[] = {
    [KEEP_HAND_OVER] = {.text = "UPDATE dataset SET keeper_uid = ?, keeper_name = ? WHERE id = ?"},
    [KEEP_VERIFIED] = {.text = "UPDATE dataset_version SET verified_us = ? WHERE id = ?"},
};
static_assert(sizeof rows / sizeof rows[0] == KEEP_SQL_COUNT, "one statement a row");
const struct sql_table dataset_keep_sql = {"dataset_keep", rows, KEEP_SQL_COUNT, SQL_DATASET_KEEP};

bool dataset_keeps(const struct standing *s, const struct dataset_row *d)
{
    return standing_is(s, &d->keeper) || standing_may(s, ROLE(ROLE_ADMIN), 0);
}

int dataset_must_keep(const struct standing *s, const struct dataset_row *d, const char *what,
                      struct err *e)
{
    if (dataset_keeps(s, d))
        return 0;
    return err_set(e, E_DENIED, "name", "ask them, or an admin of the lab",
                   "%s is for who keeps the dataset %s: %.60s", what, d->name, d->keeper.name);
}

int cat_dataset_hand_over(struct cat *db, const struct dataset_row *d, const struct cat_actor *to,
                          const struct cat_actor *actor, const char *reason, int64_t at_us,
                          struct err *e)
{
    AUTO_BUF struct buf detail = BUF_INIT(4096);
    struct jw w = jw_to(&detail);
    if (d->keeper.uid == to->uid && strcmp(d->keeper.name, to->name) == 0)
        return err_set(e, E_CONFLICT, "to", NULL, "%.60s keeps the dataset %s already", to->name, d->name);
    if (cat_do(db, &dataset_keep_sql, KEEP_HAND_OVER, e, V_I(to->uid), V_T(to->name), V_I(d->dataset)) < 0)
        return -1;
    jw_str_at(&w, "from", d->keeper.name);
    jw_str_at(&w, "to", to->name);
    jw_str_at(&w, "reason", reason);
    /* Its keeper is shown with each of its versions. */
    if (change_add_dataset(db, d->name, "handed_over", at_us, e) < 0)
        return -1;
    return dataset_audit(db, d, actor, "dataset.handed_over", buf_cstr(&detail), at_us, e);
}

int cat_dataset_verified(struct cat *db, const struct dataset_row *d, const struct cat_actor *actor,
                         const char *wrong, uint64_t read_bytes, int64_t at_us, struct err *e)
{
    AUTO_BUF struct buf detail = BUF_INIT(4096);
    struct jw w = jw_to(&detail);
    if (!wrong && cat_do(db, &dataset_keep_sql, KEEP_VERIFIED, e, V_I(at_us), V_I(d->key)) < 0)
        return -1;
    jw_bool_at(&w, "ok", wrong == NULL);
    jw_int_at(&w, "read_bytes", (int64_t)read_bytes);
    if (wrong)
        jw_str_at(&w, "reason", wrong);
    return dataset_audit(db, d, actor, "dataset.verified", buf_cstr(&detail), at_us, e);
}
