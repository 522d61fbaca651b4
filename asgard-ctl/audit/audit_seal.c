/*
 * Sealing audit events.
 */
#include "audit/audit_seal.h"

#define BATCH "500"
#define NEAR  "10000"                   /* ids that an open change may hold */

/* Events that are visible and have no seal, in the order of their ids, behind
 * the head: not behind the last seal that is left, or a removed end would be
 * mended by the next event.  Of an event that became visible late the place in
 * the chain is later too. */
#define SQL_SEAL \
    "WITH RECURSIVE last AS (SELECT seq, hash, coalesce((SELECT" \
    " max(event_id) FROM audit_seals), 0) AS event FROM audit_head)," \
    " r AS MATERIALIZED (SELECT row_number() OVER (ORDER BY a.id) AS n," \
    " a.id, audit_text(a) AS text FROM audit_events a, last" \
    " WHERE a.id > CASE WHEN $1::boolean THEN 0 ELSE last.event - " NEAR \
    " END AND NOT EXISTS (SELECT FROM audit_seals s WHERE s.event_id = a.id)" \
    " ORDER BY a.id LIMIT " BATCH ")," \
    " chain AS (SELECT 0::bigint AS n, NULL::bigint AS id," \
    " last.hash FROM last UNION ALL" \
    " SELECT r.n, r.id, sha256(c.hash || convert_to(r.text, 'UTF8'))" \
    " FROM chain c JOIN r ON r.n = c.n + 1)," \
    " sealed AS (INSERT INTO audit_seals (seq, event_id, hash)" \
    " SELECT last.seq + chain.n, chain.id, chain.hash FROM chain, last" \
    " WHERE chain.n > 0 RETURNING seq, hash)," \
    " head AS (UPDATE audit_head SET seq = s.seq, hash = s.hash" \
    " FROM sealed s WHERE s.seq = (SELECT max(seq) FROM sealed))" \
    " SELECT count(*) FROM sealed"


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
    *n = (unsigned) ctl_rows_i64(&rows, 0, 0);

    return true;
}


const char *
ctl_audit_checkpoint(struct ctl_pg *pg, struct ctl_arena *arena,
    struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!ctl_pg_query(pg, arena, &rows, e, "SELECT seq || ' '"
                      " || encode(hash, 'hex') FROM audit_head", 0, NULL))
    {
        return NULL;
    }
    if (rows.nrows != 1) {
        ctl_error_internal(e, "the head of the audit chain is gone");
        return NULL;
    }

    return ctl_rows_at(&rows, 0, 0);
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
