/*
 * number.c - see number.h.
 *
 * A plain number is [-]digits[mark digits], of 16 bytes at most without its sign, with a digit before the mark. Sixteen
 * bytes are loaded; a shuffle that a table gives by length and place of the mark puts the digits to the right, and they
 * become a number by three multiplications (pairs, fours, eights). The decimal places are divided out: with a mantissa
 * below 2^53 and a power of ten that is exact, that is the nearest double. No step depends on the field's length, so
 * the processor has nothing to guess.
 */
#include "api/inspect/number.h"

#include <immintrin.h>
#include <string.h>

static bool forced_plain;

void number_force_plain(bool plain)
{
    forced_plain = plain;
}

static bool has_avx2(void)
{
    return !forced_plain && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}

const char *number_unit(void)
{
    return has_avx2() ? "avx2" : "plain";
}

static const double tens[17] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16};

/* ---- where fields end ---- */

static void ends_plain(const char *s, size_t len, const struct ends_want *w, struct ends *o)
{
    size_t i = 0, n = 0;
    unsigned char high = 0;
    for (; i < len; i++) {
        char c = s[i];
        if (i % 64 == 0 && n >= w->max) /* as the other one: by 64 */
            break;
        if (c == w->quote && c != w->line)
            break;
        high |= (unsigned char)c;
        if (c == w->delimiter || c == w->line) {
            o->at[n++] = (uint32_t)i;
            o->lines += c == w->line;
        }
    }
    o->count = n;
    o->scanned = i;
    o->high = high & 0x80;
}

__attribute__((target("avx2,bmi,popcnt"))) static void ends_avx2(const char *s, size_t len, const struct ends_want *w, struct ends *o)
{
    const __m256i delimiter = _mm256_set1_epi8(w->delimiter), line = _mm256_set1_epi8(w->line),
                  quote = _mm256_set1_epi8(w->quote);
    const uint64_t no_quote = w->quote == w->line ? 0 : ~UINT64_C(0);
    uint64_t high = 0;
    uint32_t *at = o->at;
    size_t i = 0, lines = 0;
    while (i < len && (size_t)(at - o->at) < w->max) {
        __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)(s + i));
        __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(s + i + 32));
#define MASK(x)                                                                                                       \
    ((uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(a, (x))) |                                            \
     (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(b, (x))) << 32)
        uint64_t ends = MASK(line), marks = MASK(delimiter) | ends, quotes = MASK(quote) & no_quote;
        uint64_t above = (uint64_t)(uint32_t)_mm256_movemask_epi8(a) | (uint64_t)(uint32_t)_mm256_movemask_epi8(b) << 32;
#undef MASK
        uint64_t valid = len - i >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << (len - i)) - 1;
        bool last = len - i <= 64;
        if (quotes & valid) {
            valid &= (quotes & -quotes) - 1;
            last = true;
        }
        marks &= valid;
        lines += (size_t)__builtin_popcountll(ends & valid);
        high |= above & valid;
        /* Eight at a time without a question each: room behind `max` is the caller's promise. */
        size_t n = (size_t)__builtin_popcountll(marks);
        for (size_t k = 0; k < n; k += 8)
            for (size_t j = 0; j < 8; j++) {
                at[k + j] = (uint32_t)i + (uint32_t)__builtin_ctzll(marks | (UINT64_C(1) << 63));
                marks &= marks - 1;
            }
        at += n;
        if (last) {
            i = valid == ~UINT64_C(0) ? i + 64 : i + (size_t)__builtin_popcountll(valid);
            break;
        }
        i += 64;
    }
    o->count = (size_t)(at - o->at);
    o->lines = lines;
    o->scanned = i;
    o->high = high != 0;
}

void ends_find(const char *s, size_t len, const struct ends_want *want, struct ends *out)
{
    out->lines = out->count = 0;
    if (has_avx2())
        ends_avx2(s, len, want, out);
    else
        ends_plain(s, len, want, out);
}

/* ---- numbers ---- */

enum { LONG_DIGITS = 9 };

static void numbers_plain(const char *s, const uint32_t *at, size_t first, size_t stride, size_t rows, char mark, bool cut_cr,
                          struct numbers *o)
{
    for (size_t r = 0, i = first; r < rows; r++, i += stride) {
        const char *p = s + (uint32_t)(at[(ptrdiff_t)i - 1] + 1), *end = s + at[i];
        if (cut_cr && end > p && end[-1] == '\r')
            end--;
        bool negative = p < end && *p == '-';
        p += negative;
        size_t len = (size_t)(end - p), places = 0, digits = 0;
        uint64_t m = 0;
        bool ok = len >= 1 && len <= 16 && *p != '.' && *p != mark, marked = false;
        for (size_t k = 0; ok && k < len; k++) {
            unsigned d = (unsigned char)p[k] - '0';
            if (d <= 9) {
                m = m * 10 + d;
                places += marked;
                digits++;
            } else if ((p[k] == '.' || p[k] == mark) && !marked) {
                marked = true;
            } else {
                ok = false;
            }
        }
        if (!ok || m >> 53) {
            o->others[o->other_count++] = (uint32_t)r;
            continue;
        }
        double v = (double)m / tens[places];
        o->values[o->count++] = negative && m ? -v : v;
        o->integers += !marked;
        if (!marked && digits >= LONG_DIGITS)
            o->digits[o->digit_count++] = (uint32_t)r;
    }
}

/* For a field of `len` bytes whose mark is at `mark` (len: it has none): its digits to the right of sixteen places. */
static unsigned char gather[17][17][16];

__attribute__((constructor)) static void fill_gather(void)
{
    memset(gather, 0x80, sizeof gather); /* gives zero */
    for (int len = 1; len <= 16; len++)
        for (int mark = 1; mark <= len; mark++)
            for (int from = len - 1, to = 15; from >= 0; from--)
                if (from != mark)
                    gather[len][mark][to--] = (unsigned char)from;
}

/* By len - mark: no places without a mark, none after a mark that ends the field. */
static const double by_places[17] = {1e0, 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

/* `mark` and `cut_cr` are known where this is put in: a column that has neither does not ask at each field. */
__attribute__((target("avx2,bmi,bmi2,popcnt"), always_inline)) static inline void
numbers_body(const char *s, const uint32_t *at, size_t first, size_t stride, size_t rows, char mark, bool cut_cr, struct numbers *o)
{
    const __m128i zero = _mm_set1_epi8('0'), nine = _mm_set1_epi8(9), point = _mm_set1_epi8('.'), other = _mm_set1_epi8(mark);
    const __m128i by10 = _mm_set1_epi16(0x010a), by100 = _mm_set1_epi32(0x00010064), by10000 = _mm_set1_epi32(0x00012710);
    double *out = o->values;
    size_t integers = 0, bad = o->other_count, wide = o->digit_count;
    const uint32_t *a = at + first;
    for (uint32_t r = 0; r < rows; r++, a += stride) {
        uint32_t from = a[-1] + 1, to = *a;
        if (cut_cr)
            to -= to > from && s[to - 1] == '\r';
        uint32_t negative = s[from] == '-';
        from += negative;
        uint32_t len = to - from, fits = len <= 16 ? len : 0;
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(s + from));
        __m128i is_mark = _mm_cmpeq_epi8(x, point);
        if (mark != '.')
            is_mark = _mm_or_si128(is_mark, _mm_cmpeq_epi8(x, other));
        uint32_t place = (uint32_t)__builtin_ctz((uint32_t)_mm_movemask_epi8(is_mark) | UINT32_C(1) << fits);
        __m128i d = _mm_shuffle_epi8(_mm_sub_epi8(x, zero), _mm_loadu_si128((const __m128i *)(const void *)gather[fits][place]));
        int right = _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_max_epu8(d, nine), nine));
        __m128i fours = _mm_madd_epi16(_mm_maddubs_epi16(d, by10), by100);
        __m128i eights = _mm_madd_epi16(_mm_packus_epi32(fours, fours), by10000);
        uint64_t both = (uint64_t)_mm_cvtsi128_si64(eights);
        uint64_t m = (both & 0xffffffff) * 100000000 + (both >> 32), bits;
        double v = (double)(int64_t)m / by_places[fits - place];
        memcpy(&bits, &v, sizeof bits);
        bits |= (uint64_t)(negative & (m != 0)) << 63;
        memcpy(out, &bits, sizeof bits);
        /* Not a plain number: a byte that is no digit; empty, too long, or the mark comes first (place 0); past 2^53. */
        if (__builtin_expect((right != 0xffff) | (place == 0) | (m >> 53 != 0), 0)) {
            o->others[bad++] = r;
            continue;
        }
        out++;
        integers += place == fits;
        if (__builtin_expect((place >= LONG_DIGITS) & (place == fits), 0))
            o->digits[wide++] = r;
    }
    o->count = (size_t)(out - o->values);
    o->integers += integers;
    o->other_count = bad;
    o->digit_count = wide;
}

__attribute__((target("avx2,bmi,bmi2,popcnt"))) static void numbers_avx2(const char *s, const uint32_t *at, size_t first,
                                                                         size_t stride, size_t rows, char mark, bool cut_cr,
                                                                         struct numbers *o)
{
    if (mark == '.' && !cut_cr)
        numbers_body(s, at, first, stride, rows, '.', false, o);
    else if (mark == '.')
        numbers_body(s, at, first, stride, rows, '.', true, o);
    else
        numbers_body(s, at, first, stride, rows, mark, cut_cr, o);
}

void numbers_read(const char *s, const uint32_t *at, size_t first, size_t stride, size_t rows, char mark, bool cut_cr,
                  struct numbers *out)
{
    out->count = out->integers = out->other_count = out->digit_count = 0;
    if (has_avx2())
        numbers_avx2(s, at, first, stride, rows, mark, cut_cr, out);
    else
        numbers_plain(s, at, first, stride, rows, mark, cut_cr, out);
}

/* ---- moments ---- */

/* Four lanes, so that both units add in the same order. */
static void finish(const double *v, size_t from, size_t count, double shift, double sum[4], double square[4], double min[4],
                   double max[4], struct moments *o)
{
    for (size_t i = from, k = 0; i < count; i++, k++) {
        double d = v[i] - shift;
        sum[k] += d;
        square[k] += d * d;
        min[k] = v[i] < min[k] ? v[i] : min[k];
        max[k] = v[i] > max[k] ? v[i] : max[k];
    }
    *o = (struct moments){(sum[0] + sum[1]) + (sum[2] + sum[3]), (square[0] + square[1]) + (square[2] + square[3]), min[0], max[0]};
    for (int k = 1; k < 4; k++) {
        o->min = min[k] < o->min ? min[k] : o->min;
        o->max = max[k] > o->max ? max[k] : o->max;
    }
}

static void moments_plain(const double *v, size_t count, double shift, struct moments *o)
{
    double sum[4] = {0}, square[4] = {0}, min[4] = {v[0], v[0], v[0], v[0]}, max[4] = {v[0], v[0], v[0], v[0]};
    size_t i = 0;
    for (; i + 4 <= count; i += 4)
        for (size_t k = 0; k < 4; k++) {
            double d = v[i + k] - shift;
            sum[k] += d;
            square[k] += d * d;
            min[k] = v[i + k] < min[k] ? v[i + k] : min[k];
            max[k] = v[i + k] > max[k] ? v[i + k] : max[k];
        }
    finish(v, i, count, shift, sum, square, min, max, o);
}

__attribute__((target("avx2"))) static void moments_avx2(const double *v, size_t count, double shift, struct moments *o)
{
    const __m256d by = _mm256_set1_pd(shift);
    __m256d sums = _mm256_setzero_pd(), squares = sums, least = _mm256_set1_pd(v[0]), most = least;
    double sum[4], square[4], min[4], max[4];
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        __m256d x = _mm256_loadu_pd(v + i), d = _mm256_sub_pd(x, by);
        sums = _mm256_add_pd(sums, d);
        squares = _mm256_add_pd(squares, _mm256_mul_pd(d, d));
        least = _mm256_min_pd(least, x);
        most = _mm256_max_pd(most, x);
    }
    _mm256_storeu_pd(sum, sums);
    _mm256_storeu_pd(square, squares);
    _mm256_storeu_pd(min, least);
    _mm256_storeu_pd(max, most);
    finish(v, i, count, shift, sum, square, min, max, o);
}

void moments_of(const double *v, size_t count, double shift, struct moments *out)
{
    if (has_avx2())
        moments_avx2(v, count, shift, out);
    else
        moments_plain(v, count, shift, out);
}
