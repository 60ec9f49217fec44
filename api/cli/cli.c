/*
 * cli.c - the program `enclos` apart from its commands: global options, the socket, output, errors.
 */
#include "api/cli/cli.h"
#include "api/cli/command.h"
#include "api/cli/credential.h"
#include "api/cli/labtext.h"
#include "api/cli/request.h"
#include "api/common/fd.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHARED_SOCKET "/run/enclos/enclos.sock"

/* ---- output ---- */

static int cannot_print_status = CLI_REFUSED; /* of the command that runs */

void cli_print(const struct buf *text)
{
    if (fd_write_all(STDOUT_FILENO, text->data, text->len) == 0)
        return;
    AUTO_BUF struct buf why = BUF_INIT(4096), out = BUF_INIT(4096);
    labtext_add(&why, strerrordesc_np(errno) ? strerrordesc_np(errno) : "");
    tr_add(&out, T_CANNOT_WRITE_OUT, buf_cstr(&why));
    buf_add_char(&out, '\n');
    cli_note(&out);
    exit(cannot_print_status);
}

void cli_print_json(const struct json *v)
{
    AUTO_BUF struct buf text = BUF_INIT(CLIENT_ANSWER_MAX_BYTES);

    json_print(v, false, &text);
    buf_add_char(&text, '\n');
    cli_print(&text);
}

void cli_note(const struct buf *text)
{
    if (fd_write_all(STDERR_FILENO, text->data, text->len) < 0)
        return; /* nobody is left to tell */
}

void cli_add_line(struct buf *out, const struct term *t, const char *text)
{
    if (t->is_tty) {
        term_add_wrapped(out, text, 0, term_prose_width(t), false);
        return;
    }
    buf_add_str(out, text);
    buf_add_char(out, '\n');
}

void cli_say_args(enum text_id id, const char *const *args, size_t count)
{
    AUTO_BUF struct buf text = BUF_INIT(1 << 16), out = BUF_INIT(1 << 17);
    struct term t;

    term_init(&t, STDERR_FILENO);
    tr_add_args(&text, id, args, count);
    cli_add_line(&out, &t, buf_cstr(&text));
    cli_note(&out);
}

/* Text from the lab or from a run, made safe for a terminal. */
static void add_safe(struct buf *out, const char *s)
{
    char safe[2048];

    text_sanitize(s, strlen(s), safe, sizeof safe);
    buf_add_str(out, safe);
}

/* The same in the reader's language, a field of the API under the name that people use. */
static void add_said(struct buf *out, const char *s, const char *field)
{
    AUTO_BUF struct buf said = BUF_INIT(1 << 16), named = BUF_INIT(1 << 16);
    const char *name = request_name_of(field);

    labtext_add(&said, s);
    const char *rest = buf_cstr(&said);
    for (const char *p; name && (p = strstr(rest, field)); rest = p + strlen(field)) {
        buf_add(&named, rest, (size_t)(p - rest));
        buf_add_str(&named, name);
    }
    buf_add_str(&named, rest);
    add_safe(out, buf_cstr(&named));
}

static enum text_id kind_text(enum err_kind kind)
{
    static const enum text_id texts[E_KIND_COUNT] = {
        [E_INVALID] = T_KIND_INVALID,   [E_NOT_FOUND] = T_KIND_NOT_FOUND,
        [E_DENIED] = T_KIND_DENIED,     [E_CONFLICT] = T_KIND_CONFLICT,
        [E_LIMIT] = T_KIND_LIMIT,       [E_UNAVAILABLE] = T_KIND_UNAVAILABLE,
        [E_INTERNAL] = T_KIND_INTERNAL,
    };

    return texts[kind];
}

/* "enclos: not found: there is no run x" */
static void add_error_line(struct buf *line, const struct cli *c, const struct err *e, bool no_lab)
{
    const char *colon = say_lang() == LANG_FR ? NBSP ": " : ": ";

    buf_printf(line, "enclos%s", colon);
    if (no_lab) {
        tr_add(line, T_NO_LAB, c->socket_path);
        return;
    }
    if (kind_text(e->kind) != T_NONE && e->kind != E_INVALID)
        buf_printf(line, "%s%s", tr(kind_text(e->kind)), colon);
    add_said(line, e->message, e->field);
    if (*e->field && !strstr(e->message, e->field)) {
        const char *name = request_name_of(e->field);
        buf_add_str(line, " (");
        add_safe(line, name ? name : e->field);
        buf_add_str(line, ")");
    }
}

void cli_print_error(struct cli *c, const struct err *e)
{
    static const char program[] = "enclos";
    AUTO_BUF struct buf text = BUF_INIT(1 << 16), line = BUF_INIT(1 << 16);
    bool no_lab = e->kind == E_UNAVAILABLE && strcmp(e->field, "socket") == 0 && e->os_errno;

    add_error_line(&line, c, e, no_lab);
    AUTO_BUF struct buf wrapped = BUF_INIT(1 << 16);
    cli_add_line(&wrapped, &c->err, buf_cstr(&line));
    term_add(&text, &c->err, STYLE_BAD, program);
    buf_add_str(&text, buf_cstr(&wrapped) + strlen(program));
    if (no_lab) {
        term_add_wrapped(&text, tr(T_NO_LAB_HINT), 2, term_prose_width(&c->err), false);
    } else if (*e->hint) {
        AUTO_BUF struct buf hint = BUF_INIT(1 << 16);
        add_said(&hint, e->hint, e->field);
        term_add_wrapped(&text, buf_cstr(&hint), 2, term_prose_width(&c->err), false);
    }
    cli_note(&text);
    if (!c->json)
        return;
    AUTO_BUF struct buf document = BUF_INIT(1 << 16);
    struct jw w = jw_to(&document);
    jw_obj(&w);
    jw_obj_at(&w, "error");
    jw_str_at(&w, "kind", err_kind_name(e->kind));
    jw_str_at(&w, "field", *e->field ? e->field : NULL);
    jw_str_at(&w, "message", e->message);
    jw_str_at(&w, "hint", *e->hint ? e->hint : NULL);
    jw_end_obj(&w);
    jw_end_obj(&w);
    buf_add_char(&document, '\n');
    cli_print(&document);
}

/* ---- the lab ---- */

static bool exists(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0;
}

/* A plain user has a lab of their own; without one, the machine's shared lab will do. */
static void choose_socket(struct cli *c, const char *option)
{
    const char *env = getenv("ENCLOS_SOCKET");
    const char *runtime = getenv("XDG_RUNTIME_DIR");

    if (option) {
        c->socket_path = mem_strdup(option);
        c->socket_source = SOCKET_OPTION;
    } else if (env && *env) {
        c->socket_path = mem_strdup(env);
        c->socket_source = SOCKET_ENV;
    } else if (geteuid() == 0) {
        c->socket_path = mem_strdup(SHARED_SOCKET);
        c->socket_source = SOCKET_ROOT;
    } else {
        c->socket_path = runtime && *runtime == '/'
                             ? mem_printf("%s/enclos/enclos.sock", runtime)
                             : mem_printf("/tmp/enclos-%u/enclos.sock", (unsigned)geteuid());
        c->socket_source = SOCKET_OWN;
        if (!exists(c->socket_path) && exists(SHARED_SOCKET)) {
            free(c->socket_path);
            c->socket_path = mem_strdup(SHARED_SOCKET);
            c->socket_source = SOCKET_SHARED;
        }
    }
}

int cli_lab(struct cli *c, struct client **out, struct err *e)
{
    if (!c->client && client_open(c->socket_path, &c->client, e) < 0)
        return -1;
    *out = c->client;
    return 0;
}

int cli_call(struct cli *c, const char *method, const char *params, struct client_answer *out,
             struct err *e)
{
    struct client *lab;

    if (cli_lab(c, &lab, e) < 0)
        return -1;
    return client_call(lab, method, params, out, e);
}

int cli_call_with(struct cli *c, const char *method, const char *key, const char *value,
                  struct client_answer *out, struct err *e)
{
    AUTO_BUF struct buf params = BUF_INIT(1 << 16);
    struct jw w = jw_to(&params);

    jw_obj(&w);
    jw_str_at(&w, key, value);
    jw_end_obj(&w);
    return cli_call(c, method, buf_cstr(&params), out, e);
}

/* ---- small help for commands ---- */

int cli_need_words(const struct args *a, size_t min, size_t max, enum text_id what, struct err *e)
{
    size_t count = args_word_count(a);

    if (count < min) {
        (void)say_err(e, E_INVALID, NULL, T_NONE, T_WORD_MISSING, tr(what));
        return CLI_BAD_USAGE;
    }
    if (count > max) {
        (void)say_err(e, E_INVALID, NULL, T_NONE, T_WORD_TOO_MANY, args_word(a, max));
        return CLI_BAD_USAGE;
    }
    return 0;
}

const char *cli_program_dir(void)
{
    static char path[PATH_MAX];

    if (!*path) {
        char exe[PATH_MAX];
        ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
        if (n <= 0)
            return "";
        exe[n] = '\0';
        snprintf(path, sizeof path, "%s", dirname(exe));
    }
    return path;
}

const char *cli_str(const struct json *obj, const char *key)
{
    const char *s = json_str(json_get(obj, key));

    return s ? s : "";
}

int64_t cli_int(const struct json *obj, const char *key)
{
    return json_int(json_get(obj, key), 0);
}

/* ---- the program ---- */

static int bad_usage(struct cli *c, const struct command *command, const struct err *e)
{
    cli_print_error(c, e);
    if (command)
        cli_say(T_SEE_HELP_OF, command->name);
    else
        cli_say(T_SEE_HELP);
    return CLI_USAGE;
}

static int unknown_command(struct cli *c, const char *name, struct err *e)
{
    const char *names[64];
    size_t count = 0;

    for (size_t i = 0; i < command_count && count < 64; i++)
        names[count++] = commands[i].name;
    const char *near = opt_nearest(name, names, count);
    if (near)
        (void)say_err(e, E_INVALID, NULL, T_NONE, T_COMMAND_UNKNOWN_NEAR, name, near);
    else
        (void)say_err(e, E_INVALID, NULL, T_NONE, T_COMMAND_UNKNOWN, name);
    return bad_usage(c, NULL, e);
}

/* Options are known to be good here. A language given on the command line must hold for the
 * messages about the rest of the line, so it is looked for first. */
static void early_language(int argc, char **argv)
{
    for (int i = 1; i < argc && argv[i] && strcmp(argv[i], "--") != 0; i++) {
        const char *value = NULL;
        if (strncmp(argv[i], "--lang=", 7) == 0)
            value = argv[i] + 7;
        else if (strcmp(argv[i], "--lang") == 0 && i + 1 < argc)
            value = argv[i + 1];
        if (value && say_lang_of(value) >= 0) {
            say_in((enum lang)say_lang_of(value));
            return;
        }
    }
}

/* The same for --json: an error about the line must be a document too. */
static bool early_json(int argc, char **argv)
{
    for (int i = 1; i < argc && argv[i] && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--json") == 0)
            return true;
    return false;
}

static void print_help(struct cli *c, const struct command *command)
{
    AUTO_BUF struct buf help = BUF_INIT(1 << 20);

    if (c->json)
        help_add_json(&help, command, NULL);
    else if (command)
        help_add_command(&help, &c->out, command);
    else
        help_add_all(&help, &c->out);
    cli_print(&help);
}

/* A family's name alone, "dataset", shows what there is in it; nothing was done, so it fails, unless
 * help was asked for. */
static int family_alone(struct cli *c, const struct args *a, struct err *e)
{
    AUTO_BUF struct buf text = BUF_INIT(1 << 20);
    const char *family = args_word(a, 0), *next = args_word(a, 1);
    bool asked = next && (strcmp(next, "--help") == 0 || strcmp(next, "-h") == 0);

    if (!help_add_family(&text, asked ? &c->out : &c->err, family))
        return unknown_command(c, family, e);
    if (asked && c->json) {
        buf_clear(&text);
        help_add_json(&text, NULL, family);
    } else if (c->json) {
        (void)say_err(e, E_INVALID, NULL, T_NONE, T_FAMILY_ALONE, family);
        return bad_usage(c, NULL, e);
    }
    if (asked)
        cli_print(&text);
    else
        cli_note(&text);
    return asked ? CLI_OK : CLI_USAGE;
}

/* Takes what the shared options say. */
static int apply_shared(struct cli *c, const struct args *a, struct err *e)
{
    const char *lang = args_get(a, "lang");

    c->json = args_has(a, "json");
    if (lang && say_lang_of(lang) < 0)
        return say_err(e, E_INVALID, NULL, T_NONE, T_LANG_UNKNOWN, lang);
    say_in(lang ? (enum lang)say_lang_of(lang) : say_lang_of_env());
    choose_socket(c, args_get(a, "socket"));
    return 0;
}

static int run_command(struct cli *c, const struct command *command, struct args *a, struct err *e)
{
    int failed = command->lab_failed ? CLI_LAB_FAILED : CLI_REFUSED;

    cannot_print_status = failed;
    int status = credential_load(args_get(a, "token-file"), e) < 0 ? CLI_FAILED : command->run(c, a, e);
    if (status == CLI_BAD_USAGE)
        return bad_usage(c, command, e);
    if (status == CLI_FAILED) {
        cli_print_error(c, e);
        return failed;
    }
    return status;
}

int cli_main(int argc, char **argv)
{
    struct err e = {0};
    struct cli c = {0};
    int used = 0;

    /* Only for the width of characters: numbers and messages do not follow the C library. */
    if (!setlocale(LC_CTYPE, "C.UTF-8"))
        setlocale(LC_CTYPE, "");
    say_in(say_lang_of_env());
    early_language(argc, argv);
    c.json = early_json(argc, argv); /* apply_shared knows better */
    term_init(&c.out, STDOUT_FILENO);
    term_init(&c.err, STDERR_FILENO);
    if (argc > 1 && strcmp(argv[1], "complete") == 0) {
        choose_socket(&c, NULL);
        int done = complete_main(&c, argc - 2, argv + 2);
        client_close(c.client);
        free(c.socket_path);
        return done;
    }

    /* Shared options may come before the command's name too. */
    AUTO_ARGS struct args *a = args_new();
    if (args_parse(a, NULL, command_shared_options, argc - 1, argv + 1, ARGS_TO_WORD, &e) < 0)
        return bad_usage(&c, NULL, &e);
    int words = (int)args_word_count(a);
    const struct command *command = command_find(words, args_words(a), &used);
    if (!command && words > 0 && !args_has(a, "help"))
        return family_alone(&c, a, &e);
    AUTO_FREE char **rest = NULL;
    if (command) {
        int count = words - used;
        rest = mem_grow(NULL, (size_t)count + 1, sizeof *rest);
        memcpy(rest, args_words(a) + used, ((size_t)count + 1) * sizeof *rest);
        args_drop_words(a, 0, (size_t)words);
        if (args_parse(a, command->options, command_shared_options, count, rest, command->mode,
                       &e) < 0)
            return bad_usage(&c, command, &e);
    }
    if (apply_shared(&c, a, &e) < 0)
        return bad_usage(&c, command, &e);
    int status = CLI_OK;
    if (args_has(a, "version")) {
        status = cmd_version(&c, a, &e);
    } else if (!command || args_has(a, "help")) {
        print_help(&c, command);
    } else {
        status = run_command(&c, command, a, &e);
    }
    client_close(c.client);
    free(c.socket_path);
    return status;
}
