/*
 * Links by which a person who was told of a request decides over it.
 *
 * A link is of one person, one request and the plan that they were shown, for
 * CTL_LINK_HOURS and one use; a decision ends the person's other links of that
 * request, too.  It gives no right: who may decide is looked at when it is
 * used, as if the person had signed in.  The token stands behind the # of the
 * address, which no browser sends and no server logs; only its digest is kept.
 */
#ifndef CTL_LINK_H
#define CTL_LINK_H

#include "base/error.h"
#include "core/str.h"
#include "ops/ask_people.h"
#include "ops/change.h"

#define CTL_LINK_PREFIX    "asg_act_"
#define CTL_LINK_TOKEN_MAX 80
#define CTL_LINK_HOURS     72
#define CTL_LINK_PATH      "/api/decide"
#define CTL_LINK_KEEP_DAYS 30           /* after it ended */

struct ctl_link_list {                  /* texts are of the arena */
    unsigned n;
    struct {
        const char *username, *expires_at;
        char *url;                      /* holds the token: wipe() */
    } items[CTL_ASK_DECIDERS_MAX];
};

/* New links for those whom the notice tells that a decision waits for them, at
 * `address` ('': all of them); none when it waits no longer. */
bool ctl_link_make(struct ctl_pg *pg, struct ctl_arena *arena,
    const char *notice_id, const char *address, const char *public_url,
    struct ctl_link_list *out, struct ctl_error *e);
void ctl_link_wipe(struct ctl_link_list *links);

struct ctl_link {
    const char *id, *request_id, *plan_hash, *expires_at;
    bool ended;                         /* used, or too old */
    struct ctl_principal who;           /* kind none: there is no such link */
};

bool ctl_link_find(struct ctl_pg *pg, struct ctl_arena *arena,
    asg_str_t token, struct ctl_link *out, struct ctl_error *e);
/* In the change of the decision, with the request locked: 410 link_ended when
 * it was used meanwhile. */
bool ctl_link_use(struct ctl_change *c, const struct ctl_link *link,
    const char *decision, const char *project_id, struct ctl_error *e);
bool ctl_link_ended(struct ctl_error *e);

/* Forgets those that ended long ago. */
bool ctl_link_tend(struct ctl_pg *pg, struct ctl_arena *arena,
    struct ctl_error *e);

#endif
