/*
 * dataset_print.h - a dataset version as the API shows it.
 */
#ifndef ENCLOS_DATASET_PRINT_H
#define ENCLOS_DATASET_PRINT_H

#include "api/common/json.h"
#include "catalog/dataset.h"

void dataset_print(const struct dataset_row *d, struct jw *w);

#endif
