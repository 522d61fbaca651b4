/*
 * The search for a key in any bytes, in parts and whole: it never reads
 * outside, and a key that is put among them is found however it is cut.
 */
#include <stdlib.h>
#include <string.h>

#include "core/leak.h"

#define KEY "sk-fuzz-0a1B2c3D4e5F6g7H8i9J/k1%2m3N"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In parts of 1 to 64 bytes, as the first byte says. */
static bool found_in_parts(const asg_leak_t *leak, const char *text, size_t len)
{
    asg_leak_tail_t tail = {.len = 0};
    asg_leak_texts_t texts = {.len = 0};
    size_t step = len > 0 ? 1 + (uint8_t) text[0] % 64 : 1;
    bool found = false;

    for (size_t at = 0, n; at < len; at += n) {
        n = len - at < step ? len - at : step;
        found |= asg_leak_finds_next(leak, &tail, text + at, n);
        (void) asg_leak_finds_over(leak, &texts, (asg_str_t) {text + at, n});
    }
    return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static asg_leak_t leak;
    size_t at = size / 2, n = sizeof(KEY) - 1;
    char *text = malloc(size + n);

    if (!asg_leak_is_set(&leak)) {
        asg_leak_init(&leak, ASG_STR(KEY));
    }
    memcpy(text, data, size);
    (void) found_in_parts(&leak, text, size);
    (void) asg_leak_finds(&leak, (asg_str_t) {text, size});
    memcpy(text, data, at);
    memcpy(text + at, KEY, n);
    memcpy(text + at + n, data + at, size - at);
    if (!found_in_parts(&leak, text, size + n)
        || !asg_leak_finds(&leak, (asg_str_t) {text, size + n}))
    {
        abort();
    }
    free(text);
    return 0;
}
