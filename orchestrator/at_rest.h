/*
 * at_rest.h - is what the lab stores encrypted on its disk? Told by lab.doctor; nothing depends on it.
 *
 * Seen: a folder under an fscrypt policy; a file system whose devices all stand on dm-crypt (LUKS or plain), through
 * LVM, RAID and partitions of device mapper. Not seen, and said so: network file systems, overlays, loop files,
 * zfs; and disks that encrypt by themselves look like any other.
 */
#ifndef ENCLOS_AT_REST_H
#define ENCLOS_AT_REST_H

enum at_rest_kind { AT_REST_ENCRYPTED, AT_REST_PLAIN, AT_REST_UNKNOWN };

struct at_rest {
    enum at_rest_kind kind;
    char text[240]; /* one English sentence for people */
};

struct at_rest_places { /* where the kernel tells; a test gives its own */
    const char *mountinfo; /* "/proc/self/mountinfo" */
    const char *dev_block; /* "/sys/dev/block" */
};
extern const struct at_rest_places at_rest_here;

/* Of an open folder. Blocks a little: pool threads. */
void at_rest_look(int dir_fd, const struct at_rest_places *places, struct at_rest *out);

/* The same for a mount that is known already, as a row of mountinfo names it: for tests and for at_rest_look. */
void at_rest_of_device(const char *fs_type, const char *source, unsigned major, unsigned minor,
                       const struct at_rest_places *places, struct at_rest *out);

#endif
