
/*
 * Which snapshot a worker serves: fetched, kept in a zone, aged.
 *
 * The zone holds the bytes as they came, so a worker that reads them verifies
 * them like those of Redis; a torn write is a bad snapshot and no more.
 */

#include "ngx_http_asgard_snapshot.h"

#include "ngx_http_asgard_peer.h"
#include "ngx_http_asgard_redis.h"
#include "ngx_http_asgard_redis_time.h"
#include "ngx_http_asgard_snapshot_load.h"
#include "ngx_http_asgard_zone.h"


#define NGX_HTTP_ASGARD_SNAPSHOT_MAGIC     0x3153434147534100ull
#define NGX_HTTP_ASGARD_SNAPSHOT_INTERVAL  500          /* ms */
#define NGX_HTTP_ASGARD_SNAPSHOT_PAUSE     5            /* s, after a bad one */
#define NGX_HTTP_ASGARD_SNAPSHOT_ZONE      (ASG_CATALOG_BYTES_MAX + 1048576)


typedef struct {
    uint64_t             magic;
    uint64_t             version;   /* highest that any worker served */
    volatile ngx_msec_t  heard;     /* ctl, by any worker; 0: never */
    size_t               len;
    u_char               text[ASG_CATALOG_BYTES_MAX];
} ngx_http_asgard_kept_t;


static ngx_int_t ngx_http_asgard_snapshot_zone_init(ngx_shm_zone_t *zone,
    void *data);
static void ngx_http_asgard_snapshot_timer(ngx_event_t *ev);
static void ngx_http_asgard_snapshot_fetch(void);
static void ngx_http_asgard_snapshot_reply(void *data, redisReply *reply,
    ngx_uint_t sent);
static void ngx_http_asgard_snapshot_offer(asg_str_t text);
static void ngx_http_asgard_snapshot_recall(ngx_cycle_t *cycle);


static struct {
    ngx_http_asgard_main_conf_t  *amcf;
    ngx_http_asgard_snapshot_t   *current;
    ngx_http_asgard_kept_t       *kept;
    ngx_slab_pool_t              *pool;
    asg_json_t                   *json;
    ngx_event_t                   timer;
    ngx_connection_t              connection;
    time_t                        again;    /* not fetched before, but asked */
    uint32_t                      bad;      /* checksum of the last bad one */
    unsigned                      fetching:1;
} ngx_http_asgard_snapshot;


ngx_shm_zone_t *
ngx_http_asgard_snapshot_zone_add(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_str_t        full;
    ngx_shm_zone_t  *zone;

    full.len = name->len + sizeof(".catalog") - 1;
    full.data = ngx_pnalloc(cf->pool, full.len);
    if (full.data == NULL) {
        return NULL;
    }

    (void) ngx_sprintf(full.data, "%V.catalog", name);

    zone = ngx_shared_memory_add(cf, &full, NGX_HTTP_ASGARD_SNAPSHOT_ZONE,
                                 &ngx_http_asgard_module);
    if (zone) {
        zone->init = ngx_http_asgard_snapshot_zone_init;
    }

    return zone;
}


static ngx_int_t
ngx_http_asgard_snapshot_zone_init(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t         *pool;
    ngx_http_asgard_kept_t  *kept;

    pool = (ngx_slab_pool_t *) zone->shm.addr;
    kept = data ? data : pool->data;

    if ((data || zone->shm.exists) && kept
        && kept->magic == NGX_HTTP_ASGARD_SNAPSHOT_MAGIC)
    {
        zone->data = kept;
        return NGX_OK;
    }

    kept = ngx_slab_alloc(pool, sizeof(ngx_http_asgard_kept_t));
    if (kept == NULL) {
        return NGX_ERROR;
    }

    kept->version = 0;
    kept->heard = 0;
    kept->len = 0;
    kept->magic = NGX_HTTP_ASGARD_SNAPSHOT_MAGIC;

    pool->data = kept;
    zone->data = kept;

    return NGX_OK;
}


ngx_int_t
ngx_http_asgard_snapshot_init(ngx_cycle_t *cycle,
    ngx_http_asgard_main_conf_t *amcf)
{
    ngx_event_t  *ev;

    ngx_memzero(&ngx_http_asgard_snapshot, sizeof(ngx_http_asgard_snapshot));

    ngx_http_asgard_snapshot.amcf = amcf;
    ngx_http_asgard_snapshot.kept = amcf->catalog_zone->data;
    ngx_http_asgard_snapshot.pool =
                         (ngx_slab_pool_t *) amcf->catalog_zone->shm.addr;

    ngx_http_asgard_snapshot.json = ngx_pcalloc(cycle->pool,
                                                sizeof(asg_json_t));
    if (ngx_http_asgard_snapshot.json == NULL) {
        return NGX_ERROR;
    }

    ngx_http_asgard_snapshot.connection.fd = (ngx_socket_t) -1;

    ev = &ngx_http_asgard_snapshot.timer;
    ev->handler = ngx_http_asgard_snapshot_timer;
    ev->data = &ngx_http_asgard_snapshot.connection;
    ev->log = cycle->log;
    ev->cancelable = 1;

    ngx_http_asgard_snapshot_recall(cycle);

    ngx_add_timer(ev, NGX_HTTP_ASGARD_SNAPSHOT_INTERVAL);

    return NGX_OK;
}


void
ngx_http_asgard_snapshot_exit(void)
{
    if (ngx_http_asgard_snapshot.timer.timer_set) {
        ngx_del_timer(&ngx_http_asgard_snapshot.timer);
    }

    if (ngx_http_asgard_snapshot.current) {
        ngx_http_asgard_snapshot_drop(ngx_http_asgard_snapshot.current);
        ngx_http_asgard_snapshot.current = NULL;
    }
}


/* What another worker, or the one before a reload, left. */

static void
ngx_http_asgard_snapshot_recall(ngx_cycle_t *cycle)
{
    u_char                  *copy;
    size_t                   len;
    ngx_http_asgard_kept_t  *kept;

    kept = ngx_http_asgard_snapshot.kept;

    if (kept->len == 0 || kept->len > ASG_CATALOG_BYTES_MAX) {
        return;
    }

    ngx_shmtx_lock(&ngx_http_asgard_snapshot.pool->mutex);

    len = ngx_min(kept->len, ASG_CATALOG_BYTES_MAX);
    copy = ngx_alloc(len, cycle->log);

    if (copy) {
        ngx_memcpy(copy, kept->text, len);
    }

    ngx_shmtx_unlock(&ngx_http_asgard_snapshot.pool->mutex);

    if (copy) {
        ngx_http_asgard_snapshot_offer((asg_str_t) { (char *) copy, len });
        ngx_free(copy);
    }
}


static void
ngx_http_asgard_snapshot_keep(asg_str_t text, uint64_t version)
{
    ngx_http_asgard_kept_t  *kept;

    kept = ngx_http_asgard_snapshot.kept;

    ngx_shmtx_lock(&ngx_http_asgard_snapshot.pool->mutex);

    if (version > kept->version && text.len <= ASG_CATALOG_BYTES_MAX) {
        kept->version = version;
        kept->len = text.len;
        ngx_memcpy(kept->text, text.data, text.len);
    }

    ngx_shmtx_unlock(&ngx_http_asgard_snapshot.pool->mutex);
}


/* Bad bytes are told of once, however often they are read. */

static void
ngx_http_asgard_snapshot_blame(asg_str_t text, const char *why)
{
    uint32_t  sum;

    sum = ngx_crc32_long((u_char *) text.data, text.len);
    ngx_http_asgard_snapshot.again = ngx_time()
                                     + NGX_HTTP_ASGARD_SNAPSHOT_PAUSE;

    if (sum == ngx_http_asgard_snapshot.bad) {
        return;
    }

    ngx_http_asgard_snapshot.bad = sum;
    ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_CATALOG_BAD, 1);

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "asgard: a catalog snapshot is refused: %s; %s", why,
                  ngx_http_asgard_snapshot.current
                  ? "the one in service stays" : "there is none to serve");
}


static void
ngx_http_asgard_snapshot_offer(asg_str_t text)
{
    uint64_t                     floor;
    const char                  *why;
    ngx_http_asgard_snapshot_t  *s, *old;

    floor = ngx_http_asgard_snapshot.kept->version;

    s = ngx_http_asgard_snapshot_load(ngx_http_asgard_snapshot.json,
                                      ngx_http_asgard_snapshot.amcf->keys,
                                      text, floor, &why);
    if (s == NULL) {
        ngx_http_asgard_snapshot_blame(text, why);
        return;
    }

    ngx_http_asgard_snapshot_keep(text, s->catalog.version);
    ngx_http_asgard_zone_catalog_serving(s->catalog.version);

    old = ngx_http_asgard_snapshot.current;
    ngx_http_asgard_snapshot.current = s;

    if (old == NULL || old->catalog.version != s->catalog.version) {
        ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                      "asgard: catalog version %uL is served: %ui models, "
                      "%ui endpoints", s->catalog.version,
                      (ngx_uint_t) s->catalog.nmodels,
                      (ngx_uint_t) s->catalog.nendpoints);
    }

    if (old) {
        ngx_http_asgard_peer_inherit(s, old);
        ngx_http_asgard_snapshot_drop(old);
    }
}


static void
ngx_http_asgard_snapshot_fetch(void)
{
    size_t       lens[] = { 3, sizeof(ASG_RKEY_CATALOG) - 1 };
    const char  *argv[] = { "GET", ASG_RKEY_CATALOG };

    if (ngx_http_asgard_snapshot.fetching
        || !ngx_http_asgard_redis_may_ask()
        || ngx_http_asgard_redis_command(ngx_http_asgard_snapshot_reply, NULL,
                                         2, argv, lens)
           != NGX_OK)
    {
        return;
    }

    ngx_http_asgard_snapshot.fetching = 1;
}


static void
ngx_http_asgard_snapshot_reply(void *data, redisReply *reply, ngx_uint_t sent)
{
    ngx_http_asgard_snapshot.fetching = 0;

    if (reply && reply->type == REDIS_REPLY_STRING && !ngx_exiting) {
        ngx_http_asgard_snapshot_offer((asg_str_t) { reply->str,
                                                     reply->len });
    }
}


ngx_uint_t
ngx_http_asgard_snapshot_awaited(void)
{
    return ngx_http_asgard_snapshot.fetching
           && ngx_http_asgard_snapshot.current == NULL;
}


void
ngx_http_asgard_snapshot_wanted(void)
{
    ngx_http_asgard_snapshot.again = 0;
    ngx_http_asgard_snapshot_fetch();
}


/* What a lost message would have told: is there a newer one, is ctl alive. */

static void
ngx_http_asgard_snapshot_timer(ngx_event_t *ev)
{
    ngx_http_asgard_snapshot_t  *s;

    s = ngx_http_asgard_snapshot.current;

    if (ngx_http_asgard_zone_channel_alive()) {
        ngx_http_asgard_snapshot.kept->heard = ngx_current_msec;
    }

    if ((s == NULL
         || s->catalog.version < ngx_http_asgard_zone_catalog_wanted())
        && ngx_time() >= ngx_http_asgard_snapshot.again)
    {
        ngx_http_asgard_snapshot_fetch();
    }

    if (!ngx_exiting) {
        ngx_add_timer(ev, NGX_HTTP_ASGARD_SNAPSHOT_INTERVAL);
    }
}


/* Is the current one younger than its age limit, counted from when ctl was last
 * heard, by the steady clock, or from its birth? */

static ngx_uint_t
ngx_http_asgard_snapshot_usable(void)
{
    ngx_msec_t                   heard;
    ngx_http_asgard_snapshot_t  *s;

    s = ngx_http_asgard_snapshot.current;

    if (s == NULL) {
        return 0;
    }

    heard = ngx_http_asgard_snapshot.kept->heard;

    if (heard && (ngx_msec_int_t) (ngx_current_msec - heard)
                 <= (ngx_msec_int_t) s->catalog.max_age_s * 1000)
    {
        return 1;
    }

    return ngx_http_asgard_redis_time_later() - (time_t) s->catalog.created
           <= (time_t) s->catalog.max_age_s;
}


ngx_http_asgard_snapshot_t *
ngx_http_asgard_snapshot_take(void)
{
    if (!ngx_http_asgard_snapshot_usable()) {
        return NULL;
    }

    ngx_http_asgard_snapshot.current->refs++;

    return ngx_http_asgard_snapshot.current;
}


uint64_t
ngx_http_asgard_snapshot_version(void)
{
    return ngx_http_asgard_snapshot_usable()
           ? ngx_http_asgard_snapshot.current->catalog.version : 0;
}


void
ngx_http_asgard_snapshot_drop(ngx_http_asgard_snapshot_t *s)
{
    if (--s->refs == 0) {
        ngx_http_asgard_snapshot_free(s);
    }
}
