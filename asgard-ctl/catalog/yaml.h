/*
 * YAML as a small tree with the line of every node.
 *
 * The subset that a configuration needs: maps with plain text keys, lists and
 * scalars.  Anchors, aliases, tags, directives, a second document, a key that
 * stands twice, a NUL byte, and anything beyond the bounds are refused with the
 * line.  Texts are NUL-terminated; the tree belongs to the arena.
 */
#ifndef CTL_YAML_H
#define CTL_YAML_H

#include <stdbool.h>
#include <stdint.h>

#include "catalog/finding.h"
#include "core/str.h"

#define CTL_YAML_BYTES_MAX (1024u * 1024)
#define CTL_YAML_DEPTH_MAX 16
#define CTL_YAML_NODES_MAX 20000
#define CTL_YAML_ITEMS_MAX 4096         /* of one list or map */

enum ctl_yaml_kind { CTL_YAML_SCALAR, CTL_YAML_LIST, CTL_YAML_MAP };

struct ctl_yaml {
    enum ctl_yaml_kind kind;
    unsigned line;                      /* 1-based; of the key in a map */
    const char *key;                    /* NULL unless a map's value */
    const char *text;                   /* of a scalar */
    bool plain;                         /* a scalar without quotes */
    struct ctl_yaml *first;             /* items or values, in order */
    struct ctl_yaml *next;
    unsigned n;
};

/* NULL after an error.  An empty document is an empty map. */
struct ctl_yaml *ctl_yaml_parse(const char *file, asg_str_t text,
    struct ctl_findings *f);
/* Reads a regular file; *missing (may be NULL: then that is an error too) says
 * that there is none. */
struct ctl_yaml *ctl_yaml_load(const char *file, bool *missing,
    struct ctl_findings *f);

/* The value of a map's key; NULL when it is absent or null. */
const struct ctl_yaml *ctl_yaml_at(const struct ctl_yaml *map,
    const char *key);
bool ctl_yaml_is_null(const struct ctl_yaml *node);
const char *ctl_yaml_text(const struct ctl_yaml *map, const char *key,
    const char *otherwise);
bool ctl_yaml_bool(const struct ctl_yaml *node, bool *out);
/* An integer in 0 … INT64_MAX. */
bool ctl_yaml_int(const struct ctl_yaml *node, int64_t *out);
/* `30` and `30s`, `500ms`, `5m`, `1.5` seconds, at most a day. */
bool ctl_yaml_ms(const struct ctl_yaml *node, int64_t *out);

#endif
