/*
 * table.c - see table.h.
 *
 * A batch is taken column by column: a column is of one kind nearly always, so that its loop is without surprises
 * and what it gathers stays in the nearest cache. Two rows are the same when their bytes are.
 */
#include "api/inspect/table.h"

#include "api/common/mem.h"
#include <stdlib.h>
#include <string.h>

void table_init(struct table *t, const char *const *names, size_t total, size_t room, bool decimal_comma)
{
    *t = (struct table){.total = total, .count = total < room ? total : room, .decimal_comma = decimal_comma};
    t->columns = mem_grow(NULL, t->count + 1, sizeof *t->columns);
    for (size_t i = 0; i < t->count; i++)
        column_init(&t->columns[i], names ? names[i] : "");
}

bool table_add_column(struct table *t, const char *name, size_t room)
{
    t->total++;
    if (t->count >= room)
        return false;
    t->columns = mem_grow(t->columns, t->count + 2, sizeof *t->columns);
    column_init(&t->columns[t->count++], name);
    return true;
}

void table_fini(struct table *t)
{
    for (size_t i = 0; i < t->count; i++)
        column_fini(&t->columns[i]);
    free(t->columns);
    groups_fini(&t->duplicates);
    for (int i = 0; i < QUASI_SETS; i++)
        groups_fini(&t->sets[i]);
    *t = (struct table){0};
}

/* Rank of a column by its values: a postal code is one whatever its name; 0: none. */
static unsigned rank_of_values(const struct table *t, size_t column, const struct field *sample, size_t rows)
{
    size_t postal = 0, present = 0;
    for (size_t r = 0; r < rows; r++) {
        const struct field *f = &sample[r * t->total + column];
        if (f->len == 0)
            continue;
        present++;
        postal += f->len <= 10 && ident_scan(f->text, f->len).strong == IDENT(IDENT_POSTAL);
    }
    return present >= 3 && postal * 2 > present ? 3 : 0;
}

void table_choose_quasi(struct table *t, const struct field *sample, size_t rows)
{
    for (unsigned rank = 1; rank < 10 && t->quasi_count < QUASI_MAX; rank++)
        for (size_t i = 0; i < t->count && t->quasi_count < QUASI_MAX; i++) {
            unsigned own = t->columns[i].hint.class == HINT_QUASI ? t->columns[i].hint.rank : 0;
            if (own == 0)
                own = rank_of_values(t, i, sample, rows);
            if (own == rank)
                t->quasi[t->quasi_count++] = i;
        }
}

static uint64_t join(uint64_t a, uint64_t b)
{
    return hash_mix(a * UINT64_C(0x9e3779b97f4a7c15) + b);
}

static uint64_t cell_hash(const char *s, size_t len)
{
    value_trim(&s, &len);
    return hash_bytes(s, len);
}

void table_row(struct table *t, const struct field *fields, size_t count, uint64_t hash)
{
    t->rows++;
    if (count != t->total) {
        t->ragged++;
        if (t->first_ragged_row == 0)
            t->first_ragged_row = t->rows;
    }
    for (size_t i = 0; i < t->count; i++)
        column_cell(&t->columns[i], i < count ? fields[i].text : "", i < count ? fields[i].len : 0, t->decimal_comma);
    groups_add(&t->duplicates, &hash, 1);
    uint64_t key = 0;
    for (size_t q = 0; q < t->quasi_count; q++) {
        size_t i = t->quasi[q];
        uint64_t h = i < count ? cell_hash(fields[i].text, fields[i].len) : cell_hash("", 0);
        key = q ? join(key, h) : h;
        if (q > 0)
            groups_add(&t->sets[q - 1], &key, 1);
    }
}

static void batch_quasi(struct table *t, const char *s, const uint32_t *at, size_t rows, uint64_t *keys)
{
    for (size_t q = 0; q < t->quasi_count && t->quasi_count > 1; q++) {
        for (size_t r = 0; r < rows; r++) {
            ptrdiff_t i = (ptrdiff_t)(r * t->total + t->quasi[q]);
            const char *p = s + (uint32_t)(at[i - 1] + 1);
            uint64_t h = cell_hash(p, (size_t)(s + at[i] - p));
            keys[r] = q ? join(keys[r], h) : h;
        }
        if (q > 0)
            groups_add(&t->sets[q - 1], keys, rows);
    }
}

void table_batch(struct table *t, const char *s, const uint32_t *at, size_t rows, bool cut_cr, struct batch_room *room)
{
    for (size_t i = 0; i < t->count; i++)
        column_batch(&t->columns[i], s, at, i, t->total, rows, t->decimal_comma, cut_cr && i + 1 == t->total, room);
    for (size_t r = 0; r < rows; r++) {
        const char *p = s + (uint32_t)(at[(ptrdiff_t)(r * t->total) - 1] + 1), *end = s + at[(r + 1) * t->total - 1];
        room->hashes[r] = hash_bytes(p, (size_t)(end - p) - (end > p && end[-1] == '\r'));
    }
    groups_add(&t->duplicates, room->hashes, rows);
    batch_quasi(t, s, at, rows, room->hashes);
    t->rows += rows;
}
