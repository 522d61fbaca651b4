
/*
 * The journal: one fixed slot of shared memory for every call that has a hold,
 * or that ended and is not yet in the ledger.
 *
 * Whether a slot is in use, in what state and by whom is one word: the
 * generation of the owning worker << 8 | state.  Only the owner writes a slot;
 * any worker may free one that is DONE.  When the owner's process is gone, a
 * sibling takes the word by compare-and-swap and is the owner then.  Fields
 * are written before the word moves on, so a killed owner leaves a slot that
 * is right for its state.
 *
 *   FREE -> FILLING -> ASKED -> HELD -> SENT -> ENDED -> DONE -> FREE
 *                                           \-> LEFT --/
 *
 * ASKED: reserve was sent.  HELD: Redis granted it.  SENT: a provider may have
 * begun to work.  ENDED: verb and amount stand, Redis must be told.  DONE:
 * Redis has it under a stream id, kept until the ledger has it too.  LEFT:
 * the outcome is unknown and the hold expires; from then on as ENDED, with the
 * verb x, because a Redis that loses its data loses the hold too.
 */

#ifndef _NGX_HTTP_ASGARD_JOURNAL_H_INCLUDED_
#define _NGX_HTTP_ASGARD_JOURNAL_H_INCLUDED_


#include "ngx_http_asgard_shm.h"


#define NGX_HTTP_ASGARD_SLOT_BUDGETS  192       /* "p.<id>,k.<id>,g.<hex>" */
#define NGX_HTTP_ASGARD_SLOT_PINS     1360
#define NGX_HTTP_ASGARD_SCOPES        2         /* with limits: project, key */


typedef enum {
    NGX_HTTP_ASGARD_SLOT_FREE = 0,
    NGX_HTTP_ASGARD_SLOT_FILLING,
    NGX_HTTP_ASGARD_SLOT_ASKED,
    NGX_HTTP_ASGARD_SLOT_HELD,
    NGX_HTTP_ASGARD_SLOT_SENT,
    NGX_HTTP_ASGARD_SLOT_ENDED,
    NGX_HTTP_ASGARD_SLOT_DONE,
    NGX_HTTP_ASGARD_SLOT_LEFT
} ngx_http_asgard_slot_state_e;


struct ngx_http_asgard_slot_s {
    /* the hold */
    u_char                     hold[NGX_HTTP_ASGARD_HOLD_MAX];
    u_short                    hold_len;
    u_short                    budgets_len;
    u_short                    pins_len;
    u_short                    detail_len;
    u_short                    share;           /* whose, of share.h */
    asg_nusd_t                 held_nusd;
    uint64_t                   epoch;           /* of the last word of Redis */
    ngx_uint_t                 part;
    time_t                     expires;         /* as Redis said */

    /* for the estimate of a call whose worker is gone */
    asg_rates_t                rates;
    int64_t                    prompt_estimate; /* tokens */
    int64_t                    output_bound;    /* tokens */
    uint64_t                   content_bytes;
    ngx_uint_t                 answered;        /* bytes of an answer came */
    ngx_uint_t                 said;            /* 1 + which of the two is the
                                                 * last good usage; 0: none */
    asg_tokens_t               tokens[2];

    /* the outcome */
    u_char                     verb;            /* s, e, v, x */
    u_char                     fail_mode;       /* that let it in; closed: Redis
                                                 * did; see alone.h */
    u_char                     untold;          /* Redis does not know of it */
    asg_nusd_t                 amount_nusd;
    union {
        uint64_t               stream_ms;       /* of the event in Redis */
        asg_nusd_t             alone_nusd;      /* while it is untold: what it
                                                 * counts */
    };
    uint64_t                   stream_seq;

    /* the limits that count it; see limits.h */
    u_char                     limited;         /* 1 << scope; 0: none */
    u_char                     parallel;        /* 1 << scope: has a place */
    u_char                     marks_len[NGX_HTTP_ASGARD_SCOPES];
    u_short                    names_len;       /* of budgets: with the key at
                                                 * the end, if it has none */
    int64_t                    tokens_used;     /* -1: as reserved */

    /* of the owning process alone */
    ngx_http_asgard_ctx_t     *ctx;             /* NULL: request is gone */
    ngx_msec_t                 due;             /* next extend or retry */
    ngx_uint_t                 tries;
    uint64_t                   told_epoch;      /* of the announcement */
    unsigned                   asking:1;        /* a command is under way */
    unsigned                   gone:1;          /* the hold expired in Redis */
    unsigned                   telling:1;       /* is being announced */
    unsigned                   retold:1;        /* Redis may have its end */

    u_char                     budgets[NGX_HTTP_ASGARD_SLOT_BUDGETS];
    union {
        u_char                 marks[NGX_HTTP_ASGARD_SCOPES][ASG_LIMIT_MARK];
        u_char                 users[ASG_BUDGET_SHORT + 1]; /* until Redis has
                                                 * the hold: the default of its
                                                 * end user; "": none */
    };
    u_char                     pins[NGX_HTTP_ASGARD_SLOT_PINS];
    u_char                     detail[ASG_EVENT_DETAIL];
};


typedef void (*ngx_http_asgard_journal_pt)(ngx_http_asgard_slot_t *slot,
    ngx_uint_t state);


typedef ngx_int_t (*ngx_http_asgard_journal_until_pt)(
    ngx_http_asgard_slot_t *slot, ngx_uint_t state);


void ngx_http_asgard_journal_format(ngx_http_asgard_zone_t *zone);

/* A slot of this worker in FILLING, zeroed up to its texts and with an id of
 * its own; NULL when all are in use, or as many by `share` as it may have. */
ngx_http_asgard_slot_t *ngx_http_asgard_journal_take(ngx_uint_t share);
ngx_uint_t ngx_http_asgard_journal_state(ngx_http_asgard_slot_t *slot);
/* By the owner only. FREE gives the slot back. */
void ngx_http_asgard_journal_move(ngx_http_asgard_slot_t *slot,
    ngx_http_asgard_slot_state_e state);

/* DONE -> ENDED of a slot of this worker, or LEFT when its verb is x;
 * NGX_DECLINED: it was freed. */
ngx_int_t ngx_http_asgard_journal_reopen(ngx_http_asgard_slot_t *slot);

/* All slots, and how many are in use. */
ngx_uint_t ngx_http_asgard_journal_slots(void);
ngx_uint_t ngx_http_asgard_journal_used(void);

/* Every slot of this worker that is in use, but those that are DONE under the
 * epoch that counts: only the ledger has to be awaited for them. */
void ngx_http_asgard_journal_each(ngx_http_asgard_journal_pt handler);
/* The same from slot *at on, once around, until the handler says NGX_BUSY;
 * then *at is the slot that it said so of, and so does the function. */
ngx_int_t ngx_http_asgard_journal_from(ngx_uint_t *at,
    ngx_http_asgard_journal_until_pt handler);
/* Takes every slot whose owner is gone and shows it to `handler`. */
void ngx_http_asgard_journal_inherit(ngx_http_asgard_journal_pt handler);
/* Every slot of the workers `owners` that is in use: where it stands, and its
 * state.  They may move on meanwhile. */
void ngx_http_asgard_journal_theirs(const ngx_atomic_uint_t *owners,
    ngx_uint_t n, ngx_http_asgard_journal_pt handler);
/* A copy of another worker's slot, right for the state that is returned; FREE:
 * it has moved on meanwhile.  Its owner's own fields are not. */
ngx_uint_t ngx_http_asgard_journal_copy(ngx_http_asgard_slot_t *slot,
    ngx_http_asgard_slot_t *copy);
/* Where it stands among all. */
ngx_uint_t ngx_http_asgard_journal_index(ngx_http_asgard_slot_t *slot);
ngx_http_asgard_slot_t *ngx_http_asgard_journal_at(ngx_uint_t index);
/* The ledger has the events of the partition's epoch up to this one. */
void ngx_http_asgard_journal_durable(ngx_uint_t part, uint64_t epoch,
    uint64_t ms, uint64_t seq);
/* DONE slots of all workers are freed whose event the ledger has, by what was
 * said since the last sweep. */
void ngx_http_asgard_journal_sweep(void);


#endif /* _NGX_HTTP_ASGARD_JOURNAL_H_INCLUDED_ */
