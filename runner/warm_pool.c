/*
 * warm_pool.c - the launcher's templates: made when an owner first asks, ended when nobody does any more.
 *
 *        find                 it says ready            idle, old, changed, room needed
 *   free ----> starting ----------------------> ready -------------------------------> ending ----> free
 *                  |  it ends, or 60 s pass       |  it ends                             reaped
 *                  +----------> failed <----------+            (a failure is kept for a minute, and told)
 *
 * A template is one owner's, one profile's, and for one number of CPUs, by which libraries size their pools when
 * they are loaded. Nothing here waits.
 */
#include "runner/warm.h"

#include "api/common/fd.h"
#include "api/common/log.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include "runner/confine.h"
#include "runner/environment.h"
#include "runner/host.h"
#include "runner/syscalls.h"
#include "runner/uids.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    TEMPLATES_MAX = 4,
    START_MS = 60 * 1000,
    FAILED_MS = 60 * 1000,
    IDLE_MS = 10 * 60 * 1000,
    AGE_MS = 60 * 60 * 1000,
    ENDING_MS = 2000,
    LINGER_MS = 5000,
    RUNS_MAX = 1000,
    TICK_MS = 2000,
    PROCESSES = 64,
};
#define TEMPLATE_MEMORY_BYTES (INT64_C(2) << 30)

enum state { FREE, STARTING, READY, ENDING, FAILED };

struct slot {
    enum state state;
    struct warm_template t;
    pid_t pid;
    int output; /* what it complains of */
    char complaint[248];
    struct cg cg;
    int lease_fd;
    bool has_group; /* still to be removed */
    int64_t since_us; /* of the state */
    int64_t used_us;
    struct stat interpreter;
};

struct warm_pool {
    int epoll_fd, timer_fd;
    const struct host *host;
    struct slot slots[TEMPLATES_MAX];
    char why[320];
};

static void arm(struct warm_pool *pool)
{
    struct itimerspec t = {0};
    for (size_t i = 0; i < TEMPLATES_MAX; i++)
        if (pool->slots[i].state != FREE || pool->slots[i].has_group)
            t.it_value.tv_sec = t.it_interval.tv_sec = TICK_MS / 1000;
    timerfd_settime(pool->timer_fd, 0, &t, NULL);
}

static void move(struct slot *s, enum state to)
{
    s->state = to;
    s->since_us = time_mono_us();
}

static void watch(struct warm_pool *pool, int fd, size_t what)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.u64 = what};
    if (epoll_ctl(pool->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
        log_warn("template.watch", LOG_INT("errno", errno));
}

/* Before it is closed: a monitor's copy would keep it in the set. */
static void unwatch(struct warm_pool *pool, const struct slot *s)
{
    if (s->t.sock >= 0)
        epoll_ctl(pool->epoll_fd, EPOLL_CTL_DEL, s->t.sock, NULL);
}

struct warm_pool *warm_pool_new(void)
{
    struct warm_pool *pool = mem_alloc(sizeof *pool);
    pool->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    pool->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (pool->epoll_fd < 0 || pool->timer_fd < 0) {
        log_warn("template.none", LOG_INT("errno", errno));
        fd_close_at(&pool->epoll_fd);
        fd_close_at(&pool->timer_fd);
        free(pool);
        return NULL;
    }
    watch(pool, pool->timer_fd, TEMPLATES_MAX);
    for (size_t i = 0; i < TEMPLATES_MAX; i++) {
        struct slot *s = &pool->slots[i];
        s->t.sock = s->t.userns_fd = s->output = s->lease_fd = -1;
    }
    return pool;
}

int warm_pool_fd(const struct warm_pool *pool)
{
    return pool ? pool->epoll_fd : -1;
}

/* ---- the end of one ---- */

static void close_slot(struct slot *s)
{
    fd_close_at(&s->t.sock);
    fd_close_at(&s->t.userns_fd);
    fd_close_at(&s->output);
    fd_close_at(&s->lease_fd);
    if (s->cg.kind != CG_NONE)
        cg_close(&s->cg);
}

/* It ends by itself when nobody is left to ask it anything; what is being asked now is still done. */
static void end(struct warm_pool *pool, struct slot *s, const char *why)
{
    if (s->state != STARTING && s->state != READY)
        return;
    log_info("template.end", LOG_STR("template", s->t.id), LOG_STR("why", why), LOG_INT("runs", s->t.runs));
    unwatch(pool, s);
    fd_close_at(&s->t.sock);
    if (s->state == STARTING)
        kill(s->pid, SIGKILL);
    move(s, ENDING);
}

static void read_complaint(struct slot *s)
{
    char text[4096];
    ssize_t n;
    while (s->output >= 0 && (n = read(s->output, text, sizeof text - 1)) > 0) {
        /* The last line says it, in Python as in ours. */
        while (n > 0 && text[n - 1] == '\n')
            n--;
        text[n] = '\0';
        char *line = strrchr(text, '\n');
        line = line ? line + 1 : text;
        text_sanitize(line, strlen(line), s->complaint, sizeof s->complaint);
    }
}

/* What a template has forked may still be on its way into a run: it leaves by itself, and is killed only later. */
static void remove_group(struct warm_pool *pool, struct slot *s)
{
    if (s->has_group && (time_mono_us() - s->since_us) / 1000 > LINGER_MS)
        cg_forget(&pool->host->cgroups, s->t.id);
    else if (s->has_group && !cg_remove(&pool->host->cgroups, s->t.id, 3))
        return;
    s->has_group = false;
}

static void gone(struct warm_pool *pool, struct slot *s)
{
    s->has_group = s->cg.kind != CG_NONE;
    read_complaint(s);
    unwatch(pool, s);
    close_slot(s);
    s->cg.kind = CG_NONE;
    s->pid = 0;
    if (s->state == ENDING) {
        move(s, FREE);
    } else {
        log_warn("template.failed", LOG_STR("template", s->t.id), LOG_STR("why", s->complaint));
        if (s->state == READY) /* killed, perhaps: the next run may have another */
            move(s, FREE);
        else
            move(s, FAILED);
    }
    remove_group(pool, s);
    arm(pool);
}

bool warm_pool_reaped(struct warm_pool *pool, pid_t pid, int status)
{
    for (size_t i = 0; pool && i < TEMPLATES_MAX; i++) {
        struct slot *s = &pool->slots[i];
        if (s->state == FREE || s->state == FAILED || s->pid != pid)
            continue;
        if (WIFSIGNALED(status) && !s->complaint[0])
            snprintf(s->complaint, sizeof s->complaint, "it was killed by signal %d", WTERMSIG(status));
        gone(pool, s);
        return true;
    }
    return false;
}

void warm_pool_end(struct warm_pool *pool)
{
    for (size_t i = 0; pool && i < TEMPLATES_MAX; i++) {
        struct slot *s = &pool->slots[i];
        if (s->state == FREE || s->state == FAILED)
            continue;
        end(pool, s, "the launcher ends");
        kill(s->pid, SIGKILL);
        while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
            ;
        gone(pool, s);
    }
    for (size_t i = 0; pool && i < TEMPLATES_MAX; i++)
        if (pool->slots[i].has_group)
            cg_forget(&pool->host->cgroups, pool->slots[i].t.id);
}

/* ---- the beginning of one ---- */

static const struct spec *plain_spec(struct spec *s, int64_t threads)
{
    static const char *no_env[] = {NULL};
    memset(s, 0, sizeof *s);
    s->env = no_env;
    s->resources.cpus_milli = threads * 1000;
    return s;
}

static int prepare(struct warm_pool *pool, struct slot *s, const struct profile *p, struct err *e)
{
    const struct host *h = pool->host;
    const struct cg_limits want = {TEMPLATE_MEMORY_BYTES, PROCESSES, s->t.threads * 1000};
    if (!h->warm_library)
        return err_set(e, E_UNAVAILABLE, "warm", NULL, "lib/enclos/" WARM_LIBRARY_NAME " is not installed");
    if (!h->config.identity.rootless && !h->config.ready_root)
        return err_set(e, E_UNAVAILABLE, "warm", NULL, "the launcher has no root kept ready");
    for (size_t i = 0; i < confine_template_count; i++)
        if (filter_is_constant_allow(&p->filter, (int)confine_template_calls[i]))
            return err_set(e, E_INVALID, "warm", NULL, "the profile allows %s, which a template may not call",
                           syscalls_name((int)confine_template_calls[i]));
    if (stat(s->t.interpreter, &s->interpreter) < 0)
        return err_sys(e, "warm", NULL, "cannot find the interpreter %s", s->t.interpreter);
    if (!h->config.identity.rootless && uids_lease(&s->t.uid, &s->lease_fd, e) < 0)
        return -1;
    if (h->cgroups.kind == CG_NONE)
        return 0;
    return cg_create(&h->cgroups, s->t.id, &s->cg, e) < 0 || cg_limit(&s->cg, &want, e) < 0 ? -1 : 0;
}

/* In the child. Everything of the launcher's is closed before the interpreter begins. */
_Noreturn static void become(const struct warm_pool *pool, const struct slot *s, const struct profile *p, pid_t launcher,
                             int control, int output)
{
    struct spec spec;
    struct arena *arena = arena_new();
    char **env = environment_build(plain_spec(&spec, s->t.threads), p, pool->host->python_path != NULL, arena);
    size_t n = 0;
    while (env[n])
        n++;
    char **more = arena_alloc(arena, (n + 2) * sizeof *more);
    memcpy(more, env, n * sizeof *more);
    more[n] = arena_strdup(arena, "LD_PRELOAD=/" WARM_LIBRARY_FOLDER "/" WARM_LIBRARY_NAME);
    more[n + 1] = NULL;
    const struct template_plan plan = {
        .host = pool->host,
        .cg = &s->cg,
        .uid = s->t.uid,
        .control = control,
        .output = output,
        .launcher = launcher,
        .library = pool->host->warm_library,
        .interpreter = s->t.interpreter,
        .imports = p->preload,
        .env = more,
    };
    template_main(&plan);
}

static int start(struct warm_pool *pool, struct slot *s, const struct profile *p, struct err *e)
{
    int control[2] = {-1, -1}, output[2] = {-1, -1};
    pid_t launcher = getpid();
    if (prepare(pool, s, p, e) < 0)
        return -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) < 0 || pipe2(output, O_CLOEXEC) < 0 ||
        fcntl(control[0], F_SETFL, O_NONBLOCK) < 0 || fcntl(output[0], F_SETFL, O_NONBLOCK) < 0 ||
        (s->pid = fork()) < 0)
        err_sys(e, "warm", NULL, "cannot fork a template");
    else if (s->pid == 0)
        become(pool, s, p, launcher, control[1], output[1]);
    fd_close_at(&control[1]);
    fd_close_at(&output[1]);
    s->t.sock = control[0];
    s->output = output[0];
    return e->kind == E_NONE ? 0 : -1;
}

static struct slot *room(struct warm_pool *pool)
{
    struct slot *oldest = NULL;
    for (size_t i = 0; i < TEMPLATES_MAX; i++)
        if (pool->slots[i].state == FREE && !pool->slots[i].has_group)
            return &pool->slots[i];
    for (size_t i = 0; i < TEMPLATES_MAX; i++) {
        struct slot *s = &pool->slots[i];
        if (s->state == FAILED && !s->has_group)
            return s;
        if (s->state == READY && (!oldest || s->used_us < oldest->used_us))
            oldest = s;
    }
    if (oldest)
        end(pool, oldest, "another owner needs the room"); /* and gets it when it is gone */
    return NULL;
}

static void begin(struct warm_pool *pool, const struct profile *p, const char *owner, int64_t threads)
{
    struct err e = {0};
    struct slot *s = room(pool);
    if (!s) {
        snprintf(pool->why, sizeof pool->why, "the lab keeps %d templates already", TEMPLATES_MAX);
        return;
    }
    memset(s, 0, sizeof *s);
    s->t = (struct warm_template){.threads = threads, .sock = -1, .userns_fd = -1};
    s->output = s->lease_fd = -1;
    s->used_us = time_mono_us();
    for (int i = 0; i < CG_COUNT; i++)
        s->cg.dir[i] = s->cg.tasks[i] = -1;
    s->cg.oom_event = s->cg.oom_control = -1;
    text_new_id('t', s->t.id);
    snprintf(s->t.owner, sizeof s->t.owner, "%s", owner);
    snprintf(s->t.profile, sizeof s->t.profile, "%s", p->name);
    snprintf(s->t.interpreter, sizeof s->t.interpreter, "%s", p->preload_interpreter);
    if (start(pool, s, p, &e) < 0) {
        snprintf(s->complaint, sizeof s->complaint, "%.240s", e.message);
        s->pid = 0;
        move(s, STARTING);
        gone(pool, s); /* keeps the reason */
        snprintf(pool->why, sizeof pool->why, "the template could not be made: %s", s->complaint);
        return;
    }
    move(s, STARTING);
    watch(pool, s->t.sock, (size_t)(s - pool->slots));
    log_info("template.start", LOG_STR("template", s->t.id), LOG_STR("profile", p->name), LOG_STR("owner", owner));
    snprintf(pool->why, sizeof pool->why, "the template is being made");
    arm(pool);
}

static bool is_fresh(const struct slot *s, int64_t now)
{
    struct stat st;
    return now - s->t.born_us < AGE_MS * INT64_C(1000) && s->t.runs < RUNS_MAX && stat(s->t.interpreter, &st) == 0 &&
           st.st_ino == s->interpreter.st_ino && st.st_mtim.tv_sec == s->interpreter.st_mtim.tv_sec;
}

const struct warm_template *warm_pool_find(struct warm_pool *pool, const struct host *host, const struct profile *p,
                                           const char *owner, int64_t threads, const char **why)
{
    int64_t now = time_mono_us();
    if (!pool) {
        *why = "this launcher keeps no templates";
        return NULL;
    }
    *why = pool->why;
    pool->host = host;
    if (!p || p->preload_count == 0) {
        snprintf(pool->why, sizeof pool->why, "the profile names no preload");
        return NULL;
    }
    for (size_t i = 0; i < TEMPLATES_MAX; i++) {
        struct slot *s = &pool->slots[i];
        if (s->state == FREE || s->state == ENDING || s->t.threads != threads || strcmp(s->t.owner, owner) != 0 ||
            strcmp(s->t.profile, p->name) != 0)
            continue;
        if (s->state == FAILED) {
            snprintf(pool->why, sizeof pool->why, "the template could not be made: %s", s->complaint);
            return NULL;
        }
        s->used_us = now;
        if (s->state == STARTING) {
            snprintf(pool->why, sizeof pool->why, "the template is being made");
            return NULL;
        }
        if (is_fresh(s, now)) {
            s->t.runs++;
            return &s->t;
        }
        end(pool, s, "it has served its time");
    }
    begin(pool, p, owner, threads);
    return NULL;
}

void warm_pool_leave(struct warm_pool *pool, const struct warm_template *kept)
{
    if (!pool)
        return;
    for (size_t i = 0; i < TEMPLATES_MAX; i++) {
        struct slot *s = &pool->slots[i];
        int sock = s->t.sock, userns = s->t.userns_fd, lease = s->lease_fd;
        bool keep = kept == &s->t;
        if (keep)
            s->t.sock = s->t.userns_fd = s->lease_fd = -1;
        close_slot(s);
        if (keep) { /* the lease too: the template's uid owns the run's user namespace for as long as it lives */
            s->t.sock = sock;
            s->t.userns_fd = userns;
            s->lease_fd = lease;
        }
    }
    fd_close_at(&pool->epoll_fd);
    fd_close_at(&pool->timer_fd);
}

void warm_pool_forget(struct warm_pool *pool, const char *profile)
{
    for (size_t i = 0; pool && i < TEMPLATES_MAX; i++)
        if (strcmp(pool->slots[i].t.profile, profile) == 0)
            end(pool, &pool->slots[i], "its profile was changed");
}

/* ---- what happens meanwhile ---- */

static void hear(struct warm_pool *pool, struct slot *s)
{
    struct warm_packet p;
    int fd = -1;
    size_t count = 1;
    ssize_t n = fd_recv(s->t.sock, &p, sizeof p, &fd, &count);
    AUTO_FD int got = count == 1 ? fd : -1;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n != sizeof p || p.magic != WARM_MAGIC) {
        /* It has ended: SIGCHLD tells the rest. Closed, or epoll would say so again and again. */
        unwatch(pool, s);
        return;
    }
    if (p.word == WARM_USERNS && s->t.userns_fd < 0) {
        s->t.userns_fd = fd_take(&got);
    } else if (p.word == WARM_FAILED) {
        text_sanitize(p.text, strnlen(p.text, sizeof p.text), s->complaint, sizeof s->complaint);
    } else if (p.word == WARM_READY && s->state == STARTING) {
        move(s, READY);
        s->t.born_us = s->since_us;
        log_info("template.ready", LOG_STR("template", s->t.id));
    }
}

static void look_around(struct warm_pool *pool)
{
    int64_t now = time_mono_us();
    for (size_t i = 0; i < TEMPLATES_MAX; i++) {
        struct slot *s = &pool->slots[i];
        int64_t ms = (now - s->since_us) / 1000;
        if (s->state == STARTING && ms > START_MS) {
            snprintf(s->complaint, sizeof s->complaint, "its imports took more than %d s", START_MS / 1000);
            kill(s->pid, SIGKILL);
        } else if (s->state == READY && (now - s->used_us) / 1000 > IDLE_MS) {
            end(pool, s, "idle");
        } else if (s->state == ENDING && ms > ENDING_MS) {
            kill(s->pid, SIGKILL);
        } else if (s->state == FAILED && ms > FAILED_MS) {
            move(s, FREE);
        }
        if (s->state == READY)
            read_complaint(s); /* nobody else empties it */
        if (s->state == FREE || s->state == FAILED)
            remove_group(pool, s);
    }
    arm(pool);
}

void warm_pool_attend(struct warm_pool *pool)
{
    struct epoll_event events[8];
    int n = epoll_wait(pool->epoll_fd, events, 8, 0);
    for (int i = 0; i < n; i++) {
        uint64_t ticks;
        if (events[i].data.u64 < TEMPLATES_MAX)
            hear(pool, &pool->slots[events[i].data.u64]);
        else if (read(pool->timer_fd, &ticks, sizeof ticks) == sizeof ticks)
            look_around(pool);
    }
}
