/*
 * Links in PostgreSQL.
 */
#include "ops/link.h"

#include <string.h>

#include <openssl/crypto.h>

#include "ledger/time_text.h"
#include "ops/credential.h"
#include "ops/principal.h"

#define NUMBER(n)   #n
#define TEXT(macro) NUMBER(macro)


/* --- to make --- */

/* The request of the notice, when both wait for a decision. */
static bool
notice_request(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *notice_id, const char **request_id, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT r.request_id FROM notices n JOIN request_events v"
            " USING (event_id) JOIN requests r USING (request_id)"
            " WHERE n.notice_id = $1::uuid"
            " AND r.state IN ('requested', 'reviewing')"
            " AND v.state IN ('requested', 'reviewing')", notice_id))
    {
        return false;
    }
    *request_id = rows.nrows == 1 ? ctl_rows_at(&rows, 0, 0) : NULL;

    return true;
}


/* The address, with the token behind it; NULL after an error. */
static char *
link_insert(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *request_id, const char *user_id, const char *notice_id,
    const char *public_url, const char **expires_at, struct ctl_error *e)
{
    size_t base = strlen(public_url);
    char token[CTL_CREDENTIAL_TEXT];
    struct ctl_rows rows;
    char *url = NULL;

    while (base > 0 && public_url[base - 1] == '/') {
        base--;
    }
    if (ctl_credential_make(CTL_LINK_PREFIX, token, e)
        && CTL_PG(pg, arena, &rows, e,
            "INSERT INTO request_links (sha256, request_id, plan_sha256,"
            " user_id, notice_id, expires_at) SELECT $1::bytea, request_id,"
            " plan_sha256, $3::uuid, $4::uuid, now() + interval '"
            TEXT(CTL_LINK_HOURS) " hours' FROM requests"
            " WHERE request_id = $2::uuid RETURNING "
            CTL_TIME_ISO("expires_at"),
            ctl_credential_sha(arena, asg_str_z(token)), request_id, user_id,
            notice_id))
    {
        *expires_at = ctl_rows_at(&rows, 0, 0);
        url = ctl_arena_printf(arena, "%.*s" CTL_LINK_PATH "#%s", (int) base,
                               public_url, token);
        if (url == NULL) {
            ctl_error_internal(e, "out of memory");
        }
    }
    OPENSSL_cleanse(token, sizeof(token));

    return url;
}


bool
ctl_link_make(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *notice_id, const char *address, const char *public_url,
    struct ctl_link_list *out, struct ctl_error *e)
{
    const char *request_id;
    struct ctl_rows rows;

    out->n = 0;
    if (!notice_request(pg, arena, notice_id, &request_id, e)) {
        return false;
    }
    if (request_id == NULL) {
        return true;
    }
    if (!CTL_PG(pg, arena, &rows, e, "SELECT user_id, username FROM ("
                CTL_ASK_DECIDERS ") d WHERE $2 = '' OR email = $2",
                request_id, address))
    {
        return false;
    }
    while (out->n < rows.nrows && out->n < CTL_ASK_DECIDERS_MAX) {
        out->items[out->n].username = ctl_rows_at(&rows, out->n, 1);
        out->items[out->n].url = link_insert(pg, arena, request_id,
            ctl_rows_at(&rows, out->n, 0), notice_id, public_url,
            &out->items[out->n].expires_at, e);
        if (out->items[out->n].url == NULL) {
            ctl_link_wipe(out);
            return false;
        }
        out->n++;
    }

    return true;
}


void
ctl_link_wipe(struct ctl_link_list *links)
{
    unsigned i;

    for (i = 0; i < links->n; i++) {
        OPENSSL_cleanse(links->items[i].url, strlen(links->items[i].url));
    }
    links->n = 0;
}


/* --- to use --- */

bool
ctl_link_ended(struct ctl_error *e)
{
    return ctl_error_set(e, 410, "link_ended",
                         "This link was used, or is too old. Sign in to look "
                         "at the request.");
}


bool
ctl_link_find(struct ctl_pg *pg, struct ctl_arena *arena, asg_str_t token,
    struct ctl_link *out, struct ctl_error *e)
{
    const char *sha = ctl_credential_sha(arena, token);
    struct ctl_rows rows;

    memset(out, 0, sizeof(*out));
    if (sha == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    if (!CTL_PG(pg, arena, &rows, e,
            "SELECT link_id, request_id, encode(plan_sha256, 'hex'), "
            CTL_TIME_ISO("expires_at") ","
            " used_at IS NOT NULL OR expires_at <= now(), user_id"
            " FROM request_links WHERE sha256 = $1::bytea", sha))
    {
        return false;
    }
    if (rows.nrows == 0) {
        return true;
    }
    out->id = ctl_rows_at(&rows, 0, 0);
    out->request_id = ctl_rows_at(&rows, 0, 1);
    out->plan_hash = ctl_rows_at(&rows, 0, 2);
    out->expires_at = ctl_rows_at(&rows, 0, 3);
    out->ended = strcmp(ctl_rows_at(&rows, 0, 4), "t") == 0;

    return ctl_principal_of_user(pg, arena, ctl_rows_at(&rows, 0, 5),
                                 &out->who, e);
}


/* What the person has of other links of the request has nothing left to
 * decide. */
bool
ctl_link_use(struct ctl_change *c, const struct ctl_link *link,
    const char *decision, const char *project_id, struct ctl_error *e)
{
    const struct ctl_audit_field data[] = {
        {"link", link->id}, {"decision", decision},
        {"plan_hash", link->plan_hash}
    };
    struct ctl_rows rows;

    if (!CTL_PG(c->pg, c->arena, &rows, e,
            "UPDATE request_links SET used_at = now() WHERE link_id = $1::uuid"
            " AND used_at IS NULL AND expires_at > now() RETURNING 1",
            link->id))
    {
        return false;
    }
    if (rows.nrows == 0) {
        return ctl_link_ended(e);
    }

    return CTL_PG(c->pg, c->arena, NULL, e,
               "UPDATE request_links SET used_at = now()"
               " WHERE request_id = $1::uuid AND user_id = $2::uuid"
               " AND used_at IS NULL", link->request_id, link->who.user_id)
           && ctl_change_audit(c, "workflow.link_used", "request",
                               link->request_id, project_id, NULL,
                               ctl_audit_data(c->arena, data, 3), e);
}


bool
ctl_link_tend(struct ctl_pg *pg, struct ctl_arena *arena,
    struct ctl_error *e)
{
    return CTL_PG(pg, arena, NULL, e,
        "DELETE FROM request_links WHERE link_id IN (SELECT link_id"
        " FROM request_links WHERE expires_at < now() - $1::interval"
        " LIMIT 1000)", TEXT(CTL_LINK_KEEP_DAYS) " days");
}
