/*
 * Batches of refusals.
 */
#include "meter/refused_audit.h"

#include "base/json_put.h"
#include "core/refused.h"
#include "core/rkey.h"
#include "core/script.h"
#include "core/trace.h"
#include "store/audit.h"

#define BATCH       1000
#define NUMBER(n)   #n
#define TEXT(n)     NUMBER(n)
#define ENTRY_BYTES 512                 /* of JSON: six ids and three numbers */
#define TRACES_MAX  512                 /* of an event; the first is its own */

/* One reads a batch at a time. */
#define SQL_LOCK "SELECT pg_try_advisory_xact_lock(hashtext($1))"

/* Where the last batch ended. */
#define SQL_UPTO \
    "SELECT data->>'upto' FROM audit_events WHERE action = $1" \
    " ORDER BY id DESC LIMIT 1"

#define ISO(ms) \
    "to_char(to_timestamp(" ms " / 1000.0) AT TIME ZONE 'UTC'," \
    " 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"

#define SQL_GROUPS \
    "SELECT k, p, c, (array_agg(t ORDER BY s, i))[1]," \
    " jsonb_build_object('code', c, 'count', sum(n), 'since', " \
    ISO("min(s)") ", 'until', " ISO("max(u)") ", 'upto', $2::text)" \
    " || CASE WHEN count(*) > 1 OR max(m) <> '' THEN jsonb_build_object(" \
    " 'traces', (string_to_array(string_agg(concat_ws(',', t," \
    " nullif(m, '')), ',' ORDER BY s, i), ','))[2:" TEXT(TRACES_MAX) "])" \
    " ELSE '{}' END" \
    " FROM jsonb_to_recordset($1::jsonb) AS r(i int, k text, p text," \
    " c text, t text, m text, n bigint, s bigint, u bigint)" \
    " GROUP BY k, p, c ORDER BY min(i)"

static const char action[] = "gateway.refused";


/* One of another grammar is nobody's. */
static void
entry_put(asg_buf_t *out, const struct ctl_reply *fields, size_t i)
{
    asg_str_t texts[ASG_REFUSED_FIELDS_MAX];
    asg_refused_t r;
    size_t n;

    for (n = 0; n < fields->nitems && n < ASG_REFUSED_FIELDS_MAX; n++) {
        texts[n] = fields->items[n].text;
    }
    if (n < fields->nitems || asg_refused_parse(texts, n, &r) != ASG_OK) {
        return;
    }
    ctl_put_i64(out, out->len > 1 ? ",{\"i\":" : "{\"i\":", (int64_t) i);
    ctl_put_text(out, ",\"k\":", r.key);
    ctl_put_text(out, ",\"p\":", r.project);
    ctl_put_text(out, ",\"c\":", r.code);
    ctl_put_text(out, ",\"t\":", r.trace);
    ctl_put_text(out, ",\"m\":", r.more);
    ctl_put_i64(out, ",\"n\":", (int64_t) r.count);
    ctl_put_i64(out, ",\"s\":", (int64_t) r.since_ms);
    ctl_put_i64(out, ",\"u\":", (int64_t) r.until_ms);
    asg_buf_z(out, "}");
}


/* The entries from `first` on as a list. */
static const char *
batch_text(struct ctl_arena *arena, const struct ctl_reply *batch,
    size_t first)
{
    const size_t more = ASG_REFUSED_MORE_MAX * (ASG_TRACE_MAX + 1);
    size_t i, bytes = 8 + (batch->nitems - first) * (ENTRY_BYTES + more);
    asg_buf_t out;

    asg_buf_init(&out, ctl_arena_alloc(arena, bytes), bytes);
    if (out.data == NULL) {
        return NULL;
    }
    asg_buf_z(&out, "[");
    for (i = first; i < batch->nitems; i++) {
        if (batch->items[i].nitems == 2) {
            entry_put(&out, &batch->items[i].items[1], i);
        }
    }
    asg_buf_z(&out, "]");
    asg_buf_put(&out, "", 1);

    return asg_buf_ok(&out) ? out.data : NULL;
}


static asg_str_t
entry_id(const struct ctl_reply *batch, size_t i)
{
    return batch->items[i].nitems > 0 ? batch->items[i].items[0].text
                                      : ASG_STR_NULL;
}


/* How many of the batch were written before. */
static bool
written_before(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_reply *batch, size_t *first, struct ctl_error *e)
{
    struct ctl_rows rows;
    size_t i;

    *first = 0;
    if (!CTL_PG(pg, arena, &rows, e, SQL_UPTO, action)) {
        return false;
    }
    for (i = 0; rows.nrows == 1 && i < batch->nitems; i++) {
        if (asg_str_eq_z(entry_id(batch, i), ctl_rows_at(&rows, 0, 0))) {
            *first = i + 1;
        }
    }

    return true;
}


static bool
batch_write(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_reply *batch, const char *upto,
    struct ctl_error *e)
{
    struct ctl_rows rows;
    const char *text;
    size_t first;
    unsigned i;

    if (!written_before(pg, arena, batch, &first, e)) {
        return false;
    }
    text = batch_text(arena, batch, first);
    if (text == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    if (!CTL_PG(pg, arena, &rows, e, SQL_GROUPS, text, upto)) {
        return false;
    }
    for (i = 0; i < rows.nrows; i++) {
        const struct ctl_audit_event event = {
            .actor = "system:meter", .action = action,
            .entity_kind = "project", .entity_id = ctl_rows_at(&rows, i, 1),
            .also = {ctl_rows_at(&rows, i, 0)},
            .trace_id = ctl_rows_at(&rows, i, 3), .outcome = "denied",
            .reason = ctl_rows_at(&rows, i, 2),
            .data = ctl_rows_at(&rows, i, 4)};

        if (!ctl_audit_write(pg, arena, &event, e)) {
            return false;
        }
    }
    return true;
}


/* "<ms>-<n>" and the id after it; false: it is none. */
static bool
id_after(struct ctl_arena *arena, asg_str_t id, const char **upto,
    const char **after)
{
    uint64_t ms, n;

    if (asg_stream_id_parse(id, &ms, &n) != ASG_OK || n == UINT64_MAX) {
        return false;
    }
    *upto = ctl_arena_text(arena, id.data, id.len);
    *after = ctl_arena_printf(arena, "%llu-%llu", (unsigned long long) ms,
                              (unsigned long long) n + 1);

    return *upto != NULL && *after != NULL;
}


static bool
batch_forget(struct ctl_redis *redis, struct ctl_arena *arena,
    const char *after, struct ctl_error *e)
{
    const asg_str_t forget[4] = {ASG_STR("XTRIM"), ASG_STR(ASG_RKEY_REFUSED),
                                 ASG_STR("MINID"), asg_str_z(after)};

    return ctl_redis_command(redis, arena, NULL, e, 4, forget);
}


static bool
batch_take(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, bool *more, struct ctl_error *e)
{
    const asg_str_t read[6] = {ASG_STR("XRANGE"), ASG_STR(ASG_RKEY_REFUSED),
                               ASG_STR("-"), ASG_STR("+"), ASG_STR("COUNT"),
                               ASG_STR(TEXT(BATCH))};
    const char *upto, *after;
    struct ctl_reply batch;

    if (!ctl_redis_command(redis, arena, &batch, e, 6, read)) {
        return false;
    }
    *more = batch.nitems == BATCH;
    if (batch.nitems == 0) {
        return ctl_pg_commit(pg, e);
    }
    if (!id_after(arena, entry_id(&batch, batch.nitems - 1), &upto, &after)) {
        return ctl_error_internal(e, "a stream id of refusals is none");
    }

    return batch_write(pg, arena, &batch, upto, e) && ctl_pg_commit(pg, e)
           && batch_forget(redis, arena, after, e);
}


static bool
locked_take(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, bool *more, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e, SQL_LOCK, "asgard refusals")) {
        return false;
    }

    return ctl_rows_at(&rows, 0, 0)[0] == 't'
           ? batch_take(pg, redis, arena, more, e)
           : ctl_pg_commit(pg, e);      /* another does it */
}


bool
ctl_refused_audit(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, bool *more, struct ctl_error *e)
{
    *more = false;
    if (!ctl_pg_begin(pg, e)) {
        return false;
    }
    if (!locked_take(pg, redis, arena, more, e)) {
        ctl_pg_rollback(pg);
        return false;
    }

    return true;
}
