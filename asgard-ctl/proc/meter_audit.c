/*
 * The meter's sealer, which chains the audit log and says where its end is, and
 * its auditor, which compares the counters with the ledger and looks for
 * records that Redis lost.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit_money.h"
#include "audit/audit_seal.h"
#include "base/clock.h"
#include "base/log.h"
#include "ledger/ledger_month.h"
#include "meter/doubts.h"
#include "meter/outbox_record.h"
#include "meter/partition_lead.h"
#include "meter/refused_audit.h"
#include "meter/review_expiry.h"
#include "ops/readiness.h"
#include "proc/meter_thread.h"

#define SEAL_EVERY_MS    200
#define BEAT_EVERY_MS    1000
#define HEAD_EVERY_MS    10000
#define REVIEW_EVERY_MS  2000
#define HEAD_BYTES       96             /* a number and a hash */
#define AUDIT_EVERY_MS   4000           /* one partition; all in a minute */
#define AUDIT_POLL_MS    200
#define REFUSED_EVERY_MS 1000
#define REFUSED_BATCHES  10             /* in each of its turns */
#define RECORD_PAGES     20             /* of 200, in each of its turns */
#define TEND_EVERY_MS    3600000


/* --- the sealer --- */

/* Where the chain ends is said in the log too: who can change every row of the
 * database seldom has the logs as well. */
static bool
sealer_checkpoint(struct ctl_meter_thread *w, char *said, size_t size,
    struct ctl_error *e)
{
    const char *head;

    ctl_arena_reset(&w->arena);
    head = ctl_audit_checkpoint(w->pg, &w->arena, e);
    if (head != NULL && strcmp(head, said) != 0) {
        snprintf(said, size, "%s", head);
        ctl_log(CTL_LOG_INFO, "audit chain ends at %s", head);
    }

    return head != NULL;
}


static bool
sealer_turn(struct ctl_meter_thread *w, int64_t *beat, bool *whole,
    struct ctl_error *e)
{
    const char *info;
    unsigned n;

    if (!ctl_audit_seal(w->pg, &w->arena, *whole, &n, e)) {
        return false;
    }
    *whole = *whole && n > 0;           /* a batch at a time */
    if (!ctl_meter_is_due(beat, BEAT_EVERY_MS)) {
        return true;
    }
    info = ctl_arena_printf(&w->arena,
                            "{\"open\":%d,\"drift\":%d,\"lost\":%d}",
                            atomic_load(&w->meter->open),
                            atomic_load(&w->meter->drift),
                            atomic_load(&w->meter->lost));

    return ctl_readiness_beat(w->pg, &w->arena, "meter", info, e);
}


void *
ctl_meter_seal(void *data)
{
    struct ctl_meter *m = data;
    int64_t beat = 0, head = 0, review = 0;
    bool ok, whole = true;
    char said[HEAD_BYTES] = "";
    struct ctl_error e;
    struct ctl_meter_thread w;

    if (!ctl_meter_open(&w, m, "meter sealer", "asgard meter sealer")) {
        ctl_log(CTL_LOG_ERROR, "meter: the sealer cannot start");
        goto out;
    }
    while (!atomic_load(&m->stop)) {
        ctl_error_clear(&e);
        ctl_arena_reset(&w.arena);
        ok = sealer_turn(&w, &beat, &whole, &e)
             && (!ctl_meter_is_due(&head, HEAD_EVERY_MS)
                 || sealer_checkpoint(&w, said, sizeof(said), &e))
             && (!ctl_meter_is_due(&review, REVIEW_EVERY_MS)
                 || ctl_review_expiry_tell(w.pg, &w.arena, &e));
        ctl_meter_note(&w, ok, &e);
        ctl_meter_pause(SEAL_EVERY_MS);
    }
    if (!sealer_checkpoint(&w, said, sizeof(said), &e)) {
        ctl_log_error(&e, "reading the end of the audit chain");
    }

out:
    ctl_meter_close(&w);

    return NULL;
}


/* --- the auditor --- */

/* Counters that differ from the ledger are not believed any longer: the
 * partition is seeded again.  Who asks twice for it asks once. */
static bool
auditor_turn(struct ctl_meter_thread *w, unsigned part, struct ctl_error *e)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    unsigned broken = 0;
    bool ok;

    if (out == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    ok = ctl_audit_partition(w->pg, w->redis, &w->arena, part, false, out,
                             &broken, e);
    fclose(out);
    if (ok && broken > 0) {
        atomic_fetch_add(&w->meter->drift, (int) broken);
        ctl_log(CTL_LOG_ERROR, "partition %u differs from the ledger and is "
                "seeded again: %.*s", part, (int) strcspn(text, "\n"), text);
        ok = ctl_lead_force_reseed(w->pg, &w->arena, (int) part, 0, e);
    }
    free(text);

    return ok;
}


/* A partition that is closed is being seeded: a doubt of it is past. */
static bool
doubted_turn(struct ctl_meter_thread *w, unsigned part, struct ctl_error *e)
{
    struct ctl_rows rows;

    return CTL_PG(w->pg, &w->arena, &rows, e, "SELECT FROM partitions"
                  " WHERE partition = $1 AND step = 'open'",
                  ctl_arena_printf(&w->arena, "%u", part))
           && (rows.nrows == 0 || auditor_turn(w, part, e));
}


/* Those that are due, one after the other. */
static bool
auditor_doubts(struct ctl_meter_thread *w, struct ctl_doubts *d,
    struct ctl_error *e)
{
    unsigned i, part = 0;

    if (!ctl_doubts_take(d, w->redis, &w->arena, e)) {
        return false;
    }
    for (i = 0; i < ASG_PARTITIONS
                && ctl_doubts_next(d, ctl_clock_ms(), &part); i++)
    {
        ctl_arena_reset(&w->arena);
        if (!doubted_turn(w, part, e)) {
            return false;
        }
    }

    return true;
}


/* A lost record makes a good key unknown, and nobody would say so.  With few
 * records it is found within a turn, of a million within seven minutes. */
static bool
auditor_records(struct ctl_meter_thread *w, struct ctl_record_look *look,
    struct ctl_error *e)
{
    unsigned i, lost = 0;
    bool ok = true;

    for (i = 0; ok && i < RECORD_PAGES; i++) {
        ctl_arena_reset(&w->arena);
        ok = ctl_record_tend(w->pg, w->redis, &w->arena, look, &lost, e);
        if (look->after[0] == '\0' && !look->keys) {
            break;                      /* all were looked at */
        }
    }
    if (lost > 0) {
        atomic_fetch_add(&w->meter->lost, (int) lost);
        ctl_log(CTL_LOG_ERROR, "%u records were missing in Redis and are "
                "written again", lost);
    }

    return ok;
}


/* What gateways refused: all that is there, or so much of it. */
static bool
auditor_refused(struct ctl_meter_thread *w, struct ctl_error *e)
{
    bool ok = true, more = true;
    unsigned i;

    for (i = 0; ok && more && i < REFUSED_BATCHES; i++) {
        ctl_arena_reset(&w->arena);
        ok = ctl_refused_audit(w->pg, w->redis, &w->arena, &more, e);
    }

    return ok;
}


void *
ctl_meter_audit(void *data)
{
    struct ctl_meter *m = data;
    int64_t next = ctl_clock_ms() + AUDIT_EVERY_MS, tend = 0, refused = 0;
    struct ctl_doubts doubts = {0};
    struct ctl_record_look look = {0};
    unsigned part = 0;
    struct ctl_error e;
    struct ctl_meter_thread w;

    if (!ctl_meter_open(&w, m, "meter auditor", "asgard meter auditor")) {
        ctl_log(CTL_LOG_ERROR, "meter: the auditor cannot start");
        goto out;
    }
    while (!atomic_load(&m->stop)) {
        ctl_meter_pause(AUDIT_POLL_MS);
        ctl_error_clear(&e);
        ctl_arena_reset(&w.arena);
        if (atomic_load(&m->open) > 0 && ctl_meter_is_due(&tend, TEND_EVERY_MS)
            && !ctl_ledger_month_tend(w.pg, w.redis, &w.arena, &e))
        {
            tend = 0;
            ctl_meter_note(&w, false, &e);
        }
        if (atomic_load(&m->open) > 0
            && !auditor_doubts(&w, &doubts, &e))
        {
            ctl_meter_note(&w, false, &e);
        }
        if (atomic_load(&m->open) > 0
            && ctl_meter_is_due(&refused, REFUSED_EVERY_MS)
            && !auditor_refused(&w, &e))
        {
            ctl_meter_note(&w, false, &e);
        }
        if (atomic_load(&m->open) < ASG_PARTITIONS
            || !ctl_meter_is_due(&next, AUDIT_EVERY_MS))
        {
            continue;
        }
        ctl_meter_note(&w, auditor_turn(&w, part, &e), &e);
        ctl_error_clear(&e);
        ctl_meter_note(&w, auditor_records(&w, &look, &e), &e);
        part = (part + 1) % ASG_PARTITIONS;
    }

out:
    ctl_meter_close(&w);

    return NULL;
}
