/*
 * Building records from rows, and publishing them.
 */
#include "meter/outbox_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/record.h"

#define MESSAGE_BYTES  160
#define PAGE           "500"
#define PAGE_ROWS      500
#define LOOK           "200"            /* names in one EXISTS */
#define LOOK_ROWS      200
#define UUID_LEAST     "00000000-0000-0000-0000-000000000000"

/* by asg_limit_kind_t; -1: none */
#define LIMITS \
    "coalesce(rpm_limit, -1), coalesce(tpm_limit, -1)," \
    " coalesce(max_parallel_requests, -1)"

/* as core/alias.h packs them */
#define PACKED_ALIASES \
    "coalesce((SELECT string_agg(key || E'\\n' || value || E'\\n', '')" \
    " FROM jsonb_each_text(aliases)), '')"

#define SQL_KEYS \
    "SELECT key_id, project_id, version, pepper_id, encode(digest, 'hex')," \
    " prefix, name, models IS NULL," \
    " coalesce((SELECT string_agg(m || E'\\n', '')" \
    " FROM jsonb_array_elements_text(models) AS m), '')," \
    " budgeted::int," \
    " coalesce(floor(extract(epoch FROM expires_at))::bigint, 0)," \
    " (revoked_at IS NOT NULL)::int, " PACKED_ALIASES ", " LIMITS "," \
    " coalesce((SELECT string_agg(substr(b.scope_id, 38) || E'\\n'" \
    " || b.budget_id || E'\\n', '' ORDER BY b.scope_id) FROM budgets b" \
    " WHERE b.scope = 'model' AND b.project_id = keys.project_id" \
    " AND left(b.scope_id, 36) = keys.key_id::text), '')," \
    " coalesce(ceil(extract(epoch FROM not_before))::bigint, 0)," \
    " array_to_string(networks, ',') FROM keys "

#define SQL_PROJECTS \
    "SELECT project_id, version, partition, lifecycle, killed::int," \
    " data_class, " PACKED_ALIASES ", " LIMITS ", coalesce(group_key, '')," \
    " coalesce((SELECT budget_id FROM budgets WHERE scope = 'group'" \
    " AND scope_id = group_key), ''), coalesce(guardrail_mode, '')," \
    " fit_to_budget::int, coalesce((SELECT budget_id FROM budgets b" \
    " WHERE scope = 'end_user'" \
    " AND b.scope_id = projects.project_id || '/*'), '')" \
    " FROM projects "


/* publish.lua; OLD: Redis has it, or something newer. */
static bool
publish(struct ctl_redis *redis, struct ctl_arena *arena, const char *record,
    const char *version, asg_str_t value, const char *message,
    struct ctl_error *e)
{
    const asg_str_t argv[6] = {
        asg_str_z(record), ASG_STR(ASG_RKEY_VERSIONS), asg_str_z(version),
        value, ASG_STR(ASG_RKEY_CHANGES), asg_str_z(message)
    };
    struct ctl_reply reply;
    asg_verdict_t verdict;

    if (!ctl_redis_script(redis, arena, &reply, e, ASG_SCRIPT_PUBLISH, 2, 6,
                          argv))
    {
        return false;
    }
    verdict = reply.nitems > 0 ? asg_verdict_parse(reply.items[0].text)
              : ASG_VERDICT_UNKNOWN;

    return verdict == ASG_VERDICT_OK || verdict == ASG_VERDICT_OLD
           || ctl_error_internal(e, "publish of %s: %s", record,
                                 asg_verdict_text(verdict));
}


/* From column `first` on. */
static bool
row_limits(const struct ctl_rows *rows, unsigned i, unsigned first,
    asg_limits_t *limits)
{
    unsigned kind;

    for (kind = 0; kind < ASG_LIMIT_COUNT; kind++) {
        if (!asg_limits_put(limits, (asg_limit_kind_t) kind,
                            ctl_rows_i64(rows, i, first + kind)))
        {
            return false;
        }
    }

    return true;
}


static bool
key_record(const struct ctl_rows *rows, unsigned i, asg_key_record_t *r)
{
    memset(r, 0, sizeof(*r));
    r->version = (uint64_t) ctl_rows_i64(rows, i, 2);
    snprintf(r->key_id, sizeof(r->key_id), "%s", ctl_rows_at(rows, i, 0));
    snprintf(r->project_id, sizeof(r->project_id), "%s",
             ctl_rows_at(rows, i, 1));
    snprintf(r->prefix, sizeof(r->prefix), "%s", ctl_rows_at(rows, i, 5));
    r->all_models = ctl_rows_at(rows, i, 7)[0] == 't';
    r->budgeted = ctl_rows_i64(rows, i, 9) != 0;
    r->expires = ctl_rows_i64(rows, i, 10);
    r->revoked = ctl_rows_i64(rows, i, 11) != 0;

    r->not_before = ctl_rows_i64(rows, i, 17);

    return asg_networks_parse(asg_str_z(ctl_rows_at(rows, i, 18)),
                              &r->networks) == ASG_OK
           && asg_record_key_names(r, asg_str_z(ctl_rows_at(rows, i, 8)),
                                asg_str_z(ctl_rows_at(rows, i, 12)),
                                asg_str_z(ctl_rows_at(rows, i, 16)))
           && row_limits(rows, i, 13, &r->limits);
}


static size_t
key_name(char name[ASG_RKEY_MAX], const struct ctl_rows *rows, unsigned i)
{
    uint8_t digest[ASG_KEY_DIGEST_BYTES];

    return asg_hex_decode(asg_str_z(ctl_rows_at(rows, i, 4)), digest,
                          sizeof(digest))
           ? asg_rkey_key(name, asg_str_z(ctl_rows_at(rows, i, 3)), digest)
           : 0;
}


static bool
key_send(struct ctl_redis *redis, struct ctl_arena *arena,
    const struct ctl_rows *rows, unsigned i, struct ctl_error *e)
{
    char name[ASG_RKEY_MAX], message[MESSAGE_BYTES];
    const char *pepper = ctl_rows_at(rows, i, 3);
    const char *hex = ctl_rows_at(rows, i, 4);
    char *text = ctl_arena_alloc(arena, ASG_RECORD_BYTES_MAX);
    asg_key_record_t record;
    asg_buf_t value;

    asg_buf_init(&value, text, ASG_RECORD_BYTES_MAX);
    if (text == NULL || !key_record(rows, i, &record)
        || key_name(name, rows, i) == 0
        || asg_record_key_write(&value, &record, asg_str_z(pepper),
                                asg_str_z(ctl_rows_at(rows, i, 6))) != ASG_OK)
    {
        return ctl_error_internal(e, "the key %s has no record",
                                  ctl_rows_at(rows, i, 0));
    }
    snprintf(message, sizeof(message), "key %s %s %s", pepper, hex,
             ctl_rows_at(rows, i, 2));

    return publish(redis, arena, name, ctl_rows_at(rows, i, 2),
                   asg_buf_view(&value), message, e);
}


static size_t
project_name(char name[ASG_RKEY_MAX], const struct ctl_rows *rows, unsigned i)
{
    return asg_rkey_project(name, asg_str_z(ctl_rows_at(rows, i, 0)));
}


static bool
state_parse(const char *name, asg_project_state_t *out)
{
    int s;

    for (s = ASG_PROJECT_ACTIVE; s <= ASG_PROJECT_ARCHIVED; s++) {
        if (strcmp(asg_project_state_name((asg_project_state_t) s), name)
            == 0)
        {
            *out = (asg_project_state_t) s;
            return true;
        }
    }

    return false;
}


static bool
guard_mode_parse(const char *text, asg_guard_mode_t *out)
{
    return text[0] == '\0'
           || asg_guard_mode_parse(asg_str_z(text), out) == ASG_OK;
}


static bool
project_send(struct ctl_redis *redis, struct ctl_arena *arena,
    const struct ctl_rows *rows, unsigned i, struct ctl_error *e)
{
    char name[ASG_RKEY_MAX], message[MESSAGE_BYTES];
    const char *id = ctl_rows_at(rows, i, 0);
    const char *aliases = ctl_rows_at(rows, i, 6);
    asg_project_record_t record = {0};
    char *text = ctl_arena_alloc(arena, ASG_RECORD_BYTES_MAX);
    asg_buf_t value;

    record.version = (uint64_t) ctl_rows_i64(rows, i, 1);
    snprintf(record.project_id, sizeof(record.project_id), "%s", id);
    record.partition = (unsigned) ctl_rows_i64(rows, i, 2);
    record.killed = ctl_rows_i64(rows, i, 4) != 0;
    record.fits = ctl_rows_i64(rows, i, 13) != 0;
    snprintf(record.group, sizeof(record.group), "%s",
             ctl_rows_at(rows, i, 10));
    snprintf(record.group_budget, sizeof(record.group_budget), "%s",
             ctl_rows_at(rows, i, 11));
    snprintf(record.end_users, sizeof(record.end_users), "%s",
             ctl_rows_at(rows, i, 14));
    asg_buf_init(&value, text, ASG_RECORD_BYTES_MAX);
    if (strlen(aliases) <= sizeof(record.aliases)) {
        record.aliases_len = (uint16_t) strlen(aliases);
        memcpy(record.aliases, aliases, record.aliases_len);
    }
    if (text == NULL || strlen(aliases) > sizeof(record.aliases)
        || !state_parse(ctl_rows_at(rows, i, 3), &record.state)
        || asg_data_class_parse(asg_str_z(ctl_rows_at(rows, i, 5)),
                                &record.data_class) != ASG_OK
        || project_name(name, rows, i) == 0
        || !row_limits(rows, i, 7, &record.limits)
        || !guard_mode_parse(ctl_rows_at(rows, i, 12),
                             &record.guard_mode)
        || asg_record_project_write(&value, &record) != ASG_OK)
    {
        return ctl_error_internal(e, "the project %s has no record", id);
    }
    snprintf(message, sizeof(message), "project %s %s", id,
             ctl_rows_at(rows, i, 1));

    return publish(redis, arena, name, ctl_rows_at(rows, i, 1),
                   asg_buf_view(&value), message, e);
}


bool
ctl_record_send_key(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, const char *key_id, struct ctl_error *e)
{
    struct ctl_rows rows;

    return CTL_PG(pg, arena, &rows, e,
                  SQL_KEYS "WHERE key_id::text = lower($1)", key_id)
           && (rows.nrows == 1
               || ctl_error_internal(e, "there is no key %s", key_id))
           && key_send(redis, arena, &rows, 0, e);
}


bool
ctl_record_send_project(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, const char *project_id, struct ctl_error *e)
{
    struct ctl_rows rows;

    return CTL_PG(pg, arena, &rows, e, SQL_PROJECTS "WHERE project_id = $1",
                  project_id)
           && (rows.nrows == 1
               || ctl_error_internal(e, "there is no project %s", project_id))
           && project_send(redis, arena, &rows, 0, e);
}


bool
ctl_record_send_catalog(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, struct ctl_error *e)
{
    char message[MESSAGE_BYTES];
    struct ctl_rows rows;

    if (!ctl_pg_query(pg, arena, &rows, e,
            "SELECT version, body FROM catalog_snapshots"
            " ORDER BY version DESC LIMIT 1", 0, NULL))
    {
        return false;
    }
    if (rows.nrows == 0) {
        return true;
    }
    snprintf(message, sizeof(message), "catalog %s",
             ctl_rows_at(&rows, 0, 0));

    return publish(redis, arena, ASG_RKEY_CATALOG, ctl_rows_at(&rows, 0, 0),
                   asg_str_z(ctl_rows_at(&rows, 0, 1)), message, e);
}


typedef bool (*row_send_pt)(struct ctl_redis *redis, struct ctl_arena *arena,
    const struct ctl_rows *rows, unsigned i, struct ctl_error *e);


/* Pages by the first column, an id. */
static bool
pages_send(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, const char *sql, unsigned part,
    row_send_pt send, struct ctl_error *e)
{
    char after[ASG_ID_MAX + 1] = "", number[8];
    struct ctl_rows rows;
    unsigned i, n;

    snprintf(number, sizeof(number), "%u", part);
    do {
        ctl_arena_reset(arena);
        if (!CTL_PG(pg, arena, &rows, e, sql, number, after)) {
            return false;
        }
        n = rows.nrows;
        for (i = 0; i < n; i++) {
            if (!send(redis, arena, &rows, i, e)) {
                return false;
            }
        }
        if (n > 0) {
            snprintf(after, sizeof(after), "%s", ctl_rows_at(&rows, n - 1, 0));
        }
    } while (n == PAGE_ROWS);

    return true;
}


bool
ctl_record_send_partition(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, unsigned part, struct ctl_error *e)
{
    return ctl_record_send_catalog(pg, redis, arena, e)
           && pages_send(pg, redis, arena, SQL_PROJECTS
                "WHERE partition = $1 AND project_id > $2"
                " ORDER BY project_id LIMIT " PAGE, part, project_send, e)
           && pages_send(pg, redis, arena, SQL_KEYS
                "WHERE project_id IN (SELECT project_id FROM projects"
                " WHERE partition = $1) AND key_id"
                " > coalesce(nullif($2, ''), '" UUID_LEAST "')::uuid"
                " ORDER BY key_id LIMIT " PAGE, part, key_send, e);
}


typedef size_t (*row_name_pt)(char name[ASG_RKEY_MAX],
    const struct ctl_rows *rows, unsigned i);


/* *there: how many of the rows from `first`, n of them, have a record. */
static bool
records_count(struct ctl_redis *redis, struct ctl_arena *arena,
    const struct ctl_rows *rows, unsigned first, unsigned n, row_name_pt name,
    int64_t *there, struct ctl_error *e)
{
    char (*names)[ASG_RKEY_MAX] = ctl_arena_alloc(arena, n * sizeof(*names));
    asg_str_t argv[1 + LOOK_ROWS] = {ASG_STR("EXISTS")};
    struct ctl_reply reply;
    unsigned i;

    if (names == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    for (i = 0; i < n; i++) {
        (void) name(names[i], rows, first + i);
        argv[1 + i] = asg_str_z(names[i]);
    }
    if (!ctl_redis_command(redis, arena, &reply, e, 1 + n, argv)) {
        return false;
    }

    return asg_str_i64(reply.text, there)
           || ctl_error_internal(e, "EXISTS answered no number");
}


/* What is missing is looked for one by one only where something is. */
static bool
records_mend(struct ctl_redis *redis, struct ctl_arena *arena,
    const struct ctl_rows *rows, row_name_pt name, row_send_pt send,
    unsigned *lost, struct ctl_error *e)
{
    int64_t there;
    unsigned i;

    if (rows->nrows == 0) {
        return true;
    }
    if (!records_count(redis, arena, rows, 0, rows->nrows, name, &there, e)) {
        return false;
    }
    for (i = 0; there < rows->nrows && i < rows->nrows; i++) {
        int64_t one;

        if (!records_count(redis, arena, rows, i, 1, name, &one, e)) {
            return false;
        }
        if (one == 0) {
            if (!send(redis, arena, rows, i, e)) {
                return false;
            }
            *lost += 1;
        }
    }

    return true;
}


static bool
catalog_mend(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, unsigned *lost, struct ctl_error *e)
{
    const asg_str_t argv[2] = {ASG_STR("EXISTS"), ASG_STR(ASG_RKEY_CATALOG)};
    struct ctl_reply reply;
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e, "SELECT count(*) FROM catalog_snapshots")
        || !ctl_redis_command(redis, arena, &reply, e, 2, argv))
    {
        return false;
    }
    if (ctl_rows_i64(&rows, 0, 0) == 0 || asg_str_eq(reply.text, ASG_STR("1")))
    {
        return true;
    }
    *lost += 1;

    return ctl_record_send_catalog(pg, redis, arena, e);
}


bool
ctl_record_tend(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, struct ctl_record_look *look, unsigned *lost,
    struct ctl_error *e)
{
    struct ctl_rows rows;
    bool keys = look->keys;

    if (!CTL_PG(pg, arena, &rows, e, keys
                ? SQL_KEYS "WHERE key_id"
                  " > coalesce(nullif($1, ''), '" UUID_LEAST "')::uuid"
                  " ORDER BY key_id LIMIT " LOOK
                : SQL_PROJECTS "WHERE project_id > $1"
                  " ORDER BY project_id LIMIT " LOOK, look->after)
        || !records_mend(redis, arena, &rows, keys ? key_name : project_name,
                         keys ? key_send : project_send, lost, e))
    {
        return false;
    }
    if (rows.nrows == LOOK_ROWS) {
        snprintf(look->after, sizeof(look->after), "%s",
                 ctl_rows_at(&rows, LOOK_ROWS - 1, 0));
        return true;
    }
    look->after[0] = '\0';
    look->keys = !keys;

    return keys || catalog_mend(pg, redis, arena, lost, e);
}


/* "{asg}:key:p1:<hex>" is announced as "key p1 <hex> <version>". */
bool
ctl_record_take_back(struct ctl_redis *redis, struct ctl_arena *arena,
    const char *name, const char *version, struct ctl_error *e)
{
    char message[MESSAGE_BYTES], *at;
    const size_t head = strlen(ASG_RKEY_HEAD);

    if (strncmp(name, ASG_RKEY_HEAD, head) != 0) {
        return true;
    }
    snprintf(message, sizeof(message), "%s %s", name + head, version);
    for (at = strchr(message, ':'); at != NULL; at = strchr(at, ':')) {
        *at = ' ';
    }

    return publish(redis, arena, name, version, ASG_STR(""), message, e);
}


bool
ctl_record_note_filled(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, struct ctl_error *e)
{
    asg_str_t argv[3] = {ASG_STR("SET"), ASG_STR(ASG_RKEY_FILLED),
                         ASG_STR_NULL};
    struct ctl_rows rows;

    if (!ctl_redis_ready(redis, e)
        || !CTL_PG(pg, arena, &rows, e,
            "SELECT count(*) FROM partitions"
            " WHERE step <> 'open' OR run_id <> $1",
            ctl_redis_run_id(redis)))
    {
        return false;
    }
    argv[2] = asg_str_z(ctl_redis_run_id(redis));

    return ctl_rows_i64(&rows, 0, 0) != 0
           || ctl_redis_command(redis, arena, NULL, e, 3, argv);
}
