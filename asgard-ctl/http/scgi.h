/*
 * SCGI requests as nginx sends them (the SCGI protocol, 2008): a netstring of
 * NUL-separated names and values, CONTENT_LENGTH first, then the body.
 *
 * Pure: the parser works on a buffer and says how much more it needs.
 * What is read here is refused when it stands twice: a header could be smuggled
 * by repeating it.
 */
#ifndef CTL_SCGI_H
#define CTL_SCGI_H

#include <stdbool.h>
#include <stddef.h>

#include "core/str.h"

#define CTL_SCGI_HEAD_MAX 65536
#define CTL_SCGI_BODY_MAX (1024 * 1024)

enum ctl_scgi_status {
    CTL_SCGI_MORE,                      /* give more bytes */
    CTL_SCGI_DONE,
    CTL_SCGI_BAD,                       /* 400 */
    CTL_SCGI_TOO_LARGE                  /* 413 */
};

struct ctl_scgi {
    asg_str_t method;                   /* REQUEST_METHOD */
    asg_str_t path;                     /* DOCUMENT_URI */
    asg_str_t query;                    /* QUERY_STRING */
    asg_str_t authorization;            /* HTTP_AUTHORIZATION */
    asg_str_t content_type;             /* CONTENT_TYPE */
    asg_str_t idempotency_key;          /* HTTP_IDEMPOTENCY_KEY */
    asg_str_t trace_id;                 /* HTTP_X_ASGARD_TRACE_ID */
    asg_str_t cookie;                   /* HTTP_COOKIE */
    asg_str_t origin;                   /* HTTP_ORIGIN */
    asg_str_t fetch_site;               /* HTTP_SEC_FETCH_SITE */
    asg_str_t last_event_id;            /* HTTP_LAST_EVENT_ID */
    asg_str_t host;                     /* HTTP_HOST */
    asg_str_t scheme;                   /* REQUEST_SCHEME */
    asg_str_t remote_addr;              /* REMOTE_ADDR */
    asg_str_t body;
    size_t need;                        /* with MORE: total bytes, if known */
};

/* All strings borrow from `bytes`.  Called again with more bytes after MORE. */
enum ctl_scgi_status ctl_scgi_parse(asg_str_t bytes, struct ctl_scgi *out);

#endif
