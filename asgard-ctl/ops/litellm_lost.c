/*
 * What is not there: asked for one by one.
 */
#include "ops/litellm_lost.h"

#include "ops/project.h"
#include "ops/resource_work.h"

#define LOST_MAX  100                   /* of one sweep */
#define LOST_CODE "litellm_key_missing"
#define LOST_TEXT "LiteLLM has its key no more: it was deleted there"
#define NUMBER(n) #n
#define TEXT(n)   NUMBER(n)

enum column { HASH, ALIAS, RESOURCE, PROJECT };

/* Of what rests, whose key was on no page ($1).  One that was changed a moment
 * ago may not be on every replica yet.  In no order: of more than are asked
 * about in one sweep each has its turn. */
#define ABSENT \
    "SELECT outputs->>'key_hash', outputs->>'key_alias', resource_id," \
    " project_id FROM resources r" \
    " WHERE backend = 'litellm' AND state IN ('provisioned', 'suspended')" \
    " AND outputs ? 'key_hash' AND updated_at < now() - interval '5 seconds'" \
    " AND resource_id NOT IN (SELECT resource_id FROM jobs" \
    "  WHERE state IN ('ready', 'running'))" \
    " AND outputs->>'key_hash' NOT IN" \
    "  (SELECT jsonb_array_elements_text($1::jsonb))" \
    " ORDER BY random() LIMIT " TEXT(LOST_MAX)


/* It rested a moment ago, with that key: looked at again. */
static bool
lose(struct ctl_litellm_sweep *s, struct ctl_change *c,
    const struct ctl_rows *rows, unsigned i, bool *lost, struct ctl_error *e)
{
    const char *hash = ctl_rows_at(rows, i, HASH);
    const struct ctl_audit_field data[] = {
        {"key_hash", hash}, {"key_alias", ctl_rows_at(rows, i, ALIAS)}
    };
    enum ctl_resource_state next;
    struct ctl_resource r;
    struct ctl_project p;
    struct ctl_job job;
    bool found;

    if (!ctl_project_lock(c, ctl_rows_at(rows, i, PROJECT), &p, e)
        || !ctl_resource_get(s->pg, s->arena, p.id,
                             ctl_rows_at(rows, i, RESOURCE), &r, e)
        || !ctl_job_latest(c, r.id, &job, &found, e))
    {
        return false;
    }
    *lost = (!found || !ctl_job_is_live(job.flow.state))
            && ctl_resource_step(r.state, CTL_RESOURCE_LOSE, &next)
            && asg_str_eq_z(asg_view_find_text(asg_str_z(r.outputs),
                                               "key_hash"), hash);

    return !*lost
           || (ctl_change_audit(c, "litellm.key_missing", "litellm_key", hash,
                                p.id, LOST_TEXT,
                                ctl_audit_data(s->arena, data, 2), e)
               && ctl_resource_lost(c, &r, LOST_CODE, LOST_TEXT, e));
}


static bool
lose_one(struct ctl_litellm_sweep *s, struct ctl_litellm *l,
    const struct ctl_rows *rows, unsigned i, struct ctl_error *e)
{
    const char *path = ctl_arena_printf(s->arena, "/key/info?key=%s",
                                        ctl_rows_at(rows, i, HASH));
    struct ctl_litellm_answer a;
    struct ctl_change c;
    bool held, lost = false;

    if (path == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    ctl_litellm_ask(l, path, NULL, &a);
    if (a.verdict != ASG_LITELLM_ABSENT) {
        return true;                    /* it is there, or nobody knows */
    }
    if (!ctl_litellm_change_begin(s, &c, &held, e) || !held) {
        return e->status == 0;
    }
    if (!lose(s, &c, rows, i, &lost, e) || !lost) {
        ctl_change_abort(&c);
        return e->status == 0;
    }
    s->lost++;

    return ctl_change_commit(&c, e);
}


bool
ctl_litellm_lost_judge(struct ctl_litellm_sweep *s, struct ctl_litellm *l,
    struct ctl_error *e)
{
    struct ctl_rows rows;
    unsigned i;
    bool ok;

    asg_buf_z(&s->seen, "]");
    if (!s->whole || !asg_buf_ok(&s->seen)) {
        return true;
    }
    s->seen.data[s->seen.len] = '\0';
    ctl_arena_reset(s->arena);
    ok = CTL_PG(s->pg, s->arena, &rows, e, ABSENT, s->seen.data);
    for (i = 0; ok && i < rows.nrows; i++) {
        ok = lose_one(s, l, &rows, i, e);
    }

    return ok;
}
