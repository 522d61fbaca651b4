/*
 * The connector `exec`: a command of the operator's, which reads one JSON
 * object and writes one (connect/told.h).
 *
 *     provisioner:
 *       connector: exec
 *       config:
 *         command: [/usr/local/bin/bucket, --region, eu]
 *         environment: [BUCKET_TOKEN]     # of the backends' variables
 *         timeout_secs: 60
 *         actions: [make, destroy]        # those that it is called for
 *
 * No shell, and of the environment PATH, HOME, LANG and what `environment`
 * names.  It is called again when nobody knows what came of a call, with the
 * same `resource_id` and `generation`: it has to come to the same end.  Exit
 * status 0: done; 65 (EX_DATAERR): trying again cannot help; else it may.  What
 * it writes to standard error is not kept: nobody knows what stands there.
 */
#include "connect/exec.h"

#include <sys/wait.h>

#include "connect/child.h"
#include "connect/told.h"

#define TIMEOUT_S     60
#define TIMEOUT_MAX_S 3600
#define EXIT_FINAL    65

struct plan {
    const char *argv[CTL_TOLD_WORDS_MAX + 1];
    const char *envp[CTL_TOLD_WORDS_MAX + 4];
    int64_t timeout_s;
};


static const char *
command_read(struct ctl_arena *arena, const char *config, struct plan *plan)
{
    unsigned n;

    if (!ctl_config_words(arena, config, "command", plan->argv, &n)
        || n == 0 || plan->argv[0][0] != '/')
    {
        return "command expects a list of at most 64 words, the first an "
               "absolute path";
    }
    plan->argv[n] = NULL;
    plan->timeout_s = ctl_config_number(config, "timeout_secs", TIMEOUT_S, 1,
                                        TIMEOUT_MAX_S);

    return plan->timeout_s < 0 ? "timeout_secs is 1 to 3600" : NULL;
}


static const char *
environment_read(const struct ctl_connect *with, struct ctl_arena *arena,
    const char *config, struct plan *plan)
{
    const char *names[CTL_TOLD_WORDS_MAX];
    asg_str_t value;
    unsigned i, n, set = 0;

    plan->envp[set++] = "PATH=/usr/local/bin:/usr/bin:/bin";
    plan->envp[set++] = "HOME=/nonexistent";
    plan->envp[set++] = "LANG=C.UTF-8";
    if (!ctl_config_words(arena, config, "environment", names, &n)) {
        return "environment expects a list of at most 64 names";
    }
    for (i = 0; i < n; i++) {
        value = with->variable(with, names[i]);
        if (value.len == 0) {
            return ctl_arena_printf(arena, "%s is not set", names[i]);
        }
        plan->envp[set++] = ctl_arena_printf(arena, "%s=%.*s", names[i],
                                             (int) value.len, value.data);
    }
    plan->envp[set] = NULL;

    return NULL;
}


static const char *
plan_read(const struct ctl_connect *with, struct ctl_arena *arena,
    const char *config, struct plan *plan)
{
    const char *why = command_read(arena, config, plan);

    return why != NULL ? why : environment_read(with, arena, config, plan);
}


const char *
ctl_exec_unarmed(const struct ctl_connect *with, const char *config,
    struct ctl_arena *arena)
{
    struct plan plan;

    return plan_read(with, arena, config, &plan);
}


static void
status_take(const struct ctl_connect *with, const struct ctl_step_in *in,
    const struct ctl_child *child, struct ctl_step_out *out)
{
    asg_str_t said = {child->output, child->output_len};
    const char *why = ctl_told_error(with, in, said);
    int code = WIFEXITED(child->status) ? WEXITSTATUS(child->status) : -1;

    if (code == 0) {
        ctl_told_take(in, said, out);
    } else if (code > 0) {
        ctl_step_failed(out, code != EXIT_FINAL, "exec_failed",
                        "the command ended with status %d%s%s", code,
                        why != NULL ? ": " : "", why != NULL ? why : "");
    } else {
        ctl_step_failed(out, true, "exec_failed",
                        "the command was ended by signal %d",
                        WTERMSIG(child->status));
    }
}


void
ctl_exec_step(const struct ctl_connect *with, const struct ctl_step_in *in,
    struct ctl_step_out *out)
{
    struct ctl_child child;
    struct plan plan;
    const char *why;

    if (!ctl_told_wants(in)) {
        ctl_step_done(out, NULL);
        out->progress = in->progress;
        return;
    }
    why = plan_read(with, in->arena, in->config, &plan);
    if (why != NULL) {
        ctl_step_failed(out, true, "connector_unarmed", "exec: %s", why);
        return;
    }
    child = (struct ctl_child) {
        .argv = plan.argv, .envp = plan.envp,
        .input = ctl_told_input(in), .timeout_ms = plan.timeout_s * 1000,
        .output_max = CTL_TOLD_ANSWER_MAX, .arena = in->arena,
        .stop = in->stop
    };
    switch (ctl_child_run(&child)) {
    case CTL_CHILD_ENDED:
        status_take(with, in, &child, out);
        break;
    case CTL_CHILD_LATE:
        ctl_step_failed(out, true, "exec_timeout",
                        "the command was ended after %lld s",
                        (long long) plan.timeout_s);
        break;
    case CTL_CHILD_TOO_LONG:
        ctl_step_failed(out, false, "invalid_output",
                        "the command wrote more than %u bytes",
                        CTL_TOLD_ANSWER_MAX);
        break;
    case CTL_CHILD_STOPPED:
        ctl_step_failed(out, true, "stopped", "the command was ended");
        break;
    default:
        ctl_step_failed(out, true, "exec_failed",
                        "the command could not be started");
    }
}
