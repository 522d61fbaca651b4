/*
 * Beats of the gateways' workers, and what they have told.
 */
#include "meter/gateways.h"

#include <string.h>

#include "base/log.h"
#include "meter/held_copy.h"
#include "meter/partition_lead.h"

#define BEAT_LATE_S    3                /* a beat a second is expected */
#define WORKERS_MAX    4096
#define LIVED          "interval '5 s'" /* before the last beat of any */

/* Workers that lived and are not among $1. */
#define FROM_SILENT \
    " FROM gateway_workers WHERE seen_at >" \
    " (SELECT max(seen_at) FROM gateway_workers) - " LIVED \
    " AND unheard_at IS NULL AND NOT worker_id = ANY ($1::text[])"


static bool
is_worker_id(asg_str_t id)
{
    return asg_id_is_valid(id);
}


/* {a,b,c} of the texts of a reply that are worker ids. */
static const char *
ids_text(struct ctl_leader *l, const struct ctl_reply *ids)
{
    size_t n = ids->nitems < WORKERS_MAX ? ids->nitems : WORKERS_MAX;
    size_t i, bytes = 3 + n * (ASG_ID_MAX + 1);
    asg_buf_t out;

    asg_buf_init(&out, ctl_arena_alloc(l->arena, bytes), bytes);
    if (out.data == NULL) {
        return NULL;
    }
    asg_buf_z(&out, "{");
    for (i = 0; i < n; i++) {
        if (is_worker_id(ids->items[i].text)) {
            asg_buf_z(&out, out.len > 1 ? "," : "");
            asg_buf_str(&out, ids->items[i].text);
        }
    }
    asg_buf_z(&out, "}");
    asg_buf_put(&out, "", 1);

    return asg_buf_ok(&out) ? out.data : NULL;
}


/* Who has a beat in Redis that is not late, as an array of the database. */
static bool
beating_read(struct ctl_leader *l, const char **text, struct ctl_error *e)
{
    asg_str_t argv[4] = {ASG_STR("ZRANGEBYSCORE"), ASG_STR(ASG_RKEY_WORKERS),
                         ASG_STR_NULL, ASG_STR("+inf")};
    struct ctl_reply ids;
    int64_t now;

    if (!ctl_lead_redis_now(l, &now, e)) {
        return false;
    }
    argv[2] = asg_str_z(ctl_arena_printf(l->arena, "%lld",
                                         (long long) now - BEAT_LATE_S));
    if (!ctl_redis_command(l->redis, l->arena, &ids, e, 4, argv)) {
        return false;
    }
    *text = ids_text(l, &ids);

    return *text != NULL || ctl_error_internal(e, "out of memory");
}


bool
ctl_gateways_note(struct ctl_leader *l, struct ctl_error *e)
{
    const char *beating;

    return beating_read(l, &beating, e)
           && CTL_PG(l->pg, l->arena, NULL, e,
                "INSERT INTO gateway_workers (worker_id, seen_at)"
                " SELECT unnest($1::text[]), now()"
                " ON CONFLICT (worker_id) DO UPDATE"
                " SET seen_at = excluded.seen_at, unheard_at = NULL",
                beating)
           && CTL_PG(l->pg, l->arena, NULL, e,
                "DELETE FROM gateway_workers"
                " WHERE seen_at < now() - interval '1 day'")
           && ctl_held_copy_take(l, e);
}


/* Who has told this partition, as an array of the database. */
static bool
told_read(struct ctl_leader *l, const struct ctl_partition *p,
    const char **text, struct ctl_error *e)
{
    char key[ASG_RKEY_MAX];
    asg_str_t argv[2] = {ASG_STR("SMEMBERS"), ASG_STR_NULL};
    struct ctl_reply ids;

    argv[1] = (asg_str_t) {key, asg_rkey_told(key, p->part,
                                              (uint64_t) p->epoch)};
    if (!ctl_redis_command(l->redis, l->arena, &ids, e, 2, argv)) {
        return false;
    }
    *text = ids_text(l, &ids);

    return *text != NULL || ctl_error_internal(e, "out of memory");
}


/* Each worker listens for changes, and on a channel of its own: so one that
 * started a moment ago, and whose beat nobody has kept, is waited for too. */
static bool
listeners_read(struct ctl_leader *l, const char **text, struct ctl_error *e)
{
    const asg_str_t argv[3] = {ASG_STR("PUBSUB"), ASG_STR("CHANNELS"),
                               ASG_STR(ASG_RKEY_LISTENER "*")};
    const size_t head = sizeof(ASG_RKEY_LISTENER) - 1;
    struct ctl_reply reply;
    asg_str_t *name;
    size_t i;

    if (!ctl_redis_command(l->redis, l->arena, &reply, e, 3, argv)) {
        return false;
    }
    for (i = 0; i < reply.nitems; i++) {
        name = &reply.items[i].text;
        name->data += name->len < head ? name->len : head;
        name->len -= name->len < head ? name->len : head;
    }
    *text = ids_text(l, &reply);

    return *text != NULL || ctl_error_internal(e, "out of memory");
}


bool
ctl_gateways_have_told(struct ctl_leader *l, const struct ctl_partition *p,
    bool *all, struct ctl_error *e)
{
    const char *told, *listening;
    struct ctl_rows rows;

    if (!listeners_read(l, &listening, e) || !told_read(l, p, &told, e)
        || !CTL_PG(l->pg, l->arena, &rows, e,
                   "SELECT (SELECT count(*)" FROM_SILENT ")"
                   " + (SELECT count(*) FROM unnest($2::text[]) AS t(id)"
                   " WHERE NOT id = ANY ($1::text[]))", told, listening))
    {
        return false;
    }
    *all = ctl_rows_i64(&rows, 0, 0) == 0;

    return true;
}


bool
ctl_gateways_are_telling(struct ctl_leader *l, const struct ctl_partition *p,
    bool *telling, struct ctl_error *e)
{
    const char *told, *beating;
    struct ctl_rows rows;

    if (!beating_read(l, &beating, e) || !told_read(l, p, &told, e)
        || !CTL_PG(l->pg, l->arena, &rows, e,
                   "SELECT count(*) FROM unnest($2::text[]) AS t(id)"
                   " WHERE NOT id = ANY ($1::text[])", told, beating))
    {
        return false;
    }
    *telling = ctl_rows_i64(&rows, 0, 0) > 0;

    return true;
}


bool
ctl_gateways_give_up(struct ctl_leader *l, const struct ctl_partition *p,
    struct ctl_error *e)
{
    struct ctl_rows rows;
    const char *told;

    if (!told_read(l, p, &told, e)
        || !CTL_PG(l->pg, l->arena, &rows, e,
            "WITH gone AS (SELECT worker_id" FROM_SILENT "),"
            " d AS (UPDATE gateway_workers SET unheard_at = now()"
            " WHERE worker_id IN (SELECT worker_id FROM gone))"
            " SELECT count(*), string_agg(worker_id, ' ') FROM gone", told))
    {
        return false;
    }
    if (ctl_rows_i64(&rows, 0, 0) > 0) {
        ctl_log(CTL_LOG_ERROR, "partition %u opens without hearing from %s "
                "workers of gateways: %.256s", p->part,
                ctl_rows_at(&rows, 0, 0), ctl_rows_at(&rows, 0, 1));
    }

    return true;
}
