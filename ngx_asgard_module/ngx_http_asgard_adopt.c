
/*
 * Beat, announcements, and the word that all is told.
 */

#include <sys/random.h>

#include "ngx_http_asgard_adopt.h"
#include "ngx_http_asgard_alone.h"
#include "ngx_http_asgard_budgets.h"
#include "ngx_http_asgard_doubt.h"
#include "ngx_http_asgard_head.h"
#include "ngx_http_asgard_limits.h"
#include "ngx_http_asgard_pace.h"
#include "ngx_http_asgard_settle.h"
#include "ngx_http_asgard_sibling.h"


#define NGX_HTTP_ASGARD_BEAT_EVERY   1000       /* ms */
#define NGX_HTTP_ASGARD_BEAT_KEEP    "60"       /* s, of a silent worker */
#define NGX_HTTP_ASGARD_TOLD_KEEP    "600"      /* s */
#define NGX_HTTP_ASGARD_ADOPT_RANDOM 12
#define NGX_HTTP_ASGARD_ADOPT_TRIES  300        /* a minute of ticks */


static struct {
    ngx_pid_t   pid;                /* of the process with this name */
    u_char      name[NGX_HTTP_ASGARD_WORKER_NAME];
    ngx_msec_t  beat;               /* next */

    uint64_t    told[ASG_PARTITIONS];       /* epoch that has heard all */
    uint64_t    said[ASG_PARTITIONS];       /* epoch of the word under way */
    uint64_t    turn[ASG_PARTITIONS];       /* epoch that was turned to */
    ngx_uint_t  behind[ASG_PARTITIONS];     /* slots still to be told */
    uint32_t    fresh;              /* partitions that turn in this tick */
    uint32_t    telling;            /* partitions whose word is under way */
} ngx_http_asgard_adopt;


static void
ngx_http_asgard_adopt_name_new(void)
{
    u_char  id[NGX_HTTP_ASGARD_ADOPT_RANDOM];

    while (getrandom(id, sizeof(id), 0) != sizeof(id)) {
        /* interrupted */
    }

    ngx_memzero(&ngx_http_asgard_adopt, sizeof(ngx_http_asgard_adopt));
    ngx_http_asgard_adopt.pid = ngx_pid;
    ngx_http_asgard_adopt.name[0] = 'w';
    (void) ngx_hex_dump(ngx_http_asgard_adopt.name + 1, id, sizeof(id));
}


asg_str_t
ngx_http_asgard_adopt_name(void)
{
    if (ngx_http_asgard_adopt.pid != ngx_pid) {
        ngx_http_asgard_adopt_name_new();
    }

    return (asg_str_t) { (const char *) ngx_http_asgard_adopt.name,
                         sizeof(ngx_http_asgard_adopt.name) };
}


static void
ngx_http_asgard_adopt_ignore(void *data, redisReply *reply, ngx_uint_t sent)
{
    /* the next beat comes anyway */
}


static void
ngx_http_asgard_adopt_beat(void)
{
    static const char    *key = ASG_RKEY_WORKERS, *keep =
                                                   NGX_HTTP_ASGARD_BEAT_KEEP;
    size_t                lens[3];
    const char           *argv[3];

    if ((ngx_msec_int_t) (ngx_current_msec - ngx_http_asgard_adopt.beat) < 0
        || !ngx_http_asgard_redis_may_ask())
    {
        return;
    }

    ngx_http_asgard_adopt.beat = ngx_current_msec + NGX_HTTP_ASGARD_BEAT_EVERY;

    argv[0] = key;
    lens[0] = ngx_strlen(key);
    argv[1] = (const char *) ngx_http_asgard_adopt.name;
    lens[1] = sizeof(ngx_http_asgard_adopt.name);
    argv[2] = keep;
    lens[2] = ngx_strlen(keep);

    (void) ngx_http_asgard_redis_script(ASG_SCRIPT_BEAT,
                                        ngx_http_asgard_adopt_ignore, NULL, 1,
                                        3, argv, lens);
}


void
ngx_http_asgard_adopt_begin(void)
{
    uint64_t    heard;
    ngx_uint_t  part;

    (void) ngx_http_asgard_adopt_name();
    ngx_http_asgard_adopt_beat();
    ngx_http_asgard_adopt.fresh = 0;

    for (part = 0; part < ASG_PARTITIONS; part++) {
        heard = ngx_http_asgard_head_heard(part);
        ngx_http_asgard_adopt.behind[part] = 0;

        if (ngx_http_asgard_adopt.turn[part] != heard) {
            ngx_http_asgard_adopt.turn[part] = heard;
            ngx_http_asgard_adopt.fresh |= 1u << part;
        }
    }
}


/* A call under way is told when it ends, and held no more; one of unknown
 * outcome is asked for after its expiry, as always. */
static void
ngx_http_asgard_adopt_failed(ngx_http_asgard_slot_t *slot, ngx_uint_t state,
    asg_verdict_t verdict)
{
    ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                  "asgard: redis does not take hold %*s back: %s",
                  (size_t) slot->hold_len, slot->hold,
                  asg_verdict_text(verdict));

    slot->gone = (state != NGX_HTTP_ASGARD_SLOT_LEFT);
}


/* Until it is extended: what was opened from a copy may end sooner than what
 * this gateway would have asked for. */
static ngx_msec_t
ngx_http_asgard_adopt_pause(ngx_http_asgard_slot_t *slot)
{
    time_t  left;

    left = slot->expires - ngx_time();
    return ngx_min(ngx_http_asgard_settle_pause(),
                   (ngx_msec_t) (ngx_max(left, 0) * 1000 / 3));
}


/* Redis refuses a hold that it does not know.  What it must not have lost heals
 * within seconds; a budget that was taken away meanwhile does not, and then the
 * project's own is charged alone. */
static void
ngx_http_asgard_adopt_stuck(ngx_http_asgard_slot_t *slot,
    asg_verdict_t verdict)
{
    u_char  *comma;

    if (verdict == ASG_VERDICT_UNSEEDED) {
        ngx_http_asgard_doubt(slot->part);
    }

    if (++slot->tries != NGX_HTTP_ASGARD_ADOPT_TRIES) {
        return;
    }

    ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                  "asgard: redis does not take hold %*s, let in without it: "
                  "%s; it goes to its project's budget alone",
                  (size_t) slot->hold_len, slot->hold,
                  asg_verdict_text(verdict));

    ngx_http_asgard_alone_forget(slot);
    comma = ngx_strlchr(slot->budgets, slot->budgets + slot->budgets_len, ',');

    if (comma) {
        slot->budgets_len = (u_short) (comma - slot->budgets);
        slot->names_len = slot->budgets_len;
        slot->users[0] = '\0';
        slot->limited = 0;
    }
}


/* Of a hold that was let in without Redis. NGX_ERROR: no such answer. */
static ngx_int_t
ngx_http_asgard_adopt_took(ngx_http_asgard_slot_t *slot,
    const asg_reply_hold_t *hold, const asg_str_t *words, ngx_uint_t n)
{
    if (hold->pins.len > sizeof(slot->pins)) {
        return NGX_ERROR;
    }

    ngx_memcpy(slot->pins, hold->pins.data, hold->pins.len);
    slot->pins_len = (u_short) hold->pins.len;
    ngx_http_asgard_budgets_taken(slot);
    ngx_http_asgard_alone_taken(slot, words, n);
    slot->tries = 0;
    return NGX_OK;
}


/* When Redis is asked about it next. */
static ngx_msec_t
ngx_http_asgard_adopt_next(ngx_http_asgard_slot_t *slot, ngx_uint_t state)
{
    return state == NGX_HTTP_ASGARD_SLOT_HELD
           || state == NGX_HTTP_ASGARD_SLOT_SENT
           ? ngx_http_asgard_adopt_pause(slot) : 0;
}


ngx_uint_t
ngx_http_asgard_adopt_is_open(ngx_http_asgard_slot_t *slot, ngx_uint_t state)
{
    return state == NGX_HTTP_ASGARD_SLOT_HELD
           || state == NGX_HTTP_ASGARD_SLOT_SENT
           || state == NGX_HTTP_ASGARD_SLOT_LEFT
           || (state == NGX_HTTP_ASGARD_SLOT_ENDED
               && slot->untold && slot->verb != 'v');
}


static void
ngx_http_asgard_adopt_handler(void *data, redisReply *reply, ngx_uint_t sent)
{
    asg_str_t                words[ASG_SCRIPT_REPLY_MAX] = { ASG_STR_NULL };
    ngx_uint_t               n, state;
    asg_verdict_t            verdict;
    asg_reply_hold_t         hold;
    ngx_http_asgard_slot_t  *slot = data;

    ngx_http_asgard_pace_answered(reply != NULL);

    slot->telling = 0;
    state = ngx_http_asgard_journal_state(slot);

    if (!ngx_http_asgard_adopt_is_open(slot, state)) {
        return;                     /* ended meanwhile */
    }

    n = reply ? ngx_http_asgard_args_reply(reply, words) : 0;
    verdict = asg_reply_verdict(words, n);

    switch (verdict) {

    case ASG_VERDICT_OK:
    case ASG_VERDICT_DUP:
        if (asg_reply_hold(words, n, &hold) != ASG_OK
            || (slot->untold
                && ngx_http_asgard_adopt_took(slot, &hold, words, n) != NGX_OK))
        {
            return;
        }

        slot->expires = hold.expires_s;
        ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_ADOPTED, 1);
        break;

    case ASG_VERDICT_GONE:
    case ASG_VERDICT_IDREUSE:
    case ASG_VERDICT_ARG:
        if (slot->untold) {
            ngx_http_asgard_adopt_stuck(slot, verdict);
            return;
        }

        ngx_http_asgard_adopt_failed(slot, state, verdict);
        break;

    case ASG_VERDICT_FENCE:
        (void) ngx_http_asgard_args_learn(slot->part, 0, words, n);
        return;

    case ASG_VERDICT_UNSEEDED:
    case ASG_VERDICT_CROWDED:
        ngx_http_asgard_adopt_stuck(slot, verdict);
        return;

    default:
        return;                     /* again in the next tick */
    }

    slot->epoch = slot->told_epoch;
    slot->due = ngx_current_msec + ngx_http_asgard_adopt_next(slot, state);
}


/* How long the hold is still wanted: a call that is under way renews it. */
static time_t
ngx_http_asgard_adopt_ttl(ngx_http_asgard_slot_t *slot, ngx_uint_t state)
{
    time_t                        left, most;
    ngx_http_asgard_main_conf_t  *amcf;

    amcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_asgard_module);
    most = amcf->hold_ttl;

    if (state != NGX_HTTP_ASGARD_SLOT_LEFT) {
        return most;
    }

    left = slot->expires - ngx_time();
    return ngx_max(1, ngx_min(left, most));
}


ngx_uint_t
ngx_http_asgard_adopt_is_wanted(ngx_http_asgard_slot_t *slot)
{
    return !slot->gone && !slot->telling
           && slot->epoch
              < ngx_http_asgard_adopt.turn[slot->part % ASG_PARTITIONS];
}


void
ngx_http_asgard_adopt_args(ngx_http_asgard_args_t *args,
    ngx_http_asgard_slot_t *slot, ngx_uint_t state, uint64_t epoch)
{
    ngx_http_asgard_args_begin(args, slot, epoch, slot->untold
                               ? NGX_HTTP_ASGARD_ARGS_OF_RESERVE
                               : NGX_HTTP_ASGARD_ARGS_OF_HOLD);
    ngx_http_asgard_args_number(args, slot->held_nusd);
    ngx_http_asgard_args_number(args, ngx_http_asgard_adopt_ttl(slot, state));
    ngx_http_asgard_args_text(args, slot->untold ? "L" : "A", 1);
    ngx_http_asgard_args_text(args, "0", 1);
    ngx_http_asgard_args_text(args, slot->detail, slot->detail_len);
    ngx_http_asgard_args_text(args, slot->pins, slot->pins_len);
    ngx_http_asgard_limits_adopt(args, slot);
}


ngx_int_t
ngx_http_asgard_adopt_announce(ngx_http_asgard_slot_t *slot, ngx_uint_t state)
{
    ngx_http_asgard_args_t  args;

    slot->telling = 1;
    slot->told_epoch = ngx_http_asgard_adopt.turn[slot->part];
    ngx_http_asgard_adopt_args(&args, slot, state, slot->told_epoch);

    if (ngx_http_asgard_args_call(&args, ASG_SCRIPT_RESERVE,
                                  ngx_http_asgard_adopt_handler, slot)
        != NGX_OK)
    {
        slot->telling = 0;
        return NGX_ERROR;
    }

    ngx_http_asgard_pace_sent();
    return NGX_OK;
}


ngx_uint_t
ngx_http_asgard_adopt_look(ngx_http_asgard_slot_t *slot, ngx_uint_t state)
{
    ngx_uint_t  part;

    part = slot->part % ASG_PARTITIONS;

    switch (state) {

    case NGX_HTTP_ASGARD_SLOT_HELD:
    case NGX_HTTP_ASGARD_SLOT_SENT:
    case NGX_HTTP_ASGARD_SLOT_LEFT:
        ngx_http_asgard_adopt.behind[part] +=
            !slot->gone && slot->epoch < ngx_http_asgard_adopt.turn[part];
        break;

    case NGX_HTTP_ASGARD_SLOT_ENDED:
        ngx_http_asgard_adopt.behind[part]++;
        break;

    case NGX_HTTP_ASGARD_SLOT_ASKED:
    case NGX_HTTP_ASGARD_SLOT_DONE:
        ngx_http_asgard_adopt.behind[part] +=
                            slot->epoch < ngx_http_asgard_adopt.turn[part];
        break;

    default:
        break;
    }

    return (ngx_http_asgard_adopt.fresh & 1u << part) != 0;
}


static void
ngx_http_asgard_adopt_told(void *data, redisReply *reply, ngx_uint_t sent)
{
    ngx_uint_t  part;

    part = (ngx_uint_t) (uintptr_t) data;
    ngx_http_asgard_adopt.telling &= ~(1u << part);

    if (reply && reply->type == REDIS_REPLY_INTEGER) {
        ngx_http_asgard_adopt.told[part] = ngx_http_asgard_adopt.said[part];
    }
}


ngx_int_t
ngx_http_asgard_adopt_say(ngx_uint_t part, uint64_t epoch, const u_char *name,
    ngx_http_asgard_redis_pt handler, void *data)
{
    char         key[ASG_RKEY_MAX];
    size_t       lens[3];
    const char  *argv[3];

    argv[0] = "SADD";
    lens[0] = 4;
    argv[1] = key;
    lens[1] = asg_rkey_told(key, (unsigned) part, epoch);
    argv[2] = (const char *) name;
    lens[2] = NGX_HTTP_ASGARD_WORKER_NAME;

    if (ngx_http_asgard_redis_command(handler, data, 3, argv, lens) != NGX_OK) {
        return NGX_ERROR;
    }

    argv[0] = "EXPIRE";
    lens[0] = 6;
    argv[2] = NGX_HTTP_ASGARD_TOLD_KEEP;
    lens[2] = ngx_strlen(NGX_HTTP_ASGARD_TOLD_KEEP);
    (void) ngx_http_asgard_redis_command(ngx_http_asgard_adopt_ignore, NULL,
                                         3, argv, lens);
    return NGX_OK;
}


static void
ngx_http_asgard_adopt_tell(ngx_uint_t part)
{
    ngx_http_asgard_adopt.telling |= 1u << part;
    ngx_http_asgard_adopt.said[part] = ngx_http_asgard_adopt.turn[part];

    if (ngx_http_asgard_adopt_say(part, ngx_http_asgard_adopt.said[part],
                                  ngx_http_asgard_adopt.name,
                                  ngx_http_asgard_adopt_told,
                                  (void *) (uintptr_t) part)
        != NGX_OK)
    {
        ngx_http_asgard_adopt.telling &= ~(1u << part);
    }
}


void
ngx_http_asgard_adopt_end(void)
{
    ngx_uint_t  part;

    for (part = 0; part < ASG_PARTITIONS; part++) {
        if (ngx_http_asgard_adopt.behind[part] == 0
            && !ngx_http_asgard_sibling_is_behind(part)
            && !(ngx_http_asgard_adopt.telling & 1u << part)
            && ngx_http_asgard_adopt.told[part]
               < ngx_http_asgard_adopt.turn[part])
        {
            ngx_http_asgard_adopt_tell(part);
        }
    }
}
