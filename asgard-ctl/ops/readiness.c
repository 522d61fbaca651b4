/*
 * Asking every part whether it is ready; the beats of the roles.
 */
#include "ops/readiness.h"

#include <string.h>
#include <unistd.h>

#include "core/rkey.h"
#include "redis/eviction.h"


static const char *
redis_text(struct ctl_redis *redis, struct ctl_arena *arena)
{
    const asg_str_t argv[1] = {ASG_STR("PING")};
    struct ctl_error e = {0};
    struct ctl_reply reply;

    return ctl_redis_command(redis, arena, &reply, &e, 1, argv) ? "ok"
           : "Redis does not answer";
}


/* The same once it answers: nothing was lost yet, but may be. */
static const char *
policy_text(struct ctl_redis *redis, struct ctl_arena *arena)
{
    struct ctl_error e = {0};

    return ctl_redis_check_eviction(redis, arena, &e) || e.status == 503
           ? "ok" : "it may evict keys: maxmemory-policy must be noeviction";
}


static const char *
postgres_text(struct ctl_pg *pg)
{
    struct ctl_error e = {0};

    return ctl_pg_alive(pg, &e) ? "ok" : "PostgreSQL does not answer";
}


/* Which role has not beaten; else whether the counters are open, and on the
 * server process that answers now (`run_id`).  Without Redis (NULL) the meter
 * waits for it, and the keeper alone is asked for. */
static const char *
ctl_text(struct ctl_pg *pg, struct ctl_arena *arena, const char *run_id)
{
    bool with_redis = run_id != NULL;
    struct ctl_error e = {0};
    struct ctl_rows rows;
    const char *role, *text;

    if (!CTL_PG(pg, arena, &rows, &e,
            "SELECT (SELECT string_agg(r, ' and ' ORDER BY r)"
            " FROM unnest($1::text[]) r WHERE NOT EXISTS"
            " (SELECT FROM role_beats b WHERE b.role = r"
            " AND b.at > now() - interval '5 s')),"
            " (SELECT count(*) FROM partitions WHERE step <> 'open'"
            " OR run_id <> $2)",
            with_redis ? "{keeper,meter}" : "{keeper}", run_id))
    {
        return "ok";
    }
    role = ctl_rows_at(&rows, 0, 0);
    if (role != NULL) {
        text = ctl_arena_printf(arena, "%s: not running", role);
    } else if (with_redis && ctl_rows_i64(&rows, 0, 1) > 0) {
        text = ctl_arena_printf(arena, "%s partitions of the budgets are not "
                                "open yet", ctl_rows_at(&rows, 0, 1));
    } else {
        return "ok";
    }

    return text != NULL ? text : "out of memory";
}


/* Until Redis was told of every key, calls with one that it does not know get
 * 503. */
static const char *
catalog_text(struct ctl_redis *redis, struct ctl_arena *arena,
    const char *run_id)
{
    const asg_str_t exists[2] = {ASG_STR("EXISTS"), ASG_STR(ASG_RKEY_CATALOG)};
    const asg_str_t filled[2] = {ASG_STR("GET"), ASG_STR(ASG_RKEY_FILLED)};
    struct ctl_error e = {0};
    struct ctl_reply reply;

    if (!ctl_redis_command(redis, arena, &reply, &e, 2, exists)) {
        return "ok";
    }
    if (!asg_str_eq_z(reply.text, "1")) {
        return "no catalog was published yet";
    }

    return !ctl_redis_command(redis, arena, &reply, &e, 2, filled)
           || asg_str_eq_z(reply.text, run_id) ? "ok"
           : "Redis was not told of every key yet";
}


static bool
is_ok(const char *text)
{
    return strcmp(text, "ok") == 0;
}


void
ctl_readiness_check(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, struct ctl_readiness *out)
{
    const char *run_id;

    out->redis = redis_text(redis, arena);
    out->postgres = postgres_text(pg);
    run_id = is_ok(out->redis) ? ctl_redis_run_id(redis) : NULL;
    out->ctl = is_ok(out->postgres) ? ctl_text(pg, arena, run_id) : "ok";
    out->catalog = run_id != NULL ? catalog_text(redis, arena, run_id) : "ok";
    out->redis = run_id != NULL ? policy_text(redis, arena) : out->redis;
    out->ready = is_ok(out->redis) && is_ok(out->postgres)
                 && is_ok(out->ctl) && is_ok(out->catalog);
}


bool
ctl_readiness_beat(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *role, const char *info, struct ctl_error *e)
{
    return CTL_PG(pg, arena, NULL, e,
        "INSERT INTO role_beats (role, pid, info)"
        " VALUES ($1, $2, coalesce($3, '{}')::jsonb)"
        " ON CONFLICT (role) DO UPDATE SET pid = excluded.pid, at = now(),"
        " info = excluded.info", role,
        ctl_arena_printf(arena, "%d", (int) getpid()), info);
}
