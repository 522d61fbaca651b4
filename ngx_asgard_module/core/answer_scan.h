/*
 * One walk over the JSON of a provider's answer, cut anywhere.
 *
 * Bytes are pushed in; what was learnt stands in asg_answer_scan_t afterwards
 * and never depends on the cuts.  The grammar is RFC 8259 with an object at
 * the top and at most 64 levels; UTF-8 is not checked (it is the provider's
 * text, and some cut characters), and of repeated keys only those are refused
 * on which something depends here.  No storage but the struct.
 *
 * What a member means depends on whose words the answer is in.  In those of
 * Anthropic's Messages API an event may hold a whole message (`message`, of
 * message_start): its members are read as if they stood at the top.
 *
 * Private to core/: answer_sse.c and answer_json.c use it.
 */
#ifndef ASG_ANSWER_SCAN_H
#define ASG_ANSWER_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/tier.h"

#define ASG_SCAN_DEPTH_MAX 64
#define ASG_SCAN_WORD      128          /* a longer key or id is not known */
#define ASG_SCAN_TELLING   8            /* of an answer; more pass */

typedef enum {
    ASG_WORDS_OPENAI = 0,
    ASG_WORDS_MESSAGES          /* of Anthropic */
} asg_words_t;

/* the numbers of a usage object */
typedef enum {
    ASG_COUNT_PROMPT = 0,
    ASG_COUNT_COMPLETION,
    ASG_COUNT_CACHED,           /* prompt_tokens_details.cached_tokens */
    ASG_COUNT_CACHED_FLAT,      /* usage.cache_read_input_tokens and kin */
    ASG_COUNT_WRITE,            /* prompt_tokens_details.cache_*_tokens */
    ASG_COUNT_WRITE_FLAT,       /* usage.cache_creation_input_tokens */
    ASG_COUNT_REASONING,
    ASG_COUNT_REASONING_FLAT,
    ASG_COUNT_AUDIO_IN,         /* prompt_tokens_details.audio_tokens */
    ASG_COUNT_AUDIO_OUT,        /* completion_tokens_details.audio_tokens */
    ASG_COUNT_WRITE_5M,         /* cache_creation.ephemeral_5m_input_tokens */
    ASG_COUNT_WRITE_1H,         /* in `usage` */
    ASG_COUNT_WRITE_5M_DEEP,    /* the same in prompt_tokens_details, as */
    ASG_COUNT_WRITE_1H_DEEP,    /* cache_creation_token_details */
    ASG_COUNT_COUNT
} asg_count_t;

/* [from, to) in the offsets that the caller gave; to == 0: not there */
typedef struct {
    size_t from;
    size_t to;
} asg_scan_span_t;

/* A member of the answer that is not for the client. */
typedef struct {
    size_t key;                 /* its quote */
    size_t comma;               /* before it; 0: it is the first member */
    size_t to;
} asg_scan_member_t;

typedef struct {
    /* what was learnt */
    asg_scan_span_t model;      /* the value, if it is a string */
    asg_scan_span_t name;       /* the value of `id`, if it is a string */
    asg_scan_member_t telling[ASG_SCAN_TELLING];
    unsigned tellings;          /* of them, whose end was seen */
    asg_scan_span_t usage;      /* the member and one comma beside it */
    asg_scan_span_t content;    /* choices[0].message.content, if a string */
    uint64_t content_bytes;     /* text, reasoning, names, arguments, sound,
                                 * pictures */
    uint64_t text_bytes;        /* of them, what the model itself wrote, word by
                                 * word */
    bool has_usage;             /* an object, or something that is no null */
    bool usage_bad;             /* a number of it is none, or stands twice */
    bool usage_huge;            /* it has more digits than a count can have */
    bool no_choices;            /* `choices` is an empty array */
    bool is_error;              /* `error` that is no null; `object`: "error" */
    size_t error_at;            /* offset from which that was known */
    size_t text_at;             /* where the first text begins; 0: none */
    bool done_mark;             /* [DONE] instead of an object */
    asg_tier_t tier;            /* `service_tier`, if it is a string */
    bool stop_mark;             /* `type`: "message_stop" */
    bool begins;                /* it holds the message that begins */
    uint64_t count[ASG_COUNT_COUNT];
    unsigned counts;            /* bit 1 << asg_count_t: it was there */
    unsigned count_keys;        /* its key was, whatever its value */
    /* where we are */
    unsigned state;
    unsigned number;            /* part of a number */
    unsigned depth;
    unsigned role;              /* of the value to come or at hand */
    unsigned top;               /* role of the top-level member at hand */
    unsigned detail;            /* role of the object inside `usage` */
    unsigned mute;              /* depth below which no text counts; 0: none */
    unsigned loud;              /* below which all of it does, names too */
    unsigned base;              /* levels around the members at hand: 1 in the
                                 * message that an event holds */
    asg_words_t words;
    unsigned word_len;
    unsigned hex_left;
    bool is_key;
    bool word_odd;              /* a byte that no key or id of ours has */
    bool in_message;
    bool wants_comma;           /* `usage` came first: take its comma */
    unsigned seen;              /* bit 1 << role: top-level members, objects
                                 * inside `usage` */
    const char *literal;        /* what is left of it */
    uint32_t hex;
    uint64_t item;              /* of `choices` */
    uint64_t arrays;            /* bit d - 1: level d is an array */
    uint64_t value;             /* of a count */
    bool value_bad;
    bool value_huge;
    bool has_comma;
    size_t comma;               /* the last one on the top level */
    size_t key;                 /* quote of the last key on the top level */
    char id[ASG_SCAN_WORD];     /* "" when absent, longer, or not
                                 * printable ASCII */
    char word[ASG_SCAN_WORD];   /* of a key or id that came in parts */
} asg_answer_scan_t;

void asg_answer_scan_begin(asg_answer_scan_t *s, asg_words_t words);
/* `at`: offset of the first byte, in the caller's own counting. */
void asg_answer_scan_feed(asg_answer_scan_t *s, const char *bytes, size_t len,
    size_t at);
/* In a string: the same, but no further than to its end.  Returns how many
 * bytes it took; all, when the string goes on. */
size_t asg_answer_scan_text(asg_answer_scan_t *s, const char *bytes, size_t len,
    size_t at);
/* A whole object and nothing but space after it. */
bool asg_answer_scan_is_whole(const asg_answer_scan_t *s);
/* Nothing but space was seen. */
bool asg_answer_scan_is_empty(const asg_answer_scan_t *s);
/* What was seen cannot be the beginning of an answer. */
bool asg_answer_scan_failed(const asg_answer_scan_t *s);

#endif
