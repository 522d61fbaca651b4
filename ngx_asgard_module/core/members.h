/*
 * Reading a JSON object into a struct by a table of its members.
 *
 * A line of the table says name, kind and where the value goes.  Members may
 * stand in any order; those that the table does not name are skipped, because
 * a newer writer may add some within one format number.  One that is required
 * and absent is MISSING; one of another type is SYNTAX; a number outside its
 * kind's bounds is RANGE; a bound of the JSON reader is LIMIT.  What is absent
 * leaves its field as it was.
 *
 * Private to core/.
 */
#ifndef ASG_MEMBERS_H
#define ASG_MEMBERS_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/json.h"
#include "core/str.h"

#define ASG_MEMBERS_MAX 32

typedef enum {
    ASG_MEMBER_STRING,          /* asg_str_t */
    ASG_MEMBER_STRING_OR_NULL,  /* asg_str_t; null gives the null string */
    ASG_MEMBER_COUNT,           /* int64_t, 0 and above */
    ASG_MEMBER_VERSION,         /* uint64_t, 0 to INT64_MAX */
    ASG_MEMBER_FLAG,            /* bool, written 0 or 1 */
    ASG_MEMBER_OTHER            /* `read` does it */
} asg_member_kind_t;

/* The key was read, its value was not.  `out` is the whole struct. */
typedef asg_err_t (*asg_member_read_pt)(asg_json_t *json, asg_buf_t *scratch,
    void *out);

typedef struct {
    const char *name;
    asg_member_kind_t kind;
    bool required;
    size_t at;                  /* offset of the field */
    asg_member_read_pt read;
} asg_member_t;

#define ASG_MEMBER(kind, name, type, field) \
    {name, ASG_MEMBER_##kind, true, offsetof(type, field), NULL}
#define ASG_MEMBER_MAYBE(kind, name, type, field) \
    {name, ASG_MEMBER_##kind, false, offsetof(type, field), NULL}
#define ASG_MEMBER_BY(read, name) {name, ASG_MEMBER_OTHER, true, 0, read}
#define ASG_MEMBER_MAYBE_BY(read, name) \
    {name, ASG_MEMBER_OTHER, false, 0, read}

#define ASG_MEMBERS(table) table, sizeof(table) / sizeof(*(table))

/* The object whose start was just read, to its end.  Strings borrow from the
 * text; those with an escape are written into `scratch`, or refused when that
 * is NULL. */
ASG_MUST_CHECK asg_err_t asg_members_read(asg_json_t *json, asg_buf_t *scratch,
    const asg_member_t *members, size_t n, void *out);
/* The next value is such an object. */
ASG_MUST_CHECK asg_err_t asg_members_read_next(asg_json_t *json,
    asg_buf_t *scratch, const asg_member_t *members, size_t n, void *out);
/* The next value is such an object, or null: then *there is false. */
ASG_MUST_CHECK asg_err_t asg_members_read_maybe(asg_json_t *json,
    asg_buf_t *scratch, const asg_member_t *members, size_t n, void *out,
    bool *there);
/* The whole text is. */
ASG_MUST_CHECK asg_err_t asg_members_read_text(asg_json_t *json, asg_str_t text,
    asg_buf_t *scratch, const asg_member_t *members, size_t n, void *out);

/* Is the text an object whose "f" is `format`?  VERSION: another number.  To be
 * asked first: of another format nothing is known. */
ASG_MUST_CHECK asg_err_t asg_members_check_format(asg_json_t *json,
    asg_str_t text, int64_t format);

/* The string token just read. */
ASG_MUST_CHECK asg_err_t asg_members_string(const asg_json_t *json,
    asg_buf_t *scratch, asg_str_t *out);
/* What the reader's fault is here. */
asg_err_t asg_members_fault(const asg_json_t *json);

#endif
