
/*
 * How long calls take: histograms in shared memory.
 */

#include "ngx_http_asgard_times.h"

#include "ngx_http_asgard_shm.h"


static const struct {
    const char  *name;
    const char  *help;
} ngx_http_asgard_times_names[NGX_HTTP_ASGARD_TIMES_N] = {
    { "asgard_call_duration_seconds",
      "Calls that passed every step, until their request was gone." },
    { "asgard_overhead_seconds",
      "Of them, until they were given to a provider; less their bodies." },
    { "asgard_time_to_first_token_seconds",
      "Of streams, until a provider's first byte of the answer." }
};


/* Upper ends. */
static const struct {
    uint64_t     us;
    const char  *seconds;
} ngx_http_asgard_times_ends[NGX_HTTP_ASGARD_TIMES_BUCKETS] = {
    { 50, "0.00005" }, { 100, "0.0001" }, { 200, "0.0002" },
    { 500, "0.0005" }, { 1000, "0.001" }, { 2000, "0.002" },
    { 5000, "0.005" }, { 10000, "0.01" }, { 20000, "0.02" },
    { 50000, "0.05" }, { 100000, "0.1" }, { 200000, "0.2" },
    { 500000, "0.5" }, { 1000000, "1" }, { 2000000, "2" },
    { 5000000, "5" }, { 10000000, "10" }, { 30000000, "30" },
    { 120000000, "120" }, { (uint64_t) -1, "+Inf" }
};


uint64_t
ngx_http_asgard_times_now(void)
{
    struct timespec  t;

    (void) clock_gettime(CLOCK_MONOTONIC, &t);

    return (uint64_t) t.tv_sec * 1000000 + (uint64_t) t.tv_nsec / 1000;
}


void
ngx_http_asgard_times_note(ngx_http_asgard_times_e what, uint64_t us)
{
    ngx_uint_t                i;
    ngx_http_asgard_times_t  *t;

    if (ngx_http_asgard_worker() == NULL) {
        return;
    }

    t = &ngx_http_asgard_worker()->times[what];

    for (i = 0; us > ngx_http_asgard_times_ends[i].us; i++) {
        /* void */
    }

    t->buckets[i]++;
    t->sum_us += us;
}


/* All workers', summed. */

static void
ngx_http_asgard_times_read(ngx_http_asgard_times_e what,
    ngx_http_asgard_times_t *sum)
{
    ngx_uint_t                i, b;
    ngx_http_asgard_zone_t   *zone;
    ngx_http_asgard_times_t  *t;

    ngx_memzero(sum, sizeof(ngx_http_asgard_times_t));
    zone = ngx_http_asgard_zone();

    for (i = 0; i < NGX_HTTP_ASGARD_WORKERS_MAX; i++) {
        t = &zone->workers[i].times[what];
        sum->sum_us += t->sum_us;

        for (b = 0; b < NGX_HTTP_ASGARD_TIMES_BUCKETS; b++) {
            sum->buckets[b] += t->buckets[b];
        }
    }
}


u_char *
ngx_http_asgard_times_write(u_char *p, u_char *last)
{
    uint64_t                  calls;
    ngx_uint_t                b, what;
    const char               *name;
    ngx_http_asgard_times_t   sum;

    for (what = 0; what < NGX_HTTP_ASGARD_TIMES_N; what++) {
        name = ngx_http_asgard_times_names[what].name;
        p = ngx_slprintf(p, last, "# HELP %s %s\n# TYPE %s histogram\n", name,
                         ngx_http_asgard_times_names[what].help, name);

        ngx_http_asgard_times_read(what, &sum);
        calls = 0;

        for (b = 0; b < NGX_HTTP_ASGARD_TIMES_BUCKETS; b++) {
            calls += sum.buckets[b];
            p = ngx_slprintf(p, last, "%s_bucket{le=\"%s\"} %uL\n", name,
                             ngx_http_asgard_times_ends[b].seconds, calls);
        }

        p = ngx_slprintf(p, last, "%s_sum %uL.%06uL\n%s_count %uL\n", name,
                         (uint64_t) sum.sum_us / 1000000,
                         (uint64_t) sum.sum_us % 1000000, name, calls);
    }

    return p;
}
