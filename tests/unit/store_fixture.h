/*
 * store_fixture.h - a state folder for the tests of objects, manifests and trees.
 */
#ifndef ENCLOS_TESTS_STORE_FIXTURE_H
#define ENCLOS_TESTS_STORE_FIXTURE_H

#include "tests/unit/unit.h"

#include "api/common/fd.h"
#include "api/common/mem.h"
#include "catalog/digest.h"
#include "catalog/store.h"
#include <fcntl.h>

struct store_fixture {
    char folder[256];
    char state[300];
    struct store *s;
};

static inline int sx_setup(void **state)
{
    struct store_fixture *f = mem_alloc(sizeof *f);
    struct err e = {0};
    snprintf(f->folder, sizeof f->folder, "%s", unit_mkdtemp());
    snprintf(f->state, sizeof f->state, "%s/state", f->folder);
    OK(store_open(f->state, &f->s, &e), e);
    *state = f;
    return 0;
}

static inline int sx_teardown(void **state)
{
    struct store_fixture *f = *state;
    store_close(f->s);
    unit_rmdir(f->folder);
    free(f);
    return 0;
}

/* How many files (not folders) are below a folder of the state. */
static inline int sx_files(struct store_fixture *f, const char *below)
{
    char command[700];
    int count = -1;
    snprintf(command, sizeof command, "find '%s/%s' -type f | wc -l", f->state, below);
    FILE *p = popen(command, "r");
    assert_int_equal(fscanf(p, "%d", &count), 1);
    pclose(p);
    return count;
}

/* An unlinked file with that content. */
static inline int sx_file(struct store_fixture *f, const void *p, size_t len)
{
    int fd = open(f->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(fd_write_all(fd, p, len), 0);
    return fd;
}

/* Runs a shell command with $S the state folder: what happens behind the lab's back. */
static inline void sx_shell(struct store_fixture *f, const char *command)
{
    setenv("S", f->state, 1);
    if (system(command) != 0)
        fail_msg("failed: %s", command);
}

#endif
