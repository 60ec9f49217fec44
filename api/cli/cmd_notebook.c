/*
 * cmd_notebook.c - enclos notebook: Jupyter inside a sandbox, on a port of this machine.
 *
 *   browser --127.0.0.1:PORT--> tunnel --run.connect's sockets--> Jupyter on the run's own loopback
 *
 * The token is made inside (api/python/enclos/notebook.py) and asked for on the control port, which the lab opens to
 * whoever started the run and to nobody else.
 */
#include "api/cli/command.h"
#include "api/cli/interactive.h"
#include "api/cli/session.h"
#include "api/cli/submit.h"
#include "api/cli/tunnel.h"
#include "api/client/watch.h"
#include "api/common/fd.h"
#include "api/common/text.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

enum { CONTROL_PORT = 8887, USUAL_PORT = 8888, ANSWER_MAX = 4096, TICK_MS = 1000 };

const struct opt cmd_notebook_options[] = {
    {"dataset", 'd', T_A_DATASET, T_O_DATASET, true},
    {"profile", 'p', T_A_NAME, T_O_PROFILE_NOTEBOOK, false},
    {"environment", 0, T_A_ENVIRONMENT, T_O_ENVIRONMENT, false},
    {"port", 0, T_A_NUMBER, T_O_PORT, false},
    {"cpus", 0, T_A_NUMBER, T_O_CPUS, false},
    {"memory", 'm', T_A_SIZE, T_O_MEMORY, false},
    {"time", 't', T_A_DURATION, T_O_TIME_INTERACTIVE, false},
    {"idle", 0, T_A_DURATION, T_O_IDLE, false},
    {"processes", 0, T_A_NUMBER, T_O_PROCESSES, false},
    {"outputs", 0, T_A_SIZE, T_O_OUTPUTS, false},
    {"outputs-on", 0, T_A_STORE, T_O_OUTPUTS_ON, false},
    {"work", 0, T_A_SIZE, T_O_WORK, false},
    {"tmp", 0, T_A_SIZE, T_O_TMP, false},
    {"name", 'n', T_A_TEXT, T_O_NAME, false},
    {"project", 0, T_A_PROJECT, T_O_PROJECT, false},
    {"experiment", 0, T_A_NAME, T_O_EXPERIMENT, false},
    {"purpose", 0, T_A_PURPOSE, T_O_PURPOSE, false},
    {"env", 'e', T_A_PAIR, T_O_ENV, true},
    {"code", 0, T_A_FOLDER, T_O_CODE, false},
    {"no-code", 0, T_NONE, T_O_NO_CODE, false},
    {"limits", 0, T_A_LIMITS, T_O_LIMITS, false},
    {"report-paths", 0, T_NONE, T_O_REPORT_PATHS, false},
    {"no-fd", 0, T_NONE, T_O_NO_FD, false},
    {0},
};

struct notebook {
    struct cli *c;
    const char *run;
    unsigned inside; /* Jupyter's port in the run */
    char token[200];
    bool over;
    bool asking;
    struct termios cooked;
};

static void connect_params(const char *run, unsigned port, struct buf *out)
{
    struct jw w = jw_to(out);
    jw_obj(&w);
    jw_str_at(&w, "run", run);
    jw_int_at(&w, "port", port);
    jw_end_obj(&w);
}

/* A connection to a port inside, or -1. A lab that was restarted is asked anew. */
static int connect_inside(struct cli *c, const char *run, unsigned port)
{
    AUTO_BUF struct buf params = BUF_INIT(1024);
    connect_params(run, port, &params);
    for (int i = 0; i < 2; i++) {
        AUTO_ANSWER struct client_answer answer = {0};
        struct err why = {0};
        if (cli_call(c, "run.connect", buf_cstr(&params), &answer, &why) == 0)
            return client_take_fd(c->client);
        if (!c->client || !client_is_lost(c->client))
            return -1;
        client_close(c->client);
        c->client = NULL;
    }
    return -1;
}

/* ---- where it is, and its token ---- */

static void cancel(struct notebook *nb)
{
    AUTO_ANSWER struct client_answer answer = {0};
    struct err why = {0};
    (void)!cli_call_with(nb->c, "run.cancel", "run", nb->run, &answer, &why); /* the next Ctrl-C tries again */
}

/* Until Jupyter answers, which may take a while. 0, with nb->token empty when the run ended first. Ctrl-C cancels. */
static int ask_where(struct notebook *nb, int control, int signals, struct err *e)
{
    AUTO_BUF struct buf text = BUF_INIT(ANSWER_MAX);
    struct err why = {0};
    while (text.len == 0 || text.data[text.len - 1] != '\n') {
        struct pollfd p[] = {{.fd = control, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
        struct signalfd_siginfo info;
        char block[512];
        (void)poll(p, 2, -1);
        if (p[1].revents && read(signals, &info, sizeof info) == (ssize_t)sizeof info)
            cancel(nb);
        if (!p[0].revents)
            continue;
        ssize_t n = recv(control, block, sizeof block, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n <= 0)
            return 0; /* it ended: the run tells why */
        buf_add(&text, block, (size_t)n);
    }
    AUTO_JSON struct json *told = json_parse(buf_cstr(&text), text.len, NULL, &why);
    const char *token = json_str(json_get(told, "token"));
    int64_t port = json_int(json_get(told, "port"), 0);
    /* It is the run that speaks: nothing but a token goes to the terminal. */
    if (!token || strlen(token) >= sizeof nb->token || strlen(token) < 16 ||
        strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != strlen(token) || port < 1 ||
        port > 65535)
        return say_err(e, E_INTERNAL, NULL, T_NONE, T_NOTEBOOK_UNCLEAR);
    strcpy(nb->token, token);
    nb->inside = (unsigned)port;
    return 0;
}

/* CLI_OK, or the status with e set. */
static int open_port(const char *asked, struct tunnel **t, struct err *e)
{
    uint64_t port = USUAL_PORT;
    struct err why = {0};
    if (asked && text_u64(asked, 1, 65535, &port) < 0)
        return say_err(e, E_INVALID, NULL, T_NONE, T_BAD_PORT, asked) < 0 ? CLI_BAD_USAGE : CLI_OK;
    if (tunnel_open((unsigned)port, t, &why) == 0)
        return CLI_OK;
    tunnel_close_at(t);
    if (!asked && why.os_errno == EADDRINUSE)
        return tunnel_open(0, t, e) < 0 ? CLI_FAILED : CLI_OK;
    *e = why;
    return CLI_FAILED;
}

static void print_address(struct notebook *nb, const struct tunnel *t)
{
    AUTO_BUF struct buf url = BUF_INIT(1024), out = BUF_INIT(4096);
    buf_printf(&url, "http://127.0.0.1:%u/?token=%s", tunnel_port(t), nb->token);
    if (nb->c->json) {
        struct jw w = jw_to(&out);
        jw_obj(&w);
        jw_str_at(&w, "run", nb->run);
        jw_str_at(&w, "url", buf_cstr(&url));
        jw_int_at(&w, "port", tunnel_port(t));
        jw_end_obj(&w);
    } else {
        buf_add_str(&out, buf_cstr(&url));
    }
    buf_add_char(&out, '\n');
    cli_say(T_N_NOTEBOOK, nb->run);
    cli_print(&out);
    nb->c->json = false; /* that was the one document: the end is told on standard error */
}

/* ---- Ctrl-C ---- */

static void ask_what(struct notebook *nb)
{
    struct termios keys;
    if (!isatty(STDIN_FILENO) || !nb->c->err.is_tty || tcgetpgrp(STDIN_FILENO) != getpgrp() ||
        tcgetattr(STDIN_FILENO, &nb->cooked) < 0) {
        nb->over = true;
        return;
    }
    keys = nb->cooked;
    keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG | IEXTEN);
    keys.c_cc[VMIN] = 1;
    keys.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &keys) < 0) {
        nb->over = true;
        return;
    }
    nb->asking = true;
    AUTO_BUF struct buf out = BUF_INIT(4096);
    buf_add_str(&out, "\n");
    tr_add(&out, T_ASK_NOTEBOOK);
    buf_add_char(&out, '\n');
    cli_note(&out);
}

static void stop_asking(struct notebook *nb)
{
    if (nb->asking)
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &nb->cooked);
    nb->asking = false;
}

/* By its own way out, which saves what it can and is a success; by the lab's, where that fails. */
static void stop_it(struct notebook *nb)
{
    AUTO_FD int control = connect_inside(nb->c, nb->run, CONTROL_PORT);
    if (control >= 0 && send(control, "stop\n", 5, MSG_NOSIGNAL) == 5) {
        /* Closed unread, the connection would be reset and the word with it. */
        char line[ANSWER_MAX];
        struct pollfd p = {.fd = control, .events = POLLIN};
        while (poll(&p, 1, 10000) == 1 && read(control, line, sizeof line) > 0)
            ;
        return;
    }
    cancel(nb);
}

static void read_key(struct notebook *nb)
{
    enum { CTRL_C = 3, CTRL_D = 4 };
    char keys[64];
    ssize_t n = read(STDIN_FILENO, keys, sizeof keys);
    char key = n > 0 ? keys[0] : CTRL_D;
    if (key >= 'A' && key <= 'Z')
        key = (char)(key - 'A' + 'a');
    if (key != 'd' && key != CTRL_C && key != CTRL_D && key != *tr(T_KEY_STOP) && key != '\r' && key != '\n')
        return;
    stop_asking(nb);
    if (key == *tr(T_KEY_STOP)) {
        cli_say(T_N_NOTEBOOK_STOPS);
        stop_it(nb);
    } else if (key != '\r' && key != '\n') {
        nb->over = true;
    }
}

/* ---- the relay ---- */

static int connect_for_tunnel(void *arg)
{
    struct notebook *nb = arg;
    return connect_inside(nb->c, nb->run, nb->inside);
}

static void ignore_event(void *arg, const struct json *params)
{
    (void)arg;
    (void)params;
}

static void ignore(void *arg)
{
    (void)arg;
}

static int relay(struct notebook *nb, struct tunnel *t, struct watch *w, int signals, int *status, struct err *e)
{
    while (!nb->over && !watch_is_done(w)) {
        struct pollfd p[] = {
            {.fd = signals, .events = POLLIN},
            {.fd = tunnel_fd(t), .events = POLLIN},
            {.fd = watch_fd(w), .events = POLLIN},
            {.fd = nb->asking ? STDIN_FILENO : -1, .events = POLLIN},
        };
        int wait_ms = watch_wait_ms(w);
        if (poll(p, 4, wait_ms < 0 || wait_ms > TICK_MS ? TICK_MS : wait_ms) < 0 && errno != EINTR)
            return err_sys(e, NULL, NULL, "poll");
        struct signalfd_siginfo info;
        if (p[0].revents && read(signals, &info, sizeof info) == (ssize_t)sizeof info) {
            if (info.ssi_signo == SIGINT && !nb->asking)
                ask_what(nb);
            else
                nb->over = true;
            *status = info.ssi_signo == SIGINT ? CLI_OK : 128 + (int)info.ssi_signo;
        }
        if (p[1].revents)
            tunnel_step(t, connect_for_tunnel, nb);
        if (p[3].revents && nb->asking)
            read_key(nb);
        if (watch_step(w, e) < 0)
            return -1;
    }
    return 0;
}

static int notebook(struct cli *c, const char *run, struct tunnel *t, bool started, struct err *e)
{
    const struct watch_handler handler = {ignore_event, ignore, ignore};
    struct notebook nb = {.c = c, .run = run};
    AUTO_WATCH struct watch *w = NULL;
    sigset_t set, former;
    int status = CLI_OK;

    AUTO_BUF struct buf params = BUF_INIT(1024);
    int fd = -1;
    connect_params(run, CONTROL_PORT, &params);
    if (session_join(c, run, "run.connect", buf_cstr(&params), started, &fd, e) < 0)
        return CLI_FAILED;
    AUTO_FD int control = fd;
    if (control < 0)
        return interactive_end(c, run, false, e);
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, &former);
    AUTO_FD int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    int failed = signals < 0 ? err_sys(e, NULL, NULL, "signalfd") : ask_where(&nb, control, signals, e);
    fd_close_at(&control);
    if (!failed)
        failed = watch_open(c->socket_path, run, 0, &handler, &nb, &w, e);
    if (!failed && nb.token[0]) {
        print_address(&nb, t);
        failed = relay(&nb, t, w, signals, &status, e);
    }
    stop_asking(&nb);
    sigprocmask(SIG_SETMASK, &former, NULL);
    if (failed)
        return CLI_FAILED;
    if (!nb.token[0] || watch_is_done(w))
        return interactive_end(c, run, false, e);
    cli_say(T_N_NOTEBOOK_LEFT, run);
    return status;
}

int interactive_notebook(struct cli *c, const char *run, const char *port, struct err *e)
{
    AUTO_TUNNEL struct tunnel *t = NULL;
    int status = open_port(port, &t, e);
    return status == CLI_OK ? notebook(c, run, t, false, e) : status;
}

int cmd_notebook(struct cli *c, struct args *a, struct err *e)
{
    static const char *const usual[] = {"python3", "-m", "enclos.notebook", NULL};
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_TUNNEL struct tunnel *t = NULL;
    struct request r;

    if (args_word_count(a) > 0)
        return cli_need_words(a, 0, 0, T_NONE, e);
    int status = open_port(args_get(a, "port"), &t, e); /* before there is a run that nobody could reach */
    if (status != CLI_OK)
        return status;
    request_init(&r);
    r.interactive = "notebook";
    status = interactive_submit(c, a, &r, usual, &answer, e);
    if (status == CLI_OK) {
        char run[INTERACTIVE_ID_SIZE];
        snprintf(run, sizeof run, "%s", cli_str(answer.result, "run"));
        status = notebook(c, run, t, true, e);
    }
    request_fini(&r);
    return status;
}
