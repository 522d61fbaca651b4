/*
 * What a reader of the catalog's files is tested with: an arena and the
 * findings of one reading, begun anew for each.
 */
#ifndef READING_H
#define READING_H

#include "base/arena.h"
#include "catalog/finding.h"

#define READING_BYTES  (64u * 1024 * 1024)

static struct ctl_arena arena;
static struct ctl_findings findings;

static int begin(void **state)
{
    (void) state;
    ctl_arena_reset(&arena);
    ctl_arena_init(&arena, READING_BYTES);
    ctl_findings_init(&findings, &arena);
    return 0;
}

static int end(void **state)
{
    (void) state;
    ctl_arena_reset(&arena);
    return 0;
}

#endif
