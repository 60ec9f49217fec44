/*
 * test_orphans.c - nothing that a monitor makes outlives it: the child behind an id map, and init.
 */
#include "tests/unit/unit.h"

#include "api/common/fault.h"
#include "runner/sandbox.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

enum { PATIENCE_MS = 20000 };

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* A killed monitor once left a child that waited for ever and held its locks: the run counted as alive. */
static void test_the_child_of_an_id_map_dies_with_its_monitor(void **state)
{
    int status, waited = 0;
    (void)state;
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0); /* who is left comes to us */
    pid_t monitor = fork();
    if (monitor == 0) {
        struct err e = {0};
        int ns = -1;
        fault_arm("idmap.child_waits", 1, FAULT_KILL);
        _exit(idmap_open(1, 1, 2, &ns, &e) < 0 ? 77 : 1);
    }
    assert_int_equal(waitpid(monitor, &status, 0), monitor);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip(); /* no user namespaces here */
    assert_true(WIFSIGNALED(status));
    pid_t child;
    while ((child = waitpid(-1, &status, WNOHANG)) == 0 && waited++ < PATIENCE_MS)
        pause_ms(1);
    assert_true(child > 0);
    assert_int_equal(waitpid(-1, &status, WNOHANG), -1);
    prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
}

static bool has_open(pid_t pid, const char *what)
{
    char path[64], link[128];
    bool found = false;
    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *d = opendir(path);
    assert_non_null(d);
    for (const struct dirent *entry; (entry = readdir(d));) {
        ssize_t n = readlinkat(dirfd(d), entry->d_name, link, sizeof link - 1);
        link[n > 0 ? n : 0] = '\0';
        found |= strcmp(link, what) == 0;
    }
    closedir(d);
    return found;
}

/* The end of file on the hand-over socket tells init that its monitor is gone: it must not hold the
 * monitor's end itself. The socket is filled first, so that init stands still at its first message. */
static void test_init_does_not_hold_its_monitor_s_end_of_the_socket(void **state)
{
    struct err e = {0};
    struct spec spec = {.run = "rtest",
                        .resources = {.work_bytes = 1 << 20, .tmp_bytes = 1 << 20, .output_bytes = 1 << 20, .output_files = 10}};
    struct profile profile = {.name = "test"};
    struct cg cg = {.kind = CG_NONE};
    int hand[2], pidfd = -1, waited = 0;
    char path[32], end[128];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, hand), 0);
    while (send(hand[1], "x", 1, MSG_DONTWAIT) == 1)
        ;
    struct sandbox s = {.spec = &spec, .profile = &profile, .cg = &cg, .setup = setup_map(&e),
                        .identity = {.rootless = geteuid() != 0}, .job_uid = geteuid() ? 0 : 700500, .init_uid = 699998,
                        .own_uid = geteuid(), .own_gid = getegid(), .proc_fd = open("/proc", O_PATH | O_DIRECTORY),
                        .idmap_fd = -1, .netns_fd = -1, .handover = hand[1], .handover_peer = hand[0]};
    snprintf(path, sizeof path, "/proc/self/fd/%d", hand[0]);
    ssize_t n = readlink(path, end, sizeof end - 1);
    end[n > 0 ? n : 0] = '\0';
    HAS(end, "socket:");
    pid_t init = sandbox_clone(&s, &pidfd, &e);
    while (init > 0 && !s.setup->done_ns[STEP_PIVOT_ROOT] && !s.setup->failed && waited++ < PATIENCE_MS)
        pause_ms(1);
    if (init < 0 || s.setup->failed) {
        print_message("no sandbox here: %s%s\n", e.message, s.setup->failed_message);
        skip();
    }
    assert_true(s.setup->done_ns[STEP_PIVOT_ROOT] != 0);
    bool held = has_open(init, end);
    kill(init, SIGKILL);
    waitpid(init, NULL, 0);
    assert_false(held);
    setup_unmap(s.setup);
    close(s.proc_fd);
    close(hand[0]);
    close(hand[1]);
    close(pidfd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_child_of_an_id_map_dies_with_its_monitor),
        cmocka_unit_test(test_init_does_not_hold_its_monitor_s_end_of_the_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
