/*
 * The notify role: which channels are on, and a thread for each.
 */
#include "proc/notifier.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "base/clock.h"
#include "base/log.h"
#include "ops/notice.h"
#include "ops/readiness.h"
#include "proc/mail.h"
#include "proc/webhook.h"

#define ARENA_BYTES   (1024u * 1024)
#define BEAT_MS       1000
#define IDLE_MS       500               /* at most, for what is due again */
#define BACK_OFF_MS   500               /* PostgreSQL is away */
#define TEND_EVERY_MS 600000

struct notifier {
    const struct ctl_config *config;
    int stop_fd;
    atomic_bool failed;                 /* a thread could not start */
    bool on[CTL_NOTICE_CHANNELS];
    struct ctl_webhook webhook;
    struct ctl_mail mail;
    struct ctl_pg *pg;
    struct ctl_arena arena;
    bool away;
};

struct courier {                        /* one thread */
    struct notifier *of;
    enum ctl_notice_channel channel;
    pthread_t thread;
    struct ctl_pg *pg;
    struct ctl_arena arena;
    bool away, running;
};


bool
ctl_notifier_check(const struct ctl_config *c, struct ctl_error *e)
{
    struct ctl_webhook webhook = {.nsecrets = 0};
    struct ctl_mail mail = {.config = c};
    bool ok = (c->webhook_url == NULL || ctl_webhook_open(&webhook, c, e))
              && (c->mail_url == NULL || ctl_mail_open(&mail, c, e));

    ctl_webhook_close(&webhook);
    ctl_mail_close(&mail);

    return ok;
}


/* True when it is time to end. */
static bool
is_over(struct notifier *n, int wait_ms)
{
    struct pollfd stop = {.fd = n->stop_fd, .events = POLLIN};

    return atomic_load(&n->failed) || poll(&stop, 1, wait_ms) > 0;
}


static void
note(bool *away, bool ok, const struct ctl_error *e)
{
    if (!ok && !*away) {
        ctl_log_error(e, "sending notices");
    } else if (ok && *away) {
        ctl_log(CTL_LOG_INFO, "notices are sent again");
    }
    *away = !ok;
}


/* --- a channel --- */

static const char *
deliver_one(struct courier *c, const struct ctl_notice *notice)
{
    return c->channel == CTL_NOTICE_MAIL
           ? ctl_mail_send(&c->of->mail, notice, &c->arena)
           : ctl_webhook_call(&c->of->webhook, notice, &c->arena);
}


static const char *
links_at(const struct courier *c)
{
    const struct ctl_config *config = c->of->config;
    bool on = c->channel == CTL_NOTICE_MAIL ? config->links_in_mail
                                            : config->links_in_webhook;

    return on ? config->public_url : NULL;
}


/* What ends with the process was no attempt that failed: its row is let go, and
 * is due again as it was counted. */
static bool
deliver(struct courier *c, bool *got, struct ctl_error *e)
{
    const char *channel = ctl_notice_channel_name(c->channel), *why;
    struct ctl_notice notice;
    bool dead;

    notice.links.n = 0;
    if (!ctl_notice_take(c->pg, &c->arena, c->channel, links_at(c), &notice,
                         got, e))
    {
        return false;
    }
    if (!*got) {
        return true;
    }
    why = deliver_one(c, &notice);
    ctl_link_wipe(&notice.links);
    if (why != NULL && is_over(c->of, 0)) {
        ctl_pg_rollback(c->pg);
        return true;
    }
    if (!ctl_notice_done(c->pg, &c->arena, &notice, why,
                         c->of->config->notify_attempts, &dead, e))
    {
        return false;
    }
    if (why != NULL) {
        ctl_log(dead ? CTL_LOG_ERROR : CTL_LOG_WARN,
                "%s %s, attempt %u: %s%s", channel, notice.id,
                notice.attempt, why, dead ? "; it is given up" : "");
    }

    return true;
}


static void *
courier_run(void *data)
{
    struct courier *c = data;
    bool ok, got, listening = false;
    struct ctl_error e;

    while (!is_over(c->of, c->away ? BACK_OFF_MS : 0)) {
        ctl_error_clear(&e);
        ctl_arena_reset(&c->arena);
        got = false;
        ok = listening
             || (listening = ctl_pg_listen(c->pg, "asgard_requests", &e));
        ok = ok && deliver(c, &got, &e);
        note(&c->away, ok, &e);
        if (ok && !got) {
            (void) ctl_pg_wait(c->pg, IDLE_MS);
        }
    }

    return NULL;
}


static bool
courier_start(struct courier *c, struct notifier *n,
    enum ctl_notice_channel channel)
{
    memset(c, 0, sizeof(*c));
    c->of = n;
    c->channel = channel;
    ctl_arena_init(&c->arena, ARENA_BYTES);
    c->pg = ctl_pg_open(n->config->postgres, "asgard notify");
    c->running = c->pg != NULL
                 && pthread_create(&c->thread, NULL, courier_run, c) == 0;

    return c->running;
}


static void
courier_end(struct courier *c)
{
    if (c->running) {
        pthread_join(c->thread, NULL);
    }
    ctl_pg_close(c->pg);
    ctl_arena_reset(&c->arena);
}


/* --- the role --- */

/* While all is off there is no beat that anybody could wait for. */
static bool
beat(struct notifier *n, bool on, struct ctl_error *e)
{
    const char *info = ctl_arena_printf(&n->arena,
        "{\"webhook\":%s,\"mail\":%s}",
        n->on[CTL_NOTICE_WEBHOOK] ? "true" : "false",
        n->on[CTL_NOTICE_MAIL] ? "true" : "false");

    return on ? ctl_readiness_beat(n->pg, &n->arena, "notify", info, e)
           : CTL_PG(n->pg, &n->arena, NULL, e,
                    "DELETE FROM role_beats WHERE role = $1", "notify");
}


/* The channels are said again with each beat: a database that was restored may
 * know of others. */
static bool
turn(struct notifier *n, bool on, int64_t *tend, struct ctl_error *e)
{
    if (!ctl_notice_channels(n->pg, &n->arena, n->on, n->config->public_url,
                             e)
        || !beat(n, on, e))
    {
        return false;
    }
    if (ctl_clock_ms() < *tend) {
        return true;
    }
    *tend = ctl_clock_ms() + TEND_EVERY_MS;

    return ctl_notice_tend(n->pg, &n->arena, e);
}


/* While all is off, said once is enough; the connection is given back. */
static void
work(struct notifier *n, bool on)
{
    struct ctl_error e;
    int64_t tend = 0;
    bool ok;

    do {
        ctl_error_clear(&e);
        ctl_arena_reset(&n->arena);
        ok = turn(n, on, &tend, &e);
        note(&n->away, ok, &e);
    } while (!is_over(n, ok && !on ? 0 : BEAT_MS) && (on || !ok));
    if (!on) {
        ctl_pg_close(n->pg);
        n->pg = NULL;
        while (!is_over(n, -1)) {
            /* interrupted by a signal */
        }
    }
}


static bool
notifier_open(struct notifier *n, struct ctl_error *e)
{
    n->on[CTL_NOTICE_WEBHOOK] = n->config->webhook_url != NULL;
    n->on[CTL_NOTICE_MAIL] = n->config->mail_url != NULL;
    ctl_arena_init(&n->arena, ARENA_BYTES);
    n->pg = ctl_pg_open(n->config->postgres, "asgard notify beats");
    if (n->pg == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return ctl_error_internal(e, "out of memory");
    }
    if ((n->on[CTL_NOTICE_WEBHOOK]
         && !ctl_webhook_open(&n->webhook, n->config, e))
        || (n->on[CTL_NOTICE_MAIL]
            && !ctl_mail_open(&n->mail, n->config, e)))
    {
        return false;
    }
    n->webhook.stop_fd = n->mail.stop_fd = n->stop_fd;

    return true;
}


int
ctl_notifier_run(const struct ctl_config *config, int stop_fd)
{
    struct notifier n = {.config = config, .stop_fd = stop_fd};
    struct courier couriers[CTL_NOTICE_CHANNELS];
    bool ok, on = false;
    struct ctl_error e;
    unsigned i;

    memset(couriers, 0, sizeof(couriers));
    ok = notifier_open(&n, &e);
    if (!ok) {
        ctl_log_error(&e, "starting to send notices");
    }
    for (i = 0; ok && i < CTL_NOTICE_CHANNELS; i++) {
        on = on || n.on[i];
        ok = !n.on[i] || courier_start(&couriers[i], &n, i);
    }
    if (ok) {
        work(&n, on);
    }
    atomic_store(&n.failed, !ok);
    for (i = 0; i < CTL_NOTICE_CHANNELS; i++) {
        courier_end(&couriers[i]);
    }
    ctl_webhook_close(&n.webhook);
    ctl_mail_close(&n.mail);
    ctl_arena_reset(&n.arena);
    ctl_pg_close(n.pg);

    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
