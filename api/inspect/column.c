/*
 * column.c - see column.h.
 */
#include "api/inspect/column.h"

#include <math.h>
#include <string.h>

void column_init(struct column *c, const char *name)
{
    *c = (struct column){.plain = true, .text_min = UINT32_MAX};
    c->hint = hint_of(name);
    size_t len = strlen(name);
    if (len >= COLUMN_NAME_MAX)
        len = COLUMN_NAME_MAX - 1;
    while (len > 0 && name[len] && ((unsigned char)name[len] & 0xc0) == 0x80)
        len--;
    /* A value in the place of a name is not shown: a file whose first line is data, keys made of values. */
    struct ident_hits hits = ident_scan(name, strlen(name));
    c->name_hidden = (hits.strong | hits.weak) != 0;
    if (!c->name_hidden)
        memcpy(c->name, name, len);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)c->name[i] < ' ' || c->name[i] == 0x7f)
            c->name[i] = ' ';
}

void column_fini(struct column *c)
{
    sample_fini(&c->numbers.sample);
    sample_fini(&c->dates.sample);
    top_fini(&c->top);
}

uint64_t column_present(const struct column *c)
{
    uint64_t n = 0;
    for (int k = 0; k < VALUE_KIND_COUNT; k++)
        n += k == VALUE_MISSING ? 0 : c->kinds[k];
    return n;
}

/* Mean and m2 of both together (Chan, Golub, LeVeque): stable whatever the order of magnitude. */
static void stats_merge(struct stats *s, uint64_t count, double mean, double m2, double min, double max)
{
    double n = (double)s->count + (double)count, delta = mean - s->mean;
    if (s->count == 0) {
        s->min = min;
        s->max = max;
    }
    s->m2 += m2 + delta * delta * ((double)s->count * ((double)count / n));
    s->mean += delta * ((double)count / n);
    s->min = min < s->min ? min : s->min;
    s->max = max > s->max ? max : s->max;
    s->count += count;
}

static void stats_add(struct stats *s, double v)
{
    stats_merge(s, 1, v, 0, v, v);
    sample_add(&s->sample, &v, 1);
}

static void stats_add_batch(struct stats *s, const double *v, size_t count)
{
    struct moments m;
    if (count == 0)
        return;
    moments_of(v, count, v[0], &m);
    double n = (double)count, square = m.square - m.sum * m.sum / n;
    stats_merge(s, count, v[0] + m.sum / n, square > 0 ? square : 0, m.min, m.max);
    sample_add(&s->sample, v, count);
}

static uint64_t number_hash(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return hash_mix(bits ^ UINT64_C(0x9e3779b97f4a7c15));
}

static void note_idents(struct column *c, struct ident_hits hits)
{
    if (!(hits.strong | hits.weak | hits.tried))
        return;
    for (int k = 0; k < IDENT_COUNT; k++) {
        c->strong[k] += hits.strong >> k & 1;
        c->weak[k] += (hits.weak & ~hits.strong) >> k & 1;
        c->tried[k] += hits.tried >> k & 1;
    }
}

static void add_text(struct column *c, const char *s, size_t len, bool to_top)
{
    uint64_t hash = hash_bytes(s, len);
    uint32_t n = len < UINT32_MAX ? (uint32_t)len : UINT32_MAX;
    hll_add(&c->hll, hash);
    if (to_top)
        top_add_text(&c->top, hash, s, len);
    c->text_total += len;
    c->text_min = n < c->text_min ? n : c->text_min;
    c->text_max = n > c->text_max ? n : c->text_max;
}

static void add_cell(struct column *c, const char *s, size_t len, bool decimal_comma, bool to_top)
{
    value_trim(&s, &len);
    struct value v = value_read(s, len, decimal_comma);
    c->kinds[v.kind]++;
    switch (v.kind) {
    case VALUE_MISSING: c->missing[v.token]++; return;
    case VALUE_INTEGER:
    case VALUE_DECIMAL: {
        uint64_t hash = number_hash(v.number);
        c->commas += v.comma;
        c->points += v.point;
        hll_add(&c->hll, hash);
        if (to_top)
            top_add_number(&c->top, hash, v.number);
        stats_add(&c->numbers, v.number);
        if (len >= 9)
            note_idents(c, ident_scan(s, len));
        return;
    }
    case VALUE_DATE:
    case VALUE_DATETIME:
        c->day_first += v.day_first;
        c->month_first += v.month_first;
        stats_add(&c->dates, v.number);
        add_text(c, s, len, to_top);
        return;
    case VALUE_BOOLEAN:
    case VALUE_TIME: add_text(c, s, len, to_top); return;
    case VALUE_TEXT:
    case VALUE_KIND_COUNT: break;
    }
    add_text(c, s, len, to_top);
    if (ident_may_be(s, len))
        note_idents(c, ident_scan(s, len));
}

void column_cell(struct column *c, const char *s, size_t len, bool decimal_comma)
{
    /* One cell is a batch of its own only once values abound: then few go on. */
    add_cell(c, s, len, decimal_comma, !top_passes(&c->top));
}

static void cell_at(struct column *c, const char *s, const uint32_t *at, size_t i, bool decimal_comma, bool to_top)
{
    const char *p = s + (uint32_t)(at[(ptrdiff_t)i - 1] + 1);
    add_cell(c, p, (size_t)(s + at[i] - p), decimal_comma, to_top);
}

/* Which mark the first few decimals of a batch have: whether both occur is what matters, not how often. */
static void note_mark(struct column *c, const char *s, const uint32_t *at, size_t first, size_t stride, size_t rows)
{
    for (size_t r = 0; r < rows && r < 8; r++) {
        size_t i = first + r * stride;
        const char *p = s + (uint32_t)(at[(ptrdiff_t)i - 1] + 1);
        for (size_t len = (size_t)(s + at[i] - p); len > 0; len--, p++) {
            c->commas += *p == ',';
            c->points += *p == '.';
        }
    }
}

void column_batch(struct column *c, const char *s, const uint32_t *at, size_t first, size_t stride, size_t rows,
                  bool decimal_comma, bool cut_cr, struct batch_room *room)
{
    bool to_top = !top_passes(&c->top);
    if (!c->plain) {
        /* Looks at a few again, in case what follows is numbers. */
        for (size_t r = 0; r < rows; r++)
            cell_at(c, s, at, first + r * stride, decimal_comma, to_top);
        uint64_t numbers = c->kinds[VALUE_INTEGER] + c->kinds[VALUE_DECIMAL];
        c->plain = numbers > column_present(c) / 2;
        return;
    }
    struct numbers n = {.values = room->values, .others = room->others, .digits = room->digits};
    numbers_read(s, at, first, stride, rows, decimal_comma ? ',' : '.', cut_cr, &n);
    c->kinds[VALUE_INTEGER] += n.integers;
    c->kinds[VALUE_DECIMAL] += n.count - n.integers;
    if (n.count > n.integers)
        note_mark(c, s, at, first, stride, rows);
    stats_add_batch(&c->numbers, n.values, n.count);
    for (size_t i = 0; i < n.count; i++)
        hll_add(&c->hll, number_hash(n.values[i]));
    if (to_top)
        for (size_t i = 0; i < n.count; i++)
            top_add_number(&c->top, number_hash(n.values[i]), n.values[i]);
    for (size_t k = 0; k < n.digit_count; k++) {
        size_t i = first + n.digits[k] * stride;
        const char *p = s + (uint32_t)(at[(ptrdiff_t)i - 1] + 1);
        size_t len = (size_t)(s + at[i] - p);
        value_trim(&p, &len);
        note_idents(c, ident_digits(p, len));
    }
    for (size_t k = 0; k < n.other_count; k++)
        cell_at(c, s, at, first + n.others[k] * stride, decimal_comma, to_top);
    c->plain = n.count * 2 >= rows;
}
