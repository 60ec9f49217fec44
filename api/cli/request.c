/*
 * request.c - what a person asks the lab to run; see request.h.
 */
#include "api/cli/request.h"
#include "api/cli/labtext.h"
#include "api/cli/say.h"
#include "api/common/json.h"
#include "api/common/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEED_MAX INT64_C(4294967295) /* the lab's bound: what most libraries take */

const struct resource_row resource_rows[RES_COUNT] = {
    [RES_CPUS] = {"cpus", "cpus", "cpus_milli", UNIT_CPUS, false},
    [RES_MEMORY] = {"memory", "memory", "memory_bytes", UNIT_SIZE, false},
    [RES_TIME] = {"time", "time", "wall_ms", UNIT_DURATION, false},
    [RES_CPU_TIME] = {"cpu-time", "cpu_time", "cpu_ms", UNIT_DURATION, true},
    [RES_PROCESSES] = {"processes", "processes", "processes", UNIT_COUNT, false},
    [RES_TMP] = {"tmp", "tmp", "tmp_bytes", UNIT_SIZE, false},
    [RES_WORK] = {"work", "work", "work_bytes", UNIT_SIZE, false},
    [RES_OUTPUTS] = {"outputs", NULL, "output_bytes", UNIT_SIZE, false},
    [RES_OUTPUT_FILES] = {NULL, NULL, "output_files", UNIT_COUNT, false},
    [RES_OUTPUT_DISK] = {NULL, NULL, "output_disk", UNIT_COUNT, true},
    [RES_LOG] = {NULL, "log", "log_bytes", UNIT_SIZE, false},
    [RES_GRACE] = {NULL, "grace", "grace_ms", UNIT_DURATION, true},
};

void request_init(struct request *r)
{
    *r = (struct request){.arena = arena_new(), .idle_ms = -1, .seed = -1, .git.dirty = -1};
    for (size_t i = 0; i < RES_COUNT; i++)
        r->resources[i] = -1;
}

void request_fini(struct request *r)
{
    free(r->command);
    free(r->datasets);
    free(r->allow_hosts);
    free(r->expected);
    free(r->env);
    free(r->params);
    free(r->tags);
    arena_free(r->arena);
    *r = (struct request){0};
}

const char *request_name_of(const char *field)
{
    static const char prefix[] = "resources.";
    static char name[64];

    if (strcmp(field, "allow_hosts") == 0)
        return "--allow-host";
    if (strncmp(field, prefix, strlen(prefix)) != 0)
        return NULL;
    for (size_t i = 0; i < RES_COUNT; i++) {
        const struct resource_row *row = &resource_rows[i];
        if (strcmp(row->api, field + strlen(prefix)) != 0)
            continue;
        if (row->option)
            snprintf(name, sizeof name, "--%s", row->option);
        else
            snprintf(name, sizeof name, "%s", row->key ? row->key : i == RES_OUTPUT_DISK ? "--outputs-on" : "outputs.files");
        return name;
    }
    return NULL;
}

/* ---- values ---- */

static enum text_id unit_text(enum unit unit)
{
    static const enum text_id texts[] = {
        [UNIT_CPUS] = T_BAD_CPUS,
        [UNIT_SIZE] = T_BAD_SIZE,
        [UNIT_DURATION] = T_BAD_DURATION,
        [UNIT_COUNT] = T_BAD_COUNT,
    };

    return texts[unit];
}

/* `zero` tells whether 0 means something: no limit, no delay. */
static int read_quantity(enum unit unit, bool zero, const char *text, int64_t *out, struct err *e)
{
    struct err why = {0};
    uint64_t size = 0;
    int failed = -1;

    switch (unit) {
    case UNIT_CPUS: failed = text_cpus_milli(text, NULL, out, &why); break;
    case UNIT_DURATION:
        failed = text_duration_ms(text, NULL, out, &why);
        if (!failed && *out == 0 && !zero)
            failed = -1;
        break;
    case UNIT_SIZE:
        failed = text_size_bytes(text, NULL, &size, &why);
        if (!failed && size > INT64_MAX / 2)
            failed = -1;
        if (!failed)
            *out = (int64_t)size;
        break;
    case UNIT_COUNT:
        failed = text_u64(text, 1, 1000000000, &size);
        if (!failed)
            *out = (int64_t)size;
        break;
    }
    /* Our own words, in the person's language: the forms accepted are the same everywhere. */
    return failed ? say_err(e, E_INVALID, NULL, T_NONE, unit_text(unit), text) : 0;
}

static void add_text(struct request *r, const char ***list, size_t *count, const char *s)
{
    *list = mem_grow(*list, *count + 2, sizeof **list);
    (*list)[(*count)++] = arena_strdup(r->arena, s);
    (*list)[*count] = NULL;
}

/* A key given again replaces the value it had. */
static void set_pair(struct request *r, struct pair **list, size_t *count, const char *key,
                     size_t key_len, const char *value)
{
    for (size_t i = 0; i < *count; i++)
        if (strlen((*list)[i].key) == key_len && memcmp((*list)[i].key, key, key_len) == 0) {
            (*list)[i].value = arena_strdup(r->arena, value);
            return;
        }
    *list = mem_grow(*list, *count + 1, sizeof **list);
    (*list)[(*count)++] =
        (struct pair){arena_strndup(r->arena, key, key_len), arena_strdup(r->arena, value)};
}

static bool is_env_name(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bool letter = (s[i] >= 'A' && s[i] <= 'Z') || (s[i] >= 'a' && s[i] <= 'z') || s[i] == '_';
        if (!letter && (i == 0 || s[i] < '0' || s[i] > '9'))
            return false;
    }
    return len > 0;
}

/* ---- enclos.jsonc ---- */

struct file {
    struct request *r;
    const char *name;
    const char *text;
    size_t len;
};

/* The error of a key, with its place in the file. The cause is in `why` or in a text of ours. */
static int bad_key(const struct file *f, const char *path, const char *why, struct err *e)
{
    char line[16];

    if (!*path)
        return say_err(e, E_INVALID, NULL, T_NONE, T_LABELLED, f->name, why);
    snprintf(line, sizeof line, "%u", json_line_of(f->text, f->len, path));
    return say_err(e, E_INVALID, path, T_NONE, T_CONF_KEY, f->name, line, path, why);
}

static int wrong_type(const struct file *f, const char *path, enum text_id wanted, struct err *e)
{
    return bad_key(f, path, tr(wanted), e);
}

/* Scalars as text: 200 is "200", true is "true". NULL for anything else. */
static const char *scalar(struct request *r, const struct json *v)
{
    AUTO_BUF struct buf text = BUF_INIT(1 << 16);

    if (json_type(v) == JSON_STRING)
        return json_str(v);
    if (json_type(v) != JSON_NUMBER && json_type(v) != JSON_BOOL)
        return NULL;
    json_print(v, false, &text);
    return arena_strdup(r->arena, buf_cstr(&text));
}

static int read_string(const struct file *f, const struct json *v, const char *path,
                       const char **out, struct err *e)
{
    const char *s = json_str(v);

    if (!s || !*s)
        return wrong_type(f, path, T_WANT_STRING, e);
    *out = arena_strdup(f->r->arena, s);
    return 0;
}

static int read_list(const struct file *f, const struct json *v, const char *path,
                     const char ***list, size_t *count, struct err *e)
{
    size_t i = 0;

    if (json_type(v) != JSON_ARRAY)
        return wrong_type(f, path, T_WANT_LIST, e);
    for (const struct json *item = json_first(v); item; item = json_next(item), i++) {
        const char *s = json_str(item);
        AUTO_FREE char *at = mem_printf("%s[%zu]", path, i);
        if (!s)
            return wrong_type(f, at, T_WANT_STRING, e);
        add_text(f->r, list, count, s);
    }
    return 0;
}

static int read_pairs(const struct file *f, const struct json *v, const char *path,
                      struct pair **list, size_t *count, bool names_of_env, struct err *e)
{
    if (json_type(v) != JSON_OBJECT)
        return wrong_type(f, path, T_WANT_PAIRS, e);
    for (const struct json *m = json_first(v); m; m = json_next(m)) {
        AUTO_FREE char *at = mem_printf("%s.%s", path, json_key(m));
        const char *value = scalar(f->r, m);
        if (!value)
            return wrong_type(f, at, T_WANT_SCALAR, e);
        if (names_of_env && !is_env_name(json_key(m), strlen(json_key(m))))
            return wrong_type(f, at, T_WANT_ENV_NAME, e);
        set_pair(f->r, list, count, json_key(m), strlen(json_key(m)), value);
    }
    return 0;
}

static int unknown_key(const struct file *f, const char *path, const char *key,
                       const char *const *allowed, size_t count, struct err *e)
{
    AUTO_BUF struct buf why = BUF_INIT(1024);
    const char *near = opt_nearest(key, allowed, count);

    if (near) {
        tr_add(&why, T_CONF_UNKNOWN_NEAR, near);
    } else {
        AUTO_BUF struct buf names = BUF_INIT(512);
        for (size_t i = 0; i < count; i++)
            buf_printf(&names, "%s%s", i > 0 ? ", " : "", allowed[i]);
        tr_add(&why, T_CONF_UNKNOWN, buf_cstr(&names));
    }
    return bad_key(f, path, buf_cstr(&why), e);
}

static int read_resource(const struct file *f, const struct json *v, const char *path,
                         enum resource res, struct err *e)
{
    struct err why = {0};
    const char *text = json_type(v) == JSON_BOOL ? NULL : scalar(f->r, v);

    if (!text)
        return wrong_type(f, path, T_WANT_QUANTITY, e);
    const struct resource_row *row = &resource_rows[res];
    if (read_quantity(row->unit, row->zero, text, &f->r->resources[res], &why) < 0)
        return bad_key(f, path, why.message, e);
    return 0;
}

static int read_resources(const struct file *f, const struct json *v, const char *path,
                          struct err *e)
{
    const char *keys[RES_COUNT];
    size_t count = 0;

    if (json_type(v) != JSON_OBJECT)
        return wrong_type(f, path, T_WANT_PAIRS, e);
    for (size_t i = 0; i < RES_COUNT; i++)
        if (resource_rows[i].key)
            keys[count++] = resource_rows[i].key;
    for (const struct json *m = json_first(v); m; m = json_next(m)) {
        AUTO_FREE char *at = mem_printf("%s.%s", path, json_key(m));
        size_t i = 0;
        while (i < RES_COUNT &&
               (!resource_rows[i].key || strcmp(resource_rows[i].key, json_key(m)) != 0))
            i++;
        if (i == RES_COUNT)
            return unknown_key(f, at, json_key(m), keys, count, e);
        if (read_resource(f, m, at, (enum resource)i, e) < 0)
            return -1;
    }
    return 0;
}

/* Where /outputs stands: 0 memory, 1 disk, -1 is neither. */
static int64_t store_of(const char *s)
{
    return s && strcmp(s, "disk") == 0 ? 1 : s && strcmp(s, "memory") == 0 ? 0 : -1;
}

/* "outputs": what the run should leave, how much, and where meanwhile: {"size":"1G","files":100,"store":"disk","expected":[...]} */
static int read_outputs(const struct file *f, const struct json *v, const char *path, struct err *e)
{
    static const char *const keys[] = {"size", "files", "store", "expected"};

    if (json_type(v) != JSON_OBJECT)
        return wrong_type(f, path, T_WANT_OUTPUTS, e);
    for (const struct json *m = json_first(v); m; m = json_next(m)) {
        AUTO_FREE char *at = mem_printf("%s.%s", path, json_key(m));
        int failed;
        if (strcmp(json_key(m), "size") == 0)
            failed = read_resource(f, m, at, RES_OUTPUTS, e);
        else if (strcmp(json_key(m), "files") == 0)
            failed = read_resource(f, m, at, RES_OUTPUT_FILES, e);
        else if (strcmp(json_key(m), "store") == 0)
            failed = (f->r->resources[RES_OUTPUT_DISK] = store_of(json_str(m))) < 0 ? wrong_type(f, at, T_WANT_STORE, e) : 0;
        else if (strcmp(json_key(m), "expected") == 0)
            failed = read_list(f, m, at, &f->r->expected, &f->r->expected_count, e);
        else
            failed = unknown_key(f, at, json_key(m), keys, 4, e);
        if (failed < 0)
            return -1;
    }
    return 0;
}

static int read_name(const struct file *f, const struct json *v, const char *path, struct err *e)
{
    return read_string(f, v, path, &f->r->name, e);
}

static int read_command(const struct file *f, const struct json *v, const char *path, struct err *e)
{
    if (read_list(f, v, path, &f->r->command, &f->r->command_count, e) < 0)
        return -1;
    return f->r->command_count > 0 ? 0 : wrong_type(f, path, T_WANT_LIST, e);
}

static int read_profile(const struct file *f, const struct json *v, const char *path, struct err *e)
{
    return read_string(f, v, path, &f->r->profile, e);
}

static int read_environment(const struct file *f, const struct json *v, const char *path,
                            struct err *e)
{
    return read_string(f, v, path, &f->r->environment, e);
}

static int read_allow_hosts(const struct file *f, const struct json *v, const char *path,
                            struct err *e)
{
    f->r->has_allow_hosts = true;
    return read_list(f, v, path, &f->r->allow_hosts, &f->r->allow_host_count, e);
}

static int read_datasets(const struct file *f, const struct json *v, const char *path,
                         struct err *e)
{
    return read_list(f, v, path, &f->r->datasets, &f->r->dataset_count, e);
}

static int read_params(const struct file *f, const struct json *v, const char *path, struct err *e)
{
    return read_pairs(f, v, path, &f->r->params, &f->r->param_count, false, e);
}

static int read_env(const struct file *f, const struct json *v, const char *path, struct err *e)
{
    return read_pairs(f, v, path, &f->r->env, &f->r->env_count, true, e);
}

static int read_tags(const struct file *f, const struct json *v, const char *path, struct err *e)
{
    return read_pairs(f, v, path, &f->r->tags, &f->r->tag_count, false, e);
}

static int read_experiment(const struct file *f, const struct json *v, const char *path,
                           struct err *e)
{
    return read_string(f, v, path, &f->r->experiment, e);
}

static int read_project(const struct file *f, const struct json *v, const char *path, struct err *e)
{
    return read_string(f, v, path, &f->r->project, e);
}

static int read_purpose(const struct file *f, const struct json *v, const char *path, struct err *e)
{
    return read_string(f, v, path, &f->r->purpose, e);
}

static int read_priority(const struct file *f, const struct json *v, const char *path,
                         struct err *e)
{
    if (!json_is_int(v) || json_int(v, 0) < -100 || json_int(v, 0) > 100)
        return wrong_type(f, path, T_WANT_PRIORITY, e);
    f->r->priority = json_int(v, 0);
    f->r->has_priority = true;
    return 0;
}

static int read_seed(const struct file *f, const struct json *v, const char *path, struct err *e)
{
    if (!json_is_int(v) || json_int(v, -1) < 0 || json_int(v, -1) > SEED_MAX)
        return wrong_type(f, path, T_WANT_SEED, e);
    f->r->seed = json_int(v, 0);
    return 0;
}

static const char *limits_of(const char *s)
{
    if (strcmp(s, "enforced") == 0)
        return "enforced";
    return strcmp(s, "best-effort") == 0 || strcmp(s, "best_effort") == 0 ? "best_effort" : NULL;
}

static int read_limits(const struct file *f, const struct json *v, const char *path, struct err *e)
{
    const char *s = json_str(v);

    f->r->limits = s ? limits_of(s) : NULL;
    return f->r->limits ? 0 : wrong_type(f, path, T_WANT_LIMITS, e);
}

static int read_report_paths(const struct file *f, const struct json *v, const char *path,
                             struct err *e)
{
    if (json_type(v) != JSON_BOOL)
        return wrong_type(f, path, T_WANT_BOOL, e);
    f->r->report_paths = json_bool(v, false);
    return 0;
}

static int read_warm(const struct file *f, const struct json *v, const char *path, struct err *e)
{
    if (json_type(v) != JSON_BOOL)
        return wrong_type(f, path, T_WANT_BOOL, e);
    f->r->warm = json_bool(v, false);
    return 0;
}

static const struct {
    const char *key;
    int (*read)(const struct file *f, const struct json *v, const char *path, struct err *e);
} file_keys[] = {
    {"name", read_name},
    {"command", read_command},
    {"profile", read_profile},
    {"environment", read_environment},
    {"allow_hosts", read_allow_hosts},
    {"datasets", read_datasets},
    {"resources", read_resources},
    {"params", read_params},
    {"outputs", read_outputs},
    {"env", read_env},
    {"tags", read_tags},
    {"project", read_project},
    {"experiment", read_experiment},
    {"purpose", read_purpose},
    {"seed", read_seed},
    {"priority", read_priority},
    {"limits", read_limits},
    {"report_paths", read_report_paths},
    {"warm", read_warm},
};
enum { FILE_KEYS = sizeof file_keys / sizeof *file_keys };

int request_read_file(struct request *r, const char *file, char *text, size_t len, struct err *e)
{
    struct file f = {r, file, text, len};
    struct err why = {0};
    bool commented = json_blank_comments(text, len, &why) == 0;
    AUTO_JSON struct json *root = commented ? json_parse(text, len, NULL, &why) : NULL;

    if (!root) {
        AUTO_BUF struct buf said = BUF_INIT(4096);
        labtext_add(&said, why.message); /* with its line and column */
        return bad_key(&f, "", buf_cstr(&said), e);
    }
    if (json_type(root) != JSON_OBJECT)
        return wrong_type(&f, "", T_WANT_PAIRS, e);
    for (const struct json *m = json_first(root); m; m = json_next(m)) {
        size_t i = 0;
        while (i < FILE_KEYS && strcmp(file_keys[i].key, json_key(m)) != 0)
            i++;
        if (i == FILE_KEYS) {
            const char *keys[FILE_KEYS];
            for (size_t k = 0; k < FILE_KEYS; k++)
                keys[k] = file_keys[k].key;
            return unknown_key(&f, json_key(m), json_key(m), keys, FILE_KEYS, e);
        }
        if (file_keys[i].read(&f, m, json_key(m), e) < 0)
            return -1;
    }
    return 0;
}

/* ---- options ---- */

static int read_pair_options(struct request *r, const struct args *a, const char *option,
                             struct pair **list, size_t *count, bool names_of_env, struct err *e)
{
    size_t at = 0;

    for (const char *given; (given = args_each(a, option, &at)) != NULL;) {
        const char *equals = strchr(given, '=');
        if (names_of_env && !equals)
            continue; /* an environment, see below */
        size_t len = equals ? (size_t)(equals - given) : 0;
        if (len == 0 || (names_of_env && !is_env_name(given, len)))
            return say_err(e, E_INVALID, NULL, T_NONE, T_BAD_PAIR, option, given);
        set_pair(r, list, count, given, len, equals + 1);
    }
    return 0;
}

static void read_text_option(struct request *r, const struct args *a, const char *option,
                             const char **out)
{
    const char *value = args_get(a, option);

    if (value)
        *out = arena_strdup(r->arena, value);
}

static int read_idle(struct request *r, const struct args *a, struct err *e)
{
    const char *value = args_get(a, "idle");
    struct err why = {0};
    if (value && read_quantity(UNIT_DURATION, true, value, &r->idle_ms, &why) < 0)
        return say_err(e, E_INVALID, NULL, T_NONE, T_LABELLED, "--idle", why.message);
    return 0;
}

int request_read_options(struct request *r, const struct args *a, struct err *e)
{
    const char *limits = args_get(a, "limits"), *priority = args_get(a, "priority");
    size_t at = 0;

    read_text_option(r, a, "name", &r->name);
    read_text_option(r, a, "profile", &r->profile);
    /* --env A=1 sets a variable; without "=" it can only mean what /usr is. */
    for (const char *given; (given = args_each(a, "env", &at)) != NULL;)
        if (!strchr(given, '='))
            r->environment = arena_strdup(r->arena, given);
    at = 0;
    read_text_option(r, a, "environment", &r->environment);
    read_text_option(r, a, "project", &r->project);
    read_text_option(r, a, "experiment", &r->experiment);
    read_text_option(r, a, "purpose", &r->purpose);
    read_text_option(r, a, "idempotency-key", &r->idempotency_key);
    if (read_idle(r, a, e) < 0)
        return -1;
    if (args_has(a, "report-paths"))
        r->report_paths = true;
    if (args_has(a, "warm"))
        r->warm = true;
    if (limits && !(r->limits = limits_of(limits)))
        return say_err(e, E_INVALID, NULL, T_NONE, T_BAD_LIMITS, limits);
    if (args_has(a, "outputs-on") && (r->resources[RES_OUTPUT_DISK] = store_of(args_get(a, "outputs-on"))) < 0)
        return say_err(e, E_INVALID, NULL, T_NONE, T_BAD_STORE, args_get(a, "outputs-on"));
    if (args_has(a, "seed")) {
        uint64_t seed;
        if (text_u64(args_get(a, "seed"), 0, SEED_MAX, &seed) < 0)
            return say_err(e, E_INVALID, NULL, T_NONE, T_BAD_SEED, args_get(a, "seed"));
        r->seed = (int64_t)seed;
    }
    if (priority) {
        uint64_t n;
        bool negative = priority[0] == '-';
        if (text_u64(priority + negative, 0, 100, &n) < 0)
            return say_err(e, E_INVALID, NULL, T_NONE, T_BAD_PRIORITY, priority);
        r->priority = negative ? -(int64_t)n : (int64_t)n;
        r->has_priority = true;
    }
    for (size_t i = 0; i < RES_COUNT; i++) {
        const char *option = resource_rows[i].option;
        const char *value = option ? args_get(a, option) : NULL;
        if (!value)
            continue;
        AUTO_FREE char *label = mem_printf("--%s", option);
        struct err why = {0};
        const struct resource_row *row = &resource_rows[i];
        if (read_quantity(row->unit, row->zero, value, &r->resources[i], &why) < 0)
            return say_err(e, E_INVALID, NULL,
                           i == RES_OUTPUTS && store_of(value) >= 0 ? T_BAD_SIZE_HINT_STORE : T_NONE,
                           T_LABELLED, label, why.message);
    }
    if (args_has(a, "allow-host")) {
        size_t host_at = 0;
        r->allow_host_count = 0;
        r->has_allow_hosts = true;
        for (const char *h; (h = args_each(a, "allow-host", &host_at)) != NULL;)
            add_text(r, &r->allow_hosts, &r->allow_host_count, h);
    }
    if (args_has(a, "dataset"))
        r->dataset_count = 0; /* the list of the options, not a mix of two */
    for (const char *d; (d = args_each(a, "dataset", &at)) != NULL;)
        add_text(r, &r->datasets, &r->dataset_count, d);
    if (args_word_count(a) > 0)
        r->command_count = 0;
    for (size_t i = 0; i < args_word_count(a); i++)
        add_text(r, &r->command, &r->command_count, args_word(a, i));
    if (read_pair_options(r, a, "param", &r->params, &r->param_count, false, e) < 0 ||
        read_pair_options(r, a, "tag", &r->tags, &r->tag_count, false, e) < 0)
        return -1;
    return read_pair_options(r, a, "env", &r->env, &r->env_count, true, e);
}

void request_set_command(struct request *r, const char *const *words)
{
    r->command_count = 0;
    for (; *words; words++)
        add_text(r, &r->command, &r->command_count, *words);
}

void request_default_env(struct request *r, const char *name, const char *value)
{
    for (size_t i = 0; i < r->env_count; i++)
        if (strcmp(r->env[i].key, name) == 0)
            return;
    set_pair(r, &r->env, &r->env_count, name, strlen(name), value);
}

/* ---- scripts ---- */

static const char *interpreter_of(const char *word)
{
    static const struct {
        const char *ending, *program;
    } known[] = {{".py", "python3"}, {".R", "Rscript"}, {".sh", "sh"}};
    size_t len = strlen(word);

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t end = strlen(known[i].ending);
        if (len > end && strcmp(word + len - end, known[i].ending) == 0)
            return known[i].program;
    }
    return NULL;
}

bool request_is_script(const char *word)
{
    return interpreter_of(word) != NULL;
}

void request_add_interpreter(struct request *r, const char *folder)
{
    struct stat st;

    if (r->command_count == 0 || !request_is_script(r->command[0]) || r->command[0][0] == '/')
        return;
    AUTO_FREE char *path = mem_printf("%s/%s", folder, r->command[0]);
    if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return;
    if (st.st_mode & S_IXUSR) {
        /* It starts by itself; without a slash it would be looked for in PATH. */
        if (!strchr(r->command[0], '/'))
            r->command[0] = arena_printf(r->arena, "./%s", r->command[0]);
        return;
    }
    r->command = mem_grow(r->command, r->command_count + 2, sizeof *r->command);
    memmove(r->command + 1, r->command, (r->command_count + 1) * sizeof *r->command);
    r->command[0] = interpreter_of(r->command[1]);
    r->command_count++;
}

/* ---- run.submit ---- */

static void write_list(struct jw *w, const char *key, const char *const *list, size_t count)
{
    if (count == 0)
        return;
    jw_arr_at(w, key);
    for (size_t i = 0; i < count; i++)
        jw_str(w, list[i]);
    jw_end_arr(w);
}

static void write_pairs(struct jw *w, const char *key, const struct pair *list, size_t count)
{
    if (count == 0)
        return;
    jw_obj_at(w, key);
    for (size_t i = 0; i < count; i++)
        jw_str_at(w, list[i].key, list[i].value);
    jw_end_obj(w);
}

static void write_text(struct jw *w, const char *key, const char *value)
{
    if (value)
        jw_str_at(w, key, value);
}

void request_print(const struct request *r, struct buf *out)
{
    struct jw w = jw_to(out);
    bool any = false;

    jw_obj(&w);
    write_text(&w, "name", r->name);
    write_list(&w, "command", r->command, r->command_count);
    write_text(&w, "code", r->code);
    write_text(&w, "profile", r->profile);
    write_text(&w, "environment", r->environment);
    if (r->has_allow_hosts && r->allow_host_count == 0)
        jw_raw_at(&w, "allow_hosts", "[]", 2);
    write_list(&w, "allow_hosts", r->allow_hosts, r->allow_host_count);
    write_list(&w, "datasets", r->datasets, r->dataset_count);
    for (size_t i = 0; i < RES_COUNT; i++) {
        if (r->resources[i] < 0)
            continue;
        if (!any)
            jw_obj_at(&w, "resources");
        any = true;
        jw_int_at(&w, resource_rows[i].api, r->resources[i]);
    }
    if (any)
        jw_end_obj(&w);
    write_pairs(&w, "env", r->env, r->env_count);
    write_pairs(&w, "params", r->params, r->param_count);
    write_pairs(&w, "tags", r->tags, r->tag_count);
    write_text(&w, "project", r->project);
    write_text(&w, "experiment", r->experiment);
    write_text(&w, "purpose", r->purpose);
    if (r->seed >= 0)
        jw_int_at(&w, "seed", r->seed);
    if (r->git.commit[0]) {
        jw_obj_at(&w, "git");
        jw_str_at(&w, "commit", r->git.commit);
        if (r->git.branch[0])
            jw_str_at(&w, "branch", r->git.branch);
        if (r->git.dirty >= 0)
            jw_bool_at(&w, "dirty", r->git.dirty);
        jw_end_obj(&w);
    }
    if (r->has_priority)
        jw_int_at(&w, "priority", r->priority);
    write_text(&w, "limits", r->limits);
    if (r->report_paths)
        jw_bool_at(&w, "report_paths", true);
    if (r->warm)
        jw_bool_at(&w, "warm", true);
    if (r->interactive) {
        jw_obj_at(&w, "interactive");
        jw_str_at(&w, "kind", r->interactive);
        if (r->idle_ms >= 0)
            jw_int_at(&w, "idle_ms", r->idle_ms);
        if (r->rows > 0) {
            jw_int_at(&w, "rows", r->rows);
            jw_int_at(&w, "cols", r->cols);
        }
        jw_end_obj(&w);
    }
    write_text(&w, "idempotency_key", r->idempotency_key);
    jw_end_obj(&w);
}
