/*
 * hint.c - see hint.h. The folded name, or words of it in a row, are looked for in one table.
 */
#include "api/inspect/hint.h"

#include <string.h>

static const struct {
    const char *words; /* folded, each between two bars */
    struct hint hint;
} table[] = {
    {"|nam|ramq|no_assurance_maladie|num_assurance_maladie|numero_assurance_maladie|assurance_maladie|no_ramq|health_insurance_number"
     "|health_card|hin|carte_soleil|",
     {"health_insurance", HINT_DIRECT, IDENT_NAM, 0}},
    {"|code_permanent|codeperm|permanent_code|code_perm|", {"permanent_code", HINT_DIRECT, IDENT_CODE_PERMANENT, 0}},
    {"|nas|sin|no_assurance_sociale|num_assurance_sociale|numero_assurance_sociale|assurance_sociale|social_insurance"
     "|social_insurance_number|ssn|",
     {"social_insurance", HINT_DIRECT, IDENT_NAS, 0}},
    {"|permis|no_permis|permis_conduire|permis_de_conduire|driver_licence|driver_license|drivers_license|licence_number|",
     {"driver_licence", HINT_DIRECT, IDENT_PERMIS, 0}},
    {"|courriel|email|e_mail|mel|mail|adresse_courriel|", {"email", HINT_DIRECT, IDENT_EMAIL, 0}},
    {"|telephone|tel|cell|cellulaire|phone|mobile|no_tel|poste_tel|fax|telecopieur|", {"phone", HINT_DIRECT, IDENT_PHONE, 0}},
    {"|carte|no_carte|carte_credit|carte_de_credit|credit_card|card_number|", {"payment_card", HINT_DIRECT, IDENT_CARD, 0}},
    {"|ip|adresse_ip|ip_address|ipaddr|", {"ip_address", HINT_DIRECT, IDENT_IP, 0}},
    {"|nom|nom_famille|nom_de_famille|nom_complet|noms|name|surname|last_name|lastname|family_name|full_name|fullname|nom_mere|"
     "nom_pere|conjoint|conjointe|",
     {"name", HINT_DIRECT, IDENT_COUNT, 0}},
    {"|prenom|prenoms|first_name|firstname|given_name|forename|", {"first_name", HINT_DIRECT, IDENT_COUNT, 0}},
    {"|adresse|adr|rue|no_civique|appartement|address|street|street_name|", {"address", HINT_DIRECT, IDENT_COUNT, 0}},
    {"|plaque|immatriculation|niv|vin|licence_plate|license_plate|", {"vehicle", HINT_DIRECT, IDENT_COUNT, 0}},
    {"|dossier|no_dossier|num_dossier|id_patient|patient|usager|id_usager|patient_id|fiche|no_fiche|no_eleve|matricule|employe|"
     "no_employe|employee|employee_id|student_id|passeport|passport|mac|identifiant|",
     {"file_number", HINT_DIRECT, IDENT_COUNT, 0}},
    {"|date_naissance|date_de_naissance|ddn|dob|naissance|naiss|birth_date|birthdate|date_of_birth|birthday|d_naiss|dt_naiss|date_naiss|",
     {"birth_date", HINT_QUASI, IDENT_BIRTH_DATE, 1}},
    {"|age|annee_naissance|birth_year|year_of_birth|", {"age", HINT_QUASI, IDENT_COUNT, 2}},
    {"|code_postal|cp|rta|postal_code|postcode|zip|zip_code|fsa|", {"postal_code", HINT_QUASI, IDENT_POSTAL, 3}},
    {"|sexe|genre|sex|gender|", {"sex", HINT_QUASI, IDENT_COUNT, 4}},
    {"|ville|municipalite|mrc|city|town|municipality|quartier|arrondissement|region|region_administrative|", {"place", HINT_QUASI, IDENT_COUNT, 5}},
    {"|latitude|longitude|lat|lon|lng|", {"coordinates", HINT_QUASI, IDENT_COUNT, 6}},
    {"|langue|langue_maternelle|mother_tongue|language|", {"language", HINT_QUASI, IDENT_COUNT, 7}},
    {"|profession|emploi|occupation|job_title|titre_emploi|", {"occupation", HINT_QUASI, IDENT_COUNT, 8}},
    {"|etat_civil|marital_status|statut_matrimonial|", {"marital_status", HINT_QUASI, IDENT_COUNT, 9}},
    {"|origine|origine_ethnique|ethnicity|race|religion|orientation|statut_immigration|immigration_status|autochtone|",
     {"origin_or_belief", HINT_SENSITIVE, IDENT_COUNT, 0}},
    {"|revenu|salaire|income|salary|", {"income", HINT_SENSITIVE, IDENT_COUNT, 0}},
    {"|diagnostic|diagnosis|medicament|medication|cim10|cim_10|icd10|icd_10|handicap|disability|maladie|disease|",
     {"health", HINT_SENSITIVE, IDENT_COUNT, 0}},
};

const char *hint_class_name(enum hint_class c)
{
    static const char *const names[] = {NULL, "direct", "quasi", "sensitive"};
    return names[c];
}

/* U+00C0..U+00FF and Œ œ, to their letter; 0: to a space. */
static char fold_letter(unsigned code)
{
    static const char latin[] = "aaaaaaaceeeeiiiidnooooo\0ouuuuytsaaaaaaaceeeeiiiidnooooo\0ouuuuyty";
    if (code >= 0xc0 && code <= 0xff)
        return latin[code - 0xc0];
    return code == 0x152 || code == 0x153 ? 'o' : 0;
}

void hint_fold(const char *name, char *out, size_t size)
{
    size_t n = 0;
    bool gap = false, lower = false;
    for (const unsigned char *p = (const unsigned char *)name; *p && n + 2 < size; p++) {
        char c = 0;
        bool upper = false;
        if (*p >= 0xc2 && *p <= 0xdf && (p[1] & 0xc0) == 0x80) {
            unsigned code = (unsigned)(*p & 0x1f) << 6 | (p[1] & 0x3f);
            c = fold_letter(code);
            upper = code >= 0xc0 && code <= 0xde;
            p++;
        } else if (*p < 0x80) {
            upper = *p >= 'A' && *p <= 'Z';
            c = (char)(upper ? *p | 0x20 : *p);
            if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')))
                c = 0;
        }
        if (c == 0) {
            gap = n > 0;
            lower = false;
            continue;
        }
        if ((gap || (upper && lower)) && n > 0)
            out[n++] = '_';
        out[n++] = c;
        gap = false;
        lower = !upper && c > '9';
    }
    out[n] = '\0';
}

/* Whether `words` has exactly these between two bars. */
static bool has(const char *words, const char *s, size_t len)
{
    for (const char *p = words; *p && p[1]; p++) {
        const char *end = strchr(p + 1, '|');
        if ((size_t)(end - p - 1) == len && memcmp(p + 1, s, len) == 0)
            return true;
        p = end - 1;
    }
    return false;
}

static struct hint find(const char *s, size_t len)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (has(table[i].words, s, len))
            return table[i].hint;
    return (struct hint){.kind = IDENT_COUNT};
}

/* The longest row of words that the table knows, the first one of that length. A single short word inside a
 * longer name says little ("sin_angle", "age_limit"): below four letters only the whole name counts, but for those
 * that mean nothing else. */
struct hint hint_of(const char *name)
{
    char folded[96] = "";
    hint_fold(name, folded, sizeof folded);
    size_t len = strlen(folded);
    struct hint best = find(folded, len);
    size_t best_len = best.name ? len : 0;
    for (size_t i = 0; i < len; i++) {
        if (i > 0 && folded[i - 1] != '_')
            continue;
        for (size_t j = i + 1; j <= len; j++) {
            if (j < len && folded[j] != '_')
                continue;
            size_t n = j - i;
            bool known = n >= 4 || has("|nas|nam|ddn|dob|tel|", folded + i, n);
            struct hint h = known && n > best_len ? find(folded + i, n) : (struct hint){0};
            if (h.name) {
                best = h;
                best_len = n;
            }
        }
    }
    return best;
}
