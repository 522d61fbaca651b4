/*
 * The supervisor.
 */
#include "proc/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/config_check.h"
#include "base/log.h"
#include "core/str.h"
#include "proc/notifier.h"
#include "proc/peppers.h"
#include "proc/role.h"
#include "proc/values.h"
#include "redis/eviction.h"

#define SELF            "/proc/self/exe"
#define BACKOFF_MIN_MS  100
#define BACKOFF_MAX_MS  2000
#define STEADY_MS       10000           /* then the back-off is forgotten */
#define STOP_MS         20000
#define FD_TEXT         16
#define REDIS_MS        2000
#define ARENA_BYTES     (64u * 1024)
#define ENVIRONMENT_MAX 40              /* settings are fewer */

extern char **environ;

struct child {
    pid_t pid;                          /* 0: not running */
    pid_t leaving;                      /* told to go, replaced already */
    int64_t started_ms;
    int64_t due_ms;                     /* when to start it again */
    int backoff_ms;
};

struct supervisor {
    const struct ctl_config *config;
    bool without_keeper;                /* it runs elsewhere */
    struct child child[CTL_ROLES];
    int values_fd;                      /* of the first environment */
    int peppers_fd;
    int signals;
    bool stopping;
    int64_t stop_until_ms;
};


/* What the program may keep of its environment: settings, no values. */
static void
clean_environment(char *env[ENVIRONMENT_MAX])
{
    static const char setting[] = CTL_CONFIG_ENV;
    static const char ceilings[] = CTL_CONFIG_ENV_CEILINGS "=";
    size_t n = 0;
    char **v;

    env[n++] = (char *) (uintptr_t) "PATH=/usr/local/sbin:/usr/local/bin:"
                                    "/usr/sbin:/usr/bin:/sbin:/bin";
    env[n++] = (char *) (uintptr_t) "LANG=C.UTF-8";
    for (v = environ; *v != NULL && n < ENVIRONMENT_MAX - 1; v++) {
        if (strncmp(*v, setting, sizeof(setting) - 1) == 0
            || strncmp(*v, ceilings, sizeof(ceilings) - 1) == 0)
        {
            env[n++] = *v;
        }
    }
    env[n] = NULL;
}


/* The same program, with the values at a descriptor and nothing in the
 * environment that a provider key could stand in. */
static int
reexecute(const struct ctl_config *config, bool without_keeper, int fd)
{
    char number[FD_TEXT];
    char *const argv[] = {"asgard-ctl", "-c", config->file, "--values",
                          number, "serve",
                          without_keeper ? "--without" : NULL, "keeper",
                          NULL};
    char *env[ENVIRONMENT_MAX];

    clean_environment(env);
    fcntl(fd, F_SETFD, 0);
    snprintf(number, sizeof(number), "%d", fd);
    execve(SELF, argv, env);
    ctl_log(CTL_LOG_ERROR, "cannot execute itself: %s", strerror(errno));

    return EXIT_FAILURE;
}


static int
role_secret(const struct supervisor *s, enum ctl_role role)
{
    switch (role) {
    case CTL_ROLE_KEEPER:
        return s->values_fd;
    case CTL_ROLE_API:
        return s->peppers_fd;
    default:
        return -1;
    }
}


/* In the child: the secret becomes CTL_ROLE_FD, all else is closed on exec. */
static void
child_execute(const struct supervisor *s, enum ctl_role role)
{
    char *const argv[] = {"asgard-ctl", "-c", s->config->file, "--values",
                          "3", "role",
                          (char *) (uintptr_t) ctl_role_name(role), NULL};

    _Static_assert(CTL_ROLE_FD == 3, "as the words say");
    int fd = role_secret(s, role);
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (fd == CTL_ROLE_FD) {
        fcntl(fd, F_SETFD, 0);
    } else if (fd >= 0) {
        dup2(fd, CTL_ROLE_FD);
    } else {
        close(CTL_ROLE_FD);
    }
    execv(SELF, argv);
    _exit(127);
}


static void
child_start(struct supervisor *s, enum ctl_role role)
{
    struct child *c = &s->child[role];
    pid_t pid = fork();

    if (pid == 0) {
        child_execute(s, role);
    }
    c->started_ms = ctl_clock_ms();
    c->due_ms = c->started_ms + BACKOFF_MAX_MS;
    if (pid < 0) {
        ctl_log(CTL_LOG_ERROR, "fork: %s", strerror(errno));
        return;
    }
    c->pid = pid;
    ctl_log(CTL_LOG_INFO, "%s is process %d", ctl_role_name(role), (int) pid);
}


static void
child_died(struct supervisor *s, enum ctl_role role, int status)
{
    struct child *c = &s->child[role];
    int64_t now = ctl_clock_ms();

    c->pid = 0;
    if (s->stopping) {
        return;
    }
    if (now - c->started_ms > STEADY_MS) {
        c->backoff_ms = 0;
    }
    c->backoff_ms = c->backoff_ms == 0 ? BACKOFF_MIN_MS : c->backoff_ms * 2;
    if (c->backoff_ms > BACKOFF_MAX_MS) {
        c->backoff_ms = BACKOFF_MAX_MS;
    }
    c->due_ms = now + c->backoff_ms;
    ctl_log(CTL_LOG_ERROR, "%s ended (%s %d); again in %d ms",
            ctl_role_name(role), WIFSIGNALED(status) ? "signal" : "status",
            WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
            c->backoff_ms);
}


static void
reap(struct supervisor *s)
{
    int status, i;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (i = 0; i < CTL_ROLES; i++) {
            if (s->child[i].pid == pid) {
                child_died(s, (enum ctl_role) i, status);
            } else if (s->child[i].leaving == pid) {
                s->child[i].leaving = 0;
            }
        }
    }
}


/* A new process takes over; the old one ends what it has begun. */
static void
child_replace(struct supervisor *s, enum ctl_role role)
{
    struct child *c = &s->child[role];

    if (c->leaving > 0) {
        kill(c->leaving, SIGKILL);
    }
    c->leaving = c->pid;
    c->pid = 0;
    c->backoff_ms = 0;
    if (c->leaving > 0) {
        kill(c->leaving, SIGTERM);
    }
    child_start(s, role);
}


static bool
same_values(int a, int b)
{
    struct ctl_error e;
    asg_str_t x = ASG_STR_NULL, y = ASG_STR_NULL;
    bool same = ctl_values_read(a, &x, &e) && ctl_values_read(b, &y, &e)
                && asg_str_eq_secret(x, y);

    ctl_values_release(&x);
    ctl_values_release(&y);

    return same;
}


/* The new keeper reads every file itself and tells what it refuses. */
static void
reload(struct supervisor *s)
{
    struct ctl_error e;
    int fd;

    ctl_log(CTL_LOG_INFO, "reload");
    fd = ctl_peppers_open(s->config, &e);
    if (fd < 0) {
        ctl_log_error(&e, "reading the key file");
    } else if (same_values(fd, s->peppers_fd)) {
        close(fd);
    } else {
        close(s->peppers_fd);
        s->peppers_fd = fd;
        child_replace(s, CTL_ROLE_API);
    }
    if (!s->without_keeper) {
        child_replace(s, CTL_ROLE_KEEPER);
    }
    child_replace(s, CTL_ROLE_NOTIFY);
}


static void
stop_all(struct supervisor *s, int signal_number)
{
    int i;

    for (i = 0; i < CTL_ROLES; i++) {
        if (s->child[i].pid > 0) {
            kill(s->child[i].pid, signal_number);
        }
        if (s->child[i].leaving > 0) {
            kill(s->child[i].leaving, signal_number);
        }
    }
}


static void
take_signals(struct supervisor *s)
{
    struct signalfd_siginfo info;

    while (read(s->signals, &info, sizeof(info)) == (ssize_t) sizeof(info)) {
        switch (info.ssi_signo) {
        case SIGCHLD:
            break;                      /* reaped on every turn */
        case SIGUSR1:                   /* the line is in the new file */
            ctl_log(CTL_LOG_INFO, "the log was rotated");
            break;
        case SIGHUP:
            if (!s->stopping) {
                reload(s);
            }
            break;
        default:
            s->stopping = true;
            s->stop_until_ms = ctl_clock_ms() + STOP_MS;
            stop_all(s, SIGTERM);
        }
    }
    reap(s);
}


static bool
any_alive(const struct supervisor *s)
{
    int i;

    for (i = 0; i < CTL_ROLES; i++) {
        if (s->child[i].pid > 0 || s->child[i].leaving > 0) {
            return true;
        }
    }

    return false;
}


/* Starts what is due; returns the time until the next is. */
static int
start_due(struct supervisor *s)
{
    int64_t now = ctl_clock_ms(), wait = 60000;
    int i;

    for (i = 0; i < CTL_ROLES; i++) {
        if (s->child[i].pid > 0
            || (i == CTL_ROLE_KEEPER && s->without_keeper))
        {
            continue;
        }
        if (s->child[i].due_ms <= now) {
            child_start(s, (enum ctl_role) i);
        } else if (s->child[i].due_ms - now < wait) {
            wait = s->child[i].due_ms - now;
        }
    }

    return (int) wait;
}


static int
supervise(struct supervisor *s)
{
    struct pollfd fd = {.fd = s->signals, .events = POLLIN};
    int wait;

    for ( ;; ) {
        if (s->stopping) {
            if (!any_alive(s)) {
                return EXIT_SUCCESS;
            }
            if (ctl_clock_ms() > s->stop_until_ms) {
                stop_all(s, SIGKILL);
            }
            wait = 100;
        } else {
            wait = start_due(s);
        }
        poll(&fd, 1, wait);
        take_signals(s);
    }
}


static bool
write_pid_file(const struct ctl_config *config, struct ctl_error *e)
{
    FILE *f = fopen(config->pid_file, "we");
    bool ok = f != NULL && fprintf(f, "%d\n", (int) getpid()) > 0;

    if (f != NULL && fclose(f) != 0) {
        ok = false;
    }

    return ok || ctl_error_field(e, "invalid_value", "pid_file", "%s: %s",
                                 config->pid_file, strerror(errno));
}


static int
open_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);

    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}


/* Before the clean start: the environment is kept only for a keeper that has
 * no file to read. */
static int
collect_values(const struct ctl_config *config, bool without_keeper)
{
    struct ctl_error e;
    int fd;

    fd = config->backends_env != NULL ? ctl_values_write(ASG_STR(""), &e)
                                      : ctl_values_from_environment(&e);
    if (fd < 0) {
        ctl_log_error(&e, "reading the environment");
        return EXIT_FAILURE;
    }

    return reexecute(config, without_keeper, fd);
}


/* A Redis that is away may come back, and is waited for; one that may evict
 * keys would forget money, and nothing starts on it. */
static bool
redis_is_fit(const struct ctl_config *config, struct ctl_error *e)
{
    struct ctl_redis *redis = ctl_redis_open(config->redis, REDIS_MS);
    struct ctl_arena arena;
    bool ok;

    if (redis == NULL) {
        return ctl_error_field(e, "invalid_value", "redis",
                               "%s: the setting redis is not an address",
                               config->file);
    }
    ctl_arena_init(&arena, ARENA_BYTES);
    ok = ctl_redis_check_eviction(redis, &arena, e) || e->status == 503;
    ctl_arena_reset(&arena);
    ctl_redis_close(redis);

    return ok;
}


int
ctl_supervisor_run(const struct ctl_config *config, bool without_keeper,
    int inherited_fd)
{
    struct supervisor s = {.config = config, .values_fd = inherited_fd,
                           .without_keeper = without_keeper};
    struct ctl_error e;
    int status;

    if (!ctl_config_check_start(config, &e)) {
        ctl_log_error(&e, "starting");
        return EXIT_FAILURE;
    }
    if (inherited_fd < 0) {
        return collect_values(config, without_keeper);
    }
    ctl_error_internal(&e, "the system refuses signals: %s",
                       strerror(errno));
    fcntl(inherited_fd, F_SETFD, FD_CLOEXEC);
    s.peppers_fd = ctl_peppers_open(config, &e);
    s.signals = open_signals();
    if (s.peppers_fd < 0 || s.signals < 0
        || !ctl_role_open_log(config, "supervisor", &e)
        || !redis_is_fit(config, &e)
        || !ctl_notifier_check(config, &e)
        || !write_pid_file(config, &e))
    {
        ctl_log_error(&e, "starting");
        return EXIT_FAILURE;
    }
    ctl_log(CTL_LOG_INFO, "asgard-ctl starts");
    status = supervise(&s);
    unlink(config->pid_file);
    ctl_log(CTL_LOG_INFO, "asgard-ctl has stopped");

    return status;
}
