/*
 * profiles.c - keeps the runner's list of profiles, read by a child process so that this one needs no
 * knowledge of profile files.
 */
#include "orchestrator/profiles.h"
#include "api/common/log.h"
#include "api/common/mem.h"
#include "orchestrator/child.h"
#include "orchestrator/lab.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_MAX_BYTES = 1 << 20, ASK_TIMEOUT_MS = 20000 };

struct waiting {
    void (*then)(void *ctx, const struct err *e);
    void *ctx;
    struct waiting *next;
};

struct profiles {
    struct lab *lab;
    struct json *root;
    struct json *fresh; /* from the pool thread */
    bool asking;
    struct waiting *waiting; /* for the answer under way */
    struct waiting *late;    /* came since it was asked: what they ask about may be newer */
};

static int ask(void *ctx, struct err *e)
{
    struct profiles *p = ctx;
    AUTO_BUF struct buf out = BUF_INIT(LIST_MAX_BYTES);
    const char *argv[] = {p->lab->opt.runner_path, "profile", "list", "--json", NULL, NULL, NULL};
    int code;
    if (p->lab->opt.profiles_dir) {
        argv[4] = "--profiles";
        argv[5] = p->lab->opt.profiles_dir;
    }
    if (child_ask(argv, ASK_TIMEOUT_MS, &out, &code, e) < 0)
        return -1;
    AUTO_JSON struct json *root = json_parse(buf_cstr(&out), out.len, NULL, e);
    if (!root)
        return err_context(e, "%s profile list --json", p->lab->opt.runner_path);
    if (json_type(json_get(root, "profiles")) != JSON_ARRAY)
        return err_set(e, E_INTERNAL, NULL, NULL,
                       "%s profile list --json (status %d) has no profiles",
                       p->lab->opt.runner_path, code);
    p->fresh = ptr_take(&root);
    return 0;
}

static void start_asking(struct profiles *p);

static void answered(void *ctx, const struct err *e)
{
    struct profiles *p = ctx;
    struct waiting *list = p->waiting;
    p->waiting = NULL;
    p->asking = false;
    if (e) {
        log_error("profiles.list", LOG_ERR(e));
    } else {
        json_free(p->root);
        p->root = ptr_take(&p->fresh);
    }
    while (list) {
        struct waiting *w = list;
        list = w->next;
        w->then(w->ctx, e);
        free(w);
    }
    if (p->late && !p->asking)
        start_asking(p);
}

static void start_asking(struct profiles *p)
{
    p->waiting = p->late;
    p->late = NULL;
    p->asking = true;
    lab_pool(p->lab, ask, answered, p);
}

struct profiles *profiles_new(struct lab *lab)
{
    struct profiles *p = mem_alloc(sizeof *p);
    p->lab = lab;
    return p;
}

void profiles_free(struct profiles *p)
{
    json_free(p->root);
    json_free(p->fresh);
    struct waiting *lists[] = {p->waiting, p->late};
    for (size_t i = 0; i < 2; i++)
        while (lists[i]) {
            struct waiting *w = lists[i];
            lists[i] = w->next;
            free(w);
        }
    free(p);
}

void profiles_refresh(struct profiles *p, void (*then)(void *ctx, const struct err *e), void *ctx)
{
    if (then) {
        struct waiting *w = mem_alloc(sizeof *w);
        *w = (struct waiting){then, ctx, p->late};
        p->late = w;
    }
    if (!p->asking)
        start_asking(p);
}

const struct json *profiles_all(const struct profiles *p)
{
    return p->root;
}

const struct json *profiles_find(const struct profiles *p, const char *name)
{
    const struct json *list = json_get(p->root, "profiles");
    for (const struct json *v = json_first(list); v; v = json_next(v)) {
        const char *n = json_str(json_get(v, "name"));
        if (n && !strcmp(n, name))
            return v;
    }
    return NULL;
}

int profiles_check(const struct profiles *p, const char *name, struct err *e)
{
    const struct json *v = profiles_find(p, name);
    if (!v) {
        char hint[176] = "there are:";
        for (v = json_first(json_get(p->root, "profiles")); v; v = json_next(v))
            snprintf(hint + strlen(hint), sizeof hint - strlen(hint), " %s",
                     json_str(json_get(v, "name")));
        return err_set(e, E_NOT_FOUND, "profile", hint, "there is no profile %s", name);
    }
    if (!json_bool(json_get(v, "valid"), false)) {
        const struct json *why = json_get(v, "error");
        const char *message = json_str(json_get(why, "message")),
                   *hint = json_str(json_get(why, "hint"));
        return err_set(e, E_INVALID, "profile", hint, "the profile %s is not valid: %s", name,
                       message ? message : "its file cannot be read");
    }
    return 0;
}
