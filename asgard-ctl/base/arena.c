/*
 * A bump allocator over a list of blocks.
 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#define BLOCK_BYTES 16384
#define ALIGNMENT   16

struct ctl_arena_block {
    struct ctl_arena_block *next;
    size_t size;
    size_t used;
    _Alignas(ALIGNMENT) char data[];
};


void
ctl_arena_init(struct ctl_arena *a, size_t max_bytes)
{
    memset(a, 0, sizeof(*a));
    a->max = max_bytes;
}


void
ctl_arena_reset(struct ctl_arena *a)
{
    struct ctl_arena_block *b, *next;

    for (b = a->blocks; b != NULL; b = next) {
        next = b->next;
        OPENSSL_cleanse(b->data, b->used);
        free(b);
    }
    ctl_arena_init(a, a->max);
}


static struct ctl_arena_block *
arena_grow(struct ctl_arena *a, size_t n)
{
    struct ctl_arena_block *b;
    size_t size = n > BLOCK_BYTES ? n : BLOCK_BYTES;

    if (a->used + size > a->max) {
        return NULL;
    }
    b = malloc(sizeof(*b) + size);
    if (b == NULL) {
        return NULL;
    }
    b->size = size;
    b->used = 0;
    b->next = a->blocks;
    a->blocks = b;
    a->used += size;

    return b;
}


void *
ctl_arena_alloc(struct ctl_arena *a, size_t n)
{
    struct ctl_arena_block *b = a->blocks;
    void *p;

    if (n > a->max) {
        a->failed = true;
        return NULL;
    }
    n = (n + ALIGNMENT - 1) & ~(size_t) (ALIGNMENT - 1);

    if (b == NULL || b->size - b->used < n) {
        b = arena_grow(a, n);
        if (b == NULL) {
            a->failed = true;
            return NULL;
        }
    }
    p = b->data + b->used;
    b->used += n;

    return memset(p, 0, n);
}


char *
ctl_arena_text(struct ctl_arena *a, const char *data, size_t len)
{
    char *p = len < SIZE_MAX ? ctl_arena_alloc(a, len + 1) : NULL;

    if (p != NULL && len != 0) {
        memcpy(p, data, len);
    }

    return p;
}


char *
ctl_arena_printf(struct ctl_arena *a, const char *fmt, ...)
{
    va_list ap;
    int n;
    char *p;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0) {
        a->failed = true;
        return NULL;
    }

    p = ctl_arena_alloc(a, (size_t) n + 1);
    if (p == NULL) {
        return NULL;
    }
    va_start(ap, fmt);
    vsnprintf(p, (size_t) n + 1, fmt, ap);
    va_end(ap);

    return p;
}


asg_str_t
ctl_arena_str(struct ctl_arena *a, asg_str_t s)
{
    char *p = ctl_arena_text(a, s.data, s.len);

    return p == NULL ? ASG_STR_NULL : (asg_str_t) {p, s.len};
}
