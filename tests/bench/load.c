/*
 * load.c - clients of a socket that ask and wait, so many at once, none ahead of its answer.
 *
 *   load ask SOCKET CLIENTS SECONDS REQUEST   asks until the time is over; an answer ends with its first LF
 *   load idle SOCKET CLIENTS                  connects them, says "ready", keeps them until standard input ends
 *
 * REQUEST is sent as it is, with \r and \n as they are written there. `ask` prints "answers COUNT", "wall NS",
 * "p50 NS", "p99 NS", "p999 NS" of all requests after the first tenth of the time. In C with epoll, so that the driver takes
 * less of the machine than what it asks; the same one asks Enclos and Redis.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { SAMPLES_MAX = 8 << 20, READ_BYTES = 1 << 16 };

struct client {
    int fd;
    int64_t sent_ns;
};

static void fail(const char *what)
{
    perror(what);
    exit(2);
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int dial(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    strncpy(a.sun_path, path, sizeof a.sun_path - 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        fail("socket");
    while (connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
        if (errno != EAGAIN && errno != EINTR)
            fail("connect");
        else
            usleep(1000);
    return fd;
}

static size_t unescaped(const char *text, char *out)
{
    size_t n = 0;
    for (; *text; text++)
        if (text[0] == '\\' && (text[1] == 'n' || text[1] == 'r'))
            out[n++] = *++text == 'n' ? '\n' : '\r';
        else
            out[n++] = *text;
    return n;
}

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void ask(struct client *c, const char *request, size_t len)
{
    c->sent_ns = now_ns();
    if (send(c->fd, request, len, MSG_NOSIGNAL) != (ssize_t)len)
        fail("send");
}

/* True: the answer is whole. */
static bool answered(struct client *c, char *buffer, bool *said)
{
    ssize_t n = recv(c->fd, buffer, READ_BYTES, MSG_DONTWAIT);
    if (n == 0) {
        fprintf(stderr, "load: the connection was closed\n");
        exit(2);
    }
    if (n < 0) {
        if (errno == EAGAIN)
            return false;
        fail("recv");
    }
    if (!*said && (memmem(buffer, (size_t)n, "\"error\":{\"code\"", 15) || buffer[0] == '-')) {
        fprintf(stderr, "load: refused: %.*s\n", (int)(n < 300 ? n : 300), buffer);
        exit(2);
    }
    *said = true;
    return buffer[n - 1] == '\n';
}

static void ask_all(struct client *clients, int count, double seconds, const char *text)
{
    static char request[1 << 16], buffer[READ_BYTES];
    static int64_t took[SAMPLES_MAX];
    struct epoll_event events[64];
    size_t len = unescaped(text, request), samples = 0;
    int poll_fd = epoll_create1(EPOLL_CLOEXEC);
    bool said = false;
    for (int i = 0; i < count; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = &clients[i]};
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, clients[i].fd, &e);
    }
    int64_t from = now_ns(), counted = from + (int64_t)(seconds * 1e8), end = from + (int64_t)(seconds * 1.1e9), now = from;
    for (int i = 0; i < count; i++)
        ask(&clients[i], request, len);
    while (now < end && samples < SAMPLES_MAX) {
        int n = epoll_wait(poll_fd, events, 64, 1000);
        for (int i = 0; i < n; i++) {
            struct client *c = events[i].data.ptr;
            if (!answered(c, buffer, &said))
                continue;
            now = now_ns();
            if (now > counted && samples < SAMPLES_MAX)
                took[samples++] = now - c->sent_ns;
            ask(c, request, len);
        }
        if (n == 0) {
            fprintf(stderr, "load: nobody answered for a second\n");
            exit(2);
        }
    }
    if (samples == 0)
        exit(2);
    qsort(took, samples, sizeof *took, by_time);
    printf("answers %zu\nwall %lld\np50 %lld\np99 %lld\np999 %lld\n", samples, (long long)(now - counted),
           (long long)took[samples / 2], (long long)took[samples * 99 / 100], (long long)took[samples * 999 / 1000]);
}

int main(int argc, char **argv)
{
    if (argc < 4 || (strcmp(argv[1], "ask") == 0) != (argc == 6)) {
        fprintf(stderr, "usage: load ask SOCKET CLIENTS SECONDS REQUEST | load idle SOCKET CLIENTS\n");
        return 2;
    }
    int count = (int)strtol(argv[3], NULL, 10);
    struct rlimit files = {(rlim_t)count + 100, (rlim_t)count + 100};
    if (count > 900 && setrlimit(RLIMIT_NOFILE, &files) < 0)
        fail("setrlimit");
    struct client *clients = calloc((size_t)count, sizeof *clients);
    for (int i = 0; i < count; i++)
        clients[i].fd = dial(argv[2]);
    if (argc == 6) {
        ask_all(clients, count, atof(argv[4]), argv[5]);
        return 0;
    }
    puts("ready");
    fflush(stdout);
    char rest[256];
    while (read(STDIN_FILENO, rest, sizeof rest) > 0)
        ;
    return 0;
}
