/*
 * The transaction of a prune.
 */
#include "ledger/ledger_prune.h"

#include <string.h>

#include "ledger/ledger_month.h"
#include "store/audit.h"

#define LOCK_WAIT "'5s'"

/* Each entry of a hold leaves its amount with its number. */
#define SQL_AMOUNTS \
    "WITH u AS (UPDATE ledger_seqs s SET pruned_nano = l.delta_nano" \
    " FROM ledger l WHERE l.hold_id = s.hold_id AND l.seq = s.seq AND l." \
    CTL_LEDGER_IN_MONTH " RETURNING 1)" \
    " SELECT (SELECT count(*) FROM u) = count(hold_id) FROM ledger WHERE " \
    CTL_LEDGER_IN_MONTH

/* `m`: what goes.  `near`: that, and all that stays between the first and the
 * last of it in a chain, earlier gaps included, and what stands before.  A run
 * begins where something that stays is before it, and ends likewise. */
#define SQL_GAPS \
    "WITH m AS (SELECT partition, id, hash FROM ledger WHERE " \
    CTL_LEDGER_IN_MONTH ")," \
    " w AS (SELECT partition, min(id) AS lo, max(id) AS hi FROM m" \
    " GROUP BY partition)," \
    " near AS (SELECT partition, id, hash, true AS goes FROM m UNION ALL" \
    " SELECT l.partition, l.id, l.hash, false FROM w JOIN ledger l" \
    " ON l.partition = w.partition AND l.id > w.lo AND l.id < w.hi" \
    " WHERE NOT (" CTL_LEDGER_IN_MONTH ") UNION ALL" \
    " SELECT g.partition, g.last_id, g.after, false FROM w JOIN ledger_gaps g" \
    " ON g.partition = w.partition AND g.last_id > w.lo" \
    " AND g.last_id < w.hi UNION ALL" \
    " SELECT w.partition, b.id, b.hash, false FROM w CROSS JOIN LATERAL" \
    " (SELECT id, hash FROM ((SELECT l.id, l.hash FROM ledger l" \
    " WHERE l.partition = w.partition AND l.id < w.lo ORDER BY l.id DESC" \
    " LIMIT 1) UNION ALL (SELECT g.last_id, g.after FROM ledger_gaps g" \
    " WHERE g.partition = w.partition AND g.last_id < w.lo" \
    " ORDER BY g.last_id DESC LIMIT 1)) x ORDER BY id DESC LIMIT 1) b)," \
    " q AS (SELECT *, lag(goes) OVER o IS NOT TRUE AS begins," \
    " lead(goes) OVER o IS NOT TRUE AS ends," \
    " lag(hash, 1, ''::bytea) OVER o AS before FROM near" \
    " WINDOW o AS (PARTITION BY partition ORDER BY id))," \
    " r AS (SELECT *, CASE WHEN ends THEN id ELSE lead(id) OVER o END" \
    " AS last_id, CASE WHEN ends THEN hash ELSE lead(hash) OVER o END" \
    " AS after FROM q WHERE goes AND (begins OR ends)" \
    " WINDOW o AS (PARTITION BY partition ORDER BY id))" \
    " INSERT INTO ledger_gaps (partition, first_id, last_id, month, before," \
    " after) SELECT partition, id, last_id, $1::date, before, after FROM r" \
    " WHERE begins"

#define SQL_NOTE \
    "UPDATE ledger_months SET pruned_at = now() WHERE month = $1::date" \
    " RETURNING encode(sha256(convert_to(ledger_gaps_text(month), 'UTF8'))," \
    " 'hex')"


static bool
month_lock(struct ctl_pg *pg, struct ctl_arena *arena, const char *date,
    const char **sha256, struct ctl_error *e)
{
    struct ctl_ledger_lock lock;

    if (!ctl_ledger_month_lock(pg, arena, date, &lock, e)) {
        return false;
    }
    *sha256 = lock.sha256;
    if (!lock.known) {
        return ctl_error_set(e, 404, "month_not_found", "The ledger has no "
                             "month %.7s: asgard-ctl ledger months lists "
                             "them.", date);
    }
    if (lock.sha256 == NULL) {
        return ctl_error_set(e, 409, "month_not_exported", "%.7s was not "
                             "exported: asgard-ctl ledger export %.7s FILE.",
                             date, date);
    }

    return !lock.pruned
           || ctl_error_set(e, 409, "month_pruned", "%.7s was pruned already.",
                            date);
}


/* Ledger, digest and file say the same. */
static bool
month_compare(struct ctl_pg *pg, struct ctl_arena *arena, const char *date,
    const char *sha256, const char *file, struct ctl_ledger_sum *sum,
    struct ctl_error *e)
{
    bool same;

    if (!ctl_ledger_lines(pg, arena, date, NULL, sum, e)) {
        return false;
    }
    if (strcmp(sha256, sum->sha256) != 0) {
        return ctl_error_set(e, 409, "month_changed", "The entries of %.7s "
                             "are not those that were exported: see "
                             "asgard-ctl audit chain.", date);
    }

    return ctl_ledger_file_is(file, sum, &same, e)
           && (same
               || ctl_error_set(e, 409, "export_differs", "%.200s is not the "
                                "export of %.7s with SHA-256 %s: find it, or "
                                "export the month again.", file, date,
                                sha256));
}


static bool
month_note(struct ctl_pg *pg, struct ctl_arena *arena, const char *date,
    const struct ctl_ledger_sum *sum, struct ctl_error *e)
{
    const char *month = ctl_arena_printf(arena, "%.7s", date);
    struct ctl_audit_event event = {
        .actor = CTL_AUDIT_COMMAND, .action = "ledger.pruned",
        .entity_kind = "month",
        .entity_id = month};
    struct ctl_audit_field fields[] = {
        {"entries", ctl_arena_printf(arena, "%lld",
                                     (long long) sum->entries)},
        {"sum_nano", sum->sum_nano}, {"sha256", sum->sha256}, {"gaps", NULL}};
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e, SQL_NOTE, date)) {
        return false;
    }
    fields[3].value = ctl_rows_at(&rows, 0, 0);
    event.data = ctl_audit_data(arena, fields, 4);
    if (month == NULL || event.data == NULL) {
        return ctl_error_internal(e, "out of memory");
    }

    return ctl_audit_write(pg, arena, &event, e);
}


static bool
amounts_keep(struct ctl_pg *pg, struct ctl_arena *arena, const char *date,
    struct ctl_error *e)
{
    struct ctl_rows rows;

    return CTL_PG(pg, arena, &rows, e, SQL_AMOUNTS, date)
           && (ctl_rows_at(&rows, 0, 0)[0] == 't'
               || ctl_error_set(e, 409, "month_changed", "Entries of %.7s "
                                "have no number: see asgard-ctl audit money.",
                                date));
}


/* Last, and with little patience: whoever writes waits behind us. */
static bool
month_drop(struct ctl_pg *pg, struct ctl_arena *arena, const char *date,
    struct ctl_error *e)
{
    const char *sql = ctl_arena_printf(arena, "DROP TABLE ledger_%.4s_%.2s",
                                       date, date + 5);

    if (sql == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    if (ctl_pg_exec(pg, e, "SET LOCAL lock_timeout = " LOCK_WAIT ";"
                    " LOCK TABLE ONLY ledger IN ACCESS EXCLUSIVE MODE"))
    {
        return ctl_pg_exec(pg, e, sql);
    }

    return strstr(e->detail, "55P03") == NULL ? false
           : ctl_error_set(e, 503, "ledger_busy", "The ledger is being read, "
                           "by a backup, an audit or an export: try again "
                           "when that has ended.");
}


bool
ctl_ledger_prune(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *month, const char *file, struct ctl_ledger_sum *sum,
    struct ctl_error *e)
{
    const char *date = ctl_ledger_month_date(arena, month, e);
    const char *sha256;
    bool ok;

    if (date == NULL || !ctl_pg_begin(pg, e)) {
        return false;
    }
    ok = ctl_pg_exec(pg, e, "SET LOCAL statement_timeout = 0")
         && month_lock(pg, arena, date, &sha256, e)
         && month_compare(pg, arena, date, sha256, file, sum, e)
         && amounts_keep(pg, arena, date, e)
         && CTL_PG(pg, arena, NULL, e, SQL_GAPS, date)
         && month_note(pg, arena, date, sum, e)
         && month_drop(pg, arena, date, e);
    if (!ok) {
        ctl_pg_rollback(pg);
        return false;
    }

    return ctl_pg_commit(pg, e);
}
