/*
 * report_html.h - a report as one HTML page: French, then English; to read, to print, to file.
 */
#ifndef ENCLOS_CLI_REPORT_HTML_H
#define ENCLOS_CLI_REPORT_HTML_H

#include "api/common/buf.h"
#include "api/common/json.h"

/* The page needs nothing else: no script, font, image or style from anywhere. Each chart is an inline SVG with a
 * title and a description, and stands beside the table that it draws. */
void report_html_add(struct buf *out, const struct json *report);

#endif
