/*
 * Calls to a LiteLLM proxy's admin API.
 *
 * The proxy and its master key are the variables LITELLM_BASE_URL and
 * LITELLM_MASTER_KEY.  The key goes into one header and nowhere else: not into
 * a URL, an argument, a log or an error.  No redirect is followed, no proxy
 * used; a call ends after its timeout or within a second of a stop; an answer
 * is at most ASG_LITELLM_BODY_MAX.
 *
 *     struct ctl_litellm l;
 *     if (ctl_litellm_open(&l, with, timeout_ms, stop, arena) == NULL) {
 *         ctl_litellm_ask(&l, "/key/block", body, &answer);
 *     }
 *     ctl_litellm_close(&l);
 */
#ifndef CTL_LITELLM_H
#define CTL_LITELLM_H

#include "connect/connector.h"
#include "core/litellm.h"
#include "core/url.h"

#define CTL_LITELLM_URL         "LITELLM_BASE_URL"
#define CTL_LITELLM_MASTER      "LITELLM_MASTER_KEY"
#define CTL_LITELLM_TIMEOUT_MS  10000
#define CTL_LITELLM_LEAST       {1, 96, 2}      /* versions before: a warning */

struct ctl_litellm_answer {
    asg_litellm_verdict_t verdict;
    unsigned status;                    /* 0: none came */
    asg_str_t object;                   /* of DONE; until the next call */
};

struct ctl_litellm {
    const char *base;                   /* without "/" and "/v1" at its end */
    struct ctl_secret master;
    int timeout_ms;
    const atomic_bool *stop;            /* NULL: none */
    asg_json_t *json;
    char *text;                         /* of the answer */
    size_t len;
};

/* NULL: both variables are there; else what is missing or wrong, constant or
 * of the arena. */
const char *ctl_litellm_unarmed(const struct ctl_connect *with,
    struct ctl_arena *arena);

/* NULL: it is open; else why not.  close() in any case. */
const char *ctl_litellm_open(struct ctl_litellm *l,
    const struct ctl_connect *with, int timeout_ms, const atomic_bool *stop,
    struct ctl_arena *arena);
void ctl_litellm_close(struct ctl_litellm *l);

/* A POST of `body`, or without one a GET.  A DOUBT whose cause is that the
 * proxy has no database becomes NO_DATABASE: readiness is asked. */
void ctl_litellm_ask(struct ctl_litellm *l, const char *path,
    const char *body, struct ctl_litellm_answer *out);
/* DONE: *ready is read. */
asg_litellm_verdict_t ctl_litellm_ask_ready(struct ctl_litellm *l,
    asg_litellm_ready_t *ready);

#endif
