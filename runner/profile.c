/*
 * profile.c - finds a profile and what it extends, checks every key, compiles its filter.
 *
 * A chain is read from the profile asked for up to its root, then applied from the root down, so
 * that each file is judged against what it really inherits. Nothing of a file is used before the
 * whole chain is valid.
 */
#include "runner/profile.h"

#include "api/common/fd.h"
#include "api/common/text.h"
#include "runner/profile_preload.h"
#include "runner/profile_rules.h"
#include "runner/syscalls.h"
#include <asm/unistd.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FILE_MAX_BYTES = 256 << 10,
    CHAIN_MAX = 8,
    ENV_MAX = 64,
    PROFILES_MAX = 256,
    PROFILE_VERSION = 1,
};

/* ---- reading the files of a chain ---- */

struct link {
    char name[65];
    char file[80];
    struct buf text;
    struct json *root;
    struct profile_source source;
};

struct chain {
    struct link link[CHAIN_MAX]; /* [0] is the profile asked for, the last one is the root */
    size_t count;
};

static void chain_fini(struct chain *c)
{
    for (size_t i = 0; i < c->count; i++) {
        json_free(c->link[i].root);
        buf_fini(&c->link[i].text);
    }
}

static int check_file(int dir_fd, const char *file, struct err *e)
{
    struct stat st;
    if (fstatat(dir_fd, file, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(e, "profile", "enclos-runner profile list shows those that exist",
                       "no profile file %s", file);
    if (!S_ISREG(st.st_mode))
        return err_set(e, E_INVALID, "profile", "put the file itself there",
                       "%s is not a regular file", file);
    if ((st.st_mode & S_IWOTH) != 0)
        return err_set(e, E_DENIED, "profile", "chmod o-w it after checking what it says",
                       "%s can be written by everybody", file);
    return 0;
}

/* The key "extends" of what was just read, or NULL. */
static int read_link(int dir_fd, const char *name, struct link *l, const char **parent,
                     struct err *e)
{
    snprintf(l->name, sizeof l->name, "%s", name);
    snprintf(l->file, sizeof l->file, "%s.jsonc", l->name);
    if (check_file(dir_fd, l->file, e) < 0 ||
        fd_read_file(dir_fd, l->file, FILE_MAX_BYTES, &l->text, e) < 0)
        return -1;
    buf_cstr(&l->text);
    const struct json_limits limits = {.max_bytes = FILE_MAX_BYTES, .max_depth = 8};
    if (json_blank_comments(l->text.data, l->text.len, e) < 0)
        return err_context(e, "%s", l->file);
    l->root = json_parse(l->text.data, l->text.len, &limits, e);
    if (l->root == NULL)
        return err_context(e, "%s", l->file);
    l->source = (struct profile_source){l->file, l->text.data, l->text.len, l->root};
    if (json_type(l->root) != JSON_OBJECT)
        return source_fail(&l->source, "", NULL, e, "a profile is an object");
    *parent = NULL;
    if (json_opt_str(l->root, "", "extends", 1, 64, parent, e) < 0)
        return source_located(&l->source, e);
    if (*parent != NULL && !text_is_name(*parent))
        return source_fail(&l->source, "extends", NULL, e, "'%s' is no name of a profile", *parent);
    return 0;
}

static int cycle(const struct chain *c, size_t first, struct err *e)
{
    char text[200] = "";
    size_t len = 0;
    for (size_t i = first; i < c->count && len < sizeof text; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s > ", c->link[i].name);
    return source_fail(&c->link[c->count - 1].source, "extends", "one of them must extend no other",
                       e, "profiles extend each other: %s%s", text, c->link[first].name);
}

/* `addon` (or NULL) is laid over `name`, whatever it extends by itself. */
static int read_chain(int dir_fd, const char *name, const char *addon, struct chain *c, struct err *e)
{
    const char *next = addon ? addon : name;
    while (next != NULL) {
        for (size_t i = 0; i < c->count; i++)
            if (strcmp(c->link[i].name, next) == 0)
                return cycle(c, i, e);
        if (c->count == CHAIN_MAX)
            return source_fail(&c->link[CHAIN_MAX - 1].source, "extends", NULL, e,
                               "more than %d profiles extend each other", CHAIN_MAX);
        struct link *l = &c->link[c->count];
        l->text = (struct buf)BUF_INIT(FILE_MAX_BYTES + 1);
        c->count++;
        if (read_link(dir_fd, next, l, &next, e) == 0) {
            if (addon && c->count == 1)
                next = name;
            continue;
        }
        if (e->kind == E_NOT_FOUND && c->count > 1) {
            const struct profile_source *child = &c->link[c->count - 2].source;
            struct err told = {0};
            source_fail(child, "extends", "it must be in the same folder", &told,
                        "there is no profile '%s'", l->name);
            *e = told;
        }
        return -1;
    }
    return 0;
}

/* ---- keys ---- */

static const char *const landlock_words[] = {"if_available", "required", NULL};
static const char *const network_words[] = {"none", "loopback", NULL};
static const char *const proc_words[] = {"hidepid", "minimal", NULL};

/* Keys with one value: a root profile must set them all, a child only those it lists in "override".
 * An absent key of a child keeps what it inherits. */
struct choice {
    const char *key;
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
    p->network = v != 0 ? PROFILE_NETWORK_LOOPBACK : PROFILE_NETWORK_NONE;
}
static void set_proc(struct profile *p, int64_t v)
{
    p->proc = v != 0 ? PROFILE_PROC_MINIMAL : PROFILE_PROC_HIDEPID;
}
static void set_exec_memory(struct profile *p, int64_t v)
{
    p->exec_memory = v != 0;
}

static const struct choice choices[] = {
    {"landlock", landlock_words, 0, 0, set_landlock},
    {"landlock_min_abi", NULL, 1, 64, set_min_abi},
    {"network", network_words, 0, 0, set_network},
    {"proc", proc_words, 0, 0, set_proc},
    {"exec_memory", NULL, 0, 0, set_exec_memory},
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
        if (v == NULL && child)
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
        if (json_str(v) == NULL || json_str(v)[0] == '\0')
            return source_fail(s, path, NULL, e, "must be a reason, in words");
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

static int apply_link(struct profile *p, const struct link *l, bool child, struct err *e)
{
    static const char *const keys[] = {
        "version",          "title",    "title_fr", "extends",     "override", "landlock",
        "landlock_min_abi", "network",  "proc",     "exec_memory", "env",      "host_env",
        "thread_env",       "syscalls", "preload", NULL};
    const struct profile_source *s = &l->source;
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
    return preload_apply(p, s, e) < 0 ? -1 : rules_apply(p->rules, s, child, e);
}

/* ---- compiling ---- */

static int compile_pair(struct profile *p, int cache_dir_fd, const struct filter_rule *plain,
                        size_t plain_count, const struct filter_rule *paths, size_t paths_count,
                        struct err *e)
{
    AUTO_BUF struct buf key = BUF_INIT(1 << 20);
    filter_version(&key);
    rules_key(plain, plain_count, &key);
    buf_add_str(&key, "paths\n");
    rules_key(paths, paths_count, &key);
    if (key.failed)
        return err_set(e, E_LIMIT, "syscalls", NULL, "the rules are too long for a key");

    struct profile_filter programs[2] = {{0}};
    if (cache_dir_fd >= 0) {
        int found = filter_cache_get(cache_dir_fd, key.data, key.len, programs, 2, e);
        if (found < 0)
            return -1;
        struct err wrong = {0};
        if (found > 0 &&
            filter_verify(&programs[0], plain, plain_count, FILTER_CARE_QUICK, &wrong) == 0 &&
            filter_verify(&programs[1], paths, paths_count, FILTER_CARE_QUICK, &wrong) == 0)
            p->from_cache = true;
        else if (found > 0) {
            filter_fini(&programs[0]);
            filter_fini(&programs[1]);
        }
    }
    if (!p->from_cache) {
        if (filter_compile(plain, plain_count, &programs[0], e) < 0)
            return -1;
        if (filter_compile(paths, paths_count, &programs[1], e) < 0) {
            filter_fini(&programs[0]);
            return -1;
        }
    }
    p->filter = programs[0];
    p->filter_paths = programs[1];
    /* A full disk is no reason to refuse runs: the caller may log it. */
    p->in_cache = p->from_cache;
    if (cache_dir_fd >= 0 && !p->from_cache)
        p->in_cache =
            filter_cache_put(cache_dir_fd, key.data, key.len, programs, 2, &p->cache_problem) == 0;
    return 0;
}

/* exec_memory: false is kept by the filter, on every kernel; MDWE (6.3) is a second wall. */
static int check_exec_memory(const struct profile *p, struct err *e)
{
    static const struct {
        int nr;
        uint64_t third; /* its argument that would make memory executable */
        const char *must;
    } calls[] = {
        {__NR_mmap, PROT_WRITE | PROT_EXEC, "mmap with PROT_WRITE and PROT_EXEC"},
        {__NR_mprotect, PROT_EXEC, "mprotect with PROT_EXEC"},
        {__NR_pkey_mprotect, PROT_EXEC, "pkey_mprotect with PROT_EXEC"},
        {__NR_shmat, SHM_EXEC, "shmat with SHM_EXEC"},
        {__NR_memfd_create, 0, "memfd_create, whose files can be mapped and run"},
    };
    for (size_t i = 0; !p->exec_memory && i < sizeof calls / sizeof calls[0]; i++) {
        struct seccomp_data data = {
            .nr = calls[i].nr, .arch = AUDIT_ARCH_X86_64, .args[2] = calls[i].third};
        if (filter_eval(&p->filter, &data) == SECCOMP_RET_ALLOW)
            return err_set(e, E_INVALID, "exec_memory", "take the permission away, as strict does",
                           "%s: exec_memory is false, and %s is allowed", p->file, calls[i].must);
    }
    return 0;
}

static int compile(struct profile *p, int cache_dir_fd, struct err *e)
{
    AUTO_FREE struct filter_rule *plain = NULL;
    AUTO_FREE struct filter_rule *paths = NULL;
    size_t plain_count = 0, paths_count = 0;
    if (rules_for_filter(p->rules, false, &plain, &plain_count, e) < 0 ||
        rules_for_filter(p->rules, true, &paths, &paths_count, e) < 0)
        return -1;
    return compile_pair(p, cache_dir_fd, plain, plain_count, paths, paths_count, e) < 0
               ? -1
               : check_exec_memory(p, e);
}

int profile_load(const char *dir, const char *name, int cache_dir_fd, struct profile **out,
                 struct err *e)
{
    char base[65], *plus;
    const char *addon = NULL;
    snprintf(base, sizeof base, "%s", name);
    if ((plus = strchr(base, '+'))) {
        *plus = '\0';
        addon = plus + 1;
    }
    if (strlen(name) >= sizeof base || !text_is_name(base) || (addon && !text_is_name(addon)))
        return err_set(e, E_INVALID, "profile", "letters, digits, '.', '_' and '-', at most 64",
                       "'%.80s' is no name of a profile", name);
    AUTO_FD int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return err_sys(e, "profile", "set ENCLOS_DATADIR or install the lab's files",
                       "cannot open the profiles folder %s", dir);
    AUTO_PROFILE struct profile *p = mem_alloc(sizeof *p);
    p->rules = rules_new();
    snprintf(p->name, sizeof p->name, "%s", name);
    p->file = mem_printf("%s/%s.jsonc", dir, addon ? addon : base);

    __attribute__((cleanup(chain_fini))) struct chain chain = {.count = 0};
    if (read_chain(dir_fd, base, addon, &chain, e) < 0)
        return -1;
    for (size_t i = chain.count; i-- > 0;)
        if (apply_link(p, &chain.link[i], i + 1 < chain.count, e) < 0)
            return -1;
    if (rules_check(p->rules, &chain.link[0].source, e) < 0)
        return -1;
    for (size_t i = 1; i < chain.count; i++) {
        p->extends = mem_grow(p->extends, i, sizeof *p->extends);
        p->extends[i - 1] = mem_strdup(chain.link[i].name);
        p->extends_count = i;
    }
    rules_sort(p->rules);
    p->file_locks = rules_allows(p->rules, __NR_flock);
    p->syscalls_allowed = rules_allowed_count(p->rules);
    if (compile(p, cache_dir_fd, e) < 0)
        return -1;
    *out = p;
    p = NULL;
    return 0;
}

static void free_list(char **list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(list[i]);
    free(list);
}

void profile_free(struct profile *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->env_count; i++) {
        free(p->env[i].name);
        free(p->env[i].value);
    }
    free(p->env);
    free_list(p->extends, p->extends_count);
    free_list(p->host_env, p->host_env_count);
    free_list(p->thread_env, p->thread_env_count);
    free(p->file);
    free(p->title);
    free(p->title_fr);
    filter_fini(&p->filter);
    filter_fini(&p->filter_paths);
    rules_free(p->rules);
    preload_fini(p);
    free(p);
}

void profile_free_at(struct profile **p)
{
    profile_free(*p);
    *p = NULL;
}

int profile_refusal(const struct profile *p, int nr, const uint64_t args[6], char *detail,
                    size_t detail_size)
{
    profile_detail(nr, args, detail, detail_size);
    return rules_refusal(p->rules, nr, args);
}

/* ---- folders ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void dir_close(DIR **d)
{
    if (*d != NULL)
        closedir(*d);
}

void profile_names_free(char **names, size_t count)
{
    free_list(names, count);
}

int profile_names(const char *dir, char ***names, size_t *count, struct err *e)
{
    __attribute__((cleanup(dir_close))) DIR *d = opendir(dir);
    if (d == NULL)
        return err_sys(e, "profile", "set ENCLOS_DATADIR or install the lab's files",
                       "cannot open the profiles folder %s", dir);
    char **list = NULL;
    size_t n = 0;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(d);
        if (entry == NULL)
            break;
        char name[65];
        size_t len = strlen(entry->d_name);
        if (len < 7 || len - 6 >= sizeof name || strcmp(entry->d_name + len - 6, ".jsonc") != 0)
            continue;
        memcpy(name, entry->d_name, len - 6);
        name[len - 6] = '\0';
        if (!text_is_name(name) || n == PROFILES_MAX)
            continue;
        list = mem_grow(list, n + 1, sizeof *list);
        list[n++] = mem_strdup(name);
    }
    if (errno != 0) {
        free_list(list, n);
        return err_sys(e, "profile", NULL, "cannot list %s", dir);
    }
    if (n > 1)
        qsort(list, n, sizeof *list, by_name);
    *names = list;
    *count = n;
    return 0;
}

int profile_default_dir(char **out, struct err *e)
{
    const char *data = getenv("ENCLOS_DATADIR");
    if (data != NULL && data[0] != '\0') {
        *out = mem_printf("%s/sandbox-profiles", data);
        return 0;
    }
    char exe[4096];
    ssize_t len = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (len < 0)
        return err_sys(e, "profile", "set ENCLOS_DATADIR", "cannot tell where this program is");
    exe[len] = '\0';
    char *slash = strrchr(exe, '/');
    if (slash != NULL)
        *slash = '\0';
    char *beside = mem_printf("%s/share/enclos/sandbox-profiles", exe);
    if (access(beside, F_OK) == 0) {
        *out = beside;
        return 0;
    }
    free(beside);
    *out = mem_printf("%s/../share/enclos/sandbox-profiles", exe);
    return 0;
}
