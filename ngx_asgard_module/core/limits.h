/*
 * Limits of a key or a project: requests and tokens of any 60 seconds, and
 * calls under way.  What they are, how they are said to the script `reserve`,
 * and what it answers (core/lua/part/limits.lua decides).
 *
 * Everything borrows: what is parsed lives as long as the reply.
 */
#ifndef ASG_LIMITS_H
#define ASG_LIMITS_H

#include <stdint.h>

#include "core/err.h"
#include "core/str.h"

#define ASG_LIMIT_MAX        1000000000  /* of any kind */
#define ASG_LIMITS_TEXT      40          /* "rpm tpm parallel" */
#define ASG_LIMIT_MARK       40          /* longest mark of a scope */
#define ASG_LIMIT_DURATION   24

typedef enum {
    ASG_LIMIT_REQUESTS,
    ASG_LIMIT_TOKENS,
    ASG_LIMIT_PARALLEL,
    ASG_LIMIT_COUNT
} asg_limit_kind_t;

/* All zero: there is none. */
typedef struct {
    int64_t most[ASG_LIMIT_COUNT];       /* 0: admits nothing */
    uint8_t set;                         /* 1 << kind: there is one */
} asg_limits_t;

bool asg_limits_has(const asg_limits_t *limits, asg_limit_kind_t kind);
/* False: out of range.  -1: none. */
bool asg_limits_put(asg_limits_t *limits, asg_limit_kind_t kind, int64_t most);
/* As the script reads them, `-` for none; NUL-terminated, its length. */
size_t asg_limits_text(const asg_limits_t *limits, char out[ASG_LIMITS_TEXT]);
/* "requests": static. */
const char *asg_limit_kind_name(asg_limit_kind_t kind);

/* What is left of the limits, of that scope which has least. */
typedef struct {
    bool limited;
    int64_t limit;
    int64_t left;
    int64_t resets_ms;                   /* all of it is there again */
} asg_limit_room_t;

typedef struct {
    asg_limit_room_t of[2];              /* requests, tokens */
} asg_limits_room_t;

/* "limit left resets_ms" of both, `-` where there is no limit. */
ASG_MUST_CHECK asg_err_t asg_limits_room(asg_str_t text,
    asg_limits_room_t *out);

/* OK pins expires room mark...: the marks of `scopes` scopes. */
ASG_MUST_CHECK asg_err_t asg_reply_limits(const asg_str_t *reply, size_t n,
    size_t scopes, asg_limits_room_t *room, asg_str_t *marks);

#define ASG_LIMIT_NEVER      (-1)        /* the call is above the limit */
#define ASG_LIMIT_UNKNOWN    (-2)        /* when a call ends */

/* RATE scope kind limit used retry_ms room */
typedef struct {
    asg_str_t scope;                     /* "p.<project id>", "k.<key id>" */
    asg_limit_kind_t kind;
    int64_t limit;
    int64_t used;
    int64_t retry_ms;
    asg_limits_room_t room;
} asg_reply_rate_t;

ASG_MUST_CHECK asg_err_t asg_reply_rate(const asg_str_t *reply, size_t n,
    asg_reply_rate_t *out);

/* As OpenAI writes it: "120ms", "7.66s", "1m0s"; NUL-terminated, its length. */
size_t asg_limit_duration(int64_t ms, char out[ASG_LIMIT_DURATION]);

#endif
