/*
 * Running a child process.
 */
#include "connect/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define POLL_MS   100                   /* until a stop is heard */
#define GRACE_MS  2000                  /* from SIGTERM to SIGKILL */
#define FDS_MAX   4096                  /* closed one by one at most */
#define FAILED    127

struct pipes {
    int in[2], out[2];
};

struct flow {
    struct ctl_child *c;
    pid_t pid;
    int in, out;                        /* -1: closed */
    size_t written;
    bool too_long;
};


static void
shut(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = -1;
}


static void
pipes_close(struct pipes *p)
{
    shut(&p->in[0]);
    shut(&p->in[1]);
    shut(&p->out[0]);
    shut(&p->out[1]);
}


/* --- the child: nothing but system calls, for other threads hold locks --- */

static void
signals_default(void)
{
    struct sigaction act;
    sigset_t none;
    int i;

    memset(&act, 0, sizeof(act));
    act.sa_handler = SIG_DFL;
    for (i = 1; i < NSIG; i++) {
        sigaction(i, &act, NULL);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}


static _Noreturn void
become(const struct ctl_child *c, const struct pipes *p, pid_t parent)
{
    int fd, null = open("/dev/null", O_WRONLY);

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || null < 0 || dup2(p->in[0], 0) < 0
        || dup2(p->out[1], 1) < 0 || dup2(null, 2) < 0 || chdir("/") != 0)
    {
        _exit(FAILED);
    }
    for (fd = 3; fd < FDS_MAX; fd++) {
        close(fd);
    }
    signals_default();
    /* execve() takes what it does not change as if it might. */
    execve(c->argv[0], (char *const *) (const void *) c->argv,
           (char *const *) (const void *) c->envp);
    _exit(FAILED);
}


/* --- the parent --- */

static bool
start(struct ctl_child *c, struct flow *f)
{
    struct pipes p = {{-1, -1}, {-1, -1}};
    pid_t parent = getpid();

    c->output = ctl_arena_alloc(c->arena, c->output_max + 1);
    if (c->input == NULL || c->output == NULL
        || pipe2(p.in, O_CLOEXEC) != 0 || pipe2(p.out, O_CLOEXEC) != 0)
    {
        pipes_close(&p);
        return false;
    }
    f->pid = fork();
    if (f->pid == 0) {
        become(c, &p, parent);
    }
    if (f->pid > 0) {
        setpgid(f->pid, f->pid);        /* whoever is first */
        f->in = p.in[1];
        f->out = p.out[0];
        p.in[1] = p.out[0] = -1;
        fcntl(f->in, F_SETFL, O_NONBLOCK);
        fcntl(f->out, F_SETFL, O_NONBLOCK);
    }
    pipes_close(&p);

    return f->pid > 0;
}


/* Who does not read what it is told is told nothing more. */
static void
tell(struct flow *f)
{
    size_t len = strlen(f->c->input);
    ssize_t n = write(f->in, f->c->input + f->written, len - f->written);

    if (n > 0) {
        f->written += (size_t) n;
    }
    if (f->written == len
        || (n < 0 && errno != EAGAIN && errno != EINTR))
    {
        shut(&f->in);
    }
}


static void
hear(struct flow *f)
{
    struct ctl_child *c = f->c;
    char extra;
    bool full = c->output_len == c->output_max;
    ssize_t n = read(f->out, full ? &extra : c->output + c->output_len,
                     full ? 1 : c->output_max - c->output_len);

    if (n > 0 && full) {
        f->too_long = true;
    } else if (n > 0) {
        c->output_len += (size_t) n;
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        shut(&f->out);
    }
}


static void
exchange(struct flow *f)
{
    struct pollfd fds[2] = {
        {.fd = f->in, .events = POLLOUT}, {.fd = f->out, .events = POLLIN}
    };

    if (poll(fds, 2, POLL_MS) <= 0) {
        return;
    }
    if (fds[0].revents != 0) {
        tell(f);
    }
    if (fds[1].revents != 0) {
        hear(f);
    }
}


/* Whether it has ended; it stays a zombie, so that its group is still its. */
static bool
has_ended(const struct flow *f)
{
    siginfo_t info;

    info.si_pid = 0;

    return waitid(P_PID, (id_t) f->pid, &info, WEXITED | WNOHANG | WNOWAIT)
           != 0 || info.si_pid == f->pid;
}


static void
group_end(struct flow *f)
{
    int64_t until_ms = ctl_clock_ms() + GRACE_MS;

    if (!has_ended(f)) {
        kill(-f->pid, SIGTERM);
    }
    while (!has_ended(f) && ctl_clock_ms() < until_ms) {
        poll(NULL, 0, POLL_MS / 4);
    }
    kill(-f->pid, SIGKILL);
    waitpid(f->pid, &f->c->status, 0);
    shut(&f->in);
    shut(&f->out);
}


enum ctl_child_end
ctl_child_run(struct ctl_child *c)
{
    struct flow f = {.c = c, .in = -1, .out = -1};
    int64_t until_ms = ctl_clock_ms() + c->timeout_ms;
    enum ctl_child_end end = CTL_CHILD_ENDED;

    if (!start(c, &f)) {
        return CTL_CHILD_UNSTARTED;
    }
    /* what it has written before it ended is still to be read */
    while (end == CTL_CHILD_ENDED && (f.out >= 0 || !has_ended(&f))) {
        if (f.out < 0) {
            poll(NULL, 0, POLL_MS / 4);
        } else {
            exchange(&f);
        }
        end = f.too_long ? CTL_CHILD_TOO_LONG
              : c->stop != NULL && atomic_load(c->stop) ? CTL_CHILD_STOPPED
              : ctl_clock_ms() > until_ms ? CTL_CHILD_LATE : CTL_CHILD_ENDED;
    }
    group_end(&f);
    c->output[c->output_len] = '\0';

    return end;
}
