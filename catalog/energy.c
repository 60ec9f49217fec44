/*
 * energy.c - the factors; see energy.h.
 */
#include "catalog/energy.h"

#include <assert.h>
#include <string.h>

/* direct: national inventory of greenhouse gases, 2021 edition (year 2019), as tabulated by Green Algorithms.
 * lifecycle: the mix of 2023 times CodeCarbon's factor of each source (biomass counted as 0). */
#define SOURCES "NIR 2021 (2019), CodeCarbon (2023)"
static const struct energy_factor factors[] = {
    {"QC", "Québec", "Québec", 1.5, 29.6, SOURCES},
    {"ON", "Ontario", "Ontario", 30, 90.9, SOURCES},
    {"MB", "Manitoba", "Manitoba", 1.3, 31.1, SOURCES},
    {"BC", "Colombie-Britannique", "British Columbia", 19.7, 45.2, SOURCES},
    {"NB", "Nouveau-Brunswick", "New Brunswick", 270, 265.5, SOURCES},
    {"NS", "Nouvelle-Écosse", "Nova Scotia", 810, 585, SOURCES},
    {"NL", "Terre-Neuve-et-Labrador", "Newfoundland and Labrador", 29, 30.6, SOURCES},
    {"SK", "Saskatchewan", "Saskatchewan", 710, 660, SOURCES},
    {"AB", "Alberta", "Alberta", 670, 631, SOURCES},
    {"CA", "Canada", "Canada", 120, -1, "NIR 2021 (2019)"},
};
enum { FACTOR_COUNT = sizeof factors / sizeof *factors };

const char *const energy_regions[] = {"QC", "ON", "MB", "BC", "NB", "NS", "NL", "SK", "AB", "CA", NULL};
static_assert(sizeof energy_regions / sizeof *energy_regions == FACTOR_COUNT + 1, "a code a region");

const struct energy_factor *energy_factor_at(size_t index)
{
    return index < FACTOR_COUNT ? &factors[index] : NULL;
}

const struct energy_factor *energy_factor_find(const char *region)
{
    for (size_t i = 0; i < FACTOR_COUNT; i++)
        if (!strcmp(factors[i].region, region))
            return &factors[i];
    return NULL;
}

double energy_kwh(double cpu_ms, double memory_byte_ms)
{
    const double hour_ms = 3600e3;
    double cpu_wh = cpu_ms / hour_ms * ENERGY_CORE_W;
    double memory_wh = memory_byte_ms / 1e9 / hour_ms * ENERGY_MEMORY_W;
    return (cpu_wh + memory_wh) * ENERGY_PUE / 1000;
}
