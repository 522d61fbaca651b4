/*
 * Bearer tokens of the control API.
 */
#include "http/bearer.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include <openssl/sha.h>

#include "base/clock.h"
#include "core/key.h"


static bool
bearer_token(asg_str_t header, asg_str_t *token)
{
    static const char scheme[] = "Bearer ";
    size_t n = sizeof(scheme) - 1;

    if (header.len <= n || strncasecmp(header.data, scheme, n) != 0) {
        return false;
    }
    *token = (asg_str_t) {header.data + n, header.len - n};

    return asg_key_classify(*token) == ASG_KEY_PAT;
}


/* What is no address is nobody's, as the clients of a unix socket are. */
static uint64_t
client_address(asg_str_t text)
{
    char z[INET6_ADDRSTRLEN];
    uint8_t bytes[sizeof(struct in6_addr)];

    if (text.len == 0 || text.len >= sizeof(z)) {
        return asg_flood_address(NULL, 0);
    }
    memcpy(z, text.data, text.len);
    z[text.len] = '\0';
    if (inet_pton(AF_INET, z, bytes) == 1) {
        return asg_flood_address(bytes, sizeof(struct in_addr));
    }

    return asg_flood_address(bytes, inet_pton(AF_INET6, z, bytes) == 1
                                    ? sizeof(bytes) : 0);
}


static bool
invalid_token(struct ctl_request *rq, struct ctl_error *e)
{
    struct ctl_bad_tokens *bad = rq->worker->bad_tokens;
    uint64_t now_us = (uint64_t) ctl_clock_ms() * 1000;

    atomic_fetch_add(&bad->shown, 1);
    if (asg_flood_is_over(&bad->flood, client_address(rq->remote_addr),
                          now_us, rq->worker->config->bad_tokens))
    {
        atomic_fetch_add(&bad->refused, 1);
        return ctl_error_set(e, 429, "rate_limit_exceeded",
                             "Too many tokens that are not valid came from "
                             "this address; correct the token, then try again "
                             "after the time in Retry-After.");
    }

    return ctl_error_set(e, 401, "invalid_token",
                         "This token is not known, or no longer valid. Use "
                         "an access token (asg_pat_…) of an administrator; a "
                         "project key does not open this API.");
}


bool
ctl_bearer_admin(struct ctl_request *rq, asg_str_t authorization,
    struct ctl_error *e)
{
    uint8_t sha[SHA256_DIGEST_LENGTH];
    char hex[4 + 2 * sizeof(sha)];
    asg_str_t token;
    asg_buf_t b;
    struct ctl_rows rows;

    if (authorization.len == 0) {
        return ctl_error_set(e, 401, "missing_token",
                             "Send Authorization: Bearer <access token>.");
    }
    if (!bearer_token(authorization, &token)) {
        return invalid_token(rq, e);
    }
    SHA256((const uint8_t *) token.data, token.len, sha);
    asg_buf_init(&b, hex, sizeof(hex) - 1);
    asg_buf_z(&b, "\\x");
    asg_buf_hex(&b, sha, sizeof(sha));
    hex[b.len] = '\0';

    /* the lookup is by a digest of 256 random bits: its timing tells nothing */
    if (!CTL_PG(rq->worker->pg, &rq->worker->arena, &rows, e,
            "SELECT token_id FROM tokens WHERE sha256 = $1::bytea"
            " AND revoked_at IS NULL"
            " AND (expires_at IS NULL OR expires_at > now())", hex))
    {
        return false;
    }
    if (rows.nrows == 0) {
        return invalid_token(rq, e);
    }
    rq->actor = ctl_arena_printf(&rq->worker->arena, "token:%s",
                                 ctl_rows_at(&rows, 0, 0));

    return rq->actor != NULL || ctl_error_internal(e, "out of memory");
}
