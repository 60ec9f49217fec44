/*
 * method_attach.c - run.attach and run.connect: a way into an interactive run that goes.
 *
 *   find, may they? (catalog)  ->  ask its monitor (pool)  ->  audit entry (catalog)  ->  answer with the descriptor
 *
 * From then on client and run speak without the lab: what was joined survives the daemon's end. Only whoever
 * started the run may join it, root included: what is typed there is done in their name.
 */
#include "api/common/fd.h"
#include "api/common/log.h"
#include "api/common/text.h"
#include "catalog/run.h"
#include "catalog/standing.h"
#include "orchestrator/attach_ask.h"
#include "orchestrator/request.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { ASK_MS = 5000 };

struct joining {
    char id[TEXT_ID_SIZE];
    struct attach_request ask;
};

static bool is_kind(const struct run_row *r, const char *kind)
{
    struct err never = {0};
    AUTO_JSON struct json *given = json_parse(r->interactive_json, strlen(r->interactive_json), NULL, &never);
    const char *is = json_str(json_get(given, "kind"));
    return is && !strcmp(is, kind);
}

static int may_join(const struct request *q, const struct run_row *r, struct err *e)
{
    const struct joining *j = q->state;
    if (!r->interactive_json)
        return err_set(e, E_CONFLICT, "run", "start one with enclos shell or enclos notebook",
                       "run %s is not an interactive one", r->id);
    if (!standing_is(q->standing, &r->actor))
        return err_set(e, E_DENIED, "run", "what is done in it is done in their name",
                       "run %s is %s's: only they may join it", r->id, r->actor.name);
    if (j->ask.verb == ATTACH_TERMINAL && !is_kind(r, "shell"))
        return err_set(e, E_CONFLICT, "run", "join it with enclos notebook", "run %s has no terminal", r->id);
    if (j->ask.verb == ATTACH_CONNECT && !is_kind(r, "notebook"))
        return err_set(e, E_CONFLICT, "run", "join it with enclos attach", "run %s is a shell: nothing in it can be connected to",
                       r->id);
    if (r->state == RUN_FINISHED)
        return err_set(e, E_CONFLICT, "run", NULL, "run %s has ended", r->id);
    if (r->state == RUN_QUEUED)
        return err_set(e, E_UNAVAILABLE, "run", "wait until it runs", "run %s has not started yet", r->id);
    return 0;
}

static int find_work(struct request *q, struct cat *db, struct err *e)
{
    struct joining *j = q->state;
    struct run_row row;
    if (cat_run_find(db, q->standing, request_str(q, "run"), j->id, e) < 0 || cat_run_get(db, q->arena, j->id, &row, e) < 0)
        return -1;
    return may_join(q, &row, e);
}

static int ask_work(struct request *q, struct cat *db, struct err *e)
{
    const struct joining *j = q->state;
    (void)db;
    AUTO_FD int folder =
        openat(q->lab->store->runs_fd, j->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0 && errno == ENOENT) /* being prepared */
        return err_set(e, E_UNAVAILABLE, "run", "wait until it runs", "run %s has not started yet", j->id);
    if (folder < 0)
        return err_sys(e, "run", NULL, "cannot open the folder of run %s", j->id);
    return attach_ask(folder, &j->ask, ASK_MS, &q->give_fd, e);
}

static int audit_work(struct request *q, struct cat *db, struct err *e)
{
    const struct joining *j = q->state;
    AUTO_BUF struct buf detail = BUF_INIT(256);
    struct jw w = jw_to(&detail);
    jw_obj(&w);
    if (j->ask.verb == ATTACH_CONNECT)
        jw_int_at(&w, "port", j->ask.value);
    jw_end_obj(&w);
    return audit_append(db, &q->actor, q->method->name, j->id, buf_cstr(&detail), time_now_us(), e);
}

static void audited(struct request *q, const struct err *e)
{
    const struct joining *j = q->state;
    if (!e) {
        log_info(q->method->name, LOG_STR("run", j->id), LOG_INT("uid", q->actor.uid));
        struct jw w = jw_to(&q->out);
        jw_obj(&w);
        jw_str_at(&w, "run", j->id);
        jw_end_obj(&w);
    }
    request_end(q, e);
}

static void asked(struct request *q, const struct err *e)
{
    if (e)
        request_end(q, e);
    else
        request_write(q, audit_work, audited);
}

static void found(struct request *q, const struct err *e)
{
    if (e)
        request_end(q, e);
    else
        request_pool(q, ask_work, asked);
}

static int join(struct request *q, struct attach_request ask)
{
    struct joining *j = arena_alloc(q->arena, sizeof *j);
    *j = (struct joining){.ask = ask};
    q->state = j;
    request_read(q, find_work, found);
    return 0;
}

int method_run_attach(struct request *q, struct err *e)
{
    (void)e;
    return join(q, (struct attach_request){.magic = ATTACH_MAGIC,
                                           .version = ATTACH_VERSION,
                                           .verb = ATTACH_TERMINAL,
                                           .rows = (uint16_t)request_int(q, "rows", 24),
                                           .cols = (uint16_t)request_int(q, "cols", 80)});
}

int method_run_connect(struct request *q, struct err *e)
{
    (void)e;
    return join(q, (struct attach_request){.magic = ATTACH_MAGIC,
                                           .version = ATTACH_VERSION,
                                           .verb = ATTACH_CONNECT,
                                           .value = (uint32_t)request_int(q, "port", 0)});
}
