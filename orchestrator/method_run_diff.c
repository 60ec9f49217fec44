/*
 * method_run_diff.c - run.diff: two runs side by side.
 *
 *   both rows, metrics (catalog)  ->  code and outputs, from manifests and objects (pool)  ->  answer
 *
 * Code is read here and told line by line: whoever sees a run may see its code. Outputs are told by name, size and
 * digest only, since their bytes leave the lab by review alone.
 */
#include "api/common/fd.h"
#include "catalog/connection.h"
#include "catalog/manifest.h"
#include "catalog/metric.h"
#include "catalog/objects.h"
#include "catalog/run.h"
#include "orchestrator/lab.h"
#include "orchestrator/linediff.h"
#include "orchestrator/request.h"
#include "orchestrator/run_facts.h"
#include "orchestrator/run_print.h"
#include <assert.h>
#include <math.h>
#include <string.h>

enum { SIDES = 2, FILES_LISTED = 500, OUTPUTS_LISTED = 1000, DIFF_TEXT_MAX = 200 << 10, LISTS_MAX = 800 << 10 };

struct side {
    char id[TEXT_ID_SIZE];
    struct run_row row;
    struct network_row network;
    struct metric_summary *metrics;
    size_t metric_count;
    struct run_fact *facts;
    size_t fact_count;
};

struct diff {
    struct side side[SIDES]; /* a, b */
    size_t text_bytes;       /* of line diffs so far */
};

/* ---- catalog ---- */

static int read_side(struct request *q, struct cat *db, const char *param, struct side *s, struct err *e)
{
    if (cat_run_find(db, q->standing, request_str(q, param), s->id, e) < 0)
        return err_context(e, "%s", param);
    if (cat_run_get(db, q->arena, s->id, &s->row, e) < 0 || cat_network_get(db, q->arena, s->id, &s->network, e) < 0 ||
        cat_metric_latest(db, q->arena, s->id, &s->metrics, &s->metric_count, e) < 0)
        return -1;
    run_facts(&s->row, s->network.allow_hosts_json, q->arena, &s->facts, &s->fact_count);
    return 0;
}

static int read_work(struct request *q, struct cat *db, struct err *e)
{
    struct diff *d = q->state;
    return read_side(q, db, "run", &d->side[0], e) < 0 ? -1 : read_side(q, db, "other", &d->side[1], e);
}

/* ---- the head, metrics, usage ---- */

static void put_int(struct jw *w, const char *key, int64_t n, int64_t none)
{
    if (n == none)
        jw_null_at(w, key);
    else
        jw_int_at(w, key, n);
}

static void put_head(const struct side *s, const char *key, struct jw *w)
{
    const struct run_row *r = &s->row;
    jw_obj_at(w, key);
    jw_str_at(w, "id", r->id);
    jw_str_at(w, "name", r->name);
    jw_str_at(w, "state", run_state_name(r->state));
    jw_str_at(w, "verdict", r->verdict == VERDICT_NONE ? NULL : verdict_name(r->verdict));
    if (r->has_exit_code)
        jw_int_at(w, "exit_code", r->exit_code);
    else
        jw_null_at(w, "exit_code");
    jw_int_at(w, "created_us", r->created_us);
    put_int(w, "wall_ms", r->wall_ms, -1);
    put_int(w, "cpu_ms", r->cpu_ms, -1);
    put_int(w, "memory_peak_bytes", r->memory_peak_bytes, -1);
    jw_end_obj(w);
}

static void put_metric(struct jw *w, const char *key, const struct metric_summary *m)
{
    if (m)
        run_print_number(w, key, m->last);
    else
        jw_null_at(w, key);
}

/* Both lists are sorted by name. */
static void put_metrics(const struct diff *d, struct jw *w)
{
    const struct side *a = &d->side[0], *b = &d->side[1];
    size_t i = 0, k = 0, left_out = 0;
    jw_arr_at(w, "metrics");
    while (i < a->metric_count || k < b->metric_count) {
        int order = i == a->metric_count   ? 1
                    : k == b->metric_count ? -1
                                           : strcmp(a->metrics[i].name, b->metrics[k].name);
        const struct metric_summary *left = order <= 0 ? &a->metrics[i++] : NULL, *right = order >= 0 ? &b->metrics[k++] : NULL;
        const struct metric_summary *one = left ? left : right;
        assert(one);
        if (w->out->len > LISTS_MAX / 2) {
            left_out++;
            continue;
        }
        jw_obj(w);
        jw_str_at(w, "name", one->name);
        put_metric(w, "a", left);
        put_metric(w, "b", right);
        double delta = left && right ? right->last - left->last : NAN;
        if (isfinite(delta))
            jw_num_at(w, "delta", delta);
        else
            jw_null_at(w, "delta");
        jw_end_obj(w);
    }
    jw_end_arr(w);
    jw_int_at(w, "metrics_left_out", (int64_t)left_out);
}

/* ---- outputs ---- */

static void put_file(struct jw *w, const char *key, const char *sha256, uint64_t size_bytes)
{
    if (!sha256) {
        jw_null_at(w, key);
        return;
    }
    jw_obj_at(w, key);
    jw_str_at(w, "sha256", sha256);
    jw_int_at(w, "size_bytes", (int64_t)size_bytes);
    jw_end_obj(w);
}

static void put_outputs(const struct diff *d, struct jw *w)
{
    static const char *const states[] = {"identical", "different", "missing", "new"};
    const struct run_row *a = &d->side[0].row, *b = &d->side[1].row;
    int64_t counts[4] = {0};
    size_t i = 0, k = 0, listed = 0, left_out = 0;

    jw_obj_at(w, "outputs");
    jw_arr_at(w, "files");
    while (i < a->artifact_count || k < b->artifact_count) {
        int order = i == a->artifact_count   ? 1
                    : k == b->artifact_count ? -1
                                             : strcmp(a->artifacts[i].path, b->artifacts[k].path);
        const struct run_artifact *left = order <= 0 ? &a->artifacts[i++] : NULL,
                                  *right = order >= 0 ? &b->artifacts[k++] : NULL;
        int state = !right ? 2 : !left ? 3 : strcmp(left->sha256, right->sha256) == 0 ? 0 : 1;
        const struct run_artifact *one = left ? left : right;
        assert(one);
        counts[state]++;
        if (listed == OUTPUTS_LISTED || w->out->len > LISTS_MAX) {
            left_out++;
            continue;
        }
        listed++;
        jw_obj(w);
        jw_str_at(w, "path", one->path);
        jw_str_at(w, "state", states[state]);
        put_file(w, "a", left ? left->sha256 : NULL, left ? left->size_bytes : 0);
        put_file(w, "b", right ? right->sha256 : NULL, right ? right->size_bytes : 0);
        jw_end_obj(w);
    }
    jw_end_arr(w);
    for (int n = 0; n < 4; n++)
        jw_int_at(w, states[n], counts[n]);
    jw_int_at(w, "files_left_out", (int64_t)left_out);
    jw_end_obj(w);
}

/* ---- code ---- */

static int read_object(struct request *q, const struct manifest_entry *f, struct buf *out, struct err *e)
{
    AUTO_FD int fd = -1;
    if (!f)
        return 0;
    return objects_open(q->lab->store, f->sha256, &fd, NULL, e) < 0
               ? -1
               : fd_read_all(fd, LINEDIFF_MAX_BYTES, out, f->path, e);
}

static bool is_text(struct buf *b)
{
    return !memchr(buf_cstr(b), 0, b->len) && text_is_utf8(buf_cstr(b), b->len);
}

/* The line diff of one file, or why there is none. */
static void put_lines(struct request *q, const struct manifest_entry *a, const struct manifest_entry *b, struct jw *w)
{
    struct diff *d = q->state;
    AUTO_BUF struct buf left = BUF_INIT(LINEDIFF_MAX_BYTES + 1), right = BUF_INIT(LINEDIFF_MAX_BYTES + 1),
                        text = BUF_INIT(4 * LINEDIFF_MAX_BYTES), json = BUF_INIT(32 * LINEDIFF_MAX_BYTES);
    struct jw told = jw_to(&json);
    struct err e = {0};
    const char *why = NULL;
    int64_t added = 0, removed = 0;

    if (!request_bool(q, "lines", true))
        why = "not_asked";
    else if ((a && a->size_bytes > LINEDIFF_MAX_BYTES) || (b && b->size_bytes > LINEDIFF_MAX_BYTES))
        why = "too_large";
    else if (d->text_bytes >= DIFF_TEXT_MAX)
        why = "too_many";
    else if (read_object(q, a, &left, &e) < 0 || read_object(q, b, &right, &e) < 0)
        why = e.kind == E_NOT_FOUND ? "missing" : "unreadable";
    else if (!is_text(&left) || !is_text(&right))
        why = "binary";
    else if (!linediff(buf_cstr(&left), left.len, buf_cstr(&right), right.len, &text, &added, &removed))
        why = "too_different";
    if (!why)
        jw_str(&told, buf_cstr(&text));
    if (!why && json.len > DIFF_TEXT_MAX - d->text_bytes)
        why = "too_many";
    if (!why || strcmp(why, "too_many") == 0) {
        jw_int_at(w, "lines_added", added);
        jw_int_at(w, "lines_removed", removed);
    } else {
        jw_null_at(w, "lines_added");
        jw_null_at(w, "lines_removed");
    }
    if (why) {
        jw_null_at(w, "diff");
    } else {
        d->text_bytes += json.len;
        jw_raw_at(w, "diff", buf_cstr(&json), json.len);
    }
    jw_str_at(w, "why", why);
}

static void put_code_file(struct request *q, const struct manifest_entry *a, const struct manifest_entry *b, struct jw *w)
{
    const struct manifest_entry *one = a ? a : b;
    bool content = !a || !b || strcmp(a->sha256, b->sha256) != 0;
    assert(one);
    jw_obj(w);
    jw_str_at(w, "path", one->path);
    jw_str_at(w, "change", !a ? "added" : !b ? "removed" : content ? "changed" : "mode");
    put_file(w, "a", a ? a->sha256 : NULL, a ? a->size_bytes : 0);
    put_file(w, "b", b ? b->sha256 : NULL, b ? b->size_bytes : 0);
    if (content)
        put_lines(q, a, b, w);
    jw_end_obj(w);
}

static int load_code(struct request *q, const char *id, struct manifest **out, struct err *e)
{
    return id ? manifest_load(q->lab->store, id, out, e) : 0;
}

static void put_code(struct request *q, struct jw *w)
{
    const struct diff *d = q->state;
    const char *a_id = d->side[0].row.code, *b_id = d->side[1].row.code;
    AUTO_MANIFEST struct manifest *a = NULL;
    AUTO_MANIFEST struct manifest *b = NULL;
    struct err e = {0};
    size_t i = 0, k = 0, listed = 0, left_out = 0;

    jw_obj_at(w, "code");
    jw_str_at(w, "a", a_id);
    jw_str_at(w, "b", b_id);
    bool same = a_id && b_id ? strcmp(a_id, b_id) == 0 : a_id == b_id;
    jw_bool_at(w, "same", same);
    /* Code that is gone or damaged is no reason to say nothing of the rest. */
    bool known = same || (load_code(q, a_id, &a, &e) == 0 && load_code(q, b_id, &b, &e) == 0);
    jw_str_at(w, "error", known ? NULL : e.message);
    jw_arr_at(w, "files");
    size_t a_count = a ? a->count : 0, b_count = b ? b->count : 0;
    while (known && !same && (i < a_count || k < b_count)) {
        int order = i == a_count ? 1 : k == b_count ? -1 : strcmp(a->entries[i].path, b->entries[k].path);
        const struct manifest_entry *left = order <= 0 ? &a->entries[i++] : NULL, *right = order >= 0 ? &b->entries[k++] : NULL;
        if (left && right && strcmp(left->sha256, right->sha256) == 0 && left->executable == right->executable)
            continue;
        if (listed == FILES_LISTED || w->out->len > LISTS_MAX) {
            left_out++;
            continue;
        }
        listed++;
        put_code_file(q, left, right, w);
    }
    jw_end_arr(w);
    jw_int_at(w, "files_left_out", (int64_t)left_out);
    jw_end_obj(w);
}

static int print_work(struct request *q, struct cat *db, struct err *e)
{
    const struct diff *d = q->state;
    const struct side *a = &d->side[0], *b = &d->side[1];
    struct jw w = jw_to(&q->out);
    (void)db;
    (void)e;
    jw_obj(&w);
    put_head(a, "a", &w);
    put_head(b, "b", &w);
    run_facts_compare(a->facts, a->fact_count, b->facts, b->fact_count, &w);
    put_metrics(d, &w);
    put_code(q, &w);
    put_outputs(d, &w);
    jw_end_obj(&w);
    return 0;
}

static void have_read(struct request *q, const struct err *e)
{
    if (e)
        request_end(q, e);
    else
        request_pool(q, print_work, NULL);
}

int method_run_diff(struct request *q, struct err *e)
{
    struct diff *d = arena_alloc(q->arena, sizeof *d);
    (void)e;
    *d = (struct diff){.text_bytes = 0};
    q->state = d;
    request_read(q, read_work, have_read);
    return 0;
}
