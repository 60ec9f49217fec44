/*
 * env_tree.c - a root file system in memory; see env_tree.h.
 *
 * Nodes hang on their parent in a list and are found by (parent, name) in one hash table, so that a folder
 * of a hundred thousand entries costs no more than others.
 */
#include "api/cli/env_tree.h"
#include "api/cli/human.h"
#include "api/cli/say.h"
#include "api/common/mem.h"
#include "api/common/rootfs.h"
#include "api/common/text.h"
#include "api/common/treetext.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { FOLDER, PLAIN, LINK };

struct node {
    struct node *parent, *first, *next, *before; /* children in a list */
    struct node *chain;                          /* of the hash table */
    const char *name;
    uint64_t hash;
    enum kind kind;
    unsigned layer;
    bool executable;
    const char *target; /* of a link */
    size_t content;     /* of a file */
};

struct env_tree {
    struct arena *arena;
    struct node root;
    struct node **buckets;
    size_t bucket_count, node_count, made_count;
    unsigned layer;
    struct env_content *contents;
    bool *used;
    size_t content_count, content_room;
};

/* ---- told ---- */

void env_told_count(struct env_count *c, const char *path)
{
    if (strncmp(path, "./", 2) == 0)
        path += 2;
    /* The first in order, not in time: folders are read in none. */
    if (c->count++ == 0 || strcmp(path, c->first) < 0)
        text_sanitize(path, strlen(path), c->first, sizeof c->first);
}

void env_told_hidden(struct env_told *t, const char *path)
{
    char safe[80], one[84], rest[ENV_TOLD_NAMES];
    size_t len = strlen(t->hidden), at = 0;

    if (strncmp(path, "etc/", 4) == 0) {
        env_told_count(&t->hidden_etc, path);
        return;
    }
    text_sanitize(path, strlen(path), safe, sizeof safe);
    snprintf(one, sizeof one, "/%s", safe);
    if (len + strlen(one) + 2 >= sizeof t->hidden)
        return;
    /* In order: folders are read in none. */
    while (t->hidden[at] && strcmp(t->hidden + at, one) < 0) {
        at += strcspn(t->hidden + at, " ");
        at += t->hidden[at] == ' ';
    }
    snprintf(rest, sizeof rest, "%s", t->hidden + at);
    if (*rest)
        snprintf(t->hidden + at, sizeof t->hidden - at, "%s %s", one, rest);
    else
        snprintf(t->hidden + at, sizeof t->hidden - at, "%s%s", at > 0 ? " " : "", one);
}

/* ---- nodes ---- */

struct env_tree *env_tree_new(void)
{
    struct env_tree *t = mem_alloc(sizeof *t);

    t->arena = arena_new();
    t->root.name = "";
    t->bucket_count = 1024;
    t->buckets = mem_alloc(t->bucket_count * sizeof *t->buckets);
    return t;
}

void env_tree_free_at(struct env_tree **at)
{
    struct env_tree *t = *at;

    if (!t)
        return;
    arena_free(t->arena);
    free(t->buckets);
    free(t->contents);
    free(t->used);
    free(t);
    *at = NULL;
}

void env_tree_layer(struct env_tree *t, unsigned layer)
{
    t->layer = layer;
}

static uint64_t hash_of(const struct node *parent, const char *name, size_t len)
{
    uint64_t h = (uint64_t)(uintptr_t)parent * 0x9e3779b97f4a7c15u;

    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)name[i]) * 0x100000001b3u;
    return h ^ (h >> 29);
}

static struct node *find(const struct env_tree *t, const struct node *parent, const char *name,
                         size_t len)
{
    uint64_t h = hash_of(parent, name, len);
    struct node *n = t->buckets[h & (t->bucket_count - 1)];

    while (n && (n->hash != h || n->parent != parent || strncmp(n->name, name, len) != 0 ||
                 n->name[len] != '\0'))
        n = n->chain;
    return n;
}

static void widen(struct env_tree *t)
{
    size_t count = t->bucket_count * 2;
    struct node **wider = mem_alloc(count * sizeof *wider);

    for (size_t i = 0; i < t->bucket_count; i++)
        for (struct node *n = t->buckets[i], *after; n; n = after) {
            after = n->chain;
            n->chain = wider[n->hash & (count - 1)];
            wider[n->hash & (count - 1)] = n;
        }
    free(t->buckets);
    t->buckets = wider;
    t->bucket_count = count;
}

/* A folder, until its maker says otherwise. */
static struct node *add(struct env_tree *t, struct node *parent, const char *name, size_t len,
                        struct err *e)
{
    /* Removed ones stay in the arena: all that were ever made count. */
    if (t->made_count == ENV_NODES_MAX) {
        (void)say_err(e, E_LIMIT, NULL, T_NONE, T_ENV_TOO_MANY_ENTRIES,
                      human_count_text(ENV_NODES_MAX));
        return NULL;
    }
    t->made_count++;
    if (++t->node_count > t->bucket_count)
        widen(t);
    struct node *n = arena_alloc(t->arena, sizeof *n);
    *n = (struct node){.parent = parent,
                       .next = parent->first,
                       .name = arena_strndup(t->arena, name, len),
                       .hash = hash_of(parent, name, len),
                       .layer = t->layer};
    if (parent->first)
        parent->first->before = n;
    parent->first = n;
    struct node **bucket = &t->buckets[n->hash & (t->bucket_count - 1)];
    n->chain = *bucket;
    *bucket = n;
    return n;
}

static void drop(struct env_tree *t, struct node *n)
{
    while (n->first)
        drop(t, n->first);
    struct node **at = &t->buckets[n->hash & (t->bucket_count - 1)];
    while (*at != n)
        at = &(*at)->chain;
    *at = n->chain;
    if (n->before)
        n->before->next = n->next;
    else
        n->parent->first = n->next;
    if (n->next)
        n->next->before = n->before;
    t->node_count--;
}

/* ---- paths ---- */

static int bad_path(const char *path, enum text_id why, struct err *e)
{
    char safe[200];

    text_sanitize(path, strnlen(path, 160), safe, sizeof safe);
    return say_err(e, E_INVALID, NULL, T_NONE, why, safe);
}

/* The next component of *at, which moves behind it; 0 at the end. "." counts as nothing. */
static size_t component(const char **at, const char **name)
{
    for (;;) {
        *at += strspn(*at, "/");
        *name = *at;
        size_t len = strcspn(*at, "/");
        *at += len;
        if (len != 1 || (*name)[0] != '.')
            return len;
    }
}

static bool is_up(const char *name, size_t len)
{
    return len == 2 && name[0] == '.' && name[1] == '.';
}

/* The path without empty and "." components; "" is the root. ".." is refused: no archive that means well has
 * one. */
static int clean(struct env_tree *t, const char *path, const char **out, struct err *e)
{
    const char *at = path, *name;
    char *text = arena_alloc(t->arena, strlen(path) + 1);
    size_t used = 0, len;
    unsigned depth = 0;

    while ((len = component(&at, &name)) > 0) {
        if (is_up(name, len))
            return bad_path(path, T_ENV_PATH_UP, e);
        if (++depth > ENV_DEPTH_MAX)
            return bad_path(path, T_ENV_PATH_DEEP, e);
        if (used > 0)
            text[used++] = '/';
        memcpy(text + used, name, len);
        used += len;
    }
    text[used] = '\0';
    *out = text;
    return 0;
}

static unsigned depth_of(const struct node *n)
{
    unsigned depth = 0;

    for (; n->parent; n = n->parent)
        depth++;
    return depth;
}

/* From `at` to the folder that `path` names, links followed inside the tree. Folders are made where there are
 * none, if `make`; else *out is NULL then. */
static int walk(struct env_tree *t, struct node *at, const char *path, bool make, unsigned *hops,
                struct node **out, struct err *e)
{
    const char *rest = path, *name;
    size_t len;

    while ((len = component(&rest, &name)) > 0) {
        if (is_up(name, len)) { /* of a link; above the root is the root */
            at = at->parent ? at->parent : at;
            continue;
        }
        struct node *n = find(t, at, name, len);
        if (!n && !make) {
            *out = NULL;
            return 0;
        }
        if (!n && depth_of(at) >= ENV_DEPTH_MAX)
            return bad_path(path, T_ENV_PATH_DEEP, e);
        if (!n && !(n = add(t, at, name, len, e)))
            return -1;
        if (n->kind == PLAIN)
            return bad_path(path, T_ENV_PATH_FILE, e);
        if (n->kind == LINK) {
            if (++*hops > ENV_HOPS_MAX)
                return bad_path(path, T_ENV_PATH_LOOP, e);
            struct node *from = n->target[0] == '/' ? &t->root : at, *led = NULL;
            if (walk(t, from, n->target, make, hops, &led, e) < 0)
                return -1;
            if (!led) {
                *out = NULL;
                return 0;
            }
            n = led;
        }
        at = n;
    }
    *out = at;
    return 0;
}

/* The folder of a clean path, and its last component. */
static int walk_to(struct env_tree *t, const char *path, bool make, struct node **folder,
                   const char **name, struct err *e)
{
    const char *slash = strrchr(path, '/');
    unsigned hops = 0;

    *name = slash ? slash + 1 : path;
    AUTO_FREE char *way = mem_strndup(path, slash ? (size_t)(slash - path) : 0);
    return walk(t, &t->root, way, make, &hops, folder, e);
}

/* The node of that path, new or emptied: of no kind yet. */
static int place(struct env_tree *t, const char *path, bool keep_folder, struct node **out,
                 struct err *e)
{
    const char *own, *name;
    struct node *folder = NULL;

    if (clean(t, path, &own, e) < 0)
        return -1;
    if (*own == '\0') {
        if (!keep_folder)
            return bad_path(path, T_ENV_PATH_ROOT, e);
        *out = &t->root;
        return 0;
    }
    if (walk_to(t, own, true, &folder, &name, e) < 0)
        return -1;
    if (depth_of(folder) >= ENV_DEPTH_MAX)
        return bad_path(path, T_ENV_PATH_DEEP, e);
    struct node *n = find(t, folder, name, strlen(name));
    if (n && !(keep_folder && n->kind == FOLDER)) {
        drop(t, n);
        n = NULL;
    }
    if (!n && !(n = add(t, folder, name, strlen(name), e)))
        return -1;
    n->layer = t->layer;
    *out = n;
    return 0;
}

int env_tree_folder(struct env_tree *t, const char *path, struct err *e)
{
    struct node *n = NULL;

    return place(t, path, true, &n, e);
}

int env_tree_file(struct env_tree *t, const char *path, bool executable,
                  const struct env_content *content, struct err *e)
{
    struct node *n = NULL;

    if (place(t, path, false, &n, e) < 0 || !n)
        return -1;
    if (t->content_count == t->content_room) {
        t->content_room = t->content_room ? 2 * t->content_room : 256;
        t->contents = mem_grow(t->contents, t->content_room, sizeof *t->contents);
    }
    n->kind = PLAIN;
    n->executable = executable;
    n->content = t->content_count;
    t->contents[t->content_count++] = *content;
    return 0;
}

int env_tree_link(struct env_tree *t, const char *path, const char *target, struct err *e)
{
    struct node *n = NULL;

    if (place(t, path, false, &n, e) < 0 || !n)
        return -1;
    n->kind = LINK;
    n->target = arena_strdup(t->arena, target);
    return 0;
}

int env_tree_hard_link(struct env_tree *t, const char *path, const char *to, struct err *e)
{
    const char *own, *name;
    struct node *folder = NULL, *n = NULL;

    if (clean(t, to, &own, e) < 0 || walk_to(t, own, false, &folder, &name, e) < 0)
        return -1;
    const struct node *other = folder ? find(t, folder, name, strlen(name)) : NULL;
    if (!other || other->kind == FOLDER) {
        char safe[200];
        text_sanitize(to, strnlen(to, 160), safe, sizeof safe);
        AUTO_FREE char *shown = mem_strdup(safe);
        text_sanitize(path, strnlen(path, 160), safe, sizeof safe);
        return say_err(e, E_INVALID, NULL, T_NONE, T_ENV_HARD_LINK, safe, shown);
    }
    /* Kept apart from what stands at `path`, which may be the same node. */
    struct node was = *other;
    if (place(t, path, false, &n, e) < 0 || !n)
        return -1;
    n->kind = was.kind;
    n->executable = was.executable;
    n->target = was.target;
    n->content = was.content;
    return 0;
}

/* ---- whiteouts ---- */

/* Hides what is of earlier layers at and below a node. A folder stays for what this layer put in it. */
static bool hide(struct env_tree *t, struct node *n, bool itself)
{
    for (struct node *c = n->first, *after; c; c = after) {
        after = c->next;
        hide(t, c, true);
    }
    if (!itself || n->layer == t->layer || n->first)
        return false;
    drop(t, n);
    return true;
}

int env_tree_whiteout(struct env_tree *t, const char *path, bool *was, struct err *e)
{
    static const char prefix[] = ".wh.", opaque[] = ".wh..wh..opq";
    const char *own, *name;
    struct node *folder = NULL;

    if (clean(t, path, &own, e) < 0)
        return -1;
    const char *slash = strrchr(own, '/');
    name = slash ? slash + 1 : own;
    *was = strncmp(name, prefix, strlen(prefix)) == 0;
    if (!*was)
        return 0;
    if (strcmp(name, opaque) != 0 && strncmp(name, ".wh..wh.", 8) == 0)
        return 0; /* the union file system's own book-keeping */
    if (walk_to(t, own, false, &folder, &name, e) < 0)
        return -1;
    if (strcmp(name, opaque) == 0) {
        if (folder)
            hide(t, folder, false);
        return 0;
    }
    const char *hidden = name + strlen(prefix);
    if (!*hidden || strcmp(hidden, ".") == 0 || strcmp(hidden, "..") == 0)
        return bad_path(path, T_ENV_WHITEOUT, e);
    struct node *n = folder ? find(t, folder, hidden, strlen(hidden)) : NULL;
    if (n)
        hide(t, n, true);
    return 0;
}

bool env_tree_has(struct env_tree *t, const char *path)
{
    struct err ignored = {0};
    const char *own = "", *name = "";
    struct node *folder = NULL;

    return clean(t, path, &own, &ignored) == 0 &&
           walk_to(t, own, false, &folder, &name, &ignored) == 0 && folder &&
           find(t, folder, name, strlen(name));
}

/* ---- the result ---- */

struct taking {
    struct env_tree *t;
    struct snapshot *s;
    struct env_told *told;
    char path[ENV_DEPTH_MAX * 256 + 1];
};

static int take_link(struct taking *k, const struct node *n, struct err *e)
{
    const char *target = n->target;

    /* At the top a link stands for a mount: one spelling, and into /usr only. */
    if (!strchr(k->path, '/')) {
        target = rootfs_top_target(n->target);
        if (!target || !rootfs_may_hold(ROOTFS_LINK, k->path, target)) {
            char safe[200];
            text_sanitize(n->target, strnlen(n->target, 160), safe, sizeof safe);
            return say_err(e, E_INVALID, NULL, T_ENV_TOP_HINT, T_ENV_TOP_LINK, k->path, safe);
        }
    }
    return snapshot_add_link(k->s, k->path, target, e);
}

static int take_one(struct taking *k, const struct node *n, struct err *e)
{
    if (n->kind == LINK)
        return take_link(k, n, e);
    if (n->kind == FOLDER) /* one that is not at the top has a meaning by itself */
        return n->first || !strchr(k->path, '/') ? 0 : snapshot_add_empty_folder(k->s, k->path, e);
    if (!rootfs_may_hold(ROOTFS_FILE, k->path, NULL))
        return say_err(e, E_INVALID, NULL, T_ENV_TOP_HINT, T_ENV_TOP_FILE, k->path);
    const struct env_content *c = &k->t->contents[n->content];
    k->t->used[n->content] = true;
    return snapshot_add_known(k->s, k->path, n->executable, c->size_bytes, c->sha256, e);
}

static int take_below(struct taking *k, const struct node *folder, struct err *e)
{
    size_t len = strlen(k->path);

    for (const struct node *n = folder->first; n; n = n->next) {
        size_t name = strlen(n->name);
        if (len + 1 + name >= sizeof k->path)
            return bad_path(n->name, T_ENV_PATH_DEEP, e);
        if (len > 0)
            k->path[len] = '/';
        memcpy(k->path + len + (len > 0), n->name, name + 1);
        /* A /etc or /opt that is a link or a file has nothing that could be shown. */
        bool place_only = strcmp(k->path, "etc") == 0 || strcmp(k->path, "opt") == 0;
        int rc = 0;
        if (!rootfs_shows(k->path) || (place_only && n->kind != FOLDER))
            env_told_hidden(k->told, k->path);
        else if (take_one(k, n, e) < 0 || (n->kind == FOLDER && take_below(k, n, e) < 0))
            rc = -1;
        k->path[len] = '\0';
        if (rc < 0)
            return -1;
    }
    return 0;
}

int env_tree_snapshot(struct env_tree *t, struct snapshot *s, struct env_told *told, struct err *e)
{
    AUTO_FREE struct taking *k = mem_alloc(sizeof *k);

    free(t->used);
    t->used = mem_alloc((t->content_count + 1) * sizeof *t->used);
    k->t = t;
    k->s = s;
    k->told = told;
    return take_below(k, &t->root, e);
}

size_t env_tree_contents(const struct env_tree *t)
{
    return t->content_count;
}

const struct env_content *env_tree_content(const struct env_tree *t, size_t i, bool *used)
{
    *used = t->used && t->used[i];
    return &t->contents[i];
}
