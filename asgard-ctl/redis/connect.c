/*
 * Connecting to Redis, with a deadline.
 */
#include "redis/connect.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"


static bool
connect_wait(int fd, int64_t until_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int64_t left = until_ms - ctl_clock_ms();
    socklen_t len = sizeof(int);
    int failed = 0;

    if (left <= 0 || poll(&p, 1, (int) left) <= 0) {
        errno = ETIMEDOUT;
        return false;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &len) != 0) {
        return false;
    }
    errno = failed;

    return failed == 0;
}


static int
connect_one(const struct sockaddr *to, socklen_t len, int64_t until_ms)
{
    int fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
                    0);
    int on = 1, why;

    if (fd < 0) {
        return -1;
    }
    if ((connect(fd, to, len) == 0
         || (errno == EINPROGRESS && connect_wait(fd, until_ms)))
        && fcntl(fd, F_SETFL, 0) == 0)
    {
        if (to->sa_family != AF_UNIX) {
            (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        }
        return fd;
    }
    why = errno;
    close(fd);
    errno = why;

    return -1;
}


static int
connect_path(const char *path, int64_t until_ms)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(to.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(to.sun_path, path, strlen(path) + 1);

    return connect_one((struct sockaddr *) &to, sizeof(to), until_ms);
}


int
ctl_redis_connect(const struct ctl_redis_address *to, int timeout_ms)
{
    const struct addrinfo want = {.ai_socktype = SOCK_STREAM};
    int64_t until_ms = ctl_clock_ms() + timeout_ms;
    struct addrinfo *all, *a;
    char port[16];
    int fd = -1;

    if (to->path != NULL) {
        return connect_path(to->path, until_ms);
    }
    snprintf(port, sizeof(port), "%d", to->port);
    if (getaddrinfo(to->host, port, &want, &all) != 0) {
        errno = EHOSTUNREACH;
        return -1;
    }
    for (a = all; a != NULL && fd < 0; a = a->ai_next) {
        fd = connect_one(a->ai_addr, a->ai_addrlen, until_ms);
    }
    freeaddrinfo(all);

    return fd;
}
