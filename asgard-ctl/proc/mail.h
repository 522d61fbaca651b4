/*
 * One mail of a notice, by SMTP.
 *
 * Its Message-ID is the notice's: the same in each attempt.  A server that is
 * not of this machine must speak TLS (smtps, or STARTTLS), with a certificate
 * that is good for its name.
 */
#ifndef CTL_MAIL_H
#define CTL_MAIL_H

#include "base/config.h"
#include "base/secret.h"
#include "ops/notice.h"

struct ctl_mail {
    const struct ctl_config *config;
    struct ctl_secret password;         /* none: nobody signs in */
    int stop_fd;                        /* readable: calls end; -1: none */
};

/* Reads the password: one line.  Close it in any case. */
bool ctl_mail_open(struct ctl_mail *m, const struct ctl_config *config,
    struct ctl_error *e);
void ctl_mail_close(struct ctl_mail *m);

/* NULL: the server took it; else why not, constant or of `arena`, without
 * address or password. */
const char *ctl_mail_send(const struct ctl_mail *m,
    const struct ctl_notice *notice, struct ctl_arena *arena);

#endif
