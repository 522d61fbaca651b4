/*
 * Guardrails over a request body: which rules match in its text, and the body
 * with what is to be redacted replaced.
 *
 * core/request.c hands each text-bearing string (a line of core/fields.def that
 * says X) to the guard of its reader, while it reads it.  The first pass counts
 * the matches of each rule and notes where the first one stands.  The second
 * one, with `out` set, writes the body anew:
 *
 *     guard->set = …;                     rules of the operator, or NULL
 *     asg_guard_begin(guard, actions);
 *     reader.guard = guard;               … asg_request_scan(…)
 *     if (asg_guard_action(guard) == ASG_ACTION_REDACT) {
 *         asg_buf_init(&out, storage, body.len + asg_guard_growth(guard));
 *         asg_guard_rewrite(guard, body, &out);
 *         … asg_request_scan(…)
 *         asg_guard_rewrite_end(guard);
 *     }
 *
 * What is redacted is text alone: a number, or the name of a member, is counted
 * and stays, for the JSON would be another without it; an id, or a name that
 * is the client's own, is refused where it would be redacted, for two of them
 * could become one.  Escapes are resolved piece by piece, those of JSON within
 * a string (the arguments of a tool) too.
 * asg_guard_t is large: one per worker.
 */
#ifndef ASG_GUARD_BODY_H
#define ASG_GUARD_BODY_H

#include "core/guard_set.h"
#include "core/request_path.h"

#define ASG_GUARD_PIECE    8192
#define ASG_GUARD_RUNS     4096
#define ASG_GUARD_PENDING  8

typedef enum {
    ASG_TEXT_PLAIN = 0,         /* a string */
    ASG_TEXT_SIGNED,            /* what must stay as it is: a signed thought,
                                 * the name of a member, a number, bytes */
    ASG_TEXT_JSON,              /* one that holds JSON */
    ASG_TEXT_NAME               /* what the client calls something: it is passed
                                 * on as it is, or refused */
} asg_text_t;

/* From here on a byte of plain text is one of the body. */
typedef struct {
    uint32_t plain, raw;
} asg_guard_run_t;

typedef struct {
    size_t start, end;          /* in the body */
    asg_rule_t rule;            /* ASG_RULE_MAX: the rest of a cut before */
} asg_guard_cut_t;

/* Those that begin at one place, until all of a window are known. */
typedef struct {
    uint64_t operators;         /* bits of the rules */
    uint32_t end;               /* of the longest; 0: there is none */
    uint8_t seven;
    uint8_t rule;
} asg_guard_begun_t;

/* Where a walk over JSON within a string is. */
typedef struct {
    size_t to;                  /* quotes were counted up to here */
    bool in_quotes, after_slash;
} asg_guard_quotes_t;

typedef struct asg_guard {
    const asg_guard_set_t *set; /* of the caller */
    asg_action_t actions[ASG_RULE_MAX];
    uint32_t matches[ASG_RULE_MAX];
    uint32_t redacted[ASG_RULE_MAX];
    char first_at[ASG_RULE_MAX][ASG_REQUEST_PATH_MAX];
    asg_buf_t *texts;           /* of the caller: not NULL, and nothing is
                                 * looked for: the texts are written there, as
                                 * `{"field":…,"text":…}`, … */
    uint64_t gave_up;           /* rules whose search a limit ended, by bits;
                                 * each is taken for a match */
    asg_guard_search_t search;
    /* the second pass */
    asg_buf_t *out;             /* NULL: the first */
    asg_str_t body;
    size_t copied;              /* of the body into `out` */
    /* the string at hand */
    const asg_step_t *at;
    asg_text_t kind;
    asg_str_t raw;
    asg_guard_cut_t pending[ASG_GUARD_PENDING];
    unsigned npending;
    asg_guard_told_t told;
    asg_guard_quotes_t quotes;
    asg_guard_quotes_t quotes_back;     /* before all that is still to come */
    bool name_known, is_name;   /* of the string within that is open */
    /* the piece of it whose escapes are resolved; none: nruns is 0 */
    asg_guard_run_t runs[ASG_GUARD_RUNS];
    unsigned nruns;
    size_t len;
    char plain[ASG_GUARD_PIECE];
    /* of the window at hand; they begin at `begun_at` and after it */
    size_t begun_at;
    asg_guard_begun_t begun[ASG_GUARD_WINDOW + ASG_GUARD_REACH];
} asg_guard_t;

void asg_guard_begin(asg_guard_t *guard,
    const asg_action_t actions[ASG_RULE_MAX]);
/* One text-bearing value of the body; `raw` is between the quotes. */
void asg_guard_text(asg_guard_t *guard, asg_str_t raw, bool escaped,
    asg_text_t kind, const asg_step_t *at);
/* What is to be done: the highest action of a rule that matched. */
asg_action_t asg_guard_action(const asg_guard_t *guard);
/* The rule that asks for it, the first of them; at least one matched. */
asg_rule_t asg_guard_rule(const asg_guard_t *guard);
/* Bytes by which the body grows at most. */
size_t asg_guard_growth(const asg_guard_t *guard);
void asg_guard_rewrite(asg_guard_t *guard, asg_str_t body, asg_buf_t *out);
/* What of the body is left. */
void asg_guard_rewrite_end(asg_guard_t *guard);

/* --- private to core/ --- */

/* Where a byte of the plain text at hand stands in the body. */
size_t asg_guard_raw_of(const asg_guard_t *guard, size_t plain);

/* --- guard_redact.c --- */

/* Notes the hit of the string at hand, given by places in the body. */
void asg_guard_cut(asg_guard_t *guard, size_t start, size_t end,
    asg_rule_t rule);
/* Notes a hit in the window at hand, by places in the plain text. */
void asg_guard_begun(asg_guard_t *guard, const asg_hit_t *hit);
/* All of the window are known. */
void asg_guard_begun_cut(asg_guard_t *guard);
/* The string is over. */
void asg_guard_cuts_write(asg_guard_t *guard);

#endif
