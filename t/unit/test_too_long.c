/* core/too_long.h: a refusal because of the prompt's length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/too_long.h"

static void each_providers_words_are_known(void **state)
{
    static const char *const texts[] = {
        "{\"error\":{\"message\":\"x\",\"code\":\"context_length_exceeded\"}}",
        "{\"message\":\"This model's maximum context length is 8192 tokens\"}",
        "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\","
        "\"message\":\"prompt is too long: 210000 tokens > 200000 maximum\"}}",
        "The input token count (9) exceeds the maximum number of tokens",
        "exceeds the Context Window of this model",
        "litellm.ContextWindowExceededError: x",
        "input length and `max_tokens` exceed context limit: 199000 + 8192",
        "{\"message\":\"Input is too long for requested model.\"}",
        "The decoder prompt (length 9) is longer than the maximum model length",
        "the request exceeds the available context size, try increasing it"
    };

    (void) state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        if (!asg_too_long_says(asg_str_z(texts[i]))) {
            fail_msg("%s", texts[i]);
        }
    }
}

static void other_refusals_are_not_taken_for_it(void **state)
{
    static const char *const texts[] = {
        "", "{}", "{\"error\":{\"message\":\"max_tokens is too large\"}}",
        "context_length_exceede", "{\"error\":\"context length\"}"
    };

    (void) state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        if (asg_too_long_says(asg_str_z(texts[i]))) {
            fail_msg("%s", texts[i]);
        }
    }
}

static void no_byte_behind_the_text_or_the_bound_is_read(void **state)
{
    static const char word[] = "context_length_exceeded";
    size_t n = sizeof(word) - 1;
    char *text;

    (void) state;
    for (size_t len = 0; len < n; len++) {
        text = malloc(len + 1);
        assert_non_null(text);
        memcpy(text, word, len);
        text[len] = word[len];
        assert_false(asg_too_long_says((asg_str_t) {text, len}));
        free(text);
    }
    text = malloc(ASG_TOO_LONG_BYTES + n);
    assert_non_null(text);
    memset(text, 'x', ASG_TOO_LONG_BYTES);
    memcpy(text + ASG_TOO_LONG_BYTES - n + 1, word, n);
    assert_false(asg_too_long_says((asg_str_t) {text,
                                                ASG_TOO_LONG_BYTES + n}));
    memcpy(text + ASG_TOO_LONG_BYTES - n, word, n);
    assert_true(asg_too_long_says((asg_str_t) {text, ASG_TOO_LONG_BYTES}));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_providers_words_are_known),
        cmocka_unit_test(other_refusals_are_not_taken_for_it),
        cmocka_unit_test(no_byte_behind_the_text_or_the_bound_is_read)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
