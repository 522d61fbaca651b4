/*
 * What a period opened with, in SQL, for the audits of the counters.
 *
 * Of a counter `c` of Redis (its budget b, and o, what Redis says that it took,
 * or null) and its row `o` of the table `openings`.  While the outbox has a row
 * of the budget that was not sent, what Redis took may not be written down yet.
 */
#ifndef CTL_AUDIT_OPENING_H
#define CTL_AUDIT_OPENING_H

#define CTL_AUDIT_OPENING(c) \
    "CASE WHEN " c ".o IS NOT NULL AND EXISTS (SELECT FROM outbox" \
    " WHERE kind = 'budget' AND target = " c ".b AND sent_at IS NULL)" \
    " THEN " c ".o ELSE o.amount_nusd END"

#endif
