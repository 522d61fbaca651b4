/*
 * Secrets of resources, for steps.
 */
#include "ops/job_secrets.h"

#include <openssl/crypto.h>

#include "core/envelope.h"
#include "ops/secret_store.h"

#define OF_RESOURCE \
    "SELECT project_id, name, version, output FROM secrets" \
    " WHERE resource_id = $1::uuid AND state = $2 ORDER BY output"


static struct ctl_secret_ref
ref_of(struct ctl_arena *arena, const struct ctl_rows *rows, unsigned i)
{
    struct ctl_secret_ref ref = {
        .project_id = ctl_rows_at(rows, i, 0), .name = ctl_rows_at(rows, i, 1),
        .version = ctl_rows_i64(rows, i, 2)
    };

    ref.path = ctl_arena_printf(arena, "%s/%s", ref.project_id, ref.name);

    return ref;
}


static bool
store(struct ctl_change *c, const asg_keks_t *keks,
    const struct ctl_job *job, const struct ctl_step_out *out,
    struct ctl_error *e)
{
    struct ctl_secret_ref ref;
    unsigned i;

    if (out->nsecrets > 0 && keks == NULL) {
        return ctl_error_internal(e, "no key for a secret");
    }
    for (i = 0; i < out->nsecrets; i++) {
        const struct ctl_step_secret *s = &out->secrets[i];

        if (!ctl_secret_put(c, keks, job->resource_id, s->output,
                            ctl_secret_view(&s->value), s->pending, &ref, e))
        {
            return false;
        }
    }

    return true;
}


static bool
activate(struct ctl_change *c, const struct ctl_job *job,
    struct ctl_error *e)
{
    struct ctl_secret_ref ref;
    struct ctl_rows rows;
    unsigned i;

    if (!CTL_PG(c->pg, c->arena, &rows, e, OF_RESOURCE, job->resource_id,
                "pending"))
    {
        return false;
    }
    for (i = 0; i < rows.nrows; i++) {
        ref = ref_of(c->arena, &rows, i);
        if (!ctl_secret_activate(c, &ref, e)) {
            return false;
        }
    }

    return true;
}


static bool
references_write(struct ctl_change *c, const struct ctl_job *job,
    struct ctl_error *e)
{
    struct ctl_secret_ref ref;
    struct ctl_rows rows;
    unsigned i;

    if (!CTL_PG(c->pg, c->arena, &rows, e, OF_RESOURCE, job->resource_id,
                "active"))
    {
        return false;
    }
    for (i = 0; i < rows.nrows; i++) {
        ref = ref_of(c->arena, &rows, i);
        if (!CTL_PG(c->pg, c->arena, NULL, e,
                "UPDATE resources SET outputs = outputs"
                " || jsonb_build_object($2::text, $3::jsonb)"
                " WHERE resource_id = $1::uuid", job->resource_id,
                ctl_rows_at(&rows, i, 3),
                ctl_secret_ref_json(c->arena, &ref)))
        {
            return false;
        }
    }

    return true;
}


bool
ctl_job_secrets_save(struct ctl_change *c, const asg_keks_t *keks,
    const struct ctl_job *job, const struct ctl_step_out *out,
    struct ctl_error *e)
{
    bool done = out->verdict == CTL_STEP_DONE;

    if (done && job->act == CTL_ACT_DESTROY) {
        return ctl_secret_destroy(c, job->resource_id, e);
    }

    return store(c, keks, job, out, e)
           && (!out->activate || activate(c, job, e))
           && ((out->outputs == NULL && out->nsecrets == 0 && !done
                && !out->activate) || references_write(c, job, e));
}


bool
ctl_job_secret_read(struct ctl_pg *pg, struct ctl_arena *arena,
    const asg_keks_t *keks, const char *resource_id, const char *output,
    bool pending, struct ctl_secret *out, struct ctl_error *e)
{
    uint8_t plain[ASG_ENVELOPE_PLAIN_MAX];
    struct ctl_secret_ref ref;
    struct ctl_rows rows;
    size_t len;
    bool ok;

    if (keks == NULL) {
        return ctl_error_internal(e, "no key for a secret");
    }
    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT project_id, name, version FROM secrets"
            " WHERE resource_id = $1::uuid AND output = $2 AND state = $3",
            resource_id, output, pending ? "pending" : "active"))
    {
        return false;
    }
    if (rows.nrows == 0) {
        return ctl_error_set(e, 404, "secret_not_found",
                             "The resource has no such secret.");
    }
    ref = ref_of(arena, &rows, 0);
    ok = ctl_secret_open(pg, arena, keks, &ref, plain, &len, e);
    if (ok && !ctl_secret_set(out, (asg_str_t) {(const char *) plain, len})) {
        ok = ctl_error_internal(e, "a secret that is too large for a step");
    }
    OPENSSL_cleanse(plain, sizeof(plain));

    return ok;
}
