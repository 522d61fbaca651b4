/*
 * Guardrails: what a text must not carry, found in linear time.
 *
 * asg_guard_find() tells each hit in a piece of plain text.  A rule looks at no
 * more than ASG_GUARD_REACH bytes on either side of its anchor (the `@` of an
 * address, the first digit of a number), whatever stands there, so the time is
 * linear in the text, and a text may be looked at in pieces that overlap:
 * asg_guard_stream_feed() finds what asg_guard_find() finds in the whole,
 * however it is cut, and keeps at most ASG_GUARD_STREAM bytes.
 *
 * A hit says where it is and which rule it is of, and nothing here keeps what
 * was matched.
 *
 *     asg_guard_find(text, 0, text.len, found, data);
 */
#ifndef ASG_GUARD_H
#define ASG_GUARD_H

#include "core/err.h"
#include "core/str.h"

typedef enum {
    ASG_RULE_PROMPT_INJECTION = 0,
    ASG_RULE_PII_EMAIL, ASG_RULE_PII_SSN, ASG_RULE_PII_CREDIT_CARD,
    ASG_RULE_SECRET_AWS_ACCESS_KEY, ASG_RULE_SECRET_GITHUB_PAT,
    ASG_RULE_SECRET_PRIVATE_KEY,
    ASG_RULE_COUNT              /* from here on those of the operator */
} asg_rule_t;

/* The later one outranks the earlier. */
typedef enum {
    ASG_ACTION_ALLOW = 0,       /* the rule is not looked for */
    ASG_ACTION_FLAG, ASG_ACTION_REDACT, ASG_ACTION_BLOCK,
    ASG_ACTION_COUNT
} asg_action_t;

typedef enum {
    ASG_GUARD_UNSAID = 0,       /* a project that leaves it to the gateway */
    ASG_GUARD_ENFORCE,
    ASG_GUARD_MONITOR,          /* all is noted, nothing refused or changed */
    ASG_GUARD_OFF,              /* nothing is looked for */
    ASG_GUARD_MODE_COUNT
} asg_guard_mode_t;

#define ASG_RULE_NAME_MAX   32
/* Rules of the operator's (guard_set.h). */
#define ASG_RULE_OPERATOR   64
#define ASG_RULE_MAX        (ASG_RULE_COUNT + ASG_RULE_OPERATOR)
#define ASG_GUARD_REACH     384
#define ASG_GUARD_STREAM    4096

typedef struct {
    size_t start, end;          /* of the match in the text */
    asg_rule_t rule;
} asg_hit_t;

typedef void (*asg_hit_pt)(void *data, const asg_hit_t *hit);

/* "pii-email", …; never NULL. */
const char *asg_rule_name(asg_rule_t rule);
/* "injection", "pii", "secret" */
const char *asg_rule_category(asg_rule_t rule);
ASG_MUST_CHECK asg_err_t asg_rule_parse(asg_str_t name, asg_rule_t *out);
const char *asg_action_name(asg_action_t action);
ASG_MUST_CHECK asg_err_t asg_action_parse(asg_str_t name, asg_action_t *out);
/* "enforce", …; "" of ASG_GUARD_UNSAID. */
const char *asg_guard_mode_name(asg_guard_mode_t mode);
ASG_MUST_CHECK asg_err_t asg_guard_mode_parse(asg_str_t name,
    asg_guard_mode_t *out);

/* Of requests: block secrets, redact personal data, flag injection.  The rules
 * of the operator are allowed, here and in the next one: they say it
 * themselves. */
void asg_guard_actions_default(asg_action_t actions[ASG_RULE_MAX]);
/* Of answers: all is flagged. */
void asg_guard_actions_of_answers(asg_action_t actions[ASG_RULE_MAX]);
/* What is not allowed is flagged, and no more. */
void asg_guard_actions_monitor(asg_action_t actions[ASG_RULE_MAX]);

/* The hits whose anchors are in [from, to), in the order of anchors. */
void asg_guard_find(asg_str_t text, size_t from, size_t to, asg_hit_pt found,
    void *data);
/* The same without vectors: the reference, for tests and benchmarks. */
void asg_guard_find_plain(asg_str_t text, size_t from, size_t to,
    asg_hit_pt found, void *data);

typedef struct {
    size_t len;                 /* bytes kept */
    size_t from;                /* the first anchor that was not looked at */
    char kept[ASG_GUARD_STREAM];
} asg_guard_stream_t;

void asg_guard_stream_init(asg_guard_stream_t *stream);
/* Offsets of hits are within what is kept: only their rules mean something. */
void asg_guard_stream_feed(asg_guard_stream_t *stream, const char *text,
    size_t len, asg_hit_pt found, void *data);
/* The text is over; the next one may begin. */
void asg_guard_stream_end(asg_guard_stream_t *stream, asg_hit_pt found,
    void *data);

#endif
