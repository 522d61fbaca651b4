/*
 * Versions of secrets in Postgres.
 */
#include "ops/secret_store.h"

#include <string.h>

#include <openssl/crypto.h>

#include "base/envelope.h"
#include "base/utf8.h"

#define TEXT_BYTES (2 + 2 * ASG_ENVELOPE_MAX)


/* --- envelopes as text --- */

const char *
ctl_secret_bytea(struct ctl_arena *arena, const uint8_t *bytes, size_t len)
{
    char *text = len <= ASG_ENVELOPE_MAX
                 ? ctl_arena_alloc(arena, 2 * len + 3) : NULL;
    asg_buf_t b;

    if (text == NULL) {
        return NULL;
    }
    asg_buf_init(&b, text, 2 * len + 2);
    asg_buf_z(&b, "\\x");
    asg_buf_hex(&b, bytes, len);
    text[b.len] = '\0';

    return asg_buf_ok(&b) ? text : NULL;
}


size_t
ctl_secret_bytes(const char *bytea, uint8_t *out, size_t cap)
{
    size_t len = bytea != NULL ? strlen(bytea) : 0;

    if (len < 4 || len > TEXT_BYTES || (len - 2) / 2 > cap
        || !asg_hex_decode((asg_str_t) {bytea + 2, len - 2}, out,
                           (len - 2) / 2))
    {
        return 0;
    }

    return (len - 2) / 2;
}


static const char *
path_of(struct ctl_arena *arena, const char *project_id, const char *name)
{
    return ctl_arena_printf(arena, "%s/%s", project_id, name);
}


static struct ctl_envelope_place
place_of(const struct ctl_secret_ref *ref)
{
    return (struct ctl_envelope_place) {"secrets", ref->path, "envelope",
                                        ref->version};
}


/* --- a new version --- */

/* The name that this output has, or the first that is free; the row of the
 * resource makes two at once wait for each other. */
static bool
name_find(struct ctl_change *c, const char *resource_id, const char *output,
    struct ctl_secret_ref *ref, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "WITH r AS (SELECT * FROM resources WHERE resource_id = $1::uuid"
            "  FOR UPDATE)"
            " SELECT r.project_id, coalesce("
            "  (SELECT s.name FROM secrets s WHERE s.resource_id ="
            "    r.resource_id AND s.output = $2 LIMIT 1),"
            "  (SELECT n.name FROM unnest(ARRAY[r.name || '-' || $2,"
            "     r.rtype || '-' || r.name || '-' || $2])"
            "     WITH ORDINALITY n (name, i)"
            "   WHERE NOT EXISTS (SELECT 1 FROM secrets s WHERE"
            "    s.project_id = r.project_id AND s.name = n.name"
            "    AND s.state IN ('pending', 'active'))"
            "   ORDER BY n.i LIMIT 1))"
            " FROM r", resource_id, output))
    {
        return false;
    }
    if (rows.nrows == 0 || ctl_rows_at(&rows, 0, 1) == NULL) {
        return ctl_error_set(e, 404, "resource_not_found",
                             "There is no such resource.");
    }
    ref->project_id = ctl_rows_at(&rows, 0, 0);
    ref->name = ctl_rows_at(&rows, 0, 1);
    ref->path = path_of(c->arena, ref->project_id, ref->name);

    return ref->path != NULL || ctl_error_internal(e, "out of memory");
}


/* What a crash left pending was never read by anybody. */
static bool
version_next(struct ctl_change *c, struct ctl_secret_ref *ref,
    struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(c->pg, c->arena, NULL, e,
            "UPDATE secrets SET state = 'destroyed', envelope = NULL,"
            " kek = NULL, ended_at = now() WHERE project_id = $1"
            " AND name = $2 AND state = 'pending'", ref->project_id,
            ref->name)
        || !CTL_PG(c->pg, c->arena, &rows, e,
            "SELECT coalesce(max(version), 0) + 1 FROM secrets"
            " WHERE project_id = $1 AND name = $2", ref->project_id,
            ref->name))
    {
        return false;
    }
    ref->version = ctl_rows_i64(&rows, 0, 0);

    return true;
}


static const char *
seal(struct ctl_change *c, const asg_keks_t *keks,
    const struct ctl_secret_ref *ref, asg_str_t value, struct ctl_error *e)
{
    const struct ctl_envelope_place place = place_of(ref);
    uint8_t sealed[ASG_ENVELOPE_MAX];
    const char *text;
    size_t len;

    if (value.len > ASG_ENVELOPE_PLAIN_MAX) {
        ctl_error_field(e, "invalid_value", ref->name,
                        "A secret has at most %d bytes.",
                        ASG_ENVELOPE_PLAIN_MAX);
        return NULL;
    }
    if (!ctl_utf8_is_valid(value)
        || memchr(value.data, '\0', value.len) != NULL)
    {
        ctl_error_field(e, "invalid_value", ref->name,
                        "A secret is text in UTF-8.");
        return NULL;
    }
    if (ctl_envelope_seal(keks, &place, value, sealed, &len) != ASG_OK) {
        ctl_error_internal(e, "sealing %s failed", ref->path);
        return NULL;
    }
    text = ctl_secret_bytea(c->arena, sealed, len);
    if (text == NULL) {
        ctl_error_internal(e, "out of memory");
    }

    return text;
}


static const char *
version_text(struct ctl_arena *arena, const struct ctl_secret_ref *ref)
{
    return ctl_arena_printf(arena, "%lld", (long long) ref->version);
}


static bool
audit(struct ctl_change *c, const char *action,
    const struct ctl_secret_ref *ref, const char *resource_id,
    struct ctl_error *e)
{
    return ctl_change_audit(c, action, "secret", ref->path, ref->project_id,
        NULL, ctl_audit_data(c->arena, (const struct ctl_audit_field[]) {
            {"name", ref->name}, {"version", version_text(c->arena, ref)},
            {"resource", resource_id}}, 3), e);
}


bool
ctl_secret_put(struct ctl_change *c, const asg_keks_t *keks,
    const char *resource_id, const char *output, asg_str_t value,
    bool pending, struct ctl_secret_ref *out, struct ctl_error *e)
{
    const char *sealed;

    if (!name_find(c, resource_id, output, out, e)
        || !version_next(c, out, e)
        || (sealed = seal(c, keks, out, value, e)) == NULL
        || !CTL_PG(c->pg, c->arena, NULL, e,
            "INSERT INTO secrets (project_id, name, version, resource_id,"
            " output, state, kek, envelope) VALUES ($1, $2, $3, $4::uuid, $5,"
            " 'pending', $6, $7::bytea)", out->project_id, out->name,
            version_text(c->arena, out), resource_id, output,
            keks->keks[0].id, sealed)
        || !audit(c, "secret.sealed", out, resource_id, e))
    {
        return false;
    }

    return pending || ctl_secret_activate(c, out, e);
}


/* --- its life --- */

bool
ctl_secret_activate(struct ctl_change *c, const struct ctl_secret_ref *ref,
    struct ctl_error *e)
{
    const char *version = version_text(c->arena, ref);
    struct ctl_rows rows;

    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "SELECT resource_id, state FROM secrets WHERE project_id = $1"
            " AND name = $2 AND version = $3 FOR UPDATE", ref->project_id,
            ref->name, version))
    {
        return false;
    }
    if (rows.nrows == 0 || strcmp(ctl_rows_at(&rows, 0, 1), "pending") != 0) {
        return (rows.nrows == 1
                && strcmp(ctl_rows_at(&rows, 0, 1), "active") == 0)
               || ctl_error_internal(e, "%s version %s is not pending",
                                     ref->path, version);
    }

    return CTL_PG(c->pg, c->arena, NULL, e,
               "UPDATE secrets SET state = 'retired', envelope = NULL,"
               " kek = NULL, ended_at = now() WHERE project_id = $1"
               " AND name = $2 AND state = 'active'", ref->project_id,
               ref->name)
           && CTL_PG(c->pg, c->arena, NULL, e,
               "UPDATE secrets SET state = 'active', active_at = now()"
               " WHERE project_id = $1 AND name = $2 AND version = $3",
               ref->project_id, ref->name, version)
           && audit(c, ref->version > 1 ? "secret.rotated" : "secret.created",
                    ref, ctl_rows_at(&rows, 0, 0), e);
}


bool
ctl_secret_destroy(struct ctl_change *c, const char *resource_id,
    struct ctl_error *e)
{
    struct ctl_secret_ref ref;
    struct ctl_rows rows;
    unsigned i;

    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "UPDATE secrets SET state = 'destroyed', envelope = NULL,"
            " kek = NULL, ended_at = now() WHERE resource_id = $1::uuid"
            " AND state IN ('pending', 'active')"
            " RETURNING project_id, name, version", resource_id))
    {
        return false;
    }
    for (i = 0; i < rows.nrows; i++) {
        ref.project_id = ctl_rows_at(&rows, i, 0);
        ref.name = ctl_rows_at(&rows, i, 1);
        ref.version = ctl_rows_i64(&rows, i, 2);
        ref.path = path_of(c->arena, ref.project_id, ref.name);
        if (ref.path == NULL) {
            return ctl_error_internal(e, "out of memory");
        }
        if (!audit(c, "secret.destroyed", &ref, resource_id, e)) {
            return false;
        }
    }

    return true;
}


const char *
ctl_secret_ref_json(struct ctl_arena *arena, const struct ctl_secret_ref *ref)
{
    /* of a grammar that needs no escape */
    return ctl_arena_printf(arena, "{\"secret_ref\":{\"store\":\""
                            CTL_SECRET_STORE "\",\"path\":\"%s\","
                            "\"version\":%lld}}", ref->path,
                            (long long) ref->version);
}


bool
ctl_secret_refer(struct ctl_change *c, const char *resource_id,
    const char *output, const struct ctl_secret_ref *ref,
    struct ctl_error *e)
{
    const char *json = ctl_secret_ref_json(c->arena, ref);

    if (json == NULL) {
        return ctl_error_internal(e, "out of memory");
    }

    return CTL_PG(c->pg, c->arena, NULL, e,
        "UPDATE resources SET outputs = outputs"
        " || jsonb_build_object($2::text, $3::jsonb), updated_at = now()"
        " WHERE resource_id = $1::uuid", resource_id, output, json);
}


/* --- opened --- */

bool
ctl_secret_open(struct ctl_pg *pg, struct ctl_arena *arena,
    const asg_keks_t *keks, const struct ctl_secret_ref *ref,
    uint8_t *plain, size_t *len, struct ctl_error *e)
{
    const struct ctl_envelope_place place = place_of(ref);
    uint8_t sealed[ASG_ENVELOPE_MAX];
    struct ctl_rows rows;
    size_t n;
    asg_err_t err;

    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT envelope FROM secrets WHERE project_id = $1 AND name = $2"
            " AND version = $3 AND envelope IS NOT NULL", ref->project_id,
            ref->name, version_text(arena, ref)))
    {
        return false;
    }
    if (rows.nrows == 0) {
        return ctl_error_set(e, 404, "secret_not_found",
                             "There is no such secret.");
    }
    n = ctl_secret_bytes(ctl_rows_at(&rows, 0, 0), sealed, sizeof(sealed));
    err = ctl_envelope_open(keks, &place,
                            (asg_str_t) {(const char *) sealed, n}, plain,
                            len);

    return err == ASG_OK
           || ctl_error_internal(e, "secret %s version %lld: %s", ref->path,
                                 (long long) ref->version,
                                 ctl_envelope_reason(err));
}
