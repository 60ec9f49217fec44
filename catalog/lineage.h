/*
 * lineage.h - what something comes from and what it led to: runs, their outputs, datasets, environments, code.
 *
 *     dataset version --used--> run --left--> artifact --same_bytes--> dataset version --used--> run
 *     environment ---ran_in--> run --again--> run (a rerun)
 *     code ----------is_code-> run --part---> run (one that belongs to it)
 *
 * An artifact is its bytes: runs that left the same bytes left the same artifact. A dataset version comes from an artifact
 * when a file of it has the same bytes, which is noted as it is sealed. All functions run inside a job of catalog.h.
 */
#ifndef ENCLOS_CATALOG_LINEAGE_H
#define ENCLOS_CATALOG_LINEAGE_H

#include "catalog/run.h"
#include "catalog/standing.h"

enum lineage_kind { LINEAGE_RUN, LINEAGE_ARTIFACT, LINEAGE_DATASET, LINEAGE_ENVIRONMENT, LINEAGE_CODE, LINEAGE_KIND_COUNT };
const char *lineage_kind_name(enum lineage_kind k);

enum { LINEAGE_DEPTH_MAX = 20, LINEAGE_NODES_MAX = 1000 };

struct lineage_node { /* texts in the arena */
    enum lineage_kind kind;
    const char *id;    /* run id, SHA-256, NAME@VERSION */
    int side;          /* -1: it comes from it, 0: what was asked about, 1: it led to it */
    int depth;         /* steps from there */
    int64_t key;       /* private */
    const char *name;  /* of a run, or the title of a dataset version; or NULL */
    const char *state; /* of a run or dataset version, or NULL */
    const char *verdict;  /* of a run that has ended, or NULL */
    int64_t created_us;   /* of a run; 0: not known */
    int64_t size_bytes;   /* of an artifact; -1: not known */
};

struct lineage_edge {
    size_t from, to;  /* nodes; from what comes before */
    const char *kind; /* "used", "ran_in", "is_code", "again", "part", "left", "same_bytes" */
    const char *path; /* of the file in the run's outputs or in the dataset, or NULL */
};

struct lineage {
    struct lineage_node *nodes; /* the first is what was asked about */
    size_t node_count;
    struct lineage_edge *edges;
    size_t edge_count;
    bool truncated; /* there is more than the bounds */
};

struct lineage_query {
    const struct standing *seen_by; /* runs that it does not see are as if they were not there */
    /* One of them: */
    const char *run;      /* whole id, seen */
    const char *sha256;   /* of an artifact */
    const char *dataset;  /* name */
    int64_t version;      /* of it */
    bool up, down;
    int depth;    /* 1..LINEAGE_DEPTH_MAX */
    size_t limit; /* nodes, 1..LINEAGE_NODES_MAX */
};

/* E_NOT_FOUND: no such thing, or no run that is seen left such bytes. */
MUST_USE int cat_lineage(struct cat *db, struct arena *a, const struct lineage_query *q, struct lineage *out, struct err *e);

/* SHA-256 of what a run left under a path. E_NOT_FOUND. */
MUST_USE int cat_artifact_find(struct cat *db, const char *run, const char *path, char sha256[65], struct err *e);

/* ---- at the seal of a dataset version ---- */

struct lineage_source {
    const char *path, *sha256;
};
enum { LINEAGE_SOURCES_MAX = 1000 };

/* Of the files of a dataset, those whose bytes a run has left: the first LINEAGE_SOURCES_MAX. Reads only. In the arena. */
MUST_USE int cat_lineage_sources(struct cat *db, struct arena *a, const struct lineage_source *files, size_t file_count,
                                 struct lineage_source **out, size_t *count, struct err *e);
/* Keeps them with the version, in the transaction of its seal; what is there already stays. */
MUST_USE int cat_lineage_keep(struct cat *db, int64_t version, const struct lineage_source *sources, size_t count,
                              struct err *e);

#endif
