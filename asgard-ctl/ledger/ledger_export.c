/*
 * Writing a month into a new file, and its digest beside it.
 */
#include "ledger/ledger_export.h"

#include <errno.h>
#include <string.h>

#include "base/new_file.h"
#include "ledger/ledger_month.h"
#include "store/audit.h"

#define SQL_NOTE \
    "UPDATE ledger_months SET entries = $2::bigint, sum_nano = $3::numeric," \
    " sha256 = decode($4, 'hex'), exported_at = now()" \
    " WHERE month = $1::date AND exported_at IS NULL"


static bool
month_lock(struct ctl_pg *pg, struct ctl_arena *arena, const char *date,
    const char **sha256, struct ctl_error *e)
{
    struct ctl_ledger_lock lock;

    if (!ctl_ledger_month_lock(pg, arena, date, &lock, e)) {
        return false;
    }
    *sha256 = lock.sha256;
    if (!lock.closed) {
        return ctl_error_internal(e, "the month %.7s is not closed", date);
    }

    return !lock.pruned
           || ctl_error_set(e, 409, "month_pruned", "%.7s was pruned: its "
                            "entries are in the file that it was exported to, "
                            "whose SHA-256 is %s.", date, lock.sha256);
}


static bool
month_note(struct ctl_pg *pg, struct ctl_arena *arena, const char *date,
    const struct ctl_ledger_sum *sum, struct ctl_error *e)
{
    const char *month = ctl_arena_printf(arena, "%.7s", date);
    const char *entries = ctl_arena_printf(arena, "%lld",
                                           (long long) sum->entries);
    const struct ctl_audit_field fields[] = {
        {"entries", entries}, {"sum_nano", sum->sum_nano},
        {"sha256", sum->sha256}};
    const struct ctl_audit_event event = {
        .actor = CTL_AUDIT_COMMAND, .action = "ledger.exported",
        .entity_kind = "month",
        .entity_id = month, .data = ctl_audit_data(arena, fields, 3)};

    if (month == NULL || entries == NULL || event.data == NULL) {
        return ctl_error_internal(e, "out of memory");
    }

    return CTL_PG(pg, arena, NULL, e, SQL_NOTE, date, entries, sum->sum_nano,
                  sum->sha256)
           && ctl_audit_write(pg, arena, &event, e);
}


static bool
lines_write(struct ctl_pg *pg, struct ctl_arena *arena, const char *date,
    FILE *out, struct ctl_ledger_sum *sum, struct ctl_error *e)
{
    const char *before = NULL;

    if (!month_lock(pg, arena, date, &before, e)
        || !ctl_ledger_lines(pg, arena, date, out, sum, e))
    {
        return false;
    }
    if (before != NULL && strcmp(before, sum->sha256) != 0) {
        return ctl_error_set(e, 409, "month_changed", "The entries of %.7s "
                             "are not those that were exported before: see "
                             "asgard-ctl audit chain.", date);
    }
    if (fputs(sum->last, out) < 0) {
        return ctl_error_internal(e, "write: %s", strerror(errno));
    }

    return month_note(pg, arena, date, sum, e);
}


/* The file has its name before the digest is committed, and loses it when that
 * fails: a digest never stands for a file that was not there. */
bool
ctl_ledger_export(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, const char *month, const char *file,
    struct ctl_ledger_sum *sum, struct ctl_error *e)
{
    const char *date = ctl_ledger_month_date(arena, month, e);
    struct ctl_new_file f;
    bool ok;

    if (date == NULL || !ctl_new_file_open(&f, arena, file, 0600, e)) {
        return false;
    }
    ok = ctl_ledger_month_close(pg, redis, arena, date, e)
         && ctl_pg_begin(pg, e)
         && ctl_pg_exec(pg, e, "SET LOCAL statement_timeout = 0")
         && lines_write(pg, arena, date, f.out, sum, e)
         && ctl_new_file_finish(&f, arena, e) && ctl_pg_commit(pg, e);
    if (!ok) {
        ctl_pg_rollback(pg);
        ctl_new_file_drop(&f);
    }

    return ok;
}
