/*
 * restore_main.h - `enclosd restore FILE`: a state folder made of a backup. No daemon runs.
 */
#ifndef ENCLOS_RESTORE_MAIN_H
#define ENCLOS_RESTORE_MAIN_H

/* The program, from "restore" on. Returns the exit status. */
int restore_main(int argc, char **argv);

#endif
