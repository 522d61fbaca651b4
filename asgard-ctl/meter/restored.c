/*
 * Versions, records and gaps of a database that was restored.
 */
#include "meter/restored.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "meter/outbox_mark.h"
#include "meter/outbox_record.h"
#include "meter/partition_lead.h"
#include "meter/stream_state.h"
#include "redis/scan.h"
#include "store/audit.h"

#define ACTOR "system:meter"

/* Records named in $1 that the database does not know. */
#define SQL_STRANGERS \
    "SELECT t.name FROM unnest($1::text[]) AS t(name)" \
    " WHERE t.name <> '" ASG_RKEY_CATALOG "'" \
    " AND NOT EXISTS (SELECT FROM projects p" \
    " WHERE t.name = '" ASG_RKEY_PROJECT_HEAD "' || p.project_id)" \
    " AND NOT EXISTS (SELECT FROM keys k" \
    " WHERE t.name LIKE '" ASG_RKEY_KEY_HEAD "%'" \
    " AND k.pepper_id = split_part(t.name, ':', 3)" \
    " AND k.digest = decode(split_part(t.name, ':', 4), 'hex'))"

/* The number of a project that was given and forgotten is not given again. */
#define SQL_NUMBERS \
    "INSERT INTO project_numbers (year, last)" \
    " SELECT m[1]::int, max(m[2]::int) FROM unnest($1::text[]) AS t(name)," \
    " regexp_match(t.name, ':proj-([0-9]{4})-([0-9]{4})$') AS m" \
    " WHERE m IS NOT NULL GROUP BY 1 ON CONFLICT (year) DO UPDATE" \
    " SET last = greatest(project_numbers.last, excluded.last)"

#define SQL_RAISE \
    "UPDATE version_floors SET floor = greatest(floor, $1::bigint)"

#define SQL_PROJECTS \
    "WITH up AS (UPDATE projects SET version = version + version_floor()" \
    " RETURNING project_id, version, owner_email, manager_email, group_key," \
    " cost_center, classification)" \
    " INSERT INTO project_versions (project_id, version, owner_email," \
    " manager_email, group_key, cost_center, classification)" \
    " SELECT * FROM up"

/* Streams of epochs that began after the point that the database is at: whoever
 * reseeds drains those that have a cursor. */
#define SQL_STREAMS \
    "INSERT INTO cursors (partition, epoch)" \
    " SELECT p.partition, m[2]::bigint FROM unnest($1::text[]) AS t(name)," \
    " regexp_match(t.name, '^\\{p([0-9]{2})\\}:u:([0-9]{1,18})$') AS m" \
    " JOIN partitions p ON p.partition = m[1]::int" \
    " ON CONFLICT DO NOTHING"

/* What an HSCAN of the versions has found so far. */
struct scan {
    int64_t highest;
    const char *names;                  /* of this page, as an array */
};


/* Each `step`th text of a page, as an array of the database; NULL: no
 * memory. */
static const char *
names_text(struct ctl_leader *l, const struct ctl_reply *page, size_t step)
{
    size_t i, bytes = 3;
    asg_buf_t out;

    for (i = 0; i < page->nitems; i += step) {
        bytes += 2 * page->items[i].text.len + 3;
    }
    asg_buf_init(&out, ctl_arena_alloc(l->arena, bytes), bytes);
    if (out.data == NULL) {
        return NULL;
    }
    asg_buf_z(&out, "{");
    for (i = 0; i < page->nitems; i += step) {
        asg_buf_z(&out, out.len > 1 ? "," : "");
        asg_buf_json(&out, page->items[i].text);
    }
    asg_buf_z(&out, "}");
    asg_buf_put(&out, "", 1);

    return asg_buf_ok(&out) ? out.data : NULL;
}


/* field, value, field, value… of one page. */
static bool
page_take(struct ctl_leader *l, const struct ctl_reply *page,
    struct scan *scan)
{
    int64_t version;
    size_t i;

    for (i = 0; i + 1 < page->nitems; i += 2) {
        version = strtoll(page->items[i + 1].text.data, NULL, 10);
        if (version > scan->highest) {
            scan->highest = version;
        }
    }
    scan->names = names_text(l, page, 2);

    return scan->names != NULL;
}


typedef bool (*page_pt)(struct ctl_leader *l, struct scan *scan,
    struct ctl_error *e);


/* Every record that Redis has a version of, a page at a time. */
static bool
records_scan(struct ctl_leader *l, struct scan *scan, page_pt handler,
    struct ctl_error *e)
{
    char cursor[CTL_SCAN_CURSOR] = "0";
    asg_str_t argv[5] = {ASG_STR("HSCAN"), ASG_STR(ASG_RKEY_VERSIONS),
                         ASG_STR_NULL, ASG_STR("COUNT"),
                         ASG_STR(CTL_SCAN_COUNT)};
    struct ctl_reply page = {0};
    unsigned pages = 0;

    do {
        ctl_arena_reset(l->arena);
        argv[2] = asg_str_z(cursor);
        if (!ctl_redis_scan(l->redis, l->arena, 5, argv, cursor, &page, e)) {
            return false;
        }
        if (!page_take(l, &page, scan)) {
            return ctl_error_internal(e, "out of memory");
        }
        if (handler != NULL && !handler(l, scan, e)) {
            return false;
        }
    } while (strcmp(cursor, "0") != 0 && ++pages < CTL_SCAN_PAGES);

    return true;
}


static bool
streams_note(struct ctl_leader *l, struct ctl_error *e)
{
    char cursor[CTL_SCAN_CURSOR] = "0";
    asg_str_t argv[6] = {ASG_STR("SCAN"), ASG_STR_NULL, ASG_STR("MATCH"),
                         ASG_STR("{p*}:u:*"), ASG_STR("COUNT"),
                         ASG_STR(CTL_SCAN_COUNT)};
    struct ctl_reply page = {0};
    unsigned pages = 0;
    const char *names;

    do {
        ctl_arena_reset(l->arena);
        argv[1] = asg_str_z(cursor);
        if (!ctl_redis_scan(l->redis, l->arena, 6, argv, cursor, &page, e)) {
            return false;
        }
        names = names_text(l, &page, 1);
        if (names == NULL) {
            return ctl_error_internal(e, "out of memory");
        }
        if (page.nitems > 0
            && !CTL_PG(l->pg, l->arena, NULL, e, SQL_STREAMS, names))
        {
            return false;
        }
    } while (strcmp(cursor, "0") != 0 && ++pages < CTL_SCAN_PAGES);

    return true;
}


static bool
strangers_take_back(struct ctl_leader *l, struct scan *scan,
    struct ctl_error *e)
{
    const char *version = ctl_arena_printf(l->arena, "%lld",
                                           (long long) scan->highest);
    struct ctl_rows rows;
    unsigned i;

    if (!CTL_PG(l->pg, l->arena, NULL, e, SQL_NUMBERS, scan->names)
        || !CTL_PG(l->pg, l->arena, &rows, e, SQL_STRANGERS, scan->names))
    {
        return false;
    }
    for (i = 0; i < rows.nrows; i++) {
        if (!ctl_record_take_back(l->redis, l->arena,
                                  ctl_rows_at(&rows, i, 0), version, e))
        {
            return false;
        }
    }

    return true;
}


static bool
raise_versions(struct ctl_pg *pg, struct ctl_arena *arena, const char *floor,
    const char *actor, struct ctl_error *e)
{
    const struct ctl_audit_field field = {"version_floor", floor};
    struct ctl_audit_event event = {
        .actor = actor, .action = "database.restored",
        .entity_kind = "database", .entity_id = "ledger",
        .data = ctl_audit_data(arena, &field, 1)
    };

    return CTL_PG(pg, arena, NULL, e, SQL_RAISE, floor)
           && ctl_pg_exec(pg, e, SQL_PROJECTS "; UPDATE keys"
                          " SET version = version + version_floor();"
                          " UPDATE budgets"
                          " SET version = version + version_floor()")
           && ctl_audit_write(pg, arena, &event, e);
}


static bool
versions_raise(struct ctl_pg *pg, struct ctl_arena *arena, int64_t floor,
    const char *actor, struct ctl_error *e)
{
    const char *text = ctl_arena_printf(arena, "%lld", (long long) floor);

    if (!ctl_pg_begin(pg, e)) {
        return false;
    }
    if (!raise_versions(pg, arena, text, actor, e)) {
        ctl_pg_rollback(pg);
        return false;
    }

    return ctl_pg_commit(pg, e);
}


bool
ctl_restored_raise_by_clock(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *actor, struct ctl_error *e)
{
    struct ctl_rows rows;

    return ctl_pg_query(pg, arena, &rows, e, "SELECT"
                        " floor(extract(epoch FROM clock_timestamp()))::bigint",
                        0, NULL)
           && versions_raise(pg, arena, ctl_rows_i64(&rows, 0, 0), actor, e);
}


bool
ctl_restored_is_behind(struct ctl_leader *l, bool *behind,
    struct ctl_error *e)
{
    bool led = false;
    unsigned i;

    *behind = false;
    for (i = 0; i < ASG_PARTITIONS; i++) {
        led = led || l->parts[i].led;
        *behind = *behind || (l->parts[i].led && l->parts[i].ahead);
    }

    return !led || *behind
           || ctl_outbox_is_behind(l->pg, l->redis, l->arena, behind, e);
}


bool
ctl_restored_take(struct ctl_leader *l, struct ctl_error *e)
{
    struct scan scan = {0};
    unsigned i;

    ctl_log(CTL_LOG_ERROR, "Redis has seen what this database does not know: "
            "it was restored to an older point");
    if (!records_scan(l, &scan, NULL, e)) {
        return false;
    }
    scan.highest++;
    if (!records_scan(l, &scan, strangers_take_back, e)
        || !streams_note(l, e)
        || !versions_raise(l->pg, l->arena, scan.highest, ACTOR, e)
        || !ctl_outbox_forget(l->redis, l->arena, e))
    {
        return false;
    }
    for (i = 0; i < ASG_PARTITIONS; i++) {
        l->parts[i].open = l->parts[i].ahead = false;
    }

    return true;
}


/* --- gaps --- */

static bool
gap_write(struct ctl_leader *l, const struct ctl_partition *p,
    const char *epoch, const char *after, const char *upto,
    const char *events, struct ctl_error *e)
{
    const char *part = ctl_arena_printf(l->arena, "%u", p->part);
    const struct ctl_audit_field fields[] = {
        {"epoch", epoch}, {"after", after}, {"upto", upto},
        {"events", events}
    };
    struct ctl_audit_event event = {
        .actor = ACTOR, .action = "stream.gap", .entity_kind = "partition",
        .entity_id = part, .outcome = "failed",
        .data = ctl_audit_data(l->arena, fields, 4)
    };
    struct ctl_rows rows;

    if (!CTL_PG(l->pg, l->arena, &rows, e,
            "INSERT INTO stream_gaps (partition, epoch, after_id, upto_id,"
            " events) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
            part, epoch, after, upto, events))
    {
        return false;
    }
    if (rows.affected == 0) {
        return true;
    }
    ctl_log(CTL_LOG_ERROR, "partition %s: %s usage events between %s and %s "
            "were trimmed and are not in the ledger; replay the witness files",
            part, events, after, upto);

    return ctl_audit_write(l->pg, l->arena, &event, e);
}


/* What was told of the stream before is no part of what the ledger has read. */
static bool
gaps_sum(struct ctl_leader *l, const struct ctl_partition *p, int64_t epoch,
    int64_t *events, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(l->pg, l->arena, &rows, e,
            "SELECT coalesce(sum(events), 0)::bigint FROM stream_gaps"
            " WHERE partition = $1 AND epoch = $2",
            ctl_arena_printf(l->arena, "%u", p->part),
            ctl_arena_printf(l->arena, "%lld", (long long) epoch)))
    {
        return false;
    }
    *events = ctl_rows_i64(&rows, 0, 0);

    return true;
}


bool
ctl_restored_gap(struct ctl_leader *l, const struct ctl_partition *p,
    int64_t epoch, const char *after, int64_t rows_read, struct ctl_error *e)
{
    struct ctl_stream_state state;
    int64_t missing, told;

    if (!ctl_stream_state(l, p, epoch, &state, e)
        || !gaps_sum(l, p, epoch, &told, e))
    {
        return false;
    }
    if (state.length > 0 && !ctl_stream_id_is_after(state.first, after)) {
        return true;                    /* what was let go lies before it */
    }
    missing = state.added - state.length - rows_read - told;
    if (missing <= 0) {
        return true;
    }

    return gap_write(l, p, ctl_arena_printf(l->arena, "%lld",
                                            (long long) epoch),
                     after, (state.length > 0 ? state.first : state.last).data,
                     ctl_arena_printf(l->arena, "%lld", (long long) missing),
                     e);
}
