/*
 * spec.c - reads spec.json into struct spec. Called by the monitor before it makes anything; knows
 * nothing of sandboxes.
 */
#include "runner/spec.h"

#include "api/common/attach.h"
#include "api/common/fd.h"
#include "api/common/json.h"
#include "api/common/mem.h"
#include "api/common/runfolder.h"
#include "api/common/text.h"

#include <string.h>

enum { COMMAND_MAX_BYTES = 128 << 10, ENV_MAX_BYTES = 64 << 10 };

#define GIB (INT64_C(1) << 30)

/* The resources table: one row a key, all required. */
static const struct {
    const char *key;
    size_t offset;
    int64_t min, max;
} resource_rows[] = {
#define ROW(k, lo, hi) {#k, offsetof(struct spec_resources, k), (lo), (hi)}
    ROW(cpus_milli, 10, 1024000),
    ROW(memory_bytes, 4 << 20, 4096 * GIB), /* less, and the set-up itself is killed */
    ROW(processes, 1, 4 << 20),
    ROW(wall_ms, 1, INT64_C(366) * 24 * 3600 * 1000),
    ROW(cpu_ms, 0, INT64_C(366) * 24 * 3600 * 1000),
    ROW(grace_ms, 0, 3600 * 1000),
    ROW(work_bytes, 4096, 4096 * GIB),
    ROW(tmp_bytes, 4096, 4096 * GIB),
    ROW(output_bytes, 4096, 4096 * GIB),
    ROW(output_files, 1, 10 * 1000 * 1000),
    ROW(log_bytes, 4096, 16 * GIB),
    ROW(output_disk, 0, 1), /* optional: 0 */
#undef ROW
};

static const char *const spec_keys[] = {"version", "run",       "command", "env",          "profile", "code",
                                        "datasets", "resources", "limits",  "report_paths", "interactive", "warm",
                                        "environment", "learn", "seed", NULL};

bool spec_env_name_allowed(const char *name)
{
    static const char *const own[] = {"HOME", "TMPDIR", "USER", "LOGNAME", "PWD", NULL};
    if (strncmp(name, "ENCLOS_", 7) == 0 || strncmp(name, "LD_", 3) == 0)
        return false;
    for (size_t i = 0; own[i]; i++)
        if (strcmp(name, own[i]) == 0)
            return false;
    return true;
}

static bool is_env_name(const char *s)
{
    if (!((*s >= 'A' && *s <= 'Z') || (*s >= 'a' && *s <= 'z') || *s == '_'))
        return false;
    for (; *s; s++)
        if (!((*s >= 'A' && *s <= 'Z') || (*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9') ||
              *s == '_'))
            return false;
    return true;
}

static int read_command(const struct json *root, struct spec *out, struct err *e)
{
    const struct json *list = NULL;
    if (json_opt_array(root, "", "command", SPEC_MAX_ARGS, &list, e) < 0)
        return -1;
    if (!list || json_count(list) == 0)
        return err_set(e, E_INVALID, "command", "give the program and its arguments",
                       "command is missing or empty");
    out->command = arena_alloc(out->arena, (json_count(list) + 1) * sizeof(char *));
    size_t total = 0;
    for (const struct json *v = json_first(list); v; v = json_next(v)) {
        const char *s = json_str(v);
        if (!s)
            return err_set(e, E_INVALID, "command", "every argument is a string",
                           "argument %zu of the command is a %s", out->command_count,
                           json_type_name(json_type(v)));
        total += strlen(s) + 1;
        if (total > COMMAND_MAX_BYTES)
            return err_set(e, E_LIMIT, "command", "put long arguments into a file of the code folder",
                           "the command has more than %d bytes", COMMAND_MAX_BYTES);
        out->command[out->command_count++] = arena_strdup(out->arena, s);
    }
    if (out->command[0][0] == '\0')
        return err_set(e, E_INVALID, "command", "give the program's name or path",
                       "the program's name is empty");
    return 0;
}

static int read_env(const struct json *root, struct spec *out, struct err *e)
{
    const struct json *map = NULL;
    if (json_opt_object(root, "", "env", SPEC_MAX_ENV, &map, e) < 0)
        return -1;
    out->env = arena_alloc(out->arena, (json_count(map) + 1) * sizeof(char *));
    size_t total = 0;
    for (const struct json *v = json_first(map); v; v = json_next(v)) {
        const char *name = json_key(v), *value = json_str(v);
        if (!is_env_name(name) || !spec_env_name_allowed(name))
            return err_set(e, E_INVALID, "env", "names are letters, digits and _; the lab sets ENCLOS_*, "
                                                "LD_*, HOME, TMPDIR, USER and PWD itself",
                           "the environment variable %.80s may not be set", name);
        if (!value)
            return err_set(e, E_INVALID, "env", "give a string", "the environment variable %s is a %s",
                           name, json_type_name(json_type(v)));
        total += strlen(name) + strlen(value) + 2;
        if (total > ENV_MAX_BYTES)
            return err_set(e, E_LIMIT, "env", "put long values into a file of the code folder",
                           "the environment has more than %d bytes", ENV_MAX_BYTES);
        out->env[out->env_count++] = arena_printf(out->arena, "%s=%s", name, value);
    }
    return 0;
}

/* Paths of the lab's own trees: absolute and without dot components, so that openat2 with
 * RESOLVE_NO_SYMLINKS finds what the text says. */
static int check_path(const char *path, const char *field, struct err *e)
{
    if (path[0] != '/' || !text_is_rel_path(path + 1))
        return err_set(e, E_INVALID, field, "give an absolute path without . or ..",
                       "%.200s is not a plain absolute path", path);
    return 0;
}

/* "debian@1": a name, and a version of digits. */
static bool is_environment_name(const char *s)
{
    char name[65];
    size_t n = strcspn(s, "@");
    uint64_t version;
    if (n == 0 || n >= sizeof name || s[n] != '@')
        return false;
    memcpy(name, s, n);
    name[n] = '\0';
    return text_is_name(name) && text_u64(s + n + 1, 1, INT64_C(1) << 53, &version) == 0;
}

static int read_environment(const struct json *root, struct spec *out, struct err *e)
{
    static const char *const keys[] = {"name", "digest", "path", NULL};
    const struct json *obj = NULL;
    const char *name = NULL, *digest = NULL, *path = NULL;
    if (json_opt_object(root, "", "environment", 16, &obj, e) < 0)
        return -1;
    if (!obj)
        return 0;
    if (json_only_keys(obj, "environment", keys, e) < 0 ||
        json_need_str(obj, "environment", "name", 3, 85, &name, e) < 0 ||
        json_need_str(obj, "environment", "digest", 64, 64, &digest, e) < 0 ||
        json_need_str(obj, "environment", "path", 2, 4000, &path, e) < 0 ||
        check_path(path, "environment.path", e) < 0)
        return -1;
    if (!is_environment_name(name))
        return err_set(e, E_INVALID, "environment.name", "write NAME@VERSION",
                       "%.80s is not an environment's name", name);
    if (!text_is_sha256(digest))
        return err_set(e, E_INVALID, "environment.digest", "64 lower-case hexadecimal digits",
                       "the environment's digest is no SHA-256");
    out->environment = (struct spec_environment){arena_strdup(out->arena, name), arena_strdup(out->arena, digest),
                                                 arena_strdup(out->arena, path)};
    return 0;
}

static int read_inputs(const struct json *root, struct spec *out, struct err *e)
{
    static const char *const code_keys[] = {"path", NULL};
    static const char *const dataset_keys[] = {"name", "path", NULL};
    const struct json *code = NULL, *list = NULL;
    const char *path = NULL;
    if (json_opt_object(root, "", "code", 16, &code, e) < 0 ||
        json_opt_array(root, "", "datasets", SPEC_MAX_DATASETS, &list, e) < 0)
        return -1;
    if (code) {
        if (json_only_keys(code, "code", code_keys, e) < 0 ||
            json_need_str(code, "code", "path", 2, 4000, &path, e) < 0 ||
            check_path(path, "code.path", e) < 0)
            return -1;
        out->code_path = arena_strdup(out->arena, path);
    }
    for (const struct json *v = json_first(list); v; v = json_next(v)) {
        struct spec_dataset *d = &out->datasets[out->dataset_count];
        const char *name = NULL;
        if (json_only_keys(v, "datasets", dataset_keys, e) < 0 ||
            json_need_str(v, "datasets", "name", 1, 64, &name, e) < 0 ||
            json_need_str(v, "datasets", "path", 2, 4000, &path, e) < 0 ||
            check_path(path, "datasets.path", e) < 0)
            return -1;
        if (!text_is_name(name))
            return err_set(e, E_INVALID, "datasets.name", "use letters, digits, _ . -",
                           "%.80s is not a dataset's name", name);
        for (size_t i = 0; i < out->dataset_count; i++)
            if (strcmp(out->datasets[i].name, name) == 0)
                return err_set(e, E_INVALID, "datasets", "name each dataset once",
                               "the dataset %s is there twice", name);
        d->name = arena_strdup(out->arena, name);
        d->path = arena_strdup(out->arena, path);
        out->dataset_count++;
    }
    return 0;
}

static int read_resources(const struct json *root, struct spec *out, struct err *e)
{
    enum { ROWS = sizeof resource_rows / sizeof *resource_rows };
    const char *keys[ROWS + 1] = {0};
    const struct json *obj = NULL;
    if (json_opt_object(root, "", "resources", 64, &obj, e) < 0)
        return -1;
    if (!obj)
        return err_set(e, E_INVALID, "resources", "every resource is given in spec.json",
                       "resources is missing");
    for (size_t i = 0; i < ROWS; i++)
        keys[i] = resource_rows[i].key;
    if (json_only_keys(obj, "resources", keys, e) < 0)
        return -1;
    for (size_t i = 0; i < ROWS; i++) {
        int64_t *to = (int64_t *)((char *)&out->resources + resource_rows[i].offset);
        if (resource_rows[i].offset == offsetof(struct spec_resources, output_disk) && !json_get(obj, "output_disk"))
            continue;
        if (json_need_int(obj, "resources", resource_rows[i].key, resource_rows[i].min,
                          resource_rows[i].max, to, e) < 0)
            return -1;
    }
    return 0;
}

/* What is learnt is learnt on a person's own code: a lab that writes this beside data is mistaken, or worse. */
static int read_learn(const struct json *root, struct spec *out, struct err *e)
{
    static const char *const keys[] = {"withhold", NULL}, *const row_keys[] = {"name", "detail", NULL};
    const struct json *obj = NULL, *list = NULL;
    if (json_opt_object(root, "", "learn", 16, &obj, e) < 0)
        return -1;
    if (!obj)
        return 0;
    if (json_only_keys(obj, "learn", keys, e) < 0 ||
        json_opt_array(obj, "learn", "withhold", SPEC_MAX_WITHHELD, &list, e) < 0)
        return -1;
    if (out->dataset_count || out->environment.path || out->interactive.wanted || out->warm)
        return err_set(e, E_DENIED, "learn", "put a small sample of the data's form into the code folder",
                       "a run that learns sees no dataset, no environment of the lab's, no terminal and no template");
    for (const struct json *v = json_first(list); v; v = json_next(v)) {
        struct spec_withheld *w = &out->learn.withheld[out->learn.withheld_count++];
        if (json_only_keys(v, "learn.withhold", row_keys, e) < 0 ||
            json_need_str(v, "learn.withhold", "name", 1, 40, &w->name, e) < 0 ||
            json_need_str(v, "learn.withhold", "detail", 0, 200, &w->detail, e) < 0)
            return -1;
        w->name = arena_strdup(out->arena, w->name);
        w->detail = arena_strdup(out->arena, w->detail);
    }
    out->learn.wanted = true;
    return 0;
}

static int read_interactive(const struct json *root, struct spec *out, struct err *e)
{
    static const char *const keys[] = {"idle_ms", "terminal", "connect", NULL};
    static const char *const terminal_keys[] = {"rows", "cols", NULL};
    const struct json *terminal = NULL;
    int64_t rows = 0, cols = 0;
    struct spec_interactive *i = &out->interactive;
    const struct json *obj = NULL;
    if (json_opt_object(root, "", "interactive", 16, &obj, e) < 0)
        return -1;
    if (!obj)
        return 0;
    i->wanted = true;
    if (json_only_keys(obj, "interactive", keys, e) < 0 ||
        json_need_int(obj, "interactive", "idle_ms", 0, INT64_C(366) * 24 * 3600 * 1000, &i->idle_ms, e) < 0 ||
        json_opt_bool(obj, "interactive", "connect", &i->connect, e) < 0 ||
        json_opt_object(obj, "interactive", "terminal", 2, &terminal, e) < 0)
        return -1;
    if (!terminal)
        return 0;
    if (json_only_keys(terminal, "interactive.terminal", terminal_keys, e) < 0 ||
        json_need_int(terminal, "interactive.terminal", "rows", 1, ATTACH_SIZE_MAX, &rows, e) < 0 ||
        json_need_int(terminal, "interactive.terminal", "cols", 1, ATTACH_SIZE_MAX, &cols, e) < 0)
        return -1;
    i->terminal = true;
    i->rows = (uint16_t)rows;
    i->cols = (uint16_t)cols;
    return 0;
}

static int read_root(const struct json *root, struct spec *out, struct err *e)
{
    int64_t version = 0, seed = -1;
    const char *run = NULL, *profile = NULL, *limits = "enforced", *warm = NULL;
    if (json_type(root) != JSON_OBJECT)
        return err_set(e, E_INVALID, NULL, NULL, "the whole is a %s, not an object", json_type_name(json_type(root)));
    if (json_only_keys(root, "", spec_keys, e) < 0 ||
        json_need_int(root, "", "version", RUNFOLDER_SPEC_VERSION, RUNFOLDER_SPEC_VERSION, &version, e) < 0 ||
        json_need_str(root, "", "run", 1, sizeof out->run - 1, &run, e) < 0 ||
        json_need_str(root, "", "profile", 1, 64, &profile, e) < 0 ||
        json_opt_str(root, "", "limits", 1, 16, &limits, e) < 0 ||
        json_opt_bool(root, "", "report_paths", &out->report_paths, e) < 0 ||
        json_opt_int(root, "", "seed", 0, SPEC_SEED_MAX, &seed, e) < 0 ||
        json_opt_str(root, "", "warm", 1, SPEC_WARM_MAX, &warm, e) < 0)
        return -1;
    if (!text_is_name(run))
        return err_set(e, E_INVALID, "run", "use letters, digits, _ . -", "%s is not a run's id", run);
    if (!text_is_name(profile))
        return err_set(e, E_INVALID, "profile", "use letters, digits, _ . -",
                       "%s is not a profile's name", profile);
    if (warm && !text_is_name(warm))
        return err_set(e, E_INVALID, "warm", "use letters, digits, _ . -", "%s is not an owner of templates", warm);
    out->warm = warm ? arena_strdup(out->arena, warm) : NULL;
    if (strcmp(limits, "enforced") != 0 && strcmp(limits, "best_effort") != 0)
        return err_set(e, E_INVALID, "limits", "use enforced or best_effort",
                       "limits has no such value: %s", limits);
    out->best_effort = strcmp(limits, "best_effort") == 0;
    out->has_seed = seed >= 0;
    out->seed = out->has_seed ? seed : 0;
    strcpy(out->run, run);         /* lengths checked above */
    strcpy(out->profile, profile);
    if (read_command(root, out, e) < 0 || read_env(root, out, e) < 0 ||
        read_environment(root, out, e) < 0 ||
        read_inputs(root, out, e) < 0 || read_resources(root, out, e) < 0 || read_interactive(root, out, e) < 0 ||
        read_learn(root, out, e) < 0)
        return -1;
    return 0;
}

static int parse(const char *text, size_t len, struct arena *arena, struct spec *out, struct err *e)
{
    const struct json_limits limits = {.max_bytes = RUNFOLDER_SPEC_MAX_BYTES, .max_depth = 8};
    AUTO_JSON struct json *root = json_parse(text, len, &limits, e);
    memset(out, 0, sizeof *out);
    if (!root)
        return err_context(e, "%s", RUNFOLDER_SPEC);
    out->arena = arena ? arena : arena_new();
    if (read_root(root, out, e) < 0) {
        spec_fini(out);
        return err_context(e, "%s", RUNFOLDER_SPEC);
    }
    return 0;
}

int spec_read(int run_fd, struct arena *arena, struct spec *out, struct err *e)
{
    AUTO_BUF struct buf text = BUF_INIT(RUNFOLDER_SPEC_MAX_BYTES);
    if (fd_read_file(run_fd, RUNFOLDER_SPEC, RUNFOLDER_SPEC_MAX_BYTES, &text, e) < 0)
        return -1;
    return parse(buf_cstr(&text), text.len, arena, out, e);
}

void spec_rehearse(struct arena *arena)
{
    static const char sample[] =
        "{\"version\":1,\"run\":\"rehearsal\",\"command\":[\"python3\",\"train.py\"],\"env\":{\"LR\":\"0.1\"},\"profile\":\"base\","
        "\"code\":{\"path\":\"/x\"},\"datasets\":[],\"resources\":{\"cpus_milli\":1000,\"memory_bytes\":1073741824,"
        "\"processes\":256,\"wall_ms\":3600000,\"cpu_ms\":0,\"grace_ms\":5000,\"work_bytes\":1048576,\"tmp_bytes\":1048576,"
        "\"output_bytes\":1048576,\"output_files\":100,\"log_bytes\":65536},\"limits\":\"enforced\",\"report_paths\":false}";
    struct spec spec;
    struct err ignored = {0};
    if (parse(sample, sizeof sample - 1, arena, &spec, &ignored) == 0)
        spec_fini(&spec);
}

bool spec_is_plain(const struct spec *s)
{
    return s->dataset_count + (s->code_path != NULL) <= FD_PASS_MAX && !s->warm && !s->interactive.wanted &&
           !s->environment.path && !s->resources.output_disk;
}

void spec_fini(struct spec *s)
{
    arena_free(s->arena);
    memset(s, 0, sizeof *s);
}
