
/*
 * Who serves from the zone: one entry per process, with the time at which the
 * process began, because pids are used again.
 */

#include <signal.h>

#include "ngx_http_asgard_shm.h"


#define NGX_HTTP_ASGARD_WORKER_SILENT  2000     /* ms, ten ticks */

static ngx_int_t ngx_http_asgard_worker_started(ngx_pid_t pid,
    uint64_t *started);


/* Field 22 of /proc/PID/stat: NGX_OK; NGX_DECLINED: a zombie, or gone while it
 * was read; NGX_ERROR: it cannot be told, which says nothing of that process:
 * a /proc that is mounted with hidepid shows no other worker. */
static ngx_int_t
ngx_http_asgard_worker_started(ngx_pid_t pid, uint64_t *started)
{
    u_char      path[64], stat[1024], *p, *last;
    ssize_t     n;
    ngx_fd_t    fd;
    uint64_t    ticks;
    ngx_err_t   err;
    ngx_uint_t  field;

    (void) ngx_sprintf(path, "/proc/%P/stat%Z", pid);

    fd = ngx_open_file(path, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {
        return NGX_ERROR;
    }

    n = ngx_read_fd(fd, stat, sizeof(stat));
    err = ngx_errno;
    (void) ngx_close_file(fd);

    if (n <= 0) {
        return n == -1 && err == NGX_ESRCH ? NGX_DECLINED : NGX_ERROR;
    }

    /* the name, field 2, may hold anything but ends at the last bracket */
    last = stat + n;
    for (p = last; p > stat && p[-1] != ')'; p--) { /* void */ }

    if (last - p < 2) {
        return NGX_ERROR;
    }

    if (p[1] == 'Z' || p[1] == 'X') {
        return NGX_DECLINED;
    }

    for (field = 2; p < last && field < 22; p++) {
        if (*p == ' ') {
            field++;
        }
    }

    for (ticks = 0; p < last && *p >= '0' && *p <= '9'; p++) {
        ticks = ticks * 10 + (*p - '0');
    }

    *started = ticks;
    return NGX_OK;
}


static ngx_http_asgard_worker_t *
ngx_http_asgard_worker_claim(ngx_http_asgard_zone_t *zone)
{
    uint64_t                   start;
    ngx_uint_t                 i;
    ngx_atomic_uint_t          generation;
    ngx_http_asgard_worker_t  *w;

    if (ngx_http_asgard_worker_started(ngx_pid, &start) != NGX_OK) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "asgard: /proc does not tell when this process started; "
                      "it takes no calls");
        return NULL;
    }

    generation = ngx_atomic_fetch_add(&zone->generations, 1) + 1;

    for (i = 0; i < NGX_HTTP_ASGARD_WORKERS_MAX; i++) {
        w = &zone->workers[i];

        ngx_http_asgard_zone_rise(&zone->workers_top, i + 1);

        if (w->generation == 0
            && ngx_atomic_cmp_set(&w->generation, 0,
                                  NGX_HTTP_ASGARD_WORKER_TAKEN))
        {
            w->pid = ngx_pid;
            w->start = start;
            w->beat = ngx_current_msec;
            w->name[0] = '\0';
            w->catalog = 0;
            w->body_bytes = 0;
            ngx_memzero(w->busy, sizeof(w->busy));
            ngx_memory_barrier();
            w->generation = generation;
            return w;
        }
    }

    ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                  "asgard: more than %d processes share the zone",
                  NGX_HTTP_ASGARD_WORKERS_MAX);
    return NULL;
}


ngx_http_asgard_worker_t *
ngx_http_asgard_worker(void)
{
    static ngx_pid_t                  pid;
    static ngx_http_asgard_worker_t  *worker;

    if (pid == ngx_pid) {
        return worker;
    }

    if ((ngx_process != NGX_PROCESS_WORKER
         && ngx_process != NGX_PROCESS_SINGLE)
        || ngx_http_asgard_zone() == NULL)
    {
        return NULL;
    }

    worker = ngx_http_asgard_worker_claim(ngx_http_asgard_zone());
    pid = ngx_pid;
    return worker;
}


ngx_uint_t
ngx_http_asgard_worker_alive(ngx_http_asgard_worker_t *w)
{
    uint64_t   started;
    ngx_int_t  rc;

    if (w->generation == NGX_HTTP_ASGARD_WORKER_TAKEN || w->pid == ngx_pid) {
        return 1;
    }

    if (kill(w->pid, 0) == -1 && ngx_errno == NGX_ESRCH) {
        return 0;
    }

    rc = ngx_http_asgard_worker_started(w->pid, &started);

    /* in doubt it lives: its calls are its own */
    return rc == NGX_ERROR || (rc == NGX_OK && started == w->start);
}


void
ngx_http_asgard_worker_forget(ngx_http_asgard_worker_t *w,
    ngx_atomic_uint_t generation)
{
    ngx_atomic_uint_t  bytes;

    bytes = w->body_bytes;

    if (ngx_atomic_cmp_set(&w->generation, generation, 0)) {
        (void) ngx_atomic_fetch_add(&ngx_http_asgard_zone()->body_bytes,
                                    -bytes);
    }
}


static ngx_uint_t
ngx_http_asgard_worker_is_silent(ngx_http_asgard_worker_t *w)
{
    return (ngx_msec_int_t) (ngx_current_msec - w->beat)
           > NGX_HTTP_ASGARD_WORKER_SILENT;
}


ngx_uint_t
ngx_http_asgard_worker_silent(ngx_atomic_uint_t *generations,
    ngx_http_asgard_worker_t **silent, ngx_uint_t most)
{
    ngx_uint_t                 i, n, passed;
    ngx_atomic_uint_t          generation;
    ngx_http_asgard_zone_t    *zone;
    ngx_http_asgard_worker_t  *w, *mine;

    zone = ngx_http_asgard_zone();
    mine = ngx_http_asgard_worker();
    passed = 0;

    for (n = 0, i = 0; i < zone->workers_top && n < most; i++) {
        w = &zone->workers[i];
        generation = w->generation;

        if (w == mine) {
            passed = 1;
            continue;
        }

        if (generation == 0 || generation == NGX_HTTP_ASGARD_WORKER_TAKEN) {
            continue;
        }

        if (!ngx_http_asgard_worker_is_silent(w)) {
            if (!passed) {
                return 0;
            }
            continue;
        }

        if (ngx_http_asgard_worker_alive(w)) {
            silent[n] = w;
            generations[n++] = generation;
        }
    }

    return n;
}
