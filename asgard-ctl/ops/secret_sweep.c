/*
 * Pages of envelopes.
 */
#include "ops/secret_sweep.h"

#include <stdio.h>

#include <openssl/crypto.h>

#include "base/envelope.h"
#include "ops/secret_store.h"

#define TEXT_OF(n) #n
#define LIMIT(n) " LIMIT " TEXT_OF(n)

enum column { PROJECT, NAME, VERSION, ENVELOPE };

/* One row, taken apart. */
struct row {
    struct ctl_envelope_place place;
    const char *project_id, *name, *version, *bytea;
    uint8_t sealed[ASG_ENVELOPE_MAX];
    size_t len;
};


void
ctl_secret_sweep_begin(struct ctl_secret_sweep *s,
    void (*tell)(const char *path, int64_t version, const char *why))
{
    *s = (struct ctl_secret_sweep) {.more = true, .tell = tell};
}


/* `kek` NULL: whatever wraps them; else only what another one does. */
static bool
page_read(struct ctl_secret_sweep *s, struct ctl_pg *pg,
    struct ctl_arena *arena, const char *kek, struct ctl_rows *rows,
    struct ctl_error *e)
{
    unsigned last;

    if (!CTL_PG(pg, arena, rows, e,
            "SELECT project_id, name, version, envelope FROM secrets"
            " WHERE envelope IS NOT NULL AND ($4::text IS NULL OR kek <> $4)"
            " AND (project_id, name, version) > ($1, $2, $3::integer)"
            " ORDER BY project_id, name, version" LIMIT(CTL_SECRET_PAGE),
            s->project_id, s->name,
            ctl_arena_printf(arena, "%lld", (long long) s->version), kek))
    {
        return false;
    }
    s->more = rows->nrows == CTL_SECRET_PAGE;
    if (rows->nrows > 0) {
        last = rows->nrows - 1;
        snprintf(s->project_id, sizeof(s->project_id), "%s",
                 ctl_rows_at(rows, last, PROJECT));
        snprintf(s->name, sizeof(s->name), "%s",
                 ctl_rows_at(rows, last, NAME));
        s->version = ctl_rows_i64(rows, last, VERSION);
    }

    return true;
}


static bool
row_take(struct ctl_arena *arena, const struct ctl_rows *rows, unsigned i,
    struct row *r, struct ctl_error *e)
{
    r->project_id = ctl_rows_at(rows, i, PROJECT);
    r->name = ctl_rows_at(rows, i, NAME);
    r->version = ctl_rows_at(rows, i, VERSION);
    r->bytea = ctl_rows_at(rows, i, ENVELOPE);
    r->len = ctl_secret_bytes(r->bytea, r->sealed, sizeof(r->sealed));
    r->place = (struct ctl_envelope_place) {
        "secrets", ctl_arena_printf(arena, "%s/%s", r->project_id, r->name),
        "envelope", ctl_rows_i64(rows, i, VERSION)
    };

    return r->place.row != NULL || ctl_error_internal(e, "out of memory");
}


static void
judge(struct ctl_secret_sweep *s, const struct row *r, asg_err_t err)
{
    s->looked++;
    if (err != ASG_OK) {
        s->wrong++;
        s->tell(r->place.row, r->place.version, ctl_envelope_reason(err));
    }
}


bool
ctl_secret_verify(struct ctl_secret_sweep *s, struct ctl_pg *pg,
    struct ctl_arena *arena, const asg_keks_t *keks, struct ctl_error *e)
{
    uint8_t plain[ASG_ENVELOPE_PLAIN_MAX];
    struct ctl_rows rows;
    struct row r;
    size_t len;
    unsigned i;

    if (!page_read(s, pg, arena, NULL, &rows, e)) {
        return false;
    }
    for (i = 0; i < rows.nrows; i++) {
        if (!row_take(arena, &rows, i, &r, e)) {
            return false;
        }
        judge(s, &r, ctl_envelope_open(keks, &r.place,
            (asg_str_t) {(const char *) r.sealed, r.len}, plain, &len));
        OPENSSL_cleanse(plain, sizeof(plain));
    }

    return true;
}


/* Only what is as it was read: another may have wrapped or ended it. */
static bool
row_rewrap(struct ctl_secret_sweep *s, struct ctl_change *c,
    const asg_keks_t *keks, const struct row *r, struct ctl_error *e)
{
    uint8_t out[ASG_ENVELOPE_MAX];
    struct ctl_rows rows;
    const char *text;
    size_t len;
    asg_err_t err = ctl_envelope_rewrap(keks, &r->place,
        (asg_str_t) {(const char *) r->sealed, r->len}, out, &len);

    judge(s, r, err);
    if (err != ASG_OK) {
        return true;
    }
    text = ctl_secret_bytea(c->arena, out, len);
    if (text == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "UPDATE secrets SET envelope = $5::bytea, kek = $6"
            " WHERE project_id = $1 AND name = $2 AND version = $3"
            " AND envelope = $4::bytea", r->project_id, r->name, r->version,
            r->bytea, text, keks->keks[0].id))
    {
        return false;
    }
    s->rewrapped += (unsigned) rows.affected;

    return true;
}


bool
ctl_secret_rewrap(struct ctl_secret_sweep *s, struct ctl_change *c,
    const asg_keks_t *keks, struct ctl_error *e)
{
    const char *kek = keks->keks[0].id;
    unsigned before = s->rewrapped, i;
    struct ctl_rows rows;
    struct row r;

    if (!page_read(s, c->pg, c->arena, kek, &rows, e)) {
        return false;
    }
    for (i = 0; i < rows.nrows; i++) {
        if (!row_take(c->arena, &rows, i, &r, e)
            || !row_rewrap(s, c, keks, &r, e))
        {
            return false;
        }
    }

    return s->rewrapped == before
           || ctl_change_audit(c, "secrets.rewrapped", "kek", kek, NULL, NULL,
                  ctl_audit_data(c->arena, (const struct ctl_audit_field[]) {
                      {"kek", kek},
                      {"secrets", ctl_arena_printf(c->arena, "%u",
                                                   s->rewrapped - before)}},
                      2), e);
}


bool
ctl_secret_wrapped_by(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *kek, int64_t *n, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT count(*) FROM secrets WHERE kek = $1"
            " AND envelope IS NOT NULL", kek))
    {
        return false;
    }
    *n = ctl_rows_i64(&rows, 0, 0);

    return true;
}
