/*
 * options.c - the command line of enclosd: one table of options, help made from it, defaults.
 *
 * Called by main() before anything else. May not touch files other than to ask the machine's size.
 */
#include "orchestrator/options.h"
#include "api/common/version.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include <getopt.h>
#include <limits.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum opt_id {
    OPT_STATE = 1,
    OPT_SOCKET,
    OPT_USER,
    OPT_CPUS,
    OPT_MEMORY,
    OPT_CGROUP,
    OPT_PROFILES,
    OPT_LIMITS,
    OPT_PROXY_HOSTS,
    OPT_TIDY,
    OPT_GRANT_ADMIN,
    OPT_LOG_LEVEL,
    OPT_HELP,
    OPT_VERSION,
};

static const struct {
    const char *name, *value, *help;
    enum opt_id id;
} rows[] = {
    {"state", "DIR", "state folder (root: /var/lib/enclos; user: $XDG_STATE_HOME/enclos)",
     OPT_STATE},
    {"socket", "PATH",
     "socket (root: /run/enclos/enclos.sock; user: $XDG_RUNTIME_DIR/enclos/enclos.sock)",
     OPT_SOCKET},
    {"user", "NAME",
     "as root: account that the lab drops to (default: owner of the state, else enclos)", OPT_USER},
    {"cpus", "N", "CPUs that runs may use together (default: all of this machine)", OPT_CPUS},
    {"memory", "SIZE",
     "memory that runs may use together (default: all but 1/8, at least 512M, of it)", OPT_MEMORY},
    {"cgroup", "PATH", "delegated control group, relative to each hierarchy's mount", OPT_CGROUP},
    {"profiles", "DIR", "folder of sandbox profiles (default: the installed ones)", OPT_PROFILES},
    {"limits", "MODE",
     "limits of runs that do not say: enforced, or best-effort (default: enforced)", OPT_LIMITS},
    {"proxy-hosts", "FILE",
     "as /etc/hosts, for the proxies of runs: names in it are asked of no name server", OPT_PROXY_HOSTS},
    {"tidy-every", "TIME", "how often unused trees and old keys are looked for (default: 10m)",
     OPT_TIDY},
    {"grant-admin", NULL, "make whoever starts it admin again, when no admin can be reached", OPT_GRANT_ADMIN},
    {"log-level", "LEVEL", "debug, info, warn or error (default: info)", OPT_LOG_LEVEL},
    {"help", NULL, "print this and exit", OPT_HELP},
    {"version", NULL, "print the version and exit", OPT_VERSION},
};
enum { ROW_COUNT = sizeof rows / sizeof *rows };
enum { TIDY_MS = 600 * 1000, TIDY_MIN_MS = 1000, TIDY_MAX_MS = 86400 * 1000 };

static void print_help(FILE *f)
{
    fputs(
        "usage: enclosd [--state DIR] [--socket PATH] [options]\n"
        "       enclosd restore FILE [--state DIR] [--user NAME]\n\n"
        "The daemon of an Enclos laboratory. As root it gives up its rights once the launcher of\n"
        "sandboxes is started; as a user it is a private, rootless lab.\n\n",
        f);
    for (int i = 0; i < ROW_COUNT; i++) {
        char left[40];
        snprintf(left, sizeof left, "--%s%s%s", rows[i].name, rows[i].value ? " " : "",
                 rows[i].value ? rows[i].value : "");
        fprintf(f, "  %-18s %s\n", left, rows[i].help);
    }
    fputs("\nIt stays in the foreground, logs one JSON object a line on standard error, and stops "
          "in\n"
          "order on SIGTERM or SIGINT; runs go on and are adopted at the next start. `enclosd restore`\n"
          "makes a state folder of a backup (enclos backup). See enclosd(8).\n",
          f);
}

static char *absolute(const char *path)
{
    if (path[0] == '/')
        return mem_strdup(path);
    char cwd[PATH_MAX];
    if (!getcwd(cwd, sizeof cwd))
        return mem_strdup(path);
    return mem_printf("%s/%s", cwd, path);
}

static void set_path(char **slot, const char *path)
{
    mem_free_at(slot);
    *slot = absolute(path);
}

/* $VAR if it is an absolute path (the XDG rule), else $HOME/rest, else NULL. */
static char *xdg(const char *var, const char *rest)
{
    const char *v = getenv(var);
    if (v && v[0] == '/')
        return mem_strdup(v);
    const char *home = getenv("HOME");
    if (rest && home && home[0] == '/')
        return mem_printf("%s/%s", home, rest);
    return NULL;
}

static void set_capacity(struct options *o)
{
    if (!o->cpus_milli) {
        long n = sysconf(_SC_NPROCESSORS_ONLN);
        o->cpus_milli = (n > 0 ? n : 1) * 1000;
    }
    if (!o->memory_bytes) {
        int64_t all = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
        int64_t kept = all / 8 > (512 << 20) ? all / 8 : (512 << 20);
        o->memory_bytes = all - kept > (256 << 20) ? all - kept : 256 << 20;
    }
}

static int set_paths(struct options *o)
{
    if (o->as_root) {
        if (!o->state_dir)
            o->state_dir = mem_strdup("/var/lib/enclos");
        if (!o->socket_path)
            o->socket_path = mem_strdup("/run/enclos/enclos.sock");
        return 0;
    }
    if (!o->state_dir) {
        AUTO_FREE char *base = xdg("XDG_STATE_HOME", ".local/state");
        if (!base) {
            fputs("enclosd: no place for the state: set --state DIR (neither XDG_STATE_HOME nor "
                  "HOME is set)\n",
                  stderr);
            return -1;
        }
        o->state_dir = mem_printf("%s/enclos", base);
    }
    if (!o->socket_path) {
        AUTO_FREE char *base = xdg("XDG_RUNTIME_DIR", NULL);
        o->socket_path = base ? mem_printf("%s/enclos/enclos.sock", base)
                              : mem_printf("/tmp/enclos-%u/enclos.sock", (unsigned)getuid());
    }
    return 0;
}

static int set_runner(struct options *o)
{
    char exe[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (n <= 0) {
        perror("enclosd: cannot tell where this program stands (/proc/self/exe)");
        return -1;
    }
    exe[n] = 0;
    char *replaced = strstr(exe, " (deleted)"); /* by another version, which stands at the same place */
    if (replaced)
        *replaced = 0;
    o->self_path = mem_strdup(exe);
    *strrchr(exe, '/') = 0;
    o->runner_path = mem_printf("%s/enclos-runner", exe);
    return 0;
}

static int usage_error(const struct err *e)
{
    fprintf(stderr, "enclosd: %s%s%s\n", e->message, e->hint[0] ? "; " : "", e->hint);
    return -1;
}

static int take(struct options *o, enum opt_id id, const char *value)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    struct err e = {0};
    uint64_t bytes;

    switch (id) {
    case OPT_STATE: set_path(&o->state_dir, value); return 0;
    case OPT_SOCKET: set_path(&o->socket_path, value); return 0;
    case OPT_USER:
        mem_free_at(&o->user);
        o->user = mem_strdup(value);
        return 0;
    case OPT_CPUS:
        return text_cpus_milli(value, "--cpus", &o->cpus_milli, &e) < 0 ? usage_error(&e) : 0;
    case OPT_MEMORY:
        if (text_size_bytes(value, "--memory", &bytes, &e) < 0)
            return usage_error(&e);
        if (bytes < (16 << 20) || bytes > (1ULL << 50)) {
            fprintf(stderr, "enclosd: --memory %s is outside 16M..1024T\n", value);
            return -1;
        }
        o->memory_bytes = (int64_t)bytes;
        return 0;
    case OPT_CGROUP:
        mem_free_at(&o->cgroup);
        o->cgroup = mem_strdup(value);
        return 0;
    case OPT_PROFILES:
        set_path(&o->profiles_dir, value);
        if (access(value, R_OK | X_OK) == 0)
            return 0;
        err_sys(&e, "--profiles", NULL, "--profiles %s", value);
        return usage_error(&e);
    case OPT_LIMITS:
        o->best_effort = !strcmp(value, "best-effort") || !strcmp(value, "best_effort");
        if (o->best_effort || !strcmp(value, "enforced"))
            return 0;
        fprintf(stderr, "enclosd: --limits %s: enforced or best-effort\n", value);
        return -1;
    case OPT_PROXY_HOSTS:
        set_path(&o->proxy_hosts, value);
        if (access(value, R_OK) == 0)
            return 0;
        err_sys(&e, "--proxy-hosts", NULL, "--proxy-hosts %s", value);
        return usage_error(&e);
    case OPT_TIDY:
        if (text_duration_ms(value, "--tidy-every", &o->tidy_ms, &e) < 0)
            return usage_error(&e);
        if (o->tidy_ms >= TIDY_MIN_MS && o->tidy_ms <= TIDY_MAX_MS)
            return 0;
        fprintf(stderr, "enclosd: --tidy-every %s is outside 1s..1d\n", value);
        return -1;
    case OPT_LOG_LEVEL:
        for (int i = 0; i < 4; i++)
            if (!strcmp(value, levels[i])) {
                o->log_level = (enum log_level)i;
                return 0;
            }
        fprintf(stderr, "enclosd: --log-level %s: debug, info, warn or error\n", value);
        return -1;
    case OPT_GRANT_ADMIN: o->grant_admin = true; return 0;
    case OPT_HELP:
    case OPT_VERSION: break;
    }
    return 0;
}

enum options_result options_read(struct options *o, int argc, char **argv)
{
    struct option longs[ROW_COUNT + 1] = {0};
    *o = (struct options){
        .log_level = LOG_INFO_LEVEL, .as_root = geteuid() == 0, .tidy_ms = TIDY_MS};
    for (int i = 0; i < ROW_COUNT; i++)
        longs[i] = (struct option){rows[i].name, rows[i].value ? required_argument : no_argument,
                                   NULL, (int)rows[i].id};
    for (;;) {
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread yet */
        int c = getopt_long(argc, argv, "", longs, NULL);
        if (c == -1)
            break;
        if (c == OPT_HELP) {
            print_help(stdout);
            return OPTIONS_EXIT_OK;
        }
        if (c == OPT_VERSION) {
            puts("enclosd " ENCLOS_VERSION);
            return OPTIONS_EXIT_OK;
        }
        if (c == '?' || take(o, (enum opt_id)c, optarg) < 0)
            return OPTIONS_EXIT_USAGE;
    }
    if (optind < argc) {
        fprintf(stderr, "enclosd: %s is not an option; see enclosd --help\n", argv[optind]);
        return OPTIONS_EXIT_USAGE;
    }
    if (o->user && !o->as_root) {
        fputs("enclosd: --user is for a lab started as root; leave it out\n", stderr);
        return OPTIONS_EXIT_USAGE;
    }
    if (set_paths(o) < 0 || set_runner(o) < 0)
        return OPTIONS_EXIT_USAGE;
    set_capacity(o);
    return OPTIONS_RUN;
}

void options_fini(struct options *o)
{
    mem_free_at(&o->state_dir);
    mem_free_at(&o->socket_path);
    mem_free_at(&o->user);
    mem_free_at(&o->cgroup);
    mem_free_at(&o->profiles_dir);
    mem_free_at(&o->runner_path);
    mem_free_at(&o->self_path);
    mem_free_at(&o->proxy_hosts);
}
