/*
 * test_given_file.c - which rows of the table of mounts let a client's file be read.
 */
#include "tests/unit/unit.h"

#include "orchestrator/given_file.h"

#define EXT4 "36 35 254:3 / /home rw,relatime shared:1 - ext4 /dev/vda3 rw\n"
#define FUSE "41 35 0:44 / /home/u/mine rw - fuse.sshfs u@host: rw\n"

static void test_a_mount_fits_by_its_number_or_its_device(void **state)
{
    (void)state;
    assert_true(given_file_row_fits(EXT4, 36, 0, 0));
    assert_true(given_file_row_fits(EXT4, 999, 254, 3));
    assert_false(given_file_row_fits(EXT4, 35, 254, 4));
    assert_true(given_file_row_fits("36 35 0:44 / / rw - nfs4 host:/x rw", 36, 0, 44));
}

static void test_file_systems_that_a_process_answers_for_never_fit(void **state)
{
    (void)state;
    assert_false(given_file_row_fits(FUSE, 41, 0, 44));
    assert_false(given_file_row_fits("41 35 0:44 / /m rw - fuse x rw\n", 41, 0, 44));
    assert_false(given_file_row_fits("41 35 8:1 / /m rw - fuseblk /dev/sda1 rw\n", 41, 8, 1));
    assert_false(given_file_row_fits("41 35 0:4 / /proc rw - proc proc rw\n", 41, 0, 4));
    assert_true(given_file_row_fits("41 35 0:44 / /m rw - fusefish x rw\n", 41, 0, 44));
}

static void test_what_is_no_row_fits_nothing(void **state)
{
    (void)state;
    assert_false(given_file_row_fits("", 0, 0, 0));
    assert_false(given_file_row_fits("36 35 254:3 / /home rw,relatime\n" EXT4, 36, 254, 3));
    assert_false(given_file_row_fits("x y z - ext4\n", 0, 0, 0));
}

static void test_what_is_looked_at_is_a_regular_file(void **state)
{
    struct err e = {0};
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    FAILS(given_file_look(ends[0], &e), e, E_INVALID);
    close(ends[0]);
    close(ends[1]);
    FILE *f = tmpfile();
    assert_non_null(f);
    e = (struct err){0};
    OK(given_file_look(fileno(f), &e), e);
    OK(given_file_check(fileno(f), &e), e);
    fclose(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_mount_fits_by_its_number_or_its_device),
        cmocka_unit_test(test_file_systems_that_a_process_answers_for_never_fit),
        cmocka_unit_test(test_what_is_no_row_fits_nothing),
        cmocka_unit_test(test_what_is_looked_at_is_a_regular_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
