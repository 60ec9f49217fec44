/*
 * environment.c - builds the program's environment. Called by the monitor before it clones.
 * Nothing of the lab's own environment passes but what a profile names in host_env.
 */
#include "runner/environment.h"

#include "api/common/attach.h"
#include "runner/sandbox.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define PROXY_URL "http://127.0.0.1:3128"
#define PROXY_NOT "127.0.0.1,localhost"
static_assert(ATTACH_PROXY_PORT == 3128, "as in PROXY_URL");

struct list {
    char **items;
    size_t count;
    struct arena *arena;
};

static void put(struct list *l, char *assignment)
{
    size_t n = strcspn(assignment, "=") + 1;
    for (size_t i = 0; i < l->count; i++)
        if (strncmp(l->items[i], assignment, n) == 0) {
            l->items[i] = assignment;
            return;
        }
    l->items[l->count++] = assignment;
}

/* `import enclos` works whatever PYTHONPATH the run asks for. */
static void add_python_path(struct list *l)
{
    for (size_t i = 0; i < l->count; i++)
        if (strncmp(l->items[i], "PYTHONPATH=", 11) == 0) {
            l->items[i] = arena_printf(l->arena, "%s:/opt/enclos/python", l->items[i]);
            return;
        }
    l->items[l->count++] = arena_strdup(l->arena, "PYTHONPATH=/opt/enclos/python");
}

char **environment_build(const struct spec *spec, const struct profile *p, bool has_python, struct arena *arena)
{
    static const char *const usual[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8",
                                        "DO_NOT_TRACK=1",
                                        /* a pipe makes Python hold lines back: logs are read live here */
                                        "PYTHONUNBUFFERED=1"};
    static const char *const own[] = {"HOME=/tmp",        "TMPDIR=/tmp",
                                      "USER=run",         "LOGNAME=run",
                                      "PWD=/work",        "ENCLOS_DATA=/data",
                                      "ENCLOS_WORK=/work", "ENCLOS_OUTPUTS=/outputs"};
    /* Both cases: programs differ in which they read. */
    static const char *const proxy[] = {
        "http_proxy=" PROXY_URL,  "https_proxy=" PROXY_URL, "all_proxy=" PROXY_URL,   "no_proxy=" PROXY_NOT,
        "HTTP_PROXY=" PROXY_URL,  "HTTPS_PROXY=" PROXY_URL, "ALL_PROXY=" PROXY_URL,   "NO_PROXY=" PROXY_NOT};
    enum { USUAL = sizeof usual / sizeof *usual, OWN = sizeof own / sizeof *own, PROXY = sizeof proxy / sizeof *proxy };
    size_t most = USUAL + OWN + PROXY + 4 + p->host_env_count + p->thread_env_count + p->env_count + spec->env_count + 1;
    struct list l = {.items = arena_alloc(arena, most * sizeof(char *)), .arena = arena};
    for (size_t i = 0; i < USUAL; i++)
        put(&l, arena_strdup(arena, usual[i]));
    for (size_t i = 0; i < p->host_env_count; i++) {
        const char *value = getenv(p->host_env[i]);
        if (value && strlen(value) < 256)
            put(&l, arena_printf(arena, "%s=%s", p->host_env[i], value));
    }
    for (size_t i = 0; i < p->thread_env_count; i++)
        put(&l, arena_printf(arena, "%s=%lld", p->thread_env[i],
                             (long long)((spec->resources.cpus_milli + 999) / 1000)));
    for (size_t i = 0; p->network == PROFILE_NETWORK_PROXY && i < PROXY; i++)
        put(&l, arena_strdup(arena, proxy[i]));
    for (size_t i = 0; i < p->env_count; i++)
        put(&l, arena_printf(arena, "%s=%s", p->env[i].name, p->env[i].value));
    for (size_t i = 0; i < spec->env_count; i++)
        put(&l, arena_strdup(arena, spec->env[i]));
    if (has_python)
        add_python_path(&l);
    for (size_t i = 0; i < OWN; i++)
        put(&l, arena_strdup(arena, own[i]));
    put(&l, arena_printf(arena, "ENCLOS_RUN=%s", spec->run));
    put(&l, arena_printf(arena, "ENCLOS_METRICS_FD=%d", SANDBOX_METRICS_FD));
    if (spec->has_seed)
        put(&l, arena_printf(arena, "ENCLOS_SEED=%lld", (long long)spec->seed));
    l.items[l.count] = NULL;
    return l.items;
}
