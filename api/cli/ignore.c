/*
 * ignore.c - which files stay out of a snapshot; see ignore.h.
 */
#include "api/cli/ignore.h"
#include "api/cli/say.h"
#include "api/common/mem.h"
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

struct rule {
    const char *pattern;
    bool anchored;
    bool folders_only;
    bool takes_back;
};

struct ignore {
    struct arena *arena;
    struct rule *rules;
    size_t count;
};

static const char always[] = ".git\n__pycache__/\n.venv/\nnode_modules/\n";

struct ignore *ignore_new(void)
{
    struct ignore *g = mem_alloc(sizeof *g);
    struct err never = {0};

    g->arena = arena_new();
    if (ignore_add(g, always, sizeof always - 1, &never) < 0)
        abort();
    return g;
}

void ignore_free_at(struct ignore **g)
{
    if (!*g)
        return;
    arena_free((*g)->arena);
    free((*g)->rules);
    free(*g);
    *g = NULL;
}

static int add_rule(struct ignore *g, const char *line, size_t len, struct err *e)
{
    struct rule r = {0};

    while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\r' || line[len - 1] == '\t'))
        len--;
    if (len > 0 && line[0] == '!') {
        r.takes_back = true;
        line++;
        len--;
    }
    if (len > 0 && line[len - 1] == '/') {
        r.folders_only = true;
        len--;
    }
    while (len >= 3 && memcmp(line, "**/", 3) == 0) {
        line += 3;
        len -= 3;
    }
    if (len > 0 && line[0] == '/') {
        r.anchored = true;
        line++;
        len--;
    }
    if (len == 0)
        return 0;
    if (memchr(line, '/', len))
        r.anchored = true;
    if (g->count == IGNORE_RULES_MAX)
        return say_err(e, E_LIMIT, ".enclosignore", T_NONE, T_IGNORE_TOO_MANY);
    r.pattern = arena_strndup(g->arena, line, len);
    g->rules = mem_grow(g->rules, g->count + 1, sizeof *g->rules);
    g->rules[g->count++] = r;
    return 0;
}

int ignore_add(struct ignore *g, const char *text, size_t len, struct err *e)
{
    while (len > 0) {
        const char *lf = memchr(text, '\n', len);
        size_t line = lf ? (size_t)(lf - text) : len;
        if (line > 0 && text[0] != '#' && add_rule(g, text, line, e) < 0)
            return -1;
        size_t used = lf ? line + 1 : line;
        text += used;
        len -= used;
    }
    return 0;
}

bool ignore_match(const struct ignore *g, const char *path, bool is_folder)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;

    for (size_t i = g->count; i-- > 0;) {
        const struct rule *r = &g->rules[i];
        if (r->folders_only && !is_folder)
            continue;
        if (fnmatch(r->pattern, r->anchored ? path : name, r->anchored ? FNM_PATHNAME : 0) == 0)
            return !r->takes_back;
    }
    return false;
}
