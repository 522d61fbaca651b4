/*
 * The lock of a keeper that runs alone.
 */
#include "proc/keeper_alone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES 256


static bool
path_of(const struct ctl_config *config, char path[PATH_BYTES])
{
    return config->keeper_socket != NULL
           && snprintf(path, PATH_BYTES, "%s.lock", config->keeper_socket)
              < PATH_BYTES;
}


bool
ctl_keeper_alone_mark(const struct ctl_config *config, struct ctl_error *e)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char path[PATH_BYTES];
    int fd;

    if (!path_of(config, path)) {
        return true;
    }
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0 || fchmod(fd, 0644) != 0) {
        return ctl_error_internal(e, "%s: %s", path, strerror(errno));
    }

    /* it stays open, and locked with it */
    return fcntl(fd, F_SETLK, &lock) == 0
           || ctl_error_set(e, 409, "running", "%s: another keeper runs",
                            path);
}


pid_t
ctl_keeper_alone_find(const struct ctl_config *config)
{
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    char path[PATH_BYTES];
    int fd;

    if (!path_of(config, path)) {
        return 0;
    }
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return 0;
    }
    if (fcntl(fd, F_GETLK, &lock) != 0) {
        lock.l_type = F_UNLCK;
    }
    close(fd);

    return lock.l_type == F_UNLCK ? 0 : lock.l_pid;
}
