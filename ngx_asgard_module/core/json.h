/*
 * A bounded JSON reader that does not build anything.
 *
 * asg_json_next() walks a whole document (RFC 8259, UTF-8 checked, no BOM, one
 * value, no trailing bytes) and reports one event at a time with the raw bytes
 * of the token.  Numbers are exact text.  Depth, number of keys and length of
 * a key are bounded, and a key that stands twice in one object is an error even
 * when one spelling is escaped.
 *
 * The caller owns asg_json_t (large: keep one per worker or thread, not on the
 * stack) and the text, which must stay unchanged while it is read.
 */
#ifndef ASG_JSON_H
#define ASG_JSON_H

#include <stdint.h>

#include "core/err.h"
#include "core/str.h"

#define ASG_JSON_DEPTH_MAX  64
#define ASG_JSON_KEYS_MAX   10000
#define ASG_JSON_KEY_BYTES  1024        /* of a key as written, raw */

typedef enum {
    ASG_JSON_ERROR = 0,         /* j->fault says which */
    ASG_JSON_END,               /* the document is whole */
    ASG_JSON_OBJECT, ASG_JSON_OBJECT_END,
    ASG_JSON_ARRAY, ASG_JSON_ARRAY_END,
    ASG_JSON_KEY,               /* j->token: between the quotes, raw */
    ASG_JSON_STRING,            /* j->token: between the quotes, raw */
    ASG_JSON_NUMBER, ASG_JSON_TRUE, ASG_JSON_FALSE, ASG_JSON_NULL
} asg_json_event_t;

typedef enum {
    ASG_JSON_OK = 0,
    ASG_JSON_BAD,               /* -> invalid_json */
    ASG_JSON_DUPLICATE,         /* -> duplicate_key */
    ASG_JSON_TOO_MUCH           /* depth, keys or key length -> json_limit */
} asg_json_fault_t;

typedef struct {
    uint64_t hash;
    uint32_t object;            /* number of the object; 0: slot free */
    uint32_t at;                /* offset of the key, for exact comparison */
} asg_json_slot_t;

#define ASG_JSON_SLOTS 16384

typedef struct {
    asg_str_t text;
    size_t at;
    asg_str_t token;            /* raw bytes; strings without their quotes */
    size_t start;               /* offset of the token, its quote included */
    size_t end;                 /* offset after it */
    bool escaped;               /* the string token holds a backslash */
    unsigned depth;             /* open containers, after this event */
    asg_json_fault_t fault;
    size_t fault_at;
    bool may_repeat;            /* keys may stand twice; set after begin */
    /* private */
    unsigned state;
    uint32_t keys;
    uint32_t objects;
    uint32_t object[ASG_JSON_DEPTH_MAX + 1];
    uint8_t kind[ASG_JSON_DEPTH_MAX + 1];
    uint32_t generation;
    uint64_t seed;
    size_t mask;                /* of the slots that this document uses */
    asg_json_slot_t slots[ASG_JSON_SLOTS];
} asg_json_t;

/* `seed` is random per process: it keeps clients from choosing collisions.
 * Cheap: the slots are cleared only when the generation wraps. The first call
 * on a fresh asg_json_t needs it zeroed. */
void asg_json_begin(asg_json_t *j, asg_str_t text, uint64_t seed);
asg_json_event_t asg_json_next(asg_json_t *j);
/* After KEY: reads its value whole (checked like the rest).  After OBJECT or
 * ARRAY: reads to its end.  Then start, end and token span the whole value (a
 * string's token is without its quotes).  After anything else: reads nothing.
 * False on error. */
bool asg_json_skip(asg_json_t *j);

/* Unescapes a raw string token.  Returns false when it does not fit. A lone
 * surrogate was refused by the reader already. */
bool asg_json_unescape(asg_str_t raw, asg_buf_t *out);
/* Does a raw key or string token spell `z`?  Escapes are honoured. */
bool asg_json_is(const asg_json_t *j, const char *z);
/* The number token as an integer: no fraction, no exponent. */
bool asg_json_int(const asg_json_t *j, int64_t *out);

#endif
