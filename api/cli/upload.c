/*
 * upload.c - gives the lab the objects it lacks; see upload.h.
 *
 * Sixteen blob.put calls are under way at once: each answer waits for a sync to disk, and the lab
 * groups those.
 */
#include "api/cli/upload.h"
#include "api/common/fd.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    ASK_MAX = 5000,
    WINDOW = 16,
    CHUNK_BYTES = 512 << 10,
    SHOW_AFTER_US = 1000000,
    SLOW_BYTES = 256 << 20
};

/* One object to send: an entry, or the manifest itself (entry NULL). */
struct item {
    const char *sha256;
    uint64_t size_bytes;
    const struct snapshot_entry *entry;
    bool missing;
    bool given;     /* by the feed */
    bool in_chunks; /* the lab does not read this file by itself (a user's own file system) */
};

struct under_way {
    int64_t id;
    struct item *item;
    int fd; /* of what was given: kept until the answer, in case the lab does not take it */
};

struct upload {
    struct client *lab;
    const struct snapshot *s;
    bool chunks;
    struct under_way window[WINDOW]; /* of what is given */
    size_t sent, answered;
    struct item *items; /* unique, sorted by digest */
    size_t count;
    size_t missing_count;
    const struct term *term;
    int64_t started_us;
    bool shown;
};

/* ---- progress ---- */

static void show(const struct term *term, enum text_id id, const char *done, const char *total)
{
    AUTO_BUF struct buf line = BUF_INIT(1024), cut = BUF_INIT(1024);

    tr_add(&line, id, done, total);
    buf_add_str(&cut, "\r\033[K");
    term_add_cut(&cut, buf_cstr(&line), term->width > 1 ? term->width - 1 : 1);
    cli_note(&cut);
}

static void wipe(bool shown)
{
    AUTO_BUF struct buf line = BUF_INIT(16);

    if (!shown)
        return;
    buf_add_str(&line, "\r\033[K");
    cli_note(&line);
}

void upload_reading(void *arg, uint64_t done_bytes, uint64_t total_bytes)
{
    struct upload_reading *p = arg;

    if (!p->term->moves || time_mono_us() - p->started_us < SHOW_AFTER_US)
        return;
    p->shown = true;
    show(p->term, T_HASHING, human_size_text(done_bytes), human_size_text(total_bytes));
}

void upload_reading_end(struct upload_reading *p)
{
    wipe(p->shown);
    p->shown = false;
}

int upload_hash(struct cli *c, struct snapshot *s, struct err *e)
{
    struct upload_reading p = {.term = &c->err, .started_us = time_mono_us()};
    int failed = snapshot_finish(s, upload_reading, &p, e);

    upload_reading_end(&p);
    return failed;
}

/* `sent` files have gone; the next one has `next_bytes`: a large one is told before it is waited for. */
static void on_sent(struct upload *u, size_t sent, uint64_t next_bytes)
{
    bool slow = next_bytes > SLOW_BYTES || time_mono_us() - u->started_us >= SHOW_AFTER_US;

    if (!u->term->moves || !slow || sent >= u->missing_count)
        return;
    u->shown = true;
    show(u->term, T_SENDING, human_count_text(sent + 1), human_count_text(u->missing_count));
}

/* ---- what is missing ---- */

static int by_digest(const void *a, const void *b)
{
    const struct item *x = a, *y = b;

    return strcmp(x->sha256, y->sha256);
}

static void list_items(struct upload *u)
{
    size_t count = snapshot_count(u->s);
    const struct snapshot_entry *entries = snapshot_entries(u->s);

    u->items = mem_grow(NULL, count + 1, sizeof *u->items);
    size_t files = 0;
    for (size_t i = 0; i < count; i++)
        if (entries[i].kind == SNAPSHOT_FILE)
            u->items[files++] = (struct item){.sha256 = entries[i].sha256,
                                              .size_bytes = entries[i].size_bytes,
                                              .entry = &entries[i]};
    u->items[files] =
        (struct item){.sha256 = snapshot_id(u->s), .size_bytes = snapshot_manifest(u->s)->len};
    qsort(u->items, files + 1, sizeof *u->items, by_digest);
    u->count = 0;
    for (size_t i = 0; i <= files; i++)
        if (i == 0 || strcmp(u->items[i].sha256, u->items[u->count - 1].sha256) != 0)
            u->items[u->count++] = u->items[i];
}

static int ask(struct upload *u, size_t from, size_t to, struct err *e)
{
    AUTO_BUF struct buf params = BUF_INIT(1 << 20);
    AUTO_ANSWER struct client_answer answer = {0};
    struct jw w = jw_to(&params);

    jw_obj(&w);
    jw_arr_at(&w, "sha256");
    for (size_t i = from; i < to; i++)
        jw_str(&w, u->items[i].sha256);
    jw_end_arr(&w);
    jw_end_obj(&w);
    if (client_call(u->lab, "blob.missing", buf_cstr(&params), &answer, e) < 0)
        return -1;
    const struct json *missing = json_get(answer.result, "missing");
    for (const struct json *m = json_first(missing); m; m = json_next(m)) {
        struct item key = {.sha256 = json_str(m)};
        struct item *found = key.sha256 ? bsearch(&key, u->items, u->count, sizeof key, by_digest)
                                        : NULL;
        if (!found || found->missing)
            return err_set(e, E_INTERNAL, "missing", NULL,
                           "the lab says that it lacks an object it was not asked about");
        found->missing = true;
        u->missing_count++;
    }
    return 0;
}

/* ---- sending ---- */

/* The manifest as a file of its own, for those who take descriptors. */
static int open_item(const struct upload *u, const struct item *item, int *out, struct err *e)
{
    if (item->entry)
        return snapshot_open(item->entry, out, e);
    const struct buf *text = snapshot_manifest(u->s);
    AUTO_FD int fd = memfd_create("manifest", MFD_CLOEXEC);
    if (fd < 0 || fd_write_all(fd, text->data, text->len) < 0 || lseek(fd, 0, SEEK_SET) < 0)
        return err_sys(e, NULL, NULL, "memfd");
    *out = fd_take(&fd);
    return 0;
}

/* Says which file an error is about; the lab only knows a digest. */
static int about(const struct item *item, struct err *e)
{
    return item->entry ? err_context(e, "%s", item->entry->path) : -1;
}

static int put_fd(struct upload *u, const struct item *item, int fd, int64_t *id, struct err *e)
{
    AUTO_BUF struct buf params = BUF_INIT(4096);
    struct jw w = jw_to(&params);

    jw_obj(&w);
    jw_str_at(&w, "sha256", item->sha256);
    jw_int_at(&w, "size_bytes", (int64_t)item->size_bytes);
    jw_end_obj(&w);
    return client_send(u->lab, "blob.put", buf_cstr(&params), fd, id, e);
}

static int put(struct upload *u, const struct item *item, int64_t *id, struct err *e)
{
    AUTO_FD int fd = -1;

    return open_item(u, item, &fd, e) < 0 ? -1 : put_fd(u, item, fd, id, e);
}

static int put_chunk(struct upload *u, const struct item *item, uint64_t offset, const char *bytes,
                     size_t len, struct err *e)
{
    AUTO_BUF struct buf params = BUF_INIT(CHUNK_BYTES * 2);
    AUTO_ANSWER struct client_answer answer = {0};
    struct jw w = jw_to(&params);
    AUTO_FREE char *text = mem_alloc(4 * ((len + 2) / 3) + 1);

    text_base64(bytes, len, text);
    jw_obj(&w);
    jw_str_at(&w, "sha256", item->sha256);
    jw_int_at(&w, "total_bytes", (int64_t)item->size_bytes);
    jw_int_at(&w, "offset", (int64_t)offset);
    jw_str_at(&w, "data_base64", text);
    jw_end_obj(&w);
    return client_call(u->lab, "blob.put_chunk", buf_cstr(&params), &answer, e);
}

static int send_fd_in_chunks(struct upload *u, const struct item *item, int fd, struct err *e)
{
    AUTO_FREE char *room = mem_alloc(CHUNK_BYTES);
    uint64_t offset = 0;

    do {
        size_t got = 0;
        while (got < CHUNK_BYTES) {
            ssize_t n = read(fd, room + got, CHUNK_BYTES - got);
            if (n < 0 && errno == EINTR)
                continue;
            if (n < 0)
                return err_sys(e, NULL, NULL, "read");
            if (n == 0)
                break;
            got += (size_t)n;
        }
        if (put_chunk(u, item, offset, room, got, e) < 0)
            return -1;
        if (got == 0 && offset < item->size_bytes)
            return say_err(e, E_CONFLICT, NULL, T_NONE, T_FILE_CHANGED);
        offset += got;
    } while (offset < item->size_bytes);
    return 0;
}

static int send_in_chunks(struct upload *u, const struct item *item, struct err *e)
{
    AUTO_FD int fd = -1;

    return open_item(u, item, &fd, e) < 0 ? -1 : send_fd_in_chunks(u, item, fd, e);
}

/* All that the lab lacks, or only those that it does not take by descriptor. */
static int send_all_chunks(struct upload *u, bool refused_only, struct err *e)
{
    size_t sent = 0;

    for (size_t i = 0; i < u->count; i++) {
        if (!u->items[i].missing || (refused_only && !u->items[i].in_chunks))
            continue;
        on_sent(u, sent++, u->items[i].size_bytes);
        if (send_in_chunks(u, &u->items[i], e) < 0)
            return about(&u->items[i], e);
    }
    return 0;
}

static int send_by_fd(struct upload *u, struct err *e)
{
    struct {
        int64_t id;
        struct item *item;
    } under_way[WINDOW];
    size_t sent = 0, answered = 0, next = 0, refused = 0;

    while (answered < u->missing_count) {
        while (sent < u->missing_count && sent - answered < WINDOW) {
            while (!u->items[next].missing)
                next++;
            struct item *item = &u->items[next++];
            under_way[sent % WINDOW].item = item;
            if (put(u, item, &under_way[sent % WINDOW].id, e) < 0)
                return -1;
            sent++;
        }
        on_sent(u, answered, under_way[answered % WINDOW].item->size_bytes);
        AUTO_ANSWER struct client_answer answer = {0};
        if (client_wait(u->lab, under_way[answered % WINDOW].id, &answer, e) < 0) {
            if (e->kind != E_INVALID || strcmp(e->field, "descriptor") != 0)
                return about(under_way[answered % WINDOW].item, e);
            *e = (struct err){0};
            under_way[answered % WINDOW].item->in_chunks = true;
            refused++;
        }
        answered++;
    }
    return refused ? send_all_chunks(u, true, e) : 0;
}

/* ---- contents that are given one by one ---- */

bool upload_wants(const struct upload *u, const char *sha256)
{
    const struct item key = {.sha256 = sha256};
    const struct item *found = bsearch(&key, u->items, u->count, sizeof key, by_digest);

    return found && found->missing && !found->given;
}

/* The oldest of those under way. */
static int settle(struct upload *u, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    struct under_way *w = &u->window[u->answered++ % WINDOW];
    AUTO_FD int fd = fd_take(&w->fd);

    if (client_wait(u->lab, w->id, &answer, e) == 0)
        return 0;
    if (e->kind != E_INVALID || strcmp(e->field, "descriptor") != 0)
        return about(w->item, e);
    *e = (struct err){0};
    if (lseek(fd, 0, SEEK_SET) < 0)
        return err_sys(e, NULL, NULL, "lseek");
    return send_fd_in_chunks(u, w->item, fd, e) < 0 ? about(w->item, e) : 0;
}

int upload_give(struct upload *u, const char *sha256, int given, struct err *e)
{
    AUTO_FD int fd = given;
    const struct item key = {.sha256 = sha256};
    struct item *item = bsearch(&key, u->items, u->count, sizeof key, by_digest);

    on_sent(u, u->sent, item->size_bytes);
    item->given = true;
    if (u->chunks) {
        u->sent++;
        u->answered++;
        return send_fd_in_chunks(u, item, fd, e) < 0 ? about(item, e) : 0;
    }
    if (u->sent - u->answered == WINDOW && settle(u, e) < 0)
        return -1;
    struct under_way *w = &u->window[u->sent % WINDOW];
    w->item = item;
    if (put_fd(u, item, fd, &w->id, e) < 0)
        return about(item, e);
    w->fd = fd_take(&fd);
    u->sent++;
    return 0;
}

static int send_given(struct upload *u, upload_feed *feed, void *ctx, struct err *e)
{
    bool any = false;
    int failed = 0;

    for (size_t i = 0; i < u->count; i++)
        any = any || (u->items[i].missing && u->items[i].entry);
    if (any)
        failed = feed(ctx, u, e);
    while (!failed && u->answered < u->sent)
        failed = settle(u, e);
    for (; u->answered < u->sent; u->answered++)
        fd_close_at(&u->window[u->answered % WINDOW].fd);
    if (failed)
        return -1;
    /* The manifest itself; and what was there when it was read and is not any more. */
    for (size_t i = 0; i < u->count; i++) {
        AUTO_FD int fd = -1;
        if (!u->items[i].missing || u->items[i].given)
            continue;
        if (u->items[i].entry) {
            (void)say_err(e, E_CONFLICT, NULL, T_NONE, T_FILE_CHANGED);
            return about(&u->items[i], e);
        }
        if (open_item(u, &u->items[i], &fd, e) < 0 ||
            upload_give(u, u->items[i].sha256, fd_take(&fd), e) < 0)
            return -1;
    }
    while (u->answered < u->sent)
        if (settle(u, e) < 0)
            return -1;
    return 0;
}

static int upload(struct cli *c, const struct snapshot *s, bool chunks, upload_feed *feed,
                  void *ctx, struct err *e)
{
    AUTO_FREE struct upload *u = mem_alloc(sizeof *u);

    u->s = s;
    u->chunks = chunks;
    u->term = &c->err;
    u->started_us = time_mono_us();
    if (cli_lab(c, &u->lab, e) < 0)
        return -1;
    list_items(u);
    int failed = 0;
    for (size_t from = 0; !failed && from < u->count; from += ASK_MAX)
        failed = ask(u, from, from + ASK_MAX < u->count ? from + ASK_MAX : u->count, e);
    if (!failed && feed)
        failed = send_given(u, feed, ctx, e);
    else if (!failed)
        failed = chunks ? send_all_chunks(u, false, e) : send_by_fd(u, e);
    wipe(u->shown);
    free(u->items);
    return failed;
}

int upload_given(struct cli *c, const struct snapshot *s, bool chunks, upload_feed *feed, void *ctx,
                 struct err *e)
{
    return upload(c, s, chunks, feed, ctx, e);
}

int upload_snapshot(struct cli *c, const struct snapshot *s, bool chunks, struct err *e)
{
    return upload(c, s, chunks, NULL, NULL, e);
}

void upload_tell(struct cli *c, enum text_id id, uint64_t bytes)
{
    if (!c->err.moves || bytes <= SLOW_BYTES)
        return;
    if (id == T_NONE)
        wipe(true);
    else
        show(&c->err, id, human_size_text(bytes), NULL);
}
