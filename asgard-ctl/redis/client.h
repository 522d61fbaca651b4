/*
 * Redis, blocking, one connection per thread, with deadlines.
 *
 * Address: see redis/address.h.  On connect: AUTH, INFO server (run id), ROLE
 * (a replica is refused).  Scripts run by EVALSHA; NOSCRIPT loads them after
 * the run id was checked.  A reply is an array of texts in the arena.
 */
#ifndef CTL_REDIS_H
#define CTL_REDIS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"
#include "core/script.h"
#include "core/str.h"

struct ctl_redis;                       /* owned: open/close */

struct ctl_reply {
    enum { CTL_REPLY_NIL, CTL_REPLY_TEXT, CTL_REPLY_INTEGER,
           CTL_REPLY_LIST } kind;
    asg_str_t text;                     /* also of an integer */
    struct ctl_reply *items;
    size_t nitems;
};

/* The value after `name` in a list of names and values; empty without one. */
asg_str_t ctl_reply_field(const struct ctl_reply *fields, const char *name);

struct ctl_redis *ctl_redis_open(const char *address, int timeout_ms);
void ctl_redis_close(struct ctl_redis *r);      /* NULL ok */
bool ctl_redis_ready(struct ctl_redis *r, struct ctl_error *e); /* connects */
const char *ctl_redis_run_id(struct ctl_redis *r);      /* "" when away */

/* false: 503 redis_unavailable, or an error reply (its text in e->detail).
 * Arguments are binary-safe. */
bool ctl_redis_command(struct ctl_redis *r, struct ctl_arena *arena,
    struct ctl_reply *reply, struct ctl_error *e, size_t argc,
    const asg_str_t *argv);
bool ctl_redis_script(struct ctl_redis *r, struct ctl_arena *arena,
    struct ctl_reply *reply, struct ctl_error *e, asg_script_t script,
    size_t nkeys, size_t argc, const asg_str_t *argv);

#endif
