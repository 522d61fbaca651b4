/*
 * Where a request that changes something comes from, as browsers say it: none
 * may come from another site.
 *
 * A program sends neither Origin nor Sec-Fetch-Site and passes; a browser sends
 * them whatever a page wants.  A form of another site could leave them out only
 * with a body that is no JSON, which is 415 (http/route.c).
 */
#ifndef CTL_ORIGIN_H
#define CTL_ORIGIN_H

#include "http/route.h"

/* 403 cross_site. */
bool ctl_origin_check(const struct ctl_request *rq, struct ctl_error *e);
/* The client's side of the connection has TLS, here or in front of us. */
bool ctl_origin_is_tls(const struct ctl_request *rq);

#endif
