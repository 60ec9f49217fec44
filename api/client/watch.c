/*
 * watch.c - follows the events of one run; see watch.h.
 *
 *     open ──> connected ──(connection ends)──> away ──(retry answers)──> connected
 *                  │ "finished"                    │ patience is over
 *                  v                               v
 *                done                            error
 */
#include "api/client/watch.h"
#include "api/common/buf.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include <stdlib.h>
#include <string.h>

enum { RETRY_MS = 250 };

struct watch {
    const char *socket_path;
    const char *run;
    const struct watch_handler *h;
    void *arg;
    struct client *client; /* NULL: away */
    int64_t subscription;
    int64_t last;     /* number of the last log event given, -1: none */
    int64_t resume;   /* where to go on: `next` of that event */
    int64_t skip_to;  /* after a return: log events up to this number were given before */
    int64_t away_us;  /* when the lab went away (monotonic) */
    int64_t retry_us; /* when to try again (monotonic) */
    bool done;
};

static int subscribe(struct watch *w, int64_t from, struct err *e)
{
    AUTO_CLIENT struct client *client = NULL;
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_BUF struct buf params = BUF_INIT(4096);
    struct jw out = jw_to(&params);

    if (client_open(w->socket_path, &client, e) < 0)
        return -1;
    jw_obj(&out);
    jw_str_at(&out, "run", w->run);
    jw_int_at(&out, "from", from);
    jw_end_obj(&out);
    if (client_call(client, "run.watch", buf_cstr(&params), &answer, e) < 0)
        return -1;
    w->subscription = json_int(json_get(answer.result, "subscription"), -1);
    w->client = ptr_take(&client);
    return 0;
}

int watch_open(const char *socket_path, const char *run, int64_t from,
               const struct watch_handler *h, void *arg, struct watch **out, struct err *e)
{
    struct watch *w = mem_alloc(sizeof *w);

    *w = (struct watch){.socket_path = socket_path,
                        .run = run,
                        .h = h,
                        .arg = arg,
                        .last = -1,
                        .resume = from,
                        .skip_to = -1};
    if (subscribe(w, from, e) < 0) {
        watch_close(w);
        return -1;
    }
    *out = w;
    return 0;
}

void watch_close(struct watch *w)
{
    if (!w)
        return;
    client_close(w->client);
    free(w);
}

void watch_close_at(struct watch **w)
{
    watch_close(*w);
    *w = NULL;
}

int watch_fd(const struct watch *w)
{
    return w->client ? client_fd(w->client) : -1;
}

int watch_wait_ms(const struct watch *w)
{
    if (w->client)
        return -1;
    int64_t left_us = w->retry_us - time_mono_us();
    return left_us > 0 ? (int)(left_us / 1000) + 1 : 0;
}

bool watch_is_done(const struct watch *w)
{
    return w->done;
}

struct client *watch_client(struct watch *w)
{
    return w->client;
}

static bool is_log_event(const char *type)
{
    static const char *const types[] = {"stdout", "stderr", "gap", "metric", "event"};

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(type, types[i]) == 0)
            return true;
    return false;
}

static void on_note(void *arg, const char *method, const struct json *params)
{
    struct watch *w = arg;
    const char *type = json_str(json_get(params, "type"));

    if (w->done || strcmp(method, "run.event") != 0 || !type ||
        json_int(json_get(params, "subscription"), -1) != w->subscription)
        return;
    /* States repeat what is known and carry no log: only log events are counted. */
    if (is_log_event(type)) {
        int64_t number = json_int(json_get(params, "number"), -1);
        if (number <= w->skip_to)
            return;
        w->last = number;
        w->resume = json_int(json_get(params, "next"), number);
    }
    if (strcmp(type, "finished") == 0)
        w->done = true;
    w->h->event(w->arg, params);
}

static void go_away(struct watch *w)
{
    client_close(w->client);
    w->client = NULL;
    w->away_us = w->retry_us = time_mono_us();
    if (w->h->lost)
        w->h->lost(w->arg);
}

static int come_back(struct watch *w, struct err *e)
{
    struct err trouble = {0};
    int64_t now_us = time_mono_us();

    if (now_us < w->retry_us)
        return 0;
    if (subscribe(w, w->resume, &trouble) == 0) {
        w->skip_to = w->last;
        if (w->h->back)
            w->h->back(w->arg);
        return 0;
    }
    bool hopeless = trouble.kind != E_UNAVAILABLE && trouble.kind != E_INTERNAL;
    if (hopeless || now_us - w->away_us > (int64_t)WATCH_PATIENCE_MS * 1000) {
        *e = trouble;
        return -1;
    }
    w->retry_us = now_us + RETRY_MS * 1000;
    return 0;
}

int watch_step(struct watch *w, struct err *e)
{
    struct err trouble = {0};

    if (w->done)
        return 0;
    if (!w->client)
        return come_back(w, e);
    if (client_notes(w->client, 0, on_note, w, &trouble) == 0 || w->done)
        return 0;
    if (client_is_lost(w->client) && trouble.kind == E_UNAVAILABLE) {
        go_away(w);
        return 0;
    }
    *e = trouble;
    return -1;
}
