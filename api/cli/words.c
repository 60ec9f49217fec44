/*
 * words.c - see words.h.
 */
#include "api/cli/words.h"
#include <string.h>

void words_add(struct buf *out, const struct json *command)
{
    for (const struct json *word = json_first(command); word; word = json_next(word)) {
        const char *s = json_str(word) ? json_str(word) : "";
        bool plain = *s && strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "0123456789_-+=./:,@%^") == strlen(s);
        if (out->len > 0)
            buf_add_char(out, ' ');
        if (plain) {
            buf_add_str(out, s);
            continue;
        }
        buf_add_char(out, '\'');
        for (; *s; s++)
            if (*s == '\'')
                buf_add_str(out, "'\\''");
            else
                buf_add_char(out, *s);
        buf_add_char(out, '\'');
    }
}
