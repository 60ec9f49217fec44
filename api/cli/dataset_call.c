/*
 * dataset_call.c - see dataset_call.h. While a version is read, dataset.progress is asked on the same connection.
 */
#include "api/cli/dataset_call.h"
#include "api/cli/command.h"
#include "api/common/text.h"
#include <errno.h>
#include <poll.h>
#include <string.h>

enum { FIRST_LOOK_MS = 1000, LOOK_EVERY_MS = 250 };

int dataset_word(const struct args *a, bool exact, char name[65], int64_t *version, struct err *e)
{
    if (cli_need_words(a, 1, 1, T_A_DATASET, e) < 0 ||
        cli_read_ref(args_word(a, 0), name, version, e) < 0)
        return CLI_BAD_USAGE;
    if (exact && *version == 0) {
        (void)say_err(e, E_INVALID, NULL, T_NONE, T_NEED_VERSION, name);
        return CLI_BAD_USAGE;
    }
    return CLI_OK;
}

void dataset_write_ref(struct jw *w, const char *name, int64_t version)
{
    jw_str_at(w, "name", name);
    if (version > 0)
        jw_int_at(w, "version", version);
}

/* ---- how far it is ---- */

static int answered_in(struct client *lab, int ms)
{
    struct pollfd p = {.fd = client_fd(lab), .events = POLLIN};
    int n;

    do
        n = poll(&p, 1, ms);
    while (n < 0 && errno == EINTR);
    return n;
}

static void show(struct cli *c, enum text_id told, const struct json *progress)
{
    AUTO_BUF struct buf line = BUF_INIT(1024), cut = BUF_INIT(2048), share = BUF_INIT(64);
    int64_t done = cli_int(progress, "done_bytes"), total = cli_int(progress, "total_bytes");

    if (total > 0)
        human_percent(&share, done * 100 / total);
    tr_add(&line, told, human_size_text((uint64_t)total), buf_cstr(&share));
    buf_add_str(&cut, "\r\033[K");
    term_add_cut(&cut, buf_cstr(&line), c->err.width > 1 ? c->err.width - 1 : 1);
    cli_note(&cut);
}

static bool look(struct cli *c, struct client *lab, const char *ref_params, enum text_id told)
{
    AUTO_ANSWER struct client_answer answer = {0};
    struct err ignored = {0};

    if (client_call(lab, "dataset.progress", ref_params, &answer, &ignored) < 0 ||
        !json_bool(json_get(answer.result, "under_way"), false))
        return false;
    show(c, told, answer.result);
    return true;
}

int dataset_work(struct cli *c, const char *method, const char *name, int64_t version,
                 const char *reason, enum text_id told, struct client_answer *out, struct err *e)
{
    AUTO_BUF struct buf params = BUF_INIT(1 << 16), ref = BUF_INIT(1024);
    struct jw w = jw_to(&params), r = jw_to(&ref);
    struct client *lab;
    int64_t id;
    bool shown = false;

    jw_obj(&w);
    dataset_write_ref(&w, name, version);
    if (reason)
        jw_str_at(&w, "reason", reason);
    jw_end_obj(&w);
    jw_obj(&r);
    dataset_write_ref(&r, name, version);
    jw_end_obj(&r);
    if (cli_lab(c, &lab, e) < 0 || client_send(lab, method, buf_cstr(&params), -1, &id, e) < 0)
        return -1;
    bool ask = c->err.moves && version > 0;
    for (int wait_ms = FIRST_LOOK_MS; ask && answered_in(lab, wait_ms) == 0; wait_ms = LOOK_EVERY_MS) {
        ask = look(c, lab, buf_cstr(&ref), told);
        shown = shown || ask;
    }
    int rc = client_wait(lab, id, out, e);
    if (shown) {
        AUTO_BUF struct buf wipe = BUF_INIT(16);
        buf_add_str(&wipe, "\r\033[K");
        cli_note(&wipe);
    }
    return rc;
}
