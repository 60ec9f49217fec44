/* test_inspect_value.c - cells: missing, numbers, booleans, dates; numbers in bulk by both units; field ends by both. */
#include "tests/unit/unit.h"

#include "api/inspect/number.h"
#include "api/inspect/value.h"
#include <math.h>

static void test_kinds_of_cells(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum value_kind kind;
        double number;
    } rows[] = {
        {"", VALUE_MISSING, 0}, {"NA", VALUE_MISSING, 0}, {"n/a", VALUE_MISSING, 0}, {"nan", VALUE_MISSING, 0}, {"-", VALUE_MISSING, 0},
        {"s.o.", VALUE_MISSING, 0}, {"<NA>", VALUE_MISSING, 0}, {"42", VALUE_INTEGER, 42}, {"-7", VALUE_INTEGER, -7},
        {"+7", VALUE_INTEGER, 7}, {"007", VALUE_INTEGER, 7}, {"3.14", VALUE_DECIMAL, 3.14}, {"3,14", VALUE_DECIMAL, 3.14},
        {"12 345,67", VALUE_DECIMAL, 12345.67}, {"12\xc2\xa0" "345", VALUE_INTEGER, 12345}, {"12 34", VALUE_TEXT, 0},
        {"1e3", VALUE_DECIMAL, 1000}, {"1E-2", VALUE_DECIMAL, 0.01}, {"1e", VALUE_TEXT, 0}, {".5", VALUE_DECIMAL, 0.5},
        {"5.", VALUE_DECIMAL, 5}, {"1.2.3", VALUE_TEXT, 0}, {"0x10", VALUE_TEXT, 0}, {"inf", VALUE_TEXT, 0}, {"1e999", VALUE_TEXT, 0},
        {"123456789012345678901234567890", VALUE_INTEGER, 123456789012345678901234567890.0},
        {"0.1234567890123456789", VALUE_DECIMAL, 0.1234567890123456789}, {"9007199254740993", VALUE_INTEGER, 9007199254740992.0},
        {"-0", VALUE_INTEGER, 0}, {"vrai", VALUE_BOOLEAN, 1}, {"NON", VALUE_BOOLEAN, 0}, {"oui!", VALUE_TEXT, 0},
        {"2026-11-24", VALUE_DATE, 1795478400.0}, {"24/11/2026", VALUE_DATE, 1795478400.0}, {"11/24/2026", VALUE_DATE, 1795478400.0},
        {"2026-02-29", VALUE_TEXT, 0}, {"2024-02-29", VALUE_DATE, 1709164800.0}, {"1969-12-31", VALUE_DATE, -86400.0},
        {"2026-11-24T05:28:00Z", VALUE_DATETIME, 1795498080.0}, {"2026-11-24 05:28", VALUE_DATETIME, 1795498080.0},
        {"2026-11-24 5h28", VALUE_TEXT, 0}, {"05:28", VALUE_TIME, 19680}, {"25:00", VALUE_TEXT, 0}, {"Montréal", VALUE_TEXT, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct value v = value_read(rows[i].text, strlen(rows[i].text), true);
        bool has = v.kind == VALUE_INTEGER || v.kind == VALUE_DECIMAL || v.kind == VALUE_DATE || v.kind == VALUE_DATETIME ||
                   v.kind == VALUE_TIME || v.kind == VALUE_BOOLEAN;
        if (v.kind != rows[i].kind || (has && v.number != rows[i].number))
            fail_msg("%s: %s %.17g", rows[i].text, value_kind_name(v.kind), v.number);
    }
    assert_int_equal(value_read("3,14", 4, false).kind, VALUE_TEXT);
    assert_false(signbit(value_read("-0", 2, false).number));
}

static void test_days_go_both_ways(void **state)
{
    (void)state;
    for (int64_t day = -800000; day < 2900000; day += 37) {
        char text[32];
        int y, m, d;
        value_date_text((double)day * 86400, false, text);
        assert_int_equal(sscanf(text, "%d-%d-%d", &y, &m, &d), 3);
        assert_int_equal(value_days(y, m, d), day);
    }
}

static uint64_t seed = 42;
static unsigned rnd(unsigned below)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (unsigned)((seed >> 33) % below);
}

enum { FIELDS = 5000, TEXT = 1 << 17 };
static char text[NUMBER_PAD + TEXT + NUMBER_PAD];
static uint32_t ends[FIELDS * 8 + 200];

/* Fields that are numbers, nearly numbers, and anything. */
static size_t make(char *s)
{
    static const char any[] = "0123456789012345678901234567890123456789..,,--+e \"\rxé";
    size_t n = 0;
    for (int i = 0; i < FIELDS; i++) {
        unsigned kind = rnd(4), len = rnd(20);
        if (kind < 2) {
            unsigned digits = 1 + rnd(9), places = rnd(7);
            if (rnd(4) == 0)
                s[n++] = '-';
            for (unsigned k = 0; k < digits; k++)
                s[n++] = (char)('0' + rnd(10));
            if (kind == 1)
                s[n++] = rnd(2) ? '.' : ',';
            for (unsigned k = 0; kind == 1 && k < places; k++)
                s[n++] = (char)('0' + rnd(10));
        } else {
            for (unsigned k = 0; k < len; k++)
                s[n++] = any[rnd(sizeof any - 1)];
        }
        s[n++] = rnd(8) == 0 ? '\n' : ';';
    }
    return n;
}

struct got {
    double values[FIELDS + 100];
    uint32_t others[FIELDS + 100], digits[FIELDS + 100];
    struct numbers n;
};

static void read_all(struct got *g, const char *s, const uint32_t *at, size_t rows, char mark, bool cr)
{
    g->n = (struct numbers){.values = g->values, .others = g->others, .digits = g->digits};
    numbers_read(s, at, 0, 1, rows, mark, cr, &g->n);
}

static void test_both_units_read_the_same_numbers(void **state)
{
    (void)state;
    static struct got fast, plain;
    for (int round = 0; round < 40; round++) {
        char *s = text + NUMBER_PAD;
        size_t len = make(s), rows = 0;
        ends[0] = UINT32_MAX;
        for (size_t i = 0; i < len; i++)
            if (s[i] == ';' || s[i] == '\n')
                ends[++rows] = (uint32_t)i;
        char mark = round % 2 ? ',' : '.';
        bool cr = round % 3 == 0;
        number_force_plain(false);
        read_all(&fast, s, ends + 1, rows, mark, cr);
        number_force_plain(true);
        read_all(&plain, s, ends + 1, rows, mark, cr);
        number_force_plain(false);
        assert_int_equal(fast.n.count, plain.n.count);
        assert_int_equal(fast.n.integers, plain.n.integers);
        assert_int_equal(fast.n.other_count, plain.n.other_count);
        assert_int_equal(fast.n.digit_count, plain.n.digit_count);
        assert_memory_equal(fast.values, plain.values, fast.n.count * sizeof(double));
        assert_memory_equal(fast.others, plain.others, fast.n.other_count * sizeof(uint32_t));
        assert_memory_equal(fast.digits, plain.digits, fast.n.digit_count * sizeof(uint32_t));
        assert_true(plain.n.count > rows / 4);
        /* And what strtod reads, and what a cell read alone is. */
        for (size_t i = 0, k = 0, other = 0; i < rows; i++) {
            if (other < plain.n.other_count && plain.others[other] == i) {
                other++;
                continue;
            }
            char one[64];
            size_t from = (uint32_t)(ends[i] + 1), to = ends[i + 1];
            to -= cr && to > from && s[to - 1] == '\r';
            memcpy(one, s + from, to - from);
            one[to - from] = '\0';
            struct value v = value_read(one, to - from, mark == ',');
            assert_true(v.kind == VALUE_INTEGER || v.kind == VALUE_DECIMAL);
            for (char *p = one; *p; p++)
                *p = *p == ',' ? '.' : *p;
            if (plain.values[k] != strtod(one, NULL) || plain.values[k] != v.number)
                fail_msg("%s: %.17g, cell %.17g", one, plain.values[k], v.number);
            k++;
        }
    }
}

static void test_both_units_find_the_same_ends(void **state)
{
    (void)state;
    static uint32_t other[FIELDS * 8 + 200];
    for (int round = 0; round < 60; round++) {
        char *s = text + NUMBER_PAD;
        size_t len = make(s) - rnd(100);
        const struct ends_want want = {';', round % 5 == 4 ? ';' : '\n', round % 2 ? '"' : round % 5 == 4 ? ';' : '\n', 1000 + rnd(9000)};
        struct ends fast = {.at = ends}, plain = {.at = other};
        number_force_plain(false);
        ends_find(s, len, &want, &fast);
        number_force_plain(true);
        ends_find(s, len, &want, &plain);
        number_force_plain(false);
        assert_int_equal(fast.count, plain.count);
        assert_int_equal(fast.lines, plain.lines);
        assert_int_equal(fast.scanned, plain.scanned);
        assert_memory_equal(ends, other, fast.count * sizeof *ends);
        if (fast.high != plain.high)
            fail_msg("round %d: bytes above 127", round);
    }
}

static void test_both_units_sum_the_same(void **state)
{
    (void)state;
    static double v[1001];
    for (size_t i = 0; i < 1001; i++)
        v[i] = ((double)rnd(1000000) - 5e5) / 7;
    for (size_t n = 1; n <= 1001; n += 25) {
        struct moments a, b;
        number_force_plain(false);
        moments_of(v, n, v[0], &a);
        number_force_plain(true);
        moments_of(v, n, v[0], &b);
        number_force_plain(false);
        assert_memory_equal(&a, &b, sizeof a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds_of_cells),
        cmocka_unit_test(test_days_go_both_ways),
        cmocka_unit_test(test_both_units_read_the_same_numbers),
        cmocka_unit_test(test_both_units_find_the_same_ends),
        cmocka_unit_test(test_both_units_sum_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
