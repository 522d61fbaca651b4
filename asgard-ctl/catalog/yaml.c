/*
 * From libyaml's events to a bounded tree.
 *
 * The tree is built without recursion: an open container is a level of a
 * stack, so no input can deepen the C stack.
 */
#include "catalog/yaml.h"

#include <string.h>

#include <yaml.h>

#include "catalog/shape.h"

#define KEY_SHOWN_MAX 32                /* a longer one may be a secret */

struct level {
    struct ctl_yaml *node;
    struct ctl_yaml *last;              /* its last child */
    const char *key;                    /* of a map: waits for its value */
    unsigned key_line;
};

struct builder {
    const char *file;
    struct ctl_findings *findings;
    struct ctl_yaml *root;
    struct level stack[CTL_YAML_DEPTH_MAX];
    unsigned depth;
    unsigned nodes;
    unsigned documents;
    unsigned line;                      /* of the event at hand */
};


static bool
refuse(struct builder *b, const char *why)
{
    return ctl_finding_error(b->findings, b->file, b->line, "%s", why);
}


static struct ctl_yaml *
node_create(struct builder *b, enum ctl_yaml_kind kind)
{
    struct ctl_yaml *node;

    if (++b->nodes > CTL_YAML_NODES_MAX) {
        refuse(b, "more than 20,000 values in one file");
        return NULL;
    }
    node = ctl_arena_alloc(b->findings->arena, sizeof(*node));
    if (node == NULL) {
        refuse(b, "out of memory");
        return NULL;
    }
    node->kind = kind;
    node->line = b->line;

    return node;
}


/* Puts a finished or just opened node where it belongs. */
static bool
node_attach(struct builder *b, struct ctl_yaml *node)
{
    struct level *at;

    if (b->depth == 0) {
        b->root = node;
        return true;
    }
    at = &b->stack[b->depth - 1];
    if (at->node->kind == CTL_YAML_MAP) {
        if (at->key == NULL) {
            return refuse(b, "a key must be plain text");
        }
        node->key = at->key;
        node->line = at->key_line;
        at->key = NULL;
    }
    if (++at->node->n > CTL_YAML_ITEMS_MAX) {
        return refuse(b, "more than 4,096 entries in one list or map");
    }
    if (at->last == NULL) {
        at->node->first = node;
    } else {
        at->last->next = node;
    }
    at->last = node;

    return true;
}


static bool
key_take(struct builder *b, struct level *at, const char *text)
{
    const struct ctl_yaml *child;

    for (child = at->node->first; child != NULL; child = child->next) {
        if (strcmp(child->key, text) == 0) {
            return ctl_finding_error(b->findings, b->file, b->line,
                                     "the key \"%s\" stands twice (first in "
                                     "line %u)", strlen(text) <= KEY_SHOWN_MAX
                                     ? text : "...", child->line);
        }
    }
    at->key = text;
    at->key_line = b->line;

    return true;
}


static bool
scalar_take(struct builder *b, const yaml_event_t *event)
{
    const char *value = (const char *) event->data.scalar.value;
    size_t len = event->data.scalar.length;
    struct level *at = b->depth > 0 ? &b->stack[b->depth - 1] : NULL;
    struct ctl_yaml *node;
    const char *text;

    if (memchr(value, '\0', len) != NULL) {
        return refuse(b, "a NUL byte in a text");
    }
    text = ctl_arena_text(b->findings->arena, value, len);
    if (text == NULL) {
        return refuse(b, "out of memory");
    }
    if (at != NULL && at->node->kind == CTL_YAML_MAP && at->key == NULL) {
        return key_take(b, at, text);
    }
    node = node_create(b, CTL_YAML_SCALAR);
    if (node == NULL) {
        return false;
    }
    node->text = text;
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

    return node_attach(b, node);
}


static bool
container_open(struct builder *b, enum ctl_yaml_kind kind)
{
    struct ctl_yaml *node;

    if (b->depth == CTL_YAML_DEPTH_MAX) {
        return refuse(b, "deeper than 16 levels");
    }
    node = node_create(b, kind);
    if (node == NULL || !node_attach(b, node)) {
        return false;
    }
    b->stack[b->depth++] = (struct level) {node, NULL, NULL, 0};

    return true;
}


static bool
document_open(struct builder *b, const yaml_event_t *event)
{
    if (event->data.document_start.version_directive != NULL
        || event->data.document_start.tag_directives.start
           != event->data.document_start.tag_directives.end)
    {
        return refuse(b, "directives are not accepted");
    }
    if (++b->documents > 1) {
        return refuse(b, "more than one document in the file");
    }

    return true;
}


/* Anchors and tags: what an expansion bomb and a type trick are made of. */
static bool
decoration_refuse(struct builder *b, const yaml_char_t *anchor,
    const yaml_char_t *tag)
{
    if (anchor != NULL) {
        return refuse(b, "anchors are not accepted");
    }

    return tag == NULL || refuse(b, "tags are not accepted");
}


static bool
event_take(struct builder *b, const yaml_event_t *event)
{
    b->line = (unsigned) event->start_mark.line + 1;
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return document_open(b, event);
    case YAML_ALIAS_EVENT:
        return refuse(b, "aliases are not accepted");
    case YAML_SCALAR_EVENT:
        return decoration_refuse(b, event->data.scalar.anchor,
                                 event->data.scalar.tag)
               && scalar_take(b, event);
    case YAML_SEQUENCE_START_EVENT:
        return decoration_refuse(b, event->data.sequence_start.anchor,
                                 event->data.sequence_start.tag)
               && container_open(b, CTL_YAML_LIST);
    case YAML_MAPPING_START_EVENT:
        return decoration_refuse(b, event->data.mapping_start.anchor,
                                 event->data.mapping_start.tag)
               && container_open(b, CTL_YAML_MAP);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        b->depth--;
        return true;
    default:
        return true;
    }
}


static bool
events_read(struct builder *b, yaml_parser_t *parser)
{
    yaml_event_t event;
    bool ok = true, end = false;

    while (ok && !end) {
        if (!yaml_parser_parse(parser, &event)) {
            if (parser->error == YAML_MEMORY_ERROR) {
                return ctl_finding_memory(b->findings, b->file);
            }
            b->line = (unsigned) parser->problem_mark.line + 1;
            return refuse(b, parser->problem != NULL ? parser->problem
                                                     : "not YAML");
        }
        end = event.type == YAML_STREAM_END_EVENT;
        ok = event_take(b, &event);
        yaml_event_delete(&event);
    }

    return ok;
}


struct ctl_yaml *
ctl_yaml_parse(const char *file, asg_str_t text, struct ctl_findings *f)
{
    struct builder b = {.file = file, .findings = f, .line = 1};
    yaml_parser_t parser;
    bool ok;

    if (text.len > CTL_YAML_BYTES_MAX) {
        ctl_finding_error(f, file, 0, "larger than 1 MiB");
        return NULL;
    }
    if (!yaml_parser_initialize(&parser)) {
        ctl_finding_memory(f, file);
        return NULL;
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser,
        (const unsigned char *) (text.data != NULL ? text.data : ""),
        text.len);
    ok = events_read(&b, &parser);
    yaml_parser_delete(&parser);
    if (ok && (b.root == NULL || ctl_yaml_is_null(b.root))) {
        b.root = node_create(&b, CTL_YAML_MAP);
    }

    return ok && ctl_shape_no_secret_comments(text, file, f) ? b.root : NULL;
}
