/*
 * example.h - the files of orchestrator/examples, as scripts/embed-examples puts them into the program.
 *
 * Each is {METHOD: {params, result}}: one example of each row of the method table, executed by
 * tests/system/test_examples.py, which also writes the results (ENCLOS_GOLDEN=rewrite).
 */
#ifndef ENCLOS_EXAMPLE_H
#define ENCLOS_EXAMPLE_H

extern const char *const example_sources[];
extern const int example_source_count;

#endif
