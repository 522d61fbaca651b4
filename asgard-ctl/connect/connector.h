/*
 * Connectors: what makes, suspends, changes and ends a resource somewhere else.
 *
 * A connector is a row of the table in connector.c.  Of what is done with a
 * resource it has one STEP function each; the runner (ops/job_run.h) calls one
 * again and again until it says that it is done or has failed.  Each call gets
 * the resource and its `progress`: a JSON object of the connector's own that
 * was committed before the call, and says how the call ends:
 *
 *   ctl_step_done()    what was wanted is so
 *   ctl_step_again()   call again, at once or later, with this new progress
 *   ctl_step_failed()  try again by the manifest's policy, or give it up
 *
 * The runner commits progress, outputs, secrets and outcome in one transaction
 * with the audit entry, guarded by the job's fence.  No transaction is open
 * during a call, and a process may die at any instruction: the next call then
 * has the progress of the last commit.  So whoever must know afterwards what
 * it may have done first says what it is about to do (again, at once, with
 * that in the progress), and acts in the next call.  A step that runs twice
 * with the same progress must come to the same end.
 *
 * Progress belongs to the resource, not to one job: what a job that failed or
 * was overtaken left is what the next one (a destroy, too) begins with.
 *
 * All texts are of `in->arena`.  Nothing that is handed back, but a secret, may
 * hold one: not progress, outputs, code or text.
 */
#ifndef CTL_CONNECTOR_H
#define CTL_CONNECTOR_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/error.h"
#include "base/secret.h"

#define CTL_STEP_SECRETS_MAX  8
#define CTL_STEP_CODE         48
#define CTL_STEP_TEXT         400
#define CTL_STEP_PROGRESS_MAX (64 * 1024)
#define CTL_STEP_OUTPUTS_MAX  (64 * 1024)
#define CTL_STEP_PAUSE_MAX_MS 3600000

enum ctl_act {
    CTL_ACT_MAKE,                       /* or change what is there already */
    CTL_ACT_DESTROY, CTL_ACT_SUSPEND, CTL_ACT_RESUME, CTL_ACT_ROTATE,
    CTL_ACT_REWRAP,                     /* of no resource: no connector's */
    CTL_ACTS
};

struct ctl_step_in;

/* What a connector may use of its process. */
struct ctl_connect {
    const struct ctl_config *config;
    /* A variable of the backends, by name; null when unset or empty. */
    asg_str_t (*variable)(const struct ctl_connect *with, const char *name);
    /* The value of a secret output of this resource: the pending version, or
     * the active one.  404 secret_not_found: there is none. */
    bool (*secret)(const struct ctl_connect *with,
        const struct ctl_step_in *in, const char *output, bool pending,
        struct ctl_secret *out, struct ctl_error *e);
    void *of;                           /* whose variables they are */
    void *at;                           /* who calls the step */
};

struct ctl_step_in {
    struct ctl_arena *arena;            /* of this call */
    enum ctl_act action;
    const char *resource_id, *project_id, *rtype, *name;
    const char *spec, *outputs, *tags;  /* JSON objects */
    const char *config;                 /* of the manifest's provisioner */
    const char *secret_outputs;         /* of the manifest: a JSON array */
    int64_t generation;                 /* 1, and more with each rotation; of
                                         * one project, type and name none is
                                         * used twice */
    const char *progress;               /* a JSON object; {} at first */
    const char *job_id;
    int64_t fence;                      /* of the job's lease */
    unsigned attempt;                   /* 1: nothing has failed yet */
    bool first;                         /* call of this job */
    const atomic_bool *stop;            /* see ctl_step_is_stopped() */
};

enum ctl_step_verdict {
    CTL_STEP_DONE, CTL_STEP_AGAIN, CTL_STEP_TRANSIENT, CTL_STEP_FINAL
};

struct ctl_step_secret {
    const char *output;                 /* its name among the outputs */
    struct ctl_secret value;
    bool pending;                       /* see ctl_step_secret_add() */
};

/* Filled by the functions below; the runner wipes the secrets. */
struct ctl_step_out {
    enum ctl_step_verdict verdict;
    int64_t pause_ms;                   /* again: in so long; transient: not
                                         * sooner, 0: as the policy says */
    const char *progress;               /* NULL: as it was; of done: {} */
    const char *outputs;                /* NULL: as they were; else all anew,
                                         * without the secret ones */
    struct ctl_step_secret secrets[CTL_STEP_SECRETS_MAX];
    unsigned nsecrets;
    bool activate;                      /* what is pending; done() sets it */
    char code[CTL_STEP_CODE];           /* of a failure: stable */
    char text[CTL_STEP_TEXT];           /* for people */
};

typedef void (*ctl_step_pt)(const struct ctl_connect *with,
    const struct ctl_step_in *in, struct ctl_step_out *out);

struct ctl_connector {
    const char *name;                   /* as manifests say it */
    /* NULL: it can work; else why not, constant or of the arena.  `config`
     * is the manifest's.  What is not armed is the stub. */
    const char *(*unarmed)(const struct ctl_connect *with, const char *config,
        struct ctl_arena *arena);
    ctl_step_pt step[CTL_ACTS];         /* NULL: there is nothing to do */
};

/* NULL: there is none (yet) of this name. */
const struct ctl_connector *ctl_connector_find(const char *name);

const char *ctl_act_name(enum ctl_act action);
bool ctl_act_parse(const char *name, enum ctl_act *out);

/* --- for steps --- */

/* The lease is lost or the process ends: a call under way is to be given up
 * within a second; what it returns then is not counted as a failure. */
bool ctl_step_is_stopped(const struct ctl_step_in *in);

/* `outputs` NULL: as they were. */
void ctl_step_done(struct ctl_step_out *out, const char *outputs);
void ctl_step_again(struct ctl_step_out *out, int64_t pause_ms,
    const char *progress);
/* `transient`: trying again may help. */
void ctl_step_failed(struct ctl_step_out *out, bool transient,
    const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/*
 * Takes what `value` holds; false: too many.  It is stored with this commit,
 * whatever the verdict, as a new version of the output, and a reference to it
 * is put among the outputs.  A pending one is read by nobody but this
 * resource's steps until it is activated (out->activate, or with done): so a
 * value can be kept before the world outside gets it.  A second pending one
 * replaces the first.
 */
bool ctl_step_secret_add(struct ctl_step_out *out, const char *output,
    struct ctl_secret *value, bool pending);
/* With this commit what is pending is what is read; the old value goes. */
void ctl_step_activate(struct ctl_step_out *out);

#endif
