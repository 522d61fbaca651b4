/*
 * Copying the holds of a partition, and opening them again.
 */
#include "meter/held_copy.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "meter/partition_lead.h"

#define TAKE_MS      500                /* of a turn: a lease ends after 3 s */
#define PAGE_HOLDS   1000
#define HOLD_BYTES   128                /* of one in JSON, beside its texts */
#define ESCAPED      6                  /* bytes of one that must be escaped */
#define SEED_ARGS    (2 + ASG_SCRIPT_BUDGETS_MAX)

/* A beat is noted each second while it is at most 3 s old. */
#define SILENT       "interval '1500 ms'"
#define FORGOTTEN    "interval '1 hour'"

#define SQL_WANTED \
    "SELECT partition FROM partitions p WHERE step = 'open'" \
    " AND EXISTS (SELECT FROM gateway_workers w" \
    " WHERE w.seen_at < now() - " SILENT \
    " AND w.seen_at > greatest(p.copied_at, now() - " FORGOTTEN "))" \
    " ORDER BY copied_at NULLS FIRST, partition"

#define SQL_PUT \
    "INSERT INTO held_copies (hold_id, partition, amount_nano, created_s," \
    " expires_s, pins, detail) SELECT t.i, $1::smallint, t.a, t.c, t.e, t.p," \
    " t.x FROM jsonb_to_recordset($2::jsonb)" \
    " AS t(i text, a bigint, c bigint, e bigint, p text, x text)" \
    " ON CONFLICT DO NOTHING"

/* Whoever lives extends its holds, and did so since: each gets the time anew
 * that it had, but not for long, when nobody speaks of it. */
#define SQL_OPEN \
    "SELECT c.hold_id, c.amount_nano, c.created_s, greatest(c.expires_s," \
    " $2::bigint + least(greatest(c.expires_s - c.created_s, 60), 120))," \
    " c.pins, c.detail FROM held_copies c WHERE c.partition = $1" \
    " AND NOT EXISTS (SELECT FROM holds h WHERE h.hold_id = c.hold_id)" \
    " ORDER BY c.hold_id"


static const char *
number(struct ctl_leader *l, int64_t n)
{
    return ctl_arena_printf(l->arena, "%lld", (long long) n);
}


/* --- copying --- */

/* Are the counters there those that we seeded, and open? */
static bool
is_ours(struct ctl_leader *l, const struct ctl_partition *p, bool *ours,
    struct ctl_error *e)
{
    char meta[ASG_RKEY_MAX], fence[CTL_FENCE_TEXT];
    const asg_str_t argv[4] = {ASG_STR("HMGET"),
                               {meta, asg_rkey_meta(meta, p->part)},
                               ASG_STR("f"), ASG_STR("st")};
    struct ctl_reply reply;

    if (!ctl_redis_command(l->redis, l->arena, &reply, e, 4, argv)) {
        return false;
    }
    ctl_partition_fence(p, fence);
    *ours = reply.nitems == 2 && asg_str_eq_z(reply.items[0].text, fence)
            && asg_str_eq_z(reply.items[1].text, "open");

    return true;
}


static void
hold_put(asg_buf_t *out, asg_str_t id, const struct ctl_hold_text *hold)
{
    asg_buf_z(out, out->len > 1 ? ",{\"i\":" : "{\"i\":");
    asg_buf_json(out, id);
    asg_buf_z(out, ",\"a\":\"");
    asg_buf_str(out, hold->amount);
    asg_buf_z(out, "\",\"c\":\"");
    asg_buf_str(out, hold->created);
    asg_buf_z(out, "\",\"e\":\"");
    asg_buf_str(out, hold->expires);
    asg_buf_z(out, "\",\"p\":");
    asg_buf_json(out, hold->pins);
    asg_buf_z(out, ",\"x\":");
    asg_buf_json(out, hold->detail);
    asg_buf_z(out, "}");
}


/* [{"i":id,"a":amount,"c":created,"e":expires,"p":pins,"x":detail}] of those
 * that are open; NULL: no memory. */
static const char *
page_text(struct ctl_leader *l, const struct ctl_reply *ids,
    const struct ctl_reply *all)
{
    struct ctl_hold_text hold;
    size_t i, bytes = 16;
    asg_buf_t out;

    for (i = 0; i < all->nitems; i++) {
        bytes += HOLD_BYTES + ids[i].text.len
                 + ESCAPED * all->items[i].text.len;
    }
    asg_buf_init(&out, ctl_arena_alloc(l->arena, bytes), bytes);
    if (out.data == NULL) {
        return NULL;
    }
    asg_buf_z(&out, "[");
    for (i = 0; i < all->nitems; i++) {
        if (ctl_partition_hold_parse(&all->items[i], &hold)) {
            hold_put(&out, ids[i].text, &hold);
        }
    }
    asg_buf_z(&out, "]");
    asg_buf_put(&out, "", 1);

    return asg_buf_ok(&out) ? out.data : NULL;
}


static bool
page_copy(struct ctl_leader *l, const struct ctl_partition *p,
    const struct ctl_reply *ids, size_t n, struct ctl_error *e)
{
    asg_str_t *argv = ctl_arena_alloc(l->arena, (n + 1) * sizeof(*argv));
    struct ctl_reply all;
    const char *text;
    size_t i, known = 0;
    char *key;

    if (argv == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    argv[0] = ASG_STR("MGET");
    for (i = 0; i < n; i++) {
        key = ctl_arena_alloc(l->arena, ASG_RKEY_MAX);
        if (key == NULL) {
            return ctl_error_internal(e, "out of memory");
        }
        argv[++known] = (asg_str_t) {key, asg_rkey_hold(key, p->part,
                                                        ids[i].text)};
    }
    if (!ctl_redis_command(l->redis, l->arena, &all, e, known + 1, argv)) {
        return false;
    }
    text = page_text(l, ids, &all);

    return text != NULL
           ? CTL_PG(l->pg, l->arena, NULL, e, SQL_PUT, number(l, p->part),
                    text)
           : ctl_error_internal(e, "out of memory");
}


static bool
holds_copy(struct ctl_leader *l, const struct ctl_partition *p,
    struct ctl_error *e)
{
    char key[ASG_RKEY_MAX];
    const asg_str_t argv[4] = {ASG_STR("ZRANGE"),
                               {key, asg_rkey_expiry(key, p->part)},
                               ASG_STR("0"), ASG_STR("-1")};
    struct ctl_reply ids;
    size_t i, n;

    if (!ctl_redis_command(l->redis, l->arena, &ids, e, 4, argv)
        || !CTL_PG(l->pg, l->arena, NULL, e, "DELETE FROM held_copies"
                   " WHERE partition = $1", number(l, p->part)))
    {
        return false;
    }
    for (i = 0; i < ids.nitems; i += n) {
        n = ids.nitems - i < PAGE_HOLDS ? ids.nitems - i : PAGE_HOLDS;
        if (!page_copy(l, p, ids.items + i, n, e)) {
            return false;
        }
    }

    return true;
}


/* By the time of the transaction, which began before Redis was read: who beats
 * later and falls silent again is copied again. */
static bool
copied_note(struct ctl_leader *l, const struct ctl_partition *p, bool *noted,
    struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(l->pg, l->arena, &rows, e,
            "UPDATE partitions SET copied_at = now() WHERE partition = $1"
            " AND leader_token = $2 AND epoch = $3 AND step = 'open'",
            number(l, p->part), number(l, p->token), number(l, p->epoch)))
    {
        return false;
    }
    *noted = rows.affected == 1;

    return true;
}


/* A Redis that loses its data meanwhile must not empty the copy that was. */
static bool
partition_copy(struct ctl_leader *l, const struct ctl_partition *p,
    struct ctl_error *e)
{
    bool before, after = false, noted = false, ok;

    if (!ctl_pg_begin(l->pg, e)) {
        return false;
    }
    ok = is_ours(l, p, &before, e)
         && (!before || (holds_copy(l, p, e)
                         && copied_note(l, p, &noted, e)
                         && is_ours(l, p, &after, e)));
    if (ok && after && noted) {
        return ctl_pg_commit(l->pg, e);
    }
    ctl_pg_rollback(l->pg);

    return ok;
}


bool
ctl_held_copy_take(struct ctl_leader *l, struct ctl_error *e)
{
    int64_t until = ctl_clock_ms() + TAKE_MS;
    const struct ctl_partition *p;
    struct ctl_rows rows;
    unsigned i;

    if (!CTL_PG(l->pg, l->arena, &rows, e, SQL_WANTED)) {
        return false;
    }
    for (i = 0; i < rows.nrows && ctl_clock_ms() < until; i++) {
        p = &l->parts[ctl_rows_i64(&rows, i, 0) % ASG_PARTITIONS];
        if (p->led && p->open && !partition_copy(l, p, e)) {
            return false;
        }
    }

    return true;
}


/* --- opening them again --- */

/* What Redis does not take is told of, and keeps the door from nobody. */
static bool
hold_seed(struct ctl_leader *l, struct ctl_partition *p,
    const struct ctl_rows *rows, unsigned row, struct ctl_error *e)
{
    char hold[ASG_RKEY_MAX], expiry[ASG_RKEY_MAX];
    const char *id = ctl_rows_at(rows, row, 0);
    asg_str_t keys[SEED_ARGS] = {
        {hold, asg_rkey_hold(hold, p->part, asg_str_z(id))},
        {expiry, asg_rkey_expiry(expiry, p->part)}
    };
    asg_str_t argv[6];
    asg_verdict_t verdict = ASG_VERDICT_ARG;
    size_t i, n = 2;

    for (i = 0; i < 6; i++) {
        argv[i] = asg_str_z(ctl_rows_at(rows, row, (unsigned) i));
    }
    if (ctl_partition_pin_keys(l, p, argv[4], keys, &n)
        && !ctl_partition_seed(l, p, "hold", n, keys, 6, argv, &verdict, e))
    {
        return false;
    }
    if (verdict != ASG_VERDICT_OK && verdict != ASG_VERDICT_DUP
        && verdict != ASG_VERDICT_ARG)
    {
        return ctl_error_away(e, "reseed_pending", "partition %u: hold: %s",
                              p->part, asg_verdict_text(verdict));
    }
    if (verdict == ASG_VERDICT_ARG) {
        ctl_log(CTL_LOG_ERROR, "partition %u: the copy of hold %s cannot be"
                " opened again", p->part, id);
    }

    return true;
}


bool
ctl_held_copy_seed(struct ctl_leader *l, struct ctl_partition *p,
    struct ctl_error *e)
{
    struct ctl_rows rows;
    int64_t now;
    unsigned i;

    if (!ctl_lead_redis_now(l, &now, e)
        || !CTL_PG(l->pg, l->arena, &rows, e, SQL_OPEN, number(l, p->part),
                   number(l, now)))
    {
        return false;
    }
    for (i = 0; i < rows.nrows; i++) {
        if (!hold_seed(l, p, &rows, i, e)) {
            return false;
        }
    }
    if (rows.nrows > 0) {
        ctl_log(CTL_LOG_INFO, "partition %u: %u holds are open again as they "
                "were copied when a gateway fell silent", p->part, rows.nrows);
    }

    return true;
}
