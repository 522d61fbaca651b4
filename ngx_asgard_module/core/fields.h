/*
 * Which fields a request body may have.
 *
 * The lists are data (core/fields.def, one line a field: route set, path,
 * type); a model may allow more top-level names.  A field that is not listed is
 * refused by name, so that no option of a backend can be reached that we do
 * not know.
 *
 * An object of the body is one of asg_object_t; asg_field_top() says which one
 * the body itself is.  asg_field_find() gives the
 * line for a name in it, NULL when there is none.  A line without kinds of
 * value is a name that is refused.  All lines are static data.
 */
#ifndef ASG_FIELDS_H
#define ASG_FIELDS_H

#include <stdint.h>

#include "core/str.h"

typedef enum {
    ASG_API_CHAT = 0,           /* /v1/chat/completions */
    ASG_API_COMPLETIONS,        /* /v1/completions */
    ASG_API_EMBEDDINGS,         /* /v1/embeddings */
    ASG_API_GATEWAY,            /* /api/gateway/chat: chat + data_class */
    ASG_API_MESSAGES,           /* /v1/messages, of Anthropic */
    ASG_API_COUNT_TOKENS,       /* /v1/messages/count_tokens */
    ASG_API_COUNT
} asg_api_t;

#define ASG_ALLOW_MAX 64        /* extra names of one model */

const char *asg_api_name(asg_api_t api);        /* "chat/completions", … */

#define ASG_FIELD_STRING   0x01u
#define ASG_FIELD_NUMBER   0x02u
#define ASG_FIELD_INTEGER  0x04u
#define ASG_FIELD_BOOLEAN  0x08u
#define ASG_FIELD_OBJECT   0x10u
#define ASG_FIELD_LIST     0x20u
#define ASG_FIELD_REQUIRED 0x40u
#define ASG_FIELD_TEXT     0x80u    /* for guardrails to read */

/* What core/request notes, or checks beyond kind and words. */
typedef enum {
    ASG_NOTE_NONE = 0,
    ASG_NOTE_MODEL, ASG_NOTE_MAX_TOKENS, ASG_NOTE_N, ASG_NOTE_STREAM,
    ASG_NOTE_STREAM_OPTIONS, ASG_NOTE_INCLUDE_USAGE, ASG_NOTE_USER,
    ASG_NOTE_SAFETY_ID, ASG_NOTE_METADATA_USER, ASG_NOTE_DATA_CLASS,
    ASG_NOTE_USER_ID,
    ASG_NOTE_MESSAGES, ASG_NOTE_TOOLS, ASG_NOTE_INPUT, ASG_NOTE_IMAGE,
    ASG_NOTE_URL, ASG_NOTE_NO_URL, ASG_NOTE_AUDIO, ASG_NOTE_AUDIO_DATA,
    ASG_NOTE_FILE, ASG_NOTE_VOICE, ASG_NOTE_FORMAT, ASG_NOTE_ARGUMENTS,
    ASG_NOTE_PREDICTION, ASG_NOTE_TIER,
    /* of the Messages API */
    ASG_NOTE_METADATA, ASG_NOTE_BLOCK_TYPE, ASG_NOTE_SOURCE_TYPE,
    ASG_NOTE_SOURCE_DATA, ASG_NOTE_SOURCE_URL, ASG_NOTE_TOOL_TYPE,
    ASG_NOTE_THINKING,
    ASG_NOTE_SIGNED,            /* text that must be sent as it came */
    ASG_NOTE_ID,                /* of a call of a tool; its result names it */
    ASG_NOTE_UNKNOWN            /* a name that only a model can allow */
} asg_note_t;

typedef enum {
    ASG_OBJECT_NOTHING = 0,     /* the value is no container */
    ASG_OBJECT_OPAQUE,          /* passed on unread */
#define OBJECT(object) ASG_OBJECT_##object,
#define FIELD(name, apis, value, items, inside, words, note)
#define DENIED(name)
#define END
#define ORDERS
#include "core/fields.def"
#undef OBJECT
#undef FIELD
#undef DENIED
#undef END
#undef ORDERS
    ASG_OBJECT_COUNT
} asg_object_t;

#define ASG_OBJECT_FIELDS_MAX 64        /* lines of one object */

typedef struct {
    const char *name;
    uint8_t len;
    uint8_t apis;               /* bit 1 << asg_api_t */
    uint8_t value;              /* ASG_FIELD_*; 0: refused */
    uint8_t items;
    uint8_t inside;             /* asg_object_t */
    uint8_t note;               /* asg_note_t */
    const char *const *words;   /* ends with NULL; NULL: any string */
} asg_field_t;

asg_object_t asg_field_top(asg_api_t api);
/* Is it one of the two in Anthropic's words? */
bool asg_api_is_messages(asg_api_t api);

const asg_field_t *asg_field_find(asg_object_t object, asg_api_t api,
    asg_str_t name);
/* The lines of an object in order; NULL after the last. */
const asg_field_t *asg_field_at(asg_object_t object, unsigned index);
/* Does its name stand for many? */
bool asg_field_is_pattern(const asg_field_t *field);
/* May the client give it any name, with nobody who allows it? */
bool asg_field_is_named_freely(const asg_field_t *field);

#endif
