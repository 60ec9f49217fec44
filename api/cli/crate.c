/*
 * crate.c - see crate.h.
 *
 * https://www.researchobject.org/workflow-run-crate/profiles/process_run_crate and the RO-Crate 1.1 specification. The
 * terms that RO-Crate 1.1 has no name for (sha256, environment) are those of the workflow-run vocabulary, named in the
 * context of the file itself, so that it is read with one context.
 */
#include "api/cli/crate.h"
#include "api/cli/cli.h"
#include "api/cli/words.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define PROCESS_PROFILE "https://w3id.org/ro/wfrun/process/0.5"
#define TERMS "https://w3id.org/ro/terms/workflow-run#"

struct crate {
    struct buf entities; /* JSON objects with a comma before each */
    struct buf actions;  /* references, with commas between */
    struct buf parts;    /* of the root: references, with commas between */
    struct buf people;   /* references, with commas between */
    char **seen;         /* identifiers that have their entity, sorted */
    size_t seen_count;
    bool has_publisher;
};

struct crate *crate_new(bool has_publisher)
{
    struct crate *c = mem_alloc(sizeof *c);
    c->has_publisher = has_publisher;
    struct buf *all[] = {&c->entities, &c->actions, &c->parts, &c->people};
    for (size_t i = 0; i < 4; i++)
        buf_init(all[i], CRATE_MAX_BYTES);
    return c;
}

void crate_free(struct crate *c)
{
    if (!c)
        return;
    struct buf *all[] = {&c->entities, &c->actions, &c->parts, &c->people};
    for (size_t i = 0; i < 4; i++)
        buf_fini(all[i]);
    for (size_t i = 0; i < c->seen_count; i++)
        free(c->seen[i]);
    free(c->seen);
    free(c);
}

/* True the first time. */
static bool is_new(struct crate *c, const char *id)
{
    size_t low = 0, high = c->seen_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int by = strcmp(id, c->seen[middle]);
        if (by == 0)
            return false;
        if (by < 0)
            high = middle;
        else
            low = middle + 1;
    }
    if ((c->seen_count & (c->seen_count + 1)) == 0) /* 2^n - 1: full */
        c->seen = mem_grow(c->seen, 2 * c->seen_count + 1, sizeof *c->seen);
    memmove(c->seen + low + 1, c->seen + low, (c->seen_count - low) * sizeof *c->seen);
    c->seen[low] = mem_strdup(id);
    c->seen_count++;
    return true;
}

/* ---- small parts ---- */

/* "2026-11-24T05:28:59.123+00:00" */
static void iso(int64_t us, char out[40])
{
    char zulu[32];
    time_iso(us, zulu);
    size_t len = strlen(zulu);
    snprintf(out, 40, "%.*s+00:00", (int)(len - 1), zulu);
}

/* As in a URI: what is not unreserved or '/' becomes %XX. */
static void add_escaped(struct buf *out, const char *s)
{
    for (; *s; s++)
        if ((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') || strchr("-._~/@", *s))
            buf_add_char(out, *s);
        else
            buf_printf(out, "%%%02X", (unsigned char)*s);
}

static void add_ref(struct buf *list, const char *id)
{
    struct jw w = jw_to(list);
    if (list->len > 0)
        buf_add_char(list, ',');
    jw_obj(&w);
    jw_str_at(&w, "@id", id);
    jw_end_obj(&w);
}

/* Opens an entity; jw_end_obj closes it. */
static struct jw open_entity(struct crate *c, const char *id, const char *type)
{
    struct jw w = jw_to(&c->entities);
    buf_add_char(&c->entities, ',');
    jw_obj(&w);
    jw_str_at(&w, "@id", id);
    jw_str_at(&w, "@type", type);
    return w;
}

static void put_ref(struct jw *w, const char *key, const char *id)
{
    jw_obj_at(w, key);
    jw_str_at(w, "@id", id);
    jw_end_obj(w);
}

static void put_refs(struct jw *w, const char *key, const struct buf *list)
{
    AUTO_BUF struct buf all = BUF_INIT(CRATE_MAX_BYTES);
    buf_add_char(&all, '[');
    buf_add(&all, list->data, list->len);
    buf_add_char(&all, ']');
    if (!all.failed)
        jw_raw_at(w, key, buf_cstr(&all), all.len);
    else
        w->out->failed = true;
}

static void put_text(struct jw *w, const char *key, const char *s)
{
    if (s && *s)
        jw_str_at(w, key, s);
}

/* A named value of a run, and a reference to it in `list`. */
static void add_value(struct crate *c, struct buf *list, const char *run, const char *kind, const char *name,
                      const struct json *value)
{
    AUTO_BUF struct buf id = BUF_INIT(64 << 10), text = BUF_INIT(1 << 20);
    if (json_type(value) == JSON_NULL)
        return;
    buf_printf(&id, "#%s-%s-", run, kind);
    add_escaped(&id, name);
    struct jw w = open_entity(c, buf_cstr(&id), "PropertyValue");
    jw_str_at(&w, "name", name);
    json_print(value, false, &text);
    jw_raw_at(&w, "value", buf_cstr(&text), text.len);
    jw_end_obj(&w);
    add_ref(list, buf_cstr(&id));
}

/* ---- what a run used ---- */

static void add_person(struct crate *c, const struct json *run, char id[300])
{
    const char *name = cli_str(json_get(run, "actor"), "name");
    AUTO_BUF struct buf b = BUF_INIT(280);
    buf_add_str(&b, "#person-");
    add_escaped(&b, name);
    snprintf(id, 300, "%s", buf_cstr(&b));
    if (!is_new(c, id))
        return;
    struct jw w = open_entity(c, id, "Person");
    jw_str_at(&w, "name", name);
    if (c->has_publisher)
        put_ref(&w, "affiliation", "#publisher");
    jw_end_obj(&w);
    add_ref(&c->people, id);
}

/* The code is the instrument; a run without any has its program's name. */
static void add_instrument(struct crate *c, const struct json *run, char id[300])
{
    const char *code = cli_str(run, "code"), *program = json_str(json_first(json_get(run, "command")));
    const struct json *git = json_get(run, "git"), *dirty = json_get(git, "dirty");
    AUTO_BUF struct buf b = BUF_INIT(280), about = BUF_INIT(1024);
    buf_add_str(&b, *code ? "enclos:code/" : "enclos:program/");
    add_escaped(&b, *code ? code : program ? program : "");
    snprintf(id, 300, "%s", buf_cstr(&b));
    if (!is_new(c, id))
        return;
    struct jw w = open_entity(c, id, *code ? "SoftwareSourceCode" : "SoftwareApplication");
    jw_str_at(&w, "name", program ? program : "program");
    if (*code) {
        jw_str_at(&w, "version", code);
        buf_add_str(&about, "Snapshot of the code folder: a manifest of paths and SHA-256 digests, whose own digest is the version.");
        if (*cli_str(git, "commit")) {
            buf_printf(&about, " Git commit %s%s%s%s, as its submitter said.", cli_str(git, "commit"),
                       *cli_str(git, "branch") ? " of " : "", cli_str(git, "branch"),
                       json_type(dirty) != JSON_BOOL ? "" : json_bool(dirty, false) ? ", with changes that are not in it" : ", unchanged");
            jw_str_at(&w, "identifier", cli_str(git, "commit"));
        }
        jw_str_at(&w, "description", buf_cstr(&about));
        put_text(&w, "sha256", code);
    } else {
        jw_str_at(&w, "softwareVersion", cli_str(json_get(run, "environment"), "ref"));
    }
    jw_str_at(&w, "url", id);
    jw_end_obj(&w);
    if (*code)
        add_ref(&c->parts, id);
}

static void add_datasets(struct crate *c, const struct json *run, struct buf *objects)
{
    const struct json *list = json_get(run, "datasets");
    for (const struct json *d = json_first(list); d; d = json_next(d)) {
        AUTO_BUF struct buf id = BUF_INIT(1024), version = BUF_INIT(64);
        buf_add_str(&id, "enclos:dataset/");
        add_escaped(&id, cli_str(d, "ref"));
        buf_add_char(&id, '/');
        add_ref(objects, buf_cstr(&id));
        if (!is_new(c, buf_cstr(&id)))
            continue;
        struct jw w = open_entity(c, buf_cstr(&id), "Dataset");
        jw_str_at(&w, "name", cli_str(d, "ref"));
        jw_str_at(&w, "description", "A sealed dataset version of the laboratory, in which it stays.");
        buf_printf(&version, "%lld", (long long)cli_int(d, "version"));
        jw_str_at(&w, "version", buf_cstr(&version));
        put_text(&w, "identifier", cli_str(d, "manifest"));
        jw_str_at(&w, "conditionsOfAccess", cli_str(d, "classification"));
        jw_end_obj(&w);
        add_ref(&c->parts, buf_cstr(&id));
    }
}

static void add_map(struct crate *c, const struct json *run, const char *key, struct buf *list)
{
    const struct json *map = json_get(run, key);
    for (const struct json *m = json_first(map); m; m = json_next(m))
        add_value(c, list, cli_str(run, "id"), key, json_key(m), m);
}

/* What is known of it beyond the profile's terms. */
static void add_facts(struct crate *c, const struct json *run, struct buf *list)
{
    static const char *const direct[] = {"seed", "profile", "profile_digest", "rerun_of", "parent", "project", "experiment",
                                         "purpose", "verdict", "exit_code", "wall_ms", "cpu_ms", "memory_peak_bytes", NULL};
    const struct json *host = json_get(run, "host"), *kernel = json_get(host, "kernel"), *env = json_get(run, "environment");
    const char *id = cli_str(run, "id");
    for (size_t i = 0; direct[i]; i++)
        add_value(c, list, id, "fact", direct[i], json_get(run, direct[i]));
    add_value(c, list, id, "fact", "filter", json_get(json_get(run, "sandbox"), "filter"));
    add_value(c, list, id, "fact", "environment", json_get(env, "ref"));
    add_value(c, list, id, "fact", "environment_manifest", json_get(env, "manifest"));
    for (const struct json *m = json_first(host); m; m = json_next(m))
        if (json_type(m) != JSON_OBJECT)
            add_value(c, list, id, "host", json_key(m), m);
    for (const struct json *m = json_first(kernel); m; m = json_next(m))
        add_value(c, list, id, "kernel", json_key(m), m);
}

/* ---- what it left ---- */

static const char *encoding_of(const char *path)
{
    static const struct {
        const char *ending, *type;
    } known[] = {{".csv", "text/csv"},          {".tsv", "text/tab-separated-values"}, {".txt", "text/plain"},
                 {".log", "text/plain"},        {".md", "text/markdown"},              {".html", "text/html"},
                 {".json", "application/json"}, {".jsonl", "application/x-ndjson"},    {".pdf", "application/pdf"},
                 {".png", "image/png"},         {".jpg", "image/jpeg"},                {".svg", "image/svg+xml"},
                 {".gz", "application/gzip"},   {".zip", "application/zip"},           {".parquet", "application/vnd.apache.parquet"}};
    size_t len = strlen(path);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t n = strlen(known[i].ending);
        if (len > n && strcmp(path + len - n, known[i].ending) == 0)
            return known[i].type;
    }
    return "application/octet-stream";
}

static void add_output(struct crate *c, const char *run, const struct json *a, struct buf *results)
{
    AUTO_BUF struct buf id = BUF_INIT(8192), size = BUF_INIT(64);
    buf_printf(&id, "enclos:output/%s/", run);
    add_escaped(&id, cli_str(a, "path"));
    struct jw w = open_entity(c, buf_cstr(&id), "File");
    jw_str_at(&w, "name", cli_str(a, "path"));
    jw_str_at(&w, "description", "An output of a run, which stays in the laboratory: only its digest is told.");
    buf_printf(&size, "%lld", (long long)cli_int(a, "size_bytes"));
    jw_str_at(&w, "contentSize", buf_cstr(&size));
    jw_str_at(&w, "sha256", cli_str(a, "sha256"));
    jw_str_at(&w, "encodingFormat", encoding_of(cli_str(a, "path")));
    jw_end_obj(&w);
    add_ref(results, buf_cstr(&id));
    add_ref(&c->parts, buf_cstr(&id));
}

static void add_metrics(struct crate *c, const struct json *run, struct buf *results)
{
    const struct json *list = json_get(run, "metrics");
    for (const struct json *m = json_first(list); m; m = json_next(m))
        add_value(c, results, cli_str(run, "id"), "metric", cli_str(m, "name"), json_get(m, "value"));
}

/* ---- a run ---- */

void crate_add_run(struct crate *c, const struct json *run, const struct json *const *artifact_lists, size_t list_count)
{
    AUTO_BUF struct buf objects = BUF_INIT(CRATE_MAX_BYTES), results = BUF_INIT(CRATE_MAX_BYTES),
                        environment = BUF_INIT(CRATE_MAX_BYTES), facts = BUF_INIT(CRATE_MAX_BYTES), command = BUF_INIT(1 << 20);
    const char *id = cli_str(run, "id"), *verdict = cli_str(run, "verdict");
    char action[64], person[300], instrument[300], time[40];

    snprintf(action, sizeof action, "#%s", id);
    add_person(c, run, person);
    add_instrument(c, run, instrument);
    add_datasets(c, run, &objects);
    add_map(c, run, "params", &objects);
    add_map(c, run, "env", &environment);
    for (size_t i = 0; i < list_count; i++)
        for (const struct json *a = json_first(artifact_lists[i]); a; a = json_next(a))
            add_output(c, id, a, &results);
    add_metrics(c, run, &results);
    add_facts(c, run, &facts);
    words_add(&command, json_get(run, "command"));

    struct jw w = open_entity(c, action, "CreateAction");
    jw_str_at(&w, "name", *cli_str(run, "name") ? cli_str(run, "name") : id);
    jw_str_at(&w, "description", buf_cstr(&command));
    put_ref(&w, "instrument", instrument);
    put_ref(&w, "agent", person);
    if (cli_int(run, "started_us") > 0) {
        iso(cli_int(run, "started_us"), time);
        jw_str_at(&w, "startTime", time);
    }
    if (cli_int(run, "finished_us") > 0) {
        iso(cli_int(run, "finished_us"), time);
        jw_str_at(&w, "endTime", time);
    }
    if (*verdict) {
        bool good = strcmp(verdict, "succeeded") == 0;
        jw_str_at(&w, "actionStatus", good ? "http://schema.org/CompletedActionStatus" : "http://schema.org/FailedActionStatus");
        if (!good)
            jw_str_at(&w, "error", cli_str(run, "reason"));
    }
    if (objects.len > 0)
        put_refs(&w, "object", &objects);
    if (results.len > 0)
        put_refs(&w, "result", &results);
    if (environment.len > 0)
        put_refs(&w, "environment", &environment);
    put_refs(&w, "additionalProperty", &facts);
    jw_end_obj(&w);
    add_ref(&c->actions, action);
}

/* ---- the whole ---- */

static void put_descriptor(struct jw *w)
{
    jw_obj(w);
    jw_str_at(w, "@id", "ro-crate-metadata.json");
    jw_str_at(w, "@type", "CreativeWork");
    put_ref(w, "about", "./");
    put_ref(w, "conformsTo", "https://w3id.org/ro/crate/1.1");
    jw_end_obj(w);
}

static void put_root(struct jw *w, const struct crate *c, const struct crate_head *head, const char *licence)
{
    char time[40];
    iso(head->now_us, time);
    jw_obj(w);
    jw_str_at(w, "@id", "./");
    jw_str_at(w, "@type", "Dataset");
    jw_str_at(w, "name", head->name);
    jw_str_at(w, "description", head->description);
    jw_str_at(w, "datePublished", time);
    put_ref(w, "license", licence);
    put_ref(w, "conformsTo", PROCESS_PROFILE);
    put_refs(w, "author", &c->people);
    if (head->publisher)
        put_ref(w, "publisher", "#publisher");
    put_refs(w, "mentions", &c->actions);
    put_refs(w, "hasPart", &c->parts);
    jw_end_obj(w);
}

bool crate_print(struct crate *c, const struct crate_head *head, struct buf *out)
{
    const char *licence = head->licence ? head->licence : "#no-licence";
    struct jw w = jw_to(out);

    jw_obj(&w);
    jw_arr_at(&w, "@context");
    jw_str(&w, "https://w3id.org/ro/crate/1.1/context");
    jw_obj(&w);
    jw_str_at(&w, "sha256", TERMS "sha256");
    jw_str_at(&w, "environment", TERMS "environment");
    jw_end_obj(&w);
    jw_end_arr(&w);
    jw_arr_at(&w, "@graph");
    put_descriptor(&w);
    put_root(&w, c, head, licence);
    jw_obj(&w);
    jw_str_at(&w, "@id", PROCESS_PROFILE);
    jw_str_at(&w, "@type", "CreativeWork");
    jw_str_at(&w, "name", "Process Run Crate");
    jw_str_at(&w, "version", "0.5");
    jw_end_obj(&w);
    jw_obj(&w);
    jw_str_at(&w, "@id", licence);
    jw_str_at(&w, "@type", "CreativeWork");
    jw_str_at(&w, "name", head->licence ? head->licence : "No licence");
    jw_str_at(&w, "description", head->licence ? "Terms under which this description may be used."
                                               : "No licence was granted on this description; what it describes stays in the laboratory.");
    jw_end_obj(&w);
    if (head->publisher) {
        jw_obj(&w);
        jw_str_at(&w, "@id", "#publisher");
        jw_str_at(&w, "@type", "Organization");
        jw_str_at(&w, "name", head->publisher);
        jw_end_obj(&w);
    }
    buf_add(out, c->entities.data, c->entities.len);
    jw_end_arr(&w);
    jw_end_obj(&w);
    buf_add_char(out, '\n');
    return !out->failed && !c->entities.failed && !c->actions.failed && !c->parts.failed && !c->people.failed;
}
