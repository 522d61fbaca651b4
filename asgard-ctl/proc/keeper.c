/*
 * The keeper role: load, publish, beat, and threads that do jobs.
 *
 * Files and variables are read once; a reload is a new keeper.  What the files
 * say wrong is final for this process and stands in its beats.  Postgres being
 * away is not: the publication is tried again every second.
 */
#include "proc/keeper.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "catalog/catalog.h"
#include "core/keyfile.h"
#include "ops/job_rewrap.h"
#include "ops/project_price.h"
#include "ops/snapshot.h"
#include "proc/backends.h"
#include "proc/job_threads.h"
#include "proc/keeper_door.h"
#include "proc/litellm_thread.h"
#include "proc/values.h"

#define BEAT_MS         1000
#define RENEW_MS        ((int64_t) 6 * 3600 * 1000)
#define REWRAP_MS       60000
#define BEAT_ARENA      (256u * 1024)
#define INFO_BYTES      (96u * 1024)
#define REFUSED_MAX     32              /* errors told in a beat */

enum state { COMPILING, SERVED, REFUSED };

struct keeper {
    const struct ctl_config *config;
    struct ctl_pg *pg;
    asg_keyfile_t keys;
    asg_keks_t keks;
    struct ctl_keeper_door *door;       /* NULL: no secrets are kept */
    int64_t rewrap_at_ms;
    struct ctl_backends backends;
    struct ctl_arena arena;             /* of the catalog */
    struct ctl_catalog catalog;
    enum state state;
    struct ctl_published published;     /* last */
    int64_t renew_at_ms;
    char reason[CTL_ERROR_TEXT];
    bool away;                          /* Postgres, and it was logged */
    bool has_values;                    /* the variables could be read */
    struct ctl_connect connect;
    struct ctl_job_threads *jobs;
    struct ctl_litellm_thread *litellm;
};


static bool
refuse(struct keeper *k, const struct ctl_error *e)
{
    k->state = REFUSED;
    snprintf(k->reason, sizeof(k->reason), "%s", e->text);
    ctl_log_error(e, "compiling the catalog");

    return false;
}


/* --- once, at the start --- */

static bool
keys_read(const struct ctl_config *config, asg_keyfile_t *keys,
    struct ctl_error *e)
{
    bool ok = ctl_values_keys(config->key_file, keys, e);

    OPENSSL_cleanse(keys->peppers, sizeof(keys->peppers));  /* not its own */

    return ok;
}


static void
findings_log(const struct ctl_findings *f)
{
    unsigned i;

    for (i = 0; i < f->n; i++) {
        ctl_log(f->items[i].warning ? CTL_LOG_WARN : CTL_LOG_ERROR, "%s",
                f->items[i].text);
    }
}


/* True when there is a catalog that could be published. */
static bool
catalog_load(struct keeper *k, int values_fd)
{
    const struct ctl_config *c = k->config;
    const struct ctl_catalog_sources from = {c->services, c->nservices,
                                             c->routing, &k->backends,
                                             c->prices};
    struct ctl_error e;
    bool ok;

    if (!keys_read(c, &k->keys, &e)
        || !ctl_backends_open(&k->backends, c, values_fd, &e))
    {
        return refuse(k, &e);
    }
    k->has_values = true;
    close(values_fd);
    ok = ctl_catalog_load(&k->catalog, &k->arena, &from);
    findings_log(&k->catalog.findings);
    if (!ok) {
        ctl_error_set(&e, 400, "catalog_refused",
                      "the catalog cannot be compiled");
        return refuse(k, &e);
    }

    return true;
}


/* --- publishing --- */

static void
away_note(struct keeper *k, const struct ctl_error *e)
{
    if (!k->away) {
        ctl_log_error(e, "publishing the catalog; it is tried again");
    }
    k->away = true;
}


static void
publish(struct keeper *k)
{
    const struct ctl_snapshot with = {&k->keys.seals[0],
                                      k->config->snapshot_max_age_s,
                                      &k->connect};
    struct ctl_error e;

    if (!ctl_snapshot_publish(k->pg, &k->catalog, &with, &k->published,
                              &e))
    {
        if (e.status == 409) {
            refuse(k, &e);
        } else {
            away_note(k, &e);
        }
        return;
    }
    k->state = SERVED;
    k->renew_at_ms = ctl_clock_ms() + RENEW_MS;
    ctl_log(CTL_LOG_INFO, "published catalog %lld: %u models, %u names",
            (long long) k->published.version, k->catalog.nmodels,
            k->catalog.nnames);
}


/* --- beats --- */

static void
texts_write(asg_buf_t *b, const struct ctl_findings *f, bool warnings)
{
    unsigned i, n = 0;

    for (i = 0; i < f->n && n < REFUSED_MAX; i++) {
        if (f->items[i].warning == warnings) {
            asg_buf_z(b, n++ > 0 ? "," : "");
            asg_buf_json(b, asg_str_z(f->items[i].text));
        }
    }
}


static const char *
info_write(const struct keeper *k, struct ctl_arena *arena)
{
    static const char *const names[] = {
        [COMPILING] = "compiling", [SERVED] = "ok", [REFUSED] = "refused"
    };
    char *text = ctl_arena_alloc(arena, INFO_BYTES);
    asg_buf_t b;

    if (text == NULL) {
        return NULL;
    }
    asg_buf_init(&b, text, INFO_BYTES - 1);
    asg_buf_z(&b, "{\"state\":");
    asg_buf_json(&b, asg_str_z(names[k->state]));
    asg_buf_z(&b, ",\"version\":");
    asg_buf_i64(&b, k->published.version);
    asg_buf_z(&b, ",\"read_ms\":");
    asg_buf_i64(&b, k->config->read_ms);
    asg_buf_z(&b, ",\"reason\":");
    asg_buf_json(&b, asg_str_z(k->reason));
    asg_buf_z(&b, ",\"refused\":[");
    texts_write(&b, &k->catalog.findings, false);
    asg_buf_z(&b, "],\"warnings\":[");
    texts_write(&b, &k->catalog.findings, true);
    asg_buf_z(&b, "]}");

    return asg_buf_ok(&b) ? text : NULL;
}


static void
beat(struct keeper *k)
{
    struct ctl_arena arena;
    struct ctl_rows rows;
    struct ctl_error e;
    const char *info, *pid;

    ctl_arena_init(&arena, BEAT_ARENA);
    info = info_write(k, &arena);
    pid = ctl_arena_printf(&arena, "%d", (int) getpid());
    if (info == NULL || pid == NULL) {
        ctl_log(CTL_LOG_ERROR, "no memory for a beat");
    } else if (CTL_PG(k->pg, &arena, &rows, &e,
                   "INSERT INTO role_beats (role, pid, at, info)"
                   " VALUES ('keeper', $1, now(), $2) ON CONFLICT (role)"
                   " DO UPDATE SET pid = excluded.pid, at = excluded.at,"
                   " info = excluded.info", pid, info))
    {
        if (k->away) {
            ctl_log(CTL_LOG_INFO, "PostgreSQL answers again");
        }
        k->away = false;
    } else {
        away_note(k, &e);
    }
    ctl_arena_reset(&arena);
}


/* Gateways hold a newer catalog than ours: the database was restored. */
static bool
is_overtaken(struct keeper *k)
{
    struct ctl_arena arena;
    struct ctl_rows rows;
    struct ctl_error e;
    bool overtaken;

    ctl_arena_init(&arena, BEAT_ARENA);
    overtaken = ctl_pg_query(k->pg, &arena, &rows, &e,
                             "SELECT version_floor()", 0, NULL)
                && ctl_rows_i64(&rows, 0, 0) > k->published.version;
    ctl_arena_reset(&arena);

    return overtaken;
}


/* A project's prices were changed by the API, or were restored. */
static bool
is_repriced(struct keeper *k)
{
    struct ctl_arena arena;
    struct ctl_error e;
    int64_t prices;
    bool repriced;

    ctl_arena_init(&arena, BEAT_ARENA);
    repriced = ctl_project_prices_version(k->pg, &arena, &prices, &e)
               && prices != k->published.prices;
    ctl_arena_reset(&arena);

    return repriced;
}


/* --- secrets --- */

/* A refusal is told with those of the modules; the catalog is published
 * nevertheless. */
static void
secrets_open(struct keeper *k)
{
    struct ctl_error e;

    if (k->config->kek_file == NULL) {
        return;
    }
    if (ctl_values_keks(k->config, &k->keks, &e)) {
        k->door = ctl_keeper_door_open(k->config, &k->keks, &e);
    }
    if (k->door == NULL) {
        ctl_finding_error(&k->catalog.findings, k->config->kek_file, 0,
                          "no secret can be read: %s",
                          e.status == 400 ? e.text : e.detail);
        ctl_log_error(&e, "secrets");
    }
}


/* After a KEK was put before the others: a job wraps all by it. */
static void
rewrap_want(struct keeper *k)
{
    struct ctl_arena arena;
    struct ctl_error e;
    const char *id;

    k->rewrap_at_ms = ctl_clock_ms() + REWRAP_MS;
    ctl_arena_init(&arena, BEAT_ARENA);
    if (!ctl_job_rewrap_want(k->pg, &arena, &k->keks, "system:keeper", false,
                             &id, &e))
    {
        away_note(k, &e);
    }
    ctl_arena_reset(&arena);
}


static void
work(struct keeper *k, int stop_fd)
{
    struct pollfd stop = {.fd = stop_fd, .events = POLLIN};
    bool more = true;

    while (more) {
        if (k->state == COMPILING
            || (k->state == SERVED && (ctl_clock_ms() >= k->renew_at_ms
                                       || is_overtaken(k)
                                       || is_repriced(k))))
        {
            publish(k);
        }
        if (k->door != NULL && ctl_clock_ms() >= k->rewrap_at_ms) {
            rewrap_want(k);
        }
        beat(k);
        more = poll(&stop, 1, BEAT_MS) <= 0;
    }
}


/* --- jobs --- */

static asg_str_t
variable(const struct ctl_connect *with, const char *name)
{
    const struct keeper *k = with->of;

    return ctl_backends_get(&k->backends, name);
}


/* Without its variables every connector would look as if it were not armed. */
static bool
jobs_start(struct keeper *k)
{
    if (!k->has_values) {
        return true;
    }
    k->jobs = ctl_job_threads_open(&k->connect,
                                   k->door != NULL ? &k->keks : NULL);
    k->litellm = ctl_litellm_thread_open(&k->connect);
    if (k->jobs == NULL || k->litellm == NULL) {
        ctl_log(CTL_LOG_ERROR, "no memory or threads for jobs");
    }

    return k->jobs != NULL && k->litellm != NULL;
}


static void
keeper_finish(struct keeper *k)
{
    ctl_job_threads_close(k->jobs);
    ctl_litellm_thread_close(k->litellm);
    ctl_keeper_door_close(k->door);
    asg_keks_wipe(&k->keks);
    asg_keyfile_wipe(&k->keys);
    ctl_backends_finish(&k->backends);
    ctl_arena_reset(&k->arena);
    ctl_pg_close(k->pg);
    free(k);
}


int
ctl_keeper_run(const struct ctl_config *config, int values_fd, int stop_fd)
{
    struct keeper *k = calloc(1, sizeof(*k));
    bool started;

    if (k == NULL) {
        return EXIT_FAILURE;
    }
    k->config = config;
    k->connect = (struct ctl_connect) {config, variable, NULL, k, NULL};
    ctl_arena_init(&k->arena, CTL_CATALOG_ARENA_BYTES);
    ctl_findings_init(&k->catalog.findings, &k->arena);
    k->pg = ctl_pg_open(config->postgres, "asgard-ctl keeper");
    if (k->pg == NULL) {
        keeper_finish(k);
        return EXIT_FAILURE;
    }
    if (catalog_load(k, values_fd)) {
        beat(k);                        /* "compiling" is heard as well */
    }
    secrets_open(k);
    started = jobs_start(k);
    if (started) {
        work(k, stop_fd);
    }
    keeper_finish(k);

    return started ? EXIT_SUCCESS : EXIT_FAILURE;
}
