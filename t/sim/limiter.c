/*
 * Counting who was let in.
 */
#include "limiter.h"

#include <string.h>

#include "model.h"

#define MINUTE_US  60000000
#define STEP_US    250000               /* kept longer, at most */
#define EXACT      240                  /* requests of a minute */
#define OLD_US     (5 * (int64_t) MINUTE_US)
#define RETRY_US   1000


static int64_t
most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}


/* What the last 60 seconds have; *high: what they may count as. */
static int64_t
sum_of(const struct sim_limiter *l, unsigned scope, asg_limit_kind_t kind,
    int64_t us, int64_t *high)
{
    const struct sim_let *let;
    int64_t low = 0;
    unsigned i;

    *high = 0;
    for (i = 0; i < l->nlets; i++) {
        let = &l->lets[i];
        if (let->scope == scope && let->kind == kind) {
            low += let->at_us + MINUTE_US > us ? let->low : 0;
            *high += let->at_us + MINUTE_US + STEP_US > us ? let->high : 0;
        }
    }

    return low;
}


/* Time goes on where it was seen last. */
static int64_t
time_of(const struct sim_limiter *l, unsigned scope, asg_limit_kind_t kind,
    int64_t us)
{
    unsigned i;

    for (i = 0; i < l->nlets; i++) {
        if (l->lets[i].scope == scope && l->lets[i].kind == kind) {
            us = most(us, l->lets[i].at_us);
        }
    }

    return us;
}


static void
old_drop(struct sim_limiter *l, int64_t us)
{
    unsigned i, kept = 0;

    for (i = 0; i < l->nlets; i++) {
        if (l->lets[i].at_us + OLD_US > us) {
            l->lets[kept++] = l->lets[i];
        }
    }
    l->nlets = kept;
}


static void
let_add(struct sim_model *m, const struct sim_let *let)
{
    struct sim_limiter *l = &m->limiter;

    if (l->nlets == SIM_LETS) {
        old_drop(l, let->at_us);
    }
    if (l->nlets == SIM_LETS) {
        sim_fail(m->world, "sim: too many calls were let in");
        return;
    }
    l->lets[l->nlets++] = *let;
}


/* --- places --- */

static void
place_take(struct sim_model *m, unsigned scope, unsigned call, int64_t until)
{
    struct sim_limiter *l = &m->limiter;
    unsigned i;

    for (i = 0; i < l->nplaces && (l->places[i].scope != scope
                                   || l->places[i].call != call); i++)
    {
        /* the next one */
    }
    if (i == SIM_PLACES) {
        sim_fail(m->world, "sim: too many places");
        return;
    }
    l->places[i] = (struct sim_taken) {scope, call, until};
    l->nplaces += i == l->nplaces;
}


static void
place_free(struct sim_model *m, unsigned scope, unsigned call)
{
    struct sim_limiter *l = &m->limiter;
    unsigned i, kept = 0;

    for (i = 0; i < l->nplaces; i++) {
        if (l->places[i].scope != scope || l->places[i].call != call) {
            l->places[kept++] = l->places[i];
        }
    }
    l->nplaces = kept;
}


/* Does a hold of the call live, or (`listed`) have the list of expiries one
 * that is to live? */
static bool
call_lives(struct sim_model *m, unsigned call, bool listed)
{
    const struct sim_hold *h = &m->holds[call];
    int64_t now = sim_redis_now(m->world);
    unsigned i;

    for (i = 0; i <= m->holds[call].last; i++) {
        h = &m->holds[i == 0 ? call : m->holds[call].further[i - 1]];
        if (h->grants > 0 && h->expires > now
            && (listed || sim_hold_is_open(m->world, h->part, h->id)))
        {
            return true;
        }
    }

    return false;
}


/* Calls that are surely under way; *high: that may have a place.  What `h` was
 * granted by now says nothing of its place of before. */
static int64_t
places_of(struct sim_model *m, unsigned scope, const struct sim_hold *h,
    int64_t us, int64_t *high)
{
    const struct sim_taken *p;
    int64_t low = 0;
    unsigned i;
    bool lasts;

    *high = 0;
    for (i = 0; i < m->limiter.nplaces; i++) {
        p = &m->limiter.places[i];
        if (p->scope == scope) {
            lasts = p->until > us / 1000000;
            low += lasts || (p->call != h->call
                             && call_lives(m, p->call, false));
            *high += lasts || call_lives(m, p->call, true);
        }
    }

    return low;
}


/* Where all places are taken, Redis looks which of them are over, and takes
 * those away for good: a hold that is extended after it has expired, before
 * anybody charged it, has none any more. */
static void
places_tidy(struct sim_model *m, unsigned scope, int64_t us, int64_t limit)
{
    struct sim_limiter *l = &m->limiter;
    unsigned i, kept = 0;
    int64_t all = 0;

    for (i = 0; i < l->nplaces; i++) {
        all += l->places[i].scope == scope;
    }
    for (i = 0; all >= limit && i < l->nplaces; i++) {
        if (l->places[i].scope != scope
            || l->places[i].until > us / 1000000
            || call_lives(m, l->places[i].call, true))
        {
            l->places[kept++] = l->places[i];
        }
    }
    l->nplaces = all >= limit ? kept : l->nplaces;
}


/* --- what Redis said --- */

static bool
is_further(const struct sim_hold *h)
{
    return h->attempt > 0;
}


static int64_t
need_of(const struct sim_hold *h, const struct sim_asked *asked,
    asg_limit_kind_t kind)
{
    return kind == ASG_LIMIT_TOKENS ? asked->tokens : !is_further(h);
}


static void
let_check(struct sim_model *m, const struct sim_hold *h, unsigned scope,
    asg_limit_kind_t kind, int64_t used, int64_t need, int64_t limit)
{
    if (need > 0 && used > limit - need) {
        sim_fail(m->world, "%s was let in: %s has %lld of %lld %s in use, it "
                 "needs %lld", h->id, m->scopes[scope].id, (long long) used,
                 (long long) limit, asg_limit_kind_name(kind),
                 (long long) need);
    }
}


/* What it says is left of the limits of requests or of tokens. */
static void
room_check(struct sim_model *m, const struct sim_hold *h,
    asg_limit_kind_t kind, const asg_limit_room_t *room, int64_t low,
    int64_t high)
{
    if (room->limited != (high >= 0)
        || (room->limited && (room->left < most(low, 0) || room->left > high)))
    {
        sim_fail(m->world, "%s is told that %lld of %lld %s are left, right is "
                 "%lld to %lld", h->id, (long long) room->left,
                 (long long) room->limit, asg_limit_kind_name(kind),
                 (long long) low, (long long) high);
    }
}


static void
rate_let(struct sim_model *m, const struct sim_hold *h,
    const struct sim_asked *asked, int64_t us, asg_limit_kind_t kind,
    const asg_limit_room_t *room)
{
    int64_t need = need_of(h, asked, kind), low, high, limit, at;
    int64_t least_left = INT64_MAX, most_left = -1;
    unsigned i;

    for (i = 0; i < asked->n; i++) {
        if (!asg_limits_has(&asked->limits[i], kind)) {
            continue;
        }
        limit = asked->limits[i].most[kind];
        at = time_of(&m->limiter, asked->scopes[i], kind, us);
        low = sum_of(&m->limiter, asked->scopes[i], kind, at, &high);
        let_check(m, h, asked->scopes[i], kind, low, need, limit);
        least_left = limit - high - need < least_left ? limit - high - need
                     : least_left;
        low = most(limit - low - need, 0);
        most_left = most_left < 0 || low < most_left ? low : most_left;
        if (need > 0) {
            let_add(m, &(struct sim_let) {asked->scopes[i], kind, at, need,
                                          need, h});
        }
    }
    if (room != NULL) {
        room_check(m, h, kind, room, least_left, most_left);
    }
}


void
sim_limiter_looked(struct sim_model *m, const struct sim_hold *h,
    const struct sim_asked *asked, int64_t us)
{
    unsigned i;

    for (i = 0; i < asked->n && !is_further(h); i++) {
        if (asg_limits_has(&asked->limits[i], ASG_LIMIT_PARALLEL)) {
            places_tidy(m, asked->scopes[i], us,
                        asked->limits[i].most[ASG_LIMIT_PARALLEL]);
        }
    }
}


void
sim_limiter_let(struct sim_model *m, const struct sim_hold *h,
    const struct sim_asked *asked, int64_t us, int64_t expires,
    const asg_str_t *words, size_t n)
{
    asg_str_t marks[SIM_SCOPES_CALL];
    asg_limits_room_t room;
    int64_t high;
    unsigned i;

    if (asked->n == 0) {
        return;
    }
    for (i = 0; i < asked->n; i++) {
        if (asg_limits_has(&asked->limits[i], ASG_LIMIT_PARALLEL)) {
            let_check(m, h, asked->scopes[i], ASG_LIMIT_PARALLEL,
                      places_of(m, asked->scopes[i], h, us, &high),
                      !is_further(h),
                      asked->limits[i].most[ASG_LIMIT_PARALLEL]);
        }
    }
    sim_limiter_looked(m, h, asked, us);
    if (asg_reply_limits(words, n, asked->n, &room, marks) != ASG_OK) {
        sim_fail(m->world, "the limits of %s were not answered", h->id);
        return;
    }
    rate_let(m, h, asked, us, ASG_LIMIT_REQUESTS, &room.of[0]);
    rate_let(m, h, asked, us, ASG_LIMIT_TOKENS, &room.of[1]);
    for (i = 0; i < asked->n; i++) {
        if (asg_limits_has(&asked->limits[i], ASG_LIMIT_PARALLEL)) {
            place_take(m, asked->scopes[i], h->call, expires);
        }
    }
    m->counts[SIM_N_LIMITED]++;
}


/* Of requests the time is exact: then it is let in, and not before. */
static void
retry_check(struct sim_model *m, const struct sim_hold *h, unsigned scope,
    const asg_reply_rate_t *r, int64_t at)
{
    int64_t high;

    if (r->kind != ASG_LIMIT_REQUESTS || r->limit > EXACT || r->limit == 0
        || m->scopes[scope].coarse)
    {
        return;
    }
    at += r->retry_ms * 1000;
    if (sum_of(&m->limiter, scope, r->kind, at, &high) >= r->limit) {
        sim_fail(m->world, "%s is told to come in %lld ms: still too early",
                 h->id, (long long) r->retry_ms);
    }
    if (sum_of(&m->limiter, scope, r->kind, at - RETRY_US, &high)
        < r->limit)
    {
        sim_fail(m->world, "%s is told to come in %lld ms: later than need be",
                 h->id, (long long) r->retry_ms);
    }
}


static void
refusal_check(struct sim_model *m, const struct sim_hold *h,
    const struct sim_asked *asked, unsigned i, int64_t us,
    const asg_reply_rate_t *r)
{
    unsigned scope = asked->scopes[i];
    int64_t need, low, high, at = us;

    if (r->kind == ASG_LIMIT_PARALLEL) {
        need = !is_further(h);
        low = places_of(m, scope, h, us, &high);
    } else {
        need = need_of(h, asked, r->kind);
        at = time_of(&m->limiter, scope, r->kind, us);
        low = sum_of(&m->limiter, scope, r->kind, at, &high);
    }
    if (need == 0 || high <= r->limit - need) {
        sim_fail(m->world, "%s was not let in, and needs %lld: %s has %lld to "
                 "%lld of %lld %s in use", h->id, (long long) need,
                 m->scopes[scope].id, (long long) low, (long long) high,
                 (long long) r->limit, asg_limit_kind_name(r->kind));
        return;
    }
    if (r->used < low || r->used > high) {
        sim_fail(m->world, "%s is told that %lld of %s are in use, right is "
                 "%lld to %lld", h->id, (long long) r->used,
                 m->scopes[scope].id, (long long) low, (long long) high);
        return;
    }
    retry_check(m, h, scope, r, at);
}


void
sim_limiter_refused(struct sim_model *m, const struct sim_hold *h,
    const struct sim_asked *asked, int64_t us, const asg_str_t *words,
    size_t n)
{
    asg_reply_rate_t r;
    unsigned i;

    m->counts[SIM_N_RATE]++;
    if (asg_reply_rate(words, n, &r) != ASG_OK) {
        sim_fail(m->world, "%s was not let in for no reason", h->id);
        return;
    }
    for (i = 0; i < asked->n; i++) {
        if (asg_str_eq_z(r.scope, m->scopes[asked->scopes[i]].id)
            && asg_limits_has(&asked->limits[i], r.kind)
            && asked->limits[i].most[r.kind] == r.limit)
        {
            m->counts[r.kind == ASG_LIMIT_REQUESTS ? SIM_N_RATE_REQUESTS
                      : r.kind == ASG_LIMIT_TOKENS ? SIM_N_RATE_TOKENS
                      : SIM_N_RATE_PARALLEL]++;
            refusal_check(m, h, asked, i, us, &r);
            sim_limiter_looked(m, h, asked, us);
            return;
        }
    }
    sim_fail(m->world, "%s was not let in by a limit that nobody set", h->id);
}


void
sim_limiter_adopted(struct sim_model *m, const struct sim_hold *h,
    const struct sim_asked *asked, int64_t expires)
{
    unsigned i;

    for (i = 0; i < asked->n; i++) {
        if (asg_limits_has(&asked->limits[i], ASG_LIMIT_PARALLEL)) {
            place_take(m, asked->scopes[i], h->call, expires);
        }
    }
}


/* Of a hold that was granted twice it is not known which one is corrected. */
static void
tokens_used(struct sim_model *m, const struct sim_hold *h, unsigned scope,
    int64_t used)
{
    struct sim_let *let;
    unsigned i;

    for (i = 0; i < m->limiter.nlets; i++) {
        let = &m->limiter.lets[i];
        if (let->hold == h && let->scope == scope
            && let->kind == ASG_LIMIT_TOKENS)
        {
            let->low = h->grants == 1 || used < let->low ? used : let->low;
            let->high = h->grants == 1 || used > let->high ? used : let->high;
        }
    }
}


void
sim_limiter_ended(struct sim_model *m, const struct sim_hold *h,
    const struct sim_asked *asked, bool counted)
{
    unsigned i;

    for (i = 0; i < asked->n; i++) {
        if (counted && asked->used >= 0 && asked->marked[i]) {
            tokens_used(m, h, asked->scopes[i], asked->used);
        }
        place_free(m, asked->scopes[i], h->call);
    }
}
