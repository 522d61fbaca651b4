/*
 * The few ways in which a pure function of core/ can fail.
 *
 * A function that returns asg_err_t leaves its output untouched unless it
 * returns ASG_OK.
 */
#ifndef ASG_ERR_H
#define ASG_ERR_H

typedef enum {
    ASG_OK = 0,
    ASG_ERR_SYNTAX,             /* not of the grammar */
    ASG_ERR_RANGE,              /* of the grammar, outside the bounds */
    ASG_ERR_LIMIT,              /* a stated bound of the reader was passed */
    ASG_ERR_SPACE,              /* the caller's storage is too small */
    ASG_ERR_VERSION,            /* a format number that we do not know */
    ASG_ERR_AUTH,               /* authentication of the bytes failed */
    ASG_ERR_MISSING             /* a part that must be there is not */
} asg_err_t;

#define ASG_MUST_CHECK __attribute__((warn_unused_result))

#endif
