/*
 * Reviews that are due and were not held: each is told once in the audit log as
 * project.review_expired.  It blocks nothing.
 */
#ifndef CTL_REVIEW_EXPIRY_H
#define CTL_REVIEW_EXPIRY_H

#include "store/pg.h"

#define CTL_REVIEW_EXPIRY_MAX 100       /* told at once */

/* A transaction of its own; of several processes each review is told by one. */
bool ctl_review_expiry_tell(struct ctl_pg *pg, struct ctl_arena *arena,
    struct ctl_error *e);

#endif
