/*
 * profile_network.c - the key `allow_hosts`: what the lab dials for runs whose network is `proxy`.
 *
 *   "network": "proxy", "allow_hosts": ["pypi.org:443", "*.example.org:443", "10.20.0.0/16:443"]
 *
 * The runner only checks and shows it: a sandbox has no way out by itself, the daemon's proxy judges
 * (api/common/netallow.h). Called by the profile module only.
 */
#include "runner/profile_network.h"

#include "api/common/mem.h"
#include "api/common/netallow.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void allow_hosts_fini(struct profile *p)
{
    for (size_t i = 0; i < p->allow_host_count; i++)
        free(p->allow_hosts[i]);
    mem_free_at(&p->allow_hosts);
    p->allow_host_count = 0;
}

static bool has(const struct profile *p, const char *entry)
{
    for (size_t i = 0; i < p->allow_host_count; i++)
        if (strcmp(p->allow_hosts[i], entry) == 0)
            return true;
    return false;
}

int allow_hosts_apply(struct profile *p, const struct profile_source *s, struct err *e)
{
    const struct json *list = NULL;
    if (json_opt_array(s->root, "", "allow_hosts", NET_ALLOW_MAX, &list, e) < 0)
        return source_located(s, e);
    if (list && p->network != PROFILE_NETWORK_PROXY)
        return source_fail(s, "allow_hosts", "say \"network\": \"proxy\", or leave the list out", e,
                           "only the network proxy has a list of hosts");
    size_t at = 0;
    for (const struct json *v = json_first(list); v; v = json_next(v), at++) {
        char path[40], text[NET_ALLOW_TEXT];
        struct net_allow entry;
        struct err why = {0};
        snprintf(path, sizeof path, "allow_hosts[%zu]", at);
        if (!json_str(v))
            return source_fail(s, path, "such as \"pypi.org:443\"", e, "it is no text");
        if (net_allow_parse(json_str(v), &entry, &why) < 0)
            return source_fail(s, path, why.hint, e, "%s", why.message);
        net_allow_print(&entry, text);
        if (has(p, text))
            return source_fail(s, path, "leave one out", e, "%s is listed already", text);
        if (p->allow_host_count == NET_ALLOW_MAX)
            return source_fail(s, path, NULL, e, "more than %d hosts with those of what it extends",
                               NET_ALLOW_MAX);
        p->allow_hosts = mem_grow(p->allow_hosts, p->allow_host_count + 1, sizeof *p->allow_hosts);
        p->allow_hosts[p->allow_host_count++] = mem_strdup(text);
    }
    return 0;
}
