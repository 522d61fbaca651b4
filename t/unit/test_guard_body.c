/*
 * core/guard_body.h: the text of every route's body is shown to the guardrails,
 * and what they redact is gone from it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/guard_body.h"

#define PAT  "ghp_0123456789abcdefghijABCDEFGHIJ012345"

typedef struct {
    asg_api_t api;
    const char *path;
    const char *body;           /* the text stands at the percent sign */
} row_t;

#define CHAT(rest)  "{\"model\":\"m\",\"messages\":[" rest "]}"
#define CALL(rest)  "{\"model\":\"m\",\"messages\":[{\"role\":\"user\"," \
                    "\"content\":\"hi\"}]," rest "}"
#define OWN(rest)   "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[" rest "]}"
#define COUNT(rest) "{\"model\":\"m\",\"messages\":[" rest "]}"
#define OWN_MORE(rest) "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{" \
                    "\"role\":\"user\",\"content\":\"hi\"}]," rest "}"
#define BLOCK(rest) OWN("{\"role\":\"user\",\"content\":[" rest "]}")

static const row_t rows[] = {
    {ASG_API_CHAT, "messages[0].content",
     CHAT("{\"role\":\"user\",\"content\":\"%\"}")},
    {ASG_API_CHAT, "messages[0].content[1].text",
     CHAT("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},"
          "{\"type\":\"text\",\"text\":\"%\"}]}")},
    {ASG_API_CHAT, "messages[0].name",
     CHAT("{\"role\":\"user\",\"name\":\"%\",\"content\":\"a\"}")},
    {ASG_API_CHAT, "messages[1].content",
     CHAT("{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"tool\","
          "\"tool_call_id\":\"c\",\"content\":\"%\"}")},
    {ASG_API_CHAT, "messages[0].tool_calls[0].function.arguments",
     CHAT("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":"
          "\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\","
          "\"arguments\":\"{\\\"a\\\":\\\"%\\\"}\"}}]}")},
    {ASG_API_CHAT, "messages[0].function_call.arguments",
     CHAT("{\"role\":\"assistant\",\"content\":null,\"function_call\":{"
          "\"name\":\"f\",\"arguments\":\"%\"}}")},
    {ASG_API_CHAT, "messages[0].tool_calls[0].custom.input",
     CHAT("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":"
          "\"c\",\"type\":\"custom\",\"custom\":{\"name\":\"f\","
          "\"input\":\"%\"}}]}")},
    {ASG_API_CHAT, "messages[0].refusal",
     CHAT("{\"role\":\"assistant\",\"content\":\"a\",\"refusal\":\"%\"}")},
    {ASG_API_CHAT, "messages[0].reasoning_content",
     CHAT("{\"role\":\"assistant\",\"content\":\"a\","
          "\"reasoning_content\":\"%\"}")},
    {ASG_API_CHAT, "messages[0].annotations",
     CHAT("{\"role\":\"assistant\",\"content\":\"a\",\"annotations\":"
          "[{\"url\":{\"title\":\"%\"}}]}")},
    {ASG_API_CHAT, "tools[0].function.description",
     CALL("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
          "\"description\":\"%\"}}]")},
    {ASG_API_CHAT, "tools[0].function.parameters",
     CALL("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
          "\"parameters\":{\"a\":{\"description\":\"%\"}}}}]")},
    {ASG_API_CHAT, "tools[0].function.parameters",
     CALL("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
          "\"parameters\":{\"%\":1}}}]")},
    {ASG_API_CHAT, "response_format.json_schema.schema",
     CALL("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{"
          "\"name\":\"n\",\"schema\":{\"title\":\"%\"}}}")},
    {ASG_API_CHAT, "stop[1]", CALL("\"stop\":[\"a\",\"%\"]")},
    {ASG_API_CHAT, "metadata.note", CALL("\"metadata\":{\"note\":\"%\"}")},
    {ASG_API_CHAT, "prediction.content",
     CALL("\"prediction\":{\"type\":\"content\",\"content\":\"%\"}")},
    {ASG_API_CHAT, "x_new", CALL("\"x_new\":{\"deep\":[\"%\"]}")},
    {ASG_API_CHAT, "verbosity", CALL("\"verbosity\":\"%\"")},
    {ASG_API_CHAT, "reasoning_effort", CALL("\"reasoning_effort\":\"%\"")},
    {ASG_API_CHAT, "prompt_cache_retention",
     CALL("\"prompt_cache_retention\":\"%\"")},
    {ASG_API_CHAT, "audio.voice", CALL("\"audio\":{\"voice\":\"%\"}")},
    {ASG_API_CHAT, "audio.format", CALL("\"audio\":{\"format\":\"%\"}")},
    {ASG_API_CHAT, "messages[0].content[0].image_url.detail",
     CHAT("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
          "\"image_url\":{\"url\":\"https://example.com/a\",\"detail\":"
          "\"%\"}}]}")},
    {ASG_API_CHAT, "messages[0].content[0].input_audio.format",
     CHAT("{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\","
          "\"input_audio\":{\"data\":\"AAAA\",\"format\":\"%\"}}]}")},
    {ASG_API_CHAT, "tools[0].custom.format.grammar.syntax",
     CALL("\"tools\":[{\"type\":\"custom\",\"custom\":{\"name\":\"f\","
          "\"format\":{\"type\":\"grammar\",\"grammar\":{\"syntax\":"
          "\"%\"}}}}]")},
    {ASG_API_GATEWAY, "messages[0].content",
     CHAT("{\"role\":\"user\",\"content\":\"%\"}")},
    {ASG_API_COMPLETIONS, "prompt", "{\"model\":\"m\",\"prompt\":\"%\"}"},
    {ASG_API_COMPLETIONS, "prompt[1]",
     "{\"model\":\"m\",\"prompt\":[\"a\",\"%\"]}"},
    {ASG_API_COMPLETIONS, "suffix",
     "{\"model\":\"m\",\"prompt\":\"a\",\"suffix\":\"%\"}"},
    {ASG_API_EMBEDDINGS, "input", "{\"model\":\"m\",\"input\":\"%\"}"},
    {ASG_API_EMBEDDINGS, "input[2]",
     "{\"model\":\"m\",\"input\":[\"a\",\"b\",\"%\"]}"},
    {ASG_API_MESSAGES, "messages[0].content",
     OWN("{\"role\":\"user\",\"content\":\"%\"}")},
    {ASG_API_MESSAGES, "system", OWN_MORE("\"system\":\"%\"")},
    {ASG_API_MESSAGES, "system[0].text",
     OWN_MORE("\"system\":[{\"type\":\"text\",\"text\":\"%\"}]")},
    {ASG_API_MESSAGES, "messages[0].content[0].text",
     BLOCK("{\"type\":\"text\",\"text\":\"%\"}")},
    {ASG_API_MESSAGES, "messages[0].content[0].content",
     BLOCK("{\"type\":\"tool_result\",\"tool_use_id\":\"t\","
           "\"content\":\"%\"}")},
    {ASG_API_MESSAGES, "messages[0].content[0].content[0].text",
     BLOCK("{\"type\":\"tool_result\",\"tool_use_id\":\"t\",\"content\":[{"
           "\"type\":\"text\",\"text\":\"%\"}]}")},
    {ASG_API_MESSAGES, "messages[0].content[0].input",
     BLOCK("{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{"
           "\"a\":[{\"b\":\"%\"}]}}")},
    {ASG_API_MESSAGES, "messages[0].content[0].thinking",
     BLOCK("{\"type\":\"thinking\",\"thinking\":\"%\",\"signature\":\"s\"}")},
    {ASG_API_MESSAGES, "messages[0].content[0].source.data",
     BLOCK("{\"type\":\"document\",\"source\":{\"type\":\"text\","
           "\"media_type\":\"text/plain\",\"data\":\"%\"}}")},
    {ASG_API_MESSAGES, "messages[0].content[0].source",
     BLOCK("{\"type\":\"search_result\",\"title\":\"a\",\"source\":\"%\","
           "\"content\":[{\"type\":\"text\",\"text\":\"a\"}]}")},
    {ASG_API_MESSAGES, "output_config.effort",
     OWN_MORE("\"output_config\":{\"effort\":\"%\"}")},
    {ASG_API_MESSAGES, "thinking.display",
     OWN_MORE("\"thinking\":{\"type\":\"adaptive\",\"display\":\"%\"}")},
    {ASG_API_MESSAGES, "tools[0].input_schema",
     OWN_MORE("\"tools\":[{\"name\":\"f\",\"input_schema\":{\"description\":"
              "\"%\"}}]")},
    {ASG_API_COUNT_TOKENS, "messages[0].content",
     COUNT("{\"role\":\"user\",\"content\":\"%\"}")},
    {ASG_API_COUNT_TOKENS, "system",
     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],"
     "\"system\":\"%\"}"},
};

/* What the client calls things, and passes on: text that cannot be another. */
static const row_t names[] = {
    {ASG_API_CHAT, "metadata", CALL("\"metadata\":{\"%\":\"a\"}")},
    {ASG_API_CHAT, "logit_bias", CALL("\"logit_bias\":{\"%\":1}")},
    {ASG_API_CHAT, "extra_body", CALL("\"extra_body\":{\"%\":true}")},
    {ASG_API_CHAT, "extra_body.a[0].b",
     CALL("\"extra_body\":{\"a\":[{\"b\":{\"%\":1}}]}")},
    {ASG_API_CHAT, "litellm_new", CALL("\"litellm_new\":{\"%\":1}")},
    {ASG_API_CHAT, "messages[1].tool_call_id",
     CHAT("{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"tool\","
          "\"tool_call_id\":\"%\",\"content\":\"a\"}")},
    {ASG_API_CHAT, "messages[0].tool_calls[0].id",
     CHAT("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":"
          "\"%\",\"type\":\"function\",\"function\":{\"name\":\"f\","
          "\"arguments\":\"{}\"}}]}")},
    {ASG_API_CHAT, "messages[0].content[0].file.file_id",
     CHAT("{\"role\":\"user\",\"content\":[{\"type\":\"file\",\"file\":{"
          "\"file_id\":\"%\"}}]}")},
    {ASG_API_CHAT, "messages[0].audio.id",
     CHAT("{\"role\":\"assistant\",\"content\":\"a\",\"audio\":{"
          "\"id\":\"%\"}}")},
    {ASG_API_CHAT, "audio.voice.id",
     CALL("\"audio\":{\"voice\":{\"id\":\"%\"}}")},
    {ASG_API_GATEWAY, "metadata", CALL("\"metadata\":{\"%\":\"a\"}")},
    {ASG_API_COMPLETIONS, "logit_bias",
     "{\"model\":\"m\",\"prompt\":\"a\",\"logit_bias\":{\"%\":1}}"},
    {ASG_API_EMBEDDINGS, "extra_body",
     "{\"model\":\"m\",\"input\":\"a\",\"extra_body\":{\"%\":1}}"},
    {ASG_API_MESSAGES, "messages[0].content[0].id",
     BLOCK("{\"type\":\"tool_use\",\"id\":\"%\",\"name\":\"f\","
           "\"input\":{}}")},
    {ASG_API_MESSAGES, "messages[0].content[0].tool_use_id",
     BLOCK("{\"type\":\"tool_result\",\"tool_use_id\":\"%\","
           "\"content\":\"a\"}")},
};

static asg_request_reader_t reader = {.seed = 7};
static asg_guard_t guard;
static asg_request_t request;
static asg_refusal_t why;
static char body[1 << 16], again[1 << 17];

static asg_str_t with_text(const char *pattern, const char *text)
{
    const char *at = strchr(pattern, '%');

    if (at == NULL) {
        return asg_str_z(pattern);
    }
    snprintf(body, sizeof(body), "%.*s%s%s", (int) (at - pattern), pattern,
             text, at + 1);
    return asg_str_z(body);
}

static void scan(asg_api_t api, asg_str_t text, asg_guard_t *with)
{
    reader.guard = with;
    if (asg_request_scan(&reader, api, text, &request, &why) != ASG_OK) {
        fail_msg("%s at %s: %.*s", asg_reason_info(why.reason)->code,
                 why.param, (int) text.len, text.data);
    }
}

static void look(asg_api_t api, asg_str_t text)
{
    asg_action_t actions[ASG_RULE_MAX];

    asg_guard_actions_default(actions);
    asg_guard_begin(&guard, actions);
    scan(api, text, &guard);
}

/* The body with what is to be redacted replaced. */
static const char *redacted(asg_api_t api, asg_str_t text)
{
    asg_buf_t out;

    look(api, text);
    asg_buf_init(&out, again, text.len + asg_guard_growth(&guard));
    asg_guard_rewrite(&guard, text, &out);
    scan(api, text, &guard);
    asg_guard_rewrite_end(&guard);
    assert_true(asg_buf_ok(&out));
    again[out.len] = '\0';
    scan(api, asg_buf_view(&out), NULL);
    return again;
}

static void finds_a_secret(const row_t *row)
{
    asg_str_t text = with_text(row->body, "x \\u0067hp_"
        "0123456789abcdefghijABCDEFGHIJ012345 y");

    look(row->api, text);
    if (guard.matches[ASG_RULE_SECRET_GITHUB_PAT] != 1) {
        fail_msg("not found: %s", body);
    }
    assert_int_equal(asg_guard_action(&guard), ASG_ACTION_BLOCK);
    assert_int_equal(asg_guard_rule(&guard), ASG_RULE_SECRET_GITHUB_PAT);
    assert_string_equal(guard.first_at[ASG_RULE_SECRET_GITHUB_PAT], row->path);
}

static void a_secret_is_found_in_every_text_of_every_route(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        finds_a_secret(&rows[i]);
    }
}

static void a_secret_is_found_in_what_the_client_calls_things(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        finds_a_secret(&names[i]);
    }
}

static void personal_data_in_a_name_is_refused_for_it_cannot_be_another(
    void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        look(names[i].api, with_text(names[i].body,
                                     "ab jane\\u0040example.com"));
        assert_int_equal(asg_guard_action(&guard), ASG_ACTION_BLOCK);
        assert_int_equal(asg_guard_rule(&guard), ASG_RULE_PII_EMAIL);
        assert_string_equal(guard.first_at[ASG_RULE_PII_EMAIL],
                            names[i].path);
    }
}

/* The refusal says where the name is, not where a text would be redacted. */
static void a_name_is_refused_behind_a_text_that_is_redacted(void **state)
{
    (void) state;
    look(ASG_API_CHAT, asg_str_z(
        CHAT("{\"role\":\"user\",\"content\":\"a@b.de\"}],\"metadata\":"
             "{\"c@d.de\":\"e@f.de\"},\"stop\":[\"g@h.de\"")));
    assert_int_equal(asg_guard_action(&guard), ASG_ACTION_BLOCK);
    assert_int_equal(guard.matches[ASG_RULE_PII_EMAIL], 4);
    assert_string_equal(guard.first_at[ASG_RULE_PII_EMAIL], "metadata");
}

static void personal_data_is_redacted_wherever_it_may_be(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const char *out = redacted(rows[i].api, with_text(rows[i].body,
            "ab jane\\u0040example.com, 123-45-6789!"));
        bool is_signed = strstr(rows[i].path, "].thinking") != NULL
            || strstr(rows[i].body, "\"%\":") != NULL;
        static char expected[1 << 16];

        snprintf(expected, sizeof(expected), "%s",
                 with_text(rows[i].body, is_signed
            ? "ab jane\\u0040example.com, 123-45-6789!"
            : "ab [REDACTED:pii-email], [REDACTED:pii-ssn]!").data);
        assert_string_equal(out, expected);
        assert_int_equal(guard.redacted[ASG_RULE_PII_EMAIL], !is_signed);
    }
}

#define ARGUMENTS(json) \
    CHAT("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{" \
         "\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\"," \
         "\"arguments\":\"" json "\"}}]}")
#define INPUT(json) \
    BLOCK("{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":" json \
          "}")

static void stays(asg_api_t api, const char *call, asg_rule_t rule)
{
    assert_string_equal(redacted(api, asg_str_z(call)), call);
    assert_int_not_equal(guard.matches[rule], 0);
    assert_int_equal(guard.redacted[rule], 0);
}

static void a_number_is_noted_and_stays(void **state)
{
    (void) state;
    stays(ASG_API_CHAT, ARGUMENTS("{\\\"n\\\": 4111111111111111}"),
          ASG_RULE_PII_CREDIT_CARD);
    stays(ASG_API_CHAT, ARGUMENTS("[-4111111111111111,4111111111111111.25]"),
          ASG_RULE_PII_CREDIT_CARD);
    stays(ASG_API_MESSAGES, INPUT("{\"a\":[4111111111111111]}"),
          ASG_RULE_PII_CREDIT_CARD);
    stays(ASG_API_MESSAGES, INPUT("{\"a\":-4111111111111111}"),
          ASG_RULE_PII_CREDIT_CARD);
    stays(ASG_API_CHAT, CALL("\"extra_body\":{\"a\":[4111111111111111]}"),
          ASG_RULE_PII_CREDIT_CARD);
    assert_non_null(strstr(redacted(ASG_API_CHAT, asg_str_z(ARGUMENTS(
        "{\\\"n\\\":4111111111111111,\\\"s\\\":\\\"4111111111111111\\\"}"))),
        "{\\\"n\\\":4111111111111111,\\\"s\\\":\\\"[REDACTED:pii-credit-card]"
        "\\\"}"));
}

static void the_name_of_a_member_is_noted_and_stays(void **state)
{
    (void) state;
    stays(ASG_API_CHAT, ARGUMENTS("{\\\"a@b.de\\\":1,\\\"c@d.de\\\" :2}"),
          ASG_RULE_PII_EMAIL);
    stays(ASG_API_MESSAGES, INPUT("{\"a@b.de\":1,\"c@d.de\":2}"),
          ASG_RULE_PII_EMAIL);
    assert_non_null(strstr(redacted(ASG_API_CHAT, asg_str_z(ARGUMENTS(
        "{\\\"x a@b.de \\\\\\\" c@d.de\\\":\\\"e@f.de, g@h.de\\\"}"))),
        "{\\\"x a@b.de \\\\\\\" c@d.de\\\":\\\"[REDACTED:pii-email], "
        "[REDACTED:pii-email]\\\"}"));
    assert_non_null(strstr(redacted(ASG_API_CHAT, asg_str_z(ARGUMENTS(
        "{\\u0022a@b.de\\u0022\\t\\u003a\\u0022c@d.de\\u0022}"))),
        "{\\u0022a@b.de\\u0022\\t\\u003a\\u0022[REDACTED:pii-email]\\u0022}"));
}

/* Bytes of an image are none of it, also where their type comes later. */
static void data_of_a_source_without_a_type_stays(void **state)
{
    (void) state;
    stays(ASG_API_MESSAGES, BLOCK("{\"type\":\"image\",\"source\":{\"data\":"
          "\"AAAA/4111111111111111/AAAA\",\"media_type\":\"image/png\","
          "\"type\":\"base64\"}}"), ASG_RULE_PII_CREDIT_CARD);
}

static void json_within_a_string_has_its_own_escapes_resolved(void **state)
{
    (void) state;
    look(ASG_API_CHAT, asg_str_z(
        CHAT("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{"
             "\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\","
             "\"arguments\":\"{\\\"s\\\":\\\"\\\\u0041KIAIOSFODNN7EXAMPLE "
             "a\\\\nAKIAIOSFODNN7EXAMPLE\\\"}\"}}]}")));
    assert_int_equal(guard.matches[ASG_RULE_SECRET_AWS_ACCESS_KEY], 2);
    assert_non_null(strstr(redacted(ASG_API_CHAT, asg_str_z(
        CHAT("{\"role\":\"assistant\",\"content\":null,\"function_call\":{"
             "\"name\":\"f\",\"arguments\":\"{\\\"s\\\":\\\"\\u00e9\\\\t"
             "jane\\u005cu0040b.de\\\"}\"}}"))),
        "\"{\\\"s\\\":\\\"\\u00e9\\\\t[REDACTED:pii-email]\\\"}\""));
}

static void matches_that_overlap_leave_nothing_behind(void **state)
{
    (void) state;
    assert_non_null(strstr(redacted(ASG_API_EMBEDDINGS, asg_str_z(
        "{\"model\":\"m\",\"input\":\"bob.123-45-6789.078-05-1120@x.de a@b.de"
        "\"}")), "\"input\":\"[REDACTED:pii-email] [REDACTED:pii-email]\""));
}

static const char *without_keys(asg_api_t api, asg_str_t text)
{
    asg_action_t actions[ASG_RULE_MAX];
    asg_buf_t out;

    asg_guard_actions_default(actions);
    actions[ASG_RULE_SECRET_PRIVATE_KEY] = ASG_ACTION_REDACT;
    asg_guard_begin(&guard, actions);
    scan(api, text, &guard);
    asg_buf_init(&out, again, text.len + asg_guard_growth(&guard));
    asg_guard_rewrite(&guard, text, &out);
    scan(api, text, &guard);
    asg_guard_rewrite_end(&guard);
    again[out.len] = '\0';
    return again;
}

static void a_private_key_is_redacted_to_its_end(void **state)
{
    (void) state;
    assert_string_equal(without_keys(ASG_API_EMBEDDINGS, asg_str_z(
        "{\"model\":\"m\",\"input\":[\"a -----BEGIN RSA "
        "PRIVATE KEY-----\\nMIIabc+/=\\n-----END RSA PRIVATE KEY----- b\","
        "\"-----BEGIN PRIVATE KEY-----\\nMIIcut\",\"c\"]}")),
        "{\"model\":\"m\",\"input\":[\"a [REDACTED:"
        "secret-private-key] b\",\"[REDACTED:secret-private-key]\",\"c\"]}");
}

/* Of JSON within a string it takes no more than the text that it is in. */
static void a_key_without_an_end_ends_with_its_text(void **state)
{
    (void) state;
    assert_non_null(strstr(without_keys(ASG_API_CHAT, asg_str_z(ARGUMENTS(
        "{\\\"a\\\":\\\"x -----BEGIN PRIVATE KEY-----\\\\nMI\\\\\\\"I\\\","
        "\\\"b\\\":\\\"-----END PRIVATE KEY-----\\\",\\\"c\\\":7}"))),
        "\"{\\\"a\\\":\\\"x [REDACTED:secret-private-key]\\\","
        "\\\"b\\\":\\\"-----END PRIVATE KEY-----\\\",\\\"c\\\":7}\""));
    assert_non_null(strstr(without_keys(ASG_API_CHAT, asg_str_z(ARGUMENTS(
        "{\\\"a\\\":\\\"-----BEGIN PRIVATE KEY-----\\\\nMII\\\\n"
        "-----END PRIVATE KEY----- y\\\",\\\"c\\\":7}"))),
        "\"{\\\"a\\\":\\\"[REDACTED:secret-private-key] y\\\","
        "\\\"c\\\":7}\""));
}

/* Pieces of a long text, with escapes at every place of their edges. */
static void a_long_text_is_read_whole(void **state)
{
    static char text[60000];

    (void) state;
    for (unsigned shift = 0; shift < 40; shift += 3) {
        size_t n = 0;
        unsigned addresses = 0;

        memset(text, 'z', shift);
        n = shift;
        while (n < sizeof(text) - 200) {
            n += (size_t) snprintf(text + n, 100, "%s", addresses % 3 == 0
                ? " jane\\u0040example.com\\n" : addresses % 3 == 1
                ? "\\u00e9\\n a@b.de,\\t\\\"" : " some words, then c@d.fr ");
            addresses++;
        }
        look(ASG_API_CHAT, with_text(rows[0].body, text));
        assert_int_equal(guard.matches[ASG_RULE_PII_EMAIL], addresses);
        assert_null(strchr(redacted(ASG_API_CHAT,
            with_text(rows[0].body, text)), '@'));
        assert_null(strstr(again, "\\u0040"));
        assert_int_equal(guard.redacted[ASG_RULE_PII_EMAIL], addresses);
    }
}

static void what_is_no_text_is_left_alone(void **state)
{
    (void) state;
    look(ASG_API_CHAT, asg_str_z("{\"model\":\"a@b.de\",\"user\":\"a@b.de\","
        "\"safety_identifier\":\"a@b.de\",\"messages\":[{\"role\":\"user\","
        "\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
        "\"https://example.com/a@b.de\"}}]}]}"));
    assert_int_equal(asg_guard_action(&guard), ASG_ACTION_ALLOW);
}

/* --- no string of a route is forgotten --- */

/* Strings that nobody reads, and why.  What must be one of some words is none
 * of them: it says nothing else. */
static const struct {
    asg_object_t object;
    const char *name;
    const char *why;
} no_text[] = {
    {ASG_OBJECT_TOP, "model", "one of the catalog, or refused"},
    {ASG_OBJECT_TOP, "user", "replaced before it leaves"},
    {ASG_OBJECT_TOP, "safety_identifier", "replaced before it leaves"},
    {ASG_OBJECT_METADATA, "user_id", "replaced before it leaves"},
    {ASG_OBJECT_CONTENT, "image_url", "a URL: signed ones have key ids"},
    {ASG_OBJECT_IMAGE_URL, "url", "a URL: signed ones have key ids"},
    {ASG_OBJECT_INPUT_AUDIO, "data", "bytes of media"},
    {ASG_OBJECT_FILE, "file_data", "bytes of media"},
    {ASG_OBJECT_MESSAGES_TOP, "model", "one of the catalog, or refused"},
    {ASG_OBJECT_LABELS, "user_id", "replaced before it leaves"},
    {ASG_OBJECT_BLOCK, "signature", "bytes that the provider checks"},
    {ASG_OBJECT_BLOCK, "data", "bytes that the provider checks"},
    {ASG_OBJECT_SOURCE, "url", "a URL: signed ones have key ids"},
    {ASG_OBJECT_OWN_TOOL, "type", "of a closed kind, or refused"},
};

static bool is_listed(asg_object_t object, const asg_field_t *field)
{
    for (size_t i = 0; i < sizeof(no_text) / sizeof(*no_text); i++) {
        if (no_text[i].object == object
            && strcmp(no_text[i].name, field->name) == 0)
        {
            return true;
        }
    }
    return field->words != NULL;
}

static unsigned texts_of(asg_object_t object, asg_api_t api,
    bool seen[ASG_OBJECT_COUNT])
{
    const asg_field_t *f;
    unsigned n = 0;

    if (object == ASG_OBJECT_NOTHING || object == ASG_OBJECT_OPAQUE
        || seen[object])
    {
        return 0;
    }
    seen[object] = true;
    for (unsigned i = 0; (f = asg_field_at(object, i)) != NULL; i++) {
        bool is_text = ((f->value | f->items) & ASG_FIELD_TEXT) != 0;
        bool may_have = ((f->value | f->items) & ASG_FIELD_STRING) != 0
            || f->inside == ASG_OBJECT_OPAQUE;

        if (!(f->apis & 1u << api) || f->value == 0) {
            continue;
        }
        n += is_text;
        if (may_have && !is_text && !is_listed(object, f)) {
            fail_msg("%s: nobody reads the field %s", asg_api_name(api),
                     f->name);
        }
        n += texts_of((asg_object_t) f->inside, api, seen);
    }
    return n;
}

static void each_string_of_each_route_is_text_or_known_not_to_be(void **state)
{
    (void) state;
    for (unsigned api = 0; api < ASG_API_COUNT; api++) {
        bool seen[ASG_OBJECT_COUNT] = {false};
        unsigned examples = 0;

        assert_true(texts_of(asg_field_top((asg_api_t) api), (asg_api_t) api,
                             seen) > 0);
        for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
            examples += rows[i].api == (asg_api_t) api;
        }
        if (examples == 0) {
            fail_msg("%s has no row here", asg_api_name((asg_api_t) api));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_is_found_in_every_text_of_every_route),
        cmocka_unit_test(a_secret_is_found_in_what_the_client_calls_things),
        cmocka_unit_test(personal_data_is_redacted_wherever_it_may_be),
        cmocka_unit_test(
            personal_data_in_a_name_is_refused_for_it_cannot_be_another),
        cmocka_unit_test(a_name_is_refused_behind_a_text_that_is_redacted),
        cmocka_unit_test(a_number_is_noted_and_stays),
        cmocka_unit_test(the_name_of_a_member_is_noted_and_stays),
        cmocka_unit_test(data_of_a_source_without_a_type_stays),
        cmocka_unit_test(json_within_a_string_has_its_own_escapes_resolved),
        cmocka_unit_test(matches_that_overlap_leave_nothing_behind),
        cmocka_unit_test(a_private_key_is_redacted_to_its_end),
        cmocka_unit_test(a_key_without_an_end_ends_with_its_text),
        cmocka_unit_test(a_long_text_is_read_whole),
        cmocka_unit_test(what_is_no_text_is_left_alone),
        cmocka_unit_test(each_string_of_each_route_is_text_or_known_not_to_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
