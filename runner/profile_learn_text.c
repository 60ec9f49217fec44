/*
 * profile_learn_text.c - writes what was learned as a profile: an entry for each call that is needed, no wider than what
 * was seen, with the reason of the profile that allows it, and a mark on what is risky.
 */
#include "runner/profile_learn.h"

#include "api/common/json.h"
#include "api/common/mem.h"
#include "runner/profile_rules.h"
#include "runner/profile_words.h"
#include "runner/syscalls.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

const char *learn_name(const struct call *c)
{
    return c->setting ? c->setting : syscalls_name(c->nr);
}

bool learn_is_inet(const struct call *c)
{
    uint32_t family = (uint32_t)c->args[0],
             type = (uint32_t)c->args[1] & ~(uint32_t)(SOCK_NONBLOCK | SOCK_CLOEXEC);
    return !c->setting && c->nr == syscalls_number("socket") &&
           (family == AF_INET || family == AF_INET6) && (type == SOCK_STREAM || type == SOCK_DGRAM);
}

/* Two calls of one name whose conditions come out the same (socket with and without SOCK_CLOEXEC) need one entry. */
static bool is_before(size_t i, const char *entry, char *const *entries)
{
    for (size_t j = 0; j < i; j++)
        if (entries[j] && strcmp(entries[j], entry) == 0)
            return true;
    return false;
}

bool learn_is_needed(const struct call *c)
{
    return !c->needless && c->by[0] != '\0';
}

/* A text inside a JSON string. */
static void add_text(struct buf *out, const char *text)
{
    AUTO_BUF struct buf one = BUF_INIT(1 << 16);
    struct jw w = jw_to(&one);
    jw_str(&w, text ? text : "");
    buf_add(out, one.data, one.len);
}

static void add_why(const struct profile_rule *rule, struct buf *out)
{
    buf_add_str(out, "                \"why\": ");
    add_text(out, rule->why);
    if (rule->why_fr) {
        buf_add_str(out, ",\n                \"why_fr\": ");
        add_text(out, rule->why_fr);
    }
    buf_add_str(out, "\n            }");
}

const char *learn_risk(const struct call *c, bool french)
{
    if (c->setting)
        return strcmp(c->setting, "network") == 0 ? ""
               : french                           ? syscalls_risk_fr(syscalls_number("mprotect"))
                                                  : syscalls_risk(syscalls_number("mprotect"));
    return learn_is_inet(c) ? "" : french ? syscalls_risk_fr(c->nr) : syscalls_risk(c->nr);
}

static void add_risk(const struct call *c, struct buf *out)
{
    if (learn_risk(c, false)[0])
        buf_printf(out, "            // RISKY: %s\n            // RISQUÉ : %s\n",
                   learn_risk(c, false), learn_risk(c, true));
}

/* The entry that lets this call through, no wider than what was seen: the conditions of the rule that allows it elsewhere,
 * each with the one value that was asked for. */
static void add_entry(const struct call *c, const struct profile_rule *rule, struct buf *out)
{
    if (c->count == 1)
        buf_add_str(out, "            // seen once");
    else
        buf_printf(out, "            // seen %lld times", (long long)c->count);
    buf_printf(out, "%s%s\n", c->detail[0] ? ": " : "", c->detail);
    add_risk(c, out);
    buf_add_str(out, "            {\n");
    if (rule->kind == RULE_ALLOW)
        buf_add_str(out, "                \"group\": \"learned\",\n");
    buf_printf(out, "                \"names\": [\"%s\"],\n", syscalls_name(c->nr));
    if (rule->kind == RULE_ALLOW_IF) {
        buf_add_str(out, "                \"args\": [\n");
        for (size_t i = 0; i < rule->arg_count; i++) {
            const struct rule_arg *a = &rule->arg[i];
            uint64_t value = c->args[a->index] & a->mask;
            const char *name = words_constant(c->nr, a->index, value);
            buf_printf(out,
                       "                    {\"index\": %u, \"op\": \"masked_eq\", \"mask\": "
                       "\"0x%llx\", \"value\": ",
                       a->index, (unsigned long long)a->mask);
            buf_printf(out, name ? "\"%s\"" : "%s", name ? name : "");
            if (!name)
                buf_printf(out, "\"0x%llx\"", (unsigned long long)value);
            buf_printf(out, "}%s\n", i + 1 < rule->arg_count ? "," : "");
        }
        buf_add_str(out, "                ],\n");
    }
    add_why(rule, out);
}

/* Whether what the profile says of this call must go before the new rule can stand (conflicts in profile_rules.c). */
static bool needs_override(const struct profile *base, int nr, enum rule_kind kind)
{
    for (size_t i = 0; i < base->rules->count; i++)
        if (base->rules->rule[i].nr == nr &&
            (kind == RULE_ALLOW || base->rules->rule[i].kind == RULE_ERRNO))
            return true;
    return false;
}

struct addition {
    struct buf allow, allow_if, override, settings, reasons;
};

static void add_setting(struct addition *a, const char *key, const char *value, const char *why,
                        const char *why_fr)
{
    buf_printf(&a->reasons, "%s        \"%s\": {\"why\": \"%s\", \"why_fr\": \"%s\"}",
               a->reasons.len ? ",\n" : "", key, why, why_fr);
    const struct call c = {.setting = key};
    if (learn_risk(&c, false)[0] && strcmp(key, "exec_memory") == 0)
        buf_printf(&a->settings, "    // RISKY: %s\n    // RISQUÉ : %s\n", learn_risk(&c, false),
                   learn_risk(&c, true));
    buf_printf(&a->settings, "    \"%s\": %s,\n", key, value);
}

/* What lets code be made: a profile that allows one of these and says exec_memory: false is not valid. */
static bool is_code(const struct call *c)
{
    static const char *const names[] = {"mmap", "mprotect", "pkey_mprotect", "memfd_create",
                                        "shmat"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!c->setting && c->nr == syscalls_number(names[i]))
            return true;
    return false;
}

static void add_settings(const struct learning *l, struct addition *a)
{
    bool inet = false, memory = false, exec = false;
    for (size_t i = 0; i < l->count; i++) {
        const struct call *c = &l->call[i];
        inet |= learn_is_needed(c) && c->setting && strcmp(c->setting, "network") == 0;
        memory |= learn_is_needed(c) && ((c->setting && strcmp(c->setting, "exec_memory") == 0) ||
                                         (is_code(c) && !l->base->exec_memory));
        exec |= learn_is_needed(c) && !c->setting && c->nr == syscalls_number("execve");
    }
    if (inet)
        add_setting(a, "network", "\"loopback\"",
                    "it talks to itself over 127.0.0.1, in the run's own empty network",
                    "il se parle par 127.0.0.1, dans le réseau vide de l’exécution");
    if (exec && l->base->exec == PROFILE_EXEC_ONCE)
        add_setting(a, "exec", "\"any\"", "it starts other programs",
                    "il lance d’autres programmes");
    if (memory)
        add_setting(a, "exec_memory", "true",
                    "it makes code and runs it (a just-in-time compiler, ctypes)",
                    "il fabrique du code et l’exécute (compilation à la volée, ctypes)");
}

static int add_calls(const struct learning *l, struct addition *a, struct err *e)
{
    char *entries[NEEDED_MAX] = {0};
    int rc = 0;
    for (size_t i = 0; i < l->count && rc == 0; i++) {
        const struct call *c = &l->call[i];
        AUTO_PROFILE struct profile *by = NULL;
        if (!learn_is_needed(c) || c->setting)
            continue;
        rc = profile_load(l->profiles_dir, c->by, -1, &by, e);
        const struct profile_rule *rule = rc == 0 ? rules_permitting(by->rules, c->nr, c->args)
                                                  : NULL;
        if (rule == NULL) {
            if (rc == 0)
                rc = err_set(e, E_CONFLICT, "profiles", "try again",
                             "the profile %s has changed meanwhile", c->by);
            break;
        }
        AUTO_BUF struct buf condition = BUF_INIT(1 << 16);
        buf_printf(&condition, "%d:%d", c->nr, rule->kind);
        for (size_t n = 0; n < rule->arg_count; n++)
            buf_printf(&condition, ":%llx",
                       (unsigned long long)(c->args[rule->arg[n].index] & rule->arg[n].mask));
        if (is_before(i, buf_cstr(&condition), entries))
            continue;
        entries[i] = mem_strdup(buf_cstr(&condition));
        struct buf *to = rule->kind == RULE_ALLOW ? &a->allow : &a->allow_if;
        if (to->len)
            buf_add_str(to, ",\n");
        add_entry(c, rule, to);
        bool named = false;
        for (size_t j = 0; j < i; j++)
            named |= entries[j] && l->call[j].nr == c->nr;
        if (!named && needs_override(l->base, c->nr, rule->kind)) {
            buf_printf(&a->override, "%s            {\n                \"names\": [\"%s\"],\n",
                       a->override.len ? ",\n" : "", syscalls_name(c->nr));
            buf_printf(&a->override,
                       "                \"why\": \"the profile it extends answers %s; this program "
                       "needs it done\",\n"
                       "                \"why_fr\": \"le profil prolongé répond %s; ce programme a "
                       "besoin qu’il soit fait\"\n            }",
                       c->os_errno, c->os_errno);
        }
    }
    for (size_t i = 0; i < NEEDED_MAX; i++)
        free(entries[i]);
    return rc;
}

static void add_section(struct buf *out, const char *name, const struct buf *list, bool *first)
{
    if (!list->len)
        return;
    buf_printf(out, "%s        \"%s\": [\n%.*s\n        ]", *first ? "" : ",\n", name,
               (int)list->len, list->data);
    *first = false;
}

/* The whole file, and proof that it is a valid one. */
int learn_write(const struct learning *l, struct buf *out, struct err *e)
{
    struct addition a = {BUF_INIT(1 << 20), BUF_INIT(1 << 20), BUF_INIT(1 << 18), BUF_INIT(1 << 12),
                         BUF_INIT(1 << 14)};
    bool first = true;
    int rc = add_calls(l, &a, e);
    if (rc == 0) {
        add_settings(l, &a);
        buf_printf(out, "// What `%s` needs beyond %s, found in %d runs.\n", l->command[0],
                   l->profile, l->runs);
        buf_add_str(out, "{\n    \"version\": 1,\n");
        buf_printf(out,
                   "    \"title\": \"%s, and what was learned\",\n    \"title_fr\": \"%s, et ce "
                   "qui a été appris\",\n",
                   l->profile, l->profile);
        buf_printf(out, "    \"extends\": \"%s\",\n", l->profile);
        if (a.reasons.len)
            buf_printf(out, "    \"override\": {\n%.*s\n    },\n%.*s", (int)a.reasons.len,
                       a.reasons.data, (int)a.settings.len, a.settings.data);
        buf_add_str(out, "    \"syscalls\": {\n");
        add_section(out, "override", &a.override, &first);
        add_section(out, "allow", &a.allow, &first);
        add_section(out, "allow_if", &a.allow_if, &first);
        buf_add_str(out, "\n    }\n}\n");
        AUTO_PROFILE struct profile *made = NULL;
        if (out->failed)
            rc = err_set(e, E_LIMIT, "profile", NULL, "the addition is too long");
        else if (profile_load_text(l->profiles_dir, NULL, "learned", buf_cstr(out), out->len, &made,
                                   e) < 0)
            rc = err_context(e, "the addition that was found is no valid profile");
    }
    buf_fini(&a.allow);
    buf_fini(&a.allow_if);
    buf_fini(&a.override);
    buf_fini(&a.settings);
    buf_fini(&a.reasons);
    return rc;
}
