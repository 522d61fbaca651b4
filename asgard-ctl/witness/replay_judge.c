/*
 * Judging lines of a witness, a batch at a time.
 */
#include "witness/replay_judge.h"

#include <string.h>

#include "base/json_put.h"
#include "core/window.h"
#include "ledger/end_users_sql.h"
#include "ledger/price_sql.h"

#define LINE_JSON    256                /* beside texts */
#define SLACK_S      90000              /* a hold lives a day; clocks differ */
#define MONTH_S      (31 * 86400)
#define UUID         "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"

/* A line of a hold that is in the ledger must be of the same call, as far as
 * both say whose it is: what differs.  A void has no pins when the reply to its
 * reserve was lost; such a call was never sent, thus never charged but by its
 * expiry.  One that a fail mode let in got its pins later than its line. */
#define SQL_OTHERWISE \
    "nullif(concat_ws(', '," \
    " CASE WHEN h.project_id <> s.j AND h.project_id <> ''" \
    " THEN 'project ' || h.project_id END," \
    " CASE WHEN h.partition <> s.q THEN 'partition ' || h.partition END," \
    " CASE WHEN h.held_nano <> s.m THEN 'held ' || h.held_nano END," \
    " CASE WHEN h.key_id::text <> s.d->>'key' THEN 'key ' || h.key_id END," \
    " CASE WHEN h.pins <> '' AND h.pins <> s.p" \
    " AND (s.p <> '' OR h.state = 'settled')" \
    " AND NOT coalesce(s.d ? 'fm', false) THEN 'pins' END), '')"

/* The budget of the line's end user, and the default that holds it where it has
 * none of its own. */
#define USERS    CTL_END_USER_OF("s.j", "(s.d->>'user')")
#define DEFAULT  CTL_END_USERS_OF("s.j")

/* Of each line: does the ledger have it; is it in its project's partition, its
 * pins of budgets there, of the project, its key and its group; of windows that
 * these ever had; is its key the project's (or the hold's, where the ledger has
 * the call and a restored database lacks the key); is its card there; what do
 * its tokens cost by it; what of its hold does the ledger know otherwise. */
#define SQL_JUDGE \
    "WITH w AS (SELECT * FROM jsonb_to_recordset($1::jsonb) AS w(n int," \
    " i text, r smallint, a bigint, m bigint, q smallint, p text, j text," \
    " d jsonb))," \
    " t AS (SELECT w.*, c.card," CTL_PRICE_TOKENS("w.d") " FROM w" \
    " LEFT JOIN cards c ON c.card_id = w.d->>'card'" \
    " AND c.version = (w.d->>'cv')::bigint)," \
    CTL_PRICE_PARTS \
    " SELECT h.hold_id IS NOT NULL" \
    " AND (h.rank, h.balance_nano) >= (s.r, s.a)," \
    " EXISTS (SELECT FROM projects WHERE project_id = s.j" \
    " AND partition = s.q)" \
    " AND NOT EXISTS (SELECT FROM unnest(string_to_array(s.p, ',')) AS pin" \
    " LEFT JOIN budgets b ON b.budget_id = split_part(pin, ':', 1)" \
    " WHERE pin !~ '^[^:]+:[0-9A-Za-z]{1,16}:[0-9]{1,15}$'" \
    " OR split_part(pin, ':', 1) IS DISTINCT FROM (SELECT " USERS " WHERE" \
    " EXISTS (SELECT FROM budgets d WHERE d.budget_id = " DEFAULT \
    " AND d.partition = s.q)) AND (b.partition IS DISTINCT FROM s.q" \
    " OR (b.project_id = s.j" \
    " AND (b.budget_id IN ('p.' || s.j, 'k.' || (s.d->>'key'))" \
    " OR b.scope = 'model' AND left(b.scope_id, 36) = s.d->>'key')" \
    " OR b.scope = 'group' AND b.scope_id = (SELECT group_key FROM projects" \
    " WHERE project_id = s.j)) IS NOT TRUE))" \
    " AND (s.p = '' OR ',' || s.p LIKE '%,p.' || s.j || ':%')" \
    " AND (SELECT count(*) = count(DISTINCT pin)" \
    " FROM unnest(string_to_array(s.p, ',')) AS pin)," \
    " NOT EXISTS (SELECT FROM unnest(string_to_array(s.p, ',')) AS pin" \
    " WHERE NOT EXISTS (SELECT FROM budget_limits l" \
    " WHERE l.budget_id IN (split_part(pin, ':', 1), CASE WHEN" \
    " split_part(pin, ':', 1) = " USERS " THEN " DEFAULT " END)" \
    " AND l.window_name = split_part(pin, ':', 2)))," \
    " coalesce(h.key_id::text = s.d->>'key', false)" \
    " OR EXISTS (SELECT FROM keys WHERE project_id = s.j AND key_id =" \
    " CASE WHEN s.d->>'key' ~ '" UUID "' THEN (s.d->>'key')::uuid END)," \
    " s.card IS NOT NULL, " CTL_PRICE_COST "," SQL_OTHERWISE " FROM s" \
    " LEFT JOIN holds h ON h.hold_id = s.i ORDER BY s.n"

enum { AT_KNOWN, AT_PINS, AT_WINDOWS, AT_KEY, AT_CARD, AT_COST, AT_OTHERWISE };


static void
line_put(asg_buf_t *out, const struct ctl_replay_line *line, unsigned n)
{
    ctl_put_i64(out, out->len > 1 ? ",{\"n\":" : "{\"n\":", n);
    ctl_put_text(out, ",\"i\":", line->hold);
    ctl_put_i64(out, ",\"r\":", line->rank);
    ctl_put_i64(out, ",\"a\":", line->amount_nusd);
    ctl_put_i64(out, ",\"m\":", line->held_nusd);
    ctl_put_i64(out, ",\"q\":", line->part);
    ctl_put_i64(out, ",\"t\":", line->at_ms);
    ctl_put_text(out, ",\"p\":", line->pins);
    ctl_put_text(out, ",\"j\":", line->project);
    asg_buf_z(out, ",\"d\":");
    asg_buf_str(out, line->detail.len > 0 ? line->detail : ASG_STR("{}"));
    asg_buf_z(out, "}");
}


const char *
ctl_replay_text(struct ctl_arena *arena, const struct ctl_replay_line *lines,
    unsigned n, const bool *which)
{
    size_t bytes = LINE_JSON;
    asg_buf_t out;
    unsigned i;

    for (i = 0; i < n; i++) {
        bytes += LINE_JSON + 2 * lines[i].pins.len + 2 * lines[i].project.len
                 + lines[i].detail.len;
    }
    asg_buf_init(&out, ctl_arena_alloc(arena, bytes), bytes);
    if (out.data == NULL) {
        return NULL;
    }
    asg_buf_z(&out, "[");
    for (i = 0; i < n; i++) {
        if (which == NULL || which[i]) {
            line_put(&out, &lines[i], i);
        }
    }
    asg_buf_z(&out, "]");
    asg_buf_put(&out, "", 1);

    return asg_buf_ok(&out) ? out.data : NULL;
}


/* Can a period of the window `name` begin at `id`, and a call that was reserved
 * in it have ended at `at_s`?  Where a day begins is a matter of zones. */
static bool
period_fits(asg_str_t name, int64_t id, int64_t at_s)
{
    asg_window_t w;
    int64_t length;

    if (asg_window_parse(name, &w) != ASG_OK) {
        return false;
    }
    if (w.kind == ASG_WINDOW_TOTAL) {
        return id == 0;
    }
    length = w.kind == ASG_WINDOW_MONTH ? MONTH_S : w.length_s;

    return id <= at_s + SLACK_S && at_s < id + length + SLACK_S
           && (asg_window_is_of_days(&w) || asg_window_start(&w, id) == id);
}


/* The text before the next `stop`, which *rest passes. */
static asg_str_t
part_take(asg_str_t *rest, char stop)
{
    const char *end = memchr(rest->data, stop, rest->len);
    asg_str_t part = {rest->data, end != NULL ? (size_t) (end - rest->data)
                                  : rest->len};
    size_t taken = part.len + (end != NULL);

    rest->data += taken;
    rest->len -= taken;

    return part;
}


static bool
periods_fit(const struct ctl_replay_line *line)
{
    asg_str_t rest = line->pins, pin, window;
    uint64_t id;

    while (rest.len > 0) {
        pin = part_take(&rest, ',');
        (void) part_take(&pin, ':');
        window = part_take(&pin, ':');
        if (!asg_str_u64(pin, &id) || id > ASG_NUSD_MAX
            || !period_fits(window, (int64_t) id, line->at_ms / 1000))
        {
            return false;
        }
    }

    return true;
}


/* What the line says by itself.  A void needs no pins: the reply to its reserve
 * may have been lost. */
static const char *
refusal_alone(const struct ctl_replay_line *line)
{
    if (line->pins.len == 0 && line->verb != 'v') {
        return "it has no pins";
    }
    if (line->verb == 'x' && line->amount_nusd != line->held_nusd) {
        return "its outcome is not known, but it charges another amount than "
               "it held";
    }

    return line->amount_nusd > line->held_nusd && !line->overshoot
           ? "it charges more than it held and does not say so" : NULL;
}


/* An unknown outcome and a void have no price: all or nothing was charged. */
static const char *
refusal_of_price(const struct ctl_replay_line *line, bool card,
    const struct ctl_rows *rows, unsigned i)
{
    if (line->verb != 's' && line->verb != 'e') {
        return NULL;
    }
    if (!card) {
        return "its version of its price card is not in the database";
    }
    if (line->verb == 'e') {
        return NULL;
    }
    if (ctl_rows_at(rows, i, AT_COST) == NULL) {
        return "it charges for usage and has no tokens";
    }

    return ctl_rows_i64(rows, i, AT_COST) == line->amount_nusd
           ? NULL : "it charges another amount than its tokens cost by its "
                    "price card";
}


static bool
is_true(const struct ctl_rows *rows, unsigned i, unsigned column)
{
    return ctl_rows_at(rows, i, column)[0] == 't';
}


static const char *
refusal_otherwise(struct ctl_arena *arena, const char *what)
{
    const char *why = ctl_arena_printf(arena, "it is of a hold that the ledger"
                                       " knows otherwise (%s)", what);

    return why != NULL ? why : "it is of a hold that the ledger knows "
                               "otherwise";
}


static const char *
refusal_of(struct ctl_arena *arena, const struct ctl_replay_line *line,
    const struct ctl_rows *rows, unsigned i)
{
    const char *why = refusal_alone(line);

    if (why != NULL) {
        return why;
    }
    if (ctl_rows_at(rows, i, AT_OTHERWISE) != NULL) {
        return refusal_otherwise(arena, ctl_rows_at(rows, i, AT_OTHERWISE));
    }
    if (!is_true(rows, i, AT_PINS)) {
        return "its pins are not, each once, of its project's budgets in its "
               "partition";
    }
    if (!is_true(rows, i, AT_KEY)) {
        return "its key is none of its project's";
    }
    if (!is_true(rows, i, AT_WINDOWS) || !periods_fit(line)) {
        return "its pins are of windows or periods that its budgets did not "
               "have then";
    }

    return refusal_of_price(line, is_true(rows, i, AT_CARD), rows, i);
}


bool
ctl_replay_judge(struct ctl_pg *pg, struct ctl_arena *arena,
    struct ctl_replay_line *lines, unsigned n, struct ctl_error *e)
{
    const char *text = ctl_replay_text(arena, lines, n, NULL);
    struct ctl_rows rows;
    unsigned i;

    if (text == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    if (!CTL_PG(pg, arena, &rows, e, SQL_JUDGE, text)) {
        return false;
    }
    for (i = 0; i < rows.nrows && i < n; i++) {
        lines[i].known = is_true(&rows, i, AT_KNOWN);
        lines[i].refusal = refusal_of(arena, &lines[i], &rows, i);
    }

    return rows.nrows == n
           || ctl_error_internal(e, "a batch of lines was not judged");
}
