/*
 * Delta debugging: pieces are left out, halved when nothing more can go.
 */
#include "shrink.h"

#include <stdio.h>
#include <string.h>
#include <time.h>


static double
seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);

    return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}


/* The list without `len` steps at `at`; true when it still fails, and then
 * `ops` is that list, cut after the step that failed. */
static bool
without(struct sim *s, struct sim_op *ops, unsigned *n, unsigned at,
    unsigned len)
{
    static struct sim_op rest[SIM_RUN_STEPS];
    unsigned failed_at, kept = *n - len;

    memcpy(rest, ops, at * sizeof(*ops));
    memcpy(rest + at, ops + at + len, (kept - at) * sizeof(*ops));
    if (sim_run(s, rest, kept, &failed_at, NULL)
        || strncmp(s->world.why, "sim:", 4) == 0)
    {
        return false;
    }
    *n = failed_at < kept ? failed_at : kept;
    memcpy(ops, rest, *n * sizeof(*ops));

    return true;
}


unsigned
sim_shrink(struct sim *s, struct sim_op *ops, unsigned n, unsigned seconds)
{
    double until = seconds_now() + seconds;
    unsigned at, len = n / 2 > 0 ? n / 2 : 1;
    bool shorter;

    while (n > 1 && seconds_now() < until) {
        shorter = false;
        for (at = 0; at + len <= n && seconds_now() < until; ) {
            if (without(s, ops, &n, at, len)) {
                shorter = true;
            } else {
                at += len;
            }
        }
        if (!shorter && len == 1) {
            break;
        }
        len = len > 1 ? (len + 1) / 2 : 1;
        len = len < n ? len : (n + 1) / 2;
    }

    return n;
}
