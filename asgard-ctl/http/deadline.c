/*
 * Sockets with a deadline.
 */
#include "http/deadline.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"


struct ctl_deadline
ctl_deadline_in(int ms)
{
    return (struct ctl_deadline) {ctl_clock_ms() + ms};
}


int64_t
ctl_deadline_left_ms(const struct ctl_deadline *by)
{
    return by->at_ms - ctl_clock_ms();
}


static bool
is_ready(const struct ctl_deadline *by, int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    int64_t left;
    int n;

    do {
        left = ctl_deadline_left_ms(by);
        n = left > 0 ? poll(&p, 1, (int) left) : 0;
    } while (n < 0 && errno == EINTR);

    return n > 0;
}


static bool
is_passing(ssize_t n)
{
    return n < 0 && (errno == EINTR || errno == EAGAIN);
}


bool
ctl_deadline_read(const struct ctl_deadline *by, int fd, char *out,
    size_t len)
{
    ssize_t n;

    while (len > 0) {
        if (!is_ready(by, fd, POLLIN)) {
            return false;
        }
        n = recv(fd, out, len, 0);
        if (n > 0) {
            out += n;
            len -= (size_t) n;
        } else if (!is_passing(n)) {
            return false;
        }
    }

    return true;
}


bool
ctl_deadline_write(const struct ctl_deadline *by, int fd, const char *data,
    size_t len)
{
    ssize_t n;

    while (len > 0) {
        if (!is_ready(by, fd, POLLOUT)) {
            return false;
        }
        n = send(fd, data, len, MSG_NOSIGNAL);
        if (n > 0) {
            data += n;
            len -= (size_t) n;
        } else if (!is_passing(n)) {
            return false;
        }
    }

    return true;
}
