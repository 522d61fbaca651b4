/*
 * The detail of a usage event on its way into the ledger.
 *
 * Kept as it came, when it is a JSON object that the database can hold; only
 * what the tables have columns for is looked at.  A detail that is anything
 * else is replaced by {}: an event must be charged whatever it says.
 */
#ifndef CTL_DRAIN_DETAIL_H
#define CTL_DRAIN_DETAIL_H

#include <stdint.h>

#include "core/json.h"

struct ctl_detail {
    asg_str_t json;                     /* borrows, or "{}" */
    asg_str_t project;                  /* valid ids, or empty */
    asg_str_t key;                      /* a UUID, or empty */
    int64_t project_version;            /* 0: not told */
    int64_t held_nusd;                  /* of a replayed line; -1: not told */
};

/* `pins` name the project when the detail does not. */
void ctl_detail_read(asg_json_t *json, asg_str_t text, asg_str_t pins,
    struct ctl_detail *out);

#endif
