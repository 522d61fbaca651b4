/*
 * Stored answers of POST requests.
 */
#include "http/idempotency.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#define KEY_BYTES_MAX 255


/* Under the first pepper: api has no other secret. */
static bool
digest(struct ctl_request *rq, asg_str_t text, uint8_t *sha)
{
    const asg_named_key_t *pepper = &rq->worker->peppers->peppers[0];

    return HMAC(EVP_sha256(), pepper->secret, (int) sizeof(pepper->secret),
                (const uint8_t *) text.data, text.len, sha, NULL) != NULL;
}


/* "\x…" of the HMAC of method, path and body, for a bytea parameter: a body may
 * hold a password, which a plain digest would let be guessed. */
static const char *
request_hash(struct ctl_request *rq)
{
    struct ctl_arena *arena = &rq->worker->arena;
    uint8_t sha[SHA256_DIGEST_LENGTH];
    size_t cap = rq->method.len + rq->path.len + rq->body.len + 2;
    char *hex = ctl_arena_alloc(arena, 2 * sizeof(sha) + 3);
    char *text = ctl_arena_alloc(arena, cap);
    asg_buf_t b;

    if (hex == NULL || text == NULL) {
        return NULL;
    }
    asg_buf_init(&b, text, cap);
    asg_buf_str(&b, rq->method);
    asg_buf_z(&b, " ");
    asg_buf_str(&b, rq->path);
    asg_buf_z(&b, "\n");
    asg_buf_str(&b, rq->body);
    if (!digest(rq, asg_buf_view(&b), sha)) {
        return NULL;
    }

    asg_buf_init(&b, hex, 2 * sizeof(sha) + 2);
    asg_buf_z(&b, "\\x");
    asg_buf_hex(&b, sha, sizeof(sha));

    return hex;
}


static bool
key_is_valid(asg_str_t key)
{
    size_t i;

    for (i = 0; i < key.len; i++) {
        if (key.data[i] <= ' ' || key.data[i] > '~') {
            return false;
        }
    }

    return key.len <= KEY_BYTES_MAX;
}


static bool
take_lock(struct ctl_request *rq, const char *key, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(rq->worker->pg, &rq->worker->arena, &rows, e,
            "SELECT pg_try_advisory_xact_lock("
            " hashtextextended('idempotency ' || $1 || ' ' || $2, 0))",
            rq->actor, key))
    {
        return false;
    }
    if (strcmp(ctl_rows_at(&rows, 0, 0), "t") != 0) {
        return ctl_error_set(e, 409, "idempotency_in_flight",
                             "A request with this Idempotency-Key is under "
                             "way; ask again shortly.");
    }

    return true;
}


static bool
take_stored(struct ctl_request *rq, const char *key, const char *hash,
    struct ctl_answer *an, bool *replayed, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(rq->worker->pg, &rq->worker->arena, &rows, e,
            "SELECT request_hash = $3::bytea, status, response, created_at"
            " FROM idempotency WHERE caller = $1 AND key = $2",
            rq->actor, key, hash))
    {
        return false;
    }
    if (rows.nrows == 0) {
        return true;
    }
    if (strcmp(ctl_rows_at(&rows, 0, 0), "t") != 0) {
        return ctl_error_set(e, 409, "idempotency_mismatch",
                             "This Idempotency-Key was used for another "
                             "request.");
    }
    an->status = (int) ctl_rows_i64(&rows, 0, 1);
    an->body = asg_str_z(ctl_rows_at(&rows, 0, 2));
    *replayed = true;

    return ctl_change_recall(rq->change, ctl_rows_at(&rows, 0, 3), e);
}


bool
ctl_idempotency_enter(struct ctl_request *rq, struct ctl_answer *an,
    bool *replayed, struct ctl_error *e)
{
    const char *key, *hash;

    *replayed = false;
    if (rq->idempotency_key.len == 0 || !asg_str_eq_z(rq->method, "POST")) {
        return true;
    }
    if (!key_is_valid(rq->idempotency_key)) {
        return ctl_error_field(e, "invalid_value", "Idempotency-Key",
                               "Idempotency-Key must be 1 to 255 printable "
                               "characters.");
    }
    key = ctl_arena_str(&rq->worker->arena, rq->idempotency_key).data;
    hash = request_hash(rq);
    if (key == NULL || hash == NULL) {
        return ctl_error_internal(e, "out of memory");
    }

    return take_lock(rq, key, e)
           && take_stored(rq, key, hash, an, replayed, e);
}


bool
ctl_idempotency_leave(struct ctl_request *rq, const struct ctl_answer *an,
    struct ctl_error *e)
{
    struct ctl_arena *arena = &rq->worker->arena;
    asg_str_t body = an->replay.data != NULL ? an->replay : an->body;
    const char *key, *hash, *status, *text;

    if (rq->idempotency_key.len == 0 || !asg_str_eq_z(rq->method, "POST")) {
        return true;
    }
    key = ctl_arena_str(arena, rq->idempotency_key).data;
    hash = request_hash(rq);
    status = ctl_arena_printf(arena, "%d", an->status);
    text = ctl_arena_str(arena, body).data;
    if (key == NULL || hash == NULL || status == NULL || text == NULL) {
        return ctl_error_internal(e, "out of memory");
    }

    return CTL_PG(rq->worker->pg, arena, NULL, e,
        "INSERT INTO idempotency (caller, key, request_hash, status,"
        " response) VALUES ($1, $2, $3::bytea, $4, $5)",
        rq->actor, key, hash, status, text);
}
