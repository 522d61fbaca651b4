/*
 * Looking into JSON that was checked before: no storage, no events.
 *
 * The text must have passed core/json (grammar, UTF-8, no key twice); then a
 * value is the bytes from its first to its last sign, a string's quotes among
 * them, and objects and lists are walked by asking for the next.  On text that
 * was not checked the answers mean nothing, but nothing is read outside it and
 * every walk ends.
 *
 * Strings borrow from the text.  A null string (data NULL) is a value that is
 * not there; JSON's null is a value.
 */
#ifndef ASG_VIEW_H
#define ASG_VIEW_H

#include "core/str.h"

typedef struct {
    const char *at;
    const char *end;
} asg_view_t;

typedef struct {
    asg_str_t key;              /* raw, without its quotes */
    asg_str_t value;
} asg_view_member_t;

/* Of an object or a list; of anything else: one without members and items. */
asg_view_t asg_view_open(asg_str_t value);
bool asg_view_member(asg_view_t *view, asg_view_member_t *out);
bool asg_view_item(asg_view_t *view, asg_str_t *out);

/* The next item of a list, if it is an object, to be walked in place: to its
 * end, and then left.  A walk over both looks at each byte once. */
bool asg_view_enter(asg_view_t *list, asg_view_t *object);
void asg_view_leave(asg_view_t *list, const asg_view_t *object);

/* The member's value, as it is; a null string when there is none or it is
 * JSON's null. */
asg_str_t asg_view_find(asg_str_t object, const char *name);
/* The same, if it is a string: between its quotes. */
asg_str_t asg_view_find_text(asg_str_t object, const char *name);
/* Are there two members of this name, or more? */
bool asg_view_repeats(asg_str_t object, const char *name);

bool asg_view_is_string(asg_str_t value);
bool asg_view_is_object(asg_str_t value);
bool asg_view_is_list(asg_str_t value);
bool asg_view_is_null(asg_str_t value);         /* not there, or null */
/* A string value between its quotes; a null string of anything else. */
asg_str_t asg_view_text(asg_str_t value);
/* Does the raw text of a string or key spell `z` (of at most 64 bytes)?
 * Escapes are honoured. */
bool asg_view_spells(asg_str_t raw, const char *z);
/* Is there nothing but space in the raw text of a string? */
bool asg_view_is_blank(asg_str_t raw);

#endif
