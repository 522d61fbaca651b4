/*
 * Delta debugging: large pieces of the list are left out first, then whole
 * kinds of steps, then pieces of any size, halved when nothing more can go.
 */
#include "shrink.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define LARGE  8                        /* of so many pieces, or fewer */

struct shrinking {
    struct sim *sim;
    struct sim_op *ops;
    unsigned n;
    double until;
    bool ours;                          /* the failure is the simulator's own */
};


static double
seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);

    return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}


static bool
is_over(const struct shrinking *sh)
{
    return sh->n <= 1 || seconds_now() >= sh->until;
}


/* Takes `rest` when it fails too, cut after the step that failed. */
static bool
take(struct shrinking *sh, const struct sim_op *rest, unsigned kept)
{
    unsigned failed_at;

    if (sim_run(sh->sim, rest, kept, &failed_at, NULL)
        || (strncmp(sh->sim->world.why, "sim:", 4) == 0) != sh->ours)
    {
        return false;
    }
    sh->n = failed_at + 1 < kept ? failed_at + 1 : kept;
    memcpy(sh->ops, rest, sh->n * sizeof(*rest));

    return true;
}


static bool
without_piece(struct shrinking *sh, unsigned at, unsigned len)
{
    static struct sim_op rest[SIM_RUN_STEPS];
    unsigned kept = sh->n - len;

    memcpy(rest, sh->ops, at * sizeof(*rest));
    memcpy(rest + at, sh->ops + at + len, (kept - at) * sizeof(*rest));

    return take(sh, rest, kept);
}


static void
without_kind(struct shrinking *sh, unsigned kind)
{
    static struct sim_op rest[SIM_RUN_STEPS];
    unsigned i, kept = 0;

    for (i = 0; i < sh->n; i++) {
        if (sh->ops[i].kind != kind) {
            rest[kept++] = sh->ops[i];
        }
    }
    if (kept < sh->n) {
        (void) take(sh, rest, kept);
    }
}


/* From the end, so that what stays is what led there. */
static bool
without_pieces_of(struct shrinking *sh, unsigned len)
{
    unsigned at = sh->n;
    bool shorter = false;

    while (at >= len && !is_over(sh)) {
        at -= len;
        if (at + len <= sh->n && without_piece(sh, at, len)) {
            shorter = true;
        }
        at = at < sh->n ? at : sh->n;
    }

    return shorter;
}


/* Halves, and halves of these, down to pieces of `least` steps. */
static void
without_pieces(struct shrinking *sh, unsigned least)
{
    unsigned len = sh->n / 2;

    while (len >= least && !is_over(sh)) {
        if (len > sh->n / 2) {
            len = sh->n / 2;
        } else if (!without_pieces_of(sh, len)) {
            len /= 2;
        }
    }
}


unsigned
sim_shrink(struct sim *s, struct sim_op *ops, unsigned n, unsigned seconds)
{
    struct shrinking sh = {s, ops, n, seconds_now() + seconds,
                           strncmp(s->world.why, "sim:", 4) == 0};
    unsigned kind;

    without_pieces(&sh, n / LARGE + 1);
    for (kind = 0; kind < sim_kinds() && !is_over(&sh); kind++) {
        without_kind(&sh, kind);
    }
    without_pieces(&sh, 1);

    return sh.n;
}
