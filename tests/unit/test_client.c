/* test_client.c - a connection to a lab and a watch, against a small lab in a child process. */
#include "tests/unit/unit.h"

#include "api/client/client.h"
#include "api/client/watch.h"
#include "api/common/fd.h"
#include "api/common/frame.h"
#include "api/common/mem.h"
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

static char folder[256];
static char path[104];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "%s", unit_mkdtemp());
    snprintf(path, sizeof path, "%.90s/lab.sock", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unit_rmdir(folder);
    return 0;
}

/* ---- the lab: for each line, what `answer` says ---- */

typedef void answer_fn(int sock, int64_t id, const char *method, const struct json *params, int fd);

static int listen_here(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    unlink(path);
    if (bind(sock, (struct sockaddr *)&address, sizeof address) < 0 || listen(sock, 8) < 0)
        abort();
    return sock;
}

static void serve_one(int sock, answer_fn *answer)
{
    struct frame_reader in;
    struct err e = {0};
    int held = -1;
    char bytes[4096];

    frame_init(&in);
    for (;;) {
        int fds[1];
        size_t count = 1, len;
        ssize_t n = fd_recv(sock, bytes, sizeof bytes, fds, &count);
        if (n <= 0)
            break;
        if (count > 0)
            held = fds[0];
        if (frame_feed(&in, bytes, (size_t)n, &e) < 0)
            abort();
        for (char *line; (line = frame_next(&in, &len)) != NULL;) {
            struct json *root = json_parse(line, len, NULL, &e);
            answer(sock, json_int(json_get(root, "id"), 0), json_str(json_get(root, "method")),
                   json_get(root, "params"), held);
            json_free(root);
        }
    }
    close(sock);
    frame_fini(&in);
}

/* Serves `connections` of them one after the other, then goes. */
static pid_t start_lab(answer_fn *answer, int connections)
{
    int listener = listen_here();
    pid_t pid = fork();

    if (pid == 0) {
        alarm(20);
        while (connections-- > 0)
            serve_one(accept(listener, NULL, NULL), answer);
        _exit(0);
    }
    close(listener);
    return pid;
}

static void end_lab(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void say(int sock, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(int sock, const char *fmt, ...)
{
    char line[4096];
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    if (fd_write_all(sock, line, (size_t)n) < 0)
        abort();
}

static void plain(int sock, int64_t id, const char *method, const struct json *params, int fd)
{
    if (strcmp(method, "echo") == 0) {
        struct buf text = BUF_INIT(4096);
        json_print(params, false, &text);
        say(sock, "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":%s}\n", (long long)id,
            buf_cstr(&text));
        buf_fini(&text);
    } else if (strcmp(method, "refuse") == 0) {
        say(sock,
            "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"error\":{\"code\":-32003,\"message\":\"not that\","
            "\"data\":{\"kind\":\"conflict\",\"field\":\"x\",\"hint\":\"try y\"}}}\n",
            (long long)id);
    } else if (strcmp(method, "unknown") == 0) {
        say(sock,
            "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"error\":{\"code\":-32601,\"message\":\"no\"}}\n",
            (long long)id);
    } else if (strcmp(method, "file") == 0) {
        char got[64] = "";
        ssize_t n = pread(fd, got, sizeof got - 1, 0);
        say(sock, "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":{\"bytes\":%d,\"text\":\"%s\"}}\n",
            (long long)id, (int)n, got);
    } else if (strcmp(method, "long") == 0) {
        say(sock, "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":\"", (long long)id);
        for (int i = 0; i < 3 << 10; i++)
            say(sock, "%01000d%024d", 7, 7);
        say(sock, "\"}\n");
    } else if (strcmp(method, "later") == 0) {
        /* Answers of two calls in the other order, with a notification between them. */
        static int64_t first;
        if (first == 0) {
            first = id;
            return;
        }
        say(sock,
            "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":2}\n"
            "{\"jsonrpc\":\"2.0\",\"method\":\"hello\",\"params\":{\"n\":1}}\n"
            "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":1}\n"
            "{\"jsonrpc\":\"2.0\",\"method\":\"hello\",\"params\":{\"n\":2}}\n",
            (long long)id, (long long)first);
    } else if (strcmp(method, "garbage") == 0) {
        say(sock, "HTTP/1.1 400 Bad Request\n");
    } else {
        shutdown(sock, SHUT_RDWR);
    }
}

static struct client *connected(void)
{
    struct client *c = NULL;
    struct err e = {0};

    OK(client_open(path, &c, &e), e);
    return c;
}

static void test_no_lab_says_how_to_start_one(void **state)
{
    (void)state;
    struct client *c = NULL;
    struct err e;
    FAILS(client_open("/nonexistent/lab.sock", &c, &e), e, E_UNAVAILABLE);
    assert_string_equal(e.field, "socket");
    HAS(e.hint, "enclosd &");
    HAS(e.hint, "systemctl start enclosd");
    assert_int_equal(e.os_errno, 2);
    close(listen_here()); /* the file stays, nobody listens */
    FAILS(client_open(path, &c, &e), e, E_UNAVAILABLE);
}

static void test_a_call_gives_its_result(void **state)
{
    (void)state;
    pid_t lab = start_lab(plain, 1);
    AUTO_CLIENT struct client *c = connected();
    AUTO_ANSWER struct client_answer a = {0};
    struct err e = {0};
    OK(client_call(c, "echo", "{\"é\":[1,2]}", &a, &e), e);
    assert_int_equal(json_count(json_get(a.result, "é")), 2);
    end_lab(lab);
}

static void test_an_error_keeps_kind_field_and_hint(void **state)
{
    (void)state;
    pid_t lab = start_lab(plain, 1);
    AUTO_CLIENT struct client *c = connected();
    AUTO_ANSWER struct client_answer a = {0};
    struct err e;
    FAILS(client_call(c, "refuse", NULL, &a, &e), e, E_CONFLICT);
    assert_string_equal(e.message, "not that");
    assert_string_equal(e.field, "x");
    assert_string_equal(e.hint, "try y");
    FAILS(client_call(c, "unknown", NULL, &a, &e), e, E_NOT_FOUND);
    assert_false(client_is_lost(c));
    end_lab(lab);
}

static void test_a_descriptor_goes_with_its_request(void **state)
{
    (void)state;
    pid_t lab = start_lab(plain, 1);
    AUTO_CLIENT struct client *c = connected();
    AUTO_ANSWER struct client_answer a = {0};
    struct err e = {0};
    int64_t id;
    char name[300];
    snprintf(name, sizeof name, "%s/data", folder);
    FILE *f = fopen(name, "w+");
    assert_non_null(f);
    fputs("bytes", f);
    fflush(f);
    OK(client_send(c, "file", NULL, fileno(f), &id, &e), e);
    OK(client_wait(c, id, &a, &e), e);
    assert_string_equal(json_str(json_get(a.result, "text")), "bytes");
    fclose(f);
    end_lab(lab);
}

static void test_an_answer_longer_than_a_request_may_be(void **state)
{
    (void)state;
    pid_t lab = start_lab(plain, 1);
    AUTO_CLIENT struct client *c = connected();
    AUTO_ANSWER struct client_answer a = {0};
    struct err e = {0};
    OK(client_call(c, "long", NULL, &a, &e), e);
    assert_int_equal(strlen(json_str(a.result)), 3 << 20);
    end_lab(lab);
}

static void count_note(void *arg, const char *method, const struct json *params)
{
    int64_t *seen = arg;

    assert_string_equal(method, "hello");
    *seen = *seen * 10 + json_int(json_get(params, "n"), 0);
}

static void test_answers_in_any_order_and_notifications_in_theirs(void **state)
{
    (void)state;
    pid_t lab = start_lab(plain, 1);
    AUTO_CLIENT struct client *c = connected();
    AUTO_ANSWER struct client_answer a = {0};
    struct err e = {0};
    int64_t one, two, seen = 0;
    OK(client_send(c, "later", NULL, -1, &one, &e), e);
    OK(client_send(c, "later", NULL, -1, &two, &e), e);
    OK(client_wait(c, one, &a, &e), e);
    assert_int_equal(json_int(a.result, 0), 1);
    OK(client_wait(c, two, &a, &e), e);
    assert_int_equal(json_int(a.result, 0), 2);
    for (int i = 0; i < 100 && seen != 12; i++)
        OK(client_notes(c, 50, count_note, &seen, &e), e);
    assert_int_equal(seen, 12);
    end_lab(lab);
}

static void test_a_lab_that_goes_away_is_told_from_one_that_refuses(void **state)
{
    (void)state;
    pid_t lab = start_lab(plain, 2);
    struct client *c = connected();
    AUTO_ANSWER struct client_answer a = {0};
    struct err e;
    FAILS(client_call(c, "hang up", NULL, &a, &e), e, E_UNAVAILABLE);
    assert_true(client_is_lost(c));
    FAILS(client_call(c, "echo", NULL, &a, &e), e, E_UNAVAILABLE);
    client_close(c);
    c = connected();
    FAILS(client_call(c, "garbage", NULL, &a, &e), e, E_INVALID);
    assert_true(client_is_lost(c));
    HAS(e.message, "does not speak as a lab");
    client_close(c);
    end_lab(lab);
}

/* ---- watch ---- */

/* Gives frames 0, 20 and 40 of a log; hangs up after the second one the first time. */
static void restarting(int sock, int64_t id, const char *method, const struct json *params, int fd)
{
    static bool restarted;
    int64_t from = json_int(json_get(params, "from"), -1);

    (void)fd;
    if (strcmp(method, "run.watch") != 0)
        abort();
    say(sock, "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":{\"subscription\":9}}\n", (long long)id);
    for (int64_t number = from; number <= 40; number += 20) {
        say(sock,
            "{\"jsonrpc\":\"2.0\",\"method\":\"run.event\",\"params\":{\"subscription\":9,"
            "\"number\":%d,\"next\":%d,\"type\":\"stdout\",\"text\":\"%d\"}}\n",
            (int)number, (int)number + 20, (int)number);
        if (!restarted && number == 20) {
            restarted = true;
            shutdown(sock, SHUT_RDWR);
            return;
        }
    }
    say(sock, "{\"jsonrpc\":\"2.0\",\"method\":\"run.event\",\"params\":{\"subscription\":9,"
              "\"number\":60,\"type\":\"finished\",\"run\":{\"id\":\"r1\"}}}\n");
}

struct seen {
    char text[256];
};

static void on_event(void *arg, const struct json *params)
{
    struct seen *s = arg;
    const char *text = json_str(json_get(params, "text"));

    strcat(s->text, text ? text : json_str(json_get(params, "type")));
    strcat(s->text, " ");
}

static void on_lost(void *arg)
{
    strcat(((struct seen *)arg)->text, "(lost) ");
}

static void on_back(void *arg)
{
    strcat(((struct seen *)arg)->text, "(back) ");
}

static void test_a_watch_survives_a_restart_and_gives_each_event_once(void **state)
{
    (void)state;
    const struct watch_handler handler = {on_event, on_lost, on_back};
    struct seen seen = {""};
    struct err e = {0};
    pid_t lab = start_lab(restarting, 2);
    AUTO_WATCH struct watch *w = NULL;
    OK(watch_open(path, "r1", 0, &handler, &seen, &w, &e), e);
    for (int i = 0; i < 200 && !watch_is_done(w); i++) {
        struct pollfd p = {.fd = watch_fd(w), .events = POLLIN};
        int wait_ms = watch_wait_ms(w);
        poll(&p, 1, wait_ms < 0 ? 100 : wait_ms);
        OK(watch_step(w, &e), e);
    }
    assert_string_equal(seen.text, "0 20 (lost) (back) 40 finished ");
    end_lab(lab);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_no_lab_says_how_to_start_one, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_a_call_gives_its_result, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_an_error_keeps_kind_field_and_hint, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_a_descriptor_goes_with_its_request, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_an_answer_longer_than_a_request_may_be, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_answers_in_any_order_and_notifications_in_theirs,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_lab_that_goes_away_is_told_from_one_that_refuses,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_watch_survives_a_restart_and_gives_each_event_once,
                                        make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
