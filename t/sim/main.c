/*
 * The simulator of the money protocol: real Redis, real PostgreSQL, the
 * shipped scripts, the meter's own code, and a naive ledger that says what is
 * right.
 *
 *     sim dir=DIR super=CONNINFO runtime=CONNINFO shim=SO seed=N steps=N
 *         [shrink=SECONDS] [broken=RULE] [keep=STEP,...] [trace=1] | rules
 *
 * A run is 4,000 steps on a fresh database; run k has the seed N + k.  The
 * last line of a good run is a line of figures; a bad run prints its seed and
 * the shortest list of steps that it found, with the command that does those
 * again (`keep`), and ends with 1.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "broken.h"
#include "shrink.h"

#define SHRINK_S  120

static struct sim sim;
static struct sim_op ops[SIM_RUN_STEPS];
static uint64_t totals[SIM_N];


static bool
option_read(struct sim_options *o, const char *arg)
{
    static const char *const names[] = {"dir=", "super=", "runtime=", "shim=",
                                        "broken=", "keep="};
    const char **const texts[] = {&o->dir, &o->super, &o->runtime, &o->shim,
                                  &o->broken, &o->keep};
    static const char *const counts[] = {"seed=", "steps=", "shrink="};
    uint64_t *const numbers[] = {&o->seed, &o->steps, &o->shrink_s};
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strncmp(arg, names[i], strlen(names[i])) == 0) {
            *texts[i] = arg + strlen(names[i]);
            return true;
        }
    }
    for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        if (strncmp(arg, counts[i], strlen(counts[i])) == 0) {
            *numbers[i] = strtoull(arg + strlen(counts[i]), NULL, 10);
            return true;
        }
    }
    o->trace = strcmp(arg, "trace=1") == 0;

    return o->trace;
}


static bool
options_read(struct sim_options *o, int argc, char **argv)
{
    int i;

    *o = (struct sim_options) {.seed = 1, .steps = SIM_RUN_STEPS,
                               .shrink_s = SHRINK_S};
    for (i = 1; i < argc; i++) {
        if (!option_read(o, argv[i])) {
            return false;
        }
    }

    return o->dir != NULL && o->super != NULL && o->runtime != NULL
           && o->shim != NULL;
}


static void
rules_print(void)
{
    unsigned i;

    for (i = 0; sim_broken_name(i) != NULL; i++) {
        printf("%s\n", sim_broken_name(i));
    }
}


static void
log_to_file(const struct sim_options *o)
{
    char path[SIM_PATH];
    int fd;

    snprintf(path, sizeof(path), "%s/ctl.log", o->dir);
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd >= 0) {
        ctl_log_open("sim", fd, CTL_LOG_INFO);
    }
}


static void
figures_print(uint64_t steps)
{
    unsigned i;

    printf("%llu steps", (unsigned long long) steps);
    for (i = 0; i < SIM_N; i++) {
        printf(", %s %llu", sim_count_name(i),
               (unsigned long long) totals[i]);
    }
    printf("\n");
    fflush(stdout);
}


/* Of the steps that were drawn only those that `keep` names: "0-7,12,40-41",
 * rising. */
static unsigned
ops_keep(struct sim_op *all, unsigned n, const char *keep)
{
    unsigned long at, upto;
    unsigned kept = 0;
    char *end;

    while (*keep != '\0') {
        at = upto = strtoul(keep, &end, 10);
        if (*end == '-') {
            upto = strtoul(end + 1, &end, 10);
        }
        for ( ; at <= upto && at < n && at >= kept; at++) {
            all[kept++] = all[at];
        }
        keep = *end == ',' ? end + 1 : "";
    }

    return kept;
}


static void
command_print(uint64_t seed, unsigned n, unsigned steps)
{
    unsigned i, from;

    printf("ASGARD_SEED=%llu ASGARD_STEPS=%u ASGARD_KEEP=",
           (unsigned long long) seed, n);
    for (i = 0; i < steps; i++) {
        for (from = i; i + 1 < steps && ops[i + 1].at == ops[i].at + 1; i++) {
            /* one range */
        }
        printf(from == i ? "%s%u" : "%s%u-%u", from > 0 ? "," : "",
               ops[from].at, ops[i].at);
    }
    printf(" prove -v -It/lib t/sim/sim.t\n");
}


/* The first failure, the shortest list, and what happened in it. */
static void
failure_print(uint64_t seed, unsigned n, unsigned failed_at)
{
    unsigned steps = failed_at < n ? failed_at + 1 : n;

    printf("ASGARD_SEED=%llu step %u: %s\n", (unsigned long long) seed,
           failed_at, sim.world.why);
    fflush(stdout);
    if (sim.world.options->shrink_s > 0) {
        steps = sim_shrink(&sim, ops, steps,
                           (unsigned) sim.world.options->shrink_s);
    }
    printf("%u steps are enough:\n", steps);
    (void) sim_run(&sim, ops, steps, &failed_at, stdout);
    printf("   end  %s\n", sim.world.why);
    command_print(seed, n, steps);
    fflush(stdout);
}


int
main(int argc, char **argv)
{
    struct sim_options options;
    uint64_t done = 0, seed;
    unsigned i, n, failed_at;

    if (argc == 2 && strcmp(argv[1], "rules") == 0) {
        rules_print();
        return 0;
    }
    if (!options_read(&options, argc, argv)
        || !sim_broken_set(options.broken)
        || !sim_world_init(&sim.world, &options))
    {
        fprintf(stderr, "sim: wrong arguments; see t/sim/main.c\n");
        return 2;
    }
    log_to_file(&options);
    for (seed = options.seed; done < options.steps; seed++) {
        n = options.steps - done < SIM_RUN_STEPS
            ? (unsigned) (options.steps - done) : SIM_RUN_STEPS;
        sim_ops_draw(seed, ops, n);
        n = options.keep != NULL ? ops_keep(ops, n, options.keep) : n;
        if (!sim_run(&sim, ops, n, &failed_at,
                     options.trace ? stdout : NULL))
        {
            failure_print(seed, n, failed_at);
            return 1;
        }
        done += SIM_RUN_STEPS < options.steps - done ? SIM_RUN_STEPS
                : options.steps - done;
        for (i = 0; i < SIM_N; i++) {
            totals[i] += sim.model.counts[i];
        }
        printf("run %llu\n", (unsigned long long) seed);
        fflush(stdout);
    }
    figures_print(done);
    sim_world_finish(&sim.world);

    return 0;
}
