/*
 * credential.c - see credential.h. Called once, before a command runs.
 */
#include "api/cli/credential.h"
#include "api/cli/say.h"
#include "api/client/client.h"
#include "api/common/fd.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TOKEN_MAX_BYTES = 200 };

static int read_file(const char *path, char out[TOKEN_MAX_BYTES + 1], struct err *e)
{
    struct stat st;
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(e, "--token-file", NULL, "%s", path);
    /* A pipe is nobody else's (--token-file <(command)). */
    if (S_ISREG(st.st_mode) && (st.st_mode & 077))
        return say_err(e, E_DENIED, "--token-file", T_TOKEN_FILE_HINT, T_TOKEN_FILE_OPEN, path);
    if (!S_ISREG(st.st_mode) && fcntl(fd, F_SETFL, 0) < 0)
        return err_sys(e, "--token-file", NULL, "%s", path);
    size_t len = 0;
    for (ssize_t n; len < TOKEN_MAX_BYTES && (n = read(fd, out + len, TOKEN_MAX_BYTES - len)) != 0; len += (size_t)n)
        if (n < 0)
            return err_sys(e, "--token-file", NULL, "%s", path);
    out[len] = '\0';
    out[strcspn(out, "\r\n \t")] = '\0';
    if (!out[0])
        return say_err(e, E_INVALID, "--token-file", T_NONE, T_TOKEN_FILE_EMPTY, path);
    return 0;
}

int credential_load(const char *path, struct err *e)
{
    char text[TOKEN_MAX_BYTES + 1];
    const char *given = getenv("ENCLOS_TOKEN");
    if (path && read_file(path, text, e) < 0)
        return -1;
    if (path)
        client_use_token(text);
    else if (given && *given)
        client_use_token(given);
    explicit_bzero(text, sizeof text);
    if (unsetenv("ENCLOS_TOKEN") < 0)
        return err_sys(e, "ENCLOS_TOKEN", NULL, "unsetenv");
    return 0;
}
