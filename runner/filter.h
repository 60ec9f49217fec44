/*
 * filter.h - from a list of rules to a seccomp program, checked and kept.
 *
 * Called by the profile loader only. Default action is user notification: what no rule allows goes
 * to the monitor, which answers with an errno and writes it down; with no monitor left the kernel
 * answers ENOSYS. Another architecture than x86-64, x32 included, kills the process.
 */
#ifndef ENCLOS_RUNNER_FILTER_H
#define ENCLOS_RUNNER_FILTER_H

#include "api/common/buf.h"
#include "api/common/err.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One seccomp program, ready for seccomp(2) (which needs SECCOMP_FILTER_FLAG_NEW_LISTENER). */
struct profile_filter {
    struct sock_filter *code;
    unsigned short count;
    char digest[17]; /* 64-bit FNV-1a of the program, hex: names it in records */
};

/* A rule lets a call through, or answers it with an errno without a word (os_errno >= 0). */
enum { FILTER_CONDS_MAX = 4, FILTER_ALLOW = -1 };

struct filter_cond {
    unsigned index; /* of the argument; each at most once in a rule */
    uint64_t mask;
    uint64_t value; /* (argument & mask) == value */
};

struct filter_rule {
    int nr;
    int os_errno; /* FILTER_ALLOW or 0..133 */
    size_t cond_count;
    struct filter_cond cond[FILTER_CONDS_MAX];
};

/* Makes the program and compares it with the rules call by call (filter_verify). Gives out->code. */
MUST_USE int filter_compile(const struct filter_rule *rules, size_t count,
                            struct profile_filter *out, struct err *e);
void filter_fini(struct profile_filter *f);

/* What the program answers (a SECCOMP_RET_ value), as the kernel would run it. A program that the
 * kernel would not accept answers SECCOMP_RET_KILL_PROCESS. */
uint32_t filter_eval(const struct profile_filter *f, const struct seccomp_data *data);

/* True when the kernel can see that this number is always allowed, whatever the arguments, and so
 * answers it from its bitmap without running the program (5.11 and later). */
bool filter_is_constant_allow(const struct profile_filter *f, int nr);

/* E_INTERNAL when the program answers something else than the rules: for every number (quick), and
 * for each rule's own arguments and arguments one bit beside them (full). `rules` is sorted by nr. */
enum filter_care { FILTER_CARE_QUICK, FILTER_CARE_FULL };
MUST_USE int filter_verify(const struct profile_filter *f, const struct filter_rule *rules,
                           size_t count, enum filter_care care, struct err *e);

/* 64-bit FNV-1a: names things, protects nothing. */
uint64_t filter_fnv(const void *p, size_t len);

/* The cache: one file a key, `filter-<FNV of the key>.bpf`, which holds the whole key and the
 * programs. The folder must be ours and writable by nobody else, or E_DENIED. A file that is
 * damaged, of another key or of another owner is not used, and replaced by the next put.
 * get: returns 1 found (gives the programs), 0 not there, -1 error. */
MUST_USE int filter_cache_get(int dir_fd, const char *key, size_t key_len,
                              struct profile_filter *programs, size_t program_count, struct err *e);
MUST_USE int filter_cache_put(int dir_fd, const char *key, size_t key_len,
                              const struct profile_filter *programs, size_t program_count,
                              struct err *e);

/* "libseccomp 2.5.4, format 1": part of every key. */
void filter_version(struct buf *out);

#endif
