/*
 * client.h - one connection to a lab: JSON-RPC 2.0, one message a line, on its Unix socket.
 *
 * Used by the command line and the gateway. Calls are synchronous (or sent ahead and awaited by
 * id); notifications that come in between wait in order until client_notes hands them out, so that
 * no callback ever runs inside a call. Not thread safe.
 *
 * Errors: what the lab answered keeps its kind, field, message and hint. A lab that cannot be
 * reached, or went away, is E_UNAVAILABLE with the field "socket", and client_is_lost tells it from
 * an E_UNAVAILABLE that the lab itself answered.
 */
#ifndef ENCLOS_CLIENT_H
#define ENCLOS_CLIENT_H

#include "api/common/err.h"
#include "api/common/json.h"
#include <stdbool.h>
#include <stdint.h>

/* Requests keep to FRAME_MAX_BYTES; the lab's answers may be longer (10 000 artifacts). */
enum { CLIENT_ANSWER_MAX_BYTES = 64 << 20 };

struct client;

/* From now on connections are those of the service account whose token it is (NULL: the caller's own). Copied. */
void client_use_token(const char *token);

/* Connects. The error says how to start a lab when nothing answers there. */
MUST_USE int client_open(const char *socket_path, struct client **out, struct err *e);
void client_close(struct client *c); /* NULL is fine */
void client_close_at(struct client **c);
#define AUTO_CLIENT __attribute__((cleanup(client_close_at)))

/* For poll: readable when client_notes has something to do. */
int client_fd(const struct client *c);
bool client_is_lost(const struct client *c);

/* An answer owns its text; `result` is borrowed from `root`. */
struct client_answer {
    struct json *root;
    const struct json *result;
};
void client_answer_fini(struct client_answer *a);
#define AUTO_ANSWER __attribute__((cleanup(client_answer_fini)))

/* Sends a request and waits for its answer. `params` is the text of a JSON object, or NULL for
 * none. What `out` held is released first. */
MUST_USE int client_call(struct client *c, const char *method, const char *params,
                         struct client_answer *out, struct err *e);

/* The two halves of a call, so that several may be under way. `fd` (or -1) is passed with the first
 * byte of the request and stays the caller's. */
MUST_USE int client_send(struct client *c, const char *method, const char *params, int fd,
                         int64_t *id, struct err *e);
MUST_USE int client_wait(struct client *c, int64_t id, struct client_answer *out, struct err *e);

/* The descriptor that came with the oldest answer that had one, or -1. Gives. Take it after each call of a method
 * that gives one (run.attach, run.connect), or the next one gets it. */
int client_take_fd(struct client *c);

/* Reads what has come, waiting at most timeout_ms for the first byte (-1: for ever, 0: not at all),
 * and gives each notification to `note` in order. Nothing to give is a success. */
typedef void client_note_fn(void *arg, const char *method, const struct json *params);
MUST_USE int client_notes(struct client *c, int timeout_ms, client_note_fn *note, void *arg,
                          struct err *e);

#endif
