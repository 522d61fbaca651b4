/* core/end_user.h: who stands behind a call, as an id. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cmocka.h>

#include "core/end_user.h"
#include "core/rkey.h"

static const uint8_t pepper[32] = {1, 2, 3};

static asg_err_t id_of(const char *project, asg_str_t said, char *out)
{
    asg_key_pads_t pads;

    asg_key_pads_init(&pads, pepper, sizeof(pepper));
    return asg_end_user_id(&pads, asg_str_z(project), said, out);
}

static void it_is_the_hmac_of_project_and_name(void **state)
{
    static const char text[] = "the end user of a project of asgard, as its "
        "client says\nproj-2026-0001\nalice@example.com";
    unsigned char mac[EVP_MAX_MD_SIZE];
    char expected[ASG_END_USER_CHARS + 1] = "eu_", out[ASG_END_USER_CHARS + 1];
    unsigned len;

    (void) state;
    assert_non_null(HMAC(EVP_sha256(), pepper, sizeof(pepper),
                         (const unsigned char *) text, sizeof(text) - 1, mac,
                         &len));
    for (int i = 0; i < 16; i++) {
        snprintf(expected + 3 + 2 * i, 3, "%02x", mac[i]);
    }
    assert_int_equal(id_of("proj-2026-0001", ASG_STR("alice@example.com"),
                           out), ASG_OK);
    assert_string_equal(out, expected);
    assert_true(asg_end_user_is_id(asg_str_z(out)));
}

static void another_project_or_name_is_another_id(void **state)
{
    char a[ASG_END_USER_CHARS + 1], b[ASG_END_USER_CHARS + 1];

    (void) state;
    assert_int_equal(id_of("proj-2026-0001", ASG_STR("alice"), a), ASG_OK);
    assert_int_equal(id_of("proj-2026-0002", ASG_STR("alice"), b), ASG_OK);
    assert_string_not_equal(a, b);
    assert_int_equal(id_of("proj-2026-0001", ASG_STR("Alice"), b), ASG_OK);
    assert_string_not_equal(a, b);
}

static void nobody_and_too_much_are_no_end_user(void **state)
{
    char out[ASG_END_USER_CHARS + 1], said[ASG_END_USER_SAID + 1];
    char project[ASG_ID_MAX + 8];

    (void) state;
    memset(said, 'a', sizeof(said));
    memset(project, 'p', sizeof(project));
    project[sizeof(project) - 1] = '\0';
    assert_int_equal(id_of("p", ASG_STR(""), out), ASG_ERR_SPACE);
    assert_int_equal(id_of("p", (asg_str_t) {said, sizeof(said)}, out),
                     ASG_ERR_SPACE);
    assert_int_equal(id_of("p", (asg_str_t) {said, sizeof(said) - 1}, out),
                     ASG_OK);
    assert_int_equal(id_of(project, ASG_STR("a"), out), ASG_ERR_SPACE);
}

static void only_ids_look_like_one(void **state)
{
    static const char *const no[] = {
        "", "eu_", "alice", "eu_0123456789abcdef0123456789abcde",
        "eu_0123456789abcdef0123456789abcdef0",
        "eu_0123456789abcdef0123456789abcdeF",
        "eu-0123456789abcdef0123456789abcdef"
    };

    (void) state;
    assert_true(asg_end_user_is_id(ASG_STR(
        "eu_0123456789abcdef0123456789abcdef")));
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        assert_false(asg_end_user_is_id(asg_str_z(no[i])));
    }
}

static void a_budget_is_named_by_project_and_end_user(void **state)
{
    char out[ASG_BUDGET_SHORT + 1];

    (void) state;
    /* as sha256sum says of "<project>/<end user>" */
    asg_end_user_budget(ASG_STR("proj-2026-0001"), ASG_STR("*"), out);
    assert_string_equal(out, "e.7db966d05738ad5a");
    asg_end_user_budget(ASG_STR("proj-2026-0001"),
                        ASG_STR("eu_0123456789abcdef0123456789abcdef"), out);
    assert_string_equal(out, "e.eca561393cc2b040");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_hmac_of_project_and_name),
        cmocka_unit_test(another_project_or_name_is_another_id),
        cmocka_unit_test(nobody_and_too_much_are_no_end_user),
        cmocka_unit_test(only_ids_look_like_one),
        cmocka_unit_test(a_budget_is_named_by_project_and_end_user)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
