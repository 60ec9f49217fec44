/*
 * fault.c - named fault points of test builds. Thread safe. Not for forked children before exec.
 */
#include "api/common/fault.h"

#ifdef ENCLOS_TEST
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FAULTS_MAX = 16 };

static struct fault {
    char point[64];
    long nth, passed;
    enum fault_action action;
} faults[FAULTS_MAX];
static int fault_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static const char *const action_names[] = {
    [FAULT_ERROR] = "error",
    [FAULT_ENOSPC] = "enospc",
    [FAULT_KILL] = "kill",
};

/* A test that arms nothing because of a typing mistake would pass for the wrong reason. */
static void bad_spec(const char *spec)
{
    fprintf(stderr, "ENCLOS_FAULT: cannot read \"%s\"\n", spec);
    abort();
}

static void read_environment(void)
{
    const char *spec = getenv("ENCLOS_FAULT");
    if (!spec || !*spec)
        return;
    char *copy = strdup(spec);
    char *rest = copy;
    for (char *one; copy && (one = strsep(&rest, ",")) != NULL;) {
        char *point = strsep(&one, ":");
        char *nth = strsep(&one, ":");
        if (!nth || !one || fault_count == FAULTS_MAX || strlen(point) >= sizeof faults[0].point)
            bad_spec(spec);
        struct fault *f = &faults[fault_count++];
        char *end;
        snprintf(f->point, sizeof f->point, "%s", point);
        f->nth = strtol(nth, &end, 10);
        f->action = FAULT_KILL;
        while (f->action > FAULT_ERROR && strcmp(one, action_names[f->action]) != 0)
            f->action--;
        if (*end || f->nth < 1 || strcmp(one, action_names[f->action]) != 0)
            bad_spec(spec);
    }
    free(copy);
}

bool fault_here(const char *point)
{
    bool hit = false;
    enum fault_action action = FAULT_ERROR;
    pthread_once(&once, read_environment);
    pthread_mutex_lock(&lock);
    for (int i = 0; i < fault_count; i++)
        if (strcmp(faults[i].point, point) == 0 && ++faults[i].passed == faults[i].nth) {
            hit = true;
            action = faults[i].action;
        }
    pthread_mutex_unlock(&lock);
    if (hit && action == FAULT_KILL)
        kill(getpid(), SIGKILL);
    if (hit)
        errno = action == FAULT_ENOSPC ? ENOSPC : EIO;
    return hit;
}

void fault_arm(const char *point, long nth, enum fault_action action)
{
    pthread_once(&once, read_environment);
    pthread_mutex_lock(&lock);
    if (fault_count == FAULTS_MAX || strlen(point) >= sizeof faults[0].point)
        abort();
    struct fault *f = &faults[fault_count++];
    snprintf(f->point, sizeof f->point, "%s", point);
    f->nth = nth;
    f->passed = 0;
    f->action = action;
    pthread_mutex_unlock(&lock);
}

void fault_disarm(void)
{
    pthread_mutex_lock(&lock);
    fault_count = 0;
    pthread_mutex_unlock(&lock);
}

long fault_passed(const char *point)
{
    long passed = 0;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < fault_count; i++)
        if (strcmp(faults[i].point, point) == 0)
            passed = faults[i].passed;
    pthread_mutex_unlock(&lock);
    return passed;
}
#else
/* ISO C wants something in every file. */
typedef int fault_is_for_test_builds;
#endif
