/*
 * The splice of the outgoing body.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/request.h"

#define M    "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define CHAT "\"model\":\"m\"," M

static asg_request_reader_t reader = {.seed = 1};
static asg_request_t request;
static asg_refusal_t why;

static asg_err_t scan(asg_api_t api, const char *body)
{
    return asg_request_scan(&reader, api, asg_str_z(body), &request, &why);
}

static const asg_rewrite_t usual = {
    .model = {"gpt", 3}, .user = {"proj-1", 6}, .max_tokens = 77,
    .max_tokens_field = {"max_completion_tokens", 21}, .force_usage = true,
};

static asg_splice_t splice;

static const char *spliced(const asg_rewrite_t *rewrite)
{
    static char text[8192];
    size_t len = 0;

    assert_int_equal(asg_request_splice(&request, rewrite, &splice), ASG_OK);
    for (unsigned i = 0; i < splice.npieces; i++) {
        assert_true(len + splice.piece[i].len < sizeof(text));
        memcpy(text + len, splice.piece[i].data, splice.piece[i].len);
        len += splice.piece[i].len;
    }
    assert_int_equal(len, splice.length);
    text[len] = '\0';
    return text;
}

static void check_splice(asg_api_t api, const char *body,
    const asg_rewrite_t *rewrite, const char *wanted)
{
    assert_int_equal(scan(api, body), ASG_OK);
    assert_string_equal(spliced(rewrite), wanted);
}

/* max_completion_tokens is a word of chat alone, whatever the model takes. */
static void completions_are_limited_by_max_tokens(void **state)
{
    asg_rewrite_t rewrite = usual;

    (void) state;
    rewrite.force_usage = false;
    check_splice(ASG_API_COMPLETIONS, "{\"model\":\"m\",\"prompt\":\"p\"}",
                 &rewrite, "{\"user\":\"proj-1\",\"max_tokens\":77,"
                 "\"model\":\"gpt\",\"prompt\":\"p\"}");
    check_splice(ASG_API_COMPLETIONS,
                 "{\"model\":\"m\",\"max_tokens\":900,\"prompt\":\"p\"}",
                 &rewrite, "{\"user\":\"proj-1\",\"model\":\"gpt\","
                 "\"max_tokens\":77,\"prompt\":\"p\"}");
}

static void members_are_added_in_front_when_absent(void **state)
{
    (void) state;
    check_splice(0, "{" CHAT "}", &usual,
                 "{\"user\":\"proj-1\",\"max_completion_tokens\":77,"
                 "\"stream_options\":{\"include_usage\":true},"
                 "\"model\":\"gpt\"," M "}");
}

static void rows_50_and_51_members_are_replaced_in_place(void **state)
{
    (void) state;
    check_splice(0, " {\"user\" : \"me\",\"max_tokens\":5 , \"model\" : \"m\","
                 "\"stream_options\":{\"include_usage\":false},"
                 "\"metadata\":{\"user_id\":\"me\"}," M " } ", &usual,
                 " {\"user\":\"proj-1\",\"max_completion_tokens\":77 , "
                 "\"model\" : \"gpt\","
                 "\"stream_options\":{\"include_usage\":true},"
                 "\"metadata\":{\"user_id\":\"proj-1\"}," M " } ");
}

static void removed_members_take_one_comma_along(void **state)
{
    asg_rewrite_t bare = {.model = ASG_STR("n"), .drop_stream_options = true};

    (void) state;
    check_splice(ASG_API_GATEWAY,
                 "{ \"user\":\"a\" , \"data_class\":\"public\",\"model\":\"m\""
                 " , \"safety_identifier\":\"s\" ," M
                 ", \"stream_options\" : {} }", &bare,
                 "{  \"model\":\"n\"  ," M " }");
    check_splice(ASG_API_GATEWAY,
                 "{\"data_class\":\"public\",\"safety_identifier\":\"s\"," M
                 ",\"model\":\"m\",\"user\":\"u\",\"metadata\":{\"user_id\":"
                 "\"x\"}}", &bare,
                 "{" M ",\"model\":\"n\",\"metadata\":{\"user_id\":\"\"}}");
}

static void a_removed_first_member_and_an_added_one_can_meet(void **state)
{
    (void) state;
    check_splice(ASG_API_GATEWAY,
                 "{\"safety_identifier\":\"s\",\"data_class\":\"public\"," CHAT
                 ",\"stream_options\":null,\"max_tokens\":null,"
                 "\"max_completion_tokens\":null}", &usual,
                 "{\"user\":\"proj-1\"," "\"model\":\"gpt\"," M
                 ",\"stream_options\":{\"include_usage\":true},"
                 "\"max_completion_tokens\":77}");
    check_splice(0, "{\"max_completion_tokens\":null,\"max_tokens\":3," CHAT
                 "}", &usual,
                 "{\"user\":\"proj-1\","
                 "\"stream_options\":{\"include_usage\":true},"
                 "\"max_completion_tokens\":77,\"model\":\"gpt\"," M "}");
}

static void an_embeddings_call_gets_no_output_limit(void **state)
{
    asg_rewrite_t rewrite = {.model = ASG_STR("e\"1"), .user = ASG_STR("p")};

    (void) state;
    check_splice(ASG_API_EMBEDDINGS, "{\"input\":\"x\",\"model\":\"m\"}",
                 &rewrite,
                 "{\"user\":\"p\",\"input\":\"x\",\"model\":\"e\\\"1\"}");
}

static void text_that_does_not_fit_is_refused(void **state)
{
    static char name[ASG_SPLICE_TEXT + 1];
    asg_rewrite_t rewrite = usual;

    (void) state;
    memset(name, 'x', ASG_SPLICE_TEXT);
    rewrite.model = asg_str_z(name);
    assert_int_equal(scan(0, "{" CHAT "}"), ASG_OK);
    assert_int_equal(asg_request_splice(&request, &rewrite, &splice),
                     ASG_ERR_SPACE);
}

/* --- the property: any order, any space, any subset --- */

typedef struct {
    const char *member;
    bool goes;                  /* not in the outgoing body by that text */
} choice_t;

static const choice_t choices[] = {
    {"\"model\":\"m\\u002fx\"", true}, {M, false},
    {"\"user\":\"spoof\"", true}, {"\"\\u0075ser_x\":[1,{}]", false},
    {"\"max_tokens\": 12", true}, {"\"max_completion_tokens\":null", true},
    {"\"stream\":true", false}, {"\"temperature\":0.10", false},
    {"\"stream_options\":{\"include_usage\" : false}", true},
    {"\"safety_identifier\":\"spoof\"", true},
    {"\"data_class\":\"public\"", true}, {"\"seed\":1", false},
    {"\"metadata\":{\"user_id\":\"spoof\",\"a\":\"}\"}", true},
};

#define NCHOICES (sizeof(choices) / sizeof(*choices))

static char *put_space(char *p)
{
    static const char spaces[] = " \t\n\r";

    while (rand() % 4 == 0) {
        *p++ = spaces[rand() % 4];
    }
    return p;
}

/* A body of a random subset in random order; returns the subset. */
static unsigned random_body(char *body)
{
    unsigned order[NCHOICES], chosen = (unsigned) rand() | 3;
    char *p = put_space(body);
    bool first = true;

    for (unsigned i = 0; i < NCHOICES; i++) {
        unsigned k = (unsigned) rand() % (i + 1);

        order[i] = order[k];
        order[k] = i;
    }
    *p++ = '{';
    for (unsigned i = 0; i < NCHOICES; i++) {
        if (chosen & 1u << order[i]) {
            p = put_space(p);
            if (!first) {
                *p++ = ',';
            }
            first = false;
            p = put_space(p);
            p = stpcpy(p, choices[order[i]].member);
        }
    }
    p = put_space(p);
    *p++ = '}';
    *put_space(p) = '\0';
    return chosen;
}

static void check_random_splice(const asg_rewrite_t *rewrite)
{
    static char body[4096];
    unsigned chosen;
    const char *text;

    memset(body, 0, sizeof(body));
    chosen = random_body(body);
    if (scan(ASG_API_GATEWAY, body) != ASG_OK) {
        fail_msg("%d at %s: %s", why.reason, why.param, body);
    }
    text = spliced(rewrite);
    for (unsigned i = 0; i < NCHOICES; i++) {
        if (!choices[i].goes
            && (strstr(text, choices[i].member) != NULL)
               != !!(chosen & 1u << i))
        {
            fail_msg("%s\n%s\n%s", choices[i].member, body, text);
        }
    }
    assert_null(strstr(text, "spoof"));
    if (scan(ASG_API_GATEWAY, text) != ASG_OK) {
        fail_msg("%d at %s:\n%s\n%s", why.reason, why.param, body, text);
    }
    assert_true(asg_str_eq(request.model, rewrite->model));
    assert_true(asg_str_eq(request.user, rewrite->user));
    assert_int_equal(request.max_tokens, rewrite->max_tokens);
    assert_null(request.data_class.data);
    assert_int_equal(request.include_usage, rewrite->force_usage);
    if (rewrite->drop_stream_options) {
        assert_int_equal(request.stream_options_member.end, 0);
    }
    assert_int_equal(request.stream, !!(chosen & 1u << 6));
    assert_int_equal(request.nunknown, !!(chosen & 1u << 3));
}

static void any_body_comes_out_with_the_same_members(void **state)
{
    asg_rewrite_t bare = usual;

    (void) state;
    bare.user = ASG_STR_NULL;
    bare.force_usage = false;
    bare.drop_stream_options = true;
    srand(20261121);
    for (int i = 0; i < 20000; i++) {
        check_random_splice(&usual);
        check_random_splice(&bare);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(completions_are_limited_by_max_tokens),
        cmocka_unit_test(members_are_added_in_front_when_absent),
        cmocka_unit_test(rows_50_and_51_members_are_replaced_in_place),
        cmocka_unit_test(removed_members_take_one_comma_along),
        cmocka_unit_test(a_removed_first_member_and_an_added_one_can_meet),
        cmocka_unit_test(an_embeddings_call_gets_no_output_limit),
        cmocka_unit_test(text_that_does_not_fit_is_refused),
        cmocka_unit_test(any_body_comes_out_with_the_same_members),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
