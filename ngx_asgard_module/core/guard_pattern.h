/*
 * A pattern of the operator's (PCRE2), looked for in bounded time.
 *
 * A match has less than ASG_GUARD_REACH bytes and is not empty; before its
 * first byte a pattern may look at ASG_PATTERN_BEHIND signs.  So a text may be
 * looked at in pieces, as with the other rules.
 *
 * PCRE2 goes back and tries again.  Its match limit bounds the steps of one
 * try, so a look says how many tries it is of and what each may take: many with
 * few steps, or one with all.  guard_set.h begins with the former, goes on to
 * the latter where it must, and bounds the sum, by steps and by time: so much
 * for a call, and so much more for each byte and pattern.  When either is used
 * up the search says so, and that rule is not asked again in this call: whoever
 * asked decides what an unfinished search means.
 *
 * A pattern belongs to whoever compiled it: memory comes by the context that it
 * was given, and asg_pattern_free() gives all back.  It is compiled before
 * workers are forked; each process has a copy of what a match writes to.
 */
#ifndef ASG_GUARD_PATTERN_H
#define ASG_GUARD_PATTERN_H

#include "core/guard.h"

#define ASG_PATTERN_MAX      1024       /* bytes of a pattern */
#define ASG_PATTERN_BEHIND   64         /* signs */
#define ASG_PATTERN_LIMIT    5000       /* steps of one try */
#define ASG_PATTERN_QUICK    40         /* of each one of many */
#define ASG_PATTERN_DEPTH    250
#define ASG_PATTERN_HEAP     256        /* KB */
#define ASG_PATTERN_STACK    262144     /* bytes of compiled code's stack */
#define ASG_PATTERN_SIZE     262144     /* bytes of a compiled pattern */
#define ASG_PATTERN_TIME_NS  20000000u
#define ASG_PATTERN_STEPS    1000000u
/* For each byte, and each pattern up to ten. */
#define ASG_PATTERN_BYTE_NS     25u
#define ASG_PATTERN_BYTE_STEPS  10u
#define ASG_PATTERN_RATES       10
#define ASG_PATTERN_WHY      160

/* What all patterns of a configuration share. */
typedef struct {
    void *general, *compile, *match, *stack, *data;
    void *(*alloc)(size_t size, void *data);
    void (*free)(void *block, void *data);
    void *of_alloc;
} asg_patterns_t;

typedef struct {
    void *code;
} asg_pattern_t;

typedef enum {
    ASG_PATTERN_NONE = 0,
    ASG_PATTERN_FOUND,
    ASG_PATTERN_PARTIAL,        /* the text ends within what may be a match */
    ASG_PATTERN_PASSED,         /* what began first is none; `from` is behind */
    ASG_PATTERN_GAVE_UP         /* a limit was hit */
} asg_pattern_result_t;

/* A look at the tries that begin in [from, to) of a text. */
typedef struct {
    asg_str_t text;
    size_t from, to;
    bool is_over;               /* nothing follows the text */
    uint32_t limit;             /* steps of one try */
    /* what was found */
    size_t start, end;
    uint64_t steps;             /* added to: what each try that was made alone
                                 * may have taken; those of many in a row are
                                 * no more than `limit` for each byte */
} asg_pattern_look_t;

/* `alloc`, `free` and `of_alloc` are the caller's.  False: no memory. */
bool asg_patterns_init(asg_patterns_t *all);
void asg_patterns_free(asg_patterns_t *all);
/* SYNTAX: `why` says what is wrong with it, in a line. */
ASG_MUST_CHECK asg_err_t asg_pattern_compile(const asg_patterns_t *all,
    asg_str_t text, bool caseless, asg_pattern_t *out,
    char why[ASG_PATTERN_WHY]);
void asg_pattern_free(asg_pattern_t *pattern);

/* The first match that begins in [from, to): FOUND, NONE, PASSED, GAVE_UP. */
asg_pattern_result_t asg_pattern_find(const asg_patterns_t *all,
    const asg_pattern_t *pattern, asg_pattern_look_t *look);
/* The first place there where a match begins (FOUND), or may begin if the text
 * goes on (PARTIAL); NONE or GAVE_UP. */
asg_pattern_result_t asg_pattern_settled(const asg_patterns_t *all,
    const asg_pattern_t *pattern, asg_pattern_look_t *look);

#endif
