/*
 * Entering a role.
 */
#include "proc/role.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/config_check.h"
#include "base/log.h"
#include "proc/api.h"
#include "proc/keeper.h"
#include "proc/meter.h"
#include "proc/notifier.h"
#include "proc/keeper_alone.h"
#include "proc/peppers.h"
#include "proc/values.h"


static int
run_meter(const struct ctl_config *config, int secret_fd, int stop_fd)
{
    (void) secret_fd;                   /* it knows no secret */

    return ctl_meter_run(config, stop_fd);
}


/* Its secrets are in files of their own. */
static int
run_notify(const struct ctl_config *config, int secret_fd, int stop_fd)
{
    (void) secret_fd;

    return ctl_notifier_run(config, stop_fd);
}


static const struct {
    const char *name;
    int (*run)(const struct ctl_config *config, int secret_fd, int stop_fd);
} roles[CTL_ROLES] = {
    [CTL_ROLE_API] = {"api", ctl_api_run},
    [CTL_ROLE_KEEPER] = {"keeper", ctl_keeper_run},
    [CTL_ROLE_METER] = {"meter", run_meter},
    [CTL_ROLE_NOTIFY] = {"notify", run_notify}
};


const char *
ctl_role_name(enum ctl_role role)
{
    return roles[role].name;
}


bool
ctl_role_is_without_keeper(int argc, char **argv)
{
    return argc == 2 && strcmp(argv[0], "--without") == 0
           && strcmp(argv[1], "keeper") == 0;
}


int
ctl_role_stop_fd(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) {
        return -1;
    }

    return signalfd(-1, &set, SFD_CLOEXEC);
}


bool
ctl_role_open_log(const struct ctl_config *config, const char *name,
    struct ctl_error *e)
{
    if (config->log == NULL || strcmp(config->log, "stderr") == 0) {
        ctl_log_open(name, STDERR_FILENO, CTL_LOG_INFO);
        return true;
    }

    return ctl_log_open_file(name, config->log, CTL_LOG_INFO)
           || ctl_error_field(e, "invalid_value", "log", "%s: %s",
                              config->log, strerror(errno));
}


/* What its supervisor would have given it.  Values of an environment could be
 * read there as long as it runs. */
static bool
secret_take(const struct ctl_config *config, enum ctl_role role,
    struct ctl_error *e)
{
    int fd = -1;

    if (role == CTL_ROLE_KEEPER && config->backends_env == NULL) {
        return ctl_error_field(e, "missing_setting", "backends_env",
                               "%s: a keeper alone needs the setting "
                               "\"backends_env\"", config->file);
    }
    if (role == CTL_ROLE_KEEPER) {
        fd = ctl_values_write(ASG_STR(""), e);  /* it reads its file itself */
    } else if (role == CTL_ROLE_API) {
        fd = ctl_peppers_open(config, e);
    } else {
        return true;
    }

    return fd == CTL_ROLE_FD
           || (fd >= 0 && dup2(fd, CTL_ROLE_FD) == CTL_ROLE_FD
               && close(fd) == 0);
}


int
ctl_role_run(const struct ctl_config *config, const char *name, bool alone)
{
    struct ctl_error e;
    size_t i;
    int stop_fd;

    for (i = 0; i < CTL_ROLES && strcmp(roles[i].name, name) != 0; i++) { }
    if (i == CTL_ROLES) {
        fprintf(stderr, "asgard-ctl: there is no role %s\n", name);
        return EXIT_FAILURE;
    }
    if (alone
        && (!ctl_config_check_start(config, &e)
            || !secret_take(config, (enum ctl_role) i, &e)
            || (i == CTL_ROLE_KEEPER && !ctl_keeper_alone_mark(config, &e))))
    {
        fprintf(stderr, "asgard-ctl %s: %s%s\n", name, e.text, e.detail);
        return EXIT_FAILURE;
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGPIPE, SIG_IGN);
    stop_fd = ctl_role_stop_fd();
    if (stop_fd < 0 || !ctl_role_open_log(config, roles[i].name, &e)) {
        fprintf(stderr, "asgard-ctl %s: cannot start\n", name);
        return EXIT_FAILURE;
    }

    return roles[i].run(config, CTL_ROLE_FD, stop_fd);
}
