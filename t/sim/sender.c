/*
 * The senders of the outbox.
 */
#include "meter_step.h"

#include <string.h>

#include "broken.h"
#include "ledger/zone.h"
#include "meter/outbox_send.h"
#include "meter/partition_lead.h"
#include "records.h"
#include "windows.h"

#define OVERTAKES      4                /* changes behind one held back */
#define TEND_S         3600


static bool
sent_note(struct sim_meters *ms)
{
    struct ctl_rows rows;
    unsigned i;

    if (!sim_sql(ms->world, &rows, "SELECT FROM outbox WHERE sent_at IS NULL"))
    {
        return false;
    }
    if (rows.nrows > 0) {
        return true;
    }
    for (i = 0; i < ms->model->nbudgets; i++) {
        /* what Redis has from before a restore is replaced by a reseed */
        if (!ms->model->restored[ms->model->budgets[i].part]) {
            ms->model->budgets[i].sent = ms->model->budgets[i].newest;
        }
    }

    return true;
}


/* Is there a higher limit of the window in an earlier version? */
static bool
was_lowered(const struct sim_budget *b, unsigned window)
{
    int64_t limit = b->limits[b->newest][window];
    unsigned v;

    for (v = 1; v < b->newest && b->limits[v][window] <= limit; v++) {
        /* none so far */
    }

    return v < b->newest && limit != SIM_ABSENT && limit != SIM_UNLIMITED;
}


/* What a window had in use when its limit was lowered is written down, for the
 * period that Redis has: that is what the audit goes by. */
static void
start_check(struct sim_meters *ms, const struct sim_budget *b,
    unsigned window)
{
    const char *name = b->windows[window];
    char key[ASG_RKEY_MAX];
    struct ctl_rows rows;
    redisReply *reply;

    (void) asg_rkey_budget(key, b->part, asg_str_z(b->id));
    reply = sim_redisf(ms->world, "HGET %s c:%s", key, name);
    if (reply != NULL && reply->type == REDIS_REPLY_STRING
        && sim_sql(ms->world, &rows, "SELECT FROM limit_starts"
                   " WHERE budget_id = '%s' AND window_name = '%s'"
                   " AND window_id = %s", b->id, name, reply->str)
        && rows.nrows == 0
        && sim_redis_i64(ms->world, "HEXISTS %s s:%s:%s", key, name,
                         reply->str) == 1
        && sim_redis_i64(ms->world, "HEXISTS %s h:%s:%s", key, name,
                         reply->str) == 1)
    {
        sim_fail(ms->world, "nobody wrote down what %s:%s:%s had in use when "
                 "its limit was lowered", b->id, name, reply->str);
    }
    if (reply != NULL) {
        freeReplyObject(reply);
    }
}


static bool
waiting_read(struct sim_meters *ms, struct ctl_rows *rows)
{
    return sim_sql(ms->world, rows, "SELECT DISTINCT target FROM outbox"
                   " WHERE kind = 'budget' AND sent_at IS NULL");
}


static bool
waits(const struct ctl_rows *rows, const char *budget)
{
    unsigned r;

    for (r = 0; r < rows->nrows; r++) {
        if (strcmp(ctl_rows_at(rows, r, 0), budget) == 0) {
            return true;
        }
    }

    return false;
}


/* Of the budgets that waited before and were sent; nothing was cut.  After a
 * restore the limits of before are known to the model alone. */
static void
starts_check(struct sim_meters *ms, const struct ctl_rows *before)
{
    const struct sim_budget *b;
    struct ctl_rows after;
    unsigned i, k;

    if (before->nrows == 0 || ms->model->counts[SIM_N_RESTORES] > 0
        || !waiting_read(ms, &after))
    {
        return;
    }
    for (i = 0; i < ms->model->nbudgets && !ms->world->failed; i++) {
        b = &ms->model->budgets[i];
        if (b->gone || b->sent != b->newest || !waits(before, b->id)
            || waits(&after, b->id))
        {
            continue;
        }
        for (k = 0; k < b->nwindows && !ms->world->failed; k++) {
            if (was_lowered(b, k)) {
                start_check(ms, b, k);
            }
        }
    }
}


/* Windows of months and of zones are sent on from time to time. */
static bool
lists_tend(struct sim_meters *ms, struct sim_sender *s)
{
    struct ctl_error e = {0};
    bool ok;

    if (sim_pg_now(ms->world) < ms->tended_at + TEND_S) {
        return true;
    }
    ms->tended_at = sim_pg_now(ms->world);
    ok = ctl_outbox_tend(s->pg, &s->arena, &e)
         && ctl_zone_tend(s->pg, &s->arena, &e);

    return sim_meter_judge(ms, ok, &e);
}


static void
sender_send(struct sim_meters *ms, struct sim_sender *s)
{
    struct ctl_error e = {0};
    unsigned sent = 0, kept = 0;
    bool ok;

    ctl_arena_reset(&s->arena);
    (void) lists_tend(ms, s);
    ok = ctl_outbox_send_some(s->pg, s->redis, &s->arena, &sent, &kept, &e);
    (void) sim_meter_judge(ms, ok, &e);
    sim_say(ms->world, " %u sent, %u kept", sent, kept);
    (void) sim_openings_take(ms->model, false);
    (void) sent_note(ms);
}


/* While one sender's command is held back, limits change again, and the other
 * one sends them: the older command comes after the newer. */
void
sim_sender_turn(struct sim_meters *ms)
{
    unsigned which = (unsigned) sim_draw(ms->world, SIM_SENDERS), i;
    struct ctl_rows before;
    bool cut;

    if (!waiting_read(ms, &before)) {
        return;
    }
    sim_meter_traps(ms, 40, 1);
    sender_send(ms, &ms->senders[which]);
    cut = sim_traps_clear();
    if (!cut) {
        starts_check(ms, &before);
    }
    if (!cut || !sim_chance(ms->world, 50)) {
        return;
    }
    for (i = 0; i < OVERTAKES; i++) {
        (void) sim_limits_change(ms->model);
        (void) sim_limits_set(ms->model);
    }
    sender_send(ms, &ms->senders[SIM_SENDERS - 1 - which]);
}


void
sim_meter_force(struct sim_meters *ms, unsigned part)
{
    struct sim_sender *s = &ms->senders[0];
    struct ctl_error e = {0};
    bool ok;

    ctl_arena_reset(&s->arena);
    sim_say(ms->world, " partition %u", part);
    ok = ctl_lead_force_reseed(s->pg, &s->arena, (int) part, 0, &e);
    (void) sim_meter_judge(ms, ok, &e);
}
