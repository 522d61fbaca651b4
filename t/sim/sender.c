/*
 * The senders of the outbox.
 */
#include "meter_step.h"

#include "broken.h"
#include "ledger/zone.h"
#include "meter/outbox_send.h"
#include "meter/partition_lead.h"
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

    sim_meter_traps(ms, 40, 1);
    sender_send(ms, &ms->senders[which]);
    if (!sim_traps_clear() || !sim_chance(ms->world, 50)) {
        return;
    }
    for (i = 0; i < OVERTAKES; i++) {
        (void) sim_limits_change(ms->model);
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
