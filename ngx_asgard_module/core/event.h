/*
 * The detail of a usage event and the line of the witness file, as the module
 * writes them (docs/formats.md, "Usage event").
 *
 * asgard-ctl keeps a detail as the JSON that it is, and reads of it what the
 * ledger needs (asgard-ctl/meter/drain_detail.c).
 *
 * A token count of -1 was not measured and is left out.
 */
#ifndef ASG_EVENT_H
#define ASG_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "core/json.h"
#include "core/money.h"
#include "core/str.h"

#define ASG_EVENT_FORMAT    1
#define ASG_EVENT_DETAIL    2048
#define ASG_EVENT_VERDICTS  640
#define ASG_EVENT_LINE      4096

typedef enum {
    ASG_FLAG_ESTIMATED  = 1 << 0,
    ASG_FLAG_OVERSHOOT  = 1 << 1,
    ASG_FLAG_RESENT     = 1 << 2,
    ASG_FLAG_CLIENT_GONE = 1 << 3,
    ASG_FLAG_CUT        = 1 << 4,
    ASG_FLAG_NO_USAGE   = 1 << 5,
    ASG_FLAG_BAD_USAGE  = 1 << 6,
    ASG_FLAG_DEAD_WORKER = 1 << 7
} asg_flag_t;

#define ASG_FLAG_COUNT 8

typedef struct {
    asg_str_t call, trace, project, key, prefix, model, requested, card;
    asg_str_t group;                    /* of the project; null: none */
    asg_str_t end_user;                 /* end_user.h; null: not said */
    uint64_t project_version, card_version;
    asg_str_t provider, endpoint;       /* before the end: where it goes */
    asg_str_t verdicts;                 /* of guardrails; null: none */
    asg_str_t fail_mode;                /* by which it was let in without
                                         * Redis; null: Redis let it in */
    /* of a settled call */
    bool settled;
    asg_str_t upstream_id;
    int64_t prompt, completion, cached, cache_write, reasoning;
    int64_t cache_write_1h, audio_in, audio_out;
    int64_t status, latency_ms, ttft_ms;
    unsigned flags;
} asg_event_t;

typedef struct {
    asg_event_t event;
    asg_str_t hold, pins, verb, verdict;
    /* writing only: `event` as asg_event_write() gave it, whose members are
     * copied then; null: they are written anew */
    asg_str_t detail;
    uint64_t epoch;
    unsigned partition;
    asg_nusd_t amount_nusd;
    asg_nusd_t held_nusd;
    int64_t at_ms;
} asg_spool_line_t;

/* RANGE, or SPACE: does not fit, or is longer than its maximum. */
ASG_MUST_CHECK asg_err_t asg_event_write(asg_buf_t *out, const asg_event_t *e);
/* Strings borrow from `text`, or from `scratch` when they were escaped. */
ASG_MUST_CHECK asg_err_t asg_event_read(asg_json_t *json, asg_str_t text,
    asg_buf_t *scratch, asg_event_t *out);
/* With its newline. */
ASG_MUST_CHECK asg_err_t asg_spool_write(asg_buf_t *out,
    const asg_spool_line_t *line);
ASG_MUST_CHECK asg_err_t asg_spool_read(asg_json_t *json, asg_str_t text,
    asg_buf_t *scratch, asg_spool_line_t *out);
/* Does the detail of a hold or an event say that a fail mode let it in? */
bool asg_event_is_alone(asg_str_t detail);
const char *asg_flag_name(unsigned bit_index);

#endif
