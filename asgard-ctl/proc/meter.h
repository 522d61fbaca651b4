/*
 * The role `meter`: it alone drains, applies, seeds, sends the outbox and seals
 * the audit log; it expires holds, as a gateway does that waits for one.
 *
 * Four threads with their own connections, so that a slow one holds up none
 * of the others: the ledger (lead, reseed, drain, expire, apply), the outbox
 * (records, budgets, heartbeats), the sealer (audit, beats) and the auditor
 * (compares each partition with the ledger once a minute).  Whatever is
 * away, Redis or Postgres, is tried again within a second; one line is logged
 * when it goes and one when it is back.
 */
#ifndef CTL_METER_H
#define CTL_METER_H

#include "base/config.h"

/* Returns the exit status when stop_fd is readable: 0, or 1 when the role
 * could not start. */
int ctl_meter_run(const struct ctl_config *c, int stop_fd);

#endif
