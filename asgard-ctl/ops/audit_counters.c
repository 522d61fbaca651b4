/*
 * Reading a partition of Redis in one transaction, and comparing it.
 */
#include "ops/audit_counters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/rkey.h"
#include "core/script.h"
#include "ops/partition.h"

#define ENTRY_JSON  192         /* of one counter or hold, beside pins */

/* The server's answers to one MULTI: the head, then budgets, then holds. */
struct snapshot {
    struct ctl_rows budgets;            /* ids in Postgres */
    struct ctl_reply holds;             /* ids in the zset before */
    struct ctl_reply all;
    const char *cursor, *adj;           /* of the ledger before */
    int64_t epoch;
};

/* What stands first in the transaction's answer. */
enum { AT_META, AT_LAST, AT_HOLDS, AT_BUDGETS };

#define SQL_POINT \
    "SELECT p.epoch, coalesce(c.last_id, '0-0')," \
    " (SELECT coalesce(max(seq), 0) FROM applies a" \
    " WHERE a.partition = p.partition), p.step FROM partitions p" \
    " LEFT JOIN cursors c USING (partition, epoch)" \
    " WHERE p.partition = $1"

/* $1 the counters of Redis, $2 its open holds.  A hold with an end in the
 * ledger is not open whatever Redis says. */
#define SQL_COMPARE \
    "WITH c AS (SELECT * FROM jsonb_to_recordset($1::jsonb)" \
    " AS t(b text, w text, i bigint, s bigint, h bigint))," \
    " held AS (SELECT pin, sum(t.a) AS a FROM jsonb_to_recordset($2::jsonb)" \
    " AS t(a bigint, p text), unnest(string_to_array(t.p, ',')) AS pin" \
    " GROUP BY pin), d AS (SELECT c.*, coalesce(held.a, 0) AS held," \
    " coalesce(o.amount_nusd, 0) + coalesce(b.spent_nano, 0) AS spent FROM c" \
    " LEFT JOIN held ON held.pin = c.b || ':' || c.w || ':' || c.i" \
    " LEFT JOIN openings o ON o.budget_id = c.b AND o.window_name = c.w" \
    " AND o.window_id = c.i LEFT JOIN balances b ON b.budget_id = c.b" \
    " AND b.window_name = c.w AND b.window_id = c.i)" \
    " SELECT 'M3 ' || b || ':' || w || ':' || i || ': held ' || h" \
    " || ', open holds sum to ' || held FROM d WHERE h <> held UNION ALL" \
    " SELECT 'M4 ' || b || ':' || w || ':' || i || ': spent ' || s" \
    " || ', the ledger says ' || spent FROM d WHERE s <> spent"


static const char *
part_text(struct ctl_arena *arena, unsigned part)
{
    return ctl_arena_printf(arena, "%u", part);
}


static bool
point_read(struct ctl_pg *pg, struct ctl_arena *arena, unsigned part,
    struct snapshot *s, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e, SQL_POINT, part_text(arena, part))) {
        return false;
    }
    if (strcmp(ctl_rows_at(&rows, 0, 3), "open") != 0) {
        return ctl_error_away(e, "budget_unavailable",
                              "partition %u is not open", part);
    }
    s->epoch = ctl_rows_i64(&rows, 0, 0);
    s->cursor = ctl_rows_at(&rows, 0, 1);
    s->adj = ctl_rows_at(&rows, 0, 2);

    return true;
}


static bool
names_read(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, unsigned part, struct snapshot *s,
    struct ctl_error *e)
{
    char key[ASG_RKEY_MAX];
    asg_str_t argv[4] = {ASG_STR("ZRANGE"), ASG_STR_NULL, ASG_STR("0"),
                         ASG_STR("-1")};

    argv[1] = (asg_str_t) {key, asg_rkey_expiry(key, part)};

    return CTL_PG(pg, arena, &s->budgets, e,
               "SELECT budget_id FROM budgets WHERE partition = $1",
               part_text(arena, part))
           && ctl_redis_command(redis, arena, &s->holds, e, 4, argv);
}


static bool
queue(struct ctl_redis *redis, struct ctl_arena *arena, const char *command,
    const char *key, size_t len, struct ctl_error *e)
{
    const asg_str_t argv[2] = {asg_str_z(command), {key, len}};
    struct ctl_reply reply;

    return ctl_redis_command(redis, arena, &reply, e, 2, argv);
}


static bool
head_queue(struct ctl_redis *redis, struct ctl_arena *arena, unsigned part,
    int64_t epoch, struct ctl_error *e)
{
    char key[ASG_RKEY_MAX];
    asg_str_t last[6] = {ASG_STR("XREVRANGE"), ASG_STR_NULL, ASG_STR("+"),
                         ASG_STR("-"), ASG_STR("COUNT"), ASG_STR("1")};
    asg_str_t meta[4] = {ASG_STR("HMGET"), ASG_STR_NULL, ASG_STR("adj"),
                         ASG_STR("st")};
    asg_str_t holds[4] = {ASG_STR("ZRANGE"), ASG_STR_NULL, ASG_STR("0"),
                          ASG_STR("-1")};
    struct ctl_reply reply;

    meta[1] = (asg_str_t) {key, asg_rkey_meta(key, part)};
    if (!ctl_redis_command(redis, arena, &reply, e, 4, meta)) {
        return false;
    }
    last[1] = (asg_str_t) {key, asg_rkey_stream(key, part,
                                                (uint64_t) epoch)};
    if (!ctl_redis_command(redis, arena, &reply, e, 6, last)) {
        return false;
    }
    holds[1] = (asg_str_t) {key, asg_rkey_expiry(key, part)};

    return ctl_redis_command(redis, arena, &reply, e, 4, holds);
}


static bool
redis_read(struct ctl_redis *redis, struct ctl_arena *arena, unsigned part,
    struct snapshot *s, struct ctl_error *e)
{
    const asg_str_t multi[1] = {ASG_STR("MULTI")}, exec[1] = {ASG_STR("EXEC")};
    char key[ASG_RKEY_MAX];
    struct ctl_reply reply;
    size_t i, len;

    if (!ctl_redis_command(redis, arena, &reply, e, 1, multi)
        || !head_queue(redis, arena, part, s->epoch, e))
    {
        return false;
    }
    for (i = 0; i < s->budgets.nrows; i++) {
        len = asg_rkey_budget(key, part, asg_str_z(ctl_rows_at(&s->budgets,
                                                   (unsigned) i, 0)));
        if (!queue(redis, arena, "HGETALL", key, len, e)) {
            return false;
        }
    }
    for (i = 0; i < s->holds.nitems; i++) {
        len = asg_rkey_hold(key, part, s->holds.items[i].text);
        if (!queue(redis, arena, "GET", key, len, e)) {
            return false;
        }
    }

    return ctl_redis_command(redis, arena, &s->all, e, 1, exec)
           && (s->all.nitems == AT_BUDGETS + s->budgets.nrows
                                + s->holds.nitems
               || ctl_error_away(e, "redis_unavailable",
                                 "a transaction was refused"));
}


/* The ledger stood where Redis stands, and the open holds are those read. */
static bool
is_steady(const struct snapshot *s)
{
    const struct ctl_reply *meta = &s->all.items[AT_META];
    const struct ctl_reply *last = &s->all.items[AT_LAST];
    const struct ctl_reply *holds = &s->all.items[AT_HOLDS];
    size_t i;

    if (meta->nitems != 2 || !asg_str_eq_z(meta->items[0].text, s->adj)
        || !asg_str_eq_z(meta->items[1].text, "open")
        || holds->nitems != s->holds.nitems)
    {
        return false;
    }
    for (i = 0; i < holds->nitems; i++) {
        if (!asg_str_eq(holds->items[i].text, s->holds.items[i].text)) {
            return false;
        }
    }

    /* a stream that was cut to nothing has no last entry to tell */
    return last->nitems == 0
           || (last->items[0].nitems == 2
               && asg_str_eq_z(last->items[0].items[0].text, s->cursor));
}


static asg_str_t
hash_get(const struct ctl_reply *hash, char kind, const asg_str_t *rest)
{
    size_t i;
    asg_str_t f;

    for (i = 0; i + 1 < hash->nitems; i += 2) {
        f = hash->items[i].text;
        if (f.len == rest->len + 1 && f.data[0] == kind
            && memcmp(f.data + 1, rest->data, rest->len) == 0)
        {
            return hash->items[i + 1].text;
        }
    }

    return ASG_STR("0");
}


/* {"b":…,"w":…,"i":…,"s":…,"h":…} for each field `s:<w>:<id>`. */
static void
counters_put(asg_buf_t *out, const char *budget, const struct ctl_reply *hash)
{
    const char *colon;
    asg_str_t f, rest;
    size_t i;

    for (i = 0; i + 1 < hash->nitems; i += 2) {
        f = hash->items[i].text;
        colon = f.len > 2 && memcmp(f.data, "s:", 2) == 0
                ? memchr(f.data + 2, ':', f.len - 2) : NULL;
        if (colon == NULL) {
            continue;
        }
        rest = (asg_str_t) {f.data + 1, f.len - 1};
        asg_buf_z(out, out->len > 1 ? ",{\"b\":" : "{\"b\":");
        asg_buf_json(out, asg_str_z(budget));
        asg_buf_z(out, ",\"w\":");
        asg_buf_json(out, (asg_str_t) {f.data + 2,
                                       (size_t) (colon - f.data) - 2});
        asg_buf_z(out, ",\"i\":\"");
        asg_buf_z(out, colon + 1);
        asg_buf_z(out, "\",\"s\":\"");
        asg_buf_str(out, hash->items[i + 1].text);
        asg_buf_z(out, "\",\"h\":\"");
        asg_buf_str(out, hash_get(hash, 'h', &rest));
        asg_buf_z(out, "\"}");
    }
}


static const char *
counters_text(struct ctl_arena *arena, const struct snapshot *s)
{
    size_t bytes = 64;
    asg_buf_t out;
    unsigned i;

    for (i = 0; i < s->budgets.nrows; i++) {
        bytes += s->all.items[AT_BUDGETS + i].nitems * ENTRY_JSON;
    }
    asg_buf_init(&out, ctl_arena_alloc(arena, bytes), bytes);
    if (out.data == NULL) {
        return NULL;
    }
    asg_buf_z(&out, "[");
    for (i = 0; i < s->budgets.nrows; i++) {
        counters_put(&out, ctl_rows_at(&s->budgets, i, 0),
                     &s->all.items[AT_BUDGETS + i]);
    }
    asg_buf_z(&out, "]");
    asg_buf_put(&out, "", 1);

    return asg_buf_ok(&out) ? out.data : NULL;
}


static const char *
holds_text(struct ctl_arena *arena, const struct snapshot *s)
{
    size_t i, first = AT_BUDGETS + s->budgets.nrows;
    size_t bytes = 64 + s->holds.nitems * ENTRY_JSON;
    const struct ctl_reply *hold;
    struct ctl_hold_text parts;
    asg_buf_t out;

    for (i = 0; i < s->holds.nitems; i++) {
        bytes += s->all.items[first + i].text.len;
    }
    asg_buf_init(&out, ctl_arena_alloc(arena, bytes), bytes);
    if (out.data == NULL) {
        return NULL;
    }
    asg_buf_z(&out, "[");
    for (i = 0; i < s->holds.nitems; i++) {
        hold = &s->all.items[first + i];
        if (ctl_partition_hold_parse(hold, &parts)) {
            asg_buf_z(&out, out.len > 1 ? ",{\"a\":" : "{\"a\":");
            asg_buf_str(&out, parts.amount);
            asg_buf_z(&out, ",\"p\":");
            asg_buf_json(&out, parts.pins);
            asg_buf_z(&out, "}");
        }
    }
    asg_buf_z(&out, "]");
    asg_buf_put(&out, "", 1);

    return asg_buf_ok(&out) ? out.data : NULL;
}


static bool
compare(struct ctl_pg *pg, struct ctl_arena *arena, const struct snapshot *s,
    FILE *out, unsigned *broken, struct ctl_error *e)
{
    const char *counters = counters_text(arena, s);
    const char *holds = holds_text(arena, s);
    struct ctl_rows rows;
    unsigned i;

    if (counters == NULL || holds == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    if (!CTL_PG(pg, arena, &rows, e, SQL_COMPARE, counters, holds)) {
        return false;
    }
    for (i = 0; out != NULL && i < rows.nrows; i++) {
        fprintf(out, "%s\n", ctl_rows_at(&rows, i, 0));
    }
    *broken = rows.nrows;

    return true;
}


bool
ctl_audit_counters(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, unsigned part, FILE *out, bool *steady,
    unsigned *broken, struct ctl_error *e)
{
    struct snapshot s = {0};
    struct snapshot after = {0};

    *broken = 0;
    *steady = false;
    if (!names_read(pg, redis, arena, part, &s, e)
        || !point_read(pg, arena, part, &s, e)
        || !redis_read(redis, arena, part, &s, e))
    {
        return false;
    }
    if (!is_steady(&s)) {
        return true;
    }
    if (!compare(pg, arena, &s, out, broken, e)
        || !point_read(pg, arena, part, &after, e))
    {
        return false;
    }
    /* the comparison used the same ledger as the reading before it */
    *steady = strcmp(s.cursor, after.cursor) == 0
              && strcmp(s.adj, after.adj) == 0 && s.epoch == after.epoch;

    return true;
}
