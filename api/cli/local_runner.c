/*
 * local_runner.c - starts enclos-runner and reads its answer; see local_runner.h.
 */
#include "api/cli/local_runner.h"

#include "api/cli/cli.h"
#include "api/common/fd.h"
#include "api/common/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS_MAX = 5000, ANSWER_MAX = 8 << 20 };

char *local_runner_path(void)
{
    char *beside = mem_printf("%s/enclos-runner", cli_program_dir());

    if (access(beside, X_OK) == 0)
        return beside;
    free(beside);
    return mem_strdup("enclos-runner");
}

int local_runner_ask(const char *const *words, struct json **out, int *status, struct err *e)
{
    AUTO_FREE char *program = local_runner_path();
    AUTO_BUF struct buf text = BUF_INIT(ANSWER_MAX);
    int ends[2], how = 0;
    size_t count = 0;

    while (count < WORDS_MAX && words[count])
        count++;
    AUTO_FREE const char **argv = mem_alloc((count + 2) * sizeof *argv);
    argv[0] = program;
    for (size_t i = 0; i < count; i++)
        argv[i + 1] = words[i];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(e, NULL, NULL, "pipe");
    AUTO_FD int read_end = ends[0];
    AUTO_FD int write_end = ends[1];
    pid_t pid = fork();
    if (pid < 0)
        return err_sys(e, NULL, NULL, "fork");
    if (pid == 0) {
        if (dup2(write_end, STDOUT_FILENO) >= 0)
            execvp(program, (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    fd_close_at(&write_end);
    int failed = fd_read_all(read_end, ANSWER_MAX, &text, program, e);
    fd_close_at(&read_end);
    while (waitpid(pid, &how, 0) < 0 && errno == EINTR)
        continue;
    if (failed < 0)
        return -1;
    if (WIFEXITED(how) && WEXITSTATUS(how) == 127)
        return say_err(e, E_NOT_FOUND, NULL, T_NO_RUNNER_HINT, T_NO_RUNNER, program);
    if (status)
        *status = WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
    *out = json_parse(buf_cstr(&text), text.len, NULL, e);
    return *out ? 0 : err_context(e, "%s %s", program, words[0]);
}
