/*
 * The search for anchors, thirty-two bytes at once.  Private to guard_find.c
 * and guard_avx2.c.
 */
#ifndef ASG_GUARD_VECTOR_H
#define ASG_GUARD_VECTOR_H

#include <stdint.h>

#define ASG_GUARD_STEP   32
#define ASG_GUARD_BLOCK  (ASG_GUARD_STEP + 4)   /* bytes that a step reads */

/* Goes on from `*p` until a step has an anchor, or fewer bytes than a block are
 * left before `end`; the anchors at `*p` as bits, 0 in the latter case. */
typedef uint32_t (*asg_guard_seek_pt)(const char **p, const char *end);

#ifdef __x86_64__
uint32_t asg_guard_avx2_seek(const char **p, const char *end);
#endif

#endif
