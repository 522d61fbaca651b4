
/*
 * Verifying, parsing and opening of a snapshot.
 */

#include "ngx_http_asgard_snapshot_load.h"

#include "core/seal.h"
#include "ngx_http_asgard_ctx.h"
#include "ngx_http_asgard_keyfile.h"
#include "ngx_http_asgard_peer.h"


#define NGX_HTTP_ASGARD_AAD_MAX     512
#define NGX_HTTP_ASGARD_SEALED_MAX  (ASG_SEAL_PLAIN_MAX + ASG_SEAL_TAG_BYTES)


static ngx_int_t ngx_http_asgard_snapshot_keys(ngx_http_asgard_snapshot_t *s,
    const asg_keyfile_t *keys);


/* The body is copied beside its arrays: the text belongs to the caller. */

static ngx_int_t
ngx_http_asgard_snapshot_parse(ngx_http_asgard_snapshot_t *s, asg_json_t *json,
    asg_str_t body)
{
    size_t     size, room;
    asg_str_t  copy;

    size = asg_catalog_size(json, body);
    if (size == 0) {
        return NGX_DECLINED;
    }

    room = ngx_align(size, NGX_ALIGNMENT);

    s->memory = ngx_alloc(room + body.len, ngx_cycle->log);
    if (s->memory == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy((u_char *) s->memory + room, body.data, body.len);
    copy = (asg_str_t) { (const char *) s->memory + room, body.len };

    if (asg_catalog_parse(json, copy, s->memory, size, &s->catalog)
        != ASG_OK)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static const char *
ngx_http_asgard_snapshot_fill(ngx_http_asgard_snapshot_t *s, asg_json_t *json,
    const asg_keyfile_t *keys, asg_str_t text, uint64_t floor)
{
    int64_t    created;
    uint64_t   version;
    asg_str_t  body;

    switch (asg_catalog_verify(keys, text, &version, &created, &body)) {

    case ASG_OK:
        break;

    case ASG_ERR_MISSING:
        return "it is sealed with a key that is not in the key file";

    case ASG_ERR_AUTH:
        return "its authentication failed";

    default:
        return "its head cannot be read";
    }

    if (version < floor) {
        return "it is older than one that was served";
    }

    if (ngx_http_asgard_snapshot_parse(s, json, body) != NGX_OK) {
        return "its body cannot be read";
    }

    if (s->catalog.version != version || s->catalog.created != created) {
        return "its body is of another version than its head";
    }

    if (ngx_http_asgard_snapshot_keys(s, keys) != NGX_OK) {
        return "a provider's key in it cannot be opened";
    }

    return NULL;
}


ngx_http_asgard_snapshot_t *
ngx_http_asgard_snapshot_load(asg_json_t *json, const asg_keyfile_t *keys,
    asg_str_t text, uint64_t floor, const char **why)
{
    ngx_http_asgard_snapshot_t  *s;

    s = ngx_calloc(sizeof(ngx_http_asgard_snapshot_t), ngx_cycle->log);
    if (s == NULL) {
        *why = "there is no memory for it";
        return NULL;
    }

    s->refs = 1;

    *why = ngx_http_asgard_snapshot_fill(s, json, keys, text, floor);

    if (*why) {
        ngx_http_asgard_snapshot_free(s);
        return NULL;
    }

    return s;
}


void
ngx_http_asgard_snapshot_free(ngx_http_asgard_snapshot_t *s)
{
    ngx_http_asgard_peer_release(s);
    ngx_http_asgard_secret_unmap(s->secrets, s->secrets_size);

    if (s->peers) {
        ngx_free(s->peers);
    }

    if (s->keys) {
        ngx_free(s->keys);
    }

    if (s->leaks) {
        ngx_free(s->leaks);
    }

    if (s->memory) {
        ngx_free(s->memory);
    }

    ngx_free(s);
}


/* Opens one endpoint's key into `out`; it was sealed for exactly this place. */

static ngx_int_t
ngx_http_asgard_snapshot_open(const asg_endpoint_t *e,
    const asg_keyfile_t *keys, u_char *out)
{
    char                    aad[NGX_HTTP_ASGARD_AAD_MAX];
    u_char                  nonce[ASG_SEAL_NONCE_BYTES];
    u_char                  data[NGX_HTTP_ASGARD_SEALED_MAX];
    size_t                  len;
    asg_buf_t               b;
    asg_str_t               sealed;
    const asg_named_key_t  *seal;

    len = e->key_data_hex.len / 2;
    seal = asg_keyfile_seal(keys, e->key_seal);

    if (seal == NULL || len <= ASG_SEAL_TAG_BYTES || len > sizeof(data)
        || !asg_hex_decode(e->key_nonce_hex, nonce, sizeof(nonce))
        || !asg_hex_decode(e->key_data_hex, data, len))
    {
        return NGX_ERROR;
    }

    asg_buf_init(&b, aad, sizeof(aad));
    asg_catalog_key_aad(&b, e->tls ? "https" : "http", e->host, e->port,
                        e->key_version);

    if (!asg_buf_ok(&b)) {
        return NGX_ERROR;
    }

    sealed = (asg_str_t) { (const char *) data, len };

    return asg_seal_decrypt(seal, asg_buf_view(&b), nonce, sealed, out)
           == ASG_OK ? NGX_OK : NGX_ERROR;
}


/* In the mapping the tables come first, for they are aligned; returns where
 * the keys begin. */

static u_char *
ngx_http_asgard_snapshot_leaks(ngx_http_asgard_snapshot_t *s)
{
    unsigned     i;
    asg_leak_t  *leak;

    leak = s->secrets;

    for (i = 0; i < s->catalog.nendpoints; i++) {
        if (s->catalog.endpoints[i].has_key) {
            s->leaks[i] = leak++;
        }
    }

    return (u_char *) leak;
}


static ngx_int_t
ngx_http_asgard_snapshot_keys(ngx_http_asgard_snapshot_t *s,
    const asg_keyfile_t *keys)
{
    u_char                *p;
    unsigned               i, n;
    const asg_endpoint_t  *e;

    n = s->catalog.nendpoints;

    s->keys = ngx_calloc((n + 1) * sizeof(ngx_str_t), ngx_cycle->log);
    s->leaks = ngx_calloc((n + 1) * sizeof(asg_leak_t *), ngx_cycle->log);
    s->peers = ngx_calloc((n + 1) * sizeof(void *), ngx_cycle->log);

    if (s->keys == NULL || s->leaks == NULL || s->peers == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        if (s->catalog.endpoints[i].has_key) {
            s->secrets_size += sizeof(asg_leak_t)
                               + s->catalog.endpoints[i].key_data_hex.len / 2;
        }
    }

    if (s->secrets_size == 0) {
        return NGX_OK;
    }

    s->secrets = ngx_http_asgard_secret_map(s->secrets_size);
    if (s->secrets == NULL) {
        return NGX_ERROR;
    }

    p = ngx_http_asgard_snapshot_leaks(s);

    for (i = 0; i < n; i++) {
        e = &s->catalog.endpoints[i];

        if (!e->has_key) {
            continue;
        }

        if (ngx_http_asgard_snapshot_open(e, keys, p) != NGX_OK) {
            return NGX_ERROR;
        }

        s->keys[i].data = p;
        s->keys[i].len = e->key_data_hex.len / 2 - ASG_SEAL_TAG_BYTES;
        asg_leak_init(s->leaks[i], ngx_http_asgard_str(&s->keys[i]));
        p += e->key_data_hex.len / 2;
    }

    return NGX_OK;
}
