/* test_backup.c - the archive of a backup: what is written is read back, and nothing else is. */
#include "tests/unit/store_fixture.h"

#include "catalog/archive.h"
#include "catalog/backup.h"
#include <fcntl.h>

static int out_file(struct store_fixture *f)
{
    (void)f;
    int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    return fd;
}

static void write_one(struct archive_out *a, const char *name, const char *text)
{
    struct err e = {0};
    OK(archive_out_file(a, name, strlen(text), &e), e);
    OK(archive_out_add(a, text, strlen(text), &e), e);
}

static void files_come_back_as_they_were(void **state)
{
    struct err e = {0};
    AUTO_FD int fd = out_file(*state);
    AUTO_ARCHIVE_OUT struct archive_out *out = NULL;
    AUTO_ARCHIVE_IN struct archive_in *in = NULL;
    static char large[700000];
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (char)(i * 7919 >> 3);
    OK(archive_out_new(fd, &out, &e), e);
    write_one(out, "a", "");
    write_one(out, "b/c", "twelve bytes");
    OK(archive_out_file(out, "large", sizeof large, &e), e);
    OK(archive_out_add(out, large, sizeof large, &e), e);
    write_one(out, "skipped", "nobody reads this");
    write_one(out, "last", "z");
    OK(archive_out_finish(out, &e), e);
    lseek(fd, 0, SEEK_SET);
    OK(archive_in_new(fd, &in, &e), e);
    static const char *const names[] = {"a", "b/c", "large", "skipped", "last"};
    for (size_t i = 0; i < 5; i++) {
        char name[ARCHIVE_NAME_SIZE], some[1000];
        uint64_t size, seen = 0;
        size_t got;
        assert_int_equal(archive_in_next(in, name, &size, &e), 1);
        assert_string_equal(name, names[i]);
        if (i == 3)
            continue;
        do {
            OK(archive_in_read(in, some, sizeof some, &got, &e), e);
            if (i == 2)
                assert_memory_equal(some, large + seen, got);
            seen += got;
        } while (got);
        assert_int_equal(seen, size);
    }
    char name[ARCHIVE_NAME_SIZE];
    uint64_t size;
    assert_int_equal(archive_in_next(in, name, &size, &e), 0);
}

/* Each a backup that is whole as an archive, and hostile. */
static void names_and_orders_that_no_lab_writes_are_refused(void **state)
{
    struct store_fixture *f = *state;
    static const char head[] = "{\"version\":1,\"created_us\":5,\"program\":\"x\",\"objects\":\"included\"}";
    static const char object[] = "objects/ba/7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; /* abc */
    static const struct {
        const char *names[4], *texts[4], *says;
    } cases[] = {
        {{"backup.json", "../evil"}, {head, "x"}, "no such file"},
        {{"backup.json", "/etc/passwd"}, {head, "x"}, "no such file"},
        {{"backup.json", "lab.lock"}, {head, "x"}, "no such file"},
        {{"backup.json", "objects/../../evil"}, {head, "x"}, "no such file"},
        {{"backup.json", "runs/../catalog.db"}, {head, "x"}, "no such file"},
        {{"backup.json", "runs/r1234567/outputs"}, {head, "x"}, "no such file"},
        {{"backup.json", "runs/r1/x/log"}, {head, "x"}, "no such file"},
        {{"backup.json", object}, {head, "abd"}, "not those of its name"},
        {{"backup.json", object, object}, {head, "abc", "abc"}, "twice"},
        {{"backup.json", "catalog.db", "catalog.db"}, {head, "x", "x"}, "twice"},
        {{"catalog.db"}, {"x"}, "begins with"},
        {{"backup.json", "backup.json"}, {head, head}, "not the first"},
        {{"backup.json"}, {"{\"version\":2}"}, "another form"},
        {{"backup.json"}, {"[1"}, "backup.json"},
        {{"backup.json", "catalog.db"}, {head, "x"}, "not there"},
        {{"backup.json", "manifest.txt", "catalog.db"}, {head, "x", "x"}, "follows manifest.txt"},
        {{"backup.json", "end.json"}, {head, "{}"}, "what it should"},
        {{"backup.json", "catalog.db", "manifest.txt", "end.json"},
         {head, "x", "", "{\"entries\":2,\"manifest_sha256\":\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\","
                         "\"audit_number\":0,\"audit_hash\":\"0000000000000000000000000000000000000000000000000000000000000000\"}"},
         "not those that it lists"},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct err e = {0};
        struct backup_report r;
        AUTO_FD int fd = out_file(f);
        AUTO_ARCHIVE_OUT struct archive_out *out = NULL;
        AUTO_FREE char *dir = mem_printf("%s/restored-%zu", f->state, c);
        assert_int_equal(mkdir(dir, 0700), 0);
        OK(archive_out_new(fd, &out, &e), e);
        for (size_t i = 0; i < 4 && cases[c].names[i]; i++)
            write_one(out, cases[c].names[i], cases[c].texts[i]);
        OK(archive_out_finish(out, &e), e);
        lseek(fd, 0, SEEK_SET);
        if (backup_restore(fd, dir, &CAT_ACTOR_LAB, &r, &e) == 0)
            fail_msg("case %zu was restored", c);
        if (e.kind != E_INVALID || !strstr(e.message, cases[c].says))
            fail_msg("case %zu: %s", c, e.message);
    }
    AUTO_FREE char *evil = mem_printf("%s/evil", f->state);
    assert_int_equal(access(evil, F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_come_back_as_they_were, sx_setup, sx_teardown),
        cmocka_unit_test_setup_teardown(names_and_orders_that_no_lab_writes_are_refused, sx_setup, sx_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
