/*
 * An answer as YAML, by libyaml: each event of the JSON is one of the YAML.
 */
#include <stdlib.h>

#include <yaml.h>

#include "cli/show.h"

#define PLAIN  YAML_PLAIN_SCALAR_STYLE
#define QUOTED YAML_DOUBLE_QUOTED_SCALAR_STYLE

static int
put_scalar(yaml_event_t *out, asg_str_t text, yaml_scalar_style_t style)
{
    return yaml_scalar_event_initialize(out, NULL, NULL,
        (const yaml_char_t *) text.data, (int) text.len, style == PLAIN,
        style != PLAIN, style);
}


/* Text is always quoted: "no" and "1.0" stay texts. */
static int
put_string(yaml_event_t *out, asg_str_t raw)
{
    char *text = malloc(raw.len + 1);
    asg_buf_t plain;
    int ok = 0;

    if (text != NULL) {
        asg_buf_init(&plain, text, raw.len + 1);
        ok = asg_json_unescape(raw, &plain)
            && put_scalar(out, asg_buf_view(&plain), QUOTED);
        free(text);
    }

    return ok;
}


static int
event_make(asg_json_event_t event, const asg_json_t *json, yaml_event_t *out)
{
    switch (event) {
    case ASG_JSON_OBJECT:
        return yaml_mapping_start_event_initialize(out, NULL, NULL, 1,
            YAML_BLOCK_MAPPING_STYLE);
    case ASG_JSON_OBJECT_END:
        return yaml_mapping_end_event_initialize(out);
    case ASG_JSON_ARRAY:
        return yaml_sequence_start_event_initialize(out, NULL, NULL, 1,
            YAML_BLOCK_SEQUENCE_STYLE);
    case ASG_JSON_ARRAY_END:
        return yaml_sequence_end_event_initialize(out);
    case ASG_JSON_KEY:
        return put_scalar(out, json->token, PLAIN);
    case ASG_JSON_STRING:
        return put_string(out, json->token);
    case ASG_JSON_NUMBER:
    case ASG_JSON_TRUE:
    case ASG_JSON_FALSE:
    case ASG_JSON_NULL:
        return put_scalar(out, json->token, PLAIN);
    default:
        return 0;
    }
}


static int
document_put(yaml_emitter_t *emitter, asg_str_t answer)
{
    asg_json_t *json = cli_json_begin(0, answer);
    asg_json_event_t event;
    yaml_event_t out;

    while ((event = asg_json_next(json)) != ASG_JSON_END) {
        if (!event_make(event, json, &out) || !yaml_emitter_emit(emitter, &out))
        {
            return 0;
        }
    }

    return 1;
}


bool
cli_show_yaml(asg_str_t answer)
{
    yaml_emitter_t emitter;
    yaml_event_t event;
    int ok;

    if (!yaml_emitter_initialize(&emitter)) {
        return false;
    }
    yaml_emitter_set_output_file(&emitter, stdout);
    yaml_emitter_set_unicode(&emitter, 1);
    yaml_emitter_set_width(&emitter, -1);
    ok = yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING)
        && yaml_emitter_emit(&emitter, &event)
        && yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1)
        && yaml_emitter_emit(&emitter, &event)
        && document_put(&emitter, answer)
        && yaml_document_end_event_initialize(&event, 1)
        && yaml_emitter_emit(&emitter, &event)
        && yaml_stream_end_event_initialize(&event)
        && yaml_emitter_emit(&emitter, &event);
    yaml_emitter_delete(&emitter);

    return ok != 0;
}
