/*
 * The providers' own records of calls: files as `asgard-ctl evidence` reads
 * them, imported by its own code while meters and gateways go on.
 */
#ifndef SIM_EVIDENCE_H
#define SIM_EVIDENCE_H

#include "check.h"

/* A file of a few lines, lower and higher than what was charged, some of them
 * to be refused. */
void sim_evidence_import(struct sim *s);
/* Redis was told of a provider's record: its arguments behind the keys, and the
 * reply. */
void sim_evidence_saw(struct sim_model *m, const asg_str_t *args,
    const asg_str_t *words, size_t nwords);

#endif
