/*
 * help.c - help texts, made from the table of commands.
 */
#include "api/cli/command.h"
#include "api/common/json.h"
#include "api/common/mem.h"
#include <ctype.h>
#include <string.h>

static void add_heading(struct buf *out, const struct term *t, enum text_id id)
{
    buf_add_char(out, '\n');
    term_add(out, t, STYLE_BOLD, tr(id));
    buf_add_char(out, '\n');
}

/* A name and what it does, in two columns: the second wraps in its own. */
static void add_entry(struct buf *out, const char *name, const char *what, size_t width,
                      size_t prose)
{
    size_t used = term_width_of(name);

    term_add_spaces(out, 2);
    buf_add_str(out, name);
    if (used > width) {
        buf_add_char(out, '\n');
        term_add_wrapped(out, what, width + 4, prose, false);
        return;
    }
    term_add_spaces(out, width - used + 2);
    term_add_wrapped(out, what, width + 4, prose, true);
}

static size_t widest_name(enum command_group group)
{
    size_t width = 0;

    for (size_t i = 0; i < command_count; i++)
        if (commands[i].group == group || group == GROUP_COUNT)
            width = strlen(commands[i].name) > width ? strlen(commands[i].name) : width;
    return width;
}

void help_add_all(struct buf *out, const struct term *t)
{
    static const enum text_id groups[GROUP_COUNT] = {
        [GROUP_RUNS] = T_G_RUNS,
        [GROUP_PROJECTS] = T_G_PROJECTS,
        [GROUP_DATA] = T_G_DATA,
        [GROUP_LAB] = T_G_LAB,
        [GROUP_PEOPLE] = T_G_PEOPLE,
        [GROUP_OTHER] = T_G_OTHER,
    };
    size_t width = widest_name(GROUP_COUNT), prose = term_prose_width(t);

    term_add_wrapped(out, tr(T_ABOUT), 0, prose, false);
    buf_add_char(out, '\n');
    term_add_wrapped(out, tr(T_USAGE_ALL), 0, prose, false);
    add_heading(out, t, T_G_FIRST);
    term_add_wrapped(out, tr(T_FIRST_STEPS), 0, prose, false);
    for (int g = 0; g < GROUP_COUNT; g++) {
        add_heading(out, t, groups[g]);
        for (size_t i = 0; i < command_count; i++)
            if ((int)commands[i].group == g)
                add_entry(out, commands[i].name, tr(commands[i].summary), width, prose);
    }
    add_heading(out, t, T_G_SHARED);
    for (const struct opt *o = command_shared_options; o->name; o++) {
        AUTO_FREE char *name = o->value ? mem_printf("--%s %s", o->name, tr(o->value))
                                        : mem_printf("--%s", o->name);
        add_entry(out, name, tr(o->help), width + 2, prose);
    }
    buf_add_char(out, '\n');
    term_add_wrapped(out, tr(T_HELP_MORE), 0, prose, false);
}

static void add_options(struct buf *out, const struct term *t, const struct opt *options)
{
    size_t width = 0, prose = term_prose_width(t);
    bool letters = false;

    for (const struct opt *o = options; o->name; o++)
        letters = letters || o->letter;
    for (int pass = 0; pass < 2; pass++)
        for (const struct opt *o = options; o->name; o++) {
            AUTO_BUF struct buf name = BUF_INIT(256);
            if (o->letter)
                buf_printf(&name, "-%c, ", o->letter);
            else if (letters)
                buf_add_str(&name, "    ");
            buf_printf(&name, "--%s", o->name);
            if (o->value)
                buf_printf(&name, " %s", tr(o->value));
            size_t used = term_width_of(buf_cstr(&name));
            if (pass == 0)
                width = used > width ? used : width;
            else
                add_entry(out, buf_cstr(&name), tr(o->help), width, prose);
        }
}

void help_add_command(struct buf *out, const struct term *t, const struct command *command)
{
    size_t prose = term_prose_width(t);

    tr_add(out, T_USAGE_ONE, command->name);
    if (command->usage != T_NONE)
        buf_printf(out, " %s", tr(command->usage));
    buf_add_str(out, "\n\n");
    AUTO_BUF struct buf summary = BUF_INIT(4096);
    const char *what = tr(command->summary); /* starts with a plain letter in both languages */
    buf_printf(&summary, "%c%s.", toupper((unsigned char)what[0]), what + 1);
    term_add_wrapped(out, buf_cstr(&summary), 0, prose, false);
    if (command->details != T_NONE) {
        buf_add_char(out, '\n');
        term_add_wrapped(out, tr(command->details), 0, prose, false);
    }
    if (command->options) {
        add_heading(out, t, T_G_OPTIONS);
        add_options(out, t, command->options);
    }
    add_heading(out, t, T_G_SHARED);
    add_options(out, t, command_shared_options);
    if (command->examples) {
        add_heading(out, t, T_G_EXAMPLES);
        for (const char *p = command->examples; *p;) {
            size_t len = strcspn(p, "\n");
            buf_add_str(out, "  ");
            buf_add(out, p, len);
            buf_add_char(out, '\n');
            p += len + (p[len] == '\n');
        }
    }
}

static bool in_family(const struct command *command, const char *family)
{
    size_t len = strlen(family);

    return strncmp(command->name, family, len) == 0 && command->name[len] == ' ';
}

bool help_add_family(struct buf *out, const struct term *t, const char *family)
{
    size_t prose = term_prose_width(t), width = 0;
    bool found = false;

    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < command_count; i++) {
            const char *name = commands[i].name;
            if (!in_family(&commands[i], family))
                continue;
            if (pass == 1 && !found)
                term_add_wrapped(out, tr(T_FAMILY), 0, prose, false);
            width = strlen(name) > width ? strlen(name) : width;
            if (pass == 1) {
                add_entry(out, name, tr(commands[i].summary), width, prose);
                found = true;
            }
        }
    return found;
}

static void write_options(struct jw *w, const struct opt *options)
{
    jw_arr_at(w, "options");
    for (const struct opt *o = options; o && o->name; o++) {
        char letter[] = {o->letter, '\0'};
        jw_obj(w);
        jw_str_at(w, "name", o->name);
        jw_str_at(w, "letter", o->letter ? letter : NULL);
        jw_str_at(w, "value", o->value == T_NONE ? NULL : tr(o->value));
        jw_bool_at(w, "repeats", o->repeats);
        jw_str_at(w, "help", tr(o->help));
        jw_end_obj(w);
    }
    jw_end_arr(w);
}

static void write_command(struct jw *w, const struct command *command)
{
    AUTO_BUF struct buf usage = BUF_INIT(4096), text = BUF_INIT(1 << 16);
    bool takes = command->usage != T_NONE, more = command->details != T_NONE;

    buf_printf(&usage, "enclos %s%s%s", command->name, takes ? " " : "",
               takes ? tr(command->usage) : "");
    buf_printf(&text, "%s%s%s", tr(command->summary), more ? "\n\n" : "",
               more ? tr(command->details) : "");
    jw_obj(w);
    jw_str_at(w, "name", command->name);
    jw_str_at(w, "usage", buf_cstr(&usage));
    jw_str_at(w, "help", buf_cstr(&text));
    write_options(w, command->options);
    jw_end_obj(w);
}

void help_add_json(struct buf *out, const struct command *command, const char *family)
{
    struct jw w = jw_to(out);

    jw_obj(&w);
    jw_arr_at(&w, "commands");
    for (size_t i = 0; i < command_count; i++)
        if (command ? command == &commands[i] : !family || in_family(&commands[i], family))
            write_command(&w, &commands[i]);
    jw_end_arr(&w);
    jw_end_obj(&w);
    buf_add_char(out, '\n');
}

int cmd_help(struct cli *c, struct args *a, struct err *e)
{
    AUTO_BUF struct buf out = BUF_INIT(1 << 20);
    int used;
    int count = (int)args_word_count(a);
    const struct command *command = command_find(count, args_words(a), &used);

    if (count == 0) {
        help_add_all(&out, &c->out);
    } else if (command) {
        help_add_command(&out, &c->out, command);
    } else if (!help_add_family(&out, &c->out, args_word(a, 0))) {
        (void)say_err(e, E_INVALID, NULL, T_NONE, T_COMMAND_UNKNOWN, args_word(a, 0));
        return CLI_BAD_USAGE;
    }
    if (c->json) {
        buf_clear(&out);
        help_add_json(&out, command, args_word(a, 0));
    }
    cli_print(&out);
    return CLI_OK;
}
