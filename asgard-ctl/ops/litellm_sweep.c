/*
 * Orphans and settings at a LiteLLM proxy.
 */
#include "ops/litellm_sweep.h"

#include <stdlib.h>
#include <string.h>

#include "connect/litellm_task.h"
#include "ops/litellm_lost.h"
#include "ops/litellm_page.h"
#include "ops/project.h"
#include "ops/resource_work.h"
#include "store/leader.h"

#define ACTOR      "system:keeper"
#define CALL_MS    10000
#define PAGE_ARENA (4u * 1024 * 1024)
#define SEEN_BYTES ((size_t) CTL_LITELLM_PAGES_MAX * ASG_LITELLM_PAGE * 67 + 2)

/* Whose a key is by now, which was nobody's when its page was judged. */
#define ADOPTED \
    "SELECT 1 FROM resources WHERE outputs->>'key_hash' = $1" \
    " AND state <> 'destroyed' UNION ALL SELECT 1 FROM job_lanes l" \
    " JOIN jobs j USING (resource_id) WHERE j.state IN ('ready', 'running')" \
    " AND $1 IN (l.progress->>'hash', l.progress->>'old')"


static bool
is_true(const struct ctl_rows *rows, unsigned i, enum ctl_litellm_column col)
{
    return strcmp(ctl_rows_at(rows, i, col), "t") == 0;
}


/* --- what is done about it --- */

bool
ctl_litellm_change_begin(struct ctl_litellm_sweep *s, struct ctl_change *c,
    bool *held, struct ctl_error *e)
{
    *held = false;
    if (!ctl_change_begin(c, s->pg, s->arena, ACTOR, NULL, e)) {
        return false;
    }
    if (!ctl_leader_hold(s->pg, s->arena, CTL_LITELLM_LEADER, s->fence, held,
                         e) || !*held)
    {
        ctl_change_abort(c);
        return e->status == 0;
    }

    return true;
}


/* The audit log knows it before the proxy does. */
static bool
note(struct ctl_litellm_sweep *s, const struct ctl_rows *rows, unsigned i,
    const char *action, bool *held, struct ctl_error *e)
{
    const char *hash = ctl_rows_at(rows, i, CTL_LITELLM_HASH);
    const struct ctl_audit_field data[] = {
        {"key_hash", hash},
        {"key_alias", ctl_rows_at(rows, i, CTL_LITELLM_ALIAS)}
    };
    struct ctl_rows adopted = {.nrows = 0};
    struct ctl_change c;

    if (!ctl_litellm_change_begin(s, &c, held, e) || !*held) {
        return e->status == 0;
    }
    if (is_true(rows, i, CTL_LITELLM_ORPHAN)
        && (!CTL_PG(s->pg, s->arena, &adopted, e, ADOPTED, hash)
            || adopted.nrows > 0))
    {
        ctl_change_abort(&c);
        *held = false;
        return adopted.nrows > 0;
    }
    if (!ctl_change_audit(&c, action, "litellm_key", hash,
                          ctl_rows_at(rows, i, CTL_LITELLM_PROJECT),
                          "no resource has this key, or it is suspended",
                          ctl_audit_data(s->arena, data, 2), e))
    {
        ctl_change_abort(&c);
        return false;
    }

    return ctl_change_commit(&c, e);
}


static bool
end_one(struct ctl_litellm_sweep *s, struct ctl_litellm *l,
    const struct ctl_rows *rows, unsigned i, struct ctl_error *e)
{
    bool deletes = is_true(rows, i, CTL_LITELLM_ORPHAN)
                   && is_true(rows, i, CTL_LITELLM_IS_BLOCKED);
    const char *body = ctl_arena_printf(s->arena,
        deletes ? "{\"keys\":[\"%s\"]}" : "{\"key\":\"%s\"}",
        ctl_rows_at(rows, i, CTL_LITELLM_HASH));
    struct ctl_litellm_answer a;
    bool held;

    if (body == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    if (!note(s, rows, i, deletes ? "litellm.key_deleted"
                                  : "litellm.key_blocked", &held, e))
    {
        return false;
    }
    if (held) {
        ctl_litellm_ask(l, deletes ? "/key/delete" : "/key/block", body, &a);
        s->deleted += deletes && a.verdict == ASG_LITELLM_DONE;
        s->blocked += !deletes && a.verdict == ASG_LITELLM_DONE;
    }

    return true;
}


static bool
is_changed(const struct ctl_rows *rows, unsigned i)
{
    return ctl_rows_at(rows, i, CTL_LITELLM_CHANGED)[0] != '\0';
}


/* As the proxy tells it, not as whoever changed it says. */
static bool
begin(struct ctl_litellm_sweep *s, struct ctl_change *c,
    struct ctl_resource *r, const struct ctl_rows *rows, unsigned i,
    struct ctl_error *e)
{
    const char *differs = ctl_rows_at(rows, i, CTL_LITELLM_CHANGED);
    const char *hash = ctl_rows_at(rows, i, CTL_LITELLM_HASH);
    const struct ctl_audit_field data[] = {
        {"key_hash", hash},
        {"key_alias", ctl_rows_at(rows, i, CTL_LITELLM_ALIAS)},
        {"differs", differs}
    };
    const char *why = is_changed(rows, i)
        ? ctl_arena_printf(s->arena, "its key has other settings at LiteLLM"
                           " than were approved: %s", differs)
        : "a new period of its key has begun at LiteLLM";

    return (!is_changed(rows, i)
            || ctl_change_audit(c, "litellm.key_changed", "litellm_key", hash,
                                r->project_id, why,
                                ctl_audit_data(s->arena, data, 3), e))
           && ctl_resource_begin(c, r, CTL_ACT_MAKE, NULL, why, e);
}


/* It rested a moment ago: looked at again with the project's row. */
static bool
begin_one(struct ctl_litellm_sweep *s, const struct ctl_rows *rows,
    unsigned i, struct ctl_error *e)
{
    struct ctl_resource r;
    struct ctl_project p;
    struct ctl_change c;
    struct ctl_job job;
    bool held, found;

    if (!ctl_litellm_change_begin(s, &c, &held, e) || !held) {
        return e->status == 0;
    }
    if (!ctl_project_lock(&c, ctl_rows_at(rows, i, CTL_LITELLM_PROJECT), &p, e)
        || !ctl_resource_get(s->pg, s->arena, p.id,
                             ctl_rows_at(rows, i, CTL_LITELLM_RESOURCE), &r, e)
        || !ctl_job_latest(&c, r.id, &job, &found, e)
        || r.state != CTL_RESOURCE_PROVISIONED
        || (found && ctl_job_is_live(job.flow.state))
        || !begin(s, &c, &r, rows, i, e))
    {
        ctl_change_abort(&c);
        return e->status == 0;
    }
    s->begun++;

    return ctl_change_commit(&c, e);
}


static void
seen_add(asg_buf_t *seen, const char *hash)
{
    asg_buf_z(seen, seen->len > 1 ? ",\"" : "\"");
    asg_buf_z(seen, hash);
    asg_buf_z(seen, "\"");
}


static bool
page_judge(struct ctl_litellm_sweep *s, struct ctl_litellm *l,
    asg_view_t *items, const char *prefixes, struct ctl_error *e)
{
    struct ctl_rows rows;
    bool ok = ctl_litellm_page_judge(s, items, prefixes, &rows, e);
    unsigned i;

    for (i = 0; ok && i < rows.nrows; i++) {
        if (ctl_rows_at(&rows, i, CTL_LITELLM_RESOURCE) != NULL) {
            seen_add(&s->seen, ctl_rows_at(&rows, i, CTL_LITELLM_HASH));
        }
        if (is_true(&rows, i, CTL_LITELLM_ORPHAN)
            || is_true(&rows, i, CTL_LITELLM_RESTS))
        {
            ok = end_one(s, l, &rows, i, e);
        } else if (is_changed(&rows, i)
                   || is_true(&rows, i, CTL_LITELLM_IS_NEW_PERIOD))
        {
            ok = begin_one(s, &rows, i, e);
        }
    }

    return ok;
}


/* What is deleted moves the pages after it: the next sweep sees what this one
 * missed. */
static bool
pages_walk(struct ctl_litellm_sweep *s, struct ctl_litellm *l,
    const char *prefixes, struct ctl_error *e)
{
    struct ctl_litellm_answer a;
    int64_t page, pages = 1;
    asg_view_t items;
    const char *path;

    for (page = 0; page < pages && page < CTL_LITELLM_PAGES_MAX; page++) {
        ctl_arena_reset(s->arena);
        path = ctl_arena_printf(s->arena, "/key/list?page=%lld&size=%d"
                                "&return_full_object=true",
                                (long long) page + 1, ASG_LITELLM_PAGE);
        if (path == NULL) {
            return ctl_error_internal(e, "out of memory");
        }
        ctl_litellm_ask(l, path, NULL, &a);
        if (a.verdict != ASG_LITELLM_DONE
            || asg_litellm_page(a.object, &items, &pages) != ASG_OK)
        {
            s->whole = false;
            return true;                /* the next sweep sees it */
        }
        if (!page_judge(s, l, &items, prefixes, e)) {
            return false;
        }
    }
    s->whole = page >= pages;

    return true;
}


static bool
both_walk(struct ctl_litellm_sweep *s, struct ctl_litellm *l,
    const char *prefixes, struct ctl_error *e)
{
    char *seen = malloc(SEEN_BYTES);
    bool ok;

    if (seen == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    asg_buf_init(&s->seen, seen, SEEN_BYTES - 1);
    asg_buf_z(&s->seen, "[");
    ok = pages_walk(s, l, prefixes, e) && ctl_litellm_lost_judge(s, l, e);
    free(seen);

    return ok;
}


bool
ctl_litellm_sweep(struct ctl_litellm_sweep *s, struct ctl_error *e)
{
    struct ctl_arena *outer = s->arena, page;
    struct ctl_litellm l;
    struct ctl_rows rows;
    bool ok;

    ok = CTL_PG(s->pg, s->arena, &rows, e,
                "SELECT coalesce(string_agg(DISTINCT coalesce(manifest"
                " #>> '{provisioner,config,alias_prefix}', $1), E'\\n'), $1)"
                " FROM services"
                " WHERE manifest #>> '{provisioner,connector}' = 'litellm'",
                CTL_LITELLM_PREFIX);
    if (ctl_litellm_open(&l, s->with, CALL_MS, s->stop, s->arena) == NULL) {
        ctl_arena_init(&page, PAGE_ARENA);
        s->arena = &page;
        ok = ok && both_walk(s, &l, ctl_rows_at(&rows, 0, 0), e);
        ctl_arena_reset(&page);
        s->arena = outer;
    }
    ctl_litellm_close(&l);

    return ok;
}


bool
ctl_litellm_sweep_wanted(struct ctl_pg *pg, struct ctl_arena *arena,
    bool *wanted, int64_t *every_ms, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT EXISTS (SELECT 1 FROM services WHERE backend = $1)"
            " OR EXISTS (SELECT 1 FROM resources WHERE backend = $1),"
            " (SELECT min(least(greatest((manifest"
            "  #>> '{provisioner,config,sweep_s}')::integer, 1), 3600))"
            "  FROM services WHERE backend = $1 AND jsonb_typeof(manifest"
            "  #> '{provisioner,config,sweep_s}') = 'number')", "litellm"))
    {
        return false;
    }
    *wanted = strcmp(ctl_rows_at(&rows, 0, 0), "t") == 0;
    *every_ms = 1000 * (ctl_rows_at(&rows, 0, 1) != NULL
                        ? ctl_rows_i64(&rows, 0, 1) : CTL_LITELLM_SWEEP_S);

    return true;
}


bool
ctl_litellm_status_save(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_litellm_health *health, struct ctl_error *e)
{
    const char *w[CTL_LITELLM_WARNINGS] = {NULL};
    unsigned i;

    for (i = 0; i < health->nwarnings; i++) {
        w[i] = health->warnings[i];
    }

    return CTL_PG(pg, arena, NULL, e,
        "INSERT INTO connector_status (connector, checked_at, reason,"
        " warnings) VALUES ('litellm', now(), $1, to_jsonb(array_remove("
        " ARRAY[$2::text, $3, $4, $5], NULL))) ON CONFLICT (connector)"
        " DO UPDATE SET checked_at = now(), reason = excluded.reason,"
        " warnings = excluded.warnings", health->reason, w[0], w[1], w[2],
        w[3]);
}
