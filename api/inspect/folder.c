/*
 * folder.c - see folder.h. What a file is, its content says; its name only helps.
 */
#include "api/inspect/folder.h"

#include "api/common/fd.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 16, PATHS_MAX = 100000 };

/* ---- which files ---- */

struct paths {
    struct arena *arena;
    const char **all;
    size_t count, room;
};

static int walk(int dir_fd, const char *below, unsigned depth, struct paths *p, struct err *e)
{
    int own = openat(dir_fd, below[0] ? below : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (own < 0)
        return err_sys(e, NULL, NULL, "cannot open the folder %s", below);
    DIR *d = fdopendir(own);
    if (!d) {
        close(own);
        return err_sys(e, NULL, NULL, "cannot list the folder %s", below);
    }
    int rc = 0;
    for (struct dirent *one; rc == 0 && p->count < PATHS_MAX && (one = readdir(d));) {
        struct stat st;
        if (strcmp(one->d_name, ".") == 0 || strcmp(one->d_name, "..") == 0)
            continue;
        const char *path = arena_printf(p->arena, "%s%s%s", below, below[0] ? "/" : "", one->d_name);
        if (fstatat(dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
            rc = walk(dir_fd, path, depth + 1, p, e);
        if (!S_ISREG(st.st_mode))
            continue;
        if (p->count == p->room) {
            p->room = p->room ? p->room * 2 : 64;
            p->all = mem_grow(p->all, p->room, sizeof *p->all);
        }
        p->all[p->count++] = path;
    }
    closedir(d);
    return rc;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* ---- one file ---- */

enum format { FORMAT_EMPTY, FORMAT_BINARY, FORMAT_UTF16, FORMAT_JSONL, FORMAT_DELIMITED };

static enum format format_of(const struct feed *f)
{
    const unsigned char *s = (const unsigned char *)f->window + f->start;
    size_t len = f->end - f->start, looked = len < 8192 ? len : 8192;
    if (len == 0)
        return FORMAT_EMPTY;
    if (len >= 2 && ((s[0] == 0xff && s[1] == 0xfe) || (s[0] == 0xfe && s[1] == 0xff)))
        return FORMAT_UTF16;
    size_t zeros = 0, controls = 0;
    for (size_t i = 0; i < looked; i++) {
        zeros += s[i] == 0;
        controls += s[i] < 32 && s[i] != '\n' && s[i] != '\r' && s[i] != '\t' && s[i] != '\f';
    }
    if (zeros * 50 > looked || controls * 20 > looked || (len >= 2 && s[0] == 0x1f && s[1] == 0x8b) ||
        (len >= 4 && (memcmp(s, "PK\3\4", 4) == 0 || memcmp(s, "PAR1", 4) == 0 || memcmp(s, "%PDF", 4) == 0)))
        return FORMAT_BINARY;
    return jsonl_sniff((const char *)s, len) ? FORMAT_JSONL : FORMAT_DELIMITED;
}

static void print_encoding(struct jw *w, const struct encoding *c)
{
    jw_str_at(w, "encoding", encoding_name(c));
    jw_bool_at(w, "bom", c->bom);
    jw_int_at(w, "encoding_faults", (int64_t)c->faults);
    jw_int_at(w, "first_encoding_fault_row", (int64_t)c->first_fault);
}

static bool ends_with(const char *path, const char *with)
{
    size_t n = strlen(path), m = strlen(with);
    return n >= m && strcasecmp(path + n - m, with) == 0;
}

static int delimited(struct jw *w, struct feed *f, const char *path, const struct folder_options *o, struct encoding start,
                     size_t *columns, struct err *e)
{
    struct csv_options options = {.delimiter = o->delimiter, .header = o->header, .columns = *columns,
                                  .is_table = ends_with(path, ".csv") || ends_with(path, ".tsv") || ends_with(path, ".tab")};
    struct csv_facts facts = {.encoding = start};
    struct table t = {0};
    /* A text file is lines whatever commas are in it, unless somebody says otherwise. */
    if (!options.delimiter && (ends_with(path, ".txt") || ends_with(path, ".md") || ends_with(path, ".log"))) {
        char found = sniff_delimiter(f->window + f->start, f->end - f->start < 65536 ? f->end - f->start : 65536, '\n', false);
        options.delimiter = found == '\t' || found == ';' || found == '|' ? found : '\n';
    }
    int rc = csv_profile(f, &options, &t, &facts, e);
    if (rc == 0) {
        char delimiter[2] = {facts.delimiter, 0};
        jw_str_at(w, "format", facts.is_text ? "text" : facts.delimiter == '\t' ? "tsv" : "csv");
        jw_str_at(w, "delimiter", facts.is_text ? NULL : delimiter);
        jw_bool_at(w, "header", facts.header);
        print_encoding(w, &facts.encoding);
        jw_str_at(w, "line_ends", facts.line == '\r' ? "cr" : facts.crlf == 0 ? "lf" : facts.crlf >= t.rows ? "crlf" : "mixed");
        jw_int_at(w, "blank_lines", (int64_t)facts.blank_lines);
        jw_int_at(w, "cut_fields", (int64_t)facts.cut_fields);
        jw_int_at(w, "stray_quotes", (int64_t)facts.stray_quotes);
        jw_bool_at(w, "unclosed_quote", facts.unclosed_quote);
        report_table(w, &t, &facts.encoding, &o->report);
        *columns -= t.count;
    }
    table_fini(&t);
    return rc;
}

static int json_lines(struct jw *w, struct feed *f, const struct folder_options *o, struct encoding start, size_t *columns,
                      struct err *e)
{
    struct jsonl_facts facts = {.encoding = start};
    struct encoding utf8 = {.kind = ENCODING_UTF8}; /* escapes may stand for any character */
    struct table t = {0};
    int rc = jsonl_profile(f, *columns, &t, &facts, e);
    if (rc == 0) {
        jw_str_at(w, "format", "jsonl");
        print_encoding(w, &facts.encoding);
        jw_int_at(w, "blank_lines", (int64_t)facts.blank_lines);
        jw_int_at(w, "bad_lines", (int64_t)facts.bad_lines);
        jw_int_at(w, "first_bad_line", (int64_t)facts.first_bad_line);
        report_table(w, &t, facts.encoding.kind == ENCODING_BYTES ? &facts.encoding : &utf8, &o->report);
        *columns -= t.count;
    }
    table_fini(&t);
    return rc;
}

int folder_file(struct jw *w, struct feed *f, const char *path, uint64_t size, const struct folder_options *o, size_t *columns,
                struct err *e)
{
    static const char *const plain[] = {"empty", "binary", "utf-16"};
    struct encoding start = {0};
    int rc = 0;
    if (feed_more(f, e) < 0)
        return -1;
    if (f->end - f->start >= 3 && memcmp(f->window + f->start, "\xef\xbb\xbf", 3) == 0) {
        start = (struct encoding){.kind = ENCODING_UTF8, .bom = true};
        f->start += 3;
    }
    enum format format = format_of(f);
    jw_obj(w);
    jw_str_at(w, "path", path);
    jw_int_at(w, "size_bytes", (int64_t)size);
    if (format == FORMAT_JSONL)
        rc = json_lines(w, f, o, start, columns, e);
    else if (format == FORMAT_DELIMITED)
        rc = delimited(w, f, path, o, start, columns, e);
    else
        jw_str_at(w, "format", plain[format]);
    jw_end_obj(w);
    return rc;
}

static int open_and_profile(struct jw *w, int dir_fd, const char *path, const char *name, const struct folder_options *o, size_t *columns,
                            struct err *e)
{
    AUTO_FD int fd = openat(dir_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    struct feed f;
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(e, NULL, NULL, "cannot open a file of the dataset");
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    feed_init(&f, fd);
    int rc = folder_file(w, &f, name, (uint64_t)st.st_size, o, columns, e);
    feed_fini(&f);
    return rc;
}

/* A path that reads as an identifier is not shown either. */
static const char *shown(struct paths *p, size_t i)
{
    char clean[512];
    struct ident_hits hits = ident_scan(p->all[i], strlen(p->all[i]));
    if (hits.strong)
        return arena_printf(p->arena, "(%zu)", i + 1);
    text_sanitize(p->all[i], strlen(p->all[i]), clean, sizeof clean);
    return arena_strdup(p->arena, clean);
}

int folder_profile(int dir_fd, const struct folder_options *o, struct buf *out, struct err *e)
{
    struct paths p = {.arena = arena_new()};
    struct jw w = jw_to(out);
    size_t columns = FOLDER_COLUMNS;
    int rc = walk(dir_fd, "", 0, &p, e);
    if (p.count > 0)
        qsort(p.all, p.count, sizeof *p.all, by_name);
    jw_obj(&w);
    jw_int_at(&w, "version", REPORT_VERSION);
    jw_int_at(&w, "small_count", (int64_t)o->report.small_count);
    jw_int_at(&w, "files_total", (int64_t)p.count);
    jw_arr_at(&w, "files");
    for (size_t i = 0; rc == 0 && i < p.count && i < FOLDER_FILES; i++) {
        rc = open_and_profile(&w, dir_fd, p.all[i], shown(&p, i), o, &columns, e);
        if (rc < 0)
            err_context(e, "%s", shown(&p, i));
    }
    jw_end_arr(&w);
    jw_end_obj(&w);
    free(p.all);
    arena_free(p.arena);
    if (rc == 0 && out->failed)
        return err_set(e, E_LIMIT, NULL, NULL, "the report has more than %d bytes", REPORT_MAX_BYTES);
    return rc;
}
