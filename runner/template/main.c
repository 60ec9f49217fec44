/*
 * main.c - what a template does from its start to its end.
 *
 * The dynamic linker gives us the call by which the interpreter's own main would be started. Being main
 * ourselves, no frame of ours stands below the program's: what it sees of its stack is what it
 * would see anyway.
 *
 * One process, one thread, no input but the control socket, which it never reads itself: a forked spare
 * does, and is replaced when it has taken a request.
 */
#include "runner/template/template.h"

#include "api/common/fd.h"
#include "runner/warm.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef int main_fn(int, char **, char **);
int __libc_start_main(main_fn *main, int argc, char **argv, void (*init)(void), void (*fini)(void),
                      void (*rtld_fini)(void), void *stack_end) __attribute__((visibility("default")));

static int tell(enum warm_word word, const char *text)
{
    struct warm_packet p = {.magic = WARM_MAGIC, .word = word};
    snprintf(p.text, sizeof p.text, "%s", text);
    return fd_send(WARM_CONTROL_FD, &p, sizeof p, NULL, 0) == sizeof p ? 0 : -1;
}

_Noreturn static void give_up(const char *why)
{
    tell(WARM_FAILED, why);
    _exit(1);
}

/* Descriptors of the template are closed in a job: what a package keeps open would be missing there. */
static int open_descriptor(void)
{
    for (int fd = WARM_CONTROL_FD + 1; fd < 4096; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            return fd;
    return -1;
}

/* Only the thread that forks goes on in a child. A thread pool that ends by its own fork handlers (OpenBLAS)
 * has ended by the first fork; what still runs then would be missing in a job. */
static bool has_one_thread(void)
{
    return unshare(CLONE_THREAD) == 0; /* EINVAL with several */
}

static void try_fork(void)
{
    int status;
    pid_t pid = python_fork();
    if (pid == 0)
        _exit(0);
    if (pid < 0)
        give_up("cannot fork");
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
}

static int template_python_main(int argc, char **argv, char **envp)
{
    char why[200] = "";
    (void)envp;
    unsetenv("LD_PRELOAD");
    if (python_start(argv[0], why, sizeof why) < 0)
        give_up(why);
    for (int i = 1; i < argc; i++)
        if (python_import(argv[i], why, sizeof why) < 0)
            give_up(why);
    if (python_settle(why, sizeof why) < 0)
        give_up(why);
    try_fork();
    int left = open_descriptor();
    if (left >= 0) {
        snprintf(why, sizeof why, "a preloaded package keeps descriptor %d open", left);
        give_up(why);
    }
    if (!has_one_thread())
        give_up("a preloaded package keeps a thread running");
    if (tell(WARM_READY, "") < 0)
        return 1;
    for (;;) {
        struct program program = {0};
        int status;
        pid_t spare = python_fork();
        if (spare == 0) {
            spare_main(WARM_CONTROL_FD, &program);
            if (!python_begin(&program))
                injected_execute(); /* the same job, with a Python of its own */
            injected_release();
            python_go_on();
        }
        if (spare < 0)
            return 1;
        while (waitpid(spare, &status, 0) < 0 && errno == EINTR)
            ;
        if (!WIFEXITED(status) || WEXITSTATUS(status) == SPARE_END)
            return 0;
    }
}

int __libc_start_main(main_fn *main, int argc, char **argv, void (*init)(void), void (*fini)(void),
                      void (*rtld_fini)(void), void *stack_end)
{
    typeof(__libc_start_main) *real = (typeof(__libc_start_main) *)(uintptr_t)dlsym(RTLD_NEXT, "__libc_start_main");
    (void)main;
    if (!real)
        _exit(1);
    return real(template_python_main, argc, argv, init, fini, rtld_fini, stack_end);
}
