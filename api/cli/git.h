/*
 * git.h - which commit a code folder stands at, for a run's provenance.
 *
 * A repository may come from anywhere: nothing in it is executed, and its configuration is never read. HEAD, refs and
 * packed-refs are read here, as plain bounded files. Whether the folder is what the commit has is asked of `git status`,
 * which gets a git folder of our own making (no configuration, no hooks, no filters, no file monitor), the repository's
 * objects and its index to read; for at most GIT_STATUS_MS, and only where the repository belongs to whoever asks.
 */
#ifndef ENCLOS_CLI_GIT_H
#define ENCLOS_CLI_GIT_H

#include <stdbool.h>

enum { GIT_COMMIT_SIZE = 65, GIT_BRANCH_SIZE = 251, GIT_STATUS_MS = 5000 };

struct git_state {
    char commit[GIT_COMMIT_SIZE]; /* "": not known */
    char branch[GIT_BRANCH_SIZE]; /* "": none (a commit was checked out), or not known */
    int dirty;                    /* 1: files of the folder differ from the commit or are not in it (what git ignores
                                     aside), 0: none does, -1: not known */
};

/* False: the folder is in no repository, or what is there cannot be read as one. */
bool git_look(const char *folder, struct git_state *out);

/* The commit and branch alone: what git_look reads itself. */
bool git_read_head(const char *folder, struct git_state *out);

#endif
