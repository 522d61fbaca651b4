
/*
 * Slots of the journal: taking, moving, inheriting, freeing.
 */

#include <sys/random.h>

#include "ngx_http_asgard_journal.h"
#include "ngx_http_asgard_share.h"


#define NGX_HTTP_ASGARD_HOLD_RANDOM  8
#define NGX_HTTP_ASGARD_WARM_N       65536


typedef char ngx_http_asgard_slot_is_a_page
    [sizeof(ngx_http_asgard_slot_t) <= 4096 ? 1 : -1];


static void ngx_http_asgard_journal_name(ngx_http_asgard_slot_t *slot);


/* Slots that this process freed last, most likely still in the processor's
 * cache, and where it goes on else; only hints, the word decides. */
static struct {
    uint32_t    index[NGX_HTTP_ASGARD_WARM_N];
    ngx_uint_t  n;
    ngx_uint_t  cold;
} ngx_http_asgard_warm;


/* What the ledger has of each partition, since the last sweep. */
static struct {
    uint64_t    epoch;          /* 0: nothing was said */
    uint64_t    ms;
    uint64_t    seq;
} ngx_http_asgard_durable[ASG_PARTITIONS];


void
ngx_http_asgard_journal_format(ngx_http_asgard_zone_t *zone)
{
    ngx_uint_t  i;

    for (i = 0; i < zone->nslots; i++) {
        zone->words[i] = NGX_HTTP_ASGARD_SLOT_FREE;
    }

    zone->slots_used = 0;
}


/* Beside the slot, before the word says DONE. */
static void
ngx_http_asgard_journal_note(ngx_http_asgard_zone_t *zone,
    ngx_http_asgard_slot_t *slot)
{
    ngx_http_asgard_done_t  *done;

    done = &zone->done[slot - zone->slots];
    done->epoch = slot->epoch;
    done->stream_ms = slot->stream_ms;
    done->stream_seq = slot->stream_seq;
    done->part = (uint32_t) (slot->part % ASG_PARTITIONS);
    done->share = slot->share;
}


static ngx_atomic_t *
ngx_http_asgard_journal_word(ngx_http_asgard_slot_t *slot)
{
    ngx_http_asgard_zone_t  *zone;

    zone = ngx_http_asgard_zone();
    return &zone->words[slot - zone->slots];
}


/* `share` as the slot had it: another worker may have the slot already. */
static void
ngx_http_asgard_journal_freed(ngx_http_asgard_zone_t *zone, ngx_uint_t i,
    ngx_uint_t share)
{
    (void) ngx_atomic_fetch_add(&zone->slots_used, -1);
    ngx_http_asgard_share_slot_free(share);

    if (ngx_http_asgard_warm.n < NGX_HTTP_ASGARD_WARM_N) {
        ngx_http_asgard_warm.index[ngx_http_asgard_warm.n++] = (uint32_t) i;
    }
}


static ngx_uint_t
ngx_http_asgard_journal_next(ngx_http_asgard_zone_t *zone)
{
    if (ngx_http_asgard_warm.n) {
        return ngx_http_asgard_warm.index[--ngx_http_asgard_warm.n];
    }

    return ngx_http_asgard_warm.cold++ % zone->nslots;
}


/* Workers begin at different places.  While half of the slots that were ever
 * taken are free, no further one is: all of them are looked through, again and
 * again. */
static void
ngx_http_asgard_journal_begin(ngx_http_asgard_zone_t *zone,
    ngx_http_asgard_worker_t *w)
{
    if (ngx_http_asgard_warm.cold == 0
        || (ngx_http_asgard_warm.cold >= zone->slots_top
            && zone->slots_used < zone->slots_top / 2))
    {
        ngx_http_asgard_warm.cold = (ngx_uint_t) (w - zone->workers) * 61;
    }
}


ngx_http_asgard_slot_t *
ngx_http_asgard_journal_take(ngx_uint_t share)
{
    ngx_uint_t                 i, n;
    ngx_atomic_uint_t          word;
    ngx_http_asgard_zone_t    *zone;
    ngx_http_asgard_slot_t    *slot;
    ngx_http_asgard_worker_t  *w;

    zone = ngx_http_asgard_zone();
    w = ngx_http_asgard_worker();

    if (w == NULL
        || (ngx_atomic_int_t) zone->slots_used
           >= (ngx_atomic_int_t) zone->nslots
        || ngx_http_asgard_share_slot_take(share) != NGX_OK)
    {
        return NULL;
    }

    ngx_http_asgard_journal_begin(zone, w);
    word = w->generation << 8 | NGX_HTTP_ASGARD_SLOT_FILLING;

    for (n = 0; n < zone->nslots + NGX_HTTP_ASGARD_WARM_N; n++) {
        i = ngx_http_asgard_journal_next(zone);

        if (zone->words[i] != NGX_HTTP_ASGARD_SLOT_FREE) {
            continue;
        }

        /* before the word, so that a slot in use is always below it */
        ngx_http_asgard_zone_rise(&zone->slots_top, i + 1);

        if (ngx_atomic_cmp_set(&zone->words[i], NGX_HTTP_ASGARD_SLOT_FREE,
                               word))
        {
            (void) ngx_atomic_fetch_add(&zone->slots_used, 1);
            slot = &zone->slots[i];
            ngx_memzero(slot, offsetof(ngx_http_asgard_slot_t, budgets));
            slot->share = (u_short) share;
            ngx_http_asgard_journal_name(slot);
            return slot;
        }
    }

    ngx_http_asgard_share_slot_free(share);
    return NULL;
}


/* Random bytes are drawn once per process, then a counter goes up: ids of one
 * worker differ by the counter, those of two by the random bytes. */
static void
ngx_http_asgard_journal_name(ngx_http_asgard_slot_t *slot)
{
    static u_char     start[NGX_HTTP_ASGARD_HOLD_RANDOM];
    static ngx_pid_t  pid;
    static uint32_t   counter;

    u_char            id[NGX_HTTP_ASGARD_HOLD_RANDOM + 4];

    /* a full counter asks for new random bytes, as a new process does */
    if (pid != ngx_pid || counter == NGX_MAX_UINT32_VALUE) {
        while (getrandom(start, sizeof(start), 0) != sizeof(start)) {
            /* interrupted */
        }
        pid = ngx_pid;
        counter = 0;
    }

    counter++;
    ngx_memcpy(id, start, sizeof(start));
    id[8] = (u_char) (counter >> 24);
    id[9] = (u_char) (counter >> 16);
    id[10] = (u_char) (counter >> 8);
    id[11] = (u_char) counter;

    slot->hold[0] = 'h';
    slot->hold_len = (u_short) (ngx_hex_dump(slot->hold + 1, id, sizeof(id))
                                - slot->hold);
}


ngx_uint_t
ngx_http_asgard_journal_state(ngx_http_asgard_slot_t *slot)
{
    return *ngx_http_asgard_journal_word(slot) & 0xff;
}


void
ngx_http_asgard_journal_move(ngx_http_asgard_slot_t *slot,
    ngx_http_asgard_slot_state_e state)
{
    ngx_uint_t               share;
    ngx_atomic_t            *word;
    ngx_http_asgard_zone_t  *zone;

    zone = ngx_http_asgard_zone();
    word = ngx_http_asgard_journal_word(slot);
    share = slot->share;

    if (state == NGX_HTTP_ASGARD_SLOT_DONE) {
        ngx_http_asgard_journal_note(zone, slot);
    }

    ngx_memory_barrier();

    if (state == NGX_HTTP_ASGARD_SLOT_FREE) {
        *word = NGX_HTTP_ASGARD_SLOT_FREE;
        ngx_http_asgard_journal_freed(zone, slot - zone->slots, share);
        return;
    }

    *word = (*word & ~(ngx_atomic_uint_t) 0xff) | state;
}


ngx_int_t
ngx_http_asgard_journal_reopen(ngx_http_asgard_slot_t *slot)
{
    ngx_atomic_t                  *word;
    ngx_atomic_uint_t              mine;
    ngx_http_asgard_slot_state_e   state;

    word = ngx_http_asgard_journal_word(slot);
    mine = ngx_http_asgard_worker()->generation << 8;
    state = slot->verb == 'x' ? NGX_HTTP_ASGARD_SLOT_LEFT
                              : NGX_HTTP_ASGARD_SLOT_ENDED;

    return ngx_atomic_cmp_set(word, mine | NGX_HTTP_ASGARD_SLOT_DONE,
                              mine | state)
           ? NGX_OK : NGX_DECLINED;
}


ngx_uint_t
ngx_http_asgard_journal_slots(void)
{
    return ngx_http_asgard_zone()->nslots;
}


ngx_uint_t
ngx_http_asgard_journal_used(void)
{
    return ngx_http_asgard_zone()->slots_used;
}


/* DONE, but under an epoch that counts no more. */
static ngx_uint_t
ngx_http_asgard_journal_is_old(ngx_http_asgard_zone_t *zone, ngx_uint_t i)
{
    ngx_http_asgard_done_t  *done;

    done = &zone->done[i];
    return done->epoch < zone->epochs[done->part];
}


void
ngx_http_asgard_journal_each(ngx_http_asgard_journal_pt handler)
{
    ngx_uint_t                 i, used;
    ngx_atomic_uint_t          word, generation;
    ngx_http_asgard_zone_t    *zone;
    ngx_http_asgard_worker_t  *w;

    zone = ngx_http_asgard_zone();
    w = ngx_http_asgard_worker();

    if (w == NULL) {
        return;
    }

    used = 0;
    generation = w->generation;

    for (i = 0; i < zone->slots_top; i++) {
        word = zone->words[i];
        used += (word & 0xff) != NGX_HTTP_ASGARD_SLOT_FREE;

        if (word >> 8 == generation
            && ((word & 0xff) != NGX_HTTP_ASGARD_SLOT_DONE
                || ngx_http_asgard_journal_is_old(zone, i)))
        {
            handler(&zone->slots[i], word & 0xff);
        }
    }

    /* a worker that was killed may have left the count off by one */
    zone->slots_used = used;
}


ngx_int_t
ngx_http_asgard_journal_from(ngx_uint_t *at,
    ngx_http_asgard_journal_until_pt handler)
{
    ngx_uint_t                 i, n, top;
    ngx_atomic_uint_t          word;
    ngx_http_asgard_zone_t    *zone;
    ngx_http_asgard_worker_t  *w;

    zone = ngx_http_asgard_zone();
    w = ngx_http_asgard_worker();

    if (w == NULL) {
        return NGX_OK;
    }

    top = zone->slots_top;

    for (n = 0; n < top; n++) {
        i = (*at + n) % top;
        word = zone->words[i];

        if (word >> 8 == w->generation
            && handler(&zone->slots[i], word & 0xff) == NGX_BUSY)
        {
            *at = i;
            return NGX_BUSY;
        }
    }

    return NGX_OK;
}


/* Generations of the processes that are gone; returns their number. */
static ngx_uint_t
ngx_http_asgard_journal_dead(ngx_http_asgard_worker_t **dead,
    ngx_atomic_uint_t *generations)
{
    ngx_uint_t                 i, n;
    ngx_atomic_uint_t          generation;
    ngx_http_asgard_zone_t    *zone;
    ngx_http_asgard_worker_t  *w;

    n = 0;
    zone = ngx_http_asgard_zone();

    for (i = 0; i < NGX_HTTP_ASGARD_WORKERS_MAX; i++) {
        w = &zone->workers[i];
        generation = w->generation;

        if (generation && !ngx_http_asgard_worker_alive(w)) {
            dead[n] = w;
            generations[n++] = generation;
        }
    }

    return n;
}


static void
ngx_http_asgard_journal_inherit_from(ngx_atomic_uint_t generation,
    ngx_http_asgard_journal_pt handler)
{
    ngx_uint_t               i, state;
    ngx_atomic_uint_t        word, mine;
    ngx_http_asgard_slot_t  *slot;
    ngx_http_asgard_zone_t  *zone;

    zone = ngx_http_asgard_zone();
    mine = ngx_http_asgard_worker()->generation;

    for (i = 0; i < zone->slots_top; i++) {
        word = zone->words[i];
        state = word & 0xff;

        if (word >> 8 != generation
            || !ngx_atomic_cmp_set(&zone->words[i], word, mine << 8 | state))
        {
            continue;
        }

        slot = &zone->slots[i];
        slot->ctx = NULL;
        slot->asking = 0;
        slot->telling = 0;
        slot->retold = 1;
        slot->due = 0;
        slot->tries = 0;
        handler(slot, state);
    }
}


void
ngx_http_asgard_journal_inherit(ngx_http_asgard_journal_pt handler)
{
    ngx_uint_t                 i, n;
    ngx_atomic_uint_t          generations[NGX_HTTP_ASGARD_WORKERS_MAX];
    ngx_http_asgard_worker_t  *dead[NGX_HTTP_ASGARD_WORKERS_MAX];

    if (ngx_http_asgard_worker() == NULL) {
        return;
    }

    n = ngx_http_asgard_journal_dead(dead, generations);

    for (i = 0; i < n; i++) {
        ngx_http_asgard_journal_inherit_from(generations[i], handler);
        ngx_http_asgard_worker_forget(dead[i], generations[i]);
    }
}


static ngx_uint_t
ngx_http_asgard_journal_is_of(ngx_atomic_uint_t word,
    const ngx_atomic_uint_t *owners, ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        if (word >> 8 == owners[i]) {
            return 1;
        }
    }

    return 0;
}


void
ngx_http_asgard_journal_theirs(const ngx_atomic_uint_t *owners, ngx_uint_t n,
    ngx_http_asgard_journal_pt handler)
{
    ngx_uint_t               i;
    ngx_atomic_uint_t        word;
    ngx_http_asgard_zone_t  *zone;

    zone = ngx_http_asgard_zone();

    for (i = 0; n && i < zone->slots_top; i++) {
        word = zone->words[i];

        if (ngx_http_asgard_journal_is_of(word, owners, n)
            && ((word & 0xff) != NGX_HTTP_ASGARD_SLOT_DONE
                || ngx_http_asgard_journal_is_old(zone, i)))
        {
            handler(&zone->slots[i], word & 0xff);
        }
    }
}


/* Its owner may wake at any moment, end the call and begin another one in the
 * slot.  States of one call only go on, and each call has an id of its own,
 * written before all else: where both are the same afterwards, what was read
 * between is of one call in one state. */
ngx_uint_t
ngx_http_asgard_journal_copy(ngx_http_asgard_slot_t *slot,
    ngx_http_asgard_slot_t *copy)
{
    u_char              hold[NGX_HTTP_ASGARD_HOLD_MAX];
    ngx_atomic_t       *word;
    ngx_atomic_uint_t   before;

    word = ngx_http_asgard_journal_word(slot);
    before = *word;
    ngx_memory_barrier();
    ngx_memcpy(hold, slot->hold, sizeof(hold));
    ngx_memory_barrier();
    *copy = *slot;
    ngx_memory_barrier();

    if (*word != before
        || ngx_memcmp(hold, slot->hold, sizeof(hold)) != 0
        || copy->hold_len > sizeof(copy->hold)
        || copy->budgets_len > sizeof(copy->budgets)
        || copy->names_len > sizeof(copy->budgets)
        || copy->pins_len > sizeof(copy->pins)
        || copy->detail_len > sizeof(copy->detail))
    {
        return NGX_HTTP_ASGARD_SLOT_FREE;
    }

    return before & 0xff;
}


ngx_uint_t
ngx_http_asgard_journal_index(ngx_http_asgard_slot_t *slot)
{
    return slot - ngx_http_asgard_zone()->slots;
}


ngx_http_asgard_slot_t *
ngx_http_asgard_journal_at(ngx_uint_t index)
{
    return &ngx_http_asgard_zone()->slots[index];
}


void
ngx_http_asgard_journal_durable(ngx_uint_t part, uint64_t epoch, uint64_t ms,
    uint64_t seq)
{
    ngx_http_asgard_durable[part].epoch = epoch;
    ngx_http_asgard_durable[part].ms = ms;
    ngx_http_asgard_durable[part].seq = seq;
}


static ngx_uint_t
ngx_http_asgard_journal_is_durable(ngx_http_asgard_done_t *done)
{
    uint64_t  ms, seq;

    ms = ngx_http_asgard_durable[done->part].ms;
    seq = ngx_http_asgard_durable[done->part].seq;

    return ngx_http_asgard_durable[done->part].epoch == done->epoch
           && (done->stream_ms < ms
               || (done->stream_ms == ms && done->stream_seq <= seq));
}


void
ngx_http_asgard_journal_sweep(void)
{
    ngx_uint_t               i, share;
    ngx_atomic_uint_t        word;
    ngx_http_asgard_zone_t  *zone;

    zone = ngx_http_asgard_zone();

    for (i = 0; i < zone->slots_top; i++) {
        word = zone->words[i];

        if ((word & 0xff) != NGX_HTTP_ASGARD_SLOT_DONE
            || !ngx_http_asgard_journal_is_durable(&zone->done[i]))
        {
            continue;
        }

        share = zone->done[i].share;

        if (ngx_atomic_cmp_set(&zone->words[i], word,
                               NGX_HTTP_ASGARD_SLOT_FREE))
        {
            ngx_http_asgard_journal_freed(zone, i, share);
        }
    }

    ngx_memzero(ngx_http_asgard_durable, sizeof(ngx_http_asgard_durable));
}
