/*
 * method_profile.c - profile.*: the sandbox profiles, as the runner sees them now. What is more than its list is asked
 * of `enclos-runner profile ... --json` by a thread of the pool, and passed on.
 */
#include "orchestrator/child.h"
#include "orchestrator/profiles.h"
#include "orchestrator/request.h"
#include <string.h>

static void list_ready(void *ctx, const struct err *e)
{
    struct request *q = ctx;
    if (!e)
        json_print(profiles_all(q->lab->profiles), false, &q->out);
    request_end(q, e);
}

int method_profile_list(struct request *q, struct err *e)
{
    (void)e;
    profiles_refresh(q->lab->profiles, list_ready, q);
    return 0;
}

static void one_ready(void *ctx, const struct err *e)
{
    struct request *q = ctx;
    struct err missing = {0};
    if (!e) {
        const char *name = request_str(q, "name");
        const struct json *v = profiles_find(q->lab->profiles, name);
        if (v)
            json_print(v, false, &q->out);
        else if (profiles_check(q->lab->profiles, name, &missing) < 0)
            e = &missing;
    }
    request_end(q, e);
}

enum { ANSWER_MAX_BYTES = 4 << 20, ASK_TIMEOUT_MS = 20000, ARGS_MAX = 12 };

/* `enclos-runner profile WORDS...`; `text` on its input unless NULL. Its answer is JSON of the house. */
static int ask_runner(struct request *q, const char *const *words, const char *text, struct err *e)
{
    AUTO_BUF struct buf out = BUF_INIT(ANSWER_MAX_BYTES);
    const char *argv[ARGS_MAX] = {q->lab->opt.runner_path, "profile"};
    size_t n = 2;
    int code;
    for (; *words && n < ARGS_MAX - 4; words++)
        argv[n++] = *words;
    argv[n++] = "--json";
    if (q->lab->opt.profiles_dir) {
        argv[n++] = "--profiles";
        argv[n++] = q->lab->opt.profiles_dir;
    }
    int failed = text ? child_ask_text(argv, text, strlen(text), ASK_TIMEOUT_MS, &out, &code, e)
                      : child_ask(argv, ASK_TIMEOUT_MS, &out, &code, e);
    if (failed < 0)
        return -1;
    AUTO_JSON struct json *root = json_parse(buf_cstr(&out), out.len, NULL, e);
    if (!root)
        return err_context(e, "%s profile %s (status %d)", q->lab->opt.runner_path, argv[2], code);
    json_print(root, false, &q->out);
    return 0;
}

static int effective_work(struct request *q, struct cat *db, struct err *e)
{
    const char *words[] = {"show", request_str(q, "name"), "--effective", NULL};
    (void)db;
    return ask_runner(q, words, NULL, e);
}

/* NAME, or NAME+ADDON as an interactive run has it: both must be there and valid. */
static int check_name(struct request *q, const char *name, struct err *e)
{
    const char *plus = strchr(name, '+');
    if (!plus)
        return profiles_check(q->lab->profiles, name, e);
    const char *base = arena_printf(q->arena, "%.*s", (int)(plus - name), name);
    return profiles_check(q->lab->profiles, base, e) < 0 ? -1 : profiles_check(q->lab->profiles, plus + 1, e);
}

/* The list is fresh and the names are of valid profiles: what it takes now is the runner's to say. */
static void effective_ready(void *ctx, const struct err *e)
{
    struct request *q = ctx;
    struct err bad = {0};
    if (!e && check_name(q, request_str(q, "name"), &bad) < 0)
        e = &bad;
    if (e)
        request_end(q, e);
    else
        request_pool(q, effective_work, NULL);
}

static int diff_work(struct request *q, struct cat *db, struct err *e)
{
    const char *words[] = {"diff", request_str(q, "a"), request_str(q, "b"), NULL};
    (void)db;
    return ask_runner(q, words, NULL, e);
}

static void diff_ready(void *ctx, const struct err *e)
{
    struct request *q = ctx;
    struct err bad = {0};
    if (!e && (check_name(q, request_str(q, "a"), &bad) < 0 || check_name(q, request_str(q, "b"), &bad) < 0))
        e = &bad;
    if (e)
        request_end(q, e);
    else
        request_pool(q, diff_work, NULL);
}

int method_profile_diff(struct request *q, struct err *e)
{
    (void)e;
    profiles_refresh(q->lab->profiles, diff_ready, q);
    return 0;
}

static int check_work(struct request *q, struct cat *db, struct err *e)
{
    const char *words[] = {"check", "-", "--name", request_str(q, "name"), NULL};
    (void)db;
    return ask_runner(q, words, request_str(q, "text"), e);
}

int method_profile_check(struct request *q, struct err *e)
{
    (void)e;
    request_pool(q, check_work, NULL);
    return 0;
}

int method_profile_get(struct request *q, struct err *e)
{
    (void)e;
    if (request_bool(q, "effective", false) || strchr(request_str(q, "name"), '+')) {
        profiles_refresh(q->lab->profiles, effective_ready, q);
        return 0;
    }
    profiles_refresh(q->lab->profiles, one_ready, q);
    return 0;
}
