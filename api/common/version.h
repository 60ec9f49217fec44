/*
 * version.h - the version that all programs tell.
 */
#ifndef ENCLOS_VERSION_H
#define ENCLOS_VERSION_H

#define ENCLOS_VERSION "0.1.0"

#endif
