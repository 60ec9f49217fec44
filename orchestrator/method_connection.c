/*
 * method_connection.c - run.connections, and the network of a run in run.get: what it asked the lab to dial.
 */
#include "catalog/connection.h"
#include "catalog/run.h"
#include "orchestrator/request.h"
#include "orchestrator/run_print.h"
#include <string.h>

enum { PAGE_BYTES = 700 << 10, GROUPS_MAX = 50 };

static void int_or_null(struct jw *w, const char *key, int64_t n)
{
    if (n < 0)
        jw_null_at(w, key);
    else
        jw_int_at(w, key, n);
}

int run_print_network(struct cat *db, struct arena *a, const char *id, struct jw *w, struct err *e)
{
    struct network_row n;
    struct connection_group *all;
    size_t count;
    if (cat_network_get(db, a, id, &n, e) < 0)
        return -1;
    if (!n.allow_hosts_json) {
        jw_null_at(w, "network");
        return 0;
    }
    if (cat_connection_groups(db, a, id, GROUPS_MAX, &all, &count, e) < 0)
        return -1;
    jw_obj_at(w, "network");
    jw_raw_at(w, "allow_hosts", n.allow_hosts_json, strlen(n.allow_hosts_json));
    jw_int_at(w, "allowed", n.allowed);
    jw_int_at(w, "refused", n.refused);
    jw_arr_at(w, "connections");
    for (size_t i = 0; i < count; i++) {
        jw_obj(w);
        jw_str_at(w, "host", all[i].host);
        jw_int_at(w, "port", all[i].port);
        jw_bool_at(w, "allowed", all[i].allowed);
        jw_str_at(w, "why", all[i].why);
        jw_int_at(w, "count", all[i].count);
        jw_int_at(w, "up_bytes", all[i].up_bytes);
        jw_int_at(w, "down_bytes", all[i].down_bytes);
        jw_end_obj(w);
    }
    jw_end_arr(w);
    jw_end_obj(w);
    return 0;
}

static int connections_work(struct request *q, struct cat *db, struct err *e)
{
    char id[TEXT_ID_SIZE];
    struct network_row n;
    struct connection_row *all;
    size_t count, i, limit = (size_t)request_int(q, "limit", 1000);
    if (cat_run_find(db, q->standing, request_str(q, "run"), id, e) < 0 ||
        cat_network_get(db, q->arena, id, &n, e) < 0 ||
        cat_connection_list(db, q->arena, id, request_int(q, "from", 0), limit, &all, &count, e) <
            0)
        return -1;
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_raw_at(&w, "allow_hosts", n.allow_hosts_json ? n.allow_hosts_json : "null",
              strlen(n.allow_hosts_json ? n.allow_hosts_json : "null"));
    jw_int_at(&w, "allowed", n.allowed);
    jw_int_at(&w, "refused", n.refused);
    jw_int_at(&w, "unlisted", n.allowed + n.refused - n.written);
    jw_arr_at(&w, "connections");
    for (i = 0; i < count && q->out.len < PAGE_BYTES; i++) {
        jw_obj(&w);
        jw_int_at(&w, "number", all[i].number);
        jw_int_at(&w, "time_us", all[i].time_us);
        jw_str_at(&w, "method", all[i].method);
        jw_str_at(&w, "host", all[i].host);
        jw_int_at(&w, "port", all[i].port);
        jw_str_at(&w, "address", all[i].address);
        jw_bool_at(&w, "allowed", all[i].allowed);
        jw_str_at(&w, "why", all[i].why);
        jw_str_at(&w, "detail", all[i].detail);
        int_or_null(&w, "up_bytes", all[i].up_bytes);
        int_or_null(&w, "down_bytes", all[i].down_bytes);
        int_or_null(&w, "duration_ms", all[i].duration_ms);
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    if (i > 0 && (i < count || count == limit))
        jw_int_at(&w, "next", all[i - 1].number);
    else
        jw_null_at(&w, "next");
    jw_end_obj(&w);
    return 0;
}

int method_run_connections(struct request *q, struct err *e)
{
    (void)e;
    request_read(q, connections_work, NULL);
    return 0;
}
