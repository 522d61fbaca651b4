/*
 * Claims of a replay.
 */
#include "witness/replay_claim.h"

#define SQL_CLAIM \
    "INSERT INTO replay_claims AS c (hold_id, partition, project_id, key_id," \
    " held_nano, pins) VALUES ($1, $2, $3, $4, $5, $6)" \
    " ON CONFLICT (hold_id) DO UPDATE SET pins = CASE WHEN c.pins = ''" \
    " AND (c.partition, c.project_id, c.key_id, c.held_nano)" \
    " = (excluded.partition, excluded.project_id, excluded.key_id," \
    " excluded.held_nano) THEN excluded.pins ELSE c.pins END" \
    " RETURNING c.xmax = 0, nullif(concat_ws(', '," \
    " CASE WHEN c.project_id <> $3 THEN 'project ' || c.project_id END," \
    " CASE WHEN c.partition <> $2 THEN 'partition ' || c.partition END," \
    " CASE WHEN c.held_nano <> $5 THEN 'held ' || c.held_nano END," \
    " CASE WHEN c.key_id <> $4 THEN 'key ' || c.key_id END," \
    " CASE WHEN c.pins <> $6 AND $6 <> '' THEN 'pins' END), '')"


bool
ctl_replay_claim(struct ctl_pg *pg, struct ctl_arena *arena,
    struct ctl_replay_line *line, bool *made, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e, SQL_CLAIM, line->hold.data,
                ctl_arena_printf(arena, "%u", line->part), line->project.data,
                line->key.data, ctl_arena_printf(arena, "%lld",
                                                 (long long) line->held_nusd),
                line->pins.data))
    {
        return false;
    }
    *made = ctl_rows_at(&rows, 0, 0)[0] == 't';
    if (ctl_rows_at(&rows, 0, 1) == NULL) {
        return true;
    }
    line->refusal = ctl_arena_printf(arena, "it is of a hold that a line "
                                     "before it knows otherwise (%s)",
                                     ctl_rows_at(&rows, 0, 1));

    return line->refusal != NULL || ctl_error_internal(e, "out of memory");
}


bool
ctl_replay_unclaim(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_replay_line *line, struct ctl_error *e)
{
    return CTL_PG(pg, arena, NULL, e,
                  "DELETE FROM replay_claims WHERE hold_id = $1",
                  line->hold.data);
}


bool
ctl_replay_claims_end(struct ctl_pg *pg, struct ctl_error *e)
{
    return ctl_pg_exec(pg, e, "DELETE FROM replay_claims c USING holds h"
                       " WHERE h.hold_id = c.hold_id");
}
