/*
 * Witness files: what gateways wrote down of the calls that they ended, and the
 * audit of the ledger against it (M5), by asgard-ctl's own code.
 *
 * A line says what the naive ledger knows of an outcome.  One that both
 * memories lost is in the file too, at times: the audit may find it, and
 * nothing else.
 */
#ifndef SIM_LINES_H
#define SIM_LINES_H

#include "check.h"

void sim_lines_audit(struct sim *s);

#endif
