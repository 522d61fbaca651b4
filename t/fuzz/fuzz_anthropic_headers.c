/*
 * Of a client's list of betas nothing passes that is not allowed, nothing
 * twice, and it always fits.
 *
 * Input: one byte that says how many are allowed; the list.
 */
#include <stdlib.h>
#include <string.h>

#include "core/anthropic_headers.h"

static const asg_str_t allowed[] = {
    {"a", 1}, {"b", 1}, {"ab", 2}, {"a-1", 3}
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held) {
        abort();
    }
}

static unsigned index_of(asg_str_t word)
{
    unsigned i = 0;

    while (i < 4 && !asg_str_eq(word, allowed[i])) {
        i++;
    }
    return i;
}

static void check(asg_str_t text, unsigned nallowed)
{
    unsigned seen = 0;

    while (text.len > 0) {
        const char *comma = memchr(text.data, ',', text.len);
        size_t n = comma != NULL ? (size_t) (comma - text.data) : text.len;
        unsigned i = index_of((asg_str_t) {text.data, n});

        must(i < nallowed && (seen & 1u << i) == 0);
        seen |= 1u << i;
        must(comma == NULL || n + 1 < text.len);
        text.data += n + (comma != NULL);
        text.len -= n + (comma != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[ASG_ANTHROPIC_BETA_TEXT];
    unsigned sent = 0;
    asg_str_t list;
    asg_buf_t out;

    if (size == 0) {
        return 0;
    }
    list = (asg_str_t) {(const char *) data + 1, size - 1};
    asg_buf_init(&out, text, sizeof(text));
    asg_anthropic_betas(&out, list, allowed, data[0] % 5, &sent);
    must(asg_buf_ok(&out));
    check(asg_buf_view(&out), data[0] % 5);
    if (asg_anthropic_version_is_valid(list)) {
        must(list.len == 10 && list.data[4] == '-');
    }
    (void) asg_anthropic_beta_is_valid(list);
    return 0;
}
