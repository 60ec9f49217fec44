/* What comes on attach.sock and on a terminal: exactly a packet of the table, or nothing. */
#include "tests/unit/unit.h"

#include "api/common/attach.h"

static void test_requests(void **state)
{
    (void)state;
    const struct attach_request good = {ATTACH_MAGIC, ATTACH_VERSION, ATTACH_CONNECT, 80, 0, 0};
    const struct attach_request term = {ATTACH_MAGIC, ATTACH_VERSION, ATTACH_TERMINAL, 0, 24, 80};
    assert_true(attach_is_request(&good, sizeof good));
    assert_true(attach_is_request(&term, sizeof term));
    assert_false(attach_is_request(&good, sizeof good - 1));
    assert_false(attach_is_request(&good, sizeof good + 1));
    assert_false(attach_is_request(&good, 0));
    const struct attach_request bad[] = {
        {0, ATTACH_VERSION, ATTACH_CONNECT, 80, 0, 0},
        {ATTACH_MAGIC, 2, ATTACH_CONNECT, 80, 0, 0},
        {ATTACH_MAGIC, ATTACH_VERSION, 0, 80, 0, 0},
        {ATTACH_MAGIC, ATTACH_VERSION, ATTACH_VERB_END, 80, 0, 0},
        {ATTACH_MAGIC, ATTACH_VERSION, ATTACH_CONNECT, 0, 0, 0},
        {ATTACH_MAGIC, ATTACH_VERSION, ATTACH_CONNECT, 65536, 0, 0},
        {ATTACH_MAGIC, ATTACH_VERSION, ATTACH_CONNECT, 80, 0, 1},
        {ATTACH_MAGIC, ATTACH_VERSION, ATTACH_TERMINAL, 0, 0, 80},
        {ATTACH_MAGIC, ATTACH_VERSION, ATTACH_TERMINAL, 0, 24, ATTACH_SIZE_MAX + 1},
        {ATTACH_MAGIC, ATTACH_VERSION, ATTACH_TERMINAL, 1, 24, 80},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (attach_is_request(&bad[i], sizeof bad[i]))
            fail_msg("request %zu passed", i);
}

static void test_answers(void **state)
{
    (void)state;
    struct attach_answer a = {.magic = ATTACH_MAGIC, .version = ATTACH_VERSION, .given = 1};
    assert_true(attach_is_answer(&a, sizeof a));
    assert_false(attach_is_answer(&a, sizeof a - 1));
    memset(a.text, 'x', sizeof a.text); /* no end */
    assert_false(attach_is_answer(&a, sizeof a));
    a.text[0] = '\0';
    a.given = 2;
    assert_false(attach_is_answer(&a, sizeof a));
}

static size_t frame(char *out, unsigned type, unsigned rows, unsigned cols, unsigned len, size_t bytes)
{
    const struct attach_frame f = {(uint16_t)type, (uint16_t)rows, (uint16_t)cols, (uint16_t)len};
    memcpy(out, &f, sizeof f);
    memset(out + sizeof f, 'b', bytes);
    return sizeof f + bytes;
}

static void test_frames(void **state)
{
    (void)state;
    char p[16 << 10];
    struct attach_frame f;
    assert_true(attach_is_frame(p, frame(p, ATTACH_INPUT, 0, 0, 3, 3), true, &f));
    assert_int_equal(f.len, 3);
    assert_true(attach_is_frame(p, frame(p, ATTACH_INPUT, 0, 0, ATTACH_FRAME_BYTES, ATTACH_FRAME_BYTES), true, &f));
    assert_true(attach_is_frame(p, frame(p, ATTACH_RESIZE, 1, ATTACH_SIZE_MAX, 0, 0), true, &f));
    assert_true(attach_is_frame(p, frame(p, ATTACH_OUTPUT, 0, 0, 1, 1), false, &f));
    assert_true(attach_is_frame(p, frame(p, ATTACH_TAKEN, 0, 0, 0, 0), false, &f));
    /* each side sends its own types only */
    assert_false(attach_is_frame(p, frame(p, ATTACH_OUTPUT, 0, 0, 1, 1), true, &f));
    assert_false(attach_is_frame(p, frame(p, ATTACH_TAKEN, 0, 0, 0, 0), true, &f));
    assert_false(attach_is_frame(p, frame(p, ATTACH_INPUT, 0, 0, 3, 3), false, &f));
    assert_false(attach_is_frame(p, frame(p, ATTACH_RESIZE, 2, 2, 0, 0), false, &f));
    /* lengths that do not agree, sizes out of bounds, what a type does not have */
    assert_false(attach_is_frame(p, frame(p, ATTACH_INPUT, 0, 0, 3, 4), true, &f));
    assert_false(attach_is_frame(p, frame(p, ATTACH_INPUT, 0, 0, 4, 3), true, &f));
    assert_false(attach_is_frame(p, frame(p, ATTACH_INPUT, 0, 0, 0, 0), true, &f));
    assert_false(
        attach_is_frame(p, frame(p, ATTACH_INPUT, 0, 0, ATTACH_FRAME_BYTES + 1, ATTACH_FRAME_BYTES + 1), true, &f));
    assert_false(attach_is_frame(p, frame(p, ATTACH_INPUT, 1, 0, 1, 1), true, &f));
    assert_false(attach_is_frame(p, frame(p, ATTACH_RESIZE, 0, 1, 0, 0), true, &f));
    assert_false(attach_is_frame(p, frame(p, ATTACH_RESIZE, 1, 1, 1, 1), true, &f));
    assert_false(attach_is_frame(p, frame(p, 0, 0, 0, 0, 0), true, &f));
    assert_false(attach_is_frame(p, sizeof f - 1, true, &f));
    assert_false(attach_is_frame(p, 0, true, &f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
