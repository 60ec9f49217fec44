/*
 * learn.c - see learn.h. Runs in the monitor; allocates before the sandbox is cloned, but for its bounded list of calls.
 */
#include "runner/learn.h"

#include "api/common/mem.h"
#include "runner/profile_rules.h"
#include "runner/syscalls.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 256 };

struct row {
    struct seccomp_data call; /* the first of its kind */
    char detail[96];
    int os_errno;
    int64_t count;
    const struct profile *by; /* whose rules let it through; NULL: refused */
};

struct learn {
    const struct spec *spec;
    struct profile **other;
    size_t other_count;
    struct row row[ROWS_MAX];
    size_t row_count;
};

void learn_free(struct learn *l)
{
    if (l == NULL)
        return;
    for (size_t i = 0; i < l->other_count; i++)
        profile_free(l->other[i]);
    free(l->other);
    free(l);
}

static bool is_withheld(const struct learn *l, const char *name, const char *detail)
{
    for (size_t i = 0; i < l->spec->learn.withheld_count; i++)
        if (strcmp(l->spec->learn.withheld[i].name, name) == 0 &&
            strcmp(l->spec->learn.withheld[i].detail, detail) == 0)
            return true;
    return false;
}

int learn_open(const char *dir, int cache_dir_fd, struct profile *p, const struct spec *spec,
               struct learn **out, struct err *e)
{
    char **names = NULL;
    size_t count = 0;
    if (profile_names(dir, &names, &count, e) < 0)
        return -1;
    struct learn *l = mem_alloc(sizeof *l);
    l->spec = spec;
    for (size_t i = 0; i < count; i++) {
        struct profile *q = NULL;
        struct err invalid = {0}; /* what it would allow nobody can choose */
        if (strcmp(names[i], p->name) == 0 ||
            profile_load(dir, names[i], cache_dir_fd, &q, &invalid) < 0)
            continue;
        l->other = mem_grow(l->other, l->other_count + 1, sizeof *l->other);
        l->other[l->other_count++] = q;
        if (q->network != PROFILE_NETWORK_NONE && p->network == PROFILE_NETWORK_NONE &&
            !is_withheld(l, "network", ""))
            p->network = PROFILE_NETWORK_LOOPBACK;
        if (q->exec_memory && !is_withheld(l, "exec_memory", ""))
            p->exec_memory = true;
    }
    profile_names_free(names, count);
    if (profile_ask_all(p, e) < 0) {
        learn_free(l);
        return -1;
    }
    *out = l;
    return 0;
}

static const struct profile *allowing(const struct learn *l, const struct seccomp_data *call)
{
    uint64_t args[6];
    memcpy(args, call->args, sizeof args);
    const struct profile *by = NULL;
    for (size_t i = 0; i < l->other_count; i++) {
        const struct profile *q = l->other[i];
        /* Of those that do, one without the proxy is named: its reasons fit more programs. */
        if (rules_permits(q->rules, call->nr, args) &&
            (by == NULL || by->network == PROFILE_NETWORK_PROXY))
            by = q;
    }
    return by;
}

bool learn_lets(struct learn *l, const struct seccomp_data *call, int os_errno, const char *detail)
{
    struct row *row = NULL;
    for (size_t i = 0; i < l->row_count && row == NULL; i++)
        if (l->row[i].call.nr == call->nr && strcmp(l->row[i].detail, detail) == 0)
            row = &l->row[i];
    /* Two calls may read alike and differ in what is not shown: each is judged by its own arguments. */
    bool closed = is_withheld(l, syscalls_name(call->nr), detail);
    const struct profile *by = closed ? NULL : allowing(l, call);
    if (row == NULL && l->row_count < ROWS_MAX) {
        row = &l->row[l->row_count++];
        *row = (struct row){.call = *call, .os_errno = os_errno, .by = by};
        snprintf(row->detail, sizeof row->detail, "%s", detail);
    }
    if (row != NULL)
        row->count++;
    return by != NULL;
}

void learn_print(const struct learn *l, struct jw *w)
{
    for (size_t i = 0; i < l->row_count; i++) {
        const struct row *r = &l->row[i];
        char hex[24];
        jw_obj(w);
        jw_str_at(w, "name", syscalls_name(r->call.nr));
        jw_int_at(w, "number", r->call.nr);
        jw_arr_at(w, "args");
        for (size_t a = 0; a < 6; a++) {
            snprintf(hex, sizeof hex, "0x%llx", (unsigned long long)r->call.args[a]);
            jw_str(w, hex);
        }
        jw_end_arr(w);
        jw_str_at(w, "detail", r->detail);
        jw_str_at(w, "errno", r->os_errno == 0 ? "0" : err_errno_name(r->os_errno));
        jw_int_at(w, "count", r->count);
        jw_bool_at(w, "let", r->by != NULL);
        jw_str_at(w, "by", r->by != NULL ? r->by->name : NULL);
        jw_end_obj(w);
    }
}
