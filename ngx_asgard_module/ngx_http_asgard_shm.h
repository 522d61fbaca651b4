
/*
 * The layout of the shared zone, for the files that keep a part of it
 * (zone, cache, count, flood, health, tally, times, journal, spool, alone);
 * nobody else includes this.
 *
 * The head of the memory is nginx's slab pool, which holds cached records and
 * nothing else; behind it, at a fixed place, stands the structure below and
 * behind that the journal.  A worker that is killed inside a slab or tree
 * operation leaves `dirty` set: the next one that takes the lock empties the
 * cache, which is rebuildable.  What is not rebuildable is in fixed arrays
 * whose entries change hands by compare-and-swap.
 */

#ifndef _NGX_HTTP_ASGARD_SHM_H_INCLUDED_
#define _NGX_HTTP_ASGARD_SHM_H_INCLUDED_


#include "core/flood.h"
#include "ngx_http_asgard_health.h"
#include "ngx_http_asgard_tally.h"
#include "ngx_http_asgard_times.h"
#include "ngx_http_asgard_zone.h"


#define NGX_HTTP_ASGARD_ZONE_MAGIC   0x656e6f7a47534121ULL
#define NGX_HTTP_ASGARD_ZONE_LAYOUT  13
#define NGX_HTTP_ASGARD_ZONE_MIN     (4 * 1024 * 1024)

#define NGX_HTTP_ASGARD_WORKERS_MAX  256
#define NGX_HTTP_ASGARD_WORKER_TAKEN ((ngx_atomic_uint_t) 0xff << 48)
#define NGX_HTTP_ASGARD_WORKER_NAME  25         /* "w" + 24 hex */
#define NGX_HTTP_ASGARD_ABSENT_N     4096       /* a power of two */
#define NGX_HTTP_ASGARD_SLOTS_MAX    262144
#define NGX_HTTP_ASGARD_SHARES       4096       /* see share.h */
#define NGX_HTTP_ASGARD_OWN_RULES    128        /* names of guardrails */
#define NGX_HTTP_ASGARD_PASSED_N     16384      /* see alone.h */


/* See times.h. */
typedef struct {
    ngx_atomic_t               buckets[NGX_HTTP_ASGARD_TIMES_BUCKETS];
    ngx_atomic_t               sum_us;
} ngx_http_asgard_times_t;


/* One process that serves.  Counters stay when the entry changes hands. */
typedef struct {
    ngx_atomic_t               generation;      /* 0: nobody's */
    ngx_pid_t                  pid;
    uint64_t                   start;           /* ticks since boot */
    ngx_atomic_t               beat;            /* msec of its last tick */
    u_char                     name[NGX_HTTP_ASGARD_WORKER_NAME]; /* of its
                                                 * beat in Redis; "": none */
    ngx_atomic_t               catalog;         /* version served */
    ngx_atomic_t               body_bytes;      /* its part of the sum */
    ngx_atomic_t               counts[NGX_HTTP_ASGARD_COUNT_N];
    ngx_atomic_t               reasons[ASG_REASON_COUNT];
    ngx_atomic_t               guards[NGX_HTTP_ASGARD_GUARD_SIDES]
                                     [ASG_RULE_COUNT][ASG_ACTION_COUNT];
    ngx_atomic_t               used[NGX_HTTP_ASGARD_USED_N];
    ngx_atomic_t               used_millionths; /* sum of the shares */
    ngx_http_asgard_times_t    times[NGX_HTTP_ASGARD_TIMES_N];
    uint32_t                   busy[NGX_HTTP_ASGARD_HEALTH_N]; /* of each
                                                 * endpoint, under way */
} ngx_http_asgard_worker_t;


typedef struct {
    ngx_rbtree_t               tree;
    ngx_rbtree_node_t          sentinel;
    ngx_queue_t                lru;             /* head: used last */
} ngx_http_asgard_cache_t;


/* A digest of which Redis knows nothing; torn entries match no digest. */
typedef struct {
    uint64_t                   half[2];
    ngx_msec_t                 until;
} ngx_http_asgard_absent_t;


/* An endpoint; see health.h. */
typedef struct {
    ngx_atomic_t               id;              /* 0: nobody's */
    ngx_atomic_t               lock;            /* pid of who changes health */
    ngx_atomic_t               failures;
    ngx_atomic_t               cooldowns;
    asg_health_t               health;
} ngx_http_asgard_health_t;


/* A model; see tally.h. */
typedef struct {
    ngx_atomic_t               id;              /* 0: nobody's */
    ngx_atomic_t               counts[NGX_HTTP_ASGARD_TALLY_COUNTS];
} ngx_http_asgard_tally_t;


/* A guardrail of the operator's, by its name; see ngx_http_asgard_count.c. */
typedef struct {
    ngx_atomic_t               id;              /* 0: nobody's */
    ngx_atomic_t               calls[NGX_HTTP_ASGARD_GUARD_SIDES]
                                    [ASG_ACTION_COUNT];
} ngx_http_asgard_own_rule_t;


/* Of a slot that is DONE, close together: what says whether the ledger has it.
 * A slot has a page of its own. */
typedef struct {
    uint64_t                   epoch;
    uint64_t                   stream_ms;
    uint64_t                   stream_seq;
    uint32_t                   part;
    uint32_t                   share;
} ngx_http_asgard_done_t;


/* What was last read of a partition's head. */
typedef struct {
    ngx_atomic_t               asked;           /* msec of the last reading */
    ngx_atomic_t               heard;           /* epoch that is listened to:
                                                 * adopt or open */
} ngx_http_asgard_head_t;


struct ngx_http_asgard_zone_s {
    uint64_t                   magic;
    uint64_t                   layout;
    uint64_t                   sizes;           /* of this and of a slot */

    ngx_slab_pool_t           *pool;
    ngx_atomic_t               dirty;
    ngx_http_asgard_cache_t    keys;
    ngx_http_asgard_cache_t    projects;

    ngx_atomic_t               heard;           /* msec of the last message */
    ngx_atomic_t               since;           /* msec: nothing missed since */

    ngx_atomic_t               epochs[ASG_PARTITIONS];
    ngx_http_asgard_head_t     heads[ASG_PARTITIONS];
    ngx_atomic_t               time_asked;      /* msec of the last reading */
    ngx_atomic_t               time_ahead;      /* ms that Redis' clock was
                                                 * ahead of msec; 0: unknown */
    ngx_atomic_t               catalog_wanted;
    ngx_atomic_t               body_bytes;
    ngx_atomic_t               spool_torn;      /* it ends within a line */

    ngx_atomic_t               generations;
    ngx_atomic_t               workers_top;     /* entries ever taken */
    ngx_http_asgard_worker_t   workers[NGX_HTTP_ASGARD_WORKERS_MAX];
    ngx_http_asgard_absent_t   absent[NGX_HTTP_ASGARD_ABSENT_N];
    asg_flood_t                flood;           /* of bad keys */

    ngx_atomic_t               turns[ASG_ROUTE_TURNS]; /* of routing, by name */
    ngx_http_asgard_health_t   health[NGX_HTTP_ASGARD_HEALTH_N];

    ngx_http_asgard_tally_t    tallies[NGX_HTTP_ASGARD_TALLY_N];
    ngx_http_asgard_tally_t    others;          /* models with no entry */
    ngx_http_asgard_own_rule_t own_rules[NGX_HTTP_ASGARD_OWN_RULES];

    /* calls that were let in without Redis: see alone.h */
    ngx_atomic_t               passed[NGX_HTTP_ASGARD_PASSED_N]; /* budgets */
    ngx_atomic_t               alone_nusd[NGX_HTTP_ASGARD_SHARES];
    ngx_atomic_t               alone_calls;     /* untold */

    /* the journal: see ngx_http_asgard_journal.h */
    ngx_uint_t                 nslots;
    ngx_atomic_t               slots_used;
    ngx_atomic_t               shares[NGX_HTTP_ASGARD_SHARES];
    ngx_atomic_t               slots_top;       /* none at or above it was ever
                                                 * taken */
    ngx_atomic_t              *words;           /* generation << 8 | state */
    ngx_http_asgard_done_t    *done;            /* right while DONE */
    ngx_http_asgard_slot_t    *slots;
};


/* This process's entry; NULL in the master, or when all are taken. */
ngx_http_asgard_worker_t *ngx_http_asgard_worker(void);
/* Lets a mark of the zone rise to `n`; it never falls. */
void ngx_http_asgard_zone_rise(ngx_atomic_t *mark, ngx_atomic_uint_t n);
/* Does the process that took the entry still run?  A zombie does not. */
ngx_uint_t ngx_http_asgard_worker_alive(ngx_http_asgard_worker_t *w);
/* Of processes that run and have not come to their tick for a while: their
 * generations and entries; returns their number, at most `most`. 0 too when
 * another one of those that do come is the first: it speaks for them. */
ngx_uint_t ngx_http_asgard_worker_silent(ngx_atomic_uint_t *generations,
    ngx_http_asgard_worker_t **silent, ngx_uint_t most);
/* Frees the entry of a process that is gone, when nothing names it any more. */
void ngx_http_asgard_worker_forget(ngx_http_asgard_worker_t *w,
    ngx_atomic_uint_t generation);


#endif /* _NGX_HTTP_ASGARD_SHM_H_INCLUDED_ */
