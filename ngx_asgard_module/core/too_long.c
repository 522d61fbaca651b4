/*
 * Does a provider refuse a request because its prompt is too long?
 */
#include "core/too_long.h"

#include <string.h>

/* In lower case.  OpenAI's code; its sentence, which vLLM and others took
 * over; Anthropic's two; Gemini's; LiteLLM's name of the class; Bedrock's;
 * vLLM's own; llama.cpp's. */
static const char *const words[] = {
    "context_length_exceeded",
    "maximum context length",
    "prompt is too long",
    "exceed context limit",
    "input token count",
    "context window",
    "contextwindowexceeded",
    "input is too long for requested model",
    "longer than the maximum model length",
    "exceeds the available context size"
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char) (c + ('a' - 'A')) : c;
}

static bool stands_at(asg_str_t body, size_t at, const char *word)
{
    for (size_t i = 0; word[i] != '\0'; i++) {
        if (at + i >= body.len || lower(body.data[at + i]) != word[i]) {
            return false;
        }
    }
    return true;
}

bool asg_too_long_says(asg_str_t body)
{
    if (body.len > ASG_TOO_LONG_BYTES) {
        body.len = ASG_TOO_LONG_BYTES;
    }
    for (size_t at = 0; at < body.len; at++) {
        for (size_t w = 0; w < sizeof(words) / sizeof(*words); w++) {
            if (stands_at(body, at, words[w])) {
                return true;
            }
        }
    }
    return false;
}
