/*
 * long_call.c - see long_call.h. Asks lab.doing on the same connection, which the lab answers meanwhile.
 */
#include "api/cli/long_call.h"
#include "api/common/text.h"
#include <errno.h>
#include <poll.h>
#include <string.h>

enum { LOOK_EVERY_MS = 500 };

static const struct {
    const char *phase;
    enum text_id text;
} phases[] = {
    {"release", T_PH_RELEASE}, {"mark", T_PH_MARK},         {"sweep", T_PH_SWEEP},
    {"copy", T_PH_COPY},       {"objects", T_PH_OBJECTS},   {"runs", T_PH_RUNS},
    {"catalog", T_PH_CATALOG}, {"audit", T_PH_AUDIT},       {"references", T_PH_REFERENCES},
    {"digests", T_PH_DIGESTS}, {"trees", T_PH_TREES},
};

static void show(struct cli *c, const struct json *doing)
{
    AUTO_BUF struct buf line = BUF_INIT(1024), cut = BUF_INIT(2048), share = BUF_INIT(64);
    int64_t done = cli_int(doing, "done"), total = cli_int(doing, "total");
    const char *phase = cli_str(doing, "phase");
    enum text_id text = T_PH_OTHER;

    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++)
        if (strcmp(phases[i].phase, phase) == 0)
            text = phases[i].text;
    if (total > 0)
        human_percent(&share, done * 100 / total);
    tr_add(&line, text, total > 0 ? buf_cstr(&share) : done > 0 ? human_count_text((uint64_t)done) : "");
    buf_add_str(&cut, "\r\033[K");
    term_add_cut(&cut, buf_cstr(&line), c->err.width > 1 ? c->err.width - 1 : 1);
    cli_note(&cut);
}

/* False when the lab does not tell: then it is not asked again. */
static bool look(struct cli *c, struct client *lab)
{
    AUTO_ANSWER struct client_answer answer = {0};
    struct err ignored = {0};

    if (client_call(lab, "lab.doing", NULL, &answer, &ignored) < 0)
        return false;
    const struct json *doing = json_get(answer.result, "doing");
    if (json_type(doing) == JSON_OBJECT)
        show(c, doing);
    return true;
}

static int until_answered(struct client *lab)
{
    struct pollfd p = {.fd = client_fd(lab), .events = POLLIN};
    int n;

    do
        n = poll(&p, 1, LOOK_EVERY_MS);
    while (n < 0 && errno == EINTR);
    return n;
}

int long_call(struct cli *c, const char *method, const char *params, int fd,
              struct client_answer *out, struct err *e)
{
    struct client *lab;
    int64_t id;
    bool ask = c->err.moves, shown = false;

    if (cli_lab(c, &lab, e) < 0 || client_send(lab, method, params, fd, &id, e) < 0)
        return -1;
    while (ask && until_answered(lab) == 0) {
        ask = look(c, lab);
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
