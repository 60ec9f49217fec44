/*
 * host_facts.h - the machine that the lab's runs start on, for their provenance: name, kernel, system, processor, memory,
 * whether it is itself virtual or a container, and a digest of its installed packages, which is what a run without an
 * environment of the lab's sees as its /usr.
 */
#ifndef ENCLOS_HOST_FACTS_H
#define ENCLOS_HOST_FACTS_H

struct host_facts;

/* Reads what does not change while the machine is up. Blocks for a moment: at start only. */
struct host_facts *host_facts_new(void);
void host_facts_free(struct host_facts *h); /* NULL is fine */

/* {"hostname","kernel":{…},"system","packages_sha256","cpu_model","cpus","memory_bytes","virtual","container"}; what
 * cannot be known is null. Looks whether packages were changed since. One thread at a time; borrowed until the next call. */
const char *host_facts_json(struct host_facts *h);

#endif
