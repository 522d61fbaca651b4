/*
 * Windows in a time zone: where their periods begin, by PostgreSQL's time zone
 * data, kept in `zone_windows` for every zone and window that a budget names.
 *
 * A list reaches at least 49 days ahead while a meter runs.  What has begun, or
 * will within an hour, is never rewritten by newer time zone data.  A zone that
 * the data have no more keeps its list; past its end its windows are unseeded.
 */
#ifndef CTL_ZONE_H
#define CTL_ZONE_H

#include "core/window.h"
#include "store/pg.h"

/* The columns that ctl_zone_window() reads, and the join that they need. */
#define CTL_ZONE_COLUMNS \
    "w.window_name, w.zone, array_to_string(z.boundaries, '/')"
#define CTL_ZONE_JOIN \
    " LEFT JOIN zone_windows z USING (zone, window_name)"

/* The window of CTL_ZONE_COLUMNS from column `col` on; its texts are those of
 * the row. */
bool ctl_zone_window(const struct ctl_rows *rows, unsigned row, unsigned col,
    asg_window_t *out, struct ctl_error *e);

/* Makes the list of a window in a zone if there is none that is fresh.  400
 * invalid_value `zone` when the database knows no such zone and never did. */
bool ctl_zone_ensure(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *zone, const char *window, struct ctl_error *e);

/* Continues the lists that were made a week ago. */
bool ctl_zone_refresh(struct ctl_pg *pg, struct ctl_arena *arena,
    struct ctl_error *e);

/* The same, and sends budgets again whose list was continued since they were
 * sent: at most 256 at once, so that other changes do not wait for them. */
bool ctl_zone_tend(struct ctl_pg *pg, struct ctl_arena *arena,
    struct ctl_error *e);

#endif
