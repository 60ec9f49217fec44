/*
 * follow.c - stays with a run until its end; see follow.h.
 *
 * One poll over the watch, SIGINT and SIGTERM (a signalfd), and the keyboard while a question is
 * open. Log bytes are written as they come; the line of progress is wiped before and drawn again
 * after, only when the cursor is at the start of a line.
 *
 *     following ──Ctrl-C──> asking ──d, Ctrl-C──> detached
 *         ^                 │ ^ └────c──> cancelling: follows on until the verdict
 *         └──────Enter──────┘ └── another key
 *
 * While it asks, the terminal gives single keys and makes no signals of them, and signals that would
 * end or stop the program wait, so that only SIGKILL can leave the terminal so.
 */
#include "api/cli/follow.h"
#include "api/cli/labtext.h"
#include "api/cli/logout.h"
#include "api/cli/verdict.h"
#include "api/client/watch.h"
#include "api/common/fd.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

enum { TICK_MS = 500, QUEUE_ASK_US = 2000000, QUEUE_FIRST_US = 500000 };

struct follow {
    struct cli *c;
    const char *run;
    const struct follow_options *options;
    struct watch *watch;
    struct logout out, err;
    bool at_line_start; /* of the terminal, as far as we know */
    bool drawn;         /* the line of progress is on the screen */
    bool asking;
    struct termios cooked; /* the terminal as it was before it asked */
    bool cancelling;
    bool interrupted; /* by SIGTERM */
    bool detached;
    char state[16];
    char queue_reason[200];
    int64_t queue_asked_us;
    int64_t running_us; /* local monotonic time when the run (would have) started */
    int64_t cpu_ms, elapsed_ms, cpu_percent, memory_bytes, processes;
    bool sampled;
    char metric[160];
    struct json *final;
};

/* ---- the line of progress ---- */

static bool on_terminal(const struct follow *f)
{
    return f->options->progress && f->c->err.moves;
}

static void wipe(struct follow *f)
{
    AUTO_BUF struct buf out = BUF_INIT(16);

    if (!f->drawn)
        return;
    f->drawn = false;
    buf_add_str(&out, "\r\033[K");
    cli_note(&out);
}

static void add_part(struct buf *line, const char *part)
{
    if (!*part)
        return;
    if (line->len > 0)
        buf_add_str(line, " · ");
    buf_add_str(line, part);
}

static void draw(struct follow *f)
{
    AUTO_BUF struct buf line = BUF_INIT(4096), part = BUF_INIT(1024), out = BUF_INIT(8192);
    bool running = strcmp(f->state, "running") == 0;

    if (!on_terminal(f) || !f->at_line_start || f->asking)
        return;
    term_measure(&f->c->err);
    if (!watch_client(f->watch)) {
        add_part(&line, tr(T_P_AWAY));
    } else if (f->cancelling) {
        add_part(&line, tr(T_P_CANCELLING));
    } else if (running) {
        add_part(&line, tr(T_S_RUNNING));
    } else if (strcmp(f->state, "starting") == 0) {
        add_part(&line, tr(T_S_STARTING));
    } else {
        add_part(&line, tr(T_S_QUEUED));
        add_part(&line, f->queue_reason);
    }
    if (running && f->running_us > 0) {
        human_elapsed(&part, (time_mono_us() - f->running_us) / 1000);
        add_part(&line, buf_cstr(&part));
        buf_clear(&part);
    }
    if (running && f->sampled) {
        tr_add(&part, T_P_CPU);
        human_percent(&part, f->cpu_percent);
        add_part(&line, buf_cstr(&part));
        add_part(&line, human_size_text((uint64_t)f->memory_bytes));
        buf_clear(&part);
    }
    add_part(&line, f->metric);
    buf_clear(&part);
    term_add_cut(&part, buf_cstr(&line), f->c->err.width > 1 ? f->c->err.width - 1 : 1);
    buf_add_str(&out, "\r\033[K");
    term_add(&out, &f->c->err, STYLE_DIM, buf_cstr(&part));
    cli_note(&out);
    f->drawn = true;
}

/* A note of ours between log lines: on a line of its own. */
static void note(struct follow *f, enum text_id id, const char *a, const char *b)
{
    AUTO_BUF struct buf out = BUF_INIT(4096);

    wipe(f);
    if (!f->at_line_start && f->c->err.is_tty)
        buf_add_char(&out, '\n');
    f->at_line_start = true;
    AUTO_BUF struct buf text = BUF_INIT(4096);
    tr_add(&text, id, a, b);
    cli_add_line(&out, &f->c->err, buf_cstr(&text));
    cli_note(&out);
}

/* ---- events ---- */

static void on_log(struct follow *f, const struct json *event, bool is_err)
{
    AUTO_BUF struct buf bytes = BUF_INIT(1 << 20), out = BUF_INIT(4 << 20);
    struct logout *to = is_err || f->options->out_to_stderr ? &f->err : &f->out;
    bool at_start = f->at_line_start;

    if (!logout_bytes_of(event, &bytes))
        return;
    logout_add(to, buf_cstr(&bytes), bytes.len, &out, &at_start);
    /* Only what reaches the terminal moves its cursor. */
    if (to->is_tty)
        f->at_line_start = at_start;
    wipe(f);
    if (to->fd == STDOUT_FILENO)
        cli_print(&out);
    else
        cli_note(&out);
}

static void on_metric(struct follow *f, const struct json *data)
{
    const struct json *value = json_get(data, "value");
    AUTO_BUF struct buf text = BUF_INIT(1024);
    const char *name = json_str(json_get(data, "metric"));

    if (!name)
        return; /* a param or a tag */
    char safe[100];
    text_sanitize(name, strlen(name), safe, sizeof safe);
    buf_printf(&text, "%s ", safe);
    if (json_type(value) == JSON_NUMBER)
        human_number(&text, json_num(value, 0));
    else
        buf_add_str(&text, json_str(value) ? json_str(value) : "");
    snprintf(f->metric, sizeof f->metric, "%s", buf_cstr(&text));
}

static void on_sample(struct follow *f, const struct json *data)
{
    int64_t cpu_ms = cli_int(data, "cpu_ms"), elapsed_ms = cli_int(data, "elapsed_ms");

    if (elapsed_ms > f->elapsed_ms)
        f->cpu_percent = (cpu_ms - f->cpu_ms) * 100 / (elapsed_ms - f->elapsed_ms);
    f->cpu_ms = cpu_ms;
    f->elapsed_ms = elapsed_ms;
    f->memory_bytes = cli_int(data, "memory_bytes");
    f->processes = cli_int(data, "processes");
    f->sampled = true;
}

static void set_state(struct follow *f, const char *state, int64_t time_us)
{
    snprintf(f->state, sizeof f->state, "%s", state);
    if (strcmp(state, "running") == 0 && f->running_us == 0) {
        /* An event that is read late (logs -f of an old run) tells when it really was. */
        int64_t ago_us = time_us > 0 ? time_now_us() - time_us : 0;
        f->running_us = time_mono_us() - (ago_us > 0 ? ago_us : 0);
    }
}

static void note_bad_metric(struct follow *f, const char *reason)
{
    AUTO_BUF struct buf said = BUF_INIT(1 << 16);
    char safe[1024];

    labtext_add(&said, reason);
    text_sanitize(buf_cstr(&said), said.len, safe, sizeof safe);
    note(f, T_N_BAD_METRIC, safe, NULL);
}

static void on_monitor(struct follow *f, const struct json *data, int64_t time_us)
{
    const char *event = cli_str(data, "event");

    if (strcmp(event, "running") == 0)
        set_state(f, "running", time_us);
    else if (strcmp(event, "sample") == 0)
        on_sample(f, data);
    else if (strcmp(event, "log_limit") == 0)
        note(f, T_N_LOG_LIMIT, NULL, NULL);
    else if (strcmp(event, "bad_metric") == 0)
        note_bad_metric(f, cli_str(data, "reason"));
}

static void on_event(void *arg, const struct json *params)
{
    struct follow *f = arg;
    const char *type = cli_str(params, "type");
    const struct json *data = json_get(params, "data");
    int64_t time_us = cli_int(params, "time_us");

    if (strcmp(type, "stdout") == 0 || strcmp(type, "stderr") == 0) {
        on_log(f, params, strcmp(type, "stderr") == 0);
    } else if (strcmp(type, "gap") == 0) {
        const struct json *counted = data ? data : params;
        int64_t dropped = cli_int(counted, "dropped_bytes");
        note(f, dropped > 0 ? T_N_GAP : T_N_GAP_SOME, human_size_text((uint64_t)dropped), NULL);
    } else if (strcmp(type, "metric") == 0) {
        on_metric(f, data);
    } else if (strcmp(type, "event") == 0) {
        on_monitor(f, data, time_us);
    } else if (strcmp(type, "state") == 0) {
        set_state(f, cli_str(data, "state"), time_us);
    } else if (strcmp(type, "finished") == 0) {
        AUTO_BUF struct buf text = BUF_INIT(CLIENT_ANSWER_MAX_BYTES);
        const struct json_limits limits = {.max_bytes = CLIENT_ANSWER_MAX_BYTES, .max_depth = 64};
        struct err never = {0};
        json_print(json_get(params, "run"), false, &text);
        f->final = json_parse(buf_cstr(&text), text.len, &limits, &never);
    }
}

static void on_lost(void *arg)
{
    note(arg, T_N_AWAY, NULL, NULL);
}

static void on_back(void *arg)
{
    note(arg, T_N_BACK, NULL, NULL);
}

/* Why a queued run waits: asked now and then, since no event tells. */
static int ask_queue(struct follow *f, struct err *e)
{
    struct client *lab = watch_client(f->watch);
    int64_t now_us = time_mono_us();

    if (!on_terminal(f) || !lab || strcmp(f->state, "queued") != 0 ||
        now_us < f->queue_asked_us + QUEUE_ASK_US)
        return 0;
    f->queue_asked_us = now_us;
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_BUF struct buf params = BUF_INIT(1024);
    struct jw w = jw_to(&params);
    struct err why = {0};
    jw_obj(&w);
    jw_str_at(&w, "run", f->run);
    jw_end_obj(&w);
    if (client_call(lab, "run.get", buf_cstr(&params), &answer, &why) < 0) {
        if (client_is_lost(lab) || why.kind == E_UNAVAILABLE)
            return 0; /* the watch sees it too and comes back */
        *e = why;
        return -1;
    }
    AUTO_BUF struct buf reason = BUF_INIT(1 << 16);
    labtext_add(&reason, cli_str(answer.result, "queue_reason"));
    text_sanitize(buf_cstr(&reason), reason.len, f->queue_reason, sizeof f->queue_reason);
    return 0;
}

/* ---- Ctrl-C ---- */

static void hold_signals(int how)
{
    static const int held[] = {SIGHUP, SIGQUIT, SIGTSTP};
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < sizeof held / sizeof *held; i++)
        sigaddset(&set, held[i]);
    sigprocmask(how, &set, NULL);
}

/* Single keys, not shown. What was typed ahead is no answer. */
static bool take_keys(struct follow *f)
{
    struct termios raw;

    if (tcgetattr(STDIN_FILENO, &f->cooked) < 0)
        return false;
    raw = f->cooked;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG | IEXTEN);
    raw.c_iflag &= ~(tcflag_t)IXON;
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    hold_signals(SIG_BLOCK);
    if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw) == 0)
        return true;
    hold_signals(SIG_UNBLOCK);
    return false;
}

static void ask(struct follow *f)
{
    AUTO_BUF struct buf out = BUF_INIT(4096);

    if (!take_keys(f)) {
        f->detached = true;
        return;
    }
    f->asking = true;
    f->drawn = false;
    /* The terminal has just shown ^C where the cursor was. */
    buf_add_str(&out, f->c->err.moves && f->at_line_start ? "\r\033[K" : "\n");
    tr_add(&out, T_ASK_DETACH);
    buf_add_char(&out, '\n');
    cli_note(&out);
    f->at_line_start = true;
}

/* The question is answered, or is no longer one. */
static void stop_asking(struct follow *f)
{
    if (!f->asking)
        return;
    f->asking = false;
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &f->cooked);
    hold_signals(SIG_UNBLOCK);
}

static void detach(struct follow *f)
{
    stop_asking(f);
    f->detached = true;
}

static void on_interrupt(struct follow *f)
{
    /* In the background a terminal cannot be asked: changing its mode would stop us. */
    bool may_ask = f->options->may_cancel && isatty(STDIN_FILENO) && f->c->err.is_tty &&
                   tcgetpgrp(STDIN_FILENO) == getpgrp();

    if (f->asking || f->cancelling || !may_ask)
        detach(f);
    else
        ask(f);
}

static int cancel(struct follow *f, struct err *e)
{
    struct client *lab = watch_client(f->watch);
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_BUF struct buf params = BUF_INIT(1024);
    struct jw w = jw_to(&params);

    if (!lab) {
        note(f, T_N_CANNOT_CANCEL, f->run, NULL);
        return 0;
    }
    jw_obj(&w);
    jw_str_at(&w, "run", f->run);
    jw_end_obj(&w);
    struct err why = {0};
    if (client_call(lab, "run.cancel", buf_cstr(&params), &answer, &why) < 0) {
        if (why.kind == E_CONFLICT)
            return 0; /* it ended meanwhile: the verdict comes */
        if (why.kind == E_UNAVAILABLE) {
            note(f, T_N_CANNOT_CANCEL, f->run, NULL);
            return 0;
        }
        *e = why;
        return -1;
    }
    f->cancelling = true;
    return 0;
}

static void say_line(const char *text)
{
    AUTO_BUF struct buf out = BUF_INIT(256);

    buf_add_str(&out, text);
    buf_add_char(&out, '\n');
    cli_note(&out);
}

static int on_key(struct follow *f, struct err *e)
{
    enum { CTRL_C = 3, CTRL_D = 4 };
    char keys[64]; /* an arrow is several bytes: all that one key sent */
    ssize_t n = read(STDIN_FILENO, keys, sizeof keys);

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    char key = n > 0 ? keys[0] : CTRL_D;
    if (key >= 'A' && key <= 'Z')
        key = (char)(key - 'A' + 'a');
    /* The terminal takes signals again before the answer is shown: a Ctrl-C typed right after seeing it
       would otherwise arrive as a byte that nobody reads. */
    if (key == 'd' || key == CTRL_C || key == CTRL_D) {
        detach(f);
        say_line(key == 'd' ? "d" : "");
    } else if (key == *tr(T_KEY_CANCEL)) {
        stop_asking(f);
        say_line(tr(T_KEY_CANCEL));
        return cancel(f, e);
    } else if (key == '\n' || key == '\r') {
        stop_asking(f);
        say_line(tr(T_KEY_ENTER));
    } else {
        say_line(tr(T_ASK_AGAIN));
    }
    return 0;
}

static void on_signal(struct follow *f, int signals)
{
    struct signalfd_siginfo info;

    if (read(signals, &info, sizeof info) != (ssize_t)sizeof info)
        return;
    if (info.ssi_signo == SIGINT) {
        on_interrupt(f);
    } else {
        f->interrupted = true;
        detach(f);
    }
}

/* ---- the loop ---- */

static int step(struct follow *f, int signals, struct err *e)
{
    struct pollfd p[] = {
        {.fd = signals, .events = POLLIN},
        /* While a question is open the log waits, so that nothing is written over it. */
        {.fd = f->asking ? -1 : watch_fd(f->watch), .events = POLLIN},
        {.fd = f->asking ? STDIN_FILENO : -1, .events = POLLIN},
    };
    int wait_ms = watch_wait_ms(f->watch);

    if (wait_ms < 0 || wait_ms > TICK_MS)
        wait_ms = TICK_MS;
    if (poll(p, 3, wait_ms) < 0 && errno != EINTR)
        return err_sys(e, NULL, NULL, "poll");
    if (p[0].revents)
        on_signal(f, signals);
    if (p[2].revents && f->asking && on_key(f, e) < 0)
        return -1;
    if (f->detached || f->asking)
        return 0;
    if (watch_step(f->watch, e) < 0 || ask_queue(f, e) < 0)
        return -1;
    if (!watch_is_done(f->watch))
        draw(f);
    return 0;
}

static void finish_logs(struct follow *f)
{
    AUTO_BUF struct buf out = BUF_INIT(64), err = BUF_INIT(64);

    wipe(f);
    logout_end(&f->out, &out);
    logout_end(&f->err, &err);
    cli_print(&out);
    if (!f->at_line_start && f->c->err.is_tty)
        buf_add_char(&err, '\n');
    cli_note(&err);
}

int follow_run(struct cli *c, const char *run, const struct follow_options *options,
               enum follow_end *end, struct json **final, struct err *e)
{
    const struct watch_handler handler = {on_event, on_lost, on_back};
    struct follow f = {
        .c = c, .run = run, .options = options, .at_line_start = true, .state = "queued"};
    sigset_t set, former;

    f.queue_asked_us = time_mono_us() - QUEUE_ASK_US + QUEUE_FIRST_US;
    logout_init(&f.out, &c->out);
    logout_init(&f.err, &c->err);
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, &former);
    AUTO_FD int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    int failed = signals < 0
                     ? err_sys(e, NULL, NULL, "signalfd")
                     : watch_open(c->socket_path, run, options->from, &handler, &f, &f.watch, e);
    while (!failed && !f.detached && !watch_is_done(f.watch))
        failed = step(&f, signals, e);
    stop_asking(&f);
    if (f.watch) {
        finish_logs(&f);
        watch_close(f.watch);
    }
    sigprocmask(SIG_SETMASK, &former, NULL);
    *end = f.interrupted ? FOLLOW_INTERRUPTED : f.detached ? FOLLOW_DETACHED : FOLLOW_FINISHED;
    if (!failed && *end == FOLLOW_FINISHED && !f.final)
        failed = err_set(e, E_INTERNAL, "run", NULL, "the lab did not say how run %s ended", run);
    if (failed)
        json_free(f.final);
    else
        *final = f.final;
    return failed;
}
