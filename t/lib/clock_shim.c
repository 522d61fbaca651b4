/*
 * Another time for one process: an LD_PRELOAD library.
 *
 * CLOCK_SHIM names a file of two native 64-bit integers, the microseconds
 * that the wall clock and the monotonic clock are ahead.  It is mapped, so a
 * test moves a clock by writing the file, at once and for every process that
 * has it.  Without the file, or before it can be mapped, time is as it is.
 */
#define _GNU_SOURCE

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct offsets {
    int64_t wall_us;
    int64_t monotonic_us;
};

static volatile struct offsets *offsets;


__attribute__((constructor)) static void
shim_map(void)
{
    const char *path = getenv("CLOCK_SHIM");
    void *at;
    int fd;

    if (path == NULL) {
        return;
    }
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    at = mmap(NULL, sizeof(*offsets), PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (at != MAP_FAILED) {
        offsets = at;
    }
}


static int64_t
shim_ahead_us(clockid_t id)
{
    if (offsets == NULL) {
        return 0;
    }
    switch (id) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
        return offsets->wall_us;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_MONOTONIC_RAW:
        return offsets->monotonic_us;
    default:
        return 0;
    }
}


int
clock_gettime(clockid_t id, struct timespec *out)
{
    int64_t ns, ahead = shim_ahead_us(id) * 1000;

    if (syscall(SYS_clock_gettime, id, out) != 0) {
        return -1;
    }
    ns = (int64_t) out->tv_sec * 1000000000 + out->tv_nsec + ahead;
    out->tv_sec = ns / 1000000000;
    out->tv_nsec = ns % 1000000000;

    return 0;
}


int
gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;

    (void) zone;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) {
        return -1;
    }
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;

    return 0;
}


time_t
time(time_t *out)
{
    struct timespec now;

    if (clock_gettime(CLOCK_REALTIME, &now) != 0) {
        return -1;
    }
    if (out != NULL) {
        *out = now.tv_sec;
    }

    return now.tv_sec;
}
