/*
 * ident.c - see ident.h. One walk over the text; at each place where a word begins the patterns are tried.
 *
 * What separates groups of digits is one space, hyphen or point, the same all along but in telephones. A number is not taken when more
 * digits stand beside it, or when it reads as an amount: "339 296 834 $".
 */
#include "api/inspect/ident.h"

#include <string.h>

static const char *const names[IDENT_COUNT] = {
    [IDENT_NAM] = "nam",
    [IDENT_CODE_PERMANENT] = "permanent_code",
    [IDENT_NAM_OR_CODE] = "nam_or_permanent_code",
    [IDENT_NAS] = "nas",
    [IDENT_PERMIS] = "driver_licence",
    [IDENT_POSTAL] = "postal_code",
    [IDENT_PHONE] = "phone",
    [IDENT_EMAIL] = "email",
    [IDENT_IP] = "ip_address",
    [IDENT_CARD] = "payment_card",
    [IDENT_BIRTH_DATE] = "birth_date",
};

const char *ident_name(enum ident k)
{
    return names[k];
}

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Of a word: a byte above 127 may be a letter with an accent. */
static inline bool is_word(char c)
{
    return is_digit(c) || is_letter(c) || (unsigned char)c >= 128;
}

bool ident_may_be(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (is_digit(s[i]) || s[i] == '@' || s[i] == ':')
            return true;
    return false;
}

bool ident_luhn(const char *d, size_t len)
{
    unsigned sum = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned v = (unsigned)(d[len - 1 - i] - '0');
        if (i % 2 == 1)
            v = v * 2 > 9 ? v * 2 - 9 : v * 2;
        sum += v;
    }
    return sum % 10 == 0;
}

/* Width of a space, hyphen or point at s; 0: none. */
static size_t separator(const char *s, size_t len)
{
    if (len == 0)
        return 0;
    if (s[0] == ' ' || s[0] == '-' || s[0] == '.')
        return 1;
    if ((unsigned char)s[0] == 0xa0) /* U+00A0 in Windows-1252 */
        return 1;
    if (len >= 2 && memcmp(s, "\xc2\xa0", 2) == 0)
        return 2;
    return len >= 3 && memcmp(s, "\xe2\x80\xaf", 3) == 0 ? 3 : 0;
}

/* Digits from s in groups; what was read, without separators. */
struct run {
    char digits[20];
    size_t count, groups, used; /* used: bytes of s */
    size_t group[8];
    char mark;  /* the first separator's first byte; 0: none */
    bool mixed; /* another one follows: of a telephone only */
};

static void read_run(const char *s, size_t len, struct run *r)
{
    size_t i = 0;
    *r = (struct run){.count = 0};
    while (i < len && is_digit(s[i]) && r->groups < 8) {
        size_t start = i;
        while (i < len && is_digit(s[i])) {
            if (r->count < sizeof r->digits)
                r->digits[r->count] = s[i];
            r->count++;
            i++;
        }
        r->group[r->groups++] = i - start;
        r->used = i;
        size_t wide = separator(s + i, len - i);
        if (wide == 0 || i + wide >= len || !is_digit(s[i + wide]))
            break;
        r->mixed |= r->mark && r->mark != s[i];
        r->mark = s[i];
        i += wide;
    }
}

/* ---- dates inside identifiers ---- */

static int two(const char *d)
{
    return (d[0] - '0') * 10 + d[1] - '0';
}

static bool is_month_day(int month, int day, int year)
{
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month > 50)
        month -= 50;
    if (month < 1 || month > 12 || day < 1 || day > days[month - 1])
        return false;
    /* The century is not written: 29 February is refused only where no century has it. */
    return month != 2 || day != 29 || year % 4 == 0;
}

/* ---- one pattern each: bytes used, 0: no ---- */

/* NAM and permanent code: ABCD 8506 1512, with or without spaces. */
static size_t try_letters4(const char *s, size_t len, struct ident_hits *out)
{
    char d[8];
    size_t i = 4, n = 0;
    if (len < 12 || !is_letter(s[0]) || !is_letter(s[1]) || !is_letter(s[2]) || !is_letter(s[3]))
        return 0;
    while (i < len && n < 8) {
        if (is_digit(s[i])) {
            d[n++] = s[i++];
            continue;
        }
        size_t wide = n % 2 == 0 ? separator(s + i, len - i) : 0;
        if (wide == 0 || i + wide >= len || !is_digit(s[i + wide]))
            return 0;
        i += wide;
    }
    if (n < 8 || (i < len && is_word(s[i])))
        return 0;
    bool nam = is_month_day(two(d + 2), two(d + 4), two(d));
    bool code = is_month_day(two(d + 2), two(d), two(d + 4));
    if (!nam && !code)
        return 0;
    out->strong |= nam && code ? IDENT(IDENT_NAM_OR_CODE) : nam ? IDENT(IDENT_NAM) : IDENT(IDENT_CODE_PERMANENT);
    return i;
}

/* Letter and 12 digits, the six before the last two being JJMMAA; Ontario: 14, AAMMJJ (month + 50) at the end. */
static size_t try_permis(const char *s, size_t len, struct ident_hits *out)
{
    struct run r;
    if (len < 13 || !is_letter(s[0]) || !is_digit(s[1]))
        return 0;
    read_run(s + 1, len - 1, &r);
    if ((r.count != 12 && r.count != 14) || (1 + r.used < len && is_word(s[1 + r.used])))
        return 0;
    const char *d = r.digits;
    bool quebec = r.count == 12 && is_month_day(two(d + 6), two(d + 4), two(d + 8));
    bool ontario = r.count == 14 && is_month_day(two(d + 10), two(d + 12), two(d + 8));
    bool grouped = r.groups == 3 && r.group[0] == 4;
    if (!quebec && !ontario && !(grouped && r.group[1] == 6 && r.group[2] == 2))
        return 0;
    out->strong |= IDENT(IDENT_PERMIS);
    return 1 + r.used;
}

static size_t try_postal(const char *s, size_t len, struct ident_hits *out)
{
    static const char first[] = "ABCEGHJKLMNPRSTVXY", later[] = "ABCEGHJKLMNPRSTVWXYZ";
    size_t at[6] = {0, 1, 2, 3, 4, 5}, end = 6;
    if (len < 6)
        return 0;
    size_t wide = is_digit(s[3]) ? 0 : separator(s + 3, len - 3);
    for (size_t i = 3; i < 6; i++)
        at[i] += wide;
    end += wide;
    if (len < end)
        return 0;
    for (size_t i = 0; i < 6; i++) {
        char c = s[at[i]];
        if (i % 2 == 1 ? !is_digit(c) : !is_letter(c) || !strchr(i ? later : first, c & ~0x20))
            return 0;
    }
    if (end < len && is_word(s[end]))
        return 0;
    out->strong |= IDENT(IDENT_POSTAL);
    return end;
}

/* Canada's area codes: what makes ten digits in a row a telephone rather than a number. */
static bool is_area(const char *d)
{
    static const char areas[] = "204 226 236 249 250 257 263 289 306 343 354 365 367 368 382 403 416 418 428 431 437 438 "
                                "450 460 468 474 506 514 519 537 548 579 581 584 587 604 613 639 647 672 683 705 709 742 "
                                "753 778 780 782 800 807 819 825 867 873 879 902 905 ";
    for (const char *p = areas; *p; p += 4)
        if (memcmp(p, d, 3) == 0)
            return true;
    return false;
}

static bool is_card_prefix(const char *d, size_t n)
{
    int two_digits = two(d), four = two_digits * 100 + two(d + 2);
    if (d[0] == '4')
        return n == 13 || n == 16 || n == 19;
    if ((two_digits >= 51 && two_digits <= 55) || (four >= 2221 && four <= 2720))
        return n == 16;
    if (two_digits == 34 || two_digits == 37)
        return n == 15;
    if (two_digits == 30 || two_digits == 36 || two_digits == 38 || two_digits == 39)
        return n == 14;
    return (four == 6011 || two_digits == 64 || two_digits == 65 || two_digits == 62) && n >= 16;
}

static void judge_bare(const char *d, size_t n, struct ident_hits *out)
{
    if (n == 9) {
        out->tried |= IDENT(IDENT_NAS);
        if (ident_luhn(d, 9))
            out->weak |= IDENT(IDENT_NAS);
    } else if (n == 10 || (n == 11 && d[0] == '1')) {
        d += n - 10;
        out->tried |= IDENT(IDENT_PHONE);
        if (is_area(d) && d[3] >= '2')
            out->weak |= IDENT(IDENT_PHONE);
    } else if (n >= 13 && n <= 19) {
        out->tried |= IDENT(IDENT_CARD);
        if (is_card_prefix(d, n) && ident_luhn(d, n))
            out->weak |= IDENT(IDENT_CARD);
    }
}

struct ident_hits ident_digits(const char *s, size_t len)
{
    struct ident_hits out = {0};
    if (len >= 9 && len <= 19)
        judge_bare(s, len, &out);
    return out;
}

/* "339 296 834 $", "12 345 678,90": an amount. */
static bool is_amount(const char *s, size_t len)
{
    size_t wide = separator(s, len);
    if (wide && s[0] != '-' && s[0] != '.')
        s += wide, len -= wide;
    if (len == 0)
        return false;
    if (len >= 2 && (s[0] == ',' || s[0] == '.') && is_digit(s[1]))
        return true;
    if (s[0] == '$' || s[0] == '%' || (len >= 3 && memcmp(s, "\xe2\x82\xac", 3) == 0))
        return true;
    return len >= 2 && (s[0] == 'k' || s[0] == 'M') && s[1] == '$';
}

static bool groups_are(const struct run *r, size_t count, const size_t *of)
{
    if (r->groups != count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (r->group[i] != of[i])
            return false;
    return true;
}

/* Digits, grouped or not. before: the text up to here. */
static size_t try_digits(const char *s, size_t len, bool open, struct ident_hits *out)
{
    static const size_t nas[] = {3, 3, 3}, phone[] = {3, 3, 4}, phone2[] = {3, 7}, long_phone[] = {1, 3, 3, 4},
                        card[] = {4, 4, 4, 4}, amex[] = {4, 6, 5};
    struct run r;
    read_run(s, len, &r);
    size_t used = r.used;
    if (!open || (used < len && (is_word(s[used]) || s[used] == '@')) || r.count > sizeof r.digits ||
        is_amount(s + used, len - used))
        return used;
    if (r.groups == 1)
        judge_bare(r.digits, r.count, out);
    else if (!r.mixed && groups_are(&r, 3, nas) && ident_luhn(r.digits, 9))
        out->strong |= IDENT(IDENT_NAS);
    else if ((groups_are(&r, 3, phone) || groups_are(&r, 2, phone2)) && r.digits[0] >= '2' && r.digits[3] >= '2')
        out->strong |= IDENT(IDENT_PHONE);
    else if (groups_are(&r, 4, long_phone) && r.digits[0] == '1' && r.digits[1] >= '2' && r.digits[4] >= '2')
        out->strong |= IDENT(IDENT_PHONE);
    else if (!r.mixed && (groups_are(&r, 4, card) || groups_are(&r, 3, amex)) && is_card_prefix(r.digits, r.count) &&
             ident_luhn(r.digits, r.count))
        out->strong |= IDENT(IDENT_CARD);
    return used;
}

/* (514) 555-1234 */
static size_t try_area(const char *s, size_t len, struct ident_hits *out)
{
    struct run r;
    if (len < 13 || !is_digit(s[1]) || !is_digit(s[2]) || !is_digit(s[3]) || s[4] != ')' || s[1] < '2')
        return 0;
    size_t i = 5 + separator(s + 5, len - 5);
    read_run(s + i, len - i, &r);
    if (r.count != 7 || (r.groups == 2 && r.group[0] != 3) || r.groups > 2 || r.digits[0] < '2' ||
        (i + r.used < len && is_word(s[i + r.used])))
        return 0;
    out->strong |= IDENT(IDENT_PHONE);
    return i + r.used;
}

static size_t try_ipv4(const char *s, size_t len, struct ident_hits *out)
{
    size_t i = 0;
    for (int part = 0; part < 4; part++) {
        unsigned v = 0;
        size_t start = i;
        while (i < len && is_digit(s[i]) && i - start < 3)
            v = v * 10 + (unsigned)(s[i++] - '0');
        if (i == start || v > 255 || (s[start] == '0' && i - start > 1))
            return 0;
        if (part < 3 && (i >= len || s[i++] != '.'))
            return 0;
    }
    if (i < len && (is_word(s[i]) || (s[i] == '.' && i + 1 < len && is_digit(s[i + 1]))))
        return 0;
    out->strong |= IDENT(IDENT_IP);
    return i;
}

static bool is_hex(char c)
{
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* Eight groups of up to four hexadecimal digits, or fewer with one "::". A time (12:30:45) has too few. */
static size_t try_ipv6(const char *s, size_t len, struct ident_hits *out)
{
    size_t i = 0, groups = 0, gaps = 0;
    bool letter = false;
    while (i < len && groups < 9) {
        size_t start = i;
        while (i < len && is_hex(s[i]) && i - start < 5) {
            letter |= !is_digit(s[i]);
            i++;
        }
        if (i - start > 4)
            return 0;
        groups += i > start;
        if (i >= len || s[i] != ':')
            break;
        if (i + 1 < len && s[i + 1] == ':') {
            gaps++;
            i += 2;
            if (i >= len || !is_hex(s[i]))
                break;
            continue;
        }
        i++;
        if (i >= len || !is_hex(s[i]))
            return 0;
    }
    bool whole = groups == 8 && gaps == 0, short_form = gaps == 1 && groups >= 2 && groups < 8 && (letter || groups > 3);
    if ((!whole && !short_form) || (i < len && is_word(s[i])))
        return 0;
    out->strong |= IDENT(IDENT_IP);
    return i;
}

static bool is_mail(char c)
{
    return is_word(c) || (c && strchr("._%+-'", c) != NULL);
}

/* s[at] is the @. */
static size_t try_email(const char *s, size_t len, size_t at, struct ident_hits *out)
{
    size_t i = at + 1, label = 0, dots = 0;
    if (at == 0 || !is_mail(s[at - 1]) || s[at - 1] == '.')
        return 0;
    for (; i < len && (is_word(s[i]) || s[i] == '-' || s[i] == '.'); i++) {
        if (s[i] != '.') {
            label++;
            continue;
        }
        if (label == 0 || i + 1 >= len || !is_word(s[i + 1]))
            break;
        dots++;
        label = 0;
    }
    if (dots == 0 || label < 2 || is_digit(s[i - 1]))
        return 0;
    out->strong |= IDENT(IDENT_EMAIL);
    return i - at;
}

struct ident_hits ident_scan(const char *s, size_t len)
{
    struct ident_hits out = {0};
    size_t i = 0;
    while (i < len) {
        bool begins = i == 0 || !is_word(s[i - 1]);
        size_t used = 0;
        if (s[i] == '@') {
            used = try_email(s, len, i, &out);
        } else if (s[i] == '(' && i + 1 < len) {
            used = try_area(s + i, len - i, &out);
        } else if (begins && is_letter(s[i])) {
            used = try_letters4(s + i, len - i, &out);
            used = used ? used : try_permis(s + i, len - i, &out);
            used = used ? used : try_postal(s + i, len - i, &out);
            used = used ? used : try_ipv6(s + i, len - i, &out);
        } else if (begins && is_digit(s[i])) {
            /* "1 339 296 834" and "-12" were begun before; "3.14" too */
            bool open = i == 0 || !(i >= 2 && is_digit(s[i - 2]) && separator(s + i - 1, 1));
            used = try_ipv4(s + i, len - i, &out);
            used = used ? used : try_ipv6(s + i, len - i, &out);
            used = used ? used : try_digits(s + i, len - i, open, &out);
        } else if (begins && s[i] == ':' && i + 1 < len && s[i + 1] == ':') {
            used = try_ipv6(s + i, len - i, &out);
        }
        i += used ? used : 1;
    }
    return out;
}
