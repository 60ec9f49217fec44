/*
 * template.h - the library that makes an ordinary python3 a template: its parts.
 *
 *   main.c     is what runs instead of Python's own main: starts Python, imports, then forks spares
 *   inject.c   the spare: takes one run's request, enters its sandbox, becomes its job
 *   python.c   Python by its public C interface, found in the process; goes on as `python3 ...` would
 *
 * It is loaded by LD_PRELOAD into an interpreter that knows nothing of it, and has a copy of priv_job.c:
 * what a cold job gives up, this one does by the same code.
 */
#ifndef ENCLOS_RUNNER_TEMPLATE_H
#define ENCLOS_RUNNER_TEMPLATE_H

#include <stddef.h>
#include <sys/types.h>

/* What the program is told; borrowed from the parcel until python_begin has made its own. */
struct program {
    size_t argc, envc;
    char **argv, **env; /* NULL-ended */
};

/* ---- python.c ---- */

/* 0, or -1 with a sentence in `why`. */
int python_start(const char *argv0, char *why, size_t why_size);
int python_import(const char *module, char *why, size_t why_size);
int python_settle(char *why, size_t why_size); /* after the imports: what is there by now is for good */

/* fork(2) as Python's own os.fork does it. In the child nothing of Python may be touched before
 * python_begin. */
pid_t python_fork(void);

/* In the job: takes over the arguments and the environment, fresh seeds. False when what it is asked to run is
 * better left to a Python of its own (a folder, an archive, no such file). */
int python_begin(const struct program *p);
_Noreturn void python_go_on(void);

/* ---- inject.c ---- */

/* The spare: waits for a request. Returns in the job only, with everything given up and the filter in force. Ends
 * the process in every other case; SPARE_END says that no request will come. */
enum { SPARE_END = 7 };
void spare_main(int control, struct program *out);

/* The two ways on from there. The first takes away what came from outside: the set-up page, what is borrowed in
 * `out`, and the hand-over socket, whose end tells the monitor that the program begins. */
void injected_release(void);
_Noreturn void injected_execute(void);

#endif
