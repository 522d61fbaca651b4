/*
 * Is the money conserved?  The ledger against itself, against the price cards
 * and against the counters in Redis, also while calls run.
 *
 * M1 spent + held within each limit, M2 one end of each hold, M3 held in
 * Redis = open holds, M4 spent in Redis = openings + ledger, M7 price × tokens,
 * M8 no settle above its hold unflagged, M9 entries of a hold = its balance.
 * M5 is audit/audit_witness.h.  A partition that seems wrong is looked at
 * again; only what is wrong three times is reported.
 */
#ifndef CTL_AUDIT_MONEY_H
#define CTL_AUDIT_MONEY_H

#include <stdio.h>

#include "redis/client.h"
#include "store/pg.h"

/* One line on `out` for each row that breaks; *broken counts them.  A partition
 * that could not be compared is told, with the cause, and counted in *missed:
 * the others are looked at all the same. */
bool ctl_audit_money(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, FILE *out, unsigned *broken, unsigned *missed,
    struct ctl_error *e);

/* M3 and M4 of one partition, M1 with `limits`: adds to *broken.  503 when it
 * could not be compared. */
bool ctl_audit_partition(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, unsigned part, bool limits, FILE *out,
    unsigned *broken, struct ctl_error *e);

#endif
