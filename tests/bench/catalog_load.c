/*
 * catalog_load.c - many clients of a lab at once, for scripts/bench: what each call takes, told as JSON.
 *
 *     catalog_load SOCKET CLIENTS SECONDS PERIOD_MS < REQUESTS
 *
 * REQUESTS: lines "KIND JSON-RPC-REQUEST". Each client asks one of them by chance, waits for
 * the answer, and asks the next PERIOD_MS after it asked the last one (jittered by half): as people who look at
 * pages do. PERIOD_MS 0: at once, and each request once in all, in order. An answer with an error ends it.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { KINDS_MAX = 32, ANSWER_MAX = 2 << 20, LINE_MAX_BYTES = 1 << 16 };

struct request {
    int kind;
    char *text; /* with its line feed */
    size_t len;
};
struct client {
    int fd;
    bool waiting;
    int kind;
    int64_t asked_us, next_us;
    char last; /* the last byte that came */
    char head[64]; /* of the answer: enough to tell an error */
    size_t head_len;
};
struct times {
    double *ms;
    size_t count, room;
    size_t bytes;
};

static char kinds[KINDS_MAX][32];
static struct times times[KINDS_MAX];
static int kind_count;
static struct request *requests;
static size_t request_count, next_request;

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int kind_of(const char *name)
{
    for (int i = 0; i < kind_count; i++)
        if (!strcmp(kinds[i], name))
            return i;
    if (kind_count == KINDS_MAX)
        exit(2);
    snprintf(kinds[kind_count], sizeof kinds[0], "%.31s", name);
    return kind_count++;
}

static void read_requests(void)
{
    static char line[LINE_MAX_BYTES];
    size_t room = 0;
    while (fgets(line, sizeof line, stdin)) {
        char *space = strchr(line, ' ');
        if (!space)
            continue;
        *space = 0;
        if (request_count == room)
            requests = realloc(requests, (room = room ? 2 * room : 64) * sizeof *requests);
        char *text = strdup(space + 1);
        requests[request_count++] = (struct request){kind_of(line), text, strlen(text)};
    }
}

static void note(int kind, double ms)
{
    struct times *t = &times[kind];
    if (t->count == t->room)
        t->ms = realloc(t->ms, (t->room = t->room ? 2 * t->room : 1024) * sizeof *t->ms);
    t->ms[t->count++] = ms;
}

static void ask(struct client *c, bool in_order)
{
    const struct request *r = &requests[in_order ? next_request++ : (size_t)rand() % request_count];
    c->kind = r->kind;
    c->asked_us = now_us();
    c->waiting = true;
    c->head_len = 0;
    if (send(c->fd, r->text, r->len, MSG_NOSIGNAL) != (ssize_t)r->len)
        die("send");
}

/* True when the answer is complete. */
static bool take(struct client *c)
{
    static char buffer[ANSWER_MAX];
    ssize_t n = recv(c->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return false;
    if (n <= 0)
        die("the lab closed a connection");
    times[c->kind].bytes += (size_t)n;
    size_t more = sizeof c->head - 1 - c->head_len;
    more = more < (size_t)n ? more : (size_t)n;
    memcpy(c->head + c->head_len, buffer, more);
    c->head_len += more;
    c->head[c->head_len] = 0;
    if (buffer[n - 1] != '\n')
        return false;
    if (!strstr(c->head, "\"result\"")) {
        fprintf(stderr, "catalog_load: %s: %.400s\n", kinds[c->kind], buffer);
        exit(1);
    }
    note(c->kind, (double)(now_us() - c->asked_us) / 1000);
    c->waiting = false;
    return true;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void tell(int64_t took_us)
{
    printf("{\"seconds\":%.3f,\"kinds\":{", (double)took_us / 1e6);
    for (int k = 0; k < kind_count; k++) {
        struct times *t = &times[k];
        qsort(t->ms, t->count, sizeof *t->ms, by_size);
        size_t n = t->count ? t->count : 1;
        printf("%s\"%s\":{\"count\":%zu,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,\"bytes\":%zu}", k ? "," : "", kinds[k],
               t->count, t->count ? t->ms[t->count / 2] : 0, t->count ? t->ms[t->count * 99 / 100] : 0,
               t->count ? t->ms[t->count - 1] : 0, t->bytes / n);
    }
    printf("}}\n");
}

int main(int argc, char **argv)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct epoll_event events[64];
    if (argc != 5)
        return 2;
    size_t count = strtoul(argv[2], NULL, 10), open_calls = 0;
    int64_t period_us = atoll(argv[4]) * 1000;
    bool once = period_us == 0;
    snprintf(address.sun_path, sizeof address.sun_path, "%s", argv[1]);
    read_requests();
    if (!request_count)
        return 2;
    int poller = epoll_create1(0);
    struct client *clients = calloc(count, sizeof *clients);
    srand(1);
    for (size_t i = 0; i < count; i++) {
        struct client *c = &clients[i];
        c->fd = socket(AF_UNIX, SOCK_STREAM, 0);
        while (connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0)
            if (errno != EAGAIN)
                die("connect");
        struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &ev);
    }
    int64_t began = now_us(), until = began + atoll(argv[3]) * 1000000;
    for (size_t i = 0; i < count; i++)
        clients[i].next_us = once ? began : began + (int64_t)((uint64_t)rand() % (uint64_t)period_us);
    for (;;) {
        int64_t now = now_us(), soonest = now + 1000000;
        bool over = now >= until || (once && next_request >= request_count);
        for (size_t i = 0; i < count && !over; i++) {
            struct client *c = &clients[i];
            if (c->waiting)
                continue;
            if (c->next_us <= now && !(once && next_request >= request_count)) {
                ask(c, once);
                open_calls++;
                c->next_us = once ? 0 : c->next_us + period_us / 2 + (int64_t)((uint64_t)rand() % (uint64_t)period_us);
            }
            if (!c->waiting && c->next_us < soonest)
                soonest = c->next_us;
        }
        if (over && open_calls == 0)
            break;
        int64_t wait_ms = (soonest - now_us() + 999) / 1000;
        int n = epoll_wait(poller, events, 64, over ? 1000 : wait_ms > 0 ? (int)wait_ms : 0);
        for (int i = 0; i < n; i++)
            open_calls -= take(events[i].data.ptr);
    }
    tell(now_us() - began);
    return 0;
}
