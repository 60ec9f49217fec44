/*
 * cli.h - what every command of `enclos` works with: the way to the lab, the output, exit statuses.
 *
 * A command is a row of a table (command.h). Its handler gets the parsed arguments, asks the lab,
 * and prints: with --json exactly one JSON document, else a text for people. It returns an exit
 * status, or CLI_FAILED / CLI_BAD_USAGE with the error set; the error is printed in one place.
 */
#ifndef ENCLOS_CLI_H
#define ENCLOS_CLI_H

#include "api/cli/human.h"
#include "api/cli/opt.h"
#include "api/cli/say.h"
#include "api/cli/table.h"
#include "api/cli/term.h"
#include "api/client/client.h"
#include "api/common/buf.h"
#include "api/common/err.h"
#include "api/common/json.h"
#include "api/common/version.h"

enum cli_status {
    CLI_FAILED = -1,    /* the error is set: status 1, or 125 for a run */
    CLI_BAD_USAGE = -2, /* the error is set: status 2 */
    CLI_OK = 0,
    CLI_REFUSED = 1,
    CLI_USAGE = 2,
    CLI_TIME_LIMIT = 124,
    CLI_LAB_FAILED = 125,
    CLI_CANCELLED = 130, /* also: following was interrupted */
    CLI_OUT_OF_MEMORY = 137,
};

enum socket_source { SOCKET_OPTION, SOCKET_ENV, SOCKET_ROOT, SOCKET_OWN, SOCKET_SHARED };

struct cli {
    char *socket_path;
    enum socket_source socket_source;
    bool json;
    struct term out;
    struct term err;
    struct client *client; /* opened by cli_lab when first needed */
};

/* The whole program: returns the exit status. */
int cli_main(int argc, char **argv);

/* The connection, made when first asked for. */
MUST_USE int cli_lab(struct cli *c, struct client **out, struct err *e);
/* A call on that connection; `params` may be NULL. */
MUST_USE int cli_call(struct cli *c, const char *method, const char *params,
                      struct client_answer *out, struct err *e);
/* A call whose only parameter is one string. */
MUST_USE int cli_call_with(struct cli *c, const char *method, const char *key, const char *value,
                           struct client_answer *out, struct err *e);

/* Writes to standard output; a failure (disk full) ends the program with status 1, or 125 for a command
 * that follows a run. */
void cli_print(const struct buf *text);
/* Prints one value as a line of JSON. */
void cli_print_json(const struct json *v);
/* Writes to standard error: notes, questions, progress. Failures are of no use to tell. */
void cli_note(const struct buf *text);
/* Adds a text and a line break; on a terminal it is wrapped, elsewhere a line stays one. */
void cli_add_line(struct buf *out, const struct term *t, const char *text);
/* A text of ours on standard error. */
void cli_say_args(enum text_id id, const char *const *args, size_t count);
#define cli_say(id, ...)                                                                           \
    cli_say_args((id), (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL},                     \
                 sizeof((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL}) / sizeof(char *) - \
                     1)

/* The error on standard error, and with --json as one document on standard output:
 * {"error":{"kind","field","message","hint"}}. */
void cli_print_error(struct cli *c, const struct err *e);

/* Checks the count of words; sets a usage error. Returns 0 or CLI_BAD_USAGE. */
MUST_USE int cli_need_words(const struct args *a, size_t min, size_t max, enum text_id what,
                            struct err *e);

/* The folder this program stands in, "" when /proc does not tell. */
const char *cli_program_dir(void);

/* Shortcuts for reading answers: missing members give "" and 0. */
const char *cli_str(const struct json *obj, const char *key);
int64_t cli_int(const struct json *obj, const char *key);

#endif
