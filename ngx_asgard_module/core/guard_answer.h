/*
 * Guardrails over an answer: what its texts carry, and the answer without it.
 *
 * Bytes that the meter has let pass (core/answer.h) go in however they were
 * cut; what is for the client comes out by `emit`.  Which members are texts
 * stands in core/answer_texts.def.
 *
 * Where no rule asks for more than to be flagged, bytes leave at once, and what
 * was found is known at the end.  Else whole events leave, those before the
 * first text that a match could still need: no more than ASG_GUARD_REACH bytes
 * of a text, mostly its last word.  When a text of the same choice begins, or
 * the choice is said to be over, the other is not waited for.  No more than
 * ASG_ANSWER_HELD bytes or ASG_ANSWER_EVENTS events are held back: then all of
 * it is looked at as it is, and leaves.  A longer event than that is not passed
 * on: `too_large`.  What tells a text once more (logprobs) is made null then.
 *
 * No more than ASG_ANSWER_LANES texts are open at a time; of more, the one that
 * was silent for longest is taken as over.  If it goes on all the same, what
 * stands over that seam is not known: every rule has matched then, as with one
 * whose search a limit ended (`lost`).
 *
 *     asg_guard_answer_begin(g, api, is_stream, set, actions);
 *     g->emit = …; g->alloc = …; g->data = …;
 *     … asg_guard_answer_feed(g, bytes, len) …
 *     asg_guard_answer_end(g);
 *
 * After `blocked` is no longer ASG_RULE_MAX, or with `too_large`, nothing
 * more comes out: the caller tells the client why.  A match that could not be
 * taken out, as it is the name of a member or has left already, is counted in
 * `matches` and not in `redacted`.
 */
#ifndef ASG_GUARD_ANSWER_H
#define ASG_GUARD_ANSWER_H

#include "core/answer_texts.h"
#include "core/guard_lane.h"

#define ASG_ANSWER_HELD    131072
#define ASG_ANSWER_EVENTS  512
/* Two for each choice of a call that asks for the most. */
#define ASG_ANSWER_LANES   256
#define ASG_ANSWER_GONE    1024

typedef struct asg_guard_answer {
    /* of the caller */
    int (*emit)(void *data, const char *bytes, size_t len);
    /* `size` bytes that begin with the `used` first of `old`, which is not used
     * any more (NULL: there was none); NULL: no memory.  `size` 0: `old` is
     * given back */
    void *(*alloc)(void *data, void *old, size_t used, size_t size);
    void *data;
    /* what was found */
    uint32_t matches[ASG_RULE_MAX];
    uint32_t redacted[ASG_RULE_MAX];
    uint64_t gave_up;           /* as in guard_body.h */
    bool lost;                  /* all rules have given up */
    asg_rule_t blocked;         /* ASG_RULE_MAX: nothing is */
    bool too_large;
    bool failed;                /* no memory */
    /* private */
    const asg_guard_set_t *set;
    asg_action_t actions[ASG_RULE_MAX];
    uint8_t mark_of[ASG_RULE_MAX];
    uint8_t rule_of[0x20];
    asg_shape_t shape;
    bool is_stream;
    bool holds;                 /* a rule asks for more than a flag */
    char *raw;                  /* what is held, and the event at hand */
    size_t len, size;
    size_t at;                  /* of raw: the event at hand begins */
    size_t seen;                /* of raw: looked at for the event's end */
    uint32_t base;              /* place of raw[0] in the answer */
    const char *event;          /* at hand, with its texts */
    uint32_t event_at;
    unsigned nends;             /* of the events that are held, in raw */
    uint32_t ends[ASG_ANSWER_EVENTS];
    bool in_line, after_cr;
    bool has_texts;             /* the event at hand has */
    bool is_long;               /* it is too long to be kept */
    bool is_cut;                /* something in raw is to be taken out */
    bool cut_now;               /* by the hit at hand */
    asg_rule_t rule;
    uint64_t fed;
    asg_lane_owner_t owner;
    unsigned nlanes;
    asg_lane_t *lanes[ASG_ANSWER_LANES];
    unsigned ngone;
    uint64_t gone[ASG_ANSWER_GONE];     /* ids of those taken as over */
} asg_guard_answer_t;

/* `set`: rules of the operator, or NULL. */
void asg_guard_answer_begin(asg_guard_answer_t *g, asg_api_t api,
    bool is_stream, const asg_guard_set_t *set,
    const asg_action_t actions[ASG_RULE_MAX]);
/* Of a stream.  Returns 0, or what emit returned. */
int asg_guard_answer_feed(asg_guard_answer_t *g, const char *bytes, size_t len);
/* No more bytes. */
int asg_guard_answer_end(asg_guard_answer_t *g);

/* A whole answer, in which what is to be taken out is marked. */
void asg_guard_answer_json(asg_guard_answer_t *g, char *body, size_t len);
/* Bytes of the answer as the client gets it. */
size_t asg_guard_answer_size(const asg_guard_answer_t *g, const char *body,
    size_t len);
/* Writes it: asg_guard_answer_size() bytes. */
void asg_guard_answer_write(const asg_guard_answer_t *g, const char *body,
    size_t len, char *out);

/* What was done about a rule that matched. */
asg_action_t asg_guard_answer_action(const asg_guard_answer_t *g,
    asg_rule_t rule);

#endif
