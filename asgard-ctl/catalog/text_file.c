/*
 * Reading a whole file.
 */
#include "catalog/text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB ((size_t) 1024 * 1024)


static bool
too_large(const char *file, size_t max, struct ctl_findings *f)
{
    return ctl_finding_error(f, file, 0, "larger than %zu MiB", max / MIB);
}


/* At most one byte more than the bound. */
static bool
bytes_read(int fd, const char *file, size_t max, struct ctl_arena *arena,
    asg_str_t *text, struct ctl_findings *f)
{
    char *bytes = ctl_arena_alloc(arena, max + 1);
    size_t len = 0;
    ssize_t n;

    if (bytes == NULL) {
        return ctl_finding_memory(f, file);
    }
    while (len <= max) {
        n = read(fd, bytes + len, max + 1 - len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return ctl_finding_error(f, file, 0, "%s", strerror(errno));
        }
        if (n == 0) {
            break;
        }
        len += (size_t) n;
    }
    *text = (asg_str_t) {bytes, len};

    return true;
}


static bool
opened_read(int fd, const char *file, size_t max, struct ctl_arena *arena,
    asg_str_t *text, struct ctl_findings *f)
{
    struct stat st;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        return ctl_finding_error(f, file, 0, "not a regular file");
    }
    if (st.st_size > (off_t) max) {
        return too_large(file, max, f);
    }

    return bytes_read(fd, file, max, arena, text, f);
}


bool
ctl_text_file_read(const char *file, size_t max, bool *missing,
    struct ctl_arena *arena, asg_str_t *text, struct ctl_findings *f)
{
    /* O_NONBLOCK: a FIFO must not hold us up */
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    bool ok;

    if (missing != NULL) {
        *missing = fd < 0 && (errno == ENOENT || errno == ENOTDIR);
    }
    if (fd < 0) {
        return missing != NULL && *missing ? false
               : ctl_finding_error(f, file, 0, "%s", strerror(errno));
    }
    ok = opened_read(fd, file, max, arena, text, f);
    close(fd);

    return ok;
}
