/*
 * method_project.c - project.* and form.*.
 *
 *   project.create, project.edit: written (catalog, one transaction)  ->  read back with those that look alike
 */
#include "api/common/text.h"
#include "catalog/people.h"
#include "catalog/project.h"
#include "orchestrator/listing.h"
#include "orchestrator/method_record.h"
#include <string.h>

enum { MEMBERS_MAX = 200 };

struct write {
    struct project_row row;
    const char *digest; /* of the request, or NULL */
    bool existed, changed;
};

/* ---- forms ---- */

static int form_get_work(struct request *q, struct cat *db, struct err *e)
{
    const char *name = request_str(q, "form");
    const struct form *f = form_find(name);
    struct jw w = jw_to(&q->out);
    (void)db;
    if (!f)
        return err_set(e, E_NOT_FOUND, "form", "form.list tells which there are",
                       "there is no form %.40s", name);
    form_print(f, &w);
    return 0;
}

int method_form_get(struct request *q, struct err *e)
{
    (void)e;
    request_read(q, form_get_work, NULL);
    return 0;
}

int method_form_list(struct request *q, struct err *e)
{
    struct jw w = jw_to(&q->out);
    const struct form *f;
    (void)e;
    jw_obj(&w);
    jw_arr_at(&w, "forms");
    for (size_t i = 0; (f = form_at(i)); i++) {
        jw_obj(&w);
        jw_str_at(&w, "form", f->name);
        jw_int_at(&w, "version", f->version);
        jw_obj_at(&w, "title");
        jw_str_at(&w, "fr", f->title.fr);
        jw_str_at(&w, "en", f->title.en);
        jw_end_obj(&w);
        jw_int_at(&w, "fields", (int64_t)f->field_count);
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    jw_end_obj(&w);
    request_end(q, NULL);
    return 0;
}

/* ---- printing ---- */

/* Names of members are for members, and for those with a role in the lab. */
static int print_members(struct request *q, struct cat *db, const struct project_row *p,
                         struct jw *w, struct err *e)
{
    struct account_row *all;
    size_t count;
    if (!standing_roles(q->standing, p->id)) {
        jw_null_at(w, "members");
        return 0;
    }
    if (cat_account_list(db, q->arena, p->code, -1, 0, MEMBERS_MAX, &all, &count, e) < 0)
        return -1;
    jw_arr_at(w, "members");
    for (size_t i = 0; i < count; i++) {
        jw_obj(w);
        jw_str_at(w, "kind", account_kind_name(all[i].kind));
        jw_str_at(w, "name", all[i].name);
        jw_arr_at(w, "roles");
        for (size_t k = 0; k < all[i].role_count; k++)
            if (all[i].roles[k].project && strcmp(all[i].roles[k].project, p->code) == 0)
                jw_str(w, role_name(all[i].roles[k].role));
        jw_end_arr(w);
        jw_end_obj(w);
    }
    jw_end_arr(w);
    return 0;
}

static int print_passages(struct request *q, struct cat *db, const struct project_row *p,
                          struct jw *w, struct err *e)
{
    struct project_passage *all;
    size_t count;
    if (cat_project_passages(db, q->arena, p->id, &all, &count, e) < 0)
        return -1;
    jw_arr_at(w, "passages");
    for (size_t i = 0; i < count; i++) {
        jw_obj(w);
        jw_int_at(w, "number", all[i].number);
        jw_str_at(w, "from", stage_name(all[i].from));
        jw_str_at(w, "to", stage_name(all[i].to));
        jw_str_at(w, "reason", all[i].reason);
        print_actor_at(w, "actor", &all[i].actor);
        jw_int_at(w, "at_us", all[i].at_us);
        jw_end_obj(w);
    }
    jw_end_arr(w);
    return 0;
}

static int print_project(struct request *q, struct cat *db, const struct project_row *p,
                         const struct record_row *r, struct jw *w, struct err *e)
{
    struct project_counts counts;
    if (cat_project_count(db, p->id, &counts, e) < 0)
        return -1;
    jw_str_at(w, "code", p->code);
    jw_str_at(w, "stage", stage_name(p->stage));
    jw_int_at(w, "stage_us", p->stage_us ? p->stage_us : p->created_us);
    jw_arr_at(w, "next_stages");
    for (int s = 0; s < STAGE_COUNT; s++)
        if (stage_may_pass(p->stage, (enum project_stage)s))
            jw_str(w, stage_name((enum project_stage)s));
    jw_end_arr(w);
    print_actor_at(w, "actor", &p->actor);
    jw_int_at(w, "experiments", counts.experiments);
    jw_int_at(w, "lessons", counts.lessons);
    if (print_members(q, db, p, w, e) < 0 || print_passages(q, db, p, w, e) < 0)
        return -1;
    if (p->has_record)
        return record_print(r, standing_may(q->standing, ROLE(ROLE_CURATOR), p->id), w, e);
    jw_null_at(w, "record_version"); /* made by an earlier Enclos, for roles only */
    return 0;
}

static const char *const list_fields[] = {"title", "organisation", "family", NULL};

static int print_similar(struct request *q, struct cat *db, const struct project_row *p,
                         struct jw *w, struct err *e)
{
    struct project_similar *all;
    size_t count;
    if (cat_similar_find(db, q->arena, p, &all, &count, e) < 0)
        return -1;
    jw_arr_at(w, "similar");
    for (size_t i = 0; i < count; i++) {
        jw_obj(w);
        jw_str_at(w, "code", all[i].project.code);
        if (print_answers_of(&all[i].project.record, list_fields, w, e) < 0)
            return -1;
        jw_str_at(w, "stage", stage_name(all[i].project.stage));
        jw_num_at(w, "text", all[i].text);
        if (all[i].data < 0)
            jw_null_at(w, "data");
        else
            jw_num_at(w, "data", all[i].data);
        jw_bool_at(w, "same_family", all[i].same_family);
        jw_bool_at(w, "same_organisation", all[i].same_organisation);
        jw_end_obj(w);
    }
    jw_end_arr(w);
    return 0;
}

/* ---- project.create, project.edit ---- */

static int create_work(struct request *q, struct cat *db, struct err *e)
{
    struct write *s = q->state;
    const struct project_new n = {
        .code = request_str(q, "code"),
        .answers = request_value(q, "answers"),
        .actor = q->actor,
        .idempotency_key = request_str(q, "idempotency_key"),
        .request_sha256 = s->digest,
        .at_us = time_now_us(),
    };
    return cat_project_create(db, q->arena, &n, &s->row, &s->existed, e);
}

static int edit_work(struct request *q, struct cat *db, struct err *e)
{
    struct write *s = q->state;
    const struct project_edit c = {
        .code = request_str(q, "code"),
        .version = request_int(q, "version", 0),
        .set = request_value(q, "set"),
        .reason = request_str(q, "reason"),
        .actor = q->actor,
        .at_us = time_now_us(),
    };
    return cat_project_edit(db, q->arena, &c, &s->row, &s->changed, e);
}

static int written_work(struct request *q, struct cat *db, struct err *e)
{
    const struct write *s = q->state;
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    if (strcmp(q->method->name, "project.create") == 0)
        jw_bool_at(&w, "existed", s->existed);
    else
        jw_bool_at(&w, "changed", s->changed);
    if (print_project(q, db, &s->row, &s->row.record, &w, e) < 0 ||
        print_similar(q, db, &s->row, &w, e) < 0)
        return -1;
    jw_end_obj(&w);
    return 0;
}

static void written(struct request *q, const struct err *e)
{
    if (e)
        end_or_refuse(q, e);
    else
        request_read(q, written_work, NULL);
}

static void start_write(struct request *q, request_work *work)
{
    struct write *s = arena_alloc(q->arena, sizeof *s);
    *s = (struct write){.digest = request_digest(q)};
    q->state = s;
    request_write(q, work, written);
}

int method_project_create(struct request *q, struct err *e)
{
    (void)e;
    start_write(q, create_work);
    return 0;
}

int method_project_edit(struct request *q, struct err *e)
{
    (void)e;
    start_write(q, edit_work);
    return 0;
}

/* ---- project.advance ---- */

static int advance_work(struct request *q, struct cat *db, struct err *e)
{
    int to = stage_of(request_str(q, "to"));
    struct project_row p;
    if (to < 0)
        return err_set(e, E_INTERNAL, "to", NULL,
                       "the row of project.advance has a stage that is none");
    if (cat_project_advance(db, q->arena, request_str(q, "code"), (enum project_stage)to,
                            request_str(q, "reason"), &q->actor, time_now_us(), &p, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    if (print_project(q, db, &p, &p.record, &w, e) < 0)
        return -1;
    jw_end_obj(&w);
    return 0;
}

int method_project_advance(struct request *q, struct err *e)
{
    (void)e;
    request_write(q, advance_work, NULL);
    return 0;
}

/* ---- reading ---- */

int look_project(struct request *q, struct cat *db, struct err *e)
{
    struct project_row p;
    struct record_row r = {0};
    struct jw w = jw_to(&q->out);
    if (cat_project_get(db, q->arena, request_str(q, "code"), &p, e) < 0 ||
        (p.has_record && record_asked(q, db, &p.record, &r, e) < 0))
        return -1;
    jw_obj(&w);
    if (print_project(q, db, &p, &r, &w, e) < 0)
        return -1;
    jw_end_obj(&w);
    return 0;
}

int method_project_get(struct request *q, struct err *e)
{
    (void)e;
    request_read(q, look_project, NULL);
    return 0;
}

/* The params that came before there were filters. */
static const struct filter *facets(struct request *q)
{
    static const char *const names[] = {"stage", "organisation", "family"};
    const struct filter *all = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *text = request_str(q, names[i]);
        if (text)
            all = listing_and(q, all, names[i], FILTER_EQ, listing_text(q, text));
    }
    return all;
}

static int list_work(struct request *q, struct cat *db, struct err *e)
{
    struct list_page page;
    size_t i;
    if (listing_find(q, db, &list_projects, 100, facets(q), NULL, &page, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_arr_at(&w, "projects");
    for (i = 0; i < page.count && q->out.len < RECORD_PAGE_BYTES; i++) {
        struct project_row one;
        const struct project_row *p = &one;
        if (cat_project_by_key(db, q->arena, page.keys[i], &one, e) < 0)
            return -1;
        jw_obj(&w);
        jw_str_at(&w, "code", p->code);
        if (p->has_record && print_answers_of(&p->record, list_fields, &w, e) < 0)
            return -1;
        jw_str_at(&w, "stage", stage_name(p->stage));
        jw_int_at(&w, "stage_us", p->stage_us ? p->stage_us : p->created_us);
        print_us_or_null(&w, "record_version", p->record.version);
        jw_int_at(&w, "changed_us", p->has_record ? p->record.created_us : p->created_us);
        jw_int_at(&w, "created_us", p->created_us);
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    listing_end(q, &page, i, &w);
    jw_end_obj(&w);
    return 0;
}

int method_project_list(struct request *q, struct err *e)
{
    (void)e;
    request_read(q, list_work, NULL);
    return 0;
}

static int history_work(struct request *q, struct cat *db, struct err *e)
{
    struct project_row p;
    struct jw w = jw_to(&q->out);
    if (cat_project_get(db, q->arena, request_str(q, "code"), &p, e) < 0)
        return -1;
    if (!p.has_record)
        return err_set(e, E_NOT_FOUND, "project", "`enclos project edit` begins it",
                       "nothing was told of %s yet", p.code);
    jw_obj(&w);
    if (print_history(q, db, &p.record, standing_may(q->standing, ROLE(ROLE_CURATOR), p.id), &w,
                      e) < 0)
        return -1;
    jw_end_obj(&w);
    return 0;
}

int method_project_history(struct request *q, struct err *e)
{
    (void)e;
    request_read(q, history_work, NULL);
    return 0;
}

static int similar_work(struct request *q, struct cat *db, struct err *e)
{
    struct project_row p;
    struct jw w = jw_to(&q->out);
    if (cat_project_get(db, q->arena, request_str(q, "code"), &p, e) < 0)
        return -1;
    jw_obj(&w);
    if (print_similar(q, db, &p, &w, e) < 0)
        return -1;
    jw_end_obj(&w);
    return 0;
}

int method_project_similar(struct request *q, struct err *e)
{
    (void)e;
    request_read(q, similar_work, NULL);
    return 0;
}
