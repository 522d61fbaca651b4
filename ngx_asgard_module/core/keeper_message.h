/*
 * What api and keeper say to each other over the keeper's socket: one question,
 * one answer, then the connection ends (docs/formats.md, "The keeper's
 * socket").
 *
 *   A K | 1 | type | length of the body (4, big-endian) | body
 *
 *   OPEN     grant id (36) | version (4, big-endian)
 *   VALUE    the secret
 *   REFUSED  status (2, big-endian) | code (a-z, _)
 *
 * Every length is checked against its type before a body is read.  Pure; views
 * are into the body.
 */
#ifndef ASG_KEEPER_MESSAGE_H
#define ASG_KEEPER_MESSAGE_H

#include <stdint.h>

#include "core/envelope.h"
#include "core/err.h"
#include "core/str.h"
#include "core/uuid.h"

#define ASG_KEEPER_HEAD     8
#define ASG_KEEPER_BODY_MAX ASG_ENVELOPE_PLAIN_MAX
#define ASG_KEEPER_MAX      (ASG_KEEPER_HEAD + ASG_KEEPER_BODY_MAX)
#define ASG_KEEPER_CODE_MAX 47

typedef enum {
    ASG_KEEPER_OPEN = 1, ASG_KEEPER_VALUE, ASG_KEEPER_REFUSED
} asg_keeper_type_t;

typedef struct {
    asg_keeper_type_t type;
    asg_str_t grant;                    /* of OPEN */
    uint32_t version;
    asg_str_t value;                    /* of VALUE */
    unsigned status;                    /* of REFUSED: 400 to 599 */
    asg_str_t code;
} asg_keeper_message_t;

/* SYNTAX: no message; VERSION: of another one; RANGE: an unknown type; LIMIT: a
 * length that its type has not.  *len is that of the body. */
ASG_MUST_CHECK asg_err_t asg_keeper_head(const uint8_t head[ASG_KEEPER_HEAD],
    asg_keeper_type_t *type, size_t *len);
/* A body of the length that the head said. */
ASG_MUST_CHECK asg_err_t asg_keeper_body(asg_keeper_type_t type,
    asg_str_t body, asg_keeper_message_t *out);
/* SYNTAX, LIMIT: no message could be this. */
ASG_MUST_CHECK asg_err_t asg_keeper_write(const asg_keeper_message_t *m,
    asg_buf_t *out);

#endif
