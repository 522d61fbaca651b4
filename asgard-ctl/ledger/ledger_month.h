/*
 * The months of the ledger: partitions of its table, by UTC.
 *
 * A month is open, then closed, exported, perhaps pruned, and takes entries
 * only while it is open: from its closing on nothing in it changes.  It may be
 * closed 25 hours after its end, a hold living 24 at most, when no usage event
 * of it waits in a stream.  Evidence that comes later still is entered at the
 * time that it came.
 */
#ifndef CTL_LEDGER_MONTH_H
#define CTL_LEDGER_MONTH_H

#include "redis/client.h"
#include "store/pg.h"

/* Entries of the month whose first day is $1. */
#define CTL_LEDGER_IN_MONTH \
    "at >= $1::date::timestamp AT TIME ZONE 'UTC'" \
    " AND at < ($1::date + interval '1 month') AT TIME ZONE 'UTC'"

/* Makes the month that at_ms lies in, and those from now on, unless they are
 * there; in *from_ms and *to_ms its limits.  One that is closed or out of
 * reach is not made: its entries go elsewhere. */
bool ctl_ledger_month_make(struct ctl_pg *pg, struct ctl_arena *arena,
    int64_t at_ms, int64_t *from_ms, int64_t *to_ms, struct ctl_error *e);

/* Makes this month and the next two, and closes what may be closed. */
bool ctl_ledger_month_tend(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, struct ctl_error *e);

/* Its first day, from "YYYY-MM"; NULL with 400 when it is no month. */
const char *ctl_ledger_month_date(struct ctl_arena *arena, const char *month,
    struct ctl_error *e);

/* 409 month_open, saying what it waits for, while it may not be closed;
 * nothing to do when it is.  `date` is its first day. */
bool ctl_ledger_month_close(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, const char *date, struct ctl_error *e);

struct ctl_ledger_lock {
    bool known, closed, pruned;
    const char *sha256;                 /* of the export, or NULL */
};

/* Keeps the month from being exported or pruned by others until the caller's
 * transaction ends.  One that is not known is no error here. */
bool ctl_ledger_month_lock(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *date, struct ctl_ledger_lock *out, struct ctl_error *e);

struct ctl_ledger_month {
    const char *month;                  /* "2026-01" */
    const char *state;                  /* open, closed, exported, pruned */
    const char *entries;
    const char *sum_usd;                /* exact */
    const char *sha256;                 /* of the export, or NULL */
};

/* Those with entries, in order. */
bool ctl_ledger_month_list(struct ctl_pg *pg, struct ctl_arena *arena,
    struct ctl_ledger_month **months, unsigned *n, struct ctl_error *e);

#endif
