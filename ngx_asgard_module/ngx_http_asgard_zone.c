
/*
 * Shared memory of all workers: set-up, the change clock, epochs, versions of
 * the catalog, key and project records.
 */

#include "ngx_http_asgard_cache.h"
#include "ngx_http_asgard_journal.h"
#include "ngx_http_asgard_pack.h"


#define NGX_HTTP_ASGARD_CHANNEL_DEAF  3000      /* ms without a heartbeat */
#define NGX_HTTP_ASGARD_ABSENT_LIFE   1000      /* ms */


static ngx_int_t ngx_http_asgard_zone_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_uint_t ngx_http_asgard_zone_is_ours(ngx_shm_zone_t *shm_zone);


static uint64_t
ngx_http_asgard_zone_sizes(void)
{
    return ((uint64_t) sizeof(ngx_http_asgard_zone_t) << 32)
           | NGX_HTTP_ASGARD_PACK_FORMAT << 16
           | sizeof(ngx_http_asgard_slot_t);
}


/* Does the running configuration have this zone in another build's layout?
 * Then it is not taken over: the old workers keep theirs until they leave. */
static ngx_uint_t
ngx_http_asgard_zone_is_foreign(ngx_cycle_t *old, ngx_shm_zone_t *added)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_shm_zone_t   *zones;

    if (old == NULL || old->shared_memory.part.elts == NULL) {
        return 0;
    }

    for (part = &old->shared_memory.part; part; part = part->next) {
        zones = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (zones[i].tag == added->tag
                && zones[i].shm.name.len == added->shm.name.len
                && ngx_strncmp(zones[i].shm.name.data, added->shm.name.data,
                               added->shm.name.len) == 0)
            {
                return !ngx_http_asgard_zone_is_ours(&zones[i]);
            }
        }
    }

    return 0;
}


static ngx_uint_t
ngx_http_asgard_zone_is_ours(ngx_shm_zone_t *shm_zone)
{
    u_char                  *start, *p;
    ngx_slab_pool_t         *pool;
    ngx_http_asgard_zone_t  *zone;

    start = shm_zone->shm.addr;
    if (start == NULL) {
        return 1;
    }

    pool = (ngx_slab_pool_t *) start;
    p = pool->data;
    if (p < start || p + sizeof(ngx_http_asgard_zone_t)
                     > start + shm_zone->shm.size)
    {
        return 0;
    }

    zone = (ngx_http_asgard_zone_t *) p;
    return zone->magic == NGX_HTTP_ASGARD_ZONE_MAGIC
           && zone->layout == NGX_HTTP_ASGARD_ZONE_LAYOUT
           && zone->sizes == ngx_http_asgard_zone_sizes();
}


ngx_shm_zone_t *
ngx_http_asgard_zone_add(ngx_conf_t *cf, ngx_str_t *name, size_t size)
{
    ngx_shm_zone_t  *shm_zone;

    if (size < NGX_HTTP_ASGARD_ZONE_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "asgard_zone \"%V\" is too small: at least %uzm",
                           name,
                           (size_t) NGX_HTTP_ASGARD_ZONE_MIN / 1024 / 1024);
        return NULL;
    }

    shm_zone = ngx_shared_memory_add(cf, name, size, &ngx_http_asgard_module);
    if (shm_zone == NULL) {
        return NULL;
    }

    shm_zone->init = ngx_http_asgard_zone_init;
    shm_zone->noreuse = ngx_http_asgard_zone_is_foreign(cf->cycle->old_cycle,
                                                        shm_zone);
    return shm_zone;
}


/* Half of the memory is the journal, the slab has what is left. */
static ngx_http_asgard_zone_t *
ngx_http_asgard_zone_carve(ngx_shm_zone_t *shm_zone)
{
    u_char                  *start, *end, *p;
    size_t                   slot;
    ngx_uint_t               nslots;
    ngx_slab_pool_t         *pool;
    ngx_http_asgard_zone_t  *zone;

    start = shm_zone->shm.addr;
    end = start + shm_zone->shm.size;
    pool = (ngx_slab_pool_t *) start;

    slot = sizeof(ngx_http_asgard_slot_t) + sizeof(ngx_atomic_t)
           + sizeof(ngx_http_asgard_done_t);
    nslots = ngx_min(shm_zone->shm.size / 2 / slot,
                     NGX_HTTP_ASGARD_SLOTS_MAX);

    p = end - nslots * sizeof(ngx_http_asgard_slot_t);
    p = (u_char *) ((uintptr_t) p & ~(uintptr_t) 63);
    end = p;
    p -= nslots * (sizeof(ngx_atomic_t) + sizeof(ngx_http_asgard_done_t));
    p -= sizeof(ngx_http_asgard_zone_t);
    p = (u_char *) ((uintptr_t) p & ~((uintptr_t) ngx_pagesize - 1));

    zone = (ngx_http_asgard_zone_t *) p;
    ngx_memzero(zone, sizeof(ngx_http_asgard_zone_t)
                      + nslots * sizeof(ngx_atomic_t));
    zone->nslots = nslots;
    zone->words = (ngx_atomic_t *) (zone + 1);
    zone->done = (ngx_http_asgard_done_t *) (zone->words + nslots);
    zone->slots = (ngx_http_asgard_slot_t *) end;
    zone->pool = pool;

    pool->end = p;
    ngx_slab_init(pool);
    pool->log_nomem = 0;
    pool->data = zone;
    return zone;
}


static ngx_int_t
ngx_http_asgard_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_asgard_zone_t  *zone;

    if (data) {
        shm_zone->data = data;
        return NGX_OK;
    }

    zone = ngx_http_asgard_zone_carve(shm_zone);
    ngx_http_asgard_cache_reset(zone);
    ngx_http_asgard_journal_format(zone);
    zone->layout = NGX_HTTP_ASGARD_ZONE_LAYOUT;
    zone->sizes = ngx_http_asgard_zone_sizes();
    zone->magic = NGX_HTTP_ASGARD_ZONE_MAGIC;
    shm_zone->data = zone;
    return NGX_OK;
}


void
ngx_http_asgard_zone_rise(ngx_atomic_t *mark, ngx_atomic_uint_t n)
{
    ngx_atomic_uint_t  old;

    do {
        old = *mark;
    } while (old < n && !ngx_atomic_cmp_set(mark, old, n));
}


ngx_http_asgard_zone_t *
ngx_http_asgard_zone(void)
{
    static volatile ngx_cycle_t    *cycle;
    static ngx_http_asgard_zone_t  *zone;

    ngx_http_asgard_main_conf_t    *amcf;

    if (cycle == ngx_cycle) {
        return zone;
    }

    amcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_asgard_module);
    zone = amcf && amcf->shm_zone ? amcf->shm_zone->data : NULL;
    cycle = ngx_cycle;
    return zone;
}


/* A packed record is never longer than the record as it stands. */
typedef char ngx_http_asgard_zone_value_fits
    [sizeof(asg_key_record_t) <= NGX_HTTP_ASGARD_CACHE_VALUE
     && sizeof(asg_project_record_t) <= NGX_HTTP_ASGARD_CACHE_VALUE ? 1 : -1];


static ngx_http_asgard_absent_t *
ngx_http_asgard_zone_absent(u_char *digest, uint64_t half[2])
{
    ngx_http_asgard_zone_t  *zone;

    zone = ngx_http_asgard_zone();
    ngx_memcpy(half, digest, 2 * sizeof(uint64_t));
    return &zone->absent[half[0] % NGX_HTTP_ASGARD_ABSENT_N];
}


static ngx_int_t
ngx_http_asgard_zone_key_read(u_char *digest, ngx_msec_t most,
    asg_key_record_t *out)
{
    size_t     len;
    u_char     value[NGX_HTTP_ASGARD_CACHE_VALUE];
    ngx_int_t  rc;
    ngx_str_t  name;

    name.data = digest;
    name.len = ASG_KEY_DIGEST_BYTES;

    rc = ngx_http_asgard_cache_get(&ngx_http_asgard_zone()->keys, &name, most,
                                   &out->version, value, &len);
    if (rc == NGX_OK) {
        ngx_http_asgard_pack_read(value, out);
    }

    return rc;
}


ngx_int_t
ngx_http_asgard_zone_key_get(ngx_uint_t pepper, u_char *digest,
    asg_key_record_t *out)
{
    uint64_t                   half[2];
    ngx_http_asgard_absent_t  *absent;

    if (ngx_http_asgard_zone_key_read(digest, 0, out) == NGX_OK) {
        return NGX_OK;
    }

    absent = ngx_http_asgard_zone_absent(digest, half);

    if (absent->half[0] == half[0] && absent->half[1] == half[1]
        && (ngx_msec_int_t) (absent->until - ngx_current_msec) > 0)
    {
        return NGX_ABORT;
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_http_asgard_zone_key_last(u_char *digest, ngx_msec_t most,
    asg_key_record_t *out)
{
    return ngx_http_asgard_zone_key_read(digest, most, out);
}


ngx_int_t
ngx_http_asgard_zone_key_put(ngx_uint_t pepper, u_char *digest,
    asg_key_record_t *record)
{
    size_t     len;
    u_char     value[NGX_HTTP_ASGARD_CACHE_VALUE];
    ngx_str_t  name;

    name.data = digest;
    name.len = ASG_KEY_DIGEST_BYTES;
    len = ngx_http_asgard_pack(value, record);

    return ngx_http_asgard_cache_put(&ngx_http_asgard_zone()->keys, &name,
                                     record->version, value, len);
}


void
ngx_http_asgard_zone_key_absent(ngx_uint_t pepper, u_char *digest)
{
    uint64_t                   half[2];
    ngx_http_asgard_absent_t  *absent;

    absent = ngx_http_asgard_zone_absent(digest, half);
    absent->until = ngx_current_msec + NGX_HTTP_ASGARD_ABSENT_LIFE;
    absent->half[0] = half[0];
    absent->half[1] = half[1];
}


ngx_int_t
ngx_http_asgard_zone_project_get(ngx_str_t *id, asg_project_record_t *out)
{
    return ngx_http_asgard_zone_project_last(id, 0, out);
}


ngx_int_t
ngx_http_asgard_zone_project_last(ngx_str_t *id, ngx_msec_t most,
    asg_project_record_t *out)
{
    size_t     len;
    u_char     value[NGX_HTTP_ASGARD_CACHE_VALUE];
    uint64_t   version;
    ngx_int_t  rc;

    rc = ngx_http_asgard_cache_get(&ngx_http_asgard_zone()->projects, id, most,
                                   &version, value, &len);
    if (rc == NGX_OK) {
        ngx_memcpy(out, value, len);
    }

    return rc;
}


ngx_int_t
ngx_http_asgard_zone_project_put(asg_project_record_t *record)
{
    ngx_str_t  name;

    name.data = (u_char *) record->project_id;
    name.len = ngx_strlen(record->project_id);

    return ngx_http_asgard_cache_put(&ngx_http_asgard_zone()->projects, &name,
                                     record->version, (u_char *) record,
                                     offsetof(asg_project_record_t, aliases)
                                     + record->aliases_len);
}


/* Cuts the next word off `rest`; false: there is none. */
static ngx_uint_t
ngx_http_asgard_zone_word(asg_str_t *rest, asg_str_t *word)
{
    size_t  n;

    for (n = 0; n < rest->len && rest->data[n] != ' '; n++) { /* void */ }

    *word = (asg_str_t) { rest->data, n };
    rest->data += n;
    rest->len -= n;

    if (rest->len) {
        rest->data++;
        rest->len--;
    }

    return n != 0;
}


static void
ngx_http_asgard_zone_key_change(asg_str_t rest)
{
    uint8_t                    digest[ASG_KEY_DIGEST_BYTES];
    uint64_t                   version, half[2];
    asg_str_t                  word;
    ngx_str_t                  name;
    ngx_http_asgard_absent_t  *absent;

    if (!ngx_http_asgard_zone_word(&rest, &word)
        || !ngx_http_asgard_zone_word(&rest, &word)
        || !asg_hex_decode(word, digest, sizeof(digest))
        || !asg_str_u64(rest, &version))
    {
        return;
    }

    name.data = digest;
    name.len = sizeof(digest);
    ngx_http_asgard_cache_change(&ngx_http_asgard_zone()->keys, &name,
                                 version);

    absent = ngx_http_asgard_zone_absent(digest, half);
    absent->until = ngx_current_msec;
}


static void
ngx_http_asgard_zone_project_change(asg_str_t rest)
{
    uint64_t   version;
    asg_str_t  word;
    ngx_str_t  name;

    if (!ngx_http_asgard_zone_word(&rest, &word) || !asg_id_is_valid(word)
        || !asg_str_u64(rest, &version))
    {
        return;
    }

    name.data = (u_char *) word.data;
    name.len = word.len;
    ngx_http_asgard_cache_change(&ngx_http_asgard_zone()->projects, &name,
                                 version);
}


static void
ngx_http_asgard_zone_catalog_change(asg_str_t rest)
{
    uint64_t  version;

    if (asg_str_u64(rest, &version)) {
        ngx_http_asgard_zone_rise(&ngx_http_asgard_zone()->catalog_wanted,
                                  version);
    }
}


void
ngx_http_asgard_zone_change(ngx_str_t *message)
{
    asg_str_t                rest, word;
    ngx_http_asgard_zone_t  *zone;

    zone = ngx_http_asgard_zone();
    rest = (asg_str_t) { (const char *) message->data, message->len };
    (void) ngx_http_asgard_zone_word(&rest, &word);

    if (asg_str_eq_z(word, "key")) {
        ngx_http_asgard_zone_key_change(rest);

    } else if (asg_str_eq_z(word, "project")) {
        ngx_http_asgard_zone_project_change(rest);

    } else if (asg_str_eq_z(word, "catalog")) {
        ngx_http_asgard_zone_catalog_change(rest);

    } else if (!asg_str_eq_z(word, "hb")) {
        return;
    }

    if (!ngx_http_asgard_zone_channel_alive()) {
        zone->since = ngx_current_msec;
    }
    zone->heard = ngx_current_msec;
}


void
ngx_http_asgard_zone_channel_gap(void)
{
    ngx_http_asgard_zone()->since = ngx_current_msec;
}


ngx_uint_t
ngx_http_asgard_zone_channel_alive(void)
{
    ngx_msec_t  heard;

    heard = ngx_http_asgard_zone()->heard;
    return heard != 0
           && (ngx_msec_int_t) (ngx_current_msec - heard)
              < NGX_HTTP_ASGARD_CHANNEL_DEAF;
}


uint64_t
ngx_http_asgard_zone_epoch(ngx_uint_t part)
{
    return ngx_http_asgard_zone()->epochs[part % ASG_PARTITIONS];
}


ngx_int_t
ngx_http_asgard_zone_epoch_note(ngx_uint_t part, uint64_t epoch)
{
    ngx_atomic_t       *highest;
    ngx_atomic_uint_t   old;

    highest = &ngx_http_asgard_zone()->epochs[part % ASG_PARTITIONS];

    for ( ;; ) {
        old = *highest;
        if (epoch < old) {
            return NGX_DECLINED;
        }
        if (epoch == old || ngx_atomic_cmp_set(highest, old, epoch)) {
            return NGX_OK;
        }
    }
}


uint64_t
ngx_http_asgard_zone_catalog_wanted(void)
{
    return ngx_http_asgard_zone()->catalog_wanted;
}


void
ngx_http_asgard_zone_catalog_serving(uint64_t version)
{
    ngx_http_asgard_worker_t  *w;

    w = ngx_http_asgard_worker();
    if (w) {
        w->catalog = version;
    }
}


uint64_t
ngx_http_asgard_zone_catalog_lowest(void)
{
    uint64_t                   lowest;
    ngx_uint_t                 i, n;
    ngx_http_asgard_zone_t    *zone;
    ngx_http_asgard_worker_t  *w;

    lowest = 0;
    n = 0;
    zone = ngx_http_asgard_zone();

    for (i = 0; i < NGX_HTTP_ASGARD_WORKERS_MAX; i++) {
        w = &zone->workers[i];

        if (w->generation && ngx_http_asgard_worker_alive(w)
            && (n++ == 0 || w->catalog < lowest))
        {
            lowest = w->catalog;
        }
    }

    return lowest;
}


static void
ngx_http_asgard_zone_body_add(size_t bytes)
{
    ngx_http_asgard_worker_t  *w;

    (void) ngx_atomic_fetch_add(&ngx_http_asgard_zone()->body_bytes, bytes);

    w = ngx_http_asgard_worker();
    if (w) {
        w->body_bytes += bytes;
    }
}


ngx_int_t
ngx_http_asgard_zone_body_charge(size_t bytes, size_t max)
{
    ngx_http_asgard_zone_body_add(bytes);

    if (ngx_http_asgard_zone()->body_bytes > max) {
        ngx_http_asgard_zone_body_add(-bytes);
        return NGX_BUSY;
    }

    return NGX_OK;
}


void
ngx_http_asgard_zone_body_release(size_t bytes)
{
    ngx_http_asgard_zone_body_add(-bytes);
}
