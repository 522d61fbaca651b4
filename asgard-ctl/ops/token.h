/*
 * Access tokens of administrators (asg_pat_…): minted once, shown once.
 */
#ifndef CTL_TOKEN_H
#define CTL_TOKEN_H

#include "ops/change.h"

#define CTL_TOKEN_TEXT 80

/* `ttl_s` 0: no end.  `text` gets the token itself: wipe it after use. */
bool ctl_token_mint(struct ctl_change *c, const char *name, int64_t ttl_s,
    char text[CTL_TOKEN_TEXT], struct ctl_error *e);

#endif
