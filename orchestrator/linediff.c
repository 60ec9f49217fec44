/*
 * linediff.c - see linediff.h.
 *
 * Lines are points on a grid: x lines of `a` and y of `b` are behind us. furthest[k] is how far one gets on diagonal
 * x - y = k with d edits; each round keeps a copy, and the way back through the copies is the script.
 *
 *         b0  b1  b2
 *     a0   .   \   .        \  the same line: free
 *     a1   .   .   \        right: a line of b is added; down: a line of a is removed
 */
#include "orchestrator/linediff.h"
#include "api/common/mem.h"
#include <stdlib.h>
#include <string.h>

enum { AROUND = 3 };

struct line {
    const char *text;
    size_t len; /* with its LF, if it has one */
    uint64_t hash;
};

struct lines {
    struct line *line;
    int count;
};

enum edit { KEEP, REMOVE, ADD };

static bool split(const char *s, size_t len, struct lines *out)
{
    if (len > LINEDIFF_MAX_BYTES)
        return false;
    out->line = mem_grow(NULL, LINEDIFF_MAX_LINES, sizeof *out->line);
    for (const char *end = s + len; s < end;) {
        if (out->count == LINEDIFF_MAX_LINES)
            return false;
        const char *lf = memchr(s, '\n', (size_t)(end - s));
        struct line *l = &out->line[out->count++];
        *l = (struct line){s, lf ? (size_t)(lf - s) + 1 : (size_t)(end - s), 0xcbf29ce484222325U};
        for (size_t i = 0; i < l->len; i++)
            l->hash = (l->hash ^ (unsigned char)s[i]) * 0x100000001b3U;
        s += l->len;
    }
    return true;
}

static bool same(const struct line *a, const struct line *b)
{
    return a->hash == b->hash && a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

/* The script of what lies between the equal head and tail, from its end to its start; NULL: too many edits. */
static enum edit *script_of(const struct line *a, int n, const struct line *b, int m, size_t *count)
{
    enum { MOST = LINEDIFF_MAX_EDITS };
    AUTO_FREE int *kept = mem_grow(NULL, (size_t)(MOST + 1) * (MOST + 2), sizeof *kept); /* round d has 2d+1 places from d*d on */
    AUTO_FREE int *furthest = mem_grow(NULL, 2 * MOST + 3, sizeof *furthest);
    int *v = furthest + MOST + 1, found = -1;

    v[1] = 0;
    for (int d = 0; d <= MOST && found < 0; d++) {
        for (int k = -d; k <= d; k += 2) {
            int x = k == -d || (k != d && v[k - 1] < v[k + 1]) ? v[k + 1] : v[k - 1] + 1;
            while (x < n && x - k < m && same(&a[x], &b[x - k]))
                x++;
            v[k] = x;
            if (x >= n && x - k >= m)
                found = d;
        }
        memcpy(kept + (size_t)d * (size_t)d, v - d, (size_t)(2 * d + 1) * sizeof *kept);
    }
    *count = 0;
    if (found < 0)
        return NULL;
    enum edit *script = mem_grow(NULL, (size_t)(n + m) + 1, sizeof *script);
    int x = n, y = m;
    for (int d = found; d > 0; d--) {
        const int *before = kept + (size_t)(d - 1) * (size_t)(d - 1) + (d - 1); /* middle of round d-1 */
        int k = x - y;
        bool adds = k == -d || (k != d && before[k - 1] < before[k + 1]);
        int from_k = adds ? k + 1 : k - 1, from_x = before[from_k];
        for (; x > from_x + !adds; x--, y--)
            script[(*count)++] = KEEP;
        script[(*count)++] = adds ? ADD : REMOVE;
        x = from_x;
        y = from_x - from_k;
    }
    for (; x > 0; x--)
        script[(*count)++] = KEEP;
    return script;
}

static void put(struct buf *out, char sign, const struct line *l)
{
    buf_add_char(out, sign);
    buf_add(out, l->text, l->len);
    if (l->text[l->len - 1] != '\n')
        buf_add_str(out, "\n\\ no line break at the end\n");
}

struct side {
    const struct lines *a, *b;
    const enum edit *script; /* the last edit first */
    size_t count;
    int head; /* equal lines before it */
};

static enum edit edit_at(const struct side *s, size_t i)
{
    return s->script[s->count - 1 - i];
}

/* One hunk: edits [from, to) of the script, with lines around. */
static void put_hunk(const struct side *s, size_t from, size_t to, int x, int y, int before, int after, struct buf *out)
{
    int a_lines = before + after, b_lines = a_lines;
    for (size_t i = from; i < to; i++) {
        a_lines += edit_at(s, i) != ADD;
        b_lines += edit_at(s, i) != REMOVE;
    }
    buf_printf(out, "@@ -%d,%d +%d,%d @@\n", x - before + (a_lines > 0), a_lines, y - before + (b_lines > 0), b_lines);
    for (int i = x - before; i < x; i++)
        put(out, ' ', &s->a->line[i]);
    for (size_t i = from; i < to; i++)
        switch (edit_at(s, i)) {
        case KEEP:
            put(out, ' ', &s->a->line[x]);
            x++;
            y++;
            break;
        case REMOVE: put(out, '-', &s->a->line[x++]); break;
        case ADD: put(out, '+', &s->b->line[y++]); break;
        }
    for (int i = x; i < x + after; i++)
        put(out, ' ', &s->a->line[i]);
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

static void put_hunks(const struct side *s, struct buf *out)
{
    int x = s->head, y = x;
    for (size_t i = 0; i < s->count;) {
        if (edit_at(s, i) == KEEP) {
            i++;
            x++;
            y++;
            continue;
        }
        /* To the last edit that has no more than two times AROUND equal lines before it. */
        size_t to = i, equal = 0;
        int hunk_x = x, hunk_y = y, end_x = x, end_y = y;
        for (size_t j = i; j < s->count && equal <= 2 * AROUND; j++) {
            enum edit edit = edit_at(s, j);
            equal = edit == KEEP ? equal + 1 : 0;
            x += edit != ADD;
            y += edit != REMOVE;
            if (edit != KEEP) {
                to = j + 1;
                end_x = x;
                end_y = y;
            }
        }
        put_hunk(s, i, to, hunk_x, hunk_y, least(AROUND, hunk_x), least(AROUND, s->a->count - end_x), out);
        i = to;
        x = end_x;
        y = end_y;
    }
}

bool linediff(const char *a, size_t a_len, const char *b, size_t b_len, struct buf *out, int64_t *added, int64_t *removed)
{
    struct lines la = {0}, lb = {0};
    enum edit *script = NULL;
    size_t count = 0;
    int head = 0, tail = 0;
    bool small = split(a, a_len, &la) && split(b, b_len, &lb);

    *added = *removed = 0;
    if (small) {
        int shorter = least(la.count, lb.count);
        while (head < shorter && same(&la.line[head], &lb.line[head]))
            head++;
        while (tail < shorter - head && same(&la.line[la.count - 1 - tail], &lb.line[lb.count - 1 - tail]))
            tail++;
        script = script_of(la.line + head, la.count - head - tail, lb.line + head, lb.count - head - tail, &count);
    }
    if (script) {
        for (size_t i = 0; i < count; i++) {
            *added += script[i] == ADD;
            *removed += script[i] == REMOVE;
        }
        const struct side side = {&la, &lb, script, count, head};
        put_hunks(&side, out);
    }
    free(la.line);
    free(lb.line);
    bool done = script != NULL;
    free(script);
    return done;
}
