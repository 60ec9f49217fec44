/*
 * probe.h - what the verbs of the attack probe share: attempts, facts, one line of JSON.
 *
 * The probe runs inside a sandbox. A verb tries an attack and says what it observed; it never judges.
 * The judge is the test outside, which also reads the run's record.
 *
 *   {"verb":"a01","attempts":[{"call":"unshare(NEWUSER)","ret":-1,"errno":"EPERM"}],"facts":{"uid":700000}}
 */
#ifndef ENCLOS_PROBE_H
#define ENCLOS_PROBE_H

#include <stddef.h>

struct verb {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is the first argument after the verb */
    const char *help;
};

extern const struct verb verbs_namespaces[]; /* group A */
extern const struct verb verbs_processes[];  /* group B */
extern const struct verb verbs_resources[];  /* group C */
extern const struct verb verbs_channels[];   /* group D */
extern const struct verb verbs_outputs[];    /* group E */
extern const struct verb verbs_host[];       /* groups F and G */
extern const struct verb verbs_fuzz[];       /* case 100 */

/* Remembers that `call` returned `ret`; errno is taken now. Gives `ret` back. */
long probe_attempt(const char *call, long ret);
#define TRY(name, expression) (errno = 0, probe_attempt((name), (long)(expression)))

/* Remembers a number or a text that was observed. */
void probe_fact_int(const char *name, long value);
void probe_fact_str(const char *name, const char *value);

/* Writes the line to standard output, once. The caller's next step is usually to return 0. */
void probe_say(void);

/* Waits for ever. */
int probe_wait(void);

const char *probe_errno_name(int number);

/* Value of a decimal argument, or `otherwise` when there is none. */
long probe_arg(int argc, char **argv, int at, long otherwise);

/* The value of "Name:" in /proc/self/status, "" when it is not there. */
void probe_status(const char *name, char *out, size_t out_size);

#endif
