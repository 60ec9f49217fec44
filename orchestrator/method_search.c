/*
 * method_search.c - catalog.search and catalog.reindex: finding by words.
 */
#include "catalog/search.h"
#include "catalog/standing.h"
#include "api/common/log.h"
#include "api/common/text.h"
#include "orchestrator/request.h"
#include "orchestrator/search_build.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* [{"text":"...","hit":true},...] of a snippet with its marks. Control characters that a title may have are shown as
 * \xNN, so that a client may print what it gets. */
static void put_snippet(struct jw *w, const char *snippet)
{
    bool hit = false;
    jw_arr_at(w, "snippet");
    while (*snippet) {
        size_t len = strcspn(snippet, SEARCH_OPEN SEARCH_CLOSE);
        if (len > 0) {
            AUTO_FREE char *text = mem_alloc(4 * len + 1);
            text_sanitize(snippet, len, text, 4 * len + 1);
            jw_obj(w);
            jw_str_at(w, "text", text);
            jw_bool_at(w, "hit", hit);
            jw_end_obj(w);
        }
        snippet += len;
        if (*snippet)
            hit = *snippet++ == SEARCH_OPEN[0];
    }
    jw_end_arr(w);
}

static int search_work(struct request *q, struct cat *db, struct err *e)
{
    struct search_hit *all;
    size_t count;
    bool cut, built;
    if (search_is_built(db, &built, e) < 0 || search_find(db, q->arena, q->standing, request_str(q, "text"), request_str(q, "noun"),
                    (size_t)request_int(q, "limit", 20), &all, &count, &cut, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_arr_at(&w, "hits");
    for (size_t i = 0; i < count; i++) {
        jw_obj(&w);
        jw_str_at(&w, "noun", all[i].noun);
        jw_str_at(&w, "id", all[i].ref);
        jw_str_at(&w, "title", all[i].title);
        /* FTS5 weighs a word by how many entries have it, also those that the caller may not see: to them its figure would
         * tell that, so they get the place. */
        jw_num_at(&w, "rank", standing_sees_all(q->standing) ? all[i].rank : (double)(count - i));
        jw_str_at(&w, "where", all[i].where);
        put_snippet(&w, all[i].snippet);
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    jw_bool_at(&w, "only_newest", cut);
    jw_bool_at(&w, "building", !built);
    jw_end_obj(&w);
    return 0;
}

/* ---- after an upgrade ---- */

struct build {
    struct lab *lab;
    bool done;
};

static int build_work(struct cat *db, void *ctx, struct err *e)
{
    return search_build_some(db, &((struct build *)ctx)->done, e);
}

static void build_more(struct build *b);

static void build_done(void *ctx, const struct err *e)
{
    struct build *b = ctx;
    if (e)
        log_error("search.build", LOG_ERR(e));
    if (e || b->done || atomic_load(&b->lab->stopping)) {
        free(b); /* the next start goes on */
        return;
    }
    build_more(b); /* behind what others have queued meanwhile */
}

static void build_more(struct build *b)
{
    lab_write(b->lab, build_work, build_done, b);
}

void search_build(struct lab *lab)
{
    struct build *b = mem_alloc(sizeof *b);
    *b = (struct build){.lab = lab};
    build_more(b);
}

int method_catalog_search(struct request *q, struct err *e)
{
    (void)e;
    request_read(q, search_work, NULL);
    return 0;
}

static int reindex_work(struct request *q, struct cat *db, struct err *e)
{
    struct err found = {0};
    int64_t count = 0;
    bool damaged = search_check(db, &found) < 0;
    if (search_rebuild(db, &count, e) < 0 ||
        audit_append(db, &q->actor, "catalog.reindexed", "search", NULL, time_now_us(), e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_int_at(&w, "entries", count);
    jw_bool_at(&w, "was_damaged", damaged);
    jw_str_at(&w, "found", damaged ? found.message : NULL);
    jw_end_obj(&w);
    return 0;
}

int method_catalog_reindex(struct request *q, struct err *e)
{
    (void)e;
    request_write(q, reindex_work, NULL);
    return 0;
}
