/*
 * Figures of the control plane.
 */
#include "ops/ctl_metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/rkey.h"
#include "redis/eviction.h"

#define TEXT_BYTES   32768

/* Each row: the name with its labels, and a value. */
#define SQL_FIGURES \
    "SELECT * FROM (" \
    "SELECT 'asgard_outbox_unsent' AS name, count(*)::text AS value" \
    " FROM outbox WHERE sent_at IS NULL UNION ALL" \
    " SELECT 'asgard_outbox_oldest_seconds', coalesce(extract(epoch FROM" \
    " now() - min(created_at)), 0)::text FROM outbox" \
    " WHERE sent_at IS NULL UNION ALL" \
    " SELECT 'asgard_corrections_owed', count(*)::text FROM applies" \
    " WHERE done_at IS NULL UNION ALL" \
    " SELECT 'asgard_partitions_open', count(*)::text FROM partitions" \
    " WHERE step = 'open' UNION ALL" \
    " SELECT 'asgard_partition_epoch{partition=\"' || partition || '\"}'," \
    " epoch::text FROM partitions UNION ALL" \
    " SELECT 'asgard_workers_unheard', count(*)::text FROM gateway_workers" \
    " WHERE unheard_at IS NOT NULL UNION ALL" \
    " SELECT 'asgard_audit_unsealed', count(*)::text FROM audit_events a" \
    " WHERE a.id > (SELECT coalesce(max(event_id), 0) FROM audit_seals)" \
    " UNION ALL" \
    " SELECT 'asgard_notices_waiting', count(*)::text FROM notices" \
    " JOIN notice_channels USING (channel) WHERE state = 'waiting'" \
    " UNION ALL" \
    " SELECT 'asgard_notices_oldest_seconds', coalesce(extract(epoch FROM" \
    " now() - min(created_at)), 0)::text FROM notices" \
    " JOIN notice_channels USING (channel) WHERE state = 'waiting'" \
    " UNION ALL" \
    " SELECT 'asgard_notices_dead', count(*)::text FROM notices" \
    " WHERE state = 'dead' UNION ALL" \
    " SELECT 'asgard_jobs{kind=\"' || k || '\",state=\"' || s || '\"}'," \
    "  count(job_id)::text FROM unnest(ARRAY['make', 'destroy', 'suspend'," \
    "  'resume', 'rotate', 'rewrap']) k" \
    "  CROSS JOIN unnest(ARRAY['ready', 'running'," \
    "  'failed', 'dead']) s LEFT JOIN jobs ON kind = k AND state = s" \
    " GROUP BY k, s UNION ALL" \
    " SELECT 'asgard_jobs_oldest_seconds', coalesce(extract(epoch FROM" \
    " now() - min(created_at)), 0)::text FROM jobs" \
    " WHERE state IN ('ready', 'running') UNION ALL" \
    " SELECT 'asgard_resources_need_attention', count(*)::text" \
    " FROM resources WHERE needs_attention UNION ALL" \
    " SELECT 'asgard_role_beat_age_seconds{role=\"' || role || '\"}'," \
    " greatest(extract(epoch FROM now() - at), 0)::text FROM role_beats" \
    " UNION ALL" \
    " SELECT 'asgard_counters_wrong', coalesce(info->>'drift', '0')" \
    " FROM role_beats WHERE role = 'meter' UNION ALL" \
    " SELECT 'asgard_records_missing', coalesce(info->>'lost', '0')" \
    " FROM role_beats WHERE role = 'meter' UNION ALL" \
    " SELECT 'asgard_sessions', count(*)::text FROM sessions" \
    " WHERE seen_at > now() - interval '1 hour' UNION ALL" \
    " SELECT 'asgard_logins_locked', count(*)::text FROM login_attempts" \
    " WHERE failures >= 5 AND at > now() - interval '5 minutes' UNION ALL" \
    " SELECT 'asgard_usage_events_copied', coalesce(sum(copies), 0)::text" \
    " FROM cursors UNION ALL" \
    " SELECT 'asgard_catalog_refused', greatest(CASE info->>'state'" \
    " WHEN 'refused' THEN 1 ELSE 0 END," \
    " jsonb_array_length(info->'refused'))::text" \
    " FROM role_beats WHERE role = 'keeper' UNION ALL" \
    " SELECT 'asgard_catalog_snapshot_version'," \
    " coalesce(max(version), 0)::text FROM catalog_snapshots) q" \
    " ORDER BY name"

#define SQL_CURSORS \
    "SELECT p.partition, p.epoch, coalesce(c.last_id, '0-0')" \
    " FROM partitions p LEFT JOIN cursors c USING (partition, epoch)" \
    " WHERE p.epoch > 0 ORDER BY p.partition"


static const struct {
    const char *name, *help;
} helps[] = {
    {"asgard_ctl_up", "Whether this store answered."},
    {"asgard_outbox_unsent", "Outbox rows that Redis has not got yet."},
    {"asgard_outbox_oldest_seconds", "Age of the oldest unsent row."},
    {"asgard_corrections_owed", "Ledger corrections that Redis is owed."},
    {"asgard_partitions_open", "Partitions that are seeded and open."},
    {"asgard_partition_epoch", "Epoch of each partition; rises by a reseed."},
    {"asgard_workers_unheard", "Workers of gateways without whose word a "
     "partition was opened, and that have not beaten since."},
    {"asgard_audit_unsealed", "Audit events without a seal yet."},
    {"asgard_notices_waiting", "Webhook calls and mails not delivered yet."},
    {"asgard_notices_oldest_seconds", "Age of the oldest of them."},
    {"asgard_notices_dead", "Those that were given up in the last 30 days."},
    {"asgard_jobs", "Jobs that wait, run, or were given up, by kind and "
     "state."},
    {"asgard_jobs_oldest_seconds", "Age of the oldest job that is not over."},
    {"asgard_resources_need_attention", "Resources with which something "
     "failed for good."},
    {"asgard_role_beat_age_seconds", "Seconds since each role was heard."},
    {"asgard_counters_wrong", "Counters that differed from the ledger since "
     "the meter began."},
    {"asgard_records_missing", "Records that were missing in Redis and written "
     "again, since the meter began."},
    {"asgard_usage_events_copied", "Usage events that stood in a stream twice "
     "and were passed over."},
    {"asgard_catalog_refused", "What the last reload refused; 0 when all is "
     "served."},
    {"asgard_catalog_snapshot_version", "Newest catalog in PostgreSQL."},
    {"asgard_redis_may_evict", "1: Redis' maxmemory-policy is not noeviction."},
    {"asgard_usage_backlog", "Usage events that the ledger has not got yet."},
    {"asgard_sessions", "Sessions of people that made a request in the last "
     "hour."},
    {"asgard_logins_locked", "Names that are held up at an address after five "
     "failures."},
    {"asgard_bad_tokens_total", "Tokens of the control API that were none."},
    {"asgard_bad_tokens_refused_total", "Those of them that were too many of "
     "their address."}
};


/* The name of the metric, without its labels. */
static size_t
name_len(const char *name)
{
    return strcspn(name, "{");
}


/* Which metrics count up, since the API began. */
static bool
is_counter(const char *name)
{
    static const char behind[] = "_total";
    size_t len = strlen(name), n = sizeof(behind) - 1;

    return len > n && strcmp(name + len - n, behind) == 0;
}


static void
put_help(asg_buf_t *out, const char *name)
{
    size_t i, len = name_len(name);

    for (i = 0; i < sizeof(helps) / sizeof(helps[0]); i++) {
        if (strlen(helps[i].name) == len
            && strncmp(helps[i].name, name, len) == 0)
        {
            asg_buf_z(out, "# HELP ");
            asg_buf_z(out, helps[i].name);
            asg_buf_z(out, " ");
            asg_buf_z(out, helps[i].help);
            asg_buf_z(out, "\n# TYPE ");
            asg_buf_z(out, helps[i].name);
            asg_buf_z(out, is_counter(helps[i].name) ? " counter\n"
                                                     : " gauge\n");
        }
    }
}


/* `last` is the metric before: the help stands once, before the first. */
static void
put_figure(asg_buf_t *out, const char *name, const char *value,
    const char **last)
{
    size_t len = name_len(name);

    if (*last == NULL || name_len(*last) != len
        || strncmp(*last, name, len) != 0)
    {
        put_help(out, name);
    }
    *last = name;
    asg_buf_z(out, name);
    asg_buf_z(out, " ");
    asg_buf_z(out, value);
    asg_buf_z(out, "\n");
}


static void
put_count(asg_buf_t *out, const char *name, uint64_t n, const char **last)
{
    char digits[24];

    snprintf(digits, sizeof(digits), "%" PRIu64, n);
    put_figure(out, name, digits, last);
}


static bool
put_figures(struct ctl_pg *pg, struct ctl_arena *arena, asg_buf_t *out,
    const char **last)
{
    struct ctl_error e = {0};
    struct ctl_rows rows;
    unsigned i;

    if (!ctl_pg_query(pg, arena, &rows, &e, SQL_FIGURES, 0, NULL)) {
        return false;
    }
    for (i = 0; i < rows.nrows; i++) {
        put_figure(out, ctl_rows_at(&rows, i, 0), ctl_rows_at(&rows, i, 1),
                   last);
    }

    return true;
}


/* Entries after the cursor, at most a thousand counted. */
static const char *
backlog(struct ctl_redis *redis, struct ctl_arena *arena,
    const struct ctl_rows *rows, unsigned i)
{
    char key[ASG_RKEY_MAX];
    struct ctl_error e = {0};
    struct ctl_reply reply;
    asg_str_t argv[6] = {ASG_STR("XRANGE"), ASG_STR_NULL, ASG_STR_NULL,
                         ASG_STR("+"), ASG_STR("COUNT"), ASG_STR("1000")};

    argv[1].data = key;
    argv[1].len = asg_rkey_stream(key, (unsigned) ctl_rows_i64(rows, i, 0),
                                  (uint64_t) ctl_rows_i64(rows, i, 1));
    argv[2] = asg_str_z(ctl_arena_printf(arena, "(%s",
                                         ctl_rows_at(rows, i, 2)));
    if (!ctl_redis_command(redis, arena, &reply, &e, 6, argv)) {
        return NULL;
    }

    return ctl_arena_printf(arena, "%zu", reply.nitems);
}


static bool
put_backlogs(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, asg_buf_t *out, const char **last)
{
    const asg_str_t ping[1] = {ASG_STR("PING")};
    struct ctl_error e = {0};
    const char *name, *value;
    struct ctl_rows rows = {0};
    unsigned i;

    if (!ctl_redis_command(redis, arena, NULL, &e, 1, ping)) {
        return false;
    }
    (void) ctl_pg_query(pg, arena, &rows, &e, SQL_CURSORS, 0, NULL);
    for (i = 0; i < rows.nrows; i++) {
        name = ctl_arena_printf(arena,
                                "asgard_usage_backlog{partition=\"%s\"}",
                                ctl_rows_at(&rows, i, 0));
        value = backlog(redis, arena, &rows, i);
        if (name != NULL && value != NULL) {
            put_figure(out, name, value, last);
        }
    }

    return true;
}


static void
put_eviction(struct ctl_redis *redis, struct ctl_arena *arena, asg_buf_t *out,
    const char **last)
{
    struct ctl_error e = {0};
    struct ctl_eviction now;

    if (ctl_redis_eviction(redis, arena, &now, &e)) {
        put_figure(out, "asgard_redis_may_evict", now.allowed ? "1" : "0",
                   last);
    }
}


const char *
ctl_metrics_text(struct ctl_pg *pg, struct ctl_redis *redis,
    const struct ctl_api_counts *counts, struct ctl_arena *arena)
{
    char *text = ctl_arena_alloc(arena, TEXT_BYTES);
    const char *last = NULL;
    bool postgres, store;
    asg_buf_t out;

    asg_buf_init(&out, text, TEXT_BYTES - 1);
    if (text == NULL) {
        return NULL;
    }
    postgres = put_figures(pg, arena, &out, &last);
    store = put_backlogs(pg, redis, arena, &out, &last);
    put_eviction(redis, arena, &out, &last);
    put_figure(&out, "asgard_ctl_up{store=\"postgres\"}",
               postgres ? "1" : "0", &last);
    put_figure(&out, "asgard_ctl_up{store=\"redis\"}", store ? "1" : "0",
               &last);
    put_count(&out, "asgard_bad_tokens_total", counts->bad_tokens, &last);
    put_count(&out, "asgard_bad_tokens_refused_total",
              counts->bad_tokens_refused, &last);
    text[out.len] = '\0';

    return asg_buf_ok(&out) ? text : NULL;
}
