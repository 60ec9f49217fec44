/*
 * record.c - answers from options, files and an editor; see record.h. How they look is in record_print.c.
 */
#include "api/cli/record.h"

#include "api/common/fd.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GIVEN_MAX = 400, SET_MAX_BYTES = 512 << 10, FILE_MAX_BYTES = 512 << 10 };

const char *record_lang(void)
{
    return say_lang() == LANG_FR ? "fr" : "en";
}

const char *record_both(const struct json *v)
{
    const char *own = json_str(json_get(v, record_lang()));
    if (own)
        return own;
    const char *other = json_str(json_get(v, say_lang() == LANG_FR ? "en" : "fr"));
    return other ? other : "";
}

/* ---- what a person gave ---- */

/* One text for a field; `language` is "fr" or "en" for a bilingual one. An empty text takes the answer away. */
struct given {
    const struct json *field; /* of the form */
    const char *language;
    const char *text;
    bool lines; /* its lines are elements of a list */
};

struct givens {
    struct given list[GIVEN_MAX];
    size_t count;
};

static const struct json *field_named(const struct json *form, const char *name, size_t len)
{
    for (const struct json *f = json_first(json_get(form, "fields")); f; f = json_next(f)) {
        const char *s = cli_str(f, "name");
        if (strlen(s) == len && memcmp(s, name, len) == 0)
            return f;
    }
    return NULL;
}

static bool is(const struct json *field, const char *key)
{
    return json_bool(json_get(field, key), false);
}

static bool is_type(const struct json *field, const char *type)
{
    return strcmp(cli_str(field, "type"), type) == 0;
}

static bool is_list(const struct json *field)
{
    return is(field, "many") || is_type(field, "multi");
}

/* "title", "title.fr": the field, and the language where it has one. */
static int find_path(const struct json *form, const char *path, size_t len, struct given *out, struct err *e)
{
    const char *dot = memchr(path, '.', len);
    size_t name = dot ? (size_t)(dot - path) : len;
    AUTO_FREE char *shown = mem_strndup(path, len < 60 ? len : 60);

    *out = (struct given){.field = field_named(form, path, name)};
    if (!out->field) {
        AUTO_BUF struct buf known = BUF_INIT(4096);
        for (const struct json *f = json_first(json_get(form, "fields")); f; f = json_next(f))
            buf_printf(&known, "%s%s", known.len ? " " : "", cli_str(f, "name"));
        return say_err(e, E_INVALID, NULL, T_NONE, T_NO_FIELD, shown, buf_cstr(&known));
    }
    if (!is(out->field, "bilingual"))
        return dot ? say_err(e, E_INVALID, NULL, T_NONE, T_NOT_BILINGUAL, cli_str(out->field, "name")) : 0;
    if (!dot)
        out->language = record_lang();
    else if (len - name == 3 && (memcmp(dot + 1, "fr", 2) == 0 || memcmp(dot + 1, "en", 2) == 0))
        out->language = dot[1] == 'f' ? "fr" : "en";
    return out->language ? 0 : say_err(e, E_INVALID, NULL, T_NONE, T_BAD_FIELD_LANG, shown);
}

static int add_given(struct givens *all, const struct given *g, struct err *e)
{
    if (all->count == GIVEN_MAX)
        return say_err(e, E_LIMIT, NULL, T_NONE, T_TOO_MANY_ANSWERS);
    all->list[all->count++] = *g;
    return 0;
}

/* ---- to JSON ---- */

static int write_number(struct jw *w, const struct json *field, const char *text, struct err *e)
{
    AUTO_FREE char *plain = mem_strdup(text);
    char *comma = strchr(plain, ','), *end = NULL;

    if (comma)
        *comma = '.'; /* as one writes it in French */
    double n = strtod(plain, &end);
    if (end == plain || *end != '\0' || strspn(plain, "+-.0123456789eE") != strlen(plain))
        return say_err(e, E_INVALID, NULL, T_NONE, T_BAD_FIELD_NUMBER, cli_str(field, "name"), text);
    jw_num(w, n);
    return 0;
}

static int write_boolean(struct jw *w, const struct json *field, const char *text, struct err *e)
{
    static const char *const yes[] = {"true", "yes", "oui"}, *const no[] = {"false", "no", "non"};

    for (size_t i = 0; i < 3; i++) {
        if (strcmp(text, yes[i]) == 0 || strcmp(text, no[i]) == 0) {
            jw_bool(w, strcmp(text, yes[i]) == 0);
            return 0;
        }
    }
    return say_err(e, E_INVALID, NULL, T_NONE, T_BAD_FIELD_BOOL, cli_str(field, "name"), text);
}

/* Elements: each given text, or each line of it. */
static void write_elements(struct jw *w, const struct given *g)
{
    for (const char *s = g->text; *s;) {
        size_t len = g->lines ? strcspn(s, "\n") : strlen(s), from = 0, to = len;
        while (from < to && (s[from] == ' ' || s[from] == '\t'))
            from++;
        while (to > from && (s[to - 1] == ' ' || s[to - 1] == '\t'))
            to--;
        if (to > from)
            jw_strn(w, s + from, to - from);
        s += len + (s[len] == '\n');
    }
}

static int write_field(struct jw *w, const struct json *field, const struct givens *all, struct err *e)
{
    const struct given *last = NULL;
    for (size_t i = 0; i < all->count; i++)
        if (all->list[i].field == field)
            last = &all->list[i];
    if (!last)
        return 0;
    jw_key(w, cli_str(field, "name"));
    if (is(field, "bilingual")) {
        jw_obj(w);
        for (const char *const *l = (const char *const[]){"fr", "en", NULL}; *l; l++) {
            const char *text = NULL;
            for (size_t i = 0; i < all->count; i++)
                if (all->list[i].field == field && strcmp(all->list[i].language, *l) == 0)
                    text = all->list[i].text;
            if (text && *text)
                jw_str_at(w, *l, text);
            else if (text)
                jw_null_at(w, *l);
        }
        jw_end_obj(w);
        return 0;
    }
    if (is_list(field)) {
        jw_arr(w);
        for (size_t i = 0; i < all->count; i++)
            if (all->list[i].field == field)
                write_elements(w, &all->list[i]);
        jw_end_arr(w);
        return 0;
    }
    if (!*last->text)
        jw_null(w);
    else if (is_type(field, "number"))
        return write_number(w, field, last->text, e);
    else if (is_type(field, "boolean"))
        return write_boolean(w, field, last->text, e);
    else
        jw_str(w, last->text);
    return 0;
}

static int write_set(const struct json *form, const struct givens *all, struct buf *set, struct err *e)
{
    struct jw w = jw_to(set);

    jw_obj(&w);
    for (const struct json *f = json_first(json_get(form, "fields")); f; f = json_next(f))
        if (write_field(&w, f, all, e) < 0)
            return -1;
    jw_end_obj(&w);
    return set->failed ? say_err(e, E_LIMIT, NULL, T_NONE, T_TOO_MANY_ANSWERS) : 0;
}

/* ---- the text ---- */

/* "[name]" or "[name.fr]" of a field, or "[reason]": what stands between the brackets. */
static bool is_header(const struct json *form, const char *line, size_t len, const char **path, size_t *path_len)
{
    while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\r'))
        len--;
    if (len < 3 || line[0] != '[' || line[len - 1] != ']')
        return false;
    *path = line + 1;
    *path_len = len - 2;
    size_t name = strcspn(*path, ".]");
    if (*path_len == 6 && memcmp(*path, "reason", 6) == 0)
        return true;
    /* A line of text may stand in brackets: only a field's name makes it a heading. */
    return field_named(form, *path, name < *path_len ? name : *path_len) != NULL;
}

static const char *trimmed(struct arena *a, struct buf *text)
{
    const char *s = buf_cstr(text);
    size_t from = strspn(s, " \t\n\r"), to = text->len;
    while (to > from && strchr(" \t\n\r", s[to - 1]))
        to--;
    return arena_strndup(a, s + from, to - from);
}

/* A line of an answer that would be read as something else has a backslash before it (record_print.c). */
static size_t is_escaped(const char *line, size_t len)
{
    return len > 1 && line[0] == '\\' && (line[1] == '[' || line[1] == '\\' || (line[1] == '/' && line[2] == '/'));
}

struct section {
    struct given g;
    bool open, is_reason;
    struct buf text;
};

static int end_section(struct section *s, struct givens *all, struct arena *a, const char **reason, struct err *e)
{
    if (!s->open)
        return 0;
    const char *text = trimmed(a, &s->text);
    buf_clear(&s->text);
    if (s->is_reason) {
        if (reason && *text)
            *reason = text;
        return 0;
    }
    s->g.text = text;
    s->g.lines = true;
    return add_given(all, &s->g, e);
}

static int read_sections(const struct json *form, const char *text, const char *name, struct arena *a,
                         struct givens *all, struct section *s, const char **reason, struct err *e)
{
    unsigned number = 0;

    while (*text) {
        size_t len = strcspn(text, "\n"), path_len = 0;
        const char *path = NULL;
        number++;
        if (len >= 2 && text[0] == '/' && text[1] == '/') {
            /* not kept */
        } else if (is_header(form, text, len, &path, &path_len)) {
            if (end_section(s, all, a, reason, e) < 0)
                return -1;
            s->open = true;
            s->is_reason = path_len == 6 && memcmp(path, "reason", 6) == 0;
            if (!s->is_reason && find_path(form, path, path_len, &s->g, e) < 0)
                return -1;
        } else if (s->open) {
            size_t skip = is_escaped(text, len);
            buf_add(&s->text, text + skip, len - skip - (len > skip && text[len - 1] == '\r'));
            buf_add_char(&s->text, '\n');
        } else if (strspn(text, " \t\r") < len) {
            AUTO_FREE char *line = mem_printf("%u", number);
            return say_err(e, E_INVALID, NULL, T_NONE, T_NOT_IN_FIELD, name, line);
        }
        text += len + (text[len] == '\n');
    }
    return end_section(s, all, a, reason, e);
}

int record_read_text(const struct json *form, const char *text, const char *name, struct arena *a, struct buf *set,
                     const char **reason, struct err *e)
{
    AUTO_FREE struct givens *all = mem_alloc(sizeof *all);
    struct section s = {.text = BUF_INIT(FILE_MAX_BYTES)};
    int rc = read_sections(form, text, name, a, all, &s, reason, e);

    buf_fini(&s.text);
    return rc < 0 ? -1 : write_set(form, all, set, e);
}

static int read_file(const char *path, struct buf *out, struct err *e)
{
    bool standard = strcmp(path, "-") == 0;
    AUTO_FD int fd = standard ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    char *room = buf_reserve(out, FILE_MAX_BYTES);
    ssize_t n = 0;

    if (fd < 0)
        return err_sys(e, NULL, NULL, "%s", path);
    while (room && out->len < FILE_MAX_BYTES && (n = read(fd, out->data + out->len, FILE_MAX_BYTES - out->len)) > 0)
        out->len += (size_t)n;
    if (n < 0)
        return err_sys(e, NULL, NULL, "%s", path);
    if (out->len == FILE_MAX_BYTES || memchr(out->data, '\0', out->len))
        return say_err(e, E_INVALID, NULL, T_NONE, T_NO_RECORD_FILE, path);
    out->data[out->len] = '\0';
    return 0;
}

/* After comments and empty lines, which both formats have. */
static bool begins_with_brace(const char *s)
{
    for (s += strspn(s, " \t\r\n"); s[0] == '/' && s[1] == '/'; s += strspn(s, " \t\r\n"))
        s += strcspn(s, "\n");
    return *s == '{';
}

/* Of a file that is JSON, its object as it is: the lab judges it. */
static int read_json(const char *path, struct buf *text, struct buf *set, struct err *e)
{
    const struct json_limits limits = {.max_bytes = FILE_MAX_BYTES};
    if (json_blank_comments(text->data, text->len, e) < 0)
        return err_context(e, "%s", path);
    AUTO_JSON struct json *root = json_parse(text->data, text->len, &limits, e);
    if (!root)
        return err_context(e, "%s", path);
    json_print(root, false, set);
    return 0;
}

/* ---- options ---- */

static int add_set(const struct json *form, const char *given, struct givens *all, struct err *e)
{
    const char *equals = strchr(given, '=');
    struct given g;

    if (!equals || equals == given)
        return say_err(e, E_INVALID, NULL, T_NONE, T_BAD_SET, given);
    if (find_path(form, given, (size_t)(equals - given), &g, e) < 0)
        return -1;
    g.text = equals + 1;
    return add_given(all, &g, e);
}

/* --title TEXT is --set title=TEXT, for each field that the command has an option for. */
static int add_named(const struct json *form, const struct args *args, struct givens *all, struct err *e)
{
    for (const struct json *f = json_first(json_get(form, "fields")); f; f = json_next(f)) {
        const char *name = cli_str(f, "name"), *value;
        size_t at = 0, len = strlen(name);
        /* Of a list each option gives one: --run of "runs". */
        AUTO_FREE char *option = mem_strndup(name, is_list(f) && len > 1 && name[len - 1] == 's' ? len - 1 : len);
        for (char *c = option; *c; c++)
            if (*c == '_') /* --pia-expires of "pia_expires" */
                *c = '-';
        while ((value = args_each(args, option, &at))) {
            struct given g;
            if (find_path(form, name, strlen(name), &g, e) < 0)
                return -1;
            g.text = value;
            if (add_given(all, &g, e) < 0)
                return -1;
        }
    }
    return 0;
}

int record_read_options(const struct json *form, const struct args *args, struct arena *a, struct buf *set, bool *any,
                        const char **reason, struct err *e)
{
    AUTO_FREE struct givens *all = mem_alloc(sizeof *all);
    const char *path = args_get(args, "file"), *given;
    size_t at = 0;

    while ((given = args_each(args, "set", &at)))
        if (add_set(form, given, all, e) < 0)
            return -1;
    if (add_named(form, args, all, e) < 0)
        return -1;
    *any = all->count > 0 || path;
    if (!path)
        return write_set(form, all, set, e);
    if (all->count > 0)
        return say_err(e, E_INVALID, NULL, T_NONE, T_FILE_OR_SET);
    AUTO_BUF struct buf text = BUF_INIT(FILE_MAX_BYTES + 1);
    if (read_file(path, &text, e) < 0)
        return -1;
    if (begins_with_brace(buf_cstr(&text)))
        return read_json(path, &text, set, e);
    return record_read_text(form, buf_cstr(&text), path, a, set, reason, e);
}

/* ---- the editor ---- */

bool record_can_edit(void)
{
    return getenv("VISUAL") || getenv("EDITOR") || (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO));
}

/* By the shell, since people write "code --wait" there. The path is an argument, never a part of the text. */
static int run_editor(const char *path, struct err *e)
{
    const char *editor = getenv("VISUAL");
    if (!editor || !*editor)
        editor = getenv("EDITOR");
    if (!editor || !*editor)
        editor = "vi";
    AUTO_FREE char *script = mem_printf("%s \"$1\"", editor);
    pid_t pid = fork();
    if (pid < 0)
        return err_sys(e, NULL, NULL, "fork");
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", script, editor, path, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return err_sys(e, NULL, NULL, "waitpid");
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    return say_err(e, E_INVALID, NULL, T_NONE, T_EDITOR_FAILED, editor);
}

static char *new_text(const struct buf *text, struct err *e)
{
    const char *folder = getenv("TMPDIR");
    AUTO_FREE char *path = mem_printf("%s/enclos-XXXXXX.txt", folder && *folder ? folder : "/tmp");
    AUTO_FD int fd = mkostemps(path, 4, O_CLOEXEC);
    if (fd < 0 || fd_write_all(fd, text->data, text->len) < 0) {
        err_sys(e, NULL, NULL, "%s", path);
        if (fd >= 0)
            unlink(path);
        return NULL;
    }
    return ptr_take(&path);
}

int record_edit(const struct json *form, const struct json *record, const char *title, bool with_reason,
                struct arena *a, struct record_edited *out, struct err *e)
{
    AUTO_BUF struct buf before = BUF_INIT(FILE_MAX_BYTES), after = BUF_INIT(FILE_MAX_BYTES + 1);

    *out = (struct record_edited){.set = BUF_INIT(SET_MAX_BYTES)};
    record_write_text(form, record, title, with_reason, &before);
    out->path = new_text(&before, e);
    if (!out->path || run_editor(out->path, e) < 0 || read_file(out->path, &after, e) < 0)
        return -1;
    out->changed = strcmp(buf_cstr(&before), buf_cstr(&after)) != 0;
    return record_read_text(form, buf_cstr(&after), out->path, a, &out->set, &out->reason, e);
}

void record_edited_end(struct record_edited *x, bool saved)
{
    if (x->path && (saved || !x->changed))
        unlink(x->path);
    else if (x->path)
        cli_say(T_TEXT_KEPT, x->path);
    mem_free_at(&x->path);
    buf_fini(&x->set);
}
