/*
 * The keys that a LiteLLM proxy has against the resources that we have.
 *
 * Every key whose alias begins with a prefix of ours and whose metadata says
 * managed_by asgard belongs to a resource, or to a job that is under way; the
 * hash of each is committed before the proxy hears of it.  Any other is an
 * orphan: what a restored database forgot, a late answer, a copy made by hand.
 * It is blocked when it is seen, and deleted when it is seen again.  A key with
 * another budget, period, limit or other models than its resource's was changed
 * there: the audit log has it, and it gets what was approved by a job.  A
 * resource whose key is on no page, and that the proxy does not know when it is
 * asked, was deleted there: it fails, and is made again when somebody retries
 * it.
 *
 * Two Asgards at one proxy need two prefixes.
 */
#ifndef CTL_LITELLM_SWEEP_H
#define CTL_LITELLM_SWEEP_H

#include "connect/connector.h"
#include "connect/litellm_probe.h"
#include "ops/change.h"

#define CTL_LITELLM_LEADER     "litellm"
#define CTL_LITELLM_PAGES_MAX  1000     /* of one sweep */
#define CTL_LITELLM_SWEEP_S    60       /* between two, unless it is said */

struct ctl_litellm_sweep {
    struct ctl_pg *pg;
    struct ctl_arena *arena;
    const struct ctl_connect *with;
    const atomic_bool *stop;
    int64_t fence;                      /* of the leader */
    unsigned blocked, deleted, begun, lost;     /* found by this sweep */
    asg_buf_t seen;                     /* its own: hashes of resources */
    bool whole;                         /* its own: no page was left out */
};

/* *wanted: a service or a resource is of the connector; how often to sweep. */
bool ctl_litellm_sweep_wanted(struct ctl_pg *pg, struct ctl_arena *arena,
    bool *wanted, int64_t *every_ms, struct ctl_error *e);

/* True: all pages were looked at, or the proxy is away: then nothing is done.
 * False: PostgreSQL is away. */
bool ctl_litellm_sweep(struct ctl_litellm_sweep *s, struct ctl_error *e);

/* Of its own files: a transaction of the sweep; not *held: somebody else leads
 * by now, and it is over. */
bool ctl_litellm_change_begin(struct ctl_litellm_sweep *s,
    struct ctl_change *c, bool *held, struct ctl_error *e);

/* Kept for /api/services and `status`. */
bool ctl_litellm_status_save(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_litellm_health *health, struct ctl_error *e);

#endif
