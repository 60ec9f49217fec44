/*
 * human.c - quantities as people read them; see human.h.
 */
#include "api/cli/human.h"
#include "api/cli/say.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Numbers are made in the C locale; the comma is ours. */
static void add_decimal(struct buf *out, const char *number)
{
    for (const char *p = number; *p; p++)
        buf_add_char(out, *p == '.' && say_lang() == LANG_FR ? ',' : *p);
}

static void add_unit(struct buf *out, const char *unit)
{
    buf_add_str(out, say_lang() == LANG_FR ? NBSP : " ");
    buf_add_str(out, unit);
}

void human_size(struct buf *out, uint64_t bytes)
{
    static const char *const units[LANG_COUNT][6] = {
        [LANG_EN] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"},
        [LANG_FR] = {"o", "Kio", "Mio", "Gio", "Tio", "Pio"},
    };
    double n = (double)bytes;
    size_t unit = 0;
    char text[32];

    /* 1023.95 and more would print as 1024.0 of the smaller unit. */
    while (unit < 5 && n >= (unit == 0 ? 1024.0 : 1023.95)) {
        n /= 1024;
        unit++;
    }
    bool whole = unit == 0 || n >= 99.95 || fabs(n - round(n)) < 0.05;
    snprintf(text, sizeof text, whole ? "%.0f" : "%.1f", n);
    add_decimal(out, text);
    add_unit(out, units[say_lang()][unit]);
}

static void add_time(struct buf *out, int64_t n, const char *unit, bool padded)
{
    buf_printf(out, padded ? "%02lld" : "%lld", (long long)n);
    add_unit(out, unit);
}

void human_elapsed(struct buf *out, int64_t ms)
{
    int64_t s = (ms < 0 ? 0 : ms) / 1000;
    const char *gap = say_lang() == LANG_FR ? NBSP : " ";

    if (s < 60) {
        add_time(out, s, "s", false);
    } else if (s < 3600) {
        add_time(out, s / 60, "min", false);
        buf_add_str(out, gap);
        add_time(out, s % 60, "s", true);
    } else {
        add_time(out, s / 3600, "h", false);
        buf_add_str(out, gap);
        add_time(out, s / 60 % 60, "min", true);
    }
}

void human_duration(struct buf *out, int64_t ms)
{
    char text[32];

    if (ms < 0)
        ms = 0;
    if (ms < 1000) {
        add_time(out, ms, "ms", false);
    } else if (ms < 59950) {
        bool whole = (ms + 50) / 100 % 10 == 0;
        snprintf(text, sizeof text, whole ? "%.0f" : "%.1f", (double)ms / 1000);
        add_decimal(out, text);
        add_unit(out, "s");
    } else {
        int64_t s = (ms + 500) / 1000, unit_s = s < 3600 ? 60 : 3600;
        bool whole = s < 3600 ? s % 60 == 0 : s / 60 % 60 == 0;
        if (whole)
            add_time(out, s / unit_s, unit_s == 60 ? "min" : "h", false);
        else
            human_elapsed(out, s * 1000);
    }
}

static void add_grouped(struct buf *out, const char *digits, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            buf_add_str(out, say_lang() == LANG_FR ? NBSP : ",");
        buf_add_char(out, digits[i]);
    }
}

void human_number(struct buf *out, double n)
{
    char text[64];
    double size = fabs(n);

    /* Counts of rows and of bytes keep all their digits; measures keep six. */
    if (size < 1e5 || size >= 1e15 || isnan(n)) {
        snprintf(text, sizeof text, "%.6g", n);
        add_decimal(out, text);
        return;
    }
    snprintf(text, sizeof text, n == floor(n) ? "%.0f" : "%.1f", size);
    if (n < 0)
        buf_add_char(out, '-');
    size_t whole = strcspn(text, ".");
    add_grouped(out, text, whole);
    add_decimal(out, text + whole);
}

void human_count(struct buf *out, uint64_t n)
{
    char text[32];
    int len = snprintf(text, sizeof text, "%llu", (unsigned long long)n);

    add_grouped(out, text, (size_t)len);
}

void human_percent(struct buf *out, int64_t percent)
{
    buf_printf(out, say_lang() == LANG_FR ? "%lld" NBSP "%%" : "%lld%%", (long long)percent);
}

void human_cpus(struct buf *out, int64_t milli)
{
    char text[32];

    snprintf(text, sizeof text, "%g", (double)milli / 1000);
    add_decimal(out, text);
}

void human_date(struct buf *out, int64_t us)
{
    time_t s = (time_t)(us / 1000000);
    struct tm local;
    char text[32];

    if (!localtime_r(&s, &local) || strftime(text, sizeof text, "%Y-%m-%d %H:%M", &local) == 0)
        return;
    buf_add_str(out, text);
}

void human_digest(struct buf *out, const char *sha256)
{
    size_t len = strlen(sha256);

    buf_add(out, sha256, len < 12 ? len : 12);
}

enum { RING = 16 };

static const char *ring(struct buf *text)
{
    static char texts[RING][48];
    static size_t next;
    char *room = texts[next++ % RING];

    snprintf(room, sizeof texts[0], "%s", buf_cstr(text));
    buf_fini(text);
    return room;
}

const char *human_size_text(uint64_t bytes)
{
    struct buf text = BUF_INIT(64);

    human_size(&text, bytes);
    return ring(&text);
}

const char *human_duration_text(int64_t ms)
{
    struct buf text = BUF_INIT(64);

    human_duration(&text, ms);
    return ring(&text);
}

const char *human_count_text(uint64_t n)
{
    struct buf text = BUF_INIT(64);

    human_count(&text, n);
    return ring(&text);
}

const char *human_cpus_text(int64_t milli)
{
    struct buf text = BUF_INIT(64);

    human_cpus(&text, milli);
    return ring(&text);
}
