/*
 * complete.c - `enclos complete WORD…`: what the last of these words may become. The shells' completion files
 * (api/cli/completion/) call it at each Tab, so commands, options and choices are those of the tables themselves.
 *
 * A line a candidate, with a tab and what it is when that is known; ":files" asks the shell for file names. `--line TEXT`
 * gives the words as one line, for bash, which cuts words at = and @. Names come from the lab, when it answers at once:
 * a Tab never waits for long and never shows an error.
 */
#include "api/cli/command.h"
#include "api/client/client.h"
#include "api/common/mem.h"
#include "api/common/purpose.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum { ASK_MS = 400, NAMES_MAX = 300 };

struct completion {
    struct cli *cli;
    struct buf out;
    const char *typed;  /* the last word, or the value after = */
    const char *prefix; /* what of the word comes before the value: "--dataset=" */
    size_t prefix_len;
};

static void add(struct completion *c, const char *word, const char *what)
{
    if (strncmp(word, c->typed, strlen(c->typed)) != 0)
        return;
    buf_add(&c->out, c->prefix, c->prefix_len);
    buf_add_str(&c->out, word);
    if (what && *what) {
        buf_add_char(&c->out, '\t');
        for (const char *p = what; *p; p++)
            buf_add_char(&c->out, (unsigned char)*p < ' ' ? ' ' : *p);
    }
    buf_add_char(&c->out, '\n');
}

/* ---- names that the lab knows ---- */

struct list {
    const char *method, *params, *array;
    const char *name, *what, *what_else; /* members of an element */
};

enum names { NAMES_RUN, NAMES_DATASET, NAMES_ENV, NAMES_PROJECT, NAMES_PROFILE };

static const struct list lists[] = {
    [NAMES_RUN] = {"run.list", "{\"limit\":50}", "runs", "id", "name", "state"},
    [NAMES_DATASET] = {"dataset.list", "{\"limit\":300}", "datasets", "ref", "title", "state"},
    [NAMES_ENV] = {"env.list", "{\"limit\":300}", "environments", "ref", "title", "state"},
    [NAMES_PROJECT] = {"project.list", "{\"limit\":300}", "projects", "code", "organisation", "stage"},
    [NAMES_PROFILE] = {"profile.list", "{}", "profiles", "name", "title", NULL},
};

static bool ask(struct completion *c, const char *method, const char *params, struct client_answer *answer)
{
    struct err e = {0};
    return cli_call(c->cli, method, params, answer, &e) == 0;
}

static void add_names(struct completion *c, enum names which)
{
    AUTO_ANSWER struct client_answer answer = {0};
    const struct list *l = &lists[which];
    if (!ask(c, l->method, l->params, &answer))
        return;
    for (const struct json *m = json_first(json_get(answer.result, l->array)); m; m = json_next(m)) {
        const char *name = json_str(json_get(m, l->name)), *what = json_str(json_get(m, l->what));
        if (!what && l->what_else)
            what = json_str(json_get(m, l->what_else));
        if (name)
            add(c, name, what);
    }
}

/* Methods; after one its params, as name=. */
static void add_methods(struct completion *c, const char *method, char **given, int given_count)
{
    AUTO_ANSWER struct client_answer answer = {0};
    if (!ask(c, "rpc.discover", "{}", &answer))
        return;
    for (const struct json *m = json_first(json_get(answer.result, "methods")); m; m = json_next(m)) {
        const char *name = json_str(json_get(m, "name"));
        if (!name)
            continue;
        if (!method) {
            add(c, name, json_str(json_get(m, "summary")));
            continue;
        }
        if (strcmp(name, method) != 0)
            continue;
        for (const struct json *p = json_first(json_get(m, "params")); p; p = json_next(p)) {
            AUTO_FREE char *word = mem_printf("%s=", json_str(json_get(p, "name")));
            bool there = false;
            for (int i = 0; i < given_count; i++)
                there = there || strncmp(given[i], word, strlen(word)) == 0;
            if (!there)
                add(c, word, json_str(json_get(p, "description")));
        }
    }
}

/* ---- from the tables ---- */

static void add_options(struct completion *c, const struct opt *table)
{
    for (const struct opt *o = table; o && o->name; o++) {
        AUTO_FREE char *word = mem_printf("--%s", o->name);
        add(c, word, tr(o->help));
    }
}

/* "queued|running": the words that may stand there; anything else is a name for what is wanted. */
static bool add_choices(struct completion *c, const char *text)
{
    if (!strchr(text, '|') || strspn(text, "abcdefghijklmnopqrstuvwxyz-_|") != strlen(text))
        return false;
    AUTO_FREE char *copy = mem_strdup(text);
    char *rest = copy, *word;
    while ((word = strsep(&rest, "|")))
        add(c, word, NULL);
    return true;
}

/* What is wanted, as the English help calls it ("RUN", "NAME[@VERSION]", "FOLDER"), of an option or a command. */
static void add_wanted(struct completion *c, const char *text, const char *of)
{
    static const char *const files[] = {"FILE", "FOLDER", "PATH", "TAR", "command"};
    if (add_choices(c, text))
        return;
    if (strstr(text, "RUN"))
        add_names(c, NAMES_RUN);
    if (strstr(text, "@VERSION"))
        add_names(c, strncmp(of, "env", 3) == 0 ? NAMES_ENV : NAMES_DATASET);
    if (strstr(text, "PROJECT") || strcmp(of, "project") == 0 || strncmp(of, "project ", 8) == 0)
        add_names(c, NAMES_PROJECT);
    if (strcmp(of, "profile") == 0 || strcmp(of, "profile show") == 0 || strcmp(of, "profile diff") == 0)
        add_names(c, NAMES_PROFILE);
    if (strstr(text, "PURPOSE"))
        for (const char *const *p = purpose_codes; *p; p++)
            add(c, *p, NULL);
    if (strstr(text, "CLASS")) {
        static const char *const classes[] = {"public", "interne", "confidentiel", "tres_confidentiel"};
        for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
            add(c, classes[i], NULL);
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (strstr(text, files[i])) {
            buf_add_str(&c->out, ":files\n");
            return;
        }
}

static const struct opt *option_named(const struct opt *table, const char *word)
{
    for (const struct opt *o = table; o && o->name; o++)
        if ((strncmp(word, "--", 2) == 0 && strcmp(word + 2, o->name) == 0) ||
            (word[0] == '-' && o->letter && word[1] == o->letter && word[2] == '\0'))
            return o;
    return NULL;
}

static const struct opt *find_option(const struct command *command, const char *word)
{
    const struct opt *o = command ? option_named(command->options, word) : NULL;
    return o ? o : option_named(command_shared_options, word);
}

/* The first words of commands, or the second words of a family. */
static void add_commands(struct completion *c, const char *family)
{
    size_t len = family ? strlen(family) : 0;
    for (size_t i = 0; i < command_count; i++) {
        const char *name = commands[i].name;
        if (family && (strncmp(name, family, len) != 0 || name[len] != ' '))
            continue;
        const char *word = family ? name + len + 1 : name;
        AUTO_FREE char *first = mem_strndup(word, strcspn(word, " "));
        bool seen = false;
        for (size_t k = 0; k < i && !family; k++)
            seen = seen || (strncmp(commands[k].name, first, strlen(first)) == 0 &&
                            (commands[k].name[strlen(first)] == ' ' || commands[k].name[strlen(first)] == '\0'));
        if (!seen)
            add(c, first, family || !strchr(word, ' ') ? tr(commands[i].summary) : NULL);
    }
}

/* `words` are those before the last: options and their values are passed over, the rest is the command's. */
static void complete_words(struct completion *c, char **words, int count)
{
    AUTO_FREE char **plain = mem_grow(NULL, (size_t)count + 1, sizeof *plain);
    const struct command *command = NULL;
    const struct opt *open = NULL; /* an option whose value is the last word */
    int plain_count = 0, used = 0;
    bool ended = false;

    for (int i = 0; i < count; i++) {
        open = NULL;
        if (!ended && strcmp(words[i], "--") == 0) {
            ended = true;
        } else if (!ended && words[i][0] == '-') {
            const struct opt *o = strchr(words[i], '=') ? NULL : find_option(command, words[i]);
            if (o && o->value != T_NONE && i + 1 < count)
                i++;
            else if (o && o->value != T_NONE)
                open = o;
        } else {
            plain[plain_count++] = words[i];
            if (!command || plain_count == used + 1) /* "hold", then perhaps "hold list" */
                command = command_find(plain_count, plain, &used);
            if (command && command->mode == ARGS_TO_WORD && plain_count > used)
                ended = true;
        }
    }
    if (open) {
        add_wanted(c, tr_in(LANG_EN, open->value), open->name);
    } else if (!ended && strncmp(c->typed, "--", 2) == 0 && strchr(c->typed, '=')) {
        AUTO_FREE char *name = mem_strndup(c->typed, strcspn(c->typed, "="));
        const struct opt *o = find_option(command, name);
        c->prefix = c->typed;
        c->prefix_len = strlen(name) + 1;
        c->typed += c->prefix_len;
        if (o && o->value != T_NONE)
            add_wanted(c, tr_in(LANG_EN, o->value), o->name);
    } else if (!ended && c->typed[0] == '-') {
        if (command)
            add_options(c, command->options);
        add_options(c, command_shared_options);
    } else if (!command) {
        add_commands(c, plain_count ? plain[0] : NULL);
    } else if (ended || command->mode == ARGS_TO_WORD) {
        buf_add_str(&c->out, ":files\n");
    } else if (strcmp(command->name, "rpc") == 0) {
        add_methods(c, plain_count > used ? plain[used] : NULL, plain + used, plain_count - used);
    } else if (strcmp(command->name, "help") == 0) {
        add_commands(c, plain_count > used ? plain[used] : NULL);
    } else {
        /* "hold" is a command, and the family of "hold list". */
        if (plain_count == used)
            add_commands(c, command->name);
        const char *usage = tr_in(LANG_EN, command->usage);
        if (plain_count == used || strstr(usage, "FILE") || strcmp(command->name, "diff") == 0 ||
            strcmp(command->name, "profile diff") == 0)
            add_wanted(c, usage, command->name);
    }
}

/* Words of a line as a shell would cut it, quotes and backslashes taken away; the last one may be empty. */
static char **cut(const char *line, int *count)
{
    char **words = mem_grow(NULL, strlen(line) + 2, sizeof *words);
    *count = 0;
    for (const char *p = line;;) {
        while (*p == ' ' || *p == '\t')
            p++;
        AUTO_BUF struct buf word = BUF_INIT(1 << 20);
        char quote = 0;
        for (; *p && (quote || (*p != ' ' && *p != '\t')); p++) {
            if (quote && *p == quote)
                quote = 0;
            else if (!quote && (*p == '"' || *p == '\''))
                quote = *p;
            else if (*p == '\\' && p[1] && quote != '\'')
                buf_add_char(&word, *++p);
            else
                buf_add_char(&word, *p);
        }
        words[(*count)++] = mem_strdup(buf_cstr(&word));
        if (!*p)
            return words;
    }
}

static void give_up(int signal_number)
{
    (void)signal_number;
    _exit(0);
}

int complete_main(struct cli *cli, int argc, char **argv)
{
    struct completion c = {.cli = cli, .out = BUF_INIT(1 << 20), .prefix = ""};
    const struct itimerval soon = {.it_value = {.tv_usec = ASK_MS * 1000}};
    char **words = argv;
    int count = argc;
    bool own = argc == 2 && strcmp(argv[0], "--line") == 0;

    signal(SIGALRM, give_up);
    setitimer(ITIMER_REAL, &soon, NULL);
    if (own)
        words = cut(argv[1], &count);
    /* The line of a shell starts with the program's name. */
    int from = own && count > 0 ? 1 : 0;
    c.typed = count > from ? words[count - 1] : "";
    complete_words(&c, words + from, count > from ? count - from - 1 : 0);
    fwrite(c.out.data, 1, c.out.len, stdout);
    fflush(stdout);
    buf_fini(&c.out);
    for (int i = 0; own && i < count; i++)
        free(words[i]);
    if (own)
        free(words);
    return 0;
}
