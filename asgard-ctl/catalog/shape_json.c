/*
 * YAML to JSON by the table of fields.
 */
#include "catalog/shape_json.h"

#include <string.h>


static void map_write(const struct ctl_yaml *map,
    const struct ctl_shape *fields, const char *without, asg_buf_t *out);


/* What JSON itself reads as a number: no sign +, no leading zero. */
static bool
is_number(const char *t)
{
    if (*t == '-') {
        t++;
    }
    if (*t == '0' ? (t[1] >= '0' && t[1] <= '9') : *t < '1' || *t > '9') {
        return false;
    }
    while (*t >= '0' && *t <= '9') {
        t++;
    }
    if (*t == '.') {
        t++;
        if (*t < '0' || *t > '9') {
            return false;
        }
        while (*t >= '0' && *t <= '9') {
            t++;
        }
    }

    return *t == '\0';
}


static void
free_write(const struct ctl_yaml *node, asg_buf_t *out)
{
    const struct ctl_yaml *item;
    bool map = node->kind == CTL_YAML_MAP;

    if (node->kind == CTL_YAML_SCALAR) {
        if (ctl_yaml_is_null(node)) {
            asg_buf_z(out, "null");
        } else if (node->plain && (is_number(node->text)
                                   || strcmp(node->text, "true") == 0
                                   || strcmp(node->text, "false") == 0))
        {
            asg_buf_z(out, node->text);
        } else {
            asg_buf_json(out, asg_str_z(node->text));
        }
        return;
    }
    asg_buf_z(out, map ? "{" : "[");
    for (item = node->first; item != NULL; item = item->next) {
        if (map) {
            asg_buf_json(out, asg_str_z(item->key));
            asg_buf_z(out, ":");
        }
        free_write(item, out);
        asg_buf_z(out, item->next != NULL ? "," : "");
    }
    asg_buf_z(out, map ? "}" : "]");
}


static void
items_write(const struct ctl_yaml *node, const struct ctl_shape *s,
    asg_buf_t *out)
{
    const struct ctl_yaml *item;

    asg_buf_z(out, s->kind == CTL_SHAPE_NAMED ? "{" : "[");
    for (item = node->first; item != NULL; item = item->next) {
        if (s->kind == CTL_SHAPE_NAMED) {
            asg_buf_json(out, asg_str_z(item->key));
            asg_buf_z(out, ":");
        }
        if (s->kind == CTL_SHAPE_TEXTS) {
            asg_buf_json(out, asg_str_z(item->text));
        } else {
            map_write(item, s->fields, NULL, out);
        }
        asg_buf_z(out, item->next != NULL ? "," : "");
    }
    asg_buf_z(out, s->kind == CTL_SHAPE_NAMED ? "}" : "]");
}


static void
value_write(const struct ctl_yaml *node, const struct ctl_shape *s,
    asg_buf_t *out)
{
    switch (s->kind) {
    case CTL_SHAPE_BOOL:
    case CTL_SHAPE_INT:
    case CTL_SHAPE_USD:
        asg_buf_z(out, node->text);
        break;
    case CTL_SHAPE_TEXTS:
    case CTL_SHAPE_MAPS:
    case CTL_SHAPE_NAMED:
        items_write(node, s, out);
        break;
    case CTL_SHAPE_MAP:
        map_write(node, s->fields, NULL, out);
        break;
    case CTL_SHAPE_FREE:
        free_write(node, out);
        break;
    default:
        asg_buf_json(out, asg_str_z(node->text));
    }
}


static void
map_write(const struct ctl_yaml *map, const struct ctl_shape *fields,
    const char *without, asg_buf_t *out)
{
    const struct ctl_yaml *at;
    bool first = true;

    asg_buf_z(out, "{");
    for (; fields->name != NULL; fields++) {
        at = ctl_yaml_at(map, fields->name);
        if (at == NULL
            || (without != NULL && strcmp(without, fields->name) == 0))
        {
            continue;
        }
        asg_buf_z(out, first ? "" : ",");
        asg_buf_json(out, asg_str_z(fields->name));
        asg_buf_z(out, ":");
        value_write(at, fields, out);
        first = false;
    }
    asg_buf_z(out, "}");
}


void
ctl_shape_json(const struct ctl_yaml *map, const struct ctl_shape *fields,
    const char *without, asg_buf_t *out)
{
    map_write(map, fields, without, out);
}
