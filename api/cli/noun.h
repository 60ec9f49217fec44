/*
 * noun.h - create, edit, show and history of a noun that is a record: the same four commands for each.
 *
 *     options or a file or the editor  ->  NOUN.create {answers}, NOUN.edit {version, set}
 */
#ifndef ENCLOS_NOUN_H
#define ENCLOS_NOUN_H

#include "api/cli/record.h"

struct noun {
    const char *form;
    const char *create, *get, *edit, *history; /* methods */
    enum text_id word;                         /* what stands for one on a command line */
    enum text_id new_word;                     /* and for what NOUN.create is told */
    /* Writes the members that name one, from a word. 0, or -1 with a usage error. */
    int (*put_id)(struct jw *w, const char *word, struct err *e);
    int (*put_new)(struct jw *w, const char *word, struct err *e);
    /* A card for people. */
    void (*print)(struct cli *c, const struct json *form, const struct json *record, struct buf *out);
    const char *(*name)(const struct json *record); /* as a person types it */
    /* After a create or an edit, what else there is to say of it; NULL: nothing. */
    void (*told)(struct cli *c, const struct json *record, struct buf *out);
};

int noun_create(struct cli *c, struct args *a, const struct noun *n, struct err *e);
int noun_edit(struct cli *c, struct args *a, const struct noun *n, struct err *e);
int noun_show(struct cli *c, struct args *a, const struct noun *n, struct err *e);
int noun_history(struct cli *c, struct args *a, const struct noun *n, struct err *e);

#endif
