
/*
 * Who is silent, what of theirs Redis must be told, and the word that it was.
 */

#include "ngx_http_asgard_adopt.h"
#include "ngx_http_asgard_head.h"
#include "ngx_http_asgard_pace.h"
#include "ngx_http_asgard_settle.h"
#include "ngx_http_asgard_sibling.h"


static struct {
    uint64_t                  *told;        /* epoch, of each slot */
    uint64_t                  *saying;      /* ... that is under way; 0: none */

    ngx_uint_t                 n;
    ngx_atomic_uint_t          owners[NGX_HTTP_ASGARD_WORKERS_MAX];
    ngx_http_asgard_worker_t  *silent[NGX_HTTP_ASGARD_WORKERS_MAX];
    ngx_uint_t                 behind[ASG_PARTITIONS];

    /* of each silent one: whose, and the epoch that it was said under */
    ngx_atomic_uint_t          said_of[NGX_HTTP_ASGARD_WORKERS_MAX];
    uint64_t                   said[NGX_HTTP_ASGARD_WORKERS_MAX]
                                   [ASG_PARTITIONS];
} ngx_http_asgard_sibling;


/* Room for an epoch of each slot, from the first silent worker on. */
static ngx_int_t
ngx_http_asgard_sibling_begin(void)
{
    ngx_uint_t  n;

    if (ngx_http_asgard_sibling.told) {
        return NGX_OK;
    }

    n = ngx_http_asgard_journal_slots();
    ngx_http_asgard_sibling.told = ngx_calloc(2 * n * sizeof(uint64_t),
                                              ngx_cycle->log);
    if (ngx_http_asgard_sibling.told == NULL) {
        return NGX_ERROR;
    }

    ngx_http_asgard_sibling.saying = ngx_http_asgard_sibling.told + n;
    return NGX_OK;
}


/* An outcome that is DONE under an epoch that counts no more is told like one
 * that never was; an expiry, by announcing its hold. */
static ngx_uint_t
ngx_http_asgard_sibling_is_open(ngx_http_asgard_slot_t *slot, ngx_uint_t state)
{
    return ngx_http_asgard_adopt_is_open(slot, state)
           || (state == NGX_HTTP_ASGARD_SLOT_DONE && slot->verb == 'x');
}


/* The epoch under which the slot is still to be told; 0: none. */
static uint64_t
ngx_http_asgard_sibling_wants(ngx_http_asgard_slot_t *slot, ngx_uint_t state)
{
    uint64_t    heard;
    ngx_uint_t  is_open;

    is_open = ngx_http_asgard_sibling_is_open(slot, state);

    if (!is_open && state != NGX_HTTP_ASGARD_SLOT_ENDED
        && state != NGX_HTTP_ASGARD_SLOT_DONE)
    {
        return 0;
    }

    heard = ngx_http_asgard_head_heard(slot->part % ASG_PARTITIONS);

    return (is_open && slot->gone) || slot->epoch >= heard ? 0 : heard;
}


static void
ngx_http_asgard_sibling_count(ngx_http_asgard_slot_t *slot, ngx_uint_t state)
{
    ngx_uint_t  i;

    i = ngx_http_asgard_journal_index(slot);

    ngx_http_asgard_sibling.behind[slot->part % ASG_PARTITIONS] +=
        ngx_http_asgard_sibling_wants(slot, state)
        > ngx_http_asgard_sibling.told[i];
}


ngx_uint_t
ngx_http_asgard_sibling_is_behind(ngx_uint_t part)
{
    return ngx_http_asgard_sibling.behind[part] != 0;
}


static void
ngx_http_asgard_sibling_ignore(void *data, redisReply *reply, ngx_uint_t sent)
{
    /* ctl waits for it, but not for long */
}


/* That silent worker number i has told the partition, once per epoch. */
static void
ngx_http_asgard_sibling_say(ngx_uint_t i, ngx_uint_t part)
{
    uint64_t  heard;

    heard = ngx_http_asgard_head_heard(part);

    if (ngx_http_asgard_sibling_is_behind(part)
        || ngx_http_asgard_sibling.said[i][part] >= heard
        || ngx_http_asgard_adopt_say(part, heard,
                                     ngx_http_asgard_sibling.silent[i]->name,
                                     ngx_http_asgard_sibling_ignore, NULL)
           != NGX_OK)
    {
        return;
    }

    ngx_http_asgard_sibling.said[i][part] = heard;
}


static void
ngx_http_asgard_sibling_say_all(void)
{
    ngx_uint_t                 i, part;
    ngx_http_asgard_worker_t  *w;

    for (i = 0; i < ngx_http_asgard_sibling.n; i++) {
        w = ngx_http_asgard_sibling.silent[i];

        if (ngx_http_asgard_sibling.said_of[i]
            != ngx_http_asgard_sibling.owners[i])
        {
            ngx_http_asgard_sibling.said_of[i] =
                                            ngx_http_asgard_sibling.owners[i];
            ngx_memzero(ngx_http_asgard_sibling.said[i],
                        sizeof(ngx_http_asgard_sibling.said[i]));
        }

        for (part = 0; part < ASG_PARTITIONS && w->name[0]; part++) {
            ngx_http_asgard_sibling_say(i, part);
        }
    }
}


void
ngx_http_asgard_sibling_look(void)
{
    ngx_http_asgard_worker_t  *w;

    ngx_memzero(ngx_http_asgard_sibling.behind,
                sizeof(ngx_http_asgard_sibling.behind));

    w = ngx_http_asgard_worker();
    if (w == NULL) {
        return;
    }

    if (w->name[0] == '\0') {
        ngx_memcpy(w->name, ngx_http_asgard_adopt_name().data,
                   NGX_HTTP_ASGARD_WORKER_NAME);
    }

    w->beat = ngx_current_msec;
    ngx_http_asgard_sibling.n = ngx_http_asgard_worker_silent(
                                   ngx_http_asgard_sibling.owners,
                                   ngx_http_asgard_sibling.silent,
                                   NGX_HTTP_ASGARD_WORKERS_MAX);

    if (ngx_http_asgard_sibling.n == 0
        || ngx_http_asgard_sibling_begin() != NGX_OK)
    {
        ngx_http_asgard_sibling.n = 0;
        return;
    }

    ngx_http_asgard_journal_theirs(ngx_http_asgard_sibling.owners,
                                   ngx_http_asgard_sibling.n,
                                   ngx_http_asgard_sibling_count);
    ngx_http_asgard_sibling_say_all();
}


/* What Redis refuses for good is not asked again: its owner does, and knows
 * what to do about it. */
static ngx_uint_t
ngx_http_asgard_sibling_is_answer(ngx_uint_t i, redisReply *reply)
{
    asg_str_t                words[ASG_SCRIPT_REPLY_MAX] = { ASG_STR_NULL };
    ngx_uint_t               n;
    asg_verdict_t            verdict;
    ngx_http_asgard_slot_t  *slot;

    slot = ngx_http_asgard_journal_at(i);
    n = reply ? ngx_http_asgard_args_reply(reply, words) : 0;
    verdict = asg_reply_verdict(words, n);

    switch (verdict) {

    case ASG_VERDICT_OK:
    case ASG_VERDICT_DUP:
    case ASG_VERDICT_LATE:
        ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_SIBLING, 1);
        return 1;

    case ASG_VERDICT_GONE:
        return 1;

    case ASG_VERDICT_FENCE:
        (void) ngx_http_asgard_args_learn(slot->part % ASG_PARTITIONS, 0,
                                          words, n);
        return 0;

    case ASG_VERDICT_IDREUSE:
    case ASG_VERDICT_KEYS:
    case ASG_VERDICT_ARG:
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "asgard: redis does not take slot %ui of a worker that "
                      "is stopped: %s", i, asg_verdict_text(verdict));
        return 1;

    default:
        return 0;                   /* again in the next tick */
    }
}


static void
ngx_http_asgard_sibling_handler(void *data, redisReply *reply, ngx_uint_t sent)
{
    ngx_uint_t  i;

    i = (ngx_uint_t) (uintptr_t) data;
    ngx_http_asgard_pace_answered(reply != NULL);

    if (ngx_http_asgard_sibling_is_answer(i, reply)) {
        ngx_http_asgard_sibling.told[i] = ngx_http_asgard_sibling.saying[i];
    }

    ngx_http_asgard_sibling.saying[i] = 0;
}


static ngx_int_t
ngx_http_asgard_sibling_send(ngx_uint_t i, ngx_http_asgard_slot_t *slot,
    ngx_uint_t state, uint64_t epoch)
{
    ngx_uint_t              is_open;
    ngx_http_asgard_args_t  args;

    is_open = ngx_http_asgard_sibling_is_open(slot, state);

    if (is_open) {
        ngx_http_asgard_adopt_args(&args, slot, NGX_HTTP_ASGARD_SLOT_LEFT,
                                   epoch);

    } else {
        ngx_http_asgard_settle_args(&args, slot, epoch);
    }

    if (ngx_http_asgard_args_call(&args, is_open ? ASG_SCRIPT_RESERVE
                                                 : ASG_SCRIPT_FINISH,
                                  ngx_http_asgard_sibling_handler,
                                  (void *) (uintptr_t) i)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_asgard_sibling.saying[i] = epoch;
    ngx_http_asgard_pace_sent();
    return NGX_OK;
}


static void
ngx_http_asgard_sibling_tell_one(ngx_http_asgard_slot_t *slot,
    ngx_uint_t state)
{
    uint64_t                epoch;
    ngx_uint_t              i;
    ngx_http_asgard_slot_t  copy;

    i = ngx_http_asgard_journal_index(slot);

    if (ngx_http_asgard_sibling_wants(slot, state)
        <= ngx_http_asgard_sibling.told[i]
        || ngx_http_asgard_sibling.saying[i]
        || !ngx_http_asgard_pace_may())
    {
        return;
    }

    state = ngx_http_asgard_journal_copy(slot, &copy);
    epoch = ngx_http_asgard_sibling_wants(&copy, state);

    if (epoch) {
        (void) ngx_http_asgard_sibling_send(i, &copy, state, epoch);
    }
}


void
ngx_http_asgard_sibling_tell(void)
{
    if (ngx_http_asgard_sibling.n) {
        ngx_http_asgard_journal_theirs(ngx_http_asgard_sibling.owners,
                                       ngx_http_asgard_sibling.n,
                                       ngx_http_asgard_sibling_tell_one);
    }
}
