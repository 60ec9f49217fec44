/*
 * wait.c - waits for the end of a run; see wait.h.
 */
#include "api/cli/wait.h"
#include "api/client/watch.h"
#include "api/common/text.h"
#include <poll.h>

enum { PART_MS = 30000, RETRY_MS = 250 };

static int ask(struct cli *c, const char *run, int64_t ms, struct client_answer *answer,
               struct err *e)
{
    AUTO_BUF struct buf params = BUF_INIT(1 << 16);
    struct jw w = jw_to(&params);

    jw_obj(&w);
    jw_str_at(&w, "run", run);
    jw_int_at(&w, "timeout_ms", ms);
    jw_end_obj(&w);
    return cli_call(c, "run.wait", buf_cstr(&params), answer, e);
}

static int64_t past_ms(int64_t began_us)
{
    return (time_mono_us() - began_us) / 1000;
}

int wait_run(struct cli *c, const char *run, int64_t timeout_ms, struct client_answer *answer,
             struct err *e)
{
    int64_t began_us = time_mono_us(), away_us = 0;

    for (;;) {
        struct err why = {0};
        int64_t left_ms = timeout_ms < 0 ? PART_MS : timeout_ms - past_ms(began_us);
        left_ms = left_ms < 0 ? 0 : left_ms > PART_MS ? PART_MS : left_ms;
        bool was_there = c->client || away_us > 0;
        int failed = ask(c, run, left_ms, answer, &why);
        bool over = timeout_ms >= 0 && past_ms(began_us) >= timeout_ms;
        if (!failed) {
            away_us = 0;
            if (over || json_bool(json_get(answer->result, "finished"), false))
                return 0;
            continue;
        }
        /* A connection that could be made, or a lab that says it is stopping: it may come back. */
        was_there = was_there || c->client;
        if (why.kind != E_UNAVAILABLE || !was_there ||
            (away_us > 0 && past_ms(away_us) > WATCH_PATIENCE_MS)) {
            *e = why;
            return -1;
        }
        if (over)
            return say_err(e, E_UNAVAILABLE, "socket", T_NONE, T_WAIT_AWAY);
        if (away_us == 0)
            away_us = time_mono_us();
        client_close(c->client);
        c->client = NULL;
        (void)poll(NULL, 0, RETRY_MS);
    }
}
