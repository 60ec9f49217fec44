/*
 * backup.h - a lab in one file, taken while it works; and a lab made of one.
 *
 *     backup.json      version of the form, when, by which program
 *     catalog.db       a copy of one moment
 *     objects.txt      "SHA256 SIZE" a line: all objects that there were after that moment
 *     objects/ab/...   the objects (unless they are only listed)
 *     runs/ID/log ...  what runs said and their records
 *     manifest.txt     "SHA256 SIZE NAME" a line: every file above, in order
 *     end.json         digest of manifest.txt, how many, and the head of the audit log in catalog.db
 *
 * What is not there to its last byte is refused: end.json comes last and vouches for all.
 */
#ifndef ENCLOS_CATALOG_BACKUP_H
#define ENCLOS_CATALOG_BACKUP_H

#include "catalog/audit.h"
#include "catalog/gc.h"
#include "catalog/store.h"

struct backup_report {
    int64_t audit_number; /* the head of the audit log in it */
    char audit_hash[65];
    int64_t created_us;
    bool has_objects;
    uint64_t catalog_bytes, objects, object_bytes, runs, file_bytes;
    uint64_t missing; /* restored: objects that its catalog refers to and that are not there */
};

struct backup_phase {
    void (*phase)(void *ctx, const char *name); /* may be NULL */
    struct gc_progress progress;
};

/* Writes to fd, an empty file. db: a reader's connection, idle. Nothing may be collected meanwhile
 * (keeping.h sees to that). A damaged object is set aside and ends it: E_CONFLICT, and the next one goes without it.
 * Not synced. */
MUST_USE int backup_write(struct cat *db, const struct store *s, int fd, bool objects,
                          const struct backup_phase *how, struct backup_report *out, struct err *e);

/* Makes a state folder in dir_path, which is there and empty, of the backup on fd; every digest is checked, the
 * catalog and its audit log are walked, and lab.restored is written in it by `actor`. All is synced. On failure
 * the folder is in pieces: the caller removes it. */
MUST_USE int backup_restore(int fd, const char *dir_path, const struct cat_actor *actor,
                            struct backup_report *out, struct err *e);

#endif
