/*
 * profile_main.c - `enclos-runner profile list | show NAME | check FILE`: profiles for people.
 *
 * Reads and prints; runs as whoever asks and changes nothing. The orchestrator asks
 * `profile list --json` for what it offers.
 */
#include "runner/profile.h"

#include "api/common/buf.h"
#include "api/common/fd.h"
#include "api/common/json.h"
#include "api/common/mem.h"
#include "runner/profile_keys.h"
#include "runner/profile_rules.h"
#include "runner/profile_words.h"
#include "runner/syscalls.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <unistd.h>

enum { OUTPUT_MAX = 8 << 20, TEXT_MAX = 256 << 10, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

struct options {
    const char *dir; /* --profiles */
    const char *name;
    const char *other; /* the second profile of diff */
    const char *as;    /* --name, for a text from standard input */
    bool json;
    bool effective;
};

static int usage(FILE *to)
{
    fputs(
        "usage: enclos-runner profile list [--json] [--profiles DIR]\n"
        "       enclos-runner profile show NAME [--effective] [--json] [--profiles DIR]\n"
        "       enclos-runner profile diff NAME NAME [--json] [--profiles DIR]\n"
        "       enclos-runner profile learn [options] -- COMMAND...\n"
        "       enclos-runner profile check FILE.jsonc [--json] [--profiles DIR]\n"
        "       enclos-runner profile check - --name NAME [--json] [--profiles DIR]\n"
        "\n"
        "list   the profiles of this lab, and which are valid\n"
        "show   what a profile does; --effective lists every system call, where it is decided and "
        "why\n"
        "diff   what each of two profiles allows that the other refuses\n"
        "check  says whether a file is a valid profile (what it extends is looked for beside it, then in "
        "this lab)\n",
        to);
    return to == stdout ? 0 : EXIT_USAGE;
}

static const char *landlock_word(const struct profile *p)
{
    return p->landlock == PROFILE_LANDLOCK_REQUIRED ? "required" : "if_available";
}

static const char *network_word(const struct profile *p)
{
    return keys_network_word(p);
}

static const char *proc_word(const struct profile *p)
{
    return p->proc == PROFILE_PROC_MINIMAL ? "minimal" : "hidepid";
}

static const char *kind_word(enum rule_kind k)
{
    static const char *const words[] = {
        [RULE_ALLOW] = "allow",         [RULE_ALLOW_IF] = "allow_if", [RULE_ERRNO] = "errno",
        [RULE_REFUSE_IF] = "refuse_if", [RULE_REFUSE] = "refuse",
    };
    return words[k];
}

static const char *errno_word(int os_errno)
{
    return os_errno == 0 ? "0" : err_errno_name(os_errno);
}

/* ---- JSON ---- */

static void json_error(struct jw *w, const struct err *e)
{
    jw_obj_at(w, "error");
    jw_str_at(w, "kind", err_kind_name(e->kind));
    jw_str_at(w, "field", e->field);
    jw_str_at(w, "message", e->message);
    jw_str_at(w, "hint", e->hint);
    jw_end_obj(w);
}

static void json_strings(struct jw *w, const char *key, char *const *list, size_t count)
{
    jw_arr_at(w, key);
    for (size_t i = 0; i < count; i++)
        jw_str(w, list[i]);
    jw_end_arr(w);
}

static void json_paths(struct jw *w, const char *key, char *const *list, size_t count)
{
    jw_arr_at(w, key);
    for (size_t i = 0; i < count; i++) {
        AUTO_FREE char *path = mem_printf("/dev/%s", list[i]);
        jw_str(w, path);
    }
    jw_end_arr(w);
}

static void json_devices(struct jw *w, const struct profile *p)
{
    jw_arr_at(w, "devices");
    for (size_t i = 0; i < p->device_set_count; i++) {
        const struct profile_devices *d = &p->devices[i];
        jw_obj(w);
        jw_str_at(w, "set", d->set);
        json_paths(w, "need", d->need, d->need_count);
        json_paths(w, "may", d->may, d->may_count);
        json_strings(w, "drivers", d->driver, d->driver_count);
        jw_str_at(w, "why", d->why);
        jw_str_at(w, "why_fr", d->why_fr);
        jw_end_obj(w);
    }
    jw_end_arr(w);
}

static void json_reasons(struct jw *w, const struct profile *p)
{
    jw_arr_at(w, "reasons");
    for (size_t i = 0; i < p->reason_count; i++) {
        jw_obj(w);
        jw_str_at(w, "key", p->reasons[i].key);
        jw_str_at(w, "why", p->reasons[i].why);
        jw_str_at(w, "why_fr", p->reasons[i].why_fr);
        jw_str_at(w, "file", p->reasons[i].file);
        jw_int_at(w, "line", p->reasons[i].line);
        jw_end_obj(w);
    }
    jw_end_arr(w);
}

static void json_summary(struct jw *w, const struct profile *p)
{
    jw_bool_at(w, "valid", true);
    jw_str_at(w, "title", p->title);
    jw_str_at(w, "title_fr", p->title_fr);
    json_strings(w, "extends", p->extends, p->extends_count);
    jw_str_at(w, "landlock", landlock_word(p));
    jw_int_at(w, "landlock_min_abi", p->landlock_min_abi);
    jw_str_at(w, "network", network_word(p));
    if (p->network == PROFILE_NETWORK_PROXY)
        json_strings(w, "allow_hosts", p->allow_hosts, p->allow_host_count);
    jw_str_at(w, "proc", proc_word(p));
    jw_bool_at(w, "exec_memory", p->exec_memory);
    jw_str_at(w, "exec", p->exec == PROFILE_EXEC_ONCE ? "once" : "any");
    json_devices(w, p);
    jw_bool_at(w, "file_locks", p->file_locks);
    jw_int_at(w, "syscalls_allowed", (int64_t)p->syscalls_allowed);
    jw_str_at(w, "filter", p->filter.digest);
    jw_str_at(w, "digest", p->digest);
}

static void json_rule(struct jw *w, const struct profile_rule *rule)
{
    char hex[24];
    jw_obj(w);
    jw_str_at(w, "name", syscalls_name(rule->nr));
    jw_int_at(w, "number", rule->nr);
    jw_str_at(w, "rule", kind_word(rule->kind));
    if (rule->kind >= RULE_ERRNO)
        jw_str_at(w, "errno", errno_word(rule->os_errno));
    if (rule->group != NULL)
        jw_str_at(w, "group", rule->group);
    if (rule->arg_count > 0) {
        jw_arr_at(w, "args");
        for (size_t a = 0; a < rule->arg_count; a++) {
            jw_obj(w);
            jw_int_at(w, "index", rule->arg[a].index);
            snprintf(hex, sizeof hex, "0x%llx", (unsigned long long)rule->arg[a].mask);
            jw_str_at(w, "mask", hex);
            jw_arr_at(w, "values");
            for (size_t v = 0; v < rule->arg[a].value_count; v++) {
                snprintf(hex, sizeof hex, "0x%llx", (unsigned long long)rule->arg[a].values[v]);
                jw_str(w, hex);
            }
            jw_end_arr(w);
            jw_end_obj(w);
        }
        jw_end_arr(w);
    }
    jw_str_at(w, "why", rule->why);
    jw_str_at(w, "file", rule->source->file);
    jw_int_at(w, "line", rule_line(rule));
    jw_end_obj(w);
}

static void json_profile(struct jw *w, const struct profile *p, bool effective)
{
    jw_obj(w);
    jw_str_at(w, "name", p->name);
    jw_str_at(w, "file", p->file);
    json_summary(w, p);
    jw_obj_at(w, "env");
    for (size_t i = 0; i < p->env_count; i++)
        jw_str_at(w, p->env[i].name, p->env[i].value);
    jw_end_obj(w);
    json_strings(w, "host_env", p->host_env, p->host_env_count);
    json_strings(w, "thread_env", p->thread_env, p->thread_env_count);
    if (effective) {
        jw_arr_at(w, "syscalls");
        for (size_t i = 0; i < p->rules->count; i++)
            json_rule(w, &p->rules->rule[i]);
        jw_end_arr(w);
        jw_arr_at(w, "entries");
        words_entries(w, p);
        jw_end_arr(w);
        json_reasons(w, p);
        jw_obj_at(w, "risks"); /* what allowing a call gives away, of those that are allowed */
        for (int nr = 0; nr < SYSCALLS_END; nr++)
            if (syscalls_risk(nr)[0] != '\0' && rules_allows(p->rules, nr))
                jw_str_at(w, syscalls_name(nr), syscalls_risk(nr));
        jw_end_obj(w);
    }
    jw_end_obj(w);
}

static int print(struct buf *out)
{
    buf_add_char(out, '\n');
    if (out->failed || fwrite(out->data, 1, out->len, stdout) != out->len || fflush(stdout) != 0) {
        fputs("enclos-runner: cannot write the answer\n", stderr);
        return EXIT_REFUSED;
    }
    return 0;
}

static int told(const struct err *e)
{
    fprintf(stderr, "enclos-runner: %s\n", e->message);
    if (e->hint[0] != '\0')
        fprintf(stderr, "  hint: %s\n", e->hint);
    return EXIT_REFUSED;
}

/* ---- commands ---- */

static void list_json(struct jw *w, const char *dir, const char *name, const struct profile *p,
                      const struct err *e)
{
    AUTO_FREE char *file = mem_printf("%s/%s.jsonc", dir, name);
    jw_obj(w);
    jw_str_at(w, "name", name);
    jw_str_at(w, "file", file);
    if (p != NULL) {
        json_summary(w, p);
    } else {
        jw_bool_at(w, "valid", false);
        json_error(w, e);
    }
    jw_end_obj(w);
}

static int cmd_list(const struct options *o)
{
    struct err e = {0};
    char **names = NULL;
    size_t count = 0;
    if (profile_names(o->dir, &names, &count, &e) < 0)
        return told(&e);
    AUTO_BUF struct buf out = BUF_INIT(OUTPUT_MAX);
    struct jw w = jw_to(&out);
    if (o->json) {
        jw_obj(&w);
        jw_arr_at(&w, "profiles");
    }
    for (size_t i = 0; i < count; i++) {
        AUTO_PROFILE struct profile *p = NULL;
        struct err wrong = {0};
        int rc = profile_load(o->dir, names[i], -1, &p, &wrong);
        if (o->json)
            list_json(&w, o->dir, names[i], p, &wrong);
        else if (rc == 0)
            printf("%-16s %s\n", names[i], p->title);
        else
            printf("%-16s INVALID: %s\n", names[i], wrong.message);
    }
    profile_names_free(names, count);
    if (!o->json)
        return 0;
    jw_end_arr(&w);
    jw_end_obj(&w);
    return print(&out);
}

static void show_list(const char *label, char *const *list, size_t count)
{
    printf("%-14s", label);
    for (size_t i = 0; i < count; i++)
        printf("%s%s", i > 0 ? " " : "", list[i]);
    printf("%s\n", count == 0 ? "-" : "");
}

static void show_rules(const struct profile *p)
{
    for (size_t i = 0; i < p->rules->count; i++) {
        const struct profile_rule *rule = &p->rules->rule[i];
        printf("%-24s %-9s %-12s %s:%u  %s\n", syscalls_name(rule->nr), kind_word(rule->kind),
               rule->kind >= RULE_ERRNO ? errno_word(rule->os_errno)
               : rule->group != NULL    ? rule->group
                                        : "",
               rule->source->file, rule_line(rule), rule->why);
    }
}

static int cmd_show(const struct options *o)
{
    struct err e = {0};
    AUTO_PROFILE struct profile *p = NULL;
    if (profile_load(o->dir, o->name, -1, &p, &e) < 0)
        return told(&e);
    if (o->json) {
        AUTO_BUF struct buf out = BUF_INIT(OUTPUT_MAX);
        struct jw w = jw_to(&out);
        json_profile(&w, p, o->effective);
        return print(&out);
    }
    printf("%s\n%s\n\n%-14s%s\n", p->title, p->title_fr, "file", p->file);
    show_list("extends", p->extends, p->extends_count);
    printf("%-14s%s, ABI %u or later\n%-14s%s\n%-14s%s\n%-14s%s\n%-14s%s\n%-14s%zu system calls, "
           "%u instructions, %s\n",
           "landlock", landlock_word(p), p->landlock_min_abi, "network", network_word(p), "proc",
           proc_word(p), "exec memory", p->exec_memory ? "allowed" : "refused", "file locks",
           p->file_locks ? "allowed" : "refused", "filter", p->syscalls_allowed, p->filter.count,
           p->filter.digest);
    for (size_t i = 0; i < p->env_count; i++)
        printf("%-14s%s=%s\n", i == 0 ? "env" : "", p->env[i].name, p->env[i].value);
    show_list("allow hosts", p->allow_hosts, p->allow_host_count);
    show_list("host env", p->host_env, p->host_env_count);
    show_list("thread env", p->thread_env, p->thread_env_count);
    if (o->effective) {
        putchar('\n');
        show_rules(p);
    }
    return 0;
}

/* The text of FILE, or of standard input for "-", and where what it extends may lie: beside it, then in the lab. */
static int load_text(const struct options *o, struct profile **out, struct err *e)
{
    AUTO_BUF struct buf text = BUF_INIT(TEXT_MAX);
    AUTO_FREE char *path = mem_strdup(o->name);
    bool input = strcmp(o->name, "-") == 0;
    char *slash = strrchr(path, '/');
    char *base = slash != NULL ? slash + 1 : path;
    const char *dir = slash == NULL ? "." : slash == path ? "/" : path;
    if (slash != NULL)
        *slash = '\0';
    size_t len = strlen(base);
    if (!input && (len < 7 || strcmp(base + len - 6, ".jsonc") != 0))
        return err_set(e, E_INVALID, "file", "name it NAME.jsonc", "%s is not named like a profile", base);
    if (!input)
        base[len - 6] = '\0';
    AUTO_FD int fd = input ? dup(STDIN_FILENO) : open(o->name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "file", NULL, "cannot open %s", o->name);
    if (fd_read_all(fd, TEXT_MAX, &text, o->name, e) < 0)
        return -1;
    return profile_load_text(input ? o->dir : dir, input ? NULL : o->dir, input ? o->as : base, buf_cstr(&text),
                             text.len, out, e);
}

static int cmd_check(const struct options *o)
{
    struct err e = {0};
    AUTO_PROFILE struct profile *p = NULL;
    if (load_text(o, &p, &e) == 0 && !o->json)
        printf("%s is valid: %zu system calls allowed\n", o->name, p->syscalls_allowed);
    if (!o->json)
        return p != NULL ? 0 : told(&e);
    AUTO_BUF struct buf out = BUF_INIT(OUTPUT_MAX);
    struct jw w = jw_to(&out);
    jw_obj(&w);
    jw_str_at(&w, "file", o->name);
    if (p != NULL) {
        jw_str_at(&w, "name", p->name);
        json_summary(&w, p);
    } else {
        jw_bool_at(&w, "valid", false);
        json_error(&w, &e);
    }
    jw_end_obj(&w);
    int rc = print(&out);
    return p != NULL ? rc : EXIT_REFUSED;
}

static int cmd_diff(const struct options *o)
{
    struct err e = {0};
    AUTO_PROFILE struct profile *a = NULL;
    AUTO_PROFILE struct profile *b = NULL;
    if (profile_load(o->dir, o->name, -1, &a, &e) < 0 || profile_load(o->dir, o->other, -1, &b, &e) < 0)
        return told(&e);
    AUTO_BUF struct buf out = BUF_INIT(OUTPUT_MAX);
    struct jw w = jw_to(&out);
    words_diff(&w, a, b);
    return print(&out);
}

static const struct command {
    const char *name;
    bool takes_name;
    bool takes_dir;
    bool takes_effective;
    int (*run)(const struct options *o);
} commands[] = {
    {"list", false, true, false, cmd_list},
    {"show", true, true, true, cmd_show},
    {"diff", true, true, false, cmd_diff},
    {"check", true, true, false, cmd_check},
};

int profile_main(int argc, char **argv)
{
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
        return usage(stdout);
    if (argc > 1 && strcmp(argv[1], "learn") == 0)
        return profile_learn_main(argc - 1, argv + 1);
    const struct command *cmd = NULL;
    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            cmd = &commands[i];
    if (cmd == NULL)
        return usage(stderr);
    struct options o = {0};
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            o.json = true;
        else if (strcmp(argv[i], "--effective") == 0 && cmd->takes_effective)
            o.effective = true;
        else if (strcmp(argv[i], "--profiles") == 0 && cmd->takes_dir && i + 1 < argc)
            o.dir = argv[++i];
        else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return usage(stdout);
        else if (strcmp(argv[i], "--name") == 0 && cmd->run == cmd_check && i + 1 < argc)
            o.as = argv[++i];
        else if ((argv[i][0] != '-' || strcmp(argv[i], "-") == 0) && cmd->takes_name && o.name == NULL)
            o.name = argv[i];
        else if (argv[i][0] != '-' && cmd->run == cmd_diff && o.other == NULL)
            o.other = argv[i];
        else
            return usage(stderr);
    }
    if ((cmd->takes_name && o.name == NULL) || (cmd->run == cmd_diff && o.other == NULL) ||
        (o.name != NULL && strcmp(o.name, "-") == 0 && (cmd->run != cmd_check || o.as == NULL)))
        return usage(stderr);
    AUTO_FREE char *found = NULL;
    if (o.dir == NULL && cmd->takes_dir) {
        struct err e = {0};
        if (profile_default_dir(&found, &e) < 0)
            return told(&e);
        o.dir = found;
    }
    return cmd->run(&o);
}
