/*
 * Those who follow a request: connections that stay open and are sent what
 * happens to it, by one thread for all of them.
 *
 * A handler answers with what has happened already and names the request
 * (ctl_answer.follow); the server then gives the connection away.  It ends with
 * the request, after ten minutes (the client asks again from the last id), when
 * the client is gone, and when it does not read.  Who follows is looked at
 * again before anything is told and every few seconds: it ends, too, when they
 * may see the request no more, or their token or session is over.
 */
#ifndef CTL_FOLLOW_H
#define CTL_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"
#include "policy/access.h"

#define CTL_FOLLOW_MAX      64          /* at once */
#define CTL_FOLLOW_MAX_EACH 8           /* of one person, agents included */

struct ctl_follow;                      /* owned: start/stop */

/* NULL: no memory, or no thread. */
struct ctl_follow *ctl_follow_start(const struct ctl_config *config);
void ctl_follow_stop(struct ctl_follow *f);     /* NULL ok */

bool ctl_follow_has_room(struct ctl_follow *f,
    const struct ctl_principal *who);
/* Takes the connection, and closes it when there is no room. */
void ctl_follow_add(struct ctl_follow *f, int fd,
    const struct ctl_principal *who, const char *request_id, int64_t after);

#endif
