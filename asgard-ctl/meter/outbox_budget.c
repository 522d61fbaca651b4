/*
 * Sending budgets.
 */
#include "meter/outbox_budget.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ledger/opening.h"
#include "ledger/zone.h"
#include "meter/limit_start.h"
#include "meter/partition_lead.h"

#define ARGS_MAX   40
#define READ_WAITS 5                    /* for the ledger to read on */
#define READ_MS    20

struct sending {
    struct ctl_leader leader;           /* just what seed needs */
    struct ctl_partition partition;
    const char *version;
    int64_t now;                        /* by Redis' clock, as its scripts do */
    int64_t ahead_s;                    /* ... of the database's, if it is */
    struct ctl_window_row windows[ASG_WINDOWS_MAX];
    unsigned nwindows;
    bool in_use[ASG_WINDOWS_MAX];       /* by Redis, as far as we know */
    char specs[ASG_WINDOWS_MAX * ASG_WINDOW_SPEC_MAX];
    char key[ASG_RKEY_MAX];
};


static bool
windows_fill(struct sending *s, const struct ctl_rows *rows,
    struct ctl_error *e)
{
    struct ctl_window_row *w;
    asg_buf_t out;
    unsigned i;

    asg_buf_init(&out, s->specs, sizeof(s->specs) - 1);
    for (i = 0; i < rows->nrows && i < ASG_WINDOWS_MAX; i++) {
        w = &s->windows[s->nwindows++];
        w->budget_id = ctl_rows_at(rows, i, 0);
        w->limit = ctl_rows_at(rows, i, 6);
        w->added_at = ctl_rows_i64(rows, i, 7) + s->ahead_s;
        w->late = ctl_rows_at(rows, i, 10)[0] == 't';
        asg_buf_z(&out, i ? "," : "");
        if (!ctl_zone_window(rows, i, 11, &w->window, e)) {
            return false;
        }
        if (asg_window_spec(&w->window, s->now, &out) != ASG_OK) {
            return ctl_error_internal(e, "%s has a bad window", w->budget_id);
        }
    }
    s->specs[out.len] = '\0';

    return asg_buf_ok(&out)
           || ctl_error_internal(e, "the windows are too many");
}


/* The period that a window opens in is the one that reserve would use: of the
 * time that Redis has, or has seen.  `pg_now` is the database's. */
static bool
now_read(struct sending *s, int64_t pg_now, struct ctl_error *e)
{
    char meta[ASG_RKEY_MAX];
    asg_str_t argv[3] = {ASG_STR("HGET"), ASG_STR_NULL, ASG_STR("t")};
    struct ctl_reply seen;
    uint64_t seconds;

    argv[1] = (asg_str_t) {meta, asg_rkey_meta(meta, s->partition.part)};
    if (!ctl_lead_redis_now(&s->leader, &s->now, e)
        || !ctl_redis_command(s->leader.redis, s->leader.arena, &seen, e, 3,
                              argv))
    {
        return false;
    }
    if (seen.kind == CTL_REPLY_TEXT && asg_str_u64(seen.text, &seconds)
        && (int64_t) seconds > s->now)
    {
        s->now = (int64_t) seconds;
    }
    s->ahead_s = s->now > pg_now ? s->now - pg_now : 0;

    return true;
}


static bool
budget_read(struct sending *s, const char *budget_id, struct ctl_error *e)
{
    struct ctl_partition *p = &s->partition;
    struct ctl_rows rows;

    if (!CTL_PG(s->leader.pg, s->leader.arena, &rows, e,
            "SELECT b.budget_id, b.version, b.partition, p.leader_token,"
            " p.epoch, p.run_id,"
            " coalesce(w.limit_nusd::text, '-'),"
            " floor(extract(epoch FROM w.added_at))::bigint, p.step,"
            " floor(extract(epoch FROM clock_timestamp()))::bigint, "
            CTL_BUDGET_LATE ", " CTL_ZONE_COLUMNS
            " FROM budgets b JOIN partitions p USING (partition)"
            " JOIN budget_windows w USING (budget_id)" CTL_ZONE_JOIN
            " WHERE b.budget_id = $1 ORDER BY w.window_name", budget_id))
    {
        return false;
    }
    if (rows.nrows == 0) {
        return ctl_error_internal(e, "there is no budget %s", budget_id);
    }
    s->version = ctl_rows_at(&rows, 0, 1);
    p->part = (unsigned) ctl_rows_i64(&rows, 0, 2);
    p->token = ctl_rows_i64(&rows, 0, 3);
    p->epoch = ctl_rows_i64(&rows, 0, 4);
    snprintf(p->run_id, sizeof(p->run_id), "%s", ctl_rows_at(&rows, 0, 5));
    /* a server that was started again still has the fence of its old life */
    p->open = strcmp(ctl_rows_at(&rows, 0, 8), "open") == 0
              && strcmp(p->run_id, ctl_redis_run_id(s->leader.redis)) == 0;
    (void) asg_rkey_budget(s->key, p->part, asg_str_z(budget_id));

    return (p->open
            || ctl_error_away(e, "budget_unavailable",
                              "partition %u is not open", p->part))
           && now_read(s, ctl_rows_i64(&rows, 0, 9), e)
           && windows_fill(s, &rows, e);
}


/* Of calls that ran without the window,
 * "<id>:<spent>:<outside>:<adj>:<stream-id>".  The budget, or the key that had
 * none, was charged until now, so the opening is due even if the period began
 * after the change.  What Redis is still owed for holds that name the window is
 * in what was spent, and would count twice: the script refuses while that is
 * so.  What ended after the event is in it not: the script adds it, and finds
 * out what is held. */
static bool
opening_due(struct sending *s, struct ctl_window_row *w, int64_t start,
    const char **text, struct ctl_error *e)
{
    struct ctl_opening o;

    if (!ctl_opening_sum(s->leader.pg, s->leader.arena, w, s->now, &o, e)) {
        return false;
    }
    *text = ctl_arena_printf(s->leader.arena, "%lld:%lld:%lld:%s",
                             (long long) start, (long long) o.spent_nusd,
                             (long long) o.outside_nusd, o.upto);

    return *text != NULL || ctl_error_internal(e, "out of memory");
}


/* Of a new budget, "<id>:<spent>": there is nothing else to look for. */
static bool
opening_first(struct sending *s, struct ctl_window_row *w, int64_t start,
    const char **text, struct ctl_error *e)
{
    asg_nusd_t spent;

    if (!ctl_opening_ensure(s->leader.pg, s->leader.arena, w, s->now, e)
        || !ctl_opening_spent(s->leader.pg, s->leader.arena, w, s->now,
                              &spent, e))
    {
        return false;
    }
    *text = ctl_arena_printf(s->leader.arena, "%lld:%lld", (long long) start,
                             (long long) spent);

    return *text != NULL || ctl_error_internal(e, "out of memory");
}


/* "-" for a window that Redis uses, or without a period. */
static bool
opening_text(struct sending *s, unsigned i, bool exists, const char **text,
    struct ctl_error *e)
{
    struct ctl_window_row *w = &s->windows[i];
    int64_t start = asg_window_start(&w->window, s->now);

    *text = "-";
    if (s->in_use[i] || start == ASG_WINDOW_NONE) {
        return true;
    }

    return exists || w->late ? opening_due(s, w, start, text, e)
                             : opening_first(s, w, start, text, e);
}


/* Which windows Redis uses already: field `c:<w>`; and whether it has the
 * budget at all: field `v`. */
static bool
in_use_read(struct sending *s, bool *exists, struct ctl_error *e)
{
    asg_str_t argv[3 + ASG_WINDOWS_MAX] = {ASG_STR("HMGET"),
                                           asg_str_z(s->key), ASG_STR("v")};
    struct ctl_reply reply;
    unsigned i;

    for (i = 0; i < s->nwindows; i++) {
        argv[3 + i] = asg_str_z(ctl_arena_printf(s->leader.arena, "c:%s",
                                                 s->windows[i].window.name));
    }
    if (!ctl_redis_command(s->leader.redis, s->leader.arena, &reply, e,
                           3 + s->nwindows, argv))
    {
        return false;
    }
    *exists = reply.nitems > 0 && reply.items[0].kind == CTL_REPLY_TEXT;
    for (i = 0; i < s->nwindows; i++) {
        s->in_use[i] = i + 1 < reply.nitems
                       && reply.items[i + 1].kind == CTL_REPLY_TEXT;
    }

    return true;
}


/* limit: version w (w limit opening)...   add: version at w (...)... */
static bool
budget_seed(struct sending *s, bool exists, struct ctl_reply *reply,
    asg_verdict_t *verdict, struct ctl_error *e)
{
    char stream[ASG_RKEY_MAX];
    const asg_str_t keys[2] = {
        asg_str_z(s->key),
        {stream, asg_rkey_stream(stream, s->partition.part,
                                 (uint64_t) s->partition.epoch)}
    };
    asg_str_t argv[ARGS_MAX];
    const char *opening;
    size_t n = 0;
    unsigned i;

    argv[n++] = asg_str_z(s->version);
    if (!exists) {
        argv[n++] = asg_str_z(ctl_arena_printf(s->leader.arena, "%lld",
                                               (long long) s->now));
    }
    argv[n++] = asg_str_z(s->specs);
    for (i = 0; i < s->nwindows; i++) {
        if (!opening_text(s, i, exists, &opening, e)) {
            return false;
        }
        argv[n++] = asg_str_z(s->windows[i].window.name);
        argv[n++] = asg_str_z(s->windows[i].limit);
        argv[n++] = asg_str_z(opening);
    }

    return ctl_partition_seed_reply(&s->leader, &s->partition,
                                    exists ? "limit" : "add", 2, keys, n,
                                    argv, reply, verdict, e);
}


/* relimit: version (w limit)...  An opening that has to wait keeps no limit
 * waiting: what Redis counts already has its new limit at once, the rest comes
 * with the whole change. */
static bool
limits_seed(struct sending *s, struct ctl_error *e)
{
    const asg_str_t key = asg_str_z(s->key);
    asg_str_t argv[1 + 2 * ASG_WINDOWS_MAX];
    asg_verdict_t verdict;
    size_t n = 0;
    unsigned i;

    argv[n++] = asg_str_z(s->version);
    for (i = 0; i < s->nwindows; i++) {
        argv[n++] = asg_str_z(s->windows[i].window.name);
        argv[n++] = asg_str_z(s->windows[i].limit);
    }

    return ctl_partition_seed(&s->leader, &s->partition, "relimit", 1, &key,
                              n, argv, &verdict, e)
           && (verdict == ASG_VERDICT_OK || verdict == ASG_VERDICT_OLD
               || ctl_error_away(e, "budget_unavailable", "limits of %s: %s",
                                 s->windows[0].budget_id,
                                 asg_verdict_text(verdict)));
}


/* A budget that Redis was told of and has no more lost what it held: only a
 * reseed knows that.  Rows that were sent are kept for a week. */
static bool
is_new(struct sending *s, const char *budget_id, bool *fresh,
    struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(s->leader.pg, s->leader.arena, &rows, e,
            "SELECT FROM budgets WHERE budget_id = $1"
            " AND created_at > now() - interval '6 days'"
            " AND NOT EXISTS (SELECT FROM outbox WHERE kind = 'budget'"
            " AND target = budget_id AND sent_at IS NOT NULL)", budget_id))
    {
        return false;
    }
    *fresh = rows.nrows > 0;

    return true;
}


static bool
budget_was_lost(struct sending *s, const char *budget_id, struct ctl_error *e)
{
    return ctl_lead_force_reseed(s->leader.pg, s->leader.arena,
                                 (int) s->partition.part, 0, e)
           && ctl_error_away(e, "budget_unavailable", "the counters of %s are "
                             "gone: partition %u is seeded again", budget_id,
                             s->partition.part);
}


/* OK and OLD say what the windows opened with, in this attempt or in another,
 * whose answer was lost perhaps: now the ledger says so, too. */
static bool
openings_take(struct sending *s, const struct ctl_reply *reply,
    struct ctl_error *e)
{
    const struct ctl_window_row *w;
    bool same = true;
    size_t at;
    unsigned i;

    for (i = 0; i < s->nwindows; i++) {
        w = &s->windows[i];
        for (at = 1; at + 1 < reply->nitems; at += 2) {
            if (!asg_str_eq_z(reply->items[at].text, w->window.name)) {
                continue;
            }
            if (!ctl_opening_take(s->leader.pg, s->leader.arena, w,
                                  s->partition.epoch,
                                  reply->items[at + 1].text.data, &same, e))
            {
                return false;
            }
            if (!same) {
                return ctl_error_away(e, "budget_unavailable", "partition %u "
                                      "is seeded again", s->partition.part);
            }
        }
    }

    return true;
}


/* UNSEEDED w: a window that we took for used begins elsewhere now. */
static bool
is_not_used(struct sending *s, const struct ctl_reply *reply)
{
    unsigned i;

    for (i = 0; reply->nitems > 1 && i < s->nwindows; i++) {
        if (s->in_use[i]
            && asg_str_eq_z(reply->items[1].text, s->windows[i].window.name))
        {
            s->in_use[i] = false;
            return true;
        }
    }

    return false;
}


/* GAP: a correction was applied since the ledger was summed, or waits; BEHIND:
 * the ledger reads on all the time. */
static bool
is_waiting(asg_verdict_t verdict)
{
    return verdict == ASG_VERDICT_GAP || verdict == ASG_VERDICT_BEHIND;
}


static bool
is_worth_waiting(asg_verdict_t verdict, unsigned *waits)
{
    const struct timespec pause = {0, READ_MS * 1000000L};

    if (!is_waiting(verdict) || ++*waits > READ_WAITS) {
        return false;
    }
    nanosleep(&pause, NULL);

    return true;
}


bool
ctl_budget_send(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, const char *budget_id, struct ctl_error *e)
{
    struct sending *s = ctl_arena_alloc(arena, sizeof(*s));
    struct ctl_reply reply;
    asg_verdict_t verdict;
    bool exists, fresh = true;
    unsigned waits = 0;

    if (s == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    s->leader.pg = pg;
    s->leader.redis = redis;
    s->leader.arena = arena;
    if (!budget_read(s, budget_id, e) || !in_use_read(s, &exists, e)
        || (!exists && !is_new(s, budget_id, &fresh, e)))
    {
        return false;
    }
    if (!fresh) {
        return budget_was_lost(s, budget_id, e);
    }
    do {                                /* once for each window, and wait */
        if (!budget_seed(s, exists, &reply, &verdict, e)
            || (exists && waits == 0 && is_waiting(verdict)
                && !limits_seed(s, e)))
        {
            return false;
        }
    } while ((verdict == ASG_VERDICT_UNSEEDED && is_not_used(s, &reply))
             || is_worth_waiting(verdict, &waits));

    /* DUP, UNSEEDED: it came or went meanwhile, or its period ended; GAP: Redis
     * is owed something; BEHIND: the ledger must read on; the next attempt sees
     * it */
    return verdict == ASG_VERDICT_OK || verdict == ASG_VERDICT_OLD
           ? openings_take(s, &reply, e)
             && ctl_limit_start_note(pg, redis, arena, budget_id, s->key, e)
           : ctl_error_away(e, "budget_unavailable", "seed of %s: %s",
                            budget_id, asg_verdict_text(verdict));
}
