/*
 * The log of a role.
 */
#include "base/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048

static struct {
    const char *role;
    int fd;
    enum ctl_log_level most;
    const char *path;                   /* NULL: no file of ours */
} sink = {"asgard-ctl", STDERR_FILENO, CTL_LOG_INFO, NULL};


void
ctl_log_open(const char *role, int fd, enum ctl_log_level most)
{
    sink.role = role;
    sink.fd = fd;
    sink.most = most;
    sink.path = NULL;
}


static int
file_open(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}


bool
ctl_log_open_file(const char *role, const char *path, enum ctl_log_level most)
{
    int fd = file_open(path);

    if (fd < 0) {
        return false;
    }
    ctl_log_open(role, fd, most);
    sink.path = path;

    return true;
}


/* Another file stands at the path, or none: it was rotated.  Threads that find
 * this at once do the same; the descriptor is never closed between. */
static void
follow_rotation(void)
{
    struct stat there, here;
    int fd;

    if (sink.path == NULL || fstat(sink.fd, &here) != 0
        || (stat(sink.path, &there) == 0 && there.st_ino == here.st_ino
            && there.st_dev == here.st_dev))
    {
        return;
    }
    fd = file_open(sink.path);
    if (fd >= 0) {
        dup3(fd, sink.fd, O_CLOEXEC);
        close(fd);
    }
}


static size_t
log_head(char *line, size_t cap, enum ctl_log_level level)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    struct timespec now;
    struct tm tm;
    char stamp[32];
    int n;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
    n = snprintf(line, cap, "%s.%03ldZ %s[%d] %s: ", stamp,
                 now.tv_nsec / 1000000, sink.role, (int) getpid(),
                 names[level]);

    return n > 0 ? (size_t) n : 0;
}


/* One message is one line: what could end it is shown as '?'. */
static void
log_write(char *line, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        if ((unsigned char) line[i] < 0x20 || line[i] == 0x7f) {
            line[i] = '?';
        }
    }
    line[len] = '\n';
    follow_rotation();
    if (write(sink.fd, line, len + 1) < 0) {
        return;                         /* nowhere left to say it */
    }
}


void
ctl_log(enum ctl_log_level level, const char *fmt, ...)
{
    char line[LINE_MAX_BYTES + 1];
    size_t len;
    va_list ap;
    int n;

    if (level > sink.most) {
        return;
    }
    len = log_head(line, LINE_MAX_BYTES, level);
    va_start(ap, fmt);
    n = vsnprintf(line + len, LINE_MAX_BYTES - len, fmt, ap);
    va_end(ap);
    if (n > 0) {
        len += (size_t) n;
    }

    log_write(line, len < LINE_MAX_BYTES ? len : LINE_MAX_BYTES - 1);
}


void
ctl_log_error(const struct ctl_error *e, const char *doing)
{
    ctl_log(CTL_LOG_ERROR, "while %s: %s %s%s%s%s%s", doing, e->code, e->text,
            e->param[0] ? " param=" : "", e->param,
            e->detail[0] ? " -- " : "", e->detail);
}
