/*
 * profile_learn.c - `enclos-runner profile learn -- COMMAND`: the smallest addition to a profile that a command needs.
 *
 *     1  as it is, under the profile                  it succeeds: nothing is needed
 *     2  learning (learn.h): refused calls are let    it succeeds: what was let through is enough
 *        through when some other profile allows them  it fails: told, with what stayed refused
 *     3+ learning again, one of these withheld        it still succeeds: that one is not needed
 *
 * Each is a whole run in a sandbox of its own, made by whoever asks with their own rights: no lab takes part, no dataset
 * is in reach, and /work is the folder they name. The answer is a profile file that extends the one they had.
 */
#include "runner/host.h"
#include "runner/profile.h"

#include "api/common/fd.h"
#include "api/common/json.h"
#include "api/common/mem.h"
#include "api/common/runfolder.h"
#include "api/common/text.h"
#include "runner/profile_rules.h"
#include "runner/profile_words.h"
#include "runner/spec.h"
#include "runner/syscalls.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NEEDED_MAX = SPEC_MAX_WITHHELD, REFUSED_MAX = 64, RUNS_DEFAULT = 12, TIME_DEFAULT_S = 600, OUTPUT_MAX = 4 << 20 };

/* A call that the command made and the profile refuses. */
struct call {
    const char *setting; /* not a call but this key of the profile, or NULL */
    int nr;
    uint64_t args[6];
    char detail[100];
    char os_errno[16];
    int64_t count;
    char by[65]; /* the profile that allows it; "": refused while learning too */
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

static const char *name_of(const struct call *c)
{
    return c->setting ? c->setting : syscalls_name(c->nr);
}

static bool is_inet(const struct call *c)
{
    uint32_t family = (uint32_t)c->args[0], type = (uint32_t)c->args[1] & ~(uint32_t)(SOCK_NONBLOCK | SOCK_CLOEXEC);
    return !c->setting && c->nr == syscalls_number("socket") && (family == AF_INET || family == AF_INET6) &&
           (type == SOCK_STREAM || type == SOCK_DGRAM);
}

/* ---- one run ---- */

static void put_spec(const struct learning *l, const char *run, bool learns, size_t without, struct jw *w)
{
    jw_obj(w);
    jw_int_at(w, "version", RUNFOLDER_SPEC_VERSION);
    jw_str_at(w, "run", run);
    jw_arr_at(w, "command");
    for (size_t i = 0; i < l->command_count; i++)
        jw_str(w, l->command[i]);
    jw_end_arr(w);
    jw_str_at(w, "profile", l->profile);
    if (l->code) {
        jw_obj_at(w, "code");
        jw_str_at(w, "path", l->code);
        jw_end_obj(w);
    }
    jw_obj_at(w, "resources");
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    jw_int_at(w, "cpus_milli", cpus > 0 ? cpus * 1000 : 1000);
    jw_int_at(w, "memory_bytes", l->memory_bytes);
    jw_int_at(w, "processes", 512);
    jw_int_at(w, "wall_ms", l->time_s * 1000);
    jw_int_at(w, "cpu_ms", 0);
    jw_int_at(w, "grace_ms", 2000);
    jw_int_at(w, "work_bytes", l->memory_bytes / 2);
    jw_int_at(w, "tmp_bytes", l->memory_bytes / 2);
    jw_int_at(w, "output_bytes", l->memory_bytes / 2);
    jw_int_at(w, "output_files", 10000);
    jw_int_at(w, "log_bytes", 4 << 20);
    jw_end_obj(w);
    /* Enforced where a control group is at hand, watched elsewhere: it is the person's own machine time. */
    jw_str_at(w, "limits", "best_effort");
    if (learns) {
        jw_obj_at(w, "learn");
        jw_arr_at(w, "withhold");
        for (size_t i = 0; i < l->count; i++) {
            if (!l->call[i].needless && i != without)
                continue;
            jw_obj(w);
            jw_str_at(w, "name", name_of(&l->call[i]));
            jw_str_at(w, "detail", l->call[i].detail);
            jw_end_obj(w);
        }
        jw_end_arr(w);
        jw_end_obj(w);
    }
    jw_end_obj(w);
}

/* What we and our monitors made; no link is followed. */
static void remove_tree(int dir_fd, const char *name)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    for (const struct dirent *entry; d && (entry = readdir(d));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 && unlinkat(fd, entry->d_name, 0) < 0)
            remove_tree(fd, entry->d_name);
    if (d)
        closedir(d);
    unlinkat(dir_fd, name, AT_REMOVEDIR);
}

static int start(struct learning *l, const char *folder, bool quiet, struct err *e)
{
    int status = 0;
    fflush(stdout);
    pid_t pid = fork(); /* a monitor confines itself for good */
    if (pid < 0)
        return err_sys(e, "run", NULL, "cannot fork");
    if (pid == 0) {
        /* What the command says goes beside our answer, or nowhere when it has been said already. */
        int null = quiet ? open("/dev/null", O_WRONLY | O_CLOEXEC) : -1;
        if (dup2(quiet ? null : STDERR_FILENO, STDOUT_FILENO) < 0 || (quiet && dup2(null, STDERR_FILENO) < 0))
            _exit(125);
        const char *argv[] = {"exec", "--profiles", l->profiles_dir, NULL, NULL, NULL, NULL};
        int argc = 3;
        if (l->cgroup) {
            argv[argc++] = "--cgroup";
            argv[argc++] = l->cgroup;
        }
        argv[argc++] = folder;
        _exit(exec_main(argc, (char **)(uintptr_t)argv));
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return 0;
}

static void read_call(const struct json *v, struct call *out)
{
    size_t i = 0;
    *out = (struct call){.nr = (int)json_int(json_get(v, "number"), -1), .count = json_int(json_get(v, "count"), 0)};
    for (const struct json *a = json_first(json_get(v, "args")); a && i < 6; a = json_next(a))
        out->args[i++] = strtoull(json_str(a) ? json_str(a) : "0", NULL, 16);
    const char *detail = json_str(json_get(v, "detail")), *name = json_str(json_get(v, "errno")), *by = json_str(json_get(v, "by"));
    snprintf(out->detail, sizeof out->detail, "%s", detail ? detail : "");
    snprintf(out->os_errno, sizeof out->os_errno, "%s", name ? name : "");
    snprintf(out->by, sizeof out->by, "%s", by ? by : "");
}

/* What a run was let through is enough for it: what it did without is not needed, and what it did instead may be. */
static void keep_calls(struct learning *l, const struct json *learned)
{
    for (size_t i = 0; i < l->count; i++)
        l->call[i].seen = l->call[i].setting != NULL;
    for (const struct json *v = json_first(learned); v; v = json_next(v)) {
        struct call c, *known = NULL;
        if (!json_bool(json_get(v, "let"), false))
            continue;
        read_call(v, &c);
        for (size_t i = 0; i < l->count; i++)
            if (!l->call[i].setting && l->call[i].nr == c.nr && strcmp(l->call[i].detail, c.detail) == 0)
                known = &l->call[i];
        if (!known && l->count < NEEDED_MAX) {
            known = &l->call[l->count++];
            *known = c;
        }
        if (known)
            known->seen = true;
    }
    for (size_t i = 0; i < l->count; i++)
        l->call[i].needless |= !l->call[i].seen;
}

/* `first`: the first that learns. */
static int read_record(struct learning *l, int run_fd, bool first, bool *succeeded, struct err *e)
{
    AUTO_BUF struct buf text = BUF_INIT(RUNFOLDER_RECORD_MAX_BYTES);
    const struct json_limits limits = {.max_bytes = RUNFOLDER_RECORD_MAX_BYTES};
    if (fd_read_file(run_fd, RUNFOLDER_RECORD, RUNFOLDER_RECORD_MAX_BYTES, &text, e) < 0)
        return err_context(e, "the run left no record");
    AUTO_JSON struct json *record = json_parse(buf_cstr(&text), text.len, &limits, e);
    if (!record)
        return err_context(e, "%s", RUNFOLDER_RECORD);
    const char *verdict = json_str(json_get(record, "verdict")), *reason = json_str(json_get(record, "reason")),
               *hint = json_str(json_get(json_get(record, "failed"), "hint"));
    snprintf(l->verdict, sizeof l->verdict, "%s", verdict ? verdict : "");
    snprintf(l->reason, sizeof l->reason, "%s", reason ? reason : "");
    snprintf(l->hint, sizeof l->hint, "%s", hint ? hint : "");
    *succeeded = strcmp(l->verdict, "succeeded") == 0;
    if (strcmp(l->verdict, "setup_failed") == 0 || strcmp(l->verdict, "exec_failed") == 0 ||
        strcmp(l->verdict, "cancelled") == 0)
        return err_set(e, E_INVALID, "run", l->hint, "%s: %s", l->verdict, l->reason);
    for (const struct json *v = json_first(json_get(record, "learned")); first && v; v = json_next(v))
        if (!json_bool(json_get(v, "let"), false) && l->refused_count < REFUSED_MAX)
            read_call(v, &l->refused[l->refused_count++]);
    if (first || *succeeded)
        keep_calls(l, json_get(record, "learned"));
    return 0;
}

/* `without`: index of a call that is withheld besides the needless ones; -1: none. */
static int run(struct learning *l, bool learns, size_t without, bool quiet, bool first, bool *succeeded, struct err *e)
{
    char name[16], folder[128];
    AUTO_BUF struct buf spec = BUF_INIT(RUNFOLDER_SPEC_MAX_BYTES);
    struct jw w = jw_to(&spec);
    struct stat owner;
    snprintf(name, sizeof name, "l%d", ++l->runs);
    snprintf(folder, sizeof folder, "%s/%s", l->top, name);
    snprintf(name, sizeof name, "l%dx%d", getpid() % 100000, l->runs);
    put_spec(l, name, learns, without, &w);
    if (mkdir(folder, 0700) < 0)
        return err_sys(e, "run", "set TMPDIR to a folder with room", "cannot make the folder %s", folder);
    AUTO_FD int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    /* As root the run's folder is given to who owns the code, as a lab owns both. */
    if (fd < 0 || (geteuid() == 0 && l->code &&
                   (stat(l->code, &owner) < 0 || fchown(fd, owner.st_uid, owner.st_gid) < 0)))
        return err_sys(e, "run", NULL, "cannot prepare %s", folder);
    if (fd_replace_file(fd, RUNFOLDER_SPEC, spec.data, spec.len, 0644, e) < 0 || start(l, folder, quiet, e) < 0)
        return -1;
    int rc = read_record(l, fd, first, succeeded, e);
    remove_tree(AT_FDCWD, folder);
    return rc;
}

/* ---- the phases ---- */

static void note(const struct learning *l, const char *what)
{
    if (l->json)
        return;
    fprintf(stderr, "enclos-runner: learning, run %d of at most %d: %s\n", l->runs + 1, l->runs_max, what);
}

static void put_first(struct learning *l, const char *setting)
{
    if (l->count == NEEDED_MAX)
        return;
    memmove(&l->call[1], &l->call[0], l->count * sizeof l->call[0]);
    l->call[0] = (struct call){.setting = setting, .nr = -1, .by = "*", .count = 1};
    l->count++;
}

/* Settings that learning changed. Tried before the calls: with one of them, some calls are not needed. */
static void add_candidates(struct learning *l)
{
    bool inet = false;
    for (size_t i = 0; i < l->count; i++)
        inet |= is_inet(&l->call[i]);
    if (inet && l->base->network == PROFILE_NETWORK_NONE)
        put_first(l, "network");
    if (!l->base->exec_memory)
        put_first(l, "exec_memory");
}

static size_t count_needed(const struct learning *l)
{
    size_t n = 0;
    for (size_t i = 0; i < l->count; i++)
        n += !l->call[i].needless;
    return n;
}

/* 0: nothing needed, 1: what is left in l->call is, 2: it fails anyway. */
static int learn(struct learning *l, struct err *e)
{
    bool succeeded = false;
    note(l, "as it is");
    if (run(l, false, SIZE_MAX, false, false, &succeeded, e) < 0)
        return -1;
    if (succeeded)
        return 0;
    note(l, "with what other profiles allow");
    if (run(l, true, SIZE_MAX, false, true, &succeeded, e) < 0)
        return -1;
    if (!succeeded)
        return 2;
    add_candidates(l);
    /* The list may grow meanwhile, by what the command does when something is withheld. */
    for (size_t i = 0; i < l->count && l->runs < l->runs_max && count_needed(l) > 1; i++) {
        char what[180];
        if (l->call[i].needless)
            continue;
        snprintf(what, sizeof what, l->call[i].setting ? "without %s%s" : "without %s(%s)", name_of(&l->call[i]),
                 l->call[i].detail);
        note(l, what);
        if (run(l, true, i, true, false, &succeeded, e) < 0)
            return -1;
        l->call[i].needless |= succeeded;
    }
    return 1;
}

/* ---- the answer ---- */

/* Two calls of one name whose conditions come out the same (socket with and without SOCK_CLOEXEC) need one entry. */
static bool is_before(const struct learning *l, size_t i, const char *entry, char **entries)
{
    (void)l;
    for (size_t j = 0; j < i; j++)
        if (entries[j] && strcmp(entries[j], entry) == 0)
            return true;
    return false;
}

static bool is_needed(const struct call *c)
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

/* What allowing this very call gives away, or "". The run's own loopback leads nowhere. */
static const char *risk_of(const struct call *c, bool french)
{
    if (c->setting)
        return strcmp(c->setting, "network") == 0 ? ""
               : french                           ? syscalls_risk_fr(syscalls_number("mprotect"))
                                                  : syscalls_risk(syscalls_number("mprotect"));
    return is_inet(c) ? "" : french ? syscalls_risk_fr(c->nr) : syscalls_risk(c->nr);
}

static void add_risk(const struct call *c, struct buf *out)
{
    if (risk_of(c, false)[0])
        buf_printf(out, "            // RISKY: %s\n            // RISQUÉ : %s\n", risk_of(c, false), risk_of(c, true));
}

/* The entry that lets this call through, no wider than what was seen: the conditions of the rule that allows it elsewhere,
 * each with the one value that was asked for. */
static void add_entry(const struct call *c, const struct profile_rule *rule, struct buf *out)
{
    buf_printf(out, "            // seen %lld times%s%s\n", (long long)c->count, c->detail[0] ? ": " : "", c->detail);
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
            buf_printf(out, "                    {\"index\": %u, \"op\": \"masked_eq\", \"mask\": \"0x%llx\", \"value\": ",
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
        if (base->rules->rule[i].nr == nr && (kind == RULE_ALLOW || base->rules->rule[i].kind == RULE_ERRNO))
            return true;
    return false;
}

struct addition {
    struct buf allow, allow_if, override, settings, reasons;
};

static void add_setting(struct addition *a, const char *key, const char *value, const char *why, const char *why_fr)
{
    buf_printf(&a->reasons, "%s        \"%s\": {\"why\": \"%s\", \"why_fr\": \"%s\"}", a->reasons.len ? ",\n" : "", key, why, why_fr);
    const struct call c = {.setting = key};
    if (risk_of(&c, false)[0] && strcmp(key, "exec_memory") == 0)
        buf_printf(&a->settings, "    // RISKY: %s\n    // RISQUÉ : %s\n", risk_of(&c, false), risk_of(&c, true));
    buf_printf(&a->settings, "    \"%s\": %s,\n", key, value);
}

/* What lets code be made: a profile that allows one of these and says exec_memory: false is not valid. */
static bool is_code(const struct call *c)
{
    static const char *const names[] = {"mmap", "mprotect", "pkey_mprotect", "memfd_create", "shmat"};
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
        inet |= is_needed(c) && c->setting && strcmp(c->setting, "network") == 0;
        memory |= is_needed(c) && ((c->setting && strcmp(c->setting, "exec_memory") == 0) ||
                                   (is_code(c) && !l->base->exec_memory));
        exec |= is_needed(c) && !c->setting && c->nr == syscalls_number("execve");
    }
    if (inet)
        add_setting(a, "network", "\"loopback\"", "it talks to itself over 127.0.0.1, in the run's own empty network",
                    "il se parle par 127.0.0.1, dans le réseau vide de l’exécution");
    if (exec && l->base->exec == PROFILE_EXEC_ONCE)
        add_setting(a, "exec", "\"any\"", "it starts other programs", "il lance d’autres programmes");
    if (memory)
        add_setting(a, "exec_memory", "true", "it makes code and runs it (a just-in-time compiler, ctypes)",
                    "il fabrique du code et l’exécute (compilation à la volée, ctypes)");
}

static int add_calls(struct learning *l, struct addition *a, struct err *e)
{
    char *entries[NEEDED_MAX] = {0};
    int rc = 0;
    for (size_t i = 0; i < l->count && rc == 0; i++) {
        struct call *c = &l->call[i];
        AUTO_PROFILE struct profile *by = NULL;
        AUTO_BUF struct buf entry = BUF_INIT(1 << 16);
        if (!is_needed(c) || c->setting)
            continue;
        rc = profile_load(l->profiles_dir, c->by, -1, &by, e);
        const struct profile_rule *rule = rc == 0 ? rules_permitting(by->rules, c->nr, c->args) : NULL;
        if (rc == 0 && rule == NULL)
            rc = err_set(e, E_CONFLICT, "profiles", "try again", "the profile %s has changed meanwhile", c->by);
        if (rc < 0)
            break;
        AUTO_BUF struct buf condition = BUF_INIT(1 << 16);
        buf_printf(&condition, "%d:%d", c->nr, rule->kind);
        for (size_t n = 0; n < rule->arg_count; n++)
            buf_printf(&condition, ":%llx", (unsigned long long)(c->args[rule->arg[n].index] & rule->arg[n].mask));
        if (is_before(l, i, buf_cstr(&condition), entries))
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
            buf_printf(&a->override, "%s            {\n                \"names\": [\"%s\"],\n", a->override.len ? ",\n" : "",
                       syscalls_name(c->nr));
            buf_printf(&a->override, "                \"why\": \"the profile it extends answers %s; this program needs it done\",\n"
                                     "                \"why_fr\": \"le profil prolongé répond %s; ce programme a besoin qu’il soit fait\"\n            }",
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
    buf_printf(out, "%s        \"%s\": [\n%.*s\n        ]", *first ? "" : ",\n", name, (int)list->len, list->data);
    *first = false;
}

/* The whole file, and proof that it is a valid one. */
static int write_profile(struct learning *l, struct buf *out, struct err *e)
{
    struct addition a = {BUF_INIT(1 << 20), BUF_INIT(1 << 20), BUF_INIT(1 << 18), BUF_INIT(1 << 12), BUF_INIT(1 << 14)};
    bool first = true;
    int rc = add_calls(l, &a, e);
    if (rc == 0) {
        add_settings(l, &a);
        buf_printf(out, "// What `%s` needs beyond %s, found in %d runs.\n", l->command[0], l->profile, l->runs);
        buf_add_str(out, "{\n    \"version\": 1,\n");
        buf_printf(out, "    \"title\": \"%s, and what was learned\",\n    \"title_fr\": \"%s, et ce qui a été appris\",\n",
                   l->profile, l->profile);
        buf_printf(out, "    \"extends\": \"%s\",\n", l->profile);
        if (a.reasons.len)
            buf_printf(out, "    \"override\": {\n%.*s\n    },\n%.*s", (int)a.reasons.len, a.reasons.data,
                       (int)a.settings.len, a.settings.data);
        buf_add_str(out, "    \"syscalls\": {\n");
        add_section(out, "override", &a.override, &first);
        add_section(out, "allow", &a.allow, &first);
        add_section(out, "allow_if", &a.allow_if, &first);
        buf_add_str(out, "\n    }\n}\n");
        AUTO_PROFILE struct profile *made = NULL;
        if (out->failed)
            rc = err_set(e, E_LIMIT, "profile", NULL, "the addition is too long");
        else if (profile_load_text(l->profiles_dir, NULL, "learned", buf_cstr(out), out->len, &made, e) < 0)
            rc = err_context(e, "the addition that was found is no valid profile");
    }
    buf_fini(&a.allow);
    buf_fini(&a.allow_if);
    buf_fini(&a.override);
    buf_fini(&a.settings);
    buf_fini(&a.reasons);
    return rc;
}

static void put_call(struct jw *w, const struct call *c)
{
    jw_obj(w);
    jw_str_at(w, "name", name_of(c));
    jw_str_at(w, "detail", c->detail);
    jw_bool_at(w, "setting", c->setting != NULL);
    jw_str_at(w, "errno", c->os_errno);
    jw_int_at(w, "count", c->count);
    jw_str_at(w, "by", c->by[0] ? c->by : NULL);
    jw_str_at(w, "hint", syscalls_hint(c->nr));
    jw_str_at(w, "hint_fr", syscalls_hint_fr(c->nr));
    jw_str_at(w, "risk", risk_of(c, false)[0] ? risk_of(c, false) : NULL);
    jw_str_at(w, "risk_fr", risk_of(c, true)[0] ? risk_of(c, true) : NULL);
    jw_end_obj(w);
}

static const char *const results[] = {"nothing_needed", "needs", "fails_anyway"};

static void put_answer(struct jw *w, const struct learning *l, int result, const char *text)
{
    jw_obj(w);
    jw_str_at(w, "result", results[result]);
    jw_str_at(w, "profile", l->profile);
    jw_int_at(w, "runs", l->runs);
    jw_bool_at(w, "least", result != 1 || l->runs < l->runs_max || count_needed(l) == 1);
    jw_str_at(w, "verdict", l->verdict);
    jw_str_at(w, "reason", l->reason);
    jw_arr_at(w, "needed");
    for (size_t i = 0; i < l->count; i++)
        if (is_needed(&l->call[i]))
            put_call(w, &l->call[i]);
    jw_end_arr(w);
    jw_arr_at(w, "needless");
    for (size_t i = 0; i < l->count; i++)
        if (l->call[i].needless)
            put_call(w, &l->call[i]);
    jw_end_arr(w);
    jw_arr_at(w, "refused");
    for (size_t i = 0; i < l->refused_count; i++)
        put_call(w, &l->refused[i]);
    jw_end_arr(w);
    jw_str_at(w, "text", text);
    jw_end_obj(w);
}

static void tell(const struct learning *l, int result, const char *text)
{
    if (result == 0)
        printf("nothing is needed: it succeeds under %s\n", l->profile);
    if (result == 2)
        fprintf(stderr, "enclos-runner: it fails while learning too (%s); what follows was asked for, and is not proved to be needed\n",
                l->reason);
    for (size_t i = 0; i < l->refused_count; i++)
        fprintf(stderr, "enclos-runner: refused even while learning: %s(%s)%s%s\n", syscalls_name(l->refused[i].nr),
                l->refused[i].detail, risk_of(&l->refused[i], false)[0] ? ": " : "", risk_of(&l->refused[i], false));
    fputs(text, stdout);
}

/* ---- the command ---- */

static int usage(void)
{
    fputs("usage: enclos-runner profile learn [--profile NAME] [--code DIR | --no-code] [--time SECONDS] [--memory BYTES]\n"
          "                                   [--runs N] [--cgroup PATH] [--profiles DIR] [--json] [--] COMMAND...\n"
          "\n"
          "Runs the command in sandboxes of its own and prints the smallest addition to the profile that it needs. It sees\n"
          "the code folder (this one, unless --code or --no-code), and no dataset.\n",
          stderr);
    return 2;
}

static bool read_number(const char *text, uint64_t min, uint64_t max, int64_t *out)
{
    uint64_t n = 0;
    if (!text || text_u64(text, min, max, &n) < 0)
        return false;
    *out = (int64_t)n;
    return true;
}

/* Index of the command, or 0: wrong usage. */
static int read_options(int argc, char **argv, struct learning *l, const char **code)
{
    int64_t runs = RUNS_DEFAULT;
    int i = 1;
    *code = ".";
    for (; i < argc && argv[i][0] == '-'; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--") == 0) {
            i++;
            break;
        }
        if (strcmp(argv[i], "--json") == 0) {
            l->json = true;
            continue;
        }
        if (strcmp(argv[i], "--no-code") == 0) {
            *code = NULL;
            continue;
        }
        if (!value)
            return 0;
        if (strcmp(argv[i], "--profile") == 0)
            l->profile = value;
        else if (strcmp(argv[i], "--profiles") == 0)
            l->profiles_dir = value;
        else if (strcmp(argv[i], "--code") == 0)
            *code = value;
        else if (strcmp(argv[i], "--cgroup") == 0)
            l->cgroup = value;
        else if (!(strcmp(argv[i], "--time") == 0 && read_number(value, 1, 86400, &l->time_s)) &&
                 !(strcmp(argv[i], "--memory") == 0 && read_number(value, 16 << 20, UINT64_C(1) << 42, &l->memory_bytes)) &&
                 !(strcmp(argv[i], "--runs") == 0 && read_number(value, 2, 100, &runs)))
            return 0;
        i++;
    }
    l->runs_max = (int)runs;
    return i < argc ? i : 0;
}

static int complain(const struct learning *l, const struct err *e)
{
    if (l->json) {
        AUTO_BUF struct buf out = BUF_INIT(1 << 16);
        struct jw w = jw_to(&out);
        jw_obj(&w);
        jw_obj_at(&w, "error");
        jw_str_at(&w, "kind", err_kind_name(e->kind));
        jw_str_at(&w, "field", e->field);
        jw_str_at(&w, "message", e->message);
        jw_str_at(&w, "hint", e->hint);
        jw_end_obj(&w);
        jw_end_obj(&w);
        puts(buf_cstr(&out));
    } else {
        fprintf(stderr, "enclos-runner: %s\n", e->message);
        if (e->hint[0])
            fprintf(stderr, "  %s\n", e->hint);
    }
    return 1;
}

static int learn_and_tell(struct learning *l, struct err *e)
{
    AUTO_BUF struct buf text = BUF_INIT(OUTPUT_MAX), out = BUF_INIT(OUTPUT_MAX);
    struct jw w = jw_to(&out);
    int result = learn(l, e);
    bool any = false;
    for (size_t i = 0; i < l->count; i++)
        any |= is_needed(&l->call[i]);
    if (result < 0 || (any && write_profile(l, &text, e) < 0))
        return -1;
    if (l->json) {
        put_answer(&w, l, result, any ? buf_cstr(&text) : NULL);
        puts(buf_cstr(&out));
    } else {
        tell(l, result, buf_cstr(&text));
    }
    return result == 2;
}

int profile_learn_main(int argc, char **argv)
{
    struct learning l = {.profile = "base", .time_s = TIME_DEFAULT_S, .memory_bytes = INT64_C(2) << 30};
    AUTO_FREE char *found = NULL;
    AUTO_FREE char *real = NULL;
    struct err e = {0};
    const char *code = NULL, *tmp = getenv("TMPDIR");
    int first = read_options(argc, argv, &l, &code), rc = -1;
    if (first == 0)
        return usage();
    l.command = argv + first;
    l.command_count = (size_t)(argc - first);
    if (!l.profiles_dir && profile_default_dir(&found, &e) < 0)
        return complain(&l, &e);
    if (!l.profiles_dir)
        l.profiles_dir = found;
    if (code && !(real = realpath(code, NULL))) {
        err_sys(&e, "--code", NULL, "cannot open the code folder %s", code);
        return complain(&l, &e);
    }
    l.code = real;
    if (profile_load(l.profiles_dir, l.profile, -1, &l.base, &e) < 0)
        return complain(&l, &e);
    snprintf(l.top, sizeof l.top, "%.30s/enclos-learn-XXXXXX", tmp && strlen(tmp) <= 30 && tmp[0] == '/' ? tmp : "/tmp");
    if (!mkdtemp(l.top)) {
        err_sys(&e, "run", "set TMPDIR to a folder with room", "cannot make a folder %s", l.top);
    } else {
        if (geteuid() == 0 && chmod(l.top, 0711) < 0) /* the owner of the code reaches its run folder */
            err_sys(&e, "run", NULL, "cannot prepare %s", l.top);
        else
            rc = learn_and_tell(&l, &e);
        remove_tree(AT_FDCWD, l.top);
    }
    profile_free(l.base);
    return rc < 0 ? complain(&l, &e) : rc;
}
