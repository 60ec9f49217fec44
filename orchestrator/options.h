/*
 * options.h - what enclosd was told on its command line, completed with the defaults of the caller.
 */
#ifndef ENCLOS_OPTIONS_H
#define ENCLOS_OPTIONS_H

#include "api/common/err.h"
#include "api/common/log.h"
#include <stdint.h>
#include <sys/types.h>

struct options {
    char *state_dir;    /* absolute */
    char *socket_path;  /* absolute */
    char *user;         /* account of the lab when started as root; NULL: choose (see state.h) */
    char *cgroup;       /* relative path of a delegated group, or NULL */
    char *profiles_dir; /* NULL: the installed ones */
    char *runner_path;  /* enclos-runner, beside this program */
    char *self_path;    /* this program */
    char *proxy_hosts;  /* names that the proxies of runs know by themselves, absolute; or NULL */
    int64_t cpus_milli; /* capacity of the lab */
    int64_t memory_bytes;
    int64_t tidy_ms; /* between two looks for what nobody uses any more */
    enum log_level log_level;
    bool as_root;
    bool grant_admin; /* to whoever starts it */
    bool best_effort; /* limits of runs that do not say which they want */
};

enum options_result { OPTIONS_RUN, OPTIONS_EXIT_OK, OPTIONS_EXIT_USAGE };

/* Reads the command line. Prints --help and --version on standard output, mistakes on standard
 * error. The result owns its strings: options_fini. */
enum options_result options_read(struct options *o, int argc, char **argv);
void options_fini(struct options *o);

#endif
