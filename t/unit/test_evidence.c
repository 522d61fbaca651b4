/*
 * The join of evidence: any order and any number of repetitions of the same
 * events give one balance, and the entries sum to it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "flow/evidence.h"

#define EVENTS 6

struct books {
    struct ctl_evidence_hold hold;
    asg_nusd_t sum;
    unsigned firsts;
    enum ctl_evidence_entry first;
};

#define HELD   70

static void feed(struct books *b, char verb, asg_nusd_t amount)
{
    struct ctl_evidence_change change;
    struct ctl_evidence event;

    assert_true(ctl_evidence_of_verb(verb, amount, &event));
    ctl_evidence_join(&b->hold, &event, HELD, &change);
    if (change.entry == CTL_ENTRY_NONE) {
        assert_int_equal(change.delta_nusd, 0);
        return;
    }
    b->sum += change.delta_nusd;
    if (change.entry != CTL_ENTRY_ADJUST) {
        b->firsts++;
        b->first = change.entry;
    }
}

static struct books books_of(const char *verbs, const asg_nusd_t *amounts)
{
    struct books b;

    memset(&b, 0, sizeof(b));
    for (size_t i = 0; verbs[i] != '\0'; i++) {
        feed(&b, verbs[i], amounts[i]);
    }
    return b;
}

static void expect(const char *verbs, const asg_nusd_t *amounts,
    asg_nusd_t balance, unsigned firsts, const char *state)
{
    struct books b = books_of(verbs, amounts);

    assert_int_equal(b.hold.best.amount_nusd, balance);
    assert_int_equal(b.sum, balance);
    assert_int_equal(b.firsts, firsts);
    assert_string_equal(ctl_evidence_state(&b.hold), state);
}

#define AMOUNTS(...) ((const asg_nusd_t[]) {__VA_ARGS__})

static void a_settle_is_charged_once(void **state)
{
    (void) state;
    expect("s", AMOUNTS(80), 80, 1, "settled");
    expect("ss", AMOUNTS(80, 80), 80, 1, "settled");
    expect("s", AMOUNTS(0), 0, 1, "settled");
}

static void a_void_costs_nothing_and_has_no_entry(void **state)
{
    (void) state;
    expect("v", AMOUNTS(70), 0, 0, "voided");
    expect("vv", AMOUNTS(0, 0), 0, 0, "voided");
    expect("vx", AMOUNTS(0, 100), 0, 0, "voided");
    expect("ve", AMOUNTS(0, 30), 0, 0, "voided");
}

static void a_void_after_expiry_refunds(void **state)
{
    (void) state;
    expect("xv", AMOUNTS(100, 0), 0, 1, "voided");
}

static void a_void_after_a_settle_changes_nothing(void **state)
{
    (void) state;
    expect("sv", AMOUNTS(80, 0), 80, 1, "settled");
    expect("vs", AMOUNTS(0, 80), 80, 1, "settled");
}

static void a_settle_after_expiry_corrects(void **state)
{
    struct books b = books_of("xs", AMOUNTS(100, 80));

    (void) state;
    assert_int_equal(b.first, CTL_ENTRY_UNKNOWN);
    assert_int_equal(b.sum, 80);
    expect("xs", AMOUNTS(100, 0), 0, 1, "settled");
    expect("xs", AMOUNTS(100, 130), 130, 1, "settled");
}

static void a_settle_outranks_an_estimate_of_more(void **state)
{
    (void) state;
    expect("es", AMOUNTS(100, 80), 80, 1, "settled");
    expect("se", AMOUNTS(80, 100), 80, 1, "settled");
    expect("ee", AMOUNTS(40, 60), 60, 1, "settled");
    expect("ee", AMOUNTS(60, 40), 60, 1, "settled");
}

static asg_nusd_t least(const char *verbs, const asg_nusd_t *amounts)
{
    return books_of(verbs, amounts).hold.least_nusd;
}

static void the_least_that_a_hold_stood_for_is_kept(void **state)
{
    struct ctl_evidence_hold never = {0};
    struct ctl_evidence_change change;
    struct ctl_evidence event;

    (void) state;
    assert_int_equal(least("s", AMOUNTS(30)), 30);
    assert_int_equal(least("s", AMOUNTS(90)), HELD);
    assert_int_equal(least("xs", AMOUNTS(HELD, 90)), HELD);
    assert_int_equal(least("es", AMOUNTS(20, 60)), 20);
    assert_int_equal(least("vs", AMOUNTS(0, 60)), 0);
    assert_true(ctl_evidence_of_verb('s', 60, &event));
    ctl_evidence_join(&never, &event, -1, &change);
    assert_int_equal(never.least_nusd, 0);
}

static void swap(char *verbs, asg_nusd_t *amounts, size_t i, size_t j)
{
    char v = verbs[i];
    asg_nusd_t a = amounts[i];

    verbs[i] = verbs[j];
    amounts[i] = amounts[j];
    verbs[j] = v;
    amounts[j] = a;
}

static void permute(char *verbs, asg_nusd_t *amounts, size_t from,
    asg_nusd_t balance)
{
    if (verbs[from] == '\0') {
        struct books b = books_of(verbs, amounts);

        assert_int_equal(b.hold.best.amount_nusd, balance);
        assert_int_equal(b.sum, balance);
        assert_true(b.firsts <= 1);
        return;
    }
    for (size_t i = from; verbs[i] != '\0'; i++) {
        swap(verbs, amounts, from, i);
        permute(verbs, amounts, from + 1, balance);
        swap(verbs, amounts, from, i);
    }
}

static void every_order_gives_one_balance(void **state)
{
    char verbs[] = "xesvsx";
    asg_nusd_t amounts[EVENTS] = {100, 40, 80, 0, 75, 100};
    char refund[] = "xevx";
    asg_nusd_t refunded[4] = {100, 40, 0, 100};

    (void) state;
    permute(verbs, amounts, 0, 80);
    permute(refund, refunded, 0, 0);
}

static void the_providers_record_outranks_all(void **state)
{
    char verbs[] = "xesvpp";
    asg_nusd_t amounts[EVENTS] = {100, 40, 80, 0, 30, 20};

    (void) state;
    permute(verbs, amounts, 0, 30);
}

static void an_unknown_verb_is_no_evidence(void **state)
{
    struct ctl_evidence event;

    (void) state;
    assert_false(ctl_evidence_of_verb('q', 1, &event));
    assert_false(ctl_evidence_of_verb('\0', 1, &event));
}

static void names_are_those_of_the_schema(void **state)
{
    (void) state;
    assert_string_equal(ctl_evidence_kind(CTL_ENTRY_SETTLE), "settle");
    assert_string_equal(ctl_evidence_kind(CTL_ENTRY_UNKNOWN), "unknown");
    assert_string_equal(ctl_evidence_kind(CTL_ENTRY_ADJUST), "adjust");
    assert_null(ctl_evidence_kind(CTL_ENTRY_NONE));
    assert_string_equal(ctl_evidence_cause(CTL_EVIDENCE_EXPIRY), "expiry");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_settle_is_charged_once),
        cmocka_unit_test(a_void_costs_nothing_and_has_no_entry),
        cmocka_unit_test(a_void_after_expiry_refunds),
        cmocka_unit_test(a_void_after_a_settle_changes_nothing),
        cmocka_unit_test(a_settle_after_expiry_corrects),
        cmocka_unit_test(a_settle_outranks_an_estimate_of_more),
        cmocka_unit_test(the_least_that_a_hold_stood_for_is_kept),
        cmocka_unit_test(every_order_gives_one_balance),
        cmocka_unit_test(the_providers_record_outranks_all),
        cmocka_unit_test(an_unknown_verb_is_no_evidence),
        cmocka_unit_test(names_are_those_of_the_schema),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
