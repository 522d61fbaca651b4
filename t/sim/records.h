/*
 * Records of projects and keys: limits and kills as an administrator sets them,
 * by asgard-ctl's own hand, and as gateways read them in Redis, by
 * core/record.c.
 *
 * Whenever all changes were sent and a partition is open, the record in Redis
 * says what was set last: whatever was lost, sent twice, late, or restored.
 */
#ifndef SIM_RECORDS_H
#define SIM_RECORDS_H

#include "check.h"

/* The place of the scope in m->scopes, made when it is new. */
unsigned sim_scope_of(struct sim_model *m, const char *id, unsigned part);
/* A project or a key was made: the database knows it. */
void sim_record_made(struct sim_model *m, unsigned scope);

bool sim_limits_set(struct sim_model *m);
/* Some project is killed, or a kill is taken back. */
bool sim_project_kill(struct sim_model *m);
bool sim_project_is_killed(const struct sim_model *m,
    const struct sim_budget *project);
/* One gateway reads what Redis has by now. */
void sim_records_read(struct sim *s);

/* The database is kept as it is, and goes back to that. */
void sim_records_saved(struct sim_model *m);
void sim_records_restored(struct sim_model *m);

#endif
