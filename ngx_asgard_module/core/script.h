/*
 * The Redis scripts of the money protocol: their text, and their replies.
 *
 * The scripts are the files of core/lua/, embedded by scripts/embed-lua; the
 * header of each file is its contract.  A reply is an array of strings whose
 * first is the verdict; the functions below read an array that the caller
 * took out of its Redis client.  Everything borrows: the texts live for ever,
 * what is parsed lives as long as the reply.  A reply that does not have the
 * promised shape is SYNTAX and must be treated like a lost reply.
 *
 * What comes back as a Redis *error* is not a verdict: asg_script_error() names
 * it, and asg_script_error_is_clean() says whether the script surely wrote
 * nothing.  After NOSCRIPT: compare the run id of the connection, load, retry
 * once with the same id.
 */
#ifndef ASG_SCRIPT_H
#define ASG_SCRIPT_H

#include <stdint.h>

#include "core/err.h"
#include "core/money.h"
#include "core/str.h"

#define ASG_SCRIPT_SHA_CHARS   40
#define ASG_SCRIPT_REPLY_MAX   8        /* strings of the longest reply */
#define ASG_SCRIPT_BUDGETS_MAX 16       /* of one hold */
#define ASG_SCRIPT_PINS_BYTES  16384    /* longest pins a script accepts */
#define ASG_SCRIPT_DETAIL_BYTES 2048    /* longest detail a script accepts */
#define ASG_SCRIPT_BUDGET_CHARS 66      /* "p." or "k." and an id */
#define ASG_SCRIPT_WINDOW_CHARS 16
#define ASG_SCRIPT_RUN_ID_CHARS 40

typedef enum {
    ASG_SCRIPT_RESERVE = 0,
    ASG_SCRIPT_FINISH,
    ASG_SCRIPT_EXTEND,
    ASG_SCRIPT_APPLY,
    ASG_SCRIPT_SEED,
    ASG_SCRIPT_PUBLISH,
    ASG_SCRIPT_BEAT,
    ASG_SCRIPT_RELEASE,
    ASG_SCRIPT_COUNT
} asg_script_t;

/* The whole file, its first line the `#!lua` that EVAL and SCRIPT LOAD need. */
asg_str_t asg_script_text(asg_script_t s);
/* SHA-1 of the text as 40 lower-case hex digits: the name for EVALSHA. */
asg_str_t asg_script_sha(asg_script_t s);
/* "reserve": the file's name without its folder and ending. */
asg_str_t asg_script_name(asg_script_t s);

typedef enum {
    ASG_VERDICT_UNKNOWN = 0,    /* no verdict that we know */
    ASG_VERDICT_OK,
    ASG_VERDICT_DUP,            /* done already, with the same amount */
    ASG_VERDICT_OVER,           /* a limit is reached: asg_reply_over */
    ASG_VERDICT_RATE,           /* a limit of calls: asg_reply_rate, limits.h */
    ASG_VERDICT_UNSEEDED,       /* a counter is missing: 503, never 0 */
    ASG_VERDICT_GONE,           /* no such open hold; or voided before */
    ASG_VERDICT_CLOSED,         /* the partition is closed or adopting */
    ASG_VERDICT_FENCE,          /* another epoch or run id: asg_reply_fence */
    ASG_VERDICT_BACKLOG,        /* the usage stream has no room */
    ASG_VERDICT_CLOCK,          /* Redis' clock went back, or not_after */
    ASG_VERDICT_IDREUSE,        /* the id is open with another amount */
    ASG_VERDICT_ARG,            /* an argument is not of its grammar */
    ASG_VERDICT_LATE,           /* no open hold; the event was written */
    ASG_VERDICT_LIVE,           /* not yet expired: asg_reply_live */
    ASG_VERDICT_KEYS,           /* KEYS are not those of the hold's pins */
    ASG_VERDICT_GAP,            /* a correction is out of sequence */
    ASG_VERDICT_BEHIND,         /* the ledger must read on first */
    ASG_VERDICT_STALE,          /* a lower leader token than the stored */
    ASG_VERDICT_STATE,          /* not allowed in the partition's state */
    ASG_VERDICT_OTHER,          /* the hold is not the one that is meant */
    ASG_VERDICT_OLD,            /* a version not above the stored one */
    ASG_VERDICT_CROWDED         /* no place for one more end user */
} asg_verdict_t;

asg_verdict_t asg_verdict_parse(asg_str_t word);
/* The word itself; "UNKNOWN" for any other value.  Static. */
const char *asg_verdict_text(asg_verdict_t verdict);

/* Verdict of a whole reply: UNKNOWN when `n` is 0. */
asg_verdict_t asg_reply_verdict(const asg_str_t *reply, size_t n);

/* OVER budget w limit spent held reset [zone] */
typedef struct {
    asg_str_t budget;           /* "p.<project id>" or "k.<key id>" */
    asg_str_t window;           /* "1h", "total" */
    bool unlimited;             /* the sum would pass ASG_NUSD_MAX */
    asg_nusd_t limit_nusd;      /* 0 when unlimited */
    asg_nusd_t spent_nusd;
    asg_nusd_t held_nusd;
    int64_t resets_at_s;        /* first second of the next window; 0: never */
    asg_str_t zone;             /* whose days the window follows; "UTC" */
} asg_reply_over_t;

/* OK pins expires [room mark...], DUP pins expires (reserve); limits.h reads
 * what comes after. */
typedef struct {
    asg_str_t pins;
    int64_t expires_s;
} asg_reply_hold_t;

ASG_MUST_CHECK asg_err_t asg_reply_over(const asg_str_t *reply, size_t n,
    asg_reply_over_t *out);
ASG_MUST_CHECK asg_err_t asg_reply_hold(const asg_str_t *reply, size_t n,
    asg_reply_hold_t *out);
/* "<ms>-<seq>", the id of an event in a stream. */
ASG_MUST_CHECK asg_err_t asg_stream_id_parse(asg_str_t text, uint64_t *ms,
    uint64_t *seq);
/* OK stream-id, LATE stream-id, GONE stream-id (finish): what the ledger must
 * have so that the hold's end is in it. */
ASG_MUST_CHECK asg_err_t asg_reply_event(const asg_str_t *reply, size_t n,
    asg_str_t *stream_id);
/* OK expires (extend), LIVE expires (finish x). */
ASG_MUST_CHECK asg_err_t asg_reply_expires(const asg_str_t *reply, size_t n,
    int64_t *expires_s);

/* FENCE stored.  MISSING: the server holds no fence (nothing was seeded). */
typedef struct {
    uint64_t epoch;
    asg_str_t run_id;
} asg_fence_t;

ASG_MUST_CHECK asg_err_t asg_reply_fence(const asg_str_t *reply, size_t n,
    asg_fence_t *out);
/* "epoch:run_id"; the epoch is at least 1, the run id 40 lower-case hex. */
ASG_MUST_CHECK asg_err_t asg_fence_parse(asg_str_t text, asg_fence_t *out);

typedef enum {
    ASG_SCRIPT_ERROR_OTHER = 0,
    ASG_SCRIPT_ERROR_NOSCRIPT,  /* not loaded */
    ASG_SCRIPT_ERROR_BUSY,      /* another script runs too long */
    ASG_SCRIPT_ERROR_OOM,
    ASG_SCRIPT_ERROR_READONLY,  /* a replica: close the connection */
    ASG_SCRIPT_ERROR_LOADING,
    ASG_SCRIPT_ERROR_MASTERDOWN,
    ASG_SCRIPT_ERROR_MISCONF,   /* the server cannot persist */
    ASG_SCRIPT_ERROR_NOREPLICAS,
    ASG_SCRIPT_ERROR_NOAUTH,
    ASG_SCRIPT_ERROR_NOPERM
} asg_script_error_t;

/* Of the text of an error reply, without its leading '-'. */
asg_script_error_t asg_script_error(asg_str_t text);
/* True when the error proves that the script wrote nothing.  False for OTHER,
 * and for every error that was raised inside a running script: treat those
 * like a lost reply. */
bool asg_script_error_is_clean(asg_str_t text);

#endif
