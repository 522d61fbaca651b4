/*
 * What an answer's reader passes on, in a row: the `emit` of tests.
 */
#ifndef COLLECTED_H
#define COLLECTED_H

#include <string.h>

#include "core/answer.h"

static char out[3 * ASG_ANSWER_LINE];
static size_t out_len;

static int collect(void *data, const char *bytes, size_t len)
{
    (void) data;
    assert_true(len > 0 && out_len + len <= sizeof(out));
    memcpy(out + out_len, bytes, len);
    out_len += len;
    return 0;
}

static inline void out_is(const char *should)
{
    if (out_len != strlen(should) || memcmp(out, should, out_len) != 0) {
        fail_msg("%.*s instead of %s", (int) out_len, out, should);
    }
}

#endif
