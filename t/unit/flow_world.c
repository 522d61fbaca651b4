/*
 * A world for the tables of flow/: a database, a LiteLLM proxy and a clock, and
 * a keeper that does what the tables say.  The database changes at a commit, as
 * a whole; what the keeper has in memory is gone when it dies.  The proxy keeps
 * what it did.  Included by test_flow.c.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "flow/ask_state.h"
#include "flow/job_flow.h"
#include "flow/mint.h"
#include "flow/resource_state.h"

#define KEYS_MAX    8                   /* 0: none */
#define SPEND_MS    70000
#define HANDOVER_MS 300000
#define WORK_MAX    200                 /* steps, until it rests */

/* What is committed. */
struct book {
    bool is_asked, is_made, is_killed, is_asked_job, is_queued;
    enum ctl_ask_state ask;
    enum ctl_resource_state resource;
    struct ctl_job_flow job;
    enum ctl_mint_want want, queued;    /* of the job; of the one after it */
    /* progress, and the key that is handed over */
    enum ctl_mint_state kept;
    bool rotates;
    unsigned laters, chosen, old, active, nchosen;
};

struct world {
    struct book db;
    struct {
        bool there, blocked;
        unsigned made;
    } keys[KEYS_MAX];
    bool refuses, taken;                /* the proxy, whatever it is asked */
    int64_t now_ms;
    /* of the keeper */
    struct ctl_mint m;
    enum ctl_mint_act act;
    unsigned each[3], at;
    bool is_in_step, has_died;
    /* somebody dies before or after an action, from 1; 0: never */
    struct {
        unsigned action;
        bool after;
    } dies[2];
    /* one call has an answer of its own, whatever the proxy has done */
    unsigned fails_at;
    enum ctl_mint_event fails;
    bool is_retried;
    unsigned actions;
};

static const enum ctl_resource_event events[] = {
    [CTL_MINT_WANT_KEY] = CTL_RESOURCE_APPLY,
    [CTL_MINT_WANT_BLOCKED] = CTL_RESOURCE_SUSPEND,
    [CTL_MINT_WANT_UNBLOCKED] = CTL_RESOURCE_RESUME,
    [CTL_MINT_WANT_NONE] = CTL_RESOURCE_DESTROY
};
static const struct ctl_job_policy policy = {5, 60000, 3600000};

static bool happens(struct world *w, enum ctl_job_event event, int64_t pause_ms)
{
    return ctl_job_take(&w->db.job, event, w->now_ms, pause_ms, &policy, 0);
}

static bool is_busy(const struct world *w)
{
    return w->db.is_made && ctl_job_is_live(w->db.job.state);
}

/* --- deaths --- */

static bool is_end(const struct world *w, bool after)
{
    return (w->dies[0].action == w->actions && w->dies[0].after == after)
           || (w->dies[1].action == w->actions && w->dies[1].after == after);
}

/* What overtook a job that is over is the job. */
static void job_over(struct world *w)
{
    if (!ctl_job_is_live(w->db.job.state) && w->db.is_queued) {
        w->db.is_queued = false;
        w->db.want = w->db.queued;
        w->db.job = (struct ctl_job_flow) {.state = CTL_JOB_READY,
                                           .run_at_ms = w->now_ms};
    }
}

/* Its lease ends, and the job is ready again. */
static void keeper_die(struct world *w)
{
    w->m = (struct ctl_mint) {.state = CTL_MINT_START};
    w->act = CTL_MINT_NOTHING;
    w->is_in_step = false;
    w->has_died = true;
    if (w->db.job.state == CTL_JOB_RUNNING) {
        assert_true(w->db.job.lease_until_ms <= w->now_ms + CTL_JOB_LEASE_MS);
        w->now_ms = w->db.job.lease_until_ms;
        assert_true(happens(w, CTL_JOB_LOSE, 0));
        job_over(w);
    }
}

/* --- what people do: each is one transaction --- */

/* False: it is refused. */
static bool work_want(struct world *w, enum ctl_mint_want want, bool is_asked)
{
    bool busy = is_busy(w);

    if (want == CTL_MINT_WANT_NEW) {
        if (w->db.resource != CTL_RESOURCE_PROVISIONED
            || (busy && w->db.want == want))
        {
            return false;
        }
    } else if (w->db.is_made
               && !ctl_resource_step(w->db.resource, events[want],
                                     &w->db.resource))
    {
        return false;
    }
    if (!is_asked && w->db.is_asked && w->db.is_asked_job && busy
        && w->db.ask == CTL_ASK_APPROVED)
    {
        assert_true(ctl_ask_step(w->db.ask, CTL_ASK_CANCEL, &w->db.ask));
    }
    w->db.is_made = true;
    if (busy) {
        assert_true(happens(w, CTL_JOB_OVERTAKE, 0));
    }
    if (busy && is_busy(w)) {
        w->db.is_queued = true;
        w->db.queued = want;
    } else {
        w->db.job = (struct ctl_job_flow) {.state = CTL_JOB_READY,
                                           .run_at_ms = w->now_ms};
        w->db.want = want;
    }
    w->db.is_asked_job = is_asked;

    return true;
}

static bool ask_hear(struct world *w, enum ctl_ask_event event)
{
    bool working = w->db.is_asked_job && is_busy(w);

    if (!w->db.is_asked || (event == CTL_ASK_CANCEL && working)
        || !ctl_ask_step(w->db.ask, event, &w->db.ask))
    {
        return false;
    }
    if (w->db.ask == CTL_ASK_APPROVED) {
        assert_true(work_want(w, CTL_MINT_WANT_KEY, true));
    }

    return true;
}

/* What the project wants of a resource that rests. */
static void resource_follow(struct world *w)
{
    enum ctl_resource_event event;

    if (w->db.is_made && ctl_resource_due(w->db.resource, w->db.is_killed,
                                          false, &event))
    {
        assert_true(work_want(w, event == CTL_RESOURCE_SUSPEND
            ? CTL_MINT_WANT_BLOCKED : CTL_MINT_WANT_UNBLOCKED, false));
    }
}

static bool kill_set(struct world *w, bool to)
{
    if (w->db.is_killed == to) {
        return false;
    }
    w->db.is_killed = to;
    resource_follow(w);

    return true;
}

static bool retry(struct world *w)
{
    bool bad = ctl_job_is_bad(w->db.job.state);
    bool stops = w->db.want == CTL_MINT_WANT_NONE
                 || w->db.want == CTL_MINT_WANT_BLOCKED;

    if (!w->db.is_made || (w->db.is_killed && !stops)
        || !happens(w, CTL_JOB_REARM, 0))
    {
        return false;
    }
    if (bad && w->db.want != CTL_MINT_WANT_NEW) {
        assert_true(ctl_resource_step(w->db.resource, events[w->db.want],
                                      &w->db.resource));
    }

    return true;
}

/* --- the proxy --- */

static enum ctl_mint_event there(const struct world *w, unsigned key)
{
    return w->keys[key].there ? CTL_MINT_OK : CTL_MINT_ABSENT;
}

static enum ctl_mint_event make(struct world *w, unsigned key)
{
    if (w->refuses || w->taken || w->keys[key].there) {
        return w->refuses ? CTL_MINT_REFUSED : CTL_MINT_TAKEN;
    }
    if (++w->keys[key].made > 1) {
        fail_msg("key %u is made twice", key);
    }
    w->keys[key].there = true;

    return CTL_MINT_OK;
}

static enum ctl_mint_event gone(struct world *w, unsigned key)
{
    enum ctl_mint_event was = there(w, key);

    w->keys[key].there = w->keys[key].blocked = false;

    return was;
}

static enum ctl_mint_event block(struct world *w, unsigned key, bool to)
{
    w->keys[key].blocked = to && w->keys[key].there;

    return there(w, key);
}

/* What the proxy does of it, and says. */
static enum ctl_mint_event call(struct world *w)
{
    const struct book *db = &w->db;

    switch (w->act) {
    case CTL_MINT_ASK_READY:
        return CTL_MINT_OK;
    case CTL_MINT_FIND_NEW:
        return block(w, db->chosen, false);
    case CTL_MINT_UPDATE_NEW:
        return there(w, db->chosen);
    case CTL_MINT_GENERATE:
        return make(w, db->chosen);
    case CTL_MINT_DELETE_NEW:
        return gone(w, db->chosen);
    case CTL_MINT_FIND_OLD:
        return there(w, db->old != 0 ? db->old : db->active);
    case CTL_MINT_UPDATE_OLD:
        return there(w, db->old);
    case CTL_MINT_BLOCK_OLD:
        return block(w, db->old, true);
    case CTL_MINT_DELETE_OLD:
        return gone(w, db->old);
    case CTL_MINT_DELETE_EACH:
        return gone(w, w->each[w->at++]);
    case CTL_MINT_BLOCK_EACH:
        return block(w, w->each[w->at++], true);
    case CTL_MINT_UNBLOCK_ACTIVE:
        return block(w, db->active, false);
    default:
        return there(w, db->active);
    }
}

/* --- the keeper --- */

static void each_add(struct world *w, unsigned key)
{
    unsigned i;

    for (i = 0; i < w->m.keys && w->each[i] != key; i++) { }
    if (key != 0 && i == w->m.keys) {
        w->each[w->m.keys++] = key;
    }
}

static void step_begin(struct world *w)
{
    if (w->db.job.state == CTL_JOB_READY) {
        if (w->now_ms < w->db.job.run_at_ms) {
            w->now_ms = w->db.job.run_at_ms;
        }
        assert_true(happens(w, CTL_JOB_CLAIM, 0));
    }
    w->m = (struct ctl_mint) {.rotates = w->db.rotates,
                              .laters = w->db.laters};
    w->at = 0;
    each_add(w, w->db.chosen);
    each_add(w, w->db.old);
    each_add(w, w->db.active);
    ctl_mint_enter(&w->m, w->db.want, w->db.kept, w->db.active != 0);
    w->act = ctl_mint_next(&w->m, CTL_MINT_BEGIN);
    w->is_in_step = true;
}

static void intend(struct world *w)
{
    bool both = w->m.state == CTL_MINT_SHRINK;

    w->db.old = both ? w->db.active : 0;
    w->m.rotates = both;
    if (w->db.chosen == 0) {
        w->db.chosen = ++w->db.nchosen;
        assert_true(w->db.chosen < KEYS_MAX);
    }
}

/* How the step ends, for the job. */
static enum ctl_job_event outcome(const struct world *w, int64_t *pause_ms)
{
    *pause_ms = 0;
    switch (w->act) {
    case CTL_MINT_INTEND:
    case CTL_MINT_COMMIT:
        return CTL_JOB_GO_ON;
    case CTL_MINT_WAIT_SPEND:
        *pause_ms = SPEND_MS;
        return CTL_JOB_PAUSE;
    case CTL_MINT_SOON:
        *pause_ms = CTL_MINT_SOON_MS;
        return CTL_JOB_PAUSE;
    case CTL_MINT_LATER:
        *pause_ms = CTL_MINT_LATER_MS;
        return CTL_JOB_PAUSE;
    case CTL_MINT_HAND:
        *pause_ms = HANDOVER_MS;
        return w->db.old != 0 ? CTL_JOB_PAUSE : CTL_JOB_END;
    case CTL_MINT_FAIL:
        return CTL_JOB_TRANSIENT;
    case CTL_MINT_GIVE_UP:
        return CTL_JOB_FINAL;
    default:
        return CTL_JOB_END;
    }
}

static void progress_keep(struct world *w, bool ends)
{
    if (ends) {
        w->db.kept = CTL_MINT_START;
        w->db.chosen = w->db.old = w->db.laters = 0;
        w->db.rotates = false;
        return;
    }
    if (w->m.state < CTL_MINT_CLEAR) {
        w->db.kept = w->m.state;
    }
    w->db.laters = w->m.laters;
    w->db.rotates = w->m.rotates;
}

/* What the end of a job makes of its resource and its request. */
static void job_ended(struct world *w)
{
    bool bad = ctl_job_is_bad(w->db.job.state);

    if (w->db.job.overtaken || w->db.want == CTL_MINT_WANT_NEW) {
        return;
    }
    assert_true(ctl_resource_step(w->db.resource, bad ? CTL_RESOURCE_FAIL
        : CTL_RESOURCE_DONE, &w->db.resource));
    if (!bad && w->db.is_asked_job && w->db.ask == CTL_ASK_APPROVED) {
        assert_true(ctl_ask_step(w->db.ask, CTL_ASK_FULFIL, &w->db.ask));
    }
}

/* One transaction. */
static void step_commit(struct world *w)
{
    int64_t pause_ms;
    enum ctl_job_event event = outcome(w, &pause_ms);

    if (w->act == CTL_MINT_INTEND) {
        intend(w);
    } else if (w->act == CTL_MINT_HAND) {
        w->db.active = w->db.chosen;
    }
    progress_keep(w, event == CTL_JOB_END);
    assert_true(happens(w, event, pause_ms));
    w->is_in_step = false;
    if (!ctl_job_is_live(w->db.job.state)) {
        job_ended(w);
        job_over(w);
        if (w->db.job.state == CTL_JOB_DONE) {
            resource_follow(w);
        }
    }
}

/* What a call comes to.  `told`: the answer that a scenario wants; when that is
 * a failure, the proxy has done it (`is_done`) or not. */
static enum ctl_mint_event answer(struct world *w, enum ctl_mint_event told,
    bool is_done)
{
    bool fails = told >= CTL_MINT_DENIED && told < CTL_MINT_EVENTS;
    enum ctl_mint_event event = fails && !is_done ? told : call(w);

    if (!fails && told != CTL_MINT_EVENTS && event != told) {
        fail_msg("%s is %s", ctl_mint_act_name(w->act),
                 ctl_mint_event_name(event));
    }

    return fails ? told : event;
}

/* The call fails in its own way; from then on it is another run. */
static bool call_fails(struct world *w)
{
    if (w->actions != w->fails_at || !ctl_mint_is_call(w->act)) {
        return false;
    }
    w->has_died = true;
    w->act = ctl_mint_next(&w->m, w->fails);
    assert_int_not_equal(w->act, CTL_MINT_NOTHING);

    return true;
}

/* One call, or the commit.  `told` CTL_MINT_EVENTS: as the proxy says. */
static void keeper_act(struct world *w, enum ctl_mint_event told, bool is_done)
{
    w->actions++;
    if (is_end(w, false)) {
        keeper_die(w);
        return;
    }
    if (call_fails(w)) {
        return;
    }
    if (ctl_mint_is_call(w->act)) {
        w->act = ctl_mint_next(&w->m, answer(w, told, is_done));
        assert_int_not_equal(w->act, CTL_MINT_NOTHING);
    } else {
        step_commit(w);
    }
    if (is_end(w, true)) {
        keeper_die(w);
    }
}

/* What failed by that one answer is tried again by a human, once. */
static bool is_tried_again(struct world *w)
{
    if (w->fails_at == 0 || !w->has_died || w->is_retried || !w->db.is_made
        || !ctl_job_is_bad(w->db.job.state))
    {
        return false;
    }
    w->is_retried = retry(w);

    return w->is_retried;
}

/* Until it rests. */
static void work(struct world *w)
{
    unsigned n;

    for (n = 0; (is_busy(w) || is_tried_again(w)) && n < WORK_MAX; n++) {
        if (!w->is_in_step) {
            step_begin(w);
        }
        keeper_act(w, CTL_MINT_EVENTS, false);
    }
    assert_true(n < WORK_MAX);
}

/* The sweep sees that a key is gone which should be there. */
static bool miss(struct world *w)
{
    if (is_busy(w) || w->keys[w->db.active].there
        || !ctl_resource_step(w->db.resource, CTL_RESOURCE_LOSE,
                              &w->db.resource))
    {
        return false;
    }
    w->db.job = (struct ctl_job_flow) {.state = CTL_JOB_FAILED};
    w->db.want = CTL_MINT_WANT_KEY;

    return true;
}

/* Keys that nobody knows of are found by the sweep, at last. */
static void sweep(struct world *w)
{
    unsigned i;

    for (i = 1; i < KEYS_MAX; i++) {
        if (i != w->db.active && i != w->db.chosen && i != w->db.old) {
            (void) gone(w, i);
        }
    }
}
