/*
 * Memory of one request or job: allocated in pieces, freed at once.
 *
 * A pointer got from an arena is borrowed until ctl_arena_reset().  An arena
 * has a maximum; beyond it, or when the system has none, NULL is returned and
 * the arena remembers (`failed`), so that a caller may check once at the end.
 */
#ifndef CTL_ARENA_H
#define CTL_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "core/str.h"

struct ctl_arena {
    struct ctl_arena_block *blocks;
    size_t used;
    size_t max;
    bool failed;
};

void ctl_arena_init(struct ctl_arena *a, size_t max_bytes);
void ctl_arena_reset(struct ctl_arena *a);      /* keeps nothing, wipes */
void *ctl_arena_alloc(struct ctl_arena *a, size_t n);   /* zeroed */
char *ctl_arena_text(struct ctl_arena *a, const char *data, size_t len);
char *ctl_arena_printf(struct ctl_arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
asg_str_t ctl_arena_str(struct ctl_arena *a, asg_str_t s);

#endif
