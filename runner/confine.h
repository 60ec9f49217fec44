/*
 * confine.h - our own processes give up what they have no use for.
 */
#ifndef ENCLOS_RUNNER_CONFINE_H
#define ENCLOS_RUNNER_CONFINE_H

#include "api/common/err.h"
#include <stddef.h>

/* Keeps only the capabilities that making sandboxes needs (a table with a reason each), in every set and
 * the bounding set, and loads a filter against the calls that nothing below the launcher ever needs
 * (syscalls_never). Inherited by monitors, inits and jobs. */
MUST_USE int confine_launcher(struct err *e);

/* A monitor whose sandbox is cloned reads what a run says and writes a run folder: it keeps what that
 * needs, and a filter refuses the other system calls with EPERM. Not to be undone. */
MUST_USE int confine_monitor(struct err *e);

/* A template of warm starts, on top of the launcher's: against what neither it nor its runs need. It answers like the
 * launcher's, so that no refusal of a run is hidden. 0, or -1 with errno. */
MUST_USE int confine_template(void);
extern const unsigned confine_template_calls[]; /* none may be allowed by a profile that has a preload */
extern const size_t confine_template_count;

/* A filter that allows these calls and answers `otherwise` (SECCOMP_RET_...) to the rest; another architecture
 * ends the process. 0, or -1 with errno. No malloc, no locks. */
enum { CONFINE_CALLS_MAX = 200 };
MUST_USE int confine_to_calls(const unsigned short *calls, size_t count, unsigned otherwise);

#endif
