/* test_cli_labtext.c - what the lab says, in the reader's language: patterns, real messages, steps of
 * a set-up, warnings. */
#include "tests/unit/unit.h"

#include "api/cli/labtext.h"
#include "api/cli/say.h"
#include "api/cli/step.h"
#include "api/cli/verdict.h"
#include "api/cli/warnings.h"
#include "api/common/json.h"
#include "api/common/mem.h"
#include "catalog/dataset.h"
#include "catalog/list.h"
#include "catalog/environment.h"
#include "catalog/manifest.h"
#include "orchestrator/ingest.h"
#include "orchestrator/method.h"
#include "orchestrator/scheduler.h"
#include "runner/setup.h"
#include <errno.h>
#include <locale.h>

static int in_french(void **state)
{
    (void)state;
    say_in(LANG_FR);
    return 0;
}

static const char *said(const char *text)
{
    static struct buf room = BUF_INIT(1 << 16);

    buf_clear(&room);
    labtext_add(&room, text);
    return buf_cstr(&room);
}

/* What an error of this kind, as the lab makes it, reads in the chosen language. */
static const char *said_of(const struct err *e)
{
    return said(e->message);
}

static unsigned holes(const char *s)
{
    unsigned found = 0;

    for (; *s; s++)
        if (s[0] == '{' && s[1] >= '1' && s[1] <= '9' && strchr("}:#", s[2]))
            found |= 1u << (s[1] - '0');
    return found;
}

/* ---- the table ---- */

static void test_rows_have_the_same_holes_in_every_language(void **state)
{
    (void)state;
    for (size_t i = 0; i < labtext_row_count; i++) {
        const struct labtext_row *row = &labtext_rows[i];
        if (holes(row->pattern) != holes(row->french))
            fail_msg("%s: not the same holes", row->pattern);
        for (const char *p = strchr(row->pattern, '}'); p; p = strchr(p + 1, '}'))
            if (p[1] == '{')
                fail_msg("%s: two holes that touch cannot be told apart", row->pattern);
    }
}

static void test_the_french_of_the_lab_is_quebecs(void **state)
{
    (void)state;
    for (size_t i = 0; i < labtext_row_count; i++) {
        const char *fr = labtext_rows[i].french;
        for (const char *p = fr; *p; p++) {
            if (*p == '\'')
                fail_msg("straight apostrophe: %s", fr);
            if (*p == ' ' && (p[1] == ';' || p[1] == '!' || p[1] == '?'))
                fail_msg("space before ; ! or ?: %s", fr);
            if (*p == ':' && p > fr && p[-1] != ' ' && p[1] == ' ')
                fail_msg("no space before a colon: %s", fr);
        }
    }
}

/* A row that a wider one before it hides would never be said. */
static void test_every_row_is_reached_by_its_own_pattern(void **state)
{
    (void)state;
    for (size_t i = 0; i < labtext_row_count; i++) {
        AUTO_BUF struct buf text = BUF_INIT(4096), want = BUF_INIT(4096);
        for (const char *p = labtext_rows[i].pattern; *p; p++)
            if (p[0] == '{' && p[1] >= '1' && p[1] <= '9' && strchr("}#", p[2])) {
                buf_printf(&text, "7%c", p[1]); /* a number fits every kind of hole */
                p = strchr(p, '}');
            } else {
                buf_add_char(&text, *p);
            }
        AUTO_BUF struct buf spaced = BUF_INIT(4096);
        say_add_spaced(&spaced, labtext_rows[i].french);
        for (const char *p = buf_cstr(&spaced); *p; p++)
            if (p[0] == '{' && p[1] >= '1' && p[1] <= '9') {
                AUTO_FREE char *kind = mem_strndup(p + 2, strcspn(p + 2, "}"));
                int n = 70 + p[1] - '0';
                if (strcmp(kind, ":bytes") == 0)
                    human_size(&want, (uint64_t)n);
                else
                    buf_printf(&want, "%d", n);
                p = strchr(p, '}');
            } else {
                buf_add_char(&want, *p);
            }
        assert_string_equal(said(buf_cstr(&text)), buf_cstr(&want));
    }
}

/* ---- real messages ---- */

static void test_real_messages_are_said_in_french(void **state)
{
    (void)state;
    static const struct {
        const char *english, *french;
    } rows[] = {
        {"there is no run nope", "l’exécution nope n’existe pas"},
        {"`enclos ps --all` lists them", "enclos ps --all les énumère"},
        {"run is not the id of a run: \"zz\"", "run n’est pas l’identifiant d’une exécution" NBSP ": «" NBSP "zz" NBSP "»"},
        {"rab12 could be rab12cd, rab12ce", "rab12 peut désigner rab12cd, rab12ce"},
        {"run r0 is running, it cannot become queued",
         "l’exécution r0 est en cours, elle ne peut devenir en file d’attente"},
        {"there is no dataset cancer@9", "le jeu de données cancer@9 n’existe pas"},
        {"cancer@2 is draft, not sealed", "cancer@2 est une ébauche, pas une version scellée"},
        {"cancer@1 is in quarantine: before run r1: dataset cancer@1: the dataset was changed: "
         "data.csv has another digest",
         "cancer@1 est en quarantaine" NBSP ": avant l’exécution r1" NBSP
         ": jeu de données cancer@1" NBSP ": le jeu de données a été modifié" NBSP
         ": data.csv n’a plus la même empreinte"},
        {"the dataset was changed: a b.csv is missing",
         "le jeu de données a été modifié" NBSP ": il manque a b.csv"},
        {"mini@1 is used by 1 run that is not finished, such as r0",
         "mini@1 est utilisé par une exécution inachevée, r0"},
        {"mini@1 is used by 12 runs that are not finished, such as r0",
         "mini@1 est utilisé par 12 exécutions inachevées, dont r0"},
        {"the environment mini@1 is in quarantine: before run r1: environment mini@1: the environment was "
         "changed: usr/bin/sh has another mode",
         "l’environnement mini@1 est en quarantaine" NBSP ": avant l’exécution r1" NBSP
         ": environnement mini@1" NBSP ": l’environnement a été modifié" NBSP
         ": usr/bin/sh n’a plus le même mode"},
        {"python3 is not in the environment mini@1: use one that has it, or --env host",
         "python3 n’est pas dans l’environnement mini@1" NBSP ": utilisez-en un qui l’a, ou --env host"},
        {"there is no profile turbo", "le profil turbo n’existe pas"},
        {"there are: base python strict", "il y a" NBSP ": base python strict"},
        {"3 CPUs were asked for, the lab has 0.5",
         "3 processeurs demandés, le laboratoire en a 0,5"},
        {"900 GiB of memory were asked for, the lab has 20.6 GiB",
         "900" NBSP "Gio de mémoire demandés, le laboratoire en a 20,6" NBSP "Gio"},
        {"resources.memory_bytes is 900 TiB, outside 4 MiB to 1 TiB",
         "resources.memory_bytes vaut 900" NBSP "Tio, hors de 4" NBSP "Mio à 1" NBSP "Tio"},
        {"waits for 1 CPU (0 free)", "attend un processeur" NBSP ": il en faut 1, il en reste 0"},
        {"waits for 2 CPUs (0.5 free)",
         "attend des processeurs" NBSP ": il en faut 2, il en reste 0,5"},
        {"waits behind r0, which has waited longer and needs more",
         "attend derrière r0, qui attend depuis plus longtemps et demande plus"},
        {"there is no param memry", "le paramètre memry n’existe pas"},
        {"limit is of type string, not a whole number",
         "limit est de type chaîne et non nombre entier"},
        {"limit is 5000, outside 1..1000", "limit vaut 5000, hors de 1..1000"},
        {"classification cannot be \"secret\"",
         "classification ne peut valoir «" NBSP "secret" NBSP "»"},
        {"one of: public, interne", "au choix" NBSP ": public, interne"},
        {"there is no method lab.pong", "la méthode lab.pong n’existe pas"},
        {"this key was used for another request already, which gave r0",
         "cette clé a déjà servi pour une autre requête, qui a donné r0"},
        {"the lab is stopping", "le laboratoire s’arrête"},
        {"cannot execute nosuch: No such file or directory",
         "impossible d’exécuter nosuch" NBSP ": fichier ou dossier inexistant"},
        {"check the name; the run sees /usr, /work and /data, and a script's interpreter must be "
         "there "
         "too",
         "vérifiez le nom; l’exécution voit /usr, /work et /data, et l’interpréteur d’un script "
         "doit s’y "
         "trouver aussi"},
        {"controller memory: cannot use the group /sys/fs/cgroup/memory/enclos: Permission denied",
         "contrôleur memory" NBSP
         ": impossible d’utiliser le groupe /sys/fs/cgroup/memory/enclos" NBSP
         ": permission refusée"},
        {"part of what the run said could not be written: No space left on device",
         "une partie de ce que l’exécution a dit n’a pu être écrite" NBSP
         ": il n’y a plus d’espace sur le disque"},
        {"code 0123456789ab: object 0123 was damaged: its bytes have digest 4567",
         "code 0123456789ab" NBSP ": l’objet 0123 était abîmé" NBSP
         ": ses octets ont l’empreinte 4567"},
        {"symbolic link", "lien symbolique"},
        {"process 1", "processus 1"},
        {"PTRACE_ATTACH, process 7", "PTRACE_ATTACH, processus 7"},
        {"73.9 GiB free where the state is", "73,9" NBSP "Gio libres là où sont les données"},
        {"generation 1 of the launcher is ready", "le lanceur est prêt (génération 1)"},
        {"closed cleanly before; last commit took 0.3 ms, 0 failed",
         "bien fermé la dernière fois; dernière écriture en 0,3" NBSP "ms, 0 en échec"},
        {"user namespaces: refused (Operation not permitted)",
         "espaces de noms d’utilisateur" NBSP ": refusés (opération non permise)"},
        {"/no/such.csv: No such file or directory",
         "/no/such.csv" NBSP ": fichier ou dossier inexistant"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_string_equal(said(rows[i].english), rows[i].french);
        assert_true(labtext_is_known(rows[i].english));
    }
}

/* The message and the hint of an error that the lab just made: both known, or a row is stale. */
static void known(int rc, struct err *e)
{
    assert_int_equal(rc, -1);
    if (!labtext_is_known(e->message))
        fail_msg("not in labtexts.def: %s", e->message);
    if (e->hint[0] && !labtext_is_known(e->hint))
        fail_msg("not in labtexts.def: %s", e->hint);
    *e = (struct err){0};
}

static int checked(const char *method, const char *params, struct err *e)
{
    struct err bad = {0};
    AUTO_JSON struct json *v = json_parse(params, strlen(params), NULL, &bad);

    assert_non_null(v);
    return method_check(method_find(method), v, e);
}

static void test_what_the_code_of_the_lab_says_is_known(void **state)
{
    (void)state;
    struct err e = {0};
    char name[65], why[200];
    int64_t version;
    const struct sched_config c = {.cpus_milli = 1000, .memory_bytes = 1 << 30, .queue_max = 1};
    struct sched *s = sched_new(&c);
    const struct sched_job waiting = {.id = "r1", .cpus_milli = 2000, .memory_bytes = 1};
    const struct sched_job large = {
        .id = "r2", .cpus_milli = 500, .memory_bytes = INT64_C(3) << 30};

    known(sched_fits(s, 2000, 1, &e), &e);
    known(sched_fits(s, 1, INT64_C(5) << 40, &e), &e);
    OK(sched_add(s, &waiting, &e), e);
    assert_true(sched_reason(s, "r1", why, sizeof why));
    assert_true(labtext_is_known(why));
    known(sched_add(s, &large, &e), &e);
    sched_remove(s, "r1");
    OK(sched_add(s, &large, &e), e);
    assert_true(sched_reason(s, "r2", why, sizeof why));
    assert_true(labtext_is_known(why));
    sched_free(s);

    known(checked("run.list", "{\"limit\":5000}", &e), &e);
    known(checked("run.list", "{\"limit\":\"x\"}", &e), &e);
    known(checked("run.list", "{\"limit\":1.5}", &e), &e);
    known(checked("run.list", "{\"state\":\"asleep\"}", &e), &e);
    known(checked("run.get", "{\"run\":\"nope!\"}", &e), &e);
    known(checked("lab.ping", "{\"x\":1}", &e), &e);
    known(checked("run.submit", "{\"command\":[]}", &e), &e);
    known(checked("run.submit", "{\"command\":[\"x\"],\"code\":\"x\"}", &e), &e);
    known(checked("run.submit", "{\"command\":[\"x\"],\"profile\":\"a b\"}", &e), &e);
    known(checked("run.submit", "{\"command\":[\"x\"],\"resources\":{\"memory_bytes\":1}}", &e),
          &e);

    static const struct list_ask asks[] = {
        {.filter = "a"},       {.filter = "a ="},         {.filter = "a = 'x"},     {.filter = "a.b = 1"},
        {.filter = "metrics.=1"}, {.filter = "zzz = 1"},  {.filter = "state = 'x'"}, {.filter = "warm > true"},
        {.filter = "name > 'a'"}, {.filter = "state LIKE 'a'"}, {.filter = "warm LIKE 'a'"},
        {.filter = "created = '2026-01-01'"}, {.filter = "created < 'x'"}, {.filter = "warm = 1"},
        {.filter = "name = 1"},   {.filter = "priority = 'a'"}, {.filter = "a in 3"}, {.filter = "a in (1"},
        {.filter = "(a = 1"},     {.filter = "a = 1 b"},  {.filter = "a not like 'x'"}, {.filter = "a is 3"},
        {.filter = "a = \x01"},  {.filter = "a like 3"}, {.filter = "a = 1e999"}, {.filter = "audit.x = 1"},
        {.order_by = "priority"}, {.order_by = "name, name"}, {.order_by = "datasets.name"},
        {.order_by = "name x"},   {.order_by = ","},      {.cursor = "x"},
    };
    struct arena *lists = arena_new();
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
        struct list_ask ask = asks[i];
        struct list_page page;
        ask.kind = &list_runs;
        ask.limit = 1;
        known(list_find(NULL, lists, &ask, &page, &e), &e);
    }
    arena_free(lists);

    known(dataset_parse_ref("a@b@c", name, &version, &e), &e);
    known(env_parse_ref("a@b@c", name, &version, &e), &e);
    static const char *const lines[] = {
        "{\"metric\":7}",
        "{\"metric\":\"\"}",
        "{\"metric\":\"a\"}",
        "{\"param\":\"a\"}",
        "{}",
        "{",
        "x",
    };
    struct arena *a = arena_new();
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct metric_item item;
        assert_int_equal(ingest_item(a, lines[i], strlen(lines[i]), 1, &item, &e), -1);
        if (!labtext_is_known(e.message))
            fail_msg("not in labtexts.def: %s", e.message);
        e = (struct err){0};
    }
    arena_free(a);
}

/* What is not known stays whole: no sentence half in one language. */
static void test_an_unknown_message_stays_as_it_was(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "a message of the next version",
        "frobnicating the thing: No such file or directory",
        "AF_INET, SOCK_STREAM",
        "{1}",
        "there is no",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_string_equal(said(texts[i]), texts[i]);
        assert_false(labtext_is_known(texts[i]));
    }
    char longest[8192];
    memset(longest, 'x', sizeof longest);
    memcpy(longest, "there is no run ", strlen("there is no run "));
    longest[sizeof longest - 1] = '\0';
    assert_string_equal(said(longest), longest);
}

/* Of projects, experiments, lessons and records, as the catalog writes them. */
static void test_what_the_lab_says_of_projects(void **state)
{
    (void)state;
    static const struct {
        const char *english, *french;
    } rows[] = {
        {"there is no project urgences", "le projet urgences n’existe pas"},
        {"there is a project urgences already, made by marie", "il y a déjà un projet urgences, créé par marie"},
        {"the project urgences cannot become assessed: it says nothing of title.en, sponsor",
         "le projet urgences ne peut devenir évalué" NBSP ": il ne dit rien de title.en, sponsor"},
        {"the project urgences is pilot, it cannot become assessed", "le projet urgences est en pilote, il ne peut devenir évalué"},
        {"it can become published, or stopped", "il peut devenir publié ou arrêté"},
        {"it can become stopped", "il peut devenir arrêté"},
        {"a passage has a reason of 1 to 2000 bytes", "un passage a une raison, de 1 à 2" NBSP "000 octets"},
        {"project urgences is at version 3, written by marie; the change was made from version 2",
         "project urgences est à la version 3, écrite par marie; la modification part de la version 2"},
        {"the project urgences has no experiment base", "le projet urgences n’a pas d’expérience base"},
        {"the project urgences is stopped: no run may be submitted in it",
         "le projet urgences est arrêté" NBSP ": on n’y soumet plus d’exécution"},
        {"there is no experiment urgences/base", "l’expérience urgences/base n’existe pas"},
        {"urgences/base is frozen since its first run: a change of it needs a reason",
         "urgences/base est figée depuis sa première exécution" NBSP ": une modification demande une raison"},
        {"there is no lesson l0", "la leçon l0 n’existe pas"},
        {"runs: there is no run r0v869s46p9abh", "exécutions" NBSP ": l’exécution r0v869s46p9abh n’existe pas"},
        {"title.fr has 201 characters, more than 200", "title.fr a 201 caractères, plus que 200"},
        {"title.fr has a control character or more than one line", "title.fr a un caractère de commande, ou plus d’une ligne"},
        {"day is no date: \"2026-13-01\"", "day n’est pas une date" NBSP ": «" NBSP "2026-13-01" NBSP "»"},
        {"links[0] is no address of a page", "links[0] n’est pas l’adresse d’une page"},
        {"experiments[0] is \"p\", not PROJECT/NAME (experiment)", "experiments[0] vaut «" NBSP "p" NBSP "» et non PROJECT/NAME (experiment)"},
        {"title is of type string, not one text a language", "title est de type chaîne et non un texte par langue"},
        {"the form project has no field colour", "la fiche project n’a pas de champ colour"},
        {"family cannot be \"art\"", "family ne peut valoir «" NBSP "art" NBSP "»"},
        {"organisation is missing", "il manque organisation"},
        {"project urgences has no version 9", "project urgences n’a pas de version 9"},
        {"there is no purpose fun", "la finalité fun n’existe pas"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(said(rows[i].english), rows[i].french);
}

static void test_english_is_the_labs_own(void **state)
{
    (void)state;
    say_in(LANG_EN);
    for (size_t i = 0; i < labtext_row_count; i++)
        assert_string_equal(said(labtext_rows[i].pattern), labtext_rows[i].pattern);
}

/* The causes that err_sys appends are the system's: each that the lab may meet is in the table. */
static void test_what_the_system_says_is_known(void **state)
{
    (void)state;
    static const int causes[] = {
        EPERM,      ENOENT,       ESRCH,      EINTR,        EIO,        ENXIO,     E2BIG, ENOEXEC,
        EBADF,      EAGAIN,       ENOMEM,     EACCES,       EBUSY,      EEXIST,    EXDEV, ENODEV,
        ENOTDIR,    EISDIR,       EINVAL,     ENFILE,       EMFILE,     ETXTBSY,   EFBIG, ENOSPC,
        EROFS,      EMLINK,       EPIPE,      ENAMETOOLONG, ENOSYS,     ENOTEMPTY, ELOOP, EDQUOT,
        EOPNOTSUPP, ECONNREFUSED, ECONNRESET, ETIMEDOUT,    EADDRINUSE, ESTALE};
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
        struct err e = {0};
        errno = causes[i];
        (void)err_sys(&e, NULL, NULL, "cannot open %s", "a b");
        if (!labtext_is_known(said_of(&e)) && strstr(said_of(&e), strerrordesc_np(causes[i])))
            fail_msg("not in French: %s", e.message);
        HAS(said_of(&e), "impossible d’ouvrir a b" NBSP ": ");
    }
}

/* ---- steps ---- */

static struct json *parsed(const char *text)
{
    struct err e = {0};
    struct json *v = json_parse(text, strlen(text), NULL, &e);

    if (!v)
        fail_msg("%s: %s", text, e.message);
    return v;
}

static const char *explained(const char *text)
{
    static struct buf room = BUF_INIT(1 << 16);
    AUTO_JSON struct json *run = parsed(text);

    buf_clear(&room);
    verdict_explain(run, &room);
    return buf_cstr(&room);
}

static void test_every_step_of_a_set_up_is_explained(void **state)
{
    (void)state;
    static const char *const of_the_lab[] = {"dataset_tree",         "dataset_verify",
                                             "dataset_verify_after", "environment_tree", "environment_verify", "environment_verify_after", "code_tree",
                                             "run_folder",           "launch"};
    for (int s = 0; s < STEP_COUNT; s++)
        if (step_what(setup_step_name((enum setup_step)s)) == T_NONE)
            fail_msg("%s", setup_step_name((enum setup_step)s));
    for (size_t i = 0; i < sizeof of_the_lab / sizeof *of_the_lab; i++)
        assert_int_not_equal(step_what(of_the_lab[i]), T_NONE);
    assert_int_equal(step_what("of_the_future"), T_NONE);
    const char *text =
        explained("{\"verdict\":\"setup_failed\",\"failed\":{\"step\":\"mount_proc\","
                  "\"errno\":\"EPERM\",\"message\":\"cannot mount /proc: Operation not "
                  "permitted\",\"hint\":\"\"}}");
    HAS(text, "étape mount_proc" NBSP ": monter son /proc");
    HAS(text, "enclos doctor");
    HAS(text, "impossible de monter /proc" NBSP ": opération non permise (EPERM)");
}

static void test_damaged_data_are_not_the_hosts_fault(void **state)
{
    (void)state;
    static const char *const steps[] = {"dataset_tree", "dataset_verify", "code_tree", "launch"};
    for (int lang = 0; lang < 2; lang++)
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
            say_in((enum lang)lang);
            AUTO_FREE char *run =
                mem_printf("{\"verdict\":\"setup_failed\",\"failed\":{\"step\":\"%s\","
                           "\"errno\":null,\"message\":\"the dataset was changed: a has "
                           "another size\",\"hint\":null}}",
                           steps[i]);
            const char *text = explained(run);
            HAS(text, steps[i]);
            HAS(text, lang ? "n’a plus la même taille" : "has another size");
            if (strstr(text, "doctor"))
                fail_msg("%s", text);
        }
}

static void test_no_control_group_says_how_to_go_on(void **state)
{
    (void)state;
    const char *run =
        "{\"verdict\":\"setup_failed\",\"failed\":{\"step\":\"cgroup_create\",\"errno\":"
        "\"EACCES\",\"message\":\"controller memory: cannot use the group /x: Permission "
        "denied\",\"hint\":\"run enclosd as root\"}}";
    for (int lang = 0; lang < 2; lang++) {
        say_in((enum lang)lang);
        HAS(explained(run), "enclosd --limits best-effort");
        HAS(explained(run), "enclos run --limits best-effort");
        HAS(explained(run), "Delegate=yes");
        if (strstr(explained(run), "run enclosd as root"))
            fail_msg("the same advice twice: %s", explained(run));
    }
}

/* ---- warnings and limits ---- */

static const char *warned(const char *text, bool *any)
{
    static struct buf room = BUF_INIT(1 << 16);
    const struct term plain = {.fd = -1};
    AUTO_JSON struct json *run = parsed(text);

    buf_clear(&room);
    *any = warnings_any(run);
    warnings_add(&room, &plain, run, 2);
    return buf_cstr(&room);
}

static void test_what_was_lost_is_a_warning(void **state)
{
    (void)state;
    bool any;
    say_in(LANG_EN);
    const char *text = warned(
        "{\"verdict\":\"succeeded\",\"warnings\":[\"part of what the run said could not be "
        "written: No space left on device\",\"outputs were left out because the lab's disk has "
        "no room left\"],\"log\":{\"kept_bytes\":1,\"dropped_bytes\":2048,\"error\":\"part of "
        "what the run said could not be written: No space left on device\"},"
        "\"metrics_dropped\":3,\"bad_metrics\":1}",
        &any);
    assert_true(any);
    assert_string_equal(
        text, "  warning: part of what the run said could not be written: No space left on\n"
              "           device\n"
              "  warning: outputs were left out because the lab's disk has no room left\n"
              "  warning: 2 KiB of output was not kept.\n"
              "  warning: 3 metrics, parameters or tags were not kept.\n"
              "  warning: 1 line sent as a metric was not understood: enclos logs -f shows why.\n");
    say_in(LANG_FR);
    text = warned(
        "{\"verdict\":\"succeeded\",\"log\":{\"dropped_bytes\":5},\"failed\":{\"step\":"
        "\"dataset_verify_after\",\"message\":\"the dataset was changed: a has another size\"}}",
        &any);
    assert_true(any);
    HAS(text, "  avertissement" NBSP ": Un jeu de données a été trouvé modifié");
    HAS(text, "le jeu de données a été modifié" NBSP ": a n’a plus la même taille");
    HAS(text, "le journal était");
}

static void test_a_clean_run_has_no_warning(void **state)
{
    (void)state;
    bool any;
    assert_string_equal(
        warned("{\"verdict\":\"succeeded\",\"warnings\":[],\"failed\":null,\"bad_metrics\":0,"
               "\"metrics_dropped\":0,\"log\":{\"kept_bytes\":5,\"dropped_bytes\":0,"
               "\"error\":null},\"refused_outputs\":[]}",
               &any),
        "");
    assert_false(any);
    assert_string_equal(warned("{\"state\":\"running\",\"log\":{\"dropped_bytes\":null}}", &any),
                        "");
    assert_false(any);
    (void)warned("{\"refused_outputs\":[{\"path\":\"l\",\"reason\":\"symbolic link\"}]}", &any);
    assert_true(any);
}

static void test_a_success_with_warnings_is_not_shown_as_clean(void **state)
{
    (void)state;
    AUTO_JSON struct json *clean = parsed("{\"verdict\":\"succeeded\"}");
    AUTO_JSON struct json *lossy = parsed("{\"verdict\":\"succeeded\",\"warnings\":[\"x\"]}");
    AUTO_JSON struct json *failed = parsed("{\"verdict\":\"failed\",\"warnings\":[\"x\"]}");
    assert_int_equal(verdict_style(clean), STYLE_GOOD);
    assert_int_equal(verdict_style(lossy), STYLE_WARN);
    assert_int_equal(verdict_style(failed), STYLE_BAD);
    assert_int_equal(verdict_status(lossy), 0);
}

static void test_limits_are_what_the_record_says(void **state)
{
    (void)state;
    static const struct {
        const char *run;
        enum limits_kind kind;
    } rows[] = {
        {"{\"limits\":\"enforced\"}", LIMITS_ENFORCED},
        {"{\"limits\":\"best_effort\"}", LIMITS_BEST_EFFORT},
        {"{\"limits\":\"best_effort\",\"sandbox\":null}", LIMITS_BEST_EFFORT},
        {"{\"limits\":\"best_effort\",\"sandbox\":{\"limits\":{\"how\":\"best_effort\"}}}",
         LIMITS_WATCHED},
        {"{\"limits\":\"best_effort\",\"sandbox\":{\"limits\":{\"how\":\"enforced\"}}}",
         LIMITS_ENFORCED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        AUTO_JSON struct json *run = parsed(rows[i].run);
        assert_int_equal(verdict_limits(run), rows[i].kind);
    }
}

int main(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_rows_have_the_same_holes_in_every_language, in_french),
        cmocka_unit_test_setup(test_the_french_of_the_lab_is_quebecs, in_french),
        cmocka_unit_test_setup(test_every_row_is_reached_by_its_own_pattern, in_french),
        cmocka_unit_test_setup(test_real_messages_are_said_in_french, in_french),
        cmocka_unit_test_setup(test_what_the_code_of_the_lab_says_is_known, in_french),
        cmocka_unit_test_setup(test_an_unknown_message_stays_as_it_was, in_french),
        cmocka_unit_test_setup(test_english_is_the_labs_own, in_french),
        cmocka_unit_test_setup(test_what_the_lab_says_of_projects, in_french),
        cmocka_unit_test_setup(test_what_the_system_says_is_known, in_french),
        cmocka_unit_test_setup(test_every_step_of_a_set_up_is_explained, in_french),
        cmocka_unit_test_setup(test_damaged_data_are_not_the_hosts_fault, in_french),
        cmocka_unit_test_setup(test_no_control_group_says_how_to_go_on, in_french),
        cmocka_unit_test_setup(test_what_was_lost_is_a_warning, in_french),
        cmocka_unit_test_setup(test_a_clean_run_has_no_warning, in_french),
        cmocka_unit_test_setup(test_a_success_with_warnings_is_not_shown_as_clean, in_french),
        cmocka_unit_test_setup(test_limits_are_what_the_record_says, in_french),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
