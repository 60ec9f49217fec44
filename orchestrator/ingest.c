/*
 * ingest.c - pool and catalog side of reading a run folder. Knows no loop; live_going.c drives it.
 *
 * The log is read from a position that only moves with the transaction that holds what was read, so that each
 * metric enters the catalog exactly once, whenever we are killed. The record is looked for before the log
 * is read: it is written last, so a log read after it was seen is whole.
 *
 * Everything here comes from a run or its monitor and is distrusted: bounded, checked, and what is
 * wrong is counted with its reason rather than refused in silence.
 */
#include "orchestrator/ingest.h"
#include "api/common/buf.h"
#include "api/common/fault.h"
#include "api/common/fd.h"
#include "api/common/log.h"
#include "api/common/runlog.h"
#include "catalog/dataset.h"
#include "catalog/environment.h"
#include "catalog/manifest.h"
#include "catalog/objects.h"
#include "catalog/quality.h"
#include "catalog/tree.h"
#include "orchestrator/damage.h"
#include "orchestrator/lab.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { WARNING_MAX_BYTES = 1000 };

/* ---- one line of a run ---- */

static int item_name(struct arena *a, const char *what, const char *name, struct metric_item *out,
                     struct err *e)
{
    if (!name)
        return err_set(e, E_INVALID, what, "give a string", "the name of a %s is no string", what);
    size_t len = strlen(name);
    if (len == 0 || len > METRIC_NAME_MAX_BYTES || text_has_control(name, len))
        return err_set(e, E_INVALID, what, "1 to 250 bytes without control characters",
                       "the name of a %s is empty, too long or has control characters", what);
    out->name = arena_strdup(a, name);
    return 0;
}

static int item_number(const struct json *v, double *out, struct err *e)
{
    const char *s = json_str(v);
    if (v && json_type(v) == JSON_NUMBER) {
        *out = json_num(v, 0);
        return 0;
    }
    if (s && !strcmp(s, "NaN"))
        *out = NAN;
    else if (s && !strcmp(s, "Infinity"))
        *out = INFINITY;
    else if (s && !strcmp(s, "-Infinity"))
        *out = -INFINITY;
    else
        return err_set(e, E_INVALID, "value", "a number, or \"NaN\", \"Infinity\", \"-Infinity\"",
                       "the value of a metric is no number");
    return 0;
}

static int item_text(struct arena *a, const struct json *v, struct metric_item *out, struct err *e)
{
    AUTO_BUF struct buf b = BUF_INIT(64 << 10);
    const char *s = json_str(v);
    if (!s) {
        if (!v || (json_type(v) != JSON_NUMBER && json_type(v) != JSON_BOOL))
            return err_set(e, E_INVALID, "value", NULL,
                           "the value is no string, number or boolean");
        json_print(v, true, &b);
        s = buf_cstr(&b);
    }
    if (strlen(s) > RUN_VALUE_MAX_BYTES)
        return err_set(e, E_INVALID, "value", NULL, "the value has more than %d bytes",
                       RUN_VALUE_MAX_BYTES);
    out->text = arena_strdup(a, s);
    return 0;
}

int ingest_item(struct arena *a, const char *text, size_t len, int64_t time_us,
                struct metric_item *out, struct err *e)
{
    static const char *const metric_keys[] = {"metric", "value", "step", "time_us", NULL};
    static const char *const param_keys[] = {"param", "value", NULL};
    static const char *const tag_keys[] = {"tag", "value", NULL};
    AUTO_JSON struct json *root =
        json_parse(text, len, &(struct json_limits){.max_bytes = 8192, .max_depth = 4}, e);
    if (!root)
        return -1;
    *out = (struct metric_item){.time_us = time_us};
    const struct json *name;
    if ((name = json_get(root, "metric"))) {
        out->kind = METRIC_POINT;
        if (json_only_keys(root, "", metric_keys, e) < 0 ||
            item_name(a, "metric", json_str(name), out, e) < 0 ||
            item_number(json_get(root, "value"), &out->value, e) < 0 ||
            json_opt_int(root, "", "step", -(INT64_C(1) << 53), INT64_C(1) << 53, &out->step, e) <
                0 ||
            json_opt_int(root, "", "time_us", 0, INT64_C(1) << 53, &out->time_us, e) < 0)
            return -1;
        return 0;
    }
    if ((name = json_get(root, "param"))) {
        out->kind = METRIC_PARAM;
        if (json_only_keys(root, "", param_keys, e) < 0 ||
            item_name(a, "param", json_str(name), out, e) < 0)
            return -1;
        return item_text(a, json_get(root, "value"), out, e);
    }
    if ((name = json_get(root, "tag"))) {
        out->kind = METRIC_TAG;
        if (json_only_keys(root, "", tag_keys, e) < 0 ||
            item_name(a, "tag", json_str(name), out, e) < 0)
            return -1;
        return item_text(a, json_get(root, "value"), out, e);
    }
    return err_set(e, E_INVALID, NULL, "write {\"metric\":...}, {\"param\":...} or {\"tag\":...}",
                   "the line is no metric, param or tag");
}

/* ---- the log ---- */

static void note_bad(struct ingest *g, int64_t time_us, const char *reason)
{
    g->batch.bad_lines++;
    if (g->bad_count < INGEST_BAD_MAX)
        g->bad[g->bad_count++] = (struct ingest_bad){arena_strdup(g->arena, reason), time_us};
}

static void take_event(struct ingest *g, const struct runlog_frame *f)
{
    struct err e = {0};
    AUTO_JSON struct json *root = json_parse(f->bytes, f->len, NULL, &e);
    const char *event = json_str(json_get(root, "event"));
    if (!event)
        return;
    if (!strcmp(event, "running"))
        g->running_us = f->time_us;
    else if (!strcmp(event, "bad_metric")) {
        const char *reason = json_str(json_get(root, "reason"));
        note_bad(g, f->time_us, reason ? reason : "refused by the monitor");
    }
}

static void take_frame(struct ingest *g, const struct runlog_frame *f)
{
    struct err e = {0};
    if (f->stream == RUNLOG_EVENT) {
        take_event(g, f);
    } else if (f->stream == RUNLOG_METRIC) {
        g->batch.lines++;
        struct metric_item *it = &g->batch.items[g->batch.count];
        if (ingest_item(g->arena, f->bytes, f->len, f->time_us, it, &e) == 0)
            g->batch.count++;
        else
            note_bad(g, f->time_us, e.message);
    }
}

static int read_log(struct ingest *g, int folder, struct err *e)
{
    AUTO_FD int fd = openat(folder, RUNFOLDER_LOG, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0
                               : err_sys(e, NULL, NULL, "cannot open the log of run %s", g->run);
    AUTO_FREE char *bytes = mem_try(INGEST_READ_BYTES);
    if (!bytes)
        return err_set(e, E_LIMIT, NULL, NULL, "no memory to read the log of run %s", g->run);
    ssize_t n = pread(fd, bytes, INGEST_READ_BYTES, (off_t)g->position);
    if (n < 0)
        return err_sys(e, NULL, NULL, "cannot read the log of run %s", g->run);
    size_t at = 0, len = (size_t)n;
    g->batch.items = arena_alloc(g->arena, INGEST_ITEMS_MAX * sizeof *g->batch.items);
    while (at < len && g->batch.count < INGEST_ITEMS_MAX) {
        struct runlog_frame f;
        struct err bad = {0};
        long took = runlog_read(bytes + at, len - at, &f, &bad);
        if (took == 0)
            break;
        if (took < 0) {
            struct stat st;
            log_error("run.log_damaged", LOG_STR("run", g->run),
                      LOG_INT("offset", g->position + at), LOG_ERR(&bad));
            note_bad(g, time_now_us(), "the log is damaged: what follows is not read");
            at = len;
            if (fstat(fd, &st) == 0 && (uint64_t)st.st_size > g->position + at)
                at = (size_t)((uint64_t)st.st_size - g->position);
            len = at;
            break;
        }
        take_frame(g, &f);
        at += (size_t)took;
    }
    /* A frame is far smaller than a read: a full read always got on. */
    g->more = (len == INGEST_READ_BYTES || g->batch.count == INGEST_ITEMS_MAX) && at > 0;
    g->position += at;
    return 0;
}

/* ---- the record ---- */

static const char *text_of(struct arena *a, const struct json *v)
{
    const char *s = json_str(v);
    return s ? arena_strdup(a, s) : NULL;
}

static const char *json_of(struct arena *a, const struct json *v)
{
    if (!v || json_type(v) == JSON_NULL)
        return NULL;
    AUTO_BUF struct buf b = BUF_INIT(RUNFOLDER_RECORD_MAX_BYTES);
    json_print(v, false, &b);
    return arena_strdup(a, buf_cstr(&b));
}

static int64_t count_of(const struct json *obj, const char *key)
{
    const struct json *v = json_get(obj, key);
    return json_is_int(v) && json_int(v, -1) >= 0 ? json_int(v, -1) : -1;
}

static void take_denied(struct arena *a, const struct json *list, struct run_result *out)
{
    struct run_denied *all = arena_alloc(a, (json_count(list) + 1) * sizeof *all);
    for (const struct json *v = json_first(list); v; v = json_next(v)) {
        struct run_denied d = {.kind = text_of(a, json_get(v, "kind")),
                               .name = text_of(a, json_get(v, "name")),
                               .detail = text_of(a, json_get(v, "detail")),
                               .errno_name = text_of(a, json_get(v, "errno")),
                               .hint = text_of(a, json_get(v, "hint")),
                               .hint_fr = text_of(a, json_get(v, "hint_fr")),
                               .count = json_int(json_get(v, "count"), 1)};
        if (d.kind && d.name)
            all[out->denied_count++] = d;
    }
    out->denied = all;
}

static void take_refused(struct arena *a, const struct json *list, struct run_result *out,
                         size_t spare)
{
    struct run_refused *all = arena_alloc(a, (json_count(list) + spare + 1) * sizeof *all);
    for (const struct json *v = json_first(list); v; v = json_next(v)) {
        struct run_refused r = {text_of(a, json_get(v, "path")), text_of(a, json_get(v, "reason"))};
        if (r.path && r.reason)
            all[out->refused_count++] = r;
    }
    out->refused = all;
}

static void take_warnings(struct arena *a, const struct json *list, struct run_result *out)
{
    out->warnings = arena_alloc(a, (INGEST_WARNINGS_MAX + 1) * sizeof *out->warnings);
    for (const struct json *v = json_first(list); v; v = json_next(v))
        if (json_str(v) && out->warning_count < INGEST_WARNINGS_MAX)
            out->warnings[out->warning_count++] =
                arena_strndup(a, json_str(v), strnlen(json_str(v), WARNING_MAX_BYTES));
}

int ingest_record(struct arena *a, const char *run, const char *text, size_t len,
                  struct run_result *out, const struct json **files, struct json **root_out,
                  struct err *e)
{
    const struct json_limits limits = {.max_bytes = RUNFOLDER_RECORD_MAX_BYTES, .max_depth = 16};
    const struct json *list = NULL, *outputs = NULL;
    const char *whose = NULL, *verdict = NULL;
    int64_t version = 0, exit_code = -1;
    AUTO_JSON struct json *root = json_parse(text, len, &limits, e);

    *out = (struct run_result){0};
    if (!root)
        return err_context(e, "%s", RUNFOLDER_RECORD);
    if (json_need_int(root, "", "version", RUNFOLDER_RECORD_VERSION, RUNFOLDER_RECORD_VERSION,
                      &version, e) < 0 ||
        json_need_str(root, "", "run", 1, TEXT_ID_SIZE - 1, &whose, e) < 0 ||
        json_need_str(root, "", "verdict", 1, 40, &verdict, e) < 0 ||
        json_opt_int(root, "", "exit_code", 0, 255, &exit_code, e) < 0 ||
        json_opt_object(root, "", "outputs", 64, &outputs, e) < 0 ||
        json_opt_array(outputs, "outputs", "files", MANIFEST_ENTRIES_MAX, &list, e) < 0)
        return err_context(e, "%s", RUNFOLDER_RECORD);
    if (strcmp(whose, run) != 0)
        return err_set(e, E_INTERNAL, "run", NULL, "the record is that of run %s", whose);
    int known = verdict_of(verdict);
    if (known <= VERDICT_NONE)
        return err_set(e, E_INTERNAL, "verdict", NULL, "the record has no such verdict: %s",
                       verdict);
    const char *reason = text_of(a, json_get(root, "reason"));
    *out = (struct run_result){
        .verdict = (enum verdict)known,
        .has_exit_code = exit_code >= 0,
        .exit_code = (int)exit_code,
        .signal = text_of(a, json_get(root, "signal")),
        .reason = reason ? reason : verdict_name((enum verdict)known),
        .failed_json = json_of(a, json_get(root, "failed")),
        .started_us = count_of(root, "started_us") > 0 ? count_of(root, "started_us") : 0,
        .finished_us = count_of(root, "finished_us"),
        .wall_ms = count_of(root, "wall_ms"),
        .cpu_ms = count_of(root, "cpu_ms"),
        .memory_peak_bytes = count_of(root, "memory_peak_bytes"),
        .log_kept_bytes = count_of(json_get(root, "log"), "kept_bytes"),
        .log_dropped_bytes = count_of(json_get(root, "log"), "dropped_bytes"),
        .log_error = text_of(a, json_get(json_get(root, "log"), "error")),
        .metrics_dropped = count_of(json_get(root, "metrics"), "dropped_lines"),
        .usage_json = json_of(a, json_get(root, "usage")),
        .sandbox_json = json_of(a, json_get(root, "sandbox")),
        .record_json = arena_strndup(a, text, len),
    };
    if (out->finished_us <= 0)
        out->finished_us = time_now_us();
    take_denied(a, json_get(root, "denied"), out);
    take_warnings(a, json_get(root, "warnings"), out);
    take_refused(a, json_get(outputs, "refused"), out, json_count(list));
    *files = list;
    *root_out = ptr_take(&root);
    return 0;
}

/* ---- outputs ---- */

static int open_below(int dir, const char *path)
{
    struct open_how how = {.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
                                      RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
}

static void refuse_output(struct ingest *g, const char *path, const char *reason)
{
    struct run_refused *all = (struct run_refused *)(uintptr_t)g->result.refused;
    all[g->result.refused_count++] = (struct run_refused){arena_strdup(g->arena, path), reason};
}

static int take_output(struct ingest *g, int dir, const struct json *v, struct run_artifact *out,
                       struct err *e)
{
    const char *path = json_str(json_get(v, "path")), *mode = json_str(json_get(v, "mode"));
    char sha256[DIGEST_HEX_SIZE];
    uint64_t size;
    struct stat st;

    out->path = NULL;
    if (!path || !text_is_rel_path(path)) {
        refuse_output(g, path ? path : "", "its path is not one that can be kept");
        return 0;
    }
    AUTO_FD int fd = open_below(dir, path);
    if (fd < 0 && (errno == ENOSPC || errno == EMFILE || errno == ENFILE || errno == ENOMEM))
        return err_sys(e, NULL, NULL, "cannot open output %s of run %s", path, g->run);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        refuse_output(g, path, "it could not be read");
        return 0;
    }
    if (objects_put_own(g->lab->store, fd, sha256, &size, e) < 0)
        return err_context(e, "keeping output %.100s", path);
    *out = (struct run_artifact){arena_strdup(g->arena, path), arena_strdup(g->arena, sha256), size,
                                 mode && !strcmp(mode, "0755") ? 0755 : 0644};
    return 0;
}

static int take_outputs(struct ingest *g, int folder, const struct json *files, struct err *e)
{
    if (json_count(files) == 0)
        return 0;
    AUTO_MANIFEST struct manifest *m = manifest_new();
    struct run_artifact *all = arena_alloc(g->arena, json_count(files) * sizeof *all);
    size_t count = 0;
    AUTO_FD int dir =
        openat(folder, RUNFOLDER_OUTPUTS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    for (const struct json *v = json_first(files); v; v = json_next(v)) {
        struct run_artifact *one = &all[count];
        if (take_output(g, dir, v, one, e) < 0)
            return -1;
        if (!one->path)
            continue;
        if (manifest_add(m, one->path, one->sha256, one->size_bytes, one->mode == 0755, e) < 0)
            return -1;
        count++;
    }
    g->result.artifacts = all;
    g->result.artifact_count = count;
    if (count == 0)
        return 0;
    if (manifest_seal(m, NULL, e) < 0 || manifest_store(g->lab->store, m, e) < 0)
        return -1;
    g->result.outputs_manifest = arena_strdup(g->arena, m->id);
    return 0;
}

/* What the profiler reported. Whatever is wrong with it is told; the run is what it was. */
static int take_report(struct ingest *g, struct err *e)
{
    const struct run_artifact *found = NULL;
    struct err bad = {0};
    uint64_t size = 0;
    if (g->result.verdict != VERDICT_SUCCEEDED) {
        g->no_report = arena_printf(g->arena, "the run of the profiler ended as %s: %s", verdict_name(g->result.verdict),
                                    g->result.reason);
        return 0;
    }
    for (size_t i = 0; i < g->result.artifact_count; i++)
        if (strcmp(g->result.artifacts[i].path, QUALITY_OUTPUT) == 0)
            found = &g->result.artifacts[i];
    if (!found || found->size_bytes > QUALITY_REPORT_MAX_BYTES) {
        g->no_report = found ? "the report is too long" : "the profiler left no report";
        return 0;
    }
    AUTO_FD int fd = -1;
    if (objects_open(g->lab->store, found->sha256, &fd, &size, e) < 0)
        return err_context(e, "the report of run %s", g->run);
    AUTO_FREE char *text = mem_try((size_t)found->size_bytes + 1);
    if (!text)
        return err_set(e, E_LIMIT, NULL, NULL, "no memory to read the report of run %s", g->run);
    ssize_t n = pread(fd, text, (size_t)found->size_bytes, 0);
    if (n < 0)
        return err_sys(e, NULL, NULL, "cannot read the report of run %s", g->run);
    if (quality_read(g->arena, text, (size_t)n, &g->report, &bad) < 0) {
        g->report = NULL;
        g->no_report = arena_strdup(g->arena, bad.message);
        log_error("dataset.report", LOG_STR("run", g->run), LOG_ERR(&bad));
    }
    return 0;
}

/* ---- datasets after the run ---- */

/* When the run was launched, at the earliest: what it has open was there then. */
static int64_t launched_us(int folder)
{
    struct stat st;
    return fstatat(folder, RUNFOLDER_SPEC, &st, AT_SYMLINK_NOFOLLOW) == 0
               ? (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000
               : 0;
}

static const char *what_of(const struct ingest_dataset *d)
{
    return d->kind == TREE_ENV ? "environment" : "dataset";
}

static int check_tree(struct ingest *g, const struct ingest_dataset *d, const struct manifest *m,
                      struct err *e)
{
    if (tree_verify(g->lab->store, d->kind, m, g->lab->verified, NULL, NULL, e) == 0)
        return 0;
    if (e->kind == E_CONFLICT)
        damage_condemn(g->lab, d->kind, m, d->ref);
    return -1;
}

static int check_dataset(struct ingest *g, const struct ingest_dataset *d, int64_t since_us,
                         struct err *e)
{
    AUTO_MANIFEST struct manifest *own = NULL;
    const struct manifest *kept = NULL;
    char name[TREE_NAME_SIZE];
    int rc;
    /* Somebody else found it changed meanwhile, and what stands there now is another tree. */
    if (tree_was_dropped(g->lab->store, d->kind, d->manifest, since_us))
        return err_set(e, E_CONFLICT, what_of(d), NULL,
                       "the %s was changed: this was found while the run was going", what_of(d));
    if (d->kind == TREE_ENV)
        rc = manifest_keep_get(g->lab->manifests, g->lab->store, d->manifest, &kept, e);
    else
        rc = manifest_load(g->lab->store, d->manifest, &own, e);
    if (rc == 0)
        rc = check_tree(g, d, kept ? kept : own, e);
    manifest_keep_put(g->lab->manifests, kept);
    if (rc < 0)
        return -1;
    tree_name(d->manifest, d->kind, name);
    tree_touch(g->lab->store, name);
    return 0;
}

static int check_datasets(struct ingest *g, int folder, struct err *e)
{
    int64_t since_us = launched_us(folder);
    for (size_t i = 0; i < g->dataset_count; i++) {
        struct ingest_dataset *d = &g->datasets[i];
        struct err one = {0};
        if (check_dataset(g, d, since_us, &one) == 0)
            continue;
        if (one.kind == E_LIMIT || one.kind == E_UNAVAILABLE) {
            *e = one;
            return err_context(e, "checking %s %s", what_of(d), d->ref);
        }
        err_context(&one, "%s %s", what_of(d), d->ref);
        d->changed = arena_strdup(g->arena, one.message);
        log_error(d->kind == TREE_ENV ? "env.changed" : "dataset.changed", LOG_STR(what_of(d), d->ref), LOG_STR("run", g->run),
                  LOG_ERR(&one));
        if (!g->result.failed_json) {
            AUTO_BUF struct buf b = BUF_INIT(4096);
            struct jw w = jw_to(&b);
            jw_obj(&w);
            jw_str_at(&w, "step", d->kind == TREE_ENV ? "environment_verify_after" : "dataset_verify_after");
            jw_null_at(&w, "errno");
            jw_str_at(&w, "message", one.message);
            jw_str_at(&w, "hint", d->kind == TREE_ENV ? "the environment is set aside; do not rely on this run"
                                                     : "the dataset is set aside; do not rely on this run");
            jw_end_obj(&w);
            g->result.failed_json = arena_strdup(g->arena, buf_cstr(&b));
        }
    }
    return 0;
}

/* ---- a pass ---- */

static void be_lost(struct ingest *g, const char *reason)
{
    g->result = (struct run_result){.verdict = VERDICT_LOST,
                                    .reason = reason,
                                    .finished_us = time_now_us(),
                                    .wall_ms = -1,
                                    .cpu_ms = -1,
                                    .memory_peak_bytes = -1,
                                    .log_kept_bytes = -1,
                                    .log_dropped_bytes = -1,
                                    .metrics_dropped = -1};
    g->finished = true;
}

static int take_record(struct ingest *g, int folder, struct err *e)
{
    AUTO_BUF struct buf text = BUF_INIT(RUNFOLDER_RECORD_MAX_BYTES);
    AUTO_JSON struct json *root = NULL;
    const struct json *files = NULL;
    struct err bad = {0};

    if (fd_read_file(folder, RUNFOLDER_RECORD, RUNFOLDER_RECORD_MAX_BYTES, &text, &bad) < 0 ||
        ingest_record(g->arena, g->run, buf_cstr(&text), text.len, &g->result, &files, &root,
                      &bad) < 0) {
        if (bad.kind == E_UNAVAILABLE || (bad.kind == E_LIMIT && bad.os_errno)) {
            *e = bad;
            return -1;
        }
        log_error("run.record", LOG_STR("run", g->run), LOG_ERR(&bad));
        be_lost(g, arena_printf(g->arena, "its record cannot be read: %s", bad.message));
        return check_datasets(g, folder, e);
    }
    g->metric_lines = count_of(json_get(root, "metrics"), "lines");
    if (take_outputs(g, folder, files, e) < 0 || (g->profiles && take_report(g, e) < 0) || check_datasets(g, folder, e) < 0)
        return -1;
    g->finished = true;
    return 0;
}

int ingest_work(void *ctx, struct err *e)
{
    struct ingest *g = ctx;
    AUTO_FD int folder =
        openat(g->lab->store->runs_fd, g->run, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0 && errno == ENOENT && g->gone) {
        be_lost(g, "the folder of the run is gone");
        return 0;
    }
    if (folder < 0)
        return err_sys(e, NULL, NULL, "cannot open the folder of run %s", g->run);
    g->record = faccessat(folder, RUNFOLDER_RECORD, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    uint64_t from = g->position;
    if (read_log(g, folder, e) < 0)
        return -1;
    g->batch.from_offset = g->stored;
    g->batch.to_offset = g->position;
    if (g->more)
        return 0;
    if (!g->record) {
        if (g->gone)
            be_lost(g, "its monitor died");
        return g->finished ? check_datasets(g, folder, e) : 0;
    }
    if (take_record(g, folder, e) < 0) {
        g->position = from; /* the pass is done again as a whole */
        return -1;
    }
    return 0;
}

/* ---- commit ---- */

static int commit_bad(struct cat *db, struct ingest *g, struct err *e)
{
    for (size_t i = 0; i < g->bad_count; i++) {
        AUTO_BUF struct buf b = BUF_INIT(4096);
        struct jw w = jw_to(&b);
        jw_obj(&w);
        jw_str_at(&w, "reason", g->bad[i].reason);
        jw_end_obj(&w);
        if (cat_run_event_add(db, g->run, g->bad[i].time_us, "bad_metric", buf_cstr(&b), e) < 0)
            return -1;
    }
    return 0;
}

static int commit_changed(struct cat *db, const struct ingest *g, struct err *e)
{
    for (size_t i = 0; i < g->dataset_count; i++) {
        const struct ingest_dataset *d = &g->datasets[i];
        if (!d->changed)
            continue;
        const char *reason = arena_printf(g->arena, "after run %s: %.230s", g->run, d->changed);
        AUTO_BUF struct buf b = BUF_INIT(4096);
        struct jw w = jw_to(&b);
        jw_obj(&w);
        jw_str_at(&w, what_of(d), d->ref);
        jw_str_at(&w, "reason", d->changed);
        jw_end_obj(&w);
        bool environment = d->kind == TREE_ENV;
        int rc = environment ? cat_env_quarantine(db, d->key, reason, time_now_us(), e)
                             : cat_dataset_quarantine(db, d->key, reason, time_now_us(), e);
        if (rc < 0 || cat_run_event_add(db, g->run, time_now_us(),
                                        environment ? "environment_changed" : "dataset_changed",
                                        buf_cstr(&b), e) < 0)
            return -1;
    }
    return 0;
}

/* What the monitor wrote to the log and we never saw: a log that was cut or damaged meanwhile. */
static int commit_lost(struct cat *db, struct ingest *g, struct err *e)
{
    int64_t seen = 0;
    if (g->metric_lines < 0 || !g->result.record_json)
        return 0;
    if (cat_metric_lines(db, g->run, &seen, e) < 0)
        return -1;
    int64_t lost = g->metric_lines - seen;
    if (lost <= 0)
        return 0;
    if (g->result.metrics_dropped < 0)
        g->result.metrics_dropped = 0;
    g->result.metrics_dropped += lost;
    g->result.warnings[g->result.warning_count++] =
        arena_printf(g->arena, "%lld metric line%s of the run's log could not be read back",
                     (long long)lost, lost == 1 ? "" : "s");
    return 0;
}

int ingest_commit(struct cat *db, void *ctx, struct err *e)
{
    struct ingest *g = ctx;
    if (FAULT("ingest.commit"))
        return err_sys(e, NULL, NULL, "writing what run %s said", g->run);
    if (g->running_us && g->state == RUN_STARTING &&
        cat_run_move(db, g->run, RUN_STARTING, RUN_RUNNING, g->running_us, NULL, e) < 0)
        return -1;
    if ((g->batch.count || g->batch.bad_lines || g->batch.to_offset != g->batch.from_offset) &&
        cat_metric_add_batch(db, g->run, &g->batch, time_now_us(), e) < 0)
        return -1;
    if (commit_bad(db, g, e) < 0)
        return -1;
    if (!g->finished)
        return 0;
    if (commit_changed(db, g, e) < 0 || commit_lost(db, g, e) < 0)
        return -1;
    if (g->profiles && cat_quality_finish(db, g->arena, g->run, g->report, g->no_report ? g->no_report : g->result.reason,
                                          g->result.finished_us, e) < 0)
        return -1;
    return cat_run_finish(db, g->run, &g->result, e);
}
