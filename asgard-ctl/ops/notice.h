/*
 * Notices: what people are told of requests by webhook or mail.
 *
 * A notice is written in the transaction of the event that it tells of, with
 * the text that is sent, so none is lost and each attempt says the same.  It is
 * delivered at least once: who takes one has counted the attempt before, and
 * holds its row until the outcome is known.  A process that dies lets go of it;
 * it is due again after the back-off of its attempts, and dead after the last.
 *
 * A text has ids, names and states; no reason, payload or secret.  Links to
 * decide by (link.h) are made anew for each attempt and are not part of it.
 */
#ifndef CTL_NOTICE_H
#define CTL_NOTICE_H

#include "ops/ask.h"
#include "ops/link.h"

#define CTL_NOTICE_KEEP_DAYS 30         /* after its end */
#define CTL_NOTICE_TEND_MAX  1000       /* deleted at once */
#define CTL_NOTICE_NEWCOMER_MAX 20      /* requests that one is told of */
#define CTL_NOTICE_LOOK_MAX     200     /* and that are looked at for it */

enum ctl_notice_channel {
    CTL_NOTICE_WEBHOOK, CTL_NOTICE_MAIL, CTL_NOTICE_CHANNELS
};

const char *ctl_notice_channel_name(enum ctl_notice_channel channel);

/* In the change of the event `event_id`: a notice for each channel that is on,
 * and of mail for each person whom it concerns.  Who may decide is told while
 * it waits for them, else who asked. */
bool ctl_notice_add(struct ctl_change *c, const struct ctl_ask *ask,
    const char *event_id, struct ctl_error *e);

/* In the change by which a person became an administrator, a member of a group
 * of approvers, the manager of a project, or one who may sign in: they are told
 * of what waits for them by now, the oldest first, unless they were told when
 * it came. */
bool ctl_notice_newcomer(struct ctl_change *c, const char *user_id,
    struct ctl_error *e);

/* From now on notices are written for these channels alone. */
bool ctl_notice_channels(struct ctl_pg *pg, struct ctl_arena *arena,
    const bool on[CTL_NOTICE_CHANNELS], const char *public_url,
    struct ctl_error *e);

struct ctl_notice {                     /* texts are of the arena */
    const char *id, *address, *body;
    const char *at;                     /* seconds since 1970: of the attempt */
    unsigned attempt;
    struct ctl_link_list links;         /* wipe after use */
};

/* The next one that is due, as a transaction that ends with done() or abort();
 * *got false: there is none, and no transaction.  `links_at`: what links begin
 * with; NULL: without links. */
bool ctl_notice_take(struct ctl_pg *pg, struct ctl_arena *arena,
    enum ctl_notice_channel channel, const char *links_at,
    struct ctl_notice *out, bool *got, struct ctl_error *e);
/* `why` NULL: it was taken; else it is due again, or dead with attempt `most`
 * (*dead). */
bool ctl_notice_done(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_notice *notice, const char *why, unsigned most,
    bool *dead, struct ctl_error *e);

/* Forgets those that ended long ago. */
bool ctl_notice_tend(struct ctl_pg *pg, struct ctl_arena *arena,
    struct ctl_error *e);

#endif
