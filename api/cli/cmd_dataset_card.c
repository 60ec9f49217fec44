/*
 * cmd_dataset_card.c - enclos dataset describe, card, history: the card of a dataset, of all its versions.
 */
#include "api/cli/command.h"
#include "api/cli/noun.h"
#include "api/common/text.h"

const struct opt cmd_dataset_describe_options[] = {
    {"title", 0, T_A_TEXT, T_DS_O_TITLE, false},
    {"description", 0, T_A_TEXT, T_DS_O_DESCRIPTION, false},
    {"organisation", 0, T_A_TEXT, T_DS_O_ORGANISATION, false},
    {"contact", 0, T_A_TEXT, T_DS_O_CONTACT, false},
    {"source", 0, T_A_TEXT, T_DS_O_SOURCE, false},
    {"licence", 0, T_A_TEXT, T_DS_O_LICENCE, false},
    {"personal", 0, T_DS_A_BOOLEAN, T_DS_O_PERSONAL, false},
    {"pia", 0, T_A_TEXT, T_DS_O_PIA, false},
    {"pia-expires", 0, T_A_DATE, T_DS_O_PIA_EXPIRES, false},
    {"purpose", 0, T_DS_A_PURPOSE, T_DS_O_PURPOSES, true},
    {"retention", 0, T_A_DATE, T_DS_O_RETENTION, false},
    {"set", 0, T_A_ANSWER, T_O_SET, true},
    {"file", 'f', T_A_PATH, T_O_ANSWERS_FILE, false},
    {"reason", 0, T_A_TEXT, T_O_CHANGE_REASON, false},
    {"from", 0, T_A_NUMBER, T_O_FROM_VERSION, false},
    {0},
};

static int put_name(struct jw *w, const char *word, struct err *e)
{
    if (!text_is_name(word))
        return say_err(e, E_INVALID, NULL, T_BAD_REF_HINT, T_BAD_REF, word);
    jw_str_at(w, "name", word);
    return 0;
}

static const char *name_of(const struct json *card)
{
    return cli_str(card, "name");
}

static void print_card(struct cli *c, const struct json *form, const struct json *card, struct buf *out)
{
    AUTO_TABLE struct table *t = table_new(record_fact_columns, 2);

    term_add(out, &c->out, STYLE_BOLD, cli_str(card, "name"));
    buf_printf(out, "  %s\n\n", record_both(json_get(json_get(card, "answers"), "title")));
    if (cli_int(card, "record_version") > 0)
        record_add_written(t, card);
    record_add_answers(form, card, t, &c->out, out);
}

static const struct noun card = {
    .form = "dataset",
    .get = "dataset.card",
    .edit = "dataset.describe",
    .history = "dataset.history",
    .word = T_A_NAME,
    .put_id = put_name,
    .print = print_card,
    .name = name_of,
};

int cmd_dataset_describe(struct cli *c, struct args *a, struct err *e)
{
    return noun_edit(c, a, &card, e);
}

int cmd_dataset_card(struct cli *c, struct args *a, struct err *e)
{
    return noun_show(c, a, &card, e);
}

int cmd_dataset_history(struct cli *c, struct args *a, struct err *e)
{
    return noun_history(c, a, &card, e);
}
