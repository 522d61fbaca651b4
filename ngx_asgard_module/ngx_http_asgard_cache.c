
/*
 * Records by name in the zone's slab, under the slab's lock.
 *
 * The slab gives powers of two.  A key's entry is one of 128 bytes with its
 * name, and its value, which is mostly below 64, stands by itself: together
 * they would take 256.
 */

#include "ngx_http_asgard_cache.h"


#define NGX_HTTP_ASGARD_FRESH       60000   /* ms, channel heard */
#define NGX_HTTP_ASGARD_FRESH_DEAF  1000    /* ms, channel silent */
#define NGX_HTTP_ASGARD_LRU_STEP    1000    /* ms between moves to the head */
#define NGX_HTTP_ASGARD_EVICT_MAX   64


typedef struct {
    ngx_rbtree_node_t          node;
    ngx_queue_t                lru;
    uint64_t                   lowest;      /* version that may stand here */
    uint64_t                   version;
    ngx_msec_t                 loaded;
    u_char                    *value;
    uint32_t                   used;        /* ms, its low bits */
    u_short                    name_len;
    u_short                    value_len;   /* 0: there is no value */
    u_char                     name[];
} ngx_http_asgard_cached_t;


typedef char ngx_http_asgard_cached_key_is_small
    [sizeof(ngx_http_asgard_cached_t) + ASG_KEY_DIGEST_BYTES <= 128 ? 1 : -1];


static void ngx_http_asgard_cache_insert(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel);
static ngx_int_t ngx_http_asgard_cache_compare(ngx_http_asgard_cached_t *a,
    u_char *name, size_t len);


/* A cut-off holder of the lock may have left trees and slab torn. */
static void
ngx_http_asgard_cache_lock(ngx_http_asgard_zone_t *zone)
{
    ngx_shmtx_lock(&zone->pool->mutex);

    if (zone->dirty) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "asgard: a worker died inside the record cache, "
                      "it starts empty");
        ngx_slab_init(zone->pool);
        zone->pool->log_nomem = 0;
        ngx_http_asgard_cache_reset(zone);
        zone->dirty = 0;
    }
}


static void
ngx_http_asgard_cache_unlock(ngx_http_asgard_zone_t *zone)
{
    ngx_memory_barrier();
    zone->dirty = 0;
    ngx_shmtx_unlock(&zone->pool->mutex);
}


static void
ngx_http_asgard_cache_mutates(ngx_http_asgard_zone_t *zone)
{
    zone->dirty = 1;
    ngx_memory_barrier();
}


static void
ngx_http_asgard_cache_init(ngx_http_asgard_cache_t *cache)
{
    ngx_rbtree_init(&cache->tree, &cache->sentinel,
                    ngx_http_asgard_cache_insert);
    ngx_queue_init(&cache->lru);
}


void
ngx_http_asgard_cache_reset(ngx_http_asgard_zone_t *zone)
{
    ngx_http_asgard_cache_init(&zone->keys);
    ngx_http_asgard_cache_init(&zone->projects);
}


static ngx_int_t
ngx_http_asgard_cache_compare(ngx_http_asgard_cached_t *a, u_char *name,
    size_t len)
{
    if (a->name_len != len) {
        return a->name_len < len ? -1 : 1;
    }

    return ngx_memcmp(a->name, name, len);
}


/* The tree is searched by every build that maps the zone; the function is only
 * ever called through ngx_rbtree_insert() by the process that inserts. */
static void
ngx_http_asgard_cache_insert(ngx_rbtree_node_t *temp, ngx_rbtree_node_t *node,
    ngx_rbtree_node_t *sentinel)
{
    ngx_rbtree_node_t        **p;
    ngx_http_asgard_cached_t  *a, *b;

    for ( ;; ) {
        if (node->key != temp->key) {
            p = node->key < temp->key ? &temp->left : &temp->right;

        } else {
            a = (ngx_http_asgard_cached_t *) temp;
            b = (ngx_http_asgard_cached_t *) node;
            p = ngx_http_asgard_cache_compare(a, b->name, b->name_len) > 0
                ? &temp->left : &temp->right;
        }

        if (*p == sentinel) {
            break;
        }

        temp = *p;
    }

    *p = node;
    node->parent = temp;
    node->left = sentinel;
    node->right = sentinel;
    ngx_rbt_red(node);
}


static ngx_http_asgard_cached_t *
ngx_http_asgard_cache_find(ngx_http_asgard_cache_t *cache, ngx_str_t *name)
{
    ngx_int_t                  rc;
    ngx_uint_t                 hash;
    ngx_rbtree_node_t         *node;
    ngx_http_asgard_cached_t  *entry;

    hash = ngx_crc32_short(name->data, name->len);
    node = cache->tree.root;

    while (node != &cache->sentinel) {
        if (hash != node->key) {
            node = hash < node->key ? node->left : node->right;
            continue;
        }

        entry = (ngx_http_asgard_cached_t *) node;
        rc = ngx_http_asgard_cache_compare(entry, name->data, name->len);

        if (rc == 0) {
            return entry;
        }

        node = rc > 0 ? node->left : node->right;
    }

    return NULL;
}


static void
ngx_http_asgard_cache_forget(ngx_http_asgard_zone_t *zone,
    ngx_http_asgard_cached_t *entry)
{
    if (entry->value_len) {
        ngx_slab_free_locked(zone->pool, entry->value);
        entry->value_len = 0;
    }
}


static void
ngx_http_asgard_cache_delete(ngx_http_asgard_zone_t *zone,
    ngx_http_asgard_cache_t *cache, ngx_http_asgard_cached_t *entry)
{
    ngx_http_asgard_cache_forget(zone, entry);
    ngx_queue_remove(&entry->lru);
    ngx_rbtree_delete(&cache->tree, &entry->node);
    ngx_slab_free_locked(zone->pool, entry);
}


/* The entry that was used longest ago goes; false: there is none. */
static ngx_uint_t
ngx_http_asgard_cache_evict(ngx_http_asgard_zone_t *zone,
    ngx_http_asgard_cache_t *cache)
{
    ngx_queue_t  *q;

    if (ngx_queue_empty(&cache->lru)) {
        return 0;
    }

    q = ngx_queue_last(&cache->lru);
    ngx_http_asgard_cache_delete(zone, cache,
        ngx_queue_data(q, ngx_http_asgard_cached_t, lru));
    return 1;
}


/* Any entry may go for it. */
static void *
ngx_http_asgard_cache_alloc(ngx_http_asgard_zone_t *zone, size_t size)
{
    void        *p;
    ngx_uint_t   i;

    p = ngx_slab_alloc_locked(zone->pool, size);

    for (i = 0; p == NULL && i < NGX_HTTP_ASGARD_EVICT_MAX; i++) {
        if (!ngx_http_asgard_cache_evict(zone, &zone->keys)
            && !ngx_http_asgard_cache_evict(zone, &zone->projects))
        {
            break;
        }
        p = ngx_slab_alloc_locked(zone->pool, size);
    }

    return p;
}


static ngx_http_asgard_cached_t *
ngx_http_asgard_cache_new(ngx_http_asgard_zone_t *zone,
    ngx_http_asgard_cache_t *cache, ngx_str_t *name)
{
    ngx_http_asgard_cached_t  *entry;

    entry = ngx_http_asgard_cache_alloc(zone, sizeof(ngx_http_asgard_cached_t)
                                              + name->len);
    if (entry == NULL) {
        return NULL;
    }

    ngx_memzero(entry, sizeof(ngx_http_asgard_cached_t));
    ngx_memcpy(entry->name, name->data, name->len);
    entry->name_len = (u_short) name->len;
    entry->node.key = ngx_crc32_short(name->data, name->len);
    entry->used = (uint32_t) ngx_current_msec;
    ngx_rbtree_insert(&cache->tree, &entry->node);
    ngx_queue_insert_head(&cache->lru, &entry->lru);
    return entry;
}


static ngx_uint_t
ngx_http_asgard_cache_is_fresh(ngx_http_asgard_zone_t *zone,
    ngx_http_asgard_cached_t *entry, ngx_msec_t most)
{
    ngx_msec_int_t  age, bound;

    age = (ngx_msec_int_t) (ngx_current_msec - entry->loaded);

    if (most) {
        return entry->version >= entry->lowest && age < (ngx_msec_int_t) most;
    }

    bound = NGX_HTTP_ASGARD_FRESH_DEAF;

    /* what was loaded before a gap in the channel may have missed a change */
    if (ngx_http_asgard_zone_channel_alive()
        && (ngx_msec_int_t) (entry->loaded - zone->since) >= 0)
    {
        bound = NGX_HTTP_ASGARD_FRESH;
    }

    return age < bound;
}


ngx_int_t
ngx_http_asgard_cache_get(ngx_http_asgard_cache_t *cache, ngx_str_t *name,
    ngx_msec_t most, uint64_t *version, u_char *out, size_t *len)
{
    ngx_int_t                  rc;
    ngx_http_asgard_zone_t    *zone;
    ngx_http_asgard_cached_t  *entry;

    zone = ngx_http_asgard_zone();
    rc = NGX_DECLINED;
    ngx_http_asgard_cache_lock(zone);

    entry = ngx_http_asgard_cache_find(cache, name);

    if (entry && entry->value_len
        && ngx_http_asgard_cache_is_fresh(zone, entry, most))
    {
        ngx_memcpy(out, entry->value, entry->value_len);
        *len = entry->value_len;
        *version = entry->version;
        rc = NGX_OK;

        if ((uint32_t) ngx_current_msec - entry->used
            > NGX_HTTP_ASGARD_LRU_STEP)
        {
            ngx_http_asgard_cache_mutates(zone);
            entry->used = (uint32_t) ngx_current_msec;
            ngx_queue_remove(&entry->lru);
            ngx_queue_insert_head(&cache->lru, &entry->lru);
        }
    }

    ngx_http_asgard_cache_unlock(zone);
    return rc;
}


/* The entry of this name with room for a value, which it has lost if this
 * fails; NULL: no memory. */
static ngx_http_asgard_cached_t *
ngx_http_asgard_cache_room(ngx_http_asgard_zone_t *zone,
    ngx_http_asgard_cache_t *cache, ngx_str_t *name, size_t len)
{
    u_char                    *value;
    ngx_http_asgard_cached_t  *entry;

    value = ngx_http_asgard_cache_alloc(zone, len);
    entry = ngx_http_asgard_cache_find(cache, name);

    if (entry) {
        ngx_http_asgard_cache_forget(zone, entry);
    }

    if (value == NULL) {
        return NULL;
    }

    if (entry == NULL) {
        entry = ngx_http_asgard_cache_new(zone, cache, name);
    }

    if (entry == NULL) {
        ngx_slab_free_locked(zone->pool, value);
        return NULL;
    }

    entry->value = value;
    entry->value_len = (u_short) len;
    return entry;
}


static ngx_int_t
ngx_http_asgard_cache_put_locked(ngx_http_asgard_zone_t *zone,
    ngx_http_asgard_cache_t *cache, ngx_str_t *name, uint64_t version,
    u_char *value, size_t len)
{
    ngx_http_asgard_cached_t  *entry;

    entry = ngx_http_asgard_cache_find(cache, name);

    if (entry && (version < entry->lowest || version < entry->version)) {
        return NGX_DECLINED;
    }

    if (entry == NULL || entry->value_len != len) {
        entry = ngx_http_asgard_cache_room(zone, cache, name, len);
        if (entry == NULL) {
            return NGX_ERROR;
        }
    }

    ngx_memcpy(entry->value, value, len);
    entry->version = version;
    entry->loaded = ngx_current_msec;
    return NGX_OK;
}


ngx_int_t
ngx_http_asgard_cache_put(ngx_http_asgard_cache_t *cache, ngx_str_t *name,
    uint64_t version, u_char *value, size_t len)
{
    ngx_int_t                rc;
    ngx_http_asgard_zone_t  *zone;

    if (len == 0 || len > NGX_HTTP_ASGARD_CACHE_VALUE
        || name->len > NGX_HTTP_ASGARD_CACHE_NAME)
    {
        return NGX_ERROR;
    }

    zone = ngx_http_asgard_zone();
    ngx_http_asgard_cache_lock(zone);
    ngx_http_asgard_cache_mutates(zone);
    rc = ngx_http_asgard_cache_put_locked(zone, cache, name, version, value,
                                          len);
    ngx_http_asgard_cache_unlock(zone);
    return rc;
}


void
ngx_http_asgard_cache_change(ngx_http_asgard_cache_t *cache, ngx_str_t *name,
    uint64_t version)
{
    ngx_http_asgard_zone_t    *zone;
    ngx_http_asgard_cached_t  *entry;

    zone = ngx_http_asgard_zone();
    ngx_http_asgard_cache_lock(zone);
    ngx_http_asgard_cache_mutates(zone);

    entry = ngx_http_asgard_cache_find(cache, name);
    if (entry == NULL) {
        entry = ngx_http_asgard_cache_new(zone, cache, name);
    }

    if (entry && entry->lowest < version) {
        entry->lowest = version;
        if (entry->version < version) {
            /* stays in memory, but is fresh no more */
            entry->loaded = ngx_current_msec - NGX_HTTP_ASGARD_FRESH;
        }
    }

    ngx_http_asgard_cache_unlock(zone);
}
