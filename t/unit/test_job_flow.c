/*
 * flow/job_flow.h: scenarios from files with a clock of their own, each of them
 * also with a death at every place; every state and event; bounds.
 *
 * A scenario: `policy ATTEMPTS BASE_MS CAP_MS`, `at MS` sets the clock, `again`
 * begins with a new job, `EVENT [PAUSE_MS]` is what happens, `= STATE [run_at
 * MS] [attempt N]` what has become of the job.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flow/job_flow.h"

#define FOLDER ASG_TOP "/t/unit/scenarios"

static const char *const events[CTL_JOB_EVENTS] = {
    [CTL_JOB_CLAIM] = "claim", [CTL_JOB_END] = "end",
    [CTL_JOB_GO_ON] = "go_on", [CTL_JOB_PAUSE] = "pause",
    [CTL_JOB_TRANSIENT] = "transient", [CTL_JOB_FINAL] = "final",
    [CTL_JOB_RELEASE] = "release", [CTL_JOB_LOSE] = "lose",
    [CTL_JOB_OVERTAKE] = "overtake", [CTL_JOB_REARM] = "rearm"
};

struct play {
    struct ctl_job_flow job;
    struct ctl_job_policy policy;
    int64_t now_ms;
    unsigned line, dies_at;             /* lines from 1; 0: nobody dies */
};


static void
happen(struct play *p, enum ctl_job_event event, int64_t pause_ms,
    const char *at)
{
    if (!ctl_job_take(&p->job, event, p->now_ms, pause_ms, &p->policy, 0)) {
        fail_msg("%s:%u: %s leads nowhere", at, p->line, events[event]);
    }
}


/* Whoever has the job dies: its lease ends, and another one claims it.  What
 * was said before is kept; the clock of the scenario does not see it. */
static void
die(struct play *p, const char *at)
{
    int64_t now_ms = p->now_ms;

    if (p->job.state != CTL_JOB_RUNNING || p->job.overtaken) {
        return;
    }
    assert_true(p->job.lease_until_ms <= now_ms + CTL_JOB_LEASE_MS);
    p->now_ms = p->job.lease_until_ms;
    happen(p, CTL_JOB_LOSE, 0, at);
    assert_int_equal(p->job.state, CTL_JOB_READY);
    assert_true(p->job.run_at_ms <= p->now_ms);
    happen(p, CTL_JOB_CLAIM, 0, at);
    p->now_ms = now_ms;
}


static void
look(const struct play *p, const char *at, const char *line)
{
    char state[32] = "";
    const char *run_at = strstr(line, "run_at "), *n = strstr(line, "attempt ");

    (void) sscanf(line, "= %31s", state);
    if (strcmp(ctl_job_state_name(p->job.state), state) != 0
        || (run_at != NULL
            && strtoll(run_at + 7, NULL, 10) != p->job.run_at_ms)
        || (n != NULL && strtoul(n + 8, NULL, 10) != p->job.attempt))
    {
        fail_msg("%s:%u (a death at %u): %s but is %s run_at %lld attempt %u",
                 at, p->line, p->dies_at, line,
                 ctl_job_state_name(p->job.state),
                 (long long) p->job.run_at_ms, p->job.attempt);
    }
}


static void
line_play(struct play *p, const char *at, const char *line)
{
    long long a = 0, b = 0, c = 0;
    char word[32] = "";
    unsigned i;

    (void) sscanf(line, "%31s %lld %lld %lld", word, &a, &b, &c);
    if (word[0] == '#' || word[0] == '\0') {
        return;
    }
    if (strcmp(word, "policy") == 0) {
        p->policy = (struct ctl_job_policy) {(unsigned) a, b, c};
    } else if (strcmp(word, "at") == 0) {
        p->now_ms = a;
    } else if (strcmp(word, "again") == 0) {
        p->job = (struct ctl_job_flow) {.state = CTL_JOB_READY};
    } else if (strcmp(word, "=") == 0) {
        look(p, at, line);
    } else {
        for (i = 0; i < CTL_JOB_EVENTS && strcmp(events[i], word) != 0; i++) { }
        if (i == CTL_JOB_EVENTS) {
            fail_msg("%s:%u: no event %s", at, p->line, word);
        }
        happen(p, (enum ctl_job_event) i, a, at);
    }
}


/* The lines of the scenario. */
static unsigned
scenario_play(const char *name, unsigned dies_at)
{
    struct play p = {.job = {.state = CTL_JOB_READY}, .dies_at = dies_at};
    char path[1024], line[256];
    FILE *file;

    snprintf(path, sizeof(path), FOLDER "/%s", name);
    file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        p.line++;
        if (p.line == dies_at) {
            die(&p, name);
        }
        line_play(&p, name, line);
    }
    fclose(file);

    return p.line;
}


static void
each_scenario_goes_as_it_says_whoever_dies(void **state)
{
    DIR *dir = opendir(FOLDER);
    struct dirent *entry;
    unsigned n = 0, lines, i;

    (void) state;
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        if (strncmp(entry->d_name, "job_", 4) == 0) {
            lines = scenario_play(entry->d_name, 0);
            for (i = 1; i <= lines; i++) {
                (void) scenario_play(entry->d_name, i);
            }
            n++;
        }
    }
    closedir(dir);
    assert_true(n >= 6);
}


static void
nothing_runs_without_a_lease_or_keeps_one_after(void **state)
{
    static const struct ctl_job_policy policy = {5, 60000, 3600000};

    (void) state;
    for (int from = 0; from < CTL_JOB_STATES; from++) {
        for (int event = 0; event < CTL_JOB_EVENTS; event++) {
            struct ctl_job_flow job = {.state = (enum ctl_job_state) from};

            if (from == CTL_JOB_RUNNING) {
                job.lease_until_ms = 1;
            }
            if (!ctl_job_take(&job, (enum ctl_job_event) event, 50, 0,
                              &policy, 999))
            {
                assert_int_equal(job.state, from);
                continue;
            }
            assert_int_equal(job.lease_until_ms > 0,
                             job.state == CTL_JOB_RUNNING);
            if (from != CTL_JOB_READY && event != CTL_JOB_REARM) {
                assert_int_equal(from, CTL_JOB_RUNNING);
            }
        }
    }
}


/* Whatever happens to it, a job ends. */
static void
a_job_that_never_ends_is_ended(void **state)
{
    static const struct ctl_job_policy policy = {5, 1, 1};
    struct ctl_job_flow job = {.state = CTL_JOB_READY};
    unsigned i;

    (void) state;
    for (i = 0; i < CTL_JOB_LOST_MAX; i++) {
        assert_true(ctl_job_take(&job, CTL_JOB_CLAIM, 0, 0, &policy, 0));
        assert_true(ctl_job_take(&job, CTL_JOB_LOSE, 0, 0, &policy, 0));
    }
    assert_int_equal(job.state, CTL_JOB_DEAD);
    assert_true(ctl_job_take(&job, CTL_JOB_REARM, 0, 0, &policy, 0));
    assert_true(ctl_job_take(&job, CTL_JOB_CLAIM, 0, 0, &policy, 0));
    for (i = 0; i < CTL_JOB_STEPS_MAX && job.state == CTL_JOB_RUNNING; i++) {
        assert_true(ctl_job_take(&job, CTL_JOB_GO_ON, 0, 0, &policy, 0));
    }
    assert_int_equal(job.state, CTL_JOB_FAILED);
    assert_true(ctl_job_is_bad(job.state));
}


static void
a_back_off_is_spread_over_a_quarter(void **state)
{
    static const struct ctl_job_policy policy = {5, 60000, 3600000};
    unsigned spread;

    (void) state;
    for (spread = 0; spread < 1000; spread += 111) {
        struct ctl_job_flow job = {.state = CTL_JOB_RUNNING};

        assert_true(ctl_job_take(&job, CTL_JOB_TRANSIENT, 0, 0, &policy,
                                 spread));
        assert_in_range(job.run_at_ms, 60000, 75000);
        assert_int_equal(job.run_at_ms, 60000 + 15 * spread);
    }
    assert_int_equal(ctl_job_back_off_ms(&policy, 1000), 3600000);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_scenario_goes_as_it_says_whoever_dies),
        cmocka_unit_test(nothing_runs_without_a_lease_or_keeps_one_after),
        cmocka_unit_test(a_job_that_never_ends_is_ended),
        cmocka_unit_test(a_back_off_is_spread_over_a_quarter)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
