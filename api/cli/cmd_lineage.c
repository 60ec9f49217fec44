/*
 * cmd_lineage.c - enclos lineage: what a run, an artifact or a dataset comes from and what it led to, as a tree, as a
 * graph for dot, or as the lab's own answer.
 *
 * The answer is a graph: something with two ways to it stands in the tree once with all below it, and by its name alone
 * where the other way meets it.
 */
#include "api/cli/command.h"
#include "api/cli/verdict.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

enum { NODES_MAX = 1000, INDENT_MAX = 256 };

const struct opt cmd_lineage_options[] = {
    {"before", 0, T_NONE, T_O_BEFORE, false},
    {"after", 0, T_NONE, T_O_AFTER, false},
    {"depth", 0, T_A_NUMBER, T_O_DEPTH, false},
    {"limit", 0, T_A_NUMBER, T_O_LIN_LIMIT, false},
    {"format", 0, T_A_LIN_FORMAT, T_O_LIN_FORMAT, false},
    {0},
};

/* ---- what is asked ---- */

static int put_number(struct jw *w, const struct args *a, const char *option, uint64_t max, struct err *e)
{
    const char *given = args_get(a, option);
    AUTO_BUF struct buf bound = BUF_INIT(64);
    uint64_t n;

    if (!given)
        return 0;
    if (text_u64(given, 1, max, &n) < 0) {
        buf_printf(&bound, "%llu", (unsigned long long)max);
        return say_err(e, E_INVALID, NULL, T_NONE, T_LIN_BAD_NUMBER, option, given, buf_cstr(&bound));
    }
    jw_int_at(w, option, (int64_t)n);
    return 0;
}

/* NAME@VERSION, RUN:PATH, 64 digits, or a run. */
static void put_what(struct jw *w, const char *word)
{
    const char *colon = strchr(word, ':');
    if (text_is_sha256(word)) {
        jw_str_at(w, "sha256", word);
    } else if (colon) {
        jw_key(w, "run");
        jw_strn(w, word, (size_t)(colon - word));
        jw_str_at(w, "path", colon + 1);
    } else {
        jw_str_at(w, strchr(word, '@') ? "dataset" : "run", word);
    }
}

static int ask(struct cli *c, const struct args *a, struct client_answer *out, struct err *e)
{
    AUTO_BUF struct buf params = BUF_INIT(64 << 10);
    struct jw w = jw_to(&params);
    bool before = args_has(a, "before"), after = args_has(a, "after");

    jw_obj(&w);
    put_what(&w, args_word(a, 0));
    if (before != after)
        jw_str_at(&w, "direction", before ? "before" : "after");
    if (put_number(&w, a, "depth", 20, e) < 0 || put_number(&w, a, "limit", NODES_MAX, e) < 0)
        return CLI_BAD_USAGE;
    jw_end_obj(&w);
    return cli_call(c, "lineage.get", buf_cstr(&params), out, e) < 0 ? CLI_FAILED : CLI_OK;
}

/* ---- the graph ---- */

struct graph {
    const struct json *nodes[NODES_MAX];
    size_t count;
    const struct json *edges;
    bool drawn[NODES_MAX];
};

static struct graph *graph_of(const struct json *answer)
{
    struct graph *g = mem_alloc(sizeof *g);
    const struct json *list = json_get(answer, "nodes");
    for (const struct json *n = json_first(list); n && g->count < NODES_MAX; n = json_next(n))
        g->nodes[g->count++] = n;
    g->edges = json_get(answer, "edges");
    return g;
}

static size_t node_of(const struct graph *g, const char *id)
{
    size_t i = 0;
    while (i < g->count && strcmp(cli_str(g->nodes[i], "id"), id) != 0)
        i++;
    return i;
}

static void add_safe(struct buf *out, const char *s)
{
    AUTO_FREE char *safe = mem_alloc(4 * strlen(s) + 8);
    text_sanitize(s, strlen(s), safe, 4 * strlen(s) + 8);
    buf_add_str(out, safe);
}

static enum text_id edge_text(const char *kind, bool before)
{
    static const struct {
        const char *kind;
        enum text_id before, after; /* read from what is above in the tree */
    } rows[] = {{"used", T_LIN_USED, T_LIN_USED_BY},   {"ran_in", T_LIN_RAN_IN, T_LIN_RAN_IN},
                {"is_code", T_LIN_CODE, T_LIN_CODE},   {"again", T_LIN_AGAIN_OF, T_LIN_AGAIN},
                {"part", T_LIN_PART_OF, T_LIN_PART},   {"left", T_LIN_LEFT_BY, T_LIN_LEFT},
                {"same_bytes", T_LIN_SAME, T_LIN_SAME_AS}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].kind, kind) == 0)
            return before ? rows[i].before : rows[i].after;
    return T_NONE;
}

/* What a node is called, and what is known of it. */
static void add_node(struct buf *out, const struct term *t, const struct json *n, const char *path)
{
    const char *kind = cli_str(n, "kind"), *ref = cli_str(n, "ref");
    AUTO_BUF struct buf name = BUF_INIT(64 << 10);

    if (strcmp(kind, "artifact") == 0) {
        if (path && *path) {
            add_safe(&name, path);
            buf_add_char(&name, ' ');
        }
        human_digest(&name, ref);
        term_add(out, t, STYLE_BOLD, buf_cstr(&name));
        if (json_int(json_get(n, "size_bytes"), -1) >= 0)
            buf_printf(out, "  %s", human_size_text((uint64_t)cli_int(n, "size_bytes")));
        return;
    }
    if (strcmp(kind, "code") == 0)
        human_digest(&name, ref);
    else
        add_safe(&name, ref);
    term_add(out, t, STYLE_BOLD, buf_cstr(&name));
    if (strcmp(kind, "run") == 0) {
        buf_add_str(out, "  ");
        term_add(out, t, verdict_style(n), verdict_word(n));
    }
    if (*cli_str(n, "name")) {
        buf_add_str(out, "  ");
        add_safe(out, cli_str(n, "name"));
    }
    if (path && *path && strcmp(kind, "dataset") == 0) {
        buf_add_str(out, "  (");
        add_safe(out, path);
        buf_add_char(out, ')');
    }
}

struct draw {
    struct buf *out;
    const struct term *t;
    struct graph *g;
    bool before;
};

/* "data cancer@1  Title", on a terminal cut at its edge: what is cut loses its colours, by which widths cannot be judged. */
static void add_line(struct draw *d, const struct json *edge, size_t child, bool known, const char *indent, const char *branch)
{
    const struct term plain = {.fd = -1};
    AUTO_BUF struct buf line = BUF_INIT(256 << 10);
    size_t used = term_width_of(indent) + term_width_of(branch);
    bool fits = false;

    for (int coloured = 0; coloured < 2; coloured++) {
        buf_clear(&line);
        buf_printf(&line, "%s ", tr(edge_text(cli_str(edge, "kind"), d->before)));
        add_node(&line, coloured ? d->t : &plain, d->g->nodes[child], json_str(json_get(edge, "path")));
        if (known)
            buf_printf(&line, " %s", tr(T_LIN_ABOVE));
        if (!coloured)
            fits = d->t->width == 0 || term_width_of(buf_cstr(&line)) + used <= d->t->width;
        if (!fits)
            break;
    }
    term_add(d->out, d->t, STYLE_DIM, indent);
    term_add(d->out, d->t, STYLE_DIM, branch);
    if (fits || d->t->width <= used)
        buf_add_str(d->out, buf_cstr(&line));
    else
        term_add_cut(d->out, buf_cstr(&line), d->t->width - used);
    buf_add_char(d->out, '\n');
}

static void add_below(struct draw *d, size_t at, const char *indent);

static void add_child(struct draw *d, const struct json *edge, size_t child, bool last, const char *indent)
{
    bool known = d->g->drawn[child];
    char deeper[INDENT_MAX];

    d->g->drawn[child] = true;
    add_line(d, edge, child, known, indent, last ? "└─ " : "├─ ");
    if (known || strlen(indent) + 8 > sizeof deeper)
        return;
    snprintf(deeper, sizeof deeper, "%s%s", indent, last ? "   " : "│  ");
    add_below(d, child, deeper);
}

static void add_below(struct draw *d, size_t at, const char *indent)
{
    const char *id = cli_str(d->g->nodes[at], "id");
    const struct json *pending = NULL;
    size_t pending_child = 0;

    for (const struct json *e = json_first(d->g->edges); e; e = json_next(e)) {
        if (strcmp(cli_str(e, d->before ? "to" : "from"), id) != 0)
            continue;
        size_t other = node_of(d->g, cli_str(e, d->before ? "from" : "to"));
        const char *side = other < d->g->count ? cli_str(d->g->nodes[other], "side") : "";
        if (strcmp(side, d->before ? "before" : "after") != 0 && !(other == 0 && at != 0))
            continue;
        if (pending)
            add_child(d, pending, pending_child, false, indent);
        pending = e;
        pending_child = other;
    }
    if (pending)
        add_child(d, pending, pending_child, true, indent);
}

static bool any_on(const struct graph *g, const char *side)
{
    for (size_t i = 0; i < g->count; i++)
        if (strcmp(cli_str(g->nodes[i], "side"), side) == 0)
            return true;
    return false;
}

static void draw_tree(struct buf *out, const struct term *t, const struct json *answer)
{
    struct graph *g = graph_of(answer);
    static const char *const sides[] = {"before", "after"};
    static const enum text_id titles[] = {T_LIN_TITLE_BEFORE, T_LIN_TITLE_AFTER};

    add_node(out, t, g->nodes[0], NULL);
    buf_add_char(out, '\n');
    for (int i = 0; i < 2; i++) {
        struct draw d = {out, t, g, i == 0};
        if (!any_on(g, sides[i]))
            continue;
        memset(g->drawn, 0, sizeof g->drawn);
        g->drawn[0] = true;
        buf_printf(out, "\n%s\n", tr(titles[i]));
        add_below(&d, 0, "");
    }
    if (g->count == 1)
        buf_printf(out, "%s\n", tr(T_LIN_NOTHING));
    free(g);
}

/* ---- dot ---- */

static void add_quoted(struct buf *out, const char *s)
{
    buf_add_char(out, '"');
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            buf_add_char(out, '\\');
        buf_add_char(out, *s);
    }
    buf_add_char(out, '"');
}

static void draw_dot(struct buf *out, const struct json *answer)
{
    const struct json *nodes = json_get(answer, "nodes"), *edges = json_get(answer, "edges");
    static const struct {
        const char *kind, *shape;
    } shapes[] = {{"run", "box"}, {"artifact", "note"}, {"dataset", "cylinder"}, {"environment", "component"}, {"code", "tab"}};
    const struct term plain = {.fd = -1};

    buf_add_str(out, "digraph lineage {\n  rankdir=LR;\n");
    for (const struct json *n = json_first(nodes); n; n = json_next(n)) {
        AUTO_BUF struct buf label = BUF_INIT(64 << 10);
        const char *shape = "box";
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            shape = strcmp(shapes[i].kind, cli_str(n, "kind")) == 0 ? shapes[i].shape : shape;
        add_node(&label, &plain, n, NULL);
        buf_add_str(out, "  ");
        add_quoted(out, cli_str(n, "id"));
        buf_printf(out, " [shape=%s%s, label=", shape, strcmp(cli_str(n, "side"), "root") == 0 ? ", style=bold" : "");
        add_quoted(out, buf_cstr(&label));
        buf_add_str(out, "];\n");
    }
    for (const struct json *e = json_first(edges); e; e = json_next(e)) {
        AUTO_BUF struct buf label = BUF_INIT(64 << 10);
        add_safe(&label, json_str(json_get(e, "path")) ? cli_str(e, "path") : cli_str(e, "kind"));
        buf_add_str(out, "  ");
        add_quoted(out, cli_str(e, "from"));
        buf_add_str(out, " -> ");
        add_quoted(out, cli_str(e, "to"));
        buf_add_str(out, " [label=");
        add_quoted(out, buf_cstr(&label));
        buf_add_str(out, "];\n");
    }
    buf_add_str(out, "}\n");
}

int cmd_lineage(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_BUF struct buf out = BUF_INIT(32 << 20);
    const char *format = args_get(a, "format");
    bool dot = format && strcmp(format, "dot") == 0, json = c->json || (format && strcmp(format, "json") == 0);

    if (cli_need_words(a, 1, 1, T_U_LINEAGE, e) < 0)
        return CLI_BAD_USAGE;
    if (format && !dot && !json && strcmp(format, "tree") != 0) {
        (void)say_err(e, E_INVALID, NULL, T_NONE, T_BAD_FORMAT, format, "tree, json, dot");
        return CLI_BAD_USAGE;
    }
    int failed = ask(c, a, &answer, e);
    if (failed < 0)
        return failed;
    if (json) {
        cli_print_json(answer.result);
        return CLI_OK;
    }
    if (dot)
        draw_dot(&out, answer.result);
    else
        draw_tree(&out, &c->out, answer.result);
    cli_print(&out);
    if (json_bool(json_get(answer.result, "truncated"), false))
        cli_say(T_LIN_TRUNCATED);
    return CLI_OK;
}
