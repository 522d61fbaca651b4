/*
 * The tables of core/fields.def, and the look-up of one name.
 */
#include "core/fields.h"

#include <string.h>

#define S   ASG_FIELD_STRING
#define N   ASG_FIELD_NUMBER
#define I   ASG_FIELD_INTEGER
#define B   ASG_FIELD_BOOLEAN
#define O   ASG_FIELD_OBJECT
#define L   ASG_FIELD_LIST
#define R   ASG_FIELD_REQUIRED
#define X   ASG_FIELD_TEXT
#define ANY (S | N | B | O | L)

#define G   (1u << ASG_API_GATEWAY)
#define C   (G | 1u << ASG_API_CHAT)
#define T   (1u << ASG_API_COMPLETIONS)
#define E   (1u << ASG_API_EMBEDDINGS)
#define M   (1u << ASG_API_MESSAGES)
#define A   (M | 1u << ASG_API_COUNT_TOKENS)
#define ALL (C | T | E | A)

#define WORDS(...) ((const char *const[]) {__VA_ARGS__, NULL})

/* Names by which a backend is told where to go, with which key, and what to
 * believe of the caller. */
#define ORDERS                                                              \
    DENIED("api_base") DENIED("base_url") DENIED("api_key")                 \
    DENIED("api_version") DENIED("user_config") DENIED("model_list")        \
    DENIED("fallbacks") DENIED("*_fallbacks") DENIED("mock_*")              \
    DENIED("guardrails") DENIED("extra_headers") DENIED("extra_body")       \
    DENIED("litellm_*") DENIED("user_api_key*")

#define OBJECT(object) static const asg_field_t object##_FIELDS[] = {
#define FIELD(name, apis, value, items, inside, words, note)                \
    {name, sizeof(name) - 1, apis, value, items,                            \
     ASG_OBJECT_##inside, ASG_NOTE_##note, words},
#define DENIED(name) FIELD(name, ALL, 0, 0, NOTHING, NULL, NONE)
#define END };

#include "core/fields.def"

#undef OBJECT
#undef FIELD
#undef DENIED
#undef END
#undef ORDERS

typedef struct {
    const asg_field_t *fields;
    unsigned nfields;
} object_t;

#define OBJECT(object)                                                      \
    [ASG_OBJECT_##object] = {                                               \
        object##_FIELDS, sizeof(object##_FIELDS) / sizeof(asg_field_t)},
#define FIELD(name, apis, value, items, inside, words, note)
#define DENIED(name)
#define END
#define ORDERS

static const object_t objects[ASG_OBJECT_COUNT] = {
#include "core/fields.def"
};

#undef OBJECT
#undef FIELD
#undef DENIED
#undef END
#undef ORDERS

const char *asg_api_name(asg_api_t api)
{
    static const char *const names[ASG_API_COUNT] = {
        [ASG_API_CHAT] = "chat/completions",
        [ASG_API_COMPLETIONS] = "completions",
        [ASG_API_EMBEDDINGS] = "embeddings",
        [ASG_API_GATEWAY] = "gateway/chat",
        [ASG_API_MESSAGES] = "messages",
        [ASG_API_COUNT_TOKENS] = "messages/count_tokens"
    };

    return (unsigned) api < ASG_API_COUNT ? names[api] : "unknown";
}

bool asg_api_is_messages(asg_api_t api)
{
    return api == ASG_API_MESSAGES || api == ASG_API_COUNT_TOKENS;
}

asg_object_t asg_field_top(asg_api_t api)
{
    return asg_api_is_messages(api) ? ASG_OBJECT_MESSAGES_TOP
                                    : ASG_OBJECT_TOP;
}

/* A pattern is exact, or `front*`, or `*end`. */
static bool fits(const asg_field_t *field, asg_str_t name)
{
    const char *pattern = field->name;
    size_t n = field->len;

    if (n == name.len && memcmp(pattern, name.data, n) == 0) {
        return true;
    }
    if (pattern[n - 1] == '*') {
        return name.len >= n - 1 && memcmp(pattern, name.data, n - 1) == 0;
    }
    if (pattern[0] == '*') {
        return name.len >= n - 1
               && memcmp(pattern + 1, name.data + name.len - (n - 1), n - 1)
                  == 0;
    }
    return false;
}

const asg_field_t *asg_field_find(asg_object_t object, asg_api_t api,
    asg_str_t name)
{
    const object_t *o = &objects[object];

    for (unsigned i = 0; i < o->nfields; i++) {
        if ((o->fields[i].apis & 1u << api) && fits(&o->fields[i], name)) {
            return &o->fields[i];
        }
    }
    return NULL;
}

const asg_field_t *asg_field_at(asg_object_t object, unsigned index)
{
    const object_t *o = &objects[object];

    return index < o->nfields ? &o->fields[index] : NULL;
}

bool asg_field_is_named_freely(const asg_field_t *field)
{
    return field->name[0] == '*' && field->len == 1
        && field->note != ASG_NOTE_UNKNOWN;
}

bool asg_field_is_pattern(const asg_field_t *field)
{
    return field->name[0] == '*' || field->name[field->len - 1] == '*';
}
