/*
 * journal.c - appends frames to a run's log. Called by the monitor only; may not judge a run.
 */
#include "runner/journal.h"

#include "api/common/buf.h"
#include "api/common/fd.h"
#include "api/common/json.h"
#include "api/common/mem.h"
#include "api/common/runfolder.h"
#include "api/common/text.h"

#include <errno.h>
#include <stdio.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

int journal_open(struct journal *j, int run_fd, int64_t head_bytes, bool echo_on, struct err *e)
{
    memset(j, 0, sizeof *j);
    j->fd = openat(run_fd, RUNFOLDER_LOG, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (j->fd < 0)
        return err_sys(e, "log", NULL, "cannot create the run's log");
    j->head_left_bytes = head_bytes;
    j->echo = echo_on;
    buf_init(&j->waiting[0], JOURNAL_ECHO_BYTES);
    buf_init(&j->waiting[1], JOURNAL_ECHO_BYTES);
    return 0;
}

/* One frame, one append. A write that is cut short (disk full) is taken back; where even that fails, the
 * partial frame is what a reader takes for the end. False: it was not kept. */
static bool append(struct journal *j, enum runlog_stream stream, const char *bytes, size_t len, int64_t time_us)
{
    unsigned char header[RUNLOG_HEADER_BYTES];
    if (j->write_errno)
        return false;
    runlog_header(header, stream, len, time_us);
    struct iovec parts[2] = {{header, sizeof header}, {(void *)(uintptr_t)bytes, len}};
    off_t before = lseek(j->fd, 0, SEEK_END);
    ssize_t n = writev(j->fd, parts, 2);
    if (n == (ssize_t)(sizeof header + len))
        return true;
    j->write_errno = n < 0 ? errno : ENOSPC;
    if (before >= 0 && ftruncate(j->fd, before) < 0)
        j->broken = true; /* nothing may follow, not even at the end */
    return false;
}

/* ---- the ring ---- */

static void ring_copy_in(struct journal *j, const void *p, size_t len)
{
    size_t at = (j->start + j->used) % JOURNAL_TAIL_BYTES, first = JOURNAL_TAIL_BYTES - at;
    if (first > len)
        first = len;
    memcpy(j->ring + at, p, first);
    memcpy(j->ring, (const char *)p + first, len - first);
    j->used += len;
}

static void ring_copy_out(struct journal *j, size_t skip, void *p, size_t len)
{
    size_t at = (j->start + skip) % JOURNAL_TAIL_BYTES, first = JOURNAL_TAIL_BYTES - at;
    if (first > len)
        first = len;
    memcpy(p, j->ring + at, first);
    memcpy((char *)p + first, j->ring, len - first);
}

struct ring_entry {
    uint32_t len;
    uint32_t stream;
    int64_t time_us;
};

static void ring_drop_oldest(struct journal *j)
{
    struct ring_entry entry;
    ring_copy_out(j, 0, &entry, sizeof entry);
    j->start = (j->start + sizeof entry + entry.len) % JOURNAL_TAIL_BYTES;
    j->used -= sizeof entry + entry.len;
    j->dropped_bytes += entry.len;
    j->kept_bytes -= entry.len;
}

static void ring_add(struct journal *j, enum runlog_stream stream, const char *bytes, size_t len, int64_t time_us)
{
    if (!j->ring)
        j->ring = mem_alloc(JOURNAL_TAIL_BYTES);
    struct ring_entry entry = {.len = (uint32_t)len, .stream = stream, .time_us = time_us};
    while (j->used + sizeof entry + len > JOURNAL_TAIL_BYTES)
        ring_drop_oldest(j);
    ring_copy_in(j, &entry, sizeof entry);
    ring_copy_in(j, bytes, len);
    j->kept_bytes += (int64_t)len;
}

/* ---- the echo ---- */

/* Passes on what the reader takes. A pipe that polls writable takes PIPE_BUF bytes without
 * blocking; `wait` is for the end, when no limit of the run depends on us any more. */
static void echo_flush(struct journal *j, bool wait)
{
    for (int i = 0; i < 2 && j->echo; i++) {
        struct buf *b = &j->waiting[i];
        struct pollfd p = {.fd = 1 + i, .events = POLLOUT};
        while (b->len > 0 && (wait || (poll(&p, 1, 0) == 1 && (p.revents & POLLOUT)))) {
            ssize_t n = write(1 + i, b->data, b->len < PIPE_BUF ? b->len : PIPE_BUF);
            if (n < 0 && errno != EINTR) {
                j->echo = false; /* whoever watched has gone; the log is what counts */
                break;
            }
            if (n > 0)
                buf_consume(b, (size_t)n);
        }
    }
}

static void echo(struct journal *j, int which, const char *bytes, size_t len)
{
    struct buf *b = &j->waiting[which];
    echo_flush(j, false);
    if (b->len + len > JOURNAL_ECHO_BYTES)
        j->not_echoed_bytes += (int64_t)len;
    else
        buf_add(b, bytes, len);
    echo_flush(j, false);
}

void journal_output(struct journal *j, enum runlog_stream stream, const char *bytes, size_t len)
{
    int64_t now = time_now_us();
    if (j->echo)
        echo(j, stream == RUNLOG_STDOUT ? 0 : 1, bytes, len);
    while (len > 0) {
        size_t n = len < RUNLOG_FRAME_MAX_BYTES ? len : RUNLOG_FRAME_MAX_BYTES;
        if (j->head_left_bytes > 0 && (int64_t)n > j->head_left_bytes)
            n = (size_t)j->head_left_bytes;
        if (j->head_left_bytes > 0 && append(j, stream, bytes, n, now)) {
            j->head_left_bytes -= (int64_t)(n + RUNLOG_HEADER_BYTES);
            j->kept_bytes += (int64_t)n;
            if (j->head_left_bytes <= 0)
                journal_event(j, "{\"event\":\"log_limit\"}"); /* what follows is seen at the end */
        } else {
            ring_add(j, stream, bytes, n, now);
        }
        bytes += n;
        len -= n;
    }
}

void journal_event(struct journal *j, const char *json)
{
    if (!append(j, RUNLOG_EVENT, json, strlen(json), time_now_us()))
        j->lost_events++; /* also told in the record */
}

/* ---- metrics ---- */

static void bad_line(struct journal *j, const char *reason)
{
    if (++j->bad_lines > 100)
        return;
    AUTO_BUF struct buf out = BUF_INIT(4096);
    char shown[201];
    struct jw w = jw_to(&out);
    text_sanitize(j->line, j->line_len < 120 ? j->line_len : 120, shown, sizeof shown);
    jw_obj(&w);
    jw_str_at(&w, "event", "bad_metric");
    jw_str_at(&w, "reason", reason);
    jw_str_at(&w, "text", shown);
    jw_end_obj(&w);
    journal_event(j, buf_cstr(&out));
}

static void end_line(struct journal *j)
{
    static const struct json_limits limits = {.max_bytes = JOURNAL_LINE_BYTES, .max_depth = 4};
    struct err e = {0};
    size_t len = j->line_len;
    while (len > 0 && (j->line[len - 1] == '\r' || j->line[len - 1] == ' '))
        len--;
    if (j->line_too_long)
        bad_line(j, "longer than 4096 bytes");
    else if (len == 0)
        ; /* an empty line says nothing */
    else if (json_scan(j->line, len, &limits, &e) < 0)
        bad_line(j, e.message);
    else if (j->line[strspn(j->line, " \t")] != '{')
        bad_line(j, "not a JSON object");
    else if (j->metric_bytes + (int64_t)len > JOURNAL_METRIC_BYTES ||
             !append(j, RUNLOG_METRIC, j->line, len, time_now_us()))
        j->dropped_lines++;
    else {
        j->metric_bytes += (int64_t)(len + RUNLOG_HEADER_BYTES);
        j->metric_lines++;
    }
    j->line_len = 0;
    j->line_too_long = false;
}

void journal_metrics(struct journal *j, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] == '\n')
            end_line(j);
        else if (j->line_len == sizeof j->line)
            j->line_too_long = true;
        else
            j->line[j->line_len++] = bytes[i];
    }
}

/* What did not reach the disk has been kept in the ring until now. */
static void append_tail(struct journal *j)
{
    if (j->dropped_bytes > 0) {
        char text[64];
        snprintf(text, sizeof text, "{\"dropped_bytes\":%lld}", (long long)j->dropped_bytes);
        append(j, RUNLOG_GAP, text, strlen(text), time_now_us());
    }
    while (j->used > 0) {
        struct ring_entry entry;
        ring_copy_out(j, 0, &entry, sizeof entry);
        char *bytes = mem_alloc(entry.len + 1);
        ring_copy_out(j, sizeof entry, bytes, entry.len);
        if (!append(j, (enum runlog_stream)entry.stream, bytes, entry.len, entry.time_us)) {
            j->dropped_bytes += entry.len;
            j->kept_bytes -= entry.len;
        }
        mem_free_at(&bytes);
        j->start = (j->start + sizeof entry + entry.len) % JOURNAL_TAIL_BYTES;
        j->used -= sizeof entry + entry.len;
    }
}

int journal_finish(struct journal *j, struct err *e)
{
    int lost = j->write_errno;
    if (j->line_len > 0)
        end_line(j); /* a last line without its LF still counts */
    if (!j->broken)
        j->write_errno = 0;
    append_tail(j);
    mem_free_at(&j->ring);
    /* An empty log needs no sync: the record, which is synced after it, says that nothing was kept. */
    if (j->kept_bytes + j->metric_bytes > 0 && fdatasync(j->fd) < 0 && !j->write_errno)
        j->write_errno = errno;
    fd_close_at(&j->fd);
    echo_flush(j, true);
    if (j->echo && j->not_echoed_bytes > 0)
        fprintf(stderr, "enclos-runner: %lld bytes were not shown here (their reader was too slow): see the log\n",
                (long long)j->not_echoed_bytes);
    buf_fini(&j->waiting[0]);
    buf_fini(&j->waiting[1]);
    /* All of it was kept in the end: then the disk's trouble is over and nobody's business. */
    if (!j->write_errno && !(lost && (j->dropped_bytes > 0 || j->dropped_lines > 0 || j->lost_events > 0)))
        return 0;
    errno = j->write_errno ? j->write_errno : lost;
    return err_sys(e, "log", "free some room on the lab's disk", "part of what the run said could not be written");
}
