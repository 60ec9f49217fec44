/*
 * method_experiment.c - experiment.*.
 */
#include "api/common/text.h"
#include "catalog/experiment.h"
#include "orchestrator/listing.h"
#include "orchestrator/method_record.h"
#include <stdio.h>
#include <string.h>

static void print_frozen(const struct experiment_row *x, struct jw *w)
{
    print_us_or_null(w, "frozen_version", x->frozen_version);
    print_us_or_null(w, "frozen_us", x->frozen_us);
}

static int print_experiment(struct request *q, struct cat *db, const struct experiment_row *x,
                            const struct record_row *r, struct jw *w, struct err *e)
{
    struct experiment_counts counts;
    if (cat_experiment_count(db, x->id, &counts, e) < 0)
        return -1;
    jw_str_at(w, "ref", x->ref);
    jw_str_at(w, "project", x->project_code);
    jw_str_at(w, "name", x->name);
    print_actor_at(w, "actor", &x->actor);
    print_frozen(x, w);
    jw_str_at(w, "first_run", x->first_run);
    jw_bool_at(w, "after_first_run", x->frozen_version && r->version > x->frozen_version);
    jw_int_at(w, "runs", counts.runs);
    jw_int_at(w, "finished", counts.finished);
    jw_int_at(w, "succeeded", counts.succeeded);
    return record_print(r, standing_may(q->standing, ROLE(ROLE_CURATOR), x->project), w, e);
}

static int answer(struct request *q, struct cat *db, const struct experiment_row *x,
                  const char *flag, bool value, struct err *e)
{
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_bool_at(&w, flag, value);
    if (print_experiment(q, db, x, &x->record, &w, e) < 0)
        return -1;
    jw_end_obj(&w);
    return 0;
}

/* ---- writing ---- */

static int create_work(struct request *q, struct cat *db, struct err *e)
{
    struct project_row p;
    struct experiment_row x;
    bool existed;
    const struct experiment_new n = {
        .project = request_str(q, "project"),
        .name = request_str(q, "name"),
        .answers = request_value(q, "answers"),
        .actor = q->actor,
        .idempotency_key = request_str(q, "idempotency_key"),
        .request_sha256 = q->state,
        .at_us = time_now_us(),
    };
    if (cat_project_get(db, q->arena, n.project, &p, e) < 0 ||
        may_write_in(q, db, p.id, p.code, e) < 0 ||
        cat_experiment_create(db, q->arena, &n, &x, &existed, e) < 0)
        return -1;
    return answer(q, db, &x, "existed", existed, e);
}

int method_experiment_create(struct request *q, struct err *e)
{
    (void)e;
    q->state = (void *)request_digest(q);
    request_write(q, create_work, end_or_refuse);
    return 0;
}

static int edit_work(struct request *q, struct cat *db, struct err *e)
{
    struct project_row p;
    struct experiment_row x;
    bool changed;
    const struct experiment_edit c = {
        .project = request_str(q, "project"),
        .name = request_str(q, "name"),
        .version = request_int(q, "version", 0),
        .set = request_value(q, "set"),
        .reason = request_str(q, "reason"),
        .actor = q->actor,
        .at_us = time_now_us(),
    };
    if (cat_project_get(db, q->arena, c.project, &p, e) < 0 ||
        may_write_in(q, db, p.id, p.code, e) < 0 ||
        cat_experiment_edit(db, q->arena, &c, &x, &changed, e) < 0)
        return -1;
    return answer(q, db, &x, "changed", changed, e);
}

int method_experiment_edit(struct request *q, struct err *e)
{
    (void)e;
    request_write(q, edit_work, end_or_refuse);
    return 0;
}

/* ---- reading ---- */

int look_experiment(struct request *q, struct cat *db, struct err *e)
{
    struct experiment_row x;
    struct record_row r;
    struct jw w = jw_to(&q->out);
    if (cat_experiment_get(db, q->arena, request_str(q, "project"), request_str(q, "name"), &x, e) <
            0 ||
        record_asked(q, db, &x.record, &r, e) < 0)
        return -1;
    jw_obj(&w);
    if (print_experiment(q, db, &x, &r, &w, e) < 0)
        return -1;
    jw_end_obj(&w);
    return 0;
}

int method_experiment_get(struct request *q, struct err *e)
{
    (void)e;
    request_read(q, look_experiment, NULL);
    return 0;
}

static int list_work(struct request *q, struct cat *db, struct err *e)
{
    static const char *const fields[] = {"title", NULL};
    const char *project = request_str(q, "project");
    struct project_row p = {0};
    struct list_page page;
    size_t i;
    if (project && cat_project_get(db, q->arena, project, &p, e) < 0)
        return -1;
    const struct filter *in =
        project ? listing_and(q, NULL, "project", FILTER_EQ, listing_text(q, project)) : NULL;
    if (listing_find(q, db, &list_experiments, 100, in, NULL, &page, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_arr_at(&w, "experiments");
    for (i = 0; i < page.count && q->out.len < RECORD_PAGE_BYTES; i++) {
        struct experiment_row x;
        if (cat_experiment_by_key(db, q->arena, page.keys[i], &x, e) < 0)
            return -1;
        int64_t runs;
        jw_obj(&w);
        jw_str_at(&w, "ref", x.ref);
        jw_str_at(&w, "project", x.project_code);
        jw_str_at(&w, "name", x.name);
        if (print_answers_of(&x.record, fields, &w, e) < 0 ||
            cat_experiment_runs(db, x.id, &runs, e) < 0)
            return -1;
        print_frozen(&x, &w);
        jw_int_at(&w, "runs", runs);
        jw_int_at(&w, "record_version", x.record.version);
        jw_int_at(&w, "changed_us", x.record.created_us);
        jw_int_at(&w, "created_us", x.created_us);
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    listing_end(q, &page, i, &w);
    jw_end_obj(&w);
    return 0;
}

int method_experiment_list(struct request *q, struct err *e)
{
    (void)e;
    request_read(q, list_work, NULL);
    return 0;
}

static int history_work(struct request *q, struct cat *db, struct err *e)
{
    struct experiment_row x;
    struct jw w = jw_to(&q->out);
    if (cat_experiment_get(db, q->arena, request_str(q, "project"), request_str(q, "name"), &x, e) <
        0)
        return -1;
    jw_obj(&w);
    print_frozen(&x, &w);
    if (print_history(q, db, &x.record, standing_may(q->standing, ROLE(ROLE_CURATOR), x.project),
                      &w, e) < 0)
        return -1;
    jw_end_obj(&w);
    return 0;
}

int method_experiment_history(struct request *q, struct err *e)
{
    (void)e;
    request_read(q, history_work, NULL);
    return 0;
}
