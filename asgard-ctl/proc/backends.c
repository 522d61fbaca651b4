/*
 * Opening the variables of the backends.
 */
#include "proc/backends.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "proc/values.h"


static bool
read_values(struct ctl_backends *b, int fd, const char *file,
    struct ctl_error *e)
{
    asg_str_t text;
    bool ok;

    if (!ctl_values_read(fd, &text, e)) {
        return false;
    }
    ok = ctl_backends_read(b, text, file, e);
    ctl_values_release(&text);

    return ok;
}


bool
ctl_backends_open(struct ctl_backends *b, const struct ctl_config *config,
    int environment_fd, struct ctl_error *e)
{
    const char *file = config->backends_env;
    bool ok;
    int fd;

    memset(b, 0, sizeof(*b));
    if (file == NULL) {
        return read_values(b, environment_fd, NULL, e);
    }
    if (access(file, F_OK) != 0 && errno == ENOENT) {
        return true;
    }
    fd = ctl_values_from_file(file, e);
    if (fd < 0) {
        return false;
    }
    ok = read_values(b, fd, file, e);
    close(fd);

    return ok;
}
