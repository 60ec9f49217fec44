/*
 * env_told.h - what an import left out or changed, so that the person hears of it.
 */
#ifndef ENCLOS_ENV_TOLD_H
#define ENCLOS_ENV_TOLD_H

#include <stddef.h>

enum { ENV_TOLD_NAME = 160, ENV_TOLD_NAMES = 240 };

/* How many of a kind, and the first of them by name, fit to be shown. */
struct env_count {
    size_t count;
    char first[ENV_TOLD_NAME];
};

struct env_told {
    struct env_count special;    /* devices, pipes, sockets: left out */
    struct env_count privileged; /* setuid, setgid, file capabilities: bits dropped */
    struct env_count hidden_etc; /* names of /etc that runs never see */
    char hidden[ENV_TOLD_NAMES]; /* names at the top that runs never see: "/boot /var" */
};

void env_told_count(struct env_count *c, const char *path);
void env_told_hidden(struct env_told *t, const char *path); /* a name at the top or of /etc */

#endif
