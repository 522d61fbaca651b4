/*
 * Running `asgard-ctl audit money`, and judging what it finds.
 */
#include "audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit_money.h"
#include "meter_step.h"

#define ALL_PERCENT  30                 /* of the audits in the run */


/* Only where the row in Postgres and the meta hash agree: the audit waits for
 * that by itself. */
bool
sim_part_is_open(struct sim *s, unsigned part)
{
    char key[ASG_RKEY_MAX], fence[CTL_FENCE_TEXT];
    struct ctl_rows rows;
    redisReply *reply;
    bool open;

    if (!sim_sql(&s->world, &rows, "SELECT epoch, run_id FROM partitions"
                 " WHERE partition = %u AND step = 'open'", part)
        || rows.nrows == 0)
    {
        return false;
    }
    snprintf(fence, sizeof(fence), "%s:%s", ctl_rows_at(&rows, 0, 0),
             ctl_rows_at(&rows, 0, 1));
    (void) asg_rkey_meta(key, part);
    reply = sim_redisf(&s->world, "HMGET %s f st", key);
    open = reply != NULL && reply->elements == 2
           && reply->element[0]->type == REDIS_REPLY_STRING
           && reply->element[1]->type == REDIS_REPLY_STRING
           && strcmp(reply->element[0]->str, fence) == 0
           && strcmp(reply->element[1]->str, "open") == 0
           && strcmp(ctl_rows_at(&rows, 0, 1), s->world.run_id) == 0;
    if (reply != NULL) {
        freeReplyObject(reply);
    }

    return open;
}


/* A key was deleted, or the database went back, and no reseed came since. */
static bool
part_is_disturbed(const struct sim *s, unsigned part)
{
    return s->meters.deleted[part] || s->model.restored[part];
}


/* Can all be looked at, and must all be right? */
static bool
all_are_open(struct sim *s)
{
    unsigned i;

    for (i = 0; i < s->model.nparts; i++) {
        if (part_is_disturbed(s, s->model.parts[i])
            || !sim_part_is_open(s, s->model.parts[i]))
        {
            return false;
        }
    }

    return !s->world.no_memory;
}


/* Partitions outside the run have nothing; for once they are open. */
static void
parked_open(struct sim *s)
{
    char key[ASG_RKEY_MAX];
    struct ctl_rows rows;
    unsigned i;

    if (!sim_sql(&s->world, &rows, "SELECT partition FROM partitions"
                 " WHERE run_id = 'x'"))
    {
        return;
    }
    for (i = 0; i < rows.nrows; i++) {
        (void) asg_rkey_meta(key, (unsigned) ctl_rows_i64(&rows, i, 0));
        (void) sim_redis_i64(&s->world, "HSET %s adj 0 st open", key);
    }
}


/* --- what it may find --- */

/* What counts in a window beyond what was admitted there: of holds whose room
 * was given to others while nobody knew them, and of those that were ended and
 * granted again by a command that was late, which count twice until the ledger
 * reads of the end. */
static int64_t
room_lent(struct sim *s, const char *pin)
{
    unsigned place[SIM_PINS_HOLD], i, k;
    const struct sim_hold *h;
    int64_t sum = 0;

    if (sim_pins_find(&s->model, pin, place) != 1) {
        return 0;
    }
    for (i = 0; i < s->model.nholds; i++) {
        h = &s->model.holds[i];
        for (k = 0; k < h->npins && h->pins[k] != place[0]; k++) {
            /* another one */
        }
        if (k < h->npins
            && (h->lent
                || (h->grants > 1
                    && sim_hold_is_open(&s->world, h->part, h->id))))
        {
            sum += h->amount;
        }
    }

    return sum;
}


/* The highest limit of the pin's window that a restore has taken back. */
static int64_t
limit_undone(struct sim *s, const char *pin)
{
    unsigned place[SIM_PINS_HOLD];
    const struct sim_pin *p;

    if (sim_pins_find(&s->model, pin, place) != 1) {
        return SIM_ABSENT;
    }
    p = &s->model.pins[place[0]];

    return s->model.budgets[p->budget].undone[p->window];
}


/* M1, with its amounts: is all of the excess room that was lent, or below a
 * limit that was in force and is on no record since a restore? */
static bool
excess_is_known(struct sim *s, const char *text)
{
    long long excess, limit, higher, above;
    int64_t undone;
    char pin[SIM_TEXT];

    if (sscanf(text, "M1 %500[^ ] spent %*d + held %*d is %lld above its limit"
               " of %lld; a higher limit explains %lld, charges above their"
               " holds %lld", pin, &excess, &limit, &higher, &above) != 5)
    {
        return false;
    }
    pin[strlen(pin) - 1] = '\0';        /* a colon */
    undone = limit_undone(s, pin);
    higher = undone == SIM_UNLIMITED ? excess
             : undone > limit + higher ? undone - limit : higher;

    return room_lent(s, pin) >= excess - higher - above;
}


/* M1, of a change that nobody has told Redis of: here the meters are away for
 * longer than an operator should let them. */
static bool
change_waits(const char *text)
{
    size_t line = strcspn(text, "\n");

    return memmem(text, line, ": Redis lacks its version ", 26) != NULL;
}


/* M9, of a gap in a stream whose lines nobody has replayed: does it have no
 * more events than a restore made the ledger forget? */
static bool
gap_is_known(struct sim *s, const char *text)
{
    struct ctl_rows rows;
    unsigned part;

    return sscanf(text, "M9 partition %u: %*d usage events between", &part) == 1
           && part < ASG_PARTITIONS && s->model.unread[part] > 0
           && memmem(text, strcspn(text, "\n"), " are not in the ledger", 22)
              != NULL
           && sim_sql(&s->world, &rows, "SELECT sum(events) FROM stream_gaps"
                      " WHERE closed_at IS NULL AND partition = %u", part)
           && ctl_rows_i64(&rows, 0, 0) <= s->model.unread[part];
}


/* What a window that was added opens with is looked at by the model alone. */
static bool
finding_is_known(struct sim *s, const char *text)
{
    return gap_is_known(s, text)
           || (strncmp(text, "M1 ", 3) == 0
               && (change_waits(text) || excess_is_known(s, text)));
}


/* The first that is not known; NULL: none. */
static const char *
finding(struct sim *s, const char *text)
{
    while (finding_is_known(s, text)) {
        text += strcspn(text, "\n");
        text += *text == '\n';
    }

    return *text != '\0' ? text : NULL;
}


/* --- running it --- */

/* `part` -1: everything.  False: it found something that is to be told. */
static bool
audit_run(struct sim *s, int part, FILE *out)
{
    struct sim_sender *sender = &s->meters.senders[1];
    struct ctl_error e = {0};
    unsigned broken = 0, missed = 0;
    bool ok;

    ctl_arena_reset(&sender->arena);
    ok = part < 0 ? ctl_audit_money(sender->pg, sender->redis, &sender->arena,
                                    out, &broken, &missed, &e)
                  : ctl_audit_partition(sender->pg, sender->redis,
                                        &sender->arena, (unsigned) part, true,
                                        out, &broken, &e);
    (void) sim_meter_judge(&s->meters, ok, &e);
    if ((!ok && part < 0) || missed > 0) {
        sim_fail(&s->world, "the audit: %s %s, %u partitions not compared",
                 e.text, e.detail, missed);
    }
    s->model.counts[part < 0 ? SIM_N_AUDITS_ALL : SIM_N_AUDITS]++;

    return broken == 0;
}


/* True: what it found is the product's to heal, by a reseed. */
static bool
audit(struct sim *s, int part)
{
    bool heals = part >= 0 && part_is_disturbed(s, (unsigned) part), right;
    const char *found;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (out == NULL) {
        return sim_fail(&s->world, "sim: no memory");
    }
    right = audit_run(s, part, out);
    fclose(out);
    found = right || heals ? NULL : finding(s, text);
    if (found != NULL) {
        sim_fail(&s->world, "the audit finds %.400s", found);
    }
    free(text);

    return !right && heals;
}


void
sim_audit_money(struct sim *s)
{
    parked_open(s);
    (void) audit(s, -1);
}


void
sim_audit_some(struct sim *s)
{
    unsigned part = s->model.sets[sim_draw(&s->world, s->model.nsets)].part;

    if (sim_chance(&s->world, ALL_PERCENT) && all_are_open(s)) {
        sim_say(&s->world, " everything");
        sim_audit_money(s);
        return;
    }
    sim_say(&s->world, " partition %u", part);
    if (sim_part_is_open(s, part) && audit(s, (int) part)) {
        sim_meter_force(&s->meters, part);
    }
}
