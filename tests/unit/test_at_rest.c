/* test_at_rest.c - whether the store is encrypted, told from what /proc and /sys say: LUKS, LVM and RAID on it,
 * half of a mirror, plain disks, and what cannot be seen. */
#include "tests/unit/unit.h"

#include "orchestrator/at_rest.h"
#include <fcntl.h>

struct world {
    char folder[256];
    char dev_block[300];
    struct at_rest_places places;
};

static int setup(void **state)
{
    static struct world w;
    snprintf(w.folder, sizeof w.folder, "%s", unit_mkdtemp());
    snprintf(w.dev_block, sizeof w.dev_block, "%s/block", w.folder);
    w.places = (struct at_rest_places){"/proc/self/mountinfo", w.dev_block};
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    unit_rmdir(w->folder);
    return 0;
}

static void shell(const struct world *w, const char *command)
{
    setenv("B", w->dev_block, 1);
    if (system(command) != 0)
        fail_msg("failed: %s", command);
}

/* A device; `uuid` NULL: none of device mapper. `below`: numbers of what it stands on, or "". */
static void device(const struct world *w, const char *number, const char *uuid, const char *below)
{
    setenv("N", number, 1);
    setenv("U", uuid ? uuid : "", 1);
    setenv("L", below, 1);
    shell(w, "mkdir -p $B/$N/slaves; [ -z \"$U\" ] || { mkdir $B/$N/dm; echo $U > $B/$N/dm/uuid; }; "
             "for s in $L; do mkdir $B/$N/slaves/d$s; echo $s > $B/$N/slaves/d$s/dev; done");
}

static struct at_rest of(const struct world *w, unsigned major, unsigned minor)
{
    struct at_rest found;
    at_rest_of_device("ext4", "/dev/mapper/data", major, minor, &w->places, &found);
    return found;
}

static void luks_is_seen_below_whatever_stands_on_it(void **state)
{
    const struct world *w = *state;
    device(w, "8:1", NULL, "");
    device(w, "8:2", NULL, "");
    device(w, "254:0", "CRYPT-LUKS2-0123456789abcdef-data", "8:1");
    struct at_rest r = of(w, 254, 0);
    assert_int_equal(r.kind, AT_REST_ENCRYPTED);
    HAS(r.text, "dm-crypt (CRYPT-LUKS2)");
    assert_null(strstr(r.text, "0123456789abcdef"));
    device(w, "254:1", "LVM-abc", "254:0"); /* LVM on LUKS */
    assert_int_equal(of(w, 254, 1).kind, AT_REST_ENCRYPTED);
    device(w, "254:2", "CRYPT-PLAIN-x", "8:2");
    device(w, "9:0", NULL, "254:0 254:2"); /* a mirror of two encrypted halves */
    assert_int_equal(of(w, 9, 0).kind, AT_REST_ENCRYPTED);
}

static void a_half_in_the_clear_is_in_the_clear(void **state)
{
    const struct world *w = *state;
    device(w, "8:1", NULL, "");
    device(w, "8:2", NULL, "");
    device(w, "254:0", "CRYPT-LUKS2-x", "8:1");
    device(w, "9:0", NULL, "254:0 8:2");
    assert_int_equal(of(w, 9, 0).kind, AT_REST_PLAIN);
    device(w, "254:3", "LVM-abc", "8:2");
    struct at_rest r = of(w, 254, 3);
    assert_int_equal(r.kind, AT_REST_PLAIN);
    HAS(r.text, "not encrypted at rest: ext4 on /dev/mapper/data");
    device(w, "254:4", "CRYPTO-no", "8:2"); /* a name that only begins like it */
    assert_int_equal(of(w, 254, 4).kind, AT_REST_PLAIN);
}

static void what_cannot_be_seen_is_said_to_be_unknown(void **state)
{
    const struct world *w = *state;
    static const char *const types[] = {"nfs4", "cifs", "overlay", "fuse.sshfs", "zfs", "virtiofs"};
    struct at_rest r;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        at_rest_of_device(types[i], "server:/x", 0, 44, &w->places, &r);
        assert_int_equal(r.kind, AT_REST_UNKNOWN);
        HAS(r.text, "cannot tell");
        HAS(r.text, types[i]);
    }
    assert_int_equal(of(w, 8, 77).kind, AT_REST_UNKNOWN); /* a device that /sys does not have */
    shell(w, "mkdir -p $B/7:0/loop; echo /srv/image > $B/7:0/loop/backing_file");
    r = of(w, 7, 0);
    assert_int_equal(r.kind, AT_REST_UNKNOWN);
    HAS(r.text, "the file /srv/image");
    device(w, "253:0", NULL, "253:1");
    device(w, "253:1", NULL, "253:0"); /* a circle ends */
    assert_int_equal(of(w, 253, 0).kind, AT_REST_UNKNOWN);
    at_rest_of_device("tmpfs", "tmpfs", 0, 30, &w->places, &r);
    assert_int_equal(r.kind, AT_REST_PLAIN);
    HAS(r.text, "in memory");
}

static void this_machine_gives_one_sentence(void **state)
{
    const struct world *w = *state;
    struct at_rest r = {.text = ""};
    int fd = open(w->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    at_rest_look(fd, &at_rest_here, &r);
    close(fd);
    HAS(r.text, "what is stored is");
    assert_null(strstr(r.text, "not listed"));
    assert_null(strchr(r.text, '\n'));
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(luks_is_seen_below_whatever_stands_on_it),
        TEST(a_half_in_the_clear_is_in_the_clear),
        TEST(what_cannot_be_seen_is_said_to_be_unknown),
        TEST(this_machine_gives_one_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
