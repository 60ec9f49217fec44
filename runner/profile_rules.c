/*
 * profile_rules.c - reads and merges the "syscalls" object of profile files.
 *
 * Merging goes from the root of the `extends` chain to the profile that was asked for. Within a file
 * the order is fixed: remove, override, allow, allow_if, errno, refuse. A contradiction with what
 * is there already is an error that names both places; nothing is ever replaced in silence:
 *
 *                     there already
 *     new         allow      allow_if    errno      refuse
 *     allow       twice      widens*     contra*    contra*
 *     allow_if    pointless  adds        contra*    adds
 *     errno       contra+    contra*     twice      contra*
 *     refuse      contra+    adds        contra*    twice      (with args: adds, unless allowed)
 *
 *     * unless the file lists the call in `override`   + unless it lists it in `remove`
 */
#include "runner/profile_rules.h"

#include "api/common/buf.h"
#include "runner/profile_const.h"
#include "runner/syscalls.h"
#include <asm/unistd.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAMES_MAX = 256,
    ENTRIES_MAX = 512,
    VALUES_MAX = 64,
    RULES_MAX = 2048,
    FILTER_RULES_MAX = 2048,
    PATH_SIZE = 160,
    WHY_MAX = 1000,
};

/* ---- places in a file ---- */

/* "syscalls.allow[3]" and the like: bounded by the depth of the format, cut if ever it is not. */
__attribute__((format(printf, 2, 3))) static void place(char out[PATH_SIZE], const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(out, PATH_SIZE, fmt, args);
    va_end(args);
}

unsigned source_line(const struct profile_source *s, const char *path)
{
    char at[PATH_SIZE];
    place(at, "%s", path);
    for (;;) {
        unsigned line = json_line_of(s->text, s->len, at);
        if (line != 0 || at[0] == '\0')
            return line;
        char *dot = strrchr(at, '.');
        char *bracket = strrchr(at, '[');
        char *cut = bracket > dot ? bracket : dot;
        if (cut == NULL)
            cut = at;
        *cut = '\0';
    }
}

unsigned rule_line(const struct profile_rule *rule)
{
    return source_line(rule->source, rule->path);
}

int source_fail(const struct profile_source *s, const char *path, const char *hint, struct err *e,
                const char *fmt, ...)
{
    char text[sizeof e->message];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return err_set(e, E_INVALID, path, hint, "%s:%u: %s: %s", s->file, source_line(s, path), path,
                   text);
}

int source_located(const struct profile_source *s, struct err *e)
{
    unsigned line = source_line(s, e->field);
    if (e->field[0] == '\0' || strstr(e->message, e->field) != NULL)
        return err_context(e, "%s:%u", s->file, line);
    return err_context(e, "%s:%u: %s", s->file, line, e->field);
}

/* ---- the list ---- */

struct profile_rules *rules_new(void)
{
    struct profile_rules *r = mem_alloc(sizeof *r);
    r->arena = arena_new();
    return r;
}

void rules_free(struct profile_rules *r)
{
    if (r == NULL)
        return;
    arena_free(r->arena);
    free(r->rule);
    free(r);
}

static const struct profile_rule *find_kind(const struct profile_rules *r, int nr,
                                            enum rule_kind kind)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->rule[i].nr == nr && r->rule[i].kind == kind)
            return &r->rule[i];
    return NULL;
}

static void drop_if(struct profile_rules *r, int nr, unsigned kinds)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->count; i++)
        if (r->rule[i].nr != nr || (kinds & (1U << r->rule[i].kind)) == 0)
            r->rule[kept++] = r->rule[i];
    r->count = kept;
}

bool rules_allows(const struct profile_rules *r, int nr)
{
    return find_kind(r, nr, RULE_ALLOW) != NULL || find_kind(r, nr, RULE_ALLOW_IF) != NULL;
}

size_t rules_allowed_count(const struct profile_rules *r)
{
    size_t n = 0;
    int last = -1;
    for (size_t i = 0; i < r->count; i++) {
        bool allows = r->rule[i].kind == RULE_ALLOW || r->rule[i].kind == RULE_ALLOW_IF;
        n += allows && r->rule[i].nr != last;
        last = allows ? r->rule[i].nr : last;
    }
    return n;
}

static const char *kind_text(enum rule_kind k)
{
    static const char *const text[] = {
        [RULE_ALLOW] = "allowed",           [RULE_ALLOW_IF] = "allowed under conditions",
        [RULE_ERRNO] = "answered silently", [RULE_REFUSE_IF] = "refused under conditions",
        [RULE_REFUSE] = "refused",
    };
    return text[k];
}

/* What may not stand beside a new rule of each kind. */
static const struct {
    unsigned against;
    const char *hint;
} conflicts[] = {
    [RULE_ALLOW] = {1U << RULE_ALLOW | 1U << RULE_ALLOW_IF | 1U << RULE_ERRNO | 1U << RULE_REFUSE |
                        1U << RULE_REFUSE_IF,
                    "a profile adds to what it extends: list the call in syscalls.override, with a "
                    "reason, to change that"},
    [RULE_ALLOW_IF] = {1U << RULE_ALLOW | 1U << RULE_ERRNO,
                       "list the call in syscalls.remove (if it is allowed) or syscalls.override, "
                       "with a reason"},
    [RULE_ERRNO] =
        {1U << RULE_ALLOW | 1U << RULE_ALLOW_IF | 1U << RULE_ERRNO | 1U << RULE_REFUSE |
             1U << RULE_REFUSE_IF,
         "list the call in syscalls.remove (if it is allowed) or syscalls.override, with "
         "a reason"},
    [RULE_REFUSE_IF] = {1U << RULE_ALLOW | 1U << RULE_ERRNO,
                        "list the call in syscalls.remove (if it is allowed) or syscalls.override, "
                        "with a reason"},
    [RULE_REFUSE] = {1U << RULE_ALLOW | 1U << RULE_ERRNO | 1U << RULE_REFUSE,
                     "list the call in syscalls.remove (if it is allowed) or syscalls.override, "
                     "with a reason"},
};

static int add_rule(struct profile_rules *r, const struct profile_source *s, const char *path,
                    const struct profile_rule *new, struct err *e)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct profile_rule *old = &r->rule[i];
        if (old->nr != new->nr || (conflicts[new->kind].against & (1U << old->kind)) == 0)
            continue;
        return source_fail(s, path, conflicts[new->kind].hint, e, "%s is already %s at %s:%u",
                           syscalls_name(new->nr), kind_text(old->kind), old->source->file,
                           rule_line(old));
    }
    if (r->count == RULES_MAX)
        return source_fail(s, path, NULL, e, "more than %d rules", RULES_MAX);
    if (r->count == r->room) {
        r->room = r->room == 0 ? 256 : r->room * 2;
        r->rule = mem_grow(r->rule, r->room, sizeof *r->rule);
    }
    r->rule[r->count] = *new;
    r->rule[r->count].source = s;
    r->rule[r->count].path = arena_strdup(r->arena, path);
    r->rule[r->count].order = r->added++;
    r->count++;
    return 0;
}

/* ---- parsing ---- */

static int errno_of(const char *name)
{
    if (strcmp(name, "0") == 0)
        return 0;
    for (int n = 1; n < 134; n++)
        if (strcmp(err_errno_name(n), name) == 0)
            return n;
    return -1;
}

/* Reads "errno" of an entry. `otherwise` < 0: the key is needed. */
static int parse_errno(const struct profile_source *s, const struct json *entry, const char *path,
                       int otherwise, int *out, struct err *e)
{
    const char *name = NULL;
    if (otherwise >= 0 && json_get(entry, "errno") == NULL) {
        *out = otherwise;
        return 0;
    }
    if (json_need_str(entry, path, "errno", 1, 32, &name, e) < 0)
        return source_located(s, e);
    *out = errno_of(name);
    if (*out >= 0)
        return 0;
    char at[PATH_SIZE];
    place(at, "%s.errno", path);
    return source_fail(s, at, "a name such as EPERM, ENOSYS, EINVAL; \"0\" for a fake success", e,
                       "unknown errno '%s'", name);
}

static int parse_why(struct profile_rules *r, const struct profile_source *s,
                     const struct json *entry, const char *path, struct profile_rule *rule,
                     struct err *e)
{
    const char *why = NULL, *why_fr = NULL;
    if (json_need_str(entry, path, "why", 1, WHY_MAX, &why, e) < 0 ||
        json_opt_str(entry, path, "why_fr", 1, WHY_MAX, &why_fr, e) < 0)
        return source_located(s, e);
    rule->why = arena_strdup(r->arena, why);
    rule->why_fr = why_fr != NULL ? arena_strdup(r->arena, why_fr) : NULL;
    return 0;
}

static int parse_number(const struct profile_source *s, const struct json *v, const char *path,
                        uint64_t *out, struct err *e)
{
    const char *text = json_str(v);
    if (text == NULL) {
        if (!json_is_int(v) || json_int(v, -1) < 0)
            return source_fail(s, path, "an integer from 0, \"0x...\" or names such as \"AF_UNIX\"",
                               e, "not a value");
        *out = (uint64_t)json_int(v, 0);
        return 0;
    }
    if (text[0] == '0' && text[1] == 'x') {
        size_t digits = strspn(text + 2, "0123456789abcdefABCDEF");
        if (digits == 0 || digits > 16 || text[2 + digits] != '\0')
            return source_fail(s, path, NULL, e, "'%s' is no hexadecimal number of 64 bits", text);
        *out = strtoull(text, NULL, 16);
        return 0;
    }
    const char *bad = NULL;
    size_t bad_len = 0;
    if (const_value(text, out, &bad, &bad_len) < 0)
        return source_fail(s, path, "see runner/profile_const.c for the names, or write a number",
                           e, "unknown constant '%.*s'", (int)bad_len, bad);
    return 0;
}

static int parse_values(struct profile_rules *r, const struct profile_source *s,
                        const struct json *arg, const char *path, bool many, struct rule_arg *out,
                        struct err *e)
{
    char at[PATH_SIZE];
    const char *key = many ? "values" : "value";
    const struct json *v = json_get(arg, key);
    place(at, "%s.%s", path, key);
    if (v == NULL)
        return source_fail(s, path, "op \"in\" takes values, the others value", e, "%s is missing",
                           key);
    if (many && (json_type(v) != JSON_ARRAY || json_count(v) == 0 || json_count(v) > VALUES_MAX))
        return source_fail(s, at, NULL, e, "must be an array of 1 to %d values", VALUES_MAX);
    size_t count = many ? json_count(v) : 1;
    uint64_t *values = arena_alloc(r->arena, count * sizeof *values);
    const struct json *one = many ? json_first(v) : v;
    for (size_t i = 0; i < count; i++, one = json_next(one)) {
        if (many)
            place(at, "%s.%s[%zu]", path, key, i);
        if (parse_number(s, one, at, &values[i], e) < 0)
            return -1;
        if ((values[i] & ~out->mask) != 0)
            return source_fail(s, at, NULL, e,
                               "0x%llx has bits outside the mask 0x%llx: never true",
                               (unsigned long long)values[i], (unsigned long long)out->mask);
        for (size_t j = 0; j < i; j++)
            if (values[j] == values[i])
                return source_fail(s, at, NULL, e, "0x%llx stands there twice",
                                   (unsigned long long)values[i]);
    }
    out->values = values;
    out->value_count = count;
    return 0;
}

/* {"index":0,"name":"flags","op":"masked_eq","mask":"0x7E020000","value":0} */
static int parse_arg(struct profile_rules *r, const struct profile_source *s,
                     const struct json *arg, const char *path, struct rule_arg *out, struct err *e)
{
    static const char *const keys[] = {"index", "name", "op", "mask", "value", "values", NULL};
    int64_t index = 0;
    const char *op = NULL, *name = NULL;
    if (json_type(arg) != JSON_OBJECT)
        return source_fail(s, path, NULL, e, "must be an object");
    if (json_only_keys(arg, path, keys, e) < 0 ||
        json_need_int(arg, path, "index", 0, 5, &index, e) < 0 ||
        json_opt_str(arg, path, "name", 1, 32, &name, e) < 0 ||
        json_need_str(arg, path, "op", 1, 16, &op, e) < 0)
        return source_located(s, e);
    bool eq = strcmp(op, "eq") == 0, masked = strcmp(op, "masked_eq") == 0,
         in = strcmp(op, "in") == 0;
    char at[PATH_SIZE];
    place(at, "%s.op", path);
    if (!eq && !masked && !in)
        return source_fail(s, at, "one of: eq, masked_eq, in", e, "unknown operator '%s'", op);
    const struct json *mask = json_get(arg, "mask");
    place(at, "%s.mask", path);
    if (eq && mask != NULL)
        return source_fail(s, at, "use masked_eq", e, "op eq takes no mask");
    if (masked && mask == NULL)
        return source_fail(s, path, NULL, e, "op masked_eq needs a mask");
    if (json_get(arg, in ? "value" : "values") != NULL)
        return source_fail(s, path, NULL, e, "op %s takes %s", op, in ? "values" : "value");
    out->index = (unsigned)index;
    out->name = name != NULL ? arena_strdup(r->arena, name) : NULL;
    out->mask = UINT64_MAX;
    if (mask != NULL && parse_number(s, mask, at, &out->mask, e) < 0)
        return -1;
    if (out->mask == 0)
        return source_fail(s, at, NULL, e, "a mask of 0 compares nothing");
    return parse_values(r, s, arg, path, in, out, e);
}

static int parse_args(struct profile_rules *r, const struct profile_source *s,
                      const struct json *entry, const char *path, struct profile_rule *rule,
                      struct err *e)
{
    const struct json *args = json_get(entry, "args");
    char at[PATH_SIZE];
    place(at, "%s.args", path);
    if (args == NULL || json_type(args) != JSON_ARRAY || json_count(args) == 0 ||
        json_count(args) > FILTER_CONDS_MAX)
        return source_fail(s, at, NULL, e, "must be an array of 1 to %d conditions",
                           FILTER_CONDS_MAX);
    for (const struct json *a = json_first(args); a != NULL; a = json_next(a)) {
        place(at, "%s.args[%zu]", path, rule->arg_count);
        struct rule_arg *new = &rule->arg[rule->arg_count];
        if (parse_arg(r, s, a, at, new, e) < 0)
            return -1;
        for (size_t i = 0; i < rule->arg_count; i++)
            if (rule->arg[i].index == new->index)
                return source_fail(s, at, "write two entries, or one op \"in\"", e,
                                   "argument %u is compared twice", new->index);
        rule->arg_count++;
    }
    return 0;
}

/* Number of the i-th name of an entry. */
static int parse_name(const struct profile_source *s, const struct json *v, const char *path,
                      int *nr, struct err *e)
{
    const char *name = json_str(v);
    if (name == NULL)
        return source_fail(s, path, NULL, e, "must be the name of a system call");
    *nr = syscalls_number(name);
    if (*nr < 0)
        return source_fail(s, path, "names are those of the kernel's x86-64 table, such as openat",
                           e, "unknown system call '%s'", name);
    return 0;
}

/* A section of "syscalls": which keys its entries have and what each name of an entry does. */
struct section {
    const char *name;
    const char *const *keys;
    enum rule_kind kind;
    bool child_only;
    int (*apply)(struct profile_rules *r, const struct profile_source *s, const char *path,
                 const struct profile_rule *rule, struct err *e);
};

static int apply_remove(struct profile_rules *r, const struct profile_source *s, const char *path,
                        const struct profile_rule *rule, struct err *e)
{
    if (!rules_allows(r, rule->nr))
        return source_fail(s, path, "take it off this list", e,
                           "%s is not allowed by what this profile extends",
                           syscalls_name(rule->nr));
    drop_if(r, rule->nr, 1U << RULE_ALLOW | 1U << RULE_ALLOW_IF);
    /* Without an errno of its own the inherited answer to wrong arguments stays. */
    if (rule->os_errno < 0 && find_kind(r, rule->nr, RULE_REFUSE) != NULL)
        return 0;
    drop_if(r, rule->nr, 1U << RULE_REFUSE);
    struct profile_rule refuse = *rule;
    refuse.kind = RULE_REFUSE;
    refuse.os_errno = rule->os_errno < 0 ? EPERM : rule->os_errno;
    return add_rule(r, s, path, &refuse, e);
}

static int apply_override(struct profile_rules *r, const struct profile_source *s, const char *path,
                          const struct profile_rule *rule, struct err *e)
{
    unsigned kinds = 1U << RULE_ALLOW_IF | 1U << RULE_ERRNO | 1U << RULE_REFUSE |
                     1U << RULE_REFUSE_IF;
    if (find_kind(r, rule->nr, RULE_ALLOW) != NULL)
        return source_fail(s, path, "to take a permission away, use syscalls.remove", e,
                           "%s is already allowed", syscalls_name(rule->nr));
    size_t before = r->count;
    drop_if(r, rule->nr, kinds);
    if (r->count == before)
        return source_fail(s, path, "take it off this list", e,
                           "nothing is said of %s in what this profile extends",
                           syscalls_name(rule->nr));
    return 0;
}

static const char *const keys_plain[] = {"group", "names", "why", "why_fr", NULL};
static const char *const keys_if[] = {"names", "args", "why", "why_fr", NULL};
static const char *const keys_errno[] = {"names", "errno", "why", "why_fr", NULL};
static const char *const keys_refuse[] = {"names", "args", "errno", "why", "why_fr", NULL};
static const char *const keys_override[] = {"names", "why", "why_fr", NULL};

static const struct section sections[] = {
    {"remove", keys_errno, RULE_REFUSE, true, apply_remove},
    {"override", keys_override, RULE_REFUSE, true, apply_override},
    {"allow", keys_plain, RULE_ALLOW, false, add_rule},
    {"allow_if", keys_if, RULE_ALLOW_IF, false, add_rule},
    {"errno", keys_errno, RULE_ERRNO, false, add_rule},
    {"refuse", keys_refuse, RULE_REFUSE, false, add_rule},
};
enum { SECTION_COUNT = sizeof sections / sizeof sections[0] };

static int parse_entry(struct profile_rules *r, const struct profile_source *s,
                       const struct section *section, const struct json *entry, const char *path,
                       struct err *e)
{
    struct profile_rule rule = {.kind = section->kind, .os_errno = EPERM};
    const struct json *names = NULL;
    char at[PATH_SIZE];
    if (json_type(entry) != JSON_OBJECT)
        return source_fail(s, path, NULL, e, "must be an object");
    if (json_only_keys(entry, path, section->keys, e) < 0 ||
        json_opt_array(entry, path, "names", NAMES_MAX, &names, e) < 0)
        return source_located(s, e);
    if (names == NULL || json_count(names) == 0)
        return source_fail(s, path, NULL, e, "names is missing or empty");
    if (parse_why(r, s, entry, path, &rule, e) < 0)
        return -1;
    if (section->keys == keys_plain) {
        const char *group = NULL;
        if (json_need_str(entry, path, "group", 1, 40, &group, e) < 0)
            return source_located(s, e);
        rule.group = arena_strdup(r->arena, group);
    }
    if (section->keys == keys_errno && section->kind == RULE_ERRNO &&
        parse_errno(s, entry, path, -1, &rule.os_errno, e) < 0)
        return -1;
    if (section->kind == RULE_REFUSE && section->keys != keys_override) {
        bool removing = section->child_only;
        rule.os_errno = removing ? -1 : EPERM;
        if (json_get(entry, "errno") != NULL &&
            parse_errno(s, entry, path, EPERM, &rule.os_errno, e) < 0)
            return -1;
        if (rule.os_errno == 0) {
            place(at, "%s.errno", path);
            return source_fail(s, at, "a fake success belongs in syscalls.errno", e,
                               "a refusal cannot answer success");
        }
    }
    if (section->keys == keys_if ||
        (section->keys == keys_refuse && json_get(entry, "args") != NULL)) {
        if (parse_args(r, s, entry, path, &rule, e) < 0)
            return -1;
        if (section->keys == keys_refuse)
            rule.kind = RULE_REFUSE_IF;
    }
    size_t i = 0;
    for (const struct json *n = json_first(names); n != NULL; n = json_next(n), i++) {
        place(at, "%s.names[%zu]", path, i);
        if (parse_name(s, n, at, &rule.nr, e) < 0 || section->apply(r, s, at, &rule, e) < 0)
            return -1;
    }
    return 0;
}

/* A call listed in `override` must get a new rule in the same file, or the old answer would have
 * gone for nothing. */
static int check_overrides(const struct profile_rules *r, const struct profile_source *s,
                           const struct json *overrides, struct err *e)
{
    size_t i = 0;
    for (const struct json *o = json_first(overrides); o != NULL; o = json_next(o), i++) {
        size_t j = 0;
        for (const struct json *n = json_first(json_get(o, "names")); n != NULL;
             n = json_next(n), j++) {
            int nr = syscalls_number(json_str(n));
            bool found = false;
            for (size_t k = 0; k < r->count && !found; k++)
                found = r->rule[k].nr == nr;
            char at[PATH_SIZE];
            place(at, "syscalls.override[%zu].names[%zu]", i, j);
            if (!found)
                return source_fail(s, at, "add it to allow, allow_if, errno or refuse", e,
                                   "%s is overridden but given no new rule", json_str(n));
        }
    }
    return 0;
}

/* A copy that lives as long as the rules. */
static struct profile_source *keep_source(struct profile_rules *r, const struct profile_source *s)
{
    struct profile_source *kept = arena_alloc(r->arena, sizeof *kept);
    kept->file = arena_strdup(r->arena, s->file);
    kept->text = arena_strndup(r->arena, s->text, s->len);
    kept->len = s->len;
    kept->root = s->root;
    return kept;
}

static int apply_sections(struct profile_rules *r, const struct profile_source *s, bool child,
                          struct err *e)
{
    static const char *const keys[SECTION_COUNT + 1] = {"remove", "override", "allow", "allow_if",
                                                        "errno",  "refuse",   NULL};
    const struct json *all = NULL;
    if (json_opt_object(s->root, "", "syscalls", SECTION_COUNT, &all, e) < 0)
        return source_located(s, e);
    if (all == NULL)
        return 0;
    if (json_only_keys(all, "syscalls", keys, e) < 0)
        return source_located(s, e);
    for (size_t n = 0; n < SECTION_COUNT; n++) {
        const struct json *list = NULL;
        char path[PATH_SIZE];
        place(path, "syscalls.%s", sections[n].name);
        if (json_opt_array(all, "syscalls", sections[n].name, ENTRIES_MAX, &list, e) < 0)
            return source_located(s, e);
        if (list != NULL && sections[n].child_only && !child)
            return source_fail(s, path,
                               "only a profile that extends another has something to change", e,
                               "this profile extends none");
        size_t i = 0;
        for (const struct json *entry = json_first(list); entry != NULL;
             entry = json_next(entry), i++) {
            place(path, "syscalls.%s[%zu]", sections[n].name, i);
            if (parse_entry(r, s, &sections[n], entry, path, e) < 0)
                return -1;
        }
    }
    const struct json *overrides = json_get(all, "override");
    return overrides != NULL ? check_overrides(r, s, overrides, e) : 0;
}

int rules_apply(struct profile_rules *r, const struct profile_source *s, bool child, struct err *e)
{
    struct profile_source *kept = keep_source(r, s);
    int rc = apply_sections(r, kept, child, e);
    kept->root = NULL;
    return rc;
}

/* Between the filter and the first instruction of the program the sandbox itself still sends the
 * listener (sendmsg), waits for an answer (read, recvmsg, poll), says what went wrong (write),
 * closes, executes and exits. Notified, they would wait for a monitor that waits for them. */
int rules_check(const struct profile_rules *r, const struct profile_source *last, bool exec_once,
                struct err *e)
{
    static const int needed[] = {__NR_sendmsg, __NR_recvmsg,     __NR_read,       __NR_write,
                                 __NR_close,   __NR_execve,      __NR_exit_group, __NR_exit,
                                 __NR_poll,    __NR_rt_sigreturn};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        if (find_kind(r, needed[i], RULE_ALLOW) == NULL && !(exec_once && needed[i] == __NR_execve))
            return source_fail(last, "syscalls", "add it to syscalls.allow, without conditions", e,
                               "%s is not allowed: the sandbox needs it to start the program",
                               syscalls_name(needed[i]));
    for (size_t i = 0; i < r->count; i++)
        if ((r->rule[i].kind == RULE_ALLOW || r->rule[i].kind == RULE_ALLOW_IF) && syscalls_is_never(r->rule[i].nr))
            return source_fail(last, "syscalls", "take it out: the launcher's own filter refuses it to every run", e,
                               "%s is a call that no profile may allow", syscalls_name(r->rule[i].nr));
    return 0;
}

/* ---- using ---- */

static int by_number(const void *pa, const void *pb)
{
    const struct profile_rule *a = pa, *b = pb;
    if (a->nr != b->nr)
        return a->nr < b->nr ? -1 : 1;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

void rules_sort(struct profile_rules *r)
{
    qsort(r->rule, r->count, sizeof *r->rule, by_number);
}

static bool matches(const struct profile_rule *rule, const uint64_t args[6])
{
    for (size_t i = 0; i < rule->arg_count; i++) {
        const struct rule_arg *a = &rule->arg[i];
        bool any = false;
        for (size_t v = 0; v < a->value_count; v++)
            any |= (args[a->index] & a->mask) == a->values[v];
        if (!any)
            return false;
    }
    return true;
}

int rules_refusal(const struct profile_rules *r, int nr, const uint64_t args[6])
{
    for (size_t i = 0; i < r->count; i++) {
        const struct profile_rule *rule = &r->rule[i];
        if (rule->nr != nr || !matches(rule, args))
            continue;
        return rule->kind == RULE_ALLOW || rule->kind == RULE_ALLOW_IF ? 0 : rule->os_errno;
    }
    return syscalls_known(nr) && nr < SYSCALLS_YOUNG ? EPERM : ENOSYS;
}

const struct profile_rule *rules_permitting(const struct profile_rules *r, int nr, const uint64_t args[6])
{
    for (size_t i = 0; i < r->count; i++)
        if (r->rule[i].nr == nr && r->rule[i].kind <= RULE_ALLOW_IF && matches(&r->rule[i], args))
            return &r->rule[i];
    return NULL;
}

bool rules_permits(const struct profile_rules *r, int nr, const uint64_t args[6])
{
    return rules_permitting(r, nr, args) != NULL;
}

/* The product of the lists of values of a rule's conditions. */
static size_t expand(const struct profile_rule *rule, struct filter_rule *out)
{
    size_t product = 1;
    for (size_t a = 0; a < rule->arg_count; a++)
        product *= rule->arg[a].value_count;
    for (size_t n = 0; out != NULL && n < product; n++) {
        size_t rest = n;
        out[n] = (struct filter_rule){.nr = rule->nr,
                                      .os_errno = rule->kind == RULE_ERRNO ? rule->os_errno
                                                                           : FILTER_ALLOW,
                                      .cond_count = rule->arg_count};
        for (size_t a = 0; a < rule->arg_count; a++) {
            const struct rule_arg *arg = &rule->arg[a];
            out[n].cond[a] =
                (struct filter_cond){arg->index, arg->mask, arg->values[rest % arg->value_count]};
            rest /= arg->value_count;
        }
    }
    return product;
}

int rules_for_filter(const struct profile_rules *r, bool report_paths, struct filter_rule **out,
                     size_t *count, struct err *e)
{
    AUTO_FREE struct filter_rule *all = mem_alloc(FILTER_RULES_MAX * sizeof *all);
    size_t n = 0;
    for (size_t i = 0; i < r->count; i++) {
        const struct profile_rule *rule = &r->rule[i];
        if (rule->kind == RULE_REFUSE || rule->kind == RULE_REFUSE_IF ||
            (report_paths && rule->kind != RULE_ERRNO && syscalls_path_find(rule->nr) != NULL))
            continue;
        size_t more = expand(rule, NULL);
        if (more > FILTER_RULES_MAX - n)
            return err_set(e, E_LIMIT, "syscalls", "fewer values in the argument rules",
                           "%s:%u: %s: the filter would hold more than %d comparisons",
                           rule->source->file, rule_line(rule), syscalls_name(rule->nr),
                           FILTER_RULES_MAX);
        expand(rule, all + n);
        n += more;
    }
    *out = ptr_take(&all);
    *count = n;
    return 0;
}

void rules_key(const struct filter_rule *rules, size_t count, struct buf *out)
{
    /* Numbers as they are, the counts before them: printing them was a sixth of a load. */
    for (size_t i = 0; i < count; i++) {
        const struct filter_rule *r = &rules[i];
        const int32_t head[3] = {r->nr, r->os_errno, (int32_t)r->cond_count};
        buf_add(out, head, sizeof head);
        for (size_t c = 0; c < r->cond_count; c++) {
            const uint64_t cond[3] = {r->cond[c].index, r->cond[c].mask, r->cond[c].value};
            buf_add(out, cond, sizeof cond);
        }
    }
}
