/*
 * profile_rules.h - the system calls of a profile: parsed entries, merged along `extends`.
 *
 * Private to the profile module (profile.c, profile_main.c and their tests).
 *
 * The kinds, in the order a call is judged: `allow` lets it through, `allow_if` does when the
 * arguments are as told, `errno` answers without a word (for probes that every program makes),
 * `refuse` answers with an errno and is recorded. What has no rule is refused with EPERM and
 * recorded; numbers that no one knows, or that are younger than SYSCALLS_YOUNG, with ENOSYS.
 */
#ifndef ENCLOS_RUNNER_PROFILE_RULES_H
#define ENCLOS_RUNNER_PROFILE_RULES_H

#include "api/common/err.h"
#include "api/common/json.h"
#include "api/common/mem.h"
#include "runner/filter.h"

enum rule_kind { RULE_ALLOW, RULE_ALLOW_IF, RULE_ERRNO, RULE_REFUSE_IF, RULE_REFUSE };

struct rule_arg {
    unsigned index;
    const char *name; /* what the file calls it, or NULL */
    uint64_t mask;
    size_t value_count;
    const uint64_t *values; /* (argument & mask) is one of these */
};

/* One profile file. */
struct profile_source {
    const char *file; /* "base.jsonc", for messages */
    const char *text; /* comments blanked */
    size_t len;
    const struct json *root; /* while it is read */
};

struct profile_rule {
    int nr;
    enum rule_kind kind;
    int os_errno; /* errno, refuse */
    size_t arg_count;
    struct rule_arg arg[FILTER_CONDS_MAX];
    const char *group; /* of an allow entry, else NULL */
    const char *why;
    const char *why_fr; /* may be NULL */
    /* Where it was said. Finding a line means reading the text, and 300 rules would do it at every
     * load for the one error in a thousand: rule_line looks when somebody asks. */
    const struct profile_source *source;
    const char *path;
    unsigned order; /* of appearance */
};

struct profile_rules {
    struct arena *arena; /* owns all strings, values and copies of sources (without root) */
    struct profile_rule *rule;
    size_t count;
    size_t room;
    unsigned added;
};

struct profile_rules *rules_new(void);
void rules_free(struct profile_rules *r);

/* Adds what the "syscalls" object of a source says to what is inherited. `child`: it extends another
 * profile, so `remove` and `override` have a meaning. */
MUST_USE int rules_apply(struct profile_rules *r, const struct profile_source *s, bool child,
                         struct err *e);

/* After the last file: the calls that the sandbox's own hand-over needs are plainly allowed. `exec_once`: but
 * execve, which the monitor then answers. */
MUST_USE int rules_check(const struct profile_rules *r, const struct profile_source *last, bool exec_once,
                         struct err *e);

void rules_sort(struct profile_rules *r); /* by number, kind, order of appearance */

/* True when the call is let through for at least some arguments. */
bool rules_allows(const struct profile_rules *r, int nr);
size_t rules_allowed_count(const struct profile_rules *r); /* sorted rules only */

/* True when these arguments are let through. */
bool rules_permits(const struct profile_rules *r, int nr, const uint64_t args[6]);
/* The rule that lets them through, or NULL. */
const struct profile_rule *rules_permitting(const struct profile_rules *r, int nr, const uint64_t args[6]);

/* Errno for a call (0: allowed) as told in profile.h. */
int rules_refusal(const struct profile_rules *r, int nr, const uint64_t args[6]);

/* The rules that the seccomp program holds, lists of values multiplied out; sorted rules only.
 * `report_paths`: without those of syscalls_paths[]. Gives *out (free()). */
MUST_USE int rules_for_filter(const struct profile_rules *r, bool report_paths,
                              struct filter_rule **out, size_t *count, struct err *e);

/* The rules of the program as bytes, the same for the same program: the cache's key. */
void rules_key(const struct filter_rule *rules, size_t count, struct buf *out);

/* Sets an error at a place of a file: "base.jsonc:12: syscalls.allow[0]: ...". */
int source_fail(const struct profile_source *s, const char *path, const char *hint, struct err *e,
                const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Line of the name that made a rule. */
unsigned rule_line(const struct profile_rule *rule);
/* Adds file and line to an error that the json layer set with a path in `field`. */
int source_located(const struct profile_source *s, struct err *e);
/* Line of a path, or of the nearest thing around it that exists. */
unsigned source_line(const struct profile_source *s, const char *path);

#endif
