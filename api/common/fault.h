/*
 * fault.h - named points where a test makes a failure happen. Test builds only (ENCLOS_TEST).
 *
 *     if (FAULT("catalog.before_commit"))
 *         return err_sys(e, ...);          errno is set
 *
 * Armed by the environment: ENCLOS_FAULT="point:nth:action[,point:nth:action...]", nth from 1, action
 * "error" (errno EIO), "enospc" (errno ENOSPC) or "kill" (SIGKILL to ourselves); or by fault_arm.
 * Each one acts once, at the nth passage. In other builds FAULT is the constant false.
 */
#ifndef ENCLOS_FAULT_H
#define ENCLOS_FAULT_H

#include <stdbool.h>

#ifdef ENCLOS_TEST
enum fault_action { FAULT_ERROR, FAULT_ENOSPC, FAULT_KILL };
bool fault_here(const char *point);
void fault_arm(const char *point, long nth, enum fault_action action);
void fault_disarm(void);
long fault_passed(const char *point); /* passages of an armed point so far */
#define FAULT(point) fault_here(point)
#else
#define FAULT(point) (false)
#endif

#endif
