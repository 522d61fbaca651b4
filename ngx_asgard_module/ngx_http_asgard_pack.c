
/*
 * A key's record in few bytes, as the cache in shared memory has it.
 */

#include "ngx_http_asgard_pack.h"
#include "core/uuid.h"


#define NGX_HTTP_ASGARD_PACK_UUID  255              /* instead of a length */


static u_char *
ngx_http_asgard_pack_put_text(u_char *p, const char *text)
{
    size_t  len;

    len = ngx_strlen(text);
    *p++ = (u_char) len;
    return ngx_cpymem(p, text, len);
}


static u_char *
ngx_http_asgard_pack_get_text(u_char *p, char *text)
{
    size_t  len;

    len = *p++;
    ngx_memcpy(text, p, len);
    text[len] = '\0';
    return p + len;
}


/* Its 16 bytes, where it is a UUID. */
static u_char *
ngx_http_asgard_pack_put_id(u_char *p, const char *id)
{
    if (asg_uuid_pack(asg_str_z(id), p + 1)) {
        *p = NGX_HTTP_ASGARD_PACK_UUID;
        return p + 1 + ASG_UUID_BYTES;
    }

    return ngx_http_asgard_pack_put_text(p, id);
}


static u_char *
ngx_http_asgard_pack_get_id(u_char *p, char *id)
{
    if (*p != NGX_HTTP_ASGARD_PACK_UUID) {
        return ngx_http_asgard_pack_get_text(p, id);
    }

    asg_uuid_text(p + 1, id);
    id[ASG_UUID_CHARS] = '\0';
    return p + 1 + ASG_UUID_BYTES;
}


static size_t
ngx_http_asgard_pack_networks(const asg_networks_t *networks)
{
    return offsetof(asg_networks_t, of)
           + networks->n * sizeof(networks->of[0]);
}


size_t
ngx_http_asgard_pack(u_char *out, asg_key_record_t *record)
{
    u_char  *p;

    p = ngx_cpymem(out, &record->expires, sizeof(record->expires));
    *p++ = (u_char) (record->revoked | record->budgeted << 1
                     | record->all_models << 2
                     | (record->aliases_len > 0) << 3
                     | (record->limits.set > 0) << 4
                     | (record->budgets_len > 0) << 5
                     | (record->not_before > 0) << 6
                     | (record->networks.n > 0) << 7);
    p = ngx_http_asgard_pack_put_id(p, record->key_id);
    p = ngx_http_asgard_pack_put_text(p, record->project_id);
    p = ngx_http_asgard_pack_put_text(p, record->prefix);
    p = ngx_cpymem(p, &record->models_len, sizeof(record->models_len));

    /* most have none, and a key is to fit into few bytes */

    if (record->aliases_len) {
        p = ngx_cpymem(p, &record->aliases_len, sizeof(record->aliases_len));
    }

    if (record->limits.set) {
        p = ngx_cpymem(p, &record->limits, sizeof(record->limits));
    }

    if (record->budgets_len) {
        p = ngx_cpymem(p, &record->budgets_len, sizeof(record->budgets_len));
    }

    if (record->not_before) {
        p = ngx_cpymem(p, &record->not_before, sizeof(record->not_before));
    }

    if (record->networks.n) {
        p = ngx_cpymem(p, &record->networks,
                       ngx_http_asgard_pack_networks(&record->networks));
    }

    p = ngx_cpymem(p, record->names, asg_record_key_names_len(record));
    return p - out;
}


void
ngx_http_asgard_pack_read(u_char *p, asg_key_record_t *record)
{
    size_t      n;
    ngx_uint_t  has_aliases, has_limits, has_budgets, has_start, has_networks;

    ngx_memcpy(&record->expires, p, sizeof(record->expires));
    p += sizeof(record->expires);
    record->revoked = *p & 1;
    record->budgeted = *p >> 1 & 1;
    record->all_models = *p >> 2 & 1;
    has_aliases = *p >> 3 & 1;
    has_limits = *p >> 4 & 1;
    has_budgets = *p >> 5 & 1;
    has_start = *p >> 6 & 1;
    has_networks = *p++ >> 7 & 1;
    p = ngx_http_asgard_pack_get_id(p, record->key_id);
    p = ngx_http_asgard_pack_get_text(p, record->project_id);
    p = ngx_http_asgard_pack_get_text(p, record->prefix);
    ngx_memcpy(&record->models_len, p, sizeof(record->models_len));
    p += sizeof(record->models_len);
    record->aliases_len = 0;

    if (has_aliases) {
        ngx_memcpy(&record->aliases_len, p, sizeof(record->aliases_len));
        p += sizeof(record->aliases_len);
    }

    record->limits.set = 0;

    if (has_limits) {
        ngx_memcpy(&record->limits, p, sizeof(record->limits));
        p += sizeof(record->limits);
    }

    record->budgets_len = 0;

    if (has_budgets) {
        ngx_memcpy(&record->budgets_len, p, sizeof(record->budgets_len));
        p += sizeof(record->budgets_len);
    }

    record->not_before = 0;

    if (has_start) {
        ngx_memcpy(&record->not_before, p, sizeof(record->not_before));
        p += sizeof(record->not_before);
    }

    record->networks.n = 0;

    if (has_networks) {
        record->networks.n = *p;
        n = ngx_http_asgard_pack_networks(&record->networks);
        ngx_memcpy(&record->networks, p, n);
        p += n;
    }

    ngx_memcpy(record->names, p, asg_record_key_names_len(record));
}
