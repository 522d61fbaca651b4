/*
 * One webhook call, signed as the specification "Standard Webhooks" says.
 *
 * Headers: webhook-id (the same in each attempt), webhook-timestamp (seconds,
 * of the attempt), webhook-signature: "v1," and the HMAC-SHA-256 over
 * "id.timestamp.body" in base64, one for each secret, apart by spaces.  No
 * redirect is followed, no proxy used; the answer is a status and nothing else.
 */
#ifndef CTL_WEBHOOK_H
#define CTL_WEBHOOK_H

#include "base/config.h"
#include "base/secret.h"
#include "ops/notice.h"

#define CTL_WEBHOOK_SECRETS   2         /* the new and the old one */
#define CTL_WEBHOOK_SECRET_MIN 24       /* bytes */
#define CTL_WEBHOOK_SECRET_MAX 64

struct ctl_webhook {
    const struct ctl_config *config;
    struct ctl_secret secrets[CTL_WEBHOOK_SECRETS];
    unsigned nsecrets;
    int stop_fd;                        /* readable: calls end; -1: none */
};

/* Reads the secrets: lines "whsec_" and base64.  400 with what is wrong; close
 * it in any case. */
bool ctl_webhook_open(struct ctl_webhook *w, const struct ctl_config *config,
    struct ctl_error *e);
void ctl_webhook_close(struct ctl_webhook *w);

/* NULL: it was taken; else why not, constant or of `arena`, without address or
 * secret. */
const char *ctl_webhook_call(const struct ctl_webhook *w,
    const struct ctl_notice *notice, struct ctl_arena *arena);

#endif
