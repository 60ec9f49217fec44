/*
 * profile_keys.c - reads every key of a profile file but "extends" and "syscalls": settings, variables,
 * device nodes, and the reasons for what it changes of what it extends.
 */
#include "runner/profile_keys.h"

#include "api/common/mem.h"
#include "runner/profile_devices.h"
#include "runner/profile_network.h"
#include "runner/profile_preload.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENV_MAX = 64, PROFILE_VERSION = 1, WHY_MAX = 1000 };

static const char *const landlock_words[] = {"if_available", "required", NULL};
static const char *const network_words[] = {"none", "loopback", "proxy", NULL};
static const char *const exec_words[] = {"any", "once", NULL};
static const char *const proc_words[] = {"hidepid", "minimal", NULL};

/* Keys with one value: a root profile must set them all but those with a default, a child only those it
 * lists in "override". An absent key of a child keeps what it inherits. */
struct choice {
    const char *key;
    bool has_default;         /* "any", false: what a profile that says nothing about it means */
    const char *const *words; /* NULL: the value is a bool or an integer */
    int64_t min, max;         /* of an integer; 0, 0: a bool */
    void (*set)(struct profile *p, int64_t value);
};

static void set_landlock(struct profile *p, int64_t v)
{
    p->landlock = v != 0 ? PROFILE_LANDLOCK_REQUIRED : PROFILE_LANDLOCK_IF_AVAILABLE;
}
static void set_min_abi(struct profile *p, int64_t v)
{
    p->landlock_min_abi = (unsigned)v;
}
static void set_network(struct profile *p, int64_t v)
{
    p->network = (enum profile_network)v; /* the words are in the enum's order */
}
static void set_proc(struct profile *p, int64_t v)
{
    p->proc = v != 0 ? PROFILE_PROC_MINIMAL : PROFILE_PROC_HIDEPID;
}
static void set_exec_memory(struct profile *p, int64_t v)
{
    p->exec_memory = v != 0;
}

static void set_exec(struct profile *p, int64_t v)
{
    p->exec = v != 0 ? PROFILE_EXEC_ONCE : PROFILE_EXEC_ANY;
}

static const struct choice choices[] = {
    {"landlock", false, landlock_words, 0, 0, set_landlock},
    {"landlock_min_abi", false, NULL, 1, 64, set_min_abi},
    {"network", false, network_words, 0, 0, set_network},
    {"proc", false, proc_words, 0, 0, set_proc},
    {"exec_memory", false, NULL, 0, 0, set_exec_memory},
    {"exec", true, exec_words, 0, 0, set_exec},
};
enum { CHOICE_COUNT = sizeof choices / sizeof choices[0] };

static int read_choice(const struct profile_source *s, const struct choice *c, int64_t *out,
                       struct err *e)
{
    if (c->words == NULL && c->max == 0) {
        bool b = false;
        if (json_opt_bool(s->root, "", c->key, &b, e) < 0)
            return source_located(s, e);
        *out = b;
        return 0;
    }
    if (c->words == NULL)
        return json_need_int(s->root, "", c->key, c->min, c->max, out, e) < 0 ? source_located(s, e)
                                                                              : 0;
    const char *word = NULL;
    if (json_need_str(s->root, "", c->key, 1, 40, &word, e) < 0)
        return source_located(s, e);
    for (*out = 0; c->words[*out] != NULL; (*out)++)
        if (strcmp(c->words[*out], word) == 0)
            return 0;
    char hint[100] = "one of:";
    for (size_t i = 0, len = strlen(hint); c->words[i] != NULL; i++)
        len += (size_t)snprintf(hint + len, sizeof hint - len, " %s", c->words[i]);
    return source_fail(s, c->key, hint, e, "unknown value '%s'", word);
}

static bool overridden(const struct profile_source *s, const char *key)
{
    return json_get(json_get(s->root, "override"), key) != NULL;
}

static int apply_choices(struct profile *p, const struct profile_source *s, bool child,
                         struct err *e)
{
    for (size_t i = 0; i < CHOICE_COUNT; i++) {
        const char *key = choices[i].key;
        const struct json *v = json_get(s->root, key);
        if (v == NULL && (child || choices[i].has_default))
            continue;
        if (v == NULL || json_type(v) == JSON_NULL)
            return source_fail(s, key, "a profile that extends no other says everything itself", e,
                               "missing");
        if (child && !overridden(s, key))
            return source_fail(s, key,
                               "a profile adds to what it extends: give the reason in \"override\" "
                               "to change it",
                               e, "the profile it extends sets %s already", key);
        int64_t value = 0;
        if (read_choice(s, &choices[i], &value, e) < 0)
            return -1;
        choices[i].set(p, value);
    }
    return 0;
}

static bool is_env_name(const char *s)
{
    size_t len = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
    return len > 0 && len <= 256 && s[len] == '\0' && !(s[0] >= '0' && s[0] <= '9');
}

static int check_env_name(const struct profile_source *s, const char *path, const char *name,
                          struct err *e)
{
    if (!is_env_name(name))
        return source_fail(s, path, "letters, digits and _, not a digit first", e,
                           "'%s' is no name of a variable", name);
    if (strncmp(name, "ENCLOS_", 7) == 0 || strncmp(name, "LD_", 3) == 0)
        return source_fail(s, path, NULL, e, "%s: ENCLOS_* and LD_* are the runner's to set", name);
    return 0;
}

static struct profile_env *find_env(struct profile *p, const char *name)
{
    for (size_t i = 0; i < p->env_count; i++)
        if (strcmp(p->env[i].name, name) == 0)
            return &p->env[i];
    return NULL;
}

static bool is_listed(char *const *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], name) == 0)
            return true;
    return false;
}

static int apply_env(struct profile *p, const struct profile_source *s, struct err *e)
{
    const struct json *env = NULL;
    if (json_opt_object(s->root, "", "env", ENV_MAX, &env, e) < 0)
        return source_located(s, e);
    for (const struct json *v = json_first(env); v != NULL; v = json_next(v)) {
        const char *name = json_key(v), *value = NULL;
        char path[160];
        snprintf(path, sizeof path, "env.%.140s", name);
        if (check_env_name(s, path, name, e) < 0)
            return -1;
        if (json_need_str(env, "env", name, 0, 4096, &value, e) < 0)
            return source_located(s, e);
        if (is_listed(p->thread_env, p->thread_env_count, name) ||
            is_listed(p->host_env, p->host_env_count, name))
            return source_fail(s, path, NULL, e, "%s is in thread_env or host_env already", name);
        struct profile_env *old = find_env(p, name);
        if (old != NULL && !overridden(s, path))
            return source_fail(s, path,
                               "list \"env.NAME\" with a reason in \"override\" to change it", e,
                               "the profile it extends sets %s to '%s' already", name, old->value);
        if (old != NULL) {
            free(old->value);
            old->value = mem_strdup(value);
            continue;
        }
        p->env = mem_grow(p->env, p->env_count + 1, sizeof *p->env);
        p->env[p->env_count].name = mem_strdup(name);
        p->env[p->env_count].value = mem_strdup(value);
        p->env_count++;
    }
    return 0;
}

static int apply_names(struct profile *p, const struct profile_source *s, const char *key,
                       char ***list, size_t *count, struct err *e)
{
    const struct json *names = NULL;
    if (json_opt_array(s->root, "", key, ENV_MAX, &names, e) < 0)
        return source_located(s, e);
    size_t i = 0;
    for (const struct json *v = json_first(names); v != NULL; v = json_next(v), i++) {
        char path[80];
        snprintf(path, sizeof path, "%s[%zu]", key, i);
        const char *name = json_str(v);
        if (name == NULL)
            return source_fail(s, path, NULL, e, "must be the name of a variable");
        if (check_env_name(s, path, name, e) < 0)
            return -1;
        if (find_env(p, name) != NULL || is_listed(p->thread_env, p->thread_env_count, name) ||
            is_listed(p->host_env, p->host_env_count, name))
            return source_fail(s, path, NULL, e,
                               "%s is in env, host_env or thread_env already, here or in what this "
                               "profile extends",
                               name);
        *list = mem_grow(*list, *count + 1, sizeof **list);
        (*list)[(*count)++] = mem_strdup(name);
    }
    return 0;
}

/* A reason: a text, or {"why", "why_fr"}. */
static int read_reason(struct profile *p, const struct profile_source *s, const struct json *v,
                       const char *path, struct err *e)
{
    static const char *const keys[] = {"why", "why_fr", NULL};
    const char *why = json_str(v), *why_fr = NULL;
    if (json_type(v) == JSON_OBJECT &&
        (json_only_keys(v, path, keys, e) < 0 ||
         json_need_str(v, path, "why", 1, WHY_MAX, &why, e) < 0 ||
         json_opt_str(v, path, "why_fr", 1, WHY_MAX, &why_fr, e) < 0))
        return source_located(s, e);
    if (why == NULL || why[0] == '\0')
        return source_fail(s, path, NULL, e, "must be a reason, in words");
    p->reasons = mem_grow(p->reasons, p->reason_count + 1, sizeof *p->reasons);
    p->reasons[p->reason_count++] = (struct profile_reason){
        .key = mem_strdup(json_key(v)),
        .why = mem_strdup(why),
        .why_fr = why_fr != NULL ? mem_strdup(why_fr) : NULL,
        .file = mem_strdup(s->file),
        .line = source_line(s, path),
    };
    return 0;
}

/* Every key of "override" names something that is inherited and that this file sets. */
static int check_override(struct profile *p, const struct profile_source *s, bool child,
                          struct err *e)
{
    const struct json *all = NULL;
    if (json_opt_object(s->root, "", "override", CHOICE_COUNT + ENV_MAX, &all, e) < 0)
        return source_located(s, e);
    for (const struct json *v = json_first(all); v != NULL; v = json_next(v)) {
        const char *key = json_key(v);
        char path[160];
        snprintf(path, sizeof path, "override.%.140s", key);
        if (read_reason(p, s, v, path, e) < 0)
            return -1;
        bool known = false, set = false;
        for (size_t i = 0; i < CHOICE_COUNT; i++)
            known |= strcmp(choices[i].key, key) == 0;
        if (known)
            set = json_get(s->root, key) != NULL;
        if (strncmp(key, "env.", 4) == 0) {
            known = find_env(p, key + 4) != NULL;
            set = json_get(json_get(s->root, "env"), key + 4) != NULL;
        }
        if (!child || !known)
            return source_fail(s, path, "take it off", e, "nothing inherited has that name");
        if (!set)
            return source_fail(s, path, "set the key beside it", e, "%s is not set in this file",
                               key);
    }
    return 0;
}

int keys_apply(struct profile *p, const struct profile_source *s, bool child, struct err *e)
{
    static const char *const keys[] = {"version",
                                       "title",
                                       "title_fr",
                                       "extends",
                                       "override",
                                       "landlock",
                                       "landlock_min_abi",
                                       "network",
                                       "proc",
                                       "exec_memory",
                                       "exec",
                                       "devices",
                                       "env",
                                       "host_env",
                                       "thread_env",
                                       "preload",
                                       "syscalls",
                                       "allow_hosts",
                                       NULL};
    int64_t version = 0;
    const char *title = NULL, *title_fr = NULL;
    if (json_only_keys(s->root, "", keys, e) < 0 ||
        json_need_int(s->root, "", "version", PROFILE_VERSION, PROFILE_VERSION, &version, e) < 0 ||
        json_need_str(s->root, "", "title", 1, 200, &title, e) < 0 ||
        json_need_str(s->root, "", "title_fr", 1, 200, &title_fr, e) < 0)
        return source_located(s, e);
    free(p->title);
    free(p->title_fr);
    p->title = mem_strdup(title);
    p->title_fr = mem_strdup(title_fr);
    if (check_override(p, s, child, e) < 0 || apply_choices(p, s, child, e) < 0 ||
        apply_env(p, s, e) < 0 ||
        apply_names(p, s, "host_env", &p->host_env, &p->host_env_count, e) < 0 ||
        apply_names(p, s, "thread_env", &p->thread_env, &p->thread_env_count, e) < 0)
        return -1;
    return allow_hosts_apply(p, s, e) < 0 || preload_apply(p, s, e) < 0 ? -1
                                                                        : devices_apply(p, s, e);
}

void keys_fini(struct profile *p)
{
    for (size_t i = 0; i < p->reason_count; i++) {
        free(p->reasons[i].key);
        free(p->reasons[i].why);
        free(p->reasons[i].why_fr);
        free(p->reasons[i].file);
    }
    free(p->reasons);
    devices_fini(p);
    allow_hosts_fini(p);
}

const char *keys_network_word(const struct profile *p)
{
    return network_words[p->network];
}
