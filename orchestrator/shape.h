/*
 * shape.h - the grammar in which a row of the method table says what its result is, and its JSON Schema.
 *
 *   shape   = one { "or" one }
 *   one     = "{" [ member { "," member } ] "}"     an object; more members may come in later versions
 *           | "{*:" shape "}"                       an object with any names
 *           | "[" shape "]"                         an array
 *           | "as" METHOD [ "with" one ]            the result of another row, and more members
 *           | text integer number boolean true null sha256 object any
 *           | WORD { "|" WORD } | "'" WORD "'"      one of these texts; this very text
 *   member  = NAME [ "?" ] [ ":" shape ] [ "(" note for people ")" ]      ?: it may be left out
 *
 * A member without a shape is an integer when its name ends in _us, _ms, _bytes, _milli or _count, a digest
 * when it is sha256, and text otherwise. Example: "{run, state: queued|finished, next_cursor: text or null}".
 */
#ifndef ENCLOS_SHAPE_H
#define ENCLOS_SHAPE_H

#include "api/common/buf.h"
#include "api/common/err.h"

/* Adds the JSON Schema of a shape. E_INVALID says where the text stops being one. */
MUST_USE int shape_schema(const char *text, struct buf *out, struct err *e);

#endif
