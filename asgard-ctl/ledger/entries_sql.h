/*
 * The entries of the ledger with the evidence that each was written for: an
 * entry says the difference, the evidence was their sum up to it.
 */
#ifndef CTL_ENTRIES_SQL_H
#define CTL_ENTRIES_SQL_H

/* All that are there, with `nano`: what the hold cost as of the entry.  Of
 * those that were pruned the amount still counts. */
#define CTL_ENTRIES_SQL \
    "SELECT * FROM (SELECT s.hold_id, s.seq, l.rank, l.project_id, l.key_id," \
    " l.detail, sum(coalesce(s.pruned_nano, l.delta_nano)) OVER" \
    " (PARTITION BY s.hold_id ORDER BY s.seq) AS nano" \
    " FROM ledger_seqs s LEFT JOIN ledger l" \
    " ON l.hold_id = s.hold_id AND l.seq = s.seq) n WHERE rank IS NOT NULL"

#endif
