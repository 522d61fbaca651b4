/*
 * Sentences about a hold.
 */
#include "audit/explain_text.h"

#include "ledger/price_sql.h"

#define USD(nano)   "trim_scale(" nano "::numeric / 1000000000) || ' USD'"
#define SIGNED(nano) \
    "CASE WHEN " nano " > 0 THEN '+' ELSE '' END || " USD(nano)
#define ISO(at) \
    "to_char(" at " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
#define RANK(rank) \
    "(ARRAY['nobody told an end: expiry', 'an estimate', 'a void'," \
    " 'measured usage', 'the provider''s record'])[" rank " + 1]"

#define SQL_CALL \
    "WITH d AS (SELECT $1::jsonb AS d)," \
    " x AS (SELECT d, c.card FROM d LEFT JOIN cards c" \
    " ON c.card_id = d->>'card' AND c.version = (d->>'cv')::bigint)" \
    " SELECT line FROM x, LATERAL (VALUES" \
    " (1, 'Call ' || (d->>'call') || ', trace ' || (d->>'trace') || '.')," \
    " (2, 'Project ' || (d->>'project') || ', version ' || (d->>'pv')" \
    " || ' of its record; key ' || (d->>'key') || ' (' || (d->>'prefix')" \
    " || '...).')," \
    " (3, 'Model ' || (d->>'model') || ', asked for as ' || (d->>'rm')" \
    " || coalesce('; endpoint ' || (d->>'ep') || ' of ' ||" \
    " (d->>'provider'), '') || '.')," \
    " (4, 'Price card ' || (d->>'card') || ' version ' || (d->>'cv')" \
    " || coalesce(': in USD for a million tokens, input '" \
    " || trim_scale((card->>'in_pusd')::numeric / 1000000) || ', cached '" \
    " || trim_scale((card->>'cached_pusd')::numeric / 1000000)" \
    " || ', written to the cache '" \
    " || trim_scale((card->>'cache_write_pusd')::numeric / 1000000)" \
    " || ', output '" \
    " || trim_scale((card->>'out_pusd')::numeric / 1000000)" \
    " || ', reasoning '" \
    " || trim_scale((card->>'reasoning_pusd')::numeric / 1000000)" \
    " || coalesce('; others for a prompt above ' ||" \
    " (card->'above'->>'tokens') || ' tokens', '') || '.'," \
    " ', which the database does not have.'))," \
    " (5, 'The answer had status ' || (d->>'st') || coalesce(' after ' ||" \
    " (d->>'lat') || ' ms', '') || '; request id of the provider: '" \
    " || coalesce(d->>'rid', 'none') || '.')," \
    " (6, 'Flags: ' || nullif((SELECT string_agg(f, ', ') FROM" \
    " jsonb_array_elements_text(CASE jsonb_typeof(d->'flags')" \
    " WHEN 'array' THEN d->'flags' ELSE '[]' END) AS f), '') || '.')," \
    " (7, 'Let in without Redis by the fail mode ' || (d->>'fm') || '.'))" \
    " AS v(n, line) WHERE line IS NOT NULL ORDER BY n"

#define SQL_WINDOWS \
    "SELECT '  ' || coalesce((SELECT scope || ' ' || scope_id FROM budgets" \
    " WHERE budget_id = split_part(pin, ':', 1)), split_part(pin, ':', 1))" \
    " || ', window ' || split_part(pin, ':', 2)" \
    " || CASE split_part(pin, ':', 3) WHEN '0' THEN ' (it never ends)'" \
    " ELSE ' that began ' || " ISO("to_timestamp(split_part(pin, ':'," \
    " 3)::bigint)") " END FROM unnest(string_to_array($1, ','))" \
    " WITH ORDINALITY AS u(pin, n) WHERE pin <> '' ORDER BY n"

#define SQL_STATE \
    "SELECT line FROM holds h, LATERAL (VALUES" \
    " (1, 'Now: ' || h.state || ', charged ' || " USD("h.balance_nano") \
    " || '. Its greatest evidence is ' || " RANK("h.rank") \
    " || ' (rank ' || h.rank || ').')," \
    " (2, CASE WHEN h.held_nano IS NULL THEN 'What it held was not told.'" \
    " ELSE 'It held ' || " USD("h.held_nano") " || '.' END)," \
    " (3, 'Its first evidence came at ' || " \
    ISO("coalesce(h.ended_at, h.first_seen)") \
    " || coalesce('; the call had begun at ' || " \
    ISO("(coalesce(h.ended_at, h.first_seen) - (h.detail->>'lat')::numeric" \
        " * interval '1 ms')") ", '') || '.')," \
    " (4, 'Partition ' || h.partition || ', epoch ' || h.epoch || '.'))" \
    " AS v(n, line) WHERE h.hold_id = $1 AND line IS NOT NULL ORDER BY n"

#define SQL_ENTRIES \
    "SELECT '  ' || " ISO("l.at") " || ' entry ' || l.id || ' (' || l.kind" \
    " || ', number ' || l.seq || ' of this hold): ' || " \
    SIGNED("l.delta_nano") " || ', because of ' || l.cause || ' (rank '" \
    " || l.rank || '); the balance is then ' || " \
    USD("sum(l.delta_nano) OVER (ORDER BY l.seq)") \
    " FROM ledger l WHERE l.hold_id = $1 ORDER BY l.seq"

#define SQL_APPLIES \
    "SELECT '  correction ' || a.seq || ' of partition ' || a.partition" \
    " || ': ' || " SIGNED("a.delta_nano") " || ' on ' || a.pins || CASE" \
    " WHEN a.done_at IS NULL THEN ', still owed to Redis'" \
    " ELSE ', told to Redis at ' || " ISO("a.done_at") " END" \
    " FROM applies a WHERE a.hold_id = $1 ORDER BY a.partition, a.seq"

/* The terms of price x tokens of what the balance rests on. */
#define TERMS \
    "WITH t AS (SELECT c.card, h.balance_nano," \
    CTL_PRICE_TOKENS("h.detail") \
    " FROM holds h JOIN cards c ON c.card_id = h.detail->>'card'" \
    " AND c.version::text = h.detail->>'cv'" \
    " WHERE h.hold_id = $1 AND h.rank IN (3, 4)" \
    " AND h.detail->>'pt' IS NOT NULL)," \
    CTL_PRICE_PARTS "," \
    " terms AS (SELECT n, what, tokens, pusd, balance_nano" \
    " FROM s, LATERAL (VALUES" \
    " (1, 'input', pt - cwt - ai - ca, in_pusd)," \
    " (2, 'cached', ca, cached_pusd)," \
    " (3, 'written to the cache', cwt - cwh, cache_write_pusd)," \
    " (4, 'written for an hour', cwh," \
    " greatest(cache_write_pusd, cache_write_1h_pusd))," \
    " (5, 'audio heard', ai, audio_in_pusd)," \
    " (6, 'output', ct - rt - ao, out_pusd)," \
    " (7, 'reasoning', rt, reasoning_pusd)," \
    " (8, 'audio spoken', ao, audio_out_pusd))" \
    " AS v(n, what, tokens, pusd))"

#define SQL_PRICE \
    TERMS " SELECT line FROM (SELECT n, '  ' || tokens || ' tokens (' || what" \
    " || ') x ' || pusd || ' pico-USD = ' || tokens * pusd || ' pico-USD'" \
    " AS line FROM terms WHERE tokens > 0 UNION ALL" \
    " SELECT 9, '  together ' || sum(tokens * pusd)" \
    " || ' pico-USD, rounded up to ' || " \
    USD("ceil(sum(tokens * pusd) / 1000)") " || CASE" \
    " WHEN ceil(sum(tokens * pusd) / 1000) = max(balance_nano)" \
    " THEN ': the balance.' ELSE ': NOT the balance.' END FROM terms" \
    " HAVING count(*) > 0) q ORDER BY n"

#define SQL_WHY \
    "SELECT CASE h.rank" \
    " WHEN 0 THEN 'No end is known, so the whole hold is charged; evidence'" \
    " || ' that comes later corrects it.'" \
    " WHEN 1 THEN 'No usage came that can be believed: what was sent and'" \
    " || ' received is estimated, at most the hold or usage seen before.'" \
    " WHEN 2 THEN 'Nothing was sent, or the provider refused: it costs'" \
    " || ' nothing.'" \
    " WHEN 4 THEN 'The provider''s own record says so.'" \
    " ELSE CASE WHEN h.detail->>'pt' IS NULL" \
    " THEN 'Measured usage says so, without its tokens.'" \
    " ELSE 'Tokens that the provider reported, times the card:' END END" \
    " FROM holds h WHERE h.hold_id = $1"

#define SQL_ATTEMPTS \
    "SELECT '  ' || h.hold_id || ': ' || h.state || ', ' || " \
    USD("h.balance_nano") " || ', ended ' || " \
    ISO("coalesce(h.ended_at, h.first_seen)") \
    " FROM holds h WHERE h.hold_id <> $1 AND (h.hold_id =" \
    " split_part($1, '.', 1) OR (h.hold_id > split_part($1, '.', 1) || '.'" \
    " AND h.hold_id < split_part($1, '.', 1) || '/'))" \
    " ORDER BY h.hold_id COLLATE \"C\" LIMIT 100"


/* The rows, after `title` when there are any (NULL: none); *n counts them. */
static bool
say(struct ctl_explain *x, const char *title, const char *sql,
    const char *param, unsigned *n, struct ctl_error *e)
{
    struct ctl_rows rows;
    unsigned i;

    if (!CTL_PG(x->pg, x->arena, &rows, e, sql, param)) {
        return false;
    }
    if (title != NULL && rows.nrows > 0) {
        fprintf(x->out, "%s\n", title);
    }
    for (i = 0; i < rows.nrows; i++) {
        fprintf(x->out, "%s\n", ctl_rows_at(&rows, i, 0));
    }
    if (n != NULL) {
        *n = rows.nrows;
    }

    return true;
}


bool
ctl_explain_call(struct ctl_explain *x, const char *detail,
    struct ctl_error *e)
{
    return say(x, NULL, SQL_CALL, detail, NULL, e);
}


bool
ctl_explain_windows(struct ctl_explain *x, const char *pins,
    struct ctl_error *e)
{
    return say(x, "Held in:", SQL_WINDOWS, pins, NULL, e);
}


bool
ctl_explain_state(struct ctl_explain *x, const char *hold, bool *known,
    struct ctl_error *e)
{
    struct ctl_rows rows;
    unsigned n;

    if (!say(x, NULL, SQL_STATE, hold, &n, e)) {
        return false;
    }
    *known = n > 0;

    return n == 0
           || (CTL_PG(x->pg, x->arena, &rows, e, "SELECT detail, pins"
                      " FROM holds WHERE hold_id = $1", hold)
               && ctl_explain_call(x, ctl_rows_at(&rows, 0, 0), e)
               && ctl_explain_windows(x, ctl_rows_at(&rows, 0, 1), e));
}


bool
ctl_explain_ledger(struct ctl_explain *x, const char *hold,
    struct ctl_error *e)
{
    unsigned n;

    if (!say(x, "Entries of the ledger:", SQL_ENTRIES, hold, &n, e)) {
        return false;
    }
    if (n == 0) {
        fprintf(x->out, "It has no entry in the ledger: it never cost "
                "anything.\n");
    }

    return say(x, "What Redis was owed for it:", SQL_APPLIES, hold, NULL, e)
           && say(x, NULL, SQL_WHY, hold, NULL, e)
           && say(x, NULL, SQL_PRICE, hold, NULL, e);
}


bool
ctl_explain_attempts(struct ctl_explain *x, const char *hold,
    struct ctl_error *e)
{
    return say(x, "Other attempts of the same call:", SQL_ATTEMPTS, hold, NULL,
               e);
}
