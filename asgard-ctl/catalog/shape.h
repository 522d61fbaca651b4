/*
 * The shape of a YAML map as a table of its fields.
 *
 * Every field is known or refused by name and line; a null counts as absent.
 * After a check without findings the getters of yaml.h need no more tests.
 */
#ifndef CTL_SHAPE_H
#define CTL_SHAPE_H

#include "catalog/yaml.h"

enum ctl_shape_kind {
    CTL_SHAPE_TEXT,                     /* one of `words`, if any */
    CTL_SHAPE_BOOL,
    CTL_SHAPE_INT,
    CTL_SHAPE_DECIMAL,                  /* 0.00125, 5e-06 */
    CTL_SHAPE_USD,                      /* 120, 0.5: as core/money.h */
    CTL_SHAPE_TIME,                     /* as ctl_yaml_ms() */
    CTL_SHAPE_TEXTS,                    /* list, each one of `words` */
    CTL_SHAPE_MAP,                      /* of `fields` */
    CTL_SHAPE_MAPS,                     /* list of maps of `fields` */
    CTL_SHAPE_NAMED,                    /* any name → map of `fields` */
    CTL_SHAPE_FREE                      /* anything */
};

struct ctl_shape {
    const char *name;                   /* NULL ends a table */
    enum ctl_shape_kind kind;
    bool required;
    const struct ctl_shape *fields;
    const char *const *words;           /* ends with NULL; NULL: any */
};

bool ctl_shape_check(const struct ctl_yaml *map,
    const struct ctl_shape *fields, const char *file, struct ctl_findings *f);

/* Refuses what looks like a secret anywhere in the tree: manifests name the
 * variable that holds a key, never the key. */
bool ctl_shape_no_secrets(const struct ctl_yaml *root, const char *file,
    struct ctl_findings *f);
/* The same of the comments of the file's text. */
bool ctl_shape_no_secret_comments(asg_str_t text, const char *file,
    struct ctl_findings *f);
/* Whether a value is one; `key` is what it stands under, or NULL. */
bool ctl_shape_is_secret(const char *key, const char *text);

#endif
