/*
 * similar.c - projects that are possibly similar: « possiblement similaire ».
 *
 * How alike two texts are. A text becomes a set of stems: letters are folded (É is e, œ is oe), words are
 * parted at everything else, words that say nothing (le, the) or that every project has (projet, data) are
 * left out, and five letters of each are kept: "prévoir", "prévision" become "previ", "prevo". That simple
 * stem joined more of what people write in two ways than whole words did, and fewer letters joined what does
 * not belong together. Likeness is the number of stems in both over the geometric mean of their numbers
 * (Ochiai's coefficient): 1 is the same, and a short summary of a long one still counts.
 *
 * Two projects are possibly similar when their titles and summaries are alike by 0.56, or by 0.40 when their
 * family is the same and what data they say is alike by 0.40. On the pairs of tests/unit/test_similar.c, in both
 * languages, near-same summaries are at 0.59 or more, and others of the same trade at 0.54 or less. Texts are
 * compared in the same language, and the better of both counts. The likeness of a pair depends on that pair
 * alone, not on what else is in the catalog: it can be explained, and does not change by itself.
 */
#include "catalog/project.h"

#include "api/common/utf8.h"
#include "catalog/db.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    STEM_LETTERS = 5,
    STEM_SIZE = STEM_LETTERS + 1,
    STEMS_MAX = 600,
    WORD_SIZE = 40,
    WORDS_MAX_BYTES = 64 << 10
};
static const double near_same = 0.56, alike = 0.40;

enum { TERM_FORGET, TERM_ADD, TERM_SHARED, TERM_COUNT, TERM_BOTH, TERM_PROJECT, TERM_SQL_COUNT };

static const struct sql_row rows[] = {
    [TERM_FORGET] = {.text = "DELETE FROM project_term WHERE project = ?"},
    [TERM_ADD] = {.text = "INSERT OR IGNORE INTO project_term (part, language, term, project) "
                          "VALUES (?, ?, ?, ?)"},
    /* CROSS JOIN: from the few stems of one project to those who share them, never the other way. */
    [TERM_SHARED] = {.text =
                         "SELECT t.project, count(*) FROM project_term o CROSS JOIN project_term t"
                         " WHERE o.project = ?1 AND o.part = 'text' AND o.language = ?2"
                         " AND t.part = o.part AND t.language = o.language AND t.term = o.term"
                         " AND t.project <> ?1 GROUP BY t.project HAVING count(*) >= 2"},
    [TERM_COUNT] =
        {.text =
             "SELECT count(*) FROM project_term WHERE project = ? AND part = ? AND language = ?"},
    [TERM_BOTH] =
        {.text = "SELECT count(*) FROM project_term o CROSS JOIN project_term t"
                 " WHERE o.project = ?1 AND o.part = ?3 AND o.language = ?4 AND t.part = o.part"
                 " AND t.language = o.language AND t.term = o.term AND t.project = ?2"},
    [TERM_PROJECT] = {.text = "SELECT code FROM project WHERE id = ?"},
};
static_assert(sizeof rows / sizeof rows[0] == TERM_SQL_COUNT, "one statement a row");
const struct sql_table project_term_sql = {"project's words", rows, TERM_SQL_COUNT,
                                           SQL_PROJECT_TERM};

/* ---- stems ---- */

/* Words that say nothing, folded, sorted: French, English, and what every project says. */
static const char *const empty_words[] = {
#include "catalog/similar_words.inc"
};
enum { EMPTY_COUNT = sizeof empty_words / sizeof *empty_words };

struct stems {
    size_t count;
    char list[STEMS_MAX][STEM_SIZE]; /* sorted once made */
};

static int compare_stem(const void *a, const void *b)
{
    return strcmp(a, b);
}

static int compare_word(const void *word, const void *at)
{
    return strcmp(word, *(const char *const *)at);
}

/* What letters of Latin-1 and the œ become; 0xC0 to 0xFF in order, '.' is no letter. */
static const char latin[] = "aaaaaaaceeeeiiiidnooooo.ouuuuytsaaaaaaaceeeeiiiidnooooo.ouuuuyty";
static_assert(sizeof latin == 64 + 1, "one for each of U+00C0 to U+00FF");

/* Adds the letters that a character is in a folded word; false: it parts words. */
static bool fold(const char *s, size_t len, char *word, size_t *used)
{
    const unsigned char *p = (const unsigned char *)s;
    char add[3] = "";
    if (len == 1) {
        char c = *s;
        add[0] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
        if (!((add[0] >= 'a' && add[0] <= 'z') || (add[0] >= '0' && add[0] <= '9')))
            return false;
    } else {
        unsigned code = len == 2 ? (unsigned)(p[0] & 0x1f) << 6 | (p[1] & 0x3fu) : 0;
        if (code >= 0x300 && code <= 0x36f)
            return true; /* an accent after its letter */
        if (code == 0x152 || code == 0x153) {
            memcpy(add, "oe", 3);
        } else if (code == 0xc6 || code == 0xe6) {
            memcpy(add, "ae", 3);
        } else if (code >= 0xc0 && code <= 0xff && latin[code - 0xc0] != '.') {
            add[0] = latin[code - 0xc0];
        } else {
            return false;
        }
    }
    for (const char *c = add; *c && *used < WORD_SIZE - 1; c++)
        word[(*used)++] = *c;
    return true;
}

static void add_word(struct stems *out, char *word, size_t used)
{
    word[used] = '\0';
    if (used < 2 || out->count == STEMS_MAX ||
        bsearch(word, empty_words, EMPTY_COUNT, sizeof *empty_words, compare_word))
        return;
    word[used < STEM_LETTERS ? used : STEM_LETTERS] = '\0';
    memcpy(out->list[out->count++], word, STEM_SIZE);
}

static void stems_of(const char *text, struct stems *out)
{
    char word[WORD_SIZE] = "";
    size_t used = 0, kept = 0;
    out->count = 0;
    for (size_t len = strlen(text); len > 0;) {
        size_t step = utf8_step(text, len);
        step = step ? step : 1;
        if (!fold(text, step, word, &used)) {
            add_word(out, word, used);
            used = 0;
        }
        text += step;
        len -= step;
    }
    add_word(out, word, used);
    qsort(out->list, out->count, STEM_SIZE, compare_stem);
    for (size_t i = 0; i < out->count; i++)
        if (i == 0 || strcmp(out->list[i], out->list[kept - 1]) != 0)
            memmove(out->list[kept++], out->list[i], STEM_SIZE);
    out->count = kept;
}

static double likeness(int64_t both, int64_t x, int64_t y)
{
    return x > 0 && y > 0 ? (double)both / sqrt((double)x * (double)y) : 0;
}

double similar_texts(const char *x, const char *y)
{
    AUTO_FREE struct stems *a = mem_alloc(sizeof *a);
    AUTO_FREE struct stems *b = mem_alloc(sizeof *b);
    int64_t both = 0;
    stems_of(x, a);
    stems_of(y, b);
    for (size_t i = 0; i < a->count; i++)
        both += bsearch(a->list[i], b->list, b->count, STEM_SIZE, compare_stem) != NULL;
    return likeness(both, (int64_t)a->count, (int64_t)b->count);
}

bool similar_is(double text, double data, bool same_family)
{
    return text >= near_same || (text >= alike && same_family && data >= alike);
}

/* ---- keeping ---- */

static int keep(struct cat *db, int64_t project, const char *part, const char *language,
                const char *text, struct err *e)
{
    AUTO_FREE struct stems *all = mem_alloc(sizeof *all);
    stems_of(text, all);
    for (size_t i = 0; i < all->count; i++)
        if (cat_do(db, &project_term_sql, TERM_ADD, e, V_T(part), V_T(language), V_T(all->list[i]),
                   V_I(project)) < 0)
            return -1;
    return 0;
}

int cat_similar_index(struct cat *db, int64_t project, const char *answers_json, struct err *e)
{
    static const struct json_limits limits = {.max_bytes = FORM_ANSWERS_MAX_BYTES};
    AUTO_JSON struct json *answers = json_parse(answers_json, strlen(answers_json), &limits, e);
    if (!answers || cat_do(db, &project_term_sql, TERM_FORGET, e, V_I(project)) < 0)
        return -1;
    for (int l = 0; l < FORM_LANGS; l++) {
        AUTO_BUF struct buf text = BUF_INIT(WORDS_MAX_BYTES);
        const char *title = record_text(answers, "title", form_langs[l], false);
        const char *summary = record_text(answers, "summary", form_langs[l], false);
        const char *data = record_text(answers, "data", form_langs[l], false);
        buf_printf(&text, "%s\n%s", title ? title : "", summary ? summary : "");
        if (keep(db, project, "text", form_langs[l], buf_cstr(&text), e) < 0 ||
            keep(db, project, "data", form_langs[l], data ? data : "", e) < 0)
            return -1;
    }
    return 0;
}

/* ---- finding ---- */

struct found {
    int64_t project;
    double text;
};

static int one_count(struct cat *db, sqlite3_stmt *s, int64_t *out, struct err *e)
{
    if (!s || cat_step(db, s, e) < 0)
        return -1;
    *out = sqlite3_column_int64(s, 0);
    return 0;
}

static int count_of(struct cat *db, int64_t project, const char *part, const char *language,
                    int64_t *out, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s =
        cat_query(db, &project_term_sql, TERM_COUNT, e, V_I(project), V_T(part), V_T(language));
    return one_count(db, s, out, e);
}

/* Those that are alike enough to be looked at; of each the better language. */
static int candidates(struct cat *db, struct arena *a, int64_t project, struct found **list,
                      size_t *count, struct err *e)
{
    size_t room = 0;
    for (int l = 0; l < FORM_LANGS; l++) {
        int64_t own = 0, other = 0;
        if (count_of(db, project, "text", form_langs[l], &own, e) < 0)
            return -1;
        AUTO_STMT sqlite3_stmt *s =
            cat_query(db, &project_term_sql, TERM_SHARED, e, V_I(project), V_T(form_langs[l]));
        int rc = -1;
        while (s && (rc = cat_step(db, s, e)) == 1) {
            int64_t id = sqlite3_column_int64(s, 0), both = sqlite3_column_int64(s, 1);
            /* With no more stems than those it would be alike by this: a bound that needs no count. */
            if (likeness(both, own, both) < alike)
                continue;
            if (count_of(db, id, "text", form_langs[l], &other, e) < 0)
                return -1;
            double text = likeness(both, own, other);
            size_t i = 0;
            while (i < *count && (*list)[i].project != id)
                i++;
            if (text < alike || (i < *count && (*list)[i].text >= text))
                continue;
            if (i == room) {
                struct found *more = arena_alloc(a, (room + 64) * sizeof *more);
                if (room)
                    memcpy(more, *list, room * sizeof *more);
                *list = more;
                room += 64;
            }
            (*list)[i] = (struct found){id, text};
            *count += i == *count;
        }
        if (rc < 0)
            return -1;
    }
    return 0;
}

/* -1 in *out: one of them says nothing of its data, or both in other languages. */
static int data_likeness(struct cat *db, int64_t x, int64_t y, double *out, struct err *e)
{
    *out = -1;
    for (int l = 0; l < FORM_LANGS; l++) {
        int64_t own = 0, other = 0, both = 0;
        if (count_of(db, x, "data", form_langs[l], &own, e) < 0 ||
            count_of(db, y, "data", form_langs[l], &other, e) < 0)
            return -1;
        if (!own || !other)
            continue;
        AUTO_STMT sqlite3_stmt *s = cat_query(db, &project_term_sql, TERM_BOTH, e, V_I(x), V_I(y),
                                              V_T("data"), V_T(form_langs[l]));
        if (one_count(db, s, &both, e) < 0)
            return -1;
        double data = likeness(both, own, other);
        *out = data > *out ? data : *out;
    }
    return 0;
}

static bool same_answer(const struct json *x, const struct json *y, const char *field)
{
    const char *a = json_str(json_get(x, field)), *b = json_str(json_get(y, field));
    return a && b && strcmp(a, b) == 0;
}

static int judge(struct cat *db, struct arena *a, const struct project_row *p,
                 const struct json *own, const struct found *f, struct project_similar *out,
                 struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &project_term_sql, TERM_PROJECT, e, V_I(f->project));
    if (!s || cat_step(db, s, e) < 0)
        return -1;
    *out = (struct project_similar){.text = f->text};
    if (cat_project_get(db, a, (const char *)sqlite3_column_text(s, 0), &out->project, e) < 0 ||
        data_likeness(db, p->id, f->project, &out->data, e) < 0)
        return -1;
    static const struct json_limits limits = {.max_bytes = FORM_ANSWERS_MAX_BYTES};
    const char *text = out->project.record.answers;
    AUTO_JSON struct json *other = json_parse(text, strlen(text), &limits, e);
    if (!other)
        return -1;
    out->same_family = same_answer(own, other, "family");
    out->same_organisation = same_answer(own, other, "organisation");
    return 0;
}

static int compare_found(const void *x, const void *y)
{
    const struct found *a = x, *b = y;
    if (a->text != b->text)
        return a->text < b->text ? 1 : -1;
    return a->project < b->project ? -1 : 1;
}

int cat_similar_find(struct cat *db, struct arena *a, const struct project_row *p,
                     struct project_similar **out, size_t *count, struct err *e)
{
    static const struct json_limits limits = {.max_bytes = FORM_ANSWERS_MAX_BYTES};
    struct found *list = NULL;
    size_t found = 0;
    *out = arena_alloc(a, SIMILAR_MAX * sizeof **out);
    *count = 0;
    if (!p->has_record)
        return 0;
    AUTO_JSON struct json *own =
        json_parse(p->record.answers, strlen(p->record.answers), &limits, e);
    if (!own || candidates(db, a, p->id, &list, &found, e) < 0)
        return -1;
    if (found)
        qsort(list, found, sizeof *list, compare_found);
    for (size_t i = 0; i < found && *count < SIMILAR_MAX; i++) {
        struct project_similar *s = &(*out)[*count];
        if (judge(db, a, p, own, &list[i], s, e) < 0)
            return -1;
        *count += similar_is(s->text, s->data, s->same_family);
    }
    return 0;
}
