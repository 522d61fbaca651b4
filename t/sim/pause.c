/*
 * The clock of asgard-ctl, and its pauses.
 */
#include "pause.h"

#include <time.h>

#include "base/clock.h"

__typeof__(nanosleep) __real_nanosleep, __wrap_nanosleep;

static struct {
    const struct sim_world *world;
    sim_pause_pt meanwhile;
    void *data;
} pauses;


void
sim_pause_begin(const struct sim_world *w)
{
    pauses.world = w;
    sim_pause_set(NULL, NULL);
}


void
sim_pause_set(sim_pause_pt meanwhile, void *data)
{
    pauses.meanwhile = meanwhile;
    pauses.data = data;
}


void
sim_pause_real(void)
{
    const struct timespec pause = {0, 1000000L};

    __real_nanosleep(&pause, NULL);
}


/* Its waits end when the clock of this run says so. */
int64_t
ctl_clock_ms(void)
{
    return pauses.world != NULL ? pauses.world->pg_clock->fixed_us / 1000 : 0;
}


int
__wrap_nanosleep(const struct timespec *pause, struct timespec *left)
{
    (void) pause;
    (void) left;
    if (pauses.meanwhile != NULL) {
        pauses.meanwhile(pauses.data);
    }

    return 0;
}
