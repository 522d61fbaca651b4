/*
 * Sealing audit events.
 */
#include "ops/audit_seal.h"

#define BATCH "500"
#define NEAR  "10000"                   /* ids that an open change may hold */

/* Events that are visible and have no seal, in the order of their ids, behind
 * the last seal.  Of an event that became visible late the place in the chain
 * is later too. */
#define SQL_SEAL \
    "WITH RECURSIVE last AS (SELECT coalesce(max(seq), 0) AS seq," \
    " coalesce(max(event_id), 0) AS event FROM audit_seals)," \
    " r AS MATERIALIZED (SELECT row_number() OVER (ORDER BY a.id) AS n," \
    " a.id, audit_text(a) AS text FROM audit_events a, last" \
    " WHERE a.id > CASE WHEN $1::boolean THEN 0 ELSE last.event - " NEAR \
    " END AND NOT EXISTS (SELECT FROM audit_seals s WHERE s.event_id = a.id)" \
    " ORDER BY a.id LIMIT " BATCH ")," \
    " chain AS (SELECT 0::bigint AS n, NULL::bigint AS id," \
    " coalesce((SELECT s.hash FROM audit_seals s, last" \
    " WHERE s.seq = last.seq), ''::bytea) AS hash UNION ALL" \
    " SELECT r.n, r.id, sha256(c.hash || convert_to(r.text, 'UTF8'))" \
    " FROM chain c JOIN r ON r.n = c.n + 1)" \
    " INSERT INTO audit_seals (seq, event_id, hash)" \
    " SELECT last.seq + chain.n, chain.id, chain.hash FROM chain, last" \
    " WHERE chain.n > 0"


static bool
seal_locked(struct ctl_pg *pg, struct ctl_arena *arena, bool whole,
    unsigned *n, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT pg_try_advisory_xact_lock(hashtext($1))",
            "asgard audit sealer"))
    {
        return false;
    }
    if (ctl_rows_at(&rows, 0, 0)[0] != 't') {
        return true;
    }
    if (!CTL_PG(pg, arena, &rows, e, SQL_SEAL, whole ? "t" : "f")) {
        return false;
    }
    *n = (unsigned) rows.affected;

    return true;
}


bool
ctl_audit_seal(struct ctl_pg *pg, struct ctl_arena *arena, bool whole,
    unsigned *n, struct ctl_error *e)
{
    *n = 0;
    if (!ctl_pg_begin(pg, e)) {
        return false;
    }
    if (!seal_locked(pg, arena, whole, n, e)) {
        ctl_pg_rollback(pg);
        return false;
    }

    return ctl_pg_commit(pg, e);
}
