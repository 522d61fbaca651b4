/* Guardrails over an answer, as tests run them; of one program. */
#ifndef ASG_TEST_GUARDED_H
#define ASG_TEST_GUARDED_H

#include <stdlib.h>

#include "core/guard_answer.h"

static char out[1 << 20];
static size_t out_len;
static asg_action_t actions[ASG_RULE_MAX];
static asg_guard_answer_t g;

/* Blocks of one test, given back at its end. */
static void *blocks[4096];
static unsigned nblocks;

static inline int emit(void *data, const char *bytes, size_t len)
{
    (void) data;
    assert_true(len > 0 && out_len + len < sizeof(out));
    memcpy(out + out_len, bytes, len);
    out_len += len;
    out[out_len] = '\0';
    return 0;
}

static inline void *alloc(void *data, void *old, size_t used, size_t size)
{
    void *more = NULL;

    (void) data;
    if (size > 0) {
        more = malloc(size);
        assert_non_null(more);
        assert_true(nblocks < sizeof(blocks) / sizeof(*blocks));
        blocks[nblocks++] = more;
    }
    if (used > 0) {
        memcpy(more, old, used);
    }
    return more;
}

static inline void give_back(void)
{
    while (nblocks > 0) {
        free(blocks[--nblocks]);
    }
}

static inline void all_are(asg_action_t action)
{
    for (unsigned i = 0; i < ASG_RULE_COUNT; i++) {
        actions[i] = action;
    }
}

static inline void begin(asg_api_t api, bool is_stream)
{
    give_back();
    out_len = 0;
    out[0] = '\0';
    asg_guard_answer_begin(&g, api, is_stream, NULL, actions);
    g.emit = emit;
    g.alloc = alloc;
}

#endif
