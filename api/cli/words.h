/*
 * words.h - a command's words as one would type them to a shell.
 */
#ifndef ENCLOS_CLI_WORDS_H
#define ENCLOS_CLI_WORDS_H

#include "api/common/buf.h"
#include "api/common/json.h"

/* Adds the words of a JSON array, quoted where a shell needs it. */
void words_add(struct buf *out, const struct json *command);

#endif
