/*
 * warm_page.c - waiting on a word of the set-up page. Called by init, the monitor and what a template
 * forks; no malloc, no locks.
 */
#include "runner/warm.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Not FUTEX_PRIVATE_FLAG: the page is shared by processes. */
void warm_wait(volatile uint32_t *word, uint32_t value, int timeout_ms)
{
    struct timespec t = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L};
    syscall(SYS_futex, word, FUTEX_WAIT, value, timeout_ms < 0 ? NULL : &t, NULL, 0);
}

void warm_wake(volatile uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE, 16, NULL, NULL, 0);
}
