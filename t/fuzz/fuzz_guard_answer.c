/*
 * What guardrails make of a stream does not depend on how it is cut: the same
 * comes out, the same is counted.
 *
 * Input: a byte, the size of the pieces; a byte, the route, whether things are
 * redacted or flagged alone, and whether an operator has rules; the stream.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/guard_answer.h"
#include "../unit/guard_sets.h"

#define TEXT_MAX    4096
#define OUT_MAX     (64 * TEXT_MAX)
#define BLOCKS_MAX  (2 * ASG_ANSWER_LANES + 2048)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    asg_guard_answer_t guard;
    size_t len;
    char out[OUT_MAX];
} run_t;

static run_t whole, pieces;
static void *blocks[BLOCKS_MAX];
static unsigned nblocks;
static asg_guard_set_t set;

static void must(bool held)
{
    if (!held) {
        abort();
    }
}

static int emit(void *data, const char *bytes, size_t len)
{
    run_t *run = data;

    must(len > 0 && run->len + len <= OUT_MAX);
    memcpy(run->out + run->len, bytes, len);
    run->len += len;
    return 0;
}

static void *alloc(void *data, void *old, size_t used, size_t size)
{
    void *more;

    (void) data;
    if (size == 0) {
        return NULL;
    }
    more = malloc(size);
    must(more != NULL && nblocks < BLOCKS_MAX);
    blocks[nblocks++] = more;
    if (used > 0) {
        memcpy(more, old, used);
    }
    return more;
}

static void make_set(void)
{
    sets_begin(&set);
    (void) sets_pattern(&set, "ticket", "\\bTCK-\\d{6}\\b");
    (void) sets_pattern(&set, "quoted", "<[^>]{0,40}>|a{3}b?");
    (void) sets_words(&set, "words", "project falcon\nfalcon\n");
}

static void play(run_t *run, const uint8_t *text, size_t len, size_t step,
    uint8_t how)
{
    asg_action_t actions[ASG_RULE_MAX];

    asg_guard_actions_of_answers(actions);
    for (unsigned i = 0; (how & 0x80) != 0 && i < ASG_RULE_COUNT; i++) {
        actions[i] = ASG_ACTION_REDACT;
    }
    for (unsigned i = 0; i < set.nrules; i++) {
        actions[ASG_RULE_COUNT + i] = (how & 0x80) != 0 ? ASG_ACTION_REDACT
                                                        : ASG_ACTION_FLAG;
    }
    run->len = 0;
    asg_guard_answer_begin(&run->guard, (asg_api_t) (how % ASG_API_COUNT), true,
                           (how & 0x40) != 0 ? &set : NULL, actions);
    run->guard.emit = emit;
    run->guard.alloc = alloc;
    run->guard.data = run;
    for (size_t at = 0; at < len; at += step) {
        size_t n = len - at < step ? len - at : step;
        char *piece = malloc(n);

        must(piece != NULL);
        memcpy(piece, text + at, n);
        must(asg_guard_answer_feed(&run->guard, piece, n) == 0);
        free(piece);
    }
    must(asg_guard_answer_end(&run->guard) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3 || size > TEXT_MAX) {
        return 0;
    }
    if (set.nrules == 0) {
        make_set();
    }
    play(&whole, data + 2, size - 2, size - 2, data[1]);
    play(&pieces, data + 2, size - 2, data[0] % 64 + 1u, data[1]);
    must(whole.len == pieces.len
         && memcmp(whole.out, pieces.out, whole.len) == 0);
    must(memcmp(whole.guard.matches, pieces.guard.matches,
                sizeof(whole.guard.matches)) == 0);
    must(memcmp(whole.guard.redacted, pieces.guard.redacted,
                sizeof(whole.guard.redacted)) == 0);
    while (nblocks > 0) {
        free(blocks[--nblocks]);
    }
    return 0;
}
