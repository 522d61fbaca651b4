/*
 * The two halves of the walk over an answer: answer_scan.c knows the grammar
 * and what a value means, answer_token.c takes strings, numbers and words.
 * Private to them.
 */
#ifndef ASG_ANSWER_WALK_H
#define ASG_ANSWER_WALK_H

#include "core/answer_scan.h"

enum {
    AT_START = 0,
    AT_FIRST_KEY,               /* after '{' */
    AT_KEY,                     /* after ',' in an object */
    AT_COLON,
    AT_VALUE,
    AT_FIRST_ITEM,              /* after '[' */
    AT_AFTER,                   /* after a value inside a container */
    AT_STRING,
    AT_ESCAPE,
    AT_HEX,
    AT_NUMBER,
    AT_LITERAL,
    AT_DONE,
    AT_FAULT
};

/* A count has the role ROLE_COUNT + asg_count_t. */
enum {
    ROLE_NONE = 0,
    /* members of the answer; each has a bit in `seen` */
    ROLE_ID, ROLE_MODEL, ROLE_USAGE, ROLE_ERROR, ROLE_CHOICES, ROLE_OBJECT,
    ROLE_TIER,
    ROLE_WHOLE,                 /* the message that an event holds */
    ROLE_TELLING,               /* says who answers; has no bit */
    /* inside choices */
    ROLE_TEXT, ROLE_CONTENT, ROLE_ARGUMENTS, ROLE_MEDIA, ROLE_MESSAGE,
    ROLE_MUTE, ROLE_LOUD,
    /* inside usage */
    ROLE_PROMPT_DETAIL, ROLE_COMPLETION_DETAIL, ROLE_WRITE_DETAIL,
    /* inside prompt_tokens_details */
    ROLE_WRITE_DEEP,
    ROLE_COUNT
};

static inline void asg_walk_fault(asg_answer_scan_t *s)
{
    s->state = AT_FAULT;
}

static inline bool asg_walk_is_count(const asg_answer_scan_t *s)
{
    return s->role >= ROLE_COUNT;
}

static inline bool asg_walk_is_text(const asg_answer_scan_t *s)
{
    return (s->role >= ROLE_TEXT && s->role <= ROLE_MEDIA) || s->loud != 0;
}

/* 1: the members of the answer, or of the message in an event. */
static inline unsigned asg_walk_level(const asg_answer_scan_t *s)
{
    return s->depth - s->base;
}

/* A model's own words: arguments of a call, and texts of its message, down to
 * the parts of its content.  What is quoted lies deeper. */
static inline bool asg_walk_is_own_text(const asg_answer_scan_t *s)
{
    return s->role == ROLE_ARGUMENTS
        || ((s->role == ROLE_TEXT || s->role == ROLE_CONTENT)
            && s->depth <= 6);
}

/* answer_scan.c: something ended. */
void asg_walk_key_done(asg_answer_scan_t *s, const char *word, size_t len);
void asg_walk_count_done(asg_answer_scan_t *s);
/* `to`: the offset after the value. */
void asg_walk_value_done(asg_answer_scan_t *s, size_t to);

/* answer_token.c: takes bytes from `p`, whose offset is `at`; returns where it
 * stopped. */
const char *asg_walk_string(asg_answer_scan_t *s, const char *p,
    const char *end, size_t at);
const char *asg_walk_number(asg_answer_scan_t *s, const char *p,
    const char *end, size_t at);
const char *asg_walk_literal(asg_answer_scan_t *s, const char *p,
    const char *end, size_t at);
/* One byte of an escape, of its digits; the first of a number. */
void asg_walk_escape(asg_answer_scan_t *s, char c);
void asg_walk_hex(asg_answer_scan_t *s, char c);
void asg_walk_open_number(asg_answer_scan_t *s, char c);

#endif
