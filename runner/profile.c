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
#include "runner/profile_keys.h"
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
    PROFILES_MAX = 256,
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

/* What a run of this profile depends on, told by what its files say and not by how they are laid out. */
static void digest_chain(const struct chain *c, char out[17])
{
    AUTO_BUF struct buf all = BUF_INIT((size_t)CHAIN_MAX * (FILE_MAX_BYTES + 128));
    for (size_t i = 0; i < c->count; i++) {
        buf_printf(&all, "%s ", c->link[i].name);
        json_print(c->link[i].root, true, &all);
        buf_add_char(&all, '\n');
    }
    snprintf(out, 17, "%016llx", (unsigned long long)filter_fnv(buf_cstr(&all), all.len));
}

/* Where the files of a chain are looked for. */
struct place {
    int dir_fd;
    int other_fd;     /* what is not in the first, or -1 */
    const char *text; /* of the profile asked for, which is in no folder yet, or NULL */
    size_t len;
};

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
static int read_link(const struct place *where, const char *name, struct link *l, const char **parent,
                     struct err *e)
{
    snprintf(l->name, sizeof l->name, "%s", name);
    snprintf(l->file, sizeof l->file, "%s.jsonc", l->name);
    bool elsewhere = where->other_fd >= 0 && faccessat(where->dir_fd, l->file, F_OK, AT_SYMLINK_NOFOLLOW) < 0;
    int dir_fd = elsewhere ? where->other_fd : where->dir_fd;
    if (where->text != NULL)
        buf_add(&l->text, where->text, where->len);
    else if (check_file(dir_fd, l->file, e) < 0 || fd_read_file(dir_fd, l->file, FILE_MAX_BYTES, &l->text, e) < 0)
        return -1;
    if (l->text.failed)
        return err_set(e, E_LIMIT, "profile", NULL, "%s has more than %d bytes", l->file, FILE_MAX_BYTES);
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
static int read_chain(const struct place *where, const char *name, const char *addon, struct chain *c,
                      struct err *e)
{
    struct place here = *where;
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
        int failed = read_link(&here, next, l, &next, e);
        here.text = NULL;
        if (!failed) {
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

/* exec: once is kept by the monitor, which lets the run's own command through and nothing else: the filter
 * must ask it about every execution, and no native code may come in by another road. */
static int check_exec_once(const struct profile *p, struct err *e)
{
    static const int calls[] = {__NR_execve, __NR_execveat};
    if (p->exec != PROFILE_EXEC_ONCE)
        return 0;
    if (p->exec_memory)
        return err_set(e, E_INVALID, "exec", "set exec_memory to false too",
                       "%s: exec is once, and memory that was written may be run", p->file);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        for (size_t r = 0; r < p->rules->count; r++) {
            const struct profile_rule *rule = &p->rules->rule[r];
            if (rule->nr == calls[i] && rule->kind <= RULE_ERRNO)
                return err_set(e, E_INVALID, "exec", "list it in syscalls.remove",
                               "%s: exec is once, and %s is %s at %s:%u", p->file, syscalls_name(calls[i]),
                               rule->kind == RULE_ERRNO ? "answered silently" : "allowed", rule->source->file,
                               rule_line(rule));
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
           : check_exec_memory(p, e) < 0 ? -1
                                         : check_exec_once(p, e);
}

static int ask_all(struct profile *p, bool report_paths, struct profile_filter *filter, struct err *e)
{
    AUTO_FREE struct filter_rule *all = NULL;
    size_t count = 0, kept = 0;
    if (rules_for_filter(p->rules, report_paths, &all, &count, e) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (all[i].os_errno <= 0) /* allowed, or a fake success, which is nothing to learn */
            all[kept++] = all[i];
    filter_fini(filter);
    return filter_compile(all, kept, filter, e);
}

int profile_ask_all(struct profile *p, struct err *e)
{
    return ask_all(p, false, &p->filter, e) < 0 ? -1 : ask_all(p, true, &p->filter_paths, e);
}

static int load(const char *dir, const struct place *where, const char *name, int cache_dir_fd,
                struct profile **out, struct err *e)
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
    AUTO_PROFILE struct profile *p = mem_alloc(sizeof *p);
    p->rules = rules_new();
    snprintf(p->name, sizeof p->name, "%s", name);
    p->file = mem_printf("%s/%s.jsonc", dir, addon ? addon : base);

    __attribute__((cleanup(chain_fini))) struct chain chain = {.count = 0};
    if (read_chain(where, base, addon, &chain, e) < 0)
        return -1;
    for (size_t i = chain.count; i-- > 0;)
        if (keys_apply(p, &chain.link[i].source, i + 1 < chain.count, e) < 0 ||
            rules_apply(p->rules, &chain.link[i].source, i + 1 < chain.count, e) < 0)
            return -1;
    if (rules_check(p->rules, &chain.link[0].source, p->exec == PROFILE_EXEC_ONCE, e) < 0)
        return -1;
    for (size_t i = 1; i < chain.count; i++) {
        p->extends = mem_grow(p->extends, i, sizeof *p->extends);
        p->extends[i - 1] = mem_strdup(chain.link[i].name);
        p->extends_count = i;
    }
    digest_chain(&chain, p->digest);
    rules_sort(p->rules);
    p->file_locks = rules_allows(p->rules, __NR_flock);
    p->syscalls_allowed = rules_allowed_count(p->rules);
    if (compile(p, cache_dir_fd, e) < 0)
        return -1;
    *out = p;
    p = NULL;
    return 0;
}

static int open_folder(const char *dir, int *out, struct err *e)
{
    *out = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *out >= 0 ? 0
                     : err_sys(e, "profile", "set ENCLOS_DATADIR or install the lab's files",
                               "cannot open the profiles folder %s", dir);
}

int profile_load(const char *dir, const char *name, int cache_dir_fd, struct profile **out,
                 struct err *e)
{
    AUTO_FD int dir_fd = -1;
    if (open_folder(dir, &dir_fd, e) < 0)
        return -1;
    const struct place where = {.dir_fd = dir_fd, .other_fd = -1};
    return load(dir, &where, name, cache_dir_fd, out, e);
}

int profile_load_text(const char *dir, const char *other_dir, const char *name, const char *text, size_t len,
                      struct profile **out, struct err *e)
{
    AUTO_FD int dir_fd = -1;
    AUTO_FD int other_fd = -1;
    if (open_folder(dir, &dir_fd, e) < 0 || (other_dir != NULL && open_folder(other_dir, &other_fd, e) < 0))
        return -1;
    const struct place where = {dir_fd, other_fd, text, len};
    return load(dir, &where, name, -1, out, e);
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
    keys_fini(p);
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
