/*
 * A model: its names and its limits; manifest_price.c has its prices.
 */
#include "catalog/manifest_model.h"

#include <string.h>

#include "catalog/manifest_price.h"
#include "core/record.h"

/* What a message, a tool or the request costs at most beyond its bytes. */
#define REQUEST_TOKENS 64
#define MESSAGE_TOKENS 8
#define TOOL_TOKENS    64
#define TOOLSET_TOKENS 640      /* a provider's own words about tools */
#define VALUE_TOKENS   4        /* space and sign between JSON values */
#define TYPED_TOOL_TOKENS 2048  /* 245 to 1,234 by Anthropic's own pages */

struct taking {
    const struct ctl_manifest *m;
    const struct ctl_yaml *map;
    struct ctl_model *out;
    struct ctl_findings *findings;
};


static bool
wrong(const struct taking *t, const char *field, const char *what)
{
    const struct ctl_yaml *at = ctl_yaml_at(t->map, field);

    return ctl_finding_error(t->findings, t->m->file,
                             at != NULL ? at->line : t->map->line,
                             "\"%s\" %s", field, what);
}


/* --- names --- */

static bool
ref_is_valid(const char *ref)
{
    static const char kind[] = "model:";
    const char *slash;

    if (strncmp(ref, kind, sizeof(kind) - 1) != 0) {
        return false;
    }
    ref += sizeof(kind) - 1;
    slash = strchr(ref, '/');

    return slash != NULL && slash != ref && slash[1] != '\0'
           && strchr(slash + 1, '/') == NULL && strchr(ref, ':') == NULL;
}


static bool
texts_take(const struct taking *t, const char *field, const char **out,
    unsigned max, unsigned *n)
{
    const struct ctl_yaml *list = ctl_yaml_at(t->map, field), *item;

    *n = 0;
    if (list == NULL) {
        return true;
    }
    for (item = list->first; item != NULL; item = item->next) {
        if (*n == max) {
            return wrong(t, field, "has more than 64 entries");
        }
        if (!ctl_manifest_is_name(item->text)) {
            return wrong(t, field, "has an entry that is not a name");
        }
        out[(*n)++] = item->text;
    }

    return true;
}


static bool
names_take(const struct taking *t)
{
    struct ctl_model *model = t->out;

    model->ref = ctl_yaml_text(t->map, "ref", "");
    if (!ctl_manifest_is_name(model->ref) || !ref_is_valid(model->ref)) {
        return wrong(t, "ref", "expects model:<namespace>/<name>");
    }
    model->route = ctl_yaml_text(t->map, "route",
                                 strchr(model->ref, '/') + 1);
    model->served = ctl_yaml_text(t->map, "served", model->route);
    if (!ctl_manifest_is_name(model->route)) {
        return wrong(t, "route", "expects a name of letters, digits and "
                                 "._:/@+-, at most 128");
    }
    if (!ctl_manifest_is_name(model->served)) {
        return wrong(t, "served", "expects a name of letters, digits and "
                                  "._:/@+-, at most 128");
    }

    return texts_take(t, "aliases", model->aliases, CTL_MANIFEST_ALIASES_MAX,
                      &model->naliases)
           && texts_take(t, "allow_fields", model->allow, ASG_ALLOW_MAX,
                         &model->nallow);
}


/* --- what it can do --- */

static void
data_classes_take(const struct taking *t)
{
    const struct ctl_yaml *list = ctl_yaml_at(t->map, "data_classes"), *item;
    asg_data_class_t c;

    if (list == NULL) {
        t->out->data_classes = 1u << ASG_DATA_PUBLIC | 1u << ASG_DATA_INTERNAL
                               | 1u << ASG_DATA_CONFIDENTIAL;
        return;
    }
    for (item = list->first; item != NULL; item = item->next) {
        if (asg_data_class_parse(asg_str_z(item->text), &c) == ASG_OK) {
            t->out->data_classes |= 1u << c;
        }
    }
}


static bool
apis_take(const struct taking *t)
{
    const struct ctl_yaml *list = ctl_yaml_at(t->map, "apis"), *item;
    bool *apis = t->out->apis;
    bool any = false;
    unsigned i;

    for (i = 0; i < ASG_API_COUNT; i++) {
        apis[i] = list == NULL && t->m->path[i] != NULL;
    }
    for (item = list != NULL ? list->first : NULL; item != NULL;
         item = item->next)
    {
        i = item->text[0] == 'e' ? ASG_API_EMBEDDINGS
            : item->text[0] == 'm' ? ASG_API_MESSAGES
            : strcmp(item->text, "chat") == 0 ? ASG_API_CHAT
            : ASG_API_COMPLETIONS;
        if (t->m->path[i] == NULL) {
            return wrong(t, "apis", "names one that has no path");
        }
        apis[i] = true;
    }
    apis[ASG_API_GATEWAY] = apis[ASG_API_CHAT];
    apis[ASG_API_COUNT_TOKENS] = apis[ASG_API_MESSAGES]
        && t->m->path[ASG_API_COUNT_TOKENS] != NULL;
    for (i = 0; i < ASG_API_COUNT; i++) {
        any = any || apis[i];
    }

    return any || wrong(t, "apis", "leaves nothing that can be called");
}


static bool
tokens_take(const struct taking *t, const struct ctl_yaml *map,
    const char *field, int64_t *out)
{
    const struct ctl_yaml *at = ctl_yaml_at(map, field);

    if (at != NULL) {
        ctl_yaml_int(at, out);
    }

    return *out <= ASG_TOKENS_MAX
           || wrong(t, map == t->map ? field : "token_bounds",
                    "is above 1,000,000,000");
}


static bool
limits_take(const struct taking *t)
{
    struct ctl_model *model = t->out;
    const struct ctl_yaml *at;

    model->max_tokens_field = ctl_yaml_text(t->map, "max_tokens_field",
        t->m->kind == CTL_KIND_OPENAI ? "max_completion_tokens"
                                      : "max_tokens");
    model->send_user = model->send_stream_options = true;
    at = ctl_yaml_at(t->map, "send_user");
    if (at != NULL) {
        ctl_yaml_bool(at, &model->send_user);
    }
    model->any_tier = strcmp(ctl_yaml_text(t->map, "auto_tier", ""), "any")
                      == 0;
    at = ctl_yaml_at(t->map, "send_stream_options");
    if (at != NULL) {
        ctl_yaml_bool(at, &model->send_stream_options);
    }
    at = ctl_yaml_at(t->map, "structured_output");
    if (at != NULL) {
        ctl_yaml_bool(at, &model->structured_output);
    }
    if (model->structured_output && t->m->kind != CTL_KIND_ANTHROPIC) {
        return wrong(t, "structured_output", "is for the kind anthropic");
    }
    if (!tokens_take(t, t->map, "context_window", &model->context)
        || !tokens_take(t, t->map, "max_output_tokens",
                        &model->max_output_tokens)
        || !tokens_take(t, t->map, "default_max_tokens",
                        &model->default_max_tokens))
    {
        return false;
    }

    return model->max_output_tokens == 0
           || model->default_max_tokens <= model->max_output_tokens
           || wrong(t, "default_max_tokens", "is above max_output_tokens");
}


static bool
bounds_take(const struct taking *t)
{
    const struct ctl_yaml *map = ctl_yaml_at(t->map, "token_bounds");
    asg_card_t *card = &t->out->card;

    card->request_tokens = REQUEST_TOKENS;
    card->message_tokens = MESSAGE_TOKENS;
    card->tool_tokens = TOOL_TOKENS;
    card->toolset_tokens = TOOLSET_TOKENS;
    card->value_tokens = VALUE_TOKENS;
    card->byte_tokens = 1;
    card->typed_tool_tokens = TYPED_TOOL_TOKENS;

    return tokens_take(t, map, "request", &card->request_tokens)
           && tokens_take(t, map, "message", &card->message_tokens)
           && tokens_take(t, map, "tool", &card->tool_tokens)
           && tokens_take(t, map, "image", &card->image_tokens)
           && tokens_take(t, map, "file", &card->file_tokens)
           && tokens_take(t, map, "audio", &card->audio_tokens)
           && tokens_take(t, map, "toolset", &card->toolset_tokens)
           && tokens_take(t, map, "value", &card->value_tokens)
           && tokens_take(t, map, "byte", &card->byte_tokens)
           && tokens_take(t, map, "reasoning", &card->reasoning_tokens)
           && tokens_take(t, map, "typed_tool", &card->typed_tool_tokens)
           && (card->byte_tokens > 0
               || wrong(t, "token_bounds", "has no token for a byte"));
}


bool
ctl_manifest_model_take(const struct ctl_manifest *m,
    const struct ctl_yaml *map, const struct ctl_price_table *table,
    struct ctl_model *out, struct ctl_findings *f)
{
    struct taking t = {m, map, out, f};

    out->line = map->line;
    data_classes_take(&t);

    return names_take(&t) && apis_take(&t) && limits_take(&t)
           && bounds_take(&t)
           && ctl_manifest_price_take(m, map, table, out, f);
}
