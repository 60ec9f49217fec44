/*
 * live.c - the steps of a run from the queue to its monitor, and its end in memory. Loop thread.
 *
 * The diagram is in live.h. What may fail for want of room or time (a full disk, a full queue) is tried
 * again with a back-off; what is the run's own fault ends it with a verdict. Reading what a monitor
 * writes is ingest.c.
 */
#include "orchestrator/live.h"
#include "orchestrator/host_facts.h"
#include "api/common/buf.h"
#include "api/common/fd.h"
#include "api/common/json.h"
#include "api/common/log.h"
#include "catalog/dataset_gate.h"
#include "catalog/environment.h"
#include "catalog/digest.h"
#include "orchestrator/adopt.h"
#include "orchestrator/lab.h"
#include "orchestrator/launch_client.h"
#include "orchestrator/prepare.h"
#include "orchestrator/proxy.h"
#include "orchestrator/watch.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES_MAX = 5, BACKOFF_MIN_MS = 500, BACKOFF_MAX_MS = 60000 };

static void step_move(struct live *v);
static void step_prepare(struct live *v);
static void step_judge(struct live *v);
static void step_cancel(struct live *v);

struct live *live_find(const struct lab *lab, const char *id)
{
    return map_find(&lab->lives, id);
}

/* ---- memory and handles ---- */

static struct live *live_new(struct lab *lab, const struct sched_job *job)
{
    struct live *v = mem_alloc(sizeof *v);
    *v = (struct live){.lab = lab, .job = *job, .pidfd = -1, .arena = arena_new()};
    memcpy(v->id, job->id, sizeof v->id);
    map_put(&lab->lives, v->id, v);
    return v;
}

static void free_handle(uv_handle_t *h)
{
    free(h);
}

static void close_handles(struct live *v)
{
    uv_handle_t *all[] = {(uv_handle_t *)v->gone_poll, (uv_handle_t *)v->folder_watch,
                          (uv_handle_t *)v->timer};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i]) {
            all[i]->data = NULL;
            uv_close(all[i], free_handle);
        }
    v->gone_poll = NULL;
    v->folder_watch = NULL;
    v->timer = NULL;
    fd_close_at(&v->pidfd);
}

void live_free(struct live *v)
{
    close_handles(v);
    proxy_stop(v->proxy);
    tree_unuse(v->lab->uses, v->id);
    map_remove(&v->lab->lives, v->id);
    arena_free(v->arena);
    free(v);
}

void live_close_all(struct lab *lab)
{
    for (;;) {
        size_t at = 0;
        struct live *v = map_each(&lab->lives, &at);
        if (!v)
            return;
        live_free(v);
    }
}

/* ---- again, later ---- */

struct later {
    struct lab *lab;
    char id[TEXT_ID_SIZE];
    void (*step)(struct live *v);
};

static void later_now(void *ctx)
{
    struct later *l = ctx;
    struct live *v = live_find(l->lab, l->id);
    if (v && !atomic_load(&l->lab->stopping))
        l->step(v);
    free(l);
}

void live_later(struct live *v, int64_t delay_ms, void (*step)(struct live *v))
{
    struct later *l = mem_alloc(sizeof *l);
    *l = (struct later){.lab = v->lab, .step = step};
    memcpy(l->id, v->id, sizeof l->id);
    lab_after(v->lab, delay_ms, later_now, l);
}

static void again(struct live *v, const char *doing, const struct err *e,
                  void (*step)(struct live *v))
{
    int64_t delay = (int64_t)BACKOFF_MIN_MS << (v->tries < 8 ? v->tries : 8);
    if (delay > BACKOFF_MAX_MS)
        delay = BACKOFF_MAX_MS;
    v->tries++;
    log_error(doing, LOG_STR("run", v->id), LOG_ERR(e), LOG_INT("again_ms", delay));
    live_later(v, delay, step);
}

static bool may_pass_later(const struct err *e)
{
    return e->kind == E_LIMIT || e->kind == E_UNAVAILABLE;
}

/* ---- state ---- */

void live_set_state(struct live *v, enum run_state state)
{
    if (state <= v->state)
        return;
    v->state = state;
    log_info("run.state", LOG_STR("run", v->id), LOG_STR("state", run_state_name(state)));
    watch_run_changed(v);
}

/* ---- the queue ---- */

/* The bound of the queue is kept before a run is acknowledged; one that is acknowledged waits outside
 * until there is room. */
static void enqueue(struct live *v);

static void enqueue_late(struct live *v)
{
    enqueue(v);
    live_schedule(v->lab);
}

static void enqueue(struct live *v)
{
    struct err e = {0};
    if (v->phase == LIVE_QUEUED && sched_add(v->lab->sched, &v->job, &e) < 0)
        live_later(v, 1000, enqueue_late);
}

void live_submitted(struct lab *lab, const struct sched_job *job)
{
    struct live *v = live_new(lab, job);
    v->phase = LIVE_QUEUED;
    enqueue(v);
    live_schedule(lab);
}

static void on_sched_timer(uv_timer_t *t)
{
    live_schedule(t->data);
}

void live_schedule(struct lab *lab)
{
    char id[TEXT_ID_SIZE];
    int64_t again_us = 0;
    if (atomic_load(&lab->stopping) || !launch_is_ready(lab->launch))
        return;
    int64_t now = time_now_us();
    while (sched_next(lab->sched, now, id, &again_us)) {
        struct live *v = live_find(lab, id);
        if (v)
            step_move(v);
        else
            sched_remove(lab->sched, id);
    }
    uv_timer_stop(&lab->sched_timer);
    if (again_us) {
        lab->sched_timer.data = lab;
        uv_timer_start(&lab->sched_timer, on_sched_timer,
                       (uint64_t)(again_us > now ? (again_us - now) / 1000 + 1 : 1), 0);
    }
}

bool live_hold(struct lab *lab, const char *id)
{
    struct live *v = live_find(lab, id);
    if (!v || v->phase != LIVE_QUEUED)
        return false;
    v->phase = LIVE_ENDING;
    sched_remove(lab->sched, id);
    return true;
}

void live_unhold(struct lab *lab, const char *id, bool finished)
{
    struct live *v = live_find(lab, id);
    if (!v || v->phase != LIVE_ENDING)
        return;
    if (finished) {
        live_ended(v);
        return;
    }
    v->phase = LIVE_QUEUED;
    enqueue(v);
    live_schedule(lab);
}

/* ---- queued -> starting, and what it is ---- */

static struct prepare *prepare_new(const struct live *v)
{
    struct prepare *p = mem_alloc(sizeof *p);
    *p = (struct prepare){.lab = v->lab, .arena = arena_new(), .folder_fd = -1};
    memcpy(p->run, v->id, sizeof p->run);
    return p;
}

static void prepare_free(struct prepare *p)
{
    fd_close_at(&p->folder_fd);
    arena_free(p->arena);
    free(p);
}

/* What was allowed at the submission is not any more: the run ends here, in the same transaction. */
static int end_denied(struct cat *db, struct prepare *p, const struct err *why, int64_t now, struct err *e)
{
    AUTO_BUF struct buf failed = BUF_INIT(4096);
    struct jw w = jw_to(&failed);
    jw_obj(&w);
    jw_str_at(&w, "step", strcmp(why->field, "dataset.quarantine") ? "dataset_access" : "dataset_verify");
    jw_null_at(&w, "errno");
    jw_str_at(&w, "message", why->message);
    jw_str_at(&w, "hint", why->hint[0] ? why->hint : NULL);
    jw_str_at(&w, "rule", why->field);
    jw_end_obj(&w);
    const struct run_result r = {.verdict = VERDICT_SETUP_FAILED,
                                 .reason = why->message,
                                 .failed_json = buf_cstr(&failed),
                                 .finished_us = now,
                                 .wall_ms = -1,
                                 .cpu_ms = -1,
                                 .memory_peak_bytes = -1,
                                 .log_kept_bytes = -1,
                                 .log_dropped_bytes = -1,
                                 .metrics_dropped = -1};
    if (audit_append(db, &p->row.actor, "access.denied", p->run, buf_cstr(&failed), now, e) < 0)
        return -1;
    p->row.state = RUN_FINISHED;
    return cat_run_finish(db, p->run, &r, e);
}

static int move_job(struct cat *db, void *ctx, struct err *e)
{
    struct prepare *p = ctx;
    struct err why = {0};
    if (cat_run_get(db, p->arena, p->run, &p->row, e) < 0)
        return -1;
    if (p->row.state != RUN_QUEUED)
        return 0;
    int64_t now = time_now_us();
    if (cat_gate_start(db, p->arena, p->run, now, &why) < 0) {
        if (why.kind == E_DENIED || why.kind == E_CONFLICT)
            return end_denied(db, p, &why, now, e);
        *e = why;
        return -1;
    }
    if (cat_origin_set_host(db, p->run, host_facts_json(p->lab->host), now, e) < 0)
        return -1;
    return cat_run_move(db, p->run, RUN_QUEUED, RUN_STARTING, now, NULL, e);
}

static void prepared(void *ctx, const struct err *e);

static void keep_environment(struct live *v, const struct run_environment *given)
{
    if (v->environment.key || given->key == 0)
        return;
    v->environment = (struct run_environment){.key = given->key,
                                              .version = given->version,
                                              .name = arena_strdup(v->arena, given->name),
                                              .ref = arena_strdup(v->arena, given->ref),
                                              .manifest = arena_strdup(v->arena, given->manifest)};
}

/* And the environment: what is looked at again when the run has ended. */
static void keep_datasets(struct live *v, const struct run_row *row)
{
    keep_environment(v, &row->environment);
    if (v->datasets || row->dataset_count == 0)
        return;
    v->datasets = arena_alloc(v->arena, row->dataset_count * sizeof *v->datasets);
    v->dataset_count = row->dataset_count;
    for (size_t i = 0; i < row->dataset_count; i++) {
        v->datasets[i] = row->datasets[i];
        v->datasets[i].name = arena_strdup(v->arena, row->datasets[i].name);
        v->datasets[i].ref = arena_strdup(v->arena, row->datasets[i].ref);
        v->datasets[i].manifest = arena_strdup(v->arena, row->datasets[i].manifest);
        v->datasets[i].classification = v->datasets[i].quarantine_reason = NULL;
    }
}

static void moved(void *ctx, const struct err *e)
{
    struct prepare *p = ctx;
    struct live *v = live_find(p->lab, p->run);
    if (!v || v->phase != LIVE_MOVING || atomic_load(&p->lab->stopping)) {
        prepare_free(p);
        return;
    }
    if (e) {
        prepare_free(p);
        again(v, "run.start", e, step_move);
        return;
    }
    if (p->row.state == RUN_FINISHED) { /* it may not use its datasets any more */
        prepare_free(p);
        live_ended(v);
        return;
    }
    v->tries = 0;
    keep_datasets(v, &p->row);
    live_set_state(v, RUN_STARTING);
    v->phase = LIVE_PREPARING;
    v->cancel = v->cancel || p->row.cancel_us != 0;
    p->cancel = v->cancel;
    lab_pool(p->lab, prepare_work, prepared, p);
}

static void step_move(struct live *v)
{
    v->phase = LIVE_MOVING;
    lab_write(v->lab, move_job, moved, prepare_new(v));
}

static int get_job(struct cat *db, void *ctx, struct err *e)
{
    struct prepare *p = ctx;
    return cat_run_get(db, p->arena, p->run, &p->row, e);
}

static void got(void *ctx, const struct err *e)
{
    struct prepare *p = ctx;
    struct live *v = live_find(p->lab, p->run);
    if (!v || v->phase != LIVE_PREPARING || atomic_load(&p->lab->stopping)) {
        prepare_free(p);
        return;
    }
    if (e) {
        prepare_free(p);
        again(v, "run.start", e, step_prepare);
        return;
    }
    keep_datasets(v, &p->row);
    v->cancel = v->cancel || p->row.cancel_us != 0;
    p->cancel = v->cancel;
    lab_pool(p->lab, prepare_work, prepared, p);
}

/* Prepares again what is `starting` already. */
static void step_prepare(struct live *v)
{
    v->phase = LIVE_PREPARING;
    lab_read(v->lab, get_job, got, prepare_new(v));
}

/* ---- what stops a start ---- */

struct quarantine {
    bool environment; /* else a dataset */
    int64_t key;
    char ref[DATASET_REF_SIZE];
    char reason[272];
};

static int quarantine_job(struct cat *db, void *ctx, struct err *e)
{
    const struct quarantine *q = ctx;
    return q->environment ? cat_env_quarantine(db, q->key, q->reason, time_now_us(), e)
                          : cat_dataset_quarantine(db, q->key, q->reason, time_now_us(), e);
}

static void quarantined(void *ctx, const struct err *e)
{
    struct quarantine *q = ctx;
    if (e)
        log_error(q->environment ? "env.quarantine" : "dataset.quarantine", LOG_STR("ref", q->ref),
                  LOG_ERR(e));
    free(q);
}

/* ---- a code tree that was changed behind the lab's back: built anew, and told ---- */

struct code_changed {
    char code[DIGEST_HEX_SIZE];
    char run[TEXT_ID_SIZE];
    char reason[272];
};

static int code_changed_job(struct cat *db, void *ctx, struct err *e)
{
    const struct code_changed *c = ctx;
    AUTO_BUF struct buf detail = BUF_INIT(4096);
    struct jw w = jw_to(&detail);
    jw_obj(&w);
    jw_str_at(&w, "reason", c->reason);
    jw_str_at(&w, "run", c->run);
    jw_end_obj(&w);
    return audit_append(db, &CAT_ACTOR_LAB, "code.changed", c->code, buf_cstr(&detail),
                        time_now_us(), e);
}

static void code_changed_written(void *ctx, const struct err *e)
{
    struct code_changed *c = ctx;
    if (e)
        log_error("code.changed", LOG_STR("code", c->code), LOG_ERR(e));
    free(c);
}

static void tell_code_changed(struct live *v, const struct prepare *p)
{
    struct code_changed *c = mem_alloc(sizeof *c);
    snprintf(c->code, sizeof c->code, "%s", p->row.code);
    snprintf(c->run, sizeof c->run, "%s", v->id);
    snprintf(c->reason, sizeof c->reason, "%s", p->code_changed.message);
    lab_write(v->lab, code_changed_job, code_changed_written, c);
}

/* What a person can do about it, that works. */
static const char *hint_for(const struct prepare *p, const struct err *e)
{
    const char *step = p->step ? p->step : "";
    bool lost = e->kind == E_NOT_FOUND || e->kind == E_CONFLICT;
    if (p->bad_environment || (p->quarantined && !strcmp(step, "environment_verify")))
        return "import the environment again (`enclos env import`) and use the new version";
    if (p->bad || p->quarantined)
        return "the version is in quarantine: add its data anew from their source (`enclos dataset "
               "add`) and use the new version";
    if (!strcmp(step, "code_tree") && lost)
        return "submit it again: what the lab lacks is sent anew then";
    if (e->hint[0])
        return e->hint;
    if (!strcmp(step, "code_tree") || !strncmp(step, "dataset_", 8))
        return "look at the disk and the daemon's log, then submit it again";
    return NULL;
}

static void failed_start(struct live *v, const struct prepare *p, const struct err *e)
{
    AUTO_BUF struct buf failed = BUF_INIT(4096);
    struct jw w = jw_to(&failed);
    jw_obj(&w);
    jw_str_at(&w, "step", p->step ? p->step : "prepare");
    jw_str_at(&w, "errno", e->os_errno ? err_errno_name(e->os_errno) : NULL);
    jw_str_at(&w, "message", e->message);
    jw_str_at(&w, "hint", hint_for(p, e));
    jw_end_obj(&w);
    if (p->bad || p->bad_environment) {
        const char *ref = p->bad ? p->bad->ref : p->row.environment.ref;
        struct quarantine *q = mem_alloc(sizeof *q);
        q->environment = !p->bad;
        q->key = p->bad ? p->bad->key : p->row.environment.key;
        snprintf(q->ref, sizeof q->ref, "%s", ref);
        snprintf(q->reason, sizeof q->reason, "before run %s: %.230s", v->id, e->message);
        log_error(p->bad ? "dataset.changed" : "env.changed",
                  LOG_STR(p->bad ? "dataset" : "environment", ref), LOG_STR("run", v->id), LOG_ERR(e));
        lab_write(v->lab, quarantine_job, quarantined, q);
    }
    live_end(v, VERDICT_SETUP_FAILED, e->message, buf_cstr(&failed));
}

static void prepared(void *ctx, const struct err *e)
{
    struct prepare *p = ctx;
    struct live *v = live_find(p->lab, p->run);
    if (!v || v->phase != LIVE_PREPARING || atomic_load(&p->lab->stopping)) {
        prepare_free(p);
        return;
    }
    if (p->code_changed.kind)
        tell_code_changed(v, p);
    if (e && !p->bad && !p->bad_environment && may_pass_later(e) && v->tries < TRIES_MAX) {
        prepare_free(p);
        again(v, "run.prepare", e, step_prepare);
        return;
    }
    if (e) {
        failed_start(v, p, e);
        prepare_free(p);
        return;
    }
    if (v->cancel && !p->cancel) { /* asked for while it was prepared */
        prepare_free(p);
        step_prepare(v);
        return;
    }
    v->tries = 0;
    v->phase = LIVE_LAUNCHING;
    v->may_have_proxy = proxy_is_for(v->lab->profiles, p->row.profile);
    struct launch_warm warm = {.owner = ""};
    if (p->row.warm) {
        prepare_warm_owner(&p->row, warm.owner);
        warm.cpus = (p->row.cpus_milli + 999) / 1000;
    }
    launch_start(v->lab->launch, v->id, p->row.profile, &warm, fd_take(&p->folder_fd));
    prepare_free(p);
}

/* ---- answers of the launcher ---- */

void live_launched(struct lab *lab, const char *id, int monitor_pid, int pidfd)
{
    struct live *v = live_find(lab, id);
    if (!v || (v->phase != LIVE_LAUNCHING && v->phase != LIVE_JUDGING)) {
        fd_close_at(&pidfd);
        return;
    }
    log_debug("run.launched", LOG_STR("run", id), LOG_INT("monitor", monitor_pid));
    live_going(v, pidfd);
}

void live_refused(struct lab *lab, const char *id, int os_errno, const char *why)
{
    struct live *v = live_find(lab, id);
    if (!v || v->phase != LIVE_LAUNCHING)
        return;
    if (os_errno == EEXIST) { /* a monitor has it already: an ask of before, answered twice */
        step_judge(v);
        return;
    }
    struct err e = {0};
    errno = os_errno;
    if (os_errno)
        err_sys(&e, NULL, NULL, "the launcher refused: %.180s", why);
    else
        err_set(&e, E_UNAVAILABLE, NULL, NULL, "the launcher refused: %.180s", why);
    bool passing = os_errno == EAGAIN || os_errno == ENOMEM || os_errno == EMFILE ||
                   os_errno == ENFILE || os_errno == ENOSPC || os_errno == EBUSY;
    if (passing && v->tries < TRIES_MAX) {
        again(v, "run.launch", &e, step_prepare);
        return;
    }
    struct prepare p = {.step = "launch"};
    failed_start(v, &p, &e);
}

/* ---- judging by the folder ---- */

static void judged(void *ctx, const struct err *e)
{
    struct adopt *a = ctx;
    struct live *v = live_find(a->lab, a->run);
    if (!v || v->phase != LIVE_JUDGING || atomic_load(&a->lab->stopping)) {
        fd_close_at(&a->pidfd);
        free(a);
        return;
    }
    if (e) {
        fd_close_at(&a->pidfd);
        free(a);
        again(v, "run.adopt", e, step_judge);
        return;
    }
    v->tries = 0;
    static const char *const words[] = {"not started", "alive", "ended", "lost"};
    log_info("run.adopted", LOG_STR("run", v->id), LOG_STR("found", words[a->verdict]));
    switch (a->verdict) {
    case ADOPT_NOT_STARTED:
        if (v->state == RUN_RUNNING)
            live_end(v, VERDICT_LOST, "the folder of the run is gone", NULL);
        else
            step_prepare(v);
        break;
    case ADOPT_ALIVE:
        live_going(v, fd_take(&a->pidfd));
        if (v->cancel) /* asked for durably; the daemon may have died before it told the monitor */
            step_cancel(v);
        break;
    case ADOPT_ENDED:
    case ADOPT_LOST: live_going(v, -1); break;
    }
    free(a);
}

static void step_judge(struct live *v)
{
    struct adopt *a = mem_alloc(sizeof *a);
    *a = (struct adopt){.lab = v->lab, .pidfd = -1};
    memcpy(a->run, v->id, sizeof a->run);
    v->phase = LIVE_JUDGING;
    lab_pool(v->lab, adopt_work, judged, a);
}

void live_judge(struct lab *lab, const char *id)
{
    struct live *v = live_find(lab, id);
    if (v && v->phase == LIVE_LAUNCHING)
        step_judge(v);
}

static void job_of_row(const struct run_row *r, struct sched_job *job)
{
    struct err e = {0};
    AUTO_JSON struct json *resources =
        json_parse(r->resources_json, strlen(r->resources_json), NULL, &e);
    *job = (struct sched_job){.cpus_milli = r->cpus_milli,
                              .memory_bytes = r->memory_bytes,
                              .wall_ms = json_int(json_get(resources, "wall_ms"), 0),
                              .created_us = r->created_us,
                              .priority = (int)r->priority};
    snprintf(job->id, sizeof job->id, "%s", r->id);
    snprintf(job->party, sizeof job->party, "uid:%lld", (long long)r->actor.uid);
}

/* Of a run that may be going: nobody removes trees yet, so this does not wait. */
static void use_trees(struct lab *lab, const struct run_row *r)
{
    char name[TREE_NAME_SIZE];
    for (size_t i = 0; i < r->dataset_count; i++) {
        tree_name(r->datasets[i].manifest, TREE_DATA, name);
        tree_use(lab->uses, r->id, name);
    }
    if (r->environment.key) {
        tree_name(r->environment.manifest, TREE_ENV, name);
        tree_use(lab->uses, r->id, name);
    }
    if (r->code) {
        tree_name(r->code, TREE_CODE, name);
        tree_use(lab->uses, r->id, name);
    }
}

void live_recover(struct lab *lab, const struct run_row *rows, size_t count)
{
    int64_t queued = 0, going = 0;
    for (size_t i = 0; i < count; i++) {
        const struct run_row *r = &rows[i];
        struct sched_job job;
        job_of_row(r, &job);
        struct live *v = live_new(lab, &job);
        v->state = r->state;
        v->cancel = r->cancel_us != 0;
        v->stored = v->position = r->log_offset;
        v->may_have_proxy = proxy_is_for(lab->profiles, r->profile);
        keep_datasets(v, r);
        if (r->state == RUN_QUEUED && !v->cancel) {
            v->phase = LIVE_QUEUED;
            enqueue(v);
            queued++;
        } else if (r->state == RUN_QUEUED) {
            live_end(v, VERDICT_CANCELLED, "cancelled before it started", NULL);
        } else {
            use_trees(lab, r);
            sched_add_running(lab->sched, &job, r->started_us ? r->started_us : time_now_us());
            step_judge(v);
            going++;
        }
    }
    if (count)
        log_info("lab.recovered", LOG_INT("queued", queued), LOG_INT("going", going));
}

/* ---- cancelling ---- */

struct cancel {
    struct lab *lab;
    char run[TEXT_ID_SIZE];
};

static int cancel_work(void *ctx, struct err *e)
{
    struct cancel *c = ctx;
    return prepare_cancel_file(c->lab, c->run, e);
}

static void cancel_left(void *ctx, const struct err *e)
{
    struct cancel *c = ctx;
    struct live *v = live_find(c->lab, c->run);
    if (e && v && !atomic_load(&c->lab->stopping))
        again(v, "run.cancel", e, step_cancel);
    free(c);
}

static void step_cancel(struct live *v)
{
    if (v->phase != LIVE_LAUNCHING && v->phase != LIVE_JUDGING && v->phase != LIVE_GOING)
        return;
    struct cancel *c = mem_alloc(sizeof *c);
    c->lab = v->lab;
    memcpy(c->run, v->id, sizeof c->run);
    lab_pool(v->lab, cancel_work, cancel_left, c);
}

void live_cancelled(struct lab *lab, const char *id)
{
    struct live *v = live_find(lab, id);
    if (!v)
        return;
    v->cancel = true;
    step_cancel(v);
}

/* ---- ends that are not read from a record ---- */

struct ending {
    struct lab *lab;
    char run[TEXT_ID_SIZE];
    struct run_result result;
    char reason[272];
    char *failed;
};

static int end_job(struct cat *db, void *ctx, struct err *e)
{
    struct ending *n = ctx;
    return cat_run_finish(db, n->run, &n->result, e);
}

static void ending_free(struct ending *n)
{
    free(n->failed);
    free(n);
}

static void end_again(void *ctx);

static void end_written(void *ctx, const struct err *e)
{
    struct ending *n = ctx;
    struct live *v = live_find(n->lab, n->run);
    if (e && e->kind != E_CONFLICT && v) {
        log_error("run.finish", LOG_STR("run", n->run), LOG_ERR(e));
        if (atomic_load(&n->lab->stopping))
            ending_free(n);
        else
            lab_after(n->lab, 2000, end_again, n);
        return;
    }
    ending_free(n);
    if (v)
        live_ended(v);
}

static void end_again(void *ctx)
{
    struct ending *n = ctx;
    if (atomic_load(&n->lab->stopping))
        ending_free(n);
    else
        lab_write(n->lab, end_job, end_written, n);
}

void live_end(struct live *v, enum verdict verdict, const char *reason, const char *failed_json)
{
    struct ending *n = mem_alloc(sizeof *n);
    n->lab = v->lab;
    memcpy(n->run, v->id, sizeof n->run);
    snprintf(n->reason, sizeof n->reason, "%s", reason);
    n->failed = mem_strdup(failed_json);
    n->result = (struct run_result){.verdict = verdict,
                                    .reason = n->reason,
                                    .failed_json = n->failed,
                                    .finished_us = time_now_us(),
                                    .wall_ms = -1,
                                    .cpu_ms = -1,
                                    .memory_peak_bytes = -1,
                                    .log_kept_bytes = -1,
                                    .log_dropped_bytes = -1,
                                    .metrics_dropped = -1};
    v->phase = LIVE_ENDING;
    lab_write(v->lab, end_job, end_written, n);
}

void live_ended(struct live *v)
{
    struct lab *lab = v->lab;
    char id[TEXT_ID_SIZE];
    memcpy(id, v->id, sizeof id);
    log_info("run.finished", LOG_STR("run", id));
    sched_remove(lab->sched, id);
    struct watch *watches = v->watches;
    v->watches = NULL;
    live_free(v);
    watch_run_ended(lab, watches);
    live_wait_wake(lab, id);
    live_schedule(lab);
}
