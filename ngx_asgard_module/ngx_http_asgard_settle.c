
/*
 * Finish, extend, durability and inheritance of the journal's slots.
 */

#include "ngx_http_asgard_args.h"
#include "ngx_http_asgard_orphan.h"
#include "ngx_http_asgard_reserve.h"
#include "ngx_http_asgard_settle.h"


#define NGX_HTTP_ASGARD_SETTLE_TICK     200     /* ms */
#define NGX_HTTP_ASGARD_SETTLE_FIRST    100     /* ms, doubled each time */
#define NGX_HTTP_ASGARD_SETTLE_LAST     5000    /* ms */
#define NGX_HTTP_ASGARD_SETTLE_LEAVING  5000    /* ms */
#define NGX_HTTP_ASGARD_SETTLE_AT_ONCE  4       /* tries without a pause */
#define NGX_HTTP_ASGARD_DURABLE_PAUSE   500     /* ms between readings */
#define NGX_HTTP_ASGARD_LEFT_GRACE      60      /* s past the expiry */
#define NGX_HTTP_ASGARD_MAX_LIFE        86400   /* s a hold may be extended */


static void ngx_http_asgard_settle_send(ngx_http_asgard_slot_t *slot);


static struct {
    ngx_event_t       timer;
    ngx_connection_t  nobody;       /* nginx logs the descriptor of a timer */
    ngx_msec_t        leaving;      /* when the worker began to leave */
    ngx_uint_t        waiting;      /* slots that Redis must be told of */
    uint32_t          parts;        /* with slots that wait for the ledger */
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


static void
ngx_http_asgard_settle_later(ngx_http_asgard_slot_t *slot)
{
    ngx_msec_t  pause;

    pause = NGX_HTTP_ASGARD_SETTLE_FIRST << ngx_min(slot->tries, 6);
    slot->tries++;
    slot->due = ngx_current_msec + ngx_min(pause,
                                           NGX_HTTP_ASGARD_SETTLE_LAST);

    /* a worker that wants to leave waits for this, within its bound */
    if (ngx_http_asgard_settle.leaving == 0) {
        ngx_http_asgard_settle.timer.cancelable = 0;
    }
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


/* `ms-seq`, as Redis writes the id of an event. */
static ngx_int_t
ngx_http_asgard_settle_stream_id(asg_str_t id, uint64_t *ms, uint64_t *seq)
{
    size_t     dash;
    asg_str_t  left, right;

    for (dash = 0; dash < id.len && id.data[dash] != '-'; dash++) {
        /* void */
    }

    if (dash == id.len) {
        return NGX_ERROR;
    }

    left = (asg_str_t) { id.data, dash };
    right = (asg_str_t) { id.data + dash + 1, id.len - dash - 1 };

    return asg_str_u64(left, ms) && asg_str_u64(right, seq) ? NGX_OK
                                                            : NGX_ERROR;
}


/* Redis has the outcome, as an event of its stream. */
static ngx_int_t
ngx_http_asgard_settle_told(ngx_http_asgard_slot_t *slot,
    const asg_str_t *reply, ngx_uint_t n)
{
    asg_str_t  id;

    if (asg_reply_event(reply, n, &id) != ASG_OK
        || ngx_http_asgard_settle_stream_id(id, &slot->stream_ms,
                                            &slot->stream_seq)
           != NGX_OK)
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

    ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                  "asgard: redis refuses the end of hold %*s, it expires",
                  (size_t) slot->hold_len, slot->hold);
    ngx_http_asgard_journal_move(slot, NGX_HTTP_ASGARD_SLOT_LEFT);
}


/* True: the same slot can be told again at once. */
static ngx_uint_t
ngx_http_asgard_settle_judge(ngx_http_asgard_slot_t *slot, redisReply *reply)
{
    asg_str_t    words[ASG_SCRIPT_REPLY_MAX] = { ASG_STR_NULL };
    ngx_uint_t   n;

    n = reply ? ngx_http_asgard_args_reply(reply, words) : 0;

    switch (asg_reply_verdict(words, n)) {

    case ASG_VERDICT_OK:
    case ASG_VERDICT_LATE:
        if (ngx_http_asgard_settle_told(slot, words, n) == NGX_OK) {
            return 0;
        }
        break;

    case ASG_VERDICT_FENCE:
        if (ngx_http_asgard_args_learn(slot->part, slot->epoch, words, n)
            == NGX_OK)
        {
            return 1;
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
        ngx_http_asgard_settle_send(slot);

    } else {
        ngx_http_asgard_settle_later(slot);
    }
}


static void
ngx_http_asgard_settle_send(ngx_http_asgard_slot_t *slot)
{
    ngx_http_asgard_args_t  args;

    slot->epoch = ngx_http_asgard_zone_epoch(slot->part);
    ngx_http_asgard_args_begin(&args, slot, slot->epoch, 1);
    ngx_http_asgard_args_text(&args, &slot->verb, 1);
    ngx_http_asgard_args_number(&args, slot->amount_nusd);
    ngx_http_asgard_args_text(&args, slot->pins, slot->pins_len);
    ngx_http_asgard_args_text(&args, slot->detail, slot->detail_len);

    slot->asking = 1;

    if (ngx_http_asgard_args_call(&args, ASG_SCRIPT_FINISH,
                                  ngx_http_asgard_settle_handler, slot)
        != NGX_OK)
    {
        slot->asking = 0;
        ngx_http_asgard_settle_later(slot);
    }
}


void
ngx_http_asgard_settle_end(ngx_http_asgard_slot_t *slot, u_char verb,
    asg_nusd_t amount_nusd)
{
    slot->verb = verb;
    slot->amount_nusd = amount_nusd;
    slot->ctx = NULL;
    slot->tries = 0;
    slot->due = 0;
    ngx_http_asgard_journal_move(slot, NGX_HTTP_ASGARD_SLOT_ENDED);
    ngx_http_asgard_settle_send(slot);
}


static void
ngx_http_asgard_settle_extended(void *data, redisReply *reply, ngx_uint_t sent)
{
    int64_t                  expires;
    asg_str_t                words[ASG_SCRIPT_REPLY_MAX] = { ASG_STR_NULL };
    ngx_uint_t               n, state;
    ngx_http_asgard_slot_t  *slot = data;

    state = ngx_http_asgard_journal_state(slot);

    if (state != NGX_HTTP_ASGARD_SLOT_HELD
        && state != NGX_HTTP_ASGARD_SLOT_SENT)
    {
        return;
    }

    n = reply ? ngx_http_asgard_args_reply(reply, words) : 0;

    switch (asg_reply_verdict(words, n)) {

    case ASG_VERDICT_OK:
        if (asg_reply_expires(words, n, &expires) == ASG_OK) {
            slot->expires = expires;
        }
        return;

    case ASG_VERDICT_GONE:
        slot->gone = 1;             /* charged in full; settled later */
        return;

    case ASG_VERDICT_FENCE:
        (void) ngx_http_asgard_args_learn(slot->part, 0, words, n);
        break;

    default:
        break;
    }

    slot->due = ngx_current_msec + ngx_min(ngx_http_asgard_settle_pause(),
                                           1000);
}


static void
ngx_http_asgard_settle_extend(ngx_http_asgard_slot_t *slot)
{
    ngx_http_asgard_args_t  args;

    slot->due = ngx_current_msec + ngx_http_asgard_settle_pause();

    ngx_http_asgard_args_begin(&args, slot,
                               ngx_http_asgard_zone_epoch(slot->part), 0);
    ngx_http_asgard_args_number(&args,
                                ngx_http_asgard_settle_conf()->hold_ttl);
    ngx_http_asgard_args_number(&args, NGX_HTTP_ASGARD_MAX_LIFE);

    if (ngx_http_asgard_args_call(&args, ASG_SCRIPT_EXTEND,
                                  ngx_http_asgard_settle_extended, slot)
        != NGX_OK)
    {
        slot->due = ngx_current_msec
                    + ngx_min(ngx_http_asgard_settle_pause(), 1000);
    }
}


/* A new epoch: the old stream may never be read, so the outcome is told again;
 * the ledger joins what it has already. */
static void
ngx_http_asgard_settle_watch_done(ngx_http_asgard_slot_t *slot)
{
    if (ngx_http_asgard_zone_epoch(slot->part) > slot->epoch) {
        if (ngx_http_asgard_journal_reopen(slot) == NGX_OK) {
            slot->tries = 0;
            slot->due = 0;
            ngx_http_asgard_settle.waiting++;
        }
        return;
    }

    ngx_http_asgard_settle.parts |= 1u << slot->part;
}


static void
ngx_http_asgard_settle_look(ngx_http_asgard_slot_t *slot, ngx_uint_t state)
{
    ngx_uint_t  is_due;

    is_due = (ngx_msec_int_t) (ngx_current_msec - slot->due) >= 0;

    switch (state) {

    case NGX_HTTP_ASGARD_SLOT_HELD:
    case NGX_HTTP_ASGARD_SLOT_SENT:
        if (is_due && !slot->gone) {
            ngx_http_asgard_settle_extend(slot);
        }
        break;

    case NGX_HTTP_ASGARD_SLOT_ENDED:
        ngx_http_asgard_settle.waiting++;
        if (is_due && !slot->asking) {
            ngx_http_asgard_settle_send(slot);
        }
        break;

    case NGX_HTTP_ASGARD_SLOT_DONE:
        ngx_http_asgard_settle_watch_done(slot);
        break;

    case NGX_HTTP_ASGARD_SLOT_LEFT:
        if (ngx_time() > slot->expires + NGX_HTTP_ASGARD_LEFT_GRACE) {
            ngx_http_asgard_journal_move(slot, NGX_HTTP_ASGARD_SLOT_FREE);
        }
        break;

    default:
        break;
    }
}


/* HMGET {pNN}:m f dur */
static void
ngx_http_asgard_settle_durable(void *data, redisReply *reply, ngx_uint_t sent)
{
    uint64_t      ms, seq;
    asg_str_t     word, id;
    ngx_str_t    *run_id;
    ngx_uint_t    part;
    asg_fence_t   fence;

    part = (ngx_uint_t) (uintptr_t) data;
    run_id = ngx_http_asgard_redis_run_id();

    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY
        || reply->elements != 2
        || reply->element[0]->type != REDIS_REPLY_STRING
        || run_id->len == 0)
    {
        return;
    }

    word = (asg_str_t) { reply->element[0]->str,
                         (size_t) reply->element[0]->len };

    if (asg_fence_parse(word, &fence) != ASG_OK
        || ngx_memcmp(fence.run_id.data, run_id->data, run_id->len) != 0
        || ngx_http_asgard_zone_epoch_note(part, fence.epoch) != NGX_OK
        || reply->element[1]->type != REDIS_REPLY_STRING)
    {
        return;
    }

    id = (asg_str_t) { reply->element[1]->str,
                       (size_t) reply->element[1]->len };

    if (ngx_http_asgard_settle_stream_id(id, &ms, &seq) == NGX_OK) {
        ngx_http_asgard_journal_durable(part, fence.epoch, ms, seq);
    }
}


/* One worker of all asks for a partition, twice a second. */
static void
ngx_http_asgard_settle_ask_durable(ngx_uint_t part)
{
    char                name[ASG_RKEY_MAX];
    size_t              lens[4];
    const char         *argv[4];
    ngx_atomic_t       *asked;
    ngx_atomic_uint_t   last;

    asked = &ngx_http_asgard_zone()->durable[part].asked;
    last = *asked;

    if ((last && (ngx_msec_int_t) (ngx_current_msec - last)
                 < NGX_HTTP_ASGARD_DURABLE_PAUSE)
        || !ngx_atomic_cmp_set(asked, last, ngx_current_msec))
    {
        return;
    }

    argv[0] = "HMGET";
    lens[0] = 5;
    argv[1] = name;
    lens[1] = asg_rkey_meta(name, (unsigned) part);
    argv[2] = "f";
    lens[2] = 1;
    argv[3] = "dur";
    lens[3] = 3;

    (void) ngx_http_asgard_redis_command(ngx_http_asgard_settle_durable,
                                         (void *) (uintptr_t) part, 4, argv,
                                         lens);
}


static void
ngx_http_asgard_settle_tick(ngx_event_t *ev)
{
    ngx_uint_t  part;

    ngx_http_asgard_settle.waiting = 0;
    ngx_http_asgard_settle.parts = 0;

    ngx_http_asgard_journal_inherit(ngx_http_asgard_orphan_end);
    ngx_http_asgard_journal_each(ngx_http_asgard_settle_look);

    for (part = 0; part < ASG_PARTITIONS; part++) {
        if (ngx_http_asgard_settle.parts & 1u << part) {
            ngx_http_asgard_settle_ask_durable(part);
        }
    }

    if ((ngx_exiting || ngx_quit) && ngx_http_asgard_settle.leaving == 0) {
        ngx_http_asgard_settle.leaving = ngx_current_msec;
    }

    ev->cancelable = ngx_http_asgard_settle.waiting == 0
                     || (ngx_http_asgard_settle.leaving
                         && ngx_current_msec - ngx_http_asgard_settle.leaving
                            > NGX_HTTP_ASGARD_SETTLE_LEAVING);

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
