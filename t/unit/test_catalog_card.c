/* core/catalog_card.h: the price card of a model, and a project's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/catalog_card.h"

#define CARD(free, in, above)                                               \
    "{\"id\":\"m\",\"version\":2,\"free\":" free ",\"in_pusd\":" in ","       \
    "\"out_pusd\":0,\"cached_pusd\":0,\"cache_write_pusd\":0,"               \
    "\"reasoning_pusd\":0,\"request_tokens\":16,\"message_tokens\":8,"       \
    "\"tool_tokens\":64,\"image_tokens\":0,\"file_tokens\":0,"              \
    "\"audio_tokens\":0,\"above\":" above "}"
#define ABOVE(tokens)                                                       \
    "{\"tokens\":" tokens ",\"in_pusd\":9,\"out_pusd\":9,"                   \
    "\"cached_pusd\":9,\"cache_write_pusd\":9,\"reasoning_pusd\":9,"         \
    "\"cache_write_1h_pusd\":0,\"audio_in_pusd\":0,\"audio_out_pusd\":0}"
#define OWN(project, model)                                                 \
    "{\"project\":\"" project "\",\"model\":" model ",\"card\":"             \
    CARD("0", "5", "null") "}"

static asg_json_t json;
static asg_catalog_card_t card;

static asg_err_t read_card(const char *text)
{
    asg_json_begin(&json, asg_str_z(text), 1);
    card = (asg_catalog_card_t) {.free = false};
    return asg_catalog_card_read(&json, NULL, &card);
}

static void a_card_is_read_with_its_tier_or_without(void **state)
{
    (void) state;
    assert_int_equal(read_card(CARD("0", "5", "null")), ASG_OK);
    assert_true(asg_str_eq_z(card.id, "m"));
    assert_int_equal(card.version, 2);
    assert_int_equal(card.card.rates.base.in_pusd, 5);
    assert_int_equal(card.card.rates.above_tokens, 0);
    assert_int_equal(read_card(CARD("0", "5", ABOVE("1000"))), ASG_OK);
    assert_int_equal(card.card.rates.above_tokens, 1000);
    assert_int_equal(card.card.rates.above.in_pusd, 9);
}

static void nothing_is_free_by_an_omission(void **state)
{
    (void) state;
    assert_int_equal(read_card(CARD("0", "0", "null")), ASG_ERR_RANGE);
    assert_int_equal(read_card(CARD("1", "0", "null")), ASG_OK);
}

static void a_tier_that_cannot_be_is_refused(void **state)
{
    (void) state;
    assert_int_equal(read_card(CARD("0", "5", ABOVE("0"))), ASG_ERR_RANGE);
    assert_int_equal(read_card(CARD("0", "5", "{}")), ASG_ERR_MISSING);
    assert_int_equal(read_card(CARD("0", "5", "[]")), ASG_ERR_SYNTAX);
    /* dearer below than above */
    assert_int_equal(read_card(CARD("0", "10", ABOVE("1000"))),
                     ASG_ERR_RANGE);
}

static void a_projects_own_card_names_project_and_model(void **state)
{
    asg_project_card_t own;

    (void) state;
    assert_int_equal(asg_catalog_project_card_read(&json,
        ASG_STR(OWN("p1", "3")), &own), ASG_OK);
    assert_true(asg_str_eq_z(own.project, "p1"));
    assert_int_equal(own.model, 3);
    assert_int_equal(own.card.rates.base.in_pusd, 5);
    assert_int_equal(asg_catalog_project_card_read(&json,
        ASG_STR(OWN("", "3")), &own), ASG_ERR_RANGE);
    assert_int_equal(asg_catalog_project_card_read(&json,
        ASG_STR(OWN("p1", "4096")), &own), ASG_ERR_RANGE);
    assert_int_equal(asg_catalog_project_card_read(&json,
        ASG_STR("{\"project\":\"p1\",\"model\":3}"), &own), ASG_ERR_MISSING);
}

static void cards_of_projects_stand_in_order(void **state)
{
    asg_project_card_t cards[3] = {
        {.project = ASG_STR("a"), .model = 0},
        {.project = ASG_STR("b"), .model = 0},
        {.project = ASG_STR("a"), .model = 1}
    };
    asg_catalog_t c = {.cards = cards, .ncards = 3, .nmodels = 2};

    (void) state;
    assert_true(asg_catalog_project_cards_are_sorted(&c));
    c.nmodels = 1;
    assert_false(asg_catalog_project_cards_are_sorted(&c));
    c.nmodels = 2;
    cards[1].project = ASG_STR("a");
    assert_false(asg_catalog_project_cards_are_sorted(&c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_card_is_read_with_its_tier_or_without),
        cmocka_unit_test(nothing_is_free_by_an_omission),
        cmocka_unit_test(a_tier_that_cannot_be_is_refused),
        cmocka_unit_test(a_projects_own_card_names_project_and_model),
        cmocka_unit_test(cards_of_projects_stand_in_order)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
