/*
 * The naive limiter: which calls were let in of each scope that has limits, one
 * by one, and which are under way; what follows for the next one.
 *
 * It knows nothing of rings, marks and entries.  Of requests and tokens it
 * keeps two sums of any 60 seconds: what the calls let in surely used, and what
 * they may still count as, for Redis keeps what came together for a quarter of
 * a second longer.  It goes back with the data of Redis.
 */
#ifndef SIM_LIMITER_H
#define SIM_LIMITER_H

#include "core/limits.h"
#include "core/script.h"

struct sim_model;
struct sim_hold;

#define SIM_SCOPES      64
#define SIM_SCOPES_CALL 2               /* of one call: its project, its key */
#define SIM_LETS        4096
#define SIM_PLACES      2048

/* What a command says of limits. */
struct sim_asked {
    unsigned n;
    unsigned scopes[SIM_SCOPES_CALL];
    asg_limits_t limits[SIM_SCOPES_CALL];
    int64_t tokens;                     /* reserve: by an estimate */
    int64_t used;                       /* finish; -1: not said */
    bool marked[SIM_SCOPES_CALL];       /* finish: reserve gave a mark */
};

/* Counted once, of requests or tokens. */
struct sim_let {
    unsigned scope;
    asg_limit_kind_t kind;
    int64_t at_us;
    int64_t low, high;
    const struct sim_hold *hold;
};

/* A call that is under way. */
struct sim_taken {
    unsigned scope, call;
    int64_t until;                      /* as far as its reserve told */
};

struct sim_limiter {
    struct sim_let lets[SIM_LETS];
    struct sim_taken places[SIM_PLACES];
    unsigned nlets, nplaces;
};

/* Redis looked at the limits of a call, and answered whatever it did. */
void sim_limiter_looked(struct sim_model *m, const struct sim_hold *h,
    const struct sim_asked *asked, int64_t us);
/* Redis let the call in, at a time of its own in us. */
void sim_limiter_let(struct sim_model *m, const struct sim_hold *h,
    const struct sim_asked *asked, int64_t us, int64_t expires,
    const asg_str_t *words, size_t n);
/* ... refused it by a limit. */
void sim_limiter_refused(struct sim_model *m, const struct sim_hold *h,
    const struct sim_asked *asked, int64_t us, const asg_str_t *words,
    size_t n);
/* ... has its place again. */
void sim_limiter_adopted(struct sim_model *m, const struct sim_hold *h,
    const struct sim_asked *asked, int64_t expires);
/* ... ended a hold of it; `counted`: an open one. */
void sim_limiter_ended(struct sim_model *m, const struct sim_hold *h,
    const struct sim_asked *asked, bool counted);

#endif
