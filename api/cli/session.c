/*
 * session.c - see session.h. The descriptor leads to the run's monitor, not to the lab: a lab that is restarted
 * meanwhile is not noticed here.
 */
#include "api/cli/session.h"
#include "api/cli/labtext.h"
#include "api/cli/tty.h"
#include "api/common/attach.h"
#include "api/common/fd.h"
#include "api/common/text.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { AGAIN_MS = 40, TELL_US = 1000 * 1000, AWAY_US = 30 * 1000 * 1000 };

/* ---- until it runs ---- */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig)
{
    (void)sig;
    interrupted = 1;
}

static void tell_queue(struct cli *c, const char *reason, char told[512])
{
    AUTO_BUF struct buf said = BUF_INIT(1 << 16);
    char safe[512];
    if (!*reason || !c->err.is_tty)
        return;
    labtext_add(&said, reason);
    text_sanitize(buf_cstr(&said), said.len, safe, sizeof safe);
    if (strcmp(safe, told) != 0)
        cli_say(T_N_QUEUED, safe);
    strcpy(told, safe);
}

enum joined { JOIN_FAILED = -1, JOIN_NOT_YET, JOIN_DONE /* or it has ended */, JOIN_AWAY /* no lab answers */ };

static enum joined is_away(struct cli *c, const struct err *why, struct err *e)
{
    if (why->kind != E_UNAVAILABLE || strcmp(why->field, "socket") != 0) {
        *e = *why;
        return JOIN_FAILED;
    }
    client_close(c->client);
    c->client = NULL;
    return JOIN_AWAY;
}

static enum joined try_join(struct cli *c, const char *run, const char *method, const char *params, bool tell,
                            char told[512], int *fd, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    struct err why = {0}, gone = {0};
    if (cli_call(c, method, params, &answer, &why) == 0) {
        *fd = client_take_fd(c->client);
        return *fd >= 0 ? JOIN_DONE
                        : (enum joined)err_set(e, E_UNAVAILABLE, "run",
                                               "join it on the lab's own machine: descriptors do not pass a tunnel",
                                               "the lab sent no descriptor with its answer");
    }
    if (why.kind != E_CONFLICT && (why.kind != E_UNAVAILABLE || strcmp(why.field, "socket") == 0))
        return is_away(c, &why, e);
    if (cli_call_with(c, "run.get", "run", run, &answer, &gone) < 0)
        return is_away(c, &gone, e);
    if (strcmp(cli_str(answer.result, "state"), "finished") == 0)
        return JOIN_DONE;
    if (why.kind == E_CONFLICT) {
        *e = why;
        return JOIN_FAILED;
    }
    if (tell)
        tell_queue(c, cli_str(answer.result, "queue_reason"), told);
    return JOIN_NOT_YET;
}

/* A request to cancel that cannot be sent is sent again. */
static void cancel(struct cli *c, const char *run)
{
    AUTO_ANSWER struct client_answer answer = {0};
    struct err why = {0};
    if (interrupted && cli_call_with(c, "run.cancel", "run", run, &answer, &why) == 0)
        interrupted = 0;
}

int session_join(struct cli *c, const char *run, const char *method, const char *params, bool may_cancel, int *fd,
                 struct err *e)
{
    const struct sigaction act = {.sa_handler = on_interrupt};
    struct sigaction former;
    char told[512] = "";
    int64_t began_us = time_mono_us(), there_us = began_us;
    enum joined done = JOIN_NOT_YET;
    *fd = -1;
    interrupted = 0;
    if (may_cancel)
        sigaction(SIGINT, &act, &former);
    while (done == JOIN_NOT_YET || done == JOIN_AWAY) {
        int64_t now_us = time_mono_us();
        done = try_join(c, run, method, params, now_us - began_us > TELL_US, told, fd, e);
        if (done == JOIN_AWAY && now_us - there_us > AWAY_US)
            done = (enum joined)err_set(e, E_UNAVAILABLE, "socket", NULL, "no lab answers at %s", c->socket_path);
        if (done == JOIN_NOT_YET) {
            there_us = now_us;
            cancel(c, run);
        }
        if (done == JOIN_NOT_YET || done == JOIN_AWAY)
            (void)poll(NULL, 0, AGAIN_MS);
    }
    if (may_cancel)
        sigaction(SIGINT, &former, NULL);
    return done == JOIN_FAILED ? -1 : 0;
}

/* ---- the terminal ---- */

enum { ESCAPE = 0x1d /* Ctrl-] */ };

struct session {
    int fd;
    bool escaped; /* the last key was ESCAPE */
    bool over;
    enum session_end end;
    bool resize;
    char frame[sizeof(struct attach_frame) + ATTACH_FRAME_BYTES]; /* typed, not sent yet */
    size_t frame_len;
};

static void finish(struct session *s, enum session_end end)
{
    s->over = true;
    s->end = end;
}

static bool send_packet(struct session *s, const void *p, size_t len)
{
    if (send(s->fd, p, len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        return true;
    if (errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
        finish(s, SESSION_ENDED);
    return false;
}

static void send_typed(struct session *s)
{
    if (s->frame_len > 0 && send_packet(s, s->frame, s->frame_len))
        s->frame_len = 0;
}

static void send_size(struct session *s)
{
    unsigned rows, cols;
    tty_size(&rows, &cols);
    const struct attach_frame f = {.type = ATTACH_RESIZE, .rows = (uint16_t)rows, .cols = (uint16_t)cols};
    s->resize = !send_packet(s, &f, sizeof f);
}

/* ESCAPE, then d: leave. ESCAPE twice: one of them is meant for the program. */
static void read_keys(struct session *s)
{
    char keys[ATTACH_FRAME_BYTES / 2];
    struct attach_frame head = {.type = ATTACH_INPUT};
    char *out = s->frame + sizeof head;
    ssize_t n = read(STDIN_FILENO, keys, sizeof keys);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        finish(s, SESSION_STOPPED); /* the terminal is gone */
        return;
    }
    for (ssize_t i = 0; i < n; i++) {
        if (s->escaped && (keys[i] == 'd' || keys[i] == 'D')) {
            finish(s, SESSION_DETACHED);
            break;
        }
        if (!s->escaped && keys[i] == ESCAPE) {
            s->escaped = true;
            continue;
        }
        if (s->escaped && keys[i] != ESCAPE)
            out[head.len++] = ESCAPE;
        s->escaped = false;
        out[head.len++] = keys[i];
    }
    if (head.len == 0)
        return;
    memcpy(s->frame, &head, sizeof head);
    s->frame_len = sizeof head + head.len;
    send_typed(s);
}

static void read_run(struct session *s)
{
    char packet[sizeof(struct attach_frame) + ATTACH_FRAME_BYTES + 1];
    struct attach_frame head;
    ssize_t n = recv(s->fd, packet, sizeof packet, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || !attach_is_frame(packet, (size_t)n, false, &head)) {
        finish(s, SESSION_ENDED);
        return;
    }
    if (head.type == ATTACH_TAKEN) {
        finish(s, SESSION_TAKEN);
        return;
    }
    tty_watch(packet + sizeof head, head.len);
    if (fd_write_all(STDOUT_FILENO, packet + sizeof head, head.len) < 0)
        finish(s, SESSION_STOPPED);
}

static void read_signal(struct session *s, int signals)
{
    struct signalfd_siginfo info;
    if (read(signals, &info, sizeof info) != (ssize_t)sizeof info)
        return;
    if (info.ssi_signo == SIGWINCH)
        s->resize = true;
    else
        finish(s, SESSION_STOPPED);
}

static int relay(struct session *s, int signals, struct err *e)
{
    while (!s->over) {
        if (s->resize)
            send_size(s);
        bool waits = s->frame_len > 0 || s->resize;
        struct pollfd p[] = {
            {.fd = signals, .events = POLLIN},
            {.fd = s->fd, .events = (short)(POLLIN | (waits ? POLLOUT : 0))},
            /* What is typed faster than the run takes it waits in the terminal. */
            {.fd = s->frame_len > 0 ? -1 : STDIN_FILENO, .events = POLLIN},
        };
        if (poll(p, 3, -1) < 0 && errno != EINTR)
            return err_sys(e, NULL, NULL, "poll");
        if (p[0].revents)
            read_signal(s, signals);
        if (p[1].revents & POLLOUT)
            send_typed(s);
        if (!s->over && (p[1].revents & (POLLIN | POLLHUP | POLLERR)))
            read_run(s);
        if (!s->over && p[2].revents)
            read_keys(s);
    }
    return 0;
}

int session_terminal(int fd, enum session_end *end, struct err *e)
{
    static const int mine[] = {SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP};
    struct session s = {.fd = fd, .resize = true};
    sigset_t set, former;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof mine / sizeof *mine; i++)
        sigaddset(&set, mine[i]);
    sigprocmask(SIG_BLOCK, &set, &former);
    AUTO_FD int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    int failed = signals < 0 ? err_sys(e, NULL, NULL, "signalfd") : tty_raw(e);
    if (!failed)
        failed = relay(&s, signals, e);
    tty_restore();
    sigprocmask(SIG_SETMASK, &former, NULL);
    *end = s.end;
    return failed;
}
