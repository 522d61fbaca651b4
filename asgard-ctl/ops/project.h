/*
 * Projects: registration, reading, patching, kill.
 *
 * An id is proj-YYYY-NNNN, minted under a lock of the year's counter, gap-free
 * among committed rows.  The partition is stored at registration, from the
 * group, else the id, and never changes.  A change raises the record's version,
 * remembers the organisation of that version, and goes to Redis by the outbox.
 * What becomes of a project later is in project_life.h.
 */
#ifndef CTL_PROJECT_H
#define CTL_PROJECT_H

#include "core/money.h"
#include "ops/change.h"
#include "ops/limits.h"

struct ctl_project_input {
    const char *name;
    const char *owner_email;
    const char *manager_email;
    const char *group;                  /* NULL: none */
    const char *classification;         /* NULL: poc */
    const char *data_class;             /* NULL: internal */
    const char *description;            /* NULL: empty */
    bool budget_given;                  /* false: half the tier's ceiling */
    bool budget_unlimited;
    asg_nusd_t budget_nusd;
    asg_str_t evidence;                 /* raw JSON; null string: {} */
    bool provisional;
    struct ctl_limits limits;
};

/* A row as the API shows it; texts are of the arena, times RFC 3339. */
struct ctl_project {
    const char *id, *name, *description, *owner_email, *manager_email;
    const char *group, *cost_center;    /* NULL: none */
    const char *classification, *data_class, *lifecycle;
    bool killed;
    int partition;
    int64_t version;
    const char *created_at;
    bool budget_unlimited;
    asg_nusd_t budget_nusd;             /* limit of the total window */
    const char *aliases;                /* JSON object, alias.h */
    const char *default_backend;        /* what `default` stands for; NULL */
    const char *limits[ASG_LIMIT_COUNT];        /* digits, NULL: none */
    const char *prices;                 /* JSON, USD of 1,000 tokens */
    const char *evidence;               /* JSON object */
    const char *review_date;            /* NULL: none is due */
    bool review_expired;
    int64_t review_extensions;
    const char *guardrail_mode;         /* NULL: as the gateway says */
    bool fit_to_budget;                 /* calls ask for what is left */
};

/* At the classification that is asked for where an administrator registers;
 * else at the highest, not above it, that the evidence gives without anybody's
 * decision. */
bool ctl_project_register(struct ctl_change *c,
    const struct ctl_project_input *in, const char **project_id,
    struct ctl_error *e);
/* 404 project_not_found: there is none, or none that the caller may see. */
bool ctl_project_absent(struct ctl_error *e);
bool ctl_project_get(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *project_id, struct ctl_project *out, struct ctl_error *e);
/* Ascending by id after `after` ("" from the first); *more: not all.  `email`:
 * only those that it owns or manages; NULL: all. */
bool ctl_project_list(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *email, const char *after, unsigned limit,
    struct ctl_project **out, unsigned *n, bool *more, struct ctl_error *e);

/* Members that are NULL stay, and limits that are not given; a given budget
 * replaces the total's limit.
 * `aliases`, `prices` and `default_backend` are raw JSON: an object that
 * replaces all; the same, project_price.h; a string, or null for none.
 * `guardrail_mode` likewise. */
struct ctl_project_patch {
    const char *name, *description, *owner_email, *manager_email;
    const char *cost_center, *data_class;
    bool budget_given, budget_unlimited;
    asg_nusd_t budget_nusd;
    asg_str_t aliases, default_backend, prices, guardrail_mode;
    asg_str_t evidence;                 /* replaces all of it */
    const char *fit_to_budget;          /* "t", "f" */
    struct ctl_limits limits;
};

bool ctl_project_patch(struct ctl_change *c, const char *project_id,
    const struct ctl_project_patch *patch, struct ctl_error *e);

/* The records of all projects of a group are sent anew: their calls touch
 * something else.  The change waits for the last of them. */
bool ctl_project_changed_group(struct ctl_change *c, const char *group,
    struct ctl_error *e);

/* Effective on every worker within 1 s of delivery; a repeated kill is ok.
 * What is ended can still be killed, for to stop is always safe; only a live
 * project is taken back. */
bool ctl_project_set_killed(struct ctl_change *c, const char *project_id,
    bool killed, const char *reason, struct ctl_error *e);

/* get(), and the row is locked until the change ends. */
bool ctl_project_lock(struct ctl_change *c, const char *project_id,
    struct ctl_project *out, struct ctl_error *e);
/* After an UPDATE of the row: raises its version, remembers the organisation of
 * that version, tells Redis. */
bool ctl_project_changed(struct ctl_change *c, const char *project_id,
    struct ctl_error *e);

/* 403 project_inactive unless active or provisional. */
bool ctl_project_must_live(const struct ctl_project *p, struct ctl_error *e);
/* lock(), and it must live: before any change of what belongs to a project. */
bool ctl_project_lock_live(struct ctl_change *c, const char *project_id,
    struct ctl_project *out, struct ctl_error *e);

#endif
