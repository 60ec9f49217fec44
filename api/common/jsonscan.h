/*
 * jsonscan.h - the strict scan as json_parse needs it: all keys checked, with memory of its own.
 * See jsonscan.c.
 */
#ifndef ENCLOS_JSONSCAN_H
#define ENCLOS_JSONSCAN_H

#include "api/common/json.h"

/* As json_scan, and finds every duplicate key however large the objects are. */
MUST_USE int scan_for_parse(const char *text, size_t len, const struct json_limits *limits,
                            struct err *e);

#endif
