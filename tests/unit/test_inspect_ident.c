/* test_inspect_ident.c - identifiers by structure, checksum and date; what only looks like one; names of columns. */
#include "tests/unit/unit.h"

#include "api/inspect/hint.h"
#include "api/inspect/ident.h"

struct row {
    const char *text;
    unsigned strong, weak;
};

static void each(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct ident_hits h = ident_scan(rows[i].text, strlen(rows[i].text));
        if (h.strong != rows[i].strong || h.weak != rows[i].weak)
            fail_msg("\"%s\": strong %x weak %x, wanted %x and %x", rows[i].text, h.strong, h.weak, rows[i].strong, rows[i].weak);
    }
}
#define EACH(...)                                                                                  \
    each((const struct row[]){__VA_ARGS__}, sizeof((const struct row[]){__VA_ARGS__}) / sizeof(struct row))

static void test_health_insurance_and_permanent_codes(void **state)
{
    (void)state;
    EACH({"TREM 5412 2816", IDENT(IDENT_NAM), 0}, {"trem54122816", IDENT(IDENT_NAM), 0},
         {"TREM 54 62 28 16", IDENT(IDENT_NAM), 0},                       /* a woman: month + 50 */
         {"son NAM est TREM 5412 2816, dit-il", IDENT(IDENT_NAM), 0},
         {"TREM 5413 2816", 0, 0},                                       /* no such month, either way */
         {"TREM 5463 2816", 0, 0}, {"TREM 5402 3016", 0, 0},
         {"TREM 5612 3116", IDENT(IDENT_NAM), 0},
         {"TREM28125416", IDENT(IDENT_CODE_PERMANENT), 0}, /* 28 December 54 */
         {"TREM12061216", IDENT(IDENT_NAM_OR_CODE), 0},                  /* both readings are dates */
         {"TRE 5412 2816", 0, 0}, {"TREMB54122816", 0, 0}, {"TREM541228161", 0, 0}, {"TREM 5412 281", 0, 0},
         {"TREM 2902 2916", 0, 0});                   /* no year 29 has a 29 February */
}

static void test_social_insurance(void **state)
{
    (void)state;
    EACH({"046 454 286", IDENT(IDENT_NAS), 0}, {"046-454-286", IDENT(IDENT_NAS), 0}, {"046454286", 0, IDENT(IDENT_NAS)},
         {"046\xc2\xa0" "454\xc2\xa0" "286", IDENT(IDENT_NAS), 0}, {"NAS:046 454 286.", IDENT(IDENT_NAS), 0},
         {"046 454 287", 0, 0}, {"046454287", 0, 0}, {"046 454-286", 0, 0},
         {"046 454 286 $", 0, 0},      /* an amount */
         {"046 454 286,50", 0, 0}, {"1 046 454 286", 0, 0}, {"046 454 286 123", 0, 0}, {"04 645 4286", 0, 0},
         {"A046454286", 0, 0}, {"046454286A", 0, 0});
    assert_true(ident_luhn("046454286", 9));
    assert_false(ident_luhn("046454287", 9));
}

static void test_cards_and_phones(void **state)
{
    (void)state;
    EACH({"4111 1111 1111 1111", IDENT(IDENT_CARD), 0}, {"4111111111111111", 0, IDENT(IDENT_CARD)},
         {"3782 822463 10005", IDENT(IDENT_CARD), 0}, {"4111 1111 1111 1112", 0, 0}, {"9111111111111111", 0, 0},
         {"514 555-1234", IDENT(IDENT_PHONE), 0}, {"514-555-1234", IDENT(IDENT_PHONE), 0}, {"514.555.1234", IDENT(IDENT_PHONE), 0},
         {"(514) 555-1234", IDENT(IDENT_PHONE), 0}, {"1-514-555-1234", IDENT(IDENT_PHONE), 0},
         {"5145551234", 0, IDENT(IDENT_PHONE)}, {"15145551234", 0, IDENT(IDENT_PHONE)}, {"114-555-1234", 0, 0},
         {"514-155-1234", 0, 0}, {"9995551234", 0, 0});
}

static void test_the_rest(void **state)
{
    (void)state;
    EACH({"H2X 1Y4", IDENT(IDENT_POSTAL), 0}, {"h2x1y4", IDENT(IDENT_POSTAL), 0}, {"G1R-2B5", IDENT(IDENT_POSTAL), 0},
         {"D2X 1Y4", 0, 0}, {"H2X 1U4", 0, 0}, {"W2X 1Y4", 0, 0}, {"H2X 1Y44", 0, 0}, {"H2X1Y", 0, 0},
         {"a.tremblay@exemple.qc.ca", IDENT(IDENT_EMAIL), 0}, {"écrire à m@x.ca svp", IDENT(IDENT_EMAIL), 0},
         {"@exemple.ca", 0, 0}, {"a@b", 0, 0}, {"a@b.", 0, 0}, {"a@1.2", 0, 0},
         {"192.168.0.1", IDENT(IDENT_IP), 0}, {"256.1.1.1", 0, 0}, {"1.2.3", 0, 0}, {"1.2.3.4.5", 0, 0},
         {"2001:db8::1", IDENT(IDENT_IP), 0}, {"fe80:0:0:0:0:0:0:1", IDENT(IDENT_IP), 0}, {"12:30:45", 0, 0},
         {"X1234567", 0, 0}, {"", 0, 0}, {"rien à signaler", 0, 0});
}

static void test_licences_by_the_date_inside(void **state)
{
    (void)state;
    /* letter, 4 digits, JJMMAA, 2 digits */
    EACH({"T123415048506", IDENT(IDENT_PERMIS), 0}, {"T1234-150485-06", IDENT(IDENT_PERMIS), 0}, {"T123499998506", 0, 0}, {"T1234-999985-06", IDENT(IDENT_PERMIS), 0},
         {"T12345678850415", IDENT(IDENT_PERMIS), 0} /* Ontario */, {"T12345678859915", 0, 0});
}

static void test_digits_alone_are_those_of_the_scan(void **state)
{
    (void)state;
    static const char *const rows[] = {"046454286", "123456789", "4111111111111111", "5145551234", "15145551234", "12345678"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ident_hits a = ident_scan(rows[i], strlen(rows[i])), b = ident_digits(rows[i], strlen(rows[i]));
        assert_int_equal(a.weak, b.weak);
        assert_int_equal(a.tried, b.tried);
        assert_int_equal(b.strong, 0);
    }
}

static void test_names_of_columns(void **state)
{
    (void)state;
    static const struct {
        const char *name, *hint;
    } rows[] = {
        {"Prénom", "first_name"}, {"NOM_FAMILLE", "name"}, {"nomFamille", "name"}, {"No d'assurance maladie", "health_insurance"},
        {"NAS", "social_insurance"}, {"num_nas", "social_insurance"}, {"sin", "social_insurance"}, {"sin_angle", NULL},
        {"Date de naissance", "birth_date"}, {"ddn", "birth_date"}, {"DateNaissance", "birth_date"}, {"code_postal", "postal_code"},
        {"CP", "postal_code"}, {"cpu", NULL}, {"courriel_employe", "email"}, {"Téléphone", "phone"}, {"sexe", "sex"},
        {"revenu_annuel", "income"}, {"montant", NULL}, {"age", "age"}, {"page", NULL}, {"", NULL}, {"codePermanent", "permanent_code"},
        {"Driver licence", "driver_licence"}, {"IP", "ip_address"}, {"tip", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *got = hint_of(rows[i].name).name;
        if (rows[i].hint ? !got || strcmp(got, rows[i].hint) != 0 : got != NULL)
            fail_msg("%s: %s, wanted %s", rows[i].name, got ? got : "nothing", rows[i].hint ? rows[i].hint : "nothing");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_health_insurance_and_permanent_codes),
        cmocka_unit_test(test_social_insurance),
        cmocka_unit_test(test_cards_and_phones),
        cmocka_unit_test(test_the_rest),
        cmocka_unit_test(test_licences_by_the_date_inside),
        cmocka_unit_test(test_digits_alone_are_those_of_the_scan),
        cmocka_unit_test(test_names_of_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
