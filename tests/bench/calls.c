/*
 * calls.c - what two system calls cost that every profile allows: getppid, and a read of one byte. Prints the
 * nanoseconds of one, the best of several loops. scripts/bench overhead runs it bare and in a sandbox.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { LOOPS = 15, CALLS = 40000 };

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int main(void)
{
    char byte;
    int zero = open("/dev/zero", O_RDONLY);
    double best[2] = {1e18, 1e18};

    for (int loop = 0; loop < LOOPS; loop++)
        for (int which = 0; which < 2; which++) {
            double began = now_ns();
            for (int i = 0; i < CALLS; i++)
                if (which == 0)
                    syscall(SYS_getppid);
                else if (read(zero, &byte, 1) != 1)
                    return 1;
            double each = (now_ns() - began) / CALLS;
            best[which] = each < best[which] ? each : best[which];
        }
    printf("getppid %.2f\nread %.2f\n", best[0], best[1]);
    return 0;
}
