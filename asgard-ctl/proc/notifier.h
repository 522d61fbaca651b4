/*
 * The role `notify`: delivers notices, and does nothing else, so that what
 * strangers answer is read by a process without provider keys or peppers.
 *
 * Each channel that is on has a thread of its own, so that a receiver that
 * hangs holds up no mail.  Several asgard-ctl may run: a notice is delivered
 * by one of them at a time (ops/notice.h).
 */
#ifndef CTL_NOTIFIER_H
#define CTL_NOTIFIER_H

#include "base/config.h"

/* Are the secrets that the settings name there, and as they must be? */
bool ctl_notifier_check(const struct ctl_config *c, struct ctl_error *e);

/* Returns the exit status when stop_fd is readable. */
int ctl_notifier_run(const struct ctl_config *c, int stop_fd);

#endif
