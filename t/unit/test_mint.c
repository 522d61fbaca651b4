/* flow/mint.h: every state and event; bounds (its scenarios: test_flow.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "flow/mint.h"

static void
every_answer_leads_on_from_every_call(void **state)
{
    (void) state;
    for (int from = 0; from < CTL_MINT_STATES; from++) {
        for (int event = 0; event < CTL_MINT_EVENTS; event++) {
            struct ctl_mint m = {.state = (enum ctl_mint_state) from,
                                 .keys = 2};
            enum ctl_mint_act act = ctl_mint_next(&m,
                                                  (enum ctl_mint_event) event);

            if (event == CTL_MINT_BEGIN) {
                assert_int_equal(act != CTL_MINT_NOTHING,
                                 from < CTL_MINT_COMMITTED);
                continue;
            }
            assert_int_not_equal(act, CTL_MINT_NOTHING);
            if (!ctl_mint_is_call(act)) {
                assert_true(m.state < CTL_MINT_COMMITTED);
            }
            /* nothing is handed over, or done, on doubt */
            if (event == CTL_MINT_AWAY || event == CTL_MINT_DENIED) {
                assert_true(act != CTL_MINT_HAND && act != CTL_MINT_DONE);
            }
        }
    }
}


static void
a_key_is_asked_for_only_after_it_was_looked_for(void **state)
{
    (void) state;
    for (int from = 0; from < CTL_MINT_STATES; from++) {
        for (int event = 0; event < CTL_MINT_EVENTS; event++) {
            struct ctl_mint m = {.state = (enum ctl_mint_state) from,
                                 .keys = 2};

            if (ctl_mint_next(&m, (enum ctl_mint_event) event)
                == CTL_MINT_GENERATE)
            {
                assert_int_equal(from, CTL_MINT_LOOK);
                assert_int_equal(event, CTL_MINT_ABSENT);
            }
        }
    }
}


static void
waiting_ends(void **state)
{
    struct ctl_mint m = {.state = CTL_MINT_DOUBT};
    enum ctl_mint_act act = CTL_MINT_LATER;
    unsigned n;

    (void) state;
    for (n = 0; act == CTL_MINT_LATER; n++) {
        assert_int_equal(ctl_mint_next(&m, CTL_MINT_BEGIN), CTL_MINT_FIND_NEW);
        act = ctl_mint_next(&m, CTL_MINT_AWAY);
    }
    assert_int_equal(n, CTL_MINT_LATERS + 1);
    assert_int_equal(act, CTL_MINT_FAIL);
    assert_int_equal(m.why, CTL_MINT_AWAY);
    assert_int_equal(m.state, CTL_MINT_LOOK);
    assert_int_equal(m.laters, 0);
}


static void
names_are_names(void **state)
{
    enum ctl_mint_state back = CTL_MINT_START;

    (void) state;
    for (int i = 0; i < CTL_MINT_STATES; i++) {
        bool parsed = ctl_mint_state_parse(
            ctl_mint_state_name((enum ctl_mint_state) i), &back);

        assert_int_equal(parsed, i < CTL_MINT_COMMITTED);
        assert_true(!parsed || back == (enum ctl_mint_state) i);
    }
    assert_false(ctl_mint_state_parse("", &back));
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_answer_leads_on_from_every_call),
        cmocka_unit_test(a_key_is_asked_for_only_after_it_was_looked_for),
        cmocka_unit_test(waiting_ends),
        cmocka_unit_test(names_are_names)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
