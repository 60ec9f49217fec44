/* test_rootfs.c - what runs see of an environment: programs and a few names of /etc, nothing else. */
#include "tests/unit/unit.h"

#include "api/common/rootfs.h"
#include "api/common/text.h"

static void programs_are_shown_and_accounts_are_not(void **state)
{
    (void)state;
    static const char *const shown[] = {"usr",           "usr/bin/sh",      "bin",        "bin/sh",      "lib64/ld.so",
                                        "opt",           "opt/conda/bin/x", "etc",        "etc/R/x",     "etc/os-release",
                                        "etc/alternatives/python", "libx32", "sbin/init", "etc/ssl/certs/a", "etc/ssl/privateer", "usr/lib/private/x"};
    static const char *const hidden[] = {
        "proc",       "proc/1",      "dev/null",      "sys",         "etc/passwd",   "etc/shadow",      "etc/resolv.conf",
        "etc/hosts",  "root/.ssh",   "home/x",        "var/lib/x",   "opt/enclos",   "opt/enclos/lower", "data/x",
        "work",       "outputs",     "tmp/x",         "usr2/x",      "us",           "libs/x",          "etc/ssl2",
        "etcetera/R", "run/secrets", "etc/ssl.d/key", "opt/enclos/", "etc/ssl/private", "etc/ssl/private/key", "etc/pki/tls/private/x", ".dockerenv"};
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        if (!rootfs_shows(shown[i]))
            fail_msg("%s is not shown", shown[i]);
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (rootfs_shows(hidden[i]))
            fail_msg("%s is shown", hidden[i]);
    assert_true(rootfs_shows("opt/enclos2/x"));
    assert_string_equal(rootfs_tops[0], "usr");
}

static void a_link_at_the_top_leads_into_usr(void **state)
{
    (void)state;
    assert_string_equal(rootfs_top_target("usr/bin"), "usr/bin");
    assert_string_equal(rootfs_top_target("/usr/lib/x86_64"), "usr/lib/x86_64");
    assert_string_equal(rootfs_top_target("./usr/lib"), "usr/lib");
    static const char *const bad[] = {"usr", "/", "", ".", "..", "/usr", "usr/", "usr/../etc", "../usr/bin", "//usr/bin",
                                      "etc/alternatives", "/outputs", "bin", "usr//bin", "usr/.", "/./usr/bin"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (rootfs_top_target(bad[i]))
            fail_msg("%s is taken", bad[i]);
}

static void what_is_mounted_is_a_folder_or_a_link_of_ours(void **state)
{
    (void)state;
    assert_true(rootfs_may_hold(ROOTFS_LINK, "bin", "usr/bin"));
    assert_true(rootfs_may_hold(ROOTFS_FOLDER, "bin", NULL));
    assert_true(rootfs_may_hold(ROOTFS_FILE, "bin/sh", NULL));
    assert_true(rootfs_may_hold(ROOTFS_LINK, "etc/os-release", "../usr/lib/os-release"));
    assert_true(rootfs_may_hold(ROOTFS_LINK, "usr/lib/x", "/anywhere"));
    assert_true(rootfs_may_hold(ROOTFS_LINK, "opt/x", "../outputs"));
    assert_false(rootfs_may_hold(ROOTFS_FILE, "bin", NULL));
    assert_false(rootfs_may_hold(ROOTFS_LINK, "bin", "/usr/bin"));
    assert_false(rootfs_may_hold(ROOTFS_LINK, "bin", "outputs"));
    assert_false(rootfs_may_hold(ROOTFS_LINK, "usr", "usr/x"));
    assert_false(rootfs_may_hold(ROOTFS_LINK, "etc", "usr/etc"));
    assert_false(rootfs_may_hold(ROOTFS_LINK, "opt", "usr/opt"));
    assert_false(rootfs_may_hold(ROOTFS_FILE, "etc/passwd", NULL));
    assert_false(rootfs_may_hold(ROOTFS_FOLDER, "dev", NULL));
}

/* The runner makes each of them in a folder of its own with one component: none may be a path. */
static void the_names_are_single_components(void **state)
{
    (void)state;
    for (const char *const *n = rootfs_tops; *n; n++)
        assert_true(text_is_rel_path(*n) && !strchr(*n, '/'));
    for (const char *const *n = rootfs_etc; *n; n++)
        assert_true(text_is_rel_path(*n) && !strchr(*n, '/'));
    /* Files of the sandbox's own. */
    static const char *const own[] = {"passwd", "group", "hosts", "hostname", "nsswitch.conf", "host.conf",
                                      "resolv.conf"};
    for (const char *const *n = rootfs_etc; *n; n++)
        for (size_t i = 0; i < sizeof own / sizeof *own; i++)
            assert_string_not_equal(*n, own[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs_are_shown_and_accounts_are_not),
        cmocka_unit_test(a_link_at_the_top_leads_into_usr),
        cmocka_unit_test(what_is_mounted_is_a_folder_or_a_link_of_ours),
        cmocka_unit_test(the_names_are_single_components),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
