/*
 * opt.c - options of a command; see opt.h.
 */
#include "api/cli/opt.h"
#include "api/common/mem.h"
#include <stdlib.h>
#include <string.h>

struct given {
    const struct opt *opt;
    const char *value;
};

struct args {
    struct given *given;
    size_t given_count;
    char **words;
    size_t word_count;
    bool separator;
};

struct args *args_new(void)
{
    struct args *a = mem_alloc(sizeof *a);

    a->words = mem_grow(NULL, 1, sizeof *a->words);
    a->words[0] = NULL;
    return a;
}

void args_free_at(struct args **a)
{
    if (!*a)
        return;
    free((*a)->given);
    free((*a)->words);
    free(*a);
    *a = NULL;
}

static size_t distance(const char *a, const char *b)
{
    size_t row[64], la = strlen(a), lb = strlen(b);

    if (la >= 64 || lb >= 64)
        return 64;
    for (size_t j = 0; j <= lb; j++)
        row[j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            size_t shift = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = change < shift ? change : shift;
        }
    }
    return row[lb];
}

const char *opt_nearest(const char *typed, const char *const *names, size_t count)
{
    const char *best = NULL;
    size_t least = strlen(typed) < 4 ? 2 : 3; /* further than this is no typing error */

    for (size_t i = 0; i < count; i++) {
        size_t d = names[i] ? distance(typed, names[i]) : 64;
        if (d < least) {
            least = d;
            best = names[i];
        }
    }
    return best;
}

static const struct opt *find(const struct opt *table, const char *name, size_t len)
{
    for (const struct opt *o = table; o && o->name; o++)
        if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
            return o;
    return NULL;
}

static const struct opt *find_letter(const struct opt *table, char letter)
{
    for (const struct opt *o = table; o && o->name; o++)
        if (o->letter == letter)
            return o;
    return NULL;
}

static int unknown(const struct opt *options, const struct opt *shared, const char *word,
                   struct err *e)
{
    const char *names[128];
    size_t count = 0, len = strcspn(word, "=");

    for (const struct opt *o = options; o && o->name && count < 128; o++)
        names[count++] = o->name;
    for (const struct opt *o = shared; o && o->name && count < 128; o++)
        names[count++] = o->name;
    AUTO_FREE char *typed = mem_strndup(word, len);
    const char *near = strncmp(word, "--", 2) == 0 ? opt_nearest(typed + 2, names, count) : NULL;
    if (!near)
        return say_err(e, E_INVALID, NULL, T_NONE, T_OPT_UNKNOWN, typed);
    return say_err(e, E_INVALID, NULL, T_NONE, T_OPT_UNKNOWN_NEAR, typed, near);
}

static void add_word(struct args *a, char *word)
{
    a->words = mem_grow(a->words, a->word_count + 2, sizeof *a->words);
    a->words[a->word_count++] = word;
    a->words[a->word_count] = NULL;
}

static int add_given(struct args *a, const struct opt *opt, const char *value, struct err *e)
{
    if (!opt->repeats && opt->value != T_NONE && args_has(a, opt->name))
        return say_err(e, E_INVALID, NULL, T_NONE, T_OPT_TWICE, opt->name);
    a->given = mem_grow(a->given, a->given_count + 1, sizeof *a->given);
    a->given[a->given_count++] = (struct given){opt, value};
    return 0;
}

int args_parse(struct args *a, const struct opt *options, const struct opt *shared, int argc,
               char **argv, enum args_mode mode, struct err *e)
{
    int i = 0;

    for (; i < argc; i++) {
        char *word = argv[i];
        const struct opt *opt = NULL;
        const char *value = NULL;

        if (strcmp(word, "--") == 0) {
            a->separator = true;
            i++;
            break;
        }
        if (word[0] != '-' || word[1] == '\0') {
            if (mode != ARGS_ANYWHERE)
                break;
            add_word(a, word);
            continue;
        }
        if (word[1] == '-') {
            size_t len = strcspn(word + 2, "=");
            opt = find(options, word + 2, len);
            if (!opt)
                opt = find(shared, word + 2, len);
            value = word[2 + len] == '=' ? word + 3 + len : NULL;
        } else {
            opt = find_letter(options, word[1]);
            if (!opt)
                opt = find_letter(shared, word[1]);
            if (opt && word[2] && opt->value != T_NONE)
                value = word + 2;
            else if (word[2])
                opt = NULL;
        }
        if (!opt && mode == ARGS_KNOWN)
            break;
        if (!opt)
            return unknown(options, shared, word, e);
        if (opt->value == T_NONE && value)
            return say_err(e, E_INVALID, NULL, T_NONE, T_OPT_NO_VALUE, opt->name);
        if (opt->value != T_NONE && !value) {
            if (i + 1 >= argc)
                return say_err(e, E_INVALID, NULL, T_NONE, T_OPT_NEEDS_VALUE, opt->name,
                               tr(opt->value));
            value = argv[++i];
        }
        if (add_given(a, opt, value, e) < 0)
            return -1;
    }
    for (; i < argc; i++)
        add_word(a, argv[i]);
    return 0;
}

size_t args_word_count(const struct args *a)
{
    return a->word_count;
}

char **args_words(const struct args *a)
{
    return a->words;
}

const char *args_word(const struct args *a, size_t i)
{
    return i < a->word_count ? a->words[i] : NULL;
}

void args_drop_words(struct args *a, size_t count, size_t from)
{
    while (from < a->word_count)
        a->words[count++] = a->words[from++];
    a->word_count = count;
    a->words[count] = NULL;
}

bool args_had_separator(const struct args *a)
{
    return a->separator;
}

bool args_has(const struct args *a, const char *name)
{
    for (size_t i = 0; i < a->given_count; i++)
        if (strcmp(a->given[i].opt->name, name) == 0)
            return true;
    return false;
}

const char *args_get(const struct args *a, const char *name)
{
    const char *value = NULL;

    for (size_t i = 0; i < a->given_count; i++)
        if (strcmp(a->given[i].opt->name, name) == 0)
            value = a->given[i].value;
    return value;
}

const char *args_each(const struct args *a, const char *name, size_t *at)
{
    for (; *at < a->given_count; (*at)++)
        if (strcmp(a->given[*at].opt->name, name) == 0)
            return a->given[(*at)++].value;
    return NULL;
}
