/* What is read of a refusal is within bounds and of the grammar, and reads the
 * same again when it is written down; names and values stand a line each. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "core/refused.h"
#include "core/rkey.h"
#include "core/trace.h"

#define LINES 40

static size_t cut(const char *bytes, size_t len, asg_str_t *lines)
{
    size_t n = 0, from = 0, i;

    for (i = 0; i <= len && n < LINES; i++) {
        if (i == len || bytes[i] == '\n') {
            lines[n++] = (asg_str_t) {bytes + from, i - from};
            from = i + 1;
        }
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    asg_str_t lines[LINES];
    asg_refused_t r = {.count = 77}, again;
    size_t n = cut((const char *) data, size, lines);

    if (asg_refused_parse(lines, n, &r) != ASG_OK) {
        assert(r.count == 77);
        return 0;
    }
    assert(asg_id_is_valid(r.key) && asg_id_is_valid(r.project));
    assert(asg_trace_is_valid(r.trace));
    assert(r.code.len > 0 && r.code.len <= ASG_REFUSED_CODE_MAX);
    assert(r.count > 0 && r.until_ms >= r.since_ms);
    assert(r.until_ms <= ASG_REFUSED_NUMBER_MAX);
    assert(asg_refused_parse(lines, n, &again) == ASG_OK);
    assert(again.count == r.count);
    assert(asg_refused_parse(lines, n - 1, &again) != ASG_OK);
    return 0;
}
