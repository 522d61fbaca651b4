/*
 * The walk over an answer's JSON.
 *
 * A byte is looked at once: punctuation goes through step(), text, numbers and
 * words are taken in runs.  What a value means is decided when its key ends
 * (the role), from the top-level member in which it stands; everything below a
 * member that we do not know is walked for its grammar alone.
 */
#include "core/answer_scan.h"

#include <string.h>

#include "core/answer_walk.h"
#include "core/price.h"

typedef struct {
    const char *name;
    uint8_t len;
    uint8_t role;
} known_key_t;

#define KNOWN(name, role)  {name, sizeof(name) - 1, role}
#define KNOWN_END          {NULL, 0, ROLE_NONE}

static const known_key_t top_keys[] = {
    KNOWN("id", ROLE_ID), KNOWN("model", ROLE_MODEL),
    KNOWN("usage", ROLE_USAGE), KNOWN("error", ROLE_ERROR),
    KNOWN("choices", ROLE_CHOICES), KNOWN("object", ROLE_OBJECT),
    KNOWN("service_tier", ROLE_TIER),
    /* which server it was, or whose: no client's business, and none of them is
     * part of what it asked for */
    KNOWN("system_fingerprint", ROLE_TELLING),
    KNOWN("provider", ROLE_TELLING),                    /* OpenRouter */
    KNOWN("x_groq", ROLE_TELLING),
    KNOWN("prompt_filter_results", ROLE_TELLING),       /* Azure */
    KNOWN("provider_specific_fields", ROLE_TELLING),    /* LiteLLM */
    KNOWN("kv_transfer_params", ROLE_TELLING),          /* vLLM */
    KNOWN("timings", ROLE_TELLING),                     /* llama.cpp */
    KNOWN("nvext", ROLE_TELLING),                       /* NVIDIA */
    KNOWN_END
};

/* Text is what the model wrote, on whatever level.  The muted members say it
 * again or say something about it. */
static const known_key_t choice_keys[] = {
    KNOWN("content", ROLE_CONTENT), KNOWN("message", ROLE_MESSAGE),
    KNOWN("text", ROLE_TEXT), KNOWN("name", ROLE_TEXT),
    KNOWN("arguments", ROLE_ARGUMENTS), KNOWN("reasoning_content", ROLE_TEXT),
    KNOWN("reasoning", ROLE_TEXT), KNOWN("refusal", ROLE_TEXT),
    KNOWN("transcript", ROLE_TEXT), KNOWN("logprobs", ROLE_MUTE),
    /* sound and pictures: what is delivered is never free */
    KNOWN("data", ROLE_MEDIA), KNOWN("b64_json", ROLE_MEDIA),
    KNOWN("url", ROLE_MEDIA),
    KNOWN("reasoning_details", ROLE_MUTE),
    KNOWN("thinking_blocks", ROLE_MUTE),
    KNOWN("provider_specific_fields", ROLE_MUTE), KNOWN_END
};

/* The same in the words of the Messages API. */
static const known_key_t messages_keys[] = {
    KNOWN("id", ROLE_ID), KNOWN("model", ROLE_MODEL),
    KNOWN("usage", ROLE_USAGE), KNOWN("error", ROLE_ERROR),
    KNOWN("type", ROLE_OBJECT), KNOWN("content", ROLE_CHOICES),
    KNOWN("delta", ROLE_CHOICES), KNOWN("content_block", ROLE_CHOICES),
    KNOWN("message", ROLE_WHOLE), KNOWN_END
};

static const known_key_t whole_keys[] = {
    KNOWN("id", ROLE_ID), KNOWN("model", ROLE_MODEL),
    KNOWN("usage", ROLE_USAGE), KNOWN("content", ROLE_CHOICES), KNOWN_END
};

static const known_key_t block_keys[] = {
    KNOWN("text", ROLE_TEXT), KNOWN("thinking", ROLE_TEXT),
    KNOWN("partial_json", ROLE_TEXT), KNOWN("name", ROLE_TEXT),
    /* thoughts that are sealed, and sound or pictures if there ever are */
    KNOWN("data", ROLE_TEXT), KNOWN("input", ROLE_LOUD),
    KNOWN("citations", ROLE_MUTE), KNOWN("citation", ROLE_MUTE), KNOWN_END
};

static const known_key_t messages_usage_keys[] = {
    KNOWN("input_tokens", ROLE_COUNT + ASG_COUNT_PROMPT),
    KNOWN("output_tokens", ROLE_COUNT + ASG_COUNT_COMPLETION),
    KNOWN("cache_creation", ROLE_WRITE_DETAIL),
    KNOWN("cache_read_input_tokens", ROLE_COUNT + ASG_COUNT_CACHED_FLAT),
    KNOWN("cache_creation_input_tokens", ROLE_COUNT + ASG_COUNT_WRITE_FLAT),
    KNOWN_END
};

static const known_key_t usage_keys[] = {
    KNOWN("prompt_tokens", ROLE_COUNT + ASG_COUNT_PROMPT),
    KNOWN("completion_tokens", ROLE_COUNT + ASG_COUNT_COMPLETION),
    KNOWN("prompt_tokens_details", ROLE_PROMPT_DETAIL),
    KNOWN("completion_tokens_details", ROLE_COMPLETION_DETAIL),
    KNOWN("cache_creation", ROLE_WRITE_DETAIL),
    KNOWN("cache_read_input_tokens", ROLE_COUNT + ASG_COUNT_CACHED_FLAT),
    KNOWN("cache_creation_input_tokens", ROLE_COUNT + ASG_COUNT_WRITE_FLAT),
    KNOWN("reasoning_tokens", ROLE_COUNT + ASG_COUNT_REASONING_FLAT),
    KNOWN_END
};

static const known_key_t prompt_detail_keys[] = {
    KNOWN("cached_tokens", ROLE_COUNT + ASG_COUNT_CACHED),
    KNOWN("cache_write_tokens", ROLE_COUNT + ASG_COUNT_WRITE),
    KNOWN("cache_creation_tokens", ROLE_COUNT + ASG_COUNT_WRITE),
    KNOWN("cache_creation_token_details", ROLE_WRITE_DEEP),
    KNOWN("audio_tokens", ROLE_COUNT + ASG_COUNT_AUDIO_IN), KNOWN_END
};

/* Tokens written to a cache, by how long they are to be kept. */
static const known_key_t write_detail_keys[] = {
    KNOWN("ephemeral_5m_input_tokens", ROLE_COUNT + ASG_COUNT_WRITE_5M),
    KNOWN("ephemeral_1h_input_tokens", ROLE_COUNT + ASG_COUNT_WRITE_1H),
    KNOWN_END
};

static const known_key_t write_deep_keys[] = {
    KNOWN("ephemeral_5m_input_tokens", ROLE_COUNT + ASG_COUNT_WRITE_5M_DEEP),
    KNOWN("ephemeral_1h_input_tokens", ROLE_COUNT + ASG_COUNT_WRITE_1H_DEEP),
    KNOWN_END
};

static const known_key_t completion_detail_keys[] = {
    KNOWN("reasoning_tokens", ROLE_COUNT + ASG_COUNT_REASONING),
    KNOWN("audio_tokens", ROLE_COUNT + ASG_COUNT_AUDIO_OUT), KNOWN_END
};

void asg_answer_scan_begin(asg_answer_scan_t *s, asg_words_t words)
{
    /* not the text: clearing it would cost as much as walking a small event */
    memset(s, 0, offsetof(asg_answer_scan_t, id));
    s->id[0] = '\0';
    s->words = words;
}

bool asg_answer_scan_is_whole(const asg_answer_scan_t *s)
{
    return s->state == AT_DONE;
}

bool asg_answer_scan_is_empty(const asg_answer_scan_t *s)
{
    return s->state == AT_START;
}

bool asg_answer_scan_failed(const asg_answer_scan_t *s)
{
    return s->state == AT_FAULT;
}

/* --- roles --- */

static unsigned look_up(const known_key_t *keys, const char *word, size_t len)
{
    for (; keys->name != NULL; keys++) {
        if (keys->len == len && memcmp(keys->name, word, len) == 0) {
            return keys->role;
        }
    }
    return ROLE_NONE;
}

/* Of an object inside `usage`. */
static const known_key_t *detail_keys(const asg_answer_scan_t *s)
{
    if (asg_walk_level(s) == 4) {
        return s->detail == ROLE_WRITE_DEEP ? write_deep_keys : NULL;
    }
    if (asg_walk_level(s) != 3) {
        return NULL;
    }
    switch (s->detail) {
    case ROLE_PROMPT_DETAIL:
        return prompt_detail_keys;
    case ROLE_COMPLETION_DETAIL:
        return completion_detail_keys;
    case ROLE_WRITE_DETAIL:
        return write_detail_keys;
    default:
        return NULL;
    }
}

/* The known keys of the object at hand; NULL where none has a meaning. */
static const known_key_t *keys_here(const asg_answer_scan_t *s)
{
    bool is_messages = s->words == ASG_WORDS_MESSAGES;

    if (asg_walk_level(s) == 1) {
        return s->base > 0 ? whole_keys : is_messages ? messages_keys
                                                      : top_keys;
    }
    if (s->top == ROLE_CHOICES) {
        return s->mute != 0 || s->loud != 0 ? NULL
            : is_messages ? block_keys : choice_keys;
    }
    if (s->top == ROLE_USAGE && asg_walk_level(s) == 2) {
        return is_messages ? messages_usage_keys : usage_keys;
    }
    return s->top == ROLE_USAGE ? detail_keys(s) : NULL;
}

static void top_key_done(asg_answer_scan_t *s)
{
    unsigned bit = 1u << s->role;

    s->top = s->role;
    if (s->role == ROLE_NONE || s->role == ROLE_TELLING) {
        return;
    }
    if ((s->seen & bit) != 0) {
        if (s->role != ROLE_USAGE) {
            asg_walk_fault(s);  /* which one would the client take? */
            return;
        }
        /* neither can be believed, and for the client it is only a number */
        s->has_usage = true;
        s->usage_bad = true;
        s->role = ROLE_NONE;
        s->top = ROLE_NONE;
        return;
    }
    s->seen |= bit;
}

/* Of a member of `usage`, or of an object in it: none may stand twice. */
static void usage_key_done(asg_answer_scan_t *s)
{
    unsigned *seen = asg_walk_is_count(s) ? &s->count_keys : &s->seen;
    unsigned bit = 1u << (asg_walk_is_count(s) ? s->role - ROLE_COUNT
                                               : s->role);

    s->usage_bad = s->usage_bad || (*seen & bit) != 0;
    *seen |= bit;
}

void asg_walk_key_done(asg_answer_scan_t *s, const char *word, size_t len)
{
    const known_key_t *keys = keys_here(s);

    s->state = AT_COLON;
    s->role = keys != NULL ? look_up(keys, word, len) : ROLE_NONE;
    if (asg_walk_level(s) == 1) {
        top_key_done(s);
    } else if (s->top == ROLE_USAGE && s->role != ROLE_NONE) {
        usage_key_done(s);
    }
}

void asg_walk_count_done(asg_answer_scan_t *s)
{
    unsigned which = s->role - ROLE_COUNT;
    unsigned bit = 1u << which;

    s->usage_bad = s->usage_bad || s->value_bad;
    s->usage_huge = s->usage_huge || s->value_huge;
    s->counts |= bit;
    s->count[which] = s->value;
}

/* The first byte of a value is known, and with it what kind it is. */
static void note_value(asg_answer_scan_t *s, char c, size_t at)
{
    switch (s->role) {
    case ROLE_NONE:
        break;
    case ROLE_MODEL:
        s->model.from = c == '"' ? at : 0;
        break;
    case ROLE_ID:
        s->name.from = c == '"' ? at : 0;
        break;
    case ROLE_CONTENT:
        if (c == '"' && s->in_message && s->depth == 4 && s->item == 0
            && s->content.to == 0)
        {
            s->content.from = at;
        }
        break;
    case ROLE_USAGE:
        s->has_usage = c != 'n';
        s->usage_bad = c != 'n' && c != '{';
        s->usage.from = s->has_comma ? s->comma : s->key;
        break;
    case ROLE_ERROR:
        if (c != 'n') {
            s->is_error = true;
            s->error_at = at;
        }
        break;
    default:
        /* null says "not measured"; any other thing is no number */
        if (asg_walk_is_count(s) && c != 'n' && c != '-'
            && (c < '0' || c > '9'))
        {
            s->usage_bad = true;
        }
    }
}

/* A value ended before offset `to`. */
void asg_walk_value_done(asg_answer_scan_t *s, size_t to)
{
    s->state = s->depth == 0 ? AT_DONE : AT_AFTER;
    if (s->depth == 1 && s->top == ROLE_TELLING
        && s->tellings < ASG_SCAN_TELLING)
    {
        s->telling[s->tellings++] = (asg_scan_member_t) {
            s->key, s->has_comma ? s->comma : 0, to
        };
    }
    if (s->depth == 1 && s->top == ROLE_USAGE) {
        s->usage.to = to;
        s->wants_comma = !s->has_comma;
    }
    s->role = ROLE_NONE;
}

/* --- containers --- */

/* What the container at hand is, by its role. */
static void enter_container(asg_answer_scan_t *s, bool is_array)
{
    if (s->role == ROLE_MUTE) {
        s->mute = s->depth;
    } else if (s->role == ROLE_LOUD) {
        s->loud = s->depth;
    } else if (s->role == ROLE_WHOLE && !is_array) {
        s->base = 1;
        s->begins = true;
    } else if (s->role == ROLE_MESSAGE && s->depth == 4) {
        s->in_message = !is_array;
    }
    if (asg_walk_level(s) == 3) {
        s->detail = is_array ? ROLE_NONE : s->role;
    } else if (asg_walk_level(s) == 4 && s->role == ROLE_WRITE_DEEP
               && !is_array)
    {
        s->detail = ROLE_WRITE_DEEP;
    }
}

static void open_container(asg_answer_scan_t *s, bool is_array)
{
    uint64_t bit;

    if (s->depth == ASG_SCAN_DEPTH_MAX) {
        asg_walk_fault(s);
        return;
    }
    bit = UINT64_C(1) << s->depth;
    s->depth++;
    s->arrays = is_array ? s->arrays | bit : s->arrays & ~bit;
    enter_container(s, is_array);
    s->role = ROLE_NONE;
    s->state = is_array ? AT_FIRST_ITEM : AT_FIRST_KEY;
}

static bool in_array(const asg_answer_scan_t *s)
{
    return (s->arrays >> (s->depth - 1) & 1) != 0;
}

static void leave_container(asg_answer_scan_t *s)
{
    if (s->depth == s->mute) {
        s->mute = 0;
    } else if (s->depth == s->loud) {
        s->loud = 0;
    } else if (s->base > 0 && s->depth == 2) {
        s->base = 0;
        s->top = ROLE_WHOLE;
    }
    if (asg_walk_level(s) == 4) {
        s->in_message = false;
        if (s->detail == ROLE_WRITE_DEEP) {
            s->detail = ROLE_PROMPT_DETAIL;
        }
    }
}

static void close_container(asg_answer_scan_t *s, char c, size_t at)
{
    if (in_array(s) != (c == ']')) {
        asg_walk_fault(s);
        return;
    }
    leave_container(s);
    if (s->state == AT_FIRST_ITEM && s->depth == 2 && s->top == ROLE_CHOICES) {
        s->no_choices = true;
    }
    s->depth--;
    asg_walk_value_done(s, at + 1);
}

static void comma(asg_answer_scan_t *s, size_t at)
{
    s->state = in_array(s) ? AT_VALUE : AT_KEY;
    if (s->depth == 1) {
        s->has_comma = true;
        s->comma = at;
        if (s->wants_comma) {
            s->wants_comma = false;
            s->usage.to = at + 1;
        }
    } else if (s->depth == 2 && s->top == ROLE_CHOICES) {
        s->item++;
    }
}

/* --- one byte of punctuation, or the first of something longer --- */

static void open_string(asg_answer_scan_t *s, bool is_key, size_t at)
{
    s->state = AT_STRING;
    s->is_key = is_key;
    s->word_len = 0;
    s->word_odd = false;
    if (is_key && s->depth == 1) {
        s->key = at;
    }
    if (!is_key && s->text_at == 0 && asg_walk_is_text(s)) {
        s->text_at = at + 1;
    }
}

static void open_literal(asg_answer_scan_t *s, const char *text)
{
    s->state = AT_LITERAL;
    s->literal = text + 1;
}

static void open_value(asg_answer_scan_t *s, char c, size_t at)
{
    note_value(s, c, at);
    switch (c) {
    case '"':
        open_string(s, /* is_key */ false, at);
        break;
    case '{':
    case '[':
        open_container(s, c == '[');
        break;
    case 't':
        open_literal(s, "true");
        break;
    case 'f':
        open_literal(s, "false");
        break;
    case 'n':
        open_literal(s, "null");
        break;
    default:
        if (c == '-' || (c >= '0' && c <= '9')) {
            asg_walk_open_number(s, c);
        } else {
            asg_walk_fault(s);
        }
    }
}

static void start(asg_answer_scan_t *s, char c)
{
    if (c == '{') {
        open_container(s, /* is_array */ false);
    } else if (c == '[' && s->words == ASG_WORDS_OPENAI) {
        open_literal(s, "[DONE]");
    } else {
        asg_walk_fault(s);
    }
}

static void step(asg_answer_scan_t *s, char c, size_t at)
{
    switch (s->state) {
    case AT_START:
        start(s, c);
        return;
    case AT_FIRST_KEY:
    case AT_KEY:
        if (c == '"') {
            open_string(s, /* is_key */ true, at);
            return;
        }
        if (c == '}' && s->state == AT_FIRST_KEY) {
            close_container(s, c, at);
            return;
        }
        break;
    case AT_COLON:
        if (c == ':') {
            s->state = AT_VALUE;
            return;
        }
        break;
    case AT_FIRST_ITEM:
        if (c == ']') {
            close_container(s, c, at);
            return;
        }
        /* fall through */
    case AT_VALUE:
        open_value(s, c, at);
        return;
    case AT_AFTER:
        if (c == ',') {
            comma(s, at);
            return;
        }
        if (c == '}' || c == ']') {
            close_container(s, c, at);
            return;
        }
        break;
    }
    asg_walk_fault(s);
}

/* --- the loop --- */

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* In a string; returns where it stopped. */
static const char *walk_in_string(asg_answer_scan_t *s, const char *p,
    const char *end, size_t at)
{
    if (s->state == AT_STRING) {
        return asg_walk_string(s, p, end, at);
    }
    if (s->state == AT_ESCAPE) {
        asg_walk_escape(s, *p);
    } else {
        asg_walk_hex(s, *p);
    }
    return p + 1;
}

static bool is_in_string(const asg_answer_scan_t *s)
{
    return s->state == AT_STRING || s->state == AT_ESCAPE
        || s->state == AT_HEX;
}

size_t asg_answer_scan_text(asg_answer_scan_t *s, const char *bytes, size_t len,
    size_t at)
{
    const char *p = bytes;
    const char *end = bytes + len;

    while (p < end && is_in_string(s)) {
        p = walk_in_string(s, p, end, at + (size_t) (p - bytes));
    }
    return (size_t) (p - bytes);
}

void asg_answer_scan_feed(asg_answer_scan_t *s, const char *bytes, size_t len,
    size_t at)
{
    const char *p = bytes;
    const char *end = bytes + len;

    while (p < end && s->state != AT_FAULT) {
        size_t here = at + (size_t) (p - bytes);

        switch (s->state) {
        case AT_STRING:
        case AT_ESCAPE:
        case AT_HEX:
            p = walk_in_string(s, p, end, here);
            break;
        case AT_NUMBER:
            p = asg_walk_number(s, p, end, here);
            break;
        case AT_LITERAL:
            p = asg_walk_literal(s, p, end, here);
            break;
        default:
            if (!is_space(*p)) {
                step(s, *p, here);
            }
            p++;
        }
    }
}
