/*
 * method_run_rerun.c - run.rerun: a run's row as the params of a new submission.
 *
 *   handler (loop)  ->  row read (catalog)  ->  profile still the same? (runner)  ->  submit.h: all gates anew
 *
 * What cannot be the same is refused, never replaced: a dataset version, an environment or code that is gone, a profile
 * whose files changed (unless the caller accepts that), and runs that a person worked in.
 */
#include "api/common/buf.h"
#include "catalog/connection.h"
#include "catalog/environment.h"
#include "catalog/run.h"
#include "orchestrator/lab.h"
#include "orchestrator/profiles.h"
#include "orchestrator/request.h"
#include "orchestrator/run_print.h"
#include "orchestrator/submit.h"
#include <string.h>

enum { PARAMS_MAX_BYTES = 32 << 20 };

struct rerun {
    char id[TEXT_ID_SIZE];
    const char *params; /* of the submission, as text */
    const char *profile, *digest; /* as it ran; digest NULL: it has no record */
};

static void put_pairs(struct jw *w, const char *key, const struct run_pair *pairs, size_t count)
{
    jw_obj_at(w, key);
    for (size_t i = 0; i < count; i++)
        jw_str_at(w, pairs[i].name, pairs[i].value);
    jw_end_obj(w);
}

/* Those of the request; of a run of before they were kept apart, all that it has. */
static void put_given(struct jw *w, const struct run_row *r)
{
    const struct run_origin *o = &r->origin;
    if (!o->known) {
        put_pairs(w, "params", r->params, r->param_count);
        put_pairs(w, "tags", r->tags, r->tag_count);
        return;
    }
    if (o->given_params)
        jw_raw_at(w, "params", o->given_params, strlen(o->given_params));
    if (o->given_tags)
        jw_raw_at(w, "tags", o->given_tags, strlen(o->given_tags));
}

static void put_git(struct jw *w, const struct run_origin *o)
{
    if (!o->git_commit)
        return;
    jw_obj_at(w, "git");
    jw_str_at(w, "commit", o->git_commit);
    if (o->git_branch)
        jw_str_at(w, "branch", o->git_branch);
    if (o->git_dirty >= 0)
        jw_bool_at(w, "dirty", o->git_dirty);
    jw_end_obj(w);
}

static void put_params(struct request *q, const struct run_row *r, const char *allow_hosts, struct jw *w)
{
    const char *name = request_str(q, "name"), *key = request_str(q, "idempotency_key");
    int64_t seed = request_int(q, "seed", r->origin.known ? r->origin.seed : -1);

    jw_obj(w);
    if (name || r->name)
        jw_str_at(w, "name", name ? name : r->name);
    jw_raw_at(w, "command", r->command_json, strlen(r->command_json));
    if (r->code)
        jw_str_at(w, "code", r->code);
    jw_str_at(w, "profile", r->profile);
    jw_arr_at(w, "datasets");
    for (size_t i = 0; i < r->dataset_count; i++)
        jw_str(w, r->datasets[i].ref);
    jw_end_arr(w);
    jw_str_at(w, "environment", r->environment.key ? r->environment.ref : ENV_HOST);
    jw_raw_at(w, "resources", r->resources_json, strlen(r->resources_json));
    jw_raw_at(w, "env", r->env_json, strlen(r->env_json));
    put_given(w, r);
    if (seed >= 0)
        jw_int_at(w, "seed", seed);
    put_git(w, &r->origin);
    if (r->origin.parent)
        jw_str_at(w, "parent", r->origin.parent);
    if (r->place.project_code)
        jw_str_at(w, "project", r->place.project_code);
    if (r->experiment)
        jw_str_at(w, "experiment", r->experiment);
    jw_str_at(w, "purpose", r->place.purpose);
    jw_int_at(w, "priority", r->priority);
    jw_str_at(w, "limits", r->best_effort ? "best_effort" : "enforced");
    jw_bool_at(w, "report_paths", r->report_paths);
    if (allow_hosts)
        jw_raw_at(w, "allow_hosts", allow_hosts, strlen(allow_hosts));
    jw_bool_at(w, "warm", r->warm);
    if (key)
        jw_str_at(w, "idempotency_key", key);
    jw_str_at(w, "rerun_of", r->id); /* for the digest of the request */
    jw_end_obj(w);
}

static int read_work(struct request *q, struct cat *db, struct err *e)
{
    struct rerun *s = q->state;
    struct run_row r;
    struct network_row network = {0};
    if (cat_run_find(db, q->standing, request_str(q, "run"), s->id, e) < 0 || cat_run_get(db, q->arena, s->id, &r, e) < 0 ||
        cat_network_get(db, q->arena, s->id, &network, e) < 0)
        return -1;
    if (r.interactive_json)
        return err_set(e, E_INVALID, "run", "run what was typed there as a program",
                       "%s is a shell or a notebook: what was done in it cannot be done again", s->id);
    AUTO_BUF struct buf text = BUF_INIT(PARAMS_MAX_BYTES);
    struct jw w = jw_to(&text);
    put_params(q, &r, network.allow_hosts_json, &w);
    if (text.failed)
        return err_set(e, E_LIMIT, "run", NULL, "the request of %s is too long to be made again", s->id);
    s->params = arena_strdup(q->arena, buf_cstr(&text));
    s->profile = r.profile;
    s->digest = run_profile_digest(&r, q->arena);
    return 0;
}

static int check_profile(struct request *q, struct err *e)
{
    const struct rerun *s = q->state;
    if (profiles_check(q->lab->profiles, s->profile, e) < 0)
        return -1;
    const char *now = json_str(json_get(profiles_find(q->lab->profiles, s->profile), "digest"));
    if (!s->digest || request_bool(q, "allow_changed_profile", false) || (now && !strcmp(now, s->digest)))
        return 0;
    return err_set(e, E_CONFLICT, "profile",
                   "look at what changed; allow_changed_profile (`--allow-changed-profile`) runs it under what is there now",
                   "the profile %s is not what it was for %s: its digest was %s and is %s", s->profile, s->id, s->digest,
                   now ? now : "not known");
}

static void go_on(void *ctx, const struct err *e)
{
    struct request *q = ctx;
    const struct rerun *s = q->state;
    const struct json_limits limits = {.max_bytes = PARAMS_MAX_BYTES, .max_depth = 32};
    struct err bad = {0};
    if (!e && check_profile(q, &bad) < 0)
        e = &bad;
    if (!e && !(q->made = json_parse(s->params, strlen(s->params), &limits, &bad)))
        e = &bad;
    if (!e) {
        q->params = q->made;
        if (submit_begin(q, s->id, &bad) == 0)
            return;
        e = &bad;
    }
    request_end(q, e);
}

static void have_read(struct request *q, const struct err *e)
{
    if (e)
        request_end(q, e);
    else
        profiles_refresh(q->lab->profiles, go_on, q);
}

int method_run_rerun(struct request *q, struct err *e)
{
    struct rerun *s = arena_alloc(q->arena, sizeof *s);
    (void)e;
    *s = (struct rerun){.params = NULL};
    q->state = s;
    request_read(q, read_work, have_read);
    return 0;
}
