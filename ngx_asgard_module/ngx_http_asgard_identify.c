
/*
 * From a token to its records: shared memory, else Redis.
 *
 * The lookup that waits for Redis is a record of its own on the heap; a request
 * that goes away only leaves it.  One pepper after the other, the first that
 * knows the digest has it; then the project.
 */

#include "ngx_http_asgard_alone.h"
#include "ngx_http_asgard_identify.h"
#include "ngx_http_asgard_redis.h"
#include "ngx_http_asgard_steps.h"
#include "ngx_http_asgard_zone.h"


#define NGX_HTTP_ASGARD_LOOKUP_READS  4     /* of one record, when it changes */


typedef enum {
    NGX_HTTP_ASGARD_LOOKUP_KEY = 0,
    NGX_HTTP_ASGARD_LOOKUP_PROJECT,
    NGX_HTTP_ASGARD_LOOKUP_DONE
} ngx_http_asgard_lookup_e;


typedef struct ngx_http_asgard_lookup_s {
    ngx_http_asgard_ctx_t      *ctx;        /* NULL: the request is gone */
    ngx_http_asgard_lookup_e    stage;
    ngx_uint_t                  npeppers;
    ngx_uint_t                  pepper;
    ngx_uint_t                  reads;
    asg_reason_t                reason;
    u_char                      digests[ASG_KEYFILE_KEYS_MAX]
                                       [ASG_KEY_DIGEST_BYTES];
} ngx_http_asgard_lookup_t;


static ngx_int_t ngx_http_asgard_lookup_run(ngx_http_asgard_lookup_t *l);
static void ngx_http_asgard_lookup_handler(void *data, redisReply *reply,
    ngx_uint_t sent);


/* The reader of records, and the key's record as read; large, hence one per
 * worker. */
static asg_json_t        ngx_http_asgard_record_json;
static asg_key_record_t      ngx_http_asgard_record_key;
static asg_project_record_t  ngx_http_asgard_record_project;


static ngx_http_asgard_main_conf_t *
ngx_http_asgard_identify_conf(void)
{
    return ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_asgard_module);
}


static ngx_int_t
ngx_http_asgard_identify_get(char *name, size_t len,
    ngx_http_asgard_redis_pt handler, void *data)
{
    size_t       lens[2];
    const char  *argv[2];

    argv[0] = "GET";
    lens[0] = 3;
    argv[1] = name;
    lens[1] = len;

    return ngx_http_asgard_redis_command(handler, data, 2, argv, lens);
}


/* The key's record and, beside it, whether Redis holds all of them. */
static ngx_int_t
ngx_http_asgard_identify_get_key(char *name, size_t len,
    ngx_http_asgard_lookup_t *l)
{
    size_t       lens[3];
    const char  *argv[3];

    argv[0] = "MGET";
    lens[0] = 4;
    argv[1] = name;
    lens[1] = len;
    argv[2] = ASG_RKEY_FILLED;
    lens[2] = sizeof(ASG_RKEY_FILLED) - 1;

    return ngx_http_asgard_redis_command(ngx_http_asgard_lookup_handler, l, 3,
                                         argv, lens);
}


static ngx_int_t
ngx_http_asgard_lookup_refuse(ngx_http_asgard_lookup_t *l, asg_reason_t reason)
{
    l->reason = reason;
    return NGX_ERROR;
}


/* The key's record for as long as the request lives, without the room that its
 * lists do not use: most keys have none. */
static ngx_int_t
ngx_http_asgard_lookup_keep(ngx_http_asgard_lookup_t *l)
{
    size_t             size;
    asg_key_record_t  *record;

    size = offsetof(asg_key_record_t, names)
           + asg_record_key_names_len(&ngx_http_asgard_record_key);

    record = ngx_palloc(l->ctx->request->pool, size);
    if (record == NULL) {
        return ngx_http_asgard_lookup_refuse(l, ASG_REASON_OVERLOADED);
    }

    ngx_memcpy(record, &ngx_http_asgard_record_key, size);
    l->ctx->key = record;

    return NGX_OK;
}


/* The project's, without the room for names of its own that it has not. */
static ngx_int_t
ngx_http_asgard_lookup_keep_project(ngx_http_asgard_lookup_t *l)
{
    size_t                 size;
    asg_project_record_t  *record;

    size = offsetof(asg_project_record_t, aliases)
           + ngx_http_asgard_record_project.aliases_len;

    record = ngx_palloc(l->ctx->request->pool, size);
    if (record == NULL) {
        return ngx_http_asgard_lookup_refuse(l, ASG_REASON_OVERLOADED);
    }

    ngx_memcpy(record, &ngx_http_asgard_record_project, size);
    l->ctx->project = record;

    return NGX_OK;
}


/* The key's record is there: on with its project. */
static void
ngx_http_asgard_lookup_has_key(ngx_http_asgard_lookup_t *l, ngx_uint_t pepper)
{
    ngx_memcpy(l->ctx->digest, l->digests[pepper], ASG_KEY_DIGEST_BYTES);
    l->ctx->pepper = pepper;
    l->stage = NGX_HTTP_ASGARD_LOOKUP_PROJECT;
    l->reads = 0;
}


/* Redis does not say: what it said last of the key, or the project, as long as
 * the fail mode goes by that. */
static ngx_int_t
ngx_http_asgard_lookup_last(ngx_http_asgard_lookup_t *l)
{
    ngx_str_t   id;
    ngx_uint_t  i;
    ngx_msec_t  most;

    most = ngx_http_asgard_alone_known();

    if (most && l->stage == NGX_HTTP_ASGARD_LOOKUP_PROJECT) {
        id.data = (u_char *) l->ctx->key->project_id;
        id.len = ngx_strlen(id.data);

        if (ngx_http_asgard_zone_project_last(&id, most,
                                              &ngx_http_asgard_record_project)
            == NGX_OK)
        {
            return ngx_http_asgard_lookup_keep_project(l);
        }

    } else if (most) {
        for (i = 0; i < l->npeppers; i++) {
            if (ngx_http_asgard_zone_key_last(l->digests[i], most,
                                              &ngx_http_asgard_record_key)
                == NGX_OK)
            {
                ngx_http_asgard_lookup_has_key(l, i);
                return ngx_http_asgard_lookup_keep(l);
            }
        }
    }

    return ngx_http_asgard_lookup_refuse(l, ASG_REASON_BUDGET_UNAVAILABLE);
}


/* NGX_OK: record found; NGX_DECLINED: no pepper knows the token; NGX_AGAIN. */
static ngx_int_t
ngx_http_asgard_lookup_key(ngx_http_asgard_lookup_t *l)
{
    char                         name[ASG_RKEY_MAX];
    size_t                       len;
    u_char                      *digest;
    ngx_int_t                    rc;
    ngx_http_asgard_main_conf_t *amcf;

    amcf = ngx_http_asgard_identify_conf();

    for ( /* void */ ; l->pepper < l->npeppers; l->pepper++) {
        digest = l->digests[l->pepper];

        rc = ngx_http_asgard_zone_key_get(l->pepper, digest,
                                          &ngx_http_asgard_record_key);

        if (rc == NGX_OK) {
            ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_KEY_HIT, 1);
            ngx_http_asgard_lookup_has_key(l, l->pepper);
            return ngx_http_asgard_lookup_keep(l);
        }

        if (rc == NGX_ABORT) {
            continue;
        }

        ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_KEY_MISS, 1);
        len = asg_rkey_key(name, asg_str_z(amcf->keys->peppers[l->pepper].id),
                           digest);

        if (ngx_http_asgard_identify_get_key(name, len, l) != NGX_OK) {
            return ngx_http_asgard_lookup_last(l);
        }

        return NGX_AGAIN;
    }

    return ngx_http_asgard_lookup_refuse(l, ASG_REASON_INVALID_API_KEY);
}


static ngx_int_t
ngx_http_asgard_lookup_project(ngx_http_asgard_lookup_t *l)
{
    char                    name[ASG_RKEY_MAX];
    size_t                  len;
    ngx_str_t               id;
    ngx_http_asgard_ctx_t  *ctx;

    ctx = l->ctx;
    id.data = (u_char *) ctx->key->project_id;
    id.len = ngx_strlen(id.data);

    if (ngx_http_asgard_zone_project_get(&id, &ngx_http_asgard_record_project)
        == NGX_OK)
    {
        return ngx_http_asgard_lookup_keep_project(l);
    }

    len = asg_rkey_project(name, asg_str_z(ctx->key->project_id));

    if (ngx_http_asgard_identify_get(name, len,
                                     ngx_http_asgard_lookup_handler, l)
        != NGX_OK)
    {
        return ngx_http_asgard_lookup_last(l);
    }

    return NGX_AGAIN;
}


/* On with it, from whatever stage it is in. */
static ngx_int_t
ngx_http_asgard_lookup_run(ngx_http_asgard_lookup_t *l)
{
    ngx_int_t  rc;

    if (l->stage == NGX_HTTP_ASGARD_LOOKUP_KEY) {
        rc = ngx_http_asgard_lookup_key(l);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (l->stage == NGX_HTTP_ASGARD_LOOKUP_PROJECT) {
        rc = ngx_http_asgard_lookup_project(l);
        if (rc != NGX_OK) {
            return rc;
        }

        l->stage = NGX_HTTP_ASGARD_LOOKUP_DONE;
    }

    return NGX_OK;
}


/* The same behind an answer of Redis: the key's record is followed by its
 * project's. */
static ngx_int_t
ngx_http_asgard_lookup_take_last(ngx_http_asgard_lookup_t *l)
{
    ngx_int_t                 rc;
    ngx_http_asgard_lookup_e  stage;

    stage = l->stage;
    rc = ngx_http_asgard_lookup_last(l);

    return rc == NGX_OK && stage == NGX_HTTP_ASGARD_LOOKUP_KEY ? NGX_AGAIN
                                                               : rc;
}


/* What the cache answered to a record that Redis gave: taken, or superseded
 * while it was on its way; then it is read again, a few times. */
static ngx_int_t
ngx_http_asgard_lookup_took(ngx_http_asgard_lookup_t *l, ngx_int_t put)
{
    if (put != NGX_DECLINED) {
        return NGX_OK;
    }

    if (++l->reads >= NGX_HTTP_ASGARD_LOOKUP_READS) {
        return ngx_http_asgard_lookup_refuse(l, ASG_REASON_BUDGET_UNAVAILABLE);
    }

    return NGX_AGAIN;
}


/* Was every record told to this very server process?  If not, a key that is
 * missing was lost, or is on its way: that is no reason to call it unknown. */
static ngx_uint_t
ngx_http_asgard_redis_is_filled(redisReply *mark)
{
    ngx_str_t  *run_id;

    run_id = ngx_http_asgard_redis_run_id();

    return mark->type == REDIS_REPLY_STRING
           && (size_t) mark->len == run_id->len
           && ngx_memcmp(mark->str, run_id->data, run_id->len) == 0;
}


static ngx_int_t
ngx_http_asgard_lookup_take_key(ngx_http_asgard_lookup_t *l, redisReply *pair)
{
    asg_str_t    text;
    ngx_int_t    rc;
    redisReply  *reply;

    if (pair->type != REDIS_REPLY_ARRAY || pair->elements != 2) {
        return ngx_http_asgard_lookup_take_last(l);
    }

    reply = pair->element[0];

    if (reply->type == REDIS_REPLY_NIL) {
        if (!ngx_http_asgard_redis_is_filled(pair->element[1])) {
            return ngx_http_asgard_lookup_take_last(l);
        }

        ngx_http_asgard_zone_key_absent(l->pepper, l->digests[l->pepper]);
        l->pepper++;
        return NGX_AGAIN;
    }

    text = (asg_str_t) { reply->str, (size_t) reply->len };

    if (asg_record_key_read(&ngx_http_asgard_record_json, text,
                            &ngx_http_asgard_record_key)
        != ASG_OK)
    {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "asgard: a key record in redis is not readable");
        return ngx_http_asgard_lookup_refuse(l, ASG_REASON_BUDGET_UNAVAILABLE);
    }

    rc = ngx_http_asgard_lookup_keep(l);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_asgard_lookup_took(l, ngx_http_asgard_zone_key_put(l->pepper,
                                         l->digests[l->pepper],
                                         &ngx_http_asgard_record_key));
    if (rc == NGX_OK) {
        ngx_http_asgard_lookup_has_key(l, l->pepper);
    }

    return rc == NGX_OK ? NGX_AGAIN : rc;
}


static ngx_int_t
ngx_http_asgard_lookup_take_project(ngx_http_asgard_lookup_t *l,
    redisReply *reply)
{
    asg_str_t  text;
    ngx_int_t  rc;

    /* a key without its project: Redis was not filled, not an unknown key */
    if (reply->type != REDIS_REPLY_STRING) {
        return ngx_http_asgard_lookup_take_last(l);
    }

    text = (asg_str_t) { reply->str, (size_t) reply->len };

    if (asg_record_project_read(&ngx_http_asgard_record_json, text,
                                &ngx_http_asgard_record_project)
        != ASG_OK)
    {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "asgard: a project record in redis is not readable");
        return ngx_http_asgard_lookup_refuse(l, ASG_REASON_BUDGET_UNAVAILABLE);
    }

    rc = ngx_http_asgard_lookup_took(l,
             ngx_http_asgard_zone_project_put(&ngx_http_asgard_record_project));
    if (rc == NGX_OK) {
        rc = ngx_http_asgard_lookup_keep_project(l);
    }

    if (rc == NGX_OK) {
        l->stage = NGX_HTTP_ASGARD_LOOKUP_DONE;
    }

    return rc;
}


static ngx_int_t
ngx_http_asgard_lookup_take(ngx_http_asgard_lookup_t *l, redisReply *reply)
{
    if (reply == NULL) {
        return ngx_http_asgard_lookup_take_last(l);
    }

    return l->stage == NGX_HTTP_ASGARD_LOOKUP_KEY
           ? ngx_http_asgard_lookup_take_key(l, reply)
           : ngx_http_asgard_lookup_take_project(l, reply);
}


static void
ngx_http_asgard_lookup_handler(void *data, redisReply *reply, ngx_uint_t sent)
{
    ngx_int_t                  rc;
    ngx_http_asgard_lookup_t  *l = data;

    if (l->ctx == NULL) {
        ngx_free(l);
        return;
    }

    rc = ngx_http_asgard_lookup_take(l, reply);

    if (rc == NGX_AGAIN) {
        rc = ngx_http_asgard_lookup_run(l);
    }

    if (rc == NGX_AGAIN) {
        return;
    }

    if (rc == NGX_OK) {
        l->stage = NGX_HTTP_ASGARD_LOOKUP_DONE;
    }

    ngx_http_asgard_steps_resume(l->ctx);
}


static void
ngx_http_asgard_lookup_cleanup(void *data)
{
    ngx_http_asgard_ctx_t  *ctx = data;

    if (ctx->lookup) {
        ctx->lookup->ctx = NULL;        /* freed by its reply */
        ctx->lookup = NULL;
    }
}


/* The answer to the step, once there is one; the record is done with. */
static ngx_int_t
ngx_http_asgard_lookup_end(ngx_http_asgard_ctx_t *ctx)
{
    asg_reason_t  reason;

    reason = ctx->lookup->reason;
    ngx_free(ctx->lookup);
    ctx->lookup = NULL;

    if (reason != ASG_REASON_NONE) {
        ctx->reason = reason;
        return NGX_ERROR;
    }

    if (ctx->key->revoked) {
        ctx->reason = ASG_REASON_INVALID_API_KEY;
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_http_asgard_lookup_t *
ngx_http_asgard_lookup_new(ngx_http_asgard_ctx_t *ctx, ngx_str_t *token)
{
    asg_str_t                     text;
    ngx_uint_t                    i;
    ngx_pool_cleanup_t           *cln;
    ngx_http_asgard_lookup_t     *l;
    ngx_http_asgard_main_conf_t  *amcf;

    cln = ngx_pool_cleanup_add(ctx->request->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    l = ngx_calloc(sizeof(ngx_http_asgard_lookup_t), ngx_cycle->log);
    if (l == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_asgard_lookup_cleanup;
    cln->data = ctx;

    amcf = ngx_http_asgard_identify_conf();
    text = (asg_str_t) { (const char *) token->data, token->len };
    l->npeppers = amcf->keys->npeppers;

    for (i = 0; i < l->npeppers; i++) {
        asg_key_digest(&amcf->pads[i], text, l->digests[i]);
    }

    l->ctx = ctx;
    ctx->lookup = l;
    return l;
}


ngx_int_t
ngx_http_asgard_identify(ngx_http_asgard_ctx_t *ctx, ngx_str_t *token)
{
    ngx_http_asgard_lookup_t  *l;

    if (ctx->lookup == NULL) {
        l = ngx_http_asgard_lookup_new(ctx, token);
        if (l == NULL) {
            ctx->reason = ASG_REASON_INTERNAL;
            return NGX_ERROR;
        }

        if (ngx_http_asgard_lookup_run(l) == NGX_AGAIN) {
            return NGX_AGAIN;
        }
    }

    return ngx_http_asgard_lookup_end(ctx);
}


/* A project that was read because it changed, or because calls of it are
 * open. */
static void
ngx_http_asgard_project_handler(void *data, redisReply *reply, ngx_uint_t sent)
{
    asg_str_t             text;
    ngx_str_t             id;
    asg_project_record_t  record;

    if (reply == NULL || reply->type != REDIS_REPLY_STRING) {
        return;
    }

    text = (asg_str_t) { reply->str, (size_t) reply->len };

    if (asg_record_project_read(&ngx_http_asgard_record_json, text, &record)
        != ASG_OK)
    {
        return;
    }

    (void) ngx_http_asgard_zone_project_put(&record);

    id.data = (u_char *) record.project_id;
    id.len = ngx_strlen(record.project_id);

    /* what the zone has by now may be newer than this reply */

    if (ngx_http_asgard_zone_project_get(&id, &record) == NGX_OK
        && record.killed)
    {
        ngx_http_asgard_steps_cut_killed(record.project_id);
    }
}


void
ngx_http_asgard_identify_project_changed(ngx_str_t *id)
{
    char       name[ASG_RKEY_MAX];
    size_t     len;
    asg_str_t  text;

    text = (asg_str_t) { (const char *) id->data, id->len };

    if (!asg_id_is_valid(text)) {
        return;
    }

    len = asg_rkey_project(name, text);
    (void) ngx_http_asgard_identify_get(name, len,
                                        ngx_http_asgard_project_handler, NULL);
}
