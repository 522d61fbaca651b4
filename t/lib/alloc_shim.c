/*
 * Memory that runs out at a chosen moment: an LD_PRELOAD library.
 *
 * ALLOC_SHIM names a file that is mapped as a struct plan.
 *
 * A program that cleans its environment, asgard-ctl, has it linked in instead
 * and the file beside itself, with ".alloc" behind the name.
 */
#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim_plan.h"

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *at, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static struct plan *plan;
static int64_t born;                    /* the plan's pid, if it meant the
                                         * children that were to come */


static const char *
shim_path(void)
{
    static const char behind[] = ".alloc";
    static char path[4096];
    const char *given = getenv("ALLOC_SHIM");
    ssize_t n;

    if (given != NULL) {
        return given;
    }
    n = readlink("/proc/self/exe", path, sizeof(path) - sizeof(behind));
    memcpy(path + (n < 0 ? 0 : n), behind, sizeof(behind));

    return path;
}


__attribute__((constructor)) static void
shim_map(void)
{
    plan = plan_map(shim_path());
    if (plan != NULL && atomic_load(&plan->pid) < 0
        && (-atomic_load(&plan->pid) & INT32_MAX) == getppid())
    {
        born = atomic_load(&plan->pid);
    }
}


static int
shim_is_meant(const void *caller)
{
    int64_t pid = atomic_load(&plan->pid);
    int others = plan->from[0] == '!';
    struct dl_find_object in;           /* dladdr() searches all symbols */

    if (pid != 0 && pid != getpid() && (pid > 0 || pid != born)) {
        return 0;
    }
    if (plan->from[others] == '\0') {
        return 1;
    }
    if (_dl_find_object((void *) (uintptr_t) caller, &in) != 0) {
        return others;
    }

    return (strstr(in.dlfo_link_map->l_name, plan->from + others) == NULL)
           == others;
}


#define SHIM_FAILS() shim_fails(__builtin_return_address(0))

static int
shim_fails(const void *caller)
{
    if (plan == NULL || atomic_load(&plan->left) == 0 || !shim_is_meant(caller)
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
