/* A local port's connections, each carried to another socket: whole, both ways, ends included. */
#include "tests/unit/unit.h"

#include "api/cli/tunnel.h"
#include "api/common/fd.h"
#include "api/common/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

enum { WAIT_US = 20 * 1000 * 1000 };

/* What the "inside" is here: one end of a pair for each connection. */
struct inside {
    int ends[TUNNEL_PAIRS + 8];
    size_t count;
    bool refuses;
};

static int connect_inside(void *arg)
{
    struct inside *in = arg;
    int pair[2];
    if (in->refuses || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -1;
    in->ends[in->count++] = pair[1];
    return pair[0];
}

static int connect_local(const struct tunnel *t)
{
    const struct sockaddr_in addr = {.sin_family = AF_INET,
                                     .sin_port = htons((uint16_t)tunnel_port(t)),
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&addr, sizeof addr), 0);
    return fd;
}

static void turn(struct tunnel *t, struct inside *in)
{
    struct pollfd p = {.fd = tunnel_fd(t), .events = POLLIN};
    if (poll(&p, 1, 10) > 0)
        tunnel_step(t, connect_inside, in);
}

static struct tunnel *opened(void)
{
    struct err e = {0};
    struct tunnel *t = NULL;
    OK(tunnel_open(0, &t, &e), e);
    return t;
}

static void turn_until_inside(struct tunnel *t, struct inside *in, size_t count)
{
    int64_t until = time_mono_us() + WAIT_US;
    while (in->count < count) {
        turn(t, in);
        assert_true(time_mono_us() < until);
    }
}

/* Sends `total` bytes on `from` and reads them on `to`, turning the tunnel meanwhile; then one side ends, and the other
 * one sees the end. Neither side is ever waited for alone. */
static void carry(struct tunnel *t, struct inside *in, int from, int to, size_t total)
{
    size_t sent = 0, got = 0;
    int64_t until = time_mono_us() + WAIT_US;
    bool ended = false;
    while (!ended) {
        char out[8192], back[8192];
        assert_true(time_mono_us() < until);
        size_t want = total - sent < sizeof out ? total - sent : sizeof out;
        for (size_t i = 0; i < want; i++)
            out[i] = (char)((sent + i) * 7 % 251);
        ssize_t n = want ? send(from, out, want, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
        assert_true(n >= 0 || errno == EAGAIN);
        sent += n > 0 ? (size_t)n : 0;
        if (want > 0 && sent == total)
            assert_int_equal(shutdown(from, SHUT_WR), 0);
        turn(t, in);
        n = recv(to, back, sizeof back, MSG_DONTWAIT);
        assert_true(n >= 0 || errno == EAGAIN);
        for (ssize_t i = 0; i < n; i++)
            if (back[i] != (char)((got + (size_t)i) * 7 % 251))
                fail_msg("byte %zu is another one", got + (size_t)i);
        got += n > 0 ? (size_t)n : 0;
        ended = n == 0;
    }
    assert_int_equal(got, total);
}

static void test_bytes_pass_whole_both_ways(void **state)
{
    (void)state;
    struct inside in = {.count = 0};
    AUTO_TUNNEL struct tunnel *t = opened();
    AUTO_FD int local = connect_local(t);
    turn_until_inside(t, &in, 1);
    AUTO_FD int remote = in.ends[0];
    carry(t, &in, local, remote, 3 << 20);
    carry(t, &in, remote, local, 5 << 20); /* the other way is still open */
}

static void test_a_reader_that_waits_holds_up_its_own_connection_only(void **state)
{
    (void)state;
    struct inside in = {.count = 0};
    AUTO_TUNNEL struct tunnel *t = opened();
    AUTO_FD int slow = connect_local(t);
    turn_until_inside(t, &in, 1);
    AUTO_FD int slow_end = in.ends[0];
    char block[65536] = {0};
    for (int i = 0; i < 400; i++) { /* nobody reads it inside */
        (void)!send(slow, block, sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL);
        turn(t, &in);
    }
    AUTO_FD int local = connect_local(t);
    turn_until_inside(t, &in, 2);
    AUTO_FD int remote = in.ends[1];
    carry(t, &in, local, remote, 1 << 20);
}

static void test_a_connection_that_is_refused_inside_is_closed_here(void **state)
{
    (void)state;
    struct inside in = {.refuses = true};
    AUTO_TUNNEL struct tunnel *t = opened();
    AUTO_FD int local = connect_local(t);
    char byte;
    int64_t until = time_mono_us() + WAIT_US;
    ssize_t n;
    do {
        turn(t, &in);
        n = recv(local, &byte, 1, MSG_DONTWAIT);
        assert_true(time_mono_us() < until);
    } while (n < 0 && errno == EAGAIN);
    assert_true(n <= 0);
}

static void test_more_than_can_be_carried_wait(void **state)
{
    (void)state;
    struct inside in = {.count = 0};
    AUTO_TUNNEL struct tunnel *t = opened();
    int local[TUNNEL_PAIRS + 1];
    for (size_t i = 0; i < TUNNEL_PAIRS; i++) {
        local[i] = connect_local(t);
        turn_until_inside(t, &in, i + 1);
    }
    local[TUNNEL_PAIRS] = connect_local(t);
    for (int i = 0; i < 20; i++)
        turn(t, &in);
    assert_int_equal(in.count, TUNNEL_PAIRS);
    close(local[0]);
    close(in.ends[0]);
    turn_until_inside(t, &in, TUNNEL_PAIRS + 1);
    carry(t, &in, local[TUNNEL_PAIRS], in.ends[TUNNEL_PAIRS], 100000);
    for (size_t i = 1; i <= TUNNEL_PAIRS; i++) {
        close(local[i]);
        close(in.ends[i]);
    }
}

static void test_a_port_that_is_taken_is_said(void **state)
{
    (void)state;
    struct err e = {0};
    AUTO_TUNNEL struct tunnel *t = opened();
    struct tunnel *second = NULL;
    assert_int_equal(tunnel_open(tunnel_port(t), &second, &e), -1);
    assert_int_equal(e.os_errno, EADDRINUSE);
    assert_null(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_pass_whole_both_ways),
        cmocka_unit_test(test_a_reader_that_waits_holds_up_its_own_connection_only),
        cmocka_unit_test(test_a_connection_that_is_refused_inside_is_closed_here),
        cmocka_unit_test(test_more_than_can_be_carried_wait),
        cmocka_unit_test(test_a_port_that_is_taken_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
