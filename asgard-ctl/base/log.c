/*
 * The log of a role.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048

static struct {
    const char *role;
    int fd;
    enum ctl_log_level most;
} sink = {"asgard-ctl", STDERR_FILENO, CTL_LOG_INFO};


void
ctl_log_open(const char *role, int fd, enum ctl_log_level most)
{
    sink.role = role;
    sink.fd = fd;
    sink.most = most;
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
