/*
 * One text of an answer as it comes, piece by piece, before guardrails.
 *
 * Private to core/: guard_answer.c uses it.  What a match could still need is
 * kept, at most ASG_LANE_TEXT bytes, and of each byte where it stands in what
 * is held back (`map`; NULL when nothing is).  Places are counted from the
 * beginning of the answer and may wrap: what is held back is far shorter.
 *
 * asg_lane_put() takes raw text of a JSON string, whose escapes it resolves,
 * and those of the JSON that the text is (ASG_TEXT_JSON).  When it has no room
 * it looks at what it can first, so a text of any length passes.  What is found
 * goes to asg_lane_owner_t.
 */
#ifndef ASG_GUARD_LANE_H
#define ASG_GUARD_LANE_H

#include "core/guard_body.h"

#define ASG_LANE_TEXT    1024
#define ASG_LANE_EXTRA   16
#define ASG_LANE_ESCAPE  12

/* What may be done with a byte. */
enum {
    ASG_LANE_FREE = 0,          /* it may be replaced */
    ASG_LANE_OUTSIDE,           /* of JSON: in no string of it */
    ASG_LANE_FIXED              /* the text would be another without it */
};

typedef struct {
    uint32_t at;
    uint8_t width;              /* 0: with the byte before it */
    uint8_t is;
} asg_lane_byte_t;

/* A further piece of the byte `index`, whose escape came cut. */
typedef struct {
    size_t index;
    asg_lane_byte_t byte;
} asg_lane_extra_t;

typedef struct {
    asg_lane_byte_t bytes[ASG_LANE_TEXT];
    asg_lane_extra_t extra[ASG_LANE_EXTRA];
    unsigned nextra;
} asg_lane_map_t;

/* JSON within the text: where the walk over it is. */
typedef struct {
    bool in_string, is_name, wants_name;
    unsigned depth;
    uint64_t objects;           /* bit d - 1: level d is an object */
    unsigned escape_len;        /* of an escape that is not whole */
    uint8_t escape[ASG_LANE_ESCAPE];
    unsigned nparts;            /* where its signs stand */
    asg_lane_byte_t parts[ASG_LANE_ESCAPE];
    asg_lane_byte_t last;
} asg_lane_json_t;

typedef struct {
    uint64_t id;
    uint64_t group;
    uint64_t fed;               /* when it was last */
    asg_text_t kind;
    bool is_let_go;             /* nothing of it is held back for now */
    size_t len;                 /* of `text` */
    size_t from;                /* the first anchor that was not looked at */
    size_t phrases;             /* where those begin that are not told yet */
    asg_guard_told_t told;
    unsigned key_state;         /* within a private key that is taken out */
    size_t key_bytes;
    size_t key_from;            /* of the text: looked at for its end */
    asg_lane_json_t json;
    asg_lane_map_t *map;
    char text[ASG_LANE_TEXT];
} asg_lane_t;

typedef struct asg_lane_owner {
    void *data;
    /* Those must be held back, too.  Else nothing waits for one, and it is told
     * when it is whole. */
    bool phrases;
    asg_guard_search_t search;
    asg_hit_pt found;           /* offsets are in lane->text */
    /* The byte is to be taken out. */
    void (*cut)(void *data, const asg_lane_byte_t *byte);
    asg_lane_t *lane;           /* at hand */
    uint64_t hits;              /* told so far: `found` counts them */
    uint64_t nphrases;          /* of them, phrases that nothing waited for */
    size_t phrases_to;          /* in the lane at hand */
} asg_lane_owner_t;

/* `map` stays as it was. */
void asg_lane_init(asg_lane_t *lane, uint64_t id, uint64_t group,
    asg_text_t kind);
/* `at`: the place of the first byte of `raw`. */
void asg_lane_put(asg_lane_owner_t *owner, asg_lane_t *lane, asg_str_t raw,
    uint32_t at);
/* All that can be told by now. */
void asg_lane_look(asg_lane_owner_t *owner, asg_lane_t *lane);
/* As if the text were over; it may go on. */
void asg_lane_look_all(asg_lane_owner_t *owner, asg_lane_t *lane);
/* From a hit of the private key rule at `end` on, the rest of it is cut. */
void asg_lane_take_key(asg_lane_owner_t *owner, asg_lane_t *lane, size_t end);
/* The first byte that must not leave yet; false: there is none. */
bool asg_lane_holds(const asg_lane_t *lane, size_t *index);

/* --- guard_hold.c --- */

/* What stands before this offset is told of, whatever follows the text; it is
 * no more than ASG_GUARD_REACH before the end. */
size_t asg_guard_settled(asg_str_t text, bool phrases);

#endif
