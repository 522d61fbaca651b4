/*
 * Events of a request as text.
 */
#include "ops/ask_events.h"

#include <string.h>

#include "ledger/time_text.h"

#define NUMBER(n)  #n
#define LIMIT(max) NUMBER(max)


static bool
is_end(const char *state)
{
    return state != NULL && (strcmp(state, "rejected") == 0
                             || strcmp(state, "cancelled") == 0
                             || strcmp(state, "fulfilled") == 0);
}


/* JSON has no line breaks of its own, so an event is its lines whatever the
 * reason says. */
bool
ctl_ask_events_read(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *id, int64_t after, struct ctl_ask_events *out,
    struct ctl_error *e)
{
    const char *from = ctl_arena_printf(arena, "%lld", (long long) after);
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT string_agg('id: ' || event_id || E'\\nevent: ' || event"
            " || E'\\ndata: ' || jsonb_build_object('at', "
            CTL_TIME_ISO("at") ", 'actor', actor, 'event', event,"
            " 'state', state, 'reason', reason)::text || E'\\n\\n', ''"
            " ORDER BY event_id), max(event_id),"
            " (SELECT state FROM requests WHERE request_id = $1::uuid),"
            " count(*) FROM (SELECT *"
            " FROM request_events WHERE request_id = $1::uuid"
            " AND event_id > $2::bigint ORDER BY event_id LIMIT "
            LIMIT(CTL_ASK_EVENTS_MAX) ") t", id, from))
    {
        return false;
    }
    out->text = ctl_rows_at(&rows, 0, 0);
    out->last = out->text != NULL ? ctl_rows_i64(&rows, 0, 1) : after;
    out->ended = is_end(ctl_rows_at(&rows, 0, 2))
                 && ctl_rows_i64(&rows, 0, 3) < CTL_ASK_EVENTS_MAX;
    out->text = ctl_arena_printf(arena, "%s%s",
                                 out->text != NULL ? out->text : "",
                                 out->ended ? "event: end\ndata: {}\n\n" : "");

    return out->text != NULL || ctl_error_internal(e, "out of memory");
}
