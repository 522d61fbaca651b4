/*
 * The quiet point: everything is told, drained, applied and due holds are
 * expired; then the ledger, the counters and the model must say the same.
 */
#ifndef SIM_CHECK_H
#define SIM_CHECK_H

#include "meter.h"

struct sim {
    struct sim_world world;
    struct sim_model model;
    struct sim_flight flight;
    struct sim_gateways gateways;
    struct sim_meters meters;
};

/* `last`: every call ends first, lost outcomes are told from the log, and the
 * journals must be empty after it. */
void sim_quiet(struct sim *s, bool last);

#endif
