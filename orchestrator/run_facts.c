/*
 * run_facts.c - see run_facts.h.
 */
#include "orchestrator/run_facts.h"
#include "catalog/environment.h"
#include "orchestrator/run_print.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_MAX_BYTES = 4096, ALL_MAX_BYTES = 300 << 10, FACT_MAX_BYTES = 32 << 20 };

enum aspect {
    COMMAND,
    CODE,
    GIT,
    PARAM,
    SEED,
    DATASET,
    ENVIRONMENT,
    ENV,
    PROFILE,
    RESOURCE,
    NETWORK,
    PROJECT,
    OPTION,
    TAG,
    HOST,
    ASPECT_COUNT
};

const char *const run_fact_aspects[] = {
    [COMMAND] = "command", [CODE] = "code",         [GIT] = "git",         [PARAM] = "param",       [SEED] = "seed",
    [DATASET] = "dataset", [ENVIRONMENT] = "environment", [ENV] = "env",   [PROFILE] = "profile",   [RESOURCE] = "resource",
    [NETWORK] = "network", [PROJECT] = "project", [OPTION] = "option",     [TAG] = "tag",         [HOST] = "host",         NULL,
};
static_assert(sizeof run_fact_aspects / sizeof *run_fact_aspects == ASPECT_COUNT + 1, "each aspect has its name");

struct list {
    struct arena *a;
    struct run_fact *all;
    size_t count, room;
};

static void add_json(struct list *l, enum aspect aspect, const char *name, const char *json)
{
    if (l->count == l->room) {
        size_t room = l->room ? 2 * l->room : 64;
        struct run_fact *fresh = arena_alloc(l->a, room * sizeof *fresh);
        if (l->count)
            memcpy(fresh, l->all, l->count * sizeof *fresh);
        l->all = fresh;
        l->room = room;
    }
    l->all[l->count++] = (struct run_fact){run_fact_aspects[aspect], arena_strdup(l->a, name), arena_strdup(l->a, json)};
}

static void add_text(struct list *l, enum aspect aspect, const char *name, const char *text)
{
    if (!text)
        return;
    AUTO_BUF struct buf b = BUF_INIT(FACT_MAX_BYTES);
    struct jw w = jw_to(&b);
    jw_str(&w, text);
    add_json(l, aspect, name, buf_cstr(&b));
}

static void add_int(struct list *l, enum aspect aspect, const char *name, int64_t n)
{
    add_json(l, aspect, name, arena_printf(l->a, "%lld", (long long)n));
}

static void add_bool(struct list *l, enum aspect aspect, const char *name, bool b)
{
    add_json(l, aspect, name, b ? "true" : "false");
}

/* Members of a JSON object, those of objects in it as "kernel.release". */
static void add_members(struct list *l, enum aspect aspect, const char *prefix, const struct json *obj)
{
    for (const struct json *m = json_first(obj); m; m = json_next(m)) {
        const char *name = arena_printf(l->a, "%s%s%s", prefix, prefix[0] ? "." : "", json_key(m));
        if (json_type(m) == JSON_OBJECT) {
            add_members(l, aspect, name, m);
        } else if (json_type(m) != JSON_NULL) {
            AUTO_BUF struct buf b = BUF_INIT(FACT_MAX_BYTES);
            json_print(m, true, &b);
            add_json(l, aspect, name, buf_cstr(&b));
        }
    }
}

static void add_object(struct list *l, enum aspect aspect, const char *json)
{
    const struct json_limits limits = {.max_bytes = FACT_MAX_BYTES, .max_depth = 32};
    struct err e = {0};
    AUTO_JSON struct json *root = json ? json_parse(json, strlen(json), &limits, &e) : NULL;
    add_members(l, aspect, "", root);
}

static void add_canonical(struct list *l, enum aspect aspect, const char *name, const char *json)
{
    const struct json_limits limits = {.max_bytes = FACT_MAX_BYTES, .max_depth = 32};
    struct err e = {0};
    AUTO_JSON struct json *root = json ? json_parse(json, strlen(json), &limits, &e) : NULL;
    AUTO_BUF struct buf b = BUF_INIT(FACT_MAX_BYTES);
    if (!root)
        return;
    json_print(root, true, &b);
    add_json(l, aspect, name, buf_cstr(&b));
}

static void add_origin(struct list *l, const struct run_row *r)
{
    const struct run_origin *o = &r->origin;
    if (o->known)
        add_int(l, SEED, "", o->seed);
    add_text(l, GIT, "commit", o->git_commit);
    add_text(l, GIT, "branch", o->git_branch);
    if (o->git_dirty >= 0)
        add_bool(l, GIT, "dirty", o->git_dirty);
    add_object(l, HOST, o->host_json);
}

static void add_profile(struct list *l, const struct run_row *r)
{
    struct err e = {0};
    AUTO_JSON struct json *sandbox = r->sandbox_json ? json_parse(r->sandbox_json, strlen(r->sandbox_json), NULL, &e) : NULL;
    add_text(l, PROFILE, "name", r->profile);
    add_text(l, PROFILE, "digest", json_str(json_get(sandbox, "profile_digest")));
    add_text(l, PROFILE, "filter", json_str(json_get(sandbox, "filter")));
}

static int aspect_number(const char *aspect)
{
    int i = 0;
    while (run_fact_aspects[i] && strcmp(run_fact_aspects[i], aspect) != 0)
        i++;
    return i;
}

static int by_place(const void *left, const void *right)
{
    const struct run_fact *a = left, *b = right;
    int aspects = aspect_number(a->aspect) - aspect_number(b->aspect);
    return aspects ? aspects : strcmp(a->name, b->name);
}

void run_facts(const struct run_row *r, const char *allow_hosts, struct arena *a, struct run_fact **out, size_t *count)
{
    struct list l = {.a = a};
    add_canonical(&l, COMMAND, "", r->command_json);
    add_text(&l, CODE, "", r->code);
    for (size_t i = 0; i < r->param_count; i++)
        add_text(&l, PARAM, r->params[i].name, r->params[i].value);
    for (size_t i = 0; i < r->dataset_count; i++)
        add_text(&l, DATASET, r->datasets[i].name, arena_printf(a, "%s (%s)", r->datasets[i].ref, r->datasets[i].manifest));
    add_text(&l, ENVIRONMENT, "name", r->environment.key ? r->environment.ref : ENV_HOST);
    add_text(&l, ENVIRONMENT, "manifest", r->environment.manifest);
    add_object(&l, ENV, r->env_json);
    add_profile(&l, r);
    add_object(&l, RESOURCE, r->resources_json);
    add_canonical(&l, NETWORK, "allow_hosts", allow_hosts);
    add_text(&l, PROJECT, "code", r->place.project_code);
    add_text(&l, PROJECT, "purpose", r->place.purpose);
    add_text(&l, PROJECT, "experiment", r->experiment);
    add_text(&l, OPTION, "limits", r->best_effort ? "best_effort" : "enforced");
    add_bool(&l, OPTION, "report_paths", r->report_paths);
    add_bool(&l, OPTION, "warm", r->warm);
    for (size_t i = 0; i < r->tag_count; i++)
        add_text(&l, TAG, r->tags[i].name, r->tags[i].value);
    add_origin(&l, r);
    qsort(l.all, l.count, sizeof *l.all, by_place);
    *out = l.all;
    *count = l.count;
}

static void put_value(struct jw *w, const char *key, const struct run_fact *f)
{
    if (!f) {
        jw_null_at(w, key);
    } else if (strlen(f->json) <= VALUE_MAX_BYTES) {
        jw_raw_at(w, key, f->json, strlen(f->json));
    } else { /* as text: the writer mends a character that was cut */
        jw_key(w, key);
        jw_strn(w, f->json, VALUE_MAX_BYTES);
    }
}

void run_facts_compare(const struct run_fact *a, size_t a_count, const struct run_fact *b, size_t b_count, struct jw *w)
{
    bool differs[ASPECT_COUNT] = {false}, there[ASPECT_COUNT] = {false};
    size_t start = w->out->len, i = 0, k = 0, left_out = 0;

    jw_arr_at(w, "differences");
    while (i < a_count || k < b_count) {
        int order = i == a_count ? 1 : k == b_count ? -1 : by_place(&a[i], &b[k]);
        const struct run_fact *left = order <= 0 ? &a[i++] : NULL, *right = order >= 0 ? &b[k++] : NULL;
        const struct run_fact *one = left ? left : right;
        assert(one);
        int aspect = aspect_number(one->aspect);
        there[aspect] = true;
        if (left && right && strcmp(left->json, right->json) == 0)
            continue;
        differs[aspect] = true;
        if (w->out->len - start > ALL_MAX_BYTES) {
            left_out++;
            continue;
        }
        jw_obj(w);
        jw_str_at(w, "aspect", run_fact_aspects[aspect]);
        jw_str_at(w, "name", one->name[0] ? one->name : NULL);
        put_value(w, "a", left);
        put_value(w, "b", right);
        jw_end_obj(w);
    }
    jw_end_arr(w);
    jw_int_at(w, "differences_left_out", (int64_t)left_out);
    jw_arr_at(w, "same");
    for (int n = 0; n < ASPECT_COUNT; n++)
        if (there[n] && !differs[n])
            jw_str(w, run_fact_aspects[n]);
    jw_end_arr(w);
}
