/*
 * energy.h - an estimate of what computing costs in energy and carbon, with the method and the factors that it used.
 *
 *     E[kWh] = (core hours * W/core + hours * GB * W/GB) * PUE / 1000        CO2e[g] = E * g/kWh
 *
 * The form is that of Green Algorithms (doi 10.1002/advs.202100707). Nothing is measured: a run's CPU time and the
 * memory that was kept for it are multiplied by the factors below, so a figure may be off by a factor of two, and
 * says so (method "default"). Direct emissions and those of the whole life cycle differ twentyfold in Québec: both
 * are given.
 */
#ifndef ENCLOS_CATALOG_ENERGY_H
#define ENCLOS_CATALOG_ENERGY_H

#include <stddef.h>
#include <stdint.h>

#define ENERGY_METHOD "default"
#define ENERGY_CORE_W 12.0     /* a core at work, model not known */
#define ENERGY_MEMORY_W 0.3725 /* a gigabyte (10^9 bytes) */
#define ENERGY_PUE 1.56        /* what the building adds, not known */
#define ENERGY_RANGE 2.0       /* the truth may lie between a half and twice */

struct energy_factor {
    const char *region;               /* "QC", "CA-ON"...: see energy.c */
    const char *name_fr, *name_en;
    double direct, lifecycle;         /* g CO2e a kWh; lifecycle below 0: not known */
    const char *source;               /* year and origin of both */
};
const struct energy_factor *energy_factor_at(size_t index); /* NULL past the last one */
const struct energy_factor *energy_factor_find(const char *region);
extern const char *const energy_regions[]; /* NULL-ended: the choices of a parameter */

/* cpu_ms: of all cores together. memory_byte_ms: bytes kept times milliseconds, as a double since it is large. */
double energy_kwh(double cpu_ms, double memory_byte_ms);

#endif
