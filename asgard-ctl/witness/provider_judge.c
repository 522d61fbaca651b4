/*
 * Judging lines of a provider's record, a batch at a time.
 */
#include "witness/provider_judge.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_put.h"
#include "core/event.h"
#include "flow/evidence.h"

#define LINE_JSON    64                 /* beside texts */
#define DETAIL_JSON  512                /* what a line adds to a detail */
#define PRICES       8
#define RATES        (2 * PRICES + 1)

/* In the order of asg_rates_t. */
#define SQL_PRICES(card) \
    "coalesce(" card "->>'in_pusd', '0'), coalesce(" card "->>'out_pusd'," \
    " '0'), coalesce(" card "->>'cached_pusd', '0')," \
    " coalesce(" card "->>'cache_write_pusd', '0')," \
    " coalesce(" card "->>'reasoning_pusd', '0')," \
    " coalesce(" card "->>'cache_write_1h_pusd', '0')," \
    " coalesce(" card "->>'audio_in_pusd', '0')," \
    " coalesce(" card "->>'audio_out_pusd', '0')"

/* The call of each line; `many`: that have its request id.  What the call's
 * usage was before goes from its detail. */
#define SQL_JUDGE \
    "WITH w AS (SELECT * FROM jsonb_to_recordset($1::jsonb) AS w(n int," \
    " i text, q text))," \
    " r AS (SELECT w.n, min(h.hold_id) AS hold_id, count(*) AS many FROM w" \
    " JOIN holds h ON h.detail->>'rid' = w.q GROUP BY w.n)" \
    " SELECT h.hold_id, coalesce(r.many, 0), h.partition, h.pins," \
    " h.project_id, coalesce(h.key_id::text, ''), h.rank, h.balance_nano," \
    " coalesce(h.held_nano, 0), CASE WHEN c.card IS NOT NULL THEN" \
    " concat_ws(' ', " SQL_PRICES("c.card") "," \
    " coalesce(c.card->'above'->>'tokens', '0')," \
    SQL_PRICES("c.card->'above'") ") END," \
    " h.detail - ARRAY['pt', 'ct', 'cat', 'cwt', 'rt', 'cwh', 'ait', 'aot'," \
    " 'flags', 'source', 'held', 'at_ms'] FROM w LEFT JOIN r USING (n)" \
    " LEFT JOIN holds h ON h.hold_id = coalesce(w.i," \
    " CASE WHEN r.many = 1 THEN r.hold_id END)" \
    " LEFT JOIN cards c ON c.card_id = h.detail->>'card'" \
    " AND c.version = (h.detail->>'cv')::bigint ORDER BY w.n"

enum {
    AT_HOLD, AT_MANY, AT_PART, AT_PINS, AT_PROJECT, AT_KEY, AT_RANK,
    AT_BALANCE, AT_HELD, AT_RATES, AT_DETAIL
};


static const char *
lines_text(struct ctl_arena *arena, const struct ctl_provider_line *lines,
    unsigned n)
{
    size_t bytes = LINE_JSON + n * (LINE_JSON + 6 * CTL_PROVIDER_LINE);
    asg_buf_t out;
    unsigned i;

    asg_buf_init(&out, ctl_arena_alloc(arena, bytes), bytes);
    if (out.data == NULL) {
        return NULL;
    }
    asg_buf_z(&out, "[");
    for (i = 0; i < n; i++) {
        ctl_put_i64(&out, i > 0 ? ",{\"n\":" : "{\"n\":", i);
        if (lines[i].hold.len > 0) {
            ctl_put_text(&out, ",\"i\":", lines[i].hold);
        } else {
            ctl_put_text(&out, ",\"q\":", lines[i].rid);
        }
        asg_buf_z(&out, "}");
    }
    asg_buf_z(&out, "]");
    asg_buf_put(&out, "", 1);

    return asg_buf_ok(&out) ? out.data : NULL;
}


static asg_prices_t
prices_of(const int64_t *n)
{
    return (asg_prices_t) {
        .in_pusd = n[0], .out_pusd = n[1], .cached_pusd = n[2],
        .cache_write_pusd = n[3], .reasoning_pusd = n[4],
        .cache_write_1h_pusd = n[5], .audio_in_pusd = n[6],
        .audio_out_pusd = n[7]
    };
}


static bool
rates_read(const char *text, asg_rates_t *out)
{
    int64_t n[RATES];
    char *end;
    size_t i;

    for (i = 0; i < RATES; i++) {
        n[i] = strtoll(text, &end, 10);
        if (end == text) {
            return false;
        }
        text = end;
    }
    *out = (asg_rates_t) {.base = prices_of(n), .above_tokens = n[PRICES],
                          .above = prices_of(&n[PRICES + 1])};

    return asg_price_rates_are_sane(out);
}


/* The amount: what it says, or what its tokens cost; both must be one. */
static const char *
amount_take(const struct ctl_provider_line *line, const char *rates_text,
    struct ctl_replay_line *to)
{
    asg_tokens_t tokens;
    asg_rates_t rates;

    to->amount_nusd = line->amount_nusd;
    if (!ctl_provider_line_has_tokens(line)) {
        return NULL;
    }
    if (rates_text == NULL || !rates_read(rates_text, &rates)) {
        return "the price card of its call is not in the database";
    }
    ctl_provider_line_tokens(line, &tokens);
    if (asg_price_cost(&rates, &tokens, &to->amount_nusd) != ASG_OK) {
        return "its tokens cannot be those of one call";
    }

    return line->amount_nusd < 0 || line->amount_nusd == to->amount_nusd
           ? NULL : "it says another amount than its tokens cost by the price "
                    "card of its call";
}


static const char *
bound_judge(const struct ctl_provider_line *line,
    const struct ctl_replay_line *to)
{
    if ((to->amount_nusd > to->held_nusd) != line->overshoot) {
        return line->overshoot
               ? "it says that it is above what its call held, and is not"
               : "it charges more than its call held and does not say so";
    }

    return to->amount_nusd / CTL_PROVIDER_OVER > to->held_nusd
           ? "it charges more than ten times what its call held" : NULL;
}


/* The call's detail with what the provider says of it. */
static asg_str_t
detail_of(struct ctl_arena *arena, const struct ctl_provider_line *line,
    const char *call)
{
    size_t len = strlen(call), bytes = len + DETAIL_JSON;
    asg_buf_t out;

    asg_buf_init(&out, ctl_arena_alloc(arena, bytes), bytes);
    if (out.data == NULL || len < 3) {
        return ASG_STR("");
    }
    asg_buf_put(&out, call, len - 1);
    ctl_provider_line_put(&out, line);
    asg_buf_z(&out, "}");

    return asg_buf_ok(&out) && out.len <= ASG_EVENT_DETAIL
           ? asg_buf_view(&out) : ASG_STR("");
}


static const char *
call_missing(const struct ctl_provider_line *line, int64_t many)
{
    return line->hold.len > 0 ? "the ledger has no such call"
           : many == 0 ? "no call in the ledger has its request id"
                       : "several calls in the ledger have its request id";
}


static const char *
line_judge(struct ctl_arena *arena, const struct ctl_provider_line *line,
    const struct ctl_rows *rows, unsigned i, struct ctl_replay_line *to)
{
    const char *why;

    if (ctl_rows_at(rows, i, AT_HOLD) == NULL) {
        return call_missing(line, ctl_rows_i64(rows, i, AT_MANY));
    }
    to->hold = asg_str_z(ctl_rows_at(rows, i, AT_HOLD));
    to->pins = asg_str_z(ctl_rows_at(rows, i, AT_PINS));
    to->project = asg_str_z(ctl_rows_at(rows, i, AT_PROJECT));
    to->key = asg_str_z(ctl_rows_at(rows, i, AT_KEY));
    to->part = (unsigned) ctl_rows_i64(rows, i, AT_PART);
    to->held_nusd = ctl_rows_i64(rows, i, AT_HELD);
    to->verb = 'p';
    to->rank = CTL_EVIDENCE_PROVIDER;
    why = amount_take(line, ctl_rows_at(rows, i, AT_RATES), to);
    if (why == NULL) {
        why = bound_judge(line, to);
    }
    if (why != NULL) {
        return why;
    }
    if (to->pins.len == 0) {
        return "its call was never granted a hold, and is nobody's to pay";
    }
    to->known = ctl_rows_i64(rows, i, AT_RANK) == CTL_EVIDENCE_PROVIDER
                && ctl_rows_i64(rows, i, AT_BALANCE) >= to->amount_nusd;
    to->detail = detail_of(arena, line, ctl_rows_at(rows, i, AT_DETAIL));

    return to->detail.len > 0 ? NULL
           : "it has no room in the detail of its call";
}


bool
ctl_provider_judge(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_provider_line *lines, struct ctl_replay_line *to,
    unsigned n, struct ctl_error *e)
{
    const char *text = lines_text(arena, lines, n);
    struct ctl_rows rows;
    unsigned i;

    if (text == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    if (!CTL_PG(pg, arena, &rows, e, SQL_JUDGE, text)) {
        return false;
    }
    for (i = 0; i < rows.nrows && i < n; i++) {
        to[i].refusal = line_judge(arena, &lines[i], &rows, i, &to[i]);
    }

    return (!arena->failed || ctl_error_internal(e, "out of memory"))
           && (rows.nrows == n
               || ctl_error_internal(e, "a batch of lines was not judged"));
}
