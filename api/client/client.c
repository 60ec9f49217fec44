/*
 * client.c - one connection to a lab; see client.h.
 *
 * Lines are cut from one growing buffer, parsed at once and parked: answers in a list searched by
 * id, notifications in a queue. The socket blocks for writing and never for reading.
 */
#include "api/client/client.h"
#include "api/common/buf.h"
#include "api/common/fd.h"
#include "api/common/frame.h"
#include "api/common/mem.h"
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { READ_BYTES = 128 << 10, CLIENT_FDS_MAX = 8 };

struct parked {
    struct parked *next;
    struct json *root;
    int64_t id; /* 0: a notification */
};

struct client {
    int fd;
    bool lost;
    int64_t next_id;
    struct buf in;
    size_t scanned; /* bytes of `in` known to hold no LF */
    struct parked *answers;
    struct parked *notes;
    struct parked **notes_end;
    int fds[CLIENT_FDS_MAX]; /* came with answers and were not taken yet, the oldest first */
    size_t fd_count;
};

static char *token; /* of client_use_token */

void client_use_token(const char *text)
{
    if (token)
        explicit_bzero(token, strlen(token));
    free(token);
    token = mem_strdup(text);
}

static int authenticate(struct client *c, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_BUF struct buf params = BUF_INIT(4096);
    struct jw w = jw_to(&params);
    jw_obj(&w);
    jw_str_at(&w, "token", token);
    jw_end_obj(&w);
    return client_call(c, "user.authenticate", buf_cstr(&params), &answer, e);
}

int client_open(const char *socket_path, struct client **out, struct err *e)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(socket_path) >= sizeof address.sun_path)
        return err_set(e, E_INVALID, "socket", "choose a shorter path",
                       "the socket path is longer than %zu bytes: %s", sizeof address.sun_path - 1,
                       socket_path);
    strcpy(address.sun_path, socket_path);
    AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_sys(e, "socket", NULL, "cannot make a socket");
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        if (errno != ENOENT && errno != ECONNREFUSED && errno != EAGAIN)
            return err_sys(e, "socket", "ask the lab's administrator for access to its socket",
                           "cannot connect to the lab at %s", socket_path);
        int cause = errno;
        (void)err_set(e, E_UNAVAILABLE, "socket",
                      "start a private lab with `enclosd &`, or the machine's with "
                      "`systemctl start enclosd`",
                      "no lab answers at %s", socket_path);
        e->os_errno = cause;
        return -1;
    }
    struct client *c = mem_alloc(sizeof *c);
    c->fd = fd_take(&fd);
    c->next_id = 1;
    buf_init(&c->in, CLIENT_ANSWER_MAX_BYTES);
    c->notes_end = &c->notes;
    if (token && authenticate(c, e) < 0) {
        client_close(c);
        return -1;
    }
    *out = c;
    return 0;
}

static void parked_free(struct parked *p)
{
    while (p) {
        struct parked *next = p->next;
        json_free(p->root);
        free(p);
        p = next;
    }
}

void client_close(struct client *c)
{
    if (!c)
        return;
    fd_close_at(&c->fd);
    while (c->fd_count > 0)
        close(c->fds[--c->fd_count]);
    buf_fini(&c->in);
    parked_free(c->answers);
    parked_free(c->notes);
    free(c);
}

void client_close_at(struct client **c)
{
    client_close(*c);
    *c = NULL;
}

int client_fd(const struct client *c)
{
    return c->fd;
}

bool client_is_lost(const struct client *c)
{
    return c->lost;
}

void client_answer_fini(struct client_answer *a)
{
    json_free(a->root);
    *a = (struct client_answer){0};
}

static int gone(struct client *c, struct err *e)
{
    c->lost = true;
    return err_set(e, E_UNAVAILABLE, "socket", "see the log of enclosd, then try again",
                   "the lab closed the connection");
}

int client_send(struct client *c, const char *method, const char *params, int fd, int64_t *id,
                struct err *e)
{
    AUTO_BUF struct buf line = BUF_INIT(FRAME_MAX_BYTES);
    struct jw w = jw_to(&line);

    if (c->lost)
        return gone(c, e);
    jw_obj(&w);
    jw_str_at(&w, "jsonrpc", "2.0");
    jw_int_at(&w, "id", c->next_id);
    jw_str_at(&w, "method", method);
    if (params)
        jw_raw_at(&w, "params", params, strlen(params));
    jw_end_obj(&w);
    buf_add_char(&line, '\n');
    if (line.failed)
        return err_set(e, E_LIMIT, "params", "send it in smaller parts",
                       "a request to %s is longer than %d bytes", method, FRAME_MAX_BYTES);
    for (size_t sent = 0; sent < line.len;) {
        bool with_fd = sent == 0 && fd >= 0;
        ssize_t n = fd_send(c->fd, line.data + sent, line.len - sent, &fd, with_fd ? 1 : 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return gone(c, e);
        sent += (size_t)n;
    }
    *id = c->next_id++;
    return 0;
}

/* Parses one line and parks it. */
static int park(struct client *c, const char *line, size_t len, struct err *e)
{
    const struct json_limits limits = {.max_bytes = CLIENT_ANSWER_MAX_BYTES, .max_depth = 64};
    AUTO_JSON struct json *root = json_parse(line, len, &limits, e);

    if (!root) {
        c->lost = true;
        return err_context(e, "what answers on the socket does not speak as a lab");
    }
    const struct json *id = json_get(root, "id");
    if (!id && json_str(json_get(root, "method"))) {
        struct parked *p = mem_alloc(sizeof *p);
        p->root = ptr_take(&root);
        *c->notes_end = p;
        c->notes_end = &p->next;
        return 0;
    }
    /* An error whose id is null answers a line that the lab could not read: it is for whoever
     * waits, since requests go out one whole line at a time. */
    struct parked *p = mem_alloc(sizeof *p);
    p->root = ptr_take(&root);
    p->id = json_int(id, -1);
    p->next = c->answers;
    c->answers = p;
    return 0;
}

static int park_lines(struct client *c, struct err *e)
{
    size_t start = 0;
    char *lf;

    while ((lf = memchr(c->in.data + c->scanned, '\n', c->in.len - c->scanned)) != NULL) {
        size_t end = (size_t)(lf - c->in.data);
        if (end > start && park(c, c->in.data + start, end - start, e) < 0)
            return -1;
        start = c->scanned = end + 1;
    }
    buf_consume(&c->in, start);
    c->scanned = c->in.len;
    return 0;
}

/* Waits for bytes and parks the lines they end. 1: bytes came, 0: none in time. */
static int read_more(struct client *c, int timeout_ms, struct err *e)
{
    struct pollfd p = {.fd = c->fd, .events = POLLIN};

    if (c->lost)
        return gone(c, e);
    int ready = poll(&p, 1, timeout_ms);
    if (ready < 0 && errno != EINTR)
        return err_sys(e, "socket", NULL, "cannot wait for the lab");
    if (ready <= 0)
        return 0;
    char *room = buf_reserve(&c->in, READ_BYTES);
    if (!room) {
        c->lost = true;
        return err_set(e, E_LIMIT, "socket", "ask for less at a time",
                       "the lab's answer is longer than %d MiB", CLIENT_ANSWER_MAX_BYTES >> 20);
    }
    int fds[CLIENT_FDS_MAX];
    size_t fd_count = CLIENT_FDS_MAX - c->fd_count;
    ssize_t n = fd_recv(c->fd, room, READ_BYTES, fds, &fd_count); /* something is there: poll said so */
    for (size_t i = 0; n >= 0 && i < fd_count; i++)
        c->fds[c->fd_count++] = fds[i];
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    if (n <= 0)
        return gone(c, e);
    c->in.len += (size_t)n;
    return park_lines(c, e) < 0 ? -1 : 1;
}

static struct parked *take_answer(struct client *c, int64_t id)
{
    for (struct parked **at = &c->answers; *at; at = &(*at)->next)
        if ((*at)->id == id || (*at)->id < 0) {
            struct parked *found = *at;
            *at = found->next;
            return found;
        }
    return NULL;
}

/* The protocol's own codes, for an error that has no data.kind. */
static enum err_kind kind_of_code(int64_t code)
{
    switch (code) {
    case -32601: return E_NOT_FOUND;
    case -32700:
    case -32600:
    case -32602: return E_INVALID;
    default: return E_INTERNAL;
    }
}

static int refuse(const struct json *error, struct err *e)
{
    const struct json *data = json_get(error, "data");
    const char *kind = json_str(json_get(data, "kind"));
    const char *message = json_str(json_get(error, "message"));
    int64_t code = json_int(json_get(error, "code"), 0);

    return err_set(e, kind ? err_kind_of(kind) : kind_of_code(code),
                   json_str(json_get(data, "field")), json_str(json_get(data, "hint")), "%s",
                   message ? message : "the lab refused without saying why");
}

int client_wait(struct client *c, int64_t id, struct client_answer *out, struct err *e)
{
    struct parked *p;

    client_answer_fini(out);
    while (!(p = take_answer(c, id)))
        if (read_more(c, -1, e) < 0)
            return -1;
    struct client_answer answer = {.root = p->root};
    free(p);
    const struct json *error = json_get(answer.root, "error");
    answer.result = json_get(answer.root, "result");
    if (error || !answer.result) {
        int failed = error ? refuse(error, e)
                           : err_set(e, E_INTERNAL, "socket", NULL,
                                     "an answer of the lab has neither result nor error");
        client_answer_fini(&answer);
        return failed;
    }
    *out = answer;
    return 0;
}

int client_take_fd(struct client *c)
{
    if (c->fd_count == 0)
        return -1;
    int fd = c->fds[0];
    memmove(c->fds, c->fds + 1, --c->fd_count * sizeof *c->fds);
    return fd;
}

int client_call(struct client *c, const char *method, const char *params, struct client_answer *out,
                struct err *e)
{
    int64_t id;

    if (client_send(c, method, params, -1, &id, e) < 0)
        return -1;
    return client_wait(c, id, out, e);
}

int client_notes(struct client *c, int timeout_ms, client_note_fn *note, void *arg, struct err *e)
{
    struct err trouble = {0};
    int got = read_more(c, c->notes ? 0 : timeout_ms, &trouble);

    /* What came before the end of the connection is given before the end is told. */
    while (c->notes) {
        struct parked *p = c->notes;
        c->notes = p->next;
        if (!c->notes)
            c->notes_end = &c->notes;
        note(arg, json_str(json_get(p->root, "method")), json_get(p->root, "params"));
        p->next = NULL;
        parked_free(p);
    }
    if (got < 0) {
        *e = trouble;
        return -1;
    }
    return 0;
}
