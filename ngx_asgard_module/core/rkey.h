/*
 * Names of Redis keys: the only place that builds one (docs/formats.md).
 *
 * Each function writes a NUL-terminated name into `out` and returns its length;
 * an id or partition outside its grammar gives the empty name and 0.
 */
#ifndef ASG_RKEY_H
#define ASG_RKEY_H

#include <stdint.h>

#include "core/str.h"

#define ASG_RKEY_MAX       160
#define ASG_PARTITIONS     16
#define ASG_ID_MAX         64           /* project, key, budget, hold ids */
#define ASG_BUDGET_SHORT   18           /* "g." and 16 hex: what budgets are
                                         * called whose scope has a long name */

#define ASG_RKEY_HEAD          "{asg}:"
#define ASG_RKEY_KEY_HEAD      ASG_RKEY_HEAD "key:"
#define ASG_RKEY_PROJECT_HEAD  ASG_RKEY_HEAD "project:"

#define ASG_RKEY_CATALOG   "{asg}:catalog"
#define ASG_RKEY_CHANGES   "asg:changes"
#define ASG_RKEY_LISTENER  "asg:worker:"        /* a channel per worker */
#define ASG_RKEY_VERSIONS  "{asg}:ver"
#define ASG_RKEY_FILLED    "{asg}:filled"
#define ASG_RKEY_WORKERS   "{asg}:workers"
#define ASG_RKEY_SENT      "{asg}:sent"
#define ASG_RKEY_DOUBT     "{asg}:doubt"
#define ASG_RKEY_REFUSED   "{asg}:refused"

size_t asg_rkey_key(char out[ASG_RKEY_MAX], asg_str_t pepper_id,
    const uint8_t digest[32]);
size_t asg_rkey_project(char out[ASG_RKEY_MAX], asg_str_t project_id);
size_t asg_rkey_meta(char out[ASG_RKEY_MAX], unsigned part);
size_t asg_rkey_budget(char out[ASG_RKEY_MAX], unsigned part, asg_str_t budget);
/* Who is held by the default budget of a project's end users. */
size_t asg_rkey_users(char out[ASG_RKEY_MAX], unsigned part,
    asg_str_t default_budget);
/* Rates and open calls of a scope with limits: "p." or "k." and an id. */
size_t asg_rkey_rates(char out[ASG_RKEY_MAX], unsigned part, asg_str_t scope);
size_t asg_rkey_open(char out[ASG_RKEY_MAX], unsigned part, asg_str_t scope);
size_t asg_rkey_hold(char out[ASG_RKEY_MAX], unsigned part, asg_str_t hold);
size_t asg_rkey_expiry(char out[ASG_RKEY_MAX], unsigned part);
size_t asg_rkey_stream(char out[ASG_RKEY_MAX], unsigned part, uint64_t epoch);
size_t asg_rkey_told(char out[ASG_RKEY_MAX], unsigned part, uint64_t epoch);

/* `[A-Za-z0-9._-]{1,64}`: the grammar of an id that is part of a key. */
bool asg_id_is_valid(asg_str_t id);
/* Partition of a project: FNV-1a 64 of its group, else its id, modulo 16. */
unsigned asg_partition_of(asg_str_t group_or_project);

#endif
