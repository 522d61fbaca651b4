/*
 * Facts of a requested resource.
 */
#include "ops/resource_gate.h"

#include <stdio.h>
#include <string.h>

#include "base/name.h"
#include "ops/resource_spec.h"

#define REFUSED "Refused by the rule %s: %s."

/* Column by column what `facts_take` reads. */
enum column {
    LIVE, KILLED, CLASSIFICATION, DATA_CLASS, FOUND, BACKEND, IN_SERVICE,
    MISSING, FLOOR, ROOF, AUTO, VARIANT, ESTIMATE, COMMITTED, CONNECTOR, SHA,
    CLOUD, ACCOUNT, RESOURCE, SAME, RUNS, STUCK
};

#define RANK(x) "array_position(ARRAY['poc', 'light-operational'," \
                " 'wide-operational', 'critical-path'], " x ")"

/* $1 project, $2 type, $3 name, $4 spec.  A request that is open counts like a
 * resource: two that fit alone do not fit together.  One that would change a
 * resource is no second one: of the two the dearer counts. */
#define FACTS \
    "WITH f AS (SELECT p.*, s.*, $4::jsonb AS spec, s.manifest->'variants'" \
    "->'options'->($4::jsonb->>(s.manifest->'variants'->>'field')) AS option," \
    " $4::jsonb->>(s.manifest->'variants'->>'field') AS chosen," \
    " s.manifest->'provisioner'->'config'->>'cloud' AS own_cloud" \
    " FROM projects p LEFT JOIN services s ON s.service_id = $2" \
    " WHERE p.project_id = $1)" \
    " SELECT lifecycle IN ('active', 'provisional'), killed, classification," \
    " data_class, service_id IS NOT NULL, cardinality(models) > 0," \
    " coalesce(manifest->>'status', 'live') NOT IN ('planned', 'retired')," \
    " (SELECT field FROM jsonb_array_elements_text(" \
    "   manifest->'required_fields') WITH ORDINALITY AS r (field, i)" \
    "   WHERE coalesce((jsonb_build_object('name', $3::text) || spec)" \
    "    ->>field, '') IN ('', '[]', '{}') ORDER BY i LIMIT 1)," \
    " " RANK("classification") " >= greatest(" \
    RANK("coalesce(manifest->>'classification_min', 'poc')") ", " \
    RANK("coalesce(option->>'classification_min', 'poc')") ")," \
    " " RANK("classification") " <= " \
    RANK("coalesce(manifest->>'classification_max', 'critical-path')") "," \
    " coalesce((manifest->>'auto_approvable')::boolean, false)," \
    " chosen IS NULL OR (option IS NOT NULL AND NOT" \
    "  coalesce((option->>'requires_approval')::boolean, false))," \
    " (coalesce(option->>'estimated_monthly_usd'," \
    "  manifest->'cost'->>'estimated_monthly_usd', '0')::numeric" \
    "  * 1000000000)::bigint," \
    " (SELECT coalesce(sum(spent_nano), 0) FROM balances" \
    "   WHERE budget_id = 'p.' || $1 AND window_name = 'total')" \
    " + (SELECT least(coalesce(sum(greatest(r.nusd, a.nusd)), 0)," \
    "   9007199254740991)::bigint FROM (SELECT" \
    "    project_id || '/' || rtype || '/' || name AS subject," \
    "    est_monthly_nusd AS nusd FROM resources WHERE project_id = $1" \
    "    AND state NOT IN ('failed', 'destroyed')) r" \
    "   FULL JOIN (SELECT subject, max((payload->>'estimated_monthly_usd')" \
    "    ::numeric * 1000000000) AS nusd FROM requests WHERE project_id = $1" \
    "    AND state IN ('requested', 'reviewing', 'flagged')" \
    "    AND kind LIKE 'provision:%' GROUP BY subject) a USING (subject)" \
    "   WHERE subject <> $1 || '/' || $2 || '/' || $3)," \
    " manifest->'provisioner'->>'connector'," \
    " encode(manifest_sha256, 'hex')," \
    " coalesce(spec->>'cloud', own_cloud), spec->>'account'," \
    " (SELECT resource_id FROM resources r WHERE r.project_id = $1" \
    "   AND rtype = $2 AND r.name = $3 AND state <> 'destroyed')," \
    " (SELECT r.spec = f.spec AND state IN ('provisioning', 'provisioned')" \
    "   FROM resources r WHERE r.project_id = $1 AND rtype = $2" \
    "   AND r.name = $3 AND state <> 'destroyed')," \
    " f.backend, (SELECT state FROM resources r WHERE r.project_id = $1" \
    "   AND rtype = $2 AND r.name = $3 AND state NOT IN ('destroyed'," \
    "   'provisioning', 'provisioned', 'failed'))" \
    " FROM f"


static bool
is_true(const struct ctl_rows *rows, enum column col)
{
    const char *text = ctl_rows_at(rows, 0, col);

    return text != NULL && strcmp(text, "t") == 0;
}


static unsigned
bit(bool fact, enum ctl_fact value)
{
    return fact ? (unsigned) value : 0;
}


static bool
check_name(const char *name, struct ctl_error *e)
{
    return ctl_name_is_plain(name, CTL_RESOURCE_NAME_MAX)
           || ctl_error_field(e, "invalid_value", "name",
                              "name must be " CTL_NAME_MUST_BE
                              " %d characters.", CTL_RESOURCE_NAME_MAX);
}


/* A live project first: what it may not have is nobody's question then. */
static bool
check_service(const struct ctl_rows *rows, struct ctl_error *e)
{
    const char *missing = ctl_rows_at(rows, 0, MISSING);
    const char *state = ctl_rows_at(rows, 0, STUCK);
    char param[96];

    if (!is_true(rows, FOUND)) {
        ctl_error_field(e, "service_not_found", "resource_type",
                        "There is no service with this id; GET /api/services "
                        "lists them.");
        e->status = 404;
        return false;
    }
    if (is_true(rows, BACKEND)) {
        ctl_error_field(e, "service_not_found", "resource_type",
                        "This service is called through the gateway; there is "
                        "nothing to provision.");
        e->status = 404;
        return false;
    }
    if (state != NULL) {
        return ctl_error_field(e, "illegal_transition", "name",
                               "A resource of this type has this name and is "
                               "%s; end it first.", state);
    }
    if (missing == NULL) {
        return true;
    }
    snprintf(param, sizeof(param), "spec.%s", missing);

    return ctl_error_field(e, "missing_field", param,
                           "The field %s is required by this service.",
                           param);
}


/* Against the ceiling goes what was spent, what runs a month, and this. */
static bool
is_below_ceiling(const struct ctl_self_service *s,
    const struct ctl_rows *rows)
{
    asg_nusd_t ceiling;
    int64_t committed = ctl_rows_i64(rows, 0, COMMITTED);
    int64_t estimate = ctl_rows_i64(rows, 0, ESTIMATE);

    return s != NULL
           && ctl_self_service_ceiling(s, ctl_rows_at(rows, 0,
                                                      CLASSIFICATION),
                                       &ceiling)
           && committed <= ceiling && estimate <= ceiling - committed;
}


static bool
is_below_cap(const struct ctl_self_service *s, const struct ctl_rows *rows)
{
    return s != NULL
           && (!s->capped || ctl_rows_i64(rows, 0, ESTIMATE) <= s->cap_nusd);
}


/* "cloud:account" in the setting's list; no list, or no cloud: any. */
static bool
is_allowed_target(const char *list, const char *cloud, const char *account,
    const char **chosen)
{
    size_t nc = cloud != NULL ? strlen(cloud) : 0, len;
    const char *at = list, *colon;

    *chosen = account;
    if (list == NULL || cloud == NULL) {
        return true;
    }
    for (; *at != '\0'; at += len + (at[len] == ',')) {
        len = strcspn(at, ",");
        colon = memchr(at, ':', len);
        if (colon == NULL || (size_t) (colon - at) != nc
            || memcmp(at, cloud, nc) != 0)
        {
            continue;
        }
        if (account == NULL
            || (strlen(account) == len - nc - 1
                && memcmp(colon + 1, account, len - nc - 1) == 0))
        {
            *chosen = colon + 1;        /* up to the comma */
            return true;
        }
    }

    return false;
}


static unsigned
facts_take(const struct ctl_self_service *s, const struct ctl_rows *rows,
    bool target)
{
    const char *data_class = ctl_rows_at(rows, 0, DATA_CLASS);

    return bit(is_true(rows, LIVE), CTL_FACT_LIVE)
           | bit(is_true(rows, KILLED), CTL_FACT_KILLED)
           | bit(strcmp(data_class, "restricted") == 0, CTL_FACT_RESTRICTED)
           | bit(is_true(rows, IN_SERVICE), CTL_FACT_IN_SERVICE)
           | bit(target, CTL_FACT_TARGET)
           | bit(is_true(rows, FLOOR), CTL_FACT_FLOOR)
           | bit(is_true(rows, ROOF), CTL_FACT_ROOF)
           | bit(is_true(rows, AUTO), CTL_FACT_AUTO)
           | bit(is_true(rows, VARIANT), CTL_FACT_VARIANT)
           | bit(is_below_ceiling(s, rows), CTL_FACT_CEILING)
           | bit(is_below_cap(s, rows), CTL_FACT_CAP);
}


/* What an approver is shown, and what a resource is marked with. */
static bool
texts_write(struct ctl_change *c, const struct ctl_resource_wish *wish,
    const struct ctl_rows *facts, const char *account,
    struct ctl_resource_facts *out, struct ctl_error *e)
{
    const char *tier = out->decision.effect == CTL_EFFECT_ALLOW
                       ? "self_service" : "review";
    struct ctl_rows rows;

    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "SELECT jsonb_build_object('project_id', p.project_id,"
            " 'resource_type', $2::text, 'name', $3::text, 'spec', $4::jsonb,"
            " 'data_class', data_class, 'classification', classification,"
            " 'provision_tier', $5::text, 'cloud', $6::text,"
            " 'account', $7::text, 'connector', $8::text,"
            " 'service_sha256', $9::text, 'resource_id', $10::text,"
            " 'estimated_monthly_usd', trim_scale($11::numeric"
            "  / 1000000000)),"
            " jsonb_strip_nulls(jsonb_build_object("
            CTL_RESOURCE_TAGS_OF_PROJECT ","
            " 'environment', $4::jsonb->>'environment', 'cloud', $6::text,"
            " 'account', $7::text, 'managed-by', 'asgard'))"
            " FROM projects p WHERE p.project_id = $1",
            wish->project_id, wish->rtype, wish->name, wish->spec, tier,
            ctl_rows_at(facts, 0, CLOUD), account, out->connector,
            out->service_sha256, out->resource_id,
            ctl_rows_at(facts, 0, ESTIMATE)))
    {
        return false;
    }
    out->payload = ctl_rows_at(&rows, 0, 0);
    out->tags = ctl_rows_at(&rows, 0, 1);

    return true;
}


static bool
facts_read(struct ctl_change *c, const struct ctl_resource_wish *wish,
    struct ctl_rows *rows, struct ctl_error *e)
{
    return CTL_PG(c->pg, c->arena, NULL, e,
               "SELECT 1 FROM projects WHERE project_id = $1 FOR UPDATE",
               wish->project_id)
           && CTL_PG(c->pg, c->arena, rows, e, FACTS, wish->project_id,
                     wish->rtype, wish->name, wish->spec)
           && (rows->nrows == 1
               || ctl_error_internal(e, "the project vanished"));
}


/* The account ends where the setting's entry does. */
static const char *
account_text(struct ctl_change *c, const char *chosen)
{
    return chosen == NULL ? NULL
           : ctl_arena_text(c->arena, chosen, strcspn(chosen, ","));
}


bool
ctl_resource_gate(struct ctl_change *c, const struct ctl_config *config,
    const struct ctl_resource_wish *wish, struct ctl_resource_facts *out,
    struct ctl_error *e)
{
    const char *account;
    struct ctl_rows rows;
    bool target;

    memset(out, 0, sizeof(*out));
    if (!check_name(wish->name, e) || !facts_read(c, wish, &rows, e)) {
        return false;
    }
    if (!is_true(&rows, LIVE) || is_true(&rows, KILLED)) {
        out->decision = ctl_decide(CTL_ACTION_DEPLOY,
                                   facts_take(c->self_service, &rows, true));
        return ctl_resource_denied(&out->decision, e);
    }
    if (!check_service(&rows, e)
        || !ctl_resource_spec_check(c->pg, c->arena, wish->rtype,
                                    ctl_rows_at(&rows, 0, CONNECTOR),
                                    wish->spec, e))
    {
        return false;
    }
    target = is_allowed_target(config != NULL ? config->targets : NULL,
                               ctl_rows_at(&rows, 0, CLOUD),
                               ctl_rows_at(&rows, 0, ACCOUNT), &account);
    out->decision = ctl_decide(CTL_ACTION_DEPLOY,
                               facts_take(c->self_service, &rows, target));
    out->connector = ctl_rows_at(&rows, 0, CONNECTOR);
    out->backend = ctl_rows_at(&rows, 0, RUNS);
    out->service_sha256 = ctl_rows_at(&rows, 0, SHA);
    out->resource_id = ctl_rows_at(&rows, 0, RESOURCE);
    out->same = is_true(&rows, SAME);
    out->est_monthly_nusd = ctl_rows_i64(&rows, 0, ESTIMATE);

    account = wish->account != NULL ? wish->account : account_text(c, account);

    return texts_write(c, wish, &rows, account, out, e);
}


bool
ctl_resource_denied(const struct ctl_decision *d, struct ctl_error *e)
{
    if (strcmp(d->rule, "project.live") == 0) {
        return ctl_error_set(e, 403, "project_inactive", REFUSED, d->rule,
                             d->why);
    }
    if (strcmp(d->rule, "project.killed") == 0) {
        return ctl_error_set(e, 403, "project_killed", REFUSED, d->rule,
                             d->why);
    }

    return ctl_error_set(e, 403, "policy_denied", REFUSED, d->rule, d->why);
}
