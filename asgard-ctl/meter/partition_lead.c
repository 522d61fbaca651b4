/*
 * Leases of partitions, and the check of their fences.
 */
#include "meter/partition_lead.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "base/clock.h"

#define NONCE_BYTES  8
#define HOST_BYTES   24                 /* the whole name stays below 64 */
#define POLL_MS      20
#define META_FIELDS  8                  /* f st ctl adj dur e cap t */


bool
ctl_lead_init(struct ctl_leader *l)
{
    uint8_t nonce[NONCE_BYTES];
    char host[HOST_BYTES] = "";
    asg_buf_t name;
    unsigned i;

    memset(l, 0, sizeof(*l));
    if (RAND_bytes(nonce, sizeof(nonce)) != 1) {
        return false;
    }
    (void) gethostname(host, sizeof(host) - 1);
    host[sizeof(host) - 1] = '\0';
    asg_buf_init(&name, l->name, sizeof(l->name) - 1);
    asg_buf_z(&name, host);
    asg_buf_z(&name, ":");
    asg_buf_i64(&name, getpid());
    asg_buf_z(&name, ":");
    asg_buf_hex(&name, nonce, sizeof(nonce));
    for (i = 0; i < ASG_PARTITIONS; i++) {
        l->parts[i].part = i;
    }

    return asg_buf_ok(&name);
}


/* Another token, epoch or process: what was known of Redis is worth nothing. */
static void
partition_take(struct ctl_partition *p, const struct ctl_rows *rows,
    unsigned row)
{
    int64_t token = ctl_rows_i64(rows, row, 1);
    int64_t epoch = ctl_rows_i64(rows, row, 2);

    if (!p->led || token != p->token || epoch != p->epoch) {
        p->open = false;
        p->seeding = false;
        p->owed = true;
        p->moved = true;                /* the one before may have drained */
        p->durable[0] = '\0';
    }
    p->led = true;
    p->token = token;
    p->epoch = epoch;
    snprintf(p->run_id, sizeof(p->run_id), "%s", ctl_rows_at(rows, row, 3));
    snprintf(p->step, sizeof(p->step), "%s", ctl_rows_at(rows, row, 4));
    snprintf(p->cursor, sizeof(p->cursor), "%s", ctl_rows_at(rows, row, 5));
    p->corrections = ctl_rows_i64(rows, row, 6);
    p->rows_read = ctl_rows_i64(rows, row, 7);
    snprintf(p->replid, sizeof(p->replid), "%s", ctl_rows_at(rows, row, 8));
    p->open = p->open && strcmp(p->step, "open") == 0;
}


/* A leader that is held still inside a transaction keeps its rows locked: past
 * its lease its session is ended, and with it whatever it had not committed. */
static bool
expired_end(struct ctl_leader *l, struct ctl_error *e)
{
    return CTL_PG(l->pg, l->arena, NULL, e,
        "SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a"
        " WHERE a.usename = current_user AND a.application_name IN"
        " (SELECT leader FROM partitions WHERE leader_until < now()"
        " AND leader NOT IN ('', $1))", l->name);
}


static bool
leases_take(struct ctl_leader *l, struct ctl_rows *rows, struct ctl_error *e)
{
    return CTL_PG(l->pg, l->arena, rows, e,
        "WITH mine AS (UPDATE partitions SET leader = $1,"
        " leader_token = leader_token"
        " + CASE WHEN leader = $1 THEN 0 ELSE 1 END,"
        " leader_until = now() + interval '" CTL_LEASE_S " s'"
        " WHERE leader = $1 OR leader_until < now() OR NOT EXISTS"
        " (SELECT FROM pg_stat_activity WHERE application_name = leader)"
        " RETURNING partition, leader_token, epoch, run_id, step, replid)"
        " SELECT m.partition, m.leader_token, m.epoch, m.run_id, m.step,"
        " coalesce(c.last_id, '0-0'),"
        " (SELECT coalesce(max(a.seq), 0) FROM applies a"
        " WHERE a.partition = m.partition), coalesce(c.rows_read, 0),"
        " m.replid FROM mine m"
        " LEFT JOIN cursors c USING (partition, epoch)", l->name);
}


bool
ctl_lead_renew(struct ctl_leader *l, struct ctl_error *e)
{
    bool seen[ASG_PARTITIONS] = {false};
    struct ctl_rows rows;
    unsigned i;
    int64_t part;

    /* one transaction, one now(): no lease ends between the two */
    if (!ctl_pg_begin(l->pg, e)) {
        return false;
    }
    if (!expired_end(l, e) || !leases_take(l, &rows, e)) {
        ctl_pg_rollback(l->pg);
        return false;
    }
    if (!ctl_pg_commit(l->pg, e)) {
        return false;
    }
    for (i = 0; i < rows.nrows; i++) {
        part = ctl_rows_i64(&rows, i, 0);
        if (part >= 0 && part < ASG_PARTITIONS) {
            seen[part] = true;
            partition_take(&l->parts[part], &rows, i);
        }
    }
    for (i = 0; i < ASG_PARTITIONS; i++) {
        if (!seen[i]) {
            l->parts[i].led = l->parts[i].open = false;
            l->parts[i].seeding = false;
        }
    }

    return true;
}


void
ctl_lead_release(struct ctl_leader *l)
{
    struct ctl_error e = {0};

    (void) CTL_PG(l->pg, l->arena, NULL, &e,
        "UPDATE partitions SET leader = '', leader_until = '-infinity'"
        " WHERE leader = $1", l->name);
}


bool
ctl_stream_id_is_after(asg_str_t id, const char *other)
{
    uint64_t ms, seq, other_ms, other_seq;

    return asg_stream_id_parse(id, &ms, &seq) == ASG_OK
           && asg_stream_id_parse(asg_str_z(other), &other_ms, &other_seq)
              == ASG_OK
           && (ms != other_ms ? ms > other_ms : seq > other_seq);
}


/* Everything that Redis says of this server process was first committed by a
 * leader: what goes beyond the database was committed to one that is gone. */
static bool
is_ahead(const struct ctl_partition *p, const struct ctl_reply *meta)
{
    asg_fence_t fence;
    uint64_t adj, epoch;

    if (asg_str_u64(meta->items[5].text, &epoch)
        && epoch > (uint64_t) p->epoch)
    {
        return true;                    /* a gateway has seen it */
    }
    if (asg_fence_parse(meta->items[0].text, &fence) != ASG_OK) {
        return false;
    }
    if (fence.epoch != (uint64_t) p->epoch) {
        return fence.epoch > (uint64_t) p->epoch;
    }

    return (asg_str_u64(meta->items[3].text, &adj)
            && (int64_t) adj > p->corrections)
           || ctl_stream_id_is_after(meta->items[4].text, p->cursor);
}


bool
ctl_lead_check(struct ctl_leader *l, struct ctl_partition *p,
    struct ctl_error *e)
{
    char meta[ASG_RKEY_MAX], fence[CTL_FENCE_TEXT];
    asg_str_t argv[2 + META_FIELDS] = {ASG_STR("HMGET"), ASG_STR_NULL,
        ASG_STR("f"), ASG_STR("st"), ASG_STR("ctl"), ASG_STR("adj"),
        ASG_STR("dur"), ASG_STR("e"), ASG_STR("cap"), ASG_STR("t")};
    struct ctl_reply reply;
    uint64_t token = 0, cap, seen;

    if (!ctl_redis_ready(l->redis, e)) {
        p->open = false;
        return false;
    }
    argv[1] = (asg_str_t) {meta, asg_rkey_meta(meta, p->part)};
    if (!ctl_redis_replid(l->redis, l->arena, l->replid, e)
        || !ctl_redis_command(l->redis, l->arena, &reply, e, 2 + META_FIELDS,
                              argv))
    {
        p->open = false;
        return false;
    }
    p->ahead = reply.nitems == META_FIELDS && is_ahead(p, &reply);
    ctl_partition_fence(p, fence);
    p->open = !p->ahead && strcmp(p->step, "open") == 0
              && strcmp(p->run_id, ctl_redis_run_id(l->redis)) == 0
              && strcmp(p->replid, l->replid) == 0
              && reply.nitems == META_FIELDS
              && asg_str_eq_z(reply.items[0].text, fence)
              && asg_str_eq(reply.items[1].text, ASG_STR("open"))
              && asg_str_u64(reply.items[2].text, &token)
              && (int64_t) token <= p->token
              && asg_str_u64(reply.items[6].text, &cap);
    if (p->open) {
        p->cap = (int64_t) cap;
    }
    p->seen = reply.nitems == META_FIELDS
              && asg_str_u64(reply.items[7].text, &seen) ? (int64_t) seen : 0;

    return true;
}


bool
ctl_lead_redis_now(struct ctl_leader *l, int64_t *now, struct ctl_error *e)
{
    const asg_str_t time[1] = {ASG_STR("TIME")};
    struct ctl_reply reply;
    uint64_t seconds;

    if (!ctl_redis_command(l->redis, l->arena, &reply, e, 1, time)) {
        return false;
    }
    if (reply.nitems != 2 || !asg_str_u64(reply.items[0].text, &seconds)) {
        return ctl_error_away(e, "redis_unavailable", "TIME gave no time");
    }
    *now = (int64_t) seconds;

    return true;
}


bool
ctl_lead_clocks(struct ctl_leader *l, int64_t *now, int64_t *apart,
    struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!ctl_lead_redis_now(l, now, e)
        || !ctl_pg_query(l->pg, l->arena, &rows, e,
            "SELECT floor(extract(epoch FROM clock_timestamp()))::bigint",
            0, NULL))
    {
        return false;
    }
    *apart = *now - ctl_rows_i64(&rows, 0, 0);

    return true;
}


int64_t
ctl_lead_clock_back(struct ctl_leader *l, int64_t now)
{
    struct ctl_partition *p;
    int64_t back = 0;
    unsigned i;

    for (i = 0; i < ASG_PARTITIONS; i++) {
        p = &l->parts[i];
        if (p->open && p->seen - now > CTL_CLOCK_BACK_S) {
            p->open = false;
            back = p->seen - now > back ? p->seen - now : back;
        }
    }

    return back;
}


/* Partitions among `parts` that are not yet open under a higher epoch than
 * the one in `epochs`, both arrays as the database writes them. */
static bool
reseed_is_pending(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *parts, const char *epochs, bool *pending, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT count(*) FROM partitions p"
            " JOIN unnest($1::int[], $2::bigint[]) w(part, epoch)"
            " ON p.partition = w.part"
            " WHERE p.step <> 'open' OR p.epoch <= w.epoch", parts, epochs))
    {
        return false;
    }
    *pending = ctl_rows_i64(&rows, 0, 0) != 0;

    return true;
}


bool
ctl_lead_force_reseed(struct ctl_pg *pg, struct ctl_arena *arena, int part,
    int timeout_ms, struct ctl_error *e)
{
    const struct timespec pause = {0, POLL_MS * 1000000L};
    const char *which = part < 0 ? NULL : ctl_arena_printf(arena, "%d", part);
    int64_t until = ctl_clock_ms() + timeout_ms;
    struct ctl_rows rows;
    bool pending = true;

    if (!CTL_PG(pg, arena, &rows, e,
            "WITH w AS (UPDATE partitions SET step = 'new'"
            " WHERE $1::int IS NULL OR partition = $1::int"
            " RETURNING partition, epoch)"
            " SELECT array_agg(partition), array_agg(epoch) FROM w", which))
    {
        return false;
    }
    if (timeout_ms == 0) {
        return true;
    }
    while (ctl_clock_ms() < until) {
        if (!reseed_is_pending(pg, arena, ctl_rows_at(&rows, 0, 0),
                               ctl_rows_at(&rows, 0, 1), &pending, e))
        {
            return false;
        }
        if (!pending) {
            return true;
        }
        nanosleep(&pause, NULL);
    }

    return ctl_error_away(e, "reseed_pending",
                          "the partitions were not open again in time");
}
