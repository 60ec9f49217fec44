/*
 * method_report.c - report.get: reports for the staff of the Centre and for auditors.
 */
#include "api/common/text.h"
#include "catalog/report.h"
#include "orchestrator/request.h"

static int report_work(struct request *q, struct cat *db, struct err *e)
{
    int64_t now = time_now_us();
    const char *region = request_str(q, "region");
    const struct report_ask ask = {
        .kind = (enum report_kind)report_kind_of(request_str(q, "kind")),
        .from_us = request_int(q, "from_us", 0),
        .to_us = request_int(q, "to_us", now),
        .region = region ? region : "QC",
    };
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_str_at(&w, "kind", request_str(q, "kind"));
    jw_int_at(&w, "from_us", ask.from_us);
    jw_int_at(&w, "to_us", ask.to_us);
    jw_int_at(&w, "made_us", now);
    jw_str_at(&w, "made_by", q->actor.name);
    if (report_write(db, &ask, &w, e) < 0)
        return -1;
    jw_end_obj(&w);
    return 0;
}

int method_report_get(struct request *q, struct err *e)
{
    (void)e;
    request_read(q, report_work, NULL);
    return 0;
}
