/*
 * profile_words.c - a profile's rules in words: conditions by the names of their constants, entries as their
 * files group them, and what of one profile another lacks.
 */
#include "runner/profile_words.h"

#include "api/common/mem.h"
#include "runner/profile_const.h"
#include "runner/profile_keys.h"
#include "runner/syscalls.h"
#include <asm/unistd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- conditions ---- */

/* Arguments whose values have names. */
static const struct {
    int nr;
    unsigned index;
    enum const_set set;
    const char *name;
} named[] = {
    {__NR_socket, 0, CONST_FAMILY, "family"},
    {__NR_socket, 1, CONST_SOCKTYPE, "type"},
    {__NR_socket, 2, CONST_PROTOCOL, "protocol"},
    {__NR_socketpair, 0, CONST_FAMILY, "family"},
    {__NR_socketpair, 1, CONST_SOCKTYPE, "type"},
    {__NR_ioctl, 1, CONST_IOCTL, "cmd"},
    {__NR_prctl, 0, CONST_PRCTL, "option"},
    {__NR_fcntl, 1, CONST_FCNTL, "cmd"},
    {__NR_mknod, 1, CONST_FILETYPE, "mode"},
    {__NR_mknodat, 2, CONST_FILETYPE, "mode"},
    {__NR_clone, 0, CONST_CLONE, "flags"},
    {__NR_personality, 0, CONST_PERSONALITY, "persona"},
};

const char *words_constant(int nr, unsigned index, uint64_t value)
{
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        if (named[i].nr == nr && named[i].index == index && value != 0)
            return const_name(named[i].set, value);
    return NULL;
}

static void add_value(int nr, const struct rule_arg *a, uint64_t value, struct buf *out)
{
    const char *name = words_constant(nr, a->index, value);
    if (name != NULL)
        buf_add_str(out, name);
    else if (value < 10)
        buf_printf(out, "%u", (unsigned)value);
    else
        buf_printf(out, "0x%llx", (unsigned long long)value);
}

/* "cmd", and the mask where it is not simply the width of what the kernel reads. */
static void add_label(int nr, const struct rule_arg *a, struct buf *out)
{
    static const uint64_t plain[] = {UINT64_MAX, 0xFFFFFFFF,
                                     0xFFF7F7FF /* without SOCK_NONBLOCK, SOCK_CLOEXEC */,
                                     0170000 /* S_IFMT */};
    const char *name = a->name;
    for (size_t i = 0; i < sizeof named / sizeof *named && name == NULL; i++)
        if (named[i].nr == nr && named[i].index == a->index)
            name = named[i].name;
    if (name != NULL)
        buf_add_str(out, name);
    else
        buf_printf(out, "#%u", a->index + 1);
    bool is_plain = false;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        is_plain |= a->mask == plain[i];
    if (!is_plain)
        buf_printf(out, " & 0x%llx", (unsigned long long)a->mask);
    buf_add_char(out, ':');
}

void words_of_rule(const struct profile_rule *rule, struct buf *out)
{
    for (size_t i = 0; i < rule->arg_count; i++) {
        const struct rule_arg *a = &rule->arg[i];
        if (i > 0)
            buf_add_str(out, ", ");
        add_label(rule->nr, a, out);
        for (size_t v = 0; v < a->value_count; v++) {
            buf_add_char(out, ' ');
            add_value(rule->nr, a, a->values[v], out);
        }
    }
}

void words_of_values(const struct profile_rule *rule, const size_t *at, struct buf *out)
{
    for (size_t i = 0; i < rule->arg_count; i++) {
        const struct rule_arg *a = &rule->arg[i];
        if (i > 0)
            buf_add_str(out, ", ");
        add_label(rule->nr, a, out);
        buf_add_char(out, ' ');
        add_value(rule->nr, a, a->values[at[i]], out);
    }
}

/* ---- settings ---- */

const char *const words_settings[] = {"network",  "exec",       "exec_memory", "proc",
                                      "landlock", "file_locks", NULL};

void words_of_setting(const struct profile *p, size_t i, struct buf *out)
{
    switch (i) {
    case 0: buf_add_str(out, keys_network_word(p)); break;
    case 1: buf_add_str(out, p->exec == PROFILE_EXEC_ONCE ? "once" : "any"); break;
    case 2: buf_add_str(out, p->exec_memory ? "yes" : "no"); break;
    case 3: buf_add_str(out, p->proc == PROFILE_PROC_MINIMAL ? "minimal" : "hidepid"); break;
    case 4:
        if (p->landlock == PROFILE_LANDLOCK_REQUIRED)
            buf_printf(out, "required, ABI %u", p->landlock_min_abi);
        else
            buf_add_str(out, "if_available");
        break;
    default: buf_add_str(out, p->file_locks ? "yes" : "no"); break;
    }
}

/* ---- entries ---- */

static const char *kind_word(enum rule_kind k)
{
    static const char *const words[] = {
        [RULE_ALLOW] = "allow",         [RULE_ALLOW_IF] = "allow_if", [RULE_ERRNO] = "errno",
        [RULE_REFUSE_IF] = "refuse_if", [RULE_REFUSE] = "refuse",
    };
    return words[k];
}

static int by_order(const void *pa, const void *pb)
{
    const struct profile_rule *a = *(const struct profile_rule *const *)pa,
                              *b = *(const struct profile_rule *const *)pb;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

/* "syscalls.allow[3].names[2]" and "syscalls.allow[3].names[7]" are of one entry. */
static bool is_same_entry(const struct profile_rule *a, const struct profile_rule *b)
{
    size_t n = strcspn(a->path, "]");
    return a->source == b->source && a->kind == b->kind && strncmp(a->path, b->path, n + 1) == 0;
}

static const char *errno_word(int os_errno)
{
    return os_errno == 0 ? "0" : err_errno_name(os_errno);
}

static void put_reason(struct jw *w, const char *key, const char *key_fr,
                       const struct profile_rule *r)
{
    jw_str_at(w, key, r->why);
    jw_str_at(w, key_fr, r->why_fr);
}

void words_entries(struct jw *w, const struct profile *p)
{
    size_t count = p->rules->count;
    AUTO_FREE const struct profile_rule **list = mem_alloc((count + 1) * sizeof *list);
    for (size_t i = 0; i < count; i++)
        list[i] = &p->rules->rule[i];
    qsort(list, count, sizeof *list, by_order);
    for (size_t i = 0; i < count;) {
        AUTO_BUF struct buf when = BUF_INIT(1 << 16);
        const struct profile_rule *r = list[i];
        jw_obj(w);
        jw_str_at(w, "rule", kind_word(r->kind));
        if (r->group != NULL)
            jw_str_at(w, "group", r->group);
        jw_arr_at(w, "names");
        size_t next = i;
        for (; next < count && is_same_entry(r, list[next]); next++)
            jw_str(w, syscalls_name(list[next]->nr));
        jw_end_arr(w);
        words_of_rule(r, &when);
        if (when.len > 0)
            jw_str_at(w, "when", buf_cstr(&when));
        if (r->kind >= RULE_ERRNO)
            jw_str_at(w, "errno", errno_word(r->os_errno));
        put_reason(w, "why", "why_fr", r);
        jw_str_at(w, "file", r->source->file);
        jw_int_at(w, "line", rule_line(r));
        jw_end_obj(w);
        i = next;
    }
}

/* ---- what differs ---- */

static const struct profile_rule *find(const struct profile *p, int nr, enum rule_kind from,
                                       enum rule_kind to)
{
    for (size_t i = 0; i < p->rules->count; i++)
        if (p->rules->rule[i].nr == nr && p->rules->rule[i].kind >= from &&
            p->rules->rule[i].kind <= to)
            return &p->rules->rule[i];
    return NULL;
}

/* Whether a rule of `p` covers this one's conditions at these values: each of its own holds for all arguments that
 * satisfy them. */
static bool covers(const struct profile_rule *wide, const struct profile_rule *narrow,
                   const size_t *at)
{
    for (size_t i = 0; i < wide->arg_count; i++) {
        const struct rule_arg *a = &wide->arg[i];
        bool held = false;
        for (size_t j = 0; j < narrow->arg_count && !held; j++) {
            const struct rule_arg *b = &narrow->arg[j];
            if (b->index != a->index || (a->mask & ~b->mask) != 0)
                continue; /* it looks at bits that the narrow one leaves free */
            for (size_t v = 0; v < a->value_count; v++)
                held |= (b->values[at[j]] & a->mask) == a->values[v];
        }
        if (!held)
            return false;
    }
    return true;
}

static bool is_allowed(const struct profile *p, const struct profile_rule *rule, const size_t *at)
{
    for (size_t i = 0; i < p->rules->count; i++) {
        const struct profile_rule *r = &p->rules->rule[i];
        if (r->nr == rule->nr && r->kind <= RULE_ALLOW_IF && covers(r, rule, at))
            return true;
    }
    return false;
}

/* Steps to the next choice of one value for each condition. */
static bool next_values(const struct profile_rule *rule, size_t *at)
{
    for (size_t i = 0; i < rule->arg_count; i++) {
        if (++at[i] < rule->arg[i].value_count)
            return true;
        at[i] = 0;
    }
    return false;
}

/* The choices of values of this rule that `other` does not allow, in words: the rule whole when it is all of them. */
static void add_missing(struct jw *w, const struct profile *other, const struct profile_rule *rule)
{
    size_t at[FILTER_CONDS_MAX] = {0}, missing = 0, all = 0;
    AUTO_BUF struct buf words = BUF_INIT(1 << 16);
    do {
        all++;
        missing += !is_allowed(other, rule, at);
    } while (next_values(rule, at));
    if (missing == 0)
        return;
    if (missing == all) {
        words_of_rule(rule, &words);
        jw_str(w, buf_cstr(&words));
        return;
    }
    do {
        if (is_allowed(other, rule, at))
            continue;
        if (rule->arg_count == 1 && words.len > 0) { /* "cmd: F_GETLK F_SETLK" on one line */
            buf_add_char(&words, ' ');
            add_value(rule->nr, &rule->arg[0], rule->arg[0].values[at[0]], &words);
            continue;
        }
        buf_clear(&words);
        words_of_values(rule, at, &words);
        if (rule->arg_count > 1)
            jw_str(w, buf_cstr(&words));
    } while (next_values(rule, at));
    if (rule->arg_count == 1)
        jw_str(w, buf_cstr(&words));
}

/* The first rule of `p` that lets through something which `other` does not, or NULL. */
static const struct profile_rule *allows_more(const struct profile *p, const struct profile *other,
                                              int nr)
{
    for (size_t i = 0; i < p->rules->count; i++) {
        const struct profile_rule *r = &p->rules->rule[i];
        size_t at[FILTER_CONDS_MAX] = {0};
        if (r->nr != nr || r->kind > RULE_ALLOW_IF)
            continue;
        do {
            if (!is_allowed(other, r, at))
                return r;
        } while (next_values(r, at));
    }
    return NULL;
}

static void put_only(struct jw *w, const char *key, const struct profile *p,
                     const struct profile *other)
{
    jw_arr_at(w, key);
    for (int nr = 0; nr < SYSCALLS_END; nr++) {
        const struct profile_rule *mine = allows_more(p, other, nr);
        if (mine == NULL)
            continue;
        const struct profile_rule *theirs = find(other, nr, RULE_ERRNO, RULE_REFUSE),
                                  *some = find(other, nr, RULE_ALLOW_IF, RULE_ALLOW_IF);
        jw_obj(w);
        jw_str_at(w, "name", syscalls_name(nr));
        jw_arr_at(w, "when"); /* empty: whatever the arguments */
        for (size_t i = 0; i < p->rules->count; i++)
            if (p->rules->rule[i].nr == nr && p->rules->rule[i].kind == RULE_ALLOW_IF)
                add_missing(w, other, &p->rules->rule[i]);
        jw_end_arr(w);
        put_reason(w, "why", "why_fr", mine);
        jw_bool_at(w, "other_in_part", some != NULL);
        jw_str_at(w, "other_answers",
                  theirs != NULL        ? errno_word(theirs->os_errno)
                  : nr < SYSCALLS_YOUNG ? "EPERM"
                                        : "ENOSYS");
        if (theirs != NULL)
            put_reason(w, "other_why", "other_why_fr", theirs);
        jw_end_obj(w);
    }
    jw_end_arr(w);
}

static const char *env_value(const struct profile *p, const char *name)
{
    for (size_t i = 0; i < p->env_count; i++)
        if (strcmp(p->env[i].name, name) == 0)
            return p->env[i].value;
    return NULL;
}

static void put_env(struct jw *w, const struct profile *a, const struct profile *b)
{
    jw_arr_at(w, "env");
    for (size_t side = 0; side < 2; side++) {
        const struct profile *p = side == 0 ? a : b, *other = side == 0 ? b : a;
        for (size_t i = 0; i < p->env_count; i++) {
            const char *theirs = env_value(other, p->env[i].name);
            if (theirs != NULL && (side == 1 || strcmp(theirs, p->env[i].value) == 0))
                continue;
            jw_obj(w);
            jw_str_at(w, "name", p->env[i].name);
            jw_str_at(w, "a", side == 0 ? p->env[i].value : NULL);
            jw_str_at(w, "b", side == 0 ? theirs : p->env[i].value);
            jw_end_obj(w);
        }
    }
    jw_end_arr(w);
}

static void put_devices(struct jw *w, const char *key, const struct profile *p,
                        const struct profile *other)
{
    jw_arr_at(w, key);
    for (size_t i = 0; i < p->device_set_count; i++) {
        bool same = false;
        for (size_t j = 0; j < other->device_set_count; j++)
            same |= strcmp(p->devices[i].set, other->devices[j].set) == 0;
        if (!same)
            jw_str(w, p->devices[i].set);
    }
    jw_end_arr(w);
}

void words_diff(struct jw *w, const struct profile *a, const struct profile *b)
{
    jw_obj(w);
    jw_str_at(w, "a", a->name);
    jw_str_at(w, "b", b->name);
    jw_arr_at(w, "settings");
    for (size_t i = 0; words_settings[i] != NULL; i++) {
        AUTO_BUF struct buf mine = BUF_INIT(64), theirs = BUF_INIT(64);
        words_of_setting(a, i, &mine);
        words_of_setting(b, i, &theirs);
        if (strcmp(buf_cstr(&mine), buf_cstr(&theirs)) == 0)
            continue;
        jw_obj(w);
        jw_str_at(w, "key", words_settings[i]);
        jw_str_at(w, "a", buf_cstr(&mine));
        jw_str_at(w, "b", buf_cstr(&theirs));
        jw_end_obj(w);
    }
    jw_end_arr(w);
    put_only(w, "only_a", a, b);
    put_only(w, "only_b", b, a);
    put_env(w, a, b);
    put_devices(w, "devices_a", a, b);
    put_devices(w, "devices_b", b, a);
    jw_end_obj(w);
}
