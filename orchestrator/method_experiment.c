/*
 * method_experiment.c - experiment.*.
 */
#include "api/common/text.h"
#include "catalog/experiment.h"
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
    size_t limit = (size_t)request_int(q, "limit", 100), count, i;
    struct project_row p = {0};
    struct experiment_row *all;
    int64_t after = 0;
    char next[24];
    if ((project && cat_project_get(db, q->arena, project, &p, e) < 0) ||
        number_cursor(q, &after, e) < 0 ||
        cat_experiment_list(db, q->arena, p.id, after, limit, &all, &count, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_arr_at(&w, "experiments");
    for (i = 0; i < count && q->out.len < RECORD_PAGE_BYTES; i++) {
        int64_t runs;
        jw_obj(&w);
        jw_str_at(&w, "ref", all[i].ref);
        jw_str_at(&w, "project", all[i].project_code);
        jw_str_at(&w, "name", all[i].name);
        if (print_answers_of(&all[i].record, fields, &w, e) < 0 ||
            cat_experiment_runs(db, all[i].id, &runs, e) < 0)
            return -1;
        print_frozen(&all[i], &w);
        jw_int_at(&w, "runs", runs);
        jw_int_at(&w, "record_version", all[i].record.version);
        jw_int_at(&w, "changed_us", all[i].record.created_us);
        jw_int_at(&w, "created_us", all[i].created_us);
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    if (i > 0)
        snprintf(next, sizeof next, "%lld", (long long)all[i - 1].id);
    jw_str_at(&w, "next_cursor", i > 0 && (i < count || count == limit) ? next : NULL);
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
