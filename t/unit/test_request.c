/*
 * The scan of a request body: abuse rows 39 to 55, OpenAI's own fields.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/request.h"

#define M    "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define CHAT "\"model\":\"m\"," M

static asg_request_reader_t reader = {.seed = 1};
static asg_request_t request;
static asg_refusal_t why;

static asg_err_t scan_str(asg_api_t api, asg_str_t body)
{
    memset(&why, 0xee, sizeof(why));
    return asg_request_scan(&reader, api, body, &request, &why);
}

static asg_err_t scan(asg_api_t api, const char *body)
{
    return scan_str(api, asg_str_z(body));
}

typedef struct {
    asg_api_t api;
    const char *body;
    asg_reason_t reason;        /* NONE: served */
    const char *param;
} row_t;

static void check_rows(const row_t *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        asg_err_t err = scan(rows[i].api, rows[i].body);

        if (rows[i].reason == ASG_REASON_NONE) {
            if (err != ASG_OK) {
                fail_msg("refused at %s with %d: %s", why.param, why.reason,
                         rows[i].body);
            }
            continue;
        }
        if (err != ASG_ERR_SYNTAX || why.reason != rows[i].reason
            || strcmp(why.param, rows[i].param) != 0)
        {
            fail_msg("err %d reason %d param '%.100s' wanted %d '%s': %s", err,
                     err ? (int) why.reason : -1, err ? why.param : "",
                     rows[i].reason, rows[i].param, rows[i].body);
        }
    }
}

#define CHECK(rows) check_rows(rows, sizeof(rows) / sizeof(*(rows)))
#define OBJ(text)   "{" CHAT "," text "}"
#define MSG(text)   "{\"model\":\"m\",\"messages\":[" text "]}"
#define PART(text)                                                          \
    MSG("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\"," text "}]}")
#define IMG(url)    PART("\"image_url\":{\"url\":\"" url "\"}")

/* --- abuse rows --- */

static void row_39_text_that_is_not_one_json_object_is_invalid_json(
    void **state)
{
    static const row_t rows[] = {
        {0, "{" CHAT, ASG_REASON_INVALID_JSON, ""},
        {0, "{" CHAT "} x", ASG_REASON_INVALID_JSON, ""},
        {0, "{" CHAT "}{" CHAT "}", ASG_REASON_INVALID_JSON, ""},
        {0, "\xef\xbb\xbf{" CHAT "}", ASG_REASON_INVALID_JSON, ""},
        {0, OBJ("\"user\":\"\xff\""), ASG_REASON_INVALID_JSON, ""},
        {0, OBJ("\"user\":\"\\ud800\""), ASG_REASON_INVALID_JSON, ""},
        {0, "[]", ASG_REASON_INVALID_JSON, ""},
        {0, "null", ASG_REASON_INVALID_JSON, ""},
        {0, " ", ASG_REASON_INVALID_JSON, ""},
        {0, "", ASG_REASON_EMPTY_BODY, ""},
        {0, MSG("{\"role\":\"user\",\"content\":\"x}]}"),
         ASG_REASON_INVALID_JSON, ""},
        {0, OBJ("\"tools\":[{\"type\":\"function\",\"function\":{"
                "\"name\":\"f\",\"parameters\":{\"a\":}}}]"),
         ASG_REASON_INVALID_JSON, ""},
        {0, OBJ("\"unknown_thing\":{]"), ASG_REASON_INVALID_JSON, ""},
    };

    (void) state;
    CHECK(rows);
}

static void row_40_a_key_that_stands_twice_is_a_duplicate_key(void **state)
{
    static const row_t rows[] = {
        {0, OBJ("\"model\":\"x\""), ASG_REASON_DUPLICATE_KEY, "model"},
        {0, OBJ("\"mod\\u0065l\":\"x\""), ASG_REASON_DUPLICATE_KEY, "model"},
        {0, MSG("{\"role\":\"user\",\"role\":\"user\"}"),
         ASG_REASON_DUPLICATE_KEY, "messages[0].role"},
        {0, OBJ("\"x_opaque\":{\"a\":1,\"a\":2}"), ASG_REASON_DUPLICATE_KEY,
         "x_opaque.a"},
    };

    (void) state;
    CHECK(rows);
}

static void row_41_a_model_is_a_string_of_1_to_256_plain_bytes(void **state)
{
    static const row_t rows[] = {
        {0, "{\"model\":\"a\\u0000b\"," M "}", ASG_REASON_INVALID_VALUE,
         "model"},
        {0, "{\"model\":\"a\\nb\"," M "}", ASG_REASON_INVALID_VALUE, "model"},
        {0, "{\"model\":\"../x\"," M "}", ASG_REASON_INVALID_VALUE, "model"},
        {0, "{\"model\":\"x/.\\u002e/y\"," M "}", ASG_REASON_INVALID_VALUE,
         "model"},
        {0, "{\"model\":5," M "}", ASG_REASON_INVALID_VALUE, "model"},
        {0, "{\"model\":\"\"," M "}", ASG_REASON_INVALID_VALUE, "model"},
        {0, "{\"model\":null," M "}", ASG_REASON_INVALID_VALUE, "model"},
        {0, "{\"model\":[\"m\"]," M "}", ASG_REASON_INVALID_VALUE, "model"},
        {0, "{" M "}", ASG_REASON_MISSING_FIELD, "model"},
        {0, "{\"model\":\"model:default/gpt-5.1\"," M "}", 0, ""},
        {0, "{\"model\":\"echo:latency_ms=50,status=503\"," M "}", 0, ""},
    };
    char name[301], body[512];

    (void) state;
    CHECK(rows);
    for (size_t n = 256; n <= 300; n += 44) {
        memset(name, 'x', n);
        name[n] = '\0';
        snprintf(body, sizeof(body), "{\"model\":\"%s\"," M "}", name);
        assert_int_equal(scan(0, body), n == 256 ? ASG_OK : ASG_ERR_SYNTAX);
    }
    assert_string_equal(why.param, "model");
    assert_int_equal(why.reason, ASG_REASON_INVALID_VALUE);
}

static char *repeat(const char *front, const char *unit, size_t n,
    const char *back)
{
    size_t len = strlen(unit);
    char *text = malloc(strlen(front) + n * len + strlen(back) + 1);
    char *p = text;

    assert_non_null(text);
    p = stpcpy(p, front);
    for (size_t i = 0; i < n; i++) {
        p = stpcpy(p, unit);
    }
    stpcpy(p, back);
    return text;
}

static void check_text(asg_api_t api, char *body, asg_reason_t reason,
    const char *param)
{
    assert_int_equal(scan(api, body), ASG_ERR_SYNTAX);
    assert_int_equal(why.reason, reason);
    assert_string_equal(why.param, param);
    free(body);
}

static void row_42_depth_keys_and_key_length_are_bounded(void **state)
{
    char *text, *p;

    (void) state;
    check_text(0, repeat("{\"x\":", "[", 10000, ""), ASG_REASON_JSON_LIMIT,
               "");
    check_text(0, repeat("{\"", "k", 1000000, "\":1}"), ASG_REASON_JSON_LIMIT,
               "");
    text = malloc(100000 * 10 + 2);
    assert_non_null(text);
    p = stpcpy(text, "{\"x\":{");
    for (int i = 0; i < 99000; i++) {
        p += snprintf(p, 16, "\"%d\":1,", i);
    }
    check_text(0, text, ASG_REASON_JSON_LIMIT, "");
}

static void row_45_output_limits_are_whole_numbers_and_one_of_two(void **state)
{
    static const char *const bad[] = {
        "-1", "0", "1.5", "\"10\"", "1e309", "9223372036854775808", "1e3",
        "10.0", "-0", "true", "[]", "{}", "1000000001",
        "18446744073709551617",
    };
    static const char *const names[] = {"max_tokens", "max_completion_tokens"};
    static const row_t rows[] = {
        {0, OBJ("\"max_tokens\":1,\"max_completion_tokens\":1"),
         ASG_REASON_CONFLICTING_FIELDS, "max_completion_tokens"},
        {0, OBJ("\"max_completion_tokens\":1,\"max_tokens\":1"),
         ASG_REASON_CONFLICTING_FIELDS, "max_tokens"},
        {0, OBJ("\"max_tokens\":null,\"max_completion_tokens\":7"), 0, ""},
        {0, OBJ("\"max_tokens\":1000000000"), 0, ""},
        {ASG_API_EMBEDDINGS, "{\"model\":\"m\",\"input\":\"x\",\"n\":2}", 0,
         ""},
    };
    char body[256];

    (void) state;
    CHECK(rows);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        for (size_t k = 0; k < 2; k++) {
            row_t row = {0, body, ASG_REASON_INVALID_VALUE, names[k]};

            snprintf(body, sizeof(body), OBJ("\"%s\":%s"), names[k], bad[i]);
            check_rows(&row, 1);
        }
    }
}

static void rows_46_to_48_backend_orders_are_unknown_fields(void **state)
{
    static const row_t rows[] = {
        {0, OBJ("\"api_base\":\"http://x\""), ASG_REASON_UNKNOWN_FIELD,
         "api_base"},
        {0, OBJ("\"base_url\":1"), ASG_REASON_UNKNOWN_FIELD, "base_url"},
        {0, OBJ("\"api_key\":null"), ASG_REASON_UNKNOWN_FIELD, "api_key"},
        {0, OBJ("\"api\\u005fkey\":1"), ASG_REASON_UNKNOWN_FIELD, "api_key"},
        {0, OBJ("\"metadata\":{\"api_base\":\"x\"}"), ASG_REASON_UNKNOWN_FIELD,
         "metadata.api_base"},
        {0, OBJ("\"metadata\":{\"base_url\":\"x\"}"), ASG_REASON_UNKNOWN_FIELD,
         "metadata.base_url"},
        {0, OBJ("\"metadata\":{\"api_key\":\"x\"}"), ASG_REASON_UNKNOWN_FIELD,
         "metadata.api_key"},
        {0, OBJ("\"metadata\":{\"user_api_key_hash\":\"x\"}"),
         ASG_REASON_UNKNOWN_FIELD, "metadata.user_api_key_hash"},
        {0, OBJ("\"metadata\":{\"context_window_fallbacks\":\"x\"}"),
         ASG_REASON_UNKNOWN_FIELD, "metadata.context_window_fallbacks"},
        {0, OBJ("\"extra_body\":{\"api_base\":\"x\"}"),
         ASG_REASON_UNKNOWN_FIELD, "extra_body.api_base"},
        {0, OBJ("\"extra_body\":{\"a\":[{\"b\":{\"api_key\":1}}]}"),
         ASG_REASON_UNKNOWN_FIELD, "extra_body.a[0].b.api_key"},
        {0, OBJ("\"litellm_params\":{\"api_base\":\"x\"}"),
         ASG_REASON_UNKNOWN_FIELD, "litellm_params.api_base"},
        {0, OBJ("\"litellm_metadata\":{\"x\":{\"fallbacks\":[]}}"),
         ASG_REASON_UNKNOWN_FIELD, "litellm_metadata.x.fallbacks"},
        {0, OBJ("\"user_config\":{}"), ASG_REASON_UNKNOWN_FIELD,
         "user_config"},
        {0, OBJ("\"model_list\":[]"), ASG_REASON_UNKNOWN_FIELD, "model_list"},
        {0, OBJ("\"extra_headers\":{}"), ASG_REASON_UNKNOWN_FIELD,
         "extra_headers"},
        {0, MSG("{\"role\":\"user\",\"content\":\"x\",\"api_base\":1}"),
         ASG_REASON_UNKNOWN_FIELD, "messages[0].api_base"},
        {0, OBJ("\"stream_options\":{\"x\":1}"), ASG_REASON_UNKNOWN_FIELD,
         "stream_options.x"},
    };
    static const char *const listed[] = {
        "fallbacks", "mock_response", "guardrails", "cache", "extra_body",
        "litellm_params", "web_search_options", "top_k",
    };
    char body[256];

    (void) state;
    CHECK(rows);
    for (size_t i = 0; i < sizeof(listed) / sizeof(*listed); i++) {
        asg_str_t allow = asg_str_z(listed[i]);

        snprintf(body, sizeof(body), OBJ("\"%s\":{\"a\":[1]}"), listed[i]);
        assert_int_equal(scan(0, body), ASG_OK);
        assert_true(asg_str_eq_z(asg_request_first_unknown(&request, NULL, 0),
                                 listed[i]));
        assert_null(asg_request_first_unknown(&request, &allow, 1).data);
    }
}

static void thinks(const char *value, int64_t tokens)
{
    char body[256];

    snprintf(body, sizeof(body), OBJ("\"thinking\":%s,\"top_k\":5"), value);
    assert_int_equal(scan(ASG_API_CHAT, body), ASG_OK);
    assert_int_equal(request.thinking_tokens, tokens);
}

static void thoughts_that_a_chat_asks_for_are_counted(void **state)
{
    (void) state;
    thinks("{\"type\":\"enabled\",\"budget_tokens\":1024}", 1024);
    thinks("{\"budget_tokens\":7,\"a\":[{}],\"type\":\"enabled\"}", 7);
    thinks("{\"type\":\"disabled\",\"budget_tokens\":1024}", 0);
    thinks("{\"type\":\"enabled\",\"budget_tokens\":-5}", 0);
    thinks("{\"type\":\"enabled\",\"budget_tokens\":\"9\"}", 0);
    thinks("{\"type\":\"adaptive\"}", 0);
    thinks("{\"inner\":{\"type\":\"enabled\",\"budget_tokens\":9}}", 0);
    thinks("[{\"type\":\"enabled\",\"budget_tokens\":9}]", 0);
    thinks("\"enabled\"", 0);
    thinks("null", 0);
    thinks("3", 0);
}

static void more_unknown_names_than_can_be_listed_are_refused(void **state)
{
    char body[1024], *p = stpcpy(body, "{" CHAT);

    (void) state;
    for (int i = 0; i < ASG_REQUEST_UNKNOWN_MAX; i++) {
        p += snprintf(p, 24, ",\"\\u0078%d\":1", i);
    }
    stpcpy(p, "}");
    assert_int_equal(scan(0, body), ASG_OK);
    assert_int_equal(request.nunknown, ASG_REQUEST_UNKNOWN_MAX);
    assert_true(asg_str_eq_z(request.unknown[0], "x0"));
    stpcpy(p, ",\"last\":1}");
    assert_int_equal(scan(0, body), ASG_ERR_SYNTAX);
    assert_int_equal(why.reason, ASG_REASON_UNKNOWN_FIELD);
    assert_string_equal(why.param, "last");
}

static void row_49_schemas_are_opaque(void **state)
{
    static const row_t rows[] = {
        {0, OBJ("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":"
                "\"f\",\"description\":\"d\",\"strict\":true,\"parameters\":{"
                "\"type\":\"object\",\"properties\":{\"api_base\":{\"type\":"
                "\"string\"},\"api_key\":{}}}}}]"), 0, ""},
        {0, OBJ("\"functions\":[{\"name\":\"f\",\"parameters\":{"
                "\"base_url\":1}}]"), 0, ""},
        {0, OBJ("\"response_format\":{\"type\":\"json_schema\","
                "\"json_schema\":{\"name\":\"n\",\"strict\":null,\"schema\":{"
                "\"properties\":{\"api_base\":{}}}}}"), 0, ""},
        {0, OBJ("\"metadata\":{\"team\":\"blue\",\"user_id\":\"u\"}"), 0, ""},
        {0, OBJ("\"metadata\":{\"team\":{}}"), ASG_REASON_INVALID_VALUE,
         "metadata.team"},
        {0, OBJ("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":"
                "\"f\",\"api_base\":\"x\"}}]"), ASG_REASON_UNKNOWN_FIELD,
         "tools[0].function.api_base"},
    };

    (void) state;
    CHECK(rows);
}

static void row_52_urls_of_media_are_checked_where_they_stand(void **state)
{
    static const row_t rows[] = {
        {0, IMG("http://169.254.169.254/latest"), ASG_REASON_URL_NOT_ALLOWED,
         "messages[0].content[0].image_url.url"},
        {0, PART("\"image_url\":\"file:///x\""), ASG_REASON_URL_NOT_ALLOWED,
         "messages[0].content[0].image_url"},
        {0, PART("\"image_url\":{\"detail\":\"low\"}"),
         ASG_REASON_MISSING_FIELD, "messages[0].content[0].image_url.url"},
        {0, PART("\"file\":{\"file_id\":\"https://10.0.0.1/x\"}"),
         ASG_REASON_URL_NOT_ALLOWED, "messages[0].content[0].file.file_id"},
        {0, PART("\"input_audio\":{\"data\":\"http://x/a\"}"),
         ASG_REASON_URL_NOT_ALLOWED,
         "messages[0].content[0].input_audio.data"},
        {0, IMG("https:\\/\\/example.com\\/a.png?b=c"), 0, ""},
        {0, IMG("data:image\\/png;base64,iVBORw0KGgo="), 0, ""},
        {0, PART("\"image_url\":\"https://example.com/a.png\""), 0, ""},
        {0, PART("\"file\":{\"file_data\":\"data:application/pdf;base64,"
                 "QQ==\",\"filename\":\"a.pdf\"}"), 0, ""},
        {0, PART("\"input_audio\":{\"data\":\"QUFB\",\"format\":\"wav\"}"), 0,
         ""},
    };

    (void) state;
    CHECK(rows);
}

static void row_53_tools_that_are_not_functions_are_refused(void **state)
{
    static const row_t rows[] = {
        {0, OBJ("\"tools\":[{\"type\":\"mcp\",\"server_url\":\"https://x\"}]"),
         ASG_REASON_INVALID_VALUE, "tools[0].type"},
        {0, OBJ("\"tools\":[{\"server_url\":\"https://x\"}]"),
         ASG_REASON_UNKNOWN_FIELD, "tools[0].server_url"},
        {0, OBJ("\"tools\":[{\"function\":{\"name\":\"f\"}}]"),
         ASG_REASON_MISSING_FIELD, "tools[0].type"},
        {0, OBJ("\"tools\":[{\"type\":\"custom\",\"custom\":{\"name\":\"c\","
                "\"format\":{\"type\":\"text\"}}}]"), 0, ""},
    };

    (void) state;
    CHECK(rows);
}

static void row_54_samples_and_inputs_are_bounded(void **state)
{
    static const row_t rows[] = {
        {0, OBJ("\"n\":129"), ASG_REASON_INVALID_VALUE, "n"},
        {0, OBJ("\"n\":0"), ASG_REASON_INVALID_VALUE, "n"},
        {0, OBJ("\"n\":1.0"), ASG_REASON_INVALID_VALUE, "n"},
        {0, OBJ("\"n\":\"2\""), ASG_REASON_INVALID_VALUE, "n"},
        {0, OBJ("\"n\":128"), 0, ""},
        {ASG_API_COMPLETIONS,
         "{\"model\":\"m\",\"prompt\":[\"a\",\"b\"],\"n\":65}",
         ASG_REASON_INVALID_VALUE, "prompt"},
        {ASG_API_COMPLETIONS,
         "{\"model\":\"m\",\"prompt\":\"a\",\"best_of\":129}",
         ASG_REASON_INVALID_VALUE, "best_of"},
        {ASG_API_EMBEDDINGS, "{\"model\":\"m\",\"input\":[]}",
         ASG_REASON_INVALID_VALUE, "input"},
        {ASG_API_EMBEDDINGS, "{\"model\":\"m\",\"input\":[[]]}", 0, ""},
        {ASG_API_EMBEDDINGS, "{\"model\":\"m\",\"input\":[\"a\",1]}",
         ASG_REASON_INVALID_VALUE, "input"},
        {ASG_API_EMBEDDINGS, "{\"model\":\"m\",\"input\":[[1],[\"a\"]]}",
         ASG_REASON_INVALID_VALUE, "input[1]"},
        {ASG_API_EMBEDDINGS, "{\"model\":\"m\",\"input\":[[[1]]]}",
         ASG_REASON_INVALID_VALUE, "input[0]"},
        {ASG_API_EMBEDDINGS, "{\"model\":\"m\",\"input\":[1,2.5]}",
         ASG_REASON_INVALID_VALUE, "input"},
        {ASG_API_EMBEDDINGS, "{\"model\":\"m\",\"input\":[null]}",
         ASG_REASON_INVALID_VALUE, "input"},
        {ASG_API_EMBEDDINGS, "{\"model\":\"m\",\"input\":{}}",
         ASG_REASON_INVALID_VALUE, "input"},
        {ASG_API_EMBEDDINGS, "{\"model\":\"m\"}", ASG_REASON_MISSING_FIELD,
         "input"},
    };
    char *text;

    (void) state;
    CHECK(rows);
    check_text(ASG_API_EMBEDDINGS,
               repeat("{\"model\":\"m\",\"input\":[\"x\"", ",\"x\"", 100000,
                      "]}"), ASG_REASON_INVALID_VALUE, "input");
    check_text(ASG_API_EMBEDDINGS,
               repeat("{\"model\":\"m\",\"input\":[1", ",1", 100000, "]}"),
               ASG_REASON_INVALID_VALUE, "input");
    text = repeat("{\"model\":\"m\",\"input\":[\"x\"", ",\"x\"", 2047, "]}");
    assert_int_equal(scan(ASG_API_EMBEDDINGS, text), ASG_OK);
    assert_int_equal(request.parts.messages, 2048);
    free(text);
}

static void row_55_a_prompt_may_contain_anything(void **state)
{
    static const row_t rows[] = {
        {0, MSG("{\"role\":\"user\",\"content\":\"data: [DONE]\\n\\n\"}"), 0,
         ""},
        {0, MSG("{\"role\":\"user\",\"content\":\"{\\\"usage\\\":{"
                "\\\"prompt_tokens\\\":0}} api_base \\u0000\"}"), 0, ""},
    };

    (void) state;
    CHECK(rows);
}

/* --- the fields of OpenAI's own API are served --- */

static void every_documented_field_of_chat_is_served(void **state)
{
    static const char body[] =
        "{\"model\":\"m\",\"messages\":["
        "{\"role\":\"developer\",\"content\":\"d\",\"name\":\"n\"},"
        "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"t\"},"
        "{\"type\":\"image_url\",\"image_url\":{\"url\":"
        "\"https://example.com/a.png\",\"detail\":\"low\"}},"
        "{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"QQ==\","
        "\"format\":\"mp3\"}},{\"type\":\"file\",\"file\":{\"file_id\":"
        "\"f\"}}]},"
        "{\"role\":\"assistant\",\"content\":null,\"refusal\":null,"
        "\"annotations\":[],\"audio\":{\"id\":\"a1\"},\"tool_calls\":[{"
        "\"id\":\"c\",\"type\":\"function\",\"index\":0,\"function\":{"
        "\"name\":\"f\",\"arguments\":\"{}\"}},{\"id\":\"d\",\"type\":"
        "\"custom\",\"custom\":{\"name\":\"g\",\"input\":\"i\"}}],"
        "\"function_call\":{\"name\":\"f\",\"arguments\":\"\"},"
        "\"reasoning_content\":\"r\"},"
        "{\"role\":\"assistant\",\"content\":[{\"type\":\"refusal\","
        "\"refusal\":\"no\"}]},"
        "{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\"r\"}],"
        "\"audio\":{\"voice\":\"alloy\",\"format\":\"wav\"},"
        "\"frequency_penalty\":0.5,\"function_call\":{\"name\":\"f\"},"
        "\"functions\":[{\"name\":\"f\",\"parameters\":{}}],"
        "\"logit_bias\":{\"50256\":-100},\"logprobs\":true,"
        "\"max_completion_tokens\":10,\"metadata\":{\"a\":\"b\"},"
        "\"modalities\":[\"text\",\"audio\"],\"n\":2,"
        "\"parallel_tool_calls\":false,\"prediction\":{\"type\":\"content\","
        "\"content\":[{\"type\":\"text\",\"text\":\"p\"}]},"
        "\"presence_penalty\":-1e-1,\"prompt_cache_key\":\"k\","
        "\"prompt_cache_retention\":\"24h\",\"reasoning_effort\":\"low\","
        "\"response_format\":{\"type\":\"json_object\"},"
        "\"safety_identifier\":\"s\",\"seed\":-1,\"service_tier\":\"auto\","
        "\"stop\":[\"a\",\"b\"],\"store\":false,\"stream\":true,"
        "\"stream_options\":{\"include_usage\":true,"
        "\"include_obfuscation\":false},\"temperature\":1,\"tool_choice\":{"
        "\"type\":\"allowed_tools\",\"allowed_tools\":{\"mode\":\"auto\","
        "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]}},"
        "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],"
        "\"top_logprobs\":3,\"top_p\":1,\"user\":\"u\",\"verbosity\":\"low\"}";

    (void) state;
    if (scan(ASG_API_CHAT, body) != ASG_OK) {
        fail_msg("refused at %s with %d", why.param, why.reason);
    }
    assert_int_equal(request.nunknown, 0);
    assert_true(request.stream);
    assert_true(request.include_usage);
    assert_true(request.has_max_tokens);
    assert_int_equal(request.max_tokens, 10);
    assert_int_equal(request.n, 2);
    assert_true(asg_str_eq_z(request.user, "u"));
    assert_int_equal(request.parts.messages, 5);
    assert_int_equal(request.parts.tools, 5);   /* 2 calls, a format */
    assert_int_equal(request.parts.images, 1);
    assert_int_equal(request.parts.audios, 2);
    assert_int_equal(request.parts.voices, 2);
    assert_int_equal(request.parts.files, 1);
    assert_int_equal(request.parts.bytes, sizeof(body) - 1);
    assert_int_equal(request.open, 1);
}

static void every_documented_field_of_the_other_apis_is_served(void **state)
{
    static const row_t rows[] = {
        {ASG_API_COMPLETIONS, "{\"model\":\"m\",\"prompt\":[[1,2],[3]],"
         "\"best_of\":3,\"echo\":true,\"frequency_penalty\":1,\"logit_bias\":"
         "{},\"logprobs\":5,\"max_tokens\":16,\"n\":2,\"presence_penalty\":0,"
         "\"seed\":1,\"stop\":\"x\",\"stream\":false,\"stream_options\":null,"
         "\"suffix\":\"s\",\"temperature\":0,\"top_p\":0.5,\"user\":\"u\"}",
         0, ""},
        {ASG_API_EMBEDDINGS, "{\"model\":\"m\",\"input\":[1,2,3],"
         "\"dimensions\":64,\"encoding_format\":\"base64\",\"user\":\"u\"}",
         0, ""},
        {ASG_API_GATEWAY, OBJ("\"data_class\":\"internal\""), 0, ""},
        {ASG_API_GATEWAY, OBJ("\"data_class\":\"secret\""),
         ASG_REASON_INVALID_VALUE, "data_class"},
    };

    (void) state;
    CHECK(rows);
    assert_int_equal(scan(ASG_API_COMPLETIONS, rows[0].body), ASG_OK);
    assert_int_equal(request.n, 6);
    assert_int_equal(request.nunknown, 0);
    assert_int_equal(scan(ASG_API_EMBEDDINGS, rows[1].body), ASG_OK);
    assert_int_equal(request.nunknown, 0);
    assert_int_equal(scan(ASG_API_GATEWAY, rows[2].body), ASG_OK);
    assert_true(asg_str_eq_z(request.data_class, "internal"));
    assert_int_equal(scan(ASG_API_CHAT, rows[2].body), ASG_OK);
    assert_true(asg_str_eq_z(asg_request_first_unknown(&request, NULL, 0),
                             "data_class"));
}

static void parts_are(const char *body, asg_parts_t parts)
{
    assert_int_equal(scan(0, body), ASG_OK);
    parts.bytes = (int64_t) strlen(body);
    if (memcmp(&request.parts, &parts, sizeof(parts)) != 0) {
        fail_msg("%s", body);
    }
}

static void what_can_cost_tokens_is_counted(void **state)
{
    (void) state;
    parts_are(OBJ("\"stop\":\"x\""), (asg_parts_t) {.messages = 1});
    /* a schema is printed anew: key, list, 2 numbers, its end, the object's */
    parts_are(OBJ("\"functions\":[{\"name\":\"f\",\"parameters\":"
                  "{\"e\":[1,2]}}]"),
              (asg_parts_t) {.messages = 1, .tools = 1, .values = 6});
    parts_are(OBJ("\"response_format\":{\"type\":\"json_schema\","
                  "\"json_schema\":{\"schema\":{}}}"),
              (asg_parts_t) {.messages = 1, .tools = 1, .values = 1});
    parts_are(MSG("{\"role\":\"assistant\",\"tool_calls\":[{},{\"function\":"
                  "{\"arguments\":\"{\\\"a\\\":[1,2]}\"}}]}"),
              (asg_parts_t) {.messages = 1, .tools = 2, .values = 6});
    parts_are(IMG("data:image/png;base64,QUJD"),
              (asg_parts_t) {.messages = 1, .images = 1, .media_bytes = 26});
    parts_are(IMG("https://example.com/a.png"),
              (asg_parts_t) {.messages = 1, .images = 1});
    parts_are(PART("\"input_audio\":{\"data\":\"QUJD\"}"),
              (asg_parts_t) {.messages = 1, .audios = 1, .media_bytes = 4});
    /* text in a file is text */
    parts_are(PART("\"file\":{\"file_data\":\"QUJD\"}"),
              (asg_parts_t) {.messages = 1, .files = 1});
    parts_are(OBJ("\"prediction\":{\"type\":\"content\",\"content\":"
                  "\"abc\"}"),
              (asg_parts_t) {.messages = 1, .predicted_bytes = 34});
    parts_are(OBJ("\"modalities\":[\"text\"]"),
              (asg_parts_t) {.messages = 1});
    parts_are(OBJ("\"modalities\":null,\"audio\":null"),
              (asg_parts_t) {.messages = 1});
    parts_are(OBJ("\"modalities\":[\"text\",\"\\u0061udio\"]"),
              (asg_parts_t) {.messages = 1, .voices = 1});
}

static void the_first_part_of_a_kind_has_its_path(void **state)
{
    (void) state;
    assert_int_equal(scan(0, MSG("{\"role\":\"user\",\"content\":["
        "{\"type\":\"text\",\"text\":\"x\"},{\"type\":\"file\",\"file\":"
        "{\"file_id\":\"f\"}},{\"type\":\"file\",\"file\":{}}]}")), ASG_OK);
    assert_string_equal(request.first_at[ASG_PART_FILE],
                        "messages[0].content[1].file");
    assert_string_equal(request.first_at[ASG_PART_IMAGE], "");
    assert_int_equal(scan(0, OBJ("\"modalities\":[\"audio\"]")), ASG_OK);
    assert_string_equal(request.first_at[ASG_PART_VOICE], "modalities[0]");
}

static void types_and_required_parts_are_checked_with_their_path(void **state)
{
    static const row_t rows[] = {
        {0, "{\"model\":\"m\"}", ASG_REASON_MISSING_FIELD, "messages"},
        {0, "{\"model\":\"m\",\"messages\":[]}", ASG_REASON_INVALID_VALUE,
         "messages"},
        {0, "{\"model\":\"m\",\"messages\":\"x\"}", ASG_REASON_INVALID_VALUE,
         "messages"},
        {0, MSG("1"), ASG_REASON_INVALID_VALUE, "messages[0]"},
        {0, MSG("null"), ASG_REASON_INVALID_VALUE, "messages[0]"},
        {0, MSG("{}"), ASG_REASON_MISSING_FIELD, "messages[0].role"},
        {0, MSG("{\"role\":\"user\"},{\"role\":\"root\"}"),
         ASG_REASON_INVALID_VALUE, "messages[1].role"},
        {0, MSG("{\"role\":\"user\",\"content\":5}"), ASG_REASON_INVALID_VALUE,
         "messages[0].content"},
        {0, MSG("{\"role\":\"user\",\"content\":[{\"type\":\"video_url\"}]}"),
         ASG_REASON_INVALID_VALUE, "messages[0].content[0].type"},
        {0, MSG("{\"role\":\"user\",\"content\":[{\"type\":\"text\","
                "\"x\":1}]}"), ASG_REASON_UNKNOWN_FIELD,
         "messages[0].content[0].x"},
        {0, OBJ("\"stream\":1"), ASG_REASON_INVALID_VALUE, "stream"},
        {0, OBJ("\"stream\":\"true\""), ASG_REASON_INVALID_VALUE, "stream"},
        {0, OBJ("\"stream\":null"), 0, ""},
        {0, OBJ("\"stream_options\":{\"include_usage\":1}"),
         ASG_REASON_INVALID_VALUE, "stream_options.include_usage"},
        {0, OBJ("\"logit_bias\":{\"1\":\"x\"}"), ASG_REASON_INVALID_VALUE,
         "logit_bias.1"},
        {0, OBJ("\"service_tier\":\"scale\""), ASG_REASON_INVALID_VALUE,
         "service_tier"},
        {0, OBJ("\"modalities\":[\"smell\"]"), ASG_REASON_INVALID_VALUE,
         "modalities[0]"},
        {0, OBJ("\"temperature\":\"hot\""), ASG_REASON_INVALID_VALUE,
         "temperature"},
        {0, OBJ("\"tool_choice\":\"\\u0061uto\""), 0, ""},
        {0, OBJ("\"metadata\":{\"api_base\\u0000\":1}"),
         ASG_REASON_INVALID_VALUE, "metadata.api_base?"},
    };

    (void) state;
    CHECK(rows);
}

static void a_refusal_names_a_long_path_up_to_where_it_fits(void **state)
{
    char body[2048], key[400];

    (void) state;
    memset(key, 'k', sizeof(key));
    memcpy(key + 63, "\xc3\xa9", 2);
    key[399] = '\0';
    snprintf(body, sizeof(body), OBJ("\"metadata\":{\"%s\":1}"), key);
    assert_int_equal(scan(0, body), ASG_ERR_SYNTAX);
    assert_int_equal(strlen(why.param), strlen("metadata.") + 63);
}

static void a_scan_borrows_and_never_writes_into_the_body(void **state)
{
    static const char body[] = "{" CHAT ",\"user\":\"u\"}";

    (void) state;
    assert_int_equal(scan(0, body), ASG_OK);
    assert_ptr_equal(request.body.data, body);
    assert_true(request.model.data > body
                && request.model.data < body + sizeof(body));
    assert_int_equal(body[request.user_member.start], '"');
    assert_int_equal(body[request.user_member.end], '}');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            row_39_text_that_is_not_one_json_object_is_invalid_json),
        cmocka_unit_test(
            row_40_a_key_that_stands_twice_is_a_duplicate_key),
        cmocka_unit_test(row_41_a_model_is_a_string_of_1_to_256_plain_bytes),
        cmocka_unit_test(row_42_depth_keys_and_key_length_are_bounded),
        cmocka_unit_test(
            row_45_output_limits_are_whole_numbers_and_one_of_two),
        cmocka_unit_test(rows_46_to_48_backend_orders_are_unknown_fields),
        cmocka_unit_test(thoughts_that_a_chat_asks_for_are_counted),
        cmocka_unit_test(more_unknown_names_than_can_be_listed_are_refused),
        cmocka_unit_test(row_49_schemas_are_opaque),
        cmocka_unit_test(
            row_52_urls_of_media_are_checked_where_they_stand),
        cmocka_unit_test(row_53_tools_that_are_not_functions_are_refused),
        cmocka_unit_test(row_54_samples_and_inputs_are_bounded),
        cmocka_unit_test(row_55_a_prompt_may_contain_anything),
        cmocka_unit_test(every_documented_field_of_chat_is_served),
        cmocka_unit_test(every_documented_field_of_the_other_apis_is_served),
        cmocka_unit_test(what_can_cost_tokens_is_counted),
        cmocka_unit_test(the_first_part_of_a_kind_has_its_path),
        cmocka_unit_test(types_and_required_parts_are_checked_with_their_path),
        cmocka_unit_test(a_refusal_names_a_long_path_up_to_where_it_fits),
        cmocka_unit_test(a_scan_borrows_and_never_writes_into_the_body),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
