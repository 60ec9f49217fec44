/*
 * when.c - see when.h. Dates that the calendar does not have are refused, and not moved to the next month.
 */
#include "api/cli/when.h"
#include "api/common/text.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* The form of what may be typed: d stands for a digit. */
static const char *const forms[] = {"dddd-dd-dd", "dddd-dd-ddTdd:dd", "dddd-dd-ddTdd:dd:dd"};

static bool has_form(const char *text, size_t len, const char *form)
{
    if (strlen(form) != len)
        return false;
    for (size_t i = 0; i < len; i++) {
        bool blank = form[i] == 'T' && text[i] == ' ';
        if (form[i] == 'd' ? !isdigit((unsigned char)text[i]) : text[i] != form[i] && !blank)
            return false;
    }
    return true;
}

static int number(const char *text, size_t len, size_t at, size_t digits)
{
    int n = 0;
    for (size_t i = at; i < at + digits && i < len; i++)
        n = 10 * n + (text[i] - '0');
    return n;
}

static bool read_date(const char *text, int64_t *us)
{
    size_t len = strlen(text);
    bool utc = len > 0 && text[len - 1] == 'Z', known = false;

    len -= utc;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        known = known || has_form(text, len, forms[i]);
    if (!known)
        return false;
    struct tm t = {
        .tm_year = number(text, len, 0, 4) - 1900,
        .tm_mon = number(text, len, 5, 2) - 1,
        .tm_mday = number(text, len, 8, 2),
        .tm_hour = number(text, len, 11, 2),
        .tm_min = number(text, len, 14, 2),
        .tm_sec = number(text, len, 17, 2),
        .tm_isdst = -1,
    };
    const struct tm asked = t;
    time_t seconds = utc ? timegm(&t) : mktime(&t);
    if (seconds <= 0 || t.tm_mon != asked.tm_mon || t.tm_mday != asked.tm_mday ||
        asked.tm_hour > 23 || asked.tm_min > 59 || asked.tm_sec > 59)
        return false;
    *us = (int64_t)seconds * 1000000;
    return true;
}

int when_read(const char *text, const char *option, int64_t *us, struct err *e)
{
    struct err ignored = {0};
    int64_t ms;

    if (read_date(text, us))
        return 0;
    if (text_duration_ms(text, option, &ms, &ignored) == 0) {
        *us = time_now_us() - ms * 1000;
        return 0;
    }
    return say_err(e, E_INVALID, NULL, T_BAD_DATE_HINT, T_BAD_DATE, option, text);
}
