/*
 * mem.c - allocations that cannot fail, and arenas.
 *
 * Not for a forked child between clone and exec: this is malloc.
 */
#include "api/common/mem.h"

#include <assert.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void out_of_memory(void)
{
    static const char text[] = "enclos: out of memory\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);

    (void)ignored; /* nothing is left to do about it */
    abort();
}

void *mem_try(size_t size_bytes)
{
    return calloc(1, size_bytes ? size_bytes : 1);
}

void *mem_alloc(size_t size_bytes)
{
    void *p = mem_try(size_bytes);

    if (!p)
        out_of_memory();
    return p;
}

void *mem_grow(void *p, size_t count, size_t size)
{
    size_t total;

    if (__builtin_mul_overflow(count, size, &total))
        out_of_memory();
    /* realloc(p, 0) would free p and return NULL. */
    p = realloc(p, total ? total : 1);
    if (!p)
        out_of_memory();
    return p;
}

char *mem_strndup(const char *s, size_t len)
{
    char *copy;

    if (!s)
        return NULL;
    len = strnlen(s, len);
    copy = mem_alloc(len + 1);
    memcpy(copy, s, len);
    return copy;
}

char *mem_strdup(const char *s)
{
    return s ? mem_strndup(s, strlen(s)) : NULL;
}

char *mem_printf(const char *fmt, ...)
{
    char *out = NULL;
    va_list ap;

    va_start(ap, fmt);
    int len = vasprintf(&out, fmt, ap);
    va_end(ap);
    if (len < 0)
        out_of_memory();
    return out;
}

/* memcpy, because *pp has the type of some other pointer: reading it as void * is not C. */
void *ptr_take_at(void *pp)
{
    void *p;
    void *none = NULL;

    memcpy(&p, pp, sizeof p);
    memcpy(pp, &none, sizeof none);
    return p;
}

void mem_free_at(void *pp)
{
    free(ptr_take_at(pp));
}

/* An arena is a list of chunks; small pieces are cut from the newest, a big piece has its own
 * chunk, put behind the newest so that what is left there stays in use. */
struct chunk {
    struct chunk *next;
    size_t size;
    size_t used;
    alignas(max_align_t) unsigned char bytes[];
};

struct arena {
    struct chunk *newest;
    bool fixed; /* stands in memory that was given: neither grows nor is freed */
};

enum { CHUNK_FIRST_BYTES = 4096, CHUNK_MOST_BYTES = 128 << 10 };

struct arena *arena_new(void)
{
    return mem_alloc(sizeof(struct arena));
}

struct arena *arena_new_in(void *memory, size_t size_bytes)
{
    const size_t head = (sizeof(struct arena) + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    assert((uintptr_t)memory % alignof(max_align_t) == 0 && size_bytes > head + sizeof(struct chunk));
    struct arena *a = memory;
    struct chunk *c = (struct chunk *)(void *)((unsigned char *)memory + head);
    *c = (struct chunk){.size = size_bytes - head - sizeof *c};
    *a = (struct arena){.newest = c, .fixed = true};
    return a;
}

void arena_free(struct arena *a)
{
    struct chunk *next;

    if (!a || a->fixed)
        return;
    for (struct chunk *c = a->newest; c; c = next) {
        next = c->next;
        free(c);
    }
    free(a);
}

static struct chunk *chunk_new(size_t size)
{
    size_t total;

    if (__builtin_add_overflow(size, sizeof(struct chunk), &total))
        out_of_memory();
    struct chunk *c = mem_alloc(total);
    c->size = size;
    return c;
}

void *arena_alloc(struct arena *a, size_t size_bytes)
{
    const size_t align = alignof(max_align_t);
    struct chunk *c = a->newest;

    if (size_bytes > SIZE_MAX - align)
        out_of_memory();
    size_t size = size_bytes ? (size_bytes + align - 1) & ~(align - 1) : align;
    if (c && c->size - c->used >= size) {
        void *p = c->bytes + c->used;
        c->used += size;
        return p;
    }
    if (a->fixed)
        out_of_memory();
    size_t usual = c ? c->size * 2 : CHUNK_FIRST_BYTES;
    if (usual > CHUNK_MOST_BYTES)
        usual = CHUNK_MOST_BYTES;
    struct chunk *fresh = chunk_new(size > usual / 4 ? size : usual);
    fresh->used = size;
    if (c && fresh->size == size) {
        fresh->next = c->next;
        c->next = fresh;
    } else {
        fresh->next = c;
        a->newest = fresh;
    }
    return fresh->bytes;
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
    char *copy;

    if (!s)
        return NULL;
    len = strnlen(s, len);
    copy = arena_alloc(a, len + 1);
    memcpy(copy, s, len);
    copy[len] = '\0';
    return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap, again;

    va_start(ap, fmt);
    va_copy(again, ap);
    int len = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    assert(len >= 0);
    char *out = arena_alloc(a, (size_t)len + 1);
    vsnprintf(out, (size_t)len + 1, fmt, again);
    va_end(again);
    return out;
}
