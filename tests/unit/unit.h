/*
 * unit.h - what every unit test includes first: cmocka with what it wants before it, and a few
 * helpers that say more when they fail.
 */
#ifndef ENCLOS_TESTS_UNIT_H
#define ENCLOS_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/common/err.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A call that must pass, with its error shown otherwise: OK(fd_mkdirs(path, 0700, &e), e). */
#define OK(call, e)                                                                                \
    do {                                                                                           \
        if ((call) != 0)                                                                           \
            fail_msg("%s: %s (%s)", #call, (e).message, err_kind_name((e).kind));                  \
    } while (0)

/* A call that must fail with this kind. The error is left for more questions. */
#define FAILS(call, e, wanted)                                                                     \
    do {                                                                                           \
        (e) = (struct err){0};                                                                     \
        if ((call) == 0)                                                                           \
            fail_msg("%s passed", #call);                                                          \
        if ((e).kind != (wanted))                                                                  \
            fail_msg("%s: kind %s, wanted %s (%s)", #call, err_kind_name((e).kind),                \
                     err_kind_name(wanted), (e).message);                                          \
    } while (0)

#define HAS(text, part)                                                                            \
    do {                                                                                           \
        if (!strstr((text), (part)))                                                               \
            fail_msg("\"%s\" is not in \"%s\"", (part), (text));                                   \
    } while (0)

/* Runs the call in a child; true when it died of SIGABRT. */
#define ABORTS(call)                                                                               \
    __extension__({                                                                                \
        fflush(NULL);                                                                              \
        pid_t unit_pid = fork();                                                                   \
        if (unit_pid == 0) {                                                                       \
            struct rlimit unit_core = {0, 0};                                                      \
            setrlimit(RLIMIT_CORE, &unit_core);                                                    \
            signal(SIGABRT, SIG_DFL);                                                              \
            if (!freopen("/dev/null", "w", stderr))                                                \
                _exit(2);                                                                          \
            (void)(call);                                                                          \
            _exit(0);                                                                              \
        }                                                                                          \
        int unit_status = 0;                                                                       \
        waitpid(unit_pid, &unit_status, 0);                                                        \
        WIFSIGNALED(unit_status) && WTERMSIG(unit_status) == SIGABRT;                              \
    })

/* A fresh folder under $TMPDIR; unit_rmdir removes it with what it holds (with rm, so that tests of
 * our own removal do not clean up after themselves). */
static inline char *unit_mkdtemp(void)
{
    const char *tmp = getenv("TMPDIR");
    static char path[256];

    snprintf(path, sizeof path, "%s/enclos-unit-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(path));
    return path;
}

static inline void unit_rmdir(const char *path)
{
    pid_t pid = fork();

    if (pid == 0) {
        execl("/bin/rm", "rm", "-rf", path, (char *)NULL);
        _exit(127);
    }
    waitpid(pid, NULL, 0);
}

#endif
