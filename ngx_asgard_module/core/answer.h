/*
 * What an answer says of itself: tokens, completeness, and the rewritten bytes
 * that the client gets.
 *
 * One asg_answer_t per attempt.  Bytes go in however they were cut; the result
 * never depends on the cuts.  For a stream, whole events come out again with
 * `model` replaced by the name that was asked for and `id` by the caller's,
 * without what tells of the provider, and without the extra usage event when
 * the client did not ask for it.  For a JSON answer the caller
 * holds the whole body and asks for its splices.
 *
 * `usage` counts only at the top level of the answer (of an event): text may
 * contain anything.  An event that came cut is kept in memory of the caller's,
 * at most ASG_ANSWER_LINE bytes; an event longer than that is passed on as it
 * comes, its model rewritten when it stands in the first ASG_ANSWER_LINE bytes,
 * its usage still read.
 *
 * An error that a provider sends inside a stream may hold anything: its data
 * are replaced by our own words, and so are data that are no JSON object.  The
 * [DONE] of a provider that goes on after either is dropped: the client would
 * take it for a clean end.  Of the other lines of an event only `event:` with
 * a plain name is passed on; a comment becomes an empty one, so that it still
 * keeps the connection alive.  After the first ASG_ANSWER_LINE bytes an event
 * may have no further line.
 *
 * An answer in the words of Anthropic's Messages API (ASG_WORDS_MESSAGES) says
 * its usage in two parts, at the beginning and at the end; what only the
 * beginning said is `partial`.  Its end is message_stop.
 *
 * Where a piece of the key stands that the provider was sent (core/leak.h), be
 * it spread over the first texts of events that follow one another, the client
 * gets our error event instead, and nothing after it; the usage is read to the
 * end.
 * Usage that is repeated with every event counts as it was last said, while it
 * grows; GOOD without `done` is what the stream had said when it was cut, and
 * with `content_after_usage` it is no more than a lower bound.
 */
#ifndef ASG_ANSWER_H
#define ASG_ANSWER_H

#include <stdint.h>

#include "core/answer_again.h"
#include "core/answer_scan.h"
#include "core/err.h"
#include "core/leak.h"
#include "core/price.h"
#include "core/str.h"
#include "core/tier.h"

#define ASG_ANSWER_LINE   65536
#define ASG_ANSWER_NO_MEMORY (-1)
#define ASG_ANSWER_ID_MAX 128
#define ASG_ANSWER_TEXT   640           /* the shown name as JSON */

typedef enum {
    ASG_USAGE_NONE,             /* none seen */
    ASG_USAGE_GOOD,
    ASG_USAGE_BAD               /* negative, fractional, not a number, twice, a
                                 * part above its whole, a zero prompt, zero
                                 * completion after content, too little for
                                 * the text, or `above` */
} asg_usage_verdict_t;

typedef struct {
    asg_tokens_t tokens;        /* valid when verdict is GOOD */
    asg_usage_verdict_t verdict;
    asg_tier_t tier;            /* that served it, as it was last said */
    uint64_t content_bytes;     /* text, tool arguments, reasoning text */
    uint64_t content_after_usage;       /* of them, after the last usage */
    uint64_t events;            /* SSE events with data */
    bool above;                 /* BAD, for it is more than the call can have
                                 * used */
    bool has_content;
    bool done;                  /* [DONE] seen, or the JSON is whole */
    bool partial;               /* said when the answer began: no more than a
                                 * lower bound */
    bool malformed;             /* an answer or event that is not JSON */
    bool error_event;           /* a top-level "error", in an event or in a
                                 * JSON answer; in a stream it was replaced */
    bool leaked;                /* a piece of our key was in it: the bytes from
                                 * there on are not for the client */
    char id[ASG_ANSWER_ID_MAX]; /* the answer's own "id", NUL-terminated; ""
                                 * when it is longer */
} asg_usage_t;

/* `size` bytes, at most ASG_ANSWER_LINE, that begin with the `used` first bytes
 * of `line`, which is not used any more; NULL: no memory. */
typedef char *(*asg_answer_grow_pt)(void *data, char *line, size_t used,
    size_t size);

typedef struct {
    asg_usage_t usage;
    asg_str_t model;            /* name to show; borrowed */
    bool hide_usage;            /* drop the extra usage event */
    asg_str_t name;             /* the answer's id to show, as JSON, instead of
                                 * the provider's, whose members that tell of
                                 * it are dropped; a null string: it may be
                                 * known.  Borrowed; set after
                                 * asg_answer_init() */
    int64_t context_tokens;     /* no side of a call can be larger: of the
                                 * model x n or x inputs; 0: not known */
    int64_t total_tokens;       /* nor can both together; 0: not known.  Set
                                 * after asg_answer_init() */
    asg_bound_t bound;          /* what was held for: no prompt is larger, and
                                 * no answer but by what it has of text, a byte
                                 * a token.  hold_nusd 0: not known.  After
                                 * init, too */
    uint64_t echoed_bytes;      /* text that may be the request's own; after
                                 * init, too */
    const asg_leak_t *leak;     /* the key that was sent, after init too; NULL:
                                 * none was */
    asg_answer_grow_pt grow;    /* where `line` was NULL: set after
                                 * asg_answer_init() too */
    void *grow_data;
    /* private */
    char *line;                 /* the event at hand, as it came, when it was
                                 * cut */
    size_t line_size;
    size_t line_len;            /* of the event so far, wherever it is */
    size_t event_len;           /* of the event so far; more than line_len when
                                 * it did not fit */
    unsigned field;             /* where we are in the line */
    unsigned flags;
    unsigned head_len;
    char head[16];              /* first bytes of a line that is not data */
    asg_words_t words;
    uint64_t count[ASG_COUNT_COUNT];    /* of the usage so far, where it comes
                                 * in parts */
    unsigned counts;
    bool has_usage;             /* `usage.tokens` was filled */
    bool bad_usage;             /* once bad, the stream's usage stays bad */
    bool was_told;              /* the last was told beside the stream */
    uint64_t text_bytes;        /* so far, as in asg_answer_scan_t */
    uint64_t usage_at;          /* content bytes when it was last said */
    uint64_t usage_text;        /* and text_bytes */
    char shown[ASG_ANSWER_TEXT];        /* `model` as a JSON string */
    size_t shown_len;
    asg_leak_tail_t tail;       /* of what was passed of a long event */
    asg_leak_texts_t texts;     /* of the first text of each event */
    asg_answer_scan_t scan;     /* of the event's data, or of the answer */
    asg_answer_again_t again;   /* what the next event may have in common */
} asg_answer_t;

/* Called with bytes to pass on, valid during the call.  Non-zero stops. */
typedef int (*asg_answer_emit_pt)(void *data, const char *bytes, size_t len);

/* `line`: ASG_ANSWER_LINE bytes, or NULL when it grows by `grow`, or when no
 * stream will be read. */
void asg_answer_init(asg_answer_t *a, asg_str_t model, bool hide_usage,
    int64_t context_tokens, char *line);
/* After asg_answer_init(): whose words these are, if not OpenAI's. */
void asg_answer_speaks(asg_answer_t *a, asg_words_t words);
/* SSE.  Returns 0, what emit returned, or ASG_ANSWER_NO_MEMORY. */
int asg_answer_feed(asg_answer_t *a, const char *bytes, size_t len,
    asg_answer_emit_pt emit, void *data);
/* No more bytes: flushes an unfinished event as it is. */
int asg_answer_end(asg_answer_t *a, asg_answer_emit_pt emit, void *data);
/* After that, of a stream that must say that it is whole: when it did not, nor
 * ended by an error, our error event follows, and it is `malformed`. */
int asg_answer_cut(asg_answer_t *a, asg_answer_emit_pt emit, void *data);

/* Usage that was told beside the stream, between two events: an object with the
 * member `usage`, as in an answer.  It is no less than what was said before,
 * and the next may be less than it. */
void asg_answer_tell(asg_answer_t *a, asg_str_t object);

/* What is replaced in an answer: model, id, usage, and members that tell. */
#define ASG_ANSWER_EDITS  (3 + ASG_SCAN_TELLING)
#define ASG_ANSWER_PIECES (2 * ASG_ANSWER_EDITS + 1)

typedef struct {
    asg_str_t piece[ASG_ANSWER_PIECES];
    unsigned npieces;
    size_t length;
} asg_answer_splice_t;

/* A whole JSON answer: fills a->usage and the outgoing pieces, around what is
 * replaced; `a` must stay with them.  A body that is not a JSON object: SYNTAX,
 * malformed.  With `error_event` or `leaked` the pieces are not for the
 * client. */
ASG_MUST_CHECK asg_err_t asg_answer_json(asg_answer_t *a, asg_str_t body,
    asg_answer_splice_t *out);

/* choices[0].message.content in a JSON answer, raw with quotes (for the
 * gateway route's `content`); null string when it is not a string. */
asg_str_t asg_answer_content(asg_str_t body);

typedef enum {
    ASG_FIRST_MORE,             /* its first event is not whole */
    ASG_FIRST_ANSWER,
    ASG_FIRST_ERROR
} asg_first_t;

/* What a stream begins with.  An error in the place of its first event, of
 * which nothing says that work was done, is a refusal like any other: `status`
 * is the one that it stands for (500 when it does not say), `said` its object.
 * A comment is an answer: it is there to be passed on. */
asg_first_t asg_answer_first(asg_words_t words, asg_str_t bytes,
    unsigned *status, asg_str_t *said);

/* No token of any vocabulary in use is longer; so an answer of more text than
 * its tokens could spell, and some for what is no text of the model's, was not
 * counted. */
#define ASG_TOKEN_BYTES_MAX  128
#define ASG_TEXT_BYTES_FREE  1024

/* Tokens of an answer without usable usage: `bytes / 4` rounded up, so at
 * least 1 when there was content; never above the bound. */
int64_t asg_usage_estimate(uint64_t content_bytes, int64_t bound_tokens);

#endif
