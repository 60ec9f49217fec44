/*
 * cmd_search.c - enclos search: what has these words, and where they stand.
 */
#include "api/cli/command.h"
#include "api/common/text.h"
#include <string.h>

const struct opt cmd_search_options[] = {
    {"only", 0, T_A_NOUN, T_O_ONLY, false},
    {"limit", 0, T_A_NUMBER, T_O_LIMIT, false},
    {"rebuild", 0, T_NONE, T_O_REBUILD, false},
    {0},
};

static const struct {
    const char *noun;
    enum text_id name;
} nouns[] = {
    {"project", T_N_PROJECT}, {"experiment", T_N_EXPERIMENT}, {"lesson", T_N_LESSON},
    {"dataset", T_N_DATASET}, {"env", T_N_ENVIRONMENT},       {"run", T_N_RUN},
};

static const char *noun_name(const char *noun)
{
    for (size_t i = 0; i < sizeof nouns / sizeof *nouns; i++)
        if (strcmp(nouns[i].noun, noun) == 0)
            return tr(nouns[i].name);
    return noun;
}

/* All words of the command line, as one text. */
static void add_text(struct jw *w, const struct args *a)
{
    AUTO_BUF struct buf text = BUF_INIT(1 << 16);
    for (size_t i = 0; i < args_word_count(a); i++)
        buf_printf(&text, "%s%s", i ? " " : "", args_word(a, i));
    jw_str_at(w, "text", buf_cstr(&text));
}

static void add_hit(struct buf *out, const struct term *term, const struct json *hit)
{
    const char *noun = cli_str(hit, "noun"), *id = cli_str(hit, "id"), *title = cli_str(hit, "title");
    term_add(out, term, STYLE_DIM, noun_name(noun));
    buf_add_str(out, "  ");
    term_add(out, term, STYLE_BOLD, id);
    /* A title that begins with the id says it twice. */
    size_t len = strlen(id);
    if (strncmp(title, id, len) == 0 && (title[len] == ' ' || !title[len]))
        title += len + (title[len] == ' ');
    if (*title && strcmp(cli_str(hit, "where"), "title") != 0)
        buf_printf(out, "  %s", title);
    buf_add_str(out, "\n    ");
    for (const struct json *part = json_first(json_get(hit, "snippet")); part; part = json_next(part))
        term_add(out, term, json_bool(json_get(part, "hit"), false) ? STYLE_GOOD : STYLE_PLAIN,
                 cli_str(part, "text"));
    buf_add_char(out, '\n');
}

static int rebuild(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    if (cli_need_words(a, 0, 0, T_NONE, e) < 0)
        return CLI_BAD_USAGE;
    if (cli_call(c, "catalog.reindex", NULL, &answer, e) < 0)
        return CLI_FAILED;
    if (c->json)
        cli_print_json(answer.result);
    else
        cli_say(T_REINDEXED, human_count_text((uint64_t)cli_int(answer.result, "entries")));
    return CLI_OK;
}

int cmd_search(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_BUF struct buf params = BUF_INIT(1 << 17), out = BUF_INIT(4 << 20);
    struct jw w = jw_to(&params);
    const char *limit = args_get(a, "limit");
    uint64_t n;

    if (args_has(a, "rebuild"))
        return rebuild(c, a, e);
    if (cli_need_words(a, 1, 64, T_A_TEXT, e) < 0)
        return CLI_BAD_USAGE;
    jw_obj(&w);
    add_text(&w, a);
    if (args_get(a, "only"))
        jw_str_at(&w, "noun", args_get(a, "only"));
    if (limit && text_u64(limit, 1, 200, &n) < 0) {
        (void)say_err(e, E_INVALID, NULL, T_NONE, T_BAD_LIMIT_200, limit);
        return CLI_BAD_USAGE;
    }
    if (limit)
        jw_int_at(&w, "limit", (int64_t)n);
    jw_end_obj(&w);
    if (cli_call(c, "catalog.search", buf_cstr(&params), &answer, e) < 0)
        return CLI_FAILED;
    if (c->json) {
        cli_print_json(answer.result);
        return CLI_OK;
    }
    const struct json *hits = json_get(answer.result, "hits");
    for (const struct json *hit = json_first(hits); hit; hit = json_next(hit))
        add_hit(&out, &c->out, hit);
    if (json_count(hits) == 0)
        cli_say(T_NOTHING_FOUND);
    cli_print(&out);
    if (json_bool(json_get(answer.result, "only_newest"), false))
        cli_say(T_ONLY_NEWEST);
    if (json_bool(json_get(answer.result, "building"), false))
        cli_say(T_SEARCH_BUILDING);
    return CLI_OK;
}
