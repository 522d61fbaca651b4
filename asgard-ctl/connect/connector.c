/*
 * The table of connectors, and how a step says what came of it.
 */
#include "connect/connector.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "connect/exec.h"
#include "connect/http.h"
#include "connect/litellm_step.h"
#include "connect/random.h"

static const char *const actions[CTL_ACTS] = {
    [CTL_ACT_MAKE] = "make", [CTL_ACT_DESTROY] = "destroy",
    [CTL_ACT_SUSPEND] = "suspend", [CTL_ACT_RESUME] = "resume",
    [CTL_ACT_ROTATE] = "rotate", [CTL_ACT_REWRAP] = "rewrap"
};


static const char *
always(const struct ctl_connect *with, const char *config,
    struct ctl_arena *arena)
{
    (void) with;
    (void) config;
    (void) arena;

    return NULL;
}


/* The stub does nothing, and its resources say so (dry_run).  exec and http are
 * told the action. */
static const struct ctl_connector table[] = {
    {"stub", always, {NULL}},
    {"exec", ctl_exec_unarmed,
        {ctl_exec_step, ctl_exec_step, ctl_exec_step, ctl_exec_step,
         ctl_exec_step}},
    {"http", ctl_http_unarmed,
        {ctl_http_step, ctl_http_step, ctl_http_step, ctl_http_step,
         ctl_http_step}},
    {"litellm", ctl_litellm_step_unarmed, {
        ctl_litellm_step, ctl_litellm_step, ctl_litellm_step,
        ctl_litellm_step, ctl_litellm_step}},
    {"random", ctl_random_unarmed,
        {[CTL_ACT_MAKE] = ctl_random_step, [CTL_ACT_ROTATE] = ctl_random_step}}
};


const struct ctl_connector *
ctl_connector_find(const char *name)
{
    size_t i;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (strcmp(table[i].name, name) == 0) {
            return &table[i];
        }
    }

    return NULL;
}


const char *
ctl_act_name(enum ctl_act action)
{
    return actions[action];
}


bool
ctl_act_parse(const char *name, enum ctl_act *out)
{
    unsigned i;

    for (i = 0; i < CTL_ACTS && strcmp(actions[i], name) != 0; i++) { }
    if (i < CTL_ACTS) {
        *out = (enum ctl_act) i;
    }

    return i < CTL_ACTS;
}


bool
ctl_step_is_stopped(const struct ctl_step_in *in)
{
    return in->stop != NULL && atomic_load(in->stop);
}


void
ctl_step_done(struct ctl_step_out *out, const char *outputs)
{
    out->verdict = CTL_STEP_DONE;
    out->activate = true;
    out->outputs = outputs;
    out->progress = NULL;
}


void
ctl_step_again(struct ctl_step_out *out, int64_t pause_ms,
    const char *progress)
{
    out->verdict = CTL_STEP_AGAIN;
    out->pause_ms = pause_ms;
    out->progress = progress;
}


void
ctl_step_failed(struct ctl_step_out *out, bool transient, const char *code,
    const char *fmt, ...)
{
    va_list args;

    out->verdict = transient ? CTL_STEP_TRANSIENT : CTL_STEP_FINAL;
    snprintf(out->code, sizeof(out->code), "%s", code);
    va_start(args, fmt);
    vsnprintf(out->text, sizeof(out->text), fmt, args);
    va_end(args);
}


bool
ctl_step_secret_add(struct ctl_step_out *out, const char *output,
    struct ctl_secret *value, bool pending)
{
    struct ctl_step_secret *to = &out->secrets[out->nsecrets];

    if (out->nsecrets == CTL_STEP_SECRETS_MAX) {
        ctl_secret_wipe(value);
        return false;
    }
    to->output = output;
    to->pending = pending;
    to->value = *value;
    *value = (struct ctl_secret) {.bytes = NULL};
    out->nsecrets++;

    return true;
}


void
ctl_step_activate(struct ctl_step_out *out)
{
    out->activate = true;
}
