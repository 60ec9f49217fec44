/*
 * given_file.h - descriptors of files that clients pass: may the lab read them without waiting for the client?
 *
 * A regular file need not be one on a disk: on a file system of a user's own (FUSE) each question, each
 * read and each close is answered by a process of that user, when it likes, or never. Asking such a file
 * for its size or closing it would stop the loop, reading it would keep a thread of the pool.
 */
#ifndef ENCLOS_GIVEN_FILE_H
#define ENCLOS_GIVEN_FILE_H

#include "api/common/err.h"
#include <stdbool.h>
#include <stdint.h>

/* On the loop: whether it is a regular file, by what the kernel knows without asking its file system.
 * E_INVALID. */
MUST_USE int given_file_look(int fd, struct err *e);

/* In the pool, before it is read: whether it is on a file system that does not depend on a user. What
 * cannot be told is refused: E_INVALID with a hint to send it in pieces. */
MUST_USE int given_file_check(int fd, struct err *e);

/* Closes what was not checked, or was refused: in threads of their own, which its user may keep as long as
 * he likes. False: all of them are kept and more wait than can, the descriptor stays open. */
enum { GIVEN_FILE_DROPS_MAX = 1024 };
bool given_file_drop(int fd);

/* Whether a row of /proc/self/mountinfo is the mount `mount_id`, or any of the device, and of a type that
 * may be read. For tests. */
bool given_file_row_fits(const char *row, uint64_t mount_id, unsigned major, unsigned minor);

#endif
