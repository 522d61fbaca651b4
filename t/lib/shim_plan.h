/*
 * Which allocation fails: a file that is mapped, so that a test arms a running
 * process by writing it.
 */
#ifndef SHIM_PLAN_H
#define SHIM_PLAN_H

#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

struct plan {
    _Atomic int64_t left;               /* the n-th from now fails; 0: none;
                                         * below 0: each (of a slab) */
    _Atomic int64_t failed;             /* how many did */
    _Atomic int64_t pid;                /* only of this process; 0: of all;
                                         * below 0: of the programs that its
                                         * children begin from now on, in the
                                         * low 31 bits; in the others a number
                                         * that is another each time */
    char from[64];                      /* only of the library so named; with a
                                         * '!' before the name of all others */
};


/* NULL: nothing fails. */
static inline struct plan *
plan_map(const char *path)
{
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *at;

    if (fd < 0) {
        return NULL;
    }
    at = mmap(NULL, sizeof(struct plan), PROT_READ | PROT_WRITE, MAP_SHARED,
              fd, 0);
    close(fd);

    return at != MAP_FAILED ? at : NULL;
}

#endif
