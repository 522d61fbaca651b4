/*
 * Writing a month into a file that is there whole or not at all.
 */
#include "ledger/ledger_export.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
    if (fputs(sum->last, out) < 0 || fflush(out) != 0
        || fsync(fileno(out)) != 0)
    {
        return ctl_error_internal(e, "write: %s", strerror(errno));
    }

    return month_note(pg, arena, date, sum, e);
}


/* The name itself must reach the disk too. */
static bool
folder_sync(struct ctl_arena *arena, const char *file)
{
    const char *slash = strrchr(file, '/');
    const char *folder = slash == NULL ? "." : slash == file ? "/"
                         : ctl_arena_text(arena, file,
                                          (size_t) (slash - file));
    int fd = folder != NULL ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                            : -1;
    bool ok = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0) {
        close(fd);
    }

    return ok;
}


/* The file has its name before the digest is committed, and loses it when that
 * fails: a digest never stands for a file that was not there. */
static bool
file_publish(struct ctl_pg *pg, struct ctl_arena *arena, const char *work,
    const char *file, struct ctl_error *e)
{
    if (renameat2(AT_FDCWD, work, AT_FDCWD, file, RENAME_NOREPLACE) != 0) {
        return errno == EEXIST
               ? ctl_error_set(e, 409, "file_exists", "%.200s exists: it is "
                               "not written over.", file)
               : ctl_error_internal(e, "%s: %s", file, strerror(errno));
    }
    if (!folder_sync(arena, file)) {
        ctl_error_internal(e, "%s: its folder: %s", file, strerror(errno));
    } else if (ctl_pg_commit(pg, e)) {
        return true;
    }
    unlink(file);

    return false;
}


static FILE *
work_open(const char *work, const char *file, struct ctl_error *e)
{
    struct stat there;
    FILE *out = NULL;
    int fd;

    if (lstat(file, &there) == 0) {
        ctl_error_set(e, 409, "file_exists", "%.200s exists: it is not "
                      "written over.", file);
        return NULL;
    }
    fd = open(work, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
              0600);
    if (fd >= 0) {
        out = fdopen(fd, "w");
    }
    if (out == NULL) {
        ctl_error_set(e, 400, "invalid_value", "%.200s: %s.", file,
                      strerror(errno));
    }
    if (out == NULL && fd >= 0) {
        close(fd);
        unlink(work);
    }

    return out;
}


bool
ctl_ledger_export(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, const char *month, const char *file,
    struct ctl_ledger_sum *sum, struct ctl_error *e)
{
    const char *work = ctl_arena_printf(arena, "%s.%ld.tmp", file,
                                        (long) getpid());
    const char *date = ctl_ledger_month_date(arena, month, e);
    FILE *out;
    bool ok;

    out = date != NULL && work != NULL ? work_open(work, file, e) : NULL;
    if (out == NULL) {
        return false;
    }
    ok = ctl_ledger_month_close(pg, redis, arena, date, e)
         && ctl_pg_begin(pg, e)
         && ctl_pg_exec(pg, e, "SET LOCAL statement_timeout = 0")
         && lines_write(pg, arena, date, out, sum, e);
    if (fclose(out) != 0 && ok) {
        ok = ctl_error_internal(e, "%s: %s", work, strerror(errno));
    }
    ok = ok && file_publish(pg, arena, work, file, e);
    if (!ok) {
        ctl_pg_rollback(pg);
        unlink(work);
    }

    return ok;
}
