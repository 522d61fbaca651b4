/*
 * What whole answers and streams of Anthropic's Messages API have in common on
 * their way to OpenAI's shape: why an answer ended, and its usage.
 *
 * Private to core/.
 */
#ifndef ASG_ANTHROPIC_SHAPE_H
#define ASG_ANTHROPIC_SHAPE_H

#include "core/json.h"
#include "core/sink.h"

/* The numbers of a usage object. */
typedef enum {
    ASG_ANTHROPIC_INPUT = 0,    /* neither read from a cache nor written */
    ASG_ANTHROPIC_OUTPUT,
    ASG_ANTHROPIC_READ,         /* from a cache */
    ASG_ANTHROPIC_WRITE,        /* into one; both tiers */
    ASG_ANTHROPIC_WRITE_5M,
    ASG_ANTHROPIC_WRITE_1H,
    ASG_ANTHROPIC_COUNTS
} asg_anthropic_count_t;

typedef struct {
    int64_t tokens[ASG_ANTHROPIC_COUNTS];
    unsigned seen;              /* bit 1 << asg_anthropic_count_t */
    bool is_bad;                /* something was no count */
} asg_anthropic_usage_t;

/* The JSON object that the text is; a null string: it is none.  A member may
 * stand twice in what a provider says: the first counts, for what is passed on
 * is written anew. */
asg_str_t asg_anthropic_object(asg_json_t *json, uint64_t seed,
    asg_str_t text);

/* `stop_reason`, raw, as a finish_reason; what is not known is "stop". */
const char *asg_anthropic_finish_reason(asg_str_t stop_reason);

/* Takes the numbers of the `usage` that the object has; a later one replaces an
 * earlier.  What stands twice is no count. */
void asg_anthropic_usage_read(asg_anthropic_usage_t *usage, asg_str_t object);
/* Was any told, and can asg_anthropic_usage_write() say it? */
bool asg_anthropic_usage_is_told(const asg_anthropic_usage_t *usage);
/* OpenAI's usage object; what cannot be true, or lacks a side, is written as an
 * empty one, which the meter takes for bad; nothing seen: null. */
void asg_anthropic_usage_write(asg_sink_t *out,
    const asg_anthropic_usage_t *usage);

#endif
