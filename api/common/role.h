/*
 * role.h - the roles that people and service accounts have in a lab, or in one project of it.
 *
 * A row of the method table names those that may call it. `admin` may do all that any role may, save
 * what needs a second person; `auditor` reads all and changes nothing.
 */
#ifndef ENCLOS_ROLE_H
#define ENCLOS_ROLE_H

enum role {
    ROLE_SCIENTIST, /* runs prototypes */
    ROLE_CUSTODIAN, /* keeps datasets and says who may use them */
    ROLE_REVIEWER,  /* decides what leaves */
    ROLE_CURATOR,   /* staff of the Centre: projects, experiments, lessons, assessments, services */
    ROLE_PLATFORM,  /* service accounts of platform teams */
    ROLE_AUDITOR,   /* reads all, changes nothing */
    ROLE_ADMIN,     /* people, tokens, the lab itself */
    ROLE_COUNT
};

#define ROLE(r) (1u << (r))
/* Whoever has a role, in the lab or in a project. */
#define ANY_ROLE ((1u << ROLE_COUNT) - 1)
/* Whoever reaches the socket: what one needs to learn that one has no role. */
#define ANYONE (1u << ROLE_COUNT)

#endif
