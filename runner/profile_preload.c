/*
 * profile_preload.c - the key `preload` of a profile: what a template of warm starts has imported.
 *
 *   "preload": {"interpreter": "/usr/bin/python3", "imports": ["numpy", "pandas", "sklearn"]}
 *
 * A child's replaces the one that it inherits: it says all of it. Called by profile.c only.
 */
#include "runner/profile_preload.h"

#include "runner/warm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void preload_fini(struct profile *p)
{
    for (size_t i = 0; i < p->preload_count; i++)
        free(p->preload[i]);
    mem_free_at(&p->preload);
    mem_free_at(&p->preload_interpreter);
    p->preload_count = 0;
}

static bool is_module(const char *s)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    for (;;) {
        size_t n = strspn(s, letters);
        if (n == 0 || (*s >= '0' && *s <= '9'))
            return false;
        s += n;
        if (*s == '\0')
            return true;
        if (*s++ != '.')
            return false;
    }
}

int preload_apply(struct profile *p, const struct profile_source *s, struct err *e)
{
    static const char *const keys[] = {"interpreter", "imports", NULL};
    const struct json *preload = NULL, *imports = NULL;
    const char *interpreter = NULL;
    if (json_opt_object(s->root, "", "preload", 2, &preload, e) < 0)
        return source_located(s, e);
    if (!preload)
        return 0;
    if (json_only_keys(preload, "preload", keys, e) < 0 ||
        json_need_str(preload, "preload", "interpreter", 6, 120, &interpreter, e) < 0 ||
        json_opt_array(preload, "preload", "imports", WARM_IMPORTS_MAX, &imports, e) < 0)
        return source_located(s, e);
    /* What a run finds there is what the host has there. */
    if (strncmp(interpreter, "/usr/", 5) != 0 || strstr(interpreter, "/.") || strstr(interpreter, "//"))
        return source_fail(s, "preload.interpreter", "such as /usr/bin/python3", e, "%s is no plain path below /usr",
                           interpreter);
    if (json_count(imports) == 0)
        return source_fail(s, "preload.imports", "such as [\"numpy\"]", e, "it names no module");
    preload_fini(p);
    p->preload_interpreter = mem_strdup(interpreter);
    p->preload = mem_grow(NULL, json_count(imports) + 1, sizeof *p->preload);
    for (const struct json *v = json_first(imports); v; v = json_next(v)) {
        const char *name = json_str(v);
        char path[60];
        snprintf(path, sizeof path, "preload.imports[%zu]", p->preload_count);
        if (!name || strlen(name) > 100 || !is_module(name))
            return source_fail(s, path, "letters, digits, _ and dots between them", e, "it is no module's name");
        p->preload[p->preload_count++] = mem_strdup(name);
        p->preload[p->preload_count] = NULL;
    }
    return 0;
}
