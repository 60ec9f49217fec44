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
#include "runner/profile_learn.h"
#include "runner/host.h"
#include "runner/profile.h"

#include "api/common/fd.h"
#include "api/common/json.h"
#include "api/common/mem.h"
#include "api/common/runfolder.h"
#include "api/common/text.h"
#include "runner/profile_rules.h"
#include "runner/spec.h"
#include "runner/syscalls.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RUNS_DEFAULT = 12, TIME_DEFAULT_S = 600, OUTPUT_MAX = 4 << 20 };

/* ---- one run ---- */

static void put_spec(const struct learning *l, const char *run, bool learns, size_t without,
                     struct jw *w)
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
            jw_str_at(w, "name", learn_name(&l->call[i]));
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
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            unlinkat(fd, entry->d_name, 0) < 0)
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
        signal(SIGINT, SIG_DFL);
        signal(SIGTERM, SIG_DFL);
        /* What the command says goes beside our answer, or nowhere when it has been said already. */
        int null = quiet ? open("/dev/null", O_WRONLY | O_CLOEXEC) : -1;
        if (dup2(quiet ? null : STDERR_FILENO, STDOUT_FILENO) < 0 ||
            (quiet && dup2(null, STDERR_FILENO) < 0))
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
    *out = (struct call){.nr = (int)json_int(json_get(v, "number"), -1),
                         .count = json_int(json_get(v, "count"), 0)};
    for (const struct json *a = json_first(json_get(v, "args")); a && i < 6; a = json_next(a))
        out->args[i++] = strtoull(json_str(a) ? json_str(a) : "0", NULL, 16);
    const char *detail = json_str(json_get(v, "detail")), *name = json_str(json_get(v, "errno")),
               *by = json_str(json_get(v, "by"));
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
            if (!l->call[i].setting && l->call[i].nr == c.nr &&
                strcmp(l->call[i].detail, c.detail) == 0)
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
    const char *verdict = json_str(json_get(record, "verdict")),
               *reason = json_str(json_get(record, "reason")),
               *hint = json_str(json_get(json_get(record, "failed"), "hint"));
    snprintf(l->verdict, sizeof l->verdict, "%s", verdict ? verdict : "");
    snprintf(l->reason, sizeof l->reason, "%s", reason ? reason : "");
    snprintf(l->hint, sizeof l->hint, "%s", hint ? hint : "");
    *succeeded = strcmp(l->verdict, "succeeded") == 0;
    if (strcmp(l->verdict, "setup_failed") == 0 || strcmp(l->verdict, "exec_failed") == 0 ||
        strcmp(l->verdict, "cancelled") == 0)
        return err_set(e, E_INVALID, "run", l->hint, "%s: %s", l->verdict, l->reason);
    for (const struct json *v = json_first(json_get(record, "learned")); first && v;
         v = json_next(v))
        if (!json_bool(json_get(v, "let"), false) && l->refused_count < REFUSED_MAX)
            read_call(v, &l->refused[l->refused_count++]);
    if (first || *succeeded)
        keep_calls(l, json_get(record, "learned"));
    return 0;
}

/* `without`: index of a call that is withheld besides the needless ones; -1: none. */
static int run(struct learning *l, bool learns, size_t without, bool quiet, bool first,
               bool *succeeded, struct err *e)
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
        return err_sys(e, "run", "set TMPDIR to a folder with room", "cannot make the folder %s",
                       folder);
    AUTO_FD int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    /* As root the run's folder is given to who owns the code, as a lab owns both. */
    if (fd < 0 || (geteuid() == 0 && l->code &&
                   (stat(l->code, &owner) < 0 || fchown(fd, owner.st_uid, owner.st_gid) < 0)))
        return err_sys(e, "run", NULL, "cannot prepare %s", folder);
    if (fd_replace_file(fd, RUNFOLDER_SPEC, spec.data, spec.len, 0644, e) < 0 ||
        start(l, folder, quiet, e) < 0)
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
    fprintf(stderr, "enclos-runner: learning, run %d of at most %d: %s\n", l->runs + 1, l->runs_max,
            what);
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
        inet |= learn_is_inet(&l->call[i]);
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
        snprintf(what, sizeof what, l->call[i].setting ? "without %s%s" : "without %s(%s)",
                 learn_name(&l->call[i]), l->call[i].detail);
        note(l, what);
        if (run(l, true, i, true, false, &succeeded, e) < 0)
            return -1;
        l->call[i].needless |= succeeded;
    }
    return 1;
}

/* ---- the answer ---- */

static void put_call(struct jw *w, const struct call *c)
{
    jw_obj(w);
    jw_str_at(w, "name", learn_name(c));
    jw_str_at(w, "detail", c->detail);
    jw_bool_at(w, "setting", c->setting != NULL);
    jw_str_at(w, "errno", c->os_errno);
    jw_int_at(w, "count", c->count);
    jw_str_at(w, "by", c->by[0] ? c->by : NULL);
    jw_str_at(w, "hint", syscalls_hint(c->nr));
    jw_str_at(w, "hint_fr", syscalls_hint_fr(c->nr));
    jw_str_at(w, "risk", learn_risk(c, false)[0] ? learn_risk(c, false) : NULL);
    jw_str_at(w, "risk_fr", learn_risk(c, true)[0] ? learn_risk(c, true) : NULL);
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
        if (learn_is_needed(&l->call[i]))
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
        fprintf(stderr,
                "enclos-runner: it fails while learning too (%s); what follows was asked for, and "
                "is not proved to be needed\n",
                l->reason);
    for (size_t i = 0; i < l->refused_count; i++)
        fprintf(stderr, "enclos-runner: refused even while learning: %s(%s)%s%s\n",
                syscalls_name(l->refused[i].nr), l->refused[i].detail,
                learn_risk(&l->refused[i], false)[0] ? ": " : "",
                learn_risk(&l->refused[i], false));
    fputs(text, stdout);
}

/* ---- the command ---- */

static int usage(void)
{
    fputs("usage: enclos-runner profile learn [--profile NAME] [--code DIR | --no-code] [--time "
          "SECONDS] [--memory BYTES]\n"
          "                                   [--runs N] [--cgroup PATH] [--profiles DIR] [--json] "
          "[--] COMMAND...\n"
          "\n"
          "Runs the command in sandboxes of its own and prints the smallest addition to the "
          "profile that it needs. It sees\n"
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
                 !(strcmp(argv[i], "--memory") == 0 &&
                   read_number(value, 16 << 20, UINT64_C(1) << 42, &l->memory_bytes)) &&
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
        any |= learn_is_needed(&l->call[i]);
    if (result < 0 || (any && learn_write(l, &text, e) < 0))
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
    struct learning l = {
        .profile = "base", .time_s = TIME_DEFAULT_S, .memory_bytes = INT64_C(2) << 30};
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
    snprintf(l.top, sizeof l.top, "%.30s/enclos-learn-XXXXXX",
             tmp && strlen(tmp) <= 30 && tmp[0] == '/' ? tmp : "/tmp");
    /* Ctrl-C stops the run, which its monitor tells; we go on to take our folders away. */
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    if (!mkdtemp(l.top)) {
        err_sys(&e, "run", "set TMPDIR to a folder with room", "cannot make a folder %s", l.top);
    } else {
        if (geteuid() == 0 &&
            chmod(l.top, 0711) < 0) /* the owner of the code reaches its run folder */
            err_sys(&e, "run", NULL, "cannot prepare %s", l.top);
        else
            rc = learn_and_tell(&l, &e);
        remove_tree(AT_FDCWD, l.top);
    }
    profile_free(l.base);
    return rc < 0 ? complain(&l, &e) : rc;
}
