/*
 * main.c - starts `enclos`; all of it is in cli.c so that tests can link it.
 */
#include "api/cli/cli.h"

int main(int argc, char **argv)
{
    return cli_main(argc, argv);
}
