/* The monitor's end of a terminal, on a pair of this machine: copies, bounds, who has it. */
#include "tests/unit/unit.h"

#include "api/common/attach.h"
#include "api/common/fd.h"
#include "api/common/text.h"
#include "runner/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>

enum { PTY = 7, CLIENT = 8, WAIT_US = 20 * 1000 * 1000 };

struct fixture {
    char folder[64];
    int folder_fd, epoll_fd, slave;
    struct journal journal;
    struct terminal t;
};

static int open_fixture(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct err e = {0};
    int unlocked = 0;
    struct termios raw;
    strcpy(f->folder, "/tmp/enclos-unit-terminal-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    f->folder_fd = open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    f->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    OK(journal_open(&f->journal, f->folder_fd, 1 << 20, false, &e), e);
    int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    assert_true(master >= 0);
    assert_int_equal(ioctl(master, TIOCSPTLCK, &unlocked), 0);
    f->slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(f->slave >= 0);
    assert_int_equal(tcgetattr(f->slave, &raw), 0);
    cfmakeraw(&raw);
    assert_int_equal(tcsetattr(f->slave, TCSANOW, &raw), 0);
    terminal_init(&f->t, &f->journal, f->epoll_fd, PTY, CLIENT);
    assert_int_equal(terminal_take(&f->t, master), 0);
    *state = f;
    return 0;
}

static int close_fixture(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    terminal_fini(&f->t);
    fd_close_at(&f->slave);
    (void)!journal_finish(&f->journal, &e);
    fd_close_at(&f->epoll_fd);
    (void)!unlinkat(f->folder_fd, "log", 0);
    fd_close_at(&f->folder_fd);
    rmdir(f->folder);
    free(f);
    return 0;
}

static void turn(struct fixture *f)
{
    struct epoll_event events[8];
    int n = epoll_wait(f->epoll_fd, events, 8, 10);
    for (int i = 0; i < n; i++)
        terminal_step(&f->t, events[i].data.u32, events[i].events);
}

static int join(struct fixture *f, unsigned rows, unsigned cols)
{
    int client = -1;
    assert_int_equal(terminal_join(&f->t, rows, cols, &client), 0);
    return client;
}

static void send_frame(int client, unsigned type, const char *bytes)
{
    char packet[9000];
    const struct attach_frame head = {.type = (uint16_t)type, .len = (uint16_t)strlen(bytes)};
    memcpy(packet, &head, sizeof head);
    memcpy(packet + sizeof head, bytes, head.len);
    assert_int_equal(send(client, packet, sizeof head + head.len, MSG_NOSIGNAL), sizeof head + head.len);
}

/* Appends what a client is shown; the type of the frame, 0: none, -1: the end. */
static int read_frame(int client, char *out, size_t size)
{
    char packet[9000];
    struct attach_frame head;
    ssize_t n = recv(client, packet, sizeof packet, MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN ? 0 : -1;
    if (n == 0)
        return -1;
    assert_true(attach_is_frame(packet, (size_t)n, false, &head));
    if (head.type == ATTACH_OUTPUT)
        snprintf(out + strlen(out), size - strlen(out), "%.*s", head.len, packet + sizeof head);
    return head.type;
}

static void until_shown(struct fixture *f, int client, const char *text)
{
    char shown[70000] = "";
    int64_t until = time_mono_us() + WAIT_US;
    while (!strstr(shown, text)) {
        turn(f);
        assert_true(read_frame(client, shown, sizeof shown) >= 0);
        if (time_mono_us() > until)
            fail_msg("%s is not in %.2000s", text, shown);
    }
}

static void test_what_is_typed_and_shown_passes(void **state)
{
    struct fixture *f = *state;
    AUTO_FD int client = join(f, 24, 80);
    char typed[64] = "";
    int64_t until = time_mono_us() + WAIT_US;
    send_frame(client, ATTACH_INPUT, "typed");
    while (strlen(typed) < 5) {
        turn(f);
        fcntl(f->slave, F_SETFL, O_NONBLOCK);
        ssize_t n = read(f->slave, typed + strlen(typed), sizeof typed - strlen(typed) - 1);
        assert_true(n >= 0 || errno == EAGAIN);
        assert_true(time_mono_us() < until);
    }
    assert_string_equal(typed, "typed");
    assert_int_equal(write(f->slave, "shown", 5), 5);
    until_shown(f, client, "shown");
    assert_int_equal(f->journal.kept_bytes, 5);
}

static void test_the_size_is_the_last_that_was_said(void **state)
{
    struct fixture *f = *state;
    struct winsize size;
    AUTO_FD int client = join(f, 24, 80);
    assert_int_equal(ioctl(f->slave, TIOCGWINSZ, &size), 0);
    assert_int_equal(size.ws_row * 1000 + size.ws_col, 24080);
    const struct attach_frame frame = {.type = ATTACH_RESIZE, .rows = 50, .cols = 132};
    assert_int_equal(send(client, &frame, sizeof frame, 0), sizeof frame);
    int64_t until = time_mono_us() + WAIT_US;
    do {
        turn(f);
        assert_int_equal(ioctl(f->slave, TIOCGWINSZ, &size), 0);
        assert_true(time_mono_us() < until);
    } while (size.ws_col != 132);
    assert_int_equal(size.ws_row, 50);
}

static void test_the_former_client_is_told_and_the_new_one_sees_the_last(void **state)
{
    struct fixture *f = *state;
    char ignored[9000] = "";
    AUTO_FD int first = join(f, 24, 80);
    assert_int_equal(write(f->slave, "before", 6), 6);
    until_shown(f, first, "before");
    AUTO_FD int second = join(f, 24, 80);
    int type;
    while ((type = read_frame(first, ignored, sizeof ignored)) == ATTACH_OUTPUT)
        ;
    assert_int_equal(type, ATTACH_TAKEN);
    assert_int_equal(read_frame(first, ignored, sizeof ignored), -1);
    until_shown(f, second, "before");
}

static void test_only_the_last_is_kept_from_a_whole_line_on(void **state)
{
    struct fixture *f = *state;
    char line[64];
    for (int i = 0; i < 5000; i++) {
        snprintf(line, sizeof line, "line %d of many\n", i);
        assert_int_equal(write(f->slave, line, strlen(line)), strlen(line));
        turn(f);
    }
    for (int i = 0; i < 50; i++)
        turn(f);
    AUTO_FD int client = join(f, 24, 80);
    char shown[70000] = "";
    while (read_frame(client, shown, sizeof shown) > 0)
        ;
    assert_true(strlen(shown) > TERMINAL_KEPT_BYTES - 200 && strlen(shown) <= TERMINAL_KEPT_BYTES);
    assert_memory_equal(shown, "line ", 5);
    HAS(shown, "line 4999 of many\n");
}

static void test_a_client_that_does_not_read_holds_a_frame_and_no_more(void **state)
{
    struct fixture *f = *state;
    char block[4096];
    memset(block, 'x', sizeof block);
    AUTO_FD int client = join(f, 24, 80);
    fcntl(f->slave, F_SETFL, O_NONBLOCK);
    int refused = 0;
    int64_t until = time_mono_us() + WAIT_US;
    /* The socket fills, then the program is made to wait: its writes are not taken. */
    while (refused < 200) {
        refused = write(f->slave, block, sizeof block) < 0 ? refused + 1 : 0;
        turn(f);
        assert_true(time_mono_us() < until);
    }
    assert_true(f->t.out_len > 0 && f->t.out_len <= sizeof f->t.out);
    int64_t kept = f->journal.kept_bytes;
    turn(f);
    assert_int_equal(f->journal.kept_bytes, kept);
    /* It goes away: the program goes on, into the log alone. */
    fd_close_at(&client);
    until = time_mono_us() + WAIT_US;
    while (f->journal.kept_bytes <= kept) {
        turn(f);
        assert_true(time_mono_us() < until);
    }
}

static void test_what_is_no_frame_ends_that_client(void **state)
{
    struct fixture *f = *state;
    char ignored[9000] = "";
    AUTO_FD int client = join(f, 24, 80);
    assert_int_equal(send(client, "rubbish", 7, 0), 7);
    int64_t until = time_mono_us() + WAIT_US;
    while (f->t.client >= 0) {
        turn(f);
        assert_true(time_mono_us() < until);
    }
    assert_int_equal(read_frame(client, ignored, sizeof ignored), -1);
    AUTO_FD int next = join(f, 24, 80);
    assert_int_equal(write(f->slave, "alive", 5), 5);
    until_shown(f, next, "alive");
}

static void test_a_terminal_that_everybody_closed_may_be_opened_again(void **state)
{
    struct fixture *f = *state;
    AUTO_FD int client = join(f, 24, 80);
    char path[64];
    int number = -1;
    assert_int_equal(ioctl(f->t.pty, TIOCGPTN, &number), 0);
    snprintf(path, sizeof path, "/dev/pts/%d", number);
    fd_close_at(&f->slave);
    int64_t until = time_mono_us() + WAIT_US;
    while (!f->t.hung_up) {
        turn(f);
        assert_true(time_mono_us() < until);
    }
    f->slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(f->slave >= 0);
    assert_int_equal(write(f->slave, "again", 5), 5);
    terminal_tick(&f->t);
    until_shown(f, client, "again");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_typed_and_shown_passes),
        TEST(test_the_size_is_the_last_that_was_said),
        TEST(test_the_former_client_is_told_and_the_new_one_sees_the_last),
        TEST(test_only_the_last_is_kept_from_a_whole_line_on),
        TEST(test_a_client_that_does_not_read_holds_a_frame_and_no_more),
        TEST(test_what_is_no_frame_ends_that_client),
        TEST(test_a_terminal_that_everybody_closed_may_be_opened_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
