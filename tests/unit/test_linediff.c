/* test_linediff.c - scripts between texts: they turn one into the other, are the shortest, and are bounded. */
#include "tests/unit/unit.h"

#include "orchestrator/linediff.h"
#include <stdlib.h>
#include <string.h>

static const char *diff(const char *a, const char *b, int64_t *added, int64_t *removed)
{
    static struct buf out;
    buf_fini(&out);
    buf_init(&out, 4 << 20);
    assert_true(linediff(a, strlen(a), b, strlen(b), &out, added, removed));
    return buf_cstr(&out);
}

static void hunks_read_as_people_know_them(void **state)
{
    int64_t added, removed;
    (void)state;
    assert_string_equal(diff("a\nb\nc\n", "a\nb\nc\n", &added, &removed), "");
    assert_string_equal(diff("a\nb\nc\n", "a\nB\nc\n", &added, &removed), "@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n");
    assert_true(added == 1 && removed == 1);
    assert_string_equal(diff("", "a\n", &added, &removed), "@@ -0,0 +1,1 @@\n+a\n");
    assert_string_equal(diff("a\n", "", &added, &removed), "@@ -1,1 +0,0 @@\n-a\n");
    assert_string_equal(diff("a\n", "a", &added, &removed),
                        "@@ -1,1 +1,1 @@\n-a\n+a\n\\ no line break at the end\n");
    assert_string_equal(diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\n5\n6\n7\n8\n9\nx\n", &added, &removed),
                        "@@ -7,3 +7,4 @@\n 7\n 8\n 9\n+x\n");
    /* far apart: two hunks; near: one */
    assert_string_equal(diff("x\n1\n2\n3\n4\n5\n6\n7\ny\n", "X\n1\n2\n3\n4\n5\n6\n7\nY\n", &added, &removed),
                        "@@ -1,4 +1,4 @@\n-x\n+X\n 1\n 2\n 3\n@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-y\n+Y\n");
    assert_string_equal(diff("x\n1\n2\n3\n4\n5\n6\ny\n", "X\n1\n2\n3\n4\n5\n6\nY\n", &added, &removed),
                        "@@ -1,8 +1,8 @@\n-x\n+X\n 1\n 2\n 3\n 4\n 5\n 6\n-y\n+Y\n");
}

/* Applies hunks to `a`, reading their numbers. */
static void apply(const char *a, const char *hunks, struct buf *out)
{
    const char *lines[512];
    int count = 0, at = 0;
    for (const char *s = a; *s; s = strchr(s, '\n') + 1)
        lines[count++] = s;
    lines[count] = a + strlen(a);
    for (const char *s = hunks; *s; s = strchr(s, '\n') + 1) {
        size_t len = (size_t)(strchr(s, '\n') - s) + 1;
        if (*s == '@') {
            int from, n;
            assert_int_equal(sscanf(s, "@@ -%d,%d", &from, &n), 2);
            for (int until = n ? from - 1 : from; at < until; at++)
                buf_add(out, lines[at], (size_t)(lines[at + 1] - lines[at]));
        } else if (*s == '+') {
            buf_add(out, s + 1, len - 1);
        } else {
            assert_memory_equal(s + 1, lines[at], len - 1); /* what it says was there was there */
            if (*s == ' ')
                buf_add(out, s + 1, len - 1);
            at++;
        }
    }
    for (; at < count; at++)
        buf_add(out, lines[at], (size_t)(lines[at + 1] - lines[at]));
}

/* Lines that both have in order, at most: by the table that one learns at school. */
static int longest_common(const char *a, const char *b)
{
    static int best[64][64];
    int n = (int)strlen(a) / 2, m = (int)strlen(b) / 2;
    memset(best, 0, sizeof best);
    for (int i = 1; i <= n; i++)
        for (int j = 1; j <= m; j++)
            best[i][j] = a[2 * i - 2] == b[2 * j - 2]               ? best[i - 1][j - 1] + 1
                         : best[i - 1][j] > best[i][j - 1] ? best[i - 1][j]
                                                           : best[i][j - 1];
    return best[n][m];
}

static void every_script_is_right_and_the_shortest(void **state)
{
    unsigned chance = 12345;
    (void)state;
    for (int round = 0; round < 3000; round++) {
        char a[128] = "", b[128] = "";
        char *texts[] = {a, b};
        for (int t = 0; t < 2; t++) {
            chance = chance * 1103515245 + 12345;
            unsigned n = (chance >> 16) % 40, letters = 2 + (unsigned)round % 4;
            for (unsigned i = 0; i < n; i++) {
                chance = chance * 1103515245 + 12345;
                texts[t][2 * i] = (char)('a' + (chance >> 16) % letters);
                texts[t][2 * i + 1] = '\n';
            }
        }
        int64_t added, removed;
        const char *hunks = diff(a, b, &added, &removed);
        AUTO_BUF struct buf made = BUF_INIT(1 << 20);
        apply(a, hunks, &made);
        assert_string_equal(buf_cstr(&made), b);
        int common = longest_common(a, b);
        assert_int_equal(removed, (int)strlen(a) / 2 - common);
        assert_int_equal(added, (int)strlen(b) / 2 - common);
    }
}

static void what_is_too_different_or_too_large_is_told_as_such(void **state)
{
    AUTO_BUF struct buf a = BUF_INIT(4 << 20), b = BUF_INIT(4 << 20), out = BUF_INIT(4 << 20);
    int64_t added, removed;
    (void)state;
    for (int i = 0; i < LINEDIFF_MAX_EDITS / 2; i++) {
        buf_printf(&a, "a%d\n", i);
        buf_printf(&b, "b%d\n", i);
    }
    assert_true(linediff(a.data, a.len, b.data, b.len, &out, &added, &removed));
    assert_int_equal(added + removed, LINEDIFF_MAX_EDITS);
    buf_add_str(&b, "one more\n");
    buf_clear(&out);
    assert_false(linediff(a.data, a.len, b.data, b.len, &out, &added, &removed));
    assert_int_equal(out.len, 0);
    buf_clear(&a);
    for (int i = 0; i <= LINEDIFF_MAX_LINES; i++)
        buf_add_char(&a, '\n');
    assert_false(linediff(a.data, a.len, "", 0, &out, &added, &removed));
    buf_clear(&a);
    while (a.len <= LINEDIFF_MAX_BYTES)
        buf_add_char(&a, 'x');
    assert_false(linediff(a.data, a.len, "", 0, &out, &added, &removed));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hunks_read_as_people_know_them),
        cmocka_unit_test(every_script_is_right_and_the_shortest),
        cmocka_unit_test(what_is_too_different_or_too_large_is_told_as_such),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
