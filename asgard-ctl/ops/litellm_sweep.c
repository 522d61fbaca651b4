/*
 * Orphans and settings at a LiteLLM proxy.
 */
#include "ops/litellm_sweep.h"

#include <stdlib.h>
#include <string.h>

#include "connect/litellm_task.h"
#include "ops/project.h"
#include "ops/resource_work.h"
#include "store/leader.h"

#define ACTOR      "system:keeper"
#define CALL_MS    10000
/* of a page's keys, as JSON: their models are as long as the answer at most */
#define TEXT_BYTES (ASG_LITELLM_BODY_MAX + 96u * 1024)
#define PAGE_ARENA (4u * 1024 * 1024)
#define SEEN_BYTES ((size_t) CTL_LITELLM_PAGES_MAX * ASG_LITELLM_PAGE * 67 + 2)
#define LOST_MAX   100                  /* of one sweep */
#define LOST_CODE  "litellm_key_missing"
#define LOST_TEXT  "LiteLLM has its key no more: it was deleted there"
#define NUMBER(n)  #n
#define TEXT(n)    NUMBER(n)

/* A key of a page, as PostgreSQL judges it.  CHANGED: the settings that differ
 * from what was approved; of one that rests. */
enum column { HASH, ALIAS, IS_BLOCKED, ORPHAN, RESTS, CHANGED, IS_NEW_PERIOD,
              RESOURCE, PROJECT };

/* -1: no limit. */
#define OTHER_LIMIT(name, key) \
    "CASE WHEN " key " <> coalesce((spec->>'" name "')::numeric, -1)" \
    "  THEN '" name "' END"
/* null: the proxy does not tell. */
#define OTHER_MODELS \
    "CASE WHEN NOT (models @> allowed AND models <@ allowed)" \
    "  THEN 'models' END"
#define ALLOWED \
    "coalesce(r.spec->'models', (SELECT manifest" \
    "   #> '{provisioner,config,models}' FROM services" \
    "   WHERE service_id = r.rtype AND jsonb_typeof(manifest" \
    "    #> '{provisioner,config,models}') = 'array'), '[]')"

#define JUDGE \
    "WITH k AS (SELECT * FROM jsonb_to_recordset($1::jsonb) AS k (hash text," \
    "  alias text, max numeric, reset_at text, blocked boolean," \
    "  models jsonb, rpm numeric, tpm numeric, period text))," \
    " live AS (SELECT resource_id, progress FROM job_lanes" \
    "  WHERE resource_id IN (SELECT resource_id FROM jobs" \
    "   WHERE state IN ('ready', 'running')))," \
    " f AS (SELECT k.*, r.resource_id, r.project_id, r.state," \
    "  r.resource_id IN (SELECT resource_id FROM live) AS works," \
    "  (r.spec->>'max_budget_usd')::numeric AS budget, r.spec," \
    "  " ALLOWED " AS allowed," \
    "  r.outputs->>'budget_duration' AS told_period," \
    "  coalesce((r.outputs->>'spent_before_usd')::numeric, 0) AS before," \
    "  r.outputs->>'budget_reset_at' AS told FROM k LEFT JOIN resources r" \
    "  ON r.outputs->>'key_hash' = k.hash AND r.backend = 'litellm'" \
    "  AND r.state <> 'destroyed')" \
    " SELECT hash, alias, blocked, resource_id IS NULL AND NOT EXISTS" \
    "  (SELECT 1 FROM live WHERE hash IN (progress->>'hash'," \
    "   progress->>'old'))," \
    " coalesce(state = 'suspended' AND NOT works AND NOT blocked, false)," \
    " CASE WHEN state = 'provisioned' AND NOT works THEN concat_ws(', '," \
    "  CASE WHEN max IS NULL OR abs(max - greatest(budget - before, 0))" \
    "   > 0.000000001 THEN 'max_budget' END, " OTHER_MODELS "," \
    "  " OTHER_LIMIT("rpm_limit", "rpm") "," \
    "  " OTHER_LIMIT("tpm_limit", "tpm") "," \
    "  CASE WHEN period <> told_period THEN 'budget_duration' END)" \
    "  ELSE '' END," \
    " coalesce(state = 'provisioned' AND NOT works AND before > 0" \
    "  AND told <> reset_at, false)," \
    " resource_id, project_id FROM f"


/* The same columns: of what rests, whose key was on no page ($1).  One that was
 * changed a moment ago may not be on every replica yet.  In no order: of more
 * than are asked about in one sweep each has its turn. */
#define ABSENT \
    "SELECT outputs->>'key_hash', outputs->>'key_alias', NULL, NULL, NULL," \
    " NULL, NULL, resource_id, project_id FROM resources r" \
    " WHERE backend = 'litellm' AND state IN ('provisioned', 'suspended')" \
    " AND outputs ? 'key_hash' AND updated_at < now() - interval '5 seconds'" \
    " AND resource_id NOT IN (SELECT resource_id FROM jobs" \
    "  WHERE state IN ('ready', 'running'))" \
    " AND outputs->>'key_hash' NOT IN" \
    "  (SELECT jsonb_array_elements_text($1::jsonb))" \
    " ORDER BY random() LIMIT " TEXT(LOST_MAX)

/* Whose a key is by now, which was nobody's when its page was judged. */
#define ADOPTED \
    "SELECT 1 FROM resources WHERE outputs->>'key_hash' = $1" \
    " AND state <> 'destroyed' UNION ALL SELECT 1 FROM job_lanes l" \
    " JOIN jobs j USING (resource_id) WHERE j.state IN ('ready', 'running')" \
    " AND $1 IN (l.progress->>'hash', l.progress->>'old')"


static bool
is_true(const struct ctl_rows *rows, unsigned i, enum column col)
{
    return strcmp(ctl_rows_at(rows, i, col), "t") == 0;
}


/* --- what is there --- */

/* "asgard-" of "asgard-proj-…"; `prefixes` is "asgard\nother". */
static bool
has_prefix(asg_str_t alias, const char *prefixes)
{
    const char *at, *end;
    size_t len;

    for (at = prefixes; *at != '\0'; at = *end == '\n' ? end + 1 : end) {
        end = at + strcspn(at, "\n");
        len = (size_t) (end - at);
        if (alias.len > len && memcmp(alias.data, at, len) == 0
            && alias.data[len] == '-')
        {
            return true;
        }
    }

    return false;
}


/* As we write it: PostgreSQL does not take everything that JSON does. */
static bool
is_plain(asg_str_t raw)
{
    return raw.len > 0 && raw.len <= 200
           && memchr(raw.data, '\\', raw.len) == NULL;
}


/* null, or not told, is no limit (-1); a number that is none of ours (-2)
 * differs from all that was approved. */
static void
limit_put(asg_buf_t *b, asg_str_t item, const char *name, const char *as)
{
    asg_str_t limit = asg_view_find(item, name);
    uint64_t n;

    asg_buf_z(b, as);
    asg_buf_i64(b, asg_view_is_null(limit) ? -1
                   : asg_str_u64(limit, &n) && n <= INT32_MAX
                   ? (int64_t) n : -2);
}


/* What PostgreSQL might not take is left out, and not compared. */
static void
settings_put(asg_buf_t *b, asg_str_t item)
{
    asg_str_t models = asg_view_find(item, "models");
    asg_str_t period = asg_view_find_text(item, "budget_duration");

    limit_put(b, item, "rpm_limit", ",\"rpm\":");
    limit_put(b, item, "tpm_limit", ",\"tpm\":");
    if (asg_view_is_list(models)
        && memchr(models.data, '\\', models.len) == NULL)
    {
        asg_buf_z(b, ",\"models\":");
        asg_buf_str(b, models);
    }
    if (is_plain(period)) {
        asg_buf_z(b, ",\"period\":\"");
        asg_buf_str(b, period);
        asg_buf_z(b, "\"");
    }
}


static void
key_put(asg_buf_t *b, asg_str_t item, const asg_litellm_key_t *key)
{
    asg_str_t reset_at = asg_view_find_text(item, "budget_reset_at");
    char text[ASG_MONEY_TEXT];

    asg_buf_z(b, b->len > 1 ? ",{" : "{");
    asg_buf_z(b, "\"hash\":\"");
    asg_buf_str(b, key->hash);
    asg_buf_z(b, "\",\"alias\":\"");
    asg_buf_str(b, key->alias);         /* raw, as JSON has it */
    asg_buf_z(b, "\",\"reset_at\":\"");
    asg_buf_str(b, is_plain(reset_at) ? reset_at : ASG_STR_NULL);
    asg_buf_z(b, "\",\"max\":");
    if (key->max_nusd >= 0) {
        asg_buf_put(b, text, asg_money_format(key->max_nusd, text));
    } else {
        asg_buf_z(b, "null");
    }
    settings_put(b, item);
    asg_buf_z(b, key->blocked ? ",\"blocked\":true}" : ",\"blocked\":false}");
}


/* Ours of a page, as JSON; NULL: no memory, or too long an answer. */
static const char *
ours(struct ctl_litellm_sweep *s, asg_view_t *items, const char *prefixes)
{
    char *text = ctl_arena_alloc(s->arena, TEXT_BYTES);
    asg_litellm_key_t key;
    asg_str_t item;
    asg_buf_t b;

    if (text == NULL) {
        return NULL;
    }
    asg_buf_init(&b, text, TEXT_BYTES - 1);
    asg_buf_z(&b, "[");
    while (asg_view_item(items, &item)) {
        if (asg_litellm_key(item, &key) == ASG_OK && key.hash.len > 0
            && key.is_managed && is_plain(key.alias)
            && has_prefix(key.alias, prefixes))
        {
            key_put(&b, item, &key);
        }
    }
    asg_buf_z(&b, "]");

    return asg_buf_ok(&b) ? text : NULL;
}


/* --- what is done about it --- */

static bool
change_begin(struct ctl_litellm_sweep *s, struct ctl_change *c, bool *held,
    struct ctl_error *e)
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
    const char *hash = ctl_rows_at(rows, i, HASH);
    const struct ctl_audit_field data[] = {
        {"key_hash", hash}, {"key_alias", ctl_rows_at(rows, i, ALIAS)}
    };
    struct ctl_rows adopted = {.nrows = 0};
    struct ctl_change c;

    if (!change_begin(s, &c, held, e) || !*held) {
        return e->status == 0;
    }
    if (is_true(rows, i, ORPHAN)
        && (!CTL_PG(s->pg, s->arena, &adopted, e, ADOPTED, hash)
            || adopted.nrows > 0))
    {
        ctl_change_abort(&c);
        *held = false;
        return adopted.nrows > 0;
    }
    if (!ctl_change_audit(&c, action, "litellm_key", hash,
                          ctl_rows_at(rows, i, PROJECT),
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
    bool deletes = is_true(rows, i, ORPHAN) && is_true(rows, i, IS_BLOCKED);
    const char *body = ctl_arena_printf(s->arena,
        deletes ? "{\"keys\":[\"%s\"]}" : "{\"key\":\"%s\"}",
        ctl_rows_at(rows, i, HASH));
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
    return ctl_rows_at(rows, i, CHANGED)[0] != '\0';
}


/* As the proxy tells it, not as whoever changed it says. */
static bool
begin(struct ctl_litellm_sweep *s, struct ctl_change *c,
    struct ctl_resource *r, const struct ctl_rows *rows, unsigned i,
    struct ctl_error *e)
{
    const char *differs = ctl_rows_at(rows, i, CHANGED);
    const char *hash = ctl_rows_at(rows, i, HASH);
    const struct ctl_audit_field data[] = {
        {"key_hash", hash}, {"key_alias", ctl_rows_at(rows, i, ALIAS)},
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

    if (!change_begin(s, &c, &held, e) || !held) {
        return e->status == 0;
    }
    if (!ctl_project_lock(&c, ctl_rows_at(rows, i, PROJECT), &p, e)
        || !ctl_resource_get(s->pg, s->arena, p.id,
                             ctl_rows_at(rows, i, RESOURCE), &r, e)
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
    const char *keys = ours(s, items, prefixes);
    struct ctl_rows rows;
    bool ok = keys != NULL || ctl_error_internal(e, "too long a page");
    unsigned i;

    ok = ok && CTL_PG(s->pg, s->arena, &rows, e, JUDGE, keys);
    for (i = 0; ok && i < rows.nrows; i++) {
        if (ctl_rows_at(&rows, i, RESOURCE) != NULL) {
            seen_add(&s->seen, ctl_rows_at(&rows, i, HASH));
        }
        if (is_true(&rows, i, ORPHAN) || is_true(&rows, i, RESTS)) {
            ok = end_one(s, l, &rows, i, e);
        } else if (is_changed(&rows, i) || is_true(&rows, i, IS_NEW_PERIOD)) {
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


/* --- what is not there --- */

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
    if (!change_begin(s, &c, &held, e) || !held) {
        return e->status == 0;
    }
    if (!lose(s, &c, rows, i, &lost, e) || !lost) {
        ctl_change_abort(&c);
        return e->status == 0;
    }
    s->lost++;

    return ctl_change_commit(&c, e);
}


static bool
absent_judge(struct ctl_litellm_sweep *s, struct ctl_litellm *l,
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
    ok = pages_walk(s, l, prefixes, e) && absent_judge(s, l, e);
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
