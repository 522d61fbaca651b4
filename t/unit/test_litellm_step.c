/*
 * The connector litellm against a proxy in memory: each thing that is done with
 * a key, with every fault at every call, and every two faults.
 *
 * At each call: of the keys together no more can have been spent than was
 * approved.  At the end: one live key, which is the resource's, or none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "litellm_proxy.c"

#include <cmocka.h>

#include "connect/litellm_step.h"
#include "connect/litellm_task.h"

#define TEXT_MAX   4096
#define APPROVED   ((asg_nusd_t) 25000000000)
#define STEPS_MAX  400
#define TRIES_MAX  12
#define LAG_MS     70000

/* What the database has of the resource. */
static struct {
    char progress[TEXT_MAX], outputs[TEXT_MAX], spec[256];
    char pending[128], value[128];      /* of the secret */
    int64_t generation;
    unsigned tries;
    char code[64];                      /* of the last failure */
} db;

static asg_str_t variable(const struct ctl_connect *with, const char *name)
{
    (void) with;
    return strcmp(name, CTL_LITELLM_URL) == 0 ? ASG_STR("http://proxy/v1/")
                                              : ASG_STR("sk-master");
}

static bool secret(const struct ctl_connect *with,
    const struct ctl_step_in *in, const char *output, bool pending,
    struct ctl_secret *out, struct ctl_error *e)
{
    const char *value = pending ? db.pending : db.value;

    (void) with;
    (void) in;
    assert_string_equal(output, "api_key");
    return value[0] != '\0' ? ctl_secret_set(out, asg_str_z(value))
                            : ctl_error_set(e, 404, "secret_not_found", "no");
}

static const struct ctl_connect with = {.variable = variable,
                                        .secret = secret};

/* --- what must hold at each moment --- */

/* Clients spend with every key that works, as much as it allows. */
static void spend(void)
{
    asg_nusd_t all_nusd = proxy.gone_nusd, left;
    unsigned i;

    for (i = 0; i < proxy.nkeys; i++) {
        struct key *k = &proxy.keys[i];

        left = k->there && !k->blocked ? k->max_nusd - k->spent_nusd : 0;
        k->spent_nusd += left > 0 ? left / 3 : 0;
        all_nusd += k->there ? k->spent_nusd + (left > 0 ? left - left / 3 : 0)
                             : 0;
    }
    if (all_nusd > APPROVED) {
        fail_msg("%lld may be spent: fault %d at %u, %d at %u, %s",
                 (long long) all_nusd, proxy.plan[0].fault,
                 proxy.plan[0].call, proxy.plan[1].fault, proxy.plan[1].call,
                 db.progress);
    }
}

static void time_passes(int64_t ms)
{
    unsigned i;

    for (i = 0; i < proxy.nkeys && ms >= LAG_MS; i++) {
        proxy.keys[i].told_nusd = proxy.keys[i].spent_nusd;
    }
    if (ms > 0) {
        do_late();
    }
}

/* --- the runner --- */

static void text_keep(char *to, const char *from)
{
    if (from != NULL) {
        assert_true(strlen(from) < TEXT_MAX);
        memmove(to, from, strlen(from) + 1);
        assert_null(strstr(to, "sk-"));
    }
}

static void commit(struct ctl_step_out *out)
{
    unsigned i;

    for (i = 0; i < out->nsecrets; i++) {
        asg_str_t value = ctl_secret_view(&out->secrets[i].value);

        assert_true(out->secrets[i].pending);
        snprintf(db.pending, sizeof(db.pending), "%.*s", (int) value.len,
                 value.data);
        ctl_secret_wipe(&out->secrets[i].value);
    }
    text_keep(db.progress, out->progress != NULL ? out->progress
              : out->verdict == CTL_STEP_DONE ? "{}" : NULL);
    text_keep(db.outputs, out->outputs);
    if (out->activate && db.pending[0] != '\0')
    {
        memcpy(db.value, db.pending, sizeof(db.value));
        db.pending[0] = '\0';
    }
    assert_null(strstr(out->text, "sk-"));
    snprintf(db.code, sizeof(db.code), "%s", out->code);
}

/* One call of the step, or a death in it. */
static enum ctl_step_verdict step(enum ctl_act act)
{
    struct ctl_arena arena;
    struct ctl_step_out out = {.verdict = CTL_STEP_AGAIN};
    struct ctl_step_in in = {.arena = &arena, .action = act,
        .resource_id = "r-1", .project_id = "proj-2026-0001",
        .rtype = "litellm-key", .name = "chat", .spec = db.spec,
        .outputs = db.outputs, .config = "{}", .generation = db.generation,
        .progress = db.progress};

    ctl_arena_init(&arena, 1 << 20);
    ctl_litellm_step(&with, &in, &out);
    if (proxy.dead) {
        ctl_secret_wipe(&out.secrets[0].value);
        out = (struct ctl_step_out) {.verdict = CTL_STEP_AGAIN};
        proxy.dead = false;
    } else {
        commit(&out);
    }
    ctl_arena_reset(&arena);
    spend();
    time_passes(out.pause_ms);
    return out.verdict;
}

static enum ctl_step_verdict job(enum ctl_act act)
{
    enum ctl_step_verdict verdict = CTL_STEP_AGAIN;
    unsigned n;

    for (n = 0, db.tries = 0; n < STEPS_MAX && db.tries < TRIES_MAX; n++) {
        verdict = step(act);
        if (verdict == CTL_STEP_DONE || verdict == CTL_STEP_FINAL) {
            break;
        }
        if (verdict == CTL_STEP_TRANSIENT) {
            db.tries++;
            time_passes(60000);
        }
    }
    assert_true(n < STEPS_MAX);
    return verdict;
}

static void spec_set(const char *spec)
{
    snprintf(db.spec, sizeof(db.spec), "%s", spec);
}

static void begin(void)
{
    memset(&proxy, 0, sizeof(proxy));
    memset(&db, 0, sizeof(db));
    text_keep(db.progress, "{}");
    text_keep(db.outputs, "{}");
    spec_set("{\"max_budget_usd\": 25, \"models\": [\"chat-large\"]}");
    db.generation = 1;
}

/* --- what must hold at the end --- */

static unsigned live(void)
{
    unsigned i, n = 0;

    for (i = 0; i < proxy.nkeys; i++) {
        n += proxy.keys[i].there;
    }
    return n;
}

/* The one live key is the resource's, of the value that is read. */
static struct key *the_key(void)
{
    asg_str_t hash = asg_view_find_text(asg_str_z(db.outputs), "key_hash");
    asg_nusd_t before = -1;
    struct key *k = key_find(hash);
    char own[65];

    assert_int_equal(live(), 1);
    assert_non_null(k);
    hash_of(asg_str_z(db.value), own);
    assert_string_equal(own, k->hash);
    assert_int_equal(asg_money_parse(asg_view_find(asg_str_z(db.outputs),
        "spent_before_usd"), &before), ASG_OK);
    assert_int_equal(before + k->max_nusd, APPROVED);
    return k;
}

/* --- the flows --- */

static void flow_make(void)
{
    assert_int_equal(job(CTL_ACT_MAKE), CTL_STEP_DONE);
    assert_int_equal(the_key()->max_nusd, APPROVED);
    assert_int_equal(proxy.generated, 1);
}

static void flow_rotate(void)
{
    asg_nusd_t spent;
    char first[65];

    memcpy(first, the_key()->hash, sizeof(first));
    db.generation = 2;
    assert_int_equal(job(CTL_ACT_ROTATE), CTL_STEP_DONE);
    assert_string_not_equal(the_key()->hash, first);
    assert_int_equal(proxy.generated, 2);
    spent = proxy.gone_nusd;
    assert_true(the_key()->max_nusd <= APPROVED - spent);
}

static void flow_change(void)
{
    spec_set("{\"max_budget_usd\": 25, \"rpm_limit\": 9}");
    assert_int_equal(job(CTL_ACT_MAKE), CTL_STEP_DONE);
    the_key();
    assert_int_equal(proxy.generated, 1);
}

static void flow_kill(void)
{
    assert_int_equal(job(CTL_ACT_SUSPEND), CTL_STEP_DONE);
    assert_true(the_key()->blocked);
    assert_int_equal(job(CTL_ACT_RESUME), CTL_STEP_DONE);
    assert_false(the_key()->blocked);
}

static void flow_destroy(void)
{
    assert_int_equal(job(CTL_ACT_DESTROY), CTL_STEP_DONE);
    assert_int_equal(live(), 0);
}

/* Every fault at every call, alone and with one more after it. */
static void matrix(void (*flow)(void), bool made)
{
    unsigned calls, i, j, runs = 0;
    int a, b;

    begin();
    if (made) {
        flow_make();
    }
    i = proxy.calls;
    flow();
    calls = proxy.calls + 4;            /* a fault makes for more calls */
    for (; i < calls; i++) {
        for (a = 1; a < FAULTS; a++) {
            for (j = i + 1; j <= i + 4; j++) {
                for (b = 0; b < FAULTS; b++) {
                    begin();
                    if (made) {
                        flow_make();
                    }
                    proxy.plan[0].call = i + 1;
                    proxy.plan[0].fault = (enum fault) a;
                    proxy.plan[1].call = j + 1;
                    proxy.plan[1].fault = (enum fault) b;
                    flow();
                    runs++;
                }
            }
        }
    }
    assert_true(runs > 500);
}

static void a_key_is_minted_once_whatever_happens(void **state)
{
    (void) state;
    matrix(flow_make, false);
}

static void a_rotation_leaves_one_key_and_what_was_left(void **state)
{
    (void) state;
    matrix(flow_rotate, true);
}

static void a_change_is_made_whatever_happens(void **state)
{
    (void) state;
    matrix(flow_change, true);
}

static void a_kill_blocks_and_its_end_unblocks(void **state)
{
    (void) state;
    matrix(flow_kill, true);
}

static void nothing_is_left_of_what_is_destroyed(void **state)
{
    (void) state;
    matrix(flow_destroy, true);
}

/* A destroy in the midst of a mint or a rotation, wherever that was left. */
static void a_destroy_ends_what_was_half_done(void **state)
{
    unsigned i, n;

    (void) state;
    for (i = 0; i < 24; i++) {
        begin();
        if (i >= 8) {
            flow_make();
            db.generation = 2;
        }
        for (n = 0; n < i % 8; n++) {
            step(i >= 8 ? CTL_ACT_ROTATE : CTL_ACT_MAKE);
        }
        flow_destroy();
    }
}

/* Another spec in the midst of a rotation. */
static void a_change_ends_a_rotation_that_was_half_done(void **state)
{
    unsigned n;
    char own[65];

    (void) state;
    for (n = 0; n < 8; n++) {
        begin();
        flow_make();
        db.generation = 2;
        for (unsigned i = 0; i < n; i++) {
            step(CTL_ACT_ROTATE);
        }
        assert_int_equal(job(CTL_ACT_MAKE), CTL_STEP_DONE);
        hash_of(asg_str_z(db.value), own);      /* what is read works */
        assert_non_null(key_find(asg_str_z(own)));
        assert_true(asg_str_eq_z(asg_view_find_text(asg_str_z(db.outputs),
                                                    "key_hash"), own));
        assert_true(live() <= 2);       /* one to be swept, of a rotation */
    }
}

/* A key that got what was left has all of it in its next period. */
static void a_new_period_gives_the_whole_budget(void **state)
{
    (void) state;
    begin();
    flow_make();
    flow_rotate();
    assert_true(the_key()->max_nusd < APPROVED);
    assert_int_equal(job(CTL_ACT_MAKE), CTL_STEP_DONE);
    assert_true(the_key()->max_nusd < APPROVED);
    the_key()->period = 1;
    the_key()->spent_nusd = 0;
    proxy.gone_nusd = 0;
    assert_int_equal(job(CTL_ACT_MAKE), CTL_STEP_DONE);
    assert_int_equal(the_key()->max_nusd, APPROVED);
}

static void the_reasons_of_failures_are_told_apart(void **state)
{
    (void) state;
    begin();
    proxy.no_database = 1000;
    assert_int_equal(step(CTL_ACT_MAKE), CTL_STEP_TRANSIENT);
    assert_string_equal(db.code, "litellm_no_database");
    assert_string_equal(db.pending, "");
    begin();
    proxy.plan[0].call = 3;
    proxy.plan[0].fault = FAULT_DENIED;
    step(CTL_ACT_MAKE);
    assert_int_equal(step(CTL_ACT_MAKE), CTL_STEP_TRANSIENT);
    assert_string_equal(db.code, "litellm_denied");
    begin();
    flow_make();
    proxy.keys[0].there = false;
    assert_int_equal(step(CTL_ACT_RESUME), CTL_STEP_FINAL);
    assert_string_equal(db.code, "litellm_key_missing");
}

static void a_key_that_was_deleted_there_is_minted_anew(void **state)
{
    (void) state;
    begin();
    flow_make();
    proxy.keys[0].there = false;
    assert_int_equal(job(CTL_ACT_MAKE), CTL_STEP_DONE);
    the_key();
}

/* The reply is lost wherever a key is made; then the sweep takes the key for
 * nobody's and blocks it, before the job goes on. */
static void a_key_that_the_sweep_blocked_meanwhile_works(void **state)
{
    unsigned call, n, adopted = 0;

    (void) state;
    for (call = 1; call < 8; call++) {
        begin();
        proxy.plan[0].call = call;
        proxy.plan[0].fault = FAULT_DIES_AFTER;
        for (n = 0; n < STEPS_MAX && proxy.generated == 0; n++) {
            step(CTL_ACT_MAKE);
        }
        if (strcmp(db.outputs, "{}") != 0 || proxy.calls != call) {
            continue;                   /* it was heard of */
        }
        proxy.keys[0].blocked = true;
        assert_int_equal(job(CTL_ACT_MAKE), CTL_STEP_DONE);
        assert_false(the_key()->blocked);
        adopted++;
    }
    assert_int_equal(adopted, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_minted_once_whatever_happens),
        cmocka_unit_test(a_rotation_leaves_one_key_and_what_was_left),
        cmocka_unit_test(a_change_is_made_whatever_happens),
        cmocka_unit_test(a_kill_blocks_and_its_end_unblocks),
        cmocka_unit_test(nothing_is_left_of_what_is_destroyed),
        cmocka_unit_test(a_destroy_ends_what_was_half_done),
        cmocka_unit_test(a_change_ends_a_rotation_that_was_half_done),
        cmocka_unit_test(a_new_period_gives_the_whole_budget),
        cmocka_unit_test(the_reasons_of_failures_are_told_apart),
        cmocka_unit_test(a_key_that_was_deleted_there_is_minted_anew),
        cmocka_unit_test(a_key_that_the_sweep_blocked_meanwhile_works)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
