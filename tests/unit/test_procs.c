/*
 * test_procs.c - usage of a tree of processes: whatever its shape, every process is seen.
 */
#include "tests/unit/unit.h"

#include "runner/procs.h"
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>

enum { MIB = 1 << 20 };

static int ready[2], hold[2];

/* Says that it is there, and stays until the test closes its end. */
_Noreturn static void stay(void)
{
    char byte = 1;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (write(ready[1], &byte, 1) == 1)
        (void)!read(hold[0], &byte, 1);
    _exit(0);
}

static void wait_for(int count)
{
    char byte;
    for (int i = 0; i < count; i++)
        assert_int_equal(read(ready[0], &byte, 1), 1);
}

static int setup(void **state)
{
    (void)state;
    return pipe(ready) || pipe(hold);
}

static int teardown(void **state)
{
    (void)state;
    close(ready[0]);
    close(ready[1]);
    close(hold[0]);
    return 0;
}

/* A run chose such a chain to overflow the stack of whoever followed it by recursion. */
static void test_a_long_chain_of_processes_is_counted_whole(void **state)
{
    enum { LONG = 400 };
    struct cg_usage u;
    (void)state;
    pid_t first = fork();
    if (first == 0) {
        close(hold[1]); /* the end of what `stay` waits for is the test's alone */
        for (int i = 1; i < LONG; i++)
            if (fork() != 0) {
                while (wait(NULL) > 0)
                    ;
                _exit(0);
            }
        stay();
    }
    wait_for(1);
    procs_usage(first, &u);
    assert_int_equal(u.processes, LONG);
    assert_true(u.memory_bytes > 0);
    close(hold[1]);
    assert_int_equal(waitpid(first, NULL, 0), first);
}

static void *fork_from_a_thread(void *unused)
{
    if (fork() == 0) {
        char *p = mmap(NULL, 64 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
            _exit(1);
        memset(p, 1, 64 * MIB);
        stay();
    }
    pause();
    return unused;
}

/* The kernel lists a child with the thread that forked it, not with the process. */
static void test_a_child_of_a_second_thread_is_counted(void **state)
{
    struct cg_usage u;
    (void)state;
    pid_t first = fork();
    if (first == 0) {
        close(hold[1]);
        pthread_t thread;
        if (pthread_create(&thread, NULL, fork_from_a_thread, NULL) == 0)
            pause();
        _exit(1);
    }
    wait_for(1);
    procs_usage(first, &u);
    assert_int_equal(u.processes, 3); /* two threads and the child */
    assert_true(u.memory_bytes >= 64 * MIB);
    close(hold[1]);
    kill(first, SIGKILL);
    assert_int_equal(waitpid(first, NULL, 0), first);
}

static void test_a_process_that_is_gone_uses_nothing(void **state)
{
    struct cg_usage u;
    (void)state;
    pid_t gone = fork();
    if (gone == 0)
        _exit(0);
    assert_int_equal(waitpid(gone, NULL, 0), gone);
    procs_usage(gone, &u);
    assert_int_equal(u.processes, 0);
    assert_int_equal(u.memory_bytes, 0);
    close(hold[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_long_chain_of_processes_is_counted_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_child_of_a_second_thread_is_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_process_that_is_gone_uses_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
