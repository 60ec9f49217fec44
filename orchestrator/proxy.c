/*
 * proxy.c - keeps the proxy of each run that has one, and writes down what it is asked. See proxy.h.
 *
 *   READING (has it a list?) -> ASKING (its monitor, for the socket) -> RUNNING -> DRAINING (the run is over) -> gone
 *                                  ^                                      |
 *                                  +------------- it ended ---------------+
 *
 * A proxy is found by its run's id; it outlives the run's `struct live` by the moment that its last
 * connections need to be told. Events commit in batches, one batch at a time, in their order.
 */
#include "orchestrator/proxy.h"
#include "api/common/buf.h"
#include "api/common/fd.h"
#include "api/common/frame.h"
#include "api/common/log.h"
#include "api/common/netallow.h"
#include "api/common/text.h"
#include "catalog/connection.h"
#include "orchestrator/attach_ask.h"
#include "orchestrator/child.h"
#include "orchestrator/lab.h"
#include "orchestrator/live.h"
#include "orchestrator/profiles.h"
#include "orchestrator/proxy_wire.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    ASK_MS = 5000,
    AGAIN_MIN_MS = 20,
    AGAIN_MAX_MS = 1000,
    DRAIN_MS = 3000,
    PENDING_MAX = 1024, /* events not written yet: then nothing more is read */
    BATCH_MAX = 128,
    OPEN_MAX = 2 * PROXY_SLOTS,
    LIST_MAX_BYTES = NET_ALLOW_MAX * (NET_ALLOW_TEXT + 4),
};

enum event_type { EVENT_DIAL, EVENT_REFUSED, EVENT_ENDED };

struct event {
    enum event_type type;
    uint64_t dial;
    char method[PROXY_METHOD], host[NET_NAME_SIZE], address[NET_ADDRESS_SIZE], why[24],
        detail[PROXY_DETAIL];
    struct connection_row row;
    int64_t number; /* of the row, from the catalog */
    bool stopped;   /* DIAL: may not be written, so not made */
    struct event *next;
};

struct proxy {
    struct lab *lab;
    char run[TEXT_ID_SIZE];
    char *list; /* JSON, once it is read */
    int pid, fd;
    uv_poll_t *poll;
    uv_timer_t *timer; /* to ask again, then the end of draining */
    struct frame_reader in;
    struct event *first, *last;
    size_t pending;
    bool writing, draining;
    int64_t delay_ms;
    struct {
        uint64_t dial;
        int64_t number;
    } open[OPEN_MAX];
};

/* ---- lists ---- */

bool proxy_is_for(const struct profiles *p, const char *profile)
{
    const char *network = json_str(json_get(profiles_find(p, profile), "network"));
    return !network || !strcmp(network, "proxy"); /* not known: it may be */
}

static size_t read_list(const struct json *given, struct net_allow *out, struct err *e)
{
    size_t n = 0;
    for (const struct json *v = json_first(given); v && n < NET_ALLOW_MAX; v = json_next(v))
        if (!json_str(v) || net_allow_parse(json_str(v), &out[n++], e) < 0)
            return SIZE_MAX;
    return n;
}

int proxy_list(const struct json *profile, const struct json *wanted, size_t datasets,
               struct arena *a, const char **out, struct err *e)
{
    const char *network = json_str(json_get(profile, "network")),
               *name = json_str(json_get(profile, "name"));
    *out = NULL;
    if (!network || strcmp(network, "proxy") != 0)
        return wanted
                   ? err_set(e, E_INVALID, "allow_hosts",
                             "choose a profile whose network is proxy, builder for one",
                             "the profile %s gives no way out, so there is nothing to allow", name)
                   : 0;
    if (datasets)
        return err_set(
            e, E_DENIED, "datasets",
            "build the environment without data, then use the data in a run without a network",
            "a run of profile %s reaches out through the proxy, so it may have no dataset: what is "
            "in it "
            "could leave the lab",
            name);
    struct net_allow *all = arena_alloc(a, 2 * NET_ALLOW_MAX * sizeof *all),
                     *asked = all + NET_ALLOW_MAX;
    size_t count = read_list(json_get(profile, "allow_hosts"), all, e);
    size_t asked_count = count == SIZE_MAX ? SIZE_MAX : read_list(wanted, asked, e);
    if (asked_count == SIZE_MAX)
        return e->kind ? -1
                       : err_set(e, E_INTERNAL, "allow_hosts", NULL,
                                 "the list of profile %s is no list", name);
    char text[NET_ALLOW_TEXT];
    for (size_t i = 0; i < asked_count; i++)
        if (!net_allow_covers(all, count, &asked[i])) {
            net_allow_print(&asked[i], text);
            return err_set(
                e, E_DENIED, "allow_hosts",
                "a run may narrow its profile's list, not widen it: ask the lab's keeper",
                "the profile %s does not allow %.200s", name, text);
        }
    AUTO_BUF struct buf b = BUF_INIT(LIST_MAX_BYTES);
    struct jw w = jw_to(&b);
    jw_arr(&w);
    for (size_t i = 0; i < (wanted ? asked_count : count); i++) {
        net_allow_print(wanted ? &asked[i] : &all[i], text);
        jw_str(&w, text);
    }
    jw_end_arr(&w);
    *out = arena_strdup(a, buf_cstr(&b));
    return 0;
}

/* ---- the processes ---- */

static void step_ask(struct proxy *p);
static void write_pending(struct proxy *p);

struct reaped {
    int pid;
};

static int reap_work(void *ctx, struct err *e)
{
    const struct reaped *r = ctx;
    (void)e;
    while (waitpid(r->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return 0;
}

static void reap_done(void *ctx, const struct err *e)
{
    (void)e;
    free(ctx);
}

static void free_handle(uv_handle_t *h)
{
    free(h);
}

/* Whatever the three still do, they end now. */
static void end_processes(struct proxy *p)
{
    if (p->poll) {
        p->poll->data = NULL;
        uv_poll_stop(p->poll);
        uv_close((uv_handle_t *)p->poll, free_handle);
        p->poll = NULL;
    }
    fd_close_at(&p->fd);
    frame_fini(&p->in);
    frame_init(&p->in);
    if (p->pid > 0) {
        struct reaped *r = mem_alloc(sizeof *r);
        r->pid = p->pid;
        kill(p->pid, SIGKILL); /* relay and resolver follow by the end of file on their sockets */
        p->pid = -1;
        lab_pool(p->lab, reap_work, reap_done, r);
    }
    memset(p->open, 0, sizeof p->open);
}

static void proxy_free(struct proxy *p)
{
    end_processes(p);
    uv_timer_stop(p->timer);
    uv_close((uv_handle_t *)p->timer, free_handle);
    map_remove(&p->lab->proxies, p->run);
    while (p->first) {
        struct event *v = p->first;
        p->first = v->next;
        free(v);
    }
    frame_fini(&p->in);
    free(p->list);
    free(p);
}

/* All steps carry the id: the proxy may be gone when they come back. */
struct step {
    struct lab *lab;
    char run[TEXT_ID_SIZE];
    struct proxy *of; /* compared, never followed: it must be the same one still */
    struct arena *arena;
    struct network_row network;
    int fd;
    struct event *batch;
};

static struct step *step_new(struct proxy *p)
{
    struct step *s = mem_alloc(sizeof *s);
    *s = (struct step){.lab = p->lab, .of = p, .fd = -1};
    memcpy(s->run, p->run, sizeof s->run);
    return s;
}

static struct proxy *step_proxy(const struct step *s)
{
    struct proxy *p = map_find(&s->lab->proxies, s->run);
    return p == s->of ? p : NULL;
}

static void again_now(uv_timer_t *t)
{
    struct proxy *p = t->data;
    if (!p->draining && !atomic_load(&p->lab->stopping))
        step_ask(p);
}

static void again(struct proxy *p)
{
    uv_timer_start(p->timer, again_now, (uint64_t)p->delay_ms, 0);
    p->delay_ms = p->delay_ms * 2 < AGAIN_MAX_MS ? p->delay_ms * 2 : AGAIN_MAX_MS;
}

/* ---- what the judge says ---- */

static void take_text(const struct json *root, const char *key, char *out, size_t size)
{
    const char *s = json_str(json_get(root, key));
    snprintf(out, size, "%s", s ? s : "");
}

static bool read_event(const struct json *root, struct event *v)
{
    static const char *const types[] = {"dial", "refused", "ended"};
    const char *type = json_str(json_get(root, "event"));
    int i = 0;
    while (i < 3 && type && strcmp(type, types[i]) != 0)
        i++;
    if (!type || i == 3)
        return false;
    v->type = (enum event_type)i;
    v->dial = (uint64_t)json_int(json_get(root, "dial"), 0);
    take_text(root, "method", v->method, sizeof v->method);
    take_text(root, "host", v->host, sizeof v->host);
    take_text(root, "address", v->address, sizeof v->address);
    take_text(root, "why", v->why, sizeof v->why);
    take_text(root, "detail", v->detail, sizeof v->detail);
    if (v->type == EVENT_DIAL)
        memcpy(v->why, "ok", 3);
    v->row = (struct connection_row){.time_us = time_now_us(),
                                     .method = v->method,
                                     .host = v->host,
                                     .port = json_int(json_get(root, "port"), 0),
                                     .address = v->address[0] ? v->address : NULL,
                                     .allowed = v->type == EVENT_DIAL,
                                     .why = v->why,
                                     .detail = v->detail,
                                     .up_bytes = json_int(json_get(root, "up_bytes"), -1),
                                     .down_bytes = json_int(json_get(root, "down_bytes"), -1),
                                     .duration_ms = json_int(json_get(root, "duration_ms"), -1)};
    return v->type == EVENT_REFUSED || v->dial > 0;
}

static void queue_event(struct proxy *p, const char *text, size_t len)
{
    struct err e = {0};
    AUTO_JSON struct json *root = json_parse(text, len, NULL, &e);
    struct event *v = mem_alloc(sizeof *v);
    bool good = root && read_event(root, v);
    if (good && v->type == EVENT_ENDED) {
        for (size_t i = 0; i < OPEN_MAX; i++)
            if (p->open[i].dial == v->dial) {
                v->number = p->open[i].number;
                p->open[i].dial = 0;
            }
        good = v->number > 0;
    }
    if (!good) {
        log_warn("proxy.event", LOG_STR("run", p->run),
                 LOG_STR("why", "the proxy said what it never should"));
        free(v);
        return;
    }
    if (p->last)
        p->last->next = v;
    else
        p->first = v;
    p->last = v;
    p->pending++;
}

static void on_poll(uv_poll_t *h, int status, int events);

static void gone(struct proxy *p)
{
    if (p->draining) {
        end_processes(p);
        write_pending(p); /* and then it is freed */
        return;
    }
    log_warn("proxy.gone", LOG_STR("run", p->run), LOG_INT("pid", p->pid),
             LOG_INT("again_ms", p->delay_ms));
    end_processes(p);
    again(p);
}

static void on_poll(uv_poll_t *h, int status, int events)
{
    struct proxy *p = h->data;
    char block[16384];
    struct err e = {0};
    size_t len;
    (void)events;
    if (!p)
        return;
    ssize_t n = status < 0 ? 0 : read(p->fd, block, sizeof block);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || frame_feed(&p->in, block, (size_t)n, &e) < 0) {
        gone(p);
        return;
    }
    for (const char *line; (line = frame_next(&p->in, &len));)
        queue_event(p, line, len);
    if (p->pending > PENDING_MAX)
        uv_poll_stop(p->poll);
    write_pending(p);
}

/* ---- into the catalog ---- */

static int batch_work(struct cat *db, void *ctx, struct err *e)
{
    const struct step *s = ctx;
    for (struct event *v = s->batch; v; v = v->next) {
        if (v->type == EVENT_ENDED) {
            if (cat_connection_end(db, s->run, v->number, &v->row, e) < 0)
                return -1;
        } else if (cat_connection_add(db, s->run, &v->row, &v->number, e) < 0) {
            if (e->kind != E_LIMIT || v->type != EVENT_DIAL || e->os_errno)
                return -1;
            *e = (struct err){0};
            v->stopped = true;
        }
    }
    return 0;
}

static void answer(struct proxy *p, const struct event *v, const struct err *e)
{
    char line[96];
    if (e || v->stopped) {
        snprintf(line, sizeof line, "{\"stop\":%llu,\"why\":\"%s\"}\n", (unsigned long long)v->dial,
                 proxy_why_name(v->stopped ? PROXY_LIMIT : PROXY_UNAVAILABLE));
    } else {
        snprintf(line, sizeof line, "{\"go\":%llu}\n", (unsigned long long)v->dial);
        for (size_t i = 0; i < OPEN_MAX; i++)
            if (!p->open[i].dial) {
                p->open[i].dial = v->dial;
                p->open[i].number = v->number;
                break;
            }
    }
    /* Few and short: they fit in the socket unless nobody reads it any more, and then the poll tells. */
    if (p->fd >= 0 && fd_write_all(p->fd, line, strlen(line)) < 0)
        log_debug("proxy.answer", LOG_STR("run", p->run), LOG_INT("errno", errno));
}

static void tell_log(const char *run, const struct event *v)
{
    const struct log_field fields[] = {LOG_STR("run", run),          LOG_STR("host", v->host),
                                       LOG_INT("port", v->row.port), LOG_STR("address", v->address),
                                       LOG_STR("why", v->why),       LOG_END};
    bool made = v->type == EVENT_DIAL && !v->stopped;
    log_event(LOG_INFO_LEVEL, made ? "run.connected" : "run.connection_refused", fields);
}

static void batch_done(void *ctx, const struct err *e)
{
    struct step *s = ctx;
    struct proxy *p = step_proxy(s);
    if (e)
        log_error("proxy.unwritten", LOG_STR("run", s->run), LOG_ERR(e));
    for (struct event *v = s->batch, *next; v; v = next) {
        next = v->next;
        if (p && v->type == EVENT_DIAL)
            answer(p, v, e);
        if (!e && v->type != EVENT_ENDED && (v->number || v->stopped)) /* a flood is counted only */
            tell_log(s->run, v);
        free(v);
    }
    free(s);
    if (!p)
        return;
    p->writing = false;
    if (p->poll && p->pending <= PENDING_MAX)
        uv_poll_start(p->poll, UV_READABLE, on_poll);
    write_pending(p);
}

static void write_pending(struct proxy *p)
{
    if (p->writing)
        return;
    if (!p->first) {
        if (p->draining && !p->poll)
            proxy_free(p);
        return;
    }
    struct step *s = step_new(p);
    struct event *last = p->first;
    size_t n = 1;
    for (; n < BATCH_MAX && last->next; n++)
        last = last->next;
    s->batch = p->first;
    p->first = last->next;
    if (!p->first)
        p->last = NULL;
    last->next = NULL;
    p->pending -= n;
    p->writing = true;
    lab_write(p->lab, batch_work, batch_done, s);
}

/* ---- starting ---- */

static int send_orders(struct proxy *p, int listen_fd)
{
    AUTO_BUF struct buf line = BUF_INIT(LIST_MAX_BYTES + 8192);
    struct jw w = jw_to(&line);
    jw_obj(&w);
    jw_raw_at(&w, "allow", p->list, strlen(p->list));
    jw_str_at(&w, "hosts", p->lab->opt.proxy_hosts);
    jw_end_obj(&w);
    buf_add_char(&line, '\n');
    ssize_t n = line.failed ? -1 : fd_send(p->fd, buf_cstr(&line), line.len, &listen_fd, 1);
    return n > 0 ? fd_write_all(p->fd, line.data + n, line.len - (size_t)n) : -1;
}

static void start_processes(struct proxy *p, int listen_fd)
{
    const char *argv[] = {p->lab->opt.self_path, "proxy", NULL};
    struct err e = {0};
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        err_sys(&e, NULL, NULL, "cannot make a socket pair");
        log_error("proxy.start", LOG_STR("run", p->run), LOG_ERR(&e));
        again(p);
        return;
    }
    p->fd = pair[0];
    AUTO_FD int theirs = pair[1];
    if (child_start(argv, theirs, &p->pid, &e) < 0 || fd_set_nonblock(p->fd, &e) < 0 ||
        send_orders(p, listen_fd) < 0) {
        if (!e.kind)
            err_sys(&e, NULL, NULL, "cannot give the proxy its orders");
        log_error("proxy.start", LOG_STR("run", p->run), LOG_ERR(&e));
        end_processes(p);
        again(p);
        return;
    }
    p->poll = mem_alloc(sizeof *p->poll);
    p->poll->data = p;
    if (uv_poll_init(&p->lab->loop, p->poll, p->fd) != 0)
        abort(); /* a socket of our own */
    uv_poll_start(p->poll, UV_READABLE, on_poll);
    log_info("proxy.started", LOG_STR("run", p->run), LOG_INT("pid", p->pid));
}

static int ask_work(void *ctx, struct err *e)
{
    struct step *s = ctx;
    const struct attach_request ask = {
        .magic = ATTACH_MAGIC, .version = ATTACH_VERSION, .verb = ATTACH_PROXY};
    AUTO_FD int folder =
        openat(s->lab->store->runs_fd, s->run, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0)
        return err_sys(e, NULL, NULL, "cannot open the folder of run %s", s->run);
    return attach_ask(folder, &ask, ASK_MS, &s->fd, e);
}

static void asked(void *ctx, const struct err *e)
{
    struct step *s = ctx;
    struct proxy *p = step_proxy(s);
    if (p && !p->draining && !atomic_load(&s->lab->stopping)) {
        if (e) { /* the sandbox is being made, or is over: then we are told */
            log_debug("proxy.ask", LOG_STR("run", p->run), LOG_ERR(e));
            again(p);
        } else {
            p->delay_ms = AGAIN_MIN_MS;
            start_processes(p, s->fd);
        }
    } else if (p && p->draining) {
        write_pending(p);
    }
    fd_close_at(&s->fd);
    free(s);
}

static void step_ask(struct proxy *p)
{
    lab_pool(p->lab, ask_work, asked, step_new(p));
}

static int network_work(struct cat *db, void *ctx, struct err *e)
{
    struct step *s = ctx;
    return cat_network_get(db, s->arena, s->run, &s->network, e);
}

static void network_read(void *ctx, const struct err *e)
{
    struct step *s = ctx;
    struct proxy *p = step_proxy(s);
    if (e)
        log_error("proxy.list", LOG_STR("run", s->run),
                  LOG_ERR(e)); /* closed: nothing is reached */
    if (p && (e || !s->network.allow_hosts_json || p->draining)) {
        struct live *v = live_find(s->lab, s->run);
        if (v && v->proxy == p)
            v->proxy = NULL;
        proxy_free(p);
    } else if (p) {
        p->list = mem_strdup(s->network.allow_hosts_json);
        step_ask(p);
    }
    arena_free(s->arena);
    free(s);
}

void proxy_start(struct live *v)
{
    if (v->proxy || map_find(&v->lab->proxies, v->id))
        return;
    struct proxy *p = mem_alloc(sizeof *p);
    *p = (struct proxy){.lab = v->lab, .pid = -1, .fd = -1, .delay_ms = AGAIN_MIN_MS};
    memcpy(p->run, v->id, sizeof p->run);
    frame_init(&p->in);
    p->timer = mem_alloc(sizeof *p->timer);
    p->timer->data = p;
    uv_timer_init(&p->lab->loop, p->timer);
    map_put(&v->lab->proxies, p->run, p);
    v->proxy = p;
    struct step *s = step_new(p);
    s->arena = arena_new();
    lab_read(v->lab, network_work, network_read, s);
}

/* ---- the end ---- */

static void drain_late(uv_timer_t *t)
{
    struct proxy *p = t->data;
    if (!p->poll)
        return;
    log_warn("proxy.drain", LOG_STR("run", p->run), LOG_STR("why", "it does not end"));
    end_processes(p);
    write_pending(p);
}

void proxy_stop(struct proxy *p)
{
    if (!p || p->draining)
        return;
    p->draining = true;
    if (atomic_load(&p->lab->stopping)) {
        proxy_free(p);
        return;
    }
    if (!p->list) /* network_read sees to it */
        return;
    if (!p->poll) {
        write_pending(p);
        return;
    }
    shutdown(p->fd, SHUT_WR); /* it tells how its connections ended, and ends */
    uv_timer_start(p->timer, drain_late, DRAIN_MS, 0);
}

void proxy_close_all(struct lab *lab)
{
    for (;;) {
        size_t at = 0;
        struct proxy *p = map_each(&lab->proxies, &at);
        if (!p)
            return;
        proxy_free(p);
    }
}
