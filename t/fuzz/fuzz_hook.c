/*
 * The answer of a guardrail service: read inside its bytes, the same however
 * they come, and a verdict has names that are names.
 *
 * Input: one byte, how many bytes came first; the answer.
 */
#include <stdlib.h>

#include "core/guard_set.h"
#include "core/hook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static asg_json_t json;

static void must(bool held)
{
    if (!held) {
        abort();
    }
}

static void check_verdict(asg_str_t body)
{
    asg_hook_verdict_t verdict;

    if (asg_hook_verdict(&json, body, &verdict) == ASG_OK) {
        must(verdict.action != ASG_ACTION_REDACT
             && verdict.action < ASG_ACTION_COUNT);
        must(asg_guard_name_is_good(asg_str_z(verdict.rule)));
        must(asg_guard_name_is_good(asg_str_z(verdict.category)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    asg_str_t all, body = ASG_STR_NULL, early = ASG_STR_NULL;
    unsigned status = 0, status_early = 0;
    asg_hook_state_t state, before;
    char *bytes;
    size_t part;

    if (size < 2 || size - 1 > ASG_HOOK_ANSWER_MAX) {
        return 0;
    }
    bytes = malloc(size - 1);
    must(bytes != NULL);
    memcpy(bytes, data + 1, size - 1);
    all = (asg_str_t) {bytes, size - 1};
    part = data[0] < all.len ? data[0] : all.len;
    before = asg_hook_answer((asg_str_t) {bytes, part}, false, &status_early,
                             &early);
    state = asg_hook_answer(all, true, &status, &body);
    must(state != ASG_HOOK_MORE);
    if (before == ASG_HOOK_WHOLE) {
        /* what was whole once is not changed by what follows */
        must(state == ASG_HOOK_WHOLE && status == status_early
             && asg_str_eq(early, body));
    }
    if (state == ASG_HOOK_WHOLE) {
        must(status < 1000 && body.data >= bytes
             && body.data + body.len <= bytes + all.len);
        check_verdict(body);
    }
    check_verdict(all);
    free(bytes);
    return 0;
}
