/*
 * Trace ids: the client's when it is `[A-Za-z0-9._-]{1,64}`, else ours,
 * `tr_` + 32 hex from 16 random bytes.  And the trace context of the W3C, which
 * a client may have passed on: https://www.w3.org/TR/trace-context/.
 */
#ifndef ASG_TRACE_H
#define ASG_TRACE_H

#include <stdint.h>

#include "core/str.h"

#define ASG_TRACE_MAX       64
#define ASG_TRACEPARENT_LEN 55

bool asg_trace_is_valid(asg_str_t text);
/* A `traceparent` of version 00: version, trace id, parent id and flags in
 * lower hex, the ids not all zero. */
bool asg_traceparent_is_valid(asg_str_t text);
size_t asg_trace_make(const uint8_t random[16], char out[ASG_TRACE_MAX + 1]);

#endif
