/*
 * Telling of reviews that expired.
 */
#include "meter/review_expiry.h"

#include "ledger/time_text.h"
#include "store/audit.h"

#define NUMBER(n)   #n
#define LIMIT(most) NUMBER(most)

/* A review that is moved on is another one, and told again when it is due. */
#define SQL_EXPIRED \
    "UPDATE projects SET review_told = review_date WHERE project_id IN (" \
    " SELECT project_id FROM projects WHERE review_date < now()" \
    "  AND review_told IS DISTINCT FROM review_date" \
    "  AND lifecycle IN ('active', 'provisional') ORDER BY review_date" \
    "  LIMIT " LIMIT(CTL_REVIEW_EXPIRY_MAX) " FOR UPDATE SKIP LOCKED)" \
    " RETURNING project_id, classification, " CTL_TIME_ISO("review_date") "," \
    " review_extensions"


static bool
expiry_write(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_rows *rows, unsigned i, struct ctl_error *e)
{
    const struct ctl_audit_field fields[] = {
        {"classification", ctl_rows_at(rows, i, 1)},
        {"review_date", ctl_rows_at(rows, i, 2)},
        {"review_extensions", ctl_rows_at(rows, i, 3)}
    };
    struct ctl_audit_event event = {
        .actor = "system:meter", .action = "project.review_expired",
        .entity_kind = "project", .entity_id = ctl_rows_at(rows, i, 0),
        .data = ctl_audit_data(arena, fields, 3)
    };

    return event.data == NULL ? ctl_error_internal(e, "out of memory")
                              : ctl_audit_write(pg, arena, &event, e);
}


static bool
expired_tell(struct ctl_pg *pg, struct ctl_arena *arena, struct ctl_error *e)
{
    struct ctl_rows rows;
    unsigned i;

    if (!ctl_pg_query(pg, arena, &rows, e, SQL_EXPIRED, 0, NULL)) {
        return false;
    }
    for (i = 0; i < rows.nrows; i++) {
        if (!expiry_write(pg, arena, &rows, i, e)) {
            return false;
        }
    }

    return true;
}


bool
ctl_review_expiry_tell(struct ctl_pg *pg, struct ctl_arena *arena,
    struct ctl_error *e)
{
    if (!ctl_pg_begin(pg, e)) {
        return false;
    }
    if (!expired_tell(pg, arena, e)) {
        ctl_pg_rollback(pg);
        return false;
    }

    return ctl_pg_commit(pg, e);
}
