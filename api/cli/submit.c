/*
 * submit.c - see submit.h.
 */
#include "api/cli/submit.h"
#include "api/cli/ignore.h"
#include "api/cli/snapshot.h"
#include "api/cli/upload.h"
#include "api/common/fd.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* A folder taken because one stands in it is not allowed to be a home or a disk by mistake. */
enum { IMPLICIT_FILES_MAX = 20000 };
#define IMPLICIT_BYTES_MAX (2ULL << 30)

int submit_read_defaults(struct request *r, const char *folder, struct err *e)
{
    AUTO_BUF struct buf text = BUF_INIT(1 << 20);
    AUTO_FREE char *file = mem_printf("%s/" REQUEST_FILE, folder);
    struct err why = {0};

    if (fd_read_file(AT_FDCWD, file, 1 << 20, &text, &why) < 0) {
        if (why.os_errno == ENOENT)
            return 0;
        *e = why;
        return -1;
    }
    (void)buf_cstr(&text);
    const char *label = strcmp(folder, ".") == 0 ? REQUEST_FILE : file;
    return request_read_file(r, label, text.data, text.len, e);
}

static int read_ignore(struct ignore *g, const char *folder, struct err *e)
{
    AUTO_BUF struct buf text = BUF_INIT(1 << 20);
    AUTO_FREE char *file = mem_printf("%s/.enclosignore", folder);
    struct err why = {0};

    if (fd_read_file(AT_FDCWD, file, 1 << 20, &text, &why) == 0)
        return ignore_add(g, buf_cstr(&text), text.len, e);
    if (why.os_errno == ENOENT)
        return 0;
    *e = why;
    return -1;
}

static void warn_of_skipped(const struct snapshot *s)
{
    AUTO_BUF struct buf names = BUF_INIT(1 << 16);
    size_t count = snapshot_skipped_count(s);

    if (count == 0)
        return;
    for (size_t i = 0; i < count && i < 5; i++) {
        char safe[512];
        text_sanitize(snapshot_skipped(s, i), strlen(snapshot_skipped(s, i)), safe, sizeof safe);
        buf_printf(&names, "%s%s", i > 0 ? ", " : "", safe);
    }
    if (count > 5)
        buf_add_str(&names, ", …");
    cli_say(tr_plural(count, T_N_SKIPPED_ONE, T_N_SKIPPED_MANY), human_count_text(count),
            buf_cstr(&names));
}

int submit_send_code(struct cli *c, const struct args *a, struct request *r, const char *folder,
                     struct err *e)
{
    AUTO_SNAPSHOT struct snapshot *s = snapshot_new();
    AUTO_IGNORE struct ignore *g = ignore_new();
    bool chosen = args_has(a, "code");
    AUTO_FREE char *real = realpath(folder, NULL);

    if (!chosen && real && strcmp(real, "/") == 0)
        return say_err(e, E_INVALID, "code", T_CODE_ROOT_HINT, T_CODE_ROOT);
    if (read_ignore(g, folder, e) < 0 ||
        snapshot_add_folder(s, folder, "", g, chosen ? 0 : IMPLICIT_BYTES_MAX,
                            chosen ? 0 : IMPLICIT_FILES_MAX, e) < 0)
        return -1;
    warn_of_skipped(s);
    if (snapshot_count(s) == 0)
        return 0; /* an empty folder is no code */
    (void)git_look(folder, &r->git); /* none, or not known: nothing is said of it */
    if (upload_hash(c, s, e) < 0 || upload_snapshot(c, s, args_has(a, "no-fd"), e) < 0)
        return -1;
    r->code = arena_strdup(r->arena, snapshot_id(s));
    return 0;
}

int submit_request(struct cli *c, const struct request *r, struct client_answer *answer, struct err *e)
{
    AUTO_BUF struct buf params = BUF_INIT(1 << 20);

    request_print(r, &params);
    if (params.failed)
        return say_err(e, E_LIMIT, "command", T_NONE, T_REQUEST_TOO_LONG);
    return cli_call(c, "run.submit", buf_cstr(&params), answer, e);
}
