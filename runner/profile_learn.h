/*
 * profile_learn.h - what `profile learn` has found out, between its two files. Private to them.
 *
 * profile_learn.c runs the command and finds out; profile_learn_text.c writes the profile.
 */
#ifndef ENCLOS_RUNNER_PROFILE_LEARN_H
#define ENCLOS_RUNNER_PROFILE_LEARN_H

#include "api/common/buf.h"
#include "api/common/err.h"
#include "runner/profile.h"
#include "runner/spec.h"

enum { NEEDED_MAX = SPEC_MAX_WITHHELD, REFUSED_MAX = 64 };

/* A call that the command made and the profile refuses. */
struct call {
    const char *setting; /* not a call but this key of the profile, or NULL */
    int nr;
    uint64_t args[6];
    char detail[100];
    char os_errno[16];
    int64_t count;
    char by[65];   /* the profile that allows it; "": refused while learning too */
    bool needless; /* the command succeeded without it: withheld from then on */
    bool seen;     /* in the run just read */
};

struct learning {
    const char *profiles_dir, *profile, *cgroup;
    char *code; /* real path of /work, or NULL */
    char **command;
    size_t command_count;
    int64_t time_s, memory_bytes;
    int runs_max, runs;
    bool json;
    char top[64]; /* folder of run folders */
    struct profile *base;
    struct call call[NEEDED_MAX];
    size_t count;
    struct call refused[REFUSED_MAX];
    size_t refused_count;
    char verdict[32], reason[400], hint[200]; /* of the last run */
};

/* Of a call its name, of a setting its key. */
const char *learn_name(const struct call *c);
/* TCP or UDP of the run's own loopback. */
bool learn_is_inet(const struct call *c);
/* Not withheld in vain, and let through by some profile. */
bool learn_is_needed(const struct call *c);
/* What allowing this very call gives away, or "". The run's own loopback leads nowhere. */
const char *learn_risk(const struct call *c, bool french);

/* The whole file of a profile that has what is needed, proved to be valid. */
MUST_USE int learn_write(const struct learning *l, struct buf *out, struct err *e);

#endif
