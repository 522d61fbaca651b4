/*
 * The scan of a request body of Anthropic's Messages API: what is served, what
 * is refused and where, what counts for the hold, and what is written anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/request.h"

#define M     ASG_API_MESSAGES
#define C     ASG_API_COUNT_TOKENS
#define HELLO "\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":" \
    "\"hi\"}]"
#define LEAST HELLO ",\"max_tokens\":100"
#define OBJ(text)   "{" LEAST "," text "}"
#define SAYS(content) "{\"model\":\"m\",\"max_tokens\":100,\"messages\":[{" \
    "\"role\":\"user\",\"content\":[" content "]}]}"
#define SOURCE(type, source) \
    "{\"source\":{" source "},\"type\":\"" type "\"}"
#define PNG   "\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"" \
    "iVBORw0KGgo=\""
#define URL(url) "\"type\":\"url\",\"url\":\"" url "\""

static asg_request_reader_t reader = {.seed = 1};
static asg_request_t request;
static asg_refusal_t why;
static asg_splice_t splice;

static asg_err_t scan(asg_api_t api, const char *body)
{
    memset(&why, 0xee, sizeof(why));
    return asg_request_scan(&reader, api, asg_str_z(body), &request, &why);
}

static void served(asg_api_t api, const char *body)
{
    if (scan(api, body) != ASG_OK) {
        fail_msg("refused at %s with %d: %s", why.param, why.reason, body);
    }
    if (request.nunknown != 0) {
        fail_msg("unknown: %s", body);
    }
}

typedef struct {
    const char *body;
    asg_reason_t reason;
    const char *param;
} row_t;

static void refused(asg_api_t api, const row_t *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        asg_err_t err = scan(api, rows[i].body);

        if (err != ASG_ERR_SYNTAX || why.reason != rows[i].reason
            || strcmp(why.param, rows[i].param) != 0)
        {
            fail_msg("err %d reason %d param '%.100s' wanted %d '%s': %s", err,
                     err ? (int) why.reason : -1, err ? why.param : "",
                     rows[i].reason, rows[i].param, rows[i].body);
        }
    }
}

#define REFUSED(api, rows) refused(api, rows, sizeof(rows) / sizeof(*(rows)))

static void what_the_api_has_is_served(void **state)
{
    static const char *const bodies[] = {
        "{" LEAST "}",
        OBJ("\"system\":\"s\",\"stream\":true,\"temperature\":0.5,"
            "\"top_p\":0.9,\"top_k\":5,\"stop_sequences\":[\"a\"],"
            "\"service_tier\":\"auto\",\"metadata\":{\"user_id\":\"u\"}"),
        OBJ("\"system\":[{\"type\":\"text\",\"text\":\"s\",\"cache_control\":{"
            "\"type\":\"ephemeral\",\"ttl\":\"1h\"},\"citations\":null}]"),
        OBJ("\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":99}"),
        OBJ("\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{"
            "\"effort\":\"low\",\"format\":{\"type\":\"json_schema\","
            "\"schema\":{\"api_base\":1}}}"),
        OBJ("\"tools\":[{\"type\":\"custom\",\"name\":\"f\",\"strict\":true,"
            "\"input_schema\":{\"api_base\":{}},\"input_examples\":[{}],"
            "\"cache_control\":{\"type\":\"ephemeral\"}},{\"name\":\"g\"}],"
            "\"tool_choice\":{\"type\":\"tool\",\"name\":\"f\","
            "\"disable_parallel_tool_use\":true}"),
        OBJ("\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"5m\"}"),
        SAYS("{\"type\":\"thinking\",\"thinking\":\"h\",\"signature\":\"s\"},"
             "{\"type\":\"redacted_thinking\",\"data\":\"ZGF0YQ==\"},"
             "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{"
             "\"type\":1},\"caller\":{\"type\":\"direct\"}},"
             "{\"type\":\"tool_result\",\"tool_use_id\":\"t\",\"content\":["
             SOURCE("image", PNG) "],\"is_error\":false},"
             "{\"type\":\"search_result\",\"source\":\"https://x.org\","
             "\"title\":\"t\",\"content\":[{\"type\":\"text\",\"text\":\"a\"}],"
             "\"citations\":{\"enabled\":true}}"),
    };

    (void) state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
        served(M, bodies[i]);
    }
    served(C, "{" HELLO ",\"system\":\"s\",\"tools\":[{\"name\":\"f\"}]}");
}

static void what_it_has_not_is_refused_by_name(void **state)
{
    static const row_t rows[] = {
        {"{" HELLO "}", ASG_REASON_MISSING_FIELD, "max_tokens"},
        {"{\"model\":\"m\",\"max_tokens\":1}", ASG_REASON_MISSING_FIELD,
         "messages"},
        {OBJ("\"max_tokens\":1"), ASG_REASON_DUPLICATE_KEY, "max_tokens"},
        {OBJ("\"mcp_servers\":[]"), ASG_REASON_UNKNOWN_FIELD, "mcp_servers"},
        {OBJ("\"api_base\":\"x\""), ASG_REASON_UNKNOWN_FIELD, "api_base"},
        {OBJ("\"extra_body\":{}"), ASG_REASON_UNKNOWN_FIELD, "extra_body"},
        {OBJ("\"metadata\":{\"tags\":\"x\"}"), ASG_REASON_UNKNOWN_FIELD,
         "metadata.tags"},
        {OBJ("\"system\":[{\"type\":\"image\",\"text\":\"\"}]"),
         ASG_REASON_INVALID_VALUE, "system[0].type"},
        {OBJ("\"service_tier\":\"priority\""), ASG_REASON_INVALID_VALUE,
         "service_tier"},
        {OBJ("\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":100}"),
         ASG_REASON_INVALID_VALUE, "thinking.budget_tokens"},
        {OBJ("\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":0}"),
         ASG_REASON_INVALID_VALUE, "thinking.budget_tokens"},
        {OBJ("\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1d\"}"),
         ASG_REASON_INVALID_VALUE, "cache_control.ttl"},
        {OBJ("\"tools\":[{\"type\":\"web_search_20250305\",\"name\":\"w\"}]"),
         ASG_REASON_UNBOUND_CONTENT, "tools[0].type"},
        {OBJ("\"tools\":[{\"type\":\"bash_20250124x\",\"name\":\"b\"}]"),
         ASG_REASON_UNBOUND_CONTENT, "tools[0].type"},
        {OBJ("\"tools\":[{\"type\":\"code_execution_20250522\","
             "\"name\":\"c\"}]"), ASG_REASON_UNBOUND_CONTENT, "tools[0].type"},
        {OBJ("\"tools\":[{\"type\":\"computer_20250124\",\"name\":\"c\","
             "\"display_width_px\":\"1\"}]"), ASG_REASON_INVALID_VALUE,
         "tools[0].display_width_px"},
        {OBJ("\"tools\":[{\"name\":\"f\",\"headers\":{}}]"),
         ASG_REASON_UNKNOWN_FIELD, "tools[0].headers"},
        {SAYS("{\"type\":\"container_upload\"}"), ASG_REASON_INVALID_VALUE,
         "messages[0].content[0].type"},
        {SAYS("{\"text\":\"x\"}"), ASG_REASON_MISSING_FIELD,
         "messages[0].content[0].type"},
        {SAYS(SOURCE("document", "\"type\":\"file\",\"file_id\":\"f\"")),
         ASG_REASON_INVALID_VALUE, "messages[0].content[0].source.type"},
        {SAYS(SOURCE("image", URL("http://169.254.169.254/"))),
         ASG_REASON_URL_NOT_ALLOWED, "messages[0].content[0].source.url"},
        {SAYS(SOURCE("image", URL("file:///etc/passwd"))),
         ASG_REASON_URL_NOT_ALLOWED, "messages[0].content[0].source.url"},
        {SAYS(SOURCE("image", URL("data:image/png;base64,iVBO"))),
         ASG_REASON_URL_NOT_ALLOWED, "messages[0].content[0].source.url"},
        {SAYS(SOURCE("image", "\"type\":\"base64\",\"media_type\":"
                     "\"image/svg+xml\",\"data\":\"\"")),
         ASG_REASON_INVALID_VALUE, "messages[0].content[0].source.media_type"},
        {"{\"model\":\"m\",\"max_tokens\":1,\"messages\":[{\"role\":\"system\","
         "\"content\":\"x\"}]}", ASG_REASON_INVALID_VALUE, "messages[0].role"},
    };
    static const row_t count_rows[] = {
        {"{" LEAST "}", ASG_REASON_UNKNOWN_FIELD, "max_tokens"},
        {"{" HELLO ",\"stream\":true}", ASG_REASON_UNKNOWN_FIELD, "stream"},
        {"{" HELLO ",\"metadata\":{}}", ASG_REASON_UNKNOWN_FIELD, "metadata"},
    };

    (void) state;
    REFUSED(M, rows);
    for (size_t i = 0; i < sizeof(count_rows) / sizeof(*count_rows); i++) {
        const row_t *row = &count_rows[i];

        /* names that only a model can allow */
        assert_int_equal(scan(C, row->body), ASG_OK);
        assert_int_equal(request.nunknown, 1);
        assert_true(asg_str_eq_z(request.unknown[0], row->param));
    }
    assert_int_equal(scan(M, OBJ("\"inference_geo\":\"us\"")), ASG_OK);
    assert_int_equal(request.nunknown, 1);
}

static void parts_are_counted_for_the_hold(void **state)
{
    (void) state;
    served(M, SAYS(SOURCE("image", PNG) "," SOURCE("image",
        URL("https://x.org/a.png")) ",{\"type\":\"tool_result\","
        "\"tool_use_id\":\"t\",\"content\":[" SOURCE("image", PNG) "]}"));
    assert_int_equal(request.parts.images, 3);
    assert_int_equal(request.parts.media_bytes, 24);
    assert_int_equal(request.parts.files, 0);
    assert_int_equal(request.parts.messages, 2);
    assert_string_equal(request.first_at[ASG_PART_IMAGE],
                        "messages[0].content[0]");
    served(M, SAYS("{\"type\":\"text\",\"text\":\"x\"},"
        SOURCE("document", "\"type\":\"base64\",\"media_type\":"
               "\"application/pdf\",\"data\":\"JVBERg==\"")));
    assert_int_equal(request.parts.files, 1);
    assert_int_equal(request.parts.media_bytes, 0);
    assert_string_equal(request.first_at[ASG_PART_FILE],
                        "messages[0].content[1]");
    served(M, SAYS(SOURCE("document", "\"type\":\"text\",\"media_type\":"
                          "\"text/plain\",\"data\":\"abc\"")));
    assert_int_equal(request.parts.files, 0);
    served(M, OBJ("\"tools\":[{\"name\":\"f\",\"type\":\"custom\"},"
        "{\"type\":\"bash_20250124\",\"name\":\"bash\"},"
        "{\"name\":\"m\",\"type\":\"memory_20250818\"},"
        "{\"type\":\"text_editor_20250728\",\"name\":\"e\","
        "\"max_characters\":10000},{\"type\":\"computer_20251124\","
        "\"name\":\"c\",\"display_width_px\":1024,\"display_height_px\":768,"
        "\"display_number\":1,\"enable_zoom\":true}]"));
    assert_int_equal(request.parts.tools, 5);
    assert_int_equal(request.parts.typed_tools, 4);
    assert_string_equal(request.first_at[ASG_PART_TYPED_TOOL],
                        "tools[1].type");
    /* bytes of an image in a block that is none stay text, and a file */
    served(M, SAYS(SOURCE("text", PNG)));
    assert_int_equal(request.parts.files, 1);
    assert_int_equal(request.parts.media_bytes, 0);
    served(M, OBJ("\"tools\":[{\"name\":\"f\"},{\"name\":\"g\","
                  "\"input_schema\":{\"a\":[1,2]}}]"));
    assert_int_equal(request.parts.tools, 2);
    assert_true(request.parts.values > 3);
    served(M, SAYS("{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\","
                   "\"input\":{}}"));
    assert_int_equal(request.parts.tools, 1);
    assert_int_equal(request.max_tokens, 100);
    assert_int_equal(request.n, 1);
}

static void becomes(asg_api_t api, const char *body, asg_rewrite_t rewrite,
    const char *should)
{
    char text[2048];
    size_t len = 0;

    served(api, body);
    rewrite.model = ASG_STR("served");
    rewrite.max_tokens_field = ASG_STR("max_tokens");
    assert_int_equal(asg_request_splice(&request, &rewrite, &splice), ASG_OK);
    for (unsigned i = 0; i < splice.npieces; i++) {
        memcpy(text + len, splice.piece[i].data, splice.piece[i].len);
        len += splice.piece[i].len;
    }
    assert_int_equal(len, splice.length);
    text[len] = '\0';
    assert_string_equal(text, should);
}

static void the_body_stays_but_for_model_and_project(void **state)
{
    asg_rewrite_t project = {.user = ASG_STR("p1")};
    asg_rewrite_t nobody = {.user = ASG_STR_NULL};
    asg_rewrite_t less = {.user = ASG_STR("p1"), .max_tokens = 50};

    (void) state;
    becomes(M, "{ " LEAST " }", project,
            "{\"metadata\":{\"user_id\":\"p1\"}, \"model\":\"served\","
            "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],"
            "\"max_tokens\":100 }");
    becomes(M, "{\"metadata\" : {\"user_id\":null}, " LEAST "}", project,
            "{\"metadata\":{\"user_id\":\"p1\"}, \"model\":\"served\","
            "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],"
            "\"max_tokens\":100}");
    becomes(M, OBJ("\"metadata\":{\"user_id\":\"x\"},\"stream\":true"), nobody,
            "{\"model\":\"served\",\"messages\":[{\"role\":\"user\","
            "\"content\":\"hi\"}],\"max_tokens\":100,\"stream\":true}");
    becomes(M, OBJ("\"metadata\":{}"), less,
            "{\"model\":\"served\",\"messages\":[{\"role\":\"user\","
            "\"content\":\"hi\"}],\"max_tokens\":50,"
            "\"metadata\":{\"user_id\":\"p1\"}}");
    becomes(C, "{" HELLO "}", project,
            "{\"model\":\"served\",\"messages\":[{\"role\":\"user\","
            "\"content\":\"hi\"}]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_api_has_is_served),
        cmocka_unit_test(what_it_has_not_is_refused_by_name),
        cmocka_unit_test(parts_are_counted_for_the_hold),
        cmocka_unit_test(the_body_stays_but_for_model_and_project),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
