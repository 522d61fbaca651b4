/* core/route.h: in which order the candidates of a name are tried. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/route.h"

#define TURNS  1000

/* Who is first, of n candidates, over TURNS turns from `turn` on, each
 * `stride` after the last. */
static void firsts(asg_strategy_t strategy, const asg_route_candidate_t *c,
    unsigned n, uint64_t turn, uint64_t stride, unsigned *count)
{
    uint8_t order[ASG_ROUTE_MAX];

    memset(count, 0, n * sizeof(*count));
    for (unsigned i = 0; i < TURNS; i++) {
        asg_route_order(strategy, c, n, turn, 0, order);
        count[order[0]]++;
        turn += stride;
    }
}

static void every_order_names_each_candidate_once(void **state)
{
    asg_route_candidate_t c[ASG_ROUTE_MAX];
    uint8_t order[ASG_ROUTE_MAX];

    (void) state;
    srand(7);
    for (unsigned round = 0; round < 20000; round++) {
        unsigned n = 1 + (unsigned) rand() % ASG_ROUTE_MAX;
        unsigned seen = 0, live = 0, nlive;
        asg_strategy_t s = (asg_strategy_t) (rand() % ASG_STRATEGY_COUNT);

        for (unsigned i = 0; i < n; i++) {
            c[i] = (asg_route_candidate_t) {
                1 + (unsigned) rand() % ASG_ROUTE_WEIGHT_MAX,
                rand() % 3 == 0 ? UINT64_MAX : (uint64_t) rand() % 5,
                (uint64_t) rand() % 3, (uint64_t) rand() % 3,
                (uint64_t) rand(), rand() % 3 == 0};
            live += !c[i].cooled;
        }
        nlive = asg_route_order(s, c, n, (uint64_t) rand(),
                                (uint64_t) rand() % 2, order);
        assert_int_equal(nlive, live);
        for (unsigned i = 0; i < n; i++) {
            assert_true(order[i] < n);
            assert_int_equal(c[order[i]].cooled, i >= nlive);
            seen |= 1u << order[i];
        }
        assert_int_equal(seen, (1u << n) - 1);
    }
}

static void weights_share_the_turns_without_runs(void **state)
{
    const asg_route_candidate_t c[3] = {{.weight = 5}, {.weight = 1},
                                        {.weight = 2}};
    unsigned count[3], run = 0;
    uint8_t order[3];

    (void) state;
    for (uint64_t stride = 1; stride <= 5; stride++) {
        firsts(ASG_STRATEGY_WEIGHTED, c, 3, 12345, stride, count);
        assert_in_range(count[0], TURNS * 5 / 8 - 8, TURNS * 5 / 8 + 8);
        assert_in_range(count[1], TURNS / 8 - 8, TURNS / 8 + 8);
        assert_in_range(count[2], TURNS / 4 - 8, TURNS / 4 + 8);
    }
    for (uint64_t turn = 0; turn < TURNS; turn++) {
        asg_route_order(ASG_STRATEGY_WEIGHTED, c, 3, turn, 0, order);
        run = order[0] == 0 ? run + 1 : 0;
        assert_in_range(run, 0, 5);
    }
}

/* `even` is called once for every `stride` calls in all. */
static void other_names_do_not_take_the_turns_of_a_name(void **state)
{
    const asg_route_candidate_t c[2] = {{.weight = 1}, {.weight = 1}};
    const unsigned strides[] = {13, 21, 34};
    unsigned even = asg_route_counter(ASG_STR("even"));
    unsigned busy = asg_route_counter(ASG_STR("busy"));

    (void) state;
    assert_true(even < ASG_ROUTE_TURNS && busy < ASG_ROUTE_TURNS);
    for (size_t s = 0; s < sizeof(strides) / sizeof(*strides); s++) {
        uint64_t turns[ASG_ROUTE_TURNS] = {0};
        unsigned run = 0, last = 2;
        uint8_t order[2];

        for (unsigned i = 0; i < TURNS; i++) {
            asg_route_order(ASG_STRATEGY_WEIGHTED, c, 2, turns[even]++, 0,
                            order);
            run = order[0] == last ? run + 1 : 1;
            last = order[0];
            assert_in_range(run, 1, 2);
            turns[busy] += strides[s] - 1;
        }
    }
}

static void two_of_one_weight_take_turns(void **state)
{
    const asg_route_candidate_t c[2] = {{.weight = 1}, {.weight = 1}};
    unsigned count[2];

    (void) state;
    firsts(ASG_STRATEGY_WEIGHTED, c, 2, 0, 1, count);
    assert_in_range(count[0], TURNS / 2 - 3, TURNS / 2 + 3);
}

static void a_cooled_one_gives_its_turns_to_the_others(void **state)
{
    const asg_route_candidate_t c[3] = {{.weight = 1},
        {.weight = 1000, .cooled = true}, {.weight = 1}};
    unsigned count[3];

    (void) state;
    firsts(ASG_STRATEGY_WEIGHTED, c, 3, 99, 1, count);
    assert_int_equal(count[1], 0);
    assert_in_range(count[0], TURNS / 2 - 5, TURNS / 2 + 5);
}

static void ordered_is_as_written(void **state)
{
    const asg_route_candidate_t c[3] = {{.weight = 1}, {.weight = 900},
                                        {.weight = 5}};
    uint8_t order[3];

    (void) state;
    for (uint64_t turn = 0; turn < 50; turn++) {
        assert_int_equal(asg_route_order(ASG_STRATEGY_ORDERED, c, 3, turn, 0,
                                         order), 3);
        assert_memory_equal(order, "\0\1\2", 3);
    }
}

static void least_busy_counts_calls_for_a_weight(void **state)
{
    const asg_route_candidate_t c[3] = {{.weight = 1, .busy = 2},
        {.weight = 4, .busy = 7}, {.weight = 1, .busy = 3}};
    uint8_t order[3];

    (void) state;
    for (uint64_t turn = 0; turn < 50; turn++) {
        asg_route_order(ASG_STRATEGY_LEAST_BUSY, c, 3, turn, 0, order);
        assert_memory_equal(order, "\1\0\2", 3);
    }
}

static void the_quickest_and_the_unknown_come_first(void **state)
{
    const asg_route_candidate_t c[3] = {{.weight = 1, .latency_us = 900},
        {.weight = 1, .latency_us = 0}, {.weight = 1, .latency_us = 200}};
    uint8_t order[3];

    (void) state;
    asg_route_order(ASG_STRATEGY_LOWEST_LATENCY, c, 3, 3, 0, order);
    assert_memory_equal(order, "\1\2\0", 3);
}

static void the_cheapest_comes_first_and_a_tie_is_shared(void **state)
{
    const asg_route_candidate_t c[3] = {{.weight = 1, .cost_nusd = 7},
        {.weight = 1, .cost_nusd = 3}, {.weight = 1, .cost_nusd = 3}};
    unsigned count[3];

    (void) state;
    firsts(ASG_STRATEGY_CHEAPEST, c, 3, 5, 1, count);
    assert_int_equal(count[0], 0);
    assert_in_range(count[1], TURNS / 2 - 5, TURNS / 2 + 5);
}

static void a_session_stays_and_moves_only_when_its_endpoint_goes(
    void **state)
{
    asg_route_candidate_t c[4] = {{.weight = 1, .id = 11},
        {.weight = 1, .id = 22}, {.weight = 1, .id = 33},
        {.weight = 3, .id = 44}};
    uint8_t before[4], after[4];
    unsigned count[4] = {0};

    (void) state;
    for (uint64_t session = 1; session <= 600; session++) {
        c[1].cooled = false;
        asg_route_order(ASG_STRATEGY_STICKY, c, 4, session, session, before);
        asg_route_order(ASG_STRATEGY_STICKY, c, 4, session * 7, session,
                        after);
        assert_int_equal(before[0], after[0]);
        count[before[0]]++;
        c[1].cooled = true;
        asg_route_order(ASG_STRATEGY_STICKY, c, 4, 1, session, after);
        assert_int_equal(after[0], before[0] == 1 ? before[1] : before[0]);
    }
    assert_in_range(count[0], 60, 140);
    assert_in_range(count[3], 240, 360);
}

static void without_a_session_sticky_is_weighted(void **state)
{
    const asg_route_candidate_t c[2] = {{.weight = 1, .id = 1},
                                        {.weight = 3, .id = 2}};
    unsigned count[2];

    (void) state;
    firsts(ASG_STRATEGY_STICKY, c, 2, 0, 1, count);
    assert_in_range(count[0], TURNS / 4 - 5, TURNS / 4 + 5);
}

static void each_strategy_has_a_name_that_is_read_back(void **state)
{
    asg_strategy_t s, found;

    (void) state;
    for (s = 0; s < ASG_STRATEGY_COUNT; s++) {
        assert_true(asg_strategy_parse(asg_str_z(asg_strategy_name(s)),
                                       &found));
        assert_int_equal(found, s);
    }
    assert_false(asg_strategy_parse(ASG_STR("Weighted"), &found));
    assert_false(asg_strategy_parse(ASG_STR(""), &found));
}

static void a_hash_is_never_zero_and_depends_on_every_byte(void **state)
{
    (void) state;
    assert_int_not_equal(asg_route_hash(ASG_STR("")), 0);
    assert_int_not_equal(asg_route_hash(ASG_STR("a")),
                         asg_route_hash(ASG_STR("b")));
    assert_int_not_equal(asg_route_hash((asg_str_t) {"a\0", 2}),
                         asg_route_hash(ASG_STR("a")));
    assert_int_equal(asg_route_hash(ASG_STR("session-7")),
                     asg_route_hash(ASG_STR("session-7")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_order_names_each_candidate_once),
        cmocka_unit_test(weights_share_the_turns_without_runs),
        cmocka_unit_test(other_names_do_not_take_the_turns_of_a_name),
        cmocka_unit_test(two_of_one_weight_take_turns),
        cmocka_unit_test(a_cooled_one_gives_its_turns_to_the_others),
        cmocka_unit_test(ordered_is_as_written),
        cmocka_unit_test(least_busy_counts_calls_for_a_weight),
        cmocka_unit_test(the_quickest_and_the_unknown_come_first),
        cmocka_unit_test(the_cheapest_comes_first_and_a_tie_is_shared),
        cmocka_unit_test(a_session_stays_and_moves_only_when_its_endpoint_goes),
        cmocka_unit_test(without_a_session_sticky_is_weighted),
        cmocka_unit_test(each_strategy_has_a_name_that_is_read_back),
        cmocka_unit_test(a_hash_is_never_zero_and_depends_on_every_byte)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
