/*
 * Why the gateway refused: of a gateway.refused event `a` the rule that its
 * code stands for, and the last event before it that made the rule fit, be that
 * a kill, a lowered budget or another data class.  As SQL, for journal_read.c.
 */
#ifndef CTL_AUDIT_CAUSE_H
#define CTL_AUDIT_CAUSE_H

#include "ledger/time_text.h"

/* code, rule, action of what causes it, member that its data must have. */
#define CTL_AUDIT_CAUSES \
    "(VALUES ('project_killed', 'project.killed', 'project.kill', NULL)," \
    " ('project_inactive', 'project.live', 'project.decommissioned', NULL)," \
    " ('project_inactive', 'project.live', 'project.archived', NULL)," \
    " ('key_expired', 'key.expiry', 'key.minted', NULL)," \
    " ('budget_exceeded', 'invoke.budget', 'project.registered', NULL)," \
    " ('budget_exceeded', 'invoke.budget', 'project.budget_set', NULL)," \
    " ('budget_exceeded', 'invoke.budget', 'key.budget_set', NULL)," \
    " ('budget_exceeded', 'invoke.budget', 'model.budget_set', NULL)," \
    " ('budget_exceeded', 'invoke.budget', 'group.budget_set', NULL)," \
    " ('budget_exceeded', 'invoke.budget', 'budget.increase_ended', NULL)," \
    " ('policy_denied', 'invoke.data-class', 'project.registered', NULL)," \
    " ('policy_denied', 'invoke.data-class', 'project.updated'," \
    "  'data_class')," \
    " ('guardrail_blocked', 'guardrail', 'project.updated'," \
    "  'guardrail_mode')," \
    " ('model_not_found', 'key.models', 'key.minted', NULL)," \
    " ('model_not_found', 'key.models', 'key.updated', 'aliases')," \
    " ('model_not_found', 'key.models', 'project.updated', 'aliases')," \
    " ('rate_limit_exceeded', 'invoke.limits', 'key.minted', NULL)," \
    " ('rate_limit_exceeded', 'invoke.limits', 'key.updated', NULL)," \
    " ('rate_limit_exceeded', 'invoke.limits', 'project.registered', NULL)," \
    " ('rate_limit_exceeded', 'invoke.limits', 'project.updated'," \
    "  'rpm_limit')," \
    " ('rate_limit_exceeded', 'invoke.limits', 'project.updated'," \
    "  'tpm_limit')," \
    " ('rate_limit_exceeded', 'invoke.limits', 'project.updated'," \
    "  'max_parallel_requests')) AS w (code, rule, action, member)"

/* Whether the event `c` is of the project or key of `a`; of its group only for
 * `all`, which is true of those who see every project.  The id of a model's
 * budget begins with the key's. */
#define CTL_AUDIT_CONCERNS(all) \
    "(split_part(split_part(c.entity_ref, ':', 2), '/', 1)" \
    "  = ANY(a.entities) OR (" all " AND c.entity_ref = 'group:' ||" \
    "  (SELECT group_key FROM projects WHERE project_id =" \
    "   split_part(a.entity_ref, ':', 2))))"

/* A second more, for the clocks of two machines. */
#define CTL_AUDIT_CAUSE(all) \
    " LEFT JOIN LATERAL (SELECT w.rule, c.* FROM " CTL_AUDIT_CAUSES \
    "  LEFT JOIN LATERAL (SELECT * FROM audit_events c" \
    "   WHERE c.action = w.action AND c.id < a.id" \
    "   AND c.ts <= (a.data->>'since')::timestamptz + interval '1 second'" \
    "   AND (w.member IS NULL OR c.data ? w.member)" \
    "   AND " CTL_AUDIT_CONCERNS(all) \
    "   ORDER BY c.id DESC LIMIT 1) c ON true" \
    "  WHERE a.action = 'gateway.refused' AND w.code = a.reason" \
    "  ORDER BY c.id DESC NULLS LAST LIMIT 1) cause ON true"

/* A member of what is told of an event; null: nothing of ours caused it. */
#define CTL_AUDIT_CAUSE_JSON \
    "CASE WHEN cause.rule IS NOT NULL THEN json_build_object(" \
    "'rule', cause.rule, 'event', CASE WHEN cause.id IS NOT NULL THEN" \
    " json_build_object('id', cause.id, 'ts', " CTL_TIME_ISO("cause.ts") "," \
    "'actor', cause.actor, 'action', cause.action," \
    "'entity_ref', cause.entity_ref, 'trace_id'," \
    " nullif(cause.trace_id, ''), 'reason', nullif(cause.reason, '')," \
    "'data', cause.data) END) END"

#endif
