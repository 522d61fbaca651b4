/*
 * The words of connectors, by core/json.
 */
#include "connect/told.h"

#include <stdlib.h>
#include <string.h>

#include "core/json.h"

#define AGAIN_MAX_S 3600
#define ERROR_MAX   300
#define HIDDEN_LEAST 4                  /* what is shorter is no secret */
#define SEED        0x9e3779b97f4a7c15u

struct answer {                         /* where its members are */
    asg_str_t again, progress, error;
    asg_buf_t outputs;
    unsigned noutputs;
    const char *hidden[CTL_TOLD_WORDS_MAX];     /* secret_outputs */
    unsigned nhidden;
};


/* --- to read --- */

/* It is large: to be freed at once. */
static asg_json_t *
begin(asg_str_t text)
{
    asg_json_t *json = calloc(1, sizeof(*json));

    if (json != NULL) {
        asg_json_begin(json, text, SEED);
    }

    return json;
}


/* The raw value of the member that was just named, quotes included. */
static asg_str_t
value_of(asg_json_t *json, bool *ok)
{
    *ok = asg_json_skip(json);

    return (asg_str_t) {json->text.data + json->start,
                        json->end - json->start};
}


static const char *
text_of(struct ctl_arena *arena, asg_str_t raw)
{
    char *text;
    asg_buf_t b;

    if (raw.len < 2 || raw.data[0] != '"') {
        return NULL;
    }
    raw = (asg_str_t) {raw.data + 1, raw.len - 2};
    text = ctl_arena_alloc(arena, raw.len + 1);
    if (text == NULL) {
        return NULL;
    }
    asg_buf_init(&b, text, raw.len);
    if (!asg_json_unescape(raw, &b) || strlen(text) != b.len) {
        return NULL;                    /* a NUL is no text */
    }

    return text;
}


/* A member of an object by name; null: absent, or no object. */
static asg_str_t
member(asg_str_t object, const char *name)
{
    asg_json_t *json = begin(object);
    asg_str_t value = ASG_STR_NULL;
    bool ok = json != NULL && asg_json_next(json) == ASG_JSON_OBJECT;
    bool found = false;

    while (ok && !found && asg_json_next(json) == ASG_JSON_KEY) {
        found = asg_json_is(json, name);
        value = value_of(json, &ok);
    }
    free(json);

    return ok && found ? value : ASG_STR_NULL;
}


/* The texts of a list, or the names and texts of an object in turn. */
static bool
words_read(struct ctl_arena *arena, asg_str_t raw, const char **words,
    unsigned *n)
{
    asg_json_t *json = begin(raw);
    asg_json_event_t event;

    *n = 0;
    event = json != NULL ? asg_json_next(json) : ASG_JSON_ERROR;
    if (event == ASG_JSON_ARRAY || event == ASG_JSON_OBJECT) {
        while ((event = asg_json_next(json)) == ASG_JSON_STRING
               || event == ASG_JSON_KEY)
        {
            asg_str_t text = {json->text.data + json->start,
                              json->end - json->start};

            if (*n == CTL_TOLD_WORDS_MAX
                || (words[*n] = text_of(arena, text)) == NULL)
            {
                break;
            }
            (*n)++;
        }
    } else {
        event = ASG_JSON_ERROR;
    }
    free(json);

    return event == ASG_JSON_ARRAY_END || event == ASG_JSON_OBJECT_END;
}


/* --- what is said --- */

bool
ctl_told_wants(const struct ctl_step_in *in)
{
    const char *actions[CTL_TOLD_WORDS_MAX];
    unsigned i, n;

    if (!ctl_config_words(in->arena, in->config, "actions", actions, &n)
        || n == 0)
    {
        return in->action == CTL_ACT_MAKE || in->action == CTL_ACT_DESTROY;
    }
    for (i = 0; i < n; i++) {
        if (strcmp(actions[i], ctl_act_name(in->action)) == 0) {
            return true;
        }
    }

    return false;
}


static void
put(asg_buf_t *b, const char *name, const char *value, bool is_json)
{
    asg_buf_z(b, b->len > 1 ? "," : "");
    asg_buf_json(b, asg_str_z(name));
    asg_buf_z(b, ":");
    if (is_json) {
        asg_buf_z(b, value);
    } else {
        asg_buf_json(b, asg_str_z(value));
    }
}


const char *
ctl_told_input(const struct ctl_step_in *in)
{
    size_t cap = 2048 + strlen(in->spec) + strlen(in->tags)
                 + strlen(in->outputs) + strlen(in->progress);
    char *text = ctl_arena_alloc(in->arena, cap + 1);
    const char *generation = ctl_arena_printf(in->arena, "%lld",
                                              (long long) in->generation);
    asg_buf_t b;

    if (text == NULL || generation == NULL) {
        return NULL;
    }
    asg_buf_init(&b, text, cap);
    asg_buf_z(&b, "{");
    put(&b, "action", ctl_act_name(in->action), false);
    put(&b, "resource_id", in->resource_id, false);
    put(&b, "project_id", in->project_id, false);
    put(&b, "type", in->rtype, false);
    put(&b, "name", in->name, false);
    put(&b, "generation", generation, true);
    put(&b, "spec", in->spec, true);
    put(&b, "tags", in->tags, true);
    put(&b, "was", in->outputs, true);
    put(&b, "progress", in->progress, true);
    asg_buf_z(&b, "}");

    return asg_buf_ok(&b) ? text : NULL;
}


/* --- what is answered --- */

static bool
secret_take(const struct ctl_step_in *in, const char *name, asg_str_t value,
    struct ctl_step_out *out)
{
    struct ctl_secret secret = {.bytes = NULL};
    const char *text = text_of(in->arena, value);

    return text != NULL && text[0] != '\0'
           && ctl_secret_set(&secret, asg_str_z(text))
           && ctl_step_secret_add(out, name, &secret, false);
}


static bool
is_secret(const struct answer *a, const char *name)
{
    unsigned i;

    for (i = 0; i < a->nhidden && strcmp(a->hidden[i], name) != 0; i++) { }

    return i < a->nhidden;
}


static bool
member_take(const struct ctl_step_in *in, struct answer *a, asg_str_t key,
    asg_str_t value, struct ctl_step_out *out)
{
    const char *name = text_of(in->arena, key);

    if (name == NULL) {
        return false;
    }
    if (strcmp(name, "again_in_secs") == 0) {
        a->again = value;
    } else if (strcmp(name, "progress") == 0) {
        a->progress = value;
    } else if (strcmp(name, "error") == 0) {
        a->error = value;
    } else if (strcmp(name, "was") == 0) {
        return true;
    } else if (is_secret(a, name)) {
        return secret_take(in, name, value, out);
    } else {
        asg_buf_z(&a->outputs, a->noutputs++ > 0 ? "," : "");
        asg_buf_str(&a->outputs, key);
        asg_buf_z(&a->outputs, ":");
        asg_buf_str(&a->outputs, value);
    }

    return true;
}


static bool
members_read(const struct ctl_step_in *in, asg_json_t *json,
    struct answer *a, struct ctl_step_out *out)
{
    asg_json_event_t event;
    asg_str_t key, value;
    bool ok = true;

    if (asg_json_next(json) != ASG_JSON_OBJECT) {
        return false;
    }
    while ((event = asg_json_next(json)) == ASG_JSON_KEY) {
        key = (asg_str_t) {json->text.data + json->start,
                           json->end - json->start};
        value = value_of(json, &ok);
        if (!ok || !member_take(in, a, key, value, out)) {
            return false;
        }
    }

    return event == ASG_JSON_OBJECT_END
           && asg_json_next(json) == ASG_JSON_END;
}


static bool
answer_read(const struct ctl_step_in *in, asg_str_t text, struct answer *a,
    struct ctl_step_out *out)
{
    char *outputs = ctl_arena_alloc(in->arena, text.len + 3);
    asg_json_t *json = begin(text);
    bool ok = outputs != NULL && json != NULL
              && words_read(in->arena, asg_str_z(in->secret_outputs),
                            a->hidden, &a->nhidden);

    if (ok) {
        asg_buf_init(&a->outputs, outputs, text.len + 2);
        asg_buf_z(&a->outputs, "{");
        ok = members_read(in, json, a, out);
        asg_buf_z(&a->outputs, "}");
        ok = ok && asg_buf_ok(&a->outputs);
    }
    free(json);

    return ok;
}


static void
again_take(const struct ctl_step_in *in, const struct answer *a,
    struct ctl_step_out *out)
{
    const char *progress = NULL;
    uint64_t s;

    if (a->progress.len > 0) {
        progress = ctl_arena_text(in->arena, a->progress.data,
                                  a->progress.len);
    }
    if (!asg_str_u64(a->again, &s) || s > AGAIN_MAX_S
        || (progress != NULL && progress[0] != '{'))
    {
        ctl_step_failed(out, false, "invalid_output",
                        "again_in_secs is 0 to %d, progress an object",
                        AGAIN_MAX_S);
        return;
    }
    ctl_step_again(out, (int64_t) s * 1000, progress);
    out->outputs = a->noutputs > 0 ? a->outputs.data : NULL;
}


void
ctl_told_take(const struct ctl_step_in *in, asg_str_t answer,
    struct ctl_step_out *out)
{
    struct answer a;

    memset(&a, 0, sizeof(a));
    if (answer.len == 0) {
        ctl_step_done(out, NULL);
    } else if (!answer_read(in, answer, &a, out)) {
        ctl_step_failed(out, false, "invalid_output",
                        "the answer is no JSON object whose secret outputs are "
                        "texts");
    } else if (a.again.len > 0) {
        again_take(in, &a, out);
    } else {
        ctl_step_done(out, a.outputs.data);
    }
}


/* Wherever the value stands in the line, stars stand instead. */
static void
hide(char *line, asg_str_t value)
{
    size_t left = strlen(line);
    char *at = line;

    if (value.len < HIDDEN_LEAST) {
        return;
    }
    while ((at = memmem(at, left, value.data, value.len)) != NULL) {
        memset(at, '*', value.len);
        at += value.len;
        left = strlen(at);
    }
}


/* What the manifest hands to the other side comes back to nobody. */
static void
hide_variables(const struct ctl_connect *with, const struct ctl_step_in *in,
    char *line)
{
    static const char *const lists[] = {"environment", "headers"};
    const char *words[CTL_TOLD_WORDS_MAX];
    unsigned i, k, n;

    for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        if (!ctl_config_words(in->arena, in->config, lists[i], words, &n)) {
            continue;
        }
        for (k = 0; k < n; k++) {
            hide(line, with->variable(with, words[k]));
        }
    }
}


/* No control bytes, and no half letter at its end. */
static void
shorten(char *line)
{
    size_t len = strnlen(line, ERROR_MAX), i;

    if (line[len] != '\0') {
        while (len > 0 && ((unsigned char) line[len] & 0xc0) == 0x80) {
            len--;
        }
    }
    line[len] = '\0';
    for (i = 0; i < len; i++) {
        if ((unsigned char) line[i] < 0x20) {
            line[i] = ' ';
        }
    }
}


const char *
ctl_told_error(const struct ctl_connect *with, const struct ctl_step_in *in,
    asg_str_t answer)
{
    const char *text = text_of(in->arena, member(answer, "error"));
    char *line = text == NULL || text[0] == '\0'
                 ? NULL : ctl_arena_printf(in->arena, "%s", text);

    if (line != NULL) {
        hide_variables(with, in, line);
        shorten(line);
    }

    return line;
}


/* --- the manifest's words --- */

const char *
ctl_config_text(struct ctl_arena *arena, const char *config, const char *name)
{
    return text_of(arena, member(asg_str_z(config), name));
}


/* A manifest's scalar may have come with quotes. */
static asg_str_t
bare(asg_str_t raw)
{
    return raw.len >= 2 && raw.data[0] == '"'
           ? (asg_str_t) {raw.data + 1, raw.len - 2} : raw;
}


bool
ctl_config_is_on(const char *config, const char *name)
{
    return asg_str_eq_z(bare(member(asg_str_z(config), name)), "true");
}


int64_t
ctl_config_number(const char *config, const char *name, int64_t absent,
    int64_t least, int64_t most)
{
    asg_str_t raw = bare(member(asg_str_z(config), name));
    int64_t n;

    if (raw.len == 0) {
        return absent;
    }

    return asg_str_i64(raw, &n) && n >= least && n <= most ? n : -1;
}


bool
ctl_config_words(struct ctl_arena *arena, const char *config,
    const char *name, const char **words, unsigned *n)
{
    asg_str_t raw = member(asg_str_z(config), name);

    *n = 0;

    return raw.len == 0 || words_read(arena, raw, words, n);
}
