/*
 * Memory that runs out at a chosen moment: an LD_PRELOAD library.
 *
 * ALLOC_SHIM names a file of three native 64-bit integers.  The first: the
 * n-th allocation from now on fails, 0: none; the second counts those that
 * failed; the third names the one process that is meant, 0: all.  It is mapped,
 * so a test arms a running process by writing the file.  Only allocations of
 * the library whose name holds ALLOC_SHIM_FROM count.
 *
 * A program that cleans its environment, asgard-ctl, has it linked in instead;
 * ASGARD_CTL_ALLOC_SHIM is a name that it leaves alone.
 */
#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct plan {
    _Atomic int64_t left;
    _Atomic int64_t failed;
    _Atomic int64_t pid;
};

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *at, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static struct plan *plan;
static char from[64];                   /* nginx writes over its environment */


__attribute__((constructor)) static void
shim_map(void)
{
    const char *path = getenv("ALLOC_SHIM");
    void *at;
    int fd;

    if (path == NULL) {
        path = getenv("ASGARD_CTL_ALLOC_SHIM");
    }
    if (path == NULL) {
        return;
    }
    if (getenv("ALLOC_SHIM_FROM") != NULL) {
        snprintf(from, sizeof(from), "%s", getenv("ALLOC_SHIM_FROM"));
    }
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    at = mmap(NULL, sizeof(*plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (at != MAP_FAILED) {
        plan = at;
    }
}


static int
shim_is_meant(void)
{
    int64_t pid = atomic_load(&plan->pid);

    return pid == 0 || pid == getpid();
}


#define SHIM_FAILS() shim_fails(__builtin_return_address(0))

static int
shim_fails(const void *caller)
{
    Dl_info info;

    if (plan == NULL || atomic_load(&plan->left) == 0 || !shim_is_meant()
        || (from[0] != '\0'
            && (dladdr(caller, &info) == 0 || info.dli_fname == NULL
                || strstr(info.dli_fname, from) == NULL))
        || atomic_fetch_sub(&plan->left, 1) != 1)
    {
        return 0;
    }
    atomic_fetch_add(&plan->failed, 1);
    errno = ENOMEM;

    return 1;
}


void *
malloc(size_t size)
{
    return SHIM_FAILS() ? NULL : __libc_malloc(size);
}


void *
calloc(size_t n, size_t size)
{
    return SHIM_FAILS() ? NULL : __libc_calloc(n, size);
}


void *
realloc(void *at, size_t size)
{
    return SHIM_FAILS() ? NULL : __libc_realloc(at, size);
}


void *
memalign(size_t alignment, size_t size)
{
    return SHIM_FAILS() ? NULL : __libc_memalign(alignment, size);
}


int
posix_memalign(void **out, size_t alignment, size_t size)
{
    if (SHIM_FAILS()) {
        return ENOMEM;
    }
    *out = __libc_memalign(alignment, size);

    return *out == NULL ? ENOMEM : 0;
}
