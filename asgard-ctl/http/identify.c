/*
 * From the head of a request to a principal.
 */
#include "http/identify.h"

#include <strings.h>

#include "core/key.h"
#include "http/bad_tokens.h"
#include "http/cookie.h"
#include "ops/principal.h"


static bool
bearer_token(asg_str_t header, asg_str_t *token)
{
    static const char scheme[] = "Bearer ";
    size_t n = sizeof(scheme) - 1;

    if (header.len <= n || strncasecmp(header.data, scheme, n) != 0) {
        return false;
    }
    *token = (asg_str_t) {header.data + n, header.len - n};

    return true;
}


static bool
invalid_token(struct ctl_request *rq, struct ctl_error *e)
{
    if (ctl_bad_tokens_is_over(rq)) {
        return ctl_error_set(e, 429, "rate_limit_exceeded",
                             "Too many tokens that are not valid came from "
                             "this address; correct the token, then try again "
                             "after the time in Retry-After.");
    }

    return ctl_error_set(e, 401, "invalid_token",
                         "This token or session is not known, or no longer "
                         "valid. Use an access token (asg_pat_…) or sign in; "
                         "a project key does not open this API.");
}


asg_str_t
ctl_identify_cookie(const struct ctl_request *rq)
{
    asg_str_t token = ctl_cookie_find(rq->cookie, CTL_SESSION_COOKIE);

    return asg_key_classify(token) == ASG_KEY_SESSION ? token : ASG_STR_NULL;
}


/* False without an error text is left to the caller: nothing was sent. */
static bool
take_token(struct ctl_request *rq, asg_str_t *token, struct ctl_error *e)
{
    if (rq->authorization.len > 0) {
        return bearer_token(rq->authorization, token) || invalid_token(rq, e);
    }
    if (ctl_cookie_find(rq->cookie, CTL_SESSION_COOKIE).len == 0) {
        return ctl_error_set(e, 401, "missing_token",
                             "Send Authorization: Bearer <access token>, or "
                             "sign in.");
    }
    rq->by_cookie = true;
    *token = ctl_identify_cookie(rq);

    return token->len > 0 || invalid_token(rq, e);
}


bool
ctl_identify(struct ctl_request *rq, struct ctl_error *e)
{
    struct ctl_worker *w = rq->worker;
    asg_str_t token;
    asg_key_kind_t kind;
    bool ok;

    if (!take_token(rq, &token, e)) {
        return false;
    }
    kind = asg_key_classify(token);
    if (kind == ASG_KEY_SESSION) {
        ok = ctl_principal_of_session(w->pg, &w->arena, w->config, token,
                                      &rq->who, e);
    } else if (kind == ASG_KEY_PAT && !rq->by_cookie) {
        ok = ctl_principal_of_token(w->pg, &w->arena, token, &rq->who, e);
    } else {
        return invalid_token(rq, e);
    }
    if (!ok) {
        return false;
    }
    if (rq->who.kind == CTL_PRINCIPAL_NONE) {
        return invalid_token(rq, e);
    }
    rq->actor = ctl_principal_actor(&w->arena, &rq->who);

    return rq->actor != NULL || ctl_error_internal(e, "out of memory");
}
