/*
 * Checking a YAML map against the table of its fields.
 */
#include "catalog/shape.h"

#include <stdio.h>
#include <string.h>

#include "core/money.h"
#include "core/price.h"

struct check {
    const char *file;
    struct ctl_findings *findings;
};

static bool map_check(const struct check *c, const struct ctl_yaml *map,
    const struct ctl_shape *fields);


static bool
expects(const struct check *c, const struct ctl_yaml *at, const char *name,
    const char *what)
{
    return ctl_finding_error(c->findings, c->file, at->line,
                             "\"%s\" expects %s", name, what);
}


/* "one of a, b, c", or what any text is called. */
static bool
word_check(const struct check *c, const struct ctl_yaml *node,
    const struct ctl_shape *s)
{
    char list[256] = "one of";
    const char *const *w;
    size_t len;

    if (node->kind != CTL_YAML_SCALAR) {
        return expects(c, node, s->name, "a text");
    }
    if (s->words == NULL) {
        return true;
    }
    for (w = s->words; *w != NULL; w++) {
        if (strcmp(*w, node->text) == 0) {
            return true;
        }
        len = strlen(list);
        snprintf(list + len, sizeof(list) - len, "%s %s",
                 w == s->words ? "" : ",", *w);
    }

    return expects(c, node, s->name, list);
}


static bool
list_check(const struct check *c, const struct ctl_yaml *node,
    const struct ctl_shape *s)
{
    const struct ctl_yaml *item;
    bool ok = true;

    if (node->kind != CTL_YAML_LIST) {
        return expects(c, node, s->name, "a list");
    }
    for (item = node->first; item != NULL; item = item->next) {
        if (s->kind == CTL_SHAPE_TEXTS) {
            ok = word_check(c, item, s) && ok;
        } else if (item->kind != CTL_YAML_MAP) {
            ok = expects(c, item, s->name, "a list of maps");
        } else {
            ok = map_check(c, item, s->fields) && ok;
        }
    }

    return ok;
}


static bool
named_check(const struct check *c, const struct ctl_yaml *node,
    const struct ctl_shape *s)
{
    const struct ctl_yaml *item;
    bool ok = true;

    if (node->kind != CTL_YAML_MAP) {
        return expects(c, node, s->name, "a map");
    }
    for (item = node->first; item != NULL; item = item->next) {
        if (item->kind != CTL_YAML_MAP) {
            ok = expects(c, item, item->key, "a map");
        } else {
            ok = map_check(c, item, s->fields) && ok;
        }
    }

    return ok;
}


/* A number above what a price can be is one: in which unit it is said, and so
 * its range, knows who reads it. */
static bool
is_decimal(const struct ctl_yaml *node)
{
    asg_err_t rc = ASG_ERR_SYNTAX;
    int64_t n;

    if (node->kind == CTL_YAML_SCALAR) {
        rc = asg_price_parse(asg_str_z(node->text), 1, &n);
    }

    return rc == ASG_OK || rc == ASG_ERR_RANGE;
}


static bool
number_check(const struct check *c, const struct ctl_yaml *node,
    const struct ctl_shape *s)
{
    int64_t n;

    switch (s->kind) {
    case CTL_SHAPE_INT:
        return ctl_yaml_int(node, &n)
               || expects(c, node, s->name, "a whole number, 0 or more");
    case CTL_SHAPE_TIME:
        return ctl_yaml_ms(node, &n)
               || expects(c, node, s->name, "a time such as 30s or 500ms");
    case CTL_SHAPE_USD:
        return (node->kind == CTL_YAML_SCALAR
                && asg_money_parse(asg_str_z(node->text), &n) == ASG_OK)
               || expects(c, node, s->name, "USD such as 120 or 0.5");
    default:
        return is_decimal(node)
               || expects(c, node, s->name, "a number such as 0.00125");
    }
}


static bool
value_check(const struct check *c, const struct ctl_yaml *node,
    const struct ctl_shape *s)
{
    bool b;

    switch (s->kind) {
    case CTL_SHAPE_TEXT:
        return word_check(c, node, s);
    case CTL_SHAPE_BOOL:
        return ctl_yaml_bool(node, &b)
               || expects(c, node, s->name, "true or false");
    case CTL_SHAPE_TEXTS:
    case CTL_SHAPE_MAPS:
        return list_check(c, node, s);
    case CTL_SHAPE_MAP:
        return node->kind == CTL_YAML_MAP
               ? map_check(c, node, s->fields)
               : expects(c, node, s->name, "a map");
    case CTL_SHAPE_NAMED:
        return named_check(c, node, s);
    case CTL_SHAPE_FREE:
        return true;
    default:
        return number_check(c, node, s);
    }
}


static bool
required_check(const struct check *c, const struct ctl_yaml *map,
    const struct ctl_shape *fields)
{
    const struct ctl_shape *s;
    bool ok = true;

    for (s = fields; s->name != NULL; s++) {
        if (s->required && ctl_yaml_at(map, s->name) == NULL) {
            ok = ctl_finding_error(c->findings, c->file, map->line,
                                   "the field \"%s\" is missing", s->name);
        }
    }

    return ok;
}


static bool
map_check(const struct check *c, const struct ctl_yaml *map,
    const struct ctl_shape *fields)
{
    const struct ctl_yaml *child;
    const struct ctl_shape *s;
    bool ok = true;

    for (child = map->first; child != NULL; child = child->next) {
        for (s = fields; s->name != NULL; s++) {
            if (strcmp(s->name, child->key) == 0) {
                break;
            }
        }
        if (s->name == NULL) {
            ok = ctl_finding_error(c->findings, c->file, child->line,
                                   "unknown field \"%.64s\"", child->key);
        } else if (!ctl_yaml_is_null(child)) {
            ok = value_check(c, child, s) && ok;
        }
    }

    return required_check(c, map, fields) && ok;
}


bool
ctl_shape_check(const struct ctl_yaml *map, const struct ctl_shape *fields,
    const char *file, struct ctl_findings *f)
{
    struct check c = {file, f};

    if (map->kind != CTL_YAML_MAP) {
        return ctl_finding_error(f, file, map->line,
                                 "the file must be a map of fields");
    }

    return map_check(&c, map, fields);
}
