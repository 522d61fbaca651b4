/*
 * Windows that come and go, in three time zones: what an administrator sets,
 * where a period begins by the rules of the zone, and what an opening must
 * contain.
 *
 * Nothing of this asks the product or the time zone data: the rules for the
 * summer time of Berlin and New York stand here once more.
 */
#ifndef SIM_WINDOWS_H
#define SIM_WINDOWS_H

#include "model.h"

enum sim_zone { SIM_UTC, SIM_BERLIN, SIM_NEW_YORK, SIM_ZONES };

const char *sim_zone_name(unsigned zone);
/* Start of the period that holds `now`. */
int64_t sim_window_start(const char *name, unsigned zone, int64_t now);
/* The next start of a local day; of one that has 23 or 25 hours, or that
 * follows such a one. */
int64_t sim_day_next(unsigned zone, int64_t now);
int64_t sim_day_odd(unsigned zone, int64_t now);

/* One window of one budget is added, taken away, or gets another zone. */
bool sim_windows_change(struct sim_model *m);
/* A window moves to a zone in which its period began later; false: none can. */
bool sim_zone_move(struct sim_model *m);
/* All of one budget go but `total`, which keeps its limit. */
bool sim_windows_empty(struct sim_model *m);
/* Fails the run when a grant misses a window that every budget it asked for
 * has, has one that was taken away, or is in another period than now. */
void sim_windows_check(struct sim_model *m, const struct sim_hold *h);

/* A pin is granted: what it must have opened with counts from now on. */
void sim_opening_meet(struct sim_model *m, struct sim_pin *pin);
/* What stands in `openings` is taken over; a row that is new must be what was
 * spent without the window.  `trusted`: without such a look. */
bool sim_openings_take(struct sim_model *m, bool trusted);

#endif
