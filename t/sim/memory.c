/*
 * Who remembers what: journals, Redis, its dump, the ledger and its backup, and
 * what follows from it.
 */
#include "model.h"

#include <stdio.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "made.h"


/* --- memories --- */

bool
sim_is_lost(const struct sim_hold *h)
{
    return !h->by.slot && !h->by.redis && !h->by.ledger;
}


bool
sim_is_remembered(const struct sim_evidence *ev)
{
    return ev->by.slot || ev->by.redis || ev->by.ledger;
}


static unsigned
remembered(const struct sim_hold *h)
{
    unsigned i, n = 0;

    for (i = 0; i < h->nevidence; i++) {
        n += sim_is_remembered(&h->evidence[i]);
    }

    return n;
}


/* After a memory is gone: what no other one has is excluded from now on. */
static void
losses_count(struct sim_model *m, struct sim_hold *h, unsigned before)
{
    unsigned now = remembered(h);

    m->counts[SIM_N_LOST_OUTCOMES] += before > now ? before - now : 0;
    if (h->grants > 0 && sim_is_lost(h)) {
        m->counts[SIM_N_LOST] += !h->lost;
        h->lost = h->lent = true;       /* it may have come back, and gone */
        sim_low_set(m, h, 0);
    }
}


void
sim_slot_gone(struct sim_model *m, struct sim_hold *h, bool in_ledger)
{
    unsigned i, before = remembered(h);
    struct sim_witness *by;

    /* what was durable may have gone with the database */
    in_ledger = in_ledger && !m->restored[h->part];
    for (i = 0; i < h->nevidence; i++) {
        by = &h->evidence[i].by;
        by->ledger = by->ledger || (in_ledger && by->slot && by->redis);
        by->slot = false;
    }
    h->by.ledger = h->by.ledger || (in_ledger && h->by.slot);
    h->by.slot = false;
    h->live = false;
    losses_count(m, h, before);
}


void
sim_redis_dumped(struct sim_model *m)
{
    unsigned i, k;

    for (i = 0; i < m->nholds; i++) {
        m->holds[i].by.dump = m->holds[i].by.redis;
        for (k = 0; k < m->holds[i].nevidence; k++) {
            m->holds[i].evidence[k].by.dump = m->holds[i].evidence[k].by.redis;
            m->holds[i].evidence[k].dumped = m->holds[i].evidence[k].at;
        }
    }
    m->limiter_dumped = m->limiter;
    m->undone_dumped = m->undone;
    m->dumped = true;
}


/* What the meter has read is promised: up to its cursor, and every hold that
 * has a row. */
static bool
ledger_note(struct sim_model *m)
{
    struct sim_evidence *ev;
    struct sim_hold *h;
    struct ctl_rows rows;
    uint64_t ms, seq;
    unsigned i, k, r;

    if (!sim_sql(m->world, &rows, "SELECT partition, epoch, last_id"
                 " FROM cursors"))
    {
        return false;
    }
    for (r = 0; r < rows.nrows; r++) {
        sim_stream_id(asg_str_z(ctl_rows_at(&rows, r, 2)), &ms, &seq);
        for (i = 0; i < m->nholds; i++) {
            h = &m->holds[i];
            for (k = 0; k < h->nevidence; k++) {
                ev = &h->evidence[k];
                if (ev->by.redis && h->part == ctl_rows_i64(&rows, r, 0)
                    && ev->at.epoch == (uint64_t) ctl_rows_i64(&rows, r, 1)
                    && (ev->at.ms < ms
                        || (ev->at.ms == ms && ev->at.seq <= seq)))
                {
                    ev->by.ledger = true;
                }
            }
        }
    }
    if (!sim_sql(m->world, &rows, "SELECT hold_id FROM holds")) {
        return false;
    }
    for (r = 0; r < rows.nrows; r++) {
        h = sim_hold_find(m, ctl_rows_at(&rows, r, 0));
        if (h != NULL) {
            h->by.ledger = true;
        }
    }

    return true;
}


static void
witness_lose(struct sim_witness *by, bool back_to_dump)
{
    by->redis = back_to_dump && by->dump;
}


bool
sim_redis_lost(struct sim_model *m, bool back_to_dump)
{
    struct sim_hold *h;
    unsigned i, k, before;

    if (!ledger_note(m)) {
        return false;
    }
    m->undone = back_to_dump && m->undone_dumped;
    if (back_to_dump) {
        m->limiter = m->limiter_dumped;
    } else {
        m->limiter.nlets = m->limiter.nplaces = 0;
    }
    for (i = 0; i < m->nholds; i++) {
        h = &m->holds[i];
        before = remembered(h);
        h->plain = false;
        h->ended = h->by.ledger ? h->ended : 0;
        witness_lose(&h->by, back_to_dump);
        for (k = 0; k < h->nevidence; k++) {
            witness_lose(&h->evidence[k].by, back_to_dump);
            if (h->evidence[k].by.redis) {
                h->evidence[k].at = h->evidence[k].dumped;
            }
        }
        losses_count(m, h, before);
        if (h->by.redis && h->grants > 0) {
            /* what ended since the dump is open there once more */
            sim_high_set(m, h, h->high > h->amount ? h->high : h->amount);
        }
    }

    return true;
}


bool
sim_expects(const struct sim_hold *h, enum sim_rank *rank, int64_t *amount)
{
    bool found = false;
    unsigned i;

    *rank = SIM_EXPIRY;
    *amount = h->amount;
    for (i = 0; i < h->nevidence; i++) {
        const struct sim_evidence *ev = &h->evidence[i];

        if (sim_is_remembered(ev) && (!found || ev->rank > *rank
                || (ev->rank == *rank && ev->amount > *amount)))
        {
            *rank = ev->rank;
            *amount = ev->amount;
            found = true;
        }
    }

    return found || (h->grants > 0 && !sim_is_lost(h));
}


/* --- what stands in the streams --- */

static bool
is_before(const struct sim_place *a, const struct sim_place *b)
{
    if (a->epoch != b->epoch) {
        return a->epoch < b->epoch;
    }

    return a->ms != b->ms ? a->ms < b->ms : a->seq < b->seq;
}


/* The value of a field of a usage event; "" when it has none. */
static const char *
event_field(const redisReply *fields, const char *name)
{
    size_t i;

    for (i = 0; i + 1 < fields->elements; i += 2) {
        if (strcmp(fields->element[i]->str, name) == 0) {
            return fields->element[i + 1]->str;
        }
    }

    return "";
}


static void
event_take(struct sim_model *m, const redisReply *fields,
    const struct sim_place *at)
{
    static const char verbs[] = {[SIM_EXPIRY] = 'x', [SIM_ESTIMATE] = 'e',
                                 [SIM_VOID] = 'v', [SIM_MEASURED] = 's',
                                 [SIM_PROVIDER] = 'p'};
    int64_t amount = strtoll(event_field(fields, "a"), NULL, 10);
    struct sim_hold *h = sim_hold_find(m, event_field(fields, "i"));
    struct sim_evidence *ev;
    unsigned k;

    if (h == NULL) {
        return;
    }
    h->by.redis = true;
    for (k = 0; k < h->nevidence; k++) {
        ev = &h->evidence[k];
        if (verbs[ev->rank] != event_field(fields, "v")[0]
            || ev->amount != amount)
        {
            continue;
        }
        if (!ev->by.redis || is_before(at, &ev->at)) {
            ev->at = *at;
        }
        ev->by.redis = true;
    }
}


/* Every event that Redis still has, of whatever epoch. */
static void
events_take(struct sim_model *m, unsigned part)
{
    redisReply *keys = sim_redisf(m->world, "KEYS {p%02u}:u:*", part);
    redisReply *events;
    struct sim_place at;
    size_t i, k;

    for (i = 0; keys != NULL && i < keys->elements; i++) {
        at.epoch = strtoull(strrchr(keys->element[i]->str, ':') + 1, NULL, 10);
        events = sim_redisf(m->world, "XRANGE %s - +", keys->element[i]->str);
        for (k = 0; events != NULL && k < events->elements; k++) {
            sim_stream_id(asg_str_z(events->element[k]->element[0]->str),
                          &at.ms, &at.seq);
            event_take(m, events->element[k]->element[1], &at);
        }
        if (events != NULL) {
            freeReplyObject(events);
        }
    }
    if (keys != NULL) {
        freeReplyObject(keys);
    }
}


/* --- one thing that Redis loses --- */

bool
sim_hold_is_open(struct sim_world *w, unsigned part, const char *id)
{
    char key[ASG_RKEY_MAX];
    redisReply *reply;
    bool open;

    (void) asg_rkey_hold(key, part, asg_str_z(id));
    reply = sim_redisf(w, "GET %s", key);
    open = reply != NULL && reply->type == REDIS_REPLY_STRING
           && isdigit((unsigned char) reply->str[0]);  /* else a marker */
    if (reply != NULL) {
        freeReplyObject(reply);
    }

    return open;
}


/* What it held is counted until the partition is seeded again; its outcome is
 * told all the same, but a call without one is known to nobody, until a reseed
 * asks for it; unless it was charged before, and adopted once more. */
static void
hold_forget(struct sim_model *m, struct sim_hold *h)
{
    unsigned before = remembered(h);

    h->by.redis = h->by.slot = false;
    h->plain = false;
    h->ended = 0;
    events_take(m, h->part);
    sim_high_set(m, h, h->high + h->amount);
    losses_count(m, h, before);
}


bool
sim_hold_deleted(struct sim_model *m, struct sim_hold *h)
{
    if (!ledger_note(m)) {
        return false;
    }
    hold_forget(m, h);

    return !m->world->failed;
}


static void
event_forget(struct sim_model *m, struct sim_hold *h, struct sim_evidence *ev)
{
    unsigned before = remembered(h);

    ev->by.redis = false;
    h->ended = 0;
    sim_high_set(m, h, h->high + ev->amount + h->amount);
    losses_count(m, h, before);
}


/* A journal knows what is in no stream any more, but takes it for durable when
 * the ledger has read on. */
bool
sim_stream_deleted(struct sim_model *m, unsigned part, uint64_t epoch)
{
    struct sim_hold *h;
    unsigned i, k;

    if (!ledger_note(m)) {
        return false;
    }
    for (i = 0; i < m->nholds && !m->world->failed; i++) {
        h = &m->holds[i];
        if (h->part != part) {
            continue;
        }
        for (k = 0; k < h->nevidence; k++) {
            if (h->evidence[k].by.redis && !h->evidence[k].by.ledger
                && h->evidence[k].at.epoch == epoch)
            {
                event_forget(m, h, &h->evidence[k]);
            }
        }
        if (h->by.redis && !h->by.ledger && h->grants > 0
            && !sim_hold_is_open(m->world, part, h->id))
        {
            hold_forget(m, h);
        }
    }

    return !m->world->failed;
}


/* --- copies of what silent gateways hold --- */

bool
sim_copies_opened(struct sim_model *m, unsigned part)
{
    struct sim_hold *h;
    struct ctl_rows rows;
    unsigned r;

    if (!sim_sql(m->world, &rows, "SELECT hold_id FROM held_copies"
                 " WHERE partition = %u", part))
    {
        return false;
    }
    for (r = 0; r < rows.nrows; r++) {
        h = sim_hold_find(m, ctl_rows_at(&rows, r, 0));
        if (h == NULL || h->grants == 0
            || !sim_hold_is_open(m->world, part, h->id))
        {
            continue;
        }
        h->by.redis = true;
        h->lost = h->plain = false;
        if (h->high < h->amount) {
            sim_high_set(m, h, h->amount);
        }
    }

    return true;
}


/* --- an older database --- */

bool
sim_ledger_saved(struct sim_model *m)
{
    unsigned i, k;

    if (!ledger_note(m)) {
        return false;
    }
    for (i = 0; i < m->nholds; i++) {
        m->holds[i].by.saved = m->holds[i].by.ledger;
        for (k = 0; k < m->holds[i].nevidence; k++) {
            m->holds[i].evidence[k].by.saved =
                m->holds[i].evidence[k].by.ledger;
        }
    }
    sim_made_saved(m);
    m->saved = true;

    return true;
}


/* A provider's record that the older database has not got counts for no more
 * than an expiry, until somebody imports it again. */
static void
hold_restored(struct sim_model *m, struct sim_hold *h)
{
    unsigned k;

    h->plain = false;
    h->ended = 0;
    h->by.ledger = h->by.saved;
    for (k = 0; k < h->nevidence; k++) {
        h->evidence[k].by.ledger = h->evidence[k].by.saved;
        if (h->evidence[k].rank == SIM_PROVIDER && !h->evidence[k].by.saved
            && !h->doubt)
        {
            h->doubt = h->lent = true;
            sim_low_set(m, h, 0);
            m->counts[SIM_N_DOUBT]++;
        }
    }
}


/* Redis lets events go that the ledger has: a ledger that went back makes it
 * worth a look what is there. */
static void
redis_look(struct sim_model *m)
{
    struct sim_hold *h;
    unsigned i, k;

    for (i = 0; i < m->nholds; i++) {
        h = &m->holds[i];
        h->by.redis = h->by.redis && h->grants > 0
                      && sim_hold_is_open(m->world, h->part, h->id);
        for (k = 0; k < h->nevidence; k++) {
            h->evidence[k].by.redis = false;
        }
    }
    for (i = 0; i < m->nparts; i++) {
        events_take(m, m->parts[i]);
    }
}


/* A dump may have what an older database never heard of.  Whether that is read
 * hangs on what was noticed first, and nobody promises it. */
bool
sim_redis_looked(struct sim_model *m)
{
    struct sim_hold *h;
    unsigned i, k;

    redis_look(m);
    for (i = 0; i < m->nholds; i++) {
        h = &m->holds[i];
        for (k = 0; k < h->nevidence; k++) {
            if (h->evidence[k].by.dump && !h->evidence[k].by.ledger) {
                h->doubt = true;
            }
        }
        if (h->doubt || (h->by.dump && !h->by.ledger)) {
            h->doubt = h->lent = true;
            sim_low_set(m, h, 0);
            m->counts[SIM_N_DOUBT]++;
        }
    }

    return !m->world->failed;
}


/* What corrected it is forgotten: it may count as it did before. */
static void
high_restore(struct sim_model *m, struct sim_hold *h)
{
    int64_t high = h->high > h->amount ? h->high : h->amount;
    unsigned k;

    for (k = 0; k < h->nevidence; k++) {
        high = h->evidence[k].amount > high ? h->evidence[k].amount : high;
    }
    sim_high_set(m, h, high);
}


/* `back`: the ledger is an older one now. */
static bool
streams_look(struct sim_model *m, bool back)
{
    static unsigned before[SIM_HOLDS];
    unsigned i;

    for (i = 0; i < m->nholds; i++) {
        before[i] = remembered(&m->holds[i]);
        if (back) {
            hold_restored(m, &m->holds[i]);
        }
    }
    redis_look(m);
    for (i = 0; i < m->nholds; i++) {
        if (m->holds[i].doubt || remembered(&m->holds[i]) < before[i]) {
            high_restore(m, &m->holds[i]);
        }
        losses_count(m, &m->holds[i], before[i]);
    }

    return !m->world->failed;
}


bool
sim_ledger_restored(struct sim_model *m)
{
    unsigned i;

    for (i = 0; i < m->nparts; i++) {
        m->restored[m->parts[i]] = true;
    }
    m->undone = m->undone_dumped = true;

    return streams_look(m, true);
}


void
sim_ledger_looked(struct sim_model *m)
{
    m->undone = false;
}


bool
sim_time_jumped(struct sim_model *m)
{
    bool unread = false;
    unsigned i;

    for (i = 0; i < m->nparts; i++) {
        unread = unread || m->restored[m->parts[i]];
    }

    return !unread || (ledger_note(m) && streams_look(m, false));
}
