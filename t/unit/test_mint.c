/*
 * flow/mint.h: scenarios from files; every state and event; bounds.
 *
 * A scenario: `begin STATE` begins a step (with that in the database), `> ACT
 * EVENT` is a call and what came of it, `= ACT STATE [WHY]` the end of the step
 * and what it commits, `crash STATE` a death that leaves that.
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

#include "flow/mint.h"

#define FOLDER ASG_TOP "/t/unit/scenarios"

static enum ctl_mint_event
event_of(const char *name)
{
    int i;

    for (i = 0; i < CTL_MINT_EVENTS; i++) {
        if (strcmp(ctl_mint_event_name((enum ctl_mint_event) i), name) == 0) {
            return (enum ctl_mint_event) i;
        }
    }
    fail_msg("no event %s", name);

    return CTL_MINT_EVENTS;
}


static enum ctl_mint_state
state_of(const char *name)
{
    enum ctl_mint_state state = CTL_MINT_START;

    if (!ctl_mint_state_parse(name, &state)) {
        fail_msg("no state %s", name);
    }

    return state;
}


/* `act`: what the machine wants next. */
static void
line_play(struct ctl_mint *m, enum ctl_mint_act *act, const char *at,
    const char *line)
{
    char word[32] = "", a[32] = "", b[32] = "", why[32] = "";
    int n = sscanf(line, "%31s %31s %31s %31s", word, a, b, why);

    if (strcmp(word, "rotates") == 0) {
        m->rotates = true;
    } else if (strcmp(word, "keys") == 0) {
        m->keys = (unsigned) strtoul(a, NULL, 10);
    } else if (strcmp(word, "begin") == 0 || strcmp(word, "crash") == 0) {
        m->state = state_of(a);
        *act = word[0] == 'b' ? ctl_mint_next(m, CTL_MINT_BEGIN)
                              : CTL_MINT_NOTHING;
    } else if (strcmp(word, ">") == 0) {
        if (strcmp(ctl_mint_act_name(*act), a) != 0) {
            fail_msg("%s: %s but wants %s", at, line, ctl_mint_act_name(*act));
        }
        assert_true(ctl_mint_is_call(*act));
        *act = ctl_mint_next(m, event_of(b));
    } else if (strcmp(word, "=") == 0) {
        if (strcmp(ctl_mint_act_name(*act), a) != 0
            || strcmp(ctl_mint_state_name(m->state), b) != 0
            || (n > 3 && strcmp(ctl_mint_event_name(m->why), why) != 0))
        {
            fail_msg("%s: %s but is %s %s %s", at, line,
                     ctl_mint_act_name(*act), ctl_mint_state_name(m->state),
                     ctl_mint_event_name(m->why));
        }
        assert_false(ctl_mint_is_call(*act));
    } else if (word[0] != '#' && word[0] != '\0') {
        fail_msg("%s: %s", at, line);
    }
}


static void
scenario_play(const char *name)
{
    struct ctl_mint m = {.state = CTL_MINT_START};
    enum ctl_mint_act act = CTL_MINT_NOTHING;
    char path[1024], line[256];
    FILE *file;

    snprintf(path, sizeof(path), FOLDER "/%s", name);
    file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        line_play(&m, &act, name, line);
    }
    fclose(file);
}


static void
each_scenario_goes_as_it_says(void **state)
{
    DIR *dir = opendir(FOLDER);
    struct dirent *entry;
    unsigned n = 0;

    (void) state;
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        if (strncmp(entry->d_name, "mint_", 5) == 0) {
            scenario_play(entry->d_name);
            n++;
        }
    }
    closedir(dir);
    assert_true(n >= 8);
}


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
        cmocka_unit_test(each_scenario_goes_as_it_says),
        cmocka_unit_test(every_answer_leads_on_from_every_call),
        cmocka_unit_test(a_key_is_asked_for_only_after_it_was_looked_for),
        cmocka_unit_test(waiting_ends),
        cmocka_unit_test(names_are_names)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
