/*
 * proxy_processes.h - the three processes of a run's proxy; proxy_wire.h draws them. Children of enclosd by
 * posix_spawn of itself (`enclosd proxy`), so nothing of the daemon's memory is in them.
 *
 * Descriptor 3 is a stream to enclosd. First comes one line with the run's listening socket:
 *     {"allow":["pypi.org:443"],"hosts":"/etc/enclos/hosts" or null}
 * Then each side says one JSON object a line:
 *     judge:   {"event":"dial","dial":7,"method":"CONNECT","host":"pypi.org","port":443,"address":"151.101.0.223"}
 *     enclosd: {"go":7} once that is in the audit log, or {"stop":7,"why":"limit"}: only then it is dialled
 *     judge:   {"event":"refused","method":...,"host":...,"port":...,"address":... or null,"why":"not_listed","detail":"..."}
 *     judge:   {"event":"ended","dial":7,"why":"ok","detail":"","up_bytes":517,"down_bytes":9000,"duration_ms":120}
 * When enclosd closes its end all three end, and with them what they relay.
 */
#ifndef ENCLOS_PROXY_PROCESSES_H
#define ENCLOS_PROXY_PROCESSES_H

#include "api/common/netallow.h"

/* `enclosd proxy`: returns the exit status. */
int proxy_main(void);

/* Each in a process of its own; they close nothing that is not theirs (the caller did) and never return. */
struct proxy_config {
    struct net_allow allow[NET_ALLOW_MAX];
    size_t allow_count;
    char hosts[4096]; /* names that the lab knows by itself, as /etc/hosts; empty: none */
};
_Noreturn void proxy_relay(int listen_fd, int judge_fd);
_Noreturn void proxy_judge(const struct proxy_config *c, int lab_fd, int relay_fd, int resolver_fd);
_Noreturn void proxy_resolver(const struct proxy_config *c, int judge_fd);

#endif
