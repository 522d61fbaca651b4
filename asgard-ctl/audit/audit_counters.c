/*
 * Reading a partition of Redis in one transaction, and comparing it.
 *
 * The ledger is read first, in a snapshot that is kept open; Redis after it.
 * So Redis is ahead by the events behind the cursor, up to the last that it had
 * then, and behind by the corrections that it is still owed: both are known,
 * and the comparison is exact while calls run.
 */
#include "audit/audit_counters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit_ahead.h"
#include "audit/audit_gaps.h"
#include "audit/audit_holds.h"
#include "audit/audit_limits.h"
#include "audit/audit_opening.h"
#include "audit/audit_users.h"
#include "core/event.h"
#include "core/rkey.h"
#include "core/script.h"
#include "meter/partition.h"

#define ENTRY_JSON    256               /* of one counter or hold */
#define HOLDS_PAGE    1000

struct snapshot {
    unsigned part;
    int64_t most;                       /* events to be read */
    bool open;                          /* by the ledger */
    int64_t epoch, adj, rows_read;      /* ... too */
    const char *cursor;
    bool users;                         /* a slice of end users */
    struct ctl_rows budgets;            /* as audit/audit_gaps.h says; of a
                                         * slice the default first */
    unsigned nsets;                     /* ... that are defaults */
    struct ctl_rows windows;            /* budget, window: what was sent */
    struct ctl_reply all;               /* of Redis */
    struct ctl_reply *holds;            /* ... what stands under the ids */
    const char *redis_adj;
    struct ctl_audit_ahead ahead;
};

/* What stands where in the transaction's answer. */
enum { AT_META, AT_STREAM, AT_HOLDS, AT_BUDGETS };

#define SQL_BUDGETS \
    "SELECT budget_id, NULL, scope = 'end_user'" \
    " AND scope_id = project_id || '/*' FROM budgets WHERE partition = $1" \
    " ORDER BY budget_id"

#define SQL_POINT \
    "SELECT p.epoch, coalesce(c.last_id, '0-0'), coalesce(c.rows_read, 0)," \
    " (SELECT coalesce(max(seq), 0) FROM applies a" \
    " WHERE a.partition = p.partition), p.step FROM partitions p" \
    " LEFT JOIN cursors c USING (partition, epoch)" \
    " WHERE p.partition = $1"

/* Windows that Redis must have: a change that is on its way may not be there
 * yet. */
#define SQL_WINDOWS \
    "SELECT b.budget_id, w.window_name FROM budgets b" \
    " JOIN budget_windows w USING (budget_id)" \
    " LEFT JOIN zone_windows z USING (zone, window_name)" \
    " WHERE b.partition = $1 AND (z.zone IS NULL" \
    " OR z.boundaries[cardinality(z.boundaries)]" \
    " > extract(epoch FROM now()))" \
    " AND NOT EXISTS (SELECT FROM outbox o WHERE o.kind = 'budget'" \
    " AND o.target = b.budget_id AND o.sent_at IS NULL)" \
    " ORDER BY b.budget_id, w.window_name"

/* $1 the counters of Redis, $2 its open holds, $3 what the events moved that
 * the ledger has not got, $4 the partition, $5 the last correction that Redis
 * got. */
#define SQL_COMPARE \
    "WITH c AS (SELECT * FROM jsonb_to_recordset($1::jsonb)" \
    " AS t(b text, w text, i bigint, s bigint, h bigint, o bigint))," \
    " held AS (SELECT pin, sum(t.a) AS a FROM jsonb_to_recordset($2::jsonb)" \
    " AS t(a bigint, p text), unnest(string_to_array(t.p, ',')) AS pin" \
    " GROUP BY pin)," \
    " ahead AS (SELECT p AS pin, a FROM jsonb_to_recordset($3::jsonb)" \
    " AS t(a bigint, p text))," \
    " owed AS (SELECT pin, sum(a.delta_nano) AS a FROM applies a," \
    " unnest(string_to_array(a.pins, ',')) AS pin" \
    " WHERE a.partition = $4::smallint AND a.seq > $5::bigint" \
    " GROUP BY pin)," \
    " d AS (SELECT c.*, c.b || ':' || c.w || ':' || c.i AS pin FROM c)," \
    " x AS (SELECT d.*, coalesce(held.a, 0) AS held," \
    " coalesce(" CTL_AUDIT_OPENING("d") ", 0)" \
    " + coalesce(b.spent_nano, 0) + coalesce(ahead.a, 0)" \
    " - coalesce(owed.a, 0) AS spent FROM d" \
    " LEFT JOIN held USING (pin) LEFT JOIN ahead USING (pin)" \
    " LEFT JOIN owed USING (pin)" \
    " LEFT JOIN openings o ON o.budget_id = d.b AND o.window_name = d.w" \
    " AND o.window_id = d.i LEFT JOIN balances b ON b.budget_id = d.b" \
    " AND b.window_name = d.w AND b.window_id = d.i)" \
    " SELECT 'M3 ' || pin || ': held ' || h || ', open holds sum to '" \
    " || held FROM x WHERE h <> held UNION ALL" \
    " SELECT 'M4 ' || pin || ': spent ' || s || ', the ledger says '" \
    " || spent FROM x WHERE s <> spent"


static bool
ledger_read(struct ctl_pg *pg, struct ctl_arena *arena, struct snapshot *s,
    struct ctl_error *e)
{
    const char *part = ctl_arena_printf(arena, "%u", s->part);
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e, SQL_POINT, part)) {
        return false;
    }
    s->open = strcmp(ctl_rows_at(&rows, 0, 4), "open") == 0;
    s->epoch = ctl_rows_i64(&rows, 0, 0);
    s->cursor = ctl_rows_at(&rows, 0, 1);
    s->rows_read = ctl_rows_i64(&rows, 0, 2);
    s->adj = ctl_rows_i64(&rows, 0, 3);
    if (s->users) {
        return true;
    }

    return CTL_PG(pg, arena, &s->budgets, e, SQL_BUDGETS, part)
           && CTL_PG(pg, arena, &s->windows, e, SQL_WINDOWS, part);
}


static bool
head_queue(struct ctl_redis *redis, struct ctl_arena *arena,
    const struct snapshot *s, struct ctl_error *e)
{
    char meta[ASG_RKEY_MAX], stream[ASG_RKEY_MAX], expiry[ASG_RKEY_MAX];
    const asg_str_t stream_key = {stream, asg_rkey_stream(stream, s->part,
                                  (uint64_t) s->epoch)};
    const asg_str_t commands[][5] = {
        {ASG_STR("HMGET"), {meta, asg_rkey_meta(meta, s->part)},
         ASG_STR("adj"), ASG_STR("st"), ASG_STR("f")},
        {ASG_STR("XINFO"), ASG_STR("STREAM"), stream_key},
        {ASG_STR("ZRANGE"), {expiry, asg_rkey_expiry(expiry, s->part)},
         ASG_STR("0"), ASG_STR("-1")}
    };
    static const size_t argc[] = {5, 3, 4};
    struct ctl_reply reply;
    size_t i;

    for (i = 0; i < sizeof(argc) / sizeof(argc[0]); i++) {
        if (!ctl_redis_command(redis, arena, &reply, e, argc[i],
                               commands[i]))
        {
            return false;
        }
    }

    return true;
}


/* Is it a default, whose set counts? */
static bool
has_users(const struct snapshot *s, unsigned i)
{
    return ctl_rows_at(&s->budgets, i, 1) == NULL
           && ctl_rows_at(&s->budgets, i, 2)[0] == 't';
}


/* After all budgets the sizes of the sets. */
static bool
sets_queue(struct ctl_redis *redis, struct ctl_arena *arena,
    const struct snapshot *s, struct ctl_error *e)
{
    char key[ASG_RKEY_MAX];
    asg_str_t card[2] = {ASG_STR("ZCARD"), {key, 0}};
    struct ctl_reply reply;
    unsigned i;

    for (i = 0; i < s->budgets.nrows; i++) {
        card[1].len = asg_rkey_users(key, s->part,
            asg_str_z(ctl_rows_at(&s->budgets, i, 0)));
        if (has_users(s, i)
            && !ctl_redis_command(redis, arena, &reply, e, 2, card))
        {
            return false;
        }
    }

    return true;
}


static bool
budgets_queue(struct ctl_redis *redis, struct ctl_arena *arena,
    const struct snapshot *s, struct ctl_error *e)
{
    char key[ASG_RKEY_MAX];
    asg_str_t hash[2] = {ASG_STR("HGETALL"), {key, 0}};
    struct ctl_reply reply;
    unsigned i;

    for (i = 0; i < s->budgets.nrows; i++) {
        hash[1].len = asg_rkey_budget(key, s->part,
            asg_str_z(ctl_rows_at(&s->budgets, i, 0)));
        if (!ctl_redis_command(redis, arena, &reply, e, 2, hash)) {
            return false;
        }
    }

    return true;
}


/* A command that Redis did not queue (full, busy, loading) leaves the
 * connection in the transaction, where no other may begin. */
static bool
redis_read(struct ctl_redis *redis, struct ctl_arena *arena,
    struct snapshot *s, struct ctl_error *e)
{
    const asg_str_t multi[1] = {ASG_STR("MULTI")}, exec[1] = {ASG_STR("EXEC")};
    const asg_str_t discard[1] = {ASG_STR("DISCARD")};
    struct ctl_error ignored = {0};
    struct ctl_reply reply;

    if (!ctl_redis_command(redis, arena, &reply, e, 1, multi)) {
        return false;
    }
    if (!head_queue(redis, arena, s, e)
        || !budgets_queue(redis, arena, s, e)
        || !sets_queue(redis, arena, s, e))
    {
        (void) ctl_redis_command(redis, arena, &reply, &ignored, 1, discard);
        return false;
    }

    return ctl_redis_command(redis, arena, &s->all, e, 1, exec)
           && (s->all.nitems == AT_BUDGETS + s->budgets.nrows + s->nsets
               || ctl_error_away(e, "redis_unavailable",
                                 "a transaction was refused"));
}


/* Redis must not have a correction that is younger than our snapshot.  NULL
 * when it has none. */
static const char *
unsteady_why(struct snapshot *s)
{
    const struct ctl_reply *meta = &s->all.items[AT_META];
    uint64_t adj;

    if (!s->open || meta->nitems != 3
        || !asg_str_eq_z(meta->items[1].text, "open")
        || !asg_str_u64(meta->items[0].text, &adj))
    {
        return "it is not open";
    }
    s->redis_adj = meta->items[0].text.data;

    return (int64_t) adj <= s->adj ? NULL : "its corrections do not rest";
}


/* A number of what Redis says of its stream; -1: it has none. */
static int64_t
stream_number(const struct snapshot *s, const char *name)
{
    const struct ctl_reply *info = &s->all.items[AT_STREAM];
    uint64_t n;

    return asg_str_u64(ctl_reply_field(info, name), &n) && n <= INT64_MAX
           ? (int64_t) n : -1;
}


/* Known before the first is read, unless somebody changed the stream. */
static bool
is_far_behind(const struct snapshot *s)
{
    return stream_number(s, "length") >= s->most
           && stream_number(s, "entries-added") - s->rows_read >= s->most;
}


/* What Redis had behind the cursor in the transaction. */
static bool
ahead_read(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, struct snapshot *s, struct ctl_error *e)
{
    asg_str_t last = ctl_reply_field(&s->all.items[AT_STREAM],
                                     "last-generated-id");

    s->ahead = (struct ctl_audit_ahead) {
        .part = s->part, .epoch = s->epoch, .after = s->cursor,
        .upto = last.len > 0 ? ctl_arena_text(arena, last.data, last.len)
                : "0-0",
        .most = s->most
    };

    return s->ahead.upto != NULL
           ? ctl_audit_ahead_read(pg, redis, arena, &s->ahead, e)
           : ctl_error_internal(e, "out of memory");
}


/* Entries that were ever written to the stream are those read and those that
 * stand behind the cursor: a difference was taken out by hand. */
static unsigned
stream_check(const struct snapshot *s, FILE *out)
{
    int64_t added = stream_number(s, "entries-added");
    int64_t known = s->rows_read + s->ahead.events;

    if (added < 0 || added == known) {
        return 0;
    }
    if (out != NULL) {
        fprintf(out, "M9 partition %u: %lld usage events were written, %lld"
                " are known\n", s->part, (long long) added,
                (long long) known);
    }

    return 1;
}


/* The field whose name is `kind` and `rest`. */
static asg_str_t
hash_get(const struct ctl_reply *hash, char kind, asg_str_t rest,
    asg_str_t absent)
{
    size_t i;
    asg_str_t f;

    for (i = 0; i + 1 < hash->nitems; i += 2) {
        f = hash->items[i].text;
        if (f.len == rest.len + 1 && f.data[0] == kind
            && memcmp(f.data + 1, rest.data, rest.len) == 0)
        {
            return hash->items[i + 1].text;
        }
    }

    return absent;
}


/* What has the limits of a budget: mostly itself. */
static const struct ctl_reply *
limits_of(const struct snapshot *s, unsigned i)
{
    return &s->all.items[AT_BUDGETS + (s->users ? 0 : i)];
}


/* A default is compared with the budgets, and of an end user what is of this
 * epoch: nothing else is believed. */
static bool
is_compared(const struct snapshot *s, unsigned at)
{
    uint64_t epoch;

    return !s->users
           || (at > 0
               && asg_str_u64(ctl_reply_field(&s->all.items[AT_BUDGETS + at],
                                              "e"), &epoch)
               && (int64_t) epoch == s->epoch);
}


/* Its limit, if it has one, and the version that it came with. */
static void
limit_put(asg_buf_t *out, const struct ctl_reply *hash, asg_str_t window)
{
    asg_str_t limit = hash_get(hash, 'l', window, ASG_STR("-"));

    if (!asg_str_eq_z(limit, "-")) {
        asg_buf_z(out, "\",\"l\":\"");
        asg_buf_str(out, limit);
    }
    asg_buf_z(out, "\",\"v\":\"");
    asg_buf_str(out, hash_get(hash, 'v', ASG_STR(""), ASG_STR("0")));
}


/* What the period `rest`, ":<w>:<id>", opened with, as Redis took it. */
static void
opening_put(asg_buf_t *out, const struct ctl_reply *hash, asg_str_t window,
    asg_str_t id)
{
    asg_str_t opened = hash_get(hash, 'o', window, ASG_STR(""));
    const char *colon;

    if (opened.len <= id.len || opened.data[id.len] != ':'
        || memcmp(opened.data, id.data, id.len) != 0)
    {
        return;
    }
    opened.data += id.len + 1;
    opened.len -= id.len + 1;
    colon = memchr(opened.data, ':', opened.len);
    asg_buf_z(out, "\",\"o\":\"");
    asg_buf_str(out, (asg_str_t) {opened.data, colon != NULL
                     ? (size_t) (colon - opened.data) : opened.len});
}


/* {"b":…,"w":…,"i":…,"s":…,"h":…,"o":…,"l":…,"v":…} for each field
 * `s:<w>:<id>`; of an end user without its own "d", the default. */
static void
counters_put(asg_buf_t *out, const struct snapshot *s, unsigned at)
{
    const struct ctl_reply *hash = &s->all.items[AT_BUDGETS + at];
    const char *budget = ctl_rows_at(&s->budgets, at, 0);
    const char *default_id = ctl_rows_at(&s->budgets, at, 1);
    const char *colon;
    asg_str_t f, rest, window;
    size_t i;

    for (i = 0; is_compared(s, at) && i + 1 < hash->nitems; i += 2) {
        f = hash->items[i].text;
        colon = f.len > 2 && memcmp(f.data, "s:", 2) == 0
                ? memchr(f.data + 2, ':', f.len - 2) : NULL;
        if (colon == NULL) {
            continue;
        }
        rest = (asg_str_t) {f.data + 1, f.len - 1};
        window = (asg_str_t) {rest.data, (size_t) (colon - rest.data)};
        asg_buf_z(out, out->len > 1 ? ",{\"b\":" : "{\"b\":");
        asg_buf_json(out, asg_str_z(budget));
        asg_buf_z(out, ",\"w\":");
        asg_buf_json(out, (asg_str_t) {f.data + 2,
                                       (size_t) (colon - f.data) - 2});
        asg_buf_z(out, ",\"i\":\"");
        asg_buf_z(out, colon + 1);
        asg_buf_z(out, "\",\"s\":\"");
        asg_buf_str(out, hash->items[i + 1].text);
        asg_buf_z(out, "\",\"h\":\"");
        asg_buf_str(out, hash_get(hash, 'h', rest, ASG_STR("0")));
        opening_put(out, hash, window, (asg_str_t) {colon + 1,
                    (size_t) (f.data + f.len - colon) - 1});
        limit_put(out, limits_of(s, at), window);
        if (default_id != NULL) {
            asg_buf_z(out, "\",\"d\":\"");
            asg_buf_z(out, default_id);
        }
        asg_buf_z(out, "\"}");
    }
}


static const char *
counters_text(struct ctl_arena *arena, const struct snapshot *s)
{
    size_t bytes = 64;
    asg_buf_t out;
    unsigned i;

    for (i = 0; i < s->budgets.nrows; i++) {
        bytes += s->all.items[AT_BUDGETS + i].nitems * ENTRY_JSON;
    }
    asg_buf_init(&out, ctl_arena_alloc(arena, bytes), bytes);
    if (out.data == NULL) {
        return NULL;
    }
    asg_buf_z(&out, "[");
    for (i = 0; i < s->budgets.nrows; i++) {
        counters_put(&out, s, i);
    }
    asg_buf_z(&out, "]");
    asg_buf_put(&out, "", 1);

    return asg_buf_ok(&out) ? out.data : NULL;
}


/* What the transaction's ids stand for is read after it: a hold is written
 * once, and what was ended meanwhile has an event that says what it held. */
static bool
holds_fetch(struct ctl_redis *redis, struct ctl_arena *arena,
    struct snapshot *s, struct ctl_error *e)
{
    const struct ctl_reply *ids = &s->all.items[AT_HOLDS];
    size_t i, k, n;

    s->holds = ctl_arena_alloc(arena, (ids->nitems + 1) * sizeof(*s->holds));
    if (s->holds == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    for (i = 0; i < ids->nitems; i += n) {
        struct ctl_reply page;

        n = ids->nitems - i < HOLDS_PAGE ? ids->nitems - i : HOLDS_PAGE;
        if (!ctl_audit_holds(redis, arena, s->part, ids->items + i, n, &page,
                             e))
        {
            return false;
        }
        for (k = 0; k < n; k++) {
            s->holds[i + k] = page.items[k];
        }
    }

    return ctl_audit_ended(redis, arena, s->part, s->epoch, s->ahead.upto,
                           ids, s->holds, e);
}


static void
hold_put(asg_buf_t *out, asg_str_t id, const struct ctl_hold_text *hold)
{
    asg_buf_z(out, out->len > 1 ? ",{\"i\":" : "{\"i\":");
    asg_buf_json(out, id);
    asg_buf_z(out, ",\"a\":");
    asg_buf_str(out, hold->amount);
    asg_buf_z(out, ",\"p\":");
    asg_buf_json(out, hold->pins);
    asg_buf_z(out, asg_event_is_alone(hold->detail) ? ",\"f\":true}"
                                                    : ",\"f\":false}");
}


static const char *
holds_text(struct ctl_arena *arena, const struct snapshot *s)
{
    const struct ctl_reply *ids = &s->all.items[AT_HOLDS];
    size_t i, bytes = 64 + ids->nitems * ENTRY_JSON;
    struct ctl_hold_text parts;
    asg_buf_t out;

    for (i = 0; i < ids->nitems; i++) {
        bytes += ids->items[i].text.len + s->holds[i].text.len;
    }
    asg_buf_init(&out, ctl_arena_alloc(arena, bytes), bytes);
    if (out.data == NULL) {
        return NULL;
    }
    asg_buf_z(&out, "[");
    for (i = 0; i < ids->nitems; i++) {
        if (ctl_partition_hold_parse(&s->holds[i], &parts)) {
            hold_put(&out, ids->items[i].text, &parts);
        }
    }
    asg_buf_z(&out, "]");
    asg_buf_put(&out, "", 1);

    return asg_buf_ok(&out) ? out.data : NULL;
}


static unsigned
gaps_check(const struct snapshot *s, FILE *out)
{
    const struct ctl_audit_gaps gaps = {
        .budgets = &s->budgets, .windows = &s->windows, .epoch = s->epoch,
        .hashes = s->all.items + AT_BUDGETS,
        .sets = s->all.items + AT_BUDGETS + s->budgets.nrows
    };

    return ctl_audit_gaps(&gaps, out);
}


static bool
compare(struct ctl_pg *pg, struct ctl_arena *arena, const struct snapshot *s,
    struct ctl_audit_look *look, struct ctl_error *e)
{
    const char *counters = counters_text(arena, s);
    const char *holds = holds_text(arena, s);
    const char *part = ctl_arena_printf(arena, "%u", s->part);
    struct ctl_rows rows;
    unsigned i;

    if (counters == NULL || holds == NULL || part == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    if (!CTL_PG(pg, arena, &rows, e, SQL_COMPARE, counters, holds,
                s->ahead.sums, part, s->redis_adj))
    {
        return false;
    }
    for (i = 0; look->out != NULL && i < rows.nrows; i++) {
        fprintf(look->out, "%s\n", ctl_rows_at(&rows, i, 0));
    }
    look->broken = rows.nrows + gaps_check(s, look->out)
                   + (s->users ? 0 : stream_check(s, look->out));

    return !look->limits
           || ctl_audit_limits(pg, arena, s->users ? NULL : part, counters,
                               holds,
                               s->ahead.sums, look->out, &look->broken, e);
}


/* A loss since the transaction took the holds, too, that are read after it. */
static bool
is_still(struct ctl_redis *redis, struct ctl_arena *arena,
    const struct snapshot *s, bool *still, struct ctl_error *e)
{
    char meta[ASG_RKEY_MAX];
    const asg_str_t argv[3] = {ASG_STR("HGET"),
                               {meta, asg_rkey_meta(meta, s->part)},
                               ASG_STR("f")};
    struct ctl_reply reply;

    if (!ctl_redis_command(redis, arena, &reply, e, 3, argv)) {
        return false;
    }
    *still = asg_str_eq(reply.text, s->all.items[AT_META].items[2].text);

    return true;
}


static bool
look_at(struct ctl_pg *pg, struct ctl_redis *redis, struct ctl_arena *arena,
    struct snapshot *s, struct ctl_audit_look *look, struct ctl_error *e)
{
    bool still;

    look->why = unsteady_why(s);
    look->behind = look->why == NULL && is_far_behind(s);
    if (look->why != NULL) {
        return true;
    }
    if (!look->behind && !ahead_read(pg, redis, arena, s, e)) {
        return false;
    }
    if (look->behind || s->ahead.events >= s->most) {
        look->behind = true;
        look->why = ctl_arena_printf(arena, "the ledger is %lld usage events"
                                     " or more behind", (long long) s->most);
        return look->why != NULL || ctl_error_internal(e, "out of memory");
    }

    if (!holds_fetch(redis, arena, s, e) || !is_still(redis, arena, s, &still,
                                                      e))
    {
        return false;
    }
    if (!still) {
        look->why = "it was lost meanwhile";
        return true;
    }

    return compare(pg, arena, s, look, e);
}


/* What is looked at; of nobody nothing. */
static bool
slice_read(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, struct snapshot *s, struct ctl_audit_look *look,
    struct ctl_error *e)
{
    unsigned i;

    s->users = look->users.of[0] != '\0';
    if (!ledger_read(pg, arena, s, e)
        || (s->users && !ctl_audit_users_read(pg, redis, arena, s->part,
                                              &look->users, &s->budgets, e)))
    {
        return false;
    }
    for (i = 0; i < s->budgets.nrows; i++) {
        s->nsets += has_users(s, i);
    }
    if (s->users && s->budgets.nrows == 1) {
        return true;
    }

    return redis_read(redis, arena, s, e)
           && look_at(pg, redis, arena, s, look, e);
}


bool
ctl_audit_counters(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, struct ctl_audit_look *look,
    struct ctl_error *e)
{
    struct snapshot s = {.part = look->part, .most = look->events};
    bool ok;

    look->broken = 0;
    look->why = NULL;
    look->behind = false;
    if (!ctl_pg_begin(pg, e)) {
        return false;
    }
    ok = ctl_pg_exec(pg, e, "SET TRANSACTION ISOLATION LEVEL"
                     " REPEATABLE READ READ ONLY")
         && slice_read(pg, redis, arena, &s, look, e);
    ctl_pg_rollback(pg);

    return ok;
}
