/*
 * The texts of an answer, each handed to guardrails with what it is.
 *
 * Which member is a text stands in core/answer_texts.def, for every route.  The
 * JSON must have passed the meter (core/answer.h), which bounds its depth; the
 * walk looks at a byte no more often than the objects of the table are nested,
 * and never outside of what it was given.
 *
 * A text of a stream comes in pieces, an event each: those of the same `lane`
 * are one text.  A text that `is_whole` has no further piece.
 *
 *     asg_answer_texts(asg_answer_texts_of(ASG_API_CHAT), event,
 *                      is_stream, take, data);
 */
#ifndef ASG_ANSWER_TEXTS_H
#define ASG_ANSWER_TEXTS_H

#include "core/fields.h"
#include "core/guard_body.h"
#include "core/str.h"

typedef enum {
    ASG_MEMBER_NO = 0, ASG_MEMBER_PLAIN, ASG_MEMBER_CODE, ASG_MEMBER_SIGNED,
    ASG_MEMBER_DEEP, ASG_MEMBER_ECHO, ASG_MEMBER_INDEX, ASG_MEMBER_STOP
} asg_member_kind_t;

typedef enum {
    ASG_SHAPE_NOTHING = 0,
#define OBJECT(object) ASG_SHAPE_##object,
#define MEMBER(name, kind, inside)
#define END
#define ROUTE(api, object)
#include "core/answer_texts.def"
#undef OBJECT
#undef MEMBER
#undef END
#undef ROUTE
    ASG_SHAPE_COUNT
} asg_shape_t;

typedef struct {
    const char *name;
    uint8_t len;
    uint8_t kind;               /* asg_member_kind_t */
    uint8_t inside;             /* asg_shape_t */
} asg_answer_member_t;

typedef struct {
    asg_str_t raw;              /* between the quotes; a number as it is; null:
                                 * nothing more comes of this group */
    asg_text_t kind;
    bool is_whole;
    bool is_echo;               /* `raw` is no text but a value that tells
                                 * other texts again */
    uint64_t lane;
    uint64_t group;             /* of the choice that it belongs to */
} asg_answer_text_t;

typedef void (*asg_answer_text_pt)(void *data, const asg_answer_text_t *text);

/* ASG_SHAPE_NOTHING: the route has no line. */
asg_shape_t asg_answer_texts_of(asg_api_t api);
/* The lines of an object in order; NULL after the last. */
const asg_answer_member_t *asg_answer_member_at(asg_shape_t shape,
    unsigned index);

void asg_answer_texts(asg_shape_t shape, asg_str_t object, bool is_stream,
    asg_answer_text_pt take, void *data);

#endif
