/*
 * Limits of keys and projects in Postgres.
 */
#include "ops/limits.h"

#define SQL_SET \
    " SET rpm_limit = CASE WHEN $2::boolean THEN $3::bigint" \
    " ELSE rpm_limit END," \
    " tpm_limit = CASE WHEN $4::boolean THEN $5::bigint ELSE tpm_limit END," \
    " max_parallel_requests = CASE WHEN $6::boolean THEN $7::bigint" \
    " ELSE max_parallel_requests END"

static const char *const names[ASG_LIMIT_COUNT] = {
    [ASG_LIMIT_REQUESTS] = "rpm_limit",
    [ASG_LIMIT_TOKENS] = "tpm_limit",
    [ASG_LIMIT_PARALLEL] = "max_parallel_requests"
};


const char *
ctl_limit_name(asg_limit_kind_t kind)
{
    return names[kind];
}


/* NULL: none. */
static const char *
limit_text(struct ctl_arena *arena, const struct ctl_limit *limit)
{
    return !limit->given || limit->null ? NULL
           : ctl_arena_printf(arena, "%lld", (long long) limit->most);
}


bool
ctl_limits_write(struct ctl_change *c, enum ctl_limits_table table,
    const char *id, const struct ctl_limits *limits, struct ctl_error *e)
{
    const struct ctl_limit *rpm = &limits->of[ASG_LIMIT_REQUESTS];
    const struct ctl_limit *tpm = &limits->of[ASG_LIMIT_TOKENS];
    const struct ctl_limit *open = &limits->of[ASG_LIMIT_PARALLEL];

    if (!rpm->given && !tpm->given && !open->given) {
        return true;
    }

    return CTL_PG(c->pg, c->arena, NULL, e, table == CTL_LIMITS_KEY
                  ? "UPDATE keys" SQL_SET " WHERE key_id::text = lower($1)"
                  : "UPDATE projects" SQL_SET " WHERE project_id = $1",
                  id, rpm->given ? "t" : "f", limit_text(c->arena, rpm),
                  tpm->given ? "t" : "f", limit_text(c->arena, tpm),
                  open->given ? "t" : "f", limit_text(c->arena, open));
}


void
ctl_limits_audit(struct ctl_arena *arena, const struct ctl_limits *limits,
    struct ctl_audit_field *fields)
{
    int kind;

    for (kind = 0; kind < ASG_LIMIT_COUNT; kind++) {
        const struct ctl_limit *limit = &limits->of[kind];

        fields[kind].name = names[kind];
        fields[kind].value = limit->given && limit->null
                             ? "none" : limit_text(arena, limit);
    }
}
