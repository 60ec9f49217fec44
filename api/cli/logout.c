/*
 * logout.c - what a run wrote, made harmless for a terminal; see logout.h.
 */
#include "api/cli/logout.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include <string.h>

void logout_init(struct logout *l, const struct term *t)
{
    *l = (struct logout){.fd = t->fd, .is_tty = t->is_tty};
}

/* Bytes of the character that a first byte announces. */
static size_t announced(unsigned char first)
{
    if (first >= 0xf0)
        return 4;
    if (first >= 0xe0)
        return 3;
    return first >= 0xc2 ? 2 : 1;
}

static void add_escaped(struct buf *out, unsigned char c)
{
    buf_printf(out, "\\x%02x", c);
}

/* One character that may be whole, cut (returns 0) or wrong; returns the bytes used. */
static size_t add_char(struct buf *out, const char *p, size_t len)
{
    unsigned char c = (unsigned char)*p;
    size_t need = announced(c);

    if (c < 0x80) {
        if (c == '\n' || c == '\t' || (c >= 0x20 && c != 0x7f))
            buf_add_char(out, (char)c);
        else
            add_escaped(out, c);
        return 1;
    }
    if (need > len) {
        /* Held only if what is there may become a character. */
        for (size_t i = 1; i < len; i++)
            if (((unsigned char)p[i] & 0xc0) != 0x80)
                need = 1;
        if (need > 1)
            return 0;
    }
    if (need < 2 || !text_is_utf8(p, need)) {
        add_escaped(out, c);
        return 1;
    }
    if (text_has_control(p, need))
        for (size_t i = 0; i < need; i++)
            add_escaped(out, (unsigned char)p[i]);
    else
        buf_add(out, p, need);
    return need;
}

/* A lone carriage return starts the line over; ours wipes it, so that nothing is left behind. */
static void settle_return(struct logout *l, struct buf *out, char next)
{
    if (l->held_return && next != '\n' && next != '\r')
        buf_add_str(out, "\r\033[K");
    if (next != '\r')
        l->held_return = false;
}

void logout_add(struct logout *l, const char *bytes, size_t len, struct buf *out,
                bool *at_line_start)
{
    if (len == 0)
        return;
    if (!l->is_tty) {
        buf_add(out, bytes, len);
        *at_line_start = bytes[len - 1] == '\n';
        return;
    }
    for (size_t i = 0; i < len;) {
        char joined[4];
        const char *p = bytes + i;
        size_t room = len - i;
        if (l->held_len > 0) {
            memcpy(joined, l->held, l->held_len);
            size_t more = sizeof joined - l->held_len < room ? sizeof joined - l->held_len : room;
            memcpy(joined + l->held_len, p, more);
            p = joined;
            room = l->held_len + more;
        }
        settle_return(l, out, *p);
        if (*p == '\r') {
            l->held_return = true;
            i++;
            continue;
        }
        size_t used = add_char(out, p, room);
        if (used == 0) {
            memmove(l->held, p, room < sizeof l->held ? room : sizeof l->held - 1);
            l->held_len = room < sizeof l->held ? room : sizeof l->held - 1;
            break;
        }
        *at_line_start = *p == '\n';
        if (used >= l->held_len) {
            i += used - l->held_len;
            l->held_len = 0;
        } else {
            l->held_len -= used; /* a wrong byte: the others are tried again */
            memmove(l->held, l->held + used, l->held_len);
        }
    }
}

void logout_end(struct logout *l, struct buf *out)
{
    for (size_t i = 0; i < l->held_len; i++)
        add_escaped(out, (unsigned char)l->held[i]);
    l->held_len = 0;
}

bool logout_bytes_of(const struct json *event, struct buf *out)
{
    const char *text = json_str(json_get(event, "text"));
    const char *coded = json_str(json_get(event, "base64"));

    if (text) {
        buf_add_str(out, text);
        return true;
    }
    if (!coded)
        return false;
    size_t len = strlen(coded), got = 0;
    AUTO_FREE unsigned char *bytes = mem_alloc(len / 4 * 3 + 1);
    if (text_unbase64(coded, len, bytes, &got) < 0)
        return false;
    buf_add(out, bytes, got);
    return true;
}
