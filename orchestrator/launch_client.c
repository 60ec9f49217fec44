/*
 * launch_client.c - packets to and from the launcher, and what happens when it is replaced.
 *
 * As a user, a launcher (its keeper) that ends is started again here, after a delay that doubles. As root that
 * cannot be done without rights, so the daemon ends with an error and the service manager starts
 * it again; runs go on meanwhile, and are adopted.
 */
#include "orchestrator/launch_client.h"
#include "api/common/fd.h"
#include "api/common/json.h"
#include "api/common/launch.h"
#include "api/common/log.h"
#include "api/common/mem.h"
#include "orchestrator/child.h"
#include "orchestrator/lab.h"
#include "orchestrator/live.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { RESTART_MIN_MS = 200, RESTART_MAX_MS = 30000, ASK_AGAIN_MS = 500 };

struct ask { /* a START or FORGET, in order */
    struct launch_packet packet;
    int fd;     /* folder, or -1 */
    bool sent;  /* START: kept until answered */
    bool waits; /* that it could not go yet was logged */
    struct ask *next;
};

struct launch {
    struct lab *lab;
    int fd, pid;
    uv_poll_t *poll;    /* its own allocation: a new one for each launcher */
    uv_timer_t restart; /* of a launcher that is gone; else of asks that cannot go yet */
    int64_t delay_ms;
    bool ready, closing;
    long generation; /* grows with each launcher, whoever replaced it */
    long base;       /* of the launchers before the present keeper */
    char doctor[992];
    struct ask *first, *last;
};

int launch_spawn(const struct options *o, const struct owner *who, int *fd, int *pid, struct err *e)
{
    int pair[2];
    char uid[16], gid[16];
    const char *argv[14] = {o->runner_path, "launcher", "--fd", "3"};
    size_t n = 4;

    if (o->as_root) {
        snprintf(uid, sizeof uid, "%u", (unsigned)who->uid);
        snprintf(gid, sizeof gid, "%u", (unsigned)who->gid);
        argv[n++] = "--lab-uid";
        argv[n++] = uid;
        argv[n++] = "--lab-gid";
        argv[n++] = gid;
    }
    if (o->cgroup) {
        argv[n++] = "--cgroup";
        argv[n++] = o->cgroup;
    }
    if (o->profiles_dir) {
        argv[n++] = "--profiles";
        argv[n++] = o->profiles_dir;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return err_sys(e, NULL, NULL, "cannot make a socket pair for the launcher");
    AUTO_FD int ours = pair[0];
    AUTO_FD int theirs = pair[1];
    if (child_start(argv, theirs, pid, e) < 0 || fd_set_nonblock(ours, e) < 0)
        return -1;
    *fd = fd_take(&ours);
    return 0;
}

/* ---- the queue of asks ---- */

static struct ask *ask_add(struct launch *l, enum launch_type type, const char *run, int fd)
{
    struct ask *a = mem_alloc(sizeof *a);
    *a = (struct ask){
        .packet = {.magic = LAUNCH_MAGIC, .version = LAUNCH_VERSION, .type = (uint16_t)type},
        .fd = fd};
    snprintf(a->packet.run, sizeof a->packet.run, "%s", run);
    if (l->last)
        l->last->next = a;
    else
        l->first = a;
    l->last = a;
    return a;
}

static void ask_drop(struct launch *l, struct ask *a)
{
    struct ask **at = &l->first, *before = NULL;
    while (*at != a) {
        before = *at;
        at = &(*at)->next;
    }
    *at = a->next;
    if (l->last == a)
        l->last = before;
    fd_close_at(&a->fd);
    free(a);
}

static struct ask *ask_find_sent(const struct launch *l, const char *run)
{
    for (struct ask *a = l->first; a; a = a->next)
        if (a->sent && !strcmp(a->packet.run, run))
            return a;
    return NULL;
}

static void on_poll(uv_poll_t *h, int status, int events);
static void gone(struct launch *l, const char *why);

static void push(struct launch *l);

static void push_again(uv_timer_t *t)
{
    push(t->data);
}

static void push(struct launch *l)
{
    bool full = false;
    if (!l->ready || !l->poll)
        return;
    for (struct ask *a = l->first, *next; a && !full; a = next) {
        next = a->next;
        if (a->sent)
            continue;
        ssize_t n = fd_send(l->fd, &a->packet, sizeof a->packet, &a->fd, a->fd >= 0 ? 1 : 0);
        if (n == (ssize_t)sizeof a->packet) {
            fd_close_at(&a->fd);
            a->sent = true;
            if (a->packet.type == LAUNCH_FORGET)
                ask_drop(l, a);
        } else if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            full = true;
        } else if (n < 0 && (errno == ENOBUFS || errno == ETOOMANYREFS || errno == ENOMEM)) {
            /* ETOOMANYREFS: as a user, a run has filled the count of descriptors under way that all
             * processes of that user share. The launcher is well, and no event tells when it is over. */
            if (!a->waits)
                log_warn("launcher.ask_waits", LOG_STR("run", a->packet.run),
                         LOG_INT("errno", errno));
            a->waits = true;
            uv_timer_start(&l->restart, push_again, ASK_AGAIN_MS, 0);
            break;
        } else {
            gone(l, "cannot be written to");
            return;
        }
    }
    uv_poll_start(l->poll, UV_READABLE | (full ? UV_WRITABLE : 0), on_poll);
}

void launch_start(struct launch *l, const char *run, const char *profile, const struct launch_warm *warm, int folder_fd)
{
    struct ask *a = ask_add(l, LAUNCH_START, run, folder_fd);
    snprintf(a->packet.text, sizeof a->packet.text, "%s", profile);
    snprintf(a->packet.warm, sizeof a->packet.warm, "%s", warm->owner);
    a->packet.value = warm->cpus;
    push(l);
}

void launch_forget(struct launch *l, const char *run)
{
    ask_add(l, LAUNCH_FORGET, run, -1);
    push(l);
}

/* Asks that an earlier launcher may or may not have followed: their folders tell. */
static void judge_sent(struct launch *l)
{
    for (struct ask *a = l->first, *next; a; a = next) {
        next = a->next;
        if (!a->sent)
            continue;
        char run[TEXT_ID_SIZE];
        memcpy(run, a->packet.run, sizeof run);
        ask_drop(l, a);
        live_judge(l->lab, run);
    }
}

/* ---- packets in ---- */

static void hello(struct launch *l, const struct launch_packet *p)
{
    struct err e = {0};
    l->generation = l->base + (long)p->value;
    l->ready = true;
    l->delay_ms = RESTART_MIN_MS;
    snprintf(l->doctor, sizeof l->doctor, "%s", p->text);
    if (json_scan(p->text, strlen(p->text), NULL, &e) < 0)
        snprintf(l->doctor, sizeof l->doctor, "null");
    log_info("launcher.ready", LOG_INT("generation", l->generation), LOG_INT("pid", l->pid));
    judge_sent(l);
    push(l);
    live_schedule(l->lab);
}

/* False: this is no packet of ours, the conversation is over. */
static bool take(struct launch *l, struct launch_packet *p, int *fd)
{
    if (p->magic != LAUNCH_MAGIC || p->version != LAUNCH_VERSION || p->run[TEXT_ID_SIZE - 1] ||
        p->text[sizeof p->text - 1])
        return false;
    struct ask *a;
    switch (p->type) {
    case LAUNCH_HELLO: hello(l, p); return true;
    case LAUNCH_STARTED:
        a = ask_find_sent(l, p->run);
        if (!a || *fd < 0)
            return a == NULL; /* an answer to an ask of the generation before is fine */
        ask_drop(l, a);
        live_launched(l->lab, p->run, (int)p->value, fd_take(fd));
        return true;
    case LAUNCH_REFUSED:
        a = ask_find_sent(l, p->run);
        if (!a)
            return true;
        ask_drop(l, a);
        live_refused(l->lab, p->run, (int)p->value, p->text);
        return true;
    default: return false;
    }
}

static void on_poll(uv_poll_t *h, int status, int events)
{
    struct launch *l = h->data;
    if (!l || l->poll != h)
        return;
    if (status < 0) {
        gone(l, "cannot be waited for");
        return;
    }
    if (events & UV_WRITABLE)
        push(l);
    for (int i = 0; i < 64 && l->poll == h && (events & UV_READABLE); i++) {
        struct launch_packet p;
        int fds[1] = {-1};
        size_t count = 1;
        ssize_t n = fd_recv(l->fd, &p, sizeof p, fds, &count);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        AUTO_FD int fd = count ? fds[0] : -1;
        if (n <= 0) {
            gone(l, "ended");
            return;
        }
        if (n != (ssize_t)sizeof p || !take(l, &p, &fd)) {
            gone(l, "sent what is no packet");
            return;
        }
    }
}

/* ---- its end, and another one ---- */

static void free_poll(uv_handle_t *h)
{
    free(h);
}

static void close_poll(struct launch *l)
{
    if (!l->poll)
        return;
    uv_poll_t *h = l->poll;
    l->poll = NULL;
    h->data = NULL;
    uv_poll_stop(h);
    uv_close((uv_handle_t *)h, free_poll);
    fd_close_at(&l->fd);
}

static void open_poll(struct launch *l)
{
    l->poll = mem_alloc(sizeof *l->poll);
    l->poll->data = l;
    if (uv_poll_init(&l->lab->loop, l->poll, l->fd) != 0)
        abort(); /* a socket of our own */
    uv_poll_start(l->poll, UV_READABLE, on_poll);
}

static void restart(uv_timer_t *t)
{
    struct launch *l = t->data;
    struct err e = {0};
    int status;
    if (l->pid > 0 && waitpid(l->pid, &status, WNOHANG) == 0) {
        uv_timer_start(&l->restart, restart, (uint64_t)l->delay_ms, 0); /* it is still ending */
        return;
    }
    l->pid = -1;
    if (launch_spawn(&l->lab->opt, &l->lab->owner, &l->fd, &l->pid, &e) < 0) {
        log_error("launcher.restart", LOG_ERR(&e), LOG_INT("again_ms", l->delay_ms));
        uv_timer_start(&l->restart, restart, (uint64_t)l->delay_ms, 0);
        l->delay_ms = l->delay_ms * 2 < RESTART_MAX_MS ? l->delay_ms * 2 : RESTART_MAX_MS;
        return;
    }
    l->base = l->generation;
    log_info("launcher.started", LOG_INT("pid", l->pid));
    open_poll(l);
}

static void gone(struct launch *l, const char *why)
{
    if (l->closing)
        return;
    l->ready = false;
    close_poll(l);
    if (l->lab->opt.as_root) {
        log_error("launcher.gone", LOG_STR("why", why), LOG_INT("pid", l->pid),
                  LOG_STR("hint", "the daemon ends; start it again, runs go on and are adopted"));
        lab_stop(l->lab, 1);
        return;
    }
    log_warn("launcher.gone", LOG_STR("why", why), LOG_INT("pid", l->pid),
             LOG_INT("again_ms", l->delay_ms));
    uv_timer_start(&l->restart, restart, (uint64_t)l->delay_ms, 0);
    l->delay_ms = l->delay_ms * 2 < RESTART_MAX_MS ? l->delay_ms * 2 : RESTART_MAX_MS;
}

struct launch *launch_new(struct lab *lab, int fd, int pid)
{
    struct launch *l = mem_alloc(sizeof *l);
    *l = (struct launch){
        .lab = lab, .fd = fd, .pid = pid, .delay_ms = RESTART_MIN_MS, .doctor = "null"};
    uv_timer_init(&lab->loop, &l->restart);
    l->restart.data = l;
    open_poll(l);
    return l;
}

void launch_close(struct launch *l)
{
    l->closing = true;
    close_poll(l);
    uv_close((uv_handle_t *)&l->restart, NULL);
}

void launch_free(struct launch *l)
{
    while (l->first)
        ask_drop(l, l->first);
    free(l);
}

bool launch_is_ready(const struct launch *l)
{
    return l->ready;
}

long launch_generation(const struct launch *l)
{
    return l->generation;
}

const char *launch_doctor(const struct launch *l)
{
    return l->doctor;
}
