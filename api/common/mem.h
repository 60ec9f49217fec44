/*
 * mem.h - small allocations that cannot fail, release by scope, and arenas.
 *
 * Small fixed allocations abort on failure (recovery from a crash is tested). Sizes that come from
 * outside are bounded first, and use the _try forms.
 */
#ifndef ENCLOS_MEM_H
#define ENCLOS_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size_bytes);                 /* zeroed; aborts when memory is out */
void *mem_try(size_t size_bytes);                   /* zeroed; NULL when memory is out */
void *mem_grow(void *p, size_t count, size_t size); /* realloc of count*size, overflow checked; aborts */
char *mem_strdup(const char *s);                    /* NULL gives NULL */
char *mem_strndup(const char *s, size_t len);
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

void mem_free_at(void *pp); /* frees *(void **)pp and sets it to NULL */
#define AUTO_FREE __attribute__((cleanup(mem_free_at)))

/* Hands over what an AUTO_FREE variable owns: returns it and sets the variable to NULL. */
void *ptr_take_at(void *pp);
#define ptr_take(pp) ((__typeof__(*(pp)))ptr_take_at(pp))

/* Arena: allocations of one request, freed together. Not thread safe. */
struct arena;
struct arena *arena_new(void);

/* In memory of the caller's, zeroed, which outlives it; more than it holds aborts. For what two processes share. */
struct arena *arena_new_in(void *memory, size_t size_bytes);
void arena_free(struct arena *a); /* NULL is fine */
void *arena_alloc(struct arena *a, size_t size_bytes);
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t len);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
