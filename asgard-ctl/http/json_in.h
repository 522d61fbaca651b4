/*
 * A request body as a table of fields: read by core/json, never by a double.
 *
 * The handler names every field that it knows; anything else is refused as
 * unknown_field with the field's name, a duplicate as duplicate_key, a wrong
 * type as invalid_value, and so is a required text that is blank.  Texts are
 * unescaped into the arena; amounts are read as text.
 */
#ifndef CTL_JSON_IN_H
#define CTL_JSON_IN_H

#include "base/arena.h"
#include "base/error.h"
#include "core/money.h"
#include "core/str.h"
#include "ops/limits.h"

enum ctl_json_type {
    CTL_JSON_TEXT,                      /* const char * */
    CTL_JSON_NAME,                      /* const char *: see base/name.h */
    CTL_JSON_USD,                       /* struct ctl_json_usd */
    CTL_JSON_BOOL,                      /* int: -1 absent, 0, 1 */
    CTL_JSON_INT,                       /* int64_t */
    CTL_JSON_LIMIT,                     /* struct ctl_limit */
    CTL_JSON_TEXTS,                     /* struct ctl_json_texts */
    CTL_JSON_RAW,                       /* asg_str_t: raw JSON of the value */
    CTL_JSON_OBJECT                     /* const char *: an object to be kept as
                                         * it is, its numbers plain */
};

struct ctl_json_usd {
    bool given;
    bool null;                          /* said explicitly: unlimited */
    asg_nusd_t nusd;
};

struct ctl_json_texts {
    bool given;
    bool null;
    unsigned n;
    const char **items;
};

struct ctl_json_field {
    const char *name;
    enum ctl_json_type type;
    bool required;
    unsigned max;                       /* bytes of a text or object, items of a
                                         * list, the largest limit */
    void *out;                          /* of the C type named above */
};

/* `fields` ends with name NULL.  Absent fields leave *out as the caller set
 * it.  An empty body is read as {} when nothing is required. */
bool ctl_json_read(asg_str_t body, const struct ctl_json_field *fields,
    struct ctl_arena *arena, struct ctl_error *e);

/* Each item of a raw JSON array of objects, by the same rules: calls `item`
 * with the raw text of one.  At most `max` items. */
bool ctl_json_each(asg_str_t raw, const char *name, unsigned max,
    struct ctl_arena *arena,
    bool (*item)(void *data, asg_str_t raw, struct ctl_error *e), void *data,
    struct ctl_error *e);

#endif
