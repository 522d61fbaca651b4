/*
 * The body of an inference request: one bounded scan, then splices.
 *
 * asg_request_scan() checks the whole document and notes what the steps need
 * as offsets into the text.  asg_request_splice() says how the outgoing body is
 * put together: pieces of the original text and small literals.  The prompt is
 * never copied, never re-serialised.
 *
 * All strings borrow from the body, or from `scratch` where an escape had to be
 * resolved.  Unknown top-level fields are not refused by the scan but listed,
 * because whether one is allowed depends on the model: ask
 * asg_request_first_unknown() when the model is known.
 */
#ifndef ASG_REQUEST_H
#define ASG_REQUEST_H

#include <stdint.h>

#include "core/err.h"
#include "core/fields.h"
#include "core/json.h"
#include "core/price.h"
#include "core/reason.h"
#include "core/str.h"

#define ASG_REQUEST_BODY_MAX    (32u * 1024 * 1024)
#define ASG_REQUEST_UNKNOWN_MAX 16
#define ASG_REQUEST_MODEL_MAX   256
#define ASG_REQUEST_N_MAX       128
#define ASG_REQUEST_INPUTS_MAX  2048    /* of an embeddings call */
#define ASG_REQUEST_PATH_MAX    128
#define ASG_REQUEST_SCRATCH     4096

/* [start, end) of something in the body; absent: start == end == 0 */
typedef struct {
    uint32_t start;
    uint32_t end;
} asg_span_t;

typedef struct {
    asg_reason_t reason;
    char param[ASG_REQUEST_PATH_MAX];   /* "messages[0].content[1].image_url" */
} asg_refusal_t;

typedef struct {
    asg_api_t api;
    asg_str_t body;
    asg_str_t model;                    /* unescaped, 1..256 bytes */
    asg_str_t data_class;               /* gateway chat only; may be null */
    asg_str_t user;                     /* unescaped; may be null.  Of the
                                         * Messages API metadata.user_id */
    asg_str_t safety_id;                /* the same of safety_identifier */
    asg_str_t service_tier;             /* one of our words; may be null */
    bool stream;
    bool include_usage;                 /* asked by the client */
    bool has_max_tokens;
    int64_t max_tokens;                 /* from either field */
    int64_t thinking_tokens;            /* of max_tokens, for thoughts; 0: not
                                         * said.  Of chat what `thinking` says,
                                         * which a model must allow */
    int64_t n;                          /* 1 when absent (best_of counts) */
    asg_parts_t parts;
    char first_at[ASG_PART_COUNT][ASG_REQUEST_PATH_MAX];        /* of a kind;
                                         * empty: there is none */
    /* members of the top-level object, from the key's quote to the value's
     * end */
    asg_span_t model_value;             /* the value alone */
    asg_span_t messages_value;          /* the value alone */
    asg_span_t user_member;
    asg_span_t max_tokens_member;       /* whichever of the two stands there */
    asg_span_t stream_options_member;
    asg_span_t data_class_member;
    /* further places of the same things, absent mostly */
    asg_span_t null_max_tokens_member;  /* the other field, when it is null */
    asg_span_t safety_id_member;        /* attribution: never sent */
    asg_span_t metadata_user_value;     /* attribution: overwritten */
    asg_span_t metadata_member;         /* of the Messages API: replaced */
    uint32_t open;                      /* offset after the top-level '{' */
    asg_str_t unknown[ASG_REQUEST_UNKNOWN_MAX];
    unsigned nunknown;
    char scratch[ASG_REQUEST_SCRATCH];
} asg_request_t;

/* Reader of the calling worker; `seed` is per process.  The guard, if there is
 * one, is shown each text (guard_body.h). */
typedef struct {
    asg_json_t json;
    uint64_t seed;
    struct asg_guard *guard;
} asg_request_reader_t;

/* Checks: object at the top; model a string without control bytes and without
 * `..`; max_tokens and max_completion_tokens integers 1..10^9, not both; n
 * 1..128; stream boolean; messages a non-empty array for chat; input of
 * embeddings a string or a list of at most 2,048; image URLs http(s) to a
 * public host, or data: (core/media.h); a tool schema is opaque; names and
 * kinds of all else by core/fields.def.  `n` of a call with several prompts is
 * their product, 1..128 too.  Of the Messages API: max_tokens must be there,
 * and be above the tokens for thoughts; a document counts as a file unless its
 * source is text; tools that the provider runs are refused.
 * SYNTAX with `why` filled on any refusal; `out` is then of no use. */
ASG_MUST_CHECK asg_err_t asg_request_scan(asg_request_reader_t *reader,
    asg_api_t api, asg_str_t body, asg_request_t *out, asg_refusal_t *why);

/* First unknown top-level field that `allow` does not name, or a null
 * string. */
asg_str_t asg_request_first_unknown(const asg_request_t *r,
    const asg_str_t *allow, unsigned nallow);

typedef struct {
    asg_str_t model;                    /* served name */
    asg_str_t user;                     /* project id; null: member removed,
                                         * other attribution emptied.  In the
                                         * Messages API it is all metadata */
    int64_t max_tokens;                 /* 0: not written (embeddings, and
                                         * where it may stay as it is) */
    asg_str_t max_tokens_field;         /* the name that the model takes in
                                         * chat */
    bool force_usage;                   /* stream_options on a stream */
    bool drop_stream_options;           /* for a backend that refuses them */
} asg_rewrite_t;

#define ASG_SPLICE_PIECES   20
#define ASG_SPLICE_TEXT     1024

typedef struct {
    asg_str_t piece[ASG_SPLICE_PIECES]; /* into the body or into `text` */
    unsigned npieces;
    size_t length;                      /* of the outgoing body */
    char text[ASG_SPLICE_TEXT];
} asg_splice_t;

/* The name of the limit in a body of that API, of a model that takes `of_chat`
 * in chat: completions know max_tokens alone. */
asg_str_t asg_request_limit_field(asg_api_t api, asg_str_t of_chat);

/* The outgoing body is valid JSON with the same members in the same order but
 * for the rewritten ones.  stream_options' other members are dropped when usage
 * is forced (only include_usage and include_obfuscation exist). SPACE. */
ASG_MUST_CHECK asg_err_t asg_request_splice(const asg_request_t *r,
    const asg_rewrite_t *rewrite, asg_splice_t *out);

#endif
