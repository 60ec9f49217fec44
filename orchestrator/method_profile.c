/*
 * method_profile.c - profile.*: the sandbox profiles, as the runner sees them now.
 */
#include "orchestrator/profiles.h"
#include "orchestrator/request.h"

static void list_ready(void *ctx, const struct err *e)
{
    struct request *q = ctx;
    if (!e)
        json_print(profiles_all(q->lab->profiles), false, &q->out);
    request_end(q, e);
}

int method_profile_list(struct request *q, struct err *e)
{
    (void)e;
    profiles_refresh(q->lab->profiles, list_ready, q);
    return 0;
}

static void one_ready(void *ctx, const struct err *e)
{
    struct request *q = ctx;
    struct err missing = {0};
    if (!e) {
        const char *name = request_str(q, "name");
        const struct json *v = profiles_find(q->lab->profiles, name);
        if (v)
            json_print(v, false, &q->out);
        else if (profiles_check(q->lab->profiles, name, &missing) < 0)
            e = &missing;
    }
    request_end(q, e);
}

int method_profile_get(struct request *q, struct err *e)
{
    (void)e;
    profiles_refresh(q->lab->profiles, one_ready, q);
    return 0;
}
