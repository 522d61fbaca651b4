
/*
 * Finish and inheritance of the journal's slots.
 */

#include "ngx_http_asgard_adopt.h"
#include "ngx_http_asgard_alone.h"
#include "ngx_http_asgard_doubt.h"
#include "ngx_http_asgard_extend.h"
#include "ngx_http_asgard_head.h"
#include "ngx_http_asgard_limits.h"
#include "ngx_http_asgard_orphan.h"
#include "ngx_http_asgard_pace.h"
#include "ngx_http_asgard_redis_time.h"
#include "ngx_http_asgard_reserve.h"
#include "ngx_http_asgard_settle.h"
#include "ngx_http_asgard_sibling.h"


#define NGX_HTTP_ASGARD_SETTLE_TICK     200     /* ms */
#define NGX_HTTP_ASGARD_SETTLE_FIRST    100     /* ms, doubled each time */
#define NGX_HTTP_ASGARD_SETTLE_LAST     5000    /* ms */
#define NGX_HTTP_ASGARD_SETTLE_LEAVING  5000    /* ms */
#define NGX_HTTP_ASGARD_SETTLE_AT_ONCE  4       /* tries without a pause */
#define NGX_HTTP_ASGARD_LEFT_GRACE      1       /* s past the expiry */


static ngx_int_t ngx_http_asgard_settle_send(ngx_http_asgard_slot_t *slot,
    ngx_http_asgard_redis_pt handler);


static struct {
    ngx_event_t       timer;
    ngx_connection_t  nobody;       /* nginx logs the descriptor of a timer */
    ngx_msec_t        leaving;      /* when the worker began to leave */
    ngx_uint_t        waiting;      /* slots that Redis must be told of */
    ngx_uint_t        next;         /* slot that is looked at first */
} ngx_http_asgard_settle;


static ngx_http_asgard_main_conf_t *
ngx_http_asgard_settle_conf(void)
{
    return ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_asgard_module);
}


ngx_msec_t
ngx_http_asgard_settle_pause(void)
{
    return ngx_http_asgard_settle_conf()->hold_ttl * 1000 / 3;
}


/* A worker that leaves has waited for Redis as long as it may. */
static ngx_uint_t
ngx_http_asgard_settle_is_overdue(void)
{
    return ngx_http_asgard_settle.leaving
           && ngx_current_msec - ngx_http_asgard_settle.leaving
              > NGX_HTTP_ASGARD_SETTLE_LEAVING;
}


static void
ngx_http_asgard_settle_later(ngx_http_asgard_slot_t *slot)
{
    ngx_msec_t  pause;

    pause = NGX_HTTP_ASGARD_SETTLE_FIRST << ngx_min(slot->tries, 6);
    slot->tries++;
    slot->retold = 1;
    slot->due = ngx_current_msec + ngx_min(pause,
                                           NGX_HTTP_ASGARD_SETTLE_LAST);

    /* a worker that wants to leave, or has begun to, waits for this: the next
     * tick sees to its bound */
    ngx_http_asgard_settle.timer.cancelable =
                                        ngx_http_asgard_settle_is_overdue();
}


/* The hold has other budgets than we believed: those of its pins. */
static ngx_int_t
ngx_http_asgard_settle_repin(ngx_http_asgard_slot_t *slot, asg_str_t pins)
{
    size_t        n, start, len;
    const char   *last;
    size_t        last_len;

    if (pins.len > sizeof(slot->pins)) {
        return NGX_ERROR;
    }

    last = NULL;
    last_len = 0;
    ngx_http_asgard_limits_release(slot);
    slot->budgets_len = 0;

    for (n = 0; n < pins.len; n++) {
        start = n;
        while (n < pins.len && pins.data[n] != ':') {
            n++;
        }
        len = n - start;

        if (last == NULL || len != last_len
            || ngx_memcmp(last, &pins.data[start], len) != 0)
        {
            if (slot->budgets_len + len + 1 > sizeof(slot->budgets)) {
                return NGX_ERROR;
            }
            if (slot->budgets_len) {
                slot->budgets[slot->budgets_len++] = ',';
            }
            ngx_memcpy(&slot->budgets[slot->budgets_len], &pins.data[start],
                       len);
            slot->budgets_len += (u_short) len;
            last = &pins.data[start];
            last_len = len;
        }

        while (n < pins.len && pins.data[n] != ',') {
            n++;
        }
    }

    ngx_memcpy(slot->pins, pins.data, pins.len);
    slot->pins_len = (u_short) pins.len;
    return NGX_OK;
}


/* Redis has the outcome, as an event of its stream, or had it before. */
static ngx_int_t
ngx_http_asgard_settle_told(ngx_http_asgard_slot_t *slot,
    const asg_str_t *reply, ngx_uint_t n)
{
    asg_str_t  id;

    ngx_http_asgard_alone_told(slot);

    if (asg_reply_event(reply, n, &id) != ASG_OK
        || asg_stream_id_parse(id, &slot->stream_ms, &slot->stream_seq)
           != ASG_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_asgard_journal_move(slot, NGX_HTTP_ASGARD_SLOT_DONE);
    return NGX_OK;
}


/* An argument that Redis refuses stays refused: without the detail, which the
 * hold has a copy of; then only the expiry is left. */
static void
ngx_http_asgard_settle_refused(ngx_http_asgard_slot_t *slot)
{
    if (slot->detail_len) {
        slot->detail_len = 0;
        ngx_http_asgard_settle_later(slot);
        return;
    }

    if (slot->verb != 'x') {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "asgard: redis refuses the end of hold %*s, it expires",
                      (size_t) slot->hold_len, slot->hold);
        ngx_http_asgard_settle_leave(slot);
        return;
    }

    ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                  "asgard: redis refuses even the expiry of hold %*s",
                  (size_t) slot->hold_len, slot->hold);
    ngx_http_asgard_alone_told(slot);
    ngx_http_asgard_journal_move(slot, NGX_HTTP_ASGARD_SLOT_FREE);
}


/* The hold of a call of unknown outcome lives longer than we thought. */
static ngx_int_t
ngx_http_asgard_settle_lives(ngx_http_asgard_slot_t *slot,
    const asg_str_t *reply, ngx_uint_t n)
{
    int64_t  expires;

    if (asg_reply_expires(reply, n, &expires) != ASG_OK) {
        return NGX_ERROR;
    }

    slot->expires = expires;
    slot->due = ngx_current_msec + 1000;
    return NGX_OK;
}


/* Told for the first time, under the epoch that granted it, there should have
 * been a hold to end.  One that expired unheard of looks the same. */
static void
ngx_http_asgard_settle_late(ngx_http_asgard_slot_t *slot)
{
    if (slot->verb != 'x' && slot->pins_len && !slot->gone && !slot->retold) {
        ngx_http_asgard_doubt(slot->part);
    }
}


/* True: the same slot can be told again at once. */
static ngx_uint_t
ngx_http_asgard_settle_judge(ngx_http_asgard_slot_t *slot, redisReply *reply)
{
    asg_str_t    words[ASG_SCRIPT_REPLY_MAX] = { ASG_STR_NULL };
    ngx_uint_t   n;

    n = reply ? ngx_http_asgard_args_reply(reply, words) : 0;

    switch (asg_reply_verdict(words, n)) {

    case ASG_VERDICT_LATE:
        ngx_http_asgard_settle_late(slot);
        /* fall through */

    case ASG_VERDICT_OK:
    case ASG_VERDICT_GONE:
        if (ngx_http_asgard_settle_told(slot, words, n) == NGX_OK) {
            return 0;
        }
        break;

    case ASG_VERDICT_LIVE:
        if (ngx_http_asgard_settle_lives(slot, words, n) == NGX_OK) {
            return 0;
        }
        break;

    case ASG_VERDICT_FENCE:
        if (ngx_http_asgard_args_learn(slot->part, slot->epoch, words, n)
            == NGX_OK)
        {
            slot->retold = 1;
            /* what expires must be announced first */
            return slot->verb != 'x';
        }
        break;

    case ASG_VERDICT_KEYS:
        if (n == 2 && ngx_http_asgard_settle_repin(slot, words[1]) == NGX_OK) {
            return 1;
        }
        break;

    case ASG_VERDICT_ARG:
        ngx_http_asgard_settle_refused(slot);
        return 0;

    default:
        break;
    }

    ngx_http_asgard_settle_later(slot);
    return 0;
}


static void
ngx_http_asgard_settle_handler(void *data, redisReply *reply, ngx_uint_t sent)
{
    ngx_http_asgard_slot_t  *slot = data;

    slot->asking = 0;

    if (!ngx_http_asgard_settle_judge(slot, reply)) {
        return;
    }

    if (slot->tries++ < NGX_HTTP_ASGARD_SETTLE_AT_ONCE) {
        (void) ngx_http_asgard_settle_send(slot,
                                           ngx_http_asgard_settle_handler);

    } else {
        ngx_http_asgard_settle_later(slot);
    }
}


/* One of many: without an answer the window is narrowed and the slot told again
 * soon. */
static void
ngx_http_asgard_settle_paced(void *data, redisReply *reply, ngx_uint_t sent)
{
    ngx_http_asgard_slot_t  *slot = data;

    ngx_http_asgard_pace_answered(reply != NULL);
    if (reply == NULL) {
        slot->tries = 0;
    }

    ngx_http_asgard_settle_handler(data, reply, sent);
}


void
ngx_http_asgard_settle_args(ngx_http_asgard_args_t *args,
    ngx_http_asgard_slot_t *slot, uint64_t epoch)
{
    ngx_http_asgard_args_begin(args, slot, epoch, NGX_HTTP_ASGARD_ARGS_OF_HOLD);
    ngx_http_asgard_args_text(args, &slot->verb, 1);
    ngx_http_asgard_args_number(args, slot->amount_nusd);
    ngx_http_asgard_args_text(args, slot->pins, slot->pins_len);
    ngx_http_asgard_args_text(args, slot->detail, slot->detail_len);

    /* a Redis that lost the hold cannot say what it held; without pins nobody
     * knows whether it was granted */
    if (slot->pins_len) {
        ngx_http_asgard_args_number(args, slot->held_nusd);
    }

    ngx_http_asgard_limits_finish(args, slot);
}


static ngx_int_t
ngx_http_asgard_settle_send(ngx_http_asgard_slot_t *slot,
    ngx_http_asgard_redis_pt handler)
{
    ngx_http_asgard_args_t  args;

    /* its hold is announced first, by the tick */
    if (slot->untold && slot->verb != 'v') {
        return NGX_OK;
    }

    if (slot->verb != 'x') {
        slot->epoch = ngx_http_asgard_zone_epoch(slot->part);
    }

    ngx_http_asgard_settle_args(&args, slot, slot->epoch);
    slot->asking = 1;

    if (ngx_http_asgard_args_call(&args, ASG_SCRIPT_FINISH, handler, slot)
        != NGX_OK)
    {
        slot->asking = 0;
        ngx_http_asgard_settle_later(slot);
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_http_asgard_settle_end(ngx_http_asgard_slot_t *slot, u_char verb,
    asg_nusd_t amount_nusd)
{
    slot->verb = verb;
    slot->amount_nusd = amount_nusd;
    slot->tokens_used = (verb == 'v') ? 0 : slot->tokens_used;
    slot->ctx = NULL;
    slot->tries = 0;
    slot->retold = 0;
    slot->due = 0;
    ngx_http_asgard_alone_end(slot, amount_nusd);
    ngx_http_asgard_journal_move(slot, NGX_HTTP_ASGARD_SLOT_ENDED);
    (void) ngx_http_asgard_settle_send(slot, ngx_http_asgard_settle_handler);
}


void
ngx_http_asgard_settle_leave(ngx_http_asgard_slot_t *slot)
{
    slot->verb = 'x';
    slot->amount_nusd = slot->held_nusd;
    slot->ctx = NULL;
    slot->tries = 0;
    slot->due = 0;
    slot->gone = 0;
    ngx_http_asgard_limits_release(slot);
    ngx_http_asgard_journal_move(slot, NGX_HTTP_ASGARD_SLOT_LEFT);
}


/* A new epoch: the old stream may never be read, so the outcome is told again;
 * the ledger joins what it has already. */
static void
ngx_http_asgard_settle_again(ngx_http_asgard_slot_t *slot)
{
    if (ngx_http_asgard_zone_epoch(slot->part) > slot->epoch
        && ngx_http_asgard_journal_reopen(slot) == NGX_OK)
    {
        slot->tries = 0;
        slot->retold = 1;
        slot->due = 0;
        ngx_http_asgard_settle.waiting++;
    }
}


/* HELD, SENT, LEFT: is the hold known under the epoch that counts? */
static ngx_uint_t
ngx_http_asgard_settle_is_current(ngx_http_asgard_slot_t *slot)
{
    return slot->epoch == ngx_http_asgard_zone_epoch(slot->part);
}


static ngx_uint_t
ngx_http_asgard_settle_is_due(ngx_http_asgard_slot_t *slot)
{
    return !slot->asking
           && (ngx_msec_int_t) (ngx_current_msec - slot->due) >= 0;
}


/* ENDED: not while its partition is closed, whose answer is known. */
static ngx_uint_t
ngx_http_asgard_settle_is_heard(ngx_http_asgard_slot_t *slot)
{
    return ngx_http_asgard_settle_is_due(slot)
           && ngx_http_asgard_head_heard(slot->part)
              >= ngx_http_asgard_zone_epoch(slot->part);
}


/* LEFT: its hold, known under the epoch that counts, is over. */
static ngx_uint_t
ngx_http_asgard_settle_is_over(ngx_http_asgard_slot_t *slot)
{
    return ngx_http_asgard_settle_is_due(slot)
           && ngx_http_asgard_settle_is_current(slot)
           && ngx_time() > slot->expires + NGX_HTTP_ASGARD_LEFT_GRACE;
}


static ngx_int_t
ngx_http_asgard_settle_send_paced(ngx_http_asgard_slot_t *slot)
{
    if (ngx_http_asgard_settle_send(slot, ngx_http_asgard_settle_paced)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_asgard_pace_sent();
    return NGX_OK;
}


/* What Redis must be told of this slot. NGX_BUSY: not now, nor of others. */
static ngx_int_t
ngx_http_asgard_settle_tell(ngx_http_asgard_slot_t *slot, ngx_uint_t state)
{
    ngx_int_t   rc;
    ngx_uint_t  is_open, is_ended;

    is_open = ngx_http_asgard_adopt_is_open(slot, state);
    is_ended = (state == NGX_HTTP_ASGARD_SLOT_ENDED && !is_open
                && ngx_http_asgard_settle_is_heard(slot))
               || (state == NGX_HTTP_ASGARD_SLOT_LEFT
                   && ngx_http_asgard_settle_is_over(slot));

    is_open = is_open && ngx_http_asgard_adopt_is_wanted(slot);

    if (!is_open && !is_ended) {
        return NGX_OK;
    }

    if (!ngx_http_asgard_pace_may()) {
        return NGX_BUSY;
    }

    rc = is_open ? ngx_http_asgard_adopt_announce(slot, state)
                 : ngx_http_asgard_settle_send_paced(slot);

    return rc == NGX_OK ? NGX_OK : NGX_BUSY;
}


static void
ngx_http_asgard_settle_go_on(void)
{
    if (ngx_http_asgard_journal_from(&ngx_http_asgard_settle.next,
                                     ngx_http_asgard_settle_tell)
        == NGX_OK)
    {
        ngx_http_asgard_sibling_tell();
    }
}


static void
ngx_http_asgard_settle_look(ngx_http_asgard_slot_t *slot, ngx_uint_t state)
{
    ngx_uint_t  is_due;

    if (ngx_http_asgard_adopt_look(slot, state)) {
        slot->tries = 0;
        slot->due = ngx_current_msec;
    }

    is_due = (ngx_msec_int_t) (ngx_current_msec - slot->due) >= 0;

    switch (state) {

    case NGX_HTTP_ASGARD_SLOT_HELD:
    case NGX_HTTP_ASGARD_SLOT_SENT:
        if (is_due && !slot->gone && ngx_http_asgard_settle_is_current(slot)) {
            ngx_http_asgard_extend(slot);
        }
        break;

    case NGX_HTTP_ASGARD_SLOT_ENDED:
        ngx_http_asgard_settle.waiting++;
        break;

    case NGX_HTTP_ASGARD_SLOT_DONE:
        ngx_http_asgard_settle_again(slot);
        break;

    default:
        break;
    }
}


static void
ngx_http_asgard_settle_tick(ngx_event_t *ev)
{
    ngx_http_asgard_settle.waiting = 0;

    ngx_http_asgard_adopt_begin();
    ngx_http_asgard_journal_inherit(ngx_http_asgard_orphan_end);
    ngx_http_asgard_journal_each(ngx_http_asgard_settle_look);
    ngx_http_asgard_sibling_look();
    ngx_http_asgard_settle_go_on();
    ngx_http_asgard_adopt_end();
    ngx_http_asgard_head_read();
    ngx_http_asgard_redis_time_read();

    if ((ngx_exiting || ngx_quit) && ngx_http_asgard_settle.leaving == 0) {
        ngx_http_asgard_settle.leaving = ngx_current_msec;
    }

    ev->cancelable = ngx_http_asgard_settle.waiting == 0
                     || ngx_http_asgard_settle_is_overdue();

    ngx_add_timer(ev, NGX_HTTP_ASGARD_SETTLE_TICK);
}


ngx_int_t
ngx_http_asgard_reserve_init(ngx_cycle_t *cycle)
{
    ngx_http_asgard_settle.timer.handler = ngx_http_asgard_settle_tick;
    ngx_http_asgard_settle.nobody.fd = (ngx_socket_t) -1;
    ngx_http_asgard_settle.timer.data = &ngx_http_asgard_settle.nobody;
    ngx_http_asgard_settle.timer.log = cycle->log;
    ngx_http_asgard_settle.timer.cancelable = 1;
    ngx_add_timer(&ngx_http_asgard_settle.timer, NGX_HTTP_ASGARD_SETTLE_TICK);
    ngx_http_asgard_pace_init(cycle, ngx_http_asgard_settle_go_on);

    (void) ngx_http_asgard_worker();
    return NGX_OK;
}


void
ngx_http_asgard_reserve_exit(void)
{
    if (ngx_http_asgard_settle.timer.timer_set) {
        ngx_del_timer(&ngx_http_asgard_settle.timer);
    }
}
