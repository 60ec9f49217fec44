/*
 * access.c - see access.h. Called by conn.c (who it is) and request.c (may they?).
 */
#include "orchestrator/access.h"
#include "api/common/buf.h"
#include "api/common/log.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include "catalog/people.h"
#include "orchestrator/conn.h"
#include "orchestrator/peer.h"
#include "orchestrator/request.h"
#include "orchestrator/watch.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ids that stand for whoever has none here (in a user namespace): no role may come by them. */
enum { GROUPS_MAX = 4096, ID_OVERFLOW = 65534 };

struct access_held {
    struct standing standing;
    struct standing_of who; /* to read it again */
    struct arena *arena;    /* all of this */
    size_t refs;
};

struct load { /* one reading, and the calls that wait for it */
    struct lab *lab;
    uint64_t conn;
    uint64_t generation;
    struct access_held *held;
    struct request *first, **last;
};

struct access {
    struct lab *lab;
    uint64_t conn;
    struct peer *peer;
    struct cat_actor service; /* name NULL: it is its peer's account */
    int64_t token;
    int64_t *gids;
    size_t gid_count;
    struct access_held *held; /* NULL: not read yet */
    uint64_t generation;      /* of the grants that it was read with */
    struct load *loading;
};

/* ---- who it is ---- */

static void read_groups(struct access *a, int fd, gid_t primary)
{
    gid_t list[64], *gids = list;
    socklen_t len = sizeof list;
    int rc = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, gids, &len);
    AUTO_FREE gid_t *more = NULL;
    if (rc < 0 && errno == ERANGE && len <= GROUPS_MAX * sizeof *gids) {
        gids = more = mem_alloc(len);
        rc = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, gids, &len);
    }
    if (rc < 0) {
        struct err e = {0};
        err_sys(&e, NULL, NULL, "cannot read the groups of uid %u", (unsigned)a->peer->uid);
        log_warn("access.groups", LOG_INT("uid", a->peer->uid), LOG_ERR(&e));
        len = 0;
    }
    size_t count = len / sizeof *gids;
    a->gids = mem_alloc((count + 1) * sizeof *a->gids);
    for (size_t i = 0; i <= count; i++) {
        gid_t gid = i < count ? gids[i] : primary;
        if (gid != ID_OVERFLOW && gid != (gid_t)-1)
            a->gids[a->gid_count++] = gid;
    }
}

struct access *access_new(struct lab *lab, uint64_t conn, int fd, const struct ucred *cred, struct peer *p)
{
    struct access *a = mem_alloc(sizeof *a);
    *a = (struct access){.lab = lab, .conn = conn, .peer = p};
    read_groups(a, fd, cred->gid);
    return a;
}

void access_release(struct access_held *h)
{
    if (h && --h->refs == 0)
        arena_free(h->arena);
}

void access_free(struct access *a)
{
    access_release(a->held);
    free(a->gids);
    free(a);
}

struct cat_actor access_actor(const struct access *a)
{
    return a->service.name ? a->service : (struct cat_actor){.uid = a->peer->uid, .name = a->peer->name};
}

void access_become(struct access *a, struct cat_actor service, int64_t token)
{
    access_release(a->held);
    a->held = NULL;
    a->loading = NULL; /* its calls are judged as who sent them */
    a->service = service;
    a->token = token;
}

void access_changed(struct lab *lab)
{
    lab->access_generation++;
    watch_access_changed(lab);
}

/* ---- refusing ---- */

struct refusal {
    struct err why;
    int64_t unwritten; /* -1: not to be written */
};

static const char *project_named(const struct request *q)
{
    const struct method *m = q->method;
    return m->scope == SCOPE_PROJECT ? request_str(q, m->project_param ? m->project_param : "project") : NULL;
}

static int append(struct request *q, struct cat *db, const struct refusal *r, struct err *e)
{
    AUTO_BUF struct buf detail = BUF_INIT(4096);
    struct jw w = jw_to(&detail);
    jw_obj(&w);
    jw_str_at(&w, "project", project_named(q));
    if (r->unwritten > 0)
        jw_int_at(&w, "unwritten_before", r->unwritten);
    jw_str_at(&w, "why", r->why.message);
    jw_end_obj(&w);
    return audit_append(db, &q->actor, "access.denied", q->method->name, buf_cstr(&detail), time_now_us(), e);
}

/* The refusal is what the work is for: whether it could be written down or not, the caller gets it. */
static int refuse_work(struct request *q, struct cat *db, struct err *e)
{
    struct refusal *r = q->state;
    const char *where = q->method->scope == SCOPE_ANYWHERE ? DENIED_ANYWHERE : project_named(q);
    if (r->why.kind == E_NONE && cat_deny(db, q->method->roles, where, q->method->name, &r->why) < 0 &&
        r->why.kind != E_DENIED) {
        *e = r->why;
        return -1;
    }
    return r->unwritten < 0 ? 0 : append(q, db, r, e);
}

static void refused(struct request *q, const struct err *e)
{
    struct refusal *r = q->state;
    if (e)
        log_error("access.denied", LOG_STR("method", q->method->name), LOG_INT("uid", q->actor.uid), LOG_ERR(e));
    struct err why = r->why;
    if (why.kind != E_DENIED) {
        why = (struct err){0};
        err_set(&why, E_DENIED, "role", "ask an admin of the lab", "%s needs a role that this account does not hold",
                q->method->name);
    }
    request_end(q, &why);
}

void access_refuse(struct request *q, const struct err *e)
{
    struct refusal *r = arena_alloc(q->arena, sizeof *r);
    q->refused = true;
    *r = (struct refusal){.unwritten = -1};
    if (e)
        r->why = *e;
    bool write = peer_may_be_written(request_peer(q), &r->unwritten);
    q->state = r;
    if (write)
        request_write(q, refuse_work, refused);
    else
        request_read(q, refuse_work, refused);
}

/* ---- judging ---- */

bool access_allows(const struct method *m, const struct standing *s, const char *code)
{
    unsigned wanted = (m->roles & ANY_ROLE) | ROLE(ROLE_ADMIN);
    unsigned has = s->lab_roles;
    if (m->roles & ANYONE)
        return true;
    if (m->scope == SCOPE_ANYWHERE || (m->scope == SCOPE_LAB && (m->roles & ANY_ROLE) == ANY_ROLE))
        has = standing_anywhere(s);
    else if (m->scope == SCOPE_PROJECT && code) {
        const struct standing_project *p = standing_in(s, code);
        has |= p ? p->roles : 0;
    }
    return has & wanted;
}

static void judge(struct request *q)
{
    const struct standing *s = q->standing;
    struct err e = {0};
    if (access_allows(q->method, s, project_named(q))) {
        request_handle(q);
    } else if (s->token && s->until_us == 0) {
        err_set(&e, E_DENIED, "token", "ask an admin for another one", "the token is revoked or has expired");
        access_refuse(q, &e);
    } else {
        access_refuse(q, NULL);
    }
}

/* ---- reading standings ---- */

static int load_work(struct cat *db, void *ctx, struct err *e)
{
    struct load *l = ctx;
    return cat_standing(db, l->held->arena, &l->held->who, time_now_us(), &l->held->standing, e);
}

static void hold(struct request *q, struct access_held *h)
{
    h->refs++;
    q->held = h;
    q->standing = &h->standing;
}

struct seen {
    int64_t uid;
    char name[64];
};

static int seen_work(struct cat *db, void *ctx, struct err *e)
{
    const struct seen *s = ctx;
    return cat_account_seen(db, &(struct cat_actor){s->uid, s->name}, time_now_us(), e);
}

static void seen_done(void *ctx, const struct err *e)
{
    if (e)
        log_warn("access.seen", LOG_INT("uid", ((struct seen *)ctx)->uid), LOG_ERR(e));
    free(ctx);
}

/* Once a day: an account is known to user.list from its first call on. */
static void note_seen(struct access *a)
{
    if (a->service.name || !peer_is_due(a->peer))
        return;
    struct seen *s = mem_alloc(sizeof *s);
    *s = (struct seen){.uid = a->peer->uid};
    memcpy(s->name, a->peer->name, sizeof s->name);
    lab_write(a->lab, seen_work, seen_done, s);
}

static void load_done(void *ctx, const struct err *e)
{
    struct load *l = ctx;
    struct conn *c = conn_find(l->lab->server, l->conn);
    struct access *a = c ? conn_access(c) : NULL;
    if (a && a->loading == l) {
        a->loading = NULL;
        if (!e) {
            access_release(a->held);
            a->held = l->held;
            a->held->refs++;
            a->generation = l->generation;
            note_seen(a);
            watch_recheck(l->lab, l->conn, &l->held->standing);
        }
    }
    for (struct request *q = l->first, *next; q; q = next) {
        next = q->next;
        if (e) {
            request_end(q, e);
            continue;
        }
        hold(q, l->held);
        judge(q);
    }
    access_release(l->held);
    free(l);
}

static void wait_for(struct load *l, struct request *q)
{
    if (!q)
        return;
    q->next = NULL;
    *l->last = q;
    l->last = &q->next;
}

/* q waits for it; NULL: nobody does. */
static void load(struct access *a, struct request *q)
{
    struct arena *arena = arena_new();
    struct access_held *h = arena_alloc(arena, sizeof *h);
    int64_t *gids = arena_alloc(arena, (a->gid_count + 1) * sizeof *gids);
    memcpy(gids, a->gids, a->gid_count * sizeof *gids);
    struct cat_actor actor = access_actor(a);
    *h = (struct access_held){
        .arena = arena,
        .refs = 1,
        .who = {.actor = {actor.uid, arena_strdup(arena, actor.name)}, .gids = gids, .token = a->token}};
    if (!a->token && actor.uid != ID_OVERFLOW)
        h->who.gid_count = a->gid_count;
    struct load *l = mem_alloc(sizeof *l);
    *l = (struct load){.lab = a->lab, .conn = a->conn, .generation = a->lab->access_generation, .held = h};
    l->last = &l->first;
    wait_for(l, q);
    a->loading = l; /* before the read, which may fail at once when the lab stops */
    lab_read(a->lab, load_work, load_done, l);
}

static bool is_fresh(const struct access *a)
{
    return a->held && a->generation == a->lab->access_generation &&
           (a->held->standing.until_us == 0 || a->held->standing.until_us > time_now_us());
}

/* A reading under way that sees the grants as they are now. */
static struct load *current(const struct access *a)
{
    return a->loading && a->loading->generation == a->lab->access_generation ? a->loading : NULL;
}

void access_refresh(struct access *a)
{
    if (!is_fresh(a) && !current(a))
        load(a, NULL);
}

void access_start(struct access *a, struct request *q)
{
    if ((q->method->roles & ANYONE) && !(q->method->flags & METHOD_ASKS_CALLER)) {
        request_handle(q);
        return;
    }
    if (is_fresh(a)) {
        hold(q, a->held);
        judge(q);
        return;
    }
    if (current(a))
        wait_for(current(a), q);
    else
        load(a, q);
}

int access_read_again(struct cat *db, struct arena *a, const struct request *q, struct standing *out, struct err *e)
{
    return cat_standing(db, a, &q->held->who, time_now_us(), out, e);
}

const struct standing_of *access_who(const struct request *q)
{
    return &q->held->who;
}

void access_end(struct request *q, const struct err *e)
{
    if (e && e->kind == E_DENIED)
        access_refuse(q, e);
    else
        request_end(q, e);
}
