/*
 * network.c - see network.h. The reasons are the API's codes (orchestrator/proxy_wire.h), said here.
 */
#include "api/cli/network.h"
#include "api/cli/human.h"
#include "api/cli/table.h"
#include <string.h>

static const struct {
    const char *code;
    enum text_id text;
} whys[] = {
    {"ok", T_NONE},
    {"not_listed", T_NW_NOT_LISTED},
    {"unspecified", T_NW_RESERVED},
    {"loopback", T_NW_LOOPBACK},
    {"private", T_NW_PRIVATE},
    {"link_local", T_NW_LINK_LOCAL},
    {"metadata", T_NW_METADATA},
    {"multicast", T_NW_RESERVED},
    {"reserved", T_NW_RESERVED},
    {"translated", T_NW_TRANSLATED},
    {"own_address", T_NW_OWN},
    {"no_address", T_NW_NO_ADDRESS},
    {"unreachable", T_NW_UNREACHABLE},
    {"bad_request", T_NW_BAD_REQUEST},
    {"host_mismatch", T_NW_HOST_MISMATCH},
    {"not_tls", T_NW_NOT_TLS},
    {"server_name", T_NW_SERVER_NAME},
    {"bad_answer", T_NW_BAD_ANSWER},
    {"timeout", T_NW_TIMEOUT},
    {"limit", T_NW_LIMIT},
    {"unavailable", T_NW_UNAVAILABLE},
};

static const char *why_of(const struct json *c)
{
    const char *code = cli_str(c, "why");
    for (size_t i = 0; i < sizeof whys / sizeof *whys; i++)
        if (strcmp(whys[i].code, code) == 0)
            return tr(whys[i].text);
    return code; /* of a lab that is newer */
}

void network_add_fact(struct buf *value, const struct json *network, bool full)
{
    if (json_type(network) != JSON_OBJECT)
        return;
    uint64_t allowed = (uint64_t)cli_int(network, "allowed"),
             refused = (uint64_t)cli_int(network, "refused");
    tr_add(value, tr_plural(allowed, T_NW_ONE, T_NW_MANY), human_count_text(allowed));
    if (refused > 0)
        tr_add(value, tr_plural(refused, T_NW_ONE_REFUSED, T_NW_MANY_REFUSED),
               human_count_text(refused));
    if (!full)
        return;
    const struct json *list = json_get(network, "allow_hosts");
    buf_add_str(value, "; ");
    buf_add_str(value, tr(json_count(list) ? T_NW_ALLOWED : T_NW_ALLOWED_NONE));
    for (const struct json *v = json_first(list); v; v = json_next(v)) {
        buf_add_str(value, v == json_first(list) ? " " : ", ");
        buf_add_str(value, json_str(v));
    }
}

static const struct table_column columns[] = {
    {T_C_HOST, false, 16, 0},   {T_C_TIMES, true, 0, 0},    {T_C_SENT, true, 0, 2},
    {T_C_RECEIVED, true, 0, 2}, {T_C_REASON, false, 16, 0},
};

void network_add_table(struct buf *out, const struct term *t, const struct json *network, bool full)
{
    AUTO_TABLE struct table *table = table_new(columns, 5);
    for (const struct json *c = json_first(json_get(network, "connections")); c; c = json_next(c)) {
        bool good = strcmp(cli_str(c, "why"), "ok") == 0;
        AUTO_BUF struct buf host = BUF_INIT(1024);
        if (good && !full)
            continue;
        if (cli_int(c, "port") > 0)
            buf_printf(&host, "%s:%d", cli_str(c, "host"), (int)cli_int(c, "port"));
        else
            buf_add_str(&host, tr(T_NW_NO_HOST));
        table_cell(table, good ? STYLE_PLAIN : STYLE_WARN, buf_cstr(&host));
        table_cell(table, STYLE_PLAIN, human_count_text((uint64_t)cli_int(c, "count")));
        bool dialled = json_bool(json_get(c, "allowed"), false);
        table_cell(table, STYLE_PLAIN,
                   dialled ? human_size_text((uint64_t)cli_int(c, "up_bytes")) : "");
        table_cell(table, STYLE_PLAIN,
                   dialled ? human_size_text((uint64_t)cli_int(c, "down_bytes")) : "");
        table_cell(table, STYLE_PLAIN, why_of(c));
    }
    if (table_rows(table) == 0)
        return;
    buf_add_char(out, '\n');
    term_add(out, t, STYLE_BOLD, tr(full ? T_TITLE_NETWORK : T_TITLE_NOT_REACHED));
    buf_add_char(out, '\n');
    table_add(out, table, t, 2, false);
}
