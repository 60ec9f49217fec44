/*
 * method_lesson.c - lesson.*.
 */
#include "api/common/text.h"
#include "catalog/lesson.h"
#include "catalog/run.h"
#include "orchestrator/listing.h"
#include "orchestrator/method_record.h"
#include <stdio.h>
#include <string.h>

static int print_lesson(struct request *q, const struct lesson_row *l, const struct record_row *r,
                        struct jw *w, struct err *e)
{
    jw_str_at(w, "lesson", l->name);
    jw_str_at(w, "project", l->project_code);
    print_actor_at(w, "actor", &l->actor);
    return record_print(r, standing_may(q->standing, ROLE(ROLE_CURATOR), l->project), w, e);
}

static int answer(struct request *q, const struct lesson_row *l, const char *flag, bool value,
                  struct err *e)
{
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_bool_at(&w, flag, value);
    if (print_lesson(q, l, &l->record, &w, e) < 0)
        return -1;
    jw_end_obj(&w);
    return 0;
}

/* Runs that a writer does not see are not there for them. Those that the lesson names already may stay. */
static int check_runs(struct request *q, struct cat *db, const struct json *answers,
                      const char *before_json, struct err *e)
{
    static const struct json_limits limits = {.max_bytes = FORM_ANSWERS_MAX_BYTES};
    AUTO_JSON struct json *before = json_parse(before_json, strlen(before_json), &limits, e);
    char id[TEXT_ID_SIZE];
    if (!before)
        return -1;
    for (const struct json *v = json_first(json_get(answers, "runs")); v; v = json_next(v)) {
        bool known = false;
        if (!json_str(v)) /* the form says so, better */
            continue;
        for (const struct json *b = json_first(json_get(before, "runs")); b && !known;
             b = json_next(b))
            known = strcmp(json_str(b), json_str(v)) == 0;
        if (!known && cat_run_find(db, q->standing, json_str(v), id, e) < 0)
            return err_context(e, "runs");
    }
    return 0;
}

/* ---- writing ---- */

static int add_work(struct request *q, struct cat *db, struct err *e)
{
    struct project_row p;
    struct lesson_row l;
    bool existed;
    const struct lesson_new n = {
        .project = request_str(q, "project"),
        .answers = request_value(q, "answers"),
        .actor = q->actor,
        .idempotency_key = request_str(q, "idempotency_key"),
        .request_sha256 = q->state,
        .at_us = time_now_us(),
    };
    if (cat_project_get(db, q->arena, n.project, &p, e) < 0 ||
        may_write_in(q, db, p.id, p.code, e) < 0 || check_runs(q, db, n.answers, "{}", e) < 0 ||
        cat_lesson_add(db, q->arena, &n, &l, &existed, e) < 0)
        return -1;
    return answer(q, &l, "existed", existed, e);
}

int method_lesson_add(struct request *q, struct err *e)
{
    (void)e;
    q->state = (void *)request_digest(q);
    request_write(q, add_work, end_or_refuse);
    return 0;
}

static int edit_work(struct request *q, struct cat *db, struct err *e)
{
    struct lesson_row l;
    bool changed;
    const struct lesson_edit c = {
        .name = request_str(q, "lesson"),
        .version = request_int(q, "version", 0),
        .set = request_value(q, "set"),
        .reason = request_str(q, "reason"),
        .actor = q->actor,
        .at_us = time_now_us(),
    };
    if (cat_lesson_get(db, q->arena, c.name, &l, e) < 0 ||
        may_write_in(q, db, l.project, l.project_code, e) < 0 ||
        check_runs(q, db, c.set, l.record.answers, e) < 0 ||
        cat_lesson_edit(db, q->arena, &c, &l, &changed, e) < 0)
        return -1;
    return answer(q, &l, "changed", changed, e);
}

int method_lesson_edit(struct request *q, struct err *e)
{
    (void)e;
    request_write(q, edit_work, end_or_refuse);
    return 0;
}

/* ---- reading ---- */

int look_lesson(struct request *q, struct cat *db, struct err *e)
{
    struct lesson_row l;
    struct record_row r;
    struct jw w = jw_to(&q->out);
    if (cat_lesson_get(db, q->arena, request_str(q, "lesson"), &l, e) < 0 ||
        record_asked(q, db, &l.record, &r, e) < 0)
        return -1;
    jw_obj(&w);
    if (print_lesson(q, &l, &r, &w, e) < 0)
        return -1;
    jw_end_obj(&w);
    return 0;
}

int method_lesson_get(struct request *q, struct err *e)
{
    (void)e;
    request_read(q, look_lesson, NULL);
    return 0;
}

static int list_work(struct request *q, struct cat *db, struct err *e)
{
    static const char *const fields[] = {"title", "themes", "experiments", "runs", NULL};
    const char *project = request_str(q, "project"), *run = request_str(q, "run"),
               *experiment = request_str(q, "experiment");
    struct project_row p = {0};
    struct list_page page;
    size_t i;
    char id[TEXT_ID_SIZE];
    if (experiment && run)
        return err_set(e, E_INVALID, "run", "give one of the two",
                       "lessons are listed by experiment or by run");
    if ((project && cat_project_get(db, q->arena, project, &p, e) < 0) ||
        (run && cat_run_find(db, q->standing, run, id, e) < 0))
        return -1;
    const struct filter *in =
        project ? listing_and(q, NULL, "project", FILTER_EQ, listing_text(q, project)) : NULL;
    struct list_bound bound;
    const struct list_bound *tied =
        run          ? cat_lesson_tied(q->arena, "run", id, &bound)
        : experiment ? cat_lesson_tied(q->arena, "experiment", experiment, &bound)
                     : NULL;
    if (listing_find(q, db, &list_lessons, 100, in, tied, &page, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_arr_at(&w, "lessons");
    for (i = 0; i < page.count && q->out.len < RECORD_PAGE_BYTES; i++) {
        struct lesson_row l;
        if (cat_lesson_by_key(db, q->arena, page.keys[i], &l, e) < 0)
            return -1;
        jw_obj(&w);
        jw_str_at(&w, "lesson", l.name);
        jw_str_at(&w, "project", l.project_code);
        if (print_answers_of(&l.record, fields, &w, e) < 0)
            return -1;
        jw_int_at(&w, "record_version", l.record.version);
        jw_int_at(&w, "changed_us", l.record.created_us);
        jw_int_at(&w, "created_us", l.created_us);
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    listing_end(q, &page, i, &w);
    jw_end_obj(&w);
    return 0;
}

int method_lesson_list(struct request *q, struct err *e)
{
    (void)e;
    request_read(q, list_work, NULL);
    return 0;
}

static int history_work(struct request *q, struct cat *db, struct err *e)
{
    struct lesson_row l;
    struct jw w = jw_to(&q->out);
    if (cat_lesson_get(db, q->arena, request_str(q, "lesson"), &l, e) < 0)
        return -1;
    jw_obj(&w);
    if (print_history(q, db, &l.record, standing_may(q->standing, ROLE(ROLE_CURATOR), l.project),
                      &w, e) < 0)
        return -1;
    jw_end_obj(&w);
    return 0;
}

int method_lesson_history(struct request *q, struct err *e)
{
    (void)e;
    request_read(q, history_work, NULL);
    return 0;
}
