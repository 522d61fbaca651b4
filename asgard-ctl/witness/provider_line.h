/*
 * One line of what `asgard-ctl evidence` reads (docs/formats.md, "A provider's
 * record"): strict, whoever exported it.  Nothing is skipped, nothing guessed.
 */
#ifndef CTL_PROVIDER_LINE_H
#define CTL_PROVIDER_LINE_H

#include "core/json.h"
#include "core/money.h"
#include "core/price.h"

#define CTL_PROVIDER_LINE   1024
#define CTL_PROVIDER_COUNTS 8

struct ctl_provider_line {
    asg_str_t hold, rid;                /* the call, by one of them */
    asg_str_t source;
    asg_nusd_t amount_nusd;             /* -1: not said */
    int64_t counts[CTL_PROVIDER_COUNTS];        /* -1: not said */
    bool overshoot;
};

/* False: *why, static.  Texts borrow from `text`. */
bool ctl_provider_line_read(asg_json_t *json, asg_str_t text,
    struct ctl_provider_line *out, const char **why);
/* Did it count tokens? */
bool ctl_provider_line_has_tokens(const struct ctl_provider_line *line);
/* What it counted; 0 of what it did not. */
void ctl_provider_line_tokens(const struct ctl_provider_line *line,
    asg_tokens_t *out);
/* The members of a detail that say the same, each with a comma before it. */
void ctl_provider_line_put(asg_buf_t *out,
    const struct ctl_provider_line *line);

#endif
