/*
 * purpose.c - the purposes; see purpose.h.
 */
#include "api/common/purpose.h"
#include <assert.h>
#include <string.h>

static const struct purpose purposes[] = {
    {PURPOSE_DEFAULT, "experimentation", "expérimentation"},
    {"research", "research", "recherche"},
    {"statistics", "statistics", "statistiques"},
    {"service_improvement", "improvement of a service", "amélioration d’un service"},
    {"training", "training of staff", "formation du personnel"},
    {PURPOSE_QUALITY, "quality of the data", "qualité des données"},
};
enum { PURPOSE_COUNT = sizeof purposes / sizeof *purposes };

const char *const purpose_codes[] = {
    PURPOSE_DEFAULT, "research", "statistics", "service_improvement", "training", PURPOSE_QUALITY, NULL,
};
static_assert(sizeof purpose_codes / sizeof *purpose_codes == PURPOSE_COUNT + 1, "a code a purpose");

const struct purpose *purpose_at(size_t index)
{
    return index < PURPOSE_COUNT ? &purposes[index] : NULL;
}

const struct purpose *purpose_find(const char *code)
{
    for (size_t i = 0; i < PURPOSE_COUNT; i++)
        if (strcmp(purposes[i].code, code) == 0)
            return &purposes[i];
    return NULL;
}
