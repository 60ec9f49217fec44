/* test_syscalls.c - every row of the tables: names, hints in two languages, path arguments. */
#include "tests/unit/unit.h"

#include "api/common/text.h"
#include "runner/profile_const.h"
#include "runner/syscalls.h"
#include <asm/unistd.h>
#include <seccomp.h>

static void test_names_agree_with_libseccomp(void **state)
{
    (void)state;
    unsigned named = 0;
    for (int nr = 0; nr < SYSCALLS_END; nr++) {
        char *theirs = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, nr);
        if (theirs != NULL && strcmp(syscalls_name(nr), theirs) != 0)
            fail_msg("%d is %s for libseccomp, %s here", nr, theirs, syscalls_name(nr));
        named += theirs != NULL;
        free(theirs);
    }
    assert_true(named > 350);
}

static void test_names_and_numbers_are_inverse(void **state)
{
    (void)state;
    for (int nr = 0; nr < SYSCALLS_END; nr++)
        if (syscalls_known(nr))
            assert_int_equal(syscalls_number(syscalls_name(nr)), nr);
    assert_int_equal(syscalls_number("mseal"), 462);
    assert_int_equal(syscalls_number("opne"), -1);
    assert_int_equal(syscalls_number(""), -1);
    assert_string_equal(syscalls_name(9999), "syscall_9999");
    assert_string_equal(syscalls_name(-1), "syscall_-1");
    assert_false(syscalls_known(SYSCALLS_END));
    assert_false(syscalls_known(400));
}

static void test_hints_are_in_two_languages_and_printable(void **state)
{
    (void)state;
    unsigned told = 0;
    for (int nr = -1; nr < SYSCALLS_END + 10; nr++) {
        const char *en = syscalls_hint(nr), *fr = syscalls_hint_fr(nr);
        assert_int_equal(en[0] == '\0', fr[0] == '\0');
        assert_true(text_is_utf8(fr, strlen(fr)) && !text_has_control(fr, strlen(fr)));
        assert_true(text_is_utf8(en, strlen(en)) && !text_has_control(en, strlen(en)));
        assert_true(strlen(en) < 300 && strlen(fr) < 350);
        told += en[0] != '\0';
    }
    assert_true(told > 100);
    HAS(syscalls_hint(__NR_io_uring_setup), "epoll");
    HAS(syscalls_hint_fr(__NR_ptrace), "débogueurs");
}

static void test_risks_are_in_two_languages_and_of_calls_that_matter(void **state)
{
    (void)state;
    static const int risky[] = {__NR_ptrace, __NR_mount, __NR_splice, __NR_io_uring_setup, __NR_bpf, __NR_memfd_create};
    for (int nr = -1; nr < SYSCALLS_END + 10; nr++) {
        const char *en = syscalls_risk(nr), *fr = syscalls_risk_fr(nr);
        assert_int_equal(en[0] == '\0', fr[0] == '\0');
        assert_true(text_is_utf8(fr, strlen(fr)) && !text_has_control(fr, strlen(fr)));
        assert_true(strpbrk(en, "\n\"") == NULL); /* they stand in comments of a profile */
        assert_true(strchr(fr, '\n') == NULL);
    }
    for (size_t i = 0; i < sizeof risky / sizeof *risky; i++)
        assert_true(syscalls_risk(risky[i])[0] != '\0');
    assert_string_equal(syscalls_risk(__NR_read), "");
}

static void test_path_rows_name_arguments(void **state)
{
    (void)state;
    for (int i = 0; i < syscalls_path_count; i++) {
        const struct syscalls_path *p = &syscalls_paths[i];
        assert_true(syscalls_known(p->nr));
        assert_ptr_equal(syscalls_path_find(p->nr), p);
        assert_in_range(p->path_arg, 0, 5);
        assert_true(p->dirfd_arg == -1 || p->dirfd_arg == p->path_arg - 1);
    }
    assert_null(syscalls_path_find(__NR_read));
}

static void test_constants_are_found_by_name_and_value(void **state)
{
    (void)state;
    for (size_t i = 0; i < const_row_count; i++) {
        uint64_t value = 0;
        const char *bad = NULL;
        size_t bad_len = 0;
        assert_int_equal(const_value(const_rows[i].name, &value, &bad, &bad_len), 0);
        assert_true(value == const_rows[i].value);
        assert_non_null(const_name(const_rows[i].set, value));
        for (size_t j = 0; j < i; j++)
            if (strcmp(const_rows[i].name, const_rows[j].name) == 0)
                fail_msg("%s stands there twice", const_rows[i].name);
    }
    uint64_t value = 0;
    const char *bad = NULL;
    size_t bad_len = 0;
    assert_int_equal(const_value("SOCK_NONBLOCK|SOCK_CLOEXEC", &value, &bad, &bad_len), 0);
    assert_true(value == 0x80800);
    assert_int_equal(const_value("SOCK_NONBLOCK|SOCK_X", &value, &bad, &bad_len), -1);
    assert_int_equal(bad_len, 6);
    assert_memory_equal(bad, "SOCK_X", 6);
    assert_int_equal(const_value("", &value, &bad, &bad_len), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_agree_with_libseccomp),
        cmocka_unit_test(test_names_and_numbers_are_inverse),
        cmocka_unit_test(test_hints_are_in_two_languages_and_printable),
        cmocka_unit_test(test_risks_are_in_two_languages_and_of_calls_that_matter),
        cmocka_unit_test(test_path_rows_name_arguments),
        cmocka_unit_test(test_constants_are_found_by_name_and_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
