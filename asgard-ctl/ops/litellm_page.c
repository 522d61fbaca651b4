/*
 * Keys of a page as JSON, and the query that judges them.
 */
#include "ops/litellm_page.h"

#include <string.h>

/* of a page's keys, as JSON: their models are as long as the answer at most */
#define TEXT_BYTES (ASG_LITELLM_BODY_MAX + 96u * 1024)

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


bool
ctl_litellm_page_judge(struct ctl_litellm_sweep *s, asg_view_t *items,
    const char *prefixes, struct ctl_rows *rows, struct ctl_error *e)
{
    const char *keys = ours(s, items, prefixes);

    return keys != NULL ? CTL_PG(s->pg, s->arena, rows, e, JUDGE, keys)
                        : ctl_error_internal(e, "too long a page");
}
