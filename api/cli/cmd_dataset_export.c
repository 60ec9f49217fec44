/*
 * cmd_dataset_export.c - enclos dataset export: a version and its card as DCAT-AP 3 or Croissant (JSON-LD).
 *
 * For catalogs outside: nothing of the data is in it. What is where in this lab is not told either: a file is
 * enclos:dataset/NAME@VERSION#PATH, which only a lab can follow, with its size and SHA-256. What a format requires
 * and the card does not say is refused by name: an empty licence would be a lie.
 */
#include "api/cli/command.h"
#include "api/cli/dataset_call.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

const struct opt cmd_dataset_export_options[] = {
    {"format", 0, T_DS_A_FORMAT, T_DS_O_FORMAT, false},
    {0},
};

struct export {
    struct cli *c;
    struct arena *arena;
    struct client_answer *version, *card; /* borrowed */
    const struct json *d, *answers;       /* of them */
    const char *ref;
    char url[160]; /* enclos:dataset/X@1 */
    size_t files;  /* told so far */
};

/* ---- the card ---- */

static const char *said(const struct export *x, const char *field)
{
    const char *s = json_str(json_get(x->answers, field));

    return s ? s : "";
}

/* A bilingual answer, or what was said of that version when it was added (language not known: NULL). */
static const char *in_language(const struct export *x, const char *field, const char *lang)
{
    const struct json *v = json_get(x->answers, field);

    return json_type(v) == JSON_OBJECT ? cli_str(v, lang) : "";
}

static const char *any_language(const struct export *x, const char *field)
{
    const char *en = in_language(x, field, "en"), *fr = in_language(x, field, "fr");

    return say_lang() == LANG_FR ? (*fr ? fr : *en ? en : cli_str(x->d, field))
                                 : (*en ? en : *fr ? fr : cli_str(x->d, field));
}

static int need(const struct export *x, const char *const *fields, struct err *e)
{
    AUTO_BUF struct buf missing = BUF_INIT(512);

    for (size_t i = 0; fields[i]; i++) {
        bool text = strcmp(fields[i], "title") == 0 || strcmp(fields[i], "description") == 0;
        if (text ? !*any_language(x, fields[i]) : !*said(x, fields[i]))
            buf_printf(&missing, "%s%s", missing.len > 0 ? ", " : "", fields[i]);
    }
    if (missing.len == 0)
        return 0;
    return say_err(e, E_CONFLICT, NULL, T_DS_EXPORT_MISSING_HINT, T_DS_EXPORT_MISSING, x->ref, buf_cstr(&missing));
}

static void iso_day(int64_t us, char out[32])
{
    time_t seconds = (time_t)(us / 1000000);
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(out, 32, "%Y-%m-%d", &tm);
}

/* ---- files ---- */

static const char *media_type(const char *path)
{
    static const struct {
        const char *end, *type;
    } known[] = {
        {".csv", "text/csv"},
        {".tsv", "text/tab-separated-values"},
        {".txt", "text/plain"},
        {".md", "text/markdown"},
        {".json", "application/json"},
        {".jsonl", "application/jsonlines"},
        {".ndjson", "application/jsonlines"},
        {".xml", "application/xml"},
        {".parquet", "application/vnd.apache.parquet"},
        {".zip", "application/zip"},
        {".gz", "application/gzip"},
        {".pdf", "application/pdf"},
        {".png", "image/png"},
        {".jpg", "image/jpeg"},
        {".jpeg", "image/jpeg"},
        {".wav", "audio/wav"},
        {".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    };
    size_t len = strlen(path);

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t n = strlen(known[i].end);
        if (len > n && strcasecmp(path + len - n, known[i].end) == 0)
            return known[i].type;
    }
    return "application/octet-stream";
}

/* enclos:dataset/X@1#PATH, what a fragment may not hold in percent signs (RFC 3986). */
static void file_url(const struct export *x, const char *path, struct buf *out)
{
    buf_clear(out);
    buf_printf(out, "%s#", x->url);
    for (const unsigned char *p = (const unsigned char *)path; *p; p++)
        if ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
            strchr("-._~/", *p))
            buf_add_char(out, (char)*p);
        else
            buf_printf(out, "%%%02X", *p);
}

typedef void print_file(struct export *x, const struct json *file, struct jw *w);

static int each_file(struct export *x, print_file *print, struct jw *w, struct err *e)
{
    AUTO_ANSWER struct client_answer page = {0};
    AUTO_BUF struct buf cursor = BUF_INIT(4096);

    do {
        AUTO_BUF struct buf params = BUF_INIT(1 << 14);
        struct jw p = jw_to(&params);
        jw_obj(&p);
        jw_str_at(&p, "name", cli_str(x->d, "name"));
        jw_int_at(&p, "version", cli_int(x->d, "version"));
        jw_int_at(&p, "limit", 5000);
        if (cursor.len > 0)
            jw_str_at(&p, "cursor", buf_cstr(&cursor));
        jw_end_obj(&p);
        if (cli_call(x->c, "dataset.files", buf_cstr(&params), &page, e) < 0)
            return -1;
        for (const struct json *f = json_first(json_get(page.result, "files")); f; f = json_next(f))
            print(x, f, w);
        buf_clear(&cursor);
        buf_add_str(&cursor, cli_str(page.result, "next_cursor"));
    } while (cursor.len > 0);
    return 0;
}

/* ---- Croissant ---- */

/* The context that the specification of Croissant 1.0 gives; the names are its own. */
static const char croissant_context[] =
    "{\"@language\":\"en\",\"@vocab\":\"https://schema.org/\",\"citeAs\":\"cr:citeAs\",\"column\":\"cr:column\","
    "\"conformsTo\":\"dct:conformsTo\",\"cr\":\"http://mlcommons.org/croissant/\","
    "\"rai\":\"http://mlcommons.org/croissant/RAI/\",\"data\":{\"@id\":\"cr:data\",\"@type\":\"@json\"},"
    "\"dataType\":{\"@id\":\"cr:dataType\",\"@type\":\"@vocab\"},\"dct\":\"http://purl.org/dc/terms/\",\"equivalentProperty\":\"cr:equivalentProperty\","
    "\"examples\":{\"@id\":\"cr:examples\",\"@type\":\"@json\"},\"extract\":\"cr:extract\",\"field\":\"cr:field\","
    "\"fileProperty\":\"cr:fileProperty\",\"fileObject\":\"cr:fileObject\",\"fileSet\":\"cr:fileSet\","
    "\"format\":\"cr:format\",\"includes\":\"cr:includes\",\"isLiveDataset\":\"cr:isLiveDataset\","
    "\"jsonPath\":\"cr:jsonPath\",\"key\":\"cr:key\",\"md5\":\"cr:md5\",\"parentField\":\"cr:parentField\","
    "\"path\":\"cr:path\",\"recordSet\":\"cr:recordSet\",\"references\":\"cr:references\",\"regex\":\"cr:regex\","
    "\"repeated\":\"cr:repeated\",\"replace\":\"cr:replace\",\"samplingRate\":\"cr:samplingRate\",\"sc\":\"https://schema.org/\","
    "\"separator\":\"cr:separator\",\"source\":\"cr:source\",\"subField\":\"cr:subField\","
    "\"transform\":\"cr:transform\"}";

static void croissant_file(struct export *x, const struct json *f, struct jw *w)
{
    AUTO_BUF struct buf url = BUF_INIT(8192);
    char size[32];

    file_url(x, cli_str(f, "path"), &url);
    snprintf(size, sizeof size, "%lld B", (long long)cli_int(f, "size_bytes"));
    jw_obj(w);
    jw_str_at(w, "@type", "cr:FileObject");
    jw_str_at(w, "@id", arena_printf(x->arena, "file-%zu", ++x->files));
    jw_str_at(w, "name", cli_str(f, "path"));
    jw_str_at(w, "contentUrl", buf_cstr(&url));
    jw_str_at(w, "contentSize", size);
    jw_str_at(w, "encodingFormat", media_type(cli_str(f, "path")));
    jw_str_at(w, "sha256", cli_str(f, "sha256"));
    jw_end_obj(w);
}

static void list_at(struct jw *w, const char *key, const struct json *list)
{
    if (json_count(list) == 0)
        return;
    jw_arr_at(w, key);
    for (const struct json *v = json_first(list); v; v = json_next(v))
        jw_str(w, json_str(v));
    jw_end_arr(w);
}

static int croissant(struct export *x, struct jw *w, struct err *e)
{
    char day[32], number[40];

    if (need(x, (const char *const[]){"title", "description", "licence", "organisation", NULL}, e) < 0)
        return -1;
    iso_day(cli_int(x->d, "sealed_us"), day);
    snprintf(number, sizeof number, "%lld.0.0", (long long)cli_int(x->d, "version"));
    jw_obj(w);
    jw_raw_at(w, "@context", croissant_context, strlen(croissant_context));
    jw_str_at(w, "@type", "sc:Dataset");
    jw_str_at(w, "conformsTo", "http://mlcommons.org/croissant/1.0");
    jw_str_at(w, "name", cli_str(x->d, "name"));
    jw_str_at(w, "alternateName", any_language(x, "title"));
    jw_str_at(w, "description", any_language(x, "description"));
    jw_str_at(w, "identifier", x->ref);
    jw_str_at(w, "url", x->url);
    jw_str_at(w, "version", number);
    jw_str_at(w, "datePublished", day);
    jw_str_at(w, "license", said(x, "licence"));
    jw_str_at(w, "citeAs", arena_printf(x->arena, "%s: %s, %s", said(x, "organisation"), any_language(x, "title"), x->ref));
    jw_obj_at(w, "creator");
    jw_str_at(w, "@type", "sc:Organization");
    jw_str_at(w, "name", said(x, "organisation"));
    jw_end_obj(w);
    list_at(w, "inLanguage", json_get(x->answers, "languages"));
    list_at(w, "keywords", json_get(x->answers, "keywords"));
    if (*said(x, "period_from") || *said(x, "period_to"))
        jw_str_at(w, "temporalCoverage",
                  arena_printf(x->arena, "%s/%s", *said(x, "period_from") ? said(x, "period_from") : "..",
                               *said(x, "period_to") ? said(x, "period_to") : ".."));
    jw_arr_at(w, "distribution");
    if (each_file(x, croissant_file, w, e) < 0)
        return -1;
    jw_end_arr(w);
    jw_end_obj(w);
    return 0;
}

/* ---- DCAT-AP ---- */

static const char dcat_context[] =
    "{\"dcat\":\"http://www.w3.org/ns/dcat#\",\"dct\":\"http://purl.org/dc/terms/\",\"equivalentProperty\":\"cr:equivalentProperty\","
    "\"foaf\":\"http://xmlns.com/foaf/0.1/\",\"vcard\":\"http://www.w3.org/2006/vcard/ns#\","
    "\"spdx\":\"http://spdx.org/rdf/terms#\",\"rdfs\":\"http://www.w3.org/2000/01/rdf-schema#\","
    "\"xsd\":\"http://www.w3.org/2001/XMLSchema#\"}";

static void id_at(struct jw *w, const char *key, const char *id)
{
    jw_obj_at(w, key);
    jw_str_at(w, "@id", id);
    jw_end_obj(w);
}

static void typed_at(struct jw *w, const char *key, const char *type, const char *value)
{
    jw_obj_at(w, key);
    jw_str_at(w, "@type", type);
    jw_str_at(w, "@value", value);
    jw_end_obj(w);
}

/* One literal a language; without any, what was said when the version was added. */
static void texts_at(const struct export *x, struct jw *w, const char *key, const char *field)
{
    static const char *const langs[] = {"fr", "en"};
    bool any = false;

    jw_arr_at(w, key);
    for (size_t i = 0; i < 2; i++) {
        if (!*in_language(x, field, langs[i]))
            continue;
        any = true;
        jw_obj(w);
        jw_str_at(w, "@language", langs[i]);
        jw_str_at(w, "@value", in_language(x, field, langs[i]));
        jw_end_obj(w);
    }
    if (!any)
        jw_str(w, cli_str(x->d, field));
    jw_end_arr(w);
}

static void agent_at(const struct export *x, struct jw *w, const char *key)
{
    jw_obj_at(w, key);
    jw_str_at(w, "@id", "_:organisation");
    jw_str_at(w, "@type", "foaf:Agent");
    jw_str_at(w, "foaf:name", said(x, "organisation"));
    jw_end_obj(w);
}

static void licence_at(const struct export *x, struct jw *w)
{
    const char *licence = said(x, "licence");
    bool url = strncmp(licence, "http://", 7) == 0 || strncmp(licence, "https://", 8) == 0;

    jw_obj_at(w, "dct:license");
    if (url)
        jw_str_at(w, "@id", licence);
    else if (!strchr(licence, ' '))
        jw_str_at(w, "@id", arena_printf(x->arena, "https://spdx.org/licenses/%s", licence));
    jw_str_at(w, "@type", "dct:LicenseDocument");
    jw_str_at(w, "rdfs:label", licence);
    jw_end_obj(w);
}

static void access_at(const struct export *x, struct jw *w)
{
    const char *label = cli_str(x->d, "classification");
    const struct json *personal = json_get(x->answers, "personal");
    bool is_public = strcmp(label, "public") == 0 && json_type(personal) == JSON_BOOL && !json_bool(personal, true);

    jw_obj_at(w, "dct:accessRights");
    jw_str_at(w, "@id",
              is_public ? "http://publications.europa.eu/resource/authority/access-right/PUBLIC"
              : strcmp(label, "interne") == 0 || strcmp(label, "public") == 0
                  ? "http://publications.europa.eu/resource/authority/access-right/RESTRICTED"
                  : "http://publications.europa.eu/resource/authority/access-right/NON_PUBLIC");
    jw_str_at(w, "@type", "dct:RightsStatement");
    jw_end_obj(w);
}

static void languages_at(const struct export *x, struct jw *w)
{
    static const struct {
        const char *code, *authority;
    } known[] = {{"fr", "FRA"}, {"en", "ENG"}, {"iu", "IKU"}, {"es", "SPA"}};
    const struct json *list = json_get(x->answers, "languages");

    if (json_count(list) == 0)
        return;
    jw_arr_at(w, "dct:language");
    for (const struct json *v = json_first(list); v; v = json_next(v)) {
        const char *code = json_str(v), *authority = NULL;
        for (size_t i = 0; code && i < sizeof known / sizeof *known; i++)
            if (strncmp(code, known[i].code, 2) == 0 && (code[2] == '\0' || code[2] == '-'))
                authority = known[i].authority;
        if (!authority)
            continue;
        jw_obj(w);
        jw_str_at(w, "@id",
                  arena_printf(x->arena, "http://publications.europa.eu/resource/authority/language/%s", authority));
        jw_str_at(w, "@type", "dct:LinguisticSystem");
        jw_end_obj(w);
    }
    jw_end_arr(w);
}

static void period_at(const struct export *x, struct jw *w)
{
    const char *from = said(x, "period_from"), *to = said(x, "period_to");

    if (!*from && !*to)
        return;
    jw_obj_at(w, "dct:temporal");
    jw_str_at(w, "@type", "dct:PeriodOfTime");
    if (*from)
        typed_at(w, "dcat:startDate", "xsd:date", from);
    if (*to)
        typed_at(w, "dcat:endDate", "xsd:date", to);
    jw_end_obj(w);
}

static void dcat_file(struct export *x, const struct json *f, struct jw *w)
{
    AUTO_BUF struct buf url = BUF_INIT(8192);
    char size[32];

    file_url(x, cli_str(f, "path"), &url);
    snprintf(size, sizeof size, "%lld", (long long)cli_int(f, "size_bytes"));
    jw_obj(w);
    jw_str_at(w, "@id", buf_cstr(&url));
    jw_str_at(w, "@type", "dcat:Distribution");
    jw_str_at(w, "dct:title", cli_str(f, "path"));
    id_at(w, "dcat:accessURL", x->url);
    jw_obj_at(w, "dcat:mediaType");
    jw_str_at(w, "@id",
              arena_printf(x->arena, "http://www.iana.org/assignments/media-types/%s", media_type(cli_str(f, "path"))));
    jw_str_at(w, "@type", "dct:MediaType");
    jw_end_obj(w);
    typed_at(w, "dcat:byteSize", "xsd:nonNegativeInteger", size);
    licence_at(x, w);
    jw_obj_at(w, "spdx:checksum");
    jw_str_at(w, "@type", "spdx:Checksum");
    id_at(w, "spdx:algorithm", "http://spdx.org/rdf/terms#checksumAlgorithm_sha256");
    typed_at(w, "spdx:checksumValue", "xsd:hexBinary", cli_str(f, "sha256"));
    jw_end_obj(w);
    jw_end_obj(w);
}

static int dcat_dataset(struct export *x, struct jw *w, struct err *e)
{
    char day[32];

    jw_obj(w);
    jw_str_at(w, "@id", x->url);
    jw_str_at(w, "@type", "dcat:Dataset");
    texts_at(x, w, "dct:title", "title");
    texts_at(x, w, "dct:description", "description");
    jw_str_at(w, "dct:identifier", x->ref);
    jw_str_at(w, "dcat:version", arena_printf(x->arena, "%lld", (long long)cli_int(x->d, "version")));
    id_at(w, "dct:publisher", "_:organisation");
    access_at(x, w);
    languages_at(x, w);
    period_at(x, w);
    iso_day(cli_int(x->d, "sealed_us"), day);
    typed_at(w, "dct:issued", "xsd:date", day);
    list_at(w, "dcat:keyword", json_get(x->answers, "keywords"));
    if (*said(x, "source")) {
        jw_obj_at(w, "dct:provenance");
        jw_str_at(w, "@type", "dct:ProvenanceStatement");
        jw_str_at(w, "rdfs:label", said(x, "source"));
        jw_end_obj(w);
    }
    if (*said(x, "contact")) {
        const char *contact = said(x, "contact");
        jw_obj_at(w, "dcat:contactPoint");
        jw_raw_at(w, "@type", "[\"vcard:Organization\",\"vcard:Kind\"]", strlen("[\"vcard:Organization\",\"vcard:Kind\"]"));
        jw_str_at(w, "vcard:fn", contact);
        if (strchr(contact, '@') && !strchr(contact, ' '))
            id_at(w, "vcard:hasEmail", arena_printf(x->arena, "mailto:%s", contact));
        jw_end_obj(w);
    }
    jw_arr_at(w, "dcat:distribution");
    if (each_file(x, dcat_file, w, e) < 0)
        return -1;
    jw_end_arr(w);
    jw_end_obj(w);
    return 0;
}

static int dcat(struct export *x, struct jw *w, struct err *e)
{
    if (need(x, (const char *const[]){"title", "description", "licence", "organisation", NULL}, e) < 0)
        return -1;
    jw_obj(w);
    jw_raw_at(w, "@context", dcat_context, strlen(dcat_context));
    jw_arr_at(w, "@graph");
    jw_obj(w);
    jw_str_at(w, "@id", "enclos:catalog");
    jw_str_at(w, "@type", "dcat:Catalog");
    jw_str_at(w, "dct:title", "Enclos");
    jw_arr_at(w, "dct:description");
    for (int lang = 0; lang < LANG_COUNT; lang++) {
        jw_obj(w);
        jw_str_at(w, "@language", lang == LANG_FR ? "fr" : "en");
        jw_str_at(w, "@value", tr_in((enum lang)lang, T_DS_CATALOG));
        jw_end_obj(w);
    }
    jw_end_arr(w);
    agent_at(x, w, "dct:publisher");
    id_at(w, "dcat:dataset", x->url);
    jw_end_obj(w);
    if (dcat_dataset(x, w, e) < 0)
        return -1;
    jw_end_arr(w);
    jw_end_obj(w);
    return 0;
}

/* ---- the command ---- */

static int load(struct export *x, const char *name, int64_t version, struct err *e)
{
    AUTO_BUF struct buf params = BUF_INIT(1024);
    struct jw w = jw_to(&params);

    jw_obj(&w);
    dataset_write_ref(&w, name, version);
    jw_end_obj(&w);
    if (cli_call(x->c, "dataset.get", buf_cstr(&params), x->version, e) < 0)
        return -1;
    x->d = x->version->result;
    x->ref = cli_str(x->d, "ref");
    snprintf(x->url, sizeof x->url, "enclos:dataset/%s", x->ref);
    if (cli_int(x->d, "sealed_us") == 0)
        return say_err(e, E_CONFLICT, NULL, T_NONE, T_DS_EXPORT_DRAFT, x->ref);
    if (cli_call_with(x->c, "dataset.card", "name", name, x->card, e) < 0)
        return -1;
    x->answers = json_get(x->card->result, "answers");
    return 0;
}

static void free_arena_at(struct arena **a)
{
    arena_free(*a);
}

int cmd_dataset_export(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer version = {0}, card = {0};
    AUTO_BUF struct buf out = BUF_INIT(64 << 20);
    struct arena *arena __attribute__((cleanup(free_arena_at))) = arena_new();
    struct export x = {.c = c, .arena = arena, .version = &version, .card = &card};
    struct jw w = jw_to(&out);
    const char *format = args_get(a, "format");
    char name[65] = "";
    int64_t number = 0;

    if (dataset_word(a, false, name, &number, e) != CLI_OK)
        return CLI_BAD_USAGE;
    bool is_dcat = format && strcmp(format, "dcat") == 0;
    if (!is_dcat && (!format || strcmp(format, "croissant") != 0)) {
        (void)say_err(e, E_INVALID, NULL, T_NONE, T_DS_BAD_FORMAT, format ? format : "");
        return CLI_BAD_USAGE;
    }
    int rc = load(&x, name, number, e);
    if (rc == 0)
        rc = is_dcat ? dcat(&x, &w, e) : croissant(&x, &w, e);
    if (rc < 0)
        return CLI_FAILED;
    buf_add_char(&out, '\n');
    cli_print(&out);
    return CLI_OK;
}
